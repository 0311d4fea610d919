//! A store in one process, for one machine: the default.
//!
//! Kept in a directory (or only in memory). A write without a lease is on disk when it answers and survives power loss;
//! leased keys survive a restart of the process with their lease's full time again, as with etcd.

use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use self::journal::{Change, Journal};
use self::tree::Tree;
use super::{Batch, Compared, Entry, Error, LeaseId, Listing, Revision, Store, Watch};

mod journal;
mod tree;

/// Batches a watch takes from the history at once; the rest waits in the history, so a slow reader costs no memory.
const WATCH_BATCHES_MAX: usize = 256;

/// Cheap to clone; the last clone's drop ends its timer and closes its files.
#[derive(Clone, Debug)]
pub struct Embedded {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    /// The newest revision: wakes watches.
    revision: watch::Sender<Revision>,
    /// A lease was granted or renewed: the timer looks again.
    leases: Arc<Notify>,
}

#[derive(Debug)]
struct State {
    tree: Tree,
    journal: Option<Journal>,
    /// Set when the disk failed: what is in memory may no longer be what is on disk, so nothing more is written.
    failed: Option<String>,
}

impl Embedded {
    /// Opens or makes the store in `directory`. Needs a tokio runtime.
    ///
    /// # Errors
    /// Names the file that cannot be read or written, or says that another process has the directory.
    pub fn open(directory: &Path) -> anyhow::Result<Self> {
        let (journal, mut tree) = Journal::open(directory, Instant::now())?;
        tree.renew_all(Instant::now());
        Ok(Self::start(tree, Some(journal)))
    }

    /// A store that is gone with the process, for tests.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::start(Tree::new(0), None)
    }

    fn start(tree: Tree, journal: Option<Journal>) -> Self {
        let revision = watch::Sender::new(tree.revision());
        let state = Mutex::new(State { tree, journal, failed: None });
        let inner = Arc::new(Inner { state, revision, leases: Arc::new(Notify::new()) });
        tokio::spawn(end_leases(Arc::downgrade(&inner), inner.leases.clone()));
        Self { inner }
    }

    /// Runs a change that need not be synced right here, one that must be on a thread that may wait for the disk.
    async fn change<T: Send + 'static>(
        &self,
        sync: bool,
        change: impl FnOnce(&mut State) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let inner = self.inner.clone();
        let run = move || {
            let mut state = inner.state.lock();
            let result = change(&mut state);
            inner.announce(&state);
            result
        };
        if !sync {
            return run();
        }
        tokio::task::spawn_blocking(run).await.map_err(Error::unavailable)?
    }

    /// Whether a write under `lease` goes to the disk before it answers.
    fn syncs(&self, lease: Option<LeaseId>) -> bool {
        let state = self.inner.state.lock();
        state.journal.as_ref().is_some_and(|journal| lease.is_none() || journal.wants_snapshot())
    }
}

impl Inner {
    fn announce(&self, state: &State) {
        let newest = state.tree.revision();
        self.revision.send_if_modified(|revision| std::mem::replace(revision, newest) != newest);
    }
}

impl State {
    fn log(&mut self, change: &Change, sync: bool) -> Result<(), Error> {
        if let Some(reason) = &self.failed {
            return Err(Error::unavailable(reason));
        }
        let Some(journal) = &mut self.journal else { return Ok(()) };
        let mut result = Ok(());
        if sync && journal.wants_snapshot() {
            result = journal.snapshot(&self.tree);
        }
        let revision = self.tree.revision() + 1;
        result.and_then(|()| journal.append(change, revision, sync)).map_err(|error| {
            let reason = format!("{error:#}");
            tracing::error!(reason, "the store's disk failed: no more writes until a restart");
            self.failed = Some(reason.clone());
            Error::unavailable(reason)
        })
    }

    fn put(
        &mut self,
        key: &str,
        value: Bytes,
        lease: Option<LeaseId>,
        sync: bool,
    ) -> Result<Revision, Error> {
        self.tree.check_lease(lease)?;
        self.log(&Change::Put { key: key.to_owned(), value: value.clone(), lease }, sync)?;
        Ok(self.tree.put(key, value, lease))
    }

    fn revoke(&mut self, lease: LeaseId) -> Result<(), Error> {
        if self.tree.check_lease(Some(lease)).is_err() {
            return Ok(());
        }
        self.log(&Change::Revoke { lease }, false)?;
        self.tree.revoke(lease);
        Ok(())
    }
}

impl Store for Embedded {
    fn grant(&self, ttl: Duration) -> BoxFuture<'_, Result<LeaseId, Error>> {
        async move {
            super::check_ttl(ttl)?;
            let lease = LeaseId(rand::random_range(1..i64::MAX));
            let ttl_ms = u64::try_from(ttl.as_millis()).map_err(Error::refused)?;
            self.change(false, move |state| {
                state.tree.check_grant(lease)?;
                state.log(&Change::Grant { lease, ttl_ms }, false)?;
                state.tree.grant(lease, ttl, Instant::now());
                Ok(())
            })
            .await?;
            self.inner.leases.notify_one();
            Ok(lease)
        }
        .boxed()
    }

    fn keep_alive(&self, lease: LeaseId) -> BoxFuture<'_, Result<Duration, Error>> {
        async move { self.inner.state.lock().tree.keep_alive(lease, Instant::now()) }.boxed()
    }

    fn revoke(&self, lease: LeaseId) -> BoxFuture<'_, Result<(), Error>> {
        self.change(false, move |state| state.revoke(lease)).boxed()
    }

    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, Error>> {
        async move { Ok(self.inner.state.lock().tree.get(key)) }.boxed()
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Listing, Error>> {
        async move {
            let state = self.inner.state.lock();
            Ok(Listing { entries: state.tree.list(prefix), revision: state.tree.revision() })
        }
        .boxed()
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        lease: Option<LeaseId>,
    ) -> BoxFuture<'a, Result<Revision, Error>> {
        async move {
            super::check_write(key, &value)?;
            let (key, sync) = (key.to_owned(), self.syncs(lease));
            self.change(sync, move |state| state.put(&key, value, lease, sync)).await
        }
        .boxed()
    }

    fn compare_and_put<'a>(
        &'a self,
        key: &'a str,
        expected: Revision,
        value: Bytes,
        lease: Option<LeaseId>,
    ) -> BoxFuture<'a, Result<Compared, Error>> {
        async move {
            super::check_write(key, &value)?;
            let (key, sync) = (key.to_owned(), self.syncs(lease));
            self.change(sync, move |state| {
                let current = state.tree.get(&key);
                if current.as_ref().map_or(0, |entry| entry.mod_revision) != expected {
                    return Ok(Compared::Conflict { current });
                }
                Ok(Compared::Written { revision: state.put(&key, value, lease, sync)? })
            })
            .await
        }
        .boxed()
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool, Error>> {
        async move {
            let Some(entry) = self.inner.state.lock().tree.get(key) else { return Ok(false) };
            let sync = self.syncs(entry.lease);
            self.change(sync, move |state| {
                if state.tree.get(&entry.key).is_none() {
                    return Ok(false);
                }
                state.log(&Change::Delete { key: entry.key.clone() }, sync)?;
                Ok(state.tree.delete(&entry.key))
            })
            .await
        }
        .boxed()
    }

    fn watch<'a>(&'a self, prefix: &'a str, from: Revision) -> BoxFuture<'a, Result<Watch, Error>> {
        async move {
            let reader = Reader {
                inner: Arc::downgrade(&self.inner),
                revision: self.inner.revision.subscribe(),
                prefix: prefix.to_owned(),
                next: from,
                taken: Vec::new().into_iter(),
                done: false,
            };
            let watch: Watch = Box::pin(futures_util::stream::unfold(reader, Reader::next));
            Ok(watch)
        }
        .boxed()
    }
}

/// One watch: a place in the history.
struct Reader {
    inner: Weak<Inner>,
    revision: watch::Receiver<Revision>,
    prefix: String,
    next: Revision,
    taken: std::vec::IntoIter<Batch>,
    done: bool,
}

impl Reader {
    async fn next(mut self) -> Option<(Result<Batch, Error>, Self)> {
        loop {
            if self.done {
                return None;
            }
            if let Some(batch) = self.taken.next() {
                return Some((Ok(batch), self));
            }
            self.revision.mark_unchanged();
            let inner = self.inner.upgrade()?;
            let changes = inner.state.lock().tree.changes(&self.prefix, self.next, WATCH_BATCHES_MAX);
            drop(inner);
            match changes {
                Err(error) => {
                    self.done = true;
                    return Some((Err(error), self));
                }
                Ok((batches, next)) => {
                    self.next = next;
                    let empty = batches.is_empty();
                    self.taken = batches.into_iter();
                    if empty && self.revision.changed().await.is_err() {
                        return None;
                    }
                }
            }
        }
    }
}

/// Ends leases when their time is over, for as long as the store lives.
async fn end_leases(inner: Weak<Inner>, looked: Arc<Notify>) {
    /// The store may have been dropped meanwhile: look at least this often.
    const LONGEST_SLEEP: Duration = Duration::from_secs(1);
    loop {
        let until = {
            let Some(inner) = inner.upgrade() else { return };
            let mut state = inner.state.lock();
            let now = Instant::now();
            for lease in state.tree.expired(now) {
                tracing::debug!(lease = lease.0, "lease ended");
                if state.revoke(lease).is_err() {
                    // The disk failed, which is said elsewhere. In memory the lease ends all the same.
                    state.tree.revoke(lease);
                }
            }
            inner.announce(&state);
            let longest = now + LONGEST_SLEEP;
            state.tree.next_expiry().map_or(longest, |expiry| expiry.min(longest))
        };
        tokio::select! {
            () = tokio::time::sleep_until(until) => {}
            () = looked.notified() => {}
        }
    }
}

#[cfg(test)]
mod tests;
