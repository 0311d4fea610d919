//! One participant of one journal: streams to presentations, and the microphone to whichever presentation it belongs to.

use std::collections::{BTreeMap, VecDeque};

use control_plane_api::recording::Source;
use edge_wire::journal::{Report, StreamOpen};
use edge_wire::model::{TrackKind, TrackSource};

use crate::audio;
use crate::clock::Publisher;
use crate::group::{Group, Interval, Place, TAIL_US, place};
use crate::ladder::{self, Ladder};
use crate::object::Output;
use crate::presentation::{Presentation, Subject};
use crate::rtp::Packet;
use crate::stream::{Frame, Stream};

/// A microphone silent this long while there is no picture ends its presentation: the track is muted.
const MICROPHONE_IDLE_US: i64 = 10_000_000;
/// Missing packets of sound worth telling: 100 ms.
const LOST_MIN: u32 = 5;
/// Sound waiting for its presentation: six seconds of it would be 300 packets. When full the oldest is dropped.
const SOUND_MAX: usize = 4_096;

/// Where a stream's frames go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Index into `groups`, layer.
    Video(usize, u32),
    /// The presentations it sounds in.
    Audio(Source),
}

#[derive(Debug)]
struct Input {
    stream: Stream,
    role: Role,
    open: bool,
}

/// Sound of one source that has not found its presentation yet.
#[derive(Debug, Default)]
struct Sound {
    /// The stream that is heard: a participant has one voice, the newest track wins.
    stream: Option<u32>,
    pending: VecDeque<audio::Frame>,
    last_us: i64,
}

#[derive(Debug)]
pub(crate) struct Participant {
    folder: String,
    /// Tells presentations of one journal from those of another.
    journal_tag: String,
    subject: Subject,
    publisher: Publisher,
    inputs: BTreeMap<u32, Input>,
    groups: Vec<Group>,
    microphone: Sound,
    screen_sound: Sound,
    /// The presentation of the microphone alone.
    alone: Option<(usize, audio::Track)>,
    presentations: Vec<Presentation>,
}

impl Participant {
    pub(crate) fn new(folder: &str, journal_tag: &str, open: &StreamOpen) -> Self {
        Self {
            folder: folder.to_owned(),
            journal_tag: journal_tag.to_owned(),
            subject: Subject {
                participant_sid: open.participant_sid.clone(),
                identity: open.identity.clone(),
                name: open.name.clone(),
                source: Source::Microphone,
            },
            publisher: Publisher::default(),
            inputs: BTreeMap::new(),
            groups: Vec::new(),
            microphone: Sound::default(),
            screen_sound: Sound::default(),
            alone: None,
            presentations: Vec::new(),
        }
    }

    /// A new stream; false when its codec cannot be packaged.
    pub(crate) fn handle_open(&mut self, open: &StreamOpen, now_us: i64) -> bool {
        let Some(stream) = Stream::new(open) else { return false };
        let screen = matches!(open.track.source(), TrackSource::ScreenShare | TrackSource::ScreenShareAudio);
        let source = if screen { Source::ScreenShare } else { Source::Camera };
        let role = if open.track.kind() == TrackKind::Audio {
            let sound = if screen { &mut self.screen_sound } else { &mut self.microphone };
            sound.stream = Some(open.stream);
            Role::Audio(source)
        } else {
            let known = self.groups.iter().position(|group| group.track_sid == open.track.sid);
            let index = known.unwrap_or(self.groups.len());
            if known.is_none() {
                self.groups.push(Group {
                    track_sid: open.track.sid.clone(),
                    source,
                    vp8: open.codec.mime_type.eq_ignore_ascii_case("video/vp8"),
                    ladder: Ladder::default(),
                    intervals: Vec::new(),
                });
            }
            self.groups[index].ladder.open(open.layer, now_us);
            Role::Video(index, open.layer)
        };
        self.inputs.insert(open.stream, Input { stream, role, open: true });
        true
    }

    pub(crate) fn handle_packet(&mut self, stream: u32, packet: Packet, at_ms: u64) {
        let Some(input) = self.inputs.get_mut(&stream) else { return };
        input.stream.handle_packet(packet, at_ms);
        if let Role::Video(group, _) = input.role {
            self.groups[group].ladder.handle_packet(at_ms.cast_signed() * 1_000);
        }
    }

    pub(crate) fn handle_report(&mut self, report: &Report, at_ms: u64) {
        let us = self.publisher.handle_report(report.ntp, at_ms.cast_signed() * 1_000);
        if let Some(input) = self.inputs.get_mut(&report.stream) {
            input.stream.handle_report(report.rtp_timestamp, us);
        }
    }

    pub(crate) fn handle_close(&mut self, stream: u32, now_ms: u64) {
        self.drain_stream(stream, now_ms, true);
        let Some(input) = self.inputs.get_mut(&stream) else { return };
        if !std::mem::replace(&mut input.open, false) {
            return;
        }
        match input.role {
            Role::Video(group, layer) => self.groups[group].ladder.close(layer),
            Role::Audio(source) => {
                let role = Role::Audio(source);
                let open = self.inputs.iter().filter(|(_, input)| input.open && input.role == role);
                let newest = open.map(|(stream, _)| *stream).max();
                let sound =
                    if source == Source::Camera { &mut self.microphone } else { &mut self.screen_sound };
                sound.stream = newest;
            }
        }
    }

    /// Nothing is under way: a tick would change nothing.
    pub(crate) fn is_idle(&self) -> bool {
        let silent = self.microphone.pending.is_empty() && self.screen_sound.pending.is_empty();
        let dark = self.groups.iter().all(|group| group.intervals.is_empty());
        self.inputs.is_empty() && silent && dark && self.alone.is_none()
    }

    /// Moves everything as far as it can go by now; `flush` when nothing follows.
    pub(crate) fn handle_tick(&mut self, now_ms: u64, flush: bool, out: &mut Output) {
        let now_us = now_ms.cast_signed() * 1_000;
        let streams: Vec<u32> = self.inputs.keys().copied().collect();
        for stream in streams {
            self.drain_stream(stream, now_ms, flush);
        }
        self.inputs.retain(|_, input| input.open);
        for group in 0..self.groups.len() {
            while let Some(event) = self.groups[group].ladder.poll(now_us, flush) {
                self.handle_event(group, event, out);
            }
        }
        for source in [Source::Camera, Source::ScreenShare] {
            self.route(source, now_us, flush, out);
            self.advance(source, now_us, flush, out);
        }
        self.end_idle_microphone(now_us, flush, out);
    }

    pub(crate) fn presentations(&mut self) -> &mut [Presentation] {
        &mut self.presentations
    }

    fn drain_stream(&mut self, stream: u32, now_ms: u64, flush: bool) {
        let Self { inputs, groups, microphone, screen_sound, .. } = self;
        let number = stream;
        let Some(Input { stream, role, .. }) = inputs.get_mut(&number) else { return };
        stream.drain(now_ms, flush, |frame| match (frame, *role) {
            (Frame::Video(frame), Role::Video(group, layer)) => {
                groups[group].ladder.handle_frame(layer, frame)
            }
            (Frame::Audio(frame), Role::Audio(Source::ScreenShare)) => screen_sound.push(number, frame),
            (Frame::Audio(frame), Role::Audio(_)) => microphone.push(number, frame),
            // A video codec on an audio track, or the other way round: nothing to show.
            _ => {}
        });
    }

    fn handle_event(&mut self, group: usize, event: ladder::Event, out: &mut Output) {
        match event {
            ladder::Event::Start(start_us) => self.start_interval(group, start_us),
            ladder::Event::Segment(segment) => {
                let end_us = segment.end_us;
                let Some(interval) = self.groups[group].intervals.last_mut() else { return };
                interval.boundaries.push(end_us);
                if let Some(track) = &mut interval.track {
                    track.cut_at(end_us);
                }
                let presentation = &mut self.presentations[interval.presentation];
                presentation.handle_segment(segment, out);
                if presentation.is_full() {
                    interval.end_us = Some(end_us);
                    self.start_interval(group, end_us);
                }
            }
            ladder::Event::End(end_us) => {
                if let Some(interval) = self.groups[group].intervals.last_mut() {
                    interval.end_us = Some(end_us);
                }
            }
        }
    }

    fn start_interval(&mut self, group: usize, start_us: i64) {
        let Group { source, vp8, .. } = self.groups[group];
        let presentation = self.present(source, start_us, vp8);
        let interval = Interval {
            presentation,
            start_us,
            end_us: None,
            boundaries: Vec::new(),
            track: None,
            through: false,
        };
        self.groups[group].intervals.push(interval);
    }

    fn present(&mut self, source: Source, start_us: i64, vp8: bool) -> usize {
        let kind = match source {
            Source::Camera => "camera",
            Source::ScreenShare => "screen",
            Source::Microphone => "microphone",
        };
        let index = self.presentations.len();
        let sid: String =
            self.subject.participant_sid.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let id = format!("{sid}-{kind}-{number}-{tag}", number = index + 1, tag = self.journal_tag);
        let subject = Subject { source, ..self.subject.clone() };
        self.presentations.push(Presentation::new(&self.folder, id, subject, start_us, vp8));
        index
    }

    /// Gives waiting sound to the presentation it belongs to.
    fn route(&mut self, source: Source, now_us: i64, flush: bool, out: &mut Output) {
        loop {
            let sound = if source == Source::Camera { &mut self.microphone } else { &mut self.screen_sound };
            let Some(us) = sound.pending.front().map(|frame| frame.us) else { return };
            let due = flush || now_us - us > ladder::HOLD_US;
            let place = place(&self.groups, source, us, now_us, due);
            let Some(frame) = (if place == Place::Undecided { None } else { sound.pending.pop_front() })
            else {
                return;
            };
            match place {
                Place::Interval(group, interval) => {
                    if source == Source::Camera {
                        self.end_alone(out);
                    }
                    let interval = &mut self.groups[group].intervals[interval];
                    note_sound(&frame, &mut self.presentations[interval.presentation]);
                    interval.track().handle_frame(frame);
                }
                Place::Alone if source == Source::Camera => self.sound_alone(frame, out),
                Place::Alone | Place::Undecided => {}
            }
        }
    }

    fn sound_alone(&mut self, frame: audio::Frame, out: &mut Output) {
        if self.alone.as_ref().is_some_and(|(_, track)| frame.us - track.end_us() > MICROPHONE_IDLE_US) {
            self.end_alone(out);
        }
        if self.alone.is_none() {
            let presentation = self.present(Source::Microphone, frame.us, false);
            self.alone = Some((presentation, audio::Track::new(frame.us)));
        }
        if let Some((index, track)) = &mut self.alone {
            let presentation = &mut self.presentations[*index];
            note_sound(&frame, presentation);
            track.handle_frame(frame);
            move_chunks(track, presentation, out);
        }
    }

    /// Lets the sound of intervals follow their picture, and ends those that are through.
    fn advance(&mut self, source: Source, now_us: i64, flush: bool, out: &mut Output) {
        let sound = if source == Source::Camera { &self.microphone } else { &self.screen_sound };
        let heard_us = match sound.pending.front() {
            Some(frame) => frame.us,
            None if flush => i64::MAX,
            None => now_us - ladder::HOLD_US,
        };
        for group in self.groups.iter_mut().filter(|group| group.source == source) {
            let decided_us = group.ladder.decided_us(now_us);
            for interval in &mut group.intervals {
                let presentation = &mut self.presentations[interval.presentation];
                let end_us = interval.end_us;
                let over = end_us.is_some_and(|end_us| heard_us >= end_us.saturating_add(TAIL_US));
                let reached_us = heard_us.min(end_us.or(decided_us).unwrap_or(heard_us));
                if let Some(track) = &mut interval.track {
                    match end_us {
                        Some(end_us) if over => track.end(end_us.max(track.end_us())),
                        _ => track.advance(reached_us),
                    }
                    move_chunks(track, presentation, out);
                }
                if over {
                    presentation.end(out);
                    interval.through = true;
                }
            }
            group.intervals.retain(|interval| !interval.through);
        }
    }

    fn end_idle_microphone(&mut self, now_us: i64, flush: bool, out: &mut Output) {
        let idle_us = |track: &audio::Track| now_us - ladder::HOLD_US - track.end_us();
        if flush || self.alone.as_ref().is_some_and(|(_, track)| idle_us(track) > MICROPHONE_IDLE_US) {
            self.end_alone(out);
        }
    }

    fn end_alone(&mut self, out: &mut Output) {
        if let Some((index, mut track)) = self.alone.take() {
            let end_us = track.end_us();
            track.end(end_us);
            let presentation = &mut self.presentations[index];
            move_chunks(&mut track, presentation, out);
            presentation.end(out);
        }
    }
}

fn note_sound(frame: &audio::Frame, presentation: &mut Presentation) {
    presentation.note_sound(frame.us);
    if frame.lost >= LOST_MIN {
        let missing_us = i64::from(frame.lost) * 20_000;
        presentation.note_gap(frame.us - missing_us, frame.us);
    }
}

fn move_chunks(track: &mut audio::Track, presentation: &mut Presentation, out: &mut Output) {
    while let Some(chunk) = track.poll_chunk() {
        presentation.handle_chunk(&chunk, out);
    }
}

impl Sound {
    fn push(&mut self, stream: u32, frame: audio::Frame) {
        if self.stream != Some(stream) || frame.us < self.last_us {
            return;
        }
        self.last_us = frame.us;
        if self.pending.len() == SOUND_MAX {
            self.pending.pop_front();
        }
        self.pending.push_back(frame);
    }
}
