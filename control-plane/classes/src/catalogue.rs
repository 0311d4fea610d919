//! The catalogue: which classes there are, who teaches them, who comes.

pub mod calendar;
pub mod categories;
pub mod class;
pub mod edit;
pub mod enrolment;
pub mod list;
pub mod materials;
pub mod reminders;
pub mod store;
pub mod sync;

pub use class::{Class, Level};

/// Statements that take what is personal out of this part's tables; `$1` is the account.
pub const ERASE: &[&str] = &[
    "DELETE FROM enrolments WHERE account_id = $1",
    "DELETE FROM likes WHERE account_id = $1",
    "DELETE FROM reminders WHERE account_id = $1",
];
