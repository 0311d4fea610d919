//! Stored responses in memory, evicted by S3-FIFO.

use cdn_cache::stored::{Slot, Stored};
use cdn_cache::target::Key;
use foyer::{Cache, CacheBuilder, S3FifoConfig};
use http::HeaderMap;
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;

/// Most shards of the store: enough that cores seldom wait for one another's lookups.
const SHARDS_MAX: usize = 8;
/// A shard holds at least this many of the largest objects, or one large object would sweep it clean.
const OBJECTS_PER_SHARD_MIN: usize = 16;

pub(crate) struct Store {
    cache: Cache<Key, Arc<Slot>>,
    /// Changing a slot is read, change, write; reading needs no lock.
    change: Mutex<()>,
}

impl Store {
    pub(crate) fn new(bytes_max: usize, object_bytes_max: u64) -> Self {
        let object =
            usize::try_from(object_bytes_max).unwrap_or(usize::MAX).saturating_mul(OBJECTS_PER_SHARD_MIN);
        let shards = (bytes_max / object.max(1)).clamp(1, SHARDS_MAX);
        let cache = CacheBuilder::new(bytes_max)
            .with_name("cdn")
            .with_shards(shards)
            .with_eviction_config(S3FifoConfig::default())
            .with_weighter(|key: &Key, slot: &Arc<Slot>| {
                key.weight_bytes().saturating_add(slot.weight_bytes())
            })
            .build();
        Self { cache, change: Mutex::new(()) }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Slot>> {
        self.cache.get(key).map(|entry| Arc::clone(entry.value()))
    }

    pub(crate) fn put(&self, key: &Key, stored: Arc<Stored>) {
        let _one_at_a_time = self.change.lock();
        let slot = self.get(key).unwrap_or_default().with(stored);
        self.cache.insert(key.clone(), Arc::new(slot));
    }

    /// Forgets the variant `request` selects.
    pub(crate) fn forget(&self, key: &Key, request: &HeaderMap) {
        let _one_at_a_time = self.change.lock();
        match self.get(key).map(|slot| slot.without(request)) {
            Some(Some(left)) => drop(self.cache.insert(key.clone(), Arc::new(left))),
            Some(None) => drop(self.cache.remove(key)),
            None => {}
        }
    }

    /// Forgets every variant under `key`.
    pub(crate) fn invalidate(&self, key: &Key) {
        let _one_at_a_time = self.change.lock();
        self.cache.remove(key);
    }

    pub(crate) fn bytes(&self) -> usize {
        self.cache.usage()
    }

    pub(crate) fn keys(&self) -> usize {
        self.cache.entries()
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}
