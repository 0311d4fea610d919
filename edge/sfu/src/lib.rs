//! Core: the media state of one shard, without IO.
//!
//! An [`Sfu`] holds the WebRTC sessions of one media thread, the tracks their clients publish, and the streams made of
//! them: for clients, for links to other edges, for the recorder. It is told the time and the bytes; it owns no socket,
//! reads no clock, starts no thread. What a room is, who may see whom, and which client protocol asked is not known
//! here: `edge-room` decides and says it in [`Command`]s.
//!
//! ```text
//! handle_datagram ─> session (open) ─> rtp ─> router ─> layer ─> ring ─┬─> outgoing ─> session (seal) ─> transmits
//! handle_link_packet ───────────────────────────────────> layer ─> ring ┘└─> link_packets
//!                └─> rtcp ─> resend, keyframe requests, reports
//! handle_command ─> sessions, sources, streams, flows
//! handle_timeout ─> reports, NACK, PLI, transport-wide feedback, speakers, silence
//! ```
//!
//! # Run-loop contract
//!
//! State changes in exactly four verbs: [`Sfu::handle_datagram`], [`Sfu::handle_link_packet`],
//! [`Sfu::handle_command`] and [`Sfu::handle_timeout`]. After each of them, or after a batch of them taken from one
//! wake-up, the shell
//!
//! 1. drains [`Sfu::poll_event`] until `None` and hands the events to the room,
//! 2. sends everything in [`Sfu::transmits`], in order, and clears it,
//! 3. sends everything in [`Sfu::link_packets`], in order, and clears it,
//! 4. reads [`Sfu::poll_timeout`] and sleeps no longer than that.
//!
//! Draining mutates nothing but the queues drained. A batch should stay below about a millisecond of work, so that
//! what is gathered is sent soon; a deadline that has passed is served by the next `handle_timeout`. `now` never goes
//! back from one call to the next. Nothing here returns an error: what comes from outside and is wrong is dropped and
//! counted in [`Counters`].

#![forbid(unsafe_code)]

mod addresses;
mod api;
mod canonical;
mod codec;
mod counters;
mod keyframe;
mod layer;
mod nack;
mod outgoing;
mod participant;
mod reception;
mod report;
mod ring;
mod router;
mod rtcp;
mod rtp;
mod sfu;
mod slab;
mod source;
mod speaker;
mod timers;
mod transmits;
mod twcc;

pub use api::*;
pub use counters::Counters;
pub use sfu::{Config, FlowSnapshot, LayerSnapshot, Sfu, Snapshot};
pub use transmits::{LinkPackets, Transmits};

/// Silence after which a layer counts as stopped.
pub const LAYER_STOPPED_AFTER: std::time::Duration = std::time::Duration::from_millis(1500);
/// Pace of quality reports.
pub const QUALITY_INTERVAL: std::time::Duration = std::time::Duration::from_secs(2);

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an instant to begin at; time passes by arithmetic")]
fn begin() -> std::time::Instant {
    std::time::Instant::now()
}
