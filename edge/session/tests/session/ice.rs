use std::time::Duration;

use edge_session::{DropReason, Event, LocalIce, stun_local_ufrag};

use crate::client::{check, signed_request};
use crate::world::{PASSWORD, UFRAG, World, address};

/// Class and number of an ERROR-CODE, and whether the answer is signed.
fn error(answer: &[u8]) -> (u16, bool) {
    assert_eq!(answer[..2], [0x01, 0x11], "an error response");
    assert_eq!(answer[20..24], [0, 9, 0, 4]);
    (u16::from(answer[26]) * 100 + u16::from(answer[27]), answer.windows(4).any(|word| word == [0, 8, 0, 20]))
}

fn username(value: &str) -> (u16, Vec<u8>) {
    (0x0006, value.as_bytes().to_vec())
}

/// The answer to a datagram from an address of its own.
fn answer(world: &mut World, datagram: &[u8]) -> Vec<u8> {
    let mut datagram = datagram.to_vec();
    let _ = world.session.handle_datagram(world.now, address(5555), &mut datagram);
    let transmit = world.session.poll_transmit(world.now).expect("an answer");
    assert_eq!(transmit.destination, address(5555));
    transmit.payload.to_vec()
}

#[test]
fn a_check_is_answered_with_the_address_it_came_from() {
    let mut world = World::new(1);
    let reply = answer(&mut world, &check(&format!("{UFRAG}:client"), PASSWORD, false));
    assert_eq!(reply[..2], [0x01, 0x01]);
    let port = 5555_u16 ^ 0x2112;
    let mut expected = vec![0, 0x20, 0, 8, 0, 1];
    expected.extend_from_slice(&port.to_be_bytes());
    expected.extend([198 ^ 0x21, 51 ^ 0x12, 100 ^ 0xA4, 7 ^ 0x42]);
    assert_eq!(reply[20..32], expected);

    let mapped = "[::ffff:198.51.100.7]:5555".parse().expect("an address");
    let mut datagram = check(&format!("{UFRAG}:client"), PASSWORD, false);
    let _ = world.session.handle_datagram(world.now, mapped, &mut datagram);
    let transmit = world.session.poll_transmit(world.now).expect("an answer");
    assert_eq!(transmit.payload[20..32], expected, "IPv4 in a dual-stack socket is IPv4 to the peer");

    let v6 = "[2001:db8::7]:5555".parse().expect("an address");
    let mut datagram = check(&format!("{UFRAG}:client"), PASSWORD, false);
    let _ = world.session.handle_datagram(world.now, v6, &mut datagram);
    let transmit = world.session.poll_transmit(world.now).expect("an answer");
    assert_eq!(
        transmit.payload[20..32],
        [0, 0x20, 0, 20, 0, 2, expected[6], expected[7], 0x01, 0x13, 0xA9, 0xFA]
    );
}

#[test]
fn a_check_that_is_not_ours_gets_the_error_of_the_rfc_and_no_path() {
    let mut world = World::new(2);
    let name = format!("{UFRAG}:client");
    let unsigned = [&[0, 1, 0, 4][..], &check(&name, PASSWORD, true)[4..20], &[0xC0, 0x57, 0, 0]].concat();
    let cases = [
        (unsigned, (400, false)),
        (signed_request(&[(0x0024, vec![0; 4])], PASSWORD), (400, false)),
        (check("another:client", PASSWORD, true), (401, false)),
        (check(&name, "not the password", true), (401, false)),
        (signed_request(&[username(&name), (0x8029, vec![0; 8])], PASSWORD), (487, true)),
        (signed_request(&[username(&name), (0x0033, vec![0; 4])], PASSWORD), (420, true)),
    ];
    for (datagram, expected) in cases {
        assert_eq!(error(&answer(&mut world, &datagram)), expected);
    }
    assert_eq!(world.session.destination(), None);
}

#[test]
fn responses_and_indications_are_not_answered() {
    let mut world = World::new(3);
    for kind in [[0x01, 0x01], [0x00, 0x11]] {
        let mut datagram = check(&format!("{UFRAG}:client"), PASSWORD, true);
        datagram[..2].copy_from_slice(&kind);
        world.deliver(address(1), &datagram);
    }
    assert_eq!(world.drops, [DropReason::StunIgnored; 2]);
    assert_eq!(world.session.destination(), None);
}

#[test]
fn the_ufrag_is_read_without_a_session() {
    assert_eq!(stun_local_ufrag(&check("here:there", "any", false)), Some("here"));
    assert_eq!(stun_local_ufrag(&check("nocolon", "any", false)), None);
    assert_eq!(stun_local_ufrag(b"\x80\x60 rtp"), None);
}

#[test]
fn a_peer_whose_nat_rebinds_keeps_its_session() {
    let mut world = World::connected(4);
    let (before, after) = (world.client.address, address(7777));
    let sealed: Vec<_> = (0..3).map(|n| world.client.seal_rtcp(&[0x80, 201, 0, 1, 0, 0, 0, n])).collect();
    world.client.address = after;
    world.deliver(after, &sealed[0]);
    assert_eq!(world.drops, [DropReason::UnvalidatedAddress], "not before a check");
    world.run_for(Duration::from_millis(1100));
    assert_eq!(world.session.destination(), Some(after));
    assert!(world.events.contains(&Event::AddressChanged { from: before, to: after }));
    world.deliver(after, &sealed[1]);
    assert_eq!(world.rtcp.len(), 1);
    let connects = world.events.iter().filter(|event| matches!(event, Event::Connected { .. })).count();
    assert_eq!(connects, 1, "no second handshake");
}

#[test]
fn an_ice_restart_takes_both_credentials_until_the_new_ones_are_used() {
    let mut world = World::connected(5);
    let local = LocalIce { ufrag: "again".to_owned(), pwd: "another password of ours".to_owned() };
    world.session.restart_ice(world.now, local, "client2".to_owned());
    let old = check(&format!("{UFRAG}:client"), PASSWORD, true);
    let new = check("again:client2", "another password of ours", true);
    assert_eq!(answer(&mut world, &old)[..2], [0x01, 0x01]);
    assert_eq!(answer(&mut world, &new)[..2], [0x01, 0x01]);
    assert_eq!(error(&answer(&mut world, &old)), (401, false));
    assert!(world.session.is_connected());
}
