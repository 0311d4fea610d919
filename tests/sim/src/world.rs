//! Virtual time, wires between edges, and what each edge knows of the others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use control_plane_api::topology::Topology;
use edge_room::{AddTrack, Config, Join, Neighbour, Output, PeerId, Request, Rooms};
use edge_sfu::{Command, Event, LinkId, SessionId, SourceId};
use edge_wire::control::{Message, RoomData};
use edge_wire::journal::Entry;
use edge_wire::model::{self, ParticipantKind, TrackKind, TrackSource};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::books::Books;
use crate::checks;
use crate::client::Client;
use crate::plan::View;

pub(crate) const ROOM: &str = "class";
/// An edge that is gone is missed by the control plane after this.
const LEASE: Duration = Duration::from_secs(5);
/// Starts of one process and the next are at least so many milliseconds apart.
const EPOCH: u64 = 1_000;
const REDIAL: Duration = Duration::from_millis(500);

pub(crate) struct World {
    pub(crate) rng: StdRng,
    pub(crate) now: Instant,
    start: Instant,
    queue: BTreeMap<(Instant, u64), Due>,
    sequence: u64,
    pub(crate) edges: Vec<Edge>,
    /// Directions in which nothing passes.
    pub(crate) cut: BTreeSet<(usize, usize)>,
    /// Connections that carry packets or are being made, with their ends.
    alive: BTreeMap<u64, (usize, usize)>,
    /// Lives of the processes at their ends.
    lives: BTreeMap<u64, (u64, u64)>,
    /// Arrival of the last packet in each direction: streams keep their order.
    arrivals: BTreeMap<(usize, usize), Instant>,
    pub(crate) presence: BTreeSet<usize>,
    /// As planned last.
    pub(crate) topology: Option<Topology>,
    version: u64,
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
    life: u64,
    seen: u64,
}

enum Packet {
    Control(Message),
    Data(RoomData),
}

enum Due {
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

    /// Stops one direction. The connection over it is lost, and both ends notice within 300 ms.
    pub(crate) fn cut(&mut self, from: usize, to: usize) {
        self.cut.insert((from, to));
        let pair = (from.min(to), from.max(to));
        self.break_connections(|ends| ends == pair);
        self.plan_soon();
    }

    /// Each end notices in its own time.
    fn break_connections(&mut self, is_concerned: impl Fn((usize, usize)) -> bool) {
        let broken: Vec<(u64, (usize, usize))> =
            self.alive.iter().filter(|(_, ends)| is_concerned(**ends)).map(|(c, ends)| (*c, *ends)).collect();
        for (connection, (a, b)) in broken {
            self.alive.remove(&connection);
            for (at, peer) in [(a, b), (b, a)] {
                let wait = Duration::from_millis(self.rng.random_range(50..300));
                self.schedule(wait, Due::Down { at, peer, connection });
            }
        }
    }

    pub(crate) fn join(&mut self, index: usize, identity: &str) {
        let now_ms = 1_700_000_000_000 + (self.now - self.start).as_millis() as u64;
        let join = Join {
            room: model::Room {
                sid: "RM_1".into(),
                name: ROOM.into(),
                created_at_ms: 1,
                recording: true,
                ..model::Room::default()
            },
            identity: identity.into(),
            name: identity.into(),
            kind: ParticipantKind::Standard,
            metadata: String::new(),
            attributes: BTreeMap::new(),
            permission: model::Permission {
                can_subscribe: true,
                can_publish: true,
                can_publish_data: true,
                ..model::Permission::default()
            },
            client_protocol: 16,
            capabilities: Vec::new(),
            auto_subscribe: true,
            now_ms,
            is_whep: false,
            publish_unannounced: false,
            moves: None,
        };
        let now = self.now;
        let Some(rooms) = &mut self.edges[index].rooms else { return self.rejoin_soon(identity.to_owned()) };
        let Ok(peer) = rooms.join(now, join) else { return self.rejoin_soon(identity.to_owned()) };
        self.people.insert(identity.to_owned(), (index, peer));
        self.edges[index].clients.insert(peer, Client::new());
        self.pump(index);
        let remote = "10.0.0.2:9".parse().expect("an address");
        self.event(index, Event::SessionConnected { session: SessionId(peer.0), remote });
        self.event(index, Event::ChannelOpen { session: SessionId(peer.0), label: "_reliable".into() });
    }

    pub(crate) fn publish(&mut self, (index, peer): (usize, PeerId), is_audio: bool) {
        let cid = format!("cid-{}", self.sequence);
        let (kind, source) = if is_audio {
            (TrackKind::Audio, TrackSource::Microphone)
        } else {
            (TrackKind::Video, TrackSource::Camera)
        };
        let (width, height) = if is_audio { (0, 0) } else { (1280, 720) };
        let track = model::Track {
            kind: kind as i32,
            source: source as i32,
            name: cid.clone(),
            width,
            height,
            ..model::Track::default()
        };
        let announced = Request::AddTrack(AddTrack { cid: cid.clone(), track, codecs: Vec::new() });
        self.ask((index, peer), announced);
        if let Some(client) = self.edges[index].clients.get_mut(&peer) {
            client.publish(is_audio, &cid);
        }
        self.pump(index);
    }

    /// Everybody sends the next number, reliably.
    pub(crate) fn everybody_speaks(&mut self) {
        for (index, peer) in self.people.values().copied().collect::<Vec<_>>() {
            let now = self.now;
            let edge = &mut self.edges[index];
            let (Some(rooms), Some(client)) = (&mut edge.rooms, edge.clients.get_mut(&peer)) else {
                continue;
            };
            let Some((_, from_sid, from_identity)) = rooms.who(peer) else { continue };
            client.said += 1;
            let payload = format!("{from_sid} {}", client.said).into();
            let data =
                model::Data { from_sid, from_identity, reliable: true, payload, ..model::Data::default() };
            rooms.relay(now, peer, data);
            self.pump(index);
        }
    }

    pub(crate) fn ask(&mut self, (index, peer): (usize, PeerId), request: Request) {
        let now = self.now;
        if let Some(rooms) = &mut self.edges[index].rooms {
            rooms.handle_request(now, peer, request);
        }
        self.pump(index);
    }

    /// A client says goodbye and goes.
    pub(crate) fn leave(&mut self, (index, peer): (usize, PeerId)) {
        self.edges[index].clients.remove(&peer);
        self.ask((index, peer), Request::Leave);
    }

    /// A client goes away without a word.
    pub(crate) fn vanish(&mut self, (index, peer): (usize, PeerId)) {
        let now = self.now;
        self.edges[index].clients.remove(&peer);
        if let Some(rooms) = &mut self.edges[index].rooms {
            rooms.signal_lost(now, peer);
        }
        self.event(index, Event::SessionClosed { session: SessionId(peer.0), reason: "simulated" });
    }

    pub(crate) fn rejoin_soon(&mut self, identity: String) {
        self.people.remove(&identity);
        let wait = Duration::from_millis(self.rng.random_range(100..1_000));
        self.schedule(wait, Due::Rejoin { identity });
    }

    fn event(&mut self, index: usize, event: Event) {
        let now = self.now;
        if let Some(rooms) = &mut self.edges[index].rooms {
            rooms.handle_media_event(now, event);
        }
        self.pump(index);
    }

    fn schedule(&mut self, after: Duration, due: Due) {
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
        let now = self.now;
        match due {
            Due::Packet { from, to, connection, packet } => {
                if self.edges[to].links.get(&from) != Some(&connection)
                    || !self.alive.contains_key(&connection)
                {
                    return;
                }
                let Some(rooms) = &mut self.edges[to].rooms else { return };
                match *packet {
                    Packet::Control(message) => rooms.handle_link(now, link(from), message),
                    Packet::Data(data) => rooms.handle_link_data(now, link(from), data),
                }
                self.pump(to);
            }
            Due::Up { at, peer, connection } => {
                let Some(rooms) = &mut self.edges[at].rooms else { return };
                let (low, high) = self.lives[&connection];
                let epoch = EPOCH * if peer < at { low } else { high };
                let neighbour = Neighbour { node_id: node_id(peer), epoch, version: edge_wire::VERSION };
                rooms.link_up(now, link(peer), neighbour);
                rooms.set_link_cost(link(peer), delay_ms(at, peer) as u32 * 2);
                self.edges[at].links.insert(peer, connection);
                self.follow_plan(at);
                if !self.alive.contains_key(&connection) {
                    self.schedule(Duration::from_millis(300), Due::Down { at, peer, connection });
                }
                self.pump(at);
            }
            Due::Down { at, peer, connection } => {
                if self.edges[at].links.get(&peer) == Some(&connection) {
                    self.edges[at].links.remove(&peer);
                    if let Some(rooms) = &mut self.edges[at].rooms {
                        rooms.link_down(now, link(peer));
                    }
                    self.follow_plan(at);
                    self.pump(at);
                }
            }
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
            Due::Rejoin { identity } => {
                let open =
                    |edge: &&usize| self.edges[**edge].rooms.is_some() && !self.edges[**edge].is_draining;
                let all: Vec<usize> = (0..self.edges.len()).collect();
                let open: Vec<usize> = all.iter().filter(open).copied().collect();
                match open.get(self.rng.random_range(0..open.len().max(1))) {
                    Some(edge) if !self.people.contains_key(&identity) => self.join(*edge, &identity),
                    Some(_) => {}
                    None => self.rejoin_soon(identity),
                }
            }
        }
    }

    /// Whoever misses a link dials; the lower edge does. The far end may not have noticed yet that the old one is lost.
    fn dial(&mut self) {
        for a in 0..self.edges.len() {
            for b in a + 1..self.edges.len() {
                let is_up = self.edges[a].rooms.is_some() && self.edges[b].rooms.is_some();
                let is_open = !self.cut.contains(&(a, b)) && !self.cut.contains(&(b, a));
                let linked =
                    self.edges[a].links.get(&b).is_some_and(|connection| self.alive.contains_key(connection));
                let is_wanted = self.edges[a].connected.contains(&b);
                if !is_wanted || !is_up || !is_open || linked || self.edges[a].links.contains_key(&b) {
                    continue;
                }
                self.sequence += 1;
                let connection = self.sequence;
                self.alive.insert(connection, (a, b));
                self.lives.insert(connection, (self.edges[a].life, self.edges[b].life));
                let way = Duration::from_millis(delay_ms(a, b));
                self.schedule(way, Due::Up { at: b, peer: a, connection });
                self.schedule(way * 2, Due::Up { at: a, peer: b, connection });
            }
        }
        self.schedule(REDIAL, Due::Dial);
    }

    fn view(&mut self, at: usize, version: u64, view: View) {
        if version < self.edges[at].seen {
            return;
        }
        self.edges[at].seen = version;
        self.edges[at].view = view;
        self.follow_plan(at);
    }

    fn current_view(&self) -> View {
        View { presence: self.presence.clone(), topology: self.topology.clone() }
    }

    /// Who is in the room changed: every edge hears of it, and it is planned anew.
    fn tell_presence(&mut self) {
        self.tell_view();
        self.plan_soon();
    }

    /// The control plane plans once it has heard of a change.
    pub(crate) fn plan_soon(&mut self) {
        let wait = Duration::from_millis(self.rng.random_range(50..1_000));
        self.schedule(wait, Due::Plan);
    }

    /// Every edge hears of it in its own time, so that views differ for a while.
    pub(crate) fn tell_view(&mut self) {
        self.version += 1;
        for at in 0..self.edges.len() {
            let wait = Duration::from_millis(self.rng.random_range(5..self.view_delay_ms.max(6)));
            let view = Box::new(self.current_view());
            self.schedule(wait, Due::View { at, version: self.version, view });
        }
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

    /// Clients that were told to leave are gone; those who are still meant to be in the class come back.
    fn say_goodbye(&mut self, index: usize) {
        let edge = &mut self.edges[index];
        let left: Vec<PeerId> =
            edge.clients.iter().filter(|(_, c)| c.has_left).map(|(peer, _)| *peer).collect();
        for peer in left {
            self.edges[index].clients.remove(&peer);
            let who = self.people.iter().find(|(_, at)| **at == (index, peer)).map(|(who, _)| who.clone());
            if let Some(identity) = who {
                self.rejoin_soon(identity);
            }
        }
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

    fn send(&mut self, from: usize, to: usize, packet: Packet) {
        let Some(connection) = self.edges[from].links.get(&to).copied() else { return };
        if !self.alive.contains_key(&connection) {
            return;
        }
        self.messages += 1;
        let jitter = Duration::from_millis(self.rng.random_range(0..10));
        let arrival = self.now + Duration::from_millis(delay_ms(from, to)) + jitter;
        let last = self.arrivals.entry((from, to)).or_insert(arrival);
        *last = arrival.max(*last);
        let wait = *last - self.now;
        self.schedule(wait, Due::Packet { from, to, connection, packet: Box::new(packet) });
    }
}

/// What every edge calls its link to edge `to`.
pub(crate) fn link(to: usize) -> LinkId {
    LinkId(to as u32 + 1)
}

pub(crate) fn peer_of(link: LinkId) -> usize {
    link.0 as usize - 1
}

pub(crate) fn node_id(index: usize) -> String {
    format!("edge-{index}")
}

/// One way between two edges: some are near, some across an ocean.
pub(crate) fn delay_ms(a: usize, b: usize) -> u64 {
    let (a, b) = (a.min(b) as u64, a.max(b) as u64);
    2 + (a * 37 + b * 53) % 90
}
