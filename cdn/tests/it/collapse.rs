//! One fetch serves all who ask, as the bytes come.

use crate::world::World;
use futures_util::future::join_all;

const LONG: &str = "cache-control: max-age=60";

#[tokio::test]
async fn twenty_one_cold_requests_make_one_fetch_and_read_it_while_it_comes() {
    let mut world = World::start().await;
    let first = world.get("/seg", &[]);
    let asked = world.origin.next().await;
    // Ten wait for the head, ten come in the middle of the body.
    let before: Vec<_> = (0..10).map(|_| world.get("/seg", &[])).collect();
    let body = asked.answer_open(200, &[LONG, "content-length: 12"]);
    body.write("abcdef");
    let mut first = first.await.expect("an answer");
    assert_eq!(first.piece().await, "abcdef");
    let within: Vec<_> = (0..10).map(|_| world.get("/seg", &[])).collect();

    let mut waiters = Vec::new();
    for waiter in join_all(before.into_iter().chain(within)).await {
        let mut waiter = waiter.expect("an answer");
        assert_eq!(waiter.piece().await, "abcdef", "the first bytes, while the origin still writes");
        assert_eq!(waiter.header("cache-status"), "test; fwd=uri-miss; fwd-status=200; collapsed");
        waiters.push(waiter);
    }
    body.write("ghijkl");
    drop(body);
    assert_eq!(first.text().await, "ghijkl");
    for waiter in waiters {
        assert_eq!(waiter.text().await, "ghijkl");
    }
    assert!(!world.origin.was_asked(), "one fetch");
    assert_eq!(world.metric("cdn_upstream_fetches_total").await, 1);
    assert_eq!(world.metric("cdn_collapsed_total").await, 20);
    let after = world.get_here("/seg", &[]).await;
    assert!(after.header("cache-status").starts_with("test; hit; ttl="), "{after:?}", after = after.headers);
}

#[tokio::test]
async fn a_chunked_body_is_shared_too() {
    let mut world = World::start().await;
    let first = world.get("/live", &[]);
    let body = world.origin.next().await.answer_open(200, &[LONG]);
    body.write("abc");
    let mut first = first.await.expect("an answer");
    assert_eq!(first.piece().await, "abc");
    let second = world.get("/live", &[]).await.expect("joined");
    body.write("def");
    drop(body);
    assert_eq!(first.text().await, "def");
    assert_eq!(second.text().await, "abcdef");
    assert_eq!(world.get_here("/live", &[]).await.text().await, "abcdef");
}

#[tokio::test]
async fn what_is_private_is_never_shared() {
    let mut world = World::start().await;
    let first = world.get("/me", &["x-user: a"]);
    let asked = world.origin.next().await;
    let second = world.get("/me", &["x-user: b"]);
    while world.metric("cdn_connections").await < 2 {
        tokio::task::yield_now().await;
    }
    asked.answer(200, &["cache-control: private, max-age=60"], "for a");
    assert_eq!(first.await.expect("an answer").text().await, "for a");
    let asked = world.origin.next().await;
    assert_eq!(asked.parts.headers["x-user"], "b");
    asked.answer(200, &["cache-control: private, max-age=60"], "for b");
    assert_eq!(second.await.expect("an answer").text().await, "for b");
}

#[tokio::test]
async fn an_answer_for_other_readers_is_not_shared() {
    let mut world = World::start().await;
    let vary = [LONG, "vary: accept-language"];
    let first = world.get("/x", &["accept-language: ko"]);
    let asked = world.origin.next().await;
    let second = world.get("/x", &["accept-language: en"]);
    while world.metric("cdn_connections").await < 2 {
        tokio::task::yield_now().await;
    }
    asked.answer(200, &vary, "annyeong");
    assert_eq!(first.await.expect("an answer").text().await, "annyeong");
    world.origin.next().await.answer(200, &vary, "hello");
    assert_eq!(second.await.expect("an answer").text().await, "hello");
    assert_eq!(world.get_here("/x", &["accept-language: KO"]).await.text().await, "annyeong");
    assert_eq!(world.get_here("/x", &["accept-language: en"]).await.text().await, "hello");
}

#[tokio::test]
async fn a_failing_origin_is_not_asked_once_more_by_every_waiter() {
    let mut world = World::start().await;
    let first = world.get("/seg", &[]);
    let asked = world.origin.next().await;
    let waiters: Vec<_> = (0..5).map(|_| world.get("/seg", &[])).collect();
    while world.metric("cdn_connections").await < 6 {
        tokio::task::yield_now().await;
    }
    asked.answer(503, &[], "overloaded");
    assert_eq!(first.await.expect("an answer").text().await, "overloaded");
    for waiter in join_all(waiters).await {
        assert_eq!(waiter.expect("an answer").status, 503);
    }
    assert!(!world.origin.was_asked());
}
