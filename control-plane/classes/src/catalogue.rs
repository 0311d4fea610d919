//! The catalogue: which classes there are, who teaches them, who comes.

pub mod class;
pub mod store;

pub use class::{Class, Level};

/// Statements that take what is personal out of this part's tables; `$1` is the account.
pub const ERASE: &[&str] = &[
    "DELETE FROM enrolments WHERE account_id = $1",
    "DELETE FROM likes WHERE account_id = $1",
    "DELETE FROM reminders WHERE account_id = $1",
];
