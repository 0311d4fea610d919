//! Shell of the edge: sockets, threads, links and HTTP around the cores.
//!
//! ```text
//!   clients --UDP--> shard (thread: edge-sfu) <--commands/events--> eventloop (task: edge-room) <-- http: WebSocket, WHIP, WHEP, Twirp
//!                      |  ^                                            |  ^
//!                      v  |  media                                     v  |  control, data
//!                      link (quinn) <=================================> link (quinn) ===> other edges
//!                      v
//!                    recorder (thread) -> journal -> upload (quinn) ===> origin        facts (thread) -> spool --> control plane, webhooks
//! ```
//!
//! What it is: everything that touches the world. What it is not: it decides nothing about rooms or packets.

#![forbid(unsafe_code)]

mod admission;
mod clock;
pub mod config;
mod drain;
mod edge;
mod eventloop;
mod facts;
mod http;
mod link;
mod mesh;
mod metrics;
mod recorder;
mod report;
mod shard;

pub use config::Config;
pub use edge::{Addresses, Edge};
