//! The store as nodes reach it: over the node listener, with the fleet's certificates.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use control_plane::{Config, ControlPlane};
use control_plane_agent::authority::Authority;
use control_plane_agent::identity::CONTROL_PLANE_NAME;
use control_plane_agent::mirror::{Mirror, State};
use control_plane_agent::store::behaviour::store_behaviour;
use control_plane_agent::store::embedded::Embedded;
use control_plane_agent::store::remote::Remote;
use control_plane_agent::store::{Error, Store};
use control_plane_api::drain::DrainTarget;
use control_plane_api::key;
use control_plane_api::node::Node;
use control_plane_api::token::ApiKey;
use tokio_util::sync::CancellationToken;

/// A control plane on free ports; ends when dropped.
struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    _directory: tempfile::TempDir,
}

impl Running {
    async fn start(store: Arc<dyn Store>, authority: &Authority, nodes: SocketAddr) -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let directory = tempfile::tempdir().expect("temporary directory");
        let config = Config {
            data_dir: directory.path().to_owned(),
            listen: free,
            admin: free,
            nodes: Some(nodes),
            api_keys: vec![ApiKey { key: "key".into(), secret: "s".repeat(32) }],
            ..Config::default()
        };
        let identity =
            authority.issue(&config.id, &[CONTROL_PLANE_NAME]).expect("issued").identity().expect("fits");
        let control_plane = ControlPlane::bind(config, store, Some(identity)).await.expect("binds");
        let address = control_plane.node_address().expect("a node listener");
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move { control_plane.run(stopped).await.expect("runs") });
        Self { address, stop, task, _directory: directory }
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.expect("ends well");
    }
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn remote(address: SocketAddr, authority: &Authority, name: &str) -> Arc<dyn Store> {
    let identity = authority.issue(name, &[]).expect("issued").identity().expect("fits");
    Arc::new(Remote::new(&[address.to_string()], &identity).expect("an address"))
}

/// The listener lets a node write rooms, which is where the suite writes.
#[tokio::test]
async fn behaves_as_a_store_from_afar() {
    let authority = Authority::in_memory().expect("a fleet");
    let running = Running::start(Arc::new(Embedded::in_memory()), &authority, any_port()).await;
    let store = remote(running.address, &authority, "edge-1");
    store_behaviour(|| std::future::ready(store.clone())).await;
    running.end().await;
}

#[tokio::test]
async fn a_node_writes_only_what_is_its_own() {
    let authority = Authority::in_memory().expect("a fleet");
    let running = Running::start(Arc::new(Embedded::in_memory()), &authority, any_port()).await;
    let store = remote(running.address, &authority, "edge-1");
    let value = Bytes::from_static(b"{}");
    for own in [
        key::node("edge-1"),
        key::presence("room", "edge-1"),
        key::room("room"),
        key::recording("room", "RM_1"),
    ] {
        store.put(&own, value.clone(), None).await.expect("its own");
    }
    for other in [
        key::node("edge-2"),
        key::presence("room", "edge-2"),
        key::class("a"),
        key::topology("room"),
        key::drain(&DrainTarget::Node("edge-1".to_owned())),
        "/elsewhere".to_owned(),
    ] {
        for result in [
            store.put(&other, value.clone(), None).await.map(|_| ()),
            store.compare_and_put(&other, 0, value.clone(), None).await.map(|_| ()),
            store.delete(&other).await.map(|_| ()),
        ] {
            assert!(matches!(result, Err(Error::Refused { .. })), "{other}: {result:?}");
        }
        assert_eq!(store.get(&other).await, Ok(None));
    }
    for (key, record) in [
        (key::node("edge-1"), r#"{"id":"edge-2","url":"https://impostor.example"}"#),
        (key::presence("room", "edge-1"), r#"{"room":"room","node":"edge-2"}"#),
    ] {
        let refused = store.put(&key, Bytes::from_static(record.as_bytes()), None).await;
        assert!(matches!(refused, Err(Error::Refused { .. })), "another's name inside: {refused:?}");
        let refused = store.compare_and_put(&key, 1, Bytes::from_static(record.as_bytes()), None).await;
        assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
    }
    running.end().await;
}

#[tokio::test]
async fn strangers_are_not_let_in_and_harm_nobody() {
    let authority = Authority::in_memory().expect("a fleet");
    let running = Running::start(Arc::new(Embedded::in_memory()), &authority, any_port()).await;
    let stranger = remote(running.address, &Authority::in_memory().expect("another fleet"), "edge-1");
    let error = stranger.get("/seodang/nodes/edge-1").await.expect_err("another fleet's certificate");
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    let mut garbage = tokio::net::TcpStream::connect(running.address).await.expect("connects");
    tokio::io::AsyncWriteExt::write_all(&mut garbage, &[0x47; 4096]).await.expect("writes");
    let node = remote(running.address, &authority, "edge-1");
    assert_eq!(node.get("/seodang/nodes/edge-1").await, Ok(None));
    running.end().await;
}

/// The control plane restarts on the same port with the same data: a node's view says it is stale, loses nothing, and
/// is live again; the node's lease has outlived it.
#[tokio::test]
async fn a_restart_of_the_control_plane_takes_nothing_away() {
    let authority = Authority::in_memory().expect("a fleet");
    let directory = tempfile::tempdir().expect("temporary directory");
    let open = || -> Arc<dyn Store> { Arc::new(Embedded::open(directory.path()).expect("opens")) };
    let running = Running::start(open(), &authority, any_port()).await;
    let address = running.address;
    let store = remote(address, &authority, "edge-1");
    let lease = store.grant(Duration::from_secs(60)).await.expect("grant");
    let node = serde_json::json!({"id": "edge-1", "role": "edge", "region": "jeju", "url": "", "admin": "", "epoch": 1});
    store.put(&key::node("edge-1"), node.to_string().into(), Some(lease)).await.expect("put");
    let stop = CancellationToken::new();
    let mirror: Mirror<Node> = Mirror::start(store.clone(), key::NODES, &stop);
    let mut records = mirror.subscribe();
    records.wait_for(|records| records.contains_key("edge-1")).await.expect("seen");

    running.end().await;
    let mut state = mirror.subscribe_state();
    state.wait_for(|state| matches!(state, State::Stale { .. })).await.expect("says so");
    assert!(mirror.records().contains_key("edge-1"), "what was last seen");
    let lock = std::fs::File::open(directory.path().join("lock")).expect("the lock");
    tokio::task::spawn_blocking(move || lock.lock()).await.expect("runs").expect("the old one lets go");
    let running = Running::start(open(), &authority, address).await;
    let back = tokio::time::timeout(Duration::from_secs(20), state.wait_for(|state| *state == State::Live));
    back.await.expect("in time").expect("live again");
    assert!(mirror.records().contains_key("edge-1"), "still there");
    assert_eq!(store.keep_alive(lease).await, Ok(Duration::from_secs(60)));
    running.end().await;
}
