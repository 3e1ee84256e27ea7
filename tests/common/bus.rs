//! A private D-Bus for tests: a `dbus-daemon` in a folder of its own, killed when dropped.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Everybody may own every name and say everything to everybody.
const CONFIG: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <keep_umask/>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
  <limit name="max_incoming_bytes">1000000000</limit>
  <limit name="max_outgoing_bytes">1000000000</limit>
</busconfig>
"#;

/// A running bus.
pub(crate) struct PrivateBus {
    dir: TempDir,
    daemon: Option<Child>,
}

impl PrivateBus {
    /// Starts one, or says what is skipped where there is no `dbus-daemon`.
    pub(crate) fn start(skipped: &str) -> Option<Self> {
        if Command::new("dbus-daemon").arg("--version").stdout(Stdio::null()).status().is_err() {
            eprintln!("skipped, dbus-daemon is not installed: {skipped}");
            return None;
        }
        let dir = TempDir::new().unwrap();
        let socket = dir.path().join("socket");
        fs::write(dir.path().join("bus.conf"), CONFIG.replace("{socket}", socket.to_str().unwrap())).unwrap();
        let mut bus = Self { dir, daemon: None };
        bus.restart();
        Some(bus)
    }

    /// Starts it, again under the same address, and waits until it can be connected to.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let config = self.dir.path().join("bus.conf");
        let mut command = Command::new("dbus-daemon");
        command.arg("--nofork").arg("--print-address=1").arg("--config-file").arg(config);
        let mut daemon = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("unix:path="), "dbus-daemon does not listen: {line:?}");
        self.daemon = Some(daemon);
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().unwrap();
            daemon.wait().unwrap();
        }
        // A socket left behind would keep the next one from listening.
        fs::remove_file(self.dir.path().join("socket")).ok();
    }

    /// The process of the daemon, while it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.daemon.as_ref().map(Child::id)
    }

    /// For `DBUS_SYSTEM_BUS_ADDRESS`.
    pub(crate) fn address(&self) -> String {
        format!("unix:path={}", self.dir.path().join("socket").display())
    }
}

impl Drop for PrivateBus {
    fn drop(&mut self) {
        self.kill();
    }
}
