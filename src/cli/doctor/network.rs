//! The broker: reached, believed, and willing to let Emma in.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{AlertDescription, CertificateError, Error as TlsError};

use super::Patient;
use super::certificate::not_after_secs;
use super::finding::Finding;
use crate::config::gateway::{Gateway, Mqtt, Protocol};
use crate::mqtt::client::Refusal;
use crate::mqtt::connection::Options;
use crate::mqtt::knock::{KnockError, knock, reach};
use crate::mqtt::tls;

const BROKER: &str = "broker";
const CERTIFICATE: &str = "certificate";

/// Long enough for somebody to notice a warning and renew a certificate.
const SOON_DAYS: i64 = 21;

const DAY_SECS: i64 = 86_400;

/// The checks of this group.
pub(super) async fn examine(patient: &Patient) -> Vec<Finding> {
    let Some(gateway) = &patient.loaded.gateway else {
        return vec![Finding::unknown(BROKER, "gateway.toml cannot be read, so no broker is known")];
    };
    let mut findings = Vec::new();
    // A Pi that only scans has none to send.
    if gateway.mqtt.is_none() && gateway.decides {
        let what = "gateway.toml names no broker: no offer leaves this Pi";
        findings.push(Finding::note(BROKER, what).advise("[mqtt] url = \"mqtts://…\""));
    }
    let now_secs = patient.clock.wall_us() / 1_000_000;
    for mqtt in gateway.brokers() {
        let (shown, of_broker) = match visit(gateway, mqtt).await {
            Ok(certificate) => (Finding::ok(BROKER, format!("{} lets Emma in", address(mqtt))), certificate),
            Err((finding, certificate)) => (finding, certificate),
        };
        findings.extend([shown, certificates(mqtt, of_broker.as_deref(), now_secs)]);
    }
    findings
}

fn address(mqtt: &Mqtt) -> String {
    let scheme = if mqtt.tls { "mqtts" } else { "mqtt" };
    format!("{scheme}://{}:{}", mqtt.host, mqtt.port)
}

type Der = Option<CertificateDer<'static>>;

/// The broker's certificate, if it has one; without success the finding, and the certificate as far as it got.
async fn visit(gateway: &Gateway, mqtt: &Mqtt) -> Result<Der, (Finding, Der)> {
    let unusable = |error: String| (Finding::fail(BROKER, error, "correct the file, or [mqtt] in gateway.toml"), None);
    let tls = mqtt.tls.then(|| tls::client_config(mqtt)).transpose().map_err(|error| unusable(error.to_string()))?;
    let options = Options::new(mqtt, &gateway.site, &gateway.gateway).map_err(|error| unusable(error.to_string()))?;
    let certificate = reach(&mqtt.host, mqtt.port, tls).await.map_err(|error| (unreached(mqtt, &error), None))?;
    knock(&options).await.map_err(|error| (turned_away(mqtt, &error), certificate.clone()))?;
    Ok(certificate)
}

/// Why the broker is not reached or not believed.
fn unreached(mqtt: &Mqtt, error: &KnockError) -> Finding {
    let (at, host) = (address(mqtt), &mqtt.host);
    let fail = |what: String, to_do: &str| Finding::fail(BROKER, what, to_do);
    let TlsError::InvalidCertificate(flaw) = (match error {
        KnockError::Tls(error) => error,
        KnockError::Unreachable(_) | KnockError::Silent => {
            let to_do = "is the broker up, its name and port right, and the way to it open (cable, firewall, DNS)?";
            return fail(format!("{at} is not reached: {error}"), to_do);
        }
        KnockError::Refused(_) | KnockError::Lost(_) => {
            let to_do = "what answers there may speak no TLS: correct `url`, or the broker's listener";
            return fail(format!("{at} is reached, and TLS fails: {error}"), to_do);
        }
    }) else {
        let to_do = "the broker may want a client certificate (`cert-file`, `key-file`), or speak no TLS on this port";
        return fail(format!("{at} is reached, and TLS fails: {error}"), to_do);
    };
    match flaw {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            let to_do = "`ca-file` must hold the authority that signed the broker's certificate";
            fail(format!("{at} is not believed: its certificate is of another authority than `ca-file`"), to_do)
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => fail(
            format!("{at} is not believed: its certificate has expired"),
            "renew the broker's certificate; is the clock right?",
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            fail(format!("{at} is not believed: its certificate is not valid yet"), "see `clock` above")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            let to_do = "give the broker a certificate with that name (subjectAltName), or use the name that is in it";
            fail(format!("{at} is not believed: its certificate is not for {host}"), to_do)
        }
        other => fail(format!("{at} is not believed: {other:?}"), "give the broker a certificate that TLS accepts"),
    }
}

/// Why a broker that is reached does not let Emma in.
fn turned_away(mqtt: &Mqtt, error: &KnockError) -> Finding {
    let at = address(mqtt);
    let fail = |what: String, to_do: &str| Finding::fail(BROKER, what, to_do);
    match error {
        // Under that id a visit would take the session from the Emma that runs.
        KnockError::Refused(Refusal::ClientId | Refusal::NotAuthorised) if mqtt.client_id.is_some() => {
            let what =
                format!("{at} is reached and takes nobody but the configured client id, under which nothing is tried");
            Finding::unknown(BROKER, what).advise("emma status says whether the running Emma is connected")
        }
        KnockError::Refused(Refusal::Password | Refusal::NotAuthorised) => {
            let to_do = "compare `username` and the content of `password-file` with the broker's";
            fail(format!("{at} is reached, and refuses Emma's name or password"), to_do)
        }
        KnockError::Refused(Refusal::Version) => {
            let to_do = match mqtt.protocol {
                Protocol::Mqtt5 => {
                    "use a broker that does, such as mosquitto 2; else `protocol = \"3.1.1\"`, with its losses"
                }
                Protocol::Mqtt311 => "remove `protocol`: it may want MQTT 5",
            };
            fail(format!("{at} does not speak MQTT {}", mqtt.protocol.word()), to_do)
        }
        KnockError::Refused(refusal) => {
            fail(format!("{at} refuses the connection: {refusal}"), "the broker's log says why")
        }
        KnockError::Lost(_) | KnockError::Silent | KnockError::Unreachable(_) if !mqtt.tls => {
            let (version, other) = match mqtt.protocol {
                Protocol::Mqtt5 => ("5", ", or for 3.1.1 alone (`protocol`)"),
                Protocol::Mqtt311 => ("3.1.1", ""),
            };
            let to_do =
                format!("does a broker listen there, for MQTT {version}{other}, and without TLS? Its log says more");
            fail(format!("{at} is reached and does not answer as a broker does: {error}"), &to_do)
        }
        KnockError::Tls(TlsError::AlertReceived(alert)) if *alert == AlertDescription::CertificateRequired => {
            fail(format!("{at} wants a client certificate"), "`cert-file` and `key-file` in [mqtt]")
        }
        KnockError::Lost(what) if what.contains("CertificateRequired") => {
            fail(format!("{at} wants a client certificate"), "`cert-file` and `key-file` in [mqtt]")
        }
        KnockError::Tls(_) | KnockError::Lost(_) | KnockError::Silent | KnockError::Unreachable(_) => {
            let to_do = "the broker's log says why; a client certificate that it does not believe is a usual reason";
            fail(format!("{at} is believed, and ends the connection: {error}"), to_do)
        }
    }
}

/// How long the broker's certificate and Emma's own still hold.
fn certificates(mqtt: &Mqtt, of_broker: Option<&[u8]>, now_secs: i64) -> Finding {
    if !mqtt.tls {
        let is_here = &*mqtt.host == "localhost" || mqtt.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if is_here {
            return Finding::ok(CERTIFICATE, "none is needed: the broker is on this machine");
        }
        let what = "offers and the password cross the network unencrypted";
        return Finding::warn(CERTIFICATE, what, "mqtts:// with `ca-file`");
    }
    let mine = mqtt.cert_file.as_deref();
    let ends = [
        of_broker.and_then(not_after_secs).map(|end_secs| ("the broker's", end_secs)),
        mine.and_then(first_in).and_then(|own| not_after_secs(&own)).map(|end_secs| ("Emma's own", end_secs)),
    ];
    let days =
        |end_secs: u64| i64::try_from(end_secs).unwrap_or(i64::MAX).saturating_sub(now_secs).div_euclid(DAY_SECS);
    let left: Vec<(&str, i64)> = ends.into_iter().flatten().map(|(whose, end_secs)| (whose, days(end_secs))).collect();
    let told: Vec<String> = left.iter().map(|(whose, days)| format!("{whose} holds for {days} days")).collect();
    match left.iter().min_by_key(|(_, days)| *days) {
        None => Finding::unknown(CERTIFICATE, "none was seen: the broker was not reached or not believed"),
        Some((whose, ..0)) => Finding::fail(CERTIFICATE, format!("{whose} has expired"), "renew it"),
        Some((_, ..SOON_DAYS)) => {
            Finding::warn(CERTIFICATE, told.join(", "), "renew it in time: afterwards no offer leaves")
        }
        Some(_) => Finding::ok(CERTIFICATE, told.join(", ")),
    }
}

fn first_in(file: &Path) -> Option<Vec<u8>> {
    let text = fs::read(file).ok()?;
    Some(CertificateDer::pem_slice_iter(&text).next()?.ok()?.to_vec())
}
