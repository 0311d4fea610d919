//! What is taken away when its time is over: nothing personal is kept because nobody came back for it.

use crate::discover::store::forget_searches;
use crate::people::{code, session};
use crate::{Database, Result, Sql, args, facts};

/// Facts about tracks are kept this long: for looking into what went wrong in a lesson.
pub const TRACKS_KEPT_MS: u64 = 30 * 24 * 3600 * 1000;
/// Facts taken away by one statement: others write in between.
const FACTS_AT_ONCE: usize = 2_000;
/// Statements of one round; the rest is for the next one.
const ROUNDS_MAX: usize = 500;

/// Takes away what is over at `now_ms`: codes, sessions and sign-ins that have run out, old searches, and facts of attendance
/// older than `attendance_kept_ms`. How many rows.
///
/// # Errors
/// The database is away; what is gone is gone.
pub async fn run(database: &Database, attendance_kept_ms: u64, now_ms: u64) -> Result<u64> {
    let mut gone = code::forget(database, now_ms).await?;
    gone += session::forget(database, now_ms).await?;
    gone += database.execute("DELETE FROM oidc_states WHERE expires_at_ms <= $1", args![now_ms]).await?;
    gone += forget_searches(database, now_ms).await?;
    let before_ms = now_ms.saturating_sub(attendance_kept_ms);
    let tracks_before_ms = before_ms.max(now_ms.saturating_sub(TRACKS_KEPT_MS));
    for _ in 0..ROUNDS_MAX {
        let facts = facts::prune(database, before_ms, tracks_before_ms, FACTS_AT_ONCE).await?;
        gone += facts;
        if facts == 0 {
            break;
        }
    }
    Ok(gone)
}
