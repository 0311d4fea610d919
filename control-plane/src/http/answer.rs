//! What all handlers answer alike: errors as [`ErrorBody`], bodies checked, the API's description.

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use control_plane_agent::store;
use control_plane_api::join::ErrorBody;
use http::{HeaderValue, StatusCode, header};
use serde::de::DeserializeOwned;

use super::App;

/// A request waits this long for a store that was never reached.
const READY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(3);

/// An answer that is not the one asked for.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// Seconds until it makes sense to ask again.
    pub(crate) retry_after_s: Option<u64>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after_s: None }
    }

    pub(crate) fn bad_request(message: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message.to_string())
    }

    pub(crate) fn class_not_found(id: &str) -> Self {
        let message = format!("There is no class {id:?}. Look at the list of classes, or create it.");
        Self::new(StatusCode::NOT_FOUND, "class_not_found", message)
    }

    pub(crate) fn later(code: &'static str, message: impl Into<String>, retry_after_s: u64) -> Self {
        let refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message);
        Self { retry_after_s: Some(retry_after_s), ..refusal }
    }

    pub(crate) fn too_often(wait: std::time::Duration) -> Self {
        let seconds = wait.as_secs() + 1;
        let message = format!("Too many requests from this address. Try again in {seconds} s.");
        let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message);
        Self { retry_after_s: Some(seconds), ..refusal }
    }
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Refused { reason } => Self::bad_request(reason),
            other => Self::later(
                "store_unavailable",
                format!("The directory of classes is away ({other}). Try again."),
                2,
            ),
        }
    }
}

impl From<control_plane_classes::Error> for Refusal {
    fn from(error: control_plane_classes::Error) -> Self {
        use control_plane_classes::{Error, Kind};
        match error {
            Error::Refused { kind, code, message } => {
                let status = match kind {
                    Kind::NotSignedIn => StatusCode::UNAUTHORIZED,
                    Kind::NotAllowed => StatusCode::FORBIDDEN,
                    Kind::NotFound => StatusCode::NOT_FOUND,
                    Kind::Conflict => StatusCode::CONFLICT,
                    Kind::Rule => StatusCode::UNPROCESSABLE_ENTITY,
                    Kind::TooOften => StatusCode::TOO_MANY_REQUESTS,
                };
                Self::new(status, code, message)
            }
            // What the database says may quote what somebody wrote: it is for the log.
            error @ (Error::Database(_) | Error::Unexpected(_)) => {
                tracing::warn!(%error, "database");
                Self::later(
                    "database_unavailable",
                    "The school's records are away. Try again in a moment.",
                    2,
                )
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = ErrorBody { code: self.code.to_owned(), message: self.message };
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A JSON body, refused as [`Refusal`] says when it does not fit.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refusal> {
        let bytes = Bytes::from_request(request, app)
            .await
            .map_err(|rejection| Refusal::new(rejection.status(), "bad_request", rejection.body_text()))?;
        if has_nul(&bytes) {
            let message = "A text has the character of code 0. Take it out.";
            return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message));
        }
        let parsed = serde_json::from_slice(&bytes);
        parsed
            .map(Body)
            .map_err(|error| Refusal::bad_request(format_args!("The body is not the JSON expected: {error}")))
    }
}

/// Whether JSON has the character of code 0 in a text: databases hold none. It is there only as `\u0000`.
fn has_nul(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        rest = &rest[at + 1..];
        if rest.starts_with(b"u0000") {
            return true;
        }
        // What is escaped is no escape itself.
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}

/// Refuses addresses with the character of code 0, for every handler: nothing has such an id, and nothing is found by it.
pub(super) async fn refuse_nul(request: Request, next: Next) -> Response {
    let path = request.uri().path_and_query().map_or("", http::uri::PathAndQuery::as_str);
    if path.contains("%00") {
        return Refusal::bad_request("The address has the character of code 0 (%00). Take it out.")
            .into_response();
    }
    next.run(request).await
}

/// Query parameters, likewise.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut http::request::Parts, app: &App) -> Result<Self, Refusal> {
        match axum::extract::Query::from_request_parts(parts, app).await {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(Refusal::bad_request(rejection.body_text())),
        }
    }
}

/// Where the request came from, as the socket says.
#[derive(Debug)]
pub(crate) struct Client(pub(crate) std::net::IpAddr);

impl FromRequestParts<App> for Client {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut http::request::Parts, app: &App) -> Result<Self, Refusal> {
        let peer = axum::extract::ConnectInfo::<std::net::SocketAddr>::from_request_parts(parts, app).await;
        let peer = peer.map_err(|rejection| Refusal::bad_request(rejection.body_text()))?.0;
        Ok(Self(control_plane_agent::proxy::client_address(
            peer,
            &parts.headers,
            &app.config.trusted_proxies,
        )))
    }
}

/// Waits for the first copy of the store, but not for ever: right after the start an empty list would be a lie.
pub(crate) async fn ready(app: &App) -> Result<(), Refusal> {
    let waited = tokio::time::timeout(READY_TIMEOUT, app.view.ready()).await;
    let away =
        |_| Refusal::later("starting", "The control plane has not reached its store yet. Try again.", 1);
    waited.map_err(away)
}

pub(crate) fn unknown_path() -> std::future::Ready<Refusal> {
    let message = "The API has no such path. GET /v1/openapi.json describes it.";
    std::future::ready(Refusal::new(StatusCode::NOT_FOUND, "not_found", message))
}
