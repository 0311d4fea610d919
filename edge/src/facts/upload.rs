//! Facts on their way to the control plane: `POST /v1/facts` on the node listener of any that the view knows. What it
//! answers with success is durably stored there; everything else is sent again.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use control_plane_agent::identity::{CONTROL_PLANE_NAME, Identity};
use control_plane_agent::view::View;
use control_plane_api::fact::{Batch, FACTS_PATH, FACTS_PER_BATCH_MAX, Fact};
use control_plane_api::node::Role;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::ServerName;
use tokio_util::sync::CancellationToken;

use super::cursor::Cursor;
use super::{CONTROL_PLANE, Delivery, Position, Shared, record};
use crate::metrics::Metrics;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// First wait after a failure; it doubles up to [`RETRY_LONGEST`].
const RETRY_FIRST: Duration = Duration::from_millis(200);
/// Attendance is looked at seconds after it happens, so a control plane that is back is found soon.
const RETRY_LONGEST: Duration = Duration::from_secs(5);
/// Of an answer that is no success; more is not read.
const ANSWER_BYTES_MAX: usize = 4_096;

/// The sender to the control plane.
pub(crate) struct Uploader {
    node: String,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    view: View,
    shared: Arc<Shared>,
    cursor: Cursor,
    durable: tokio::sync::watch::Receiver<Position>,
    taken: tokio::sync::watch::Sender<Position>,
    metrics: Metrics,
    /// Which control plane is asked: the next one after a failure.
    turn: usize,
}

impl Uploader {
    /// # Errors
    /// The identity is unusable.
    pub(crate) fn new(delivery: &Delivery, identity: &Identity, view: View) -> anyhow::Result<Self> {
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
        let client =
            Client::builder(TokioExecutor::new()).timer(TokioTimer::new()).http2_only(true).build(connector);
        Ok(Self {
            node: identity.name().to_owned(),
            client,
            view,
            shared: Arc::clone(&delivery.shared),
            cursor: Cursor::open(&delivery.directory, CONTROL_PLANE),
            durable: delivery.durable.clone(),
            taken: delivery.taken.clone(),
            metrics: delivery.metrics.clone(),
            turn: rand::random_range(0..1_024),
        })
    }

    /// Sends until `shutdown`.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        tokio::select! {
            () = self.send_all() => {}
            () = shutdown.cancelled() => {}
        }
    }

    async fn send_all(&mut self) {
        let mut pause = RETRY_FIRST;
        let mut position = *self.taken.borrow();
        loop {
            let (last, facts) = match self.next_batch(position).await {
                Ok(batch) => batch,
                Err(error) => {
                    tracing::error!(%error, "the spool of facts cannot be read");
                    tokio::time::sleep(RETRY_LONGEST).await;
                    continue;
                }
            };
            if last == position {
                if self.durable.changed().await.is_err() && self.shared.waiting(CONTROL_PLANE) == 0 {
                    return;
                }
                continue;
            }
            // Records that are no facts are passed over.
            let sent = if facts.is_empty() { Ok(0) } else { self.send(facts).await };
            match sent {
                Ok(count) => {
                    self.metrics.facts_sent.inc_by(count);
                    position = last;
                    self.took(position);
                    if pause != RETRY_FIRST {
                        tracing::info!("the control plane takes facts again");
                        pause = RETRY_FIRST;
                    }
                }
                Err(error) => {
                    self.metrics.facts_retries.inc();
                    if pause == RETRY_FIRST {
                        tracing::warn!(%error, "no control plane takes facts of attendance; they are kept and sent again");
                    } else {
                        tracing::debug!(%error, "facts are still not taken");
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(RETRY_LONGEST);
                }
            }
        }
    }

    /// The facts after `position`, and where they end; `position` itself when there are none.
    async fn next_batch(&self, position: Position) -> std::io::Result<(Position, Vec<Fact>)> {
        let shared = Arc::clone(&self.shared);
        let read = tokio::task::spawn_blocking(move || shared.read(position, FACTS_PER_BATCH_MAX)).await;
        let records = read.map_err(std::io::Error::other)??;
        let last = records.last().map_or(position, |(at, _)| *at);
        let facts = records.iter().filter_map(|(at, r)| record::fact(r, &self.node, at.epoch)).collect();
        Ok((last, facts))
    }

    /// Notes what was taken, on the disk too: a few bytes that no sync waits for.
    fn took(&mut self, position: Position) {
        self.cursor.write(position);
        self.shared.take(CONTROL_PLANE, position);
        self.taken.send_replace(position);
    }

    async fn send(&mut self, facts: Vec<Fact>) -> anyhow::Result<u64> {
        let count = facts.len() as u64;
        let server = self.server()?;
        let body = serde_json::to_vec(&Batch { facts }).context("facts as JSON")?;
        let sent = tokio::time::timeout(REQUEST_TIMEOUT, self.post(&server, body.into())).await;
        let sent = sent.unwrap_or_else(|_| Err(anyhow::anyhow!("no answer in time")));
        if sent.is_err() {
            self.turn = self.turn.wrapping_add(1);
        }
        sent.with_context(|| format!("control plane {server}"))?;
        Ok(count)
    }

    async fn post(&self, server: &str, body: Bytes) -> anyhow::Result<()> {
        let request = http::Request::post(format!("https://{server}{FACTS_PATH}"))
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Full::from(body))?;
        let response = self.client.request(request).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let answer = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let answer = answer.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        anyhow::bail!("answered {status}: {}", String::from_utf8_lossy(&answer))
    }

    /// One of the control planes that say where nodes reach them.
    fn server(&self) -> anyhow::Result<String> {
        let nodes = self.view.nodes_of(Role::ControlPlane);
        let servers: Vec<String> = nodes.into_iter().filter_map(|node| node.nodes).collect();
        anyhow::ensure!(
            !servers.is_empty(),
            "no control plane says where nodes reach it (`nodes` in its settings)"
        );
        Ok(servers[self.turn % servers.len()].clone())
    }
}
