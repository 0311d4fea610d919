//! Who is let in, and what the others hear.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use control_plane_api::token::{ApiKey, Claims, Grant, sign};
use edge_room::JoinError;
use edge_signaling::lk::{Connect, ConnectError, Version, parse_connect, refresh_token};
use edge_wire::model::{ParticipantKind, Permission, Room, TrackSource};
use flate2::Compression;
use flate2::write::GzEncoder;
use livekit_protocol as proto;
use livekit_protocol::wrapped_join_request::Compression as Wrap;
use proptest::prelude::*;
use prost::Message as _;

const NOW_S: u64 = 1_800_000_000;

fn keys() -> Vec<ApiKey> {
    ["main", "next"].map(|name| ApiKey { key: name.into(), secret: format!("secret of {name}") }).into()
}

fn claims() -> Claims {
    let video = Grant { room_join: true, room: "붓글씨".into(), ..Grant::default() };
    Claims {
        sub: "minji".into(),
        name: "민지".into(),
        exp: Some(NOW_S + 600),
        video: Some(video),
        ..Claims::default()
    }
}

fn token(change: impl FnOnce(&mut Claims)) -> String {
    let mut claims = claims();
    change(&mut claims);
    sign(&claims, &keys()[1])
}

fn grant(claims: &mut Claims) -> &mut Grant {
    claims.video.as_mut().expect("the claims have a grant")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("a Vec grows");
    encoder.finish().expect("a Vec grows")
}

fn parameter(compression: Wrap, join_request: Vec<u8>) -> String {
    let wrapped = proto::WrappedJoinRequest { compression: compression as i32, join_request };
    format!("&join_request={}", URL_SAFE.encode(wrapped.encode_to_vec()).replace('=', "%3D"))
}

fn connect(token: &str, rest: &str) -> Result<Connect, ConnectError> {
    parse_connect(Version::V1, &format!("access_token={token}{rest}"), None, &keys(), NOW_S)
}

fn status(result: Result<Connect, ConnectError>) -> u16 {
    result.map(|_| 200).unwrap_or_else(|error| error.status())
}

#[test]
fn a_browser_is_let_in_with_offer_tracks_and_client_info() {
    let request = proto::JoinRequest {
        client_info: Some(proto::ClientInfo {
            sdk: proto::client_info::Sdk::Js as i32,
            version: "2.23.0".into(),
            protocol: 17,
            client_protocol: 2,
            capabilities: vec![1, 2],
            ..proto::ClientInfo::default()
        }),
        connection_settings: Some(proto::ConnectionSettings { adaptive_stream: true, ..Default::default() }),
        add_track_requests: vec![proto::AddTrackRequest { cid: "cam".into(), ..Default::default() }],
        publisher_offer: Some(proto::SessionDescription {
            id: 1,
            sdp: "v=0\r\n".into(),
            ..Default::default()
        }),
        ..proto::JoinRequest::default()
    };
    for wrapped in [
        parameter(Wrap::Gzip, gzip(&request.encode_to_vec())),
        parameter(Wrap::None, request.encode_to_vec()).replace("%3D", ""),
    ] {
        let connect = connect(&token(|_| ()), &wrapped).expect("a valid connect");
        assert_eq!(
            (connect.room.as_str(), connect.identity.as_str(), connect.name.as_str()),
            ("붓글씨", "minji", "민지")
        );
        assert!(!connect.auto_subscribe && connect.adaptive_stream, "settings are taken as sent");
        assert_eq!(connect.offer, Some((1, "v=0\r\n".into())));
        assert_eq!(connect.add_tracks[0].cid, "cam");
        assert_eq!((connect.client.sdk, connect.client.protocol), ("JS", 17));
        assert_eq!(connect.resume, None);
        let join = connect.join(edge_wire::model::Room::default(), 7);
        assert_eq!((join.client_protocol, join.capabilities), (2, vec![1, 2]));
    }
}

#[test]
fn a_header_will_do_and_absent_grants_have_their_defaults() {
    let bearer = format!("Bearer {}", token(|_| ()));
    let connect = parse_connect(Version::V1, "", Some(&bearer), &keys(), NOW_S).expect("a valid connect");
    let may = &connect.permission;
    assert!(
        may.can_publish
            && may.can_subscribe
            && may.can_publish_data
            && !may.can_update_metadata
            && !may.hidden
    );
    assert!(connect.auto_subscribe, "subscribing is the default");
    assert_eq!(connect.kind, ParticipantKind::Standard);

    let narrow = token(|claims| {
        claims.kind = "agent".into();
        let grant = grant(claims);
        grant.can_publish = Some(false);
        grant.hidden = true;
        grant.can_publish_sources = vec!["camera".into(), "SCREEN_SHARE".into()];
    });
    let connect = self::connect(&narrow, "").expect("a valid connect");
    assert!(!connect.permission.can_publish && connect.permission.hidden);
    let sources = [TrackSource::Camera as i32, TrackSource::ScreenShare as i32];
    assert_eq!(connect.permission.can_publish_sources, sources);
    assert_eq!(connect.kind, ParticipantKind::Agent);
}

#[test]
fn tokens_that_do_not_let_in() {
    let matrix = [
        ("expired", 401, token(|c| c.exp = Some(NOW_S - 3600)), ""),
        ("not yet valid", 401, token(|c| c.nbf = Some(NOW_S + 3600)), ""),
        ("unknown key", 401, sign(&claims(), &ApiKey { key: "old".into(), secret: "x".into() }), ""),
        ("wrong secret", 401, sign(&claims(), &ApiKey { key: "main".into(), secret: "guess".into() }), ""),
        ("no token at all", 401, String::new(), ""),
        ("garbage", 401, "abc".into(), ""),
        ("no video grant", 403, token(|c| c.video = None), ""),
        ("no roomJoin", 403, token(|c| grant(c).room_join = false), ""),
        ("another room", 403, token(|_| ()), "&room=flowers"),
        ("no room anywhere", 400, token(|c| grant(c).room.clear()), ""),
        ("a room no path can name", 400, token(|c| grant(c).room = "a/b".into()), ""),
        ("no identity", 400, token(|c| c.sub.clear()), ""),
        ("an identity of 300 bytes", 400, token(|c| c.sub = "x".repeat(300)), ""),
    ];
    for (name, expected, token, rest) in matrix {
        assert_eq!(status(connect(&token, rest)), expected, "{name}");
    }
    assert_eq!(
        status(connect(&token(|c| grant(c).room.clear()), "&room=flowers")),
        200,
        "a grant for any room"
    );
    let error = connect(&token(|c| c.exp = Some(1)), "").expect_err("expired");
    assert!(error.to_string().contains("expired"), "the reason is told: {error}");
}

#[test]
fn statuses_that_clients_act_upon() {
    assert_eq!(ConnectError::NoRoom.status(), 404);
    assert!(
        ConnectError::NoRoom.to_string().contains("requested room does not exist"),
        "clients look for this"
    );
    let v0 = parse_connect(Version::V0, &format!("access_token={}", token(|_| ())), None, &keys(), NOW_S);
    assert_eq!(v0.map(|_| ()).map_err(|e| e.status()), Err(404));
    let v0 = parse_connect(Version::V0, "access_token=abc", None, &keys(), NOW_S);
    assert_eq!(v0.map(|_| ()).map_err(|e| e.status()), Err(401), "a bad token is the more useful news");
    assert_eq!(ConnectError::from(JoinError::Draining).status(), 503);
}

#[test]
fn own_metadata_needs_the_grant_and_fills_up_the_tokens() {
    let request = proto::JoinRequest {
        metadata: "mine".into(),
        participant_attributes: [("hand".into(), "1".into()), ("role".into(), String::new())].into(),
        ..proto::JoinRequest::default()
    };
    let wrapped = parameter(Wrap::None, request.encode_to_vec());
    let attributes = |c: &mut Claims| drop(c.attributes.insert("role".into(), "student".into()));
    assert_eq!(status(connect(&token(attributes), &wrapped)), 403);
    let allowed = token(|c| {
        attributes(c);
        grant(c).can_update_own_metadata = Some(true);
    });
    let connect = connect(&allowed, &wrapped).expect("allowed");
    assert_eq!(connect.metadata, "mine");
    assert_eq!(connect.attributes["hand"], "1");
    assert_eq!(connect.attributes["role"], "student", "an empty value deletes nothing");
}

#[test]
fn a_resume_names_its_session_and_what_it_has() {
    let request = proto::JoinRequest {
        reconnect: true,
        participant_sid: "PA_1".into(),
        sync_state: Some(proto::SyncState {
            datachannel_receive_states: vec![proto::DataChannelReceiveState {
                publisher_sid: "PA_2".into(),
                last_seq: 9,
            }],
            ..proto::SyncState::default()
        }),
        ..proto::JoinRequest::default()
    };
    let connect = connect(&token(|_| ()), &parameter(Wrap::None, request.encode_to_vec())).expect("valid");
    let resume = connect.resume.expect("it is a resume");
    assert_eq!(resume.participant_sid, "PA_1");
    assert_eq!(resume.sync_state.expect("it came along").received[0].last_sequence, 9);
}

#[test]
fn damaged_and_swollen_join_requests_are_refused() {
    let bomb = gzip(&vec![0; 64 * 1024 * 1024]);
    assert!(bomb.len() < 96 * 1024, "small on the wire");
    let cut = gzip(&[1; 1000]);
    let refused = [
        "&join_request=%%%".to_owned(),
        "&join_request=!!!".to_owned(),
        format!("&join_request={}", URL_SAFE.encode([0xff; 40])),
        parameter(Wrap::Gzip, bomb),
        parameter(Wrap::Gzip, cut[..cut.len() / 2].to_vec()),
        parameter(Wrap::Gzip, b"no gzip".to_vec()),
        parameter(Wrap::None, vec![0xff; 10]),
        format!("&join_request={}", "A".repeat(200 * 1024)),
    ];
    for (index, rest) in refused.iter().enumerate() {
        assert_eq!(status(connect(&token(|_| ()), rest)), 400, "case {index}");
    }
}

#[test]
fn a_refreshed_token_connects_later() {
    let first = connect(&token(|_| ()), "").expect("valid");
    let now = Permission {
        can_subscribe: true,
        can_publish_sources: vec![TrackSource::ScreenShare as i32],
        can_publish: true,
        ..Permission::default()
    };
    let frame =
        refresh_token(&first.claims, &now, &keys(), NOW_S + 500, 600).expect("the key is still there");
    let response = proto::SignalResponse::decode(frame.as_slice()).expect("a frame");
    let Some(proto::signal_response::Message::RefreshToken(token)) = response.message else {
        panic!("not a refresh: {response:?}")
    };
    let query = format!("access_token={token}");
    let again = parse_connect(Version::V1, &query, None, &keys(), NOW_S + 1000).expect("valid then");
    assert_eq!(again.identity, "minji");
    let allowed = again.join(Room::default(), 0).permission;
    assert_eq!(allowed, now, "what it may do now, not what it might when it came");
    assert_eq!(refresh_token(&first.claims, &now, &keys()[..1], NOW_S, 600), None, "its key is gone");
}

proptest! {
    #[test]
    fn garbage_never_panics(query in ".{0,400}", bearer in ".{0,60}") {
        let _ = parse_connect(Version::V1, &query, Some(&bearer), &keys(), NOW_S);
    }

    #[test]
    fn garbage_join_requests_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), gzipped: bool) {
        let (compression, bytes) = if gzipped { (Wrap::Gzip, gzip(&bytes)) } else { (Wrap::None, bytes) };
        let _ = connect(&token(|_| ()), &parameter(compression, bytes));
    }
}
