//! How far a sender has come, on the disk beside the spool: `{sender}.cursor`, `epoch sequence` in decimal.
//!
//! Written after what it says is true. One that is lost or older than the truth costs a repeat, which receivers tell by its
//! id, so it is not synced.

use std::path::{Path, PathBuf};

use super::Position;

pub(super) struct Cursor {
    path: PathBuf,
    position: Option<Position>,
}

impl Cursor {
    pub(super) fn open(directory: &Path, sender: &str) -> Self {
        let path = directory.join(format!("{sender}.cursor"));
        let position = std::fs::read_to_string(&path).ok().and_then(|text| {
            let (epoch, sequence) = text.trim().split_once(' ')?;
            Some(Position { epoch: epoch.parse().ok()?, sequence: sequence.parse().ok()? })
        });
        Self { path, position }
    }

    /// `None` for a sender that is new here.
    pub(super) fn position(&self) -> Option<Position> {
        self.position
    }

    pub(super) fn write(&mut self, position: Position) {
        self.position = Some(position);
        let unfinished = self.path.with_extension("new");
        let text = format!("{} {}\n", position.epoch, position.sequence);
        let written =
            std::fs::write(&unfinished, text).and_then(|()| std::fs::rename(&unfinished, &self.path));
        if let Err(error) = written {
            tracing::debug!(%error, path = %self.path.display(), "a cursor is not written; facts may be sent again");
        }
    }
}
