//! A span around every request of the API.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use control_plane_agent::spans::{Shared, Span};

use super::App;

/// The span is in the request's extensions, for a handler that knows more of what is asked. It ends with the answer's head: a
/// stream of news is open for hours.
pub(super) async fn layer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("/v1/", MatchedPath::as_str).to_owned();
    let method = request.method().as_str().to_owned();
    let span = Shared::new(Span::request(format!("{method} {route}")).on(&app.config.id, &app.config.region));
    request.extensions_mut().insert(span.clone());
    let response = next.run(request).await;
    // Names of OpenTelemetry's semantic conventions for HTTP.
    span.set("http.request.method", method);
    span.set("http.route", route);
    span.set("http.response.status_code", i64::from(response.status().as_u16()));
    if response.status().is_server_error() {
        span.fail(response.status().canonical_reason().unwrap_or("server error"));
    }
    response
}
