use proptest::prelude::*;

use super::*;

const SEOUL: Location = Location { latitude: 37.5665, longitude: 126.9780 };
const GANGNEUNG: Location = Location { latitude: 37.7519, longitude: 128.8761 };
const JEJU: Location = Location { latitude: 33.4996, longitude: 126.5312 };
/// 17 km from Seoul, so a Seoul-Gangneung detour is about 150 km.
const ANYANG: Location = Location { latitude: 37.3943, longitude: 126.9568 };
/// Halfway from Seoul to Gangneung, slightly nearer to Gangneung.
const HOENGSEONG: Location = Location { latitude: 37.66, longitude: 127.99 };

fn node(id: &str, location: Option<Location>) -> Node {
    Node {
        id: id.into(),
        role: Role::Edge,
        region: id.split('-').next().unwrap_or(id).into(),
        location,
        url: format!("http://{id}"),
        quic: None,
        admin: String::new(),
        epoch: 1,
        draining: false,
        load: Load::default(),
        nodes: None,
        links: Vec::new(),
    }
}

fn country() -> [Node; 3] {
    [node("seoul-edge", Some(SEOUL)), node("gangneung-edge", Some(GANGNEUNG)), node("jeju-edge", Some(JEJU))]
}

fn at(location: Location) -> Hint {
    Hint { location: Some(location), region: None }
}

fn order(nodes: &[Node], carrying: &[&'static str], hint: &Hint) -> Vec<(String, Reason)> {
    let view = View { nodes: nodes.iter().collect(), carrying: carrying.iter().copied().collect() };
    let choices = nearest(&view, Role::Edge, hint, 10).choices;
    choices.into_iter().map(|choice| (choice.id, choice.reason)).collect()
}

fn ids(order: &[(String, Reason)]) -> Vec<&str> {
    order.iter().map(|(id, _)| id.as_str()).collect()
}

#[test]
fn the_nearest_edge_comes_first_by_position_or_by_region_name() {
    let nodes = country();
    let found = order(&nodes, &[], &at(ANYANG));
    assert_eq!(ids(&found), ["seoul-edge", "gangneung-edge", "jeju-edge"]);
    let hint = Hint { location: None, region: Some("jeju".into()) };
    assert_eq!(ids(&order(&nodes, &[], &hint))[0], "jeju-edge");
    let both = Hint { location: Some(ANYANG), region: Some("jeju".into()) };
    assert_eq!(ids(&order(&nodes, &[], &both))[0], "seoul-edge", "a position beats a region name");
}

#[test]
fn an_edge_that_carries_the_room_is_worth_a_small_detour_only() {
    let nodes = country();
    assert_eq!(ids(&order(&nodes, &[], &at(HOENGSEONG)))[0], "gangneung-edge");
    let found = order(&nodes, &["seoul-edge"], &at(HOENGSEONG));
    assert_eq!(found[0], ("seoul-edge".into(), Reason::CarriesRoom));
    let far = order(&nodes, &["jeju-edge"], &at(ANYANG));
    assert_eq!(ids(&far)[0], "seoul-edge", "400 km are no small detour");
}

#[test]
fn a_full_edge_is_left_out_and_named_a_loaded_one_set_back() {
    let mut nodes = country();
    nodes[0].load = Load { participants: 300, capacity: 300, ..Load::default() };
    let view = View { nodes: nodes.iter().collect(), carrying: BTreeSet::new() };
    let ranking = nearest(&view, Role::Edge, &at(ANYANG), 10);
    assert_eq!(ranking.choices[0].id, "gangneung-edge");
    assert_eq!(ranking.excluded, [Excluded { id: "seoul-edge".into(), obstacle: Obstacle::Full }]);
    nodes[0].load.participants = 299;
    let found = order(&nodes, &[], &at(ANYANG));
    assert_eq!(ids(&found)[0], "gangneung-edge");
    assert!(found.contains(&("seoul-edge".into(), Reason::Loaded)));
}

#[test]
fn a_draining_edge_serves_only_when_there_is_no_other() {
    let mut nodes = country();
    nodes[0].draining = true;
    assert_eq!(ids(&order(&nodes, &["seoul-edge"], &at(ANYANG))), ["gangneung-edge", "jeju-edge"]);
    assert_eq!(order(&nodes[..1], &[], &at(ANYANG)), [("seoul-edge".into(), Reason::Draining)]);
    nodes[0].load = Load { participants: 5, capacity: 5, ..Load::default() };
    assert!(order(&nodes[..1], &[], &at(ANYANG)).is_empty(), "full beats draining");
}

#[test]
fn without_any_position_the_emptier_edge_comes_first() {
    let mut nodes = country().map(|node| Node { location: None, ..node });
    nodes[1].load.participants = 3;
    nodes[2].load.participants = 7;
    assert_eq!(ids(&order(&nodes, &[], &Hint::default())), ["seoul-edge", "gangneung-edge", "jeju-edge"]);
    let hint = Hint { location: None, region: Some("jeju".into()) };
    assert_eq!(order(&nodes, &[], &hint)[0], ("jeju-edge".into(), Reason::Region));
}

#[test]
fn a_measured_round_trip_goes_before_distance() {
    let nodes = country();
    let view = View { nodes: nodes.iter().collect(), carrying: BTreeSet::new() };
    // Seoul is 17 km away, but its network takes 40 ms.
    let rtt_ms = BTreeMap::from([("seoul-edge", 40.0), ("gangneung-edge", 6.0), ("jeju-edge", f32::NAN)]);
    let measured = Measured { rtt_ms, current: None };
    let found = nearest_measured(&view, Role::Edge, &at(ANYANG), &measured, 10).choices;
    let found: Vec<_> = found.iter().map(|choice| (choice.id.as_str(), choice.reason)).collect();
    assert_eq!(found[0], ("gangneung-edge", Reason::Measured));
    assert_eq!(found[1], ("jeju-edge", Reason::Nearest), "what is not a number was not measured");
}

#[test]
fn a_user_stays_unless_another_edge_is_enough_nearer() {
    let nodes = country();
    let view = View { nodes: nodes.iter().collect(), carrying: BTreeSet::new() };
    let from = |current, rtt_ms: [f32; 2]| {
        let rtt_ms = BTreeMap::from([("seoul-edge", rtt_ms[0]), ("gangneung-edge", rtt_ms[1])]);
        let measured = Measured { rtt_ms, current: Some(current) };
        nearest_measured(&view, Role::Edge, &at(ANYANG), &measured, 1).choices.remove(0)
    };
    let ranked = from("gangneung-edge", [10.0, 12.0]);
    assert_eq!((ranked.id.as_str(), ranked.reason), ("gangneung-edge", Reason::Stays));
    assert_eq!(from("seoul-edge", [12.0, 10.0]).id, "seoul-edge", "no swinging to and fro");
    assert_eq!(from("gangneung-edge", [10.0, 30.0]).id, "seoul-edge");
}

#[test]
fn a_full_edge_is_never_chosen_whatever_speaks_for_it() {
    let mut nodes = country();
    nodes[0].load = Load { participants: 300, capacity: 300, ..Load::default() };
    let view = View { nodes: nodes.iter().collect(), carrying: BTreeSet::from(["seoul-edge"]) };
    let measured = Measured { rtt_ms: BTreeMap::from([("seoul-edge", 0.5)]), current: Some("seoul-edge") };
    let ranking = nearest_measured(&view, Role::Edge, &at(SEOUL), &measured, 10);
    assert!(ranking.choices.iter().all(|choice| choice.id != "seoul-edge"));
    assert_eq!(ranking.excluded, [Excluded { id: "seoul-edge".into(), obstacle: Obstacle::Full }]);
}

fn any_location() -> impl Strategy<Value = Option<Location>> {
    let degrees = prop_oneof![9 => -180.0..180.0f64, 1 => Just(f64::NAN), 1 => Just(1e9)];
    proptest::option::of(
        (degrees.clone(), degrees).prop_map(|(latitude, longitude)| Location { latitude, longitude }),
    )
}

fn any_node() -> impl Strategy<Value = Node> {
    let load = (0..5u32, 0..5u32, prop_oneof![0.0..2.0f32, Just(f32::NAN)]);
    (any_location(), any::<bool>(), load).prop_map(|(location, draining, (participants, capacity, cpu))| {
        Node { draining, load: Load { participants, capacity, cpu, ..Load::default() }, ..node("", location) }
    })
}

proptest! {
    #[test]
    fn the_order_is_sound_and_independent_of_how_the_nodes_came(
        mut nodes in proptest::collection::vec(any_node(), 0..12),
        carrying in proptest::collection::btree_set(0..12usize, 0..4),
        user in any_location(),
        region in proptest::option::of(0..3usize),
        rotation in 0..12usize,
    ) {
        for (index, node) in nodes.iter_mut().enumerate() {
            node.id = format!("node-{index:02}");
            node.region = format!("region-{}", index % 3);
        }
        let names: Vec<String> = carrying.iter().map(|index| format!("node-{index:02}")).collect();
        let hint = Hint { location: user, region: region.map(|region| format!("region-{region}")) };
        let view = View { nodes: nodes.iter().collect(), carrying: names.iter().map(String::as_str).collect() };
        let ranking = nearest(&view, Role::Edge, &hint, usize::MAX);

        let by_id = |id: &str| nodes.iter().find(|node| node.id == id).expect("an id that was given");
        prop_assert!(ranking.choices.iter().all(|choice| !is_full(&by_id(&choice.id).load)));
        let steady = nodes.iter().filter(|node| !node.draining && !is_full(&node.load)).count();
        if steady > 0 {
            prop_assert!(ranking.choices.iter().all(|choice| !by_id(&choice.id).draining));
            prop_assert_eq!(ranking.choices.len(), steady);
        }
        prop_assert_eq!(ranking.choices.len() + ranking.excluded.len(), nodes.len());

        let user = User::new(&view.nodes, &hint, &Measured::default());
        let measured = Measured::default();
        let cost_km = |id: &str| rate(view.carrying.contains(id), &hint, &measured, &user, by_id(id)).cost_km;
        let costs: Vec<f64> = ranking.choices.iter().map(|choice| cost_km(&choice.id)).collect();
        prop_assert!(costs.iter().all(|cost| cost.is_finite()));
        prop_assert!(costs.is_sorted());

        let mut turned: Vec<&Node> = nodes.iter().collect();
        let turns = rotation.min(turned.len());
        turned.rotate_left(turns);
        turned.reverse();
        let again = nearest(&View { nodes: turned, ..view.clone() }, Role::Edge, &hint, usize::MAX);
        prop_assert_eq!(&ranking, &again);

        let atlas = crate::Atlas::new(&view.nodes, Role::Edge);
        for limit in [0, 1, 3, 12] {
            let quick = atlas.nearest(&atlas.carrying(view.carrying.iter().copied()), &hint, &Measured::default(), limit);
            prop_assert_eq!(&quick, &nearest(&view, Role::Edge, &hint, limit), "the atlas answers alike");
        }

        let few = nearest(&view, Role::Edge, &hint, 2);
        prop_assert_eq!(&few.choices[..], &ranking.choices[..ranking.choices.len().min(2)]);
    }
}
