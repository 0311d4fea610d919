//! `seodang drain`: empties a node or a region through a control plane, and watches it become empty.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use control_plane_api::node::Role;
use control_plane_api::token::{self, ApiKey, Claims, Grant};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::cli::tell;
use crate::role::ControlPlaneFile;

/// The token is made for this command.
const TOKEN_TTL_S: u64 = 3_600;
/// How often the progress is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// What a control plane gets to answer, and how long one that is away is tried again while waiting.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
const AWAY_MAX: Duration = Duration::from_secs(30);
/// A node ends this long after its deadline at the latest.
const END_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest answer.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// No new joins, users are moved to other edges a few at a time, recordings go to the origin; a cdn node serves who still comes and
/// is told to nobody. Then it stays empty, or ends. An origin cannot be drained: it holds the recordings.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A region or a node id; a name that is both is a region unless --node says otherwise.
    #[arg(value_name = "REGION|NODE")]
    target: String,
    /// TARGET is a node.
    #[arg(long)]
    node: bool,
    /// How long users and recordings have: `90s`, `10m`, `1h`. Without it there is no hurry.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    deadline: Option<Duration>,
    /// Its processes end when they are empty, or at the deadline.
    #[arg(long)]
    exit: bool,
    /// Takes the drain back.
    #[arg(long, conflicts_with_all = ["deadline", "exit", "wait"])]
    cancel: bool,
    /// Shows what is left until nothing is. With --exit, also forgets the drain once all has ended.
    #[arg(long)]
    wait: bool,
    /// A control plane's URL; by default the one of --config, or of this machine.
    #[arg(long, value_name = "URL", env = "SEODANG_CONTROL_PLANE")]
    control_plane: Option<String>,
    /// A control plane's configuration file: its first API key signs. `SEODANG_CONTROL_PLANE__API_KEYS` counts too.
    #[arg(long, value_name = "FILE", env = "SEODANG_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long, value_name = "KEY", env = "SEODANG_API_KEY", requires = "secret")]
    key: Option<String>,
    #[arg(long, value_name = "SECRET", env = "SEODANG_API_SECRET", hide_env_values = true)]
    secret: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Drains {
    drains: Vec<Progress>,
}

#[derive(Debug, Deserialize)]
struct Progress {
    target: control_plane_api::drain::DrainTarget,
    nodes: Vec<Left>,
}

#[derive(Debug, Deserialize)]
struct Left {
    id: String,
    role: Role,
    draining: bool,
    participants: u32,
    journals: u32,
}

#[derive(Serialize)]
struct Wish {
    deadline_s: Option<u64>,
    exit: bool,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let caller = Caller::new(arguments)?;
    let kind = if arguments.node || !caller.is_region(&arguments.target).await? { "node" } else { "region" };
    let path = format!("/v1/ops/drains/{kind}/{}", arguments.target);
    let say = |line: &str| tell(&mut std::io::stdout(), line);
    if arguments.cancel {
        caller.call("DELETE", &path, "").await?;
        say(&format!("{kind} {}: no longer draining", arguments.target));
        return Ok(());
    }
    let wish =
        Wish { deadline_s: arguments.deadline.map(|deadline| deadline.as_secs()), exit: arguments.exit };
    caller.call("POST", &path, &serde_json::to_string(&wish)?).await?;
    say(&format!("{kind} {}: draining", arguments.target));
    if !arguments.wait {
        return Ok(());
    }
    wait(&caller, arguments, kind, say).await?;
    if arguments.exit {
        // A region that comes again under this name is not to be drained at once.
        caller.call("DELETE", &path, "").await?;
    }
    Ok(())
}

async fn wait(caller: &Caller, arguments: &Arguments, kind: &str, say: impl Fn(&str)) -> anyhow::Result<()> {
    let end = arguments.deadline.map(|deadline| Instant::now() + deadline + END_TIMEOUT);
    let mut said = String::new();
    let mut away_since: Option<Instant> = None;
    loop {
        tokio::time::sleep(LOOK).await;
        let progress = match caller.progress(kind, &arguments.target).await {
            Ok(progress) => progress,
            // The control plane may be away for a moment; the drain goes on without it.
            Err(error) if away_since.get_or_insert_with(Instant::now).elapsed() < AWAY_MAX => {
                tracing::debug!(%error, "asking again");
                continue;
            }
            Err(error) => return Err(error),
        };
        away_since = None;
        let progress = progress.context("somebody has taken the drain back")?;
        let line = describe(&progress.nodes);
        if line != said {
            say(&line);
            said = line;
        }
        // Of a cdn node this is all there is to know: viewers who still know it are served.
        let is_empty = |node: &Left| node.draining && node.participants == 0 && node.journals == 0;
        let nodes = &progress.nodes;
        if if arguments.exit { nodes.is_empty() } else { nodes.iter().all(is_empty) } {
            say(if arguments.exit { "ended" } else { "empty" });
            return Ok(());
        }
        ensure!(end.is_none_or(|end| Instant::now() < end), "not empty at the deadline: {said}");
    }
}

fn describe(nodes: &[Left]) -> String {
    let counted = |count: u32, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let node = |node: &Left| {
        let (users, recordings) = (counted(node.participants, "user"), counted(node.journals, "recording"));
        match node.role {
            Role::Edge => format!("{}: {users}, {recordings} left", node.id),
            _ if node.draining => format!("{}: serves only who still comes", node.id),
            _ => format!("{}: does not know of it yet", node.id),
        }
    };
    if nodes.is_empty() {
        return "no node is left".to_owned();
    }
    nodes.iter().map(node).collect::<Vec<_>>().join("; ")
}

/// A control plane and the right to ask it.
struct Caller {
    host: String,
    token: String,
}

impl Caller {
    fn new(arguments: &Arguments) -> anyhow::Result<Self> {
        let file: ControlPlaneFile = control_plane_agent::config::load(arguments.config.as_deref(), &[])?;
        let key = match (&arguments.key, &arguments.secret) {
            (Some(key), Some(secret)) => ApiKey { key: key.clone(), secret: secret.clone() },
            _ => file.control_plane.api_keys.first().cloned().context(
                "no API key: give --key and --secret, or the control plane's --config (or its environment)",
            )?,
        };
        let url = arguments.control_plane.clone().unwrap_or_else(|| match file.control_plane.url.as_str() {
            "" => format!("http://{}", file.control_plane.listen),
            url => url.to_owned(),
        });
        let host = url.strip_prefix("http://").with_context(|| {
            format!(
                "{url}: write it as http://host:port (the control plane's own listener speaks plain HTTP)"
            )
        })?;
        let now_s = control_plane_agent::unix_time_ms() / 1_000;
        let claims = Claims {
            sub: "seodang drain".to_owned(),
            nbf: Some(now_s),
            exp: Some(now_s + TOKEN_TTL_S),
            video: Some(Grant { room_admin: true, ..Grant::default() }),
            ..Claims::default()
        };
        Ok(Self { host: host.trim_end_matches('/').to_owned(), token: token::sign(&claims, &key) })
    }

    async fn is_region(&self, name: &str) -> anyhow::Result<bool> {
        #[derive(Deserialize)]
        struct Named {
            id: String,
        }
        #[derive(Deserialize)]
        struct Regions {
            regions: Vec<Named>,
        }
        let regions: Regions = serde_json::from_str(&self.call("GET", "/v1/regions", "").await?)?;
        Ok(regions.regions.iter().any(|region| region.id == name))
    }

    async fn progress(&self, kind: &str, name: &str) -> anyhow::Result<Option<Progress>> {
        use control_plane_api::drain::DrainTarget;
        let drains: Drains = serde_json::from_str(&self.call("GET", "/v1/ops/drains", "").await?)?;
        Ok(drains.drains.into_iter().find(|drain| match &drain.target {
            DrainTarget::Node(id) => kind == "node" && id == name,
            DrainTarget::Region(region) => kind == "region" && region == name,
        }))
    }

    /// One request; the body of a good answer.
    async fn call(&self, method: &str, path: &str, body: &str) -> anyhow::Result<String> {
        let asked = tokio::time::timeout(ANSWER_TIMEOUT, self.exchange(method, path, body)).await;
        let answer = asked.context("no answer in time").and_then(|answer| answer);
        let answer = answer.with_context(|| format!("control plane at http://{}", self.host))?;
        let (head, body) = answer.split_once("\r\n\r\n").context("the answer is no HTTP")?;
        let status = head.split(' ').nth(1).unwrap_or_default();
        if status.starts_with('2') {
            return Ok(body.to_owned());
        }
        #[derive(Deserialize)]
        struct Refused {
            message: String,
        }
        match serde_json::from_str::<Refused>(body) {
            Ok(refused) => bail!("{} ({status})", refused.message),
            Err(_) => bail!("http://{}{path} answers {status}", self.host),
        }
    }

    /// HTTP/1.0, so that the answer's end is the connection's.
    async fn exchange(&self, method: &str, path: &str, body: &str) -> anyhow::Result<String> {
        let mut stream = tokio::net::TcpStream::connect(&self.host).await?;
        let (host, token, length) = (&self.host, &self.token, body.len());
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX as u64).read_to_end(&mut answer).await?;
        Ok(String::from_utf8(answer)?)
    }
}

/// `90s`, `10m`, `1h`; a bare number is seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time such as 90s, 10m or 1h");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(wrong()),
    };
    Ok(Duration::from_secs(count.checked_mul(unit).ok_or_else(wrong)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_unit() {
        let seconds = |text| duration(text).map(|time| time.as_secs());
        assert_eq!(
            [seconds("90"), seconds("90s"), seconds("10m"), seconds("1h")],
            [Ok(90), Ok(90), Ok(600), Ok(3_600)]
        );
        for text in ["", "m", "10d", "-1s", "99999999999999999999h", "1h30m"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_left_is_said_in_words() {
        let left = |participants, journals| Left {
            id: "jeju-edge".into(),
            role: Role::Edge,
            draining: true,
            participants,
            journals,
        };
        let cdn = Left { id: "jeju-cdn".into(), role: Role::Cdn, ..left(0, 0) };
        let line = "jeju-edge: 1 user, 0 recordings left; jeju-cdn: serves only who still comes";
        assert_eq!(describe(&[left(1, 0), cdn]), line);
        assert_eq!(describe(&[]), "no node is left");
    }
}
