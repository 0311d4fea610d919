//! Records as nodes use them: presence, and values nobody can read.

use std::time::Duration;

use bytes::Bytes;
use control_plane_agent::registration::{Registration, Status, TTL_DEFAULT};
use control_plane_agent::view::View;
use control_plane_api::key;
use control_plane_api::room::Presence;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{cluster, encoded, node, store_of, until};

fn presence(room: &str) -> Presence {
    Presence {
        room: room.into(),
        room_sid: "RM_1".into(),
        node: "a".into(),
        participants: 1,
        identities: Vec::new(),
    }
}

#[tokio::test]
async fn a_dead_node_takes_its_presence_along_and_unreadable_records_harm_nobody() {
    let (_turn, cluster) = cluster().await;
    let stop = CancellationToken::new();
    let view = View::start(&store_of(&cluster), &stop);
    let store = store_of(&cluster);

    // A process of its own, as far as the store can tell: when its runtime goes, nothing is said to anybody.
    let process =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runs");
    let registration = {
        let _inside = process.enter();
        Registration::start(store_of(&cluster), node("a", 1), TTL_DEFAULT, &CancellationToken::new())
    };
    registration.set(key::presence("room", "a"), &presence("room"));
    assert_eq!(registration.registered().await, Status::Registered);
    until(&view, "present", |view| view.nodes().contains_key("a") && view.presence().len() == 1).await;
    let died = Instant::now();
    process.shutdown_background();

    for (key, value) in [
        (key::node("corrupt"), &b"{\"id\":"[..]),
        (key::node("newer"), br#"{"schema":9,"nodes":[]}"#),
        (key::room("corrupt"), b"\xff\xfe"),
    ] {
        store.put(&key, Bytes::copy_from_slice(value), None).await.expect("put");
    }
    let mut root = cluster.root().await.expect("root");
    root.put(b"/seodang/nodes/\xff\xfe".to_vec(), "no text", None).await.expect("put");
    store.put("/seodang/added-later/x", Bytes::from_static(b"{}"), None).await.expect("put");
    store.put(&key::node("b"), encoded(&node("b", 1)), None).await.expect("put");
    until(&view, "b", |view| view.nodes().contains_key("b")).await;
    assert!(view.nodes().keys().eq(["a", "b"]), "only what can be read: {:?}", view.nodes().keys());
    assert_eq!(view.unreadable(), 3);

    until(&view, "a is gone", |view| !view.nodes().contains_key("a") && view.presence().is_empty()).await;
    let noticed = died.elapsed();
    // Kept alive up to a third of the time before it died; etcd looks twice a second.
    assert!((TTL_DEFAULT / 2..TTL_DEFAULT + Duration::from_secs(3)).contains(&noticed), "{noticed:?}");

    let fresh = View::start(&store, &stop);
    fresh.ready().await;
    assert!(fresh.nodes().keys().eq(["b"]) && fresh.unreadable() == 3, "a listing is read alike");
}
