//! Streams of a link that carry reliable data, one for each publisher: what one says keeps its order, and a loss in it holds up
//! nobody else.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Publishers with a stream of their own; beyond it the one that was silent longest gives its place up. The far side allows twice as
/// many, so that streams on their way out are no hindrance.
pub(super) const DATA_STREAMS_KEPT: usize = 512;
/// What was said this long ago has arrived, or the link is being given up.
const SETTLED: Duration = Duration::from_secs(5);

pub(super) struct Streams<S> {
    kept: HashMap<String, (S, Instant)>,
}

/// Who had to give its place up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Evicted<S> {
    pub(super) stream: S,
    /// It was used a moment ago: its publisher's next words come on another stream and must not overtake what is on this one.
    pub(super) is_busy: bool,
}

impl<S> Streams<S> {
    pub(super) fn new() -> Self {
        Self { kept: HashMap::new() }
    }

    /// The publisher's stream, when it has one.
    pub(super) fn get(&mut self, publisher: &str, now: Instant) -> Option<&mut S> {
        let (stream, used) = self.kept.get_mut(publisher)?;
        *used = now;
        Some(stream)
    }

    /// Makes room for one more.
    pub(super) fn evict(&mut self, now: Instant) -> Option<Evicted<S>> {
        if self.kept.len() < DATA_STREAMS_KEPT {
            return None;
        }
        let silent = self.kept.iter().min_by_key(|(_, (_, used))| *used)?.0.clone();
        let (stream, used) = self.kept.remove(&silent)?;
        Some(Evicted { stream, is_busy: now.duration_since(used) < SETTLED })
    }

    pub(super) fn insert(&mut self, publisher: &str, stream: S, now: Instant) -> &mut S {
        let kept = self.kept.entry(publisher.to_owned()).insert_entry((stream, now));
        &mut kept.into_mut().0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The control plane's words are of the publisher "": they are said all day, while participants come and go.
    #[test]
    fn who_goes_on_speaking_keeps_its_stream_and_the_longest_silent_gives_way() {
        let begun = Instant::now();
        let mut streams = Streams::new();
        streams.insert("", 0, begun);
        for participant in 1..=2_000_u32 {
            let now = begun + Duration::from_secs(participant.into());
            assert_eq!(streams.get("", now), Some(&mut 0));
            if let Some(evicted) = streams.evict(now) {
                assert_eq!(evicted.stream + 511, participant, "the oldest of 511");
                assert!(!evicted.is_busy);
            }
            streams.insert(&format!("PA_{participant}"), participant, now);
        }
        assert_eq!(streams.kept.len(), DATA_STREAMS_KEPT);
    }

    #[test]
    fn a_stream_that_was_just_used_is_said_to_be_busy() {
        let now = Instant::now();
        let mut streams = Streams::new();
        for participant in 0..DATA_STREAMS_KEPT {
            assert_eq!(streams.evict(now), None);
            streams.insert(&participant.to_string(), participant, now);
        }
        assert!(streams.evict(now + SETTLED / 2).is_some_and(|evicted| evicted.is_busy));
    }
}
