//! Core of the CDN node: what an HTTP cache may do with a response, decided without IO.
//!
//! It is told the time and the bytes and never asks: no clock, no sockets, no tasks. It knows HTTP (RFC 9110,
//! 9111, 9211, 9213, 5861, 8586) and no media. The shell (`cdn`) owns sockets, memory and wakers.
//!
//! ```text
//! request --> target::key_of --> lookup(slot) --> Hit | Stale | Miss
//!                                                  |      |       '-> Flights::enter --> Lead | Join | Alone
//!                                                  |      '---------> serve now, Flights::enter to refresh
//!                                                  '-> Served::plan (304, 206, 416, 200)
//! upstream --> freshness::judge --> Flight (append-only chunk list, read while it grows) --> Stored --> Slot
//! ```

pub mod cache_status;
pub mod conditional;
pub mod directives;
pub mod flight;
pub mod freshness;
pub mod headers;
pub mod lookup;
pub mod range;
pub mod served;
pub mod stored;
pub mod table;
pub mod target;
pub mod vary;

mod date;
