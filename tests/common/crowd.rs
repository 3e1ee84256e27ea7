//! Customers who come into a shop one after another, heard from a capture at its own speed, so that offers are made all the
//! time. Each stays at the desk for four seconds and then at the door, where there is an offer as well.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::fmt::Write as _;
use std::ops::Range;

use emma::radio::encode;

use crate::daemon::{IBEACON, Shop};

/// A quarter of a second in microseconds: they are heard so often.
const STEP_US: u64 = 250_000;

/// How often they are heard at the desk, and then at the door.
const AT_EACH: u64 = 16;

/// A shop that hears what [`capture`] wrote, and has taken consents of so many customers.
pub(crate) fn shop(port: u16, customers: u16) -> Shop {
    let shop = Shop::new(port);
    let gateway = std::fs::read_to_string(shop.config().join("gateway.toml")).unwrap();
    let gateway = gateway.replace("\"auto\"", "\"none\"").replace("\"trace\"", "\"debug\"");
    shop.write("gateway.toml", &(gateway + "[capture]\nfiles = [\"crowd.jsonl\"]\n"));
    shop.write("site.toml", SITE);
    shop.write("zones.toml", ZONES);
    shop.write("offers.toml", OFFERS);
    come(&shop, 0..0, 1);
    let consents: String = (0..customers).map(|n| consent(n) + "\n").collect();
    shop.import(&consents);
    shop
}

/// From the next start on these come, one each `every_us`.
pub(crate) fn come(shop: &Shop, customers: Range<u16>, every_us: u64) {
    let mut heard: Vec<(u64, String)> = Vec::new();
    for (place, n) in (0_u64..).zip(customers) {
        let data = hex::encode(encode::manufacturer_data(0x004c, &beacon(n)).unwrap());
        for step in 0..2 * AT_EACH {
            let gateway = if step < AT_EACH { "desk" } else { "door" };
            let t_us = place * every_us + step * STEP_US;
            let line = format!(
                r#"{{"t":{t_us},"gateway":"{gateway}","address":"C0:FF:EE:00:{:02X}:{:02X}","address_type":"random","rssi":-60,"data":"{data}"}}"#,
                n >> 8,
                n & 0xff
            );
            heard.push((t_us, line));
        }
    }
    heard.sort();
    let mut capture = String::new();
    for (_, line) in heard {
        writeln!(capture, "{line}").unwrap();
    }
    shop.write("crowd.jsonl", &capture);
}

/// The manufacturer data of a customer's beacon.
fn beacon(n: u16) -> [u8; 23] {
    let mut beacon = IBEACON;
    beacon[20..22].copy_from_slice(&n.to_be_bytes());
    beacon
}

/// What a customer agreed to.
pub(crate) fn consent(n: u16) -> String {
    format!(
        r#"{{"customer":"c{n:05}","epoch":1,"tier":"contextual","purposes":["offers"],"identifiers":[{{"ibeacon":{{"uuid":"41424344-4546-4748-494a-4b4c4d4e4f50","major":1,"minor":{n}}}}}],"valid_from":"2020-01-01T00:00:00Z","valid_until":"2035-01-01T00:00:00Z","inbox":{{"push":"inbox-{n:05}"}}}}"#
    )
}

const SITE: &str = r#"
name = "Hall"
time-zone = "Europe/Zurich"
[[gateway]]
id = "sensor10"
position-m = [7.0, 7.1]
[[gateway]]
id = "desk"
position-m = [1.0, 1.0]
[[gateway]]
id = "door"
position-m = [20.0, 20.0]
"#;

const ZONES: &str = r#"
enter-after = "1s"
[[zone]]
id = "at-the-desk"
name = { de = "Tisch" }
near = "desk"
enter-dbm = -78
leave-dbm = -95
[[zone]]
id = "at-the-door"
name = { de = "Tür" }
near = "door"
enter-dbm = -78
leave-dbm = -95
"#;

pub(crate) const OFFERS: &str = r#"
[[category]]
id = "tables"
[[campaign]]
id = "oak"
zones = ["at-the-desk"]
category = "tables"
trigger = "entered"
[campaign.text.de]
title = "Eiche"
body = "Hier am {zone}."
[[campaign]]
id = "elm"
zones = ["at-the-door"]
category = "tables"
trigger = "entered"
[campaign.text.de]
title = "Ulme"
body = "Hier an der {zone}."
"#;
