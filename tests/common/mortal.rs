//! A broker that a test kills, in the middle of anything, and starts again on its port.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]
#![cfg_attr(
    not(feature = "demo"),
    allow(clippy::unnecessary_wraps, clippy::unused_async, reason = "the embedded broker needs it")
)]

use std::collections::HashMap;

use crate::broker::Mosquitto;

const KEEPS_NOTHING: &str = "persistence false";
/// Every change is written before the next second, so that a kill keeps the sessions.
const KEEPS_ALL: &str = "persistence true\npersistence_location {dir}/\nautosave_on_changes true\nautosave_interval 1";

/// Which broker, and what is left of its sessions when it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    MosquittoThatKeeps,
    MosquittoThatForgets,
    #[cfg(feature = "demo")]
    Embedded,
}

impl Kind {
    /// Those that differ while they live.
    pub(crate) const ALIVE: &[Self] = &[
        Self::MosquittoThatForgets,
        #[cfg(feature = "demo")]
        Self::Embedded,
    ];
}

/// A running broker of one kind.
pub(crate) enum Mortal {
    Mosquitto(Mosquitto),
    #[cfg(feature = "demo")]
    Embedded(embedded::Embedded),
}

impl Mortal {
    /// Starts it; nothing where it is not installed.
    pub(crate) async fn start(skipped: &str, kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::MosquittoThatKeeps => Self::Mosquitto(Mosquitto::start(skipped, KEEPS_ALL)?),
            Kind::MosquittoThatForgets => Self::Mosquitto(Mosquitto::start(skipped, KEEPS_NOTHING)?),
            #[cfg(feature = "demo")]
            Kind::Embedded => Self::Embedded(embedded::Embedded::start().await),
        })
    }

    /// How many offers to each topic its log says it received, over all its lives; the embedded one keeps no log.
    pub(crate) fn received(&self) -> Option<HashMap<String, usize>> {
        let broker = match self {
            Self::Mosquitto(broker) => broker,
            #[cfg(feature = "demo")]
            Self::Embedded(_) => return None,
        };
        let mut received = HashMap::new();
        for line in broker.log().lines().filter(|line| line.contains("Received PUBLISH from")) {
            // … (d0, q1, r0, m7, 'emma/v1/…', ... (812 bytes))
            let topic = line.split('\'').nth(1).filter(|topic| topic.contains("/offer/"));
            if let Some(topic) = topic {
                *received.entry(topic.to_owned()).or_default() += 1;
            }
        }
        Some(received)
    }

    pub(crate) fn port(&self) -> u16 {
        match self {
            Self::Mosquitto(broker) => broker.port,
            #[cfg(feature = "demo")]
            Self::Embedded(broker) => broker.port,
        }
    }

    /// `kill -9`; of the embedded one everything it runs on is dropped.
    pub(crate) fn kill(&mut self) {
        match self {
            Self::Mosquitto(broker) => broker.kill(),
            #[cfg(feature = "demo")]
            Self::Embedded(broker) => broker.kill(),
        }
    }

    /// Starts it again; it answers when this returns.
    pub(crate) async fn restart(&mut self) {
        match self {
            Self::Mosquitto(broker) => broker.restart(),
            #[cfg(feature = "demo")]
            Self::Embedded(broker) => broker.restart().await,
        }
    }
}

#[cfg(feature = "demo")]
mod embedded {
    use std::future::pending;
    use std::time::Duration;

    use emma::mqtt::embedded::EmbeddedBroker;
    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::oneshot;
    use tokio::time::sleep;

    use crate::broker::free_port;

    /// It lives on threads of its own, so that it can be killed.
    pub(crate) struct Embedded {
        pub(crate) port: u16,
        runtime: Option<Runtime>,
    }

    impl Embedded {
        pub(super) async fn start() -> Self {
            let mut broker = Self { port: free_port(), runtime: None };
            broker.restart().await;
            broker
        }

        pub(super) fn kill(&mut self) {
            if let Some(runtime) = self.runtime.take() {
                runtime.shutdown_background();
            }
        }

        pub(super) async fn restart(&mut self) {
            let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            let (port, (up, answers)) = (self.port, oneshot::channel());
            runtime.spawn(async move {
                let broker = loop {
                    match EmbeddedBroker::start(port).await {
                        Ok(broker) => break broker,
                        // What is left of the one before lets go of the port in a moment.
                        Err(_) => sleep(Duration::from_millis(20)).await,
                    }
                };
                up.send(()).unwrap();
                let _lives = broker;
                pending::<()>().await;
            });
            self.runtime = Some(runtime);
            answers.await.unwrap();
        }
    }

    impl Drop for Embedded {
        fn drop(&mut self) {
            self.kill();
        }
    }
}
