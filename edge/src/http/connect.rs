//! Limits on new connections, kept for each client address: for IPv6 its /64, of which one host has all addresses.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

use control_plane_agent::proxy::household;
use parking_lot::Mutex;

/// Joins one address may make at once; a school behind one NAT is a few hundred students at the bell.
const BURST: f64 = 400.0;
/// Joins one address regains every second.
const REFILL_PER_S: f64 = 20.0;
/// Wrong tokens of one address at once: a class whose tokens ran out while it slept.
const WRONG_BURST: f64 = 50.0;
/// Wrong tokens one address is answered every second after that. Right ones are taken all the same.
const WRONG_REFILL_PER_S: f64 = 1.0;
/// Addresses remembered; when full, those with a full bucket are forgotten first.
const ADDRESSES_MAX: usize = 50_000;

/// Token buckets by address.
pub(crate) struct Limits {
    burst: f64,
    refill_per_s: f64,
    buckets: Mutex<HashMap<IpAddr, (f64, Instant)>>,
}

impl Limits {
    /// For joins.
    pub(crate) fn joins() -> Self {
        Self { burst: BURST, refill_per_s: REFILL_PER_S, buckets: Mutex::default() }
    }

    /// For wrong tokens.
    pub(crate) fn wrong_tokens() -> Self {
        Self { burst: WRONG_BURST, refill_per_s: WRONG_REFILL_PER_S, buckets: Mutex::default() }
    }

    /// Whether this address may connect now.
    pub(crate) fn admit(&self, address: IpAddr, now: Instant) -> bool {
        let address = household(address);
        let mut buckets = self.buckets.lock();
        if buckets.len() >= ADDRESSES_MAX && !buckets.contains_key(&address) {
            buckets.retain(|_, (tokens, at)| self.refilled(*tokens, *at, now) < self.burst);
            if buckets.len() >= ADDRESSES_MAX {
                return false;
            }
        }
        let (tokens, at) = buckets.entry(address).or_insert((self.burst, now));
        let available = self.refilled(*tokens, *at, now);
        *at = now;
        *tokens = if available >= 1.0 { available - 1.0 } else { available };
        available >= 1.0
    }

    fn refilled(&self, tokens: f64, at: Instant, now: Instant) -> f64 {
        (tokens + now.saturating_duration_since(at).as_secs_f64() * self.refill_per_s).min(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_address_is_slowed_down_and_another_is_not() {
        let limits = Limits::joins();
        let now = Instant::now();
        let (a, b) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let admitted = (0..1_000).filter(|_| limits.admit(a, now)).count();
        assert_eq!(admitted, BURST as usize);
        assert!(limits.admit(b, now));
        assert!(limits.admit(a, now + Duration::from_secs(1)));
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_share_a_limit() {
        let limits = Limits::joins();
        let now = Instant::now();
        let host = |network: u16, host: u16| IpAddr::from([0x2001, 0xdb8, 0, network, 0, 0, 0, host]);
        let admitted = (0..1_000).filter(|number| limits.admit(host(1, *number), now)).count();
        assert_eq!(admitted, BURST as usize);
        assert!(limits.admit(host(2, 0), now));
        let mapped = "::ffff:10.0.0.1".parse().expect("an address");
        assert!(limits.admit(mapped, now), "IPv4 seen through an IPv6 socket is not one network");
    }
}
