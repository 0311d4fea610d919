//! Limits on new connections, kept for each client address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

use parking_lot::Mutex;

/// Joins one address may make at once; a school behind one NAT is a few hundred students at the bell.
const BURST: f64 = 400.0;
/// Joins one address regains every second.
const REFILL_PER_S: f64 = 20.0;
/// Addresses remembered; when full, those with a full bucket are forgotten first.
const ADDRESSES_MAX: usize = 50_000;

/// Token buckets by address.
#[derive(Default)]
pub(crate) struct Limits {
    buckets: Mutex<HashMap<IpAddr, (f64, Instant)>>,
}

impl Limits {
    /// Whether this address may connect now.
    pub(crate) fn admit(&self, address: IpAddr, now: Instant) -> bool {
        let mut buckets = self.buckets.lock();
        if buckets.len() >= ADDRESSES_MAX && !buckets.contains_key(&address) {
            buckets.retain(|_, (tokens, at)| refilled(*tokens, *at, now) < BURST);
            if buckets.len() >= ADDRESSES_MAX {
                return false;
            }
        }
        let (tokens, at) = buckets.entry(address).or_insert((BURST, now));
        let available = refilled(*tokens, *at, now);
        *at = now;
        *tokens = if available >= 1.0 { available - 1.0 } else { available };
        available >= 1.0
    }
}

fn refilled(tokens: f64, at: Instant, now: Instant) -> f64 {
    (tokens + now.saturating_duration_since(at).as_secs_f64() * REFILL_PER_S).min(BURST)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_address_is_slowed_down_and_another_is_not() {
        let limits = Limits::default();
        let now = Instant::now();
        let (a, b) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let admitted = (0..1_000).filter(|_| limits.admit(a, now)).count();
        assert_eq!(admitted, BURST as usize);
        assert!(limits.admit(b, now));
        assert!(limits.admit(a, now + Duration::from_secs(1)));
    }
}
