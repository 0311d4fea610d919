//! The recording journal: an append-only log of everything published through one edge in one life of a room.
//!
//! A file is a sequence of records: `length u32 LE` (of the body), `crc32c u32 LE` (of the body), then the body, a protobuf
//! [`Record`]. A reader stops at the first record that is short or fails its CRC: what precedes is the recording.

use bytes::Bytes;

use crate::{checked, control::Codec, model};

/// Largest body accepted.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;
pub use crate::checked::HEADER_BYTES;

#[derive(Clone, PartialEq, prost::Message)]
pub struct Record {
    /// Wall clock of the edge at arrival, milliseconds since the Unix epoch.
    #[prost(uint64, tag = "1")]
    pub at_ms: u64,
    #[prost(oneof = "Entry", tags = "2, 3, 4, 5, 6, 7")]
    pub entry: Option<Entry>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
#[expect(
    clippy::large_enum_variant,
    reason = "packets are by far the most frequent and must not cost an allocation"
)]
pub enum Entry {
    #[prost(message, tag = "2")]
    Open(StreamOpen),
    #[prost(message, tag = "3")]
    Packet(Packet),
    #[prost(message, tag = "4")]
    Report(Report),
    #[prost(message, tag = "5")]
    Close(StreamClose),
    /// Roster, mute, chat and other events for the class timeline: JSON.
    #[prost(message, tag = "6")]
    Event(Event),
    /// The room has ended on this edge; nothing follows.
    #[prost(message, tag = "7")]
    End(End),
}

/// A new stream: one layer of one track.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StreamOpen {
    /// Number within this journal.
    #[prost(uint32, tag = "1")]
    pub stream: u32,
    #[prost(message, required, tag = "2")]
    pub track: model::Track,
    #[prost(string, tag = "3")]
    pub participant_sid: String,
    #[prost(string, tag = "4")]
    pub identity: String,
    #[prost(string, tag = "5")]
    pub name: String,
    /// Index of the layer, lowest first.
    #[prost(uint32, tag = "6")]
    pub layer: u32,
    #[prost(message, required, tag = "7")]
    pub codec: Codec,
}

/// One RTP packet in the canonical form of [`crate::rtp`]. Late repaired packets stand where they arrived.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Packet {
    #[prost(uint32, tag = "1")]
    pub stream: u32,
    #[prost(bytes = "bytes", tag = "2")]
    pub rtp: Bytes,
}

/// NTP to RTP mapping of a stream (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Report {
    #[prost(uint32, tag = "1")]
    pub stream: u32,
    #[prost(fixed64, tag = "2")]
    pub ntp: u64,
    #[prost(uint32, tag = "3")]
    pub rtp_timestamp: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct StreamClose {
    #[prost(uint32, tag = "1")]
    pub stream: u32,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Event {
    /// `join`, `leave`, `mute`, `unmute`, `chat`, …
    #[prost(string, tag = "1")]
    pub kind: String,
    #[prost(string, tag = "2")]
    pub json: String,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct End {}

/// What stands at the start of a run of journal bytes.
pub type Read = checked::Read<Box<Record>>;

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
    use proptest::prelude::*;

    use super::*;

    fn packet(rtp: Vec<u8>) -> Record {
        let entry = Entry::Packet(Packet { stream: 3, rtp: rtp.into() });
        Record { at_ms: 1_700_000_000_000, entry: Some(entry) }
    }

    proptest! {
        #[test]
        fn a_record_reads_back_and_a_flipped_bit_is_noticed(
            rtp in proptest::collection::vec(any::<u8>(), 1..1_400),
            position in any::<prop::sample::Index>(),
            bit in 0_u8..8,
        ) {
            let record = packet(rtp);
            let mut bytes = Vec::new();
            append(&record, &mut bytes);
            prop_assert_eq!(read(&bytes), Read::Record(Box::new(record.clone()), bytes.len()));
            prop_assert_eq!(read(&bytes[..bytes.len() - 1]), Read::NeedMore);
            let at = position.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert_ne!(read(&bytes), Read::Record(Box::new(record), bytes.len()));
        }
    }
}
