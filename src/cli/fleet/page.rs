//! The verdict as a page for people.

use std::fmt::Write;

use super::finding::{Finding, Weight};
use super::verdict::{Told, Verdict};

/// The page: the one sentence first, then who needs a hand, then what is worth knowing.
pub(super) fn page(verdict: &Verdict) -> String {
    let mut text = format!("{}\n", sentence(verdict));
    for pi in verdict.pis.iter().filter(|pi| !pi.well) {
        write(&mut text, format_args!("\n{}\n", name(pi)));
        for Finding { what, weight, sentence, to_do } in &pi.findings {
            let label = if *weight == Weight::Note { "note" } else { what };
            write(&mut text, format_args!("  {label:<17}{sentence}\n"));
            if !to_do.is_empty() {
                write(&mut text, format_args!("  {:<17}to do: {to_do}\n", ""));
            }
        }
    }
    // What is worth knowing of those who need a hand stands with them.
    let notes = verdict.pis.iter().filter(|pi| pi.well && !pi.findings.is_empty());
    for (number, pi) in notes.enumerate() {
        let heading = if number == 0 { "\nWorth knowing, and no harm:\n" } else { "" };
        let told: Vec<&str> = pi.findings.iter().map(|finding| &*finding.sentence).collect();
        write(&mut text, format_args!("{heading}  {}: {}\n", name(pi), told.join("; ")));
    }
    text.push_str(&remarks(verdict));
    text
}

fn sentence(Verdict { total, well, shops, .. }: &Verdict) -> String {
    let pis = |count: usize| if count == 1 { "1 Pi".to_owned() } else { format!("{count} Pis") };
    let shops = if *shops == 1 { "1 shop".to_owned() } else { format!("{shops} shops") };
    match total - well {
        0 if *total == 1 => format!("1 Pi in {shops}: quiet and well."),
        0 => format!("All {} in {shops} are quiet and well.", pis(*total)),
        1 => format!("{well} of {} in {shops} are quiet and well; one needs a hand.", pis(*total)),
        unwell => format!("{well} of {} in {shops} are quiet and well; {unwell} need a hand.", pis(*total)),
    }
}

fn name(pi: &Told) -> String {
    match &pi.gateway {
        Some(gateway) => format!("{} / {gateway}", pi.site),
        None => pi.site.clone(),
    }
}

/// How far it can be relied upon.
fn remarks(verdict: &Verdict) -> String {
    let mut text = String::new();
    if verdict.unheard > 0 {
        let n = verdict.unheard;
        write(
            &mut text,
            format_args!(
                "\nOf {n} the state alone is known: outbox, ledger, clock and beacons are told once a minute, and that has not come.\n"
            ),
        );
    }
    let useless: u64 = verdict.useless.values().sum();
    if useless > 0 {
        let whys: Vec<String> = verdict.useless.iter().map(|(why, count)| format!("{why} {count}")).collect();
        let what = "on these topics that Emma did not say, or not so";
        write(&mut text, format_args!("\nMessages {what}: {useless} ({}).\n", whys.join(", ")));
    }
    text
}

fn write(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a text cannot fail.
    text.write_fmt(what).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn told(site: &str, findings: Vec<Finding>) -> Told {
        let well = !super::super::finding::need_hand(&findings);
        let (gateway, version) = (Some("gw".to_owned()), Some("0.1.0".to_owned()));
        Told { site: site.to_owned(), gateway, online: Some(true), decides: Some(true), version, well, findings }
    }

    #[test]
    fn who_needs_a_hand_comes_with_why_and_what_to_do() {
        let paused = || Finding::note("paused", "it says nothing until somebody resumes");
        let verdict = Verdict {
            total: 120,
            well: 119,
            shops: 97,
            unheard: 3,
            useless: BTreeMap::from([("no-state", 2), ("name", 1)]),
            pis: vec![
                told("bern", vec![Finding::hand("offline", "it is offline", "has it power?"), paused()]),
                told("chur", vec![paused()]),
                told("genf", Vec::new()),
            ],
        };
        insta::assert_snapshot!(page(&verdict), @"
        119 of 120 Pis in 97 shops are quiet and well; one needs a hand.

        bern / gw
          offline          it is offline
                           to do: has it power?
          note             it says nothing until somebody resumes

        Worth knowing, and no harm:
          chur / gw: it says nothing until somebody resumes

        Of 3 the state alone is known: outbox, ledger, clock and beacons are told once a minute, and that has not come.

        Messages on these topics that Emma did not say, or not so: 3 (name 1, no-state 2).
        ");
    }

    #[test]
    fn the_first_line_says_it_all() {
        let line = |total, well, shops| sentence(&Verdict { total, well, shops, ..Verdict::default() });
        assert_eq!(line(120, 120, 97), "All 120 Pis in 97 shops are quiet and well.");
        assert_eq!(line(120, 118, 97), "118 of 120 Pis in 97 shops are quiet and well; 2 need a hand.");
        assert_eq!(line(1, 1, 1), "1 Pi in 1 shop: quiet and well.");
    }
}
