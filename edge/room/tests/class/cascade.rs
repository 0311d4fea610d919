//! Media across edges: announced by path, pulled layer by layer, re-routed when a link breaks.

use std::time::Duration;

use edge_room::{LINK_GRACE, Notice, ROOM_LINGER, Request, RoomPeers, TrackSettings};
use edge_sfu::{Event, Origin, SessionId};
use edge_wire::control::{Announce, Codec, Message};

use crate::world::{At, World, link};

fn want(world: &mut World, at: At, sid: &str, width: u32, disabled: bool) {
    let settings = TrackSettings { width, height: width * 9 / 16, disabled, ..TrackSettings::default() };
    world.ask(at, Request::TrackSettings { track_sids: vec![sid.to_owned()], settings });
}

#[test]
fn an_edge_pulls_exactly_the_layers_watched_behind_it() {
    let mut world = World::new(2);
    let teacher = world.join(0, "teacher");
    let small = world.join(1, "small");
    let camera = world.camera(teacher);
    assert_eq!(world.edges[1].media.layers_received(), [2]);
    want(&mut world, small, &camera, 320, false);
    assert_eq!(world.edges[1].media.layers_received(), [0, 2], "a need is met at once");
    world.pass(Duration::from_millis(499));
    assert_eq!(world.edges[0].media.layers_sent(), [0, 2]);
    world.pass(Duration::from_millis(1));
    assert_eq!(world.edges[0].media.layers_sent(), [0], "what nobody watches does not cross");

    let large = world.join(1, "large");
    let second = world.join(1, "second");
    world.pass(Duration::from_secs(1));
    assert_eq!(world.edges[1].media.layers_received(), [0, 2], "two watchers of a layer share it");
    for at in [small, large, second] {
        let watch = world.watch(at, &camera).expect("watched");
        assert_eq!(world.edges[1].media.sources[&watch.source].origin, Origin::Link(link(0)));
    }
    // A window that flaps does not flap the link.
    want(&mut world, small, &camera, 320, true);
    world.pass(Duration::from_millis(200));
    want(&mut world, small, &camera, 320, false);
    world.pass(Duration::from_secs(1));
    let unsubscribed = |world: &World| {
        world.edges[1].said.iter().filter(|(_, m)| matches!(m, Message::Unsubscribe(_))).count()
    };
    assert_eq!(unsubscribed(&world), 1);

    for at in [small, large, second] {
        world.ask(at, Request::Leave);
    }
    world.pass(Duration::from_secs(1));
    assert!(world.edges[0].media.layers_sent().is_empty());
    assert!(world.edges[1].media.receives.is_empty());
}

#[test]
fn nothing_crosses_that_nobody_watches() {
    let mut world = World::new(2);
    let teacher = world.join(0, "teacher");
    let mut join = world.join_request("student");
    join.auto_subscribe = false;
    let student = world.join_with(1, join, crate::client::Client::new()).expect("there is room");
    let camera = world.camera(teacher);
    assert!(world.edges[0].media.feeds.is_empty());
    assert!(world.edges[1].media.sources.is_empty());
    let subscribe = Request::Subscription { track_sids: vec![camera.clone()], subscribe: true };
    // The first setting of a hidden picture comes with the subscription.
    want(&mut world, student, &camera, 320, true);
    world.ask(student, subscribe);
    assert!(world.edges[0].media.feeds.is_empty(), "a paused picture is not pulled");
    want(&mut world, student, &camera, 320, false);
    assert_eq!(world.edges[0].media.layers_sent(), [0]);
    assert_eq!(world.client(teacher).count(|n| matches!(n, Notice::TrackSubscribed { .. })), 1);
}

#[test]
fn the_publisher_is_told_what_is_watched_anywhere() {
    let mut world = World::new(2);
    let teacher = world.join(0, "teacher");
    let student = world.join(1, "student");
    let camera = world.camera(teacher);
    let top = |world: &mut World| {
        world.client(teacher).notices.iter().rev().find_map(|notice| match notice {
            Notice::SubscribedQuality { qualities, .. } => {
                Some(qualities.iter().filter(|(_, on)| *on).count())
            }
            _ => None,
        })
    };
    want(&mut world, student, &camera, 320, false);
    world.pass(Duration::from_secs(4));
    assert_eq!(top(&mut world), Some(1));
    want(&mut world, student, &camera, 1280, false);
    assert_eq!(top(&mut world), Some(3));
}

#[test]
fn a_layer_that_does_not_begin_is_backed_by_the_next_lower_one() {
    let mut world = World::new(2);
    world.is_live = false;
    let teacher = world.join(0, "teacher");
    let student = world.join(1, "student");
    let camera = world.camera(teacher);
    world.pass(Duration::from_millis(900));
    assert_eq!(world.edges[1].media.layers_received(), [2]);
    world.pass(Duration::from_millis(100));
    assert_eq!(world.edges[1].media.layers_received(), [1, 2]);
    let source = world.watch(student, &camera).expect("watched").source;
    world.event(1, Event::LayerStarted { source, layer: 1 });
    world.pass(Duration::from_secs(3));
    assert_eq!(world.edges[1].media.layers_received(), [1, 2], "one that sends is enough");
    world.event(1, Event::LayerStarted { source, layer: 2 });
    world.pass(Duration::from_secs(1));
    assert_eq!(world.edges[1].media.layers_received(), [2]);
    // Let go and pulled again before it fell silent: it never stopped, so it does not begin anew either.
    want(&mut world, student, &camera, 1280, true);
    world.pass(Duration::from_millis(600));
    want(&mut world, student, &camera, 1280, false);
    world.pass(Duration::from_secs(2));
    assert_eq!(world.edges[1].media.layers_received(), [2]);
    world.event(1, Event::LayerStopped { source, layer: 2 });
    assert_eq!(world.edges[1].media.layers_received(), [1, 2], "one that stops is backed at once");
}

#[test]
fn a_layer_is_let_go_only_when_its_last_watcher_is_sent_another() {
    let mut world = World::new(2);
    let teacher = world.join(0, "teacher");
    let student = world.join(1, "student");
    let camera = world.camera(teacher);
    want(&mut world, student, &camera, 320, false);
    world.pass(Duration::from_secs(1));
    let source = world.watch(student, &camera).expect("watched").source;
    let session = SessionId(student.1.0);
    world.event(1, Event::LayerSwitched { session, source, layer: 0 });
    want(&mut world, student, &camera, 1280, false);
    world.pass(Duration::from_secs(5));
    assert_eq!(
        world.edges[1].media.layers_received(),
        [0, 2],
        "no keyframe yet: the lower layer is what is seen"
    );
    world.event(1, Event::LayerSwitched { session, source, layer: 2 });
    world.pass(Duration::from_millis(600));
    assert_eq!(world.edges[1].media.layers_received(), [2]);

    want(&mut world, student, &camera, 320, false);
    world.pass(Duration::from_secs(5));
    assert_eq!(world.edges[1].media.layers_received(), [0, 2]);
    // One that is silent, hidden or gone shows nothing to anybody.
    world.event(1, Event::LayerStopped { source, layer: 2 });
    world.pass(Duration::from_millis(600));
    assert_eq!(world.edges[1].media.layers_received(), [0]);
    want(&mut world, student, &camera, 320, true);
    world.pass(Duration::from_millis(600));
    assert!(world.edges[1].media.layers_received().is_empty());
}

#[test]
fn tracks_are_announced_onward_with_their_path_and_pulled_the_short_way() {
    let mut world = World::new(3);
    let teacher = world.join(0, "teacher");
    world.join(1, "one");
    let two = world.join(2, "two");
    let camera = world.camera(teacher);
    let onward: Vec<&Announce> = world.edges[1]
        .said
        .iter()
        .filter_map(|(to, message)| match message {
            Message::Announce(announce) if *to == link(2) => Some(announce),
            _ => None,
        })
        .collect();
    assert_eq!(onward[0].hops, ["edge-0", "edge-1"]);
    assert_eq!((onward[0].layers, onward[0].codec.mime_type.as_str()), (3, "video/VP8"));
    let back = world.edges[1].said.iter().any(|(to, m)| *to == link(0) && matches!(m, Message::Announce(_)));
    assert!(!back, "an announcement never goes back where it passed");
    let source = world.watch(two, &camera).expect("watched").source;
    assert_eq!(world.edges[2].media.sources[&source].origin, Origin::Link(link(0)));
    assert!(world.edges[1].media.layers_sent().is_empty());
}

#[test]
fn the_way_announced_first_gives_way_to_the_direct_one_even_where_all_links_are_short() {
    let mut world = World::new(3);
    let teacher = world.join(0, "teacher");
    world.join(1, "one");
    let two = world.join(2, "two");
    world.set_link(0, 2, false);
    world.edges[1].rooms.set_link_cost(link(0), 5);
    world.edges[2].rooms.set_link_cost(link(1), 5);
    let camera = world.camera(teacher);
    let source = world.watch(two, &camera).expect("bound").source;
    assert_eq!(world.edges[2].media.sources[&source].origin, Origin::Link(link(1)));
    // As long as the way round: 10 ms, where nothing is known of it.
    world.set_link(0, 2, true);
    let source = world.watch(two, &camera).expect("still bound").source;
    assert_eq!(world.edges[2].media.sources[&source].origin, Origin::Link(link(0)));
    world.pass(Duration::from_secs(1));
    assert!(world.edges[1].media.layers_sent().is_empty(), "the relay has nothing to do any more");
}

#[test]
fn a_track_comes_by_another_edge_when_its_link_breaks() {
    let mut world = World::new(3);
    let teacher = world.join(0, "teacher");
    let one = world.join(1, "one");
    let two = world.join(2, "two");
    let camera = world.camera(teacher);
    want(&mut world, one, &camera, 320, false);
    world.pass(Duration::from_secs(1));
    world.set_link(0, 2, false);
    let source = world.watch(two, &camera).expect("still bound").source;
    assert_eq!(world.edges[2].media.sources[&source].origin, Origin::Link(link(1)));
    assert_eq!(world.edges[1].media.layers_received(), [0, 2], "pulled for those behind as well");
    assert_eq!(world.edges[1].media.layers_sent(), [2]);
    world.pass(LINK_GRACE * 3);
    assert_eq!(world.identities(two), ["one", "teacher"], "whose media still comes stays");

    world.set_link(0, 2, true);
    let source = world.watch(two, &camera).expect("still bound").source;
    assert_eq!(
        world.edges[2].media.sources[&source].origin,
        Origin::Link(link(0)),
        "the short way is worth a change"
    );
    world.pass(Duration::from_secs(1));
    assert!(world.edges[1].media.layers_sent().is_empty());
    assert_eq!(world.edges[2].media.sources.len(), 1);
    world.set_link(0, 2, false);
    world.set_link(1, 2, false);
    world.pass(LINK_GRACE * 2 + Duration::from_millis(1));
    assert_eq!(world.identities(two), [""; 0]);
    assert!(world.edges[2].media.sources.is_empty());
}

#[test]
fn a_new_way_is_told_onward_and_a_loop_is_no_way() {
    let mut world = World::new(4);
    let teacher = world.join(0, "teacher");
    for edge in 1..4 {
        world.join(edge, &format!("student {edge}"));
    }
    let camera = world.camera(teacher);
    world.set_link(0, 2, false);
    let told = world.edges[2].said.iter().rev().find_map(|(to, message)| match message {
        Message::Announce(announce) if *to == link(3) => Some(announce.hops.clone()),
        _ => None,
    });
    assert_eq!(told.expect("announced"), ["edge-0", "edge-1", "edge-2"]);

    assert_eq!(world.edges[2].media.layers_received(), [2]);
    for from in [1, 3] {
        let looping = Announce {
            room: "class".into(),
            track_sid: camera.clone(),
            hops: vec!["edge-2".into(), format!("edge-{from}")],
            codec: Codec { mime_type: "video/VP8".into(), ..Codec::default() },
            layers: 3,
            ..Announce::default()
        };
        world.edges[2].rooms.handle_link(world.now, link(from), Message::Announce(looping));
        world.run();
    }
    assert!(world.edges[2].media.receives.is_empty(), "a way through oneself is none");
}

#[test]
fn repair_and_keyframes_go_over_the_link_that_carries_the_flow() {
    let mut world = World::new(2);
    let teacher = world.join(0, "teacher");
    world.join(1, "student");
    world.camera(teacher);
    let (here, flow) = *world.edges[1].media.receives.keys().next().expect("a layer is pulled");
    world.event(1, Event::LinkNack { link: here, flow, sequence_numbers: vec![7, 65_535] });
    world.event(1, Event::LinkKeyframe { link: here, flow });
    let (there, _) = *world.edges[0].media.feeds.keys().next().expect("a layer is fed");
    world.event(0, Event::LinkSenderReport { link: there, flow, ntp: 1 << 40, rtp_timestamp: 90, age_ms: 3 });
    let at_publisher = world.edges[0].media.link_commands.join(" ");
    assert!(at_publisher.contains("LinkNack") && at_publisher.contains("[7, 65535]"), "{at_publisher}");
    assert!(at_publisher.contains("LinkKeyframe"), "{at_publisher}");
    assert!(world.edges[1].media.link_commands.join(" ").contains("LinkSenderReport"));
    assert_eq!(world.edges[0].rooms.link_flows()[&link(1)], (1, 0));
    assert_eq!(world.edges[1].rooms.link_flows()[&link(0)], (0, 1));
}

#[test]
fn mute_crosses_and_keeps_the_flow() {
    let mut world = World::new(2);
    let teacher = world.join(0, "teacher");
    let student = world.join(1, "student");
    let microphone = world.microphone(teacher);
    world.ask(teacher, Request::Mute { track_sid: microphone, muted: true });
    assert!(world.client(student).roster["teacher"].tracks[0].muted);
    assert!(world.edges[0].media.sources.values().all(|source| source.is_muted));
    world.pass(Duration::from_secs(3));
    assert_eq!(world.edges[1].media.layers_received(), [0]);
}

#[test]
fn an_edge_that_enters_before_the_control_plane_says_so_gets_nothing_until_then_and_everything_after() {
    let mut world = World::new(2);
    let teacher = world.join(0, "teacher");
    let student = world.join(1, "student");
    world.pass(Duration::from_secs(1));
    assert_eq!(world.identities(teacher), ["student"]);
    // As with a store that is away: edge 1 is in the room and says so, edge 0 does not know yet.
    let now = world.now;
    world.edges[0].rooms.handle_room_peers(now, "class", Vec::<edge_sfu::LinkId>::new());
    world.run();
    let told = world.edges[0].said.len();
    let again = world.edges[1].said.iter().find(|(_, message)| matches!(message, Message::EnterRoom(_)));
    let (_, enter) = again.cloned().expect("edge 1 entered");
    world.edges[0].rooms.handle_link(now, link(1), enter);
    world.camera(teacher);
    world.pass(LINK_GRACE + Duration::from_secs(10));
    assert_eq!(world.edges[0].said.len(), told, "nothing of the room goes to an edge that is not in it");
    assert!(world.identities(teacher).is_empty());

    let now = world.now;
    world.edges[0].rooms.handle_room_peers(now, "class", vec![link(1)]);
    world.run();
    world.pass(Duration::from_secs(1));
    assert_eq!(world.identities(teacher), ["student"]);
    assert_eq!(world.identities(student), ["teacher"]);
    assert_eq!(world.edges[1].media.layers_received(), [2]);
}

/// Found by the simulator (seed 1069): the sending edge had dropped the flow, the pulling one waited for it for ever.
#[test]
fn a_link_taken_out_of_the_room_for_a_moment_carries_media_again() {
    let mut world = World::new(2);
    let teacher = world.join(0, "teacher");
    let student = world.join(1, "student");
    let camera = world.camera(teacher);
    assert_eq!(world.edges[0].media.layers_sent(), [2]);
    for links in [Vec::new(), vec![link(1)]] {
        world.edges[0].rooms.handle_room_peers(world.now, "class", links);
        world.run();
    }
    world.pass(Duration::from_secs(1));
    assert_eq!(world.edges[0].media.layers_sent(), [2]);
    assert_eq!(world.edges[1].media.layers_received(), [2]);
    assert!(world.watch(student, &camera).is_some());
}

/// What an edge remembers of others' entries is bounded: entries that stayed behind would end all sharing one day.
#[test]
fn nothing_of_a_class_stays_on_the_links_whoever_closes_first() {
    for first in [0, 1] {
        let mut world = World::new(2);
        let people = [world.join(0, "teacher"), world.join(1, "student")];
        assert!(world.edges.iter().all(|edge| edge.rooms.entries() == 1));
        let last = 1 - first;
        world.ask(people[first], Request::Leave);
        world.pass(ROOM_LINGER * 2);
        // The control plane knows it a moment later.
        let now = world.now;
        world.edges[last].rooms.handle_room_peers(now, "class", RoomPeers::default());
        world.run();
        world.ask(people[last], Request::Leave);
        world.pass(ROOM_LINGER * 2);
        assert!(world.edges.iter().all(|edge| edge.rooms.entries() == 0), "edge {first} closes first");
    }
}
