//! A real mosquitto for tests: on a free port, in a folder of its own, killed when dropped.

#![allow(dead_code, reason = "each test uses a part of it")]
use std::fs::{self, File, OpenOptions};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

#[path = "recorder.rs"]
pub(crate) mod recorder;

use recorder::Recorder;

/// Nothing here waits for a speed: whoever waits so long has a real fault.
const PATIENCE: Duration = Duration::from_mins(1);
const STEP: Duration = Duration::from_millis(20);
/// How often one is started before it is given up.
const STARTS: usize = 3;

/// A running mosquitto.
pub(crate) struct Mosquitto {
    program: PathBuf,
    pub(crate) port: u16,
    pub(crate) dir: TempDir,
    child: Option<Child>,
    is_recorded: bool,
    recorder: Option<Recorder>,
}

/// Where the program is, or nothing once it has said what is skipped.
pub(crate) fn find(program: &str, skipped: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = folders.map(|folder: PathBuf| folder.join(program)).find(|file| file.is_file());
    if found.is_none() {
        eprintln!("skipped, {program} is not installed: {skipped}");
    }
    found
}

impl Mosquitto {
    /// Starts one with these lines added to its configuration; `{dir}` in them is its folder.
    pub(crate) fn start(skipped: &str, lines: &str) -> Option<Self> {
        let mut broker = Self::prepared(skipped, lines)?;
        broker.restart();
        Some(broker)
    }

    /// One that is not running yet, but whose port is chosen.
    pub(crate) fn prepared(skipped: &str, lines: &str) -> Option<Self> {
        let program = find("mosquitto", skipped)?;
        let dir = TempDir::new().unwrap();
        let port = free_port();
        let lines = lines.replace("{dir}", dir.path().to_str().unwrap());
        // The recorder has a way in of its own, so that these lines bind everybody else.
        let config = format!(
            "user root\nlog_dest stderr\nlog_type all\nmax_queued_messages 0\nper_listener_settings true\n\
             listener 0 {}\nallow_anonymous true\nlistener {port} 127.0.0.1\nallow_anonymous true\n{lines}\n",
            dir.path().join("recorder.sock").display()
        );
        fs::write(dir.path().join("mosquitto.conf"), config).unwrap();
        Some(Self { program, port, dir, child: None, is_recorded: true, recorder: None })
    }

    /// One that nobody records, running: for a test that counts who listens, and for nothing else.
    pub(crate) fn start_unrecorded(skipped: &str, lines: &str) -> Option<Self> {
        let mut broker = Self::prepared(skipped, lines)?;
        broker.is_never_recorded();
        broker.restart();
        Some(broker)
    }

    /// Nobody records it: it has files of its own, without the recorder's way in.
    pub(crate) fn is_never_recorded(&mut self) {
        self.is_recorded = false;
    }

    /// Starts it, again with the same port and folder, and waits until it answers.
    ///
    /// Seen once in thousands of starts: mosquitto 2.0.11 says that it runs, and takes no connection. That is not what is
    /// tested, so it is started again.
    pub(crate) fn restart(&mut self) {
        for _ in 0..STARTS {
            if self.comes_up() {
                return;
            }
            eprintln!("mosquitto runs and takes no connection:\n{}", self.log());
            self.kill();
        }
        panic!("mosquitto never answers:\n{}", self.log());
    }

    /// Whether it takes connections, the recorder's too, once it is started.
    fn comes_up(&mut self) -> bool {
        let log = OpenOptions::new().create(true).append(true).open(self.log_file()).unwrap();
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(self.dir.path().join("mosquitto.conf"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().unwrap());
        if !comes_true(|| TcpStream::connect(("127.0.0.1", self.port)).is_ok()) {
            return false;
        }
        if !self.is_recorded {
            return true;
        }
        let so_far = self.log().matches(recorder::SUBSCRIBED).count();
        self.recorder = Recorder::of_mosquitto(&self.dir.path().join("recorder.sock"));
        self.recorder.is_none() || comes_true(|| self.log().matches(recorder::SUBSCRIBED).count() > so_far)
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        self.recorder = None;
    }

    /// All that it has logged, over all its lives.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.dir.path().join("log")
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody has, below the ones that systems give to outgoing connections, so that none takes it while a
/// broker is down.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    loop {
        let port = start + NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// An authority and a certificate for 127.0.0.1 signed by it: `ca.pem`, `cert.pem`, `key.pem` in `dir`.
pub(crate) fn make_certificates(openssl: &Path, dir: &Path) {
    let run = |arguments: &[&str]| {
        let stderr = File::create(dir.join("openssl.log")).unwrap();
        let status = Command::new(openssl).args(arguments).current_dir(dir).stderr(stderr).status().unwrap();
        assert!(status.success(), "openssl {arguments:?}: {}", fs::read_to_string(dir.join("openssl.log")).unwrap());
    };
    fs::write(dir.join("san"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n").unwrap();
    let new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let ca = ["-keyout", "ca-key.pem", "-out", "ca.pem", "-subj", "/CN=Test authority", "-days", "2"];
    run(&[&["req", "-x509"][..], &new_key, &ca].concat());
    run(&[&["req"][..], &new_key, &["-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=broker"]].concat());
    let sign = ["x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial"];
    run(&[&sign[..], &["-out", "cert.pem", "-days", "2", "-extfile", "san"]].concat());
}

/// Whether a condition comes true while anybody would still wait.
fn comes_true(condition: impl Fn() -> bool) -> bool {
    (0..PATIENCE.as_millis() / STEP.as_millis()).any(|_| {
        let holds = condition();
        if !holds {
            sleep(STEP);
        }
        holds
    })
}
