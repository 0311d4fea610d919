//! All rooms of the edge: every call finds its room, and what it caused is told at its end.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use edge_sfu::{Command, Event, LinkId, SourceId};
use edge_wire::control::{self, CommandKind, Message, MuteTrack};
use edge_wire::model::{self, ParticipantState};

use crate::edge::{Edge, Link};
use crate::limits::{KNOCKS_MAX, LINK_COST_MS, MEDIA_LINGER, NACK_MAX, ROOM_PARTICIPANTS_MAX};
use crate::room::{Room, Who};
use crate::{Admin, AdminError, Config, Join, JoinError, LeaveAction, LeaveReason, Output, PeerId, Request};

/// The control state of all rooms on one edge. It owns no socket and reads no clock: after every call that takes `&mut self`,
/// drain [`Self::poll_output`], then read [`Self::poll_timeout`].
#[derive(Debug)]
pub struct Rooms {
    edge: Edge,
    rooms: BTreeMap<String, Room>,
    draining: bool,
}

impl Rooms {
    /// `rng_seed` has to come from the system's random source: ICE passwords follow from it.
    #[must_use]
    pub fn new(config: Config, rng_seed: u64) -> Self {
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
        let id = self.edge.new_peer();
        let name = join.room.name.clone();
        let room = self.rooms.entry(name).or_insert_with(|| Room::new(join.room.clone()));
        room.join(&mut self.edge, now, id, join);
        room.meet(&mut self.edge);
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
        self.with_peer(now, peer, |room, edge| room.relay(edge, Some(peer), &data));
    }

    /// An entry of the class timeline (a chat message, …) for the room's recording; dropped when it is not recorded.
    pub fn record_event(&mut self, now: Instant, room: &str, kind: impl AsRef<str>, json: impl AsRef<str>) {
        self.with_room(now, room, |room, edge| room.record_event(edge, kind.as_ref(), json.as_ref()));
    }

    pub fn handle_media_event(&mut self, now: Instant, event: Event) {
        match event {
            Event::SessionConnected { session, .. } => self.connected(now, PeerId(session.0)),
            Event::SessionClosed { session, reason } => self.media_lost(now, PeerId(session.0), reason),
            Event::ChannelOpen { session, label } => {
                let peer = PeerId(session.0);
                self.with_peer(now, peer, |room, edge| room.channel_open(edge, peer, &label));
            }
            Event::Data { session, label, payload, .. } => {
                let reliable = label == self.edge.config.reliable_label;
                if reliable || label == self.edge.config.lossy_label {
                    self.edge.push(Output::ClientData { peer: PeerId(session.0), reliable, payload });
                }
            }
            Event::LayerStarted { source, layer } => self.layer_changed(now, source, layer, true),
            Event::LayerStopped { source, layer } => self.layer_changed(now, source, layer, false),
            Event::LayerSwitched { .. } => {}
            Event::LinkKeyframe { link, flow } => {
                self.say(link, Message::Keyframe(control::KeyframeRequest { flow }));
            }
            Event::LinkNack { link, flow, sequence_numbers } => {
                let sequence_numbers = sequence_numbers.into_iter().map(u32::from).collect();
                self.say(link, Message::Nack(control::Nack { flow, sequence_numbers }));
            }
            Event::LinkSenderReport { link: LinkId::RECORDER, flow, ntp, rtp_timestamp, .. } => {
                let Ok(stream) = u32::try_from(flow) else { return };
                let Some(room) = self.edge.streams.get(&stream).cloned() else { return };
                self.with_room(now, &room, |room, edge| room.record_report(edge, stream, ntp, rtp_timestamp));
            }
            Event::LinkSenderReport { link, flow, ntp, rtp_timestamp, age_ms } => {
                self.say(
                    link,
                    Message::SenderReport(control::SenderReport { flow, ntp, rtp_timestamp, age_ms }),
                );
            }
            Event::Speakers { levels } => self.speakers(now, &levels),
            Event::Quality { session, loss_down, loss_up, rtt_ms } => {
                let peer = PeerId(session.0);
                self.with_peer(now, peer, |room, _| room.measured(peer, loss_down, loss_up, rtt_ms));
            }
        }
    }

    /// A link to another edge is up (again, under the same id or a new one).
    pub fn link_up(&mut self, now: Instant, link: LinkId, node_id: String) {
        let state = Link {
            node_id,
            cost_ms: LINK_COST_MS,
            knocks: BTreeMap::new(),
            sends: BTreeMap::new(),
            receives: BTreeMap::new(),
        };
        if self.edge.links.contains_key(&link) {
            self.link_down(now, link);
        }
        self.edge.links.insert(link, state);
        self.each_room(now, |room, edge| room.meet(edge));
    }

    /// What a packet over the link costs, by default its round trip time; counts for ways chosen from now on.
    pub fn set_link_cost(&mut self, link: LinkId, cost_ms: u32) {
        if let Some(link) = self.edge.links.get_mut(&link) {
            link.cost_ms = cost_ms;
        }
    }

    pub fn link_down(&mut self, now: Instant, link: LinkId) {
        if self.edge.links.remove(&link).is_some() {
            self.each_room(now, |room, edge| room.link_down(edge, now, link));
            self.edge.media(Command::CloseLink { link });
        }
    }

    /// The links to the edges that, by the control plane, share the room. Links that are not up count once they are.
    pub fn handle_room_peers(&mut self, now: Instant, room: &str, links: Vec<LinkId>) {
        self.with_room(now, room, |room, edge| room.set_admitted(edge, now, links));
    }

    /// A message of a link. Messages about rooms this edge does not hold, or the link is not admitted to, have no effect.
    pub fn handle_link(&mut self, now: Instant, link: LinkId, message: Message) {
        if !self.edge.links.contains_key(&link) {
            return;
        }
        match message {
            Message::EnterRoom(enter) => self.entered(now, link, enter.room),
            Message::LeaveRoom(leave) => {
                if let Some(state) = self.edge.links.get_mut(&link) {
                    state.knocks.remove(&leave.room);
                }
                self.with_room(now, &leave.room, |room, edge| room.left(edge, now, link));
            }
            Message::RoomUpdate(update) => {
                let record = update.room;
                self.with_link(now, link, &record.name.clone(), |room, edge| {
                    if room.record.sid == record.sid {
                        room.record_changed(edge, now, record);
                    }
                });
            }
            Message::Participant(m) => self.with_link(now, link, &m.room.clone(), |room, edge| {
                room.participant_update(edge, now, link, m.participant);
            }),
            Message::ParticipantGone(m) => self.with_room(now, &m.room.clone(), |room, edge| {
                room.participant_gone(edge, now, link, &m.sid);
            }),
            Message::Announce(m) => {
                self.with_link(now, link, &m.room.clone(), |room, edge| room.announced(edge, now, link, m));
            }
            Message::Withdraw(m) => {
                self.with_link(now, link, &m.room, |room, edge| {
                    room.withdrawn(edge, now, link, &m.track_sid)
                });
            }
            Message::Subscribe(m) => {
                self.with_link(now, link, &m.room.clone(), |room, edge| {
                    room.link_subscribe(edge, now, link, m)
                });
            }
            Message::SubscriptionRules(m) => {
                self.with_link(now, link, &m.room.clone(), |room, edge| {
                    room.remote_rules(edge, now, link, m)
                });
            }
            Message::Speakers(m) => {
                self.with_link(now, link, &m.room, |room, _| room.remote_speakers(link, m.speakers));
            }
            Message::Quality(m) => {
                self.with_link(now, link, &m.room.clone(), |room, _| room.remote_quality(link, m));
            }
            Message::Command(m) => {
                self.with_link(now, link, &m.room.clone(), |room, edge| room.command_of_link(edge, now, m));
            }
            Message::Data(data) => self.handle_link_data(now, link, data),
            Message::Unsubscribe(_) | Message::Keyframe(_) | Message::Nack(_) | Message::SenderReport(_) => {
                self.flow_message(now, link, message);
            }
            Message::Hello(_) | Message::Bye(_) => {}
        }
    }

    pub fn handle_link_data(&mut self, now: Instant, link: LinkId, data: control::RoomData) {
        self.with_link(now, link, &data.room, |room, edge| room.link_data(edge, link, &data.data));
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
                room.relay(&mut self.edge, None, &data);
                return Ok(());
            }
        };
        let room = self.rooms.get_mut(&name).ok_or(AdminError::RoomNotFound)?;
        let result = room.command(&mut self.edge, now, &identity, kind);
        room.flush(&mut self.edge, now);
        result
    }

    /// Takes no more joins; those who are here stay and may resume.
    pub fn drain(&mut self, now: Instant) {
        let _ = now;
        self.draining = true;
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
    fn with_room(&mut self, now: Instant, name: &str, act: impl FnOnce(&mut Room, &mut Edge)) {
        let Some(room) = self.rooms.get_mut(name) else { return };
        act(room, &mut self.edge);
        room.flush(&mut self.edge, now);
        if room.is_over(now)
            && let Some(mut room) = self.rooms.remove(name)
        {
            room.close(&mut self.edge, now, LeaveReason::RoomDeleted, LeaveAction::Disconnect);
        }
    }

    fn with_peer(&mut self, now: Instant, peer: PeerId, act: impl FnOnce(&mut Room, &mut Edge)) {
        if let Some(name) = self.edge.peers.get(&peer).cloned() {
            self.with_room(now, &name, act);
        }
    }

    fn with_link(&mut self, now: Instant, link: LinkId, name: &str, act: impl FnOnce(&mut Room, &mut Edge)) {
        if self.rooms.get(name).is_some_and(|room| room.links.contains_key(&link)) {
            self.with_room(now, name, act);
        }
    }

    fn each_room(&mut self, now: Instant, mut act: impl FnMut(&mut Room, &mut Edge)) {
        for name in self.rooms.keys().cloned().collect::<Vec<_>>() {
            self.with_room(now, &name, &mut act);
        }
    }

    fn say(&mut self, link: LinkId, message: Message) {
        if self.edge.links.contains_key(&link) {
            self.edge.say(link, message);
        }
    }

    fn entered(&mut self, now: Instant, link: LinkId, record: model::Room) {
        let Some(state) = self.edge.links.get_mut(&link) else { return };
        if state.knocks.len() >= KNOCKS_MAX {
            tracing::warn!(link = link.0, "an edge enters too many rooms; one is ignored");
            return;
        }
        let (name, sid) = (record.name.clone(), record.sid.clone());
        state.knocks.insert(name.clone(), record);
        self.with_link(now, link, &name, |room, edge| {
            if room.record.sid != sid {
                tracing::warn!(link = link.0, "an edge enters another life of a room");
            }
            room.entered(edge, link);
        });
    }

    /// Messages about flows, which name no room.
    fn flow_message(&mut self, now: Instant, link: LinkId, message: Message) {
        let Some(state) = self.edge.links.get_mut(&link) else { return };
        match message {
            Message::Unsubscribe(control::Unsubscribe { flow }) => {
                let Some(taken) = state.sends.remove(&flow) else { return };
                self.with_room(now, &taken.room, |room, edge| {
                    room.link_unsubscribe(edge, now, link, flow, &taken.track_sid);
                });
            }
            Message::Keyframe(control::KeyframeRequest { flow }) if state.sends.contains_key(&flow) => {
                self.edge.media(Command::LinkKeyframe { link, flow });
            }
            Message::Nack(control::Nack { flow, sequence_numbers }) if state.sends.contains_key(&flow) => {
                let numbers =
                    sequence_numbers.into_iter().take(NACK_MAX).filter_map(|n| u16::try_from(n).ok());
                self.edge.media(Command::LinkNack { link, flow, sequence_numbers: numbers.collect() });
            }
            Message::SenderReport(control::SenderReport { flow, ntp, rtp_timestamp, age_ms })
                if state.receives.contains_key(&flow) =>
            {
                self.edge.media(Command::LinkSenderReport { link, flow, ntp, rtp_timestamp, age_ms });
            }
            _ => {}
        }
    }

    fn connected(&mut self, now: Instant, id: PeerId) {
        self.with_peer(now, id, |room, _| {
            if let Some(peer) = room.peers.get_mut(&id)
                && peer.participant.state != ParticipantState::Active as i32
            {
                peer.participant.state = ParticipantState::Active as i32;
                room.touch(id);
            }
        });
    }

    /// A session does not come back. The client that is still there joins again; one whose signalling is gone as well left.
    fn media_lost(&mut self, now: Instant, id: PeerId, reason: &'static str) {
        self.with_peer(now, id, |room, edge| {
            tracing::info!(peer = id.0, reason, "a media session ended");
            let name = room.name().to_owned();
            let Some(peer) = room.peers.get_mut(&id) else { return };
            if peer.resume_until.is_some() {
                room.remove(edge, now, id);
            } else {
                peer.rejoin_at = Some(now + MEDIA_LINGER);
                edge.wake(now + MEDIA_LINGER, &name, "media lost");
            }
        });
    }

    fn layer_changed(&mut self, now: Instant, source: SourceId, layer: u8, is_live: bool) {
        if let Some((name, track_sid)) = self.edge.sources.get(&source).cloned() {
            self.with_room(now, &name, |room, edge| {
                room.layer_changed(edge, now, &track_sid, layer, is_live)
            });
        }
    }

    /// The list is of the whole shard: rooms that are not in it are silent.
    fn speakers(&mut self, now: Instant, levels: &[(SourceId, f32)]) {
        let mut by_room: BTreeMap<String, BTreeMap<String, f32>> =
            self.edge.speaking.iter().map(|name| (name.clone(), BTreeMap::new())).collect();
        for (source, level) in levels {
            let Some((name, track_sid)) = self.edge.sources.get(source) else { continue };
            let Some(track) = self.rooms.get(name).and_then(|room| room.tracks.get(track_sid)) else {
                continue;
            };
            if track.owner == crate::track::Owner::Remote {
                // Its own edge says who speaks there.
                continue;
            }
            let heard =
                by_room.entry(name.clone()).or_default().entry(track.participant_sid.clone()).or_insert(0.0);
            *heard = heard.max(level.clamp(0.0, 1.0));
        }
        for (name, levels) in by_room {
            self.with_room(now, &name, |room, edge| room.set_levels(edge, levels));
        }
    }
}

/// What the admin API and the ops page read.
impl Rooms {
    /// Rooms that hold participants of this edge, by name.
    pub fn rooms(&self) -> impl Iterator<Item = &model::Room> {
        self.rooms.values().map(|room| &room.record)
    }

    #[must_use]
    pub fn room(&self, name: &str) -> Option<&model::Room> {
        self.rooms.get(name).map(|room| &room.record)
    }

    /// Everybody in the room, on all edges; empty when this edge does not hold it.
    #[must_use]
    pub fn participants(&self, room: &str) -> Vec<model::Participant> {
        self.rooms.get(room).map(|room| room.everyone().cloned().collect()).unwrap_or_default()
    }

    #[must_use]
    pub fn participant(&self, room: &str, identity: &str) -> Option<model::Participant> {
        let room = self.rooms.get(room)?;
        match room.identities.get(identity)? {
            Who::Local(id) => room.peers.get(id).map(|peer| peer.participant.clone()),
            Who::Remote(sid) => room.remotes.get(sid).map(|remote| remote.participant.clone()),
        }
    }

    /// Room, participant sid and identity of a client of this edge.
    #[must_use]
    pub fn who(&self, peer: PeerId) -> Option<(String, String, String)> {
        let name = self.edge.peers.get(&peer)?;
        let participant = &self.rooms.get(name)?.peers.get(&peer)?.participant;
        Some((name.clone(), participant.sid.clone(), participant.identity.clone()))
    }

    /// Participants of this edge.
    #[must_use]
    pub fn local_participants(&self) -> usize {
        self.edge.peers.len()
    }

    /// Media flows of each link: sent, received.
    #[must_use]
    pub fn link_flows(&self) -> BTreeMap<LinkId, (u32, u32)> {
        let count = |flows: usize| u32::try_from(flows).unwrap_or(u32::MAX);
        let links = self.edge.links.iter();
        links.map(|(id, link)| (*id, (count(link.sends.len()), count(link.receives.len())))).collect()
    }

    /// Takes all outputs; for tests and drivers that carry them in batches.
    pub fn take_outputs(&mut self) -> VecDeque<Output> {
        std::mem::take(&mut self.edge.outputs)
    }
}
