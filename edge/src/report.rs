//! What the edge tells the control plane of its load and its links, once a second: rates since the last time.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Instant;

use control_plane_api::node;
use edge_sfu::LinkId;

use crate::eventloop::EventLoop;
use crate::link::Link;

/// Totals at the last report.
pub(crate) struct Reported {
    at: Instant,
    links: BTreeMap<LinkId, LinkTotals>,
    media: MediaTotals,
}

#[derive(Clone, Copy, Default)]
struct LinkTotals {
    bytes_out: u64,
    bytes_in: u64,
    /// QUIC packets.
    sent: u64,
    lost: u64,
}

#[derive(Clone, Copy, Default)]
struct MediaTotals {
    bytes_in: u64,
    bytes_out: u64,
    busy_ns: u64,
}

impl EventLoop {
    /// Brings the node's record up to date.
    pub(crate) fn report(&mut self) {
        let now = Instant::now();
        let (media, previous) = (self.media_totals(), self.state.reported.take());
        self.state.data.retain(|peer, _| self.rooms.who(*peer).is_some());
        let elapsed_s = previous.as_ref().map_or(1.0, |p| (now - p.at).as_secs_f64()).max(0.001);
        let before = previous.as_ref().map_or(media, |p| p.media);
        let flows = self.rooms.link_flows();
        let mut totals = BTreeMap::new();
        let mut links = Vec::new();
        for link in self.state.links.values() {
            let current = link_totals(link);
            let before = previous.as_ref().and_then(|p| p.links.get(&link.id).copied()).unwrap_or_default();
            let (flows_out, flows_in) = flows.get(&link.id).copied().unwrap_or_default();
            let rtt_ms = link.rtt_ms();
            self.rooms.set_link_cost(link.id, link.cost_ms());
            links.push(node::Link {
                peer: link.node_id.clone(),
                rtt_ms,
                loss: share(
                    current.lost.saturating_sub(before.lost),
                    current.sent.saturating_sub(before.sent),
                ),
                bitrate_in_bps: rate_bps(current.bytes_in, before.bytes_in, elapsed_s),
                bitrate_out_bps: rate_bps(current.bytes_out, before.bytes_out, elapsed_s),
                flows_out,
                flows_in,
                wire_version: link.version,
            });
            totals.insert(link.id, current);
        }
        let participants = u32::try_from(self.rooms.local_participants()).unwrap_or(u32::MAX);
        let rooms = u32::try_from(self.state.open.len()).unwrap_or(u32::MAX);
        let journals = u32::try_from(self.metrics.uploads_pending.get()).unwrap_or(0);
        let busy = media.busy_ns.saturating_sub(before.busy_ns) as f64 / 1e9 / elapsed_s;
        self.registration.update(|node| {
            node.links = links;
            node.load.cpu = busy as f32;
            node.load.participants = participants;
            node.load.rooms = rooms;
            node.load.journals = journals;
            node.load.bitrate_in_bps = rate_bps(media.bytes_in, before.bytes_in, elapsed_s);
            node.load.bitrate_out_bps = rate_bps(media.bytes_out, before.bytes_out, elapsed_s);
        });
        self.state.reported = Some(Reported { at: now, links: totals, media });
    }

    fn media_totals(&self) -> MediaTotals {
        let (bytes_in, bytes_out) =
            self.shard.gauges.snapshot.lock().counters.as_ref().map_or((0, 0), |c| (c.bytes_in, c.bytes_out));
        MediaTotals { bytes_in, bytes_out, busy_ns: self.shard.gauges.busy_ns.load(Ordering::Relaxed) }
    }
}

fn link_totals(link: &Link) -> LinkTotals {
    let (sent, lost) = link.packets();
    LinkTotals {
        bytes_out: link.counters.bytes_out.load(Ordering::Relaxed),
        bytes_in: link.counters.bytes_in.load(Ordering::Relaxed),
        sent,
        lost,
    }
}

fn rate_bps(total: u64, before: u64, elapsed_s: f64) -> u64 {
    (total.saturating_sub(before) as f64 * 8.0 / elapsed_s) as u64
}

fn share(part: u64, whole: u64) -> f32 {
    if whole == 0 { 0.0 } else { part as f32 / whole as f32 }
}
