//! The notice as customers, staff and a data protection officer meet it: true to the configuration, in four languages.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]
#![allow(unreachable_pub, dead_code, reason = "the helpers' modules are shared by tests")]

#[path = "common/shipped.rs"]
mod shipped;

use std::fs;

use shipped::Shop;

const LANGUAGES: [&str; 4] = ["de", "en", "fr", "it"];

/// The least that is a shop: one receiver, one zone, one cap, nobody who gets anything.
const LEAST: [(&str, &str); 5] = [
    ("gateway.toml", "site = 'corner'\ngateway = 'gw'\n[mqtt]\nurl = 'mqtt://localhost'\n"),
    ("site.toml", "name = 'Corner'\ntime-zone = 'Europe/Zurich'\n[[gateway]]\nid = 'gw'\n[[gateway]]\nid = 'gw-2'\n"),
    ("zones.toml", "[[zone]]\nid = 'till'\nname = { en = 'Till' }\nnear = 'gw'\n"),
    ("offers.toml", "[[category]]\nid = 'shoes'\nname = { en = 'Shoes' }\n"),
    (
        "promise.toml",
        "[caps]\ncustomer = [{ at-most = 2, per = '7d' }]\n[responsible]\ncontroller = 'Corner Ltd'\ncontact = 'the till'\nwithdraw = 'the till'\n",
    ),
];

fn least() -> Shop {
    let shop = Shop::new();
    for (file, text) in LEAST {
        shop.write(&format!("config/{file}"), text);
    }
    shop
}

/// What `emma notice …` prints, on one line as far as words go.
fn notice(shop: &Shop, arguments: &[&str]) -> String {
    let ended = shop.emma(&[&["notice"], arguments].concat());
    assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{arguments:?}");
    ended.out
}

/// The words, without what sets them.
fn words(shop: &Shop, arguments: &[&str]) -> String {
    let text = notice(shop, &[arguments, &["--format", "text"]].concat());
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn change(shop: &Shop, file: &str, from: &str, to: &str) {
    let path = shop.path(&format!("config/{file}"));
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

fn add(shop: &Shop, file: &str, text: &str) {
    let path = shop.path(&format!("config/{file}"));
    let before = fs::read_to_string(&path).unwrap();
    fs::write(path, format!("{before}\n{text}")).unwrap();
}

fn version(text: &str) -> String {
    serde_json::from_str::<serde_json::Value>(text).unwrap()["version"].as_str().unwrap().to_owned()
}

#[test]
fn the_notice_of_the_shipped_shop_reads_like_this() {
    let text = notice(&Shop::new(), &["--lang", "en", "--format", "text"]);
    insta::assert_snapshot!("shipped_in_english", text.replace(env!("CARGO_PKG_VERSION"), "[EMMA]"));
    let staff = notice(&Shop::new(), &["--lang", "en", "--format", "text", "--staff"]);
    insta::assert_snapshot!("staff_in_english", staff.replace(env!("CARGO_PKG_VERSION"), "[EMMA]"));
}

#[test]
fn every_language_says_every_fact() {
    let shop = Shop::new();
    change(&shop, "promise.toml", "at-most = 5, per = \"7d\"", "at-most = 37, per = \"13d\"");
    change(&shop, "promise.toml", "gap = \"2h\"", "gap = \"17h\"");
    change(&shop, "promise.toml", "\"21:00\", \"08:00\"", "\"21:43\", \"07:19\"");
    change(&shop, "promise.toml", "at-most = 3, per", "at-most = 29, per");
    for language in LANGUAGES {
        let text = words(&shop, &["--lang", language]);
        let facts = ["37", "13", "17", "29", "21:43", "07:19", "31", "Corner Shop App", "privacy@corner-shop.example"];
        for fact in facts.iter().chain(&["Corner Shop Ltd", "EDÖB, Bern", "https://corner-shop.example/emma"]) {
            assert!(text.contains(fact), "{language}: nothing of {fact} in\n{text}");
        }
        let staff = words(&shop, &["--lang", language, "--staff"]);
        for fact in ["37", "13", "Corner Shop App", "privacy@corner-shop.example", "EDÖB"] {
            assert!(staff.contains(fact), "{language}, for staff: nothing of {fact} in\n{staff}");
        }
    }
    let purposes = ["zeigt Ihnen das Angebot", "shows you the offer", "vous montre l’offre", "Le mostra l’offerta"];
    let zones =
        ["Jacken, Schuhe, Kasse", "Jackets, Shoes, Till", "Vestes, Chaussures, Caisse", "Giacche, Scarpe, Cassa"];
    for ((language, purpose), zones) in LANGUAGES.iter().zip(purposes).zip(zones) {
        let text = words(&shop, &["--lang", language]);
        assert!(text.contains(purpose) && text.contains(zones), "{language}:\n{text}");
    }
}

#[test]
fn whoever_has_a_name_in_each_language_is_called_by_it() {
    let shop = Shop::new();
    let before = version(&notice(&shop, &["--facts"]));
    change(&shop, "promise.toml", "controller = \"Corner", "controller.en = \"Corner");
    assert_eq!(version(&notice(&shop, &["--facts"])), before, "one name is one name, however it is written");
    change(&shop, "promise.toml", "controller.en", "controller.de = \"Eckladen AG\"\ncontroller.en");
    change(&shop, "promise.toml", "authority = \"EDÖB, Bern\"", "authority = { de = \"EDÖB\", en = \"FDPIC\" }");
    change(
        &shop,
        "promise.toml",
        "name = \"Corner Shop App\"",
        "name = { de = \"Eckladen-App\", en = \"Corner App\" }",
    );
    assert_ne!(version(&notice(&shop, &["--facts"])), before);
    let record = r#"{"customer":"ann","epoch":1,"tier":"contextual","purposes":["offers"],"identifiers":[{"phone":{"id":"a"}}],
        "valid_from":"2026-01-01T00:00:00Z","valid_until":"2098-01-01T00:00:00Z"}"#;
    shop.write("ann.jsonl", record.replace('\n', ""));
    let file = shop.path("ann.jsonl");
    let imported = shop.emma(&["consent", "import", file.to_str().unwrap()]);
    assert_eq!(imported.code, 0, "{}", imported.err);
    let named = [("de", ["Eckladen AG", "EDÖB", "Eckladen-App"]), ("en", ["Corner Shop Ltd", "FDPIC", "Corner App"])];
    for (language, [controller, authority, recipient]) in named {
        let told = |arguments: &[&str], names: &[&str]| {
            let told = shop.emma(&[arguments, &["--lang", language]].concat());
            let text = told.out.split_whitespace().collect::<Vec<_>>().join(" ");
            for name in names {
                assert!(text.contains(name), "{arguments:?} {language}: {name} in {text}");
            }
        };
        told(&["notice", "--format", "text"], &[controller, authority, recipient]);
        told(&["notice", "--format", "text", "--staff"], &[authority, recipient]);
        told(&["consent", "receipt", "ann"], &[controller, recipient]);
        told(&["consent", "export", "ann"], &[controller]);
    }
}

#[test]
fn every_language_tells_what_is_kept_and_the_one_thing_that_stays() {
    let stays = [
        ("de", "mit einem geheimen Schlüssel", "ein einziges Datum, 7 Tage lang"),
        ("en", "with a secret key", "one date with it, for 7 days"),
        ("fr", "avec une clé secrète", "une seule date, pendant 7 jours"),
        ("it", "con una chiave segreta", "una sola data, per 7 giorni"),
    ];
    for (language, key, date) in stays {
        let text = words(&Shop::new(), &["--lang", language]);
        assert!(text.contains(key) && text.contains(date), "{language}:\n{text}");
    }
}

/// Notice, export and pruning say the same, since they are made of one table.
#[test]
fn the_notice_tells_of_every_kind_that_an_export_shows_and_for_as_long() {
    let shop = Shop::new();
    change(&shop, "promise.toml", "per = \"7d\"", "per = \"40d\"");
    let read = |arguments: &[&str]| serde_json::from_str::<serde_json::Value>(&shop.emma(arguments).out).unwrap();
    let told = |list: &serde_json::Value, secs: &str| -> Vec<(String, Option<u64>)> {
        let on_disk = list.as_array().unwrap().iter().filter(|kind| kind["place"] != "memory");
        on_disk.map(|kind| (kind["what"].as_str().unwrap().to_owned(), kind[secs].as_u64())).collect()
    };
    let facts = told(&read(&["notice", "--facts"])["kept"], "secs");
    let export = told(&read(&["consent", "export", "nobody", "--json"])["stored"], "kept_secs");
    assert_eq!(facts, export);
    assert!(facts.contains(&("forgotten".to_owned(), Some(40 * 86_400))), "{facts:?}");
    for language in LANGUAGES {
        assert!(words(&shop, &["--lang", language]).matches("40").count() >= 4, "cap, offers, hash and its sentence");
    }
}

#[test]
fn a_changed_cap_changes_the_text_and_the_version_and_a_comment_does_not() {
    let shop = Shop::new();
    let before = version(&notice(&shop, &["--facts"]));
    add(&shop, "promise.toml", "# a comment\n");
    assert_eq!(version(&notice(&shop, &["--facts"])), before);
    assert!(words(&shop, &["--lang", "en"]).contains("at most one offer in a visit"));
    change(&shop, "promise.toml", "visit = 1", "visit = 3");
    assert_ne!(version(&notice(&shop, &["--facts"])), before);
    assert!(words(&shop, &["--lang", "en"]).contains("at most 3 offers in a visit"));
}

/// What can be configured, in which file, and the words that tell of it.
const TOLD: [(&str, &str, &str); 14] = [
    ("promise.toml", "recipients = [{ id = 'push', name = 'Shop App', purpose = 'shows it' }]\n", "Shop App: shows it"),
    ("promise.toml", "authority = 'EDÖB'\n", "to the authority: EDÖB"),
    ("promise.toml", "notice-url = 'https://corner.example/n'\n", "Everything in detail: https://corner.example/n"),
    ("promise.toml", "adults-only = true\n", "Only those who said that they are of age"),
    ("zones.toml", "[opening-hours]\nmon = '09:00-19:00'\n", "When the shop is closed"),
    ("zones.toml", "[[zone]]\nid = 'advice'\nname = 'Advice'\nnear = 'gw-2'\nsensitive = true\n", "left alone: Advice"),
    ("offers.toml", "[[category]]\nid = 'health'\nname = 'Health'\nsensitive = true\n", "business: Health."),
    ("offers.toml", "[[category]]\nid = 'beds'\nreplacement-interval = '30 months'\n", "beds (30 months)"),
    (
        "offers.toml",
        "[[campaign]]\nid = 'a'\ncategory = 'shoes'\nzones = 'any'\ntrigger = 'entered'\ncontrol-group = 0.1\ntext.en = { title = 'a', body = 'b' }\n",
        "whether offers help at all",
    ),
    (
        "offers.toml",
        "[[campaign]]\nid = 'b'\nclass = 'service'\nzones = 'any'\ntrigger = 'entered'\ntext.en = { title = 'a', body = '{value.wait}' }\n",
        "a figure of the moment",
    ),
    (
        "offers.toml",
        "[[campaign]]\nid = 'c'\ncategory = 'shoes'\ntier = 'personal'\naudience = { price-band = 'mid' }\nzones = 'any'\ntrigger = 'entered'\ntext.en = { title = 'a', body = 'b' }\n",
        "your price range",
    ),
    (
        "site.toml",
        "[[fixed-beacon]]\nid = 'wall'\nibeacon = { uuid = 'f7826da6-4fa2-4e98-8024-bc5b71e0893e', major = 1, minor = 7 }\n",
        "the app hears the shop’s own beacons",
    ),
    ("gateway.toml", "[shop-mqtt]\nurl = 'mqtt://10.0.0.5'\n", "The receivers talk to each other within the shop"),
    ("gateway.toml", "[[remote]]\nformat = 'ruuvi'\ntopic = 'ruuvi/#'\n", "over the network, to Emma"),
];

#[test]
fn what_is_configured_is_told_and_what_is_not_is_not() {
    let bare = words(&least(), &["--lang", "en"]);
    for (file, text, told) in TOLD {
        assert!(!bare.contains(told), "nobody configured “{told}”:\n{bare}");
        let shop = least();
        add(&shop, file, text);
        let said = words(&shop, &["--lang", "en"]);
        assert!(said.contains(told), "{file}: {text}is not told:\n{said}");
    }
    assert!(bare.contains("nothing that Emma would say") && bare.contains("At present nobody"), "{bare}");
}

#[test]
fn no_placeholder_is_left_and_no_sentence_is_missing() {
    let rich = least();
    for (file, text, _) in TOLD {
        add(&rich, file, text);
    }
    rich.write("old.json", notice(&least(), &["--facts"]));
    let old = rich.text("old.json");
    for shop in [Shop::new(), least(), rich] {
        let kinds: [&[&str]; 3] = [&[], &["--staff"], &["--changes", &old]];
        let kinds = if fs::exists(shop.path("old.json")).unwrap() { &kinds[..] } else { &kinds[..2] };
        for language in LANGUAGES {
            for kind in kinds {
                let text = notice(&shop, &[*kind, &["--lang", language, "--format", "text"]].concat());
                assert!(!text.contains(['{', '}', '$', '\u{2068}']), "{language} {kind:?}:\n{text}");
                assert!(
                    !text.contains("notice-") && !text.contains("..") && !text.contains(" ."),
                    "{language}:\n{text}"
                );
                let page = notice(&shop, &[*kind, &["--lang", language]].concat());
                assert!(page.contains(&format!("<html lang=\"{language}\">")), "{page}");
            }
        }
    }
}

#[test]
fn what_widens_is_told_as_wider_and_what_tightens_as_narrower() {
    let widening: [(&str, &str, &str, &str); 8] = [
        (
            "promise.toml",
            "purpose.en = \"shows you the offer\"",
            "purpose.en = \"studies you\"",
            "Now: Corner Shop App: studies you",
        ),
        ("promise.toml", "id = \"push\"", "id = \"other\"", "New: a recipient (Corner Shop App: shows you the offer)"),
        (
            "promise.toml",
            "at-most = 2, per = \"1d\"",
            "at-most = 3, per = \"1d\"",
            "Now: at most 3 offers in any 24 hours",
        ),
        ("promise.toml", "\"21:00\", \"08:00\"", "\"21:00\", \"07:00\"", "Before: 21:00 to 08:00. Now: 21:00 to 07:00"),
        ("promise.toml", "visit = 1 ", "# visit = 1 ", "No longer: a limit (at most one offer in a visit)"),
        ("promise.toml", "gap = \"2h\"", "gap = \"1h\"", "Before: 2 hours. Now: 60 minutes"),
        (
            "offers.toml",
            "[[category]]\nid = \"shoes\"",
            "[[category]]\nid = \"health\"\nsensitive = true\n\n[[category]]\nid = \"shoes\"",
            "the goods “health” as sensitive",
        ),
        ("promise.toml", "Corner Shop Ltd,", "Data Brokers Ltd,", "who is responsible"),
    ];
    for (file, from, to, told) in widening {
        let shop = Shop::new();
        shop.write("before.json", notice(&shop, &["--facts"]));
        change(&shop, file, from, to);
        shop.write("after.json", notice(&shop, &["--facts"]));
        let text = words(&shop, &["--lang", "en", "--changes", &shop.text("before.json")]);
        let wider = text.split("What is wider now").nth(1).unwrap_or_else(|| panic!("{to} is not wider:\n{text}"));
        let wider = wider.split("What is narrower now").next().unwrap();
        assert!(wider.contains(told), "{told} is not in\n{wider}");
        // And back again: what was wider is narrower, but for words, which nobody can measure.
        change(&shop, file, to, from);
        let back = words(&shop, &["--lang", "en", "--changes", &shop.text("after.json")]);
        let is_text = ["studies", "Brokers", "other"].iter().any(|word| to.contains(word));
        assert_eq!(back.contains("What is wider now"), is_text, "{back}");
        assert_eq!(back.contains("What is narrower now"), !is_text || to.contains("other"), "{back}");
    }
}

#[test]
fn a_version_is_found_among_those_that_were_kept() {
    let shop = Shop::new();
    let facts = notice(&shop, &["--facts"]);
    fs::create_dir(shop.path("config/notices")).unwrap();
    shop.write(&format!("config/notices/{}.json", version(&facts)), &facts);
    for language in LANGUAGES {
        let text = words(&shop, &["--lang", language, "--changes", &version(&facts)]);
        assert!(!text.contains("---") && text.contains(&version(&facts)), "nothing changed: {text}");
    }
    assert!(words(&shop, &["--lang", "en", "--changes", &version(&facts)]).contains("Nothing that the notice says"));
}

#[test]
fn what_cannot_be_told_says_what_to_do() {
    let shop = Shop::new();
    let asked = |arguments: &[&str]| shop.emma(&[&["notice"], arguments].concat());
    let lost = asked(&["--changes", "1a2b3c4d"]);
    assert_eq!(lost.code, 66);
    assert!(lost.err.contains("notices/1a2b3c4d.json") && lost.err.contains("emma notice --facts >"), "{}", lost.err);
    for rubbish in ["", "{}", "[1]", "<html>", "{\"version\":7}", "{\"version\":\"a\",\"controller\":\"\"}"] {
        let refused = asked(&["--changes", &shop.write("rubbish.json", rubbish)]);
        assert_eq!(refused.code, 65, "{rubbish}");
        assert!(refused.err.contains("emma notice --facts"), "{}", refused.err);
    }
    assert_eq!(asked(&["--lang", "rm"]).code, 64);
    assert_eq!(asked(&["--facts", "--staff"]).code, 64);
    shop.write("config/promise.toml", "[caps]\ncustomer = [{ at-most = 2, per = '1d' }]\n");
    let nobody = asked(&[]);
    assert_eq!((nobody.code, nobody.out.as_str()), (78, ""));
    for key in ["[responsible]", "controller =", "contact =", "withdraw =", "recipients ="] {
        assert!(nobody.err.contains(key), "{}", nobody.err);
    }
    shop.write("config/promise.toml", "[caps]\n");
    assert!(asked(&[]).err.contains("promise.toml:1"), "what is wrong is told with its line");
    shop.write(
        "config/gateway.toml",
        "site = 'a'\ngateway = 'b'\nroles = ['scan']\n[shop-mqtt]\nurl = 'mqtt://10.0.0.5'\n",
    );
    shop.write("config/promise.toml", "[caps]\ncustomer = [{ at-most = 2, per = '1d' }]\n");
    fs::remove_file(shop.path("config/site.toml")).unwrap();
    fs::remove_file(shop.path("config/zones.toml")).unwrap();
    fs::remove_file(shop.path("config/offers.toml")).unwrap();
    let scans = asked(&[]);
    assert!(scans.code == 78 && scans.err.contains("on the Pi that decides"), "{}", scans.err);
}

#[test]
fn a_page_needs_nothing_but_itself_and_takes_texts_for_data() {
    let shop = Shop::new();
    change(&shop, "promise.toml", "name = \"Corner Shop App\"", "name = \"<script>alert('1')</script>\"");
    change(&shop, "promise.toml", "EDÖB, Bern", "</main><img src=x onerror=alert(1)>");
    change(&shop, "site.toml", "Corner Shop", "Corner & \\\"Shop\\\" </title><b>");
    for arguments in [&["--lang", "de"][..], &["--lang", "de", "--staff"]] {
        let page = notice(&shop, arguments);
        for forbidden in
            ["<script", "<img", "<link", "<iframe", " src=\"", "url(", "@import", "</title><b>", "</main><"]
        {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"), "it is said, as it stands");
        assert_eq!(page.matches("<main>").count(), 1);
        assert_eq!(page.matches("<h1").count(), 1);
    }
}
