//! A broker inside Emma, for a shop that has none and for the demo: on the loopback interface alone, without a disk.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use mqtt5::broker::MqttBroker;
use mqtt5::broker::config::{BrokerConfig, StorageBackend, StorageConfig};
use mqtt5::broker::server::BrokerShutdownHandle;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Clients at the same time: Emma, the recipients' bridges and a few people who look on.
const MAX_CLIENTS: usize = 64;
/// Four times the longest event; nothing else is said here.
const MAX_PACKET_LEN: usize = 4 * super::event::MAX_EVENT_LEN;
/// Sessions of subscribers that went away, as long as Emma's own.
const SESSION_EXPIRY: Duration = Duration::from_hours(24);
/// Kept for a subscriber that is away, each: 64 clients of 4 MB is what a Pi with 1 GB can bear.
const MAX_QUEUED_MESSAGES: usize = 1_000;
const MAX_QUEUED_LEN: usize = 4 * 1024 * 1024;
/// Retained messages: a state for each gateway and the reports.
const MAX_RETAINED: usize = 1_000;
/// How long a stop waits for connections to end; the broker itself gives them 5 s.
const STOP_WITHIN: Duration = Duration::from_secs(6);

/// Why the broker did not start.
#[derive(Debug, Error)]
pub enum EmbeddedError {
    /// The port cannot be had.
    #[error("port {port} on 127.0.0.1: {source}")]
    Port {
        /// The port.
        port: u16,
        /// Why; most often another broker has it.
        source: io::Error,
    },
    /// The broker refused to start.
    #[error("the embedded broker does not start: {0}")]
    Broker(String),
}

/// A running broker; dropping it stops it without waiting.
pub struct EmbeddedBroker {
    port: u16,
    shutdown: BrokerShutdownHandle,
    task: JoinHandle<()>,
}

impl EmbeddedBroker {
    /// Starts a broker on 127.0.0.1; port 0 takes any that is free. It answers when this returns.
    pub async fn start(port: u16) -> Result<Self, EmbeddedError> {
        try_port(port).await?;
        let config = config(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let mut broker = MqttBroker::with_config(config).await.map_err(|e| EmbeddedError::Broker(e.to_string()))?;
        let address = broker.local_addr().ok_or_else(|| EmbeddedError::Broker("it listens nowhere".to_owned()))?;
        let shutdown = broker.shutdown_handle();
        let mut ready = broker.ready_receiver();
        let task = tokio::spawn(async move {
            if let Err(error) = broker.run().await {
                tracing::error!(%error, "the embedded broker has ended");
            }
        });
        if ready.wait_for(|ready| *ready).await.is_err() {
            return Err(EmbeddedError::Broker("it ended at once".to_owned()));
        }
        Ok(Self { port: address.port(), shutdown, task })
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops it, its clients told, and waits until the port is free again.
    pub async fn stop(mut self) {
        self.shutdown.shutdown();
        if tokio::time::timeout(STOP_WITHIN, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        self.shutdown.shutdown();
    }
}

/// Tries the port first, because the broker's own error is a text for people and has no kind.
async fn try_port(port: u16) -> Result<(), EmbeddedError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    listener.map(drop).map_err(|source| EmbeddedError::Port { port, source })
}

fn config(address: SocketAddr) -> BrokerConfig {
    // Without "persistence" it resumes no session; with the memory backend nothing touches a disk all the same.
    let storage = StorageConfig::new()
        .with_backend(StorageBackend::Memory)
        .with_persistence(true)
        .with_max_queued_messages_per_client(MAX_QUEUED_MESSAGES)
        .with_max_queued_bytes_per_client(MAX_QUEUED_LEN);
    // Anonymous, since it listens on the loopback interface alone; whoever needs accounts runs a broker of their own.
    BrokerConfig::new()
        .with_bind_address(address)
        .with_max_clients(MAX_CLIENTS)
        .with_max_packet_size(MAX_PACKET_LEN)
        .with_max_retained_messages(MAX_RETAINED)
        .with_session_expiry(SESSION_EXPIRY)
        .with_sys_topics_enabled(false)
        .with_storage(storage)
}
