//! Core: the WebRTC transport of one peer, without IO.
//!
//! A [`Session`] answers ICE connectivity checks as a lite agent, is the DTLS 1.2 server, opens and seals SRTP and
//! SRTCP, and carries SCTP data channels. It is told the time and the bytes; it owns no socket and reads no clock.
//!
//! It is not an SFU: it knows neither SDP (that is `edge-sdp`) nor what an RTP packet means beyond the fields SRTP
//! needs. One media shard drives thousands of sessions; the README has the life of one, and its invariants.
//!
//! ```text
//!                      classify (RFC 7983)
//! handle_datagram ──┬─ STUN ─> ice ── answers ──────────────────────────┐
//!                   ├─ DTLS ─> dtls ─ keys ─> srtp                      ├─> poll_transmit
//!                   │            └─── data ─> data (SCTP) ─> dtls ──────┘
//!                   └─ RTP, RTCP ───────────> srtp ─> Received::{Rtp, Rtcp}
//! seal_rtp, seal_rtcp ──────────────────────> srtp    (the caller sends these to `destination`)
//! ```
//!
//! # Run loop contract
//! After every `handle_*`, `send_data`, `close_channel` or `close` call, in this order: `poll_transmit` until `None`,
//! `poll_event` until `None`, then read `poll_timeout`. A call to `handle_datagram` that returned
//! [`Received::Rtp`] or [`Received::Rtcp`] changes none of the three, so media skips all of them.
//! `seal_rtp` and `seal_rtcp` change none either.

mod config;
mod data;
mod demux;
mod dtls;
mod event;
mod fence;
mod ice;
mod session;
mod srtp;

pub use config::{Config, ConfigError, Fingerprint, FingerprintError, LocalIce, RemoteParameters};
pub use data::{ChannelId, MESSAGE_LENGTH_MAX, SendDataError};
pub use demux::{DatagramKind, classify};
pub use event::{CloseReason, DropReason, Event, Received, Transmit};
pub use ice::stun_local_ufrag;
pub use session::Session;
pub use srtp::{SRTCP_OVERHEAD_MAX, SRTP_OVERHEAD_MAX, SealError, SrtpProfile};
