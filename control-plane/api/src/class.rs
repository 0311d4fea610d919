//! A class in the catalogue. Issue by issue it grows; what is here is what going live and replaying need.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// Lower-case letters, digits and `-`; names the room and the recording.
    pub id: String,
    pub title: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub instructor: String,
    pub recorded: bool,
    pub created_at_ms: u64,
    pub state: ClassState,
    /// Present once there is something to replay: path below a cdn node's URL, `/{id}/{room_sid}/manifest.json`.
    #[serde(default)]
    pub replay: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassState {
    Upcoming,
    Live,
    Ended,
}
