//! Shell of the origin: QUIC ingest, durable store, HTTP.
//!
//! ```text
//! edge --QUIC--> ingest -> disk (journal, fdatasync) -> ack
//!                            '-> recorder -> [archive] -> store -> serve --HTTP--> cdn, viewers
//! ```
//!
//! What it is: the last home of what was taught. A journal's bytes are on disk before they are acknowledged; objects are
//! made of journals and can be made again.
//! What it is not: it knows no rooms in progress, no students and no browsers.

#![forbid(unsafe_code)]

mod config;
mod disk;
mod ingest;
mod library;
mod metrics;
mod origin;
mod recorder;
mod serve;
mod store;

pub use config::Config;
pub use origin::{Addresses, Origin};

/// News of a recording for the control plane's store: it has begun, or it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingUpdate(pub control_plane_api::recording::Recording);
