//! Ranges, from the store and from a body that is still coming.

use crate::world::World;

const LINES: [&str; 3] =
    ["cache-control: max-age=60", "etag: \"v1\"", "last-modified: Sun, 06 Nov 1994 08:49:37 GMT"];

async fn warm(world: &mut World) {
    world.get_via("/mp4", &[], |asked| asked.answer(200, &LINES, "0123456789")).await.text().await;
}

#[tokio::test]
async fn range_matrix_over_a_stored_response() {
    let mut world = World::start().await;
    warm(&mut world).await;
    for (lines, status, content_range, body) in [
        (&["range: bytes=2-4"][..], 206, "bytes 2-4/10", "234"),
        (&["range: bytes=7-"], 206, "bytes 7-9/10", "789"),
        (&["range: bytes=-3"], 206, "bytes 7-9/10", "789"),
        (&["range: bytes=0-99"], 206, "bytes 0-9/10", "0123456789"),
        (&["range: bytes=0-1,4-5"], 200, "", "0123456789"),
        (&["range: lines=1-2"], 200, "", "0123456789"),
        (&["range: bytes=10-"], 416, "bytes */10", ""),
        (&["range: bytes=4-2"], 416, "bytes */10", ""),
        (&["range: bytes=x"], 416, "bytes */10", ""),
        (&["range: bytes=2-4", "if-range: \"v1\""], 206, "bytes 2-4/10", "234"),
        (&["range: bytes=2-4", "if-range: \"v0\""], 200, "", "0123456789"),
        (&["range: bytes=2-4", "if-range: Sun, 06 Nov 1994 08:49:37 GMT"], 206, "bytes 2-4/10", "234"),
        (&["range: bytes=2-4", "if-range: Sun, 06 Nov 1994 08:49:38 GMT"], 200, "", "0123456789"),
        (&["range: bytes=2-4", "if-none-match: \"v1\""], 304, "", ""),
    ] {
        let answer = world.get_here("/mp4", lines).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-range")),
            (status, content_range),
            "{lines:?}"
        );
        assert_eq!(answer.text().await, body, "{lines:?}");
    }
    assert_eq!(world.metric("cdn_errors_total{reason=\"bad_range\"}").await, 2);
}

#[tokio::test]
async fn a_range_of_a_cold_object_is_served_when_its_bytes_have_come() {
    let mut world = World::start().await;
    let asking = world.get("/mp4", &["range: bytes=2-4"]);
    let asked = world.origin.next().await;
    assert!(!asked.parts.headers.contains_key("range"), "the cache asks for the whole");
    let body = asked.answer_open(200, &["cache-control: max-age=60", "content-length: 10"]);
    body.write("01234");
    let answer = asking.await.expect("an answer");
    assert_eq!((answer.status.as_u16(), answer.header("content-range")), (206, "bytes 2-4/10"));
    assert_eq!(answer.text().await, "234", "whole, while the origin still writes");
    body.write("56789");
    drop(body);
    let rest = world.get_here("/mp4", &["range: bytes=8-"]).await;
    assert_eq!(rest.text().await, "89");
}

#[tokio::test]
async fn an_object_too_large_is_passed_with_its_range_and_not_stored() {
    let mut world = World::with(|config| config.object_bytes_max = 8).await;
    let asking = world.get("/big", &["range: bytes=2-4"]);
    world.origin.next().await.answer(200, &LINES, "0123456789");
    let asked = world.origin.next().await;
    assert_eq!(asked.parts.headers["range"], "bytes=2-4");
    asked.answer(206, &["content-range: bytes 2-4/10"], "234");
    let answer = asking.await.expect("an answer");
    assert_eq!(
        (answer.status.as_u16(), answer.header("cache-status")),
        (206, "test; fwd=bypass; fwd-status=206")
    );
    assert_eq!(answer.text().await, "234");
    // From now on the node knows, and asks for the range at once.
    let asking = world.get("/big", &["range: bytes=5-6"]);
    let asked = world.origin.next().await;
    assert_eq!(asked.parts.headers["range"], "bytes=5-6");
    asked.answer(206, &["content-range: bytes 5-6/10"], "56");
    assert_eq!(asking.await.expect("an answer").text().await, "56");
    let whole = world.get_via("/big", &[], |asked| asked.answer(200, &LINES, "0123456789")).await;
    assert_eq!(whole.text().await, "0123456789");
}

#[tokio::test]
async fn a_chunked_body_that_turns_out_too_large_is_streamed_whole() {
    let mut world = World::with(|config| config.object_bytes_max = 8).await;
    let asking = world.get("/big", &[]);
    let body = world.origin.next().await.answer_open(200, &["cache-control: max-age=60"]);
    for _ in 0..10 {
        body.write("0123456789");
    }
    drop(body);
    assert_eq!(asking.await.expect("an answer").text().await, "0123456789".repeat(10));
    world.get_via("/big", &[], |asked| asked.answer(200, &[], "small")).await;
}
