//! All recordings of this origin: which are live, and who works on them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use control_plane_api::recording::Recording;
use origin_archive::JournalId;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::RecordingUpdate;
use crate::disk::{Disk, JournalFile, RecordingId};
use crate::metrics::Metrics;
use crate::recorder::{Progress, Recorder, Step};
use crate::store::Store;

/// Finished recordings told again at start, newest first: an update may have been lost with the process.
const RETOLD_MAX: usize = 1_000;

/// Wait before a recorder that could not read its journals is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// Shared by uploads and viewers.
#[derive(Clone, Debug)]
pub(crate) struct Library {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    disk: Disk,
    store: Store,
    metrics: Metrics,
    idle_finish: Duration,
    updates: mpsc::Sender<RecordingUpdate>,
    /// Recordings somebody works on.
    live: Mutex<HashMap<RecordingId, Arc<Progress>>>,
    /// Held by whoever writes the objects of a recording.
    turns: Mutex<HashMap<RecordingId, Arc<tokio::sync::Mutex<()>>>>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl Library {
    pub(crate) fn new(
        disk: Disk,
        store: Store,
        metrics: Metrics,
        idle_finish: Duration,
        updates: mpsc::Sender<RecordingUpdate>,
    ) -> Self {
        let (live, tasks, shutdown) = (Mutex::default(), TaskTracker::new(), CancellationToken::new());
        let turns = Mutex::default();
        Self {
            inner: Arc::new(Inner {
                disk,
                store,
                metrics,
                idle_finish,
                updates,
                live,
                turns,
                tasks,
                shutdown,
            }),
        }
    }

    pub(crate) fn disk(&self) -> &Disk {
        &self.inner.disk
    }

    /// Takes up what the last process left unfinished, and tells again what it finished.
    pub(crate) async fn recover(&self) -> anyhow::Result<()> {
        let disk = self.inner.disk.clone();
        let found = tokio::task::spawn_blocking(move || disk.recordings()).await??;
        let mut finished = Vec::new();
        for (id, done) in found {
            match done {
                Some(recording) => finished.push(recording),
                None => drop(self.resume(&id)),
            }
        }
        finished.sort_by_key(|recording| std::cmp::Reverse(recording.started_at_ms));
        for recording in finished.into_iter().take(RETOLD_MAX) {
            self.tell(recording).await;
        }
        Ok(())
    }

    /// A stream of a journal opens.
    pub(crate) fn open(&self, id: &RecordingId) -> Open {
        let progress = self.inner.live.lock().get(id).cloned();
        if let Some(progress) = &progress {
            progress.note_open();
        }
        Open { progress }
    }

    /// Bytes of a journal below `offset` are durable. A finished recording comes to life again.
    pub(crate) fn note_durable(&self, id: &RecordingId, journal: &JournalId, offset: u64, open: &mut Open) {
        while !open.progress.as_ref().is_some_and(|progress| progress.note_durable(journal, offset)) {
            let progress = self.resume(id);
            progress.note_open();
            *open = Open { progress: Some(progress) };
        }
    }

    /// Whether objects below `{room}/{room_sid}` may still change often.
    pub(crate) fn is_live(&self, folder: &str) -> bool {
        let live = self.inner.live.lock();
        live.keys().any(|id| origin_archive::folder(&id.room, &id.room_sid).as_deref() == Ok(folder))
    }

    /// Ends all work; what is unfinished is taken up at the next start.
    pub(crate) async fn shut_down(&self) {
        self.inner.shutdown.cancel();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }

    /// Progress of a recording; a recorder is started on everything its journals hold when nobody works on it.
    fn resume(&self, id: &RecordingId) -> Arc<Progress> {
        let mut live = self.inner.live.lock();
        if let Some(progress) = live.get(id).filter(|progress| !progress.is_closed()) {
            return Arc::clone(progress);
        }
        let progress = Arc::new(Progress::default());
        live.insert(id.clone(), Arc::clone(&progress));
        self.inner.metrics.recordings_live.set(live.len() as i64);
        drop(live);
        let (library, id) = (self.clone(), id.clone());
        let work = progress.clone();
        self.inner.tasks.spawn(async move {
            tokio::select! {
                () = library.record(&id, &work) => {}
                () = library.inner.shutdown.cancelled() => {}
            }
        });
        progress
    }

    /// One recorder's life. The one before it has ended: two never write the same objects.
    async fn record(&self, id: &RecordingId, progress: &Arc<Progress>) {
        let turn = self.turn(id);
        let _turn = turn.lock().await;
        let mut recorder = loop {
            match self.start(id, progress).await {
                Ok(recorder) => break recorder,
                Err(error) => {
                    tracing::warn!(room = %id.room, "recording cannot start: {error:#}; trying again");
                    tokio::time::sleep(RETRY).await;
                }
            }
        };
        loop {
            let step = recorder.step().await;
            let last = !matches!(step, Step::Live(_));
            if last {
                let mut live = self.inner.live.lock();
                if live.get(id).is_some_and(|current| Arc::ptr_eq(current, progress)) {
                    live.remove(id);
                }
                self.inner.metrics.recordings_live.set(live.len() as i64);
            }
            self.handle_step(id, step).await;
            if last {
                return;
            }
        }
    }

    async fn start(&self, id: &RecordingId, progress: &Arc<Progress>) -> anyhow::Result<Recorder> {
        let (disk, folder) = (self.inner.disk.clone(), self.inner.disk.folder(id)?);
        let scan = move || -> std::io::Result<Vec<(JournalId, u64)>> {
            disk.reopen(&folder)?;
            let journals = disk.journals(&folder)?.into_iter();
            journals.map(|(journal, path)| Ok((journal, JournalFile::measure(&path)?))).collect()
        };
        let journals = tokio::task::spawn_blocking(scan).await??;
        for (journal, durable) in &journals {
            progress.note_durable(journal, *durable);
        }
        tracing::info!(room = %id.room, room_sid = %id.room_sid, journals = journals.len(), "recording");
        let (disk, store) = (self.inner.disk.clone(), self.inner.store.clone());
        Recorder::new(id.clone(), disk, store, Arc::clone(progress), self.inner.idle_finish)
    }

    fn turn(&self, id: &RecordingId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.inner.turns.lock();
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(id.clone()).or_default())
    }

    async fn handle_step(&self, id: &RecordingId, step: Step) {
        match step {
            Step::Live(recording) => self.tell(recording).await,
            Step::Empty => {}
            Step::Finished(recording, stats) => {
                self.inner.metrics.recordings_finished.inc();
                self.inner.metrics.packets_refused.inc_by(stats.packets_refused);
                self.inner.metrics.streams_refused.inc_by(stats.streams_refused);
                tracing::info!(
                    room = %id.room, room_sid = %id.room_sid, state = ?recording.state,
                    duration_ms = recording.duration_ms, ?stats, "recording finished"
                );
                self.tell(recording).await;
            }
        }
    }

    async fn tell(&self, recording: Recording) {
        if self.inner.updates.send(RecordingUpdate(recording)).await.is_err() {
            tracing::debug!("nobody takes recording updates");
        }
    }
}

/// An upload in progress; dropping it says that it is not any more.
#[derive(Debug)]
pub(crate) struct Open {
    progress: Option<Arc<Progress>>,
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(progress) = &self.progress {
            progress.note_closed();
        }
    }
}
