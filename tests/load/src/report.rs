//! What a run saw, for people and as JSON.

use std::fmt;

use serde::Serialize;

/// Times are milliseconds; counts are over all subscribers.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    pub duration_s: f64,
    pub clients: usize,
    pub joined: usize,
    pub connected: usize,
    pub join_ms: Percentiles,
    pub connect_ms: Percentiles,
    /// From the beginning of a subscriber's join to its first video packet.
    pub first_frame_ms: Percentiles,
    pub streams_expected: usize,
    pub streams_received: usize,
    pub packets_expected: u64,
    pub packets_received: u64,
    pub packets_lost: u64,
    pub packets_reordered: u64,
    pub packets_duplicate: u64,
    pub bitrate_bps: u64,
    pub subscribers: Vec<Subscriber>,
    pub errors: Vec<String>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Subscriber {
    pub identity: String,
    pub streams: usize,
    pub expected: u64,
    pub received: u64,
    pub lost: u64,
    pub reordered: u64,
    pub bitrate_bps: u64,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Percentiles {
    pub p50: f64,
    pub p95: f64,
    pub max: f64,
}

impl Percentiles {
    /// Of values in any order; zeros when there are none.
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        values.sort_by(f64::total_cmp);
        let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
        Self { p50: at(0.5), p95: at(0.95), max: at(1.0) }
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {:.0} ms, p95 {:.0} ms, max {:.0} ms", self.p50, self.p95, self.max)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "clients      {} ({} joined, {} connected)", self.clients, self.joined, self.connected)?;
        writeln!(f, "join         {}", self.join_ms)?;
        writeln!(f, "connect      {}", self.connect_ms)?;
        writeln!(f, "first frame  {}", self.first_frame_ms)?;
        writeln!(f, "streams      {} of {}", self.streams_received, self.streams_expected)?;
        writeln!(
            f,
            "packets      {} of {} ({} lost, {} reordered, {} duplicate)",
            self.packets_received,
            self.packets_expected,
            self.packets_lost,
            self.packets_reordered,
            self.packets_duplicate
        )?;
        writeln!(f, "bitrate      {:.1} Mbit/s to all subscribers", self.bitrate_bps as f64 / 1e6)?;
        for error in self.errors.iter().take(10) {
            writeln!(f, "error        {error}")?;
        }
        Ok(())
    }
}
