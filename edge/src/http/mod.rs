//! HTTP of the edge: signalling WebSocket, Twirp, WHIP, WHEP, probe; and the admin listener.

mod admin;
pub(crate) mod connect;
mod live;
pub(crate) mod outgoing;
mod room_record;
mod server_api;
pub(crate) mod whip;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post};
use control_plane_agent::admin::Health;
use control_plane_agent::listener::Listener;
use control_plane_agent::registration::Registration;
use control_plane_agent::spans::Span;
use control_plane_agent::store::Store;
use control_plane_agent::view::View;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tower_http::cors::{Any, CorsLayer};

use connect::Limits;

use crate::config::Config;
use crate::eventloop::Message;
use crate::metrics::Metrics;
use crate::shard::Shard;

/// Largest request body: a session description with room to spare.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// The slowest answer takes a few seconds; the longest body comes over the weakest network within this time.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What all handlers share.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) config: Arc<Config>,
    pub(crate) messages: mpsc::Sender<Message>,
    pub(crate) view: View,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) metrics: Metrics,
    pub(crate) shard: Shard,
    pub(crate) registration: Registration,
    pub(crate) health: Health,
    pub(crate) limits: Arc<Limits>,
    pub(crate) wrong_tokens: Arc<Limits>,
    pub(crate) sessions: whip::Sessions,
    pub(crate) outgoing: outgoing::Client,
    /// Facts the control plane has not got yet, and bytes of the spool.
    pub(crate) facts_depth: Arc<dyn Fn() -> (u64, u64) + Send + Sync>,
}

impl Server {
    /// Serves both listeners until `shutdown`.
    pub(crate) async fn run(
        self,
        public: tokio::net::TcpListener,
        admin: tokio::net::TcpListener,
        shutdown: CancellationToken,
    ) {
        let admin_router = admin::router(&self);
        let trusted = self.config.trusted_proxies.clone();
        let metrics = self.metrics.clone();
        let listener = Listener { socket: public, trusted, refused: move || metrics.refuse("connections") };
        let public = listener.serve(self.router(), shutdown.clone());
        let admin = axum::serve(admin, admin_router).with_graceful_shutdown({
            let stop = shutdown.clone();
            async move { stop.cancelled().await }
        });
        tokio::select! {
            ((), admin) = async { tokio::join!(public, admin) } => {
                if let Err(error) = admin {
                    tracing::error!(%error, "the admin listener ended");
                }
            }
            // Connections that do not end by themselves are cut.
            () = async { shutdown.cancelled().await; tokio::time::sleep(std::time::Duration::from_millis(500)).await } => {}
        }
    }

    /// A span of this edge in the trace that a token names.
    fn span(&self, traceparent: &str, name: &'static str) -> Span {
        Span::within(traceparent, name).on(&self.config.id, &self.config.region)
    }

    fn router(self) -> Router {
        let cors = CorsLayer::new()
            .allow_origin(Any)
            .allow_methods([
                Method::GET,
                Method::HEAD,
                Method::POST,
                Method::PATCH,
                Method::DELETE,
                Method::OPTIONS,
            ])
            .allow_headers(Any)
            .expose_headers(Any);
        let clients = Router::new()
            .route("/", get(|| async { "Seodang edge\n" }))
            .route("/probe", get(probe))
            .route("/rtc", any(live::v0))
            .route("/rtc/validate", get(live::validate_v0))
            .route("/rtc/v1", any(live::v1))
            .route("/rtc/v1/validate", get(live::validate_v1))
            // Some SDKs join a base URL that ends in a slash.
            .route("//rtc/v1", any(live::v1))
            .route("//rtc/v1/validate", get(live::validate_v1))
            .route("/twirp/{service}/{method}", post(server_api::call))
            .layer(cors);
        // These doors write their own CORS headers and answer OPTIONS themselves (RFC 9725 section 4.2).
        let standards = Router::new()
            .route("/whip/{room}", any(whip::publish))
            .route("/whep/{room}", any(whip::play))
            .route("/whip/{room}/{session}", any(whip::publish_session))
            .route("/whep/{room}/{session}", any(whip::play_session));
        clients
            .merge(standards)
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .layer(axum::middleware::from_fn(in_time))
            .with_state(self)
    }

    /// Asks the rooms something; `None` when the edge is ending.
    pub(crate) async fn query<T: Send + 'static>(
        &self,
        read: impl FnOnce(&edge_room::Rooms) -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        let query = Message::Query(Box::new(move |rooms| {
            let _ = reply.send(read(rooms));
        }));
        self.messages.send(query).await.ok()?;
        answer.await.ok()
    }
}

/// A draining edge says that it is no place to go to.
async fn probe(axum::extract::State(server): axum::extract::State<Server>) -> StatusCode {
    if server.registration.node().draining { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::NO_CONTENT }
}

/// A request whose body dribbles in, or whose answer does not come, ends; a WebSocket is answered once it is one.
async fn in_time(request: Request, next: Next) -> Response {
    let answer = tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await;
    answer.unwrap_or_else(|_| {
        (StatusCode::REQUEST_TIMEOUT, "the request took too long: try again").into_response()
    })
}

/// Address of the client, for limits: behind a trusted proxy, what that says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(IpAddr);

impl Peer {
    pub(crate) fn ip(self) -> IpAddr {
        self.0
    }
}

impl FromRequestParts<Server> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Self::Rejection> {
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let connected = parts.extensions.get::<ConnectInfo<SocketAddr>>().map_or(unknown, |info| info.0);
        let trusted = &server.config.trusted_proxies;
        Ok(Self(control_plane_agent::proxy::client_address(connected, &parts.headers, trusted)))
    }
}

impl Server {
    /// Whether this address has sent so many wrong tokens that it gets no more answers about them.
    pub(crate) fn guesses(&self, peer: Peer) -> bool {
        let guesses = !self.wrong_tokens.admit(peer.ip(), Instant::now());
        if guesses {
            self.metrics.refuse("wrong_tokens");
        }
        guesses
    }
}

/// What an address that guesses is told.
pub(crate) const GUESSES: &str =
    "too many wrong tokens from this address: get a new one where you got this, and wait a minute";
