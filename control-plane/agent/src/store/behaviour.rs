//! What every store must do, as one suite: each implementation's tests run [`store_behaviour`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;

use super::{
    Compared, Entry, Error, Event, KEY_BYTES_MAX, LEASE_TTL_MAX, LEASE_TTL_MIN, LeaseId, Revision, Store,
    VALUE_BYTES_MAX, Watch,
};

/// Longer than any store takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs the whole suite. Each part asks `make` for a store; it may be the same one each time and need not be empty.
///
/// # Panics
/// Where the store does not behave, saying how.
pub async fn store_behaviour<F, Made>(make: F)
where
    F: Fn() -> Made,
    Made: Future<Output = Arc<dyn Store>>,
{
    reads_what_was_written(&*make().await).await;
    lists_a_prefix_in_order(&*make().await).await;
    compares_before_it_writes(&*make().await).await;
    one_of_many_writers_wins_each_round(make().await).await;
    a_lease_takes_its_keys_along(&*make().await).await;
    a_lease_lives_while_it_is_kept_alive(&*make().await).await;
    a_key_hangs_on_its_last_lease_only(&*make().await).await;
    a_watch_tells_everything_in_order(&*make().await).await;
    a_watch_resumes_without_gap_or_repeat(&*make().await).await;
    a_watch_and_a_listing_make_a_copy(make().await).await;
    limits_are_kept(&*make().await).await;
}

fn prefix(part: &str) -> String {
    format!("/seodang/rooms/test-{part}-{:08x}-", rand::random::<u32>())
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

async fn value(store: &dyn Store, key: &str) -> Option<String> {
    let entry = store.get(key).await.expect("get");
    entry.map(|entry| String::from_utf8_lossy(&entry.value).into_owned())
}

async fn reads_what_was_written(store: &dyn Store) {
    let key = prefix("read");
    assert_eq!(store.get(&key).await, Ok(None));
    assert_eq!(store.delete(&key).await, Ok(false), "nothing to delete");
    let first = store.put(&key, bytes("one"), None).await.expect("put");
    let second = store.put(&key, bytes("둘\u{0}"), None).await.expect("put");
    assert!(first > 0 && second > first, "revisions grow: {first}, {second}");
    let entry = Entry {
        key: key.clone(),
        value: bytes("둘\u{0}"),
        mod_revision: second,
        create_revision: first,
        lease: None,
    };
    assert_eq!(store.get(&key).await, Ok(Some(entry)));
    assert_eq!(store.delete(&key).await, Ok(true));
    assert_eq!(store.get(&key).await, Ok(None));
}

async fn lists_a_prefix_in_order(store: &dyn Store) {
    let prefix = prefix("list");
    for name in ["b/2", "a", "b/1", "c"] {
        store.put(&format!("{prefix}{name}"), bytes(name), None).await.expect("put");
    }
    let listing = store.list(&prefix).await.expect("list");
    let names: Vec<_> = listing.entries.iter().map(|entry| &entry.key[prefix.len()..]).collect();
    assert_eq!(names, ["a", "b/1", "b/2", "c"]);
    let newest = listing.entries.iter().map(|entry| entry.mod_revision).max();
    assert!(Some(listing.revision) >= newest);
    assert_eq!(store.list(&format!("{prefix}b/")).await.expect("list").entries.len(), 2);
    assert_eq!(store.list(&format!("{prefix}z")).await.expect("list").entries, []);
}

async fn compares_before_it_writes(store: &dyn Store) {
    let key = prefix("compare");
    let compare = |expected, text| store.compare_and_put(&key, expected, bytes(text), None);
    assert_eq!(compare(7, "x").await, Ok(Compared::Conflict { current: None }), "there is no such key");
    let Ok(Compared::Written { revision }) = compare(0, "one").await else { panic!("the key was free") };
    let Ok(Compared::Conflict { current: Some(entry) }) = compare(0, "two").await else {
        panic!("the key is taken")
    };
    assert_eq!((entry.value, entry.mod_revision), (bytes("one"), revision));
    let Ok(Compared::Written { revision: next }) = compare(revision, "two").await else {
        panic!("right revision")
    };
    assert!(matches!(compare(revision, "three").await, Ok(Compared::Conflict { .. })), "an old revision");
    assert!(next > revision && value(store, &key).await.as_deref() == Some("two"));
    store.delete(&key).await.expect("delete");
    assert!(matches!(compare(0, "again").await, Ok(Compared::Written { .. })), "a deleted key is free");
}

async fn one_of_many_writers_wins_each_round(store: Arc<dyn Store>) {
    const WRITERS: u32 = 4;
    const ROUNDS: u32 = 10;
    let key = prefix("count");
    let writers = (0..WRITERS).map(|_| {
        let (store, key) = (store.clone(), key.clone());
        tokio::spawn(async move {
            for _ in 0..ROUNDS {
                let mut current = store.get(&key).await.expect("get");
                loop {
                    let count = current.as_ref().map_or(0, |entry| number(&entry.value));
                    let revision = current.as_ref().map_or(0, |entry| entry.mod_revision);
                    let next = bytes(&(count + 1).to_string());
                    match store.compare_and_put(&key, revision, next, None).await.expect("compare and put") {
                        Compared::Written { .. } => break,
                        Compared::Conflict { current: now } => current = now,
                    }
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("no writer fails");
    }
    assert_eq!(value(&*store, &key).await, Some((WRITERS * ROUNDS).to_string()), "every round counts once");
}

async fn a_lease_takes_its_keys_along(store: &dyn Store) {
    let prefix = prefix("lease");
    let lease = store.grant(Duration::from_secs(60)).await.expect("grant");
    let mut last = 0;
    for name in ["a", "b"] {
        last = store.put(&format!("{prefix}{name}"), bytes(name), Some(lease)).await.expect("put");
    }
    assert_eq!(
        store.get(&format!("{prefix}a")).await.expect("get").and_then(|entry| entry.lease),
        Some(lease)
    );
    let mut watch = store.watch(&prefix, last + 1).await.expect("watch");
    store.revoke(lease).await.expect("revoke");
    let (_, mut gone) = batch(&mut watch).await;
    gone.sort_by(|a, b| a.key().cmp(b.key()));
    let deleted = |name: &str| Event::Delete { key: format!("{prefix}{name}") };
    assert_eq!(gone, [deleted("a"), deleted("b")], "all keys of a lease go in one revision");
    let missing = Err(Error::LeaseNotFound { lease });
    assert_eq!(store.keep_alive(lease).await, missing.clone().map(|()| Duration::ZERO));
    assert_eq!(store.put(&format!("{prefix}c"), bytes("c"), Some(lease)).await, missing.map(|()| 0));
    assert_eq!(store.revoke(lease).await, Ok(()), "ending it twice is fine");
}

async fn a_lease_lives_while_it_is_kept_alive(store: &dyn Store) {
    let ttl = LEASE_TTL_MIN + Duration::from_secs(1);
    let key = prefix("alive");
    let lease = store.grant(ttl).await.expect("grant");
    let revision = store.put(&key, bytes("here"), Some(lease)).await.expect("put");
    let mut watch = store.watch(&key, revision + 1).await.expect("watch");
    let kept_until = tokio::time::Instant::now() + ttl * 2;
    while tokio::time::Instant::now() < kept_until {
        assert_eq!(store.keep_alive(lease).await, Ok(ttl));
        tokio::time::sleep(ttl / 4).await;
    }
    assert_eq!(value(store, &key).await.as_deref(), Some("here"), "kept alive");
    let (_, events) = batch(&mut watch).await;
    assert_eq!(events, [Event::Delete { key }], "not kept alive any more");
    assert_eq!(store.keep_alive(lease).await, Err(Error::LeaseNotFound { lease }));
}

async fn a_key_hangs_on_its_last_lease_only(store: &dyn Store) {
    let prefix = prefix("moved");
    let (moved, freed) = (format!("{prefix}moved"), format!("{prefix}freed"));
    let old = store.grant(Duration::from_secs(60)).await.expect("grant");
    let new = store.grant(Duration::from_secs(60)).await.expect("grant");
    store.put(&moved, bytes("old"), Some(old)).await.expect("put");
    store.put(&freed, bytes("old"), Some(old)).await.expect("put");
    store.put(&moved, bytes("new"), Some(new)).await.expect("put");
    store.put(&freed, bytes("new"), None).await.expect("put");
    store.revoke(old).await.expect("revoke");
    assert_eq!(value(store, &moved).await.as_deref(), Some("new"));
    store.revoke(new).await.expect("revoke");
    assert_eq!(value(store, &moved).await, None);
    assert_eq!(value(store, &freed).await.as_deref(), Some("new"));
}

async fn a_watch_tells_everything_in_order(store: &dyn Store) {
    let prefix = prefix("watch");
    let first = store.put(&format!("{prefix}a"), bytes("1"), None).await.expect("put");
    store.put(&self::prefix("elsewhere"), bytes("x"), None).await.expect("put");
    store.put(&format!("{prefix}b"), bytes("2"), None).await.expect("put");
    let mut watch = store.watch(&prefix, first).await.expect("watch");
    assert_eq!(heard(&mut watch, &prefix, 2).await, ["a=1", "b=2"], "the past");
    let mut second = store.watch(&prefix, first + 1).await.expect("watch");
    store.put(&format!("{prefix}a"), bytes("3"), None).await.expect("put");
    store.delete(&format!("{prefix}b")).await.expect("delete");
    assert_eq!(heard(&mut watch, &prefix, 2).await, ["a=3", "b gone"], "the present");
    assert_eq!(heard(&mut second, &prefix, 3).await, ["b=2", "a=3", "b gone"], "another one, from later on");
}

async fn a_watch_resumes_without_gap_or_repeat(store: &dyn Store) {
    let key = prefix("resume");
    let mut next = store.put(&key, bytes("0"), None).await.expect("put");
    let mut seen = Vec::new();
    for round in 0..4u32 {
        let mut watch = store.watch(&key, next).await.expect("watch");
        store.put(&key, bytes(&(round * 2 + 1).to_string()), None).await.expect("put");
        store.put(&key, bytes(&(round * 2 + 2).to_string()), None).await.expect("put");
        let (revision, events) = batch(&mut watch).await;
        next = revision + 1;
        seen.extend(events.iter().filter_map(|event| match event {
            Event::Put(entry) => Some(number(&entry.value)),
            Event::Delete { .. } => None,
        }));
    }
    assert_eq!(seen, [0, 1, 2, 3], "one each round, the rest waits for the next watch");
}

/// A copy made of a listing and the watch from there on ends up equal to the store, whatever happened in between.
async fn a_watch_and_a_listing_make_a_copy(store: Arc<dyn Store>) {
    let prefix = prefix("copy");
    let writer = tokio::spawn(scribble(store.clone(), prefix.clone()));
    let listing = store.list(&prefix).await.expect("list");
    let mut copy: BTreeMap<String, Entry> =
        listing.entries.into_iter().map(|entry| (entry.key.clone(), entry)).collect();
    let mut watch = store.watch(&prefix, listing.revision + 1).await.expect("watch");
    let done = format!("{prefix}done");
    while !copy.contains_key(&done) {
        for event in batch(&mut watch).await.1 {
            match event {
                Event::Put(entry) => copy.insert(entry.key.clone(), entry),
                Event::Delete { key } => copy.remove(&key),
            };
        }
    }
    writer.await.expect("the writer ends");
    let now = store.list(&prefix).await.expect("list").entries;
    assert_eq!(copy.into_values().collect::<Vec<_>>(), now);
}

async fn scribble(store: Arc<dyn Store>, prefix: String) {
    let mut lease = None::<LeaseId>;
    for step in 0..60u32 {
        let key = format!("{prefix}{}", rand::random_range(0..6));
        match rand::random_range(0..6) {
            0 => {
                store.delete(&key).await.expect("delete");
            }
            1 => {
                if let Some(lease) = lease.take() {
                    store.revoke(lease).await.expect("revoke");
                }
                lease = Some(store.grant(Duration::from_secs(60)).await.expect("grant"));
            }
            2 | 3 => {
                store.put(&key, bytes(&step.to_string()), lease).await.expect("put");
            }
            _ => {
                store.put(&key, bytes(&step.to_string()), None).await.expect("put");
            }
        }
    }
    store.put(&format!("{prefix}done"), bytes("done"), None).await.expect("put");
}

async fn limits_are_kept(store: &dyn Store) {
    let refused = |result: Result<Revision, Error>| matches!(result, Err(Error::Refused { .. }));
    assert!(refused(store.put("", bytes("x"), None).await), "no key");
    let long = format!("/seodang/rooms/{}", "k".repeat(KEY_BYTES_MAX));
    assert!(refused(store.put(&long, bytes("x"), None).await), "a long key");
    let large = Bytes::from(vec![0; VALUE_BYTES_MAX + 1]);
    assert!(refused(store.put(&prefix("large"), large, None).await), "a large value");
    let fits = prefix("fits");
    store.put(&fits, Bytes::from(vec![b'x'; VALUE_BYTES_MAX]), None).await.expect("the largest value");
    store.delete(&fits).await.expect("delete");
    for ttl in [Duration::ZERO, LEASE_TTL_MAX * 2] {
        assert!(matches!(store.grant(ttl).await, Err(Error::Refused { .. })), "a lease of {ttl:?}");
    }
}

/// The next batch with events.
async fn batch(watch: &mut Watch) -> (Revision, Vec<Event>) {
    let next = async {
        loop {
            let batch = watch.next().await.expect("a watch does not end").expect("a watch does not fail");
            if !batch.events.is_empty() {
                return (batch.revision, batch.events);
            }
        }
    };
    tokio::time::timeout(PATIENCE, next).await.expect("the watch tells in time")
}

/// The next `count` changes, in words.
async fn heard(watch: &mut Watch, prefix: &str, count: usize) -> Vec<String> {
    let mut words = Vec::new();
    while words.len() < count {
        for event in batch(watch).await.1 {
            let name = event.key().strip_prefix(prefix).expect("only what is watched").to_owned();
            words.push(match event {
                Event::Put(entry) => format!("{name}={}", String::from_utf8_lossy(&entry.value)),
                Event::Delete { .. } => format!("{name} gone"),
            });
        }
    }
    words
}

fn number(value: &[u8]) -> u32 {
    String::from_utf8_lossy(value).parse().expect("a number was written")
}
