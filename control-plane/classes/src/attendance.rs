//! Attendance: from what edges saw to who was there, and what an instructor corrects.

pub mod rules;
pub mod sheet;

pub use rules::{Interval, Lesson, RULES, Rules, Status};

/// Statements that take what is personal out of this part's tables; `$1` is the account. Facts name identities, which are
/// accounts.
pub const ERASE: &[&str] = &["DELETE FROM attendance_corrections WHERE account_id = $1"];
