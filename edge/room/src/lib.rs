//! Core: who is in a class, what they publish, who watches it, on this edge and on others.
mod api;
pub use api::*;
