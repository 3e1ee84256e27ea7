//! The simulated shop: every kind of zone, campaign, cap and customer that there is.

use std::fmt::Write as _;

use crate::chance::Chance;
use crate::shop::{Shop, campaign, record};

/// Gateways by index: where someone stands is told by the one that hears them best.
pub(crate) const DOOR: u16 = 0;
pub(crate) const HALL: u16 = 1;
pub(crate) const SHOES: u16 = 2;
pub(crate) const TILL: u16 = 3;
pub(crate) const ADVICE: u16 = 4;
pub(crate) const SPOTS: [u16; 5] = [DOOR, HALL, SHOES, TILL, ADVICE];

/// The shop.
pub(crate) fn shop() -> Shop {
    let gateway = |id: &str, x, y| (id.to_owned(), (x, y));
    let zones = "
        [opening-hours]
        mon-sat = '08:00-20:00'
        exceptions = { 2026-10-23 = '10:00-16:00' }
        [[zone]]
        id = 'door'
        name = 'Door'
        near = 'gw-door'
        [[zone]]
        id = 'hall'
        name = 'Hall'
        polygon-m = [[10.0, 0.0], [40.0, 0.0], [40.0, 30.0], [10.0, 30.0]]
        [[zone]]
        id = 'shoes'
        name = 'Shoes'
        polygon-m = [[25.0, 15.0], [35.0, 15.0], [35.0, 25.0], [25.0, 25.0]]
        [[zone]]
        id = 'till'
        name = 'Till'
        near = 'gw-till'
        [[zone]]
        id = 'advice'
        name = 'Advice'
        near = 'gw-advice'
        sensitive = true
        ";
    let offers = [
        "[[category]]\nid = 'shoes'\nname = 'Shoes'\n[[category]]\nid = 'coats'\nname = 'Coats'\n\
         [[category]]\nid = 'wine'\nname = 'Wine'\nsensitive = true\n"
            .to_owned(),
        campaign(
            "fitting",
            "'entered'",
            "['shoes']",
            "category = 'shoes'\npriority = 70\ncaps = [{ at-most = 1, per = '3d' }]",
        ),
        campaign("socks", "'entered'", "['shoes']", "category = 'shoes'\npriority = 40"),
        campaign("boots", "{ dwelled = '40s' }", "['shoes', 'hall']", "category = 'shoes'"),
        campaign("coats", "'entered'", "['hall', 'door']", "category = 'coats'\ncaps = [{ at-most = 2, per = '36h' }]"),
        campaign("wine", "{ dwelled = '20s' }", "['hall', 'till']", "category = 'wine'\npriority = 90"),
        campaign("coffee", "{ dwelled = '1m' }", "'any'", "class = 'reward'\ncaps = [{ at-most = 2 }]"),
        campaign("yours", "'entered'", "['till']", "category = 'coats'\ntier = 'personal'\npriority = 80"),
        campaign(
            "morning",
            "'entered'",
            "['door']",
            "category = 'coats'\npriority = 60\nactive = { from = '2026-10-14', until = '2026-10-30', hours = '09:00-12:00', days = 'mon-fri' }",
        ),
        campaign("collect", "'entered'", "['till']", "class = 'service'"),
        campaign("forgot", "'left'", "['till', 'door']", "class = 'service'\ncaps = [{ at-most = 1, per = '12h' }]"),
    ];
    Shop {
        gateways: vec![
            gateway("gw-door", 2.0, 2.0),
            gateway("gw-hall", 15.0, 5.0),
            gateway("gw-shoes", 30.0, 20.0),
            gateway("gw-till", 50.0, 5.0),
            gateway("gw-advice", 50.0, 30.0),
        ],
        zones: zones.to_owned(),
        offers: offers.concat(),
        promise: "quiet-hours = ['19:30', '08:30']\n[caps]\n\
            customer = [{ at-most = 3, per = '1d' }, { at-most = 5, per = '7d' }]\nvisit = 2\ngap = '3m'\n\
            campaign = [{ at-most = 1, per = '12h' }]\ncategory = [{ at-most = 2, per = '2d' }]\n\
            zone = [{ at-most = 2, per = '1d' }]\nsite = [{ at-most = 4, per = '3d' }]\n\
            service = [{ at-most = 2, per = '1d' }]\n"
            .to_owned(),
    }
}

/// A consent of some kind for shopper `n`, as a record.
pub(crate) fn consent(chance: &mut Chance, n: u16, epoch: u64, now_us: i64, mut until_us: i64) -> String {
    const HOUR_US: i64 = 3_600_000_000;
    let tier = chance.one_of(&["contextual", "contextual", "contextual", "personal", "personal", "on-request"]);
    let purposes = chance.one_of(&[
        r#"["offers"]"#,
        r#"["offers","personalisation"]"#,
        r#"["offers","personalisation"]"#,
        r#"["offers","lift-measurement"]"#,
        r#"["personalisation"]"#,
    ]);
    let mut rest = format!(r#","purposes":{purposes}"#);
    let mut sometimes = |often: u64, members: &[&str]| {
        if chance.once_in(often) {
            write!(rest, ",{}", chance.one_of(members)).unwrap();
        }
    };
    sometimes(15, &[r#""sites":["elsewhere"]"#, r#""sites":["shop","elsewhere"]"#]);
    sometimes(4, &[r#""categories":["wine"]"#, r#""categories":["shoes","wine"]"#, r#""categories":[]"#]);
    sometimes(
        4,
        &[r#""time_zone":"America/New_York""#, r#""time_zone":"Asia/Tokyo""#, r#""time_zone":"Europe/London""#],
    );
    sometimes(4, &[r#""quiet_hours":["12:00","14:00"]"#, r#""quiet_hours":["23:00","11:00"]"#]);
    sometimes(6, &[r#""budget":1"#, r#""budget":4"#, r#""budget":0"#]);
    sometimes(
        3,
        &[
            r#""caps":{"customer":[{"at_most":1,"per":"2d"}]}"#,
            r#""caps":{"visit":1,"gap":"30m"}"#,
            r#""caps":{"zone":[{"at_most":1,"per":"3d"}],"site":[{"at_most":2}]}"#,
            r#""caps":{"campaign":[{"at_most":1}],"category":[{"at_most":1,"per":"1w"}],"service":[{"at_most":1,"per":"2d"}]}"#,
        ],
    );
    if chance.once_in(6) {
        let until_us = now_us + HOUR_US * i64::try_from(1 + chance.below(72)).unwrap();
        write!(rest, r#","paused_until":"{}""#, jiff::Timestamp::from_microsecond(until_us).unwrap()).unwrap();
    }
    if chance.once_in(5) {
        until_us = now_us + HOUR_US + i64::try_from(chance.below(48 * 3_600_000_000)).unwrap();
    }
    record(&format!("c-{n:05}"), epoch, tier, n, [now_us - HOUR_US, until_us], &rest)
}
