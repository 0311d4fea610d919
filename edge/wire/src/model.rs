//! The nouns every edge of a class agrees on. They are protocol-neutral: client protocols map to and from them.

use std::collections::BTreeMap;

/// One participant as every edge of the room knows it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Participant {
    /// Session id, `PA_…`, new at every full join.
    #[prost(string, tag = "1")]
    pub sid: String,
    /// Identity from the token; unique in a room, the newer join wins.
    #[prost(string, tag = "2")]
    pub identity: String,
    /// Name to show.
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(enumeration = "ParticipantKind", tag = "4")]
    pub kind: i32,
    #[prost(string, tag = "5")]
    pub metadata: String,
    #[prost(btree_map = "string, string", tag = "6")]
    pub attributes: BTreeMap<String, String>,
    #[prost(message, required, tag = "7")]
    pub permission: Permission,
    /// Wall clock of the join, milliseconds since the Unix epoch, by the owning edge.
    #[prost(uint64, tag = "8")]
    pub joined_at_ms: u64,
    /// Grows with every change of this record; receivers drop older versions.
    #[prost(uint32, tag = "9")]
    pub version: u32,
    #[prost(enumeration = "ParticipantState", tag = "10")]
    pub state: i32,
    #[prost(message, repeated, tag = "11")]
    pub tracks: Vec<Track>,
    /// Protocol level of the client's own peer-to-peer features (opaque to edges, passed to peers).
    #[prost(int32, tag = "12")]
    pub client_protocol: i32,
    /// Client capability codes (opaque to edges, passed to peers).
    #[prost(int32, repeated, tag = "13")]
    pub capabilities: Vec<i32>,
    /// Node id of the edge that owns the session.
    #[prost(string, tag = "14")]
    pub node_id: String,
    /// Region of that edge.
    #[prost(string, tag = "15")]
    pub region: String,
    /// True once the participant has a published track.
    #[prost(bool, tag = "16")]
    pub is_publisher: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum ParticipantKind {
    Standard = 0,
    /// WHIP publisher.
    Ingress = 1,
    Egress = 2,
    Sip = 3,
    Agent = 4,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum ParticipantState {
    /// Signalling is up, media is not yet.
    Joining = 0,
    Joined = 1,
    /// Media is connected.
    Active = 2,
    Disconnected = 3,
}

/// What a participant may do. Comes from the token; may change live.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Permission {
    #[prost(bool, tag = "1")]
    pub can_subscribe: bool,
    #[prost(bool, tag = "2")]
    pub can_publish: bool,
    #[prost(bool, tag = "3")]
    pub can_publish_data: bool,
    /// Sources that may be published; empty means all.
    #[prost(enumeration = "TrackSource", repeated, tag = "4")]
    pub can_publish_sources: Vec<i32>,
    /// Hidden participants are not in anybody's roster.
    #[prost(bool, tag = "5")]
    pub hidden: bool,
    #[prost(bool, tag = "6")]
    pub recorder: bool,
    #[prost(bool, tag = "7")]
    pub can_update_metadata: bool,
    #[prost(bool, tag = "8")]
    pub can_subscribe_metrics: bool,
}

/// One published track.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Track {
    /// `TR_…`, globally unique.
    #[prost(string, tag = "1")]
    pub sid: String,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(enumeration = "TrackKind", tag = "3")]
    pub kind: i32,
    #[prost(enumeration = "TrackSource", tag = "4")]
    pub source: i32,
    /// `video/VP8`, `audio/opus`, …; empty until negotiated.
    #[prost(string, tag = "5")]
    pub mime_type: String,
    #[prost(bool, tag = "6")]
    pub muted: bool,
    /// Pixels of the highest layer; 0 for audio.
    #[prost(uint32, tag = "7")]
    pub width: u32,
    #[prost(uint32, tag = "8")]
    pub height: u32,
    /// Lowest first. One entry with an empty rid when the track is not simulcast. Empty for audio.
    #[prost(message, repeated, tag = "9")]
    pub layers: Vec<VideoLayer>,
    #[prost(bool, tag = "10")]
    pub simulcast: bool,
    #[prost(bool, tag = "11")]
    pub stereo: bool,
    #[prost(bool, tag = "12")]
    pub disable_dtx: bool,
    #[prost(bool, tag = "13")]
    pub disable_red: bool,
    /// Media stream the track belongs to, for lip-sync grouping at the receiver.
    #[prost(string, tag = "14")]
    pub stream: String,
    /// End-to-end encryption scheme (0 none); payloads stay opaque either way.
    #[prost(int32, tag = "15")]
    pub encryption: i32,
    #[prost(string, tag = "16")]
    pub mid: String,
    /// Client feature codes, passed through.
    #[prost(int32, repeated, tag = "17")]
    pub audio_features: Vec<i32>,
    #[prost(int32, repeated, tag = "18")]
    pub packet_trailer_features: Vec<i32>,
    #[prost(int32, tag = "19")]
    pub backup_codec_policy: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum TrackKind {
    Audio = 0,
    Video = 1,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum TrackSource {
    Unknown = 0,
    Camera = 1,
    Microphone = 2,
    ScreenShare = 3,
    ScreenShareAudio = 4,
}

/// One simulcast layer (or the only layer) of a video track.
#[derive(Clone, PartialEq, prost::Message)]
pub struct VideoLayer {
    /// RID, empty when not simulcast.
    #[prost(string, tag = "1")]
    pub rid: String,
    /// 0 low, 1 medium, 2 high.
    #[prost(uint32, tag = "2")]
    pub quality: u32,
    #[prost(uint32, tag = "3")]
    pub width: u32,
    #[prost(uint32, tag = "4")]
    pub height: u32,
    #[prost(uint32, tag = "5")]
    pub bitrate_bps: u32,
}

/// A class in progress, the same record on every edge.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Room {
    /// `RM_…`, new each time the room comes into being.
    #[prost(string, tag = "1")]
    pub sid: String,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(uint64, tag = "3")]
    pub created_at_ms: u64,
    #[prost(string, tag = "4")]
    pub metadata: String,
    /// True while the class is being recorded.
    #[prost(bool, tag = "5")]
    pub recording: bool,
}

/// A packet of application data between participants.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Data {
    #[prost(string, tag = "1")]
    pub from_sid: String,
    #[prost(string, tag = "2")]
    pub from_identity: String,
    #[prost(bool, tag = "3")]
    pub reliable: bool,
    /// Identities to deliver to; empty means everyone but the sender.
    #[prost(string, repeated, tag = "4")]
    pub destinations: Vec<String>,
    /// The client protocol's packet, already stamped by the owning edge. Opaque to the cascade.
    #[prost(bytes = "bytes", tag = "5")]
    pub payload: bytes::Bytes,
}
