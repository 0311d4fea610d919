//! Where records stand in the store. Values are JSON.

/// The version of all of it, `{"major", "minor"}`, in stores that several versions of a fleet may meet in.
pub const SCHEMA: &str = "/seodang/schema";

/// All nodes: [`crate::node::Node`], under the node's lease.
pub const NODES: &str = "/seodang/nodes/";
/// All rooms in progress: [`crate::room::Room`].
pub const ROOMS: &str = "/seodang/rooms/";
/// Which edges hold participants of a room: [`crate::room::Presence`], under the edge's lease.
pub const PRESENCE: &str = "/seodang/presence/";
/// All classes: [`crate::class::Class`].
pub const CLASSES: &str = "/seodang/classes/";

#[must_use]
pub fn node(id: &str) -> String {
    format!("{NODES}{id}")
}

#[must_use]
pub fn room(name: &str) -> String {
    format!("{ROOMS}{name}")
}

/// Room names have no `/`, so the prefix of one room never matches another.
#[must_use]
pub fn presence_prefix(room: &str) -> String {
    format!("{PRESENCE}{room}/")
}

#[must_use]
pub fn presence(room: &str, node: &str) -> String {
    format!("{PRESENCE}{room}/{node}")
}

#[must_use]
pub fn class(id: &str) -> String {
    format!("{CLASSES}{id}")
}

/// Recordings by room life: [`crate::recording::Recording`], written by the origin.
pub const RECORDINGS: &str = "/seodang/recordings/";

#[must_use]
pub fn recording(room: &str, room_sid: &str) -> String {
    format!("{RECORDINGS}{room}/{room_sid}")
}

/// Planned topologies by room: [`crate::topology::Topology`].
pub const TOPOLOGIES: &str = "/seodang/topologies/";
/// Wishes to drain: [`crate::drain::Drain`].
pub const DRAINS: &str = "/seodang/drains/";

#[must_use]
pub fn topology(room: &str) -> String {
    format!("{TOPOLOGIES}{room}")
}

#[must_use]
pub fn drain(target: &crate::drain::DrainTarget) -> String {
    match target {
        crate::drain::DrainTarget::Node(id) => format!("{DRAINS}node/{id}"),
        crate::drain::DrainTarget::Region(name) => format!("{DRAINS}region/{name}"),
    }
}
