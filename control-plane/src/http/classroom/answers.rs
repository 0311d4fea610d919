//! Answers of students, and what they come to.

use axum::Json;
use axum::extract::{Path, State};
use control_plane_classes::classroom::answers::{Receipt, Submission};
use control_plane_classes::classroom::course;
use control_plane_classes::classroom::quiz::Given;
use control_plane_classes::classroom::quizzes;
use serde::Deserialize;
use serde_json::Value;

use super::{App, Seat};
use crate::classroom::tally::{Counted, of_quiz};
use crate::http::actor::not_allowed;
use crate::http::answer::{Body, Refusal};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    answers: Given,
    answered_at_ms: u64,
    #[serde(default)]
    replay: bool,
}

/// Idempotent: the same answer again gets the same receipt.
pub(crate) async fn answer(
    State(app): State<App>,
    seat: Seat,
    Path((_, quiz, id)): Path<(String, String, String)>,
    Body(answer): Body<Answer>,
) -> Result<Json<Receipt>, Refusal> {
    let account = seat.person()?.id;
    if seat.class.instructor_id.as_ref() == Some(&account) {
        return Err(not_allowed("Who asks does not answer: it would count."));
    }
    let submission = Submission {
        class: seat.class.id.clone(),
        quiz: quiz.clone(),
        id,
        account,
        given: answer.answers,
        answered_at_ms: answer.answered_at_ms,
        replay: answer.replay,
        received_at_ms: control_plane_agent::unix_time_ms(),
    };
    let receipt = app.classroom.answers.store(submission).await?;
    app.classroom.tallies.note(seat.class_id(), Counted::Quiz(quiz), seat.class.instructor_id.as_deref());
    Ok(Json(receipt))
}

pub(crate) async fn tally(
    State(app): State<App>,
    seat: Seat,
    Path((_, quiz)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let found = quizzes::find(&app.database, seat.class_id(), &quiz).await?;
    if !seat.teaches && found.state != course::State::Revealed {
        return Err(not_allowed("What others answered is shown once the instructor reveals it."));
    }
    let present = app.classroom.rooms.identities(seat.class_id());
    Ok(Json(of_quiz(&app.database, &found, &present).await?))
}
