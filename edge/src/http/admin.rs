//! The admin listener: `/metrics`, `/healthz`, `/readyz`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::Server;
use crate::shard::Gauges;

pub(super) fn router(server: &Server) -> axum::Router {
    let mut registry = Registry::with_prefix("seodang");
    server.metrics.register(&mut registry);
    registry.register_collector(Box::new(Media { gauges: Arc::clone(&server.shard.gauges) }));
    registry.register_collector(Box::new(Spool { depth: Arc::clone(&server.facts_depth) }));
    registry.register_collector(Box::new(Links { registration: server.registration.clone() }));
    control_plane_agent::admin::router(Arc::new(registry), server.health.clone())
}

/// The media thread's counters.
struct Media {
    gauges: Arc<Gauges>,
}

impl std::fmt::Debug for Media {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Media")
    }
}

impl Collector for Media {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let snapshot = self.gauges.snapshot.lock().clone();
        if let Some(counters) = &snapshot.counters {
            for (name, value) in counters.iter() {
                count(&mut encoder, &format!("media_{name}"), value)?;
            }
        }
        for (name, value) in [
            ("media_link_in_dropped", &self.gauges.link_in_dropped),
            ("media_link_out_dropped", &self.gauges.link_out_dropped),
            ("media_recorder_dropped", &self.gauges.recorder_dropped),
            ("media_send_errors", &self.gauges.send_errors),
            ("media_receive_errors", &self.gauges.receive_errors),
        ] {
            count(&mut encoder, name, value.load(Ordering::Relaxed))?;
        }
        let live = snapshot.detail.layers.iter().filter(|layer| layer.live).count();
        let received = snapshot.detail.layers.iter().map(|layer| layer.bitrate_bps).sum::<u64>();
        for (name, value) in [
            ("media_sessions", snapshot.detail.sessions as f64),
            ("media_outgoing_streams", snapshot.detail.outgoing as f64),
            ("media_live_layers", live as f64),
            ("media_link_flows", snapshot.detail.flows.len() as f64),
            ("media_received_bps", received as f64),
        ] {
            let metric = ConstGauge::new(value);
            metric.encode(encoder.encode_descriptor(
                name,
                "State of the media thread",
                None,
                metric.metric_type(),
            )?)?;
        }
        let busy_s = self.gauges.busy_ns.load(Ordering::Relaxed) as f64 / 1e9;
        let metric = ConstCounter::new(busy_s);
        let descriptor = encoder.encode_descriptor(
            "media_busy_seconds",
            "Time the media thread was busy",
            None,
            metric.metric_type(),
        )?;
        metric.encode(descriptor)
    }
}

fn count(encoder: &mut DescriptorEncoder<'_>, name: &str, value: u64) -> Result<(), std::fmt::Error> {
    let metric = ConstCounter::new(value);
    let descriptor =
        encoder.encode_descriptor(name, "See edge-sfu's Counters", None, metric.metric_type())?;
    metric.encode(descriptor)
}

/// The spool of facts.
struct Spool {
    depth: Arc<dyn Fn() -> (u64, u64) + Send + Sync>,
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Spool")
    }
}

impl Collector for Spool {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let (waiting, bytes) = (self.depth)();
        for (name, help, value) in [
            ("edge_facts_waiting", "Attendance facts the control plane has not taken yet", waiting),
            ("edge_facts_spool_bytes", "Length of the spool of attendance facts", bytes),
        ] {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

/// State of the links, as last reported to the control plane. The peer is a node, of which there are few.
#[derive(Debug)]
struct Links {
    registration: control_plane_agent::registration::Registration,
}

impl Collector for Links {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let node = self.registration.node();
        let mut by_name: BTreeMap<&str, Vec<(String, f64)>> = BTreeMap::new();
        for link in node.links {
            let mut add = |name, value| by_name.entry(name).or_default().push((link.peer.clone(), value));
            add("link_rtt_ms", f64::from(link.rtt_ms));
            add("link_loss_ratio", f64::from(link.loss));
            add("link_bitrate_in_bps", link.bitrate_in_bps as f64);
            add("link_bitrate_out_bps", link.bitrate_out_bps as f64);
            add("link_flows_in", f64::from(link.flows_in));
            add("link_flows_out", f64::from(link.flows_out));
            // During an upgrade the older of the two ends' versions: what is left to upgrade.
            add("link_wire_version", f64::from(link.wire_version));
        }
        for (name, values) in by_name {
            let kind = ConstGauge::new(0.0).metric_type();
            let mut family = encoder.encode_descriptor(name, "Link to another edge", None, kind)?;
            for (peer, value) in values {
                let labels = [("peer", peer)];
                ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
            }
        }
        let participants = ConstGauge::new(i64::from(node.load.participants));
        let descriptor = encoder.encode_descriptor(
            "participants",
            "Participants on this edge",
            None,
            participants.metric_type(),
        )?;
        participants.encode(descriptor)
    }
}
