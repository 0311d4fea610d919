//! Sender reports: the publisher's NTP clock carried through, so that receivers keep lips in time
//! (RFC 3550 sections 6.4.1 and 7.1).

use std::time::{Duration, Instant};

/// What a publisher said of one layer, and when it was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SenderReport {
    /// 32.32 fixed point seconds of the publisher's clock.
    pub(crate) ntp: u64,
    /// The publisher's RTP timestamp at that moment.
    pub(crate) rtp_timestamp: u32,
    pub(crate) heard: Instant,
}

impl SenderReport {
    /// The publisher's clock and the layer's timestamp at `now`: both moved by the time since the report was heard, so
    /// that their relation, which lip sync rests on, stays the publisher's.
    pub(crate) fn at(&self, now: Instant, clock_rate_hz: u32) -> (u64, u32) {
        let elapsed = now.saturating_duration_since(self.heard);
        let rtp_timestamp = self.rtp_timestamp.wrapping_add(ticks(elapsed, clock_rate_hz));
        (self.ntp.wrapping_add(ntp_duration(elapsed)), rtp_timestamp)
    }

    /// The timestamp on the layer of `self` at the moment that is `timestamp` on the layer of `other`.
    /// Both layers are of one publisher: they share an NTP clock.
    pub(crate) fn translate(&self, other: &Self, timestamp: u32, clock_rate_hz: u32) -> u32 {
        let since_other = i64::from(timestamp.wrapping_sub(other.rtp_timestamp) as i32);
        let ntp_between = other.ntp.wrapping_sub(self.ntp) as i64;
        let ticks_between = (i128::from(ntp_between) * i128::from(clock_rate_hz)) >> 32;
        self.rtp_timestamp.wrapping_add(since_other as u32).wrapping_add(ticks_between as u32)
    }

    /// The middle 32 bits, as a receiver repeats them in its reports.
    pub(crate) fn compact(ntp: u64) -> u32 {
        (ntp >> 16) as u32
    }
}

/// RTP ticks in a duration.
pub(crate) fn ticks(duration: Duration, clock_rate_hz: u32) -> u32 {
    (duration.as_micros() * u128::from(clock_rate_hz) / 1_000_000) as u32
}

/// A duration in 32.32 fixed point seconds.
fn ntp_duration(duration: Duration) -> u64 {
    ((duration.as_nanos() << 32) / 1_000_000_000) as u64
}

/// A duration in 1/65,536 s, as report blocks carry it.
pub(crate) fn compact_duration(duration: Duration) -> u32 {
    (ntp_duration(duration) >> 16) as u32
}

/// Round trip from a report block: now, less when the report was sent, less how long the receiver held it.
pub(crate) fn round_trip(now: Instant, sent: Instant, held: u32) -> Option<Duration> {
    let held = Duration::from_secs_f64(f64::from(held) / 65_536.0);
    now.saturating_duration_since(sent).checked_sub(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NTP_SECOND: u64 = 1 << 32;

    #[test]
    fn relation_of_the_clocks_is_kept_while_time_passes() {
        let heard = crate::begin();
        let report = SenderReport { ntp: 5 * NTP_SECOND, rtp_timestamp: u32::MAX, heard };
        let (ntp, rtp_timestamp) = report.at(heard + Duration::from_millis(500), 90_000);
        assert_eq!(ntp, 5 * NTP_SECOND + NTP_SECOND / 2);
        assert_eq!(rtp_timestamp, 44_999);
    }

    #[test]
    fn timestamps_translate_between_layers_through_ntp() {
        let heard = crate::begin();
        let low = SenderReport { ntp: 100 * NTP_SECOND, rtp_timestamp: 1_000, heard };
        // 250 ms later by the publisher's clock, in another random numbering.
        let high =
            SenderReport { ntp: 100 * NTP_SECOND + NTP_SECOND / 4, rtp_timestamp: u32::MAX - 4, heard };
        // One second after the report of the upper layer.
        let timestamp = (u32::MAX - 4).wrapping_add(90_000);
        assert_eq!(low.translate(&high, timestamp, 90_000), 1_000 + 22_500 + 90_000);
        assert_eq!(high.translate(&low, 1_000, 90_000), (u32::MAX - 4).wrapping_sub(22_500));
    }

    #[test]
    fn round_trip_excludes_what_the_receiver_held() {
        let sent = crate::begin();
        let held = compact_duration(Duration::from_millis(700));
        let rtt = round_trip(sent + Duration::from_millis(850), sent, held).expect("positive");
        assert!(rtt.abs_diff(Duration::from_millis(150)) < Duration::from_millis(1));
        assert_eq!(round_trip(sent, sent, held), None);
    }
}
