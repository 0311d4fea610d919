//! One published track as this edge knows it: who watches it and how its media gets here.

use std::collections::BTreeMap;
use std::time::Instant;

use edge_sfu::{LAYERS_MAX, Layer, LinkId, SourceId, Target};
use edge_wire::{control, model};

use crate::{PeerId, TrackSettings};

#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) owner: Owner,
    pub(crate) participant_sid: String,
    pub(crate) kind: edge_sfu::Kind,
    pub(crate) codec: control::Codec,
    pub(crate) layers: u8,
    /// Always there for local tracks; for remote ones while somebody behind this edge wants them.
    pub(crate) source: Option<SourceId>,
    /// Clients of this edge that receive it.
    pub(crate) watchers: BTreeMap<PeerId, Watcher>,
    /// Links we feed: (link, flow) and the layer.
    pub(crate) feeds: BTreeMap<(LinkId, u64), Layer>,
    /// Layers that send packets, as the media thread reports.
    pub(crate) live: [bool; LAYERS_MAX],
    /// Layers we pull from `via`.
    pub(crate) pulls: BTreeMap<Layer, Pull>,
    /// Link the pulls and the source go over.
    pub(crate) via: Option<LinkId>,
    /// A remote track has no way since then.
    pub(crate) lost_at: Option<Instant>,
    pub(crate) dynacast: Dynacast,
    /// Recorder streams by layer.
    pub(crate) streams: BTreeMap<Layer, u32>,
    /// When the recorder's next keyframe is asked for.
    pub(crate) keyframe_at: Option<Instant>,
    /// Its publisher was told that somebody subscribed.
    pub(crate) subscribed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Local(PeerId),
    Remote,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Watcher {
    pub(crate) mid: String,
    pub(crate) payload_type: u8,
    pub(crate) rtx_payload_type: Option<u8>,
    pub(crate) target: Target,
    /// Layer it is sent now, as the media thread reports: until the target's keyframe comes, another.
    pub(crate) receives: Option<Layer>,
}

#[derive(Debug)]
pub(crate) struct Pull {
    pub(crate) flow: u64,
    pub(crate) since: Instant,
    /// Nobody wants it any more; let go then.
    pub(crate) release_at: Option<Instant>,
}

/// What the publisher was told of who watches: the highest quality wanted, `None` for nobody.
#[derive(Debug)]
pub(crate) struct Dynacast {
    pub(crate) told: Option<u32>,
    /// Less is wanted than told; say so then.
    pub(crate) down_at: Option<Instant>,
}

impl Track {
    pub(crate) fn new(owner: Owner, participant_sid: String, codec: control::Codec, layers: u8) -> Self {
        let is_audio = codec.mime_type.starts_with("audio/");
        Self {
            owner,
            participant_sid,
            kind: if is_audio { edge_sfu::Kind::Audio } else { edge_sfu::Kind::Video },
            codec,
            layers: layers.clamp(1, LAYERS_MAX as u8),
            source: None,
            watchers: BTreeMap::new(),
            feeds: BTreeMap::new(),
            live: [false; LAYERS_MAX],
            pulls: BTreeMap::new(),
            via: None,
            lost_at: None,
            dynacast: Dynacast { told: Some(QUALITY_HIGH), down_at: None },
            streams: BTreeMap::new(),
            keyframe_at: None,
            subscribed: false,
        }
    }

    pub(crate) fn is_live(&self, layer: Layer) -> bool {
        self.live.get(usize::from(layer)).copied().unwrap_or(false)
    }

    /// Layers somebody behind this edge asks for, and those that are still sent to who waits for another: taken away before
    /// the other's keyframe is there, they would leave a picture without its end and then nothing to see.
    pub(crate) fn wanted(&self) -> [bool; LAYERS_MAX] {
        let mut wanted = [false; LAYERS_MAX];
        let top = self.layers - 1;
        let sent = |watcher: &Watcher| watcher.receives.filter(|layer| self.is_live(*layer));
        let watching = self.watchers.values().filter(|watcher| !watcher.target.paused);
        let watched = watching.flat_map(|w| std::iter::once(w.target.layer.min(top)).chain(sent(w)));
        for layer in watched.chain(self.feeds.values().map(|layer| (*layer).min(top))) {
            wanted[usize::from(layer)] = true;
        }
        for layer in self.streams.keys() {
            wanted[usize::from((*layer).min(top))] = true;
        }
        wanted
    }

    pub(crate) fn wanted_top(&self) -> Option<Layer> {
        self.wanted().iter().rposition(|wanted| *wanted).map(|layer| layer as Layer)
    }
}

pub(crate) const QUALITY_HIGH: u32 = 2;

/// What a receiver gets of a track, from its settings and the track's layers (lowest first).
pub(crate) fn target(settings: Option<&TrackSettings>, layers: &[model::VideoLayer]) -> Target {
    let top = (layers.len().clamp(1, LAYERS_MAX) - 1) as Layer;
    let Some(settings) = settings else { return Target { layer: top, paused: false } };
    let chosen = if settings.width > 0 && settings.height > 0 {
        layers.iter().position(|layer| layer.width >= settings.width && layer.height >= settings.height)
    } else {
        Some(layers.iter().rposition(|layer| layer.quality <= settings.quality).unwrap_or(0))
    };
    Target { layer: chosen.map_or(top, |layer| (layer as Layer).min(top)), paused: settings.disabled }
}

/// The track's layers as everybody is told: one per RID (or one), qualities and sizes from what the client announced,
/// halves of the full size where it did not.
pub(crate) fn layers(announced: &model::Track, rids: &[String]) -> Vec<model::VideoLayer> {
    let count = rids.len().max(1);
    let mut known = announced.layers.clone();
    known.sort_by_key(|layer| (layer.quality, layer.width));
    if known.len() > count {
        known.drain(..known.len() - count);
    }
    let known = if known.len() == count { known } else { Vec::new() };
    (0..count)
        .map(|index| {
            let shift = (count - 1 - index) as u32;
            let quality = match (count, rids.get(index).map(String::as_str)) {
                (1, _) => QUALITY_HIGH,
                (_, Some("q")) => 0,
                (_, Some("h")) => 1,
                (_, Some("f")) => 2,
                _ => (index as u32).min(QUALITY_HIGH),
            };
            let mut layer = known.get(index).cloned().unwrap_or_else(|| model::VideoLayer {
                quality,
                width: announced.width >> shift,
                height: announced.height >> shift,
                ..model::VideoLayer::default()
            });
            layer.quality = layer.quality.min(QUALITY_HIGH);
            layer.rid = rids.get(index).cloned().unwrap_or_default();
            layer
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ladder() -> Vec<model::VideoLayer> {
        let rids = ["q", "h", "f"].map(str::to_owned);
        layers(&model::Track { width: 1280, height: 720, ..model::Track::default() }, &rids)
    }

    #[test]
    fn the_smallest_layer_that_fills_the_picture_is_taken() {
        let ladder = ladder();
        assert_eq!(
            ladder.iter().map(|l| (l.width, l.quality)).collect::<Vec<_>>(),
            [(320, 0), (640, 1), (1280, 2)]
        );
        let layer = |width, height, quality| {
            let settings = TrackSettings { width, height, quality, ..TrackSettings::default() };
            target(Some(&settings), &ladder).layer
        };
        assert_eq!(layer(320, 180, 2), 0);
        assert_eq!(layer(321, 180, 0), 1);
        assert_eq!(layer(4_000, 2_000, 0), 2);
        assert_eq!(layer(0, 0, 0), 0);
        assert_eq!(layer(0, 0, 1), 1);
        assert_eq!(target(None, &ladder), Target { layer: 2, paused: false });
        assert_eq!(target(None, &[]).layer, 0);
        let disabled = TrackSettings { disabled: true, ..TrackSettings::default() };
        assert!(target(Some(&disabled), &ladder).paused);
    }

    #[test]
    fn announced_layers_are_told_by_rid_lowest_first() {
        let layer =
            |quality, width| model::VideoLayer { quality, width, height: width / 2, ..Default::default() };
        let announced = model::Track { layers: vec![layer(2, 1000), layer(0, 250)], ..Default::default() };
        let told = layers(&announced, &["q".to_owned(), "h".to_owned()]);
        assert_eq!(
            told.iter().map(|l| (l.rid.as_str(), l.quality, l.width)).collect::<Vec<_>>(),
            [("q", 0, 250), ("h", 2, 1000)]
        );
        assert_eq!(layers(&announced, &[])[0].width, 1000, "one layer is the highest announced");
    }
}
