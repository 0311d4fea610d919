//! Requests to the parent node or origin.

use crate::config::Config;
use crate::metrics::Metrics;
use crate::tls;
use anyhow::{Context, ensure};
use bytes::Bytes;
use cdn_cache::flight::Failure;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Body of a request to an upstream.
pub(crate) type RequestBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// An upstream that took no connection is asked last for this long, and not at all by who has a stale answer.
const REST_AFTER_FAILURE: Duration = Duration::from_secs(2);
/// Idle connections kept per upstream: as many as fetches may run at once by default.
const IDLE_CONNECTIONS_MAX: usize = 64;
/// Idle connections are closed before a common server keep-alive of 60 s or more closes them under a request.
const IDLE_CONNECTION_AGE_MAX: Duration = Duration::from_secs(45);
/// Response header bytes taken from an upstream.
const RESPONSE_HEADER_BYTES_MAX: usize = 64 << 10;

#[derive(Debug)]
pub(crate) struct Upstream {
    client: Client<HttpsConnector<HttpConnector>, RequestBody>,
    bases: Vec<Base>,
    head_timeout: Duration,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Base {
    scheme: Scheme,
    authority: Authority,
    /// Without its trailing slash.
    prefix: String,
    resting_until: Mutex<Option<Instant>>,
}

impl Upstream {
    pub(crate) fn new(config: &Config, metrics: Arc<Metrics>) -> anyhow::Result<Self> {
        let bases =
            config.upstreams.iter().map(|url| Base::parse(url)).collect::<anyhow::Result<Vec<_>>>()?;
        let https = bases.iter().any(|base| base.scheme == Scheme::HTTPS);
        ensure!(
            !https || config.upstream_ca.is_some(),
            "cdn: an https upstream needs upstream_ca, the authorities its certificate is checked against"
        );
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(Duration::from_millis(config.timeouts.connect_ms)));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::client(config.upstream_ca.as_deref())?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION_AGE_MAX)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .http1_max_buf_size(RESPONSE_HEADER_BYTES_MAX)
            .build(connector);
        let head_timeout = Duration::from_millis(config.timeouts.upstream_head_ms);
        Ok(Self { client, bases, head_timeout, metrics })
    }

    /// Whether none took a connection a moment ago. Who has something stale to serve need not try again yet.
    pub(crate) fn rests(&self) -> bool {
        let now = Instant::now();
        self.bases.iter().all(|base| base.rests(now))
    }

    /// Sends a request without a body to the first upstream that answers. `target` is path and query.
    pub(crate) async fn fetch(
        &self,
        method: &Method,
        target: &str,
        headers: HeaderMap,
    ) -> Result<Response<Incoming>, Failure> {
        let now = Instant::now();
        let (later, first): (Vec<_>, Vec<_>) = self.bases.iter().partition(|base| base.rests(now));
        let mut failure = Failure::Unreachable;
        for base in first.into_iter().chain(later) {
            match self.ask(base, method, target, headers.clone(), empty()).await {
                Err(unreachable) if unreachable.is_unreachable() => failure = unreachable,
                answered => return answered,
            }
        }
        Err(failure)
    }

    /// Sends a request with a body to the first upstream; it is not sent twice.
    pub(crate) async fn send(
        &self,
        method: &Method,
        target: &str,
        headers: HeaderMap,
        body: RequestBody,
    ) -> Result<Response<Incoming>, Failure> {
        let base = self.bases.first().ok_or(Failure::Unreachable)?;
        self.ask(base, method, target, headers, body).await
    }

    async fn ask(
        &self,
        base: &Base,
        method: &Method,
        target: &str,
        headers: HeaderMap,
        body: RequestBody,
    ) -> Result<Response<Incoming>, Failure> {
        let mut request = Request::new(body);
        *request.method_mut() = method.clone();
        *request.uri_mut() = base.uri(target).ok_or(Failure::BadResponse)?;
        *request.headers_mut() = headers;
        self.metrics.upstream_fetches.inc();
        match tokio::time::timeout(self.head_timeout, self.client.request(request)).await {
            Ok(Ok(response)) => {
                *base.resting_until.lock() = None;
                Ok(response)
            }
            Ok(Err(error)) => {
                // One answer that did not come says little of the next; a port that takes no connection does.
                if error.is_connect() {
                    *base.resting_until.lock() = Some(Instant::now() + REST_AFTER_FAILURE);
                }
                let error = &error as &(dyn std::error::Error + 'static);
                tracing::debug!(upstream = %base.authority, error = %chain(error), "no answer from upstream");
                Err(if is_parse(error) { Failure::BadResponse } else { Failure::Unreachable })
            }
            Err(_) => Err(Failure::Timeout),
        }
    }
}

impl Base {
    fn parse(url: &str) -> anyhow::Result<Self> {
        let uri: Uri = url.parse().with_context(|| format!("cdn: upstream {url:?} is no URL"))?;
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            anyhow::bail!("cdn: upstream {url:?} must be http://host:port or https://host:port");
        };
        ensure!(
            scheme == Scheme::HTTP || scheme == Scheme::HTTPS,
            "cdn: upstream {url:?} must be http or https"
        );
        let path = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        ensure!(path.query().is_none(), "cdn: upstream {url:?} must have no query");
        let prefix = path.path().trim_end_matches('/').to_owned();
        Ok(Self { scheme, authority, prefix, resting_until: Mutex::new(None) })
    }

    fn rests(&self, now: Instant) -> bool {
        self.resting_until.lock().is_some_and(|until| now < until)
    }

    fn uri(&self, target: &str) -> Option<Uri> {
        let builder = Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone());
        if self.prefix.is_empty() {
            return builder.path_and_query(target).build().ok();
        }
        builder.path_and_query(format!("{}{target}", self.prefix)).build().ok()
    }
}

/// The body of a request that has none.
pub(crate) fn empty() -> RequestBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

fn is_parse(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut error = Some(error);
    while let Some(at) = error {
        if at.downcast_ref::<hyper::Error>().is_some_and(|e| e.is_parse() || e.is_parse_too_large()) {
            return true;
        }
        error = at.source();
    }
    false
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(at) = source {
        text.push_str(": ");
        text.push_str(&at.to_string());
        source = at.source();
    }
    text
}
