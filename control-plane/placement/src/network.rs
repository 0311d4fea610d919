//! What it costs to send between edges: measured round trips where there are any, else geography.

use std::collections::BTreeMap;

use control_plane_api::node::{Node, Role};

use crate::geography::distance_km;
use crate::nearest::is_loaded;
use crate::{HOP_US, KM_US, LOSS_US, UNKNOWN_KM};

/// A link that is known to be lost.
pub(crate) const LOST: u32 = u32::MAX;

/// Edges and the costs of all links among them, in microseconds of round trip. Built once per view; rooms are planned on it.
#[derive(Clone, Debug, Default)]
pub struct Network {
    ids: Vec<String>,
    /// Loaded or draining: carries no more of others' media than it must.
    spared: Vec<bool>,
    /// Row by row; symmetric.
    costs: Vec<u32>,
}

impl Network {
    /// Takes the edges among `nodes`, in any order. A round trip that both ends report counts by the longer report; nonsense
    /// in a report counts as no report.
    #[must_use]
    pub fn new(nodes: &[&Node]) -> Self {
        let mut edges: Vec<&Node> = nodes.iter().filter(|node| node.role == Role::Edge).copied().collect();
        edges.sort_by(|a, b| a.id.cmp(&b.id));
        edges.dedup_by(|a, b| a.id == b.id);
        let count = edges.len();
        let mut network = Self {
            ids: edges.iter().map(|node| node.id.clone()).collect(),
            spared: edges.iter().map(|node| node.draining || is_loaded(&node.load)).collect(),
            costs: vec![0; count * count],
        };
        for a in 0..count {
            for b in 0..a {
                network.set(a, b, by_geography(edges[a], edges[b]));
            }
        }
        for (pair, cost_us) in measured(&network, &edges) {
            network.set(pair.0, pair.1, cost_us);
        }
        network
    }

    /// The link between two edges is lost: nothing is planned over it until a new network is built.
    pub fn lose_link(&mut self, a: &str, b: &str) {
        if let (Some(a), Some(b)) = (self.index(a), self.index(b))
            && a != b
        {
            self.set(a, b, LOST);
        }
    }

    /// Whether it is an edge of this network.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        self.index(id).is_some()
    }

    /// Round trip between two edges in ms; `None` for an edge that is not there or a lost link.
    #[must_use]
    pub fn cost_ms(&self, a: &str, b: &str) -> Option<f64> {
        let cost_us = self.cost_us(self.index(a)?, self.index(b)?);
        (cost_us != LOST).then(|| f64::from(cost_us) / 1_000.0)
    }

    pub(crate) fn index(&self, id: &str) -> Option<usize> {
        self.ids.binary_search_by(|known| known.as_str().cmp(id)).ok()
    }

    pub(crate) fn id(&self, index: usize) -> &str {
        &self.ids[index]
    }

    pub(crate) fn is_spared(&self, index: usize) -> bool {
        self.spared[index]
    }

    pub(crate) fn cost_us(&self, a: usize, b: usize) -> u32 {
        self.costs[a * self.ids.len() + b]
    }

    fn set(&mut self, a: usize, b: usize, cost_us: u32) {
        let count = self.ids.len();
        self.costs[a * count + b] = cost_us;
        self.costs[b * count + a] = cost_us;
    }
}

fn by_geography(a: &Node, b: &Node) -> u32 {
    let known = a.location.zip(b.location).and_then(|(a, b)| distance_km(&a, &b));
    // At most half the globe, so it fits.
    HOP_US + (known.unwrap_or(UNKNOWN_KM) * KM_US) as u32
}

fn measured(network: &Network, edges: &[&Node]) -> BTreeMap<(usize, usize), u32> {
    let mut found = BTreeMap::new();
    for (index, node) in edges.iter().enumerate() {
        for link in &node.links {
            let Some(peer) = network.index(&link.peer).filter(|peer| *peer != index) else { continue };
            if !(link.rtt_ms.is_finite() && link.rtt_ms > 0.0) {
                continue;
            }
            let loss = if link.loss.is_finite() { link.loss.clamp(0.0, 1.0) } else { 0.0 };
            // Below a minute, so that sums over a path fit and stay below LOST.
            let cost_us = (link.rtt_ms.min(60_000.0) * 1_000.0 + loss * LOSS_US) as u32 + HOP_US;
            let entry = found.entry((index.min(peer), index.max(peer))).or_insert(cost_us);
            *entry = cost_us.max(*entry);
        }
    }
    found
}
