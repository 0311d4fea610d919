//! May a stored response answer this request, now?

use crate::cache_status::Forward;
use crate::directives::Directives;
use crate::stored::{Slot, Stored};
use http::HeaderMap;
use std::sync::Arc;
use std::time::SystemTime;

/// What the store has to say to a request.
#[derive(Debug)]
pub enum Lookup {
    /// Answer from the store.
    Hit(Arc<Stored>),
    /// Answer from the store although stale, and refresh beside it (stale-while-revalidate).
    Stale(Arc<Stored>),
    /// Ask the upstream: join the flight for this key or lead one. `stored` is what may be validated, and served
    /// when the upstream fails.
    Miss { why: Forward, stored: Option<Arc<Stored>> },
    /// The client wants no upstream asked and there is nothing usable: 504 (RFC 9111 section 5.2.1.7).
    OnlyIfCached,
}

/// Looks `request` up in the slot of its key. `heed_client`: whether the client's own `Cache-Control` may send
/// a request past a fresh response; a shared cache need not let it (RFC 9111 section 5.2.1), and a node that
/// protects its origin does not.
pub fn lookup(slot: Option<&Slot>, request: &HeaderMap, heed_client: bool, now: SystemTime) -> Lookup {
    let selected = slot.map(|slot| slot.select(request));
    let wishes = Directives::of_request(request);
    let miss =
        |why, stored| if wishes.only_if_cached { Lookup::OnlyIfCached } else { Lookup::Miss { why, stored } };
    let stored = match selected {
        None => return miss(Forward::UriMiss, None),
        Some(None) => return miss(Forward::VaryMiss, None),
        Some(Some(stored)) => stored,
    };
    let policy = &stored.head.policy;
    let fresh = policy.is_fresh(now);
    let usable = if heed_client { policy.satisfies(&wishes, now) } else { fresh };
    if usable {
        return Lookup::Hit(Arc::clone(stored));
    }
    if !fresh && policy.usable_while_revalidating(now) && !(heed_client && wishes.no_cache) {
        return Lookup::Stale(Arc::clone(stored));
    }
    miss(if fresh { Forward::Request } else { Forward::Stale }, Some(Arc::clone(stored)))
}
