//! RTP timestamps to class time.
//!
//! Class time is the wall clock of the publisher's edge, in microseconds. A [`Publisher`] maps the publisher's NTP clock
//! to it; a [`Stream`] maps RTP timestamps to it through the publisher's reports (RFC 3550 section 6.4.1), so that audio
//! and video of one participant share a clock. A mapping never jumps over what is placed already: corrections are
//! spread at [`SLEW_DIVISOR`], which follows any real clock skew (below 0.1 %) with room to spare.

/// A stream without a report is placed by arrival after this long. Publishers report within a second.
pub(crate) const REPORT_WAIT_US: i64 = 2_000_000;
/// Corrections are at most 1/50 of the time that passes: 20 ms per second.
const SLEW_DIVISOR: i64 = 50;
/// An error beyond this is a new clock, not drift, and is taken at once.
const JUMP_US: i64 = 2_000_000;
/// Quiet this long with a timestamp that did not advance: the sender's clock stood still while paused.
const PAUSE_US: i64 = 1_500_000;
/// Nothing is further apart: a thousand years.
const FAR_US: i128 = 32_000_000_000_000_000;
/// The least delay within such a window is free of queueing.
const WINDOW_US: i64 = 10_000_000;

/// Extends 32-bit RTP timestamps.
#[derive(Debug, Default)]
pub(crate) struct Unwrap {
    last: Option<i64>,
}

impl Unwrap {
    /// Extends `value` next to the last one advanced to.
    pub(crate) fn peek(&mut self, value: u32) -> i64 {
        let last = *self.last.get_or_insert(i64::from(value));
        last + i64::from(value.wrapping_sub(last as u32).cast_signed())
    }

    pub(crate) fn advance(&mut self, value: u32) -> i64 {
        let extended = self.peek(value);
        self.last = Some(extended);
        extended
    }
}

/// The least value within the last window or two.
#[derive(Debug, Default)]
struct WindowedMin {
    since_us: Option<i64>,
    current: Option<i64>,
}

impl WindowedMin {
    /// Takes a sample; answers the minimum of a window when it ends.
    fn handle(&mut self, sample_us: i64, at_us: i64) -> Option<i64> {
        let since_us = *self.since_us.get_or_insert(at_us);
        let least = self.current.map_or(sample_us, |current| current.min(sample_us));
        if at_us - since_us < WINDOW_US {
            self.current = Some(least);
            return None;
        }
        *self = Self::default();
        Some(least)
    }
}

/// A publisher's NTP clock on the edge's wall clock.
#[derive(Debug, Default)]
pub(crate) struct Publisher {
    offset_us: Option<i64>,
    window: WindowedMin,
}

impl Publisher {
    /// Edge time of the moment a report speaks of. `ntp` is 32.32 fixed point.
    pub(crate) fn handle_report(&mut self, ntp: u64, at_us: i64) -> i64 {
        let seconds = (ntp >> 32).cast_signed();
        let fraction_us = ((u128::from(ntp & 0xffff_ffff) * 1_000_000) >> 32) as i64;
        let ntp_us = seconds * 1_000_000 + fraction_us;
        let sample_us = at_us - ntp_us;
        let offset_us = *self.offset_us.get_or_insert(sample_us);
        if (sample_us - offset_us).abs() > JUMP_US {
            self.offset_us = Some(sample_us);
            self.window = WindowedMin::default();
        } else if let Some(least_us) = self.window.handle(sample_us, at_us) {
            self.offset_us = Some(least_us);
        }
        ntp_us + self.offset_us.unwrap_or(sample_us)
    }
}

#[derive(Clone, Copy, Debug)]
struct Anchor {
    timestamp: i64,
    us: i64,
    /// Still to be spread over the time after the anchor.
    correction_us: i64,
}

/// RTP clock of one stream.
#[derive(Debug)]
pub(crate) struct Stream {
    rate_hz: i64,
    anchor: Option<Anchor>,
    /// Report that came before the mapping was fixed, or the first.
    report: Option<(i64, i64)>,
    first: Option<(i64, i64)>,
    /// Least delay of the packets before the mapping is fixed.
    early_us: i64,
    last: (i64, i64),
    lag: WindowedMin,
}

impl Stream {
    pub(crate) fn new(rate_hz: u32) -> Self {
        Self {
            rate_hz: i64::from(rate_hz.max(1)),
            anchor: None,
            report: None,
            first: None,
            early_us: 0,
            last: (0, 0),
            lag: WindowedMin::default(),
        }
    }

    /// A packet, in order of sequence numbers.
    pub(crate) fn handle_packet(&mut self, timestamp: i64, at_us: i64) {
        let (first_timestamp, first_us) = *self.first.get_or_insert((timestamp, at_us));
        let quiet_us = at_us - self.last.1;
        if self.map(timestamp).is_none() {
            let delay_us = at_us - first_us - self.ticks_us(timestamp - first_timestamp);
            self.early_us = self.early_us.min(delay_us);
        } else if let Some(us) = self.map(timestamp) {
            let lag_us = at_us - us;
            if quiet_us > PAUSE_US && lag_us > PAUSE_US || lag_us.abs() > 5 * JUMP_US {
                self.anchor = Some(Anchor { timestamp, us: at_us, correction_us: 0 });
                self.lag = WindowedMin::default();
            } else if let Some(least_us) = self.lag.handle(lag_us, at_us)
                && self.report.is_none()
            {
                self.steer(least_us);
            }
        }
        self.last = (timestamp.max(self.last.0), at_us);
    }

    /// The publisher's report: at `timestamp` the edge's clock said `us`.
    pub(crate) fn handle_report(&mut self, timestamp: i64, us: i64) {
        let Some(mapped_us) = self.map(timestamp) else {
            self.report = Some((timestamp, us));
            return;
        };
        let error_us = us - mapped_us;
        if error_us.abs() <= JUMP_US {
            self.report = Some((timestamp, us));
            self.steer(error_us);
            return;
        }
        // A new clock fits the arrival of packets better than the old one; a report that does not is wrong.
        let (last, at_us) = self.last;
        let lag_us = |anchor: i64| at_us - anchor - self.ticks_us(last - timestamp);
        if lag_us(us).abs() < lag_us(mapped_us).abs() {
            self.report = Some((timestamp, us));
            self.anchor = Some(Anchor { timestamp, us, correction_us: 0 });
        }
    }

    /// Fixes the mapping once a report is in or the wait is over; says whether it is fixed.
    pub(crate) fn settle(&mut self, now_us: i64, flush: bool) -> bool {
        if self.anchor.is_some() {
            return true;
        }
        let Some((timestamp, first_us)) = self.first else { return false };
        let plausible = |(reported, us): &(i64, i64)| {
            let lag_us = first_us - us - self.ticks_us(timestamp - reported);
            lag_us.abs() <= JUMP_US
        };
        let anchor = match self.report.filter(plausible) {
            Some((timestamp, us)) => Anchor { timestamp, us, correction_us: 0 },
            None if flush || now_us - first_us >= REPORT_WAIT_US => {
                Anchor { timestamp, us: first_us + self.early_us, correction_us: 0 }
            }
            None => return false,
        };
        self.anchor = Some(anchor);
        true
    }

    /// Class time of `timestamp`; `None` before the mapping is fixed.
    pub(crate) fn map(&self, timestamp: i64) -> Option<i64> {
        let Anchor { timestamp: from, us, correction_us } = self.anchor?;
        let passed_us = self.ticks_us(timestamp - from);
        let room_us = passed_us.max(0) / SLEW_DIVISOR;
        Some(us + passed_us + correction_us.clamp(-room_us, room_us))
    }

    fn ticks_us(&self, ticks: i64) -> i64 {
        // Timestamps are the publisher's word: garbage may add up to anything.
        (i128::from(ticks) * 1_000_000 / i128::from(self.rate_hz)).clamp(-FAR_US, FAR_US) as i64
    }

    /// Spreads an error over what comes after the newest packet.
    fn steer(&mut self, error_us: i64) {
        let timestamp = self.last.0;
        if let Some(us) = self.map(timestamp) {
            self.anchor = Some(Anchor { timestamp, us, correction_us: error_us });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: i64 = 90_000;

    #[test]
    fn a_skewed_clock_is_followed_within_ten_milliseconds_for_an_hour() {
        let mut clock = Stream::new(90_000);
        let mut worst_us = 0;
        for step in 0..36_000_i64 {
            let true_us = step * 100_000;
            // The RTP clock runs 200 ppm fast.
            let timestamp = true_us * RATE / 1_000_000 * 10_002 / 10_000;
            clock.handle_packet(timestamp, true_us + 50_000);
            if step % 20 == 0 {
                clock.handle_report(timestamp, true_us);
            }
            if clock.settle(true_us, false) {
                let mapped_us = clock.map(timestamp).expect("the mapping is fixed");
                worst_us = worst_us.max((mapped_us - true_us).abs());
            }
        }
        assert!(worst_us < 10_000, "off by {worst_us} us");
    }

    #[test]
    fn a_late_report_bends_the_line_and_never_breaks_it() {
        let mut clock = Stream::new(90_000);
        let mut last_us = i64::MIN;
        for step in 0..600_i64 {
            let (timestamp, at_us) = (step * 9_000, step * 100_000);
            clock.handle_packet(timestamp, at_us);
            if step == 50 {
                clock.handle_report(timestamp, at_us - 400_000);
            }
            if clock.settle(at_us, false) {
                let us = clock.map(timestamp).expect("the mapping is fixed");
                assert!(us > last_us);
                last_us = us;
            }
        }
        assert_eq!(last_us, 599 * 100_000 - 400_000);
    }

    #[test]
    fn a_clock_that_stood_still_during_a_pause_is_placed_by_arrival() {
        let mut clock = Stream::new(48_000);
        for step in 0..200_i64 {
            clock.handle_packet(step * 960, step * 20_000);
        }
        assert!(clock.settle(4_000_000, false));
        clock.handle_packet(200 * 960, 60_000_000);
        assert_eq!(clock.map(200 * 960), Some(60_000_000));
    }

    #[test]
    fn a_report_that_cannot_be_true_is_passed_over() {
        let mut clock = Stream::new(90_000);
        clock.handle_packet(0, 1_000_000);
        clock.handle_report(1 << 31, 1_000_000);
        assert!(!clock.settle(1_500_000, false), "it waits for a better one");
        assert!(clock.settle(3_000_000, false));
        assert_eq!(clock.map(0), Some(1_000_000));
        clock.handle_packet(180_000, 3_000_000);
        clock.handle_report(180_000, 90_000_000);
        assert_eq!(clock.map(180_000), Some(3_000_000));
    }

    #[test]
    fn a_publisher_whose_wall_clock_steps_keeps_its_place() {
        let mut publisher = Publisher::default();
        assert_eq!(publisher.handle_report(1_000 << 32, 5_000_000), 5_000_000);
        assert_eq!(publisher.handle_report(1_001 << 32, 6_100_000), 6_000_000);
        assert_eq!(publisher.handle_report(90_000 << 32, 7_000_000), 7_000_000);
    }
}
