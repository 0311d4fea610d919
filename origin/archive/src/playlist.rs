//! HLS playlists (RFC 8216bis).

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Playlists promise at least this target duration, so that it rarely grows while a class is live.
const TARGET_SECONDS_MIN: i64 = 4;
/// An audio chunk belongs to a boundary of the picture this far from it.
const BOUNDARY_US: i64 = 40_000;

/// One file of a segment.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) init: String,
    pub(crate) bytes: usize,
}

/// One segment with the layers that have it. Times count from the start of the presentation.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) start_us: i64,
    pub(crate) duration_us: i64,
    pub(crate) layers: BTreeMap<u32, File>,
}

impl Entry {
    /// The file a variant plays here: its own layer, else the next lower, else the next higher.
    fn file(&self, layer: u32) -> Option<&File> {
        let lower = self.layers.range(..=layer).next_back();
        lower.or_else(|| self.layers.range(layer..).next()).map(|(_, file)| file)
    }

    fn bitrate_bps(&self, layer: u32) -> i64 {
        self.file(layer).map_or(0, |file| file.bytes as i64 * 8_000_000 / self.duration_us.max(1))
    }

    pub(crate) fn end_us(&self) -> i64 {
        self.start_us + self.duration_us
    }
}

/// A variant of the multivariant playlist.
#[derive(Debug)]
pub(crate) struct Variant {
    pub(crate) layer: u32,
    pub(crate) codec: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Entries at which some variant changes its init segment: there all of them are discontinuous together.
pub(crate) fn discontinuities(entries: &[Entry], layers: &[u32]) -> Vec<bool> {
    let inits = |entry: &Entry| -> Vec<String> {
        layers.iter().filter_map(|layer| entry.file(*layer)).map(|file| file.init.clone()).collect()
    };
    let changed = entries.windows(2).map(|pair| inits(&pair[0]) != inits(&pair[1]));
    std::iter::once(false).chain(changed).take(entries.len()).collect()
}

/// Where the audio is discontinuous, given where the picture is.
pub(crate) fn follow(audio: &[Entry], video: &[Entry], flags: &[bool]) -> Vec<bool> {
    let mut out = vec![false; audio.len()];
    for (entry, _) in video.iter().zip(flags).filter(|(_, flag)| **flag) {
        let first = audio.iter().position(|chunk| chunk.start_us >= entry.start_us - BOUNDARY_US);
        if let Some(position) = first.filter(|position| *position > 0) {
            out[position] = true;
        }
    }
    out
}

/// A media playlist of one variant.
pub(crate) fn media(entries: &[Entry], layer: u32, flags: &[bool], start_us: i64, ended: bool) -> String {
    let longest_us = entries.iter().map(|entry| entry.duration_us).max().unwrap_or(0);
    let target = ((longest_us + 500_000) / 1_000_000).max(TARGET_SECONDS_MIN);
    let kind = if ended { "VOD" } else { "EVENT" };
    let mut out = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:{kind}\n#EXT-X-INDEPENDENT-SEGMENTS\n"
    );
    let mut init = "";
    for (entry, discontinuity) in entries.iter().zip(flags) {
        let Some(file) = entry.file(layer) else { continue };
        if *discontinuity {
            out.push_str("#EXT-X-DISCONTINUITY\n");
        }
        if file.init != init || *discontinuity {
            init = &file.init;
            let _ = writeln!(out, "#EXT-X-MAP:URI=\"{init}\"");
        }
        let time = date_time((start_us + entry.start_us) / 1_000);
        let (seconds, micros) = (entry.duration_us / 1_000_000, entry.duration_us % 1_000_000);
        let _ = write!(
            out,
            "#EXT-X-PROGRAM-DATE-TIME:{time}\n#EXTINF:{seconds}.{micros:06},\n{name}\n",
            name = file.name
        );
    }
    if ended {
        out.push_str("#EXT-X-ENDLIST\n");
    }
    out
}

/// The multivariant playlist. Without variants the audio is the only one.
pub(crate) fn multivariant(variants: &[Variant], video: &[Entry], audio: &[Entry]) -> String {
    let mut out = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n".to_owned();
    let (audio_peak, audio_average) = bitrates(audio, 0);
    if variants.is_empty() {
        let _ = write!(
            out,
            "#EXT-X-STREAM-INF:BANDWIDTH={audio_peak},AVERAGE-BANDWIDTH={audio_average},CODECS=\"Opus\"\na0.m3u8\n"
        );
        return out;
    }
    if !audio.is_empty() {
        out.push_str(
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"audio\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"a0.m3u8\"\n",
        );
    }
    // Players start with the first variant: the best comes first.
    for variant in variants.iter().rev() {
        let (peak, average) = bitrates(video, variant.layer);
        let Variant { layer, codec, width, height } = variant;
        let (opus, group) = if audio.is_empty() { ("", "") } else { (",Opus", ",AUDIO=\"audio\"") };
        let _ = write!(
            out,
            "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{codec}{opus}\",RESOLUTION={width}x{height}{group}\nv{layer}.m3u8\n",
            peak + audio_peak,
            average + audio_average,
        );
    }
    out
}

/// Peak and average bit/s, at least 1.
fn bitrates(entries: &[Entry], layer: u32) -> (i64, i64) {
    // A last segment of a frame or two says nothing of the rate.
    let whole = entries.iter().filter(|entry| entry.duration_us >= 500_000);
    let peak = whole.map(|entry| entry.bitrate_bps(layer)).max();
    let bytes: usize = entries.iter().filter_map(|entry| entry.file(layer)).map(|file| file.bytes).sum();
    let duration_us: i64 = entries.iter().map(|entry| entry.duration_us).sum();
    let average = (bytes as i64 * 8_000_000 / duration_us.max(1)).max(1);
    (peak.unwrap_or(average).max(average), average)
}

/// ISO 8601 in UTC with milliseconds. Days to date after the civil calendar of ISO 8601, eras of 400 years.
pub(crate) fn date_time(unix_ms: i64) -> String {
    let (days, ms) = (unix_ms.div_euclid(86_400_000), unix_ms.rem_euclid(86_400_000));
    // Years start in March, so that the leap day is the last.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(index: i64, layers: &[(u32, &str)]) -> Entry {
        let file = |(layer, init): &(u32, &str)| {
            let name = format!("v{layer}-{index:05}.m4s");
            (*layer, File { name, init: (*init).into(), bytes: 1_000 })
        };
        let layers = layers.iter().map(file).collect();
        Entry { start_us: index * 2_000_000, duration_us: 2_000_000, layers }
    }

    #[test]
    fn dates_are_civil() {
        assert_eq!(date_time(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(date_time(951_827_696_789), "2000-02-29T12:34:56.789Z");
        assert_eq!(date_time(1_763_672_400_001), "2025-11-20T21:00:00.001Z");
    }

    #[test]
    fn a_variant_borrows_the_layer_below_and_all_are_discontinuous_together() {
        let entries = [
            entry(0, &[(0, "v0-init-0.mp4"), (1, "v1-init-0.mp4")]),
            entry(1, &[(0, "v0-init-0.mp4")]),
            entry(2, &[(0, "v0-init-0.mp4"), (1, "v1-init-0.mp4")]),
        ];
        let flags = discontinuities(&entries, &[0, 1]);
        assert_eq!(flags, [false, true, true]);
        let top = media(&entries, 1, &flags, 0, true);
        assert!(top.contains("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"v0-init-0.mp4\"\n"), "{top}");
        let low = media(&entries, 0, &flags, 0, true);
        let count = |text: &str| text.matches("#EXT-X-DISCONTINUITY\n").count();
        assert_eq!((count(&top), count(&low)), (2, 2));
        assert!(top.ends_with("#EXT-X-ENDLIST\n"));
    }
}
