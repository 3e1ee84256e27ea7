//! The traffic of a shop, for the benches: the classes and weights of the corpus, half of it strangers without a
//! beacon. It is made here with a fixed seed, so that it needs no file.

use emma::gateway::consent::Consent;
use emma::gateway::consent::record::{self, Record};
use emma::radio::encode;

const ADVERTISEMENTS: usize = 100_000;
const CUSTOMERS: u16 = 500;
const UUID: [u8; 16] = *b"\xf7\x82\x6d\xa6\x4f\xa2\x4e\x98\x80\x24\xbc\x5b\x71\xe0\x89\x3e";
const STORE: [u8; 16] = *b"\x2f\x23\x44\x54\xcf\x6d\x4a\x0f\xad\xf2\xf4\x91\x1b\xa9\xff\xa6";

/// A xorshift generator: the mix has to be the same each time, not random.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self, below: u16) -> u16 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u16::try_from((self.0 >> 16) % u64::from(below)).unwrap()
    }

    fn bytes(&mut self, len: u16) -> Vec<u8> {
        (0..len).map(|_| u8::try_from(self.next(256)).unwrap()).collect()
    }
}

/// One payload, its kind chosen with the corpus' weights in thousandths.
fn payload(seeded: &mut Seeded) -> Vec<u8> {
    let index = seeded.next(60);
    let beacon = match seeded.next(1000) {
        0..250 => encode::ibeacon(&UUID, 1, seeded.next(CUSTOMERS), -59),
        250..320 => encode::ibeacon(&STORE, 1, index, -62),
        320..350 => encode::eddystone_uid(&[7; 10], &[0, 0, 0, 7, 0, 1], -18),
        350..370 => encode::eddystone_url(3, b"shop.example\x07deal", -18).unwrap(),
        370..385 => encode::eddystone_tlm(2950, 5376, 77, 99),
        385..400 => encode::eddystone_eid(b"\x01\x02\x03\x04\x05\x06\x07\x08", -18),
        400..450 => encode::altbeacon(0x0118, &STORE, 2, index, -60),
        450..700 => encode::manufacturer_data(0x004c, &[&[0x10, 0x05][..], &seeded.bytes(5)].concat()).unwrap(),
        700..740 => encode::service_data16(0xfe2c, &seeded.bytes(3)).unwrap(),
        740..810 => encode::manufacturer_data(0x0006, &seeded.bytes(23)).unwrap(),
        810..840 => encode::service_data16(0xfeed, &seeded.bytes(10)).unwrap(),
        840..950 => encode::manufacturer_data(0x0075, &seeded.bytes(14)).unwrap(),
        _ => seeded.bytes(20),
    };
    [encode::flags(0x06), beacon].concat()
}

/// The payloads.
pub(crate) fn mix() -> Vec<Vec<u8>> {
    let mut seeded = Seeded(0x5eed);
    (0..ADVERTISEMENTS).map(|_| payload(&mut seeded)).collect()
}

/// The customers of those payloads that are some.
pub(crate) fn consents() -> Vec<Consent> {
    let consent = |minor| {
        let line = format!(
            r#"{{"customer":"c{minor}","epoch":1,"tier":"contextual","purposes":["offers"],
            "identifiers":[{{"ibeacon":{{"uuid":"{}","major":1,"minor":{minor}}}}}],
            "valid_from":"2026-01-01T00:00:00Z","valid_until":"2027-01-01T00:00:00Z"}}"#,
            hex::encode(UUID)
        );
        let Ok(Record::Grant(grant)) = record::parse(&line) else { panic!("a record that is none") };
        grant.check().unwrap()
    };
    (0..CUSTOMERS).map(consent).collect()
}
