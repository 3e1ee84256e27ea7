//! `OpenMQTTGateway` on an ESP32 (<https://docs.openmqttgateway.com/use/ble.html>): `home/{scanner}/BTtoMQTT/{address}`, and
//! `…/BTtoMQTT/undecoded` from the build that leaves decoding to others. The fields are those of `bt_to_mqtt`.
//!
//! - Address: as there; its kind is `mac_type`, `NimBLE`'s number: 0 and 2 are public, 1 and 3 random.
//! - Strength: as the chip measured it.
//! - Time: none that is of use; it publishes what it hears, while a scan runs. Between scans it hears nothing, and by
//!   default it scans for 10 s in 55.
//! - One message for each service data of an advertisement: one with two counts twice, which a median does not mind.
//!
//! To its `commands/MQTTtoBT/config`: `{"interval":1,"adaptivescan":false}` makes it listen all the time,
//! `{"onlysensors":false}` publish what it cannot decode, and `{"pubadvdata":true}` publish bytes and `mac_type`. Without the
//! last an iBeacon is still told, and nothing else is.

use super::{Flaw, Parsed, bt_to_mqtt};
use crate::gateway::advertisement::{Address, AddressKind};

pub(super) fn parse(topic: &str, payload: &[u8]) -> Result<Parsed, Flaw> {
    let message = bt_to_mqtt::read(topic, payload)?;
    let rssi_dbm = message.rssi_dbm()?;
    let kind = match message.mac_type {
        Some(0 | 2) => AddressKind::Public,
        None | Some(_) => AddressKind::Random,
    };
    Ok(Parsed {
        address: Address { bytes: message.address()?, kind },
        payload: message.payload()?,
        rssi_dbm,
        lag_us: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::remote::Format;
    use crate::gateway::decode::{Frame, frames};

    fn parse(message: &str) -> Result<Parsed, Flaw> {
        super::super::parse(Format::OpenMqttGateway, "home/OpenMQTTGateway/BTtoMQTT/5210A84690AC", message.as_bytes())
    }

    /// From the documentation, "iBeacon UUID for presence"; the second has the address in `mac`.
    const IBEACON: &str = r#"{"id":"60:87:57:4C:9B:C2","mac_type":1,"rssi":-78,"distance":7.85288,"brand":"GENERIC","model":"iBeacon","model_id":"IBEACON","mfid":"4c00","uuid":"1de4b189115e45f6b44e509352269977","major":0,"minor":0,"txpower":-66}"#;
    const IBEACON_BY_UUID: &str = r#"{"id":"1de4b189115e45f6b44e509352269977","mac_type":1,"rssi":-78,"distance":7.85288,"brand":"GENERIC","model":"iBeacon","model_id":"IBEACON","mfid":"4c00","uuid":"1de4b189115e45f6b44e509352269977","major":0,"minor":0,"txpower":-66,"mac":"60:87:57:4C:9B:C2"}"#;
    /// From 1technophile/OpenMQTTGateway#1288.
    const BYTES: &str = r#"{"@timestamp":"2022-10-22T20:06:27+02:00","id":"C6:C7:52:66:3C:BF","mac_type":1,"manufacturerdata":"6909c6c752663cbf160b09914a","rssi":-81}"#;
    /// From the documentation, "presence detection".
    const BARE: &str = r#"{"id":"45:e1:74:12:6e:00","rssi":-89,"distance":21.51847,"servicedata":"fe0000000000000000000000000000000000000000"}"#;
    /// From the documentation, "Example write command", its answer.
    const WRITTEN: &str = r#"{"id":"AA:BB:CC:DD:EE:FF","service":"cba20d00-224d-11e6-9fb8-0002a5d5c51b","characteristic":"cba20002-224d-11e6-9fb8-0002a5d5c51b","write":"TEST","success":true}"#;

    #[test]
    fn an_ibeacon_that_was_taken_apart_is_put_together_again() {
        for message in [IBEACON, IBEACON_BY_UUID] {
            let parsed = parse(message).unwrap();
            let bytes = [0x60, 0x87, 0x57, 0x4c, 0x9b, 0xc2];
            assert!(parsed.address == Address { bytes, kind: AddressKind::Random });
            assert_eq!((parsed.rssi_dbm, parsed.lag_us), (-78, 0));
            let uuid = 0x1de4_b189_115e_45f6_b44e_5093_5226_9977_u128.to_be_bytes();
            let expected = Frame::IBeacon { uuid, major: 0, minor: 0, measured_power_dbm: -66 };
            assert!(frames(&parsed.payload).eq([expected]));
        }
        for field in ["major", "minor", "txpower"] {
            assert_eq!(parse(&IBEACON.replace(field, "other")), Err(Flaw::Fields), "{field}");
        }
        assert_eq!(parse(&IBEACON.replace("9977\"", "997\"")), Err(Flaw::Fields));
    }

    #[test]
    fn bytes_are_passed_on_as_on_air() {
        let parsed = parse(BYTES).unwrap();
        assert_eq!(hex::encode(parsed.payload), "0eff6909c6c752663cbf160b09914a");
        let both = BYTES.replace("\"rssi\"", r#""servicedatauuid":"0xfeaa","servicedata":"20000B18","rssi""#);
        assert_eq!(hex::encode(parse(&both).unwrap().payload), "0eff6909c6c752663cbf160b09914a0716aafe20000b18");
        for data in ["6909c", "69", "", "zz"] {
            let message = BYTES.replace("6909c6c752663cbf160b09914a", data);
            assert_eq!(parse(&message), Err(Flaw::Data), "{data}");
        }
    }

    #[test]
    fn a_public_address_is_one_that_the_scanner_calls_so() {
        let kind = |mac_type: &str| parse(&BYTES.replace("\"mac_type\":1", mac_type)).unwrap().address.kind;
        assert_eq!(["\"mac_type\":0", "\"mac_type\":2"].map(kind), [AddressKind::Public; 2]);
        assert_eq!(["\"mac_type\":3", "\"mac_type\":9", "\"x\":0"].map(kind), [AddressKind::Random; 3]);
    }

    #[test]
    fn service_data_without_its_uuid_is_left_out() {
        let parsed = parse(BARE).unwrap();
        assert_eq!((parsed.payload.len(), parsed.rssi_dbm), (0, -89));
    }

    #[test]
    fn what_is_no_advertisement_is_told_apart() {
        assert_eq!(parse(WRITTEN), Err(Flaw::NotAnAdvertisement));
        let elsewhere = |topic| super::super::parse(Format::OpenMqttGateway, topic, b"online");
        assert_eq!(elsewhere("home/OpenMQTTGateway/LWT"), Err(Flaw::NotAnAdvertisement));
        assert_eq!(parse("online"), Err(Flaw::NotJson));
        assert_eq!(parse("{\"id\":"), Err(Flaw::NotJson));
        assert_eq!(parse(r#"{"rssi":-60}"#), Err(Flaw::Fields));
        assert_eq!(parse(&BYTES.replace("-81", "\"-81\"")), Err(Flaw::Fields));
        assert_eq!(parse(&BYTES.replace("-81", "127")), Err(Flaw::NoRssi));
        assert_eq!(parse(&BYTES.replace("C6:C7", "C6C7")), Err(Flaw::Address));
    }
}
