//! Transport-wide congestion control feedback to publishers
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01): what arrived when, so that their send rate ramps up.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::ring::nearest;
use crate::rtcp::{self, write};

/// Pace of feedback: the draft's lower end costs a weak downlink too much, ten a second is what browsers expect.
pub(crate) const INTERVAL: Duration = Duration::from_millis(100);
/// Packets remembered; at 100 ms this is 20,000 packets a second from one publisher. Beyond it the oldest go unreported.
const WINDOW_MAX: usize = 2_048;
/// Packets in one feedback message: with large deltas it stays below 1,100 bytes.
const STATUSES_MAX: usize = 400;
/// Unit of receive deltas.
const DELTA_US: i64 = 250;
/// Unit of the reference time.
const REFERENCE_US: i64 = 64_000;

const SMALL: u8 = 1;
const LARGE: u8 = 2;

#[derive(Debug)]
pub(crate) struct Recorder {
    origin: Instant,
    /// Arrival in microseconds since `origin`, by index from `base` on.
    arrivals: VecDeque<Option<i64>>,
    base: u64,
    /// First index the next feedback covers.
    next: u64,
    feedback_count: u8,
}

impl Recorder {
    pub(crate) fn new(origin: Instant) -> Self {
        Self { origin, arrivals: VecDeque::new(), base: 0, next: 0, feedback_count: 0 }
    }

    /// Notes a packet. Returns whether anything waits for feedback.
    pub(crate) fn arrived(&mut self, sequence_number: u16, now: Instant) -> bool {
        let at = i64::try_from(now.saturating_duration_since(self.origin).as_micros()).unwrap_or(i64::MAX);
        if self.arrivals.is_empty() {
            let index = if self.base == 0 {
                0x1_0000 + u64::from(sequence_number)
            } else {
                nearest(self.base, sequence_number)
            };
            (self.base, self.next) = (index, index);
        }
        let end = self.base + self.arrivals.len() as u64;
        let index = nearest(end, sequence_number);
        if index < self.base {
            return !self.is_idle();
        }
        if index >= end + WINDOW_MAX as u64 {
            // After a long outage nobody asks about what was before it.
            self.arrivals.clear();
            (self.base, self.next) = (index, index);
        }
        while self.base + (self.arrivals.len() as u64) <= index {
            self.arrivals.push_back(None);
        }
        while self.arrivals.len() > WINDOW_MAX {
            self.arrivals.pop_front();
            self.base += 1;
        }
        self.next = self.next.max(self.base).min(index);
        if let Some(slot) = self.arrivals.get_mut((index - self.base) as usize) {
            slot.get_or_insert(at);
        }
        !self.is_idle()
    }

    /// Nothing arrived since the last feedback.
    pub(crate) fn is_idle(&self) -> bool {
        self.next >= self.base + self.arrivals.len() as u64
    }

    /// Appends one feedback message; `false` when there is nothing (more) to report.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, sender_ssrc: u32, media_ssrc: u32) -> bool {
        let Some((mut reference, _)) = self.first_arrival() else {
            self.next = self.base + self.arrivals.len() as u64;
            return false;
        };
        let start = (self.next - self.base) as usize;
        let reference_time = reference.div_euclid(REFERENCE_US);
        reference = reference_time * REFERENCE_US;
        let mut symbols = [0u8; STATUSES_MAX];
        let mut deltas = [0u8; 2 * STATUSES_MAX];
        let (mut count, mut delta_bytes) = (0, 0);
        for arrival in self.arrivals.range(start..).take(STATUSES_MAX) {
            if let Some(at) = arrival {
                let delta = (at - reference).div_euclid(DELTA_US);
                let Ok(large) = i16::try_from(delta) else { break };
                reference += delta * DELTA_US;
                if let Ok(small) = u8::try_from(large) {
                    symbols[count] = SMALL;
                    deltas[delta_bytes] = small;
                    delta_bytes += 1;
                } else {
                    symbols[count] = LARGE;
                    deltas[delta_bytes..delta_bytes + 2].copy_from_slice(&large.to_be_bytes());
                    delta_bytes += 2;
                }
            }
            count += 1;
        }
        let message = write::feedback(
            out,
            rtcp::FORMAT_TRANSPORT_CC,
            rtcp::TRANSPORT_FEEDBACK,
            sender_ssrc,
            media_ssrc,
        );
        out.extend_from_slice(&((self.next & 0xFFFF) as u16).to_be_bytes());
        out.extend_from_slice(&(count as u16).to_be_bytes());
        let head = ((reference_time as u32) << 8) | u32::from(self.feedback_count);
        out.extend_from_slice(&head.to_be_bytes());
        write_chunks(out, &symbols[..count]);
        out.extend_from_slice(&deltas[..delta_bytes]);
        write::end(out, message);
        self.feedback_count = self.feedback_count.wrapping_add(1);
        self.next += count as u64;
        self.forget();
        true
    }

    fn first_arrival(&self) -> Option<(i64, u64)> {
        let start = (self.next - self.base) as usize;
        if start > self.arrivals.len() {
            return None;
        }
        let found = self.arrivals.range(start..).enumerate().find_map(|(n, at)| at.map(|at| (at, n as u64)));
        found.map(|(at, n)| (at, self.next + n))
    }

    /// Keeps half a window behind `next`: a packet that comes late reopens the window at its place.
    fn forget(&mut self) {
        while self.base + (WINDOW_MAX as u64 / 2) < self.next {
            self.arrivals.pop_front();
            self.base += 1;
        }
    }
}

/// Packet status chunks (section 3.1.3 and 3.1.4): runs where they pay, else vectors.
fn write_chunks(out: &mut Vec<u8>, mut symbols: &[u8]) {
    while let [first, ..] = symbols {
        let run = symbols.iter().take_while(|symbol| *symbol == first).count();
        let chunk = if run >= 14 || run == symbols.len() {
            let length = run.min(0x1FFF);
            symbols = &symbols[length..];
            (u16::from(*first) << 13) | length as u16
        } else {
            // One bit per symbol says "small or nothing"; two bits also "large".
            let narrow = symbols.iter().take(14).all(|symbol| *symbol != LARGE);
            let (bits, width) = if narrow { (1, 14) } else { (2, 7) };
            let taken = symbols.len().min(width);
            let mut word: u16 = if narrow { 0x8000 } else { 0xC000 };
            for (n, symbol) in symbols[..taken].iter().enumerate() {
                word |= u16::from(*symbol) << (bits * (width - 1 - n));
            }
            symbols = &symbols[taken..];
            word
        };
        out.extend_from_slice(&chunk.to_be_bytes());
    }
}

#[cfg(test)]
mod tests;
