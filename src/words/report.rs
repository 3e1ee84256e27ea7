//! The weekly report of restraint in sentences, for the store manager and for whoever asks what the promise is worth.

use super::catalogue::Phrase;
use super::{Language, time};
use crate::config::span::Span;
use crate::report::{CampaignTotals, Most, Report};

/// What is said of `report`, a sentence each, its head first.
pub(super) fn phrases(report: &Report, language: Language) -> Vec<Phrase<'_>> {
    let state = if report.unfinished { "unfinished" } else { "over" };
    let head = Phrase::new("report-head").text("state", state).text("site", &*report.site).text("week", &*report.week);
    let visits = [
        head,
        figure("report-visits", "number", report.visits),
        figure("report-silent", "percent", report.without_offer_percent),
    ];
    let answers = [
        figure("report-dismissed", "percent", report.dismissed_percent),
        figure("report-helpful", "percent", report.helpful_percent),
        withdrawal(report.withdrawal_longest_secs, language),
        oldest(report.oldest_datum_days),
    ];
    let most = report.most.iter().map(|most| received(most, language));
    let withheld = report.withheld.iter().map(|(reason, count)| withheld(reason, *count, language));
    let campaigns = report.campaigns.iter().flat_map(|totals| [Some(campaign(totals)), control(totals)]).flatten();
    visits.into_iter().chain(most).chain(answers).chain(withheld).chain(campaigns).collect()
}

fn received(most: &Most, language: Language) -> Phrase<'static> {
    Phrase::new("report-most")
        .text("window", window(most.per.as_deref(), language).say(language))
        .number("number", most.received)
        .number("cap", most.at_most.into())
}

/// What a cap counts over, in the report's words.
pub(super) fn window(per: Option<&str>, language: Language) -> Phrase<'static> {
    match per {
        Some("visit") => Phrase::new("window-visit"),
        Some(per) => {
            let time = per.parse().map_or_else(|_| per.to_owned(), |span| time::span(span).say(language));
            Phrase::new("window-rolling").text("time", time)
        }
        None => Phrase::new("window-ever"),
    }
}

fn withheld(reason: &str, count: Option<u64>, language: Language) -> Phrase<'static> {
    let why = Phrase::new(format!("reason-{reason}")).attribute("manager").say(language);
    figure("report-withheld", "number", count).text("why", why)
}

/// In whole seconds, the last one counted as if it were over: no withdrawal took longer than is told.
fn withdrawal(longest_secs: Option<f64>, language: Language) -> Phrase<'static> {
    let time = longest_secs.map(|secs| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a length, far below 285 years")]
        let secs = secs.ceil() as u64;
        time::span(Span::Micros(secs.saturating_mul(1_000_000))).say(language)
    });
    Phrase::new("report-withdrawal").text("time", time.unwrap_or_else(|| "none".to_owned()))
}

fn oldest(days: Option<u64>) -> Phrase<'static> {
    let phrase = Phrase::new("report-oldest");
    match days {
        Some(days) => phrase.number("days", days),
        None => phrase.text("days", "none"),
    }
}

/// Shares are told where there were enough deliveries, so all of them or none.
fn campaign(totals: &CampaignTotals) -> Phrase<'_> {
    let CampaignTotals { displayed_percent, opened_percent, redeemed_percent, dismissed_percent, .. } = totals;
    let shares = [
        ("displayed", displayed_percent),
        ("opened", opened_percent),
        ("redeemed", redeemed_percent),
        ("dismissed", dismissed_percent),
    ];
    let phrase = figure("report-campaign", "delivered", totals.delivered).text("campaign", &*totals.id);
    let told = shares.into_iter().filter_map(|(name, share)| Some((name, (*share)?)));
    told.fold(phrase, |phrase, (name, share)| phrase.number(name, share))
}

fn control(totals: &CampaignTotals) -> Option<Phrase<'_>> {
    let count = totals.control?;
    Some(Phrase::new("report-control").text("campaign", &*totals.id).number("number", count))
}

/// A sentence with a figure, or with the word by which the catalogues say that it is not told.
fn figure<'a>(id: &'static str, name: &'static str, figure: Option<u64>) -> Phrase<'a> {
    match figure {
        Some(n) => Phrase::new(id).number(name, n),
        None => Phrase::new(id).text(name, "untold"),
    }
}
