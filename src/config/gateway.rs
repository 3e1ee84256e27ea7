//! `gateway.toml`: one Pi. Retail ops edit it.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::file::File;
use super::metrics::{self, Listen};
use super::playback::{self, Playback};
use super::reader::Table;
use super::remote::{self, MOST_REMOTES, Remote};
use super::tree::{At, Value};
use super::values::{choice_of, text_of};
use super::{Name, broker};

/// What `gateway.toml` says.
#[derive(Clone, Debug, PartialEq)]
pub struct Gateway {
    /// The shop this Pi hangs in.
    pub site: Name,
    /// This Pi's id, one of `site.toml`'s.
    pub gateway: Name,
    /// Whether it listens.
    pub scans: bool,
    /// Whether it decides.
    pub decides: bool,
    /// Its own radio.
    pub radio: Radio,
    /// Captures that are heard as if they were live; a test bench's.
    pub playback: Option<Playback>,
    /// The scanners that publish what they hear.
    pub remotes: Vec<Remote>,
    /// Where offers go; nothing said without it.
    pub mqtt: Option<Mqtt>,
    /// The shop's own broker; nothing is `mqtt` for what is meant for it.
    pub shop_mqtt: Option<Mqtt>,
    /// What Home Assistant is told.
    pub home_assistant: HomeAssistant,
    /// The folder of the ledger and the control socket; nothing is the service's own state folder.
    pub ledger_path: Option<PathBuf>,
    /// `[clock] trust = "assume"`: the wall clock is believed without asking.
    pub clock_assumed: bool,
    /// Least severe level that is logged: `error`, `warn`, `info`, `debug` or `trace`.
    pub log_level: Name,
    /// Where Prometheus may ask; nothing is nowhere.
    pub metrics: Option<Listen>,
}

/// Which library drives the radio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// The best this build has.
    Auto,
    /// The Linux driver.
    Bluez,
    /// The portable driver.
    Btleplug,
    /// No radio at all.
    None,
}

/// More adapters than this are more than a Pi has ports for.
pub const MOST_ADAPTERS: usize = 8;

/// Which of the machine's Bluetooth adapters listen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Adapters {
    /// The first there is.
    #[default]
    First,
    /// Those, at most [`MOST_ADAPTERS`].
    Named(Vec<Name>),
    /// All, also those that come later, up to [`MOST_ADAPTERS`].
    All,
}

/// `[radio]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Radio {
    /// Which driver.
    pub driver: Driver,
    /// Which adapters.
    pub adapters: Adapters,
    /// bluetoothd may be started again when nothing else helps.
    pub may_restart_bluetoothd: bool,
    /// Listens without asking where bluetoothd lets it; false trades that for strengths to the dB.
    pub passive: bool,
}

impl Default for Radio {
    fn default() -> Self {
        Self { driver: Driver::Auto, adapters: Adapters::First, may_restart_bluetoothd: false, passive: true }
    }
}

impl Gateway {
    /// Every broker that is configured.
    pub fn brokers(&self) -> impl Iterator<Item = &Mqtt> {
        self.mqtt.iter().chain(&self.shop_mqtt)
    }

    /// The broker that the scanners of `[[remote]]` publish to: the shop's own where there is one.
    pub fn scanners_broker(&self) -> Option<&Mqtt> {
        self.shop_mqtt.as_ref().or(self.mqtt.as_ref())
    }
}

/// `[mqtt]`: the broker that offers go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mqtt {
    /// Host name or address.
    pub host: Name,
    /// TCP port.
    pub port: u16,
    /// `mqtts://`: TLS.
    pub tls: bool,
    /// Only where the broker demands one.
    pub client_id: Option<Name>,
    /// User name.
    pub username: Option<Name>,
    /// File that holds the password.
    pub password_file: Option<PathBuf>,
    /// PEM file of the authorities to believe; nothing is an error with TLS.
    pub ca_file: Option<PathBuf>,
    /// PEM file of this client's certificate chain.
    pub cert_file: Option<PathBuf>,
    /// PEM file of this client's key.
    pub key_file: Option<PathBuf>,
    /// First level of every topic.
    pub root: Name,
    /// Which version is spoken.
    pub protocol: Protocol,
}

/// `[home-assistant]`: whether it is told of this gateway, its state and health alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeAssistant {
    /// Told; or told not any more, so that it forgets what an earlier life told it; nothing is as if there were none.
    pub discovery: Option<bool>,
    /// First level of the topic that it listens on.
    pub prefix: Name,
}

impl Default for HomeAssistant {
    fn default() -> Self {
        Self { discovery: None, prefix: "homeassistant".into() }
    }
}

/// A version of MQTT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// MQTT 5.
    #[default]
    Mqtt5,
    /// MQTT 3.1.1, for a broker that has no better.
    Mqtt311,
}

impl Protocol {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::Mqtt5, Self::Mqtt311];

    /// The version that is written so.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.word() == word)
    }

    /// How it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mqtt5 => "5",
            Self::Mqtt311 => "3.1.1",
        }
    }
}

/// What was read, and what the other files are held against, even where the rest is wrong.
pub(super) struct Read {
    pub(super) gateway: Option<Gateway>,
    pub(super) id: Option<(Name, At)>,
    /// Where the first `[[remote]]` stands.
    pub(super) remote_at: Option<At>,
}

/// Reads `gateway.toml`; files it names are looked for in `folder`, where there is one.
pub(super) fn read(file: &File<'_>, folder: Option<&Path>) -> Read {
    let mut table = file.root("gateway.toml");
    table.need("site", "\"my-shop\"");
    table.need("gateway", "\"gw-entrance\"");
    let site = table.id("site");
    let id = table.id("gateway");
    let roles = roles(&mut table);
    let radio = table.table("radio", "[radio]").map_or_else(|| Some(Radio::default()), radio);
    let playback = table.table("capture", "[capture]").and_then(|capture| playback::read(capture, folder));
    let has_broker = table.has("mqtt") || table.has("shop-mqtt") || file.has_gaps();
    let remote_at = table.has("remote").then(|| table.at("remote"));
    let remotes = remotes(&mut table, has_broker);
    let only_scans = roles == Some((true, false));
    if !table.has("mqtt") && !only_scans && !file.has_gaps() {
        let hint = "name the broker: [mqtt] url = \"mqtts://broker.example\"";
        file.warning(&At::File, "there is no [mqtt], so no offer leaves this Pi", hint);
    }
    let mqtt = match table.table("mqtt", "[mqtt]") {
        Some(mqtt) => broker::read(mqtt, folder).map(Some),
        None => Some(None),
    };
    let shop_mqtt = match table.table("shop-mqtt", "[shop-mqtt]") {
        Some(shop) => {
            let at = shop.at("url");
            let read = broker::read(shop, folder);
            if let Some(broker) = read.as_ref().filter(|broker| is_public(&broker.host)) {
                file.warning(
                    &at,
                    format!("[shop-mqtt] is at the public address {}: whom the Pis may hear goes there", broker.host),
                    "let it be a broker in the shop, at a private address such as 10.0.0.5",
                );
            }
            read.map(Some)
        }
        None => Some(None),
    };
    let home_assistant =
        table.table("home-assistant", "[home-assistant]").map_or_else(HomeAssistant::default, |mut told| {
            let discovery = told.flag("discovery");
            let prefix = if told.has("prefix") { told.id("prefix") } else { None };
            told.finish();
            HomeAssistant { discovery, prefix: prefix.unwrap_or_else(|| HomeAssistant::default().prefix) }
        });
    let ledger_path = table.table("ledger", "[ledger]").and_then(|ledger| read_ledger(ledger, folder));
    let clock_assumed = table.table("clock", "[clock]").and_then(|mut clock| {
        let assumed = clock.choice("trust", &[("synchronised", false), ("assume", true)]);
        clock.finish();
        assumed
    });
    let log_level = table.table("log", "[log]").and_then(|mut log| {
        let levels = ["error", "warn", "info", "debug", "trace"].map(|level| (level, level));
        let level = log.choice("level", &levels);
        log.finish();
        level
    });
    let metrics = table.table("metrics", "[metrics]").and_then(metrics::read);
    let id_at = table.at("gateway");
    let id_at = table.node("gateway").map_or(id_at, |node| node.at.clone());
    table.finish();
    let gateway = || {
        let (scans, decides) = roles?;
        Some(Gateway {
            site: site?,
            gateway: id.clone()?,
            scans,
            decides,
            radio: radio?,
            playback,
            remotes: remotes?,
            mqtt: mqtt?,
            shop_mqtt: shop_mqtt?,
            home_assistant,
            ledger_path,
            clock_assumed: clock_assumed.unwrap_or(false),
            log_level: log_level.unwrap_or("info").into(),
            metrics,
        })
    };
    Read { gateway: gateway(), id: id.clone().map(|id| (id, id_at)), remote_at }
}

/// Whether it is written as an address that is no shop's own: what a name stands for nobody knows here.
fn is_public(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => !(address.is_private() || address.is_loopback() || address.is_link_local()),
        Ok(IpAddr::V6(address)) => {
            !(address.is_unique_local() || address.is_loopback() || address.is_unicast_link_local())
        }
        Err(_) => false,
    }
}

/// Whether it scans and whether it decides; both if nothing is said.
fn roles(table: &mut Table<'_>) -> Option<(bool, bool)> {
    if !table.has("roles") {
        return Some((true, true));
    }
    let (mut scans, mut decides, mut is_unknown) = (false, false, false);
    for item in table.list("roles")? {
        let Value::Text(role) = &item.value else {
            table.error("roles", "a role is a text", "write \"scan\" or \"decide\"");
            continue;
        };
        match choice_of(table.file, &item.at, role, "roles", &[("scan", true), ("decide", false)]) {
            Some(true) => scans = true,
            Some(false) => decides = true,
            None => is_unknown = true,
        }
    }
    match (scans, decides) {
        // The wrong word has been reported.
        _ if is_unknown => {}
        (false, false) => {
            table.error("roles", "a Pi without a role does nothing", "write `roles = [\"scan\", \"decide\"]`");
        }
        (true, false) if !table.has("shop-mqtt") && !table.file.has_gaps() => {
            table.error(
                "roles",
                "a Pi that only scans hears for the one that decides, and nothing says where they meet",
                "name the shop's own broker: [shop-mqtt] url = \"mqtt://10.0.0.5\"",
            );
        }
        (true, false) | (_, true) => {}
    }
    Some((scans, decides))
}

fn radio(mut table: Table<'_>) -> Option<Radio> {
    let drivers =
        [("auto", Driver::Auto), ("bluez", Driver::Bluez), ("btleplug", Driver::Btleplug), ("none", Driver::None)];
    let driver = if table.has("driver") { table.choice("driver", &drivers) } else { Some(Driver::Auto) };
    if driver == Some(Driver::Bluez) && !cfg!(target_os = "linux") {
        table.error("driver", "bluez is for Linux", "write \"auto\", which picks what works here");
    }
    let adapters = if table.has("adapter") { adapters(&mut table) } else { Some(Adapters::First) };
    let may_restart_bluetoothd = table.flag("may-restart-bluetoothd").unwrap_or(false);
    let passive = !table.has("scan") || table.choice("scan", &[("passive", true), ("active", false)]).unwrap_or(true);
    table.finish();
    Some(Radio { driver: driver?, adapters: adapters?, may_restart_bluetoothd, passive })
}

/// One name, `all`, or a list of names.
fn adapters(table: &mut Table<'_>) -> Option<Adapters> {
    let node = table.node("adapter")?;
    if !matches!(node.value, Value::List(_)) {
        let name = text_of(table.file, node, "adapter")?;
        return Some(if &*name == "all" { Adapters::All } else { Adapters::Named(vec![name]) });
    }
    let named: Option<Vec<Name>> =
        table.list("adapter")?.iter().map(|node| text_of(table.file, node, "adapter")).collect();
    let named = named?;
    let is_twice = named.iter().enumerate().any(|(index, name)| named.iter().take(index).any(|before| before == name));
    let is_all = named.iter().any(|name| &**name == "all");
    if named.is_empty() || named.len() > MOST_ADAPTERS || is_twice || is_all {
        let what = format!("`adapter` names none, one twice, `all` beside others, or more than {MOST_ADAPTERS}");
        table.error("adapter", what, "write `adapter = [\"hci0\", \"hci1\"]`, or \"all\"");
        return None;
    }
    Some(Adapters::Named(named))
}

/// The scanners to listen to; they need a broker.
fn remotes(table: &mut Table<'_>, has_broker: bool) -> Option<Vec<Remote>> {
    let tables = table.tables("remote", "[[remote]]");
    if let Some(excess) = tables.get(MOST_REMOTES) {
        let what = format!("more than {MOST_REMOTES} of [[remote]]");
        table.file.error(&excess.here, what, "a topic filter with `+` or `#` stands for many scanners");
    }
    if let Some(first) = tables.first().filter(|_| !has_broker) {
        table.file.error(
            &first.here,
            "[[remote]] without a broker: nobody brings what the scanners publish",
            "name the broker that they publish to: [shop-mqtt] url = \"mqtt://10.0.0.5\"",
        );
    }
    // All are read before one that is wrong ends it, so that every problem is told.
    let remotes: Vec<Option<Remote>> = tables.into_iter().map(remote::read).collect();
    remotes.into_iter().collect()
}

fn read_ledger(mut table: Table<'_>, folder: Option<&Path>) -> Option<PathBuf> {
    let path = table.text("path");
    if table.text("url").is_some() {
        let instead = if path.is_some() {
            "`path` is used meanwhile"
        } else {
            "the service's own state folder is used meanwhile"
        };
        table.file.warning(&table.at("url"), "a ledger by `url` is not in force yet in this version", instead);
    }
    table.finish();
    path.map(|path| in_folder(folder, &path))
}

/// A relative path is meant from where the five files are.
pub(super) fn in_folder(folder: Option<&Path>, path: &str) -> PathBuf {
    folder.map_or_else(|| PathBuf::from(path), |folder| folder.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::problem::Problem;

    fn problems(text: &str) -> Vec<Problem> {
        let file = File::new("gateway.toml", text, &[]);
        read(&file, None);
        file.into_problems()
    }

    #[test]
    fn the_least_file_is_read() {
        let file = File::new("gateway.toml", "site = 'a'\ngateway = 'b'\n[mqtt]\nurl = 'mqtt://c'\n", &[]);
        let gateway = read(&file, None).gateway.unwrap();
        assert!(gateway.scans && gateway.decides && !gateway.clock_assumed);
        assert_eq!(file.into_problems(), []);
    }

    #[test]
    fn a_password_in_the_address_is_not_repeated() {
        let found = problems("site = 'a'\ngateway = 'b'\n[mqtt]\nurl = 'mqtt://emma:hunter2@c'\n");
        assert_eq!(found.len(), 1);
        assert!(!found[0].to_string().contains("hunter2"));
    }

    #[test]
    fn scanners_are_listened_to_on_the_shops_own_broker_where_there_is_one() {
        let head = "site = 'a'\ngateway = 'b'\n[mqtt]\nurl = 'mqtt://out'\n";
        let broker = |rest: &str| {
            let text = format!("{head}{rest}");
            let gateway = read(&File::new("gateway.toml", &text, &[]), None).gateway.unwrap();
            gateway.scanners_broker().map(|broker| broker.host.clone())
        };
        assert_eq!(broker("").as_deref(), Some("out"));
        assert_eq!(broker("[shop-mqtt]\nurl = 'mqtt://10.0.0.5'\n").as_deref(), Some("10.0.0.5"));
    }

    #[test]
    fn a_pi_that_only_scans_meets_the_decider_on_the_shops_own_broker() {
        let head = "site = 'a'\ngateway = 'b'\nroles = ['scan']\n";
        assert_eq!(problems(&format!("{head}[shop-mqtt]\nurl = 'mqtt://10.0.0.5'\n")), []);
        let found = problems(&format!("{head}[mqtt]\nurl = 'mqtt://out'\n"));
        assert!(found.len() == 1 && found[0].is_error() && found[0].what.contains("nothing says where they meet"));
    }

    #[test]
    fn the_shops_own_broker_is_at_no_public_address() {
        let warned = |host: &str| {
            let text = format!("site = 'a'\ngateway = 'b'\nmqtt.url = 'mqtt://c'\nshop-mqtt.url = 'mqtt://{host}'\n");
            let found = problems(&text);
            assert!(found.iter().all(|problem| !problem.is_error() && problem.what.contains("public address")));
            found.len()
        };
        for private in
            ["10.0.0.5", "192.168.1.2", "172.16.0.1", "127.0.0.1", "[fd00::5]", "[::1]", "broker", "shop.local"]
        {
            assert_eq!(warned(private), 0, "{private}");
        }
        for public in ["8.8.8.8", "172.32.0.1", "[2001:db8::1]"] {
            assert_eq!(warned(public), 1, "{public}");
        }
    }

    #[test]
    fn adapters_are_one_several_or_all() {
        let adapters = |text: &str| {
            let text = format!("site = 'a'\ngateway = 'b'\nmqtt.url = 'mqtt://c'\nradio.adapter = {text}\n");
            let file = File::new("gateway.toml", &text, &[]);
            let gateway = read(&file, None).gateway;
            (gateway.map(|gateway| gateway.radio.adapters), file.into_problems().len())
        };
        assert_eq!(adapters("'hci1'"), (Some(Adapters::Named(vec!["hci1".into()])), 0));
        let both = vec!["hci0".into(), "hci1".into()];
        assert_eq!(adapters("['hci0', 'hci1']"), (Some(Adapters::Named(both)), 0));
        assert_eq!(adapters("'all'"), (Some(Adapters::All), 0));
        for wrong in ["[]", "['hci0', 'hci0']", "['hci0', 'all']", "7", "['hci0', 7]"] {
            assert_eq!(adapters(wrong), (None, 1), "{wrong}");
        }
    }

    #[test]
    fn half_a_certificate_is_refused() {
        let found = problems("site = 'a'\ngateway = 'b'\n[mqtt]\nurl = 'mqtts://c'\nca-file = 'x'\ncert-file = 'y'\n");
        assert_eq!(found[0].what, "`cert-file` is nothing without `key-file`");
    }
}
