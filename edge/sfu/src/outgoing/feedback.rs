//! What a receiver says of its stream: losses to repair, reports, round trip.

use std::time::{Duration, Instant};

use super::Outgoing;
use crate::report::{self, SenderReport};
use crate::ring::nearest;
use crate::rtcp::ReportBlock;

/// Retransmissions a second per stream; a receiver that asks for more has no room for them.
const RETRANSMITS_PER_S: f64 = 400.0;
/// Recent answers remembered, by index modulo this.
const ANSWERS: usize = 128;
/// Round trip assumed before a report showed it, and the bounds within which an answer is not repeated.
const RTT_ASSUMED: Duration = Duration::from_millis(50);
const ANSWER_AGAIN_MIN: Duration = Duration::from_millis(10);
const ANSWER_AGAIN_MAX: Duration = Duration::from_millis(250);
/// Sender reports a receiver's report may still refer to.
const REPORTS_REMEMBERED: usize = 4;

/// Whether a loss is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Send the packet of this index again.
    Send { index: u64 },
    /// Answered a moment ago or over budget.
    Suppressed,
    /// Never sent, or too long ago.
    Unknown,
}

/// Packet index and when it was last sent again.
type Answered = (u64, Option<Instant>);

#[derive(Debug, Default)]
pub(super) struct State {
    answers: Option<Box<[Answered; ANSWERS]>>,
    /// Retransmissions allowed now, and since when more are due.
    budget: Option<(f64, Instant)>,
    reports: [Option<(u32, Instant)>; REPORTS_REMEMBERED],
    reports_sent: usize,
    rtt: Option<Duration>,
    highest: Option<u32>,
    lost: i32,
    /// Expected and lost since last taken.
    loss: (u64, u64),
}

impl Outgoing {
    /// Judges a loss the receiver reported.
    pub(crate) fn answer(&mut self, sequence_number: u16, now: Instant) -> Answer {
        let index = nearest(self.next_index, sequence_number);
        let floor = if self.has_repair_stream() { self.first_index } else { self.resend_floor };
        if index >= self.next_index || index < floor {
            return Answer::Unknown;
        }
        let state = &mut self.feedback;
        let wait = state.rtt.unwrap_or(RTT_ASSUMED).clamp(ANSWER_AGAIN_MIN, ANSWER_AGAIN_MAX);
        let answers = state.answers.get_or_insert_with(|| Box::new([(0, None); ANSWERS]));
        // The remainder is below ANSWERS.
        let entry = &mut answers[(index % ANSWERS as u64) as usize];
        let recent = entry.0 == index && entry.1.is_some_and(|at| now.saturating_duration_since(at) < wait);
        let (tokens, since) = state.budget.unwrap_or((RETRANSMITS_PER_S / 2.0, now));
        let refill = now.saturating_duration_since(since).as_secs_f64() * RETRANSMITS_PER_S;
        let tokens = (tokens + refill).min(RETRANSMITS_PER_S / 2.0);
        if recent || tokens < 1.0 {
            state.budget = Some((tokens, now));
            return Answer::Suppressed;
        }
        state.budget = Some((tokens - 1.0, now));
        *entry = (index, Some(now));
        Answer::Send { index }
    }

    /// A sender report with this NTP time goes out now.
    pub(crate) fn note_report(&mut self, ntp: u64, now: Instant) {
        let state = &mut self.feedback;
        state.reports[state.reports_sent % REPORTS_REMEMBERED] = Some((SenderReport::compact(ntp), now));
        state.reports_sent += 1;
    }

    /// The receiver's report of this stream. Returns the round trip it shows.
    pub(crate) fn reported(&mut self, block: &ReportBlock, now: Instant) -> Option<Duration> {
        let state = &mut self.feedback;
        if let Some(before) = state.highest.replace(block.highest) {
            let expected = (block.highest.wrapping_sub(before) as i32).max(0);
            let lost = block.cumulative_lost.saturating_sub(state.lost).clamp(0, expected);
            state.loss.0 += u64::from(expected.unsigned_abs());
            state.loss.1 += u64::from(lost.unsigned_abs());
        }
        state.lost = block.cumulative_lost;
        if block.last_report == 0 {
            return None;
        }
        let known = state.reports.iter().flatten().find(|(compact, _)| *compact == block.last_report)?;
        let rtt = report::round_trip(now, known.1, block.delay)?;
        state.rtt = Some(rtt);
        Some(rtt)
    }

    /// Packets expected and lost by the receiver since the last call.
    pub(crate) fn take_loss(&mut self) -> (u64, u64) {
        std::mem::take(&mut self.feedback.loss)
    }
}
