//! Session, client and the network between them, in virtual time.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use edge_session::{Config, DropReason, Event, LocalIce, Received, RemoteParameters, Session};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::client::{Client, Options};

pub(crate) const UFRAG: &str = "shard0peer1";
pub(crate) const PASSWORD: &str = "the password of the session";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Towards {
    Session,
    Client,
}

type Filter = Box<dyn FnMut(Towards, &[u8]) -> bool>;
type Spoil = Box<dyn FnMut(&mut [u8])>;

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) session: Session,
    pub(crate) client: Client,
    /// Probability that a datagram is lost, either way.
    pub(crate) loss: f64,
    /// Delay, either way.
    pub(crate) one_way: Duration,
    /// Says whether a datagram passes.
    pub(crate) filter: Filter,
    /// Changes what the client sends on the way.
    pub(crate) spoil: Spoil,
    pub(crate) events: Vec<Event>,
    pub(crate) drops: Vec<DropReason>,
    pub(crate) rtp: Vec<Vec<u8>>,
    pub(crate) rtcp: Vec<Vec<u8>>,
    in_flight: Vec<(Instant, Towards, SocketAddr, Vec<u8>)>,
    rng: StdRng,
}

/// One certificate for all tests, as one process has.
pub(crate) fn config() -> Arc<Config> {
    static CONFIG: OnceLock<Arc<Config>> = OnceLock::new();
    CONFIG.get_or_init(|| Config::generate().expect("the provider has P-256")).clone()
}

pub(crate) fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 7], port))
}

#[expect(clippy::disallowed_methods, reason = "an instant to begin at; time passes by arithmetic")]
fn begin() -> Instant {
    Instant::now()
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self::with(seed, &Options::default())
    }

    pub(crate) fn with(seed: u64, options: &Options) -> Self {
        let client = Client::new(address(4000), format!("{UFRAG}:client"), PASSWORD.to_owned(), options);
        let fingerprint = client.fingerprint.clone();
        Self::with_fingerprint(seed, client, &fingerprint)
    }

    /// A session told to expect `fingerprint`, whatever the client has.
    pub(crate) fn with_fingerprint(seed: u64, mut client: Client, fingerprint: &str) -> Self {
        let now = begin();
        let local = LocalIce { ufrag: UFRAG.to_owned(), pwd: PASSWORD.to_owned() };
        let remote = RemoteParameters {
            ice_ufrag: "client".to_owned(),
            fingerprint: fingerprint.parse().expect("a fingerprint"),
        };
        client.start(now);
        Self {
            now,
            session: Session::new(config(), local, remote, now),
            client,
            loss: 0.0,
            one_way: Duration::from_millis(20),
            filter: Box::new(|_, _| true),
            spoil: Box::new(|_| {}),
            events: Vec::new(),
            drops: Vec::new(),
            rtp: Vec::new(),
            rtcp: Vec::new(),
            in_flight: Vec::new(),
            rng: StdRng::seed_from_u64(seed),
        }
    }

    /// A world where both sides have connected.
    pub(crate) fn connected(seed: u64) -> Self {
        let mut world = Self::new(seed);
        assert!(world.connect(), "no connection: {:?}", world.events);
        world
    }

    /// Runs until both sides are connected; `false` when that takes over 30 s or the session ends.
    pub(crate) fn connect(&mut self) -> bool {
        self.run_until(Duration::from_secs(31), |world| {
            world.session.is_connected() && world.client.is_connected()
        })
    }

    /// Runs until `done`, at most for `limit`; whether it was done.
    pub(crate) fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + limit;
        self.flush();
        while !done(self) {
            match self.next_instant() {
                Some(next) if next <= end => self.advance(next),
                _ => {
                    self.now = end;
                    return done(self);
                }
            }
        }
        true
    }

    pub(crate) fn run_for(&mut self, duration: Duration) {
        self.run_until(duration, |_| false);
    }

    /// Hands a datagram to the session now, from anywhere.
    pub(crate) fn deliver(&mut self, source: SocketAddr, datagram: &[u8]) {
        let mut datagram = datagram.to_vec();
        match self.session.handle_datagram(self.now, source, &mut datagram) {
            Received::Nothing => {}
            Received::Rtp(packet) => self.rtp.push(packet.to_vec()),
            Received::Rtcp(packet) => self.rtcp.push(packet.to_vec()),
            Received::Dropped(reason) => self.drops.push(reason),
        }
        self.flush();
    }

    fn next_instant(&self) -> Option<Instant> {
        let arrival = self.in_flight.iter().map(|(at, ..)| *at).min();
        let session = self.session.poll_timeout().map(|(at, _)| at);
        [arrival, session, self.client.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
            .map(|next| next.max(self.now))
    }

    fn advance(&mut self, next: Instant) {
        self.now = next;
        // Equal instants keep their order: the network does not reorder.
        while let Some(index) = self.in_flight.iter().position(|(at, ..)| *at <= next) {
            let (_, towards, peer, datagram) = self.in_flight.remove(index);
            match towards {
                Towards::Session => self.deliver(peer, &datagram),
                Towards::Client if peer == self.client.address => self.client.handle(next, &datagram),
                Towards::Client => {}
            }
        }
        if self.session.poll_timeout().is_some_and(|(at, _)| at <= next) {
            self.session.handle_timeout(next);
        }
        if self.client.poll_timeout().is_some_and(|at| at <= next) {
            self.client.handle_timeout(next);
        }
        self.flush();
    }

    fn flush(&mut self) {
        while let Some(mut datagram) = self.client.outbox.pop_front() {
            (self.spoil)(&mut datagram);
            self.send(Towards::Session, self.client.address, datagram);
        }
        while let Some(transmit) = self.session.poll_transmit(self.now) {
            self.send(Towards::Client, transmit.destination, transmit.payload.to_vec());
        }
        self.events.extend(std::iter::from_fn(|| self.session.poll_event()));
    }

    fn send(&mut self, towards: Towards, peer: SocketAddr, datagram: Vec<u8>) {
        let lost = self.loss > 0.0 && self.rng.random_bool(self.loss);
        if (self.filter)(towards, &datagram) && !lost {
            self.in_flight.push((self.now + self.one_way, towards, peer, datagram));
        }
    }
}
