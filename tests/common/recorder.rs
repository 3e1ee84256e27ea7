//! What a broker of the tests hands on, written down by `mosquitto_sub`, so that `tests/contract/validate.py` can hold all of
//! it against the contract: a client that is not ours writes, and a validator that is not ours reads.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// One line a message: topic, quality of service, retained, content type, format, expiry, response topic, payload in hex.
const FORMAT: &str = r"%t\t%q\t%r\t%C\t%F\t%E\t%R\t%x";

/// The recorder's client id, for whoever reads a broker's log.
const CLIENT_ID: &str = "the-tests-record";

/// What mosquitto logs once the subscription is in force.
pub(crate) const SUBSCRIBED: &str = "Sending SUBACK to the-tests-record";

/// Subscribed to everything until it is dropped.
pub(crate) struct Recorder {
    child: Child,
    /// Where the record is.
    pub(crate) path: PathBuf,
}

impl Recorder {
    /// Records a mosquitto that listens on `socket` for it, whatever it asks of others, once `SUBSCRIBED` is in its log;
    /// nothing where there is no `mosquitto_sub`.
    pub(crate) fn of_mosquitto(socket: &Path) -> Option<Self> {
        Self::start(&["--unix", socket.to_str().unwrap()])
    }

    /// Records a broker on `port` of this machine that lets everybody in, from a moment later on; nothing where there is no
    /// `mosquitto_sub`.
    pub(crate) fn of_port(port: u16) -> Option<Self> {
        Self::start(&["-h", "127.0.0.1", "-p", &port.to_string()])
    }

    fn start(broker: &[&str]) -> Option<Self> {
        let program = super::find("mosquitto_sub", "what is said is not recorded")?;
        let path = new_path();
        let mut command = Command::new(program);
        command.args(["-V", "5", "-q", "1", "-i", CLIENT_ID, "--retain-as-published", "-t", "#", "-F", FORMAT]);
        command.args(broker).stdin(Stdio::null()).stdout(File::create(&path).unwrap()).stderr(Stdio::null());
        Some(Self { child: command.spawn().unwrap(), path })
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // It writes each message out at once.
        self.child.kill().unwrap_or_default();
        self.child.wait().unwrap();
    }
}

/// A file for each life of each broker, named by program and test, so that a later run writes over it.
fn new_path() -> PathBuf {
    static LIVES: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());
    let thread = std::thread::current();
    let name = format!("{}.{}", env!("CARGO_CRATE_NAME"), thread.name().unwrap_or("unnamed").replace("::", "."));
    let mut lives = LIVES.lock().unwrap_or_else(PoisonError::into_inner);
    let life = lives.entry(name.clone()).or_default();
    *life += 1;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wire");
    fs::create_dir_all(&folder).unwrap();
    folder.join(format!("{name}.{life}.tsv"))
}
