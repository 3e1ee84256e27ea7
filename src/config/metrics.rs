//! `[metrics]`: where Prometheus may ask how Emma does.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::reader::Table;

/// Where the metrics are told: to this machine alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A loopback address and a port.
    Tcp(SocketAddr),
    /// A Unix socket, for its owner and group.
    Unix(PathBuf),
}

/// What `listen` may be.
const HINT: &str = "write `listen = \"127.0.0.1:9464\"`, or \"unix:/run/emma/metrics.sock\"; docs/metrics.md says how a Prometheus elsewhere gets at it";

/// Reads `[metrics]`; nothing where it is wrong, which has been reported.
pub(super) fn read(mut table: Table<'_>) -> Option<Listen> {
    table.need("listen", "\"127.0.0.1:9464\"");
    let text = table.text("listen");
    let listen = text.and_then(|text| match listen(&text) {
        Ok(listen) => Some(listen),
        Err(what) => {
            table.error("listen", what, HINT);
            None
        }
    });
    table.finish();
    listen
}

fn listen(text: &str) -> Result<Listen, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        let path = Path::new(path);
        return if path.is_absolute() {
            Ok(Listen::Unix(path.to_owned()))
        } else {
            Err(format!("`{text}` is no whole path"))
        };
    }
    match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() && address.port() > 0 => Ok(Listen::Tcp(address)),
        Ok(address) if address.ip().is_loopback() => Err(format!("`{text}` names no port")),
        Ok(_) => Err(format!("`{text}` can be reached from elsewhere: how a shop does is for this machine alone")),
        Err(_) => Err(format!("`{text}` is no address with a port")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_stay_on_the_machine() {
        for (text, expected) in [
            ("127.0.0.1:9464", Listen::Tcp(([127, 0, 0, 1], 9464).into())),
            ("[::1]:9464", Listen::Tcp("[::1]:9464".parse().unwrap())),
            ("unix:/run/emma/metrics.sock", Listen::Unix("/run/emma/metrics.sock".into())),
        ] {
            assert_eq!(listen(text), Ok(expected));
        }
        for text in ["0.0.0.0:9464", "[::]:9464", "10.0.0.5:9464", "192.0.2.1:80"] {
            assert!(listen(text).unwrap_err().contains("from elsewhere"), "{text}");
        }
        for text in [
            "",
            "9464",
            "localhost:9464",
            "127.0.0.1",
            "127.0.0.1:0",
            "unix:metrics.sock",
            "unix:",
            "http://127.0.0.1:1",
        ] {
            assert!(listen(text).is_err(), "{text}");
        }
    }
}
