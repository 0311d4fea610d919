//! One entry of the manifest being written: segments in, objects and playlists out.

use std::collections::BTreeMap;
use std::sync::Arc;

use control_plane_api::recording::{self, Container, Gap, Source};

use crate::audio::Chunk;
use crate::codec::Video;
use crate::fmp4::{self, AUDIO_TIMESCALE, Sample, VIDEO_TIMESCALE};
use crate::ladder::Segment;
use crate::object::{Lifetime, Object, Output, content_type};
use crate::playlist::{self, Entry, File, Variant};
use crate::webm;

/// Bytes of one WebM file: it is made in memory. A longer presentation goes on as another one.
const WEBM_BYTES_MAX: usize = 128 << 20;
/// Gaps told per presentation; further ones extend the last.
const GAPS_MAX: usize = 1_000;

/// Who and what is shown.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) participant_sid: String,
    pub(crate) identity: String,
    pub(crate) name: String,
    pub(crate) source: Source,
}

/// Init segment in force of one layer.
#[derive(Debug)]
struct Init {
    video: Arc<Video>,
    name: String,
    count: u32,
}

#[derive(Debug)]
pub(crate) struct Presentation {
    id: String,
    /// Folder of its objects.
    folder: String,
    subject: Subject,
    start_us: i64,
    end_us: i64,
    ended: bool,
    dirty: bool,
    gaps: Vec<(i64, i64)>,
    video: Vec<Entry>,
    audio: Vec<Entry>,
    inits: BTreeMap<u32, Init>,
    audio_init: String,
    variants: BTreeMap<u32, Variant>,
    /// Set for VP8: everything is kept until the end.
    webm: Option<Webm>,
    has_video: bool,
    has_audio: bool,
    /// When the first sound begins.
    sound_us: Option<i64>,
}

#[derive(Debug)]
struct Webm {
    picture: webm::Picture,
    blocks: Vec<webm::Block>,
    bytes: usize,
    file: String,
}

impl Presentation {
    /// `folder` is that of the recording, `id` unique in it. VP8 goes into one WebM file.
    pub(crate) fn new(folder: &str, id: String, subject: Subject, start_us: i64, vp8: bool) -> Self {
        let picture = webm::Picture { width: 0, height: 0 };
        Self {
            folder: format!("{folder}/{id}"),
            id,
            subject,
            start_us,
            end_us: start_us,
            ended: false,
            dirty: false,
            gaps: Vec::new(),
            video: Vec::new(),
            audio: Vec::new(),
            inits: BTreeMap::new(),
            audio_init: String::new(),
            variants: BTreeMap::new(),
            webm: vp8.then(|| Webm { picture, blocks: Vec::new(), bytes: 0, file: String::new() }),
            has_video: false,
            has_audio: false,
            sound_us: None,
        }
    }

    /// Sound of a moment of class time goes in: the first there is.
    pub(crate) fn note_sound(&mut self, us: i64) {
        self.sound_us.get_or_insert(us);
    }

    /// From when on this has all that it has: what came before is silent.
    pub(crate) fn whole_from_us(&self) -> i64 {
        self.sound_us.unwrap_or(self.start_us).max(self.start_us)
    }

    pub(crate) fn handle_segment(&mut self, segment: Segment, out: &mut Output) {
        for (start_us, end_us) in &segment.gaps {
            self.note_gap(*start_us, *end_us);
        }
        self.has_video = true;
        self.end_us = self.end_us.max(segment.end_us);
        if self.webm.is_some() {
            return self.keep_vp8(segment);
        }
        let mut entry = Entry {
            start_us: segment.start_us - self.start_us,
            duration_us: segment.end_us - segment.start_us,
            layers: BTreeMap::new(),
        };
        let index = self.video.len() as u32 + 1;
        let (start, end) = (video_ticks(entry.start_us), video_ticks(entry.end_us()));
        for (layer, part) in segment.layers {
            let Some(init) = self.init(layer, &part.config, out) else { continue };
            let ticks = part.frames.iter().map(|(us, _)| video_ticks(us - self.start_us));
            let durations = durations(ticks.collect(), start, end);
            let samples: Vec<Sample> = part
                .frames
                .into_iter()
                .zip(durations)
                .map(|((_, data), duration)| Sample { duration, data })
                .collect();
            let bytes = fmp4::fragment(index, start as u64, &samples, false);
            let length = bytes.len();
            let name = self.put(&format!("v{layer}-{index:05}"), ".m4s", bytes, out);
            entry.layers.insert(layer, File { name, init, bytes: length });
        }
        if !entry.layers.is_empty() {
            self.video.push(entry);
            self.dirty = true;
        }
    }

    pub(crate) fn handle_chunk(&mut self, chunk: &Chunk, out: &mut Output) {
        self.has_audio = true;
        let micros = |samples: i64| samples * 125 / 6;
        let entry_us = (micros(chunk.start), micros(chunk.start + chunk.samples()));
        self.end_us = self.end_us.max(self.start_us + entry_us.1);
        let mut position = chunk.start;
        if let Some(webm) = &mut self.webm {
            for (samples, data) in &chunk.frames {
                let ms = position * 1_000 / i64::from(AUDIO_TIMESCALE);
                webm.push(webm::Block { ms, video: false, keyframe: true, data: data.clone() });
                position += i64::from(*samples);
            }
            return;
        }
        let index = self.audio.len() as u32 + 1;
        if index == 1 {
            self.audio_init = self.put("a0-init-0", ".mp4", fmp4::audio_init(), out);
        }
        let samples =
            chunk.frames.iter().map(|(duration, data)| Sample { duration: *duration, data: data.clone() });
        let bytes = fmp4::fragment(index, chunk.start as u64, &samples.collect::<Vec<_>>(), true);
        let length = bytes.len();
        let name = self.put(&format!("a0-{index:05}"), ".m4s", bytes, out);
        let init = self.audio_init.clone();
        let layers = BTreeMap::from([(0, File { name, init, bytes: length })]);
        self.audio.push(Entry { start_us: entry_us.0, duration_us: entry_us.1 - entry_us.0, layers });
        self.dirty = true;
    }

    /// Something is missing between two moments of class time.
    pub(crate) fn note_gap(&mut self, start_us: i64, end_us: i64) {
        let start_us = start_us.max(self.start_us);
        let full = self.gaps.len() == GAPS_MAX;
        match self.gaps.last_mut() {
            Some(last) if start_us <= last.1 || full => last.1 = last.1.max(end_us),
            _ => self.gaps.push((start_us, end_us)),
        }
        self.gaps.sort_unstable();
    }

    /// Nothing follows.
    pub(crate) fn end(&mut self, out: &mut Output) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.dirty = true;
        self.inits.clear();
        if let Some(mut webm) = self.webm.take() {
            let duration_ms = (self.end_us - self.start_us) / 1_000;
            let blocks = std::mem::take(&mut webm.blocks);
            let bytes = webm::file(webm.picture, self.has_audio, duration_ms, blocks);
            webm.file = self.put("main", ".webm", bytes, out);
            self.webm = Some(webm);
        }
    }

    /// It holds as much as it may; end it and go on in a new one.
    pub(crate) fn is_full(&self) -> bool {
        self.webm.as_ref().is_some_and(|webm| webm.bytes > WEBM_BYTES_MAX)
    }

    pub(crate) fn is_partial(&self) -> bool {
        !self.gaps.is_empty()
    }

    /// Playlists to write again since the last call, the multivariant one last.
    pub(crate) fn take_playlists(&mut self) -> Vec<Object> {
        if !std::mem::take(&mut self.dirty) || self.webm.is_some() {
            return Vec::new();
        }
        let layers: Vec<u32> = self.variants.keys().copied().collect();
        let video_flags = playlist::discontinuities(&self.video, &layers);
        let settled_us = self.video.last().map_or(0, Entry::end_us);
        // Whether the audio is discontinuous somewhere is known once the picture is cut there.
        let live = self.has_video && !self.ended;
        let listed = self.audio.iter().take_while(|chunk| !live || chunk.start_us < settled_us).count();
        let audio = &self.audio[..listed];
        let audio_flags = playlist::follow(audio, &self.video, &video_flags);
        let mut objects = Vec::new();
        let mut put = |name: String, text: String| {
            let path = format!("{}/{name}", self.folder);
            let content_type = content_type(&path);
            objects.push(Object { path, bytes: text.into(), content_type, lifetime: Lifetime::Changing });
        };
        for layer in layers {
            let text = playlist::media(&self.video, layer, &video_flags, self.start_us, self.ended);
            put(format!("v{layer}.m3u8"), text);
        }
        if !audio.is_empty() {
            put("a0.m3u8".into(), playlist::media(audio, 0, &audio_flags, self.start_us, self.ended));
        }
        let variants: Vec<Variant> = std::mem::take(&mut self.variants).into_values().collect();
        put("main.m3u8".into(), playlist::multivariant(&variants, &self.video, audio));
        if !self.ended {
            self.variants = variants.into_iter().map(|variant| (variant.layer, variant)).collect();
        }
        objects
    }

    /// Its entry in the manifest; `None` while there is nothing to play.
    pub(crate) fn describe(&self, class_start_us: i64) -> Option<recording::Presentation> {
        let (container, file) = match &self.webm {
            Some(webm) => (Container::Webm, webm.file.as_str()),
            None => (Container::Cmaf, "main.m3u8"),
        };
        let playable =
            !file.is_empty() && (self.webm.is_some() || !self.video.is_empty() || !self.audio.is_empty());
        let ms = |us: i64| ((us - class_start_us) / 1_000).max(0).cast_unsigned();
        let gaps = self.gaps.iter().map(|(start, end)| Gap { start_ms: ms(*start), end_ms: ms(*end) });
        playable.then(|| recording::Presentation {
            id: self.id.clone(),
            participant_sid: self.subject.participant_sid.clone(),
            identity: self.subject.identity.clone(),
            name: self.subject.name.clone(),
            source: self.subject.source,
            start_ms: ms(self.start_us),
            end_ms: ms(self.end_us),
            has_video: self.has_video,
            has_audio: self.has_audio,
            container,
            path: format!("{}/{file}", self.id),
            gaps: gaps.collect(),
        })
    }

    /// Init segment of a layer, written when the configuration is new; `None` when it has no MP4 form.
    fn init(&mut self, layer: u32, video: &Arc<Video>, out: &mut Output) -> Option<String> {
        let current = self.inits.get(&layer);
        if let Some(current) = current.filter(|current| current.video == *video) {
            return Some(current.name.clone());
        }
        let count = current.map_or(0, |current| current.count + 1);
        let bytes = fmp4::video_init(video)?;
        let name = self.put(&format!("v{layer}-init-{count}"), ".mp4", bytes, out);
        let (width, height) = video.display_size();
        let variant = Variant { layer, codec: video.codec_string(), width, height };
        // The variant is described by the largest picture it has shown.
        let pixels = |variant: &Variant| u64::from(variant.width) * u64::from(variant.height);
        if self.variants.get(&layer).is_none_or(|known| pixels(known) < pixels(&variant)) {
            self.variants.insert(layer, variant);
        }
        self.inits.insert(layer, Init { video: Arc::clone(video), name: name.clone(), count });
        Some(name)
    }

    fn put(&self, stem: &str, extension: &str, bytes: Vec<u8>, out: &mut Output) -> String {
        let path = out.put(&format!("{}/{stem}", self.folder), extension, bytes);
        path[self.folder.len() + 1..].to_owned()
    }

    fn keep_vp8(&mut self, segment: Segment) {
        // The best layer of each segment: a WebM file has one picture.
        let Some((_, part)) = segment.layers.into_iter().next_back() else { return };
        let Some(webm) = &mut self.webm else { return };
        webm.picture.width = webm.picture.width.max(part.config.width);
        webm.picture.height = webm.picture.height.max(part.config.height);
        for (index, (us, data)) in part.frames.into_iter().enumerate() {
            let ms = (us - self.start_us) / 1_000;
            webm.push(webm::Block { ms, video: true, keyframe: index == 0, data });
        }
    }
}

impl Webm {
    fn push(&mut self, block: webm::Block) {
        self.bytes += block.data.len();
        self.blocks.push(block);
    }
}

fn video_ticks(us: i64) -> i64 {
    us * i64::from(VIDEO_TIMESCALE) / 1_000_000
}

/// Sample durations that add up to the segment exactly: frames keep their times, moved apart where they collide.
fn durations(mut ticks: Vec<i64>, start: i64, end: i64) -> Vec<u32> {
    let count = ticks.len() as i64;
    let mut earliest = start;
    for (index, tick) in ticks.iter_mut().enumerate() {
        let latest = end - (count - index as i64);
        *tick = if index == 0 { start } else { (*tick).max(earliest).min(latest.max(earliest)) };
        earliest = *tick + 1;
    }
    let next = ticks.iter().skip(1).copied().chain([end]);
    ticks.iter().zip(next).map(|(tick, next)| u32::try_from(next - tick).unwrap_or(1).max(1)).collect()
}
