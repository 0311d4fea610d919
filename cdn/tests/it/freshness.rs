//! What is served from the store, when it is asked anew, and what the client is told of it.

use crate::world::World;
use http::Method;

/// Stale when it arrives, with a validator.
fn stale(extra: &str) -> Vec<String> {
    vec![format!("cache-control: max-age=10{extra}"), "age: 11".into(), "etag: \"v1\"".into()]
}

async fn warm(world: &mut World, target: &str, lines: &[String]) {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let answer = world.get_via(target, &[], |asked| asked.answer(200, &lines, "old")).await;
    assert_eq!(answer.text().await, "old");
}

#[tokio::test]
async fn second_request_is_a_hit_with_age_and_date_and_via() {
    let mut world = World::start().await;
    let lines =
        ["cache-control: max-age=600", "age: 100", "access-control-allow-origin: *", "x-cache: parent"];
    let miss = world.get_via("/a?x=1", &[], |asked| {
        assert_eq!(asked.parts.headers["via"], "1.1 test");
        assert_eq!(asked.parts.headers["cdn-loop"], "test");
        asked.answer(200, &lines, "body");
    });
    let miss = miss.await;
    assert_eq!(miss.header("cache-status"), "test; fwd=uri-miss; fwd-status=200; stored");
    let date = miss.header("date").to_owned();
    assert_eq!(miss.text().await, "body");
    let hit = world.get_here("/a?x=1", &[]).await;
    let age: u64 = hit.header("age").parse().expect("a number");
    assert!((100..110).contains(&age), "{age}");
    assert_eq!(hit.header("cache-status"), format!("test; hit; ttl={}", 600 - age));
    assert_eq!(
        (hit.header("date"), hit.header("via"), hit.header("access-control-allow-origin")),
        (&*date, "1.1 test", "*")
    );
    assert_eq!(hit.text().await, "body");
    world.get_via("/a?x=2", &[], |asked| asked.answer(200, &[], "another query, another response")).await;
}

#[tokio::test]
async fn cdn_cache_control_speaks_to_the_node_and_cache_control_to_the_client() {
    let mut world = World::start().await;
    let lines = ["cache-control: no-store", "cdn-cache-control: max-age=60"];
    world.get_via("/a", &[], |asked| asked.answer(200, &lines, "body")).await.text().await;
    let hit = world.get_here("/a", &[]).await;
    assert_eq!(hit.header("cache-control"), "no-store");
    let lines = ["cache-control: max-age=60", "cdn-cache-control: no-store"];
    world.get_via("/b", &[], |asked| asked.answer(200, &lines, "body")).await.text().await;
    world.get_via("/b", &[], |asked| asked.answer(200, &lines, "again")).await;
}

#[tokio::test]
async fn preconditions_are_answered_from_the_store() {
    let mut world = World::start().await;
    let lines = ["cache-control: max-age=60", "etag: \"v1\"", "last-modified: Sun, 06 Nov 1994 08:49:37 GMT"];
    // Also on a miss: the cache wants the whole, the client only news.
    let miss = world.get_via("/a", &["if-none-match: \"v1\""], |asked| {
        assert!(!asked.parts.headers.contains_key("if-none-match"));
        asked.answer(200, &lines, "body");
    });
    assert_eq!(miss.await.status, 304);
    let not_modified = world.get_here("/a", &["if-none-match: W/\"v1\""]).await;
    assert_eq!((not_modified.status.as_u16(), not_modified.header("etag")), (304, "\"v1\""));
    assert_eq!(world.get_here("/a", &["if-none-match: \"v2\""]).await.text().await, "body");
    assert_eq!(world.get_here("/a", &["if-modified-since: Sun, 06 Nov 1994 08:49:37 GMT"]).await.status, 304);
    assert_eq!(world.get_here("/a", &["if-modified-since: Sun, 06 Nov 1994 08:49:36 GMT"]).await.status, 200);
}

#[tokio::test]
async fn a_stale_response_is_validated_and_renewed_by_304() {
    let mut world = World::start().await;
    warm(&mut world, "/a", &stale("")).await;
    let renewed = world.get_via("/a", &[], |asked| {
        assert_eq!(asked.parts.headers["if-none-match"], "\"v1\"");
        asked.answer(304, &["cache-control: max-age=60", "x-new: 1"], "");
    });
    let renewed = renewed.await;
    assert_eq!(renewed.header("cache-status"), "test; fwd=stale; fwd-status=304");
    assert_eq!((renewed.status.as_u16(), renewed.text().await), (200, "old".into()));
    let hit = world.get_here("/a", &[]).await;
    assert_eq!((hit.header("x-new"), hit.header("age")), ("1", "0"));
    assert_eq!(hit.text().await, "old");
}

#[tokio::test]
async fn stale_while_revalidate_answers_at_once_and_refreshes_beside() {
    let mut world = World::start().await;
    warm(&mut world, "/a", &stale(", stale-while-revalidate=60")).await;
    let answer = world.get("/a", &[]).await.expect("an answer before the origin gave one");
    assert_eq!(answer.header("cache-status"), "test; hit; ttl=-1");
    assert_eq!(answer.text().await, "old");
    let asked = world.origin.next().await;
    let other = world.get("/a", &[]).await.expect("an answer while the refresh runs");
    assert_eq!(other.text().await, "old");
    assert!(!world.origin.was_asked(), "one refresh at a time");
    asked.answer(200, &["cache-control: max-age=60"], "new");
    while world.get_here("/a", &[]).await.text().await != "new" {}
}

#[tokio::test]
async fn stale_if_error_covers_5xx_and_an_unreachable_origin() {
    let mut world = World::start().await;
    warm(&mut world, "/a", &stale(", stale-if-error=60")).await;
    let on_error = world.get_via("/a", &[], |asked| asked.answer(503, &[], "down")).await;
    assert_eq!(on_error.header("cache-status"), "test; fwd=stale; fwd-status=503; detail=stale-if-error");
    assert_eq!((on_error.header("age"), on_error.status.as_u16()), ("11", 200));
    assert_eq!(on_error.text().await, "old");
    // The connection closes without an answer; no leave was given, none is needed (RFC 9111 section 4.2.4).
    warm(&mut world, "/b", &stale("")).await;
    let unreachable = world.get_via("/b", &[], drop).await;
    assert_eq!(unreachable.header("cache-status"), "test; fwd=stale; detail=stale-if-unreachable");
    assert_eq!(unreachable.text().await, "old");
}

#[tokio::test]
async fn while_no_upstream_takes_connections_stale_answers_do_not_wait_for_it() {
    let mut world = World::start().await;
    let mut lines = stale("");
    lines.push("connection: close".into());
    warm(&mut world, "/a", &lines).await;
    world.origin.stop().await;
    for _ in 0..3 {
        let answer = world.get("/a", &[]).await.expect("an answer");
        assert_eq!(answer.header("cache-status"), "test; fwd=stale; detail=stale-if-unreachable");
        assert_eq!(answer.text().await, "old");
    }
    assert_eq!(world.metric("cdn_upstream_fetches_total").await, 2, "one to fill, one to find it gone");
    assert_eq!(world.get("/cold", &[]).await.expect("an answer").status, 502);
}

#[tokio::test]
async fn must_revalidate_is_never_served_stale() {
    let mut world = World::start().await;
    warm(&mut world, "/a", &stale(", must-revalidate, stale-if-error=60")).await;
    let error = world.get_via("/a", &[], |asked| asked.answer(503, &[], "down")).await;
    assert_eq!((error.status.as_u16(), error.text().await), (503, "down".into()));
    let unreachable = world.get_via("/a", &[], drop).await;
    assert_eq!((unreachable.status.as_u16(), unreachable.header("cache-status")), (502, ""));
}

#[tokio::test]
async fn without_freshness_nothing_is_reused_but_a_404_for_a_second() {
    let mut world = World::start().await;
    for _ in 0..2 {
        world.get_via("/a", &[], |asked| asked.answer(200, &[], "body")).await.text().await;
    }
    let missing = world.get_via("/missing", &[], |asked| asked.answer(404, &[], "none")).await;
    assert_eq!((missing.status.as_u16(), missing.text().await), (404, "none".into()));
    let again = world.get_here("/missing", &[]).await;
    assert_eq!((again.status.as_u16(), again.header("cache-status")), (404, "test; hit; ttl=1"));
}

#[tokio::test]
async fn head_is_answered_from_a_stored_get_and_passed_on_a_miss() {
    let mut world = World::start().await;
    let asking = world.ask(Method::HEAD, "/a", &[]);
    let asked = world.origin.next().await;
    assert_eq!(asked.parts.method, Method::HEAD);
    asked.answer(200, &["cache-control: max-age=60", "content-length: 4"], "");
    assert_eq!(asking.await.expect("an answer").header("content-length"), "4");
    world
        .get_via("/a", &[], |asked| asked.answer(200, &["cache-control: max-age=60"], "body"))
        .await
        .text()
        .await;
    let head = world.ask(Method::HEAD, "/a", &[]).await.expect("an answer");
    assert!(!world.origin.was_asked());
    assert_eq!((head.header("content-length"), head.header("cache-status")), ("4", "test; hit; ttl=60"));
    assert_eq!(head.text().await, "");
}
