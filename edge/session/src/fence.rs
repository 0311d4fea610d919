//! A fence around parsers that are not ours.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `call` into `rtc-dtls` or `rtc-sctp`; `None` when it panics.
///
/// Both parse what a peer sends and both have had panics in it: an ABORT chunk with a short error cause is one. A media
/// thread has thousands of sessions, and one peer's bytes must cost one session alone. The caller lets go of whatever
/// `call` had hold of and never calls into it again.
pub(crate) fn fence<T>(part: &'static str, call: impl FnOnce() -> T) -> Option<T> {
    let result = catch_unwind(AssertUnwindSafe(call));
    if result.is_err() {
        tracing::warn!(part, "a parser panicked on a peer's bytes; the peer is cut off from it");
    }
    result.ok()
}
