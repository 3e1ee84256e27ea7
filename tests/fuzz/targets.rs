//! Every door through which bytes of others come in, each with what has to hold whatever comes.
//!
//! A target takes any bytes and panics where something does not hold. `tests/fuzz/main.rs` drives them on any toolchain,
//! the crate in `fuzz/` with libFuzzer. A new door is a function here and its line in [`TARGETS`].

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::Path;

use emma::config::offers::{CouponKey, Scheme};
use emma::config::remote::Format;
use emma::config::{self, Sources};
use emma::coupon;
use emma::gateway::advertisement::{AddressKind, MAX_PAYLOAD_LEN};
use emma::gateway::consent::record::{self, MAX_RECORD_LEN, Record};
use emma::gateway::decode::ad::AdStructures;
use emma::gateway::decode::{Frame, eddystone, frames};
use emma::gateway::sharing::MOST_READINGS;
use emma::incoming::consent::Said;
use emma::incoming::feed::Feed;
use emma::incoming::{self, Message};
use emma::notice::{Facts, changes, html, text};
use emma::radio::capture::{self, Heard};
use emma::radio::{encode, phone, remote};
use emma::sharing::hub::{Hub, Refused};
use emma::sharing::intake::Refusal;
use emma::sharing::scanner::Scanner;
use emma::sharing::wire::{self, Batch, Nonce, Page};
use emma::words::Language;
use emma::words::notice;
use jiff::civil::Date;

/// A door, and what is called by that name on the command line.
pub(crate) type Target = fn(&[u8]);

/// All of them.
pub(crate) const TARGETS: [(&str, Target); 24] = [
    ("ad", ad),
    ("ibeacon", ibeacon),
    ("altbeacon", altbeacon),
    ("eddystone", eddystone_frame),
    ("btsnoop", btsnoop),
    ("jsonl", jsonl),
    ("consent", consent),
    ("openmqttgateway", |bytes| scanner(bytes, Format::OpenMqttGateway)),
    ("theengs", |bytes| scanner(bytes, Format::Theengs)),
    ("espresense", |bytes| scanner(bytes, Format::Espresense)),
    ("ruuvi", |bytes| scanner(bytes, Format::Ruuvi)),
    ("phone", heard_by_phone),
    ("incoming", incoming),
    ("registrar", registrar),
    ("batch", batch),
    ("page", page),
    ("gateway.toml", |bytes| configuration(bytes, |sources| &mut sources.gateway)),
    ("site.toml", |bytes| configuration(bytes, |sources| &mut sources.site)),
    ("zones.toml", |bytes| configuration(bytes, |sources| &mut sources.zones)),
    ("offers.toml", |bytes| configuration(bytes, |sources| &mut sources.offers)),
    ("promise.toml", |bytes| configuration(bytes, |sources| &mut sources.promise)),
    ("codes", list_of_codes),
    ("coupon", typed_coupon),
    ("notice", former_notice),
];

/// Advertising data: the structures are those of the payload, one after the other, and their frames are whole.
fn ad(payload: &[u8]) {
    let mut rest = payload;
    for structure in AdStructures::new(payload) {
        let len = structure.data.len() + 2;
        let (front, behind) = rest.split_at(len);
        assert_eq!(usize::from(front[0]), len - 1, "a structure of another length");
        assert_eq!((front[1], &front[2..]), (structure.ad_type, structure.data), "a structure from elsewhere");
        rest = behind;
    }
    assert!(frames(payload).count() <= payload.len() / 4, "more frames than there is room for");
    frames(payload).for_each(comes_back);
}

/// What follows an iBeacon's prefix.
fn ibeacon(bytes: &[u8]) {
    only(encode::manufacturer_data(0x004c, &[&[0x02, 0x15], bytes].concat()), "ibeacon");
}

/// What follows an `AltBeacon`'s code, of a company that the first two bytes name.
fn altbeacon(bytes: &[u8]) {
    let Some((company, bytes)) = bytes.split_first_chunk::<2>() else { return };
    only(encode::manufacturer_data(u16::from_le_bytes(*company), &[&[0xbe, 0xac], bytes].concat()), "altbeacon");
}

/// Service data of Eddystone's UUID.
fn eddystone_frame(bytes: &[u8]) {
    only(encode::service_data16(0xfeaa, bytes), "eddystone-");
}

/// A structure of one format holds at most one frame, and that of this format; what an iBeacon's company sends as an
/// `AltBeacon` may be either.
fn only(structure: Option<Vec<u8>>, kind: &str) {
    let Some(structure) = structure else { return };
    assert!(frames(&structure).count() <= 1, "one structure, several frames");
    for frame in frames(&structure) {
        assert!(frame.kind().starts_with(kind), "{} out of {kind}", frame.kind());
        comes_back(frame);
    }
}

/// A frame, transmitted as it was understood, is understood as the same; its strength at 1 m is one.
fn comes_back(frame: Frame<'_>) {
    let again = match frame {
        Frame::IBeacon { uuid, major, minor, measured_power_dbm } => {
            Some(encode::ibeacon(&uuid, major, minor, measured_power_dbm))
        }
        Frame::AltBeacon { company, id1, id2, id3, measured_power_dbm, reserved } => {
            let mut bytes = encode::altbeacon(company, &id1, id2, id3, measured_power_dbm);
            if let Some(last) = bytes.last_mut() {
                *last = reserved;
            }
            Some(bytes)
        }
        Frame::EddystoneUid { namespace, instance, power_0m_dbm } => {
            Some(encode::eddystone_uid(&namespace, &instance, power_0m_dbm))
        }
        Frame::EddystoneUrl { scheme, encoded, power_0m_dbm } => {
            // Each byte is at most a name and a suffix.
            let url = eddystone::expand_url(scheme, encoded);
            assert!(url.is_none_or(|url| url.len() <= 16 * (encoded.len() + 1)), "a URL out of all proportion");
            encode::eddystone_url(scheme, encoded, power_0m_dbm)
        }
        Frame::EddystoneTlm { voltage_mv, temperature_c256, advertisements, uptime_ds } => {
            Some(encode::eddystone_tlm(voltage_mv, temperature_c256, advertisements, uptime_ds))
        }
        Frame::EddystoneEid { eid, power_0m_dbm } => Some(encode::eddystone_eid(&eid, power_0m_dbm)),
    };
    // A frame that fills a structure is the one thing that cannot be transmitted again, for want of room.
    if let Some(again) = again {
        assert!(frames(&again).eq([frame]), "{} comes back otherwise", frame.kind());
    }
    assert_eq!(format!("{frame:?}"), format!("Frame({})", frame.kind()), "Debug tells what was transmitted");
}

/// A capture in btsnoop: the bytes as they are, and as what follows a sound header.
fn btsnoop(bytes: &[u8]) {
    any_capture(bytes);
    for datalink in [1001_u32, 1002, 2001] {
        any_capture(&[b"btsnoop\0", &1_u32.to_be_bytes()[..], &datalink.to_be_bytes(), bytes].concat());
    }
}

/// A capture in JSON Lines: the bytes as they are, and as what follows a sound line.
fn jsonl(bytes: &[u8]) {
    any_capture(bytes);
    any_capture(&[&b"{\"t\":1}\n"[..], bytes].concat());
}

/// What is read is what a radio can hear, at most one advertisement for 4 bytes; written down it is read as the same.
fn any_capture(bytes: &[u8]) {
    let (heard, damaged, complaints) = read(bytes);
    assert!(
        heard.len() + usize::try_from(damaged).expect("a count of bytes read") <= bytes.len(),
        "more than there was"
    );
    assert!(complaints <= 200, "complaints without end");
    let mut lines = String::new();
    for one in &heard {
        assert!(one.payload.len() <= MAX_PAYLOAD_LEN && (-127..=20).contains(&one.rssi_dbm), "no radio hears that");
        assert!((1..=64).contains(&one.gateway.chars().count()), "a gateway without an id");
        lines.push_str(&line(one));
    }
    let (again, damaged, _) = read(lines.as_bytes());
    assert!(again == heard && damaged == 0, "written down, it is read otherwise");
}

/// Everything in a capture, how many parts of it are damaged, and how many complaints that makes.
fn read(bytes: &[u8]) -> (Vec<Heard>, u64, usize) {
    let Ok(mut capture) = capture::read(Path::new("gw.log"), Box::new(Cursor::new(bytes.to_vec())), None) else {
        return (Vec::new(), 0, 0);
    };
    let heard = capture.by_ref().map_while(Result::ok).collect();
    (heard, capture.tally().damaged(), capture.tally().complaints().len())
}

/// An advertisement as a line of a capture.
fn line(heard: &Heard) -> String {
    let address = heard.address.bytes.map(|byte| format!("{byte:02X}")).join(":");
    let kind = if heard.address.kind == AddressKind::Public { "public" } else { "random" };
    let line = serde_json::json!({
        "t": heard.t_us, "gateway": &*heard.gateway, "address": address, "address_type": kind,
        "rssi": heard.rssi_dbm, "data": hex::encode(&heard.payload),
    });
    format!("{line}\n")
}

/// A consent record: taken, it is stored as what is read as the same; refused, in a bounded number of sentences.
fn consent(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match record::parse(text) {
        Ok(Record::Grant(taken)) => {
            let stored = serde_json::to_string(&taken).expect("a record that was taken is JSON");
            match record::parse(&stored) {
                Ok(Record::Grant(again)) => assert!(*again == *taken, "stored, it is another consent"),
                _ => panic!("stored, it is refused"),
            }
        }
        Ok(Record::Withdraw { .. } | Record::Lapse { .. }) => {}
        Err(error) => {
            let len: usize = error.problems().iter().map(String::len).sum();
            assert!(!error.problems().is_empty(), "refused without a reason");
            assert!(len <= 64 * MAX_RECORD_LEN, "{len} bytes of reasons");
        }
    }
}

/// A scanner's message, after its topic and a line feed: what is read is what a radio can hear, and not stale.
fn scanner(bytes: &[u8], format: Format) {
    let (topic, message) = topic_and_message(bytes);
    if let Some(name) = remote::scanner(format, &topic) {
        assert!(!name.is_empty() && topic.contains(name), "a scanner that the topic does not name");
    }
    let Ok(parsed) = remote::parse(format, &topic, message) else { return };
    assert!(message.len() <= remote::MAX_MESSAGE_LEN, "too long a message is read");
    assert!(parsed.payload.len() <= MAX_PAYLOAD_LEN && (-127..=20).contains(&parsed.rssi_dbm), "no radio hears that");
    assert!(parsed.lag_us <= remote::MAX_LAG_US, "what is stale is taken");
    assert_eq!(format!("{parsed:?}"), "Parsed(..)", "Debug tells what was transmitted");
    frames(&parsed.payload).for_each(comes_back);
}

/// A phone's message, after its topic and a line feed, at the time that the seeds are of and without a time.
fn heard_by_phone(bytes: &[u8]) {
    let (topic, message) = topic_and_message(bytes);
    assert!(phone::id(&topic).is_none_or(|id| (1..=64).contains(&id.chars().count())), "an id that no consent takes");
    assert!(phone::parse(message, None).is_err(), "without a clock something is taken");
    let Ok(report) = phone::parse(message, Some(1_668_027_000_500_000)) else { return };
    assert!(report.heard.len() + report.passed_over <= phone::MAX_ENTRIES, "more entries than are taken");
    assert!(report.heard.iter().all(|heard| (-127..=-1).contains(&heard.rssi_dbm)), "no phone hears that");
}

/// What customers and the shop say, after the rest of its topic and a line feed: what is read fits where it goes, and shows
/// nothing of itself.
fn incoming(bytes: &[u8]) {
    let (topic, message) = topic_and_message(bytes);
    assert!(incoming::inbox_of(&topic).is_none_or(|inbox| topic.ends_with(inbox)), "an inbox from elsewhere");
    let Ok(read) = incoming::parse(&topic, message) else { return };
    assert!(message.len() <= incoming::MAX_MESSAGE_LEN, "too long a message is read");
    assert!(!format!("{read:?}").contains('"'), "Debug tells what was said");
    let fits = |text: &str, most: usize| (1..=most).contains(&text.chars().count()) && !text.contains(char::is_control);
    match read {
        Message::Feedback { inbox, offer_id, .. } => assert!(fits(&inbox, 128) && fits(&offer_id, 128)),
        Message::Ask { inbox } => assert!(fits(&inbox, 128) && topic.ends_with(&*inbox)),
        Message::Purchase { category, .. } => assert!(fits(&category, 128)),
        Message::Value { name, text, good_for_us, .. } => {
            assert!(fits(&name, 128) && fits(&text, 64) && good_for_us >= 0);
        }
        Message::Control { .. } => assert!(topic.starts_with("control/"), "a word from elsewhere"),
        Message::Recall { offer_id } => assert!(fits(&offer_id, 128) && topic == format!("control/offer/{offer_id}")),
        Message::Subject { .. } => assert!(topic == "subject" && !message.is_empty(), "a wish from elsewhere"),
        Message::LetGo => assert!(message.is_empty(), "something is let go of that says something"),
    }
}

/// What a registrar says: a record is handed on byte by byte, and a heartbeat is one that its fields say.
fn registrar(bytes: &[u8]) {
    let (topic, message) = topic_and_message(bytes);
    for is_kept in [false, true] {
        let Ok(read) = incoming::consent::parse(&topic, message, is_kept) else { continue };
        assert!(!format!("{read:?}").contains('"'), "Debug tells what was said");
        match read {
            Said::Record(record) => {
                assert!(topic == "consent" && !is_kept && record.as_bytes() == message, "a record from elsewhere");
                assert!(record.len() <= MAX_RECORD_LEN, "too long a record is read");
            }
            Said::Beat(beat) => {
                assert!(topic == "consent-feed" && beat.is_kept == is_kept, "a beat from elsewhere");
                assert!(message.len() <= incoming::MAX_MESSAGE_LEN && beat.registrar.chars().count() <= 128);
                let held = |_| beat.summary;
                let feed = Feed::hear(None, &beat, i64::MAX, held).unwrap();
                assert!(feed.agrees && Feed::hear(Some(&feed), &beat, i64::MIN, held).is_err());
            }
            Said::LetGo => assert!(message.is_empty(), "something is let go of that says something"),
        }
    }
}

/// A batch of another Pi: what is read is written as the same, counts for no more than it may, and once.
fn batch(bytes: &[u8]) {
    let mut hub = Hub::default();
    hub.configure(["gw-shoes".into()].into());
    let taken = hub.take("gw-shoes", bytes, false, 1_000_000);
    let Ok(batch) = Batch::read(bytes) else {
        assert!(matches!(taken, Err(Refused::Batch(Refusal::Flaw(_)))), "what is none is taken");
        return;
    };
    assert!(bytes.len() <= wire::MAX_BATCH_LEN && batch.heard.len() <= wire::MAX_ENTRIES, "too long a batch is read");
    assert!(batch.heard.iter().all(|entry| (1..=MOST_READINGS).contains(&entry.count)), "readings without end");
    let again = Batch::read(batch.message().as_bytes());
    assert!(again.is_err() || again == Ok(batch), "written down, it is another batch");
    assert!(
        taken.is_err() || taken.is_ok_and(|account| account.sightings.is_empty()),
        "nobody was shared, and is seen"
    );
    assert!(hub.take("gw-shoes", bytes, false, 1_000_000).is_err(), "it is taken twice");
    hub.beat(2_000_000);
}

/// A page of the table: what is read is written as the same, and no page makes a table without end.
fn page(bytes: &[u8]) {
    let mut scanner = Scanner::new(Nonce(0x5f0c_2a9e_1b7d_4433), 0);
    scanner.beat(0, Nonce(1));
    let taken = scanner.take(bytes, 1_000);
    assert!(scanner.table(1_000).len() <= wire::PRINTS_A_PAGE, "more rows than a page has");
    let Ok(page) = Page::read(bytes) else {
        assert!(taken.is_err(), "what is none is taken");
        return;
    };
    assert!(bytes.len() <= wire::MAX_PAGE_LEN, "too long a page is read");
    let again = Page::read(page.message().as_bytes());
    assert!(again.is_err() || again == Ok(page), "written down, it is another page");
    for time_us in [2_000, 59_000_000, 61_000_000] {
        scanner.take(bytes, time_us).unwrap_or_default();
        scanner.beat(time_us, Nonce(2));
    }
    assert!(scanner.table(61_000_000).is_empty(), "a table outlives its lease");
}

fn topic_and_message(bytes: &[u8]) -> (String, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (topic, message) = bytes.split_at(end);
    (String::from_utf8_lossy(topic).into_owned(), message.get(1..).unwrap_or_default())
}

/// One of the five files, the other four as shipped: a configuration, or errors; never both, never neither.
fn configuration(bytes: &[u8], file: fn(&mut Sources) -> &mut String) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut sources = Sources::shipped();
    text.clone_into(file(&mut sources));
    let loaded = config::check(&sources);
    let (errors, _) = loaded.counts();
    assert_eq!(loaded.config.is_some(), errors == 0, "a configuration in spite of errors, or none without");
    assert!(loaded.problems.len() <= 1_000, "problems without end");
    for problem in &loaded.problems {
        assert!(!problem.what.is_empty() && !problem.hint.is_empty(), "a problem without a hint");
    }
}

/// A list of codes beside offers.toml: what is taken are codes that a till can read, each once, or it is told why not.
fn list_of_codes(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut sources = Sources::shipped();
    sources.offers = sources.offers.replace("{ code = \"JACKET10\" }", "{ scheme = \"pool\", file = \"a.codes\" }");
    sources.beside = vec![("a.codes".to_owned(), text.to_owned())];
    let loaded = config::check(&sources);
    let Some(config) = loaded.config else {
        return assert!(loaded.problems.iter().any(|problem| problem.what.contains("a.codes")), "refused for nothing");
    };
    let coupon = config.offers.campaigns.iter().find_map(|campaign| campaign.coupon.as_ref());
    let Some(Scheme::Pool(codes)) = coupon.map(|coupon| &coupon.scheme) else { panic!("the list is gone") };
    let distinct: BTreeSet<_> = codes.iter().collect();
    assert!(!codes.is_empty() && distinct.len() == codes.len(), "no code, or one of them twice");
    let legal = |code: &str| (1..=64).contains(&code.chars().count()) && !code.contains(char::is_control);
    assert!(codes.iter().all(|code| legal(code)), "a code that no till can read");
}

/// A code as somebody typed it at a till: taken only if it says what the key made.
fn typed_coupon(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let key = CouponKey([7; 32]);
    let Ok(last) = coupon::verify(&key, "boots-autumn", &text, Date::MIN) else { return };
    let typed: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    assert_eq!(typed.len(), 20, "a code of another length");
    assert_eq!(coupon::verify(&key, "boots-autumn", &typed.to_lowercase(), last), Ok(last), "capitals count");
    assert!(coupon::verify(&key, "boots-winter", &text, last).is_err(), "a code for every campaign");
}

/// The facts of a former notice: whatever is taken for some is compared and told, in each language and form.
fn former_notice(bytes: &[u8]) {
    let Ok(former) = Facts::from_json(&String::from_utf8_lossy(bytes)) else { return };
    assert!(!former.version.is_empty() && !former.controller.is_empty());
    assert_eq!(Facts::from_json(&former.to_json()), Ok(former.clone()), "facts come back as they were");
    let bare = Facts { version: "now".into(), controller: "x".into(), ..Facts::default() };
    for (old, new) in [(&former, &bare), (&bare, &former)] {
        let changes = changes::between(old, new);
        for language in Language::ALL {
            let sheet = notice::changes(old, new, &changes, language);
            assert!(!text::page(&sheet).is_empty());
            let page = html::page(&sheet);
            assert_eq!(page.matches("<main>").count(), 1, "what a file says is data");
            assert!(!page.contains("<script"), "what a file says is data");
        }
    }
    assert_eq!(changes::between(&former, &former), [], "nothing changes from itself to itself");
}
