//! Links to other edges and the recorder: flows we send and flows we receive.

use std::time::{Duration, Instant};

use super::Sfu;
use crate::layer::FlowOut;
use crate::report::SenderReport;
use crate::ring::{Packet, Ring};
use crate::source::{KEYFRAME_AGE_MAX, REPLAY_PACKETS_MAX};
use crate::{Event, Layer, LinkId, SourceId};

/// Losses answered per message of a link: a whole ring would be no repair.
const LOSSES_PER_MESSAGE_MAX: usize = 512;

impl Sfu {
    /// Feeds a flow from a layer, from the newest keyframe in the ring on where there is one.
    pub(super) fn link_subscribe(
        &mut self,
        now: Instant,
        link: LinkId,
        flow: u64,
        id: SourceId,
        layer: Layer,
    ) {
        if self.flows_out.contains_key(&(link, flow)) {
            self.link_unsubscribe(link, flow);
        }
        if self.flows_in.len() + self.flows_out.len() >= self.config.flows_max {
            self.counters.commands_refused_full += 1;
            return;
        }
        let Some(state) = self.sources.get_mut(&id).and_then(|source| source.layer_mut(layer)) else {
            self.counters.commands_unknown_id += 1;
            return;
        };
        self.flows_out.insert((link, flow), (id, layer));
        let mut out = FlowOut { link, flow, packets: 0, bytes: 0 };
        let not_before = now.checked_sub(KEYFRAME_AGE_MAX).unwrap_or(now);
        let first = state.ring.newest_keyframe(not_before, REPLAY_PACKETS_MAX);
        for (_, bytes) in first.into_iter().flat_map(|first| from(&state.ring, first)) {
            self.link_packets.push(bytes, std::iter::once((link, flow)));
            out.packets += 1;
            out.bytes += bytes.len() as u64;
        }
        self.counters.link_packets_out += out.packets;
        self.counters.link_bytes_out += out.bytes;
        state.links.push(out);
        if let Some(report) = state.report {
            let age_ms = now.saturating_duration_since(report.heard).as_millis() as u32;
            let SenderReport { ntp, rtp_timestamp, .. } = report;
            self.tell(Event::LinkSenderReport { link, flow, ntp, rtp_timestamp, age_ms });
        }
        if first.is_none() {
            self.want_keyframe(now, id, layer);
        }
    }

    pub(super) fn link_unsubscribe(&mut self, link: LinkId, flow: u64) {
        let Some((id, layer)) = self.flows_out.remove(&(link, flow)) else {
            self.counters.commands_unknown_id += 1;
            return;
        };
        if let Some(state) = self.sources.get_mut(&id).and_then(|source| source.layer_mut(layer)) {
            state.links.retain(|out| (out.link, out.flow) != (link, flow));
        }
    }

    pub(super) fn link_receive(&mut self, link: LinkId, flow: u64, id: SourceId, layer: Layer) {
        if self.flows_in.len() + self.flows_out.len() >= self.config.flows_max {
            self.counters.commands_refused_full += 1;
            return;
        }
        let Some(state) = self.sources.get_mut(&id).and_then(|source| source.layer_mut(layer)) else {
            self.counters.commands_unknown_id += 1;
            return;
        };
        // A layer has one flow: what came on the one before is not taken any more.
        if let Some(before) = state.flow.replace((link, flow)) {
            self.flows_in.remove(&before);
        }
        self.flows_in.insert((link, flow), (id, layer));
    }

    pub(super) fn link_stop_receive(&mut self, link: LinkId, flow: u64) {
        let Some((id, layer)) = self.flows_in.remove(&(link, flow)) else {
            self.counters.commands_unknown_id += 1;
            return;
        };
        if let Some(state) = self.sources.get_mut(&id).and_then(|source| source.layer_mut(layer)) {
            state.flow = None;
            state.nacks.clear();
        }
    }

    /// The far end of a flow we send asks for a keyframe.
    pub(super) fn link_keyframe(&mut self, now: Instant, link: LinkId, flow: u64) {
        let Some((id, layer)) = self.flows_out.get(&(link, flow)).copied() else {
            self.counters.commands_unknown_id += 1;
            return;
        };
        self.counters.keyframe_requests_in += 1;
        self.want_keyframe(now, id, layer);
    }

    /// The far end of a flow we send misses packets.
    pub(super) fn link_nack(&mut self, link: LinkId, flow: u64, sequence_numbers: &[u16]) {
        let found = self.flows_out.get(&(link, flow)).copied();
        let Some(state) = found.and_then(|(id, layer)| self.sources.get_mut(&id)?.layer_mut(layer)) else {
            self.counters.commands_unknown_id += 1;
            return;
        };
        for sequence_number in sequence_numbers.iter().take(LOSSES_PER_MESSAGE_MAX) {
            self.counters.nacks_in += 1;
            let index = state.ring.expand(*sequence_number);
            let Some((_, bytes)) = index.and_then(|index| state.ring.get(index)) else {
                self.counters.nacks_missed += 1;
                continue;
            };
            self.link_packets.push(bytes, std::iter::once((link, flow)));
            self.counters.retransmitted += 1;
            self.counters.link_packets_out += 1;
            self.counters.link_bytes_out += bytes.len() as u64;
        }
    }

    /// What the publisher said of its clock, `age_ms` ago.
    pub(super) fn link_sender_report(
        &mut self,
        now: Instant,
        (link, flow): (LinkId, u64),
        ntp: u64,
        rtp_timestamp: u32,
        age_ms: u32,
    ) {
        let Some((id, layer)) = self.flows_in.get(&(link, flow)).copied() else {
            self.counters.commands_unknown_id += 1;
            return;
        };
        let heard = now.checked_sub(Duration::from_millis(age_ms.into())).unwrap_or(now);
        self.note_sender_report(id, layer, SenderReport { ntp, rtp_timestamp, heard }, age_ms);
    }

    pub(super) fn close_link(&mut self, link: LinkId) {
        let flows = |table: &std::collections::HashMap<(LinkId, u64), (SourceId, Layer)>| {
            let mut flows: Vec<u64> = table.keys().filter(|key| key.0 == link).map(|key| key.1).collect();
            flows.sort_unstable();
            flows
        };
        for flow in flows(&self.flows_out) {
            self.link_unsubscribe(link, flow);
        }
        for flow in flows(&self.flows_in) {
            self.link_stop_receive(link, flow);
        }
    }
}

/// Packets of the ring from `first` to the newest.
fn from(ring: &Ring, first: u64) -> impl Iterator<Item = (Packet, &[u8])> {
    (first..=ring.highest().unwrap_or(0)).filter_map(|index| ring.get(index))
}
