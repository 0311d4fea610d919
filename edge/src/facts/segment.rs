//! Files of the spool: `{epoch}-{number}.facts`, each a run of [`edge_wire::spool`] records.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use edge_wire::spool::{self, Kind, Read, Record};

use super::Position;

/// One file, as far as it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) epoch: u64,
    pub(super) number: u64,
    pub(super) path: PathBuf,
    /// Sequence of the last fact before the first one in it.
    pub(super) before: u64,
    /// Sequence of the last fact in it; `before` when there is none.
    pub(super) last: u64,
    pub(super) bytes: u64,
}

impl Segment {
    pub(super) fn end(&self) -> Position {
        Position { epoch: self.epoch, sequence: self.last }
    }

    /// Facts in it that come after `position`.
    pub(super) fn facts_after(&self, position: Position) -> u64 {
        let behind = if position.epoch == self.epoch { position.sequence } else { 0 };
        if self.end() <= position { 0 } else { self.last - self.before.max(behind) }
    }

    /// Its facts after `position`, at most `limit`.
    pub(super) fn read(&self, position: Position, limit: usize) -> std::io::Result<Vec<(Position, Record)>> {
        let bytes = std::fs::read(&self.path)?;
        let durable = usize::try_from(self.bytes).unwrap_or(usize::MAX).min(bytes.len());
        let facts = Records { bytes: &bytes[..durable], read: 0 }
            .filter(|record| record.sequence > 0)
            .map(|record| (Position { epoch: self.epoch, sequence: record.sequence }, record));
        Ok(facts.filter(|(at, _)| *at > position).take(limit).collect())
    }
}

/// The sound records of a segment, in order; [`Self::read`] is their length.
pub(super) struct Records<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) read: usize,
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let Read::Record(record, length) = spool::read(self.bytes.get(self.read..)?) else { return None };
        self.read += length;
        Some(*record)
    }
}

/// A new segment with the records of those who are in. It appears whole or not at all.
pub(super) fn create(
    directory: &Path,
    epoch: u64,
    number: u64,
    before: u64,
    present: &BTreeMap<String, Record>,
) -> anyhow::Result<(Segment, File)> {
    let path = directory.join(format!("{epoch}-{number}.facts"));
    let what = || format!("segment {}", path.display());
    let mut bytes = Vec::new();
    for record in present.values() {
        let record = Record { sequence: 0, kind: Kind::Present as i32, ..record.clone() };
        spool::append(&record, &mut bytes);
    }
    let unfinished = path.with_extension("new");
    let mut file = File::create(&unfinished).with_context(what)?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).with_context(what)?;
    std::fs::rename(&unfinished, &path).with_context(what)?;
    File::open(directory).and_then(|directory| directory.sync_all()).with_context(what)?;
    let segment = Segment { epoch, number, path, before, last: before, bytes: bytes.len() as u64 };
    Ok((segment, file))
}

/// What earlier processes left.
#[derive(Default)]
pub(super) struct Leftover {
    pub(super) segments: Vec<Segment>,
    /// Those who joined and did not leave, by participant sid: the records of their joins.
    pub(super) present: BTreeMap<String, Record>,
    /// Of the newest fact.
    pub(super) at_ms: u64,
    /// Newest epoch.
    pub(super) epoch: u64,
}

/// Reads all segments; what follows a damaged record in one is cut off.
pub(super) fn recover(directory: &Path) -> anyhow::Result<Leftover> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "new") {
            std::fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
        } else if let Some(name) = name_of(&path) {
            found.push((name, path));
        }
    }
    found.sort();
    let mut leftover = Leftover::default();
    for ((epoch, number), path) in found {
        let segment = replay(epoch, number, &path, &mut leftover)
            .with_context(|| format!("reading segment {}", path.display()))?;
        leftover.epoch = epoch;
        leftover.segments.push(segment);
    }
    Ok(leftover)
}

fn replay(epoch: u64, number: u64, path: &Path, leftover: &mut Leftover) -> anyhow::Result<Segment> {
    let bytes = std::fs::read(path)?;
    let (mut before, mut last) = (None, 0);
    // The segment says itself who was in when it began.
    leftover.present.clear();
    let mut records = Records { bytes: &bytes, read: 0 };
    for record in records.by_ref() {
        if record.sequence > 0 {
            before.get_or_insert(record.sequence - 1);
            last = record.sequence;
            leftover.at_ms = leftover.at_ms.max(record.at_ms);
        }
        attend(&mut leftover.present, record);
    }
    let sound = records.read;
    if sound < bytes.len() {
        tracing::warn!(path = %path.display(), bytes = bytes.len() - sound, "a segment of facts ends in damaged bytes; they are cut off");
        let file = File::options().write(true).open(path)?;
        file.set_len(sound as u64)?;
        file.sync_all()?;
    }
    let before = before.unwrap_or(0);
    Ok(Segment { epoch, number, path: path.to_owned(), before, last, bytes: sound as u64 })
}

/// Keeps account of who is in.
pub(super) fn attend(present: &mut BTreeMap<String, Record>, record: Record) {
    let Some(sid) = record.participant.as_ref().map(|participant| participant.sid.clone()) else { return };
    match Kind::try_from(record.kind) {
        Ok(Kind::ParticipantJoined | Kind::ParticipantArrived | Kind::Present) => {
            present.insert(sid, record);
        }
        Ok(Kind::ParticipantLeft | Kind::ParticipantDeparted) => {
            present.remove(&sid);
        }
        _ => {}
    }
}

fn name_of(path: &Path) -> Option<(u64, u64)> {
    if path.extension()? != "facts" {
        return None;
    }
    let (epoch, number) = path.file_stem()?.to_str()?.split_once('-')?;
    Some((epoch.parse().ok()?, number.parse().ok()?))
}
