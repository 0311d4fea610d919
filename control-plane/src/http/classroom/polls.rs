//! Polls.

use axum::Json;
use axum::extract::{Path, State};
use control_plane_classes::classroom::poll::{Sheet, State as PollState};
use control_plane_classes::classroom::polls::{self, Poll};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::{App, Desk, Seat};
use crate::classroom::tally::Counted;
use crate::http::answer::{Body, Refusal};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vote {
    choices: Vec<String>,
}

pub(crate) async fn create(
    State(app): State<App>,
    Desk(seat): Desk,
    Body(sheet): Body<Sheet>,
) -> Result<(StatusCode, Json<Poll>), Refusal> {
    let now_ms = control_plane_agent::unix_time_ms();
    let made = polls::create(&app.database, seat.class_id(), sheet, now_ms).await?;
    Ok((StatusCode::CREATED, Json(made.seen(None, None))))
}

pub(crate) async fn delete(
    State(app): State<App>,
    Desk(seat): Desk,
    Path((_, poll)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    polls::delete(&app.database, seat.class_id(), &poll).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn open(
    app: State<App>,
    desk: Desk,
    path: Path<(String, String)>,
) -> Result<Json<Poll>, Refusal> {
    step(app, desk, path, PollState::Open).await
}

pub(crate) async fn close(
    app: State<App>,
    desk: Desk,
    path: Path<(String, String)>,
) -> Result<Json<Poll>, Refusal> {
    step(app, desk, path, PollState::Closed).await
}

async fn step(
    State(app): State<App>,
    Desk(seat): Desk,
    Path((_, poll)): Path<(String, String)>,
    to: PollState,
) -> Result<Json<Poll>, Refusal> {
    let class = seat.class_id();
    let (changed, told) = polls::step(&app.database, class, &poll, to, &app.moment(class)).await?;
    if told {
        let public = polls::seen(&app.database, &changed.it, false, None).await?;
        app.tell(class, "poll", changed.v, [("poll", json!(public))]);
    }
    Ok(Json(polls::seen(&app.database, &changed.it, true, seat.account()).await?))
}

/// One vote for each account; it may be changed while the poll is open.
pub(crate) async fn vote(
    State(app): State<App>,
    seat: Seat,
    Path((_, poll)): Path<(String, String)>,
    Body(vote): Body<Vote>,
) -> Result<Json<Poll>, Refusal> {
    let account = seat.person()?.id;
    let found = polls::vote(&app.database, seat.class_id(), &poll, &account, &vote.choices).await?;
    app.classroom.tallies.note(seat.class_id(), Counted::Poll(poll), seat.class.instructor_id.as_deref());
    Ok(Json(polls::seen(&app.database, &found, seat.teaches, Some(&account)).await?))
}
