//! What is to be done for the rooms of one view: pure but for the memory of how long a room has been empty.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use control_plane_agent::mirror::Records;
use control_plane_agent::view::View;
use control_plane_api::node::{Node, Role};
use control_plane_api::room::{Presence, Room};
use control_plane_api::topology::Topology;
use control_plane_placement::{DIRECT_EDGES_MAX, Network, Plan, plan};

/// Measured costs of links are taken anew so often; an edge that comes, goes or drains counts at once.
const COSTS_AGE_MAX: Duration = Duration::from_secs(10);
/// A room nobody holds is over after this long. Its edges delete the record themselves after a few seconds; this is for those of
/// dead edges.
pub(crate) const ROOM_GRACE: Duration = Duration::from_secs(60);
/// A plan outlives its room by this much: presence that ended with a lease may come back with the next.
pub(crate) const TOPOLOGY_GRACE: Duration = Duration::from_secs(15);
/// Steps of one round; what is left over is the next round's.
pub(crate) const STEPS_MAX: usize = 4_096;

pub(crate) struct Snapshot {
    nodes: Records<Node>,
    rooms: Records<Room>,
    presence: Records<Presence>,
    topologies: Records<Topology>,
}

impl Snapshot {
    pub(crate) fn of(view: &View) -> Self {
        Self {
            nodes: crate::drained::nodes(view),
            rooms: view.rooms(),
            presence: view.presence(),
            topologies: view.topologies(),
        }
    }

    /// One room on all of `nodes`.
    #[cfg(test)]
    pub(crate) fn for_tests(
        nodes: &[Node],
        room: &str,
        sid: &str,
        topologies: BTreeMap<String, Topology>,
    ) -> Self {
        let presence = |node: &Node| Presence {
            room: room.to_owned(),
            room_sid: sid.to_owned(),
            node: node.id.clone(),
            participants: 1,
            identities: Vec::new(),
        };
        let by_id = |node: &Node| (node.id.clone(), node.clone());
        Self {
            nodes: Arc::new(nodes.iter().map(by_id).collect()),
            rooms: Records::default(),
            presence: Arc::new(
                nodes.iter().map(|node| (format!("{room}/{}", node.id), presence(node))).collect(),
            ),
            topologies: Arc::new(topologies),
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rooms, &other.rooms)
            && Arc::ptr_eq(&self.presence, &other.presence)
            && Arc::ptr_eq(&self.topologies, &other.topologies)
    }

    /// Rooms with their edges. A room whose edges disagree on its life and that has no record has nothing to plan yet.
    fn held(&self) -> BTreeMap<&str, Held<'_>> {
        let mut held: BTreeMap<&str, Held<'_>> = BTreeMap::new();
        for presence in self.presence.values() {
            let record = self.rooms.get(&presence.room).map(|room| room.sid.as_str());
            let sid = record.unwrap_or(&presence.room_sid);
            let room =
                held.entry(&presence.room).or_insert_with(|| Held { sid: Some(sid), edges: BTreeSet::new() });
            if record.is_none() && room.sid != Some(sid) {
                room.sid = None;
            }
            if presence.room_sid == sid {
                room.edges.insert(&presence.node);
            }
        }
        held
    }
}

struct Held<'a> {
    sid: Option<&'a str>,
    edges: BTreeSet<&'a str>,
}

/// What a plan was made from, to make it again from another record.
#[derive(Clone, Debug)]
pub(crate) struct Basis {
    network: Arc<Network>,
    room: String,
    room_sid: String,
    edges: BTreeSet<String>,
    /// The record as the view had it, of whichever life.
    pub(crate) previous: Option<Topology>,
}

impl Basis {
    /// The room's plan going on from `standing`.
    pub(crate) fn plan(&self, standing: Option<&Topology>) -> Option<Topology> {
        let edges = self.edges.iter().map(String::as_str).collect();
        let previous = standing.map(Plan::of_record);
        plan(&self.network, &edges, previous.as_ref()).to_record(&self.room, &self.room_sid)
    }
}

#[derive(Debug)]
pub(crate) enum Step {
    Write { wanted: Topology, basis: Box<Basis> },
    Drop { room: String },
    Forget { room: String, room_sid: String },
}

#[derive(Debug, Default)]
pub(crate) struct Round {
    pub(crate) steps: Vec<Step>,
    /// Rooms on so many edges that they have a tree.
    pub(crate) trees: usize,
}

#[derive(Default)]
pub(crate) struct Planner {
    costs: Option<Costs>,
    last: Option<Snapshot>,
    /// Since when nobody holds a room that has a record or a plan.
    empty: BTreeMap<String, Instant>,
    trees: usize,
}

struct Costs {
    network: Arc<Network>,
    /// Edges and whether they drain: who these are decides who can be planned with.
    edges: Vec<(String, bool)>,
    at: Instant,
}

impl Planner {
    /// The last round did not get all done.
    pub(crate) fn again(&mut self) {
        self.last = None;
    }

    pub(crate) fn round(&mut self, snapshot: &Snapshot, now: Instant) -> Round {
        let is_fresh = self.renew_costs(snapshot, now);
        let is_due = !self.empty.is_empty();
        if !is_fresh && !is_due && self.last.as_ref().is_some_and(|last| last.is_same(snapshot)) {
            return Round { steps: Vec::new(), trees: self.trees };
        }
        let held = snapshot.held();
        let mut round = self.plans(snapshot, &held, is_fresh);
        self.collect(snapshot, &held, now, &mut round.steps);
        self.trees = round.trees;
        self.last = (round.steps.len() <= STEPS_MAX).then(|| Snapshot {
            nodes: snapshot.nodes.clone(),
            rooms: snapshot.rooms.clone(),
            presence: snapshot.presence.clone(),
            topologies: snapshot.topologies.clone(),
        });
        round.steps.truncate(STEPS_MAX);
        round
    }

    /// Whether the costs of links were taken anew.
    fn renew_costs(&mut self, snapshot: &Snapshot, now: Instant) -> bool {
        let edges = || snapshot.nodes.values().filter(|node| node.role == Role::Edge);
        let is_good = self.costs.as_ref().is_some_and(|costs| {
            let known = costs.edges.iter().map(|(id, draining)| (id.as_str(), *draining));
            now.saturating_duration_since(costs.at) < COSTS_AGE_MAX
                && known.eq(edges().map(|node| (node.id.as_str(), node.draining)))
        });
        if !is_good {
            let network = Arc::new(Network::new(&edges().collect::<Vec<_>>()));
            let edges = edges().map(|node| (node.id.clone(), node.draining)).collect();
            self.costs = Some(Costs { network, edges, at: now });
        }
        !is_good
    }

    fn plans(&self, snapshot: &Snapshot, held: &BTreeMap<&str, Held<'_>>, is_fresh: bool) -> Round {
        let mut round = Round::default();
        let Some(costs) = &self.costs else { return round };
        for (room, Held { sid, edges }) in held {
            let Some(sid) = sid else { continue };
            let members = || edges.iter().copied().filter(|edge| costs.network.contains(edge));
            let previous = snapshot.topologies.get(*room);
            if members().count() <= DIRECT_EDGES_MAX {
                if previous.is_some() {
                    round.steps.push(Step::Drop { room: (*room).to_owned() });
                }
                continue;
            }
            round.trees += 1;
            let same_life = previous.filter(|record| record.room_sid == *sid);
            let names_all =
                same_life.is_some_and(|record| record.places.keys().map(String::as_str).eq(members()));
            if names_all && !is_fresh {
                continue;
            }
            let basis = Box::new(Basis {
                network: costs.network.clone(),
                room: (*room).to_owned(),
                room_sid: (*sid).to_owned(),
                edges: members().map(str::to_owned).collect(),
                previous: previous.cloned(),
            });
            if let Some(wanted) = basis.plan(same_life).filter(|wanted| Some(wanted) != previous) {
                round.steps.push(Step::Write { wanted, basis });
            }
        }
        round
    }

    /// Plans and records of rooms nobody holds, once they are of age.
    fn collect(
        &mut self,
        snapshot: &Snapshot,
        held: &BTreeMap<&str, Held<'_>>,
        now: Instant,
        steps: &mut Vec<Step>,
    ) {
        let is_empty = |room: &str| !held.contains_key(room);
        let known = |room: &str| snapshot.rooms.contains_key(room) || snapshot.topologies.contains_key(room);
        self.empty.retain(|room, _| is_empty(room) && known(room));
        for room in snapshot.rooms.keys().chain(snapshot.topologies.keys()).filter(|room| is_empty(room)) {
            if !self.empty.contains_key(room) {
                self.empty.insert(room.clone(), now);
            }
        }
        for (room, since) in &self.empty {
            let age = now.saturating_duration_since(*since);
            if age >= TOPOLOGY_GRACE && snapshot.topologies.contains_key(room) {
                steps.push(Step::Drop { room: room.clone() });
            }
            if let Some(record) = snapshot.rooms.get(room).filter(|_| age >= ROOM_GRACE) {
                steps.push(Step::Forget { room: room.clone(), room_sid: record.sid.clone() });
            }
        }
    }
}
