//! A broker that is named on the command line, or by the configuration.

use std::path::{Path, PathBuf};

use super::Stop;
use crate::config::gateway::{Mqtt, Protocol};
use crate::config::{self, Name, broker};
use crate::exit;

/// Which broker, where no configuration says so.
#[derive(clap::Args)]
pub(super) struct Broker {
    /// At this broker, such as `mqtt://localhost:1884`.
    #[arg(long = "broker", value_name = "URL")]
    url: Option<String>,
    /// As whom.
    #[arg(long, value_name = "USER", requires = "url")]
    username: Option<String>,
    /// The file that holds the password.
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
    /// The authorities to believe, in PEM.
    #[arg(long, value_name = "FILE", requires = "url")]
    ca_file: Option<PathBuf>,
    /// The first level of every topic.
    #[arg(long, value_name = "ROOT", requires = "url", default_value = "emma")]
    root: String,
    /// Which version of MQTT it speaks: 5 or 3.1.1.
    #[arg(long, value_name = "VERSION", requires = "url", default_value = "5", value_parser = protocol)]
    protocol: Protocol,
}

fn protocol(word: &str) -> Result<Protocol, String> {
    Protocol::of(word).ok_or_else(|| format!("Emma speaks {}", Protocol::ALL.map(Protocol::word).join(" and ")))
}

impl Broker {
    /// The broker that is named; nothing where none is.
    pub(super) fn named(&self) -> Result<Option<Mqtt>, Stop> {
        let Some(url) = &self.url else { return Ok(None) };
        let refused = |what: String| (exit::USAGE, format!("--broker: {what}"));
        let named = Mqtt {
            username: self.username.as_deref().map(Name::from),
            password_file: self.password_file.clone(),
            ca_file: self.ca_file.clone(),
            root: self.root.as_str().into(),
            protocol: self.protocol,
            ..broker::at(url).map_err(refused)?
        };
        if named.tls && named.ca_file.is_none() {
            return Err(refused("mqtts:// without --ca-file: nobody vouches for the broker".to_owned()));
        }
        if named.root.is_empty() || named.root.contains(['/', '+', '#', '\0']) {
            return Err((exit::USAGE, "--root is one level of a topic, without `/`, `+` or `#`".to_owned()));
        }
        Ok(Some(named))
    }
}

/// The broker that the configuration in `folder` names, and the shop.
pub(super) fn configured(folder: &Path) -> Result<(Mqtt, Name), Stop> {
    let gateway = config::load(folder).gateway.ok_or_else(|| {
        let hint =
            format!("emma check --config {} says what, and --broker URL needs no configuration", folder.display());
        (exit::CONFIG, format!("gateway.toml has an error: {hint}"))
    })?;
    let mqtt = gateway.mqtt.ok_or_else(|| (exit::CONFIG, "gateway.toml names no broker: [mqtt]".to_owned()))?;
    Ok((mqtt, gateway.site))
}
