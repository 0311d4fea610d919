//! `/v1/ops/drains`: wishes to empty a node or a region, and how far each has come.
//!
//! Asked by a signed-in admin, or with an API-key token whose grant is `roomAdmin` without a room: an instructor's token
//! names her room and is not enough.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use control_plane_agent::store::{Compared, Entry};
use control_plane_api::drain::{Drain, DrainTarget};
use control_plane_api::id::check_node_name;
use control_plane_api::key;
use control_plane_api::node::{Node, Role};
use control_plane_api::token;
use http::request::Parts;
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};

use super::App;
use super::actor::Actor;
use super::answer::{Body, Refusal, ready};

/// Tries at a record that others write at the same moment; each failure means that somebody else came through.
const WRITES_MAX: usize = 8;
/// Longest deadline: a class does not last longer than a day.
const DEADLINE_S_MAX: u64 = 24 * 3600;

/// What is wished besides the target.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Wish {
    /// From now.
    deadline_s: Option<u64>,
    exit: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Drains {
    drains: Vec<Progress>,
}

/// A drain and what it still waits for.
#[derive(Debug, Serialize)]
pub(crate) struct Progress {
    #[serde(flatten)]
    drain: Drain,
    nodes: Vec<Left>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Left {
    id: String,
    role: Role,
    /// The node knows of the drain.
    draining: bool,
    /// Users still on it.
    participants: u32,
    /// Recordings the origin does not hold yet.
    journals: u32,
}

/// Whoever may operate the fleet.
#[derive(Debug)]
pub(crate) struct Operator(String);

impl axum::extract::FromRequestParts<App> for Operator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let Some(given) = parts.headers.get(header::AUTHORIZATION) else {
            return signed_in(&Actor::from_request_parts(parts, app).await?);
        };
        server(app, given.to_str().unwrap_or_default())
    }
}

pub(crate) async fn list(State(app): State<App>, _operator: Operator) -> Result<Json<Drains>, Refusal> {
    ready(&app).await?;
    let drains = app.view.drains();
    Ok(Json(Drains { drains: drains.values().map(|drain| progress(&app, drain.clone())).collect() }))
}

pub(crate) async fn start(
    State(app): State<App>,
    Path((kind, name)): Path<(String, String)>,
    Operator(asker): Operator,
    Body(wish): Body<Wish>,
) -> Result<Json<Progress>, Refusal> {
    ready(&app).await?;
    let target = target(&kind, name)?;
    if nodes_of(&app, &target).is_empty() {
        return Err(stays(&app, &target).unwrap_or_else(|| unknown(&target)));
    }
    if wish.deadline_s.is_some_and(|seconds| seconds > DEADLINE_S_MAX) {
        return Err(Refusal::bad_request(format_args!("deadline_s is at most {DEADLINE_S_MAX}: one day")));
    }
    let now_ms = control_plane_agent::unix_time_ms();
    let drain = Drain {
        requested_at_ms: now_ms,
        deadline_ms: wish.deadline_s.map(|seconds| now_ms + seconds * 1_000),
        exit: wish.exit,
        requested_by: asker,
        target,
    };
    write(&app, &drain).await?;
    tracing::info!(target = ?drain.target, by = drain.requested_by, "drain");
    Ok(Json(progress(&app, drain)))
}

pub(crate) async fn cancel(
    State(app): State<App>,
    Path((kind, name)): Path<(String, String)>,
    _operator: Operator,
) -> Result<Response, Refusal> {
    let target = target(&kind, name)?;
    if !app.store.delete(&key::drain(&target)).await? {
        let message = "No such drain. GET /v1/ops/drains lists those there are.";
        return Err(Refusal::new(StatusCode::NOT_FOUND, "drain_not_found", message));
    }
    tracing::info!(?target, "drain taken back");
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A browser with an admin's session; its CSRF word is the [`Actor`]'s to check.
fn signed_in(actor: &Actor) -> Result<Operator, Refusal> {
    actor.must_be_admin()?;
    Ok(Operator(actor.signed_in()?.id.clone()))
}

fn server(app: &App, given: &str) -> Result<Operator, Refusal> {
    let refused = |status, code, message: String| Err(Refusal::new(status, code, message));
    let Some(token) = given.strip_prefix("Bearer ").map(str::trim) else {
        let message =
            "Send Authorization: Bearer and a token signed with an API key, with the grant roomAdmin.";
        return refused(StatusCode::UNAUTHORIZED, "unauthorized", message.to_owned());
    };
    let now_s = control_plane_agent::unix_time_ms() / 1_000;
    let claims = match token::verify(token, &app.config.api_keys, now_s) {
        Ok(claims) => claims,
        Err(error) => return refused(StatusCode::UNAUTHORIZED, "unauthorized", error.to_string()),
    };
    if !claims.video.is_some_and(|grant| grant.room_admin && grant.room.is_empty() && !grant.room_join) {
        let message =
            "Draining needs a token with roomAdmin for no room in particular: sign one with the API key.";
        return refused(StatusCode::FORBIDDEN, "forbidden", message.to_owned());
    }
    Ok(Operator(if claims.sub.is_empty() { claims.iss } else { claims.sub }))
}

fn target(kind: &str, name: String) -> Result<DrainTarget, Refusal> {
    check_node_name("the name", &name).map_err(Refusal::bad_request)?;
    match kind {
        "node" => Ok(DrainTarget::Node(name)),
        "region" => Ok(DrainTarget::Region(name)),
        _ => Err(Refusal::bad_request("a drain is of a `node` or of a `region`")),
    }
}

/// A node that is there, and that nothing can be moved from.
fn stays(app: &App, target: &DrainTarget) -> Option<Refusal> {
    let DrainTarget::Node(id) = target else { return None };
    let nodes = app.view.nodes();
    let message = match nodes.get(id)?.role {
        Role::Origin => {
            "cannot be drained: it holds the recordings and no other node takes them. Stop it when it must be \
             replaced: edges keep their journals until an origin is there again"
        }
        Role::ControlPlane => {
            "is not drained: stop it, the other control planes go on with what the store holds"
        }
        Role::Edge | Role::Cdn => return None,
    };
    Some(Refusal::new(StatusCode::CONFLICT, "node_not_drainable", format!("{id:?} {message}.")))
}

fn unknown(target: &DrainTarget) -> Refusal {
    let (code, message) = match target {
        DrainTarget::Node(id) => ("node_not_found", format!("No edge or cdn node is called {id:?}.")),
        DrainTarget::Region(name) => {
            ("region_not_found", format!("No edge or cdn node is in a region {name:?}."))
        }
    };
    Refusal::new(StatusCode::NOT_FOUND, code, format!("{message} GET /v1/ops lists what there is."))
}

/// Edges and cdn nodes: what drains.
fn nodes_of(app: &App, target: &DrainTarget) -> Vec<Node> {
    let named = |node: &&Node| match target {
        DrainTarget::Node(id) => node.id == *id,
        DrainTarget::Region(name) => node.region == *name,
    };
    let nodes = app.view.nodes();
    nodes.values().filter(|node| matches!(node.role, Role::Edge | Role::Cdn)).filter(named).cloned().collect()
}

fn progress(app: &App, drain: Drain) -> Progress {
    let nodes = nodes_of(app, &drain.target).into_iter().map(|node| Left {
        draining: node.draining,
        participants: node.load.participants,
        journals: node.load.journals,
        role: node.role,
        id: node.id,
    });
    Progress { nodes: nodes.collect(), drain }
}

/// Two operators at once: the later wish stands, and neither is lost unseen.
async fn write(app: &App, drain: &Drain) -> Result<(), Refusal> {
    let key = key::drain(&drain.target);
    let value = Bytes::from(serde_json::to_vec(drain).expect("records are plain data"));
    let mut expected = app.store.get(&key).await?.map_or(0, |entry: Entry| entry.mod_revision);
    for _ in 0..WRITES_MAX {
        match app.store.compare_and_put(&key, expected, value.clone(), None).await? {
            Compared::Written { .. } => return Ok(()),
            Compared::Conflict { current } => expected = current.map_or(0, |entry| entry.mod_revision),
        }
    }
    Err(Refusal::later("store_busy", "The drain's record changes all the time. Try again.", 1))
}
