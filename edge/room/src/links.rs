//! Links to other edges: what comes over them, brought to its room. Inside a room [`crate::link`] goes on.

use std::collections::BTreeMap;
use std::time::Instant;

use edge_sfu::{Command, LinkId};
use edge_wire::control::{self, Message};
use edge_wire::model;

use crate::Rooms;
use crate::edge::{Edge, Link};
use crate::limits::{KNOCKS_MAX, LINK_COST_MS, NACK_MAX};
use crate::room::Room;

impl Rooms {
    /// A link to another edge is up (again, under the same id or a new one).
    pub fn link_up(&mut self, now: Instant, link: LinkId, node_id: String) {
        let state = Link {
            node_id,
            cost_ms: LINK_COST_MS,
            knocks: BTreeMap::new(),
            sends: BTreeMap::new(),
            receives: BTreeMap::new(),
        };
        if self.edge.links.contains_key(&link) {
            self.link_down(now, link);
        }
        self.edge.links.insert(link, state);
        self.each_room(now, |room, edge| room.meet(edge));
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

    /// The links to the edges that, by the control plane, share the room. Links that are not up count once they are.
    pub fn handle_room_peers(&mut self, now: Instant, room: &str, links: Vec<LinkId>) {
        self.with_room(now, room, |room, edge| room.set_admitted(edge, now, links));
    }

    /// A message of a link. Messages about rooms this edge does not hold, or the link is not admitted to, have no effect.
    pub fn handle_link(&mut self, now: Instant, link: LinkId, message: Message) {
        if !self.edge.links.contains_key(&link) {
            return;
        }
        match message {
            Message::EnterRoom(enter) => self.entered(now, link, enter.room),
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
                room.participant_update(edge, now, link, m.participant);
            }),
            Message::ParticipantGone(m) => self.with_room(now, &m.room.clone(), |room, edge| {
                room.participant_gone(edge, now, link, &m.sid);
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
                self.with_link(now, link, &m.room, |room, _| room.remote_speakers(link, m.speakers));
            }
            Message::Quality(m) => {
                self.with_link(now, link, &m.room.clone(), |room, _| room.remote_quality(link, m));
            }
            Message::Command(m) => {
                self.with_link(now, link, &m.room.clone(), |room, edge| room.command_of_link(edge, now, m));
            }
            Message::Data(data) => self.handle_link_data(now, link, data),
            Message::Unsubscribe(_) | Message::Keyframe(_) | Message::Nack(_) | Message::SenderReport(_) => {
                self.flow_message(now, link, message);
            }
            Message::Hello(_) | Message::Bye(_) => {}
        }
    }

    pub fn handle_link_data(&mut self, now: Instant, link: LinkId, data: control::RoomData) {
        self.with_link(now, link, &data.room, |room, edge| room.link_data(edge, link, &data.data));
    }
}

impl Rooms {
    pub(crate) fn say(&mut self, link: LinkId, message: Message) {
        if self.edge.links.contains_key(&link) {
            self.edge.say(link, message);
        }
    }

    fn entered(&mut self, now: Instant, link: LinkId, record: model::Room) {
        let Some(state) = self.edge.links.get_mut(&link) else { return };
        if state.knocks.len() >= KNOCKS_MAX {
            tracing::warn!(link = link.0, "an edge enters too many rooms; one is ignored");
            return;
        }
        let (name, sid) = (record.name.clone(), record.sid.clone());
        state.knocks.insert(name.clone(), record);
        self.with_link(now, link, &name, |room, edge| {
            if room.record.sid != sid {
                tracing::warn!(link = link.0, "an edge enters another life of a room");
            }
            room.pull_again(edge, now, link);
            room.entered(edge, link);
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
        if self.rooms.get(name).is_some_and(|room| room.links.contains_key(&link)) {
            self.with_room(now, name, act);
        }
    }
}
