//! Which node a user goes to, as pure functions over a [`View`].
//!
//! # What it promises
//!
//! A user should be near their edge, since the last mile repairs fastest over a short way; a class should sit on few edges, since each
//! further edge costs one more copy of its media across the country; and no edge takes more than it said it can. So:
//!
//! 1. A node that is **full** (participants at its capacity) is left out and named with that reason. If all are full
//!    the answer is empty, and whoever asked says so: nobody is squeezed in silently.
//! 2. A node that **drains** comes only when no other is there: an old edge beats none.
//! 3. The rest are ordered by **cost in kilometres**: the great-circle distance, plus [`LOADED_KM`] in the measure
//!    that a node is loaded beyond [`LOADED_SHARE`], less [`ROOM_KM`] if it carries the room already. The last is the
//!    detour worth taking to spare a new hop: 100 km of fibre is one millisecond there and back, a hop costs a copy.
//! 4. Where a distance cannot be told (the user or the node has no position), a node in the user's region counts as
//!    near and any other as [`UNKNOWN_KM`] away.
//! 5. Equal costs go by fewer participants, then by node id: the same view gives the same answer on every control
//!    plane, in whatever order the nodes came.
//!
//! 6. A **measured** round trip goes before distance: it is turned into kilometres at [`KM_US`] each, and what
//!    the user's own network adds to the measured nodes is added to the others, so that the two compare. A user who is in the
//!    class already **stays** on their edge unless another is nearer by [`STAY_KM`], so that nobody swings to and fro.
//!
//! [`tree`] says which edges of a room are linked, and where each goes when it loses a parent. [`Atlas`] gives the
//! answers of [`nearest()`] to many users of one view.
//!
//! What it is not: it opens nothing, asks no clock and keeps nothing between calls.

#![forbid(unsafe_code)]

mod atlas;
pub mod geography;
pub mod nearest;
mod network;
mod record;
mod repair;
mod seconds;
pub mod tree;

pub use atlas::{Atlas, Carrying};
pub use nearest::{
    Excluded, Hint, Measured, Obstacle, Ranked, Ranking, Reason, View, nearest, nearest_measured,
};
pub use network::Network;
pub use tree::{Place, Plan, Shape, plan};

/// Share of its capacity or of its processor from which on a node counts as loaded.
pub const LOADED_SHARE: f64 = 0.7;
/// What a node with no room left would cost; it rises to this from 0 at [`LOADED_SHARE`].
pub const LOADED_KM: f64 = 500.0;
/// Detour worth taking to an edge that carries the room already.
pub const ROOM_KM: f64 = 100.0;
/// How much nearer another node has to be for a user to leave the one they are on; about 6 ms.
pub const STAY_KM: f64 = 400.0;
/// Stands for a distance nobody knows: farther than anything inside a country, nearer than the other side of the globe.
pub const UNKNOWN_KM: f64 = 10_000.0;

/// Rooms on at most so many edges have direct links between all: a publisher's edge then sends at most five copies.
pub const DIRECT_EDGES_MAX: usize = 6;
/// Neighbours of an edge in a tree: at least so many may be used ...
pub const DEGREE_MIN: usize = 4;
/// ... and more only in rooms so large that the tree would be too deep; eight serve 3,201 edges. Past it edges are named crowded.
pub const DEGREE_MAX: usize = 8;
/// Links from the root down. Twice that is the longest hop path the cascade takes (`HOPS_MAX` of `edge-room`).
pub const DEPTH_MAX: usize = 4;
/// Neighbours an edge may have beyond its share after a repair, until the room gets a new tree.
pub const REPAIR_SPARE: usize = 3;
/// A new tree has to be shorter by this share to replace the one in use.
pub const BETTER_SHARE: f64 = 0.2;
/// What relaying costs besides the way, in microseconds: queueing and pacing at one more edge.
pub const HOP_US: u32 = 1_000;
/// Round trip of a kilometre of fibre in microseconds; routes are about half as long again as great circles.
pub const KM_US: f64 = 15.0;
/// What losing every packet would cost, in microseconds; a link that loses 2 % counts as 20 ms longer, about one repair.
pub const LOSS_US: f32 = 1_000_000.0;
