//! `edge-signaling`: what a client of the LiveKit wire sends, and the room that hears it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge_signaling::lk::{self, DataState, Incoming, Version};
use livekit_protocol as proto;
use livekit_protocol::signal_request::Message;
use prost::Message as _;

use super::{NOW_S, OFFERS, key, sdp, token};
use crate::Target;
use crate::steps::{Steps, write};
use crate::targets::doors::Desk;

/// The query of a connect.
pub const CONNECT: Target = Target {
    name: "signal_connect",
    what: "edge-signaling: the query and join request of a connect",
    run: connect,
    seeds: connect_seeds,
    is_steps: false,
    words: &[
        b"&join_request=",
        b"access_token=",
        b"%2",
        b"%ff",
        b"&reconnect=1",
        b"&sid=PA_",
        b"&auto_subscribe=",
        b"&protocol=",
        b"&sdk=js",
        b"&=",
    ],
};

/// Frames of a WebSocket, given to a room.
pub const REQUESTS: Target = Target {
    name: "signal_requests",
    what: "edge-signaling, edge-room: signal requests of a joined client",
    run: requests,
    seeds: request_seeds,
    is_steps: true,
    words: sdp::WORDS,
};

/// Messages of the data channels.
pub const DATA: Target = Target {
    name: "data_packets",
    what: "edge-signaling: packets on a client's data channels",
    run: data,
    seeds: data_seeds,
    is_steps: true,
    words: &[b"lk.chat", b"minji", b"PA_1", b"\x12", b"\x22"],
};

/// The query as it comes; then as a join request, plain and behind a good token.
fn connect(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let keys = [key()];
    for version in [Version::V1, Version::V0] {
        let _ = lk::parse_connect(version, &text, None, &keys, NOW_S);
        let _ = lk::parse_connect(version, &text, Some(&text), &keys, NOW_S);
        let _ = lk::parse_connect(version, &text, Some(&format!("Bearer {}", token())), &keys, NOW_S);
    }
    let wrapped = |compression, join_request: &[u8]| {
        let join_request = join_request.to_vec();
        proto::WrappedJoinRequest { compression, join_request }.encode_to_vec()
    };
    for parameter in [input.to_vec(), wrapped(0, input), wrapped(1, input)] {
        let query = format!("access_token={}&join_request={}", token(), URL_SAFE_NO_PAD.encode(parameter));
        if let Ok(connect) = lk::parse_connect(Version::V1, &query, None, &keys, NOW_S) {
            let _ = connect.join(edge_wire::model::Room::default(), NOW_S * 1_000);
        }
    }
}

/// Kind 1: a frame. Any other: time passes, as many tenths of a second.
fn requests(input: &[u8]) {
    let mut desk = Desk::new();
    for (kind, body) in Steps::of(input).take(64) {
        if kind != 1 {
            desk.wait(kind);
            continue;
        }
        let Ok(incoming) = lk::decode_request(body) else { continue };
        for incoming in incoming {
            match incoming {
                Incoming::Room(request) => desk.ask(request),
                Incoming::Ping(ping) => drop(ping.pong(NOW_S * 1_000)),
                Incoming::SyncState(_) | Incoming::Trickle | Incoming::Reply(_) => {}
            }
        }
    }
}

/// Kind: reliable or not.
fn data(input: &[u8]) {
    let mut state = DataState::default();
    for (kind, body) in Steps::of(input).take(256) {
        let payload = bytes::Bytes::copy_from_slice(body);
        let Ok(Some(stamped)) = state.stamp(&payload, "PA_1", "minji", kind & 1 == 1) else { continue };
        let packet = proto::DataPacket::decode(stamped.data.payload).expect("what is relayed is a packet");
        assert_eq!(
            (packet.participant_sid.as_str(), packet.participant_identity.as_str()),
            ("PA_1", "minji")
        );
    }
}

fn connect_seeds() -> Vec<Vec<u8>> {
    let join = proto::JoinRequest {
        client_info: Some(proto::ClientInfo { version: "2.23.0".into(), protocol: 16, ..Default::default() }),
        connection_settings: Some(proto::ConnectionSettings { auto_subscribe: true, ..Default::default() }),
        metadata: "{}".into(),
        participant_attributes: [("hand".to_owned(), "1".to_owned())].into(),
        publisher_offer: Some(description(OFFERS[3])),
        ..Default::default()
    };
    vec![
        join.encode_to_vec(),
        format!("access_token={}&auto_subscribe=1&sdk=js&version=2.23.0&protocol=16", token()).into(),
        b"reconnect=1&sid=PA_1&reconnect_reason=1&join_request=AAAA".to_vec(),
        // Gzip of nothing.
        vec![31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ]
}

fn description(sdp: &str) -> proto::SessionDescription {
    proto::SessionDescription { r#type: "offer".into(), sdp: sdp.into(), id: 1, ..Default::default() }
}

fn request_seeds() -> Vec<Vec<u8>> {
    let frame = |message| proto::SignalRequest { message: Some(message) }.encode_to_vec();
    let add = proto::AddTrackRequest {
        cid: "cam".into(),
        r#type: proto::TrackType::Video as i32,
        source: proto::TrackSource::Camera as i32,
        width: 1_280,
        height: 720,
        ..Default::default()
    };
    let settings = proto::UpdateTrackSettings {
        track_sids: vec!["TR_1".into()],
        quality: 1,
        width: 320,
        ..Default::default()
    };
    let metadata =
        proto::UpdateParticipantMetadata {
            metadata: "{}".into(), name: "민지".into(), ..Default::default()
        };
    let subscription =
        proto::UpdateSubscription { track_sids: vec!["TR_1".into()], subscribe: true, ..Default::default() };
    let permission = proto::SubscriptionPermission {
        all_participants: false,
        track_permissions: vec![proto::TrackPermission {
            participant_identity: "jun".into(),
            ..Default::default()
        }],
    };
    let rest = [
        Message::Mute(proto::MuteTrackRequest { sid: "TR_1".into(), muted: true }),
        Message::TrackSetting(settings),
        Message::UpdateMetadata(metadata),
        Message::Subscription(subscription),
        Message::SubscriptionPermission(permission),
        Message::PingReq(proto::Ping { timestamp: 1, rtt: 20 }),
        Message::SyncState(proto::SyncState { offer: Some(description("v=0\r\n")), ..Default::default() }),
        Message::Leave(proto::LeaveRequest::default()),
    ];
    let mut seeds: Vec<Vec<u8>> = OFFERS
        .iter()
        .map(|offer| {
            write(&[
                (1, frame(Message::AddTrack(add.clone()))),
                (1, frame(Message::Offer(description(offer)))),
                (9, Vec::new()),
            ])
        })
        .collect();
    seeds.push(write(&rest.map(|message| (1, frame(message)))));
    seeds
}

#[expect(deprecated, reason = "a client may still send it")]
fn data_seeds() -> Vec<Vec<u8>> {
    let user =
        proto::UserPacket { payload: b"quiz".to_vec(), topic: Some("poll".into()), ..Default::default() };
    let packet = |value, sequence| {
        proto::DataPacket { value: Some(value), sequence, ..Default::default() }.encode_to_vec()
    };
    let header = proto::data_stream::Header {
        stream_id: "s".into(),
        topic: "lk.chat".into(),
        content_header: Some(proto::data_stream::header::ContentHeader::TextHeader(Default::default())),
        ..Default::default()
    };
    let chunk =
        proto::data_stream::Chunk { stream_id: "s".into(), content: "안녕".into(), ..Default::default() };
    let trailer = proto::data_stream::Trailer { stream_id: "s".into(), ..Default::default() };
    use proto::data_packet::Value;
    vec![
        write(&[(1, packet(Value::User(user.clone()), 1)), (0, packet(Value::User(user), 0))]),
        write(&[
            (1, packet(Value::StreamHeader(header), 1)),
            (1, packet(Value::StreamChunk(chunk), 2)),
            (1, packet(Value::StreamTrailer(trailer), 3)),
        ]),
        write(&[(1, packet(Value::Speaker(proto::ActiveSpeakerUpdate::default()), 1))]),
    ]
}
