//! The corpus: made by its own generator, replayed through a shop of twenty gateways.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use emma::clock::Moment;
use emma::config::Config;
use emma::gateway::consent::Consent;
use emma::gateway::consent::record::{self, Record};
use emma::gateway::effect::{Happening, Input};
use emma::gateway::{Counters, Gateway};
use emma::ledger::{Store, registrar};
use emma::radio::capture;
use emma::standalone::Standalone;
use emma::timeline;

use crate::shop::{Shop, campaign};

/// Enough for every class of transmission and for zones to be entered, and soon replayed.
pub(crate) const RECORDS: u64 = 60_000;

/// Simulated seconds: one customer is then heard every second or so.
const SECONDS: &str = "60";

/// What a replay said and counted.
pub(crate) struct Replayed {
    pub(crate) timeline: String,
    pub(crate) counters: Counters,
}

/// Makes the corpus in `folder`; false where there is no Python.
pub(crate) fn generate(generator: &Path, folder: &Path) -> bool {
    let records = RECORDS.to_string();
    let made = Command::new("python3")
        .arg(generator)
        .args(["-n", &records, "--seed", "1", "--seconds", SECONDS, "-o"])
        .arg(folder)
        .stdout(Stdio::null())
        .status();
    made.is_ok_and(|status| {
        assert!(status.success(), "the generator failed");
        true
    })
}

/// How many records the truth says are of customers who are known by them: their own beacons (class 0, the first byte of
/// each twelve), and what their phones say besides under an address that a key resolves (class 7), if their key is one of
/// the fifty that a site can tell apart.
pub(crate) fn customers_in_truth(folder: &Path) -> u64 {
    // Customers from the 300th have a key, and consents are taken in their order.
    const RESOLVED: std::ops::Range<u16> = 300..350;
    let truth = fs::read(folder.join("truth.bin")).unwrap();
    let entity = |record: &[u8]| u16::from_le_bytes([record[2], record[3]]);
    let is_known = |record: &&[u8]| record[0] == 0 || (record[0] == 7 && RESOLVED.contains(&entity(record)));
    truth[16..].chunks(12).filter(is_known).count() as u64
}

/// The shop of the corpus: a `near` zone at each corner and four polygons between.
fn shop() -> Shop {
    let gateways = (0..20_i32).map(|i| {
        let (x, y) = (6 + 12 * (i % 5), 5 + 10 * (i / 5));
        (format!("gw{i:02}"), (f64::from(x), f64::from(y)))
    });
    let polygons = [(12, 0), (36, 0), (12, 20), (36, 20)].map(|(x, y)| {
        let (right, top) = (x + 24, y + 20);
        format!(
            "[[zone]]\nid = 'p{x}-{y}'\nname = 'P'\npolygon-m = [[{x}.0, {y}.0], [{right}.0, {y}.0], [{right}.0, {top}.0], [{x}.0, {top}.0]]\n"
        )
    });
    let nears =
        ["gw00", "gw05", "gw10", "gw15"].map(|id| format!("[[zone]]\nid = 'n-{id}'\nname = 'N'\nnear = '{id}'\n"));
    Shop {
        gateways: gateways.collect(),
        zones: polygons.concat() + &nears.concat(),
        offers: format!(
            "[[category]]\nid = 'things'\nname = 'Things'\n{}{}",
            campaign("hello", "'entered'", "'any'", "category = 'things'"),
            campaign("still-here", "{ dwelled = '5s' }", "'any'", "category = 'things'")
        ),
        promise: "[caps]\ncustomer = [{ at-most = 1, per = '1d' }]\n".to_owned(),
    }
}

/// Replays the capture with its consents.
pub(crate) fn replay(folder: &Path) -> Replayed {
    let config = shop().config();
    let store = Store::in_memory([9; 32]).unwrap();
    let consents = fs::read_to_string(folder.join("consents.jsonl")).unwrap();
    let consents: Vec<Arc<Consent>> = consents.lines().map(|line| consent(line, &config)).collect();
    let gateway = Gateway::new(Arc::clone(&config), store.key().clone(), 0);
    let mut standalone = Standalone { gateway, store };
    let mut told = String::new();
    let mut tell = |happened: &[Happening]| {
        for line in happened.iter().filter_map(|happening| timeline::line(happening, true)) {
            told += &line;
            told.push('\n');
        }
    };
    let mut now = None;
    for heard in capture::merge(vec![capture::open(&folder.join("capture.jsonl"), None).unwrap()]) {
        let heard = heard.unwrap();
        let at = Moment { monotonic_us: heard.t_us.unsigned_abs(), wall_us: Some(heard.t_us) };
        if now.replace(at).is_none() {
            for consent in &consents {
                tell(&standalone.handle(Input::Consent(Arc::clone(consent)), at).unwrap());
            }
        }
        tell(&standalone.run_until(at).unwrap());
        let gateway = config.site.gateway(&heard.gateway).unwrap();
        tell(&standalone.handle(Input::Advertisement(heard.advertisement(gateway)), at).unwrap());
    }
    tell(&standalone.run_out(now.unwrap()).unwrap());
    Replayed { timeline: told, counters: standalone.gateway.snapshot().counters }
}

fn consent(line: &str, config: &Config) -> Arc<Consent> {
    let Ok(Record::Grant(grant)) = record::parse(line) else { panic!("no consent: {line}") };
    registrar::prepare(*grant, config, None, |recipient| recipient.into()).unwrap().consent
}
