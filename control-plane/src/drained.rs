//! The nodes to plan with, and the wishes to drain on them: a wish counts from the moment it stands in the store, not from
//! when the node has heard of it.

use std::sync::Arc;

use control_plane_agent::mirror::Records;
use control_plane_agent::view::View;
use control_plane_api::node::Node;

/// By id, as the view has them, `draining` set where a record asks for it. A record that stands under another name than its own is left
/// out: a faulty node must not speak for another.
pub(crate) fn nodes(view: &View) -> Records<Node> {
    let nodes = view.nodes();
    let is_own = |(id, node): &(&String, &Node)| **id == node.id;
    if view.drains().is_empty() && nodes.iter().all(|entry| is_own(&entry)) {
        return nodes;
    }
    let with_wish = |(id, node): (&String, &Node)| {
        let draining = node.draining || view.drain_of(id, &node.region).is_some();
        (id.clone(), Node { draining, ..node.clone() })
    };
    Arc::new(nodes.iter().filter(is_own).map(with_wish).collect())
}
