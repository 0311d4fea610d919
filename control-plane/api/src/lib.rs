//! Contract: ids, tokens, node and room records, and where they stand in the store.
//!
//! What it is: the shapes every wing and every client of the control plane agrees on. Times are milliseconds since the
//! Unix epoch (`_ms`), bitrates bits per second (`_bps`), coordinates degrees.
//! What it is not: it opens no socket and asks no clock; whoever verifies a token says what time it is.

#![forbid(unsafe_code)]

pub mod class;
pub mod drain;
pub mod fact;
pub mod id;
pub mod join;
pub mod key;
pub mod node;
pub mod recording;
pub mod room;
pub mod token;
pub mod topology;
