//! Whom the instructor has sent out of this life of the room. A token outlives the word, so every edge of the room keeps in mind
//! which tokens are no longer good: those signed before it. Whoever is let in again gets a new one.

use std::time::{Duration, Instant};

use edge_sfu::LinkId;
use edge_wire::control::{CommandKind, Message, RoomCommand};

use crate::edge::Edge;
use crate::limits::{HOPS_MAX, REMOVED_AGAIN, REMOVED_MAX};
use crate::room::{Room, Who};
use crate::{LeaveAction, LeaveReason};

impl Room {
    /// Whether a token of that age was signed before its owner was sent out.
    pub(crate) fn is_sent_out(&self, now: Instant, identity: &str, token_age: Duration) -> bool {
        let signed = now.checked_sub(token_age);
        self.removed.get(identity).is_some_and(|at| signed.is_none_or(|signed| signed < *at))
    }

    /// Keeps it in mind and hands it on; `passed`: edges that know already. `false`: it was known here.
    pub(crate) fn send_out(
        &mut self,
        edge: &mut Edge,
        now: Instant,
        identity: &str,
        at: Instant,
        passed: &[String],
    ) -> bool {
        if self.removed.get(identity).is_some_and(|known| at <= *known + REMOVED_AGAIN) {
            return false;
        }
        if self.removed.len() >= REMOVED_MAX
            && let Some(oldest) = self.removed.iter().min_by_key(|(_, at)| **at).map(|(id, _)| id.clone())
        {
            self.removed.remove(&oldest);
        }
        self.removed.insert(identity.to_owned(), at);
        if passed.len() < HOPS_MAX {
            for link in self.links.iter().filter(|(_, state)| state.entered).map(|(link, _)| *link) {
                say(edge, now, link, self.name(), (identity, at), passed);
            }
        }
        true
    }

    /// A link that comes into the room hears of all who were sent out.
    pub(crate) fn tell_sent_out(&self, edge: &mut Edge, now: Instant, link: LinkId) {
        for (identity, at) in &self.removed {
            say(edge, now, link, self.name(), (identity, *at), &[]);
        }
    }

    /// Another edge says that somebody was sent out `ago_ms` ago: who is here with a token from before goes.
    pub(crate) fn heard_sent_out(&mut self, edge: &mut Edge, now: Instant, command: &RoomCommand) {
        let Some(at) = now.checked_sub(Duration::from_millis(command.ago_ms)) else { return };
        let own = &edge.config.node_id;
        if command.passed.contains(own) || !self.send_out(edge, now, &command.identity, at, &command.passed) {
            return;
        }
        let here = match self.identities.get(&command.identity) {
            Some(Who::Local(id)) => Some(*id),
            _ => None,
        };
        let signed = here.and_then(|id| self.peers.get(&id)).map(|peer| peer.signed);
        if let Some(id) = here
            && signed.is_some_and(|signed| signed.is_none_or(|signed| signed < at))
        {
            self.dismiss(edge, now, id, LeaveReason::ParticipantRemoved, LeaveAction::Disconnect);
        }
    }
}

/// Version 1 would send away whoever is there now, also who was let in again.
fn say(
    edge: &mut Edge,
    now: Instant,
    link: LinkId,
    room: &str,
    (identity, at): (&str, Instant),
    passed: &[String],
) {
    let Some(neighbour) = edge.links.get(&link) else { return };
    if neighbour.is_plain() || passed.contains(&neighbour.node_id) {
        return;
    }
    let ago = now.saturating_duration_since(at).as_millis();
    let command = RoomCommand {
        room: room.to_owned(),
        identity: identity.to_owned(),
        kind: Some(CommandKind::Remove(true)),
        passed: passed.iter().cloned().chain([edge.config.node_id.clone()]).collect(),
        // 0 is the command itself, for the participant's own edge.
        ago_ms: u64::try_from(ago).unwrap_or(u64::MAX).max(1),
    };
    edge.say(link, Message::Command(command));
}
