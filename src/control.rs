//! Talking to a running Emma: one JSON object a line over a Unix socket in the state folder, owner-only. Without a
//! daemon the same requests are answered from the ledger itself, under its lock ([`crate::cli`]).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::counter::explaining::Explained;
use crate::counter::preview::PreviewText;
use crate::export::Export;
use crate::follow::{self, Told};
use crate::report::Report;

/// A consent record has 16 KiB at the most, and JSON within JSON can double it.
const MAX_LINE_LEN: u64 = 64 * 1024;

/// People and scripts at a shell: more connections than this at once are a mistake.
const MAX_CONNECTIONS: usize = 8;

/// Whoever says nothing for so long has gone.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the command line asks.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Request {
    /// Take one line of a consent file: a consent, or a withdrawal.
    Accept {
        /// The line.
        record: String,
    },
    /// Take one consent once its tags are held at a gateway.
    Hold {
        /// The line.
        record: String,
        /// At which gateway; at the Pi that decides where it is not said.
        at: Option<String>,
    },
    /// Withdraw, and forget, whose tag is held at a gateway.
    WithdrawHeld {
        /// At which gateway; at the Pi that decides where it is not said.
        at: Option<String>,
    },
    /// Every consent, in short.
    List,
    /// One consent, whole.
    Show {
        /// Whose.
        customer: String,
    },
    /// Everything that is stored of one customer.
    Export {
        /// Of whom.
        customer: String,
        /// In which language it is told; nothing is the one of their consent, else the shop's.
        #[serde(default)]
        language: Option<String>,
    },
    /// The records of test consents alone.
    Testers,
    /// Withdraw and forget.
    Withdraw {
        /// Whose.
        customer: String,
    },
    /// How Emma does.
    Status,
    /// Log more or less for a while.
    Log {
        /// At which level; the configured one where it is not said.
        level: Option<String>,
        /// For so many seconds.
        secs: u64,
    },
    /// What may be told of a week; nothing is the one before this.
    Report {
        /// As ISO 8601 names it, `2026-W47`; `this` is the one that is not over.
        week: Option<String>,
    },
    /// Follow a tester: after the answer a line for each thing that is told ([`Told`]), until either end goes away.
    Follow {
        /// Whose tag; only a test consent's.
        customer: String,
    },
    /// Say less from now on, or more again.
    Halt {
        /// What.
        what: Halting,
    },
    /// Take back one offer.
    Recall {
        /// Its id, as any of its recipients knows it.
        offer: String,
    },
    /// Every campaign, and whether it runs.
    Campaigns,
    /// A campaign as it would be said, to look at.
    Preview {
        /// Which.
        campaign: String,
        /// Send it to this tester too.
        to: Option<String>,
    },
    /// Why a customer would, or would not, be told of a campaign.
    Explain {
        /// Whom.
        customer: String,
        /// Of which; of each where it is not said.
        campaign: Option<String>,
        /// When, in the site's time; now where it is not said.
        at: Option<String>,
        /// In which language the sentences are.
        language: Option<String>,
    },
}

/// What is to be said no more, or again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Halting {
    /// Nothing is said in the whole shop.
    Pause {
        /// A length of time (`2h`) or a time in the site's zone (`18:30`); nothing is until somebody resumes.
        until: Option<String>,
    },
    /// The shop speaks again.
    Resume,
    /// A campaign is said no more.
    Stop {
        /// Its id.
        campaign: String,
    },
    /// A campaign is said again.
    Start {
        /// Its id.
        campaign: String,
    },
}

/// What is answered.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Reply {
    /// The record stands.
    Accepted {
        /// Kinds of identifiers that are kept and not matched, since the site has all it can tell apart.
        unmatched: Vec<String>,
    },
    /// Withdrawn and forgotten.
    Forgotten,
    /// The consent holds no longer; what was kept ends as after any other.
    Lapsed,
    /// Nothing was changed.
    Refused {
        /// Why, a sentence each.
        problems: Vec<String>,
    },
    /// The ledger cannot be written; nothing was changed.
    Failed {
        /// Why.
        problem: String,
    },
    /// There is no such customer.
    Unknown,
    /// Every consent.
    Consents {
        /// By pseudonym.
        consents: Vec<Listed>,
    },
    /// Test consents, each as JSON.
    Testers {
        /// The records.
        records: Vec<String>,
    },
    /// One consent, as JSON.
    Consent {
        /// The record.
        record: String,
        /// Until when its lease holds, RFC 3339; nothing where it is on none.
        #[serde(default)]
        lease: Option<String>,
    },
    /// Everything that is stored of one customer; of somebody whom nobody knows the same, empty.
    Exported {
        /// Kind by kind.
        export: Box<Export>,
    },
    /// How Emma does.
    Status {
        /// As of a few seconds ago at the most.
        status: Box<Status>,
    },
    /// What may be told of a week.
    Report {
        /// The report.
        report: Box<Report>,
    },
    /// A tester is followed from now on.
    Following {
        /// The zone they are in.
        zone: Option<String>,
        /// Confidence in it is lost.
        unsure: bool,
        /// The tag was in the shop for more than three hours: until the next day no zone is told of it.
        at_work: bool,
    },
    /// It is done, and on disk.
    Done {
        /// What holds from now on.
        sentence: String,
    },
    /// There is no such campaign.
    UnknownCampaign {
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// There is no such offer, or it has ended.
    UnknownOffer,
    /// Every campaign.
    Campaigns {
        /// Until when the whole shop is silent, in words.
        paused: Option<String>,
        /// In the order of the file; those that it names no more come last.
        campaigns: Vec<CampaignListed>,
    },
    /// A campaign as it would be said; where a tester was named, it is on its way.
    Previewed {
        /// Where.
        zone: String,
        /// What sets it off: `entered`, `dwelled` or `left`.
        trigger: String,
        /// In each language.
        texts: Vec<PreviewText>,
    },
    /// Why somebody would, or would not, be told.
    Explained {
        /// Gate by gate.
        explained: Box<Explained>,
    },
}

/// One campaign in a list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct CampaignListed {
    /// Its id.
    pub campaign: String,
    /// It may be said now.
    pub runs: bool,
    /// Whether it runs, or why not.
    pub standing: String,
}

/// How the running Emma does: what she says on her own topics, and totals. Nothing in it is about a person.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Status {
    /// The message of the state topic.
    pub state: Value,
    /// The message of the health topic.
    pub health: Value,
    /// Where the session with the broker stands: `connecting`, `connected`, `taken-over` or `stopped`; nothing where
    /// no broker is configured.
    pub broker: Option<String>,
    /// Consents held.
    pub customers: usize,
    /// Of them, those that name an address: they cost the radio its restraint.
    pub by_address: usize,
    /// Customers in the shop now.
    pub present: usize,
    /// On a Pi that only scans: how many the decider lets it hear.
    #[serde(default)]
    pub table: Option<usize>,
    /// The last error or warning that was logged.
    #[serde(default)]
    pub last_error: Option<LastError>,
    /// What was counted since the start; nothing on a Pi that only scans.
    #[serde(default)]
    pub counted: Option<Counted>,
    /// The ledger was restored from a backup, and every cap's window counts as full until it has passed once.
    #[serde(default)]
    pub restored: Option<Restored>,
}

/// An error or a warning, as the log has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct LastError {
    /// When, RFC 3339.
    pub at: String,
    /// `error` or `warn`.
    pub level: String,
    /// The line.
    pub what: String,
}

/// What came of customers' visits. A group smaller than twenty is not told, here either: whoever looks at a screen sees who is
/// in the shop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Counted {
    /// Visits that ended.
    pub visits: Option<u64>,
    /// Offers that were made.
    pub offers: Option<u64>,
    /// Offers that were not made, by each gate that can say no.
    pub withheld: BTreeMap<String, Option<u64>>,
}

/// That the ledger was restored from a backup.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Restored {
    /// When, RFC 3339; nothing before a clock is believed.
    pub at: Option<String>,
    /// Customers whose consent nobody has told again since: nothing is said to them.
    pub unconfirmed: usize,
}

/// One consent in a list.
#[derive(Debug, Deserialize, Serialize)]
pub struct Listed {
    /// The pseudonym.
    pub customer: String,
    /// The epoch.
    pub epoch: u64,
    /// The tier.
    pub tier: String,
    /// Until when it holds, RFC 3339.
    pub valid_until: String,
    /// It came over the network and is on a lease, which the registrar's feed prolongs.
    #[serde(default)]
    pub leased: bool,
}

/// A reply, and what is told after it.
#[derive(Debug)]
pub struct Answer {
    /// The reply.
    pub reply: Reply,
    /// Whoever follows a tester is told this, and asks nothing more.
    pub told: Option<mpsc::Receiver<Told>>,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self { reply, told: None }
    }
}

/// A request and where its answer goes.
pub type Asked = (Request, oneshot::Sender<Answer>);

/// The socket, removed when this is dropped.
#[derive(Debug)]
pub struct Control {
    path: PathBuf,
    task: tokio::task::JoinHandle<()>,
}

impl Control {
    /// Listens at `path`; requests arrive on the receiver. The caller holds the folder's lock, so a socket that is
    /// already there is a dead one.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn listen(path: &Path) -> std::io::Result<(Self, mpsc::Receiver<Asked>)> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(path)?;
        owner_only(path)?;
        let (asked, receiver) = mpsc::channel(1);
        let task = tokio::spawn(serve(listener, asked));
        Ok((Self { path: path.to_owned(), task }, receiver))
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
        // If it is gone already, all the better.
        std::fs::remove_file(&self.path).unwrap_or_default();
    }
}

fn owner_only(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

async fn serve(listener: UnixListener, asked: mpsc::Sender<Asked>) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let asked = asked.clone();
                tokio::spawn(async move {
                    // A caller that goes away half-way has its answer nowhere to go; that is its own affair.
                    converse(stream, asked).await.unwrap_or_default();
                    drop(permit);
                });
            }
            // Out of descriptors, most likely: wait for some to be closed rather than spin.
            Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
}

async fn converse(mut stream: UnixStream, asked: mpsc::Sender<Asked>) -> std::io::Result<()> {
    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read);
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut lines).take(MAX_LINE_LEN);
        match tokio::time::timeout(PATIENCE, bounded.read_until(b'\n', &mut line)).await {
            Ok(Ok(length)) if length > 0 => {}
            Ok(Err(error)) => return Err(error),
            Ok(Ok(_)) | Err(_) => return Ok(()),
        }
        let Answer { reply, told } = match serde_json::from_slice(&line) {
            Ok(request) => ask(&asked, request).await,
            Err(error) => refused(format!("not understood: {error}")),
        };
        let mut text = serde_json::to_vec(&reply)?;
        text.push(b'\n');
        // Whoever asks and reads nothing does not hold a connection for ever.
        tokio::time::timeout(PATIENCE, write.write_all(&text)).await??;
        if let Some(told) = told {
            return follow::stream(lines, write, told).await;
        }
        if line.last() != Some(&b'\n') {
            return Ok(());
        }
    }
}

async fn ask(asked: &mpsc::Sender<Asked>, request: Request) -> Answer {
    let (reply, answer) = oneshot::channel();
    if asked.send((request, reply)).await.is_err() {
        return refused("the daemon is stopping".to_owned());
    }
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => refused("the daemon is stopping".to_owned()),
        // A forgetting that waits for a slow disk goes on all the same.
        Err(_) => refused("it is not done yet, and goes on: look again later".to_owned()),
    }
}

fn refused(problem: String) -> Answer {
    Reply::Refused { problems: vec![problem] }.into()
}
