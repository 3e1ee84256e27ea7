//! LE advertising reports in HCI events (Core 5.4, Vol 4 Part E, 7.7.65.2 and 7.7.65.13), legacy and extended.

use std::collections::BTreeMap;

use super::tally::{Flaw, Tally};
use super::{Heard, rssi_dbm};
use crate::config::Name;
use crate::gateway::advertisement::{Address, AddressKind, MAX_PAYLOAD_LEN};

/// Event code of LE Meta events.
pub(super) const LE_META: u8 = 0x3e;

/// Subevent of a legacy advertising report.
pub(super) const LEGACY: u8 = 0x02;

/// Subevent of an extended advertising report.
pub(super) const EXTENDED: u8 = 0x0d;

/// Address type of an advertisement without an address.
const ANONYMOUS: u8 = 0xff;

/// The most extended advertisements that wait for their next part. A chip has a handful under way at once.
const MAX_PARTIAL: usize = 64;

/// How long a next part is waited for, in microseconds. The parts of one advertisement follow within 25 ms; what comes
/// so much later belongs to another.
const PARTIAL_US: u64 = 1_000_000;

/// Whether an advertisement's data ends with this report.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Complete,
    MoreToCome,
    Truncated,
}

/// Which advertisement a part belongs to: adapter, address type and address, advertising set, scan response or not.
type Set = (u32, u8, [u8; 6], u8, bool);

/// One report, as the event holds it.
pub(super) struct Report<'a> {
    address_type: u8,
    /// Most significant byte first.
    address: [u8; 6],
    set_id: u8,
    scan_response: bool,
    rssi: i8,
    status: Status,
    data: &'a [u8],
}

/// The reports in `event`: nothing if it is another event, a flaw if it ends too early.
pub(super) fn advertising_reports(event: &[u8]) -> Result<Option<Vec<Report<'_>>>, Flaw> {
    let Some((&LE_META, rest)) = event.split_first() else { return Ok(None) };
    let (&len, rest) = rest.split_first().ok_or(Flaw::Report)?;
    let parameters = rest.get(..usize::from(len)).ok_or(Flaw::Report)?;
    let (&subevent, parameters) = parameters.split_first().ok_or(Flaw::Report)?;
    let found = match subevent {
        LEGACY => reports(parameters, legacy_report),
        EXTENDED => reports(parameters, extended_report),
        _ => return Ok(None),
    };
    found.map(Some).ok_or(Flaw::Report)
}

/// Reads one report from the front of some bytes: the report, and what follows.
type ReadReport = for<'a> fn(&'a [u8]) -> Option<(Report<'a>, &'a [u8])>;

/// All reports or none: of an event that ends too early nothing is believed.
fn reports(parameters: &[u8], read: ReadReport) -> Option<Vec<Report<'_>>> {
    let (&count, mut rest) = parameters.split_first()?;
    let mut reports = Vec::new();
    for _ in 0..count {
        let (report, after) = read(rest)?;
        reports.push(report);
        rest = after;
    }
    Some(reports)
}

/// Event type, address type, address (6), length, data, RSSI.
fn legacy_report(bytes: &[u8]) -> Option<(Report<'_>, &[u8])> {
    /// Event type of a scan response.
    const SCAN_RESPONSE: u8 = 0x04;

    let ([event_type, address_type], rest) = take::<2>(bytes)?;
    let (mut address, rest) = take::<6>(rest)?;
    address.reverse();
    let (&len, rest) = rest.split_first()?;
    let (data, rest) = rest.split_at_checked(usize::from(len))?;
    let (&rssi, rest) = rest.split_first()?;
    let (rssi, scan_response) = (rssi.cast_signed(), event_type == SCAN_RESPONSE);
    let status = Status::Complete;
    Some((Report { address_type, address, set_id: 0, scan_response, rssi, status, data }, rest))
}

/// Event type (2), address type, address (6), primary and secondary PHY, advertising set, sent power, RSSI, periodic
/// interval (2), directed address type and address (7), length, data.
fn extended_report(bytes: &[u8]) -> Option<(Report<'_>, &[u8])> {
    /// Bit of the event type that marks a scan response; the data's status is in the two bits above 0x10.
    const SCAN_RESPONSE: u16 = 0x08;

    let (event_type, rest) = take::<2>(bytes)?;
    let (&address_type, rest) = rest.split_first()?;
    let (mut address, rest) = take::<6>(rest)?;
    address.reverse();
    let ([_primary, _secondary, set_id, _power, rssi], rest) = take::<5>(rest)?;
    let ([_, _, _, _, _, _, _, _, _, len], rest) = take::<10>(rest)?;
    let (data, rest) = rest.split_at_checked(usize::from(len))?;
    let event_type = u16::from_le_bytes(event_type);
    let status = match event_type >> 5 & 0b11 {
        0b00 => Status::Complete,
        0b01 => Status::MoreToCome,
        _ => Status::Truncated,
    };
    let (rssi, scan_response) = (rssi.cast_signed(), event_type & SCAN_RESPONSE != 0);
    Some((Report { address_type, address, set_id, scan_response, rssi, status, data }, rest))
}

fn take<const N: usize>(bytes: &[u8]) -> Option<([u8; N], &[u8])> {
    bytes.split_first_chunk::<N>().map(|(head, rest)| (*head, rest))
}

/// Puts the parts of extended advertisements together. At most [`MAX_PARTIAL`] of at most 1,650 bytes wait.
pub(super) struct Reports {
    gateway: Name,
    partial: BTreeMap<Set, Partial>,
}

struct Partial {
    last_us: i64,
    payload: Vec<u8>,
}

impl Reports {
    /// All that is heard is `gateway`'s.
    pub(super) fn new(gateway: Name) -> Self {
        Self { gateway, partial: BTreeMap::new() }
    }

    /// The advertisement that `report` completes, if it completes one. What is of no use is counted in `tally`; a flaw
    /// is damage.
    pub(super) fn complete(
        &mut self,
        adapter: u32,
        t_us: i64,
        report: &Report<'_>,
        tally: &mut Tally,
    ) -> Result<Option<Heard>, Flaw> {
        if report.address_type == ANONYMOUS {
            tally.drop_one(Flaw::Anonymous);
            return Ok(None);
        }
        let kind = address_kind(report.address_type).ok_or(Flaw::AddressType)?;
        let set = (adapter, report.address_type, report.address, report.set_id, report.scan_response);
        let Some(payload) = self.join(set, t_us, report, tally) else { return Ok(None) };
        let Some(rssi_dbm) = rssi_dbm(report.rssi.into()) else {
            tally.drop_one(Flaw::NoRssi);
            return Ok(None);
        };
        let address = Address { bytes: report.address, kind };
        Ok(Some(Heard { t_us, gateway: self.gateway.clone(), address, rssi_dbm, payload }))
    }

    /// The whole payload, once its last part is there.
    fn join(&mut self, set: Set, t_us: i64, report: &Report<'_>, tally: &mut Tally) -> Option<Vec<u8>> {
        let mut payload = match self.partial.remove(&set) {
            Some(partial) if t_us.abs_diff(partial.last_us) <= PARTIAL_US => partial.payload,
            Some(_) => {
                tally.drop_one(Flaw::Incomplete);
                Vec::new()
            }
            None => Vec::new(),
        };
        payload.extend_from_slice(report.data);
        if report.status == Status::Truncated || payload.len() > MAX_PAYLOAD_LEN {
            tally.drop_one(Flaw::Incomplete);
            return None;
        }
        if report.status == Status::Complete {
            return Some(payload);
        }
        self.keep(set, Partial { last_us: t_us, payload }, tally);
        None
    }

    /// Keeps a part; the one that has waited longest goes first.
    fn keep(&mut self, set: Set, partial: Partial, tally: &mut Tally) {
        if self.partial.len() >= MAX_PARTIAL {
            let oldest = self.partial.iter().min_by_key(|(_, partial)| partial.last_us).map(|(set, _)| *set);
            oldest.and_then(|set| self.partial.remove(&set));
            tally.drop_one(Flaw::Incomplete);
        }
        self.partial.insert(set, partial);
    }
}

/// Public or random; an identity that the chip resolved (0x02, 0x03) counts as what it is.
fn address_kind(address_type: u8) -> Option<AddressKind> {
    match address_type {
        0x00 | 0x02 => Some(AddressKind::Public),
        0x01 | 0x03 => Some(AddressKind::Random),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An extended report of one advertising set with `data`, and its event around it.
    fn extended(event_type: u16, address_type: u8, rssi: i8, data: &[u8]) -> Vec<u8> {
        let mut event = vec![LE_META, u8::try_from(26 + data.len()).unwrap(), EXTENDED, 1];
        event.extend_from_slice(&event_type.to_le_bytes());
        event.push(address_type);
        event.extend_from_slice(&[6, 5, 4, 3, 2, 1, 1, 0, 7, 127, rssi.cast_unsigned(), 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        event.push(u8::try_from(data.len()).unwrap());
        event.extend_from_slice(data);
        event
    }

    fn feed(reports: &mut Reports, tally: &mut Tally, t_us: i64, event: &[u8]) -> Vec<Heard> {
        let found = advertising_reports(event).unwrap().unwrap();
        found.iter().filter_map(|report| reports.complete(0, t_us, report, tally).unwrap()).collect()
    }

    #[test]
    fn parts_are_joined() {
        let (mut reports, mut tally) = (Reports::new("gw".into()), Tally::default());
        assert!(feed(&mut reports, &mut tally, 0, &extended(0x20, 1, -50, &[1; 200])).is_empty());
        assert!(feed(&mut reports, &mut tally, 9, &extended(0x20, 1, -50, &[2; 200])).is_empty());
        let heard = feed(&mut reports, &mut tally, 20, &extended(0x00, 1, -51, &[3; 4]));
        assert_eq!(heard.len(), 1);
        assert_eq!((heard[0].t_us, heard[0].rssi_dbm, heard[0].payload.len()), (20, -51, 404));
        assert_eq!(heard[0].address, Address { bytes: [1, 2, 3, 4, 5, 6], kind: AddressKind::Random });
        assert_eq!(tally, Tally::default());
        assert!(reports.partial.is_empty());
    }

    #[test]
    fn what_is_incomplete_is_counted_and_bounded() {
        let (mut reports, mut tally) = (Reports::new("gw".into()), Tally::default());
        feed(&mut reports, &mut tally, 0, &extended(0x40, 1, -50, &[1; 200]));
        assert_eq!(tally.count(Flaw::Incomplete), 1);
        feed(&mut reports, &mut tally, 0, &extended(0x20, 1, -50, &[1; 200]));
        let late = feed(&mut reports, &mut tally, PARTIAL_US.cast_signed() + 1, &extended(0x00, 1, -50, &[2; 3]));
        assert_eq!((late[0].payload.len(), tally.count(Flaw::Incomplete)), (3, 2));
        for _ in 0..9 {
            feed(&mut reports, &mut tally, 0, &extended(0x20, 1, -50, &[1; 200]));
        }
        assert_eq!(tally.count(Flaw::Incomplete), 3);
        for address in 0..100 {
            let mut event = extended(0x20, 0, -50, &[]);
            event[7] = address;
            feed(&mut reports, &mut tally, 0, &event);
        }
        assert_eq!(reports.partial.len(), MAX_PARTIAL);
    }

    #[test]
    fn what_is_of_no_use_is_counted() {
        let (mut reports, mut tally) = (Reports::new("gw".into()), Tally::default());
        assert!(feed(&mut reports, &mut tally, 0, &extended(0, 0xff, -50, &[1])).is_empty());
        assert!(feed(&mut reports, &mut tally, 0, &extended(0, 0, 127, &[1])).is_empty());
        assert_eq!((tally.count(Flaw::Anonymous), tally.count(Flaw::NoRssi)), (1, 1));
        assert_eq!(feed(&mut reports, &mut tally, 0, &extended(0, 2, -50, &[1]))[0].address.kind, AddressKind::Public);
        assert_eq!(feed(&mut reports, &mut tally, 0, &extended(0, 3, -50, &[1]))[0].address.kind, AddressKind::Random);
    }

    #[test]
    fn several_reports_in_one_event_are_read() {
        let one = |last: u8| [0x00, 0x01, 6, 5, 4, 3, 2, last, 2, 1, 0xff, 0xc4];
        let event = [&[LE_META, 26, LEGACY, 2][..], &one(1), &one(9)].concat();
        let (mut reports, mut tally) = (Reports::new("gw".into()), Tally::default());
        let heard = feed(&mut reports, &mut tally, 7, &event);
        assert_eq!(heard.iter().map(|heard| heard.address.bytes[0]).collect::<Vec<_>>(), [1, 9]);
        assert_eq!((heard[0].rssi_dbm, &*heard[0].payload), (-60, &[1, 0xff][..]));
        for len in 1..event.len() {
            assert!(advertising_reports(&event[..len]).is_err(), "{len}");
        }
        assert!(advertising_reports(&[0x0e, 4, 1, 3, 12, 0]).unwrap().is_none());
        assert!(advertising_reports(&[LE_META, 1, 0x01]).unwrap().is_none());
    }
}
