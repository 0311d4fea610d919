//! How a link to another edge comes into a room and leaves it: sessions, who needs it, what is told at the beginning.

use std::time::Instant;

use edge_sfu::{Command, LinkId};
use edge_wire::control::{EnterRoom, LeaveRoom, Message};

use crate::demand::release;
use crate::edge::{Edge, Link};
use crate::limits::{GREET_SELDOM, HANDOVER, HANDOVER_MAX};
use crate::links::RoomPeers;
use crate::participant::Peer;
use crate::paths::RoomLink;
use crate::room::Room;

impl Room {
    /// Which links the control plane lets into the room now, and which of them this edge needs.
    pub(crate) fn set_peers(&mut self, edge: &mut Edge, now: Instant, peers: RoomPeers) {
        let before = std::mem::replace(&mut self.admitted, peers.admitted.into_iter().collect());
        self.wanted = peers.wanted.into_iter().collect();
        for link in self.admitted.difference(&before).copied().collect::<Vec<_>>() {
            self.link_up(edge, link);
        }
        self.nodes = peers.nodes;
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            if !self.admitted.contains(&link) {
                self.part(edge, now, link);
                self.links.remove(&link);
                // Or the far edge would keep our word that we are in the room for as long as the link is up.
                self.say_parted(edge, link);
                continue;
            }
            let is_wanted = self.is_wanted(edge, link);
            if self
                .links
                .get_mut(&link)
                .is_some_and(|s| std::mem::replace(&mut s.wanted, is_wanted) != is_wanted)
            {
                self.greet(edge, now, link);
                self.tell_held();
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
            self.links.insert(link, RoomLink::new(edge.new_flow(), wanted, now));
            self.greet(edge, now, link);
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
            self.greet(edge, now, link);
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
            self.tell_sent_out(edge, now, link);
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
        match self.links.remove(&link).map(|state| state.wanted) {
            Some(true) => {
                self.links.insert(link, RoomLink::new(edge.new_flow(), true, now));
                self.greet(edge, now, link);
            }
            Some(false) => self.say_parted(edge, link),
            None => {}
        }
    }

    /// The link is up, or the control plane lets it in: whoever entered before, when nothing was heard here, takes itself for entered or
    /// waits. Those we need are greeted, which says it too; to the others it is said.
    pub(crate) fn link_up(&mut self, edge: &mut Edge, link: LinkId) {
        let has_entered = |neighbour: &Link| neighbour.knocks.contains_key(&self.record.name);
        let is_silent = edge.links.get(&link).is_some_and(|neighbour| !has_entered(neighbour));
        if is_silent && self.admitted.contains(&link) && !self.is_wanted(edge, link) {
            self.say_parted(edge, link);
        }
    }

    fn say_parted(&self, edge: &mut Edge, link: LinkId) {
        edge.say(link, Message::LeaveRoom(LeaveRoom { room: self.record.name.clone() }));
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
            self.say_parted(edge, link);
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
            self.say_parted(edge, link);
        }
    }

    /// Links whose edges have not answered yet.
    pub(crate) fn greet_again(&mut self, edge: &mut Edge, now: Instant) {
        let is_due = |state: &RoomLink| !state.answered && state.greet_at <= now;
        let due: Vec<LinkId> = self.links.iter().filter(|(_, s)| is_due(s)).map(|(link, _)| *link).collect();
        for link in due {
            self.greet(edge, now, link);
        }
    }

    fn is_wanted(&self, edge: &Edge, link: LinkId) -> bool {
        // Version 1 knows direct rooms only.
        self.wanted.contains(&link) || edge.links.get(&link).is_some_and(Link::is_plain)
    }
}

impl Room {
    /// Says that the link is in the room, and again until the far edge answers: while it takes the link for lost it hears nothing.
    fn greet(&mut self, edge: &mut Edge, now: Instant, link: LinkId) {
        let Some(state) = self.links.get_mut(&link) else { return };
        let is_plain = edge.links.get(&link).is_some_and(Link::is_plain);
        if is_plain && state.entered {
            return;
        }
        state.told_theirs = state.theirs;
        state.greet_at = now + state.greet_wait;
        state.greet_wait = (state.greet_wait * 2).min(GREET_SELDOM);
        edge.wake(state.greet_at, &self.record.name, "greet again");
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
}
