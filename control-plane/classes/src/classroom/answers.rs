//! Answers to quizzes: many in one transaction, each counted once, and what they come to.
//!
//! An answer is known by its own id, which the student's page makes and keeps while it tries again: the same answer sent
//! ten times through an outage is one answer, and each time it gets the same receipt. A second, different answer of the
//! same person does not count, whatever its id.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::course::{Admission, Arrival, State, admit};
use super::quiz::{Given, Tally, check_id};
use super::quizzes::{self, Mine, Stored};
use super::{json, missing, parsed, taken};
use crate::database::placeholders;
use crate::{Database, Error, Result, Row, Sql, Value, args, transaction};

/// Answers written by one statement; both engines take far more values.
const ROWS_MAX: usize = 100;
/// Columns of a row of `quiz_answers`.
const COLUMNS: usize = 7;

/// One answer as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    pub class: String,
    pub quiz: String,
    /// The client's id of the answer.
    pub id: String,
    pub account: String,
    pub given: Given,
    pub answered_at_ms: u64,
    pub replay: bool,
    pub received_at_ms: u64,
}

/// The answer is on the disk.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Receipt {
    /// When it first came.
    pub received_at_ms: u64,
    pub counted: bool,
    pub mine: Mine,
}

/// Stores a batch, in one transaction if it can be; by position, what became of each. One answer that the database does not
/// take spoils no other: the batch is halved until that one stands alone. Once this returns, receipts are durable.
///
/// # Errors
/// The database is away: not all of the batch was stored. The same again is harmless.
pub async fn take(database: &Database, batch: &[Submission]) -> Result<Vec<Result<Receipt>>> {
    let mut taken = Vec::with_capacity(batch.len());
    let mut rest = vec![batch];
    while let Some(part) = rest.pop() {
        match store(database, part).await {
            Ok(results) => taken.extend(results),
            Err(error) if !error.is_of_values() => return Err(error),
            Err(error) if part.len() <= 1 => taken.push(Err(refused(error))),
            Err(_) => {
                let (first, second) = part.split_at(part.len() / 2);
                rest.extend([second, first]);
            }
        }
    }
    Ok(taken)
}

/// What the database said of a single answer, for its sender.
fn refused(error: Error) -> Error {
    // Between the look and the write somebody took the quiz away.
    if error.is_missing_reference() { missing("quiz_not_found", "quiz") } else { error }
}

async fn store(database: &Database, batch: &[Submission]) -> Result<Vec<Result<Receipt>>> {
    // Ids that could not be in the database are not looked for.
    let is_sound = |id: &&str| check_id("", id).is_ok();
    let asked = distinct(batch.iter().map(|answer| answer.quiz.as_str()).filter(is_sound));
    transaction!(database, tx => {
        let quizzes = quizzes::find_all(&tx, &asked).await?;
        let known = by_id(&tx, batch.iter().filter(|answer| is_sound(&answer.id.as_str()))).await?;
        let mut verdicts: Vec<Option<Result<Receipt>>> = Vec::with_capacity(batch.len());
        let mut fresh: Vec<(&Submission, Given)> = Vec::new();
        for answer in batch {
            let verdict = judge(answer, &quizzes, &known);
            verdicts.push(match verdict {
                Verdict::Known(receipt) => Some(Ok(receipt)),
                Verdict::Refused(error) => Some(Err(error)),
                Verdict::Fresh(given) => {
                    fresh.push((answer, given));
                    None
                }
            });
        }
        // In one order on every control plane, so that two batches never wait for each other.
        fresh.sort_by(|(a, _), (b, _)| (&a.quiz, &a.account, &a.id).cmp(&(&b.quiz, &b.account, &b.id)));
        for rows in fresh.chunks(ROWS_MAX) {
            insert(&tx, rows).await?;
        }
        let stored = by_id(&tx, fresh.iter().map(|(answer, _)| *answer)).await?;
        let close = |(answer, verdict): (&Submission, Option<Result<Receipt>>)| {
            verdict.unwrap_or_else(|| receipt(answer, &quizzes, &stored))
        };
        Ok(batch.iter().zip(verdicts).map(close).collect())
    })
}

/// What an account answered in each quiz of the class: its live answer, or else the one given at the replay, and which
/// of the two it is.
///
/// # Errors
/// The database is away.
pub async fn mine(sql: &impl Sql, class: &str, account: &str) -> Result<BTreeMap<String, (Given, bool)>> {
    let text = "SELECT s.quiz_id, s.answers, s.replay FROM quiz_answers s JOIN quizzes q ON q.id = s.quiz_id \
        WHERE s.account_id = $1 AND q.class_id = $2 ORDER BY s.replay DESC";
    let rows = sql.rows(text, args![account, class]).await?;
    rows.iter().map(|row| Ok((row.text(0)?, (parsed(&row.text(1)?)?, row.flag(2)?)))).collect()
}

/// What has come to a quiz: live, and at the replay.
///
/// # Errors
/// The database is away.
pub async fn tally(sql: &impl Sql, quiz: &Stored) -> Result<(Tally, Tally)> {
    let rows =
        sql.rows("SELECT answers, replay FROM quiz_answers WHERE quiz_id = $1", args![&quiz.id]).await?;
    let (mut live, mut replay) = (Tally::default(), Tally::default());
    for row in rows {
        let given: Given = parsed(&row.text(0)?)?;
        if row.flag(1)? { &mut replay } else { &mut live }.count(&quiz.sheet, &given);
    }
    Ok((live.trimmed(&quiz.sheet), replay.trimmed(&quiz.sheet)))
}

enum Verdict {
    Known(Receipt),
    Fresh(Given),
    Refused(Error),
}

/// A stored answer.
struct Known {
    quiz: String,
    account: String,
    replay: bool,
    given: Given,
    received_at_ms: u64,
}

fn judge(
    answer: &Submission,
    quizzes: &BTreeMap<String, Stored>,
    known: &BTreeMap<String, Known>,
) -> Verdict {
    let Some(quiz) = quizzes.get(&answer.quiz).filter(|quiz| quiz.class == answer.class) else {
        return Verdict::Refused(missing("quiz_not_found", "quiz"));
    };
    if known.contains_key(&answer.id) {
        return match receipt(answer, quizzes, known) {
            Ok(receipt) => Verdict::Known(receipt),
            Err(_) => Verdict::Refused(taken()),
        };
    }
    let arrival = Arrival {
        state: quiz.state,
        closes_at_ms: quiz.closes_at_ms,
        answered_at_ms: answer.answered_at_ms,
        now_ms: answer.received_at_ms,
        replay: answer.replay,
    };
    match admit(arrival) {
        Admission::Counted => {}
        Admission::NotOpen => {
            let message = "The quiz is not open for this. Wait until the instructor opens it or, at the replay, a minute after its close.";
            return Verdict::Refused(Error::conflict("quiz_not_open", message));
        }
        Admission::Closed => {
            let message = "The quiz is closed. Your answer did not arrive in time and does not count.";
            return Verdict::Refused(Error::conflict("quiz_closed", message));
        }
    }
    match check_id("answer", &answer.id).and_then(|()| quiz.sheet.tidy(&answer.given)) {
        Ok(given) => Verdict::Fresh(given),
        Err(broken) => Verdict::Refused(broken.into()),
    }
}

/// The receipt of an answer that is stored under its id; if it is not, another answer of the same person counted.
fn receipt(
    answer: &Submission,
    quizzes: &BTreeMap<String, Stored>,
    stored: &BTreeMap<String, Known>,
) -> Result<Receipt> {
    let already = || {
        let message = "You have answered this quiz already; the first answer counts.";
        Error::conflict("already_answered", message)
    };
    let quiz = quizzes.get(&answer.quiz).ok_or_else(|| missing("quiz_not_found", "quiz"))?;
    let own = |known: &&Known| {
        known.quiz == answer.quiz && known.account == answer.account && known.replay == answer.replay
    };
    let known = stored.get(&answer.id).filter(own).ok_or_else(already)?;
    let told = answer.replay || quiz.state == State::Revealed;
    let mine = Mine::of(&quiz.sheet, known.given.clone(), told);
    Ok(Receipt { received_at_ms: known.received_at_ms, counted: true, mine })
}

async fn insert(tx: &impl Sql, rows: &[(&Submission, Given)]) -> Result<()> {
    let places: Vec<String> =
        (0..rows.len()).map(|index| format!("({})", placeholders(index * COLUMNS + 1, COLUMNS))).collect();
    let text = format!(
        "INSERT INTO quiz_answers (id, quiz_id, account_id, replay, answers, answered_at_ms, received_at_ms) \
        VALUES {} ON CONFLICT DO NOTHING",
        places.join(", ")
    );
    let values = rows.iter().flat_map(|(answer, given)| {
        args![
            &answer.id,
            &answer.quiz,
            &answer.account,
            answer.replay,
            json(given),
            answer.answered_at_ms,
            answer.received_at_ms
        ]
    });
    tx.execute(&text, values.collect()).await.map(|_| ())
}

async fn by_id<'a>(
    tx: &impl Sql,
    answers: impl Iterator<Item = &'a Submission>,
) -> Result<BTreeMap<String, Known>> {
    let mut found = BTreeMap::new();
    for ids in distinct(answers.map(|answer| answer.id.as_str())).chunks(ROWS_MAX) {
        let text = format!(
            "SELECT id, quiz_id, account_id, replay, answers, received_at_ms FROM quiz_answers WHERE id IN ({})",
            placeholders(1, ids.len())
        );
        let rows = tx.rows(&text, ids.iter().map(|id| Value::from(*id)).collect()).await?;
        for row in &rows {
            found.insert(row.text(0)?, known(row)?);
        }
    }
    Ok(found)
}

fn known(row: &Row) -> Result<Known> {
    Ok(Known {
        quiz: row.text(1)?,
        account: row.text(2)?,
        replay: row.flag(3)?,
        given: parsed(&row.text(4)?)?,
        received_at_ms: row.count(5)?,
    })
}

fn distinct<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    ids.collect::<BTreeSet<_>>().into_iter().collect()
}
