//! Participant record and permission to and from the wire.

use edge_wire::model;
use livekit_protocol as proto;

use super::track::to_track;

#[expect(deprecated, reason = "clients of protocol 16 still read the recorder and agent flags")]
fn to_permission(
    permission: &model::Permission,
    kind: model::ParticipantKind,
) -> proto::ParticipantPermission {
    proto::ParticipantPermission {
        can_subscribe: permission.can_subscribe,
        can_publish: permission.can_publish,
        can_publish_data: permission.can_publish_data,
        can_publish_sources: permission.can_publish_sources.clone(),
        hidden: permission.hidden,
        recorder: permission.recorder,
        can_update_metadata: permission.can_update_metadata,
        agent: kind == model::ParticipantKind::Agent,
        can_subscribe_metrics: permission.can_subscribe_metrics,
        can_manage_agent_session: false,
    }
}

/// A permission set by an administrator; the source numbers are the same on both sides.
#[expect(deprecated, reason = "the recorder flag is still what administrators set")]
pub(crate) fn from_permission(permission: &proto::ParticipantPermission) -> model::Permission {
    model::Permission {
        can_subscribe: permission.can_subscribe,
        can_publish: permission.can_publish,
        can_publish_data: permission.can_publish_data,
        can_publish_sources: permission.can_publish_sources.clone(),
        hidden: permission.hidden,
        recorder: permission.recorder,
        can_update_metadata: permission.can_update_metadata,
        can_subscribe_metrics: permission.can_subscribe_metrics,
    }
}

/// States and kinds have the same numbers on both sides (`a_participant_keeps_every_field` guards it).
pub(crate) fn to_participant(participant: &model::Participant) -> proto::ParticipantInfo {
    let joined_ms = i64::try_from(participant.joined_at_ms).unwrap_or(i64::MAX);
    proto::ParticipantInfo {
        sid: participant.sid.clone(),
        identity: participant.identity.clone(),
        state: participant.state,
        tracks: participant.tracks.iter().map(to_track).collect(),
        metadata: participant.metadata.clone(),
        joined_at: joined_ms / 1000,
        joined_at_ms: joined_ms,
        name: participant.name.clone(),
        version: participant.version,
        permission: Some(to_permission(&participant.permission, participant.kind())),
        region: participant.region.clone(),
        is_publisher: participant.is_publisher,
        kind: participant.kind,
        attributes: participant.attributes.clone().into_iter().collect(),
        client_protocol: participant.client_protocol,
        capabilities: participant.capabilities.clone(),
        ..proto::ParticipantInfo::default()
    }
}
