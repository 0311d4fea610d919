//! What happened when, by class time, for the page that replays a lesson.

use serde::Serialize;
use serde_json::{Value, json};

use super::quiz::Given;
use super::{chat, person, polls, questions, quizzes, slides};
use crate::{Result, Sql, args};

/// Entries of each kind; a lively chat of three hours has fewer. Further ones are left out.
pub const ENTRIES_MAX: usize = 20_000;

/// One life of a room as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life<'a> {
    pub class: &'a str,
    pub room_sid: &'a str,
    /// Wall clock of class time 0.
    pub started_at_ms: u64,
    pub ended_at_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Class time.
    pub at_ms: u64,
    pub kind: &'static str,
    pub data: Value,
}

/// Entries in order, as `account` may see them: quizzes without a key unless revealed, chat without what was taken away.
/// Questions of people who watched the replay stand at the minute they were about.
///
/// # Errors
/// The database is away.
pub async fn entries(
    sql: &impl Sql,
    life: &Life<'_>,
    account: Option<&str>,
    now_ms: u64,
) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    asked(sql, life, account, now_ms, &mut found).await?;
    said(sql, life, &mut found).await?;
    found.extend(wondered(sql, life, account).await?);
    raised(sql, life, &mut found).await?;
    shown(sql, life, &mut found).await?;
    found.sort_by_key(|entry| entry.at_ms);
    Ok(found)
}

impl Life<'_> {
    fn class_ms(&self, at_ms: u64) -> u64 {
        at_ms.saturating_sub(self.started_at_ms)
    }

    fn holds(&self, room_sid: Option<&str>, at_ms: u64) -> bool {
        match room_sid {
            Some(sid) => sid == self.room_sid,
            None => (self.started_at_ms..=self.ended_at_ms).contains(&at_ms),
        }
    }
}

async fn asked(
    sql: &impl Sql,
    life: &Life<'_>,
    account: Option<&str>,
    now_ms: u64,
    into: &mut Vec<Entry>,
) -> Result<()> {
    let mut mine = match account {
        Some(account) => super::answers::mine(sql, life.class, account).await?,
        None => std::collections::BTreeMap::new(),
    };
    for quiz in quizzes::list(sql, life.class).await? {
        let Some(at_ms) = quiz.opened_at_ms.filter(|&at| life.holds(quiz.room_sid.as_deref(), at)) else {
            continue;
        };
        let told = |replay| replay || quiz.state == super::course::State::Revealed;
        let of = |(given, replay): (Given, bool)| quizzes::Mine::of(&quiz.sheet, given, told(replay));
        let mine = mine.remove(&quiz.id).map(of);
        let data = json!(quiz.seen(now_ms, false, mine));
        into.push(Entry { at_ms: life.class_ms(at_ms), kind: "quiz", data });
    }
    for poll in polls::list(sql, life.class).await? {
        let Some(at_ms) = poll.opened_at_ms.filter(|&at| life.holds(poll.room_sid.as_deref(), at)) else {
            continue;
        };
        let data = json!(polls::seen(sql, &poll, false, account).await?);
        into.push(Entry { at_ms: life.class_ms(at_ms), kind: "poll", data });
    }
    Ok(())
}

async fn said(sql: &impl Sql, life: &Life<'_>, into: &mut Vec<Entry>) -> Result<()> {
    let text = format!(
        "SELECT m.id, m.account_id, a.name, m.text, m.at_ms FROM chat m JOIN accounts a ON a.id = m.account_id \
        WHERE m.class_id = $1 AND m.hidden = 0 AND (m.room_sid = $2 OR m.room_sid IS NULL) \
        AND m.at_ms BETWEEN $3 AND $4 ORDER BY m.at_ms, m.id LIMIT {ENTRIES_MAX}"
    );
    let rows =
        sql.rows(&text, args![life.class, life.room_sid, life.started_at_ms, life.ended_at_ms]).await?;
    for row in &rows {
        let message = chat::message(row)?;
        into.push(Entry { at_ms: life.class_ms(message.at_ms), kind: "chat", data: json!(message) });
    }
    Ok(())
}

async fn wondered(sql: &impl Sql, life: &Life<'_>, account: Option<&str>) -> Result<Vec<Entry>> {
    let text = format!(
        "SELECT q.id, q.account_id, a.name, q.anonymous, q.text, q.at_ms, q.minute_ms, q.replay, q.votes, q.state, q.answer, \
        (SELECT COUNT(*) FROM question_votes v WHERE v.question_id = q.id AND v.account_id = $3) \
        FROM questions q JOIN accounts a ON a.id = q.account_id WHERE q.class_id = $1 AND q.room_sid = $2 \
        AND q.state <> 'hidden' ORDER BY q.at_ms, q.id LIMIT {ENTRIES_MAX}"
    );
    let rows = sql.rows(&text, args![life.class, life.room_sid, account.unwrap_or_default()]).await?;
    let entry = |row| {
        let question = questions::question(row)?;
        let asked_ms = if question.replay { 0 } else { life.class_ms(question.at_ms) };
        let at_ms = question.minute_ms.unwrap_or(asked_ms);
        Ok(Entry { at_ms, kind: "question", data: json!(question) })
    };
    rows.iter().map(entry).collect()
}

async fn raised(sql: &impl Sql, life: &Life<'_>, into: &mut Vec<Entry>) -> Result<()> {
    let text = format!(
        "SELECT h.account_id, a.name, h.raised_at_ms FROM hands_raised h JOIN accounts a ON a.id = h.account_id \
        WHERE h.class_id = $1 AND h.room_sid = $2 ORDER BY h.raised_at_ms LIMIT {ENTRIES_MAX}"
    );
    for row in sql.rows(&text, args![life.class, life.room_sid]).await? {
        let at_ms = row.count(2)?;
        let data = json!({ "account": person(&row, 0)?, "raised_at_ms": at_ms });
        into.push(Entry { at_ms: life.class_ms(at_ms), kind: "hand", data });
    }
    Ok(())
}

/// Slides; `null` where none was shown any more.
async fn shown(sql: &impl Sql, life: &Life<'_>, into: &mut Vec<Entry>) -> Result<()> {
    let between = (life.started_at_ms, life.ended_at_ms);
    for (at_ms, slide) in slides::history(sql, life.class, life.room_sid, between).await? {
        into.push(Entry { at_ms: life.class_ms(at_ms), kind: "slide", data: json!(slide) });
    }
    Ok(())
}
