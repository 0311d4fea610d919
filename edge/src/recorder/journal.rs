//! Journal files on the edge: `{room sid}-{epoch}.journal`, with a `.json` beside it that says whose it is.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use edge_wire::journal::{End, Entry, Read, Record, append, read};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{Opened, Progress};
use crate::metrics::Metrics;

/// Bytes of one journal that wait for a disk that takes none; half a minute of a busy class. When full, records are dropped
/// and counted.
const PENDING_BYTES_MAX: usize = 64 << 20;

/// Whose journal it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub(crate) room: String,
    pub(crate) room_sid: String,
    pub(crate) node_id: String,
    pub(crate) epoch: u64,
}

pub(super) struct Journal {
    file: File,
    pending: Vec<u8>,
    /// Bytes written to the file.
    length: u64,
    dirty: bool,
    /// The last write did not succeed; said once.
    failing: bool,
    progress: watch::Sender<Progress>,
}

impl Journal {
    pub(super) fn create(
        directory: &Path,
        room: &str,
        room_sid: &str,
        node_id: &str,
        epoch: u64,
    ) -> anyhow::Result<(Self, Opened)> {
        let meta = Meta { room: room.into(), room_sid: room_sid.into(), node_id: node_id.into(), epoch };
        // Sids are made of letters, digits and `_`; anything else would be a path from outside.
        let safe = room_sid.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        anyhow::ensure!(safe && !room_sid.is_empty(), "room sid {room_sid:?} is not a file name");
        let path = directory.join(format!("{room_sid}-{epoch}.journal"));
        let mut beside = File::create(path.with_extension("json"))?;
        beside.write_all(&serde_json::to_vec(&meta)?)?;
        beside.sync_all()?;
        let file = File::create_new(&path).with_context(|| format!("journal {}", path.display()))?;
        File::open(directory)?.sync_all()?;
        let (progress, receiver) = watch::channel(Progress::default());
        let journal = Self { file, pending: Vec::new(), length: 0, dirty: false, failing: false, progress };
        Ok((journal, Opened { path, meta, progress: receiver }))
    }

    /// False when the record is dropped: the disk takes nothing, and what waits for it is at its limit.
    #[must_use]
    pub(super) fn append(&mut self, record: &Record) -> bool {
        if self.pending.len() >= PENDING_BYTES_MAX {
            return false;
        }
        append(record, &mut self.pending);
        true
    }

    /// Writes what is pending; `sync` makes it durable, `last` says that nothing follows.
    pub(super) fn write(&mut self, sync: bool, last: bool, metrics: &Metrics) {
        if !self.pending.is_empty() {
            if let Err(error) = self.file.write_all(&self.pending) {
                // Part of it may stand in the file: it is taken back, or the next try would write it twice.
                let sound = self.length;
                let undone = self.file.set_len(sound).and_then(|()| self.file.seek(SeekFrom::Start(sound)));
                if self.failing {
                    return;
                }
                self.failing = true;
                metrics.recorder_lost.inc();
                tracing::error!(%error, undone = undone.is_ok(), "the recording journal cannot be written; is the disk full?");
                return;
            }
            self.length += self.pending.len() as u64;
            self.pending.clear();
            self.failing = false;
            self.dirty = true;
        }
        if sync && self.dirty {
            // What is not durable here is not shipped: after a crash of the machine the origin would hold more than the edge,
            // and the two could never agree again.
            match self.file.sync_data() {
                Ok(()) => {
                    self.dirty = false;
                    self.progress.send_modify(|progress| progress.length = self.length);
                }
                Err(error) => tracing::error!(%error, "the recording journal cannot be synced"),
            }
        }
        if last {
            self.progress.send_modify(|progress| progress.ended = true);
        }
    }
}

/// Journals of an earlier life of this edge: cut at the first damaged record, closed by an `End`, ready to upload.
pub(super) fn recover(directory: &Path) -> anyhow::Result<Vec<Opened>> {
    let mut journals = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "journal") {
            match close(&path) {
                Ok(opened) => journals.push(opened),
                Err(error) => tracing::warn!(path = %path.display(), %error, "a journal is left where it is"),
            }
        }
    }
    journals.sort_by_key(|journal| journal.meta.epoch);
    Ok(journals)
}

fn close(path: &PathBuf) -> anyhow::Result<Opened> {
    let meta: Meta = serde_json::from_slice(&std::fs::read(path.with_extension("json"))?)?;
    let bytes = std::fs::read(path)?;
    let (sound, ended) = scan(&bytes);
    let mut end = Vec::new();
    if !ended {
        append(&Record { at_ms: crate::clock::now_ms(), entry: Some(Entry::End(End {})) }, &mut end);
    }
    let mut file = File::options().write(true).open(path)?;
    file.set_len(sound as u64)?;
    file.seek(SeekFrom::End(0))?;
    file.write_all(&end)?;
    file.sync_all()?;
    let progress = Progress { length: (sound + end.len()) as u64, ended: true };
    Ok(Opened { path: path.clone(), meta, progress: watch::channel(progress).1 })
}

/// Length of the sound prefix, and whether it ends with an `End`.
fn scan(bytes: &[u8]) -> (usize, bool) {
    let mut at = 0;
    let mut ended = false;
    while let Read::Record(record, length) = read(&bytes[at..]) {
        at += length;
        ended = matches!(record.entry, Some(Entry::End(_)));
    }
    (at, ended)
}

#[cfg(test)]
mod tests {
    use edge_wire::journal::Event;

    use super::*;

    #[test]
    fn a_full_disk_costs_records_but_neither_memory_nor_the_journal() {
        let directory = tempfile::tempdir().expect("a directory");
        let metrics = Metrics::default();
        let (mut journal, opened) =
            Journal::create(directory.path(), "class", "RM_x", "edge-a", 1).expect("made");
        let record = Record {
            at_ms: 1,
            entry: Some(Entry::Event(Event { kind: "chat".into(), json: "x".repeat(50_000) })),
        };
        assert!(journal.append(&record));
        journal.write(true, false, &metrics);
        let sound = opened.progress.borrow().length;
        // A file that cannot be written stands for the full disk.
        let writable = std::mem::replace(&mut journal.file, File::open(&opened.path).expect("opens"));
        let kept = (0..10_000).take_while(|_| journal.append(&record)).count();
        assert!((1_000..2_000).contains(&kept), "{kept} records of 50 kB wait");
        journal.write(true, false, &metrics);
        journal.write(true, false, &metrics);
        assert_eq!((opened.progress.borrow().length, metrics.recorder_lost.get()), (sound, 1));
        journal.file = writable;
        journal.write(true, true, &metrics);
        let bytes = std::fs::read(&opened.path).expect("the file");
        assert_eq!(scan(&bytes).0, bytes.len(), "every record is whole");
        assert_eq!(*opened.progress.borrow(), Progress { length: bytes.len() as u64, ended: true });
        assert_eq!(bytes.len() as u64, sound * (kept as u64 + 1));
    }
}
