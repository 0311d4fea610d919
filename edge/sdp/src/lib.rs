//! Core: SDP offers read and answers written (RFC 8829, RFC 8866), without IO.
//!
//! What it is: [`Offer::parse`] turns a client's offer into plain data; [`Answer::write`] turns the answer the room decided
//! on into text. The edge is always the answerer, ICE-lite, DTLS server (`setup:passive`), one bundle, rtcp-mux.
//! What it is not: it decides nothing (which track goes where is the room's matter) and keeps no state.

#![forbid(unsafe_code)]

mod answer;
mod offer;

pub use answer::{Answer, AnswerMedia, Candidate, Outgoing};
pub use offer::{Error, Offer, OfferMedia, RemoteSource};

/// Kind of an m-line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Audio,
    Video,
    /// Data channels (RFC 8841).
    Application,
}

/// Direction as its writer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    #[must_use]
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    #[must_use]
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }
}

/// One payload type of an m-line, with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codec {
    pub payload_type: u8,
    /// Encoding name as written, e.g. `VP8`, `opus`, `rtx`.
    pub name: String,
    pub clock_rate_hz: u32,
    /// 1 when not said.
    pub channels: u8,
    /// The `a=fmtp` parameters, e.g. `apt=96` or `level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f`.
    pub fmtp: String,
    /// `a=rtcp-fb` values, e.g. `nack`, `nack pli`, `transport-cc`.
    pub rtcp_fb: Vec<String>,
}

impl Codec {
    /// One `key=value` of the fmtp line.
    #[must_use]
    pub fn parameter(&self, key: &str) -> Option<&str> {
        self.fmtp.split(';').filter_map(|pair| pair.trim().split_once('=')).find(|(k, _)| k.eq_ignore_ascii_case(key)).map(|(_, v)| v)
    }
}

/// One `a=extmap` (RFC 8285).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    pub id: u8,
    pub uri: String,
}
