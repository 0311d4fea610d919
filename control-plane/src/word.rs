//! Words into rooms, and an instructor's calls to edges: Twirp requests to an edge that holds the room.
//!
//! A word is a small JSON object that says what changed in a class; it goes as a reliable data packet to everybody in the
//! room. Each room has a queue and a task of its own, so that words arrive in order and a slow edge holds up only its room.
//! Words may be lost (a queue is full, an edge is away or has lost a link, this process ends): each has the class's version, a
//! page that sees a gap asks for everything, and `classroom::again` says the version once more when a room has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use control_plane_agent::view::View;
use control_plane_api::token::{self, ApiKey, Claims, Grant};
use http::{StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The data packets' topic.
const TOPIC: &str = "seodang.class";
/// A longer word goes as "changed", and pages ask: it must fit a data packet, and 1,000 students must get it.
const WORD_BYTES_MAX: usize = 12 * 1024;
/// Words waiting for one room's edge. Further ones are let go: a page sees the gap.
const QUEUED_MAX: usize = 128;
/// A room's task without words ends after this long.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// An edge that hangs must not hold up a room.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// Edges of the room that are tried.
const EDGES_MAX: usize = 3;
/// An answer of an edge: the participants of a large room.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
const TOKEN_TTL_S: u64 = 60;

/// What changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Word {
    body: Map<String, Value>,
    /// Identities; empty: everybody.
    to: Vec<String>,
}

impl Word {
    pub(crate) fn new(kind: &str) -> Self {
        Self { body: Map::from_iter([("kind".to_owned(), json!(kind))]), to: Vec::new() }
    }

    /// With the class's version after it.
    pub(crate) fn at(self, v: u64) -> Self {
        self.with("v", json!(v))
    }

    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        self.body.insert(name.to_owned(), value);
        self
    }

    pub(crate) fn only_to(self, to: Vec<String>) -> Self {
        Self { to, ..self }
    }

    fn payload(&self) -> Vec<u8> {
        let text = serde_json::to_vec(&self.body).expect("plain data");
        match self.body.get("v") {
            Some(v) if text.len() > WORD_BYTES_MAX => {
                json!({"v": v, "kind": "changed"}).to_string().into_bytes()
            }
            _ => text,
        }
    }
}

/// Why an edge did not do as asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("nobody is in the room")]
    NotLive,
    #[error("no such participant or track in the room")]
    NotFound,
    #[error("the edge does not answer: {0}")]
    Away(String),
}

#[derive(Debug)]
pub(crate) struct Rooms {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    view: View,
    key: ApiKey,
    region: String,
    queues: Mutex<BTreeMap<String, mpsc::Sender<Word>>>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl Rooms {
    /// # Errors
    /// TLS cannot be set up.
    pub(crate) fn new(
        view: View,
        key: ApiKey,
        region: &str,
        tasks: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            client: client()?,
            view,
            key,
            region: region.to_owned(),
            queues: Mutex::default(),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        })
    }

    /// Whether anybody is in the class's room.
    pub(crate) fn is_live(&self, class: &str) -> bool {
        !self.view.presence_of(class).is_empty()
    }

    /// Who is in the room, on all edges.
    pub(crate) fn identities(&self, class: &str) -> BTreeSet<String> {
        self.view.presence_of(class).into_iter().flat_map(|presence| presence.identities).collect()
    }

    /// Sends somebody out of every room, some time soon: an account that is disabled or gone. Never waits; an edge that is away
    /// goes on until the token has run out.
    pub(crate) fn send_out(self: &Arc<Self>, identity: &str) {
        let presence = self.view.presence();
        let is_in = |identities: &[String]| identities.iter().any(|one| one == identity);
        let classes: BTreeSet<String> = presence
            .values()
            .filter(|presence| is_in(&presence.identities))
            .map(|presence| presence.room.clone())
            .collect();
        for class in classes {
            let (rooms, body) = (self.clone(), json!({"room": class, "identity": identity}));
            self.tasks.spawn(async move {
                match rooms.call(&class, "RemoveParticipant", &body).await {
                    Ok(_) | Err(CallError::NotFound | CallError::NotLive) => {}
                    Err(error) => tracing::warn!(%error, class, "somebody could not be sent out"),
                }
            });
        }
    }

    /// Sends a word to the room, some time soon. Never waits, never fails.
    pub(crate) fn say(self: &Arc<Self>, class: &str, word: Word) {
        if !self.is_live(class) {
            return;
        }
        let mut queues = self.queues.lock();
        if let Some(queue) = queues.get(class) {
            if queue.try_send(word).is_err() {
                tracing::debug!(class, "a word is let go: the room's edge is behind");
            }
            return;
        }
        let (queue, words) = mpsc::channel(QUEUED_MAX);
        queue.try_send(word).expect("an empty queue has room");
        queues.insert(class.to_owned(), queue);
        drop(queues);
        self.tasks.spawn(self.clone().deliver(class.to_owned(), words));
    }

    async fn deliver(self: Arc<Self>, class: String, mut words: mpsc::Receiver<Word>) {
        loop {
            let word = tokio::select! {
                word = words.recv() => word,
                () = tokio::time::sleep(IDLE_MAX) => {
                    // Under the lock that senders hold: no word slips in between.
                    let mut queues = self.queues.lock();
                    if words.is_empty() {
                        queues.remove(&class);
                        return;
                    }
                    continue;
                }
                () = self.shutdown.cancelled() => return,
            };
            let Some(word) = word else { return };
            let body = json!({
                "room": class,
                "data": STANDARD.encode(word.payload()),
                "kind": "RELIABLE",
                "topic": TOPIC,
                "destinationIdentities": word.to,
            });
            if let Err(error) = self.call(&class, "SendData", &body).await {
                tracing::debug!(%error, class, "a word did not reach the room");
            }
        }
    }

    /// Calls the room service of an edge that holds the room: near ones first, another when one is away.
    ///
    /// # Errors
    /// Nobody is in the room, it has no such participant, or no edge answers.
    pub(crate) async fn call(&self, class: &str, method: &str, body: &Value) -> Result<Value, CallError> {
        let nodes = self.view.nodes();
        let presence = self.view.presence_of(class);
        let mut edges: Vec<_> = presence.iter().filter_map(|presence| nodes.get(&presence.node)).collect();
        edges.sort_by_key(|node| (node.region != self.region, node.id.clone()));
        let mut result = Err(CallError::NotLive);
        for edge in edges.into_iter().take(EDGES_MAX) {
            result = self.call_edge(&edge.url, class, method, body).await;
            if !matches!(result, Err(CallError::Away(_))) {
                break;
            }
        }
        result
    }

    async fn call_edge(
        &self,
        url: &str,
        class: &str,
        method: &str,
        body: &Value,
    ) -> Result<Value, CallError> {
        let away = |error: &dyn std::fmt::Display| CallError::Away(error.to_string());
        let request =
            http::Request::post(format!("{}/twirp/livekit.RoomService/{method}", url.trim_end_matches('/')))
                .header(header::CONTENT_TYPE, "application/json")
                .header(header::AUTHORIZATION, format!("Bearer {}", self.token(class)))
                .body(Full::from(body.to_string()))
                .map_err(|error| away(&error))?;
        let answered = async {
            let (head, body) = self.client.request(request).await.map_err(|error| away(&error))?.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| away(&error))?;
            Ok((head.status, body.to_bytes()))
        };
        let (status, bytes) =
            tokio::time::timeout(CALL_TIMEOUT, answered).await.map_err(|_| away(&"it took too long"))??;
        match status {
            StatusCode::OK => serde_json::from_slice(&bytes).map_err(|error| away(&error)),
            StatusCode::NOT_FOUND => Err(CallError::NotFound),
            other => Err(CallError::Away(format!(
                "{other}: {}",
                String::from_utf8_lossy(&bytes[..bytes.len().min(200)])
            ))),
        }
    }

    fn token(&self, class: &str) -> String {
        let now_s = control_plane_agent::unix_time_ms() / 1000;
        let grant = Grant { room_admin: true, room: class.to_owned(), ..Grant::default() };
        let claims = Claims {
            sub: "control-plane".to_owned(),
            exp: Some(now_s + TOKEN_TTL_S),
            video: Some(grant),
            ..Claims::default()
        };
        token::sign(&claims, &self.key)
    }
}

/// Edges are called as users see them: plain HTTP, or HTTPS with a certificate that this machine trusts.
/// Towards edges and providers: the machine's authorities, HTTP/1.1, redirects not followed.
///
/// # Errors
/// TLS cannot be set up.
pub(crate) fn client() -> anyhow::Result<Client<HttpsConnector<HttpConnector>, Full<Bytes>>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let tls = rustls::ClientConfig::builder_with_provider(control_plane_agent::identity::provider())
        .with_safe_default_protocol_versions()
        .context("TLS towards edges and providers")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CALL_TIMEOUT));
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    let mut client = Client::builder(TokioExecutor::new());
    Ok(client.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE_MAX).build(connector))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_too_long_says_only_that_something_changed() {
        let short = Word::new("chat").at(7).with("chat", json!({"text": "안녕"}));
        let read = |word: &Word| serde_json::from_slice::<Value>(&word.payload()).expect("JSON");
        assert_eq!(read(&short), json!({"kind": "chat", "v": 7, "chat": {"text": "안녕"}}));
        let long = Word::new("chat").at(8).with("chat", json!("가".repeat(WORD_BYTES_MAX)));
        assert_eq!(read(&long), json!({"kind": "changed", "v": 8}));
    }
}
