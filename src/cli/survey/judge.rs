//! How good each zone is before and after: at every point, each second, whether the likeliest zone is the true one. With
//! what a survey found, a point is judged by what the others said, so that none of them speaks for itself.

use geo::Area;

use super::notebook::Stand;
use crate::cli::evaluate::ground::Ground;
use crate::cli::evaluate::truth::Place;
use crate::config::Config;
use crate::config::site::SiteGateway;
use crate::config::surveyed::SurveyPoint;
use crate::config::zones::{Shape, Zone};
use crate::gateway::advertisement::GatewayIndex;
use crate::gateway::zone::survey::{Fit, Level, Spot, TooLittle, fit, is_one_place};
use crate::gateway::zone::{Anchor, Floor, Whereabouts, bound};

/// A point is judged from this second on: the first says too little.
const SETTLING_S: u64 = 3;

/// A point nearer than this to where one zone ends and another begins is in either, in metres: nobody stands exactly.
const EDGE_M: f64 = 0.5;

const SECOND_US: u64 = 1_000_000;

/// What a survey comes to.
pub(super) struct Found {
    pub(super) fit: Fit,
    /// By zone, in the order of zones.toml.
    pub(super) zones: Vec<Verdict>,
    /// The points that are in no zone that could be told, or on the edge between two, by name.
    pub(super) beyond: Vec<String>,
    /// Each point was judged by the others; with the fewest points there is no such thing.
    pub(super) is_crossed: bool,
}

/// How good a zone is.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdict {
    /// How many points lie in it.
    pub(super) points: usize,
    /// The seconds that were judged.
    pub(super) secs: u32,
    /// Those in which it was the likeliest, with what site.toml says now and with what was found.
    pub(super) before: u32,
    pub(super) after: u32,
    /// How far off anybody must be placed there, along x and y, in metres; nothing for a `near` zone.
    pub(super) least_error_m: Option<(f64, f64)>,
}

/// Fits, and judges.
///
/// # Errors
/// There is too little to say anything.
pub(super) fn judge(config: &Config, stands: &[Stand]) -> Result<Found, TooLittle> {
    let anchors: Vec<Option<Anchor>> = config.site.gateways.iter().map(SiteGateway::anchor).collect();
    let spots: Vec<Spot> = stands.iter().map(Stand::spot).collect();
    let fitted = fit(&anchors, &spots)?;
    let ground = Ground::new(config);
    let (before, order) = (Floor::new(config), narrowest_first(config));
    let mut found = Found {
        zones: config.zones.zones.iter().map(|zone| blank(zone, &anchors)).collect(),
        beyond: Vec::new(),
        is_crossed: true,
        fit: fitted,
    };
    for (index, stand) in stands.iter().enumerate() {
        let (x_m, y_m) = stand.place_m;
        let place = Place::Point(x_m, y_m);
        let is_told_apart = ground.to_edge_m(place).is_none_or(|metres| metres >= EDGE_M);
        let truth = ground.zone(place).filter(|_| is_told_apart);
        let Some((truth, verdict)) = truth.and_then(|truth| Some((truth, found.zones.get_mut(truth)?))) else {
            found.beyond.push(stand.name.clone());
            continue;
        };
        // What was measured in the same place once more would be the point itself.
        let is_other = |(other, spot): &(usize, &Spot)| *other != index && !is_one_place(spot.place_m, stand.place_m);
        let others: Vec<Spot> = spots.iter().enumerate().filter(is_other).map(|(_, spot)| spot.clone()).collect();
        let of_others = fit(&anchors, &others).ok();
        found.is_crossed &= of_others.is_some();
        let after = match &of_others {
            Some(of_others) => Floor::new(&with(config, of_others, &others)),
            None => Floor::new(&with(config, &found.fit, &spots)),
        };
        let (right, secs) = right_seconds(&before, &order, stand, truth);
        verdict.points += 1;
        verdict.secs += secs;
        verdict.before += right;
        verdict.after += right_seconds(&after, &order, stand, truth).0;
    }
    Ok(found)
}

fn blank(zone: &Zone, anchors: &[Option<Anchor>]) -> Verdict {
    let anchors: Vec<Anchor> = anchors.iter().flatten().copied().collect();
    let least_error_m = match &zone.shape {
        Shape::Polygon(polygon) => Some(bound::least_error_m(polygon, &anchors)),
        Shape::Near { .. } => None,
    };
    Verdict { least_error_m, ..Verdict::default() }
}

/// The shop as it would be with what was found; a gateway that heard nothing stays as it is.
fn with(config: &Config, fit: &Fit, spots: &[Spot]) -> Config {
    let mut config = config.clone();
    config.site.path_loss = fit.path_loss;
    for (gateway, offset_db) in config.site.gateways.iter_mut().zip(&fit.offsets_db) {
        gateway.offset_db = offset_db.map_or(gateway.offset_db, |offset_db| offset_db.value);
    }
    config.site.survey_points = agreeing(fit, spots).map(survey_point).collect();
    config
}

/// The points that do not contradict the others: what shelves do is not learned from somebody who stood elsewhere.
pub(super) fn agreeing<'a, T>(fit: &Fit, all: &'a [T]) -> impl Iterator<Item = &'a T> {
    all.iter().zip(&fit.spots).filter(|(_, (_, contradicts))| !contradicts).map(|(one, _)| one)
}

fn survey_point(spot: &Spot) -> SurveyPoint {
    let level = |level: &Level| Some((GatewayIndex(u16::try_from(level.gateway).ok()?), level.level_dbm));
    SurveyPoint { position_m: spot.place_m, levels_dbm: spot.levels.iter().filter_map(level).collect() }
}

/// In how many seconds at a point `truth` was the likeliest zone, and of how many.
fn right_seconds(floor: &Floor, order: &[usize], stand: &Stand, truth: usize) -> (u32, u32) {
    let mut whereabouts = Whereabouts::default();
    let mut readings = stand.readings.iter().peekable();
    let (mut right, mut secs) = (0, 0);
    for second in 1..=u64::from(stand.lasting_ms) / 1_000 {
        let until_us = second * SECOND_US;
        while let Some((at_ms, gateway, level_dbm)) =
            readings.next_if(|(at_ms, ..)| u64::from(*at_ms) * 1_000 < until_us)
        {
            let at_us = u64::from(*at_ms) * 1_000;
            run_until(floor, &mut whereabouts, at_us);
            if let Ok(gateway) = u16::try_from(*gateway) {
                whereabouts.hear(floor, GatewayIndex(gateway), *level_dbm, at_us);
            }
        }
        run_until(floor, &mut whereabouts, until_us);
        if second >= SETTLING_S {
            secs += 1;
            right += u32::from(likeliest(floor, order, &whereabouts) == Some(truth));
        }
    }
    (right, secs)
}

fn run_until(floor: &Floor, whereabouts: &mut Whereabouts, until_us: u64) {
    while let Some(due_us) = whereabouts.due_us(floor).filter(|due_us| *due_us <= until_us) {
        whereabouts.tick(floor, due_us);
    }
}

/// The zone that has to be named if one has to: the narrowest that holds half of what is believed, since one that lies
/// around it always holds more; else the one that holds most.
fn likeliest(floor: &Floor, narrowest_first: &[usize], whereabouts: &Whereabouts) -> Option<usize> {
    let confidence = |zone: &usize| whereabouts.confidence(floor, *zone);
    let held = narrowest_first.iter().find(|zone| confidence(zone) >= 0.5);
    let most = || narrowest_first.iter().max_by(|a, b| confidence(a).total_cmp(&confidence(b)));
    held.or_else(|| most().filter(|zone| confidence(zone) > 0.0)).copied()
}

/// The drawn zones, by their places in zones.toml.
fn narrowest_first(config: &Config) -> Vec<usize> {
    let area = |(index, zone): (usize, &Zone)| match &zone.shape {
        Shape::Polygon(polygon) => Some((index, polygon.unsigned_area())),
        Shape::Near { .. } => None,
    };
    let mut zones: Vec<(usize, f64)> = config.zones.zones.iter().enumerate().filter_map(area).collect();
    zones.sort_by(|a, b| a.1.total_cmp(&b.1));
    zones.into_iter().map(|(index, _)| index).collect()
}
