//! Virtual time, and edges that start, act and die in it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use control_plane_api::topology::Topology;
use edge_room::{Config, Output, PeerId, Request, Rooms};
use edge_sfu::{Command, Event, SourceId};
use edge_wire::control::Message;
use edge_wire::journal::Entry;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::books::Books;
use crate::checks;
use crate::client::Client;
use crate::plan::View;
use crate::wires::{Packet, delay_ms, peer_of};

pub(crate) const ROOM: &str = "class";
/// An edge that is gone is missed by the control plane after this.
const LEASE: Duration = Duration::from_secs(5);
/// Starts of one process and the next are at least so many milliseconds apart.
pub(crate) const EPOCH: u64 = 1_000;

pub(crate) struct World {
    pub(crate) rng: StdRng,
    pub(crate) now: Instant,
    pub(crate) start: Instant,
    queue: BTreeMap<(Instant, u64), Due>,
    pub(crate) sequence: u64,
    pub(crate) edges: Vec<Edge>,
    /// Directions in which nothing passes.
    pub(crate) cut: BTreeSet<(usize, usize)>,
    /// Connections that carry packets or are being made, with their ends.
    pub(crate) alive: BTreeMap<u64, (usize, usize)>,
    /// Lives of the processes at their ends.
    pub(crate) lives: BTreeMap<u64, (u64, u64)>,
    /// Arrival of the last packet in each direction: streams keep their order.
    pub(crate) arrivals: BTreeMap<(usize, usize), Instant>,
    pub(crate) presence: BTreeSet<usize>,
    /// As planned last.
    pub(crate) topology: Option<Topology>,
    pub(crate) version: u64,
    /// Control plane's words take up to this long, in ms.
    pub(crate) view_delay_ms: u64,
    /// Where everybody is.
    pub(crate) people: BTreeMap<String, (usize, PeerId)>,
    pub(crate) announcements: usize,
    pub(crate) messages: usize,
}

pub(crate) struct Edge {
    /// `None` while the process is down.
    pub(crate) rooms: Option<Rooms>,
    pub(crate) books: Books,
    pub(crate) clients: BTreeMap<PeerId, Client>,
    /// One journal per process.
    pub(crate) journal: Vec<Entry>,
    /// Connection of each link that is up, as seen here.
    pub(crate) links: BTreeMap<usize, u64>,
    /// What it knows of the fleet, and the edges it keeps connections to by that.
    pub(crate) view: View,
    pub(crate) connected: BTreeSet<usize>,
    pub(crate) is_draining: bool,
    pub(crate) life: u64,
    pub(crate) seen: u64,
}

pub(crate) enum Due {
    Packet { from: usize, to: usize, connection: u64, packet: Box<Packet> },
    Up { at: usize, peer: usize, connection: u64 },
    Down { at: usize, peer: usize, connection: u64 },
    Dial,
    View { at: usize, version: u64, view: Box<View> },
    Plan,
    Lease { edge: usize, life: u64 },
    Layer { at: usize, life: u64, source: SourceId, layer: u8 },
    Rejoin { identity: String },
}

impl World {
    pub(crate) fn new(seed: u64, edges: usize) -> Self {
        let now = Instant::now();
        let mut world = Self {
            rng: StdRng::seed_from_u64(seed),
            now,
            start: now,
            queue: BTreeMap::new(),
            sequence: 0,
            edges: Vec::new(),
            cut: BTreeSet::new(),
            alive: BTreeMap::new(),
            lives: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            presence: BTreeSet::new(),
            topology: None,
            version: 0,
            view_delay_ms: 150,
            people: BTreeMap::new(),
            announcements: 0,
            messages: 0,
        };
        for index in 0..edges {
            world.edges.push(Edge {
                rooms: None,
                books: Books::default(),
                clients: BTreeMap::new(),
                journal: Vec::new(),
                links: BTreeMap::new(),
                view: View::default(),
                connected: BTreeSet::new(),
                is_draining: false,
                life: 0,
                seen: 0,
            });
            world.start_edge(index);
        }
        world.schedule(Duration::ZERO, Due::Dial);
        world.pass(Duration::from_secs(1));
        world
    }

    pub(crate) fn start_edge(&mut self, index: usize) {
        let address = "10.0.0.1:7000".parse().expect("an address");
        let (name, region) = (node_id(index), format!("region-{index}"));
        let mut config = Config::new(name, region, ["CD"; 32].join(":"), vec![address], 1_000);
        config.epoch = (self.edges[index].life + 1) * EPOCH;
        let seed = self.rng.random();
        let edge = &mut self.edges[index];
        edge.rooms = Some(Rooms::new(config, seed));
        edge.life += 1;
        (edge.is_draining, edge.seen) = (false, 0);
        (edge.view, edge.connected) = (View::default(), BTreeSet::new());
        if self.presence.remove(&index) {
            // The node's key has a new epoch: what it said before is void.
            self.tell_presence();
        }
        let view = Box::new(self.current_view());
        self.schedule(Duration::from_millis(20), Due::View { at: index, version: self.version, view });
    }

    /// The process ends without a word. Its clients look for another edge.
    pub(crate) fn kill_edge(&mut self, index: usize) {
        checks::journal(&self.edges[index].journal, false);
        let edge = &mut self.edges[index];
        edge.rooms = None;
        edge.books = Books::default();
        edge.clients.clear();
        edge.journal.clear();
        let life = edge.life;
        edge.links.clear();
        self.break_connections(|ends| ends.0 == index || ends.1 == index);
        self.schedule(LEASE, Due::Lease { edge: index, life });
        let lost: Vec<String> =
            self.people.iter().filter(|(_, at)| at.0 == index).map(|(who, _)| who.clone()).collect();
        lost.into_iter().for_each(|identity| self.rejoin_soon(identity));
    }

    pub(crate) fn schedule(&mut self, after: Duration, due: Due) {
        self.sequence += 1;
        self.queue.insert((self.now + after, self.sequence), due);
    }

    /// Lets time pass: packets arrive and timers fire in order.
    pub(crate) fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let timer =
                self.edges.iter().enumerate().filter_map(|(index, edge)| {
                    edge.rooms.as_ref()?.poll_timeout().map(|(at, _)| (at, index))
                });
            let timer = timer.min().filter(|(at, _)| *at <= end);
            let due = self.queue.first_key_value().map(|(key, _)| *key).filter(|(at, _)| *at <= end);
            match (timer, due) {
                (Some((at, index)), due) if due.is_none_or(|(due, _)| at < due) => {
                    self.now = self.now.max(at);
                    let now = self.now;
                    if let Some(rooms) = &mut self.edges[index].rooms {
                        rooms.handle_timeout(now);
                    }
                    self.pump(index);
                }
                (_, Some(key)) => {
                    self.now = self.now.max(key.0);
                    if let Some(due) = self.queue.remove(&key) {
                        self.happen(due);
                    }
                }
                _ => break,
            }
        }
        self.now = end;
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Packet { from, to, connection, packet } => self.arrive((from, to), connection, *packet),
            Due::Up { at, peer, connection } => self.up(at, peer, connection),
            Due::Down { at, peer, connection } => self.down(at, peer, connection),
            Due::Dial => self.dial(),
            Due::View { at, version, view } => self.view(at, version, *view),
            Due::Plan => self.replan(),
            Due::Lease { edge, life } => {
                if self.edges[edge].life == life && self.presence.remove(&edge) {
                    self.tell_presence();
                }
            }
            Due::Layer { at, life, source, layer } => {
                if self.edges[at].life == life && self.edges[at].books.sources.contains_key(&source) {
                    self.event(at, Event::LayerStarted { source, layer });
                }
            }
            Due::Rejoin { identity } => self.rejoin(identity),
        }
    }

    pub(crate) fn event(&mut self, index: usize, event: Event) {
        let now = self.now;
        if let Some(rooms) = &mut self.edges[index].rooms {
            rooms.handle_media_event(now, event);
        }
        self.pump(index);
    }

    /// Carries out what an edge wants done, and lets its clients answer.
    pub(crate) fn pump(&mut self, index: usize) {
        for _ in 0..1_000 {
            while let Some(output) = self.edges[index].rooms.as_mut().and_then(Rooms::poll_output) {
                self.carry(index, output);
            }
            self.say_goodbye(index);
            let edge = &mut self.edges[index];
            let wanting = edge.clients.iter_mut().find(|(_, client)| client.wants_offer);
            let Some((peer, client)) = wanting.map(|(peer, client)| (*peer, client)) else { return };
            let (id, sdp) = client.offer();
            let now = self.now;
            if let Some(rooms) = &mut edge.rooms {
                rooms.handle_request(now, peer, Request::Offer { id, sdp });
            }
        }
        panic!("an edge and its clients never fall silent");
    }

    fn carry(&mut self, index: usize, output: Output) {
        let edge = &mut self.edges[index];
        match output {
            Output::Notify { peer, notice } => {
                // The first notice of a client comes before its join returns.
                if let Some(client) = edge.clients.get_mut(&peer) {
                    client.take(notice);
                }
            }
            Output::Media(command) => {
                let begun = match &command {
                    Command::LinkReceive { link, source, layer, .. } => Some((*link, *source, *layer)),
                    _ => None,
                };
                if let Command::SendData { session, label: "_reliable", payload, .. } = &command
                    && let Some(client) = edge.clients.get_mut(&PeerId(session.0))
                {
                    client.hear(payload);
                }
                edge.books.take(command);
                let life = edge.life;
                if let Some((link, source, layer)) = begun {
                    let wait = Duration::from_millis(2 * delay_ms(index, peer_of(link)) + 20);
                    self.schedule(wait, Due::Layer { at: index, life, source, layer });
                }
            }
            Output::Link { link, message } => {
                if let Message::Announce(announce) = &message {
                    self.announcements += 1;
                    checks::announcement(announce, &node_id(index), &node_id(peer_of(link)));
                }
                self.send(index, peer_of(link), Packet::Control(message));
            }
            Output::LinkData { link, data } => self.send(index, peer_of(link), Packet::Data(data)),
            Output::RoomOpened { .. } => {
                self.presence.insert(index);
                self.tell_presence();
            }
            Output::RoomClosed { .. } => {
                self.presence.remove(&index);
                self.tell_presence();
            }
            Output::Record { entry, .. } => edge.journal.push(entry),
            Output::ClientData { .. }
            | Output::RoomPresence { .. }
            | Output::Moved { .. }
            | Output::Fact(_) => {}
        }
    }
}

pub(crate) fn node_id(index: usize) -> String {
    format!("edge-{index}")
}
