use std::time::Duration;

use edge_sfu::{Command, Event, Incoming, Origin, SessionId, SourceId};

use crate::publisher::{FRAME, Publisher, finish, messages, rtp, stream, video, word};
use crate::world::{EXTENSIONS, ONE_WAY, World};

const SSRC: u32 = 5_000;

fn sender_report(ssrc: u32, ntp: u64, rtp_timestamp: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 200, 0, 0];
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend_from_slice(&ntp.to_be_bytes());
    packet.extend_from_slice(&rtp_timestamp.to_be_bytes());
    packet.extend_from_slice(&[0; 8]);
    finish(&mut packet);
    packet
}

#[test]
fn publishers_get_transport_feedback_often_enough_to_ramp_up() {
    let mut world = World::new(1);
    let teacher = world.join();
    world.open_video(1, Origin::Session(SessionId(0)), 1);
    world.publish(teacher, vec![video("v", 1, &["q"])]);
    let mut publisher = Publisher::new(teacher, &["q"]);
    let began = world.now;
    for n in 0..60 {
        publisher.frame(&mut world, n == 0, 2);
        world.run(FRAME);
    }
    world.run(Duration::from_millis(300));
    let mut covered = 0;
    let mut last = began;
    for got in &world.peers[teacher].rtcp {
        for (kind, format, body) in messages(&got.packet) {
            if (kind, format) == (205, 15) {
                covered += usize::from(u16::from_be_bytes([body[10], body[11]]));
                assert!(got.at.duration_since(last) < Duration::from_millis(180));
                last = got.at;
            }
        }
    }
    assert_eq!(covered, 120, "every packet is reported");
}

#[test]
fn sender_reports_keep_the_publishers_clock_and_show_the_round_trip() {
    let mut world = World::new(2);
    let teacher = world.join();
    let student = world.join();
    world.open_video(1, Origin::Session(SessionId(0)), 1);
    world.publish(teacher, vec![video("v", 1, &["q"])]);
    world.watch(student, 1, 0, SSRC, true);
    let mut publisher = Publisher::new(teacher, &["q"]);
    let ntp = 0xE000_0000_8000_0000u64;
    let mut said = 0;
    for n in 0..100 {
        publisher.frame(&mut world, n == 0, 1);
        if n == 10 {
            said = publisher.layers[0].timestamp;
            let report = sender_report(publisher.layers[0].ssrc, ntp, said);
            world.send_rtcp(teacher, &report);
        }
        world.run(FRAME);
        answer_reports(&mut world, student);
    }
    let reports: Vec<(u64, u32)> = world.peers[student]
        .rtcp
        .iter()
        .flat_map(|got| messages(&got.packet))
        .filter(|(kind, ..)| *kind == 200)
        .map(|(_, _, body)| (u64::from(word(body, 4)) << 32 | u64::from(word(body, 8)), word(body, 12)))
        .collect();
    assert!(reports.len() >= 2, "about one a second: {reports:?}");
    // Nothing was switched, so the student's timestamps are the publisher's.
    for (at, rtp_timestamp) in &reports {
        let seconds = at.wrapping_sub(ntp) as f64 / 2f64.powi(32);
        let ticks = f64::from(rtp_timestamp.wrapping_sub(said) as i32);
        assert!((seconds * 90_000.0 - ticks).abs() <= 2.0, "{seconds} s are {ticks} ticks");
    }
    let rtts: Vec<f32> = world
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Quality { session, rtt_ms: Some(rtt), .. } if session.0 == student as u32 => Some(*rtt),
            _ => None,
        })
        .collect();
    let expected = 2.0 * ONE_WAY.as_secs_f32() * 1_000.0;
    assert!(rtts.iter().any(|rtt| (rtt - expected).abs() < 2.0), "{rtts:?}");
    assert!(!stream(&world.peers[student].rtp, SSRC).is_empty());
}

/// A receiver report right after every sender report.
fn answer_reports(world: &mut World, student: usize) {
    let Some(got) = world.peers[student].rtcp.last().cloned() else { return };
    let found = messages(&got.packet).into_iter().find(|(kind, ..)| *kind == 200);
    let Some((_, _, body)) = found.map(|(kind, count, body)| (kind, count, body.to_vec())) else { return };
    let compact = word(&body, 4) << 16 | word(&body, 8) >> 16;
    let held = world.now.duration_since(got.at).as_micros() as u64 * 65_536 / 1_000_000;
    let mut packet = vec![0x81, 201, 0, 0, 0, 0, 0, 7];
    for field in [SSRC, 0, 70_000, 0, compact, held as u32] {
        packet.extend_from_slice(&field.to_be_bytes());
    }
    finish(&mut packet);
    world.send_rtcp(student, &packet);
    world.peers[student].rtcp.push(crate::world::Got { at: world.now, packet: Vec::new() });
}

#[test]
fn publishers_get_receiver_reports_and_their_loss_is_told() {
    let mut world = World::new(3);
    let teacher = world.join();
    world.open_video(1, Origin::Session(SessionId(0)), 1);
    world.publish(teacher, vec![video("v", 1, &["q"])]);
    let mut publisher = Publisher::new(teacher, &["q"]);
    world.peers[teacher].loss_up = 0.2;
    for n in 0..150 {
        publisher.frame(&mut world, n == 0, 2);
        world.run(FRAME);
    }
    let lost: Vec<u8> = world.peers[teacher]
        .rtcp
        .iter()
        .flat_map(|got| messages(&got.packet))
        .filter(|(kind, count, _)| (*kind, *count) == (201, 1))
        .map(|(_, _, body)| body[8])
        .collect();
    assert!(lost.len() >= 4, "about one a second");
    assert!(lost.iter().any(|lost| (26..100).contains(lost)), "{lost:?}");
    let told = world.events.iter().any(|event| match event {
        Event::Quality { session: SessionId(0), loss_up, rtt_ms, .. } => {
            (0.1..0.35).contains(loss_up) && rtt_ms.is_none()
        }
        _ => false,
    });
    assert!(told, "{:?}", world.events);
}

#[test]
fn speakers_are_told_when_they_start_and_when_all_are_silent() {
    let mut world = World::new(4);
    let teacher = world.join();
    world.open_audio(2, Origin::Session(SessionId(0)));
    let incoming = Incoming {
        mid: "a".to_owned(),
        source: SourceId(2),
        payload_type: 111,
        rtx_payload_type: None,
        rids: Vec::new(),
        ssrcs: vec![(77, None)],
        extensions: EXTENSIONS,
    };
    world.publish(teacher, vec![incoming]);
    let mut sequence_number = 0u16;
    let mut speak = |world: &mut World, level: u8, packets: usize| {
        for _ in 0..packets {
            sequence_number += 1;
            let elements = [(4, vec![0x80 | level])];
            let timestamp = u32::from(sequence_number) * 960;
            world.send_rtp(teacher, &rtp(111, false, sequence_number, timestamp, 77, &elements, &[0xFC; 60]));
            world.run(Duration::from_millis(20));
        }
    };
    speak(&mut world, 25, 50);
    speak(&mut world, 127, 100);
    speak(&mut world, 25, 50);
    world.command(Command::MuteSource { source: SourceId(2), muted: true });
    speak(&mut world, 25, 50);
    let lists: Vec<bool> = world
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Speakers { levels } => Some(levels.iter().any(|(source, _)| *source == SourceId(2))),
            _ => None,
        })
        .collect();
    assert_eq!(lists, [true, false, true, false]);
}
