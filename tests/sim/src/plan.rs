//! The control plane of the simulated fleet: it plans the room's tree with the real placement, and every edge makes of its own
//! view of it what the real function says.

use std::collections::BTreeSet;
use std::time::Duration;

use control_plane_api::node::{Link, Load, Node, Role};
use control_plane_api::topology::Topology;
use control_plane_placement::{Network, Plan, plan};
use edge_room::RoomPeers;
use edge_room::topology::neighbours;
use edge_sfu::LinkId;
use rand::Rng as _;

use crate::wires::{delay_ms, link};
use crate::world::{Due, ROOM, World, node_id};

/// What one edge knows of the fleet.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    pub(crate) presence: BTreeSet<usize>,
    pub(crate) topology: Option<Topology>,
}

impl World {
    /// Plans the room anew on the edges that are in it, over the links that are not cut.
    pub(crate) fn replan(&mut self) {
        let nodes: Vec<Node> = (0..self.edges.len()).map(|index| self.node(index)).collect();
        let mut network = Network::new(&nodes.iter().collect::<Vec<_>>());
        for (a, b) in &self.cut {
            network.lose_link(&node_id(*a), &node_id(*b));
        }
        let present: Vec<String> = self.presence.iter().map(|index| node_id(*index)).collect();
        let edges: BTreeSet<&str> = present.iter().map(String::as_str).collect();
        let previous = self.topology.as_ref().map(Plan::of_record);
        let topology = plan(&network, &edges, previous.as_ref()).to_record(ROOM, "RM_1");
        if topology != self.topology {
            self.topology = topology;
            self.tell_view();
        }
    }

    fn node(&self, index: usize) -> Node {
        let others = (0..self.edges.len()).filter(|other| *other != index);
        let links = others.map(|other| Link {
            peer: node_id(other),
            rtt_ms: 2.0 * delay_ms(index, other) as f32,
            loss: 0.0,
            bitrate_in_bps: 0,
            bitrate_out_bps: 0,
            flows_out: 0,
            flows_in: 0,
            wire_version: 0,
        });
        Node {
            id: node_id(index),
            role: Role::Edge,
            region: format!("region-{index}"),
            location: None,
            url: String::new(),
            quic: None,
            nodes: None,
            admin: String::new(),
            epoch: 0,
            draining: self.edges[index].is_draining,
            load: Load::default(),
            links: links.collect(),
        }
    }

    /// The control plane plans once it has heard of a change.
    pub(crate) fn plan_soon(&mut self) {
        let wait = Duration::from_millis(self.rng.random_range(50..1_000));
        self.schedule(wait, Due::Plan);
    }

    /// Who is in the room changed: every edge hears of it, and it is planned anew.
    pub(crate) fn tell_presence(&mut self) {
        self.tell_view();
        self.plan_soon();
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

    pub(crate) fn current_view(&self) -> View {
        View { presence: self.presence.clone(), topology: self.topology.clone() }
    }

    pub(crate) fn view(&mut self, at: usize, version: u64, view: View) {
        if version < self.edges[at].seen {
            return;
        }
        self.edges[at].seen = version;
        self.edges[at].view = view;
        self.follow_plan(at);
    }

    /// An edge does what its view and its links say.
    pub(crate) fn follow_plan(&mut self, at: usize) {
        let edge = &mut self.edges[at];
        let names: Vec<String> = edge.view.presence.iter().map(|other| node_id(*other)).collect();
        let present: BTreeSet<&str> =
            names.iter().map(String::as_str).filter(|name| *name != node_id(at)).collect();
        let index =
            |name: &str| name.trim_start_matches("edge-").parse::<usize>().expect("a node of this world");
        let is_linked = |name: &str| edge.links.contains_key(&index(name));
        let found = neighbours(&node_id(at), "RM_1", &present, edge.view.topology.as_ref(), is_linked);
        let links = |nodes: &BTreeSet<String>| -> Vec<LinkId> {
            let up = nodes.iter().map(|name| index(name)).filter(|other| edge.links.contains_key(other));
            up.map(link).collect()
        };
        let nodes = Some(present.iter().map(|name| (*name).to_owned()).collect());
        let peers = RoomPeers { admitted: links(&found.admitted), wanted: links(&found.wanted), nodes };
        edge.connected = found.connected.iter().map(|name| index(name)).collect();
        let now = self.now;
        if let Some(rooms) = &mut edge.rooms {
            rooms.handle_room_peers(now, ROOM, peers);
        }
        self.pump(at);
    }
}
