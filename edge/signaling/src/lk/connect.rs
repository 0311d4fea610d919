//! What a client says when it opens the signalling connection, and what it hears when it may not.

use std::collections::BTreeMap;

use control_plane_api::id;
use control_plane_api::token::{self, ApiKey, Claims};
use edge_room::{AddTrack, Join, JoinError};
use edge_wire::model;
use livekit_protocol as proto;

use super::request::{SyncState, sync_state};
use super::{join_request, track};
use crate::{grant, query};

/// Attributes and metadata that go into a move's token.
const MOVED_BYTES_MAX: usize = 4 * 1024;

/// Which path the client opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `/rtc`: two peer connections. Not served: the token is checked, then the client is told so.
    V0,
    /// `/rtc/v1`: one peer connection.
    V1,
}

/// An admitted connect.
#[derive(Clone, Debug)]
pub struct Connect {
    pub room: String,
    pub identity: String,
    pub name: String,
    pub kind: model::ParticipantKind,
    pub metadata: String,
    pub attributes: BTreeMap<String, String>,
    pub permission: model::Permission,
    /// Subscribe to every track as it appears.
    pub auto_subscribe: bool,
    pub adaptive_stream: bool,
    pub client: Client,
    /// The client wants to go on with an earlier session instead of joining.
    pub resume: Option<Resume>,
    /// First offer (id, SDP), if the client sent one along.
    pub offer: Option<(u32, String)>,
    /// Tracks announced together with that offer.
    pub add_tracks: Vec<AddTrack>,
    /// Verified claims, for [`refresh_token`].
    pub claims: Claims,
}

/// What the client says of itself. For logs and statistics only, except the two fields peers see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// `JS`, `PYTHON`, …
    pub sdk: &'static str,
    pub version: String,
    /// Signalling protocol level.
    pub protocol: i32,
    /// Level of peer-to-peer features (RPC, streams); peers see it.
    pub client_protocol: i32,
    /// Peers see them.
    pub capabilities: Vec<i32>,
    pub os: String,
    pub browser: String,
}

/// The session to go on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    pub participant_sid: String,
    /// What the client has got so far, if it says so here rather than in a later message.
    pub sync_state: Option<SyncState>,
}

impl Connect {
    /// The room core's join.
    #[must_use]
    pub fn join(&self, room: model::Room, now_ms: u64) -> Join {
        Join {
            room,
            identity: self.identity.clone(),
            name: self.name.clone(),
            kind: self.kind,
            metadata: self.metadata.clone(),
            attributes: self.attributes.clone(),
            permission: self.permission.clone(),
            client_protocol: self.client.client_protocol,
            capabilities: self.client.capabilities.clone(),
            auto_subscribe: self.auto_subscribe,
            now_ms,
            token_age: grant::age(self.claims.nbf, now_ms),
            is_whep: false,
            publish_unannounced: false,
            moves: self.claims.moves.as_ref().map(moves),
        }
    }
}

fn moves(claimed: &token::Moves) -> edge_room::Move {
    let track = |track: &token::MovedTrack| edge_room::MovedTrack {
        sid: track.sid.clone(),
        source: track.source,
        kind: track.kind,
    };
    edge_room::Move {
        participant_sid: claimed.participant_sid.clone(),
        tracks: claimed.tracks.iter().map(track).collect(),
    }
}

/// Why a client is not let in. `to_string` is the body of the answer, of the upgrade and of `…/validate` alike.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConnectError {
    #[error("no access token: put it into access_token or an Authorization: Bearer header")]
    NoToken,
    #[error("invalid access token: {0}")]
    Token(#[from] token::Error),
    #[error("permissions denied: the token has no roomJoin grant")]
    NoGrant,
    #[error("permissions denied: the token is for another room than {0:?}")]
    WrongRoom(String),
    #[error("permissions denied: metadata and attributes need the canUpdateOwnMetadata grant")]
    OwnMetadata,
    #[error("malformed name: {0}")]
    Name(#[from] id::Error),
    #[error("malformed connect: {0} is not form-encoded")]
    Query(&'static str),
    #[error("malformed connect: join_request {0}")]
    JoinRequest(&'static str),
    /// The sentence is fixed: clients look for it to tell an unknown room from an unknown path.
    #[error("requested room does not exist")]
    NoRoom,
    #[error("/rtc is not served here: connect by /rtc/v1 (one peer connection), or update the SDK")]
    V0,
    #[error("{0}")]
    Refused(#[from] JoinError),
}

impl ConnectError {
    /// HTTP status. Clients take 401 and 403 for final; on 404 of a v1 path they try `/rtc`; on others they try again.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::NoToken | Self::Token(_) => 401,
            Self::NoGrant | Self::WrongRoom(_) | Self::OwnMetadata | Self::Refused(JoinError::Removed) => 403,
            Self::Name(_) | Self::Query(_) | Self::JoinRequest(_) => 400,
            Self::NoRoom | Self::V0 => 404,
            Self::Refused(JoinError::TooLarge(_)) => 413,
            Self::Refused(_) => 503,
        }
    }
}

/// Checks token and request of a connect (`GET /rtc/v1?…`) or of its `…/validate`, which asks the same question.
///
/// `query` is the raw query string, `bearer` the `Authorization` header if there is one; `access_token` of the query wins.
/// Whether the room exists is not known here: the caller answers [`ConnectError::NoRoom`].
///
/// # Errors
/// Status and text for the client.
pub fn parse_connect(
    version: Version,
    query: &str,
    bearer: Option<&str>,
    keys: &[ApiKey],
    now_s: u64,
) -> Result<Connect, ConnectError> {
    let given = parameter(query, "access_token")?.filter(|token| !token.is_empty());
    let token = given.as_deref().or(bearer).ok_or(ConnectError::NoToken)?;
    let claims = grant::verify(token, keys, now_s)?;
    let video = claims.video.as_ref().filter(|video| video.room_join).ok_or(ConnectError::NoGrant)?;
    let asked = parameter(query, "room")?.filter(|room| !room.is_empty());
    if let Some(asked) = asked.as_ref().filter(|asked| !video.room.is_empty() && **asked != video.room) {
        return Err(ConnectError::WrongRoom(asked.chars().take(64).collect()));
    }
    let room = asked.unwrap_or_else(|| video.room.clone());
    id::check_name("the room's name", &room)?;
    id::check_name("the identity", &claims.sub)?;
    if version == Version::V0 {
        return Err(ConnectError::V0);
    }
    // The web's own probe of `validate` comes without a request; a connect without one is an empty request.
    let request = match parameter(query, "join_request")? {
        Some(wrapped) => join_request::decode(&wrapped).map_err(ConnectError::JoinRequest)?,
        None => proto::JoinRequest::default(),
    };
    let permission = grant::permission(video);
    let sets_own = !request.metadata.is_empty() || !request.participant_attributes.is_empty();
    if sets_own && !permission.can_update_metadata {
        return Err(ConnectError::OwnMetadata);
    }
    Ok(admit(room, permission, claims, request))
}

/// Signs the claims anew with the key that signed them, for `ttl_s` from now: a class outlasts a token. `None` when that
/// key is gone. The frame tells the client; the token is for its next connect, and allows what the participant may do now: a right that
/// was taken away is not had back by connecting again.
#[must_use]
pub fn refresh_token(
    claims: &Claims,
    permission: &model::Permission,
    keys: &[ApiKey],
    now_s: u64,
    ttl_s: u64,
) -> Option<Vec<u8>> {
    let key = keys.iter().find(|key| key.key == claims.iss)?;
    let exp = Some(now_s.saturating_add(ttl_s));
    let video = claims.video.as_ref().map(|grant| grant::with(grant, permission));
    // A move happens once: whoever comes with the new token joins.
    let renewed = Claims { nbf: Some(now_s), exp, moves: None, video, ..claims.clone() };
    let message = proto::signal_response::Message::RefreshToken(token::sign(&renewed, key));
    Some(super::notice::frame(message))
}

/// A token with which `participant` goes on at another edge, with all it may do now and all it publishes.
#[must_use]
pub fn move_token(
    room: &str,
    participant: &model::Participant,
    key: &ApiKey,
    now_s: u64,
    ttl_s: u64,
) -> String {
    let own: usize = participant.attributes.iter().map(|(name, value)| name.len() + value.len()).sum();
    // The record goes from edge to edge anyway; the token must fit a URL.
    let is_small = own + participant.metadata.len() <= MOVED_BYTES_MAX;
    let track = |track: &model::Track| token::MovedTrack {
        sid: track.sid.clone(),
        source: track.source,
        kind: track.kind,
    };
    let claims = Claims {
        sub: participant.identity.clone(),
        nbf: Some(now_s),
        exp: Some(now_s.saturating_add(ttl_s)),
        name: participant.name.clone(),
        metadata: if is_small { participant.metadata.clone() } else { String::new() },
        attributes: if is_small { participant.attributes.clone() } else { BTreeMap::new() },
        kind: grant::kind_word(participant.kind).to_owned(),
        video: Some(grant::of(room, &participant.permission)),
        moves: Some(token::Moves {
            participant_sid: participant.sid.clone(),
            tracks: participant.tracks.iter().map(track).collect(),
        }),
        ..Claims::default()
    };
    token::sign(&claims, key)
}

fn parameter(query: &str, name: &'static str) -> Result<Option<String>, ConnectError> {
    query::value(query, name).map_err(|query::Malformed| ConnectError::Query(name))
}

fn admit(
    room: String,
    permission: model::Permission,
    claims: Claims,
    request: proto::JoinRequest,
) -> Connect {
    let settings = request.connection_settings.unwrap_or(proto::ConnectionSettings {
        auto_subscribe: true,
        ..proto::ConnectionSettings::default()
    });
    let mut attributes = claims.attributes.clone();
    // An empty value deletes nothing that the token says.
    attributes.extend(request.participant_attributes.into_iter().filter(|(_, value)| !value.is_empty()));
    let metadata = if request.metadata.is_empty() { claims.metadata.clone() } else { request.metadata };
    let resume = request.reconnect.then(|| Resume {
        participant_sid: request.participant_sid,
        sync_state: request.sync_state.map(sync_state),
    });
    Connect {
        room,
        identity: claims.sub.clone(),
        name: claims.name.clone(),
        kind: grant::kind(&claims),
        metadata,
        attributes,
        permission,
        auto_subscribe: settings.auto_subscribe,
        adaptive_stream: settings.adaptive_stream,
        client: request.client_info.map(client).unwrap_or_default(),
        resume,
        offer: request
            .publisher_offer
            .filter(|offer| !offer.sdp.is_empty())
            .map(|offer| (offer.id, offer.sdp)),
        add_tracks: request.add_track_requests.into_iter().map(track::from_add_track).collect(),
        claims,
    }
}

fn client(info: proto::ClientInfo) -> Client {
    Client {
        sdk: info.sdk().as_str_name(),
        version: info.version,
        protocol: info.protocol,
        client_protocol: info.client_protocol,
        capabilities: info.capabilities,
        os: info.os,
        browser: info.browser,
    }
}
