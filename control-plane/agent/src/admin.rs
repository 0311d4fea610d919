//! The admin port of every node: `/metrics`, `/healthz` (the process answers), `/readyz` (it can do its work).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

/// What must hold before the node is ready. Parts report; `/readyz` answers.
#[derive(Clone, Debug, Default)]
pub struct Health {
    waiting: Arc<Mutex<BTreeMap<&'static str, String>>>,
}

impl Health {
    /// `part` cannot work, because of `why`.
    pub fn waiting(&self, part: &'static str, why: impl Into<String>) {
        self.waiting.lock().insert(part, why.into());
    }

    pub fn ready(&self, part: &'static str) {
        self.waiting.lock().remove(part);
    }

    /// What is missing, by part; empty when ready.
    #[must_use]
    pub fn missing(&self) -> BTreeMap<&'static str, String> {
        self.waiting.lock().clone()
    }
}

/// Routes of the admin port. Metrics are registered before the registry comes here.
pub fn router(registry: Arc<Registry>, health: Health) -> Router {
    Router::new()
        .route("/metrics", get(move || metrics(registry.clone())))
        .route("/healthz", get(|| std::future::ready("ok\n")))
        .route("/readyz", get(move || readiness(health.clone())))
}

/// Serves [`router`] until `shutdown`.
///
/// # Errors
/// The listener fails.
pub async fn serve(
    listener: tokio::net::TcpListener,
    registry: Arc<Registry>,
    health: Health,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    // A scrape takes milliseconds; open keep-alive connections must not hold up the end.
    let stop = shutdown.clone();
    let served =
        axum::serve(listener, router(registry, health)).with_graceful_shutdown(stop.cancelled_owned());
    tokio::select! {
        result = served => Ok(result?),
        () = shutdown.cancelled() => Ok(()),
    }
}

fn metrics(registry: Arc<Registry>) -> std::future::Ready<impl IntoResponse> {
    let mut text = String::new();
    let result = prometheus_client::encoding::text::encode(&mut text, &registry);
    let status = if result.is_ok() { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    std::future::ready((status, [(header::CONTENT_TYPE, content_type)], text))
}

fn readiness(health: Health) -> std::future::Ready<impl IntoResponse> {
    let missing = health.missing();
    if missing.is_empty() {
        return std::future::ready((StatusCode::OK, "ok\n".to_owned()));
    }
    let text = missing.iter().map(|(part, why)| format!("{part}: {why}\n")).collect();
    std::future::ready((StatusCode::SERVICE_UNAVAILABLE, text))
}
