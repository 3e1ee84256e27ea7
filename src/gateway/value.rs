//! Live values for texts, such as the waiting time at the till: they are said while they are fresh, and not a second
//! longer.

use std::collections::BTreeMap;

use crate::config::Name;

/// A value that says it is newer than now by more than this was dated by a wrong clock, in microseconds: clocks of a shop's
/// machines differ by seconds.
const FROM_THE_FUTURE_US: i64 = 60_000_000;

/// The longest that a value can be good for: a day. What holds longer is written into the text.
const LONGEST_GOOD_US: i64 = 86_400_000_000;

/// One value, and until when it may be said.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Value {
    text: Name,
    at_us: i64,
    fresh_until_us: i64,
}

impl Value {
    /// A clock that was set back makes no old value new.
    fn is_fresh(&self, now_us: i64) -> bool {
        self.at_us <= now_us.saturating_add(FROM_THE_FUTURE_US) && now_us < self.fresh_until_us
    }
}

/// The values that texts of the configuration name, and no others.
#[derive(Clone, Debug, Default)]
pub struct Values(BTreeMap<Name, Value>);

/// Why a value is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueRefusal {
    /// No campaign's text names it.
    Unknown,
    /// It is dated later than now.
    FromTheFuture,
    /// A later one is known.
    Older,
}

impl Values {
    /// Takes a value of `at_us` (wall) that is good for `good_for_us`, if `is_named` says that a text names it.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn take(
        &mut self,
        name: &Name,
        text: &Name,
        (at_us, good_for_us): (i64, i64),
        now_us: i64,
        is_named: bool,
    ) -> Result<(), ValueRefusal> {
        if !is_named {
            return Err(ValueRefusal::Unknown);
        }
        if at_us > now_us.saturating_add(FROM_THE_FUTURE_US) {
            return Err(ValueRefusal::FromTheFuture);
        }
        if self.0.get(name).is_some_and(|known| known.at_us > at_us && known.at_us <= now_us) {
            return Err(ValueRefusal::Older);
        }
        let fresh_until_us = at_us.min(now_us).saturating_add(good_for_us.clamp(0, LONGEST_GOOD_US));
        self.0.insert(name.clone(), Value { text: text.clone(), at_us, fresh_until_us });
        Ok(())
    }

    /// Lets go of what no text names any more.
    pub(super) fn keep(&mut self, is_named: impl Fn(&Name) -> bool) {
        self.0.retain(|name, _| is_named(name));
    }

    /// Whether a value may be said at `now_us` (wall).
    pub fn is_fresh(&self, name: &str, now_us: i64) -> bool {
        self.0.get(name).is_some_and(|value| value.is_fresh(now_us))
    }

    /// The text of a value, fresh or not.
    pub fn text(&self, name: &str) -> Option<&Name> {
        self.0.get(name).map(|value| &value.text)
    }

    /// The values that may be said at `now_us` (wall).
    pub fn fresh(&self, now_us: i64) -> BTreeMap<Name, Name> {
        let fresh = self.0.iter().filter(|(_, value)| value.is_fresh(now_us));
        fresh.map(|(name, value)| (name.clone(), value.text.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_said_while_it_is_fresh() {
        let mut values = Values::default();
        let minutes: Name = "till-minutes".into();
        assert_eq!(values.take(&minutes, &"4".into(), (1_000, 500), 1_200, true), Ok(()));
        assert!(!values.is_fresh("till-minutes", 900 - FROM_THE_FUTURE_US), "the clock was set back");
        assert!(values.is_fresh("till-minutes", 1_499) && !values.is_fresh("till-minutes", 1_500));
        assert_eq!(values.take(&minutes, &"9".into(), (900, 5_000), 1_300, true), Err(ValueRefusal::Older));
        assert_eq!(values.text("till-minutes").map(|text| &**text), Some("4"));
    }

    #[test]
    fn a_value_of_tomorrow_and_one_that_nobody_asked_for_are_refused() {
        let mut values = Values::default();
        let name: Name = "x".into();
        let tomorrow_us = 86_400_000_000;
        assert_eq!(values.take(&name, &"1".into(), (tomorrow_us, 1), 0, true), Err(ValueRefusal::FromTheFuture));
        assert_eq!(values.take(&name, &"1".into(), (0, 1), 0, false), Err(ValueRefusal::Unknown));
    }
}
