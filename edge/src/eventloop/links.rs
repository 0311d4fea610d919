//! Links to other edges come and go; which of them each room needs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use edge_room::{Neighbour, RoomPeers};
use edge_sfu::LinkId;

use super::EventLoop;
use crate::link::{Link, LinkEvent};
use crate::mesh;

impl EventLoop {
    pub(super) fn link_event(&mut self, event: LinkEvent) {
        let now = Instant::now();
        match event {
            LinkEvent::Up(link) => {
                tracing::info!(peer = %link.node_id, version = link.version, "link up");
                let (id, node_id) = (link.id, link.node_id.clone());
                // A peer that was killed and is back: its old link would only time out seconds later, and until then
                // everything would go both ways, the people of its last life included.
                for stale in self.state.links.values().filter(|stale| stale.node_id == node_id) {
                    stale.close("the peer has a newer link");
                }
                self.rooms.link_up(now, id, neighbour(&link));
                // Known since the handshake: ways are chosen before the first report.
                self.rooms.set_link_cost(id, link.cost_ms());
                self.state.links.insert(id, link);
                self.update_room_peers();
            }
            LinkEvent::Lost { link, reason } => {
                if let Some(known) = self.state.links.get(&link) {
                    tracing::info!(peer = %known.node_id, reason, "link lost");
                    self.state.lost.insert(link);
                    self.rooms.link_down(now, link);
                    self.update_room_peers();
                }
            }
            LinkEvent::Healed { link } => {
                if let Some(known) = self.state.links.get(&link).filter(|_| self.state.lost.remove(&link)) {
                    tracing::info!(peer = %known.node_id, "link heals");
                    self.rooms.link_up(now, link, neighbour(known));
                    self.rooms.set_link_cost(link, known.cost_ms());
                    self.update_room_peers();
                }
            }
            LinkEvent::Control { link, message } => {
                self.watch_admission(now, link, &message);
                self.rooms.handle_link(now, link, message);
            }
            LinkEvent::Data { link, data } => self.rooms.handle_link_data(now, link, data),
            LinkEvent::Down { link, node_id, reason } => {
                tracing::info!(peer = %node_id, %reason, "link down");
                self.state.links.remove(&link);
                self.state.lost.remove(&link);
                self.state.admission.forget(link);
                self.rooms.link_down(now, link);
                self.update_room_peers();
            }
        }
    }

    /// A process that was started again has a new link, or will: the old one would only time out.
    pub(super) fn close_links_of_older_processes(&mut self) {
        let nodes = self.view.nodes();
        for link in self.state.links.values() {
            let Some(node) = nodes.get(&link.node_id) else { continue };
            self.endpoint.epochs().set(&link.node_id, node.epoch);
            if node.epoch > link.epoch {
                link.close("the peer was started again");
            }
        }
    }

    /// Which links each room needs, as the plan, who is there and the state of the links have it now.
    pub(super) fn update_room_peers(&mut self) {
        let now = Instant::now();
        let (presence, topologies) = (self.view.presence(), self.view.topologies());
        let live: BTreeMap<&str, LinkId> = self
            .state
            .links
            .iter()
            .filter(|(id, _)| !self.state.lost.contains(id))
            .map(|(id, link)| (link.node_id.as_str(), *id))
            .collect();
        let mut connected = BTreeSet::new();
        let mut changed = Vec::new();
        for room in self.state.open.values() {
            let is_linked = |node: &str| live.contains_key(node);
            let found =
                mesh::of_room(&room.name, &room.sid, &self.node_id, &presence, &topologies, is_linked);
            connected.extend(found.connected);
            let links = |nodes: &BTreeSet<String>| -> Vec<LinkId> {
                nodes.iter().filter_map(|node| live.get(node.as_str()).copied()).collect()
            };
            let present = mesh::present(&room.name, &self.node_id, &presence);
            let peers = RoomPeers {
                admitted: links(&found.admitted),
                wanted: links(&found.wanted),
                nodes: Some(present.into_iter().map(str::to_owned).collect()),
            };
            if self.state.mesh.peers.get(&room.name) != Some(&peers) {
                changed.push((room.name.clone(), peers));
            }
        }
        self.endpoint.reconcile(&mesh::addresses(connected.iter(), &self.view.nodes()));
        for (room, peers) in changed {
            self.rooms.handle_room_peers(now, &room, peers.clone());
            self.state.mesh.peers.insert(room, peers);
        }
    }
}

fn neighbour(link: &Link) -> Neighbour {
    Neighbour { node_id: link.node_id.clone(), epoch: link.epoch, version: link.version }
}
