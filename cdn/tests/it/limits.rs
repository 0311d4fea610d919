//! What happens when something is full or slow.

use crate::world::World;

#[tokio::test]
async fn a_fetch_that_gets_no_place_in_time_is_a_503() {
    let mut world = World::with(|config| {
        config.limits.fills_max = 1;
        config.timeouts.fill_wait_ms = 50;
    })
    .await;
    let first = world.get("/a", &[]);
    let asked = world.origin.next().await;
    let second = world.get("/b", &[]).await.expect("an answer");
    assert_eq!((second.status.as_u16(), second.header("retry-after")), (503, "1"));
    asked.answer(200, &[], "first");
    assert_eq!(first.await.expect("an answer").text().await, "first");
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_in_time_is_a_504() {
    let mut world = World::with(|config| config.timeouts.upstream_head_ms = 50).await;
    let asking = world.get("/a", &[]);
    let _unanswered = world.origin.next().await;
    assert_eq!(asking.await.expect("an answer").status, 504);
}

#[tokio::test]
async fn an_upstream_that_stops_in_the_body_breaks_the_readers() {
    let mut world = World::with(|config| config.timeouts.upstream_idle_ms = 50).await;
    let asking = world.get("/a", &[]);
    let body =
        world.origin.next().await.answer_open(200, &["cache-control: max-age=60", "content-length: 6"]);
    body.write("abc");
    assert!(asking.await.expect("an answer").try_text().await.is_err());
}

#[tokio::test]
async fn memory_stays_within_its_bound() {
    let mut world = World::with(|config| {
        config.memory_bytes_max = 64 << 10;
        config.object_bytes_max = 8 << 10;
    })
    .await;
    let body: &'static str = "x".repeat(8 << 10).leak();
    for i in 0..32 {
        let target = format!("/{i}");
        let answer =
            world.get_via(&target, &[], |asked| asked.answer(200, &["cache-control: max-age=60"], body));
        answer.await.text().await;
    }
    let (bytes, keys) = (world.metric("cdn_stored_bytes").await, world.metric("cdn_stored_keys").await);
    assert!(bytes <= 64 << 10 && (4..8).contains(&keys), "{bytes} bytes in {keys} keys");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_let_go_and_frees_its_place() {
    let mut world = World::with(|config| {
        config.object_bytes_max = 1 << 10;
        config.timeouts.client_stall_ms = 50;
        config.timeouts.upstream_idle_ms = 50;
    })
    .await;
    let length = 64 << 20;
    let asking = world.get("/big", &[]);
    let body = world.origin.next().await.answer_open(200, &[&format!("content-length: {length}")]);
    let client = asking.await.expect("an answer");
    // More than all socket buffers on the way hold.
    body.write(vec![0; length]);
    body.closed().await;
    drop(client);
}
