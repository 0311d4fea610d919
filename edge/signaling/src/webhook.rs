//! Webhooks: what happened in a room, told to the application in signed HTTP posts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use control_plane_api::token::{self, ApiKey, Claims};
use edge_wire::spool::{Kind, Record};
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

/// The event of a fact as the edge wrote it down; `None` for a record that is no fact. `id` is unique per event, and the same
/// when it is sent again: receivers drop repeats by it. `now_s` is when it is signed.
///
/// # Panics
/// Never: the event is plain data.
#[must_use]
pub fn event(fact: &Record, id: &str, key: &ApiKey, now_s: u64) -> Option<Webhook> {
    let name = match Kind::try_from(fact.kind).ok()? {
        Kind::Present | Kind::ParticipantArrived | Kind::ParticipantDeparted => return None,
        Kind::RoomStarted => "room_started",
        Kind::RoomFinished => "room_finished",
        Kind::ParticipantJoined => "participant_joined",
        Kind::ParticipantLeft => "participant_left",
        Kind::TrackPublished => "track_published",
        Kind::TrackUnpublished => "track_unpublished",
    };
    let participant = fact.participant.as_ref().map(|participant| proto::ParticipantInfo {
        disconnect_reason: disconnect_reason(&fact.reason) as i32,
        ..to_participant(participant)
    });
    let event = proto::WebhookEvent {
        event: name.to_owned(),
        room: Some(to_room(&fact.room, 0)),
        participant,
        track: fact.track.as_ref().map(to_track),
        id: id.to_owned(),
        created_at: i64::try_from(fact.at_ms / 1_000).unwrap_or(i64::MAX),
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
    Some(Webhook { content_type: "application/webhook+json", authorization: token::sign(&claims, key), body })
}

fn disconnect_reason(reason: &str) -> proto::DisconnectReason {
    match reason {
        "client-initiated" => proto::DisconnectReason::ClientInitiated,
        "duplicate-identity" => proto::DisconnectReason::DuplicateIdentity,
        "server-shutdown" => proto::DisconnectReason::ServerShutdown,
        "participant-removed" => proto::DisconnectReason::ParticipantRemoved,
        "room-deleted" => proto::DisconnectReason::RoomDeleted,
        "state-mismatch" => proto::DisconnectReason::StateMismatch,
        "join-failure" => proto::DisconnectReason::JoinFailure,
        "connection-timeout" => proto::DisconnectReason::ConnectionTimeout,
        _ => proto::DisconnectReason::UnknownReason,
    }
}
