//! A store on an etcd cluster (3.4 to 3.6), for several control planes and many nodes.
//!
//! The trait's semantics are etcd's own; what differs: a lease lasts whole seconds, and not less than one and a half of
//! the cluster's election timeouts. An outage shorter than an election is ridden out; a longer one gives
//! [`Error::Unavailable`], within seconds the first time and at once from then on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use etcd_client::{
    Client, Compare, CompareOp, KeyValue, KvClient, LeaseGrantOptions, PutOptions, ResponseHeader, Txn,
    TxnOp, TxnOpResponse,
};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use self::cluster::{Cluster, Repeat};
use self::failure::Failure;
use super::{Compared, Entry, Error, LeaseId, Listing, Revision, Store, Watch};

mod cluster;
mod config;
mod failure;
mod listing;
pub mod schema;
mod watch;

pub use self::config::Config;

/// Largest answer taken, in bytes: a page of ordinary records many times over, or a hundred of the largest.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Leases whose time is remembered; beyond that etcd is asked for it.
const LEASES_REMEMBERED_MAX: usize = 20_000;

/// Cheap to clone; all clones share connections.
#[derive(Clone)]
pub struct Etcd {
    cluster: Arc<Cluster>,
    /// Full times of leases: a keep-alive does not answer it.
    leases: Arc<Mutex<BTreeMap<LeaseId, Duration>>>,
}

impl std::fmt::Debug for Etcd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Etcd").field("prefix", &self.cluster.prefix()).finish_non_exhaustive()
    }
}

impl Etcd {
    /// Reads the files named by `config`; connects at the first request.
    ///
    /// # Errors
    /// Names the setting or the file that does not serve.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        Ok(Self { cluster: Arc::new(Cluster::new(config)?), leases: Arc::default() })
    }

    /// [`Self::new`], and asks the cluster once. One that is away is waited for by nobody: it may come up later.
    ///
    /// # Errors
    /// As [`Self::new`]; or the cluster does not take us (certificate, user, password), or holds another schema.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let etcd = Self::new(config)?;
        match etcd.get(control_plane_api::key::SCHEMA).await {
            Ok(_) => {}
            Err(error @ Error::Refused { .. }) => return Err(error.into()),
            Err(error) => tracing::warn!(%error, "etcd is away; going on without it until it answers"),
        }
        Ok(etcd)
    }

    fn full(&self, key: &str) -> Vec<u8> {
        format!("{}{key}", self.cluster.prefix()).into_bytes()
    }

    /// `None`: not one of ours, for it is not text or not below the prefix.
    fn entry(&self, found: &KeyValue) -> Option<Entry> {
        let key = found.key_str().ok()?.strip_prefix(self.cluster.prefix())?.to_owned();
        Some(Entry {
            key,
            value: Bytes::copy_from_slice(found.value()),
            mod_revision: revision(found.mod_revision()),
            create_revision: revision(found.create_revision()),
            lease: Some(LeaseId(found.lease())).filter(|lease| lease.0 != 0),
        })
    }

    fn remember(&self, lease: LeaseId, ttl: Duration) {
        let mut leases = self.leases.lock();
        if leases.len() >= LEASES_REMEMBERED_MAX {
            leases.clear();
        }
        leases.insert(lease, ttl);
    }

    /// A lease's full time as granted, which may have been elsewhere.
    async fn ttl_of(&self, lease: LeaseId) -> Result<Duration, Error> {
        if let Some(ttl) = self.leases.lock().get(&lease) {
            return Ok(*ttl);
        }
        let granted = self
            .cluster
            .ask(Repeat::Always, |client| {
                async move { Ok(client.lease_client().time_to_live(lease.0, None).await?.granted_ttl()) }
                    .boxed()
            })
            .await?;
        let granted = u64::try_from(granted).ok().filter(|seconds| *seconds > 0);
        let ttl = Duration::from_secs(granted.ok_or(Error::LeaseNotFound { lease })?);
        self.remember(lease, ttl);
        Ok(ttl)
    }
}

impl Store for Etcd {
    fn grant(&self, ttl: Duration) -> BoxFuture<'_, Result<LeaseId, Error>> {
        async move {
            super::check_ttl(ttl)?;
            let seconds = i64::try_from(ttl.as_millis().div_ceil(1_000)).map_err(Error::refused)?;
            // Named by us, so that asking twice makes one lease.
            let lease = LeaseId(rand::random_range(1..i64::MAX));
            let granted = self
                .cluster
                .ask(Repeat::Always, |client| {
                    async move {
                        let options = LeaseGrantOptions::new().with_id(lease.0);
                        let granted = client.lease_client().grant(seconds, Some(options)).await;
                        match granted.map_err(Failure::from) {
                            Ok(granted) => Ok(granted.ttl()),
                            Err(Failure::Answered(Error::Refused { reason }))
                                if reason.contains("lease already exists") =>
                            {
                                Ok(seconds)
                            }
                            Err(failure) => Err(failure),
                        }
                    }
                    .boxed()
                })
                .await?;
            self.remember(lease, Duration::from_secs(u64::try_from(granted).map_err(Error::unavailable)?));
            Ok(lease)
        }
        .boxed()
    }

    fn keep_alive(&self, lease: LeaseId) -> BoxFuture<'_, Result<Duration, Error>> {
        async move {
            let kept = self
                .cluster
                .ask(Repeat::Always, |client| {
                    async move {
                        match client.lease_client().keep_alive(lease.0).await {
                            Ok(_) => Ok(()),
                            // The only thing it says: the lease is gone.
                            Err(etcd_client::Error::LeaseKeepAliveError(_)) => {
                                Err(Failure::Answered(Error::LeaseNotFound { lease }))
                            }
                            Err(error) => Err(missing_lease(error.into(), lease)),
                        }
                    }
                    .boxed()
                })
                .await;
            if kept == Err(Error::LeaseNotFound { lease }) {
                self.leases.lock().remove(&lease);
            }
            kept?;
            self.ttl_of(lease).await
        }
        .boxed()
    }

    fn revoke(&self, lease: LeaseId) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            self.leases.lock().remove(&lease);
            let revoked = self
                .cluster
                .ask(Repeat::Always, |client| {
                    async move {
                        let revoked = client.lease_client().revoke(lease.0).await;
                        revoked.map(|_| ()).map_err(|error| missing_lease(error.into(), lease))
                    }
                    .boxed()
                })
                .await;
            if revoked == Err(Error::LeaseNotFound { lease }) { Ok(()) } else { revoked }
        }
        .boxed()
    }

    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, Error>> {
        async move {
            super::check_key(key)?;
            self.cluster
                .ask(Repeat::Always, |client| {
                    let key = self.full(key);
                    async move {
                        let found = kv(&client).get(key, None).await?;
                        Ok(found.kvs().first().and_then(|found| self.entry(found)))
                    }
                    .boxed()
                })
                .await
        }
        .boxed()
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Listing, Error>> {
        self.list_all(prefix).boxed()
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        lease: Option<LeaseId>,
    ) -> BoxFuture<'a, Result<Revision, Error>> {
        async move {
            super::check_write(key, &value)?;
            self.cluster
                .ask(Repeat::IfNotDone, |client| {
                    let (key, value) = (self.full(key), value.to_vec());
                    async move {
                        let written = kv(&client).put(key, value, put_options(lease)).await;
                        let written = written.map_err(|error| maybe_missing_lease(error.into(), lease))?;
                        header(written.header())
                    }
                    .boxed()
                })
                .await
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
            let expected = i64::try_from(expected).map_err(Error::refused)?;
            self.cluster
                .ask(Repeat::IfNotDone, |client| {
                    let (key, value) = (self.full(key), value.to_vec());
                    async move {
                        let txn = Txn::new()
                            .when([Compare::mod_revision(key.as_slice(), CompareOp::Equal, expected)])
                            .and_then([TxnOp::put(key.as_slice(), value, put_options(lease))])
                            .or_else([TxnOp::get(key, None)]);
                        let done = kv(&client).txn(txn).await;
                        let done = done.map_err(|error| maybe_missing_lease(error.into(), lease))?;
                        if done.succeeded() {
                            return Ok(Compared::Written { revision: header(done.header())? });
                        }
                        let current = done.op_responses().into_iter().find_map(|answer| match answer {
                            TxnOpResponse::Get(found) => {
                                found.kvs().first().and_then(|found| self.entry(found))
                            }
                            _ => None,
                        });
                        Ok(Compared::Conflict { current })
                    }
                    .boxed()
                })
                .await
        }
        .boxed()
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool, Error>> {
        async move {
            super::check_key(key)?;
            self.cluster
                .ask(Repeat::IfNotDone, |client| {
                    let key = self.full(key);
                    async move { Ok(kv(&client).delete(key, None).await?.deleted() > 0) }.boxed()
                })
                .await
        }
        .boxed()
    }

    fn watch<'a>(&'a self, prefix: &'a str, from: Revision) -> BoxFuture<'a, Result<Watch, Error>> {
        watch::start(self.clone(), prefix, from).boxed()
    }
}

fn kv(client: &Client) -> KvClient {
    client.kv_client().max_decoding_message_size(ANSWER_BYTES_MAX)
}

fn put_options(lease: Option<LeaseId>) -> Option<PutOptions> {
    lease.map(|lease| PutOptions::new().with_lease(lease.0))
}

/// etcd's revisions are signed and never negative.
fn revision(number: i64) -> Revision {
    Revision::try_from(number).unwrap_or(0)
}

fn header(header: Option<&ResponseHeader>) -> Result<Revision, Failure> {
    header
        .map(|header| revision(header.revision()))
        .ok_or_else(|| Failure::unknown("an answer without a revision"))
}

fn missing_lease(failure: Failure, lease: LeaseId) -> Failure {
    match failure {
        Failure::Answered(Error::Refused { reason }) if reason.contains("requested lease not found") => {
            Failure::Answered(Error::LeaseNotFound { lease })
        }
        failure => failure,
    }
}

fn maybe_missing_lease(failure: Failure, lease: Option<LeaseId>) -> Failure {
    match lease {
        Some(lease) => missing_lease(failure, lease),
        None => failure,
    }
}
