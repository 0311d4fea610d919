//! What clients ask.

use std::collections::BTreeMap;

use edge_wire::model;

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
