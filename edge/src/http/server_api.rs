//! The room service of server SDKs: Twirp calls, answered here or by an edge that holds the room.

use anyhow::Context as _;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use edge_signaling::twirp::{self, Answer, Call, RoomCall, TwirpError};
use http_body_util::{BodyExt as _, Full, Limited};
use tokio::sync::oneshot;

use super::live::bearer;
use super::{GUESSES, Peer, Server};
use crate::clock;
use crate::eventloop::Message;

/// Marks a call that another edge passed on: it is not passed on again.
const FORWARDED: &str = "x-seodang-forwarded";
/// An edge that hangs must not hang its callers.
const FORWARD_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);
/// Longest answer passed on: the list of a full room with all its metadata is well below.
const ANSWER_BYTES_MAX: usize = 16 << 20;

pub(super) async fn call(
    Path((service, method)): Path<(String, String)>,
    State(server): State<Server>,
    peer: Peer,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = format!("{service}/{method}");
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let now_s = clock::now_ms() / 1_000;
    let call = match twirp::parse(&path, content_type, &body, bearer(&headers), &server.config.keys, now_s) {
        Ok(call) => call,
        Err(error) if error.status() == 401 && server.guesses(peer) => {
            return refuse(&server, &TwirpError::new("resource_exhausted", GUESSES));
        }
        Err(error) => return refuse(&server, &error),
    };
    if let Some(elsewhere) = holder(&server, &call, &headers).await {
        return forward(&server, &elsewhere, &path, &headers, body).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a call cannot be passed on");
            refuse(
                &server,
                &TwirpError::new("unavailable", "the edge that holds the room does not answer: try again"),
            )
        });
    }
    match answer(&server, &call).await {
        Ok(answer) => {
            let (content_type, body) = twirp::encode(&answer, call.encoding);
            ([(header::CONTENT_TYPE, content_type)], body).into_response()
        }
        Err(error) => refuse(&server, &error),
    }
}

fn refuse(server: &Server, error: &TwirpError) -> Response {
    server.metrics.refuse("server_api");
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/json")], error.body()).into_response()
}

fn room_of(call: &RoomCall) -> Option<&str> {
    match call {
        RoomCall::ListRooms { .. } => None,
        RoomCall::ListParticipants { room }
        | RoomCall::GetParticipant { room, .. }
        | RoomCall::SendData { room, .. }
        | RoomCall::MutePublishedTrack { room, .. }
        | RoomCall::RemoveParticipant { room, .. }
        | RoomCall::UpdateParticipant { room, .. } => Some(room),
    }
}

/// Base URL of an edge that holds the call's room when this one does not.
async fn holder(server: &Server, call: &Call, headers: &HeaderMap) -> Option<String> {
    let room = room_of(&call.call)?.to_owned();
    if headers.contains_key(FORWARDED) {
        return None;
    }
    let name = room.clone();
    let here = server.query(move |rooms| rooms.room(&name).is_some()).await?;
    if here {
        return None;
    }
    let nodes = server.view.nodes();
    server
        .view
        .presence_of(&room)
        .iter()
        .find_map(|presence| nodes.get(&presence.node).map(|node| node.url.clone()))
}

async fn forward(
    server: &Server,
    base: &str,
    path: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> anyhow::Result<Response> {
    let base = base.trim_end_matches('/');
    let mut request = http::Request::post(format!("{base}/twirp/{path}")).header(FORWARDED, "1");
    for name in [header::CONTENT_TYPE, header::AUTHORIZATION] {
        if let Some(value) = headers.get(&name) {
            request = request.header(name, value);
        }
    }
    let request = request.body(Full::from(body))?;
    let (head, body) = tokio::time::timeout(FORWARD_TIMEOUT, async {
        let (head, body) = server.outgoing.request(request).await?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(anyhow::Error::from_boxed)?;
        anyhow::Ok((head, body.to_bytes()))
    })
    .await
    .context("no answer in time")??;
    let status = head.status;
    let content_type = head.headers.get(header::CONTENT_TYPE).cloned();
    let mut response = (status, body).into_response();
    if let Some(value) = content_type {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    Ok(response)
}

async fn answer(server: &Server, call: &Call) -> Result<Answer, TwirpError> {
    let ended = || TwirpError::new("unavailable", "the edge is ending");
    if let Some(admin) = call.call.admin() {
        let (reply, done) = oneshot::channel();
        server.messages.send(Message::Admin { admin, reply }).await.map_err(|_| ended())?;
        done.await.map_err(|_| ended())??;
    }
    match call.call.clone() {
        RoomCall::ListRooms { names } => Ok(Answer::Rooms(list_rooms(server, &names))),
        RoomCall::ListParticipants { room } => {
            let participants =
                server.query(move |rooms| rooms.participants(&room)).await.ok_or_else(ended)?;
            Ok(Answer::Participants(participants))
        }
        RoomCall::GetParticipant { room, identity } | RoomCall::UpdateParticipant { room, identity, .. } => {
            let found =
                server.query(move |rooms| rooms.participant(&room, &identity)).await.ok_or_else(ended)?;
            let participant =
                found.ok_or_else(|| TwirpError::new("not_found", "participant does not exist"))?;
            Ok(Answer::Participant(Box::new(participant)))
        }
        RoomCall::MutePublishedTrack { room, identity, track_sid, muted } => {
            let found =
                server.query(move |rooms| rooms.participant(&room, &identity)).await.ok_or_else(ended)?;
            let track = found.and_then(|p| p.tracks.into_iter().find(|track| track.sid == track_sid));
            let track = track.ok_or_else(|| TwirpError::new("not_found", "track does not exist"))?;
            // Another edge owns the track: its own record follows in a moment.
            Ok(Answer::Track(Box::new(edge_wire::model::Track { muted, ..track })))
        }
        RoomCall::SendData { .. } | RoomCall::RemoveParticipant { .. } => Ok(Answer::Empty),
    }
}

/// Rooms of all edges, by the control plane's records.
fn list_rooms(server: &Server, names: &[String]) -> Vec<(edge_wire::model::Room, u32)> {
    let rooms = server.view.rooms();
    let wanted = rooms.values().filter(|room| names.is_empty() || names.contains(&room.name));
    wanted
        .filter_map(|room| {
            let presence = server.view.presence_of(&room.name);
            let participants = presence.iter().map(|entry| entry.participants).sum();
            let record = edge_wire::model::Room {
                sid: room.sid.clone(),
                name: room.name.clone(),
                created_at_ms: room.created_at_ms,
                metadata: room.metadata.clone(),
                recording: room.recording,
            };
            (!presence.is_empty()).then_some((record, participants))
        })
        .collect()
}
