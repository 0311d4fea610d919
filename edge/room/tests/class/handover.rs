//! A participant whose client moves to another edge: seen from everywhere as one participant that never left.

use edge_room::{Fact, GHOST_MAX, HEIR_MAX, Move, MovedTrack, Notice, Request};
use edge_sfu::{Event, Origin, SessionId};
use edge_wire::model::{ParticipantState, TrackKind, TrackSource};

use crate::client::Client;
use crate::world::{At, World, link};

struct Scene {
    world: World,
    teacher: At,
    /// On the teacher's edge, on another, and on the one the teacher moves to.
    watchers: [At; 3],
    sid: String,
    camera: String,
}

fn scene() -> Scene {
    let mut world = World::new(3);
    let teacher = world.join(0, "teacher");
    let watchers = [world.join(0, "near"), world.join(1, "far"), world.join(2, "there")];
    let camera = world.camera(teacher);
    let sid = world.client(teacher).own.clone().expect("it joined").sid;
    Scene { world, teacher, watchers, sid, camera }
}

impl Scene {
    fn heir(&mut self, edge: usize) -> At {
        let mut join = self.world.join_request("teacher");
        let (source, kind) = (TrackSource::Camera as i32, TrackKind::Video as i32);
        let track = MovedTrack { sid: self.camera.clone(), source, kind };
        join.moves = Some(Move { participant_sid: self.sid.clone(), tracks: vec![track] });
        self.world.join_with(edge, join, Client::new()).expect("there is room")
    }

    fn origin(&mut self, at: At) -> Origin {
        let watch = self.world.watch(at, &self.camera).expect("it watches");
        self.world.edges[at.0].media.sources[&watch.source].origin
    }

    fn begins(&mut self, heir: At) {
        let source = self.world.source_of(heir, 0);
        self.world.event(heir.0, Event::LayerStarted { source, layer: 0 });
    }
}

#[test]
fn a_track_comes_from_another_edge_and_nobody_leaves() {
    let mut scene = scene();
    let mids: Vec<_> = scene.watchers.map(|at| scene.world.client(at).tracks[&scene.camera].clone()).to_vec();
    for at in scene.watchers {
        scene.world.client(at).notices.clear();
    }
    let heir = scene.heir(2);
    let camera = scene.world.camera(heir);
    assert_eq!(camera, scene.camera, "the track keeps its sid");
    assert_eq!(scene.origin(scene.watchers[1]), Origin::Link(link(0)), "its media is not here yet");
    let told = scene.world.client(scene.watchers[1]).count(|n| matches!(n, Notice::Participants(_)));
    assert_eq!(told, 0, "nobody is told before");

    scene.begins(heir);
    assert_eq!(scene.origin(scene.watchers[0]), Origin::Link(link(2)), "the old edge pulls it now");
    assert_eq!(scene.origin(scene.watchers[1]), Origin::Link(link(2)));
    assert_eq!(scene.origin(scene.watchers[2]), Origin::Session(SessionId(heir.1.0)));
    for (at, mid) in scene.watchers.into_iter().zip(mids) {
        let client = scene.world.client(at);
        assert_eq!(client.tracks[&camera], mid, "the stream goes on in its section");
        assert_eq!(client.count(|n| matches!(n, Notice::MediaSections { .. })), 0, "nothing is negotiated");
        let teacher = &client.roster["teacher"];
        assert_eq!((teacher.sid.as_str(), teacher.node_id.as_str()), (scene.sid.as_str(), "edge-2"));
        let gone = |p: &edge_wire::model::Participant| p.state == ParticipantState::Disconnected as i32;
        let left = client.count(|n| matches!(n, Notice::Participants(all) if all.iter().any(gone)));
        assert_eq!(left, 0, "nobody was told that the teacher left");
    }
    assert_eq!(scene.world.edges[0].moved, [scene.teacher.1]);
    let told =
        |edge: usize, is: fn(&Fact) -> bool| scene.world.edges[edge].facts.iter().filter(|f| is(f)).count();
    assert_eq!(told(0, |fact| matches!(fact, Fact::ParticipantDeparted { .. })), 1);
    assert_eq!(told(2, |fact| matches!(fact, Fact::ParticipantArrived { .. })), 1);
    assert_eq!(scene.world.edges[0].identities, ["near"]);

    // The first connection ends quietly, whoever ends it.
    scene.world.ask(scene.teacher, Request::Leave);
    scene.world.pass(GHOST_MAX + HEIR_MAX);
    for at in scene.watchers {
        assert!(scene.world.client(at).roster.contains_key("teacher"));
    }
    let left =
        |edge: &crate::world::Edge| edge.facts.iter().any(|f| matches!(f, Fact::ParticipantLeft { .. }));
    assert!(!scene.world.edges.iter().any(left));
    scene.world.ask(heir, Request::Leave);
    assert!(left(&scene.world.edges[2]), "the last connection's end is the participant's");
    assert!(!scene.world.client(scene.watchers[0]).roster.contains_key("teacher"));
}

#[test]
fn attributes_and_hand_go_along_and_the_ghost_still_receives() {
    let mut scene = scene();
    let update = Request::UpdateMetadata {
        request_id: 1,
        metadata: None,
        name: None,
        attributes: [("hand".to_owned(), "7".to_owned())].into(),
    };
    scene.world.ask(scene.teacher, update);
    let students = scene.world.camera(scene.watchers[1]);
    let heir = scene.heir(2);
    scene.world.camera(heir);
    scene.begins(heir);
    assert_eq!(scene.world.client(scene.watchers[1]).roster["teacher"].attributes["hand"], "7");
    assert!(
        scene.world.watch(scene.teacher, &students).is_some(),
        "the old connection receives until it ends"
    );
    assert!(scene.world.watch(heir, &students).is_some());
    assert!(scene.world.watch(heir, &scene.camera.clone()).is_none(), "nobody watches its own track");
    scene.world.pass(GHOST_MAX);
    let last = scene.world.client(scene.teacher).count(|n| matches!(n, Notice::Leave { .. }));
    assert_eq!(last, 1, "a client that forgets its old connection loses it");
    assert!(scene.world.client(scene.watchers[1]).roster.contains_key("teacher"));
}

#[test]
fn an_heir_that_does_not_publish_takes_its_place_in_time_and_one_that_goes_changes_nothing() {
    let mut scene = scene();
    let heir = scene.heir(2);
    scene.world.ask(heir, Request::Leave);
    scene.world.pass(HEIR_MAX);
    assert_eq!(scene.origin(scene.watchers[1]), Origin::Link(link(0)));
    assert_eq!(scene.world.client(scene.watchers[1]).roster["teacher"].node_id, "edge-0");

    scene.heir(2);
    scene.world.pass(HEIR_MAX);
    let teacher = &scene.world.client(scene.watchers[1]).roster["teacher"];
    assert_eq!(
        (teacher.node_id.as_str(), teacher.tracks.len()),
        ("edge-2", 0),
        "what it does not send, ends"
    );
    assert!(scene.world.watch(scene.watchers[1], &scene.camera.clone()).is_none());
}

/// Signalling reached the new edge and media did not: the connection that works is not given up for it.
#[test]
fn an_heir_that_never_connected_does_not_take_the_place() {
    let mut scene = scene();
    let mut join = scene.world.join_request("teacher");
    join.moves = Some(Move { participant_sid: scene.sid.clone(), tracks: Vec::new() });
    let now = scene.world.now;
    let peer = scene.world.edges[2].rooms.join(now, join).expect("there is room");
    scene.world.edges[2].clients.insert(peer, Client::new());
    scene.world.pass(HEIR_MAX + GHOST_MAX);
    assert_eq!(scene.world.client(scene.watchers[1]).roster["teacher"].node_id, "edge-0");
    assert_eq!(scene.origin(scene.watchers[1]), Origin::Link(link(0)));
    assert_eq!(scene.world.client((2, peer)).count(|n| matches!(n, Notice::Leave { .. })), 1);
    assert_eq!(scene.world.client(scene.teacher).count(|n| matches!(n, Notice::Leave { .. })), 0);
}

/// While both connections are open, what is said by either is heard once everywhere, and never by who said it.
#[test]
fn what_is_said_on_the_way_is_heard_once_by_everybody() {
    let mut scene = scene();
    for at in scene.watchers.into_iter().chain([scene.teacher]) {
        scene.world.open_channels(at);
    }
    let heir = scene.heir(2);
    scene.world.open_channels(heir);
    scene.world.camera(heir);
    scene.world.say(scene.teacher, true, ":one");
    scene.world.say(heir, true, ":two");
    scene.begins(heir);
    scene.world.say(scene.teacher, true, ":three");
    scene.world.say(heir, true, ":four");
    for at in scene.watchers {
        let heard: Vec<_> = scene.world.heard(at).into_iter().map(|(_, text)| text).collect();
        assert_eq!(heard, [":one", ":two", ":three", ":four"], "{at:?}");
    }
    for at in [scene.teacher, heir] {
        assert!(scene.world.heard(at).is_empty(), "{at:?}");
    }
}

#[test]
fn a_participant_may_move_on_and_back() {
    let mut scene = scene();
    for (edge, hops) in [(2, "edge-2"), (1, "edge-1"), (0, "edge-0")] {
        let heir = scene.heir(edge);
        scene.world.camera(heir);
        scene.begins(heir);
        for at in scene.watchers {
            assert_eq!(scene.world.client(at).roster["teacher"].node_id, hops);
            let expected =
                if at.0 == edge { Origin::Session(SessionId(heir.1.0)) } else { Origin::Link(link(edge)) };
            assert_eq!(scene.origin(at), expected);
        }
    }
}

#[test]
fn a_class_goes_on_elsewhere_one_after_the_other_and_the_edge_is_left_empty() {
    let mut world = World::new(3);
    let first = world.join(0, "first");
    let second = world.join(0, "second");
    let cameras = [world.camera(first), world.camera(second)];
    let mut heirs = Vec::new();
    for (index, (at, name)) in [(first, "first"), (second, "second")].into_iter().enumerate() {
        let sid = world.client(at).own.clone().expect("it joined").sid;
        let (source, kind) = (TrackSource::Camera as i32, TrackKind::Video as i32);
        let track = MovedTrack { sid: cameras[index].clone(), source, kind };
        let mut join = world.join_request(name);
        join.moves = Some(Move { participant_sid: sid, tracks: vec![track] });
        let heir = world.join_with(index + 1, join, Client::new()).expect("there is room");
        world.camera(heir);
        let source = world.source_of(heir, 0);
        world.event(heir.0, Event::LayerStarted { source, layer: 0 });
        world.open_channels(heir);
        world.ask(at, Request::Leave);
        heirs.push(heir);
    }
    for _ in 0..4 {
        for (at, camera, from) in [(heirs[0], &cameras[1], 2), (heirs[1], &cameras[0], 1)] {
            let watch = world.watch(at, camera).expect("it watches");
            let origin = world.edges[at.0].media.sources[&watch.source].origin;
            assert_eq!(origin, Origin::Link(link(from)), "the other's picture comes from where the other is");
        }
        world.say(heirs[0], true, ":hello");
        assert_eq!(world.heard(heirs[1]).last().map(|(_, text)| text.as_str()), Some(":hello"));
        world.pass(std::time::Duration::from_secs(5));
    }
}
