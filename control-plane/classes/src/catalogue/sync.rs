//! What the fleet's store is to have of classes, and what edges have seen of them.

use super::class::Class;
use super::store::{COLUMNS, TABLES, class};
use crate::{Result, Sql, args};

/// Classes in one go.
pub const BATCH: usize = 100;

/// What stands in an `UPDATE classes SET …` of anything that is shown of a class; `now` is the placeholder of the time. Readers
/// look for changes by this time (search does), so it is the time of the change; and it names a version of the class, so it
/// grows with each change, whatever the clock says.
pub(crate) fn touched(now: &str) -> String {
    format!("updated_at_ms = CASE WHEN updated_at_ms < {now} THEN {now} ELSE updated_at_ms + 1 END")
}

/// Classes whose record does not agree yet.
///
/// # Errors
/// The database is away.
pub async fn unsynced(sql: &impl Sql) -> Result<Vec<Class>> {
    let text = format!("SELECT {COLUMNS} FROM {TABLES} WHERE c.synced = 0 ORDER BY c.id LIMIT $1");
    sql.rows(&text, args![BATCH]).await?.iter().map(class).collect()
}

/// The record agrees with the class as it was at `updated_at_ms`; a change meanwhile is told by the number of changed rows: 0.
///
/// # Errors
/// The database is away.
pub async fn synced(sql: &impl Sql, class: &Class) -> Result<u64> {
    let text = "UPDATE classes SET synced = 1 WHERE id = $1 AND updated_at_ms = $2";
    sql.execute(text, args![&class.id, class.updated_at_ms]).await
}

/// The record of this class is gone or wrong: write it again.
///
/// # Errors
/// The database is away.
pub async fn forget(sql: &impl Sql, id: &str, now_ms: u64) -> Result<()> {
    let text = format!("UPDATE classes SET synced = 0, {} WHERE id = $1", touched("$2"));
    sql.execute(&text, args![id, now_ms]).await.map(|_| ())
}

/// Ids in order, after `after`: for comparing all with the store's.
///
/// # Errors
/// The database is away.
pub async fn ids(sql: &impl Sql, after: &str, limit: usize) -> Result<Vec<String>> {
    let text = "SELECT id FROM classes WHERE id > $1 ORDER BY id LIMIT $2";
    sql.rows(text, args![after, limit]).await?.iter().map(|row| row.text(0)).collect()
}

/// Classes that are gone and whose records may not be.
///
/// # Errors
/// The database is away.
pub async fn removals(sql: &impl Sql) -> Result<Vec<String>> {
    let text = "SELECT id FROM class_removals ORDER BY removed_at_ms, id LIMIT $1";
    sql.rows(text, args![BATCH]).await?.iter().map(|row| row.text(0)).collect()
}

/// The record is gone too.
///
/// # Errors
/// The database is away.
pub async fn removed(sql: &impl Sql, id: &str) -> Result<()> {
    sql.execute("DELETE FROM class_removals WHERE id = $1", args![id]).await.map(|_| ())
}

/// An edge has people in the class.
///
/// # Errors
/// The database is away.
pub async fn seen_live(sql: &impl Sql, id: &str, now_ms: u64) -> Result<()> {
    let text =
        format!("UPDATE classes SET live_at_ms = $2, {} WHERE id = $1 AND live_at_ms IS NULL", touched("$2"));
    sql.execute(&text, args![id, now_ms]).await.map(|_| ())
}

/// There is (`Some`: since when) or is no longer something to replay.
///
/// # Errors
/// The database is away.
pub async fn seen_replay(sql: &impl Sql, id: &str, at_ms: Option<u64>, now_ms: u64) -> Result<()> {
    let text = format!(
        "UPDATE classes SET replay_at_ms = $2, {} WHERE id = $1 AND COALESCE(replay_at_ms, -1) <> COALESCE($2, -1)",
        touched("$3")
    );
    sql.execute(&text, args![id, at_ms, now_ms]).await.map(|_| ())
}

/// Whoever teaches these classes is called something else now.
///
/// # Errors
/// The database is away.
pub(crate) async fn renamed(sql: &impl Sql, instructor: &str, now_ms: u64) -> Result<()> {
    let text = format!("UPDATE classes SET synced = 0, {} WHERE instructor_id = $1", touched("$2"));
    sql.execute(&text, args![instructor, now_ms]).await.map(|_| ())
}

/// Classes that are said to have something to replay.
///
/// # Errors
/// The database is away.
pub async fn with_replay(sql: &impl Sql) -> Result<Vec<(String, u64)>> {
    let text = "SELECT id, replay_at_ms FROM classes WHERE replay_at_ms IS NOT NULL";
    sql.rows(text, Vec::new()).await?.iter().map(|row| Ok((row.text(0)?, row.count(1)?))).collect()
}
