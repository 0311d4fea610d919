//! What nodes agree on: small JSON records under keys (`control_plane_api::key`), with etcd v3's semantics.
//!
//! * Every change gets the next **revision** of the whole store; an entry knows the revision that wrote it.
//! * A key may hang on a **lease**; when the lease is not kept alive it ends, and its keys are deleted in one revision.
//! * A **watch** yields every change of a prefix from a revision on, in order, without gaps. When the store no longer
//!   has the history asked for it says [`Error::Compacted`]: list again, then watch from the listing's revision + 1.
//! * [`Store::compare_and_put`] is the only way to write where two could disagree.
//!
//! Stores: [`embedded::Embedded`] in one process, [`etcd::Etcd`] on a cluster, [`remote::Remote`] over a control plane's
//! node listener. All of them pass [`behaviour::store_behaviour`].

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};

pub mod behaviour;
pub mod embedded;
pub mod etcd;
pub mod remote;
pub mod wire;

/// Number of a change; the first is 1.
pub type Revision = u64;

/// Changes of one prefix, in order. Ends after its first error.
pub type Watch = BoxStream<'static, Result<Batch, Error>>;

/// Longest key, in bytes: prefix, room name (256) and node name (63) with room to spare.
pub const KEY_BYTES_MAX: usize = 512;
/// Longest value, in bytes: below etcd's request limit of 1.5 MiB.
pub const VALUE_BYTES_MAX: usize = 512 * 1024;
/// Shortest and longest lease.
pub const LEASE_TTL_MIN: Duration = Duration::from_secs(1);
pub const LEASE_TTL_MAX: Duration = Duration::from_secs(3600);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LeaseId(pub i64);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub key: String,
    #[serde(with = "wire::base64_bytes")]
    pub value: Bytes,
    /// Revision that wrote this value.
    pub mod_revision: Revision,
    /// Revision that created the key.
    pub create_revision: Revision,
    pub lease: Option<LeaseId>,
}

/// Entries of a prefix, sorted by key, as of `revision`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    pub entries: Vec<Entry>,
    pub revision: Revision,
}

/// The changes one revision made below a watched prefix. A batch without events says: nothing more up to `revision`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    pub revision: Revision,
    pub events: Vec<Event>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    Put(Entry),
    Delete { key: String },
}

/// Outcome of a [`Store::compare_and_put`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compared {
    Written {
        revision: Revision,
    },
    /// The key's revision was another one; this is what stands there now.
    Conflict {
        current: Option<Entry>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "error")]
pub enum Error {
    /// It ended or never was. Grant a new one and write its keys again.
    #[error("lease {} does not exist (any more)", lease.0)]
    LeaseNotFound { lease: LeaseId },
    /// List again and watch from there.
    #[error("history before revision {oldest} is gone")]
    Compacted { oldest: Revision },
    /// The store cannot be reached or cannot write. A change may or may not have been made. Try again later.
    #[error("store unavailable: {reason}")]
    Unavailable { reason: String },
    /// The request breaks a rule (length, form, permission); trying again does not help.
    #[error("store refused: {reason}")]
    Refused { reason: String },
}

impl Error {
    pub fn unavailable(reason: impl std::fmt::Display) -> Self {
        Self::Unavailable { reason: reason.to_string() }
    }

    pub fn refused(reason: impl std::fmt::Display) -> Self {
        Self::Refused { reason: reason.to_string() }
    }
}

/// A store. Object-safe: nodes hold an `Arc<dyn Store>`.
pub trait Store: Send + Sync + std::fmt::Debug + 'static {
    /// A new lease that ends `ttl` after its last [`Self::keep_alive`].
    fn grant(&self, ttl: Duration) -> BoxFuture<'_, Result<LeaseId, Error>>;

    /// Starts the lease's time again; answers its full time.
    fn keep_alive(&self, lease: LeaseId) -> BoxFuture<'_, Result<Duration, Error>>;

    /// Ends the lease now and deletes its keys in one revision. A lease that is gone already is fine.
    fn revoke(&self, lease: LeaseId) -> BoxFuture<'_, Result<(), Error>>;

    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, Error>>;

    /// All entries whose key starts with `prefix`.
    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Listing, Error>>;

    /// Writes, whatever stood there. The key then hangs on `lease`, or on none.
    fn put<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        lease: Option<LeaseId>,
    ) -> BoxFuture<'a, Result<Revision, Error>>;

    /// Writes if the key's `mod_revision` is `expected`, 0 meaning there is no such key.
    ///
    /// After [`Error::Unavailable`] it may have been written all the same: read before judging a conflict.
    fn compare_and_put<'a>(
        &'a self,
        key: &'a str,
        expected: Revision,
        value: Bytes,
        lease: Option<LeaseId>,
    ) -> BoxFuture<'a, Result<Compared, Error>>;

    /// Answers whether there was something to delete.
    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool, Error>>;

    /// Every change below `prefix` whose revision is `from` or later.
    fn watch<'a>(&'a self, prefix: &'a str, from: Revision) -> BoxFuture<'a, Result<Watch, Error>>;
}

/// Checks what every store checks before a write.
///
/// # Errors
/// [`Error::Refused`] says which limit is broken.
pub fn check_write(key: &str, value: &[u8]) -> Result<(), Error> {
    check_key(key)?;
    if value.len() > VALUE_BYTES_MAX {
        return Err(Error::refused(format_args!("value of {key} is longer than {VALUE_BYTES_MAX} bytes")));
    }
    Ok(())
}

/// # Errors
/// [`Error::Refused`] if the key is empty or too long.
pub fn check_key(key: &str) -> Result<(), Error> {
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(Error::refused(format_args!(
            "a key has 1 to {KEY_BYTES_MAX} bytes, this one {}",
            key.len()
        )));
    }
    Ok(())
}

/// # Errors
/// [`Error::Refused`] if the time is out of bounds.
pub fn check_ttl(ttl: Duration) -> Result<(), Error> {
    if !(LEASE_TTL_MIN..=LEASE_TTL_MAX).contains(&ttl) {
        return Err(Error::refused(format_args!(
            "a lease lasts {LEASE_TTL_MIN:?} to {LEASE_TTL_MAX:?}, not {ttl:?}"
        )));
    }
    Ok(())
}
