//! The order of nodes for one user.

use std::collections::BTreeSet;

use control_plane_api::node::{Load, Location, Node, Role};

use crate::geography::distance_km;
use crate::{LOADED_KM, LOADED_SHARE, ROOM_KM, UNKNOWN_KM};

/// What there is, as the control plane sees it at one moment.
#[derive(Clone, Debug, Default)]
pub struct View<'a> {
    /// Nodes of any role, in any order; ids are unique.
    pub nodes: Vec<&'a Node>,
    /// Ids of the edges that hold participants of the room the user goes to; empty if there is no such room.
    pub carrying: BTreeSet<&'a str>,
}

/// What is known of where the user is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hint {
    /// Declared, or found by address.
    pub location: Option<Location>,
    /// Used for what the position does not decide, and instead of it when there is none.
    pub region: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    pub id: String,
    pub region: String,
    pub url: String,
    /// Great-circle distance; `None` when user or node has no position.
    pub distance_km: Option<f64>,
    /// What decided where it stands.
    pub reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// By distance alone.
    Nearest,
    /// Brought forward: it carries the room already.
    CarriesRoom,
    /// Set back: it is loaded.
    Loaded,
    /// It drains, and there is no other.
    Draining,
    /// By region name: there is no distance to tell.
    Region,
    /// Nothing is known of where it or the user is.
    Unlocated,
}

/// A node that would have served but for an obstacle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excluded {
    pub id: String,
    pub obstacle: Obstacle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    Full,
    Draining,
}

/// Best first, and what was left out, by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranking {
    pub choices: Vec<Ranked>,
    pub excluded: Vec<Excluded>,
}

/// Orders the nodes of `role` for a user, at most `limit` of them. See the crate's head for the rules.
#[must_use]
pub fn nearest(view: &View<'_>, role: Role, hint: &Hint, limit: usize) -> Ranking {
    let user = locate(view, hint);
    let (full, open): (Vec<&Node>, Vec<&Node>) =
        view.nodes.iter().filter(|node| node.role == role).partition(|node| is_full(&node.load));
    let (draining, steady): (Vec<&Node>, Vec<&Node>) = open.into_iter().partition(|node| node.draining);
    let mut excluded: Vec<_> = full.iter().map(|node| exclude(node, Obstacle::Full)).collect();
    let candidates = if steady.is_empty() {
        draining
    } else {
        excluded.extend(draining.iter().map(|node| exclude(node, Obstacle::Draining)));
        steady
    };
    let mut rated: Vec<Rated<'_>> = candidates.into_iter().map(|node| rate(view, hint, user, node)).collect();
    rated.sort_by(|a, b| {
        let by_cost = a.cost_km.total_cmp(&b.cost_km);
        by_cost.then(a.node.load.participants.cmp(&b.node.load.participants)).then(a.node.id.cmp(&b.node.id))
    });
    excluded.sort_by(|a, b| a.id.cmp(&b.id));
    Ranking { choices: rated.into_iter().take(limit).map(Rated::into_ranked).collect(), excluded }
}

/// Whether a node has no place left. A node that names no capacity is never full.
#[must_use]
pub fn is_full(load: &Load) -> bool {
    load.capacity > 0 && load.participants >= load.capacity
}

/// Whether a node is loaded beyond [`LOADED_SHARE`].
pub(crate) fn is_loaded(load: &Load) -> bool {
    load_share(load) > LOADED_SHARE
}

/// Position of a region: that of its first node with one, so that a region name alone can be measured from.
#[must_use]
pub fn region_location(nodes: &[&Node], region: &str) -> Option<Location> {
    // The first by id rather than a mean: a mean across the date line lies on the wrong side of the globe.
    let located =
        |node: &&&Node| node.region == region && node.location.is_some_and(|place| place.is_valid());
    nodes.iter().filter(located).min_by(|a, b| a.id.cmp(&b.id)).and_then(|node| node.location)
}

/// A node with its cost.
struct Rated<'a> {
    node: &'a Node,
    distance_km: Option<f64>,
    cost_km: f64,
    reason: Reason,
}

impl Rated<'_> {
    fn into_ranked(self) -> Ranked {
        Ranked {
            id: self.node.id.clone(),
            region: self.node.region.clone(),
            url: self.node.url.clone(),
            distance_km: self.distance_km,
            reason: self.reason,
        }
    }
}

fn locate(view: &View<'_>, hint: &Hint) -> Option<Location> {
    let declared = hint.location.filter(Location::is_valid);
    declared.or_else(|| hint.region.as_deref().and_then(|region| region_location(&view.nodes, region)))
}

fn rate<'a>(view: &View<'_>, hint: &Hint, user: Option<Location>, node: &'a Node) -> Rated<'a> {
    let distance_km = user.and_then(|user| node.location.and_then(|place| distance_km(&user, &place)));
    let in_region = hint.region.as_ref() == Some(&node.region);
    let (base_km, mut reason) = match distance_km {
        Some(distance_km) => (distance_km, Reason::Nearest),
        None if in_region => (0.0, Reason::Region),
        None => (UNKNOWN_KM, Reason::Unlocated),
    };
    let mut cost_km = base_km;
    if view.carrying.contains(node.id.as_str()) {
        cost_km -= ROOM_KM;
        reason = Reason::CarriesRoom;
    }
    let penalty_km = LOADED_KM * (load_share(&node.load) - LOADED_SHARE).max(0.0) / (1.0 - LOADED_SHARE);
    if penalty_km > 0.0 {
        cost_km += penalty_km;
        reason = Reason::Loaded;
    }
    if node.draining {
        reason = Reason::Draining;
    }
    Rated { node, distance_km, cost_km, reason }
}

/// The scarcer of places and processor, 0 to 1. Nonsense in a record counts as no load.
fn load_share(load: &Load) -> f64 {
    let places =
        if load.capacity == 0 { 0.0 } else { f64::from(load.participants) / f64::from(load.capacity) };
    let cpu = if load.cpu.is_finite() { f64::from(load.cpu) } else { 0.0 };
    places.max(cpu).clamp(0.0, 1.0)
}

fn exclude(node: &Node, obstacle: Obstacle) -> Excluded {
    Excluded { id: node.id.clone(), obstacle }
}

impl Reason {
    /// As the API says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::CarriesRoom => "carries-room",
            Self::Loaded => "loaded",
            Self::Draining => "draining",
            Self::Region => "region",
            Self::Unlocated => "unlocated",
        }
    }
}

impl Obstacle {
    /// As the API says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Draining => "draining",
        }
    }
}

#[cfg(test)]
#[path = "nearest_tests.rs"]
mod tests;
