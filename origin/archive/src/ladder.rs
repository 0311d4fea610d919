//! The layers of one video track, cut together.
//!
//! A segment starts where the layers have a key frame at the same instant and ends where the next one does; a layer
//! that lacks the key frame is left out of that segment. The stretch from first key frame to the last frame before
//! two seconds of nothing is an interval; a muted track ends one.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use crate::codec::Video;

/// Nothing is waited for longer than this, in journal time: a second of reordering and two for the first report.
pub(crate) const HOLD_US: i64 = 3_000_000;
/// Key frames this close are the same captured frame: layers differ by rounding and report jitter.
const SNAP_US: i64 = 60_000;
/// Segments are at least this long.
const SEGMENT_MIN_US: i64 = 2_000_000;
/// A common key frame is waited for until here; then the best there is will do.
const SEGMENT_COMMON_US: i64 = 6_000_000;
/// No packet for this long ends the interval.
const IDLE_US: i64 = 2_000_000;
/// A layer without a frame for this long is off and is not asked for a key frame.
const ALIVE_US: i64 = 1_000_000;
/// A pause in the picture worth telling.
pub(crate) const GAP_MIN_US: i64 = 100_000;
/// Bytes held for one segment: a minute at 8 Mbit/s without any key frame. When full the interval ends; the next key
/// frame starts a new one.
const BYTES_MAX: usize = 64 << 20;

/// A frame on the class timeline.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) us: i64,
    /// Present on key frames.
    pub(crate) config: Option<Arc<Video>>,
    pub(crate) data: Bytes,
    pub(crate) after_loss: bool,
}

/// One layer of one segment: the first frame is a key frame at the segment's start.
#[derive(Debug)]
pub(crate) struct LayerSegment {
    pub(crate) config: Arc<Video>,
    pub(crate) frames: Vec<(i64, Bytes)>,
}

#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) start_us: i64,
    pub(crate) end_us: i64,
    pub(crate) layers: BTreeMap<u32, LayerSegment>,
    /// Stretches in which some layer lost frames.
    pub(crate) gaps: Vec<(i64, i64)>,
}

#[derive(Debug)]
pub(crate) enum Event {
    Start(i64),
    Segment(Segment),
    End(i64),
}

#[derive(Debug, Default)]
struct Layer {
    queue: VecDeque<Frame>,
    open: u32,
    last_us: Option<i64>,
}

#[derive(Debug, Default)]
pub(crate) struct Ladder {
    layers: BTreeMap<u32, Layer>,
    /// Start of the segment at hand, while in an interval.
    start_us: Option<i64>,
    /// The last segment is out; its end is still to be told.
    ended_us: Option<i64>,
    last_packet_us: i64,
    bytes: usize,
}

impl Ladder {
    pub(crate) fn open(&mut self, layer: u32, now_us: i64) {
        self.layers.entry(layer).or_default().open += 1;
        self.last_packet_us = self.last_packet_us.max(now_us);
    }

    pub(crate) fn close(&mut self, layer: u32) {
        if let Some(layer) = self.layers.get_mut(&layer) {
            layer.open = layer.open.saturating_sub(1);
        }
    }

    /// Says that a packet of the track came, whether or not it makes a frame.
    pub(crate) fn handle_packet(&mut self, at_us: i64) {
        self.last_packet_us = self.last_packet_us.max(at_us);
    }

    pub(crate) fn handle_frame(&mut self, layer: u32, mut frame: Frame) {
        let layer = self.layers.entry(layer).or_default();
        if let Some(last_us) = layer.last_us {
            frame.us = frame.us.max(last_us + 1_000);
        }
        layer.last_us = Some(frame.us);
        self.bytes += frame.data.len();
        layer.queue.push_back(frame);
    }

    /// No stream of it is open.
    pub(crate) fn is_closed(&self) -> bool {
        self.layers.values().all(|layer| layer.open == 0)
    }

    /// Times before this are decided: no boundary can fall there any more. `None` outside an interval.
    pub(crate) fn decided_us(&self, now_us: i64) -> Option<i64> {
        let start_us = self.start_us?;
        match self.candidates(start_us).next() {
            Some((us, _)) => Some(us),
            None => {
                let last_us = self.layers.values().filter_map(|layer| layer.last_us).max();
                Some(last_us.unwrap_or(start_us).max(now_us - HOLD_US))
            }
        }
    }

    /// What can be said by now. Call until `None`.
    pub(crate) fn poll(&mut self, now_us: i64, flush: bool) -> Option<Event> {
        if let Some(ended_us) = self.ended_us.take() {
            self.start_us = None;
            return Some(Event::End(ended_us));
        }
        let idle = now_us - self.last_packet_us > IDLE_US;
        let over = flush || idle || self.is_closed() || self.bytes > BYTES_MAX;
        let Some(start_us) = self.start_us else { return self.poll_start(now_us, over) };
        if let Some(boundary_us) = self.boundary(start_us, now_us, over) {
            self.start_us = Some(boundary_us);
            return Some(Event::Segment(self.cut(start_us, boundary_us)));
        }
        if !over {
            return None;
        }
        // The last segment ends where its last frame does.
        let present = self.layers.values().filter(|layer| layer.config_at(start_us).is_some());
        let end_us = present.filter_map(Layer::end_us).max().unwrap_or(start_us).max(start_us + 1_000);
        let segment = self.cut(start_us, end_us);
        for layer in self.layers.values_mut() {
            layer.queue.clear();
        }
        self.bytes = 0;
        self.ended_us = Some(end_us);
        Some(Event::Segment(segment))
    }

    fn poll_start(&mut self, now_us: i64, over: bool) -> Option<Event> {
        for layer in self.layers.values_mut() {
            while layer.queue.front().is_some_and(|frame| frame.config.is_none()) {
                let frame = layer.queue.pop_front();
                self.bytes -= frame.map_or(0, |frame| frame.data.len());
            }
        }
        let us = self.layers.values().filter_map(|layer| layer.queue.front()).map(|frame| frame.us).min()?;
        if self.watermark(now_us, over) < us + SNAP_US {
            return None;
        }
        self.start_us = Some(us);
        Some(Event::Start(us))
    }

    /// Class time every layer is complete to.
    fn watermark(&self, now_us: i64, over: bool) -> i64 {
        let open = self.layers.values().filter(|layer| layer.open > 0 && !over);
        open.map(|layer| layer.last_us.unwrap_or(0).max(now_us - HOLD_US)).min().unwrap_or(i64::MAX)
    }

    /// Key frames at which the segment may end, ascending, with whether they must end it.
    fn candidates(&self, start_us: i64) -> impl Iterator<Item = (i64, bool)> {
        let mut found: Vec<(i64, bool)> = Vec::new();
        for layer in self.layers.values() {
            let current = layer.config_at(start_us);
            for frame in layer.queue.iter().skip(usize::from(current.is_some())) {
                let Some(config) = &frame.config else { continue };
                // Samples of another configuration cannot follow in the same segment.
                let must = current.is_some_and(|current| *current != *config);
                if must || frame.us >= start_us + SEGMENT_MIN_US - SNAP_US {
                    found.push((frame.us, must));
                }
            }
        }
        found.sort_unstable();
        found.into_iter()
    }

    fn boundary(&self, start_us: i64, now_us: i64, over: bool) -> Option<i64> {
        let watermark_us = self.watermark(now_us, over);
        let mut best: Option<(usize, i64)> = None;
        for (us, must) in self.candidates(start_us) {
            if watermark_us < us + SNAP_US {
                break;
            }
            let present = |layer: &&Layer| layer.config_at(start_us).is_some();
            let alive = |layer: &&Layer| layer.has_frame_in(us - ALIVE_US, us + SNAP_US);
            let wanted = self.layers.values().filter(present).filter(alive);
            if must || wanted.clone().all(|layer| layer.keyframe_near(us, start_us).is_some()) {
                return Some(us);
            }
            let score =
                self.layers.values().filter(|layer| layer.keyframe_near(us, start_us).is_some()).count();
            if best.is_none_or(|(most, _)| score > most) {
                best = Some((score, us));
            }
        }
        let waited = over || watermark_us >= start_us + SEGMENT_COMMON_US;
        best.filter(|_| waited).map(|(_, us)| us)
    }

    fn cut(&mut self, start_us: i64, end_us: i64) -> Segment {
        let mut segment = Segment { start_us, end_us, layers: BTreeMap::new(), gaps: Vec::new() };
        for (&index, layer) in &mut self.layers {
            let config = layer.config_at(start_us).cloned();
            let count = layer
                .keyframe_near(end_us, start_us)
                .unwrap_or_else(|| layer.queue.iter().take_while(|frame| frame.us < end_us).count());
            let frames: Vec<Frame> = layer.queue.drain(..count).collect();
            self.bytes -= frames.iter().map(|frame| frame.data.len()).sum::<usize>();
            let Some(config) = config else { continue };
            let mut previous_us = start_us;
            let mut kept = Vec::with_capacity(frames.len());
            for (position, frame) in frames.into_iter().enumerate() {
                if frame.after_loss && frame.us - previous_us >= GAP_MIN_US {
                    segment.gaps.push((previous_us, frame.us));
                }
                if frame.config.as_ref().is_some_and(|other| *other != config) {
                    break;
                }
                previous_us = if position == 0 { start_us } else { frame.us };
                kept.push((previous_us, frame.data));
            }
            if let Some(next) =
                layer.queue.front().filter(|next| next.after_loss && next.us - previous_us >= GAP_MIN_US)
            {
                segment.gaps.push((previous_us, next.us.min(end_us)));
            }
            if !kept.is_empty() {
                segment.layers.insert(index, LayerSegment { config, frames: kept });
            }
        }
        segment
    }
}

impl Layer {
    /// Configuration of the key frame that starts a segment here, if this layer has it.
    fn config_at(&self, start_us: i64) -> Option<&Arc<Video>> {
        let front = self.queue.front()?;
        front.config.as_ref().filter(|_| (front.us - start_us).abs() <= SNAP_US)
    }

    /// Position of the key frame at `us`; never the one the segment at hand starts with.
    fn keyframe_near(&self, us: i64, start_us: i64) -> Option<usize> {
        let taken = usize::from(self.config_at(start_us).is_some());
        let near = |frame: &Frame| frame.config.is_some() && (frame.us - us).abs() <= SNAP_US;
        self.queue.iter().enumerate().skip(taken).find(|(_, frame)| near(frame)).map(|(position, _)| position)
    }

    fn has_frame_in(&self, from_us: i64, to_us: i64) -> bool {
        self.queue.iter().any(|frame| (from_us..=to_us).contains(&frame.us))
    }

    /// Where the last frame ends: it lasts as long as the one before it.
    fn end_us(&self) -> Option<i64> {
        let last = self.queue.back()?;
        let before = self.queue.len().checked_sub(2).and_then(|position| self.queue.get(position));
        let duration_us = before.map_or(33_333, |before| last.us - before.us).clamp(10_000, 100_000);
        Some(last.us + duration_us)
    }
}
