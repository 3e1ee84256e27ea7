//! Two consents of one customer held against each other: whether the later lets less happen, or more.

use super::rotating::Rotating;
use super::{Consent, Declared};
use crate::config::promise::{Cap, Caps};

impl Consent {
    /// Whether it lets less be said, or to fewer, than `before` did: what is on its way may rest on what is gone. Of
    /// categories a list and none at all are not compared, since only the configuration knows which are sensitive.
    pub fn narrows(&self, before: &Self) -> bool {
        let keeps = |had: bool, has: bool| has || !had;
        let keeps_categories = self.categories == before.categories
            || !before.categories.is_empty() && holds_all(&self.categories, &before.categories);
        let keeps_recipients = before.inbox().all(|(recipient, inbox)| self.inbox_at(recipient) == Some(inbox));
        let keeps_all = self.tier >= before.tier
            && keeps(before.state.opens(), self.state.opens())
            && keeps(before.purposes.offers, self.purposes.offers)
            && keeps(before.purposes.personalisation, self.purposes.personalisation)
            && keeps(before.adult, self.adult)
            && keeps_categories
            && keeps_recipients;
        !keeps_all
    }

    /// Whether it lets more happen than `before` did. More is another consent, and that has another epoch; less, a longer
    /// lease and what concerns the wording alone may come under the same one. What cannot be measured counts as more.
    pub fn widens(&self, before: &Self) -> bool {
        let is_within = self.tier <= before.tier
            && (before.state.opens() || !self.state.opens())
            && self.purposes_are_within(before)
            && self.sites_are_within(before)
            && self.categories_are_within(before)
            && holds_all(&before.recipients, &self.recipients)
            && (before.adult || !self.adult)
            && self.test == before.test
            && self.devices_are_within(before)
            && self.silence_is_within(before)
            && declared_is_within(self.declared.as_deref(), before.declared.as_deref());
        !is_within
    }

    fn purposes_are_within(&self, before: &Self) -> bool {
        let (now, before) = (self.purposes, before.purposes);
        (before.offers || !now.offers)
            && (before.personalisation || !now.personalisation)
            && (before.lift_measurement || !now.lift_measurement)
    }

    fn sites_are_within(&self, before: &Self) -> bool {
        match (&self.sites, &before.sites) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(now), Some(before)) => holds_all(before, now),
        }
    }

    /// Without a list it is every category that is not sensitive: a list may name one that is, and be more.
    fn categories_are_within(&self, before: &Self) -> bool {
        let is_same_or_fewer = self.categories == before.categories
            || !self.categories.is_empty() && holds_all(&before.categories, &self.categories);
        is_same_or_fewer && holds_all(&self.sensitive, &before.sensitive)
    }

    /// A device that was not named is another way to be recognised; another day's key of rolling ids is not.
    fn devices_are_within(&self, before: &Self) -> bool {
        let is_known = |rotating: &Rotating| before.rotating.iter().any(|known| rotating.may_follow(known));
        holds_all(&before.identifiers, &self.identifiers)
            && holds_all(&before.phones, &self.phones)
            && self.rotating.iter().all(is_known)
    }

    /// Whether whatever kept Emma silent does so still.
    fn silence_is_within(&self, before: &Self) -> bool {
        let (now, was) = (&self.terms, &before.terms);
        let is_as_quiet =
            was.quiet_hours.is_none() || (now.quiet_hours, &now.time_zone) == (was.quiet_hours, &was.time_zone);
        let is_as_scarce = was.budget.is_none_or(|most| now.budget.is_some_and(|budget| budget <= most));
        is_as_quiet && is_as_scarce && caps_hold(&now.caps, &was.caps) && self.paused_until_us >= before.paused_until_us
    }
}

/// Whether every one of `some` is among `all`.
fn holds_all<T: PartialEq>(all: &[T], some: &[T]) -> bool {
    some.iter().all(|one| all.contains(one))
}

/// Whether each cap of `before` is among those of `now`, or a tighter one over the same window.
fn caps_hold(now: &Caps, before: &Caps) -> bool {
    let holds = |now: &[Cap], before: &[Cap]| {
        before.iter().all(|was| now.iter().any(|is| is.per == was.per && is.at_most <= was.at_most))
    };
    before.visit.is_none_or(|most| now.visit.is_some_and(|visit| visit <= most))
        && (before.gap.is_none() || now.gap == before.gap)
        && holds(&now.customer, &before.customer)
        && holds(&now.campaign, &before.campaign)
        && holds(&now.category, &before.category)
        && holds(&now.zone, &before.zone)
        && holds(&now.site, &before.site)
        && holds(&now.service, &before.service)
}

/// Whether nothing is declared that was not.
fn declared_is_within(now: Option<&Declared>, before: Option<&Declared>) -> bool {
    let Some(now) = now else { return true };
    let nothing = Declared::default();
    let before = before.unwrap_or(&nothing);
    holds_all(&before.interests, &now.interests)
        && (now.price_band.is_none() || now.price_band == before.price_band)
        && holds_all(&before.pinned_categories, &now.pinned_categories)
        && holds_all(&before.wishes, &now.wishes)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::gateway::consent::record::{self, Record};

    /// A consent with everything that could be more.
    fn record() -> Value {
        json!({
            "customer": "ann", "epoch": 1, "tier": "contextual", "purposes": ["offers"], "sites": ["hall", "bern"],
            "categories": ["coats", "boots"], "identifiers": [
                {"ibeacon": {"uuid": "f7826da6-4fa2-4e98-8024-bc5b71e0893e", "major": 1, "minor": 2}},
                {"rolling": {"day_key": "0102030405060708090a111213141516", "day": "2026-11-22"}}],
            "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2027-01-01T00:00:00Z",
            "inbox": {"push": "a", "mail": "b"}, "budget": 3, "quiet_hours": ["22:00", "06:00"],
            "caps": {"customer": [{"at_most": 2, "per": "1d"}], "visit": 1, "gap": "2h"},
            "interests": ["hiking"], "wishes": [{"category": "coats"}], "paused_until": "2026-06-01T00:00:00Z",
        })
    }

    fn consent(record: &Value) -> Consent {
        match record::parse(&record.to_string()) {
            Ok(Record::Grant(grant)) => grant.check().unwrap(),
            other => panic!("no grant: {other:?} of {record}"),
        }
    }

    /// The record with `field` set; `null` takes it out.
    fn with(field: &str, value: Value) -> Consent {
        let mut changed = record();
        match value {
            Value::Null => drop(changed.as_object_mut().unwrap().remove(field)),
            value => changed[field] = value,
        }
        consent(&changed)
    }

    #[test]
    fn whatever_allows_more_widens() {
        let before = consent(&record());
        let another = json!({"ibeacon": {"uuid": "f7826da6-4fa2-4e98-8024-bc5b71e0893e", "major": 1, "minor": 3}});
        let wider = [
            ("tier", json!("personal")),
            ("purposes", json!(["offers", "personalisation"])),
            ("purposes", json!(["offers", "lift-measurement"])),
            ("sites", Value::Null),
            ("sites", json!(["hall", "zug"])),
            ("categories", Value::Null),
            ("categories", json!(["coats", "tobacco"])),
            ("inbox", json!({"push": "a", "mail": "b", "other": "c"})),
            ("identifiers", json!([another])),
            ("identifiers", json!([{"phone": {"id": "p1"}}])),
            ("identifiers", json!([{"rolling": {"day_key": "ff02030405060708090a111213141516", "day": "2026-11-22"}}])),
            ("adult", json!(true)),
            ("test", json!(true)),
            ("budget", json!(4)),
            ("budget", Value::Null),
            ("quiet_hours", Value::Null),
            ("quiet_hours", json!(["23:00", "06:00"])),
            ("caps", Value::Null),
            ("caps", json!({"customer": [{"at_most": 3, "per": "1d"}], "visit": 1, "gap": "2h"})),
            ("caps", json!({"customer": [{"at_most": 2, "per": "1d"}], "visit": 2, "gap": "2h"})),
            ("caps", json!({"customer": [{"at_most": 2, "per": "1d"}], "visit": 1})),
            ("interests", json!(["hiking", "skiing"])),
            ("price_band", json!("premium")),
            ("pinned_categories", json!(["boots"])),
            ("wishes", json!([{"category": "boots"}])),
            ("paused_until", Value::Null),
            ("paused_until", json!("2026-05-31T00:00:00Z")),
        ];
        for (field, value) in wider {
            assert!(with(field, value.clone()).widens(&before), "{field}: {value}");
        }
        assert!(before.widens(&before.lapsed(1, 0)), "a consent that lapsed is not taken up again");
    }

    #[test]
    fn less_a_lease_and_wording_do_not_widen() {
        let before = consent(&record());
        let not_wider = [
            ("epoch", json!(1)),
            ("tier", json!("on-request")),
            ("purposes", json!([])),
            ("sites", json!(["hall"])),
            ("categories", json!(["boots"])),
            ("inbox", json!({"push": "another address"})),
            ("identifiers", json!([{"rolling": {"day_key": "ff02030405060708090a111213141516", "day": "2026-11-23"}}])),
            ("valid_until", json!("2028-01-01T00:00:00Z")),
            ("budget", json!(0)),
            (
                "caps",
                json!({"customer": [{"at_most": 1, "per": "1d"}], "visit": 0, "gap": "2h", "zone": [{"at_most": 1}]}),
            ),
            ("interests", Value::Null),
            ("wishes", Value::Null),
            ("language", json!("fr")),
            ("notice", json!({"version": "4"})),
            ("proof", json!("elsewhere")),
            ("state", json!("renewed")),
            ("paused_until", json!("2026-07-01T00:00:00Z")),
        ];
        for (field, value) in not_wider {
            assert!(!with(field, value.clone()).widens(&before), "{field}: {value}");
        }
        assert!(!before.lapsed(1, 0).widens(&before) && before.lapsed(1, 0).narrows(&before));
    }

    #[test]
    fn without_a_list_of_categories_what_was_sensitive_stays_left_out() {
        let before = with("categories", Value::Null);
        assert!(with("categories", json!(["coats"])).widens(&before), "it may be a sensitive one");
        let mut left_out = record();
        left_out.as_object_mut().unwrap().remove("categories");
        left_out["sensitive"] = json!(["tobacco"]);
        let left_out = consent(&left_out);
        assert!(before.widens(&left_out) && !left_out.widens(&before));
    }
}
