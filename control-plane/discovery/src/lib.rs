//! Core: how people find a class, and how instructors learn what is looked for.
//!
//! Three things, none of which opens a socket, reads a clock or knows a database:
//! - [`Index`]: full-text search that knows Korean (particles, half words, letters still being typed) and English;
//! - [`Recommender`]: what those who took the same classes took, with content for newcomers, each with its reason;
//! - [`demand`]: wishes and searches without a class, by topic, region, level and week.
//!
//! The shell feeds them from its tables and keeps one of each per process; all of it is rebuilt from the tables at start.

#![forbid(unsafe_code)]

pub mod demand;
pub mod hangul;
mod index;
pub mod recommend;
mod score;
pub mod text;

pub use index::{Document, Index};
pub use recommend::{Act, Item, Person, Reason, Recommendation, Recommender, Taken};
pub use score::Hit;
