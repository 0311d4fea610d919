//! How long somebody did not hear or see somebody.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What one client gets of one other: audio and video apart.
pub(crate) type Stream = (String, bool);

/// The longest silence of each stream since [`Gaps::mark`], the one that has not ended included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gaps {
    streams: BTreeMap<Stream, Silence>,
}

#[derive(Clone, Copy, Debug)]
struct Silence {
    last: Instant,
    longest: Pause,
}

/// A silence, and when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pause {
    pub(crate) since: Instant,
    pub(crate) lasted: Duration,
}

impl Gaps {
    /// A packet came.
    pub(crate) fn heard(&mut self, from: &str, is_video: bool, now: Instant) {
        let silence = self
            .streams
            .entry((from.to_owned(), is_video))
            .or_insert(Silence { last: now, longest: Pause { since: now, lasted: Duration::ZERO } });
        silence.longest = silence.until(now);
        silence.last = now;
    }

    /// Counts from now on. Streams that have been silent for long before are forgotten: their owner left.
    pub(crate) fn mark(&mut self, now: Instant, forgotten_after: Duration) {
        self.streams.retain(|_, silence| now.saturating_duration_since(silence.last) < forgotten_after);
        self.streams.values_mut().for_each(|silence| silence.longest.lasted = Duration::ZERO);
    }

    /// By stream.
    pub(crate) fn longest(&self, now: Instant) -> BTreeMap<Stream, Pause> {
        self.streams.iter().map(|(stream, silence)| (stream.clone(), silence.until(now))).collect()
    }

    /// When anything came last.
    pub(crate) fn last(&self) -> Option<Instant> {
        self.streams.values().map(|silence| silence.last).max()
    }

    /// Since when a stream is silent, if it was ever heard.
    pub(crate) fn silent_for(&self, stream: &Stream, now: Instant) -> Option<Duration> {
        self.streams.get(stream).map(|silence| now.saturating_duration_since(silence.last))
    }

    /// Streams heard within `age`.
    pub(crate) fn fresh(&self, now: Instant, age: Duration) -> usize {
        let is_fresh = |silence: &&Silence| now.saturating_duration_since(silence.last) < age;
        self.streams.values().filter(is_fresh).count()
    }
}

impl Silence {
    /// The longest one, if nothing came by `now` since the last packet.
    fn until(&self, now: Instant) -> Pause {
        let lasted = now.saturating_duration_since(self.last);
        if lasted > self.longest.lasted { Pause { since: self.last, lasted } } else { self.longest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_silence_since_the_mark_counts_and_an_open_one_too() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut gaps = Gaps::default();
        gaps.heard("kim", false, at(0));
        gaps.heard("kim", false, at(900));
        gaps.heard("lee", false, at(0));
        gaps.mark(at(920), Duration::from_millis(500));
        for ms in [940, 960, 1_300, 1_320] {
            gaps.heard("kim", false, at(ms));
        }
        let kim = ("kim".to_owned(), false);
        let pause = |since, ms| Pause { since: at(since), lasted: Duration::from_millis(ms) };
        assert_eq!(gaps.longest(at(1_330)), BTreeMap::from([(kim.clone(), pause(960, 340))]));
        assert_eq!(gaps.longest(at(2_000)), BTreeMap::from([(kim, pause(1_320, 680))]));
    }
}
