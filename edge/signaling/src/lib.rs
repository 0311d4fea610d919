//! Adapter: client protocols (LiveKit wire v1, Twirp, WHIP, WHEP, webhooks) to the room core's own words.
//!
//! What it is: pure functions and small per-client state between bytes of a client protocol and `edge_room`'s requests and
//! notices. The shell owns sockets and clocks: it hands over a query string, a frame or a body with the time, and sends
//! what it gets back.
//! What it is not: it decides nothing about a class. It is the only crate that names these protocols.
//!
//! ```text
//!   GET /rtc/v1?…        -> lk::parse_connect -> Connect -> edge_room::Join
//!   WebSocket frame      -> lk::decode_request -> edge_room::Request | ping | sync state | reply
//!   edge_room::Notice    -> lk::encode_notice -> WebSocket frames
//!   data channel message -> lk::DataState::stamp -> edge_wire::model::Data (+ chat line for the timeline)
//!   POST /twirp/…        -> twirp::parse -> Call … twirp::encode
//!   /whip, /whep         -> whip::*, whep::*
//!   edge_room::Fact      -> webhook::event
//! ```

#![forbid(unsafe_code)]

mod entry;
mod grant;
mod http;
pub mod lk;
mod query;
mod sdpfrag;
pub mod twirp;
pub mod webhook;
pub mod whep;
pub mod whip;

pub use http::{HttpError, Response};
pub use sdpfrag::Fragment;

/// A STUN or TURN server told to clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:…`, `turn:…?transport=udp`, `turns:…`.
    pub urls: Vec<String>,
    pub username: String,
    pub credential: String,
}
