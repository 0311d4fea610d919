//! Webhooks: what happened in a room, told to the application in signed HTTP posts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use control_plane_api::token::{self, ApiKey, Claims};
use edge_room::Fact;
use livekit_protocol as proto;
use ring::digest;

use crate::lk::{to_participant, to_room, to_track};

/// Receivers take a signature for this long.
const SIGNATURE_TTL_S: u64 = 300;

/// A post to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// `Content-Type`.
    pub content_type: &'static str,
    /// `Authorization`: a token that carries the body's SHA-256.
    pub authorization: String,
    pub body: Vec<u8>,
}

/// The event of a fact. `id` is unique per event: receivers drop repeats by it.
#[must_use]
pub fn event(fact: &Fact, id: &str, key: &ApiKey, now_s: u64) -> Webhook {
    let (name, room, participant, track) = match fact {
        Fact::RoomStarted { room } => ("room_started", room, None, None),
        Fact::RoomFinished { room } => ("room_finished", room, None, None),
        Fact::ParticipantJoined { room, participant } => {
            ("participant_joined", room, Some(participant), None)
        }
        Fact::ParticipantLeft { room, participant } => ("participant_left", room, Some(participant), None),
        Fact::TrackPublished { room, participant, track } => {
            ("track_published", room, Some(participant), Some(track))
        }
        Fact::TrackUnpublished { room, participant, track } => {
            ("track_unpublished", room, Some(participant), Some(track))
        }
    };
    let event = proto::WebhookEvent {
        event: name.to_owned(),
        room: Some(to_room(room, 0)),
        participant: participant.map(to_participant),
        track: track.map(to_track),
        id: id.to_owned(),
        created_at: i64::try_from(now_s).unwrap_or(i64::MAX),
        ..proto::WebhookEvent::default()
    };
    let body = serde_json::to_vec(&event).expect("plain data");
    let sha256 = STANDARD.encode(digest::digest(&digest::SHA256, &body));
    let claims = Claims {
        nbf: Some(now_s),
        exp: Some(now_s.saturating_add(SIGNATURE_TTL_S)),
        sha256,
        ..Claims::default()
    };
    Webhook { content_type: "application/webhook+json", authorization: token::sign(&claims, key), body }
}
