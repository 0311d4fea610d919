//! A recording, as the origin reports it and as a replay page reads it.

use serde::{Deserialize, Serialize};

/// What the origin writes to the store when a recording starts, and again when it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    pub room: String,
    pub room_sid: String,
    pub state: RecordingState,
    /// Path of the [`Manifest`] at the origin and at every cdn node: starts with `/`.
    pub manifest: String,
    pub started_at_ms: u64,
    pub duration_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordingState {
    Live,
    /// Everything that was published is there.
    Complete,
    /// Something is missing; `gaps` of the presentations say what.
    Partial,
}

/// `/{room}/{room_sid}/manifest.json`. All times are on the class timeline: milliseconds since `started_at_ms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub version: u32,
    pub room: String,
    pub room_sid: String,
    pub state: RecordingState,
    pub started_at_ms: u64,
    pub duration_ms: u64,
    pub presentations: Vec<Presentation>,
    /// Events by class time, `timeline.json` beside the manifest: `[{at_ms, kind, data}]`.
    pub timeline: String,
}

/// Something to show or play between two moments. At any moment the audio of one participant is in at most one entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presentation {
    pub id: String,
    pub participant_sid: String,
    pub identity: String,
    pub name: String,
    pub source: Source,
    pub start_ms: u64,
    pub end_ms: u64,
    pub has_video: bool,
    pub has_audio: bool,
    pub container: Container,
    /// Multivariant HLS playlist (`cmaf`) or file (`webm`), relative to the manifest. Position 0 of it is `start_ms`.
    pub path: String,
    #[serde(default)]
    pub gaps: Vec<Gap>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Camera with the participant's microphone.
    Camera,
    ScreenShare,
    /// Microphone while there is no camera picture.
    Microphone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Container {
    Cmaf,
    Webm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub start_ms: u64,
    pub end_ms: u64,
}
