//! One stream to one receiver: which layer it takes, and how that layer's packets are renumbered so that the receiver
//! sees one gap-free stream.

mod feedback;
mod segment;
mod switching;
mod write;

use std::collections::VecDeque;
use std::time::Instant;

use crate::canonical::{self, DEPENDENCY_DESCRIPTOR, ELEMENTS};
use crate::codec::av1;
use crate::report::SenderReport;
use crate::ring::Packet;
use crate::{Kind, LAYERS_MAX, Layer, Outgoing as Declared, SourceId, Target};

pub(crate) use feedback::Answer;
pub(crate) use segment::Rewrite;
use segment::Segment;
use switching::Waiting;
pub(crate) use write::GROWTH_MAX;

/// Parts of the stream whose late packets and retransmissions can still be placed. A part ends with a layer switch or a
/// dropped padding packet; when there are more, the oldest is forgotten.
const SEGMENTS_MAX: usize = 16;

/// Sender reports of every layer of the source, for switches.
pub(crate) type Reports = [Option<SenderReport>; LAYERS_MAX];

/// What a stream is fed from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    pub(crate) source: SourceId,
    pub(crate) payload_type: u8,
    pub(crate) rtx_payload_type: Option<u8>,
    pub(crate) kind: Kind,
    pub(crate) clock_rate_hz: u32,
    pub(crate) target: Target,
}

/// What a stream does with a packet of its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Forward(Rewrite),
    /// As `Forward`, and it is the first of a layer the stream now takes.
    Switched(Rewrite),
    /// A keyframe to go on from when the picture being sent is complete, at the latest then: see [`Outgoing::take_due`].
    Waits(Instant),
    /// Another layer, padding, paused, or waiting for a keyframe.
    Ignore,
    /// Late, of a part that is over.
    NoPlace,
}

#[derive(Debug)]
pub(crate) struct Outgoing {
    /// Slot of the receiving session.
    pub(crate) participant: u32,
    pub(crate) declared: Declared,
    ids: [Option<u8>; ELEMENTS],
    pub(crate) watch: Option<Watch>,
    /// Layer it sends now.
    pub(crate) current: Option<Layer>,
    /// Layer it should send; the switch waits for a keyframe.
    pub(crate) wanted: Option<Layer>,
    /// The keyframe is there; the picture being sent is not complete.
    waiting: Option<Waiting>,
    /// Packets of the current layer were not sent because of it.
    has_held_back: bool,
    segments: VecDeque<Segment>,
    /// First 48-bit packet index of the stream, for the packets that carry MID.
    first_index: u64,
    /// Next packet index: SRTP roll-over counter and sequence number (RFC 3711 section 3.3.1). Never goes back under one
    /// SSRC, whatever is watched: a repeated index would repeat a GCM nonce.
    next_index: u64,
    next_rtx_index: u64,
    /// Packets below it were sent with another payload type or other extension ids: sending them again would not be bit
    /// by bit the same.
    resend_floor: u64,
    last: Option<Last>,
    feedback: feedback::State,
    pub(crate) packets: u64,
    pub(crate) octets: u64,
}

/// The newest packet sent, in the receiver's numbers.
#[derive(Clone, Copy, Debug)]
struct Last {
    timestamp: u32,
    arrival: Instant,
    /// Its picture's last packet was sent, or is not waited for any longer.
    ends: bool,
    picture: Option<u16>,
    tl0: Option<u8>,
    frame_number: Option<u16>,
}

impl Outgoing {
    /// A stream that starts, or goes on, at these packet indices.
    pub(crate) fn new(participant: u32, declared: Declared, index: u64, rtx_index: u64) -> Self {
        Self {
            participant,
            ids: canonical::ids_by_position(&declared.extensions),
            declared,
            watch: None,
            current: None,
            wanted: None,
            waiting: None,
            has_held_back: false,
            segments: VecDeque::with_capacity(SEGMENTS_MAX),
            first_index: index,
            next_index: index,
            next_rtx_index: rtx_index,
            resend_floor: index,
            last: None,
            feedback: feedback::State::default(),
            packets: 0,
            octets: 0,
        }
    }

    /// Next index of the media and of the repair stream.
    pub(crate) fn indices(&self) -> (u64, u64) {
        (self.next_index, self.next_rtx_index)
    }

    /// The m-line's description changed; the stream goes on.
    pub(crate) fn redeclare(&mut self, declared: Declared) {
        if declared.extensions != self.declared.extensions || declared.mid != self.declared.mid {
            self.resend_floor = self.next_index;
        }
        self.ids = canonical::ids_by_position(&declared.extensions);
        self.declared = declared;
    }

    pub(crate) fn watch(&mut self, watch: Watch) {
        let same = self
            .watch
            .is_some_and(|old| (old.source, old.payload_type) == (watch.source, watch.payload_type));
        if !same {
            self.unwatch();
        }
        self.watch = Some(watch);
    }

    pub(crate) fn unwatch(&mut self) {
        self.watch = None;
        self.current = None;
        self.wanted = None;
        self.waiting = None;
        self.has_held_back = false;
        self.segments.clear();
        self.resend_floor = self.next_index;
    }

    /// Decides on a packet of `layer`.
    pub(crate) fn place(
        &mut self,
        layer: Layer,
        packet: &Packet,
        frame: Option<u16>,
        reports: &Reports,
    ) -> Decision {
        if self.watch.is_none_or(|watch| watch.target.paused) {
            return Decision::Ignore;
        }
        let id = (layer, packet.epoch);
        let newest =
            self.segments.back().is_some_and(|segment| segment.id == id && packet.index >= segment.end);
        if Some(layer) == self.current && newest {
            let holds_back = self.holds_back(packet);
            self.has_held_back |= holds_back;
            return if holds_back { Decision::Ignore } else { self.extend(packet, frame) };
        }
        let mut parts = self.segments.iter().rev().filter(|segment| segment.id == id);
        if let Some(segment) = parts.find(|segment| segment.holds(packet.index)) {
            let rewrite = segment.rewrite(packet.index);
            self.note_late(packet, &rewrite);
            return Decision::Forward(rewrite);
        }
        let continues = self.current == Some(layer) && self.segments.back().is_some_and(|last| last.id == id);
        if Some(layer) == self.wanted && !continues && packet.layout.descriptor.switch_point {
            let until = self.put_off(layer, packet);
            return until.map_or_else(|| self.switch(layer, packet, frame, reports), Decision::Waits);
        }
        if continues { Decision::NoPlace } else { Decision::Ignore }
    }

    /// Where a packet index of the receiver came from: layer, its epoch, index there, and how it was rewritten.
    pub(crate) fn locate(&self, index: u64) -> Option<(Layer, u32, u64, Rewrite)> {
        let segment = self.segments.iter().rev().find(|segment| segment.covers(index))?;
        let source_index = segment.source_index(index);
        Some((segment.id.0, segment.id.1, source_index, segment.rewrite(source_index)))
    }

    /// Shift from the timestamps of the layer now sent to the receiver's.
    pub(crate) fn timestamp_shift(&self) -> u32 {
        self.segments.back().map_or(0, |segment| segment.timestamp_shift)
    }

    /// The newest packet of the current part.
    fn extend(&mut self, packet: &Packet, frame: Option<u16>) -> Decision {
        let Some(segment) = self.segments.back_mut() else { return Decision::Ignore };
        if packet.layout.is_padding() {
            let next = segment.after_padding(packet.index);
            self.next_index = next.out_first;
            self.push(next);
            return Decision::Ignore;
        }
        segment.end = packet.index + 1;
        let rewrite = segment.rewrite(packet.index);
        self.next_index = rewrite.index + 1;
        self.note(packet, frame, &rewrite);
        Decision::Forward(rewrite)
    }

    fn note(&mut self, packet: &Packet, frame: Option<u16>, rewrite: &Rewrite) {
        let descriptor = packet.layout.descriptor;
        self.last = Some(Last {
            timestamp: packet.layout.timestamp.wrapping_add(rewrite.timestamp_shift),
            arrival: packet.arrival,
            ends: packet.layout.marker,
            picture: descriptor.picture.map(|picture| picture.value.wrapping_add(rewrite.picture_shift)),
            tl0: descriptor.tl0.map(|(_, value)| value.wrapping_add(rewrite.tl0_shift)),
            frame_number: frame.map(|frame| frame.wrapping_add(rewrite.frame_shift)),
        });
    }

    /// A packet that fills its place later may be the end of the newest picture (padding came before it).
    fn note_late(&mut self, packet: &Packet, rewrite: &Rewrite) {
        let timestamp = packet.layout.timestamp.wrapping_add(rewrite.timestamp_shift);
        if let Some(last) = self.last.as_mut().filter(|last| last.timestamp == timestamp) {
            last.ends |= packet.layout.marker;
        }
    }

    fn push(&mut self, segment: Segment) {
        // A part nothing was sent in is replaced.
        if self.segments.back().is_some_and(|last| last.end == last.first) {
            self.segments.pop_back();
        }
        if self.segments.len() == SEGMENTS_MAX {
            self.segments.pop_front();
        }
        self.segments.push_back(segment);
    }
}

/// The frame number of a packet with a dependency descriptor.
pub(crate) fn frame_number(packet: &Packet, bytes: &[u8]) -> Option<u16> {
    packet.layout.element(bytes, DEPENDENCY_DESCRIPTOR).and_then(av1::frame_number)
}

#[cfg(test)]
mod tests;
