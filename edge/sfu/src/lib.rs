//! Core: the media state of one shard, without IO.
mod api;
pub use api::*;
/// Silence after which a layer counts as stopped.
pub const LAYER_STOPPED_AFTER: std::time::Duration = std::time::Duration::from_millis(1500);
/// Pace of quality reports.
pub const QUALITY_INTERVAL: std::time::Duration = std::time::Duration::from_secs(2);
