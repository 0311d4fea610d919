//! Counts the rooms a linked edge wants to enter without the control plane's word.
//!
//! The rooms themselves keep the door (`edge_room::Rooms::handle_room_peers`): a link gets nothing of a room, and its
//! messages about it have no effect, until the view says that its edge is in the room; an `EnterRoom` that came first is
//! remembered there. A record may come later than the peer's message, and much later when the store is away, so nothing
//! waits here and nothing is thrown away: after [`PATIENCE`] the knock is counted and logged, once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use control_plane_agent::view::View;
use edge_sfu::LinkId;
use edge_wire::control::Message;
use prometheus_client::metrics::counter::Counter;

use crate::eventloop::{EventLoop, State};
use crate::link::Link;

/// A presence record is normally here within a fraction of a second.
const PATIENCE: Duration = Duration::from_secs(5);
/// Knocks watched at once; beyond it one is counted at once instead.
const KNOCKS_MAX: usize = 4_096;

#[derive(Default)]
pub(crate) struct Admission {
    pub(crate) refused: Counter,
    /// By link and room: when it counts as refused.
    knocks: BTreeMap<(LinkId, String), Instant>,
}

impl Admission {
    /// The link's edge wants to enter a room the control plane does not know it in (yet).
    pub(crate) fn knock(&mut self, now: Instant, link: LinkId, room: &str) {
        if self.knocks.len() >= KNOCKS_MAX {
            self.refused.inc();
            return;
        }
        self.knocks.insert((link, room.to_owned()), now + PATIENCE);
    }

    /// The link's edge left the room again.
    pub(crate) fn left(&mut self, link: LinkId, room: &str) {
        self.knocks.remove(&(link, room.to_owned()));
    }

    pub(crate) fn forget(&mut self, link: LinkId) {
        self.knocks.retain(|(of, _), _| *of != link);
    }

    /// Lets go of what is admitted by now and counts what is not in time.
    pub(crate) fn sweep(&mut self, now: Instant, admitted: impl Fn(LinkId, &str) -> bool) {
        let refused = &self.refused;
        self.knocks.retain(|(link, room), deadline| {
            if admitted(*link, room) {
                return false;
            }
            if now < *deadline {
                return true;
            }
            refused.inc();
            tracing::warn!(
                link = link.0,
                "a linked edge is not in the room it wants to enter; the control plane does not know it there"
            );
            false
        });
    }
}

impl EventLoop {
    /// Notes who wants to enter what.
    pub(crate) fn watch_admission(&mut self, now: Instant, link: LinkId, message: &Message) {
        match message {
            Message::EnterRoom(enter) if !admitted(&self.view, &self.state.links, link, &enter.room.name) => {
                self.state.admission.knock(now, link, &enter.room.name);
            }
            Message::LeaveRoom(leave) => self.state.admission.left(link, &leave.room),
            _ => {}
        }
    }

    pub(crate) fn sweep_admission(&mut self, now: Instant) {
        let Self { view, state, .. } = self;
        let State { admission, links, .. } = state;
        admission.sweep(now, |link, room| admitted(view, links, link, room));
    }
}

/// Whether the control plane put the link's edge into the room.
fn admitted(view: &View, links: &BTreeMap<LinkId, Arc<Link>>, link: LinkId, room: &str) -> bool {
    links.get(&link).is_some_and(|link| view.presence().contains_key(&format!("{room}/{}", link.node_id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_knock_that_is_never_answered_is_counted_and_only_once() {
        let now = Instant::now();
        let link = LinkId(1);
        let mut admission = Admission::default();
        admission.knock(now, link, "late");
        admission.knock(now, link, "never");
        admission.knock(now, link, "left");
        admission.left(link, "left");
        admission.sweep(now + PATIENCE / 2, |_, room| room == "late");
        assert_eq!(admission.refused.get(), 0);
        admission.sweep(now + PATIENCE, |_, _| false);
        admission.sweep(now + PATIENCE * 2, |_, _| false);
        assert_eq!(admission.refused.get(), 1);
        assert!(admission.knocks.is_empty());
    }
}
