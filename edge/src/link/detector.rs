//! Whether a link is alive, from what is heard on it: told the time and the packets, never asks.
//!
//! Both sides send a probe every [`PROBE_EVERY`]; whoever hears nothing at all for the [`silence`](Detector::silence) says in its
//! probes that it is deaf, so that the loss of one direction is noticed by both, within 300 ms and one way more. The link
//! counts again once [`STEADY`] probes came in a row of time and neither side is deaf.
//!
//! **False alarms.** A live link is taken for lost when every packet of 250 ms is: five probes on an idle link. With independent
//! losses of 2 % that is 3 in 10⁹ windows, one alarm in half a year. From [`LOSSY`] on probes are sent twice as
//! often: ten at 10 % loss is 1 in 10¹⁰. Media on the link makes it rarer. An alarm costs a change of ways, nothing else: participants
//! stay, and the link heals. A process that was itself not running does not count its own absence as silence.

use std::time::{Duration, Instant};

use edge_wire::probe::{Probe, WINDOW};

/// Pause between looks; [`Detector::poll`] is called this often.
pub(crate) const TICK: Duration = Duration::from_millis(25);
/// Probes go out every so many looks ...
const PROBE_EVERY: u32 = 2;
/// ... or every time, when the far side missed more of the last [`WINDOW`] than this ...
const LOSSY: u8 = 1;
/// ... within so long.
const LOSSY_FOR: Duration = Duration::from_secs(30);
/// Nothing heard for so long: the link is taken for lost.
const SILENCE: Duration = Duration::from_millis(250);
/// A way as long as that jitters more: its round trip counts then, up to this.
const SILENCE_MAX: Duration = Duration::from_secs(1);
/// Probes heard before a lost link counts again.
const STEADY: u32 = 3;

/// What became of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Lost(&'static str),
    Healed,
}

#[derive(Debug)]
pub(crate) struct Detector {
    heard_at: Instant,
    polled_at: Instant,
    looks: u32,
    number: u32,
    generation: u32,
    is_deaf: bool,
    /// Probes heard since it was deaf.
    steady: u32,
    is_lost: bool,
    lost_at: Option<Instant>,
    theirs: Probe,
    /// Their numbers heard, newest in bit 0.
    heard: u32,
    /// The far side misses probes: they are sent more often until then.
    lossy_until: Option<Instant>,
    /// They began anew since the last look.
    began_anew: bool,
}

impl Detector {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            heard_at: now,
            polled_at: now,
            looks: 0,
            number: 0,
            generation: 0,
            is_deaf: false,
            steady: 0,
            is_lost: false,
            lost_at: None,
            theirs: Probe::default(),
            heard: u32::MAX,
            lossy_until: None,
            began_anew: false,
        }
    }

    /// Any packet came.
    pub(crate) fn handle_packet(&mut self, now: Instant) {
        self.heard_at = now;
    }

    pub(crate) fn handle_probe(&mut self, now: Instant, probe: Probe) {
        self.handle_packet(now);
        self.steady = self.steady.saturating_add(1);
        let ahead = probe.number.wrapping_sub(self.theirs.number);
        if ahead == 0 || ahead > u32::MAX / 2 {
            // Late or twice: newer ones said more.
            return;
        }
        self.began_anew |= probe.generation != self.theirs.generation;
        self.heard = if ahead < WINDOW { (self.heard << ahead) | 1 } else { 1 };
        self.theirs = probe;
    }

    /// Looks at the clock. The probe to send, if one is due, and what became of the link.
    pub(crate) fn poll(&mut self, now: Instant, rtt: Duration) -> (Option<Probe>, Option<Change>) {
        let stalled = now.saturating_duration_since(self.polled_at).saturating_sub(TICK);
        self.polled_at = now;
        if stalled > TICK * 2 {
            // This process did not run: what came meanwhile has still to be read.
            self.heard_at = (self.heard_at + stalled).min(now);
        }
        let is_silent = now.saturating_duration_since(self.heard_at) > self.silence(rtt);
        if is_silent && !self.is_deaf {
            self.is_deaf = true;
            self.generation = self.generation.wrapping_add(1);
        }
        if is_silent {
            self.steady = 0;
        } else if self.steady >= STEADY {
            self.is_deaf = false;
        }
        let change = self.change(now);
        self.looks = self.looks.wrapping_add(1);
        if self.theirs.missed > LOSSY {
            self.lossy_until = Some(now + LOSSY_FOR);
        }
        let is_lossy = self.lossy_until.is_some_and(|until| now < until);
        let is_due = self.is_lost || is_lossy || self.looks.is_multiple_of(PROBE_EVERY);
        (is_due.then(|| self.probe()), change)
    }

    /// Since when the link is lost.
    pub(crate) fn lost_at(&self) -> Option<Instant> {
        self.lost_at
    }

    fn change(&mut self, now: Instant) -> Option<Change> {
        let began_anew = std::mem::take(&mut self.began_anew);
        let why = if self.is_deaf {
            Some("nothing is heard on it")
        } else if self.theirs.is_deaf {
            Some("the far side hears nothing on it")
        } else if began_anew && !self.is_lost {
            Some("the far side begins anew")
        } else {
            None
        };
        match (why, self.is_lost) {
            (Some(why), false) => {
                (self.is_lost, self.lost_at) = (true, Some(now));
                Some(Change::Lost(why))
            }
            (None, true) => {
                (self.is_lost, self.lost_at) = (false, None);
                Some(Change::Healed)
            }
            _ => None,
        }
    }

    fn silence(&self, rtt: Duration) -> Duration {
        rtt.clamp(SILENCE, SILENCE_MAX)
    }

    fn probe(&mut self) -> Probe {
        self.number = self.number.wrapping_add(1);
        Probe {
            number: self.number,
            generation: self.generation,
            missed: u8::try_from(self.heard.count_zeros()).unwrap_or(u8::MAX),
            is_deaf: self.is_deaf,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    const WAY: Duration = Duration::from_millis(50);

    /// Two detectors and the probes between them.
    struct Pair {
        now: Instant,
        sides: [Detector; 2],
        wires: [VecDeque<(Instant, Probe)>; 2],
        /// Share of packets lost from each side.
        loss: [f64; 2],
        random: u64,
        changes: [Vec<(Instant, Change)>; 2],
    }

    fn pair() -> Pair {
        let now = Instant::now();
        Pair {
            now,
            sides: [Detector::new(now), Detector::new(now)],
            wires: [VecDeque::new(), VecDeque::new()],
            loss: [0.0, 0.0],
            random: 1,
            changes: [Vec::new(), Vec::new()],
        }
    }

    impl Pair {
        fn pass(&mut self, duration: Duration) {
            let end = self.now + duration;
            while self.now < end {
                self.now += TICK;
                for side in 0..2 {
                    while self.wires[1 - side].front().is_some_and(|(at, _)| *at <= self.now) {
                        let Some((at, probe)) = self.wires[1 - side].pop_front() else { break };
                        self.sides[side].handle_probe(at, probe);
                    }
                    let (probe, change) = self.sides[side].poll(self.now, WAY * 2);
                    self.changes[side].extend(change.map(|change| (self.now, change)));
                    let is_lost = self.random() < self.loss[side];
                    if let Some(probe) = probe.filter(|_| !is_lost) {
                        self.wires[side].push_back((self.now + WAY, probe));
                    }
                }
            }
        }

        fn random(&mut self) -> f64 {
            self.random =
                self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.random >> 40) as f64 / (1_u64 << 24) as f64
        }
    }

    #[test]
    fn a_lost_link_is_noticed_by_both_within_300_ms_and_heals() {
        let mut pair = pair();
        pair.pass(Duration::from_secs(2));
        assert!(pair.changes.iter().all(Vec::is_empty));
        let cut = pair.now;
        pair.loss = [1.0, 1.0];
        pair.pass(Duration::from_secs(1));
        for changes in &mut pair.changes {
            let [(at, Change::Lost(_))] = changes.as_slice() else { panic!("{changes:?}") };
            assert!(*at - cut <= Duration::from_millis(300) + WAY, "{:?}", *at - cut);
            changes.clear();
        }
        pair.loss = [0.0, 0.0];
        pair.pass(Duration::from_millis(400));
        assert!(pair.changes.iter().all(|changes| changes.len() == 1 && changes[0].1 == Change::Healed));
    }

    #[test]
    fn the_loss_of_one_direction_is_noticed_at_both_ends() {
        let mut pair = pair();
        pair.pass(Duration::from_secs(2));
        let cut = pair.now;
        pair.loss = [1.0, 0.0];
        pair.pass(Duration::from_secs(1));
        let noticed = |side: usize| pair.changes[side][0].0 - cut;
        assert!(noticed(1) <= Duration::from_millis(300) + WAY, "who hears nothing: {:?}", noticed(1));
        assert!(noticed(0) <= Duration::from_millis(325) + WAY * 2, "who is not heard: {:?}", noticed(0));
    }

    #[test]
    fn ten_percent_loss_is_no_loss_of_the_link() {
        let mut pair = pair();
        pair.loss = [0.1, 0.1];
        pair.pass(Duration::from_secs(3_600));
        let alarms: usize = pair.changes.iter().map(Vec::len).sum();
        assert_eq!(alarms, 0, "false alarms in an hour");
    }

    #[test]
    fn a_process_that_stood_still_does_not_take_the_link_for_lost() {
        let mut pair = pair();
        pair.pass(Duration::from_secs(1));
        pair.now += Duration::from_secs(2);
        pair.pass(Duration::from_millis(200));
        assert!(pair.changes.iter().all(Vec::is_empty), "{:?}", pair.changes);
    }
}
