use std::time::Duration;

use edge_session::{ChannelId, Event, MESSAGE_LENGTH_MAX, SendDataError};

use crate::world::{Towards, World};

const RELIABLE: u8 = 0;
const UNORDERED_NO_RETRANSMIT: u8 = 0x81;

/// A connected world with a channel of this id and kind open.
fn with_channel(world: &mut World, id: u16, label: &str, kind: u8) {
    if !world.client.is_sctp_up() {
        let now = world.now;
        world.client.start_sctp(now);
        assert!(world.run_until(Duration::from_secs(30), |world| world.client.is_sctp_up()));
    }
    let now = world.now;
    world.client.open_channel(now, id, label, kind, 0);
    assert!(world.run_until(Duration::from_secs(30), |world| world.client.opened.contains(&id)));
}

fn received(world: &World) -> Vec<(u16, bool, Vec<u8>)> {
    let data = world.events.iter().filter_map(|event| match event {
        Event::ChannelData { id, binary, payload } => Some((id.0, *binary, payload.to_vec())),
        _ => None,
    });
    data.collect()
}

#[test]
fn messages_go_both_ways() {
    let mut world = World::connected(1);
    with_channel(&mut world, 0, "_reliable", RELIABLE);
    with_channel(&mut world, 2, "_lossy", UNORDERED_NO_RETRANSMIT);
    let open = |id, label: &str, ordered, reliable| Event::ChannelOpen {
        id: ChannelId(id),
        label: label.to_owned(),
        protocol: String::new(),
        ordered,
        reliable,
    };
    assert!(world.events.contains(&open(0, "_reliable", true, true)));
    assert!(world.events.contains(&open(2, "_lossy", false, false)));

    let long = vec![7; 200_000];
    let now = world.now;
    world.client.send(now, 0, false, b"hello");
    world.client.send(now, 0, true, &long);
    world.client.send(now, 2, true, b"lossy");
    for (channel, binary, payload) in
        [(0, false, &b"answer"[..]), (0, false, b""), (2, true, b"x"), (0, true, &long)]
    {
        assert_eq!(world.session.send_data(now, ChannelId(channel), binary, payload), Ok(()));
    }
    assert!(world.run_until(Duration::from_secs(20), |world| {
        received(world).len() == 3 && world.client.messages.len() == 4
    }));
    let mut up = received(&world);
    up.sort();
    assert_eq!(up, [(0, false, b"hello".to_vec()), (0, true, long.clone()), (2, true, b"lossy".to_vec())]);
    let mut down = world.client.messages.clone();
    down.sort();
    let expected =
        [(0, false, vec![]), (0, false, b"answer".to_vec()), (0, true, long), (2, true, b"x".to_vec())];
    assert_eq!(down, expected);
}

#[test]
fn three_hundred_messages_arrive_in_order_through_ten_percent_loss() {
    let mut world = World::connected(2);
    world.loss = 0.10;
    with_channel(&mut world, 0, "_reliable", RELIABLE);
    for number in 0..300_u32 {
        let now = world.now;
        let payload = number.to_be_bytes();
        world.client.send(now, 0, true, &payload);
        assert_eq!(world.session.send_data(now, ChannelId(0), true, &payload), Ok(()));
        world.run_for(Duration::from_millis(5));
    }
    assert!(world.run_until(Duration::from_secs(60), |world| {
        received(world).len() == 300 && world.client.messages.len() == 300
    }));
    let expected: Vec<_> = (0..300_u32).map(|number| (0, true, number.to_be_bytes().to_vec())).collect();
    assert_eq!(received(&world), expected);
    assert_eq!(world.client.messages, expected);
}

/// What the peer gives up on is skipped by FORWARD TSN; the channels go on behind it.
#[test]
fn a_lossy_channel_loses_some_messages_and_holds_up_none() {
    let mut world = World::connected(7);
    with_channel(&mut world, 0, "_reliable", RELIABLE);
    with_channel(&mut world, 2, "_lossy", UNORDERED_NO_RETRANSMIT);
    world.loss = 0.10;
    for _ in 0..300 {
        let now = world.now;
        world.client.send(now, 2, true, b"position");
        assert_eq!(world.session.send_data(now, ChannelId(2), true, b"position"), Ok(()));
        world.run_for(Duration::from_millis(10));
    }
    world.loss = 0.0;
    let now = world.now;
    world.client.send(now, 0, true, b"last");
    assert!(world.run_until(Duration::from_secs(10), |world| {
        received(world).contains(&(0, true, b"last".to_vec()))
    }));
    for count in [received(&world).len() - 1, world.client.messages.len()] {
        assert!((200..300).contains(&count), "{count} of 300");
    }
}

/// `rtc-sctp` makes an association of each INIT; the one whose cookie comes back has to be alive.
#[test]
fn a_lost_init_ack_does_not_cost_the_association() {
    let mut world = World::connected(3);
    let mut answers = 0;
    world.filter = Box::new(move |towards, datagram| {
        let is_data = towards == Towards::Client && datagram[0] == 23;
        answers += u32::from(is_data);
        !is_data || answers > 2
    });
    let now = world.now;
    world.client.start_sctp(now);
    assert!(world.run_until(Duration::from_secs(10), |world| world.client.is_sctp_up()));
    with_channel(&mut world, 0, "_reliable", RELIABLE);
}

#[test]
fn a_full_send_buffer_is_an_error_and_empties_again() {
    let mut world = World::connected(4);
    with_channel(&mut world, 0, "_reliable", RELIABLE);
    world.run_for(Duration::from_secs(1));
    let (now, message) = (world.now, vec![1; MESSAGE_LENGTH_MAX]);
    let sent =
        (0..100).take_while(|_| world.session.send_data(now, ChannelId(0), true, &message).is_ok()).count();
    assert_eq!(sent, 4, "1 MiB");
    assert_eq!(world.session.send_data(now, ChannelId(0), true, &message), Err(SendDataError::Full));
    assert!(world.run_until(Duration::from_secs(60), |world| world.client.messages.len() == 4));
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.session.send_data(world.now, ChannelId(0), true, &message), Ok(()));
    let too_long = vec![1; MESSAGE_LENGTH_MAX + 1];
    assert_eq!(
        world.session.send_data(world.now, ChannelId(0), true, &too_long),
        Err(SendDataError::TooLong)
    );
    assert_eq!(world.session.send_data(world.now, ChannelId(9), true, b"x"), Err(SendDataError::NotOpen));
}

#[test]
fn a_channel_closes_from_either_side_and_its_id_comes_again() {
    let mut world = World::connected(5);
    with_channel(&mut world, 0, "first", RELIABLE);
    let now = world.now;
    world.client.close_channel(now, 0);
    let closed = Event::ChannelClosed { id: ChannelId(0) };
    assert!(world.run_until(Duration::from_secs(10), |world| world.events.contains(&closed)));
    assert_eq!(world.session.send_data(world.now, ChannelId(0), true, b"x"), Err(SendDataError::NotOpen));

    world.run_for(Duration::from_secs(2));
    world.client.opened.clear();
    world.client.reset.clear();
    with_channel(&mut world, 0, "second", RELIABLE);
    world.session.close_channel(world.now, ChannelId(0));
    assert!(world.run_until(Duration::from_secs(10), |world| world.client.reset.contains(&0)));
    assert_eq!(world.events.iter().filter(|event| **event == closed).count(), 2);
}
