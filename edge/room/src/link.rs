//! A room's side of a link to another edge: its participants and their rules, what it pulls.

use std::time::Instant;

use edge_sfu::{Command, Layer, LinkId};
use edge_wire::control::{self, Message, ParticipantGone, ParticipantUpdate, SubscriptionRules};
use edge_wire::model::{self, ParticipantState};

use crate::edge::{Edge, Flow};
use crate::limits::{FLOWS_PER_LINK_MAX, MOVE_VERSIONS, ROOM_PARTICIPANTS_MAX, TRACKS_PER_PARTICIPANT_MAX};
use crate::participant::{Remote, Rules, is_newer, is_visible};
use crate::room::{Room, Who};
use crate::{LeaveAction, LeaveReason, PeerId, TrackPermission};

impl Room {
    pub(crate) fn participant_update(
        &mut self,
        edge: &mut Edge,
        now: Instant,
        link: LinkId,
        update: ParticipantUpdate,
    ) {
        let ParticipantUpdate { mut participant, change, .. } = update;
        if participant.sid.is_empty() || participant.identity.is_empty() {
            return;
        }
        if participant.state == ParticipantState::Disconnected as i32 {
            if let Some(node_id) = self.speaks_for(edge, link, &participant.node_id) {
                self.remote_left(edge, now, &node_id, &participant.sid, change);
            }
            return;
        }
        participant.tracks.truncate(TRACKS_PER_PARTICIPANT_MAX);
        let Some(node_id) = self.speaks_for(edge, link, &participant.node_id) else {
            tracing::debug!(link = link.0, "an edge speaks for another it has no way to");
            return;
        };
        participant.node_id.clone_from(&node_id);
        let sid = participant.sid.clone();
        let change = self.note_change(&node_id, &sid, change, false);
        if let Some(own) = self.present(&sid) {
            // The move was signed by us; a record that is not newer than ours is some other confusion.
            let newer =
                self.peers.get(&own).is_some_and(|peer| participant.version > peer.participant.version);
            if newer && node_id != edge.config.node_id {
                self.give_over(edge, now, own, participant);
                self.relay_update(&node_id, &sid, change);
            }
            return;
        }
        if !self.wins_identity(edge, now, &participant) {
            return;
        }
        let is_full = self.peers.len() + self.remotes.len() >= ROOM_PARTICIPANTS_MAX;
        match self.remotes.get_mut(&sid) {
            Some(remote) => {
                // What its old edge said last may come after the first word of its new one.
                let is_newer = participant.version > remote.participant.version;
                let is_move = participant.identity == remote.participant.identity
                    && participant.version.saturating_sub(remote.participant.version) >= MOVE_VERSIONS;
                if !is_newer || (remote.origin != node_id && !is_move) {
                    return;
                }
                remote.origin.clone_from(&node_id);
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
                let remote = Remote { participant, origin: node_id.clone(), rules: Rules::default() };
                self.remotes.insert(sid.clone(), remote);
                self.identities.insert(identity, Who::Remote(sid.clone()));
            }
        }
        self.roster.changed(&sid, false);
        self.relay_update(&node_id, &sid, change);
        self.sync_remote_tracks(edge, now, &sid);
        self.deliver_held(edge, now, &node_id);
    }

    fn relay_update(&mut self, node_id: &str, sid: &str, change: u64) {
        if let Some(update) = self.update_message(sid, change) {
            self.roster.relayed.push((node_id.to_owned(), update));
        }
    }

    pub(crate) fn participant_gone(
        &mut self,
        edge: &mut Edge,
        now: Instant,
        link: LinkId,
        gone: &ParticipantGone,
    ) {
        let is_heard = self.is_answered(link).then(|| self.speaks_for(edge, link, &gone.node_id)).flatten();
        if let Some(node_id) = is_heard {
            self.remote_left(edge, now, &node_id, &gone.sid, gone.change);
            return;
        }
        // The control plane's word that its edge is no longer in the room may have come first.
        let Some(node_id) = edge.links.get(&link).map(|neighbour| neighbour.node_id.clone()) else { return };
        if self.link_towards(&node_id).is_none() {
            self.remote_left(edge, now, &node_id, &gone.sid, 0);
        }
    }

    /// An edge says that one of its participants left. Who moved on to another edge has not.
    pub(crate) fn remote_left(
        &mut self,
        edge: &mut Edge,
        now: Instant,
        node_id: &str,
        sid: &str,
        change: u64,
    ) {
        let identity = self.remotes.get(sid).map_or(String::new(), |r| r.participant.identity.clone());
        let change = self.note_change(node_id, sid, change, true);
        let gone = self.gone_message(node_id, sid, &identity, change);
        self.roster.relayed.push((node_id.to_owned(), gone));
        if self.remotes.get(sid).is_some_and(|remote| remote.origin == node_id) {
            self.drop_remote(edge, now, sid);
        }
    }

    /// A newer join takes the identity of this participant. Should that one go first, its edge is asked again.
    pub(crate) fn suppress(&mut self, sid: &str) {
        let Some(remote) = self.remotes.get(sid) else { return };
        let (identity, origin) = (remote.participant.identity.clone(), remote.origin.clone());
        self.suppressed.entry(identity).or_default().insert(origin);
    }

    /// Identities that are free again: edges that had a participant of that name are asked whether it is still there.
    pub(crate) fn ask_for_suppressed(&mut self, edge: &mut Edge) {
        let free: Vec<String> =
            self.suppressed.keys().filter(|who| !self.identities.contains_key(*who)).cloned().collect();
        let asked: Vec<String> =
            free.into_iter().filter_map(|who| self.suppressed.remove(&who)).flatten().collect();
        for node_id in asked {
            if let Some(origin) = self.origins.get_mut(&node_id) {
                origin.lacks = true;
            }
            self.follow(edge, &node_id);
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

    /// Rules of one of our participants changed.
    pub(crate) fn tell_rules(&mut self, edge: &mut Edge, id: PeerId) {
        let Some(peer) = self.peers.get(&id).filter(|peer| peer.standing.is_present()) else { return };
        let sid = peer.sid().to_owned();
        let change = self.own.next();
        self.own.changed(&sid, change);
        for link in self.listeners(edge, &edge.config.node_id.clone()) {
            self.tell_rules_of(edge, &sid, link, change);
        }
    }

    /// Rules of anybody, as a link is told them.
    pub(crate) fn tell_rules_of(&self, edge: &mut Edge, sid: &str, link: LinkId, change: u64) {
        if let Some(message) = self.rules_message(edge, sid, change) {
            edge.say(link, message);
        }
    }

    fn rules_message(&self, edge: &Edge, sid: &str, change: u64) -> Option<Message> {
        let rules = self.rules_of(sid)?;
        let node_id = self.remotes.get(sid).map_or(&edge.config.node_id, |remote| &remote.origin).clone();
        Some(Message::SubscriptionRules(SubscriptionRules {
            room: self.record.name.clone(),
            participant_sid: sid.to_owned(),
            all_participants: rules.all,
            allowed: rules.allowed.iter().map(allowed_to_wire).collect(),
            node_id,
            change,
        }))
    }

    pub(crate) fn rules_of(&self, sid: &str) -> Option<&Rules> {
        let local = self.peers.values().find(|peer| peer.standing.is_present() && peer.sid() == sid);
        local.map(|peer| &peer.rules).or_else(|| self.remotes.get(sid).map(|remote| &remote.rules))
    }

    pub(crate) fn remote_rules(
        &mut self,
        edge: &mut Edge,
        now: Instant,
        link: LinkId,
        rules: SubscriptionRules,
    ) {
        let Some(node_id) = self.speaks_for(edge, link, &rules.node_id) else { return };
        let sid = rules.participant_sid;
        let Some(remote) = self.remotes.get_mut(&sid).filter(|remote| remote.origin == node_id) else {
            return;
        };
        let rules_now = Rules::new(rules.all_participants, rules.allowed.into_iter().map(allowed_from_wire));
        let has_changed = remote.rules != rules_now;
        remote.rules = rules_now;
        let tracks: Vec<String> = remote.participant.tracks.iter().map(|track| track.sid.clone()).collect();
        let change = self.note_change(&node_id, &sid, rules.change, false);
        if has_changed {
            if let Some(message) = self.rules_message(edge, &sid, change) {
                self.roster.relayed.push((node_id, message));
            }
            self.refresh_permissions(edge, now, &tracks);
        }
    }
}

impl Room {
    /// One identity, one participant: the newer join stays. False when `participant` is the older.
    fn wins_identity(&mut self, edge: &mut Edge, now: Instant, participant: &model::Participant) -> bool {
        match self.identities.get(&participant.identity).cloned() {
            Some(Who::Local(id)) => {
                let Some(peer) = self.peers.get(&id) else { return true };
                if !is_newer(participant, &peer.participant) {
                    let (who, origin) = (participant.identity.clone(), participant.node_id.clone());
                    self.suppressed.entry(who).or_default().insert(origin);
                    return false;
                }
                self.dismiss(edge, now, id, LeaveReason::DuplicateIdentity, LeaveAction::Disconnect);
            }
            Some(Who::Remote(sid)) if sid != participant.sid => {
                if self.remotes.get(&sid).is_some_and(|remote| !is_newer(participant, &remote.participant)) {
                    let (who, origin) = (participant.identity.clone(), participant.node_id.clone());
                    self.suppressed.entry(who).or_default().insert(origin);
                    return false;
                }
                self.suppress(&sid);
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
