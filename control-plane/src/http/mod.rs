//! The public listener: API under `/v1`, the web app everywhere else.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, get, post};
use control_plane_agent::store::Store;
use control_plane_agent::view::View;
use control_plane_classes::Database;
use http::{HeaderValue, header};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate as _};
use tower_http::cors::CorsLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::classroom::Classroom;
use crate::config::Config;
use crate::discovery::Discovery;
use crate::guesses::Guesses;
use crate::locate::GeoIp;
use crate::mail::Mailer;
use crate::metrics::Metrics;
use crate::oidc::Providers;
use crate::rate::Limiter;

pub(crate) mod actor;
pub(crate) mod answer;
pub(crate) mod attendance;
pub(crate) mod board;
pub(crate) mod catalogue;
pub(crate) mod classroom;
pub(crate) mod description;
pub(crate) mod discover;
pub(crate) mod drain;
pub(crate) mod fleet;
pub(crate) mod join;
pub(crate) mod ops;
pub(crate) mod page;
pub(crate) mod people;
pub(crate) mod summary;
mod traced;
pub(crate) mod web;

/// Longest request body: the longest class description with room to spare.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// What every handler has.
#[derive(Clone, Debug)]
pub(crate) struct App(pub(crate) Arc<Parts>);

#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) public_url: String,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) view: View,
    pub(crate) metrics: Metrics,
    pub(crate) geoip: GeoIp,
    pub(crate) atlases: join::Atlases,
    pub(crate) joins: Limiter,
    pub(crate) creates: Limiter,
    /// By address: sign-in, sign-up, codes.
    pub(crate) sign_ins: Limiter,
    /// By account: whatever changes something.
    pub(crate) writes: Limiter<String>,
    pub(crate) guesses: Guesses,
    /// By account or address: searches that are kept for the demand board.
    pub(crate) notes: Limiter<String>,
    /// Passwords being hashed at once.
    pub(crate) hashing: Semaphore,
    pub(crate) oidc: Providers,
    pub(crate) mailer: Arc<Mailer>,
    /// A class was changed that the fleet's store is to have.
    pub(crate) sync: Arc<Notify>,
    /// People and classes.
    pub(crate) database: Database,
    pub(crate) classroom: Classroom,
    pub(crate) discovery: Arc<Discovery>,
    pub(crate) shutdown: CancellationToken,
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Where users reach the school.
    pub(crate) fn url(&self) -> &str {
        self.public_url.trim_end_matches('/')
    }
}

pub(crate) fn router(app: App) -> Router {
    let api = routes().into_iter().fold(Router::new(), |router, (path, methods)| router.route(path, methods));
    api.route("/v1/{*rest}", axum::routing::any(answer::unknown_path))
        .layer(axum::middleware::from_fn(answer::refuse_nul))
        .layer(axum::middleware::from_fn_with_state(app.clone(), traced::layer))
        // What one person sees is no other's: nothing of the API is kept by a cache that does not ask.
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .fallback(web::serve)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(CompressionLayer::new().compress_when(
            DefaultPredicate::new().and(NotForContentType::const_new(catalogue::materials::OCTETS)),
        ))
        // Any origin may read, but never with cookies: a page of another origin can do no more than anybody.
        .layer(CorsLayer::permissive())
        .with_state(app)
}

/// A path and what it answers to.
pub(crate) type Route = (&'static str, MethodRouter<App>);

/// All of the API, as [`description`] has it: each part brings its own.
fn routes() -> Vec<Route> {
    front()
        .into_iter()
        .chain(people::routes())
        .chain(catalogue::routes())
        .chain(classroom::routes())
        .chain(discover::routes())
        .collect()
}

fn front() -> Vec<Route> {
    vec![
        ("/v1/join", post(join::join)),
        ("/v1/regions", get(fleet::regions)),
        ("/v1/edges", get(fleet::edges)),
        ("/v1/cdn", get(fleet::cdn)),
        ("/v1/config", get(fleet::config)),
        ("/v1/ops", get(ops::read)),
        ("/v1/ops/events", get(ops::events)),
        ("/v1/ops/drains", get(drain::list)),
        ("/v1/ops/drains/{kind}/{name}", post(drain::start).delete(drain::cancel)),
        ("/v1/openapi.json", get(description::read)),
    ]
}

#[cfg(test)]
mod tests;
