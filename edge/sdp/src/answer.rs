//! The answer, as plain data and as text.

use std::net::SocketAddr;

use crate::{Codec, Direction, Extension, Kind};

/// An answer to one offer: `media` in the offer's order, one entry for each of its m-lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// `o=` session id: constant for a session; the version grows with every answer.
    pub session_id: u64,
    pub session_version: u64,
    pub ice_ufrag: String,
    pub ice_pwd: String,
    /// SHA-256 of the edge's certificate, `AA:BB:…`.
    pub fingerprint: String,
    pub candidates: Vec<Candidate>,
    pub media: Vec<AnswerMedia>,
    pub extmap_allow_mixed: bool,
}

/// A host candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub address: SocketAddr,
}

/// One m-line of the answer, from the edge's point of view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerMedia {
    pub mid: String,
    pub kind: Kind,
    /// Writes port 0 and `inactive`, and keeps the section out of the bundle.
    pub rejected: bool,
    pub direction: Direction,
    /// Chosen codecs with the offer's payload types, preferred first (their RTX entries included).
    pub codecs: Vec<Codec>,
    pub extensions: Vec<Extension>,
    /// RIDs accepted for receiving simulcast.
    pub receive_rids: Vec<String>,
    /// What the edge sends in this section.
    pub outgoing: Option<Outgoing>,
}

/// One stream the edge sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub ssrc: u32,
    pub rtx_ssrc: Option<u32>,
    pub cname: String,
    /// `a=msid` stream and track id.
    pub stream_id: String,
    pub track_id: String,
}

impl Answer {
    /// Writes the session description, CRLF line ends.
    #[must_use]
    pub fn write(&self) -> String {
        String::new()
    }
}
