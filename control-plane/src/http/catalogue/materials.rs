//! Materials: links and files. A file is handed out as something to be saved, never as a page of the school.

use axum::Json;
use axum::body::Body as Answer;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use control_plane_agent::unix_time_ms;
use control_plane_classes::Error;
use control_plane_classes::catalogue::Class;
use control_plane_classes::catalogue::enrolment::{self, Enrolment};
use control_plane_classes::catalogue::materials::{self, FILE_BYTES_MAX, Material, New};
use futures_util::stream;
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};

use super::super::App;
use super::super::actor::{Actor, Writer, not_allowed, not_signed_in};
use super::super::answer::{Body, Query, Refusal};
use super::super::page::Page;
use super::classes::find;

/// What every file is handed out as. It is not compressed on the way: most are already.
pub(crate) const OCTETS: &str = "application/octet-stream";

#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    id: String,
    title: String,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
}

fn shown(class: &str, material: Material) -> Shown {
    let url = material.url.unwrap_or_else(|| format!("/v1/classes/{class}/materials/{}/file", material.id));
    Shown { id: material.id, title: material.title, url, bytes: material.bytes }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLink {
    title: String,
    url: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    name: String,
}

pub(crate) async fn list(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Page<Shown>>, Refusal> {
    let class = find(&app, &id).await?;
    must_belong(&app, &actor, &class).await?;
    let found = materials::list(&app.database, &id).await?;
    Ok(Json(Page { items: found.into_iter().map(|material| shown(&id, material)).collect(), next: None }))
}

/// Who teaches it, who has a place, and in a class without a limit of places whoever is signed in.
async fn must_belong(app: &App, actor: &Actor, class: &Class) -> Result<(), Refusal> {
    if actor.teaches(class) {
        return Ok(());
    }
    let account = actor.account().ok_or_else(not_signed_in)?;
    if class.capacity.is_none() && !class.locked {
        return Ok(());
    }
    let standing = enrolment::standing(&app.database, &class.id, &account.id).await?;
    if standing.enrolment == Enrolment::Enrolled {
        return Ok(());
    }
    Err(not_allowed("Materials are for those who take the class. Enrol first."))
}

pub(crate) async fn add_link(
    State(app): State<App>,
    Writer(actor): Writer,
    Path(id): Path<String>,
    Body(new): Body<NewLink>,
) -> Result<(StatusCode, Json<Shown>), Refusal> {
    actor.must_teach(&find(&app, &id).await?)?;
    let added = materials::add(&app.database, &id, &new.title, New::Link(&new.url), unix_time_ms()).await?;
    Ok((StatusCode::CREATED, Json(shown(&id, added))))
}

pub(crate) async fn add_file(
    State(app): State<App>,
    Writer(actor): Writer,
    Path(id): Path<String>,
    Query(named): Query<Named>,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<(StatusCode, Json<Shown>), Refusal> {
    actor.must_teach(&find(&app, &id).await?)?;
    let body = body.ok().filter(|body| body.len() <= FILE_BYTES_MAX).ok_or_else(|| {
        let message = format!("A file has at most {FILE_BYTES_MAX} bytes. Link to a larger one.");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    })?;
    // What a file is called, without the folders it came from.
    let name = named.name.rsplit(['/', '\\']).next().unwrap_or_default();
    let added = materials::add(&app.database, &id, name, New::File(&body), unix_time_ms()).await?;
    Ok((StatusCode::CREATED, Json(shown(&id, added))))
}

pub(crate) async fn remove(
    State(app): State<App>,
    Writer(actor): Writer,
    Path((id, material)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    actor.must_teach(&find(&app, &id).await?)?;
    if materials::remove(&app.database, &id, &material).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Error::not_found("material").into())
}

pub(crate) async fn file(
    State(app): State<App>,
    actor: Actor,
    Path((id, material)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let class = find(&app, &id).await?;
    must_belong(&app, &actor, &class).await?;
    let found = materials::file(&app.database, &id, &material).await?;
    let (name, bytes) = found.ok_or_else(|| Error::not_found("material"))?;
    // Part by part, as the reader takes them. A file that is deleted meanwhile ends short, which the length tells.
    let from = (app.database.clone(), material, 0_u64);
    let parts = stream::try_unfold(from, |(database, material, number)| async move {
        let part = materials::part(&database, &material, number).await?;
        Ok::<_, Error>(part.map(|bytes| (Bytes::from(bytes), (database, material, number + 1))))
    });
    let headers = [
        (header::CONTENT_TYPE, OCTETS.to_owned()),
        (header::CONTENT_LENGTH, bytes.to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{}", percent(&name))),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
    ];
    Ok((headers, Answer::from_stream(parts)).into_response())
}

/// RFC 8187: everything but letters, digits and `-._~` as `%XX`.
fn percent(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}
