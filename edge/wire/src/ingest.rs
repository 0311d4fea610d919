//! Upload of recording journals from an edge to the origin (ALPN [`crate::ALPN_INGEST`]).
//!
//! One bidirectional stream per journal. The edge sends [`OpenJournal`] as one frame; the origin answers [`Resume`] with
//! the offset it holds durably; the edge sends the journal's bytes from there as raw stream bytes, without framing, and
//! finishes the stream after the last record of a closed journal. The origin answers [`Ack`] frames whenever more bytes
//! are on disk for good (fdatasync done). The edge frees nothing before it is acknowledged.
//!
//! A repeated upload is harmless: offsets make it idempotent. Bytes that fail a record's CRC close the stream with an
//! error, and the edge resumes from the last durable offset.

/// "Here comes this journal."
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct OpenJournal {
    #[prost(uint32, tag = "1")]
    pub version: u32,
    #[prost(string, tag = "2")]
    pub room: String,
    /// One life of the room: recordings of different lives never mix.
    #[prost(string, tag = "3")]
    pub room_sid: String,
    /// Node that wrote the journal.
    #[prost(string, tag = "4")]
    pub node_id: String,
    /// Start of this journal on that node, ms since the Unix epoch: a restarted edge writes a new one.
    #[prost(uint64, tag = "5")]
    pub epoch: u64,
}

/// "I hold this many bytes durably; continue there."
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Resume {
    #[prost(uint64, tag = "1")]
    pub offset: u64,
}

/// "Bytes below this offset are durable." `complete` answers a finished stream.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Ack {
    #[prost(uint64, tag = "1")]
    pub offset: u64,
    #[prost(bool, tag = "2")]
    pub complete: bool,
}

/// QUIC application error codes with which the origin stops a stream (`STOP_SENDING` and `RESET_STREAM`). After
/// [`error_code::CORRUPT`], [`error_code::BUSY`] and [`error_code::STORAGE`] the edge opens the journal again after a
/// back-off and resumes from the answered offset; the others need an operator.
pub mod error_code {
    /// The first frame is not an [`OpenJournal`](super::OpenJournal) of a version this origin speaks, or a name in it is not usable.
    pub const BAD_OPEN: u32 = 1;
    /// The node named is not the one the certificate names.
    pub const NOT_YOURS: u32 = 2;
    /// Bytes failed a record's CRC or went past the end of a closed journal.
    pub const CORRUPT: u32 = 3;
    /// The journal or the number of open journals is over the origin's limit.
    pub const LIMIT: u32 = 4;
    /// The origin cannot write: its disk is full or failing.
    pub const STORAGE: u32 = 5;
    /// A newer stream of the same journal took over, or the origin is shutting down.
    pub const BUSY: u32 = 6;
}
