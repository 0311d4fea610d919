//! The order of nodes for one user.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use control_plane_api::node::{Load, Location, Node, Role};

use crate::geography::distance_km;
use crate::{KM_US, LOADED_KM, LOADED_SHARE, ROOM_KM, STAY_KM, UNKNOWN_KM};

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

/// What a user's client measured and where the user is, if they are in the class already. Empty for a first join.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured<'a> {
    /// Round trips in ms by node id, as the client probed them. Nonsense (0, negative, not a number) counts as none.
    pub rtt_ms: BTreeMap<&'a str, f32>,
    /// The node the user is on. Another has to be nearer by [`STAY_KM`]: a move costs a gap.
    pub current: Option<&'a str>,
}

impl Measured<'_> {
    /// The round trip to a node as kilometres.
    fn km(&self, id: &str) -> Option<f64> {
        let rtt_ms = self.rtt_ms.get(id).filter(|rtt_ms| rtt_ms.is_finite() && **rtt_ms > 0.0)?;
        Some(f64::from(*rtt_ms) * 1_000.0 / KM_US)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rtt_ms.is_empty() && self.current.is_none()
    }
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
    /// By the round trip the client measured.
    Measured,
    /// The user is there already, and nothing is enough better.
    Stays,
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
    nearest_measured(view, role, hint, &Measured::default(), limit)
}

/// As [`nearest`], for a user whose client measured round trips or who is in the class already.
#[must_use]
pub fn nearest_measured(
    view: &View<'_>,
    role: Role,
    hint: &Hint,
    measured: &Measured<'_>,
    limit: usize,
) -> Ranking {
    let user = User::new(&view.nodes, hint, measured);
    let (candidates, excluded) = candidates(&view.nodes, role);
    let mut rated: Vec<Rated<'_>> = candidates
        .into_iter()
        .map(|node| rate(view.carrying.contains(node.id.as_str()), hint, measured, &user, node))
        .collect();
    rated.sort_by(Rated::order);
    Ranking { choices: rated.into_iter().take(limit).map(Rated::into_ranked).collect(), excluded }
}

/// Nodes that may be chosen, and those that would have served, by id.
pub(crate) fn candidates<'a>(nodes: &[&'a Node], role: Role) -> (Vec<&'a Node>, Vec<Excluded>) {
    let of_role = nodes.iter().copied().filter(|node| node.role == role);
    let (full, open): (Vec<&Node>, Vec<&Node>) = of_role.partition(|node| is_full(&node.load));
    let (draining, steady): (Vec<&Node>, Vec<&Node>) = open.into_iter().partition(|node| node.draining);
    let mut excluded: Vec<_> = full.iter().map(|node| exclude(node, Obstacle::Full)).collect();
    let candidates = if steady.is_empty() {
        draining
    } else {
        excluded.extend(draining.iter().map(|node| exclude(node, Obstacle::Draining)));
        steady
    };
    excluded.sort_by(|a, b| a.id.cmp(&b.id));
    (candidates, excluded)
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
pub(crate) struct Rated<'a> {
    pub(crate) node: &'a Node,
    pub(crate) distance_km: Option<f64>,
    pub(crate) cost_km: f64,
    reason: Reason,
}

impl Rated<'_> {
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        let by_cost = self.cost_km.total_cmp(&other.cost_km);
        let by_load = || self.node.load.participants.cmp(&other.node.load.participants);
        by_cost.then_with(by_load).then_with(|| self.node.id.cmp(&other.node.id))
    }

    pub(crate) fn into_ranked(self) -> Ranked {
        Ranked {
            id: self.node.id.clone(),
            region: self.node.region.clone(),
            url: self.node.url.clone(),
            distance_km: self.distance_km,
            reason: self.reason,
        }
    }
}

/// Where a user is, and what their own network adds to every round trip.
pub(crate) struct User {
    pub(crate) location: Option<Location>,
    /// Least excess of a measured round trip over its distance: a node that was not measured would show it as well.
    access_km: f64,
}

impl User {
    pub(crate) fn new(nodes: &[&Node], hint: &Hint, measured: &Measured<'_>) -> Self {
        let place_of = |id: &str| nodes.iter().find(|node| node.id == id).and_then(|node| node.location);
        Self::at(locate(nodes, hint), measured, place_of)
    }

    pub(crate) fn at(
        location: Option<Location>,
        measured: &Measured<'_>,
        place_of: impl Fn(&str) -> Option<Location>,
    ) -> Self {
        let excess_km = |id: &&str| {
            let measured_km = measured.km(id)?;
            Some((measured_km - distance_km(&location?, &place_of(id)?)?).max(0.0))
        };
        let least = measured.rtt_ms.keys().filter_map(excess_km).min_by(f64::total_cmp);
        Self { location, access_km: least.unwrap_or(0.0) }
    }
}

fn locate(nodes: &[&Node], hint: &Hint) -> Option<Location> {
    let declared = hint.location.filter(Location::is_valid);
    declared.or_else(|| hint.region.as_deref().and_then(|region| region_location(nodes, region)))
}

pub(crate) fn rate<'a>(
    carries_room: bool,
    hint: &Hint,
    measured: &Measured<'_>,
    user: &User,
    node: &'a Node,
) -> Rated<'a> {
    let measured_km = measured.km(&node.id);
    let distance_km =
        user.location.and_then(|user| node.location.and_then(|place| distance_km(&user, &place)));
    let in_region = hint.region.as_ref() == Some(&node.region);
    let (base_km, mut reason) = match (measured_km, distance_km) {
        (Some(measured_km), _) => (measured_km, Reason::Measured),
        (None, Some(distance_km)) => (distance_km + user.access_km, Reason::Nearest),
        (None, None) if in_region => (0.0, Reason::Region),
        (None, None) => (UNKNOWN_KM, Reason::Unlocated),
    };
    let mut cost_km = base_km;
    if carries_room {
        cost_km -= ROOM_KM;
        reason = Reason::CarriesRoom;
    }
    if measured.current == Some(node.id.as_str()) {
        cost_km -= STAY_KM;
        reason = Reason::Stays;
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
            Self::Measured => "measured",
            Self::Stays => "stays",
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
