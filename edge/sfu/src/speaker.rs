//! Who is heard: levels from the audio level extension (RFC 6464), smoothed, with hysteresis.

use std::time::Duration;

/// Window a level is taken over.
pub(crate) const INTERVAL: Duration = Duration::from_millis(300);
/// A packet at or above this level (-dBov) counts as loud.
const LOUD_DBOV: u8 = 35;
/// Share of loud packets in a window that makes it speech: a cough or a key click is less.
const LOUD_PERCENT: u32 = 40;
/// Smoothed level above which a source starts to be heard, and below which it stops: -35 and -40 dBov.
const ON: f32 = 0.0178;
const OFF: f32 = 0.01;
/// Change of a level worth telling.
const NOTABLE: f32 = 0.05;

/// Loudness of one source.
#[derive(Debug, Default)]
pub(crate) struct Level {
    packets: u32,
    loud: u32,
    sum: f32,
    smoothed: f32,
    heard: bool,
}

impl Level {
    /// Notes a packet's level; returns whether it is the first of its window.
    pub(crate) fn observe(&mut self, dbov: u8) -> bool {
        self.packets += 1;
        if dbov <= LOUD_DBOV {
            self.loud += 1;
            self.sum += 10f32.powf(-f32::from(dbov) / 20.0);
        }
        self.packets == 1
    }

    /// Ends the window. The level when the source is heard now.
    pub(crate) fn tick(&mut self) -> Option<f32> {
        let speech = self.loud > 0 && self.loud * 100 >= self.packets * LOUD_PERCENT;
        let level = if speech { self.sum / self.loud as f32 } else { 0.0 };
        // Rises faster than it falls: a word is heard at once, a pause between words is not the end.
        let weight = if level > self.smoothed { 0.7 } else { 0.4 };
        self.smoothed += (level - self.smoothed) * weight;
        self.heard = self.smoothed >= if self.heard { OFF } else { ON };
        (self.packets, self.loud, self.sum) = (0, 0, 0.0);
        self.heard.then_some(self.smoothed.min(1.0))
    }

    /// Forgets all: a muted source is silent at once.
    pub(crate) fn silence(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.packets == 0 && self.smoothed < OFF / 10.0
    }
}

/// Whether `new` tells a listener anything `old` did not: other sources, another order, a level changed notably.
/// Both lists are loudest first.
pub(crate) fn differs<K: PartialEq>(old: &[(K, f32)], new: &[(K, f32)]) -> bool {
    old.len() != new.len()
        || old.iter().zip(new).any(|(old, new)| old.0 != new.0 || (old.1 - new.1).abs() >= NOTABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(level: &mut Level, dbov: u8) -> Option<f32> {
        for _ in 0..15 {
            level.observe(dbov);
        }
        level.tick()
    }

    #[test]
    fn speech_is_heard_at_once_and_ends_after_a_pause_not_within_it() {
        let mut level = Level::default();
        assert_eq!(window(&mut level, 60), None);
        let heard = window(&mut level, 20).expect("clear speech");
        assert!((0.05..=0.1).contains(&heard), "{heard}");
        assert!(window(&mut level, 127).is_some(), "a pause of one window");
        let silent = (0..10).position(|_| window(&mut level, 127).is_none()).expect("it ends");
        assert!(silent >= 1);
        assert!(level.smoothed < OFF);
    }

    #[test]
    fn a_click_is_not_speech() {
        let mut level = Level::default();
        for n in 0..15 {
            level.observe(if n < 3 { 5 } else { 80 });
        }
        assert_eq!(level.tick(), None);
    }

    #[test]
    fn only_notable_changes_are_told() {
        assert!(!differs(&[(1, 0.5)], &[(1, 0.52)]));
        assert!(differs(&[(1, 0.5)], &[(1, 0.6)]));
        assert!(differs(&[(1, 0.5), (2, 0.5)], &[(2, 0.5), (1, 0.5)]));
        assert!(differs(&[(1, 0.5)], &[]));
    }
}
