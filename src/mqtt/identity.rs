//! Who Emma says she is to a broker, and whom she believes: what the files say that `[mqtt]` names.
//!
//! Certificates and passwords are renewed while Emma runs. The files are read again before every connect, and looked at
//! now and then while connected, so that a renewal that is wrong shows by day and not at the next outage. Where they
//! cannot be used, that is said once, and what was last sound goes on being used.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tokio::task::spawn_blocking;
use tokio::time::{Interval, MissedTickBehavior, interval};
use zeroize::Zeroizing;

use super::client::Identity;
use super::tls::{self, TlsError};
use crate::config::broker::CREDENTIAL;
use crate::config::gateway::Mqtt;

/// Between two looks at the files of a connection that stands: four small files that the system has in memory.
const LOOK_EVERY: Duration = Duration::from_secs(10);

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
    /// A credential of systemd is named, and systemd has not started Emma with any.
    #[error("{}: systemd gave Emma no credentials ($CREDENTIALS_DIRECTORY is not set); her service needs a line LoadCredential={}:FILE", .0.display(), name(.0))]
    NoCredentials(PathBuf),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Tells one content of the files from another.
type Content = [u8; 32];

/// The files of one broker, and what they said when they were last sound. It has no `Debug`: it holds the password.
#[derive(Clone)]
pub(super) struct Files {
    mqtt: Mqtt,
    sound: Identity,
    /// What was last tried, sound or not.
    tried: Content,
    /// What the last look found.
    found: Content,
}

impl Files {
    /// Reads them; what is wrong the first time is an error.
    pub(super) fn read(mqtt: &Mqtt) -> Result<Self, OptionsError> {
        let content = content(mqtt);
        Ok(Self { mqtt: mqtt.clone(), sound: identity(mqtt)?, tried: content, found: content })
    }

    /// What they said when they were last read.
    pub(super) fn sound(&self) -> Identity {
        self.sound.clone()
    }

    /// What to connect with, now.
    pub(super) async fn renewed(&mut self) -> Identity {
        if let Some((content, identity)) = self.changed().await {
            self.take(content, identity);
        }
        self.sound.clone()
    }

    /// Whether to connect anew. What has changed may be half written, so it is used once two looks have found the same.
    pub(super) async fn look(&mut self) -> bool {
        let Some((content, identity)) = self.changed().await else {
            self.found = self.tried;
            return false;
        };
        let is_settled = std::mem::replace(&mut self.found, content) == content;
        is_settled && self.take(content, identity)
    }

    /// What they say, if it is not what was last tried.
    async fn changed(&self) -> Option<(Content, Result<Identity, OptionsError>)> {
        named(&self.mqtt).next()?;
        let (mqtt, tried) = (self.mqtt.clone(), self.tried);
        let read = move || {
            // A change between the two readings is found by the next look.
            let content = content(&mqtt);
            (content != tried).then(|| (content, identity(&mqtt)))
        };
        spawn_blocking(read).await.ok().flatten()
    }

    /// Tries what was found; whether it is used from now on.
    fn take(&mut self, content: Content, identity: Result<Identity, OptionsError>) -> bool {
        self.tried = content;
        match identity {
            Ok(identity) => {
                tracing::info!("the broker's certificates or password have changed on disk: they are used from now on");
                self.sound = identity;
                true
            }
            Err(error) => {
                tracing::warn!(%error, "a changed certificate, key or password cannot be used; the last good one is");
                false
            }
        }
    }
}

/// When to look at the files of a connection.
pub(super) fn looks() -> Interval {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}

fn named(mqtt: &Mqtt) -> impl Iterator<Item = &PathBuf> {
    [&mqtt.password_file, &mqtt.ca_file, &mqtt.cert_file, &mqtt.key_file].into_iter().flatten()
}

/// A file that cannot be read has a content of its own.
fn content(mqtt: &Mqtt) -> Content {
    let mut all = Sha256::new();
    for file in named(mqtt) {
        let read = fs::read(file).map(Zeroizing::new);
        all.update(read.as_ref().map_or(u64::MAX, |text| u64::try_from(text.len()).unwrap_or(u64::MAX)).to_be_bytes());
        all.update(read.as_ref().map_or(&[][..], |text| text.as_slice()));
    }
    all.finalize().into()
}

fn identity(mqtt: &Mqtt) -> Result<Identity, OptionsError> {
    if let Some(file) = named(mqtt).find(|file| file.to_string_lossy().starts_with(CREDENTIAL)) {
        return Err(OptionsError::NoCredentials(file.clone()));
    }
    let password = mqtt.password_file.as_deref().map(password).transpose()?;
    let login = (mqtt.username.is_some() || password.is_some())
        .then(|| (mqtt.username.as_deref().unwrap_or_default().to_owned(), password.unwrap_or_default()));
    Ok(Identity { login, tls: mqtt.tls.then(|| tls::client_config(mqtt)).transpose()? })
}

/// The password, without the newline that editors end a file with. What the client library copies of it is its own.
fn password(path: &Path) -> Result<Zeroizing<String>, OptionsError> {
    let failed = |source| OptionsError::Password { path: path.to_owned(), source };
    let text = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).to_owned()))
}

/// `credential:NAME` without its beginning.
fn name(file: &Path) -> String {
    file.to_string_lossy().trim_start_matches(CREDENTIAL).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::broker;

    fn mqtt(password_file: PathBuf) -> Mqtt {
        let broker = broker::at("mqtt://broker").unwrap();
        Mqtt { username: Some("emma".into()), password_file: Some(password_file), ..broker }
    }

    fn said(identity: &Identity) -> String {
        identity.login.as_ref().unwrap().1.as_str().to_owned()
    }

    #[test]
    fn a_password_loses_its_newline_and_an_error_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        fs::write(&path, " s3cret \r\n").unwrap();
        assert_eq!(password(&path).unwrap().as_str(), " s3cret ");
        let absent = dir.path().join("absent");
        assert!(password(&absent).unwrap_err().to_string().contains("absent"));
    }

    #[test]
    fn a_credential_that_nobody_gave_says_what_the_service_needs() {
        let error = Files::read(&mqtt("credential:mqtt-password".into())).err().unwrap().to_string();
        assert!(error.contains("$CREDENTIALS_DIRECTORY") && error.contains("LoadCredential=mqtt-password:"), "{error}");
    }

    #[tokio::test]
    async fn what_changes_is_used_once_it_is_whole_and_what_is_broken_never() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        fs::write(&path, "one").unwrap();
        let mut files = Files::read(&mqtt(path.clone())).unwrap();
        assert!(!files.look().await, "nothing has changed");
        fs::write(&path, "tw").unwrap();
        assert!(!files.look().await, "it may be half written");
        fs::write(&path, "two").unwrap();
        assert!(!files.look().await);
        assert!(files.look().await, "it was the same twice");
        assert_eq!(said(&files.renewed().await), "two");
        fs::remove_file(&path).unwrap();
        assert!(!files.look().await && !files.look().await, "gone");
        assert_eq!(said(&files.renewed().await), "two", "the last good one");
        fs::write(&path, "three").unwrap();
        assert_eq!(said(&files.renewed().await), "three", "before a connect there is nothing to wait for");
        assert!(!files.look().await && !files.look().await, "it is used already");
    }
}
