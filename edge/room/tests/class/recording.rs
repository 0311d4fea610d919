//! The recorder: a subscriber of everything published on this edge, told what is what.

use std::time::Duration;

use edge_room::{EVENT_BYTES_MAX, ROOM_LINGER, Request};
use edge_sfu::{Event, LinkId};
use edge_wire::journal::Entry;
use edge_wire::model::{Room, TrackSource};

use crate::world::World;

fn kinds(world: &World, edge: usize) -> Vec<String> {
    let name = |entry: &Entry| match entry {
        Entry::Open(open) => format!("open {} {}", open.identity, open.layer),
        Entry::Packet(_) => "packet".into(),
        Entry::Report(report) => format!("report {}", report.rtp_timestamp),
        Entry::Close(_) => "close".into(),
        Entry::Event(event) => event.kind.clone(),
        Entry::End(_) => "end".into(),
    };
    world.edges[edge].records.iter().map(name).collect()
}

fn recorded(world: &World) -> usize {
    world.edges[0].media.feeds.keys().filter(|(link, _)| *link == LinkId::RECORDER).count()
}

#[test]
fn every_layer_published_here_is_recorded_from_open_to_end() {
    let mut world = World::new(2);
    world.room.recording = true;
    let teacher = world.join(0, "teacher");
    let student = world.join(1, "student");
    let camera = world.camera(teacher);
    assert_eq!(kinds(&world, 0), ["join", "open teacher 0", "open teacher 1", "open teacher 2"]);
    let streams: Vec<u64> =
        world.edges[0].media.feeds.keys().filter(|k| k.0 == LinkId::RECORDER).map(|k| k.1).collect();
    let opened: Vec<u64> = world.edges[0]
        .records
        .iter()
        .filter_map(|entry| match entry {
            Entry::Open(open) => {
                assert_eq!(
                    (open.codec.mime_type.as_str(), open.track.sid.as_str()),
                    ("video/H264", camera.as_str())
                );
                Some(u64::from(open.stream))
            }
            _ => None,
        })
        .collect();
    assert_eq!(streams, opened, "flows of the recorder are the journal's streams");
    assert_eq!(kinds(&world, 1), ["join"], "each edge records what is published on it");

    let report = Event::LinkSenderReport {
        link: LinkId::RECORDER,
        flow: streams[1],
        ntp: 5,
        rtp_timestamp: 77,
        age_ms: 0,
    };
    world.event(0, report);
    world.ask(teacher, Request::Mute { track_sid: camera, muted: true });
    world.edges[0].rooms.record_event(world.now, "class", "chat", r#"{"text":"hi"}"#);
    world.edges[0].rooms.record_event(world.now, "class", "chat", "x".repeat(EVENT_BYTES_MAX));
    world.ask(teacher, Request::Leave);
    world.ask(student, Request::Leave);
    world.pass(ROOM_LINGER);
    let all = kinds(&world, 0);
    assert_eq!(all[4..], ["report 77", "mute", "chat", "close", "close", "close", "leave", "end"]);
    assert_eq!(kinds(&world, 1), ["join", "leave", "end"]);
    assert_eq!(recorded(&world), 0);
    let Some(Entry::Event(join)) = world.edges[0].records.first() else { panic!("a join is an event") };
    assert!(join.json.contains(r#""identity":"teacher""#), "{}", join.json);
}

#[test]
fn recorded_video_gets_keyframes_at_a_steady_pace() {
    let mut world = World::new(1);
    world.room.recording = true;
    let teacher = world.join(0, "teacher");
    world.camera(teacher);
    world.publish(teacher, "video", TrackSource::ScreenShare, &[]);
    let (camera, screen) = (world.source_of(teacher, 0), world.source_of(teacher, 1));
    for (source, layers) in [(camera, 0..2), (screen, 0..1)] {
        layers.for_each(|layer| world.event(0, Event::LayerStarted { source, layer }));
    }
    world.pass(Duration::from_millis(8_100));
    let asked =
        |source, layer| world.edges[0].media.keyframes.iter().filter(|k| **k == (source, layer)).count();
    assert_eq!(
        (asked(camera, 0), asked(camera, 1), asked(camera, 2)),
        (4, 4, 0),
        "layers that send, every 2 s"
    );
    assert_eq!(asked(screen, 0), 2, "every 4 s");
}

#[test]
fn recording_may_begin_and_stop_during_class() {
    let mut world = World::new(1);
    let teacher = world.join(0, "teacher");
    world.camera(teacher);
    assert_eq!((recorded(&world), kinds(&world, 0).len()), (0, 0));
    let mut record = |recording| {
        let room = Room { recording, ..world.room.clone() };
        world.edges[0].rooms.room_changed(world.now, room);
        world.run();
        (recorded(&world), kinds(&world, 0))
    };
    let (taps, entries) = record(true);
    assert_eq!((taps, entries[0].as_str()), (3, "join"));
    let (taps, entries) = record(false);
    assert_eq!((taps, entries.last().map(String::as_str)), (0, Some("close")));
}
