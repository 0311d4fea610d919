//! Journal files on the edge: `{room sid}-{epoch}.journal`, with a `.json` beside it that says whose it is.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use edge_wire::journal::{End, Entry, Read, Record, append, read};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{Opened, Progress};
use crate::metrics::Metrics;

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
    dirty: bool,
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
        std::fs::write(path.with_extension("json"), serde_json::to_vec(&meta)?)?;
        let file = File::create_new(&path).with_context(|| format!("journal {}", path.display()))?;
        File::open(directory)?.sync_all()?;
        let (progress, receiver) = watch::channel(Progress::default());
        let journal = Self { file, pending: Vec::new(), dirty: false, progress };
        Ok((journal, Opened { path, meta, progress: receiver }))
    }

    pub(super) fn append(&mut self, record: &Record) {
        append(record, &mut self.pending);
    }

    /// Writes what is pending; `sync` makes it durable, `last` says that nothing follows.
    pub(super) fn write(&mut self, sync: bool, last: bool, metrics: &Metrics) {
        if !self.pending.is_empty() {
            if let Err(error) = self.file.write_all(&self.pending) {
                metrics.recorder_lost.inc();
                tracing::error!(%error, "the recording journal cannot be written; is the disk full?");
                return;
            }
            let written = self.pending.len() as u64;
            self.pending.clear();
            self.dirty = true;
            self.progress.send_modify(|progress| progress.length += written);
        }
        if sync && self.dirty {
            if let Err(error) = self.file.sync_data() {
                tracing::error!(%error, "the recording journal cannot be synced");
            }
            self.dirty = false;
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
    std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0))?;
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
