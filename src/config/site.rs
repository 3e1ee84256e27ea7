//! `site.toml`: one shop. Retail ops edit it.

use jiff::tz::TimeZone;

use super::Name;
use super::file::File;
use super::fixed::{self, FixedBeacon};
use super::floor;
use super::problem::nearest;
use super::reader::Table;
use super::surveyed::{self, SurveyPoint};
use super::tree::At;
use super::values::{check_language, check_unique};
use crate::gateway::advertisement::GatewayIndex;
use crate::gateway::zone::{Anchor, PathLoss};

/// Nothing in a shop is farther away than this, in metres: larger numbers are millimetres.
pub(super) const WIDEST_M: f64 = 1_000.0;

/// Shops under one roof end about here, in metres: the largest hypermarkets are some 200 by 125.
const LARGE_M: f64 = 300.0;

/// How high a Pi or a fixed beacon hangs where nothing is said, in metres: under a shop's ceiling.
pub(super) const DEFAULT_HEIGHT_M: f64 = 2.4;

/// The longest name of a scanner, in characters, as long as an id.
const LONGEST_SCANNER: usize = 64;

/// More Pis than any shop has; it bounds what each device can cost.
const MOST_GATEWAYS: usize = 64;

/// What `site.toml` says.
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
    /// The shop's own transmitters, in the order of the file.
    pub fixed_beacons: Vec<FixedBeacon>,
    /// What levels do with distance, surveyed or assumed.
    pub path_loss: PathLoss,
    /// What a survey heard, where there was one.
    pub survey_points: Vec<SurveyPoint>,
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
    /// The name under which it publishes, for a remote scanner; nothing is its id.
    pub scanner: Option<Name>,
}

impl SiteGateway {
    /// The name under which a remote scanner there publishes, as [`folded`].
    pub fn scanner_name(&self) -> String {
        folded(self.scanner.as_deref().unwrap_or(&self.id))
    }

    /// What it says about places, if its own is known.
    pub fn anchor(&self) -> Option<Anchor> {
        let position_m = self.position_m?;
        Some(Anchor { position_m, height_m: self.height_m, offset_db: self.offset_db })
    }
}

/// A scanner's name as names are compared: capitals do not count, nor the colons of an address.
pub fn folded(name: &str) -> String {
    name.chars().filter(|c| *c != ':').flat_map(char::to_lowercase).collect()
}

impl Site {
    /// The gateway named `id`.
    pub fn gateway(&self, id: &str) -> Option<GatewayIndex> {
        let index = self.gateways.iter().position(|gateway| *gateway.id == *id)?;
        u16::try_from(index).ok().map(GatewayIndex)
    }

    /// The id of what a level can be told for: a gateway, or a fixed beacon counted on from them.
    pub fn anchor_id(&self, anchor: GatewayIndex) -> Option<&Name> {
        let gateways = self.gateways.iter().map(|gateway| &gateway.id);
        gateways.chain(self.fixed_beacons.iter().map(|beacon| &beacon.id)).nth(usize::from(anchor.0))
    }

    /// The place of each fixed beacon among what a level can be told for: the gateway that it is fixed to, else its own,
    /// counted on from the gateways.
    pub fn fixed_beacon_anchors(&self) -> Vec<GatewayIndex> {
        anchors(self.gateways.len(), &self.fixed_beacons)
    }
}

fn anchors(gateways: usize, beacons: &[FixedBeacon]) -> Vec<GatewayIndex> {
    // At most 64 of each.
    let own = |index: usize| GatewayIndex(u16::try_from(gateways + index).unwrap_or(u16::MAX));
    beacons.iter().enumerate().map(|(index, beacon)| beacon.gateway.unwrap_or_else(|| own(index))).collect()
}

/// What was read, and what the other files are held against, even where the rest is wrong.
pub(super) struct Read {
    pub(super) site: Option<Site>,
    pub(super) language: Option<Name>,
    pub(super) floor_m: Option<(f64, f64)>,
    /// Whether something is written of the floor, right or wrong.
    pub(super) has_floor: bool,
    /// Every gateway that has an id, with where it stands in the file.
    pub(super) gateways: Vec<(SiteGateway, At)>,
    pub(super) fixed_beacons: Vec<FixedBeacon>,
}

impl Read {
    /// The gateways' ids, in the order of the file.
    pub(super) fn gateway_ids(&self) -> Vec<Name> {
        self.gateways.iter().map(|(gateway, _)| gateway.id.clone()).collect()
    }

    /// What a zone can be `near`, and where that counts: the gateways, then the fixed beacons.
    pub(super) fn anchors(&self) -> Vec<(Name, GatewayIndex)> {
        let own = (0..).map(GatewayIndex);
        let gateways = self.gateways.iter().map(|(gateway, _)| gateway.id.clone()).zip(own);
        let beacons = self.fixed_beacons.iter().map(|beacon| beacon.id.clone());
        gateways.chain(beacons.zip(anchors(self.gateways.len(), &self.fixed_beacons))).collect()
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
    let has_floor = table.has("floor-plan");
    let floor_m = table.table("floor-plan", "`floor-plan`").and_then(floor_plan);
    let gateways = read_gateways(&mut table, floor_m);
    let gateway_ids: Vec<Name> = gateways.iter().map(|(gateway, _)| gateway.id.clone()).collect();
    let fixed_beacons = fixed::read(&mut table, &gateway_ids, floor_m);
    let path_loss = table.table("path-loss", "[path-loss]").map(surveyed::path_loss).unwrap_or_default();
    let survey_points = surveyed::points(&mut table, &gateway_ids, floor_m);
    table.finish();
    let site = || {
        let gateways = gateways.iter().map(|(gateway, _)| gateway.clone()).collect();
        let (language, fixed_beacons) = (language.clone(), fixed_beacons.clone());
        let (name, time_zone, survey_points) = (name?, time_zone?, survey_points.clone());
        Some(Site { name, time_zone, language, floor_m, gateways, fixed_beacons, path_loss, survey_points })
    };
    Read { site: site(), language: language.clone(), floor_m, has_floor, gateways, fixed_beacons }
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
            let unit = if metres > 10.0 * WIDEST_M { "millimetres" } else { "centimetres" };
            table.error(key, format!("a shop {:.0} km across: are these {unit}?", metres / 1_000.0), "write metres");
            return None;
        }
        if metres > LARGE_M {
            let hint = "write metres; if it truly is so large, make a site of each part";
            table.file.warning(&table.at(key), format!("a shop {metres} m across: are these centimetres?"), hint);
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
        let scanner = scanner(&mut entry);
        let (at, scanner_at) = (entry.at("id"), entry.at("scanner"));
        entry.finish();
        if let Some(id) = id {
            let gateway = SiteGateway { id, position_m, height_m, offset_db, scanner };
            check_scanner(table.file, &gateways, &gateway, &scanner_at);
            gateways.push((gateway, at));
        }
    }
    let ids: Vec<(Name, At)> = gateways.iter().map(|(gateway, at)| (gateway.id.clone(), at.clone())).collect();
    check_unique(table.file, &ids, "gateway");
    warn_of_one_place(table.file, &gateways);
    gateways
}

/// The name under which a scanner publishes: one level of a topic.
fn scanner(entry: &mut Table<'_>) -> Option<Name> {
    let name = entry.text("scanner")?;
    if name.chars().count() <= LONGEST_SCANNER && !name.contains(['/', '+', '#', '\n']) {
        return Some(name);
    }
    let what = format!("`scanner` is one level of a topic, of at most {LONGEST_SCANNER} characters");
    entry.error("scanner", what, "write the scanner's own name, such as \"OpenMQTTGateway_ESP32_BLE\"");
    None
}

/// Reports a scanner that two gateways would be. Equal ids are reported as such.
fn check_scanner(file: &File<'_>, earlier: &[(SiteGateway, At)], gateway: &SiteGateway, at: &At) {
    let name = gateway.scanner_name();
    let taken = earlier.iter().find(|(other, _)| other.id != gateway.id && other.scanner_name() == name);
    if let Some((other, _)) = taken {
        let what = format!("the scanner `{name}` is the gateway `{}` already", other.id);
        file.error(at, what, "give each gateway a scanner of its own; capitals and colons do not tell two apart");
    }
}

/// Two gateways in one place are most often a line that was copied.
fn warn_of_one_place(file: &File<'_>, gateways: &[(SiteGateway, At)]) {
    for (index, (gateway, at)) in gateways.iter().enumerate() {
        let is_there = |other: &&(SiteGateway, At)| {
            other.0.position_m == gateway.position_m && (other.0.height_m - gateway.height_m).abs() < 0.01
        };
        let Some((x, y)) = gateway.position_m else { continue };
        if let Some((other, _)) = gateways[..index].iter().find(is_there) {
            let what = format!("`{}` hangs where `{}` does: at [{x}, {y}]", gateway.id, other.id);
            file.warning(at, what, "measure where each hangs; two in one place tell no more than one");
        }
    }
}

pub(super) fn position(table: &mut Table<'_>, floor_m: Option<(f64, f64)>) -> Option<(f64, f64)> {
    let (x, y) = table.point("position-m")?;
    if let Some((what, hint)) = floor_m.and_then(|plan| floor::place_outside((x, y), plan)) {
        table.error("position-m", what, hint);
    }
    Some((x, y))
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
    fn a_scanner_is_one_gateway() {
        let gateways = |second: &str| {
            problems(&format!("{HEAD}[[gateway]]\nid = 'a'\nscanner = 'C8:25:2D:8E:9C:2C'\n[[gateway]]\n{second}\n"))
        };
        assert_eq!(gateways("id = 'b'\nscanner = 'OMG_ESP32'"), [""; 0]);
        let twice = "the scanner `c8252d8e9c2c` is the gateway `a` already";
        assert!(gateways("id = 'b'\nscanner = 'c8252d8e9c2c'")[0].starts_with(&format!("Some(8) {twice}")));
        assert!(gateways("id = 'C8252D8E9C2C'")[0].contains(twice));
        assert!(gateways("id = 'b'\nscanner = 'home/OMG'")[0].contains("one level of a topic"));
    }
}
