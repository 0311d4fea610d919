//! Who speaks: levels of this edge's own sources and what other edges say of theirs, merged; changes are told to clients
//! and (own ones) to links, at most every [`crate::limits::SPEAKERS_INTERVAL`].

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

    /// What a link says of its own participants.
    pub(crate) fn remote_speakers(&mut self, link: LinkId, speakers: Vec<Speaker>) {
        for Speaker { participant_sid, level } in speakers {
            if self.remotes.get(&participant_sid).is_none_or(|remote| remote.link != link)
                || !level.is_finite()
            {
                continue;
            }
            self.speakers.changed = true;
            if level > 0.0 {
                self.speakers.remote.insert(participant_sid, level.min(1.0));
            } else {
                self.speakers.remote.remove(&participant_sid);
            }
        }
    }

    /// A client of a test wants to be heard without speaking.
    pub(crate) fn pretend_speech(&mut self, edge: &mut Edge, id: PeerId, until: Instant) {
        let Some(peer) = self.peers.get(&id) else { return };
        self.speakers.pretended.insert(peer.sid().to_owned(), until);
        self.speakers.changed = true;
        edge.wake(until, &self.record.name, "pretended speech");
    }

    /// Links are told of all own speakers when they enter, and of changes later.
    pub(crate) fn tell_link_state(&self, edge: &mut Edge, link: LinkId) {
        let speakers: Vec<Speaker> =
            self.speakers.told_links.iter().map(|(sid, level)| speaker(sid, *level)).collect();
        let room = &self.record.name;
        if !speakers.is_empty() {
            edge.say(link, Message::Speakers(control::Speakers { room: room.clone(), speakers }));
        }
        for peer in self.peers.values() {
            if let Some(quality) = self.qualities.of(peer.sid()) {
                edge.say(link, Message::Quality(control::Quality { room: room.clone(), ..quality.clone() }));
            }
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
            for (link, _) in self.links.iter().filter(|(_, state)| state.entered) {
                let speakers =
                    control::Speakers { room: self.record.name.clone(), speakers: for_links.clone() };
                edge.say(*link, Message::Speakers(speakers));
            }
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
