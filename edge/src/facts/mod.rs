//! Facts of attendance: who came, left and published, told to the control plane and to webhooks, each at least once.
//!
//! ```text
//!   rooms --Fact--> Facts --queue--> thread: Spool (disk) --durable--> upload   --HTTPS--> any control plane
//!                                                         `----------> webhook  --HTTP(S)--> each URL
//! ```
//!
//! A fact is told to nobody before it is durable here, and is freed when everybody has it. After a kill, the next process
//! tells what was left, and that those who were in are in no longer ([`Spool::open`]).
//!
//! | queue | limit | when full |
//! |---|---|---|
//! | rooms to thread | [`QUEUE_MAX`] | waits in [`Facts`], up to [`BACKLOG_MAX`]; then counted as lost |
//! | thread to disk | `spool::PENDING_BYTES_MAX` | counted as lost |
//! | disk | `spool::SPOOL_BYTES_MAX` | the oldest segment goes, counted as lost |

mod cursor;
mod record;
mod segment;
mod spool;
mod upload;
mod webhook;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use edge_room::Fact;
use tokio::sync::watch;

use crate::clock;
use crate::metrics::Metrics;
use cursor::Cursor;
use spool::{Shared, Spool};
pub(crate) use upload::Uploader;
pub(crate) use webhook::Webhooks;

/// Facts between the loop and the thread.
const QUEUE_MAX: usize = 16_384;
/// Facts that wait in the loop while the disk hangs: minutes of a busy edge.
const BACKLOG_MAX: usize = 65_536;
/// Facts are durable, and on their way, this soon; those of this time share one sync of the disk.
const SYNC_INTERVAL: Duration = Duration::from_millis(50);
/// How exactly it is known until when an edge that was killed was alive.
const BEAT_INTERVAL: Duration = Duration::from_secs(1);
/// At its end the edge waits this long for the control plane to take the last facts; the next start sends the rest.
/// With what else is to end this stays below the time a process gives itself at Ctrl-C.
const FAREWELL: Duration = Duration::from_millis(1_200);
/// Name of the sender to the control plane, in files and in the spool.
const CONTROL_PLANE: &str = "control-plane";

/// Where in the spool: later ones are greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    epoch: u64,
    sequence: u64,
}

/// The side of the rooms.
pub(crate) struct Facts {
    queue: SyncSender<(u64, Fact)>,
    backlog: VecDeque<(u64, Fact)>,
    metrics: Metrics,
}

impl Facts {
    /// Hands a fact over; never waits.
    pub(crate) fn record(&mut self, fact: Fact) {
        if self.backlog.len() >= BACKLOG_MAX {
            self.metrics.facts_lost.inc();
            return;
        }
        self.backlog.push_back((clock::now_ms(), fact));
        self.hand_over();
    }

    /// Hands over what waits, as far as there is room.
    pub(crate) fn hand_over(&mut self) {
        while let Some(fact) = self.backlog.pop_front() {
            if let Err(TrySendError::Full(back)) = self.queue.try_send(fact) {
                self.backlog.push_front(back);
                return;
            }
        }
    }
}

/// The running spool, and what senders need of it.
pub(crate) struct Delivery {
    epoch: u64,
    shared: Arc<Shared>,
    directory: Arc<Path>,
    durable: watch::Receiver<Position>,
    /// What the control plane has taken.
    taken: watch::Sender<Position>,
    metrics: Metrics,
    thread: std::thread::JoinHandle<()>,
}

/// Opens the spool in `directory` and starts its thread. `epoch` is the process's; what comes back may be higher
/// ([`Delivery::epoch`]).
///
/// # Errors
/// The directory or a file in it cannot be read or written.
pub(crate) fn start(directory: &Path, epoch: u64, metrics: &Metrics) -> anyhow::Result<(Facts, Delivery)> {
    let spool = Spool::open(directory, epoch).with_context(|| format!("facts in {}", directory.display()))?;
    let (epoch, shared) = (spool.epoch(), spool.shared());
    let durable = shared.end();
    let cursor = Cursor::open(directory, CONTROL_PLANE);
    let taken = watch::channel(cursor.position().unwrap_or_default()).0;
    shared.enter(CONTROL_PLANE, *taken.borrow());
    let (queue, inputs) = std::sync::mpsc::sync_channel(QUEUE_MAX);
    let (progress, durable) = watch::channel(durable);
    let mut writer = Writer { spool, progress, metrics: metrics.clone(), failing: false };
    let thread = std::thread::Builder::new().name("facts".into()).spawn(move || writer.run(&inputs))?;
    let facts = Facts { queue, backlog: VecDeque::new(), metrics: metrics.clone() };
    let metrics = metrics.clone();
    Ok((facts, Delivery { epoch, shared, directory: directory.into(), durable, taken, metrics, thread }))
}

impl Delivery {
    /// Of this process, above that of every earlier one whose facts are here.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Facts the control plane has not got yet, and bytes of the spool; for `/metrics`.
    pub(crate) fn depth(&self) -> impl Fn() -> (u64, u64) + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move || (shared.waiting(CONTROL_PLANE), shared.bytes())
    }

    /// Waits for the thread, whose [`Facts`] must be gone, and a moment for the control plane.
    pub(crate) async fn farewell(self) {
        let ended = tokio::task::spawn_blocking(move || self.thread.join()).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::error!("the thread that writes facts down did not end well");
        }
        let waiting = || self.shared.waiting(CONTROL_PLANE);
        let mut taken = self.taken.subscribe();
        let all = taken.wait_for(|_| waiting() == 0);
        if tokio::time::timeout(FAREWELL, all).await.is_err() {
            let waiting = waiting();
            tracing::warn!(waiting, "facts stay on the disk; the next start of this edge sends them");
        }
    }
}

struct Writer {
    spool: Spool,
    progress: watch::Sender<Position>,
    metrics: Metrics,
    /// The last write did not succeed; said once.
    failing: bool,
}

impl Writer {
    fn run(&mut self, inputs: &Receiver<(u64, Fact)>) {
        let mut beat_at = Instant::now();
        let mut sync_at = Instant::now();
        loop {
            let now = Instant::now();
            if beat_at <= now {
                beat_at = now + BEAT_INTERVAL;
                let _ = self.spool.beat(clock::now_ms());
            }
            if self.spool.has_pending() && sync_at <= now {
                self.sync();
                sync_at = Instant::now() + SYNC_INTERVAL;
            }
            let due = if self.spool.has_pending() { sync_at.min(beat_at) } else { beat_at };
            match inputs.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(input) => {
                    self.append(input);
                    // Everything that waits shares one sync.
                    while let Ok(input) = inputs.try_recv() {
                        self.append(input);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.sync(),
            }
        }
    }

    fn append(&mut self, (now_ms, fact): (u64, Fact)) {
        if !self.spool.append(record::record(fact, now_ms)) {
            self.metrics.facts_lost.inc();
        }
    }

    fn sync(&mut self) {
        match self.spool.sync() {
            Ok((end, lost)) => {
                self.failing = false;
                self.metrics.facts_lost.inc_by(lost);
                self.progress.send_replace(end);
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!(%error, "facts of attendance cannot be written down; is the disk full?");
                }
            }
        }
    }
}
