//! Frames of a client, in the room's words.

use edge_room::{Request, Simulate, TrackPermission, TrackSettings};
use livekit_protocol as proto;
use livekit_protocol::signal_request::Message;
use livekit_protocol::simulate_scenario::Scenario;
use prost::Message as _;

use super::notice::frame;
use super::track::from_add_track;

/// Largest frame: a sync state carries two session descriptions of 64 kB and lists of tracks.
pub const REQUEST_BYTES_MAX: usize = 256 * 1024;

/// What one frame asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// For the room.
    Room(Request),
    /// For the shell: answer with [`Ping::pong`].
    Ping(Ping),
    /// After a resume: what the client has and wants.
    SyncState(SyncState),
    /// A candidate. The edge is ICE-lite: it answers checks from any address and needs none.
    Trickle,
    /// Send this back: the client asked for something the edge does not do.
    Reply(Vec<u8>),
}

/// A ping in one of its two forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// Client's clock, echoed; `None` in the older form.
    timestamp_ms: Option<i64>,
    /// Round trip as the client measured it, milliseconds; 0 when it does not know.
    pub rtt_ms: i64,
}

/// What a resuming client says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncState {
    /// Tracks whose subscription differs from the automatic one, and whether they are wanted.
    pub subscription: Option<(Vec<String>, bool)>,
    /// Subscribed tracks the client has paused.
    pub disabled_track_sids: Vec<String>,
    /// Last reliable packet it has of each publisher.
    pub received: Vec<ReceiveState>,
    /// Its own published tracks: client id and sid.
    pub published: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiveState {
    pub publisher_sid: String,
    pub last_sequence: u32,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecodeError {
    #[error("the frame is {length} bytes, the limit is {limit}")]
    TooLong { length: usize, limit: usize },
    #[error("the frame is no SignalRequest: {0}")]
    Malformed(#[from] prost::DecodeError),
}

impl Ping {
    /// The frame to send back. Milliseconds: clients overflow on finer clocks.
    #[must_use]
    pub fn pong(self, now_ms: u64) -> Vec<u8> {
        let timestamp = i64::try_from(now_ms).unwrap_or(i64::MAX);
        match self.timestamp_ms {
            Some(last_ping_timestamp) => frame(proto::signal_response::Message::PongResp(proto::Pong {
                last_ping_timestamp,
                timestamp,
            })),
            None => frame(proto::signal_response::Message::Pong(timestamp)),
        }
    }
}

/// Reads one binary frame. A message kind this edge has never heard of yields nothing.
///
/// # Errors
/// The frame is too long or no protobuf of this protocol: the shell counts it and closes the connection.
pub fn decode_request(bytes: &[u8]) -> Result<Vec<Incoming>, DecodeError> {
    if bytes.len() > REQUEST_BYTES_MAX {
        return Err(DecodeError::TooLong { length: bytes.len(), limit: REQUEST_BYTES_MAX });
    }
    let request = proto::SignalRequest::decode(bytes)?;
    Ok(request.message.map(read).unwrap_or_default().into_iter().collect())
}

fn read(message: Message) -> Option<Incoming> {
    Some(match message {
        Message::Offer(offer) => Incoming::Room(Request::Offer { id: offer.id, sdp: offer.sdp }),
        Message::Trickle(_) => Incoming::Trickle,
        Message::AddTrack(request) => Incoming::Room(Request::AddTrack(from_add_track(request))),
        Message::Mute(mute) => Incoming::Room(Request::Mute { track_sid: mute.sid, muted: mute.muted }),
        Message::Subscription(update) => {
            let subscribe = update.subscribe;
            Incoming::Room(Request::Subscription { track_sids: track_sids(update), subscribe })
        }
        Message::TrackSetting(settings) => Incoming::Room(track_settings(settings)),
        Message::Leave(_) => Incoming::Room(Request::Leave),
        Message::SubscriptionPermission(permission) => Incoming::Room(subscription_permission(permission)),
        Message::SyncState(state) => Incoming::SyncState(sync_state(state)),
        Message::Simulate(scenario) => Incoming::Room(Request::Simulate(simulate(scenario.scenario?)?)),
        Message::Ping(_) => Incoming::Ping(Ping { timestamp_ms: None, rtt_ms: 0 }),
        Message::PingReq(ping) => {
            Incoming::Ping(Ping { timestamp_ms: Some(ping.timestamp), rtt_ms: ping.rtt })
        }
        Message::UpdateMetadata(update) => Incoming::Room(Request::UpdateMetadata {
            request_id: update.request_id,
            metadata: said(update.metadata),
            name: said(update.name),
            attributes: update.attributes.into_iter().collect(),
        }),
        Message::UpdateAudioTrack(update) => Incoming::Room(Request::UpdateAudioTrack {
            track_sid: update.track_sid,
            features: update.features,
        }),
        Message::UpdateVideoTrack(update) => Incoming::Room(Request::UpdateVideoTrack {
            track_sid: update.track_sid,
            width: update.width,
            height: update.height,
        }),
        other => return unsupported(other),
    })
}

/// Data tracks and data blobs are refused by name, so that the caller's promise does not hang. Answers to offers and
/// layer updates belong to the two-connection protocol and are passed over.
fn unsupported(message: Message) -> Option<Incoming> {
    use proto::request_response::Request as Echo;
    let (request_id, echo) = match message {
        Message::PublishDataTrackRequest(request) => (0, Some(Echo::PublishDataTrack(request))),
        Message::UnpublishDataTrackRequest(request) => (0, Some(Echo::UnpublishDataTrack(request))),
        Message::StoreDataBlobRequest(request) => (request.request_id, None),
        Message::GetDataBlobRequest(request) => (request.request_id, None),
        _ => return None,
    };
    let response = proto::RequestResponse {
        request_id,
        reason: proto::request_response::Reason::UnsupportedType as i32,
        message: "data tracks and data blobs are not served here".to_owned(),
        request: echo,
    };
    Some(Incoming::Reply(frame(proto::signal_response::Message::RequestResponse(response))))
}

/// Without presence on the wire, empty means "as it is".
fn said(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn track_sids(update: proto::UpdateSubscription) -> Vec<String> {
    let of_participants = update.participant_tracks.into_iter().flat_map(|tracks| tracks.track_sids);
    update.track_sids.into_iter().chain(of_participants).collect()
}

fn track_settings(settings: proto::UpdateTrackSettings) -> Request {
    let is_off = settings.quality() == proto::VideoQuality::Off;
    let quality = settings.quality().min(proto::VideoQuality::High) as u32;
    Request::TrackSettings {
        settings: TrackSettings {
            disabled: settings.disabled || is_off,
            quality,
            width: settings.width,
            height: settings.height,
            fps: settings.fps,
            priority: settings.priority,
        },
        track_sids: settings.track_sids,
    }
}

fn subscription_permission(permission: proto::SubscriptionPermission) -> Request {
    let allowed = permission.track_permissions.into_iter().map(|track| TrackPermission {
        participant_sid: track.participant_sid,
        identity: track.participant_identity,
        all_tracks: track.all_tracks,
        track_sids: track.track_sids,
    });
    Request::SubscriptionPermission {
        all_participants: permission.all_participants,
        allowed: allowed.collect(),
    }
}

pub(crate) fn sync_state(state: proto::SyncState) -> SyncState {
    let received = state
        .datachannel_receive_states
        .into_iter()
        .map(|r| ReceiveState { publisher_sid: r.publisher_sid, last_sequence: r.last_seq });
    let published =
        state.publish_tracks.into_iter().filter_map(|published| Some((published.cid, published.track?.sid)));
    let subscription = state.subscription.map(|update| {
        let subscribe = update.subscribe;
        (track_sids(update), subscribe)
    });
    SyncState {
        subscription,
        disabled_track_sids: state.track_sids_disabled,
        received: received.collect(),
        published: published.collect(),
    }
}

/// Faults of transports the edge does not have (TCP, a bandwidth cap) are passed over. "Disconnect on resume" drops the
/// connection at once: the client closes it in the same moment anyway.
fn simulate(scenario: Scenario) -> Option<Simulate> {
    match scenario {
        Scenario::SpeakerUpdate(seconds) => {
            Some(Simulate::Speakers { seconds: u32::try_from(seconds).unwrap_or(0) })
        }
        Scenario::NodeFailure(_) => Some(Simulate::NodeFailure),
        Scenario::Migration(_) => Some(Simulate::Migration),
        Scenario::ServerLeave(_) => Some(Simulate::ServerLeave { reconnect: false }),
        Scenario::LeaveRequestFullReconnect(_) => Some(Simulate::ServerLeave { reconnect: true }),
        Scenario::DisconnectSignalOnResume(_) | Scenario::DisconnectSignalOnResumeNoMessages(_) => {
            Some(Simulate::SignalDisconnect)
        }
        Scenario::SwitchCandidateProtocol(_) | Scenario::SubscriberBandwidth(_) => None,
    }
}
