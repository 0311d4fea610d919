//! A draining edge: it takes nobody new and sends its users on to other edges, a few at a time.
//!
//! A client that understands the edge's word ([`lk::MOVE_TOPIC`]) opens a second connection elsewhere before it closes this one, and
//! nobody notices. One that does not is told to join again; it loses a second or two.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use control_plane_agent::admin::Health;
use control_plane_agent::view::View;
use control_plane_api::drain::{Drain, DrainTarget};
use control_plane_api::join::EdgeChoice;
use control_plane_api::node::{Node, Role};
use control_plane_api::token::ApiKey;
use edge_room::PeerId;
use edge_sfu::{Command, SessionId};
use edge_signaling::lk;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::config::Config;
use crate::eventloop::EventLoop;
use crate::shard::Input;

/// Users asked to move in a second: the edges they go to negotiate with each, some milliseconds of CPU.
const MOVES_PER_S: f64 = 20.0;
/// Users on their way at once; the next are asked when these are gone.
const MOVES_AT_ONCE: usize = 40;
/// Of one room one in so many at once, and one at least: those who move see the others stay.
const ROOM_SHARE: usize = 10;
/// A user still here this long after it was asked is told to join again: its client does not know how to move.
const MOVE_PATIENCE: Duration = Duration::from_secs(8);
/// The loop looks this often while it drains.
const STEP: Duration = Duration::from_millis(100);
/// Edges named to a client.
const CHOICES_MAX: usize = 8;
/// A move's token is for one connection that begins at once.
const TOKEN_TTL_S: u64 = 60;

/// What to do with a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Ask(PeerId),
    SendAway(PeerId),
}

/// How fast users are sent on.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    asked: BTreeMap<PeerId, Instant>,
    allowance: f64,
    looked_at: Option<Instant>,
}

impl Pace {
    /// The next steps, given who is here.
    pub(crate) fn step(&mut self, now: Instant, here: &[(PeerId, String)], is_over: bool) -> Vec<Step> {
        let elapsed = self.looked_at.map_or(1.0, |at| now.saturating_duration_since(at).as_secs_f64());
        self.looked_at = Some(now);
        self.allowance = (self.allowance + elapsed * MOVES_PER_S).min(MOVES_PER_S);
        self.asked.retain(|asked, _| here.iter().any(|(peer, _)| peer == asked));
        if is_over {
            return here.iter().map(|(peer, _)| Step::SendAway(*peer)).collect();
        }
        let mut rooms: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (peer, room) in here {
            let (people, moving) = rooms.entry(room).or_default();
            *people += 1;
            *moving += usize::from(self.asked.contains_key(peer));
        }
        let late = |at: &Instant| now.saturating_duration_since(*at) >= MOVE_PATIENCE;
        let mut steps: Vec<Step> =
            self.asked.iter().filter(|(_, at)| late(at)).map(|(peer, _)| Step::SendAway(*peer)).collect();
        for (peer, room) in here {
            if self.allowance < 1.0 || self.asked.len() >= MOVES_AT_ONCE {
                break;
            }
            let Some((people, moving)) = rooms.get_mut(room.as_str()) else { continue };
            if !self.asked.contains_key(peer) && *moving < people.div_ceil(ROOM_SHARE) {
                *moving += 1;
                self.allowance -= 1.0;
                self.asked.insert(*peer, now);
                steps.push(Step::Ask(*peer));
            }
        }
        steps.sort_by_key(|step| matches!(step, Step::Ask(_)));
        steps
    }
}

/// The drain of this edge, as far as it has come.
#[derive(Debug, Default)]
pub(crate) struct Drainer {
    region: String,
    key: Option<ApiKey>,
    wish: Option<Drain>,
    pace: Pace,
    /// Cancelled by the first SIGTERM: drains until the deadline and ends.
    terminate: CancellationToken,
    terminate_within: Duration,
    /// A draining edge is not ready: whoever balances by it sends nobody new.
    health: Health,
    next_at: Option<Instant>,
}

impl Drainer {
    pub(crate) fn new(config: &Config, terminate: CancellationToken, health: Health) -> Self {
        Self {
            health,
            region: config.region.clone(),
            key: config.keys.first().cloned(),
            terminate_within: Duration::from_secs(config.drain_s),
            terminate,
            ..Self::default()
        }
    }

    /// When the loop has to look again.
    pub(crate) fn wake(&self) -> Option<Instant> {
        self.next_at
    }

    /// Resolves at the first SIGTERM, once.
    pub(crate) fn terminated(&self) -> impl Future<Output = ()> + 'static {
        let (token, known) = (self.terminate.clone(), self.is_ending());
        async move {
            if known {
                std::future::pending::<()>().await;
            }
            token.cancelled().await;
        }
    }

    fn is_ending(&self) -> bool {
        self.wish.as_ref().is_some_and(|wish| wish.requested_by == TERMINATED)
    }
}

/// Who asked, when it was a signal.
const TERMINATED: &str = "SIGTERM";

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Word {
    /// Open a connection to one of `edges` with `token`, then close this one.
    Move { token: String, edges: Vec<EdgeChoice> },
    /// The new connection has taken this one's place.
    Moved,
}

impl EventLoop {
    /// The view (or a signal) may wish this edge empty, or no longer.
    pub(crate) fn look_at_drains(&mut self) {
        let drainer = &self.state.drainer;
        if drainer.is_ending() {
            return;
        }
        let wish = if drainer.terminate.is_cancelled() {
            let within_ms = u64::try_from(drainer.terminate_within.as_millis()).unwrap_or(u64::MAX);
            Some(Drain {
                target: DrainTarget::Node(self.node_id.clone()),
                requested_at_ms: clock::now_ms(),
                deadline_ms: Some(clock::now_ms().saturating_add(within_ms)),
                exit: true,
                requested_by: TERMINATED.to_owned(),
            })
        } else {
            self.view.drain_of(&self.node_id, &drainer.region)
        };
        if wish == drainer.wish {
            return;
        }
        let is_draining = wish.is_some();
        match &wish {
            Some(wish) => tracing::info!(by = wish.requested_by, exit = wish.exit, "draining"),
            None => tracing::info!("no longer draining"),
        }
        match is_draining {
            true => drainer.health.waiting("edge", "draining"),
            false => drainer.health.ready("edge"),
        }
        self.rooms.set_draining(is_draining);
        self.registration.update(|node| node.draining = is_draining);
        let drainer = &mut self.state.drainer;
        drainer.wish = wish;
        drainer.pace = Pace::default();
        drainer.next_at = is_draining.then(Instant::now);
    }

    /// Sends users on while the edge drains. True: it is empty, or out of time, and shall end.
    pub(crate) async fn tend_drain(&mut self) -> bool {
        let now = Instant::now();
        if self.state.drainer.next_at.is_none_or(|at| at > now) {
            return false;
        }
        self.state.drainer.next_at = Some(now + STEP);
        let Some(wish) = self.state.drainer.wish.clone() else { return false };
        let is_over = wish.deadline_ms.is_some_and(|at| clock::now_ms() >= at);
        let here = self.rooms.present_peers().into_iter();
        let here: Vec<(PeerId, String)> =
            here.filter_map(|peer| self.rooms.who(peer).map(|(room, _, _)| (peer, room))).collect();
        for step in self.state.drainer.pace.step(now, &here, is_over) {
            match step {
                Step::Ask(peer) => self.ask_to_move(peer).await,
                Step::SendAway(peer) => self.rooms.send_away(now, peer),
            }
        }
        // After a signal there may be no next start to carry what the origin does not have: it is waited for, but not for
        // an origin that nobody knows of.
        let is_alone = wish.requested_by == TERMINATED && self.origin.borrow().is_none();
        let is_kept = is_alone || self.metrics.uploads_pending.get() == 0;
        wish.exit && (is_over || (self.rooms.local_participants() == 0 && is_kept))
    }

    async fn ask_to_move(&mut self, peer: PeerId) {
        let Some(participant) = self.rooms.present_participant(peer) else { return };
        let Some((room, _, _)) = self.rooms.who(peer) else { return };
        let edges = other_edges(&self.view, &self.registration.node());
        let Some(key) = self.state.drainer.key.as_ref().filter(|_| !edges.is_empty()) else {
            tracing::warn!("there is no other edge to send users to");
            return;
        };
        let token = lk::move_token(&room, &participant, key, clock::now_ms() / 1_000, TOKEN_TTL_S);
        self.tell(peer, &Word::Move { token, edges }).await;
    }

    /// The client may close the connection it moved from.
    pub(crate) async fn tell_moved(&self, peer: PeerId) {
        self.tell(peer, &Word::Moved).await;
    }

    async fn tell(&self, peer: PeerId, word: &Word) {
        let Ok(json) = serde_json::to_vec(word) else { return };
        let Ok(packet) = lk::user_packet(json, Some(lk::MOVE_TOPIC.to_owned()), true, Vec::new()) else {
            return;
        };
        let send = Command::SendData {
            session: SessionId(peer.0),
            label: "_reliable",
            binary: true,
            payload: packet.payload,
        };
        self.shard.send(Input::Command(send)).await;
    }
}

/// The edges that take users of this one: same region first, then by round trip where there is a link.
pub(crate) fn other_edges(view: &View, own: &Node) -> Vec<EdgeChoice> {
    let nodes = view.nodes();
    let takes = |node: &&Node| {
        node.role == Role::Edge
            && node.id != own.id
            && !node.draining
            && view.drain_of(&node.id, &node.region).is_none()
    };
    let rtt_us = |node: &Node| {
        let link = own.links.iter().find(|link| link.peer == node.id);
        link.map_or(u64::MAX, |link| (f64::from(link.rtt_ms) * 1_000.0) as u64)
    };
    let mut edges: Vec<&Node> = nodes.values().filter(takes).collect();
    edges.sort_by_key(|node| (node.region != own.region, rtt_us(node), node.id.clone()));
    let choice = |node: &Node| EdgeChoice {
        id: node.id.clone(),
        region: node.region.clone(),
        url: node.url.clone(),
        distance_km: None,
        reason: "nearest".to_owned(),
    };
    edges.into_iter().take(CHOICES_MAX).map(choice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_go_at_a_pace_and_those_who_do_not_are_sent_away() {
        let mut pace = Pace::default();
        let start = Instant::now();
        // Each in a class of its own.
        let here: Vec<(PeerId, String)> = (1..=100).map(|n| (PeerId(n), n.to_string())).collect();
        let asks = |steps: &[Step]| steps.iter().filter(|step| matches!(step, Step::Ask(_))).count();
        assert_eq!(asks(&pace.step(start, &here, false)), 20, "a second's worth at once");
        assert_eq!(asks(&pace.step(start + Duration::from_millis(100), &here, false)), 2);
        assert_eq!(asks(&pace.step(start + Duration::from_secs(5), &here, false)), 18, "40 at once");
        assert!(pace.step(start + Duration::from_secs(6), &here, false).is_empty());

        // The first twenty went: others are asked. Those asked second are told to go.
        let left = &here[20..];
        let later = pace.step(start + Duration::from_millis(8_100), left, false);
        assert_eq!(&later[..2], [Step::SendAway(PeerId(21)), Step::SendAway(PeerId(22))]);
        assert_eq!(asks(&later), 20);
        assert_eq!(pace.step(start + Duration::from_secs(9), left, true).len(), 80, "out of time: everybody");
    }

    #[test]
    fn of_one_class_a_tenth_goes_at_once_and_one_at_least() {
        let class = |people: u32| (1..=people).map(|n| (PeerId(n), "class".to_owned())).collect::<Vec<_>>();
        let first = |people| Pace::default().step(Instant::now(), &class(people), false).len();
        assert_eq!([first(1), first(3), first(10), first(11), first(100)], [1, 1, 1, 2, 10]);
        let (mut pace, start) = (Pace::default(), Instant::now());
        assert_eq!(pace.step(start, &class(3), false), [Step::Ask(PeerId(1))]);
        assert!(
            pace.step(start + Duration::from_secs(1), &class(3), false).is_empty(),
            "one after the other"
        );
        let left = &class(3)[1..];
        assert_eq!(pace.step(start + Duration::from_secs(2), left, false), [Step::Ask(PeerId(2))]);
    }
}
