//! Ruuvi Gateway (<https://docs.ruuvi.com/ruuvi-gateway-firmware/data-formats>, "MQTT: time-stamped data from Bluetooth-sensors"):
//! `{prefix}/{address}`, by default `ruuvi/{gateway's own address}/{address}`, one JSON object an advertisement. It
//! relays everything it hears if its filter for other sensors is off.
//!
//! | field | what becomes of it |
//! |---|---|
//! | the topic's last level | the address, random, since it does not say which are public |
//! | the level before | the scanner's name: its own address, or how the prefix ends |
//! | `rssi` | the strength |
//! | `data` | hex: the advertising data, as on air |
//! | `ts`, `gwts` | seconds since 1970, as texts or numbers: when it was heard, when it was sent; the difference is the lag |
//!
//! Both times are the gateway's own, so that its clock may be wrong; without them (another of its formats) there is no
//! lag. `gw_mac` is not read: the topic tells who it is. Its format with decoded values only has no `data`.

use serde::Deserialize;

use super::{Flaw, Parsed, fields};
use crate::gateway::advertisement::{Address, AddressKind};

/// The message; fields that are not named here are ignored.
#[derive(Deserialize)]
struct Message {
    rssi: f64,
    data: String,
    gwts: Option<Seconds>,
    ts: Option<Seconds>,
}

/// A time, as older firmware prints it or as newer does.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u32),
    Text(String),
}

impl Seconds {
    fn secs(&self) -> Option<u32> {
        match self {
            Self::Number(secs) => Some(*secs),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

/// The level before the last, where the last is an address.
pub(super) fn scanner(topic: &str) -> Option<&str> {
    let (before, address) = topic.rsplit_once('/')?;
    fields::address(address).ok()?;
    Some(before.rsplit('/').next().unwrap_or(before))
}

pub(super) fn parse(topic: &str, payload: &[u8]) -> Result<Parsed, Flaw> {
    let last = topic.rsplit('/').next().unwrap_or(topic);
    // Its state is under `gw_status`.
    let bytes = fields::address(last).map_err(|_| Flaw::NotAnAdvertisement)?;
    let message: Message = fields::object(payload)?;
    Ok(Parsed {
        address: Address { bytes, kind: AddressKind::Random },
        payload: fields::data(&message.data)?,
        rssi_dbm: fields::rssi_dbm(message.rssi)?,
        lag_us: lag_us(&message)?,
    })
}

/// How long the gateway held it, in microseconds. Its clock may be set in between; what it sent before it heard it is
/// none the older for that.
fn lag_us(message: &Message) -> Result<u64, Flaw> {
    let (Some(sent), Some(heard)) = (&message.gwts, &message.ts) else { return Ok(0) };
    let (Some(sent_secs), Some(heard_secs)) = (sent.secs(), heard.secs()) else { return Err(Flaw::Fields) };
    Ok(u64::from(sent_secs.saturating_sub(heard_secs)) * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::remote::Format;

    const TOPIC: &str = "ruuvi/C8:25:2D:8E:9C:2C/F4:1F:0C:28:CB:D6";
    /// From the documentation.
    const MESSAGE: &str = r#"{"gw_mac":"C8:25:2D:8E:9C:2C","rssi":-26,"aoa":[],"gwts":"1653668027","ts":"1653668027","data":"0201061BFF99040515AE4C6DC6D7000CFFF803F4ADB6AD697FF41F0C28CBD6","coords":""}"#;
    /// From the documentation, without times.
    const WITHOUT_TIMES: &str = r#"{"gw_mac":"C8:25:2D:8E:9C:2C","rssi":-25,"aoa":[],"cnt":"338","data":"0201061BFF990405166455D5C6DE0008FFF403F0AE760F2A8BF41F0C28CBD6","coords":""}"#;

    fn parse(message: &str) -> Result<Parsed, Flaw> {
        super::super::parse(Format::Ruuvi, TOPIC, message.as_bytes())
    }

    #[test]
    fn the_bytes_are_those_on_air_and_the_address_is_the_topics() {
        let parsed = parse(MESSAGE).unwrap();
        let bytes = [0xf4, 0x1f, 0x0c, 0x28, 0xcb, 0xd6];
        assert!(parsed.address == Address { bytes, kind: AddressKind::Random });
        assert_eq!((parsed.rssi_dbm, parsed.lag_us, parsed.payload.len()), (-26, 0, 31));
        assert_eq!(parsed.payload.get(..5), Some(&[0x02, 0x01, 0x06, 0x1b, 0xff][..]));
        assert_eq!(parse(WITHOUT_TIMES).unwrap().lag_us, 0);
    }

    #[test]
    fn what_waited_is_late_by_its_own_clock_and_stale_after_ten_seconds() {
        let heard_at = |ts: &str| parse(&MESSAGE.replace("\"ts\":\"1653668027\"", &format!("\"ts\":{ts}")));
        assert_eq!(heard_at("\"1653668017\"").unwrap().lag_us, 10_000_000);
        assert_eq!(heard_at("1653668020").unwrap().lag_us, 7_000_000);
        assert_eq!(heard_at("1653668016"), Err(Flaw::Stale));
        assert_eq!(heard_at("0"), Err(Flaw::Stale));
        assert_eq!(heard_at("1653668090").unwrap().lag_us, 0);
        for wrong in ["\"\"", "\"soon\"", "-1", "1.5", "[]", "99999999999"] {
            assert_eq!(heard_at(wrong), Err(Flaw::Fields), "{wrong}");
        }
    }

    #[test]
    fn the_scanner_is_the_level_before_the_address() {
        assert_eq!(scanner(TOPIC), Some("C8:25:2D:8E:9C:2C"));
        assert_eq!(scanner("shop/hall/F41F0C28CBD6"), Some("hall"));
        assert_eq!([scanner("ruuvi/C8:25:2D:8E:9C:2C/gw_status"), scanner("ruuvi")], [None; 2]);
    }

    #[test]
    fn what_is_no_advertisement_is_told_apart() {
        let status = super::super::parse(Format::Ruuvi, "ruuvi/C8:25:2D:8E:9C:2C/gw_status", br#"{"state":"online"}"#);
        assert_eq!(status, Err(Flaw::NotAnAdvertisement));
        assert_eq!(parse(r#"{"rssi":-60}"#), Err(Flaw::Fields));
        assert_eq!(parse(&MESSAGE.replace("0201061B", "0201061")), Err(Flaw::Data));
        assert_eq!(parse(&MESSAGE.replace("-26", "127")), Err(Flaw::NoRssi));
        assert_eq!(parse("[1]"), Err(Flaw::NotJson));
    }
}
