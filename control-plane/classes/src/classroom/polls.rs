//! Polls in the database, and as pages see them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::poll::{Sheet, State, voter};
use super::quiz::Choice;
use super::{Changed, Moment, bump, json, missing, parsed};
use crate::{Database, Error, Result, Row, Sql, args, id, transaction};

/// Polls of one class. Further ones are refused.
pub const POLLS_MAX: u64 = 200;

const COLUMNS: &str = "id, sheet, state, salt, opened_at_ms, room_sid, minute_ms";

/// As the database has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    pub id: String,
    pub sheet: Sheet,
    pub state: State,
    salt: Option<String>,
    pub opened_at_ms: Option<u64>,
    pub room_sid: Option<String>,
    pub minute_ms: Option<u64>,
}

/// As a page sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Poll {
    pub id: String,
    pub question: String,
    pub choices: Vec<Choice>,
    pub multiple: bool,
    pub anonymous: bool,
    pub state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minute_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tally: Option<BTreeMap<String, u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mine: Option<Vec<String>>,
}

impl Stored {
    #[must_use]
    pub fn seen(&self, tally: Option<BTreeMap<String, u64>>, mine: Option<Vec<String>>) -> Poll {
        Poll {
            id: self.id.clone(),
            question: self.sheet.question.clone(),
            choices: self.sheet.choices.clone(),
            multiple: self.sheet.multiple,
            anonymous: self.sheet.anonymous,
            state: self.state,
            minute_ms: self.minute_ms,
            tally,
            mine,
        }
    }

    /// Under what name this account's vote stands; `None`: it can no longer be found.
    fn voter(&self, account: &str) -> Option<String> {
        if self.sheet.anonymous {
            self.salt.as_deref().map(|salt| voter(account, Some(salt)))
        } else {
            Some(voter(account, None))
        }
    }
}

/// Polls of a class, oldest first.
///
/// # Errors
/// The database is away.
pub async fn list(sql: &impl Sql, class: &str) -> Result<Vec<Stored>> {
    let text = format!(
        "SELECT {COLUMNS} FROM polls WHERE class_id = $1 ORDER BY created_at_ms, id LIMIT {POLLS_MAX}"
    );
    sql.rows(&text, args![class]).await?.iter().map(stored).collect()
}

/// # Errors
/// `poll_not_found`, or the database is away.
pub async fn find(sql: &impl Sql, class: &str, poll: &str) -> Result<Stored> {
    let text = format!("SELECT {COLUMNS} FROM polls WHERE id = $1 AND class_id = $2");
    let row = sql.row(&text, args![poll, class]).await?;
    row.as_ref().map(stored).ok_or_else(|| missing("poll_not_found", "poll"))?
}

/// As one person may see it: who teaches sees the count always, others when it is closed.
///
/// # Errors
/// The database is away.
pub async fn seen(sql: &impl Sql, poll: &Stored, teaches: bool, account: Option<&str>) -> Result<Poll> {
    let tally = if teaches || poll.state == State::Closed { Some(tally(sql, poll).await?) } else { None };
    let mine = match account.and_then(|account| poll.voter(account)) {
        Some(voter) => {
            let text = "SELECT choices FROM poll_votes WHERE poll_id = $1 AND voter = $2";
            let row = sql.row(text, args![&poll.id, voter]).await?;
            row.map(|row| parsed(&row.text(0)?)).transpose()?
        }
        None => None,
    };
    Ok(poll.seen(tally, mine))
}

/// # Errors
/// The database is away.
pub async fn tally(sql: &impl Sql, poll: &Stored) -> Result<BTreeMap<String, u64>> {
    let rows = sql.rows("SELECT choices FROM poll_votes WHERE poll_id = $1", args![&poll.id]).await?;
    let votes: Vec<Vec<String>> = rows.iter().map(|row| parsed(&row.text(0)?)).collect::<Result<_>>()?;
    Ok(poll.sheet.tally(votes.iter().map(Vec::as_slice)))
}

/// A new draft. Nobody hears of it.
///
/// # Errors
/// The sheet breaks a rule, or there are too many.
pub async fn create(database: &Database, class: &str, sheet: Sheet, now_ms: u64) -> Result<Stored> {
    sheet.check()?;
    let poll = id::random("p");
    let salt = sheet.anonymous.then(id::secret);
    transaction!(database, tx => {
        tx.lock("classroom", class).await?;
        let count = tx.row("SELECT COUNT(*) FROM polls WHERE class_id = $1", args![class]).await?;
        if count.map_or(Ok(0), |row| row.count(0))? >= POLLS_MAX {
            return Err(Error::conflict("too_many", format!("A class has at most {POLLS_MAX} polls. Delete drafts.")));
        }
        let text = "INSERT INTO polls (id, class_id, sheet, state, salt, created_at_ms) VALUES ($1, $2, $3, 'draft', $4, $5)";
        tx.execute(text, args![&poll, class, json(&sheet), salt.as_deref(), now_ms]).await?;
        find(&tx, class, &poll).await
    })
}

/// # Errors
/// `poll_state`: it was asked already.
pub async fn delete(database: &Database, class: &str, poll: &str) -> Result<()> {
    let text = "DELETE FROM polls WHERE id = $1 AND class_id = $2 AND state = 'draft'";
    if database.execute(text, args![poll, class]).await? > 0 {
        return Ok(());
    }
    find(database, class, poll).await?;
    Err(Error::conflict("poll_state", "The poll was asked already and stays."))
}

/// Opens a draft, or closes an open poll; again changes nothing (`false`). Closing an anonymous poll destroys its salt.
///
/// # Errors
/// `poll_state`: the step does not fit.
pub async fn step(
    database: &Database,
    class: &str,
    poll: &str,
    to: State,
    moment: &Moment,
) -> Result<(Changed<Stored>, bool)> {
    transaction!(database, tx => {
        tx.lock("classroom", class).await?;
        let mut found = find(&tx, class, poll).await?;
        if found.state == to {
            let (v, _) = super::now(&tx, class).await?;
            return Ok((Changed { v, it: found }, false));
        }
        match (found.state, to) {
            (State::Draft, State::Open) => {
                found.opened_at_ms = Some(moment.now_ms);
                found.room_sid = moment.room_sid().map(str::to_owned);
                found.minute_ms = moment.minute_ms();
            }
            (State::Open, State::Closed) => found.salt = None,
            _ => {
                let message = format!("The poll is {}; that step does not fit. Make a new one to ask again.", found.state.as_str());
                return Err(Error::conflict("poll_state", message));
            }
        }
        found.state = to;
        let text = "UPDATE polls SET state = $2, salt = $3, opened_at_ms = $4, room_sid = $5, minute_ms = $6 WHERE id = $1";
        let values = args![
            poll, to.as_str(), found.salt.as_deref(), found.opened_at_ms, found.room_sid.as_deref(), found.minute_ms
        ];
        tx.execute(text, values).await?;
        let v = bump(&tx, class).await?;
        Ok((Changed { v, it: found }, true))
    })
}

/// One vote for each account; it may be changed while the poll is open.
///
/// # Errors
/// `poll_closed`, or the choices do not fit.
pub async fn vote(
    database: &Database,
    class: &str,
    poll: &str,
    account: &str,
    chosen: &[String],
) -> Result<Stored> {
    transaction!(database, tx => {
        // With the lock that closing takes: a vote after the salt is gone could be counted twice.
        tx.lock("classroom", class).await?;
        let found = find(&tx, class, poll).await?;
        let closed = || Error::conflict("poll_closed", "The poll is not open. Your vote was not counted.");
        if found.state != State::Open {
            return Err(closed());
        }
        let chosen = found.sheet.tidy(chosen)?;
        let voter = found.voter(account).ok_or_else(closed)?;
        let text = "INSERT INTO poll_votes (poll_id, voter, choices) VALUES ($1, $2, $3) \
            ON CONFLICT (poll_id, voter) DO UPDATE SET choices = excluded.choices";
        tx.execute(text, args![poll, voter, json(&chosen)]).await?;
        Ok(found)
    })
}

fn stored(row: &Row) -> Result<Stored> {
    let state = row.text(2)?;
    Ok(Stored {
        id: row.text(0)?,
        sheet: parsed(&row.text(1)?)?,
        state: State::parse(&state).ok_or_else(|| Error::Unexpected(format!("state {state:?} of a poll")))?,
        salt: row.text_or_null(3)?,
        opened_at_ms: row.count_or_null(4)?,
        room_sid: row.text_or_null(5)?,
        minute_ms: row.count_or_null(6)?,
    })
}
