//! How Emma connects: who she says she is, and what the broker keeps for her. And what she says, as the client takes it.

use super::OutboxRow;
use super::client::{Publication, Qos, Settings};
use super::discovery::Device;
use super::event::CONTENT_TYPE;
use super::identity::Files;
pub use super::identity::OptionsError;
use super::listener::Manner;
use super::topic::{Topics, is_retained};
use crate::config::Name;
use crate::config::gateway::{Gateway, HomeAssistant, Mqtt, Protocol};

/// Where to connect and as whom. It has no `Debug`: it holds the password.
#[derive(Clone)]
pub struct Options {
    protocol: Protocol,
    host: String,
    port: u16,
    files: Files,
    client_id: String,
    root: Name,
    site: Name,
    gateway: Name,
    home_assistant: HomeAssistant,
}

impl Options {
    /// Reads what `[mqtt]` names, for the decider of `site` on the Pi `gateway`.
    pub fn new(mqtt: &Mqtt, site: &Name, gateway: &Name) -> Result<Self, OptionsError> {
        Ok(Self {
            protocol: mqtt.protocol,
            host: bracketed(&mqtt.host),
            port: mqtt.port,
            files: Files::read(mqtt)?,
            client_id: mqtt.client_id.as_deref().map_or_else(|| format!("emma-{site}-decider"), str::to_owned),
            root: mqtt.root.clone(),
            site: site.clone(),
            gateway: gateway.clone(),
            home_assistant: HomeAssistant::default(),
        })
    }

    /// The same for a listener on the Pi `gateway`, which connects beside the session; `place` tells two of one Pi apart.
    /// The gateway is in its client id also where one is configured, for that is the same on every Pi of the site.
    pub fn for_listener(mqtt: &Mqtt, site: &Name, gateway: &Name, place: &str) -> Result<Self, OptionsError> {
        let who = mqtt.client_id.as_deref().map_or_else(|| format!("emma-{site}"), str::to_owned);
        Ok(Self { client_id: format!("{who}-{gateway}-{place}"), ..Self::new(mqtt, site, gateway)? })
    }

    /// The same for the shop's own broker, on which its Pis share what they hear. One decider a site; a Pi that only scans
    /// connects by its own name.
    pub fn for_sharing(mqtt: &Mqtt, gateway: &Gateway) -> Result<Self, OptionsError> {
        let Gateway { site, gateway: id, decides, .. } = gateway;
        let client_id = match (mqtt.client_id.as_deref(), decides) {
            (Some(who), true) => who.to_owned(),
            (Some(who), false) => format!("{who}-{id}"),
            (None, true) => format!("emma-{site}-decider-shop"),
            (None, false) => format!("emma-{site}-{id}"),
        };
        Ok(Self { client_id, ..Self::new(mqtt, site, id)? })
    }

    /// Home Assistant is told of this gateway, or not any more.
    #[must_use]
    pub fn told_to(self, home_assistant: &HomeAssistant) -> Self {
        Self { home_assistant: home_assistant.clone(), ..self }
    }

    /// What Home Assistant is told at every connect.
    pub(super) fn discovery(&self) -> Option<Publication> {
        let (site, gateway) = (&*self.site, &*self.gateway);
        let (state_topic, health_topic) = (self.state_topic(), self.health_topic());
        Device { site, gateway, state_topic, health_topic }.message(&self.home_assistant)
    }

    pub(super) fn state_topic(&self) -> String {
        self.topics().gateway_state(&self.gateway)
    }

    pub(super) fn health_topic(&self) -> String {
        self.topics().gateway_health(&self.gateway)
    }

    pub(super) fn files(&self) -> Files {
        self.files.clone()
    }

    fn topics(&self) -> Topics<'_> {
        Topics { root: &self.root, site: &self.site }
    }

    /// For a visit that leaves nothing behind: a client id of its own, and no session.
    pub(super) fn to_visit(&self) -> Settings {
        let client_id = format!("emma-{}-{}-doctor", self.site, self.gateway);
        Settings { client_id, keeps_session: false, ..self.to_speak() }
    }

    /// For the session: the broker keeps it while Emma is away.
    pub(super) fn to_speak(&self) -> Settings {
        Settings {
            protocol: self.protocol,
            host: self.host.clone(),
            port: self.port,
            client_id: self.client_id.clone(),
            identity: self.files.sound(),
            keeps_session: true,
            max_packet_len: None,
            unacknowledged: None,
        }
    }

    /// For a listener. Unless its manner says otherwise the broker keeps nothing for it, since what was published while
    /// nobody listened is old.
    pub(super) fn to_listen(&self, manner: Manner) -> Settings {
        let max_packet_len = Some(manner.max_packet_len);
        let (keeps_session, unacknowledged) = (manner.keeps.is_some(), manner.keeps);
        Settings { keeps_session, max_packet_len, unacknowledged, ..self.to_speak() }
    }

    /// Where answers may go: below this.
    pub(super) fn answers_under(&self) -> String {
        self.topics().answers_under()
    }
}

/// An IPv6 address in brackets, because the client library joins host and port with a colon.
fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}

/// A message of plain JSON.
pub(super) fn json_message(topic: String, payload: String, qos: Qos, retained: bool) -> Publication {
    let content_type = "application/json";
    Publication { topic, payload, qos, retained, expires_secs: None, content_type, correlation: None }
}

/// A row as it is said at that wall time in microseconds, for the first time and again.
pub(super) fn row_message(row: &OutboxRow, now_us: i64) -> Publication {
    Publication {
        topic: row.topic.clone(),
        payload: row.payload.clone(),
        qos: Qos::AtLeastOnce,
        retained: is_retained(&row.topic),
        expires_secs: Some(remaining_secs(row.expires_us, now_us)),
        content_type: CONTENT_TYPE,
        correlation: None,
    }
}

/// Whole seconds left, rounded up; the payload's own time is the exact one.
pub(super) fn remaining_secs(expires_us: i64, now_us: i64) -> u32 {
    let remaining_us = u64::try_from(expires_us.saturating_sub(now_us)).unwrap_or(0);
    u32::try_from(remaining_us.div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::broker;

    #[test]
    fn the_rest_of_a_life_is_rounded_up() {
        assert_eq!(remaining_secs(10_000_001, 0), 11);
        assert_eq!(remaining_secs(10_000_000, 0), 10);
        assert_eq!(remaining_secs(1, 0), 1);
        assert_eq!(remaining_secs(0, 5), 0);
    }

    #[test]
    fn every_connection_of_a_site_has_a_name_of_its_own() {
        let mqtt = |client_id| Mqtt { client_id, ..broker::at("mqtt://broker").unwrap() };
        let names = |client_id: Option<Name>| {
            let (mqtt, site, gateway) = (mqtt(client_id), "bern".into(), "gw-till".into());
            let session = Options::new(&mqtt, &site, &gateway).unwrap().client_id;
            [session, Options::for_listener(&mqtt, &site, &gateway, "listens").unwrap().client_id]
        };
        assert_eq!(names(None), ["emma-bern-decider", "emma-bern-gw-till-listens"]);
        assert_eq!(names(Some("shop-7".into())), ["shop-7", "shop-7-gw-till-listens"]);
    }

    #[test]
    fn on_the_shops_own_broker_the_decider_has_the_sites_name_and_a_scanner_its_own() {
        use crate::config::testing::shipped;
        let name = |decides: bool, client_id: Option<&str>| {
            let gateway = Gateway { decides, ..shipped().gateway };
            let mqtt = Mqtt { client_id: client_id.map(Name::from), ..gateway.mqtt.clone().unwrap() };
            Options::for_sharing(&mqtt, &gateway).unwrap().client_id
        };
        let names = [name(true, None), name(false, None), name(true, Some("x")), name(false, Some("x"))];
        assert_eq!(names, ["emma-corner-shop-decider-shop", "emma-corner-shop-gw-entrance", "x", "x-gw-entrance"]);
    }

    #[test]
    fn an_ipv6_address_is_bracketed() {
        assert_eq!(bracketed("::1"), "[::1]");
        assert_eq!(bracketed("broker.example"), "broker.example");
    }
}
