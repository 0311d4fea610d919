//! Objects out over HTTP: GET and HEAD with ranges and validators (RFC 9110), lifetimes for caches (RFC 9111).
//!
//! A path is an object's path as it stands in the store: it is never decoded, so nothing in it leads anywhere else.

use std::ops::Range;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode, Uri};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt as _};
use origin_archive::{Lifetime, content_type, lifetime};
use tower_http::cors::{Any, CorsLayer};

use crate::library::Library;
use crate::metrics::{Metrics, Status};

/// Segments never change.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Playlists of a class in progress: a segment is four seconds.
const LIVE: &str = "public, max-age=1";
/// Playlists of a class that is over may still change when an edge brings the rest of it.
const ENDED: &str = "public, max-age=5";
/// Errors: what is missing now may be there in a second.
const ERROR: &str = "public, max-age=1";
/// IMF-fixdate (RFC 9110 section 5.6.7).
const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";
/// Longest path: three components and a file name, escaped.
const PATH_BYTES_MAX: usize = 1_024;

#[derive(Clone, Debug)]
pub(crate) struct Objects {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) library: Library,
    pub(crate) metrics: Metrics,
}

/// Routes of the public port.
pub(crate) fn router(objects: Objects) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers(Any)
        .expose_headers([
            header::CONTENT_LENGTH,
            header::CONTENT_RANGE,
            header::ETAG,
            header::DATE,
            header::AGE,
        ]);
    Router::new().fallback(serve).layer(cors).with_state(objects)
}

async fn serve(State(objects): State<Objects>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let response = objects.respond(&method, uri.path(), &headers).await;
    let response = response.unwrap_or_else(Problem::into_response);
    let status = Status { status: response.status().as_u16() };
    objects.metrics.http_responses.get_or_create(&status).inc();
    response
}

/// An error as the viewer sees it.
#[derive(Debug)]
struct Problem {
    status: StatusCode,
    message: &'static str,
    /// Length of the object, for a range outside it.
    length: Option<u64>,
}

fn problem(status: StatusCode, message: &'static str) -> Problem {
    Problem { status, message, length: None }
}

impl Problem {
    fn into_response(self) -> Response {
        let body = format!("{{\"error\":\"{}\"}}\n", self.message);
        let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, ERROR)];
        let mut response = (self.status, headers, body).into_response();
        if let Some(length) = self.length {
            set(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{length}"));
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            set(response.headers_mut(), header::ALLOW, "GET, HEAD");
        }
        response
    }
}

impl Objects {
    async fn respond(&self, method: &Method, path: &str, headers: &HeaderMap) -> Result<Response, Problem> {
        let head = method == Method::HEAD;
        if !head && method != Method::GET {
            return Err(problem(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD"));
        }
        let path = self.path(path)?;
        // A playlist may be replaced between looking and reading: then once more.
        for _ in 0..3 {
            if let Some(response) = self.try_respond(&path, headers, head).await? {
                return Ok(response);
            }
        }
        Err(problem(StatusCode::SERVICE_UNAVAILABLE, "the object keeps changing"))
    }

    fn path(&self, raw: &str) -> Result<Path, Problem> {
        let path = raw.strip_prefix('/').unwrap_or(raw);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-%/".contains(&byte);
        let known = path.len() <= PATH_BYTES_MAX && path.bytes().all(plain) && path.split('/').count() >= 3;
        let parsed = Path::parse(path).ok().filter(|_| known && !path.ends_with('/'));
        parsed.ok_or_else(|| {
            self.metrics.http_bad_paths.inc();
            problem(StatusCode::NOT_FOUND, "no object has such a path")
        })
    }

    /// `None` when the object changed meanwhile.
    async fn try_respond(
        &self,
        path: &Path,
        asked: &HeaderMap,
        head: bool,
    ) -> Result<Option<Response>, Problem> {
        let meta = self.store.head(path).await.map_err(|error| not_there(&error))?;
        let etag = meta.e_tag.clone().map(|tag| format!("\"{}\"", tag.trim_matches('"'))).unwrap_or_default();
        let mut headers = HeaderMap::new();
        set(&mut headers, header::ETAG, &etag);
        set(&mut headers, header::CACHE_CONTROL, self.cache_control(path));
        set(&mut headers, header::LAST_MODIFIED, &meta.last_modified.format(HTTP_DATE).to_string());
        if matches_tag(asked, header::IF_NONE_MATCH, &etag) {
            return Ok(Some((StatusCode::NOT_MODIFIED, headers).into_response()));
        }
        set(&mut headers, header::CONTENT_TYPE, content_type(path.as_ref()));
        set(&mut headers, header::ACCEPT_RANGES, "bytes");
        let range = if head { Asked::Whole } else { asked_range(asked, &etag, meta.size) };
        let (status, range) = match range {
            Asked::Whole => (StatusCode::OK, 0..meta.size),
            Asked::Part(range) => {
                let value = format!("bytes {}-{}/{}", range.start, range.end - 1, meta.size);
                set(&mut headers, header::CONTENT_RANGE, &value);
                (StatusCode::PARTIAL_CONTENT, range)
            }
            Asked::Outside => {
                let length = Some(meta.size);
                return Err(Problem {
                    length,
                    ..problem(StatusCode::RANGE_NOT_SATISFIABLE, "no such range")
                });
            }
        };
        set(&mut headers, header::CONTENT_LENGTH, &(range.end - range.start).to_string());
        if head || range.is_empty() {
            return Ok(Some((status, headers).into_response()));
        }
        let options = GetOptions {
            range: Some(GetRange::Bounded(range.clone())),
            if_match: meta.e_tag.clone(),
            ..Default::default()
        };
        let result = match self.store.get_opts(path, options).await {
            Err(object_store::Error::Precondition { .. }) => return Ok(None),
            result => result.map_err(|error| not_there(&error))?,
        };
        self.metrics.http_bytes.inc_by(range.end - range.start);
        let body = Body::from_stream(result.into_stream().boxed());
        Ok(Some((status, headers, body).into_response()))
    }

    fn cache_control(&self, path: &Path) -> &'static str {
        if lifetime(path.as_ref()) == Lifetime::Immutable {
            return IMMUTABLE;
        }
        let folder: Vec<&str> = path.as_ref().splitn(3, '/').take(2).collect();
        if self.library.is_live(&folder.join("/")) { LIVE } else { ENDED }
    }
}

fn not_there(error: &object_store::Error) -> Problem {
    match error {
        object_store::Error::NotFound { .. } => problem(StatusCode::NOT_FOUND, "no such object"),
        error => {
            tracing::warn!("object store: {error}");
            problem(StatusCode::SERVICE_UNAVAILABLE, "the object store does not answer")
        }
    }
}

fn set(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Whether a list of entity tags names `etag` (RFC 9110 section 13.1.2, weak comparison).
fn matches_tag(headers: &HeaderMap, name: header::HeaderName, etag: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Part(Range<u64>),
    Outside,
}

/// The range a request asks for. Several ranges, another unit or a stale `If-Range` give the whole (RFC 9110 section 14.2).
fn asked_range(headers: &HeaderMap, etag: &str, size: u64) -> Asked {
    let value = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let Some(spec) = value.and_then(|value| value.strip_prefix("bytes=")) else { return Asked::Whole };
    if headers.contains_key(header::IF_RANGE) && headers.get(header::IF_RANGE).is_none_or(|tag| tag != etag) {
        return Asked::Whole;
    }
    let Some((first, last)) = spec.trim().split_once('-').filter(|_| !spec.contains(',')) else {
        return Asked::Whole;
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // A number beyond 64 bits is beyond the end as well.
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first > last => Asked::Whole,
        (Some(first), _) if first >= size => Asked::Outside,
        (Some(first), Some(last)) => Asked::Part(first..last.saturating_add(1).min(size)),
        (Some(first), None) if last.is_empty() => Asked::Part(first..size),
        (None, Some(0)) if first.is_empty() => Asked::Outside,
        (None, Some(_)) if first.is_empty() && size == 0 => Asked::Outside,
        (None, Some(length)) if first.is_empty() => Asked::Part(size.saturating_sub(length)..size),
        _ => Asked::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(range: &str) -> Asked {
        let mut headers = HeaderMap::new();
        set(&mut headers, header::RANGE, range);
        asked_range(&headers, "\"tag\"", 100)
    }

    #[test]
    fn ranges_are_read_as_the_standard_has_them() {
        assert_eq!(ask("bytes=0-9"), Asked::Part(0..10));
        assert_eq!(ask("bytes=90-"), Asked::Part(90..100));
        assert_eq!(ask("bytes=-5"), Asked::Part(95..100));
        assert_eq!(ask("bytes=-500"), Asked::Part(0..100));
        assert_eq!(ask("bytes=50-99999999999999999999999"), Asked::Part(50..100));
        for outside in ["bytes=100-", "bytes=100-200", "bytes=-0"] {
            assert_eq!(ask(outside), Asked::Outside, "{outside}");
        }
        for ignored in
            ["bytes=9-0", "bytes=a-b", "bytes=-", "lines=1-2", "bytes=0-1,5-6", "bytes=+1-2", "bytes"]
        {
            assert_eq!(ask(ignored), Asked::Whole, "{ignored}");
        }
    }

    #[test]
    fn a_stale_if_range_gives_the_whole() {
        let mut headers = HeaderMap::new();
        set(&mut headers, header::RANGE, "bytes=0-9");
        set(&mut headers, header::IF_RANGE, "\"old\"");
        assert_eq!(asked_range(&headers, "\"tag\"", 100), Asked::Whole);
        set(&mut headers, header::IF_RANGE, "\"tag\"");
        assert_eq!(asked_range(&headers, "\"tag\"", 100), Asked::Part(0..10));
    }
}
