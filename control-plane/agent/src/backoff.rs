//! Waiting longer after each failure, with jitter so that a fleet does not come back all at once.

use std::time::Duration;

/// First wait.
const FIRST_MS: u64 = 100;
/// Longest wait: short enough that a class sees a returning store within a lease's time.
const LONGEST_MS: u64 = 3_000;

#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait: doubling from [`FIRST_MS`] to [`LONGEST_MS`], each drawn from its upper half.
    pub(crate) fn next_wait(&mut self) -> Duration {
        let ceiling = FIRST_MS.saturating_mul(1 << self.failures.min(10)).min(LONGEST_MS);
        self.failures = self.failures.saturating_add(1);
        Duration::from_millis(rand::random_range(ceiling / 2..=ceiling))
    }

    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}
