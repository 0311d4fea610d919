//! Links between edges: connections that are made, carry packets in order, break, and are noticed to be broken by each end in
//! its own time.

use std::time::Duration;

use edge_room::Neighbour;
use edge_sfu::LinkId;
use edge_wire::control::{Message, RoomData};
use rand::Rng as _;

use crate::world::{Due, EPOCH, World, node_id};

const REDIAL: Duration = Duration::from_millis(500);

pub(crate) enum Packet {
    Control(Message),
    Data(RoomData),
}

impl World {
    /// Stops one direction. The connection over it is lost, and both ends notice within 300 ms.
    pub(crate) fn cut(&mut self, from: usize, to: usize) {
        self.cut.insert((from, to));
        let pair = (from.min(to), from.max(to));
        self.break_connections(|ends| ends == pair);
        self.plan_soon();
    }

    /// Each end notices in its own time.
    pub(crate) fn break_connections(&mut self, is_concerned: impl Fn((usize, usize)) -> bool) {
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

    /// Whoever misses a link dials; the lower edge does. The far end may not have noticed yet that the old one is lost.
    pub(crate) fn dial(&mut self) {
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

    pub(crate) fn up(&mut self, at: usize, peer: usize, connection: u64) {
        let now = self.now;
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

    pub(crate) fn down(&mut self, at: usize, peer: usize, connection: u64) {
        if self.edges[at].links.get(&peer) != Some(&connection) {
            return;
        }
        let now = self.now;
        self.edges[at].links.remove(&peer);
        if let Some(rooms) = &mut self.edges[at].rooms {
            rooms.link_down(now, link(peer));
        }
        self.follow_plan(at);
        self.pump(at);
    }

    pub(crate) fn send(&mut self, from: usize, to: usize, packet: Packet) {
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

    pub(crate) fn arrive(&mut self, (from, to): (usize, usize), connection: u64, packet: Packet) {
        let now = self.now;
        if self.edges[to].links.get(&from) != Some(&connection) || !self.alive.contains_key(&connection) {
            return;
        }
        let Some(rooms) = &mut self.edges[to].rooms else { return };
        match packet {
            Packet::Control(message) => rooms.handle_link(now, link(from), message),
            Packet::Data(data) => rooms.handle_link_data(now, link(from), data),
        }
        self.pump(to);
    }
}

/// What every edge calls its link to edge `to`.
pub(crate) fn link(to: usize) -> LinkId {
    LinkId(to as u32 + 1)
}

pub(crate) fn peer_of(link: LinkId) -> usize {
    link.0 as usize - 1
}

/// One way between two edges: some are near, some across an ocean.
pub(crate) fn delay_ms(a: usize, b: usize) -> u64 {
    let (a, b) = (a.min(b) as u64, a.max(b) as u64);
    2 + (a * 37 + b * 53) % 90
}
