//! What an admin sees and does, and the mails of a development house.

use axum::Json;
use axum::extract::{Path, State};
use control_plane_classes::people::{Role, accounts};
use http::StatusCode;
use serde::Deserialize;

use super::super::App;
use super::super::actor::{Actor, Writer};
use super::super::answer::{Body, Query, Refusal};
use super::super::page::{After, Page};
use crate::mail::Sent;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Looked {
    #[serde(default)]
    q: String,
    cursor: Option<String>,
}

pub(crate) async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(asked): Query<Looked>,
) -> Result<Json<Page<accounts::Listed>>, Refusal> {
    actor.must_be_admin()?;
    let after = After::parse(asked.cursor.as_deref())?.map_or_else(String::new, |after| after.id);
    let found = accounts::list(&app.database, asked.q.trim(), &after).await?;
    Ok(Json(Page::of(found, accounts::PAGE, |last| After { at_ms: 0, id: last.account.id.clone() })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    role: Option<Role>,
    disabled: Option<bool>,
}

pub(crate) async fn change(
    State(app): State<App>,
    Writer(actor): Writer,
    Path(id): Path<String>,
    Body(change): Body<Change>,
) -> Result<Json<accounts::Listed>, Refusal> {
    actor.must_be_admin()?;
    let changed = accounts::set(&app.database, &id, change.role, change.disabled).await?;
    if change.disabled == Some(true) {
        app.classroom.rooms.send_out(&id);
    }
    tracing::info!(account = id, role = ?change.role, disabled = ?change.disabled, "changed by an admin");
    Ok(Json(changed))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct To {
    to: Option<String>,
}

/// Mails of this process, newest first; only in development.
pub(crate) async fn mail(
    State(app): State<App>,
    Query(asked): Query<To>,
) -> Result<Json<Page<Sent>>, Refusal> {
    if !app.config.dev {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "Mails are shown with `dev = true` only.",
        ));
    }
    let to = asked.to.map(|to| to.trim().to_lowercase());
    std::future::ready(Ok(Json(Page { items: app.mailer.recent(to.as_deref()), next: None }))).await
}
