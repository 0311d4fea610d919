use std::time::Duration;

use bytes::Bytes;
use edge_sfu::{Command, Event, SessionId};

use crate::world::World;

#[test]
fn messages_go_both_ways_by_label_and_a_goodbye_ends_the_session() {
    let mut world = World::new(1);
    let peer = world.join();
    let session = SessionId(peer as u32);
    let send = |payload: &'static [u8]| Command::SendData {
        session,
        label: "_reliable",
        binary: true,
        payload: Bytes::from_static(payload),
    };
    world.command(send(b"too early"));
    assert_eq!(world.sfu.counters().dropped_channel_not_open, 1);
    let now = world.now;
    world.peers[peer].client.start_sctp(now);
    world.run(Duration::from_secs(1));
    let now = world.now;
    world.peers[peer].client.open_channel(now, 1, "_reliable", 0, 0);
    world.run(Duration::from_millis(200));
    let now = world.now;
    world.peers[peer].client.send(now, 1, false, b"hello");
    world.command(send(b"welcome"));
    world.run(Duration::from_millis(200));
    let heard = world.events.iter().any(|event| {
        matches!(event, Event::Data { session: s, label, binary: false, payload }
            if *s == session && label == "_reliable" && &payload[..] == b"hello")
    });
    assert!(heard, "{:?}", world.events);
    assert_eq!(world.peers[peer].client.messages, [(1, true, b"welcome".to_vec())]);

    let now = world.now;
    world.peers[peer].client.close(now);
    world.run(Duration::from_millis(200));
    assert!(matches!(world.events.last(), Some(Event::SessionClosed { reason: "peer", .. })));
    world.command(send(b"too late"));
    assert_eq!(world.sfu.counters().commands_unknown_id, 1);
    assert_eq!(world.sfu.snapshot().sessions, 0);
}

#[test]
fn closing_says_goodbye() {
    let mut world = World::new(2);
    let peer = world.join();
    world.command(Command::CloseSession { session: SessionId(peer as u32) });
    world.run(Duration::from_millis(200));
    assert!(world.peers[peer].client.is_closed);
}

#[test]
fn a_reliable_message_that_does_not_fit_is_told_and_none_follows_it() {
    let mut world = World::new(3);
    let peer = world.join();
    let session = SessionId(peer as u32);
    let now = world.now;
    world.peers[peer].client.start_sctp(now);
    world.run(Duration::from_secs(1));
    let now = world.now;
    world.peers[peer].client.open_channel(now, 1, "_reliable", 0, 0);
    world.peers[peer].client.open_channel(now, 3, "_lossy", 0x81, 0);
    world.run(Duration::from_millis(200));
    let send = |label: &'static str, byte: u8| Command::SendData {
        session,
        label,
        binary: true,
        payload: Bytes::from(vec![byte; 100_000]),
    };
    let told = |world: &World| {
        world.events.iter().filter(|event| matches!(event, Event::DataOverflow { .. })).count()
    };
    // Within one moment nothing is acknowledged: 1 MiB fits.
    (0..20).for_each(|_| world.command(send("_lossy", 1)));
    assert_eq!(told(&world), 0, "a lossy channel may lose");
    (0..20).for_each(|_| world.command(send("_reliable", 2)));
    assert_eq!(told(&world), 1);
    world.run(Duration::from_secs(20));
    world.command(send("_reliable", 3));
    world.run(Duration::from_secs(5));
    assert_eq!(told(&world), 1, "said once");
    let reliable = world.peers[peer].client.messages.iter().filter(|(channel, ..)| *channel == 1);
    let bytes: Vec<u8> = reliable.map(|(_, _, payload)| payload[0]).collect();
    assert_eq!(bytes, [2; 10], "what fitted arrives, and nothing after what was lost");
}
