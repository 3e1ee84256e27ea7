//! What has been measured, kept in a file after each point, so that a survey goes on where it was broken off. Levels of
//! gateways at places, and nothing that says whose tag it was.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cli::{Stop, files};
use crate::config::Config;
use crate::config::site::SiteGateway;
use crate::config::surveyed::LEVELS_DBM;
use crate::exit;
use crate::gateway::zone::survey::{Level, Spot};

/// A shop of three thousand square metres, one point to fifty of them.
pub(super) const MAX_POINTS: usize = 64;

/// Twelve gateways that hear a tag ten times a second for a minute and more; what comes after is not kept.
pub(super) const MAX_READINGS: usize = 10_000;

/// 64 points of 10,000 readings of 20 bytes, in bytes.
const LARGEST_NOTEBOOK: u64 = 16 << 20;

/// A point is measured for no longer than this: whoever stands for minutes sways no less, and each second is judged.
pub(super) const LONGEST: Duration = Duration::from_mins(5);

/// What this version writes.
const VERSION: u32 = 1;

/// A gateway that hangs farther than this from where it did, in metres, was moved, and not only measured again.
const MOVED_M: f64 = 0.25;

/// The longest name of a point, in characters: a line of a terminal holds it and what else is said of it.
const LONGEST_NAME: usize = 40;

/// A survey under way.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Notebook {
    #[serde(rename = "emma-survey")]
    version: u32,
    /// The shop's short name.
    pub(super) site: String,
    /// The gateways that readings count.
    gateways: Vec<String>,
    /// Where each hung when the survey began, in metres, where that was known: right, into the depth, above the floor.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    hung_at_m: BTreeMap<String, [f64; 3]>,
    /// In the order in which they are walked to.
    pub(super) points: Vec<Point>,
}

/// A place to stand.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Point {
    /// What it is called.
    pub(super) name: String,
    /// Metres from the plan's corner, to the right.
    pub(super) x_m: f64,
    /// Metres from the plan's corner, into the depth.
    pub(super) y_m: f64,
    /// What was heard there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) measured: Option<Measured>,
}

/// What was heard at a place.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Measured {
    /// For how long, in milliseconds.
    pub(super) lasting_ms: u32,
    /// Milliseconds from the beginning; which gateway; the level in dBm, as if the tag transmitted -59 dBm at 1 m.
    pub(super) readings: Vec<(u32, usize, f64)>,
}

impl Point {
    /// A point that nobody has been to.
    pub(super) fn new(name: String, x_m: f64, y_m: f64) -> Self {
        Self { name, x_m, y_m, measured: None }
    }

    /// The same, of what somebody wrote.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn checked(name: &str, x_m: f64, y_m: f64, plan_m: (f64, f64)) -> Result<Self, String> {
        check_name(name)?;
        if !(0.0..=plan_m.0).contains(&x_m) || !(0.0..=plan_m.1).contains(&y_m) {
            let (width, depth) = plan_m;
            return Err(format!(
                "[{x_m}, {y_m}] is outside the floor plan, which goes from [0, 0] to [{width}, {depth}]"
            ));
        }
        Ok(Self::new(name.to_owned(), x_m, y_m))
    }
}

/// Where each gateway hangs whose place is known.
fn hang_at_m(config: &Config) -> impl Iterator<Item = (&str, [f64; 3])> {
    let place = |gateway: &SiteGateway| gateway.position_m.map(|(x, y)| [x, y, gateway.height_m]);
    config.site.gateways.iter().filter_map(move |gateway| Some((&*gateway.id, place(gateway)?)))
}

/// Whether a point can be called so.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.contains(|c: char| c.is_control() || c == ',') {
        return Err(format!("a name of a point is 1 to {LONGEST_NAME} characters, none of them a comma"));
    }
    Ok(())
}

impl Notebook {
    /// An empty one.
    pub(super) fn new(config: &Config, points: Vec<Point>) -> Self {
        let gateways = config.site.gateways.iter().map(|gateway| gateway.id.to_string()).collect();
        let hung_at_m = hang_at_m(config).map(|(id, place)| (id.to_owned(), place)).collect();
        Self { version: VERSION, site: config.gateway.site.to_string(), gateways, hung_at_m, points }
    }

    /// What is kept in `path`; nothing where there is no such file.
    ///
    /// # Errors
    /// It cannot be read, or is no survey of this shop.
    pub(super) fn open(path: &Path, config: &Config) -> Result<Option<Self>, Stop> {
        let place = path.display();
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err((exit::NO_INPUT, format!("{place}: {error}"))),
        };
        let mut bytes = Vec::new();
        let read = file.take(LARGEST_NOTEBOOK + 1).read_to_end(&mut bytes);
        read.map_err(|error| (exit::NO_INPUT, format!("{place}: {error}")))?;
        let hint = "move it away, name another with --file, or begin anew with --restart";
        let refuse = |what: String| (exit::DATA, format!("{place}: {what}: {hint}"));
        if bytes.len() as u64 > LARGEST_NOTEBOOK {
            return Err(refuse("it is larger than any survey".to_owned()));
        }
        let mut notebook: Self =
            serde_json::from_slice(&bytes).map_err(|error| refuse(format!("it is no survey of Emma's ({error})")))?;
        notebook.check(config).map_err(refuse)?;
        if notebook.done() == 0 {
            notebook.hung_at_m = hang_at_m(config).map(|(id, place)| (id.to_owned(), place)).collect();
        }
        Ok(Some(notebook))
    }

    fn check(&self, config: &Config) -> Result<(), String> {
        if self.version != VERSION {
            return Err(format!("it is of another version of Emma ({})", self.version));
        }
        if *self.site != *config.gateway.site {
            return Err(format!("it is the survey of another shop, `{}`", self.site.escape_debug()));
        }
        for (id, now) in hang_at_m(config).filter(|_| self.done() > 0) {
            let moved_m = |then: &&[f64; 3]| then.iter().zip(&now).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            if self.hung_at_m.get(id).is_some_and(|then| moved_m(&then) > MOVED_M) {
                return Err(format!("`{id}` hangs elsewhere than when its points were measured, says site.toml"));
            }
        }
        if self.points.len() > MAX_POINTS {
            return Err(format!("it has more than {MAX_POINTS} points"));
        }
        for point in &self.points {
            check_name(&point.name)?;
            let is_sound = |(_, gateway, level_dbm): &(u32, usize, f64)| {
                *gateway < self.gateways.len() && (-200.0..=100.0).contains(level_dbm)
            };
            let readings = point.measured.iter().flat_map(|measured| &measured.readings);
            let is_whole = point.x_m.is_finite() && point.y_m.is_finite() && readings.clone().all(is_sound);
            if !is_whole {
                return Err(format!("its point `{}` is damaged", point.name));
            }
            if point.measured.as_ref().is_some_and(|measured| u128::from(measured.lasting_ms) > LONGEST.as_millis()) {
                return Err(format!("its point `{}` was measured for longer than anybody stands", point.name));
            }
            if readings.count() > MAX_READINGS {
                return Err(format!("its point `{}` has more than {MAX_READINGS} readings", point.name));
            }
        }
        Ok(())
    }

    /// Keeps it; what was there before is there until this is.
    pub(super) fn keep(&self, path: &Path) -> Result<(), Stop> {
        let text = serde_json::to_string(self).map_err(|error| (exit::SOFTWARE, error.to_string()))?;
        let failed = |error: io::Error| (exit::CANNOT_CREATE, format!("{}: {error}", path.display()));
        files::keep(path, &format!("{text}\n")).map_err(failed)
    }

    /// Whether it can be kept in `path`: better told before somebody has walked to a point than after.
    pub(super) fn can_keep(path: &Path) -> Result<(), Stop> {
        let hint = "go to a folder of your own, or name a file there with --file";
        files::can_put(path).map_err(|error| (exit::CANNOT_CREATE, format!("{}: {error}: {hint}", path.display())))
    }

    /// The number under which readings of this gateway are written; one that was not there before has the next.
    pub(super) fn number_of(&mut self, gateway: &str) -> usize {
        self.gateways.iter().position(|known| known == gateway).unwrap_or_else(|| {
            self.gateways.push(gateway.to_owned());
            self.gateways.len() - 1
        })
    }

    /// How many points are measured.
    pub(super) fn done(&self) -> usize {
        self.points.iter().filter(|point| point.measured.is_some()).count()
    }

    /// Each measured point, its readings counted by the gateways of `config`; what others heard is left out.
    pub(super) fn stands(&self, config: &Config) -> Vec<Stand> {
        let ids: Vec<Option<usize>> = self
            .gateways
            .iter()
            .map(|id| config.site.gateways.iter().position(|gateway| *gateway.id == **id))
            .collect();
        let stand = |point: &Point| {
            let measured = point.measured.as_ref()?;
            let known = |(at_ms, gateway, level_dbm): &(u32, usize, f64)| {
                Some((*at_ms, ids.get(*gateway).copied().flatten()?, *level_dbm))
            };
            Some(Stand {
                name: point.name.clone(),
                place_m: (point.x_m, point.y_m),
                lasting_ms: measured.lasting_ms,
                readings: measured.readings.iter().filter_map(known).collect(),
            })
        };
        self.points.iter().filter_map(stand).collect()
    }
}

/// A measured point, its gateways counted as in site.toml.
#[derive(Clone, Debug)]
pub(super) struct Stand {
    pub(super) name: String,
    pub(super) place_m: (f64, f64),
    pub(super) lasting_ms: u32,
    /// In order of time.
    pub(super) readings: Vec<(u32, usize, f64)>,
}

impl Stand {
    /// What a fit asks of it: the mean of each gateway.
    pub(super) fn spot(&self) -> Spot {
        Spot { place_m: self.place_m, levels: levels(&self.readings) }
    }
}

/// Whether site.toml can hold what was heard. It cannot of a tag that transmits otherwise than it says.
pub(super) fn are_possible(readings: &[(u32, usize, f64)]) -> bool {
    levels(readings).iter().all(|level| LEVELS_DBM.contains(&level.level_dbm))
}

fn levels(readings: &[(u32, usize, f64)]) -> Vec<Level> {
    let mut sums: BTreeMap<usize, (f64, u32)> = BTreeMap::new();
    for (_, gateway, level_dbm) in readings {
        let (sum, count) = sums.entry(*gateway).or_default();
        (*sum, *count) = (*sum + level_dbm, *count + 1);
    }
    let level =
        |(gateway, (sum, count)): (usize, (f64, u32))| Level { gateway, level_dbm: sum / f64::from(count), count };
    sums.into_iter().map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::shipped;

    #[test]
    fn what_is_kept_is_read_again_and_rubbish_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("survey.json");
        assert_eq!(Notebook::open(&path, &shipped()).unwrap(), None);
        let mut notebook = Notebook::new(&shipped(), vec![Point::new("centre".to_owned(), 6.0, 4.0)]);
        let shoes = notebook.number_of("gw-shoes");
        let gone = notebook.number_of("gw-of-last-year");
        let readings = vec![(10, shoes, -60.0), (20, gone, -50.0), (30, shoes, -62.0)];
        notebook.points[0].measured = Some(Measured { lasting_ms: 20_000, readings });
        notebook.keep(&path).unwrap();
        let read = Notebook::open(&path, &shipped()).unwrap().unwrap();
        assert_eq!((&read, read.done()), (&notebook, 1));
        let levels = read.stands(&shipped())[0].spot().levels;
        assert_eq!(levels, [Level { gateway: 1, level_dbm: -61.0, count: 2 }]);
        let text = std::fs::read_to_string(&path).unwrap();
        for end in 0..text.len() - 2 {
            std::fs::write(&path, &text[..end]).unwrap();
            assert_eq!(Notebook::open(&path, &shipped()).unwrap_err().0, exit::DATA, "{end}");
        }
        for (from, to) in [
            ("-60.0", "1e300"),
            (":20000", ":4000000000"),
            ("\"emma-survey\":1", "\"emma-survey\":2"),
            ("corner", "other"),
            ("centre", ""),
        ] {
            std::fs::write(&path, text.replace(from, to)).unwrap();
            let (code, told) = Notebook::open(&path, &shipped()).unwrap_err();
            assert!(code == exit::DATA && told.contains("--restart"), "{told}");
        }
        std::fs::write(&path, &text).unwrap();
        let mut moved = shipped();
        moved.site.gateways[1].position_m = Some((1.0, 1.0));
        let (code, told) = Notebook::open(&path, &moved).unwrap_err();
        assert!(code == exit::DATA && told.contains("`gw-shoes` hangs elsewhere"), "{told}");
    }
}
