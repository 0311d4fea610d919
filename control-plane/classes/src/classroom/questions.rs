//! The pile of questions: asked in class or at the replay, voted up, answered.

use serde::{Deserialize, Serialize};

use super::quiz::check_id;
use super::rule::bounded;
use super::{Changed, Moment, Person, bump, missing, person, taken};
use crate::{Database, Error, Result, Row, Sql, args, transaction};

pub const TEXT_CHARACTERS_MAX: usize = 500;
pub const ANSWER_CHARACTERS_MAX: usize = 2_000;
/// Questions of one class. Further ones are refused.
pub const QUESTIONS_MAX: u64 = 5_000;
/// Questions that a page is shown: the newest.
pub const SHOWN_MAX: usize = 300;

const COLUMNS: &str = "q.id, q.account_id, a.name, q.anonymous, q.text, q.at_ms, q.minute_ms, q.replay, q.votes, q.state, q.answer";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Open,
    Answered,
    Hidden,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered => "answered",
            Self::Hidden => "hidden",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Question {
    pub id: String,
    /// `None`: asked without a name.
    pub from: Option<Person>,
    pub text: String,
    pub at_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minute_ms: Option<u64>,
    pub replay: bool,
    pub votes: u64,
    /// By the asker; in words to the room left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voted: Option<bool>,
    pub state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// A question as it is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    pub id: String,
    pub text: String,
    #[serde(default)]
    pub minute_ms: Option<u64>,
    #[serde(default)]
    pub replay: bool,
    #[serde(default)]
    pub room_sid: Option<String>,
    #[serde(default)]
    pub anonymous: bool,
}

/// What becomes of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    #[serde(default)]
    pub state: Option<State>,
    #[serde(default)]
    pub answer: Option<String>,
}

/// Asks. No version: it was asked before, with the same id.
///
/// # Errors
/// `id_taken`, or a rule is broken.
pub async fn ask(
    database: &Database,
    class: &str,
    account: &str,
    asked: &Asked,
    moment: &Moment,
) -> Result<(Question, Option<u64>)> {
    check_id("question", &asked.id)?;
    bounded("text", &asked.text, 1, TEXT_CHARACTERS_MAX)?;
    super::rule::moment(asked.minute_ms)?;
    let room_sid = asked.room_sid.as_deref().or(moment.room_sid());
    if let Some(sid) = &asked.room_sid {
        check_id("room_sid", sid)?;
    }
    let minute_ms = if asked.replay { asked.minute_ms } else { asked.minute_ms.or(moment.minute_ms()) };
    transaction!(database, tx => {
        let count = tx.row("SELECT COUNT(*) FROM questions WHERE class_id = $1", args![class]).await?;
        if count.map_or(Ok(0), |row| row.count(0))? >= QUESTIONS_MAX {
            return Err(Error::conflict("too_many", format!("A class has at most {QUESTIONS_MAX} questions. Use the board.")));
        }
        let text = "INSERT INTO questions (id, class_id, account_id, anonymous, text, at_ms, minute_ms, replay, room_sid, state) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'open') ON CONFLICT DO NOTHING";
        let values = args![
            &asked.id, class, account, asked.anonymous, asked.text.trim(), moment.now_ms, minute_ms, asked.replay, room_sid
        ];
        if tx.execute(text, values).await? == 0 {
            let text = "SELECT 1 FROM questions WHERE id = $1 AND class_id = $2 AND account_id = $3";
            tx.row(text, args![&asked.id, class, account]).await?.ok_or_else(taken)?;
            return Ok((find(&tx, class, &asked.id, Some(account)).await?, None));
        }
        let v = bump(&tx, class).await?;
        Ok((find(&tx, class, &asked.id, Some(account)).await?, Some(v)))
    })
}

/// The newest [`SHOWN_MAX`], oldest first; hidden ones for who teaches only.
///
/// # Errors
/// The database is away.
pub async fn list(
    sql: &impl Sql,
    class: &str,
    account: Option<&str>,
    teaches: bool,
) -> Result<Vec<Question>> {
    let hidden = if teaches { "" } else { "AND q.state <> 'hidden'" };
    let text = format!(
        "SELECT {COLUMNS}, (SELECT COUNT(*) FROM question_votes v WHERE v.question_id = q.id AND v.account_id = $2) \
        FROM questions q JOIN accounts a ON a.id = q.account_id WHERE q.class_id = $1 {hidden} \
        ORDER BY q.at_ms DESC, q.id DESC LIMIT {SHOWN_MAX}"
    );
    let rows = sql.rows(&text, args![class, account.unwrap_or_default()]).await?;
    rows.iter().rev().map(question).collect()
}

/// # Errors
/// `question_not_found`, or the database is away.
pub async fn find(sql: &impl Sql, class: &str, id: &str, account: Option<&str>) -> Result<Question> {
    let text = format!(
        "SELECT {COLUMNS}, (SELECT COUNT(*) FROM question_votes v WHERE v.question_id = q.id AND v.account_id = $3) \
        FROM questions q JOIN accounts a ON a.id = q.account_id WHERE q.id = $1 AND q.class_id = $2"
    );
    let row = sql.row(&text, args![id, class, account.unwrap_or_default()]).await?;
    row.as_ref().map(question).ok_or_else(|| missing("question_not_found", "question"))?
}

/// Votes for a question, or takes the vote back; doing so twice changes nothing (`None`). Nobody votes twice.
///
/// # Errors
/// `question_not_found`: hidden ones too.
pub async fn vote(
    database: &Database,
    class: &str,
    id: &str,
    account: &str,
    up: bool,
) -> Result<Option<Changed<Question>>> {
    transaction!(database, tx => {
        tx.lock("question", id).await?;
        let found = find(&tx, class, id, Some(account)).await?;
        if found.state == State::Hidden {
            return Err(missing("question_not_found", "question"));
        }
        let text = if up {
            "INSERT INTO question_votes (question_id, account_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"
        } else {
            "DELETE FROM question_votes WHERE question_id = $1 AND account_id = $2"
        };
        if tx.execute(text, args![id, account]).await? == 0 {
            return Ok(None);
        }
        let change = if up { 1_i64 } else { -1 };
        tx.execute("UPDATE questions SET votes = votes + $2 WHERE id = $1", args![id, change]).await?;
        let v = bump(&tx, class).await?;
        Ok(Some(Changed { v, it: find(&tx, class, id, Some(account)).await? }))
    })
}

/// Answers, hides, or opens again.
///
/// # Errors
/// `question_not_found`, or the answer breaks a rule.
pub async fn change(
    database: &Database,
    class: &str,
    id: &str,
    change: &Change,
) -> Result<Changed<Question>> {
    if let Some(answer) = &change.answer {
        bounded("answer", answer, 0, ANSWER_CHARACTERS_MAX)?;
    }
    transaction!(database, tx => {
        let found = find(&tx, class, id, None).await?;
        let answer = change.answer.as_deref().map(str::trim).or(found.answer.as_deref()).filter(|text| !text.is_empty());
        let implied = if change.answer.is_some() && answer.is_some() { State::Answered } else { found.state };
        let state = change.state.unwrap_or(implied);
        let text = "UPDATE questions SET state = $3, answer = $4 WHERE id = $1 AND class_id = $2";
        tx.execute(text, args![id, class, state.as_str(), answer]).await?;
        let v = bump(&tx, class).await?;
        Ok(Changed { v, it: find(&tx, class, id, None).await? })
    })
}

pub(super) fn question(row: &Row) -> Result<Question> {
    let state = row.text(9)?;
    let states = [State::Open, State::Answered, State::Hidden];
    Ok(Question {
        id: row.text(0)?,
        from: if row.flag(3)? { None } else { Some(person(row, 1)?) },
        text: row.text(4)?,
        at_ms: row.count(5)?,
        minute_ms: row.count_or_null(6)?,
        replay: row.flag(7)?,
        votes: row.count(8)?,
        voted: Some(row.flag(11)?),
        state: states
            .into_iter()
            .find(|known| known.as_str() == state)
            .ok_or_else(|| Error::Unexpected(format!("state {state:?} of a question")))?,
        answer: row.text_or_null(10)?,
    })
}
