//! The sheet of a lesson: facts from the database, judged, with corrections over them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::rules::{self, Attended, Interval, Lesson, Seen, Sighting, Status};
use crate::catalogue::Class;
use crate::classroom::rule::bounded;
use crate::classroom::{Person, missing};
use crate::{Database, Error, Result, Row, Sql, args, id, transaction};

/// Facts of one class that are looked at, newest first: 1,000 students reconnecting a hundred times.
const FACTS_MAX: usize = 300_000;
/// People on one sheet.
const PEOPLE_MAX: usize = 20_000;
pub const REASON_CHARACTERS_MAX: usize = 300;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    pub account: Person,
    pub status: Status,
    pub seconds: u64,
    /// Of the counted part of the lesson, 0 to 1.
    pub share: f64,
    pub intervals: Vec<Interval>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrected: Option<Correction>,
}

/// The line of audit of a correction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Correction {
    pub by: Person,
    pub reason: String,
    pub at_ms: u64,
    pub was: Status,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sheet {
    /// `None`: the class was never held.
    pub lesson: Option<Lesson>,
    /// By name.
    pub items: Vec<Entry>,
    pub rules: rules::Rules,
}

/// Which lesson, and what is going on.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub class: &'a Class,
    /// A life of the room in the lesson; `None`: the latest lesson.
    pub room_sid: Option<&'a str>,
    /// The life in progress.
    pub live: Option<&'a str>,
    pub now_ms: u64,
}

/// The sheet of one lesson: everybody who has a place, and everybody who was there.
///
/// # Errors
/// `lesson_not_found`, or the database is away.
pub async fn read(sql: &impl Sql, asked: Asked<'_>) -> Result<Sheet> {
    let sightings = sightings(sql, &asked.class.id).await?;
    judged(sql, asked, &sightings, None).await
}

/// The same with the line of one person alone, for which only that person's facts are read, and the instructor's.
///
/// # Errors
/// `lesson_not_found`, or the database is away.
pub async fn read_of(sql: &impl Sql, asked: Asked<'_>, account: &str) -> Result<Sheet> {
    let sightings = sightings_of(sql, asked.class, account).await?;
    judged(sql, asked, &sightings, Some(account)).await
}

/// `only`: the line of this account alone.
async fn judged(
    sql: &impl Sql,
    asked: Asked<'_>,
    sightings: &[Sighting],
    only: Option<&str>,
) -> Result<Sheet> {
    let lessons = rules::lessons(sightings, asked.live, asked.now_ms);
    let lesson = match asked.room_sid {
        None => lessons.last(),
        Some(sid) => {
            let found = lessons.iter().find(|lesson| lesson.room_sids.iter().any(|known| known == sid));
            Some(found.ok_or_else(|| missing("lesson_not_found", "lesson"))?)
        }
    };
    let mut intervals = lesson.map(|lesson| rules::intervals(sightings, lesson)).unwrap_or_default();
    let teacher = asked.class.instructor_id.as_deref().unwrap_or_default();
    let instructor = intervals.remove(teacher).unwrap_or_default();
    let counted = lesson.map_or(Interval { from_ms: 0, to_ms: 0 }, |lesson| {
        rules::counted(lesson, asked.class.starts_at_ms, &instructor)
    });
    let mut corrections = match lesson {
        Some(lesson) => corrections(sql, &asked.class.id, lesson).await?,
        None => BTreeMap::new(),
    };
    let people = match only {
        None => people(sql, asked.class, intervals.keys()).await?,
        Some(account) => one(sql, asked.class, account, intervals.contains_key(account)).await?,
    };
    let mut items: Vec<Entry> = people
        .into_iter()
        .map(|account| {
            let attended = rules::judge(intervals.get(&account.id).map_or(&[][..], Vec::as_slice), counted);
            let correction = corrections.remove(&account.id);
            entry(account, attended, correction)
        })
        .collect();
    items.sort_by(|a, b| (&a.account.name, &a.account.id).cmp(&(&b.account.name, &b.account.id)));
    Ok(Sheet { lesson: lesson.cloned(), items, rules: rules::RULES })
}

/// Sets a status by hand, with a reason. The line stays for ever; another correction adds another line.
///
/// # Errors
/// The person is not on the sheet, or the reason breaks a rule.
pub async fn correct(
    database: &Database,
    asked: Asked<'_>,
    account: &str,
    status: Status,
    reason: &str,
    by: &Person,
) -> Result<Entry> {
    bounded("reason", reason, 1, REASON_CHARACTERS_MAX)?;
    let sheet = read(database, asked).await?;
    let lesson = sheet.lesson.ok_or_else(|| missing("lesson_not_found", "lesson"))?;
    let on_sheet = |entry: &Entry| entry.account.id == account;
    let mut entry =
        sheet.items.into_iter().find(on_sheet).ok_or_else(|| missing("account_not_found", "person"))?;
    let was = entry.status;
    let class = asked.class.id.as_str();
    let at_ms = transaction!(database, tx => {
        tx.lock("attendance", class).await?;
        let known = tx.row("SELECT 1 FROM accounts WHERE id = $1", args![account]).await?;
        known.ok_or_else(|| missing("account_not_found", "account"))?;
        let text = "SELECT MAX(at_ms) FROM attendance_corrections WHERE class_id = $1 AND account_id = $2";
        let last = tx.row(text, args![class, account]).await?.map_or(Ok(None), |row| row.count_or_null(0))?;
        // The latest holds, so no two have one time.
        let at_ms = last.map_or(asked.now_ms, |last| asked.now_ms.max(last + 1));
        let text = "INSERT INTO attendance_corrections (id, class_id, room_sid, account_id, status, was, reason, by_id, at_ms) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let values = args![
            id::random("c"), class, lesson.room_sids.first(), account, status.as_str(), was.as_str(), reason.trim(),
            &by.id, at_ms
        ];
        tx.execute(text, values).await?;
        Ok(at_ms)
    })?;
    tracing::info!(class, status = status.as_str(), was = was.as_str(), by = by.id, "attendance corrected");
    entry.status = status;
    entry.corrected = Some(Correction { by: by.clone(), reason: reason.trim().to_owned(), at_ms, was });
    Ok(entry)
}

/// How many of each, for a summary.
#[must_use]
pub fn counts(items: &[Entry]) -> BTreeMap<Status, usize> {
    let mut counts: BTreeMap<Status, usize> =
        [Status::Present, Status::Late, Status::Partial, Status::Absent].map(|status| (status, 0)).into();
    for entry in items {
        *counts.entry(entry.status).or_default() += 1;
    }
    counts
}

fn entry(account: Person, attended: Attended, correction: Option<(Status, Correction)>) -> Entry {
    let (status, corrected) = match correction {
        Some((status, correction)) => (status, Some(correction)),
        None => (attended.status, None),
    };
    let Attended { seconds, share, intervals, .. } = attended;
    Entry { account, status, seconds, share, intervals, corrected }
}

async fn sightings(sql: &impl Sql, class: &str) -> Result<Vec<Sighting>> {
    let text = format!(
        "SELECT at_ms, room_sid, kind, identity, participant_sid FROM facts WHERE room = $1 \
        AND kind IN ('room-started', 'room-finished', 'joined', 'left') ORDER BY at_ms DESC LIMIT {FACTS_MAX}"
    );
    let rows = sql.rows(&text, args![class]).await?;
    Ok(rows.iter().map(sighting).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// How far each life of the room goes, by whatever was seen of it, and the comings and goings of two people.
async fn sightings_of(sql: &impl Sql, class: &Class, account: &str) -> Result<Vec<Sighting>> {
    let text = "SELECT room_sid, MIN(at_ms), MAX(at_ms) FROM facts WHERE room = $1 \
        AND kind IN ('room-started', 'room-finished', 'joined', 'left') GROUP BY room_sid";
    let mut found = Vec::new();
    for row in sql.rows(text, args![&class.id]).await? {
        for at_ms in [row.count(1)?, row.count(2)?] {
            found.push(Sighting { at_ms, room_sid: row.text(0)?, what: Seen::RoomStarted });
        }
    }
    let text = format!(
        "SELECT at_ms, room_sid, kind, identity, participant_sid FROM facts WHERE room = $1 \
        AND kind IN ('joined', 'left') AND identity IN ($2, $3) ORDER BY at_ms DESC LIMIT {FACTS_MAX}"
    );
    let rows = sql.rows(&text, args![&class.id, account, class.instructor_id.as_deref()]).await?;
    for row in &rows {
        found.extend(sighting(row)?);
    }
    Ok(found)
}

fn sighting(row: &Row) -> Result<Option<Sighting>> {
    let person = |row: &Row| -> Result<(String, String)> {
        Ok((row.text_or_null(3)?.unwrap_or_default(), row.text_or_null(4)?.unwrap_or_default()))
    };
    let what = match row.text(2)?.as_str() {
        "room-started" => Seen::RoomStarted,
        "room-finished" => Seen::RoomFinished,
        "joined" => {
            let (identity, connection) = person(row)?;
            Seen::Joined { identity, connection }
        }
        "left" => {
            let (identity, connection) = person(row)?;
            Seen::Left { identity, connection }
        }
        _ => return Ok(None),
    };
    Ok(Some(Sighting { at_ms: row.count(0)?, room_sid: row.text(1)?, what }))
}

/// The latest correction of each person in the lesson.
async fn corrections(
    sql: &impl Sql,
    class: &str,
    lesson: &Lesson,
) -> Result<BTreeMap<String, (Status, Correction)>> {
    let text = "SELECT c.account_id, c.room_sid, c.status, c.was, c.reason, c.by_id, COALESCE(a.name, ''), c.at_ms \
        FROM attendance_corrections c LEFT JOIN accounts a ON a.id = c.by_id WHERE c.class_id = $1 ORDER BY c.at_ms, c.id";
    let mut found: BTreeMap<String, (Status, Correction)> = BTreeMap::new();
    for row in sql.rows(text, args![class]).await? {
        if !lesson.room_sids.contains(&row.text(1)?) {
            continue;
        }
        let by = Person { id: row.text(5)?, name: row.text(6)? };
        let correction =
            Correction { by, reason: row.text(4)?, at_ms: row.count(7)?, was: status(&row.text(3)?)? };
        found.insert(row.text(0)?, (status(&row.text(2)?)?, correction));
    }
    Ok(found)
}

fn status(text: &str) -> Result<Status> {
    Status::parse(text).ok_or_else(|| Error::Unexpected(format!("status {text:?}")))
}

/// The account, if it has a place or was there as a student.
async fn one(sql: &impl Sql, class: &Class, account: &str, was_there: bool) -> Result<Vec<Person>> {
    let text = "SELECT a.id, a.name, a.role, (SELECT COUNT(*) FROM enrolments e WHERE e.account_id = a.id \
        AND e.class_id = $2 AND e.state = 'enrolled') FROM accounts a WHERE a.id = $1";
    let Some(row) = sql.row(text, args![account, &class.id]).await? else { return Ok(Vec::new()) };
    let listed = row.count(3)? > 0 || (was_there && row.text(2)? == "student");
    let taught = class.instructor_id.as_deref() == Some(account);
    if listed && !taught { Ok(vec![crate::classroom::person(&row, 0)?]) } else { Ok(Vec::new()) }
}

/// Who has a place, and who was there: other instructors and admins who looked in are not students of the class.
async fn people(sql: &impl Sql, class: &Class, seen: impl Iterator<Item = &String>) -> Result<Vec<Person>> {
    let text = format!(
        "SELECT a.id, a.name FROM enrolments e JOIN accounts a ON a.id = e.account_id \
        WHERE e.class_id = $1 AND e.state = 'enrolled' ORDER BY a.id LIMIT {PEOPLE_MAX}"
    );
    let rows = sql.rows(&text, args![&class.id]).await?;
    let mut people: Vec<Person> =
        rows.iter().map(|row| crate::classroom::person(row, 0)).collect::<Result<_>>()?;
    let enrolled: BTreeSet<String> = people.iter().map(|person| person.id.clone()).collect();
    for identity in seen.filter(|identity| !enrolled.contains(*identity)).take(PEOPLE_MAX) {
        let row = sql.row("SELECT name, role FROM accounts WHERE id = $1", args![identity]).await?;
        match row {
            Some(row) if row.text(1)? == "student" => {
                people.push(Person { id: identity.clone(), name: row.text(0)? });
            }
            Some(_) => {}
            // A server SDK named somebody who has no account here.
            None => people.push(Person { id: identity.clone(), name: identity.clone() }),
        }
    }
    people.retain(|person| Some(&person.id) != class.instructor_id.as_ref());
    Ok(people)
}
