//! Which edges this one must be linked to, and which of them share a room: pure functions over the control plane's view.

use std::collections::{BTreeMap, BTreeSet};

use control_plane_api::node::{Node, Role};
use control_plane_api::room::Presence;

/// Other edges that hold participants of `room`.
pub(crate) fn peers_of_room<'a>(
    room: &str,
    own: &str,
    presence: impl Iterator<Item = &'a Presence>,
) -> BTreeSet<String> {
    presence.filter(|entry| entry.room == room && entry.node != own).map(|entry| entry.node.clone()).collect()
}

/// Addresses of all edges that share any of `rooms` with this one.
pub(crate) fn wanted_links<'a>(
    rooms: &BTreeSet<String>,
    own: &str,
    nodes: impl Iterator<Item = &'a Node>,
    presence: impl Iterator<Item = &'a Presence>,
) -> BTreeMap<String, String> {
    let shared: BTreeSet<&str> = presence
        .filter(|entry| entry.node != own && rooms.contains(&entry.room))
        .map(|entry| entry.node.as_str())
        .collect();
    nodes
        .filter(|node| node.role == Role::Edge && shared.contains(node.id.as_str()))
        .filter_map(|node| node.quic.clone().map(|address| (node.id.clone(), address)))
        .collect()
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

    fn presence(room: &str, node: &str) -> Presence {
        Presence {
            room: room.into(),
            room_sid: "RM_1".into(),
            node: node.into(),
            participants: 1,
            identities: Vec::new(),
        }
    }

    #[test]
    fn only_edges_that_share_a_room_are_linked() {
        let all = [presence("a", "x"), presence("a", "y"), presence("b", "z"), presence("a", "own")];
        let rooms = BTreeSet::from(["a".to_owned()]);
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
            nodes: None,
            links: Vec::new(),
        };
        let nodes = [node("own"), node("x"), node("y"), node("z")];
        let links = wanted_links(&rooms, "own", nodes.iter(), all.iter());
        assert_eq!(links, BTreeMap::from([("x".into(), "x:1".into()), ("y".into(), "y:1".into())]));
        assert_eq!(peers_of_room("a", "own", all.iter()), BTreeSet::from(["x".into(), "y".into()]));
    }
}
