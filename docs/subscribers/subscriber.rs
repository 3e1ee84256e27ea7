//! A recipient of Emma's offers, in Rust with rumqttc: README.md says how to run it.

#![expect(clippy::print_stdout, reason = "it shows what it gets")]
#![expect(clippy::disallowed_methods, reason = "a program of its own asks the time itself")]

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::time::Duration;

use jiff::Timestamp;
use rumqttc::v5::mqttbytes::QoS::AtLeastOnce;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish};
use rumqttc::v5::{Client, Event, MqttOptions};
use rumqttc::{TlsConfiguration, Transport};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let (client, mut connection) = Client::new(options()?, 100);
    let me = setting("EMMA_RECIPIENT", "push");
    let mut seen = HashMap::new();
    for event in connection.iter() {
        match event {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                for what in ["offer", "offer-end"] {
                    client.try_subscribe(format!("emma/v1/+/{what}/{me}/+"), AtLeastOnce)?;
                }
            }
            Ok(Event::Incoming(Packet::Publish(message))) => {
                // What is no event is acknowledged all the same: kept, it would come again for ever.
                let _passed_over = take(&message, &client, &mut seen);
                client.try_ack(&message)?;
            }
            Ok(_) => {}
            Err(error) => {
                eprintln!("{error}; again in a second");
                std::thread::sleep(Duration::from_secs(1));
            }
        }
    }
    Ok(())
}

/// `seen` has the ids of events, each until it expires; after that its own time refuses it.
fn take(message: &Publish, client: &Client, seen: &mut HashMap<String, Timestamp>) -> Option<()> {
    let event: Value = serde_json::from_slice(&message.payload).ok()?;
    let (id, offer) = (event["id"].as_str()?, event["data"]["offer_id"].as_str()?);
    let (until, now): (Timestamp, _) = (event["expirytime"].as_str()?.parse().ok()?, Timestamp::now());
    seen.retain(|_, until| *until > now);
    if until <= now || seen.insert(id.to_owned(), until).is_some() {
        return None; // over, or said before: whatever queued it
    }
    match event["type"].as_str()? {
        "emma.offer.ended.v1" => println!("drop {offer} {}", event["data"]["reason"]),
        "emma.offer.issued.v1" => {
            println!("show {offer} {}", event["data"]["text"]);
            let topic = std::str::from_utf8(&message.topic).ok()?;
            let [_, _, site, _, _, inbox] = topic.split('/').collect::<Vec<_>>()[..] else { return None };
            let displayed = json!({ "offer_id": offer, "kind": "displayed" }).to_string();
            client.try_publish(format!("emma/v1/{site}/feedback/{inbox}"), AtLeastOnce, false, displayed).ok()?;
        }
        _ => {} // a type from the future is passed over
    }
    Some(())
}

fn options() -> Result<MqttOptions, Box<dyn Error>> {
    let port = setting("EMMA_PORT", "1883").parse()?;
    let (client_id, host) = (setting("EMMA_CLIENT_ID", "emma-push-1"), setting("EMMA_HOST", "127.0.0.1"));
    let mut options = MqttOptions::new(client_id, host, port);
    // The broker keeps what comes while this is down.
    options.set_clean_start(false).set_session_expiry_interval(Some(24 * 60 * 60)).set_manual_acks(true);
    // An event has at most 64 KiB; the broker passes over what is longer. Without a word rumqttc ends at 10 KiB.
    options.set_max_packet_size(Some(128 * 1024));
    if let (Ok(user), Ok(password)) = (env::var("EMMA_USER"), env::var("EMMA_PASSWORD")) {
        options.set_credentials(user, password);
    }
    if let Ok(ca) = env::var("EMMA_CA") {
        tokio_rustls::rustls::crypto::ring::default_provider().install_default().unwrap_or_default();
        let simple = TlsConfiguration::Simple { ca: std::fs::read(ca)?, alpn: None, client_auth: None };
        options.set_transport(Transport::tls_with_config(simple));
    }
    Ok(options)
}

fn setting(name: &str, usual: &str) -> String {
    env::var(name).unwrap_or_else(|_| usual.to_owned())
}
