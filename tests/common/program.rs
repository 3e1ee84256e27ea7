//! A program of docs/subscribers/ in a process of its own, and what it prints.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use crate::broker::find;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/subscribers")
}

/// A Python that has paho-mqtt, running `file`; nothing once it has said what is skipped. The system's own is tried as well,
/// since a Debian package serves no other.
pub(crate) fn python(file: &str) -> Option<Command> {
    let has_paho = |python: &&str| {
        let import = Command::new(python).args(["-c", "import paho.mqtt.client"]).output();
        import.is_ok_and(|output| output.status.success())
    };
    let Some(python) = ["python3", "/usr/bin/python3"].into_iter().find(|python| has_paho(python)) else {
        eprintln!("skipped, python3-paho-mqtt is not installed: {file}");
        return None;
    };
    let mut command = Command::new(python);
    command.arg("-B").arg(folder().join(file));
    Some(command)
}

/// A Node that has mqtt, running `file`; nothing once it has said what is skipped.
pub(crate) fn node(file: &str) -> Option<Command> {
    let node = find("node", file)?;
    // Debian's own nodejs looks there by itself, others do not.
    let paths = std::env::var("NODE_PATH").unwrap_or_else(|_| "/usr/share/nodejs".to_owned());
    let mut command = Command::new(node);
    command.env("NODE_PATH", paths);
    let mut asked = Command::new(command.get_program());
    asked.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if !asked.args(["-e", "require('mqtt')"]).output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped, node-mqtt is not installed: {file}");
        return None;
    }
    command.arg(folder().join(file));
    Some(command)
}

/// The example `name`; nothing once it has said what is skipped. `cargo test` builds it, `cargo test --test …` does not.
pub(crate) fn rust(name: &str) -> Option<Command> {
    let source = folder().join(name).with_extension("rs");
    let binary = Path::new(env!("CARGO_BIN_EXE_emma")).parent().unwrap().join("examples").join(name);
    let written = |file: &Path| file.metadata().and_then(|file| file.modified()).ok();
    if written(&binary) < written(&source) {
        eprintln!("skipped, not built since it was written: {name}.rs; cargo build --example {name}");
        return None;
    }
    Some(Command::new(binary))
}

/// What a program printed that has to end well.
pub(crate) fn ended_well(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A running program, killed when dropped.
pub(crate) struct Program {
    /// Its client id.
    pub(crate) name: String,
    command: Command,
    child: Child,
    out: Arc<Mutex<String>>,
}

impl Program {
    /// Starts `command` for the broker on that port, as a client named after what it runs.
    pub(crate) fn start(mut command: Command, port: u16, settings: &[(&str, &str)]) -> Self {
        let last = command.get_args().last().unwrap_or_else(|| command.get_program());
        let name = format!("client-of-{}", Path::new(last).file_name().unwrap().to_string_lossy());
        command.env("EMMA_PORT", port.to_string()).env("EMMA_CLIENT_ID", &name).envs(settings.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let out = Arc::default();
        let child = spawn(&mut command, &out);
        Self { name, command, child, out }
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, as the same client; what it printed before is forgotten.
    pub(crate) fn restart(&mut self) {
        self.out = Arc::default();
        self.child = spawn(&mut self.command, &self.out);
    }

    /// All that it printed.
    pub(crate) fn out(&self) -> String {
        self.out.lock().unwrap().clone()
    }

    /// How many of the lines that it printed begin so.
    pub(crate) fn said(&self, beginning: &str) -> usize {
        self.out().lines().filter(|line| line.starts_with(beginning)).count()
    }
}

fn spawn(command: &mut Command, out: &Arc<Mutex<String>>) -> Child {
    let mut child = command.spawn().unwrap();
    let (lines, into) = (BufReader::new(child.stdout.take().unwrap()).lines(), Arc::clone(out));
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            into.lock().unwrap().push_str(&(line + "\n"));
        }
    });
    child
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
