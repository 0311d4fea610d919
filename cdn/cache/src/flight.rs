//! One fetch from the upstream that any number of requests read while it comes: an append-only list of chunks.
//!
//! ```text
//! Waiting --handle_head--> Flowing --handle_chunk*--> (handle_end) whole body for the store
//!    |                        '--handle_failure--> readers see the stream break, nothing is stored
//!    |--handle_refreshed--> Refreshed   a 304: everybody is served from the store
//!    |--handle_not_shared--> NotShared  only the leader may have the answer, the others ask for themselves
//!    '--handle_failure--> Failed        everybody decides: stale copy or an error
//! ```
//!
//! The flight has no wakers: after every `handle_*` the shell wakes the readers, and after every [`Flight::read`]
//! that frees room it wakes the fetch.

use crate::stored::{Head, Stored};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;

/// Most readers of one flight. Every reader is a client request, whose number the shell bounds as well; beyond
/// this a request is turned away as overload.
pub const READERS_MAX: usize = 65_536;

/// Where a flight is, as far as its response head goes.
#[derive(Debug, Clone)]
pub enum Phase {
    /// No answer yet.
    Waiting,
    /// The head came; the body is coming or complete. `length` where the upstream declared it.
    Flowing { head: Arc<Head>, length: Option<u64> },
    /// 304: the stored response holds, here with its fields renewed.
    Refreshed(Stored),
    /// Not for sharing; see [`NotShared`].
    NotShared(NotShared),
    /// No usable answer.
    Failed(Failure),
}

/// Why an answer is not shared among the readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotShared {
    /// The response may not be reused (RFC 9111 section 3).
    NotReusable,
    /// An error answer (5xx) that may not be reused. The others do not go and ask a failing upstream again.
    Error(u16),
    /// The body is longer than the cache takes.
    TooLarge,
}

/// Why a fetch failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("no upstream could be reached")]
    Unreachable,
    #[error("the upstream did not answer in time")]
    Timeout,
    #[error("the upstream answered {0}")]
    Status(u16),
    #[error("the upstream's answer was no valid response to what was asked")]
    BadResponse,
    #[error("the upstream ended its answer early")]
    Truncated,
    #[error("too many fetches are under way")]
    Overloaded,
}

impl Failure {
    /// Label for counters.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Unreachable => "upstream_unreachable",
            Self::Timeout => "upstream_timeout",
            Self::Status(_) => "upstream_status",
            Self::BadResponse => "upstream_bad_response",
            Self::Truncated => "upstream_truncated",
            Self::Overloaded => "overloaded",
        }
    }

    /// No answer at all, as against an error answer: RFC 9111 section 4.2.4 counts the node as disconnected.
    pub fn is_unreachable(self) -> bool {
        matches!(self, Self::Unreachable | Self::Timeout)
    }
}

/// A reader's place in its flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReaderId(usize);

/// What a reader gets.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// The next bytes of its window; never empty.
    Data(Bytes),
    /// Nothing yet; the shell wakes the reader after the next `handle_*`.
    Pending,
    /// All bytes of the window were read.
    End,
    /// The body broke off: the client's stream must break as well, lest a short answer looks whole.
    Failed(Failure),
}

#[derive(Debug)]
struct Reader {
    /// Absolute index of the next chunk to read, and the offset of its first byte in the body.
    chunk: u64,
    offset: u64,
    /// The bytes wanted, end exclusive.
    window: (u64, u64),
}

/// The state machine. One per key and upstream request.
#[derive(Debug)]
pub struct Flight {
    phase: Phase,
    chunks: VecDeque<Bytes>,
    /// Absolute index and byte offset of `chunks[0]`; not 0 only once the body outgrew the store.
    first: (u64, u64),
    buffered_bytes: u64,
    ended: bool,
    broken: Option<Failure>,
    /// Largest body kept whole, bytes. A longer one (its length was not declared) flows through a window of this
    /// size that moves with the slowest reader.
    body_bytes_max: u64,
    outgrown: bool,
    readers: Vec<Option<Reader>>,
    free: Vec<usize>,
}

impl ReaderId {
    /// A small number, unique among the readers of one flight at one time; the shell keeps wakers by it.
    pub fn index(self) -> usize {
        self.0
    }
}

impl Flight {
    /// A flight waiting for its head.
    pub fn new(body_bytes_max: u64) -> Self {
        Self {
            phase: Phase::Waiting,
            chunks: VecDeque::new(),
            first: (0, 0),
            buffered_bytes: 0,
            ended: false,
            broken: None,
            body_bytes_max,
            outgrown: false,
            readers: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Adds a reader at the start of the body. `None` when the start is gone or [`READERS_MAX`] is reached.
    pub fn join(&mut self) -> Option<ReaderId> {
        if self.outgrown {
            return None;
        }
        let reader = Reader { chunk: 0, offset: 0, window: (0, u64::MAX) };
        if let Some(free) = self.free.pop() {
            self.readers[free] = Some(reader);
            return Some(ReaderId(free));
        }
        if self.readers.len() == READERS_MAX {
            return None;
        }
        self.readers.push(Some(reader));
        Some(ReaderId(self.readers.len() - 1))
    }

    /// Forgets a reader. The flight goes on without it.
    pub fn leave(&mut self, id: ReaderId) {
        if self.readers.get_mut(id.0).and_then(Option::take).is_some() {
            self.free.push(id.0);
        }
        self.trim();
    }

    /// Narrows what a reader gets to `start..end`.
    pub fn set_window(&mut self, id: ReaderId, start: u64, end: u64) {
        if let Some(Some(reader)) = self.readers.get_mut(id.0) {
            reader.window = (start, end);
        }
    }

    /// Where the flight is.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// A reusable response head came.
    pub fn handle_head(&mut self, head: Arc<Head>, length: Option<u64>) {
        debug_assert!(matches!(self.phase, Phase::Waiting), "one head per flight");
        self.phase = Phase::Flowing { head, length };
    }

    /// The upstream says the stored response holds.
    pub fn handle_refreshed(&mut self, stored: Stored) {
        self.phase = Phase::Refreshed(stored);
    }

    /// The answer is for the leader alone.
    pub fn handle_not_shared(&mut self, why: NotShared) {
        self.phase = Phase::NotShared(why);
    }

    /// The fetch failed, before or within the body. Bytes already here can still be read.
    pub fn handle_failure(&mut self, failure: Failure) {
        if matches!(self.phase, Phase::Waiting) {
            self.phase = Phase::Failed(failure);
        }
        self.broken = Some(failure);
    }

    /// Bytes of the body came. Call only while [`Flight::has_room`].
    pub fn handle_chunk(&mut self, chunk: Bytes) {
        if chunk.is_empty() {
            return;
        }
        self.buffered_bytes += chunk.len() as u64;
        self.chunks.push_back(chunk);
        self.outgrown |= self.buffered_bytes > self.body_bytes_max;
        self.trim();
    }

    /// The body is complete.
    pub fn handle_end(&mut self) {
        self.ended = true;
    }

    /// The pieces of the body so far, for [`Body::gather`](crate::stored::Body::gather) once it is whole; `None`
    /// when it outgrew the store.
    pub fn parts(&self) -> Option<Vec<Bytes>> {
        (!self.outgrown).then(|| self.chunks.iter().cloned().collect())
    }

    /// Whether the fetch may read on. False only for a body that outgrew the store, until the slowest reader
    /// has caught up.
    pub fn has_room(&self) -> bool {
        !self.outgrown || self.buffered_bytes <= self.body_bytes_max
    }

    /// A body that outgrew the store and has no reader left serves nobody: the fetch ends.
    pub fn is_deserted(&self) -> bool {
        self.outgrown && self.readers.iter().all(Option::is_none)
    }

    /// Whether the body outgrew the store (new requests cannot join and nothing will be stored).
    pub fn is_outgrown(&self) -> bool {
        self.outgrown
    }

    /// The next bytes for a reader.
    pub fn read(&mut self, id: ReaderId) -> Read {
        let Some(Some(reader)) = self.readers.get_mut(id.0) else { return Read::End };
        let (start, end) = reader.window;
        loop {
            if reader.offset >= end {
                return Read::End;
            }
            // A reader never falls behind `first`: `trim` keeps what any reader still needs.
            let index = usize::try_from(reader.chunk - self.first.0).ok();
            let Some(chunk) = index.and_then(|i| self.chunks.get(i)) else {
                return match self.broken {
                    _ if self.ended => Read::End,
                    Some(failure) => Read::Failed(failure),
                    None => Read::Pending,
                };
            };
            let (from, to) = (reader.offset, reader.offset + chunk.len() as u64);
            reader.chunk += 1;
            reader.offset = to;
            let (from_wanted, to_wanted) = (from.max(start), to.min(end));
            if from_wanted < to_wanted {
                // Both differences are at most the chunk's length, which is a usize.
                let data = chunk.slice((from_wanted - from) as usize..(to_wanted - from) as usize);
                self.trim();
                return Read::Data(data);
            }
        }
    }

    /// Once the body outgrew the store, drops chunks every reader has passed.
    fn trim(&mut self) {
        if !self.outgrown {
            return;
        }
        let slowest = self.readers.iter().flatten().map(|r| r.chunk).min().unwrap_or(u64::MAX);
        while self.first.0 < slowest {
            let Some(chunk) = self.chunks.pop_front() else { break };
            self.buffered_bytes -= chunk.len() as u64;
            self.first = (self.first.0 + 1, self.first.1 + chunk.len() as u64);
        }
    }
}

#[cfg(test)]
#[path = "flight_tests.rs"]
mod tests;
