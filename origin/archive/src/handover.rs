//! A participant that goes on at another edge is in the journals of both, and for a moment in both at once.

use std::collections::BTreeMap;

use control_plane_api::recording::{Presentation, Source};

/// Longest time both edges have somebody: the new one begins with a keyframe it already had, the old one hears of the move a
/// link's delay later. A longer overlap is of clocks that disagree, and nothing is cut for it.
const OVERLAP_MS_MAX: u64 = 3_000;

/// An entry of the manifest with what decides where the one before it ends.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Which journal it is of.
    pub(crate) journal: usize,
    /// Picture and sound are both there from here on.
    pub(crate) whole_from_ms: u64,
    pub(crate) described: Presentation,
}

/// The manifest's entries in their order. Of two edges, each has its turn: what the one had ends where the other has all of it, so
/// nobody is heard or seen twice.
pub(crate) fn in_turn(mut entries: Vec<Entry>) -> Vec<Presentation> {
    entries.sort_by(|one, other| {
        let key = |entry: &Entry| entry.described.start_ms;
        (key(one), &one.described.id).cmp(&(key(other), &other.described.id))
    });
    let mut parts: BTreeMap<(String, bool), Vec<usize>> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let is_screen = entry.described.source == Source::ScreenShare;
        parts.entry((entry.described.participant_sid.clone(), is_screen)).or_default().push(index);
    }
    for part in parts.values() {
        for (position, index) in part.iter().enumerate() {
            let Entry { journal, described, .. } = &entries[*index];
            let (journal, start_ms, end_ms) = (*journal, described.start_ms, described.end_ms);
            let later = part[position + 1..].iter().map(|later| &entries[*later]);
            let overlapping = later.take_while(|later| later.described.start_ms < end_ms);
            let mut turns = overlapping.filter(|later| later.journal != journal).filter(|later| {
                later.described.end_ms > end_ms && (start_ms + 1..end_ms).contains(&later.whole_from_ms)
            });
            let turn = turns.next().filter(|later| end_ms - later.whole_from_ms <= OVERLAP_MS_MAX);
            if let Some(turn_ms) = turn.map(|later| later.whole_from_ms) {
                end_at(&mut entries[*index].described, turn_ms);
            }
        }
    }
    entries.into_iter().map(|entry| entry.described).collect()
}

fn end_at(presentation: &mut Presentation, ms: u64) {
    presentation.end_ms = ms;
    presentation.gaps.retain(|gap| gap.start_ms < ms);
    for gap in &mut presentation.gaps {
        gap.end_ms = gap.end_ms.min(ms);
    }
}
