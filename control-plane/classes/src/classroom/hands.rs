//! Raised hands, in the order they went up.

use serde::Serialize;

use super::{Changed, Moment, Person, bump, person};
use crate::{Database, Result, Sql, args, transaction};

/// Hands shown; beyond that nobody is called in order any more.
pub const HANDS_MAX: usize = 500;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hand {
    pub account: Person,
    pub raised_at_ms: u64,
}

/// The queue. Hands of an earlier lesson are down.
///
/// # Errors
/// The database is away.
pub async fn list(sql: &impl Sql, class: &str, room_sid: Option<&str>) -> Result<Vec<Hand>> {
    let text = format!(
        "SELECT h.account_id, a.name, h.raised_at_ms FROM hands h JOIN accounts a ON a.id = h.account_id \
        WHERE h.class_id = $1 AND (h.room_sid = $2 OR (h.room_sid IS NULL AND $2 IS NULL)) \
        ORDER BY h.raised_at_ms, h.account_id LIMIT {HANDS_MAX}"
    );
    let rows = sql.rows(&text, args![class, room_sid]).await?;
    rows.iter().map(|row| Ok(Hand { account: person(row, 0)?, raised_at_ms: row.count(2)? })).collect()
}

/// Raises a hand; one that is up stays where it is in the queue (`None`).
///
/// # Errors
/// The database is away.
pub async fn raise(
    database: &Database,
    class: &str,
    account: &str,
    moment: &Moment,
) -> Result<Option<Changed<Vec<Hand>>>> {
    transaction!(database, tx => {
        let sid = moment.room_sid();
        let up = "SELECT 1 FROM hands WHERE class_id = $1 AND account_id = $2 \
            AND (room_sid = $3 OR (room_sid IS NULL AND $3 IS NULL))";
        if tx.row(up, args![class, account, sid]).await?.is_some() {
            return Ok(None);
        }
        let text = "INSERT INTO hands (class_id, account_id, raised_at_ms, room_sid) VALUES ($1, $2, $3, $4) \
            ON CONFLICT (class_id, account_id) DO UPDATE SET raised_at_ms = excluded.raised_at_ms, room_sid = excluded.room_sid";
        tx.execute(text, args![class, account, moment.now_ms, sid]).await?;
        let text = "INSERT INTO hands_raised (class_id, account_id, raised_at_ms, room_sid) VALUES ($1, $2, $3, $4)";
        tx.execute(text, args![class, account, moment.now_ms, sid]).await?;
        let v = bump(&tx, class).await?;
        Ok(Some(Changed { v, it: list(&tx, class, sid).await? }))
    })
}

/// Takes a hand down; `None`: it was not up.
///
/// # Errors
/// The database is away.
pub async fn lower(
    database: &Database,
    class: &str,
    account: &str,
    moment: &Moment,
) -> Result<Option<Changed<Vec<Hand>>>> {
    transaction!(database, tx => {
        let text = "DELETE FROM hands WHERE class_id = $1 AND account_id = $2";
        if tx.execute(text, args![class, account]).await? == 0 {
            return Ok(None);
        }
        let v = bump(&tx, class).await?;
        Ok(Some(Changed { v, it: list(&tx, class, moment.room_sid()).await? }))
    })
}
