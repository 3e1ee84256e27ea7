//! What customers' own signals would say of the gateways: a proposal for whoever surveys the shop, with what it rests on.
//!
//! It never acts. A crowd in one corner drags a gateway's mean wherever that corner's shelves bend it, and nobody knows
//! where a customer truly was. What is kept are sums over everybody, nothing of anyone.

use std::collections::BTreeSet;

/// Groups smaller than this are not reported (semantics, "Restraint, measured").
const FEWEST_VISITS: u32 = 20;

/// What is proposed for one gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// How much more it hears than the map of the shop expects, against the other gateways, in dB.
    pub offset_db: f64,
    /// The standard deviation of that from entry to entry, in dB.
    pub spread_db: f64,
    /// On how many visits it rests, 20 at least.
    pub visits: u32,
    /// Into how many zones they went: from one corner alone nothing is learned of a gateway.
    pub zones: usize,
}

/// Sums, by gateway. 40 bytes and a set of zones each: 64 gateways and 256 zones are below 0.5 MB.
#[derive(Clone, Debug, Default)]
pub struct Proposals {
    sums: Vec<Sum>,
}

#[derive(Clone, Debug, Default)]
struct Sum {
    count: u32,
    mean_db: f64,
    squares_db2: f64,
    visits: u32,
    zones: BTreeSet<usize>,
}

impl Proposals {
    /// Somebody has entered a polygon: by how much each gateway hears more than it should there. `is_first` is whether it
    /// is the first entry of their visit.
    pub fn add(&mut self, zone: usize, residuals_db: &[(usize, f64)], is_first: bool) {
        for (gateway, residual_db) in residuals_db {
            if self.sums.len() <= *gateway {
                self.sums.resize_with(gateway + 1, Sum::default);
            }
            let Some(sum) = self.sums.get_mut(*gateway) else { continue };
            sum.count = sum.count.saturating_add(1);
            sum.visits = sum.visits.saturating_add(u32::from(is_first));
            sum.zones.insert(zone);
            let from_mean_db = residual_db - sum.mean_db;
            sum.mean_db += from_mean_db / f64::from(sum.count);
            sum.squares_db2 += from_mean_db * (residual_db - sum.mean_db);
        }
    }

    /// What is proposed for this gateway, once it rests on enough.
    pub fn of(&self, gateway: usize) -> Option<Proposal> {
        let told = |sum: &&Sum| sum.visits >= FEWEST_VISITS;
        let sum = self.sums.get(gateway).filter(told)?;
        let means: Vec<f64> = self.sums.iter().filter(told).map(|sum| sum.mean_db).collect();
        #[expect(clippy::cast_precision_loss, reason = "there are at most a few dozen gateways")]
        let common_db = means.iter().sum::<f64>() / means.len() as f64;
        Some(Proposal {
            offset_db: sum.mean_db - common_db,
            spread_db: libm::sqrt(sum.squares_db2 / f64::from(sum.count)),
            visits: sum.visits,
            zones: sum.zones.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nineteen_visits_propose_nothing_and_twenty_do_with_their_spread() {
        let mut proposals = Proposals::default();
        for visit in 0..20 {
            assert_eq!(proposals.of(0), None, "{visit}");
            let stray_db = if visit % 2 == 0 { 2.0 } else { -2.0 };
            proposals.add(visit % 3, &[(0, 4.0 + stray_db), (1, 0.0)], true);
            proposals.add(visit % 3, &[(0, 4.0 - stray_db)], false);
        }
        let proposal = proposals.of(0).unwrap();
        assert!((proposal.offset_db - 2.0).abs() < 1e-9 && (proposal.spread_db - 2.0).abs() < 1e-9, "{proposal:?}");
        assert_eq!((proposal.visits, proposal.zones), (20, 3));
        assert_eq!(proposals.of(7), None);
    }
}
