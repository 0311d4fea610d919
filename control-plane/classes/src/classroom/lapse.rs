//! Lessons that nobody ends: everybody goes home, and a quiz is still open. It is closed then, so that those who watch the
//! replay can answer it.

use super::{Changed, bump};
use crate::{Database, Result, Sql, Tx, args, transaction};

/// Classes looked at in one go; the rest come when these are settled.
pub const UNFINISHED_MAX: usize = 1_000;

/// A class in which something is still asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unfinished {
    pub class: String,
    pub instructor: Option<String>,
    /// When its schedule has it end.
    pub ends_at_ms: Option<u64>,
}

/// Where a quiz or poll of a lesson is open. One that was opened while nobody was in the room belongs to the next lesson, as
/// the facts of attendance tell of one.
///
/// # Errors
/// The database is away.
pub async fn unfinished(sql: &impl Sql, now_ms: u64) -> Result<Vec<Unfinished>> {
    let of_lesson = "AND (x.room_sid IS NOT NULL \
        OR EXISTS (SELECT 1 FROM facts f WHERE f.room = x.class_id AND f.at_ms >= x.opened_at_ms))";
    let text = format!(
        "SELECT id, instructor_id, starts_at_ms, duration_min FROM classes WHERE id IN \
        (SELECT x.class_id FROM quizzes x WHERE x.state = 'open' AND (x.closes_at_ms IS NULL OR x.closes_at_ms > $1) {of_lesson} \
        UNION SELECT x.class_id FROM polls x WHERE x.state = 'open' {of_lesson}) ORDER BY id LIMIT {UNFINISHED_MAX}"
    );
    let rows = sql.rows(&text, args![now_ms]).await?;
    rows.iter()
        .map(|row| {
            let minutes = row.count(3)?;
            let ends_at_ms = row.count_or_null(2)?.map(|starts| starts + minutes * 60_000);
            Ok(Unfinished { class: row.text(0)?, instructor: row.text_or_null(1)?, ends_at_ms })
        })
        .collect()
}

/// Closes what is open; `None`: nothing is.
///
/// # Errors
/// The database is away.
pub async fn close(database: &Database, class: &str, now_ms: u64) -> Result<Option<Changed<()>>> {
    transaction!(database, tx => {
        tx.lock("classroom", class).await?;
        if close_asked(&tx, class, now_ms).await? == 0 {
            return Ok(None);
        }
        Ok(Some(Changed { v: bump(&tx, class).await?, it: () }))
    })
}

/// How many there were. Whoever answered before may still deliver the answer, as after any close.
pub(super) async fn close_asked(tx: &Tx, class: &str, now_ms: u64) -> Result<u64> {
    let quizzes = "UPDATE quizzes SET state = 'closed', closes_at_ms = $2 \
        WHERE class_id = $1 AND state = 'open' AND (closes_at_ms IS NULL OR closes_at_ms > $2)";
    let quizzes = tx.execute(quizzes, args![class, now_ms]).await?;
    let polls = "UPDATE polls SET state = 'closed', salt = NULL WHERE class_id = $1 AND state = 'open'";
    Ok(quizzes + tx.execute(polls, args![class]).await?)
}
