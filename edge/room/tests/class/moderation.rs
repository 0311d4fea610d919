//! Moderation on the participant's own edge and from another, and faults a client asks for.

use std::time::Duration;

use edge_room::{
    Admin, AdminError, JoinError, LeaveAction, LeaveReason, Notice, ROOM_LINGER, Request, Simulate,
};
use edge_wire::model::{Room, TrackSource};

use crate::client::Client;
use crate::people::{add_track, permission};
use crate::world::World;

fn admin(world: &mut World, edge: usize, admin: Admin) -> Result<(), AdminError> {
    let result = world.edges[edge].rooms.admin(world.now, admin);
    world.run();
    result
}

#[test]
fn muting_and_removing_work_from_any_edge() {
    for from in [0, 1] {
        let mut world = World::new(2);
        let student = world.join(0, "student");
        let other = world.join(1, "other");
        let sid = world.microphone(student);
        let mute = |sid: &str, identity: &str| Admin::MuteTrack {
            room: "class".into(),
            identity: identity.into(),
            track_sid: sid.into(),
            muted: true,
        };
        assert_eq!(admin(&mut world, from, mute(&sid, "student")), Ok(()));
        assert!(
            world.client(student).notices.contains(&Notice::Mute { track_sid: sid.clone(), muted: true })
        );
        assert!(world.client(other).roster["student"].tracks[0].muted);
        assert_eq!(admin(&mut world, from, mute("TR_x", "student")), Err(AdminError::TrackNotFound));
        assert_eq!(admin(&mut world, from, mute(&sid, "nobody")), Err(AdminError::ParticipantNotFound));

        let remove = Admin::Remove { room: "class".into(), identity: "student".into() };
        assert_eq!(admin(&mut world, from, remove), Ok(()));
        let leave =
            Notice::Leave { reason: LeaveReason::ParticipantRemoved, action: LeaveAction::Disconnect };
        assert_eq!(world.client(student).notices.last(), Some(&leave));
        assert_eq!(world.identities(other), [""; 0]);
    }
}

/// The token she has is good for minutes: no edge of the room takes it again, also not one that comes into the room later. With one
/// that was signed afterwards she is welcome.
#[test]
fn whoever_was_sent_out_comes_back_only_with_a_newer_token() {
    let mut world = World::new(3);
    world.join(0, "student");
    world.join(0, "near");
    world.join(1, "teacher");
    let remove = Admin::Remove { room: "class".into(), identity: "student".into() };
    assert_eq!(admin(&mut world, 1, remove), Ok(()));
    world.pass(Duration::from_secs(60));
    let old = |world: &World| edge_room::Join {
        token_age: Duration::from_secs(90),
        ..world.join_request("student")
    };
    for edge in [0, 1] {
        let join = old(&world);
        assert_eq!(world.edges[edge].rooms.join(world.now, join), Err(JoinError::Removed), "edge {edge}");
    }
    // An edge where nobody of the class was: it lets her in, hears of it, and sends her away.
    let join = old(&world);
    let late = world.join_with(2, join, Client::new()).expect("it does not know");
    world.pass(Duration::from_secs(1));
    let leave = Notice::Leave { reason: LeaveReason::ParticipantRemoved, action: LeaveAction::Disconnect };
    assert_eq!(world.client(late).notices.last(), Some(&leave));
    let join = old(&world);
    assert_eq!(world.edges[2].rooms.join(world.now, join), Err(JoinError::Removed));

    let again = edge_room::Join { token_age: Duration::from_secs(5), ..world.join_request("student") };
    let again = world.join_with(2, again, Client::new()).expect("let in again");
    world.join(2, "other");
    world.pass(Duration::from_secs(10));
    assert!(!world.client(again).notices.contains(&leave));
}

#[test]
fn a_change_of_permission_takes_effect_at_once() {
    let mut world = World::new(2);
    let student = world.join(0, "student");
    let teacher = world.join(1, "teacher");
    let sid = world.microphone(student);
    let camera = world.camera(teacher);
    world.ask(student, Request::AddTrack(add_track("screen", TrackSource::ScreenShare)));
    let set =
        |permission| Admin::SetPermission { room: "class".into(), identity: "student".into(), permission };
    let mut less = permission();
    less.can_publish = false;
    less.can_subscribe = false;
    assert_eq!(admin(&mut world, 1, set(less)), Ok(()));
    assert!(world.client(student).notices.contains(&Notice::TrackUnpublished { track_sid: sid }));
    assert!(world.client(teacher).roster["student"].tracks.is_empty());
    assert!(!world.client(teacher).roster["student"].permission.can_publish);
    assert!(world.watch(student, &camera).is_none());
    world.client(student).send("video", "screen", &[]);
    world.offer(student);
    assert!(
        world.client(teacher).roster["student"].tracks.is_empty(),
        "what was announced before is not published"
    );

    assert_eq!(admin(&mut world, 1, set(permission())), Ok(()));
    assert!(world.watch(student, &camera).is_some());
    let mut hidden = permission();
    hidden.hidden = true;
    assert_eq!(admin(&mut world, 0, set(hidden)), Ok(()));
    assert!(world.edges[0].rooms.participant("class", "student").expect("still here").permission.hidden);
}

#[test]
fn hiding_takes_a_participant_out_of_every_roster() {
    let mut world = World::new(2);
    world.join(0, "student");
    let near = world.join(0, "near");
    let far = world.join(1, "far");
    let mut hidden = permission();
    hidden.hidden = true;
    let set = Admin::SetPermission { room: "class".into(), identity: "student".into(), permission: hidden };
    assert_eq!(admin(&mut world, 0, set), Ok(()));
    assert_eq!(world.identities(near), ["far"]);
    assert_eq!(world.identities(far), ["near"]);
}

#[test]
fn a_room_may_change_or_be_closed_by_the_control_plane() {
    let mut world = World::new(2);
    let student = world.join(0, "student");
    let far = world.join(1, "far");
    let changed = Room { metadata: "lesson 2".into(), ..world.room.clone() };
    world.edges[0].rooms.room_changed(world.now, changed);
    world.run();
    for at in [student, far] {
        assert_eq!(world.client(at).room.as_ref().map(|(room, _)| room.metadata.as_str()), Some("lesson 2"));
    }
    world.edges[0].rooms.close_room(world.now, "class");
    world.run();
    let leave = Notice::Leave { reason: LeaveReason::RoomDeleted, action: LeaveAction::Disconnect };
    assert_eq!(world.client(student).notices.last(), Some(&leave));
    assert_eq!(world.identities(far), [""; 0]);
    world.edges[1].rooms.shutdown(world.now);
    world.run();
    let leave = Notice::Leave { reason: LeaveReason::ServerShutdown, action: LeaveAction::Reconnect };
    assert_eq!(world.client(far).notices.last(), Some(&leave));
    assert!(world.presence.is_empty());
}

#[test]
fn faults_a_client_asks_for_leave_it_where_they_should() {
    let cases = [
        (Simulate::SignalDisconnect, true),
        (Simulate::Migration, true),
        (Simulate::NodeFailure, false),
        (Simulate::ServerLeave { reconnect: true }, false),
    ];
    for (fault, can_resume) in cases {
        let mut world = World::new(1);
        let student = world.join(0, "student");
        world.join(0, "other");
        world.ask(student, Request::Simulate(fault));
        let last = world
            .client(student)
            .notices
            .iter()
            .rev()
            .find(|n| matches!(n, Notice::Drop | Notice::Leave { .. }));
        let expected = match fault {
            Simulate::Migration => {
                Notice::Leave { reason: LeaveReason::ServerShutdown, action: LeaveAction::Resume }
            }
            Simulate::ServerLeave { .. } => {
                Notice::Leave { reason: LeaveReason::ServerShutdown, action: LeaveAction::Reconnect }
            }
            _ => Notice::Drop,
        };
        assert_eq!(last, Some(&expected));
        assert_eq!(world.resume(student).is_some(), can_resume, "{fault:?}");
        world.pass(ROOM_LINGER);
    }
}
