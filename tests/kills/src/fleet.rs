//! Real processes: three etcd, two control planes, edges, each dialled by the others through a relay.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use control_plane_api::key;
use control_plane_api::token::{ApiKey, Claims, Grant, sign};
use control_plane_api::topology::Topology;
use etcd_cluster::{Cluster, USER};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::relay::{self, Cuts};

pub(crate) const CONTROL_PLANES: usize = 2;
const PORTS_PER_NODE: u16 = 8;
const START_TIMEOUT: Duration = Duration::from_secs(60);
const TOKEN_TTL_S: u64 = 24 * 3_600;
pub(crate) const ROOM: &str = "kills";

pub(crate) struct Fleet {
    pub(crate) etcd: Cluster,
    pub(crate) cuts: Cuts,
    pub(crate) edges: usize,
    nodes: Vec<Node>,
    binary: PathBuf,
    /// Both control planes' PostgreSQL; a file of its own each without.
    database: Option<String>,
    port_base: u16,
    key: ApiKey,
    directory: tempfile::TempDir,
}

struct Node {
    name: String,
    role: &'static str,
    child: Option<Child>,
}

impl Fleet {
    pub(crate) async fn open(binary: &Path, edges: usize, database: Option<String>) -> anyhow::Result<Self> {
        let binary = binary.canonicalize().with_context(|| format!("there is no {}", binary.display()))?;
        let etcd = Cluster::start().await.context("etcd")?;
        let directory = tempfile::Builder::new().prefix("seodang-kills-").tempdir()?;
        let key = ApiKey { key: "kills".into(), secret: format!("{:032x}", rand::random::<u128>()) };
        let planes = (0..CONTROL_PLANES).map(|n| Node {
            name: format!("control-plane-{n}"),
            role: "control-plane",
            child: None,
        });
        let nodes = planes
            .chain((0..edges).map(|n| Node { name: edge_name(n), role: "edge", child: None }))
            .collect();
        let port_base = free_ports(PORTS_PER_NODE * u16::try_from(CONTROL_PLANES + edges)?);
        let cuts = Cuts::default();
        let mut fleet = Self { etcd, cuts, edges, nodes, binary, database, port_base, key, directory };
        fleet.certificates()?;
        let ports: Arc<Vec<u16>> = Arc::new((0..edges).map(|edge| fleet.edge_port(edge, 2)).collect());
        for edge in 0..edges {
            relay::start(fleet.edge_port(edge, 4), edge, Arc::clone(&ports), fleet.cuts.clone()).await?;
        }
        for node in 0..fleet.nodes.len() {
            fleet.configure(node)?;
            fleet.start(node)?;
        }
        for node in 0..fleet.nodes.len() {
            fleet.ready(node).await?;
        }
        Ok(fleet)
    }

    /// Number of an edge among all nodes.
    pub(crate) fn node_of(edge: usize) -> usize {
        CONTROL_PLANES + edge
    }

    fn port(&self, node: usize, offset: u16) -> u16 {
        self.port_base + PORTS_PER_NODE * node as u16 + offset
    }

    fn edge_port(&self, edge: usize, offset: u16) -> u16 {
        self.port(Self::node_of(edge), offset)
    }

    pub(crate) fn edge_url(&self, edge: usize) -> String {
        format!("http://127.0.0.1:{}", self.edge_port(edge, 0))
    }

    pub(crate) fn token(&self, identity: &str) -> anyhow::Result<String> {
        let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
        let grant = Grant { room_join: true, room: ROOM.to_owned(), ..Grant::default() };
        let claims = Claims {
            sub: identity.to_owned(),
            exp: Some(now_s + TOKEN_TTL_S),
            video: Some(grant),
            ..Claims::default()
        };
        Ok(sign(&claims, &self.key))
    }

    fn certificates(&self) -> anyhow::Result<()> {
        let of = |role: &str| {
            self.nodes
                .iter()
                .filter(|node| node.role == role)
                .map(|node| node.name.clone())
                .collect::<Vec<_>>()
        };
        for (flag, names) in [(Some("--control-plane"), of("control-plane")), (None, of("edge"))] {
            let mut command = Command::new(&self.binary);
            command.args(["certificates", "--directory", "certificates"]).args(flag).args(names);
            let output = command.current_dir(self.directory.path()).output()?;
            ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    fn configure(&self, node: usize) -> anyhow::Result<()> {
        let Node { name, role, .. } = &self.nodes[node];
        let local = |offset| format!("\"127.0.0.1:{}\"", self.port(node, offset));
        let keys = format!("[{{ key = \"{}\", secret = \"{}\" }}]", self.key.key, self.key.secret);
        let own = if *role == "edge" {
            format!(
                "[edge]\nid = \"{name}\"\nregion = \"{name}\"\nlisten = {}\nmedia = {}\nlink = {}\nadmin = {}\npublic_link = {}\n\
                 data_dir = \"{name}\"\nkeys = {keys}\n",
                local(0),
                local(1),
                local(2),
                local(3),
                local(4)
            )
        } else {
            let database = self.database.as_ref();
            let database = database.map_or_else(String::new, |url| format!("database = {url:?}\n"));
            format!(
                "[control_plane]\nid = \"{name}\"\nregion = \"seoul\"\nlisten = {}\nadmin = {}\nnodes = {}\ndata_dir = \"{name}\"\n\
                 api_keys = {keys}\n{database}",
                local(0),
                local(3),
                local(2)
            )
        };
        let file = |file: &str| self.etcd.directory().join(file).display().to_string();
        let fleet = format!(
            "[fleet]\nca = \"certificates/ca.pem\"\ncertificate = \"certificates/{name}.pem\"\nkey = \"certificates/{name}.key\"\n\
             [fleet.etcd]\nendpoints = {:?}\nca = {:?}\ncert = {:?}\nkey = {:?}\nuser = {USER:?}\npassword_file = {:?}\n\
             [telemetry]\nfilter = \"info\"\n",
            self.etcd.endpoints(),
            file("ca.pem"),
            file("cert.pem"),
            file("key.pem"),
            file("password")
        );
        std::fs::write(self.directory.path().join(format!("{name}.toml")), own + &fleet)?;
        Ok(())
    }

    /// Starts a node that does not run.
    pub(crate) fn start(&mut self, node: usize) -> anyhow::Result<()> {
        let Node { name, role, child } = &mut self.nodes[node];
        let log = self.directory.path().join(format!("{name}.log"));
        let output = std::fs::File::options().create(true).append(true).open(log)?;
        let mut command = Command::new(&self.binary);
        command.args([*role, "--config", &format!("{name}.toml")]).current_dir(self.directory.path());
        // It takes every variable that begins so for a setting.
        command.env_remove(postgres_server::REQUIRED);
        *child = Some(command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).spawn()?);
        Ok(())
    }

    /// Waits until a node answers.
    pub(crate) async fn ready(&mut self, node: usize) -> anyhow::Result<()> {
        let admin = format!("127.0.0.1:{}", self.port(node, 3));
        let end = Instant::now() + START_TIMEOUT;
        while !is_ready(&admin).await {
            let logs = self.kept().to_owned();
            let Node { name, child, .. } = &mut self.nodes[node];
            let ended =
                child.as_mut().is_none_or(|child| child.try_wait().is_ok_and(|status| status.is_some()));
            ensure!(
                !ended && Instant::now() < end,
                "{name} does not get ready; its log is in {}",
                logs.display()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Power cut: nothing answers any more, and no socket is closed.
    pub(crate) fn freeze(&mut self, node: usize) -> anyhow::Result<()> {
        let child = self.nodes[node].child.as_ref().context("a node that runs")?;
        let status = Command::new("kill").args(["-STOP", &child.id().to_string()]).status()?;
        ensure!(status.success(), "kill -STOP");
        Ok(())
    }

    /// kill -9.
    pub(crate) fn kill(&mut self, node: usize) -> anyhow::Result<()> {
        if let Some(mut child) = self.nodes[node].child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// The plan of the room, if there is one. A cluster that has just lost its leader is asked again.
    pub(crate) async fn topology(&self) -> anyhow::Result<Option<Topology>> {
        let end = Instant::now() + START_TIMEOUT;
        loop {
            match self.read_topology().await {
                Err(_) if Instant::now() < end => tokio::time::sleep(Duration::from_millis(500)).await,
                read => return read,
            }
        }
    }

    async fn read_topology(&self) -> anyhow::Result<Option<Topology>> {
        let mut client = self.etcd.root().await?;
        let answer = client.get(key::topology(ROOM), None).await?;
        Ok(answer.kvs().first().and_then(|entry| serde_json::from_slice(entry.value()).ok()))
    }

    /// Where logs are.
    pub(crate) fn kept(&self) -> &Path {
        self.directory.path()
    }

    /// Leaves the directory with the logs behind.
    pub(crate) fn keep(&mut self) {
        self.directory.disable_cleanup(true);
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for node in 0..self.nodes.len() {
            self.kill(node).ok();
        }
    }
}

pub(crate) fn edge_name(edge: usize) -> String {
    format!("edge-{edge}")
}

async fn is_ready(admin: &str) -> bool {
    let asked = async {
        let mut stream = tokio::net::TcpStream::connect(admin).await?;
        stream
            .write_all(
                format!("GET /readyz HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\n\r\n").as_bytes(),
            )
            .await?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await?;
        anyhow::Ok(answer.ends_with(b"200"))
    };
    tokio::time::timeout(Duration::from_secs(1), asked).await.is_ok_and(|answer| answer.unwrap_or(false))
}

/// First of a run of ports nobody has at the moment, below those the kernel hands out.
fn free_ports(count: u16) -> u16 {
    let free = |port| {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
            && UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
    };
    let mut bases = std::iter::repeat_with(|| rand::random_range(12_000..30_000_u16));
    bases.find(|base| (*base..*base + count).all(free)).expect("the search goes on until there is one")
}
