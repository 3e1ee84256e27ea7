//! What keeps the process's own memory out of places where nobody looks for it: no core dump, no panic's message that
//! quotes what was at hand, no secret in a file that everybody may read. Libraries' logging is held in [`crate::cli`].

use std::fs::{self, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::panic::PanicHookInfo;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::config::gateway::Mqtt;

/// Everyone but the owner and the owner's group (`chmod(1)`).
const WORLD: u32 = 0o007;

/// Before anything is read: from now on a crash leaves nothing but the place where it happened.
pub fn begin() {
    dump_no_core();
    std::panic::set_hook(Box::new(|panic| {
        // Where standard error is closed there is nobody left to tell.
        io::stderr().write_all(told(panic).as_bytes()).unwrap_or_default();
    }));
}

/// A dump would hold every pseudonym and key, and whatever was heard last. A handler such as systemd-coredump is told by
/// the one, a file is prevented by the other; the first keeps other processes of the same user from looking in as well.
/// Neither can be refused to a process that asks for less; if it were, the service's `LimitCORE=0` stands.
fn dump_no_core() {
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).unwrap_or_default();
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).unwrap_or_default();
}

/// Where it happened, and the message only if it is a constant of the program: one that was put together may quote what
/// a stranger transmitted or a customer's record, as a slice in the middle of a letter quotes the whole text.
fn told(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let message = panic.payload().downcast_ref::<&'static str>();
    let message = message.map_or("its message is left out, for it may quote what was heard", |constant| *constant);
    let trace = std::backtrace::Backtrace::capture();
    let trace = match trace.status() {
        std::backtrace::BacktraceStatus::Captured => format!("{trace}\n"),
        _ => String::new(),
    };
    format!("emma: a fault in Emma herself, please report it: {place}: {message}\n{trace}")
}

/// Whether every user of this machine can read or change it.
pub fn is_open_to_all(metadata: &Metadata) -> bool {
    metadata.mode() & WORLD != 0
}

/// The files of secrets that these brokers need.
pub fn secrets<'a>(brokers: impl IntoIterator<Item = &'a Mqtt>) -> impl Iterator<Item = &'a PathBuf> {
    brokers.into_iter().flat_map(|mqtt| [&mqtt.password_file, &mqtt.key_file]).flatten()
}

/// A sentence if every user of this machine can read or change this file, and what to do.
pub fn complaint(secret: &Path) -> Option<String> {
    let shown = secret.display();
    let is_open = fs::metadata(secret).is_ok_and(|metadata| is_open_to_all(&metadata));
    is_open.then(|| {
        format!("{shown} is open to every user of this machine: sudo chown emma {shown} && sudo chmod 400 {shown}")
    })
}
