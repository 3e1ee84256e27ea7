//! `site.toml`: one shop. Retail ops edit it.

use jiff::tz::TimeZone;

use super::Name;
use super::file::File;
use super::problem::nearest;
use super::reader::Table;
use super::tree::At;
use super::values::{check_language, check_unique};
use crate::gateway::advertisement::GatewayIndex;
use crate::gateway::zone::{Anchor, PathLoss};

/// Nothing in a shop is farther away than this, in metres: larger numbers are millimetres.
pub(super) const WIDEST_M: f64 = 1_000.0;

/// How high a Pi hangs where nothing is said, in metres: under a shop's ceiling.
const DEFAULT_HEIGHT_M: f64 = 2.4;

/// More Pis than any shop has; it bounds what each device can cost.
const MOST_GATEWAYS: usize = 64;

/// What `site.toml` says. Fixed beacons are read and checked, and not in force yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// The shop's name, for people.
    pub name: Name,
    /// The shop's civil time.
    pub time_zone: TimeZone,
    /// For texts missing in the customer's own language.
    pub language: Option<Name>,
    /// Width and depth of the floor in metres.
    pub floor_m: Option<(f64, f64)>,
    /// The Pis, in the order of the file; a [`GatewayIndex`] counts them.
    pub gateways: Vec<SiteGateway>,
    /// What levels do with distance, surveyed or assumed.
    pub path_loss: PathLoss,
}

/// One Pi of the shop.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteGateway {
    /// Its id.
    pub id: Name,
    /// Where it hangs, in metres from the plan's corner.
    pub position_m: Option<(f64, f64)>,
    /// How high above the floor, in metres.
    pub height_m: f64,
    /// How much louder than the shop's path loss it hears everything, in dB; 0 where nobody surveyed it.
    pub offset_db: f64,
}

impl SiteGateway {
    /// What it says about places, if its own is known.
    pub fn anchor(&self) -> Option<Anchor> {
        let position_m = self.position_m?;
        Some(Anchor { position_m, height_m: self.height_m, offset_db: self.offset_db })
    }
}

impl Site {
    /// The gateway named `id`.
    pub fn gateway(&self, id: &str) -> Option<GatewayIndex> {
        let index = self.gateways.iter().position(|gateway| *gateway.id == *id)?;
        u16::try_from(index).ok().map(GatewayIndex)
    }
}

/// What was read, and what the other files are held against, even where the rest is wrong.
pub(super) struct Read {
    pub(super) site: Option<Site>,
    pub(super) language: Option<Name>,
    pub(super) floor_m: Option<(f64, f64)>,
    /// Every gateway that has an id, with where it stands in the file.
    pub(super) gateways: Vec<(SiteGateway, At)>,
    pub(super) path_loss: PathLoss,
}

impl Read {
    /// The gateways' ids, in the order of the file.
    pub(super) fn gateway_ids(&self) -> Vec<Name> {
        self.gateways.iter().map(|(gateway, _)| gateway.id.clone()).collect()
    }
}

/// Reads `site.toml`.
pub(super) fn read(file: &File<'_>) -> Read {
    let mut table = file.root("site.toml");
    table.need("name", "\"Bern Marktgasse\"");
    table.need("time-zone", "\"Europe/Zurich\"");
    let name = table.text("name");
    let time_zone = time_zone(&mut table);
    let language = table.text("language");
    if let Some(language) = &language {
        check_language(file, &table.at("language"), language);
    }
    if let Some(mut location) = table.table("location", "`location`") {
        location.need("latitude", "46.95");
        location.need("longitude", "7.45");
        location.number("latitude", -90.0..=90.0);
        location.number("longitude", -180.0..=180.0);
        location.finish();
    }
    let floor_m = table.table("floor-plan", "`floor-plan`").and_then(floor_plan);
    let gateways = read_gateways(&mut table, floor_m);
    let path_loss = table.table("path-loss", "[path-loss]").map(read_path_loss).unwrap_or_default();
    for beacon in table.tables("fixed-beacon", "a fixed beacon") {
        check_fixed_beacon(beacon, floor_m);
    }
    table.finish();
    let site = || {
        let gateways = gateways.iter().map(|(gateway, _)| gateway.clone()).collect();
        Some(Site { name: name?, time_zone: time_zone?, language: language.clone(), floor_m, gateways, path_loss })
    };
    Read { site: site(), language: language.clone(), floor_m, gateways, path_loss }
}

fn time_zone(table: &mut Table<'_>) -> Option<TimeZone> {
    let text = table.text("time-zone")?;
    let found = TimeZone::get(&text).ok();
    if found.is_none() {
        let known: Vec<_> = jiff::tz::db().available().collect();
        let hint = nearest(&text, known.iter().map(jiff::tz::TimeZoneName::as_str)).map_or_else(
            || "write continent and city, such as \"Europe/Zurich\"".to_owned(),
            |near| format!("write \"{near}\""),
        );
        table.error("time-zone", format!("`{text}` is no time zone"), hint);
    }
    found
}

fn floor_plan(mut table: Table<'_>) -> Option<(f64, f64)> {
    table.need("width-m", "12.0");
    table.need("height-m", "8.0");
    table.text("image");
    let [width, height] = ["width-m", "height-m"].map(|key| {
        let metres = table.number(key, 0.0..=f64::MAX)?;
        if metres > WIDEST_M {
            table.error(
                key,
                format!("a shop {:.0} km across: are these millimetres?", metres / 1_000.0),
                "write metres",
            );
            return None;
        }
        if metres < 0.5 {
            table.error(key, format!("a shop {metres} m across is none"), "write metres");
            return None;
        }
        Some(metres)
    });
    table.finish();
    Some((width?, height?))
}

/// What a survey found; what it does not say is assumed.
fn read_path_loss(mut table: Table<'_>) -> PathLoss {
    let assumed = PathLoss::default();
    let read = PathLoss {
        exponent: table.number("exponent", 0.5..=6.0).unwrap_or(assumed.exponent),
        at_1m_dbm: table.number("at-1m-dbm", -100.0..=-20.0).unwrap_or(assumed.at_1m_dbm),
        sigma_db: table.number("sigma-db", 1.0..=20.0).unwrap_or(assumed.sigma_db),
    };
    table.finish();
    read
}

fn read_gateways(table: &mut Table<'_>, floor_m: Option<(f64, f64)>) -> Vec<(SiteGateway, At)> {
    let mut gateways: Vec<(SiteGateway, At)> = Vec::new();
    let tables = table.tables("gateway", "a gateway");
    if tables.is_empty() && !table.has("gateway") {
        table.file.lacks(
            &At::File,
            "gateway",
            "the shop has no gateway".to_owned(),
            "write [[gateway]] and its `id` for each Pi".to_owned(),
        );
    }
    if let Some(excess) = tables.get(MOST_GATEWAYS) {
        table.file.error(&excess.here, format!("more than {MOST_GATEWAYS} gateways"), "make two sites of it");
    }
    for mut entry in tables {
        entry.need("id", "\"gw-entrance\"");
        let id = entry.id("id");
        let position_m = position(&mut entry, floor_m);
        let height_m = entry.number("height-m", 0.0..=50.0).unwrap_or(DEFAULT_HEIGHT_M);
        let offset_db = entry.number("offset-db", -30.0..=30.0).unwrap_or(0.0);
        let at = entry.at("id");
        entry.finish();
        if let Some(id) = id {
            gateways.push((SiteGateway { id, position_m, height_m, offset_db }, at));
        }
    }
    let ids: Vec<(Name, At)> = gateways.iter().map(|(gateway, at)| (gateway.id.clone(), at.clone())).collect();
    check_unique(table.file, &ids, "gateway");
    gateways
}

fn position(table: &mut Table<'_>, floor_m: Option<(f64, f64)>) -> Option<(f64, f64)> {
    let (x, y) = table.point("position-m")?;
    if let Some((width, height)) = floor_m
        && !((0.0..=width).contains(&x) && (0.0..=height).contains(&y))
    {
        table.error(
            "position-m",
            format!("[{x}, {y}] is outside the floor plan"),
            format!("the plan goes from [0, 0] to [{width}, {height}]"),
        );
    }
    Some((x, y))
}

fn check_fixed_beacon(mut table: Table<'_>, floor_m: Option<(f64, f64)>) {
    table.file.not_in_force(&table.here, "[[fixed-beacon]]");
    table.need("id", "\"wall-north\"");
    table.id("id");
    position(&mut table, floor_m);
    table.number("height-m", 0.0..=50.0);
    let kinds = ["ibeacon", "altbeacon", "eddystone-uid"];
    let given = kinds.into_iter().filter(|kind| table.has(kind)).count();
    if given != 1 {
        table.file.error(
            &table.here,
            format!("a fixed beacon transmits one format, not {given}"),
            "write one of `ibeacon`, `altbeacon`, `eddystone-uid`",
        );
    }
    if let Some(beacon) = table.table("ibeacon", "`ibeacon`") {
        check_numbers(beacon, "uuid", ["major", "minor"]);
    }
    if let Some(beacon) = table.table("altbeacon", "`altbeacon`") {
        check_numbers(beacon, "id1", ["id2", "id3"]);
    }
    if let Some(mut beacon) = table.table("eddystone-uid", "`eddystone-uid`") {
        check_hex(&mut beacon, "namespace", 20);
        check_hex(&mut beacon, "instance", 12);
        beacon.finish();
    }
    table.finish();
}

fn check_numbers(mut beacon: Table<'_>, uuid: &'static str, numbers: [&'static str; 2]) {
    check_hex(&mut beacon, uuid, 32);
    for key in numbers {
        beacon.need(key, "1");
        beacon.whole(key, 0..=65_535);
    }
    beacon.finish();
}

/// Checks `digits` hexadecimal digits; 32 are a UUID, whose hyphens have their places.
fn check_hex(table: &mut Table<'_>, key: &'static str, digits: usize) {
    let uuid = digits == 32;
    table.need(key, "\"…\"");
    let Some(text) = table.text(key) else { return };
    let hyphens: Vec<usize> = text.bytes().enumerate().filter(|(_, byte)| *byte == b'-').map(|(at, _)| at).collect();
    let bare = text.replace('-', "");
    let well_placed = hyphens.is_empty() || (uuid && hyphens == [8, 13, 18, 23]);
    if well_placed && bare.len() == digits && bare.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return;
    }
    if uuid {
        table.error(
            key,
            format!("`{key}` is no UUID"),
            "write 32 hexadecimal digits: f7826da6-4fa2-4e98-8024-bc5b71e0893e",
        );
    } else {
        table.error(
            key,
            format!("`{key}` does not have {digits} hexadecimal digits"),
            "take them from the beacon's own settings",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let file = File::new("site.toml", text, &[]);
        read(&file);
        file.into_problems()
            .into_iter()
            .map(|problem| format!("{:?} {} = {}", problem.line, problem.what, problem.hint))
            .collect()
    }

    const HEAD: &str = "name = 'Bern'\ntime-zone = 'Europe/Zurich'\n";

    #[test]
    fn a_zone_name_is_put_right() {
        assert_eq!(
            problems("name = 'Bern'\ntime-zone = 'Europe/Zürich'\n[[gateway]]\nid = 'a'\n"),
            ["Some(2) `Europe/Zürich` is no time zone = write \"Europe/Zurich\""]
        );
    }

    #[test]
    fn millimetres_are_asked_about() {
        let found =
            problems(&format!("{HEAD}floor-plan = {{ width-m = 21000, height-m = 18.0 }}\n[[gateway]]\nid = 'a'\n"));
        assert_eq!(found, ["Some(3) a shop 21 km across: are these millimetres? = write metres"]);
    }

    #[test]
    fn a_gateway_hangs_in_its_shop_once() {
        let text = format!(
            "{HEAD}floor-plan = {{ width-m = 12, height-m = 8 }}\n[[gateway]]\nid = 'a'\nposition-m = [13, 1]\n[[gateway]]\nid = 'a'\n"
        );
        assert_eq!(
            problems(&text),
            [
                "Some(6) [13, 1] is outside the floor plan = the plan goes from [0, 0] to [12, 8]",
                "Some(8) another gateway is called `a` already in line 5 = give each its own id",
            ]
        );
    }

    #[test]
    fn a_fixed_beacon_is_checked_though_not_in_force() {
        let text = format!(
            "{HEAD}[[gateway]]\nid = 'a'\n[[fixed-beacon]]\nid = 'w'\nibeacon = {{ uuid = 'xyz', major = 1, minor = 70000 }}\n"
        );
        let found = problems(&text);
        assert!(found[0].contains("not in force yet"));
        assert!(
            found[1].contains("`minor` cannot be 70000") && found[2].contains("no UUID")
                || found[1].contains("no UUID"),
            "{found:?}"
        );
        assert_eq!(found.len(), 3);
    }
}
