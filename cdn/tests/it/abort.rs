//! Clients that go away, and an origin that breaks off.

use crate::world::World;

const LINES: [&str; 2] = ["cache-control: max-age=60", "content-length: 6"];

#[tokio::test]
async fn a_leader_that_goes_away_takes_nobody_along() {
    let mut world = World::start().await;
    let leader = world.get("/seg", &[]);
    let body = world.origin.next().await.answer_open(200, &LINES);
    body.write("abc");
    let mut leader = leader.await.expect("an answer");
    leader.piece().await;
    let waiter = world.get("/seg", &[]).await.expect("joined");
    drop(leader);
    while world.metric("cdn_connections").await > 1 {
        tokio::task::yield_now().await;
    }
    body.write("def");
    assert_eq!(waiter.text().await, "abcdef");
}

#[tokio::test]
async fn a_fetch_nobody_waits_for_still_fills_the_store() {
    let mut world = World::start().await;
    let leader = world.get("/seg", &[]);
    let asked = world.origin.next().await;
    leader.abort();
    while world.metric("cdn_connections").await > 0 {
        tokio::task::yield_now().await;
    }
    asked.answer(200, &["cache-control: max-age=60"], "abcdef");
    let next = world.get_here("/seg", &[]).await;
    assert_eq!(next.text().await, "abcdef");
}

#[tokio::test]
async fn an_upstream_that_breaks_off_breaks_every_reader_and_leaves_nothing_behind() {
    let mut world = World::start().await;
    let leader = world.get("/seg", &[]);
    let body = world.origin.next().await.answer_open(200, &LINES);
    body.write("abc");
    let leader = leader.await.expect("an answer");
    let waiter = world.get("/seg", &[]).await.expect("joined");
    body.abort();
    assert!(
        leader.try_text().await.is_err() && waiter.try_text().await.is_err(),
        "a short 200 must not look whole"
    );
    assert_eq!(world.metric("cdn_upstream_failures_total{reason=\"upstream_truncated\"}").await, 1);
    let again = world.get_via("/seg", &[], |asked| asked.answer(200, &LINES, "abcdef")).await;
    assert_eq!(again.text().await, "abcdef");
}

#[tokio::test]
async fn a_chunked_body_that_breaks_off_is_not_taken_for_whole() {
    let mut world = World::start().await;
    let leader = world.get("/live", &[]);
    let body = world.origin.next().await.answer_open(200, &["cache-control: max-age=60"]);
    body.write("abc");
    let leader = leader.await.expect("an answer");
    body.abort();
    assert!(leader.try_text().await.is_err());
    world.get_via("/live", &[], |asked| asked.answer(200, &[], "whole")).await;
}

#[tokio::test]
async fn a_passed_body_ends_upstream_when_its_only_client_goes() {
    let mut world = World::start().await;
    let client = world.get("/me", &[]);
    let body = world.origin.next().await.answer_open(200, &["cache-control: private"]);
    body.write("abc");
    let mut client = client.await.expect("an answer");
    client.piece().await;
    drop(client);
    body.closed().await;
}
