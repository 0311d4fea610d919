//! The node: bound outside, run inside.

use crate::config::Config;
use crate::drain::{self, Drain, Stage};
use crate::flight::Shared;
use crate::metrics::{Held, Metrics};
use crate::store::Store;
use crate::upstream::Upstream;
use crate::{listen, tls};
use anyhow::Context;
use cdn_cache::table::Flights;
use control_plane_agent::admin::{self, Health};
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A CDN node with its ports bound, ready to run.
pub struct Cdn {
    node: Arc<Node>,
    registry: Arc<Registry>,
    listener: TcpListener,
    admin: Option<TcpListener>,
    tls: Option<TlsAcceptor>,
    addrs: Addrs,
}

/// Where a node listens; real ports where the configuration said 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addrs {
    pub listen: SocketAddr,
    pub admin: Option<SocketAddr>,
}

/// What every request and fetch of a node shares.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) flights: Mutex<Flights<Arc<Shared>>>,
    pub(crate) upstream: Upstream,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) fills: Arc<Semaphore>,
    pub(crate) passes: Arc<Semaphore>,
    /// Fetches under way.
    pub(crate) fetches: TaskTracker,
    /// Requests so far.
    pub(crate) asked: AtomicU64,
    pub(crate) stage: watch::Sender<Stage>,
}

impl Cdn {
    /// Checks the configuration and binds the ports.
    ///
    /// # Errors
    /// A configuration that cannot work, named by its key; a port that cannot be had, named with its role.
    pub fn bind(config: Config) -> anyhow::Result<Self> {
        config.check()?;
        let tls = config.tls.as_ref().map(tls::server).transpose()?;
        let (metrics, mut registry) = Metrics::new(&config.node, &config.region);
        let upstream = Upstream::new(&config, Arc::clone(&metrics))?;
        let listener =
            listen::bind(config.listen).with_context(|| taken("listen", "clients", config.listen))?;
        let admin = config
            .admin
            .map(|addr| listen::bind(addr).with_context(|| taken("admin", "metrics and health", addr)))
            .transpose()?;
        let addrs = Addrs {
            listen: listener.local_addr()?,
            admin: admin.as_ref().map(TcpListener::local_addr).transpose()?,
        };
        let node = Arc::new(Node {
            store: Store::new(config.memory_bytes_max, config.object_bytes_max),
            flights: Mutex::default(),
            upstream,
            metrics,
            fills: Arc::new(Semaphore::new(config.limits.fills_max)),
            passes: Arc::new(Semaphore::new(config.limits.passes_max)),
            fetches: TaskTracker::new(),
            asked: AtomicU64::new(0),
            stage: watch::Sender::default(),
            config,
        });
        registry.register_collector(Box::new(Held(Arc::clone(&node))));
        let tls = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        Ok(Self { node, registry: Arc::new(registry), listener, admin, tls, addrs })
    }

    /// Where the node listens.
    pub fn addrs(&self) -> Addrs {
        self.addrs
    }

    /// Serves until `shutdown`, then lets clients finish for `drain_ms` and ends.
    ///
    /// # Errors
    /// A listener that cannot be handed to the runtime.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        self.run_drained(watch::Sender::default().subscribe(), shutdown).await
    }

    /// As [`Self::run`], and empties itself while the newest of `wishes` says so.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn run_drained(
        self,
        wishes: watch::Receiver<Option<Drain>>,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        let Self { node, registry, listener, admin, tls, addrs } = self;
        let health = Health::default();
        tracing::info!(node = %node.config.node, region = %node.config.region, listen = %addrs.listen,
            admin = ?addrs.admin, tls = tls.is_some(), "cdn node serves");
        let listener = tokio::net::TcpListener::from_std(listener).context("cdn: listen")?;
        // The admin port answers while clients drain, so that a balancer sees the node is going.
        let drained = CancellationToken::new();
        let admin_task = match admin {
            Some(admin) => {
                let admin = tokio::net::TcpListener::from_std(admin).context("cdn: admin")?;
                Some(tokio::spawn(admin::serve(admin, registry, health.clone(), drained.clone())))
            }
            None => None,
        };
        let end = shutdown.child_token();
        let draining = async {
            tokio::select! {
                () = drain::tend(&node, &health, wishes) => tracing::info!("drained"),
                () = end.cancelled() => {}
            }
            end.cancel();
            health.waiting("cdn", "draining");
        };
        tokio::join!(listen::serve(&node, listener, tls, &end), draining);
        drained.cancel();
        if let Some(task) = admin_task {
            task.await.context("cdn: admin port")??;
        }
        tracing::info!(node = %node.config.node, "cdn node ended");
        Ok(())
    }
}

impl fmt::Debug for Cdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cdn").field("addrs", &self.addrs).finish_non_exhaustive()
    }
}

fn taken(key: &str, role: &str, addr: SocketAddr) -> String {
    let (ip, port) = (addr.ip(), addr.port());
    format!("cdn: port {port} on {ip} for {role} cannot be bound; choose another with `{key}`")
}
