//! Offers and answers: what is published, in which order things may come, what is refused.

use edge_room::{
    Fact, LeaveAction, LeaveReason, Notice, Request, RequestErrorKind, TRACKS_PER_PARTICIPANT_MAX,
};
use edge_sfu::{Codec, SessionId};
use edge_wire::model::TrackSource;

use crate::client::Client;
use crate::people::add_track;
use crate::world::World;

#[test]
fn a_simulcast_camera_is_published_by_announcement_then_offer() {
    let mut world = World::new(1);
    let teacher = world.join(0, "teacher");
    let student = world.join(0, "student");
    // Not every client names the lowest layer first.
    let sid = world.publish(teacher, "video", TrackSource::Camera, &["f", "q", "h"]);
    let incoming = world.edges[0].media.sessions[&SessionId(teacher.1.0)].incoming.clone();
    assert_eq!(incoming.len(), 1);
    assert_eq!(incoming[0].rids, ["q", "h", "f"]);
    assert_eq!((incoming[0].payload_type, incoming[0].rtx_payload_type), (96, Some(97)));
    assert_eq!((incoming[0].extensions.mid, incoming[0].extensions.rid), (Some(4), Some(10)));
    let source = &world.edges[0].media.sources[&incoming[0].source];
    assert_eq!((source.codec, source.layers), (Codec::Vp8, 3));
    let client = world.client(teacher);
    assert!(client.is_answered(1, "a=recvonly") && client.is_answered(1, "a=simulcast:recv f;q;h"));
    let track = world.client(student).roster["teacher"].tracks[0].clone();
    assert_eq!(
        (track.sid.as_str(), track.mime_type.as_str(), track.simulcast),
        (sid.as_str(), "video/VP8", true)
    );
    let layers: Vec<_> = track.layers.iter().map(|l| (l.rid.as_str(), l.quality, l.width)).collect();
    assert_eq!(layers, [("q", 0, 320), ("h", 1, 640), ("f", 2, 1280)]);
    assert!(world.edges[0].facts.iter().any(|fact| matches!(fact, Fact::TrackPublished { .. })));
}

#[test]
fn an_offer_may_come_before_its_announcement() {
    let mut world = World::new(1);
    let teacher = world.join(0, "teacher");
    let student = world.join(0, "student");
    world.client(teacher).send("audio", "mic", &[]);
    world.offer(teacher);
    assert!(world.client(teacher).is_answered(1, "a=recvonly"), "the client may send at once");
    assert!(world.client(student).roster["teacher"].tracks.is_empty());
    let offers = world.client(teacher).offers;
    world.ask(teacher, Request::AddTrack(add_track("mic", TrackSource::Microphone)));
    assert_eq!(world.client(teacher).offers, offers, "nothing more has to be negotiated");
    let sid = world.sid_of(teacher, "mic");
    assert_eq!(world.client(student).roster["teacher"].tracks[0].sid, sid);
    let incoming = &world.edges[0].media.sessions[&SessionId(teacher.1.0)].incoming;
    assert_eq!(incoming[0].ssrcs, [(1001, None)], "the declared SSRC tells it where there are no RIDs");
    assert!(world.watch(student, &sid).is_some());
    world.ask(teacher, Request::AddTrack(add_track("mic", TrackSource::Microphone)));
    assert_eq!(world.sid_of(teacher, "mic"), sid, "saying it again changes nothing");
}

#[test]
fn firefox_offers_under_ids_it_never_announced() {
    let mut world = World::new(1);
    let teacher = world.join(0, "teacher");
    let student = world.join(0, "student");
    for (cid, source) in [
        ("{script-1}", TrackSource::Camera),
        ("named", TrackSource::ScreenShare),
        ("{script-2}", TrackSource::Microphone),
    ] {
        world.ask(teacher, Request::AddTrack(add_track(cid, source)));
    }
    world.client(teacher).send("audio", "{offer-1}", &[]);
    world.client(teacher).send("video", "named", &[]);
    world.client(teacher).send("video", "{offer-2}", &["q", "h", "f"]);
    world.offer(teacher);
    let tracks = world.client(student).roster["teacher"].tracks.clone();
    let mut found: Vec<_> = tracks.iter().map(|t| (t.mid.as_str(), t.source)).collect();
    found.sort_unstable();
    let (microphone, screen, camera) =
        (TrackSource::Microphone as i32, TrackSource::ScreenShare as i32, TrackSource::Camera as i32);
    assert_eq!(found, [("1", microphone), ("2", screen), ("3", camera)]);
    world.offer(teacher);
    assert_eq!(world.client(student).roster["teacher"].tracks, tracks, "offering again changes nothing");
}

#[test]
fn a_section_that_stops_sending_unpublishes() {
    let mut world = World::new(2);
    let teacher = world.join(0, "teacher");
    let student = world.join(1, "student");
    let sid = world.camera(teacher);
    assert!(world.watch(student, &sid).is_some());
    world.client(teacher).lines[1].direction = "inactive";
    world.offer(teacher);
    assert!(world.client(student).roster["teacher"].tracks.is_empty());
    assert!(world.watch(student, &sid).is_none());
    for edge in &world.edges {
        assert!(
            edge.media.sources.is_empty() && edge.media.feeds.is_empty() && edge.media.receives.is_empty()
        );
    }
    assert!(world.edges[0].facts.iter().any(|fact| matches!(fact, Fact::TrackUnpublished { .. })));
    assert_eq!(
        world.client(teacher).count(|n| matches!(n, Notice::TrackUnpublished { .. })),
        0,
        "it knows by itself"
    );

    // The same section may carry a new track.
    world.ask(teacher, Request::AddTrack(add_track("again", TrackSource::Camera)));
    world.client(teacher).lines[1].direction = "sendonly";
    world.client(teacher).lines[1].msid = Some("stream again".into());
    world.offer(teacher);
    let again = world.sid_of(teacher, "again");
    assert_ne!(again, sid);
    assert!(world.watch(student, &again).is_some());
}

#[test]
fn the_codec_follows_the_announcement_and_recorded_rooms_prefer_h264() {
    let mut world = World::new(1);
    let teacher = world.join(0, "teacher");
    let mut add = add_track("cam", TrackSource::Camera);
    add.codecs = vec!["video/vp9".into()];
    world.ask(teacher, Request::AddTrack(add));
    world.client(teacher).send("video", "cam", &[]);
    world.offer(teacher);
    assert_eq!(world.client(teacher).own.as_ref().expect("joined").tracks[0].mime_type, "video/VP9");
    assert!(world.client(teacher).is_answered(1, "a=rtpmap:98 VP9/90000"));
    assert!(!world.client(teacher).answered("1").contains("VP8"), "one codec is chosen");

    let mut world = World::new(1);
    world.room.recording = true;
    let teacher = world.join(0, "teacher");
    world.ask(teacher, Request::AddTrack(add_track("cam", TrackSource::Camera)));
    let Some(Notice::TrackPublished { track, .. }) = world.client(teacher).notices.last().cloned() else {
        panic!("an announcement is answered at once");
    };
    assert_eq!(track.mime_type, "video/H264", "the client learns it before it offers");
    world.client(teacher).send("video", "cam", &["q", "h", "f"]);
    world.offer(teacher);
    let incoming = &world.edges[0].media.sessions[&SessionId(teacher.1.0)].incoming;
    assert_eq!((incoming[0].payload_type, incoming[0].rtx_payload_type), (102, Some(103)));
}

#[test]
fn an_unusable_offer_ends_the_join_with_a_reason() {
    type Spoil = fn(&mut Client);
    let spoilers: [Spoil; 2] =
        [|client| client.fingerprint = None, |client| client.fingerprint = Some("AB:CD".into())];
    for spoil in spoilers {
        let mut world = World::new(1);
        let other = world.join(0, "other");
        let join = world.join_request("broken");
        let mut client = Client::new();
        spoil(&mut client);
        let broken = world.join_with(0, join, client).expect("there is room");
        let leave = Notice::Leave { reason: LeaveReason::JoinFailure, action: LeaveAction::Disconnect };
        assert_eq!(world.client(broken).notices.last(), Some(&leave));
        assert_eq!(world.identities(other), [""; 0], "the class notices nothing");
        assert_eq!(world.edges[0].media.sessions.len(), 1);
    }
}

#[test]
fn a_publisher_that_announces_nothing_gets_tracks_named_by_kind() {
    let mut world = World::new(1);
    let student = world.join(0, "student");
    let mut join = world.join_request("camera car");
    join.publish_unannounced = true;
    let mut client = Client::new();
    client.send("audio", "x", &[]);
    client.send("video", "y", &[]);
    let car = world.join_with(0, join, client).expect("there is room");
    let tracks = world.client(student).roster["camera car"].tracks.clone();
    let names: Vec<_> = tracks.iter().map(|t| (t.name.as_str(), t.source)).collect();
    assert_eq!(names, [("audio", TrackSource::Microphone as i32), ("video", TrackSource::Camera as i32)]);
    world.offer(car);
    assert_eq!(
        world.client(student).roster["camera car"].tracks.len(),
        2,
        "offering again publishes nothing anew"
    );
}

#[test]
fn who_announces_nothing_may_not_publish_more_for_it() {
    let mut world = World::new(1);
    let student = world.join(0, "student");
    let mut join = world.join_request("camera car");
    join.publish_unannounced = true;
    join.permission.can_publish_sources =
        vec![TrackSource::Microphone as i32, TrackSource::ScreenShare as i32];
    let mut client = Client::new();
    client.send("audio", "x", &[]);
    client.send("video", "y", &[]);
    world.join_with(0, join, client).expect("there is room");
    let tracks = world.client(student).roster["camera car"].tracks.clone();
    assert_eq!(tracks.iter().map(|t| t.source).collect::<Vec<_>>(), [TrackSource::Microphone as i32]);
}

#[test]
fn publishing_needs_permission_and_has_limits() {
    let mut world = World::new(1);
    let mut join = world.join_request("listener");
    join.permission.can_publish_sources = vec![TrackSource::Microphone as i32];
    let listener = world.join_with(0, join, Client::new()).expect("there is room");
    let error = |client: &Client| {
        client.notices.iter().rev().find_map(|notice| match notice {
            Notice::RequestDone { error: Some(error), .. } => Some(error.kind),
            _ => None,
        })
    };
    world.ask(listener, Request::AddTrack(add_track("cam", TrackSource::Camera)));
    assert_eq!(error(world.client(listener)), Some(RequestErrorKind::NotAllowed));
    for index in 0..=TRACKS_PER_PARTICIPANT_MAX {
        world.ask(listener, Request::AddTrack(add_track(&format!("mic {index}"), TrackSource::Microphone)));
    }
    assert_eq!(error(world.client(listener)), Some(RequestErrorKind::LimitExceeded));
    let published = world.client(listener).count(|n| matches!(n, Notice::TrackPublished { .. }));
    assert_eq!(published, TRACKS_PER_PARTICIPANT_MAX);
}

#[test]
fn a_new_peer_connection_of_the_same_client_is_a_new_session() {
    let mut world = World::new(1);
    let teacher = world.join(0, "teacher");
    let student = world.join(0, "student");
    let heard = world.microphone(student);
    let sid = world.microphone(teacher);
    let before = world.watch(teacher, &heard);
    assert!(before.is_some());
    world.client(teacher).fingerprint = Some(["EF"; 32].join(":"));
    world.offer(teacher);
    assert_eq!(world.watch(teacher, &heard), before, "what it watches goes on in the new session");
    let session = &world.edges[0].media.sessions[&SessionId(teacher.1.0)];
    assert_eq!(session.incoming.len(), 1, "what it publishes goes on in the new session");
    assert_eq!(world.client(teacher).own.as_ref().expect("joined").tracks[0].sid, sid);
}
