//! How right the announced zones are: the maths of the goals' table, by itself.
//!
//! Judged at each whole second: what was announced then against where the device truly was.

#![allow(dead_code, reason = "each test uses a part of it")]

/// What was said and what was true in one second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Second {
    /// The zone announced, from `entered` or `sure` until `unsure`, `left` or another zone.
    pub(crate) announced: Option<usize>,
    /// The answer if there had to be one.
    pub(crate) forced: Option<usize>,
    /// How sure the engine was of the zone that it thought likeliest, and whether it was that one.
    pub(crate) likeliest: Option<(f64, bool)>,
    /// The true zone.
    pub(crate) truth: usize,
    /// Whether a zone's edge is within 1.5 m.
    pub(crate) near_an_edge: bool,
}

/// Seconds of several recordings, and entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Score {
    seconds: usize,
    announced: usize,
    right: usize,
    forced: [usize; 2],
    forced_of: [usize; 2],
    flaps: usize,
    delays_s: Vec<f64>,
    missed: usize,
    likeliest: Vec<(f64, bool)>,
    /// Entries: how sure, and whether it was so.
    pub(crate) entries: Vec<(f64, bool)>,
}

impl Score {
    /// Adds one recording, second by second.
    pub(crate) fn add(&mut self, recording: &[Second]) {
        let (mut last_said, mut pending) = (None, None::<(usize, usize)>);
        for (at, second) in recording.iter().enumerate() {
            self.seconds += 1;
            self.announced += usize::from(second.announced.is_some());
            self.right += usize::from(second.announced == Some(second.truth));
            for (which, counts) in [true, !second.near_an_edge].into_iter().enumerate().filter(|(_, counts)| *counts) {
                self.forced_of[which] += usize::from(counts);
                self.forced[which] += usize::from(second.forced == Some(second.truth));
            }
            self.likeliest.extend(second.likeliest);
            if let Some(said) = second.announced {
                self.flaps += usize::from(last_said.is_some_and(|last| last != said));
                last_said = Some(said);
            }
            if at > 0 && recording[at - 1].truth != second.truth {
                self.missed += usize::from(pending.is_some());
                pending = Some((at, second.truth));
            }
            if let Some((since, zone)) = pending
                && second.announced == Some(zone)
            {
                self.delays_s.push(float(at - since));
                pending = None;
            }
        }
        self.missed += usize::from(pending.is_some());
    }

    /// Of the announced seconds, how many in a hundred are right.
    pub(crate) fn precision(&self) -> f64 {
        percent(self.right, self.announced)
    }

    /// Of all seconds, how many in a hundred are announced.
    pub(crate) fn coverage(&self) -> f64 {
        percent(self.announced, self.seconds)
    }

    /// Right when an answer is forced, in a hundred: all seconds, and those with no edge within 1.5 m.
    pub(crate) fn forced(&self) -> [f64; 2] {
        [percent(self.forced[0], self.forced_of[0]), percent(self.forced[1], self.forced_of[1])]
    }

    /// Changes from one announced zone to another, a minute.
    pub(crate) fn flaps_a_minute(&self) -> f64 {
        float(self.flaps) * 60.0 / float(self.seconds.max(1))
    }

    /// Seconds from a true move to the first that announces it: median and nine in ten; and how many never were.
    pub(crate) fn delay_s(&self) -> (f64, f64, usize) {
        let mut delays = self.delays_s.clone();
        delays.sort_by(f64::total_cmp);
        let at = |tenths: usize| delays.get((delays.len().max(1) - 1) * tenths / 10).copied().unwrap_or(f64::NAN);
        (at(5), at(9), self.missed)
    }

    /// The expected calibration error, in ten bins.
    pub(crate) fn calibration_error(&self) -> f64 {
        let error = |bin: usize| {
            let of_bin =
                |(sure, _): &&(f64, bool)| (0..9).find(|bin| *sure * 10.0 < float(bin + 1)).unwrap_or(9) == bin;
            self.likeliest
                .iter()
                .filter(of_bin)
                .map(|(sure, right)| sure - f64::from(u8::from(*right)))
                .sum::<f64>()
                .abs()
        };
        (0..10).map(error).sum::<f64>() / float(self.likeliest.len().max(1))
    }

    /// Of the entries at a confidence of at least 0.9: how many were right, and how many there were.
    pub(crate) fn sure_entries(&self) -> (usize, usize) {
        let sure = || self.entries.iter().filter(|(sure, _)| *sure >= 0.9);
        (sure().filter(|(_, right)| *right).count(), sure().count())
    }
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * float(part) / float(whole.max(1))
}

#[allow(clippy::cast_precision_loss, reason = "there are few seconds")]
fn float(count: usize) -> f64 {
    count as f64
}
