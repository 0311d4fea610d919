//! A wish to empty a node or a whole region, in the store so that any control plane can take it and no restart forgets it.

use serde::{Deserialize, Serialize};

/// Stands at [`crate::key::drain`]; deleting the key takes the wish back. A node drains while a record names it or its
/// region, and says so in [`crate::node::Node::draining`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    pub target: DrainTarget,
    pub requested_at_ms: u64,
    /// Wall clock at which a node that is not empty ends all the same. `None`: it waits until it is empty.
    #[serde(default)]
    pub deadline_ms: Option<u64>,
    /// Whether the process ends when it is empty; otherwise it stays, empty, until the wish is taken back.
    #[serde(default)]
    pub exit: bool,
    /// Who asked, for the log.
    #[serde(default)]
    pub requested_by: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DrainTarget {
    Node(String),
    Region(String),
}
