//! CPU time of the core per forwarded packet: one publisher, 100 receivers, real sessions with GCM keys, no sockets.
//!
//! What is timed: `handle_datagram` (open, parse, store, then copy, rewrite, seal for each receiver), `handle_timeout`
//! (reports, feedback) and the draining of what came out. What is not: the publisher's sealing, done beforehand, and
//! the kernel, which this has none of.

#[expect(dead_code, reason = "the session's tests use more of the client than this")]
#[path = "../../session/tests/session/client.rs"]
mod client;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use client::{Client, Options};
use edge_session::{LocalIce, RemoteParameters};
use edge_sfu::{
    Codec, Command, Config, Event, Extensions, Incoming, Kind, Origin, Outgoing, SessionId, Sfu, SourceId,
    Target,
};

const RECEIVERS: usize = 100;
const PACKETS: usize = 10_000;
const RUNS: usize = 7;
/// Packets taken in one turn of the loop before what came out is drained.
const TURN: usize = 4;
const PASSWORD: &str = "the password of the session";

#[expect(clippy::print_stdout, reason = "a bench prints its figures")]
fn main() {
    println!("edge-sfu: CPU time of the core per forwarded packet, 1 -> {RECEIVERS}, no sockets");
    println!("machine: {}", machine());
    println!("build: {}", build());
    for (name, kind, bytes, packets_per_s) in
        [("video, 1,100 B", Kind::Video, 1_100, 250), ("audio, 160 B", Kind::Audio, 160, 50)]
    {
        let mut room = Room::new(kind);
        let mut runs: Vec<f64> = (0..RUNS).map(|_| room.run(bytes, packets_per_s)).collect();
        runs.sort_by(f64::total_cmp);
        let median = runs[RUNS / 2];
        println!(
            "{name}: median {median:.0} ns of {RUNS} runs ({:.0} to {:.0}), {:.2} M packets/s a core",
            runs[0],
            runs[RUNS - 1],
            1_000.0 / median,
        );
    }
}

struct Room {
    sfu: Sfu,
    clients: Vec<Client>,
    now: Instant,
    kind: Kind,
    sequence_number: u16,
}

impl Room {
    fn new(kind: Kind) -> Self {
        let config = Config::new(edge_session::Config::generate().expect("the provider has P-256"));
        #[expect(clippy::disallowed_methods, reason = "an instant to begin at; time passes by arithmetic")]
        let now = Instant::now();
        let mut room =
            Self { sfu: Sfu::new(config, now), clients: Vec::new(), now, kind, sequence_number: 1 };
        for _ in 0..=RECEIVERS {
            room.join();
        }
        room.publish();
        room
    }

    fn join(&mut self) {
        let n = self.clients.len();
        let ufrag = format!("peer{n}ufrag");
        let address = SocketAddr::from(([198, 51, 100, 7], 4_000 + n as u16));
        let options = Options::default();
        let mut client = Client::new(address, format!("{ufrag}:client"), PASSWORD.to_owned(), &options);
        let fingerprint = client.fingerprint.parse().expect("a fingerprint");
        let local = LocalIce { ufrag, pwd: PASSWORD.to_owned() };
        let remote = RemoteParameters { ice_ufrag: "client".to_owned(), fingerprint };
        let session = SessionId(n as u32);
        self.sfu.handle_command(self.now, Command::OpenSession { session, local, remote });
        client.check_now();
        self.clients.push(client);
        for _ in 0..100 {
            if self.clients[n].is_connected() && self.sfu.poll_event().is_some() {
                return;
            }
            self.exchange();
            self.now += Duration::from_millis(10);
            self.sfu.handle_timeout(self.now);
        }
        panic!("client {n} does not connect");
    }

    /// Carries what clients and shard have for one another, media aside.
    fn exchange(&mut self) {
        for client in &mut self.clients {
            while let Some(mut datagram) = client.outbox.pop_front() {
                self.sfu.handle_datagram(self.now, client.address, &mut datagram);
            }
        }
        for (destination, datagram) in self.sfu.transmits().iter().filter(|(_, bytes)| bytes[0] < 128) {
            let found = self.clients.iter_mut().find(|client| client.address == destination);
            found.expect("one of ours").handle(self.now, datagram);
        }
        self.sfu.transmits().clear();
    }

    fn publish(&mut self) {
        let (codec, clock_rate_hz) = match self.kind {
            Kind::Video => (Codec::Vp8, 90_000),
            Kind::Audio => (Codec::Opus, 48_000),
        };
        let (source, session, kind) = (SourceId(1), SessionId(0), self.kind);
        let extensions =
            Extensions { audio_level: Some(4), transport_cc: Some(5), mid: Some(1), ..Extensions::default() };
        let origin = Origin::Session(session);
        self.sfu.handle_command(
            self.now,
            Command::OpenSource { source, origin, kind, codec, clock_rate_hz, layers: 1 },
        );
        let incoming = Incoming {
            mid: "0".to_owned(),
            source,
            payload_type: 96,
            rtx_payload_type: None,
            rids: Vec::new(),
            ssrcs: vec![(1_000, None)],
            extensions,
        };
        self.sfu.handle_command(self.now, Command::SetIncoming { session, incoming: vec![incoming] });
        for n in 1..=RECEIVERS as u32 {
            let session = SessionId(n);
            let mid = "0".to_owned();
            let outgoing = Outgoing {
                mid: mid.clone(),
                ssrc: 5_000,
                rtx_ssrc: Some(5_001),
                cname: "p".to_owned(),
                extensions,
            };
            self.sfu.handle_command(self.now, Command::SetOutgoing { session, outgoing: vec![outgoing] });
            let target = Target { layer: 0, paused: false };
            let (payload_type, rtx_payload_type) = (100, Some(101));
            self.sfu.handle_command(
                self.now,
                Command::Watch { session, mid, source, payload_type, rtx_payload_type, target },
            );
        }
    }

    /// Nanoseconds of CPU per forwarded packet.
    fn run(&mut self, bytes: usize, packets_per_s: u32) -> f64 {
        for client in &mut self.clients {
            client.check_now();
        }
        self.exchange();
        let mut sealed: Vec<Vec<u8>> = (0..PACKETS).map(|_| self.packet(bytes)).collect();
        let address = self.clients[0].address;
        // 30 s without a sign of life end a session: time runs at most that fast.
        let step = Duration::from_secs(1) / packets_per_s.max(500);
        let before = self.sfu.counters().rtp_out;
        let mut last = Vec::new();
        let began = cpu_ns();
        for turn in sealed.chunks_mut(TURN) {
            for datagram in turn {
                self.now += step;
                self.sfu.handle_datagram(self.now, address, datagram);
            }
            self.sfu.handle_timeout(self.now);
            self.drain(&mut last);
        }
        let spent = cpu_ns() - began;
        let forwarded = self.sfu.counters().rtp_out - before;
        assert_eq!(forwarded, (PACKETS * RECEIVERS) as u64, "{:?}", self.sfu.counters());
        let opened = self.clients[RECEIVERS].open_rtp(&last);
        assert_eq!(opened.len() + 16, last.len(), "a receiver opens what it gets");
        spent as f64 / forwarded as f64
    }

    /// Touches what a shell would: destination and length of each datagram. Keeps the last of the last receiver.
    fn drain(&mut self, last: &mut Vec<u8>) {
        while let Some(event) = self.sfu.poll_event() {
            assert!(!matches!(event, Event::SessionClosed { .. }), "{event:?}");
        }
        let address = self.clients[RECEIVERS].address;
        for (destination, datagram) in self.sfu.transmits().iter() {
            if destination == address && datagram[1] & 0x7F == 100 {
                last.clear();
                last.extend_from_slice(datagram);
            }
        }
        self.sfu.transmits().clear();
    }

    fn packet(&mut self, bytes: usize) -> Vec<u8> {
        let first = self.sequence_number == 1;
        let payload_type = 96;
        let mut packet = vec![0x90, payload_type];
        packet.extend_from_slice(&self.sequence_number.to_be_bytes());
        packet.extend_from_slice(&(u32::from(self.sequence_number) * 960).to_be_bytes());
        packet.extend_from_slice(&1_000u32.to_be_bytes());
        let [high, low] = self.sequence_number.to_be_bytes();
        packet.extend_from_slice(&[0xBE, 0xDE, 0, 2, 0x51, high, low, 0x40, 0x9E, 0, 0, 0]);
        packet.extend_from_slice(&[0x90, 0x80, 0x80, 1, u8::from(!first)]);
        packet.resize(bytes, 7);
        self.sequence_number = self.sequence_number.wrapping_add(1);
        self.clients[0].seal_rtp(&packet)
    }
}

/// CPU time of this thread so far.
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts CPU time");
    text.split_whitespace().next().and_then(|field| field.parse().ok()).expect("a number first")
}

fn machine() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{}, {cores} cores seen, Linux {}", model.trim_start_matches([' ', '\t', ':']), kernel.trim())
}

fn build() -> String {
    let rustc = std::process::Command::new("rustc").arg("-V").output();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let mode = if cfg!(debug_assertions) { "debug assertions ON: figures mean nothing" } else { "release" };
    format!("{mode}, {}, {}", rustc.unwrap_or_default(), std::env::consts::ARCH)
}
