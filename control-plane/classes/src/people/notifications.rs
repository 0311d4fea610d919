//! What somebody is told on the page, and by mail where it cannot wait.

use serde::Serialize;

use crate::{Result, Sql, args, id};

/// Notifications on a page.
pub const PAGE: usize = 30;
/// Notifications kept of one account: older ones go.
pub const KEPT_MAX: u32 = 500;

/// What it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A class begins soon.
    Reminder,
    /// A place in a class became free.
    Place,
    /// A question was answered.
    Answer,
    /// An answer was accepted.
    Accepted,
    /// A class somebody wished for exists.
    Wish,
    /// A quiz's result.
    Quiz,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Reminder => "reminder",
            Self::Place => "place",
            Self::Answer => "answer",
            Self::Accepted => "accepted",
            Self::Wish => "wish",
            Self::Quiz => "quiz",
        }
    }
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notification {
    /// `n_…`
    pub id: String,
    /// What it is about.
    pub kind: String,
    /// Which class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// 한국어.
    pub text_ko: String,
    /// English.
    pub text_en: String,
    /// When.
    pub at_ms: u64,
    /// Whether it was read.
    pub read: bool,
}

/// Tells somebody something.
///
/// # Errors
/// The database is away, or there is no such account.
pub async fn tell(
    sql: &impl Sql,
    account: &str,
    kind: Kind,
    class: Option<&str>,
    (text_ko, text_en): (&str, &str),
    now_ms: u64,
) -> Result<()> {
    let text = "INSERT INTO notifications (id, account_id, kind, class_id, text_ko, text_en, at_ms) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let values = args![id::random("n"), account, kind.as_str(), class, text_ko, text_en, now_ms];
    sql.execute(text, values).await?;
    let text = "DELETE FROM notifications WHERE account_id = $1 AND id NOT IN \
        (SELECT id FROM notifications WHERE account_id = $1 ORDER BY at_ms DESC, id DESC LIMIT $2)";
    sql.execute(text, args![account, KEPT_MAX]).await.map(|_| ())
}

/// Newest first; `before` is `(at_ms, id)` of the last one of the page before. One more than [`PAGE`] if there are more.
///
/// # Errors
/// The database is away.
pub async fn list(sql: &impl Sql, account: &str, before: Option<(u64, &str)>) -> Result<Vec<Notification>> {
    let text = "SELECT id, kind, class_id, text_ko, text_en, at_ms, read_at_ms FROM notifications WHERE account_id = $1 \
        AND (at_ms < $2 OR (at_ms = $2 AND id < $3)) ORDER BY at_ms DESC, id DESC LIMIT $4";
    let (at_ms, id) = before.unwrap_or((u64::MAX, ""));
    let rows = sql.rows(text, args![account, at_ms, id, PAGE + 1]).await?;
    let read = |row: &crate::Row| {
        Ok(Notification {
            id: row.text(0)?,
            kind: row.text(1)?,
            class: row.text_or_null(2)?,
            text_ko: row.text(3)?,
            text_en: row.text(4)?,
            at_ms: row.count(5)?,
            read: row.int_or_null(6)?.is_some(),
        })
    };
    rows.iter().map(read).collect()
}

/// How many were not read.
///
/// # Errors
/// The database is away.
pub async fn unread(sql: &impl Sql, account: &str) -> Result<u64> {
    let text = "SELECT COUNT(*) FROM notifications WHERE account_id = $1 AND read_at_ms IS NULL";
    sql.row(text, args![account]).await?.map_or(Ok(0), |row| row.count(0))
}

/// Marks `until` and everything older as read.
///
/// # Errors
/// The database is away.
pub async fn read(sql: &impl Sql, account: &str, until: &str, now_ms: u64) -> Result<()> {
    let text = "UPDATE notifications SET read_at_ms = $3 WHERE account_id = $1 AND read_at_ms IS NULL AND at_ms <= \
        (SELECT u.at_ms FROM notifications u WHERE u.id = $2 AND u.account_id = $1)";
    sql.execute(text, args![account, until, now_ms]).await.map(|_| ())
}
