//! Links to other edges: what comes over them, brought to its room. Inside a room [`crate::link`] goes on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use edge_sfu::{Command, LinkId};
use edge_wire::control::{self, Message};

use crate::Rooms;
use crate::edge::{Edge, Link};
use crate::limits::{HELD_BYTES_MAX, HELD_MAX, KNOCKS_MAX, LINK_COST_MS, NACK_MAX};
use crate::room::Room;

/// The edge at the far end of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    pub node_id: String,
    /// Start of its process, as it said hello.
    pub epoch: u64,
    /// Of the wire: what both speak.
    pub version: u32,
}

impl From<String> for Neighbour {
    /// An edge of this version that says nothing of its start.
    fn from(node_id: String) -> Self {
        Self { node_id, epoch: 0, version: edge_wire::VERSION }
    }
}

/// Which links belong into a room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomPeers {
    /// Links whose edges may enter.
    pub admitted: Vec<LinkId>,
    /// Those of them that this edge enters by itself.
    pub wanted: Vec<LinkId>,
    /// Node ids the control plane knows in the room; those of others are given up sooner when they cannot be heard.
    pub nodes: Option<BTreeSet<String>>,
}

impl From<Vec<LinkId>> for RoomPeers {
    /// A direct room: each link is wanted.
    fn from(links: Vec<LinkId>) -> Self {
        Self { admitted: links.clone(), wanted: links, nodes: None }
    }
}

impl Rooms {
    /// A link to another edge is up (again, under the same id or a new one).
    pub fn link_up(&mut self, now: Instant, link: LinkId, neighbour: impl Into<Neighbour>) {
        let Neighbour { node_id, epoch, version } = neighbour.into();
        let state = Link {
            node_id,
            epoch,
            version,
            early: VecDeque::new(),
            cost_ms: LINK_COST_MS,
            knocks: BTreeMap::new(),
            sends: BTreeMap::new(),
            receives: BTreeMap::new(),
        };
        if self.edge.links.contains_key(&link) {
            self.link_down(now, link);
        }
        self.edge.links.insert(link, state);
        self.each_room(now, |room, edge| {
            room.link_up(edge, link);
            room.meet(edge, now);
        });
    }

    /// What a packet over the link costs, by default its round trip time; counts for ways chosen from now on.
    pub fn set_link_cost(&mut self, link: LinkId, cost_ms: u32) {
        if let Some(link) = self.edge.links.get_mut(&link) {
            link.cost_ms = cost_ms;
        }
    }

    pub fn link_down(&mut self, now: Instant, link: LinkId) {
        if self.edge.links.remove(&link).is_some() {
            self.each_room(now, |room, edge| room.link_down(edge, now, link));
            self.edge.media(Command::CloseLink { link });
        }
    }

    /// Which links to edges that, by the control plane, share the room are let into it, and which this edge needs.
    /// Links that are not up count once they are.
    pub fn handle_room_peers(&mut self, now: Instant, room: &str, peers: impl Into<RoomPeers>) {
        let peers = peers.into();
        self.with_room(now, room, |room, edge| room.set_peers(edge, now, peers));
    }

    /// A message of a link. Messages about rooms this edge does not hold, or the link is not admitted to, have no effect.
    pub fn handle_link(&mut self, now: Instant, link: LinkId, message: Message) {
        if !self.edge.links.contains_key(&link) {
            return;
        }
        match message {
            Message::EnterRoom(enter) => self.entered(now, link, enter),
            Message::LeaveRoom(leave) => {
                if let Some(state) = self.edge.links.get_mut(&link) {
                    state.knocks.remove(&leave.room);
                }
                self.with_room(now, &leave.room, |room, edge| room.left(edge, now, link));
            }
            Message::RoomUpdate(update) => {
                let record = update.room;
                self.with_link(now, link, &record.name.clone(), |room, edge| {
                    if room.record.sid == record.sid {
                        room.record_changed(edge, now, record);
                    }
                });
            }
            Message::Participant(m) => self.with_link(now, link, &m.room.clone(), |room, edge| {
                room.participant_update(edge, now, link, m);
            }),
            Message::ParticipantGone(m) => self.with_room(now, &m.room.clone(), |room, edge| {
                room.participant_gone(edge, now, link, &m);
            }),
            Message::Announce(m) => {
                self.with_link(now, link, &m.room.clone(), |room, edge| room.announced(edge, now, link, m));
            }
            Message::Withdraw(m) => {
                self.with_link(now, link, &m.room, |room, edge| {
                    room.withdrawn(edge, now, link, &m.track_sid)
                });
            }
            Message::Subscribe(m) => {
                self.with_link(now, link, &m.room.clone(), |room, edge| {
                    room.link_subscribe(edge, now, link, m)
                });
            }
            Message::SubscriptionRules(m) => {
                self.with_link(now, link, &m.room.clone(), |room, edge| {
                    room.remote_rules(edge, now, link, m)
                });
            }
            Message::Speakers(m) => {
                self.with_link(now, link, &m.room.clone(), |room, edge| room.remote_speakers(edge, link, m));
            }
            Message::Quality(m) => {
                self.with_link(now, link, &m.room.clone(), |room, edge| room.remote_quality(edge, link, m));
            }
            Message::Command(m) => {
                self.with_link(now, link, &m.room.clone(), |room, edge| {
                    room.command_of_link(edge, now, link, m)
                });
            }
            Message::OriginRoute(m) => self.with_link(now, link, &m.room.clone(), |room, edge| {
                room.origin_route(edge, now, link, m);
            }),
            Message::OriginLost(m) => self.with_link(now, link, &m.room, |room, edge| {
                room.origin_lost(edge, now, link, &m.node_id);
            }),
            Message::Follow(m) => {
                self.with_link(now, link, &m.room, |room, edge| room.followed(edge, link, &m))
            }
            Message::Unfollow(m) => {
                self.with_link(now, link, &m.room, |room, _| room.unfollowed(link, &m.node_id));
            }
            Message::Sync(m) => {
                self.with_link(now, link, &m.room.clone(), |room, edge| room.synced(edge, now, link, m));
            }
            Message::Data(data) => self.handle_link_data(now, link, data),
            Message::Unsubscribe(_) | Message::Keyframe(_) | Message::Nack(_) | Message::SenderReport(_) => {
                self.flow_message(now, link, message);
            }
            Message::Hello(_) | Message::Bye(_) => {}
        }
    }

    pub fn handle_link_data(&mut self, now: Instant, link: LinkId, data: control::RoomData) {
        let is_in = self.rooms.get(&data.room).is_some_and(|room| room.is_answered(link));
        if is_in {
            self.with_room(now, &data.room.clone(), |room, edge| room.link_data(edge, now, link, data));
        } else if let Some(state) =
            self.edge.links.get_mut(&link).filter(|link| link.is_plain() && data.data.reliable)
        {
            // A stream of its own may overtake the control stream.
            state.early.push_back(data);
            while state.early.len() > HELD_MAX
                || state.early.iter().map(|data| data.data.payload.len()).sum::<usize>() > HELD_BYTES_MAX
            {
                state.early.pop_front();
            }
        }
    }
}

impl Rooms {
    pub(crate) fn say(&mut self, link: LinkId, message: Message) {
        if self.edge.links.contains_key(&link) {
            self.edge.say(link, message);
        }
    }

    fn entered(&mut self, now: Instant, link: LinkId, enter: control::EnterRoom) {
        let Some(state) = self.edge.links.get_mut(&link) else { return };
        let name = enter.room.name.clone();
        if state.knocks.len() >= KNOCKS_MAX && !state.knocks.contains_key(&name) {
            tracing::warn!(link = link.0, "an edge enters too many rooms; one is ignored");
            return;
        }
        state.knocks.insert(name.clone(), enter.clone());
        self.with_room(now, &name, |room, edge| {
            if room.record.sid != enter.room.sid {
                tracing::warn!(link = link.0, "an edge enters another life of a room");
            }
            room.knocked(edge, now, link, &enter);
        });
    }

    /// Messages about flows, which name no room.
    fn flow_message(&mut self, now: Instant, link: LinkId, message: Message) {
        let Some(state) = self.edge.links.get_mut(&link) else { return };
        match message {
            Message::Unsubscribe(control::Unsubscribe { flow }) => {
                let Some(taken) = state.sends.remove(&flow) else { return };
                self.with_room(now, &taken.room, |room, edge| {
                    room.link_unsubscribe(edge, now, link, flow, &taken.track_sid);
                });
            }
            Message::Keyframe(control::KeyframeRequest { flow }) if state.sends.contains_key(&flow) => {
                self.edge.media(Command::LinkKeyframe { link, flow });
            }
            Message::Nack(control::Nack { flow, sequence_numbers }) if state.sends.contains_key(&flow) => {
                let numbers =
                    sequence_numbers.into_iter().take(NACK_MAX).filter_map(|n| u16::try_from(n).ok());
                self.edge.media(Command::LinkNack { link, flow, sequence_numbers: numbers.collect() });
            }
            Message::SenderReport(control::SenderReport { flow, ntp, rtp_timestamp, age_ms })
                if state.receives.contains_key(&flow) =>
            {
                self.edge.media(Command::LinkSenderReport { link, flow, ntp, rtp_timestamp, age_ms });
            }
            _ => {}
        }
    }

    /// A message that counts only from a link that is in the room.
    fn with_link(&mut self, now: Instant, link: LinkId, name: &str, act: impl FnOnce(&mut Room, &mut Edge)) {
        if self.rooms.get(name).is_some_and(|room| room.is_answered(link)) {
            self.with_room(now, name, act);
        }
    }
}
