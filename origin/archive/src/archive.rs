//! One recording: journals in, objects out.

use std::collections::{BTreeMap, VecDeque};

use control_plane_api::recording::{Manifest, Recording, RecordingState};
use edge_wire::journal::{Entry, Record};

use crate::handover;
use crate::journal::{Journal, JournalId, Stats};
use crate::object::{Lifetime, NameError, Object, Output, content_type, path_component};
use crate::timeline::Timeline;

/// Journals of one recording: one per edge, and one more each time an edge restarts. Further ones are not read.
const JOURNALS_MAX: usize = 256;
/// Version of the manifest's shape.
const MANIFEST_VERSION: u32 = 1;

/// The recording of one life of a room.
///
/// Run loop: [`Archive::handle_record`] for each record of each journal, in the journal's order; the order between
/// journals has no effect on any object. After a batch, [`Archive::poll_object`] until `None`. There is no timeout to
/// poll: the time of a journal is that of its records, so the same bytes give the same objects on every reading.
/// When [`Archive::is_over`], or when the shell has waited long enough for the rest, [`Archive::finish`], then poll once more.
#[derive(Debug)]
pub struct Archive {
    room: String,
    room_sid: String,
    folder: String,
    journals: BTreeMap<JournalId, Journal>,
    timeline: Timeline,
    out: Output,
    changing: VecDeque<Object>,
    finished: bool,
    /// The manifest no longer says what is true.
    dirty: bool,
    stats: Stats,
}

impl Archive {
    /// # Errors
    /// The names cannot be made into a path.
    pub fn new(room: &str, room_sid: &str) -> Result<Self, NameError> {
        Ok(Self {
            room: room.to_owned(),
            room_sid: room_sid.to_owned(),
            folder: folder(room, room_sid)?,
            journals: BTreeMap::new(),
            timeline: Timeline::default(),
            out: Output::default(),
            changing: VecDeque::new(),
            finished: false,
            dirty: false,
            stats: Stats::default(),
        })
    }

    /// Takes the next record of a journal. Records after the end of a journal or the finish are dropped.
    pub fn handle_record(&mut self, id: &JournalId, record: &Record) {
        if self.finished || (!self.journals.contains_key(id) && self.journals.len() >= JOURNALS_MAX) {
            return;
        }
        let Self { journals, out, stats, timeline, folder, .. } = self;
        let journal = journals.entry(id.clone()).or_insert_with(|| Journal::new(id, record.at_ms));
        if journal.ended {
            return;
        }
        journal.handle_record(record, folder, stats, out);
        self.dirty |= match &record.entry {
            Some(Entry::Event(event)) => timeline.handle_event(record.at_ms, event),
            Some(Entry::Open(open)) => timeline.handle_open(record.at_ms, open),
            Some(Entry::End(_)) => true,
            _ => false,
        };
    }

    /// Every journal heard of has ended. More may still open.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !self.journals.is_empty() && self.journals.values().all(|journal| journal.ended)
    }

    /// Ends the recording with what there is. Segments cut by this and not by a journal carry their checksum in the
    /// name: a later reading of longer journals cuts elsewhere and must not meet them.
    pub fn finish(&mut self) {
        self.out.forced = true;
        for journal in self.journals.values_mut().filter(|journal| !journal.ended) {
            journal.flush(&mut self.out);
        }
        self.finished = true;
        self.dirty = true;
    }

    /// The next immutable object.
    pub fn poll_segment(&mut self) -> Option<Object> {
        self.out.segments.pop_front()
    }

    /// The next object: segments first, then playlists, timeline and manifest, so that nothing names what is not there.
    pub fn poll_object(&mut self) -> Option<Object> {
        if let Some(object) = self.poll_segment() {
            return Some(object);
        }
        if self.changing.is_empty() {
            self.collect_changing();
        }
        self.changing.pop_front()
    }

    /// What the store says of this recording.
    #[must_use]
    pub fn recording(&mut self) -> Recording {
        Recording {
            room: self.room.clone(),
            room_sid: self.room_sid.clone(),
            state: self.state(),
            manifest: format!("/{}/manifest.json", self.folder),
            started_at_ms: self.started_at_ms(),
            duration_ms: self.duration_ms(),
        }
    }

    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    fn collect_changing(&mut self) {
        for journal in self.journals.values_mut() {
            for presentation in journal.participants().flat_map(|participant| participant.presentations()) {
                self.changing.extend(presentation.take_playlists());
            }
        }
        self.dirty |= !self.changing.is_empty();
        if !std::mem::take(&mut self.dirty) {
            return;
        }
        let started_at_ms = self.started_at_ms();
        if let Some(text) = self.timeline.take_json(started_at_ms) {
            self.put("timeline.json", text);
        }
        let manifest = self.manifest();
        let text = serde_json::to_string(&manifest).expect("a manifest has string keys only");
        self.put("manifest.json", text);
    }

    fn put(&mut self, name: &str, text: String) {
        let path = format!("{}/{name}", self.folder);
        let content_type = content_type(&path);
        self.changing.push_back(Object {
            path,
            bytes: text.into(),
            content_type,
            lifetime: Lifetime::Changing,
        });
    }

    fn manifest(&mut self) -> Manifest {
        let class_start_us = self.started_at_ms().cast_signed() * 1_000;
        let state = self.state();
        let mut entries = Vec::new();
        for (journal, content) in self.journals.values_mut().enumerate() {
            let presentations =
                content.participants().flat_map(|participant| participant.presentations().iter());
            let described = presentations.filter_map(|one| {
                let whole_from_ms = ((one.whole_from_us() - class_start_us) / 1_000).max(0).cast_unsigned();
                Some(handover::Entry { journal, whole_from_ms, described: one.describe(class_start_us)? })
            });
            entries.extend(described);
        }
        let presentations = handover::in_turn(entries);
        Manifest {
            version: MANIFEST_VERSION,
            room: self.room.clone(),
            room_sid: self.room_sid.clone(),
            state,
            started_at_ms: self.started_at_ms(),
            duration_ms: self.duration_ms(),
            presentations,
            timeline: "timeline.json".into(),
        }
    }

    fn state(&mut self) -> RecordingState {
        if !self.finished {
            return RecordingState::Live;
        }
        let cut_short = !self.is_over();
        let mut participants = self.journals.values_mut().flat_map(Journal::participants);
        let gaps =
            participants.any(|participant| participant.presentations().iter().any(|one| one.is_partial()));
        if cut_short || gaps { RecordingState::Partial } else { RecordingState::Complete }
    }

    fn started_at_ms(&self) -> u64 {
        self.journals.values().map(|journal| journal.started_at_ms).min().unwrap_or(0)
    }

    fn duration_ms(&self) -> u64 {
        let end_ms = self.journals.values().map(|journal| journal.now_ms).max().unwrap_or(0);
        end_ms - self.started_at_ms()
    }
}

/// Folder of a recording in the object store: `{room}/{room_sid}`.
///
/// # Errors
/// The names cannot be made into a path.
pub fn folder(room: &str, room_sid: &str) -> Result<String, NameError> {
    Ok(format!("{}/{}", path_component(room)?, path_component(room_sid)?))
}
