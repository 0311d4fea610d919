//! Searches, wishes and acts in the database.

use super::wish::{NewWish, WISHES_PER_ACCOUNT_MAX, Wish};
use crate::catalogue::Class;
use crate::catalogue::store::{COLUMNS, TABLES, class};
use crate::{Database, Error, Result, Row, Sql, args, id, transaction};

/// Rows read at once of what many people wrote: weeks of a busy school.
const ROWS_MAX: u32 = 200_000;
/// Searches are kept this long: half a year of trends.
pub const SEARCHES_KEPT_MS: u64 = 26 * 7 * 24 * 3600 * 1000;
/// The same text by the same person within this time is one search: people correct letters.
const REPEATED_MS: u64 = 10 * 60 * 1000;

/// A search or a wish as demand counts it: who (or a name for nobody), what, category, region, level, times, when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Account, or the row's own id where nobody was signed in.
    pub person: String,
    /// As typed.
    pub text: String,
    /// Or empty.
    pub category: String,
    /// Or empty.
    pub region: String,
    /// Or empty.
    pub level: String,
    /// Or none.
    pub times: Vec<String>,
    /// When.
    pub at_ms: u64,
}

/// What somebody did with a class: `enrolled`, `liked`, `watched` or `looked`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Did {
    /// Who.
    pub account: String,
    /// With which class.
    pub class: String,
    /// What.
    pub act: String,
    /// When.
    pub at_ms: u64,
}

/// Notes a finished search, unless the same person searched the same a moment ago.
///
/// # Errors
/// The database is away.
pub async fn note_search(
    sql: &impl Sql,
    account: Option<&str>,
    text: &str,
    (region, category): (&str, &str),
    found: u64,
    now_ms: u64,
) -> Result<()> {
    if let Some(account) = account {
        let again = "SELECT 1 FROM searches WHERE account_id = $1 AND at_ms > $2 AND text = $3";
        if sql.row(again, args![account, now_ms.saturating_sub(REPEATED_MS), text]).await?.is_some() {
            return Ok(());
        }
    }
    let insert = "INSERT INTO searches (id, account_id, text, region, category, found, at_ms) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let values = args![id::random("s"), account, text, region, category, found, now_ms];
    sql.execute(insert, values).await.map(|_| ())
}

/// Takes away searches that are too old to count.
///
/// # Errors
/// The database is away.
pub async fn forget_searches(sql: &impl Sql, now_ms: u64) -> Result<u64> {
    let before = now_ms.saturating_sub(SEARCHES_KEPT_MS);
    sql.execute("DELETE FROM searches WHERE at_ms < $1", args![before]).await
}

/// What somebody searched last, oldest first.
///
/// # Errors
/// The database is away.
pub async fn searches_of(sql: &impl Sql, account: &str) -> Result<Vec<String>> {
    let text = "SELECT text FROM searches WHERE account_id = $1 ORDER BY at_ms DESC LIMIT 10";
    let rows = sql.rows(text, args![account]).await?;
    rows.iter().rev().map(|row| row.text(0)).collect()
}

/// Searches that found nothing, since then.
///
/// # Errors
/// The database is away.
pub async fn vain_searches(sql: &impl Sql, since_ms: u64) -> Result<Vec<Asked>> {
    let text = format!(
        "SELECT COALESCE(account_id, id), text, category, region, '', '[]', at_ms FROM searches \
         WHERE at_ms >= $1 AND found = 0 ORDER BY at_ms DESC LIMIT {ROWS_MAX}"
    );
    sql.rows(&text, args![since_ms]).await?.iter().map(asked).collect()
}

/// Searches by category, found or not, since then.
///
/// # Errors
/// The database is away.
pub async fn searches_by_category(sql: &impl Sql, since_ms: u64) -> Result<Vec<(String, u64)>> {
    let text =
        "SELECT category, COUNT(*) FROM searches WHERE at_ms >= $1 AND category <> '' GROUP BY category";
    sql.rows(text, args![since_ms]).await?.iter().map(|row| Ok((row.text(0)?, row.count(1)?))).collect()
}

/// Wishes since then.
///
/// # Errors
/// The database is away.
pub async fn wishes_since(sql: &impl Sql, since_ms: u64) -> Result<Vec<Asked>> {
    let text = format!(
        "SELECT account_id, text, category, region, level, times, at_ms FROM wishes \
         WHERE at_ms >= $1 ORDER BY at_ms DESC LIMIT {ROWS_MAX}"
    );
    sql.rows(&text, args![since_ms]).await?.iter().map(asked).collect()
}

/// Keeps a wish.
///
/// # Errors
/// There are too many of this person, or the database is away.
pub async fn add_wish(database: &Database, account: &str, wish: &NewWish, now_ms: u64) -> Result<Wish> {
    let new = id::random("w");
    let times = serde_json::to_string(&wish.times).unwrap_or_else(|_| "[]".to_owned());
    transaction!(database, tx => {
        tx.lock("account", account).await?;
        let count = "SELECT COUNT(*) FROM wishes WHERE account_id = $1";
        let open = tx.row(count, args![account]).await?.map_or(Ok(0), |row| row.count(0))?;
        if open >= WISHES_PER_ACCOUNT_MAX as u64 {
            let message = format!("You have {WISHES_PER_ACCOUNT_MAX} wishes already. Take one back first.");
            return Err(Error::conflict("too_many_wishes", message));
        }
        let insert = "INSERT INTO wishes (id, account_id, text, category, level, language, region, times, at_ms) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let values = args![
            &new, account, &wish.text, &wish.category, &wish.level, &wish.language, &wish.region, &times, now_ms
        ];
        tx.execute(insert, values).await
    })?;
    let NewWish { text, category, level, language, times, region } = wish.clone();
    Ok(Wish { id: new, text, category, level, language, times, region, at_ms: now_ms, matched: Vec::new() })
}

/// Somebody's wishes, newest first.
///
/// # Errors
/// The database is away.
pub async fn wishes_of(sql: &impl Sql, account: &str) -> Result<Vec<Wish>> {
    let text = "SELECT id, text, category, level, language, times, region, at_ms FROM wishes \
        WHERE account_id = $1 ORDER BY at_ms DESC, id";
    let mut wishes: Vec<Wish> =
        sql.rows(text, args![account]).await?.iter().map(wish).collect::<Result<_>>()?;
    let matches = "SELECT m.wish_id, m.class_id FROM wish_matches m JOIN wishes w ON w.id = m.wish_id \
        WHERE w.account_id = $1 ORDER BY m.at_ms DESC, m.class_id";
    for row in sql.rows(matches, args![account]).await? {
        let (wish, class) = (row.text(0)?, row.text(1)?);
        if let Some(found) = wishes.iter_mut().find(|found| found.id == wish) {
            found.matched.push(class);
        }
    }
    Ok(wishes)
}

/// Every open wish with its account and that person's name for the language of notes, for matching with a new class.
///
/// # Errors
/// The database is away.
pub async fn open_wishes(sql: &impl Sql) -> Result<Vec<(String, Wish)>> {
    let text = format!(
        "SELECT w.id, w.text, w.category, w.level, w.language, w.times, w.region, w.at_ms, w.account_id FROM wishes w \
         ORDER BY w.at_ms DESC LIMIT {ROWS_MAX}"
    );
    sql.rows(&text, Vec::new()).await?.iter().map(|row| Ok((row.text(8)?, wish(row)?))).collect()
}

/// Notes that a class came true of a wish. `false`: that was known.
///
/// # Errors
/// The database is away.
pub async fn note_match(sql: &impl Sql, wish: &str, class: &str, now_ms: u64) -> Result<bool> {
    let insert =
        "INSERT INTO wish_matches (wish_id, class_id, at_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    Ok(sql.execute(insert, args![wish, class, now_ms]).await? == 1)
}

/// Takes a wish back. `false`: there is none of this person with this id.
///
/// # Errors
/// The database is away.
pub async fn remove_wish(sql: &impl Sql, account: &str, wish: &str) -> Result<bool> {
    let delete = "DELETE FROM wishes WHERE id = $1 AND account_id = $2";
    Ok(sql.execute(delete, args![wish, account]).await? == 1)
}

/// Notes that somebody opened a class's page.
///
/// # Errors
/// The database is away, or there is no such class.
pub async fn note_look(sql: &impl Sql, account: &str, class: &str, now_ms: u64) -> Result<()> {
    let insert = "INSERT INTO looks (account_id, class_id, at_ms) VALUES ($1, $2, $3) \
        ON CONFLICT (account_id, class_id) DO UPDATE SET at_ms = excluded.at_ms";
    sql.execute(insert, args![account, class, now_ms]).await.map(|_| ())
}

/// What `account` did, or everybody; oldest first, the latest `limit`.
///
/// # Errors
/// The database is away.
pub async fn acts(sql: &impl Sql, account: Option<&str>, limit: usize) -> Result<Vec<Did>> {
    let whose = if account.is_some() { "WHERE account_id = $1" } else { "WHERE $1 = ''" };
    let text = format!(
        "SELECT account_id, class_id, act, at_ms FROM ( \
           SELECT account_id, class_id, 'enrolled' AS act, at_ms FROM enrolments \
           UNION ALL SELECT account_id, class_id, 'liked' AS act, at_ms FROM likes \
           UNION ALL SELECT account_id, class_id, 'watched' AS act, MAX(at_ms) AS at_ms FROM watched \
             WHERE event = 'play' GROUP BY account_id, class_id \
           UNION ALL SELECT account_id, class_id, 'looked' AS act, at_ms FROM looks \
         ) AS done {whose} ORDER BY at_ms DESC, account_id, class_id, act LIMIT $2"
    );
    let rows = sql.rows(&text, args![account.unwrap_or_default(), limit]).await?;
    let did = |row: &Row| {
        Ok(Did { account: row.text(0)?, class: row.text(1)?, act: row.text(2)?, at_ms: row.count(3)? })
    };
    rows.iter().rev().map(did).collect()
}

/// Classes that were changed at or after `(since_ms, after)`, in the order of changes; `limit` of them.
///
/// # Errors
/// The database is away.
pub async fn changed_classes(
    sql: &impl Sql,
    (since_ms, after): (u64, &str),
    limit: usize,
) -> Result<Vec<Class>> {
    let text = format!(
        "SELECT {COLUMNS} FROM {TABLES} WHERE c.updated_at_ms >= $1 AND (c.updated_at_ms > $1 OR c.id > $2) \
         ORDER BY c.updated_at_ms, c.id LIMIT $3"
    );
    sql.rows(&text, args![since_ms, after, limit]).await?.iter().map(class).collect()
}

/// How many classes there are.
///
/// # Errors
/// The database is away.
pub async fn class_count(sql: &impl Sql) -> Result<u64> {
    sql.row("SELECT COUNT(*) FROM classes", Vec::new()).await?.map_or(Ok(0), |row| row.count(0))
}

/// Ids of all classes.
///
/// # Errors
/// The database is away.
pub async fn class_ids(sql: &impl Sql) -> Result<Vec<String>> {
    sql.rows("SELECT id FROM classes", Vec::new()).await?.iter().map(|row| row.text(0)).collect()
}

fn asked(row: &Row) -> Result<Asked> {
    Ok(Asked {
        person: row.text(0)?,
        text: row.text(1)?,
        category: row.text(2)?,
        region: row.text(3)?,
        level: row.text(4)?,
        times: serde_json::from_str(&row.text(5)?).unwrap_or_default(),
        at_ms: row.count(6)?,
    })
}

fn wish(row: &Row) -> Result<Wish> {
    Ok(Wish {
        id: row.text(0)?,
        text: row.text(1)?,
        category: row.text(2)?,
        level: row.text(3)?,
        language: row.text(4)?,
        times: serde_json::from_str(&row.text(5)?).unwrap_or_default(),
        region: row.text(6)?,
        at_ms: row.count(7)?,
        matched: Vec::new(),
    })
}
