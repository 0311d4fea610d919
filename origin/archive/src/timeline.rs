//! What happened when: `timeline.json`.

use edge_wire::journal::{Event, StreamOpen};
use edge_wire::model::TrackSource;
use serde_json::{Value, json};

/// Events kept: a lively chat of three hours. Further ones are left out.
const EVENTS_MAX: usize = 100_000;

#[derive(Debug, Default)]
pub(crate) struct Timeline {
    /// Wall clock, kind, data.
    events: Vec<(u64, String, Value)>,
    dirty: bool,
}

impl Timeline {
    /// Takes an event of a journal; says whether the timeline changed. Data that is not JSON is kept as a string.
    pub(crate) fn handle_event(&mut self, at_ms: u64, event: &Event) -> bool {
        let data = serde_json::from_str(&event.json).unwrap_or_else(|_| Value::String(event.json.clone()));
        self.push(at_ms, &event.kind, data)
    }

    /// The first stream of a track is its publication.
    pub(crate) fn handle_open(&mut self, at_ms: u64, open: &StreamOpen) -> bool {
        let data = json!({
            "participant_sid": open.participant_sid,
            "identity": open.identity,
            "name": open.name,
            "track_sid": open.track.sid,
            "source": source_name(open.track.source()),
        });
        let known = |(_, kind, known): &(u64, String, Value)| kind == "publish" && *known == data;
        if self.events.iter().any(known) {
            return false;
        }
        self.push(at_ms, "publish", data)
    }

    /// `[{at_ms, kind, data}]` on the class timeline, if it changed since the last call.
    pub(crate) fn take_json(&mut self, started_at_ms: u64) -> Option<String> {
        if !std::mem::take(&mut self.dirty) {
            return None;
        }
        // Ties are broken by content, so that the order journals are read in does not show.
        let mut ordered: Vec<_> = self.events.iter().collect();
        ordered.sort_by_cached_key(|(at_ms, kind, data)| (*at_ms, kind.clone(), data.to_string()));
        let class_ms = |at_ms: &u64| at_ms.saturating_sub(started_at_ms);
        let entries = ordered
            .into_iter()
            .map(|(at_ms, kind, data)| json!({ "at_ms": class_ms(at_ms), "kind": kind, "data": data }));
        Some(Value::Array(entries.collect()).to_string())
    }

    fn push(&mut self, at_ms: u64, kind: &str, data: Value) -> bool {
        if self.events.len() >= EVENTS_MAX {
            return false;
        }
        self.events.push((at_ms, kind.to_owned(), data));
        self.dirty = true;
        true
    }
}

/// Sources as the timeline spells them.
fn source_name(source: TrackSource) -> &'static str {
    match source {
        TrackSource::Unknown => "unknown",
        TrackSource::Camera => "camera",
        TrackSource::Microphone => "microphone",
        TrackSource::ScreenShare => "screen_share",
        TrackSource::ScreenShareAudio => "screen_share_audio",
    }
}
