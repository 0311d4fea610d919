//! A plan mended where something of it was lost: whoever lost its parent goes to its second parent, as it has done by itself already;
//! newcomers are hung on; nobody else moves.
//!
//! The repaired tree may hold [`REPAIR_SPARE`] neighbours more per edge than a new one, for those who came from a lost edge.
//! An orphan whose second parent is lost as well (or has no slot left even so) goes to the cheapest edge with a slot.

use crate::network::{LOST, Network};
use crate::tree::{Plan, Tree};
use crate::{DEPTH_MAX, DIRECT_EDGES_MAX, REPAIR_SPARE};

/// `None` when so much is lost that nothing of the plan is worth keeping: no root, or a tree too deep.
pub(crate) fn repair(network: &Network, members: &[usize], previous: &Plan) -> Option<Tree> {
    let was_direct = previous.places.len() <= DIRECT_EDGES_MAX;
    if was_direct != (members.len() <= DIRECT_EDGES_MAX) {
        return None;
    }
    let position = |id: &String| members.binary_search(&network.index(id)?).ok();
    let mut tree = Tree::of_plan(network, members, previous);
    tree.spare = REPAIR_SPARE;
    if tree.root.is_none() {
        let heir = previous.heir.as_ref().and_then(position)?;
        tree.root = Some(heir);
    }
    if let Some(root) = tree.root {
        tree.parent[root] = None;
    }
    let orphans: Vec<usize> = (0..members.len())
        .filter(|at| tree.parent[*at].is_none() && Some(*at) != tree.root)
        .filter(|at| previous.places.contains_key(network.id(members[*at])))
        .collect();
    let rank = |tree: &Tree, at: usize| tree.levels().iter().any(|(reached, _)| *reached == at);
    for at in orphans {
        let second = previous.places.get(network.id(members[at])).and_then(|place| place.second.as_ref());
        let second = second.and_then(position).filter(|second| {
            rank(&tree, *second)
                && tree.cost_us(network, at, *second) != LOST
                && neighbours(&tree, *second) < slots(&tree, network, *second)
        });
        tree.parent[at] = second;
    }
    let levels = tree.levels();
    for (at, _) in &levels {
        tree.reached[*at] = true;
    }
    // A subtree whose top found no second parent keeps its shape: its top is hung on as a whole.
    hang_tops(network, &mut tree);
    tree.grow(network);
    tree.lift_root();
    (tree.depth_max() <= DEPTH_MAX).then_some(tree)
}

/// Tops of subtrees that hang nowhere go to the cheapest edge with a slot.
fn hang_tops(network: &Network, tree: &mut Tree) {
    let children = tree.children();
    let is_top = |at: &usize| !tree.reached[*at] && tree.parent[*at].is_none() && !children[*at].is_empty();
    let tops: Vec<usize> = (0..tree.members.len()).filter(is_top).collect();
    for at in tops {
        let takes = |other: &usize| {
            tree.cost_us(network, at, *other) != LOST
                && neighbours(tree, *other) < slots(tree, network, *other)
        };
        let reached = (0..tree.members.len()).filter(|other| tree.reached[*other]);
        let Some(parent) =
            reached.filter(takes).min_by_key(|other| (tree.cost_us(network, at, *other), *other))
        else {
            continue;
        };
        tree.attach(at, parent);
        for (below, _) in tree.levels() {
            tree.reached[below] = true;
        }
    }
    // What is still apart is taken in edge by edge.
    for at in 0..tree.members.len() {
        if !tree.reached[at] {
            tree.parent[at] = None;
        }
    }
}

fn neighbours(tree: &Tree, at: usize) -> usize {
    let children = tree.parent.iter().filter(|parent| **parent == Some(at)).count();
    children + usize::from(tree.parent[at].is_some())
}

fn slots(tree: &Tree, network: &Network, at: usize) -> usize {
    if tree.members.len() <= DIRECT_EDGES_MAX { usize::MAX } else { tree.slots(network, at) + tree.spare }
}
