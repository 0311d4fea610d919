//! A client's offer as plain data.

use crate::section::{Attribute, Section, Sections, value, values};
use crate::{Codec, Direction, Extension, Kind, media};

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
    /// Port 0 outside of a bundle-only section: the section is rejected or stopped. Also a section outside of the bundle.
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
    #[error(
        "the offer says setup:{setup}: the edge is always the DTLS server, offer actpass or active (FFmpeg: -whip_flags dtls_active)"
    )]
    Setup { setup: String },
    #[error("the m-line {index} has no mid")]
    NoMid { index: usize },
    #[error("the offer has {count} m-lines, the limit is {limit}")]
    TooManyMedia { count: usize, limit: usize },
    #[error("the session description is {length} bytes, the limit is {limit}")]
    TooLong { length: usize, limit: usize },
}

impl Offer {
    /// Reads an offer. ICE credentials and fingerprint are those of the bundle's first section, else of the session; a
    /// section outside of the first `a=group:BUNDLE` counts as rejected, since a session has one transport.
    ///
    /// # Errors
    /// What is missing or malformed, in words for the client's developer.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let sections = Sections::split(text)?;
        let session = sections.session.as_slice();
        let bundle: Option<Vec<&str>> = values(session, "group").find_map(|group| {
            let mut words = group.split_ascii_whitespace();
            (words.next() == Some("BUNDLE")).then(|| words.collect())
        });
        let mut media: Vec<OfferMedia> = Vec::with_capacity(sections.media.len());
        for (index, section) in sections.media.iter().enumerate() {
            let mid = value(&section.attributes, "mid").unwrap_or("");
            let is_bundled = bundle.as_ref().map_or(index == 0, |mids| mids.contains(&mid));
            let read = media::read(section, session, index, is_bundled)?;
            if media.iter().any(|other| other.mid == read.mid) {
                return Err(Error::Syntax(format!("two m-lines have the mid {}", read.mid)));
            }
            media.push(read);
        }
        let transport = Transport { session, sections: &sections.media, media: &media };
        let ice_ufrag = transport.attribute("ice-ufrag").ok_or(Error::NoIce)?.to_owned();
        let ice_pwd = transport.attribute("ice-pwd").ok_or(Error::NoIce)?.to_owned();
        let fingerprint = transport.fingerprint().ok_or(Error::NoFingerprint)?.to_owned();
        if let Some(setup @ ("passive" | "holdconn")) = transport.attribute("setup") {
            return Err(Error::Setup { setup: setup.to_owned() });
        }
        let extmap_allow_mixed = value(session, "extmap-allow-mixed").is_some();
        Ok(Self { ice_ufrag, ice_pwd, fingerprint, media, extmap_allow_mixed })
    }
}

/// Where transport attributes are looked up: accepted sections first, since they may override the session's.
struct Transport<'a> {
    session: &'a [Attribute<'a>],
    sections: &'a [Section<'a>],
    media: &'a [OfferMedia],
}

impl<'a> Transport<'a> {
    fn attribute(&self, name: &str) -> Option<&'a str> {
        self.levels().find_map(|attributes| value(attributes, name)).filter(|v| !v.is_empty())
    }

    /// The SHA-256 one where several hashes are given.
    fn fingerprint(&self) -> Option<&'a str> {
        let level = self.levels().find(|attributes| value(attributes, "fingerprint").is_some())?;
        let is_sha256 = |v: &&str| v.get(..8).is_some_and(|hash| hash.eq_ignore_ascii_case("sha-256 "));
        values(level, "fingerprint")
            .find(is_sha256)
            .or_else(|| value(level, "fingerprint"))
            .filter(|v| !v.is_empty())
    }

    fn levels(&self) -> impl Iterator<Item = &'a [Attribute<'a>]> {
        let accepted = self.sections.iter().zip(self.media).filter(|(_, media)| !media.rejected);
        accepted.map(|(section, _)| section.attributes.as_slice()).chain([self.session])
    }
}
