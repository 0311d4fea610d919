//! What the admin API and the ops page read.

use std::collections::BTreeMap;

use edge_sfu::LinkId;
use edge_wire::model;

use crate::room::Who;
use crate::{PeerId, Rooms};

impl Rooms {
    /// Rooms that hold participants of this edge, by name.
    pub fn rooms(&self) -> impl Iterator<Item = &model::Room> {
        self.rooms.values().map(|room| &room.record)
    }

    #[must_use]
    pub fn room(&self, name: &str) -> Option<&model::Room> {
        self.rooms.get(name).map(|room| &room.record)
    }

    /// Everybody in the room, on all edges; empty when this edge does not hold it.
    #[must_use]
    pub fn participants(&self, room: &str) -> Vec<model::Participant> {
        self.rooms.get(room).map(|room| room.everyone().cloned().collect()).unwrap_or_default()
    }

    #[must_use]
    pub fn participant(&self, room: &str, identity: &str) -> Option<model::Participant> {
        let room = self.rooms.get(room)?;
        match room.identities.get(identity)? {
            Who::Local(id) => room.peers.get(id).map(|peer| peer.participant.clone()),
            Who::Remote(sid) => room.remotes.get(sid).map(|remote| remote.participant.clone()),
        }
    }

    /// Entries of other edges into rooms, shared or not. They go with the rooms: a fleet without classes has none.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.edge.links.values().map(|link| link.knocks.len()).sum()
    }

    /// Room, participant sid and identity of a client of this edge.
    #[must_use]
    pub fn who(&self, peer: PeerId) -> Option<(String, String, String)> {
        let name = self.edge.peers.get(&peer)?;
        let participant = &self.rooms.get(name)?.peers.get(&peer)?.participant;
        Some((name.clone(), participant.sid.clone(), participant.identity.clone()))
    }

    /// Participants of this edge.
    #[must_use]
    pub fn local_participants(&self) -> usize {
        self.edge.peers.len()
    }

    /// Media flows of each link: sent, received.
    #[must_use]
    pub fn link_flows(&self) -> BTreeMap<LinkId, (u32, u32)> {
        let count = |flows: usize| u32::try_from(flows).unwrap_or(u32::MAX);
        let links = self.edge.links.iter();
        links.map(|(id, link)| (*id, (count(link.sends.len()), count(link.receives.len())))).collect()
    }
}
