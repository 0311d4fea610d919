//! Core: SDP offers read and answers written (RFC 8829, RFC 8866), without IO.
//!
//! What it is: [`Offer::parse`] turns a client's offer into plain data; [`Answer::write`] turns the answer the room decided
//! on into text. The edge is always the answerer, ICE-lite, DTLS server (`setup:passive`), one bundle, rtcp-mux.
//! What it is not: it decides nothing (which track goes where is the room's matter) and keeps no state.

#![forbid(unsafe_code)]

mod answer;
mod media;
mod offer;
mod section;

pub use answer::{Answer, AnswerMedia, Candidate, MAX_MESSAGE_BYTES, Outgoing, SCTP_PORT};
pub use offer::{Error, Offer, OfferMedia, RemoteSource};

/// A browser's offer with 100 sections is about 60 kB; anything longer is refused unread.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Sections are never taken away in a session, so a long class grows them; beyond this the client must join anew.
pub const MAX_MEDIA: usize = 128;
/// SSRCs kept of one section (three layers with repair need six); further ones are ignored.
pub const MAX_SOURCES: usize = 32;
/// RIDs kept of one section (three layers are usual); further ones are ignored.
pub const MAX_RIDS: usize = 8;

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
        self.fmtp
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(k, _)| k.eq_ignore_ascii_case(key))
            .map(|(_, v)| v)
    }
}

/// One `a=extmap` (RFC 8285).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    pub id: u8,
    pub uri: String,
}

/// RFC 8866 token, widened to all visible ASCII: what can stand as one word of a line.
fn is_token(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_graphic())
}
