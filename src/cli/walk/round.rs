//! A walk as it is noted down: where somebody says they are, what is announced, and how long that took.

use crate::config::Config;

/// A zone of the shop, and what the walk showed of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    pub(super) id: String,
    /// In the shop's language.
    pub(super) name: String,
    pub(super) sensitive: bool,
    /// How sure each announcement was.
    pub(super) confidences: Vec<f64>,
    /// How often somebody said that they arrived there.
    pub(super) arrivals: usize,
    /// How long after somebody said that they arrived it was announced, in seconds.
    pub(super) after_arrival_secs: Vec<f64>,
    /// How long after the zone before it was given up, or the tag was first heard, it was announced, in seconds.
    pub(super) after_other_secs: Vec<f64>,
    /// Announced while somebody stood elsewhere.
    pub(super) wrong: usize,
    /// Somebody stood there, and it was not announced before they went on.
    pub(super) missed: usize,
    /// It was announced already when somebody said that they arrived.
    pub(super) seen_already: usize,
    /// It is sensitive, somebody stood in it, and a zone was told of them all the same.
    pub(super) told_in_it: usize,
}

impl Row {
    /// Whether it was announced, on this walk or when it began.
    pub(super) fn is_seen(&self) -> bool {
        !self.confidences.is_empty() || self.seen_already > 0
    }
}

/// Somebody said that they arrived. In a sensitive zone they wait for nothing, and all that is announced is wrong.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    /// Where, if they said so.
    zone: Option<usize>,
    at_us: u64,
}

/// What is announced.
#[derive(Clone, Copy, Debug)]
struct Shown {
    zone: usize,
    is_unsure: bool,
}

/// A walk under way. Times are microseconds of one clock.
#[derive(Clone, Debug)]
pub(super) struct Round {
    pub(super) rows: Vec<Row>,
    /// Arrivals at a place that was not named, after which nothing was announced.
    pub(super) missed_unnamed: usize,
    /// Who has arrived and is not announced yet, or stands where nobody may be.
    arrival: Option<Arrival>,
    shown: Option<Shown>,
    /// The zone that was given up last, and when.
    given_up: Option<(usize, u64)>,
    first_heard_us: Option<u64>,
    /// The last announcement, until it was called wrong.
    last: Option<Announced>,
}

/// An announcement that may still be called wrong.
#[derive(Clone, Copy, Debug)]
struct Announced {
    zone: usize,
    /// It was taken for the answer to this arrival.
    ended: Option<Arrival>,
}

impl Round {
    pub(super) fn new(config: &Config) -> Self {
        let language = config.site.language.as_deref();
        let row = |zone: &crate::config::zones::Zone| Row {
            id: zone.id.to_string(),
            name: zone.name_in(language).to_owned(),
            sensitive: zone.sensitive,
            ..Row::default()
        };
        Self {
            rows: config.zones.zones.iter().map(row).collect(),
            missed_unnamed: 0,
            arrival: None,
            shown: None,
            given_up: None,
            first_heard_us: None,
            last: None,
        }
    }

    /// The zone that somebody means by these words: its number as listed, its name or id, or how one of them begins.
    ///
    /// # Errors
    /// None is meant, or several: what to type.
    pub(super) fn meant(&self, words: &str) -> Result<usize, String> {
        let none = || "There is no such zone: type its number.".to_owned();
        if let Ok(number) = words.parse::<usize>() {
            return number.checked_sub(1).filter(|index| *index < self.rows.len()).ok_or_else(none);
        }
        let words = words.to_lowercase();
        let is_it = |row: &Row| row.name.to_lowercase() == words || row.id == words;
        if let Some(index) = self.rows.iter().position(is_it) {
            return Ok(index);
        }
        let begins = |row: &Row| row.name.to_lowercase().starts_with(&words) || row.id.starts_with(&words);
        let meant: Vec<usize> = (0..self.rows.len()).filter(|index| begins(&self.rows[*index])).collect();
        match meant[..] {
            [] => Err(none()),
            [only] => Ok(only),
            _ => {
                let names: Vec<&str> = meant.iter().map(|index| self.name(*index)).collect();
                Err(format!("That can be {}: type its number.", names.join(" or ")))
            }
        }
    }

    /// The zone of this id; a running Emma may know one that the files here do not.
    fn index(&mut self, id: &str) -> usize {
        self.rows.iter().position(|row| row.id == id).unwrap_or_else(|| {
            self.rows.push(Row { id: id.to_owned(), name: id.to_owned(), ..Row::default() });
            self.rows.len() - 1
        })
    }

    /// What the daemon announced already when the walk began.
    pub(super) fn begins_in(&mut self, id: &str, is_unsure: bool) {
        let zone = self.index(id);
        self.shown = Some(Shown { zone, is_unsure });
    }

    /// The tag was heard.
    pub(super) fn heard(&mut self, now_us: u64) {
        self.first_heard_us = self.first_heard_us.or(Some(now_us));
    }

    /// Whether somebody said already that they are there, and nothing answered it yet.
    pub(super) fn waits_in(&self, zone: usize) -> bool {
        self.arrival.is_some_and(|arrival| arrival.zone == Some(zone))
    }

    /// Somebody says that they have arrived, and perhaps where.
    pub(super) fn arrived(&mut self, zone: Option<usize>, now_us: u64) -> String {
        if let Some(zone) = zone.filter(|zone| self.waits_in(*zone)) {
            return format!("{}: you said so already, and it counts from then.", self.name(zone));
        }
        self.close_arrival();
        let Some(row) = zone.and_then(|zone| self.rows.get_mut(zone)) else {
            self.arrival = Some(Arrival { zone: None, at_us: now_us });
            return "You have arrived: it counts from now.".to_owned();
        };
        let name = row.name.clone();
        row.arrivals += 1;
        if row.sensitive {
            self.arrival = Some(Arrival { zone, at_us: now_us });
            return format!(
                "{name} is sensitive: nobody is ever placed there, on purpose. Until you arrive elsewhere nothing may be announced."
            );
        }
        if self.shown.is_some_and(|shown| Some(shown.zone) == zone && !shown.is_unsure) {
            row.after_arrival_secs.push(0.0);
            row.seen_already += 1;
            return format!("{name}: you were seen there already when you arrived");
        }
        self.arrival = Some(Arrival { zone, at_us: now_us });
        format!("You have arrived in {name}: it counts from now.")
    }

    /// A zone was entered.
    pub(super) fn entered(&mut self, id: &str, confidence: f64, now_us: u64) -> String {
        let zone = self.index(id);
        let sensitive = self.told_where_nobody_may_be();
        let elsewhere = self.arrival.and_then(|arrival| arrival.zone).filter(|there| *there != zone);
        let there = sensitive.or_else(|| Some(self.rows.get(elsewhere?)?.name.clone()));
        let waiting = self.arrival;
        let since = self.since(zone, there.is_some(), now_us);
        let ended = waiting.filter(|_| self.arrival.is_none());
        (self.shown, self.last) = (Some(Shown { zone, is_unsure: false }), Some(Announced { zone, ended }));
        let Some(row) = self.rows.get_mut(zone) else { return String::new() };
        row.confidences.push(confidence);
        if there.is_some() {
            row.wrong += 1;
            self.last = None;
        }
        let wrong = there.map(|there| format!(" - WRONG, you are in {there}")).unwrap_or_default();
        format!("{}: seen{since}, confidence {confidence:.2}{wrong}", row.name)
    }

    /// A zone is told: the sensitive one that somebody stands in meanwhile, where that is noted.
    fn told_where_nobody_may_be(&mut self) -> Option<String> {
        let there = self.arrival.and_then(|arrival| arrival.zone)?;
        let row = self.rows.get_mut(there).filter(|row| row.sensitive)?;
        row.told_in_it += 1;
        Some(row.name.clone())
    }

    /// How long it took, and since what: somebody's word, or what was announced before.
    fn since(&mut self, zone: usize, is_wrong: bool, now_us: u64) -> String {
        let secs = |then_us: u64| secs(now_us.saturating_sub(then_us));
        let given_up = self.given_up;
        let before = given_up.and_then(|(before, at_us)| Some((self.rows.get(before)?.name.clone(), at_us)));
        let Some(row) = self.rows.get_mut(zone).filter(|_| !is_wrong) else { return String::new() };
        if let Some(arrival) = self.arrival.take() {
            let took = secs(arrival.at_us);
            row.after_arrival_secs.push(took);
            // Whoever named no zone has now been told which.
            row.arrivals += usize::from(arrival.zone.is_none());
            return format!(" after {took:.0} s");
        }
        match (before, self.first_heard_us) {
            (Some((before, at_us)), _) if at_us == now_us => format!(", straight after {before}"),
            (Some((before, at_us)), _) => {
                let took = secs(at_us);
                row.after_other_secs.push(took);
                format!(" after {took:.0} s (since {before} was given up)")
            }
            (None, Some(at_us)) => {
                let took = secs(at_us);
                row.after_other_secs.push(took);
                format!(" after {took:.0} s (since the tag was first heard)")
            }
            (None, None) => String::new(),
        }
    }

    /// Confidence in a zone was lost.
    pub(super) fn unsure(&mut self, id: &str, confidence: f64, now_us: u64) -> String {
        let zone = self.index(id);
        (self.shown, self.given_up) = (Some(Shown { zone, is_unsure: true }), Some((zone, now_us)));
        format!("{}: unsure, confidence {confidence:.2}", self.name(zone))
    }

    /// Confidence was regained. Whoever arrived there meanwhile is seen.
    pub(super) fn sure(&mut self, id: &str, confidence: f64, now_us: u64) -> String {
        let zone = self.index(id);
        self.shown = Some(Shown { zone, is_unsure: false });
        if let (Some(there), Some(row)) = (self.told_where_nobody_may_be(), self.rows.get_mut(zone)) {
            row.wrong += 1;
            return format!("{}: sure again, confidence {confidence:.2} - WRONG, you are in {there}", row.name);
        }
        let is_here = self.arrival.is_some_and(|arrival| arrival.zone.is_none_or(|there| there == zone));
        let since = if is_here { self.since(zone, false, now_us) } else { String::new() };
        format!("{}: sure again{since}, confidence {confidence:.2}", self.name(zone))
    }

    /// A zone was left.
    pub(super) fn left(&mut self, id: &str, now_us: u64) -> String {
        let zone = self.index(id);
        let was_unsure = self.shown.is_some_and(|shown| shown.is_unsure);
        // Given up is when confidence was lost, if it was.
        if !was_unsure {
            self.given_up = Some((zone, now_us));
        }
        self.shown = None;
        format!("{}: left", self.name(zone))
    }

    /// Whether something was announced that nobody called wrong yet.
    pub(super) fn can_be_wrong(&self) -> bool {
        self.last.is_some()
    }

    /// Somebody says that what was announced last is wrong.
    pub(super) fn was_wrong(&mut self) -> String {
        let Some(Announced { zone, ended }) = self.last.take() else {
            return "Nothing was announced that could be wrong.".to_owned();
        };
        if let Some(row) = self.rows.get_mut(zone) {
            row.wrong += 1;
            // Whoever had not said where they are was not seen there after all, and still waits for it.
            if let Some(arrival) = ended.filter(|arrival| arrival.zone.is_none()) {
                row.arrivals -= 1;
                row.after_arrival_secs.pop();
                // Whoever has gone on since waits where they are now.
                if self.arrival.is_some() {
                    self.missed_unnamed += 1;
                } else {
                    self.arrival = Some(arrival);
                }
            }
        }
        format!("{}: noted as wrong", self.name(zone))
    }

    /// The walk is over.
    pub(super) fn end(&mut self) {
        self.close_arrival();
    }

    /// Whoever arrived, and goes on unseen, as they must where nobody may be seen.
    fn close_arrival(&mut self) {
        let Some(arrival) = self.arrival.take() else { return };
        match arrival.zone.and_then(|zone| self.rows.get_mut(zone)) {
            Some(row) => row.missed += usize::from(!row.sensitive),
            None => self.missed_unnamed += 1,
        }
    }

    fn name(&self, zone: usize) -> &str {
        self.rows.get(zone).map_or("", |row| &row.name)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a walk is shorter than a thousand years")]
fn secs(us: u64) -> f64 {
    us as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, check};

    const S: u64 = 1_000_000;

    fn round() -> Round {
        let mut sources = Sources::shipped();
        sources.zones.push_str("[[zone]]\nid = 'advice'\nname = 'Beratung'\nnear = 'gw-till'\nenter-dbm = -50\nleave-dbm = -55\nsensitive = true\n");
        Round::new(&check(&sources).config.unwrap())
    }

    #[test]
    fn a_zone_is_seen_so_long_after_somebody_said_that_they_arrived() {
        let mut round = round();
        let shoes = round.meant("schu").ok();
        assert_eq!((shoes, round.meant("2"), round.meant("4")), (Some(1), Ok(1), Ok(3)));
        assert_eq!(round.meant("5").unwrap_err(), "There is no such zone: type its number.");
        round.heard(S);
        assert_eq!(round.arrived(shoes, 10 * S), "You have arrived in Schuhe: it counts from now.");
        assert_eq!(round.entered("shoes", 0.91, 16 * S), "Schuhe: seen after 6 s, confidence 0.91");
        assert_eq!(round.rows[1].after_arrival_secs, [6.0]);
        assert_eq!(round.unsure("shoes", 0.35, 20 * S), "Schuhe: unsure, confidence 0.35");
        assert_eq!(round.left("shoes", 24 * S), "Schuhe: left");
        assert_eq!(
            round.entered("till", 1.0, 24 * S),
            "Kasse: seen after 4 s (since Schuhe was given up), confidence 1.00"
        );
        assert_eq!(
            round.arrived(round.meant("kasse").ok(), 25 * S),
            "Kasse: you were seen there already when you arrived"
        );
        assert_eq!(round.rows[2].after_arrival_secs, [0.0]);
        round.left("till", 30 * S);
        assert_eq!(round.entered("shoes", 0.8, 30 * S), "Schuhe: seen, straight after Kasse, confidence 0.80");
    }

    #[test]
    fn without_a_word_it_says_since_what_it_counts() {
        let mut round = round();
        round.heard(3 * S);
        assert_eq!(
            round.entered("shoes", 0.9, 9 * S),
            "Schuhe: seen after 6 s (since the tag was first heard), confidence 0.90"
        );
        assert_eq!((round.rows[1].arrivals, round.rows[1].after_arrival_secs.len()), (0, 0));
        round.arrived(None, 20 * S);
        assert_eq!(round.entered("till", 1.0, 25 * S), "Kasse: seen after 5 s, confidence 1.00");
        assert_eq!(round.rows[2].arrivals, 1);
    }

    #[test]
    fn what_is_wrong_and_what_is_missed_is_counted() {
        let mut round = round();
        round.arrived(Some(1), 0);
        assert_eq!(round.entered("till", 1.0, 5 * S), "Kasse: seen, confidence 1.00 - WRONG, you are in Schuhe");
        assert_eq!(round.was_wrong(), "Nothing was announced that could be wrong.", "it is counted already");
        round.left("till", 8 * S);
        assert_eq!(round.entered("shoes", 0.9, 8 * S), "Schuhe: seen after 8 s, confidence 0.90");
        assert_eq!((round.rows[2].wrong, round.rows[1].missed), (1, 0));
        assert_eq!(round.was_wrong(), "Schuhe: noted as wrong");
        round.arrived(Some(0), 20 * S);
        round.arrived(None, 30 * S);
        round.end();
        assert_eq!((round.rows[0].missed, round.missed_unnamed), (1, 1));
        assert_eq!(
            round.entered("new", 1.0, 41 * S),
            "new: seen after 33 s (since Kasse was given up), confidence 1.00",
            "a running Emma may know zones that the files do not"
        );
    }

    #[test]
    fn a_whole_name_is_meant_though_another_begins_with_it() {
        let mut round = round();
        round
            .rows
            .push(Row { id: "shoes-kids".to_owned(), name: "Schuhe für Größere".to_owned(), ..Row::default() });
        assert_eq!((round.meant("schuhe"), round.meant("SCHUHE FÜR")), (Ok(1), Ok(4)));
        assert_eq!(round.meant("sch").unwrap_err(), "That can be Schuhe or Schuhe für Größere: type its number.");
    }

    #[test]
    fn whoever_says_it_twice_arrived_once() {
        let mut round = round();
        round.arrived(Some(1), 0);
        assert_eq!(round.arrived(Some(1), 3 * S), "Schuhe: you said so already, and it counts from then.");
        assert_eq!(round.entered("shoes", 0.9, 6 * S), "Schuhe: seen after 6 s, confidence 0.90");
        assert_eq!((round.rows[1].arrivals, round.rows[1].missed), (1, 0));
    }

    #[test]
    fn what_is_called_wrong_was_no_arrival() {
        let mut round = round();
        round.arrived(None, 0);
        round.entered("till", 1.0, 5 * S);
        round.was_wrong();
        assert_eq!((round.rows[2].wrong, round.rows[2].arrivals, round.rows[2].after_arrival_secs.len()), (1, 0, 0));
        round.left("till", 7 * S);
        assert_eq!(round.entered("shoes", 0.9, 9 * S), "Schuhe: seen after 9 s, confidence 0.90");
        assert_eq!(round.rows[1].arrivals, 1);
    }

    #[test]
    fn whatever_is_announced_in_a_sensitive_zone_is_wrong_until_the_next_arrival() {
        let mut round = round();
        let advice = Some(3);
        assert!(round.arrived(advice, 0).contains("on purpose"));
        assert_eq!(round.entered("shoes", 0.9, 5 * S), "Schuhe: seen, confidence 0.90 - WRONG, you are in Beratung");
        assert_eq!(round.entered("till", 1.0, 9 * S), "Kasse: seen, confidence 1.00 - WRONG, you are in Beratung");
        assert!(round.sure("till", 1.0, 12 * S).ends_with("WRONG, you are in Beratung"));
        assert_eq!((round.rows[1].wrong, round.rows[2].wrong, round.rows[3].told_in_it), (1, 2, 3));
        round.arrived(Some(1), 20 * S);
        round.entered("shoes", 0.9, 25 * S);
        assert_eq!((round.rows[1].wrong, round.rows[3].told_in_it, round.rows[3].missed), (1, 3, 0));
        round.arrived(advice, 40 * S);
        round.end();
        assert_eq!((round.rows[3].arrivals, round.rows[3].missed), (2, 0));
    }

    #[test]
    fn whoever_went_on_before_they_called_it_wrong_stays_where_they_are() {
        let mut round = round();
        round.arrived(None, 0);
        round.entered("till", 1.0, 5 * S);
        round.arrived(Some(3), 9 * S);
        round.was_wrong();
        round.entered("shoes", 0.9, 12 * S);
        assert_eq!((round.rows[2].wrong, round.missed_unnamed, round.rows[3].told_in_it), (1, 1, 1));
    }

    #[test]
    fn sure_again_ends_an_arrival_there_and_nowhere_else() {
        let mut round = round();
        round.begins_in("shoes", true);
        round.arrived(Some(0), 0);
        assert_eq!(round.sure("shoes", 0.9, S), "Schuhe: sure again, confidence 0.90");
        round.unsure("shoes", 0.3, 2 * S);
        round.arrived(Some(1), 3 * S);
        assert_eq!(round.sure("shoes", 0.9, 5 * S), "Schuhe: sure again after 2 s, confidence 0.90");
        assert_eq!(round.rows[0].missed, 1);
    }
}
