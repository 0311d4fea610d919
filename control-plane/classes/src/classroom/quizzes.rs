//! Quizzes in the database, and as pages see them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::course::{State, Step, stepped};
use super::quiz::{Given, Item, Sheet};
use super::{Changed, Moment, bump, json, missing, parsed};
use crate::{Database, Error, Result, Row, Sql, args, id, transaction};

/// Quizzes of one class. Further ones are refused.
pub const QUIZZES_MAX: u64 = 200;

const COLUMNS: &str = "id, class_id, sheet, state, opened_at_ms, closes_at_ms, room_sid, minute_ms";

/// As the database has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    pub id: String,
    pub class: String,
    pub sheet: Sheet,
    /// As it was last set; [`State::at`] says what it is.
    pub state: State,
    pub opened_at_ms: Option<u64>,
    pub closes_at_ms: Option<u64>,
    pub room_sid: Option<String>,
    pub minute_ms: Option<u64>,
}

/// As a page sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Quiz {
    pub id: String,
    pub title: String,
    pub items: Vec<Item>,
    pub time_limit_s: Option<u32>,
    pub state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened_at_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closes_at_ms: Option<u64>,
    /// Class time of its opening.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minute_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Given>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mine: Option<Mine>,
}

/// What the asker answered, and what came of it as far as she may know.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mine {
    pub answers: Given,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correct: Option<BTreeMap<String, bool>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<usize>,
}

impl Mine {
    /// The result goes with the answer once the key is no secret any more.
    #[must_use]
    pub fn of(sheet: &Sheet, answers: Given, told: bool) -> Self {
        let correct = told.then(|| sheet.correct(&answers));
        let score = told.then(|| sheet.score(&answers));
        Self { answers, correct, score }
    }
}

impl Stored {
    /// As it is seen at `now_ms`: with the key by who teaches, and by everybody once it is revealed.
    #[must_use]
    pub fn seen(&self, now_ms: u64, teaches: bool, mine: Option<Mine>) -> Quiz {
        let state = self.state.at(self.closes_at_ms, now_ms);
        let told = teaches || state == State::Revealed;
        Quiz {
            id: self.id.clone(),
            title: self.sheet.title.clone(),
            items: self.sheet.items.clone(),
            time_limit_s: self.sheet.time_limit_s,
            state,
            opened_at_ms: self.opened_at_ms,
            closes_at_ms: self.closes_at_ms,
            minute_ms: self.minute_ms,
            key: told.then(|| self.sheet.key.clone()),
            mine,
        }
    }
}

/// Quizzes of a class, oldest first.
///
/// # Errors
/// The database is away.
pub async fn list(sql: &impl Sql, class: &str) -> Result<Vec<Stored>> {
    let text = format!(
        "SELECT {COLUMNS} FROM quizzes WHERE class_id = $1 ORDER BY created_at_ms, id LIMIT {QUIZZES_MAX}"
    );
    sql.rows(&text, args![class]).await?.iter().map(stored).collect()
}

/// # Errors
/// `quiz_not_found`, or the database is away.
pub async fn find(sql: &impl Sql, class: &str, quiz: &str) -> Result<Stored> {
    let text = format!("SELECT {COLUMNS} FROM quizzes WHERE id = $1 AND class_id = $2");
    let row = sql.row(&text, args![quiz, class]).await?;
    row.as_ref().map(stored).ok_or_else(|| missing("quiz_not_found", "quiz"))?
}

/// A new draft. Nobody hears of it.
///
/// # Errors
/// The sheet breaks a rule, or there are too many.
pub async fn create(database: &Database, class: &str, sheet: Sheet, now_ms: u64) -> Result<Stored> {
    sheet.check()?;
    let quiz = id::random("q");
    transaction!(database, tx => {
        tx.lock("classroom", class).await?;
        let count = tx.row("SELECT COUNT(*) FROM quizzes WHERE class_id = $1", args![class]).await?;
        if count.map_or(Ok(0), |row| row.count(0))? >= QUIZZES_MAX {
            return Err(Error::conflict("too_many", format!("A class has at most {QUIZZES_MAX} quizzes. Delete drafts.")));
        }
        let text = "INSERT INTO quizzes (id, class_id, sheet, state, created_at_ms) VALUES ($1, $2, $3, 'draft', $4)";
        tx.execute(text, args![&quiz, class, json(&sheet), now_ms]).await?;
        find(&tx, class, &quiz).await
    })
}

/// Rewrites a draft.
///
/// # Errors
/// The sheet breaks a rule; `quiz_not_draft`: it was asked already.
pub async fn rewrite(database: &Database, class: &str, quiz: &str, sheet: &Sheet) -> Result<Stored> {
    sheet.check()?;
    let text = "UPDATE quizzes SET sheet = $3 WHERE id = $1 AND class_id = $2 AND state = 'draft'";
    let changed = database.execute(text, args![quiz, class, json(sheet)]).await?;
    let found = find(database, class, quiz).await?;
    if changed == 0 { Err(not_draft()) } else { Ok(found) }
}

/// # Errors
/// `quiz_not_draft`: what was asked stays, with its answers.
pub async fn delete(database: &Database, class: &str, quiz: &str) -> Result<()> {
    let text = "DELETE FROM quizzes WHERE id = $1 AND class_id = $2 AND state = 'draft'";
    if database.execute(text, args![quiz, class]).await? > 0 {
        return Ok(());
    }
    find(database, class, quiz).await?;
    Err(not_draft())
}

/// Opens, closes or reveals. The second value says whether anything changed.
///
/// # Errors
/// `quiz_state`: the step does not fit.
pub async fn step(
    database: &Database,
    class: &str,
    quiz: &str,
    step: Step,
    moment: &Moment,
) -> Result<(Changed<Stored>, bool)> {
    transaction!(database, tx => {
        tx.lock("classroom", class).await?;
        let mut found = find(&tx, class, quiz).await?;
        let before = found.state.at(found.closes_at_ms, moment.now_ms);
        let after = stepped(before, step).map_err(|message| Error::conflict("quiz_state", message))?;
        if after == before {
            let (v, _) = super::now(&tx, class).await?;
            return Ok((Changed { v, it: found }, false));
        }
        found.state = after;
        match after {
            State::Open => {
                found.opened_at_ms = Some(moment.now_ms);
                let limit = found.sheet.time_limit_s.map(|seconds| u64::from(seconds) * 1000);
                found.closes_at_ms = limit.map(|ms| moment.now_ms + ms);
                found.room_sid = moment.room_sid().map(str::to_owned);
                found.minute_ms = moment.minute_ms();
            }
            State::Closed => found.closes_at_ms = Some(moment.now_ms),
            State::Draft | State::Revealed => {}
        }
        let text = "UPDATE quizzes SET state = $2, opened_at_ms = $3, closes_at_ms = $4, room_sid = $5, minute_ms = $6 \
            WHERE id = $1";
        let values = args![
            quiz, after.as_str(), found.opened_at_ms, found.closes_at_ms, found.room_sid.as_deref(), found.minute_ms
        ];
        tx.execute(text, values).await?;
        let v = bump(&tx, class).await?;
        Ok((Changed { v, it: found }, true))
    })
}

fn not_draft() -> Error {
    Error::conflict("quiz_not_draft", "The quiz was asked already and stays as it is. Make a new one.")
}

pub(super) fn stored(row: &Row) -> Result<Stored> {
    let state = row.text(3)?;
    Ok(Stored {
        id: row.text(0)?,
        class: row.text(1)?,
        sheet: parsed(&row.text(2)?)?,
        state: State::parse(&state).ok_or_else(|| Error::Unexpected(format!("state {state:?} of a quiz")))?,
        opened_at_ms: row.count_or_null(4)?,
        closes_at_ms: row.count_or_null(5)?,
        room_sid: row.text_or_null(6)?,
        minute_ms: row.count_or_null(7)?,
    })
}

/// Quizzes by id, of any class.
pub(super) async fn find_all(sql: &impl Sql, ids: &[&str]) -> Result<BTreeMap<String, Stored>> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let text = format!(
        "SELECT {COLUMNS} FROM quizzes WHERE id IN ({})",
        crate::database::placeholders(1, ids.len())
    );
    let values = ids.iter().map(|id| crate::Value::from(*id)).collect();
    let rows = sql.rows(&text, values).await?;
    rows.iter().map(|row| stored(row).map(|quiz| (quiz.id.clone(), quiz))).collect()
}
