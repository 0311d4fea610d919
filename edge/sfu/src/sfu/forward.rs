//! A packet goes out: to links as it is, to every receiver renumbered and sealed. This is the hot path: no lock, no log,
//! no allocation once buffers have grown.

use std::time::Instant;

use super::Sfu;
use crate::outgoing::{self, Decision};
use crate::source::{KEYFRAME_AGE_MAX, REPLAY_PACKETS_MAX};
use crate::timers::Timer;
use crate::{Codec, Event, Kind, Layer, SourceId};

impl Sfu {
    /// Sends the packet `index` of a layer to all who take the layer.
    pub(super) fn forward(&mut self, now: Instant, id: SourceId, layer: Layer, index: u64) {
        let Some(source) = self.sources.get_mut(&id) else { return };
        let reports = source.reports();
        let Some(state) = source.layers.get_mut(usize::from(layer)) else { return };
        let Some((packet, bytes)) = state.ring.get(index) else { return };
        if !state.links.is_empty() {
            let flows = state.links.iter().map(|out| (out.link, out.flow));
            self.link_packets.push(bytes, flows);
            for out in &mut state.links {
                out.packets += 1;
                out.bytes += bytes.len() as u64;
                self.counters.link_packets_out += 1;
                self.counters.link_bytes_out += bytes.len() as u64;
            }
        }
        let frame = outgoing::frame_number(&packet, bytes);
        let behind = state.ring.highest().is_some_and(|highest| highest > index);
        for key in &source.subscribers {
            let Some(outgoing) = self.outgoings.get_mut(*key) else { continue };
            let Some(participant) = self.participants.get_mut(outgoing.participant) else { continue };
            let Some(destination) = participant.media_destination() else { continue };
            let rewrite = match outgoing.place(layer, &packet, frame, &reports) {
                Decision::Forward(rewrite) => rewrite,
                Decision::Switched(rewrite) => {
                    self.keys.push(*key);
                    rewrite
                }
                Decision::Waits(until) => {
                    self.counters.switches_put_off += 1;
                    self.timers.no_later(Timer::Switch(*key), until);
                    continue;
                }
                Decision::Ignore => continue,
                Decision::NoPlace => {
                    self.counters.dropped_no_place += 1;
                    continue;
                }
            };
            let data = (&packet, bytes);
            let (transmits, counters) = (&mut self.transmits, &mut self.counters);
            if participant.send_media(destination, outgoing, &rewrite, data, transmits, counters) {
                outgoing.packets += 1;
                outgoing.octets += u64::from(packet.layout.length - packet.layout.payload_start);
                self.counters.rtp_out += 1;
                self.counters.rtp_out_bytes += bytes.len() as u64;
            }
            if outgoing.can_switch() {
                self.complete.push(*key);
            }
        }
        self.after_switches(now, id, layer, behind.then_some(index));
        while let Some(key) = self.complete.pop() {
            self.switch(now, key);
        }
    }

    /// Makes the switch a stream put off, if it is to be made now.
    pub(super) fn switch(&mut self, now: Instant, key: u32) {
        let Some(outgoing) = self.outgoings.get_mut(key) else { return };
        let Some(watch) = outgoing.watch else { return };
        let Some(due) = outgoing.take_due(now) else {
            if let Some(until) = outgoing.waits_until() {
                self.timers.no_later(Timer::Switch(key), until);
            }
            return;
        };
        self.counters.pictures_cut += u64::from(due.is_cut);
        self.replay(now, key, watch.source, due.layer, due.index);
        if self.outgoings.get(key).is_some_and(|outgoing| outgoing.current != Some(due.layer)) {
            // The ring has moved on past the keyframe.
            self.send_held_back(now, key);
            self.want_keyframe(now, watch.source, due.layer);
        }
    }

    /// A stream that does not switch after all goes on where it was.
    fn send_held_back(&mut self, now: Instant, key: u32) {
        let Some(outgoing) = self.outgoings.get_mut(key) else { return };
        let Some(watch) = outgoing.watch else { return };
        if let Some((layer, first)) = outgoing.take_held_back() {
            self.replay(now, key, watch.source, layer, first);
        }
    }

    /// Tells of the streams in `keys` that switched; sends what the layer had already received after `index`.
    fn after_switches(&mut self, now: Instant, id: SourceId, layer: Layer, index: Option<u64>) {
        while let Some(key) = self.keys.pop() {
            self.tell_switched(key, id, layer);
            if let Some(index) = index {
                self.replay(now, key, id, layer, index + 1);
            }
        }
    }

    fn tell_switched(&mut self, key: u32, source: SourceId, layer: Layer) {
        let participant = self.outgoings.get(key).map(|outgoing| outgoing.participant);
        if let Some(participant) = participant.and_then(|slot| self.participants.get(slot)) {
            let session = participant.id;
            self.counters.layer_switches += 1;
            self.tell(Event::LayerSwitched { session, source, layer });
        }
    }

    /// Gives one stream the packets of the ring from `first` on.
    fn replay(&mut self, _now: Instant, key: u32, id: SourceId, layer: Layer, first: u64) {
        let Some(source) = self.sources.get(&id) else { return };
        let reports = source.reports();
        let Some(state) = source.layer(layer) else { return };
        let Some(outgoing) = self.outgoings.get_mut(key) else { return };
        let Some(participant) = self.participants.get_mut(outgoing.participant) else { return };
        let Some(destination) = participant.media_destination() else { return };
        let mut switched = false;
        for index in first..=state.ring.highest().unwrap_or(0) {
            let Some((packet, bytes)) = state.ring.get(index) else { continue };
            let frame = outgoing::frame_number(&packet, bytes);
            let rewrite = match outgoing.place(layer, &packet, frame, &reports) {
                Decision::Forward(rewrite) => rewrite,
                Decision::Switched(rewrite) => {
                    switched = true;
                    rewrite
                }
                Decision::Ignore | Decision::NoPlace | Decision::Waits(_) => continue,
            };
            let data = (&packet, bytes);
            let (transmits, counters) = (&mut self.transmits, &mut self.counters);
            if participant.send_media(destination, outgoing, &rewrite, data, transmits, counters) {
                outgoing.packets += 1;
                outgoing.octets += u64::from(packet.layout.length - packet.layout.payload_start);
                self.counters.rtp_out += 1;
                self.counters.rtp_out_bytes += bytes.len() as u64;
            }
        }
        if switched {
            self.tell_switched(key, id, layer);
        }
    }

    /// Chooses the layer of one stream anew and gets it going: from the ring where that holds a fresh keyframe and
    /// nothing is being sent yet, else by asking for one.
    pub(super) fn start(&mut self, now: Instant, key: u32) {
        let Some(outgoing) = self.outgoings.get_mut(key) else { return };
        let Some(watch) = outgoing.watch else { return };
        let Some(source) = self.sources.get(&watch.source) else { return };
        let wanted = outgoing.choose(source.live());
        self.send_held_back(now, key);
        let Some(wanted) = wanted else { return };
        let Some(outgoing) = self.outgoings.get_mut(key) else { return };
        let Some(source) = self.sources.get(&watch.source) else { return };
        let ready =
            self.participants.get(outgoing.participant).is_some_and(|p| p.media_destination().is_some());
        if !ready {
            return;
        }
        if outgoing.current.is_none() {
            let not_before = now.checked_sub(KEYFRAME_AGE_MAX).unwrap_or(now);
            let newest =
                |layer: &crate::layer::Layer| layer.ring.newest_keyframe(not_before, REPLAY_PACKETS_MAX);
            if let Some(first) = source.layer(wanted).and_then(newest) {
                self.counters.started_from_ring += u64::from(source.kind == Kind::Video);
                let unknown = source.codec == Codec::Other;
                self.replay(now, key, watch.source, wanted, first);
                if !unknown {
                    return;
                }
                // Where it starts is not known to be a keyframe: one is asked for all the same.
            }
        }
        self.want_keyframe(now, watch.source, wanted);
    }

    /// All streams of a source choose their layer anew, without acting on it.
    pub(super) fn choose_all(&mut self, id: SourceId) {
        let Some(source) = self.sources.get(&id) else { return };
        for key in &source.subscribers {
            if let Some(outgoing) = self.outgoings.get_mut(*key) {
                outgoing.choose(source.live());
            }
        }
    }

    /// Layers of a source came or went: all its streams choose anew and are got going.
    pub(super) fn reselect(&mut self, now: Instant, id: SourceId) {
        let Some(source) = self.sources.get(&id) else { return };
        for key in source.subscribers.clone() {
            self.start(now, key);
        }
    }

    /// The session can receive now: starts all its streams.
    pub(super) fn start_all(&mut self, now: Instant, slot: u32) {
        let Some(participant) = self.participants.get(slot) else { return };
        for key in participant.outgoing.clone() {
            self.start(now, key);
        }
    }
}
