//! Who I am, what I was told, and going away.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use control_plane_agent::unix_time_ms;
use control_plane_classes::people::{Account, accounts, notifications, session};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::super::App;
use super::super::actor::{Actor, Writer};
use super::super::answer::{Body, Client, Query, Refusal};
use super::super::page::{After, Page};
use super::sign_in::{Signed, forget_cookie, verified, with_cookie, wrong_credentials};

#[derive(Debug, Serialize)]
struct Me {
    account: Option<Account>,
    csrf: String,
    unread: u64,
    /// Providers to sign in with.
    oidc: Vec<String>,
    dev: bool,
}

/// Who asks. Also exchanges the session's token from time to time.
pub(crate) async fn read(State(app): State<App>, actor: Actor) -> Result<Response, Refusal> {
    let unread = match actor.account() {
        Some(account) => notifications::unread(&app.database, &account.id).await?,
        None => 0,
    };
    let me = Me {
        account: actor.account().cloned(),
        csrf: if let Actor::Account(_, session) = &actor { session.csrf.clone() } else { String::new() },
        unread,
        oidc: app.oidc.names(),
        dev: app.config.dev,
    };
    let response = Json(me).into_response();
    match &actor {
        Actor::Account(_, session) if session.is_old => {
            let new = session::rotate(&app.database, &session.token, unix_time_ms()).await?;
            Ok(match new {
                Some(token) => with_cookie(&app, response, &token),
                None => response,
            })
        }
        _ => Ok(response),
    }
}

pub(crate) async fn change(
    State(app): State<App>,
    Writer(actor): Writer,
    Body(change): Body<accounts::Change>,
) -> Result<Json<Signed>, Refusal> {
    let account = accounts::change(&app.database, &actor.signed_in()?.id, &change, unix_time_ms()).await?;
    app.sync.notify_one();
    Ok(Json(Signed { account }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Erase {
    /// Whoever signs in elsewhere has none, and sends none.
    #[serde(default)]
    password: String,
}

pub(crate) async fn erase(
    State(app): State<App>,
    Client(address): Client,
    Writer(actor): Writer,
    Body(given): Body<Erase>,
) -> Result<Response, Refusal> {
    let account = actor.signed_in()?;
    let known = match &account.email {
        Some(email) => accounts::password_of(&app.database, email).await?,
        None => None,
    };
    let stored = known.and_then(|(_, stored)| stored);
    if stored.is_some() && !matches!(actor, Actor::OnBehalf(_)) {
        // Whoever has found a browser signed in has no more guesses here than at the front door.
        app.count_sign_in(address)?;
        let email = account.email.as_deref().unwrap_or_default();
        app.guesses.take(email, address, Instant::now()).map_err(Refusal::too_often)?;
        if !verified(&app, given.password, stored).await? {
            return Err(wrong_credentials());
        }
    }
    accounts::erase(&app.database, &account.id, unix_time_ms()).await?;
    app.classroom.rooms.send_out(&account.id);
    app.sync.notify_one();
    app.mailer.news.notify_one();
    tracing::info!(account = account.id, "account erased");
    Ok(forget_cookie(&app, StatusCode::NO_CONTENT.into_response()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cursor {
    cursor: Option<String>,
}

pub(crate) async fn notifications(
    State(app): State<App>,
    actor: Actor,
    Query(asked): Query<Cursor>,
) -> Result<Json<Page<notifications::Notification>>, Refusal> {
    let account = actor.signed_in()?;
    let after = After::parse(asked.cursor.as_deref())?;
    let before = after.as_ref().map(|after| (after.at_ms, after.id.as_str()));
    let found = notifications::list(&app.database, &account.id, before).await?;
    Ok(Json(Page::of(found, notifications::PAGE, |last| After { at_ms: last.at_ms, id: last.id.clone() })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Until {
    until: String,
}

pub(crate) async fn notifications_read(
    State(app): State<App>,
    Writer(actor): Writer,
    Body(given): Body<Until>,
) -> Result<StatusCode, Refusal> {
    notifications::read(&app.database, &actor.signed_in()?.id, &given.until, unix_time_ms()).await?;
    Ok(StatusCode::NO_CONTENT)
}
