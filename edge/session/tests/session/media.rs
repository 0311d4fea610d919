use std::time::Duration;

use edge_session::{DropReason, SRTP_OVERHEAD_MAX, SealError};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;

use crate::client::Options;
use crate::world::{World, address};

/// Version 2, one CSRC, an extension, and a payload.
fn rtp(sequence: u16, ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x91, 96];
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 9]);
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend_from_slice(&[1, 2, 3, 4, 0xBE, 0xDE, 0, 1, 0x10, 0x55, 0, 0]);
    packet.extend_from_slice(format!("payload of {sequence}").as_bytes());
    packet
}

/// A receiver report with nothing to report.
fn rtcp(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet
}

fn worlds() -> [World; 2] {
    let profiles = vec![SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80];
    let mut cm = World::with(2, &Options { profiles, ..Options::default() });
    assert!(cm.connect());
    [World::connected(1), cm]
}

#[test]
fn keys_match_both_ways_for_rtp_and_rtcp_under_both_profiles() {
    for mut world in worlds() {
        let source = world.client.address;
        for sequence in [65_534, 65_535, 0, 1] {
            let sealed = world.client.seal_rtp(&rtp(sequence, 7));
            world.deliver(source, &sealed);
        }
        assert_eq!(world.rtp, [rtp(65_534, 7), rtp(65_535, 7), rtp(0, 7), rtp(1, 7)]);
        let sealed = world.client.seal_rtcp(&rtcp(7));
        world.deliver(source, &sealed);
        assert_eq!(world.rtcp, [rtcp(7)]);
        assert_eq!(world.drops, []);

        for (roc, sequence) in [(0, 65_534), (0, 65_535), (1, 0)] {
            let plain = rtp(sequence, 8);
            let mut buffer = plain.clone();
            buffer.resize(plain.len() + SRTP_OVERHEAD_MAX, 0);
            let length = world.session.seal_rtp(roc, &mut buffer, plain.len()).expect("connected");
            assert_eq!(world.client.open_rtp(&buffer[..length]), plain);
        }
        for _ in 0..3 {
            let mut packet = rtcp(8);
            world.session.seal_rtcp(&mut packet).expect("connected");
            assert_eq!(world.client.open_rtcp(&packet), rtcp(8));
        }
    }
}

#[test]
fn a_replayed_packet_is_dropped() {
    for mut world in worlds() {
        let source = world.client.address;
        let sealed: Vec<_> = (1..=3000).map(|sequence| world.client.seal_rtp(&rtp(sequence, 7))).collect();
        for index in [0, 2, 1, 2, 0, 1] {
            world.deliver(source, &sealed[index]);
        }
        assert_eq!(world.rtp, [rtp(1, 7), rtp(3, 7), rtp(2, 7)], "late is welcome, twice is not");
        for packet in [&sealed[2999], &sealed[3], &sealed[2500]] {
            world.deliver(source, packet);
        }
        assert_eq!(world.rtp.len(), 5, "one is older than the window");
        let report = world.client.seal_rtcp(&rtcp(7));
        world.deliver(source, &report);
        world.deliver(source, &report);
        assert_eq!(world.rtcp.len(), 1);
        assert_eq!(world.drops, [DropReason::Replayed; 5]);
    }
}

#[test]
fn a_tampered_packet_is_dropped_and_the_genuine_one_still_accepted() {
    for mut world in worlds() {
        let source = world.client.address;
        let sealed = world.client.seal_rtp(&rtp(5, 7));
        let report = world.client.seal_rtcp(&rtcp(7));
        for index in 1..sealed.len() {
            let mut tampered = sealed.clone();
            tampered[index] ^= 0x04;
            world.deliver(source, &tampered);
        }
        for index in 2..report.len() {
            let mut tampered = report.clone();
            tampered[index] ^= 0x04;
            world.deliver(source, &tampered);
        }
        assert_eq!((world.rtp.len(), world.rtcp.len()), (0, 0));
        assert_eq!(world.drops.len(), sealed.len() - 1 + report.len() - 2);
        world.deliver(source, &sealed);
        world.deliver(source, &report);
        assert_eq!((world.rtp.len(), world.rtcp.len()), (1, 1));
    }
}

#[test]
fn spoofed_ssrcs_leave_no_room_taken() {
    let mut world = World::connected(3);
    let source = world.client.address;
    for ssrc in 0..10_000_u32 {
        let mut forged = rtp(1, ssrc);
        forged.extend_from_slice(&[0; 16]);
        world.deliver(source, &forged);
    }
    assert_eq!(world.drops, vec![DropReason::Unauthenticated; 10_000]);
    let sealed = world.client.seal_rtp(&rtp(1, 7));
    world.deliver(source, &sealed);
    assert_eq!(world.rtp, [rtp(1, 7)]);
}

#[test]
fn media_from_an_address_without_a_check_is_dropped() {
    let mut world = World::connected(4);
    let sealed = world.client.seal_rtp(&rtp(1, 7));
    world.deliver(address(9999), &sealed);
    assert_eq!((world.rtp.len(), &world.drops[..]), (0, &[DropReason::UnvalidatedAddress][..]));
}

#[test]
fn sealing_wants_keys_room_and_a_whole_header() {
    let mut world = World::new(5);
    let plain = rtp(1, 7);
    let mut buffer = plain.clone();
    buffer.resize(plain.len() + SRTP_OVERHEAD_MAX, 0);
    assert_eq!(world.session.seal_rtp(0, &mut buffer, plain.len()), Err(SealError::NoKeys));
    assert!(world.connect());
    assert_eq!(world.session.seal_rtp(0, &mut buffer, plain.len() + 1), Err(SealError::NoRoom));
    assert_eq!(world.session.seal_rtp(0, &mut buffer, usize::MAX), Err(SealError::NoRoom));
    assert_eq!(world.session.seal_rtp(0, &mut buffer, 20), Err(SealError::Malformed));
    assert_eq!(world.session.seal_rtcp(&mut vec![0x80; 7]), Err(SealError::Malformed));
}

#[test]
fn media_alone_keeps_consent() {
    let mut world = World::connected(6);
    world.client.stop_checks();
    for sequence in 1..=10 {
        world.run_for(Duration::from_secs(20));
        let sealed = world.client.seal_rtp(&rtp(sequence, 7));
        let source = world.client.address;
        world.deliver(source, &sealed);
    }
    assert!(world.session.is_connected());
}
