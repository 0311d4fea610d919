//! What moderators ask.

use edge_wire::model;

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
