//! What a session tells its driver.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::{ChannelId, SrtpProfile};

/// A change of the session, from `Session::poll_event`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// DTLS finished and the peer's certificate matches its fingerprint. Media may be sealed from now on, except when
    /// `profile` is `None`: the peer negotiated no SRTP and uses data channels alone.
    Connected { profile: Option<SrtpProfile> },
    /// The peer opened a data channel (DCEP OPEN, already acknowledged).
    ChannelOpen {
        id: ChannelId,
        label: String,
        protocol: String,
        ordered: bool,
        /// `false` when the peer limited retransmissions or lifetime.
        reliable: bool,
    },
    /// The channel is gone: reset by the peer, closed here, or lost with its association. Its id may come again.
    ChannelClosed { id: ChannelId },
    /// One whole message.
    ChannelData { id: ChannelId, binary: bool, payload: Bytes },
    /// `Session::destination` moved: the peer nominated another path, or its NAT rebound.
    AddressChanged { from: SocketAddr, to: SocketAddr },
    /// The session is over. The last event; every datagram after it is dropped.
    Closed { reason: CloseReason },
}

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// `Session::close` was called.
    #[error("closed by this side")]
    Local,
    /// The peer sent a DTLS close_notify.
    #[error("closed by the peer")]
    Peer,
    /// No connection within 30 s of `Session::new`.
    #[error("no DTLS connection within 30 s; check that UDP reaches the edge from the peer")]
    HandshakeTimeout,
    /// Nothing authenticated came from the peer for 30 s (RFC 7675).
    #[error("nothing authenticated came from the peer for 30 s")]
    ConsentExpired,
    /// The peer's certificate is not the one its SDP announced.
    #[error("the peer's certificate does not match the fingerprint in its SDP")]
    FingerprintMismatch,
    /// DTLS failed for the reason given: a fatal alert, no common cipher suite, no extended master secret.
    #[error("DTLS failed: {0}")]
    Dtls(String),
}

impl CloseReason {
    /// A metric label: one of a fixed few.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Peer => "peer",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::ConsentExpired => "consent_expired",
            Self::FingerprintMismatch => "fingerprint_mismatch",
            Self::Dtls(_) => "dtls",
        }
    }
}

/// What `Session::handle_datagram` made of a datagram.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// Consumed by the session (STUN, DTLS, SCTP): poll transmits, events and the timeout.
    Nothing,
    /// A whole RTP packet in the clear, authenticated, never seen before. It lies in the datagram's own bytes.
    Rtp(&'a mut [u8]),
    /// A whole compound RTCP packet in the clear, authenticated, never seen before.
    Rtcp(&'a [u8]),
    /// Not for us or not genuine. A STUN error answer may still be due: poll transmits.
    Dropped(DropReason),
}

/// Why a datagram was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// The first bytes match no protocol of RFC 7983.
    UnknownKind,
    /// Truncated or not well formed.
    Malformed,
    /// STUN without, or with wrong, credentials; or a check that asks for what a lite agent refuses.
    StunRejected,
    /// A STUN response or indication: a lite agent has no use for it.
    StunIgnored,
    /// DTLS, RTP or RTCP from an address no authenticated check has come from.
    UnvalidatedAddress,
    /// More handshake datagrams or fragments than a genuine handshake needs.
    HandshakeFlood,
    /// A handshake message that was answered already; the answer is repeated by our own timer.
    HandshakeRepeat,
    /// RTP or RTCP before the handshake has made keys, or when it negotiated none.
    NoKeys,
    /// SRTP or SRTCP that fails authentication.
    Unauthenticated,
    /// SRTP or SRTCP seen before, or older than the replay window.
    Replayed,
    /// A new SSRC while the table of SSRCs is full of active ones.
    TooManySsrcs,
    /// The session is closed.
    Closed,
}

impl DropReason {
    /// A metric label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownKind => "unknown_kind",
            Self::Malformed => "malformed",
            Self::StunRejected => "stun_rejected",
            Self::StunIgnored => "stun_ignored",
            Self::UnvalidatedAddress => "unvalidated_address",
            Self::HandshakeFlood => "handshake_flood",
            Self::HandshakeRepeat => "handshake_repeat",
            Self::NoKeys => "no_keys",
            Self::Unauthenticated => "unauthenticated",
            Self::Replayed => "replayed",
            Self::TooManySsrcs => "too_many_ssrcs",
            Self::Closed => "closed",
        }
    }
}

/// A datagram to send, from `Session::poll_transmit`. Never media.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    pub destination: SocketAddr,
    pub payload: Bytes,
}
