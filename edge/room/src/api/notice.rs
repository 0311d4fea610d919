//! What clients are told.

use std::collections::BTreeMap;

use edge_wire::{control, model};

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
