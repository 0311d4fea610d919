//! A class made up in memory: real encoded media, packetized as a browser does, written as journals.

#![allow(dead_code, reason = "each test file uses a part of the world")]

pub(crate) mod encoded;
pub(crate) mod packetize;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use control_plane_api::recording::Manifest;
use edge_wire::control::Codec;
use edge_wire::journal::{self, End, Entry, Packet, Record, Report, StreamClose, StreamOpen};
use edge_wire::model::{Track, TrackKind, TrackSource};
use origin_archive::{Archive, JournalId, Object};

/// 2025-11-20T21:00:00Z.
pub(crate) const START_MS: u64 = 1_763_672_400_000;

/// One stream of a publisher on its way into a journal.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) number: u32,
    pub(crate) participant: &'static str,
    pub(crate) track: &'static str,
    pub(crate) source: TrackSource,
    pub(crate) mime_type: &'static str,
    pub(crate) layer: u32,
    /// Network delay to the edge.
    pub(crate) delay_ms: u64,
    /// RTP clock error, parts per million.
    pub(crate) skew_ppm: i64,
    /// Publisher's wall clock less the edge's.
    pub(crate) ntp_offset_ms: i64,
    pub(crate) reports: bool,
    pub(crate) timestamp_base: u32,
}

impl Stream {
    pub(crate) fn new(number: u32, source: TrackSource, mime_type: &'static str) -> Self {
        Self {
            number,
            participant: "PA_teacher",
            track: if mime_type.starts_with("audio") { "TR_mic" } else { "TR_cam" },
            source,
            mime_type,
            layer: 0,
            delay_ms: 40,
            skew_ppm: 0,
            ntp_offset_ms: 7_000,
            reports: true,
            timestamp_base: 0xffff_0000_u32.wrapping_add(number * 7_919),
        }
    }

    fn is_audio(&self) -> bool {
        self.mime_type.starts_with("audio")
    }

    fn rate_hz(&self) -> i64 {
        if self.is_audio() { 48_000 } else { 90_000 }
    }

    pub(crate) fn open(&self) -> Entry {
        let kind = if self.is_audio() { TrackKind::Audio } else { TrackKind::Video };
        let track = Track {
            sid: self.track.into(),
            kind: kind.into(),
            source: self.source.into(),
            mime_type: self.mime_type.into(),
            ..Default::default()
        };
        let codec = Codec {
            mime_type: self.mime_type.into(),
            clock_rate_hz: self.rate_hz() as u32,
            channels: if self.is_audio() { 2 } else { 0 },
            fmtp: String::new(),
        };
        Entry::Open(StreamOpen {
            stream: self.number,
            track,
            participant_sid: self.participant.into(),
            identity: self.participant.to_lowercase(),
            name: "선생님".into(),
            layer: self.layer,
            codec,
        })
    }

    /// RTP timestamp of a moment of the class.
    pub(crate) fn timestamp(&self, us: i64) -> u32 {
        let ticks = us * self.rate_hz() / 1_000_000;
        self.timestamp_base.wrapping_add((ticks + ticks * self.skew_ppm / 1_000_000) as u32)
    }

    pub(crate) fn report(&self, us: i64) -> Entry {
        let ntp_us = START_MS as i64 * 1_000 + us + self.ntp_offset_ms * 1_000 + 2_208_988_800_000_000;
        let seconds = (ntp_us / 1_000_000) as u64;
        let fraction = ((ntp_us % 1_000_000) as u64) << 32;
        Entry::Report(Report {
            stream: self.number,
            ntp: (seconds << 32) | (fraction / 1_000_000),
            rtp_timestamp: self.timestamp(us),
        })
    }
}

/// Records of one journal, by time of arrival.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tape {
    records: Vec<(u64, Record)>,
}

impl Tape {
    pub(crate) fn push(&mut self, at_ms: u64, entry: Entry) {
        self.records.push((at_ms, Record { at_ms: START_MS + at_ms, entry: Some(entry) }));
    }

    pub(crate) fn open(&mut self, at_ms: u64, stream: &Stream) {
        self.push(at_ms, stream.open());
    }

    pub(crate) fn close(&mut self, at_ms: u64, stream: &Stream) {
        self.push(at_ms, Entry::Close(StreamClose { stream: stream.number }));
    }

    pub(crate) fn end(&mut self, at_ms: u64) {
        self.push(at_ms, Entry::End(End {}));
    }

    /// Writes frames captured at the given moments: `(class time in us, payloads)`. Reports come every second.
    pub(crate) fn publish(
        &mut self,
        stream: &Stream,
        frames: &[(i64, Vec<Vec<u8>>)],
        mut fate: impl FnMut(u64) -> Fate,
    ) {
        let (mut sequence, mut reported_us) = (u64::from(stream.number) * 1_000 + 65_000, i64::MIN);
        for (us, payloads) in frames {
            let at_ms = (*us / 1_000) as u64 + stream.delay_ms;
            for (index, payload) in payloads.iter().enumerate() {
                let marker = !stream.is_audio() && index + 1 == payloads.len();
                let rtp = rtp(sequence as u16, stream.timestamp(*us), marker, payload);
                let late_ms = match fate(sequence) {
                    Fate::Arrive => Some(0),
                    Fate::Late(ms) => Some(ms),
                    Fate::Lost => None,
                };
                sequence += 1;
                if let Some(late_ms) = late_ms {
                    let entry = Entry::Packet(Packet { stream: stream.number, rtp: rtp.into() });
                    self.push(at_ms + late_ms, entry);
                }
            }
            if stream.reports && us - reported_us.max(i64::MIN / 2) >= 1_000_000 {
                reported_us = *us;
                self.push(at_ms + 20, stream.report(*us));
            }
        }
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        let mut records = self.records.clone();
        records.sort_by_key(|(at_ms, _)| *at_ms);
        records.into_iter().map(|(_, record)| record).collect()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.records().iter().for_each(|record| journal::append(record, &mut bytes));
        bytes
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Arrive,
    Late(u64),
    Lost,
}

pub(crate) fn arrive(_: u64) -> Fate {
    Fate::Arrive
}

fn rtp(sequence: u16, timestamp: u32, marker: bool, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80, 96 | if marker { 0x80 } else { 0 }];
    bytes.extend_from_slice(&sequence.to_be_bytes());
    bytes.extend_from_slice(&timestamp.to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(payload);
    bytes
}

pub(crate) fn journal_id(node: &str) -> JournalId {
    JournalId { node_id: node.into(), epoch: START_MS }
}

/// Everything an archive has put, by path; immutable objects are never put twice with other bytes.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) objects: BTreeMap<String, Object>,
}

impl Store {
    pub(crate) fn drain(&mut self, archive: &mut Archive) {
        while let Some(object) = archive.poll_object() {
            let path = object.path.clone();
            if let Some(old) = self.objects.insert(path.clone(), object.clone())
                && object.lifetime == origin_archive::Lifetime::Immutable
            {
                assert_eq!(old.bytes, object.bytes, "{path} changed");
            }
        }
    }

    pub(crate) fn text(&self, path: &str) -> String {
        let object =
            self.objects.get(path).unwrap_or_else(|| panic!("{path} is not there: {:?}", self.paths()));
        String::from_utf8(object.bytes.to_vec()).expect("a text object is UTF-8")
    }

    pub(crate) fn paths(&self) -> Vec<&str> {
        self.objects.keys().map(String::as_str).collect()
    }

    pub(crate) fn manifest(&self) -> Manifest {
        serde_json::from_str(&self.text("class/RM_1/manifest.json")).expect("the manifest is its contract")
    }

    /// Writes the objects below a folder, for a player.
    pub(crate) fn write(&self, folder: &Path) {
        for (path, object) in &self.objects {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().expect("an object stands in a folder")).expect("a folder");
            std::fs::write(path, &object.bytes).expect("an object is written");
        }
    }
}

pub(crate) fn archive() -> Archive {
    Archive::new("class", "RM_1").expect("the names are plain")
}

/// Reads whole journals, one after the other in slices, and finishes.
pub(crate) fn replay(tapes: &[(&str, &Tape)]) -> Store {
    let (mut archive, mut store) = (archive(), Store::default());
    for (node, tape) in tapes {
        for (index, record) in tape.records().iter().enumerate() {
            archive.handle_record(&journal_id(node), record);
            if index % 500 == 0 {
                store.drain(&mut archive);
            }
        }
    }
    assert!(archive.is_over(), "every journal has its end");
    archive.finish();
    store.drain(&mut archive);
    store
}

/// Runs a tool and answers its output; anything on stderr fails the test.
pub(crate) fn silent(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; install ffmpeg"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.trim().is_empty(), "{command:?} says: {stderr}");
    String::from_utf8(output.stdout).expect("a tool prints UTF-8")
}

/// Decodes everything in a file or playlist; a complaint of the decoder fails the test.
pub(crate) fn decode(path: &Path) {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-allowed_extensions", "ALL", "-i"]);
    if path.extension().is_none_or(|extension| extension != "m3u8") {
        command = Command::new("ffmpeg");
        command.args(["-v", "error", "-i"]);
    }
    silent(command.arg(path).args(["-map", "0", "-f", "null", "-"]));
}

/// Decodes a media playlist run by run: init segment and the segments that follow it as one file. (The HLS reader of
/// ffmpeg keeps the first init segment for ever.) Answers how many frames the runs have.
pub(crate) fn decode_runs(playlist: &Path) -> usize {
    let text = std::fs::read_to_string(playlist).expect("a playlist");
    let folder = playlist.parent().expect("a folder");
    let read =
        |name: &str| std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut runs: Vec<Vec<u8>> = Vec::new();
    for line in text.lines() {
        if let Some(map) = line.strip_prefix("#EXT-X-MAP:URI=\"") {
            runs.push(read(map.trim_end_matches('"')));
        } else if !line.starts_with('#') {
            runs.last_mut().expect("a map comes first").extend(read(line));
        }
    }
    let mut frames = 0;
    for run in runs {
        let file = folder.join("run.mp4");
        std::fs::write(&file, run).expect("a run");
        decode(&file);
        frames += times(&file, "v").len();
    }
    frames
}

/// Presentation times of the packets of one kind (`v` or `a`), in seconds.
pub(crate) fn times(path: &Path, kind: &str) -> Vec<f64> {
    let mut command = Command::new("ffprobe");
    command.args([
        "-v",
        "error",
        "-select_streams",
        kind,
        "-show_entries",
        "packet=pts_time",
        "-of",
        "csv=p=0",
    ]);
    let out = silent(command.arg(path));
    out.lines().filter_map(|line| line.trim_end_matches(',').parse().ok()).collect()
}
