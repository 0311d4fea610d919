//! The edge's one loop: clients, links, media and the control plane's view go into [`Rooms`]; what it puts out is carried
//! to where it belongs. One task owns all rooms, so nothing here is locked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use control_plane_agent::registration::Registration;
use control_plane_agent::spans::Span;
use control_plane_agent::view::View;
use control_plane_api::key;
use control_plane_api::room::Presence;
use edge_room::{
    Admin, AdminError, Join, JoinError, Neighbour, Notice, Output, PeerId, Request, RoomPeers, Rooms,
    TrackSettings,
};
use edge_sfu::{Event, LinkId};
use edge_signaling::lk::{DataState, SyncState, class_word};
use edge_wire::model;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::admission::Admission;
use crate::drain::Drainer;
use crate::facts::Facts;
use crate::link::{Endpoint, Link, LinkEvent};
use crate::metrics::Metrics;
use crate::report::Reported;
use crate::shard::{Input, Shard};
use crate::{clock, mesh, recorder};

/// Messages from client connections that wait for the loop; senders wait when it is full.
pub(crate) const MESSAGES_MAX: usize = 4_096;
/// Notices one client may be behind; beyond it the connection is dropped and the client resumes.
pub(crate) const NOTICES_MAX: usize = 2_048;
/// Journal entries that wait for a recorder whose disk hangs; beyond it they are dropped and counted.
const ENTRIES_MAX: usize = 16_384;
/// A room's record goes when nobody has come back for this long.
const ROOM_RECORD_LINGER: Duration = Duration::from_secs(2);
/// Longest sleep of the loop.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// Pause of load and link figures in the node's record.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

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

struct Client {
    notices: mpsc::Sender<Notice>,
    connection: u64,
}

pub(crate) struct EventLoop {
    pub(crate) node_id: String,
    pub(crate) rooms: Rooms,
    pub(crate) shard: Shard,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) view: View,
    pub(crate) registration: Registration,
    pub(crate) store: Arc<dyn control_plane_agent::store::Store>,
    pub(crate) recorder: std::sync::mpsc::SyncSender<recorder::Input>,
    pub(crate) origin: watch::Sender<recorder::Origin>,
    pub(crate) facts: Facts,
    pub(crate) metrics: Metrics,
    pub(crate) state: State,
}

/// What the loop itself remembers.
#[derive(Default)]
pub(crate) struct State {
    clients: BTreeMap<PeerId, Client>,
    /// By client, kept over a resume.
    pub(crate) data: BTreeMap<PeerId, DataState>,
    next_connection: u64,
    pub(crate) links: BTreeMap<LinkId, Arc<Link>>,
    /// Links that are up by QUIC, and on which nothing is heard; the rooms know nothing of them.
    pub(crate) lost: BTreeSet<LinkId>,
    pub(crate) mesh: mesh::Told,
    /// Rooms open on this edge.
    pub(crate) open: BTreeMap<String, model::Room>,
    /// One for each of them.
    spans: BTreeMap<String, Span>,
    pub(crate) admission: Admission,
    pub(crate) drainer: Drainer,
    /// For the recorder, while its queue is full.
    entries: VecDeque<recorder::Input>,
    pub(crate) reported: Option<Reported>,
}

impl EventLoop {
    /// Runs until `shutdown`.
    ///
    /// # Errors
    /// The media thread is gone; clients were told to join another edge.
    pub(crate) async fn run(
        mut self,
        mut messages: mpsc::Receiver<Message>,
        mut link_events: mpsc::Receiver<LinkEvent>,
        mut media_events: mpsc::Receiver<Event>,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        let mut changes = self.view.changes(&shutdown);
        let mut report = tokio::time::interval(REPORT_INTERVAL);
        self.view_changed();
        loop {
            let now = Instant::now();
            let wake = self.rooms.poll_timeout().map_or(now + SLEEP_MAX, |(at, _)| at.min(now + SLEEP_MAX));
            let wake = self.state.drainer.wake().map_or(wake, |at| at.min(wake));
            tokio::select! {
                Some(message) = messages.recv() => self.message(message),
                Some(event) = link_events.recv() => self.link_event(event),
                event = media_events.recv() => match event {
                    Some(event) => self.rooms.handle_media_event(Instant::now(), event),
                    None => {
                        self.goodbye().await;
                        anyhow::bail!("the media thread ended: nobody on this edge can be heard or seen any more");
                    }
                },
                Ok(()) = changes.changed() => self.view_changed(),
                _ = report.tick() => {
                    self.report();
                    self.sweep_admission(Instant::now());
                }
                () = self.state.drainer.terminated() => self.look_at_drains(),
                () = tokio::time::sleep_until(wake.into()) => {}
                () = shutdown.cancelled() => break,
            }
            let now = Instant::now();
            if self.rooms.poll_timeout().is_some_and(|(at, _)| at <= now) {
                self.rooms.handle_timeout(now);
            }
            let is_done = self.tend_drain().await;
            self.drain().await;
            if is_done {
                tracing::info!("drained");
                break;
            }
        }
        self.goodbye().await;
        Ok(())
    }

    /// Tells clients to join another edge and closes the recordings.
    async fn goodbye(&mut self) {
        self.rooms.shutdown(Instant::now());
        self.drain().await;
    }

    fn message(&mut self, message: Message) {
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

    fn link_event(&mut self, event: LinkEvent) {
        let now = Instant::now();
        match event {
            LinkEvent::Up(link) => {
                tracing::info!(peer = %link.node_id, version = link.version, "link up");
                let (id, node_id) = (link.id, link.node_id.clone());
                // A peer that was killed and is back: its old link would only time out seconds later, and until then
                // everything would go both ways, the people of its last life included.
                for stale in self.state.links.values().filter(|stale| stale.node_id == node_id) {
                    stale.close("the peer has a newer link");
                }
                self.rooms.link_up(now, id, neighbour(&link));
                self.state.links.insert(id, link);
                self.update_room_peers();
            }
            LinkEvent::Lost { link, reason } => {
                if let Some(known) = self.state.links.get(&link) {
                    tracing::info!(peer = %known.node_id, reason, "link lost");
                    self.state.lost.insert(link);
                    self.rooms.link_down(now, link);
                    self.update_room_peers();
                }
            }
            LinkEvent::Healed { link } => {
                if let Some(known) = self.state.links.get(&link).filter(|_| self.state.lost.remove(&link)) {
                    tracing::info!(peer = %known.node_id, "link heals");
                    self.rooms.link_up(now, link, neighbour(known));
                    self.update_room_peers();
                }
            }
            LinkEvent::Control { link, message } => {
                self.watch_admission(now, link, &message);
                self.rooms.handle_link(now, link, message);
            }
            LinkEvent::Data { link, data } => self.rooms.handle_link_data(now, link, data),
            LinkEvent::Down { link, node_id, reason } => {
                tracing::info!(peer = %node_id, %reason, "link down");
                self.state.links.remove(&link);
                self.state.lost.remove(&link);
                self.state.admission.forget(link);
                self.rooms.link_down(now, link);
                self.update_room_peers();
            }
        }
    }

    fn view_changed(&mut self) {
        let now = Instant::now();
        let nodes = self.view.nodes();
        let origin = mesh::origin(nodes.values());
        self.origin.send_if_modified(|current| {
            let changed = *current != origin;
            *current = origin.clone();
            changed
        });
        if self.state.mesh.has_changed(&self.view) {
            self.close_links_of_older_processes();
            self.update_room_peers();
        }
        self.apply_classes(now);
        self.look_at_drains();
    }

    /// A class that is switched to recording while it runs.
    fn apply_classes(&mut self, now: Instant) {
        let classes = self.view.classes();
        let mut changed = Vec::new();
        for room in self.state.open.values_mut() {
            let recording = classes.get(&room.name).map_or(room.recording, |class| class.recorded);
            if room.recording != recording {
                room.recording = recording;
                changed.push(room.clone());
            }
        }
        for room in changed {
            self.rooms.room_changed(now, room);
        }
    }

    /// A process that was started again has a new link, or will: the old one would only time out.
    fn close_links_of_older_processes(&mut self) {
        let nodes = self.view.nodes();
        for link in self.state.links.values() {
            let Some(node) = nodes.get(&link.node_id) else { continue };
            self.endpoint.epochs().set(&link.node_id, node.epoch);
            if node.epoch > link.epoch {
                link.close("the peer was started again");
            }
        }
    }

    /// Which links each room needs, as the plan, who is there and the state of the links have it now.
    fn update_room_peers(&mut self) {
        let now = Instant::now();
        let (presence, topologies) = (self.view.presence(), self.view.topologies());
        let live: BTreeMap<&str, LinkId> = self
            .state
            .links
            .iter()
            .filter(|(id, _)| !self.state.lost.contains(id))
            .map(|(id, link)| (link.node_id.as_str(), *id))
            .collect();
        let mut connected = BTreeSet::new();
        let mut changed = Vec::new();
        for room in self.state.open.values() {
            let is_linked = |node: &str| live.contains_key(node);
            let found =
                mesh::of_room(&room.name, &room.sid, &self.node_id, &presence, &topologies, is_linked);
            connected.extend(found.connected);
            let links = |nodes: &BTreeSet<String>| -> Vec<LinkId> {
                nodes.iter().filter_map(|node| live.get(node.as_str()).copied()).collect()
            };
            let present = mesh::present(&room.name, &self.node_id, &presence);
            let peers = RoomPeers {
                admitted: links(&found.admitted),
                wanted: links(&found.wanted),
                nodes: Some(present.into_iter().map(str::to_owned).collect()),
            };
            if self.state.mesh.peers.get(&room.name) != Some(&peers) {
                changed.push((room.name.clone(), peers));
            }
        }
        self.endpoint.reconcile(&mesh::addresses(connected.iter(), &self.view.nodes()));
        for (room, peers) in changed {
            self.rooms.handle_room_peers(now, &room, peers.clone());
            self.state.mesh.peers.insert(room, peers);
        }
    }

    async fn drain(&mut self) {
        self.hand_over_entries();
        self.facts.hand_over();
        while let Some(output) = self.rooms.poll_output() {
            match output {
                Output::Media(command) => self.shard.send(Input::Command(command)).await,
                Output::Notify { peer, notice } => self.notify(peer, notice),
                Output::Link { link, message } => {
                    if let Some(link) = self.state.links.get(&link) {
                        link.say(message);
                    }
                }
                Output::LinkData { link, data } => {
                    if let Some(link) = self.state.links.get(&link) {
                        link.send_data(data);
                    }
                }
                Output::ClientData { peer, reliable, payload } => self.client_data(peer, reliable, &payload),
                Output::Record { room, room_sid, entry } => self.record(room, room_sid, entry),
                Output::Moved { peer } => self.tell_moved(peer).await,
                Output::RoomOpened { room } => self.room_opened(room),
                Output::RoomPresence { room, identities } => self.presence(&room, identities),
                Output::RoomClosed { room } => self.room_closed(&room),
                Output::Fact(fact) => self.facts.record(fact),
            }
        }
    }

    fn notify(&mut self, peer: PeerId, notice: Notice) {
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

    fn client_data(&mut self, peer: PeerId, reliable: bool, payload: &bytes::Bytes) {
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

    fn record(&mut self, room: String, room_sid: String, entry: edge_wire::journal::Entry) {
        if self.state.entries.len() >= ENTRIES_MAX {
            self.metrics.recorder_lost.inc();
            return;
        }
        let entry = Box::new(entry);
        self.state.entries.push_back(recorder::Input::Entry {
            room,
            room_sid,
            at_ms: clock::now_ms(),
            entry,
        });
        self.hand_over_entries();
    }

    /// A disk that hangs must not hang the rooms: what the recorder does not take now waits here, in order.
    fn hand_over_entries(&mut self) {
        while let Some(input) = self.state.entries.pop_front() {
            if let Err(std::sync::mpsc::TrySendError::Full(back)) = self.recorder.try_send(input) {
                self.state.entries.push_front(back);
                return;
            }
        }
    }

    fn room_opened(&mut self, room: model::Room) {
        let presence = Presence {
            room: room.name.clone(),
            room_sid: room.sid.clone(),
            node: self.node_id.clone(),
            participants: 0,
            identities: Vec::new(),
        };
        self.registration.set(key::presence(&room.name, &self.node_id), &presence);
        self.state.mesh.peers.remove(&room.name);
        let region = self.registration.node().region;
        let span = Span::internal("room").on(&self.node_id, &region).of_room(&room.name, &room.sid);
        self.state.spans.insert(room.name.clone(), span);
        self.state.open.insert(room.name.clone(), room);
        self.update_room_peers();
        self.view_changed();
    }

    fn presence(&self, room: &str, identities: Vec<String>) {
        let Some(open) = self.state.open.get(room) else { return };
        let presence = Presence {
            room: room.to_owned(),
            room_sid: open.sid.clone(),
            node: self.node_id.clone(),
            participants: u32::try_from(identities.len()).unwrap_or(u32::MAX),
            identities,
        };
        self.registration.set(key::presence(room, &self.node_id), &presence);
    }

    fn room_closed(&mut self, room: &str) {
        let sid = self.state.open.remove(room).map(|open| open.sid);
        self.state.spans.remove(room);
        self.state.mesh.peers.remove(room);
        self.registration.unset(&key::presence(room, &self.node_id));
        if let Some(sid) = sid {
            tokio::spawn(forget_room(Arc::clone(&self.store), room.to_owned(), sid));
        }
        self.update_room_peers();
        self.view_changed();
    }
}

fn neighbour(link: &Link) -> Neighbour {
    Neighbour { node_id: link.node_id.clone(), epoch: link.epoch, version: link.version }
}

/// Deletes the record of a room that no edge holds any more. Asks the store, not the view: another edge may just have
/// opened the room, and a record deleted under it would split the class.
async fn forget_room(store: Arc<dyn control_plane_agent::store::Store>, room: String, sid: String) {
    tokio::time::sleep(ROOM_RECORD_LINGER).await;
    let forget = async {
        if !store.list(&key::presence_prefix(&room)).await?.entries.is_empty() {
            return Ok(());
        }
        let record = store.get(&key::room(&room)).await?;
        let record = record
            .and_then(|entry| serde_json::from_slice::<control_plane_api::room::Room>(&entry.value).ok());
        if record.is_some_and(|record| record.sid == sid) {
            store.delete(&key::room(&room)).await?;
        }
        Ok::<(), control_plane_agent::store::Error>(())
    };
    if let Err(error) = forget.await {
        tracing::debug!(%error, "the room's record stays until somebody joins it again");
    }
}
