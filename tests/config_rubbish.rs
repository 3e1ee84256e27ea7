//! Whatever stands in the five files, the answer is a checked configuration or a report that their authors can act on.

use std::fmt::Write as _;
use std::fs;

use emma::config::{FILES, Loaded, Sources, check, load};
use proptest::prelude::*;

const GATEWAY: &str = r#"
site = "bern-marktgasse"
gateway = "gw-entrance"
roles = ["scan", "decide"]
metrics = { listen = "127.0.0.1:9464" }
[radio]
driver = "btleplug"
adapter = "hci0"
scan = "active"
may-restart-bluetoothd = true

[[remote]]
format = "openmqttgateway"
topic = "home/+/BTtoMQTT/#"

[mqtt]
url = "mqtts://broker.example:8883"
client-id = "emma-bern"
username = "emma"
password-file = "/etc/emma/mqtt-password"
ca-file = "/etc/emma/ca.pem"
cert-file = "/etc/emma/cert.pem"
key-file = "/etc/emma/key.pem"
root = "emma"
protocol = "5"

[shop-mqtt]
url = "mqtt://10.0.0.5:1883"
protocol = "3.1.1"

[home-assistant]
discovery = true
prefix = "homeassistant"

[ledger]
path = "/var/lib/emma"
url = "rediss://ledger.example"

[clock]
trust = "assume"

[log]
level = "debug"

[capture]
files = ["monday.jsonl", "till.btsnoop"]
speed = 10
"#;

const SITE: &str = r#"
name = "Bern Marktgasse"
time-zone = "Europe/Zurich"
language = "de"
location = { latitude = 46.9480, longitude = 7.4474 }
floor-plan = { image = "floor.png", width-m = 21.0, height-m = 18.0 }

[[gateway]]
id = "gw-entrance"
position-m = [2.0, 1.0]
height-m = 2.4

[[gateway]]
id = "gw-till"
position-m = [20.0, 17.0]
scanner = "OpenMQTTGateway_ESP32_BLE"
offset-db = -2.1

[path-loss]
exponent = 1.5
at-1m-dbm = -62.5
sigma-db = 4.5

[[survey-point]]
name = "by the door"
position-m = [2.0, 3.0]
levels-dbm = { gw-entrance = -71.5 }

[[fixed-beacon]]
id = "wall-north"
ibeacon = { uuid = "f7826da6-4fa2-4e98-8024-bc5b71e0893e", major = 1, minor = 7 }
position-m = [10.0, 17.5]
height-m = 2

[[fixed-beacon]]
id = "wall-south"
altbeacon = { id1 = "f7826da64fa24e988024bc5b71e0893e", id2 = 1, id3 = 7 }
gateway = "gw-till"
measured-power-dbm = -65

[[fixed-beacon]]
id = "wall-east"
eddystone-uid = { namespace = "f7826da64fa24e988024", instance = "0123456789ab" }
"#;

const ZONES: &str = r#"
enter-confidence = 0.8
enter-after = "2s"
leave-after = "45 s"
unsure-below = 0.4

[opening-hours]
mon-fri = "09:00-12:00, 13:30-18:30"
sat = "09:00-17:00"
sun = "closed"
exceptions = { 2026-12-24 = "09:00-16:00", 2026-12-25 = "closed", 2026-12-31 = "20:00-24:00" }

[[zone]]
id = "till"
name = { de = "Kasse", en = "Till", fr = "Caisse" }
near = "gw-till"
reach = "arm"
enter-after = "4s"
kind = "till"

[[zone]]
id = "shoes"
name = "Schuhe"
polygon-m = [[0.0, 0.0], [7.0, 0.0], [7.0, 6.0], [0, 6]]
categories = ["shoes"]
kind = "department"

[[zone]]
id = "pharmacy"
name = { de = "Apotheke", en = "Pharmacy" }
near = "gw-entrance"
enter-dbm = -60
leave-dbm = -68.5
sensitive = true
"#;

const OFFERS: &str = r#"
[[category]]
id = "winter-jackets"
replacement-interval = "30 months"
sensitive = true
name = { de = "Winterjacken" }

[[category]]
id = "shoes"

[[campaign]]
id = "boots-autumn"
class = "offer"
category = "shoes"
zones = ["shoes"]
trigger = { dwelled = "20s" }
tier = "contextual"
priority = 50
active = { from = 2026-10-01, until = "2026-12-31", hours = "09:00-19:00", days = "mon-sat" }
caps = [{ at-most = 1, per = "14d" }]
control-group = 0.1
valid-for = "2h"
image = "https://shop.example/boots.jpg"
link = "https://shop.example/01/09506000134352"
coupon = { scheme = "pool", file = "boots.codes", single-use = true }
price = "129 CHF"
lock-screen = { de = "Etwas von Ihrem Laden" }

[campaign.text.de]
title = "10 % auf Stiefel"
body = "Nur heute, nur hier: {zone}."
[campaign.text.en]
title = "10 % off boots"
body = "{value.price} today, next to {nearest.till}: {zone}."

[[campaign]]
id = "wished-boots"
category = "shoes"
zones = ["shoes"]
trigger = "entered"
tier = "personal"
audience = { interests = ["outdoor"], price-band = ["premium", "mid"], wishes = true }
coupon = { scheme = "derived", key-file = "boots.key", single-use = false }
text.de = { title = "Wie gewünscht", body = "Stiefel" }

[[campaign]]
id = "thanks"
class = "reward"
zones = "any"
trigger = { dwelled = "5m" }
once-per = "week"
coupon = { code = "BOOTS10" }
text.de = { title = "Danke", body = "Schön, dass Sie da sind." }

[[campaign]]
id = "order-ready"
class = "service"
zones = "any"
trigger = "left"
text.de = { title = "Abholbereit", body = "Ihre Bestellung liegt bereit." }
"#;

const PROMISE: &str = r#"
[caps]
customer = [{ at-most = 2, per = "1d" }, { at-most = 5, per = "7d" }]
visit = 1
gap = "2h"
campaign = [{ at-most = 3, per = "90d" }]
category = [{ at-most = 2, per = "2w" }]
zone = [{ at-most = 1, per = "90m" }]
site = [{ at-most = 100 }]
service = [{ at-most = 3, per = "1d" }]

quiet-hours = ["21:00", "08:00"]

[responsible]
controller = "Beispiel AG, Marktgasse 1, 3011 Bern"
contact = "datenschutz@beispiel.example"
authority = "EDÖB, Bern"
withdraw = { de = "https://beispiel.example/emma oder an jeder Kasse", en = "https://beispiel.example/emma or at any till" }
notice-url = "https://beispiel.example/emma/notice"
recipients = [{ id = "push", name = "Beispiel App", purpose = "shows you the offer" }]
adults-only = true
"#;

/// 32 bytes, as a file of a coupon's key has them.
const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";

fn full() -> Sources {
    let [gateway, site, zones, offers, promise] = [GATEWAY, SITE, ZONES, OFFERS, PROMISE].map(str::to_owned);
    let beside = [("boots.codes", "# autumn\nB-1\nB-2\n"), ("boots.key", KEY)];
    let beside = beside.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
    Sources { gateway, site, zones, offers, promise, env: Vec::new(), beside }
}

fn env(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn report(loaded: &Loaded) -> String {
    loaded.problems.iter().fold(String::new(), |mut text, problem| {
        writeln!(text, "{problem}").expect("a text takes a line");
        text
    })
}

/// The report on the shipped files after one `edit`.
fn after(edit: impl FnOnce(&mut Sources)) -> String {
    let mut sources = Sources::shipped();
    edit(&mut sources);
    report(&check(&sources))
}

fn replaced(text: &mut String, from: &str, to: &str) {
    assert!(text.contains(from), "{from}");
    *text = text.replacen(from, to, 1);
}

#[test]
fn the_shipped_files_have_no_problem() {
    let loaded = check(&Sources::shipped());
    assert_eq!(report(&loaded), "");
    assert_eq!(loaded.config.unwrap().zones.zones.len(), 3);
}

#[test]
fn every_key_is_accepted_and_what_is_not_in_force_says_so() {
    let loaded = check(&full());
    insta::assert_snapshot!("every_key", report(&loaded));
    let config = loaded.config.expect("warnings alone");
    assert!(config.promise.adults_only && config.promise.quiet_hours.is_some());
    let [pool, derived, fixed, service] = &config.offers.campaigns[..] else { panic!("four campaigns") };
    assert!(!pool.values.is_empty() && !pool.nearest.is_empty() && pool.control_share > 0.0);
    assert!([pool, derived, fixed].into_iter().all(|campaign| campaign.coupon.is_some()) && service.coupon.is_none());
    assert_eq!(config, check(&full()).config.unwrap());
}

#[test]
fn the_least_folder_is_legal() {
    let loaded = check(&Sources {
        gateway: "site = 'a'\ngateway = 'b'\nradio.driver = 'none'\n".into(),
        site: "name = 'A'\ntime-zone = 'UTC'\n[[gateway]]\nid = 'b'\n".into(),
        promise: "[caps]\ncustomer = [{ at-most = 1, per = '1d' }]\n".into(),
        ..Sources::default()
    });
    insta::assert_snapshot!("least_folder", report(&loaded));
    assert!(loaded.config.is_some());
}

#[test]
fn all_five_broken_are_reported_at_once() {
    let loaded = check(&Sources {
        gateway: r#"site = "corner shop"
gateway = "gw-entranse"
roles = ["scann"]
[mqtt]
url = "mqtts://broker"
password = "hunter2"
"#
        .into(),
        site: r#"name = ""
time-zone = "Europe/Zürich"
floor-plan = { width-m = 21000.0, height-m = 18.0 }
[[gateway]]
id = "gw-entrance"
position-m = [2.0]
heigth-m = 2.4
"#
        .into(),
        zones: r#"[opening-hours]
mon-fri = "09:00-25:00"
friday = "closed"
[[zone]]
id = "till"
name = "Till"
near = "gw-entranze"
reech = "aisle"
[[zone]]
id = "till"
name = 7
polygon-m = [[0, 0], [2, 2], [2, 0], [0, 2]]
"#
        .into(),
        offers: r#"[[campaign]]
id = "a"
zones = ["tills"]
trigger = { dwelled = "20 sec" }
category = "shoes"
text.en = { title = "Hi {name}", body = "B" }
priority = 500
"#
        .into(),
        promise: r#"quiet-hours = ["21:00", "21:00"]
[caps]
customer = [{ at-most = "2", per = "1x" }]
visit = -1
"#
        .into(),
        env: env(&[("EMMA_MQTT__ULR", "mqtt://x"), ("EMMA_SHARED", "1")]),
        beside: Vec::new(),
    });
    assert!(loaded.config.is_none());
    insta::assert_snapshot!("all_five_broken", report(&loaded));
}

#[test]
fn broken_syntax_is_told_line_by_line_and_the_rest_is_still_checked() {
    let text = after(|files| {
        files.site = r#"name = "Shop
time-zone = Europe/Zurich
language = "de"
[[gateway]
id = "gw-entrance"
id = "b"
height-m = "x"
"#
        .into();
    });
    insta::assert_snapshot!("broken_syntax", text);
}

#[test]
fn a_key_written_twice_hides_nothing_else() {
    let text = after(|files| {
        replaced(&mut files.site, "id = \"gw-shoes\"", "id = \"gw-shoes\"\nid = \"gw-boots\"");
        replaced(&mut files.zones, "near = \"gw-till\"", "near = \"gw-tills\"");
    });
    insta::assert_snapshot!("written_twice", text);
}

#[test]
fn scanners_need_a_broker_a_format_a_topic_and_a_gateway_of_their_own() {
    let remote = |text: &str| {
        after(|files| {
            files.gateway.push_str(text);
            files.site = "name = 'A'\ntime-zone = 'UTC'\n[[gateway]]\nid = 'gw-entrance'\n".into();
            files.zones = String::new();
            files.offers = String::new();
        })
    };
    let one = "\n[[remote]]\nformat = 'ruuvi'\ntopic = 'ruuvi/#'\n";
    let reports = [
        remote(one),
        remote("\n[[remote]]\nformat = 'ruvi'\ntopic = 'home/#/BTtoMQTT'\n[[remote]]\n"),
        after(|files| files.gateway = format!("site = 'a'\ngateway = 'gw-till'\n{one}")),
        after(|files| files.gateway.push_str(&one.repeat(17))),
    ];
    insta::assert_snapshot!("remotes", reports.join("----\n"));
}

#[test]
fn the_environment_is_checked_like_the_file() {
    let text = after(|files| {
        files.env = env(&[
            ("EMMA_MQTT__URL", "http://broker"),
            ("EMMA_MQTT__PASSWORD_FIEL", "x"),
            ("EMMA_MQT__URL", "mqtt://x"),
            ("EMMA_ROLES", "scan,decide,dance"),
            ("EMMA_COLOUR", "red"),
            ("EMMA_RADIO", "none"),
            ("EMMA_LOG__LEVEL", "loud"),
            ("HOME", "/root"),
        ]);
    });
    insta::assert_snapshot!("environment", text);
}

#[test]
fn the_environment_overrides_the_file() {
    let mut sources = Sources::shipped();
    sources.env = env(&[
        ("EMMA_MQTT__URL", "mqtt://elsewhere:1999"),
        ("EMMA_ROLES", "decide"),
        ("EMMA_GATEWAY", "gw-till"),
        ("EMMA_SHARED", "x"),
    ]);
    let loaded = check(&sources);
    assert_eq!(report(&loaded), "");
    let gateway = loaded.config.unwrap().gateway;
    let mqtt = gateway.mqtt.unwrap();
    assert_eq!((&*mqtt.host, mqtt.port, &*gateway.gateway, gateway.scans), ("elsewhere", 1999, "gw-till", false));
}

#[test]
fn zones_that_do_not_fit_the_floor_are_told() {
    let text = after(|files| {
        replaced(&mut files.site, "position-m = [10.5, 1.5]", "");
        let jackets = "polygon-m = [[0.0, 0.0], [5.0, 0.0], [6.0, 8.0], [0.0, 9.0]]";
        replaced(&mut files.zones, "near = \"gw-entrance\"\nreach = \"department\"", jackets);
        let shoes = "polygon-m = [[5.0, 3.0], [10.0, 3.0], [10.0, 8.0], [5.0, 8.0]]";
        replaced(&mut files.zones, "near = \"gw-shoes\"\nreach = \"department\"", shoes);
        replaced(&mut files.zones, "near = \"gw-till\"", "polygon-m = [[10.0, 0.0], [12.0, 0.0], [12.0, 3.0]]");
        replaced(&mut files.zones, "reach = \"aisle\"", "categories = [\"shoe\"]");
    });
    insta::assert_snapshot!("zones_on_the_floor", text);
}

#[test]
fn campaigns_that_do_not_fit_the_shop_are_told() {
    let text = after(|files| {
        replaced(&mut files.zones, "kind = \"till\"", "sensitive = true");
        replaced(&mut files.offers, "zones = [\"shoes\"]", "zones = [\"shoe\"]");
        replaced(&mut files.offers, "category = \"jackets\"", "category = \"jacket\"");
        replaced(&mut files.offers, "id = \"shoes-socks\"", "id = \"shoes-fitting\"");
        replaced(&mut files.offers, "{ at-most = 1, per = \"14d\" }", "{ at-most = 3, per = \"1d\" }");
    });
    insta::assert_snapshot!("campaigns_in_the_shop", text);
}

#[test]
fn a_service_is_held_against_its_own_caps() {
    let with_caps = |caps: &str| {
        let class = format!("class = \"service\"\ncaps = [{caps}]");
        after(|files| replaced(&mut files.offers, "class = \"service\"", &class))
    };
    assert_eq!(with_caps("{ at-most = 2, per = \"1d\" }"), "");
    let text = with_caps("{ at-most = 3, per = \"12h\" }");
    assert!(text.contains("at most 3 per 12h never binds: the promise is at most 3 per 1d"), "{text}");
}

#[test]
fn files_that_cannot_be_read_are_one_error_each() {
    let folder = tempfile::tempdir().unwrap();
    let told = || report(&load(folder.path())).replace(&folder.path().display().to_string(), "DIR");
    insta::assert_snapshot!("no_files", told());

    let shipped = Sources::shipped();
    fs::write(folder.path().join("gateway.toml"), [b"a\nb\n".as_slice(), &[0xff, 0xfe]].concat()).unwrap();
    fs::write(folder.path().join("site.toml"), &shipped.site).unwrap();
    fs::write(folder.path().join("zones.toml"), vec![b'#'; (1 << 20) + 1]).unwrap();
    fs::create_dir(folder.path().join("offers.toml")).unwrap();
    fs::write(folder.path().join("promise.toml"), &shipped.promise).unwrap();
    insta::assert_snapshot!("unreadable_files", told());
}

#[test]
fn files_that_the_broker_needs_are_looked_for_beside_the_five() {
    let folder = tempfile::tempdir().unwrap();
    let mut shipped = Sources::shipped();
    replaced(&mut shipped.gateway, "# username = \"emma\"", "username = \"emma\"\npassword-file = \"password\"");
    let texts = [&shipped.gateway, &shipped.site, &shipped.zones, &shipped.offers, &shipped.promise];
    for (file, text) in FILES.iter().zip(texts) {
        fs::write(folder.path().join(file), text).unwrap();
    }
    let loaded = load(folder.path());
    assert_eq!(loaded.problems.len(), 1, "{}", report(&loaded));
    assert!(loaded.problems[0].what.starts_with("`password-file`: there is no file"));
    fs::write(folder.path().join("password"), "x").unwrap();
    let loaded = load(folder.path());
    assert_eq!(report(&loaded), "");
    let mqtt = loaded.config.unwrap().gateway.mqtt.unwrap();
    assert_eq!(mqtt.password_file, Some(folder.path().join("password")));
}

#[test]
fn kinds_that_no_text_can_name_are_told() {
    let with = |kind: &str, edit: fn(&mut Sources)| {
        let body = format!("Zur Kasse: {{nearest.{kind}}}.");
        after(|files| {
            replaced(&mut files.offers, "An der Kasse wartet ein Kaffee auf Sie.", &body);
            edit(files);
        })
    };
    assert_eq!(with("till", |_| ()), "");
    let reports = [
        with("tills", |_| ()),
        with("lift", |_| ()),
        with("till", |files| {
            replaced(&mut files.zones, "kind = \"till\"", "kind = \"till\"\nsensitive = true");
            replaced(&mut files.offers, "zones = [\"till\"]", "zones = \"any\"");
        }),
        with("till", |files| files.zones = files.zones.replace("kind = ", "# kind = ")),
    ];
    insta::assert_snapshot!("kinds", reports.join("----\n"));
}

#[test]
fn a_file_of_nothing_but_problems_is_told_briefly() {
    let text = after(|files| {
        files.zones = (0..5_000).fold(String::new(), |mut text, index| {
            writeln!(text, "x{index} = 1").unwrap();
            text
        });
    });
    assert!(text.contains("zones.toml: error: and 4900 more"), "{text}");
}

#[test]
fn values_nested_without_end_are_refused() {
    let brackets = "[".repeat(100_000);
    let key = "a.".repeat(100_000) + "b = 1";
    for deep in [format!("x = {brackets}"), "x = ".to_owned() + &"{a=".repeat(100_000), brackets, key] {
        assert!(check(&Sources { zones: deep.clone(), offers: deep, ..Sources::shipped() }).config.is_none());
    }
}

/// Pieces of TOML and of the five files, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let odd =
        ["[", "]", "{", "}", "\n", "'", "\"", "=", "1e999", "-1", "nan", "99999999999999999999", "é", "[[", "]]", "."];
    let words: Vec<&'static str> = [GATEWAY, SITE, ZONES, OFFERS, PROMISE]
        .into_iter()
        .flat_map(|text| text.split_inclusive(&[' ', '\n', '[', ']', '"', '=', ',']))
        .chain(odd)
        .collect();
    prop::collection::vec(prop::sample::select(words), 0..60).prop_map(|words| words.concat())
}

/// One of the five with a few bytes exchanged or taken out.
fn mutated() -> impl Strategy<Value = String> {
    let text = prop::sample::select(vec![GATEWAY, SITE, ZONES, OFFERS, PROMISE]);
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6);
    (text, edits).prop_map(|(text, edits)| {
        let mut bytes = text.as_bytes().to_vec();
        for (place, byte) in edits {
            let place = place.index(bytes.len());
            if byte < 64 {
                bytes.remove(place);
            } else {
                bytes[place] = byte;
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// In every file in turn: no panic, a configuration exactly when there is no error, and nothing that moves a terminal.
fn survives(text: &str) {
    for place in 0..5 {
        let mut sources = full();
        let Sources { gateway, site, zones, offers, promise, .. } = &mut sources;
        if let Some(file) = [gateway, site, zones, offers, promise].into_iter().nth(place) {
            text.clone_into(file);
        }
        let loaded = check(&sources);
        assert_eq!(loaded.config.is_some(), loaded.counts().0 == 0, "{}", report(&loaded));
        assert!(!report(&loaded).contains(|c: char| c.is_control() && c != '\n'), "{:?}", report(&loaded));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        survives(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_pieces_are_survived(text in pieces()) {
        survives(&text);
    }

    #[test]
    fn any_slip_of_the_hand_is_survived(text in mutated()) {
        survives(&text);
    }

    #[test]
    fn any_environment_is_survived(name in "(EMMA_)?[A-Za-z_.é]{0,20}", value in ".{0,20}") {
        let loaded = check(&Sources { env: vec![(name, value)], ..Sources::shipped() });
        prop_assert_eq!(loaded.config.is_some(), loaded.counts().0 == 0);
    }

    #[test]
    fn any_bytes_on_disk_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let folder = tempfile::tempdir().unwrap();
        for file in FILES {
            fs::write(folder.path().join(file), &bytes).unwrap();
        }
        prop_assert!(load(folder.path()).config.is_none());
    }
}
