//! How Emma does, for Prometheus: one page on a loopback address or a Unix socket, made anew for whoever asks. Totals and
//! standings, and nothing of a person.
//!
//! **Architecture Invariant:** nothing is counted here. Each value is read from where the state and health topics read theirs,
//! and what happens to customers is told in whole groups ([`in_groups`](crate::report::in_groups)).

use std::convert::Infallible;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::metrics::Listen;

mod page;

pub use page::{Figures, Totals};

/// One Prometheus asks every few seconds, and somebody looks now and then: more at once are a mistake, and wait.
const MAX_CONNECTIONS: usize = 4;

/// A question is a line and a few headers; hyper takes no less for its bound. Longer ones are refused.
const MAX_REQUEST_LEN: usize = 8_192;

/// Whoever takes longer to ask and be answered has gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// A place that is taken is tried again this often.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// Answers whoever asks until it is aborted. Where the place is taken it says so once, and tries again: nobody is told less of
/// offers because somebody cannot look.
pub async fn serve(listen: Listen, figures: Figures) {
    let (figures, mut complained) = (Arc::new(figures), false);
    loop {
        let error = match Listener::open(&listen).await {
            Ok(listener) => listener.answer(&figures).await,
            Err(error) => error,
        };
        if !std::mem::replace(&mut complained, true) {
            tracing::warn!(%error, ?listen, "the metrics cannot be told there; it is tried again, and all else goes on");
        }
        tokio::time::sleep(TRY_AGAIN).await;
    }
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    async fn open(listen: &Listen) -> io::Result<Self> {
        Ok(match listen {
            Listen::Tcp(address) => Self::Tcp(TcpListener::bind(address).await?),
            Listen::Unix(path) => Self::Unix(bind(path).await?),
        })
    }

    /// Takes one connection after the other, until none can be.
    async fn answer(&self, figures: &Arc<Figures>) -> io::Error {
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return io::ErrorKind::Other.into() };
            if let Err(error) = self.next(Arc::clone(figures), permit).await {
                return error;
            }
        }
    }

    async fn next(&self, figures: Arc<Figures>, permit: OwnedSemaphorePermit) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => drop(tokio::spawn(converse(listener.accept().await?.0, figures, permit))),
            Self::Unix(listener) => drop(tokio::spawn(converse(listener.accept().await?.0, figures, permit))),
        }
        Ok(())
    }
}

/// A socket for its owner and group: a Prometheus of this machine is of the group, or stays outside. A socket that nobody
/// listens on is a dead one.
async fn bind(path: &Path) -> io::Result<UnixListener> {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if is_socket && tokio::net::UnixStream::connect(path).await.is_err() {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

/// One question, one answer.
async fn converse<S>(stream: S, figures: Arc<Figures>, permit: OwnedSemaphorePermit)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| {
        let answer = answer(&request, &figures);
        async { Ok::<_, Infallible>(answer) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(MAX_REQUEST_LEN).keep_alive(false);
    // Whoever asks rubbish or goes away half-way has no answer; that is their own affair.
    drop(tokio::time::timeout(PATIENCE, http.serve_connection(TokioIo::new(stream), service)).await);
    drop(permit);
}

fn answer<B>(request: &Request<B>, figures: &Figures) -> Response<String> {
    let said = |status: StatusCode, what: &str| {
        let mut response = Response::new(format!("{what}\n"));
        *response.status_mut() = status;
        response
    };
    if request.uri().path() != "/metrics" {
        return said(StatusCode::NOT_FOUND, "Emma's metrics are at /metrics");
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = said(StatusCode::METHOD_NOT_ALLOWED, "metrics can be read, and nothing else");
        response.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let accepts = request.headers().get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let is_open =
        accepts.flat_map(|value| value.split(',')).any(|kind| kind.trim().starts_with("application/openmetrics-text"));
    match figures.page(is_open) {
        Ok((kind, page)) => {
            let mut response = Response::new(page);
            response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
            response
        }
        Err(error) => said(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}
