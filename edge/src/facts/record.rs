//! Facts in their three forms: as the rooms say them, as the spool keeps them, as the control plane takes them.

use control_plane_api::fact::{Fact, FactId, What};
use edge_wire::model::{Participant, Room, Track, TrackSource};
use edge_wire::spool::{Kind, Record};

/// The record of what the rooms say at `now_ms`, without its number.
pub(super) fn record(fact: edge_room::Fact, now_ms: u64) -> Record {
    let (kind, room, participant, track) = match fact {
        edge_room::Fact::RoomStarted { room } => (Kind::RoomStarted, room, None, None),
        edge_room::Fact::RoomFinished { room } => (Kind::RoomFinished, room, None, None),
        edge_room::Fact::ParticipantJoined { room, participant } => {
            (Kind::ParticipantJoined, room, Some(participant), None)
        }
        edge_room::Fact::ParticipantArrived { room, participant } => {
            (Kind::ParticipantArrived, room, Some(participant), None)
        }
        edge_room::Fact::ParticipantDeparted { room, participant } => {
            (Kind::ParticipantDeparted, room, Some(participant), None)
        }
        edge_room::Fact::ParticipantLeft { room, participant, reason, unheard } => {
            let unheard_ms = u64::try_from(unheard.as_millis()).unwrap_or(u64::MAX);
            let heard_ms = now_ms.saturating_sub(unheard_ms);
            return left(room, participant, heard_ms, reason.as_str());
        }
        edge_room::Fact::TrackPublished { room, participant, track } => {
            (Kind::TrackPublished, room, Some(participant), Some(track))
        }
        edge_room::Fact::TrackUnpublished { room, participant, track } => {
            (Kind::TrackUnpublished, room, Some(participant), Some(track))
        }
    };
    Record { sequence: 0, at_ms: now_ms, kind: kind as i32, room, participant, track, reason: String::new() }
}

/// Somebody left; never before it joined, whatever the clock did meanwhile.
pub(super) fn left(room: Room, participant: Participant, heard_ms: u64, reason: &str) -> Record {
    Record {
        sequence: 0,
        at_ms: heard_ms.max(participant.joined_at_ms),
        kind: Kind::ParticipantLeft as i32,
        room,
        participant: Some(participant),
        track: None,
        reason: reason.to_owned(),
    }
}

/// The record as the control plane takes it; `None` for one that is no fact of attendance.
pub(super) fn fact(record: &Record, node: &str, epoch: u64) -> Option<Fact> {
    let participant = record.participant.clone().unwrap_or_default();
    let Participant { identity, sid: participant_sid, .. } = participant;
    let track = record.track.clone().unwrap_or_default();
    let source = source_of(&track).to_owned();
    let what = match Kind::try_from(record.kind).ok()? {
        Kind::Present | Kind::ParticipantArrived | Kind::ParticipantDeparted => return None,
        Kind::RoomStarted => What::RoomStarted,
        Kind::RoomFinished => What::RoomFinished,
        Kind::ParticipantJoined => What::Joined { identity, participant_sid },
        Kind::ParticipantLeft => What::Left { identity, participant_sid, reason: record.reason.clone() },
        Kind::TrackPublished => {
            What::TrackPublished { identity, participant_sid, track_sid: track.sid, source }
        }
        Kind::TrackUnpublished => {
            What::TrackUnpublished { identity, participant_sid, track_sid: track.sid, source }
        }
    };
    Some(Fact {
        id: FactId { node: node.to_owned(), epoch, sequence: record.sequence },
        at_ms: record.at_ms,
        room: record.room.name.clone(),
        room_sid: record.room.sid.clone(),
        what,
    })
}

/// Takes out what a participant may have made long, so that the record fits.
pub(super) fn shorten(record: &mut Record) {
    if let Some(participant) = &mut record.participant {
        participant.metadata.clear();
        participant.attributes.clear();
        participant.tracks.clear();
    }
    record.room.metadata.clear();
}

fn source_of(track: &Track) -> &'static str {
    match TrackSource::try_from(track.source) {
        Ok(TrackSource::Camera) => "camera",
        Ok(TrackSource::Microphone) => "microphone",
        Ok(TrackSource::ScreenShare) => "screen-share",
        Ok(TrackSource::ScreenShareAudio) => "screen-share-audio",
        Ok(TrackSource::Unknown) | Err(_) => "unknown",
    }
}
