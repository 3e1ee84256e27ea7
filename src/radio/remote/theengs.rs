//! Theengs Gateway on a small computer (<https://gateway.theengs.io/use/use.html>): `home/{scanner}/BTtoMQTT/{address}`. The
//! fields are those of `bt_to_mqtt`.
//!
//! - Address: as there, always random, since it does not say which are public: tags that are known by a public address are
//!   not recognised through it. On macOS there are no addresses, and its messages are refused.
//! - Strength: bleak's, which writes -127 where `BlueZ` gave none; so that is none here.
//! - Time: none; it publishes what it hears, while a scan runs (`ble_scan_time`, `ble_time_between_scans` 0 for always).
//! - Of several service data or manufacturer data of one advertisement it passes the first of each. A service's UUID is
//!   digits 5 to 8 of the whole, which is wrong for one of 128 bits, and harmless: what is then read under it is what
//!   anybody can transmit.
//! - It can decode for satellites (`subscribe_topic`) and publishes what they heard under its own name, as if it had
//!   heard it itself. Do not let it: listen to the satellites as `openmqttgateway`, or everybody seems to be beside it.

use super::{Flaw, Parsed, bt_to_mqtt};
use crate::gateway::advertisement::{Address, AddressKind};

/// What bleak writes where there is no strength.
const NOT_AVAILABLE_DBM: i8 = -127;

pub(super) fn parse(topic: &str, payload: &[u8]) -> Result<Parsed, Flaw> {
    let message = bt_to_mqtt::read(topic, payload)?;
    let rssi_dbm = message.rssi_dbm()?;
    if rssi_dbm == NOT_AVAILABLE_DBM {
        return Err(Flaw::NoRssi);
    }
    let address = Address { bytes: message.address()?, kind: AddressKind::Random };
    Ok(Parsed { address, payload: message.payload()?, rssi_dbm, lag_us: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::remote::Format;
    use crate::gateway::decode::{Frame, frames};

    fn parse(message: &str) -> Result<Parsed, Flaw> {
        super::super::parse(Format::Theengs, "home/TheengsGateway/BTtoMQTT/D03038355D6F", message.as_bytes())
    }

    /// Both from theengs/gateway#247: one device, undecoded and taken for an iBeacon.
    const UNDECODED: &str = r#"{"manufacturerdata": "0100010103787664", "name": "GVH5105_5D6F", "id": "D0:30:38:35:5D:6F", "rssi": -68, "mfr": "Nokia Mobile Phones"}"#;
    const IBEACON: &str = r#"{"name": "GVH5105_5D6F", "id": "D0:30:38:35:5D:6F", "rssi": -64, "brand": "GENERIC", "model": "iBeacon", "model_id": "IBEACON", "type": "BCON", "mfid": "4c00", "uuid": "494e54454c4c495f524f434b535f4857", "major": 20597, "minor": -3329, "volt": 1.2}"#;
    /// From theengs/decoder#137, with the address and strength that it was printed with.
    const SERVICE: &str = r#"{"servicedatauuid": "1803", "servicedata": "d84bc198691e000100020703e864", "manufacturerdata": "4c000215fda50693a4e24fb1afcfc6eb0764782500010002d8", "name": "RDL52832", "id": "D8:4B:C1:98:69:1E", "rssi": -71}"#;

    #[test]
    fn bytes_are_passed_on_as_on_air() {
        let parsed = parse(UNDECODED).unwrap();
        assert_eq!(hex::encode(&parsed.payload), "09ff0100010103787664");
        assert_eq!((parsed.rssi_dbm, parsed.address.kind), (-68, AddressKind::Random));
    }

    #[test]
    fn an_ibeacon_is_put_together_again_though_its_numbers_are_signed_and_its_power_is_volts() {
        let uuid = *b"INTELLI_ROCKS_HW";
        let expected = Frame::IBeacon { uuid, major: 20_597, minor: 62_207, measured_power_dbm: 12 };
        for message in [IBEACON.to_owned(), IBEACON.replace("\"type\"", "\"txpower\": 4, \"type\"")] {
            assert!(frames(&parse(&message).unwrap().payload).eq([expected]));
        }
    }

    #[test]
    fn manufacturer_data_and_service_data_come_together() {
        let payload = parse(SERVICE).unwrap().payload;
        assert_eq!(payload.len(), 27 + 18);
        let uuid = 0xfda5_0693_a4e2_4fb1_afcf_c6eb_0764_7825_u128.to_be_bytes();
        assert!(frames(&payload).eq([Frame::IBeacon { uuid, major: 1, minor: 2, measured_power_dbm: -40 }]));
        let eddystone = SERVICE
            .replace("\"1803\"", "\"feaa\"")
            .replace("d84bc198691e000100020703e864", "00e7000102030405060708090a0b0c0d0e0f0000");
        assert_eq!(frames(&parse(&eddystone).unwrap().payload).count(), 2);
    }

    #[test]
    fn a_strength_that_bleak_made_up_is_none() {
        assert_eq!(parse(&UNDECODED.replace("-68", "-127")), Err(Flaw::NoRssi));
    }

    #[test]
    fn an_address_that_macos_made_up_is_none() {
        let message = UNDECODED.replace("D0:30:38:35:5D:6F", "AEAAE3EF-3152-FF78-2445-B024F178A0B5");
        assert_eq!(parse(&message), Err(Flaw::Address));
    }
}
