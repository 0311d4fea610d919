//! The embedded store on disk: a snapshot and an append-only log of what changed since.
//!
//! Both files are runs of records, each `[length u32 LE][crc32c u32 LE][JSON]`, the JSON being
//! `[revision, change]`. A snapshot is written aside, synced and
//! renamed over the old one before the log starts again. A torn last record (power loss mid-write) is cut off; a bad
//! record with others behind it is cut too, but the rest is kept as `log.damaged` and said at WARN.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::tree::{Record, Tree};
use crate::store::{LeaseId, Revision};

/// The log is folded into a snapshot beyond this size: a second of reading at a start.
const LOG_BYTES_MAX: u64 = 8 * 1024 * 1024;
const RECORD_BYTES_MAX: u32 = 2 * 1024 * 1024;
/// Revisions are set aside this many at a time, so that after a power loss none is given out twice although leased
/// writes are not synced one by one.
const RESERVE: u64 = 100_000;

/// One change. Leased writes are logged but not synced, others are both.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "op")]
pub(super) enum Change {
    /// No revision up to this one will be given out after a restart.
    Reserve {
        revision: Revision,
    },
    Grant {
        lease: LeaseId,
        ttl_ms: u64,
    },
    Revoke {
        lease: LeaseId,
    },
    Put {
        key: String,
        #[serde(with = "crate::store::wire::base64_bytes")]
        value: Bytes,
        lease: Option<LeaseId>,
    },
    Delete {
        key: String,
    },
    /// Only in snapshots: a key with the revisions it had.
    Keep {
        key: String,
        #[serde(with = "crate::store::wire::base64_bytes")]
        value: Bytes,
        lease: Option<LeaseId>,
        mod_revision: Revision,
        create_revision: Revision,
    },
}

#[derive(Debug)]
pub(super) struct Journal {
    directory: PathBuf,
    log: File,
    log_bytes: u64,
    reserved: Revision,
    /// Held for the life of the store: one process per directory.
    _lock: File,
}

impl Journal {
    /// Opens or makes the store in `directory` and reads it back.
    pub(super) fn open(directory: &Path, now: tokio::time::Instant) -> anyhow::Result<(Self, Tree)> {
        std::fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
        let lock_path = directory.join("lock");
        let lock = File::create(&lock_path).with_context(|| format!("opening {}", lock_path.display()))?;
        lock.try_lock().with_context(|| format!("{} is in use by another process", directory.display()))?;
        let mut tree = Tree::new(0);
        let mut reserved = 0;
        for name in ["snapshot", "log"] {
            for (revision, change) in read_records(&directory.join(name))? {
                if let Change::Reserve { revision } = change {
                    reserved = reserved.max(revision);
                }
                replay(&mut tree, revision, change, now);
            }
        }
        tree.skip_to(reserved);
        let log_path = directory.join("log");
        let log = File::options()
            .create(true)
            .append(true)
            .open(&log_path)
            .with_context(|| format!("opening {}", log_path.display()))?;
        let log_bytes = log.metadata().context("size of the store's log")?.len();
        let mut journal = Self { directory: directory.to_owned(), log, log_bytes, reserved, _lock: lock };
        journal.reserve(tree.revision() + 1)?;
        Ok((journal, tree))
    }

    /// Logs a change that will get `revision`; on return it is durable if `sync`.
    pub(super) fn append(&mut self, change: &Change, revision: Revision, sync: bool) -> anyhow::Result<()> {
        if revision > self.reserved {
            self.reserve(revision)?;
        }
        self.write(revision, change)?;
        if sync {
            self.log.sync_data().context("syncing the store's log")?;
        }
        Ok(())
    }

    pub(super) fn wants_snapshot(&self) -> bool {
        self.log_bytes > LOG_BYTES_MAX
    }

    /// Writes all of `tree` as the new snapshot and starts the log again.
    pub(super) fn snapshot(&mut self, tree: &Tree) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        let leases = tree.lease_ttls().map(|(lease, ttl)| Change::Grant {
            lease,
            ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX),
        });
        let keys = tree.records().map(|(key, record)| Change::Keep {
            key: key.clone(),
            value: record.value.clone(),
            lease: record.lease,
            mod_revision: record.mod_revision,
            create_revision: record.create_revision,
        });
        let first = Change::Reserve { revision: self.reserved };
        for change in std::iter::once(first).chain(leases).chain(keys) {
            encode(tree.revision() + 1, &change, &mut bytes);
        }
        let aside = self.directory.join("snapshot.new");
        let mut file = File::create(&aside).with_context(|| format!("creating {}", aside.display()))?;
        file.write_all(&bytes).context("writing the store's snapshot")?;
        file.sync_all().context("syncing the store's snapshot")?;
        std::fs::rename(&aside, self.directory.join("snapshot"))
            .context("putting the store's snapshot in place")?;
        File::open(&self.directory)
            .and_then(|directory| directory.sync_all())
            .context("syncing the store's folder")?;
        // From here on the log only repeats what the snapshot has; a crash before the cut replays it harmlessly.
        self.log.set_len(0).context("starting the store's log again")?;
        self.log.sync_all().context("syncing the store's log")?;
        self.log_bytes = 0;
        Ok(())
    }

    fn reserve(&mut self, revision: Revision) -> anyhow::Result<()> {
        self.reserved = revision + RESERVE;
        self.write(revision, &Change::Reserve { revision: self.reserved })?;
        self.log.sync_data().context("syncing the store's log")
    }

    fn write(&mut self, revision: Revision, change: &Change) -> anyhow::Result<()> {
        let mut bytes = Vec::with_capacity(256);
        encode(revision, change, &mut bytes);
        self.log.write_all(&bytes).context("writing the store's log")?;
        self.log_bytes += bytes.len() as u64;
        Ok(())
    }
}

/// Applies a logged change the way it was applied when it was made.
fn replay(tree: &mut Tree, revision: Revision, change: Change, now: tokio::time::Instant) {
    tree.set_revision(revision.saturating_sub(1));
    match change {
        Change::Reserve { .. } => {}
        Change::Grant { lease, ttl_ms } => tree.grant(lease, Duration::from_millis(ttl_ms), now),
        Change::Revoke { lease } => {
            tree.revoke(lease);
        }
        Change::Put { key, value, lease } => {
            tree.put(&key, value, lease);
        }
        Change::Delete { key } => {
            tree.delete(&key);
        }
        Change::Keep { key, value, lease, mod_revision, create_revision } => {
            tree.restore(key, Record { value, mod_revision, create_revision, lease });
        }
    }
}

fn encode(revision: Revision, change: &Change, into: &mut Vec<u8>) {
    let json = serde_json::to_vec(&(revision, change)).expect("plain data");
    let length = u32::try_from(json.len()).expect("keys and values are limited");
    into.extend_from_slice(&length.to_le_bytes());
    into.extend_from_slice(&crc32c::crc32c(&json).to_le_bytes());
    into.extend_from_slice(&json);
}

/// Reads a file's records and cuts off what is not whole.
fn read_records(path: &Path) -> anyhow::Result<Vec<(Revision, Change)>> {
    let mut bytes = Vec::new();
    let mut file = match File::options().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("opening {}", path.display())),
    };
    file.read_to_end(&mut bytes).with_context(|| format!("reading {}", path.display()))?;
    let (mut changes, mut offset) = (Vec::new(), 0);
    while let Some((change, length)) = decode(&bytes[offset..]) {
        changes.push(change);
        offset += length;
    }
    if offset < bytes.len() {
        let damaged = path.with_extension("damaged");
        std::fs::write(&damaged, &bytes[offset..])
            .with_context(|| format!("writing {}", damaged.display()))?;
        tracing::warn!(file = %path.display(), offset, bytes = bytes.len() - offset, kept_as = %damaged.display(),
            "the store's file ends in something that is no whole record (power loss?): cut off there");
        file.set_len(offset as u64).with_context(|| format!("cutting {}", path.display()))?;
        file.seek(std::io::SeekFrom::End(0)).with_context(|| format!("cutting {}", path.display()))?;
        file.sync_all().with_context(|| format!("cutting {}", path.display()))?;
    }
    Ok(changes)
}

/// The record `bytes` start with, and its length with its head. `None`: not whole, or not what was written.
fn decode(bytes: &[u8]) -> Option<((Revision, Change), usize)> {
    let (head, rest) = bytes.split_first_chunk::<8>()?;
    let [l0, l1, l2, l3, c0, c1, c2, c3] = *head;
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    if length > RECORD_BYTES_MAX {
        return None;
    }
    let json = rest.get(..length as usize)?;
    if crc32c::crc32c(json) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return None;
    }
    Some((serde_json::from_slice(json).ok()?, 8 + json.len()))
}
