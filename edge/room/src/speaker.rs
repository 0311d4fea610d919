//! Who speaks: levels of this edge's own sources and what other edges say of theirs, merged; changes are told to clients
//! and to those who hear their edge from here, at most every [`crate::limits::SPEAKERS_INTERVAL`].

use std::collections::BTreeMap;
use std::time::Instant;

use edge_sfu::LinkId;
use edge_wire::control::{self, Message, Speaker};

use crate::edge::Edge;
use crate::limits::SPEAKERS_INTERVAL;
use crate::room::Room;
use crate::{Notice, PeerId};

/// By participant sid.
#[derive(Debug, Default)]
pub(crate) struct Speakers {
    local: BTreeMap<String, f32>,
    remote: BTreeMap<String, f32>,
    /// Pretended speech (fault injection by a client), until then.
    pretended: BTreeMap<String, Instant>,
    told: BTreeMap<String, f32>,
    told_links: BTreeMap<String, f32>,
    changed: bool,
    flushed_at: Option<Instant>,
}

impl Speakers {
    /// What clients were told last.
    pub(crate) fn now(&self) -> Vec<Speaker> {
        self.told.iter().map(|(sid, level)| speaker(sid, *level)).collect()
    }

    /// A participant left: nobody is told, since the roster says so.
    pub(crate) fn forget(&mut self, sid: &str) {
        for levels in [&mut self.local, &mut self.remote, &mut self.told, &mut self.told_links] {
            levels.remove(sid);
        }
        self.pretended.remove(sid);
    }

    fn own(&self) -> BTreeMap<String, f32> {
        let pretended = self.pretended.keys().map(|sid| (sid.clone(), 0.9));
        self.local.clone().into_iter().chain(pretended).collect()
    }
}

impl Room {
    /// The media thread's list, replacing its last one.
    pub(crate) fn set_levels(&mut self, edge: &mut Edge, levels: BTreeMap<String, f32>) {
        if levels.is_empty() {
            edge.speaking.remove(&self.record.name);
        } else {
            edge.speaking.insert(self.record.name.clone());
        }
        if self.speakers.local != levels {
            self.speakers.local = levels;
            self.speakers.changed = true;
        }
    }

    /// What an edge says of its participants, over the link it is heard by.
    pub(crate) fn remote_speakers(&mut self, edge: &mut Edge, link: LinkId, message: control::Speakers) {
        let Some(node_id) = self.speaks_for(edge, link, &message.node_id) else { return };
        let is_its = |sid: &str| self.remotes.get(sid).is_some_and(|remote| remote.origin == node_id);
        let sound: Vec<Speaker> = message
            .speakers
            .into_iter()
            .filter(|s| s.level.is_finite() && is_its(&s.participant_sid))
            .collect();
        let mut news = Vec::new();
        for Speaker { participant_sid, level } in sound {
            let level = level.min(1.0);
            let before = if level > 0.0 {
                self.speakers.remote.insert(participant_sid.clone(), level)
            } else {
                self.speakers.remote.remove(&participant_sid)
            };
            if before.unwrap_or_default() != level.max(0.0) {
                news.push(speaker(&participant_sid, level.max(0.0)));
            }
        }
        if !news.is_empty() {
            self.speakers.changed = true;
            let room = self.record.name.clone();
            let message =
                Message::Speakers(control::Speakers { room, speakers: news, node_id: node_id.clone() });
            self.roster.relayed.push((node_id, message));
        }
    }

    /// A client of a test wants to be heard without speaking.
    pub(crate) fn pretend_speech(&mut self, edge: &mut Edge, id: PeerId, until: Instant) {
        let Some(peer) = self.peers.get(&id) else { return };
        self.speakers.pretended.insert(peer.sid().to_owned(), until);
        self.speakers.changed = true;
        edge.wake(until, &self.record.name, "pretended speech");
    }

    /// Who begins to hear an edge is told who of it speaks and how well they are connected; changes later.
    pub(crate) fn tell_link_state(&self, edge: &mut Edge, link: LinkId, node_id: &str) {
        let is_own = node_id == edge.config.node_id;
        let is_its = |sid: &String| self.remotes.get(sid).is_some_and(|remote| remote.origin == node_id);
        let told = if is_own { &self.speakers.told_links } else { &self.speakers.remote };
        let told = told.iter().filter(|(sid, _)| is_own || is_its(sid));
        let speakers: Vec<Speaker> = told.map(|(sid, level)| speaker(sid, *level)).collect();
        let (room, node_id) = (&self.record.name, node_id.to_owned());
        if !speakers.is_empty() {
            let message = control::Speakers { room: room.clone(), speakers, node_id: node_id.clone() };
            edge.say(link, Message::Speakers(message));
        }
        let sids: Vec<&String> = if is_own {
            self.peers.values().map(|peer| &peer.participant.sid).collect()
        } else {
            self.remotes.iter().filter(|(_, remote)| remote.origin == node_id).map(|(sid, _)| sid).collect()
        };
        for quality in sids.into_iter().filter_map(|sid| self.qualities.of(sid)) {
            let quality =
                control::Quality { room: room.clone(), node_id: node_id.clone(), ..quality.clone() };
            edge.say(link, Message::Quality(quality));
        }
    }

    pub(crate) fn flush_speakers(&mut self, edge: &mut Edge, now: Instant) {
        let pretended = self.speakers.pretended.len();
        self.speakers.pretended.retain(|_, until| *until > now);
        self.speakers.changed |= self.speakers.pretended.len() != pretended;
        if !self.speakers.changed {
            return;
        }
        if let Some(next) = self.speakers.flushed_at.map(|at| at + SPEAKERS_INTERVAL)
            && now < next
        {
            edge.wake(next, &self.record.name, "speakers");
            return;
        }
        self.speakers.changed = false;
        self.speakers.flushed_at = Some(now);
        let own = self.speakers.own();
        let mut all = self.speakers.remote.clone();
        all.extend(own.clone());
        let for_links = changes(&mut self.speakers.told_links, own);
        let for_clients = changes(&mut self.speakers.told, all);
        if !for_clients.is_empty() {
            for id in self.peers.keys() {
                edge.notify(*id, Notice::Speakers(for_clients.clone()));
            }
        }
        if !for_links.is_empty() {
            let (room, node_id) = (self.record.name.clone(), edge.config.node_id.clone());
            let message = control::Speakers { room, speakers: for_links, node_id: node_id.clone() };
            self.tell_listeners(edge, &node_id, &Message::Speakers(message));
        }
    }
}

/// What differs from what was told; level 0 for those who fell silent.
fn changes(told: &mut BTreeMap<String, f32>, now: BTreeMap<String, f32>) -> Vec<Speaker> {
    let silent = told.keys().filter(|sid| !now.contains_key(*sid)).map(|sid| speaker(sid, 0.0));
    let heard = now
        .iter()
        .filter(|(sid, level)| told.get(*sid) != Some(level))
        .map(|(sid, level)| speaker(sid, *level));
    let changes = silent.chain(heard).collect();
    *told = now;
    changes
}

fn speaker(sid: &str, level: f32) -> Speaker {
    Speaker { participant_sid: sid.to_owned(), level }
}
