//! What happened when: `timeline.json`.

use edge_wire::journal::{Event, StreamOpen};
use edge_wire::model::TrackSource;
use serde_json::{Value, json};

/// Events kept: a lively chat of three hours. Further ones are left out.
const EVENTS_MAX: usize = 100_000;

/// Kind of a journal's event that is a word of the control plane about the class.
const CLASS_WORD: &str = "class";

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
        if event.kind == CLASS_WORD {
            return class_event(data).is_some_and(|(kind, data)| self.push(at_ms, kind, data));
        }
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
        let is_same = |event: &&mut (u64, String, Value)| event.1 == "publish" && event.2 == data;
        if let Some((known_ms, ..)) = self.events.iter_mut().find(is_same) {
            // A track that went on from another edge was published when the first of them had it.
            let is_earlier = at_ms < *known_ms;
            *known_ms = at_ms.min(*known_ms);
            self.dirty |= is_earlier;
            return is_earlier;
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

/// Of a word about the class (`{"v", "kind", …}`) what a replay shows: quiz, poll, chat, question, raised hands,
/// whom the instructor put in the light (an identity, or null). Keys,
/// answers and counts stay with the control plane: a recording is read by whoever has its address.
fn class_event(mut word: Value) -> Option<(&'static str, Value)> {
    let (kind, part) = match word["kind"].as_str()? {
        "quiz" => ("quiz", "quiz"),
        "poll" => ("poll", "poll"),
        "chat" => ("chat", "chat"),
        "question" => ("question", "question"),
        "hands" => ("hand", "hands"),
        "slide" => ("slide", "slide"),
        "spotlight" => ("spotlight", "spotlight"),
        _ => return None,
    };
    let mut data = word.as_object_mut()?.remove(part)?;
    if let Some(fields) = data.as_object_mut() {
        for private in ["key", "mine", "tally", "answers"] {
            fields.remove(private);
        }
    }
    Some((kind, data))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(word: &Value) -> Option<Value> {
        let mut timeline = Timeline::default();
        let event = Event { kind: CLASS_WORD.into(), json: word.to_string() };
        timeline.handle_event(1_060_000, &event);
        timeline.take_json(1_000_000).map(|text| serde_json::from_str(&text).expect("JSON"))
    }

    #[test]
    fn words_about_the_class_stand_by_class_time_without_keys_and_counts() {
        let quiz = json!({"id": "q", "state": "revealed", "items": [], "key": {"one": ["a"]}});
        let found = told(&json!({"v": 3, "kind": "quiz", "quiz": quiz}));
        let expected = json!({"id": "q", "state": "revealed", "items": []});
        assert_eq!(found, Some(json!([{"at_ms": 60_000, "kind": "quiz", "data": expected}])));
        let found = told(&json!({"v": 4, "kind": "hands", "hands": [{"raised_at_ms": 1}]}));
        assert_eq!(found, Some(json!([{"at_ms": 60_000, "kind": "hand", "data": [{"raised_at_ms": 1}]}])));
        for slide in [json!({"title": "획", "page": 2, "material": null}), json!(null)] {
            let found = told(&json!({"v": 5, "kind": "slide", "slide": slide}));
            assert_eq!(found, Some(json!([{"at_ms": 60_000, "kind": "slide", "data": slide}])));
        }
        for other in
            [json!({"kind": "tally", "tally": {}}), json!({"kind": "quiz"}), json!("quiz"), json!(null)]
        {
            assert_eq!(told(&other), None, "{other}");
        }
    }
}
