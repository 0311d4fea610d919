//! Second parents, and a tree put into words.

use std::collections::BTreeMap;

use crate::DIRECT_EDGES_MAX;
use crate::network::{LOST, Network};
use crate::tree::{Place, Plan, Shape, Tree};

impl Tree {
    pub(crate) fn into_plan(self, network: &Network) -> Plan {
        let children = self.children();
        let heir = self.heir(&children);
        let seconds = self.seconds(network, &children, heir);
        let name = |at: usize| network.id(self.members[at]).to_owned();
        let place = |at: usize| Place {
            first: self.parent[at].map(name),
            second: seconds[at].map(name),
            children: children[at].iter().map(|child| name(*child)).collect(),
        };
        let places: BTreeMap<String, Place> =
            (0..self.members.len()).map(|at| (name(at), place(at))).collect();
        let is_direct = self.members.len() <= DIRECT_EDGES_MAX;
        Plan {
            shape: if is_direct { Shape::Direct } else { Shape::Tree },
            root: self.root.map(name),
            heir: heir.map(name),
            crowded: self.crowded(network).into_iter().map(name).collect(),
            unreached: (0..self.members.len()).filter(|at| !self.reached[*at]).map(name).collect(),
            places,
        }
    }

    /// The root's child with the most edges below it, so that the fewest have to move; of equals the first.
    pub(crate) fn heir(&self, children: &[Vec<usize>]) -> Option<usize> {
        let spans = self.spans(children);
        let size = |at: usize| spans[at].1 - spans[at].0;
        children[self.root?].iter().copied().max_by_key(|at| (size(*at), std::cmp::Reverse(*at)))
    }

    fn seconds(&self, network: &Network, children: &[Vec<usize>], heir: Option<usize>) -> Vec<Option<usize>> {
        let spans = self.spans(children);
        let is_below = |at: usize, top: usize| spans[top].0 <= spans[at].0 && spans[at].0 < spans[top].1;
        let reached: Vec<usize> = (0..self.members.len()).filter(|at| self.reached[*at]).collect();
        let mut taken = vec![0_usize; self.members.len()];
        let mut seconds = vec![None; self.members.len()];
        for at in reached.iter().copied() {
            let (Some(parent), Some(heir)) = (self.parent[at], heir) else { continue };
            let serves = |other: &usize| {
                let is_apart = if self.parent[parent].is_some() {
                    !is_below(*other, parent)
                } else if at == heir {
                    *other != parent && !is_below(*other, heir)
                } else {
                    is_below(*other, heir)
                };
                is_apart && self.cost_us(network, at, *other) != LOST
            };
            // A few milliseconds are worth it to not lean on one edge all at once.
            let cost = |other: usize| {
                let lean_us = 2_000 * (taken[other] + children[other].len()) as u64;
                (u64::from(self.cost_us(network, at, other)) + lean_us, other)
            };
            let chosen = reached.iter().copied().filter(serves).min_by_key(|other| cost(*other));
            if let Some(chosen) = chosen {
                taken[chosen] += 1;
                seconds[at] = Some(chosen);
            }
        }
        seconds
    }

    /// First and last number of each subtree, counted depth first.
    fn spans(&self, children: &[Vec<usize>]) -> Vec<(usize, usize)> {
        let mut spans = vec![(usize::MAX, usize::MAX); self.members.len()];
        let mut next = 0;
        let mut stack: Vec<(usize, bool)> = self.root.iter().map(|root| (*root, false)).collect();
        while let Some((at, is_done)) = stack.pop() {
            if is_done {
                spans[at].1 = next;
                continue;
            }
            spans[at].0 = next;
            next += 1;
            stack.push((at, true));
            stack.extend(children[at].iter().map(|child| (*child, false)));
        }
        spans
    }
}
