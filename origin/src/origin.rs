//! The origin put together: three listeners, one library.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use control_plane_agent::admin::{self, Health};
use control_plane_agent::identity::Identity;
use control_plane_agent::listener::Listener;
use control_plane_api::node::{Node, Role};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::RecordingUpdate;
use crate::config::Config;
use crate::disk::Disk;
use crate::ingest::{self, Ingest};
use crate::library::Library;
use crate::metrics::Metrics;
use crate::serve::{self, Objects};
use crate::store::Store;

/// How often a disk that failed is tried again.
const PROBE: Duration = Duration::from_secs(5);

/// Where the listeners are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    pub http: SocketAddr,
    pub admin: SocketAddr,
    pub quic: SocketAddr,
}

/// An origin with its ports bound.
#[derive(Debug)]
pub struct Origin {
    config: Config,
    addresses: Addresses,
    http: TcpListener,
    admin: TcpListener,
    endpoint: quinn::Endpoint,
    registry: Arc<Registry>,
    health: Health,
    disk: Disk,
    library: Library,
    ingest: Ingest,
    objects: Objects,
}

impl Origin {
    /// Opens the data folder and binds the ports. Every start and end of a recording goes to `updates`; a receiver that
    /// is gone is no error, one that is slow holds up recordings, not uploads.
    ///
    /// # Errors
    /// Names the port and its role, or the folder, that cannot be had.
    pub async fn bind(
        config: Config,
        identity: &Identity,
        updates: mpsc::Sender<RecordingUpdate>,
    ) -> anyhow::Result<Self> {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let disk = Disk::open(&config.data_dir)
            .with_context(|| format!("origin data folder {}", config.data_dir.display()))?;
        let store = Store::open(&config.store_dir(), metrics.clone())?;
        let http = listen(config.listen, "HTTP", "--listen").await?;
        let admin = listen(config.admin, "admin", "--admin").await?;
        let mut tls = identity.quic_server_config(&[edge_wire::ALPN_INGEST])?;
        tls.transport_config(Arc::new(ingest::transport(config.journals_per_edge_max)));
        let endpoint = quinn::Endpoint::server(tls, config.ingest).with_context(|| {
            format!(
                "origin ingest port {} (UDP) is taken or not ours; choose another with --ingest",
                config.ingest
            )
        })?;
        let addresses =
            Addresses { http: http.local_addr()?, admin: admin.local_addr()?, quic: endpoint.local_addr()? };
        let idle_finish = Duration::from_secs(config.idle_finish_s);
        let library = Library::new(disk.clone(), store.clone(), metrics.clone(), idle_finish, updates);
        let health = Health::default();
        health.waiting("recovery", "reading the journals of unfinished recordings");
        let ingest = Ingest::new(library.clone(), metrics.clone(), health.clone(), config.journal_bytes_max);
        let objects = Objects { store: store.reader(), library: library.clone(), metrics };
        let registry = Arc::new(registry);
        Ok(Self {
            config,
            addresses,
            http,
            admin,
            endpoint,
            registry,
            health,
            disk,
            library,
            ingest,
            objects,
        })
    }

    #[must_use]
    pub fn addrs(&self) -> Addresses {
        self.addresses
    }

    /// Readiness, for parts outside (the registration, say) to report to.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// What this origin registers itself as. `epoch` is the start of the process, ms since the Unix epoch.
    #[must_use]
    pub fn node(&self, epoch: u64) -> Node {
        let or = |given: &str, bound: String| if given.is_empty() { bound } else { given.to_owned() };
        Node {
            id: self.config.id.clone(),
            role: Role::Origin,
            region: self.config.region.clone(),
            location: None,
            url: or(&self.config.public_url, format!("http://{}", self.addresses.http)),
            quic: Some(or(&self.config.public_ingest, self.addresses.quic.to_string())),
            admin: format!("http://{}", self.addresses.admin),
            epoch,
            draining: false,
            load: control_plane_api::node::Load::default(),
            nodes: None,
            links: Vec::new(),
        }
    }

    /// Runs until `shutdown`; recordings in progress are taken up again by the next process.
    ///
    /// # Errors
    /// A listener fails, or the journals cannot be read.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let Self { http, admin, endpoint, registry, health, disk, library, ingest, objects, .. } = self;
        let stop = shutdown.child_token();
        let admin = tokio::spawn(admin::serve(admin, registry, health.clone(), stop.clone()));
        let listener = Listener { socket: http, trusted: Vec::new(), refused: || {} };
        let served = tokio::spawn(listener.serve(serve::router(objects), stop.clone()));
        library.recover().await.context("taking up unfinished recordings")?;
        health.ready("recovery");
        let probing = tokio::spawn(probe(disk, health, stop.clone()));
        let uploads = tokio::spawn(ingest.run(endpoint, stop.clone()));
        let result = tokio::select! {
            () = shutdown.cancelled() => Ok(()),
            result = admin => result.context("admin listener").flatten().context("admin listener"),
            result = served => result.context("HTTP listener"),
        };
        stop.cancel();
        // Uploads first: what they acknowledge is on disk, whether or not a recorder has read it.
        let _ = uploads.await;
        library.shut_down().await;
        let _ = probing.await;
        result
    }
}

async fn listen(address: SocketAddr, role: &str, key: &str) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.with_context(|| {
        format!("origin {role} port {address} (TCP) is taken or not ours; choose another with {key}")
    })
}

/// Finds out when a disk that failed takes bytes again.
async fn probe(disk: Disk, health: Health, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(PROBE) => {}
            () = shutdown.cancelled() => return,
        }
        if !health.missing().contains_key(ingest::STORAGE) {
            continue;
        }
        let disk = disk.clone();
        match tokio::task::spawn_blocking(move || disk.probe()).await {
            Ok(Ok(())) => health.ready(ingest::STORAGE),
            Ok(Err(error)) => health.waiting(ingest::STORAGE, error.to_string()),
            Err(error) => tracing::error!("probing the disk: {error}"),
        }
    }
}
