//! The LiveKit client wire, version 1 (one peer connection): tokens, signalling frames, data packets.

mod chat;
mod connect;
mod data;
mod join_request;
mod notice;
mod participant;
mod request;
mod room;
mod track;
mod wire;

pub use chat::Chat;
pub use connect::{Client, Connect, ConnectError, Resume, Version, move_token, parse_connect, refresh_token};
pub use data::{
    DataError, DataState, MOVE_TOPIC, PACKET_BYTES_MAX, PAYLOAD_BYTES_MAX, Stamped, class_word, user_packet,
};
pub use notice::{Context, encode_notice};
pub use request::{DecodeError, Incoming, Ping, REQUEST_BYTES_MAX, ReceiveState, SyncState, decode_request};

pub(crate) use participant::{from_permission, to_participant};
pub(crate) use room::to_room;
pub(crate) use track::to_track;

/// Protocol level told to clients. At 17 they expect data tracks, at 18 negotiated data channels.
pub const PROTOCOL: i32 = 16;
/// Server version told to clients: a feature switch of theirs (RPC needs 1.8.0), and it must parse as semver.
pub const SERVER_VERSION: &str = "1.9.0";
/// Clients ping this often.
pub const PING_INTERVAL_S: i32 = 5;
/// A side that hears nothing for this long closes the signalling connection.
pub const PING_TIMEOUT_S: i32 = 15;
/// What clients may publish unless the shell says otherwise. A client whose wish is missing here takes the first video
/// codec, so a list that starts with H264 and has no VP8 makes browsers publish H264.
pub const PUBLISH_CODECS: &[&str] = &["video/VP8", "video/H264", "video/VP9", "video/AV1", "audio/opus"];
