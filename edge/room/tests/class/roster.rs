//! Who is here: joins, identities, resumption, links that come and go.

use std::collections::BTreeMap;
use std::time::Duration;

use edge_room::{
    Fact, JoinError, LINK_GRACE, LeaveAction, LeaveReason, MEDIA_LINGER, Notice, RESUME_LINGER, ROOM_LINGER,
    Request, RequestErrorKind,
};
use edge_sfu::{Event, SessionId};
use edge_wire::control::{Message, Quality};
use edge_wire::model::{ParticipantState, TrackSource, VideoLayer};

use crate::client::Client;
use crate::people::add_track;
use crate::world::{World, link};

const LEAVE_DUPLICATE: Notice =
    Notice::Leave { reason: LeaveReason::DuplicateIdentity, action: LeaveAction::Disconnect };

#[test]
fn everybody_sees_everybody_on_every_edge() {
    let mut world = World::new(3);
    let seoul = world.join(0, "teacher");
    let here = world.join(0, "assistant");
    let jeju = world.join(1, "student");
    let busan = world.join(2, "pupil");
    for (at, expected) in [
        (seoul, ["assistant", "pupil", "student"]),
        (here, ["pupil", "student", "teacher"]),
        (jeju, ["assistant", "pupil", "teacher"]),
        (busan, ["assistant", "student", "teacher"]),
    ] {
        assert_eq!(world.identities(at), expected);
    }
    let seen = world.client(jeju).roster["teacher"].clone();
    assert_eq!(
        (seen.node_id.as_str(), seen.region.as_str(), seen.name.as_str()),
        ("edge-0", "region-0", "TEACHER")
    );
    assert_eq!(seen.state, ParticipantState::Active as i32);
    let own = world.client(seoul).own.clone().expect("it joined");
    assert_eq!(own.state, ParticipantState::Active as i32, "own changes are told to oneself");
    assert_eq!(world.edges[1].rooms.participants("class").len(), 4);
    assert_eq!(world.edges[1].identities, ["student"], "presence names an edge's own participants");
    world.pass(Duration::from_secs(2));
    assert_eq!(world.client(jeju).room.as_ref().map(|(_, count)| *count), Some(4));

    world.ask(seoul, Request::Leave);
    assert_eq!(world.identities(jeju), ["assistant", "pupil"]);
    let leave = Notice::Leave { reason: LeaveReason::ClientInitiated, action: LeaveAction::Disconnect };
    assert!(world.client(seoul).notices.contains(&leave));
    assert!(world.edges[0].facts.iter().any(
        |f| matches!(f, Fact::ParticipantLeft { participant, .. } if participant.identity == "teacher")
    ));
}

#[test]
fn a_hidden_participant_is_in_nobodys_roster() {
    let mut world = World::new(2);
    let seen = world.join(0, "student");
    let mut join = world.join_request("observer");
    join.permission.hidden = true;
    let hidden = world.join_with(0, join, Client::new()).expect("there is room");
    let remote = world.join(1, "other");
    assert_eq!(world.identities(seen), ["other"]);
    assert_eq!(world.identities(remote), ["student"]);
    assert_eq!(world.identities(hidden), ["other", "student"]);
    let own = world.client(hidden).own.clone().expect("it joined");
    assert_eq!(own.state, ParticipantState::Active as i32, "it still learns of itself");
    world.pass(Duration::from_secs(2));
    assert_eq!(world.client(seen).room.as_ref().map(|(_, count)| *count), Some(2));
}

#[test]
fn the_newer_join_of_an_identity_wins_on_one_edge_and_across() {
    let mut world = World::new(2);
    let watcher = world.join(1, "watcher");
    let first = world.join(0, "student");
    let second = world.join(0, "student");
    assert!(world.client(first).notices.contains(&LEAVE_DUPLICATE));
    // The other edge's clock is behind: the join that happens later wins all the same.
    world.now_ms -= 5_000;
    let third = world.join(1, "student");
    assert!(world.client(second).notices.contains(&LEAVE_DUPLICATE));
    assert!(!world.client(third).notices.contains(&LEAVE_DUPLICATE));
    let sid = world.client(third).own.clone().expect("it joined").sid;
    assert_eq!(world.client(watcher).roster["student"].sid, sid);
    for edge in &world.edges {
        let found = edge.rooms.participant("class", "student").map(|p| p.sid);
        assert!(found.is_none_or(|found| found == sid));
    }
    assert_eq!(world.edges[1].rooms.participants("class").len(), 2);
}

#[test]
fn two_joins_of_an_identity_in_the_same_moment_leave_one() {
    let mut world = World::new(2);
    world.join(0, "a");
    world.join(1, "b");
    let (one, two) = (world.join_request("twin"), world.join_request("twin"));
    // Neither edge has heard of the other's join yet.
    let one = (0, world.edges[0].rooms.join(world.now, one).expect("there is room"));
    let two = (1, world.edges[1].rooms.join(world.now, two).expect("there is room"));
    world.run();
    let left = [one, two].map(|at| world.client(at).notices.contains(&LEAVE_DUPLICATE));
    assert_eq!(left.iter().filter(|left| **left).count(), 1, "exactly one leaves: {left:?}");
    let sids = [0, 1].map(|edge| world.edges[edge].rooms.participant("class", "twin").map(|p| p.sid));
    assert!(sids[0].is_some() && sids[0] == sids[1], "both edges agree: {sids:?}");
}

#[test]
fn a_client_resumes_within_the_linger_and_not_after() {
    let mut world = World::new(1);
    let student = world.join(0, "student");
    let other = world.join(0, "other");
    let sid = world.microphone(student);
    world.edges[0].rooms.signal_lost(world.now, student.1);
    world.pass(RESUME_LINGER / 2);
    assert_eq!(world.identities(other), ["student"], "a broken signal is no absence");
    let late = world.join(0, "late");
    assert_eq!(world.resume(student), Some(student.1));
    assert_eq!(world.identities(student), ["late", "other"], "the roster is whole again");
    world.pass(RESUME_LINGER * 2);
    assert!(world.identities(late).contains(&"student".to_owned()));

    // The client's ICE restart keeps the session and what it publishes.
    let before = world.edges[0].media.sessions[&SessionId(student.1.0)].ufrag.clone();
    world.client(student).ufrag = "wxyz".into();
    world.offer(student);
    let session = &world.edges[0].media.sessions[&SessionId(student.1.0)];
    assert_ne!(session.ufrag, before);
    assert!(world.client(student).answer.contains(&format!("a=ice-ufrag:{:08x}", student.1.0)));
    assert_eq!(world.client(student).own.as_ref().map(|own| own.tracks[0].sid.clone()), Some(sid));

    world.edges[0].rooms.signal_lost(world.now, student.1);
    world.pass(RESUME_LINGER + Duration::from_millis(1));
    assert_eq!(world.resume(student), None);
    assert_eq!(world.identities(other), ["late"]);
    assert_eq!(world.edges[0].rooms.resume(world.now, "class", "nobody", "PA_x"), None);
    assert_eq!(world.edges[0].rooms.resume(world.now, "no class", "other", "PA_x"), None);
    assert_eq!(
        world.edges[0].rooms.resume(world.now, "class", "other", "PA_x"),
        None,
        "an old sid is unknown"
    );
}

#[test]
fn lost_media_makes_a_client_that_is_there_join_again() {
    let mut world = World::new(1);
    let student = world.join(0, "student");
    world.event(0, Event::SessionClosed { session: SessionId(student.1.0), reason: "consent lost" });
    world.pass(MEDIA_LINGER);
    let leave = Notice::Leave { reason: LeaveReason::ConnectionTimeout, action: LeaveAction::Reconnect };
    assert!(world.client(student).notices.contains(&leave));
    assert_eq!(world.edges[0].rooms.local_participants(), 0);
}

#[test]
fn a_link_may_break_and_return_without_anybody_leaving() {
    let mut world = World::new(2);
    let teacher = world.join(0, "teacher");
    let student = world.join(1, "student");
    let camera = world.camera(teacher);
    assert!(world.watch(student, &camera).is_some());
    world.set_link(0, 1, false);
    world.pass(LINK_GRACE / 2);
    assert_eq!(world.identities(student), ["teacher"]);
    let attributes = BTreeMap::from([("hand".to_owned(), "up".to_owned())]);
    world.ask(teacher, Request::UpdateMetadata { request_id: 1, metadata: None, name: None, attributes });
    world.set_link(0, 1, true);
    world.pass(LINK_GRACE * 2);
    assert_eq!(world.identities(student), ["teacher"]);
    assert_eq!(world.identities(teacher), ["student"], "nor who publishes nothing");
    assert_eq!(world.client(student).roster["teacher"].attributes["hand"], "up", "what was missed is told");
    assert_eq!(world.edges[1].media.layers_received(), [2], "the layer is pulled again");
    assert_eq!(world.edges[0].media.layers_sent(), [2]);
    let source = world.watch(student, &camera).expect("still bound").source;
    assert!(world.edges[1].media.sources.contains_key(&source));

    world.set_link(0, 1, false);
    world.pass(LINK_GRACE + Duration::from_millis(1));
    assert_eq!(world.identities(student), [""; 0]);
    assert_eq!(world.client(student).tracks.len(), 0, "its section was answered inactive");
    assert!(world.edges[1].media.sources.is_empty());
}

#[test]
fn a_room_outlives_its_last_participant_by_the_linger() {
    let mut world = World::new(2);
    let teacher = world.join(0, "teacher");
    let student = world.join(1, "student");
    world.ask(teacher, Request::Leave);
    world.pass(ROOM_LINGER / 2);
    let again = world.join(0, "teacher");
    world.pass(ROOM_LINGER * 2);
    assert_eq!(world.identities(student), ["teacher"]);
    world.ask(again, Request::Leave);
    world.pass(ROOM_LINGER);
    assert!(!world.presence.contains(&0), "the edge gave the room up");
    assert!(world.edges[0].said.iter().any(|(_, m)| matches!(m, Message::LeaveRoom(_))));
    assert_eq!(world.edges[0].rooms.rooms().count(), 0);
    assert!(
        !world.edges[0].facts.iter().any(|fact| matches!(fact, Fact::RoomFinished { .. })),
        "it goes on elsewhere"
    );
    let back = world.join(0, "teacher");
    assert_eq!(world.identities(student), ["teacher"]);
    assert_eq!(world.identities(back), ["student"]);
    world.ask(student, Request::Leave);
    world.ask(back, Request::Leave);
    world.pass(ROOM_LINGER);
    let finished =
        world.edges.iter().flat_map(|e| &e.facts).filter(|f| matches!(f, Fact::RoomFinished { .. })).count();
    assert!(finished >= 1, "the last edge says that the class is over");
}

#[test]
fn metadata_needs_permission_and_has_limits() {
    let mut world = World::new(2);
    let student = world.join(0, "student");
    let other = world.join(1, "other");
    let update = |request_id, pairs: &[(&str, &str)]| Request::UpdateMetadata {
        request_id,
        metadata: Some("m".into()),
        name: Some("New".into()),
        attributes: pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
    };
    world.ask(student, update(7, &[("hand", "1"), ("role", "x")]));
    world.ask(student, update(8, &[("hand", "")]));
    let seen = world.client(other).roster["student"].clone();
    assert_eq!((seen.name.as_str(), seen.metadata.as_str()), ("New", "m"));
    assert_eq!(
        seen.attributes,
        BTreeMap::from([("role".to_owned(), "x".to_owned())]),
        "an empty value takes away"
    );
    assert!(world.client(student).notices.contains(&Notice::RequestDone { request_id: 8, error: None }));

    let huge = "x".repeat(65 * 1024);
    world.ask(student, update(9, &[("a", &huge)]));
    let mut join = world.join_request("mute");
    join.permission.can_update_metadata = false;
    let forbidden = world.join_with(0, join, Client::new()).expect("there is room");
    world.ask(forbidden, update(10, &[("a", "b")]));
    let error_of = |client: &Client, id: u32| {
        client.notices.iter().find_map(|notice| match notice {
            Notice::RequestDone { request_id, error } if *request_id == id => error.as_ref().map(|e| e.kind),
            _ => None,
        })
    };
    assert_eq!(error_of(world.client(student), 9), Some(RequestErrorKind::LimitExceeded));
    assert_eq!(error_of(world.client(forbidden), 10), Some(RequestErrorKind::NotAllowed));
    assert_eq!(world.client(other).roster["student"].attributes.len(), 1);
}

#[test]
fn an_edge_takes_no_more_than_it_holds_and_none_while_draining() {
    let config = edge_room::Config::new("e".into(), "r".into(), String::new(), Vec::new(), 1);
    let mut rooms = edge_room::Rooms::new(config, [1; 32]);
    let world = World::new(1);
    rooms.join(world.now, world.join_request("a")).expect("the first fits");
    assert_eq!(rooms.join(world.now, world.join_request("b")), Err(JoinError::EdgeFull { limit: 1 }));
    assert!(rooms.join(world.now, world.join_request("a")).is_ok(), "who comes again takes its own place");
    rooms.set_draining(true);
    assert_eq!(rooms.join(world.now, world.join_request("a")), Err(JoinError::Draining));
}

#[test]
fn quality_is_told_everywhere_when_it_changes() {
    let mut world = World::new(2);
    let student = world.join(0, "student");
    let other = world.join(1, "other");
    let measure = |loss_up| Event::Quality {
        session: SessionId(student.1.0),
        loss_down: 0.0,
        loss_up,
        rtt_ms: Some(50.0),
    };
    for _ in 0..5 {
        world.event(0, measure(0.0));
        world.pass(Duration::from_secs(1));
    }
    world.event(0, measure(0.5));
    world.pass(Duration::from_secs(1));
    let qualities = |world: &mut World, at| -> Vec<u32> {
        let told = |notice: &Notice| match notice {
            Notice::Quality(list) => list.iter().map(|q: &Quality| q.quality).collect(),
            _ => Vec::new(),
        };
        world.client(at).notices.iter().flat_map(told).collect()
    };
    assert_eq!(qualities(&mut world, student), [2, 0]);
    assert_eq!(qualities(&mut world, other), [2, 0]);
    let said = world.edges[1]
        .said
        .iter()
        .filter(|(to, m)| *to == link(0) && matches!(m, Message::Quality(_)))
        .count();
    assert_eq!(said, 0, "an edge speaks of its own participants only");
}

#[test]
fn a_large_room_is_told_of_changes_in_batches() {
    let mut world = World::new(2);
    let first = world.join(0, "first");
    let remote = world.join(1, "remote");
    for index in 0..60 {
        world.join(0, &format!("student {index}"));
    }
    let told = |world: &mut World, at| world.client(at).count(|n| matches!(n, Notice::Participants(_)));
    let before = told(&mut world, first);
    for _ in 0..20 {
        let attributes = BTreeMap::from([("hand".to_owned(), format!("{}", world.now_ms))]);
        world.ask(first, Request::UpdateMetadata { request_id: 1, metadata: None, name: None, attributes });
        world.pass(Duration::from_millis(10));
    }
    world.pass(Duration::from_secs(1));
    assert!(
        told(&mut world, first) - before <= 3,
        "{} notices for 20 changes",
        told(&mut world, first) - before
    );
    assert_eq!(world.identities(first).len(), 61);
    assert_eq!(world.identities(remote).len(), 61);
    let last = world.client(first).own.clone().expect("joined").attributes;
    assert_eq!(world.client(remote).roster["first"].attributes, last, "the last word arrives");
}

/// What one participant may say of itself goes to every edge in one frame: a larger record would break their links.
#[test]
fn no_record_outgrows_a_frame() {
    let mut world = World::new(1);
    let mut join = world.join_request("loud");
    join.metadata = "m".repeat(250_000);
    assert!(matches!(world.join_with(0, join, Client::new()), Err(JoinError::TooLarge(_))));
    let mut join = world.join_request("many");
    join.attributes = (0..100_000).map(|index| (format!("{index:x}"), String::new())).collect();
    assert!(matches!(world.join_with(0, join, Client::new()), Err(JoinError::TooLarge(_))));

    let student = world.join(0, "student");
    for round in 0..40 {
        let attributes =
            (0..2_000).map(|index| (format!("{:x}", index + round * 2_000), "x".into())).collect();
        let metadata = Some("m".repeat(60_000));
        world.ask(student, Request::UpdateMetadata { request_id: round, metadata, name: None, attributes });
        let mut track = add_track(&format!("camera {round}"), TrackSource::Camera);
        track.track.layers = vec![VideoLayer { rid: "r".repeat(30_000), ..VideoLayer::default() }; 3];
        world.ask(student, Request::AddTrack(track));
        let record = world.edges[0].rooms.participant("class", "student").expect("in the room");
        assert!(edge_wire::frame::length(&record) < edge_wire::frame::FRAME_BYTES_MAX);
    }
    let refused = |notice: &Notice| matches!(notice, Notice::RequestDone { error: Some(_), .. });
    assert!(world.client(student).count(refused) > 2, "some of it was too much");
}
