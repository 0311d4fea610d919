//! Which layer a stream takes, when it goes over to another, and how the numbers go on there.

use std::time::{Duration, Instant};

use super::segment::Segment;
use super::{Decision, Last, Outgoing, Reports};
use crate::report::ticks;
use crate::ring::Packet;
use crate::{Kind, LAYERS_MAX, Layer};

/// Differences between the publisher's timing and the arrival's that are believed at a layer switch.
const TIMING_TRUSTED_S: u32 = 2;

/// How long after its newest packet a picture is waited for before the stream leaves its layer: the next picture shows that
/// something is missing (200 ms at 5 pictures a second), and its repair takes a round trip (300 ms on a poor uplink). Who
/// watches sees the picture before it for so long, as with any loss; afterwards the keyframe that is there is the better one.
const PICTURE_WAIT_MAX: Duration = Duration::from_millis(500);

/// A keyframe to go on from, once the picture being sent is complete.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    /// Layer of the keyframe, and its epoch.
    id: (Layer, u32),
    /// First packet of the keyframe on its layer.
    index: u64,
    until: Instant,
}

/// A switch that was put off and is to be made now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) layer: Layer,
    /// Packet of the layer to go on from.
    pub(crate) index: u64,
    /// The picture that was waited for stays without its end.
    pub(crate) is_cut: bool,
}

impl Outgoing {
    /// Chooses the layer to take of those that are live. Returns the layer a keyframe is needed of.
    pub(crate) fn choose(&mut self, live: [bool; LAYERS_MAX]) -> Option<Layer> {
        let target = self.watch?.target;
        if target.paused {
            self.current = None;
            self.wanted = None;
            self.waiting = None;
            self.has_held_back = false;
            return None;
        }
        let layers = || (0..).zip(live).filter_map(|(layer, live)| live.then_some(layer));
        let best = layers().take_while(|layer| *layer <= target.layer).last();
        self.wanted = best.or_else(|| layers().next());
        self.waiting.take_if(|waiting| Some(waiting.id.0) != self.wanted);
        self.wanted.filter(|wanted| Some(*wanted) != self.current && self.waiting.is_none())
    }

    /// Whether the keyframe of `layer` that starts with `packet` has to wait, and until when at most: the picture being sent
    /// lacks its end. A decoder would be given a part of a picture, and the rest would have no place any more.
    pub(super) fn put_off(&mut self, layer: Layer, packet: &Packet) -> Option<Instant> {
        let last = self.last.filter(|last| !last.ends)?;
        let has_pictures = self.watch.is_some_and(|watch| watch.kind == Kind::Video);
        // A layer whose numbering began anew brings nothing more of what it was.
        let leaves = self.current.is_some_and(|current| current != layer);
        let until = last.arrival + PICTURE_WAIT_MAX;
        if !has_pictures || !leaves || packet.arrival >= until {
            return None;
        }
        let id = (layer, packet.epoch);
        let known = self.waiting.filter(|waiting| waiting.id == id);
        let index = known.map_or(packet.index, |known| known.index.min(packet.index));
        self.waiting = Some(Waiting { id, index, until });
        Some(until)
    }

    /// While a switch waits, only what completes the picture is sent of the layer that is left.
    pub(super) fn holds_back(&self, packet: &Packet) -> bool {
        let (Some(last), Some(segment)) = (self.last, self.segments.back()) else { return false };
        let timestamp = packet.layout.timestamp.wrapping_add(segment.timestamp_shift);
        self.waiting.is_some() && (packet.layout.is_padding() || timestamp != last.timestamp)
    }

    /// The stream stays with its layer after all: gives the first packet to go on from, where some were held back.
    pub(crate) fn take_held_back(&mut self) -> Option<(Layer, u64)> {
        let (layer, segment) = (self.current?, self.segments.back()?);
        let stays = self.waiting.is_none() && segment.id.0 == layer;
        (stays && std::mem::take(&mut self.has_held_back)).then_some((layer, segment.end))
    }

    /// When the switch that waits is made at the latest.
    pub(crate) fn waits_until(&self) -> Option<Instant> {
        self.waiting.map(|waiting| waiting.until)
    }

    /// A switch waited for this packet's picture, and it is complete now.
    pub(crate) fn can_switch(&self) -> bool {
        self.waiting.is_some() && self.last.is_none_or(|last| last.ends)
    }

    /// Takes the switch that waited, if it is to be made now: give the stream the packets of the layer from there on.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Due> {
        let is_cut = !self.can_switch();
        let waiting = self.waiting.take_if(|waiting| !is_cut || waiting.until <= now)?;
        if let Some(last) = &mut self.last {
            last.ends = true;
        }
        Some(Due { layer: waiting.id.0, index: waiting.index, is_cut })
    }

    /// Begins a part at a keyframe of another layer, of another source, or after a pause.
    pub(super) fn switch(
        &mut self,
        layer: Layer,
        packet: &Packet,
        frame: Option<u16>,
        reports: &Reports,
    ) -> Decision {
        let descriptor = packet.layout.descriptor;
        let mut segment = Segment::new((layer, packet.epoch), packet.index, self.next_index);
        if let Some(last) = self.last {
            segment.timestamp_shift = self.shift_for(layer, packet, &last, reports);
            let after = |last: Option<u16>, first: Option<u16>| match (last, first) {
                (Some(last), Some(first)) => last.wrapping_add(1).wrapping_sub(first),
                _ => 0,
            };
            segment.picture_shift = after(last.picture, descriptor.picture.map(|picture| picture.value));
            segment.tl0_shift = match (last.tl0, descriptor.tl0) {
                (Some(last), Some((_, first))) => last.wrapping_add(1).wrapping_sub(first),
                _ => 0,
            };
            segment.frame_shift = after(last.frame_number, frame);
        }
        segment.end = packet.index + 1;
        let rewrite = segment.rewrite(packet.index);
        self.next_index = rewrite.index + 1;
        self.push(segment);
        self.current = Some(layer);
        self.waiting = None;
        self.has_held_back = false;
        self.note(packet, frame, &rewrite);
        Decision::Switched(rewrite)
    }

    /// Timestamps go on as the publisher's clock does where both layers' sender reports are known, else as the packets
    /// arrived; never back.
    fn shift_for(&self, layer: Layer, packet: &Packet, last: &Last, reports: &Reports) -> u32 {
        let clock_rate_hz = self.watch.map_or(90_000, |watch| watch.clock_rate_hz);
        let timestamp = packet.layout.timestamp;
        let elapsed = ticks(packet.arrival.saturating_duration_since(last.arrival), clock_rate_hz);
        let by_arrival = last.timestamp.wrapping_add(elapsed);
        let report = |layer: Layer| reports.get(usize::from(layer)).copied().flatten();
        let exact = self.segments.back().and_then(|before| {
            if before.id == (layer, packet.epoch) {
                return Some(timestamp.wrapping_add(before.timestamp_shift));
            }
            if before.id.0 == layer {
                // Its numbering began anew: the old one's report is gone.
                return None;
            }
            let (from, to) = (report(layer)?, report(before.id.0)?);
            let there = to.translate(&from, timestamp, clock_rate_hz);
            Some(there.wrapping_add(before.timestamp_shift))
        });
        let trusted = exact.filter(|exact| {
            (exact.wrapping_sub(by_arrival) as i32).unsigned_abs() < TIMING_TRUSTED_S * clock_rate_hz
        });
        let candidate = trusted.unwrap_or(by_arrival);
        let forward = candidate.wrapping_sub(last.timestamp) as i32 > 0;
        let first = if forward { candidate } else { last.timestamp.wrapping_add(1) };
        first.wrapping_sub(timestamp)
    }
}
