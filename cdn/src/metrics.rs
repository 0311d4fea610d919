//! All metrics of the node. No label carries a path, user or room.

use crate::node::Node;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::Arc;

/// What the node holds at the moment of a scrape.
#[derive(Debug)]
pub(crate) struct Held(pub(crate) Arc<Node>);

impl Collector for Held {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self(node) = self;
        let flights = node.flights.lock().len();
        for (name, help, unit, value) in [
            ("stored", "Bytes held in memory", Some(&Unit::Bytes), node.store.bytes()),
            ("stored_keys", "Keys held in memory", None, node.store.keys()),
            ("flights", "Shared fetches under way", None, flights),
        ] {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?)?;
        }
        Ok(())
    }
}

/// How a request through the cache was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByResult {
    pub(crate) result: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByReason {
    pub(crate) reason: &'static str,
}

#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) requests: Family<ByResult, Counter>,
    pub(crate) errors: Family<ByReason, Counter>,
    pub(crate) upstream_fetches: Counter,
    pub(crate) upstream_failures: Family<ByReason, Counter>,
    pub(crate) upstream_bytes: Counter,
    pub(crate) client_bytes: Counter,
    pub(crate) collapsed: Counter,
    pub(crate) connections: Gauge,
    pub(crate) draining: Gauge,
}

impl Metrics {
    /// Metrics and the registry they are in, named `cdn_*`.
    pub(crate) fn new(node: &str, region: &str) -> (Arc<Self>, Registry) {
        let metrics = Arc::new(Self::default());
        let mut registry = Registry::with_prefix("cdn");
        let info = Info::new([("node", node.to_owned()), ("region", region.to_owned())]);
        registry.register("node", "Name and region of this node", info);
        let m = &metrics;
        registry.register("requests", "Requests by how the cache answered", m.requests.clone());
        registry.register("errors", "Refused or failed requests by reason", m.errors.clone());
        registry.register("upstream_fetches", "Requests sent upstream", m.upstream_fetches.clone());
        registry.register("upstream_failures", "Fetches that failed, by reason", m.upstream_failures.clone());
        registry.register_with_unit(
            "upstream",
            "Body bytes from upstream",
            Unit::Bytes,
            m.upstream_bytes.clone(),
        );
        registry.register_with_unit("client", "Body bytes to clients", Unit::Bytes, m.client_bytes.clone());
        registry.register("collapsed", "Requests served by another's fetch", m.collapsed.clone());
        registry.register("connections", "Client connections", m.connections.clone());
        registry.register("draining", "1 while the node is to be emptied", m.draining.clone());
        (metrics, registry)
    }

    pub(crate) fn count(&self, result: &'static str) {
        self.requests.get_or_create(&ByResult { result }).inc();
    }

    pub(crate) fn error(&self, reason: &'static str) {
        self.errors.get_or_create(&ByReason { reason }).inc();
    }

    pub(crate) fn upstream_failure(&self, reason: &'static str) {
        self.upstream_failures.get_or_create(&ByReason { reason }).inc();
    }
}
