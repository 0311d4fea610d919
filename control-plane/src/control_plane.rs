//! Assembly: the listeners, the view, and the tasks around them.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use control_plane_agent::admin::{self, Health};
use control_plane_agent::identity::Identity;
use control_plane_agent::listener::Listener;
use control_plane_agent::registration::{Registration, TTL_DEFAULT};
use control_plane_agent::store::Store;
use control_plane_agent::view::View;
use control_plane_api::node::{Load, Node, Role};
use control_plane_classes::Database;
use control_plane_classes::database::Place;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::classroom::Classroom;
use crate::config::{Config, Rate};
use crate::discovery::Discovery;
use crate::dns::Dns;
use crate::guesses::Guesses;
use crate::http::{App, Parts, router};
use crate::locate::GeoIp;
use crate::mail::Mailer;
use crate::metrics::Metrics;
use crate::node_listener::{self, NodeListener};
use crate::oidc::Providers;
use crate::rate::Limiter;

/// Searches that the demand board hears of, from one account or address: thirty at once, then three a minute. What is searched
/// beyond that is answered all the same.
const NOTE_RATE: Rate = Rate { burst: 30, per_second: 1.0 / 20.0 };
/// Passwords hashed at once: each takes 19 MiB and a core for some 20 ms. More wait in line, as the rates allow.
const HASHES_AT_ONCE: usize = 4;

/// A control plane with its ports taken. [`Self::run`] lets it work.
#[derive(Debug)]
pub struct ControlPlane {
    config: Config,
    store: Arc<dyn Store>,
    geoip: GeoIp,
    database: Database,
    mailer: Arc<Mailer>,
    oidc: Providers,
    public: TcpListener,
    admin: TcpListener,
    dns: Option<Dns>,
    nodes: Option<(TcpListener, Identity)>,
}

impl ControlPlane {
    /// Checks the settings and takes the ports.
    ///
    /// # Errors
    /// A setting is wrong, a file unreadable, a port taken: the message names it.
    pub async fn bind(
        config: Config,
        store: Arc<dyn Store>,
        identity: Option<Identity>,
    ) -> anyhow::Result<Self> {
        config.check()?;
        let geoip = GeoIp::open(config.geoip.as_deref())?;
        let oidc = Providers::new(&config.oidc)?;
        let public = listen("listen", config.listen).await?;
        let admin = listen("admin", config.admin).await?;
        let dns = Dns::bind(&config.dns).await?;
        let nodes = match (config.nodes, identity) {
            (Some(address), Some(identity)) => Some((listen("nodes", address).await?, identity)),
            (Some(_), None) => {
                anyhow::bail!(
                    "control-plane: `nodes` needs the fleet's certificates (ca, certificate, key): nodes are let in by nothing else"
                )
            }
            (None, _) => None,
        };
        // Last: a start that fails leaves no file behind.
        let database = Database::open(&config.place()).await.with_context(|| match config.place() {
            Place::File(file) => format!("control-plane: people and classes in {}", file.display()),
            Place::Postgres(_) => "control-plane: people and classes in `database` (PostgreSQL)".to_owned(),
        })?;
        let mailer = Mailer::new(&config)?;
        Ok(Self { config, store, geoip, database, mailer, oidc, public, admin, dns, nodes })
    }

    /// # Errors
    /// The socket is gone.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        self.public.local_addr().context("address of the public listener")
    }

    /// # Errors
    /// The socket is gone.
    pub fn admin_address(&self) -> anyhow::Result<SocketAddr> {
        self.admin.local_addr().context("address of the admin listener")
    }

    /// Fills an empty school with a few people and classes, for development. `false`: it has people already.
    ///
    /// # Errors
    /// The database is away.
    pub async fn seed(&self) -> anyhow::Result<bool> {
        crate::seed::seed(&self.database).await.context("control-plane: people and classes to begin with")
    }

    /// Where nodes reach the store, if they can.
    #[must_use]
    pub fn node_address(&self) -> Option<SocketAddr> {
        self.nodes.as_ref().and_then(|(listener, _)| listener.local_addr().ok())
    }

    /// Where DNS is answered, UDP and TCP, if it is.
    #[must_use]
    pub fn dns_address(&self) -> Option<SocketAddr> {
        self.dns.as_ref().and_then(Dns::address)
    }

    /// Works until `shutdown`, and then ends within a second or two.
    ///
    /// # Errors
    /// A listener fails.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let node = self.node()?;
        let public_url = node.url.clone();
        let shutdown = shutdown.child_token();
        let _end_all = shutdown.clone().drop_guard();
        let tasks = TaskTracker::new();
        let view = View::start(&self.store, &shutdown);
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry, view.clone());
        let health = Health::default();
        health.waiting("view", "the store was not read yet");
        tasks.spawn(report_ready(view.clone(), health.clone()));
        let registration = Registration::start(self.store.clone(), node, TTL_DEFAULT, &shutdown);
        let sync = Arc::new(Notify::new());
        self.start_school(&tasks, &view, &sync, &public_url, &shutdown);
        if let Some(dns) = self.dns {
            tasks.spawn(dns.run(view.clone(), self.geoip.clone(), metrics.clone(), shutdown.clone()));
        }
        tasks.spawn(crate::reconcile::run(
            view.clone(),
            self.store.clone(),
            metrics.clone(),
            shutdown.clone(),
        ));
        tasks.spawn(crate::facts::conclude(
            view.clone(),
            self.database.clone(),
            metrics.clone(),
            shutdown.clone(),
        ));
        if let Some((listener, identity)) = self.nodes {
            let acceptor = node_listener::acceptor(&identity)?;
            let (store, database, metrics) = (self.store.clone(), self.database.clone(), metrics.clone());
            let nodes = NodeListener { listener, acceptor, store, database, metrics };
            tasks.spawn(nodes.run(shutdown.clone()));
        }
        let classroom = Classroom::start(
            &self.database,
            &view,
            &self.config.api_keys[0],
            &self.config.region,
            &tasks,
            &shutdown,
        )?;
        let app = App(Arc::new(Parts {
            discovery: Discovery::start(&self.database, &view, &tasks, &shutdown),
            classroom,
            atlases: crate::http::join::Atlases::default(),
            joins: Limiter::new(self.config.join_rate),
            creates: Limiter::new(self.config.create_rate),
            sign_ins: Limiter::new(self.config.sign_in_rate),
            writes: Limiter::new(self.config.write_rate),
            guesses: Guesses::new(),
            notes: Limiter::new(NOTE_RATE),
            hashing: Semaphore::new(HASHES_AT_ONCE),
            oidc: self.oidc,
            mailer: self.mailer,
            sync,
            public_url,
            database: self.database,
            config: self.config,
            store: self.store,
            view,
            metrics,
            geoip: self.geoip,
            shutdown: shutdown.clone(),
        }));
        let refused = app.metrics.connections_refused.clone();
        let listener = Listener {
            socket: self.public,
            trusted: app.config.trusted_proxies.clone(),
            refused: move || {
                refused.inc();
            },
        };
        let public = tokio::spawn(listener.serve(router(app), shutdown.clone()));
        let result = admin::serve(self.admin, Arc::new(registry), health, shutdown.clone()).await;
        shutdown.cancel();
        let _ = public.await;
        registration.deregister().await;
        tasks.close();
        tasks.wait().await;
        result
    }

    /// Tasks around the database: mail, reminders, and keeping the fleet's store and the database in step.
    fn start_school(
        &self,
        tasks: &TaskTracker,
        view: &View,
        sync: &Arc<Notify>,
        url: &str,
        shutdown: &CancellationToken,
    ) {
        let (database, mailer) = (&self.database, &self.mailer);
        tasks.spawn(crate::classes::keep_in_step(
            view.clone(),
            self.store.clone(),
            database.clone(),
            sync.clone(),
            shutdown.clone(),
        ));
        tasks.spawn(crate::classes::observe(view.clone(), database.clone(), sync.clone(), shutdown.clone()));
        tasks.spawn(mailer.clone().run(database.clone(), shutdown.clone()));
        let reminders = crate::reminders::Reminders {
            database: database.clone(),
            mailer: mailer.clone(),
            holder: self.config.id.clone(),
            link: format!("{}/class/", url.trim_end_matches('/')),
        };
        tasks.spawn(reminders.run(shutdown.clone()));
        let (holder, days) = (self.config.id.clone(), self.config.attendance_kept_days);
        tasks.spawn(crate::upkeep::run(database.clone(), holder, days, shutdown.clone()));
    }

    fn node(&self) -> anyhow::Result<Node> {
        let url = match self.config.url.as_str() {
            "" => format!("http://{}", self.address()?),
            url => url.to_owned(),
        };
        Ok(Node {
            id: self.config.id.clone(),
            role: Role::ControlPlane,
            region: self.config.region.clone(),
            location: self.config.location,
            url,
            quic: None,
            admin: format!("http://{}", self.admin_address()?),
            epoch: control_plane_agent::unix_time_ms(),
            draining: false,
            load: Load::default(),
            nodes: self.public_nodes(),
            links: Vec::new(),
        })
    }
}

impl ControlPlane {
    /// `host:port` by which nodes reach [`Config::nodes`].
    fn public_nodes(&self) -> Option<String> {
        let bound = self.node_address()?;
        let host = if bound.ip().is_unspecified() { "127.0.0.1".to_owned() } else { bound.ip().to_string() };
        Some(self.config.public_nodes.clone().unwrap_or_else(|| format!("{host}:{}", bound.port())))
    }
}

async fn listen(setting: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "control-plane: port {} on {} cannot be bound; choose another with --{setting}",
            address.port(),
            address.ip()
        )
    })
}

async fn report_ready(view: View, health: Health) {
    view.ready().await;
    health.ready("view");
}
