//! The notice in a real browser: it fits a phone, and its door sheet one page of paper. Without chromium the tests say so
//! and are skipped.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]
#![allow(unreachable_pub, dead_code, reason = "the helpers' modules are shared by tests")]

#[path = "common/shipped.rs"]
mod shipped;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use shipped::Shop;
use tempfile::TempDir;

const LANGUAGES: [&str; 4] = ["de", "en", "fr", "it"];

/// Names under which distributions have it.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// The browser, if there is one that starts.
fn browser() -> Option<&'static str> {
    let starts = |name: &&&str| {
        Command::new(name)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|ended| ended.success())
    };
    let found = BROWSERS.iter().find(starts).copied();
    if found.is_none() {
        println!("skipped: no chromium to look at the notice with");
    }
    found
}

/// Runs the browser on a page, with a profile of its own; what it prints.
fn browse(browser: &str, dir: &Path, arguments: &[&str], page: &Path) -> String {
    let profile = format!("--user-data-dir={}", dir.join("profile").display());
    let quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
    let quiet = quiet.iter().chain(&["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]);
    let output = Command::new(browser)
        .args(quiet)
        .args([profile.as_str()])
        .args(arguments)
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn page(shop: &Shop, arguments: &[&str]) -> String {
    let ended = shop.emma(&[&["notice"], arguments].concat());
    assert_eq!(ended.code, 0, "{}", ended.err);
    ended.out
}

/// The shipped shop, whose responsible people have long names and addresses.
fn wordy() -> Shop {
    let shop = Shop::new();
    let path = shop.path("config/promise.toml");
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace(
        "Corner Shop Ltd, 1 High Street, 3011 Bern",
        "Einkaufsgenossenschaft der vereinigten Lebensmittelfachgeschäfte, Obere Hauptstrasse 117, 3011 Bern",
    );
    let text = text.replace("# notice-url", "notice-url");
    let text = text.replace("adults-only = false", "adults-only = true");
    let text = text.replace(
        "corner-shop.example/emma",
        "corner-shop.example/kundschaft/datenschutz/emma/ein-sehr-langer-pfad-ohne-jede-stelle-zum-umbrechen",
    );
    fs::write(path, text).unwrap();
    shop
}

/// The pages within frames of these widths; a script beside them says how wide each is, and how much further it would scroll.
fn framed(pages: &[String], widths: &[u32]) -> String {
    let frame = |page: &String, width: &u32| {
        let source = page.replace('&', "&amp;").replace('"', "&quot;");
        format!("<iframe style=\"width:{width}px;height:800px;border:0\" srcdoc=\"{source}\"></iframe>\n")
    };
    let frames: String = pages.iter().flat_map(|page| widths.iter().map(move |width| frame(page, width))).collect();
    let script = "addEventListener('load', () => { \
                  const beyond = one => { const root = one.contentDocument.documentElement; \
                  return one.clientWidth + '+' + (root.scrollWidth - root.clientWidth) }; \
                  document.title = [...document.querySelectorAll('iframe')].map(beyond).join(' ') })";
    format!("<!doctype html><html><head><title>?</title></head><body>{frames}<script>{script}</script></body></html>")
}

#[test]
fn it_fits_a_narrow_phone_and_a_wide_screen() {
    const WIDTHS: [u32; 3] = [320, 360, 1280];
    const WIDE: &str = "<!doctype html><body style=\"margin:0\"><p style=\"width:2000px\">wide";
    let Some(browser) = browser() else { return };
    let dir = TempDir::new().unwrap();
    for shop in [Shop::new(), wordy()] {
        let kinds =
            LANGUAGES.iter().flat_map(|language| [vec!["--lang", language], vec!["--staff", "--lang", language]]);
        let kinds: Vec<_> = kinds.collect();
        let pages: Vec<String> = kinds.iter().map(|kind| page(&shop, kind)).chain([WIDE.to_owned()]).collect();
        let file = dir.path().join("framed.html");
        fs::write(&file, framed(&pages, &WIDTHS)).unwrap();
        let dumped = browse(browser, dir.path(), &["--dump-dom"], &file);
        let title = dumped.split("<title>").nth(1).unwrap().split("</title>").next().unwrap().to_owned();
        let (told, too_wide) = title.rsplit_once(" 320+").unwrap_or_else(|| panic!("{title}"));
        assert!(!too_wide.starts_with('0') && !too_wide.contains("+0"), "what is too wide is noticed: {title}");
        let told: Vec<&str> = told.split(' ').collect();
        let wanted: Vec<String> = kinds.iter().flat_map(|_| WIDTHS.map(|width| format!("{width}+0"))).collect();
        assert_eq!(told, wanted, "some page scrolls sideways, of {kinds:?}");
    }
}

/// How many pages a PDF has: each is an object of that type.
fn pages(pdf: &Path) -> usize {
    let bytes = fs::read(pdf).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    text.matches("/Type /Page\n").count() + text.matches("/Type /Page/").count()
}

#[test]
fn the_door_sheet_and_the_staff_sheet_are_a_page_each() {
    let Some(browser) = browser() else { return };
    let dir = TempDir::new().unwrap();
    let (file, pdf) = (dir.path().join("page.html"), dir.path().join("page.pdf"));
    let to_pdf = format!("--print-to-pdf={}", pdf.display());
    let printed = |page: &str| {
        fs::write(&file, page).unwrap();
        browse(browser, dir.path(), &["--no-pdf-header-footer", &to_pdf], &file);
        pages(&pdf)
    };
    let whole = |shop: &Shop, language| page(shop, &["--lang", language]);
    assert!(printed(&whole(&Shop::new(), "de")) > 2, "there is a page behind the door");
    let shop = wordy();
    for language in LANGUAGES {
        // The door alone, as it is set: what follows it is taken out.
        let page_of_all = whole(&shop, language);
        let (door, rest) = page_of_all.split_once("<main>").unwrap();
        let end = rest.split_once("</footer>").unwrap().1;
        let alone = format!("{door}{end}").replace("break-after: page;", "");
        assert_eq!(printed(&alone), 1, "{language}: the door sheet");
        assert_eq!(printed(&page(&shop, &["--staff", "--lang", language])), 1, "{language}: the staff's sheet");
    }
}
