//! A local copy of one prefix of the store, kept by a watch.
//!
//! The copy is an `Arc` of a sorted map, replaced at each change; readers never wait. While the store is away the copy
//! stays as it was and [`Mirror::state`] says since when. Nothing is polled.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::store::{Batch, Entry, Error, Event, Revision, Store};

/// By key without the prefix.
pub type Records<T> = Arc<BTreeMap<String, T>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not read yet.
    Empty,
    /// As the store has it.
    Live,
    /// The store is away; this is what was last seen, `since_ms` (Unix) being when it went.
    Stale { since_ms: u64 },
}

/// Cheap to clone. The copy is kept until the token given at the start is cancelled or the last clone is dropped.
#[derive(Debug)]
pub struct Mirror<T> {
    records: watch::Receiver<Records<T>>,
    state: watch::Receiver<State>,
    unreadable: Arc<AtomicU64>,
    _stop: Arc<tokio_util::sync::DropGuard>,
}

impl<T> Clone for Mirror<T> {
    fn clone(&self) -> Self {
        Self {
            records: self.records.clone(),
            state: self.state.clone(),
            unreadable: self.unreadable.clone(),
            _stop: self._stop.clone(),
        }
    }
}

impl<T: DeserializeOwned + Clone + Send + Sync + 'static> Mirror<T> {
    /// Starts copying everything below `prefix`. Answers at once with an empty copy; see [`Self::ready`].
    #[must_use]
    pub fn start(store: Arc<dyn Store>, prefix: impl Into<String>, shutdown: &CancellationToken) -> Self {
        let stop = shutdown.child_token();
        let (records_tx, records) = watch::channel(Records::default());
        let (state_tx, state) = watch::channel(State::Empty);
        let unreadable = Arc::new(AtomicU64::new(0));
        let copier = Copier {
            store,
            prefix: prefix.into(),
            records: records_tx,
            state: state_tx,
            unreadable: unreadable.clone(),
        };
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = copier.run() => {}
                () = stopped.cancelled() => {}
            }
        });
        Self { records, state, unreadable, _stop: Arc::new(stop.drop_guard()) }
    }
}

impl<T> Mirror<T> {
    /// The copy as it is now.
    #[must_use]
    pub fn records(&self) -> Records<T> {
        self.records.borrow().clone()
    }

    /// For waiting on changes: `changed().await`, then `borrow_and_update()`.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Records<T>> {
        self.records.clone()
    }

    #[must_use]
    pub fn state(&self) -> State {
        *self.state.borrow()
    }

    #[must_use]
    pub fn subscribe_state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// How many times a record could not be read and was left out.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.unreadable.load(Ordering::Relaxed)
    }

    /// Waits until the store was read once. Returns at shutdown too.
    pub async fn ready(&self) {
        let mut state = self.state.clone();
        // An error means the copier has ended: shutdown.
        state.wait_for(|state| *state != State::Empty).await.ok();
    }
}

struct Copier<T> {
    store: Arc<dyn Store>,
    prefix: String,
    records: watch::Sender<Records<T>>,
    state: watch::Sender<State>,
    unreadable: Arc<AtomicU64>,
}

impl<T: DeserializeOwned + Clone> Copier<T> {
    async fn run(self) {
        let mut backoff = Backoff::default();
        let mut next = None;
        loop {
            let error = self.follow(&mut next, &mut backoff).await;
            if let Error::Compacted { .. } = error {
                next = None;
                tracing::debug!(prefix = self.prefix, %error, "listing again");
            } else {
                self.went_away(&error);
            }
            tokio::time::sleep(backoff.next_wait()).await;
        }
    }

    /// Lists, unless `next` says where to resume, and applies changes until something fails.
    async fn follow(&self, next: &mut Option<Revision>, backoff: &mut Backoff) -> Error {
        let from = match *next {
            Some(next) => next,
            None => match self.store.list(&self.prefix).await {
                Ok(listing) => {
                    self.replace(listing.entries);
                    *next.insert(listing.revision + 1)
                }
                Err(error) => return error,
            },
        };
        let mut watch = match self.store.watch(&self.prefix, from).await {
            Ok(watch) => watch,
            Err(error) => return error,
        };
        loop {
            match watch.next().await {
                Some(Ok(batch)) => {
                    *next = Some(batch.revision + 1);
                    self.apply(batch);
                    backoff.reset();
                    self.state.send_if_modified(|state| std::mem::replace(state, State::Live) != State::Live);
                }
                Some(Err(error)) => return error,
                None => return Error::unavailable("the watch ended"),
            }
        }
    }

    fn went_away(&self, error: &Error) {
        let since_ms = crate::unix_time_ms();
        let was_live = self.state.send_if_modified(|state| {
            let live = *state == State::Live;
            if live {
                *state = State::Stale { since_ms };
            }
            live
        });
        if was_live {
            tracing::warn!(prefix = self.prefix, %error, "the store is away; keeping what was last seen");
        } else {
            tracing::debug!(prefix = self.prefix, %error, "the store is still away");
        }
    }

    fn replace(&self, entries: Vec<Entry>) {
        let records = entries.into_iter().filter_map(|entry| self.decode(&entry)).collect();
        self.records.send_replace(Arc::new(records));
        self.state.send_replace(State::Live);
    }

    fn apply(&self, batch: Batch) {
        if batch.events.is_empty() {
            return;
        }
        // The map is copied at each batch: hundreds of records, a few changes a second. Readers never wait for it.
        let mut records = BTreeMap::clone(&self.records.borrow());
        for event in batch.events {
            match event {
                Event::Put(entry) => match self.decode(&entry) {
                    Some((name, record)) => records.insert(name, record),
                    None => records.remove(entry.key.strip_prefix(&self.prefix).unwrap_or_default()),
                },
                Event::Delete { key } => records.remove(key.strip_prefix(&self.prefix).unwrap_or_default()),
            };
        }
        self.records.send_replace(Arc::new(records));
    }

    /// A record nobody can read is left out, and said: a newer version of the fleet may have written it.
    fn decode(&self, entry: &Entry) -> Option<(String, T)> {
        let name = entry.key.strip_prefix(&self.prefix)?.to_owned();
        match serde_json::from_slice(&entry.value) {
            Ok(record) => Some((name, record)),
            Err(error) => {
                self.unreadable.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(key = entry.key, %error, "record in the store cannot be read; left out");
                None
            }
        }
    }
}
