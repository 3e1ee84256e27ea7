//! The shop's own transmitters: `[[fixed-beacon]]` of `site.toml`. Known and fixed in place, they are inventory: missed
//! when they fall silent, and what a phone that listens is placed by.

use super::Name;
use super::reader::Table;
use super::site::{DEFAULT_HEIGHT_M, position};
use super::tree::At;
use super::values::{check_known, check_unique};
use crate::gateway::advertisement::GatewayIndex;
use crate::gateway::consent::Identifier;
use crate::gateway::zone::Anchor;

/// A beacon every few metres of a large shop; it bounds what is held of them, and what each device can cost.
const MOST_BEACONS: usize = 64;

/// What a beacon measures at 1 m where nothing is written, in dBm: the strength that `reach` is told for.
const DEFAULT_POWER_DBM: i8 = -59;

/// One transmitter of the shop itself.
#[derive(Clone, Debug, PartialEq)]
pub struct FixedBeacon {
    /// Its id; no gateway has the same.
    pub id: Name,
    /// What it transmits; no other beacon of the shop does.
    pub identifier: Identifier,
    /// Where it hangs, in metres from the plan's corner.
    pub position_m: Option<(f64, f64)>,
    /// How high above the floor, in metres, where that is written.
    pub height_m: Option<f64>,
    /// The Pi that it is fixed to: a phone that hears the beacon is as near to the Pi.
    pub gateway: Option<GatewayIndex>,
    /// What a receiver measures at 1 m, in dBm.
    pub measured_power_dbm: i8,
}

impl FixedBeacon {
    /// What a phone that hears it says about places, if it hangs by itself and its place is known. One that is fixed to a
    /// Pi counts as that Pi.
    pub fn anchor(&self) -> Option<Anchor> {
        let position_m = self.position_m.filter(|_| self.gateway.is_none())?;
        Some(Anchor { position_m, height_m: self.height_m.unwrap_or(DEFAULT_HEIGHT_M), offset_db: 0.0 })
    }
}

/// Reads every `[[fixed-beacon]]`; one that lacks something is reported and not in the list.
pub(super) fn read(table: &mut Table<'_>, gateways: &[Name], floor_m: Option<(f64, f64)>) -> Vec<FixedBeacon> {
    let tables = table.tables("fixed-beacon", "a fixed beacon");
    if let Some(excess) = tables.get(MOST_BEACONS) {
        table.file.error(&excess.here, format!("more than {MOST_BEACONS} fixed beacons"), "make two sites of it");
    }
    let mut ids: Vec<(Name, At)> = Vec::new();
    let mut beacons: Vec<FixedBeacon> = Vec::new();
    for mut entry in tables {
        entry.need("id", "\"wall-north\"");
        let id = entry.id("id");
        if let Some(id) = &id {
            ids.push((id.clone(), entry.at("id")));
            if gateways.contains(id) {
                entry.error("id", format!("`{id}` is a gateway already"), "give each its own id");
            }
        }
        let here = entry.here.clone();
        let Some(beacon) = read_beacon(entry, id, gateways, floor_m) else { continue };
        if let Some(twin) = beacons.iter().find(|other| other.identifier == beacon.identifier) {
            let what = format!("`{}` transmits the same as `{}`", beacon.id, twin.id);
            table.file.error(&here, what, "give each beacon an identifier of its own");
        }
        beacons.push(beacon);
    }
    check_unique(table.file, &ids, "fixed beacon");
    beacons
}

fn read_beacon(
    mut table: Table<'_>,
    id: Option<Name>,
    gateways: &[Name],
    floor_m: Option<(f64, f64)>,
) -> Option<FixedBeacon> {
    let position_m = position(&mut table, floor_m);
    let height_m = table.number("height-m", 0.0..=50.0);
    let gateway = table.id("gateway");
    if let Some(gateway) = &gateway {
        check_known(table.file, &table.at("gateway"), gateway, Some(gateways), "no gateway of this file");
    }
    let gateway = gateway.and_then(|id| gateways.iter().position(|known| *known == id));
    let power_dbm = table.number("measured-power-dbm", -100.0..=20.0);
    let identifier = read_identifier(&mut table);
    table.finish();
    Some(FixedBeacon {
        id: id?,
        identifier: identifier?,
        position_m,
        height_m,
        gateway: gateway.and_then(|index| u16::try_from(index).ok()).map(GatewayIndex),
        measured_power_dbm: power_dbm.map_or(DEFAULT_POWER_DBM, whole),
    })
}

#[expect(clippy::cast_possible_truncation, reason = "what was read is from -100 to 20")]
fn whole(dbm: f64) -> i8 {
    dbm.round() as i8
}

/// The one format that it transmits.
fn read_identifier(table: &mut Table<'_>) -> Option<Identifier> {
    let kinds = ["ibeacon", "altbeacon", "eddystone-uid"];
    let given = kinds.into_iter().filter(|kind| table.has(kind)).count();
    if given != 1 {
        table.file.error(
            &table.here,
            format!("a fixed beacon transmits one format, not {given}"),
            "write one of `ibeacon`, `altbeacon`, `eddystone-uid`",
        );
    }
    let ibeacon =
        table.table("ibeacon", "`ibeacon`").and_then(|beacon| read_numbers(beacon, "uuid", ["major", "minor"]));
    let altbeacon =
        table.table("altbeacon", "`altbeacon`").and_then(|beacon| read_numbers(beacon, "id1", ["id2", "id3"]));
    let uid = table.table("eddystone-uid", "`eddystone-uid`").and_then(|mut beacon| {
        let (namespace, instance) = (read_hex(&mut beacon, "namespace"), read_hex(&mut beacon, "instance"));
        beacon.finish();
        Some(Identifier::EddystoneUid(namespace?, instance?))
    });
    let ibeacon = ibeacon.map(|(uuid, major, minor)| Identifier::IBeacon(uuid, major, minor));
    let altbeacon = altbeacon.map(|(id1, id2, id3)| Identifier::AltBeacon(id1, id2, id3));
    ibeacon.or(altbeacon).or(uid)
}

fn read_numbers(mut beacon: Table<'_>, uuid: &'static str, numbers: [&'static str; 2]) -> Option<([u8; 16], u16, u16)> {
    let uuid = read_hex(&mut beacon, uuid);
    let [first, second] = numbers.map(|key| {
        beacon.need(key, "1");
        beacon.whole(key, 0..=65_535).and_then(|number| u16::try_from(number).ok())
    });
    beacon.finish();
    Some((uuid?, first?, second?))
}

/// So many bytes in hexadecimal; 16 are a UUID, whose hyphens have their places.
fn read_hex<const BYTES: usize>(table: &mut Table<'_>, key: &'static str) -> Option<[u8; BYTES]> {
    let is_uuid = BYTES == 16;
    table.need(key, "\"…\"");
    let text = table.text(key)?;
    let hyphens: Vec<usize> = text.bytes().enumerate().filter(|(_, byte)| *byte == b'-').map(|(at, _)| at).collect();
    if hyphens.is_empty() || (is_uuid && hyphens == [8, 13, 18, 23]) {
        let mut bytes = [0; BYTES];
        if hex::decode_to_slice(text.replace('-', ""), &mut bytes).is_ok() {
            return Some(bytes);
        }
    }
    if is_uuid {
        table.error(
            key,
            format!("`{key}` is no UUID"),
            "write 32 hexadecimal digits: f7826da6-4fa2-4e98-8024-bc5b71e0893e",
        );
    } else {
        table.error(
            key,
            format!("`{key}` does not have {} hexadecimal digits", 2 * BYTES),
            "take them from the beacon's own settings",
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file::File;
    use crate::config::site;

    const HEAD: &str = "name = 'Bern'\ntime-zone = 'Europe/Zurich'\n[[gateway]]\nid = 'gw-till'\n";

    fn read_all(text: &str) -> (Vec<FixedBeacon>, Vec<String>) {
        let text = format!("{HEAD}{text}");
        let file = File::new("site.toml", &text, &[]);
        let beacons = site::read(&file).site.map(|site| site.fixed_beacons).unwrap_or_default();
        let problems = file.into_problems().into_iter();
        (beacons, problems.map(|problem| format!("{:?} {}", problem.line, problem.what)).collect())
    }

    fn beacon(id: &str, minor: u32, more: &str) -> String {
        let uuid = "f7826da6-4fa2-4e98-8024-bc5b71e0893e";
        format!("[[fixed-beacon]]\nid = '{id}'\nibeacon = {{ uuid = '{uuid}', major = 1, minor = {minor} }}\n{more}")
    }

    #[test]
    fn a_beacon_says_what_it_transmits_and_where_it_hangs() {
        let text = beacon("a", 7, "gateway = 'gw-till'\nmeasured-power-dbm = -65\n")
            + &beacon("b", 8, "position-m = [1.0, 2.0]\nheight-m = 2.4\n");
        let (beacons, problems) = read_all(&text);
        assert_eq!(problems, [""; 0]);
        let uuid = hex::decode("f7826da64fa24e988024bc5b71e0893e").unwrap().try_into().unwrap();
        assert_eq!(beacons[0].identifier, Identifier::IBeacon(uuid, 1, 7));
        assert_eq!((beacons[0].gateway, beacons[0].measured_power_dbm), (Some(GatewayIndex(0)), -65));
        assert_eq!((beacons[1].gateway, beacons[1].measured_power_dbm), (None, -59));
        assert_eq!((beacons[1].position_m, beacons[1].height_m), (Some((1.0, 2.0)), Some(2.4)));
    }

    #[test]
    fn ids_and_identifiers_are_given_once() {
        let text = beacon("a", 7, "")
            + &beacon("a", 8, "")
            + &beacon("gw-till", 9, "")
            + &beacon("d", 7, "gateway = 'gw-tills'\n");
        let (_, problems) = read_all(&text);
        assert_eq!(
            problems,
            [
                "Some(9) another fixed beacon is called `a` already in line 6",
                "Some(12) `gw-till` is a gateway already",
                "Some(14) `d` transmits the same as `a`",
                "Some(17) `gw-tills` is no gateway of this file",
            ]
        );
    }

    #[test]
    fn what_it_transmits_is_checked() {
        let text = "[[fixed-beacon]]\nid = 'w'\nibeacon = { uuid = 'xyz', major = 1, minor = 70000 }\n";
        let mut problems = read_all(text).1;
        problems.sort();
        assert_eq!(problems, ["Some(7) `minor` cannot be 70000", "Some(7) `uuid` is no UUID"]);
        let (_, problems) = read_all("[[fixed-beacon]]\nid = 'w'\n");
        assert_eq!(problems, ["Some(5) a fixed beacon transmits one format, not 0"]);
    }
}
