//! A broker that is named on the command line, or by the configuration.

use std::path::PathBuf;

use super::Stop;
use crate::config::broker::{self, Files};
use crate::config::gateway::Mqtt;
use crate::config::{self, Name};
use crate::exit;

/// Which broker, where the configuration does not say.
#[derive(clap::Args)]
pub(super) struct Broker {
    /// Another broker than the configuration's, such as `mqtt://localhost:1884`.
    #[arg(long = "broker", value_name = "URL", conflicts_with = "config")]
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
}

impl Broker {
    /// The broker that is named; nothing where the configuration's is meant.
    pub(super) fn named(&self) -> Result<Option<Mqtt>, Stop> {
        let Self { url, username, password_file, ca_file, root } = self;
        let files = Files { password_file: password_file.clone(), ca_file: ca_file.clone() };
        let named = |url: &String| broker::named(url, root, username.as_deref(), files);
        url.as_ref().map(named).transpose().map_err(|what| (exit::USAGE, format!("--broker: {what}")))
    }
}

/// The broker that the configuration in `folder` names, and the shop.
pub(super) fn configured(folder: &std::path::Path) -> Result<(Mqtt, Name), Stop> {
    let gateway = config::load(folder).gateway.ok_or_else(|| {
        let hint =
            format!("emma check --config {} says what, and --broker URL needs no configuration", folder.display());
        (exit::CONFIG, format!("gateway.toml has an error: {hint}"))
    })?;
    let mqtt = gateway.mqtt.ok_or_else(|| (exit::CONFIG, "gateway.toml names no broker: [mqtt]".to_owned()))?;
    Ok((mqtt, gateway.site))
}
