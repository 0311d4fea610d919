//! All rooms of the edge: every call finds its room, and what it caused is told at its end.

use std::collections::BTreeMap;
use std::time::Instant;

use edge_wire::control::{self, CommandKind, Message, MuteTrack};
use edge_wire::model;

use crate::edge::Edge;
use crate::limits::ROOM_PARTICIPANTS_MAX;
use crate::room::Room;
use crate::size;
use crate::{Admin, AdminError, Config, Join, JoinError, LeaveAction, LeaveReason, Output, PeerId, Request};

/// The control state of all rooms on one edge. It owns no socket and reads no clock: after every call that takes `&mut self`,
/// drain [`Self::poll_output`], then read [`Self::poll_timeout`].
#[derive(Debug)]
pub struct Rooms {
    pub(crate) edge: Edge,
    pub(crate) rooms: BTreeMap<String, Room>,
    draining: bool,
}

impl Rooms {
    /// `rng_seed` has to come from the system's random source: ICE passwords follow from it, and are as hard to guess.
    #[must_use]
    pub fn new(config: Config, rng_seed: [u8; 32]) -> Self {
        Self { edge: Edge::new(config, rng_seed), rooms: BTreeMap::new(), draining: false }
    }

    /// Takes a client in; [`crate::Notice::Joined`] is its first notice.
    ///
    /// # Errors
    /// Says which limit is reached; the client may try another edge.
    pub fn join(&mut self, now: Instant, join: Join) -> Result<PeerId, JoinError> {
        let limit = self.edge.config.participants_max;
        if self.draining {
            return Err(JoinError::Draining);
        }
        let existing = self.rooms.get(&join.room.name);
        let comes_again = existing.is_some_and(|room| room.identities.contains_key(&join.identity));
        if self.edge.peers.len() >= limit && !comes_again {
            return Err(JoinError::EdgeFull { limit });
        }
        if existing.is_some_and(|room| room.identities.len() >= ROOM_PARTICIPANTS_MAX) && !comes_again {
            return Err(JoinError::RoomFull { limit: ROOM_PARTICIPANTS_MAX });
        }
        size::check(&join.record(), []).map_err(JoinError::TooLarge)?;
        if existing.is_some_and(|room| room.is_sent_out(now, &join.identity, join.token_age)) {
            return Err(JoinError::Removed);
        }
        let id = self.edge.new_peer();
        let name = join.room.name.clone();
        let room =
            self.rooms.entry(name).or_insert_with(|| Room::new(join.room.clone(), self.edge.new_epoch()));
        room.join(&mut self.edge, now, id, join);
        room.meet(&mut self.edge, now);
        room.flush(&mut self.edge, now);
        Ok(id)
    }

    /// A client whose signalling broke comes back to its place; `None` when the place is gone, and it must join again.
    pub fn resume(&mut self, now: Instant, room: &str, identity: &str, sid: &str) -> Option<PeerId> {
        let room = self.rooms.get_mut(room)?;
        let id = room.resume(&mut self.edge, identity, sid);
        room.flush(&mut self.edge, now);
        id
    }

    /// The client's signalling connection ended; its place is kept for [`crate::RESUME_LINGER`].
    pub fn signal_lost(&mut self, now: Instant, peer: PeerId) {
        self.with_peer(now, peer, |room, edge| room.signal_lost(edge, now, peer));
    }

    pub fn handle_request(&mut self, now: Instant, peer: PeerId, request: Request) {
        self.with_peer(now, peer, |room, edge| room.handle_request(edge, now, peer, request));
    }

    /// A client's data packet, stamped by the protocol adapter.
    pub fn relay(&mut self, now: Instant, peer: PeerId, data: model::Data) {
        self.with_peer(now, peer, |room, edge| room.relay(edge, now, Some(peer), &data));
    }

    /// An entry of the class timeline (a chat message, …) for the room's recording; dropped when it is not recorded.
    pub fn record_event(&mut self, now: Instant, room: &str, kind: impl AsRef<str>, json: impl AsRef<str>) {
        self.with_room(now, room, |room, edge| room.record_event(edge, kind.as_ref(), json.as_ref()));
    }

    /// The room's record in the control plane changed. Linked edges are told.
    pub fn room_changed(&mut self, now: Instant, record: model::Room) {
        self.with_room(now, &record.name.clone(), |room, edge| {
            if room.record_changed(edge, now, record.clone()) {
                for (link, _) in room.links.iter().filter(|(_, state)| state.entered) {
                    edge.say(*link, Message::RoomUpdate(control::RoomUpdate { room: record.clone() }));
                }
            }
        });
    }

    /// Moderation; participants of other edges are reached over their links.
    ///
    /// # Errors
    /// Says what was not found.
    pub fn admin(&mut self, now: Instant, admin: Admin) -> Result<(), AdminError> {
        let (name, identity, kind) = match admin {
            Admin::MuteTrack { room, identity, track_sid, muted } => {
                (room, identity, CommandKind::Mute(MuteTrack { track_sid, muted }))
            }
            Admin::Remove { room, identity } => (room, identity, CommandKind::Remove(true)),
            Admin::SetPermission { room, identity, permission } => {
                (room, identity, CommandKind::Permission(permission))
            }
            Admin::SendData { room, data } => {
                let room = self.rooms.get_mut(&room).ok_or(AdminError::RoomNotFound)?;
                room.relay(&mut self.edge, now, None, &data);
                return Ok(());
            }
        };
        let room = self.rooms.get_mut(&name).ok_or(AdminError::RoomNotFound)?;
        let result = room.command(&mut self.edge, now, &identity, kind);
        room.flush(&mut self.edge, now);
        result
    }

    /// While draining nobody joins; those who are here stay and may resume.
    pub fn set_draining(&mut self, is_draining: bool) {
        self.draining = is_draining;
    }

    /// Tells everybody to join another edge and closes every room.
    pub fn shutdown(&mut self, now: Instant) {
        self.draining = true;
        for (_, mut room) in std::mem::take(&mut self.rooms) {
            room.close(&mut self.edge, now, LeaveReason::ServerShutdown, LeaveAction::Reconnect);
        }
    }

    /// Ends the class on this edge: everybody leaves for good.
    pub fn close_room(&mut self, now: Instant, name: &str) {
        if let Some(mut room) = self.rooms.remove(name) {
            room.close(&mut self.edge, now, LeaveReason::RoomDeleted, LeaveAction::Disconnect);
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        for name in self.edge.due(now) {
            self.with_room(now, &name, |room, edge| room.handle_timeout(edge, now));
        }
    }

    /// When to call [`Self::handle_timeout`], and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.edge.next_wake()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.edge.outputs.pop_front()
    }
}

impl Rooms {
    pub(crate) fn with_room(&mut self, now: Instant, name: &str, act: impl FnOnce(&mut Room, &mut Edge)) {
        let Some(room) = self.rooms.get_mut(name) else { return };
        act(room, &mut self.edge);
        room.flush(&mut self.edge, now);
        if room.is_over(now)
            && let Some(mut room) = self.rooms.remove(name)
        {
            room.close(&mut self.edge, now, LeaveReason::RoomDeleted, LeaveAction::Disconnect);
        }
    }

    pub(crate) fn with_peer(&mut self, now: Instant, peer: PeerId, act: impl FnOnce(&mut Room, &mut Edge)) {
        if let Some(name) = self.edge.peers.get(&peer).cloned() {
            self.with_room(now, &name, act);
        }
    }

    pub(crate) fn each_room(&mut self, now: Instant, mut act: impl FnMut(&mut Room, &mut Edge)) {
        for name in self.rooms.keys().cloned().collect::<Vec<_>>() {
            self.with_room(now, &name, &mut act);
        }
    }
}
