use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::time::Instant;

use super::tree::HISTORY_MAX;
use super::{Embedded, Error, Store};
use crate::store::behaviour::store_behaviour;
use crate::store::{Event, VALUE_BYTES_MAX};

const KEY: &str = "/seodang/classes/a";

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

async fn text(store: &Embedded, key: &str) -> Option<String> {
    let entry = store.get(key).await.expect("get");
    entry.map(|entry| String::from_utf8_lossy(&entry.value).into_owned())
}

#[tokio::test(start_paused = true)]
async fn behaves_as_a_store_in_memory() {
    let store: Arc<dyn Store> = Arc::new(Embedded::in_memory());
    store_behaviour(|| std::future::ready(store.clone())).await;
}

#[tokio::test]
async fn behaves_as_a_store_on_disk() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let store: Arc<dyn Store> = Arc::new(Embedded::open(directory.path()).expect("opens"));
    store_behaviour(|| std::future::ready(store.clone())).await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_ends_when_its_time_is_over_and_not_before() {
    let store = Embedded::in_memory();
    let lease = store.grant(Duration::from_secs(5)).await.expect("grant");
    let revision = store.put(KEY, bytes("here"), Some(lease)).await.expect("put");
    let mut watch = store.watch(KEY, revision + 1).await.expect("watch");
    let start = Instant::now();
    let batch = watch.next().await.expect("a batch").expect("no error");
    assert_eq!(batch.events, [Event::Delete { key: KEY.into() }]);
    let waited = start.elapsed();
    assert!((Duration::from_secs(5)..Duration::from_millis(5_010)).contains(&waited), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_too_far_behind_is_told_to_list_again() {
    let store = Embedded::in_memory();
    let first = store.put(KEY, bytes("0"), None).await.expect("put");
    let mut slow = store.watch(KEY, first).await.expect("watch");
    for step in 0..=HISTORY_MAX {
        store.put(KEY, bytes(&step.to_string()), None).await.expect("put");
    }
    let oldest = first + 2;
    assert_eq!(slow.next().await, Some(Err(Error::Compacted { oldest })));
    assert!(slow.next().await.is_none(), "a watch ends after its error");
    let mut late = store.watch(KEY, oldest - 1).await.expect("watch");
    assert_eq!(late.next().await, Some(Err(Error::Compacted { oldest })), "one change is missing");
    let fresh = store.watch(KEY, oldest).await.expect("watch");
    let all: Vec<_> =
        fresh.take(HISTORY_MAX).map(|batch| batch.expect("it is all there").revision).collect().await;
    assert!(all.into_iter().eq(oldest..oldest + HISTORY_MAX as u64), "without gap or repeat");
}

#[tokio::test]
async fn what_was_written_survives_a_restart_and_revisions_go_on() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let store = Embedded::open(directory.path()).expect("opens");
    let lease = store.grant(Duration::from_secs(600)).await.expect("grant");
    store.put(KEY, bytes("old"), None).await.expect("put");
    let written = store.put(KEY, bytes("new"), None).await.expect("put");
    store.put("/seodang/nodes/n", bytes("node"), Some(lease)).await.expect("put");
    store.put("/seodang/classes/b", bytes("b"), None).await.expect("put");
    store.delete("/seodang/classes/b").await.expect("delete");
    let before = store.list("").await.expect("list");
    let busy = format!("{:#}", Embedded::open(directory.path()).expect_err("one process per directory"));
    assert!(busy.contains("in use"), "{busy}");
    drop(store);

    let store = reopen(&directory).await;
    let after = store.list("").await.expect("list");
    assert_eq!(after.entries, before.entries, "with their revisions");
    assert!(after.revision > before.revision, "no revision is given out twice");
    assert_eq!(store.keep_alive(lease).await, Ok(Duration::from_secs(600)), "leases too");
    let mut watch = store.watch("", written).await.expect("watch");
    assert!(
        matches!(watch.next().await, Some(Err(Error::Compacted { .. }))),
        "a watch from before lists again"
    );
}

#[tokio::test]
async fn a_torn_record_is_cut_off_and_the_rest_is_there() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let store = Embedded::open(directory.path()).expect("opens");
    store.put(KEY, bytes("whole"), None).await.expect("put");
    store.put("/seodang/classes/b", bytes("torn"), None).await.expect("put");
    drop(store);
    let log = directory.path().join("log");
    let length = std::fs::metadata(&log).expect("the log").len();
    wait_unlocked(&directory).await;
    std::fs::File::options().write(true).open(&log).and_then(|file| file.set_len(length - 3)).expect("cut");

    let store = reopen(&directory).await;
    assert_eq!(text(&store, KEY).await.as_deref(), Some("whole"));
    assert_eq!(text(&store, "/seodang/classes/b").await, None);
    store.put("/seodang/classes/c", bytes("after"), None).await.expect("goes on");
    drop(store);
    let store = reopen(&directory).await;
    assert_eq!(text(&store, "/seodang/classes/c").await.as_deref(), Some("after"));
    assert!(log.with_extension("damaged").exists(), "what was cut off is kept");
}

#[tokio::test]
async fn a_grown_log_becomes_a_snapshot_also_when_the_cut_is_missed() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let store = Embedded::open(directory.path()).expect("opens");
    let lease = store.grant(Duration::from_secs(600)).await.expect("grant");
    store.put("/seodang/nodes/n", bytes("node"), Some(lease)).await.expect("put");
    let large = Bytes::from(vec![b'x'; VALUE_BYTES_MAX]);
    let mut old_log = Vec::new();
    while !directory.path().join("snapshot").exists() {
        old_log = std::fs::read(directory.path().join("log")).expect("the log");
        store.put(KEY, large.clone(), None).await.expect("put");
    }
    store.put(KEY, bytes("last"), None).await.expect("put");
    let log = std::fs::read(directory.path().join("log")).expect("the log");
    assert!(log.len() < old_log.len() / 2, "the log starts again");
    drop(store);
    let store = reopen(&directory).await;
    assert_eq!(text(&store, KEY).await.as_deref(), Some("last"));
    assert_eq!(text(&store, "/seodang/nodes/n").await.as_deref(), Some("node"));
    drop(store);

    // A crash after the snapshot was put in place and before the log was cut.
    wait_unlocked(&directory).await;
    std::fs::write(directory.path().join("log"), [old_log, log].concat()).expect("write");
    let store = reopen(&directory).await;
    assert_eq!(text(&store, KEY).await.as_deref(), Some("last"));
    store.revoke(lease).await.expect("revoke");
    assert_eq!(text(&store, "/seodang/nodes/n").await, None, "still on its lease");
}

/// The timer task lets go of a dropped store a moment later.
async fn reopen(directory: &tempfile::TempDir) -> Embedded {
    wait_unlocked(directory).await;
    Embedded::open(directory.path()).expect("opens again")
}

async fn wait_unlocked(directory: &tempfile::TempDir) {
    let lock = std::fs::File::open(directory.path().join("lock")).expect("the lock");
    tokio::task::spawn_blocking(move || lock.lock()).await.expect("runs").expect("the store lets go");
}
