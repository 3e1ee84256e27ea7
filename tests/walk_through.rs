//! `emma walk`, as a store manager uses it: the real binary, a real daemon that hears a recording, and the sheet.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/carried.rs"]
mod carried;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use carried::{Daemon, Shop, capture, consent, signal, told, until};
use serde_json::Value;

/// A walk whose announcements are read as they come.
struct Walk {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Walk {
    fn start(shop: &Shop, arguments: &[&str]) -> Self {
        let mut child = shop.start(&[&["walk"], arguments].concat(), Stdio::piped());
        let said = Arc::new(Mutex::new(String::new()));
        let outs: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for out in outs {
            let said = Arc::clone(&said);
            std::thread::spawn(move || {
                for line in BufReader::new(out).lines() {
                    *said.lock().unwrap() += &(line.unwrap() + "\n");
                }
            });
        }
        Self { child, said }
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    fn until_said(&self, words: &str) {
        until(&format!("it says `{words}`"), || self.said().contains(words));
    }

    fn type_in(&mut self, words: &str) {
        self.child.stdin.as_mut().unwrap().write_all(words.as_bytes()).unwrap();
    }

    /// Its exit code, and everything it said.
    fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        until("the sheet is read", || self.said().contains("Sensitive, so that") || code != Some(0));
        (code, self.said())
    }
}

/// The tag among the shoes, and every half minute from there to the jackets or back.
fn two_zones(shop: &Shop) -> Daemon {
    let way = (0..20).map(|turn| (30 * turn, if turn % 2 == 0 { (3.0, 8.0) } else { (17.0, 8.0) })).collect();
    shop.write("way.jsonl", &capture(&way, 600, 1.0));
    shop.hears(Some(("way.jsonl", 1)));
    shop.write("consents.jsonl", &(consent("tester-anna", 7, true) + &consent("customer-bert", 8, false)));
    shop.import("consents.jsonl");
    shop.run()
}

/// The tag among the jackets, and the tester's consent is of another one: it is placed when [`tag_is_consented`].
fn jackets_unknown(shop: &Shop) -> Daemon {
    shop.write("way.jsonl", &capture(&vec![(0, (16.0, 4.0))], 1800, 1.0));
    shop.hears(Some(("way.jsonl", 1)));
    shop.write("consents.jsonl", &(consent("tester-anna", 9, true) + &consent("customer-bert", 8, false)));
    shop.import("consents.jsonl");
    shop.run()
}

/// The tester gets the tag that is in the shop, so that its zone is announced after this, however fast the machine is.
fn tag_is_consented(shop: &Shop) {
    shop.write("renewed.jsonl", &consent("tester-anna", 7, true).replace("\"epoch\":1", "\"epoch\":2"));
    shop.import("renewed.jsonl");
}

#[test]
fn each_zone_announces_itself_and_ctrl_c_leaves_a_sheet() {
    let shop = Shop::new();
    let _daemon = jackets_unknown(&shop);
    let mut walk = Walk::start(&shop, &["--tag", "red", "--sheet", "monday.md"]);
    walk.until_said("A walk through Hall");
    walk.type_in("\n");
    walk.until_said("You have arrived");
    tag_is_consented(&shop);
    walk.until_said("Jacken: seen");
    walk.type_in("w\n5\n3\n2\n");
    walk.until_said("on purpose.");
    walk.until_said("There is no such zone");
    walk.until_said("Jacken: you were seen there already when you arrived");
    signal(&walk.child, "-INT");
    let (code, said) = walk.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("# A walk through Hall") && said.contains("| Tag | red (ibeacon) |"), "{said}");
    let sheet = shop.read("monday.md");
    assert!(said.contains(&sheet), "what is filed is what is said: {sheet}");
    for words in [
        "gw-f (",
        "| Beratung | 1 | silent, as it must be |",
        "Sensitive, so that nobody is ever placed there",
        "Wrong",
        "| Kasse | 0 | never |",
    ] {
        assert!(sheet.contains(words), "{words}: {sheet}");
    }
    let jackets = sheet.lines().find(|line| line.starts_with("| Jacken |")).unwrap();
    let cells: Vec<&str> = jackets.split(" | ").collect();
    assert!(cells[1].parse::<u32>().unwrap() >= 1 && cells[3].starts_with("0 s / "), "{sheet}");
    assert!(!sheet.contains("anna") && !sheet.contains("41424344"), "{sheet}");
    // A sheet that is filed is not written over.
    let output = shop.emma(&["walk", "--sheet", "monday.md"], "q\n");
    assert!(output.status.code() == Some(73) && told(&output).contains("not written over"), "{}", told(&output));
}

#[test]
fn a_walk_ends_when_nothing_more_is_typed_or_the_terminal_goes_or_its_time_is_over_and_is_json_if_asked() {
    let shop = Shop::new();
    let _daemon = two_zones(&shop);
    let output = shop.emma(&["walk", "--json"], "");
    let sheet: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &sheet["zones"][0]["name"]), (Some(0), &"Schuhe".into()), "{sheet}");
    let output = shop.emma(&["walk", "--json", "--for", "60s"], "shoes\nq\n");
    let sheet: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(sheet["zones"][0]["arrivals"], 1, "{sheet}");
    let output = shop.emma(&["walk", "--json", "--for", "4s"], "");
    let sheet: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(sheet["readings"]["gw-a"].as_u64() > Some(3), "{sheet}");
    let walk = Walk::start(&shop, &["--sheet", "lost.md"]);
    walk.until_said("A walk through Hall");
    signal(&walk.child, "-HUP");
    let (code, said) = walk.end();
    assert!(code == Some(0) && shop.read("lost.md").contains("# A walk through Hall"), "{said}");
}

#[test]
fn a_sheet_that_cannot_be_filed_is_told_before_the_walk_and_one_without_a_walk_is_not_left_behind() {
    let shop = Shop::new();
    let _daemon = shop.run();
    let output = shop.emma(&["walk", "--sheet", "none.md"], "q\n");
    assert!(told(&output).contains("there is no test tag") && !shop.path("none.md").exists(), "{}", told(&output));
    shop.import("testers.jsonl");
    let output = shop.emma(&["walk", "--sheet", "no-folder/monday.md"], "q\n");
    let said = told(&output);
    assert!(output.status.code() == Some(73) && said.contains("the walk has not begun"), "{said}");
    assert!(!said.contains("A walk through"), "{said}");
    let mut walk = Walk::start(&shop, &["--json", "--sheet", "monday.md"]);
    walk.until_said("A walk through Hall");
    assert_eq!(shop.read("monday.md"), "", "it is kept free from the beginning");
    walk.type_in("4\n\nu\nU\nq\n");
    walk.until_said("There is no arrival that can be taken back.");
    walk.until_said("The sheet is in monday.md.");
    let sheet = shop.read("monday.md");
    assert!(sheet.contains("# A walk through Hall") && !sheet.contains("not named"), "{sheet}");
    // Where no file may grow, as on a full disk, the sheet is printed as it would have been filed.
    let script = format!(
        "trap '' XFSZ; ulimit -f 0; exec {} walk --json --config config --sheet full.md",
        env!("CARGO_BIN_EXE_emma")
    );
    let mut command = Command::new("sh");
    let output = command.args(["-c", &script]).current_dir(shop.dir.path()).stdin(Stdio::null()).output().unwrap();
    let said = told(&output);
    assert!(output.status.code() == Some(73) && said.contains("the sheet is the one above"), "{said}");
    assert!(said.contains("# A walk through Hall") && !shop.path("full.md").exists(), "{said}");
}

#[test]
fn a_withdrawal_ends_the_walk_and_the_sheet_is_not_lost() {
    let shop = Shop::new();
    let output = shop.emma(&["walk"], "q\n");
    assert!(output.status.code() == Some(69) && told(&output).contains("emma run starts one"), "{}", told(&output));
    let _daemon = two_zones(&shop);
    let walk = Walk::start(&shop, &["tester-anna"]);
    walk.until_said("Schuhe: seen");
    assert!(shop.emma(&["consent", "withdraw", "tester-anna"], "").status.success());
    walk.until_said("Never seen on this walk");
    let (code, said) = walk.end();
    assert!(code == Some(69) && said.contains("was withdrawn"), "{said}");
    let output = shop.emma(&["walk"], "q\n");
    assert!(output.status.code() == Some(69) && told(&output).contains("there is no test tag"), "{}", told(&output));
    let two = consent("tester-anna", 7, true) + &consent("tester-carl", 9, true);
    shop.write("two.jsonl", &two);
    shop.import("two.jsonl");
    let output = shop.emma(&["walk"], "q\n");
    let said = told(&output);
    assert!(output.status.code() == Some(64) && said.contains("tester-anna, tester-carl"), "{said}");
}
