//! Classes in the database.

use super::class::{Class, Level};
use crate::{Error, Result, Row, Sql, args};

/// What [`class`] reads, of `classes c LEFT JOIN accounts a ON a.id = c.instructor_id`.
pub const COLUMNS: &str = "c.id, c.title, c.description, c.category, c.level, c.language, c.starts_at_ms, c.duration_min, \
    c.time_zone, c.capacity, c.recorded, c.instructor_id, COALESCE(a.name, c.instructor_name), c.locked, c.live_at_ms, \
    c.replay_at_ms, c.created_at_ms, c.updated_at_ms";
/// Where [`COLUMNS`] are.
pub const TABLES: &str = "classes c LEFT JOIN accounts a ON a.id = c.instructor_id";

/// One class.
///
/// # Errors
/// The database is away.
pub async fn find(sql: &impl Sql, id: &str) -> Result<Option<Class>> {
    let text = format!("SELECT {COLUMNS} FROM {TABLES} WHERE c.id = $1");
    sql.row(&text, args![id]).await?.as_ref().map(class).transpose()
}

/// Whether the account has a place in the class.
///
/// # Errors
/// The database is away.
pub async fn is_enrolled(sql: &impl Sql, class: &str, account: &str) -> Result<bool> {
    let text = "SELECT 1 FROM enrolments WHERE class_id = $1 AND account_id = $2 AND state = 'enrolled'";
    Ok(sql.row(text, args![class, account]).await?.is_some())
}

/// Of [`COLUMNS`], which come first in the row.
///
/// # Errors
/// The row is of something else.
pub fn class(row: &Row) -> Result<Class> {
    let small = |column: usize| -> Result<Option<u32>> {
        Ok(row.int_or_null(column)?.map(|value| u32::try_from(value).unwrap_or(0)))
    };
    Ok(Class {
        id: row.text(0)?,
        title: row.text(1)?,
        description: row.text(2)?,
        category: row.text(3)?,
        level: level(&row.text(4)?)?,
        language: row.text(5)?,
        starts_at_ms: row.count_or_null(6)?,
        duration_min: small(7)?.unwrap_or(0),
        time_zone: row.text(8)?,
        capacity: small(9)?,
        recorded: row.flag(10)?,
        instructor_id: row.text_or_null(11)?,
        instructor_name: row.text(12)?,
        locked: row.flag(13)?,
        live_at_ms: row.count_or_null(14)?,
        replay_at_ms: row.count_or_null(15)?,
        created_at_ms: row.count(16)?,
        updated_at_ms: row.count(17)?,
    })
}

fn level(text: &str) -> Result<Level> {
    match text {
        "beginner" => Ok(Level::Beginner),
        "intermediate" => Ok(Level::Intermediate),
        "advanced" => Ok(Level::Advanced),
        "any" => Ok(Level::Any),
        other => Err(Error::Unexpected(format!("level {other:?}"))),
    }
}
