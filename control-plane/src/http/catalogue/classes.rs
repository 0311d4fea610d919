//! The list of classes, one class, a new class, a changed class.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use control_plane_agent::unix_time_ms;
use control_plane_classes::Error;
use control_plane_classes::catalogue::categories::{self, Category};
use control_plane_classes::catalogue::class::{ClassChange, NewClass};
use control_plane_classes::catalogue::list::{Filter, LIMIT_DEFAULT, When};
use control_plane_classes::catalogue::{self, Class, edit, store};
use control_plane_classes::people::Role;
use http::{StatusCode, header};
use serde::Deserialize;
use tokio::time::Instant;

use super::super::App;
use super::super::actor::{Actor, Writer, not_allowed, not_signed_in};
use super::super::answer::{Body, Client, Query, Refusal, ready};
use super::super::discover;
use super::super::page::Page;
use super::card::{self, Card, Detail};
use crate::slug;

/// With 900 million endings a third clash in a row means something else is wrong.
const ATTEMPTS_MAX: usize = 3;
/// Longest search, in characters.
const SEARCH_CHARACTERS_MAX: usize = 200;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Asked {
    q: Option<String>,
    category: Option<String>,
    level: Option<String>,
    language: Option<String>,
    when: Option<String>,
    /// Any value: only classes I take or teach.
    mine: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

pub(crate) fn categories() -> std::future::Ready<Json<Page<Category>>> {
    std::future::ready(Json(Page { items: categories::ALL.to_vec(), next: None }))
}

pub(crate) async fn list(
    State(app): State<App>,
    Client(address): Client,
    actor: Actor,
    Query(asked): Query<Asked>,
) -> Result<Json<Page<Card>>, Refusal> {
    ready(&app).await?;
    let filter = filter(&app, &actor, &asked)?;
    let after = asked.cursor.as_deref().filter(|cursor| !cursor.is_empty()).map(cursor).transpose()?;
    let limit = asked.limit.unwrap_or(LIMIT_DEFAULT);
    if let Some(text) = filter.text.as_ref().filter(|_| filter.mine.is_none()) {
        let offset = after.map_or(0, |(offset, _)| usize::try_from(offset).unwrap_or(0));
        return Ok(Json(discover::found(&app, (&actor, address), &filter, text, (offset, limit)).await?));
    }
    let found = catalogue::list::list(&app.database, &filter, after.as_ref(), limit, unix_time_ms()).await?;
    let next = found.1.map(|(at_ms, id)| format!("{at_ms}~{id}"));
    Ok(Json(Page { items: card::cards(&app, &actor, found.0).await?, next }))
}

fn cursor(text: &str) -> Result<(i64, String), Refusal> {
    let parsed = text.split_once('~').and_then(|(at_ms, id)| Some((at_ms.parse().ok()?, id.to_owned())));
    parsed.ok_or_else(|| {
        Refusal::bad_request("cursor is none of this list: take `next` of the page before, or leave it out")
    })
}

fn filter(app: &App, actor: &Actor, asked: &Asked) -> Result<Filter, Refusal> {
    let given = |text: &Option<String>| {
        text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let text = given(&asked.q);
    if text.as_ref().is_some_and(|text| text.chars().count() > SEARCH_CHARACTERS_MAX) {
        return Err(Refusal::bad_request(format_args!(
            "q is longer than {SEARCH_CHARACTERS_MAX} characters"
        )));
    }
    let when = match given(&asked.when).as_deref() {
        None => None,
        Some("upcoming") => Some(When::Upcoming),
        Some("live") => Some(When::Live),
        Some("replay") => Some(When::Replay),
        Some(_) => return Err(Refusal::bad_request("when is upcoming, live or replay")),
    };
    let mut filter = Filter {
        text,
        category: given(&asked.category),
        level: given(&asked.level),
        language: given(&asked.language),
        when,
        ..Filter::default()
    };
    match when {
        Some(When::Live) => filter.ids = Some(crate::classes::live(&app.view)),
        Some(When::Upcoming) => filter.not = crate::classes::live(&app.view),
        Some(When::Replay) | None => {}
    }
    if given(&asked.mine).is_some() {
        let account = actor.signed_in()?.id.clone();
        filter.mine = Some(account);
    }
    Ok(filter)
}

pub(crate) async fn read(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Detail>, Refusal> {
    ready(&app).await?;
    let class = find(&app, &id).await?;
    discover::note_look(&app, &actor, &class).await;
    Ok(Json(card::detail(&app, &actor, class).await?))
}

/// The class, or 404.
pub(crate) async fn find(app: &App, id: &str) -> Result<Class, Refusal> {
    store::find(&app.database, id).await?.ok_or_else(|| Refusal::class_not_found(id))
}

pub(crate) async fn create(
    State(app): State<App>,
    Client(address): Client,
    Writer(actor): Writer,
    Body(new): Body<NewClass>,
) -> Result<(StatusCode, Json<Card>), Refusal> {
    if let Err(wait) = app.creates.take(address, Instant::now()) {
        app.metrics.rate_limited.inc();
        return Err(Refusal::too_often(wait));
    }
    let instructor = match (&actor, actor.account()) {
        (Actor::Server, _) => None,
        (_, Some(account)) if account.role >= Role::Instructor => Some(account.clone()),
        (_, Some(_)) => {
            return Err(not_allowed("Only instructors make classes. Ask an admin to become one."));
        }
        (_, None) => return Err(not_signed_in()),
    };
    if instructor.is_some() && new.instructor.is_some() {
        return Err(Error::rule("bad_instructor", "Leave `instructor` out: you teach the class.").into());
    }
    for _ in 0..ATTEMPTS_MAX {
        let mut class = new.checked(slug::slug(new.title.trim(), &mut rand::rng()), unix_time_ms())?;
        if let Some(instructor) = &instructor {
            class.instructor_id = Some(instructor.id.clone());
            class.instructor_name.clone_from(&instructor.name);
        }
        // The name stands in the account; the row keeps one only where there is no account.
        let row = Class {
            instructor_name: instructor
                .as_ref()
                .map_or_else(|| class.instructor_name.clone(), |_| String::new()),
            ..class.clone()
        };
        if edit::create(&app.database, &row).await? {
            tracing::info!(class = class.id, recorded = class.recorded, "class created");
            app.discovery.changed();
            crate::classes::publish(&app.view, &*app.store, &app.database, &class).await;
            return Ok((StatusCode::CREATED, Json(card::one(&app, &actor, class).await?)));
        }
    }
    Err(Refusal::later("database_unavailable", "No free id was found for the class. Try again.", 1))
}

pub(crate) async fn change(
    State(app): State<App>,
    Writer(actor): Writer,
    Path(id): Path<String>,
    Body(change): Body<ClassChange>,
) -> Result<Json<Detail>, Refusal> {
    let before = find(&app, &id).await?;
    actor.must_teach(&before)?;
    let class = edit::change(&app.database, &id, &change, unix_time_ms()).await?;
    app.sync.notify_one();
    app.discovery.changed();
    app.mailer.news.notify_one();
    Ok(Json(card::detail(&app, &actor, class).await?))
}

pub(crate) async fn remove(
    State(app): State<App>,
    Writer(actor): Writer,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    let class = find(&app, &id).await?;
    actor.must_teach(&class)?;
    if crate::classes::is_live(&app.view, &id) {
        return Err(Error::conflict("class_is_live", "People are in this class. End it first.").into());
    }
    edit::remove(&app.database, &id, unix_time_ms()).await?;
    app.sync.notify_one();
    app.discovery.changed();
    tracing::info!(class = id, "class removed");
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn calendar(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let class = find(&app, &id).await?;
    let url = app.url();
    let host = url.split("://").nth(1).and_then(|rest| rest.split(['/', ':']).next()).unwrap_or("seodang");
    let file = catalogue::calendar::calendar(&class, &format!("{url}/class/{id}"), host);
    let file =
        file.ok_or_else(|| Error::conflict("no_start", "It is not settled yet when this class begins."))?;
    let name = format!("attachment; filename=\"{id}.ics\"");
    let headers = [
        (header::CONTENT_TYPE, "text/calendar; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, file).into_response())
}
