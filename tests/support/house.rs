//! The whole product in a process of its own: `seodang dev` in a temporary directory, on ports nobody has.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use control_plane_api::token::{ApiKey, Claims, Grant, sign};
use load::{Client, ClientConfig, Faults};
use seodang::ready::Ready;
use tokio::sync::mpsc;

use super::http::{self, Metrics};
use super::{Turn, turn};

/// Ports of one house.
const PORTS: u16 = 80;
const START_TIMEOUT: Duration = Duration::from_secs(60);
const END_TIMEOUT: Duration = Duration::from_secs(5);
const TOKEN_TTL_S: u64 = 3_600;
pub const SEOUL: usize = 0;
pub const GANGNEUNG: usize = 1;
pub const JEJU: usize = 2;

/// The binary under test.
pub fn binary() -> PathBuf {
    std::env::var_os("SEODANG_BIN").map_or_else(|| env!("CARGO_BIN_EXE_seodang").into(), PathBuf::from)
}

/// First of a run of ports nobody has at the moment.
pub fn free_ports() -> u16 {
    let free = |port| {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
            && UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
    };
    // Below the range from which the kernel hands out ports to connections.
    let mut bases = (0..).map(|_| rand::random_range(12_000..30_000_u16));
    bases.find(|base| (*base..*base + PORTS).all(free)).expect("the search goes on until there is one")
}

/// A process of the product, ended with its handle; what it says goes to a file.
#[derive(Debug)]
pub struct Node {
    child: Child,
    pub log: PathBuf,
}

impl Node {
    pub fn start(name: &str, directory: &Path, arguments: &[String]) -> anyhow::Result<Self> {
        let log = directory.join(format!("{name}.log"));
        let output = std::fs::File::options().create(true).append(true).open(&log)?;
        // A node takes every SEODANG_… of its environment for a setting; these are the tests' own.
        let child = Command::new(binary())
            .env_remove("SEODANG_BIN")
            .env_remove("SEODANG_TEST_LOG")
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("starting {}", binary().display()))?;
        Ok(Self { child, log })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// As a power cut does: no goodbye.
    pub fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.has_ended() {
            return;
        }
        Command::new("kill").args(["-INT", &self.id().to_string()]).status().ok();
        let end = Instant::now() + END_TIMEOUT;
        while Instant::now() < end && !self.has_ended() {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.kill();
    }
}

#[derive(Debug)]
pub struct House {
    pub ready: Ready,
    pub port_base: u16,
    pub node: Node,
    // After the process that writes into it.
    directory: tempfile::TempDir,
    // Last: the next test begins when all of this is gone.
    turn: Turn,
}

impl House {
    /// Starts the house and waits until all of it answers.
    pub async fn open() -> anyhow::Result<Self> {
        let turn = turn().await;
        let directory = tempfile::Builder::new().prefix("seodang-").tempdir()?;
        let port_base = free_ports();
        let log = std::env::var("SEODANG_TEST_LOG").unwrap_or_else(|_| "info".to_owned());
        let arguments = [
            "dev",
            "--data-dir",
            "data",
            "--ready-file",
            "ready.json",
            "--port-base",
            &port_base.to_string(),
            "--log",
            &log,
        ];
        let mut node = Node::start("house", directory.path(), &arguments.map(str::to_owned))?;
        let file = directory.path().join("ready.json");
        let start = Instant::now();
        let ready = loop {
            if let Ok(text) = std::fs::read_to_string(&file) {
                break serde_json::from_str(&text)?;
            }
            let late = node.has_ended() || start.elapsed() > START_TIMEOUT;
            anyhow::ensure!(!late, "the house did not come up:\n{}", node.said());
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        Ok(Self { ready, port_base, node, directory, turn })
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn key(&self) -> ApiKey {
        ApiKey { key: self.ready.api_key.clone(), secret: self.ready.api_secret.clone() }
    }

    /// A token that lets `identity` into `room`.
    pub fn token(&self, room: &str, identity: &str) -> String {
        token(&self.key(), room, identity, now_s() + TOKEN_TTL_S)
    }

    /// How `identity` joins `room` at the edge of a region.
    pub fn client(&self, region: usize, room: &str, identity: &str) -> ClientConfig {
        ClientConfig {
            url: self.ready.edges[region].url.clone(),
            token: self.token(room, identity),
            auto_subscribe: true,
            faults: None,
            packets: None,
        }
    }

    /// Joins and waits until media is connected.
    pub async fn join(&self, region: usize, room: &str, identity: &str) -> anyhow::Result<Client> {
        connect(self.client(region, room, identity)).await
    }

    /// The same through a bad network.
    pub async fn join_through(
        &self,
        region: usize,
        room: &str,
        identity: &str,
        faults: Faults,
    ) -> anyhow::Result<Client> {
        connect(ClientConfig { faults: Some(faults), ..self.client(region, room, identity) }).await
    }

    pub async fn metrics(&self, region: usize) -> anyhow::Result<Metrics> {
        Metrics::of(&self.ready.edges[region].admin).await
    }

    /// Tracks (without layers: layers too) that cross from one region to another.
    pub async fn flows(&self, from: usize, to: usize) -> anyhow::Result<f64> {
        let peer = &self.ready.edges[to].id;
        Ok(self.metrics(from).await?.get(&format!("seodang_link_flows_out{{peer=\"{peer}\"}}")))
    }

    /// Makes a class and gives its id.
    pub async fn make_class(&self, title: &str, recorded: bool) -> anyhow::Result<String> {
        make_class(&self.ready.web, &self.key(), title, recorded).await
    }
}

/// What a server with the API key shows the control plane.
pub fn bearer(key: &ApiKey) -> String {
    let grant = Grant { room_admin: true, room_create: true, ..Grant::default() };
    let claims = Claims { exp: Some(now_s() + TOKEN_TTL_S), video: Some(grant), ..Claims::default() };
    format!("Bearer {}", sign(&claims, key))
}

pub async fn make_class(web: &str, key: &ApiKey, title: &str, recorded: bool) -> anyhow::Result<String> {
    let body =
        serde_json::json!({ "title": title, "description": "", "instructor": "Kim", "recorded": recorded });
    let bearer = bearer(key);
    let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    let url = format!("{web}/v1/classes");
    let answer = http::request("POST", &url, &headers, body.to_string().as_bytes()).await?;
    anyhow::ensure!(answer.status < 300, "{} {}", answer.status, answer.text());
    let class: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&answer.body)?;
    Ok(class.get("id").and_then(|id| id.as_str()).context("a class without id")?.to_owned())
}

/// Joins and waits until media is connected.
pub async fn connect(config: ClientConfig) -> anyhow::Result<Client> {
    let mut client = Client::join(config).await?;
    client.connected(Duration::from_secs(30)).await?;
    Ok(client)
}

pub fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs())
}

pub fn token(key: &ApiKey, room: &str, identity: &str, exp_s: u64) -> String {
    let grant = Grant { room_join: true, room: room.to_owned(), ..Grant::default() };
    let claims =
        Claims { sub: identity.to_owned(), exp: Some(exp_s), video: Some(grant), ..Claims::default() };
    sign(&claims, key)
}

/// Packets of a client, by track.
pub type Packets = mpsc::UnboundedReceiver<(String, load::rtp::Packet)>;
