//! Clients, the shard and the network between them, in virtual time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use edge_session::{LocalIce, RemoteParameters};
use edge_sfu::{
    Codec, Command, Config, Event, Extensions, Incoming, Kind, Outgoing, SessionId, Sfu, SourceId, Target,
};
use edge_sfu::{LinkId, Origin};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::client::{Client, Options};

pub(crate) const EXTENSIONS: Extensions = Extensions {
    mid: Some(1),
    rid: Some(2),
    repaired_rid: Some(3),
    audio_level: Some(4),
    transport_cc: Some(5),
    abs_send_time: None,
    video_orientation: Some(6),
    dependency_descriptor: None,
    playout_delay: None,
    abs_capture_time: None,
};

/// A packet a client opened.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) at: Instant,
    pub(crate) packet: Vec<u8>,
}

pub(crate) struct Peer {
    pub(crate) client: Client,
    pub(crate) rtp: Vec<Got>,
    pub(crate) rtcp: Vec<Got>,
    /// Probability that a media packet is lost, to and from the shard.
    pub(crate) loss_down: f64,
    pub(crate) loss_up: f64,
}

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) sfu: Sfu,
    pub(crate) peers: Vec<Peer>,
    pub(crate) events: Vec<Event>,
    pub(crate) link_packets: Vec<(LinkId, u64, Vec<u8>)>,
    in_flight: BTreeMap<(Instant, u64), Flight>,
    flights: u64,
    rng: StdRng,
}

enum Flight {
    ToShard(SocketAddr, Vec<u8>),
    ToPeer(usize, Vec<u8>),
}

pub(crate) const ONE_WAY: Duration = Duration::from_millis(20);

/// One certificate for all tests, as one process has.
pub(crate) fn config() -> Config {
    static CONFIG: OnceLock<Arc<edge_session::Config>> = OnceLock::new();
    let session = CONFIG.get_or_init(|| edge_session::Config::generate().expect("the provider has P-256"));
    Config::new(session.clone())
}

#[expect(clippy::disallowed_methods, reason = "an instant to begin at; time passes by arithmetic")]
fn begin() -> Instant {
    Instant::now()
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let now = begin();
        Self {
            now,
            sfu: Sfu::new(config(), now),
            peers: Vec::new(),
            events: Vec::new(),
            link_packets: Vec::new(),
            in_flight: BTreeMap::new(),
            flights: 0,
            rng: StdRng::seed_from_u64(seed),
        }
    }

    /// A client that has connected; its number is its session id.
    pub(crate) fn join(&mut self) -> usize {
        let peer = self.peers.len();
        let ufrag = format!("peer{peer}ufrag");
        let password = "the password of the session".to_owned();
        let address = SocketAddr::from(([198, 51, 100, 7], 4_000 + peer as u16));
        let mut client =
            Client::new(address, format!("{ufrag}:client"), password.clone(), &Options::default());
        let fingerprint = client.fingerprint.parse().expect("a fingerprint");
        self.command(Command::OpenSession {
            session: SessionId(peer as u32),
            local: LocalIce { ufrag, pwd: password },
            remote: RemoteParameters { ice_ufrag: "client".to_owned(), fingerprint },
        });
        client.start(self.now);
        self.peers.push(Peer { client, rtp: Vec::new(), rtcp: Vec::new(), loss_down: 0.0, loss_up: 0.0 });
        let limit = self.now + Duration::from_secs(10);
        let session = SessionId(peer as u32);
        let up = |event: &Event| matches!(event, Event::SessionConnected { session: s, .. } if *s == session);
        while !(self.events.iter().any(up) && self.peers[peer].client.is_connected()) {
            assert!(self.now < limit, "no connection: {:?}", self.events);
            self.run(Duration::from_millis(5));
        }
        peer
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.sfu.handle_command(self.now, command);
        self.drain();
    }

    /// Lets the time pass.
    pub(crate) fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            self.send_clients();
            let flight = self.in_flight.keys().next().map(|key| key.0);
            let shard = self.sfu.poll_timeout().map(|(at, _)| at);
            let clients = self.peers.iter().filter_map(|peer| peer.client.poll_timeout());
            let next = clients.chain(flight).chain(shard).min().filter(|at| *at <= end);
            let Some(next) = next else { break };
            self.now = self.now.max(next);
            self.step();
        }
        self.now = end;
    }

    /// Sends media of a client.
    pub(crate) fn send_rtp(&mut self, peer: usize, packet: &[u8]) {
        let sealed = self.peers[peer].client.seal_rtp(packet);
        self.send_media(peer, sealed);
    }

    pub(crate) fn send_rtcp(&mut self, peer: usize, packet: &[u8]) {
        let sealed = self.peers[peer].client.seal_rtcp(packet);
        self.send_media(peer, sealed);
    }

    /// A datagram from any address.
    pub(crate) fn inject(&mut self, source: SocketAddr, datagram: &[u8]) {
        self.sfu.handle_datagram(self.now, source, &mut datagram.to_vec());
        self.drain();
    }

    /// Takes packets given by hand into the shard, as from a link.
    pub(crate) fn link_packet(&mut self, link: LinkId, flow: u64, packet: &[u8]) {
        self.sfu.handle_link_packet(self.now, link, flow, packet);
        self.drain();
    }

    fn send_media(&mut self, peer: usize, sealed: Vec<u8>) {
        let lost = self.rng.random_bool(self.peers[peer].loss_up);
        if !lost {
            let address = self.peers[peer].client.address;
            self.fly(Flight::ToShard(address, sealed));
        }
    }

    fn fly(&mut self, flight: Flight) {
        self.flights += 1;
        self.in_flight.insert((self.now + ONE_WAY, self.flights), flight);
    }

    fn step(&mut self) {
        let now = self.now;
        while let Some(entry) = self.in_flight.first_entry().filter(|entry| entry.key().0 <= now) {
            match entry.remove() {
                Flight::ToShard(source, mut datagram) => {
                    self.sfu.handle_datagram(now, source, &mut datagram);
                    self.drain();
                }
                Flight::ToPeer(peer, datagram) => self.peers[peer].receive(now, &datagram),
            }
        }
        self.sfu.handle_timeout(now);
        self.drain();
        for peer in &mut self.peers {
            if peer.client.poll_timeout().is_some_and(|at| at <= now) {
                peer.client.handle_timeout(now);
            }
        }
    }

    fn send_clients(&mut self) {
        for at in 0..self.peers.len() {
            while let Some(datagram) = self.peers[at].client.outbox.pop_front() {
                let address = self.peers[at].client.address;
                self.fly(Flight::ToShard(address, datagram));
            }
        }
    }

    /// The shell's duty after every verb.
    fn drain(&mut self) {
        while let Some(event) = self.sfu.poll_event() {
            self.events.push(event);
        }
        let sent: Vec<(SocketAddr, Vec<u8>)> =
            self.sfu.transmits().iter().map(|(to, bytes)| (to, bytes.to_vec())).collect();
        self.sfu.transmits().clear();
        for (destination, datagram) in sent {
            let found = self.peers.iter().position(|peer| peer.client.address == destination);
            let Some(peer) = found else { continue };
            let media = datagram[0] >= 128;
            if !(media && self.rng.random_bool(self.peers[peer].loss_down)) {
                self.fly(Flight::ToPeer(peer, datagram));
            }
        }
        let packets = self.sfu.link_packets();
        self.link_packets.extend(packets.iter().map(|(link, flow, bytes)| (link, flow, bytes.to_vec())));
        packets.clear();
    }

    // What rooms say.

    pub(crate) fn open_video(&mut self, source: u32, origin: Origin, layers: u8) {
        self.command(Command::OpenSource {
            source: SourceId(source),
            origin,
            kind: Kind::Video,
            codec: Codec::Vp8,
            clock_rate_hz: 90_000,
            layers,
        });
    }

    pub(crate) fn open_audio(&mut self, source: u32, origin: Origin) {
        self.command(Command::OpenSource {
            source: SourceId(source),
            origin,
            kind: Kind::Audio,
            codec: Codec::Opus,
            clock_rate_hz: 48_000,
            layers: 1,
        });
    }

    pub(crate) fn publish(&mut self, peer: usize, incoming: Vec<Incoming>) {
        self.command(Command::SetIncoming { session: SessionId(peer as u32), incoming });
    }

    /// Declares one stream with this SSRC (and the next for repairs) and feeds it.
    pub(crate) fn watch(&mut self, peer: usize, source: u32, layer: u8, ssrc: u32, repair: bool) {
        let session = SessionId(peer as u32);
        let outgoing = Outgoing {
            mid: "0".to_owned(),
            ssrc,
            rtx_ssrc: repair.then_some(ssrc + 1),
            cname: "publisher".to_owned(),
            extensions: EXTENSIONS,
        };
        self.command(Command::SetOutgoing { session, outgoing: vec![outgoing] });
        self.command(Command::Watch {
            session,
            mid: "0".to_owned(),
            source: SourceId(source),
            payload_type: 100,
            rtx_payload_type: repair.then_some(101),
            target: Target { layer, paused: false },
        });
    }
}

impl Peer {
    fn receive(&mut self, at: Instant, datagram: &[u8]) {
        if datagram[0] < 128 {
            self.client.handle(at, datagram);
        } else if (192..=223).contains(&datagram[1]) {
            let packet = self.client.open_rtcp(datagram);
            self.rtcp.push(Got { at, packet });
        } else {
            let packet = self.client.open_rtp(datagram);
            self.rtp.push(Got { at, packet });
        }
    }
}
