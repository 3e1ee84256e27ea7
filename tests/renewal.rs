//! Certificates and passwords are renewed while Emma runs: offers go on without a restart, and what is broken is not used.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
#![allow(unreachable_pub, reason = "the helpers' modules are shared by tests")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/listener.rs"]
mod listener;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use broker::{Mosquitto, find, make_certificates};
use daemon::Shop;
use emma::config::gateway::{Mqtt, Protocol};
use emma::mqtt::Outcome;
use listener::{Emma, mqtt, until};
use tempfile::TempDir;

const SKIPPED: &str = "renewals against mosquitto";

/// How often somebody of this name was let in.
fn times_let_in(broker: &Mosquitto, who: &str) -> usize {
    let who = format!(" as {who} (");
    broker.log().lines().filter(|line| line.contains("New client connected") && line.contains(&who)).count()
}

fn assert_all_acknowledged(emma: &Emma) {
    assert!(emma.outbox.settled().iter().all(|(_, outcome)| *outcome == Outcome::Acknowledged));
}

/// A broker that believes the authorities in `believed.pem` and nobody without a certificate, two authorities, and Emma's
/// own files.
struct Renewal {
    broker: Mosquitto,
    _authorities: [TempDir; 2],
    old: PathBuf,
    new: PathBuf,
    emmas: PathBuf,
}

fn authority(whose: &Path) -> String {
    fs::read_to_string(whose.join("ca.pem")).unwrap()
}

impl Renewal {
    fn begin() -> Option<Self> {
        let openssl = find("openssl", SKIPPED)?;
        let lines = "cafile {dir}/believed.pem\ncertfile {dir}/cert.pem\nkeyfile {dir}/key.pem\n\
                     require_certificate true\npersistence true\npersistence_location {dir}/\nautosave_on_changes true";
        let broker = Mosquitto::prepared(SKIPPED, lines)?;
        let authorities = [TempDir::new().unwrap(), TempDir::new().unwrap()];
        let [old, new] = [0, 1].map(|nth: usize| authorities[nth].path().to_owned());
        make_certificates(&openssl, &old);
        make_certificates(&openssl, &new);
        let dir = broker.dir.path().to_owned();
        let emmas = dir.join("emma");
        fs::create_dir(&emmas).unwrap();
        for file in ["cert.pem", "key.pem"] {
            fs::copy(old.join(file), dir.join(file)).unwrap();
            fs::copy(old.join(file), emmas.join(file)).unwrap();
        }
        let renewal = Self { broker, _authorities: authorities, old, new, emmas };
        let both = [authority(&renewal.old), authority(&renewal.new)].concat();
        fs::write(dir.join("believed.pem"), &both).unwrap();
        fs::write(renewal.emmas.join("ca.pem"), &both).unwrap();
        Some(renewal)
    }

    fn mqtt(&self, protocol: Protocol) -> Mqtt {
        Mqtt {
            tls: true,
            ca_file: Some(self.emmas.join("ca.pem")),
            cert_file: Some(self.emmas.join("cert.pem")),
            key_file: Some(self.emmas.join("key.pem")),
            protocol,
            ..mqtt(self.broker.port)
        }
    }

    /// The broker believes the new authority alone from now on.
    fn revoke_the_old_one(&mut self) {
        self.broker.kill();
        fs::write(self.broker.dir.path().join("believed.pem"), authority(&self.new)).unwrap();
        self.broker.restart();
    }
}

async fn a_renewed_certificate_is_used(protocol: Protocol) {
    let Some(mut renewal) = Renewal::begin() else { return };
    renewal.broker.restart();
    let emma = Emma::with(&renewal.mqtt(protocol));
    emma.push(1..=20, 300);
    emma.settled(20).await;
    fs::write(renewal.emmas.join("cert.pem"), "no certificate any more").unwrap();
    emma.push(21..=40, 300);
    emma.settled(40).await;
    for file in ["key.pem", "cert.pem"] {
        fs::copy(renewal.new.join(file), renewal.emmas.join(file)).unwrap();
    }
    // By day, and not at the next outage.
    until("it comes with the new one", || times_let_in(&renewal.broker, "emma-bern-decider") == 2).await;
    emma.push(41..=60, 300);
    emma.settled(60).await;
    assert_eq!(emma.session.status.borrow().outages, 0, "a renewal is no outage");
    renewal.revoke_the_old_one();
    emma.push(61..=80, 300);
    emma.settled(80).await;
    // A broken file at a connect: what was last good goes on.
    fs::write(renewal.emmas.join("key.pem"), "no key any more").unwrap();
    renewal.broker.kill();
    renewal.broker.restart();
    emma.push(81..=100, 300);
    emma.settled(100).await;
    assert_all_acknowledged(&emma);
    emma.stop().await;
}

#[tokio::test]
async fn offers_go_on_when_a_certificate_is_renewed_and_the_old_one_revoked() {
    a_renewed_certificate_is_used(Protocol::Mqtt5).await;
}

#[tokio::test]
async fn and_in_mqtt_3_1_1() {
    a_renewed_certificate_is_used(Protocol::Mqtt311).await;
}

/// The real Emma, started as systemd starts her: with a folder of credentials. Her listeners come with the new password too.
#[tokio::test]
async fn offers_and_listeners_go_on_when_a_password_that_is_a_credential_changes() {
    let Some(passwd) = find("mosquitto_passwd", SKIPPED) else { return };
    let Some(mut broker) = Mosquitto::prepared(SKIPPED, "password_file {dir}/passwords\npersistence false") else {
        return;
    };
    let conf = broker.dir.path().join("mosquitto.conf");
    let text = fs::read_to_string(&conf).unwrap().replace("allow_anonymous true", "allow_anonymous false");
    fs::write(&conf, text).unwrap();
    let credentials = TempDir::new().unwrap();
    let passwords = broker.dir.path().join("passwords");
    let change = |password: &str| {
        let status = Command::new(&passwd).args(["-b", "-c"]).arg(&passwords).args(["emma", password]).status();
        assert!(status.unwrap().success());
        fs::write(credentials.path().join("mqtt-password"), password).unwrap();
    };
    change("one");
    broker.restart();
    let shop = Shop::new(broker.port);
    let gateway = fs::read_to_string(shop.config().join("gateway.toml")).unwrap();
    let login = "[mqtt]\nusername = \"emma\"\npassword-file = \"credential:mqtt-password\"\n";
    shop.write("gateway.toml", &gateway.replace("\"auto\"", "\"none\"").replace("[mqtt]\n", login));

    let run = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
        command.arg("run").arg("--config").arg(shop.config()).env_remove("CREDENTIALS_DIRECTORY");
        command
    };
    let refused = run().output().unwrap();
    assert_eq!(refused.status.code(), Some(78));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("LoadCredential=mqtt-password:FILE"), "{said}");

    let mut emma = run().env("CREDENTIALS_DIRECTORY", credentials.path()).spawn().unwrap();
    let everyone = ["emma-hall-decider", "emma-hall-sensor10-hears-customers", "emma-hall-sensor10-hears-shop"];
    let let_in = |broker: &Mosquitto, times: usize| everyone.iter().all(|who| times_let_in(broker, who) >= times);
    until("it is let in", || let_in(&broker, 1)).await;
    broker.kill();
    change("two");
    broker.restart();
    until("it is let in with the new one", || let_in(&broker, 2)).await;
    emma.kill().unwrap();
    emma.wait().unwrap();
}
