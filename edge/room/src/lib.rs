//! Core: who is in a class, what they publish, who watches it, on this edge and on others.
//!
//! What it is: the control state of all rooms of one edge. It negotiates with clients (always as the answerer), keeps rosters
//! in step with other edges over links, and tells the media thread which packets go where. It is told the time and what
//! arrived; what is to be done comes out as [`Output`]s.
//!
//! What it is not: it touches no packet, opens no socket, reads no clock, and knows no client protocol by name.
//!
//! ```text
//! adapter ─ Join, Request ─┐                                  ┌─ Notice ─> adapter ─> client
//! shard ─── Event ─────────┤                                  ├─ Command ─> shard (edge-sfu)
//! link ──── Message, Data ─┼─> Rooms ─> Room ─> Peer │ Track ─┼─ Link, LinkData ─> other edges
//! control plane ───────────┤            Remote │ Path         ├─ Record ─> journal
//! time ────────────────────┘                                  └─ RoomOpened/Presence/Closed, Fact ─> control plane
//! ```
//!
//! `README.md` beside this crate lists the invariants, each with the test that guards it.

#![forbid(unsafe_code)]

mod admin;
mod api;
mod binding;
mod codec;
mod data;
mod demand;
mod edge;
mod enter;
mod follow;
mod handover;
mod limits;
mod link;
mod links;
mod media;
mod negotiate;
mod origin;
mod participant;
mod paths;
mod publish;
mod quality;
mod record;
mod removal;
mod request;
mod room;
mod rooms;
mod roster;
mod routes;
mod section;
mod size;
mod snapshot;
mod speaker;
mod subscribe;
pub mod topology;
mod track;

pub use api::*;
pub use limits::{
    ATTRIBUTES_BYTES_MAX, DATA_BYTES_MAX, EVENT_BYTES_MAX, GHOST_MAX, HEIR_MAX, LINK_GRACE, MEDIA_LINGER,
    NAME_BYTES_MAX, RESUME_LINGER, ROOM_LINGER, ROOM_PARTICIPANTS_MAX, TRACKS_PER_PARTICIPANT_MAX,
};
pub use links::{Neighbour, RoomPeers};
pub use rooms::Rooms;
