//! The metrics as Prometheus meets them: the real binary asked over HTTP, and the rules and the dashboard in `deploy/` held
//! against what it says.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/daemon.rs"]
mod daemon;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use broker::{Mosquitto, find, free_port};
use daemon::{CONSENT, Daemon, Shop};

/// Nothing here waits for a speed: whoever waits so long has a real fault.
const PATIENCE: Duration = Duration::from_mins(1);
const STEP: Duration = Duration::from_millis(50);

const GET: &str = "GET /metrics HTTP/1.1\r\nHost: emma\r\n\r\n";

fn deployed(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file)
}

fn listening_on(shop: Shop, listen: &str) -> Shop {
    let gateway = fs::read_to_string(shop.config().join("gateway.toml")).unwrap();
    shop.write("gateway.toml", &format!("{gateway}\n[metrics]\nlisten = {listen:?}\n"));
    shop
}

/// What is answered to these bytes, until the connection ends.
fn answer(mut stream: impl Read + Write, request: &str) -> String {
    // Whoever is cut off half-way has still been answered.
    stream.write_all(request.as_bytes()).unwrap_or_default();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap_or_default();
    String::from_utf8(answer).unwrap()
}

fn ask(port: u16, request: &str) -> String {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    answer(stream, request)
}

/// Asks until the page has that line; the page without the head.
fn page_with(port: u16, line: &str) -> String {
    for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
        let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) else {
            sleep(STEP);
            continue;
        };
        let page = answer(stream, GET).split_once("\r\n\r\n").map(|(_, page)| page.to_owned()).unwrap_or_default();
        if page.lines().any(|told| told == line) {
            return page;
        }
        sleep(STEP);
    }
    panic!("nothing says {line}:\n{}", ask(port, GET));
}

/// A shop without a broker that answers on that port.
fn quiet_shop() -> (Shop, Daemon, u16) {
    let port = free_port();
    let shop = listening_on(Shop::new(1), &format!("127.0.0.1:{port}"));
    let emma = shop.run_with(&[]);
    page_with(port, "emma_ledger_writable 1.0");
    (shop, emma, port)
}

/// Every name of a metric in a text.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("emma_")).map(str::to_owned).collect()
}

#[test]
fn one_customer_who_gets_an_offer_is_in_no_number_and_no_label() {
    let skipped = "metrics of an offer";
    let Some(broker) = Mosquitto::start_unrecorded(skipped, "persistence false") else { return };
    let port = free_port();
    let shop = listening_on(Shop::with_capture(broker.port), &format!("127.0.0.1:{port}"));
    shop.import(CONSENT);
    let _emma = shop.run_with(&[]);
    // Nobody subscribes to the recipient's topic, and the broker says so.
    let page = page_with(port, "emma_nobody_listens 1.0");
    for (told, line) in [
        ("the connection", "emma_broker_connected 1.0"),
        ("the offer", "emma_offers_total 0"),
        ("the customer", "emma_customers 0.0"),
        ("the message", "emma_messages_total{outcome=\"acknowledged\"} 0"),
        ("the visit", "emma_visits_total 0"),
    ] {
        assert!(page.lines().any(|told| told == line), "{told}: {line} is not in\n{page}");
    }
    for personal in
        ["karoline", "inbox", "Inbox", "oak", "desk", "tables", "c0ffee", "C0:FF", "41424344", "matched", "present"]
    {
        assert!(!page.contains(personal), "{personal} is in\n{page}");
    }
    let status =
        Command::new(env!("CARGO_BIN_EXE_emma")).args(["status", "--config"]).arg(shop.config()).output().unwrap();
    let status = String::from_utf8(status.stdout).unwrap();
    assert!(status.contains("\nlast error     warn at ") && status.contains("nobody listens"), "{status}");
    assert!(
        status.contains("\noffers         fewer than 20 made, fewer than 20 visits; not made: no reason 20 times\n"),
        "{status}"
    );
}

#[test]
fn both_formats_are_sound_and_follow_the_conventions() {
    let (_shop, _emma, port) = quiet_shop();
    let old = ask(port, GET);
    assert!(old.starts_with("HTTP/1.1 200 ") && old.contains("text/plain; version=0.0.4"), "{old}");
    let open = ask(
        port,
        "GET /metrics HTTP/1.1\r\nHost: e\r\nAccept: application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1\r\n\r\n",
    );
    assert!(open.contains("application/openmetrics-text; version=1.0.0") && open.ends_with("# EOF\n"), "{open}");
    let Some(promtool) = find("promtool", "the conventions of metrics") else { return };
    let mut check = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let page = old.split_once("\r\n\r\n").unwrap().1;
    check.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let checked = check.wait_with_output().unwrap();
    let said = [checked.stdout, checked.stderr].concat();
    assert!(checked.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn rules_dashboard_and_page_name_what_there_is() {
    let (_shop, _emma, port) = quiet_shop();
    let page = ask(port, GET);
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let mut told: BTreeSet<String> = types.map(str::to_owned).collect();
    // Told once a registrar has been heard.
    let of_a_feed = ["emma_consent_feed_agrees", "emma_consent_feed_beat_timestamp_seconds"];
    told.extend(of_a_feed.map(str::to_owned));
    let rules = fs::read_to_string(deployed("prometheus/emma.rules.yaml")).unwrap();
    let expressions: String = rules.lines().filter(|line| line.trim().starts_with("expr: ")).collect();
    let dashboard: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(deployed("grafana/emma.json")).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    let mut shown = targets.map(|target| target["expr"].as_str().unwrap()).collect::<Vec<_>>().join(" ");
    shown += &dashboard["templating"].to_string();
    for (what, text, least) in [("a rule", &expressions, 12), ("the dashboard", &shown, 12)] {
        let used = names(text);
        assert!(used.len() >= least, "{what} names only {used:?}");
        let unknown: Vec<_> = used.difference(&told).collect();
        assert!(unknown.is_empty(), "{what} names what Emma does not tell: {unknown:?}");
    }
    let manual = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md")).unwrap();
    let missing: Vec<_> = told.iter().filter(|name| !manual.contains(&format!("| `{name}` |"))).collect();
    assert!(missing.is_empty(), "docs/metrics.md has no row of {missing:?}");
    let alerts: Vec<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let missing: Vec<_> = alerts.iter().filter(|alert| !manual.contains(&format!("\n### {alert}\n"))).collect();
    assert!(alerts.len() >= 12 && missing.is_empty(), "docs/metrics.md does not say what to do about {missing:?}");
    let tested = fs::read_to_string(deployed("prometheus/emma.rules.test.yaml")).unwrap();
    let untested: Vec<_> = alerts.iter().filter(|alert| !tested.contains(&format!("- name: {alert}\n"))).collect();
    assert!(untested.is_empty(), "deploy/prometheus/emma.rules.test.yaml does not test {untested:?}");
}

#[test]
fn the_rules_wake_somebody_when_they_should_and_not_before() {
    let Some(promtool) = find("promtool", "alert rules") else { return };
    for arguments in [
        ["check", "rules", "emma.rules.yaml"],
        ["check", "config", "scrape.yaml"],
        ["test", "rules", "emma.rules.test.yaml"],
    ] {
        let done = Command::new(&promtool).args(arguments).current_dir(deployed("prometheus")).output().unwrap();
        let said = [done.stdout, done.stderr].concat();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
    }
}

#[test]
fn a_socket_is_for_owner_and_group_and_a_dead_one_is_made_anew() {
    let folder = tempfile::TempDir::new().unwrap();
    let socket = folder.path().join("metrics.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let shop = listening_on(Shop::new(1), &format!("unix:{}", socket.display()));
    let _emma = shop.run_with(&[]);
    let mut stream = UnixStream::connect(&socket);
    while stream.is_err() {
        sleep(STEP);
        stream = UnixStream::connect(&socket);
    }
    assert!(answer(stream.unwrap(), GET).contains("\nemma_build_info{version="));
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o660);
}

#[test]
fn rubbish_is_refused_and_whoever_says_nothing_keeps_nobody_out_for_long() {
    let (_shop, _emma, port) = quiet_shop();
    for (request, head) in [
        ("GET / HTTP/1.1\r\nHost: e\r\n\r\n".to_owned(), "HTTP/1.1 404 "),
        ("POST /metrics HTTP/1.1\r\nHost: e\r\nContent-Length: 0\r\n\r\n".to_owned(), "HTTP/1.1 405 "),
        ("\x16\x03\x01\x02\n\r\n\r\n".to_owned(), "HTTP/1.1 400 "),
        (format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(100_000)), "HTTP/1.1 431 "),
    ] {
        let answered = ask(port, &request);
        // Whoever sends on after the answer may lose it to the reset.
        assert!(answered.starts_with(head) || (head.contains("431") && answered.is_empty()), "{head}: {answered}");
    }
    let idle: Vec<_> = (0..12).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    assert!(ask(port, GET).starts_with("HTTP/1.1 200 "), "after those who say nothing were sent away");
    drop(idle);
}

#[test]
fn a_place_that_is_taken_stops_nothing_else() {
    let port = free_port();
    let _other = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let shop = listening_on(Shop::new(1), &format!("127.0.0.1:{port}"));
    let emma = shop.run_with(&[]);
    while !shop.log().contains("Emma is up") || !shop.log().contains("the metrics cannot be told there") {
        sleep(STEP);
    }
    assert_eq!(emma.terminate(), Some(0));
}

#[test]
fn metrics_for_the_whole_network_are_refused() {
    let shop = listening_on(Shop::new(1), "0.0.0.0:9464");
    assert_eq!(shop.run_with(&[]).exit_code(), Some(78));
    assert!(shop.log().contains("can be reached from elsewhere"), "{}", shop.log());
}
