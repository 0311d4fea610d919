//! The recorder: a subscriber whose screen is a disk.
//!
//! Packets come from the media thread and entries from the rooms, through one bounded queue, to one thread that appends
//! them to a journal for each room ([`journal`]) and syncs them at least every [`SYNC_INTERVAL`]. [`upload`] carries the
//! journals to the origin; a journal's file is deleted only when the origin says all of it is durable there.

mod journal;
mod upload;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use bytes::Bytes;
use edge_wire::journal::{Entry, Packet, Record};

use crate::metrics::Metrics;
use journal::Journal;
pub(crate) use upload::{Origin, Uploader};

/// Messages waiting for the disk: about 10 s of a busy class. When full, packets are dropped and counted, entries wait.
pub(crate) const QUEUE_MAX: usize = 32_768;
/// What a crash of the machine may cost; a crash of the process alone costs nothing that was written.
const SYNC_INTERVAL: Duration = Duration::from_millis(500);

pub(crate) enum Input {
    Entry { room: String, room_sid: String, at_ms: u64, entry: Box<Entry> },
    Packet { flow: u64, at_ms: u64, rtp: Bytes },
}

/// A journal as the uploader sees it.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub(crate) path: PathBuf,
    pub(crate) meta: journal::Meta,
    pub(crate) progress: tokio::sync::watch::Receiver<Progress>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Bytes in the file.
    pub(crate) length: u64,
    /// Nothing follows.
    pub(crate) ended: bool,
}

/// Starts the thread. Journals of an earlier life of this edge are closed and handed to the uploader first.
///
/// # Errors
/// The directory cannot be made or read.
pub(crate) fn start(
    directory: PathBuf,
    node_id: &str,
    epoch: u64,
    opened: tokio::sync::mpsc::UnboundedSender<Opened>,
    metrics: Metrics,
) -> anyhow::Result<SyncSender<Input>> {
    std::fs::create_dir_all(&directory)?;
    for journal in journal::recover(&directory)? {
        tracing::info!(room_sid = %journal.meta.room_sid, bytes = journal.progress.borrow().length, "a journal of an earlier run goes on to the origin");
        let _ = opened.send(journal);
    }
    let (sender, receiver) = std::sync::mpsc::sync_channel(QUEUE_MAX);
    let mut recorder = Recorder {
        directory,
        node_id: node_id.to_owned(),
        epoch,
        opened,
        metrics,
        journals: BTreeMap::new(),
        flows: BTreeMap::new(),
        synced_at: Instant::now(),
    };
    std::thread::Builder::new().name("recorder".into()).spawn(move || recorder.run(&receiver))?;
    Ok(sender)
}

struct Recorder {
    directory: PathBuf,
    node_id: String,
    /// Epoch of the next journal, at least.
    epoch: u64,
    opened: tokio::sync::mpsc::UnboundedSender<Opened>,
    metrics: Metrics,
    /// By room sid.
    journals: BTreeMap<String, Journal>,
    /// Recorder flow to room sid.
    flows: BTreeMap<u64, String>,
    synced_at: Instant,
}

impl Recorder {
    fn run(&mut self, inputs: &Receiver<Input>) {
        loop {
            match inputs.recv_timeout(SYNC_INTERVAL) {
                Ok(input) => {
                    self.take(input);
                    // Everything that waits goes into the same write.
                    while let Ok(input) = inputs.try_recv() {
                        self.take(input);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.write(true);
                    return;
                }
            }
            self.write(false);
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Packet { flow, at_ms, rtp } => {
                let Some(journal) = self.flows.get(&flow).and_then(|sid| self.journals.get_mut(sid)) else {
                    self.metrics.recorder_lost.inc();
                    return;
                };
                let Ok(stream) = u32::try_from(flow) else { return };
                if !journal.append(&Record { at_ms, entry: Some(Entry::Packet(Packet { stream, rtp })) }) {
                    self.metrics.recorder_lost.inc();
                }
            }
            Input::Entry { room, room_sid, at_ms, entry } => self.entry(&room, &room_sid, at_ms, *entry),
        }
    }

    fn entry(&mut self, room: &str, room_sid: &str, at_ms: u64, entry: Entry) {
        let ends = matches!(entry, Entry::End(_));
        if !self.journals.contains_key(room_sid) {
            if ends {
                return;
            }
            // A room that closed and opened again within one life of the edge starts another journal.
            // Its epoch is another even when the clock was set back or stands still.
            let epoch = self.epoch.max(at_ms);
            self.epoch = epoch + 1;
            match Journal::create(&self.directory, room, room_sid, &self.node_id, epoch) {
                Ok((journal, opened)) => {
                    let _ = self.opened.send(opened);
                    self.journals.insert(room_sid.to_owned(), journal);
                }
                Err(error) => {
                    self.metrics.recorder_lost.inc();
                    tracing::error!(%error, room_sid, "the recording journal cannot be created; the class is not recorded");
                    return;
                }
            }
        }
        match &entry {
            Entry::Open(open) => {
                self.flows.insert(u64::from(open.stream), room_sid.to_owned());
            }
            Entry::Close(close) => {
                self.flows.remove(&u64::from(close.stream));
            }
            Entry::Packet(_) | Entry::Report(_) | Entry::Event(_) | Entry::End(_) => {}
        }
        if let Some(journal) = self.journals.get_mut(room_sid) {
            let kept = journal.append(&Record { at_ms, entry: Some(entry) });
            self.metrics.recorder_lost.inc_by(u64::from(!kept));
        }
        if ends && let Some(mut journal) = self.journals.remove(room_sid) {
            self.flows.retain(|_, sid| sid != room_sid);
            journal.write(true, true, &self.metrics);
        }
    }

    fn write(&mut self, last: bool) {
        let sync = last || self.synced_at.elapsed() >= SYNC_INTERVAL;
        for journal in self.journals.values_mut() {
            journal.write(sync, last, &self.metrics);
        }
        if sync {
            self.synced_at = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use edge_wire::journal::{End, Event, Read, read};

    use super::*;

    fn event(kind: &str) -> Entry {
        Entry::Event(Event { kind: kind.into(), json: "{}".into() })
    }

    fn kinds(bytes: &[u8]) -> Vec<String> {
        let mut at = 0;
        let mut kinds = Vec::new();
        while let Read::Record(record, length) = read(&bytes[at..]) {
            at += length;
            kinds.push(match record.entry {
                Some(Entry::Event(event)) => event.kind,
                Some(Entry::End(_)) => "end".into(),
                _ => "other".into(),
            });
        }
        kinds
    }

    #[test]
    fn a_journal_of_a_killed_edge_is_cut_at_the_damage_and_closed() {
        let directory = tempfile::tempdir().expect("a directory");
        let (opened, mut journals) = tokio::sync::mpsc::unbounded_channel();
        let sender = start(directory.path().into(), "edge-a", 1, opened, Metrics::default()).expect("starts");
        let say = |entry| {
            sender
                .send(Input::Entry {
                    room: "c".into(),
                    room_sid: "RM_x".into(),
                    at_ms: 5,
                    entry: Box::new(entry),
                })
                .expect("alive");
        };
        say(event("join"));
        say(event("leave"));
        drop(sender);
        let first = journals.blocking_recv().expect("a journal");
        // The thread's last write happens after the queue closed; the channel closes after it.
        assert!(journals.blocking_recv().is_none());
        let mut bytes = std::fs::read(&first.path).expect("the file");
        assert_eq!(kinds(&bytes), ["join", "leave"]);
        bytes.truncate(bytes.len() - 3);
        std::fs::write(&first.path, &bytes).expect("damaged");

        let (opened, mut journals) = tokio::sync::mpsc::unbounded_channel();
        let _sender =
            start(directory.path().into(), "edge-a", 2, opened, Metrics::default()).expect("starts again");
        let again = journals.blocking_recv().expect("the same journal");
        assert!(again.progress.borrow().ended);
        assert_eq!(kinds(&std::fs::read(&again.path).expect("the file")), ["join", "end"]);
        assert_eq!(again.meta, first.meta);
        let _ = End {};
    }
}
