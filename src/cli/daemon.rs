//! The running daemon, asked over its control socket.

use std::io::{BufRead, BufReader, Error, ErrorKind, Result, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::control::{Reply, Request, Status};
use crate::ledger::folder;

/// A daemon answers within a group's commit; after so long its disk is the trouble.
const PATIENCE: Duration = Duration::from_secs(30);

/// A conversation with the daemon of a state folder.
pub(super) struct Daemon(BufReader<UnixStream>);

impl Daemon {
    /// Finds the daemon of this state folder.
    ///
    /// # Errors
    /// None answers there (`NotFound`, `ConnectionRefused`), or not to this user (`PermissionDenied`).
    pub(super) fn find(state_folder: &Path) -> Result<Self> {
        let stream = UnixStream::connect(folder::socket(state_folder))?;
        let daemon = Self(BufReader::new(stream));
        daemon.set_patience(PATIENCE)?;
        Ok(daemon)
    }

    /// Waits at most so long for what is asked from now on.
    pub(super) fn set_patience(&self, patience: Duration) -> Result<()> {
        let stream = self.0.get_ref();
        stream.set_read_timeout(Some(patience)).and_then(|()| stream.set_write_timeout(Some(patience)))
    }

    /// Asks one thing.
    ///
    /// # Errors
    /// It has gone, does not answer in time, or answers what is not understood.
    pub(super) fn ask(&mut self, request: &Request) -> Result<Reply> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        self.0.get_mut().write_all(&line)?;
        let mut answer = String::new();
        if self.0.read_line(&mut answer)? == 0 {
            return Err(Error::new(ErrorKind::UnexpectedEof, "it has gone away"));
        }
        Ok(serde_json::from_str(&answer)?)
    }

    /// Asks how it does.
    ///
    /// # Errors
    /// Those of [`Daemon::ask`], and a daemon of a version that does not know the question.
    pub(super) fn status(&mut self) -> Result<Status> {
        match self.ask(&Request::Status)? {
            Reply::Status { status } => Ok(*status),
            _ => Err(Error::other("it does not know the question: is it of the same version?")),
        }
    }
}
