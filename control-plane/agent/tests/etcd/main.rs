//! The store on a real cluster: three members on the loopback, TLS, users.

mod config;
mod failures;
mod records;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use control_plane_agent::store::behaviour::store_behaviour;
use control_plane_agent::store::etcd::{Config, Etcd};
use control_plane_agent::store::{Error, Store};
use control_plane_agent::view::View;
use control_plane_api::key;
use control_plane_api::node::{Load, Node, Role};
use etcd_cluster::{Cluster, USER};
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Clusters are started one after another: three of them at once on two cores elect for ever.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Starts a cluster when it is this test's turn.
async fn cluster() -> (tokio::sync::MutexGuard<'static, ()>, Cluster) {
    let turn = TURN.lock().await;
    (turn, Cluster::start().await.expect("a cluster of three; is etcd installed?"))
}

fn config_of(cluster: &Cluster) -> Config {
    let file = |name: &str| cluster.directory().join(name);
    Config {
        endpoints: cluster.endpoints(),
        ca: file("ca.pem"),
        cert: file("cert.pem"),
        key: file("key.pem"),
        user: USER.into(),
        password_file: file("password"),
        prefix: String::new(),
    }
}

fn store_of(cluster: &Cluster) -> Arc<dyn Store> {
    Arc::new(Etcd::new(&config_of(cluster)).expect("fits"))
}

/// A store that asks one member only.
fn store_at(cluster: &Cluster, at: usize) -> Arc<dyn Store> {
    let config = Config { endpoints: vec![cluster.endpoint(at)], ..config_of(cluster) };
    Arc::new(Etcd::new(&config).expect("fits"))
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

fn encoded(node: &Node) -> Bytes {
    Bytes::from(serde_json::to_vec(node).expect("plain data"))
}

async fn until(view: &View, what: &str, holds: impl Fn(&View) -> bool) {
    let stop = CancellationToken::new();
    let mut changes = view.changes(&stop);
    let waited = tokio::time::timeout(PATIENCE, async {
        while !holds(view) {
            changes.changed().await.expect("the view lives");
        }
    });
    assert!(waited.await.is_ok(), "waited in vain: {what}");
}

#[tokio::test]
async fn behaves_as_a_store_on_a_cluster() {
    let (_turn, cluster) = cluster().await;
    let store = store_of(&cluster);
    store_behaviour(|| std::future::ready(store.clone())).await;
    // Each part through another connection, to another member.
    store_behaviour(|| std::future::ready(store_of(&cluster))).await;
    a_prefix_keeps_fleets_apart(&cluster, &*store).await;
    long_listings_come_whole(&*store).await;
}

async fn a_prefix_keeps_fleets_apart(cluster: &Cluster, first: &dyn Store) {
    let config = Config { prefix: "/school".into(), ..config_of(cluster) };
    let second: Arc<dyn Store> = Arc::new(Etcd::open(&config).await.expect("opens"));
    let key = key::node("a");
    first.put(&key, encoded(&node("a", 1)), None).await.expect("put");
    assert_eq!(second.get(&key).await, Ok(None));
    let revision = second.put(&key, encoded(&node("a", 2)), None).await.expect("put");
    let theirs = second.list(key::NODES).await.expect("list");
    assert_eq!(
        theirs.entries.iter().map(|entry| (&*entry.key, entry.mod_revision)).collect::<Vec<_>>(),
        [(&*key, revision)]
    );
    let elsewhere = Config { prefix: "/elsewhere".into(), ..config_of(cluster) };
    let error = Etcd::open(&elsewhere).await.expect_err("no permission there").to_string();
    assert!(error.contains("permission denied"), "{error}");
}

async fn long_listings_come_whole(store: &dyn Store) {
    const COUNT: usize = 2_345;
    let writes = (0..COUNT).map(|at| async move {
        store.put(&format!("/seodang/rooms/long-{at:05}"), Bytes::from_static(b"{}"), None).await
    });
    let mut writes =
        futures_util::stream::StreamExt::buffer_unordered(futures_util::stream::iter(writes), 64);
    while let Some(written) = futures_util::StreamExt::next(&mut writes).await {
        written.expect("put");
    }
    let listing = store.list("/seodang/rooms/long-").await.expect("list");
    assert_eq!(listing.entries.len(), COUNT);
    assert!(listing.entries.is_sorted_by(|a, b| a.key < b.key), "each once, in order");
}

/// A write that is tried until it is answered.
async fn surely<T, F: Future<Output = Result<T, Error>>>(mut write: impl FnMut() -> F) -> T {
    let start = tokio::time::Instant::now();
    loop {
        match write().await {
            Ok(done) => return done,
            Err(Error::Unavailable { reason }) => assert!(start.elapsed() < PATIENCE, "{reason}"),
            Err(error) => panic!("{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
