//! The spool: facts appended, made durable, read by those who send them on, and freed when all of them have.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use edge_wire::spool::{self, RECORD_BYTES_MAX, Record};
use parking_lot::Mutex;

use super::segment::{self, Segment};
use super::{CONTROL_PLANE, Position, record};

/// A segment is closed beyond this: a reader takes one whole.
const SEGMENT_BYTES_MAX: u64 = 256 * 1024;
/// All segments together: some 200,000 facts, weeks of a busy edge whose control planes are away. When full, the oldest
/// segment goes, and what the control plane has not got of it is counted as lost.
const SPOOL_BYTES_MAX: u64 = 64 << 20;
/// Facts that wait for a disk that takes none. When full, new ones are counted as lost.
const PENDING_BYTES_MAX: usize = 16 << 20;

/// The writing side, owned by one thread.
pub(super) struct Spool {
    directory: PathBuf,
    epoch: u64,
    file: File,
    /// Sequence of the newest fact.
    sequence: u64,
    pending: Vec<u8>,
    /// Who is in, by participant sid: the records of their joins.
    present: BTreeMap<String, Record>,
    /// Holds when this process was last alive, so that a successor can say until when its people were there.
    alive: File,
    shared: Arc<Shared>,
    bytes_max: u64,
}

/// What the writer and the senders both see.
pub(super) struct Shared {
    index: Mutex<Index>,
}

struct Index {
    /// Oldest first; the last one is being written.
    segments: VecDeque<Segment>,
    /// By sender: everything up to here was taken. A segment that all have taken is deleted.
    taken: BTreeMap<String, Position>,
}

impl Spool {
    /// Opens the spool in `directory`, reads what earlier processes left, and writes down that their people left.
    /// `epoch` is this process's, raised above any earlier one; see [`Self::epoch`].
    ///
    /// # Errors
    /// Names the file that cannot be read or written.
    pub(super) fn open(directory: &Path, epoch: u64) -> anyhow::Result<Self> {
        std::fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
        let leftover = segment::recover(directory)?;
        // A clock that was set back must not make this process older than the one before it.
        let epoch = epoch.max(leftover.epoch + 1);
        let path = directory.join("alive");
        let alive = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let alive = alive.with_context(|| format!("opening {}", path.display()))?;
        let heard_ms = read_alive(&alive).unwrap_or(0).max(leftover.at_ms);
        let (segment, file) = segment::create(directory, epoch, 1, 0, &leftover.present)?;
        let segments = leftover.segments.into_iter().chain([segment]).collect();
        let index = Index { segments, taken: BTreeMap::new() };
        let mut spool = Self {
            directory: directory.to_owned(),
            epoch,
            file,
            sequence: 0,
            pending: Vec::new(),
            present: leftover.present,
            alive,
            shared: Arc::new(Shared { index: Mutex::new(index) }),
            bytes_max: SPOOL_BYTES_MAX,
        };
        for joined in spool.present.clone().into_values() {
            let Some(participant) = joined.participant else { continue };
            let left = record::left(joined.room, participant, heard_ms, "edge-lost");
            if !spool.append(left.clone()) {
                spool.sync()?;
                anyhow::ensure!(spool.append(left), "there is room after a sync");
            }
        }
        spool.sync()?;
        Ok(spool)
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    pub(super) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// False when the fact is lost: the disk takes nothing, and what waits for it is at its limit.
    #[must_use]
    pub(super) fn append(&mut self, mut record: Record) -> bool {
        if self.pending.len() >= PENDING_BYTES_MAX {
            return false;
        }
        self.sequence += 1;
        // Its number is a part of its length.
        record.sequence = self.sequence;
        if prost::Message::encoded_len(&record) > RECORD_BYTES_MAX {
            record::shorten(&mut record);
        }
        spool::append(&record, &mut self.pending);
        segment::attend(&mut self.present, record);
        true
    }

    /// Writes what is pending and makes it durable; the senders see it then. Gives the end of what is durable and the facts
    /// that were lost because the spool is full.
    ///
    /// # Errors
    /// The disk takes nothing; what is pending stays so.
    pub(super) fn sync(&mut self) -> anyhow::Result<(Position, u64)> {
        let own = Position { epoch: self.epoch, sequence: self.sequence };
        if self.pending.is_empty() {
            return Ok((own, 0));
        }
        let durable = self.shared.index.lock().segments.back().map_or(0, |segment| segment.bytes);
        let written = self.file.write_all(&self.pending).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Part of it may stand in the file: it is taken back, or the next try would write it twice.
            let undone = self.file.set_len(durable).and_then(|()| self.file.seek(SeekFrom::Start(durable)));
            return Err(error).with_context(|| format!("writing facts (taken back: {})", undone.is_ok()));
        }
        let bytes = durable + self.pending.len() as u64;
        self.pending.clear();
        let (number, lost) = {
            let mut index = self.shared.index.lock();
            let lost = index.make_room(self.bytes_max);
            let segment = index.segments.back_mut().expect("the one being written is never deleted");
            (segment.last, segment.bytes) = (self.sequence, bytes);
            (segment.number, lost)
        };
        if bytes >= SEGMENT_BYTES_MAX && bytes >= self.carried_bytes() * 2 {
            let (segment, file) =
                segment::create(&self.directory, self.epoch, number + 1, self.sequence, &self.present)?;
            self.file = file;
            self.shared.index.lock().segments.push_back(segment);
        }
        Ok((own, lost))
    }

    /// Notes that this process is alive at `now_ms`; only while somebody is in, and nobody asks otherwise.
    ///
    /// # Errors
    /// The disk takes nothing.
    pub(super) fn beat(&self, now_ms: u64) -> std::io::Result<()> {
        if self.present.is_empty() {
            return Ok(());
        }
        let mut bytes = [0; ALIVE_BYTES];
        bytes[..8].copy_from_slice(&now_ms.to_le_bytes());
        bytes[8..].copy_from_slice(&crc32c::crc32c(&now_ms.to_le_bytes()).to_le_bytes());
        self.alive.write_all_at(&bytes, 0)?;
        self.alive.sync_data()
    }

    /// What a new segment would begin with: a segment is at least as long again, or it would be nothing but that.
    fn carried_bytes(&self) -> u64 {
        self.present.values().map(|record| prost::Message::encoded_len(record) as u64).sum()
    }
}

const ALIVE_BYTES: usize = 12;

fn read_alive(file: &File) -> Option<u64> {
    let mut bytes = [0; ALIVE_BYTES];
    file.read_exact_at(&mut bytes, 0).ok()?;
    let (time, crc) = bytes.split_first_chunk::<8>()?;
    (crc32c::crc32c(time).to_le_bytes() == crc).then(|| u64::from_le_bytes(*time))
}

impl Shared {
    /// Lets a sender take part: nothing after `from` is deleted before it took it.
    pub(super) fn enter(&self, sender: &str, from: Position) {
        self.index.lock().taken.insert(sender.to_owned(), from);
    }

    /// The facts after `position`, oldest first: at least one if there is any, at most `limit`.
    ///
    /// # Errors
    /// A segment cannot be read.
    pub(super) fn read(&self, position: Position, limit: usize) -> std::io::Result<Vec<(Position, Record)>> {
        let segments: Vec<Segment> = {
            let index = self.index.lock();
            index.segments.iter().filter(|segment| segment.end() > position).cloned().collect()
        };
        for segment in segments {
            match segment.read(position, limit) {
                // Damage may leave a segment without what it is said to have.
                Ok(facts) if facts.is_empty() => {}
                // It was deleted meanwhile, because the spool is full.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                other => return other,
            }
        }
        Ok(Vec::new())
    }

    /// `sender` took everything up to `position`. Deletes what nobody needs any more.
    pub(super) fn take(&self, sender: &str, position: Position) {
        let mut index = self.index.lock();
        index.taken.insert(sender.to_owned(), position);
        let Some(needed) = index.taken.values().min().copied() else { return };
        while index.segments.len() > 1 && index.segments[0].end() <= needed {
            index.drop_oldest();
        }
    }

    /// Facts `sender` has not taken yet.
    pub(super) fn waiting(&self, sender: &str) -> u64 {
        let index = self.index.lock();
        let taken = index.taken.get(sender).copied().unwrap_or_default();
        index.segments.iter().map(|segment| segment.facts_after(taken)).sum()
    }

    /// The newest durable fact.
    pub(super) fn end(&self) -> Position {
        self.index.lock().segments.back().map(Segment::end).unwrap_or_default()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.index.lock().segments.iter().map(|segment| segment.bytes).sum()
    }
}

impl Index {
    /// Deletes the oldest segments while all together are too long; the facts in them that the control plane had not got.
    fn make_room(&mut self, bytes_max: u64) -> u64 {
        let mut lost = 0;
        while self.segments.len() > 1 && self.segments.iter().map(|s| s.bytes).sum::<u64>() > bytes_max {
            let oldest = &self.segments[0];
            let taken = self.taken.get(CONTROL_PLANE).copied().unwrap_or_default();
            lost += oldest.facts_after(taken);
            self.drop_oldest();
        }
        lost
    }

    fn drop_oldest(&mut self) {
        let Some(segment) = self.segments.pop_front() else { return };
        if let Err(error) = std::fs::remove_file(&segment.path) {
            tracing::warn!(%error, path = %segment.path.display(), "a segment of facts that is done with stays on the disk");
        }
    }
}

#[cfg(test)]
#[path = "spool_tests.rs"]
mod tests;
