//! The embedded store's state: keys, leases, history. Told the time, does no IO.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::store::{Batch, Entry, Error, Event, LeaseId, Revision};

/// Changes kept for watches that resume. Older ones are compacted: the watch is told and lists again. A fleet of a
/// hundred nodes writing once a second can be away for a minute and a half.
pub(super) const HISTORY_MAX: usize = 10_000;
/// Leases at once; a node holds one or two.
pub(super) const LEASES_MAX: usize = 20_000;

#[derive(Debug)]
pub(super) struct Tree {
    revision: Revision,
    keys: BTreeMap<String, Record>,
    leases: BTreeMap<LeaseId, Lease>,
    history: VecDeque<Batch>,
    /// The newest revision that is no longer in the history.
    compacted: Revision,
}

#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) value: Bytes,
    pub(super) mod_revision: Revision,
    pub(super) create_revision: Revision,
    pub(super) lease: Option<LeaseId>,
}

#[derive(Debug)]
struct Lease {
    ttl: Duration,
    expires: Instant,
    keys: BTreeSet<String>,
}

impl Tree {
    /// An empty store whose next change gets `revision + 1`; nothing before can be watched.
    pub(super) fn new(revision: Revision) -> Self {
        Self {
            revision,
            keys: BTreeMap::new(),
            leases: BTreeMap::new(),
            history: VecDeque::new(),
            compacted: revision,
        }
    }

    pub(super) fn revision(&self) -> Revision {
        self.revision
    }

    /// The next change gets `revision + 1`, as it did when it was made.
    pub(super) fn set_revision(&mut self, revision: Revision) {
        self.revision = revision;
    }

    /// Moves on to `revision` and forgets the history: what follows a restart.
    pub(super) fn skip_to(&mut self, revision: Revision) {
        self.revision = self.revision.max(revision);
        self.compacted = self.revision;
        self.history.clear();
    }

    pub(super) fn get(&self, key: &str) -> Option<Entry> {
        self.keys.get(key).map(|record| record.entry(key))
    }

    pub(super) fn list(&self, prefix: &str) -> Vec<Entry> {
        self.keys
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, record)| record.entry(key))
            .collect()
    }

    /// Whether a write under `lease` would be taken.
    pub(super) fn check_lease(&self, lease: Option<LeaseId>) -> Result<(), Error> {
        match lease {
            Some(lease) if !self.leases.contains_key(&lease) => Err(Error::LeaseNotFound { lease }),
            _ => Ok(()),
        }
    }

    /// Whether one more lease may be granted.
    pub(super) fn check_grant(&self, lease: LeaseId) -> Result<(), Error> {
        if self.leases.len() >= LEASES_MAX {
            return Err(Error::refused(format_args!("there are {LEASES_MAX} leases already")));
        }
        if self.leases.contains_key(&lease) {
            return Err(Error::refused("lease id taken"));
        }
        Ok(())
    }

    pub(super) fn grant(&mut self, lease: LeaseId, ttl: Duration, now: Instant) {
        self.leases.entry(lease).or_insert_with(|| Lease { ttl, expires: now + ttl, keys: BTreeSet::new() });
    }

    pub(super) fn keep_alive(&mut self, lease: LeaseId, now: Instant) -> Result<Duration, Error> {
        let found = self.leases.get_mut(&lease).ok_or(Error::LeaseNotFound { lease })?;
        found.expires = now + found.ttl;
        Ok(found.ttl)
    }

    /// Every lease gets its full time again: whoever kept it alive could not reach us while we were away.
    pub(super) fn renew_all(&mut self, now: Instant) {
        for lease in self.leases.values_mut() {
            lease.expires = now + lease.ttl;
        }
    }

    /// When the next lease ends if nobody keeps it alive.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.leases.values().map(|lease| lease.expires).min()
    }

    pub(super) fn expired(&self, now: Instant) -> Vec<LeaseId> {
        self.leases.iter().filter(|(_, lease)| lease.expires <= now).map(|(id, _)| *id).collect()
    }

    /// Ends a lease; answers whether keys went with it.
    pub(super) fn revoke(&mut self, lease: LeaseId) -> bool {
        let Some(lease) = self.leases.remove(&lease) else { return false };
        if lease.keys.is_empty() {
            return false;
        }
        for key in &lease.keys {
            self.keys.remove(key);
        }
        self.commit(lease.keys.into_iter().map(|key| Event::Delete { key }).collect());
        true
    }

    pub(super) fn put(&mut self, key: &str, value: Bytes, lease: Option<LeaseId>) -> Revision {
        let mod_revision = self.revision + 1;
        let before = self.keys.get(key);
        let create_revision = before.map_or(mod_revision, |record| record.create_revision);
        if let Some(held) = before.and_then(|record| record.lease)
            && Some(held) != lease
            && let Some(held) = self.leases.get_mut(&held)
        {
            held.keys.remove(key);
        }
        if let Some(lease) = lease.and_then(|lease| self.leases.get_mut(&lease)) {
            lease.keys.insert(key.to_owned());
        }
        let record = Record { value, mod_revision, create_revision, lease };
        let entry = record.entry(key);
        self.keys.insert(key.to_owned(), record);
        self.commit(vec![Event::Put(entry)]);
        mod_revision
    }

    pub(super) fn delete(&mut self, key: &str) -> bool {
        let Some(record) = self.keys.remove(key) else { return false };
        if let Some(lease) = record.lease.and_then(|lease| self.leases.get_mut(&lease)) {
            lease.keys.remove(key);
        }
        self.commit(vec![Event::Delete { key: key.to_owned() }]);
        true
    }

    /// Changes below `prefix` from revision `from` on, at most `limit`, and the revision to go on from.
    pub(super) fn changes(
        &self,
        prefix: &str,
        from: Revision,
        limit: usize,
    ) -> Result<(Vec<Batch>, Revision), Error> {
        if from <= self.compacted {
            return Err(Error::Compacted { oldest: self.compacted + 1 });
        }
        let mut found = Vec::new();
        let start = self.history.partition_point(|batch| batch.revision < from);
        for batch in self.history.range(start..) {
            if found.len() == limit {
                return Ok((found, batch.revision));
            }
            let below = |event: &&Event| event.key().starts_with(prefix);
            let events: Vec<_> = batch.events.iter().filter(below).cloned().collect();
            if !events.is_empty() {
                found.push(Batch { revision: batch.revision, events });
            }
        }
        Ok((found, from.max(self.revision + 1)))
    }

    /// All keys and leases, for a snapshot.
    pub(super) fn records(&self) -> impl Iterator<Item = (&String, &Record)> {
        self.keys.iter()
    }

    pub(super) fn lease_ttls(&self) -> impl Iterator<Item = (LeaseId, Duration)> {
        self.leases.iter().map(|(id, lease)| (*id, lease.ttl))
    }

    /// Puts back a record of a snapshot.
    pub(super) fn restore(&mut self, key: String, record: Record) {
        if let Some(lease) = record.lease.and_then(|lease| self.leases.get_mut(&lease)) {
            lease.keys.insert(key.clone());
        }
        self.keys.insert(key, record);
    }

    fn commit(&mut self, events: Vec<Event>) {
        self.revision += 1;
        self.history.push_back(Batch { revision: self.revision, events });
        while self.history.len() > HISTORY_MAX {
            self.compacted = self.history.pop_front().map_or(self.compacted, |batch| batch.revision);
        }
    }
}

impl Record {
    fn entry(&self, key: &str) -> Entry {
        Entry {
            key: key.to_owned(),
            value: self.value.clone(),
            mod_revision: self.mod_revision,
            create_revision: self.create_revision,
            lease: self.lease,
        }
    }
}

impl Event {
    /// The key that changed.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Put(entry) => &entry.key,
            Self::Delete { key } => key,
        }
    }
}
