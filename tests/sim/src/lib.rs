//! Simulator: the rooms of many edges (the real `edge_room::Rooms`) in one thread and one virtual time, over a network that loses
//! links, splits, restarts edges and drains them; and placement at the scale of a fleet.
//!
//! What it is not: it sends no media packet. The media thread is a book of commands (`books`) that finds fault with
//! commands that do not fit, and through which a track's way is followed from watcher to publisher.
//!
//! ```text
//! seed ─> lesson (who comes, what breaks) ─> world (time, wires, views) ─> Rooms × N ─> books, clients, journals ─> checks
//! ```
//!
//! A found defect is a seed and a commit; it becomes a named test where the defect was.

#![forbid(unsafe_code)]

mod books;
mod checks;
mod client;
pub mod failover;
pub mod lesson;
mod people;
mod plan;
pub mod scale;
mod wires;
mod world;
