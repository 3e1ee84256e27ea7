//! A daemon in this process whose radio is a channel and whose broker is at the other end of a watched socket.

use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc as blocking;
use std::thread;
use std::time::{Duration, Instant};

use emma::clock::{Clock, Moment};
use emma::config::{self, Config, Sources};
use emma::counter;
use emma::daemon::{Codes, Daemon, Doors, Voices};
use emma::gateway::advertisement::{Address, AddressKind};
use emma::gateway::consent::Consent;
use emma::gateway::consent::record::{self, Record};
use emma::gateway::effect::Answer;
use emma::incoming::tally::Tally;
use emma::ledger::folder::Folder;
use emma::ledger::order::Told;
use emma::ledger::thread::{Answers, Ledger};
use emma::logging::Logging;
use emma::metrics::Totals;
use emma::mqtt::connection::Options;
use emma::mqtt::session::{Command, Session, Wiring};
use emma::mqtt::state::{ClockTrust, Health, State};
use emma::mqtt::status::Status;
use emma::radio::encode;
use emma::radio::source::{Heard, Orderer};
use emma::service::Service;
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot, watch};

/// The beacons of the customers; `minor` tells them apart.
const UUID: [u8; 16] = *b"\xf7\x82\x6d\xa6\x4f\xa2\x4e\x98\x80\x24\xbc\x5b\x71\xe0\x89\x3e";
const CUSTOMERS: u16 = 500;
/// How long the ledger lets an offer wait for company (`GROUP` in `src/ledger/thread.rs`).
const COMPANY: Duration = Duration::from_millis(20);
/// One customer is served after the other, so that each offer is alone and waits the whole of that.
const EVERY: Duration = Duration::from_millis(50);
/// A zone is entered after a second at the least: so many steps before their offer a customer is heard for the first time.
const AHEAD: u16 = 25;
/// The topic of an offer on the wire.
const OFFER: &[u8] = b"/offer/push/";
/// CONNACK of MQTT 5: accepted, no session, no properties.
const CONNACK: [u8; 5] = [0x20, 3, 0, 0, 0];
/// Somebody who waits longer has a real fault.
const PATIENCE: Duration = Duration::from_secs(30);

/// The middle and the far end of many times.
pub(crate) struct Times {
    p50: Duration,
    pub(crate) p99: Duration,
}

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self { p50: times[times.len() / 2], p99: times[times.len() * 99 / 100] }
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
        write!(f, "p50 {:.2} ms, p99 {:.2} ms", ms(self.p50), ms(self.p99))
    }
}

/// What was measured over all the customers, one after the other.
pub(crate) struct Measured {
    /// From the door until the ledger said that it is on disk.
    pub(crate) committed: Times,
    /// From there to the socket.
    pub(crate) said: Times,
    /// From the door to the socket, without the wait for company.
    pub(crate) beyond: Times,
}

/// Lets each customer be heard for long enough, with the state folder below `parent`, and waits for their offer.
pub(crate) fn measure(parent: &Path, log: &Logging) -> Measured {
    let log = log.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (said_at, said) = blocking::channel();
    let port = listen(said_at);
    let (committed_at, committed) = blocking::channel();
    let (hear, heard) = mpsc::channel(256);
    let (stop, stopped) = oneshot::channel::<()>();
    let folder = TempDir::new_in(parent).unwrap();
    let state = folder.path().join("state");
    let daemon = thread::spawn(move || runtime.block_on(run(state, port, log, heard, committed_at, stopped)));
    let started = Instant::now();
    let mut samples = Vec::new();
    for step in 0..CUSTOMERS + AHEAD {
        thread::sleep((started + EVERY * u32::from(step)).saturating_duration_since(Instant::now()));
        if step < CUSTOMERS {
            hear.blocking_send(advertisement(step)).unwrap();
        }
        let Some(customer) = step.checked_sub(AHEAD) else { continue };
        assert!(committed.try_recv().is_err(), "told before they were heard long enough");
        let at = Instant::now();
        hear.blocking_send(advertisement(customer)).unwrap();
        let committed = committed.recv_timeout(PATIENCE).unwrap();
        let said = said.recv_timeout(PATIENCE).unwrap();
        samples.push((committed - at, said.saturating_duration_since(committed), said - at));
    }
    stop.send(()).unwrap();
    daemon.join().unwrap();
    let of =
        |time: fn(&(Duration, Duration, Duration)) -> Duration| Times::of(samples.iter().skip(1).map(time).collect());
    Measured {
        committed: of(|sample| sample.0),
        said: of(|sample| sample.1),
        beyond: of(|sample| sample.2.saturating_sub(COMPANY)),
    }
}

/// Customers whom the relay can reach.
fn customers() -> impl Iterator<Item = Consent> {
    let line = |minor: u16| {
        format!(
            r#"{{"customer":"c{minor}","epoch":1,"tier":"contextual","purposes":["offers"],
            "identifiers":[{{"ibeacon":{{"uuid":"{}","major":1,"minor":{minor}}}}}],"inbox":{{"push":"inbox-{minor}"}},
            "valid_from":"2026-01-01T00:00:00Z","valid_until":"2036-01-01T00:00:00Z"}}"#,
            hex::encode(UUID)
        )
    };
    (0..CUSTOMERS).map(move |minor| match record::parse(&line(minor)) {
        Ok(Record::Grant(grant)) => grant.check().unwrap(),
        _ => panic!("a record that is none"),
    })
}

/// One that is strong enough.
fn advertisement(minor: u16) -> Heard {
    let payload = [encode::flags(0x06), encode::ibeacon(&UUID, 1, minor, -59)].concat();
    let address = Address { bytes: [0xc0, 0xff, 0xee, 0, 0, 1], kind: AddressKind::Random };
    Heard::Advertisement { gateway: None, address, payload, rssi_dbm: -50 }
}

/// The daemon, wired as `emma run` wires it, but for the radio, the doors of the command line, and what comes in.
async fn run(
    folder: PathBuf,
    port: u16,
    log: Logging,
    heard: mpsc::Receiver<Heard>,
    committed_at: blocking::Sender<Instant>,
    stopped: oneshot::Receiver<()>,
) {
    let clock = Clock::start();
    let config = shop(port);
    let lock = Folder::open(&folder).unwrap();
    let store = lock.store([7; 32]).unwrap();
    let now = Moment { monotonic_us: clock.monotonic_us(), wall_us: Some(clock.wall_us()) };
    let (mut gateway, effects) = counter::wake(&config, &store, now).unwrap();
    for consent in customers() {
        gateway.restore(Arc::new(consent));
    }
    let codes = Codes::new(store.key(), Vec::new(), &config.offers);
    let (ledger, thread, answers) = Ledger::start(store, clock).unwrap();
    let (_trust, synchronised) = watch::channel(true);
    let (orderer, _orders) = Orderer::new(gateway.needs(), Arc::clone(&config), synchronised.clone(), clock);
    let state = watch::channel(State::begin(&config.gateway, ClockTrust::Assumed, "", Vec::new(), clock.wall_us()));
    let health = watch::channel(Health::default());
    let (commands, commanded) = mpsc::channel(1);
    let session = Session::start(Wiring {
        options: Options::new(config.gateway.mqtt.as_ref().unwrap(), &config.gateway.site, &config.gateway.gateway)
            .unwrap(),
        outbox: ledger.clone(),
        clock,
        commands: commanded,
        state: state.1,
        health: health.1,
    });
    session.status.clone().wait_for(Status::is_connected).await.unwrap();
    let (again, incoming) = mpsc::channel(1);
    let ((_told, told), (_asked, asked), (_changed, changed)) = (mpsc::channel(1), mpsc::channel(1), mpsc::channel(1));
    let ((_sources, sources), (_taken, taken_over)) = (watch::channel(Vec::new()), watch::channel(false));
    let answers = stamped(answers, committed_at);
    let status = Some(session.status.clone());
    let doors = Doors {
        heard,
        answers,
        incoming,
        told,
        asked,
        changed,
        synchronised,
        sources,
        taken_over,
        session: status,
        service: Service::find(),
    };
    let voices = Voices {
        state: state.0,
        health: health.0,
        totals: watch::channel(Totals::default()).0,
        log,
        orderer,
        tally: Tally::default(),
        again,
    };
    let mut daemon = Daemon::new(gateway, ledger.clone(), config, folder, clock, codes, voices);
    daemon.begin(effects);
    daemon.run(doors, async { stopped.await.unwrap() }).await;
    commands.send(Command::Stop).await.unwrap();
    // Whoever listens here does not care how it ends.
    session.task.abort();
    ledger.stop();
    tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap();
}

/// What the ledger answers, and when it granted an offer.
fn stamped(mut answers: Answers, committed_at: blocking::Sender<Instant>) -> Answers {
    let (forward, forwarded) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(told) = answers.recv().await {
            if matches!(told, Told::Reserved(_, Answer::Granted)) {
                committed_at.send(Instant::now()).unwrap();
            }
            if forward.send(told).is_err() {
                break;
            }
        }
    });
    forwarded
}

/// A shop where who is heard well for a second is at the desk, and told so.
fn shop(port: u16) -> Arc<Config> {
    let zone =
        "enter-after = '1s'\n[[zone]]\nid = 'desk'\nname = 'Desk'\nnear = 'gw'\nenter-dbm = -78\nleave-dbm = -95\n";
    let campaign = "[[category]]\nid = 'tables'\n[[campaign]]\nid = 'oak'\ncategory = 'tables'\nzones = ['desk']\ntrigger = 'entered'\n\
                    [campaign.text.en]\ntitle = 'Oak'\nbody = 'Right at the {zone}.'\n";
    let promise = "[caps]\ncustomer = [{ at-most = 1, per = '1d' }]\n[responsible]\ncontroller = 'Hall Ltd'\n\
                   contact = 'privacy@hall.example'\nwithdraw = 'at the desk'\n\
                   recipients = [{ id = 'push', name = 'App', purpose = 'shows you the offer' }]\n";
    let sources = Sources {
        gateway: format!(
            "site = 'bench'\ngateway = 'gw'\n[mqtt]\nurl = 'mqtt://127.0.0.1:{port}'\n[clock]\ntrust = 'assume'\n"
        ),
        site: "name = 'Bench'\nlanguage = 'en'\ntime-zone = 'Europe/Zurich'\n[[gateway]]\nid = 'gw'\n".into(),
        zones: zone.into(),
        offers: campaign.into(),
        promise: promise.into(),
        ..Sources::default()
    };
    let checked = config::check(&sources);
    Arc::new(checked.config.unwrap_or_else(|| panic!("{:?}", checked.problems)))
}

/// A broker that says yes to everything, and when an offer arrived; its port.
fn listen(said_at: blocking::Sender<Instant>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        // One connection is all there is: whoever comes again was disappointed.
        let (client, _) = listener.accept().unwrap();
        serve(client, &said_at);
    });
    port
}

fn serve(mut client: TcpStream, said_at: &blocking::Sender<Instant>) {
    client.set_nodelay(true).unwrap();
    let (mut bytes, mut read) = (Vec::new(), [0; 16_384]);
    while let Ok(count @ 1..) = client.read(&mut read) {
        let at = Instant::now();
        bytes.extend_from_slice(&read[..count]);
        while let Some((packet, len)) = packet(&bytes) {
            if packet.windows(OFFER.len()).any(|window| window == OFFER) && said_at.send(at).is_err() {
                return;
            }
            if answer(packet, &mut client).is_err() {
                return;
            }
            bytes.drain(..len);
        }
    }
}

/// The first packet of these bytes, if it is whole, and its length.
fn packet(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let mut len = 0;
    for (nth, byte) in bytes.iter().skip(1).take(4).enumerate() {
        len |= usize::from(byte & 0x7f) << (7 * nth);
        if byte & 0x80 == 0 {
            let whole = 2 + nth + len;
            return bytes.get(..whole).map(|packet| (packet, whole));
        }
    }
    None
}

fn answer(packet: &[u8], client: &mut TcpStream) -> std::io::Result<()> {
    match packet[0] >> 4 {
        1 => client.write_all(&CONNACK),
        // PUBLISH with quality 1: its packet id stands behind the topic.
        3 if packet[0] & 0x06 == 0x02 => {
            let start = 2 + packet[1..].iter().take_while(|byte| **byte & 0x80 != 0).count();
            let topic = usize::from(u16::from_be_bytes([packet[start], packet[start + 1]]));
            client.write_all(&[0x40, 2, packet[start + 2 + topic], packet[start + 3 + topic]])
        }
        12 => client.write_all(&[0xd0, 0]),
        _ => Ok(()),
    }
}
