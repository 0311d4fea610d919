//! Which edges this one must be linked to, and which of them share a room: pure functions over the control plane's view.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use control_plane_agent::mirror::Records;
use control_plane_agent::view::View;
use control_plane_api::node::{Node, Role};
use control_plane_api::room::Presence;
use control_plane_api::topology::Topology;
use edge_room::RoomPeers;
use edge_room::topology::{Neighbours, neighbours};

/// What the rooms were told, and of which records.
#[derive(Default)]
pub(crate) struct Told {
    /// By room name.
    pub(crate) peers: BTreeMap<String, RoomPeers>,
    records: Option<(Records<Node>, Records<Presence>, Records<Topology>)>,
}

impl Told {
    /// Whether nodes, presence or topologies changed since the last time.
    pub(crate) fn has_changed(&mut self, view: &View) -> bool {
        let now = (view.nodes(), view.presence(), view.topologies());
        let is_same = self.records.as_ref().is_some_and(|(nodes, presence, topologies)| {
            Arc::ptr_eq(nodes, &now.0) && Arc::ptr_eq(presence, &now.1) && Arc::ptr_eq(topologies, &now.2)
        });
        self.records = Some(now);
        !is_same
    }
}

/// Other edges that hold participants of `room`. Keys are `{room}/{node}`, and room names have no `/`.
pub(crate) fn present<'a>(
    room: &str,
    own: &str,
    presence: &'a BTreeMap<String, Presence>,
) -> BTreeSet<&'a str> {
    let first = format!("{room}/");
    let entries = presence.range(first.clone()..).take_while(|(key, _)| key.starts_with(&first));
    entries.map(|(_, entry)| entry.node.as_str()).filter(|node| *node != own).collect()
}

/// What this edge does about the others of a room.
pub(crate) fn of_room(
    room: &str,
    room_sid: &str,
    own: &str,
    presence: &BTreeMap<String, Presence>,
    topologies: &BTreeMap<String, Topology>,
    is_linked: impl Fn(&str) -> bool,
) -> Neighbours {
    neighbours(own, room_sid, &present(room, own, presence), topologies.get(room), is_linked)
}

/// Addresses and epochs of the edges to be connected with.
pub(crate) fn addresses<'a>(
    connected: impl Iterator<Item = &'a String>,
    nodes: &BTreeMap<String, Node>,
) -> BTreeMap<String, String> {
    let edges = connected.filter_map(|node| nodes.get(node)).filter(|node| node.role == Role::Edge);
    edges.filter_map(|node| node.quic.clone().map(|address| (node.id.clone(), address))).collect()
}

/// The origin recordings go to: (node id, address).
pub(crate) fn origin<'a>(nodes: impl Iterator<Item = &'a Node>) -> Option<(String, String)> {
    nodes
        .filter(|node| node.role == Role::Origin && !node.draining)
        .filter_map(|node| node.quic.clone().map(|address| (node.id.clone(), address)))
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_edges_that_share_a_room_are_linked() {
        let presence = |room: &str, node: &str| Presence {
            room: room.into(),
            room_sid: "RM_1".into(),
            node: node.into(),
            participants: 1,
            identities: Vec::new(),
        };
        let all: BTreeMap<String, Presence> =
            [("a", "x"), ("a", "y"), ("b", "z"), ("a", "own"), ("a-b", "w")]
                .into_iter()
                .map(|(room, node)| (format!("{room}/{node}"), presence(room, node)))
                .collect();
        let found = of_room("a", "RM_1", "own", &all, &BTreeMap::new(), |_| true);
        assert_eq!(found.connected, BTreeSet::from(["x".into(), "y".into()]));
        let node = |id: &str| Node {
            id: id.into(),
            role: Role::Edge,
            region: "r".into(),
            location: None,
            url: String::new(),
            quic: Some(format!("{id}:1")),
            admin: String::new(),
            epoch: 0,
            draining: false,
            load: control_plane_api::node::Load::default(),
            links: Vec::new(),
            nodes: None,
        };
        let nodes = ["own", "x", "z"].map(|id| (id.to_owned(), node(id))).into();
        let links = addresses(found.connected.iter(), &nodes);
        assert_eq!(links, BTreeMap::from([("x".into(), "x:1".into())]));
    }
}
