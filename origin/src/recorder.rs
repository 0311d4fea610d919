//! One task per recording: reads what is durable in its journals, feeds the archive, puts what comes out.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use control_plane_api::recording::Recording;
use edge_wire::journal::Record;
use origin_archive::{Archive, JournalId, Stats};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::disk::{Disk, RecordReader, RecordingId};
use crate::store::Store;

/// Time for the journal of another edge to open after the last known one has ended.
const GRACE: Duration = Duration::from_millis(800);
/// The same while an upload is open.
const GRACE_OPEN: Duration = Duration::from_secs(3);
/// How often a quiet recording looks at its clock.
const LOOK: Duration = Duration::from_millis(200);
/// Wait after a failed write before it is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// What uploads tell the recorder.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Durable bytes by journal.
    durable: BTreeMap<JournalId, u64>,
    /// Uploads in progress.
    open: usize,
    closed: bool,
}

impl Progress {
    /// Bytes below `offset` are durable; false when the recorder has ended and a new one is needed.
    pub(crate) fn note_durable(&self, journal: &JournalId, offset: u64) -> bool {
        let mut state = self.state.lock();
        if state.closed {
            return false;
        }
        let durable = state.durable.entry(journal.clone()).or_default();
        *durable = offset.max(*durable);
        self.changed.notify_one();
        true
    }

    pub(crate) fn note_open(&self) {
        self.state.lock().open += 1;
    }

    pub(crate) fn note_closed(&self) {
        let mut state = self.state.lock();
        state.open = state.open.saturating_sub(1);
        self.changed.notify_one();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    fn reopen(&self) {
        self.state.lock().closed = false;
    }

    fn durable(&self) -> BTreeMap<JournalId, u64> {
        self.state.lock().durable.clone()
    }

    fn is_open(&self) -> bool {
        self.state.lock().open > 0
    }

    /// Ends the recorder unless more has come.
    fn close_if(&self, read: impl Fn(&JournalId) -> u64) -> bool {
        let mut state = self.state.lock();
        state.closed = state.durable.iter().all(|(journal, durable)| read(journal) >= *durable);
        state.closed
    }
}

/// State of the task.
#[derive(Debug)]
pub(crate) struct Recorder {
    id: RecordingId,
    folder: PathBuf,
    disk: Disk,
    store: Store,
    progress: Arc<Progress>,
    archive: Archive,
    readers: BTreeMap<JournalId, RecordReader>,
    idle_finish: Duration,
    announced: bool,
    /// When something last came.
    last_news: Instant,
    /// Since when every journal has ended.
    over_since: Option<Instant>,
}

/// How a recorder's life went on.
#[derive(Debug)]
pub(crate) enum Step {
    /// It has something new to tell the store.
    Live(Recording),
    Finished(Recording, Stats),
    /// Nothing ever came.
    Empty,
}

impl Recorder {
    pub(crate) fn new(
        id: RecordingId,
        disk: Disk,
        store: Store,
        progress: Arc<Progress>,
        idle_finish: Duration,
    ) -> anyhow::Result<Self> {
        let folder = disk.folder(&id)?;
        let archive = Archive::new(&id.room, &id.room_sid)?;
        Ok(Self {
            id,
            folder,
            disk,
            store,
            progress,
            archive,
            readers: BTreeMap::new(),
            idle_finish,
            announced: false,
            last_news: Instant::now(),
            over_since: None,
        })
    }

    /// Works until there is something to tell. Failed writes are tried again: the journals keep everything. Dropping
    /// the future loses nothing that the next process does not make again.
    pub(crate) async fn step(&mut self) -> Step {
        loop {
            match self.read_on().await {
                Ok(false) => {}
                Ok(true) => {
                    (self.last_news, self.over_since) = (Instant::now(), None);
                    if !std::mem::replace(&mut self.announced, true) {
                        return Step::Live(self.archive.recording());
                    }
                    continue;
                }
                Err(error) => {
                    self.begin_again(&error).await;
                    continue;
                }
            }
            let due = self.is_due();
            if due && !self.announced && self.progress.close_if(|journal| self.read_to(journal)) {
                return Step::Empty;
            }
            if due && self.progress.close_if(|journal| self.read_to(journal)) {
                match self.finish().await {
                    Ok(recording) => return Step::Finished(recording, self.archive.stats()),
                    Err(error) => {
                        self.progress.reopen();
                        self.begin_again(&error).await;
                    }
                }
            }
            let _ = tokio::time::timeout(LOOK, self.progress.changed.notified()).await;
        }
    }

    /// The class is over, or its edges have been away too long.
    fn is_due(&mut self) -> bool {
        if self.archive.is_over() && self.all_read() {
            self.over_since.get_or_insert_with(Instant::now);
        }
        // An upload still open may be an edge whose first record is on its way.
        let wait = if self.progress.is_open() { GRACE_OPEN } else { GRACE };
        let graced = self.over_since.is_some_and(|since| since.elapsed() >= wait);
        let idle = !self.progress.is_open() && self.last_news.elapsed() >= self.idle_finish;
        graced || idle
    }

    /// Reads what has become durable; says whether there was anything.
    async fn read_on(&mut self) -> anyhow::Result<bool> {
        let mut any = false;
        for (journal, durable) in self.progress.durable() {
            while self.read_to(&journal) < durable {
                let reader = self.readers.remove(&journal).unwrap_or(RecordReader::new(0));
                let (reader, records) = self.read_batch(&journal, reader, durable).await?;
                self.readers.insert(journal.clone(), reader);
                let Some(records) = records else { break };
                any = true;
                for record in &records {
                    self.archive.handle_record(&journal, record);
                }
                while let Some(object) = self.archive.poll_segment() {
                    self.store.put(object, false).await?;
                }
            }
        }
        if any {
            while let Some(object) = self.archive.poll_object() {
                self.store.put(object, false).await?;
            }
        }
        Ok(any)
    }

    async fn read_batch(
        &self,
        journal: &JournalId,
        mut reader: RecordReader,
        limit: u64,
    ) -> anyhow::Result<(RecordReader, Option<Vec<Record>>)> {
        let path = self.disk.journal_path(&self.id, journal)?;
        let read = tokio::task::spawn_blocking(move || {
            let mut file = File::open(&path).with_context(|| format!("journal {}", path.display()))?;
            let records =
                reader.read(&mut file, limit).with_context(|| format!("journal {}", path.display()))?;
            Ok((reader, records))
        });
        read.await.context("reading a journal")?
    }

    fn read_to(&self, journal: &JournalId) -> u64 {
        self.readers.get(journal).map_or(0, |reader| reader.offset)
    }

    fn all_read(&self) -> bool {
        self.progress.durable().iter().all(|(journal, durable)| self.read_to(journal) >= *durable)
    }

    /// After a failed write the archive is made anew from the journals: nothing it gave out may be missing.
    async fn begin_again(&mut self, error: &anyhow::Error) {
        tracing::warn!(room = %self.id.room, "recording begins again from its journals: {error:#}");
        tokio::time::sleep(RETRY).await;
        self.archive = Archive::new(&self.id.room, &self.id.room_sid).expect("the names were taken once");
        self.readers.clear();
        self.over_since = None;
    }

    async fn finish(&mut self) -> anyhow::Result<Recording> {
        self.archive.finish();
        while let Some(object) = self.archive.poll_object() {
            self.store.put(object, true).await?;
        }
        let recording = self.archive.recording();
        let (disk, folder, marker) = (self.disk.clone(), self.folder.clone(), recording.clone());
        let marked = tokio::task::spawn_blocking(move || disk.finish(&folder, &marker)).await;
        marked.context("marking a recording as finished")??;
        Ok(recording)
    }
}
