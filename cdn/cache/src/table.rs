//! Which keys are being fetched right now, so that one fetch serves all who ask.

use crate::flight::NotShared;
use crate::target::Key;
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

/// Most flights at once. Each is led by a client request, whose number the shell bounds too; beyond it a request
/// is turned away as overload.
pub const FLIGHTS_MAX: usize = 16_384;

/// Most keys remembered as not shareable; when full, all are forgotten, which costs each one queue at most.
pub const APART_MAX: usize = 8_192;

/// How long a key whose answer could not be shared is fetched by each request for itself. Short, since the
/// next answer may be another.
const APART_NOT_REUSABLE: Duration = Duration::from_secs(10);
/// The same for a body too large for the store, which seldom shrinks.
const APART_TOO_LARGE: Duration = Duration::from_secs(600);

/// Flights by key; `H` is the shell's handle of a flight.
#[derive(Debug)]
pub struct Flights<H> {
    flying: HashMap<Key, H>,
    apart: HashMap<Key, (NotShared, SystemTime)>,
}

/// What a request that missed does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Entry<H> {
    /// Fetch; others will join.
    Lead(H),
    /// Read along.
    Join(H),
    /// Fetch for yourself: answers under this key were lately not for sharing.
    Alone(NotShared),
    /// [`FLIGHTS_MAX`] are under way.
    Full,
}

impl<H> Default for Flights<H> {
    fn default() -> Self {
        Self { flying: HashMap::new(), apart: HashMap::new() }
    }
}

impl<H: Clone> Flights<H> {
    /// Joins the flight for `key`, or enters the one `make` makes.
    pub fn enter(&mut self, key: &Key, now: SystemTime, make: impl FnOnce() -> H) -> Entry<H> {
        if let Some(flight) = self.flying.get(key) {
            return Entry::Join(flight.clone());
        }
        if let Some((why, until)) = self.apart.get(key).copied() {
            if now < until {
                return Entry::Alone(why);
            }
            self.apart.remove(key);
        }
        if self.flying.len() >= FLIGHTS_MAX {
            return Entry::Full;
        }
        let flight = make();
        self.flying.insert(key.clone(), flight.clone());
        Entry::Lead(flight)
    }

    /// The flight for `key` takes no more joiners: it is in the store, failed, or outgrew the store. `is_it` tells
    /// whether the flight under the key is the one meant, since another may have taken its place.
    pub fn land(&mut self, key: &Key, is_it: impl FnOnce(&H) -> bool) {
        if self.flying.get(key).is_some_and(is_it) {
            self.flying.remove(key);
        }
    }

    /// Requests for `key` fetch for themselves for a while.
    pub fn set_apart(&mut self, key: &Key, why: NotShared, now: SystemTime) {
        if self.apart.len() >= APART_MAX {
            self.apart.clear();
        }
        let window = if why == NotShared::TooLarge { APART_TOO_LARGE } else { APART_NOT_REUSABLE };
        self.apart.insert(key.clone(), (why, now + window));
    }

    /// An answer for `key` went into the store, so requests may share again.
    pub fn share_again(&mut self, key: &Key) {
        self.apart.remove(key);
    }

    /// Flights under way.
    pub fn len(&self) -> usize {
        self.flying.len()
    }

    /// No flight is under way.
    pub fn is_empty(&self) -> bool {
        self.flying.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::key_of;

    #[test]
    fn one_leads_all_others_join_until_it_lands() {
        let (mut flights, now) = (Flights::default(), SystemTime::UNIX_EPOCH);
        let (a, b) = (key_of("/a").expect("key"), key_of("/b").expect("key"));
        assert_eq!(flights.enter(&a, now, || 1), Entry::Lead(1));
        assert_eq!(flights.enter(&a, now, || 2), Entry::Join(1));
        assert_eq!(flights.enter(&b, now, || 3), Entry::Lead(3));
        flights.land(&a, |&flight| flight == 9);
        assert_eq!(flights.enter(&a, now, || 4), Entry::Join(1));
        flights.land(&a, |&flight| flight == 1);
        assert_eq!(flights.enter(&a, now, || 4), Entry::Lead(4));
    }

    #[test]
    fn what_cannot_be_shared_does_not_queue() {
        let (mut flights, now) = (Flights::default(), SystemTime::UNIX_EPOCH);
        let a = key_of("/a").expect("key");
        flights.set_apart(&a, NotShared::NotReusable, now);
        assert_eq!(flights.enter(&a, now, || 2), Entry::Alone(NotShared::NotReusable));
        assert_eq!(flights.enter(&a, now + APART_NOT_REUSABLE, || 3), Entry::Lead(3));
        flights.land(&a, |_| true);
        flights.set_apart(&a, NotShared::TooLarge, now);
        flights.share_again(&a);
        assert_eq!(flights.enter(&a, now, || 4), Entry::Lead(4));
    }
}
