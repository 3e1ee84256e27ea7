//! What no file can know alone: the five held against each other.
//!
//! A file that cannot be read is not asked, so that its absence is reported once and not at every mention.

use std::collections::BTreeSet;

use super::file::File;
use super::floor::{self, Sharing};
use super::problem::nearest;
use super::promise::{Cap, Caps};
use super::tree::At;
use super::values::check_known;
use super::zones::{Shape, ZoneRead};
use super::{Name, gateway, offers, site, zones};
use crate::gateway::zone::{Anchor, bound};
use geo::{BoundingRect, Polygon};

/// This Pi hangs in this shop.
pub(super) fn gateway_in_site(file: &File<'_>, read: &gateway::Read, gateways: Option<&[Name]>) {
    if let Some((id, at)) = &read.id {
        check_known(file, at, id, gateways, "no gateway of site.toml, though gateway.toml says that this Pi is it");
    }
}

/// Some gateway of this shop can be a remote scanner.
pub(super) fn remotes_in_site(file: &File<'_>, read: &gateway::Read, site: Option<&site::Read>) {
    let (Some(at), Some((own, _)), Some(site)) = (&read.remote_at, &read.id, site) else { return };
    if !site.gateways.iter().any(|(gateway, _)| gateway.scanner.is_some() || gateway.id != *own) {
        file.warning(
            at,
            "site.toml has no gateway but this Pi, so nothing is taken from the scanners of [[remote]]",
            "write a [[gateway]] for each in site.toml; its `id`, or its `scanner`, is the name it publishes under",
        );
    }
}

/// What zones mention exists.
pub(super) fn zones_in_offers(file: &File<'_>, read: &zones::Read, categories: Option<&[Name]>) {
    for (category, at) in read.zones.iter().flat_map(|zone| &zone.categories) {
        check_known(file, at, category, categories, "no category of offers.toml");
    }
}

/// What campaigns mention exists, and somebody can be there.
pub(super) fn offers_in_zones(file: &File<'_>, read: &offers::Read, zones: Option<&zones::Read>) {
    let categories = (!file.has_gaps()).then(|| read.category_ids());
    let ids = zones.map(zones::Read::ids);
    for campaign in &read.campaigns {
        if let Some((category, at)) = &campaign.category {
            check_known(file, at, category, categories.as_deref(), "no category of this file");
        }
        for (zone, at) in &campaign.zones {
            check_known(file, at, zone, ids.as_deref(), "no zone of zones.toml");
            let is_sensitive = |read: &ZoneRead| read.sensitive && read.id.as_ref() == Some(zone);
            if zones.is_some_and(|zones| zones.zones.iter().any(is_sensitive)) {
                file.error(
                    at,
                    format!("`{zone}` is sensitive: nobody is placed there, so nothing can be said there"),
                    "take it out of `zones`",
                );
            }
        }
    }
}

/// What a text calls the nearest of its kind is somewhere, and may be named.
pub(super) fn kinds_in_zones(file: &File<'_>, read: &offers::Read, zones: Option<&zones::Read>) {
    let Some(zones) = zones else { return };
    let named = zones.zones.iter().filter(|zone| !zone.sensitive);
    let kinds: BTreeSet<Name> = named.filter_map(|zone| zone.kind.clone()).collect();
    for (kind, at) in read.campaigns.iter().flat_map(|campaign| &campaign.named.nearest) {
        if kinds.contains(kind) {
            continue;
        }
        let hint = match nearest(kind, kinds.iter().map(|kind| &**kind)) {
            Some(near) => format!("write `{{nearest.{near}}}`"),
            None if kinds.is_empty() => format!("write `kind = \"{kind}\"` at such a zone in zones.toml"),
            None => {
                let some: Vec<&str> = kinds.iter().take(8).map(|kind| &**kind).collect();
                format!("known kinds are: {}", some.join(", "))
            }
        };
        let is_sensitive = zones.zones.iter().any(|zone| zone.kind.as_ref() == Some(kind));
        let what = if is_sensitive {
            format!("`{{nearest.{kind}}}`: every zone of that kind is sensitive, and those are never named")
        } else {
            format!("`{{nearest.{kind}}}`: no zone of zones.toml has that `kind`")
        };
        file.error(at, what, hint);
    }
}

/// Campaigns tighten the promise; one that is looser does not do what its author thinks.
pub(super) fn offers_in_promise(file: &File<'_>, read: &offers::Read, promise: &Caps) {
    for campaign in &read.campaigns {
        // A service message is counted apart from offers.
        let promised = if campaign.is_service {
            [&promise.service, &promise.campaign]
        } else {
            [&promise.customer, &promise.campaign]
        };
        for cap in &campaign.caps {
            let tighter = |promised: &&Cap| {
                promised.at_most <= cap.at_most
                    && promised.per.is_none_or(|window| cap.per.is_some_and(|per| window.covers(per)))
            };
            if let Some(promised) = promised.into_iter().flatten().find(tighter) {
                let what = format!("{} never binds: the promise is {}", shown(*cap), shown(*promised));
                file.warning(&campaign.caps_at, what, "make it tighter, or leave it out");
            }
        }
    }
}

fn shown(cap: Cap) -> String {
    match cap.per {
        Some(per) => format!("at most {} per {per}", cap.at_most),
        None => format!("at most {} ever", cap.at_most),
    }
}

/// Zones lie in the shop, and can be told apart.
pub(super) fn zones_in_site(
    zones_file: &File<'_>,
    site_file: &File<'_>,
    zones: &zones::Read,
    site: Option<&site::Read>,
) {
    let anchors: Vec<Anchor> =
        site.iter().flat_map(|site| &site.gateways).filter_map(|(read, _)| read.anchor()).collect();
    for (index, zone) in zones.zones.iter().enumerate() {
        let Some(Shape::Polygon(polygon)) = &zone.shape else { continue };
        for earlier in &zones.zones[..index] {
            if let Some(Shape::Polygon(other)) = &earlier.shape {
                warn_of_sharing(zones_file, zone, earlier, &floor::sharing(polygon, other));
            }
        }
        let Some(site) = site else { continue };
        if let Some(((x, y), hint)) = site.floor_m.and_then(|plan| floor::corner_outside(polygon, plan)) {
            zones_file.error(&zone.shape_at, format!("the corner [{x}, {y}] is outside the floor plan"), hint);
        }
        if !anchors.is_empty() {
            warn_of_setup(zones_file, zone, polygon, &anchors);
        }
    }
    let drawn: Vec<&ZoneRead> =
        zones.zones.iter().filter(|zone| matches!(zone.shape, Some(Shape::Polygon(_)))).collect();
    if let Some(first) = drawn.first().filter(|_| site.is_some() && anchors.is_empty()) {
        let what = "no gateway has a position, so nobody will ever be in a zone that is drawn";
        zones_file.warning(&first.shape_at, what, "write `position-m = [x, y]` for each gateway in site.toml");
        return;
    }
    if let Some(last) = drawn.last().filter(|_| site.is_some() && anchors.len() < drawn.len()) {
        let have = if anchors.len() == 1 { "1 gateway has" } else { &format!("{} gateways have", anchors.len()) };
        let what = format!("{} zones are drawn, and {have} a position: people will mostly be in no zone", drawn.len());
        zones_file.warning(&last.shape_at, what, "draw fewer and larger zones, or hang a gateway for each");
    }
    if !drawn.is_empty() && site.is_some_and(|site| !site.has_floor && !site_file.has_gaps()) {
        site_file.warning(
            &At::File,
            "zones are drawn, and nothing says how large the floor is: whether they lie in the shop is not checked",
            "write `floor-plan = { width-m = 12.0, height-m = 8.0 }`",
        );
    }
    for (gateway, at) in site.iter().flat_map(|site| &site.gateways).filter(|(gateway, _)| gateway.position_m.is_none())
    {
        if !drawn.is_empty() {
            let what = format!("`{}` has no position, so it says nothing about the polygons of zones.toml", gateway.id);
            site_file.warning(at, what, "write `position-m = [x, y]`");
        }
    }
}

/// A zone is told if nobody in it is placed farther off than a third of its width (zones, "Set-up check").
const WIDTHS_OF_AN_ERROR: f64 = 3.0;

/// Whether the gateways' places alone allow to tell this zone.
fn warn_of_setup(file: &File<'_>, zone: &ZoneRead, polygon: &Polygon<f64>, anchors: &[Anchor]) {
    const HINT: &str = "hang more gateways around it, draw it larger, or tell it by one gateway with `near`";
    let Some(bounds) = polygon.bounding_rect() else { return };
    let (x, y) = bound::least_error_m(polygon, anchors);
    let (width, error) = if x * bounds.height() > y * bounds.width() || !y.is_finite() {
        (bounds.width(), x)
    } else {
        (bounds.height(), y)
    };
    if !error.is_finite() {
        let what = format!(
            "{} can hardly be told: that takes three gateways with a `position-m` that do not hang in one line",
            called(zone)
        );
        file.warning(&zone.shape_at, what, HINT);
    } else if error * WIDTHS_OF_AN_ERROR > width {
        let what = format!(
            "{} will seldom be told: it is {width:.1} m wide, which takes gateways that place people to {:.1} m, and these \
             do to {error:.1} m at best",
            called(zone),
            width / WIDTHS_OF_AN_ERROR
        );
        file.warning(&zone.shape_at, what, HINT);
    }
}

fn warn_of_sharing(file: &File<'_>, zone: &ZoneRead, earlier: &ZoneRead, sharing: &Sharing) {
    let (zone_called, earlier_called) = (called(zone), called(earlier));
    match sharing {
        Sharing::Clean => {}
        Sharing::Same => {
            file.warning(
                &zone.shape_at,
                format!("{zone_called} is the same area as {earlier_called}"),
                "nobody can be told to be in one of them: keep one",
            );
        }
        Sharing::Partly(m2) => {
            let what = format!("{zone_called} and {earlier_called} overlap by {m2:.1} m²");
            file.warning(&zone.shape_at, what, "let them touch, or one lie within the other");
        }
    }
}

fn called(zone: &ZoneRead) -> String {
    zone.id.as_ref().map_or_else(|| "a zone without an id".to_owned(), |id| format!("`{id}`"))
}
