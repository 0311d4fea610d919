//! Application data: to this edge's clients over their data channels, to other edges once per link, along the ways by which they
//! follow its edge (`follow.rs`). Reliable data is numbered by publisher and kept for a moment: an edge that loses its way asks
//! from its last number on by another.

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use edge_sfu::{Command, LinkId, SessionId};
use edge_wire::control::RoomData;
use edge_wire::model;

use crate::edge::{Edge, Link};
use crate::limits::{DATA_BYTES_MAX, EARLY_BYTES_MAX, EARLY_DATA_MAX, HOPS_MAX};
use crate::origin::Stage;
use crate::participant::Peer;
use crate::room::{Room, Who};
use crate::{Output, PeerId};

impl Room {
    /// Data of a client of this edge (or, without sender, of the server).
    pub(crate) fn relay(&mut self, edge: &mut Edge, now: Instant, from: Option<PeerId>, data: &model::Data) {
        if from.is_some_and(|id| self.peers.get(&id).is_none_or(|peer| !peer.permission().can_publish_data)) {
            tracing::debug!("data of a participant that may not send any is dropped");
            return;
        }
        let bytes = data.payload.len() + data.destinations.iter().map(|d| d.len() + 4).sum::<usize>();
        if bytes > DATA_BYTES_MAX {
            tracing::debug!(bytes, "a data packet is larger than a link takes and is dropped");
            return;
        }
        self.deliver(edge, data);
        let mut data = RoomData {
            room: self.record.name.clone(),
            data: data.clone(),
            node_id: edge.config.node_id.clone(),
            ..RoomData::default()
        };
        if data.data.reliable {
            let number = self.own.numbers.entry(data.data.from_sid.clone()).or_default();
            *number += 1;
            data.number = *number;
            self.own.keep(now, data.clone());
        }
        for link in self.plain_links_of(edge, &data.data.destinations) {
            edge.push(Output::LinkData { link, data: data.clone() });
        }
        self.pass_on(edge, &data, None);
    }

    /// Data over a link.
    pub(crate) fn link_data(&mut self, edge: &mut Edge, now: Instant, link: LinkId, data: RoomData) {
        if edge.links.get(&link).is_some_and(Link::is_plain) {
            return self.deliver(edge, &data.data);
        }
        let node_id = data.node_id.clone();
        // Of one that moves between that edge and this one, and speaks at both.
        let moves =
            !self.remotes.contains_key(&data.data.from_sid) && self.present(&data.data.from_sid).is_some();
        let Some(origin) = self.origins.get_mut(&node_id) else { return };
        if origin.upstream != Some(link) || origin.follow != data.follow {
            // It comes again by the way that is in use now.
            return;
        }
        let sid = &data.data.from_sid;
        if !data.data.reliable {
            if origin.stage != Stage::Asked && (data.passed as usize) < HOPS_MAX {
                self.deliver(edge, &data.data);
                self.pass_on(edge, &RoomData { passed: data.passed + 1, ..data }, Some(link));
            }
            return;
        }
        let is_known = sid.is_empty()
            || self.remotes.contains_key(sid)
            || origin.log.is_gone(sid)
            || origin.log.is_before(&data)
            || moves;
        if !origin.is_live() || !is_known {
            origin.hold(data);
            return;
        }
        self.take_reliable(edge, now, &node_id, data);
    }

    /// What waited for the record of its publisher, or for the end of an account.
    pub(crate) fn deliver_held(&mut self, edge: &mut Edge, now: Instant, node_id: &str) {
        let Some(origin) = self.origins.get_mut(node_id).filter(|origin| origin.is_live()) else { return };
        let Some(link) = origin.upstream else { return };
        for data in origin.take_held() {
            self.link_data(edge, now, link, data);
        }
    }

    /// What overtook the `EnterRoom` of an edge of version 1.
    pub(crate) fn deliver_early(&mut self, edge: &mut Edge, link: LinkId) {
        let Some(state) = edge.links.get_mut(&link) else { return };
        let (ours, others) =
            std::mem::take(&mut state.early).into_iter().partition(|d| d.room == self.record.name);
        state.early = others;
        let ours: VecDeque<RoomData> = ours;
        for data in ours {
            self.deliver(edge, &data.data);
        }
    }

    /// Once, in order, whichever ways it came.
    fn take_reliable(&mut self, edge: &mut Edge, now: Instant, node_id: &str, data: RoomData) {
        let Some(origin) = self.origins.get_mut(node_id) else { return };
        let last = origin.log.numbers.entry(data.data.from_sid.clone()).or_default();
        if data.number <= *last {
            return;
        }
        if *last > 0 && data.number > *last + 1 {
            let lost = data.number - *last - 1;
            tracing::warn!(%node_id, lost, "reliable data was lost: no way led to the edge for too long");
        }
        *last = data.number;
        let is_before = origin.log.is_before(&data);
        origin.log.keep(now, data.clone());
        if !is_before {
            self.deliver(edge, &data.data);
        }
        self.pass_on(edge, &data, None);
    }

    /// To those who hear its edge from here. Reliable data goes to all of them, so that any of them can hand it on when a
    /// way is lost; lossy data only where somebody is meant.
    fn pass_on(&self, edge: &mut Edge, data: &RoomData, from: Option<LinkId>) {
        let meant = (!data.data.reliable && !data.data.destinations.is_empty())
            .then(|| self.links_towards(&data.data.destinations));
        for (link, state) in self.links.iter().filter(|(link, _)| Some(**link) != from) {
            let Some(follow) = state.follows.get(&data.node_id).copied() else { continue };
            if meant.as_ref().is_none_or(|meant| meant.contains(link)) {
                edge.push(Output::LinkData { link: *link, data: RoomData { follow, ..data.clone() } });
            }
        }
    }

    /// The client opened the data channel: what waited for it goes out.
    pub(crate) fn channel_open(&mut self, edge: &mut Edge, id: PeerId, label: &str) {
        let reliable = edge.config.reliable_label;
        if label != reliable {
            return;
        }
        let early = self.peers.get_mut(&id).and_then(|peer| peer.early.take());
        for payload in early.into_iter().flatten() {
            edge.media(Command::SendData {
                session: SessionId(id.0),
                label: reliable,
                binary: true,
                payload,
            });
        }
    }

    /// To the clients meant, but for every connection of its sender: one that moves has two, and the other may be here.
    fn deliver(&mut self, edge: &mut Edge, data: &model::Data) {
        let ids: Vec<PeerId> = if data.destinations.is_empty() {
            self.peers.keys().copied().collect()
        } else {
            let named: BTreeSet<PeerId> =
                data.destinations.iter().filter_map(|identity| self.local(identity)).collect();
            named.into_iter().collect()
        };
        for id in ids {
            let is_other = |peer: &&mut Peer| peer.sid() != data.from_sid;
            let Some(peer) = self.peers.get_mut(&id).filter(is_other) else { continue };
            if data.reliable && peer.early.is_some() {
                wait(&mut peer.early, data.payload.clone());
                continue;
            }
            let label = if data.reliable { edge.config.reliable_label } else { edge.config.lossy_label };
            let payload = data.payload.clone();
            edge.media(Command::SendData { session: SessionId(id.0), label, binary: true, payload });
        }
    }

    pub(crate) fn local(&self, identity: &str) -> Option<PeerId> {
        match self.identities.get(identity) {
            Some(Who::Local(id)) => Some(*id),
            _ => None,
        }
    }

    /// Links of version 1 to whose edges somebody is meant; their edges hand nothing on.
    fn plain_links_of(&self, edge: &Edge, destinations: &[String]) -> BTreeSet<LinkId> {
        let plain = self.listeners(edge, &edge.config.node_id).into_iter();
        let plain = plain.filter(|link| edge.links.get(link).is_some_and(Link::is_plain));
        if destinations.is_empty() {
            return plain.collect();
        }
        let meant = self.links_towards(destinations);
        plain.filter(|link| meant.contains(link)).collect()
    }

    /// Links behind which somebody is meant.
    fn links_towards(&self, destinations: &[String]) -> BTreeSet<LinkId> {
        let named = destinations.iter().filter_map(|identity| match self.identities.get(identity) {
            Some(Who::Remote(sid)) => self.link_towards(&self.remotes.get(sid)?.origin),
            _ => None,
        });
        named.collect()
    }
}

fn wait(early: &mut Option<VecDeque<Bytes>>, payload: Bytes) {
    if let Some(queue) = early {
        queue.push_back(payload);
        while queue.len() > EARLY_DATA_MAX || queue.iter().map(Bytes::len).sum::<usize>() > EARLY_BYTES_MAX {
            queue.pop_front();
        }
    }
}
