//! Load clients: stock WebRTC peers (crate `webrtc`) on the LiveKit wire, so that any server of that wire can be driven.
//!
//! [`Client`] joins a room, publishes [`media`] and counts what arrives ([`Tally`]). [`run`] makes a crowd of them and
//! reports; `seodang load` is its command line. [`Impairment`] is a UDP relay that loses packets and changes its port like a
//! NAT does; the integration tests put it between a client and its edge.

mod client;
mod impairment;
mod keyframe;
pub mod media;
mod peer;
mod publish;
mod report;
mod run;
mod session;
mod signal;
mod tally;

pub use client::{Client, ClientConfig, Happening, Received, Track};
pub use impairment::{Faults, Impairment};
pub use report::{Percentiles, Report};
pub use run::{Arguments, run};
pub use tally::Tally;

/// The client protocol and RTP, in the versions the clients speak.
pub use livekit_protocol as protocol;
pub use rtc::rtp;
