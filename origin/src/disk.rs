//! Journals on disk: `journals/{room}/{room_sid}/{node}-{epoch}.journal`, and `finished.json` beside them once the
//! recording is over. A journal file holds whole records only; what a crash left behind the last whole one is cut off.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use control_plane_api::recording::Recording;
use edge_wire::journal::{self, Entry, Record};
use origin_archive::{JournalId, NameError, component_name, path_component};

/// Bytes read at a time. Larger than any record.
const READ_BYTES: usize = 1 << 20;
const FINISHED: &str = "finished.json";
const EXTENSION: &str = ".journal";

/// One life of a room.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RecordingId {
    pub(crate) room: String,
    pub(crate) room_sid: String,
}

/// The folder of all journals.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    root: PathBuf,
}

impl Disk {
    pub(crate) fn open(data_dir: &Path) -> io::Result<Self> {
        let root = data_dir.join("journals");
        fs::create_dir_all(&root)?;
        Ok(Self { root })
    }

    pub(crate) fn folder(&self, id: &RecordingId) -> Result<PathBuf, NameError> {
        Ok(self.root.join(path_component(&id.room)?).join(path_component(&id.room_sid)?))
    }

    pub(crate) fn journal_path(&self, id: &RecordingId, journal: &JournalId) -> Result<PathBuf, NameError> {
        let name = format!("{}-{}{EXTENSION}", path_component(&journal.node_id)?, journal.epoch);
        Ok(self.folder(id)?.join(name))
    }

    /// Recordings on disk, each with what it was finished as.
    pub(crate) fn recordings(&self) -> io::Result<Vec<(RecordingId, Option<Recording>)>> {
        let mut found = Vec::new();
        for (room, folder) in named_folders(&self.root)? {
            for (room_sid, folder) in named_folders(&folder)? {
                let id = RecordingId { room: room.clone(), room_sid };
                found.push((id, read_finished(&folder)));
            }
        }
        Ok(found)
    }

    /// Journals of a recording.
    pub(crate) fn journals(&self, folder: &Path) -> io::Result<Vec<(JournalId, PathBuf)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name =
                path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(EXTENSION));
            let parts = name.and_then(|name| name.rsplit_once('-'));
            let Some((node, epoch)) = parts else { continue };
            if let (Some(node_id), Ok(epoch)) = (component_name(node), epoch.parse()) {
                found.push((JournalId { node_id, epoch }, path));
            }
        }
        found.sort();
        Ok(found)
    }

    /// Marks a recording as over. Durable before it returns.
    pub(crate) fn finish(&self, folder: &Path, recording: &Recording) -> io::Result<()> {
        let part = folder.join("finished.part");
        let mut file = File::create(&part)?;
        file.write_all(&serde_json::to_vec(recording)?)?;
        file.sync_all()?;
        fs::rename(&part, folder.join(FINISHED))?;
        sync_folder(folder)
    }

    /// More has come after the finish.
    pub(crate) fn reopen(&self, folder: &Path) -> io::Result<()> {
        match fs::remove_file(folder.join(FINISHED)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Writes and syncs a small file: whether the disk takes anything at all.
    pub(crate) fn probe(&self) -> io::Result<()> {
        let path = self.root.join("probe");
        let mut file = File::create(&path)?;
        file.write_all(&[0; READ_BYTES])?;
        file.sync_data()?;
        fs::remove_file(path)
    }
}

/// A journal open for appending.
#[derive(Debug)]
pub(crate) struct JournalFile {
    file: File,
    /// Bytes that are whole records and on disk for good.
    pub(crate) durable: u64,
    /// Its last record is the end.
    pub(crate) ended: bool,
}

impl JournalFile {
    /// Opens or creates; cuts off what a crash left behind the last whole record.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let existed = path.exists();
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut reader = RecordReader::new(0);
        let mut ended = false;
        while let Some(records) = reader.read(&mut file, u64::MAX)? {
            ended |= records.iter().any(|record| matches!(record.entry, Some(Entry::End(_))));
        }
        if file.metadata()?.len() > reader.offset {
            file.set_len(reader.offset)?;
        }
        file.seek(SeekFrom::Start(reader.offset))?;
        file.sync_all()?;
        if !existed {
            path.ancestors().skip(1).take(3).try_for_each(sync_folder)?;
        }
        Ok(Self { file, durable: reader.offset, ended })
    }

    /// Bytes of a journal that are whole records.
    pub(crate) fn measure(path: &Path) -> io::Result<u64> {
        let (mut file, mut reader) = (File::open(path)?, RecordReader::new(0));
        while reader.read(&mut file, u64::MAX)?.is_some() {}
        Ok(reader.offset)
    }

    /// Appends whole records and makes them durable. On error the file is as it was.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = self.file.write_all(bytes).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // The disk may take the cut where it did not take the bytes; if not, the next opening cuts.
            let _ =
                self.file.set_len(self.durable).and_then(|()| self.file.seek(SeekFrom::Start(self.durable)));
            return Err(error);
        }
        self.durable += bytes.len() as u64;
        Ok(())
    }
}

/// Reads a journal file record by record, in batches.
#[derive(Debug)]
pub(crate) struct RecordReader {
    /// First byte not yet handed out.
    pub(crate) offset: u64,
}

impl RecordReader {
    pub(crate) fn new(offset: u64) -> Self {
        Self { offset }
    }

    /// The next records that stand whole below `limit`; `None` at the end of what is whole.
    pub(crate) fn read(&mut self, file: &mut File, limit: u64) -> io::Result<Option<Vec<Record>>> {
        file.seek(SeekFrom::Start(self.offset))?;
        let wanted = limit.saturating_sub(self.offset).min(READ_BYTES as u64);
        let mut bytes = Vec::new();
        io::Read::by_ref(file).take(wanted).read_to_end(&mut bytes)?;
        let (mut records, mut rest) = (Vec::new(), &bytes[..]);
        while let journal::Read::Record(record, length) = journal::read(rest) {
            records.push(*record);
            rest = &rest[length..];
            self.offset += length as u64;
        }
        Ok((!records.is_empty()).then_some(records))
    }
}

fn named_folders(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_str().and_then(component_name);
        if let Some(name) = name.filter(|_| entry.path().is_dir()) {
            found.push((name, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

fn read_finished(folder: &Path) -> Option<Recording> {
    serde_json::from_slice(&fs::read(folder.join(FINISHED)).ok()?).ok()
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(at_ms: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        let event = journal::Event { kind: "chat".into(), json: "\"hello\"".into() };
        journal::append(&Record { at_ms, entry: Some(Entry::Event(event)) }, &mut bytes);
        bytes
    }

    #[test]
    fn a_torn_write_is_cut_off_at_the_last_whole_record() {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = Disk::open(folder.path()).expect("a disk");
        let id = RecordingId { room: "붓글씨/1".into(), room_sid: "RM_1".into() };
        let journal = JournalId { node_id: "edge-seoul-1".into(), epoch: 7 };
        let path = disk.journal_path(&id, &journal).expect("names");
        let one = record(1);
        for torn in [1, 7, 9, one.len() - 1] {
            let _ = fs::remove_file(&path);
            let mut file = JournalFile::open(&path).expect("a journal");
            file.append(&one).expect("room on the disk");
            drop(file);
            let mut bytes = fs::read(&path).expect("the journal");
            bytes.extend_from_slice(&record(2)[..torn]);
            fs::write(&path, &bytes).expect("a torn write");
            let file = JournalFile::open(&path).expect("a journal");
            assert_eq!(file.durable, one.len() as u64);
            assert_eq!(fs::read(&path).expect("the journal"), one);
        }
        assert_eq!(disk.recordings().expect("a listing"), [(id.clone(), None)]);
        let listed = disk.journals(&disk.folder(&id).expect("names")).expect("a listing");
        assert_eq!(listed, [(journal, path)]);
    }
}
