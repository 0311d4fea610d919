//! A room's packets and roster go only to edges the control plane admitted to the room.
//!
//! A peer's `EnterRoom` may arrive before this edge has seen the peer's presence record: the link's messages then wait,
//! in order, until the record arrives or [`PATIENCE`] is over.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use edge_sfu::LinkId;
use edge_wire::control::Message;
use prometheus_client::metrics::counter::Counter;

use crate::eventloop::entered_room;

/// How long a link's messages wait for the presence record.
const PATIENCE: Duration = Duration::from_secs(5);
/// Messages of one link that wait; beyond it the entering message is refused at once.
const WAITING_MAX: usize = 1_024;

#[derive(Default)]
pub(crate) struct Admission {
    pub(crate) refused: Counter,
    waiting: BTreeMap<LinkId, Waiting>,
}

struct Waiting {
    deadline: Instant,
    messages: VecDeque<Message>,
}

impl Admission {
    /// The messages that may go on now, in order.
    pub(crate) fn take(
        &mut self,
        now: Instant,
        link: LinkId,
        message: Message,
        admitted: impl Fn(LinkId, &str) -> bool,
    ) -> Vec<Message> {
        if let Some(waiting) = self.waiting.get_mut(&link) {
            if waiting.messages.len() < WAITING_MAX {
                waiting.messages.push_back(message);
            } else {
                self.refused.inc();
            }
            return self.release(now, link, &admitted);
        }
        match entered_room(&message) {
            Some(room) if !admitted(link, room) => {
                let waiting = Waiting { deadline: now + PATIENCE, messages: VecDeque::from([message]) };
                self.waiting.insert(link, waiting);
                Vec::new()
            }
            _ => vec![message],
        }
    }

    /// After the view changed: what may go on now.
    pub(crate) fn retry(
        &mut self,
        now: Instant,
        admitted: impl Fn(LinkId, &str) -> bool,
    ) -> Vec<(LinkId, Message)> {
        let links: Vec<LinkId> = self.waiting.keys().copied().collect();
        links
            .into_iter()
            .flat_map(|link| {
                self.release(now, link, &admitted).into_iter().map(move |message| (link, message))
            })
            .collect()
    }

    pub(crate) fn forget(&mut self, link: LinkId) {
        self.waiting.remove(&link);
    }

    fn release(
        &mut self,
        now: Instant,
        link: LinkId,
        admitted: &impl Fn(LinkId, &str) -> bool,
    ) -> Vec<Message> {
        let Some(waiting) = self.waiting.get_mut(&link) else { return Vec::new() };
        let mut released = Vec::new();
        while let Some(message) = waiting.messages.front() {
            match entered_room(message) {
                Some(room) if !admitted(link, room) => {
                    if now < waiting.deadline {
                        return released;
                    }
                    self.refused.inc();
                    tracing::warn!(
                        "a linked edge is not in the room it wants to enter; the control plane does not know it there"
                    );
                    waiting.messages.pop_front();
                }
                _ => released.extend(waiting.messages.pop_front()),
            }
        }
        self.waiting.remove(&link);
        released
    }
}

#[cfg(test)]
mod tests {
    use edge_wire::control::{EnterRoom, LeaveRoom};
    use edge_wire::model::Room;

    use super::*;

    #[test]
    fn a_link_waits_in_order_until_its_presence_is_known_and_is_refused_after_patience() {
        let now = Instant::now();
        let link = LinkId(1);
        let enter = |name: &str| {
            Message::EnterRoom(EnterRoom { room: Room { name: name.into(), ..Room::default() } })
        };
        let leave = Message::LeaveRoom(LeaveRoom { room: "a".into() });
        let mut admission = Admission::default();
        assert_eq!(admission.take(now, link, enter("a"), |_, _| false), []);
        assert_eq!(admission.take(now, link, leave.clone(), |_, _| false), []);
        let released: Vec<Message> = admission.retry(now, |_, _| true).into_iter().map(|(_, m)| m).collect();
        assert_eq!(released, [enter("a"), leave.clone()]);
        assert_eq!(admission.take(now, link, enter("b"), |_, _| false), []);
        assert_eq!(admission.take(now + PATIENCE, link, leave.clone(), |_, _| false), [leave]);
    }
}
