//! What an edge says for certain of who came and left.

use std::time::Duration;

use edge_room::{Fact, LeaveAction, LeaveReason, Notice, RESUME_LINGER, Request};
use edge_sfu::{Event, SessionId};

use crate::world::World;

/// Joins and leaves of an edge, as words.
fn attendance(world: &World, edge: usize) -> Vec<String> {
    let said = world.edges[edge].facts.iter().filter_map(|fact| match fact {
        Fact::ParticipantJoined { participant, .. } => Some(format!("{} joined", participant.identity)),
        Fact::ParticipantLeft { participant, reason, unheard, .. } => {
            let (who, why) = (&participant.identity, reason.as_str());
            Some(format!("{who} left: {why}, unheard {} s", unheard.as_secs()))
        }
        _ => None,
    });
    said.collect()
}

#[test]
fn who_was_connected_joined_and_leaves_once() {
    let mut world = World::new(1);
    let student = world.join(0, "student");
    let session = SessionId(student.1.0);
    let remote = "10.0.0.2:10".parse().expect("an address");
    world.event(0, Event::SessionConnected { session, remote });
    world.ask(student, Request::Leave);
    assert_eq!(attendance(&world, 0), ["student joined", "student left: client-initiated, unheard 0 s"]);

    // Signalling alone is no attendance.
    let join = world.join_request("stranger");
    let stranger = (0, world.edges[0].rooms.join(world.now, join).expect("there is room"));
    world.ask(stranger, Request::Leave);
    assert_eq!(attendance(&world, 0).len(), 2);
}

#[test]
fn who_is_given_up_left_when_it_was_last_heard() {
    let mut world = World::new(1);
    let student = world.join(0, "student");
    world.edges[0].rooms.signal_lost(world.now, student.1);
    world.pass(RESUME_LINGER + Duration::from_secs(1));
    let unheard = RESUME_LINGER.as_secs();
    let left = format!("student left: connection-timeout, unheard {unheard} s");
    assert_eq!(attendance(&world, 0), ["student joined".to_owned(), left]);
}

#[test]
fn a_client_whose_reliable_data_overflows_joins_again() {
    let mut world = World::new(1);
    let student = world.join(0, "student");
    world.event(0, Event::DataOverflow { session: SessionId(student.1.0) });
    let leave = Notice::Leave { reason: LeaveReason::StateMismatch, action: LeaveAction::Reconnect };
    assert!(world.client(student).notices.contains(&leave));
    assert_eq!(
        attendance(&world, 0).last().map(String::as_str),
        Some("student left: state-mismatch, unheard 0 s")
    );
}
