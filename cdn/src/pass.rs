//! Requests that go past the cache: other methods, HEAD misses, objects too large, what is for one client alone.

use crate::body::{Body, Patience};
use crate::flight::Handover;
use crate::node::Node;
use crate::upstream::{self, RequestBody};
use cdn_cache::cache_status::{CacheStatus, Forward};
use cdn_cache::flight::Failure;
use cdn_cache::headers::{self, CACHE_STATUS, Forwarding};
use cdn_cache::target::{Key, key_of};
use http::header::{CONTENT_LOCATION, LOCATION};
use http::request::Parts;
use http::{HeaderMap, Method, Response, StatusCode, Uri};
use http_body::Body as _;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::OwnedSemaphorePermit;

impl Node {
    /// Passes a request without a body through, range and preconditions included.
    pub(crate) async fn pass(&self, parts: &Parts, key: &Key, why: Forward) -> Response<Body> {
        let Ok(permit) = Arc::clone(&self.passes).try_acquire_owned() else {
            return self.failed(Failure::Overloaded);
        };
        let fields = headers::to_upstream(&parts.headers, &self.config.node, Forwarding::AsSent);
        match self.upstream.fetch(&parts.method, key.as_str(), fields).await {
            Ok(response) => self.passed(Handover { response, permit }, why),
            Err(failure) => self.failed(failure),
        }
    }

    /// Passes a request of an unsafe method through with its body, and forgets what it made untrue (RFC 9111
    /// section 4.4).
    pub(crate) async fn pass_unsafe(&self, parts: Parts, body: Incoming, key: &Key) -> Response<Body> {
        let body_bytes_max = self.config.limits.request_body_bytes_max;
        if body.size_hint().lower() > body_bytes_max {
            let text = format!("request bodies of more than {body_bytes_max} bytes are not passed");
            return self.refuse(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", &text);
        }
        let Ok(permit) = Arc::clone(&self.passes).try_acquire_owned() else {
            return self.failed(Failure::Overloaded);
        };
        let fields = headers::to_upstream(&parts.headers, &self.config.node, Forwarding::AsSent);
        let limit = usize::try_from(body_bytes_max).unwrap_or(usize::MAX);
        let body: RequestBody =
            if body.is_end_stream() { upstream::empty() } else { Limited::new(body, limit).boxed_unsync() };
        match self.upstream.send(&parts.method, key.as_str(), fields, body).await {
            Ok(response) => {
                let status = response.status();
                if status.is_success() || status.is_redirection() {
                    self.invalidate(key, response.headers());
                }
                self.passed(Handover { response, permit }, Forward::Method)
            }
            Err(failure) => self.failed(failure),
        }
    }

    fn invalidate(&self, key: &Key, response: &HeaderMap) {
        self.store.invalidate(key);
        for name in [LOCATION, CONTENT_LOCATION] {
            let target = response.get(name).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<Uri>().ok());
            // The key has no host, and a URI of another host at worst costs a fetch.
            if let Some(Ok(named)) = target.and_then(|uri| uri.path_and_query().map(|t| key_of(t.as_str()))) {
                self.store.invalidate(&named);
            }
        }
    }

    /// Makes an upstream's answer a client's, unstored.
    pub(crate) fn passed(&self, handover: Handover, why: Forward) -> Response<Body> {
        self.metrics.count("pass");
        let Handover { response, permit } = handover;
        self.outgoing(response, permit, why)
    }

    fn outgoing(
        &self,
        response: Response<Incoming>,
        permit: OwnedSemaphorePermit,
        why: Forward,
    ) -> Response<Body> {
        let (mut parts, incoming) = response.into_parts();
        headers::from_upstream(&mut parts.headers, &self.config.node, SystemTime::now());
        let status = CacheStatus::Forwarded {
            why,
            status: Some(parts.status.as_u16()),
            stored: false,
            collapsed: false,
            detail: None,
        };
        parts.headers.append(CACHE_STATUS, status.value(&self.config.node));
        parts.extensions.clear();
        let patience = Patience {
            upstream: Duration::from_millis(self.config.timeouts.upstream_idle_ms),
            client: Duration::from_millis(self.config.timeouts.client_stall_ms),
        };
        let (received, sent) = (self.metrics.upstream_bytes.clone(), self.metrics.client_bytes.clone());
        let mut outgoing = Response::new(Body::pass(incoming, patience, permit, received, sent));
        *outgoing.status_mut() = parts.status;
        *outgoing.headers_mut() = parts.headers;
        outgoing
    }
}

/// Whether a method that is neither GET, HEAD nor OPTIONS is passed through.
pub(crate) fn is_passed(method: &Method, pass_methods: &[String]) -> bool {
    pass_methods.iter().any(|passed| passed.as_str() == method.as_str())
}
