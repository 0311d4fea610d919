//! What edges know for certain about who came, left and published. Facts leave an edge at least once, from a spool that
//! outlives the process, and are stored exactly once: [`FactId`] tells a repeat.

use serde::{Deserialize, Serialize};

/// `POST /v1/facts` on the control plane's listener for nodes: oldest first, at most [`FACTS_PER_BATCH_MAX`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    pub facts: Vec<Fact>,
}

/// Path of the intake on the control plane's listener for nodes. Any success says that all of the batch is durably stored.
pub const FACTS_PATH: &str = "/v1/facts";

/// Facts in one request; an edge with more sends several, in order.
pub const FACTS_PER_BATCH_MAX: usize = 500;

/// Unique for ever: a node has one process at a time ([`crate::node::Node::epoch`]), which counts its facts from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FactId {
    pub node: String,
    pub epoch: u64,
    pub sequence: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    pub id: FactId,
    /// Wall clock of the edge when it happened, milliseconds since the Unix epoch.
    pub at_ms: u64,
    pub room: String,
    pub room_sid: String,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum What {
    RoomStarted,
    RoomFinished,
    /// A participant's media is connected. Hidden participants are told of too.
    Joined {
        identity: String,
        participant_sid: String,
    },
    /// `at_ms` is when it was last heard, not when the edge gave it up.
    Left {
        identity: String,
        participant_sid: String,
        reason: String,
    },
    TrackPublished {
        identity: String,
        participant_sid: String,
        track_sid: String,
        source: String,
    },
    TrackUnpublished {
        identity: String,
        participant_sid: String,
        track_sid: String,
        source: String,
    },
}
