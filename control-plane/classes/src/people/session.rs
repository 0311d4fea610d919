//! Sessions: a random token in a cookie, its hash here.
//!
//! A token is exchanged for a new one once a day. The old one is good for a while longer: requests with it may be under way. If
//! it goes on being used, the answer with the new one was lost, and it is exchanged once more. The word against forged requests
//! (`csrf`) stays the same all the while.

use super::Account;
use super::store::{ALIVE, COLUMN_COUNT, COLUMNS, account};
use crate::{Result, Sql, args, id};

/// A session ends this long after it was last used.
pub const TTL_MS: u64 = 30 * 24 * 3600 * 1000;
/// A token is exchanged after this long.
pub const ROTATE_AFTER_MS: u64 = 24 * 3600 * 1000;
/// An exchanged token is taken for this long: pages ask for a new one every minute, on lines that fail most of the time.
pub const GRACE_MS: u64 = 10 * 60 * 1000;
/// An exchanged token that is still used after this long was exchanged in vain: pages wait ten seconds for an answer. Sooner, the
/// answer may be under way, to this page or to another one of the same browser, and its token must stay good.
pub const AGAIN_MS: u64 = 20 * 1000;
/// Sessions of one account: the one that was used least recently ends when there is one more.
pub const SESSIONS_MAX: u32 = 20;

/// What a browser gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// For the cookie. Never logged, never kept.
    pub token: String,
    /// To be sent back as a header with whatever changes something.
    pub csrf: String,
}

/// Whose session it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Whose.
    pub account: Account,
    /// What the header has to say.
    pub csrf: String,
    /// Time to exchange the token.
    pub is_old: bool,
}

/// Begins a session.
///
/// # Errors
/// The database is away.
pub async fn start(sql: &impl Sql, account: &str, now_ms: u64) -> Result<Session> {
    let session = Session { token: id::secret(), csrf: id::secret() };
    let text = "INSERT INTO sessions (token_hash, account_id, csrf, created_at_ms, rotated_at_ms, expires_at_ms) \
        VALUES ($1, $2, $3, $4, $4, $5)";
    let values = args![id::hash(&session.token), account, &session.csrf, now_ms, now_ms + TTL_MS];
    sql.execute(text, values).await?;
    let text = "DELETE FROM sessions WHERE account_id = $1 AND (expires_at_ms < $2 OR token_hash NOT IN \
        (SELECT token_hash FROM sessions WHERE account_id = $1 ORDER BY expires_at_ms DESC LIMIT $3))";
    sql.execute(text, args![account, now_ms, SESSIONS_MAX]).await?;
    Ok(session)
}

/// Whose session `token` is, while it lasts.
///
/// # Errors
/// The database is away.
pub async fn find(sql: &impl Sql, token: &str, now_ms: u64) -> Result<Option<Found>> {
    let text = format!(
        "SELECT {COLUMNS}, s.csrf, s.rotated_at_ms, s.token_hash FROM sessions s JOIN accounts a ON a.id = s.account_id \
         WHERE (s.token_hash = $1 OR (s.previous_hash = $1 AND s.previous_until_ms > $2)) \
         AND s.expires_at_ms > $2 AND {ALIVE}"
    );
    let hash = id::hash(token);
    let Some(row) = sql.row(&text, args![&hash, now_ms]).await? else { return Ok(None) };
    let is_current = row.text(COLUMN_COUNT + 2)? == hash;
    let good_for_ms = if is_current { ROTATE_AFTER_MS } else { AGAIN_MS };
    let is_old = row.count(COLUMN_COUNT + 1)? + good_for_ms <= now_ms;
    Ok(Some(Found { account: account(&row)?, csrf: row.text(COLUMN_COUNT)?, is_old }))
}

/// Exchanges a token. `None`: somebody else just did, or the session is over.
///
/// # Errors
/// The database is away.
pub async fn rotate(sql: &impl Sql, token: &str, now_ms: u64) -> Result<Option<String>> {
    let new = id::secret();
    let text = "UPDATE sessions SET previous_hash = $1, previous_until_ms = $3, token_hash = $2, \
        rotated_at_ms = $4, expires_at_ms = $5 WHERE expires_at_ms > $4 AND (token_hash = $1 \
        OR (previous_hash = $1 AND previous_until_ms > $4 AND rotated_at_ms <= $6))";
    let (until_ms, again_ms) = (now_ms + GRACE_MS, now_ms.saturating_sub(AGAIN_MS));
    let values = args![id::hash(token), id::hash(&new), until_ms, now_ms, now_ms + TTL_MS, again_ms];
    Ok((sql.execute(text, values).await? > 0).then_some(new))
}

/// Takes away sessions that are over; how many.
///
/// # Errors
/// The database is away.
pub async fn forget(sql: &impl Sql, now_ms: u64) -> Result<u64> {
    sql.execute("DELETE FROM sessions WHERE expires_at_ms <= $1", args![now_ms]).await
}

/// Ends a session.
///
/// # Errors
/// The database is away.
pub async fn end(sql: &impl Sql, token: &str) -> Result<()> {
    let text = "DELETE FROM sessions WHERE token_hash = $1 OR previous_hash = $1";
    sql.execute(text, args![id::hash(token)]).await.map(|_| ())
}

/// Ends all sessions of an account.
///
/// # Errors
/// The database is away.
pub async fn end_all(sql: &impl Sql, account: &str) -> Result<()> {
    sql.execute("DELETE FROM sessions WHERE account_id = $1", args![account]).await.map(|_| ())
}
