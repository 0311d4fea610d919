//! What a token allows, in the model's words.

use std::time::Duration;

use control_plane_api::token::{self, ApiKey, Claims, Grant};
use edge_wire::model::{ParticipantKind, Permission, TrackSource};

/// Takes the token out of an `Authorization` value (`Bearer` in any case, or the bare token) and checks it.
pub(crate) fn verify(bearer: &str, keys: &[ApiKey], now_s: u64) -> Result<Claims, token::Error> {
    let bearer = bearer.trim();
    let token = match bearer.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim_start(),
        Some(_) => return Err(token::Error::Malformed),
        None => bearer,
    };
    token::verify(token, keys, now_s)
}

/// How long ago a token was signed, by its `nbf`, which counts whole seconds; for ever if it does not say.
pub(crate) fn age(not_before_s: Option<u64>, now_ms: u64) -> Duration {
    let signed_ms = not_before_s.map(|seconds| seconds.saturating_mul(1_000));
    signed_ms.map_or(Duration::MAX, |signed_ms| Duration::from_millis(now_ms.saturating_sub(signed_ms)))
}

/// The grant's defaults: an absent `can*` is yes, except changing one's own metadata.
pub(crate) fn permission(grant: &Grant) -> Permission {
    Permission {
        can_subscribe: grant.can_subscribe.unwrap_or(true),
        can_publish: grant.can_publish.unwrap_or(true),
        can_publish_data: grant.can_publish_data.unwrap_or(true),
        can_publish_sources: grant.can_publish_sources.iter().map(|name| source(name) as i32).collect(),
        hidden: grant.hidden,
        recorder: grant.recorder,
        can_update_metadata: grant.can_update_own_metadata.unwrap_or(false),
        can_subscribe_metrics: false,
    }
}

/// The grant that gives this permission.
pub(crate) fn of(room: &str, permission: &Permission) -> Grant {
    Grant {
        room_join: true,
        room: room.to_owned(),
        can_publish: Some(permission.can_publish),
        can_subscribe: Some(permission.can_subscribe),
        can_publish_data: Some(permission.can_publish_data),
        can_publish_sources: permission
            .can_publish_sources
            .iter()
            .map(|s| source_word(*s).to_owned())
            .collect(),
        can_update_own_metadata: Some(permission.can_update_metadata),
        hidden: permission.hidden,
        recorder: permission.recorder,
        ..Grant::default()
    }
}

/// `grant` with this permission in place of its own; what else it allows stays.
pub(crate) fn with(grant: &Grant, permission: &Permission) -> Grant {
    Grant {
        room_create: grant.room_create,
        room_list: grant.room_list,
        room_record: grant.room_record,
        room_admin: grant.room_admin,
        room_join: grant.room_join,
        ..of(&grant.room, permission)
    }
}

fn source_word(source: i32) -> &'static str {
    match TrackSource::try_from(source) {
        Ok(TrackSource::Camera) => "camera",
        Ok(TrackSource::Microphone) => "microphone",
        Ok(TrackSource::ScreenShare) => "screen_share",
        Ok(TrackSource::ScreenShareAudio) => "screen_share_audio",
        _ => "unknown",
    }
}

pub(crate) fn kind_word(kind: i32) -> &'static str {
    match ParticipantKind::try_from(kind) {
        Ok(ParticipantKind::Ingress) => "ingress",
        Ok(ParticipantKind::Egress) => "egress",
        Ok(ParticipantKind::Sip) => "sip",
        Ok(ParticipantKind::Agent) => "agent",
        _ => "",
    }
}

/// Older tokens write sources in upper case.
fn source(name: &str) -> TrackSource {
    match name.to_ascii_lowercase().as_str() {
        "camera" => TrackSource::Camera,
        "microphone" => TrackSource::Microphone,
        "screen_share" => TrackSource::ScreenShare,
        "screen_share_audio" => TrackSource::ScreenShareAudio,
        _ => TrackSource::Unknown,
    }
}

pub(crate) fn kind(claims: &Claims) -> ParticipantKind {
    match claims.kind.as_str() {
        "ingress" => ParticipantKind::Ingress,
        "egress" => ParticipantKind::Egress,
        "sip" => ParticipantKind::Sip,
        "agent" => ParticipantKind::Agent,
        _ => ParticipantKind::Standard,
    }
}
