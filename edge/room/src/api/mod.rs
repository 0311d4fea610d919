//! The room's own words: what clients ask, what they are told, and what the shell carries out. No client protocol is named
//! here; `edge/signaling` translates.

mod admin;
mod join;
mod notice;
mod output;
mod request;

pub use admin::{Admin, AdminError};
pub use join::{Config, Join, JoinError, Move, MovedTrack, PeerId};
pub use notice::{LeaveAction, LeaveReason, Notice, RequestError, RequestErrorKind};
pub use output::{Fact, Output};
pub use request::{AddTrack, Request, Simulate, TrackPermission, TrackSettings};
