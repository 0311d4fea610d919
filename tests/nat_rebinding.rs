//! A NAT gives a client another port in the middle of a class: media goes on, and nobody shakes hands again.

mod support;

use std::time::{Duration, Instant};

use load::{Client, Faults, Happening};
use support::house::{House, JEJU, SEOUL};
use support::{PATIENCE, say, until, video};

const FPS: u32 = 15;
const RESUMES_WITHIN: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn media_goes_on_after_a_rebinding_without_a_new_handshake() -> anyhow::Result<()> {
    let house = House::open().await?;
    let layers = video::vp8_layers(house.directory(), FPS, 4, FPS)?;
    let none = Faults::default();
    let publisher = house.join_through(SEOUL, "class", "instructor", none).await?;
    publisher.publish_video("camera", layers, FPS).await?;
    let mut student = house.join_through(JEJU, "class", "student", none).await?;
    until("pictures", PATIENCE, async || (packets(&student) > 100).then_some(())).await;
    let before = state(&house, &publisher, &student).await?;

    let took = rebind(&student, &student).await?;
    say(&format!("the student's port changed: media again after {} ms", took.as_millis()));
    let took = rebind(&publisher, &student).await?;
    say(&format!("the instructor's port changed: media again after {} ms", took.as_millis()));

    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(state(&house, &publisher, &student).await?, before, "sessions, joins, handshakes");
    let left = student.wait_for(Duration::from_millis(1), |happening| {
        matches!(happening, Happening::Left { .. } | Happening::Disconnected(_)).then_some(())
    });
    assert!(left.await.is_err(), "the student was disconnected");
    Ok(())
}

/// Changes one client's port; gives how long the student is without media from then on.
async fn rebind(whose: &Client, student: &Client) -> anyhow::Result<Duration> {
    // What is under way arrives within this.
    const UNDER_WAY: Duration = Duration::from_millis(100);
    whose.impairment().expect("media goes through a relay").rebind().await?;
    let start = Instant::now();
    tokio::time::sleep(UNDER_WAY).await;
    let then = packets(student);
    until("media after the rebinding", RESUMES_WITHIN, async || (packets(student) > then + 30).then_some(()))
        .await;
    Ok(start.elapsed())
}

fn packets(client: &Client) -> u64 {
    client.received().values().map(|stream| stream.tally.received).sum()
}

/// Sessions and joins of both edges, handshake packets of both clients.
async fn state(house: &House, publisher: &Client, student: &Client) -> anyhow::Result<[u64; 6]> {
    let (seoul, jeju) = (house.metrics(SEOUL).await?, house.metrics(JEJU).await?);
    let handshakes = |client: &Client| client.impairment().map_or(0, |relay| relay.handshakes());
    Ok([
        seoul.get("seodang_media_sessions") as u64,
        jeju.get("seodang_media_sessions") as u64,
        seoul.get("seodang_edge_joins_total") as u64,
        jeju.get("seodang_edge_joins_total") as u64,
        handshakes(publisher),
        handshakes(student),
    ])
}
