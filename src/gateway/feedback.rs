//! What a customer says back about an offer, and what it means for what is said next.

use super::stance::Signal;
use crate::config::Name;

/// The kinds of feedback; the words of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It was shown.
    Displayed,
    /// It was opened.
    Opened,
    /// Its coupon was redeemed.
    Redeemed,
    /// It was wiped away.
    Dismissed,
    /// No more of this.
    NoMore,
    /// More of this.
    More,
    /// It was helpful.
    Helpful,
    /// Not now.
    Snooze,
    /// Nothing any more.
    Stop,
    /// Why was it made?
    Why,
}

/// What was said back about one offer so far, in whichever of its copies; each kind once, however often it is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard(pub u16);

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Displayed,
        Self::Opened,
        Self::Redeemed,
        Self::Dismissed,
        Self::NoMore,
        Self::More,
        Self::Helpful,
        Self::Snooze,
        Self::Stop,
        Self::Why,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Displayed => "displayed",
            Self::Opened => "opened",
            Self::Redeemed => "redeemed",
            Self::Dismissed => "dismissed",
            Self::NoMore => "no-more",
            Self::More => "more",
            Self::Helpful => "helpful",
            Self::Snooze => "snooze",
            Self::Stop => "stop",
            Self::Why => "why",
        }
    }

    /// The kind that `word` names.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether it asks to be told less. A no is heeded however often it is said: it may have been taken back in between.
    fn is_no(self) -> bool {
        matches!(self, Self::NoMore | Self::Snooze | Self::Stop)
    }

    fn bit(self) -> u16 {
        match self {
            Self::Displayed => 1,
            Self::Opened => 1 << 1,
            Self::Redeemed => 1 << 2,
            Self::Dismissed => 1 << 3,
            Self::NoMore => 1 << 4,
            Self::More => 1 << 5,
            Self::Helpful => 1 << 6,
            Self::Snooze => 1 << 7,
            Self::Stop => 1 << 8,
            // Asking changes nothing, and may be asked again.
            Self::Why => 0,
        }
    }
}

impl Heard {
    /// With this kind as well; nothing where it was heard before and needs no heeding again.
    pub fn with(self, kind: Kind) -> Option<Self> {
        (self.0 & kind.bit() == 0 || kind.is_no()).then_some(Self(self.0 | kind.bit()))
    }

    /// Each kind that was heard.
    pub fn kinds(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.0 & kind.bit() != 0)
    }

    /// Whether it was taken up.
    fn is_engaged(self) -> bool {
        [Kind::Opened, Kind::Redeemed, Kind::Helpful, Kind::More].iter().any(|kind| self.0 & kind.bit() != 0)
    }

    /// Whether it was turned down.
    pub fn is_dismissed(self) -> bool {
        [Kind::Dismissed, Kind::NoMore].iter().any(|kind| self.0 & kind.bit() != 0)
    }

    /// What it means that an offer about `matter` ended now: one that was shown and of which nothing more was heard was
    /// ignored.
    pub fn at_the_end(self, matter: &Name) -> Option<Signal> {
        (self == Self(Kind::Displayed.bit())).then(|| Signal::Ignored(matter.clone()))
    }
}

/// What a kind of feedback says, about an offer of which `heard` was heard before. `snooze_until_us` is when a snooze ends
/// (wall), `epoch` that of the consent in force. Of one offer the first word says whether it was taken up.
pub fn signal(kind: Kind, heard: Heard, matter: &Name, snooze_until_us: i64, epoch: u64) -> Option<Signal> {
    let signal = match kind {
        // One offer is taken up once: opened and then redeemed is not two.
        Kind::Opened | Kind::Redeemed | Kind::Helpful => (!heard.is_engaged()).then(|| Signal::Engaged(matter.clone())),
        Kind::Dismissed => Some(Signal::Dismissed(matter.clone())),
        Kind::NoMore => Some(Signal::NoMore(matter.clone())),
        Kind::More => Some(Signal::More(matter.clone())),
        Kind::Snooze => Some(Signal::Snooze(snooze_until_us)),
        Kind::Stop => Some(Signal::Stop(epoch)),
        Kind::Displayed | Kind::Why => None,
    };
    let is_known = heard.is_engaged() || heard.is_dismissed();
    signal.map(|signal| if is_known { Signal::Besides(Box::new(signal)) } else { signal })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_heard_once_but_for_asking_and_for_a_no() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of(kind.as_str()), Some(kind));
            let once = Heard::default().with(kind).unwrap();
            let again = matches!(kind, Kind::NoMore | Kind::Snooze | Kind::Stop | Kind::Why);
            assert_eq!(once.with(kind), again.then_some(once));
        }
        assert_eq!(Kind::of("liked"), None);
    }

    #[test]
    fn what_was_shown_and_nothing_more_was_ignored() {
        let shown = Heard::default().with(Kind::Displayed).unwrap();
        assert_eq!(shown.at_the_end(&"shoes".into()), Some(Signal::Ignored("shoes".into())));
        assert_eq!(shown.with(Kind::Opened).unwrap().at_the_end(&"shoes".into()), None);
        assert_eq!(Heard::default().at_the_end(&"shoes".into()), None, "nobody knows whether it was shown");
    }

    #[test]
    fn an_offer_is_taken_up_once() {
        let matter: Name = "shoes".into();
        let opened = Heard::default().with(Kind::Opened).unwrap();
        assert_eq!(signal(Kind::Opened, Heard::default(), &matter, 0, 1), Some(Signal::Engaged("shoes".into())));
        assert_eq!(signal(Kind::Redeemed, opened, &matter, 0, 1), None);
    }
}
