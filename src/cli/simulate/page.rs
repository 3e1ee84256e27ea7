//! The result as a page of 80 columns, and as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use super::tally::{Held, promised};
use super::{Arguments, Shop, people, walk};
use crate::cli::{Stop, ledger_stop};
use crate::gateway::cap::CapScope;

/// A bar of everything.
const BAR: u64 = 40;

/// A line is no longer.
const COLUMNS: usize = 80;

/// Offers to a visitor in a week are told one by one up to here.
const WEEK_BARS: usize = 6;

/// What came of it.
#[derive(Serialize)]
struct Outcome {
    from: String,
    days: usize,
    open_days: u32,
    customers: usize,
    seed: u64,
    visits: u64,
    visits_without_offer: u64,
    offers: u64,
    service_messages: u64,
    visitors: usize,
    visitors_without_offer: usize,
    by_habit: Vec<Habit>,
    /// How many visitors' weeks had no offer, one, two, …; the last counts those with more too.
    offers_a_visitor_and_week: [u64; WEEK_BARS],
    campaigns: Vec<Campaign>,
    promise: Vec<Promised>,
    never_entered: Vec<String>,
    assumed: Vec<String>,
}

#[derive(Serialize)]
struct Habit {
    name: &'static str,
    visitors: usize,
    without_offer: usize,
}

#[derive(Serialize)]
struct Campaign {
    id: String,
    delivered: u64,
    withheld: BTreeMap<&'static str, u64>,
    stopped_itself: Option<String>,
}

#[derive(Serialize)]
struct Promised {
    cap: String,
    at_most: u32,
    most: u32,
    holds: bool,
}

/// The page, or one JSON object.
pub(super) fn page(arguments: &Arguments, shop: &Shop, days: (usize, u32)) -> Result<String, Stop> {
    let result = gather(arguments, shop, days)?;
    if arguments.json {
        return Ok(format!("{:#}\n", serde_json::to_value(&result).unwrap_or_default()));
    }
    let sections =
        [head(&result), weeks(&result), habits(&result), campaigns(&result), promise(&result), assumed(&result)];
    Ok(sections.join("\n"))
}

fn gather(arguments: &Arguments, shop: &Shop, (days, open_days): (usize, u32)) -> Result<Outcome, Stop> {
    let tally = &shop.tally;
    let (visitors, without) = (tally.visitors(), tally.without_any());
    let of_habit = |(index, name)| {
        let everybody = shop.customers.iter().filter(|customer| customer.habit == index);
        let ids: Vec<_> = everybody.map(|customer| &customer.prepared.consent.customer).collect();
        let visitors = ids.iter().filter(|id| visitors.contains(**id)).count();
        Habit { name, visitors, without_offer: ids.iter().filter(|id| without.contains(**id)).count() }
    };
    let campaign = |campaign: &crate::config::offers::Campaign| {
        let withheld = tally.withheld.get(&campaign.id).into_iter().flatten();
        let stopped = shop.stopped.iter().find(|(id, _)| *id == campaign.id);
        Campaign {
            id: campaign.id.to_string(),
            delivered: tally.said.get(&campaign.id).copied().unwrap_or(0),
            withheld: withheld.map(|(reason, count)| (reason.as_str(), *count)).collect(),
            stopped_itself: stopped.map(|(_, date)| date.to_string()),
        }
    };
    let zones = shop.places.iter().filter_map(|place| shop.config.zones.zones.get(place.zone));
    let never = zones.filter(|zone| !tally.entered.contains_key(&zone.id));
    let (offers, service_messages) = tally.said_by_class();
    let campaigns: Vec<Campaign> = shop.config.offers.campaigns.iter().map(campaign).collect();
    Ok(Outcome {
        from: shop.first.to_string(),
        days,
        open_days,
        customers: shop.customers.len(),
        seed: arguments.seed,
        visits: tally.visits,
        visits_without_offer: tally.visits_without,
        offers,
        service_messages,
        visitors: visitors.len(),
        visitors_without_offer: without.len(),
        by_habit: people::habits().enumerate().map(of_habit).collect(),
        offers_a_visitor_and_week: tally.by_week(),
        campaigns,
        promise: held(shop)?,
        never_entered: never.map(|zone| zone.id.to_string()).collect(),
        assumed: assumptions(arguments, shop),
    })
}

/// The most that anybody received, from the ledger itself.
fn held(shop: &Shop) -> Result<Vec<Promised>, Stop> {
    let mut caps = promised(&shop.config.promise.caps);
    for customer in shop.tally.visitors() {
        let log = shop.standalone.store.log(customer).map_err(ledger_stop)?;
        for cap in &mut caps {
            cap.look(&log, &shop.config.site.time_zone);
        }
    }
    let told = |Held { scope, at_most, per, most }| Promised {
        cap: match (scope, per) {
            (CapScope::Visit, _) => "in one visit".to_owned(),
            (CapScope::Gap, Some(gap)) => format!("within the gap of {gap}"),
            (scope, Some(per)) => format!("{} in any {per}", scope.as_str().trim_start_matches("cap-")),
            (scope, None) => format!("{} for ever", scope.as_str().trim_start_matches("cap-")),
        },
        at_most,
        most,
        holds: most <= at_most,
    };
    Ok(caps.into_iter().map(told).collect())
}

fn assumptions(arguments: &Arguments, shop: &Shop) -> Vec<String> {
    let (dismiss, open) = (arguments.dismiss * 100.0, arguments.open * 100.0);
    let mut all = people::assumptions();
    all.extend(walk::assumptions(&shop.config));
    all.push(format!(
        "answers: {dismiss:.0} % of offers dismissed (--dismiss), {open:.0} % opened (--open), the rest seen and left alone"
    ));
    all.push("nobody buys, snoozes or withdraws; no live value is known".to_owned());
    all
}

fn head(result: &Outcome) -> String {
    let Outcome {
        from, days, open_days, customers, seed, visits, visits_without_offer, offers, service_messages, ..
    } = result;
    let without = percent(*visits_without_offer, *visits);
    let (days, customers) = (counted(*days, "day"), counted(*customers, "customer"));
    let closed = match open_days {
        0 => "The shop is closed on all of them, and nobody came: zones.toml has the opening hours.\n\n",
        _ => "",
    };
    format!(
        "{days} from {from}, {open_days} of them open; {customers}; seed {seed}\n\n{closed}\
         visits            {visits:>8}\n\
         without an offer  {visits_without_offer:>8}  {without} %\n\
         offers            {offers:>8}\n\
         service messages  {service_messages:>8}\n"
    )
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn weeks(result: &Outcome) -> String {
    let weeks = &result.offers_a_visitor_and_week;
    let all: u64 = weeks.iter().sum();
    let last = weeks.len().saturating_sub(1);
    let line = |(offers, count): (usize, &u64)| {
        let more = if offers == last { "+" } else { " " };
        format!("  {offers}{more} {:<40} {:>3} %\n", bar(*count, all), percent(*count, all))
    };
    format!("Offers to a visitor in a week\n{}", weeks.iter().enumerate().map(line).collect::<String>())
}

fn habits(result: &Outcome) -> String {
    let line =
        |Habit { name, visitors, without_offer }: &Habit| format!("  {name:<12}{without_offer:>7} of {visitors}\n");
    let Outcome { visitors, visitors_without_offer, .. } = result;
    let everybody = format!("  {:<12}{visitors_without_offer:>7} of {visitors}\n", "together");
    format!("Came and were offered nothing\n{}{everybody}", result.by_habit.iter().map(line).collect::<String>())
}

fn campaigns(result: &Outcome) -> String {
    let most = result.campaigns.iter().map(|campaign| campaign.delivered).max().unwrap_or(0);
    let width = result.campaigns.iter().map(|campaign| campaign.id.chars().count()).max().unwrap_or(0).min(24);
    let mut lines = String::from("Campaigns: said, and withheld by reason\n");
    if result.campaigns.is_empty() {
        lines.push_str("  there is none in offers.toml\n");
    }
    for Campaign { id, delivered, withheld, stopped_itself } in &result.campaigns {
        let line = format!("  {id:<width$} {delivered:>8} {}", bar(*delivered, most));
        lines.push_str(line.trim_end());
        lines.push('\n');
        let mut reasons: Vec<_> = withheld.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let told: Vec<String> = reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        lines.push_str(&wrapped(&told, "      "));
        if let Some(date) = stopped_itself {
            lines.extend(["      stopped itself on ", date, ": three in ten dismissed it\n"]);
        }
    }
    lines
}

fn promise(result: &Outcome) -> String {
    let line = |Promised { cap, at_most, most, holds }: &Promised| {
        let verdict = if *holds { "holds" } else { "BROKEN: please report it" };
        format!("  {cap:<28}{most:>4} of at most {at_most:<6} {verdict}\n")
    };
    let never = match &result.never_entered[..] {
        [] => String::new(),
        _ if result.visits == 0 => String::new(),
        zones => format!("\nNobody could be placed in {}: emma check may say why.\n", zones.join(", ")),
    };
    let lines: String = result.promise.iter().map(line).collect();
    format!("The most that anybody was told, against the promise\n{lines}{never}")
}

fn assumed(result: &Outcome) -> String {
    let line = |line: &String| {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        joined(&words, " ", "  - ", "    ")
    };
    format!("Assumed\n{}", result.assumed.iter().map(line).collect::<String>())
}

fn wrapped(parts: &[String], indent: &str) -> String {
    if parts.is_empty() { String::new() } else { joined(parts, ", ", indent, indent) }
}

/// Parts joined into lines of at most [`COLUMNS`].
fn joined(parts: &[String], by: &str, first: &str, indent: &str) -> String {
    let (mut lines, mut line) = (String::new(), first.to_owned());
    for (index, part) in parts.iter().enumerate() {
        let by = if index + 1 < parts.len() { by } else { "" };
        if line.trim().len() > 1 && line.chars().count() + part.chars().count() + by.trim_end().len() > COLUMNS {
            lines.push_str(line.trim_end());
            lines.push('\n');
            indent.clone_into(&mut line);
        }
        line.push_str(part);
        line.push_str(by);
    }
    lines + line.trim_end() + "\n"
}

fn bar(part: u64, whole: u64) -> String {
    let length = (part.saturating_mul(BAR) + whole / 2).checked_div(whole).unwrap_or(0);
    "█".repeat(usize::try_from(length).unwrap_or(0))
}

fn percent(part: u64, whole: u64) -> u64 {
    (part.saturating_mul(100) + whole / 2).checked_div(whole).unwrap_or(0)
}
