//! What somebody is told on the page, and by mail where it cannot wait.

use serde::Serialize;

use crate::{Result, Row, Sql, args, id};

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

/// Where the name of who did it goes in the texts of [`tell_of`].
pub const ACTOR: &str = "{actor}";

/// Tells somebody something.
///
/// # Errors
/// The database is away, or there is no such account.
pub async fn tell(
    sql: &impl Sql,
    account: &str,
    kind: Kind,
    class: Option<&str>,
    texts: (&str, &str),
    now_ms: u64,
) -> Result<()> {
    tell_of(sql, account, kind, class, None, texts, now_ms).await
}

/// Tells somebody what another account did: in the texts, the first [`ACTOR`] is its name, as it is when they are read.
///
/// # Errors
/// The database is away, or there is no such account.
pub async fn tell_of(
    sql: &impl Sql,
    account: &str,
    kind: Kind,
    class: Option<&str>,
    actor: Option<&str>,
    (text_ko, text_en): (&str, &str),
    now_ms: u64,
) -> Result<()> {
    let text = "INSERT INTO notifications (id, account_id, kind, class_id, actor_id, text_ko, text_en, at_ms) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = args![id::random("n"), account, kind.as_str(), class, actor, text_ko, text_en, now_ms];
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
    let text = "SELECT n.id, n.kind, n.class_id, n.text_ko, n.text_en, n.at_ms, n.read_at_ms, n.actor_id, a.name \
        FROM notifications n LEFT JOIN accounts a ON a.id = n.actor_id WHERE n.account_id = $1 \
        AND (n.at_ms < $2 OR (n.at_ms = $2 AND n.id < $3)) ORDER BY n.at_ms DESC, n.id DESC LIMIT $4";
    let (at_ms, id) = before.unwrap_or((u64::MAX, ""));
    let rows = sql.rows(text, args![account, at_ms, id, PAGE + 1]).await?;
    let read = |row: &Row| {
        Ok(Notification {
            id: row.text(0)?,
            kind: row.text(1)?,
            class: row.text_or_null(2)?,
            text_ko: named(row, 3, "떠난 분")?,
            text_en: named(row, 4, "Somebody who left")?,
            at_ms: row.count(5)?,
            read: row.int_or_null(6)?.is_some(),
        })
    };
    rows.iter().map(read).collect()
}

/// A text with the actor's name in it, or `nobody` if the account was erased.
fn named(row: &Row, column: usize, nobody: &str) -> Result<String> {
    let text = row.text(column)?;
    if row.text_or_null(7)?.is_none() {
        return Ok(text);
    }
    let name = row.text_or_null(8)?.filter(|name| !name.is_empty());
    Ok(text.replacen(ACTOR, name.as_deref().unwrap_or(nobody), 1))
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
