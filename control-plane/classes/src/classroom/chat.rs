//! Chat: kept for those who come late, moderated by who teaches.

use serde::Serialize;

use super::permissions;
use super::quiz::check_id;
use super::rule::bounded;
use super::{Changed, Moment, Person, bump, missing, person, taken};
use crate::{Database, Error, Kind, Result, Row, Sql, Value, args, transaction};

pub const TEXT_CHARACTERS_MAX: usize = 1_000;
/// Messages of one answer.
pub const PAGE: usize = 100;

const COLUMNS: &str = "m.id, m.account_id, a.name, m.text, m.at_ms";
const TABLES: &str = "chat m JOIN accounts a ON a.id = m.account_id";

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    pub id: String,
    pub from: Person,
    pub text: String,
    pub at_ms: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

/// Says something. `None`: it was said before, with the same id.
///
/// # Errors
/// `chat_muted`, `id_taken`, or the text breaks a rule.
pub async fn say(
    database: &Database,
    class: &str,
    from: &Person,
    id: &str,
    text: &str,
    moment: &Moment,
) -> Result<(Message, Option<u64>)> {
    check_id("message", id)?;
    bounded("text", text, 1, TEXT_CHARACTERS_MAX)?;
    transaction!(database, tx => {
        if permissions::find(&tx, class, &from.id).await?.chat_muted {
            let message = "The instructor has muted you in the chat. Raise your hand, or ask a question.";
            return Err(Error::refused(Kind::NotAllowed, "chat_muted", message));
        }
        let sql = "INSERT INTO chat (id, class_id, account_id, text, at_ms, room_sid) VALUES ($1, $2, $3, $4, $5, $6) \
            ON CONFLICT DO NOTHING";
        let values = args![id, class, &from.id, text.trim(), moment.now_ms, moment.room_sid()];
        if tx.execute(sql, values).await? == 0 {
            let old = find(&tx, class, id).await.map_err(|_| taken())?;
            return if old.from.id == from.id { Ok((old, None)) } else { Err(taken()) };
        }
        let v = bump(&tx, class).await?;
        let message =
            Message { id: id.to_owned(), from: from.clone(), text: text.trim().to_owned(), at_ms: moment.now_ms, hidden: false };
        Ok((message, Some(v)))
    })
}

/// Where a page of history stands: before or after a message or a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page<'a> {
    /// A message's id, or a time in ms.
    pub before: Option<&'a str>,
    /// Likewise.
    pub after: Option<&'a str>,
}

/// Up to [`PAGE`] messages, oldest first: the latest, those before, or those after a point.
///
/// # Errors
/// The database is away.
pub async fn list(sql: &impl Sql, class: &str, page: &Page<'_>) -> Result<Vec<Message>> {
    let mut values: Vec<Value> = args![class];
    let mut filter = String::new();
    for (point, sign) in [(page.before, '<'), (page.after, '>')] {
        let Some(point) = point else { continue };
        // An id may consist of digits too.
        let (at_ms, id) = match (find(sql, class, point).await, point.parse::<u64>()) {
            (Ok(message), _) => (message.at_ms, point.to_owned()),
            (Err(error), Ok(at_ms)) if error.code() == Some("message_not_found") => (at_ms, String::new()),
            (Err(error), _) => return Err(error),
        };
        let n = values.len();
        filter.push_str(&format!(
            " AND (m.at_ms {sign} ${} OR (m.at_ms = ${} AND m.id {sign} ${}))",
            n + 1,
            n + 1,
            n + 2
        ));
        values.extend(args![at_ms, id]);
    }
    let newest_first = page.after.is_none();
    let order = if newest_first { "DESC" } else { "ASC" };
    let text = format!(
        "SELECT {COLUMNS} FROM {TABLES} WHERE m.class_id = $1 AND m.hidden = 0{filter} \
        ORDER BY m.at_ms {order}, m.id {order} LIMIT {PAGE}"
    );
    let mut messages: Vec<Message> =
        sql.rows(&text, values).await?.iter().map(message).collect::<Result<_>>()?;
    if newest_first {
        messages.reverse();
    }
    Ok(messages)
}

/// # Errors
/// `message_not_found`, or the database is away.
pub async fn find(sql: &impl Sql, class: &str, id: &str) -> Result<Message> {
    let text = format!("SELECT {COLUMNS} FROM {TABLES} WHERE m.id = $1 AND m.class_id = $2");
    let row = sql.row(&text, args![id, class]).await?;
    row.as_ref().map(message).ok_or_else(|| missing("message_not_found", "message"))?
}

/// Takes a message away: who wrote it, or who teaches. `None`: it is away already.
///
/// # Errors
/// `message_not_found`; somebody else's.
pub async fn hide(
    database: &Database,
    class: &str,
    id: &str,
    account: &str,
    teaches: bool,
) -> Result<Option<Changed<Message>>> {
    transaction!(database, tx => {
        let found = find(&tx, class, id).await?;
        if !teaches && found.from.id != account {
            return Err(Error::not_allowed("Only who wrote a message, or who teaches, takes it away."));
        }
        let text = "UPDATE chat SET hidden = 1 WHERE id = $1 AND class_id = $2 AND hidden = 0";
        if tx.execute(text, args![id, class]).await? == 0 {
            return Ok(None);
        }
        let v = bump(&tx, class).await?;
        Ok(Some(Changed { v, it: Message { hidden: true, text: String::new(), ..found } }))
    })
}

pub(super) fn message(row: &Row) -> Result<Message> {
    Ok(Message {
        id: row.text(0)?,
        from: person(row, 1)?,
        text: row.text(3)?,
        at_ms: row.count(4)?,
        hidden: false,
    })
}
