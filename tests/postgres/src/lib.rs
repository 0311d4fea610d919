//! A real PostgreSQL on a socket of its own and a port of the loopback, for tests that need one.
//!
//! Needs the server's programs (`initdb`, `postgres`, Debian's package `postgresql`); `tests/run tools` installs them. Run by
//! root it becomes `postgres` or `nobody`, since PostgreSQL will not be root. It ends with the process that started it.

#![forbid(unsafe_code)]

use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// Set by `tests/run`: then a machine without PostgreSQL is a failure and no reason to leave tests out.
pub const REQUIRED: &str = "SEODANG_POSTGRES_REQUIRED";
/// Longer than a busy machine takes to make and start an empty server.
const PATIENCE: Duration = Duration::from_secs(30);
/// Runs the server until its own input ends, which is when the process that holds the other end is gone, however it went.
const KEEPER: &str = r#"
"$1/postgres" -D "$2/data" -h 127.0.0.1 -p "$3" -k "$2" -c fsync=off -c max_connections=300 >"$2/log" 2>&1 </dev/null &
server=$!
read -r _
kill -INT "$server"
wait "$server"
rm -rf "$2"
"#;

#[derive(Debug)]
pub struct Server {
    directory: PathBuf,
    port: u16,
    programs: PathBuf,
    keeper: Child,
    line: Option<ChildStdin>,
}

/// Where `initdb` and `postgres` are, if they are.
#[must_use]
pub fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    for family in ["/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt"] {
        let below = std::fs::read_dir(family).into_iter().flatten().flatten();
        places.extend(below.map(|entry| entry.path().join("bin")));
    }
    // A link in the search path leads to where all of them are.
    let real = |place: PathBuf| place.join("initdb").canonicalize().ok()?.parent().map(Path::to_owned);
    let whole = |place: &PathBuf| ["initdb", "postgres", "psql"].iter().all(|name| place.join(name).exists());
    places.into_iter().filter_map(real).find(whole)
}

/// The server of this process, started when it is first asked for. `None`: this machine has no PostgreSQL; says so.
///
/// # Errors
/// It is there and does not start, or it is absent though [`REQUIRED`].
pub fn shared() -> anyhow::Result<Option<Arc<Server>>> {
    static SHARED: Mutex<Option<Arc<Server>>> = Mutex::new(None);
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = &*shared {
        return Ok(Some(server.clone()));
    }
    if programs().is_none() {
        anyhow::ensure!(
            std::env::var_os(REQUIRED).is_none(),
            "PostgreSQL is not installed: `tests/run tools` does it"
        );
        return Ok(None);
    }
    let server = Arc::new(Server::start()?);
    *shared = Some(server.clone());
    Ok(Some(server))
}

impl Server {
    /// Makes an empty server and waits until it takes connections.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or does not come up within half a minute.
    pub fn start() -> anyhow::Result<Self> {
        let programs = programs().context("PostgreSQL is not installed: `tests/run tools` does it")?;
        let directory = tempfile::Builder::new().prefix("seodang-pg-").tempdir()?.keep();
        let owner = unprivileged(&programs)?;
        if let Some((user, group)) = owner {
            chown(&directory, Some(user), Some(group)).context("handing the directory over")?;
        }
        let data = directory.join("data");
        let made = as_owner(Command::new(programs.join("initdb")), owner)
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"])
            .args(["--no-instructions", "--pgdata"])
            .arg(&data)
            .current_dir(&directory)
            .stdin(Stdio::null())
            .output()
            .context("initdb")?;
        anyhow::ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut keeper = as_owner(Command::new("sh"), owner)
            .args(["-c", KEEPER, "keeper"])
            .args([programs.as_os_str(), directory.as_os_str()])
            .arg(port.to_string())
            .current_dir(&directory)
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("starting PostgreSQL")?;
        let line = keeper.stdin.take();
        let server = Self { directory, port, programs, keeper, line };
        server.wait()?;
        Ok(server)
    }

    /// A new, empty database; its URL.
    ///
    /// # Errors
    /// The server is gone.
    pub fn database(&self) -> anyhow::Result<String> {
        let name = format!("school_{:016x}", rand::random::<u64>());
        self.psql(&format!("CREATE DATABASE {name}"))?;
        Ok(format!("postgres://postgres@127.0.0.1:{}/{name}", self.port))
    }

    fn psql(&self, command: &str) -> anyhow::Result<()> {
        let told = Command::new(self.programs.join("psql"))
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres", "-d", "postgres"])
            .args(["-v", "ON_ERROR_STOP=1", "-q", "-c", command])
            .current_dir("/")
            .stdin(Stdio::null())
            .output()
            .context("psql")?;
        anyhow::ensure!(told.status.success(), "psql: {}", String::from_utf8_lossy(&told.stderr));
        Ok(())
    }

    fn wait(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            match self.psql("SELECT 1") {
                Ok(()) => return Ok(()),
                Err(error) if began.elapsed() > PATIENCE => {
                    let log = std::fs::read_to_string(self.directory.join("log")).unwrap_or_default();
                    return Err(error.context(format!("PostgreSQL does not come up:\n{log}")));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.line.take());
        self.keeper.wait().ok();
    }
}

fn as_owner(mut command: Command, owner: Option<(u32, u32)>) -> Command {
    if let Some((user, group)) = owner {
        command.uid(user).gid(group).env("HOME", "/");
    }
    command
}

/// Whom root becomes. `None`: this process is not root.
fn unprivileged(programs: &Path) -> anyhow::Result<Option<(u32, u32)>> {
    let id = Command::new("id").arg("-u").output().context("id")?;
    if String::from_utf8_lossy(&id.stdout).trim() != "0" {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").context("/etc/passwd")?;
    let find = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2).map(str::parse::<u32>);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    };
    let found = find("postgres").or_else(|| find("nobody"));
    found.map(Some).with_context(|| format!("no user to run {} as", programs.display()))
}
