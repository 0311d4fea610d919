//! All figures of the control plane. No user, room or class as a label.

use control_plane_agent::mirror::State;
use control_plane_agent::view::View;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    /// `ok`, or the code of the error answer.
    pub(crate) joins: Family<Outcome, Counter>,
    pub(crate) rate_limited: Counter,
    pub(crate) connections_refused: Counter,
    /// Of use or not: where there is no such account the work is done too.
    pub(crate) password_hashes: Counter,
    pub(crate) store_requests: Family<Outcome, Counter>,
    pub(crate) store_watches: Gauge,
    pub(crate) node_connections: Gauge,
    pub(crate) node_handshakes_failed: Counter,
    pub(crate) ops_streams: Gauge,
    pub(crate) dns_answers: Family<DnsAnswer, Counter>,
    pub(crate) dns_unsent: Counter,
    pub(crate) facts_stored: Counter,
    pub(crate) facts_concluded: Counter,
    pub(crate) facts_malformed: Counter,
    /// Rooms on so many edges that they have a tree.
    pub(crate) topologies: Gauge,
    /// `written`, `dropped`, `forgotten`, `same`, `conflict`, `failed`.
    pub(crate) room_plans: Family<Outcome, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Outcome {
    pub(crate) outcome: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct DnsAnswer {
    /// `udp` or `tcp`.
    pub(crate) transport: &'static str,
    pub(crate) outcome: &'static str,
}

impl Outcome {
    pub(crate) fn of(outcome: &str) -> Self {
        Self { outcome: outcome.to_owned() }
    }
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry, view: View) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("seodang_control_plane");
        registry.register("joins", "Join requests answered", metrics.joins.clone());
        registry.register("rate_limited", "Requests refused for their rate", metrics.rate_limited.clone());
        let help = "Connections closed at once: their address has too many";
        registry.register("connections_refused", help, metrics.connections_refused.clone());
        let help = "Passwords hashed, to keep them, to check them, or to take as long";
        registry.register("password_hashes", help, metrics.password_hashes.clone());
        registry.register("store_requests", "Requests of nodes to the store", metrics.store_requests.clone());
        registry.register("store_watches", "Watches nodes hold open", metrics.store_watches.clone());
        registry.register(
            "node_connections",
            "Connections nodes hold open",
            metrics.node_connections.clone(),
        );
        registry.register(
            "node_handshakes_failed",
            "Connections to the node listener without the fleet's certificate",
            metrics.node_handshakes_failed.clone(),
        );
        registry.register(
            "facts_stored",
            "Attendance facts taken, repeats included",
            metrics.facts_stored.clone(),
        );
        registry.register(
            "facts_concluded",
            "People concluded to have left with an edge that is lost",
            metrics.facts_concluded.clone(),
        );
        registry.register(
            "facts_malformed",
            "Attendance facts dropped for their texts",
            metrics.facts_malformed.clone(),
        );
        registry.register("ops_streams", "Ops pages that get live news", metrics.ops_streams.clone());
        registry.register("dns_answers", "DNS queries by what became of them", metrics.dns_answers.clone());
        let help = "DNS answers the socket did not take";
        registry.register("dns_unsent", help, metrics.dns_unsent.clone());
        registry.register("topologies", "Rooms whose edges form a tree", metrics.topologies.clone());
        registry.register("room_plans", "Records of rooms brought up to date", metrics.room_plans.clone());
        // There from the start: a family without a member is in no scrape, and an alert on it says nothing.
        for transport in ["udp", "tcp"] {
            drop(metrics.dns_answers.get_or_create(&DnsAnswer { transport, outcome: "answered" }));
        }
        for outcome in ["written", "failed"] {
            drop(metrics.room_plans.get_or_create(&Outcome::of(outcome)));
        }
        control_plane_agent::spans::register(registry);
        registry.register_collector(Box::new(ViewCollector { view }));
        metrics
    }
}

/// What the view holds, read when it is scraped.
#[derive(Debug)]
struct ViewCollector {
    view: View,
}

impl Collector for ViewCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let stale_s = match self.view.state() {
            State::Stale { since_ms } => control_plane_agent::unix_time_ms().saturating_sub(since_ms) / 1000,
            State::Empty | State::Live => 0,
        };
        let figures = [
            ("view_nodes", "Nodes registered", self.view.nodes().len(), None),
            ("view_rooms", "Rooms in progress", self.view.rooms().len(), None),
            ("view_classes", "Classes", self.view.classes().len(), None),
            ("view_drains", "Nodes and regions that are wished to be empty", self.view.drains().len(), None),
            (
                "view_stale",
                "Age of the view while the store is away",
                usize::try_from(stale_s).unwrap_or(usize::MAX),
                Some(Unit::Seconds),
            ),
        ];
        let unreadable = ConstCounter::new(self.view.unreadable());
        let help = "Records in the store that could not be read and were left out";
        let described = encoder.encode_descriptor("view_unreadable", help, None, unreadable.metric_type())?;
        unreadable.encode(described)?;
        for (name, help, value, unit) in figures {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, unit.as_ref(), gauge_type())?)?;
        }
        Ok(())
    }
}

fn gauge_type() -> prometheus_client::metrics::MetricType {
    prometheus_client::metrics::MetricType::Gauge
}
