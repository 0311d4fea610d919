//! How an edge hears of participants that are not its neighbours': every edge says what it knows of its own as a numbered log,
//! and each other edge follows that log over one link ([`crate::routes`]). So each word comes once, and after a loss the next
//! link goes on where the last one stopped.

use std::collections::BTreeSet;
use std::time::Instant;

use edge_sfu::LinkId;
use edge_wire::control::{Follow, Message, ParticipantGone, ParticipantUpdate, Position, RoomData, Sync};

use crate::Output;
use crate::edge::Edge;
use crate::origin::Stage;
use crate::room::Room;

impl Room {
    /// Asks the upstream for all it has, and for the data that is missed. All, since an edge on the way may have left somebody
    /// out (an identity that a newer join held there), and its count of changes does not say so.
    pub(crate) fn follow(&mut self, edge: &mut Edge, node_id: &str) {
        let number = edge.new_flow();
        let Some(origin) = self.origins.get_mut(node_id).filter(|origin| !origin.is_plain) else { return };
        let Some(upstream) = origin.upstream else { return };
        origin.follow = number;
        origin.stage = Stage::Asked;
        let follow = Follow {
            room: self.record.name.clone(),
            node_id: node_id.to_owned(),
            epoch: origin.epoch,
            number,
            after: 0,
            fresh: !origin.is_whole,
            positions: origin.log.positions(),
        };
        edge.say(upstream, Message::Follow(follow));
    }

    /// A link asks for what an edge says: what it lacks, then news.
    pub(crate) fn followed(&mut self, edge: &mut Edge, link: LinkId, follow: &Follow) {
        let is_own = follow.node_id == edge.config.node_id;
        let (log, is_served) = if is_own {
            (&self.own, follow.epoch == self.epoch)
        } else {
            let Some(origin) = self.origins.get(&follow.node_id) else { return };
            let is_back = origin.upstream == Some(link);
            (&origin.log, origin.epoch == follow.epoch && origin.is_whole && !is_back)
        };
        if !is_served {
            tracing::debug!(link = link.0, node_id = %follow.node_id, "an edge asks for what is not here");
            return;
        }
        let is_full = follow.after == 0 || follow.after < log.horizon || follow.after > log.change;
        let after = follow.after;
        let sync = Sync {
            room: self.record.name.clone(),
            node_id: follow.node_id.clone(),
            number: follow.number,
            full: is_full,
            end: false,
            change: 0,
            positions: Vec::new(),
        };
        edge.say(link, Message::Sync(sync.clone()));
        // In the order of the changes: cut short, the follower has all up to the last that came.
        let mut records: Vec<(u64, &str, Option<&str>)> =
            log.changes.iter().map(|(sid, change)| (*change, sid.as_str(), None)).collect();
        if !is_full {
            records.extend(
                log.gone.iter().map(|(change, sid, who)| (*change, sid.as_str(), Some(who.as_str()))),
            );
        }
        records.retain(|(change, _, _)| is_full || *change > after);
        records.sort_unstable();
        for (change, sid, gone) in records {
            if let Some(identity) = gone {
                edge.say(link, self.gone_message(&follow.node_id, sid, identity, change));
            } else if let Some(update) = self.update_of(&follow.node_id, sid, change) {
                edge.say(link, update);
                self.tell_rules_of(edge, sid, link, change);
            }
        }
        let positions = if follow.fresh { log.standing() } else { Vec::new() };
        // Who was told less than all is told all again by the next it asks.
        let change = if self.lacks(&follow.node_id) { 0 } else { log.change };
        edge.say(link, Message::Sync(Sync { end: true, change, positions, ..sync }));
        // Who asks afresh is given what is kept as well: others may come to it for what they lack.
        for data in log.missed(&follow.positions) {
            let data = RoomData { follow: follow.number, ..data.clone() };
            edge.push(Output::LinkData { link, data });
        }
        if let Some(state) = self.links.get_mut(&link) {
            state.follows.insert(follow.node_id.clone(), follow.number);
        }
        self.tell_link_state(edge, link, &follow.node_id);
    }

    pub(crate) fn unfollowed(&mut self, link: LinkId, node_id: &str) {
        if let Some(state) = self.links.get_mut(&link) {
            state.follows.remove(node_id);
        }
    }

    pub(crate) fn synced(&mut self, edge: &mut Edge, now: Instant, link: LinkId, sync: Sync) {
        let node_id = sync.node_id;
        let sids: BTreeSet<String> = self.sids_of(&node_id);
        let Some(origin) = self.origins.get_mut(&node_id) else { return };
        if origin.upstream != Some(link) || origin.follow != sync.number || origin.is_plain {
            return;
        }
        if !sync.end {
            origin.stage = Stage::Told(sync.full.then_some(sids));
            return;
        }
        let Stage::Told(unnamed) = std::mem::replace(&mut origin.stage, Stage::Live) else {
            origin.stage = Stage::Asked;
            return;
        };
        origin.log.change = origin.log.change.max(sync.change);
        if unnamed.is_some() {
            origin.log.horizon = sync.change;
            origin.lacks = false;
        }
        if !std::mem::replace(&mut origin.is_whole, true) {
            for Position { participant_sid, number } in sync.positions {
                origin.log.began.insert(participant_sid, number);
            }
        }
        for sid in unnamed.into_iter().flatten() {
            self.remote_left(edge, now, &node_id, &sid, sync.change);
        }
        self.roster.routes.insert(node_id.clone());
        self.deliver_held(edge, now, &node_id);
    }

    /// Whether a link may speak for the edge now; version 1 speaks for itself alone.
    pub(crate) fn speaks_for(&self, edge: &Edge, link: LinkId, node_id: &str) -> Option<String> {
        let neighbour = edge.links.get(&link)?;
        if neighbour.is_plain() {
            return Some(neighbour.node_id.clone());
        }
        let origin = self.origins.get(node_id)?;
        let is_heard = origin.upstream == Some(link) && origin.stage != Stage::Asked && !origin.is_plain;
        is_heard.then(|| node_id.to_owned())
    }

    /// A change came from upstream: its number counts from now on, and in a full account its participant is named.
    /// The number followers are told: 0 while departures may have been missed.
    pub(crate) fn note_change(&mut self, node_id: &str, sid: &str, change: u64, has_left: bool) -> u64 {
        let Some(origin) = self.origins.get_mut(node_id) else { return 0 };
        if has_left {
            let identity = self.remotes.get(sid).map_or("", |remote| &remote.participant.identity);
            origin.log.left(sid, identity, change);
        } else {
            origin.log.changed(sid, change);
        }
        if let Stage::Told(Some(unnamed)) = &mut origin.stage {
            unnamed.remove(sid);
            return 0;
        }
        origin.log.change = origin.log.change.max(change);
        if self.lacks(node_id) { 0 } else { change }
    }

    pub(crate) fn sids_of(&self, node_id: &str) -> BTreeSet<String> {
        let own = self.remotes.iter().filter(|(_, remote)| remote.origin == node_id);
        own.map(|(sid, _)| sid.clone()).collect()
    }

    pub(crate) fn gone_message(&self, node_id: &str, sid: &str, identity: &str, change: u64) -> Message {
        Message::ParticipantGone(ParticipantGone {
            room: self.record.name.clone(),
            sid: sid.to_owned(),
            identity: identity.to_owned(),
            node_id: node_id.to_owned(),
            change,
        })
    }

    pub(crate) fn update_message(&self, sid: &str, change: u64) -> Option<Message> {
        let here =
            self.peers.values().filter(|peer| peer.standing.is_present()).map(|peer| &peer.participant);
        let local = here.into_iter().find(|participant| participant.sid == sid);
        let remote = || self.remotes.get(sid).map(|remote| &remote.participant);
        let participant = local.or_else(remote)?.clone();
        let room = self.record.name.clone();
        Some(Message::Participant(ParticipantUpdate { room, participant, change }))
    }

    /// Whether somebody of the edge is left out here, since a newer join elsewhere has the identity.
    fn lacks(&self, node_id: &str) -> bool {
        self.origins.get(node_id).is_some_and(|origin| origin.lacks)
            || self.suppressed.values().any(|edges| edges.contains(node_id))
    }

    /// Somebody of an edge; not who moved on to another.
    fn update_of(&self, node_id: &str, sid: &str, change: u64) -> Option<Message> {
        let update = self.update_message(sid, change)?;
        let is_its = matches!(&update, Message::Participant(m) if m.participant.node_id == node_id);
        is_its.then_some(update)
    }
}
