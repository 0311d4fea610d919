//! A room's side of a link to another edge: entering, its participants, its pulls.

use std::time::Instant;

use edge_sfu::{Command, Layer, LinkId};
use edge_wire::control::{
    self, EnterRoom, LeaveRoom, Message, ParticipantGone, ParticipantUpdate, SubscriptionRules,
};
use edge_wire::model::{self, ParticipantState};

use crate::demand::release;
use crate::edge::{Edge, Flow, Link};
use crate::limits::{
    FLOWS_PER_LINK_MAX, HANDOVER, HANDOVER_MAX, MOVE_VERSIONS, ROOM_PARTICIPANTS_MAX,
    TRACKS_PER_PARTICIPANT_MAX,
};
use crate::links::RoomPeers;
use crate::participant::{Peer, Remote, Rules, is_newer, is_visible};
use crate::paths::RoomLink;
use crate::room::{Room, Who};
use crate::{LeaveAction, LeaveReason, PeerId, TrackPermission};

impl Room {
    /// Which links the control plane lets into the room now, and which of them this edge needs.
    pub(crate) fn set_peers(&mut self, edge: &mut Edge, now: Instant, peers: RoomPeers) {
        self.admitted = peers.admitted.into_iter().collect();
        self.wanted = peers.wanted.into_iter().collect();
        self.nodes = peers.nodes;
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            if !self.admitted.contains(&link) {
                self.part(edge, now, link);
                self.links.remove(&link);
                continue;
            }
            let is_wanted = self.is_wanted(edge, link);
            if self
                .links
                .get_mut(&link)
                .is_some_and(|s| std::mem::replace(&mut s.wanted, is_wanted) != is_wanted)
            {
                self.greet(edge, link);
            }
        }
        self.meet(edge, now);
        self.watch_leaving(edge, now);
    }

    /// Greets admitted links that are up and needed, by this edge or by the far one.
    pub(crate) fn meet(&mut self, edge: &mut Edge, now: Instant) {
        for link in self.admitted.iter().copied().collect::<Vec<_>>() {
            let Some(neighbour) = edge.links.get(&link).filter(|_| !self.links.contains_key(&link)) else {
                continue;
            };
            let knock = neighbour.knocks.get(self.name()).cloned();
            let wanted = self.is_wanted(edge, link);
            if !wanted && knock.as_ref().is_none_or(|knock| knock.spare) {
                continue;
            }
            self.links.insert(link, RoomLink::new(edge.new_flow(), wanted));
            self.greet(edge, link);
            if let Some(knock) = knock {
                self.entered(edge, now, link, &knock);
            }
        }
    }

    /// The far edge said `EnterRoom`.
    pub(crate) fn knocked(&mut self, edge: &mut Edge, now: Instant, link: LinkId, enter: &EnterRoom) {
        if self.links.contains_key(&link) {
            self.entered(edge, now, link, enter);
        } else {
            self.meet(edge, now);
        }
        self.watch_leaving(edge, now);
    }

    /// A session that begins is told all we have; one that is known only says whether it could do without.
    fn entered(&mut self, edge: &mut Edge, now: Instant, link: LinkId, enter: &EnterRoom) {
        let Some(is_plain) = edge.links.get(&link).map(Link::is_plain) else { return };
        let Some(state) = self.links.get_mut(&link) else { return };
        state.they_want = !enter.spare;
        let answers_us = is_plain || enter.answers == state.session;
        state.answered |= answers_us;
        let is_new = is_plain || state.theirs != enter.session;
        if is_new {
            state.answered = answers_us;
            state.theirs = enter.session;
            state.entered = true;
            self.part(edge, now, link);
        }
        // Told once of each of their sessions, the far edge knows that it is ours it speaks to.
        if self.links.get(&link).is_some_and(|state| state.told_theirs != state.theirs) {
            self.greet(edge, link);
        }
        if !is_new {
            return;
        }
        if let Some(state) = self.links.get_mut(&link) {
            state.entered = true;
        }
        if is_plain {
            self.hear_plain(edge, link);
            self.tell_plain(edge, link);
        } else {
            self.tell_routes(edge, now, Some(link));
        }
        for track_sid in self.tracks.keys().cloned().collect::<Vec<_>>() {
            self.announce(edge, now, &track_sid);
        }
        self.deliver_early(edge, link);
    }

    /// Version 1 takes all of this edge's own, and nothing of others.
    fn tell_plain(&mut self, edge: &mut Edge, link: LinkId) {
        let here = |peer: &&Peer| peer.standing.is_present();
        let sids: Vec<String> = self.peers.values().filter(here).map(|peer| peer.sid().to_owned()).collect();
        for sid in sids {
            if let Some(update) = self.update_message(&sid, 0) {
                edge.say(link, update);
            }
            if self.rules_of(&sid).is_some_and(|rules| !rules.all) {
                self.tell_rules_of(edge, &sid, link, 0);
            }
        }
        let own = edge.config.node_id.clone();
        self.tell_link_state(edge, link, &own);
    }

    /// The far edge said `LeaveRoom`: everything of the room on this link is dropped. The control plane's word that it is
    /// no longer in the room may have come first.
    pub(crate) fn left(&mut self, edge: &mut Edge, now: Instant, link: LinkId) {
        self.part(edge, now, link);
        let Some(neighbour) = edge.links.get(&link) else { return };
        if neighbour.is_plain() {
            let node_id = neighbour.node_id.clone();
            self.forget_origin(edge, now, &node_id);
        }
        if let Some(wanted) = self.links.remove(&link).map(|state| state.wanted)
            && wanted
        {
            self.links.insert(link, RoomLink::new(edge.new_flow(), wanted));
        }
    }

    pub(crate) fn link_down(&mut self, edge: &mut Edge, now: Instant, link: LinkId) {
        if self.links.contains_key(&link) {
            self.part(edge, now, link);
            self.links.remove(&link);
            self.watch_leaving(edge, now);
        }
    }

    /// Says goodbye to every link; the room closes here.
    pub(crate) fn leave_links(&mut self, edge: &mut Edge) {
        for link in std::mem::take(&mut self.links).into_keys() {
            edge.say(link, Message::LeaveRoom(LeaveRoom { room: self.record.name.clone() }));
        }
    }

    /// What the far edge says about the room counts.
    pub(crate) fn is_answered(&self, link: LinkId) -> bool {
        self.links.get(&link).is_some_and(|state| state.answered)
    }

    /// Neither side needs the link in the room any more.
    pub(crate) fn is_leaving(&self, link: LinkId) -> bool {
        self.links.get(&link).is_some_and(|state| state.entered && !state.wanted && !state.they_want)
    }

    /// Links begin to leave, or stay after all.
    fn watch_leaving(&mut self, edge: &mut Edge, now: Instant) {
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            let is_leaving = self.is_leaving(link);
            let Some(state) = self.links.get_mut(&link) else { continue };
            if is_leaving == state.leaves_at.is_some() {
                continue;
            }
            state.leaves_at = is_leaving.then_some(now + HANDOVER);
            edge.wake(now + HANDOVER, &self.record.name, "handover");
            // Other ways are better from now on, or this one is as good as any again.
            for node_id in self.origins.keys().cloned().collect::<Vec<_>>() {
                self.choose_upstream(edge, now, &node_id);
            }
            for track_sid in self.paths.keys().cloned().collect::<Vec<_>>() {
                self.reroute(edge, now, &track_sid);
            }
        }
    }

    /// Links that nobody needs go once all goes other ways.
    pub(crate) fn leave_spare_links(&mut self, edge: &mut Edge, now: Instant) {
        let is_elsewhere =
            self.wanted.is_empty() || self.links.values().any(|state| state.wanted && state.answered);
        for (link, at) in self.links.iter().filter_map(|(l, s)| Some((*l, s.leaves_at?))).collect::<Vec<_>>()
        {
            if at > now || !(is_elsewhere || at + HANDOVER_MAX <= now) {
                edge.wake(at.max(now + HANDOVER / 4), &self.record.name, "handover");
                continue;
            }
            self.part(edge, now, link);
            self.links.remove(&link);
            let room = self.record.name.clone();
            if let Some(neighbour) = edge.links.get_mut(&link) {
                neighbour.knocks.remove(&room);
            }
            edge.say(link, Message::LeaveRoom(LeaveRoom { room }));
        }
    }

    fn is_wanted(&self, edge: &Edge, link: LinkId) -> bool {
        // Version 1 knows direct rooms only.
        self.wanted.contains(&link) || edge.links.get(&link).is_some_and(Link::is_plain)
    }

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

    fn rules_of(&self, sid: &str) -> Option<&Rules> {
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
    fn greet(&mut self, edge: &mut Edge, link: LinkId) {
        let Some(state) = self.links.get_mut(&link) else { return };
        let is_plain = edge.links.get(&link).is_some_and(Link::is_plain);
        if is_plain && state.entered {
            return;
        }
        state.told_theirs = state.theirs;
        let (session, answers, spare) = (state.session, state.theirs, !state.wanted);
        edge.say(link, Message::EnterRoom(EnterRoom { room: self.record.clone(), session, answers, spare }));
    }

    /// Drops what went over a link: its ways, its pulls and ours, who is heard by it. Those who cannot be heard by another
    /// stay for a while.
    fn part(&mut self, edge: &mut Edge, now: Instant, link: LinkId) {
        if let Some(state) = self.links.get_mut(&link) {
            state.follows.clear();
            state.told.clear();
            state.told_routes.clear();
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
        // In a tree: the one link upwards. Whoever loses a child takes its ways back at once, the child comes in elsewhere.
        self.holding = self.wanted.len() == 1 && self.wanted.contains(&link);
        for track_sid in self.paths.keys().cloned().collect::<Vec<_>>() {
            self.withdrawn(edge, now, link, &track_sid);
        }
        for node_id in self.origins.keys().cloned().collect::<Vec<_>>() {
            self.lose_route(edge, now, link, &node_id);
        }
        self.holding = false;
    }

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
