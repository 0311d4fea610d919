//! The store for nodes elsewhere (`control_plane_agent::store::wire`), and the intake of [`facts`], behind mutual TLS.
//!
//! Any node of the fleet may read. What a node says about itself (its record, its presence in rooms) only it may write,
//! and classes only control planes: so a faulty node harms what is its own. Two things are not held to that yet: a lease is whoever's
//! knows its number, and records of rooms and recordings are any node's to write.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Json, Router};
use bytes::Bytes;
use control_plane_agent::identity::{Identity, peer_name};
use control_plane_agent::store::wire::{self, HEARTBEAT, Request, WatchLine, WatchRequest};
use control_plane_agent::store::{Batch, Error, Revision, Store, Watch};
use control_plane_api::fact::FACTS_PATH;
use control_plane_api::key;
use control_plane_classes::Database;
use futures_util::StreamExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::facts;
use crate::metrics::{Metrics, Outcome};

/// Connections at once: each node holds one. Beyond that new ones wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 4096;
/// A handshake takes three round trips at most.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// After a failed accept (no file descriptors left) the next try waits.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Streams of one connection: a node holds some six watches.
const STREAMS_MAX: u32 = 64;

pub(crate) struct NodeListener {
    pub(crate) listener: TcpListener,
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) database: Database,
    pub(crate) metrics: Metrics,
}

#[derive(Clone)]
pub(crate) struct Shop {
    store: Arc<dyn Store>,
    pub(crate) database: Database,
    pub(crate) metrics: Metrics,
    shutdown: CancellationToken,
}

/// Node id of the connection's certificate.
#[derive(Clone)]
pub(crate) struct Peer(pub(crate) Arc<str>);

pub(crate) fn acceptor(identity: &Identity) -> anyhow::Result<TlsAcceptor> {
    let config = identity.server_config(&[b"h2"]).context("TLS of the node listener")?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

impl NodeListener {
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let Self { store, database, metrics, .. } = self;
        let shop = Shop { store, database, metrics, shutdown: shutdown.clone() };
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let Ok(place) = places.clone().acquire_owned().await else { return };
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = shutdown.cancelled() => return,
            };
            let socket = match accepted {
                Ok((socket, _)) => socket,
                Err(error) => {
                    tracing::warn!(%error, "node listener: accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (shop, acceptor) = (shop.clone(), self.acceptor.clone());
            tokio::spawn(async move {
                let shutdown = shop.shutdown.clone();
                tokio::select! {
                    () = connection(shop, acceptor, socket) => {}
                    () = shutdown.cancelled() => {}
                }
                drop(place);
            });
        }
    }
}

async fn connection(shop: Shop, acceptor: TlsAcceptor, socket: TcpStream) {
    let address = socket.peer_addr();
    socket.set_nodelay(true).ok();
    let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(socket)).await;
    let shaken =
        handshake.map_err(anyhow::Error::from).and_then(|result| result.map_err(anyhow::Error::from));
    let named = shaken.and_then(|stream| {
        let name = peer_name(stream.get_ref().1.peer_certificates().unwrap_or_default())?;
        Ok((stream, name))
    });
    let (stream, name) = match named {
        Ok(named) => named,
        Err(error) => {
            shop.metrics.node_handshakes_failed.inc();
            tracing::info!(?address, %error, "node listener: refused");
            return;
        }
    };
    tracing::debug!(node = name, "node connected");
    let metrics = shop.metrics.clone();
    metrics.node_connections.inc();
    let service = TowerToHyperService::new(router(shop).layer(Extension(Peer(name.into()))));
    let mut builder = auto::Builder::new(TokioExecutor::new()).http2_only();
    builder.http2().max_concurrent_streams(STREAMS_MAX);
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "node listener: connection ended");
    }
    metrics.node_connections.dec();
}

fn router(shop: Shop) -> Router {
    Router::new()
        .route(wire::PATH, post(request))
        .route(wire::WATCH_PATH, post(watch))
        .layer(DefaultBodyLimit::max(wire::REQUEST_BYTES_MAX))
        .route(FACTS_PATH, post(facts::intake).layer(DefaultBodyLimit::max(facts::BATCH_BYTES_MAX)))
        .with_state(shop)
}

async fn request(State(shop): State<Shop>, Extension(Peer(peer)): Extension<Peer>, body: Bytes) -> Response {
    let answered = match parse::<Request>(&body).and_then(|request| allow(&peer, &request).map(|()| request))
    {
        Ok(request) => wire::answer(&*shop.store, request).await,
        Err(error) => Err(error),
    };
    let outcome = Outcome::of(answered.as_ref().map_or_else(outcome, |_| "ok"));
    shop.metrics.store_requests.get_or_create(&outcome).inc();
    match answered {
        Ok(response) => Json(response).into_response(),
        Err(error) => refuse(&peer, &error),
    }
}

async fn watch(State(shop): State<Shop>, Extension(Peer(peer)): Extension<Peer>, body: Bytes) -> Response {
    let opened = match parse::<WatchRequest>(&body) {
        Ok(WatchRequest { prefix, from }) => {
            shop.store.watch(&prefix, from).await.map(|watch| Follow::new(watch, from, &shop.metrics))
        }
        Err(error) => Err(error),
    };
    match opened {
        Ok(follow) => {
            let lines = futures_util::stream::unfold(follow, Follow::next);
            axum::body::Body::from_stream(lines).into_response()
        }
        Err(error) => refuse(&peer, &error),
    }
}

/// A watch on its way to a node.
struct Follow {
    watch: Watch,
    /// Everything up to here was sent.
    revision: Revision,
    /// The first line goes out at once: the node then knows that the watch stands.
    greeted: bool,
    ended: bool,
    metrics: Metrics,
}

impl Follow {
    fn new(watch: Watch, from: Revision, metrics: &Metrics) -> Self {
        metrics.store_watches.inc();
        Self {
            watch,
            revision: from.saturating_sub(1),
            greeted: false,
            ended: false,
            metrics: metrics.clone(),
        }
    }

    async fn next(mut self) -> Option<(Result<Bytes, std::convert::Infallible>, Self)> {
        if self.ended {
            return None;
        }
        let patience = if std::mem::replace(&mut self.greeted, true) { HEARTBEAT } else { Duration::ZERO };
        let line = match tokio::time::timeout(patience, self.watch.next()).await {
            Ok(Some(Ok(batch))) => {
                self.revision = batch.revision;
                WatchLine::Batch(batch)
            }
            Ok(Some(Err(error))) => {
                self.ended = true;
                WatchLine::Error(error)
            }
            Ok(None) => return None,
            Err(_) => WatchLine::Batch(Batch { revision: self.revision, events: Vec::new() }),
        };
        let mut bytes = serde_json::to_vec(&line).expect("plain data");
        bytes.push(b'\n');
        Some((Ok(Bytes::from(bytes)), self))
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.metrics.store_watches.dec();
    }
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body)
        .map_err(|error| Error::refused(format_args!("not the request expected: {error}")))
}

/// Whether `peer` may do this.
fn allow(peer: &str, request: &Request) -> Result<(), Error> {
    let key = match request {
        Request::Put { key, .. } | Request::CompareAndPut { key, .. } | Request::Delete { key } => key,
        Request::Grant { .. } | Request::KeepAlive { .. } | Request::Revoke { .. } => return Ok(()),
        Request::Get { .. } | Request::List { .. } => return Ok(()),
    };
    let own = if let Some(node) = key.strip_prefix(key::NODES) {
        node == peer
    } else if let Some(presence) = key.strip_prefix(key::PRESENCE) {
        presence.rsplit_once('/').is_some_and(|(_, node)| node == peer)
    } else {
        key.starts_with(key::ROOMS) || key.starts_with(key::RECORDINGS)
    };
    if !own {
        return Err(Error::refused(format_args!("{key} is not {peer}'s to write")));
    }
    match request {
        Request::Put { value, .. } | Request::CompareAndPut { value, .. } => check_name_in(peer, key, value),
        _ => Ok(()),
    }
}

/// A node's record and its presence name the node that writes them: readers go by the name inside.
fn check_name_in(peer: &str, key: &str, value: &[u8]) -> Result<(), Error> {
    let field = if key.starts_with(key::NODES) {
        "id"
    } else if key.starts_with(key::PRESENCE) {
        "node"
    } else {
        return Ok(());
    };
    let record: serde_json::Value = serde_json::from_slice(value).unwrap_or_default();
    match record.get(field).and_then(serde_json::Value::as_str) {
        Some(named) if named != peer => {
            Err(Error::refused(format_args!("the record at {key} names {named:?} instead of {peer}")))
        }
        _ => Ok(()),
    }
}

fn outcome(error: &Error) -> &'static str {
    match error {
        Error::LeaseNotFound { .. } => "lease_not_found",
        Error::Compacted { .. } => "compacted",
        Error::Unavailable { .. } => "unavailable",
        Error::Refused { .. } => "refused",
    }
}

fn refuse(peer: &str, error: &Error) -> Response {
    if let Error::Refused { reason } = error {
        tracing::warn!(node = peer, reason, "refused a node's request to the store");
    }
    (wire::status(error), Json(error)).into_response()
}
