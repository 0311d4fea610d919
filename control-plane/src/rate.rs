//! How often one address or account may ask: a token bucket each, in a table that never outgrows its limit.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use control_plane_agent::proxy::household;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::config::Rate;

/// Addresses or accounts remembered: 5 MB. Beyond that the ones that have all their tokens again are forgotten, which changes
/// nothing for them; if there are none, the one that asked longest ago is.
const ADDRESSES_MAX: usize = 50_000;

#[derive(Debug)]
pub(crate) struct Limiter<K = IpAddr> {
    rate: Rate,
    buckets: Mutex<BTreeMap<K, Bucket>>,
}

/// Whoever is counted as one.
pub(crate) trait Asker: Ord + Clone {
    fn counted_as(self) -> Self;
}

impl Asker for IpAddr {
    fn counted_as(self) -> Self {
        household(self)
    }
}

/// An account, or a mail address.
impl Asker for String {
    fn counted_as(self) -> Self {
        self
    }
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl<K: Asker> Limiter<K> {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, buckets: Mutex::default() }
    }

    /// Takes a token of `asker`, or says how long until there is one.
    pub(crate) fn take(&self, asker: K, now: Instant) -> Result<(), Duration> {
        let asker = asker.counted_as();
        let mut buckets = self.buckets.lock();
        if !buckets.contains_key(&asker) && buckets.len() >= ADDRESSES_MAX {
            self.forget(&mut buckets, now);
        }
        let fresh = Bucket { tokens: f64::from(self.rate.burst), at: now };
        let bucket = buckets.entry(asker).or_insert(fresh);
        bucket.tokens = self.filled(bucket, now);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.tokens) / self.rate.per_second));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }

    /// What this one has asked no longer counts.
    pub(crate) fn forget_asker(&self, asker: &K) {
        self.buckets.lock().remove(&asker.clone().counted_as());
    }

    fn filled(&self, bucket: &Bucket, now: Instant) -> f64 {
        let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * self.rate.per_second;
        (bucket.tokens + gained).min(f64::from(self.rate.burst))
    }

    fn forget(&self, buckets: &mut BTreeMap<K, Bucket>, now: Instant) {
        buckets.retain(|_, bucket| self.filled(bucket, now) < f64::from(self.rate.burst));
        if buckets.len() >= ADDRESSES_MAX
            && let Some(oldest) =
                buckets.iter().min_by_key(|(_, bucket)| bucket.at).map(|(asker, _)| asker.clone())
        {
            buckets.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(index: u32) -> IpAddr {
        IpAddr::V4(index.into())
    }

    #[test]
    fn a_burst_passes_then_one_at_a_time_and_others_are_untouched() {
        let limiter = Limiter::new(Rate { burst: 3, per_second: 2.0 });
        let now = Instant::now();
        assert!((0..3).all(|_| limiter.take(address(1), now).is_ok()));
        assert_eq!(limiter.take(address(1), now), Err(Duration::from_millis(500)));
        assert_eq!(limiter.take(address(2), now), Ok(()));
        let later = now + Duration::from_millis(500);
        assert_eq!(limiter.take(address(1), later), Ok(()));
        assert!(limiter.take(address(1), later).is_err());
        let (a, b): (IpAddr, IpAddr) =
            ("2001:db8::1".parse().expect("IPv6"), "2001:db8::2".parse().expect("IPv6"));
        assert!((0..3).all(|_| limiter.take(a, now).is_ok()));
        assert!(limiter.take(b, now).is_err(), "the same /64");
    }

    #[test]
    fn the_table_stays_bounded_and_keeps_who_asks_most() {
        let limiter = Limiter::new(Rate { burst: 2, per_second: 0.001 });
        let now = Instant::now();
        for index in 0..u32::try_from(ADDRESSES_MAX).expect("small") {
            limiter.take(address(index), now + Duration::from_micros(index.into())).expect("first token");
        }
        let later = now + Duration::from_secs(1);
        limiter.take(address(7), later).expect("second token");
        limiter.take(address(u32::MAX), later).expect("a new address finds a place");
        assert_eq!(limiter.buckets.lock().len(), ADDRESSES_MAX);
        assert!(limiter.take(address(7), later).is_err(), "not forgotten");
        assert!(!limiter.buckets.lock().contains_key(&address(0)), "asked longest ago");
    }
}
