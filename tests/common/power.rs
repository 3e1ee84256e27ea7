//! A recorded disk whose plug is pulled: what the process wrote, synced, made and removed in one folder, as `strace` saw it, and
//! from that the folder as a power cut at any moment could have left it.
//!
//! What was synced is there. Of what was written since each sector of 512 bytes is there or not, each by itself, and a name
//! that was made or removed holds once the folder was synced, or as far as the file system happened to have got. The shared
//! memory beside the journal is in no case: it is rebuilt by whoever opens the ledger first.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::chance::Chance;

/// What a disk writes as a whole or not at all.
const SECTOR: usize = 512;

/// Calls that change a file, or say something to somebody.
pub(crate) const CALLS: &str =
    "openat,write,writev,pwrite64,sendto,sendmsg,ftruncate,fsync,fdatasync,rename,renameat2,unlink,unlinkat";

/// One thing that was done.
#[derive(Debug)]
pub(crate) enum Event {
    Wrote {
        file: String,
        at: Option<usize>,
        bytes: Vec<u8>,
    },
    Cut {
        file: String,
        to: usize,
    },
    /// What of it was done before the event of this number is on the disk.
    Synced {
        file: String,
        before: usize,
    },
    Made {
        file: String,
    },
    Removed {
        file: String,
    },
    Renamed {
        from: String,
        to: String,
    },
    /// So much was said on a socket.
    Said(Vec<u8>),
}

/// Reads what `strace -f -y -xx` wrote of a process that worked in `folder`.
pub(crate) fn read(trace: &str, folder: &Path) -> Vec<Event> {
    let folder = folder.to_str().unwrap();
    let mut events = Vec::new();
    // What a thread is in the middle of, and when it began.
    let mut open: BTreeMap<&str, (String, usize)> = BTreeMap::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        if let Some(begun) = call.strip_suffix(" <unfinished ...>") {
            open.insert(thread, (begun.to_owned(), events.len()));
            // What is on its way may be there at once.
            events.extend(written(begun, folder));
        } else if let Some((_, rest)) = call.split_once(" resumed>") {
            let Some((begun, before)) = open.remove(thread) else { continue };
            let whole = format!("{begun}{rest}");
            events.extend(done(&whole, folder, before));
        } else {
            events.extend(written(call, folder));
            let before = events.len();
            events.extend(done(call, folder, before));
        }
    }
    events
}

/// A call that gives bytes to a file or a socket.
fn written(call: &str, folder: &str) -> Option<Event> {
    let (name, arguments) = call.split_once('(')?;
    if !matches!(name, "write" | "writev" | "pwrite64" | "sendto" | "sendmsg") || call.contains(") = -1 ") {
        return None;
    }
    let to = descriptor(arguments);
    let bytes: Vec<u8> = quoted(arguments).into_iter().flatten().collect();
    if to.starts_with("socket:") || to.starts_with("TCP") || to.starts_with("UNIX") {
        return Some(Event::Said(bytes));
    }
    let file = ours(&to, folder)?;
    let at = (name == "pwrite64").then(|| {
        let last = arguments.split(") = ").next().unwrap().rsplit(", ").next().unwrap();
        last.trim_end_matches(')').parse().unwrap()
    });
    Some(Event::Wrote { file, at, bytes })
}

/// Any other call, once it has returned.
fn done(call: &str, folder: &str, before: usize) -> Vec<Event> {
    let Some((name, arguments)) = call.split_once('(') else { return Vec::new() };
    if call.contains(") = -1 ") {
        return Vec::new();
    }
    let path = |nth: usize| {
        let bytes = quoted(arguments).into_iter().nth(nth).unwrap_or_default();
        ours(&String::from_utf8_lossy(&bytes), folder)
    };
    let event = match name {
        "fsync" | "fdatasync" => ours(&descriptor(arguments), folder).map(|file| Event::Synced { file, before }),
        "ftruncate" => ours(&descriptor(arguments), folder).map(|file| {
            let to = arguments.split(", ").nth(1).unwrap().split(')').next().unwrap();
            Event::Cut { file, to: to.parse().unwrap() }
        }),
        "unlink" | "unlinkat" => path(0).map(|file| Event::Removed { file }),
        "rename" | "renameat2" => path(0).zip(path(1)).map(|(from, to)| Event::Renamed { from, to }),
        "openat" => {
            let cut = path(0).filter(|_| arguments.contains("O_TRUNC")).map(|file| Event::Cut { file, to: 0 });
            let made = path(0).filter(|_| arguments.contains("O_CREAT")).map(|file| Event::Made { file });
            return made.into_iter().chain(cut).collect();
        }
        _ => None,
    };
    event.into_iter().collect()
}

/// What a descriptor stands for.
fn descriptor(arguments: &str) -> String {
    let inside = arguments.split_once('<').map_or("", |(_, rest)| rest.split('>').next().unwrap());
    String::from_utf8_lossy(&bytes(inside)).into_owned()
}

/// Every text in quotes.
fn quoted(arguments: &str) -> Vec<Vec<u8>> {
    arguments.split('"').skip(1).step_by(2).map(bytes).collect()
}

/// `\x41B` as bytes.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4);
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        if let [b'\\', b'x', high, low, behind @ ..] = rest {
            let digit = |digit: &u8| (*digit as char).to_digit(16).unwrap();
            bytes.push(u8::try_from(digit(high) * 16 + digit(low)).unwrap());
            rest = behind;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    bytes
}

/// The name of a file in the folder, or nothing before its end for the folder itself; what is rebuilt is left out.
fn ours(path: &str, folder: &str) -> Option<String> {
    let name = path.strip_prefix(folder)?.trim_start_matches('/');
    (!name.ends_with("-shm") && name != "emma.sock").then(|| name.to_owned())
}

/// A file's content: what is on the disk for sure, and what came since.
#[derive(Clone, Default)]
struct Inode {
    synced: Vec<u8>,
    since: Vec<(usize, Change)>,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Cut(usize),
}

/// The disk, event by event.
#[derive(Clone, Default)]
pub(crate) struct Disk {
    inodes: Vec<Inode>,
    /// Names as the folder was synced last, and as they changed since.
    names: BTreeMap<String, usize>,
    renamed: Vec<(String, Option<usize>)>,
    /// How many events it has seen.
    seen: usize,
}

impl Disk {
    /// A folder that was there before, all of it synced.
    pub(crate) fn of(folder: &Path) -> Self {
        let mut disk = Self::default();
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            if entry.file_type().unwrap().is_file() && ours(&name, "").is_some() {
                disk.names.insert(name, disk.inodes.len());
                disk.inodes.push(Inode { synced: fs::read(entry.path()).unwrap(), since: Vec::new() });
            }
        }
        disk
    }

    fn now(&self, name: &str) -> Option<usize> {
        let last = self.renamed.iter().rev().find(|(renamed, _)| renamed == name);
        last.map_or_else(|| self.names.get(name).copied(), |(_, inode)| *inode)
    }

    /// One thing more was done.
    pub(crate) fn take(&mut self, event: &Event) {
        let number = self.seen;
        self.seen += 1;
        let mut change = |file: &str, change: Change| {
            if let Some(inode) = self.now(file) {
                self.inodes[inode].since.push((number, change));
            }
        };
        match event {
            Event::Said(_) => {}
            Event::Wrote { file, at: Some(at), bytes } => change(file, Change::Write(*at, bytes.clone())),
            Event::Wrote { file, at: None, bytes } => {
                let end = self.now(file).map_or(0, |inode| self.inodes[inode].content(|_| true).len());
                if let Some(inode) = self.now(file) {
                    self.inodes[inode].since.push((number, Change::Write(end, bytes.clone())));
                }
            }
            Event::Cut { file, to } => change(file, Change::Cut(*to)),
            Event::Synced { file, .. } if file.is_empty() => {
                for (name, inode) in self.renamed.drain(..) {
                    match inode {
                        Some(inode) => self.names.insert(name, inode),
                        None => self.names.remove(&name),
                    };
                }
            }
            Event::Synced { file, before } => {
                if let Some(inode) = self.now(file) {
                    self.inodes[inode].sync(*before);
                }
            }
            Event::Made { file } => {
                if self.now(file).is_none() {
                    self.renamed.push((file.clone(), Some(self.inodes.len())));
                    self.inodes.push(Inode::default());
                }
            }
            Event::Removed { file } => self.renamed.push((file.clone(), None)),
            Event::Renamed { from, to } => {
                let inode = self.now(from);
                self.renamed.extend([(to.clone(), inode), (from.clone(), None)]);
            }
        }
    }

    /// Writes into `folder` what a cut now could have left, and how much of the ledger was not synced.
    pub(crate) fn cut(&self, folder: &Path, chance: &mut Chance) -> usize {
        // A file system brings names to the disk in the order in which they changed.
        let got = chance.below(self.renamed.len() as u64 + 1);
        let mut names = self.names.clone();
        for (name, inode) in self.renamed.iter().take(usize::try_from(got).unwrap()) {
            match inode {
                Some(inode) => names.insert(name.clone(), *inode),
                None => names.remove(name),
            };
        }
        // Nothing, everything, or anything of it.
        let of_four = chance.below(5);
        let mut unsynced = 0;
        for (name, inode) in names {
            let inode = &self.inodes[inode];
            // The lock's one line is never synced: it says again what the ledger beside it says.
            unsynced += if name.starts_with("ledger") { inode.since.len() } else { 0 };
            fs::write(folder.join(name), inode.content(|_| chance.below(4) < of_four)).unwrap();
        }
        unsynced
    }
}

impl Inode {
    /// What was done before that event is on the disk.
    fn sync(&mut self, before: usize) {
        let (done, since) = self.since.drain(..).partition(|(number, _)| *number < before);
        self.since = done;
        self.synced = self.content(|_| true);
        self.since = since;
    }

    /// The content, with those sectors of what was not synced that `keeps` says.
    fn content(&self, mut keeps: impl FnMut(usize) -> bool) -> Vec<u8> {
        let mut content = self.synced.clone();
        for (_, change) in &self.since {
            match change {
                Change::Cut(to) => {
                    if keeps(0) {
                        content.resize(*to, 0);
                    }
                }
                Change::Write(at, bytes) => {
                    let mut from = *at;
                    while from < at + bytes.len() {
                        let to = ((from / SECTOR + 1) * SECTOR).min(at + bytes.len());
                        if keeps(from) {
                            content.resize(content.len().max(to), 0);
                            content[from..to].copy_from_slice(&bytes[from - at..to - at]);
                        }
                        from = to;
                    }
                }
            }
        }
        content
    }
}
