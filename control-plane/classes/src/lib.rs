//! The village school: people, classes and what happens in them, in one SQL database.
//!
//! ```text
//!   control-plane/src/http/* -> [people | catalogue | …] pure rules -> store.rs beside them -> Database -> SQLite | PostgreSQL
//! ```
//!
//! What it is: rules of the domain as pure functions, and the SQL they need beside them. Times are milliseconds since the
//! Unix epoch (`_ms`) and always given by the caller; ids are opaque text.
//! What it is not: it speaks no HTTP, knows no edge, and starts no task.
//!
//! # Invariants
//! - One SQL text runs on both engines: `$1` placeholders, `BIGINT`, `TEXT`, `BYTEA` only (`tests/` run on both).
//! - A decision over more than one row is made inside [`transaction!`], after [`Tx::lock`] of what it is about.
//! - Deleting an account leaves no personal data: every part lists its statements in `ERASE`.

#![forbid(unsafe_code)]

pub mod attendance;
pub mod backup;
pub mod board;
pub mod catalogue;
pub mod classroom;
pub mod database;
pub mod discover;
pub mod duty;
pub mod error;
pub mod facts;
pub mod id;
pub mod people;
pub mod upkeep;

pub use database::{Database, Engine, Row, Sql, Tx, Value};
pub use error::{Error, Kind, Result};
