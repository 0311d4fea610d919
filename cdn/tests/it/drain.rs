//! A node that is to be emptied.

use crate::world::World;
use cdn::Drain;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

const EXIT: Drain = Drain { deadline_ms: None, exit: true };
const LINES: [&str; 2] = ["cache-control: max-age=60", "content-length: 6"];

async fn until_ready_is(world: &World, status: u16) -> String {
    loop {
        let ready = world.ready().await;
        if ready.status == status {
            return ready.text().await;
        }
    }
}

fn now_ms() -> u64 {
    let age = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(age.as_millis()).unwrap_or_default()
}

#[tokio::test]
async fn a_drained_node_finishes_what_it_does_serves_who_still_comes_and_ends() {
    let mut world = World::with(|config| config.timeouts.drain_quiet_ms = 200).await;
    let asking = world.get("/a", &[]);
    let body = world.origin.next().await.answer_open(200, &LINES);
    body.write("abc");
    let under_way = asking.await.expect("an answer");

    world.wishes.send_replace(Some(EXIT));
    assert_eq!(until_ready_is(&world, 503).await, "cdn: draining\n");
    assert_eq!(world.metric("cdn_draining").await, 1);
    let late = world.get_via("/b", &[], |asked| asked.answer(200, &LINES, "second")).await;
    assert_eq!(late.header("connection"), "close", "it looks for another node");
    assert_eq!(late.text().await, "second");

    // Longer than it would wait for the next request: somebody is being answered.
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(!world.running.is_finished());
    body.write("def");
    assert_eq!(under_way.text().await, "abcdef");
    world.running.await.expect("no panic").expect("a clean end");
}

#[tokio::test]
async fn a_connection_from_before_is_closed_when_it_rests() {
    let mut world = World::start().await;
    let mut stream = BufReader::new(TcpStream::connect(world.addrs.listen).await.expect("the node listens"));
    stream.write_all(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    world.origin.next().await.answer(200, &["content-length: 0"], "");
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line).await.expect("a head");
        assert!(!line.to_lowercase().starts_with("connection: close"), "{line}");
    }
    world.wishes.send_replace(Some(Drain { exit: false, ..EXIT }));
    line.clear();
    assert_eq!(stream.read_line(&mut line).await.expect("an orderly end"), 0, "{line}");
}

#[tokio::test]
async fn after_the_deadline_viewers_are_refused_until_the_wish_is_taken_back() {
    let mut world = World::start().await;
    let stored = ["cache-control: max-age=60"];
    world.get_via("/a", &[], |asked| asked.answer(200, &stored, "kept")).await.text().await;
    world.wishes.send_replace(Some(Drain { deadline_ms: Some(now_ms() + 100), exit: false }));
    until_ready_is(&world, 503).await;
    let refused = loop {
        let answer = world.get_here("/a", &[]).await;
        if answer.status == 503 {
            break answer;
        }
    };
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.header("connection"), "close");
    assert!(world.metric("cdn_errors_total{reason=\"draining\"}").await >= 1);

    world.wishes.send_replace(None);
    until_ready_is(&world, 200).await;
    assert_eq!(world.get_here("/a", &[]).await.text().await, "kept", "what it held is still there");
}

#[tokio::test]
async fn a_node_that_is_to_end_does_at_the_deadline() {
    let mut world = World::with(|config| config.timeouts.drain_ms = 100).await;
    let asking = world.get("/a", &[]);
    let _body = world.origin.next().await.answer_open(200, &LINES);
    let stuck = asking.await.expect("an answer");
    world.wishes.send_replace(Some(Drain { deadline_ms: Some(now_ms() + 200), exit: true }));
    world.running.await.expect("no panic").expect("a clean end");
    assert!(stuck.try_text().await.is_err());
}
