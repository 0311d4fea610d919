//! Chat, with its history and its moderation.

use axum::Json;
use axum::extract::{Path, State};
use control_plane_classes::classroom::chat::{self, Message, PAGE, Page};
use control_plane_classes::classroom::permissions::{self, Setting};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{App, Desk, Seat};
use crate::http::answer::{Body, Query, Refusal};
use crate::word::Word;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Said {
    id: String,
    text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Span {
    before: Option<String>,
    after: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct List {
    items: Vec<Message>,
    /// `before` of the next page (`after`, if that was asked).
    next: Option<String>,
}

pub(crate) async fn list(
    State(app): State<App>,
    seat: Seat,
    Query(span): Query<Span>,
) -> Result<Json<List>, Refusal> {
    let page = Page { before: span.before.as_deref(), after: span.after.as_deref() };
    let items = chat::list(&app.database, seat.class_id(), &page).await?;
    let edge = if span.after.is_some() { items.last() } else { items.first() };
    let next = edge.filter(|_| items.len() == PAGE).map(|message| message.id.clone());
    Ok(Json(List { items, next }))
}

/// Idempotent by the message's id.
pub(crate) async fn say(
    State(app): State<App>,
    seat: Seat,
    Body(said): Body<Said>,
) -> Result<Json<Message>, Refusal> {
    let person = seat.person()?;
    app.count_talk(&seat, &person.id)?;
    let class = seat.class_id();
    let moment = app.moment(class);
    let (message, v) = chat::say(&app.database, class, &person, &said.id, &said.text, &moment).await?;
    if let Some(v) = v {
        app.tell(class, "chat", v, [("chat", json!(message))]);
    }
    Ok(Json(message))
}

pub(crate) async fn hide(
    State(app): State<App>,
    seat: Seat,
    Path((_, message)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let (class, account) = (seat.class_id(), seat.account().unwrap_or_default());
    if let Some(changed) = chat::hide(&app.database, class, &message, account, seat.teaches).await? {
        app.tell(class, "chat", changed.v, [("chat", json!(changed.it))]);
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn mute(
    app: State<App>,
    desk: Desk,
    path: Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    set_muted(app, desk, path, true).await
}

pub(crate) async fn unmute(
    app: State<App>,
    desk: Desk,
    path: Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    set_muted(app, desk, path, false).await
}

async fn set_muted(
    State(app): State<App>,
    Desk(seat): Desk,
    Path((_, account)): Path<(String, String)>,
    muted: bool,
) -> Result<StatusCode, Refusal> {
    let class = seat.class_id();
    permissions::set(&app.database, class, &account, &Setting::ChatMuted(muted)).await?;
    let word = Word::new("chat-muted").with("account", json!(account)).with("muted", json!(muted));
    let teacher = seat.class.instructor_id.clone();
    app.classroom.rooms.say(class, word.only_to(teacher.into_iter().chain([account]).collect()));
    Ok(StatusCode::NO_CONTENT)
}
