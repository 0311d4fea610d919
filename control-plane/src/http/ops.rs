//! The ops page's picture of the fleet: once, or live as server-sent events.
//!
//! It names who is in which room, so that only an admin or a server sees it; in development everybody does.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use control_plane_agent::mirror;
use control_plane_api::drain::Drain;
use control_plane_api::node::Node;
use control_plane_api::recording::Recording;
use control_plane_api::room::{Presence, Room};
use control_plane_api::topology::Topology;
use futures_util::Stream;
use http::request::Parts;
use serde::Serialize;
use tokio::sync::watch;

use super::App;
use super::actor::Actor;
use super::answer::{Refusal, ready};
use crate::metrics::Metrics;

/// Ops pages at once; each costs the whole picture twice a second at most.
const STREAMS_MAX: i64 = 64;
/// Changes closer together are sent as one.
const EVENT_INTERVAL: Duration = Duration::from_millis(500);

#[derive(Debug, Serialize)]
pub(crate) struct Picture {
    nodes: Vec<Node>,
    rooms: Vec<Room>,
    presence: Vec<Presence>,
    recordings: Vec<Recording>,
    /// Of rooms on many edges; in the others every edge has a link to every other.
    topologies: Vec<Topology>,
    drains: Vec<Drain>,
    /// Unix time since when the store is away and this is what was last seen; `null`: up to date.
    stale_since_ms: Option<u64>,
    at_ms: u64,
}

/// Somebody who may look.
#[derive(Debug)]
pub(crate) struct Onlooker;

impl FromRequestParts<App> for Onlooker {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        if !app.config.dev {
            Actor::from_request_parts(parts, app).await?.must_be_admin()?;
        }
        Ok(Self)
    }
}

pub(crate) async fn read(State(app): State<App>, _: Onlooker) -> Result<Json<Picture>, Refusal> {
    ready(&app).await?;
    Ok(Json(picture(&app)))
}

/// An event `ops` with a [`Picture`] at once and after each change.
pub(crate) async fn events(
    State(app): State<App>,
    _: Onlooker,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    if app.metrics.ops_streams.get() >= STREAMS_MAX {
        return Err(Refusal::later("too_many_streams", "Too many ops pages are open. Close one.", 10));
    }
    let counted = Counted::new(&app.metrics);
    ready(&app).await?;
    let changes = app.view.changes(&app.shutdown);
    let start = (app, changes, counted, true);
    let stream = futures_util::stream::unfold(start, |(app, mut changes, counted, first)| async move {
        if !first && !changed(&mut changes).await {
            return None;
        }
        let event = Event::default().event("ops").json_data(picture(&app)).unwrap_or_default();
        Some((Ok(event), (app, changes, counted, false)))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}

/// Waits for a change and then for those that come with it. `false`: shutdown.
async fn changed(changes: &mut watch::Receiver<u64>) -> bool {
    if changes.changed().await.is_err() {
        return false;
    }
    tokio::time::sleep(EVENT_INTERVAL).await;
    changes.mark_unchanged();
    true
}

fn picture(app: &App) -> Picture {
    Picture {
        nodes: app.view.nodes().values().cloned().collect(),
        rooms: app.view.rooms().values().cloned().collect(),
        presence: app.view.presence().values().cloned().collect(),
        recordings: app.view.recordings().values().cloned().collect(),
        topologies: app.view.topologies().values().cloned().collect(),
        drains: app.view.drains().values().cloned().collect(),
        stale_since_ms: match app.view.state() {
            mirror::State::Stale { since_ms } => Some(since_ms),
            mirror::State::Empty | mirror::State::Live => None,
        },
        at_ms: control_plane_agent::unix_time_ms(),
    }
}

/// One open stream in the figures.
struct Counted(Metrics);

impl Counted {
    fn new(metrics: &Metrics) -> Self {
        metrics.ops_streams.inc();
        Self(metrics.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.ops_streams.dec();
    }
}
