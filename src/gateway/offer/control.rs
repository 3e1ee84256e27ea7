//! Control groups: the customers who agreed to be measured and, by chance, hear nothing of a campaign.

use crate::config::offers::Campaign;
use crate::gateway::consent::Consent;
use crate::gateway::key::Key;

/// Whether this customer is in the campaign's control group: always or never for the two of them, without a list of
/// anybody. Who did not agree to be measured is in none.
pub(super) fn is_ghost(campaign: &Campaign, consent: &Consent, key: &Key) -> bool {
    if campaign.control_share <= 0.0 || !consent.purposes.lift_measurement {
        return false;
    }
    let digest = key.digest(&[b"control", consent.customer.as_str().as_bytes(), campaign.id.as_bytes()]);
    let lot = u32::from_be_bytes(digest.first_chunk().copied().unwrap_or_default());
    f64::from(lot) < campaign.control_share * (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::shipped;
    use crate::gateway::consent::record;

    fn consent(customer: &str, purposes: &str) -> Consent {
        let line = format!(
            r#"{{"customer":"{customer}","epoch":1,"tier":"contextual","purposes":[{purposes}],
            "identifiers":[{{"ibeacon":{{"uuid":"f7826da6-4fa2-4e98-8024-bc5b71e0893e","major":1,"minor":2}}}}],
            "valid_from":"2026-01-01T00:00:00Z","valid_until":"2027-01-01T00:00:00Z"}}"#
        );
        let record::Record::Grant(record) = record::parse(&line).unwrap() else { panic!("a grant") };
        record.check().unwrap()
    }

    #[test]
    fn the_share_is_kept_and_nobody_is_drawn_who_did_not_agree() {
        let mut campaign = shipped().offers.campaigns[0].clone();
        campaign.control_share = 0.25;
        let key = Key::new([3; 32]);
        let agreed = |n| consent(&format!("c{n}"), r#""offers","lift-measurement""#);
        let drawn = (0..4_000).filter(|n| is_ghost(&campaign, &agreed(*n), &key)).count();
        assert!((900..1_100).contains(&drawn), "{drawn} of 4,000");
        campaign.control_share = 1.0;
        assert!(!is_ghost(&campaign, &consent("c1", r#""offers""#), &key));
    }
}
