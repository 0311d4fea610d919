//! Room record to the wire.

use edge_wire::model;
use livekit_protocol as proto;

/// `creation_time` is in seconds, `creation_time_ms` beside it in milliseconds.
pub(crate) fn to_room(room: &model::Room, num_participants: u32) -> proto::Room {
    let created_ms = i64::try_from(room.created_at_ms).unwrap_or(i64::MAX);
    proto::Room {
        sid: room.sid.clone(),
        name: room.name.clone(),
        creation_time: created_ms / 1000,
        creation_time_ms: created_ms,
        metadata: room.metadata.clone(),
        num_participants,
        active_recording: room.recording,
        ..proto::Room::default()
    }
}
