//! What people say to the class over data channels, and who is in it, is the same on every edge.

mod support;

use std::time::Duration;

use load::{Client, Faults, Happening, protocol};
use support::house::{GANGNEUNG, House, JEJU, SEOUL};
use support::{PATIENCE, say, until};

const LOSS: f64 = 0.05;
const MESSAGES: u32 = 400;
/// Some messages fit a packet, some take a few. Altogether half of what an edge keeps for one slow receiver: what it does
/// beyond that is another matter.
fn length(number: u32) -> usize {
    4 + (number as usize % 4) * 900
}

#[tokio::test(flavor = "multi_thread")]
async fn reliable_data_reaches_every_edge_once_and_in_order_through_loss() -> anyhow::Result<()> {
    let house = House::open().await?;
    let speaker = house.join_through(SEOUL, "class", "instructor", Faults::loss(LOSS, 7)).await?;
    let mut listeners = Vec::new();
    for (seed, region) in [SEOUL, GANGNEUNG, JEJU].into_iter().enumerate() {
        let faults = Faults::loss(LOSS, 8 + seed as u64);
        listeners.push(house.join_through(region, "class", &format!("student-{region}"), faults).await?);
    }
    until("the channel is open", PATIENCE, async || speaker.send(b"hello", 1).await.ok()).await;
    for listener in &mut listeners {
        first_message(listener).await?;
    }
    for number in 0..MESSAGES {
        let mut payload = number.to_be_bytes().to_vec();
        payload.resize(length(number), number as u8);
        speaker.send(&payload, number + 2).await?;
    }
    for listener in &mut listeners {
        let mut expected = 0_u32;
        let all = listener.wait_for(Duration::from_secs(60), |happening| {
            let Happening::Data { from, payload, .. } = happening else { return None };
            assert_eq!(from, "instructor");
            assert_eq!(payload[..4], expected.to_be_bytes(), "message {expected} is due");
            assert_eq!(payload.len(), length(expected));
            expected += 1;
            (expected == MESSAGES).then_some(())
        });
        all.await?;
        let more = listener.wait_for(Duration::from_millis(300), |happening| {
            matches!(happening, Happening::Data { .. }).then_some(())
        });
        assert!(more.await.is_err(), "a message came twice");
        let dropped = listener.impairment().map_or(0, |relay| relay.dropped());
        say(&format!("{}: {MESSAGES} messages in order through {dropped} lost packets", listener.identity));
        assert!(dropped > 0, "the loss was none");
    }
    for region in [SEOUL, GANGNEUNG, JEJU] {
        let full = house.metrics(region).await?.get("seodang_media_dropped_channel_full_total");
        assert_eq!(full, 0.0, "the edge gave up on a slow receiver");
    }
    Ok(())
}

async fn first_message(listener: &mut Client) -> anyhow::Result<()> {
    listener
        .wait_for(PATIENCE, |happening| match happening {
            Happening::Data { payload, .. } if payload == b"hello" => Some(()),
            _ => None,
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_is_in_the_class_once_whichever_edge_it_joins() -> anyhow::Result<()> {
    let house = House::open().await?;
    let mut watcher = house.join(GANGNEUNG, "class", "watcher").await?;
    let mut first = house.join(SEOUL, "class", "student").await?;
    seen(&mut watcher, "student", true).await?;
    let _second = house.join(JEJU, "class", "student").await?;
    let (reason, action) = first
        .wait_for(PATIENCE, |happening| match happening {
            Happening::Left { reason, action } => Some((reason, action)),
            _ => None,
        })
        .await?;
    assert_eq!(reason, protocol::DisconnectReason::DuplicateIdentity as i32);
    assert_eq!(action, protocol::leave_request::Action::Disconnect as i32);
    // The newer one stays: its leaving is the last thing said of the identity, if anything was.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut last = true;
    let quiet = watcher.wait_for(Duration::from_millis(300), |happening| {
        if let Happening::Participants(changed) = happening {
            for (identity, there, _) in changed {
                if identity == "student" {
                    last = there;
                }
            }
        }
        None::<()>
    });
    assert!(quiet.await.is_err());
    assert!(last, "the watcher thinks the student has left");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_and_leaves_is_seen_on_every_edge() -> anyhow::Result<()> {
    let house = House::open().await?;
    let mut watchers = Vec::new();
    for region in [SEOUL, GANGNEUNG, JEJU] {
        watchers.push(house.join(region, "class", &format!("watcher-{region}")).await?);
    }
    let student = house.join(JEJU, "class", "student").await?;
    for watcher in &mut watchers {
        seen(watcher, "student", true).await?;
    }
    student.leave().await;
    for watcher in &mut watchers {
        seen(watcher, "student", false).await?;
    }
    Ok(())
}

/// Waits until the watcher hears that somebody is there, or no longer is.
async fn seen(watcher: &mut Client, whom: &str, there: bool) -> anyhow::Result<()> {
    watcher
        .wait_for(PATIENCE, |happening| match happening {
            Happening::Participants(changed) => changed
                .iter()
                .any(|(identity, is_there, _)| identity == whom && *is_there == there)
                .then_some(()),
            _ => None,
        })
        .await
}
