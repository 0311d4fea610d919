//! Mail on its way out: written in the transaction of what it is about, sent by any control plane.

use crate::{Result, Sql, args, id};

/// A mail is tried for this long before it is given up: a mail server may be away for a night.
pub const KEPT_MS: u64 = 24 * 3600 * 1000;
/// Whoever took a mail has this long to hand it over; then another control plane takes it.
const TURN_MS: u64 = 60 * 1000;
/// Longest pause between two tries: a server that is back gets the mail within the hour.
const PAUSE_MS_MAX: u64 = 60 * 60 * 1000;

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// `m_…`
    pub id: String,
    /// Whom. Empty: nobody; it stands for the work a mail would have been.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// Puts a mail into the outbox.
///
/// # Errors
/// The database is away.
pub async fn put(sql: &impl Sql, to: &str, subject: &str, text: &str, now_ms: u64) -> Result<()> {
    let insert = "INSERT INTO outbox (id, to_address, subject, body, due_at_ms, created_at_ms) VALUES ($1, $2, $3, $4, $5, $5)";
    sql.execute(insert, args![id::random("m"), to, subject, text, now_ms]).await.map(|_| ())
}

/// Takes one mail that is due. Nobody else gets it for a minute; a pause is as long as the mail is old, so each is twice the one
/// before.
///
/// # Errors
/// The database is away.
pub async fn take(sql: &impl Sql, now_ms: u64) -> Result<Option<Mail>> {
    let text = "UPDATE outbox SET tries = tries + 1, due_at_ms = $1 + CASE WHEN $1 - created_at_ms < $2 THEN $2 \
        WHEN $1 - created_at_ms > $3 THEN $3 ELSE $1 - created_at_ms END WHERE due_at_ms <= $1 AND id = \
        (SELECT id FROM outbox WHERE due_at_ms <= $1 ORDER BY due_at_ms, id LIMIT 1) RETURNING id, to_address, subject, body";
    let Some(row) = sql.row(text, args![now_ms, TURN_MS, PAUSE_MS_MAX]).await? else { return Ok(None) };
    Ok(Some(Mail { id: row.text(0)?, to: row.text(1)?, subject: row.text(2)?, text: row.text(3)? }))
}

/// It is sent.
///
/// # Errors
/// The database is away.
pub async fn sent(sql: &impl Sql, id: &str) -> Result<()> {
    sql.execute("DELETE FROM outbox WHERE id = $1", args![id]).await.map(|_| ())
}

/// Gives up what could not be sent for too long; how many that were.
///
/// # Errors
/// The database is away.
pub async fn give_up(sql: &impl Sql, now_ms: u64) -> Result<u64> {
    // What nobody has tried yet is tried once, however long all control planes were down.
    let text = "DELETE FROM outbox WHERE tries > 0 AND created_at_ms < $1";
    sql.execute(text, args![now_ms.saturating_sub(KEPT_MS)]).await
}
