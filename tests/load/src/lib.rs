//! Load clients: stock WebRTC peers (crate `webrtc`) on the LiveKit wire, so that any server of that wire can be driven.
//!
//! [`Client`] joins a room, publishes [`media`] and counts what arrives ([`Tally`]). [`run`] makes a crowd of them and
//! reports; `seodang load` is its command line. [`Impairment`] is a UDP relay that loses packets and changes its port like a
//! NAT does; the integration tests put it between a client and its edge.

mod client;
mod impairment;
pub mod media;
mod report;
mod run;
mod signal;
mod tally;

pub use client::{Client, ClientConfig, Happening, Received, Track};
pub use impairment::Impairment;
pub use report::Report;
pub use run::{Arguments, run};
pub use tally::Tally;
