//! After class: what an instructor reads, what happened when, and what people watched again.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use control_plane_classes::attendance::Status;
use control_plane_classes::attendance::sheet::{self, Asked};
use control_plane_classes::classroom::answers;
use control_plane_classes::classroom::course;
use control_plane_classes::classroom::questions::{self, Question};
use control_plane_classes::classroom::quiz::{ItemKind, Tally};
use control_plane_classes::classroom::quizzes::{self, Stored};
use control_plane_classes::classroom::timeline::{self, Entry, Life};
use control_plane_classes::classroom::watched::{self, AtMinute, Event, Span};
use control_plane_classes::{Sql as _, args};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::App;
use super::answer::{Body, Query, Refusal};
use super::classroom::{Desk, Seat};

#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    attendance: BTreeMap<Status, usize>,
    quizzes: Vec<AskedQuiz>,
    rewound: Vec<AtMinute>,
    left: Vec<AtMinute>,
    questions: Vec<Question>,
    duration_ms: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct AskedQuiz {
    id: String,
    title: String,
    answered: u64,
    items: Vec<AskedItem>,
    /// Given while watching the replay.
    replay: Answered,
}

#[derive(Debug, Serialize)]
pub(crate) struct Answered {
    answered: u64,
    items: Vec<AskedItem>,
}

#[derive(Debug, Serialize)]
pub(crate) struct AskedItem {
    text: String,
    /// Of those who answered the quiz, 0 to 1; `null` where there is no key.
    correct_share: Option<f64>,
    choices: Vec<Chosen>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Chosen {
    text: String,
    n: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    room_sid: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Timeline {
    items: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Watched {
    items: Vec<Span>,
}

pub(crate) async fn read(State(app): State<App>, Desk(seat): Desk) -> Result<Json<Summary>, Refusal> {
    let (database, class) = (&app.database, seat.class_id());
    let moment = app.moment(class);
    let asked = Asked { class: &seat.class, room_sid: None, live: moment.room_sid(), now_ms: moment.now_ms };
    let sheet = sheet::read(database, asked).await?;
    let mut asked = Vec::new();
    for quiz in quizzes::list(database, class).await? {
        if quiz.state != course::State::Draft {
            let (live, replay) = answers::tally(database, &quiz).await?;
            asked.push(asked_quiz(&quiz, &live, &replay));
        }
    }
    Ok(Json(Summary {
        attendance: sheet::counts(&sheet.items),
        quizzes: asked,
        rewound: watched::by_minute(database, class, Event::SeekBack).await?,
        left: watched::by_minute(database, class, Event::Leave).await?,
        questions: questions::list(database, class, seat.account(), true).await?,
        duration_ms: sheet.lesson.map_or(0, |lesson| lesson.to_ms - lesson.from_ms),
    }))
}

fn answered(quiz: &Stored, tally: &Tally) -> Answered {
    let item = |item: &control_plane_classes::classroom::quiz::Item| {
        let counts = tally.items.get(&item.id).cloned().unwrap_or_default();
        let choices = match item.kind {
            ItemKind::Short => counts.into_iter().map(|(text, n)| Chosen { text, n }).collect(),
            ItemKind::Single | ItemKind::Multiple => item
                .choices
                .iter()
                .map(|choice| Chosen {
                    text: choice.text.clone(),
                    n: counts.get(&choice.id).copied().unwrap_or(0),
                })
                .collect(),
        };
        let right = tally.correct.get(&item.id).copied().unwrap_or(0);
        let share = quiz.sheet.key.contains_key(&item.id).then(|| ratio(right, tally.answered));
        AskedItem { text: item.text.clone(), correct_share: share, choices }
    };
    Answered { answered: tally.answered, items: quiz.sheet.items.iter().map(item).collect() }
}

fn asked_quiz(quiz: &Stored, live: &Tally, replay: &Tally) -> AskedQuiz {
    let Answered { answered: count, items } = answered(quiz, live);
    AskedQuiz {
        id: quiz.id.clone(),
        title: quiz.sheet.title.clone(),
        answered: count,
        items,
        replay: answered(quiz, replay),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of people")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// What happened when, in class time, for the replay of one life of the room.
pub(crate) async fn timeline(
    State(app): State<App>,
    seat: Seat,
    Query(which): Query<Which>,
) -> Result<Json<Timeline>, Refusal> {
    let now_ms = control_plane_agent::unix_time_ms();
    let (started_at_ms, ended_at_ms) = span(&app, seat.class_id(), &which.room_sid, now_ms).await?;
    let life = Life { class: seat.class_id(), room_sid: &which.room_sid, started_at_ms, ended_at_ms };
    let items = timeline::entries(&app.database, &life, seat.account(), now_ms).await?;
    Ok(Json(Timeline { items }))
}

/// When the life of a room began and ended: by its recording, else by what edges said of it.
async fn span(app: &App, class: &str, room_sid: &str, now_ms: u64) -> Result<(u64, u64), Refusal> {
    if let Some(recording) = app.view.recordings().get(&format!("{class}/{room_sid}")) {
        let live = recording.state == control_plane_api::recording::RecordingState::Live;
        let end = recording.started_at_ms.saturating_add(recording.duration_ms);
        return Ok((recording.started_at_ms, if live { now_ms } else { end }));
    }
    if let Some(room) = app.view.rooms().get(class).filter(|room| room.sid == room_sid) {
        return Ok((room.created_at_ms, now_ms));
    }
    let text = "SELECT MIN(at_ms), MAX(at_ms) FROM facts WHERE room = $1 AND room_sid = $2";
    let row = app.database.row(text, args![class, room_sid]).await?;
    let found = row.map(|row| Ok((row.count_or_null(0)?, row.count_or_null(1)?))).transpose();
    match found.map_err(|error: control_plane_classes::Error| Refusal::from(error))? {
        Some((Some(from), Some(to))) => Ok((from, to)),
        _ => {
            let message = "This class has no such lesson. `recordings` of the class names them.";
            Err(Refusal::new(StatusCode::NOT_FOUND, "lesson_not_found", message))
        }
    }
}

pub(crate) async fn watched(
    State(app): State<App>,
    seat: Seat,
    Body(seen): Body<Watched>,
) -> Result<StatusCode, Refusal> {
    let account = seat.person()?.id;
    let now_ms = control_plane_agent::unix_time_ms();
    watched::note(&app.database, seat.class_id(), &account, &seen.items, now_ms).await?;
    Ok(StatusCode::NO_CONTENT)
}
