//! How Emma connects: who she says she is, what the broker keeps for her, and what an ending means.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{DisconnectReasonCode, LastWill, LastWillProperties, Publish, PublishProperties};
use rumqttc::v5::{ConnectionError, MqttOptions, StateError};
use rumqttc::{TlsConfiguration, Transport};
use thiserror::Error;
use tokio_rustls::rustls::ClientConfig;

use super::OutboxRow;
use super::event::CONTENT_TYPE;
use super::listener::Manner;
use super::tls::{self, TlsError};
use super::topic::Topics;
use crate::config::Name;
use crate::config::gateway::{Gateway, Mqtt};

/// The broker notices a dead Emma after one and a half of these (MQTT 5, 3.1.2.10), and Emma a dead broker after two.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How long the broker keeps the session, in seconds: a day. A broker that is away overnight for maintenance still
/// knows the subscriptions in the morning; the rows themselves live for 90 s only.
const SESSION_EXPIRY_SECS: u32 = 24 * 60 * 60;

/// Packet ids the client library cycles through. It allocates for each, so not its default of 65,535.
pub(super) const IN_FLIGHT_LIMIT: u16 = 100;

/// `payload format indicator`: UTF-8 text (MQTT 5, 3.3.2.3.2).
const UTF_8: u8 = 1;

/// Why the connection cannot even be tried.
#[derive(Debug, Error)]
pub enum OptionsError {
    /// The password's file cannot be read.
    #[error("{}: {source}", path.display())]
    Password {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Where to connect and as whom. It has no `Debug`: it holds the password.
#[derive(Clone)]
pub struct Options {
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
    client_id: String,
    username: Option<Name>,
    password: Option<String>,
    root: Name,
    site: Name,
    gateway: Name,
}

impl Options {
    /// Reads what `[mqtt]` names, for the decider of `site` on the Pi `gateway`.
    pub fn new(mqtt: &Mqtt, site: &Name, gateway: &Name) -> Result<Self, OptionsError> {
        Ok(Self {
            host: bracketed(&mqtt.host),
            port: mqtt.port,
            tls: mqtt.tls.then(|| tls::client_config(mqtt)).transpose()?,
            client_id: mqtt.client_id.as_deref().map_or_else(|| format!("emma-{site}-decider"), str::to_owned),
            username: mqtt.username.clone(),
            password: mqtt.password_file.as_ref().map(password).transpose()?,
            root: mqtt.root.clone(),
            site: site.clone(),
            gateway: gateway.clone(),
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

    pub(super) fn state_topic(&self) -> String {
        self.topics().gateway_state(&self.gateway)
    }

    pub(super) fn health_topic(&self) -> String {
        self.topics().gateway_health(&self.gateway)
    }

    fn topics(&self) -> Topics<'_> {
        Topics { root: &self.root, site: &self.site }
    }

    /// For a visit that leaves nothing behind: a client id of its own, and no session.
    pub(super) fn to_visit(&self) -> MqttOptions {
        let client_id = format!("emma-{}-{}-doctor", self.site, self.gateway);
        let mut options = Self { client_id, ..self.clone() }.to_connect();
        options.set_clean_start(true);
        options
    }

    /// For the session: the broker keeps it while Emma is away.
    pub(super) fn to_library(&self) -> MqttOptions {
        let mut options = self.to_connect();
        options.set_clean_start(false).set_session_expiry_interval(Some(SESSION_EXPIRY_SECS));
        options
    }

    /// For a listener. Unless its manner says otherwise the broker keeps nothing for it, since what was published while
    /// nobody listened is old. The broker sends no packet longer than it takes, but passes it over (MQTT 5, 3.1.2.11.4).
    pub(super) fn to_listen(&self, manner: Manner) -> MqttOptions {
        let mut options = self.to_connect();
        options.set_clean_start(manner.keeps.is_none()).set_max_packet_size(Some(manner.max_packet_len));
        if let Some(unacknowledged) = manner.keeps {
            options.set_session_expiry_interval(Some(SESSION_EXPIRY_SECS)).set_receive_maximum(Some(unacknowledged));
            options.set_manual_acks(true);
        }
        options
    }

    /// Where answers may go: below this.
    pub(super) fn answers_under(&self) -> String {
        self.topics().answers_under()
    }

    fn to_connect(&self) -> MqttOptions {
        let mut options = MqttOptions::new(&self.client_id, &self.host, self.port);
        options.set_keep_alive(KEEP_ALIVE).set_outgoing_inflight_upper_limit(IN_FLIGHT_LIMIT);
        if self.username.is_some() || self.password.is_some() {
            let username = self.username.as_deref().unwrap_or_default();
            options.set_credentials(username, self.password.as_deref().unwrap_or_default());
        }
        if let Some(tls) = &self.tls {
            options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls.clone())));
        }
        options
    }
}

/// An IPv6 address in brackets, because the client library joins host and port with a colon.
fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}

/// The password, without the newline that editors end a file with.
fn password(path: &PathBuf) -> Result<String, OptionsError> {
    let text = std::fs::read_to_string(path).map_err(|source| OptionsError::Password { path: path.clone(), source })?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// What the broker says on the state topic when Emma is gone without a word.
pub(super) fn last_will(topic: &str, message: String) -> LastWill {
    let properties = LastWillProperties {
        delay_interval: None,
        payload_format_indicator: Some(UTF_8),
        message_expiry_interval: None,
        content_type: Some("application/json".to_owned()),
        response_topic: None,
        correlation_data: None,
        user_properties: Vec::new(),
    };
    LastWill::new(topic, message, QoS::AtLeastOnce, true, Some(properties))
}

/// The properties of a plain JSON message.
pub(super) fn json_properties() -> PublishProperties {
    PublishProperties {
        payload_format_indicator: Some(UTF_8),
        content_type: Some("application/json".to_owned()),
        ..PublishProperties::default()
    }
}

/// The properties of an offer event that expires at `expires_us`, said at `now_us` (both wall, microseconds).
pub(super) fn event_properties(expires_us: i64, now_us: i64) -> PublishProperties {
    PublishProperties {
        payload_format_indicator: Some(UTF_8),
        message_expiry_interval: Some(remaining_secs(expires_us, now_us)),
        content_type: Some(CONTENT_TYPE.to_owned()),
        ..PublishProperties::default()
    }
}

/// Whole seconds left, rounded up; the payload's own time is the exact one.
fn remaining_secs(expires_us: i64, now_us: i64) -> u32 {
    let remaining_us = u64::try_from(expires_us.saturating_sub(now_us)).unwrap_or(0);
    u32::try_from(remaining_us.div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

/// A row as it is sent again under the packet id it had.
pub(super) fn resend(packet_id: u16, row: &OutboxRow, now_us: i64) -> Publish {
    let properties = event_properties(row.expires_us, now_us);
    let mut publish = Publish::new(row.topic.clone(), QoS::AtLeastOnce, row.payload.clone(), Some(properties));
    publish.pkid = packet_id;
    publish.dup = true;
    publish
}

/// Why a connection failed or ended, in words that cannot carry a message's topic or payload.
pub(super) fn reason(error: &ConnectionError) -> String {
    match error {
        ConnectionError::NotConnAck(_) => "what answers there does not speak MQTT 5".to_owned(),
        ConnectionError::Timeout(_) => "no answer in time".to_owned(),
        ConnectionError::ConnectionRefused(code) => format!("the broker refuses the connection: {code:?}"),
        other => other.to_string(),
    }
}

/// Whether the broker gave the session to another client.
pub(super) fn is_taken_over(error: &ConnectionError) -> bool {
    let reason = DisconnectReasonCode::SessionTakenOver;
    matches!(error, ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) if *reason_code == reason)
}

/// Whether the other side closed the connection in order and without a word that the client library could read. A
/// DISCONNECT without properties is no such word: brokers may leave their length out (MQTT 5, 3.14.2.2.1), and rumqttc
/// 0.25 then drops the packet.
pub(super) fn is_closed(error: &ConnectionError) -> bool {
    matches!(error, ConnectionError::MqttState(StateError::ConnectionAborted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_life_is_rounded_up() {
        assert_eq!(remaining_secs(10_000_001, 0), 11);
        assert_eq!(remaining_secs(10_000_000, 0), 10);
        assert_eq!(remaining_secs(1, 0), 1);
        assert_eq!(remaining_secs(0, 5), 0);
    }

    #[test]
    fn a_password_loses_its_newline_and_an_error_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        std::fs::write(&path, " s3cret \r\n").unwrap();
        assert_eq!(password(&path).unwrap(), " s3cret ");
        let absent = dir.path().join("absent");
        assert!(password(&absent).unwrap_err().to_string().contains("absent"));
    }

    #[test]
    fn every_connection_of_a_site_has_a_name_of_its_own() {
        let mqtt = |client_id: Option<Name>| Mqtt {
            host: "broker".into(),
            port: 1883,
            tls: false,
            client_id,
            username: None,
            password_file: None,
            ca_file: None,
            cert_file: None,
            key_file: None,
            root: "emma".into(),
        };
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
