//! Reminders before a class begins: one notification and one mail for each who has a place, however many control planes look.

use super::calendar;
use crate::people::{notifications, outbox};
use crate::{Database, Result, Sql, args, transaction};

/// How long before the start.
pub const BEFORE_MS: u64 = 60 * 60 * 1000;
/// Reminders in one go.
const BATCH: usize = 200;

/// Sends what is due; how many that were. `link` is put before a class's id.
///
/// # Errors
/// The database is away; what was sent stays sent.
pub async fn send(database: &Database, link: &str, now_ms: u64) -> Result<usize> {
    let text = "SELECT c.id, c.title, c.starts_at_ms, c.time_zone, e.account_id, a.email, a.locale \
        FROM classes c JOIN enrolments e ON e.class_id = c.id JOIN accounts a ON a.id = e.account_id \
        WHERE e.state = 'enrolled' AND a.disabled = 0 AND c.starts_at_ms > $1 AND c.starts_at_ms <= $2 \
        AND NOT EXISTS (SELECT 1 FROM reminders r \
        WHERE r.class_id = c.id AND r.account_id = e.account_id AND r.starts_at_ms = c.starts_at_ms) \
        ORDER BY c.starts_at_ms, c.id, e.account_id LIMIT $3";
    let rows = database.rows(text, args![now_ms, now_ms + BEFORE_MS, BATCH]).await?;
    let mut sent = 0;
    for row in &rows {
        let (class, title, starts_at_ms, account) = (row.text(0)?, row.text(1)?, row.count(2)?, row.text(4)?);
        let when = calendar::local(starts_at_ms, &row.text(3)?).unwrap_or_default();
        let ko = format!("‘{title}’ 수업이 곧 시작합니다: {when}");
        let en = format!("“{title}” begins soon: {when}");
        let (email, is_english) = (row.text_or_null(5)?, row.text(6)? == "en");
        let is_new = transaction!(database, tx => {
            let text = "INSERT INTO reminders (class_id, account_id, starts_at_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
            if tx.execute(text, args![&class, &account, starts_at_ms]).await? == 0 {
                return Ok(false);
            }
            notifications::tell(&tx, &account, notifications::Kind::Reminder, Some(&class), (&ko, &en), now_ms).await?;
            if let Some(email) = &email {
                let body = format!("{}\n{link}{class}\n", if is_english { &en } else { &ko });
                let subject = if is_english { "Your class begins soon" } else { "곧 수업이 시작합니다" };
                outbox::put(&tx, email, subject, &body, now_ms).await?;
            }
            Ok(true)
        });
        match is_new {
            Ok(is_new) => sent += usize::from(is_new),
            // Left or gone since the list was made.
            Err(error) if error.is_missing_reference() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}
