//! What mutants are made of: one sound piece of each kind at least, and the shared vectors where they are.

use std::path::{Path, PathBuf};

use emma::config::offers::{Coupon, CouponKey, Scheme};
use emma::config::{FILES, template};
use emma::radio::encode;
use serde_json::Value;

const UUID: [u8; 16] = *b"ABCDEFGHIJKLMNOP";

/// An LE advertising report of `ble_monitor`'s test-suite, as an HCI event.
const EVENT: &str = "3e2a02010001433ea2c96b6a1e02011a1aff4c000215e2c56db5dffb48d2b060d0f5a71096e000640000c5b3";

/// An extended advertising report (Core 5.4, volume 4, part E, 7.7.65.13): a complete one with flags alone.
const EXTENDED: &str = "3e1d0d01100001c9a4e1b2c3d40100ff7fc5000000000000000000030201061a";

const LINES: &str = r#"{"t":1668027000123456,"gateway":"gw-shoes","address":"C0:FF:EE:00:00:01","address_type":"public","rssi":-67,"data":"0201061aff4c0002154142434445464748494a4b4c4d4e4f5000010002c5"}
{"t":1668027000123457,"gateway":"gw-till","address":"C0:FF:EE:00:00:02","address_type":"random","rssi":20,"data":""}
"#;

const CONSENTS: [&str; 3] = [
    r#"{"customer":"karoline-7","epoch":1,"tier":"contextual","purposes":["offers"],"identifiers":[{"ibeacon":{"uuid":"41424344-4546-4748-494a-4b4c4d4e4f50","major":1,"minor":2}}],"valid_from":"2020-01-01T00:00:00Z","valid_until":"2035-01-01T00:00:00Z","inbox":{"push":"q7JrInbox"},"language":"en"}"#,
    r#"{"customer":"karoline-7","epoch":3,"tier":"personal","purposes":["offers","lift-measurement"],"sites":["bern"],"categories":["shoes"],"identifiers":[{"eddystone_uid":{"namespace":"f7826da64fa24e988024","instance":"0123456789ab"}},{"phone":{"id":"p1"}},{"irk":"ec0234a357c8ad05341010a60a397d9b"},{"rolling":{"day_key":"000102030405060708090a0b0c0d0e0f","day":"2026-11-22"}},{"address":"C0:FF:EE:00:00:01"}],"valid_from":"2020-01-01T00:00:00Z","valid_until":"2035-01-01T00:00:00Z","budget":3,"quiet_hours":["20:00","09:00"],"caps":{"customer":[{"at_most":1,"per":"1d"}],"visit":1,"gap":"2h"},"adult":true,"test":true,"paused_until":"2026-12-01T00:00:00Z"}"#,
    r#"{"customer":"karoline-7","epoch":2,"withdrawn":true}"#,
];

/// Topics and messages of scanners, made up after their documentation.
const OPENMQTTGATEWAY: [&str; 2] = [
    concat!(
        "home/door/BTtoMQTT/60:87:57:4C:9B:C2\n",
        r#"{"id":"60:87:57:4C:9B:C2","mac_type":1,"rssi":-78,"model_id":"IBEACON","mfid":"4c00","uuid":"4142434445464748494a4b4c4d4e4f50","major":1,"minor":2,"txpower":-59}"#
    ),
    concat!(
        "home/door/BTtoMQTT/C6C752663CBF\n",
        r#"{"id":"C6:C7:52:66:3C:BF","mac_type":0,"manufacturerdata":"4c0002154142434445464748494a4b4c4d4e4f5000010002c5","servicedatauuid":"0xfeaa","servicedata":"00ee6e616d657370616365216465766963650000","rssi":-81}"#
    ),
];

const THEENGS: [&str; 2] = [
    concat!(
        "home/hall/BTtoMQTT/D03038355D6F\n",
        r#"{"name":"tag","id":"D0:30:38:35:5D:6F","rssi":-64,"model_id":"IBEACON","mfid":"4c00","uuid":"4142434445464748494a4b4c4d4e4f50","major":1,"minor":-2,"volt":1.2}"#
    ),
    concat!(
        "home/hall/BTtoMQTT/D03038355D6F\n",
        r#"{"servicedatauuid":"feaa","servicedata":"00ee6e616d657370616365216465766963650000","id":"D0:30:38:35:5D:6F","rssi":-71}"#
    ),
];

const ESPRESENSE: [&str; 2] = [
    concat!(
        "espresense/devices/iBeacon:x/till\n",
        r#"{"mac":"c0ffee000001","id":"iBeacon:41424344-4546-4748-494a-4b4c4d4e4f50-1-2","rssi@1m":-59,"rssi":-81.10,"distance":6.58,"int":2028}"#
    ),
    concat!(
        "espresense/devices/c0ffee000001/till\n",
        r#"{"id":"c0ffee000001","idType":55,"rssi@1m":-71,"rssi":-95,"mac":"c0ffee000001"}"#
    ),
];

const RUUVI: [&str; 2] = [
    concat!(
        "ruuvi/C8:25:2D:8E:9C:2C/C0:FF:EE:00:00:01\n",
        r#"{"gw_mac":"C8:25:2D:8E:9C:2C","rssi":-26,"aoa":[],"gwts":"1653668027","ts":"1653668020","data":"0201061AFF4C0002154142434445464748494A4B4C4D4E4F5000010002C5","coords":""}"#
    ),
    concat!(
        "ruuvi/C8:25:2D:8E:9C:2C/C0:FF:EE:00:00:01\n",
        r#"{"gw_mac":"C8:25:2D:8E:9C:2C","rssi":-25,"cnt":"338","data":"020106"}"#
    ),
];

const PHONE: [&str; 1] = [concat!(
    "emma/v1/bern/heard/p1\n",
    r#"[{"ibeacon":{"uuid":"f7826da6-4fa2-4e98-8024-bc5b71e0893e","major":1,"minor":7},"rssi":-67,"t":1668027000123456},{"eddystone_uid":{"namespace":"f7826da64fa24e988024","instance":"0123456789ab"},"rssi":-80,"t":1668027000456789}]"#
)];

/// What comes in (docs/talking-back.md), each after the rest of its topic.
const INCOMING: [&str; 10] = [
    "feedback/q7Jr\n{\"offer_id\":\"b9d1\",\"kind\":\"dismissed\"}",
    "feedback/q7Jr\n{\"offer_id\":\"b9d1\",\"kind\":\"snooze\",\"for\":\"2h\"}",
    "ask/q7Jr\n",
    "purchase\n{\"customer\":\"karoline-7\",\"category\":\"shoes\",\"kind\":\"sale\",\"at\":\"2026-11-02T10:00:00Z\"}",
    "value/till-minutes\n{\"value\":4,\"at\":\"2026-11-02T10:00:00Z\",\"good_for_secs\":90}",
    "control/pause\n{\"do\":\"pause\",\"at\":\"2026-11-02T10:00:00Z\",\"until\":\"2026-11-02T12:00:00+01:00\"}",
    "control/campaign/oak\n{\"do\":\"stop\",\"at\":\"2026-11-02T10:00:00Z\"}",
    "control/offer/b9d1\n{\"do\":\"recall\",\"at\":\"2026-11-02T10:00:00Z\"}",
    "subject\n{\"do\":\"export\",\"inbox\":\"q7Jr\"}",
    "subject\n{\"do\":\"erase\",\"customer\":\"karoline-7\"}",
];

/// What a registrar says (docs/registrar.md).
const REGISTRAR: [&str; 3] = [
    "consent\n{\"customer\":\"karoline-7\",\"epoch\":2,\"withdrawn\":true}",
    "consent-feed\n{\"registrar\":\"hq\",\"at\":\"2026-11-02T10:00:00Z\",\"count\":3,\"digest\":\"552c508a4fee04f9ddec2551614c22bcf70bd220df71ab01462c0a6b5d175366\"}",
    "consent-feed\n",
];

/// What Pis of one shop say to each other (docs/several-pis.md).
const BATCHES: [&str; 2] = [
    r#"{"life":"5f0c2a9e1b7d4433","seq":218,"at_ms":91250,"way_ms":4,"edition":{"table":"c41d09aa73e05f12","rev":12},"heard":[[17,140,-655,3],[4,90,-802,1]]}"#,
    r#"{"life":"5f0c2a9e1b7d4433","seq":1,"at_ms":0,"heard":[]}"#,
];

const PAGES: [&str; 3] = [
    r#"{"edition":{"table":"c41d09aa73e05f12","rev":12},"answers":{"life":"5f0c2a9e1b7d4433","seq":1,"held_ms":31},"part":{"number":1,"of":1,"salt":"000102030405060708090a0b0c0d0e0f"},"addresses":false,"rows":[[4,"8c3f0e5d9a7b6c41"],[17,"1f2e3d4c5b6a79880123456789abcdef"]]}"#,
    r#"{"edition":{"table":"c41d09aa73e05f12","rev":13},"answers":{"life":"5f0c2a9e1b7d4433","seq":1,"held_ms":120},"addresses":true,"rows":[[18,"99aabbccddeeff00"]],"gone":[4]}"#,
    r#"{"edition":{"table":"c41d09aa73e05f12","rev":18446744073709551615},"answers":{"life":"5f0c2a9e1b7d4433","seq":1,"held_ms":12}}"#,
];

/// The seeds of a target; the other targets' are stirred in besides.
pub(crate) fn of(target: &str) -> Vec<Vec<u8>> {
    let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
    match target {
        "ad" => [advertisements(), vectors()].concat(),
        "ibeacon" => vec![encode::ibeacon(&UUID, 1, 2, -59)[6..].to_vec()],
        "altbeacon" => {
            let bytes = encode::altbeacon(0x0118, &UUID, 1, 2, -59);
            vec![[&bytes[2..4], &bytes[6..]].concat()]
        }
        "eddystone" => advertisements().into_iter().skip(2).map(|bytes| bytes[4..].to_vec()).collect(),
        "btsnoop" => vec![btsnoop()],
        "jsonl" => texts(&[LINES]),
        "consent" => texts(&CONSENTS),
        "openmqttgateway" => texts(&OPENMQTTGATEWAY),
        "theengs" => texts(&THEENGS),
        "espresense" => texts(&ESPRESENSE),
        "ruuvi" => texts(&RUUVI),
        "phone" => texts(&PHONE),
        "incoming" => texts(&INCOMING),
        "registrar" => texts(&REGISTRAR),
        "batch" => texts(&BATCHES),
        "page" => texts(&PAGES),
        "codes" => texts(&["# boots\r\nB-7QK2-0001\nB-7QK2-0002\n\n B 3 \n"]),
        "coupon" => vec![coupon()],
        file if FILES.contains(&file) => texts(&[template(file).unwrap_or_default()]),
        other => panic!("{other} has no seeds"),
    }
}

/// A code that is good, as the fuzzer's key makes it.
fn coupon() -> Vec<u8> {
    let coupon = Coupon { scheme: Scheme::Derived(CouponKey([7; 32])), single_use: false };
    let code = emma::coupon::code(&coupon, "boots-autumn", "00ff", jiff::civil::date(2026, 11, 2));
    code.unwrap_or_default().as_bytes().to_vec()
}

/// One of each format.
fn advertisements() -> Vec<Vec<u8>> {
    vec![
        encode::ibeacon(&UUID, 1, 2, -59),
        encode::altbeacon(0x0118, &UUID, 1, 2, -59),
        encode::eddystone_uid(b"namespace!", b"device", -18),
        encode::eddystone_url(3, b"goo.gl/\x07", -18).unwrap_or_default(),
        encode::eddystone_tlm(3_000, 5_376, 7, 70),
        encode::eddystone_eid(b"ephemera", -18),
    ]
}

/// The advertising data of the shared vectors.
fn vectors() -> Vec<Vec<u8>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = std::env::var_os("EMMA_SHARED").map_or(beside, PathBuf::from);
    let text = std::fs::read_to_string(folder.join("cases/advertisements.json")).unwrap_or_default();
    let cases: Value = serde_json::from_str(&text).unwrap_or_default();
    let bytes = |vector: &Value| hex::decode(vector["hex"].as_str()?).ok();
    cases["vectors"].as_array().into_iter().flatten().filter_map(bytes).collect()
}

/// Records of btsnoop as they follow the header: a report, an extended one, a command.
fn btsnoop() -> Vec<u8> {
    [(3_u32, EVENT), (3, EXTENDED), (2, "0c200200")]
        .into_iter()
        .flat_map(|(flags, packet)| record(flags, packet))
        .collect()
}

fn record(flags: u32, packet: &str) -> Vec<u8> {
    let data = hex::decode(packet).unwrap_or_default();
    let len = u32::try_from(data.len()).unwrap_or_default().to_be_bytes();
    let time = 0x00e0_3ab4_4a67_6000_u64.to_be_bytes();
    [&len[..], &len, &flags.to_be_bytes(), &[0; 4], &time, &data].concat()
}
