//! Members that die, stop, and come back while the store is used.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use control_plane_agent::mirror::State;
use control_plane_agent::registration::{Registration, Status, TTL_DEFAULT};
use control_plane_agent::store::{Error, Event, Revision, Store};
use control_plane_agent::view::View;
use control_plane_api::key;
use etcd_cluster::MEMBERS;
use futures_util::StreamExt as _;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{PATIENCE, cluster, encoded, node, store_at, store_of, surely, until};

const PREFIX: &str = "/seodang/rooms/";
const LAST: &str = "/seodang/rooms/last";

/// One change: its revision and what it was.
type Change = (Revision, Event);

/// Everything below the prefix from `next` on, until the last key is written. Most elections are ridden out by the watch;
/// on two busy cores some take too long, and then it goes on from where it was, as a mirror does.
fn follow(store: Arc<dyn Store>, mut next: Revision) -> JoinHandle<Vec<Change>> {
    tokio::spawn(async move {
        let mut seen: Vec<Change> = Vec::new();
        while !seen.iter().any(|(_, event)| event.key() == LAST) {
            let mut watch = surely(|| store.watch(PREFIX, next)).await;
            while let Some(batch) = watch.next().await {
                let batch = match batch {
                    Ok(batch) => batch,
                    Err(Error::Unavailable { .. }) => break,
                    Err(error) => panic!("{error}"),
                };
                next = batch.revision + 1;
                let last = batch.events.iter().any(|event| event.key() == LAST);
                seen.extend(batch.events.into_iter().map(|event| (batch.revision, event)));
                if last {
                    break;
                }
            }
        }
        seen
    })
}

/// Writes all the time, then the last key.
fn write(store: Arc<dyn Store>, stop: CancellationToken) -> JoinHandle<usize> {
    tokio::spawn(async move {
        let mut count = 0;
        while !stop.is_cancelled() {
            let key = format!("{PREFIX}{}", count % 7);
            surely(|| store.put(&key, Bytes::from(count.to_string()), None)).await;
            if count % 5 == 0 {
                surely(|| store.delete(&key)).await;
            }
            count += 1;
        }
        surely(|| store.put(LAST, Bytes::from_static(b"{}"), None)).await;
        count
    })
}

/// Each member in turn is killed while it leads, and comes back: every watch tells every change once, no lease is lost.
#[tokio::test]
async fn leaders_die_and_no_change_is_lost_or_told_twice() {
    let (_turn, mut cluster) = cluster().await;
    let stop = CancellationToken::new();
    let view = View::start(&store_of(&cluster), &stop);
    let registration = Registration::start(store_of(&cluster), node("a", 1), TTL_DEFAULT, &stop);
    assert_eq!(registration.registered().await, Status::Registered);
    until(&view, "the node", |view| view.nodes().contains_key("a")).await;
    let first = store_of(&cluster).list("").await.expect_err("not below our prefix");
    assert!(matches!(first, Error::Refused { .. }), "{first}");
    let from = store_of(&cluster).list(PREFIX).await.expect("list").revision + 1;
    let nodes = watch_for_loss(store_of(&cluster), from);
    let watches: Vec<_> = (0..6).map(|_| follow(store_of(&cluster), from)).collect();
    let writer_stop = CancellationToken::new();
    let writer = write(store_of(&cluster), writer_stop.clone());
    for _ in 0..MEMBERS {
        sleep(Duration::from_secs(1)).await;
        let leader = cluster.leader().await.expect("a leader");
        cluster.kill(leader).expect("killed");
        let killed = Instant::now();
        let any = store_of(&cluster);
        surely(|| any.get(key::NODES)).await;
        assert!(killed.elapsed() < Duration::from_secs(20), "{:?}", killed.elapsed());
        sleep(Duration::from_secs(3)).await;
        cluster.restart(leader).expect("restarted");
    }
    sleep(Duration::from_secs(2)).await;
    writer_stop.cancel();
    let count = timeout(PATIENCE, writer).await.expect("in time").expect("the writer ends well");
    assert!(count > 20, "it wrote: {count}");
    let truth =
        timeout(PATIENCE, follow(store_of(&cluster), from)).await.expect("in time").expect("a history");
    for watch in watches {
        let seen = timeout(PATIENCE, watch).await.expect("in time").expect("the watch held");
        assert_eq!(seen, truth);
    }
    assert!(!nodes.is_finished(), "the node was there all the time");
    assert!(view.nodes().contains_key("a"));
}

async fn put(store: &dyn Store, id: &str, epoch: u64) {
    let (key, value) = (key::node(id), encoded(&node(id, epoch)));
    surely(|| store.put(&key, value.clone(), None)).await;
}

/// Ends when a node's record is deleted.
fn watch_for_loss(store: Arc<dyn Store>, mut next: Revision) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            let mut watch = surely(|| store.watch(key::NODES, next)).await;
            while let Some(Ok(batch)) = watch.next().await {
                next = batch.revision + 1;
                if batch.events.iter().any(|event| matches!(event, Event::Delete { .. })) {
                    return;
                }
            }
        }
    })
}

#[tokio::test]
async fn without_a_majority_the_view_stays_and_says_so_until_it_is_back() {
    let (_turn, mut cluster) = cluster().await;
    let stop = CancellationToken::new();
    let store = store_of(&cluster);
    let view = View::start(&store, &stop);
    let registration = Registration::start(store_of(&cluster), node("a", 1), TTL_DEFAULT, &stop);
    assert_eq!(registration.registered().await, Status::Registered);
    store.put(&key::node("b"), encoded(&node("b", 1)), None).await.expect("put");
    until(&view, "both", |view| view.nodes().len() == 2).await;

    cluster.kill(0).expect("killed");
    cluster.kill(1).expect("killed");
    let killed = Instant::now();
    let error = store.put(&key::node("c"), encoded(&node("c", 1)), None).await.expect_err("no majority");
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert!(killed.elapsed() < Duration::from_secs(5), "{:?}", killed.elapsed());
    let mut state = view.nodes.subscribe_state();
    let said = state.wait_for(|state| matches!(state, State::Stale { .. }));
    timeout(Duration::from_secs(15), said).await.expect("says so soon").expect("lives");
    let asked = Instant::now();
    store.get(key::NODES).await.expect_err("still no majority");
    assert!(asked.elapsed() < Duration::from_secs(2), "away is known: {:?}", asked.elapsed());
    sleep(TTL_DEFAULT).await;
    assert!(view.nodes().keys().eq(["a", "b"]), "what was last seen");

    cluster.restart(0).expect("restarted");
    let back = Instant::now();
    put(&*store, "c", 1).await;
    until(&view, "resumed", |view| view.nodes().keys().eq(["a", "b", "c"])).await;
    state.wait_for(|state| *state == State::Live).await.expect("lives");
    assert!(back.elapsed() < Duration::from_secs(15), "{:?}", back.elapsed());
    assert_eq!(registration.registered().await, Status::Registered);
}

/// A member stops answering with its connections open, as when its power or its way to us goes.
#[tokio::test]
async fn a_silent_member_is_left_and_a_compacted_history_is_listed_again() {
    let (_turn, mut cluster) = cluster().await;
    let stop = CancellationToken::new();
    let store = store_of(&cluster);
    store.put(&key::node("a"), encoded(&node("a", 1)), None).await.expect("put");
    let first = store.list(key::NODES).await.expect("list").revision;
    let views: Vec<_> = (0..6).map(|_| View::start(&store_of(&cluster), &stop)).collect();
    for view in &views {
        until(view, "the node", |view| view.nodes().contains_key("a")).await;
    }
    cluster.pause(1).expect("paused");
    put(&*store, "b", 1).await;
    for view in &views {
        until(view, "past the silent member", |view| view.nodes().contains_key("b")).await;
        assert_ne!(view.nodes.state(), State::Empty);
    }
    cluster.resume(1).expect("resumed");

    let cut_off = View::start(&store_at(&cluster, 2), &stop);
    until(&cut_off, "both", |view| view.nodes().len() == 2).await;
    cluster.kill(2).expect("killed");
    let gone = key::node("a");
    surely(|| store.delete(&gone)).await;
    put(&*store, "b", 2).await;
    put(&*store, "c", 1).await;
    let oldest = cluster.compact().await.expect("compacted");
    cluster.restart(2).expect("restarted");
    until(&cut_off, "listed again", |view| view.nodes().keys().eq(["b", "c"])).await;
    assert_eq!(cut_off.nodes()["b"].epoch, 2);

    let mut watch = store.watch(key::NODES, first).await.expect("a watch stands before it is judged");
    let told = loop {
        match watch.next().await.expect("an answer") {
            Ok(batch) => assert_eq!(batch.events, []),
            Err(error) => break error,
        }
    };
    assert_eq!(told, Error::Compacted { oldest: u64::try_from(oldest).expect("positive") });
    assert!(watch.next().await.is_none(), "a watch ends after its error");
}

/// The cluster is put up again from nothing: its revisions start anew, below those the nodes know.
#[tokio::test]
async fn a_cluster_that_was_set_back_is_read_anew() {
    let (_turn, mut cluster) = cluster().await;
    let stop = CancellationToken::new();
    let view = View::start(&store_of(&cluster), &stop);
    let registration = Registration::start(store_of(&cluster), node("a", 1), TTL_DEFAULT, &stop);
    assert_eq!(registration.registered().await, Status::Registered);
    let store = store_of(&cluster);
    for epoch in 0..100 {
        put(&*store, "gone", epoch).await;
    }
    until(&view, "both", |view| view.nodes().keys().eq(["a", "gone"])).await;
    cluster.set_back().await.expect("comes up empty");
    put(&*store, "b", 1).await;
    until(&view, "what is there now, and we came back", |view| view.nodes().keys().eq(["a", "b"])).await;
}
