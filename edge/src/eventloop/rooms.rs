//! Rooms open and close on this edge: their records in the store, their recordings, and what the control plane says of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use control_plane_agent::spans::Span;
use control_plane_api::key;
use control_plane_api::room::Presence;
use edge_wire::model;

use super::EventLoop;
use crate::{clock, mesh, recorder};

/// Journal entries that wait for a recorder whose disk hangs; beyond it they are dropped and counted.
const ENTRIES_MAX: usize = 16_384;
/// A room's record goes when nobody has come back for this long.
const ROOM_RECORD_LINGER: Duration = Duration::from_secs(2);

impl EventLoop {
    pub(super) fn view_changed(&mut self) {
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

    pub(super) fn record(&mut self, room: String, room_sid: String, entry: edge_wire::journal::Entry) {
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
    pub(super) fn hand_over_entries(&mut self) {
        while let Some(input) = self.state.entries.pop_front() {
            if let Err(std::sync::mpsc::TrySendError::Full(back)) = self.recorder.try_send(input) {
                self.state.entries.push_front(back);
                return;
            }
        }
    }

    pub(super) fn room_opened(&mut self, room: model::Room) {
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

    pub(super) fn presence(&self, room: &str, identities: Vec<String>) {
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

    pub(super) fn room_closed(&mut self, room: &str) {
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
