//! What WHIP and WHEP have in common: one POST with an offer opens a session, PATCH and DELETE go to its own URL.

use control_plane_api::id;
use control_plane_api::token::{ApiKey, Claims};
use edge_room::{Join, JoinError};
use edge_sdp::{Kind, Offer};
use edge_wire::model;

use crate::http::{HttpError, Response};
use crate::sdpfrag::{Fragment, restart_answer};
use crate::{IceServer, grant};

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// Headers and body of a POST.
#[derive(Clone, Copy, Debug, Default)]
pub struct Post<'a> {
    pub content_type: Option<&'a str>,
    pub accept: Option<&'a str>,
    pub authorization: Option<&'a str>,
    pub body: &'a [u8],
}

/// An admitted POST: whom to let in, and with which offer.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub room: String,
    pub identity: String,
    /// Checked to parse; the room answers it.
    pub sdp: String,
    /// [`control_plane_api::token::Claims::traceparent`]
    pub traceparent: String,
    not_before_s: Option<u64>,
    name: String,
    metadata: String,
    attributes: std::collections::BTreeMap<String, String>,
    kind: model::ParticipantKind,
    permission: model::Permission,
    is_player: bool,
}

impl Entry {
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
            client_protocol: 0,
            capabilities: Vec::new(),
            auto_subscribe: self.is_player,
            now_ms,
            token_age: grant::age(self.not_before_s, now_ms),
            is_whep: self.is_player,
            publish_unannounced: !self.is_player,
            moves: None,
        }
    }
}

/// Which door was knocked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Publish,
    Play,
}

pub(crate) fn enter(
    door: Door,
    room: &str,
    post: &Post<'_>,
    keys: &[ApiKey],
    now_s: u64,
) -> Result<Entry, HttpError> {
    if !is_type(post.content_type, SDP) {
        return Err(HttpError::new(415, format!("send the offer as Content-Type: {SDP}")));
    }
    if !accepts(post.accept, SDP) {
        return Err(HttpError::new(406, format!("the answer is {SDP}: accept it")));
    }
    let authorization =
        post.authorization.ok_or_else(|| HttpError::new(401, "no Authorization: Bearer header"))?;
    let claims =
        grant::verify(authorization, keys, now_s).map_err(|error| HttpError::new(401, error.to_string()))?;
    let permission = admitted(door, room, &claims)?;
    let sdp = std::str::from_utf8(post.body).map_err(|_| HttpError::new(400, "the offer is not UTF-8"))?;
    let offer = Offer::parse(sdp).map_err(|error| match error {
        edge_sdp::Error::TooLong { .. } => HttpError::new(413, error.to_string()),
        edge_sdp::Error::Syntax(_) => HttpError::new(400, error.to_string()),
        _ => HttpError::new(422, error.to_string()),
    })?;
    check_direction(door, &offer)?;
    Ok(Entry {
        room: room.to_owned(),
        identity: claims.sub,
        sdp: sdp.to_owned(),
        traceparent: claims.traceparent,
        not_before_s: claims.nbf,
        name: claims.name,
        metadata: claims.metadata,
        attributes: claims.attributes,
        kind: if door == Door::Publish {
            model::ParticipantKind::Ingress
        } else {
            model::ParticipantKind::Standard
        },
        permission,
        is_player: door == Door::Play,
    })
}

/// The session may do what its door is for, and no more than the token says.
fn admitted(door: Door, room: &str, claims: &Claims) -> Result<model::Permission, HttpError> {
    let Some(video) = claims.video.as_ref().filter(|video| video.room_join) else {
        return Err(HttpError::new(403, "permissions denied: the token has no roomJoin grant"));
    };
    if !video.room.is_empty() && video.room != room {
        return Err(HttpError::new(403, "permissions denied: the token is for another room"));
    }
    let bad_name = |error: id::Error| HttpError::new(400, error.to_string());
    id::check_name("the room's name", room).map_err(bad_name)?;
    id::check_name("the identity", &claims.sub).map_err(bad_name)?;
    let mut permission = grant::permission(video);
    permission.can_publish_data = false;
    permission.can_update_metadata = false;
    let may = match door {
        Door::Publish => {
            permission.can_subscribe = false;
            permission.can_publish
        }
        Door::Play => {
            permission.can_publish = false;
            permission.can_subscribe
        }
    };
    if !may {
        let grant = if door == Door::Publish { "canPublish" } else { "canSubscribe" };
        return Err(HttpError::new(403, format!("permissions denied: the token has no {grant} grant")));
    }
    Ok(permission)
}

fn check_direction(door: Door, offer: &Offer) -> Result<(), HttpError> {
    let mut live = offer.media.iter().filter(|media| media.kind != Kind::Application && !media.rejected);
    match door {
        Door::Publish if live.any(|media| media.direction.sends()) => Ok(()),
        Door::Play if live.any(|media| media.direction.receives()) => Ok(()),
        Door::Publish => Err(HttpError::new(422, "the offer has no audio or video section that sends")),
        Door::Play => Err(HttpError::new(422, "the offer has no audio or video section that receives")),
    }
}

/// 201: the answer, where the session lives and what it takes. `etag` from [`etag`].
pub fn created(answer_sdp: &str, location: &str, etag: &str, ice_servers: &[IceServer]) -> Response {
    let mut response = Response::new(201)
        .header("content-type", SDP)
        .header("location", location)
        .header("etag", etag)
        .header("accept-patch", FRAGMENT)
        .header("access-control-expose-headers", "location, etag, link, accept-patch");
    for server in ice_servers {
        for url in &server.urls {
            response = response.header("link", link(url, server));
        }
    }
    answer_sdp.clone_into(&mut response.body);
    response
}

/// RFC 9725 section 4.6.
fn link(url: &str, server: &IceServer) -> String {
    if server.username.is_empty() {
        return format!("<{url}>; rel=\"ice-server\"");
    }
    format!(
        "<{url}>; rel=\"ice-server\"; username=\"{}\"; credential=\"{}\"; credential-type=\"password\"",
        server.username, server.credential
    )
}

/// The entity tag of an ICE session: it changes with the edge's own ufrag.
pub fn etag(ice_ufrag: &str) -> String {
    format!("\"{ice_ufrag}\"")
}

/// Headers and body of a PATCH.
#[derive(Clone, Copy, Debug, Default)]
pub struct PatchRequest<'a> {
    pub content_type: Option<&'a str>,
    pub if_match: Option<&'a str>,
    pub body: &'a [u8],
}

/// What a PATCH asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Patch {
    /// Candidates, which an ICE-lite edge does not need: answer [`no_content`].
    Candidates(Fragment),
    /// New credentials of the client: restart, then answer [`restarted`], or [`restart_refused`].
    Restart { ice_ufrag: String, ice_pwd: String },
}

/// Checks a PATCH against the session's entity tag and the client's present ufrag (RFC 9725 section 4.3).
///
/// # Errors
/// 415 for another content type, 428 without `If-Match`, 412 for a tag of an earlier ICE session, 400 for the body.
pub fn patch(request: &PatchRequest<'_>, current_etag: &str, client_ufrag: &str) -> Result<Patch, HttpError> {
    if !is_type(request.content_type, FRAGMENT) {
        return Err(HttpError::new(415, format!("send candidates as Content-Type: {FRAGMENT}")));
    }
    let if_match =
        request.if_match.ok_or_else(|| HttpError::new(428, "send If-Match with the session's ETag"))?;
    if !if_match.split(',').any(|tag| matches!(tag.trim(), "*") || tag.trim() == current_etag) {
        return Err(HttpError::new(412, "the ETag is of an earlier ICE session"));
    }
    let text = std::str::from_utf8(request.body).ok();
    let fragment =
        text.and_then(Fragment::parse).ok_or_else(|| HttpError::new(400, "the body is no SDP fragment"))?;
    match (&fragment.ice_ufrag, &fragment.ice_pwd) {
        (Some(ufrag), _) if ufrag == client_ufrag => Ok(Patch::Candidates(fragment)),
        (Some(ufrag), Some(pwd)) if is_ice(ufrag, 4) && is_ice(pwd, 22) => {
            Ok(Patch::Restart { ice_ufrag: ufrag.clone(), ice_pwd: pwd.clone() })
        }
        (None, None) => Ok(Patch::Candidates(fragment)),
        _ => Err(HttpError::new(400, "an ICE restart needs a valid ice-ufrag and ice-pwd")),
    }
}

/// RFC 8839 section 5.4: length and characters.
fn is_ice(value: &str, length_min: usize) -> bool {
    let is_char = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
    (length_min..=256).contains(&value.len()) && value.bytes().all(is_char)
}

/// 204.
pub fn no_content() -> Response {
    Response::new(204)
}

/// 200 of an ICE restart: the edge's new credentials.
pub fn restarted(ice_ufrag: &str, ice_pwd: &str) -> Response {
    let mut response = Response::new(200)
        .header("content-type", FRAGMENT)
        .header("etag", etag(ice_ufrag))
        .header("access-control-expose-headers", "etag");
    response.body = restart_answer(ice_ufrag, ice_pwd);
    response
}

/// 422: no restart here, the client opens a new session.
pub fn restart_refused() -> Response {
    HttpError::new(422, "ICE restart is not served: open a new session").response()
}

/// 200 of a DELETE.
pub fn deleted() -> Response {
    Response::new(200)
}

/// Preflight, and what the door takes (RFC 9725 section 4.2). `is_session`: the URL is a session's.
pub fn options(is_session: bool) -> Response {
    let response = Response::new(204)
        .header("allow", methods(is_session))
        .header("access-control-allow-methods", methods(is_session))
        .header("access-control-allow-headers", "authorization, content-type, if-match")
        .header("access-control-expose-headers", "location, etag, link, accept-patch, accept-post")
        .header("access-control-max-age", "86400");
    if is_session { response.header("accept-patch", FRAGMENT) } else { response.header("accept-post", SDP) }
}

/// 405 for every other method.
pub fn method_not_allowed(is_session: bool) -> Response {
    let mut response = Response::new(405).header("allow", methods(is_session));
    response.body = format!("use {}", methods(is_session));
    response
}

fn methods(is_session: bool) -> &'static str {
    if is_session { "PATCH, DELETE, OPTIONS" } else { "POST, OPTIONS" }
}

impl From<JoinError> for HttpError {
    fn from(error: JoinError) -> Self {
        let status = match error {
            JoinError::TooLarge(_) => 413,
            JoinError::Removed => 403,
            JoinError::EdgeFull { .. } | JoinError::RoomFull { .. } | JoinError::Draining => 503,
        };
        Self::new(status, error.to_string())
    }
}

fn is_type(value: Option<&str>, wanted: &str) -> bool {
    value.and_then(|v| v.split(';').next()).is_some_and(|v| v.trim().eq_ignore_ascii_case(wanted))
}

/// No `Accept` accepts everything; weights are not looked at, there is one form.
fn accepts(value: Option<&str>, wanted: &str) -> bool {
    let Some(value) = value else { return true };
    let main = wanted.split('/').next().unwrap_or("");
    value.split(',').filter_map(|range| range.split(';').next()).map(str::trim).any(|range| {
        range == "*/*" || range.eq_ignore_ascii_case(wanted) || range.strip_suffix("/*") == Some(main)
    })
}
