//! What a shard is told and what it says: the words between the room (control) and the media thread.

use std::net::SocketAddr;

use bytes::Bytes;
use edge_session::{LocalIce, RemoteParameters};

/// One WebRTC session of a client on this shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u32);

/// One published track as this edge knows it, local or pulled from another edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u32);

/// A link to another edge, or the recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub u32);

impl LinkId {
    /// The recorder of this edge: a subscriber like any other.
    pub const RECORDER: Self = Self(u32::MAX);
}

/// Index of a simulcast layer, lowest first; 0 when there is only one.
pub type Layer = u8;

/// Layers a track has at most.
pub const LAYERS_MAX: usize = 4;

/// Payload formats the core looks into. What it does not know it forwards untouched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    Opus,
    Vp8,
    Vp9,
    H264,
    Av1,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Audio,
    Video,
}

/// Header extension ids agreed for one m-line (RFC 8285); `None` where not agreed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    pub mid: Option<u8>,
    pub rid: Option<u8>,
    pub repaired_rid: Option<u8>,
    pub audio_level: Option<u8>,
    pub transport_cc: Option<u8>,
    pub abs_send_time: Option<u8>,
    pub video_orientation: Option<u8>,
    pub dependency_descriptor: Option<u8>,
    pub playout_delay: Option<u8>,
    pub abs_capture_time: Option<u8>,
}

/// What a client publishes in one m-line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    pub mid: String,
    pub source: SourceId,
    pub payload_type: u8,
    pub rtx_payload_type: Option<u8>,
    /// RIDs by layer index; empty when not simulcast.
    pub rids: Vec<String>,
    /// Declared SSRCs (media, repair) by layer index; empty when only MID and RID tell.
    pub ssrcs: Vec<(u32, Option<u32>)>,
    pub extensions: Extensions,
}

/// What a client receives in one m-line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub mid: String,
    pub ssrc: u32,
    pub rtx_ssrc: Option<u32>,
    pub cname: String,
    pub extensions: Extensions,
}

/// Where a source's packets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Session(SessionId),
    Link(LinkId),
}

/// What a shard is told to do. Unknown ids are ignored and counted: commands race with departures.
#[derive(Clone, Debug)]
pub enum Command {
    OpenSession {
        session: SessionId,
        local: LocalIce,
        remote: RemoteParameters,
    },
    RestartIce {
        session: SessionId,
        local: LocalIce,
        remote_ufrag: String,
    },
    /// Says goodbye (DTLS close_notify) and forgets the session.
    CloseSession {
        session: SessionId,
    },

    /// A published track comes into being, before any [`Incoming`] or flow feeds it.
    OpenSource {
        source: SourceId,
        origin: Origin,
        kind: Kind,
        codec: Codec,
        clock_rate_hz: u32,
        layers: u8,
    },
    CloseSource {
        source: SourceId,
    },
    /// Muted sources are silent for the speaker list.
    MuteSource {
        source: SourceId,
        muted: bool,
    },

    /// Replaces all that the session publishes.
    SetIncoming {
        session: SessionId,
        incoming: Vec<Incoming>,
    },
    /// Replaces all that the session can receive; streams that stay keep their sequence state.
    SetOutgoing {
        session: SessionId,
        outgoing: Vec<Outgoing>,
    },
    /// Feeds the outgoing stream `mid` from `source`, with the receiver's payload types.
    Watch {
        session: SessionId,
        mid: String,
        source: SourceId,
        payload_type: u8,
        rtx_payload_type: Option<u8>,
        target: Target,
    },
    /// Changes what a watched stream wants.
    Retarget {
        session: SessionId,
        mid: String,
        target: Target,
    },
    Unwatch {
        session: SessionId,
        mid: String,
    },

    /// A link (or the recorder) pulls a layer under a flow id.
    LinkSubscribe {
        link: LinkId,
        flow: u64,
        source: SourceId,
        layer: Layer,
    },
    LinkUnsubscribe {
        link: LinkId,
        flow: u64,
    },
    /// Packets of `flow` on `link` are the layer of a source whose origin is that link.
    LinkReceive {
        link: LinkId,
        flow: u64,
        source: SourceId,
        layer: Layer,
    },
    LinkStopReceive {
        link: LinkId,
        flow: u64,
    },
    /// The far end of a flow we send asks for a keyframe.
    LinkKeyframe {
        link: LinkId,
        flow: u64,
    },
    /// The far end of a flow we send misses packets.
    LinkNack {
        link: LinkId,
        flow: u64,
        sequence_numbers: Vec<u16>,
    },
    /// NTP to RTP mapping of a flow we receive.
    LinkSenderReport {
        link: LinkId,
        flow: u64,
        ntp: u64,
        rtp_timestamp: u32,
        age_ms: u32,
    },
    CloseLink {
        link: LinkId,
    },

    RequestKeyframe {
        source: SourceId,
        layer: Layer,
    },
    /// Sends a message on the session's data channel with this label; dropped and counted when it is not open.
    SendData {
        session: SessionId,
        label: &'static str,
        binary: bool,
        payload: Bytes,
    },
}

/// What a receiver wants of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Highest layer wanted; the core takes the highest live layer not above it, else the lowest live one.
    pub layer: Layer,
    pub paused: bool,
}

/// What a shard reports.
#[derive(Clone, Debug)]
pub enum Event {
    /// ICE and DTLS are up.
    SessionConnected {
        session: SessionId,
        remote: SocketAddr,
    },
    /// The session is gone (client's goodbye, consent lost, handshake failed). Its sources stay until closed by command.
    SessionClosed {
        session: SessionId,
        reason: &'static str,
    },
    ChannelOpen {
        session: SessionId,
        label: String,
    },
    Data {
        session: SessionId,
        label: String,
        binary: bool,
        payload: Bytes,
    },

    /// A reliable channel cannot hold what the client does not take: from here on it gets nothing on it, and has to join
    /// again to be whole. Said once.
    DataOverflow {
        session: SessionId,
    },

    /// First packets of a layer, or packets again after a stop.
    LayerStarted {
        source: SourceId,
        layer: Layer,
    },
    /// No packets of the layer for [`crate::LAYER_STOPPED_AFTER`].
    LayerStopped {
        source: SourceId,
        layer: Layer,
    },
    /// A stream of a receiver changed to this layer (at a keyframe).
    LayerSwitched {
        session: SessionId,
        source: SourceId,
        layer: Layer,
    },

    /// To be said to the far end of a link that feeds us.
    LinkKeyframe {
        link: LinkId,
        flow: u64,
    },
    LinkNack {
        link: LinkId,
        flow: u64,
        sequence_numbers: Vec<u16>,
    },
    /// To be said to the far end of a link we feed (the recorder included).
    LinkSenderReport {
        link: LinkId,
        flow: u64,
        ntp: u64,
        rtp_timestamp: u32,
        age_ms: u32,
    },

    /// Sources that are heard now, loudest first; level 0.0–1.0. Sent when the list or a level changes notably, and
    /// empty once when all are silent.
    Speakers {
        levels: Vec<(SourceId, f32)>,
    },
    /// Receiver-side view of a session, every [`crate::QUALITY_INTERVAL`]: loss share of what it gets and of what it sends, 0 to 1.
    Quality {
        session: SessionId,
        loss_down: f32,
        loss_up: f32,
        rtt_ms: Option<f32>,
    },
}
