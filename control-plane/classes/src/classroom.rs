//! In class: quizzes, polls, chat, hands, questions, and what an instructor allows.
//!
//! ```text
//!   handler -> rules (quiz.rs, poll.rs) -> SQL (quizzes.rs, answers.rs, polls.rs, …) -> Changed { v, it } -> word to the room
//! ```
//!
//! Each change that pages hear of makes the class's version one larger, in the transaction of the change: who misses a
//! word sees a gap and asks for all of it.

use serde::{Deserialize, Serialize};

use crate::catalogue::Class;
use crate::{Error, Kind, Result, Row, Sql, args};

pub mod answers;
pub mod chat;
pub mod course;
pub mod hands;
pub mod lapse;
pub mod permissions;
pub mod poll;
pub mod polls;
pub mod questions;
pub mod quiz;
pub mod quizzes;
pub mod rule;
pub mod slides;
pub mod timeline;
pub mod watched;

/// Statements that take what is personal out of this part's tables; `$1` is the account. Votes of anonymous polls have no
/// name and stay.
pub const ERASE: &[&str] = &[
    "DELETE FROM classroom_permissions WHERE account_id = $1",
    "DELETE FROM quiz_answers WHERE account_id = $1",
    "DELETE FROM poll_votes WHERE voter = $1",
    "DELETE FROM chat WHERE account_id = $1",
    "DELETE FROM hands WHERE account_id = $1",
    "DELETE FROM hands_raised WHERE account_id = $1",
    "UPDATE questions SET votes = votes - 1 WHERE id IN (SELECT question_id FROM question_votes WHERE account_id = $1)",
    "DELETE FROM question_votes WHERE account_id = $1",
    "DELETE FROM questions WHERE account_id = $1",
    "DELETE FROM watched WHERE account_id = $1",
    // What an instructor showed is the class's.
    "DELETE FROM slides WHERE account_id = $1 AND class_id NOT IN (SELECT id FROM classes WHERE instructor_id = $1)",
];

/// Somebody, as others see them. An erased account has no name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub id: String,
    pub name: String,
}

/// What somebody is to a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its instructor.
    Teaches,
    /// Has a place, or the class is open to everybody.
    Member,
    Stranger,
}

/// # Errors
/// The database is away.
pub async fn standing(sql: &impl Sql, class: &Class, account: &str) -> Result<Standing> {
    if class.instructor_id.as_deref() == Some(account) {
        return Ok(Standing::Teaches);
    }
    if class.capacity.is_none() || crate::catalogue::store::is_enrolled(sql, &class.id, account).await? {
        return Ok(Standing::Member);
    }
    Ok(Standing::Stranger)
}

/// When something happens, and where in the lesson.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    pub now_ms: u64,
    /// The life of the room in progress: its id, and when it began.
    pub room: Option<(String, u64)>,
}

impl Moment {
    #[must_use]
    pub fn room_sid(&self) -> Option<&str> {
        self.room.as_ref().map(|(sid, _)| sid.as_str())
    }

    /// Milliseconds since the lesson began.
    #[must_use]
    pub fn minute_ms(&self) -> Option<u64> {
        self.room.as_ref().map(|(_, started)| self.now_ms.saturating_sub(*started))
    }
}

/// A change that pages hear of.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed<T> {
    /// The class's version with it.
    pub v: u64,
    pub it: T,
}

/// Makes the class's version one larger. The row is a lock too: changes of one class happen one after another.
pub(crate) async fn bump(tx: &impl Sql, class: &str) -> Result<u64> {
    let sql = "INSERT INTO classroom (class_id, version) VALUES ($1, 1) \
        ON CONFLICT (class_id) DO UPDATE SET version = classroom.version + 1 RETURNING version";
    let row = tx.row(sql, args![class]).await?;
    row.ok_or_else(|| Error::Unexpected("a version was not returned".into()))?.count(0)
}

/// Version and spotlight of a class.
///
/// # Errors
/// The database is away.
pub async fn now(sql: &impl Sql, class: &str) -> Result<(u64, Option<String>)> {
    let row = sql.row("SELECT version, spotlight FROM classroom WHERE class_id = $1", args![class]).await?;
    row.map_or(Ok((0, None)), |row| Ok((row.count(0)?, row.text_or_null(1)?)))
}

/// Versions of those of `classes` in which anything ever happened.
///
/// # Errors
/// The database is away.
pub async fn versions(sql: &impl Sql, classes: &[String]) -> Result<Vec<(String, u64)>> {
    if classes.is_empty() {
        return Ok(Vec::new());
    }
    let places = crate::database::placeholders(1, classes.len());
    let text = format!("SELECT class_id, version FROM classroom WHERE class_id IN ({places})");
    let values = classes.iter().map(|class| crate::Value::from(class.as_str())).collect();
    sql.rows(&text, values).await?.iter().map(|row| Ok((row.text(0)?, row.count(1)?))).collect()
}

/// Accounts that have a place in the class: at most 20,000.
///
/// # Errors
/// The database is away.
pub async fn enrolled(sql: &impl Sql, class: &str) -> Result<Vec<String>> {
    let text = "SELECT account_id FROM enrolments WHERE class_id = $1 AND state = 'enrolled' LIMIT 20000";
    sql.rows(text, args![class]).await?.iter().map(|row| row.text(0)).collect()
}

/// The id of something that was sent before. Ids come from clients, so the same one may also be a guess.
pub(crate) fn taken() -> Error {
    Error::conflict(
        "id_taken",
        "That id is something else's already. Make a new random UUID for each thing sent.",
    )
}

pub(crate) fn missing(code: &'static str, what: &str) -> Error {
    Error::refused(
        Kind::NotFound,
        code,
        format!("There is no such {what} in this class. Look at the class again."),
    )
}

pub(crate) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data")
}

pub(crate) fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::Unexpected(format!("stored JSON: {error}")))
}

/// Two columns of a row: id and name.
pub(crate) fn person(row: &Row, column: usize) -> Result<Person> {
    Ok(Person { id: row.text(column)?, name: row.text(column + 1)? })
}

impl From<rule::Broken> for Error {
    fn from(broken: rule::Broken) -> Self {
        Self::rule("invalid", format!("{broken}. Nothing was changed."))
    }
}
