//! Whatever happens on the way from the publishers, the receiver sees one stream.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::super::{Outgoing, Reports};
use super::{Publisher, Seen, deliver, live, show, stream};
use crate::{Layer, Target};

/// One thing that happens on the way from a publisher.
#[derive(Clone, Debug)]
enum Step {
    Frame { keyframe: bool, packets: usize, lost: Option<usize>, swap: bool },
    Padding,
    Target(Layer),
    Pause,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let frame = (prop::bool::weighted(0.2), 1usize..5, prop::option::weighted(0.2, 0usize..5), any::<bool>())
        .prop_map(|(keyframe, packets, lost, swap)| Step::Frame { keyframe, packets, lost, swap });
    let step = prop_oneof![
        20 => frame,
        2 => Just(Step::Padding),
        2 => (0u8..3).prop_map(Step::Target),
        1 => Just(Step::Pause),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    /// Under loss, reordering, padding, pauses and switches: no index twice, only lost packets are holes, order within
    /// the stream is the publisher's order, switches are at keyframes, nothing goes back.
    #[test]
    fn receiver_sees_one_stream(steps in steps(), first in any::<u16>()) {
        let start = crate::begin();
        let mut publishers =
            [0u16, 1, 2].map(|n| {
                let timestamp = u32::from(first).wrapping_mul(70_000 * u32::from(n));
                Publisher::new(n as u8, first.wrapping_add(n * 999), timestamp, 32_700 + n)
            });
        let mut outgoing = stream();
        let mut seen = BTreeMap::new();
        let (mut holes_allowed, mut has_paused) = (0, false);
        let reports = Reports::default();
        outgoing.choose(live(&[0, 1, 2]));
        for (n, step) in (0u64..).zip(steps) {
            let now = start + Duration::from_millis(n * 33);
            match step {
                Step::Frame { keyframe, packets, lost, swap } => {
                    for at in 0..publishers.len() {
                        let mut frame = publishers[at].frame(keyframe, packets);
                        if let Some(lost) = lost.filter(|lost| *lost < frame.len()) {
                            frame.remove(lost);
                            holes_allowed += 1;
                        }
                        if swap && frame.len() > 1 {
                            frame.swap(0, 1);
                        }
                        for packet in frame {
                            deliver(&mut outgoing, &mut publishers[at], &reports, now, &packet, &mut seen);
                            settle(&mut outgoing, &publishers, &reports, now, &mut seen);
                        }
                    }
                }
                Step::Padding => {
                    for publisher in &mut publishers {
                        let packet = publisher.packet(false, &[]);
                        deliver(&mut outgoing, publisher, &reports, now, &packet, &mut seen);
                    }
                }
                Step::Target(layer) => {
                    outgoing.watch.as_mut().expect("watched").target = Target { layer, paused: false };
                    outgoing.choose(live(&[0, 1, 2]));
                    settle(&mut outgoing, &publishers, &reports, now, &mut seen);
                }
                Step::Pause => {
                    outgoing.watch.as_mut().expect("watched").target.paused = true;
                    has_paused = true;
                    outgoing.choose(live(&[0, 1, 2]));
                }
            }
        }
        if let (Some(low), Some(high)) = (seen.keys().next(), seen.keys().next_back()) {
            let holes = high - low + 1 - seen.len() as u64;
            prop_assert!(holes <= holes_allowed, "{} holes, {} packets lost", holes, holes_allowed);
        }
        let packets: Vec<&Seen> = seen.values().collect();
        for pair in packets.windows(2) {
            let (before, after) = (pair[0], pair[1]);
            prop_assert!(after.timestamp.wrapping_sub(before.timestamp) as i32 >= 0);
            prop_assert!(((after.picture.wrapping_sub(before.picture)) & 0x7FFF) < 0x4000, "picture ids go on");
            if before.layer != after.layer {
                prop_assert!(after.keyframe, "switch at {:?}", after);
                // Where nothing is lost or paused, nothing is left without its end, in whichever order it came.
                prop_assert!(before.marker || holes_allowed > 0 || has_paused, "cut before {:?}", after);
            }
        }
    }
}

/// As the shard does: a switch that was put off is made when it is due, and who stays goes on where it was.
fn settle(
    outgoing: &mut Outgoing,
    publishers: &[Publisher],
    reports: &Reports,
    now: Instant,
    seen: &mut BTreeMap<u64, Seen>,
) {
    let due = outgoing.take_due(now).map(|due| (due.layer, due.index));
    for (layer, first) in due.into_iter().chain(outgoing.take_held_back()) {
        let publisher = &publishers[usize::from(layer)];
        for index in first..=publisher.state.ring.highest().unwrap_or(0) {
            if publisher.state.ring.contains(index) {
                show(outgoing, publisher, reports, index, seen);
            }
        }
    }
}
