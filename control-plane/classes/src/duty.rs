//! Work that one control plane does for all: whoever holds the duty does it, and another one takes it over when that one is gone.

use crate::{Result, Sql, args};

/// Takes or keeps a duty until `now_ms + ttl_ms`. `false`: another one has it.
///
/// # Errors
/// The database is away.
pub async fn take(sql: &impl Sql, name: &str, holder: &str, now_ms: u64, ttl_ms: u64) -> Result<bool> {
    let text = "INSERT INTO duties (name, holder, until_ms) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE \
        SET holder = excluded.holder, until_ms = excluded.until_ms WHERE duties.until_ms < $4 OR duties.holder = excluded.holder";
    Ok(sql.execute(text, args![name, holder, now_ms + ttl_ms, now_ms]).await? > 0)
}
