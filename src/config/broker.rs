//! `[mqtt]`: which broker, and how to be believed by it.

use std::path::{Path, PathBuf};

use super::Name;
use super::gateway::{Mqtt, Protocol, in_folder};
use super::reader::Table;

/// Reads `[mqtt]` or `[shop-mqtt]`; files it names are looked for in `folder`, where there is one.
pub(super) fn read(mut table: Table<'_>, folder: Option<&Path>) -> Option<Mqtt> {
    table.need("url", "\"mqtts://broker.example:8883\"");
    let url = table.text("url").and_then(|url| match address(&url) {
        Ok(broker) => Some(broker),
        Err((what, hint)) => {
            table.error("url", what, hint);
            None
        }
    });
    let client_id = table.text("client-id");
    let username = table.text("username");
    let [password_file, ca_file, cert_file, key_file] =
        ["password-file", "ca-file", "cert-file", "key-file"].map(|key| named_file(&mut table, key, folder));
    let root = if table.has("root") { table.id("root") } else { Some("emma".into()) };
    let protocol = protocol(&mut table);
    if password_file.is_some() && !table.has("username") {
        table.file.warning(
            &table.at("password-file"),
            "a password without a user name is not sent",
            "write `username = \"…\"`",
        );
    }
    for (given, missing) in [("cert-file", "key-file"), ("key-file", "cert-file")] {
        if table.has(given) && !table.has(missing) {
            table.error(
                given,
                format!("`{given}` is nothing without `{missing}`"),
                format!("write `{missing} = \"…\"` too"),
            );
        }
    }
    match &url {
        Some(broker) if broker.tls && !table.has("ca-file") => {
            table.error(
                "url",
                "mqtts:// without `ca-file`: nobody vouches for the broker",
                "say which authority to believe: `ca-file = \"/etc/emma/ca.pem\"`",
            );
        }
        Some(broker) if !broker.tls && (ca_file.is_some() || cert_file.is_some()) => {
            table.file.warning(
                &table.at("url"),
                "mqtt:// is not encrypted, so the certificate files do nothing",
                "write mqtts://",
            );
        }
        _ => {}
    }
    table.finish();
    let Broker { host, port, tls } = url?;
    Some(Mqtt {
        host,
        port,
        tls,
        client_id,
        username,
        password_file,
        ca_file,
        cert_file,
        key_file,
        root: root?,
        protocol: protocol?,
    })
}

/// Which version is spoken. What the older one loses is said, since nothing fails for it.
fn protocol(table: &mut Table<'_>) -> Option<Protocol> {
    if !table.has("protocol") {
        return Some(Protocol::default());
    }
    let spoken = table.choice("protocol", &Protocol::ALL.map(|version| (version.word(), version)));
    if spoken == Some(Protocol::Mqtt311) {
        let lost = "MQTT 3.1.1: a broker may bring an offer late, does not say when it refuses one or nobody listens (so no \
                    cap is given back), and keeps Emma's session for as long as it likes; questions (`why`, `ask`) get no \
                    answer";
        table.file.warning(&table.at("protocol"), lost, "remove `protocol` if the broker speaks MQTT 5: docs/mqtt.md");
    }
    spoken
}

/// The broker at `url` as a command line names it, and nothing else of it.
///
/// # Errors
/// What is wrong, and what to write.
pub fn at(url: &str) -> Result<Mqtt, String> {
    let Broker { host, port, tls } = address(url).map_err(|(what, hint)| format!("{what}: {hint}"))?;
    Ok(Mqtt {
        host,
        port,
        tls,
        client_id: None,
        username: None,
        password_file: None,
        ca_file: None,
        cert_file: None,
        key_file: None,
        root: "emma".into(),
        protocol: Protocol::default(),
    })
}

/// What stands before the name of a credential of systemd, in the place of a path.
pub const CREDENTIAL: &str = "credential:";

/// A file that the table names; it may come with the deployment, so its absence is a warning.
fn named_file(table: &mut Table<'_>, key: &'static str, folder: Option<&Path>) -> Option<PathBuf> {
    let text = table.text(key)?;
    if let Some(name) = text.strip_prefix(CREDENTIAL) {
        return credential(table, key, name, folder.is_some());
    }
    let path = in_folder(folder, &text);
    if folder.is_some() && !path.is_file() {
        table.file.warning(
            &table.at(key),
            format!("`{key}`: there is no file {} here", path.display()),
            "put it there before Emma starts",
        );
    }
    Some(path)
}

/// A credential lies in a folder that systemd makes for the service alone. Whoever checks the file by hand has none, so that
/// this is a warning; Emma herself does not start without it.
fn credential(table: &mut Table<'_>, key: &'static str, name: &str, is_here: bool) -> Option<PathBuf> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(legal) {
        let what = format!("`{key}`: a credential's name is letters, digits, `.`, `-` and `_`");
        table.error(key, what, format!("write `{key} = \"{CREDENTIAL}mqtt-password\"`"));
        return None;
    }
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty());
    let path = folder.map_or_else(|| format!("{CREDENTIAL}{name}").into(), |folder| PathBuf::from(folder).join(name));
    if is_here && !path.is_file() {
        let what = format!("`{key}`: no credential {name} is here; only the service is given it");
        let hint = format!("its unit needs `LoadCredential={name}:FILE`; systemctl edit emma");
        table.file.warning(&table.at(key), what, hint);
    }
    Some(path)
}

struct Broker {
    host: Name,
    port: u16,
    tls: bool,
}

/// What `mqtts://broker.example:8883` says; a refusal never repeats the address, which may hold a secret.
fn address(url: &str) -> Result<Broker, (String, String)> {
    let refuse = |what: &str, hint: &str| Err((what.to_owned(), hint.to_owned()));
    let example = "write mqtt://HOST, mqtts://HOST or mqtts://HOST:PORT";
    let (tls, rest) = match url.split_once("://") {
        Some(("mqtt", rest)) => (false, rest),
        Some(("mqtts", rest)) => (true, rest),
        _ => return refuse("the address of a broker starts with mqtt:// or mqtts://", example),
    };
    if rest.contains('@') {
        return refuse(
            "an address is no place for a user name or a password",
            "write `username`, and the password in a file of its own: `password-file`",
        );
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, port.strip_prefix(':').or(Some("?"))),
        None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.is_empty() || !host.chars().all(legal) {
        return refuse("the address names no host", example);
    }
    let default = if tls { 8883 } else { 1883 };
    let port = port.map_or(Some(default), |port| port.parse().ok().filter(|port| *port > 0));
    let Some(port) = port else { return refuse("the port is no number from 1 to 65535", example) };
    Ok(Broker { host: host.into(), port, tls })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_have_their_defaults() {
        for (url, host, port, tls) in [
            ("mqtt://broker", "broker", 1883, false),
            ("mqtts://broker.example", "broker.example", 8883, true),
            ("mqtts://[fd00::5]:1", "fd00::5", 1, true),
            ("mqtt://10.0.0.5:1884/", "10.0.0.5", 1884, false),
        ] {
            let broker = address(url).ok().unwrap();
            assert_eq!((&*broker.host, broker.port, broker.tls), (host, port, tls));
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        for url in [
            "http://a",
            "broker",
            "mqtt://",
            "mqtt://:1883",
            "mqtt://a:0",
            "mqtt://a:b",
            "mqtt://a/b",
            "mqtt://u:p@a",
            "mqtt://[::1]x",
        ] {
            assert!(address(url).is_err(), "{url}");
        }
    }
}
