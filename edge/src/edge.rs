//! An edge, bound and run.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use anyhow::Context as _;
use control_plane_agent::admin::Health;
use control_plane_agent::identity::Identity;
use control_plane_agent::registration::{Registration, Status, TTL_DEFAULT};
use control_plane_agent::store::Store;
use control_plane_agent::view::View;
use control_plane_api::node::{Load, Node, Role};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::drain::Drainer;
use crate::eventloop::{EventLoop, MESSAGES_MAX, State};
use crate::facts;
use crate::link::{self, Endpoint};
use crate::metrics::Metrics;
use crate::recorder::{self, Uploader};
use crate::shard::{self, EVENTS_MAX};
use crate::{clock, http};

/// Link events that wait for the loop; links slow down when it is full.
const LINK_EVENTS_MAX: usize = 8_192;

/// At its end the edge waits this long for its media thread.
const THREAD_FAREWELL: std::time::Duration = std::time::Duration::from_secs(1);

/// An edge with its ports open.
pub struct Edge {
    config: Config,
    identity: Identity,
    store: Arc<dyn Store>,
    http: tokio::net::TcpListener,
    admin: tokio::net::TcpListener,
    media: std::net::UdpSocket,
    link: quinn::Endpoint,
}

/// Where the edge listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    pub http: SocketAddr,
    pub admin: SocketAddr,
    pub media: SocketAddr,
    pub link: SocketAddr,
}

impl Edge {
    /// Opens all ports.
    ///
    /// # Errors
    /// The configuration is refused, or a port is taken: the message names it and the flag that changes it.
    pub async fn bind(config: Config, identity: Identity, store: Arc<dyn Store>) -> anyhow::Result<Self> {
        config.check().context("edge configuration")?;
        anyhow::ensure!(
            identity.name() == config.id,
            "the edge is called {:?} but its certificate says {:?}",
            config.id,
            identity.name()
        );
        let tcp = |address: SocketAddr, what: &'static str, flag: &'static str| async move {
            tokio::net::TcpListener::bind(address).await.with_context(|| {
                format!("edge {what}: TCP port {address} is taken or not ours; choose another with {flag}")
            })
        };
        let http = tcp(config.listen, "signalling", "--listen").await?;
        let admin = tcp(config.admin, "admin", "--admin").await?;
        let media = shard::bind(config.media)?;
        let link = link::bind(config.link, &identity)?;
        Ok(Self { config, identity, store, http, admin, media, link })
    }

    /// # Errors
    /// A socket has no address (it was closed under us).
    pub fn addresses(&self) -> anyhow::Result<Addresses> {
        Ok(Addresses {
            http: self.http.local_addr()?,
            admin: self.admin.local_addr()?,
            media: self.media.local_addr()?,
            link: self.link.local_addr()?,
        })
    }

    /// Runs until `shutdown`; clients are told to go elsewhere and recordings are closed.
    ///
    /// # Errors
    /// Something the edge cannot run without could not be started.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        self.run_until(CancellationToken::new(), shutdown).await
    }

    /// As [`Self::run`], and `terminate` ends it more gently: users are first moved to other edges, for at most
    /// [`Config::drain_s`].
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn run_until(
        self,
        terminate: CancellationToken,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        let addresses = self.addresses()?;
        let metrics = Metrics::default();
        let outgoing = http::outgoing::client(self.config.trusted_ca.as_deref())?;
        let (facts, delivery) =
            facts::start(&self.config.data_dir.join("facts"), clock::now_ms(), &metrics).context("edge")?;
        let epoch = delivery.epoch();
        let node = node_record(&self.config, addresses, epoch);
        // Parts that must outlive the loop's goodbye hang on this token, not on the shutdown itself.
        let parts = CancellationToken::new();
        let _ends_parts = parts.clone().drop_guard();

        let (opened, journals) = mpsc::unbounded_channel();
        let recorder = recorder::start(
            self.config.data_dir.join("journals"),
            &self.config.id,
            epoch,
            opened,
            metrics.clone(),
        )
        .context("edge recorder")?;
        let (origin, origin_receiver) = watch::channel(None);
        let uploader = Uploader::new(&self.identity, origin_receiver, parts.clone(), metrics.clone())?;
        let uploads = tokio::spawn(uploader.run(journals));

        let session = edge_session::Config::generate().context("DTLS certificate")?;
        let fingerprint = session.fingerprint().to_owned();
        let (events, media_events) = mpsc::channel(EVENTS_MAX);
        let (shard, media_thread) =
            shard::start(self.media, edge_sfu::Config::new(session), events, recorder.clone())?;

        let (link_sender, link_events) = mpsc::channel(LINK_EVENTS_MAX);
        let context = link::Context {
            node_id: self.config.id.clone(),
            region: self.config.region.clone(),
            wire_version: self.config.wire_version,
            epoch,
            shard: shard.clone(),
            events: link_sender,
            metrics: metrics.clone(),
            next_link: AtomicU32::new(1),
            epochs: link::Epochs::default(),
        };
        let endpoint = Endpoint::new(self.link, context, parts.clone());

        let view = View::start(&self.store, &parts);
        tokio::select! {
            () = view.ready() => {}
            // The store may be away for long; the edge can be stopped meanwhile.
            () = shutdown.cancelled() => return Ok(()),
        }
        let registration = Registration::start(Arc::clone(&self.store), node.clone(), TTL_DEFAULT, &parts);
        let uploader = facts::Uploader::new(&delivery, &self.identity, view.clone())?;
        tokio::spawn(uploader.run(parts.clone()));

        let (messages, message_receiver) = mpsc::channel(MESSAGES_MAX);
        let rooms =
            edge_room::Rooms::new(room_config(&self.config, addresses, epoch, fingerprint), rand::random());
        let mut state = State::default();
        state.admission.refused = metrics.admission_refused.clone();
        let health = Health::default();
        state.drainer = Drainer::new(&self.config, terminate, health.clone());
        let event_loop = EventLoop {
            node_id: self.config.id.clone(),
            rooms,
            shard: shard.clone(),
            endpoint,
            view: view.clone(),
            registration: registration.clone(),
            store: Arc::clone(&self.store),
            recorder,
            origin,
            facts,
            metrics: metrics.clone(),
            state,
        };
        let config = Arc::new(self.config);
        facts::Webhooks::new(&delivery, outgoing.clone(), Arc::clone(&config)).start(epoch, &parts);
        let server = http::Server {
            config,
            health,
            outgoing,
            facts_depth: Arc::new(delivery.depth()),
            messages,
            view,
            store: self.store,
            metrics,
            shard,
            registration: registration.clone(),
            limits: Arc::new(http::connect::Limits::joins()),
            wrong_tokens: Arc::new(http::connect::Limits::wrong_tokens()),
            sessions: Arc::default(),
        };
        let serving = tokio::spawn(server.run(self.http, self.admin, parts.clone()));
        let ending = shutdown.child_token();
        tokio::spawn(end_when_superseded(registration.clone(), ending.clone()));
        let result = event_loop.run(message_receiver, link_events, media_events, ending).await;
        registration.deregister().await;
        delivery.farewell().await;
        // What is still queued for the origin gets a moment; the rest is uploaded by the next start.
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        parts.cancel();
        let _ = serving.await;
        uploads.abort();
        join(media_thread).await;
        result
    }
}

/// Waits for the media thread a moment: a connection that is still being closed may hold it up.
async fn join(thread: std::thread::JoinHandle<()>) {
    let ended = tokio::time::timeout(THREAD_FAREWELL, async {
        while !thread.is_finished() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    });
    if ended.await.is_err() {
        tracing::warn!("the media thread goes on until the process ends");
    } else if thread.join().is_err() {
        tracing::error!("the media thread did not end well");
    }
}

/// A younger process has this node id: this one must not go on serving beside it.
async fn end_when_superseded(registration: Registration, shutdown: CancellationToken) {
    let mut status = registration.status();
    tokio::select! {
        superseded = status.wait_for(|status| *status == Status::Superseded) => if superseded.is_ok() {
            tracing::error!("another process took this edge's name: this one sends its clients away and ends");
            shutdown.cancel();
        },
        () = shutdown.cancelled() => {}
    }
}

fn node_record(config: &Config, addresses: Addresses, epoch: u64) -> Node {
    let host = |bound: SocketAddr| match bound.ip() {
        ip if ip.is_unspecified() => "127.0.0.1".to_owned(),
        ip => ip.to_string(),
    };
    let url = config
        .public_url
        .clone()
        .unwrap_or_else(|| format!("http://{}:{}", host(addresses.http), addresses.http.port()));
    let quic = config
        .public_link
        .clone()
        .unwrap_or_else(|| format!("{}:{}", host(addresses.link), addresses.link.port()));
    Node {
        id: config.id.clone(),
        role: Role::Edge,
        region: config.region.clone(),
        location: config.location,
        url,
        quic: Some(quic),
        admin: format!("http://{}:{}", host(addresses.admin), addresses.admin.port()),
        epoch,
        draining: false,
        load: Load { capacity: config.capacity, ..Load::default() },
        nodes: None,
        links: Vec::new(),
    }
}

fn room_config(
    config: &Config,
    addresses: Addresses,
    epoch: u64,
    dtls_fingerprint: String,
) -> edge_room::Config {
    let port = addresses.media.port();
    let candidates = config.candidate_addresses().into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
    let capacity = usize::try_from(config.capacity).unwrap_or(usize::MAX);
    let mut rooms = edge_room::Config::new(
        config.id.clone(),
        config.region.clone(),
        dtls_fingerprint,
        candidates,
        capacity,
    );
    rooms.epoch = epoch;
    rooms
}
