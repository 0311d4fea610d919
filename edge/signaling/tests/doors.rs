//! The HTTP doors: Twirp, WHIP, WHEP, webhooks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use control_plane_api::token::{ApiKey, Claims, Grant, sign, verify};
use edge_room::Admin;
use edge_signaling::twirp::{self, Answer, Encoding, RoomCall};
use edge_signaling::whip::{self, Patch, PatchRequest, Post};
use edge_signaling::{HttpError, IceServer, Response, webhook, whep};
use edge_wire::model;
use edge_wire::spool::{Kind, Record};
use livekit_protocol as proto;
use proptest::prelude::*;
use prost::Message as _;

const NOW_S: u64 = 1_800_000_000;
const JSON: Option<&str> = Some("application/json");
const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:abcd\r\n\
    a=ice-pwd:0123456789abcdefghijkl\r\na=fingerprint:sha-256 AA:BB\r\na=setup:actpass\r\na=sendonly\r\n\
    a=rtpmap:111 opus/48000/2\r\n";

fn keys() -> Vec<ApiKey> {
    vec![ApiKey { key: "main".into(), secret: "secret".into() }]
}

fn bearer(change: impl FnOnce(&mut Grant)) -> String {
    let mut grant = Grant { room: "dance".into(), ..Grant::default() };
    change(&mut grant);
    let claims =
        Claims { sub: "obs".into(), exp: Some(NOW_S + 600), video: Some(grant), ..Claims::default() };
    format!("Bearer {}", sign(&claims, &keys()[0]))
}

fn call(method: &str, body: &str, bearer: &str) -> Result<RoomCall, String> {
    let path = format!("livekit.RoomService/{method}");
    twirp::parse(&path, JSON, body.as_bytes(), Some(bearer), &keys(), NOW_S)
        .map(|call| call.call)
        .map_err(|error| error.code.to_owned())
}

#[test]
fn server_sdks_call_in_json_and_in_protobuf() {
    let admin = bearer(|grant| grant.room_admin = true);
    let sent = call(
        "SendData",
        r#"{"room":"dance","data":"cXVpeg==","kind":"LOSSY","destination_identities":["jun"],"topic":"poll","new":1}"#,
        &admin,
    );
    let RoomCall::SendData { room, data } = sent.expect("a valid call") else { panic!("not SendData") };
    assert_eq!(
        (room.as_str(), data.reliable, data.destinations.as_slice()),
        ("dance", false, &["jun".to_owned()][..])
    );
    let packet = proto::DataPacket::decode(data.payload.as_ref()).expect("a packet");
    assert!(matches!(packet.value, Some(proto::data_packet::Value::User(user)) if user.payload == b"quiz"));

    let mute = proto::MuteRoomTrackRequest {
        room: "dance".into(),
        identity: "jun".into(),
        track_sid: "TR_1".into(),
        muted: true,
    };
    let path = "livekit.RoomService/MutePublishedTrack";
    let content_type = Some("application/protobuf");
    let call =
        twirp::parse(path, content_type, &mute.encode_to_vec(), Some(&admin), &keys(), NOW_S).expect("valid");
    assert_eq!(call.encoding, Encoding::Protobuf);
    let expected = Admin::MuteTrack {
        room: "dance".into(),
        identity: "jun".into(),
        track_sid: "TR_1".into(),
        muted: true,
    };
    assert_eq!(call.call.admin(), Some(expected));
}

#[test]
fn reading_calls_and_permission_changes() {
    let admin = bearer(|grant| grant.room_admin = true);
    let lister = bearer(|grant| grant.room_list = true);
    assert_eq!(
        call("ListRooms", r#"{"names":["dance"]}"#, &lister),
        Ok(RoomCall::ListRooms { names: vec!["dance".into()] })
    );
    assert_eq!(
        call("ListParticipants", r#"{"room":"dance"}"#, &admin),
        Ok(RoomCall::ListParticipants { room: "dance".into() })
    );
    let one = r#"{"room":"dance","identity":"jun"}"#;
    let (room, identity) = ("dance".to_owned(), "jun".to_owned());
    assert_eq!(
        call("GetParticipant", one, &admin),
        Ok(RoomCall::GetParticipant { room: room.clone(), identity: identity.clone() })
    );
    assert_eq!(
        call("RemoveParticipant", one, &admin),
        Ok(RoomCall::RemoveParticipant { room: room.clone(), identity: identity.clone() })
    );
    let update = r#"{"room":"dance","identity":"jun","permission":{"canPublish":true}}"#;
    let permission = model::Permission { can_publish: true, ..Default::default() };
    assert_eq!(
        call("UpdateParticipant", update, &admin),
        Ok(RoomCall::UpdateParticipant { room, identity, permission })
    );
    let rename = r#"{"room":"dance","identity":"jun","name":"J"}"#;
    assert_eq!(call("UpdateParticipant", rename, &admin), Err("unimplemented".into()));
}

#[test]
fn calls_that_are_refused() {
    let admin = bearer(|grant| grant.room_admin = true);
    let joiner = bearer(|grant| grant.room_join = true);
    let room = r#"{"room":"dance"}"#;
    let matrix = [
        ("ListParticipants", room, joiner.as_str(), "permission_denied"),
        ("ListParticipants", r#"{"room":"flowers"}"#, &admin, "permission_denied"),
        ("ListRooms", "{}", &admin, "permission_denied"),
        ("ListParticipants", "{}", &admin, "invalid_argument"),
        ("GetParticipant", room, &admin, "invalid_argument"),
        ("ListParticipants", "{", &admin, "malformed"),
        ("SendData", r#"{"room":"dance","destinationSids":["PA_1"]}"#, &admin, "invalid_argument"),
        ("ListParticipants", room, "Bearer abc", "unauthenticated"),
        ("ListParticipants", room, "Basic abc", "unauthenticated"),
        ("DeleteRoom", room, &admin, "unimplemented"),
        ("Dance", room, &admin, "bad_route"),
    ];
    for (method, body, bearer, code) in matrix {
        assert_eq!(call(method, body, bearer), Err(code.into()), "{method} {body}");
    }
    let parse = |path, content_type, bearer| {
        twirp::parse(path, content_type, b"{}", bearer, &keys(), NOW_S).expect_err("refused")
    };
    let path = "livekit.RoomService/ListRooms";
    assert_eq!(parse(path, JSON, None).status(), 401);
    assert_eq!(parse(path, Some("text/plain"), Some(&admin)).status(), 404);
    assert_eq!(parse("livekit.Egress/ListEgress", JSON, Some(&admin)).status(), 501);
    assert_eq!(parse("livekit.RoomService", JSON, Some(&admin)).status(), 404);
    let error: serde_json::Value =
        serde_json::from_slice(&parse(path, JSON, Some(&admin)).body()).expect("JSON");
    assert_eq!(error["code"], "permission_denied");
    assert!(error["msg"].as_str().is_some_and(|msg| msg.contains("roomList")), "{error}");
}

#[test]
fn answers_in_both_encodings() {
    let room = model::Room { sid: "RM_1".into(), name: "dance".into(), ..Default::default() };
    let answer = Answer::Rooms(vec![(room, 3)]);
    let (content_type, body) = twirp::encode(&answer, Encoding::Json);
    let json: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!((content_type, &json["rooms"][0]["numParticipants"]), ("application/json", &3.into()));
    let (_, body) = twirp::encode(&answer, Encoding::Protobuf);
    assert_eq!(proto::ListRoomsResponse::decode(body.as_slice()).expect("protobuf").rooms[0].sid, "RM_1");
    assert_eq!(twirp::encode(&Answer::Empty, Encoding::Json).1, b"{}");
}

fn post<'a>(authorization: &'a str, body: &'a str) -> Post<'a> {
    let content_type = Some("application/sdp");
    Post { content_type, accept: None, authorization: Some(authorization), body: body.as_bytes() }
}

fn header<'a>(response: &'a Response, name: &str) -> Vec<&'a str> {
    response.headers.iter().filter(|(n, _)| *n == name).map(|(_, v)| v.as_str()).collect()
}

#[test]
fn an_encoder_enters_as_an_ingress_and_a_player_as_a_subscriber() {
    let join = bearer(|grant| grant.room_join = true);
    let entry = whip::enter("dance", &post(&join, OFFER), &keys(), NOW_S).expect("admitted");
    assert_eq!(entry.sdp, OFFER);
    let joined = entry.join(model::Room::default(), 5);
    assert_eq!((joined.identity.as_str(), joined.kind), ("obs", model::ParticipantKind::Ingress));
    assert!(joined.publish_unannounced && !joined.is_whep && !joined.auto_subscribe);
    assert!(
        joined.permission.can_publish
            && !joined.permission.can_subscribe
            && !joined.permission.can_publish_data
    );

    let offer = OFFER.replace("sendonly", "recvonly");
    let joined = whep::enter("dance", &post(&join, &offer), &keys(), NOW_S)
        .expect("admitted")
        .join(model::Room::default(), 5);
    assert!(joined.is_whep && joined.auto_subscribe && !joined.publish_unannounced);
    assert!(joined.permission.can_subscribe && !joined.permission.can_publish);
}

#[test]
fn posts_that_are_refused() {
    let join = bearer(|grant| grant.room_join = true);
    let mute = bearer(|grant| {
        grant.room_join = true;
        grant.can_publish = Some(false);
        grant.can_subscribe = Some(false);
    });
    let good = post(&join, OFFER);
    let receiving = OFFER.replace("sendonly", "recvonly");
    let bare = OFFER.replace("a=fingerprint:sha-256 AA:BB\r\n", "");
    let passive = OFFER.replace("actpass", "passive");
    let long = format!("{OFFER}a=x:{}\r\n", "y".repeat(70_000));
    let matrix = [
        ("another type", 415, Post { content_type: Some("application/json"), ..good }),
        ("no type", 415, Post { content_type: None, ..good }),
        ("an answer it does not accept", 406, Post { accept: Some("text/html"), ..good }),
        ("no token", 401, Post { authorization: None, ..good }),
        ("a bad token", 401, Post { authorization: Some("Bearer x"), ..good }),
        ("no roomJoin", 403, post(&bearer(|_| ()), OFFER)),
        ("no canPublish", 403, post(&mute, OFFER)),
        ("no SDP", 400, post(&join, "hello")),
        ("no UTF-8", 400, Post { body: &[0xff], ..good }),
        ("no fingerprint", 422, post(&join, &bare)),
        ("DTLS server", 422, post(&join, &passive)),
        ("nothing to publish", 422, post(&join, &receiving)),
        ("too long", 413, post(&join, &long)),
    ]
    .map(|(name, status, post)| (name, status, whip::enter("dance", &post, &keys(), NOW_S)));
    for (name, status, result) in matrix {
        assert_eq!(result.map(|_| 200).unwrap_or_else(|error: HttpError| error.status), status, "{name}");
    }
    let other = whip::enter("flowers", &good, &keys(), NOW_S).expect_err("another room");
    assert_eq!((other.status, other.response().status), (403, 403));
    assert_eq!(whep::enter("dance", &good, &keys(), NOW_S).expect_err("nothing to receive").status, 422);
    let accepted = Post {
        accept: Some("text/html, application/*;q=0.5"),
        content_type: Some("Application/SDP; charset=utf-8"),
        ..good
    };
    assert!(whip::enter("dance", &accepted, &keys(), NOW_S).is_ok());
    let unauthorized =
        whip::enter("dance", &Post { authorization: None, ..good }, &keys(), NOW_S).expect_err("401");
    assert_eq!(header(&unauthorized.response(), "www-authenticate"), ["Bearer"]);
}

#[test]
fn a_session_is_created_with_everything_the_rfc_asks_for() {
    let servers = [
        IceServer { urls: vec!["stun:edge:3478".into()], ..IceServer::default() },
        IceServer { urls: vec!["turn:edge:3478".into()], username: "u".into(), credential: "c".into() },
    ];
    let created = whip::created("v=0\r\n", "/whip/dance/s1", &whip::etag("xyzw"), &servers);
    assert_eq!((created.status, created.body.as_str()), (201, "v=0\r\n"));
    assert_eq!(header(&created, "content-type"), ["application/sdp"]);
    assert_eq!(header(&created, "location"), ["/whip/dance/s1"]);
    assert_eq!(header(&created, "etag"), ["\"xyzw\""]);
    assert_eq!(header(&created, "accept-patch"), ["application/trickle-ice-sdpfrag"]);
    assert_eq!(header(&created, "access-control-allow-origin"), ["*"]);
    let links = header(&created, "link");
    assert_eq!(links[0], "<stun:edge:3478>; rel=\"ice-server\"");
    assert!(links[1].contains("username=\"u\"; credential=\"c\"; credential-type=\"password\""));

    assert_eq!(header(&whip::options(false), "accept-post"), ["application/sdp"]);
    assert_eq!(header(&whip::options(true), "access-control-allow-methods"), ["PATCH, DELETE, OPTIONS"]);
    let refused = whip::method_not_allowed(false);
    assert_eq!((refused.status, header(&refused, "allow")), (405, vec!["POST, OPTIONS"]));
    assert_eq!(
        (whip::no_content().status, whip::deleted().status, whip::restart_refused().status),
        (204, 200, 422)
    );
}

fn patch(if_match: Option<&str>, body: &str) -> Result<Patch, u16> {
    let content_type = Some("application/trickle-ice-sdpfrag");
    let request = PatchRequest { content_type, if_match, body: body.as_bytes() };
    whip::patch(&request, "\"xyzw\"", "abcd").map_err(|error| error.status)
}

#[test]
fn candidates_and_restarts_are_told_apart() {
    let trickle = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n\
        a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\n";
    let Ok(Patch::Candidates(fragment)) = patch(Some("\"xyzw\""), trickle) else { panic!("not candidates") };
    assert_eq!((fragment.candidates, fragment.end_of_candidates), (1, true));
    let restart = trickle.replace("abcd", "efgh");
    let expected = Patch::Restart { ice_ufrag: "efgh".into(), ice_pwd: "0123456789efghefghijkl".into() };
    assert_eq!(patch(Some("*"), &restart), Ok(expected));
    assert_eq!(patch(None, trickle), Err(428));
    assert_eq!(patch(Some("\"old\""), trickle), Err(412));
    assert_eq!(patch(Some("*"), "hello"), Err(400));
    assert_eq!(patch(Some("*"), "a=ice-ufrag:efgh\r\n"), Err(400));
    assert_eq!(patch(Some("*"), "a=ice-ufrag:e f\r\na=ice-pwd:0123456789abcdefghijkl"), Err(400));
    let other = PatchRequest { content_type: Some("application/sdp"), if_match: Some("*"), body: b"" };
    assert_eq!(whip::patch(&other, "\"xyzw\"", "abcd").map_err(|error| error.status), Err(415));
    let answer = whip::restarted("wxyz", "9876543210abcdefghijkl");
    assert_eq!((answer.status, header(&answer, "etag")), (200, vec!["\"wxyz\""]));
    assert!(answer.body.contains("a=ice-ufrag:wxyz\r\na=ice-pwd:9876543210abcdefghijkl\r\n"));
}

#[test]
fn webhooks_are_signed_over_their_body() {
    let fact = Record {
        sequence: 3,
        at_ms: 1_234_567,
        kind: Kind::ParticipantLeft as i32,
        room: model::Room { name: "dance".into(), ..Default::default() },
        participant: Some(model::Participant { identity: "jun".into(), ..Default::default() }),
        track: None,
        reason: "client-initiated".into(),
    };
    let hook = webhook::event(&fact, "EV_1", &keys()[0], NOW_S).expect("a fact");
    let json: serde_json::Value = serde_json::from_slice(&hook.body).expect("JSON");
    assert_eq!(
        (&json["event"], &json["participant"]["identity"]),
        (&"participant_left".into(), &"jun".into())
    );
    assert_eq!((&json["id"], &json["room"]["name"]), (&"EV_1".into(), &"dance".into()));
    assert_eq!(json["createdAt"], "1234", "when it happened, not when it is told");
    assert_eq!(json["participant"]["disconnectReason"], "CLIENT_INITIATED");
    let again = webhook::event(&fact, "EV_1", &keys()[0], NOW_S + 60).expect("a fact");
    assert_eq!(again.body, hook.body, "a repeat says the same");
    let claims = verify(&hook.authorization, &keys(), NOW_S).expect("signed");
    let digest = ring::digest::digest(&ring::digest::SHA256, &hook.body);
    assert_eq!(claims.sha256, STANDARD.encode(digest));
    assert_eq!(hook.content_type, "application/webhook+json");
}

proptest! {
    #[test]
    fn garbage_calls_never_panic(path in ".{0,60}", body in proptest::collection::vec(any::<u8>(), 0..200), json: bool) {
        let admin = bearer(|grant| grant.room_admin = true);
        let content_type = if json { JSON } else { Some("application/protobuf") };
        let _ = twirp::parse(&path, content_type, &body, Some(&admin), &keys(), NOW_S);
        for method in ["SendData", "UpdateParticipant", "MutePublishedTrack"] {
            let path = format!("livekit.RoomService/{method}");
            let _ = twirp::parse(&path, content_type, &body, Some(&admin), &keys(), NOW_S);
        }
    }

    #[test]
    fn garbage_posts_and_patches_never_panic(body in ".{0,300}", if_match in ".{0,20}") {
        let join = bearer(|grant| grant.room_join = true);
        let _ = whip::enter("dance", &post(&join, &body), &keys(), NOW_S);
        let _ = patch(Some(&if_match), &body);
    }
}
