//! What a survey comes to, in words and as JSON.

use std::cmp::Ordering;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::judge::{Found, Verdict};
use crate::config::Config;
use crate::config::zones::Zone;
use crate::gateway::zone::PathLoss;
use crate::gateway::zone::survey::{EXPONENTS, Estimate, Fit};

/// Fewer places than this speak of no gateway in particular.
const FEW_PLACES: usize = 3;

/// In fewer judged seconds than this nothing can be said of zones: two points of 20 s.
const FEWEST_SECS: u32 = 30;

/// An exponent that is known no better than this, as one standard error, is mostly assumed.
const VAGUE_EXPONENT: f64 = 0.4;

/// An exponent so near to the end of what is allowed is held there.
const ROUNDED: f64 = 0.005;

/// Fewer points than these are nearly as good, and no more than that (zones, "Calibration").
const ENOUGH_POINTS: usize = 9;

/// Fewer gateways than these tell polygons badly, surveyed or not.
const ENOUGH_GATEWAYS: usize = 4;

/// Seconds at one point are alike: a smaller share of all of them says nothing.
const CLOSE: f64 = 0.05;

/// What is told of a survey.
pub(super) struct Report<'a> {
    pub(super) config: &'a Config,
    pub(super) found: &'a Found,
    /// By point: what it is called.
    pub(super) names: Vec<String>,
    /// By gateway: at how many points it heard the tag.
    pub(super) heard_at: Vec<usize>,
}

impl Report<'_> {
    fn language(&self) -> Option<&str> {
        self.config.site.language.as_deref()
    }

    fn fit(&self) -> &Fit {
        &self.found.fit
    }

    fn zones(&self) -> impl Iterator<Item = (&Zone, &Verdict)> {
        self.config.zones.zones.iter().zip(&self.found.zones)
    }

    /// Seconds that were judged, and those that were right before and after.
    fn sums(&self) -> (u32, u32, u32) {
        let add = |(secs, before, after): (u32, u32, u32), zone: &Verdict| {
            (secs + zone.secs, before + zone.before, after + zone.after)
        };
        self.found.zones.iter().fold((0, 0, 0), add)
    }

    /// Whether zones are told better with what was found, as far as the points say; nothing where they do not.
    pub(super) fn better(&self) -> Option<Ordering> {
        let (secs, before, after) = self.sums();
        let is_close = f64::from(before.abs_diff(after)) < CLOSE * f64::from(secs);
        (secs >= FEWEST_SECS).then(|| if is_close { Ordering::Equal } else { after.cmp(&before) })
    }

    /// The whole page.
    pub(super) fn page(&self) -> String {
        let mut page = String::new();
        self.gateways(&mut page);
        self.path_loss(&mut page);
        self.zone_table(&mut page);
        for remark in self.remarks() {
            // Writing to a text cannot fail.
            writeln!(page, "- {remark}").unwrap_or_default();
        }
        writeln!(page, "{}", self.verdict()).unwrap_or_default();
        page
    }

    fn gateways(&self, page: &mut String) {
        let points = self.names.len();
        writeln!(page, "{:<24}{:>10}{:>16}   heard the tag at", "Louder than the rest, dB", "now", "found")
            .unwrap_or_default();
        for ((gateway, offset), heard_at) in
            self.config.site.gateways.iter().zip(&self.fit().offsets_db).zip(&self.heard_at)
        {
            let found = offset.map_or_else(|| "-".to_owned(), |offset| with_error(offset, 1));
            let (id, now) = (&gateway.id, signed(gateway.offset_db));
            writeln!(page, "  {id:<22}{now:>10}{found:>16}   {heard_at} of {points} points").unwrap_or_default();
        }
    }

    fn path_loss(&self, page: &mut String) {
        let PathLoss { exponent, at_1m_dbm, sigma_db } = self.config.site.path_loss;
        let fit = self.fit();
        let unsigned =
            |estimate: Estimate, digits| format!("{:.digits$} ± {:.digits$}", estimate.value, estimate.error);
        let rows = [
            ("exponent", format!("{exponent:.2}"), unsigned(fit.exponent, 2)),
            ("level at 1 m, dBm", format!("{at_1m_dbm:.1}"), unsigned(fit.at_1m_dbm, 1)),
            ("levels stray by, dB", format!("{sigma_db:.1}"), format!("{:.1}", fit.path_loss.sigma_db)),
        ];
        writeln!(page, "\n{:<24}{:>10}{:>16}", "Path loss", "now", "found").unwrap_or_default();
        for (what, now, found) in rows {
            writeln!(page, "  {what:<22}{now:>10}{found:>16}").unwrap_or_default();
        }
    }

    fn zone_table(&self, page: &mut String) {
        let names = self.zones().map(|(zone, _)| zone.name_in(self.language()).chars().count());
        let wide = names.max().unwrap_or_default().max(22);
        writeln!(page, "\n{:<1$}{2:>10}{3:>16}", "Right in 100 seconds", wide + 2, "now", "surveyed")
            .unwrap_or_default();
        let of_100 = |right: u32, secs: u32| {
            if secs == 0 { "-".to_owned() } else { format!("{:.0}", 100.0 * f64::from(right) / f64::from(secs)) }
        };
        for (zone, verdict) in self.zones() {
            let name = zone.name_in(self.language());
            let (before, after) = (of_100(verdict.before, verdict.secs), of_100(verdict.after, verdict.secs));
            let why = Self::zone_remark(zone, verdict);
            writeln!(page, "  {name:<wide$}{before:>10}{after:>16}   {why}").unwrap_or_default();
        }
        let (secs, before, after) = self.sums();
        let (before, after) = (of_100(before, secs), of_100(after, secs));
        writeln!(page, "  {:<wide$}{before:>10}{after:>16}\n", "all").unwrap_or_default();
    }

    fn zone_remark(zone: &Zone, verdict: &Verdict) -> String {
        let Some((x_m, y_m)) = verdict.least_error_m else {
            return "near one gateway: a survey changes nothing for it".to_owned();
        };
        if zone.sensitive {
            return "sensitive: nobody is ever placed there, on purpose".to_owned();
        }
        let metres = x_m.max(y_m);
        let points = match verdict.points {
            0 => "no point lies in it".to_owned(),
            1 => "1 point".to_owned(),
            points => format!("{points} points"),
        };
        let places = if metres.is_infinite() {
            "too few gateways to place anybody".to_owned()
        } else {
            format!("placed to {metres:.0} m at best")
        };
        format!("{points}; {places}")
    }

    /// What somebody should know who reads the numbers.
    pub(super) fn remarks(&self) -> Vec<String> {
        let fit = self.fit();
        let mut remarks = Vec::new();
        for (name, (stray_db, contradicts)) in self.names.iter().zip(&fit.spots) {
            if *contradicts {
                remarks.push(format!(
                    "The point `{name}` contradicts the others ({stray_db:.0} dB): was the tag held there, and in that \
                     place? It counts for little. Measure it again."
                ));
            }
        }
        for (gateway, heard_at) in self.config.site.gateways.iter().zip(&self.heard_at) {
            let id = &gateway.id;
            match (gateway.position_m, heard_at) {
                (None, _) => remarks.push(format!("`{id}` has no `position-m` in site.toml: it is left out.")),
                (_, 0) => remarks.push(format!("`{id}` heard the tag nowhere: is it up? Its offset stays as it is.")),
                (_, 1..FEW_PLACES) => remarks.push(format!(
                    "`{id}` heard the tag at {heard_at} of the points: what is found of it is mostly assumed."
                )),
                _ => {}
            }
        }
        let exponent = fit.path_loss.exponent;
        if EXPONENTS.0 + ROUNDED > exponent || exponent > EXPONENTS.1 - ROUNDED {
            remarks.push(format!(
                "The exponent is held at {exponent:.1}, the end of what shops have: are positions and heights in \
                 site.toml right, and was the tag at each point while it was measured?"
            ));
        }
        if fit.exponent.error > VAGUE_EXPONENT {
            remarks.push("The points are alike in their distances, so that the exponent is mostly assumed.".to_owned());
        }
        if self.names.len() < ENOUGH_POINTS {
            let points = self.names.len();
            remarks.push(format!("{points} points say less than nine: measure the others when there is time."));
        }
        let heard = self.heard_at.iter().filter(|heard_at| **heard_at > 0).count();
        if heard < ENOUGH_GATEWAYS {
            remarks.push(format!("Fewer than four gateways ({heard}) tell drawn zones badly, however well surveyed."));
        }
        if !self.found.beyond.is_empty() {
            let names = self.found.beyond.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            remarks
                .push(format!("In no zone, or on the edge between two, so that no zone is judged by them: {names}."));
        }
        if !self.found.is_crossed {
            remarks.push("With so few points each was judged by itself as well, which flatters.".to_owned());
        }
        remarks
    }

    fn verdict(&self) -> String {
        let (secs, before, after) = self.sums();
        match self.better() {
            None if self.found.zones.iter().any(|zone| zone.points > 0) => {
                "The points were measured too briefly to say whether zones are told better with this: 20 s each are meant."
                    .to_owned()
            }
            None => "No point lies in a drawn zone, so that nobody can say whether zones are told better with this."
                .to_owned(),
            Some(Ordering::Equal) => format!(
                "The zones are told about as well with this: right in {after} instead of {before} of {secs} s. What is \
                 measured is better known than what is assumed."
            ),
            Some(Ordering::Greater) => {
                format!("The zones are told better with this: right in {after} instead of {before} of {secs} s.")
            }
            Some(Ordering::Less) => format!(
                "The zones are told worse with this: right in {after} instead of {before} of {secs} s. Better leave \
                 site.toml as it is, and measure again what contradicts the others."
            ),
        }
    }

    /// The same as an object.
    pub(super) fn json(&self, is_written: bool) -> Value {
        let fit = self.fit();
        let estimate = |estimate: Estimate| json!({"value": round(estimate.value), "error": round(estimate.error)});
        let gateways: Vec<Value> = self
            .config
            .site
            .gateways
            .iter()
            .zip(&fit.offsets_db)
            .zip(&self.heard_at)
            .map(|((gateway, offset), heard_at)| {
                json!({
                    "id": *gateway.id, "offset_db_before": gateway.offset_db, "offset_db": offset.map(estimate),
                    "heard_at": heard_at,
                })
            })
            .collect();
        let zones: Vec<Value> = self
            .zones()
            .map(|(zone, verdict)| {
                let finite = |metres: f64| metres.is_finite().then_some(round(metres));
                let least = verdict.least_error_m.map(|(x_m, y_m)| [finite(x_m), finite(y_m)]);
                json!({
                    "id": *zone.id, "points": verdict.points, "judged_secs": verdict.secs,
                    "right_secs_before": verdict.before, "right_secs": verdict.after, "least_error_m": least,
                })
            })
            .collect();
        let points: Vec<Value> = self
            .names
            .iter()
            .zip(&fit.spots)
            .map(|(name, (stray_db, contradicts))| {
                json!({"name": name, "stray_db": round(*stray_db), "contradicts": contradicts})
            })
            .collect();
        let PathLoss { exponent, at_1m_dbm, sigma_db } = self.config.site.path_loss;
        let better = self.better().map(|better| match better {
            Ordering::Less => "no",
            Ordering::Equal => "alike",
            Ordering::Greater => "yes",
        });
        json!({
            "path_loss_before": {"exponent": exponent, "at_1m_dbm": at_1m_dbm, "sigma_db": sigma_db},
            "path_loss": {
                "exponent": estimate(fit.exponent), "at_1m_dbm": estimate(fit.at_1m_dbm),
                "sigma_db": round(fit.path_loss.sigma_db),
            },
            "gateways": gateways, "zones": zones, "points": points, "points_beyond_zones": self.found.beyond,
            "cross_validated": self.found.is_crossed, "better": better, "written": is_written,
        })
    }
}

fn signed(db: f64) -> String {
    format!("{db:+.1}")
}

fn with_error(estimate: Estimate, digits: usize) -> String {
    format!("{:+.digits$} ± {:.digits$}", estimate.value, estimate.error)
}

/// More digits than a survey has are noise.
fn round(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}
