//! `seodang dev`: one command, the whole house; it says what is wrong, keeps its data, and ends at once.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use seodang::ready::Ready;

const PORTS: u16 = 80;
const PATIENCE: Duration = Duration::from_secs(60);

/// A run of ports nobody has at the moment.
fn free_ports() -> u16 {
    let free = |port| {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
            && UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
    };
    // Below the range from which the kernel hands out ports to connections.
    let mut bases = (0..).map(|_| rand::random_range(12_000..30_000));
    bases.find(|base| (*base..*base + PORTS).all(free)).expect("the search goes on until there is one")
}

fn seodang(directory: &Path, base: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seodang"));
    command.args(["dev", "--port-base", &base.to_string(), "--ready-file"]).arg(directory.join("ready.json"));
    command.arg("--data-dir").arg(directory.join("data")).env_remove("RUST_LOG");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A house that is closed when its test ends, however it ends.
struct House(Option<Child>);

impl House {
    fn open(directory: &Path, base: u16) -> (Self, Ready) {
        let mut house = Self(Some(seodang(directory, base).spawn().expect("starts")));
        let file = directory.join("ready.json");
        let text = within(PATIENCE, || {
            let ended = house.0.as_mut().is_some_and(|child| child.try_wait().expect("its state").is_some());
            assert!(!ended, "ended before it was ready: {:?}", house.0.take().map(Child::wait_with_output));
            std::fs::read_to_string(&file).ok()
        });
        (house, serde_json::from_str(&text).expect("whole as soon as it is there"))
    }

    /// As Ctrl-C does.
    fn interrupt(mut self) -> (Output, Duration) {
        let start = Instant::now();
        let child = self.0.take().expect("open");
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
        (child.wait_with_output().expect("ends"), start.elapsed())
    }

    /// Waits for it to end by itself.
    fn output(mut self) -> Output {
        within(PATIENCE, || self.0.as_mut().and_then(|child| child.try_wait().expect("its state")));
        self.0.take().expect("open").wait_with_output().expect("its output")
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Looks until there is something. Another process cannot wake us.
fn within<T>(patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < patience, "waited {patience:?} in vain");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_house_opens_closes_and_opens_again_with_the_same_keys() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let base = free_ports();
    let (house, ready) = House::open(directory.path(), base);
    assert_eq!(ready.web, format!("http://127.0.0.1:{base}"));
    let regions: Vec<_> = ready.edges.iter().map(|edge| edge.region.as_str()).collect();
    assert_eq!(regions, ["seoul", "gangneung", "jeju"]);
    assert_eq!(ready.edges[2].url, format!("http://127.0.0.1:{}", base + 30));
    assert_eq!(ready.cdn[1].url, format!("http://127.0.0.1:{}", base + 60));
    assert_eq!(ready.origin, format!("http://127.0.0.1:{}", base + 1));

    let (output, took) = house.interrupt();
    assert!(output.status.success() && took < Duration::from_secs(3), "{took:?} {output:?}");
    assert!(!directory.path().join("ready.json").exists(), "nothing is ready any more");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains(&ready.web) && !said.contains(&ready.api_secret), "{said}");

    let (house, again) = House::open(directory.path(), base);
    assert_eq!(again, ready);
    let (output, _) = house.interrupt();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_taken_port_is_named_with_its_role_and_the_flag_that_moves_it() {
    let base = free_ports();
    for (offset, role) in [(0, "control-plane"), (1, "origin"), (10, "edge"), (60, "cdn")] {
        let directory = tempfile::tempdir().expect("temporary directory");
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, base + offset)).expect("a free port");
        let output = House(Some(seodang(directory.path(), base).spawn().expect("starts"))).output();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success());
        for word in [role, "--port-base", &(base + offset).to_string()] {
            assert!(said.contains(word), "{word} is missing: {said}");
        }
        drop(taken);
    }
}
