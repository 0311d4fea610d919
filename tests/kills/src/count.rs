//! What a loss cost, read off the clients.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::class::{Class, Loss};
use crate::figures::Cost;
use crate::gaps::Pause;
use crate::pupil::Pupil;

/// Streams named of sound and of pictures.
const NAMED: usize = 3;

/// How long, since when, whether pictures, of whom, to whom.
type Slow<'a> = (Duration, Instant, bool, String, &'a str);

impl Class {
    /// What the loss at `struck` cost by now, and the slowest streams of those it did not hit, to find the cause by.
    pub(crate) fn count(&self, loss: &Loss, watch: Duration, struck: Instant) -> (Cost, String) {
        let now = Instant::now();
        let on_victim = |pupil: &&Pupil| matches!(loss, Loss::Edge(edge) if pupil.home == *edge);
        let moved: BTreeSet<&str> =
            self.pupils.iter().filter(on_victim).map(|pupil| pupil.identity.as_str()).collect();
        let mut cost = Cost::default();
        let mut slow = Vec::new();
        for pupil in &self.pupils {
            let (gaps, order) = pupil.look(|seen| (seen.gaps.longest(now), seen.order.clone()));
            let is_moved = moved.contains(pupil.identity.as_str());
            for ((from, is_video), Pause { since, lasted }) in gaps {
                cost.dead += usize::from(lasted + Duration::from_secs(1) > watch);
                if is_moved || moved.contains(from.as_str()) {
                    let own = if is_video { &mut cost.own_video } else { &mut cost.own_audio };
                    *own = (*own).max(Some(lasted));
                } else {
                    let others = if is_video { &mut cost.others_video } else { &mut cost.others_audio };
                    *others = (*others).max(lasted);
                    slow.push((lasted, since, is_video, from, pupil.identity.as_str()));
                }
            }
            let steady = self
                .pupils
                .iter()
                .filter(|sender| sender.publishes && !moved.contains(sender.identity.as_str()));
            for sender in steady.filter(|sender| !is_moved && sender.identity != pupil.identity) {
                let got = order.of(&sender.identity);
                cost.sent += got.received + got.missing();
                cost.missing += got.missing();
                cost.double += got.double;
                cost.disordered += got.disordered;
            }
        }
        (cost, slowest(slow, struck))
    }
}

/// The slowest of sound and of pictures, with how long after the loss each fell silent.
fn slowest(mut slow: Vec<Slow<'_>>, struck: Instant) -> String {
    slow.sort_by_key(|slow| std::cmp::Reverse(slow.0));
    let of = |pictures: bool| {
        let named = slow.iter().filter(|slow| slow.2 == pictures).take(NAMED);
        let named = named.map(|(lasted, since, _, from, to)| {
            let after_ms = since.saturating_duration_since(struck).as_millis();
            format!("{} ms from {after_ms} on ({from} to {to})", lasted.as_millis())
        });
        named.collect::<Vec<_>>().join(", ")
    };
    format!("sound {}; pictures {}", of(false), of(true))
}
