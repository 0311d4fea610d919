//! Places in a class, likes, and the classes of who asks.

use axum::Json;
use axum::extract::{Path, State};
use control_plane_agent::unix_time_ms;
use control_plane_classes::catalogue::edit;
use control_plane_classes::catalogue::enrolment::{self, Standing};
use control_plane_classes::catalogue::list::{self, Filter, LIMIT_MAX};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::super::App;
use super::super::actor::{Actor, Writer};
use super::super::answer::{Query, Refusal};
use super::super::page::{After, Page};
use super::card::{self, Card};
use super::classes::find;

#[derive(Debug, Serialize)]
pub(crate) struct Enrolled {
    account: Person,
    state: String,
    enrolled_at_ms: u64,
}

#[derive(Debug, Serialize)]
struct Person {
    id: String,
    name: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct MyClasses {
    enrolled: Vec<Card>,
    teaching: Vec<Card>,
    waiting: Vec<Card>,
}

pub(crate) async fn enrol(
    State(app): State<App>,
    Writer(actor): Writer,
    Path(id): Path<String>,
) -> Result<Json<Standing>, Refusal> {
    let account = actor.signed_in()?;
    find(&app, &id).await?;
    Ok(Json(enrolment::enrol(&app.database, &id, &account.id, unix_time_ms()).await?))
}

pub(crate) async fn leave(
    State(app): State<App>,
    Writer(actor): Writer,
    Path(id): Path<String>,
) -> Result<Json<Standing>, Refusal> {
    let account = actor.signed_in()?;
    find(&app, &id).await?;
    enrolment::leave(&app.database, &id, &account.id, unix_time_ms()).await?;
    app.mailer.news.notify_one();
    Ok(Json(Standing::default()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cursor {
    cursor: Option<String>,
}

pub(crate) async fn list(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(asked): Query<Cursor>,
) -> Result<Json<Page<Enrolled>>, Refusal> {
    let class = find(&app, &id).await?;
    actor.must_teach(&class)?;
    let after = After::parse(asked.cursor.as_deref())?;
    let after = after.as_ref().map(|after| (after.at_ms, after.id.as_str()));
    let found = enrolment::list(&app.database, &id, after).await?;
    let page = Page::of(found, enrolment::PAGE, |last| After { at_ms: last.at_ms, id: last.id.clone() });
    let shown = page.items.into_iter().map(|one| Enrolled {
        account: Person { id: one.id, name: one.name },
        state: one.state,
        enrolled_at_ms: one.at_ms,
    });
    Ok(Json(Page { items: shown.collect(), next: page.next }))
}

pub(crate) async fn like(
    State(app): State<App>,
    Writer(actor): Writer,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    set_like(&app, &actor, &id, true).await
}

pub(crate) async fn unlike(
    State(app): State<App>,
    Writer(actor): Writer,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    set_like(&app, &actor, &id, false).await
}

async fn set_like(app: &App, actor: &Actor, id: &str, likes: bool) -> Result<StatusCode, Refusal> {
    let account = actor.signed_in()?;
    find(app, id).await?;
    edit::like(&app.database, id, &account.id, likes, unix_time_ms()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The newest hundred of each.
pub(crate) async fn mine(State(app): State<App>, actor: Actor) -> Result<Json<MyClasses>, Refusal> {
    let account = actor.signed_in()?.id.clone();
    let taken = async |state: &str| {
        let filter = Filter { taken: Some((account.clone(), state.to_owned())), ..Filter::default() };
        list::list(&app.database, &filter, None, LIMIT_MAX, unix_time_ms()).await.map(|(classes, _)| classes)
    };
    let teaching = Filter { taught_by: Some(account.clone()), ..Filter::default() };
    let teaching = list::list(&app.database, &teaching, None, LIMIT_MAX, unix_time_ms()).await?.0;
    let (enrolled, waiting) = (taken("enrolled").await?, taken("waiting").await?);
    Ok(Json(MyClasses {
        enrolled: card::cards(&app, &actor, enrolled).await?,
        teaching: card::cards(&app, &actor, teaching).await?,
        waiting: card::cards(&app, &actor, waiting).await?,
    }))
}
