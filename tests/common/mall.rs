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

/// The promise's caps, its quiet hours, when the shop closes, the share of control groups, and whom hikers' offers are for.
const LAWS: [[&str; 5]; SHOPS] = [
    [
        "customer = [{ at-most = 3, per = '1d' }, { at-most = 5, per = '7d' }]\nvisit = 2\ngap = '3m'\n\
         campaign = [{ at-most = 1, per = '12h' }]\ncategory = [{ at-most = 2, per = '2d' }]\n\
         zone = [{ at-most = 2, per = '1d' }]\nsite = [{ at-most = 4, per = '3d' }]\n\
         service = [{ at-most = 2, per = '1d' }]\n",
        "['19:30', '08:30']",
        "20:00",
        "0.3",
        "interests = ['hiking', 'shoes']",
    ],
    [
        "customer = [{ at-most = 1, per = '20h' }, { at-most = 4, per = '8d' }]\nvisit = 1\ngap = '2h'\n\
         category = [{ at-most = 1, per = '2d' }]\nzone = [{ at-most = 1, per = '1d' }]\n\
         site = [{ at-most = 3, per = '3d' }]\nservice = [{ at-most = 1, per = '1d' }]\n",
        "['18:00', '09:30']",
        "18:30",
        "0.6",
        "interests = ['hiking'], price-band = ['mid']",
    ],
    [
        "customer = [{ at-most = 4, per = '1d' }, { at-most = 9, per = '6d' }]\nvisit = 3\ngap = '1m'\n\
         campaign = [{ at-most = 2, per = '12h' }]\nservice = [{ at-most = 4, per = '1d' }]\n",
        "['20:30', '07:30']",
        "20:00",
        "0.1",
        "price-band = ['mid', 'premium']",
    ],
];

/// Its configurations: the first, one that tightens it, and one that loosens it.
pub(crate) const SHOPS: usize = 3;

/// The shop, as one of its configurations has it.
pub(crate) fn shop(which: usize) -> Shop {
    let [caps, quiet, closes, share, interests] = LAWS[which];
    let gateway = |id: &str, x, y| (id.to_owned(), (x, y));
    let zones = format!(
        "
        [opening-hours]
        mon-sat = '08:00-{closes}'
        exceptions = {{ 2026-10-23 = '10:00-16:00' }}
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
        "
    );
    let offers = [
        "[[category]]\nid = 'shoes'\nname = 'Shoes'\nreplacement-interval = '9d'\n\
         [[category]]\nid = 'coats'\nname = 'Coats'\nreplacement-interval = '1 month'\n\
         [[category]]\nid = 'wine'\nname = 'Wine'\nsensitive = true\n"
            .to_owned(),
        campaign(
            "fitting",
            "'entered'",
            "['shoes']",
            "category = 'shoes'\npriority = 70\ncaps = [{ at-most = 1, per = '3d' }]",
        ),
        campaign("socks", "'entered'", "['shoes']", "category = 'shoes'\npriority = 40"),
        campaign(
            "boots",
            "{ dwelled = '40s' }",
            "['shoes', 'hall']",
            &format!("category = 'shoes'\ncontrol-group = {share}"),
        ),
        campaign(
            "coats",
            "'entered'",
            "['hall', 'door']",
            &format!("category = 'coats'\ncaps = [{{ at-most = 2, per = '36h' }}]\ncontrol-group = {share}"),
        ),
        campaign("wine", "{ dwelled = '20s' }", "['hall', 'till']", "category = 'wine'\npriority = 90"),
        campaign("coffee", "{ dwelled = '1m' }", "'any'", "class = 'reward'\ncaps = [{ at-most = 9 }]"),
        campaign("welcome", "{ dwelled = '10s' }", "['door']", "class = 'reward'\nonce-per = 'visit'\npriority = 90"),
        campaign("weekly", "{ dwelled = '25s' }", "['till']", "class = 'reward'\nonce-per = 'week'\npriority = 85"),
        campaign(
            "wished",
            "'entered'",
            "['shoes', 'hall']",
            "category = 'coats'\ntier = 'personal'\naudience = { wishes = true }\nprice = '129 CHF'\npriority = 30",
        ),
        campaign(
            "hikers",
            "'entered'",
            "['shoes', 'door']",
            &format!("category = 'shoes'\ntier = 'personal'\naudience = {{ {interests} }}\npriority = 75"),
        ),
        campaign("waiting", "{ dwelled = '15s' }", "['till']", "class = 'service'")
            .replace("Something", "{value.till-minutes} minutes"),
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
        zones,
        offers: offers.concat(),
        promise: format!("quiet-hours = {quiet}\n[caps]\n{caps}"),
    }
}

/// One in thirty comes each day, and asks for nothing but offers: to them enough is said that they can have had enough.
pub(crate) fn is_regular(n: u16) -> bool {
    n.is_multiple_of(30)
}

/// A consent of some kind for shopper `n`, as a record.
pub(crate) fn consent(chance: &mut Chance, n: u16, epoch: u64, now_us: i64, mut until_us: i64) -> String {
    const HOUR_US: i64 = 3_600_000_000;
    if is_regular(n) {
        let rest = r#","purposes":["offers","personalisation","lift-measurement"],"interests":["hiking"],"price_band":"mid","wishes":[{"category":"coats"}]"#;
        return record(&format!("c-{n:05}"), epoch, "personal", n, [now_us - HOUR_US, until_us], rest);
    }
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
    sometimes(2, &[r#""interests":["hiking"]"#, r#""interests":["tea"]"#]);
    sometimes(2, &[r#""price_band":"mid""#, r#""price_band":"premium""#]);
    sometimes(3, &[r#""pinned_categories":["coats"]"#]);
    sometimes(
        2,
        &[
            r#""wishes":[{"category":"coats"}]"#,
            r#""wishes":[{"category":"coats","max_price":"150 CHF"},{"category":"shoes"}]"#,
            r#""wishes":[{"category":"coats","max_price":"99 CHF"}]"#,
            r#""wishes":[{"category":"coats","until":"2026-10-20"}]"#,
        ],
    );
    if n % 29 == 5 {
        rest.push_str(r#","test":true"#);
    }
    if chance.once_in(6) {
        let until_us = now_us + HOUR_US * i64::try_from(1 + chance.below(72)).unwrap();
        write!(rest, r#","paused_until":"{}""#, jiff::Timestamp::from_microsecond(until_us).unwrap()).unwrap();
    }
    if chance.once_in(5) {
        until_us = now_us + HOUR_US + i64::try_from(chance.below(48 * 3_600_000_000)).unwrap();
    }
    record(&format!("c-{n:05}"), epoch, tier, n, [now_us - HOUR_US, until_us], &rest)
}
