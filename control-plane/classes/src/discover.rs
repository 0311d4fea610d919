//! What people look for and wish for, and what they did with classes: the tables behind search, recommendation and demand.

pub mod store;
pub mod wish;

pub use wish::{NewWish, Wish};

/// Statements that take what is personal out of this part's tables; `$1` is the account. What was searched stays, by nobody.
pub const ERASE: &[&str] = &[
    "UPDATE searches SET account_id = NULL WHERE account_id = $1",
    "DELETE FROM wishes WHERE account_id = $1",
    "DELETE FROM looks WHERE account_id = $1",
];
