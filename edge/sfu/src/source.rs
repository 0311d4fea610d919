//! One published track as this shard knows it.

use std::time::Duration;

use smallvec::SmallVec;

use crate::layer::Layer;
use crate::outgoing::Reports;
use crate::{Codec, Kind, LAYERS_MAX, Origin, speaker};

/// Age up to which a keyframe in the ring starts a new receiver.
pub(crate) const KEYFRAME_AGE_MAX: Duration = Duration::from_secs(2);
/// Packets sent in one burst to a new receiver: 300 kB at most, a second of a weak downlink's time.
pub(crate) const REPLAY_PACKETS_MAX: u64 = 256;

#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) origin: Origin,
    pub(crate) kind: Kind,
    pub(crate) codec: Codec,
    pub(crate) clock_rate_hz: u32,
    pub(crate) layers: SmallVec<[Box<Layer>; 1]>,
    /// Outgoing streams fed from here.
    pub(crate) subscribers: Vec<u32>,
    pub(crate) muted: bool,
    pub(crate) level: speaker::Level,
}

impl Source {
    pub(crate) fn new(origin: Origin, kind: Kind, codec: Codec, clock_rate_hz: u32, layers: u8) -> Self {
        let layers = usize::from(layers).clamp(1, LAYERS_MAX);
        Self {
            origin,
            kind,
            codec,
            clock_rate_hz: clock_rate_hz.max(1),
            layers: (0..layers).map(|_| Box::new(Layer::new(kind))).collect(),
            subscribers: Vec::new(),
            muted: false,
            level: speaker::Level::default(),
        }
    }

    pub(crate) fn layer(&self, layer: crate::Layer) -> Option<&Layer> {
        self.layers.get(usize::from(layer)).map(|layer| &**layer)
    }

    pub(crate) fn layer_mut(&mut self, layer: crate::Layer) -> Option<&mut Layer> {
        self.layers.get_mut(usize::from(layer)).map(|layer| &mut **layer)
    }

    pub(crate) fn live(&self) -> [bool; LAYERS_MAX] {
        let mut live = [false; LAYERS_MAX];
        for (live, layer) in live.iter_mut().zip(&self.layers) {
            *live = layer.live;
        }
        live
    }

    pub(crate) fn reports(&self) -> Reports {
        let mut reports = [None; LAYERS_MAX];
        for (report, layer) in reports.iter_mut().zip(&self.layers) {
            *report = layer.report;
        }
        reports
    }
}
