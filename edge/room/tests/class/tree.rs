//! Edges that are not neighbours: heard by way of others, once, in order, and by another way when one is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use edge_room::{LINK_GRACE, Neighbour, Request, RoomPeers, TrackPermission};
use edge_sfu::Event;
use edge_wire::control::{Message, OriginRoute, ParticipantUpdate};
use edge_wire::model::Participant;

use crate::world::{World, link};

/// Three edges with people, and no link between the first and the last.
fn chain() -> (World, [crate::world::At; 3]) {
    let mut world = World::new(3);
    world.set_link(0, 2, false);
    let people = [world.join(0, "teacher"), world.join(1, "middle"), world.join(2, "student")];
    for at in people {
        world.open_channels(at);
    }
    (world, people)
}

#[test]
fn everything_an_edge_says_goes_on_to_those_who_are_not_its_neighbours() {
    let (mut world, [teacher, middle, student]) = chain();
    assert_eq!(world.identities(student), ["middle", "teacher"]);
    world.microphone(teacher);
    let source = world.source_of(teacher, 0);
    world.event(0, Event::Speakers { levels: vec![(source, 0.5)] });
    assert_eq!(world.client(student).speaking.len(), 1);
    for text in [":one", ":two"] {
        world.say(teacher, true, text);
        world.say(teacher, false, text);
    }
    world.say(teacher, false, "student:lossy");
    let heard = world.heard(student);
    let texts = |label: &str| -> Vec<&str> {
        heard.iter().filter(|(l, _)| *l == label).map(|(_, text)| text.as_str()).collect()
    };
    assert_eq!(texts("_reliable"), [":one", ":two"]);
    assert_eq!(texts("_lossy"), [":one", ":two", "student:lossy"]);
    assert_eq!(world.heard(middle).len(), 4);
    let allowed = TrackPermission {
        participant_sid: String::new(),
        identity: "middle".into(),
        all_tracks: true,
        track_sids: Vec::new(),
    };
    world.ask(teacher, Request::SubscriptionPermission { all_participants: false, allowed: vec![allowed] });
    world.pass(Duration::from_secs(1));
    assert_eq!(world.edges[2].media.layers_received(), [0_u8; 0], "who may watch holds two edges away");
    world.ask(teacher, Request::Leave);
    assert_eq!(world.identities(student), ["middle"]);
}

/// Only the parent takes the link for lost: its child has no reason to enter again, unless it is told.
#[test]
fn a_parent_that_alone_took_the_link_for_lost_has_its_child_again() {
    let mut world = World::new(2);
    let teacher = world.join(0, "teacher");
    let student = world.join(1, "student");
    world.open_channels(student);
    world.plan([&[], &[0]]);
    let now = world.now;
    world.edges[0].rooms.link_down(now, link(1));
    world.edges[0].rooms.link_up(now, link(1), "edge-1".to_owned());
    world.run();
    world.say(teacher, true, ":again");
    assert_eq!(world.heard(student), [("_reliable", ":again".to_owned())]);
}

#[test]
fn a_child_that_is_back_before_its_parent_notices_is_heard_in_the_end() {
    let mut world = World::new(2);
    world.join(0, "teacher");
    let student = world.join(1, "student");
    // A tree: the child enters, the parent only admits.
    let parent = RoomPeers { admitted: vec![link(1)], ..RoomPeers::default() };
    world.edges[0].rooms.handle_room_peers(world.now, "class", parent);
    world.run();
    world.set_link(0, 1, false);
    // The child's side heals first: what it says on entering falls on deaf ears.
    world.restore_link(1, 0);
    world.run();
    world.restore_link(0, 1);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.identities(student), ["teacher"]);
    world.pass(LINK_GRACE * 2);
    assert_eq!(world.identities(student), ["teacher"], "it was there to stay");
}

#[test]
fn reliable_data_goes_on_where_it_was_when_the_way_is_lost() {
    let mut world = World::new(3);
    let teacher = world.join(0, "teacher");
    world.join(1, "middle");
    let student = world.join(2, "student");
    world.open_channels(teacher);
    world.open_channels(student);
    world.say(teacher, true, ":one");
    // What is said on a wire that is cut is lost with it; the others have it.
    world.set_link(0, 2, false);
    world.say(teacher, true, ":two");
    world.set_link(1, 2, false);
    world.say(teacher, true, ":three");
    world.pass(LINK_GRACE / 2);
    world.say(teacher, true, ":four");
    world.set_link(0, 2, true);
    world.say(teacher, true, ":five");
    let heard: Vec<String> = world.heard(student).into_iter().map(|(_, text)| text).collect();
    assert_eq!(heard, [":one", ":two", ":three", ":four", ":five"]);
    assert_eq!(world.identities(student), ["middle", "teacher"]);
}

#[test]
fn an_edge_that_came_in_late_hands_on_what_was_said_before() {
    let mut world = World::new(4);
    let teacher = world.join(0, "teacher");
    let student = world.join(2, "student");
    world.open_channels(teacher);
    world.open_channels(student);
    world.say(teacher, true, ":one");
    world.set_link(0, 2, false);
    world.say(teacher, true, ":two");
    // Both were not in the room when the second word was said, and the last is two hops away from it.
    world.set_link(0, 3, false);
    world.set_link(1, 2, false);
    let late = world.join(1, "late");
    world.open_channels(late);
    let later = world.join(3, "later");
    world.open_channels(later);
    world.say(teacher, true, ":three");
    let texts =
        |world: &World, at| -> Vec<String> { world.heard(at).into_iter().map(|(_, text)| text).collect() };
    assert_eq!(texts(&world, student), [":one", ":two", ":three"]);
    assert_eq!(texts(&world, late), [":three"], "it joined after the others");
    assert_eq!(texts(&world, later), [":three"]);
}

#[test]
fn edges_whose_ways_are_about_to_leave_do_not_lean_on_each_other() {
    let mut world = World::new(3);
    let teacher = world.join(0, "teacher");
    let students = [world.join(1, "student"), world.join(2, "other")];
    let camera = world.camera(teacher);
    // The plan takes the teacher's edge off both others, and its new place is not linked yet. Each of them would rather hear it by
    // the other, whose way is one that stays: were both to, neither had a way.
    world.plan([&[], &[2], &[1]]);
    for student in students {
        assert!(world.watch(student, &camera).is_some());
        assert_eq!(world.comes_by(student.0), [link(0)], "the way it had");
    }
    world.plan([&[1], &[2], &[1]]);
    world.pass(LINK_GRACE);
    assert_eq!((world.comes_by(1), world.comes_by(2)), (vec![link(0)], vec![link(1)]));
    assert_eq!(world.identities(students[1]), ["student", "teacher"]);
}

#[test]
fn a_way_that_is_held_for_those_behind_is_taken_back_from_a_new_parent() {
    let mut world = World::new(3);
    let teacher = world.join(0, "teacher");
    let students = [world.join(1, "student"), world.join(2, "other")];
    let camera = world.camera(teacher);
    world.plan([&[], &[0], &[1]]);
    world.pass(LINK_GRACE);
    // The last edge's own link is no better than the way it has, so it has no reason to change by itself.
    world.edges[2].rooms.set_link_cost(link(0), 100);
    world.set_link(0, 1, false);
    world.plan([&[], &[2], &[0]]);
    for student in students {
        assert!(world.watch(student, &camera).is_some());
    }
    assert_eq!((world.comes_by(1), world.comes_by(2)), (vec![link(2)], vec![link(0)]), "at once");
}

#[test]
fn a_way_that_is_held_gives_way_to_one_that_stands() {
    // A root with two children, the first with a child of its own, to which the second goes when the root is lost.
    let mut world = World::new(4);
    let people = [1, 2, 3].map(|edge| world.join(edge, &format!("from-{edge}")));
    world.join(0, "at the root");
    people.into_iter().for_each(|at| world.open_channels(at));
    for (a, b) in [(0, 2), (1, 3)] {
        world.set_link(a, b, false);
    }
    for at in 0..4 {
        (0..4).filter(|to| *to != at).for_each(|to| world.edges[at].rooms.set_link_cost(link(to), 1));
    }
    // Longer than the way by the root was.
    world.edges[2].rooms.set_link_cost(link(3), 200);
    let place = |world: &mut World, at: usize, admitted: &[usize], wanted: usize| {
        let admitted = admitted.iter().map(|other| link(*other)).collect();
        let peers = RoomPeers { admitted, wanted: vec![link(wanted)], nodes: None };
        world.edges[at].rooms.handle_room_peers(world.now, "class", peers);
    };
    for (at, admitted, parent) in [(1, &[0, 2][..], 0), (2, &[1, 3], 1), (3, &[0, 2], 0)] {
        place(&mut world, at, admitted, parent);
    }
    let root = RoomPeers { admitted: vec![link(1), link(3)], ..RoomPeers::default() };
    world.edges[0].rooms.handle_room_peers(world.now, "class", root);
    world.pass(Duration::from_secs(20));
    let voice = world.microphone(people[2]);
    assert!(world.watch(people[1], &voice).is_some());
    let comes_by = |world: &World, at: usize| -> Vec<edge_sfu::LinkId> {
        world.edges[at].media.receives.keys().map(|(link, _)| *link).collect()
    };
    assert_eq!((comes_by(&world, 2), comes_by(&world, 1)), (vec![link(1)], vec![link(0)]));

    world.set_link(0, 1, false);
    world.set_link(0, 3, false);
    place(&mut world, 3, &[2], 2);
    world.run();
    assert_eq!((comes_by(&world, 2), comes_by(&world, 1)), (vec![link(3)], vec![link(2)]), "at once");
    world.say(people[2], true, ":on");
    for at in [people[0], people[1]] {
        assert_eq!(world.heard(at).len(), 1, "data likewise");
        assert_eq!(world.identities(at).len(), 3, "and nobody has left yet");
    }
}

#[test]
fn an_edge_of_the_last_version_is_heard_and_told_in_a_direct_room() {
    let mut world = World::new(2);
    for (at, other) in [(0, 1), (1, 0)] {
        let neighbour = Neighbour { node_id: format!("edge-{other}"), epoch: 7, version: 1 };
        world.edges[at].rooms.link_up(world.now, link(other), neighbour);
    }
    let (teacher, student) = (world.join(0, "teacher"), world.join(1, "student"));
    world.open_channels(teacher);
    world.open_channels(student);
    assert_eq!(
        (world.identities(teacher), world.identities(student)),
        (vec!["student".into()], vec!["teacher".into()])
    );
    world.say(teacher, true, ":hello");
    world.say(teacher, false, ":lossy");
    assert_eq!(world.heard(student).len(), 2);
    let camera = world.camera(teacher);
    assert!(world.watch(student, &camera).is_some());
    assert_eq!(world.edges[1].media.layers_received(), [2]);
    world.ask(teacher, Request::Leave);
    assert_eq!(world.identities(student), [""; 0]);
    let of_version_2 = |message: &Message| {
        matches!(
            message,
            Message::OriginRoute(_) | Message::Follow(_) | Message::Sync(_) | Message::Unfollow(_)
        )
    };
    assert!(!world.edges.iter().any(|edge| edge.said.iter().any(|(_, message)| of_version_2(message))));
}

#[test]
fn an_edge_speaks_for_nobody_it_has_no_way_to_and_an_older_process_for_nobody_at_all() {
    let mut world = World::new(3);
    let teacher = world.join(0, "teacher");
    let student = world.join(2, "student");
    world.join(1, "middle");
    let own = world.client(teacher).own.clone().expect("joined");
    let claim = |node_id: &str, sid: &str| {
        let participant = Participant {
            sid: sid.into(),
            identity: "teacher".into(),
            name: "impostor".into(),
            version: own.version + 1,
            joined_at_ms: own.joined_at_ms,
            node_id: node_id.into(),
            attributes: BTreeMap::new(),
            ..own.clone()
        };
        Message::Participant(ParticipantUpdate { room: "class".into(), participant, change: 99 })
    };
    for message in [claim("edge-0", &own.sid), claim("edge-1", &own.sid), claim("edge-9", "PA_new")] {
        world.edges[2].rooms.handle_link(world.now, link(1), message);
        world.run();
    }
    assert_eq!(world.client(student).roster["teacher"].name, "TEACHER");

    // Edge 0 was started again, says another; then the old process is heard of once more.
    let route = |epoch: u64| {
        let hops = vec!["edge-0".to_owned(), "edge-1".to_owned()];
        Message::OriginRoute(OriginRoute { room: "class".into(), hops, epoch, leaving: 0 })
    };
    world.edges[2].rooms.handle_link(world.now, link(1), route(5_000));
    world.run();
    assert_eq!(world.identities(student), ["middle"], "what the old one said is void");
    world.edges[2].rooms.handle_link(world.now, link(1), route(4_000));
    world.run();
    assert_eq!(world.identities(student), ["middle"]);
}
