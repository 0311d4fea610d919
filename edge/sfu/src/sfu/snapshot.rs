//! A view for metrics and the operations page.

use super::Sfu;
use crate::{Layer, LinkId, SourceId};

/// One received layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerSnapshot {
    pub source: SourceId,
    pub layer: Layer,
    /// Packets are coming.
    pub live: bool,
    pub packets: u64,
    pub bytes: u64,
    /// Lost on the way here, repaired or not, since the layer's numbering began.
    pub lost: u64,
    pub bitrate_bps: u64,
    pub keyframes: u64,
    /// Streams of clients that take this layer now.
    pub receivers: usize,
}

/// One flow sent to a link or the recorder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowSnapshot {
    pub link: LinkId,
    pub flow: u64,
    pub source: SourceId,
    pub layer: Layer,
    pub packets: u64,
    pub bytes: u64,
}

/// State of the shard at one moment, in the order of ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    pub sessions: usize,
    /// Streams declared towards clients.
    pub outgoing: usize,
    pub layers: Vec<LayerSnapshot>,
    pub flows: Vec<FlowSnapshot>,
}

impl Sfu {
    /// Walks everything: for every few seconds, not for every turn.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot {
            sessions: self.participants.len(),
            outgoing: self.outgoings.len(),
            ..Snapshot::default()
        };
        let mut ids: Vec<SourceId> = self.sources.keys().copied().collect();
        ids.sort_unstable();
        for (id, source) in ids.iter().filter_map(|id| Some((*id, self.sources.get(id)?))) {
            for (layer, state) in (0..).zip(&source.layers) {
                let streams = source.subscribers.iter().filter_map(|key| self.outgoings.get(*key));
                let totals = state.totals;
                snapshot.layers.push(LayerSnapshot {
                    source: id,
                    layer,
                    live: state.live,
                    packets: totals.packets,
                    bytes: totals.bytes,
                    lost: state.reception.expected().saturating_sub(state.reception.received()),
                    bitrate_bps: state.bitrate_bps(),
                    keyframes: totals.keyframes,
                    receivers: streams.filter(|stream| stream.current == Some(layer)).count(),
                });
                snapshot.flows.extend(state.links.iter().map(|out| FlowSnapshot {
                    link: out.link,
                    flow: out.flow,
                    source: id,
                    layer,
                    packets: out.packets,
                    bytes: out.bytes,
                }));
            }
        }
        snapshot.flows.sort_by_key(|flow| (flow.link, flow.flow));
        snapshot
    }
}
