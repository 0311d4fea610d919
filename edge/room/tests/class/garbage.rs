//! Nonsense from clients, links and the media thread never panics, and the class goes on.

use bytes::Bytes;
use edge_room::{AddTrack, Request, Simulate, TrackSettings};
use edge_sfu::{Event, LinkId, SessionId, SourceId};
use edge_wire::control::{
    Announce, Codec, EnterRoom, Follow, KeyframeRequest, LeaveRoom, Message, Nack, OriginLost, OriginRoute,
    ParticipantGone, ParticipantUpdate, Quality, RoomCommand, RoomData, SenderReport, Speaker, Speakers,
    Subscribe, SubscriptionRules, Sync, Unsubscribe, Withdraw,
};
use edge_wire::model::{Data, Participant, Room, Track, TrackSource};
use proptest::prelude::*;

use crate::client::Client;
use crate::people::add_track;
use crate::world::{World, link};

/// One nonsense: what, and three numbers to make it of.
type Op = (u8, u8, u8, u8);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn nonsense_from_anywhere_never_panics(ops in proptest::collection::vec(any::<Op>(), 1..80)) {
        let mut world = World::new(2);
        world.room.recording = true;
        let teacher = world.join(0, "teacher");
        let student = world.join(1, "student");
        let camera = world.camera(teacher);
        let names = Names { sids: vec![camera, "TR_x".into(), String::new()], people: people(&world) };
        for op in ops {
            apply(&mut world, &names, op);
        }
        world.pass(std::time::Duration::from_secs(40));
        prop_assert!(world.edges[1].rooms.participants("class").len() < 10);
        let _ = student;
    }

    #[test]
    fn mangled_offers_never_panic(cut in any::<prop::sample::Index>(), put in any::<prop::sample::Index>(), byte in 32_u8..127) {
        let mut world = World::new(1);
        let at = world.join(0, "student");
        let mut client = Client::new();
        client.receive(1, 1);
        client.send("video", "c", &["q", "h", "f"]);
        let mut sdp = client.sdp().into_bytes();
        let position = put.index(sdp.len());
        sdp[position] = byte;
        sdp.truncate(cut.index(sdp.len() * 4).max(1).min(sdp.len()));
        let sdp = String::from_utf8_lossy(&sdp).into_owned();
        world.client(at).is_prompt = false;
        world.ask(at, Request::Offer { id: 2, sdp });
        world.ask(at, Request::AddTrack(add_track("c", TrackSource::Camera)));
    }
}

struct Names {
    sids: Vec<String>,
    people: Vec<Participant>,
}

fn people(world: &World) -> Vec<Participant> {
    let mut people = world.edges[0].rooms.participants("class");
    people.push(Participant {
        sid: "PA_ghost".into(),
        identity: "ghost".into(),
        version: 3,
        ..Participant::default()
    });
    people.push(Participant::default());
    people
}

fn apply(world: &mut World, names: &Names, (what, a, b, c): Op) {
    let sid = names.sids[usize::from(a) % names.sids.len()].clone();
    let edge = usize::from(b % 2);
    match what % 4 {
        0 => {
            let peers: Vec<_> = world.edges[edge].clients.keys().copied().collect();
            if let Some(peer) = peers.get(usize::from(c) % peers.len().max(1)).copied() {
                world.ask((edge, peer), request(sid, what, a, c));
            }
        }
        1 => world.event(edge, event(what, a, c)),
        2 => {
            let message = message(names, sid, (what, a, b, c));
            world.edges[edge].rooms.handle_link(world.now, link(1 - edge), message);
            world.run();
        }
        _ => match c % 4 {
            0 => world.set_link(0, 1, a.is_multiple_of(2)),
            1 => world.pass(std::time::Duration::from_millis(u64::from(a) * 40)),
            2 => {
                let room = if a.is_multiple_of(3) { "class" } else { "elsewhere" };
                let links: Vec<LinkId> = (0..u32::from(a % 4)).map(LinkId).collect();
                world.edges[edge].rooms.handle_room_peers(world.now, room, links);
                world.run();
            }
            _ => {
                let identity = &names.people[usize::from(a) % names.people.len()].identity;
                let _ = world.join(edge, if identity.is_empty() { "someone" } else { identity });
            }
        },
    }
}

fn request(sid: String, what: u8, a: u8, c: u8) -> Request {
    let sids = vec![sid.clone(), "TR_later".into()];
    match what / 4 % 12 {
        0 => Request::Offer { id: u32::from(a), sdp: Client::new().sdp() },
        1 => Request::AddTrack(AddTrack { cid: format!("{}", a % 3), ..add_track("", TrackSource::Camera) }),
        2 => Request::Mute { track_sid: sid, muted: a.is_multiple_of(2) },
        3 => Request::Subscription { track_sids: sids, subscribe: a.is_multiple_of(2) },
        4 => {
            let settings = TrackSettings {
                quality: u32::from(c),
                width: u32::from(a) * 9,
                height: 9,
                ..TrackSettings::default()
            };
            Request::TrackSettings { track_sids: sids, settings }
        }
        5 => Request::SubscriptionPermission { all_participants: a.is_multiple_of(2), allowed: Vec::new() },
        6 => Request::UpdateVideoTrack { track_sid: sid, width: 1 << 31, height: u32::MAX },
        7 => Request::UpdateAudioTrack { track_sid: sid, features: vec![-1] },
        8 => Request::Simulate(Simulate::Speakers { seconds: u32::MAX }),
        9 => Request::Simulate(Simulate::SignalDisconnect),
        10 => Request::Offer { id: 0, sdp: "v=1".into() },
        _ => Request::Leave,
    }
}

fn event(what: u8, a: u8, c: u8) -> Event {
    let (session, source, layer) = (SessionId(u32::from(a % 4)), SourceId(u32::from(a % 6)), c);
    let (at, flow) =
        (if a.is_multiple_of(5) { LinkId::RECORDER } else { LinkId(u32::from(a % 4)) }, u64::from(c));
    match what / 4 % 9 {
        0 => Event::SessionClosed { session, reason: "test" },
        1 => Event::ChannelOpen { session, label: "_reliable".into() },
        2 => Event::Data { session, label: "?".into(), binary: false, payload: Bytes::new() },
        3 => Event::LayerStarted { source, layer },
        4 => Event::LayerStopped { source, layer },
        5 => Event::LinkNack { link: at, flow, sequence_numbers: vec![1] },
        6 => Event::LinkSenderReport { link: at, flow, ntp: 0, rtp_timestamp: 0, age_ms: 0 },
        7 => Event::Speakers { levels: vec![(source, f32::NAN), (SourceId(1), f32::INFINITY)] },
        _ => Event::Quality { session, loss_down: f32::NAN, loss_up: -1.0, rtt_ms: Some(f32::NAN) },
    }
}

fn message(names: &Names, track_sid: String, (what, a, b, c): Op) -> Message {
    let room = if b.is_multiple_of(5) { "elsewhere".to_owned() } else { "class".to_owned() };
    let record =
        Room { name: room.clone(), sid: "RM_1".into(), recording: a.is_multiple_of(2), ..Room::default() };
    let mut participant = names.people[usize::from(a) % names.people.len()].clone();
    participant.joined_at_ms = u64::from(c) * 1_000_000_000_000;
    participant.tracks.push(Track { sid: track_sid.clone(), ..Track::default() });
    let participant_sid = participant.sid.clone();
    let flow = u64::from(c % 8);
    match what / 4 % 22 {
        18 => Message::OriginRoute(OriginRoute {
            room,
            hops: vec![format!("edge-{}", a % 3), format!("edge-{}", c % 2)],
            epoch: u64::from(c % 2),
            leaving: u32::from(b) << 24,
        }),
        19 => Message::OriginLost(OriginLost { room, node_id: format!("edge-{}", a % 3) }),
        20 => Message::Follow(Follow {
            room,
            node_id: format!("edge-{}", a % 3),
            number: u64::from(c),
            after: u64::from(b),
            ..Follow::default()
        }),
        21 => Message::Sync(Sync {
            room,
            node_id: format!("edge-{}", a % 3),
            number: u64::from(c),
            full: a.is_multiple_of(2),
            end: b.is_multiple_of(2),
            ..Sync::default()
        }),
        0 => Message::EnterRoom(EnterRoom {
            room: record,
            session: u64::from(c % 3),
            answers: u64::from(a % 5),
            spare: a.is_multiple_of(7),
        }),
        1 => Message::LeaveRoom(LeaveRoom { room }),
        2 | 3 => Message::Participant(ParticipantUpdate { room, participant, change: u64::from(c) }),
        4 => Message::ParticipantGone(ParticipantGone {
            room,
            sid: participant_sid,
            ..ParticipantGone::default()
        }),
        5 | 6 => Message::Announce(Announce {
            room,
            track_sid,
            participant_sid,
            hops: vec![format!("edge-{}", a % 3), format!("edge-{}", c % 2)],
            cost: u32::MAX - u32::from(b),
            codec: Codec {
                mime_type: if c.is_multiple_of(3) { "video/?" } else { "video/VP8" }.into(),
                ..Codec::default()
            },
            layers: u32::from(c) * 3,
        }),
        7 => Message::Withdraw(Withdraw { room, track_sid }),
        8 | 9 => Message::Subscribe(Subscribe { room, track_sid, layer: u32::from(c), flow }),
        10 => Message::Unsubscribe(Unsubscribe { flow }),
        11 => Message::Keyframe(KeyframeRequest { flow }),
        12 => Message::Nack(Nack { flow, sequence_numbers: vec![70_000; 600] }),
        13 => Message::SenderReport(SenderReport { flow, ntp: 0, rtp_timestamp: 0, age_ms: 0 }),
        14 => {
            let data = Data { destinations: vec![String::new()], reliable: true, ..Data::default() };
            Message::Data(RoomData {
                room,
                data,
                node_id: format!("edge-{}", a % 3),
                number: u64::from(a),
                follow: u64::from(c),
                passed: 0,
            })
        }
        15 => Message::Speakers(Speakers {
            room,
            speakers: vec![Speaker { participant_sid, level: f32::NAN }],
            ..Speakers::default()
        }),
        16 => Message::Quality(Quality {
            room,
            participant_sid,
            quality: u32::from(c),
            score: f32::NAN,
            ..Quality::default()
        }),
        _ if c.is_multiple_of(2) => {
            Message::Command(RoomCommand { room, identity: participant.identity, ..RoomCommand::default() })
        }
        _ => Message::SubscriptionRules(SubscriptionRules {
            room,
            participant_sid,
            all_participants: false,
            ..SubscriptionRules::default()
        }),
    }
}
