//! The table of the matrix.

use std::fmt::Write as _;
use std::time::Duration;

use crate::victim::Victim;

/// What one loss cost.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cost {
    /// Longest silence that a user of the victim heard, or others heard of that user. `None`: the victim has no users.
    pub(crate) own_audio: Option<Duration>,
    /// Likewise, of pictures: those at a new edge wait for a keyframe, which is asked for.
    pub(crate) own_video: Option<Duration>,
    /// Longest silence between any two others, and of their pictures.
    pub(crate) others_audio: Duration,
    pub(crate) others_video: Duration,
    /// Streams that did not come back within the time that was watched.
    pub(crate) dead: usize,
    /// Reliable data messages: sent by others, and of these missing, double, or out of order at some receiver.
    pub(crate) sent: u64,
    pub(crate) missing: u64,
    pub(crate) double: u64,
    pub(crate) disordered: u64,
}

/// Milliseconds, nearest rank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spread {
    pub(crate) p50: u128,
    pub(crate) p95: u128,
    pub(crate) p99: u128,
    pub(crate) max: u128,
}

impl Spread {
    pub(crate) fn of(mut values: Vec<Duration>) -> Self {
        values.sort();
        let at = |share: f64| {
            let rank = (values.len() as f64 * share).ceil() as usize;
            values.get(rank.saturating_sub(1)).map_or(0, Duration::as_millis)
        };
        Self { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1.0) }
    }
}

/// Markdown, as it stands in `docs/reliability.md`.
pub(crate) fn table(rows: &[(Victim, Vec<Cost>)]) -> String {
    let mut text = String::from(
        "| lost | runs | users of the victim, sound: p50 / p95 / p99 / max ms | pictures | all others, sound | pictures | streams that stayed away | reliable data: sent, missing, double, out of order |\n|---|---|---|---|---|---|---|---|\n",
    );
    for (victim, costs) in rows {
        let own = |of: fn(&Cost) -> Option<Duration>| {
            let own: Vec<Duration> = costs.iter().filter_map(of).collect();
            if own.is_empty() { "–".to_owned() } else { spread(Spread::of(own)) }
        };
        let (audio, video) = (own(|cost| cost.own_audio), own(|cost| cost.own_video));
        let others = |of: fn(&Cost) -> Duration| spread(Spread::of(costs.iter().map(of).collect::<Vec<_>>()));
        let (heard, seen) = (others(|cost| cost.others_audio), others(|cost| cost.others_video));
        let sum = |of: fn(&Cost) -> u64| costs.iter().map(of).sum::<u64>();
        let dead: usize = costs.iter().map(|cost| cost.dead).sum();
        writeln!(
            text,
            "| {} | {} | {audio} | {video} | {heard} | {seen} | {dead} | {}, {}, {}, {} |",
            victim.name(),
            costs.len(),
            sum(|c| c.sent),
            sum(|c| c.missing),
            sum(|c| c.double),
            sum(|c| c.disordered)
        )
        .ok();
    }
    text
}

fn spread(spread: Spread) -> String {
    format!("{} / {} / {} / {}", spread.p50, spread.p95, spread.p99, spread.max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_the_nearest() {
        let values = (1..=20).map(Duration::from_millis).collect();
        assert_eq!(Spread::of(values), Spread { p50: 10, p95: 19, p99: 20, max: 20 });
        assert_eq!(Spread::of(Vec::new()), Spread::default());
    }
}
