//! The whole house on one machine: three regions of edge and cdn node, one control plane, one origin, in one process
//! over one embedded store.
//!
//! Ports, from `--port-base`: +0 control plane, +1 origin HTTP, +2 origin QUIC (UDP), +3 origin admin, +4 control plane
//! admin, +5 control plane for nodes; edge i: +10+10i HTTP, then media (UDP), link (UDP), admin; cdn i: +50+10i HTTP, then admin.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use control_plane::config::Secret;
use control_plane_agent::authority::Authority;
use control_plane_agent::identity::CONTROL_PLANE_NAME;
use control_plane_agent::store::Store;
use control_plane_agent::store::embedded::Embedded;
use control_plane_agent::telemetry;
use control_plane_agent::view::View;
use control_plane_api::node::Location;
use control_plane_api::token::ApiKey;
use serde::Deserialize as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cli::tell;
use crate::ready::{Cdn, Edge, Ready};
use crate::role::{CdnPlace, RECORDING_NEWS_MAX, serve_cdn, serve_origin};

/// Names and places of the regions.
const REGIONS: [(&str, Location); 3] = [
    ("seoul", Location { latitude: 37.5665, longitude: 126.9780 }),
    ("gangneung", Location { latitude: 37.7519, longitude: 128.8761 }),
    ("jeju", Location { latitude: 33.4996, longitude: 126.5312 }),
];
/// The origin's node id.
const ORIGIN: &str = "origin";
const ORIGIN_HTTP: u16 = 1;
const CONTROL_PLANE_ADMIN: u16 = 4;
const CONTROL_PLANE_NODES: u16 = 5;
const EDGES: u16 = 10;
const CDN: u16 = 50;
/// Ports of one node, and of the whole house.
const STEP: u16 = 10;
const PORTS: u16 = 80;
/// Nodes register within a second; a disk that takes longer has worse problems.
const REGISTER_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Everything that is kept; the next start goes on with it.
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub data_dir: PathBuf,
    /// First of the 80 ports.
    #[arg(long, value_name = "PORT", default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..=i64::from(u16::MAX - PORTS)))]
    pub port_base: u16,
    /// People and classes in a PostgreSQL instead of a file: `postgres://user:password@host/name`
    #[arg(long, value_name = "URL", env = "SEODANG_DATABASE", hide_env_values = true, value_parser = secret)]
    #[arg(default_value = "", hide_default_value = true)]
    pub database: Secret,
    /// Written once everything answers: URLs and keys as JSON.
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// Spans of every request and join to a collector, by OTLP over HTTP: `http://127.0.0.1:4318`
    #[arg(long, value_name = "URL", default_value = "", hide_default_value = true)]
    pub otlp: String,
    /// What is logged, on standard error.
    #[arg(long, value_name = "FILTER", env = "RUST_LOG", default_value = "warn")]
    pub log: String,
}

/// Runs the house until `stop` or until one of its nodes ends.
///
/// # Errors
/// Names the node that could not start or that failed, and what to do.
pub async fn run(arguments: Arguments, stop: CancellationToken) -> anyhow::Result<()> {
    telemetry::init(&telemetry_of(&arguments))?;
    if let Some(file) = &arguments.ready_file {
        // A file of an earlier run would say "ready" too early.
        std::fs::remove_file(file).ok();
    }
    let say = |line: &str| tell(&mut std::io::stdout(), line);
    let house = tokio::select! {
        started = House::start(&arguments, &stop, say) => started?,
        () = stop.cancelled() => return Ok(()),
    };
    if let Some(file) = &arguments.ready_file {
        house.ready.write(file)?;
    }
    say(&format!("\nSeodang is open. Ctrl-C closes it.\n\n{}", house.ready));
    if arguments.ready_file.is_none() {
        let people: Vec<&str> = control_plane::seed::PEOPLE.iter().map(|(email, ..)| *email).collect();
        say(&format!(
            "sign in      {}\n             password {}",
            people.join(", "),
            control_plane::seed::PASSWORD
        ));
    }
    let result = house.run(&stop).await;
    if let Some(file) = &arguments.ready_file {
        std::fs::remove_file(file).ok();
    }
    result
}

/// All traces are recorded: one class on one machine is few.
pub(crate) fn telemetry_of(arguments: &Arguments) -> telemetry::Config {
    let (filter, otlp) = (arguments.log.clone(), arguments.otlp.clone());
    telemetry::Config { filter, otlp, otlp_sample_percent: 100, ..telemetry::Config::default() }
}

/// All nodes, running.
#[derive(Debug)]
pub struct House {
    pub ready: Ready,
    nodes: JoinSet<(String, anyhow::Result<()>)>,
}

impl House {
    /// Starts everything and waits until it answers.
    ///
    /// # Errors
    /// Names the node that does not start.
    pub async fn start(
        arguments: &Arguments,
        stop: &CancellationToken,
        say: impl Fn(&str),
    ) -> anyhow::Result<Self> {
        let mut builder = Builder::open(arguments, stop).with_context(|| {
            format!("data directory {} (choose another with --data-dir)", arguments.data_dir.display())
        })?;
        builder.start(say).await.with_context(|| {
            format!(
                "dev: a house takes ports {0} to {1}; move it with --port-base",
                builder.base,
                builder.base + PORTS
            )
        })?;
        Ok(Self { ready: builder.ready, nodes: builder.nodes })
    }

    /// Waits for the end: of `stop`, after which every node ends, or of a node that should not have.
    ///
    /// # Errors
    /// A node failed.
    pub async fn run(mut self, stop: &CancellationToken) -> anyhow::Result<()> {
        let mut result = Ok(());
        while let Some(ended) = self.nodes.join_next().await {
            let early = !stop.is_cancelled();
            let failed = match ended {
                Ok((name, Err(error))) => Some(error.context(name)),
                Ok((name, Ok(()))) if early => Some(anyhow::anyhow!("{name} has ended by itself")),
                Ok((name, Ok(()))) => {
                    tracing::debug!(name, "ended");
                    None
                }
                Err(error) => Some(anyhow::anyhow!("a node broke down: {error}")),
            };
            if let Some(error) = failed
                && result.is_ok()
            {
                result = Err(error);
                stop.cancel();
            }
        }
        result
    }
}

/// The house while it is built.
struct Builder {
    base: u16,
    data_dir: PathBuf,
    database: Secret,
    authority: Authority,
    api_key: ApiKey,
    store: Arc<dyn Store>,
    stop: CancellationToken,
    nodes: JoinSet<(String, anyhow::Result<()>)>,
    ready: Ready,
    /// A program that waits for the ready file begins with an empty school.
    for_people: bool,
}

impl Builder {
    fn open(arguments: &Arguments, stop: &CancellationToken) -> anyhow::Result<Self> {
        let data_dir = std::path::absolute(&arguments.data_dir)?;
        let api_key = api_key(&data_dir)?;
        let ready =
            Ready { api_key: api_key.key.clone(), api_secret: api_key.secret.clone(), ..Ready::default() };
        Ok(Self {
            base: arguments.port_base,
            database: arguments.database.clone(),
            authority: Authority::open(&data_dir.join("fleet"))?,
            store: Arc::new(Embedded::open(&data_dir.join("store"))?),
            api_key,
            data_dir,
            stop: stop.clone(),
            nodes: JoinSet::new(),
            ready,
            for_people: arguments.ready_file.is_none(),
        })
    }

    async fn start(&mut self, say: impl Fn(&str)) -> anyhow::Result<()> {
        say("control plane …");
        self.start_control_plane().await?;
        say("origin …");
        self.start_origin().await?;
        for (index, (region, location)) in (0..).zip(REGIONS) {
            say(&format!("{region}: edge and cdn node …"));
            self.start_edge(index, region, location).await?;
            self.start_cdn(index, region, location)?;
        }
        say("waiting until everything answers …");
        tokio::select! {
            result = everything_answers(&self.ready, &self.store) => result,
            Some(ended) = self.nodes.join_next() => match ended {
                Ok((name, result)) => Err(result.err().unwrap_or_else(|| anyhow::anyhow!("ended at once")).context(name)),
                Err(error) => Err(anyhow::anyhow!("a node broke down: {error}")),
            },
        }
    }

    async fn start_control_plane(&mut self) -> anyhow::Result<()> {
        let config = control_plane::Config {
            id: "control-plane".to_owned(),
            region: REGIONS[0].0.to_owned(),
            location: Some(REGIONS[0].1),
            listen: self.local(0),
            admin: self.local(CONTROL_PLANE_ADMIN),
            // The store is at hand for everybody here; the edges' facts of attendance come this way all the same.
            nodes: Some(self.local(CONTROL_PLANE_NODES)),
            data_dir: self.data_dir.join("control-plane"),
            database: self.database.clone(),
            api_keys: vec![self.api_key.clone()],
            dev: true,
            ..control_plane::Config::default()
        };
        let identity = self.authority.issue(&config.id, &[CONTROL_PLANE_NAME])?.identity()?;
        let bound = control_plane::ControlPlane::bind(config, self.store.clone(), Some(identity)).await?;
        if self.for_people {
            bound.seed().await?;
        }
        self.ready.web = format!("http://{}", bound.address()?);
        let stop = self.stop.clone();
        self.spawn("control plane", async move { bound.run(stop).await });
        Ok(())
    }

    async fn start_origin(&mut self) -> anyhow::Result<()> {
        let identity = self.authority.issue(ORIGIN, &[])?.identity()?;
        let config = origin::Config {
            id: ORIGIN.to_owned(),
            region: REGIONS[0].0.to_owned(),
            listen: self.local(ORIGIN_HTTP),
            ingest: self.local(ORIGIN_HTTP + 1),
            admin: self.local(ORIGIN_HTTP + 2),
            data_dir: self.data_dir.join("origin"),
            ..origin::Config::default()
        };
        let (updates, news) = tokio::sync::mpsc::channel(RECORDING_NEWS_MAX);
        let bound = origin::Origin::bind(config, &identity, updates).await?;
        self.ready.origin = format!("http://{}", bound.addrs().http);
        let (store, stop) = (self.store.clone(), self.stop.clone());
        self.spawn(ORIGIN, async move { serve_origin(bound, news, Some(REGIONS[0].1), store, stop).await });
        Ok(())
    }

    async fn start_edge(&mut self, index: u16, region: &str, location: Location) -> anyhow::Result<()> {
        let (id, first) = (format!("{region}-edge"), EDGES + index * STEP);
        let identity = self.authority.issue(&id, &[])?.identity()?;
        let config = edge::Config {
            id: id.clone(),
            region: region.to_owned(),
            location: Some(location),
            listen: self.local(first),
            // Browsers offer no loopback candidate: they reach the media port over the machine's own address.
            media: SocketAddr::from((Ipv4Addr::UNSPECIFIED, self.base + first + 1)),
            link: self.local(first + 2),
            admin: self.local(first + 3),
            keys: vec![self.api_key.clone()],
            data_dir: self.data_dir.join(&id),
            ..edge::Config::default()
        };
        let bound = edge::Edge::bind(config, identity, self.store.clone()).await?;
        let addresses = bound.addresses()?;
        self.ready.edges.push(Edge {
            id: id.clone(),
            region: region.to_owned(),
            url: format!("http://{}", addresses.http),
            admin: format!("http://{}", addresses.admin),
        });
        let stop = self.stop.clone();
        self.spawn(&id, async move { bound.run(stop).await });
        Ok(())
    }

    fn start_cdn(&mut self, index: u16, region: &str, location: Location) -> anyhow::Result<()> {
        let (id, first) = (format!("{region}-cdn"), CDN + index * STEP);
        let config = cdn::Config {
            node: id.clone(),
            region: region.to_owned(),
            listen: self.local(first),
            admin: Some(self.local(first + 1)),
            upstreams: vec![format!("http://{}", self.local(ORIGIN_HTTP))],
            ..cdn::Config::default()
        };
        let bound = cdn::Cdn::bind(config.clone())?;
        let url = format!("http://{}", bound.addrs().listen);
        self.ready.cdn.push(Cdn { id: id.clone(), region: region.to_owned(), url: url.clone() });
        let place = CdnPlace { location: Some(location), url };
        let (store, stop) = (Some(self.store.clone()), self.stop.clone());
        self.spawn(&id, async move { serve_cdn(bound, &config, place, store, stop).await });
        Ok(())
    }

    fn spawn(&mut self, name: &str, node: impl Future<Output = anyhow::Result<()>> + Send + 'static) {
        let name = name.to_owned();
        self.nodes.spawn(async move { (name, node.await) });
    }

    fn local(&self, offset: u16) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.base + offset)
    }
}

/// Every node answers, and the control plane knows it.
async fn everything_answers(ready: &Ready, store: &Arc<dyn Store>) -> anyhow::Result<()> {
    ready.wait().await?;
    let watching = CancellationToken::new();
    let view = View::start(store, &watching);
    let _end = watching.drop_guard();
    let edges = ready.edges.iter().map(|edge| edge.id.as_str());
    let ids: Vec<&str> = edges.chain(ready.cdn.iter().map(|cdn| cdn.id.as_str())).chain([ORIGIN]).collect();
    let mut nodes = view.nodes.subscribe();
    let all = nodes.wait_for(|nodes| ids.iter().all(|id| nodes.contains_key(*id)));
    let registered = tokio::time::timeout(REGISTER_TIMEOUT, all).await;
    registered.context("not every node has registered with the control plane")??;
    Ok(())
}

fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

/// The deployment's API key, made at the first start.
fn api_key(data_dir: &Path) -> anyhow::Result<ApiKey> {
    let file = data_dir.join("api-key.json");
    match std::fs::read_to_string(&file) {
        Ok(text) => {
            let mut json = serde_json::Deserializer::from_str(&text);
            ApiKey::deserialize(&mut json).with_context(|| format!("{} is no API key", file.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let random = |bytes: usize| -> String {
                (0..bytes).map(|_| format!("{:02x}", rand::random::<u8>())).collect()
            };
            let key = ApiKey { key: format!("dev{}", random(6)), secret: random(32) };
            std::fs::create_dir_all(data_dir).with_context(|| format!("creating {}", data_dir.display()))?;
            write_secret(&file, &serde_json::to_string_pretty(&key)?)?;
            Ok(key)
        }
        Err(error) => Err(error).with_context(|| format!("reading {}", file.display())),
    }
}

/// An empty file only its owner may read.
pub(crate) fn secret_file(file: &Path) -> anyhow::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(file).with_context(|| format!("writing {}", file.display()))
}

/// Writes a file only its owner may read.
pub(crate) fn write_secret(file: &Path, text: &str) -> anyhow::Result<()> {
    let mut opened = secret_file(file)?;
    opened.write_all(text.as_bytes()).with_context(|| format!("writing {}", file.display()))?;
    opened.sync_all().with_context(|| format!("writing {}", file.display()))
}
