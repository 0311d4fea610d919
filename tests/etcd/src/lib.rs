//! A real etcd cluster of three on the loopback, with TLS on every connection and users, for tests that need one.
//!
//! Needs `etcd` (3.4 to 3.6) in the search path; `tests/run tools` installs it. Members end when the cluster is dropped.

#![forbid(unsafe_code)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use etcd_client::{Certificate, Client, CompactionOptions, ConnectOptions, Identity, Permission, TlsOptions};
use tokio::time::{Instant, sleep, timeout};

pub mod certificates;

pub const MEMBERS: usize = 3;
/// May do everything.
pub const ROOT: &str = "root";
/// May read and write below `/seodang/` and `/school/`, as a fleet's user should.
pub const USER: &str = "seodang";
/// Of both users.
pub const PASSWORD: &str = "a password for tests";

/// Above the ports the system gives out, so that a member that is down keeps its own.
const PORTS: std::ops::Range<u16> = 61_100..65_400;
/// Longer than three busy members take to come up.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Cluster {
    directory: tempfile::TempDir,
    members: Vec<Member>,
}

struct Member {
    client_port: u16,
    peer_port: u16,
    child: Option<Child>,
}

impl Cluster {
    /// Starts the cluster, makes its users and enables authentication.
    ///
    /// # Errors
    /// etcd is not installed, or does not come up within a minute.
    pub async fn start() -> anyhow::Result<Self> {
        let directory = tempfile::tempdir().context("temporary directory")?;
        certificates::write(directory.path())?;
        std::fs::write(directory.path().join("password"), format!("{PASSWORD}\n"))?;
        let ports = free_ports(2 * MEMBERS)?;
        let member = |ports: &[u16]| Member { client_port: ports[0], peer_port: ports[1], child: None };
        let members = ports.chunks(2).map(member).collect();
        let mut cluster = Self { directory, members };
        for at in 0..MEMBERS {
            cluster.start_member(at)?;
        }
        cluster.enable_users().await?;
        Ok(cluster)
    }

    #[must_use]
    pub fn endpoints(&self) -> Vec<String> {
        (0..MEMBERS).map(|at| self.endpoint(at)).collect()
    }

    #[must_use]
    pub fn endpoint(&self, at: usize) -> String {
        format!("https://127.0.0.1:{}", self.members[at].client_port)
    }

    /// Where `ca.pem`, `cert.pem`, `key.pem` and `password` are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Ends a member at once, without a word.
    ///
    /// # Errors
    /// The system will not.
    pub fn kill(&mut self, at: usize) -> anyhow::Result<()> {
        if let Some(mut child) = self.members[at].child.take() {
            child.kill().context("killing etcd")?;
            child.wait().context("waiting for etcd")?;
        }
        Ok(())
    }

    /// Starts a member that was killed, with what it had.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn restart(&mut self, at: usize) -> anyhow::Result<()> {
        anyhow::ensure!(self.members[at].child.is_none(), "member {at} runs");
        self.start_member(at)
    }

    /// Ends all members, throws away what they had, and starts anew under the same addresses.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn set_back(&mut self) -> anyhow::Result<()> {
        for at in 0..MEMBERS {
            self.kill(at)?;
        }
        for at in 0..MEMBERS {
            std::fs::remove_dir_all(self.directory.path().join(format!("m{at}")))?;
            self.start_member(at)?;
        }
        self.enable_users().await
    }

    /// Stops a member where it is, connections open, until [`Self::resume`].
    ///
    /// # Errors
    /// It does not run.
    pub fn pause(&self, at: usize) -> anyhow::Result<()> {
        self.signal(at, "-STOP")
    }

    /// # Errors
    /// It does not run.
    pub fn resume(&self, at: usize) -> anyhow::Result<()> {
        self.signal(at, "-CONT")
    }

    /// The member that leads, once there is one.
    ///
    /// # Errors
    /// None is found within a minute.
    pub async fn leader(&self) -> anyhow::Result<usize> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            for at in (0..MEMBERS).filter(|at| self.members[*at].child.is_some()) {
                let asked = async {
                    let status =
                        self.client(&[self.endpoint(at)], true).await?.maintenance_client().status().await?;
                    let own = status.header().map(|header| header.member_id());
                    anyhow::Ok(own == Some(status.leader()))
                };
                if let Ok(Ok(true)) = timeout(Duration::from_secs(3), asked).await {
                    return Ok(at);
                }
            }
            sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("no leader within {PATIENCE:?}")
    }

    /// A client that may do everything.
    ///
    /// # Errors
    /// The cluster does not answer.
    pub async fn root(&self) -> anyhow::Result<Client> {
        let endpoints: Vec<_> =
            (0..MEMBERS).filter(|at| self.members[*at].child.is_some()).map(|at| self.endpoint(at)).collect();
        self.client(&endpoints, true).await
    }

    /// Forgets all history before now; answers the revision.
    ///
    /// # Errors
    /// The cluster does not answer.
    pub async fn compact(&self) -> anyhow::Result<i64> {
        let mut root = self.root().await?;
        let now = root.get("/", None).await?.header().context("a header")?.revision();
        root.compact(now, Some(CompactionOptions::new().with_physical())).await?;
        Ok(now)
    }

    async fn client(&self, endpoints: &[String], with_user: bool) -> anyhow::Result<Client> {
        let read = |name| std::fs::read(self.directory().join(name));
        let tls = TlsOptions::new()
            .ca_certificate(Certificate::from_pem(read("ca.pem")?))
            .identity(Identity::from_pem(read("cert.pem")?, read("key.pem")?));
        let mut options = ConnectOptions::new()
            .with_tls(tls)
            .with_timeout(Duration::from_secs(5))
            .with_connect_timeout(Duration::from_secs(1));
        if with_user {
            options = options.with_user(ROOT, PASSWORD);
        }
        Ok(Client::connect(endpoints, Some(options)).await?)
    }

    async fn enable_users(&self) -> anyhow::Result<()> {
        let mut client = self.client(&self.endpoints(), false).await?;
        let start = Instant::now();
        loop {
            match client.put("/ready", "", None).await {
                Ok(_) => break,
                Err(error) if start.elapsed() > PATIENCE => {
                    return Err(error).with_context(|| format!("etcd did not come up; {}", self.logs()));
                }
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
        client.user_add(ROOT, PASSWORD, None).await?;
        client.user_grant_role(ROOT, "root").await?;
        client.user_add(USER, PASSWORD, None).await?;
        client.role_add("fleet").await?;
        for prefix in ["/seodang/", "/school/"] {
            client.role_grant_permission("fleet", Permission::read_write(prefix).with_prefix()).await?;
        }
        client.user_grant_role(USER, "fleet").await?;
        client.auth_enable().await?;
        Ok(())
    }

    fn start_member(&mut self, at: usize) -> anyhow::Result<()> {
        let peer = |member: &Member| format!("https://127.0.0.1:{}", member.peer_port);
        let all: Vec<_> =
            self.members.iter().enumerate().map(|(at, member)| format!("m{at}={}", peer(member))).collect();
        let directory = self.directory.path();
        let (ca, cert, key) =
            (directory.join("ca.pem"), directory.join("cert.pem"), directory.join("key.pem"));
        let log = std::fs::File::options().create(true).append(true).open(self.log(at))?;
        let member = &self.members[at];
        let client = self.endpoint(at);
        let mut command = Command::new("etcd");
        command
            .args(["--name", &format!("m{at}"), "--data-dir"])
            .arg(directory.join(format!("m{at}")))
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer(member), "--initial-advertise-peer-urls", &peer(member)])
            .args(["--initial-cluster", &all.join(","), "--initial-cluster-state", "new"])
            .args([
                "--client-cert-auth",
                "--peer-client-cert-auth",
                "--logger",
                "zap",
                "--log-level",
                "warn",
            ]);
        for (flag, path) in [
            ("--trusted-ca-file", &ca),
            ("--cert-file", &cert),
            ("--key-file", &key),
            ("--peer-trusted-ca-file", &ca),
            ("--peer-cert-file", &cert),
            ("--peer-key-file", &key),
        ] {
            command.arg(flag).arg(path);
        }
        let started = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        let child =
            started.context("starting `etcd`: install it (`tests/run tools`, or Debian's etcd-server)")?;
        self.members[at].child = Some(child);
        Ok(())
    }

    fn signal(&self, at: usize, signal: &str) -> anyhow::Result<()> {
        let child = self.members[at].child.as_ref().with_context(|| format!("member {at} does not run"))?;
        let status = Command::new("kill").args([signal, &child.id().to_string()]).status()?;
        anyhow::ensure!(status.success(), "kill {signal} failed");
        Ok(())
    }

    fn log(&self, at: usize) -> PathBuf {
        self.directory.path().join(format!("m{at}.out"))
    }

    /// The end of each member's log.
    fn logs(&self) -> String {
        let tail = |at| {
            let text = std::fs::read_to_string(self.log(at)).unwrap_or_default();
            let lines: Vec<_> = text.lines().rev().take(5).collect();
            lines.into_iter().rev().collect::<Vec<_>>().join("\n")
        };
        (0..MEMBERS).map(tail).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for member in &mut self.members {
            if let Some(child) = &mut member.child {
                // It may have ended by itself.
                child.kill().ok();
                child.wait().ok();
            }
        }
    }
}

fn free_ports(count: usize) -> anyhow::Result<Vec<u16>> {
    let mut found = Vec::new();
    for _ in 0..1_000 {
        let port = rand::random_range(PORTS);
        if !found.contains(&port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            found.push(port);
        }
        if found.len() == count {
            return Ok(found);
        }
    }
    anyhow::bail!("no {count} free ports between {} and {}", PORTS.start, PORTS.end)
}
