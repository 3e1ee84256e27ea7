//! What the registrar and the phone have in common: a connection to the broker, the key of a day, and settings.

use std::error::Error;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use sha2::Sha256;
use tokio::sync::mpsc;

/// What ends either program.
pub(crate) type Failed = Box<dyn Error + Send + Sync>;

/// A variable of the environment.
pub(crate) fn setting(name: &str, usual: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| usual.to_owned())
}

/// Where the registrar is reached by apps: in the real world a web service, over TLS.
pub(crate) fn registrar_address() -> String {
    format!("127.0.0.1:{}", setting("REGISTRAR_PORT", "7007"))
}

/// The time, which keys and leases go by.
#[expect(clippy::disallowed_methods, reason = "a program of its own asks the time itself")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Seconds since 1970 are counted in days of UTC, as docs/rolling-id.md has it.
pub(crate) fn day_of(at: Timestamp) -> i32 {
    i32::try_from(at.as_second() / 86_400).unwrap_or(0)
}

/// Random bytes that nobody can guess: keys, tokens, inboxes, pseudonyms.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Failed> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// The key of one day, which is all that a shop is given: HKDF-SHA256 of the long key, with `EMMA-DAY` and the day.
pub(crate) fn day_key(long_key: &[u8], day: i32) -> [u8; 32] {
    let extracted = hmac(&[0; 32], &[long_key]);
    hmac(&extracted, &[b"EMMA-DAY", &day.to_le_bytes(), &[1]])
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        hmac.update(part);
    }
    hmac.finalize().into_bytes().into()
}

/// A client of the broker that subscribes to `filters` with each connection. Whatever comes waits in the receiver; the real ones
/// have a user, TLS and a session that the broker keeps (docs/subscribers/subscriber.rs).
pub(crate) fn connect(
    name: &str,
    filters: Vec<String>,
) -> Result<(AsyncClient, mpsc::UnboundedReceiver<Publish>), Failed> {
    let port = setting("EMMA_PORT", "1883").parse()?;
    let mut options = MqttOptions::new(name, setting("EMMA_HOST", "127.0.0.1"), port);
    options.set_max_packet_size(Some(128 * 1024));
    let (client, eventloop) = AsyncClient::new(options, 1_000);
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(keep_connected(client.clone(), eventloop, filters, sender));
    Ok((client, receiver))
}

async fn keep_connected(
    client: AsyncClient,
    mut eventloop: EventLoop,
    filters: Vec<String>,
    sender: mpsc::UnboundedSender<Publish>,
) {
    while !sender.is_closed() {
        match eventloop.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                for filter in &filters {
                    if let Err(error) = client.try_subscribe(filter.clone(), QoS::AtLeastOnce) {
                        eprintln!("{error}");
                    }
                }
            }
            // Nobody receives any more: the loop ends.
            Ok(Event::Incoming(Packet::Publish(publish))) => drop(sender.send(publish)),
            Ok(_) => {}
            Err(error) => {
                eprintln!("{error}; again in a second");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}
