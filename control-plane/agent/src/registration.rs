//! "Here I am": a node's record and whatever else hangs on its life, kept under one lease.
//!
//! The node says what should stand in the store ([`Registration::update`], [`Registration::set`],
//! [`Registration::unset`]); a task makes it so, keeps the lease alive, and after a lost lease writes all of it again
//! under a new one. Nothing here ever blocks the node's work.
//!
//! A node id belongs to the process that started last (`Node::epoch`): a process that finds a younger one in its place
//! stops registering and says so ([`Status::Superseded`]), so a zombie cannot overwrite its successor.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use control_plane_api::key;
use control_plane_api::node::Node;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::store::{Compared, Error, LeaseId, Revision, Store};

/// A node not heard of for this long is gone.
pub const TTL_DEFAULT: Duration = Duration::from_secs(5);
/// Changes of the node's own record are gathered this long: load figures change all the time.
const RECORD_INTERVAL: Duration = Duration::from_secs(1);
/// Keys written side by side, then the lease has its turn: on a slow store some 100 ms.
const KEYS_AT_ONCE: usize = 32;
/// A lease is kept alive this many times in its time.
const KEEP_ALIVES_PER_TTL: u32 = 3;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    Connecting,
    Registered,
    /// The store is away; the node goes on with what it knows and comes back by itself.
    Lost,
    /// Another process with a later start has this node id. Final.
    Superseded,
}

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Registration {
    wanted: Arc<Wanted>,
    status: watch::Receiver<Status>,
    shutdown: CancellationToken,
    done: CancellationToken,
}

#[derive(Debug)]
struct Wanted {
    node: Mutex<Node>,
    /// What should stand under the lease besides the node's record; `None`: should not stand there any more.
    keys: Mutex<BTreeMap<String, Option<Bytes>>>,
    node_changed: Notify,
    keys_changed: Notify,
}

impl Registration {
    /// Starts registering `node` under a lease of `ttl`. Ends, and takes the lease back, at `shutdown` or at
    /// [`Self::deregister`].
    #[must_use]
    pub fn start(store: Arc<dyn Store>, node: Node, ttl: Duration, shutdown: &CancellationToken) -> Self {
        let (status_tx, status) = watch::channel(Status::Connecting);
        let wanted = Arc::new(Wanted {
            node: Mutex::new(node),
            keys: Mutex::default(),
            node_changed: Notify::new(),
            keys_changed: Notify::new(),
        });
        let (shutdown, done) = (shutdown.child_token(), CancellationToken::new());
        let keeper = Keeper { store, ttl, wanted: wanted.clone(), status: status_tx };
        let (stop, finished) = (shutdown.clone(), done.clone().drop_guard());
        tokio::spawn(async move {
            keeper.run(&stop).await;
            drop(finished);
        });
        Self { wanted, status, shutdown, done }
    }

    /// Changes the node's record; written within a second.
    pub fn update(&self, change: impl FnOnce(&mut Node)) {
        change(&mut self.wanted.node.lock());
        self.wanted.node_changed.notify_one();
    }

    /// The record as it should stand in the store.
    #[must_use]
    pub fn node(&self) -> Node {
        self.wanted.node.lock().clone()
    }

    /// Lets `value` stand at `key` for as long as this node lives, from now on.
    ///
    /// # Panics
    /// If `value` has no JSON form (maps with keys that are no strings), which no record has.
    pub fn set<T: Serialize>(&self, key: String, value: &T) {
        let value = Bytes::from(serde_json::to_vec(value).expect("records are plain data"));
        self.wanted.keys.lock().insert(key, Some(value));
        self.wanted.keys_changed.notify_one();
    }

    /// Takes `key` away again.
    pub fn unset(&self, key: &str) {
        self.wanted.keys.lock().insert(key.to_owned(), None);
        self.wanted.keys_changed.notify_one();
    }

    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Waits until the record stands in the store. Returns at shutdown and when superseded too.
    pub async fn registered(&self) -> Status {
        let mut status = self.status.clone();
        let settled =
            status.wait_for(|status| matches!(status, Status::Registered | Status::Superseded)).await;
        settled.map_or(Status::Lost, |status| status.clone())
    }

    /// Takes everything back at once instead of letting the lease run out, and waits for it (briefly if the store is
    /// away).
    pub async fn deregister(&self) {
        self.shutdown.cancel();
        self.done.cancelled().await;
    }
}

/// The task's side: what stands in the store, made to follow what is wanted.
struct Keeper {
    store: Arc<dyn Store>,
    ttl: Duration,
    wanted: Arc<Wanted>,
    status: watch::Sender<Status>,
}

/// What was written under one lease.
struct Session {
    lease: LeaseId,
    node_revision: Revision,
    node: Node,
    keys: BTreeMap<String, Bytes>,
}

enum End {
    Store(Error),
    Superseded,
    Shutdown,
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl Keeper {
    async fn run(self, stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        loop {
            let mut lease = None;
            let end = tokio::select! {
                end = self.session(&mut lease, &mut backoff) => end,
                () = stop.cancelled() => End::Shutdown,
            };
            match end {
                End::Store(error) => {
                    // Once is enough: an outage is one event, however often it is tried.
                    if self.status.send_replace(Status::Lost) == Status::Lost {
                        tracing::debug!(%error, "still not registered with the control plane");
                    } else {
                        tracing::warn!(%error, "not registered with the control plane; trying again");
                    }
                }
                End::Superseded => {
                    tracing::error!(
                        "another process with a later start has this node id: this one steps back"
                    );
                    self.status.send_replace(Status::Superseded);
                    self.revoke(lease).await;
                    return;
                }
                End::Shutdown => {
                    self.revoke(lease).await;
                    return;
                }
            }
            tokio::select! {
                () = tokio::time::sleep(backoff.next_wait()) => {}
                () = stop.cancelled() => {
                    self.revoke(lease).await;
                    return;
                }
            }
        }
    }

    async fn revoke(&self, lease: Option<LeaseId>) {
        /// A store that is away must not hold up the end; the lease runs out by itself.
        const PATIENCE: Duration = Duration::from_secs(1);
        if let Some(lease) = lease {
            match tokio::time::timeout(PATIENCE, self.store.revoke(lease)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "lease not taken back; it runs out"),
                Err(_) => tracing::debug!("lease not taken back in time; it runs out"),
            }
        }
    }

    /// One lease, from grant to loss.
    async fn session(&self, granted: &mut Option<LeaseId>, backoff: &mut Backoff) -> End {
        let lease = match self.store.grant(self.ttl).await {
            Ok(lease) => *granted.insert(lease),
            Err(error) => return error.into(),
        };
        let mut session = match self.enter(lease).await {
            Ok(session) => session,
            Err(end) => return end,
        };
        let end = self.keep(&mut session, backoff).await;
        match end {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    /// Keys are written some at a time: an edge of hundreds of rooms writes for longer than a lease lives, which is kept alive in
    /// between.
    async fn keep(
        &self,
        session: &mut Session,
        backoff: &mut Backoff,
    ) -> Result<std::convert::Infallible, End> {
        let mut keep_alive = tokio::time::interval(self.ttl / KEEP_ALIVES_PER_TTL);
        keep_alive.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut heard = tokio::time::Instant::now();
        let mut record_due = None::<tokio::time::Instant>;
        let (mut is_behind, mut is_new) = (true, true);
        loop {
            let record_at = record_due.unwrap_or(heard + self.ttl);
            tokio::select! {
                biased;
                _ = keep_alive.tick() => match self.store.keep_alive(session.lease).await {
                    Ok(_) => heard = tokio::time::Instant::now(),
                    // One lost keep-alive is no lost lease: try until the lease must have ended.
                    Err(Error::Unavailable { .. }) if heard.elapsed() < self.ttl => {}
                    Err(error) => return Err(error.into()),
                },
                () = self.wanted.keys_changed.notified() => is_behind = true,
                () = self.wanted.node_changed.notified() => {
                    record_due.get_or_insert_with(|| tokio::time::Instant::now() + RECORD_INTERVAL);
                }
                () = tokio::time::sleep_until(record_at), if record_due.is_some() => {
                    record_due = None;
                    self.write_node(session).await?;
                }
                () = std::future::ready(()), if is_behind => {
                    is_behind = self.write_keys(session).await?;
                    if !is_behind && std::mem::take(&mut is_new) {
                        backoff.reset();
                        self.status.send_replace(Status::Registered);
                    }
                }
            }
        }
    }

    /// Takes the node's place in the store, unless a younger process has it.
    async fn enter(&self, lease: LeaseId) -> Result<Session, End> {
        let node = self.wanted.node.lock().clone();
        let (node_key, value) = (key::node(&node.id), encode(&node));
        let mut expected = 0;
        loop {
            match self.store.compare_and_put(&node_key, expected, value.clone(), Some(lease)).await? {
                Compared::Written { revision } => {
                    return Ok(Session { lease, node_revision: revision, node, keys: BTreeMap::new() });
                }
                Compared::Conflict { current: None } => expected = 0,
                Compared::Conflict { current: Some(entry) } => {
                    let theirs = serde_json::from_slice::<Node>(&entry.value).map_or(0, |node| node.epoch);
                    if theirs > node.epoch {
                        return Err(End::Superseded);
                    }
                    expected = entry.mod_revision;
                }
            }
        }
    }

    async fn write_node(&self, session: &mut Session) -> Result<(), End> {
        let node = self.wanted.node.lock().clone();
        if node == session.node {
            return Ok(());
        }
        let written = self
            .store
            .compare_and_put(&key::node(&node.id), session.node_revision, encode(&node), Some(session.lease))
            .await?;
        match written {
            Compared::Written { revision } => {
                (session.node_revision, session.node) = (revision, node);
                Ok(())
            }
            // Somebody else wrote, or an answer got lost: `enter` finds out which.
            Compared::Conflict { .. } => {
                let entered = self.enter(session.lease).await?;
                (session.node_revision, session.node) = (entered.node_revision, entered.node);
                Ok(())
            }
        }
    }

    /// Writes some of the keys that do not stand as wanted; says whether there may be more.
    async fn write_keys(&self, session: &mut Session) -> Result<bool, End> {
        let due: Vec<(String, Option<Bytes>)> = {
            let wanted = self.wanted.keys.lock();
            let differs = |(key, value): &(&String, &Option<Bytes>)| {
                value.is_none() || session.keys.get(*key) != value.as_ref()
            };
            let due = wanted.iter().filter(differs).take(KEYS_AT_ONCE);
            due.map(|(key, value)| (key.clone(), value.clone())).collect()
        };
        let writes = due.iter().map(|(key, value)| self.write_key(session.lease, key, value.clone()));
        for written in futures_util::future::join_all(writes).await {
            written?;
        }
        let is_full = due.len() == KEYS_AT_ONCE;
        for (key, value) in due {
            if let Some(value) = value {
                session.keys.insert(key, value);
                continue;
            }
            session.keys.remove(&key);
            let mut wanted = self.wanted.keys.lock();
            if wanted.get(&key) == Some(&None) {
                wanted.remove(&key);
            }
        }
        Ok(is_full)
    }

    async fn write_key(&self, lease: LeaseId, key: &str, value: Option<Bytes>) -> Result<(), Error> {
        let written = match value {
            Some(value) => self.store.put(key, value, Some(lease)).await.map(|_| ()),
            None => self.store.delete(key).await.map(|_| ()),
        };
        match written {
            // The node is not to vanish for one record that the store never takes.
            Err(Error::Refused { reason }) => {
                tracing::error!(%key, %reason, "a record does not stand in the store");
                Ok(())
            }
            written => written,
        }
    }
}

fn encode(node: &Node) -> Bytes {
    Bytes::from(serde_json::to_vec(node).expect("records are plain data"))
}
