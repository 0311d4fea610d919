//! How well everybody is connected: judged at each participant's own edge, told to all, coalesced.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use edge_sfu::LinkId;
use edge_wire::control::{Message, Quality};

use crate::edge::Edge;
use crate::limits::QUALITY_INTERVAL;
use crate::room::Room;
use crate::{Notice, PeerId};

/// By participant sid.
#[derive(Debug, Default)]
pub(crate) struct Qualities {
    current: BTreeMap<String, Quality>,
    changed: BTreeSet<String>,
    flushed_at: Option<Instant>,
}

impl Qualities {
    pub(crate) fn now(&self) -> Vec<Quality> {
        self.current.values().cloned().collect()
    }

    pub(crate) fn of(&self, sid: &str) -> Option<&Quality> {
        self.current.get(sid)
    }

    pub(crate) fn forget(&mut self, sid: &str) {
        self.current.remove(sid);
        self.changed.remove(sid);
    }

    fn set(&mut self, quality: Quality) {
        let sid = quality.participant_sid.clone();
        let before = self.current.insert(sid.clone(), quality.clone());
        if before.is_none_or(|before| before.quality != quality.quality) {
            self.changed.insert(sid);
        }
    }
}

impl Room {
    /// What the media thread measured. Never "lost": clients take that for a reason to rejoin.
    pub(crate) fn measured(&mut self, id: PeerId, loss_down: f32, loss_up: f32, rtt_ms: Option<f32>) {
        let Some(peer) = self.peers.get(&id) else { return };
        let (quality, score) = judge(loss_down.max(loss_up), rtt_ms.unwrap_or(0.0));
        let participant_sid = peer.sid().to_owned();
        self.qualities.set(Quality { participant_sid, quality, score, ..Quality::default() });
    }

    pub(crate) fn remote_quality(&mut self, edge: &Edge, link: LinkId, quality: Quality) {
        let Some(node_id) = self.speaks_for(edge, link, &quality.node_id) else { return };
        let sid = &quality.participant_sid;
        if quality.quality > 3 || self.remotes.get(sid).is_none_or(|remote| remote.origin != node_id) {
            return;
        }
        let is_news = self.qualities.of(sid).is_none_or(|before| before.quality != quality.quality);
        let quality = Quality { room: String::new(), node_id: node_id.clone(), ..quality };
        self.qualities.set(quality.clone());
        if is_news {
            let quality = Quality { room: self.record.name.clone(), ..quality };
            self.roster.relayed.push((node_id, Message::Quality(quality)));
        }
    }

    pub(crate) fn flush_qualities(&mut self, edge: &mut Edge, now: Instant) {
        if self.qualities.changed.is_empty() {
            return;
        }
        if let Some(next) = self.qualities.flushed_at.map(|at| at + QUALITY_INTERVAL)
            && now < next
        {
            edge.wake(next, &self.record.name, "quality");
            return;
        }
        self.qualities.flushed_at = Some(now);
        let changed = std::mem::take(&mut self.qualities.changed);
        let told: Vec<Quality> = changed.iter().filter_map(|sid| self.qualities.of(sid).cloned()).collect();
        for id in self.peers.keys() {
            edge.notify(*id, Notice::Quality(told.clone()));
        }
        let node_id = edge.config.node_id.clone();
        for quality in told.iter().filter(|quality| !self.remotes.contains_key(&quality.participant_sid)) {
            let room = self.record.name.clone();
            let quality = Quality { room, node_id: node_id.clone(), ..quality.clone() };
            self.tell_listeners(edge, &node_id, &Message::Quality(quality));
        }
    }
}

/// (0 poor, 1 good, 2 excellent) and a score of 5 at best: what loss and delay do to a conversation.
fn judge(loss: f32, rtt_ms: f32) -> (u32, f32) {
    let score = (5.0 - loss.clamp(0.0, 1.0) * 25.0 - (rtt_ms / 400.0).clamp(0.0, 2.0)).clamp(1.0, 5.0);
    let quality = match score {
        s if s >= 4.0 => 2,
        s if s >= 2.5 => 1,
        _ => 0,
    };
    (quality, score)
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn quality_falls_with_loss_and_delay() {
        assert_eq!(judge(0.0, 40.0).0, 2);
        assert_eq!(judge(0.02, 100.0).0, 2);
        assert_eq!(judge(0.05, 100.0).0, 1);
        assert_eq!(judge(0.0, 700.0).0, 1);
        assert_eq!(judge(0.2, 100.0).0, 0);
        assert!(judge(f32::INFINITY, f32::INFINITY).1 >= 1.0);
    }
}
