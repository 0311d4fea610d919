//! Which other edges an edge is linked to in a room: a pure function of the planned topology, of who is there and of which
//! links stand, so that whoever loses its parent knows where to go without asking.

use std::collections::BTreeSet;

use control_plane_api::topology::{Place, Topology};

/// What an edge does about the other edges of a room, by node id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// Enters the room on the links to these.
    pub wanted: BTreeSet<String>,
    /// Lets these in when they enter.
    pub admitted: BTreeSet<String>,
    /// Keeps a connection to these, in the room or not.
    pub connected: BTreeSet<String>,
}

/// `present` are the other edges with presence in the room; `is_linked` says to which edges a link stands right now.
///
/// In a direct room (no topology, or one of another life) every edge enters on its link to every other. In a tree each
/// enters on the link to its first parent, or while that is lost to its second, or to the root; its children come by themselves.
#[must_use]
pub fn neighbours(
    own: &str,
    room_sid: &str,
    present: &BTreeSet<&str>,
    topology: Option<&Topology>,
    is_linked: impl Fn(&str) -> bool,
) -> Neighbours {
    let others: BTreeSet<String> =
        present.iter().filter(|node| **node != own).map(|node| (*node).to_owned()).collect();
    let Some(topology) = topology.filter(|topology| topology.room_sid == room_sid) else {
        return Neighbours { wanted: others.clone(), admitted: others.clone(), connected: others };
    };
    let tree = Tree { topology, own, present };
    let parents = tree.parents(own);
    let parent = parents.iter().find(|node| is_linked(node)).or(parents.first());
    let wanted: BTreeSet<String> = parent.map(|node| (*node).to_owned()).into_iter().collect();
    let names_us = |node: &str| tree.kept(node).contains(&own);
    let children = topology.places.keys().filter(|node| *node != own && names_us(node));
    let admitted: BTreeSet<String> = others.iter().chain(children).cloned().collect();
    let near = others.iter().filter(|node| names_us(node)).cloned();
    let connected = near.chain(tree.kept(own).into_iter().map(str::to_owned)).chain(wanted.iter().cloned());
    Neighbours { connected: connected.collect(), wanted, admitted }
}

struct Tree<'a> {
    topology: &'a Topology,
    own: &'a str,
    present: &'a BTreeSet<&'a str>,
}

impl<'a> Tree<'a> {
    /// The root, or its heir when the control plane knows the root no more.
    fn root(&self) -> &'a str {
        let root = self.topology.root.as_str();
        match self.topology.heir.as_deref() {
            Some(heir) if !self.is_there(root) && self.is_there(heir) => heir,
            _ => root,
        }
    }

    fn is_there(&self, node: &str) -> bool {
        node == self.own || self.present.contains(node)
    }

    fn place(&self, node: &str) -> Option<&'a Place> {
        self.topology.places.get(node)
    }

    /// Where an edge may be linked upwards, best first; those the control plane knows no more come last.
    fn parents(&self, node: &str) -> Vec<&'a str> {
        if node == self.root() {
            return Vec::new();
        }
        let mut parents = self.kept(node);
        // Both parents lost: the root serves until the next plan.
        parents.extend([self.root(), self.topology.root.as_str()]);
        parents.extend(self.topology.heir.as_deref());
        parents.retain(|parent| *parent != node);
        let (there, gone): (Vec<&str>, Vec<&str>) =
            parents.into_iter().partition(|parent| self.is_there(parent));
        there.into_iter().chain(gone).collect()
    }

    /// Edges it keeps a connection to: both parents, or the root when no plan names it yet.
    fn kept(&self, node: &str) -> Vec<&'a str> {
        if node == self.root() {
            return Vec::new();
        }
        match self.place(node) {
            Some(place) => place.first.as_deref().into_iter().chain(place.second.as_deref()).collect(),
            None => vec![self.root()],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// root a; b (heir) and c below it, d below b.
    fn topology() -> Topology {
        let place = |first: Option<&str>, second: Option<&str>| Place {
            first: first.map(str::to_owned),
            second: second.map(str::to_owned),
        };
        Topology {
            room: "class".into(),
            room_sid: "RM_1".into(),
            root: "a".into(),
            heir: Some("b".into()),
            places: BTreeMap::from([
                ("a".into(), place(None, None)),
                ("b".into(), place(Some("a"), Some("c"))),
                ("c".into(), place(Some("a"), Some("b"))),
                ("d".into(), place(Some("b"), Some("c"))),
            ]),
        }
    }

    fn of(own: &str, present: &[&str], down: &[&str]) -> Neighbours {
        let present = present.iter().copied().collect();
        neighbours(own, "RM_1", &present, Some(&topology()), |node| !down.contains(&node))
    }

    fn set(nodes: &[&str]) -> BTreeSet<String> {
        nodes.iter().map(|node| (*node).to_owned()).collect()
    }

    const ALL: [&str; 5] = ["a", "b", "c", "d", "e"];

    #[test]
    fn each_enters_with_its_first_parent_and_keeps_a_connection_to_the_second() {
        let d = of("d", &ALL, &[]);
        assert_eq!((d.wanted, d.connected), (set(&["b"]), set(&["b", "c"])));
        let c = of("c", &ALL, &[]);
        assert_eq!((c.wanted, c.connected), (set(&["a"]), set(&["a", "b", "d"])));
        let a = of("a", &ALL, &[]);
        assert_eq!(
            (a.wanted, a.connected),
            (set(&[]), set(&["b", "c", "e"])),
            "who has no place goes to the root"
        );
        assert_eq!(of("e", &ALL, &[]).wanted, set(&["a"]));
        assert_eq!(
            of("b", &["d"], &[]).admitted,
            set(&["c", "d"]),
            "who names it as its second parent may enter"
        );
    }

    #[test]
    fn a_lost_parent_is_replaced_at_once_and_a_lost_root_by_its_heir() {
        assert_eq!(of("d", &ALL, &["b"]).wanted, set(&["c"]));
        assert_eq!(of("d", &["a", "c", "d"], &[]).wanted, set(&["c"]), "the control plane misses it too");
        assert_eq!(of("c", &ALL, &["a"]).wanted, set(&["b"]));
        let heir = of("b", &["b", "c", "d"], &["a"]);
        assert_eq!(heir.wanted, set(&[]), "it is the root now");
        assert_eq!(of("e", &["b", "c", "d", "e"], &["a"]).wanted, set(&["b"]));
    }

    #[test]
    fn without_a_plan_of_this_life_everybody_is_linked_to_everybody() {
        let present = ALL.into_iter().collect();
        let direct = neighbours("d", "RM_2", &present, Some(&topology()), |_| true);
        assert_eq!(direct.wanted, set(&["a", "b", "c", "e"]));
        assert_eq!(direct.connected, direct.wanted);
    }
}
