use std::net::SocketAddr;
use std::time::Duration;

use edge_sfu::{Command, Origin, SessionId};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::client::check;
use crate::publisher::{FRAME, Publisher, rtp, stream, video};
use crate::world::World;

const SSRC: u32 = 5_000;

fn stranger() -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 66], 666))
}

#[test]
fn garbage_from_strangers_and_from_members_disturbs_nobody() {
    let mut world = World::new(1);
    let (teacher, student, vandal) = (world.join(), world.join(), world.join());
    world.open_video(1, Origin::Session(SessionId(0)), 1);
    world.publish(teacher, vec![video("v", 1, &["q"])]);
    world.publish(vandal, vec![video("v", 2, &["q"])]);
    world.watch(student, 1, 0, SSRC, true);
    let mut publisher = Publisher::new(teacher, &["q"]);
    let mut rng = StdRng::seed_from_u64(9);
    for n in 0..60 {
        publisher.frame(&mut world, n == 0, 2);
        let mut noise = vec![0u8; rng.random_range(0..300)];
        rng.fill(&mut noise[..]);
        world.inject(stranger(), &noise);
        if let Some(first) = noise.first_mut() {
            *first = [0, 1, 22, 128, 144][n % 5];
        }
        let known = world.peers[student].client.address;
        world.inject(known, &noise);
        // Sealed with good keys, wrong inside.
        if noise.len() > 40 {
            noise[0] = 0x90;
            noise[1] = 96;
            noise[12..16].copy_from_slice(&[0xBE, 0xDE, 0, 3]);
            world.send_rtp(vandal, &noise);
            noise[1] = 205;
            noise[2..4].copy_from_slice(&[0, 200]);
            world.send_rtcp(vandal, &noise);
        }
        world.send_rtp(vandal, &rtp(96, false, n as u16, 1, n as u32, &[], &[0x90, 0x80]));
        world.run(FRAME);
    }
    world.run(FRAME);
    let packets = stream(&world.peers[student].rtp, SSRC);
    let (first, last) = (packets.keys().next().expect("some"), packets.keys().next_back().expect("some"));
    assert_eq!((last - first + 1, packets.len()), (120, 120));
    let counters = world.sfu.counters();
    assert!(counters.dropped_unknown_address + counters.dropped_unknown_ufrag > 20, "{counters:?}");
    assert!(counters.dropped_by_session > 20, "{counters:?}");
    assert!(counters.dropped_unknown_ssrc > 20, "{counters:?}");
}

#[test]
fn an_address_is_not_taken_by_a_check_with_another_members_name() {
    let mut world = World::new(2);
    let (victim, attacker) = (world.join(), world.join());
    // The attacker's own credentials, the victim's address.
    let forged = check(&world.peers[attacker].client.username, "the password of the session", true);
    let address = world.peers[victim].client.address;
    world.inject(address, &forged);
    world.open_video(1, Origin::Session(SessionId(victim as u32)), 1);
    world.publish(victim, vec![video("v", 1, &["q"])]);
    let mut publisher = Publisher::new(victim, &["q"]);
    publisher.frame(&mut world, true, 2);
    world.run(Duration::from_millis(50));
    assert_eq!(world.sfu.counters().rtp_in, 2, "the victim's media still opens");
}

#[test]
fn a_client_whose_address_changes_goes_on_without_a_handshake() {
    let mut world = World::new(3);
    let (teacher, student) = (world.join(), world.join());
    world.open_video(1, Origin::Session(SessionId(0)), 1);
    world.publish(teacher, vec![video("v", 1, &["q"])]);
    world.watch(student, 1, 0, SSRC, true);
    let mut publisher = Publisher::new(teacher, &["q"]);
    publisher.frame(&mut world, true, 2);
    world.run(FRAME);
    world.peers[student].client.address = SocketAddr::from(([198, 51, 100, 99], 5_555));
    world.peers[student].client.check_now();
    world.run(FRAME);
    let before = world.peers[student].rtp.len();
    publisher.frame(&mut world, false, 2);
    world.run(Duration::from_millis(100));
    assert_eq!(world.peers[student].rtp.len(), before + 2);
}

#[test]
fn media_goes_on_through_an_ice_restart_and_a_check_with_the_new_name_is_understood() {
    let mut world = World::new(5);
    let (teacher, student) = (world.join(), world.join());
    world.open_video(1, Origin::Session(SessionId(0)), 1);
    world.publish(teacher, vec![video("v", 1, &["q"])]);
    world.watch(student, 1, 0, SSRC, true);
    let mut publisher = Publisher::new(teacher, &["q"]);
    let local =
        edge_session::LocalIce { ufrag: "restarted".to_owned(), pwd: "another long password".to_owned() };
    let session = SessionId(student as u32);
    world.command(Command::RestartIce { session, local, remote_ufrag: "client2".to_owned() });
    publisher.frame(&mut world, true, 2);
    world.run(2 * FRAME);
    assert_eq!(world.peers[student].rtp.len(), 2);
    world.peers[student].client.username = "restarted:client2".to_owned();
    world.peers[student].client.password = "another long password".to_owned();
    world.peers[student].client.address = SocketAddr::from(([198, 51, 100, 98], 5_556));
    world.peers[student].client.check_now();
    world.run(FRAME);
    publisher.frame(&mut world, false, 2);
    world.run(2 * FRAME);
    assert_eq!(world.peers[student].rtp.len(), 4, "at the new address");
}

#[test]
fn commands_about_what_is_not_there_are_counted_and_harmless() {
    let mut world = World::new(4);
    let session = SessionId(99);
    let commands = [
        Command::CloseSession { session },
        Command::SetIncoming { session, incoming: Vec::new() },
        Command::Unwatch { session, mid: "0".to_owned() },
        Command::CloseSource { source: edge_sfu::SourceId(9) },
        Command::LinkNack { link: edge_sfu::LinkId(1), flow: 1, sequence_numbers: vec![1] },
        Command::LinkStopReceive { link: edge_sfu::LinkId(1), flow: 1 },
    ];
    for command in commands {
        world.command(command);
    }
    assert_eq!(world.sfu.counters().commands_unknown_id, 6);
}

/// Commands and packets about a few ids in any order: nothing panics, nothing is left behind.
#[test]
fn any_order_of_commands_leaves_a_shard_that_works() {
    use edge_sfu::{Codec, Kind, LinkId, Outgoing, SourceId, Target};
    let mut rng = StdRng::seed_from_u64(77);
    let mut world = World::new(6);
    let peers = [world.join(), world.join()];
    for n in 0..20_000u32 {
        let session = SessionId(peers[rng.random_range(0..2)] as u32);
        let (source, layer) = (SourceId(rng.random_range(0..4)), rng.random_range(0..5));
        let (link, flow) = (LinkId(rng.random_range(0..2)), rng.random_range(0..4));
        let mid = rng.random_range(0..3u32).to_string();
        let target = Target { layer, paused: rng.random_bool(0.2) };
        let command = match rng.random_range(0..16) {
            0 => Command::OpenSource {
                source,
                origin: if rng.random() { Origin::Session(session) } else { Origin::Link(link) },
                kind: if rng.random() { Kind::Video } else { Kind::Audio },
                codec: [Codec::Vp8, Codec::H264, Codec::Opus, Codec::Other][n as usize % 4],
                clock_rate_hz: n % 3 * 45_000,
                layers: layer,
            },
            1 if n % 3 == 0 => Command::CloseSource { source },
            2 => Command::SetOutgoing {
                session,
                outgoing: (0..rng.random_range(0..4u32))
                    .map(|n| Outgoing {
                        mid: (n % 3).to_string(),
                        ssrc: rng.random_range(10..16),
                        rtx_ssrc: rng.random_bool(0.5).then_some(rng.random_range(10..16)),
                        cname: "c".to_owned(),
                        extensions: crate::world::EXTENSIONS,
                    })
                    .collect(),
            },
            3 => Command::SetIncoming { session, incoming: vec![video("v", source.0, &["q", "h"])] },
            4 => Command::Unwatch { session, mid },
            5 => Command::Retarget { session, mid, target },
            6 => Command::LinkSubscribe { link, flow, source, layer },
            7 => Command::LinkUnsubscribe { link, flow },
            8 => Command::LinkReceive { link, flow, source, layer },
            9 => Command::LinkStopReceive { link, flow },
            10 => Command::LinkNack { link, flow, sequence_numbers: vec![n as u16, 5] },
            11 => Command::RequestKeyframe { source, layer },
            12 if n % 7 == 0 => Command::CloseLink { link },
            13 => Command::MuteSource { source, muted: rng.random() },
            _ => Command::Watch {
                session,
                mid,
                source,
                payload_type: 100,
                rtx_payload_type: Some(101),
                target,
            },
        };
        world.command(command);
        let payload = [0x90, 0x80, 0x80, n as u8, n as u8 & 1, 0, 0, 0, 0, 0, 0, 0];
        world.link_packet(link, flow, &rtp(96, true, n as u16 / 4, n * 50, 0, &[], &payload));
        if n % 50 == 0 {
            world.run(Duration::from_millis(20));
            for peer in &mut world.peers {
                peer.rtp.clear();
            }
        }
    }
    let counters = world.sfu.counters().clone();
    assert!(counters.rtp_out > 300, "{counters:?}");
    assert_eq!(counters.dropped_seal_failed, 0);
    for source in 0..4 {
        world.command(Command::CloseSource { source: SourceId(source) });
    }
    for peer in peers {
        world.command(Command::CloseSession { session: SessionId(peer as u32) });
    }
    let snapshot = world.sfu.snapshot();
    assert_eq!(snapshot, edge_sfu::Snapshot::default());
}
