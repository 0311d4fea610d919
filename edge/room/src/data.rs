//! Application data: to this edge's clients over their data channels, to other edges once per link. What comes over a link is
//! never sent over another: every two edges of a room are linked.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use edge_sfu::{Command, LinkId, SessionId};
use edge_wire::{control, model};

use crate::edge::Edge;
use crate::limits::{DATA_BYTES_MAX, EARLY_BYTES_MAX, EARLY_DATA_MAX};
use crate::room::{Room, Who};
use crate::{Output, PeerId};

impl Room {
    /// Data of a client of this edge (or, without sender, of the server).
    pub(crate) fn relay(&mut self, edge: &mut Edge, from: Option<PeerId>, data: &model::Data) {
        if from.is_some_and(|id| self.peers.get(&id).is_none_or(|peer| !peer.permission().can_publish_data)) {
            tracing::debug!("data of a participant that may not send any is dropped");
            return;
        }
        let bytes = data.payload.len() + data.destinations.iter().map(|d| d.len() + 4).sum::<usize>();
        if bytes > DATA_BYTES_MAX {
            tracing::debug!(bytes, "a data packet is larger than a link takes and is dropped");
            return;
        }
        self.deliver(edge, from, data);
        for link in self.links_of(&data.destinations) {
            let data = control::RoomData { room: self.record.name.clone(), data: data.clone() };
            edge.push(Output::LinkData { link, data });
        }
    }

    /// Data of another edge.
    pub(crate) fn link_data(&mut self, edge: &mut Edge, link: LinkId, data: &model::Data) {
        if self.links.contains_key(&link) {
            self.deliver(edge, None, data);
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

    fn deliver(&mut self, edge: &mut Edge, from: Option<PeerId>, data: &model::Data) {
        let ids: Vec<PeerId> = if data.destinations.is_empty() {
            self.peers.keys().copied().collect()
        } else {
            let named: BTreeSet<PeerId> =
                data.destinations.iter().filter_map(|identity| self.local(identity)).collect();
            named.into_iter().collect()
        };
        for id in ids.into_iter().filter(|id| Some(*id) != from) {
            let Some(peer) = self.peers.get_mut(&id) else { continue };
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

    /// Links behind which somebody is meant.
    fn links_of(&self, destinations: &[String]) -> BTreeSet<LinkId> {
        let entered = |link: &LinkId| self.links.get(link).is_some_and(|state| state.entered);
        if destinations.is_empty() {
            return self.links.keys().copied().filter(entered).collect();
        }
        let named = destinations.iter().filter_map(|identity| match self.identities.get(identity) {
            Some(Who::Remote(sid)) => self.remotes.get(sid).map(|remote| remote.link),
            _ => None,
        });
        named.filter(entered).collect()
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
