//! Video tracks and the stretches of them that have a picture; where sound belongs among them.

use control_plane_api::recording::Source;

use crate::audio;
use crate::ladder::Ladder;

/// Sound this long after the last frame still belongs to the picture: microphone and camera never stop at one instant.
pub(crate) const TAIL_US: i64 = 500_000;
/// Sound that begins this shortly before a picture, one packet of it, is the picture's: they began together.
const LEAD_US: i64 = 20_000;

/// A video track.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) track_sid: String,
    pub(crate) source: Source,
    pub(crate) vp8: bool,
    pub(crate) ladder: Ladder,
    pub(crate) intervals: Vec<Interval>,
}

/// A stretch of a video track with a picture.
#[derive(Debug)]
pub(crate) struct Interval {
    /// Index into `presentations`.
    pub(crate) presentation: usize,
    pub(crate) start_us: i64,
    /// Set once the picture has ended; the sound may still be on its way.
    pub(crate) end_us: Option<i64>,
    pub(crate) boundaries: Vec<i64>,
    pub(crate) track: Option<audio::Track>,
    /// Picture and sound have ended.
    pub(crate) through: bool,
}

impl Interval {
    /// The sound track, made when there is sound. It has the boundaries the picture has had so far.
    pub(crate) fn track(&mut self) -> &mut audio::Track {
        let Self { start_us, boundaries, track, .. } = self;
        track.get_or_insert_with(|| {
            let mut track = audio::Track::new(*start_us);
            boundaries.iter().for_each(|us| track.cut_at(*us));
            track
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Group and interval.
    Interval(usize, usize),
    /// No picture at that time.
    Alone,
    Undecided,
}

/// Where sound at `us` belongs. `due` when no more is waited for.
pub(crate) fn place(groups: &[Group], source: Source, us: i64, now_us: i64, due: bool) -> Place {
    for (group_index, group) in groups.iter().enumerate().filter(|(_, group)| group.source == source) {
        // The newest first: where one interval follows another at once, the tail of the first is the second's.
        for (index, interval) in group.intervals.iter().enumerate().rev() {
            let decided_us = group.ladder.decided_us(now_us).unwrap_or(i64::MAX);
            match interval.end_us {
                _ if us < interval.start_us => {}
                Some(end_us) if us >= end_us + TAIL_US => {}
                None if us >= decided_us && !due => return Place::Undecided,
                _ => return Place::Interval(group_index, index),
            }
        }
    }
    if !due {
        return Place::Undecided;
    }
    let leads = |interval: &Interval| (interval.start_us - LEAD_US..interval.start_us).contains(&us);
    let mut groups = groups.iter().enumerate().filter(|(_, group)| group.source == source);
    let led = groups.find_map(|(index, group)| Some((index, group.intervals.iter().position(leads)?)));
    led.map_or(Place::Alone, |(group, interval)| Place::Interval(group, interval))
}
