//! Edges, clients and a control plane in one process and one virtual time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use edge_room::{Config, Fact, Output, PeerId, Request, RoomPeers, Rooms};
use edge_sfu::{Command, Event, LinkId};
use edge_wire::control::{Message, RoomData};
use edge_wire::journal::Entry;
use edge_wire::model;

use crate::client::Client;
use crate::media::Media;

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) now_ms: u64,
    pub(crate) edges: Vec<Edge>,
    /// Links that are down, as (lower, higher) edge.
    down: BTreeSet<(usize, usize)>,
    wires: BTreeMap<(usize, usize), VecDeque<Packet>>,
    /// Edges that hold the room.
    pub(crate) presence: BTreeSet<usize>,
    pub(crate) room: model::Room,
    /// Pulled layers send at once, as they do when the publisher sends them.
    pub(crate) is_live: bool,
}

pub(crate) struct Edge {
    pub(crate) rooms: Rooms,
    pub(crate) media: Media,
    pub(crate) clients: BTreeMap<PeerId, Client>,
    pub(crate) records: Vec<Entry>,
    pub(crate) facts: Vec<Fact>,
    /// Everything said on links.
    pub(crate) said: Vec<(LinkId, Message)>,
    pub(crate) identities: Vec<String>,
    pub(crate) moved: Vec<PeerId>,
}

enum Packet {
    Control(Message),
    Data(RoomData),
}

/// An edge and a client of it.
pub(crate) type At = (usize, PeerId);

impl World {
    #[expect(clippy::disallowed_methods, reason = "virtual time has to start somewhere")]
    pub(crate) fn new(edges: usize) -> Self {
        let edge = |index: usize| {
            let address = "10.0.0.1:7000".parse().expect("an address");
            let config = Config::new(
                format!("edge-{index}"),
                format!("region-{index}"),
                ["CD"; 32].join(":"),
                vec![address],
                1_000,
            );
            Edge {
                rooms: Rooms::new(config, [index as u8 + 1; 32]),
                media: Media::default(),
                clients: BTreeMap::new(),
                records: Vec::new(),
                facts: Vec::new(),
                said: Vec::new(),
                identities: Vec::new(),
                moved: Vec::new(),
            }
        };
        let room = model::Room {
            sid: "RM_1".into(),
            name: "class".into(),
            created_at_ms: 1,
            ..model::Room::default()
        };
        let mut world = Self {
            now: Instant::now(),
            now_ms: 1_700_000_000_000,
            edges: (0..edges).map(edge).collect(),
            down: BTreeSet::new(),
            wires: BTreeMap::new(),
            presence: BTreeSet::new(),
            room,
            is_live: true,
        };
        for a in 0..edges {
            for b in 0..edges {
                if a != b {
                    world.edges[a].rooms.link_up(world.now, link(b), format!("edge-{b}"));
                }
            }
        }
        world.run();
        world
    }

    pub(crate) fn set_link(&mut self, a: usize, b: usize, is_up: bool) {
        let pair = (a.min(b), a.max(b));
        self.wires.remove(&(a, b));
        self.wires.remove(&(b, a));
        if is_up {
            self.down.remove(&pair);
            self.edges[a].rooms.link_up(self.now, link(b), format!("edge-{b}"));
            self.edges[b].rooms.link_up(self.now, link(a), format!("edge-{a}"));
        } else {
            self.down.insert(pair);
            self.edges[a].rooms.link_down(self.now, link(b));
            self.edges[b].rooms.link_down(self.now, link(a));
        }
        self.run();
    }

    /// Every link that is up may be in the room; each edge wants those to the edges named, as a tree has it.
    pub(crate) fn plan<const EDGES: usize>(&mut self, wanted: [&[usize]; EDGES]) {
        for (at, wanted) in wanted.into_iter().enumerate() {
            let is_up = |other: &usize| !self.down.contains(&(at.min(*other), at.max(*other)));
            let links = |edges: &[usize]| edges.iter().copied().filter(is_up).map(link).collect();
            let others: Vec<usize> = (0..EDGES).filter(|other| *other != at).collect();
            let peers = RoomPeers { admitted: links(&others), wanted: links(wanted), nodes: None };
            self.edges[at].rooms.handle_room_peers(self.now, "class", peers);
        }
        self.run();
    }

    /// Links by which an edge receives layers.
    pub(crate) fn comes_by(&self, at: usize) -> Vec<LinkId> {
        self.edges[at].media.receives.keys().map(|(link, _)| *link).collect()
    }

    /// One side of a link that was down takes it for up again; the other side still hears nothing.
    pub(crate) fn restore_link(&mut self, at: usize, to: usize) {
        self.down.remove(&(at.min(to), at.max(to)));
        self.edges[at].rooms.link_up(self.now, link(to), format!("edge-{to}"));
    }

    /// Lets time pass, timers fire in order.
    pub(crate) fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.now_ms += duration.as_millis() as u64;
        loop {
            let next = self.edges.iter().filter_map(|edge| edge.rooms.poll_timeout()).map(|(at, _)| at).min();
            let Some(next) = next.filter(|at| *at <= end) else { break };
            self.now = self.now.max(next);
            for edge in &mut self.edges {
                edge.rooms.handle_timeout(self.now);
            }
            self.run();
        }
        self.now = end;
    }

    /// Carries everything until all is quiet.
    pub(crate) fn run(&mut self) {
        for _ in 0..10_000 {
            let mut is_quiet = true;
            for index in 0..self.edges.len() {
                is_quiet &= !self.carry(index);
            }
            is_quiet &= !self.deliver();
            if is_quiet && !self.offers() {
                return;
            }
        }
        panic!("the edges never fall silent");
    }

    fn carry(&mut self, index: usize) -> bool {
        let mut any = false;
        while let Some(output) = self.edges[index].rooms.poll_output() {
            any = true;
            let edge = &mut self.edges[index];
            match output {
                // A first notice may come before the test knows the client.
                Output::Notify { peer, notice } => {
                    edge.clients.entry(peer).or_insert_with(Client::new).take(notice)
                }
                Output::Media(command) => {
                    let begun = match command {
                        Command::LinkReceive { source, layer, .. } if self.is_live => Some((source, layer)),
                        _ => None,
                    };
                    edge.media.take(command);
                    if let Some((source, layer)) = begun {
                        edge.rooms.handle_media_event(self.now, Event::LayerStarted { source, layer });
                    }
                }
                Output::Link { link, message } => {
                    edge.said.push((link, message.clone()));
                    self.send(index, link, Packet::Control(message));
                }
                Output::LinkData { link, data } => self.send(index, link, Packet::Data(data)),
                Output::ClientData { peer, reliable, payload } => self.stamp(index, peer, reliable, payload),
                Output::RoomOpened { .. } => {
                    self.presence.insert(index);
                    self.tell_presence();
                }
                Output::RoomClosed { .. } => {
                    self.presence.remove(&index);
                    self.tell_presence();
                }
                Output::RoomPresence { identities, .. } => edge.identities = identities,
                Output::Record { entry, .. } => edge.records.push(entry),
                Output::Fact(fact) => edge.facts.push(fact),
                Output::Moved { peer } => edge.moved.push(peer),
            }
        }
        any
    }

    fn stamp(&mut self, index: usize, peer: PeerId, reliable: bool, payload: Bytes) {
        let rooms = &mut self.edges[index].rooms;
        let (_, from_sid, from_identity) = rooms.who(peer).expect("the sender is here");
        // The test's packets are `destination,destination:text`.
        let text = String::from_utf8(payload.to_vec()).expect("tests send text");
        let (to, _) = text.split_once(':').expect("tests name destinations");
        let destinations = to.split(',').filter(|to| !to.is_empty()).map(str::to_owned).collect();
        rooms.relay(self.now, peer, model::Data { from_sid, from_identity, reliable, destinations, payload });
    }

    fn send(&mut self, from: usize, link: LinkId, packet: Packet) {
        let to = (link.0 - 1) as usize;
        if !self.down.contains(&(from.min(to), from.max(to))) {
            self.wires.entry((from, to)).or_default().push_back(packet);
        }
    }

    fn deliver(&mut self) -> bool {
        let mut any = false;
        for ((from, to), wire) in &mut self.wires {
            // One at a time, so that both directions interleave.
            if let Some(packet) = wire.pop_front() {
                any = true;
                let rooms = &mut self.edges[*to].rooms;
                match packet {
                    Packet::Control(message) => rooms.handle_link(self.now, link(*from), message),
                    Packet::Data(data) => rooms.handle_link_data(self.now, link(*from), data),
                }
            }
        }
        any
    }

    fn offers(&mut self) -> bool {
        let wanting: Vec<At> = self
            .edges
            .iter()
            .enumerate()
            .flat_map(|(index, edge)| {
                let wanting =
                    edge.clients.iter().filter(|(_, client)| client.wants_offer && client.is_prompt);
                wanting.map(move |(peer, _)| (index, *peer))
            })
            .collect();
        for at in &wanting {
            let client = self.client(*at);
            client.offers += 1;
            client.wants_offer = false;
            let request = Request::Offer { id: client.offers, sdp: client.sdp() };
            self.edges[at.0].rooms.handle_request(self.now, at.1, request);
        }
        !wanting.is_empty()
    }

    fn tell_presence(&mut self) {
        for index in self.presence.clone() {
            let links: Vec<LinkId> =
                self.presence.iter().filter(|other| **other != index).map(|other| link(*other)).collect();
            self.edges[index].rooms.handle_room_peers(self.now, "class", links);
        }
    }
}

/// What every edge calls its link to edge `to`.
pub(crate) fn link(to: usize) -> LinkId {
    LinkId(to as u32 + 1)
}
