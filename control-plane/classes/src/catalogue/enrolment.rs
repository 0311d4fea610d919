//! Places in a class, and who waits for one. Whatever decides over places holds the class's lock.

use serde::Serialize;

use super::class::Class;
use super::store::find;
use crate::people::{notifications, outbox};
use crate::{Database, Error, Result, Sql, Tx, args, transaction};

/// Who waits for one class: more wait in vain.
pub const WAITING_MAX: i64 = 500;
/// Enrolments on a page.
pub const PAGE: usize = 200;

/// What somebody is to a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Enrolment {
    /// Nothing.
    #[default]
    None,
    /// Has a place.
    Enrolled,
    /// Waits for one.
    Waiting,
}

/// How somebody stands with a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Which.
    pub enrolment: Enrolment,
    /// 1: the next to get a place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
}

/// Somebody on the list of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// Account.
    pub id: String,
    /// As shown.
    pub name: String,
    /// `enrolled` or `waiting`.
    pub state: String,
    /// Since when.
    pub at_ms: u64,
}

/// Gives a place, or one in the queue. Asked twice it answers the same.
///
/// # Errors
/// No such class, locked, own, or too many wait.
pub async fn enrol(database: &Database, class: &str, account: &str, now_ms: u64) -> Result<Standing> {
    transaction!(database, tx => {
        tx.lock("class", class).await?;
        let found = find(&tx, class).await?.ok_or_else(|| Error::not_found("class"))?;
        let before = standing(&tx, class, account).await?;
        if before.enrolment != Enrolment::None {
            return Ok(before);
        }
        may_enrol(&found, account)?;
        let (enrolled, waiting) = counts(&tx, class).await?;
        let is_free = found.capacity.is_none_or(|places| enrolled < i64::from(places));
        if !is_free && waiting >= WAITING_MAX {
            return Err(Error::conflict("class_full", "The class is full, and so is its waiting list."));
        }
        let state = if is_free { "enrolled" } else { "waiting" };
        let text = "INSERT INTO enrolments (class_id, account_id, state, at_ms) VALUES ($1, $2, $3, $4)";
        tx.execute(text, args![class, account, state, now_ms]).await?;
        standing(&tx, class, account).await
    })
}

fn may_enrol(class: &Class, account: &str) -> Result<()> {
    if class.instructor_id.as_deref() == Some(account) {
        return Err(Error::conflict("own_class", "You teach this class: you need no place in it."));
    }
    if class.locked {
        return Err(Error::conflict(
            "class_locked",
            "The class is locked: it takes nobody new. Ask who teaches it.",
        ));
    }
    Ok(())
}

/// Gives the place back; the first who waits gets it.
///
/// # Errors
/// The database is away.
pub async fn leave(database: &Database, class: &str, account: &str, now_ms: u64) -> Result<()> {
    transaction!(database, tx => {
        tx.lock("class", class).await?;
        leave_one(&tx, class, account, now_ms).await
    })
}

/// The same for all classes of an account.
///
/// # Errors
/// The database is away.
pub async fn leave_all(tx: &Tx, account: &str, now_ms: u64) -> Result<()> {
    // In the order of ids: two who leave at once do not wait for each other.
    let text = "SELECT class_id FROM enrolments WHERE account_id = $1 ORDER BY class_id";
    for row in tx.rows(text, args![account]).await? {
        let class = row.text(0)?;
        tx.lock("class", &class).await?;
        leave_one(tx, &class, account, now_ms).await?;
    }
    Ok(())
}

async fn leave_one(tx: &Tx, class: &str, account: &str, now_ms: u64) -> Result<()> {
    let text = "DELETE FROM enrolments WHERE class_id = $1 AND account_id = $2";
    tx.execute(text, args![class, account]).await?;
    promote(tx, class, now_ms).await
}

/// Gives free places to those who wait longest, and tells them. The caller holds the class's lock.
///
/// # Errors
/// The database is away.
pub async fn promote(tx: &Tx, class: &str, now_ms: u64) -> Result<()> {
    let Some(found) = find(tx, class).await? else { return Ok(()) };
    if found.locked {
        // It takes nobody new; who opens it comes here again.
        return Ok(());
    }
    let (enrolled, waiting) = counts(tx, class).await?;
    let free = found.capacity.map_or(waiting, |places| i64::from(places) - enrolled).min(waiting);
    if free <= 0 {
        return Ok(());
    }
    let text = "SELECT e.account_id, a.email, a.locale FROM enrolments e JOIN accounts a ON a.id = e.account_id \
        WHERE e.class_id = $1 AND e.state = 'waiting' ORDER BY e.at_ms, e.account_id LIMIT $2";
    for row in tx.rows(text, args![class, free]).await? {
        let account = row.text(0)?;
        let text =
            "UPDATE enrolments SET state = 'enrolled', at_ms = $3 WHERE class_id = $1 AND account_id = $2";
        tx.execute(text, args![class, &account, now_ms]).await?;
        let ko = format!("‘{}’에 자리가 나서 수강 등록이 되었습니다.", found.title);
        let en = format!("A place in “{}” became free, and it is yours.", found.title);
        notifications::tell(tx, &account, notifications::Kind::Place, Some(class), (&ko, &en), now_ms)
            .await?;
        if let Some(email) = row.text_or_null(1)? {
            let is_english = row.text(2)? == "en";
            let subject = if is_english { "You have a place" } else { "자리가 났습니다" };
            outbox::put(tx, &email, subject, if is_english { &en } else { &ko }, now_ms).await?;
        }
    }
    Ok(())
}

async fn counts(sql: &impl Sql, class: &str) -> Result<(i64, i64)> {
    let text = "SELECT COUNT(CASE WHEN state = 'enrolled' THEN 1 END), COUNT(CASE WHEN state = 'waiting' THEN 1 END) \
        FROM enrolments WHERE class_id = $1";
    let row = sql.row(text, args![class]).await?;
    row.map_or(Ok((0, 0)), |row| Ok((row.int(0)?, row.int(1)?)))
}

/// How an account stands with a class.
///
/// # Errors
/// The database is away.
pub async fn standing(sql: &impl Sql, class: &str, account: &str) -> Result<Standing> {
    let text = "SELECT e.state, (SELECT COUNT(*) FROM enrolments o WHERE o.class_id = e.class_id AND o.state = 'waiting' \
        AND (o.at_ms < e.at_ms OR (o.at_ms = e.at_ms AND o.account_id <= e.account_id))) \
        FROM enrolments e WHERE e.class_id = $1 AND e.account_id = $2";
    let Some(row) = sql.row(text, args![class, account]).await? else { return Ok(Standing::default()) };
    if row.text(0)? == "enrolled" {
        return Ok(Standing { enrolment: Enrolment::Enrolled, position: None });
    }
    Ok(Standing { enrolment: Enrolment::Waiting, position: Some(row.count(1)?) })
}

/// Who has a place and who waits, oldest first; `after` is `(at_ms, account)` of the last one before.
///
/// # Errors
/// The database is away.
pub async fn list(sql: &impl Sql, class: &str, after: Option<(u64, &str)>) -> Result<Vec<Enrolled>> {
    let text = "SELECT e.account_id, a.name, e.state, e.at_ms FROM enrolments e JOIN accounts a ON a.id = e.account_id \
        WHERE e.class_id = $1 AND (e.at_ms > $2 OR (e.at_ms = $2 AND e.account_id > $3)) \
        ORDER BY e.at_ms, e.account_id LIMIT $4";
    let (at_ms, account) = after.unwrap_or((0, ""));
    let rows = sql.rows(text, args![class, at_ms, account, PAGE + 1]).await?;
    let read = |row: &crate::Row| {
        Ok(Enrolled { id: row.text(0)?, name: row.text(1)?, state: row.text(2)?, at_ms: row.count(3)? })
    };
    rows.iter().map(read).collect()
}
