//! The canonical form of an RTP packet between nodes and in the journal.
//!
//! * Plaintext, after SRTP and RTX are undone; padding removed; no CSRCs.
//! * A packet without payload carried only padding: it says nothing but that its sequence number is not missing.
//! * Sequence number and timestamp as the publisher's edge received them on that layer.
//! * Payload type and SSRC carry nothing: the flow says what it is. Senders write [`PAYLOAD_TYPE`] and 0.
//! * Header extensions use the ids below (RFC 8285 one-byte form, two-byte form when an element is longer than 16 bytes);
//!   all other extensions are dropped at the publisher's edge.

/// Payload type of every canonical packet.
pub const PAYLOAD_TYPE: u8 = 96;

/// `urn:ietf:params:rtp-hdrext:ssrc-audio-level` (RFC 6464).
pub const EXTENSION_AUDIO_LEVEL: u8 = 1;
/// `urn:3gpp:video-orientation`.
pub const EXTENSION_VIDEO_ORIENTATION: u8 = 2;
/// AV1 dependency descriptor.
pub const EXTENSION_DEPENDENCY_DESCRIPTOR: u8 = 3;
/// `http://www.webrtc.org/experiments/rtp-hdrext/playout-delay`.
pub const EXTENSION_PLAYOUT_DELAY: u8 = 4;
/// `http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time`.
pub const EXTENSION_ABS_CAPTURE_TIME: u8 = 5;

/// Largest canonical packet: an SRTP datagram of 1,500 bytes less its tag is below it.
pub const PACKET_BYTES_MAX: usize = 1_472;
