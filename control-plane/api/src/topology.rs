//! Which edges of a room are linked, as the control plane plans it and every edge of the room follows it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Stands at [`crate::key::topology`] while a room is on more edges than can all be linked directly; a room without this
/// record has a direct link between any two of its edges. Written by any control plane, in a transaction on the revision it
/// was planned from; edges keep the last one they read while the store is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    pub room: String,
    /// The life of the room it was planned for: an edge of another life ignores it.
    pub room_sid: String,
    pub root: String,
    /// Becomes the root when the root is lost.
    #[serde(default)]
    pub heir: Option<String>,
    /// By node id. An edge that is not in it links directly to the root until the next plan names it.
    pub places: BTreeMap<String, Place>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// `None` for the root.
    #[serde(default)]
    pub first: Option<String>,
    /// Where to go at once, without asking, when `first` or the link to it is lost.
    #[serde(default)]
    pub second: Option<String>,
}
