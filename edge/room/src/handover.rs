//! A participant that moves to another edge without leaving the class.
//!
//! Its client opens a second connection there before it closes the first. The new edge holds that connection as an *heir*:
//! it receives and publishes, and nobody is told. Once its media is here the heir takes the participant's place, under the
//! same sids, and says so to the linked edges; the old edge, told by the new one, keeps the first connection as a *ghost*
//! that only receives until its client closes it. To everybody else a track comes from another edge, that is all.

use std::collections::BTreeMap;
use std::time::Instant;

use edge_sfu::{Command, LAYERS_MAX, Layer};
use edge_wire::model::{self, ParticipantState};

use crate::binding::attach;
use crate::demand::release;
use crate::edge::Edge;
use crate::limits::{GHOST_MAX, HEIR_MAX, MOVE_VERSIONS};
use crate::participant::{Remote, is_newer};
use crate::room::{Room, Who};
use crate::track::{Owner, Track};
use crate::{Fact, LeaveAction, LeaveReason, Output, PeerId, Rooms};

/// Where a client of this edge stands in the room.
#[derive(Debug, Default)]
pub(crate) enum Standing {
    /// In the roster.
    #[default]
    Present,
    /// Takes the place of the participant it goes on for, at `until` at the latest.
    Heir(Box<Heir>),
    /// Goes on at another edge; its place here is given up then.
    Ghost { until: Instant },
}

#[derive(Debug)]
pub(crate) struct Heir {
    pub(crate) until: Instant,
    /// What it publishes already, by track sid; the room's tracks of these sids still come from the old edge.
    pub(crate) tracks: BTreeMap<String, Track>,
}

impl Standing {
    pub(crate) fn heir(now: Instant) -> Self {
        Self::Heir(Box::new(Heir { until: now + HEIR_MAX, tracks: BTreeMap::new() }))
    }

    pub(crate) fn is_present(&self) -> bool {
        matches!(self, Self::Present)
    }

    pub(crate) fn as_heir(&self) -> Option<&Heir> {
        if let Self::Heir(heir) = self { Some(heir) } else { None }
    }

    pub(crate) fn as_heir_mut(&mut self) -> Option<&mut Heir> {
        if let Self::Heir(heir) = self { Some(heir) } else { None }
    }
}

/// What the media thread's sources of an heir's tracks are called: the track of that sid is still another's.
pub(crate) fn aside(track_sid: &str) -> String {
    format!("~{track_sid}")
}

impl Room {
    /// The sid a moving participant's track keeps.
    pub(crate) fn kept_sid(&self, id: PeerId, track: &model::Track) -> Option<String> {
        let peer = self.peers.get(&id)?;
        let moved = peer.moved.as_ref()?;
        let is_taken = |sid: &str| {
            peer.track(sid).is_some() || peer.pending.iter().any(|pending| pending.track.sid == sid)
        };
        let mut same = moved.tracks.iter().filter(|m| m.source == track.source && m.kind == track.kind);
        same.find(|moved| !is_taken(&moved.sid)).map(|moved| moved.sid.clone())
    }

    /// A layer of an heir's track began or stopped.
    pub(crate) fn heir_layer(&mut self, edge: &mut Edge, now: Instant, sid: &str, layer: Layer, live: bool) {
        let mut heirs = self.peers.iter_mut();
        let found =
            heirs.find_map(|(id, peer)| Some((*id, peer.standing.as_heir_mut()?.tracks.get_mut(sid)?)));
        let Some((id, track)) = found else { return };
        if let Some(state) = track.live.get_mut(usize::from(layer)) {
            *state = live;
        }
        self.promote_if_ready(edge, now, id);
    }

    /// Lets an heir take its place once everything it goes on with is here.
    pub(crate) fn promote_if_ready(&mut self, edge: &mut Edge, now: Instant, id: PeerId) {
        let Some(peer) = self.peers.get(&id) else { return };
        let Some(heir) = peer.standing.as_heir() else { return };
        if heir.until > now {
            let Some(before) = self.remotes.get(peer.sid()) else { return };
            let is_here = |track: &model::Track| {
                track.muted || heir.tracks.get(&track.sid).is_some_and(|track| track.live.contains(&true))
            };
            let is_active = peer.participant.state == ParticipantState::Active as i32;
            if !is_active || !before.participant.tracks.iter().all(is_here) {
                return;
            }
        }
        self.promote(edge, now, id);
    }

    /// Falls due with the room's timers.
    pub(crate) fn handover_due(&mut self, edge: &mut Edge, now: Instant, id: PeerId) {
        match self.peers.get(&id).map(|peer| &peer.standing) {
            Some(Standing::Heir(heir)) if heir.until <= now => self.heir_due(edge, now, id),
            Some(Standing::Ghost { until }) if *until <= now => {
                self.dismiss(edge, now, id, LeaveReason::ServerShutdown, LeaveAction::Disconnect);
            }
            _ => {}
        }
    }

    /// An heir whose media never came to this edge has nothing to go on with: its first connection, which may be working, stays.
    fn heir_due(&mut self, edge: &mut Edge, now: Instant, id: PeerId) {
        let Some(peer) = self.peers.get(&id) else { return };
        if peer.participant.state == ParticipantState::Active as i32 && peer.resume_until.is_none() {
            self.promote(edge, now, id);
        } else {
            self.dismiss(edge, now, id, LeaveReason::ConnectionTimeout, LeaveAction::Reconnect);
        }
    }

    /// Another edge says that one of our participants goes on there.
    pub(crate) fn give_over(
        &mut self,
        edge: &mut Edge,
        now: Instant,
        id: PeerId,
        participant: model::Participant,
    ) {
        let until = now + GHOST_MAX;
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.standing = Standing::Ghost { until };
        let (sid, rules) = (peer.sid().to_owned(), peer.rules.clone());
        let before = peer.participant.clone();
        let published: Vec<String> = peer.participant.tracks.iter().map(|track| track.sid.clone()).collect();
        edge.wake(until, &self.record.name, "ghost");
        for track_sid in published {
            self.record_track_end(edge, &track_sid);
            // The source stays until the way to the new edge is open: whoever watches sees the old pictures until then.
            if let Some(track) = self.tracks.get_mut(&track_sid) {
                track.owner = Owner::Remote;
            }
            self.roster.announce.insert(track_sid);
        }
        self.identities.insert(participant.identity.clone(), Who::Remote(sid.clone()));
        self.remotes.insert(sid.clone(), Remote { origin: participant.node_id.clone(), participant, rules });
        self.speakers.forget(&sid);
        self.own.changes.remove(&sid);
        self.roster.changed(&sid, false);
        self.roster.presence = true;
        self.sync_remote_tracks(edge, now, &sid);
        tracing::info!(peer = id.0, "a participant goes on at another edge");
        edge.push(Output::Fact(Fact::ParticipantDeparted { room: self.record.clone(), participant: before }));
        edge.push(Output::Moved { peer: id });
    }

    /// Somebody joined with the heir's identity after the participant it goes on for.
    fn is_overtaken(&self, id: PeerId) -> bool {
        let Some(heir) = self.peers.get(&id) else { return false };
        let Some(Who::Remote(other)) = self.identities.get(&heir.participant.identity) else { return false };
        let before = self.remotes.get(heir.sid()).map_or(&heir.participant, |remote| &remote.participant);
        let other = self.remotes.get(other).filter(|remote| remote.participant.sid != heir.sid());
        other.is_some_and(|other| is_newer(&other.participant, before))
    }

    fn promote(&mut self, edge: &mut Edge, now: Instant, id: PeerId) {
        if self.is_overtaken(id) {
            self.dismiss(edge, now, id, LeaveReason::DuplicateIdentity, LeaveAction::Disconnect);
            return;
        }
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let Standing::Heir(heir) = std::mem::take(&mut peer.standing) else { return };
        let (sid, identity) = (peer.sid().to_owned(), peer.participant.identity.clone());
        match self.identities.get(&identity).cloned() {
            Some(Who::Remote(other)) if other != sid => {
                self.suppress(&other);
                self.drop_remote(edge, now, &other);
            }
            Some(Who::Local(other)) if other != id => {
                self.dismiss(edge, now, other, LeaveReason::DuplicateIdentity, LeaveAction::Disconnect);
            }
            _ => {}
        }
        self.identities.insert(identity, Who::Local(id));
        let before = self.remotes.remove(&sid);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if let Some(remote) = &before {
            inherit(&mut peer.participant, &remote.participant);
        }
        let own: Vec<String> = heir.tracks.keys().cloned().collect();
        for (track_sid, track) in heir.tracks {
            self.take_over(edge, now, &track_sid, track);
        }
        let listed = before.into_iter().flat_map(|remote| remote.participant.tracks);
        for track in listed.filter(|track| !own.contains(&track.sid)) {
            self.end_track(edge, now, &track.sid);
        }
        self.roster.changed(&sid, true);
        self.roster.presence = true;
        for track_sid in own {
            self.record_track(edge, now, &track_sid);
            self.refresh_demand(edge, now, &track_sid);
        }
        if let Some(peer) = self.peers.get(&id) {
            let (room, participant) = (self.record.clone(), peer.participant.clone());
            edge.push(Output::Fact(Fact::ParticipantArrived { room, participant }));
        }
        tracing::info!(peer = id.0, "a participant of another edge goes on here");
    }

    /// The heir's media feeds everybody who was fed by way of the old edge.
    fn take_over(&mut self, edge: &mut Edge, now: Instant, track_sid: &str, mut track: Track) {
        if let Some(source) = track.source {
            edge.sources.insert(source, (self.record.name.clone(), track_sid.to_owned()));
        }
        self.paths.remove(track_sid);
        let is_same = |old: &Track| old.codec.mime_type == track.codec.mime_type;
        if self.tracks.get(track_sid).is_some_and(|old| !is_same(old)) {
            self.end_track(edge, now, track_sid);
        }
        self.roster.announce.insert(track_sid.to_owned());
        let Some(mut old) = self.tracks.remove(track_sid) else {
            self.tracks.insert(track_sid.to_owned(), track);
            self.track_appeared(edge, now, track_sid);
            return;
        };
        if let Some(via) = old.via {
            for layer in 0..LAYERS_MAX as Layer {
                release(edge, &mut old, via, layer);
            }
        }
        track.watchers = std::mem::take(&mut old.watchers);
        track.feeds = std::mem::take(&mut old.feeds);
        for watcher in track.watchers.keys() {
            attach(edge, &track, *watcher);
        }
        for ((link, flow), layer) in &track.feeds {
            if old.source.is_some() {
                edge.media(Command::LinkUnsubscribe { link: *link, flow: *flow });
            }
            if let Some(source) = track.source {
                let layer = (*layer).min(track.layers - 1);
                edge.media(Command::LinkSubscribe { link: *link, flow: *flow, source, layer });
            }
        }
        if let Some(source) = old.source {
            edge.close_source(source);
        }
        self.tracks.insert(track_sid.to_owned(), track);
        self.retarget_all(edge, now, track_sid);
    }
}

/// The record goes on, newer than anything the old edge may still have said.
fn inherit(own: &mut model::Participant, before: &model::Participant) {
    own.name.clone_from(&before.name);
    own.metadata.clone_from(&before.metadata);
    own.attributes.clone_from(&before.attributes);
    own.permission.clone_from(&before.permission);
    own.joined_at_ms = before.joined_at_ms;
    own.version = before.version.saturating_add(MOVE_VERSIONS);
    own.is_publisher |= before.is_publisher;
}

impl Rooms {
    /// Clients that are participants here: not those about to be, nor those that went on elsewhere.
    #[must_use]
    pub fn present_peers(&self) -> Vec<PeerId> {
        let peers = self.rooms.values().flat_map(|room| &room.peers);
        peers.filter(|(_, peer)| peer.standing.is_present()).map(|(id, _)| *id).collect()
    }

    /// The record of such a client.
    #[must_use]
    pub fn present_participant(&self, peer: PeerId) -> Option<model::Participant> {
        let peer = self.rooms.get(self.edge.peers.get(&peer)?)?.peers.get(&peer)?;
        peer.standing.is_present().then(|| peer.participant.clone())
    }

    /// Tells a client to join another edge.
    pub fn send_away(&mut self, now: Instant, peer: PeerId) {
        let (reason, action) = (LeaveReason::ServerShutdown, LeaveAction::Reconnect);
        self.with_peer(now, peer, |room, edge| room.dismiss(edge, now, peer, reason, action));
    }
}
