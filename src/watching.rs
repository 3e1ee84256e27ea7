//! That a file of the configuration may have changed: by the system's own notice, and by SIGHUP where there is none.
//!
//! The folder is watched, not the files: editors write a new file and rename it over the old one.

use std::future::pending;
use std::path::Path;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// An editor writes a file in several steps; the folder is read when it has been quiet for so long.
const SETTLED: Duration = Duration::from_millis(300);

/// A folder that is never quiet is read all the same, after so many notices.
const AT_MOST: usize = 20;

/// The watch; it ends when this is dropped.
pub struct Watching {
    /// One message for each time that the folder should be read again.
    pub changed: mpsc::Receiver<()>,
    _watcher: Option<RecommendedWatcher>,
}

/// Watches `folder`. The first message comes at once: a change between the first reading and the beginning of the watch
/// is not missed. Must be called within a tokio runtime.
pub fn watch(folder: &Path) -> Watching {
    let (tell, notices) = mpsc::channel(1);
    let watcher = by_system(folder, tell.clone());
    if let Err(error) = &watcher {
        tracing::warn!(%error, "changes of the configuration are not noticed: send SIGHUP after an edit");
    }
    // The channel holds one and is empty.
    tell.try_send(()).unwrap_or_default();
    let (changed, receiver) = mpsc::channel(1);
    tokio::spawn(settle(tell, notices, signal(SignalKind::hangup()).ok(), changed));
    Watching { changed: receiver, _watcher: watcher.ok() }
}

fn by_system(folder: &Path, tell: mpsc::Sender<()>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // One notice that waits is as good as ten.
            tell.try_send(()).unwrap_or_default();
        }
    })?;
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

/// Passes on that there were notices, once they have stopped. It keeps a sender of its own, so that where there is no
/// watcher signals alone drive it.
async fn settle(
    _tell: mpsc::Sender<()>,
    mut notices: mpsc::Receiver<()>,
    mut hang_up: Option<Signal>,
    changed: mpsc::Sender<()>,
) {
    loop {
        let by_signal = async {
            match &mut hang_up {
                Some(signal) => signal.recv().await,
                None => pending().await,
            }
        };
        let told = tokio::select! { notice = notices.recv() => notice, notice = by_signal => notice };
        if told.is_none() {
            return;
        }
        for _ in 0..AT_MOST {
            if timeout(SETTLED, notices.recv()).await.is_err() {
                break;
            }
        }
        if changed.send(()).await.is_err() {
            return;
        }
    }
}
