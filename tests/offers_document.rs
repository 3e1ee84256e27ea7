//! What marketing reads about offers.toml: the document and the commented lines of the shipped file are tried, each of them.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::fs;
use std::path::Path;

use emma::config::offers::{Class, OncePer};
use emma::config::{Config, Sources, check};

fn document() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/offers.md")).unwrap()
}

/// The shipped shop with these offers, and the files that its comments name.
fn shop(offers: &str) -> Config {
    let codes = ("jackets.codes".to_owned(), "J-1\nJ-2\n".to_owned());
    let key = ("jackets.key".to_owned(), "07".repeat(32));
    let loaded = check(&Sources { offers: offers.to_owned(), beside: vec![codes, key], ..Sources::shipped() });
    assert_eq!(loaded.problems, [], "{offers}");
    loaded.config.unwrap()
}

#[test]
fn the_documents_campaigns_are_sound() {
    let text = document();
    let blocks: Vec<&str> = text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let offers = shop(&blocks.concat()).offers;
    let classes: Vec<Class> = offers.campaigns.iter().map(|campaign| campaign.class).collect();
    assert_eq!(classes, [Class::Offer, Class::Reward, Class::Service, Class::Offer]);
    let [offer, reward, service, hikers] = &offers.campaigns[..] else { panic!("four campaigns") };
    assert!(offer.control_share > 0.0 && offers.categories[0].replacement_interval.is_some());
    assert_eq!(reward.once_per, Some(OncePer::Week));
    assert!(!service.values.is_empty() && !reward.nearest.is_empty());
    assert!(!hikers.audience.interests.is_empty() && hikers.price.is_some());
}

#[test]
fn the_document_explains_every_key_of_a_campaign() {
    let offers = "[[campaign]]\nqqqqqqqqqqqq = 1\n".to_owned();
    let loaded = check(&Sources { offers, ..Sources::shipped() });
    let mut hints = loaded.problems.iter().map(|problem| &problem.hint);
    let keys = hints.find_map(|hint| hint.strip_prefix("known here: ")).unwrap();
    let keys: Vec<&str> = keys.split(", ").collect();
    assert!(keys.len() > 15, "{keys:?}");
    let text = document();
    let table = text.split("## Every key of a campaign").nth(1).unwrap().split("\n## ").next().unwrap();
    for key in keys {
        let first_cells = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
        assert!(first_cells.flat_map(|cell| cell.split(", ")).any(|cell| cell == key), "{key} is not explained");
    }
}

#[test]
fn every_commented_line_of_the_shipped_file_works() {
    let text = Sources::shipped().offers;
    let lines: Vec<&str> = text.lines().collect();
    let key_of = |line: &str| line.split_once(" = ").map(|(key, _)| key.to_owned()).filter(|key| !key.contains(' '));
    let mut tried = Vec::new();
    let mut index = 0;
    while index < lines.len() {
        let Some(line) = lines[index].strip_prefix("# ") else {
            index += 1;
            continue;
        };
        let mut offers: Vec<&str> = lines.clone();
        if line == "[[campaign]]" {
            let end = (index..lines.len()).find(|end| !lines[*end].starts_with("# ")).unwrap_or(lines.len());
            for place in index..end {
                offers[place] = &lines[place][2..];
            }
            tried.push("[[campaign]]".to_owned());
            index = end;
        } else {
            if let Some(key) = key_of(line) {
                offers[index] = line;
                // One of two lines that say the same thing is commented out.
                let above = (index.saturating_sub(3)..index).find(|place| key_of(lines[*place]).as_ref() == Some(&key));
                if let Some(above) = above {
                    offers[above] = "";
                }
                tried.push(key);
            }
            index += 1;
        }
        shop(&(offers.join("\n") + "\n"));
    }
    tried.sort();
    let expected = [
        "[[campaign]]",
        "[[campaign]]",
        "active",
        "audience",
        "control-group",
        "coupon",
        "coupon",
        "link",
        "once-per",
        "replacement-interval",
    ];
    assert_eq!(tried, expected);
}
