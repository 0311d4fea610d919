//! One journal being read: which stream belongs to whom, and what time it is there.

use std::collections::BTreeMap;

use edge_wire::journal::{Entry, Record, StreamOpen};

use crate::object::Output;
use crate::participant::Participant;
use crate::rtp;

/// Streams one journal may open: a class of 500 that all republish a few times. Further ones are not recorded.
const STREAMS_MAX: usize = 16_384;
/// Participants of one journal. Further ones are not recorded.
const PARTICIPANTS_MAX: usize = 4_096;
/// The year 3000: a later clock is a broken one, and arithmetic on it would overflow.
const AT_MS_MAX: u64 = 32_503_680_000_000;
/// Frames are settled this often, in journal time, so that the same records always give the same cuts.
const TICK_MS: u64 = 100;

/// A journal's name: the node that wrote it and when it began.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JournalId {
    pub node_id: String,
    /// Milliseconds since the Unix epoch.
    pub epoch: u64,
}

impl JournalId {
    /// Short and the same for ever: ids of what this journal gives carry it.
    fn tag(&self) -> String {
        format!("{:08x}", crc32c::crc32c(format!("{}/{}", self.node_id, self.epoch).as_bytes()))
    }
}

/// What went in and what was wrong with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub records: u64,
    pub packets: u64,
    /// Packets that are not RTP or belong to no stream.
    pub packets_refused: u64,
    /// Streams whose codec cannot be packaged, that are encrypted end to end, or beyond a limit.
    pub streams_refused: u64,
}

#[derive(Debug)]
pub(crate) struct Journal {
    tag: String,
    pub(crate) started_at_ms: u64,
    pub(crate) now_ms: u64,
    pub(crate) ended: bool,
    ticked_ms: u64,
    /// Participant sid by stream number.
    streams: BTreeMap<u32, String>,
    participants: BTreeMap<String, Participant>,
}

impl Journal {
    pub(crate) fn new(id: &JournalId, at_ms: u64) -> Self {
        let at_ms = at_ms.min(AT_MS_MAX);
        Self {
            tag: id.tag(),
            started_at_ms: at_ms,
            now_ms: at_ms,
            ended: false,
            ticked_ms: at_ms,
            streams: BTreeMap::new(),
            participants: BTreeMap::new(),
        }
    }

    /// Takes everything but events, which belong to the class as a whole.
    pub(crate) fn handle_record(
        &mut self,
        record: &Record,
        folder: &str,
        stats: &mut Stats,
        out: &mut Output,
    ) {
        stats.records += 1;
        self.now_ms = self.now_ms.max(record.at_ms.min(AT_MS_MAX));
        let now_ms = self.now_ms;
        match &record.entry {
            Some(Entry::Open(open)) => {
                if !self.handle_open(open, folder) {
                    stats.streams_refused += 1;
                }
            }
            Some(Entry::Packet(packet)) => {
                stats.packets += 1;
                match (self.participant(packet.stream), rtp::parse(&packet.rtp)) {
                    (Some(participant), Ok(rtp)) => participant.handle_packet(packet.stream, rtp, now_ms),
                    _ => stats.packets_refused += 1,
                }
            }
            Some(Entry::Report(report)) => {
                if let Some(participant) = self.participant(report.stream) {
                    participant.handle_report(report, now_ms);
                }
            }
            Some(Entry::Close(close)) => {
                if let Some(participant) = self.participant(close.stream) {
                    participant.handle_close(close.stream, now_ms);
                }
                self.streams.remove(&close.stream);
            }
            Some(Entry::End(_)) => self.handle_end(out),
            Some(Entry::Event(_)) | None => {}
        }
        if now_ms - self.ticked_ms >= TICK_MS {
            self.tick(false, out);
        }
    }

    /// Nothing follows in this journal.
    pub(crate) fn handle_end(&mut self, out: &mut Output) {
        self.ended = true;
        self.tick(true, out);
    }

    /// Gives out what there is, though more may come.
    pub(crate) fn flush(&mut self, out: &mut Output) {
        self.tick(true, out);
    }

    pub(crate) fn participants(&mut self) -> impl Iterator<Item = &mut Participant> {
        self.participants.values_mut()
    }

    fn participant(&mut self, stream: u32) -> Option<&mut Participant> {
        self.participants.get_mut(self.streams.get(&stream)?)
    }

    fn handle_open(&mut self, open: &StreamOpen, folder: &str) -> bool {
        let known = self.participants.contains_key(&open.participant_sid);
        if self.streams.len() >= STREAMS_MAX || (!known && self.participants.len() >= PARTICIPANTS_MAX) {
            return false;
        }
        // A payload only the students can read gives no picture here.
        if open.track.encryption != 0 || self.streams.contains_key(&open.stream) {
            return false;
        }
        let new = || Participant::new(folder, &self.tag, open);
        let participant = self.participants.entry(open.participant_sid.clone()).or_insert_with(new);
        let opened = participant.handle_open(open, self.now_ms.cast_signed() * 1_000);
        if opened {
            self.streams.insert(open.stream, open.participant_sid.clone());
        }
        opened
    }

    fn tick(&mut self, flush: bool, out: &mut Output) {
        self.ticked_ms = self.now_ms;
        for participant in self.participants.values_mut().filter(|participant| !participant.is_idle()) {
            participant.handle_tick(self.now_ms, flush, out);
        }
    }
}
