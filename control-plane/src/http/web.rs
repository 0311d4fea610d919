//! The web app, embedded by the build script.
//!
//! Files under `/assets/` have their hash in the name and never change; everything else is asked about each time
//! (`ETag`). A path that is no file is a page of the app: it gets `index.html`, and the app's router does the rest.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};

use super::answer::Refusal;

/// One file of the app.
struct Asset {
    /// Without the leading `/`.
    path: &'static str,
    content_type: &'static str,
    /// Quoted, as the header wants it.
    etag: &'static str,
    bytes: &'static [u8],
}

// `ASSETS: &[Asset]`, sorted by path.
include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Scripts and styles only from here. Connections, media and pictures also from edges and cdn nodes, whose names the
/// control plane hands out; `blob:` is how a player feeds a video element and starts its worker.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; \
    connect-src 'self' http: https: ws: wss:; media-src 'self' blob: http: https:; img-src 'self' data: blob: http: https:; \
    worker-src 'self' blob:; font-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";
const PERMISSIONS_POLICY: &str =
    "camera=(self), microphone=(self), display-capture=(self), geolocation=(self), fullscreen=(self)";

pub(crate) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    std::future::ready(answer(&method, uri.path(), &headers)).await
}

fn answer(method: &Method, path: &str, headers: &HeaderMap) -> Response {
    if method != Method::GET && method != Method::HEAD {
        let message = "The web app is read with GET. The API is under /v1.";
        return Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message).into_response();
    }
    let path = path.trim_start_matches('/');
    let is_file =
        path.starts_with("assets/") || path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    let asset = match find(path) {
        Some(asset) => asset,
        None if is_file => {
            return Refusal::new(StatusCode::NOT_FOUND, "not_found", "The web app has no such file.")
                .into_response();
        }
        None => match find("index.html") {
            Some(index) => index,
            None => {
                return Refusal::new(StatusCode::NOT_FOUND, "not_found", "No web app in this build.")
                    .into_response();
            }
        },
    };
    let mut response = if is_known(headers, asset.etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(Bytes::from_static(asset.bytes)).into_response()
    };
    let immutable = asset.path.starts_with("assets/");
    let cache = if immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    let fields = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, cache),
        (header::ETAG, asset.etag),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::HeaderName::from_static("permissions-policy"), PERMISSIONS_POLICY),
    ];
    for (name, value) in fields {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.binary_search_by(|asset| asset.path.cmp(path)).ok().map(|index| &ASSETS[index])
}

/// Whether the asker has this very file. A compressing proxy weakens the tag (`W/`), which is fine here.
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|value| value.split(',')).any(|tag| tag.trim().trim_start_matches("W/") == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str, headers: &HeaderMap) -> Response {
        answer(&Method::GET, path, headers)
    }

    #[test]
    fn a_page_is_the_app_a_missing_file_is_missing() {
        let none = HeaderMap::new();
        for path in ["/", "/index.html", "/class/class-abc234", "/ops"] {
            let response = get(path, &none);
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(response.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8", "{path}");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache", "{path}");
            let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().expect("text");
            assert!(policy.contains("script-src 'self';"), "{policy}");
        }
        for path in ["/assets/gone-123.js", "/favicon.ico2", "/../../etc/passwd.txt"] {
            assert_eq!(get(path, &none).status(), StatusCode::NOT_FOUND, "{path}");
        }
        assert_eq!(answer(&Method::POST, "/", &none).status(), StatusCode::METHOD_NOT_ALLOWED);
    }

    #[test]
    fn who_has_the_file_is_not_sent_it_again() {
        let etag = get("/", &HeaderMap::new()).headers()[header::ETAG].clone();
        let mut headers = HeaderMap::new();
        let weak = format!("\"other\", W/{}", etag.to_str().expect("text"));
        headers.insert(header::IF_NONE_MATCH, weak.parse().expect("a header"));
        let response = get("/", &headers);
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(response.headers()[header::ETAG], etag);
    }
}
