//! Application data and speakers, on one edge and across.

use std::collections::BTreeMap;
use std::time::Duration;

use edge_room::{Admin, AdminError, DATA_BYTES_MAX, Request, Simulate};
use edge_sfu::Event;
use edge_wire::model;

use crate::client::Client;
use crate::world::World;

#[test]
fn data_reaches_everybody_once_in_order_on_every_edge() {
    let mut world = World::new(3);
    let teacher = world.join(0, "teacher");
    let near = world.join(0, "near");
    let far = world.join(1, "far");
    let third = world.join(2, "third");
    for at in [teacher, near, far, third] {
        world.open_channels(at);
    }
    for text in [":one", ":two", ":three"] {
        world.say(teacher, true, text);
    }
    world.say(teacher, false, ":lost?");
    let all = [("_reliable", ":one"), ("_reliable", ":two"), ("_reliable", ":three"), ("_lossy", ":lost?")];
    let all: Vec<_> = all.map(|(label, text)| (label, text.to_owned())).into();
    for at in [near, far, third] {
        assert_eq!(world.heard(at), all);
    }
    assert!(world.heard(teacher).is_empty(), "the sender does not hear itself");
}

#[test]
fn destinations_are_kept_to_and_other_edges_not_bothered() {
    let mut world = World::new(3);
    let teacher = world.join(0, "teacher");
    let near = world.join(0, "near");
    let far = world.join(1, "far");
    let third = world.join(2, "third");
    for at in [teacher, near, far, third] {
        world.open_channels(at);
    }
    world.say(teacher, true, "far,near,far:hello");
    assert_eq!(world.heard(near).len(), 1);
    assert_eq!(world.heard(far), [("_reliable", "far,near,far:hello".to_owned())]);
    assert!(world.heard(third).is_empty());
    world.say(far, true, "teacher:answer");
    assert_eq!(world.heard(teacher).len(), 1);
    world.say(far, true, "nobody:hello");
    assert_eq!(world.heard(teacher).len(), 1);
}

#[test]
fn reliable_data_waits_for_the_channel_to_open() {
    let mut world = World::new(1);
    let teacher = world.join(0, "teacher");
    let student = world.join(0, "student");
    world.say(teacher, true, ":early");
    world.say(teacher, false, ":lossy");
    assert_eq!(world.heard(student), [("_lossy", ":lossy".to_owned())]);
    world.open_channels(student);
    world.say(teacher, true, ":later");
    let reliable: Vec<String> = world.heard(student).into_iter().skip(1).map(|(_, text)| text).collect();
    assert_eq!(reliable, [":early", ":later"]);
}

#[test]
fn data_needs_permission_and_the_server_may_always_send() {
    let mut world = World::new(2);
    let mut join = world.join_request("quiet");
    join.permission.can_publish_data = false;
    let quiet = world.join_with(0, join, Client::new()).expect("there is room");
    let far = world.join(1, "far");
    world.open_channels(quiet);
    world.open_channels(far);
    world.say(quiet, true, ":not allowed");
    assert!(world.heard(far).is_empty());
    let data = model::Data { reliable: true, payload: "from the server".into(), ..model::Data::default() };
    let payload = vec![b'x'; DATA_BYTES_MAX + 1].into();
    world.edges[1].rooms.relay(world.now, far.1, model::Data { payload, ..data.clone() });
    world.run();
    world.open_channels(quiet);
    assert!(world.heard(quiet).is_empty(), "what no link takes is not sent");
    let send = |room: &str| Admin::SendData { room: room.into(), data: data.clone() };
    assert_eq!(world.edges[0].rooms.admin(world.now, send("class")), Ok(()));
    world.run();
    assert_eq!(world.heard(quiet).len(), 1);
    assert_eq!(world.heard(far).len(), 1);
    assert_eq!(world.edges[0].rooms.admin(world.now, send("no class")), Err(AdminError::RoomNotFound));
}

#[test]
fn speakers_are_told_everywhere_as_changes_at_most_so_often() {
    let mut world = World::new(2);
    let teacher = world.join(0, "teacher");
    let student = world.join(1, "student");
    world.microphone(teacher);
    let source = world.source_of(teacher, 0);
    let sid = world.client(teacher).own.clone().expect("joined").sid;
    world.event(0, Event::Speakers { levels: vec![(source, 0.5)] });
    let heard = BTreeMap::from([(sid.clone(), 0.5)]);
    assert_eq!(world.client(teacher).speaking, heard);
    assert_eq!(world.client(student).speaking, heard);
    // What the other edge hears of the same source is not counted twice.
    let pulled = *world.edges[1].media.sources.keys().next().expect("the microphone is pulled");
    world.event(1, Event::Speakers { levels: vec![(pulled, 0.9)] });
    assert_eq!(world.client(student).speaking, heard);
    let late = world.join(1, "late");
    assert_eq!(world.client(late).speaking, heard, "who comes in learns who speaks");

    for level in [0.6, 0.7, 0.8] {
        world.event(0, Event::Speakers { levels: vec![(source, level)] });
    }
    assert_eq!(world.client(student).speaking, heard, "not more often than is seen");
    world.pass(Duration::from_millis(300));
    assert_eq!(world.client(student).speaking[&sid], 0.8);
    world.event(0, Event::Speakers { levels: Vec::new() });
    world.pass(Duration::from_millis(600));
    assert!(world.client(student).speaking.is_empty());
    assert!(world.client(teacher).speaking.is_empty());

    world.ask(student, Request::Simulate(Simulate::Speakers { seconds: 2 }));
    world.pass(Duration::from_millis(600));
    assert_eq!(world.client(teacher).speaking.len(), 1);
    world.pass(Duration::from_secs(3));
    assert!(world.client(teacher).speaking.is_empty());
}
