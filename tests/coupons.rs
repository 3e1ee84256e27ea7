//! Coupons as marketing and tills meet them: files beside offers.toml, the command line, and what the document says.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
#![allow(unreachable_pub, dead_code, reason = "the helpers' modules are shared by tests")]

#[path = "common/shipped.rs"]
mod shipped;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use emma::config::offers::{Coupon, CouponKey, Scheme};
use emma::config::{Config, digest, load};
use emma::coupon;
use jiff::civil::{Date, date};
use shipped::{Shop, emma};

/// 32 bytes, as the file of a key has them: the worked example's.
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
const CODE: &str = "2E19F-6RNFZ-TVVZR-VESVV";
const LAST: Date = date(2026, 11, 2);

/// The shipped shop, whose first campaign has this coupon.
fn shop_with(coupon: &str) -> Shop {
    let shop = Shop::new();
    let offers = fs::read_to_string(shop.path("config/offers.toml")).unwrap();
    assert!(offers.contains("{ code = \"JACKET10\" }"));
    shop.write("config/offers.toml", offers.replace("{ code = \"JACKET10\" }", coupon));
    shop
}

fn config(shop: &Shop) -> Config {
    let loaded = load(&shop.path("config"));
    loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.problems))
}

fn codes(shop: &Shop) -> Vec<String> {
    match &config(shop).offers.campaigns[0].coupon.as_ref().unwrap().scheme {
        Scheme::Pool(codes) => codes.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

fn first_problem(shop: &Shop) -> String {
    load(&shop.path("config")).problems.first().map(|problem| problem.what.clone()).unwrap_or_default()
}

#[test]
fn a_list_of_codes_lies_beside_offers_and_a_reload_notices_it() {
    let shop = shop_with("{ scheme = \"pool\", file = \"jackets.codes\" }");
    let digest = || digest(&shop.path("config"));
    assert!(first_problem(&shop).ends_with("jackets.codes beside offers.toml"), "{}", first_problem(&shop));
    let without = digest();
    shop.write("config/jackets.codes", "# jackets\n\nJ-1\r\n J-2 \n");
    assert_eq!(codes(&shop), ["J-1", "J-2"]);
    let with_two = digest();
    shop.write("config/jackets.codes", "J-1\nJ-2\nJ-3\n");
    assert_eq!(codes(&shop).len(), 3);
    assert!(without != with_two && with_two != digest(), "a reload goes by the digest");
    let with_three = digest();
    shop.write("config/other.codes", "O-1\n");
    assert_eq!(digest(), with_three, "what nobody names is nobody's change");
}

#[test]
fn odd_files_in_the_place_of_a_list_are_told() {
    let shop = shop_with("{ scheme = \"pool\", file = \"jackets.codes\" }");
    shop.write("config/jackets.codes", [b"A\n".as_slice(), &[0xff, 0xfe]].concat());
    assert_eq!(first_problem(&shop), "jackets.codes is not UTF-8 text");
    shop.write("config/jackets.codes", vec![b'#'; (16 << 20) + 1]);
    assert!(first_problem(&shop).contains("larger than 16 MiB"), "{}", first_problem(&shop));
    fs::remove_file(shop.path("config/jackets.codes")).unwrap();
    // A pipe that nobody writes to would be waited for without end.
    assert!(Command::new("mkfifo").arg(shop.path("config/jackets.codes")).status().unwrap().success());
    assert!(first_problem(&shop).ends_with("cannot be read: it is no file"), "{}", first_problem(&shop));
    digest(&shop.path("config"));
}

#[test]
fn a_key_that_everybody_can_read_is_told() {
    let shop = shop_with("{ scheme = \"derived\", key-file = \"jackets.key\" }");
    let file = shop.path("config/jackets.key");
    shop.write("config/jackets.key", KEY);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let loaded = load(&shop.path("config"));
    assert_eq!(loaded.counts(), (0, 1), "{:?}", loaded.problems);
    assert!(loaded.problems[0].what.contains("is open to every user of this machine"));
    assert!(loaded.problems[0].hint.ends_with(&format!("chmod 400 {}", file.display())));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let loaded = load(&shop.path("config"));
    assert_eq!(loaded.problems, []);
    assert!(
        !format!("{loaded:?}").contains("00010203") && !format!("{loaded:?}").contains("[0, 1, 2"),
        "a key is shown"
    );
}

#[test]
fn a_key_is_made_once_for_its_owner_alone_and_a_campaign_takes_it() {
    let shop = shop_with("{ scheme = \"derived\", key-file = \"jackets.key\" }");
    let file = shop.text("config/jackets.key");
    let made = emma(&["coupon", "key", &file]);
    assert_eq!((made.code, made.err.as_str()), (0, ""));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.len() == 65 && !made.out.contains(text.trim()), "64 hex digits that are not shown");
    let again = emma(&["coupon", "key", &file]);
    assert_eq!((again.code, fs::read_to_string(&file).unwrap()), (73, text.clone()), "{}", again.err);
    assert_eq!(emma(&["coupon", "key", &shop.text("other.key")]).code, 0);
    assert_ne!(fs::read_to_string(shop.path("other.key")).unwrap(), text, "keys are random");
    let campaign = &config(&shop).offers.campaigns[0];
    let code = coupon::code(campaign.coupon.as_ref().unwrap(), &campaign.id, "00ff", LAST).unwrap();
    let verified = emma(&["coupon", "verify", "--key", &file, "--campaign", &campaign.id, "--on", "2026-11-02", &code]);
    assert_eq!((verified.code, verified.out.as_str()), (0, "good until 2026-11-02, that day included\n"));
}

#[test]
fn the_command_line_says_why_a_code_is_not_taken() {
    let shop = Shop::new();
    let key = shop.write("boots.key", KEY);
    let verify = |more: &[&str]| emma(&[&["coupon", "verify", "--key", &key, "--campaign"], more].concat());
    let good = verify(&["boots-autumn", "--on", "2026-11-02", "2e19f", "6rnfz", "tvvzr", "vesvv"]);
    assert_eq!((good.code, good.out.as_str()), (0, "good until 2026-11-02, that day included\n"), "{}", good.err);
    for (more, why) in [
        (["boots-autumn", "--on", "2026-11-03", CODE], "it was good until 2026-11-02"),
        (["boots-winter", "--on", "2026-11-02", CODE], "it was not made with this key for this campaign"),
        (["boots-autumn", "--on", "2026-11-02", "BOOTS10"], "a code has 20 characters, and this has 7"),
    ] {
        let ended = verify(&more);
        assert_eq!((ended.code, ended.out.as_str()), (65, ""), "{more:?}");
        assert!(ended.err.starts_with("emma: the code is not taken: ") && ended.err.contains(why), "{}", ended.err);
    }
    assert_eq!(verify(&["boots-autumn", "--on", "tomorrow", CODE]).code, 64);
    assert_eq!(verify(&["boots-autumn"]).code, 64);
    let other = |key: &str| emma(&["coupon", "verify", "--key", key, "--campaign", "boots-autumn", CODE]);
    assert_eq!(other(&shop.text("none.key")).code, 66);
    assert_eq!(other(&shop.write("short.key", "0001")).code, 65);
}

fn document() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/coupons.md")).unwrap()
}

/// What stands in backticks in the row of the worked example that begins with `what`.
fn example(what: &str) -> Vec<String> {
    let text = document();
    let example = text.split("### A worked example").nth(1).unwrap();
    let row = example.lines().find(|line| line.starts_with(&format!("| {what} |"))).unwrap();
    row.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_worked_example_is_what_emma_makes() {
    let key = CouponKey::from_hex(&example("key")[0]).unwrap();
    let coupon = Coupon { scheme: Scheme::Derived(key.clone()), single_use: false };
    let (campaign, offer) = (&example("campaign")[0], &example("offer id")[0]);
    let code = coupon::code(&coupon, campaign, offer, LAST).unwrap();
    assert_eq!(*code, *example("code")[0]);
    let parts = [&example("last day")[0], &example("H of the number")[1], &example("H of the mark")[1]];
    assert_eq!(code.replace('-', ""), parts.map(String::as_str).concat());
    assert_eq!((&*code, example("key")[0].as_str()), (CODE, KEY.trim()));
    assert_eq!(coupon::verify(&key, campaign, &code, LAST), Ok(LAST));
}

#[test]
fn the_documents_verifier_agrees_with_emma() {
    let Ok(version) = Command::new("python3").arg("--version").output() else {
        return eprintln!("skipped: python3 is not installed (apt install python3)");
    };
    assert!(version.status.success());
    let text = document();
    let verifier = text.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let mut program = verifier.to_owned();
    program.push_str("import sys\nkey = bytes.fromhex(sys.argv[1])\n");
    program.push_str("for line in sys.stdin.read().splitlines():\n    campaign, day, code = line.split(';')\n");
    program.push_str("    print(verify(key, campaign, code, datetime.date.fromisoformat(day)))\n");
    let shop = Shop::new();
    let file = shop.write("verify.py", program);
    let key = CouponKey::from_hex(KEY).unwrap();
    let made = |n: u32, last| {
        let coupon = Coupon { scheme: Scheme::Derived(key.clone()), single_use: false };
        coupon::code(&coupon, "boots-autumn", &format!("{n:032x}"), last).unwrap().to_string()
    };
    let days = [date(2020, 1, 1), LAST, date(2109, 9, 18)];
    let fresh = (0..200).map(|n| made(n, days[n as usize % 3]));
    let slips = (0..200).map(|n| {
        let mut code = made(n, LAST);
        let place = [0, 4, 8, 13, 22][n as usize % 5];
        code.replace_range(place..=place, if n % 2 == 0 { "7" } else { "Z" });
        code
    });
    let typed = [
        "2e19f 6rnfz tvvzr vesvv",
        "2EI9F-6RNFZ-TVVZR-VESVV",
        "2El9F6RNFZTVVZRVESVV",
        "BOOTS10",
        "",
        "2E19F-6RNFZ-TVVZR-VESVU",
    ];
    let codes: Vec<String> = fresh.chain(slips).chain(typed.map(str::to_owned)).collect();
    let cases = codes.iter().flat_map(|code| {
        let days = [date(2020, 1, 1), LAST, date(2026, 11, 3)].map(|today| ("boots-autumn", today, code));
        days.into_iter().chain([("boots-winter", LAST, code)])
    });
    let cases: Vec<_> = cases.collect();
    let lines: Vec<String> = cases.iter().map(|(campaign, today, code)| format!("{campaign};{today};{code}")).collect();
    let mut python = assert_cmd::Command::new("python3");
    let output = python.args([&file, KEY.trim()]).write_stdin(lines.join("\n")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.lines().count(), cases.len());
    let mut taken = 0;
    for (line, (campaign, today, code)) in said.lines().zip(cases) {
        let ours = coupon::verify(&key, campaign, code, today);
        taken += u32::from(ours.is_ok());
        assert_eq!(line, ours.map_or_else(|_| "None".to_owned(), |last| last.to_string()), "{campaign} {today} {code}");
    }
    assert!(taken > 100, "{taken}");
}
