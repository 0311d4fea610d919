//! The list of classes, one class, a new class.

use axum::Json;
use axum::extract::{Path, State};
use control_plane_api::class::{Class, ClassState};
use control_plane_api::recording::Recording;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::App;
use super::answer::{Body, Client, Refusal, ready};
use crate::{classes, slug};

const TITLE_CHARACTERS_MAX: usize = 120;
const DESCRIPTION_CHARACTERS_MAX: usize = 4_000;
/// Classes in all. A list beyond this needs pages and search, which the catalogue will have.
const CLASSES_MAX: usize = 10_000;
/// With 900 million endings a third clash in a row means something else is wrong.
const ATTEMPTS_MAX: usize = 3;

#[derive(Debug, Serialize)]
pub(crate) struct List {
    classes: Vec<Class>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewClass {
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    instructor: String,
    #[serde(default)]
    recorded: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Detail {
    #[serde(flatten)]
    class: Class,
    /// Oldest first: a class may have been held several times.
    recordings: Vec<Recording>,
}

/// Newest first.
pub(crate) async fn list(State(app): State<App>) -> Result<Json<List>, Refusal> {
    ready(&app).await?;
    let stored = app.view.classes();
    let mut found: Vec<Class> = stored.values().map(|class| classes::as_it_is(&app.view, class)).collect();
    found.sort_by(|a, b| b.created_at_ms.cmp(&a.created_at_ms).then_with(|| a.id.cmp(&b.id)));
    Ok(Json(List { classes: found }))
}

pub(crate) async fn read(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Detail>, Refusal> {
    let stored = classes::find(&app.view, &*app.store, &id).await?;
    let stored = stored.ok_or_else(|| Refusal::class_not_found(&id))?;
    let class = classes::as_it_is(&app.view, &stored);
    Ok(Json(Detail { class, recordings: classes::recordings_of(&app.view, &id) }))
}

pub(crate) async fn create(
    State(app): State<App>,
    Client(address): Client,
    Body(new): Body<NewClass>,
) -> Result<(StatusCode, Json<Class>), Refusal> {
    if let Err(wait) = app.creates.take(address, Instant::now()) {
        app.metrics.rate_limited.inc();
        return Err(Refusal::too_often(wait));
    }
    let title = new.title.trim();
    bounded("title", title, TITLE_CHARACTERS_MAX)?;
    bounded("instructor", &new.instructor, TITLE_CHARACTERS_MAX)?;
    bounded("description", &new.description, DESCRIPTION_CHARACTERS_MAX)?;
    if title.is_empty() {
        return Err(Refusal::bad_request("title is empty"));
    }
    if app.view.classes().len() >= CLASSES_MAX {
        return Err(Refusal::later(
            "too_many_classes",
            format!("There are {CLASSES_MAX} classes already."),
            3600,
        ));
    }
    for _ in 0..ATTEMPTS_MAX {
        let class = Class {
            id: slug::slug(title, &mut rand::rng()),
            title: title.to_owned(),
            description: new.description.clone(),
            instructor: new.instructor.trim().to_owned(),
            recorded: new.recorded,
            created_at_ms: control_plane_agent::unix_time_ms(),
            state: ClassState::Upcoming,
            replay: None,
        };
        if classes::create(&app.view, &*app.store, &class).await? {
            tracing::info!(class = class.id, recorded = class.recorded, "class created");
            return Ok((StatusCode::CREATED, Json(class)));
        }
    }
    Err(Refusal::later("store_unavailable", "No free id was found for the class. Try again.", 1))
}

fn bounded(what: &str, text: &str, characters_max: usize) -> Result<(), Refusal> {
    if text.chars().count() > characters_max {
        return Err(Refusal::bad_request(format_args!("{what} is longer than {characters_max} characters")));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\r' && c != '\t') {
        return Err(Refusal::bad_request(format_args!("{what} has control characters")));
    }
    Ok(())
}
