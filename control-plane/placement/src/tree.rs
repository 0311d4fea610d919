//! Relay topology of a room: which edges have a direct link, and which two parents each edge has.
//!
//! # In words
//!
//! While a room is on at most [`DIRECT_EDGES_MAX`] edges, each has a direct link to each: one hop is the shortest way there is,
//! and a publisher's edge sends few copies. Above it the room has a **tree**: every link carries a track once, and no edge has
//! more neighbours than [`degree`] of the room's size, so that no link of a small town carries the class twelve times.
//!
//! *Built* from the edge with the least sum of costs to the others (the 1-median), adding again and again the edge that
//! is nearest to it over the edges taken so far (a compact tree), no deeper than [`DEPTH_MAX`]: any two edges are within twice
//! that, which is what hop paths of the cascade may have. Edges that are loaded or drain get at most one child.
//! Where live links or slots do not suffice, connection goes before degree, and the edge that took more is named in
//! [`Plan::crowded`]; an edge without any live link to the rest is named in [`Plan::unreached`].
//!
//! *Second parents* are chosen so that the loss of any one node or link is mended by those who lost their parent, at once and
//! without asking: each goes to its second parent. No loop can come of it:
//! - a child of an inner edge P has its second parent outside P's whole subtree;
//! - the root's first child is its **heir**. The root's other children have theirs inside the heir's subtree, the heir
//!   has its own outside. When the root is lost, the heir stays where it is and is the root.
//!
//! *Hysteresis*: a room keeps its tree (repaired, if need be) until a new one is shorter by [`BETTER_SHARE`] in the mean cost
//! between two of its edges: every moved edge costs its watchers a keyframe.
//!
//! *Repair* is local: see `repair.rs`.

use std::collections::{BTreeMap, BTreeSet};

use crate::network::{LOST, Network};
use crate::repair::repair;
use crate::{BETTER_SHARE, DEGREE_MAX, DEGREE_MIN, DEPTH_MAX, DIRECT_EDGES_MAX};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Everybody linked to everybody; parents are named for the second way they give.
    Direct,
    Tree,
}

/// Where an edge stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// `None` for the root, and for an edge that is not reached.
    pub first: Option<String>,
    /// Where to go when `first` or the link to it is lost. `None` for the root, in rooms of two, and where no live link serves.
    pub second: Option<String>,
    /// Sorted by id.
    pub children: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub shape: Shape,
    /// `None` for a room on no edge.
    pub root: Option<String>,
    /// Becomes the root when the root is lost.
    pub heir: Option<String>,
    pub places: BTreeMap<String, Place>,
    /// Edges with more neighbours than their share.
    pub crowded: Vec<String>,
    /// Edges with no live link to the rest.
    pub unreached: Vec<String>,
}

impl Plan {
    /// Edges that `id` has a link to in this room, its second parent not counted.
    #[must_use]
    pub fn neighbours(&self, id: &str) -> BTreeSet<&str> {
        match (self.places.get(id), self.shape) {
            (None, _) => BTreeSet::new(),
            (Some(_), Shape::Direct) => self.places.keys().map(String::as_str).filter(|o| *o != id).collect(),
            (Some(place), Shape::Tree) => {
                place.children.iter().chain(&place.first).map(String::as_str).collect()
            }
        }
    }
}

/// Most neighbours of an edge in a tree of so many: the least with which [`DEPTH_MAX`] suffices.
#[must_use]
pub fn degree(edges: usize) -> usize {
    let holds = |degree: usize| {
        (0..DEPTH_MAX as u32).map(|level| degree * (degree - 1).pow(level)).sum::<usize>() + 1
    };
    (DEGREE_MIN..DEGREE_MAX).find(|degree| holds(*degree) >= edges).unwrap_or(DEGREE_MAX)
}

/// The topology of a room on `edges`; those that are not in the network are left out. `previous` is the room's plan
/// so far, which stays unless it must or should change.
#[must_use]
pub fn plan(network: &Network, edges: &BTreeSet<&str>, previous: Option<&Plan>) -> Plan {
    let members = members(network, edges);
    let fresh = Tree::grown(network, &members);
    let kept = previous.and_then(|previous| repair(network, &members, previous));
    let best = match kept {
        Some(kept) if !is_better(network, &fresh, &kept) => kept,
        _ => fresh,
    };
    best.into_plan(network)
}

/// Sum of the costs between all pairs of edges over the links of a plan, in ms; how good a plan is.
#[must_use]
pub fn total_ms(network: &Network, plan: &Plan) -> f64 {
    let edges: BTreeSet<&str> = plan.places.keys().map(String::as_str).collect();
    let members = members(network, &edges);
    if plan.shape == Shape::Direct {
        let pairs =
            members.iter().flat_map(|a| members.iter().filter(move |b| *b < a).map(move |b| (*a, *b)));
        let costs = pairs.map(|(a, b)| network.cost_us(a, b)).filter(|cost| *cost != LOST);
        return costs.map(f64::from).sum::<f64>() / 1_000.0;
    }
    Tree::of_plan(network, &members, plan).total_us(network) as f64 / 1_000.0
}

fn members(network: &Network, edges: &BTreeSet<&str>) -> Vec<usize> {
    edges.iter().filter_map(|id| network.index(id)).collect()
}

/// Whether the fresh tree is worth moving to: it reaches more edges, crowds fewer, or is shorter by the share.
fn is_better(network: &Network, fresh: &Tree, kept: &Tree) -> bool {
    let reach = |tree: &Tree| (tree.unreached(), tree.depth_max() > DEPTH_MAX, tree.crowded(network).len());
    let (ours, theirs) = (reach(fresh), reach(kept));
    // A direct room has its links whoever is called parent.
    let is_shorter = fresh.members.len() > DIRECT_EDGES_MAX
        && (fresh.total_us(network) as f64) < kept.total_us(network) as f64 * (1.0 - BETTER_SHARE);
    ours < theirs || (ours == theirs && is_shorter)
}

/// A tree over members of a room; positions in `members` stand for edges.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    /// Indices in the network, ascending.
    pub(crate) members: Vec<usize>,
    pub(crate) parent: Vec<Option<usize>>,
    pub(crate) root: Option<usize>,
    /// Whether an edge is in the tree.
    pub(crate) reached: Vec<bool>,
    /// Kept from a plan whose repair gave some edges more neighbours on purpose.
    pub(crate) spare: usize,
}

impl Tree {
    pub(crate) fn empty(members: &[usize]) -> Self {
        let count = members.len();
        Self {
            members: members.to_vec(),
            parent: vec![None; count],
            root: None,
            reached: vec![false; count],
            spare: 0,
        }
    }

    fn grown(network: &Network, members: &[usize]) -> Self {
        let mut tree = Self::empty(members);
        tree.root = tree.median(network);
        if let Some(root) = tree.root {
            tree.reached[root] = true;
            tree.grow(network);
            tree.lift_root();
        }
        tree
    }

    pub(crate) fn of_plan(network: &Network, members: &[usize], plan: &Plan) -> Self {
        let mut tree = Self::empty(members);
        let position = |id: &String| members.binary_search(&network.index(id)?).ok();
        for (at, member) in members.iter().enumerate() {
            let first = plan.places.get(network.id(*member)).and_then(|place| place.first.as_ref());
            tree.parent[at] =
                first.and_then(position).filter(|parent| tree.cost_us(network, at, *parent) != LOST);
        }
        tree.root = plan.root.as_ref().and_then(position);
        tree
    }

    /// The edge with the least sum of costs to the others; one that is neither loaded nor drains, if there is one.
    fn median(&self, network: &Network) -> Option<usize> {
        let sum =
            |at: usize| (0..self.members.len()).map(|o| u64::from(self.cost_us(network, at, o))).sum::<u64>();
        (0..self.members.len()).min_by_key(|at| (network.is_spared(self.members[*at]), sum(*at), *at))
    }

    /// Takes in every edge that is not reached yet and can be, the nearest to the root first.
    pub(crate) fn grow(&mut self, network: &Network) {
        let count = self.members.len();
        let mut books = Books::of(self, network);
        let mut best: Vec<Option<(u64, usize)>> = vec![None; count];
        let waiting = |tree: &Self| (0..count).filter(|at| !tree.reached[*at]).collect::<Vec<_>>();
        let mut left = waiting(self);
        for at in &left {
            best[*at] = self.best_parent(network, &books, *at, false);
        }
        while !left.is_empty() {
            let next = left.iter().filter_map(|at| best[*at].map(|(cost, parent)| (cost, *at, parent))).min();
            // No slot serves: connection goes before degree, and then before depth.
            let next = next.or_else(|| {
                let forced =
                    |at: &usize| self.best_parent(network, &books, *at, true).map(|(c, p)| (c, *at, p));
                left.iter().filter_map(forced).min()
            });
            let Some((cost, at, parent)) = next else { return };
            self.attach(at, parent);
            books.attached(at, parent, cost);
            left.retain(|other| *other != at);
            let is_full = !books.takes(self, network, parent);
            for other in &left {
                if is_full && best[*other].is_some_and(|(_, chosen)| chosen == parent) {
                    best[*other] = self.best_parent(network, &books, *other, false);
                } else if books.takes(self, network, at)
                    && let Some(way) = self.way(network, &books, *other, at)
                {
                    best[*other] = Some(best[*other].map_or((way, at), |known| known.min((way, at))));
                }
            }
        }
    }

    pub(crate) fn attach(&mut self, at: usize, parent: usize) {
        self.parent[at] = Some(parent);
        self.reached[at] = true;
    }

    /// The cheapest edge in the tree to hang `at` on; `forced` looks past slots, and past depth when nothing else is left.
    fn best_parent(&self, network: &Network, books: &Books, at: usize, forced: bool) -> Option<(u64, usize)> {
        let reached = || (0..self.members.len()).filter(|parent| self.reached[*parent]);
        let way = |parent: usize| self.way(network, books, at, parent).map(|cost| (cost, parent));
        if !forced {
            return reached().filter(|parent| books.takes(self, network, *parent)).filter_map(way).min();
        }
        let shallow = reached().filter(|parent| books.depth[*parent] < DEPTH_MAX).filter_map(way);
        // The least crowded first, so that what is too much is shared.
        let shallow = shallow.min_by_key(|(cost, parent)| (books.neighbours[*parent], *cost, *parent));
        shallow.or_else(|| reached().filter_map(way).min())
    }

    fn way(&self, network: &Network, books: &Books, at: usize, parent: usize) -> Option<u64> {
        let cost_us = self.cost_us(network, at, parent);
        (cost_us != LOST).then(|| books.from_root_us[parent] + u64::from(cost_us))
    }

    /// A root with one child has no child to inherit from outside; its child is the better root.
    pub(crate) fn lift_root(&mut self) {
        let Some(root) = self.root else { return };
        let mut children = (0..self.members.len()).filter(|at| self.parent[*at] == Some(root));
        if let (Some(only), None) = (children.next(), children.next())
            && self.reached.iter().filter(|reached| **reached).count() > 2
        {
            self.parent[only] = None;
            self.parent[root] = Some(only);
            self.root = Some(only);
        }
    }

    pub(crate) fn cost_us(&self, network: &Network, a: usize, b: usize) -> u32 {
        network.cost_us(self.members[a], self.members[b])
    }

    /// Neighbours an edge may have.
    pub(crate) fn slots(&self, network: &Network, at: usize) -> usize {
        if network.is_spared(self.members[at]) { 2 } else { degree(self.members.len()) }
    }

    pub(crate) fn unreached(&self) -> usize {
        self.reached.iter().filter(|reached| !**reached).count()
    }

    pub(crate) fn children(&self) -> Vec<Vec<usize>> {
        let mut children = vec![Vec::new(); self.members.len()];
        for (at, parent) in self.parent.iter().enumerate() {
            if let Some(parent) = parent {
                children[*parent].push(at);
            }
        }
        children
    }

    /// Edges in the tree, parents before children, with their depth.
    pub(crate) fn levels(&self) -> Vec<(usize, usize)> {
        let children = self.children();
        let mut order: Vec<(usize, usize)> = self.root.iter().map(|root| (*root, 0)).collect();
        let mut next = 0;
        while let Some((at, depth)) = order.get(next).copied() {
            order.extend(children[at].iter().map(|child| (*child, depth + 1)));
            next += 1;
        }
        order
    }

    pub(crate) fn depth_max(&self) -> usize {
        self.levels().last().map_or(0, |(_, depth)| *depth)
    }

    /// Each link counts as often as a pair of edges uses it: the edges below it times those above.
    pub(crate) fn total_us(&self, network: &Network) -> u64 {
        let order = self.levels();
        let mut below = vec![1_u64; self.members.len()];
        let mut total = 0;
        for (at, _) in order.iter().rev() {
            if let Some(parent) = self.parent[*at] {
                below[parent] += below[*at];
                let uses = below[*at] * (order.len() as u64 - below[*at]);
                total += uses * u64::from(self.cost_us(network, *at, parent));
            }
        }
        total
    }

    pub(crate) fn crowded(&self, network: &Network) -> Vec<usize> {
        if self.members.len() <= DIRECT_EDGES_MAX {
            return Vec::new();
        }
        let children = self.children();
        let neighbours = |at: usize| children[at].len() + usize::from(self.parent[at].is_some());
        (0..self.members.len()).filter(|at| neighbours(*at) > self.slots(network, *at) + self.spare).collect()
    }
}

/// What is known of the edges in the tree while it grows.
struct Books {
    from_root_us: Vec<u64>,
    depth: Vec<usize>,
    neighbours: Vec<usize>,
}

impl Books {
    fn of(tree: &Tree, network: &Network) -> Self {
        let count = tree.members.len();
        let mut books =
            Self { from_root_us: vec![0; count], depth: vec![0; count], neighbours: vec![0; count] };
        for (at, _) in tree.levels() {
            if let Some(parent) = tree.parent[at] {
                let cost_us = books.from_root_us[parent] + u64::from(tree.cost_us(network, at, parent));
                books.attached(at, parent, cost_us);
            }
        }
        books
    }

    fn attached(&mut self, at: usize, parent: usize, from_root_us: u64) {
        self.from_root_us[at] = from_root_us;
        self.depth[at] = self.depth[parent] + 1;
        self.neighbours[at] += 1;
        self.neighbours[parent] += 1;
    }

    fn takes(&self, tree: &Tree, network: &Network, at: usize) -> bool {
        // A direct room is named as a star around its median.
        let slots = if tree.members.len() <= DIRECT_EDGES_MAX { usize::MAX } else { tree.slots(network, at) };
        tree.reached[at] && self.depth[at] < DEPTH_MAX && self.neighbours[at] < slots
    }
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
