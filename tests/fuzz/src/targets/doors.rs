//! `edge-signaling`: the HTTP doors, and the room behind them.

use std::time::{Duration, Instant};

use edge_room::{Config, Join, Notice, Output, PeerId, Request, Rooms};
use edge_signaling::lk::{self, Context};
use edge_signaling::whip::{self, Patch, PatchRequest, Post};
use edge_signaling::{twirp, whep};
use edge_wire::model;

use super::{NOW_S, OFFERS, begin, key, sdp, token};
use crate::Target;
use crate::steps::{Steps, write};

/// Calls of server SDKs.
pub const TWIRP: Target = Target {
    name: "twirp",
    what: "edge-signaling: Twirp calls in JSON and protobuf",
    run: calls,
    seeds: call_seeds,
    is_steps: true,
    words: &[
        b"\"room\":",
        b"\"data\":\"",
        b"\"identity\":",
        b"\"trackSid\"",
        b"null",
        b"1e999",
        b"[",
        b"{",
        b"\\ud800",
        b"-1",
    ],
};

/// WHIP and WHEP: POST with an answer from the room, then PATCH.
pub const WHIP: Target = Target {
    name: "whip",
    what: "edge-signaling, edge-room: WHIP and WHEP sessions",
    run: doors,
    seeds: door_seeds,
    is_steps: true,
    words: sdp::WORDS,
};

const METHODS: [&str; 10] = [
    "SendData",
    "ListRooms",
    "ListParticipants",
    "GetParticipant",
    "RemoveParticipant",
    "MutePublishedTrack",
    "UpdateParticipant",
    "CreateRoom",
    "DeleteRoom",
    "UpdateSubscriptions",
];

/// Kind: method, and in the highest bit the encoding.
fn calls(input: &[u8]) {
    let bearer = format!("Bearer {}", token());
    for (kind, body) in Steps::of(input).take(64) {
        let path = format!("livekit.RoomService/{}", METHODS[usize::from(kind & 0x7F) % METHODS.len()]);
        let content_type = if kind & 0x80 == 0 { "application/json" } else { "application/protobuf" };
        match twirp::parse(&path, Some(content_type), body, Some(&bearer), &[key()], NOW_S) {
            Ok(call) => drop(call.call.admin()),
            Err(error) => assert!(error.status() >= 400 && !error.body().is_empty()),
        }
        let text = String::from_utf8_lossy(body);
        let _ = twirp::parse(&text, Some(&text), body, Some(&text), &[key()], NOW_S);
    }
}

/// Kind 0: an offer to WHIP. 1: an offer to WHEP. 2: a PATCH. Any other: the header fields of both.
fn doors(input: &[u8]) {
    let bearer = format!("Bearer {}", token());
    let mut desk = Desk::new();
    for (kind, body) in Steps::of(input).take(16) {
        let post =
            Post { content_type: Some("application/sdp"), accept: None, authorization: Some(&bearer), body };
        let text = String::from_utf8_lossy(body);
        let fragment =
            PatchRequest { content_type: Some("application/trickle-ice-sdpfrag"), if_match: Some("*"), body };
        match kind {
            0 | 1 => {
                let enter = if kind == 0 { whip::enter } else { whep::enter };
                if let Ok(entry) = enter("class", &post, &[key()], NOW_S) {
                    let sdp = entry.sdp.clone();
                    desk.join(entry.join(room(), NOW_S * 1_000), sdp);
                }
            }
            2 => {
                if let Ok(Patch::Restart { ice_ufrag, ice_pwd }) = whip::patch(&fragment, "\"x\"", "abcd") {
                    sdp::check_answer(&whip::restarted(&ice_ufrag, &ice_pwd).body);
                }
            }
            _ => {
                let strange =
                    Post { content_type: Some(&text), accept: Some(&text), authorization: Some(&text), body };
                let _ = whip::enter(&text, &strange, &[key()], NOW_S);
                let _ = whip::enter("class", &Post { accept: Some(&text), ..post }, &[key()], NOW_S);
                let fields = PatchRequest { content_type: Some(&text), if_match: Some(&text), body };
                let _ = whip::patch(&fields, "\"x\"", "abcd");
                let _ = whip::patch(&PatchRequest { if_match: Some(&text), ..fragment }, "\"x\"", "abcd");
            }
        }
    }
}

fn room() -> model::Room {
    model::Room { sid: "RM_1".into(), name: "class".into(), created_at_ms: 1, ..model::Room::default() }
}

/// An edge's rooms, with one client of the LiveKit wire in the room `class`.
pub(crate) struct Desk {
    now: Instant,
    rooms: Rooms,
    client: PeerId,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let candidates = vec![([198, 51, 100, 1], 7_881).into()];
        let config =
            Config::new("seoul-edge".into(), "seoul".into(), vec!["AB"; 32].join(":"), candidates, 50);
        let mut rooms = Rooms::new(config, [1; 32]);
        let query = format!("access_token={}&auto_subscribe=1", token());
        let connect =
            lk::parse_connect(lk::Version::V1, &query, None, &[key()], NOW_S).expect("a good token");
        let now = begin();
        let client = rooms.join(now, connect.join(room(), NOW_S * 1_000)).expect("an empty edge");
        let mut desk = Self { now, rooms, client };
        desk.listen();
        desk
    }

    pub(crate) fn ask(&mut self, request: Request) {
        self.rooms.handle_request(self.now, self.client, request);
        self.listen();
    }

    /// Another one comes in, with an offer.
    pub(crate) fn join(&mut self, join: Join, sdp: String) {
        let join = Join { identity: format!("{} again", join.identity), ..join };
        let Ok(peer) = self.rooms.join(self.now, join) else { return };
        self.rooms.handle_request(self.now, peer, Request::Offer { id: 1, sdp });
        self.listen();
    }

    pub(crate) fn wait(&mut self, tenths: u8) {
        self.now += Duration::from_millis(100) * u32::from(tenths);
        self.rooms.handle_timeout(self.now);
        self.listen();
    }

    /// Everything that is told goes through the encoder, and every answer is looked at.
    fn listen(&mut self) {
        let context = Context {
            node_id: "seoul-edge",
            region: "seoul",
            ice_servers: &[],
            publish_codecs: lk::PUBLISH_CODECS,
            last_sequence: 0,
            edges: &[],
        };
        while let Some(output) = self.rooms.poll_output() {
            let Output::Notify { notice, .. } = output else { continue };
            if let Notice::Answer { sdp, .. } = &notice {
                sdp::check_answer(sdp);
            }
            let _ = lk::encode_notice(&notice, &context);
        }
    }
}

fn call_seeds() -> Vec<Vec<u8>> {
    let json = [
        r#"{"room":"class","data":"cXVpeg==","kind":"LOSSY","destinationIdentities":["jun"],"topic":"poll"}"#,
        r#"{"names":["class"]}"#,
        r#"{"room":"class"}"#,
        r#"{"room":"class","identity":"jun"}"#,
        r#"{"room":"class","identity":"jun"}"#,
        r#"{"room":"class","identity":"jun","trackSid":"TR_1","muted":true}"#,
        r#"{"room":"class","identity":"jun","permission":{"canPublish":true,"canPublishSources":["CAMERA",2]}}"#,
    ];
    let steps: Vec<(u8, &[u8])> =
        json.iter().enumerate().map(|(at, body)| (at as u8, body.as_bytes())).collect();
    let packed = b"\x0a\x05class\x12\x04quiz\x18\x01".to_vec();
    vec![
        write(&steps),
        write(&[(0x80, &packed[..]), (0x85, b"\x0a\x05class\x12\x03jun\x1a\x04TR_1\x20\x01")]),
    ]
}

fn door_seeds() -> Vec<Vec<u8>> {
    let receiving =
        |offer: &str| offer.replace("a=sendrecv", "a=recvonly").replace("a=sendonly", "a=recvonly");
    let mut seeds: Vec<Vec<u8>> =
        OFFERS.iter().map(|offer| write(&[(0, offer.to_string()), (1, receiving(offer))])).collect();
    let restart = "a=ice-ufrag:efgh\r\na=ice-pwd:0123456789abcdefghijkl\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n";
    seeds.push(write(&[(2, restart), (3, "text/html, application/*;q=0.5"), (3, "\"a\", W/\"b\", *")]));
    seeds
}
