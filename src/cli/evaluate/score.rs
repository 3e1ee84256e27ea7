//! What was counted, and what follows from it (what each number means stands in `docs/evaluate.md`).

/// Confidences are told apart in tenths.
const BINS: usize = 10;

/// Everything that was counted, over all customers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Score {
    /// Every second and entry, those whose motion nobody knows included.
    pub(super) all: Group,
    pub(super) walking: Group,
    pub(super) at_rest: Group,
    /// True moves from one zone, or from none, into another.
    pub(super) moves: u32,
    /// How long after a true move it was announced, for those that were.
    pub(super) delays_secs: Vec<u32>,
    /// True stays that are long enough for an offer.
    pub(super) stays: u32,
    /// … in which their zone was announced.
    pub(super) stays_announced: u32,
    /// Seconds in which a `near` zone was announced, of which a point on the plan says nothing.
    pub(super) unjudged_secs: u64,
    /// By the zone's place in zones.toml.
    pub(super) zones: Vec<ZoneScore>,
}

/// How one zone fared, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ZoneScore {
    /// Truly in it.
    pub(super) there: u64,
    /// It was announced.
    pub(super) announced: u64,
    /// Both.
    pub(super) right: u64,
}

/// Seconds and entries of one kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Group {
    pub(super) secs: u64,
    /// Seconds truly in some zone.
    pub(super) zone_secs: u64,
    /// Seconds in which some zone was announced.
    pub(super) announced_secs: u64,
    /// … while truly in some zone.
    pub(super) covered_secs: u64,
    /// … and in this one.
    pub(super) right_secs: u64,
    forced: Share,
    forced_far: Share,
    /// Entries at rest in one true zone, after the first.
    pub(super) flaps: u32,
    bins: [Bin; BINS],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Share {
    of: u64,
    right: u64,
}

impl Share {
    fn count(&mut self, is_right: bool) {
        self.of += 1;
        self.right += u64::from(is_right);
    }

    fn get(self) -> Option<f64> {
        ratio(self.right, self.of)
    }
}

/// What was said with a confidence of one tenth.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Bin {
    share: Share,
    confidence_sum: f64,
}

impl Score {
    /// Counts in all, and in walking or at rest.
    pub(super) fn each(&mut self, is_at_rest: Option<bool>, count: impl Fn(&mut Group)) {
        count(&mut self.all);
        match is_at_rest {
            Some(true) => count(&mut self.at_rest),
            Some(false) => count(&mut self.walking),
            None => {}
        }
    }

    /// One second truly in `zone`, while `announced` was.
    pub(super) fn zone_second(&mut self, zone: Option<usize>, announced: Option<usize>) {
        let is_right = zone.is_some() && zone == announced;
        if let Some(score) = zone.and_then(|zone| self.zones.get_mut(zone)) {
            score.there += 1;
            score.right += u64::from(is_right);
        }
        if let Some(score) = announced.and_then(|zone| self.zones.get_mut(zone)) {
            score.announced += 1;
        }
    }

    /// The delay in seconds below which `share` of those that were announced lie, by nearest rank.
    pub(super) fn delay_secs(&self, share: f64) -> Option<u32> {
        let mut sorted = self.delays_secs.clone();
        sorted.sort_unstable();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank among moves, which are counted in thousands"
        )]
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied()
    }
}

impl Group {
    /// One second truly in `zone`, while `announced` was.
    pub(super) fn second(&mut self, zone: Option<usize>, announced: Option<usize>) {
        self.secs += 1;
        self.zone_secs += u64::from(zone.is_some());
        self.announced_secs += u64::from(announced.is_some());
        self.covered_secs += u64::from(announced.is_some() && zone.is_some());
        self.right_secs += u64::from(announced.is_some() && announced == zone);
    }

    /// One second in which an answer was forced.
    pub(super) fn forced(&mut self, is_right: bool, is_far: bool) {
        self.forced.count(is_right);
        if is_far {
            self.forced_far.count(is_right);
        }
    }

    /// Something was said with `confidence`.
    pub(super) fn assured(&mut self, confidence: f64, is_right: bool) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a tenth; what is not between 0 and 1 goes to the first or last"
        )]
        let index = ((confidence * BINS as f64) as usize).min(BINS - 1);
        if let Some(bin) = self.bins.get_mut(index) {
            bin.share.count(is_right);
            bin.confidence_sum += confidence;
        }
    }

    /// Of what was announced, the share that is right.
    pub(super) fn precision(&self) -> Option<f64> {
        ratio(self.right_secs, self.announced_secs)
    }

    /// Of the seconds in some zone, the share in which something is announced.
    pub(super) fn coverage(&self) -> Option<f64> {
        ratio(self.covered_secs, self.zone_secs)
    }

    /// Of the seconds in some zone, the share that is right when there has to be an answer.
    pub(super) fn forced_share(&self) -> Option<f64> {
        self.forced.get()
    }

    /// … of those far from any edge.
    pub(super) fn forced_far_share(&self) -> Option<f64> {
        self.forced_far.get()
    }

    /// Flaps a minute.
    pub(super) fn flaps_per_minute(&self) -> Option<f64> {
        ratio(u64::from(self.flaps) * 60, self.secs)
    }

    /// How often something was said with a confidence of 0.9 or more, and the share that was right.
    pub(super) fn at_90(&self) -> (u64, Option<f64>) {
        self.bins.last().map_or((0, None), |bin| (bin.share.of, bin.share.get()))
    }

    /// The mean distance between what was said and what came true, weighted by how often it was said.
    pub(super) fn calibration_error(&self) -> Option<f64> {
        let said = as_f64(self.bins.iter().map(|bin| bin.share.of).sum());
        let apart = |bin: &Bin| (bin.confidence_sum - as_f64(bin.share.right)).abs();
        (said > 0.0).then(|| self.bins.iter().map(apart).sum::<f64>() / said)
    }
}

/// `part` of `whole`, or nothing of nothing.
pub(super) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| as_f64(part) / as_f64(whole))
}

#[expect(clippy::cast_precision_loss, reason = "seconds and entries are counted in millions")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_is_held_against_what_came_true() {
        let mut group = Group::default();
        for is_right in [true, true, true, false] {
            group.assured(0.95, is_right);
        }
        group.assured(1.0, true);
        group.assured(0.85, true);
        assert_eq!(group.at_90(), (5, Some(0.8)));
        // |5 × 0.96 - 4| and |0.85 - 1|, of six.
        assert!((group.calibration_error().unwrap() - 0.95 / 6.0).abs() < 1e-9);
        assert_eq!(Group::default().calibration_error(), None);
    }

    #[test]
    fn a_delay_is_a_rank_and_never_a_mean() {
        let score = |delays: &[u32]| Score { delays_secs: delays.to_vec(), ..Score::default() };
        let delays = score(&[9, 1, 5, 3, 7, 2, 8, 4, 6, 50]);
        assert_eq!((delays.delay_secs(0.5), delays.delay_secs(0.9)), (Some(5), Some(9)));
        assert_eq!((score(&[4]).delay_secs(0.9), score(&[]).delay_secs(0.5)), (Some(4), None));
    }
}
