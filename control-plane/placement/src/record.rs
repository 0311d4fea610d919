//! A plan as a record in the store, and back.

use std::collections::BTreeMap;

use control_plane_api::topology;

use crate::tree::{Place, Plan, Shape};

impl Plan {
    /// The record edges follow. `None` for a direct room, which has none. Edges that are not reached are left out: an edge
    /// without a place tries the root.
    #[must_use]
    pub fn to_record(&self, room: &str, room_sid: &str) -> Option<topology::Topology> {
        let root = self.root.clone().filter(|_| self.shape == Shape::Tree)?;
        let is_placed = |id: &String, place: &Place| place.first.is_some() || *id == root;
        let places = self.places.iter().filter(|(id, place)| is_placed(id, place)).map(|(id, place)| {
            (id.clone(), topology::Place { first: place.first.clone(), second: place.second.clone() })
        });
        Some(topology::Topology {
            room: room.to_owned(),
            room_sid: room_sid.to_owned(),
            heir: self.heir.clone(),
            places: places.collect(),
            root,
        })
    }

    /// The plan a record stands for, to go on from. Whatever the record says (loops, names of nobody), [`crate::plan`] makes a sound
    /// plan of it.
    #[must_use]
    pub fn of_record(record: &topology::Topology) -> Self {
        let mut places: BTreeMap<String, Place> = record
            .places
            .iter()
            .map(|(id, place)| {
                let (first, second) = (place.first.clone(), place.second.clone());
                (id.clone(), Place { first, second, children: Vec::new() })
            })
            .collect();
        for (id, place) in &record.places {
            if let Some(parent) = place.first.as_ref().and_then(|first| places.get_mut(first)) {
                parent.children.push(id.clone());
            }
        }
        Self {
            shape: Shape::Tree,
            root: Some(record.root.clone()),
            heir: record.heir.clone(),
            places,
            crowded: Vec::new(),
            unreached: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use control_plane_api::node::{Load, Location, Node, Role};

    use super::*;
    use crate::{Network, plan};

    fn nodes(count: usize) -> Vec<Node> {
        let node = |index: usize| Node {
            id: format!("edge-{index:02}"),
            role: Role::Edge,
            region: "r".into(),
            location: Some(Location {
                latitude: 30.0 + (index % 4) as f64,
                longitude: 120.0 + (index / 4) as f64,
            }),
            url: String::new(),
            quic: None,
            admin: String::new(),
            nodes: None,
            epoch: 1,
            draining: false,
            load: Load::default(),
            links: Vec::new(),
        };
        (0..count).map(node).collect()
    }

    #[test]
    fn a_plan_comes_back_from_its_record_and_stays() {
        let nodes = nodes(12);
        let network = Network::new(&nodes.iter().collect::<Vec<_>>());
        let edges: BTreeSet<&str> = nodes.iter().map(|node| node.id.as_str()).collect();
        let first = plan(&network, &edges, None);
        let record = first.to_record("붓글씨", "RM_1").expect("a tree");
        assert_eq!(Plan::of_record(&record), first);
        let again = plan(&network, &edges, Some(&Plan::of_record(&record)));
        assert_eq!(again.to_record("붓글씨", "RM_1"), Some(record));
        let few = edges.into_iter().take(crate::DIRECT_EDGES_MAX).collect();
        assert_eq!(plan(&network, &few, None).to_record("붓글씨", "RM_1"), None);
    }

    #[test]
    fn a_record_of_nonsense_becomes_a_sound_plan() {
        let nodes = nodes(9);
        let network = Network::new(&nodes.iter().collect::<Vec<_>>());
        let edges: BTreeSet<&str> = nodes.iter().map(|node| node.id.as_str()).collect();
        let place = |first: &str, second: &str| topology::Place {
            first: Some(first.to_owned()),
            second: Some(second.to_owned()),
        };
        let places = [
            ("edge-00", place("edge-01", "edge-00")),
            ("edge-01", place("edge-00", "nobody")),
            ("edge-02", place("edge-02", "edge-02")),
            ("edge-03", place("nobody", "nobody")),
            ("edge-04", topology::Place::default()),
            ("stranger", place("edge-00", "edge-04")),
        ];
        for root in ["edge-00", "edge-04", "nobody", ""] {
            let record = topology::Topology {
                room: "a".into(),
                room_sid: "RM_1".into(),
                root: root.to_owned(),
                heir: Some("edge-02".into()),
                places: places.clone().map(|(id, place)| (id.to_owned(), place)).into(),
            };
            let mended = plan(&network, &edges, Some(&Plan::of_record(&record)));
            assert_eq!(mended.unreached, Vec::<String>::new(), "{root}");
            let record = mended.to_record("a", "RM_1").expect("a tree");
            for id in record.places.keys() {
                let mut at = id.as_str();
                let climbed = (0..edges.len()).take_while(|_| match &record.places[at].first {
                    Some(up) => {
                        at = record.places.get_key_value(up).expect("a place").0;
                        true
                    }
                    None => false,
                });
                climbed.count();
                assert_eq!(at, record.root, "{id} comes to the root");
            }
        }
    }
}
