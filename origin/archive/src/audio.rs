//! One continuous Opus track: what DTX, loss and mute leave out becomes silence, so that position is time.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::depacketize::opus::{FRAME_SAMPLES, SILENCE};

/// A packet this far from its place is moved there by silence or left out; below it the track flows on. Half of what
/// the eye notices between lips and voice.
const TOLERANCE_SAMPLES: i64 = 1_440;
/// A chunk is cut here when no boundary of the picture cuts it.
const CHUNK_SAMPLES: i64 = 4 * 48_000;

/// Silence put in at once: an hour. What is longer is a clock gone wrong.
const SILENCE_MAX_SAMPLES: i64 = 3_600 * 48_000;

/// A packet on the class timeline.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) us: i64,
    pub(crate) samples: u32,
    pub(crate) data: Bytes,
    /// Packets that never came before this one.
    pub(crate) lost: u32,
}

/// A run of packets without a hole.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// Samples since the track's start.
    pub(crate) start: i64,
    pub(crate) frames: Vec<(u32, Bytes)>,
}

impl Chunk {
    pub(crate) fn samples(&self) -> i64 {
        self.frames.iter().map(|(samples, _)| i64::from(*samples)).sum()
    }
}

/// State of a track that starts at `start_us`.
#[derive(Debug)]
pub(crate) struct Track {
    start_us: i64,
    position: i64,
    chunk: Chunk,
    cuts: VecDeque<i64>,
    done: VecDeque<Chunk>,
}

impl Track {
    pub(crate) fn new(start_us: i64) -> Self {
        let chunk = Chunk { start: 0, frames: Vec::new() };
        Self { start_us, position: 0, chunk, cuts: VecDeque::new(), done: VecDeque::new() }
    }

    /// Class time of the next sample.
    pub(crate) fn end_us(&self) -> i64 {
        self.start_us + self.position * 125 / 6
    }

    /// Cuts at `us`, once the track is there.
    pub(crate) fn cut_at(&mut self, us: i64) {
        let target = self.target(us);
        if target > 0 {
            self.cuts.push_back(target);
        }
    }

    /// Places a packet; one that is late beyond tolerance is left out.
    pub(crate) fn handle_frame(&mut self, frame: Frame) {
        let early = self.target(frame.us) - self.position;
        if early <= -TOLERANCE_SAMPLES {
            return;
        }
        if early >= TOLERANCE_SAMPLES {
            self.append_silence(early);
        }
        self.append(frame.samples, frame.data);
    }

    /// Nothing comes before `us` any more.
    pub(crate) fn advance(&mut self, us: i64) {
        let early = self.target(us) - self.position;
        if early >= TOLERANCE_SAMPLES {
            self.append_silence(early);
        }
        self.cut_if_due();
    }

    /// Ends the track at `us`.
    pub(crate) fn end(&mut self, us: i64) {
        self.append_silence(self.target(us) - self.position + i64::from(FRAME_SAMPLES) / 2);
        self.cut();
    }

    pub(crate) fn poll_chunk(&mut self) -> Option<Chunk> {
        self.done.pop_front()
    }

    fn target(&self, us: i64) -> i64 {
        (us - self.start_us) * 6 / 125
    }

    fn append_silence(&mut self, samples: i64) {
        for _ in 0..samples.min(SILENCE_MAX_SAMPLES) / i64::from(FRAME_SAMPLES) {
            self.append(FRAME_SAMPLES, SILENCE);
        }
    }

    fn append(&mut self, samples: u32, data: Bytes) {
        self.cut_if_due();
        self.chunk.frames.push((samples, data));
        self.position += i64::from(samples);
    }

    fn cut_if_due(&mut self) {
        let reached = self.position + i64::from(FRAME_SAMPLES) / 2;
        let mut due = self.position - self.chunk.start >= CHUNK_SAMPLES;
        while self.cuts.front().is_some_and(|cut| *cut <= reached) {
            self.cuts.pop_front();
            due = true;
        }
        if due {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if self.chunk.frames.is_empty() {
            return;
        }
        let next = Chunk { start: self.position, frames: Vec::new() };
        self.done.push_back(std::mem::replace(&mut self.chunk, next));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(us: i64) -> Frame {
        Frame { us, samples: FRAME_SAMPLES, data: Bytes::from_static(b"x123"), lost: 0 }
    }

    #[test]
    fn holes_become_silence_and_position_stays_time() {
        let mut track = Track::new(1_000_000);
        for us in [1_000_000, 1_020_000, 1_200_000, 1_150_000, 1_220_000] {
            track.handle_frame(frame(us));
        }
        track.end(1_240_000);
        let chunk = track.poll_chunk().expect("the end cuts");
        let silent = chunk.frames.iter().filter(|(_, data)| *data == SILENCE).count();
        assert_eq!((chunk.frames.len(), silent), (12, 8));
        assert_eq!(track.end_us(), 1_240_000);
    }

    #[test]
    fn skew_is_taken_up_without_the_track_ever_being_a_frame_off() {
        let mut track = Track::new(0);
        for index in 0..500_000_i64 {
            // 100 ppm slow sender, 10,000 s.
            let us = index * 20_002;
            track.handle_frame(frame(us));
            let off_us = track.end_us() - 20_000 - us;
            assert!(off_us.abs() <= 31_000, "off by {off_us} us at packet {index}");
        }
    }

    #[test]
    fn chunks_are_cut_where_the_picture_is() {
        let mut track = Track::new(0);
        track.cut_at(2_005_000);
        for index in 0..350 {
            track.handle_frame(frame(index * 20_000));
        }
        let starts: Vec<_> = std::iter::from_fn(|| track.poll_chunk()).map(|chunk| chunk.start).collect();
        assert_eq!(starts, [0, 100 * 960]);
        assert_eq!(track.chunk.start, 300 * 960);
    }
}
