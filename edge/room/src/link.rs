//! A room's side of a link to another edge: entering, its participants, its pulls.

use std::time::Instant;

use edge_sfu::{Command, Layer, LinkId};
use edge_wire::control::{self, EnterRoom, LeaveRoom, Message, ParticipantUpdate, SubscriptionRules};
use edge_wire::model::{self, ParticipantState};

use crate::demand::release;
use crate::edge::{Edge, Flow};
use crate::limits::{FLOWS_PER_LINK_MAX, LINK_GRACE, ROOM_PARTICIPANTS_MAX, TRACKS_PER_PARTICIPANT_MAX};
use crate::participant::{Peer, Remote, Rules, is_newer, is_visible};
use crate::paths::RoomLink;
use crate::room::{Room, Who};
use crate::{LeaveAction, LeaveReason, PeerId, TrackPermission};

impl Room {
    /// Links the control plane puts into the room now.
    pub(crate) fn set_admitted(&mut self, edge: &mut Edge, now: Instant, links: Vec<LinkId>) {
        self.admitted = links.into_iter().collect();
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            if !self.admitted.contains(&link) {
                self.part(edge, now, link, true);
                self.links.remove(&link);
            }
        }
        self.meet(edge);
    }

    /// Greets admitted links that are up.
    pub(crate) fn meet(&mut self, edge: &mut Edge) {
        for link in self.admitted.iter().copied().collect::<Vec<_>>() {
            if self.links.contains_key(&link) || !edge.links.contains_key(&link) {
                continue;
            }
            self.links.insert(link, RoomLink::default());
            self.greet(edge, link);
            if edge.links.get(&link).is_some_and(|link| link.knocks.contains_key(self.name())) {
                self.entered(edge, link);
            }
        }
    }

    /// The far edge said `EnterRoom`: it is told all we have.
    pub(crate) fn entered(&mut self, edge: &mut Edge, link: LinkId) {
        self.greet(edge, link);
        let Some(state) = self.links.get_mut(&link) else { return };
        state.entered = true;
        state.told.clear();
        let room = self.record.name.clone();
        for peer in self.peers.values().filter(|peer| peer.standing.is_present()) {
            let participant = peer.participant.clone();
            edge.say(link, Message::Participant(ParticipantUpdate { room: room.clone(), participant }));
        }
        for id in self.peers.keys().copied().collect::<Vec<_>>() {
            self.tell_rules(edge, id, Some(link));
        }
        for track_sid in self.tracks.keys().cloned().collect::<Vec<_>>() {
            self.announce(edge, &track_sid);
        }
        self.tell_link_state(edge, link);
    }

    /// An edge that enters anew keeps nothing of what it sent before: its control plane took this one out of the room for a moment.
    pub(crate) fn pull_again(&mut self, edge: &mut Edge, now: Instant, link: LinkId) {
        for track_sid in self.tracks.keys().cloned().collect::<Vec<_>>() {
            let Some(track) = self.tracks.get_mut(&track_sid).filter(|track| track.via == Some(link)) else {
                continue;
            };
            for layer in track.pulls.keys().copied().collect::<Vec<Layer>>() {
                release(edge, track, link, layer);
            }
            track.via = None;
            self.refresh_demand(edge, now, &track_sid);
        }
    }

    /// The far edge said `LeaveRoom`: everything of the room on this link is dropped. The control plane's word that it is
    /// no longer in the room may have come first.
    pub(crate) fn left(&mut self, edge: &mut Edge, now: Instant, link: LinkId) {
        self.part(edge, now, link, false);
        if let Some(state) = self.links.get_mut(&link) {
            *state = RoomLink::default();
        }
    }

    pub(crate) fn link_down(&mut self, edge: &mut Edge, now: Instant, link: LinkId) {
        if self.links.contains_key(&link) {
            self.part(edge, now, link, true);
            self.links.remove(&link);
        }
    }

    /// Says goodbye to every link; the room closes here.
    pub(crate) fn leave_links(&mut self, edge: &mut Edge) {
        for link in std::mem::take(&mut self.links).into_keys() {
            edge.say(link, Message::LeaveRoom(LeaveRoom { room: self.record.name.clone() }));
        }
    }

    pub(crate) fn participant_update(
        &mut self,
        edge: &mut Edge,
        now: Instant,
        link: LinkId,
        mut participant: model::Participant,
    ) {
        if participant.sid.is_empty() || participant.identity.is_empty() {
            return;
        }
        if participant.state == ParticipantState::Disconnected as i32 {
            self.participant_gone(edge, now, link, &participant.sid);
            return;
        }
        participant.tracks.truncate(TRACKS_PER_PARTICIPANT_MAX);
        if let Some(link) = edge.links.get(&link) {
            participant.node_id.clone_from(&link.node_id);
        }
        if let Some(own) = self.present(&participant.sid) {
            self.give_over_if_newer(edge, now, link, own, participant);
            return;
        }
        if !self.wins_identity(edge, now, &participant) {
            return;
        }
        let sid = participant.sid.clone();
        let is_full = self.peers.len() + self.remotes.len() >= ROOM_PARTICIPANTS_MAX;
        match self.remotes.get_mut(&sid) {
            Some(remote) => {
                // What its old edge said last may come after the first word of its new one.
                if participant.version < remote.participant.version {
                    return;
                }
                remote.link = link;
                remote.gone_at = None;
                if participant.version == remote.participant.version {
                    return;
                }
                let before = std::mem::replace(&mut remote.participant, participant);
                if is_visible(&before) && !is_visible(&remote.participant) {
                    self.roster.hid(&before);
                }
            }
            None if is_full => {
                tracing::warn!(
                    link = link.0,
                    "the room is full; a participant of another edge is not listed"
                );
                return;
            }
            None => {
                let identity = participant.identity.clone();
                let remote = Remote { participant, link, gone_at: None, rules: Rules::default() };
                self.remotes.insert(sid.clone(), remote);
                self.identities.insert(identity, Who::Remote(sid.clone()));
            }
        }
        self.roster.changed(&sid, false);
        self.sync_remote_tracks(edge, now, &sid);
    }

    pub(crate) fn participant_gone(&mut self, edge: &mut Edge, now: Instant, link: LinkId, sid: &str) {
        if self.remotes.get(sid).is_some_and(|remote| remote.link == link) {
            self.drop_remote(edge, now, sid);
        }
    }

    pub(crate) fn drop_remote(&mut self, edge: &mut Edge, now: Instant, sid: &str) {
        let Some(remote) = self.remotes.remove(sid) else { return };
        for track in &remote.participant.tracks {
            if self.tracks.get(&track.sid).is_some_and(|t| t.owner == crate::track::Owner::Remote) {
                self.end_track(edge, now, &track.sid);
            }
        }
        if self.identities.get(&remote.participant.identity) == Some(&Who::Remote(sid.to_owned())) {
            self.identities.remove(&remote.participant.identity);
        }
        self.speakers.forget(sid);
        self.qualities.forget(sid);
        self.roster.left(&remote.participant, false);
    }

    /// The far edge pulls a layer.
    pub(crate) fn link_subscribe(
        &mut self,
        edge: &mut Edge,
        now: Instant,
        link: LinkId,
        subscribe: control::Subscribe,
    ) {
        let control::Subscribe { track_sid, layer, flow, .. } = subscribe;
        let refuse = |why: &str| tracing::debug!(link = link.0, flow, why, "a pull is refused");
        let Some(track) = self.tracks.get_mut(&track_sid) else { return refuse("no such track") };
        let Some(layer) = Layer::try_from(layer).ok().filter(|layer| *layer < track.layers) else {
            return refuse("no such layer");
        };
        if track.via == Some(link) {
            return refuse("the track comes over that very link");
        }
        let Some(state) = edge.links.get_mut(&link).filter(|_| self.links.contains_key(&link)) else {
            return refuse("the edge is not in the room");
        };
        if state.sends.contains_key(&flow) || state.sends.len() >= FLOWS_PER_LINK_MAX {
            return refuse("the flow is in use, or there are too many");
        }
        state
            .sends
            .insert(flow, Flow { room: self.record.name.clone(), track_sid: track_sid.clone(), layer });
        track.feeds.insert((link, flow), layer);
        if let Some(source) = track.source {
            edge.media(Command::LinkSubscribe { link, flow, source, layer });
        }
        self.refresh_demand(edge, now, &track_sid);
        self.tell_subscribed(edge, &track_sid);
    }

    pub(crate) fn link_unsubscribe(
        &mut self,
        edge: &mut Edge,
        now: Instant,
        link: LinkId,
        flow: u64,
        track_sid: &str,
    ) {
        let Some(track) = self.tracks.get_mut(track_sid) else { return };
        if track.feeds.remove(&(link, flow)).is_some() {
            edge.media(Command::LinkUnsubscribe { link, flow });
            self.refresh_demand(edge, now, track_sid);
        }
    }

    /// Rules of one of our participants for a link, or for all.
    pub(crate) fn tell_rules(&self, edge: &mut Edge, id: PeerId, only: Option<LinkId>) {
        let is_told = |peer: &&Peer| peer.standing.is_present() && (only.is_none() || !peer.rules.all);
        let Some(peer) = self.peers.get(&id).filter(is_told) else { return };
        let rules = SubscriptionRules {
            room: self.record.name.clone(),
            participant_sid: peer.sid().to_owned(),
            all_participants: peer.rules.all,
            allowed: peer.rules.allowed.iter().map(allowed_to_wire).collect(),
        };
        for (link, _) in
            self.links.iter().filter(|(link, state)| state.entered && only.is_none_or(|o| o == **link))
        {
            edge.say(*link, Message::SubscriptionRules(rules.clone()));
        }
    }

    pub(crate) fn remote_rules(
        &mut self,
        edge: &mut Edge,
        now: Instant,
        link: LinkId,
        rules: SubscriptionRules,
    ) {
        let Some(remote) = self.remotes.get_mut(&rules.participant_sid).filter(|r| r.link == link) else {
            return;
        };
        remote.rules = Rules::new(rules.all_participants, rules.allowed.into_iter().map(allowed_from_wire));
        let tracks: Vec<String> = remote.participant.tracks.iter().map(|track| track.sid.clone()).collect();
        self.refresh_permissions(edge, now, &tracks);
    }
}

impl Room {
    fn greet(&mut self, edge: &mut Edge, link: LinkId) {
        let Some(state) = self.links.get_mut(&link) else { return };
        if !std::mem::replace(&mut state.greeted, true) {
            edge.say(link, Message::EnterRoom(EnterRoom { room: self.record.clone() }));
        }
    }

    /// Drops what goes over a link: its ways, its pulls and ours. Its participants stay for [`LINK_GRACE`] or go at once.
    fn part(&mut self, edge: &mut Edge, now: Instant, link: LinkId, with_grace: bool) {
        if let Some(state) = self.links.get_mut(&link) {
            state.entered = false;
        }
        for track_sid in self.tracks.keys().cloned().collect::<Vec<_>>() {
            let Some(track) = self.tracks.get_mut(&track_sid) else { continue };
            let feeds: Vec<(LinkId, u64)> = track.feeds.keys().filter(|(l, _)| *l == link).copied().collect();
            for (link, flow) in &feeds {
                track.feeds.remove(&(*link, *flow));
                if let Some(state) = edge.links.get_mut(link) {
                    state.sends.remove(flow);
                }
                edge.media(Command::LinkUnsubscribe { link: *link, flow: *flow });
            }
            if track.via == Some(link) {
                for layer in track.pulls.keys().copied().collect::<Vec<_>>() {
                    release(edge, track, link, layer);
                }
                track.via = None;
            }
            if !feeds.is_empty() {
                self.refresh_demand(edge, now, &track_sid);
            }
        }
        for track_sid in self.paths.keys().cloned().collect::<Vec<_>>() {
            self.withdrawn(edge, now, link, &track_sid);
        }
        let own: Vec<String> = self
            .remotes
            .iter()
            .filter(|(_, remote)| remote.link == link)
            .map(|(sid, _)| sid.clone())
            .collect();
        for sid in own {
            if !with_grace {
                self.drop_remote(edge, now, &sid);
            } else if let Some(remote) = self.remotes.get_mut(&sid) {
                remote.gone_at = Some(now + LINK_GRACE);
                edge.wake(now + LINK_GRACE, &self.record.name, "link grace");
            }
        }
    }

    /// One identity, one participant: the newer join stays. False when `participant` is the older.
    fn wins_identity(&mut self, edge: &mut Edge, now: Instant, participant: &model::Participant) -> bool {
        match self.identities.get(&participant.identity).cloned() {
            Some(Who::Local(id)) => {
                let Some(peer) = self.peers.get(&id) else { return true };
                if !is_newer(participant, &peer.participant) {
                    return false;
                }
                self.dismiss(edge, now, id, LeaveReason::DuplicateIdentity, LeaveAction::Disconnect);
            }
            Some(Who::Remote(sid)) if sid != participant.sid => {
                if self.remotes.get(&sid).is_some_and(|remote| !is_newer(participant, &remote.participant)) {
                    return false;
                }
                self.drop_remote(edge, now, &sid);
            }
            _ => {}
        }
        true
    }

    /// The record lists what is published: new tracks begin once a way is known, missing ones end.
    pub(crate) fn sync_remote_tracks(&mut self, edge: &mut Edge, now: Instant, sid: &str) {
        let Some(remote) = self.remotes.get(sid) else { return };
        let listed: Vec<String> = remote.participant.tracks.iter().map(|track| track.sid.clone()).collect();
        let ended: Vec<String> = self
            .tracks
            .iter()
            .filter(|(track_sid, track)| track.participant_sid == sid && !listed.contains(track_sid))
            .map(|(track_sid, _)| track_sid.clone())
            .collect();
        for track_sid in ended {
            self.end_track(edge, now, &track_sid);
        }
        for track_sid in listed {
            self.adopt_track(edge, now, &track_sid);
            self.retarget_all(edge, now, &track_sid);
            self.refresh_demand(edge, now, &track_sid);
        }
    }
}

fn allowed_to_wire(entry: &TrackPermission) -> control::AllowedSubscriber {
    control::AllowedSubscriber {
        participant_sid: entry.participant_sid.clone(),
        identity: entry.identity.clone(),
        all_tracks: entry.all_tracks,
        track_sids: entry.track_sids.clone(),
    }
}

fn allowed_from_wire(entry: control::AllowedSubscriber) -> TrackPermission {
    TrackPermission {
        participant_sid: entry.participant_sid,
        identity: entry.identity,
        all_tracks: entry.all_tracks,
        track_sids: entry.track_sids,
    }
}
