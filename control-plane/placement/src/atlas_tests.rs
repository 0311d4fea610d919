use std::collections::BTreeSet;

use control_plane_api::node::Load;
use proptest::prelude::*;

use super::*;
use crate::{View, nearest_measured};

/// A fleet with towns: many nodes in few places, across the date line and at the poles too.
fn any_fleet() -> impl Strategy<Value = Vec<Node>> {
    let town = (-90.0..=90.0f64, -180.0..=180.0f64);
    let node = (0..4usize, -1.0..1.0f64, -1.0..1.0f64, 0..10u32, proptest::option::weighted(0.95, Just(())));
    (proptest::collection::vec(town, 4), proptest::collection::vec(node, 0..160)).prop_map(
        |(towns, nodes)| {
            let place = |town: usize, north: f64, east: f64| Location {
                latitude: (towns[town].0 + north).clamp(-90.0, 90.0),
                longitude: (towns[town].1 + east).clamp(-180.0, 180.0),
            };
            let made =
                nodes.into_iter().enumerate().map(|(index, (town, north, east, participants, located))| {
                    Node {
                        id: format!("node-{index:03}"),
                        role: Role::Edge,
                        region: format!("town-{town}"),
                        location: located.map(|()| place(town, north, east)),
                        url: String::new(),
                        quic: None,
                        nodes: None,
                        admin: String::new(),
                        epoch: 1,
                        draining: index % 17 == 0,
                        load: Load { participants, capacity: 9, ..Load::default() },
                        links: Vec::new(),
                    }
                });
            made.collect()
        },
    )
}

proptest! {
    #[test]
    fn the_atlas_answers_as_the_plain_order_does(
        nodes in any_fleet(),
        user in proptest::option::weighted(0.9, (-90.0..=90.0f64, -180.0..=180.0f64)),
        near in proptest::option::of(0..160usize),
        carrying in proptest::collection::btree_set(0..160usize, 0..6),
        rtts in proptest::collection::btree_map(0..160usize, prop_oneof![0.1..300.0f32, Just(f32::NAN)], 0..4),
        current in proptest::option::of(0..160usize),
        limit in 0..9usize,
    ) {
        let name = |index: usize| format!("node-{index:03}");
        // Half the users live where a node is.
        let near = near.and_then(|index| nodes.get(index)).and_then(|node| node.location);
        let far = user.map(|(latitude, longitude)| Location { latitude, longitude });
        let hint = Hint { location: near.or(far), region: Some("town-1".into()) };
        let names: Vec<String> = carrying.into_iter().map(name).collect();
        let rtts: Vec<(String, f32)> = rtts.into_iter().map(|(index, rtt_ms)| (name(index), rtt_ms)).collect();
        let current = current.map(name);
        let measured = Measured {
            rtt_ms: rtts.iter().map(|(id, rtt_ms)| (id.as_str(), *rtt_ms)).collect(),
            current: current.as_deref(),
        };
        let view = View { nodes: nodes.iter().collect(), carrying: names.iter().map(String::as_str).collect::<BTreeSet<_>>() };
        let atlas = Atlas::new(&view.nodes, Role::Edge);
        let carrying = atlas.carrying(names.iter().map(String::as_str));
        let quick = atlas.nearest(&carrying, &hint, &measured, limit);
        prop_assert_eq!(&quick, &nearest_measured(&view, Role::Edge, &hint, &measured, limit));
        let first = atlas.first(&carrying, &hint, &measured).map(|node| node.id.clone());
        prop_assert_eq!(first, nearest_measured(&view, Role::Edge, &hint, &measured, 1).choices.first().map(|choice| choice.id.clone()));
    }

    #[test]
    fn no_place_of_a_cell_is_farther_from_its_centre(latitude in -90.0..=90.0f64, longitude in -180.0..=180.0f64) {
        let middle = |degrees: f64, end: f64| {
            let cell = ((degrees + end) / CELL_DEGREES).floor().min(2.0 * end / CELL_DEGREES - 1.0);
            (cell + 0.5) * CELL_DEGREES - end
        };
        let centre = Location { latitude: middle(latitude, 90.0), longitude: middle(longitude, 180.0) };
        let distance = distance_km(&centre, &Location { latitude, longitude }).expect("on the globe");
        prop_assert!(distance <= CELL_RADIUS_KM, "{distance}");
    }
}
