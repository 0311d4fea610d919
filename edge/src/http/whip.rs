//! WHIP and WHEP sessions: one POST opens, the session's own URL takes PATCH and DELETE.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use edge_room::{Notice, PeerId, Request};
use edge_signaling::{HttpError, whep, whip};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::live::bearer;
use super::{GUESSES, Peer, Server, room_record};
use crate::clock;
use crate::eventloop::{Message, NOTICES_MAX};

/// An answer takes a few milliseconds; a player may wait for tracks of another edge to be announced.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Open sessions by their secret id. Each is a participant, so the edge's capacity bounds the table.
pub(crate) type Sessions = Arc<Mutex<BTreeMap<String, Session>>>;

/// One session.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// `whip` or `whep`.
    door: &'static str,
    room: String,
    identity: String,
    peer: PeerId,
    etag: String,
    client_ufrag: String,
}

pub(super) async fn publish(
    method: Method,
    Path(room): Path<String>,
    State(server): State<Server>,
    peer: Peer,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    door(&method, "whip", whip::enter, &room, &server, peer, &headers, &body).await
}

pub(super) async fn play(
    method: Method,
    Path(room): Path<String>,
    State(server): State<Server>,
    peer: Peer,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    door(&method, "whep", whep::enter, &room, &server, peer, &headers, &body).await
}

type Enter =
    fn(&str, &whip::Post<'_>, &[control_plane_api::token::ApiKey], u64) -> Result<whip::Entry, HttpError>;

#[expect(clippy::too_many_arguments, reason = "the parts of one HTTP request")]
async fn door(
    method: &Method,
    name: &'static str,
    enter: Enter,
    room: &str,
    server: &Server,
    peer: Peer,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    match *method {
        Method::POST => {}
        Method::OPTIONS => return respond(whip::options(false)),
        _ => return respond(whip::method_not_allowed(false)),
    }
    if !server.limits.admit(peer.ip(), Instant::now()) {
        server.metrics.refuse("rate_limit");
        return respond(error(429, "too many sessions from this address: wait a second and try again"));
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let post = whip::Post {
        content_type: text(header::CONTENT_TYPE),
        accept: text(header::ACCEPT),
        authorization: text(header::AUTHORIZATION),
        body,
    };
    match enter(room, &post, &server.config.keys, clock::now_ms() / 1_000) {
        Ok(entry) => open(server, name, &entry).await.unwrap_or_else(|refused| {
            server.metrics.refuse(if refused.status == 503 { "full" } else { "offer" });
            respond(refused.response())
        }),
        Err(refused) if refused.status == 401 && server.guesses(peer) => respond(error(429, GUESSES)),
        Err(refused) => {
            server.metrics.refuse("whip");
            respond(refused.response())
        }
    }
}

async fn open(server: &Server, name: &'static str, entry: &whip::Entry) -> Result<Response, HttpError> {
    let away = |message: &str| HttpError { status: 503, message: message.to_owned() };
    let room = room_record::get_or_create(&*server.store, &server.view, &entry.room)
        .await
        .map_err(|_| away("the control plane is away: try again in a moment"))?;
    let _span = server.span(&entry.traceparent, "join").of_room(&room.name, &room.sid);
    let (notices, mut receiver) = mpsc::channel(NOTICES_MAX);
    let (reply, joined) = oneshot::channel();
    let join = Box::new(entry.join(room, clock::now_ms()));
    let requests = vec![Request::Offer { id: 1, sdp: entry.sdp.clone() }];
    let message = Message::Join { join, requests, notices, reply };
    server.messages.send(message).await.map_err(|_| away("the edge is ending"))?;
    let connected = joined.await.map_err(|_| away("the edge is ending"))??;
    server.metrics.joins.inc();
    let unanswered = Unanswered { peer: Some(connected.peer), messages: server.messages.clone() };
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, async {
        loop {
            match receiver.recv().await {
                Some(Notice::Answer { sdp, .. }) => return Ok(sdp),
                Some(Notice::Leave { .. } | Notice::Drop) | None => {
                    return Err(HttpError { status: 422, message: "the offer cannot be used".to_owned() });
                }
                Some(_) => {}
            }
        }
    })
    .await
    .map_err(|_| away("no answer in time"))??;
    let ufrag = |sdp: &str| {
        sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).map(|value| value.trim().to_owned())
    };
    let id = format!("{:032x}", rand::random::<u128>());
    let etag = whip::etag(&ufrag(&answer).unwrap_or_default());
    let session = Session {
        door: name,
        room: entry.room.clone(),
        identity: entry.identity.clone(),
        peer: connected.peer,
        etag: etag.clone(),
        client_ufrag: ufrag(&entry.sdp).unwrap_or_default(),
    };
    server.sessions.lock().insert(id.clone(), session);
    unanswered.opened();
    // The session has no connection to hear notices on; it ends when the room lets go of it.
    let (sessions, key) = (Arc::clone(&server.sessions), id.clone());
    tokio::spawn(async move {
        while let Some(notice) = receiver.recv().await {
            if matches!(notice, Notice::Leave { .. } | Notice::Drop) {
                break;
            }
        }
        sessions.lock().remove(&key);
    });
    let location = format!("/{name}/{}/{id}", encode_path(&entry.room));
    Ok(respond(whip::created(&answer, &location, &etag, &server.config.ice_servers())))
}

/// A participant whose session has no answer yet. The request may fail or be given up by its client at any point: nobody
/// would know the session then, so its participant leaves.
struct Unanswered {
    peer: Option<PeerId>,
    messages: mpsc::Sender<Message>,
}

impl Unanswered {
    fn opened(mut self) {
        self.peer = None;
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        let Some(peer) = self.peer else { return };
        let messages = self.messages.clone();
        tokio::spawn(async move { messages.send(Message::Request { peer, request: Request::Leave }).await });
    }
}

pub(super) async fn publish_session(
    method: Method,
    Path((room, id)): Path<(String, String)>,
    State(server): State<Server>,
    peer: Peer,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    session(&method, "whip", &room, &id, &server, peer, &headers, &body).await
}

pub(super) async fn play_session(
    method: Method,
    Path((room, id)): Path<(String, String)>,
    State(server): State<Server>,
    peer: Peer,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    session(&method, "whep", &room, &id, &server, peer, &headers, &body).await
}

#[expect(clippy::too_many_arguments, reason = "the parts of one HTTP request")]
async fn session(
    method: &Method,
    door: &str,
    room: &str,
    id: &str,
    server: &Server,
    peer: Peer,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    if *method == Method::OPTIONS {
        return respond(whip::options(true));
    }
    if *method != Method::PATCH && *method != Method::DELETE {
        return respond(whip::method_not_allowed(true));
    }
    // The session's id is a secret of 128 bits; the token keeps a leaked URL from being enough.
    let token = bearer(headers).unwrap_or_default();
    let claims = control_plane_api::token::verify(token, &server.config.keys, clock::now_ms() / 1_000);
    let Ok(claims) = claims else {
        if server.guesses(peer) {
            return respond(error(429, GUESSES));
        }
        server.metrics.refuse("token");
        return respond(error(401, "send the token that opened the session"));
    };
    if claims.video.is_none_or(|grant| !grant.room.is_empty() && grant.room != room) {
        server.metrics.refuse("grant");
        return respond(error(403, "the token is for another room"));
    }
    // A session of another room or door is no session here, whoever guessed its id.
    let session = server.sessions.lock().get(id).cloned();
    let Some(session) = session.filter(|session| session.room == room && session.door == door) else {
        return respond(error(404, "there is no such session (any more)"));
    };
    if claims.sub != session.identity {
        server.metrics.refuse("grant");
        return respond(error(403, "the session is somebody else's: send the token that opened it"));
    }
    if *method == Method::DELETE {
        server.sessions.lock().remove(id);
        let leave = Message::Request { peer: session.peer, request: Request::Leave };
        let _ = server.messages.send(leave).await;
        return respond(whip::deleted());
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let request = whip::PatchRequest {
        content_type: text(header::CONTENT_TYPE),
        if_match: text(header::IF_MATCH),
        body,
    };
    match whip::patch(&request, &session.etag, &session.client_ufrag) {
        Ok(whip::Patch::Candidates(_)) => respond(whip::no_content()),
        Ok(whip::Patch::Restart { .. }) => respond(whip::restart_refused()),
        Err(refused) => respond(refused.response()),
    }
}

fn error(status: u16, message: &str) -> edge_signaling::Response {
    HttpError { status, message: message.to_owned() }.response()
}

fn encode_path(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

fn respond(response: edge_signaling::Response) -> Response {
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // The body as it is: a String would bring a Content-Type of its own beside the one given.
    let mut out = (status, Body::from(response.body)).into_response();
    for (name, value) in response.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            out.headers_mut().append(name, value);
        }
    }
    out
}
