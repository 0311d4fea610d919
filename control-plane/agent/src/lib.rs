//! What every node carries: configuration, identity, store access, lease, telemetry, admin port.
//!
//! ```text
//!   config  -> identity -> store (embedded | remote) -> Registration  "here I am"  (lease, keepalive, keys under it)
//!                                                    -> View          "who is there" (watch-driven local copies)
//!   telemetry, admin: logs, /metrics, /healthz, /readyz
//! ```
//!
//! What it is: what lets the control plane see and steer a node, and lets the node find the others.
//! What it is not: it decides nothing (placement does) and touches no media.
//!
//! Losing the store never stops a node: a [`view::View`] keeps what it last saw and says since when, a
//! [`registration::Registration`] comes back under a new lease by itself.

#![forbid(unsafe_code)]

pub mod admin;
pub mod authority;
pub mod config;
pub mod fleet;
pub mod identity;
pub mod listener;
pub mod mirror;
pub mod proxy;
pub mod registration;
pub mod spans;
pub mod store;
pub mod telemetry;
pub mod view;

mod backoff;

/// Milliseconds since the Unix epoch, as records carry them (`_ms`).
#[must_use]
pub fn unix_time_ms() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
