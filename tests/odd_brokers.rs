//! Brokers that misbehave, each scripted: what Emma sends them, what she counts as shown, and that she is well again with the
//! next broker that behaves.

#![allow(clippy::unwrap_used, reason = "a test stops and says why")]
#![allow(unreachable_pub, reason = "the helpers' modules are shared by tests")]

#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "common/deliveries.rs"]
mod deliveries;
#[path = "common/link.rs"]
mod link;
#[path = "common/listener.rs"]
mod listener;
#[path = "common/odd.rs"]
mod odd;
#[path = "common/teller.rs"]
mod teller;

use std::collections::BTreeSet;

use futures::future::join_all;
use link::{Link, Way};
use listener::until;
use odd::{Limits, Manner, Odd};
use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, DisconnectReasonCode, PubAckReason};
use teller::{Committed, Teller, Wanted};

const SUCCESS: Option<PubAckReason> = Some(PubAckReason::Success);

/// No machine is so slow that it expires.
const LONG_MS: i64 = 120_000;

/// An offer to each of so many customers.
fn to_each_of(customers: u64, fresh_ms: i64) -> Vec<Wanted> {
    (0..customers).map(|customer| Wanted { customer, also: None, fresh_ms }).collect()
}

fn deliveries_of<'a>(committed: impl IntoIterator<Item = &'a Committed>) -> BTreeSet<String> {
    committed.into_iter().map(|offer| offer.delivery.clone()).collect()
}

fn events_of(committed: &[Committed]) -> Vec<String> {
    committed.iter().map(|offer| offer.event.clone()).collect()
}

async fn expired(teller: &Teller, committed: &[Committed]) {
    let expires_us = committed.iter().map(|offer| offer.expires_us).max().unwrap();
    until("they expire", || teller.emma.clock.wall_us() > expires_us).await;
}

#[tokio::test]
async fn what_is_refused_is_refunded_whatever_the_reason_and_nothing_else_is() {
    use PubAckReason::*;
    let refusals = [
        UnspecifiedError,
        ImplementationSpecificError,
        NotAuthorized,
        TopicNameInvalid,
        PacketIdentifierInUse,
        QuotaExceeded,
        PayloadFormatInvalid,
    ];
    let answers: Vec<_> = [Success, NoMatchingSubscribers].into_iter().chain(refusals).map(Some).collect();
    let odd = Odd::start([Manner::answers(&answers)]).await;
    let mut teller = Teller::start(odd.port);
    let committed = teller.commit(&to_each_of(18, LONG_MS)).await;
    teller.emptied().await;
    let status = teller.emma.session.status.borrow().clone();
    assert_eq!((status.acknowledged, status.nobody_listening, status.refused), (4, 2, 14));
    assert_eq!(odd.events(), events_of(&committed), "each once, in order");
    assert_eq!(odd.connections(), 1, "a refusal is no reason to leave");
    let shown = committed.iter().enumerate().filter(|(n, _)| n % 9 < 2).map(|(_, offer)| offer);
    assert_eq!(teller.stop().await, deliveries_of(shown));
}

#[tokio::test]
async fn a_broker_whose_quota_is_full_is_told_each_offer_once_and_the_offers_after_that_arrive() {
    let full = [Some(PubAckReason::QuotaExceeded); 50];
    let odd = Odd::start([Manner::answers(&[&full[..], &[SUCCESS; 50]].concat())]).await;
    let mut teller = Teller::start(odd.port);
    let committed = teller.commit(&to_each_of(100, LONG_MS)).await;
    teller.emptied().await;
    assert_eq!(odd.events(), events_of(&committed));
    assert_eq!(teller.stop().await, deliveries_of(&committed[50..]));
}

#[tokio::test]
async fn what_is_in_doubt_is_not_refunded_by_a_refusal() {
    let odd = Odd::start([Manner::answers(&[None]), Manner::answers(&[Some(PubAckReason::QuotaExceeded)])]).await;
    let link = Link::to(odd.port).await;
    let mut teller = Teller::start(link.port);
    let committed = teller.commit(&to_each_of(5, LONG_MS)).await;
    until("all are sent", || odd.events().len() == 5).await;
    link.cut();
    teller.emptied().await;
    assert_eq!(odd.events().len(), 10);
    assert_eq!(teller.stop().await, deliveries_of(&committed), "the first connection may have brought them");
}

#[tokio::test]
async fn a_broker_that_never_acknowledges_is_given_a_window_and_costs_the_others_nothing() {
    let odd = Odd::start([Manner::answers(&[None]), Manner::answers(&[SUCCESS])]).await;
    let link = Link::to(odd.port).await;
    let mut teller = Teller::start(link.port);
    teller.emma.connected().await;
    let committed = teller.commit(&to_each_of(60, 5_000)).await;
    expired(&teller, &committed).await;
    let sent: BTreeSet<String> = odd.events().into_iter().collect();
    assert!(!sent.is_empty() && sent.len() <= 20, "{} without an acknowledgement", sent.len());
    // In a window that is shut nothing is said, and what waits for it is refunded.
    until("the others end", || teller.ledger.gauges().outbox_rows() == sent.len() as u64).await;
    let after = teller.commit(&to_each_of(1, LONG_MS)).await;
    link.cut();
    teller.emptied().await;
    let again: Vec<String> = odd.events().split_off(sent.len());
    assert_eq!(again, events_of(&after), "nothing that expired is said again");
    let shown = committed.iter().filter(|offer| sent.contains(&offer.event)).chain(&after);
    assert_eq!(teller.stop().await, deliveries_of(shown), "of what was sent nobody knows; of the others all do");
}

#[tokio::test]
#[ignore = "a minute long: tests/long/run"]
async fn a_broker_that_stays_and_is_silent_for_a_while_is_given_the_next_window() {
    let odd = Odd::start([Manner::answers(&[&[None; 20][..], &[SUCCESS; 1_000]].concat())]).await;
    let mut teller = Teller::start(odd.port);
    let silent = teller.commit(&to_each_of(20, 10_000)).await;
    until("they are sent", || odd.events().len() == 20).await;
    let later = teller.commit(&to_each_of(50, LONG_MS)).await;
    teller.emptied().await;
    assert_eq!(odd.events(), events_of(&[silent.clone(), later.clone()].concat()), "each once, in order");
    assert_eq!(odd.connections(), 1);
    assert_eq!(teller.stop().await, deliveries_of(silent.iter().chain(&later)));
}

/// What cannot be written at once is not handed to the client library, where it would wait for its packet id and be written
/// whenever that is free.
#[tokio::test]
#[ignore = "a minute long: tests/long/run"]
async fn a_broker_that_acknowledges_after_minutes_is_not_sent_what_has_expired_meanwhile() {
    let limits = Limits { receive_max: Some(4), max_packet_len: None };
    let odd = Odd::start([Manner::Answers { answers: vec![None], limits }]).await;
    let mut teller = Teller::start(odd.port);
    teller.commit(&to_each_of(3, 10_000)).await;
    until("they are sent", || odd.events().len() == 3).await;
    // Fresh when the window opens again a minute after the start, and not for much longer.
    let waits = teller.commit(&to_each_of(9, 70_000)).await;
    expired(&teller, &waits).await;
    let before = odd.events().len();
    odd.release();
    let after = teller.commit(&to_each_of(9, LONG_MS)).await;
    teller.emptied().await;
    assert_eq!(odd.events().split_off(before), events_of(&after), "what expired is not said");
    assert_eq!(odd.connections(), 1);
}

#[tokio::test]
#[ignore = "two keep-alives long: tests/long/run"]
async fn a_link_that_dies_without_a_word_is_noticed_and_what_was_on_it_is_said_again() {
    let odd = Odd::start([Manner::answers(&[SUCCESS])]).await;
    let link = Link::to(odd.port).await;
    let mut teller = Teller::start(link.port);
    teller.emma.connected().await;
    link.stall(Some(Way::ToBroker));
    let committed = teller.commit(&to_each_of(50, LONG_MS)).await;
    until("it is noticed", || teller.emma.session.status.borrow().outages == 1).await;
    assert_eq!(odd.events().len(), 0);
    link.cut();
    link.stall(None);
    teller.emptied().await;
    assert_eq!(odd.events(), events_of(&committed));
    assert_eq!(teller.stop().await, deliveries_of(&committed));
}

/// Rows that were on their way when a broker lost its session wait for room on the next, which may be long in coming.
#[tokio::test]
async fn who_is_forgotten_while_their_offer_waits_to_be_said_again_is_not_told() {
    let limits = Limits { receive_max: Some(2), max_packet_len: None };
    let ends = Manner::Disconnects(DisconnectReasonCode::ServerBusy);
    let odd = Odd::start([ends, Manner::Answers { answers: vec![None], limits }]).await;
    let mut teller = Teller::start(odd.port);
    let committed = teller.commit(&to_each_of(8, LONG_MS)).await;
    until("the next broker has the first again", || odd.connections() == 2 && odd.events().len() > 1).await;
    let before = odd.events().len();
    let forgotten = deliveries::customer("c5");
    teller.ledger.forget(forgotten, teller.emma.clock.wall_us()).await.unwrap();
    odd.release();
    teller.emptied().await;
    let after = odd.events().split_off(before);
    let told: Vec<String> = after.into_iter().filter(|event| !event.is_empty()).collect();
    assert!(!told.contains(&committed[5].event), "{told:?}");
    for other in [&committed[4], &committed[6], &committed[7]] {
        assert!(told.contains(&other.event), "{told:?}");
    }
}

#[tokio::test]
async fn a_broker_that_takes_one_at_a_time_gets_one_at_a_time() {
    let limits = Limits { receive_max: Some(1), max_packet_len: None };
    let odd = Odd::start([Manner::Answers { answers: vec![SUCCESS], limits }]).await;
    let mut teller = Teller::start(odd.port);
    let committed = teller.commit(&to_each_of(50, LONG_MS)).await;
    teller.emptied().await;
    assert_eq!(odd.events(), events_of(&committed));
    assert_eq!((odd.most_unanswered(), odd.connections()), (1, 1));
    assert_eq!(teller.stop().await, deliveries_of(&committed));
}

#[tokio::test]
async fn a_broker_that_takes_no_packet_so_long_is_not_sent_one_and_it_is_refunded() {
    let limits = Limits { receive_max: None, max_packet_len: Some(600) };
    let odd = Odd::start([Manner::Answers { answers: vec![SUCCESS], limits }]).await;
    let mut teller = Teller::start(odd.port);
    teller.commit(&to_each_of(5, LONG_MS)).await;
    teller.emptied().await;
    assert_eq!((odd.events().len(), odd.connections()), (0, 1));
    assert_eq!(teller.stop().await, BTreeSet::new());
}

/// Nothing is said to a broker that refuses; what expires meanwhile is refunded, and the rest arrives when it has come round.
#[tokio::test]
async fn whatever_a_broker_refuses_a_connection_for_nothing_is_said() {
    use ConnectReturnCode::*;
    let codes = [
        UnspecifiedError,
        MalformedPacket,
        ProtocolError,
        ImplementationSpecificError,
        UnsupportedProtocolVersion,
        ClientIdentifierNotValid,
        BadUserNamePassword,
        NotAuthorized,
        ServerUnavailable,
        ServerBusy,
        Banned,
        BadAuthenticationMethod,
        TopicNameInvalid,
        PacketTooLarge,
        QuotaExceeded,
        PayloadFormatInvalid,
        RetainNotSupported,
        QoSNotSupported,
        UseAnotherServer,
        ServerMoved,
        ConnectionRateExceeded,
    ];
    join_all(codes.map(async |code| {
        let odd = Odd::start([Manner::Refuses(code), Manner::Refuses(code), Manner::answers(&[SUCCESS])]).await;
        let mut teller = Teller::start(odd.port);
        let short = teller.commit(&to_each_of(2, 1)).await;
        expired(&teller, &short).await;
        until("they are refunded", || teller.ledger.gauges().outbox_rows() == 0).await;
        let long = teller.commit(&to_each_of(2, LONG_MS)).await;
        teller.emptied().await;
        assert_eq!(odd.events(), events_of(&long), "{code:?}");
        assert_eq!(teller.stop().await, deliveries_of(&long), "{code:?}");
    }))
    .await;
}

#[tokio::test]
async fn whatever_a_broker_ends_a_connection_for_the_offer_is_said_again() {
    use DisconnectReasonCode::*;
    let codes = [
        NormalDisconnection,
        UnspecifiedError,
        MalformedPacket,
        ProtocolError,
        ImplementationSpecificError,
        NotAuthorized,
        ServerBusy,
        ServerShuttingDown,
        KeepAliveTimeout,
        TopicNameInvalid,
        ReceiveMaximumExceeded,
        PacketTooLarge,
        MessageRateTooHigh,
        QuotaExceeded,
        AdministrativeAction,
        PayloadFormatInvalid,
        UseAnotherServer,
        ServerMoved,
        ConnectionRateExceeded,
    ];
    join_all(codes.map(async |code| {
        let ends = Manner::Disconnects(code);
        well_again([ends.clone(), ends, Manner::answers(&[SUCCESS])], &format!("{code:?}")).await;
    }))
    .await;
}

#[tokio::test]
async fn garbage_from_a_broker_costs_a_connection_at_the_most() {
    let garbage: [&[u8]; 10] = [
        &[0xff; 64],
        &[0; 64],
        // PUBACK of a packet id that was never given, of one beyond all, with a reason that is none, with properties cut short.
        &[0x40, 2, 0, 77],
        &[0x40, 2, 0xff, 0xff],
        &[0x40, 3, 0, 1, 0x55],
        &[0x40, 4, 0, 1, 0, 9],
        // A length of five bytes; a second CONNACK; PUBREC, which belongs to another QoS; a PUBLISH nobody asked for.
        &[0x30, 0xff, 0xff, 0xff, 0xff, 0x7f],
        &[0x20, 3, 0, 0, 0],
        &[0x50, 2, 0, 1],
        &[0x32, 8, 0, 1, b'a', 0, 9, 0, b'x', b'y'],
    ];
    join_all(garbage.map(async |bytes| {
        well_again([Manner::Garbage(bytes.to_vec()), Manner::answers(&[SUCCESS])], &format!("{bytes:x?}")).await;
    }))
    .await;
}

/// With the last of these brokers every offer has arrived, in order, and counts as shown.
async fn well_again(manners: impl IntoIterator<Item = Manner>, what: &str) {
    let odd = Odd::start(manners).await;
    let mut teller = Teller::start(odd.port);
    let committed = teller.commit(&to_each_of(30, LONG_MS)).await;
    teller.emptied().await;
    let mut known = BTreeSet::new();
    let first: Vec<String> = odd.events().into_iter().filter(|event| known.insert(event.clone())).collect();
    assert_eq!(first, events_of(&committed), "{what}");
    assert!(teller.emma.session.status.borrow().is_connected(), "{what}");
    assert_eq!(teller.stop().await, deliveries_of(&committed), "{what}");
}
