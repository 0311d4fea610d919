//! The store of a control plane, over its node listener (see [`super::wire`]).
//!
//! A request goes to one of the given control planes; when that one cannot be reached the next request goes to the
//! next. Requests are not repeated here: whoever asked knows whether that is right, and waits as it sees fit
//! ([`crate::mirror`] and [`crate::registration`] do).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::pki_types::ServerName;
use serde::Serialize;

use super::wire::{HEARTBEAT, PATH, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX, Request, Response, WATCH_PATH};
use super::wire::{WatchLine, WatchRequest};
use super::{Batch, Compared, Entry, Error, LeaseId, Listing, Revision, Store, Watch};
use crate::identity::{CONTROL_PLANE_NAME, Identity};

/// A request that takes longer has failed: below a lease's time, so that a keep-alive can be tried again.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Silence after which a watch is taken for dead.
const SILENCE_MAX: Duration = Duration::from_secs(3 * HEARTBEAT.as_secs());

/// Client of a store elsewhere.
#[derive(Debug)]
pub struct Remote {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    servers: Vec<http::uri::Authority>,
    current: AtomicUsize,
}

impl Remote {
    /// `servers` are `host:port` of the node listeners of control planes that share one store.
    ///
    /// # Errors
    /// There is no server, one is no `host:port`, or the identity is unusable. Nothing is connected yet.
    pub fn new(servers: &[String], identity: &Identity) -> anyhow::Result<Self> {
        anyhow::ensure!(!servers.is_empty(), "no control plane given: name at least one as host:port");
        let servers = servers
            .iter()
            .map(|server| server.parse().with_context(|| format!("control plane {server:?} is no host:port")))
            .collect::<anyhow::Result<_>>()?;
        let name = ServerName::try_from(CONTROL_PLANE_NAME).context("control plane's TLS name")?;
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(identity.client_config(&[])?)
            .https_only()
            .with_server_name_resolver(FixedServerNameResolver::new(name))
            .enable_http2()
            .wrap_connector(connector);
        let client = Client::builder(hyper_util::rt::TokioExecutor::new())
            .timer(hyper_util::rt::TokioTimer::new())
            .http2_only(true)
            .http2_keep_alive_interval(Some(HEARTBEAT))
            .http2_keep_alive_timeout(REQUEST_TIMEOUT)
            .build(connector);
        Ok(Self { client, servers, current: AtomicUsize::new(0) })
    }

    async fn ask(&self, request: Request) -> Result<Response, Error> {
        let answered = async {
            let response = self.post(PATH, &request).await?;
            let body = Limited::new(response.into_body(), RESPONSE_BYTES_MAX).collect().await;
            let body = body.map_err(Error::unavailable)?.to_bytes();
            serde_json::from_slice(&body).map_err(Error::unavailable)
        };
        let timeout = tokio::time::timeout(REQUEST_TIMEOUT, answered);
        self.judge(timeout.await.unwrap_or_else(|_| Err(Error::unavailable("no answer in time"))))
    }

    async fn post(&self, path: &str, body: &impl Serialize) -> Result<http::Response<Incoming>, Error> {
        let server = &self.servers[self.current.load(Ordering::Relaxed) % self.servers.len()];
        let request = http::Request::post(format!("https://{server}{path}"))
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Full::from(serde_json::to_vec(body).map_err(Error::refused)?))
            .map_err(Error::refused)?;
        let failed = |error: &dyn std::error::Error| {
            let cause = error.source().map_or_else(String::new, |cause| format!(": {cause}"));
            Error::unavailable(format_args!("{server}: {error}{cause}"))
        };
        let response = self.client.request(request).await.map_err(|error| failed(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let body = Limited::new(response.into_body(), REQUEST_BYTES_MAX).collect().await;
        let body = body.map_err(Error::unavailable)?.to_bytes();
        Err(serde_json::from_slice(&body)
            .unwrap_or_else(|_| Error::unavailable(format_args!("{server} answered {status}"))))
    }

    /// After a failure the next request goes to the next server.
    fn judge<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(Error::Unavailable { .. }) = result {
            self.current.fetch_add(1, Ordering::Relaxed);
        }
        result
    }
}

fn unexpected<T>(response: &Response) -> Result<T, Error> {
    Err(Error::unavailable(format_args!("an answer to another question: {response:?}")))
}

impl Store for Remote {
    fn grant(&self, ttl: Duration) -> BoxFuture<'_, Result<LeaseId, Error>> {
        async move {
            super::check_ttl(ttl)?;
            let ttl_ms = u64::try_from(ttl.as_millis()).map_err(Error::refused)?;
            match self.ask(Request::Grant { ttl_ms }).await? {
                Response::Granted { lease } => Ok(lease),
                other => unexpected(&other),
            }
        }
        .boxed()
    }

    fn keep_alive(&self, lease: LeaseId) -> BoxFuture<'_, Result<Duration, Error>> {
        async move {
            match self.ask(Request::KeepAlive { lease }).await? {
                Response::KeptAlive { ttl_ms } => Ok(Duration::from_millis(ttl_ms)),
                other => unexpected(&other),
            }
        }
        .boxed()
    }

    fn revoke(&self, lease: LeaseId) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            match self.ask(Request::Revoke { lease }).await? {
                Response::Revoked => Ok(()),
                other => unexpected(&other),
            }
        }
        .boxed()
    }

    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, Error>> {
        async move {
            match self.ask(Request::Get { key: key.to_owned() }).await? {
                Response::Got { entry } => Ok(entry),
                other => unexpected(&other),
            }
        }
        .boxed()
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Listing, Error>> {
        async move {
            match self.ask(Request::List { prefix: prefix.to_owned() }).await? {
                Response::Listed(listing) => Ok(listing),
                other => unexpected(&other),
            }
        }
        .boxed()
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        lease: Option<LeaseId>,
    ) -> BoxFuture<'a, Result<Revision, Error>> {
        async move {
            super::check_write(key, &value)?;
            match self.ask(Request::Put { key: key.to_owned(), value, lease }).await? {
                Response::Put { revision } => Ok(revision),
                other => unexpected(&other),
            }
        }
        .boxed()
    }

    fn compare_and_put<'a>(
        &'a self,
        key: &'a str,
        expected: Revision,
        value: Bytes,
        lease: Option<LeaseId>,
    ) -> BoxFuture<'a, Result<Compared, Error>> {
        async move {
            super::check_write(key, &value)?;
            match self.ask(Request::CompareAndPut { key: key.to_owned(), expected, value, lease }).await? {
                Response::Compared(compared) => Ok(compared),
                other => unexpected(&other),
            }
        }
        .boxed()
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool, Error>> {
        async move {
            match self.ask(Request::Delete { key: key.to_owned() }).await? {
                Response::Deleted { existed } => Ok(existed),
                other => unexpected(&other),
            }
        }
        .boxed()
    }

    fn watch<'a>(&'a self, prefix: &'a str, from: Revision) -> BoxFuture<'a, Result<Watch, Error>> {
        async move {
            let request = WatchRequest { prefix: prefix.to_owned(), from };
            let opened = tokio::time::timeout(REQUEST_TIMEOUT, self.post(WATCH_PATH, &request)).await;
            let response =
                self.judge(opened.unwrap_or_else(|_| Err(Error::unavailable("no answer in time"))))?;
            let lines = Lines { body: Some(response.into_body()), buffer: BytesMut::new(), searched: 0 };
            let watch: Watch = Box::pin(futures_util::stream::unfold(lines, Lines::next));
            Ok(watch)
        }
        .boxed()
    }
}

/// The lines of a watch's answer.
struct Lines {
    /// `None` after the end.
    body: Option<Incoming>,
    buffer: BytesMut,
    /// So much of the buffer has no line end in it.
    searched: usize,
}

impl Lines {
    async fn next(mut self) -> Option<(Result<Batch, Error>, Self)> {
        self.body.as_ref()?;
        let result = self.line().await;
        if result.is_err() {
            self.body = None;
        }
        Some((result, self))
    }

    async fn line(&mut self) -> Result<Batch, Error> {
        loop {
            if let Some(end) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(self.searched + end + 1);
                self.searched = 0;
                return match serde_json::from_slice(&line).map_err(Error::unavailable)? {
                    WatchLine::Batch(batch) => Ok(batch),
                    WatchLine::Error(error) => Err(error),
                };
            }
            self.searched = self.buffer.len();
            if self.buffer.len() > RESPONSE_BYTES_MAX {
                return Err(Error::unavailable("a line of the watch is too long"));
            }
            let Some(body) = &mut self.body else { return Err(Error::unavailable("the watch has ended")) };
            let frame = tokio::time::timeout(SILENCE_MAX, body.frame()).await;
            let frame = frame.map_err(|_| Error::unavailable("the watch fell silent"))?;
            let frame = frame.ok_or_else(|| Error::unavailable("the control plane ended the watch"))?;
            if let Ok(data) = frame.map_err(Error::unavailable)?.into_data() {
                self.buffer.extend_from_slice(&data);
            }
        }
    }
}
