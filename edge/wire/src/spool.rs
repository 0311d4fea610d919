//! The spool of facts: what an edge writes down about who came, left and published, until everybody who must know does.
//!
//! A segment is a sequence of [`checked`] records. Its name has the epoch of the process that wrote it. It begins with those
//! who were in ([`Kind::Present`], sequence 0), so that segments before it are not needed to know who left.

use crate::{checked, model};

/// Largest body accepted: a participant with all the metadata it may have.
pub const RECORD_BYTES_MAX: usize = 256 * 1024;

/// Read with [`read`].
pub type Read = checked::Read<Box<Record>>;

#[derive(Clone, PartialEq, prost::Message)]
pub struct Record {
    /// Number within the epoch, from 1; 0 for [`Kind::Present`], which is no fact.
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
    /// Wall clock of the edge when it happened, milliseconds since the Unix epoch.
    #[prost(uint64, tag = "2")]
    pub at_ms: u64,
    #[prost(enumeration = "Kind", tag = "3")]
    pub kind: i32,
    #[prost(message, required, tag = "4")]
    pub room: model::Room,
    #[prost(message, optional, tag = "5")]
    pub participant: Option<model::Participant>,
    #[prost(message, optional, tag = "6")]
    pub track: Option<model::Track>,
    /// Why somebody left; a word such as `client-initiated`, `edge-lost`.
    #[prost(string, tag = "7")]
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum Kind {
    /// Was in when the segment began: the record of its join.
    Present = 0,
    RoomStarted = 1,
    RoomFinished = 2,
    ParticipantJoined = 3,
    ParticipantLeft = 4,
    TrackPublished = 5,
    TrackUnpublished = 6,
    /// Goes on here after it joined at another edge: no fact, but who is killed with this edge now leaves it.
    ParticipantArrived = 7,
    /// Goes on at another edge, whose word it is that it leaves.
    ParticipantDeparted = 8,
}

/// Appends one record.
pub fn append(record: &Record, out: &mut Vec<u8>) {
    checked::append(record, out);
}

/// Reads the record at the start of `bytes`.
#[must_use]
pub fn read(bytes: &[u8]) -> Read {
    match checked::read::<Record>(bytes, RECORD_BYTES_MAX) {
        checked::Read::Record(record, length) => Read::Record(Box::new(record), length),
        checked::Read::NeedMore => Read::NeedMore,
        checked::Read::Corrupt => Read::Corrupt,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_and_damage_ends_the_segment() {
        let record = Record { sequence: 7, at_ms: 9, kind: Kind::RoomStarted as i32, ..Record::default() };
        let mut bytes = Vec::new();
        append(&record, &mut bytes);
        assert_eq!(read(&bytes), Read::Record(Box::new(record), bytes.len()));
        assert_eq!(read(&bytes[..bytes.len() - 1]), Read::NeedMore);
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(!matches!(read(&damaged), Read::Record(..)), "byte {at}");
        }
    }
}
