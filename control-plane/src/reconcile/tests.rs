use std::collections::BTreeSet;

use control_plane_agent::store::embedded::Embedded;
use control_plane_agent::store::{LeaseId, Listing, Revision, Watch};
use control_plane_api::node::{Load, Location, Node, Role};
use control_plane_api::room::Presence;
use futures_util::future::BoxFuture;
use prometheus_client::registry::Registry;
use tokio_util::sync::DropGuard;

use super::*;

/// A store, a view of it, and as many planners as wanted, in virtual time.
struct Land {
    store: Arc<dyn Store>,
    metrics: Metrics,
    view: View,
    _stop: DropGuard,
}

impl Land {
    async fn start(planners: usize, edges: usize) -> Self {
        let store: Arc<dyn Store> = Arc::new(Embedded::in_memory());
        let stop = CancellationToken::new();
        let view = View::start(&store, &stop);
        let metrics = Metrics::register(&mut Registry::default(), view.clone());
        for index in 0..edges {
            put(&*store, &key::node(&edge(index)), &node(index)).await;
        }
        for _ in 0..planners {
            let view = View::start(&store, &stop);
            tokio::spawn(run(view, store.clone(), metrics.clone(), stop.clone()));
        }
        Self { store, metrics, view, _stop: stop.drop_guard() }
    }

    async fn open(&self, room: &str, sid: &str) {
        let record = Room {
            name: room.into(),
            sid: sid.into(),
            created_at_ms: 1,
            metadata: String::new(),
            recording: false,
        };
        put(&*self.store, &key::room(room), &record).await;
    }

    async fn enter(&self, room: &str, sid: &str, edges: impl IntoIterator<Item = usize>) {
        for index in edges {
            let presence = Presence {
                room: room.into(),
                room_sid: sid.into(),
                node: edge(index),
                participants: 1,
                identities: Vec::new(),
            };
            put(&*self.store, &key::presence(room, &edge(index)), &presence).await;
        }
    }

    async fn leave(&self, room: &str, edges: impl IntoIterator<Item = usize>) {
        for index in edges {
            self.store.delete(&key::presence(room, &edge(index))).await.expect("delete");
        }
    }

    /// Waits until the room's record is as wanted.
    async fn until(&self, room: &str, holds: impl Fn(Option<&Topology>) -> bool) -> Option<Topology> {
        let mut topologies = self.view.topologies.subscribe();
        let seen = topologies.wait_for(|records| holds(records.get(room)));
        let seen = tokio::time::timeout(Duration::from_secs(30), seen).await;
        seen.unwrap_or_else(|_| panic!("{room}: in vain")).expect("the view stands").get(room).cloned()
    }

    async fn tree_of(&self, room: &str, sid: &str, edges: &BTreeSet<String>) -> Topology {
        let is_whole = |record: Option<&Topology>| {
            record.is_some_and(|record| record.room_sid == sid && record.places.keys().eq(edges))
        };
        self.until(room, is_whole).await.expect("whole")
    }

    fn count(&self, outcome: &str) -> u64 {
        self.metrics.room_plans.get_or_create(&Outcome::of(outcome)).get()
    }
}

async fn put<T: serde::Serialize>(store: &dyn Store, key: &str, record: &T) {
    store.put(key, serde_json::to_vec(record).expect("plain data").into(), None).await.expect("put");
}

fn edge(index: usize) -> String {
    format!("edge-{index:02}")
}

fn edges(indices: impl IntoIterator<Item = usize>) -> BTreeSet<String> {
    indices.into_iter().map(edge).collect()
}

fn node(index: usize) -> Node {
    Node {
        id: edge(index),
        role: Role::Edge,
        region: "r".into(),
        location: Some(Location {
            latitude: 33.0 + (index % 4) as f64,
            longitude: 124.0 + (index / 4) as f64,
        }),
        url: String::new(),
        quic: None,
        admin: String::new(),
        nodes: None,
        epoch: 1,
        draining: false,
        load: Load::default(),
        links: Vec::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_room_on_many_edges_gets_a_tree_that_is_mended_where_it_breaks_and_goes_when_few_are_left() {
    let land = Land::start(1, 10).await;
    land.open("붓글씨", "RM_1").await;
    land.enter("붓글씨", "RM_1", 0..6).await;
    land.open("flowers", "RM_2").await;
    land.enter("flowers", "RM_2", 0..9).await;
    let tree = land.tree_of("flowers", "RM_2", &edges(0..9)).await;
    assert!(!land.view.topologies().contains_key("붓글씨"), "six edges are linked directly");
    assert!(
        tree.places.iter().all(|(id, place)| (place.first.is_none()) == (*id == tree.root)),
        "one root: {tree:?}"
    );
    assert!(tree.places.values().filter(|place| place.first.is_some()).all(|place| place.second.is_some()));

    // An edge dies with its lease: only its children move, to the second parents they had.
    let lost = tree.places.values().find_map(|place| place.first.clone().filter(|id| *id != tree.root));
    let lost = lost.unwrap_or_else(|| tree.places.keys().find(|id| **id != tree.root).expect("one").clone());
    land.store.delete(&key::node(&lost)).await.expect("delete");
    land.store.delete(&key::presence("flowers", &lost)).await.expect("delete");
    let left: BTreeSet<String> = edges(0..9).into_iter().filter(|id| *id != lost).collect();
    let mended = land.tree_of("flowers", "RM_2", &left).await;
    for (id, place) in &mended.places {
        let before = &tree.places[id];
        let expected = if before.first.as_ref() == Some(&lost) { &before.second } else { &before.first };
        assert_eq!(&place.first, expected, "{id}");
    }

    let stay: BTreeSet<usize> = (0..9).filter(|index| edge(*index) != lost).take(6).collect();
    land.leave("flowers", (0..9).filter(|index| !stay.contains(index))).await;
    land.until("flowers", |record| record.is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn many_control_planes_agree_and_a_plan_overwritten_with_nonsense_comes_right() {
    let land = Land::start(4, 12).await;
    land.open("a", "RM_1").await;
    land.enter("a", "RM_1", 0..12).await;
    land.tree_of("a", "RM_1", &edges(0..12)).await;
    let settled = async || {
        tokio::time::sleep(Duration::from_secs(25)).await;
        land.store.get(&key::topology("a")).await.expect("get").expect("a plan")
    };
    let first = settled().await;
    assert_eq!(settled().await.mod_revision, first.mod_revision, "nobody writes what stands already");
    assert!(land.count("written") <= 12, "{}", land.count("written"));
    assert_eq!((land.count("conflict"), land.count("failed")), (0, 0));

    let nonsense: Topology =
        serde_json::from_value(serde_json::json!({"room": "a", "room_sid": "RM_1", "root": "nobody",
            "places": {"edge-00": {"first": "edge-00"}, "stranger": {"first": "edge-01"}}}))
        .expect("a record");
    put(&*land.store, &key::topology("a"), &nonsense).await;
    land.tree_of("a", "RM_1", &edges(0..12)).await;
    land.store.put(&key::topology("a"), Bytes::from_static(b"\xff{"), None).await.expect("put");
    land.tree_of("a", "RM_1", &edges(0..12)).await;
}

/// A store with another writer, who writes `records` one after the other, each just before a transaction here.
#[derive(Debug)]
struct Meddled {
    store: Embedded,
    records: parking_lot::Mutex<Vec<Topology>>,
}

impl Store for Meddled {
    fn grant(&self, ttl: Duration) -> BoxFuture<'_, Result<LeaseId, Error>> {
        self.store.grant(ttl)
    }

    fn keep_alive(&self, lease: LeaseId) -> BoxFuture<'_, Result<Duration, Error>> {
        self.store.keep_alive(lease)
    }

    fn revoke(&self, lease: LeaseId) -> BoxFuture<'_, Result<(), Error>> {
        self.store.revoke(lease)
    }

    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, Error>> {
        self.store.get(key)
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Listing, Error>> {
        self.store.list(prefix)
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        lease: Option<LeaseId>,
    ) -> BoxFuture<'a, Result<Revision, Error>> {
        self.store.put(key, value, lease)
    }

    fn compare_and_put<'a>(
        &'a self,
        key: &'a str,
        expected: Revision,
        value: Bytes,
        lease: Option<LeaseId>,
    ) -> BoxFuture<'a, Result<Compared, Error>> {
        Box::pin(async move {
            let other = self.records.lock().pop();
            if let Some(other) = other {
                put(&self.store, key, &other).await;
            }
            self.store.compare_and_put(key, expected, value, lease).await
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool, Error>> {
        self.store.delete(key)
    }

    fn watch<'a>(&'a self, prefix: &'a str, from: Revision) -> BoxFuture<'a, Result<Watch, Error>> {
        self.store.watch(prefix, from)
    }
}

fn first_write() -> (Topology, Box<Basis>) {
    let nodes: Vec<Node> = (0..8).map(node).collect();
    let snapshot = Snapshot::for_tests(&nodes, "a", "RM_1", std::collections::BTreeMap::default());
    let round = Planner::default().round(&snapshot, std::time::Instant::now());
    let Some(Step::Write { wanted, basis }) = round.steps.into_iter().next() else { panic!("a plan") };
    (wanted, basis)
}

/// Another writer gets between reading and writing, again and again; the plan is made anew each time from what stands.
#[tokio::test]
async fn a_writer_in_between_again_and_again_is_taken_into_account() {
    let (wanted, basis) = first_write();
    let old_life = |index: usize| Topology { room_sid: format!("RM_old{index}"), ..wanted.clone() };
    let meddled = |records: Vec<Topology>| Meddled {
        store: Embedded::in_memory(),
        records: parking_lot::Mutex::new(records),
    };
    let store = meddled((1..TRIES_MAX).map(old_life).collect());
    assert_eq!(write(&store, &wanted, &basis).await, Ok("written"));
    let entry = store.get(&key::topology("a")).await.expect("get").expect("written");
    assert_eq!(read(&entry), Some(wanted.clone()));
    // The other is another control plane, which writes as good a plan: that one stands.
    let other = store_of_another(&wanted);
    let store = meddled(vec![other.clone()]);
    assert_eq!(write(&store, &wanted, &basis).await, Ok("same"));
    let entry = store.get(&key::topology("a")).await.expect("get").expect("written");
    assert_eq!(read(&entry), Some(other));
    let store = meddled((0..TRIES_MAX).map(old_life).collect());
    assert_eq!(write(&store, &wanted, &basis).await, Ok("conflict"), "the next round sees to it");
}

#[tokio::test]
async fn a_plan_written_since_the_view_was_read_is_gone_on_from() {
    let store = Embedded::in_memory();
    let (wanted, basis) = first_write();
    // What stands is a sound plan with another root, as a control plane with other costs may have made it.
    let other = store_of_another(&wanted);
    put(&store, &key::topology("a"), &other).await;
    assert_eq!(write(&store, &wanted, &basis).await, Ok("same"), "a standing plan as good is kept");
    let old = Topology { room_sid: "RM_0".into(), ..other };
    put(&store, &key::topology("a"), &old).await;
    assert_eq!(write(&store, &wanted, &basis).await, Ok("written"), "the life before does not count");
    let entry = store.get(&key::topology("a")).await.expect("get").expect("written");
    assert_eq!(read(&entry), Some(wanted));
}

/// A tree of the same edges, sound and kept by the planner, and not what it would make afresh.
fn store_of_another(plan: &Topology) -> Topology {
    let nodes: Vec<Node> = (0..8).map(node).collect();
    let network = control_plane_placement::Network::new(&nodes.iter().collect::<Vec<_>>());
    let ids = edges(0..8);
    let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    // A plan that went through a loss and a return has a shape of its own.
    let without: BTreeSet<&str> = ids.iter().copied().filter(|id| *id != plan.root).collect();
    let shrunk = control_plane_placement::plan(&network, &without, None);
    let grown = control_plane_placement::plan(&network, &ids, Some(&shrunk));
    let record = grown.to_record("a", "RM_1").expect("a tree");
    assert_ne!(&record, plan, "otherwise this shows nothing");
    record
}

#[tokio::test(start_paused = true)]
async fn records_of_rooms_nobody_holds_go_after_their_grace_and_not_before() {
    let land = Land::start(2, 9).await;
    for (room, sid) in [("over", "RM_1"), ("late", "RM_2")] {
        land.open(room, sid).await;
        land.enter(room, sid, 0..9).await;
        land.tree_of(room, sid, &edges(0..9)).await;
    }
    land.leave("over", 0..9).await;
    land.leave("late", 0..9).await;
    tokio::time::sleep(rounds::TOPOLOGY_GRACE / 2).await;
    assert!(land.view.topologies().contains_key("over"), "leases may only be late");
    land.enter("late", "RM_2", 0..9).await;
    land.until("over", |record| record.is_none()).await;
    tokio::time::sleep(rounds::ROOM_GRACE / 2).await;
    assert!(land.view.rooms().contains_key("over"), "a grace for who is about to join");
    tokio::time::sleep(rounds::ROOM_GRACE).await;
    assert!(!land.view.rooms().contains_key("over"));
    assert!(land.view.rooms().contains_key("late") && land.view.topologies().contains_key("late"));
}

#[tokio::test(start_paused = true)]
async fn a_new_life_of_a_room_gets_a_new_plan_and_edges_of_the_old_one_no_place() {
    let land = Land::start(1, 12).await;
    land.open("a", "RM_1").await;
    land.enter("a", "RM_1", 0..8).await;
    land.tree_of("a", "RM_1", &edges(0..8)).await;
    land.open("a", "RM_2").await;
    land.enter("a", "RM_2", 4..12).await;
    // Edges 0 to 3 still say RM_1: they came back from a split and are told so by the record.
    land.tree_of("a", "RM_2", &edges(4..12)).await;
}
