//! Answers the node makes itself, all of them errors. They carry no `Cache-Status` (RFC 9211 section 2).

use crate::body::Body;
use crate::node::Node;
use cdn_cache::flight::Failure;
use cdn_cache::target::TargetError;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

impl Node {
    /// An error answer, counted under `reason`.
    pub(crate) fn refuse(&self, status: StatusCode, reason: &'static str, text: &str) -> Response<Body> {
        self.metrics.count("error");
        self.metrics.error(reason);
        let mut response = Response::new(Body::text(format!("{text}\n"), self.metrics.client_bytes.clone()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    pub(crate) fn refuse_target(&self, error: TargetError) -> Response<Body> {
        let status =
            if error == TargetError::TooLong { StatusCode::URI_TOO_LONG } else { StatusCode::BAD_REQUEST };
        self.refuse(status, error.reason(), &error.to_string())
    }

    pub(crate) fn refuse_method(&self) -> Response<Body> {
        let text = "this node takes GET, HEAD and OPTIONS";
        let mut response = self.refuse(StatusCode::METHOD_NOT_ALLOWED, "method", text);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
        response
    }

    pub(crate) fn failed(&self, failure: Failure) -> Response<Body> {
        let status = match failure {
            Failure::Unreachable | Failure::BadResponse | Failure::Truncated => StatusCode::BAD_GATEWAY,
            Failure::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Failure::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Failure::Status(status) => StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY),
        };
        self.refuse(status, failure.reason(), &failure.to_string())
    }
}
