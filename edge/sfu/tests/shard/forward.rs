use std::time::Duration;

use edge_sfu::{Command, Event, Origin, SessionId, SourceId, Target};

use crate::publisher::{FRAME, Publisher, nack_missing, pli, stream, video};
use crate::world::World;

const SSRC: u32 = 5_000;

/// A publisher of three layers that are all live.
fn school(seed: u64) -> (World, Publisher) {
    let mut world = World::new(seed);
    let teacher = world.join();
    world.open_video(1, Origin::Session(SessionId(0)), 3);
    world.publish(teacher, vec![video("v", 1, &["q", "h", "f"])]);
    let mut publisher = Publisher::new(teacher, &["q", "h", "f"]);
    publisher.frame(&mut world, true, 2);
    world.run(FRAME);
    (world, publisher)
}

/// Sends frames; keyframes where one is asked for. Everybody asks for what is missing.
fn teach(world: &mut World, publisher: &mut Publisher, students: &[usize], frames: usize) -> Vec<usize> {
    let mut requests = vec![0; publisher.layers.len()];
    for _ in 0..frames {
        let asked = publisher.respond(world);
        for (sum, asked) in requests.iter_mut().zip(&asked) {
            *sum += asked;
        }
        publisher.frame(world, asked.iter().any(|asked| *asked > 0), 3);
        world.run(FRAME);
        for student in students {
            nack_missing(world, *student, SSRC);
        }
    }
    requests
}

/// Everything the stream should be to a decoder; returns the layers in order of appearance.
fn check(world: &World, student: usize) -> Vec<u8> {
    let packets = stream(&world.peers[student].rtp, SSRC);
    assert!(packets.len() > 100, "only {} packets", packets.len());
    let (first, last) = (packets.keys().next().expect("some"), packets.keys().next_back().expect("some"));
    assert_eq!(last - first + 1, packets.len() as u64, "a hole is left");
    let mut layers = Vec::new();
    let mut before = None;
    for frame in packets.values() {
        if layers.last() != Some(&frame.layer) {
            assert!(frame.keyframe && frame.packet == 0, "switch within a group of pictures");
            layers.push(frame.layer);
        }
        if let Some((picture, timestamp, packet)) =
            before.replace((frame.picture, frame.timestamp, frame.packet))
        {
            let same = frame.packet != 0;
            assert_eq!(frame.picture.wrapping_sub(picture) & 0x7FFF, u16::from(!same));
            let ticks = frame.timestamp.wrapping_sub(timestamp);
            assert!(if same { ticks == 0 } else { (1..9_000).contains(&ticks) }, "{ticks} ticks");
            assert!(if same { frame.packet == packet + 1 } else { frame.packet == 0 });
        }
    }
    layers
}

#[test]
fn every_packet_of_the_layer_arrives_in_order_through_loss_on_both_sides() {
    let (mut world, mut publisher) = school(1);
    let students = [world.join(), world.join()];
    // One repairs on a stream of its own, one on the media stream.
    for (student, repair) in students.into_iter().zip([true, false]) {
        world.watch(student, 1, 1, SSRC, repair);
        world.peers[student].loss_down = 0.05;
    }
    world.peers[0].loss_up = 0.05;
    teach(&mut world, &mut publisher, &students, 150);
    world.peers[0].loss_up = 0.0;
    for student in students {
        world.peers[student].loss_down = 0.0;
    }
    teach(&mut world, &mut publisher, &students, 40);
    for student in students {
        assert_eq!(check(&world, student), [1]);
    }
    let counters = world.sfu.counters();
    assert!(counters.rtx_in > 30, "{counters:?}");
    assert!(counters.retransmitted > 30, "{counters:?}");
    assert_eq!(counters.dropped_malformed_rtp + counters.dropped_unknown_ssrc, 0);
}

#[test]
fn a_target_is_reached_at_a_keyframe_asked_for_once() {
    let (mut world, mut publisher) = school(2);
    let student = world.join();
    world.watch(student, 1, 0, SSRC, true);
    teach(&mut world, &mut publisher, &[student], 40);
    let session = SessionId(student as u32);
    let target =
        |layer| Command::Retarget { session, mid: "0".to_owned(), target: Target { layer, paused: false } };
    world.command(target(2));
    let requests = teach(&mut world, &mut publisher, &[student], 40);
    assert_eq!(requests, [0, 0, 1], "of the layer wanted, and throttled");
    world.command(target(0));
    let requests = teach(&mut world, &mut publisher, &[student], 40);
    assert_eq!(requests, [1, 0, 0]);
    assert_eq!(check(&world, student), [0, 2, 0]);
    let switched: Vec<u8> = world
        .events
        .iter()
        .filter_map(|event| match event {
            Event::LayerSwitched { session: s, layer, .. } if *s == session => Some(*layer),
            _ => None,
        })
        .collect();
    assert_eq!(switched, [0, 2, 0]);
}

#[test]
fn a_late_joiner_starts_at_once_from_the_ring() {
    let (mut world, mut publisher) = school(3);
    let student = world.join();
    publisher.frame(&mut world, true, 3);
    for _ in 0..10 {
        publisher.frame(&mut world, false, 3);
        world.run(FRAME);
    }
    publisher.respond(&mut world);
    world.watch(student, 1, 2, SSRC, true);
    world.run(FRAME);
    let first =
        stream(&world.peers[student].rtp, SSRC).into_values().next().expect("packets, with no new frame");
    assert!(first.keyframe && first.layer == 2);
    assert_eq!(publisher.respond(&mut world), [0, 0, 0], "nobody bothers the publisher");
    teach(&mut world, &mut publisher, &[student], 40);
    assert_eq!(check(&world, student), [2]);
}

#[test]
fn a_stream_that_waits_for_its_source_gets_the_first_packet_once() {
    let mut world = World::new(8);
    let (teacher, student) = (world.join(), world.join());
    world.open_video(1, Origin::Session(SessionId(0)), 1);
    world.publish(teacher, vec![video("v", 1, &["q"])]);
    world.watch(student, 1, 0, SSRC, true);
    let mut publisher = Publisher::new(teacher, &["q"]);
    publisher.frame(&mut world, true, 3);
    world.run(2 * FRAME);
    assert_eq!(world.peers[student].rtp.len(), 3);
    assert_eq!(publisher.respond(&mut world), [0], "a keyframe that just came is not asked for");
}

#[test]
fn a_layer_that_stops_is_left_and_one_that_returns_is_taken_again() {
    let (mut world, mut publisher) = school(4);
    let student = world.join();
    world.watch(student, 1, 2, SSRC, true);
    teach(&mut world, &mut publisher, &[student], 20);
    let upper = publisher.layers.pop().expect("three layers");
    teach(&mut world, &mut publisher, &[student], 80);
    assert!(world.events.iter().any(|e| matches!(e, Event::LayerStopped { layer: 2, .. })));
    publisher.layers.push(upper);
    teach(&mut world, &mut publisher, &[student], 40);
    let packets = stream(&world.peers[student].rtp, SSRC);
    let mut layers: Vec<u8> = packets.into_values().map(|frame| frame.layer).collect();
    layers.dedup();
    assert_eq!(layers, [2, 1, 2]);
}

#[test]
fn keyframe_requests_of_many_reach_the_publisher_as_one() {
    let (mut world, mut publisher) = school(5);
    let students: Vec<usize> = (0..5).map(|_| world.join()).collect();
    for student in &students {
        world.watch(*student, 1, 2, SSRC, true);
    }
    teach(&mut world, &mut publisher, &students, 30);
    for student in &students {
        pli(&mut world, *student, SSRC);
    }
    let requests = teach(&mut world, &mut publisher, &students, 10);
    assert_eq!(requests, [0, 0, 1]);
}

#[test]
fn a_stream_declared_again_goes_on_counting() {
    let (mut world, mut publisher) = school(6);
    let student = world.join();
    let session = SessionId(student as u32);
    world.watch(student, 1, 0, SSRC, true);
    teach(&mut world, &mut publisher, &[student], 20);
    world.command(Command::SetOutgoing { session, outgoing: Vec::new() });
    teach(&mut world, &mut publisher, &[student], 5);
    world.watch(student, 1, 0, SSRC, true);
    teach(&mut world, &mut publisher, &[student], 20);
    // The same SSRC on another m-line, and on two at once.
    let declared = |mid: &str| edge_sfu::Outgoing {
        mid: mid.to_owned(),
        ssrc: SSRC,
        rtx_ssrc: Some(SSRC + 1),
        cname: "c".to_owned(),
        extensions: crate::world::EXTENSIONS,
    };
    world.command(Command::SetOutgoing { session, outgoing: vec![declared("1"), declared("2")] });
    assert_eq!(world.sfu.counters().commands_refused_full, 1, "two streams cannot share an SSRC");
    for mid in ["1", "2"] {
        world.command(Command::Watch {
            session,
            mid: mid.to_owned(),
            source: SourceId(1),
            payload_type: 100,
            rtx_payload_type: Some(101),
            target: Target { layer: 0, paused: false },
        });
    }
    teach(&mut world, &mut publisher, &[student], 20);
    // A packet index used twice would show as two packets under one number.
    let numbers: Vec<u64> = stream(&world.peers[student].rtp, SSRC).into_keys().collect();
    assert!(numbers.len() > 3 * 60);
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1));
}

#[test]
fn paused_streams_are_silent_and_resume_at_a_keyframe() {
    let (mut world, mut publisher) = school(7);
    let student = world.join();
    let session = SessionId(student as u32);
    world.watch(student, 1, 1, SSRC, true);
    teach(&mut world, &mut publisher, &[student], 30);
    let pause =
        |paused| Command::Retarget { session, mid: "0".to_owned(), target: Target { layer: 1, paused } };
    world.command(pause(true));
    world.run(Duration::from_millis(50));
    let before = world.peers[student].rtp.len();
    teach(&mut world, &mut publisher, &[student], 90);
    assert_eq!(world.peers[student].rtp.len(), before);
    world.command(pause(false));
    teach(&mut world, &mut publisher, &[student], 30);
    let packets: Vec<_> = stream(&world.peers[student].rtp, SSRC).into_values().collect();
    let resumed = packets.windows(2).find(|pair| pair[1].frame > pair[0].frame + 10).expect("a pause");
    assert!(resumed[1].keyframe && resumed[1].packet == 0);
    world.command(Command::CloseSource { source: SourceId(1) });
    teach(&mut world, &mut publisher, &[student], 2);
}
