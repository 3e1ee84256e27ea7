//! One visit to the broker that says nothing: whether it is reached, believed, and lets Emma in. For `emma doctor`.
//!
//! It comes under a client id of its own, so that a running Emma keeps her session, leaves no session and no last will
//! behind, and publishes nothing.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig};

use super::client::{self, Event, Failure, Refusal, Why};
use super::connection::Options;

/// A broker that takes longer to answer is as good as none: an offer lives for 90 s.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the broker cannot be spoken to.
#[derive(Debug, Error)]
pub enum KnockError {
    /// The name has no address, or nobody answers there.
    #[error("{0}")]
    Unreachable(io::Error),
    /// Nothing answers within 5 s.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Silent,
    /// TLS is refused, by us or by them.
    #[error("{0}")]
    Tls(rustls::Error),
    /// The broker answers CONNECT with a refusal.
    #[error("{0}")]
    Refused(Refusal),
    /// The connection ended otherwise.
    #[error("{0}")]
    Lost(String),
}

/// Reaches `host` on `port`, with TLS where there is a configuration for it: then with the broker's certificate as DER.
///
/// # Errors
/// It is not reached, or not believed.
pub async fn reach(
    host: &str,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
) -> Result<Option<CertificateDer<'static>>, KnockError> {
    timeout(PATIENCE, shake_hands(host, port, tls)).await.unwrap_or(Err(KnockError::Silent))
}

async fn shake_hands(
    host: &str,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
) -> Result<Option<CertificateDer<'static>>, KnockError> {
    let stream = TcpStream::connect((host, port)).await.map_err(KnockError::Unreachable)?;
    let Some(tls) = tls else { return Ok(None) };
    let name = ServerName::try_from(host.to_owned()).map_err(|error| KnockError::Lost(error.to_string()))?;
    let stream = TlsConnector::from(tls).connect(name, stream).await.map_err(|error| tls_error(&error))?;
    let certificates = stream.get_ref().1.peer_certificates();
    Ok(certificates.and_then(|chain| chain.first()).map(|first| first.clone().into_owned()))
}

/// The library hides its own error in one of I/O.
fn tls_error(error: &io::Error) -> KnockError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).cloned();
    inner.map_or_else(|| KnockError::Lost(error.to_string()), KnockError::Tls)
}

/// Connects with the credentials of `options`, and leaves again.
///
/// # Errors
/// The broker does not let in who comes so.
pub async fn knock(options: &Options) -> Result<(), KnockError> {
    let (client, mut eventloop) = client::open(&options.to_visit(), 1);
    let visit = async {
        loop {
            match eventloop.poll().await {
                Ok(Event::Connected(_)) => break,
                Ok(_) => {}
                Err(failure) => return Err(turned_away(failure)),
            }
        }
        // Let in: what goes wrong while leaving is of no account, the broker notices either way.
        if client.disconnect() {
            while eventloop.poll().await.is_ok_and(|event| !matches!(event, Event::SaidGoodbye)) {}
        }
        Ok(())
    };
    timeout(PATIENCE, visit).await.unwrap_or(Err(KnockError::Silent))
}

fn turned_away(failure: Failure) -> KnockError {
    match failure.why {
        Why::Refused(refusal) => KnockError::Refused(refusal),
        Why::Silent => KnockError::Silent,
        Why::TakenOver | Why::Closed | Why::Other => KnockError::Lost(failure.reason),
    }
}
