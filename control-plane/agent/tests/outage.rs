//! A node while its store is away, comes back, or forgets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use control_plane_agent::mirror::{Mirror, State};
use control_plane_agent::registration::{Registration, Status, TTL_DEFAULT};
use control_plane_agent::store::embedded::Embedded;
use control_plane_agent::store::{Compared, Entry, Error, LeaseId, Listing, Revision, Store, Watch};
use control_plane_agent::view::View;
use control_plane_api::key;
use control_plane_api::node::{Load, Node, Role};
use control_plane_api::room::Presence;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A way to a store that can be cut.
#[derive(Debug)]
struct Line {
    store: Embedded,
    up: watch::Sender<bool>,
    /// Where the newest watch began.
    from: AtomicU64,
    /// What each write takes, one after the other.
    write_ms: AtomicU64,
    writing: tokio::sync::Mutex<()>,
}

impl Line {
    fn new() -> (Arc<Self>, Arc<dyn Store>) {
        let line = Arc::new(Self {
            store: Embedded::in_memory(),
            up: watch::Sender::new(true),
            from: AtomicU64::new(0),
            write_ms: AtomicU64::new(0),
            writing: tokio::sync::Mutex::default(),
        });
        (line.clone(), line)
    }

    fn check(&self) -> Result<(), Error> {
        if *self.up.borrow() { Ok(()) } else { Err(Error::unavailable("cut")) }
    }

    fn ask<'a, T: Send + 'a>(
        &'a self,
        call: BoxFuture<'a, Result<T, Error>>,
    ) -> BoxFuture<'a, Result<T, Error>> {
        async move {
            self.check()?;
            call.await
        }
        .boxed()
    }
}

impl Store for Line {
    fn grant(&self, ttl: Duration) -> BoxFuture<'_, Result<LeaseId, Error>> {
        self.ask(self.store.grant(ttl))
    }
    fn keep_alive(&self, lease: LeaseId) -> BoxFuture<'_, Result<Duration, Error>> {
        self.ask(self.store.keep_alive(lease))
    }
    fn revoke(&self, lease: LeaseId) -> BoxFuture<'_, Result<(), Error>> {
        self.ask(self.store.revoke(lease))
    }
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, Error>> {
        self.ask(self.store.get(key))
    }
    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Listing, Error>> {
        self.ask(self.store.list(prefix))
    }
    fn put<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        lease: Option<LeaseId>,
    ) -> BoxFuture<'a, Result<Revision, Error>> {
        async move {
            let _turn = self.writing.lock().await;
            tokio::time::sleep(Duration::from_millis(self.write_ms.load(Ordering::Relaxed))).await;
            self.ask(self.store.put(key, value, lease)).await
        }
        .boxed()
    }
    fn compare_and_put<'a>(
        &'a self,
        key: &'a str,
        expected: Revision,
        value: Bytes,
        lease: Option<LeaseId>,
    ) -> BoxFuture<'a, Result<Compared, Error>> {
        self.ask(self.store.compare_and_put(key, expected, value, lease))
    }
    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool, Error>> {
        self.ask(self.store.delete(key))
    }
    fn watch<'a>(&'a self, prefix: &'a str, from: Revision) -> BoxFuture<'a, Result<Watch, Error>> {
        async move {
            self.check()?;
            self.from.store(from, Ordering::Relaxed);
            let watch = self.store.watch(prefix, from).await?;
            let mut up = self.up.subscribe();
            let cut = async move { up.wait_for(|up| !up).await.is_ok() };
            let greeting = Ok(control_plane_agent::store::Batch { revision: from - 1, events: Vec::new() });
            let stream = futures_util::stream::iter([greeting]).chain(watch.take_until(cut));
            Ok(stream.boxed())
        }
        .boxed()
    }
}

fn node(id: &str, epoch: u64) -> Node {
    Node {
        id: id.into(),
        role: Role::Edge,
        region: "jeju".into(),
        location: None,
        url: String::new(),
        quic: None,
        admin: String::new(),
        epoch,
        draining: false,
        load: Load::default(),
        nodes: None,
        links: Vec::new(),
    }
}

fn presence(room: &str) -> Presence {
    Presence {
        room: room.into(),
        room_sid: "RM_1".into(),
        node: "a".into(),
        participants: 1,
        identities: Vec::new(),
    }
}

async fn until(view: &View, what: &str, holds: impl Fn(&View) -> bool) {
    let stop = CancellationToken::new();
    let mut changes = view.changes(&stop);
    let waited = tokio::time::timeout(Duration::from_secs(60), async {
        while !holds(view) {
            changes.changed().await.expect("the view lives");
        }
    });
    assert!(waited.await.is_ok(), "waited in vain: {what}");
}

#[tokio::test(start_paused = true)]
async fn a_node_comes_back_with_all_its_keys_after_its_lease_was_lost() {
    let (line, store) = Line::new();
    let stop = CancellationToken::new();
    let direct: Arc<dyn Store> = Arc::new(line.store.clone());
    let view = View::start(&direct, &stop);
    let registration = Registration::start(store, node("a", 1), TTL_DEFAULT, &stop);
    registration.set(key::presence("room", "a"), &presence("room"));
    until(&view, "registered", |view| view.nodes().contains_key("a") && !view.presence_of("room").is_empty())
        .await;

    let cut = Instant::now();
    line.up.send_replace(false);
    registration.update(|node| node.load.participants = 7);
    until(&view, "the lease ends", |view| view.nodes().is_empty() && view.presence().is_empty()).await;
    assert!(cut.elapsed() <= TTL_DEFAULT + Duration::from_millis(100), "{:?}", cut.elapsed());
    registration.set(key::presence("other", "a"), &presence("other"));

    let back = Instant::now();
    line.up.send_replace(true);
    until(&view, "back again", |view| view.nodes().contains_key("a") && view.presence().len() == 2).await;
    assert!(back.elapsed() < TTL_DEFAULT, "{:?}", back.elapsed());
    assert_eq!(view.nodes()["a"].load.participants, 7);

    registration.unset(&key::presence("room", "a"));
    until(&view, "one room left", |view| view.presence_of("room").is_empty()).await;
    registration.deregister().await;
    until(&view, "taken back at once", |view| view.nodes().is_empty() && view.presence().is_empty()).await;
    assert!(back.elapsed() < TTL_DEFAULT * 2);
}

#[tokio::test(start_paused = true)]
async fn a_short_cut_is_not_seen_by_others() {
    let (line, store) = Line::new();
    let stop = CancellationToken::new();
    let registration = Registration::start(store, node("a", 1), TTL_DEFAULT, &stop);
    registration.set(key::presence("room", "a"), &presence("room"));
    assert_eq!(registration.registered().await, Status::Registered);
    let listing = line.store.list("").await.expect("list");
    let mut watch = line.store.watch("", listing.revision + 1).await.expect("watch");
    line.up.send_replace(false);
    tokio::time::sleep(TTL_DEFAULT / 2).await;
    line.up.send_replace(true);
    let heard = tokio::time::timeout(TTL_DEFAULT * 3, watch.next()).await;
    assert!(heard.is_err(), "nothing changed for anybody: {heard:?}");
}

#[tokio::test(start_paused = true)]
async fn a_view_keeps_what_it_saw_while_the_store_is_away() {
    let (line, store) = Line::new();
    let stop = CancellationToken::new();
    let view = View::start(&store, &stop);
    assert_eq!(view.state(), State::Empty);
    view.ready().await;
    line.store.put(&key::node("a"), encoded(&node("a", 1)), None).await.expect("put");
    until(&view, "the node", |view| view.nodes().contains_key("a")).await;

    line.up.send_replace(false);
    let mut state = view.nodes.subscribe_state();
    state.wait_for(|state| matches!(state, State::Stale { .. })).await.expect("says so");
    assert!(matches!(view.state(), State::Stale { .. }));
    line.store.delete(&key::node("a")).await.expect("delete");
    line.store.put(&key::node("b"), encoded(&node("b", 1)), None).await.expect("put");
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(view.nodes().contains_key("a"), "what was last seen");

    line.up.send_replace(true);
    until(&view, "caught up", |view| view.nodes().keys().eq(["b"])).await;
    state.wait_for(|state| *state == State::Live).await.expect("says so");
}

#[tokio::test(start_paused = true)]
async fn a_view_resumes_where_it_was_cut_off() {
    let (line, store) = Line::new();
    let stop = CancellationToken::new();
    let nodes: Mirror<Node> = Mirror::start(store, key::NODES, &stop);
    nodes.ready().await;
    let seen = line.store.put(&key::node("a"), encoded(&node("a", 1)), None).await.expect("put");
    nodes.subscribe().wait_for(|nodes| nodes.contains_key("a")).await.expect("seen");
    line.up.send_replace(false);
    nodes.subscribe_state().wait_for(|state| *state != State::Live).await.expect("cut");
    line.store.put(&key::node("b"), encoded(&node("b", 1)), None).await.expect("put");
    line.up.send_replace(true);
    nodes.subscribe().wait_for(|nodes| nodes.contains_key("b")).await.expect("caught up");
    assert_eq!(line.from.load(Ordering::Relaxed), seen + 1, "nothing is told twice");
}

#[tokio::test(start_paused = true)]
async fn a_view_far_behind_lists_again_and_unreadable_records_are_left_out() {
    let (line, store) = Line::new();
    let stop = CancellationToken::new();
    line.store.put(&key::node("a"), encoded(&node("a", 1)), None).await.expect("put");
    let view = View::start(&store, &stop);
    until(&view, "the node", |view| view.nodes().contains_key("a")).await;
    line.up.send_replace(false);
    for epoch in 0..10_100 {
        line.store.put(&key::node("b"), encoded(&node("b", epoch)), None).await.expect("put");
    }
    line.store.delete(&key::node("a")).await.expect("delete");
    line.store.put(&key::node("c"), Bytes::from_static(b"{}"), None).await.expect("put");
    line.up.send_replace(true);
    until(&view, "listed again", |view| view.nodes().keys().eq(["b"])).await;
    assert_eq!(view.nodes()["b"].epoch, 10_099);
    line.store.put(&key::node("b"), Bytes::from_static(b"nonsense"), None).await.expect("put");
    until(&view, "b is unreadable now", |view| view.nodes().is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn of_two_processes_with_one_name_the_younger_stays() {
    let (line, store) = Line::new();
    let stop = CancellationToken::new();
    let old = Registration::start(store.clone(), node("a", 100), TTL_DEFAULT, &stop);
    assert_eq!(old.registered().await, Status::Registered);
    let young = Registration::start(store.clone(), node("a", 200), TTL_DEFAULT, &stop);
    assert_eq!(young.registered().await, Status::Registered);
    old.update(|node| node.load.participants = 9);
    let mut status = old.status();
    status.wait_for(|status| *status == Status::Superseded).await.expect("steps back");
    tokio::time::sleep(TTL_DEFAULT * 3).await;
    let entry = line.store.get(&key::node("a")).await.expect("get").expect("the younger keeps its place");
    let stands: Node = serde_json::from_slice(&entry.value).expect("a node");
    assert_eq!((stands.epoch, stands.load.participants), (200, 0));
}

fn encoded(node: &Node) -> Bytes {
    Bytes::from(serde_json::to_vec(node).expect("plain data"))
}

/// After an outage an edge writes all its rooms again. That takes longer than a lease lives, and one of them may be refused.
#[tokio::test(start_paused = true)]
async fn a_node_with_many_keys_on_a_slow_store_registers_all_of_them() {
    let (line, store) = Line::new();
    line.write_ms.store(20, Ordering::Relaxed);
    let shutdown = CancellationToken::new();
    let registration = Registration::start(store, node("edge-a", 1), TTL_DEFAULT, &shutdown);
    let mut too_large = presence("room-0");
    too_large.identities.push("x".repeat(control_plane_agent::store::VALUE_BYTES_MAX));
    registration.set(key::presence("room-0", "edge-a"), &too_large);
    for room in (1..500).map(|number| format!("room-{number}")) {
        registration.set(key::presence(&room, "edge-a"), &presence(&room));
    }
    let begun = Instant::now();
    assert_eq!(registration.registered().await, Status::Registered);
    assert!(begun.elapsed() > TTL_DEFAULT && begun.elapsed() < TTL_DEFAULT * 3, "{:?}", begun.elapsed());
    let stands = line.store.list(key::PRESENCE).await.expect("listed").entries.len();
    assert_eq!(stands, 499, "all but the one that is too large");
}
