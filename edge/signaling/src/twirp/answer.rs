//! Answers as they go out.

use edge_wire::model;
use livekit_protocol as proto;
use prost::Message;
use serde::Serialize;

use super::Encoding;
use crate::lk::{to_participant, to_room, to_track};

/// What a call is answered with.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Rooms with their number of participants.
    Rooms(Vec<(model::Room, u32)>),
    Participants(Vec<model::Participant>),
    Participant(Box<model::Participant>),
    Track(Box<model::Track>),
    Empty,
}

/// Content type and body of an answer, status 200.
#[must_use]
pub fn encode(answer: &Answer, encoding: Encoding) -> (&'static str, Vec<u8>) {
    match answer {
        Answer::Rooms(rooms) => {
            let rooms = rooms.iter().map(|(room, participants)| to_room(room, *participants)).collect();
            write(&proto::ListRoomsResponse { rooms }, encoding)
        }
        Answer::Participants(participants) => {
            let participants = participants.iter().map(to_participant).collect();
            write(&proto::ListParticipantsResponse { participants }, encoding)
        }
        Answer::Participant(participant) => write(&to_participant(participant), encoding),
        Answer::Track(track) => {
            write(&proto::MuteRoomTrackResponse { track: Some(to_track(track)) }, encoding)
        }
        // Every empty answer is the same in both encodings.
        Answer::Empty => write(&proto::SendDataResponse {}, encoding),
    }
}

fn write<T: Message + Serialize>(message: &T, encoding: Encoding) -> (&'static str, Vec<u8>) {
    match encoding {
        Encoding::Protobuf => ("application/protobuf", message.encode_to_vec()),
        Encoding::Json => ("application/json", serde_json::to_vec(message).expect("plain data")),
    }
}
