//! Signalling frames as clients write and read them.

use std::collections::BTreeMap;

use control_plane_api::join::EdgeChoice;
use edge_room::{
    LeaveAction, LeaveReason, Notice, Request, RequestError, RequestErrorKind, Simulate, TrackSettings,
};
use edge_signaling::IceServer;
use edge_signaling::lk::{
    Context, DecodeError, Incoming, PUBLISH_CODECS, REQUEST_BYTES_MAX, SERVER_VERSION, decode_request,
    encode_notice,
};
use edge_wire::{control, model};
use livekit_protocol as proto;
use livekit_protocol::signal_request::Message as Ask;
use livekit_protocol::signal_response::Message as Tell;
use proptest::prelude::*;
use prost::Message as _;

fn decode(message: Ask) -> Vec<Incoming> {
    let bytes = proto::SignalRequest { message: Some(message) }.encode_to_vec();
    decode_request(&bytes).expect("a well-formed frame")
}

fn ask(message: Ask) -> Request {
    match decode(message).pop() {
        Some(Incoming::Room(request)) => request,
        other => panic!("not for the room: {other:?}"),
    }
}

fn tell(notice: &Notice) -> Tell {
    tell_with(notice, &[])
}

fn tell_with(notice: &Notice, edges: &[EdgeChoice]) -> Tell {
    let servers =
        [IceServer { urls: vec!["turn:edge:443".into()], username: "u".into(), credential: "c".into() }];
    let context = Context {
        node_id: "edge-jeju",
        region: "jeju",
        ice_servers: &servers,
        publish_codecs: PUBLISH_CODECS,
        last_sequence: 42,
        edges,
    };
    let frames = encode_notice(notice, &context);
    read(frames.first().expect("a frame"))
}

fn read(frame: &[u8]) -> Tell {
    proto::SignalResponse::decode(frame).expect("a frame").message.expect("a message")
}

fn participant() -> model::Participant {
    model::Participant {
        sid: "PA_1".into(),
        identity: "minji".into(),
        name: "민지".into(),
        kind: model::ParticipantKind::Agent as i32,
        metadata: "{}".into(),
        attributes: BTreeMap::from([("hand".into(), "1".into())]),
        permission: model::Permission {
            can_subscribe: true,
            can_publish_sources: vec![2],
            ..Default::default()
        },
        joined_at_ms: 1_800_000_000_123,
        version: 3,
        state: model::ParticipantState::Active as i32,
        tracks: vec![track()],
        client_protocol: 2,
        capabilities: vec![2],
        node_id: "edge-jeju".into(),
        region: "jeju".into(),
        is_publisher: true,
    }
}

fn track() -> model::Track {
    model::Track {
        sid: "TR_1".into(),
        kind: model::TrackKind::Video as i32,
        source: model::TrackSource::ScreenShare as i32,
        mime_type: "video/H264".into(),
        width: 1280,
        height: 720,
        simulcast: true,
        layers: vec![
            model::VideoLayer { rid: "q".into(), quality: 0, width: 320, height: 180, bitrate_bps: 1 },
            model::VideoLayer { rid: "f".into(), quality: 2, width: 1280, height: 720, bitrate_bps: 2 },
        ],
        ..model::Track::default()
    }
}

fn room() -> model::Room {
    model::Room {
        sid: "RM_1".into(),
        name: "붓글씨".into(),
        created_at_ms: 1_800_000_000_456,
        recording: true,
        ..Default::default()
    }
}

#[test]
fn a_camera_in_three_layers_is_announced() {
    let layer =
        |quality, width| proto::VideoLayer { quality, width, height: width / 2, ..Default::default() };
    let request = ask(Ask::AddTrack(proto::AddTrackRequest {
        cid: "cam".into(),
        r#type: proto::TrackType::Video as i32,
        source: proto::TrackSource::Camera as i32,
        width: 1280,
        layers: vec![layer(2, 1280), layer(0, 320), layer(1, 640)],
        simulcast_codecs: vec![proto::SimulcastCodec {
            codec: "vp8".into(),
            cid: "cam".into(),
            ..Default::default()
        }],
        ..Default::default()
    }));
    let Request::AddTrack(add) = request else { panic!("not AddTrack") };
    assert_eq!((add.cid.as_str(), add.codecs.as_slice()), ("cam", &["video/vp8".to_owned()][..]));
    let layers: Vec<_> = add.track.layers.iter().map(|l| (l.rid.as_str(), l.quality, l.width)).collect();
    assert_eq!(layers, [("q", 0, 320), ("h", 1, 640), ("f", 2, 1280)], "lowest first, with the usual RIDs");
    assert!(add.track.simulcast);
    assert_eq!(add.track.kind(), model::TrackKind::Video);
}

#[test]
fn a_single_layer_and_a_microphone_are_announced() {
    let video = proto::AddTrackRequest {
        r#type: proto::TrackType::Video as i32,
        layers: vec![proto::VideoLayer { quality: 2, rid: "f".into(), ..Default::default() }],
        ..Default::default()
    };
    let Request::AddTrack(add) = ask(Ask::AddTrack(video)) else { panic!("not AddTrack") };
    assert_eq!((add.track.layers.len(), add.track.layers[0].rid.as_str()), (1, ""), "one layer has no RID");
    assert!(!add.track.simulcast);

    let audio = proto::AddTrackRequest {
        audio_features: vec![
            proto::AudioTrackFeature::TfStereo as i32,
            proto::AudioTrackFeature::TfNoDtx as i32,
        ],
        ..Default::default()
    };
    let Request::AddTrack(add) = ask(Ask::AddTrack(audio)) else { panic!("not AddTrack") };
    assert!(add.track.stereo && add.track.disable_dtx && add.track.layers.is_empty());
}

#[test]
fn subscriptions_settings_and_metadata_reach_the_room() {
    let subscription = proto::UpdateSubscription {
        track_sids: vec!["TR_1".into()],
        subscribe: true,
        participant_tracks: vec![proto::ParticipantTracks {
            participant_sid: "PA_1".into(),
            track_sids: vec!["TR_2".into()],
        }],
    };
    let expected = Request::Subscription { track_sids: vec!["TR_1".into(), "TR_2".into()], subscribe: true };
    assert_eq!(ask(Ask::Subscription(subscription)), expected);

    let setting = |quality: proto::VideoQuality| proto::UpdateTrackSettings {
        track_sids: vec!["TR_1".into()],
        quality: quality as i32,
        width: 640,
        ..Default::default()
    };
    let settings = |disabled, quality| Request::TrackSettings {
        track_sids: vec!["TR_1".into()],
        settings: TrackSettings { disabled, quality, width: 640, ..Default::default() },
    };
    assert_eq!(ask(Ask::TrackSetting(setting(proto::VideoQuality::Medium))), settings(false, 1));
    assert_eq!(ask(Ask::TrackSetting(setting(proto::VideoQuality::Off))), settings(true, 2));

    let update = proto::UpdateParticipantMetadata {
        request_id: 4,
        attributes: [("hand".to_owned(), String::new())].into(),
        ..Default::default()
    };
    let expected = Request::UpdateMetadata {
        request_id: 4,
        metadata: None,
        name: None,
        attributes: BTreeMap::from([("hand".into(), String::new())]),
    };
    assert_eq!(ask(Ask::UpdateMetadata(update)), expected);
}

#[test]
fn faults_are_mapped_and_foreign_ones_passed_over() {
    use proto::simulate_scenario::Scenario;
    let simulate = |scenario| decode(Ask::Simulate(proto::SimulateScenario { scenario: Some(scenario) }));
    let room = |fault| vec![Incoming::Room(Request::Simulate(fault))];
    assert_eq!(
        simulate(Scenario::LeaveRequestFullReconnect(true)),
        room(Simulate::ServerLeave { reconnect: true })
    );
    assert_eq!(simulate(Scenario::SpeakerUpdate(-1)), room(Simulate::Speakers { seconds: 0 }));
    assert_eq!(simulate(Scenario::SwitchCandidateProtocol(1)), []);
}

#[test]
fn both_pings_are_answered_in_their_own_form() {
    let pong = |message| match decode(message).pop() {
        Some(Incoming::Ping(ping)) => read(&ping.pong(1_800_000_000_000)),
        other => panic!("not a ping: {other:?}"),
    };
    let ping = Ask::PingReq(proto::Ping { timestamp: 5, rtt: 20 });
    assert_eq!(
        pong(ping),
        Tell::PongResp(proto::Pong { last_ping_timestamp: 5, timestamp: 1_800_000_000_000 })
    );
    assert_eq!(pong(Ask::Ping(5)), Tell::Pong(1_800_000_000_000));
}

#[test]
fn data_tracks_are_refused_so_that_their_caller_does_not_wait() {
    let publish = proto::PublishDataTrackRequest { pub_handle: 3, name: "geo".into(), ..Default::default() };
    let Some(Incoming::Reply(frame)) = decode(Ask::PublishDataTrackRequest(publish.clone())).pop() else {
        panic!("no reply")
    };
    let Tell::RequestResponse(response) = read(&frame) else { panic!("no response") };
    assert_eq!(response.reason(), proto::request_response::Reason::UnsupportedType);
    assert_eq!(response.request, Some(proto::request_response::Request::PublishDataTrack(publish)));
}

#[test]
fn frames_too_long_malformed_or_of_the_future() {
    let long = vec![0; REQUEST_BYTES_MAX + 1];
    assert!(matches!(decode_request(&long), Err(DecodeError::TooLong { .. })));
    assert!(matches!(decode_request(&[0x0a, 0xff]), Err(DecodeError::Malformed(_))));
    // Field 500, length 1: a message this edge has never heard of.
    assert_eq!(decode_request(&[0xa2, 0x1f, 0x01, 0x00]), Ok(Vec::new()));
}

#[test]
fn a_join_has_everything_clients_insist_on() {
    let joined = Notice::Joined {
        participant: participant(),
        room: room(),
        others: vec![participant()],
        num_participants: 2,
    };
    let Tell::Join(join) = tell(&joined) else { panic!("not a join") };
    let room = join.room.expect("a room");
    assert_eq!((room.sid.as_str(), room.num_participants, room.active_recording), ("RM_1", 2, true));
    assert_eq!((room.creation_time, room.creation_time_ms), (1_800_000_000, 1_800_000_000_456));
    assert_eq!(join.participant.expect("oneself").sid, "PA_1");
    assert_eq!(join.other_participants.len(), 1);
    let info = join.server_info.expect("server info");
    assert_eq!(
        (info.version.as_str(), info.protocol),
        (SERVER_VERSION, 16),
        "at 17 and 18 clients expect more"
    );
    assert_eq!((info.region.as_str(), info.node_id.as_str()), ("jeju", "edge-jeju"));
    assert_eq!(join.server_version, SERVER_VERSION);
    assert!(join.ping_interval > 0 && join.ping_timeout > join.ping_interval);
    assert!(!join.subscriber_primary, "data would wait for a second connection that never comes");
    assert!(join.fast_publish);
    assert_eq!(join.ice_servers[0].urls, ["turn:edge:443"]);
    assert_eq!(join.enabled_publish_codecs.len(), PUBLISH_CODECS.len());
    assert!(!join.sif_trailer.is_empty());
}

#[test]
#[expect(deprecated, reason = "clients still read layers beside codecs")]
fn a_participant_keeps_every_field() {
    let Tell::Update(update) = tell(&Notice::Participants(vec![participant()])) else {
        panic!("not an update")
    };
    let info = &update.participants[0];
    assert_eq!(info.state(), proto::participant_info::State::Active);
    assert_eq!(info.kind(), proto::participant_info::Kind::Agent);
    assert_eq!((info.joined_at, info.joined_at_ms), (1_800_000_000, 1_800_000_000_123));
    assert_eq!((info.version, info.client_protocol, info.capabilities.as_slice()), (3, 2, &[2][..]));
    assert_eq!(
        (info.region.as_str(), info.attributes["hand"].as_str(), info.is_publisher),
        ("jeju", "1", true)
    );
    let permission = info.permission.as_ref().expect("a permission");
    assert!(permission.can_subscribe && !permission.can_publish && permission.can_publish_sources == [2]);
    let track = &info.tracks[0];
    assert_eq!((track.r#type(), track.source()), (proto::TrackType::Video, proto::TrackSource::ScreenShare));
    assert_eq!(
        (track.width, track.height, track.layers.len(), track.layers[1].rid.as_str()),
        (1280, 720, 2, "f")
    );
    assert_eq!(track.codecs[0].mime_type, "video/H264");
    assert_eq!(track.codecs[0].layers, track.layers);
}

#[test]
fn a_track_without_a_codec_yet_names_none() {
    let track = model::Track { mime_type: String::new(), ..track() };
    let notice = Notice::TrackPublished { cid: "cam".into(), track };
    let Tell::TrackPublished(published) = tell(&notice) else { panic!("not published") };
    assert_eq!(published.cid, "cam");
    assert!(published.track.expect("a track").codecs.is_empty(), "clients switch to the first codec named");
}

#[test]
fn a_resume_is_answered_first_and_then_brought_up_to_date() {
    let notice = Notice::Resumed { room: room(), others: vec![participant()], num_participants: 2 };
    let context = Context {
        node_id: "e",
        region: "r",
        ice_servers: &[],
        publish_codecs: &[],
        last_sequence: 42,
        edges: &[],
    };
    let frames: Vec<Tell> = encode_notice(&notice, &context).iter().map(|frame| read(frame)).collect();
    let [Tell::Reconnect(reconnect), Tell::RoomUpdate(_), Tell::Update(update)] = frames.as_slice() else {
        panic!("other frames: {frames:?}")
    };
    assert_eq!(reconnect.last_message_seq, 42);
    assert_eq!(update.participants.len(), 1);
    assert_eq!(encode_notice(&Notice::Drop, &context), Vec::<Vec<u8>>::new());
}

#[test]
#[expect(deprecated, reason = "clients before codec lists read the plain list")]
fn small_notices() {
    let answer = Notice::Answer {
        id: 7,
        sdp: "v=0".into(),
        mid_to_track: BTreeMap::from([("3".into(), "TR_1".into())]),
    };
    let Tell::Answer(answer) = tell(&answer) else { panic!("not an answer") };
    assert_eq!(
        (answer.r#type.as_str(), answer.id, answer.mid_to_track_id["3"].as_str()),
        ("answer", 7, "TR_1")
    );

    let speakers = vec![
        control::Speaker { participant_sid: "PA_1".into(), level: 0.5 },
        control::Speaker { participant_sid: "PA_2".into(), level: 0.0 },
    ];
    let Tell::SpeakersChanged(changed) = tell(&Notice::Speakers(speakers)) else { panic!("not speakers") };
    assert_eq!(changed.speakers.iter().map(|s| s.active).collect::<Vec<_>>(), [true, false]);

    let quality = |mime: &str| Notice::SubscribedQuality {
        track_sid: "TR_1".into(),
        mime_type: mime.into(),
        qualities: vec![(0, true), (2, false)],
    };
    let Tell::SubscribedQualityUpdate(update) = tell(&quality("video/VP8")) else { panic!("not qualities") };
    assert_eq!(update.subscribed_codecs[0].codec, "vp8", "clients compare with their own short name");
    assert_eq!(update.subscribed_qualities.len(), 2);
    let Tell::SubscribedQualityUpdate(update) = tell(&quality("")) else { panic!("not qualities") };
    assert!(update.subscribed_codecs.is_empty(), "an unknown codec would be published as a second one");

    let error = RequestError { kind: RequestErrorKind::NotAllowed, message: "no".into() };
    let done = Notice::RequestDone { request_id: 4, error: Some(error) };
    let Tell::RequestResponse(response) = tell(&done) else { panic!("not a response") };
    assert_eq!((response.request_id, response.reason()), (4, proto::request_response::Reason::NotAllowed));

    let leave = Notice::Leave { reason: LeaveReason::StateMismatch, action: LeaveAction::Reconnect };
    let Tell::Leave(leave) = tell(&leave) else { panic!("not a leave") };
    assert_eq!(leave.reason(), proto::DisconnectReason::StateMismatch);
    assert_eq!(leave.action(), proto::leave_request::Action::Reconnect);
    assert!(leave.can_reconnect && leave.regions.is_none());
}

#[test]
fn a_client_that_is_sent_away_is_told_where_to() {
    let edge = |id: &str, region: &str, distance_km| EdgeChoice {
        id: id.into(),
        region: region.into(),
        url: format!("https://{id}.example"),
        distance_km,
        reason: "nearest".into(),
    };
    let edges = [edge("jeju-edge-2", "jeju", None), edge("seoul-edge", "seoul", Some(453.2))];
    let goes = |action| {
        let leave = Notice::Leave { reason: LeaveReason::ServerShutdown, action };
        let Tell::Leave(leave) = tell_with(&leave, &edges) else { panic!("not a leave") };
        let regions = leave.regions.map(|told| told.regions).unwrap_or_default();
        regions.into_iter().map(|one| (one.region, one.url, one.distance)).collect::<Vec<_>>()
    };
    let told = [("jeju", "https://jeju-edge-2.example", 0), ("seoul", "https://seoul-edge.example", 453_200)];
    let told = told.map(|(region, url, distance)| (region.to_owned(), url.to_owned(), distance));
    assert_eq!(goes(LeaveAction::Reconnect), told);
    assert_eq!(goes(LeaveAction::Disconnect), [], "who is put out goes nowhere");
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode_request(&bytes);
    }

    /// A real oneof tag followed by noise gets past the first check.
    #[test]
    fn damaged_requests_never_panic(tag in 1u8..24, bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let mut frame = vec![(tag << 3) & 0x7f | 2, bytes.len() as u8];
        frame.extend_from_slice(&bytes);
        let _ = decode_request(&frame);
    }
}
