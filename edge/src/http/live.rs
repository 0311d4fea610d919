//! The signalling WebSocket: one task for each client connection.

use std::time::{Duration, Instant};

use axum::extract::ws::{Message as Frame, WebSocket};
use axum::extract::{RawQuery, State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use control_plane_agent::spans::Span;
use edge_room::{JoinError, LeaveAction, LeaveReason, Notice, PeerId, Request};
use edge_signaling::lk::{self, Connect, ConnectError, Incoming, Version};
use edge_wire::model::Permission;
use tokio::sync::{mpsc, oneshot};

use super::{GUESSES, Peer, Server, room_record};
use crate::clock;
use crate::drain;
use crate::eventloop::{Connected, Message, NOTICES_MAX};

/// A client that says nothing for this long is gone; it pings every few seconds.
const SILENCE_MAX: Duration = Duration::from_secs(lk::PING_TIMEOUT_S as u64);
/// A client whose TCP window stays closed this long is gone, whatever its kernel still acknowledges.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// A client's token is renewed this often, so that it can reconnect in a long class: its last one is good for six minutes more at
/// any time. Who is put out of the school has no longer to come back.
const TOKEN_REFRESH: Duration = Duration::from_secs(240);
const MOVED_TOKEN_REFRESH: Duration = Duration::from_secs(5);
const TOKEN_TTL_S: u64 = 600;

pub(super) async fn v0(
    query: RawQuery,
    headers: HeaderMap,
    peer: Peer,
    State(server): State<Server>,
) -> Response {
    refuse(&server, peer, &parse(&server, Version::V0, &query, &headers).err().unwrap_or(ConnectError::V0))
}

pub(super) async fn validate_v0(
    query: RawQuery,
    headers: HeaderMap,
    peer: Peer,
    State(server): State<Server>,
) -> Response {
    v0(query, headers, peer, State(server)).await
}

pub(super) async fn validate_v1(
    query: RawQuery,
    headers: HeaderMap,
    peer: Peer,
    State(server): State<Server>,
) -> Response {
    match parse(&server, Version::V1, &query, &headers) {
        Ok(connect) if connect.resume.is_none() && server.registration.node().draining => {
            (StatusCode::SERVICE_UNAVAILABLE, DRAINING).into_response()
        }
        Ok(_) => "success".into_response(),
        Err(error) => refuse(&server, peer, &error),
    }
}

pub(super) async fn v1(
    query: RawQuery,
    headers: HeaderMap,
    peer: Peer,
    State(server): State<Server>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    let connect = match parse(&server, Version::V1, &query, &headers) {
        Ok(connect) => connect,
        Err(error) => return refuse(&server, peer, &error),
    };
    if connect.resume.is_none() && server.registration.node().draining {
        server.metrics.refuse("draining");
        return (StatusCode::SERVICE_UNAVAILABLE, DRAINING).into_response();
    }
    if !server.limits.admit(peer.ip(), Instant::now()) {
        server.metrics.refuse("rate_limit");
        return (
            StatusCode::TOO_MANY_REQUESTS,
            "too many joins from this address: wait a second and try again",
        )
            .into_response();
    }
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let name = if connect.resume.is_some() { "resume" } else { "join" };
    let mut span = server.span(&connect.claims.traceparent, name);
    let room = match room_record::get_or_create(&*server.store, &server.view, &connect.room).await {
        Ok(room) => room,
        Err(error) => {
            tracing::warn!(%error, "no room record");
            server.metrics.refuse("store_away");
            span.fail("the store is away");
            return (StatusCode::SERVICE_UNAVAILABLE, "the control plane is away: try again in a moment")
                .into_response();
        }
    };
    upgrade.max_message_size(lk::REQUEST_BYTES_MAX).max_frame_size(lk::REQUEST_BYTES_MAX).on_upgrade(
        move |socket| async move {
            let mut client = Client { server, connect, socket, heard: Instant::now(), permission: None };
            client.run(room, span).await;
        },
    )
}

fn parse(
    server: &Server,
    version: Version,
    query: &RawQuery,
    headers: &HeaderMap,
) -> Result<Connect, ConnectError> {
    let query = query.0.as_deref().unwrap_or_default();
    lk::parse_connect(version, query, bearer(headers), &server.config.keys, clock::now_ms() / 1_000)
}

/// The token of an `Authorization: Bearer` header.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(str::trim)
}

fn refuse(server: &Server, peer: Peer, error: &ConnectError) -> Response {
    if error.status() == 401 && server.guesses(peer) {
        return (StatusCode::TOO_MANY_REQUESTS, GUESSES).into_response();
    }
    server.metrics.refuse(match error.status() {
        400 => "malformed",
        401 => "token",
        403 => "grant",
        404 => "not_found",
        _ => "other",
    });
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    (status, error.to_string()).into_response()
}

/// Whether the client broke the WebSocket protocol or a limit, rather than just went away.
fn is_malformed(error: axum::Error) -> bool {
    use tokio_tungstenite::tungstenite::Error;
    use tokio_tungstenite::tungstenite::error::ProtocolError;
    error.into_inner().downcast::<Error>().is_ok_and(|error| match *error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => false,
        Error::Protocol(_) | Error::Capacity(_) | Error::Utf8(_) => true,
        _ => false,
    })
}

struct Client {
    server: Server,
    connect: Connect,
    socket: WebSocket,
    heard: Instant,
    /// What the participant may do now, once the room has said so.
    permission: Option<Permission>,
}

enum End {
    /// The room said its last word; it knows.
    Told,
    /// The connection is gone; the room waits for a resume.
    Lost,
}

impl Client {
    async fn run(&mut self, room: edge_wire::model::Room, span: Span) {
        let (sender, mut notices) = mpsc::channel(NOTICES_MAX);
        let mut span = span.of_room(&room.name, &room.sid);
        let entered = self.enter(room, sender).await;
        if entered.is_none() {
            span.fail("not let in");
        }
        // What comes now lasts for the whole class.
        drop(span);
        let Some(connected) = entered else { return };
        let end = self.serve(connected, &mut notices).await;
        if matches!(end, End::Lost) {
            let lost = Message::SignalLost { peer: connected.peer, connection: connected.connection };
            let _ = self.server.messages.send(lost).await;
        }
    }

    /// Joins or resumes. A refusal is the connection's only word.
    async fn enter(
        &mut self,
        room: edge_wire::model::Room,
        notices: mpsc::Sender<Notice>,
    ) -> Option<Connected> {
        let mut requests: Vec<Request> = self.connect.add_tracks.drain(..).map(Request::AddTrack).collect();
        requests.extend(self.connect.offer.take().map(|(id, sdp)| Request::Offer { id, sdp }));
        if let Some(resume) = self.connect.resume.clone() {
            let (reply, answer) = oneshot::channel();
            let message = Message::Resume {
                room: room.name,
                identity: self.connect.identity.clone(),
                sid: resume.participant_sid,
                notices,
                reply,
            };
            self.server.messages.send(message).await.ok()?;
            let Some(connected) = answer.await.ok()? else {
                self.leave(LeaveReason::StateMismatch, LeaveAction::Reconnect).await;
                return None;
            };
            self.server.metrics.resumes.inc();
            for request in requests {
                self.server.messages.send(Message::Request { peer: connected.peer, request }).await.ok()?;
            }
            if let Some(state) = resume.sync_state {
                self.server.messages.send(Message::SyncState { peer: connected.peer, state }).await.ok()?;
            }
            return Some(connected);
        }
        let join = Box::new(self.connect.join(room, clock::now_ms()));
        let (reply, answer) = oneshot::channel();
        self.server.messages.send(Message::Join { join, requests, notices, reply }).await.ok()?;
        match answer.await.ok()? {
            Ok(connected) => {
                self.server.metrics.joins.inc();
                Some(connected)
            }
            Err(error) => {
                tracing::info!(%error, "a join is refused");
                let (label, reason) = match error {
                    JoinError::Removed => ("removed", LeaveReason::ParticipantRemoved),
                    _ => ("full", LeaveReason::JoinFailure),
                };
                self.server.metrics.refuse(label);
                self.leave(reason, LeaveAction::Disconnect).await;
                None
            }
        }
    }

    async fn serve(&mut self, connected: Connected, notices: &mut mpsc::Receiver<Notice>) -> End {
        // The token of a move is good for nothing else. Not at once: a client's first word must be that it has joined.
        let first = if self.connect.claims.moves.is_some() { MOVED_TOKEN_REFRESH } else { TOKEN_REFRESH };
        let mut refresh = tokio::time::interval_at(tokio::time::Instant::now() + first, TOKEN_REFRESH);
        loop {
            let silence = (self.heard + SILENCE_MAX).into();
            tokio::select! {
                notice = notices.recv() => match notice {
                    Some(Notice::Drop) => return End::Lost,
                    Some(notice) => {
                        self.note_permission(&notice);
                        let last = matches!(notice, Notice::Leave { .. });
                        if !self.say(&notice, connected.last_sequence).await {
                            return if last { End::Told } else { End::Lost };
                        }
                        if last {
                            self.send(Frame::Close(None)).await;
                            return End::Told;
                        }
                    }
                    // A newer connection of the same client took over, or the edge let go of a slow reader.
                    None => return End::Told,
                },
                frame = self.socket.recv() => match frame {
                    Some(Ok(Frame::Binary(bytes))) => {
                        self.heard = Instant::now();
                        if !self.hear(connected.peer, &bytes).await {
                            return End::Lost;
                        }
                    }
                    Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => self.heard = Instant::now(),
                    Some(Ok(Frame::Text(_))) => {
                        self.server.metrics.malformed("text_frame");
                        return End::Lost;
                    }
                    Some(Err(error)) => {
                        if is_malformed(error) {
                            self.server.metrics.malformed("frame");
                        }
                        return End::Lost;
                    }
                    Some(Ok(Frame::Close(_))) | None => return End::Lost,
                },
                _ = refresh.tick() => {
                    let now_s = clock::now_ms() / 1_000;
                    let Some(permission) = &self.permission else { continue };
                    let (claims, keys) = (&self.connect.claims, &self.server.config.keys);
                    let token = lk::refresh_token(claims, permission, keys, now_s, TOKEN_TTL_S);
                    if let Some(frame) = token && !self.send(Frame::Binary(frame.into())).await {
                        return End::Lost;
                    }
                }
                () = tokio::time::sleep_until(silence) => return End::Lost,
            }
        }
    }

    fn note_permission(&mut self, notice: &Notice) {
        let own = match notice {
            Notice::Joined { participant, .. } => Some(participant),
            Notice::Participants(told) => told.iter().find(|told| told.identity == self.connect.identity),
            _ => None,
        };
        if let Some(own) = own {
            self.permission = Some(own.permission.clone());
        }
    }

    async fn hear(&mut self, peer: PeerId, bytes: &[u8]) -> bool {
        let incoming = match lk::decode_request(bytes) {
            Ok(incoming) => incoming,
            Err(error) => {
                self.server.metrics.malformed("signal_request");
                tracing::info!(%error, peer = peer.0, "a client's frame is refused and its connection closed");
                return false;
            }
        };
        for incoming in incoming {
            let going_on = match incoming {
                Incoming::Room(request) => {
                    self.server.messages.send(Message::Request { peer, request }).await.is_ok()
                }
                Incoming::Ping(ping) => self.send(Frame::Binary(ping.pong(clock::now_ms()).into())).await,
                Incoming::SyncState(state) => {
                    self.server.messages.send(Message::SyncState { peer, state }).await.is_ok()
                }
                Incoming::Reply(frame) => self.send(Frame::Binary(frame.into())).await,
                Incoming::Trickle => true,
            };
            if !going_on {
                return false;
            }
        }
        true
    }

    async fn say(&mut self, notice: &Notice, last_sequence: u32) -> bool {
        if let Notice::Leave { reason, .. } = notice {
            self.server.metrics.dismiss(reason.as_str());
        }
        let recorded = matches!(notice, Notice::Joined { room, .. } if room.recording);
        let ice_servers = self.server.config.ice_servers();
        // Only a farewell names them.
        let edges = match notice {
            Notice::Leave { .. } => drain::other_edges(&self.server.view, &self.server.registration.node()),
            _ => Vec::new(),
        };
        let context = lk::Context {
            node_id: &self.server.config.id,
            region: &self.server.config.region,
            ice_servers: &ice_servers,
            // A recorded class is published in what HLS can carry.
            publish_codecs: if recorded { RECORDED_CODECS } else { lk::PUBLISH_CODECS },
            last_sequence,
            edges: &edges,
        };
        for frame in lk::encode_notice(notice, &context) {
            if !self.send(Frame::Binary(frame.into())).await {
                return false;
            }
        }
        true
    }

    /// False when the client is gone, or takes nothing for [`SEND_TIMEOUT`].
    async fn send(&mut self, frame: Frame) -> bool {
        tokio::time::timeout(SEND_TIMEOUT, self.socket.send(frame)).await.is_ok_and(|sent| sent.is_ok())
    }

    async fn leave(&mut self, reason: LeaveReason, action: LeaveAction) {
        self.say(&Notice::Leave { reason, action }, 0).await;
        self.send(Frame::Close(None)).await;
    }
}

const DRAINING: &str = "this edge is draining and takes nobody new: join another edge (the control plane's POST /v1/join names them)";
const RECORDED_CODECS: &[&str] = &["video/H264", "video/VP9", "video/AV1", "audio/opus"];
