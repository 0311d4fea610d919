//! The board of a class.

use axum::Json;
use axum::extract::{Path, State};
use control_plane_classes::board::{self, NewThread, Reply, Thread};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::App;
use super::answer::{Body, Query, Refusal};
use super::classroom::Seat;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct At {
    cursor: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct List {
    items: Vec<Thread>,
    next: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Detail {
    thread: Thread,
    replies: Vec<Reply>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewReply {
    id: String,
    text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Accepted {
    /// A reply's id.
    reply: String,
}

pub(crate) async fn list(
    State(app): State<App>,
    seat: Seat,
    Query(at): Query<At>,
) -> Result<Json<List>, Refusal> {
    let (items, next) = board::list(&app.database, seat.class_id(), at.cursor.as_deref()).await?;
    Ok(Json(List { items, next }))
}

pub(crate) async fn read(
    State(app): State<App>,
    seat: Seat,
    Path((_, thread)): Path<(String, String)>,
) -> Result<Json<Detail>, Refusal> {
    let (thread, replies) = board::find(&app.database, &seat.class, &thread).await?;
    Ok(Json(Detail { thread, replies }))
}

/// Idempotent by the thread's id, as a reply is by its own.
pub(crate) async fn begin(
    State(app): State<App>,
    seat: Seat,
    Body(new): Body<NewThread>,
) -> Result<(StatusCode, Json<Thread>), Refusal> {
    let account = seat.person()?.id;
    app.count_talk(&seat, &account)?;
    let now_ms = control_plane_agent::unix_time_ms();
    let thread = board::begin(&app.database, seat.class_id(), &account, &new, now_ms).await?;
    Ok((StatusCode::CREATED, Json(thread)))
}

pub(crate) async fn reply(
    State(app): State<App>,
    seat: Seat,
    Path((_, thread)): Path<(String, String)>,
    Body(new): Body<NewReply>,
) -> Result<(StatusCode, Json<Reply>), Refusal> {
    let person = seat.person()?;
    app.count_talk(&seat, &person.id)?;
    let now_ms = control_plane_agent::unix_time_ms();
    let made = board::reply(&app.database, &seat.class, &thread, &person, &new.id, &new.text, now_ms).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

pub(crate) async fn accept(
    app: State<App>,
    seat: Seat,
    path: Path<(String, String)>,
    Body(accepted): Body<Accepted>,
) -> Result<StatusCode, Refusal> {
    set_accepted(app, seat, path, Some(&accepted.reply)).await
}

pub(crate) async fn unaccept(
    app: State<App>,
    seat: Seat,
    path: Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    set_accepted(app, seat, path, None).await
}

async fn set_accepted(
    State(app): State<App>,
    seat: Seat,
    Path((_, thread)): Path<(String, String)>,
    reply: Option<&str>,
) -> Result<StatusCode, Refusal> {
    let (account, now_ms) = (seat.account().unwrap_or_default(), control_plane_agent::unix_time_ms());
    board::accept(&app.database, &seat.class, &thread, reply, account, seat.teaches, now_ms).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn delete(
    State(app): State<App>,
    seat: Seat,
    Path((_, thread)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let account = seat.account().unwrap_or_default();
    board::delete(&app.database, seat.class_id(), &thread, account, seat.teaches).await?;
    Ok(StatusCode::NO_CONTENT)
}
