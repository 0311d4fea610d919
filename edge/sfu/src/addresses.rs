//! Which session an address belongs to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Addresses known at once: a few per session. When full, new addresses are not learned: their STUN is still answered,
/// their media is not understood.
const ADDRESSES_MAX: usize = 65_536;
/// Addresses per session; the one longest without a check goes.
const PER_SESSION_MAX: usize = 8;
/// An address whose session sent no check for so long may be taken over by another session's check. Before that, a
/// client with valid credentials of its own cannot take another's address by forging the source of its checks.
const ABANDONED: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(crate) struct Addresses {
    known: HashMap<SocketAddr, Entry>,
    by_session: HashMap<u32, Vec<SocketAddr>>,
}

#[derive(Debug)]
struct Entry {
    session: u32,
    checked: Instant,
}

impl Addresses {
    pub(crate) fn get(&self, address: SocketAddr) -> Option<u32> {
        self.known.get(&address).map(|entry| entry.session)
    }

    /// An authenticated check of `session` came from `address`.
    pub(crate) fn checked(&mut self, address: SocketAddr, session: u32, now: Instant) {
        if let Some(entry) = self.known.get_mut(&address) {
            if entry.session == session {
                entry.checked = now;
                return;
            }
            if now.saturating_duration_since(entry.checked) < ABANDONED {
                return;
            }
            let before = entry.session;
            self.known.remove(&address);
            if let Some(list) = self.by_session.get_mut(&before) {
                list.retain(|known| *known != address);
            }
        }
        if self.known.len() >= ADDRESSES_MAX {
            return;
        }
        let list = self.by_session.entry(session).or_default();
        if list.len() == PER_SESSION_MAX {
            let oldest =
                (0..list.len()).min_by_key(|at| self.known.get(&list[*at]).map(|entry| entry.checked));
            if let Some(at) = oldest {
                self.known.remove(&list.swap_remove(at));
            }
        }
        list.push(address);
        self.known.insert(address, Entry { session, checked: now });
    }

    pub(crate) fn forget(&mut self, session: u32) {
        for address in self.by_session.remove(&session).unwrap_or_default() {
            self.known.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn a_forged_check_cannot_take_a_living_address() {
        let now = crate::begin();
        let mut addresses = Addresses::default();
        addresses.checked(address(1), 10, now);
        addresses.checked(address(1), 11, now + Duration::from_secs(5));
        assert_eq!(addresses.get(address(1)), Some(10));
        addresses.checked(address(1), 11, now + ABANDONED);
        assert_eq!(addresses.get(address(1)), Some(11));
        addresses.forget(10);
        assert_eq!(addresses.get(address(1)), Some(11));
        addresses.forget(11);
        assert_eq!(addresses.get(address(1)), None);
    }

    #[test]
    fn one_session_holds_few_addresses() {
        let now = crate::begin();
        let mut addresses = Addresses::default();
        for port in 0..100 {
            addresses.checked(address(port), 1, now + Duration::from_millis(u64::from(port)));
        }
        assert_eq!(addresses.known.len(), PER_SESSION_MAX);
        assert_eq!(addresses.get(address(99)), Some(1));
        assert_eq!(addresses.get(address(91)), None);
    }
}
