//! What a decision costs, and what a trigger costs with everything that follows from it.
//!
//! `decision` is every gate, rank, the caps in force and their judgement on the log; `whole` is the advertisement that
//! enters a zone, the visit that is saved, the decision, and the words of the offer. The customer has fifty deliveries on
//! record, a stance, interests and a wish; four campaigns speak on the trigger; the promise has three windows, a gap and a
//! visit. A decision is to take a microsecond at most.

#![expect(clippy::unwrap_used, reason = "a benchmark stops at what it did not expect")]

use std::fmt::Write as _;
use std::sync::Arc;

use divan::{AllocProfiler, Bencher, black_box};
use emma::clock::Moment;
use emma::config::offers::{Class, Trigger};
use emma::config::{self, Config, Sources};
use emma::gateway::Gateway;
use emma::gateway::advertisement::{Address, AddressKind, Advertisement, GatewayIndex};
use emma::gateway::cap::{self, Missing};
use emma::gateway::consent::record::{self, Record};
use emma::gateway::consent::{Consent, CustomerId};
use emma::gateway::effect::{Delivery, DeliveryId, Effect, Input, Memory};
use emma::gateway::key::Key;
use emma::gateway::stance::{Signal, Stance};
use emma::radio::encode;

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

/// 2026-06-01T10:00:00Z, inside the customer's consent.
const START_US: i64 = 1_780_308_000_000_000;

const DAY_US: i64 = 86_400_000_000;

const UUID: [u8; 16] = *b"a customer's tag";

fn main() {
    divan::main();
}

fn config() -> Arc<Config> {
    let mut offers = String::from("[[category]]\nid = 'shoes'\n[[category]]\nid = 'boots'\n");
    for (id, category, priority) in [("a", "shoes", 70), ("b", "boots", 60), ("c", "shoes", 50), ("d", "boots", 50)] {
        writeln!(
            offers,
            "[[campaign]]\nid = '{id}'\ncategory = '{category}'\nzones = ['till']\ntrigger = 'entered'\npriority = {priority}\n\
             active = {{ from = '2026-01-01', until = '2026-12-31', hours = '08:00-20:00', days = 'mon-sat' }}\n\
             caps = [{{ at-most = 20, per = '14d' }}]\n[campaign.text.en]\ntitle = 'Something'\nbody = 'Here: {{zone}}.'"
        )
        .unwrap();
    }
    let sources = Sources {
        gateway: "site = 'bench'\ngateway = 'gw'\n".into(),
        site: "name = 'Bench'\ntime-zone = 'Europe/Zurich'\n[[gateway]]\nid = 'gw'\n".into(),
        zones: "[opening-hours]\nmon-sat = '08:00-20:00'\n[[zone]]\nid = 'till'\nname = 'Till'\nnear = 'gw'\n".into(),
        offers,
        promise: "quiet-hours = ['21:00', '08:00']\n[caps]\ncustomer = [{ at-most = 2, per = '1d' }, \
                  { at-most = 10, per = '7d' }, { at-most = 60, per = '60d' }]\nvisit = 1\ngap = '2h'\n"
            .into(),
        env: Vec::new(),
        beside: Vec::new(),
    };
    let mut config = config::check(&sources).config.unwrap();
    // The campaign that ranks first is for those who declared an interest.
    config.offers.campaigns[0].audience.interests = vec!["hiking".into()];
    config.offers.campaigns[1].audience.interests = vec!["hiking".into()];
    Arc::new(config)
}

fn consent() -> Arc<Consent> {
    let line = format!(
        r#"{{"customer":"ann","epoch":1,"tier":"personal","purposes":["offers","personalisation"],
        "identifiers":[{{"ibeacon":{{"uuid":"{}","major":1,"minor":2}}}}],"interests":["hiking","tea"],
        "wishes":[{{"category":"coats"}}],"quiet_hours":["12:30","13:30"],"valid_from":"2026-01-01T00:00:00Z","valid_until":"2027-01-01T00:00:00Z"}}"#,
        hex::encode(UUID)
    );
    let Ok(Record::Grant(grant)) = record::parse(&line) else { panic!("a record that is none") };
    Arc::new(grant.check().unwrap())
}

/// Fifty deliveries, the last of them a day and a half ago: every cap is looked at, and all leave room.
fn log() -> Vec<Delivery> {
    let one = |n: i64| Delivery {
        id: DeliveryId(n.to_string().into()),
        customer: CustomerId::new("ann").unwrap(),
        at_us: START_US - DAY_US * 3 / 2 - (50 - n) * DAY_US,
        class: Class::Offer,
        campaign: ["a", "b", "c", "d"][usize::try_from(n % 4).unwrap()].into(),
        category: Some(["shoes", "boots"][usize::try_from(n % 2).unwrap()].into()),
        zone: "till".into(),
        site: "bench".into(),
        visit_us: START_US - (n + 1) * DAY_US,
        epoch: 1,
        ghost: false,
        test: false,
    };
    (0..50).map(one).collect()
}

fn stance() -> Stance {
    let mut stance = Stance::default();
    let signals = [
        Signal::Dismissed("shoes".into()),
        Signal::Engaged("boots".into()),
        Signal::Bought("coats".into(), START_US - 90 * DAY_US, Vec::new()),
        Signal::Snooze(START_US - 20 * DAY_US),
    ];
    for signal in signals {
        stance.hear(signal, START_US - 30 * DAY_US);
    }
    stance
}

fn gateway(config: &Arc<Config>) -> Gateway {
    let mut gateway = Gateway::new(Arc::clone(config), Key::new([7; 32]), 0);
    gateway.handle(Input::Consent(consent()), at(0));
    let last = |campaign: &str, days: i64| (campaign.into(), START_US - days * DAY_US);
    let memory = Memory {
        customer: CustomerId::new("ann").unwrap(),
        visit: None,
        slack_us: 0,
        ignore_until_us: None,
        last_deliveries: vec![last("a", 3), last("b", 2), last("c", 4), last("d", 5)],
        stance: Some(stance()),
    };
    gateway.handle(Input::Resume(memory), at(0));
    gateway
}

fn at(us: u64) -> Moment {
    Moment { monotonic_us: 1_000_000_000 + us, wall_us: Some(START_US + us.cast_signed()) }
}

#[divan::bench]
fn decision(bencher: Bencher<'_, '_>) {
    let (gateway, log) = (gateway(&config()), log());
    let ann = CustomerId::new("ann").unwrap();
    let mut wall_us = START_US;
    let decide = |wall_us| {
        let (wanted, caps) = gateway.first_in_rank(&ann, "till", Trigger::Entered, wall_us).unwrap();
        cap::judge(black_box(&log), &wanted, &caps, Missing::default())
    };
    assert_eq!(decide(wall_us), Ok(()), "every cap has to be looked at");
    bencher.bench_local(|| {
        wall_us += 1;
        decide(black_box(wall_us))
    });
}

#[divan::bench]
fn whole(bencher: Bencher<'_, '_>) {
    let (config, log) = (config(), log());
    let payload = encode::ibeacon(&UUID, 1, 2, -59);
    let address = Address { bytes: [1; 6], kind: AddressKind::Random };
    let hear = |gateway: &mut Gateway, secs: u64| {
        let heard = Advertisement { address, payload: &payload, rssi_dbm: -50, gateway: GatewayIndex(0) };
        gateway.handle(Input::Advertisement(heard), at(secs * 1_000_000))
    };
    // Everything up to the reading that enters the zone.
    let about_to_enter = || {
        let mut gateway = gateway(&config);
        (0..5).for_each(|secs| drop(hear(&mut gateway, secs)));
        gateway
    };
    bencher.with_inputs(about_to_enter).bench_local_values(|mut gateway| {
        let effects = hear(&mut gateway, 5);
        let asked = effects.iter().find_map(|effect| match effect {
            Effect::Reserve(wanted) => {
                Some(cap::judge(black_box(&log), &wanted.delivery, &wanted.caps, Missing::default()))
            }
            _ => None,
        });
        assert_eq!(asked, Some(Ok(())));
        (gateway, effects)
    });
}
