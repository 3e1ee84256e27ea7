//! How long the ledger keeps what: as long as a cap can look back, and no longer.

use crate::config::Config;
use crate::config::promise::{Cap, Caps};
use crate::config::span::Span;
use crate::gateway::consent::Consent;

/// A calendar month has 31 days at the most, and clocks go back an hour in some.
const MONTH_US: u64 = (31 * 24 + 1) * 3_600_000_000;

/// A floor under every retention: a window that is lengthened by a reload finds a month to look back on.
const AT_LEAST_US: u64 = 31 * 86_400_000_000;

/// How long, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Deliveries; nothing is for as long as the consent is remembered.
    pub deliveries_us: Option<u64>,
    /// The hashes of those who were forgotten: the promise's longest customer window or gap.
    pub forgotten_us: u64,
}

/// What a configuration and the consents under it need.
pub fn kept<'a>(config: &Config, consents: impl Iterator<Item = &'a Consent>) -> Kept {
    let mut longest = Longest(Some(AT_LEAST_US));
    longest.all(&config.promise.caps);
    config.offers.campaigns.iter().for_each(|campaign| longest.list(&campaign.caps));
    for consent in consents {
        longest.all(&consent.caps);
        if consent.budget.is_some() {
            longest.0 = None;
        }
    }
    let customer = config.promise.caps.customer.iter().filter_map(|cap| cap.per);
    let promised = customer.chain(config.promise.caps.gap).map(micros).max();
    Kept { deliveries_us: longest.0, forgotten_us: promised.unwrap_or(0) }
}

/// The longest window so far; nothing once one of them never ends.
struct Longest(Option<u64>);

impl Longest {
    fn all(&mut self, caps: &Caps) {
        for list in [&caps.customer, &caps.campaign, &caps.category, &caps.zone, &caps.site, &caps.service] {
            self.list(list);
        }
        if let Some(gap) = caps.gap {
            self.0 = self.0.map(|longest| longest.max(micros(gap)));
        }
    }

    fn list(&mut self, caps: &[Cap]) {
        for cap in caps {
            self.0 = self.0.zip(cap.per).map(|(longest, per)| longest.max(micros(per)));
        }
    }
}

fn micros(span: Span) -> u64 {
    match span {
        Span::Micros(us) => us,
        Span::Months(months) => u64::from(months).saturating_mul(MONTH_US),
    }
}
