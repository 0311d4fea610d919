//! A client's offer as plain data.

use crate::{Codec, Direction, Extension, Kind};

/// What an offer says, in the order it says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub ice_ufrag: String,
    pub ice_pwd: String,
    /// `sha-256 AA:BB:…` as written.
    pub fingerprint: String,
    pub media: Vec<OfferMedia>,
    /// `a=extmap-allow-mixed` at session level.
    pub extmap_allow_mixed: bool,
}

/// One m-line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferMedia {
    pub mid: String,
    pub kind: Kind,
    /// Port 0 outside of a bundle-only section: the section is rejected or stopped.
    pub rejected: bool,
    pub direction: Direction,
    /// In the order of preference (the order of the m-line's formats).
    pub codecs: Vec<Codec>,
    pub extensions: Vec<Extension>,
    /// RIDs the client sends, in the order of `a=simulcast:send` (lowest first for `q;h;f`), paused ones included.
    pub send_rids: Vec<String>,
    /// SSRCs the client declares for what it sends.
    pub sources: Vec<RemoteSource>,
    /// `a=msid` stream and track id of what the client sends.
    pub msid: Option<(String, String)>,
    /// `a=sctp-port`; application sections only.
    pub sctp_port: Option<u16>,
    pub max_message_size: Option<u32>,
}

/// One declared SSRC with its repair stream (`a=ssrc-group:FID`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteSource {
    pub ssrc: u32,
    pub rtx_ssrc: Option<u32>,
    pub cname: String,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error("the session description does not parse: {0}")]
    Syntax(String),
    #[error("the offer has no ice-ufrag and ice-pwd")]
    NoIce,
    #[error("the offer has no fingerprint: DTLS is required")]
    NoFingerprint,
    #[error("the m-line {index} has no mid")]
    NoMid { index: usize },
    #[error("the offer has {count} m-lines, the limit is {limit}")]
    TooManyMedia { count: usize, limit: usize },
    #[error("the session description is {length} bytes, the limit is {limit}")]
    TooLong { length: usize, limit: usize },
}

impl Offer {
    /// Reads an offer.
    ///
    /// # Errors
    /// What is missing or malformed, in words for the client's developer.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Err(Error::Syntax(text.chars().take(20).collect()))
    }
}
