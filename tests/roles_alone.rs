//! The four roles as processes of their own, with certificates made by `seodang certificates`: they find one another
//! through the control plane.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use control_plane_api::token::{self, ApiKey, Claims, Grant};
use serde_json::Value;

const PORTS: u16 = 12;
const PATIENCE: Duration = Duration::from_secs(30);
const API_KEYS: &str = "[{ key = 'key', secret = '0123456789abcdef0123456789abcdef' }]";

/// Ends with its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn seodang(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seodang"));
    command.current_dir(directory).stdin(Stdio::null());
    command
}

/// A run of ports nobody has at the moment, below those the kernel hands out.
fn free_ports() -> u16 {
    let free = |port| {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
            && UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
    };
    let mut bases = (0..).map(|_| rand::random_range(12_000..30_000));
    bases.find(|base| (*base..*base + PORTS).all(free)).expect("the search goes on until there is one")
}

/// What a server with the API key shows; the picture of the fleet is not for everybody.
fn server_token() -> String {
    let key = ApiKey { key: "key".into(), secret: "0123456789abcdef0123456789abcdef".into() };
    let video = Some(Grant { room_admin: true, ..Grant::default() });
    let exp = Some(control_plane_agent::unix_time_ms() / 1_000 + 600);
    token::sign(&Claims { exp, video, ..Claims::default() }, &key)
}

fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let head = format!("Host: localhost\r\nAuthorization: Bearer {}\r\nConnection: close", server_token());
    write!(stream, "GET {path} HTTP/1.1\r\n{head}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.1 200").then(|| body.to_owned())
}

/// Looks until it holds. Another process cannot wake us.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what}: in vain");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn ids(control_plane: u16) -> Option<Vec<String>> {
    let ops: Value = serde_json::from_str(&get(control_plane, "/v1/ops")?).ok()?;
    Some(ops["nodes"].as_array()?.iter().filter_map(|node| node["id"].as_str().map(str::to_owned)).collect())
}

#[test]
fn nodes_find_the_control_plane_and_survive_its_restart() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let issue = |arguments: &[&str]| {
        let output = seodang(directory.path()).arg("certificates").args(arguments).output().expect("runs");
        assert!(output.status.success(), "{output:?}");
    };
    issue(&["--control-plane", "control-0"]);
    issue(&["jeju-edge", "jeju-cdn", "origin"]);

    let base = free_ports();
    let local = |offset: u16| format!("127.0.0.1:{}", base + offset);
    let start = |role: &str, id: &str, settings: &[(&str, String)]| {
        let mut command = seodang(directory.path());
        command.arg(role);
        let fleet = [
            ("fleet.ca", "certificates/ca.pem".to_owned()),
            ("fleet.certificate", format!("certificates/{id}.pem")),
            ("fleet.key", format!("certificates/{id}.key")),
            ("fleet.control_planes", format!("['{}']", local(2))),
        ];
        for (key, value) in fleet.iter().chain(settings) {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        Process(command.spawn().expect("starts"))
    };
    let control_plane = || {
        let settings = [
            ("control_plane.id", "control-0".to_owned()),
            ("control_plane.listen", local(0)),
            ("control_plane.admin", local(1)),
            ("control_plane.nodes", local(2)),
            ("control_plane.data_dir", "control".to_owned()),
            ("control_plane.api_keys", API_KEYS.to_owned()),
        ];
        start("control-plane", "control-0", &settings)
    };

    // The nodes come first: a control plane may be the last to wake after a power cut.
    let edge = [
        ("edge.id", "jeju-edge".to_owned()),
        ("edge.listen", local(3)),
        ("edge.media", local(4)),
        ("edge.link", local(5)),
        ("edge.admin", local(6)),
        ("edge.keys", API_KEYS.to_owned()),
        ("edge.data_dir", "edge".to_owned()),
    ];
    let _edge = start("edge", "jeju-edge", &edge);
    let origin = [
        ("origin.listen", local(7)),
        ("origin.admin", local(8)),
        ("origin.ingest", local(9)),
        ("origin.data_dir", "origin".to_owned()),
    ];
    let _origin = start("origin", "origin", &origin);
    let cdn = [
        ("cdn.node", "jeju-cdn".to_owned()),
        ("cdn.listen", local(10)),
        ("cdn.upstreams", format!("['http://{}']", local(7))),
        ("node.url", format!("http://{}", local(10))),
    ];
    let _cdn = start("cdn", "jeju-cdn", &cdn);
    let first = control_plane();
    let all = ["control-0", "jeju-cdn", "jeju-edge", "origin"];
    until("every node registers", || ids(base).filter(|ids| ids == &all));

    // A crash: nothing is taken back, and the nodes' leases are still there for the next process.
    drop(first);
    let _second = control_plane();
    let seen = until("the control plane is back", || ids(base));
    assert!(
        ["jeju-cdn", "jeju-edge", "origin"].iter().all(|id| seen.iter().any(|seen| seen == id)),
        "{seen:?}"
    );
    until("every node is there again", || ids(base).filter(|ids| ids == &all));
}
