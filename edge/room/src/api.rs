//! The room's own words: what clients ask, what they are told, and what the shell carries out. No client protocol is named
//! here; `edge/signaling` translates.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use edge_sfu::{Command, LinkId};
use edge_wire::{control, journal, model};

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
    /// A player that negotiates once: every receiving section of its offer is kept ready and filled with whatever is published.
    pub is_whep: bool,
    /// Publishes without saying so first ([`Request::AddTrack`]): sending sections become tracks named by their kind.
    pub publish_unannounced: bool,
    /// The client is a participant of another edge that goes on here.
    pub moves: Option<Move>,
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
}

/// What a client asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    Offer {
        id: u32,
        sdp: String,
    },
    AddTrack(AddTrack),
    Mute {
        track_sid: String,
        muted: bool,
    },
    Subscription {
        track_sids: Vec<String>,
        subscribe: bool,
    },
    TrackSettings {
        track_sids: Vec<String>,
        settings: TrackSettings,
    },
    SubscriptionPermission {
        all_participants: bool,
        allowed: Vec<TrackPermission>,
    },
    UpdateMetadata {
        request_id: u32,
        metadata: Option<String>,
        name: Option<String>,
        attributes: BTreeMap<String, String>,
    },
    UpdateAudioTrack {
        track_sid: String,
        features: Vec<i32>,
    },
    UpdateVideoTrack {
        track_sid: String,
        width: u32,
        height: u32,
    },
    Leave,
    Simulate(Simulate),
}

/// Who may subscribe to the asker's tracks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackPermission {
    pub participant_sid: String,
    pub identity: String,
    pub all_tracks: bool,
    pub track_sids: Vec<String>,
}

/// "I am about to publish."
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddTrack {
    /// The client's own id of the track: appears as msid track id (or mid) in its offer.
    pub cid: String,
    /// Sid, codecs and so on are filled in by the room.
    pub track: model::Track,
    /// Codecs the client would publish, preferred first, e.g. `video/vp8`; empty when it does not say.
    pub codecs: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrackSettings {
    /// Nothing is to be sent.
    pub disabled: bool,
    /// Wanted quality 0 low, 1 medium, 2 high; used when no size is given.
    pub quality: u32,
    /// Size of the picture on the screen in pixels; 0 when not given. The smallest layer that fills it is taken.
    pub width: u32,
    pub height: u32,
    pub fps: u32,
    pub priority: u32,
}

/// Faults a client asks for, to test its own reconnection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Simulate {
    Speakers {
        seconds: u32,
    },
    /// Drop the signalling connection.
    SignalDisconnect,
    /// Close everything at once, without a word.
    NodeFailure,
    /// Ask the client to leave and join again.
    ServerLeave {
        reconnect: bool,
    },
    /// Migration: resume on a new connection.
    Migration,
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    Joined {
        participant: model::Participant,
        room: model::Room,
        others: Vec<model::Participant>,
        num_participants: u32,
    },
    /// After [`crate::Rooms::resume`].
    Resumed {
        room: model::Room,
        others: Vec<model::Participant>,
        num_participants: u32,
    },
    Answer {
        id: u32,
        sdp: String,
        mid_to_track: BTreeMap<String, String>,
    },
    /// The client must offer this many more receiving sections (0 and 0: offer again).
    MediaSections {
        audio: u32,
        video: u32,
    },
    TrackPublished {
        cid: String,
        track: model::Track,
    },
    TrackUnpublished {
        track_sid: String,
    },
    /// Changed participants; state `Disconnected` means gone.
    Participants(Vec<model::Participant>),
    Room {
        room: model::Room,
        num_participants: u32,
    },
    Speakers(Vec<control::Speaker>),
    Quality(Vec<control::Quality>),
    /// The client's own track was muted (or unmuted) by the server.
    Mute {
        track_sid: String,
        muted: bool,
    },
    /// Layers of the client's own track that somebody watches (dynacast): (quality, enabled).
    SubscribedQuality {
        track_sid: String,
        mime_type: String,
        qualities: Vec<(u32, bool)>,
    },
    /// Somebody subscribed to the client's own track for the first time.
    TrackSubscribed {
        track_sid: String,
    },
    StreamState {
        participant_sid: String,
        track_sid: String,
        paused: bool,
    },
    SubscriptionPermission {
        participant_sid: String,
        track_sid: String,
        allowed: bool,
    },
    RequestDone {
        request_id: u32,
        error: Option<RequestError>,
    },
    /// Last word; the shell closes the connection after it.
    Leave {
        reason: LeaveReason,
        action: LeaveAction,
    },
    /// The shell closes the signalling connection without a word (fault asked for by the client).
    Drop,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestError {
    pub kind: RequestErrorKind,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestErrorKind {
    NotFound,
    NotAllowed,
    LimitExceeded,
    Unsupported,
    Invalid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveReason {
    ClientInitiated,
    DuplicateIdentity,
    ServerShutdown,
    ParticipantRemoved,
    RoomDeleted,
    StateMismatch,
    JoinFailure,
    /// Media was lost and did not come back.
    ConnectionTimeout,
}

impl LeaveReason {
    /// The reason as facts and metrics name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientInitiated => "client-initiated",
            Self::DuplicateIdentity => "duplicate-identity",
            Self::ServerShutdown => "server-shutdown",
            Self::ParticipantRemoved => "participant-removed",
            Self::RoomDeleted => "room-deleted",
            Self::StateMismatch => "state-mismatch",
            Self::JoinFailure => "join-failure",
            Self::ConnectionTimeout => "connection-timeout",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveAction {
    /// Do not come back.
    Disconnect,
    /// Open a new signalling connection and go on.
    Resume,
    /// Join again from scratch.
    Reconnect,
}

/// What the shell carries out, in order.
#[derive(Clone, Debug)]
pub enum Output {
    Notify {
        peer: PeerId,
        notice: Notice,
    },
    Media(Command),
    /// Say on the link's control stream.
    Link {
        link: LinkId,
        message: control::Message,
    },
    /// Application data for a link: reliable on the publisher's stream, lossy in a datagram.
    LinkData {
        link: LinkId,
        data: control::RoomData,
    },
    /// A client's data packet that the protocol adapter must read (sender, destinations) and give back by [`crate::Rooms::relay`].
    ClientData {
        peer: PeerId,
        reliable: bool,
        payload: Bytes,
    },
    /// First participant of the room on this edge: the shell registers the edge's presence, links follow.
    RoomOpened {
        room: model::Room,
    },
    /// Number or names of this edge's own participants changed: the shell updates its presence record.
    RoomPresence {
        room: String,
        identities: Vec<String>,
    },
    /// Last participant left (after [`crate::ROOM_LINGER`]); the shell withdraws its presence.
    RoomClosed {
        room: String,
    },
    /// An entry of the room's recording journal. Packets come from the shard as flows of [`LinkId::RECORDER`]; the flow id is the
    /// `stream` of the `StreamOpen` entry.
    Record {
        room: String,
        room_sid: String,
        entry: journal::Entry,
    },
    /// The participant goes on at another edge; its client may close this connection.
    Moved {
        peer: PeerId,
    },
    /// A fact for attendance, webhooks and metrics.
    Fact(Fact),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    RoomStarted {
        room: model::Room,
    },
    RoomFinished {
        room: model::Room,
    },
    /// Its media is connected for the first time.
    ParticipantJoined {
        room: model::Room,
        participant: model::Participant,
    },
    /// Somebody who joined at another edge goes on here.
    ParticipantArrived {
        room: model::Room,
        participant: model::Participant,
    },
    /// Somebody who joined, or arrived, goes on at another edge: no leave.
    ParticipantDeparted {
        room: model::Room,
        participant: model::Participant,
    },
    /// Somebody who joined is gone, and was last heard `unheard` ago.
    ParticipantLeft {
        room: model::Room,
        participant: model::Participant,
        reason: LeaveReason,
        unheard: std::time::Duration,
    },
    TrackPublished {
        room: model::Room,
        participant: model::Participant,
        track: model::Track,
    },
    TrackUnpublished {
        room: model::Room,
        participant: model::Participant,
        track: model::Track,
    },
}

/// What the server side asks (admin API, another edge).
#[derive(Clone, Debug, PartialEq)]
pub enum Admin {
    MuteTrack {
        room: String,
        identity: String,
        track_sid: String,
        muted: bool,
    },
    Remove {
        room: String,
        identity: String,
    },
    SendData {
        room: String,
        data: model::Data,
    },
    /// Replaces what a participant may do; takes effect at once.
    SetPermission {
        room: String,
        identity: String,
        permission: model::Permission,
    },
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[expect(
    clippy::enum_variant_names,
    reason = "an error of the admin API is always about something not found, so far"
)]
pub enum AdminError {
    #[error("this edge holds no room of that name")]
    RoomNotFound,
    #[error("the room has no participant of that identity")]
    ParticipantNotFound,
    #[error("the participant publishes no track of that sid")]
    TrackNotFound,
}
