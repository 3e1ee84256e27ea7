//! `emma survey`, as retail ops use it: the real binary, a real daemon that hears a recording, a terminal that is typed
//! into, and what goes wrong in between.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/carried.rs"]
mod carried;

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Stdio;

use carried::{BEGIN_US, GATEWAYS, PATIENCE, Shop, TRUTH, capture, consent, nine, signal, told, until};
use serde_json::{Value, json};

/// A shop with a recording of 25 s at each of the nine points, and when each was measured.
fn recorded(stray_db: f64) -> Shop {
    let shop = Shop::new();
    let way =
        nine().into_iter().enumerate().map(|(index, place)| (25 * i64::try_from(index).unwrap(), place)).collect();
    shop.write("walk.jsonl", &capture(&way, 225, stray_db));
    let mut spans = "name,x_m,y_m,from,until\n".to_owned();
    for (index, (x, y)) in nine().into_iter().enumerate() {
        let from = BEGIN_US + 25_000_000 * i64::try_from(index).unwrap();
        writeln!(spans, "point {},{x},{y},{from},{}", index + 1, from + 20_000_000).unwrap();
    }
    shop.write("spans.csv", &spans);
    shop
}

const FROM: [&str; 7] = ["survey", "--from", "walk.jsonl", "--consents", "testers.jsonl", "--points", "spans.csv"];

fn json_of(shop: &Shop, more: &[&str]) -> Value {
    let output = shop.emma(&[&FROM[..], &["--json"], more].concat(), "");
    assert!(output.status.success(), "{}", told(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_recorded_survey_finds_the_truth_and_puts_it_into_site_toml() {
    let shop = recorded(3.0);
    let before = shop.read("config/site.toml");
    let found = json_of(&shop, &[]);
    assert_eq!((shop.read("config/site.toml"), &found["written"]), (before.clone(), &json!(false)), "nobody said yes");
    let exponent = found["path_loss"]["exponent"]["value"].as_f64().unwrap();
    assert!((exponent - TRUTH.0).abs() < 0.25, "{exponent}");
    let offsets: Vec<f64> = found["gateways"]
        .as_array()
        .unwrap()
        .iter()
        .map(|gateway| gateway["offset_db"]["value"].as_f64().unwrap())
        .collect();
    for ((id, _, true_db), found_db) in GATEWAYS.iter().zip(&offsets) {
        assert!((found_db - true_db).abs() < 1.2, "{id}: {found_db} instead of {true_db}");
    }
    assert_ne!(found["better"], "no", "{found:#}");
    let zones = found["zones"].as_array().unwrap();
    assert_eq!((&zones[0]["id"], &zones[2]["right_secs"]), (&json!("shoes"), &json!(0)), "nobody is told in `advice`");
    assert!(zones[0]["right_secs"].as_u64() >= zones[0]["right_secs_before"].as_u64());

    let seldom = || -> Vec<String> {
        let check = told(&shop.emma(&["check"], ""));
        check.lines().filter(|line| line.contains("seldom be told")).map(str::to_owned).collect()
    };
    let warned = seldom();
    assert_eq!(json_of(&shop, &["--write"])["written"], true);
    assert_eq!(seldom(), warned, "places are what they were");
    let after = shop.read("config/site.toml");
    assert!(before.lines().all(|line| after.contains(line)), "nothing of before is lost: {after}");
    assert!(after.contains("[path-loss]") && after.matches("offset-db").count() == 6, "{after}");
    let check = shop.emma(&["check"], "");
    assert!(check.status.success(), "{}", told(&check));
    let page = shop.emma(&FROM, "");
    let page = told(&page);
    let brief = |line: &str| {
        let mut fields: Vec<String> = line.split(',').map(str::to_owned).collect();
        if let Ok(from) = fields[3].parse::<i64>() {
            fields[4] = (from + 2_000_000).to_string();
        }
        fields.join(",") + "\n"
    };
    shop.write("brief.csv", &shop.read("spans.csv").lines().map(brief).collect::<String>());
    let briefly = told(&shop.emma(&[&FROM[..6], &["brief.csv"]].concat(), ""));
    assert!(briefly.contains("measured too briefly"), "{briefly}");
    for words in [
        "Schuhe",
        "Right in 100 seconds",
        "gw-a",
        "+4",
        "9 of 9 points",
        "site.toml stays as it is",
        "on purpose",
        "near one gateway",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
}

#[test]
fn a_survey_after_which_zones_are_told_worse_is_not_written_unasked() {
    let shop = recorded(3.0);
    // A tag that every gateway hears alike, wherever it is: in a tin, or beside none of them.
    let alike = |line: &str| {
        let mut heard: Value = serde_json::from_str(line).unwrap();
        heard["rssi"] = json!(-70);
        format!("{heard}\n")
    };
    shop.write("walk.jsonl", &shop.read("walk.jsonl").lines().map(alike).collect::<String>());
    let before = shop.read("config/site.toml");
    let output = shop.emma(&[&FROM[..], &["--write"]].concat(), "");
    assert_eq!(output.status.code(), Some(65), "{}", told(&output));
    assert!(told(&output).contains("zones are told worse with this"), "{}", told(&output));
    assert_eq!(shop.read("config/site.toml"), before);
}

#[test]
fn a_point_that_was_measured_elsewhere_is_told_and_does_not_decide() {
    let shop = recorded(2.0);
    let spans = shop.read("spans.csv").replace("point 1,2.5,2,", "point 1,17.5,14,");
    shop.write("spans.csv", &spans);
    let found = json_of(&shop, &[]);
    let contradicts: Vec<bool> =
        found["points"].as_array().unwrap().iter().map(|point| point["contradicts"].as_bool().unwrap()).collect();
    assert_eq!(contradicts.iter().position(|contradicts| *contradicts), Some(0), "{found}");
    let offsets =
        found["gateways"].as_array().unwrap().iter().map(|gateway| gateway["offset_db"]["value"].as_f64().unwrap());
    let worst =
        GATEWAYS.iter().zip(offsets).map(|((_, _, true_db), found_db)| (found_db - true_db).abs()).fold(0.0, f64::max);
    assert!(worst < 2.0, "{worst}: {found}");
}

#[test]
fn what_cannot_be_surveyed_is_said_in_a_sentence() {
    let shop = recorded(2.0);
    let refused = |arguments: &[&str], code: i32, words: &str| {
        let output = shop.emma(arguments, "");
        assert!(
            output.status.code() == Some(code) && told(&output).contains(words),
            "{code} {words}: {}",
            told(&output)
        );
    };
    shop.write("customers.jsonl", &consent("customer", 7, false));
    let with = |consents: &'static str| [&FROM[..4], &[consents], &FROM[5..]].concat();
    refused(&with("customers.jsonl"), 65, "no test consent");
    refused(&[&with("customers.jsonl")[..], &["customer"]].concat(), 65, "only test tags are surveyed");
    refused(&with("absent.jsonl"), 66, "absent.jsonl");
    // Whoever is a tester no more, or was forgotten, is followed in no recording either.
    let again = |test| consent("tester-anna", 7, test).replace("\"epoch\":1", "\"epoch\":2");
    shop.write("changed.jsonl", &(consent("tester-anna", 7, true) + &again(false)));
    refused(&with("changed.jsonl"), 65, "no test consent");
    let forgotten = "{\"customer\":\"tester-anna\",\"epoch\":2,\"withdrawn\":true}\n";
    shop.write("forgotten.jsonl", &(consent("tester-anna", 7, true) + forgotten));
    refused(&with("forgotten.jsonl"), 65, "no test consent");
    shop.write("renewed.jsonl", &(consent("tester-anna", 7, true) + &again(true)));
    assert!(shop.emma(&with("renewed.jsonl"), "").status.success(), "of two consents of one tester the newer counts");
    shop.write("few.csv", &shop.read("spans.csv").lines().take(4).fold(String::new(), |all, line| all + line + "\n"));
    refused(&[&FROM[..6], &["few.csv"]].concat(), 65, "fewer than four");
    shop.write("points.csv", "name,x_m,y_m\na,1,1\n");
    refused(&[&FROM[..6], &["points.csv"]].concat(), 64, "from,until");
    // A tag that says 0 dBm at 1 m, as some are shipped.
    let measured_power = |power: &str| shop.read("walk.jsonl").replace("00010007c5", &format!("00010007{power}"));
    shop.write("mute.jsonl", &measured_power("00"));
    refused(&[&["survey", "--from", "mute.jsonl"], &FROM[3..]].concat(), 65, "set its measured power");
    // Without a daemon.
    refused(&["survey"], 69, "emma run starts one");
    shop.write("survey.json", "{\"emma-survey\":1");
    refused(&["survey"], 65, "begin anew with --restart");
    refused(&["survey", "--restart"], 69, "emma run starts one");
    let site = shop.read("config/site.toml");
    shop.write("config/site.toml", &site.replace("floor-plan", "# floor-plan"));
    refused(&FROM, 78, "how large the floor is");
    shop.write("config/site.toml", &site.replace("position-m", "# position-m"));
    refused(&FROM, 78, "at least two gateways");
}

/// The shop's daemon hears the tag lying at a place, with a consent of the tester's and one of a customer.
fn lying_at(shop: &Shop, place: (f64, f64)) -> carried::Daemon {
    shop.write("lying.jsonl", &capture(&vec![(0, place)], 600, 2.0));
    shop.hears(Some(("lying.jsonl", 5)));
    shop.write("consents.jsonl", &(consent("tester-anna", 7, true) + &consent("customer-bert", 8, false)));
    shop.import("consents.jsonl");
    shop.run()
}

#[test]
fn a_survey_goes_on_where_it_was_broken_off_and_keeps_nobody() {
    let shop = Shop::new();
    // Each point is measured in a walk of its own: with Enter, and then the rest is for another time; the third walk is
    // killed in the middle of its point.
    for (index, place) in nine().into_iter().enumerate() {
        let order = [0, 1, 2, 5, 4, 3, 6, 7, 8][index];
        let place = if order == index { place } else { nine()[order] };
        let daemon = lying_at(&shop, place);
        let arguments = ["survey", "--for", "3s"];
        if index == 2 {
            // However slow this machine is, the point is not over before it is killed.
            let mut killed = shop.start(&["survey", "--for", "5m"], Stdio::piped());
            let mut typed = killed.stdin.take().unwrap();
            typed.write_all(b"\n").unwrap();
            let mut said = BufReader::new(killed.stderr.take().unwrap());
            let mut line = String::new();
            while !line.contains("Enter: I am there") {
                line.clear();
                assert!(said.read_line(&mut line).unwrap() > 0);
            }
            killed.kill().unwrap();
            killed.wait().unwrap();
            let kept: Value = serde_json::from_str(&shop.read("survey.json")).unwrap();
            let measured = kept["points"].as_array().unwrap().iter().filter(|point| !point["measured"].is_null());
            assert_eq!(measured.count(), 2);
        }
        let output = shop.emma(&arguments, "\nq\n");
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        if index < 8 {
            let words = format!("{} of 9 points are measured and kept", index + 1);
            assert!(told(&output).contains(&words), "{words}: {}", told(&output));
        } else {
            assert!(told(&output).contains("Right in 100 seconds"), "{}", told(&output));
        }
        drop(daemon);
    }
    let kept = shop.read("survey.json");
    for trace in ["tester-anna", "anna", "4142434445464748494a4b4c4d4e4f50", "C0:FF:EE", "c0ffee"] {
        assert!(!kept.contains(trace), "{trace}");
    }
    // All is measured: the result is told again without a daemon, and put in force.
    let output = shop.emma(&["survey", "--json", "--write"], "");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["written"], found["points"].as_array().unwrap().len()), (&json!(true), 9));
    for ((id, _, true_db), gateway) in GATEWAYS.iter().zip(found["gateways"].as_array().unwrap()) {
        let found_db = gateway["offset_db"]["value"].as_f64().unwrap();
        assert!((found_db - true_db).abs() < 1.5, "{id}: {found_db} instead of {true_db}");
    }
    assert!(shop.read("config/site.toml").contains("[path-loss]"));
}

#[test]
fn at_the_keyboard_points_are_moved_named_repeated_and_skipped() {
    let shop = Shop::new();
    let _daemon = lying_at(&shop, (10.0, 8.0));
    let output = shop.emma(&["survey", "--file", "no/such/folder/survey.json"], "\n");
    assert!(output.status.code() == Some(73) && told(&output).contains("--file"), "{}", told(&output));
    assert!(!told(&output).contains("Point 1"), "nobody walks for nothing: {}", told(&output));
    let typed = "11.5 m, 7 m\nRegal 3 bei Kasse 5\nbei den Socken\n\nR\n\nS\n\x1b[A\n99 99\n3,5 2,0\nF\n";
    let output = shop.emma(&["survey", "--for", "1s"], typed);
    let said = told(&output);
    assert!(said.contains("bei den Socken: 11.5 m to the right, 7.0 m into the depth, in Jacken"), "{said}");
    assert!(said.contains("Regal 3 bei Kasse 5: 11.5 m to the right, 7.0 m"), "a name may have numbers: {said}");
    assert_eq!(said.matches("Heard: gw-a").count(), 2, "measured, and again: {said}");
    assert_eq!(said.matches("That cannot be").count(), 3, "{said}");
    assert!(output.status.code() == Some(65) && said.contains("fewer than four"), "{said}");
    let kept: Value = serde_json::from_str(&shop.read("survey.json")).unwrap();
    assert_eq!((&kept["points"][0]["name"], &kept["points"][0]["x_m"]), (&json!("bei den Socken"), &json!(11.5)));
    assert!(kept["points"][1]["measured"].is_null());
    // Nobody at the keyboard is no reason to wait for ever.
    let output = shop.emma(&["survey", "--restart"], "");
    assert!(output.status.code() == Some(66) && told(&output).contains("none of 9 points"), "{}", told(&output));
}

#[test]
fn nobody_but_a_tester_is_followed_and_a_withdrawal_ends_it() {
    let shop = Shop::new();
    let _daemon = lying_at(&shop, (10.0, 8.0));
    for command in ["survey", "walk"] {
        let output = shop.emma(&[command, "customer-bert"], "\n");
        assert!(
            output.status.code() == Some(69) && told(&output).contains("a customer, not a tester"),
            "{}",
            told(&output)
        );
        let output = shop.emma(&[command, "nobody"], "\n");
        assert!(
            output.status.code() == Some(69) && told(&output).contains("no consent of this name"),
            "{}",
            told(&output)
        );
    }
    let ask = |line: &str| {
        let mut stream = UnixStream::connect(shop.path("state/emma.sock")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(line.as_bytes()).unwrap();
        BufReader::new(stream).lines()
    };
    let answered = |line: &str| ask(line).next().unwrap().unwrap();
    assert!(answered("{\"do\":\"follow\"}\n").contains("not understood"));
    assert!(answered("{\"do\":\"follow\",\"customer\":\"../../etc\"}\n").contains("unknown"));
    assert!(answered("\u{1}\u{2}\n").contains("not understood"));
    let mut told = ask("{\"do\":\"follow\",\"customer\":\"tester-anna\"}\n");
    assert!(told.next().unwrap().unwrap().contains("following"));
    let reading: Value =
        serde_json::from_str(&told.find(|line| line.as_ref().unwrap().contains("reading")).unwrap().unwrap()).unwrap();
    assert!(reading["gateway"].as_str().unwrap().starts_with("gw-") && reading["level_dbm"].is_number(), "{reading}");
    // Whoever says anything more is done.
    let mut chatty = UnixStream::connect(shop.path("state/emma.sock")).unwrap();
    chatty.set_read_timeout(Some(PATIENCE)).unwrap();
    chatty.write_all(b"{\"do\":\"follow\",\"customer\":\"tester-anna\"}\n").unwrap();
    let mut byte = [0; 1];
    chatty.read_exact(&mut byte).unwrap();
    chatty.write_all(b"{\"do\":\"status\"}\n").unwrap();
    let mut rest = Vec::new();
    chatty.read_to_end(&mut rest).unwrap();
    // A few follow at once, and no more; the others still find the counter open.
    let mut several: Vec<_> = (0..3).map(|_| ask("{\"do\":\"follow\",\"customer\":\"tester-anna\"}\n")).collect();
    for one in &mut several {
        assert!(one.next().unwrap().unwrap().contains("following"));
    }
    assert!(answered("{\"do\":\"follow\",\"customer\":\"tester-anna\"}\n").contains("enough terminals"));
    let output = shop.emma(&["consent", "withdraw", "tester-anna"], "");
    assert!(output.status.success());
    let last = told.map(Result::unwrap).last().unwrap();
    assert!(last.contains("\"ended\""), "{last}");
    for one in several {
        assert!(one.map(Result::unwrap).last().unwrap().contains("\"ended\""));
    }
}

#[test]
fn a_daemon_that_stops_or_talks_rubbish_costs_nothing_that_was_measured() {
    let shop = Shop::new();
    let daemon = lying_at(&shop, (2.5, 2.0));
    let mut survey = shop.start(&["survey", "--for", "1s"], Stdio::piped());
    let mut typed = survey.stdin.take().unwrap();
    typed.write_all(b"\n").unwrap();
    until("a point is kept", || shop.path("survey.json").exists());
    signal(&daemon.0, "-TERM");
    let output = survey.wait_with_output().unwrap();
    drop(typed);
    let said = told(&output);
    assert!(output.status.code() == Some(69) && said.contains("Emma tells nothing more"), "{said}");
    assert!(said.contains("1 of 9 points are measured and kept"), "{said}");
    drop(daemon);

    let socket = shop.path("state/emma.sock");
    fs::remove_file(&socket).ok();
    let listener = UnixListener::bind(&socket).unwrap();
    let rubbish = std::thread::spawn(move || {
        for line in ["\u{1}\u{2}", "{\"answer\":\"forgotten\"}"] {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        // One that follows, and then says what nobody understands.
        let record = consent("tester-anna", 7, true);
        let totals = json!({
            "state": {}, "health": {}, "broker": null, "customers": 1, "by_address": 0, "present": 0,
        });
        let answers = [
            json!({"answer": "status", "status": totals}).to_string(),
            json!({"answer": "testers", "records": [record.trim()]}).to_string(),
            "{\"answer\":\"following\",\"zone\":null,\"unsure\":false,\"at_work\":false}\nrubbish".to_owned(),
        ];
        let streams: Vec<UnixStream> = answers
            .iter()
            .map(|answer| {
                let (mut stream, _) = listener.accept().unwrap();
                stream.write_all(format!("{answer}\n").as_bytes()).unwrap();
                stream
            })
            .collect();
        for mut stream in streams {
            stream.read_to_end(&mut Vec::new()).ok();
        }
    });
    for _ in 0..3 {
        let mut survey = shop.start(&["survey"], Stdio::piped());
        let typed = survey.stdin.take().unwrap();
        let output = survey.wait_with_output().unwrap();
        drop(typed);
        assert_eq!(output.status.code(), Some(69), "{}", told(&output));
    }
    rubbish.join().unwrap();
}
