//! One stream of a journal: packets in, frames on the class timeline out.

use std::collections::VecDeque;

use bytes::Bytes;
use edge_wire::journal::StreamOpen;

use crate::depacketize::{self, Depacketizer, opus};
use crate::reorder::{InOrder, Reorder};
use crate::rtp::Packet;
use crate::{audio, clock, ladder};

/// Frames held while the mapping to class time is not fixed: two seconds at 500 a second. When full the oldest is dropped.
const PENDING_MAX: usize = 1_024;

#[derive(Debug)]
enum Media {
    Video { depacketizer: Depacketizer, pending: VecDeque<(i64, depacketize::Frame)> },
    Audio { redundant: bool, pending: VecDeque<(i64, audio::Frame)>, last: Option<i64> },
}

/// What a stream hands out.
#[derive(Debug)]
pub(crate) enum Frame {
    Video(ladder::Frame),
    Audio(audio::Frame),
}

#[derive(Debug)]
pub(crate) struct Stream {
    reorder: Reorder,
    unwrap: clock::Unwrap,
    clock: clock::Stream,
    media: Media,
}

impl Stream {
    /// `None` when the archive cannot package the codec.
    pub(crate) fn new(open: &StreamOpen) -> Option<Self> {
        let mime_type = open.codec.mime_type.to_ascii_lowercase();
        let media = match mime_type.as_str() {
            "audio/opus" | "audio/red" => {
                Media::Audio { redundant: mime_type == "audio/red", pending: VecDeque::new(), last: None }
            }
            _ => Media::Video {
                depacketizer: Depacketizer::new(&mime_type, &open.codec.fmtp)?,
                pending: VecDeque::new(),
            },
        };
        let default_hz = if mime_type.starts_with("audio/") { 48_000 } else { 90_000 };
        let rate_hz = Some(open.codec.clock_rate_hz).filter(|rate| *rate > 0).unwrap_or(default_hz);
        Some(Self {
            reorder: Reorder::default(),
            unwrap: clock::Unwrap::default(),
            clock: clock::Stream::new(rate_hz),
            media,
        })
    }

    pub(crate) fn handle_packet(&mut self, packet: Packet, at_ms: u64) {
        self.reorder.handle_packet(packet, at_ms);
    }

    /// The publisher's report; `us` is its moment in class time.
    pub(crate) fn handle_report(&mut self, rtp_timestamp: u32, us: i64) {
        let timestamp = self.unwrap.peek(rtp_timestamp);
        self.clock.handle_report(timestamp, us);
    }

    /// Frames that are whole and placed by now. `flush` when no packet follows.
    pub(crate) fn drain(&mut self, now_ms: u64, flush: bool, mut out: impl FnMut(Frame)) {
        while let Some(in_order) = self.reorder.poll(now_ms, flush) {
            let timestamp = self.unwrap.advance(in_order.packet.timestamp);
            self.clock.handle_packet(timestamp, in_order.at_ms.cast_signed() * 1_000);
            self.media.handle_packet(in_order, timestamp);
        }
        if !self.clock.settle(now_ms.cast_signed() * 1_000, flush) {
            return;
        }
        match &mut self.media {
            Media::Video { pending, .. } => {
                for (timestamp, frame) in pending.drain(..) {
                    let Some(us) = self.clock.map(timestamp) else { continue };
                    let depacketize::Frame { config, data, after_loss, .. } = frame;
                    out(Frame::Video(ladder::Frame { us, config, data, after_loss }));
                }
            }
            Media::Audio { pending, .. } => {
                for (timestamp, mut frame) in pending.drain(..) {
                    let Some(us) = self.clock.map(timestamp) else { continue };
                    frame.us = us;
                    out(Frame::Audio(frame));
                }
            }
        }
    }
}

impl Media {
    fn handle_packet(&mut self, in_order: InOrder, timestamp: i64) {
        match self {
            Self::Video { depacketizer, pending } => {
                let newest = in_order.packet.timestamp;
                let mut frames = Vec::new();
                depacketizer.handle_packet(in_order, &mut frames);
                for frame in frames {
                    let back = i64::from(frame.timestamp.wrapping_sub(newest).cast_signed());
                    push(pending, (timestamp + back, frame));
                }
            }
            Self::Audio { redundant, pending, last } => {
                let payload = &in_order.packet.payload;
                let blocks = if *redundant {
                    opus::redundant(payload).unwrap_or_default()
                } else {
                    vec![opus::Block { samples_back: 0, data: payload.clone() }]
                };
                let mut lost = in_order.lost;
                for block in blocks {
                    let timestamp = timestamp - i64::from(block.samples_back);
                    // A redundant copy of what came already, or a packet that says nothing.
                    let known = last.is_some_and(|last| timestamp <= last);
                    let Some(samples) = opus::samples(&block.data).filter(|_| !known) else { continue };
                    *last = Some(timestamp);
                    push_sound(pending, timestamp, samples, block.data, std::mem::take(&mut lost));
                }
            }
        }
    }
}

/// Queues a packet; one without sound becomes silence of the same length.
fn push_sound(
    pending: &mut VecDeque<(i64, audio::Frame)>,
    timestamp: i64,
    samples: u32,
    data: Bytes,
    lost: u32,
) {
    if !opus::is_silence(&data) {
        return push(pending, (timestamp, audio::Frame { us: 0, samples, data, lost }));
    }
    for offset in (0..samples).step_by(opus::FRAME_SAMPLES as usize) {
        let frame = audio::Frame { us: 0, samples: opus::FRAME_SAMPLES, data: opus::SILENCE, lost };
        push(pending, (timestamp + i64::from(offset), frame));
    }
}

fn push<T>(pending: &mut VecDeque<T>, item: T) {
    if pending.len() == PENDING_MAX {
        pending.pop_front();
    }
    pending.push_back(item);
}
