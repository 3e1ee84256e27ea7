//! How long the ledger keeps what: as long as a cap can look back, and no longer.

use crate::config::Config;
use crate::config::promise::{Cap, Caps};
use crate::config::span::Span;
use crate::gateway::consent::lease::Beats;
use crate::gateway::consent::{Consent, CustomerId};

/// A calendar month has 31 days at the most, and clocks go back an hour in some.
const MONTH_US: u64 = (31 * 24 + 1) * 3_600_000_000;

/// A floor under every retention: a window that is lengthened by a reload finds a month to look back on.
const AT_LEAST_US: u64 = 31 * 86_400_000_000;

/// How long, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Deliveries; nothing is for as long as the consent is remembered.
    pub deliveries_us: Option<u64>,
    /// A consent that has ended, and all that is its customer's: as far as a cap of the shop looks back that has an end, and a
    /// month at the least. So whoever is told anew on their next visit, week by week, finds the caps, and what they said no
    /// to, as they left them; an offer that holds and a word about it have their time; and when it goes, no window of the
    /// promise can look back on anything.
    pub ended_us: u64,
    /// The hashes of those who were forgotten: the promise's longest customer window or gap.
    pub forgotten_us: u64,
}

impl Kept {
    /// The same for this customer, as they are told of it: what ended is kept for as long as a cap of their own looks back.
    #[must_use]
    pub fn of(self, consent: Option<&Consent>) -> Self {
        Self { ended_us: consent.map_or(self.ended_us, |consent| self.after_the_end_us(consent)), ..self }
    }

    /// How long this consent is remembered after its end: a cap that its customer set themselves may look back further.
    fn after_the_end_us(&self, consent: &Consent) -> u64 {
        let mut longest = Longest::of(self.ended_us);
        longest.all(&consent.caps);
        longest.us
    }
}

/// What a configuration and the consents under it need.
pub fn kept<'a>(config: &Config, consents: impl Iterator<Item = &'a Consent>) -> Kept {
    let mut longest = Longest::of(AT_LEAST_US);
    longest.all(&config.promise.caps);
    config.offers.campaigns.iter().for_each(|campaign| longest.list(&campaign.caps));
    let ended_us = longest.us;
    for consent in consents {
        longest.all(&consent.caps);
        longest.is_endless |= consent.budget.is_some();
    }
    let customer = config.promise.caps.customer.iter().filter_map(|cap| cap.per);
    let promised = customer.chain(config.promise.caps.gap).map(micros).max();
    let deliveries_us = (!longest.is_endless).then_some(longest.us);
    Kept { deliveries_us, ended_us, forgotten_us: promised.unwrap_or(0) }
}

/// Whose consent, held by these beats, ended so long before `now_us` (wall, believed) that nothing of them is kept any longer.
pub fn over<'a>(
    consents: impl Iterator<Item = &'a Consent>,
    beats: Beats,
    kept: &Kept,
    now_us: i64,
) -> Vec<CustomerId> {
    let is_over =
        |consent: &&Consent| consent.ends_us(beats).saturating_add_unsigned(kept.after_the_end_us(consent)) <= now_us;
    // What came back with a restored ledger has no end that anybody knows; it is let go when the wait after the restore is over.
    let known = consents.filter(|consent| !consent.is_unconfirmed());
    known.filter(is_over).map(|consent| consent.customer.clone()).collect()
}

/// The longest window so far of those that end, and whether there is one that does not.
struct Longest {
    us: u64,
    is_endless: bool,
}

impl Longest {
    fn of(us: u64) -> Self {
        Self { us, is_endless: false }
    }

    fn all(&mut self, caps: &Caps) {
        for list in [&caps.customer, &caps.campaign, &caps.category, &caps.zone, &caps.site, &caps.service] {
            self.list(list);
        }
        self.us = self.us.max(caps.gap.map_or(0, micros));
    }

    fn list(&mut self, caps: &[Cap]) {
        for cap in caps {
            self.us = self.us.max(cap.per.map_or(0, micros));
            self.is_endless |= cap.per.is_none();
        }
    }
}

fn micros(span: Span) -> u64 {
    match span {
        Span::Micros(us) => us,
        Span::Months(months) => u64::from(months).saturating_mul(MONTH_US),
    }
}
