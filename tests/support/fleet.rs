//! Every node in a process of its own, with certificates of one fleet, as in a deployment: one of each kind, and a second
//! edge where a test wants one. A node can be killed and started again with what its disk holds.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use control_plane_api::token::ApiKey;
use load::{Client, ClientConfig};

use super::house::{Node, binary, connect, free_ports, now_s, token};
use super::{Turn, http, turn, until};

const START_TIMEOUT: Duration = Duration::from_secs(30);
const TOKEN_TTL_S: u64 = 3_600;

#[derive(Debug)]
pub struct Fleet {
    nodes: BTreeMap<&'static str, Node>,
    port_base: u16,
    key: ApiKey,
    // After the processes that write into it.
    directory: tempfile::TempDir,
    // Last: the next test begins when all of this is gone.
    turn: Turn,
}

/// Names of the nodes; each is the certificate's too.
pub const CONTROL_PLANE: &str = "control-plane-0";
pub const EDGE: &str = "seoul-edge";
pub const SECOND_EDGE: &str = "jeju-edge";
pub const ORIGIN: &str = "origin";
pub const CDN: &str = "jeju-cdn";

impl Fleet {
    pub async fn open() -> anyhow::Result<Self> {
        Self::open_with("").await
    }

    /// With more lines in the `[telemetry]` of every node.
    pub async fn open_with(telemetry: &str) -> anyhow::Result<Self> {
        let turn = turn().await;
        let directory = tempfile::Builder::new().prefix("seodang-").tempdir()?;
        let key = ApiKey { key: "fleet".into(), secret: format!("{:032x}", rand::random::<u128>()) };
        let mut fleet = Self { nodes: BTreeMap::new(), port_base: free_ports(), key, directory, turn };
        fleet.certificates(&["--control-plane", CONTROL_PLANE])?;
        fleet.certificates(&[EDGE, ORIGIN, CDN])?;
        for name in [CONTROL_PLANE, ORIGIN, EDGE, CDN] {
            fleet.configure(name, telemetry)?;
            fleet.start(name).await?;
        }
        Ok(fleet)
    }

    fn certificates(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let mut command = Command::new(binary());
        command.args(["certificates", "--directory", "certificates"]).args(arguments);
        let output = command.current_dir(self.directory.path()).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    fn configure(&self, name: &str, telemetry: &str) -> anyhow::Result<()> {
        let local = |offset| format!("\"127.0.0.1:{}\"", self.port_base + offset);
        let key = format!("{{ key = \"{}\", secret = \"{}\" }}", self.key.key, self.key.secret);
        let own = match name {
            CONTROL_PLANE => format!(
                "[control_plane]\nid = \"{name}\"\nregion = \"seoul\"\nlisten = {}\nadmin = {}\nnodes = {}\n\
                 data_dir = \"{name}\"\napi_keys = [{key}]\n",
                local(0),
                local(1),
                local(2)
            ),
            EDGE | SECOND_EDGE => format!(
                "[edge]\nid = \"{name}\"\nregion = \"{}\"\nlisten = {}\nmedia = {}\nlink = {}\nadmin = {}\n\
                 data_dir = \"{name}\"\nkeys = [{key}]\n",
                name.trim_end_matches("-edge"),
                local(first_port(name)),
                local(first_port(name) + 1),
                local(first_port(name) + 2),
                local(first_port(name) + 3)
            ),
            ORIGIN => format!(
                "[origin]\nid = \"{name}\"\nregion = \"seoul\"\nlisten = {}\nadmin = {}\ningest = {}\ndata_dir = \"{name}\"\n",
                local(20),
                local(21),
                local(22)
            ),
            CDN => format!(
                "[cdn]\nnode = \"{name}\"\nregion = \"jeju\"\nlisten = {}\nadmin = {}\nupstreams = [\"http://127.0.0.1:{}\"]\n\
                 [node]\nurl = \"{}\"\n",
                local(30),
                local(31),
                self.port_base + 20,
                self.cdn()
            ),
            _ => anyhow::bail!("no node is called {name}"),
        };
        let file = |kind: &str| format!("\"certificates/{name}.{kind}\"");
        let planes = if name == CONTROL_PLANE { String::new() } else { local(2) };
        let fleet = format!(
            "[fleet]\nca = \"certificates/ca.pem\"\ncertificate = {}\nkey = {}\ncontrol_planes = [{planes}]\n\
             [telemetry]\nfilter = \"info\"\n{telemetry}\n",
            file("pem"),
            file("key")
        );
        std::fs::write(self.directory.path().join(format!("{name}.toml")), own + &fleet)?;
        Ok(())
    }

    /// Starts [`SECOND_EDGE`].
    pub async fn add_edge(&mut self) -> anyhow::Result<()> {
        self.certificates(&[SECOND_EDGE])?;
        self.configure(SECOND_EDGE, "")?;
        self.start(SECOND_EDGE).await
    }

    pub fn key(&self) -> &ApiKey {
        &self.key
    }

    /// Starts a node and waits until it answers.
    pub async fn start(&mut self, name: &'static str) -> anyhow::Result<()> {
        let role = match name {
            CONTROL_PLANE => "control-plane",
            EDGE | SECOND_EDGE => "edge",
            ORIGIN => "origin",
            _ => "cdn",
        };
        let arguments = [role.to_owned(), "--config".to_owned(), format!("{name}.toml")];
        self.nodes.insert(name, Node::start(name, self.directory.path(), &arguments)?);
        let admin = self.admin(name);
        let end = tokio::time::Instant::now() + START_TIMEOUT;
        loop {
            let ready = http::get(&format!("{admin}/readyz")).await;
            if ready.is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            let node = self.nodes.get_mut(name).context("just started")?;
            let late = node.has_ended() || tokio::time::Instant::now() > end;
            ensure!(!late, "{name} does not get ready:\n{}", node.said());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// kill -9.
    pub fn kill(&mut self, name: &str) {
        self.nodes.remove(name).expect("a node that runs").kill();
    }

    /// Whether its process is over, by itself or because it was killed.
    pub fn has_ended(&mut self, name: &str) -> bool {
        self.nodes.get_mut(name).is_none_or(Node::has_ended)
    }

    /// kill -TERM.
    pub fn terminate(&self, name: &str) {
        let id = self.nodes.get(name).expect("a node that runs").id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().expect("kill is there");
    }

    pub fn admin(&self, name: &str) -> String {
        let offset = match name {
            CONTROL_PLANE => 1,
            EDGE | SECOND_EDGE => first_port(name) + 3,
            ORIGIN => 21,
            _ => 31,
        };
        format!("http://127.0.0.1:{}", self.port_base + offset)
    }

    pub fn web(&self) -> String {
        format!("http://127.0.0.1:{}", self.port_base)
    }

    pub fn cdn(&self) -> String {
        format!("http://127.0.0.1:{}", self.port_base + 30)
    }

    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// What all nodes have logged.
    pub fn said(&self) -> String {
        self.nodes.iter().map(|(name, node)| format!("--- {name}\n{}\n", node.said())).collect()
    }

    /// Joins at the edge, as soon as it takes somebody in.
    pub async fn join(&self, room: &str, identity: &str) -> Client {
        self.join_at(EDGE, room, identity).await
    }

    pub async fn join_at(&self, edge: &str, room: &str, identity: &str) -> Client {
        until("somebody can join", START_TIMEOUT, async || {
            let config = ClientConfig {
                url: format!("http://127.0.0.1:{}", self.port_base + first_port(edge)),
                token: token(&self.key, room, identity, now_s() + TOKEN_TTL_S),
                auto_subscribe: true,
                faults: None,
                packets: None,
            };
            connect(config).await.ok()
        })
        .await
    }
}

/// Of an edge.
fn first_port(name: &str) -> u16 {
    if name == SECOND_EDGE { 40 } else { 10 }
}
