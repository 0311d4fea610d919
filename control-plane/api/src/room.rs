//! A room in progress. A room carries a class live; its name is the class id.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    pub name: String,
    /// `RM_…`: one life of the room. Written once, by whoever creates the key first.
    pub sid: String,
    pub created_at_ms: u64,
    #[serde(default)]
    pub metadata: String,
    /// Whether what is published is recorded.
    #[serde(default)]
    pub recording: bool,
}

/// "This edge holds participants of the room." Other edges of the room connect to it, and only to such.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    pub room: String,
    pub room_sid: String,
    pub node: String,
    pub participants: u32,
    /// Identities on that edge, for the ops page ("who is where").
    #[serde(default)]
    pub identities: Vec<String>,
}
