use std::time::Duration;

use edge_session::{ChannelId, Event, MESSAGE_LENGTH_MAX, classify, stun_local_ufrag};
use proptest::prelude::*;

use crate::client::check;
use crate::world::{PASSWORD, UFRAG, World, address};

/// Random bytes that look like one of the protocols from their first bytes.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let body = prop::collection::vec(any::<u8>(), 0..1400);
    (prop_oneof![0..4_u8, 20..64_u8, 128..192_u8, any::<u8>()], body).prop_map(|(first, mut body)| {
        body.insert(0, first);
        body
    })
}

/// DTLS records with sound headers around random handshake fragments.
fn records() -> impl Strategy<Value = Vec<u8>> {
    let record =
        (prop_oneof![Just(20_u8), Just(22), Just(23)], 0..3_u8, prop::collection::vec(any::<u8>(), 1..200));
    prop::collection::vec(record, 1..4).prop_map(|records| {
        let mut datagram = Vec::new();
        for (number, (kind, epoch, mut body)) in records.into_iter().enumerate() {
            if kind == 22 && body.len() > 12 {
                let length = (body.len() - 12) as u8;
                let (kind, sequence) = (body[0] % 21, body[5] % 3);
                body[..12].copy_from_slice(&[kind, 0, 0, length, 0, sequence, 0, 0, 0, 0, 0, length]);
            }
            datagram.extend_from_slice(&[
                kind,
                0xFE,
                0xFD,
                0,
                epoch,
                0,
                0,
                0,
                0,
                9,
                number as u8,
                0,
                body.len() as u8,
            ]);
            datagram.extend_from_slice(&body);
        }
        datagram
    })
}

/// Everything a driver can see of a session.
fn visible(world: &World) -> (bool, Option<std::net::SocketAddr>, usize) {
    (world.session.is_connected(), world.session.destination(), world.events.len())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn garbage_changes_nothing_before_the_handshake(datagrams in prop::collection::vec(garbage(), 1..60)) {
        let mut world = World::new(1);
        world.deliver(address(4000), &check(&format!("{UFRAG}:client"), PASSWORD, true));
        let before = (visible(&world), world.session.poll_timeout());
        for datagram in &datagrams {
            let _ = classify(datagram);
            let _ = stun_local_ufrag(datagram);
            world.deliver(address(4000), datagram);
            world.deliver(address(4001), datagram);
        }
        prop_assert_eq!((visible(&world), world.session.poll_timeout()), before);
        prop_assert!(world.connect(), "and the handshake still works: {:?}", world.events);
    }

    #[test]
    fn garbage_changes_nothing_after_the_handshake(datagrams in prop::collection::vec(garbage(), 1..60)) {
        let mut world = World::connected(2);
        let before = visible(&world);
        for datagram in &datagrams {
            world.deliver(address(4000), datagram);
        }
        prop_assert_eq!(visible(&world), before);
        prop_assert_eq!((world.rtp.len(), world.rtcp.len()), (0, 0));
    }

    #[test]
    fn forged_records_never_end_a_connected_session(datagrams in prop::collection::vec(records(), 1..100)) {
        let mut world = World::connected(3);
        let before = visible(&world);
        for datagram in &datagrams {
            world.deliver(address(4000), datagram);
        }
        prop_assert_eq!(visible(&world), before);
    }

    #[test]
    fn a_spoiled_copy_of_a_genuine_datagram_changes_nothing(cut in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut world = World::connected(4);
        let now = world.now;
        world.client.start_sctp(now);
        world.client.check_now();
        let report = world.client.seal_rtcp(&[0x80, 201, 0, 1, 0, 0, 0, 1]);
        world.client.outbox.push_back(report);
        let genuine: Vec<_> = world.client.outbox.drain(..).collect();
        let before = visible(&world);
        for datagram in &genuine {
            let at = cut.index(datagram.len());
            world.deliver(address(4000), &datagram[..at]);
            let mut flipped = datagram.clone();
            flipped[at] ^= 1 << bit;
            world.deliver(address(4000), &flipped);
        }
        prop_assert_eq!(visible(&world), before);
        prop_assert_eq!((world.rtp.len(), world.rtcp.len()), (0, 0));
    }

    /// Whatever a client makes of its own handshake, the session connects, waits or ends.
    #[test]
    fn a_spoiled_handshake_never_panics(spoils in prop::collection::vec((0..8_u32, any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let mut world = World::new(9);
        world.loss = 0.0;
        let mut number = 0;
        world.spoil = Box::new(move |datagram| {
            if datagram[0] == 22 {
                number += 1;
                for (_, index, value) in spoils.iter().filter(|(nth, ..)| *nth == number) {
                    let at = index.index(datagram.len());
                    datagram[at] = *value;
                }
            }
        });
        world.run_for(Duration::from_secs(31));
        prop_assert!(world.session.is_connected() || world.session.poll_timeout().is_none());
    }

    /// A peer with the keys may ruin its own data channels, not the process.
    #[test]
    fn garbage_inside_dtls_never_panics(packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..40)) {
        let mut world = World::connected(5);
        let now = world.now;
        for packet in &packets {
            world.client.send_record(now, packet);
        }
        world.run_for(Duration::from_millis(100));
        prop_assert!(world.session.is_connected());
    }

    /// The same past the checksum and the verification tag: any chunk type with any body.
    #[test]
    fn garbage_chunks_never_panic(
        chunks in prop::collection::vec((any::<u8>(), any::<u8>(), prop::collection::vec(any::<u8>(), 0..64)), 1..40),
    ) {
        let mut world = with_association(8);
        for (kind, flags, body) in &chunks {
            let mut chunk = vec![kind % 16, *flags, 0, body.len() as u8 + 4];
            if *kind > 240 {
                chunk[0] = [130, 192, 193][usize::from(kind % 3)];
            }
            chunk.extend_from_slice(body);
            chunk.resize(chunk.len().next_multiple_of(4), 0);
            let packet = world.client.sctp_packet(&chunk);
            let now = world.now;
            world.client.send_record(now, &packet);
        }
        world.run_for(Duration::from_millis(100));
        prop_assert!(world.session.is_connected());
    }
}

/// A world with SCTP up, so that packets can be forged in its association.
fn with_association(seed: u64) -> World {
    let mut world = World::connected(seed);
    let now = world.now;
    world.client.start_sctp(now);
    assert!(world.run_until(Duration::from_secs(5), |world| world.client.is_sctp_up()));
    let now = world.now;
    world.client.open_channel(now, 0, "channel", 0, 0);
    assert!(world.run_until(Duration::from_secs(5), |world| world.client.opened.contains(&0)));
    world
}

const FIRST: u8 = 2;
const LAST: u8 = 1;

/// A DATA chunk of one kilobyte.
fn data_chunk(tsn: u32, stream: u16, flags: u8) -> Vec<u8> {
    let mut chunk = vec![0, flags, 0x04, 0x10];
    chunk.extend_from_slice(&tsn.to_be_bytes());
    chunk.extend_from_slice(&stream.to_be_bytes());
    chunk.extend_from_slice(&[0, 1, 0, 0, 0, 53]);
    chunk.extend_from_slice(&[7; 1024]);
    chunk
}

#[test]
fn a_message_without_end_costs_the_association_not_the_memory() {
    let mut world = with_association(6);
    let first = world.client.last_tsn().wrapping_add(1);
    let closed = Event::ChannelClosed { id: ChannelId(0) };
    let mut sent = 0;
    while !world.events.contains(&closed) {
        assert!(sent < 4096, "4 MiB taken");
        let chunk = data_chunk(first.wrapping_add(sent), 0, if sent == 0 { FIRST } else { 0 });
        let packet = world.client.sctp_packet(&chunk);
        let now = world.now;
        world.client.send_record(now, &packet);
        world.run_for(Duration::from_millis(41));
        sent += 1;
    }
    assert!(sent > 1024, "a message of the permitted length would have fitted");
    assert!(world.session.is_connected());
}

/// A chunk that names a TSN far ahead makes `rtc-sctp` visit every one up to it: 2^31 are seconds of a media thread.
#[test]
fn a_forward_tsn_far_ahead_is_not_followed() {
    let mut world = with_association(11);
    let far = world.client.last_tsn().wrapping_add(0x7000_0000).to_be_bytes();
    let packet = world.client.sctp_packet(&[&[192, 0, 0, 8][..], &far].concat());
    let now = world.now;
    world.client.send_record(now, &packet);
    world.run_for(Duration::from_millis(100));
    let now = world.now;
    world.client.send(now, 0, true, b"still here");
    world.run_for(Duration::from_millis(100));
    assert!(world.events.iter().any(|event| matches!(event, Event::ChannelData { .. })));
}

#[test]
fn a_message_over_the_limit_closes_its_channel_alone() {
    let kilobytes = (MESSAGE_LENGTH_MAX / 1024) as u32;
    for (length, passes) in [(kilobytes, true), (kilobytes + 1, false)] {
        let mut world = with_association(10);
        let now = world.now;
        world.client.open_channel(now, 2, "other", 0, 0);
        assert!(world.run_until(Duration::from_secs(5), |world| world.client.opened.contains(&2)));
        // The next TSN follows the OPEN of the other channel; the stream has had its own OPEN before.
        let first = world.client.last_tsn().wrapping_add(1);
        for number in 0..length {
            let flags = if number == 0 { FIRST } else { 0 } | if number + 1 == length { LAST } else { 0 };
            let packet = world.client.sctp_packet(&data_chunk(first.wrapping_add(number), 0, flags));
            let now = world.now;
            world.client.send_record(now, &packet);
            world.run_for(Duration::from_millis(41));
        }
        let closed = world.events.contains(&Event::ChannelClosed { id: ChannelId(0) });
        let arrived =
            world.events.iter().any(|event| matches!(event, Event::ChannelData { id: ChannelId(0), .. }));
        assert_eq!((arrived, closed), (passes, !passes));
        assert_eq!(world.session.send_data(world.now, ChannelId(2), true, b"alive"), Ok(()));
    }
}

#[test]
fn a_peer_that_opens_streams_without_end_is_cut_off() {
    let mut world = with_association(7);
    let first = world.client.last_tsn().wrapping_add(1);
    for stream in 0..64 {
        let packet = world.client.sctp_packet(&data_chunk(first.wrapping_add(stream), stream as u16, FIRST));
        let now = world.now;
        world.client.send_record(now, &packet);
        world.run_for(Duration::from_millis(41));
    }
    assert!(world.events.contains(&Event::ChannelClosed { id: ChannelId(0) }));
    assert!(world.session.is_connected());
}
