//! Calls as they come in: route, token, grant, body.

use control_plane_api::token::{ApiKey, Grant};
use edge_room::Admin;
use edge_wire::model;
use livekit_protocol as proto;
use prost::Message;
use serde::de::DeserializeOwned;

use super::TwirpError;
use crate::{grant, lk};

/// SendData with 64 kB of data in base64 is the longest call.
pub const BODY_BYTES_MAX: usize = 128 * 1024;

const SERVICE: &str = "livekit.RoomService";
/// Methods of the service that this edge does not have.
const NOT_BUILT: &[&str] = &[
    "CreateRoom",
    "DeleteRoom",
    "UpdateSubscriptions",
    "UpdateRoomMetadata",
    "ForwardParticipant",
    "MoveParticipant",
    "PerformRpc",
];

/// How the caller writes, and wants to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Protobuf,
    Json,
}

/// An admitted call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub encoding: Encoding,
    pub call: RoomCall,
}

/// What is asked. Answered by, in this order: [`super::Answer::Rooms`], `Participants`, `Participant`, `Empty`, `Track`,
/// `Empty`, `Participant`.
#[derive(Clone, Debug, PartialEq)]
pub enum RoomCall {
    /// Rooms of these names, or all rooms when there are none.
    ListRooms {
        names: Vec<String>,
    },
    ListParticipants {
        room: String,
    },
    GetParticipant {
        room: String,
        identity: String,
    },
    SendData {
        room: String,
        data: model::Data,
    },
    MutePublishedTrack {
        room: String,
        identity: String,
        track_sid: String,
        muted: bool,
    },
    RemoveParticipant {
        room: String,
        identity: String,
    },
    UpdateParticipant {
        room: String,
        identity: String,
        permission: model::Permission,
    },
}

impl RoomCall {
    /// The room core's form of a call that changes something.
    #[must_use]
    pub fn admin(&self) -> Option<Admin> {
        Some(match self.clone() {
            Self::SendData { room, data } => Admin::SendData { room, data },
            Self::MutePublishedTrack { room, identity, track_sid, muted } => {
                Admin::MuteTrack { room, identity, track_sid, muted }
            }
            Self::RemoveParticipant { room, identity } => Admin::Remove { room, identity },
            Self::UpdateParticipant { room, identity, permission } => {
                Admin::SetPermission { room, identity, permission }
            }
            Self::ListRooms { .. } | Self::ListParticipants { .. } | Self::GetParticipant { .. } => {
                return None;
            }
        })
    }
}

/// Checks and reads one call. `path` is what follows `/twirp/`; `bearer` the `Authorization` header.
///
/// # Errors
/// `bad_route` for an unknown path or content type, `unauthenticated` without a valid token, `permission_denied` without
/// the grant, `malformed` or `invalid_argument` for the body, `unimplemented` for what this edge does not do.
pub fn parse(
    path: &str,
    content_type: Option<&str>,
    body: &[u8],
    bearer: Option<&str>,
    keys: &[ApiKey],
    now_s: u64,
) -> Result<Call, TwirpError> {
    let bad_route = |what: &str| TwirpError::new("bad_route", format!("no handler for {what}"));
    let short = |text: &str| text.chars().take(80).collect::<String>();
    let (service, method) = path.trim_matches('/').split_once('/').ok_or_else(|| bad_route(&short(path)))?;
    let encoding = match content_type.unwrap_or("").split(';').next().unwrap_or("").trim() {
        "application/protobuf" => Encoding::Protobuf,
        "application/json" => Encoding::Json,
        other => return Err(bad_route(&format!("Content-Type {:?}", short(other)))),
    };
    let is_other_service = service != SERVICE && service.starts_with("livekit.");
    if is_other_service || (service == SERVICE && NOT_BUILT.contains(&method)) {
        return Err(TwirpError::new("unimplemented", format!("{} is not served here", short(path))));
    }
    if service != SERVICE {
        return Err(bad_route(&short(path)));
    }
    let Some(bearer) = bearer else {
        return Err(TwirpError::new("unauthenticated", "no Authorization: Bearer header"));
    };
    let video = grant::verify(bearer, keys, now_s)?.video.unwrap_or_default();
    if body.len() > BODY_BYTES_MAX {
        return Err(TwirpError::new(
            "invalid_argument",
            format!("the body is longer than {BODY_BYTES_MAX} bytes"),
        ));
    }
    let reader = Reader { encoding, body, video };
    let call = match method {
        "ListRooms" => reader.list_rooms()?,
        "ListParticipants" => reader.list_participants()?,
        "GetParticipant" => reader.get_participant()?,
        "SendData" => reader.send_data()?,
        "MutePublishedTrack" => reader.mute()?,
        "RemoveParticipant" => reader.remove()?,
        "UpdateParticipant" => reader.update()?,
        _ => return Err(bad_route(&short(path))),
    };
    Ok(Call { encoding, call })
}

struct Reader<'a> {
    encoding: Encoding,
    body: &'a [u8],
    video: Grant,
}

impl Reader<'_> {
    fn list_rooms(&self) -> Result<RoomCall, TwirpError> {
        if !self.video.room_list {
            return Err(denied("roomList"));
        }
        let request: proto::ListRoomsRequest = self.message()?;
        Ok(RoomCall::ListRooms { names: request.names })
    }

    fn list_participants(&self) -> Result<RoomCall, TwirpError> {
        let request: proto::ListParticipantsRequest = self.message()?;
        Ok(RoomCall::ListParticipants { room: self.admin_of(request.room)? })
    }

    fn get_participant(&self) -> Result<RoomCall, TwirpError> {
        let (room, identity) = self.participant()?;
        Ok(RoomCall::GetParticipant { room, identity })
    }

    fn remove(&self) -> Result<RoomCall, TwirpError> {
        let (room, identity) = self.participant()?;
        Ok(RoomCall::RemoveParticipant { room, identity })
    }

    fn mute(&self) -> Result<RoomCall, TwirpError> {
        let request: proto::MuteRoomTrackRequest = self.message()?;
        Ok(RoomCall::MutePublishedTrack {
            room: self.admin_of(request.room)?,
            identity: named("identity", request.identity)?,
            track_sid: named("track_sid", request.track_sid)?,
            muted: request.muted,
        })
    }

    #[expect(deprecated, reason = "a call addressed by sid must not go to everyone")]
    fn send_data(&self) -> Result<RoomCall, TwirpError> {
        let request: proto::SendDataRequest = self.message()?;
        let reliable = request.kind() == proto::data_packet::Kind::Reliable;
        let room = self.admin_of(request.room)?;
        if request.destination_identities.is_empty() && !request.destination_sids.is_empty() {
            return Err(TwirpError::new("invalid_argument", "address by destination_identities"));
        }
        let data = lk::user_packet(request.data, request.topic, reliable, request.destination_identities)
            .map_err(|error| TwirpError::new("invalid_argument", error.to_string()))?;
        Ok(RoomCall::SendData { room, data })
    }

    fn update(&self) -> Result<RoomCall, TwirpError> {
        let request: proto::UpdateParticipantRequest = self.message()?;
        let room = self.admin_of(request.room)?;
        let identity = named("identity", request.identity)?;
        if !request.metadata.is_empty() || !request.name.is_empty() || !request.attributes.is_empty() {
            return Err(TwirpError::new("unimplemented", "only the permission can be updated here"));
        }
        let Some(permission) = request.permission else {
            return Err(TwirpError::new("invalid_argument", "permission is required"));
        };
        Ok(RoomCall::UpdateParticipant { room, identity, permission: lk::from_permission(&permission) })
    }

    fn participant(&self) -> Result<(String, String), TwirpError> {
        let request: proto::RoomParticipantIdentity = self.message()?;
        Ok((self.admin_of(request.room)?, named("identity", request.identity)?))
    }

    /// The grant names one room; it rules that room only.
    fn admin_of(&self, room: String) -> Result<String, TwirpError> {
        let room = named("room", room)?;
        if !self.video.room_admin || self.video.room != room {
            return Err(denied("roomAdmin of that room"));
        }
        Ok(room)
    }

    fn message<T: Message + Default + DeserializeOwned>(&self) -> Result<T, TwirpError> {
        match self.encoding {
            Encoding::Protobuf => {
                T::decode(self.body).map_err(|e| TwirpError::new("malformed", e.to_string()))
            }
            Encoding::Json => {
                serde_json::from_slice(self.body).map_err(|e| TwirpError::new("malformed", e.to_string()))
            }
        }
    }
}

fn denied(grant: &str) -> TwirpError {
    TwirpError::new("permission_denied", format!("permissions denied: the token lacks the grant {grant}"))
}

fn named(what: &str, value: String) -> Result<String, TwirpError> {
    if value.is_empty() {
        return Err(TwirpError::new("invalid_argument", format!("{what} is required")));
    }
    Ok(value)
}
