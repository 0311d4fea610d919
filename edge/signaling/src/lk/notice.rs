//! The room's words as frames for a client.

use control_plane_api::join::EdgeChoice;
use edge_room::{LeaveAction, LeaveReason, Notice, RequestError, RequestErrorKind};
use edge_wire::{control, model};
use livekit_protocol as proto;
use livekit_protocol::signal_response::Message;
use prost::Message as _;

use super::{PING_INTERVAL_S, PING_TIMEOUT_S, PROTOCOL, SERVER_VERSION, to_participant, to_room, to_track};
use crate::IceServer;

/// What the shell knows and the room does not.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub node_id: &'a str,
    pub region: &'a str,
    pub ice_servers: &'a [IceServer],
    /// See [`super::PUBLISH_CODECS`].
    pub publish_codecs: &'a [&'a str],
    /// Last reliable packet got from this client ([`super::DataState::last_sequence`]): it sends later ones again.
    pub last_sequence: u32,
    /// Where a client goes that is told to join again, best first.
    pub edges: &'a [EdgeChoice],
}

/// Frames to send, in order. Most notices are one frame; a resume is three (the answer, then what changed meanwhile), and
/// [`Notice::Drop`] none.
#[must_use]
pub fn encode_notice(notice: &Notice, context: &Context<'_>) -> Vec<Vec<u8>> {
    match notice {
        Notice::Drop => Vec::new(),
        Notice::Resumed { room, others, num_participants } => vec![
            frame(Message::Reconnect(reconnect(context))),
            frame(Message::RoomUpdate(proto::RoomUpdate { room: Some(to_room(room, *num_participants)) })),
            frame(update(others)),
        ],
        other => message(other, context).map(frame).into_iter().collect(),
    }
}

pub(crate) fn frame(message: Message) -> Vec<u8> {
    proto::SignalResponse { message: Some(message) }.encode_to_vec()
}

fn message(notice: &Notice, context: &Context<'_>) -> Option<Message> {
    Some(match notice {
        Notice::Drop | Notice::Resumed { .. } => return None,
        Notice::Joined { participant, room, others, num_participants } => {
            Message::Join(proto::JoinResponse {
                room: Some(to_room(room, *num_participants)),
                participant: Some(to_participant(participant)),
                other_participants: others.iter().map(to_participant).collect(),
                ..join(room, context)
            })
        }
        Notice::Answer { id, sdp, mid_to_track } => Message::Answer(proto::SessionDescription {
            r#type: "answer".to_owned(),
            sdp: sdp.clone(),
            id: *id,
            mid_to_track_id: mid_to_track.clone().into_iter().collect(),
        }),
        Notice::MediaSections { audio, video } => {
            Message::MediaSectionsRequirement(proto::MediaSectionsRequirement {
                num_audios: *audio,
                num_videos: *video,
            })
        }
        Notice::TrackPublished { cid, track } => Message::TrackPublished(proto::TrackPublishedResponse {
            cid: cid.clone(),
            track: Some(to_track(track)),
        }),
        Notice::TrackUnpublished { track_sid } => {
            Message::TrackUnpublished(proto::TrackUnpublishedResponse { track_sid: track_sid.clone() })
        }
        Notice::Participants(participants) => update(participants),
        Notice::Room { room, num_participants } => {
            Message::RoomUpdate(proto::RoomUpdate { room: Some(to_room(room, *num_participants)) })
        }
        Notice::Speakers(speakers) => speakers_changed(speakers),
        Notice::Quality(qualities) => connection_quality(qualities),
        Notice::Mute { track_sid, muted } => {
            Message::Mute(proto::MuteTrackRequest { sid: track_sid.clone(), muted: *muted })
        }
        Notice::SubscribedQuality { track_sid, mime_type, qualities } => {
            subscribed_quality(track_sid, mime_type, qualities)
        }
        Notice::TrackSubscribed { track_sid } => {
            Message::TrackSubscribed(proto::TrackSubscribed { track_sid: track_sid.clone() })
        }
        Notice::StreamState { participant_sid, track_sid, paused } => {
            stream_state(participant_sid, track_sid, *paused)
        }
        Notice::SubscriptionPermission { participant_sid, track_sid, allowed } => {
            Message::SubscriptionPermissionUpdate(proto::SubscriptionPermissionUpdate {
                participant_sid: participant_sid.clone(),
                track_sid: track_sid.clone(),
                allowed: *allowed,
            })
        }
        Notice::RequestDone { request_id, error } => request_done(*request_id, error.as_ref()),
        Notice::Leave { reason, action } => leave(*reason, *action, context.edges),
    })
}

/// The fields of a join that do not come from the room's roster. `subscriber_primary` stays false: with one connection
/// there is no second one to be primary, and data would wait for it.
fn join(room: &model::Room, context: &Context<'_>) -> proto::JoinResponse {
    let codec = |mime: &&str| proto::Codec { mime: (*mime).to_owned(), fmtp_line: String::new() };
    proto::JoinResponse {
        server_version: SERVER_VERSION.to_owned(),
        ice_servers: ice_servers(context),
        subscriber_primary: false,
        server_region: context.region.to_owned(),
        ping_timeout: PING_TIMEOUT_S,
        ping_interval: PING_INTERVAL_S,
        server_info: Some(server_info(context)),
        // Marks frames a server makes up in an encrypted track; this one makes none, but clients want a value that no
        // frame ends with by chance.
        sif_trailer: room.sid.clone().into_bytes(),
        enabled_publish_codecs: context.publish_codecs.iter().map(codec).collect(),
        fast_publish: true,
        ..proto::JoinResponse::default()
    }
}

fn reconnect(context: &Context<'_>) -> proto::ReconnectResponse {
    proto::ReconnectResponse {
        ice_servers: ice_servers(context),
        client_configuration: None,
        server_info: Some(server_info(context)),
        last_message_seq: context.last_sequence,
    }
}

fn ice_servers(context: &Context<'_>) -> Vec<proto::IceServer> {
    let server = |server: &IceServer| proto::IceServer {
        urls: server.urls.clone(),
        username: server.username.clone(),
        credential: server.credential.clone(),
    };
    context.ice_servers.iter().map(server).collect()
}

fn server_info(context: &Context<'_>) -> proto::ServerInfo {
    proto::ServerInfo {
        edition: proto::server_info::Edition::Standard as i32,
        version: SERVER_VERSION.to_owned(),
        protocol: PROTOCOL,
        region: context.region.to_owned(),
        node_id: context.node_id.to_owned(),
        ..proto::ServerInfo::default()
    }
}

fn update(participants: &[model::Participant]) -> Message {
    Message::Update(proto::ParticipantUpdate {
        participants: participants.iter().map(to_participant).collect(),
    })
}

/// Level 0 is the end of speaking; clients keep everyone else as they were.
fn speakers_changed(speakers: &[control::Speaker]) -> Message {
    let speakers = speakers.iter().map(|speaker| proto::SpeakerInfo {
        sid: speaker.participant_sid.clone(),
        level: speaker.level,
        active: speaker.level > 0.0,
    });
    Message::SpeakersChanged(proto::SpeakersChanged { speakers: speakers.collect() })
}

/// The numbers are the same on both sides; one out of range becomes poor.
fn connection_quality(qualities: &[control::Quality]) -> Message {
    let updates = qualities.iter().map(|quality| proto::ConnectionQualityInfo {
        participant_sid: quality.participant_sid.clone(),
        quality: i32::try_from(quality.quality).ok().filter(|q| *q <= 3).unwrap_or(0),
        score: quality.score,
    });
    Message::ConnectionQuality(proto::ConnectionQualityUpdate { updates: updates.collect() })
}

/// Clients compare the codec with their own short name (`vp8`); an unknown one would make them publish it as a second
/// codec, so without a codec only the older list is sent.
#[expect(deprecated, reason = "clients before codec lists read the plain list")]
fn subscribed_quality(track_sid: &str, mime_type: &str, qualities: &[(u32, bool)]) -> Message {
    let qualities: Vec<proto::SubscribedQuality> = qualities
        .iter()
        .map(|(quality, enabled)| proto::SubscribedQuality {
            quality: i32::try_from(*quality).unwrap_or(0),
            enabled: *enabled,
        })
        .collect();
    let codec = mime_type.rsplit('/').next().unwrap_or("").to_ascii_lowercase();
    let codecs = if codec.is_empty() {
        Vec::new()
    } else {
        vec![proto::SubscribedCodec { codec, qualities: qualities.clone() }]
    };
    Message::SubscribedQualityUpdate(proto::SubscribedQualityUpdate {
        track_sid: track_sid.to_owned(),
        subscribed_qualities: qualities,
        subscribed_codecs: codecs,
    })
}

fn stream_state(participant_sid: &str, track_sid: &str, paused: bool) -> Message {
    let state = if paused { proto::StreamState::Paused } else { proto::StreamState::Active };
    Message::StreamStateUpdate(proto::StreamStateUpdate {
        stream_states: vec![proto::StreamStateInfo {
            participant_sid: participant_sid.to_owned(),
            track_sid: track_sid.to_owned(),
            state: state as i32,
        }],
    })
}

fn request_done(request_id: u32, error: Option<&RequestError>) -> Message {
    use proto::request_response::Reason;
    let reason = match error.map(|error| error.kind) {
        None => Reason::Ok,
        Some(RequestErrorKind::NotFound) => Reason::NotFound,
        Some(RequestErrorKind::NotAllowed) => Reason::NotAllowed,
        Some(RequestErrorKind::LimitExceeded) => Reason::LimitExceeded,
        Some(RequestErrorKind::Unsupported) => Reason::UnsupportedType,
        Some(RequestErrorKind::Invalid) => Reason::InvalidRequest,
    };
    Message::RequestResponse(proto::RequestResponse {
        request_id,
        reason: reason as i32,
        message: error.map(|error| error.message.clone()).unwrap_or_default(),
        request: None,
    })
}

/// The regions are a hint: the JavaScript SDK (2.23) and the ones on the Rust core heed it on their vendor's host names alone,
/// elsewhere they join the URL they were given. That should be the `edge.` name of the DNS, which follows drains.
fn leave(reason: LeaveReason, action: LeaveAction, edges: &[EdgeChoice]) -> Message {
    use proto::leave_request::Action;
    let reason = match reason {
        LeaveReason::ClientInitiated => proto::DisconnectReason::ClientInitiated,
        LeaveReason::DuplicateIdentity => proto::DisconnectReason::DuplicateIdentity,
        LeaveReason::ServerShutdown => proto::DisconnectReason::ServerShutdown,
        LeaveReason::ParticipantRemoved => proto::DisconnectReason::ParticipantRemoved,
        LeaveReason::RoomDeleted => proto::DisconnectReason::RoomDeleted,
        LeaveReason::StateMismatch => proto::DisconnectReason::StateMismatch,
        LeaveReason::JoinFailure => proto::DisconnectReason::JoinFailure,
        LeaveReason::ConnectionTimeout => proto::DisconnectReason::ConnectionTimeout,
    };
    let (action, can_reconnect) = match action {
        LeaveAction::Disconnect => (Action::Disconnect, false),
        LeaveAction::Resume => (Action::Resume, true),
        LeaveAction::Reconnect => (Action::Reconnect, true),
    };
    Message::Leave(proto::LeaveRequest {
        can_reconnect,
        reason: reason as i32,
        action: action as i32,
        regions: (can_reconnect && !edges.is_empty())
            .then(|| proto::RegionSettings { regions: edges.iter().map(region).collect() }),
    })
}

/// A client tells regions apart by URL, so each edge is one. The distance is in metres; 0 where it is not known.
fn region(edge: &EdgeChoice) -> proto::RegionInfo {
    proto::RegionInfo {
        region: edge.region.clone(),
        url: edge.url.clone(),
        distance: edge.distance_km.map_or(0, |km| (km * 1_000.0) as i64),
    }
}
