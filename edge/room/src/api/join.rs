//! Clients that come in, and the edge they come to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use edge_wire::model;

/// What all rooms of one edge have in common.
#[derive(Clone, Debug)]
pub struct Config {
    /// Unique name of this edge, as in hop paths.
    pub node_id: String,
    /// Start of this process, as other edges are told it: what an older one of the same name said is void then.
    pub epoch: u64,
    pub region: String,
    /// SHA-256 of the edge's DTLS certificate, `AA:BB:…`.
    pub dtls_fingerprint: String,
    /// Host candidates of the media port, preferred first.
    pub candidates: Vec<SocketAddr>,
    /// Participants this edge takes at most.
    pub participants_max: usize,
    /// Labels of the data channels that carry participants' data, ordered and unordered.
    pub reliable_label: &'static str,
    pub lossy_label: &'static str,
}

impl Config {
    #[must_use]
    pub fn new(
        node_id: String,
        region: String,
        dtls_fingerprint: String,
        candidates: Vec<SocketAddr>,
        participants_max: usize,
    ) -> Self {
        Self {
            node_id,
            epoch: 0,
            region,
            dtls_fingerprint,
            candidates,
            participants_max,
            reliable_label: "_reliable",
            lossy_label: "_lossy",
        }
    }
}

/// One client connection on this edge; also the number of its media session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub u32);

/// Everything known of a client when it joins; the token is verified already.
#[derive(Clone, Debug)]
pub struct Join {
    /// Record of the room from the control plane: the same on every edge.
    pub room: model::Room,
    pub identity: String,
    pub name: String,
    pub kind: model::ParticipantKind,
    pub metadata: String,
    pub attributes: BTreeMap<String, String>,
    pub permission: model::Permission,
    pub client_protocol: i32,
    pub capabilities: Vec<i32>,
    /// Subscribe to every track as it appears.
    pub auto_subscribe: bool,
    /// Wall clock, milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// Since the token was signed, a second more at most; [`Duration::MAX`] where it does not say. Whom the instructor has sent
    /// out comes back with a newer one.
    pub token_age: Duration,
    /// A player that negotiates once: every receiving section of its offer is kept ready and filled with whatever is published.
    pub is_whep: bool,
    /// Publishes without saying so first ([`crate::Request::AddTrack`]): sending sections become tracks named by their kind.
    pub publish_unannounced: bool,
    /// The client is a participant of another edge that goes on here.
    pub moves: Option<Move>,
}

impl Join {
    /// The participant's record, but for what the edge gives it: sid, place and time.
    pub(crate) fn record(&self) -> model::Participant {
        model::Participant {
            identity: self.identity.clone(),
            name: self.name.clone(),
            kind: self.kind as i32,
            metadata: self.metadata.clone(),
            attributes: self.attributes.clone(),
            permission: self.permission.clone(),
            version: 1,
            state: model::ParticipantState::Joined as i32,
            client_protocol: self.client_protocol,
            capabilities: self.capabilities.clone(),
            ..model::Participant::default()
        }
    }
}

/// Who goes on at another edge, as the edge it comes from has signed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Move {
    pub participant_sid: String,
    /// What it publishes: the same source of the same kind keeps its sid.
    pub tracks: Vec<MovedTrack>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MovedTrack {
    pub sid: String,
    /// [`model::TrackSource`] and [`model::TrackKind`].
    pub source: i32,
    pub kind: i32,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum JoinError {
    #[error("this edge holds {limit} participants and takes no more: join another edge")]
    EdgeFull { limit: usize },
    #[error("the room has {limit} participants and takes no more")]
    RoomFull { limit: usize },
    #[error("this edge is draining: join another edge")]
    Draining,
    #[error("{0}: join with less")]
    TooLarge(&'static str),
    #[error("permissions denied: the instructor has sent you out of this lesson, ask to be let in again")]
    Removed,
}
