//! Subscriptions: sections asked for, bindings, wants, permissions, players that negotiate once.

use std::time::Duration;

use edge_room::{Notice, Request, TrackPermission, TrackSettings};
use edge_sfu::{SessionId, Target};
use edge_wire::model::TrackSource;

use crate::client::Client;
use crate::people::permission;
use crate::world::World;

fn sections(client: &Client) -> Vec<(u32, u32)> {
    let asked = |notice: &Notice| match notice {
        Notice::MediaSections { audio, video } => Some((*audio, *video)),
        _ => None,
    };
    client.notices.iter().filter_map(asked).collect()
}

#[test]
fn sections_are_asked_for_once_per_shortage() {
    let mut world = World::new(1);
    let teacher = world.join(0, "teacher");
    let student = world.join(0, "student");
    world.client(student).is_prompt = false;
    let microphone = world.microphone(teacher);
    let camera = world.camera(teacher);
    let screen = world.publish(teacher, "video", TrackSource::ScreenShare, &[]);
    assert_eq!(sections(world.client(student)), [(1, 0), (0, 1), (0, 1)], "each shortage once");
    // An offer that crossed the requests does not make them be repeated.
    let crossing = Request::Offer { id: 99, sdp: Client::new().sdp() };
    world.ask(student, crossing);
    assert_eq!(sections(world.client(student)).len(), 3);
    world.offer(student);
    let tracks = world.client(student).tracks.clone();
    for sid in [&microphone, &camera, &screen] {
        assert!(tracks.contains_key(sid));
    }
    assert_eq!(sections(world.client(student)).len(), 3);
    let client = world.client(student);
    let own = format!("a=msid:{}|{camera} {camera}", client.roster["teacher"].sid);
    assert!(client.is_answered(tracks[&camera].parse().expect("a number"), &own), "{}", client.answer);
}

#[test]
fn free_sections_of_the_first_offer_are_used_and_bindings_stay() {
    let mut world = World::new(1);
    let teacher = world.join(0, "teacher");
    let camera = world.camera(teacher);
    let join = world.join_request("student");
    let mut client = Client::new();
    client.receive(3, 3);
    let student = world.join_with(0, join, client).expect("there is room");
    assert_eq!(sections(world.client(student)), [], "nothing has to be asked for");
    let mid = world.client(student).tracks[&camera].clone();
    let unused = world.client(student).lines.len() - 1;
    assert!(world.client(student).is_answered(unused, "a=inactive"));
    let microphone = world.microphone(teacher);
    assert_eq!(sections(world.client(student)), [(0, 0)], "a free section needs an offer only");
    assert_eq!(world.client(student).tracks[&camera], mid);
    assert!(world.client(student).tracks.contains_key(&microphone));
    let ssrcs = |world: &World| -> Vec<u32> {
        world.edges[0].media.sessions[&SessionId(student.1.0)].outgoing.iter().map(|o| o.ssrc).collect()
    };
    let before = ssrcs(&world);
    world.offer(student);
    assert_eq!(ssrcs(&world), before, "a stream keeps its SSRC over offers");
}

#[test]
fn a_freed_section_is_answered_inactive_before_it_carries_another_track() {
    let mut world = World::new(1);
    let teacher = world.join(0, "teacher");
    let student = world.join(0, "student");
    let first = world.camera(teacher);
    let mid: usize = world.client(student).tracks[&first].parse().expect("a number");
    world.client(student).is_prompt = false;
    let asked = sections(world.client(student)).len();
    world.client(teacher).lines[1].direction = "inactive";
    world.offer(teacher);
    let second = world.publish(teacher, "video", TrackSource::ScreenShare, &[]);
    assert_eq!(sections(world.client(student))[asked..], [(0, 0)], "one offer serves both");
    world.offer(student);
    assert!(world.client(student).is_answered(mid, "a=inactive"));
    assert!(world.client(student).wants_offer, "it is asked to offer once more");
    world.offer(student);
    assert_eq!(world.client(student).tracks[&second], mid.to_string());
    assert!(world.client(student).is_answered(mid, "a=sendonly"));
}

#[test]
fn what_is_wanted_is_sent_and_nothing_else() {
    let mut world = World::new(1);
    let teacher = world.join(0, "teacher");
    let mut join = world.join_request("student");
    join.auto_subscribe = false;
    let student = world.join_with(0, join, Client::new()).expect("there is room");
    let camera = world.camera(teacher);
    assert!(world.watch(student, &camera).is_none());
    let subscribe = |subscribe| Request::Subscription { track_sids: vec![camera.clone()], subscribe };
    // A client may say how it wants a track before it subscribes to it.
    let settings = TrackSettings { width: 320, height: 180, ..TrackSettings::default() };
    world.ask(student, Request::TrackSettings { track_sids: vec![camera.clone()], settings });
    world.ask(student, subscribe(true));
    let target = world.watch(student, &camera).expect("subscribed").target;
    assert_eq!(target, Target { layer: 0, paused: false });
    assert_eq!(world.client(teacher).count(|n| matches!(n, Notice::TrackSubscribed { .. })), 1);
    let settings = TrackSettings { disabled: true, quality: 2, ..TrackSettings::default() };
    world.ask(student, Request::TrackSettings { track_sids: vec![camera.clone()], settings });
    let target = world.watch(student, &camera).expect("subscribed").target;
    assert_eq!(target, Target { layer: 2, paused: true });
    world.ask(student, subscribe(false));
    assert!(world.watch(student, &camera).is_none());
    world.ask(student, subscribe(true));
    assert!(world.watch(student, &camera).is_some());
    assert_eq!(world.client(teacher).count(|n| matches!(n, Notice::TrackSubscribed { .. })), 1, "told once");
}

#[test]
fn dynacast_tells_the_publisher_less_late_and_more_at_once() {
    let mut world = World::new(1);
    let teacher = world.join(0, "teacher");
    let student = world.join(0, "student");
    let camera = world.camera(teacher);
    let told = |world: &mut World| -> Vec<Vec<bool>> {
        let told = |notice: &Notice| match notice {
            Notice::SubscribedQuality { qualities, .. } => {
                Some(qualities.iter().map(|(_, on)| *on).collect())
            }
            _ => None,
        };
        world.client(teacher).notices.iter().filter_map(told).collect()
    };
    let want = |quality, disabled| Request::TrackSettings {
        track_sids: vec![camera.clone()],
        settings: TrackSettings { quality, disabled, ..TrackSettings::default() },
    };
    world.pass(Duration::from_secs(5));
    assert!(told(&mut world).is_empty(), "the top layer is watched from the start");
    world.ask(student, want(0, false));
    world.pass(Duration::from_millis(1_900));
    assert!(told(&mut world).is_empty());
    world.pass(Duration::from_millis(200));
    assert_eq!(told(&mut world), [vec![true, false, false]]);
    world.ask(student, want(1, false));
    assert_eq!(told(&mut world).last(), Some(&vec![true, true, false]), "more is told at once");
    world.ask(student, want(1, true));
    world.pass(Duration::from_secs(3));
    assert_eq!(told(&mut world).last(), Some(&vec![false, false, false]));
}

#[test]
fn the_publisher_decides_who_may_watch_on_every_edge() {
    let mut world = World::new(2);
    let teacher = world.join(0, "teacher");
    let near = world.join(0, "near");
    let far = world.join(1, "far");
    let camera = world.camera(teacher);
    let rules = |all_participants, allowed: &[&str]| Request::SubscriptionPermission {
        all_participants,
        allowed: allowed
            .iter()
            .map(|identity| TrackPermission {
                participant_sid: String::new(),
                identity: (*identity).to_owned(),
                all_tracks: true,
                track_sids: Vec::new(),
            })
            .collect(),
    };
    world.ask(teacher, rules(true, &[]));
    assert!(world.watch(near, &camera).is_some() && world.watch(far, &camera).is_some());
    world.ask(teacher, rules(false, &["near"]));
    assert!(world.watch(near, &camera).is_some());
    assert!(world.watch(far, &camera).is_none());
    let told = |world: &mut World, allowed: bool| {
        world
            .client(far)
            .count(|n| matches!(n, Notice::SubscriptionPermission { allowed: a, .. } if *a == allowed))
    };
    assert_eq!(told(&mut world, false), 1);
    let late = world.join(1, "late");
    assert!(world.watch(late, &camera).is_none(), "who comes later is held to it as well");
    world.ask(teacher, rules(false, &["far"]));
    assert!(world.watch(near, &camera).is_none());
    assert!(world.watch(far, &camera).is_some());
    assert_eq!(told(&mut world, true), 1);
}

#[test]
fn a_track_the_client_cannot_decode_is_refused_and_the_rest_goes_on() {
    let mut world = World::new(1);
    let teacher = world.join(0, "teacher");
    let join = world.join_request("student");
    let mut client = Client::new();
    client.codecs = "H264";
    client.receive(1, 1);
    let student = world.join_with(0, join, client).expect("there is room");
    let camera = world.camera(teacher);
    let microphone = world.microphone(teacher);
    assert!(world.watch(student, &camera).is_none());
    assert!(world.watch(student, &microphone).is_some());
    let refused = |n: &Notice| matches!(n, Notice::SubscriptionPermission { track_sid, allowed: false, .. } if *track_sid == camera);
    assert_eq!(world.client(student).count(refused), 1);
}

#[test]
fn a_player_that_negotiates_once_gets_what_is_published_later() {
    let mut world = World::new(1);
    let mut join = world.join_request("player");
    join.is_whep = true;
    join.permission = edge_wire::model::Permission { hidden: true, can_publish: false, ..permission() };
    let mut client = Client::new();
    client.receive(1, 1);
    let player = world.join_with(0, join, client).expect("there is room");
    assert!(world.client(player).is_answered(2, "a=sendonly"), "{}", world.client(player).answer);
    let teacher = world.join(0, "teacher");
    let camera = world.camera(teacher);
    world.microphone(teacher);
    let session = SessionId(player.1.0);
    let first = world.edges[0].media.sessions[&session].clone_watches();
    assert_eq!(first.len(), 2);
    assert_eq!(first["2"].payload_type, 96);
    world.client(teacher).lines[1].direction = "inactive";
    world.offer(teacher);
    assert_eq!(world.edges[0].media.sessions[&session].clone_watches().len(), 1);
    let screen = world.publish(teacher, "video", TrackSource::ScreenShare, &[]);
    assert_ne!(screen, camera);
    assert_eq!(world.edges[0].media.sessions[&session].clone_watches().len(), 2);
    assert_eq!(world.client(player).offers, 1);
    assert_eq!(sections(world.client(player)), []);
}
