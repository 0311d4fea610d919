//! The answer, as plain data and as text.

use std::fmt::{self, Write as _};
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

/// `a=sctp-port` of the edge.
pub const SCTP_PORT: u16 = 5000;
/// Largest data channel message the edge takes, bytes; clients of the class send 64 kB at most.
pub const MAX_MESSAGE_BYTES: u32 = 262_144;

/// First local preference of a host candidate's priority (RFC 8445 section 5.1.2.1); following candidates go down by one.
const HOST_PREFERENCE: u32 = 65_535;

impl Answer {
    /// Writes the session description, CRLF line ends.
    ///
    /// Every accepted section carries the transport's lines (browsers write them so, and not every client looks at the
    /// session level); candidates stand in the first one only, which is where a bundle's transport lives.
    #[must_use]
    pub fn write(&self) -> String {
        let mut out = Lines(String::with_capacity(512 + self.media.len() * 1024));
        out.line(format_args!("v=0"));
        out.line(format_args!("o=- {} {} IN IP4 127.0.0.1", self.session_id, self.session_version));
        out.line(format_args!("s=-"));
        out.line(format_args!("t=0 0"));
        let bundled: Vec<&str> = self.media.iter().filter(|m| !m.rejected).map(|m| m.mid.as_str()).collect();
        if !bundled.is_empty() {
            out.line(format_args!("a=group:BUNDLE {}", bundled.join(" ")));
        }
        out.line(format_args!("a=ice-lite"));
        if self.extmap_allow_mixed {
            out.line(format_args!("a=extmap-allow-mixed"));
        }
        out.line(format_args!("a=msid-semantic: WMS *"));
        let mut is_first = true;
        for media in &self.media {
            media.write_head(&mut out);
            if media.rejected {
                continue;
            }
            self.write_transport(&mut out, is_first);
            is_first = false;
            if media.kind == Kind::Application {
                out.line(format_args!("a=sctp-port:{SCTP_PORT}"));
                out.line(format_args!("a=max-message-size:{MAX_MESSAGE_BYTES}"));
            } else {
                media.write_rtp(&mut out);
            }
        }
        out.0
    }

    fn write_transport(&self, out: &mut Lines, with_candidates: bool) {
        out.line(format_args!("a=ice-ufrag:{}", self.ice_ufrag));
        out.line(format_args!("a=ice-pwd:{}", self.ice_pwd));
        out.line(format_args!("a=fingerprint:sha-256 {}", self.fingerprint));
        out.line(format_args!("a=setup:passive"));
        if !with_candidates {
            return;
        }
        for (index, candidate) in self.candidates.iter().enumerate() {
            let preference = HOST_PREFERENCE.saturating_sub(u32::try_from(index).unwrap_or(HOST_PREFERENCE));
            let priority = (126 << 24) | (preference << 8) | 255;
            out.line(format_args!(
                "a=candidate:{} 1 udp {priority} {} {} typ host",
                index + 1,
                candidate.address.ip(),
                candidate.address.port()
            ));
        }
        out.line(format_args!("a=end-of-candidates"));
    }
}

impl AnswerMedia {
    fn write_head(&self, out: &mut Lines) {
        let port = if self.rejected { 0 } else { 9 };
        let (kind, protocol) = match self.kind {
            Kind::Audio => ("audio", "UDP/TLS/RTP/SAVPF"),
            Kind::Video => ("video", "UDP/TLS/RTP/SAVPF"),
            Kind::Application => ("application", "UDP/DTLS/SCTP"),
        };
        let formats: Vec<String> = match self.kind {
            Kind::Application => vec!["webrtc-datachannel".to_owned()],
            // The grammar wants one format even in a refused section.
            _ if self.codecs.is_empty() => vec!["0".to_owned()],
            _ => self.codecs.iter().map(|c| c.payload_type.to_string()).collect(),
        };
        out.line(format_args!("m={kind} {port} {protocol} {}", formats.join(" ")));
        out.line(format_args!("c=IN IP4 0.0.0.0"));
        out.line(format_args!("a=mid:{}", self.mid));
        if self.rejected {
            out.line(format_args!("a=inactive"));
        }
    }

    fn write_rtp(&self, out: &mut Lines) {
        out.line(format_args!("a={}", self.direction.attribute()));
        out.line(format_args!("a=rtcp-mux"));
        out.line(format_args!("a=rtcp-rsize"));
        for codec in &self.codecs {
            write_codec(codec, out);
        }
        for extension in &self.extensions {
            out.line(format_args!("a=extmap:{} {}", extension.id, extension.uri));
        }
        if !self.receive_rids.is_empty() {
            for rid in &self.receive_rids {
                out.line(format_args!("a=rid:{rid} recv"));
            }
            out.line(format_args!("a=simulcast:recv {}", self.receive_rids.join(";")));
        }
        if let Some(outgoing) = self.outgoing.as_ref().filter(|_| self.direction.sends()) {
            outgoing.write(out);
        }
    }
}

impl Outgoing {
    /// Both forms of the msid: the section's, and the source's for readers older than RFC 8830.
    fn write(&self, out: &mut Lines) {
        out.line(format_args!("a=msid:{} {}", self.stream_id, self.track_id));
        if let Some(rtx) = self.rtx_ssrc {
            out.line(format_args!("a=ssrc-group:FID {} {rtx}", self.ssrc));
        }
        for ssrc in [Some(self.ssrc), self.rtx_ssrc].into_iter().flatten() {
            out.line(format_args!("a=ssrc:{ssrc} cname:{}", self.cname));
            out.line(format_args!("a=ssrc:{ssrc} msid:{} {}", self.stream_id, self.track_id));
        }
    }
}

impl Direction {
    fn attribute(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }
}

fn write_codec(codec: &Codec, out: &mut Lines) {
    let pt = codec.payload_type;
    if codec.channels > 1 {
        out.line(format_args!("a=rtpmap:{pt} {}/{}/{}", codec.name, codec.clock_rate_hz, codec.channels));
    } else {
        out.line(format_args!("a=rtpmap:{pt} {}/{}", codec.name, codec.clock_rate_hz));
    }
    for feedback in &codec.rtcp_fb {
        out.line(format_args!("a=rtcp-fb:{pt} {feedback}"));
    }
    if !codec.fmtp.is_empty() {
        out.line(format_args!("a=fmtp:{pt} {}", codec.fmtp));
    }
}

/// Text with CRLF after each line.
struct Lines(String);

impl Lines {
    fn line(&mut self, text: fmt::Arguments<'_>) {
        // Writing into a String has no failure to report.
        let _ = self.0.write_fmt(text);
        self.0.push_str("\r\n");
    }
}
