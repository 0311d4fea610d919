//! How many answers a network gets in datagrams, whose sender's address nobody has proven: what keeps this server from being aimed
//! at others.
//!
//! A fixed table of token buckets: a flood from made-up addresses costs no memory and no search. Networks that share a bucket by their hash
//! share its tokens; the hash is keyed by the process, so nobody can choose to share one with another.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Answers at once, and from then on so many a second, to one network. A resolver of a whole country asks a name again when its
/// answer is out of date: some answers a second. 200 answers are 20 kB.
pub(crate) const ANSWERS_BURST: u32 = 400;
pub(crate) const ANSWERS_PER_S: u32 = 200;
/// Of the queries beyond, one in so many is told to come by TCP; the others get nothing.
pub(crate) const SLIP: u32 = 2;
/// A network: the hosts behind one router can all be the victim of one flood.
const V4_BITS: u32 = 24;
const V6_BITS: u32 = 56;
/// 1.5 MB.
const BUCKETS: usize = 1 << 16;
/// A bucket is full again after this.
const FULL_AFTER: Duration = Duration::from_millis(1_000 * ANSWERS_BURST as u64 / ANSWERS_PER_S as u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Answer,
    Drop,
    Truncate,
}

#[derive(Debug)]
pub struct Limiter {
    hasher: RandomState,
    buckets: Vec<Bucket>,
    began: Instant,
}

/// When the bucket would be empty if it were drained from full: one number tells the tokens.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    /// Time already promised, in microseconds since the beginning.
    busy_until_us: u64,
    refused: u32,
}

impl Limiter {
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { hasher: RandomState::new(), buckets: vec![Bucket::default(); BUCKETS], began: now }
    }

    /// What becomes of a query from `from`.
    pub fn take(&mut self, from: IpAddr, now: Instant) -> Verdict {
        let now_us = now.saturating_duration_since(self.began).as_micros() as u64;
        let place = self.hasher.hash_one(network(from)) as usize % BUCKETS;
        let bucket = &mut self.buckets[place];
        let busy_us = bucket.busy_until_us.saturating_sub(now_us);
        let answer_us = 1_000_000 / u64::from(ANSWERS_PER_S);
        if busy_us + answer_us <= FULL_AFTER.as_micros() as u64 {
            *bucket = Bucket { busy_until_us: now_us + busy_us + answer_us, refused: 0 };
            return Verdict::Answer;
        }
        bucket.refused = bucket.refused.wrapping_add(1);
        if bucket.refused.is_multiple_of(SLIP) { Verdict::Truncate } else { Verdict::Drop }
    }
}

fn network(address: IpAddr) -> (bool, u128) {
    match address.to_canonical() {
        IpAddr::V4(v4) => (true, u128::from(v4.to_bits() >> (32 - V4_BITS))),
        IpAddr::V6(v6) => (false, v6.to_bits() >> (128 - V6_BITS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "some moment to begin at")]
    fn a_network_gets_its_burst_then_its_rate_and_now_and_then_a_word() {
        let began = Instant::now();
        let mut limiter = Limiter::new(began);
        let from = |text: &str| text.parse::<IpAddr>().expect("an address");
        let mut count = |address: &str, tries: u32, after: Duration| {
            let mut counts = [0_u32; 3];
            for _ in 0..tries {
                counts[limiter.take(from(address), began + after) as usize] += 1;
            }
            counts
        };
        let spoofed = count("203.0.113.7", 10_000, Duration::ZERO);
        assert_eq!(spoofed, [ANSWERS_BURST, 4_800, 4_800]);
        assert_eq!(count("203.0.113.250", 100, Duration::ZERO)[0], 0, "the same network");
        assert_eq!(count("203.0.113.7", 1_000, Duration::from_secs(1))[0], ANSWERS_PER_S);
        assert_eq!(count("198.51.100.1", 100, Duration::from_secs(1))[0], 100, "another network");
        assert_eq!(count("2001:db8:0:ff::1", 10_000, Duration::ZERO)[0], ANSWERS_BURST);
        assert_eq!(count("2001:db8:0:11::2", 10, Duration::ZERO)[0], 0, "the same /56");
        assert_eq!(count("203.0.113.7", 1_000, Duration::from_secs(100))[0], ANSWERS_BURST, "and no more");
    }
}
