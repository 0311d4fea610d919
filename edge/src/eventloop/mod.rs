//! The edge's one loop: clients, links, media and the control plane's view go into [`Rooms`]; what it puts out is carried
//! to where it belongs. One task owns all rooms, so nothing here is locked.

mod clients;
mod links;
mod rooms;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use control_plane_agent::registration::Registration;
use control_plane_agent::spans::Span;
use control_plane_agent::view::View;
use edge_room::{Output, PeerId, Rooms};
use edge_sfu::{Event, LinkId};
use edge_signaling::lk::DataState;
use edge_wire::model;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::admission::Admission;
use crate::drain::Drainer;
use crate::facts::Facts;
use crate::link::{Endpoint, Link, LinkEvent};
use crate::metrics::Metrics;
use crate::report::Reported;
use crate::shard::{Input, Shard};
use crate::{mesh, recorder};

use clients::Client;
pub(crate) use clients::{Connected, Message};

/// Messages from client connections that wait for the loop; senders wait when it is full.
pub(crate) const MESSAGES_MAX: usize = 4_096;
/// Notices one client may be behind; beyond it the connection is dropped and the client resumes.
pub(crate) const NOTICES_MAX: usize = 2_048;
/// Longest sleep of the loop.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// Pause of load and link figures in the node's record.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

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
}
