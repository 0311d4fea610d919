//! What client connections ask of the loop, and what they are told.

use std::time::Instant;

use edge_room::{Admin, AdminError, Join, JoinError, Notice, PeerId, Request, Rooms, TrackSettings};
use edge_signaling::lk::{DataState, SyncState, class_word};
use tokio::sync::{mpsc, oneshot};

use super::EventLoop;

/// What client connections and the admin API ask of the loop.
pub(crate) enum Message {
    Join {
        join: Box<Join>,
        requests: Vec<Request>,
        notices: mpsc::Sender<Notice>,
        reply: oneshot::Sender<Result<Connected, JoinError>>,
    },
    Resume {
        room: String,
        identity: String,
        sid: String,
        notices: mpsc::Sender<Notice>,
        reply: oneshot::Sender<Option<Connected>>,
    },
    Request {
        peer: PeerId,
        request: Request,
    },
    /// After a resume: what the client has and wants.
    SyncState {
        peer: PeerId,
        state: SyncState,
    },
    SignalLost {
        peer: PeerId,
        connection: u64,
    },
    Admin {
        admin: Admin,
        reply: oneshot::Sender<Result<(), AdminError>>,
    },
    /// Reads the rooms; for lists and the ops page.
    Query(Box<dyn FnOnce(&Rooms) + Send>),
}

/// A client connection the loop has taken in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connected {
    pub(crate) peer: PeerId,
    /// Tells a resumed connection from the one it replaces.
    pub(crate) connection: u64,
    /// Last reliable data packet got from this client.
    pub(crate) last_sequence: u32,
}

pub(super) struct Client {
    notices: mpsc::Sender<Notice>,
    connection: u64,
}

impl EventLoop {
    pub(super) fn message(&mut self, message: Message) {
        let now = Instant::now();
        match message {
            Message::Join { join, requests, notices, reply } => {
                let is_move = join.moves.is_some();
                let joined = self.rooms.join(now, *join).map(|peer| self.connect(peer, notices));
                if let Ok(Connected { peer, .. }) = joined {
                    if is_move {
                        self.state.data.insert(peer, DataState::unnumbered());
                    }
                    for request in requests {
                        self.rooms.handle_request(now, peer, request);
                    }
                }
                let _ = reply.send(joined);
            }
            Message::Resume { room, identity, sid, notices, reply } => {
                let resumed = self.rooms.resume(now, &room, &identity, &sid);
                let _ = reply.send(resumed.map(|peer| self.connect(peer, notices)));
            }
            Message::SyncState { peer, state } => self.sync_state(peer, state),
            Message::Request { peer, request } => self.rooms.handle_request(now, peer, request),
            Message::SignalLost { peer, connection } => {
                if self.state.clients.get(&peer).is_some_and(|client| client.connection == connection) {
                    self.state.clients.remove(&peer);
                    self.rooms.signal_lost(now, peer);
                }
            }
            Message::Admin { admin, reply } => {
                let word = match &admin {
                    Admin::SendData { room, data } => class_word(data).map(|word| (room.clone(), word)),
                    _ => None,
                };
                let result = self.rooms.admin(now, admin);
                if let Some((room, word)) = word.filter(|_| result.is_ok()) {
                    self.rooms.record_event(now, &room, "class", word);
                }
                let _ = reply.send(result);
            }
            Message::Query(query) => query(&self.rooms),
        }
    }

    fn connect(&mut self, peer: PeerId, notices: mpsc::Sender<Notice>) -> Connected {
        self.state.next_connection += 1;
        let connection = self.state.next_connection;
        self.state.clients.insert(peer, Client { notices, connection });
        let last_sequence = self.state.data.get(&peer).map_or(0, DataState::last_sequence);
        Connected { peer, connection, last_sequence }
    }

    pub(super) fn notify(&mut self, peer: PeerId, notice: Notice) {
        let last = matches!(notice, Notice::Leave { .. } | Notice::Drop);
        let Some(client) = self.state.clients.get(&peer) else { return };
        let sent = client.notices.try_send(notice).is_ok();
        if last {
            // The connection task ends by itself once the last word is out.
            self.state.clients.remove(&peer);
        } else if !sent {
            tracing::warn!(peer = peer.0, "a client reads too slowly; its connection is dropped to resume");
            self.state.clients.remove(&peer);
            self.rooms.signal_lost(Instant::now(), peer);
        }
    }

    pub(super) fn client_data(&mut self, peer: PeerId, reliable: bool, payload: &bytes::Bytes) {
        let now = Instant::now();
        let Some((room, sid, identity)) = self.rooms.who(peer) else { return };
        match self.state.data.entry(peer).or_default().stamp(payload, &sid, &identity, reliable) {
            Ok(Some(stamped)) => {
                if let Some(chat) = stamped.chat {
                    self.rooms.record_event(now, &room, chat.kind, chat.json);
                }
                self.rooms.relay(now, peer, stamped.data);
            }
            Ok(None) => {}
            Err(error) => {
                self.metrics.data_refused.inc();
                tracing::debug!(%error, "a client's data packet is dropped");
            }
        }
    }

    /// What a client wants after a resume where it differs from what the room remembers.
    fn sync_state(&mut self, peer: PeerId, state: SyncState) {
        let now = Instant::now();
        if let Some((track_sids, subscribe)) = state.subscription {
            self.rooms.handle_request(now, peer, Request::Subscription { track_sids, subscribe });
        }
        if !state.disabled_track_sids.is_empty() {
            let settings = TrackSettings { disabled: true, ..TrackSettings::default() };
            let request = Request::TrackSettings { track_sids: state.disabled_track_sids, settings };
            self.rooms.handle_request(now, peer, request);
        }
    }
}
