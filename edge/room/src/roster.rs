//! Who is here: changes are collected during a call and told at its end, to links at once, to clients of large rooms at
//! most every [`crate::limits::ROSTER_INTERVAL`].

use std::collections::BTreeSet;
use std::time::Instant;

use edge_sfu::LinkId;
use edge_wire::control::Message;
use edge_wire::model::{self, ParticipantState};

use crate::edge::{Edge, Link};
use crate::handover::Standing;
use crate::limits::{LARGE_ROOM, ROOM_NOTICE_INTERVAL, ROSTER_INTERVAL};
use crate::participant::{departed, is_visible};
use crate::room::Room;
use crate::{Notice, Output};

#[derive(Debug, Default)]
pub(crate) struct Roster {
    /// Sids of participants clients have to be told of.
    changed: BTreeSet<String>,
    gone: Vec<model::Participant>,
    /// Own participants links have to be told of.
    changed_for_links: BTreeSet<String>,
    gone_for_links: Vec<model::Participant>,
    /// What other edges said, by node id, for those who hear them from here.
    pub(crate) relayed: Vec<(String, Message)>,
    /// Edges the way to which may have changed.
    pub(crate) routes: BTreeSet<String>,
    /// Tracks whose announcement may have changed.
    pub(crate) announce: BTreeSet<String>,
    /// Own participants came or went.
    pub(crate) presence: bool,
    told_at: Option<Instant>,
    recount: bool,
    count_told: u32,
    count_told_at: Option<Instant>,
}

impl Roster {
    pub(crate) fn changed(&mut self, sid: &str, is_local: bool) {
        self.changed.insert(sid.to_owned());
        self.recount = true;
        if is_local {
            self.changed_for_links.insert(sid.to_owned());
        }
    }

    /// Clients take the participant for gone.
    pub(crate) fn hid(&mut self, participant: &model::Participant) {
        self.recount = true;
        self.gone.push(departed(participant));
    }

    pub(crate) fn left(&mut self, participant: &model::Participant, is_local: bool) {
        self.recount = true;
        self.changed.remove(&participant.sid);
        self.changed_for_links.remove(&participant.sid);
        if is_visible(participant) {
            self.gone.push(departed(participant));
        }
        if is_local {
            self.gone_for_links.push(participant.clone());
        }
    }
}

impl Room {
    /// Tells what changed during the call.
    pub(crate) fn flush(&mut self, edge: &mut Edge, now: Instant) {
        self.flush_links(edge, now);
        self.flush_roster(edge, now);
        self.flush_count(edge, now);
        self.flush_speakers(edge, now);
        self.flush_qualities(edge, now);
        if std::mem::take(&mut self.roster.presence) {
            // Who went on elsewhere is named there.
            let here = self.peers.values().filter(|peer| !matches!(peer.standing, Standing::Ghost { .. }));
            let identities = here.map(|peer| peer.participant.identity.clone()).collect();
            edge.push(Output::RoomPresence { room: self.record.name.clone(), identities });
        }
    }

    /// Departures first, so that an identity that comes again is not taken for the old one; announcements last, so that
    /// their tracks are known. What other edges said goes to those who hear them from here.
    fn flush_links(&mut self, edge: &mut Edge, now: Instant) {
        self.ask_for_suppressed(edge);
        self.tell_routes(edge, now, None);
        let own = edge.config.node_id.clone();
        for participant in std::mem::take(&mut self.roster.gone_for_links) {
            let change = self.own.next();
            self.own.left(&participant.sid, &participant.identity, change);
            let gone = self.gone_message(&own, &participant.sid, &participant.identity, change);
            self.tell_listeners(edge, &own, &gone);
        }
        for sid in std::mem::take(&mut self.roster.changed_for_links) {
            let change = self.own.change + 1;
            let is_here = self.peers.values().any(|peer| peer.standing.is_present() && peer.sid() == sid);
            if let Some(update) = self.update_message(&sid, change).filter(|_| is_here) {
                self.own.next();
                self.own.changed(&sid, change);
                self.tell_listeners(edge, &own, &update);
            }
        }
        for (node_id, message) in std::mem::take(&mut self.roster.relayed) {
            self.tell_listeners(edge, &node_id, &message);
        }
        for track_sid in std::mem::take(&mut self.roster.announce) {
            self.announce(edge, now, &track_sid);
        }
    }

    /// Says something of an edge to all who hear it from here.
    pub(crate) fn tell_listeners(&self, edge: &mut Edge, node_id: &str, message: &Message) {
        for link in self.listeners(edge, node_id) {
            edge.say(link, message.clone());
        }
    }

    /// Links whose edges hear `node_id` from here; of this edge itself, those of version 1 always do.
    pub(crate) fn listeners(&self, edge: &Edge, node_id: &str) -> Vec<LinkId> {
        let takes_all = |link: &LinkId| {
            *node_id == edge.config.node_id && edge.links.get(link).is_some_and(Link::is_plain)
        };
        let entered = self.links.iter().filter(|(_, state)| state.entered);
        let hearing = entered.filter(|(link, state)| state.follows.contains_key(node_id) || takes_all(link));
        hearing.map(|(link, _)| *link).collect()
    }

    fn flush_roster(&mut self, edge: &mut Edge, now: Instant) {
        if self.roster.changed.is_empty() && self.roster.gone.is_empty() {
            return;
        }
        if self.peers.len() >= LARGE_ROOM
            && let Some(next) = self.roster.told_at.map(|at| at + ROSTER_INTERVAL)
            && now < next
        {
            edge.wake(next, &self.record.name, "roster");
            return;
        }
        self.roster.told_at = Some(now);
        let changed = std::mem::take(&mut self.roster.changed);
        let mut updates = std::mem::take(&mut self.roster.gone);
        updates.extend(self.everyone().filter(|p| changed.contains(&p.sid) && is_visible(p)).cloned());
        for (id, peer) in &self.peers {
            let mut told = updates.clone();
            // Nobody is told of an end of its own.
            told.retain(|p| p.sid != peer.sid() || p.state != ParticipantState::Disconnected as i32);
            if !is_visible(&peer.participant) && changed.contains(peer.sid()) {
                told.push(peer.participant.clone());
            }
            if !told.is_empty() {
                edge.notify(*id, Notice::Participants(told));
            }
        }
    }

    fn flush_count(&mut self, edge: &mut Edge, now: Instant) {
        if !self.roster.recount {
            return;
        }
        if self.count() == self.roster.count_told {
            self.roster.recount = false;
            return;
        }
        if let Some(next) = self.roster.count_told_at.map(|at| at + ROOM_NOTICE_INTERVAL)
            && now < next
        {
            edge.wake(next, &self.record.name, "participant count");
            return;
        }
        self.tell_room(edge, now);
    }

    /// Tells every client the room's record.
    pub(crate) fn tell_room(&mut self, edge: &mut Edge, now: Instant) {
        self.roster.recount = false;
        self.roster.count_told_at = Some(now);
        self.roster.count_told = self.count();
        for id in self.peers.keys() {
            let notice = Notice::Room { room: self.record.clone(), num_participants: self.roster.count_told };
            edge.notify(*id, notice);
        }
    }
}
