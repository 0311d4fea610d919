use control_plane_api::node::{Link, Load, Location, Node, Role};
use proptest::prelude::*;

use super::*;
use crate::REPAIR_SPARE;

fn node(index: usize, location: Option<Location>) -> Node {
    Node {
        id: format!("edge-{index:03}"),
        role: Role::Edge,
        region: "r".into(),
        location,
        url: String::new(),
        quic: None,
        admin: String::new(),
        epoch: 1,
        draining: false,
        load: Load::default(),
        nodes: None,
        links: Vec::new(),
    }
}

fn network(nodes: &[Node]) -> Network {
    Network::new(&nodes.iter().collect::<Vec<_>>())
}

fn ids(nodes: &[Node]) -> BTreeSet<&str> {
    nodes.iter().map(|node| node.id.as_str()).collect()
}

/// Who `id` hangs on once `gone` (and the link `cut`) is lost and those concerned went to their second parents.
fn after<'a>(plan: &'a Plan, id: &str, gone: Option<&str>, cut: Option<(&str, &str)>) -> Option<&'a str> {
    let place = &plan.places[id];
    let first = place.first.as_deref()?;
    let is_cut = cut.is_some_and(|(a, b)| (a, b) == (id, first) || (b, a) == (id, first));
    let root_is_gone = gone.is_some() && gone == plan.root.as_deref();
    if root_is_gone && plan.heir.as_deref() == Some(id) {
        return None;
    }
    if Some(first) == gone || is_cut { place.second.as_deref() } else { Some(first) }
}

/// Everybody left comes to one root without a loop.
fn holds(plan: &Plan, gone: Option<&str>, cut: Option<(&str, &str)>) -> bool {
    let left: Vec<&str> = plan.places.keys().map(String::as_str).filter(|id| Some(*id) != gone).collect();
    let root_of = |id: &str| {
        let mut at = id;
        for _ in 0..=left.len() {
            match after(plan, at, gone, cut) {
                Some(up) if Some(up) != gone => at = plan.places.get_key_value(up)?.0,
                Some(_) => return None,
                None => return plan.places.get_key_value(at).map(|(id, _)| id.as_str()),
            }
        }
        None
    };
    let roots: BTreeSet<Option<&str>> = left.iter().map(|id| root_of(id)).collect();
    left.is_empty() || (roots.len() == 1 && !roots.contains(&None))
}

fn any_nodes(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Node>> {
    let place = proptest::option::weighted(0.9, (-90.0..90.0f64, -180.0..180.0f64));
    let one = (place, proptest::option::weighted(0.3, (any::<u8>(), -5.0..400.0f32, 0.0..0.2f32)), 0..20u8);
    proptest::collection::vec(one, count).prop_map(|all| {
        let count = all.len();
        let each = all.into_iter().enumerate().map(|(index, (place, link, kind))| {
            let location = place.map(|(latitude, longitude)| Location { latitude, longitude });
            let mut node = node(index, location);
            node.draining = kind == 0;
            node.load.cpu = if kind == 1 { 0.9 } else { 0.1 };
            node.links = link
                .iter()
                .map(|(peer, rtt_ms, loss)| Link {
                    peer: format!("edge-{:03}", usize::from(*peer) % count),
                    rtt_ms: *rtt_ms,
                    loss: *loss,
                    bitrate_in_bps: 0,
                    bitrate_out_bps: 0,
                    flows_out: 0,
                    flows_in: 0,
                    wire_version: 0,
                })
                .collect();
            node
        });
        each.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_tree_is_whole_shallow_and_survives_any_one_loss(nodes in any_nodes(0..48)) {
        let network = network(&nodes);
        let plan = plan(&network, &ids(&nodes), None);
        prop_assert!(holds(&plan, None, None), "everybody hangs on one root");
        prop_assert!(plan.unreached.is_empty());
        let depth = |id: &str| {
            std::iter::successors(Some(id), |at| plan.places[*at].first.as_deref()).count() - 1
        };
        for (id, place) in &plan.places {
            prop_assert!(depth(id) <= DEPTH_MAX);
            let neighbours = place.children.len() + usize::from(place.first.is_some());
            if plan.shape == Shape::Tree && !plan.crowded.contains(id) {
                let one = nodes.iter().find(|node| node.id == *id).expect("a node that was given");
                let slots = if one.draining || one.load.cpu > 0.7 { 2 } else { degree(nodes.len()) };
                prop_assert!(neighbours <= slots, "{id} has {neighbours} of {slots}");
            }
            prop_assert!(place.first.is_none() || place.first != place.second);
            if nodes.len() > 2 {
                prop_assert_eq!(place.first.is_some(), place.second.is_some());
            }
            prop_assert!(place.children.iter().all(|child| plan.places[child].first.as_ref() == Some(id)));
        }
        for (id, place) in &plan.places {
            prop_assert!(holds(&plan, Some(id), None), "without {id}: {plan:?}");
            if let Some(first) = place.first.as_ref().filter(|_| nodes.len() > 2) {
                prop_assert!(holds(&plan, None, Some((id, first))), "without {id} - {first}: {plan:?}");
            }
        }
    }

    #[test]
    fn the_order_of_nodes_does_not_show(nodes in any_nodes(0..24), turns in 0..24usize) {
        let mut turned = nodes.clone();
        let by = turns.min(turned.len());
        turned.rotate_left(by);
        turned.reverse();
        prop_assert_eq!(plan(&network(&nodes), &ids(&nodes), None), plan(&network(&turned), &ids(&turned), None));
    }

    #[test]
    fn a_lost_edge_moves_its_children_alone_and_as_they_moved_by_themselves(
        nodes in any_nodes(8..40),
        lost in any::<prop::sample::Index>(),
    ) {
        let before = plan(&network(&nodes), &ids(&nodes), None);
        let gone = nodes[lost.index(nodes.len())].id.clone();
        let left: Vec<Node> = nodes.iter().filter(|node| node.id != gone).cloned().collect();
        let network = network(&left);
        let after_it = plan(&network, &ids(&left), Some(&before));
        prop_assert!(holds(&after_it, None, None));
        // Where the room moved on to a wholly better tree, it is not a repair.
        let members = super::members(&network, &ids(&left));
        let Some(kept) = repair(&network, &members, &before) else { return Ok(()) };
        let kept = kept.into_plan(&network);
        let moved: Vec<&String> = kept
            .places
            .iter()
            .filter(|(id, place)| place.first != before.places[*id].first)
            .map(|(id, _)| id)
            .collect();
        let lifted = kept.root != before.root;
        for id in moved {
            let was_child = before.places[id].first.as_ref() == Some(&gone);
            let by_root = lifted && (kept.root.as_ref() == Some(id) || kept.places[id].first == kept.root);
            prop_assert!(was_child || by_root, "{id} moved for {gone}");
        }
        for (id, place) in &kept.places {
            let neighbours = place.children.len() + usize::from(place.first.is_some());
            prop_assert!(kept.crowded.contains(id) || neighbours <= degree(left.len()) + REPAIR_SPARE);
        }
    }

    #[test]
    fn small_changes_of_cost_move_nobody(nodes in any_nodes(0..24), shift in -0.03..0.03f64) {
        let before = plan(&network(&nodes), &ids(&nodes), None);
        let mut later = nodes;
        for node in &mut later {
            node.links.iter_mut().for_each(|link| link.rtt_ms *= 1.0 + shift as f32);
        }
        let again = plan(&network(&later), &ids(&later), Some(&before));
        for (id, place) in &again.places {
            prop_assert_eq!(&place.first, &before.places[id].first);
        }
    }

    #[test]
    fn with_links_lost_nothing_is_planned_over_them(
        nodes in any_nodes(2..20),
        lost in proptest::collection::vec((0..20usize, 0..20usize), 0..120),
    ) {
        let mut network = network(&nodes);
        let before = plan(&network, &ids(&nodes), None);
        for (a, b) in &lost {
            network.lose_link(&format!("edge-{a:03}"), &format!("edge-{b:03}"));
        }
        for previous in [None, Some(&before)] {
            let plan = plan(&network, &ids(&nodes), previous);
            for (id, place) in &plan.places {
                for parent in place.first.iter().chain(&place.second) {
                    prop_assert!(network.cost_ms(id, parent).is_some());
                }
                let hangs = place.first.is_some() || plan.root.as_ref() == Some(id);
                prop_assert!(hangs || plan.unreached.contains(id), "{id} is neither in nor named");
            }
            for apart in &plan.unreached {
                let joined = plan.places.keys().filter(|id| !plan.unreached.contains(id));
                prop_assert_eq!(joined.filter(|id| network.cost_ms(id, apart).is_some()).count(), 0);
            }
        }
    }
}

#[test]
fn a_room_is_direct_while_small_and_a_tree_of_bounded_degree_above() {
    let nodes: Vec<Node> = (0..1_000)
        .map(|i| node(i, Some(Location { latitude: (i % 90) as f64, longitude: (i % 170) as f64 })))
        .collect();
    let network = network(&nodes);
    let of = |count: usize| plan(&network, &ids(&nodes[..count]), None);
    assert_eq!(of(DIRECT_EDGES_MAX).shape, Shape::Direct);
    assert_eq!(of(DIRECT_EDGES_MAX).neighbours("edge-000").len(), DIRECT_EDGES_MAX - 1);
    assert_eq!(of(DIRECT_EDGES_MAX + 1).shape, Shape::Tree);
    assert_eq!((degree(7), degree(161), degree(162), degree(3_201)), (4, 4, 5, 8));
    let large = of(200);
    assert!(large.crowded.is_empty() && large.unreached.is_empty());
    assert!(large.places.keys().all(|id| large.neighbours(id).len() <= 5));
}

#[test]
fn a_much_better_tree_replaces_the_old_one() {
    let at = |i: usize, longitude: f64| node(i, Some(Location { latitude: 0.0, longitude }));
    let mut nodes: Vec<Node> = (0..8).map(|i| at(i, 10.0 * i as f64)).collect();
    let before = plan(&network(&nodes), &ids(&nodes), None);
    // The edges are elsewhere now, all in the other order.
    nodes = (0..8).map(|i| at(i, 10.0 * ((i * 3) % 8) as f64)).collect();
    let network = network(&nodes);
    let stale = total_ms(&network, &before);
    let moved = plan(&network, &ids(&nodes), Some(&before));
    assert!(total_ms(&network, &moved) < stale * (1.0 - BETTER_SHARE), "{stale}");
}

#[test]
fn an_edge_that_drains_carries_as_little_as_it_can() {
    let mut nodes: Vec<Node> =
        (0..9).map(|i| node(i, Some(Location { latitude: 0.0, longitude: i as f64 }))).collect();
    let before = plan(&network(&nodes), &ids(&nodes), None);
    let root = before.root.expect("there are edges");
    nodes.iter_mut().filter(|node| node.id == root).for_each(|node| node.draining = true);
    let after = plan(&network(&nodes), &ids(&nodes), None);
    assert_ne!(after.root, Some(root.clone()));
    assert!(after.neighbours(&root).len() <= 2);
}
