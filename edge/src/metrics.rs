//! Every metric of the edge, in one place. No room, user or address is a label.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Why something was refused or lost, as a short stable word.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Reason {
    pub(crate) reason: &'static str,
}

/// Cheap to clone: all clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) joins: Counter,
    pub(crate) resumes: Counter,
    /// Connections refused before or after the upgrade, by reason.
    pub(crate) refused: Family<Reason, Counter>,
    /// Client messages that did not decode, by reason.
    pub(crate) malformed: Family<Reason, Counter>,
    /// Clients told to leave, by reason.
    pub(crate) dismissed: Family<Reason, Counter>,
    pub(crate) data_refused: Counter,
    pub(crate) links_refused: Counter,
    pub(crate) admission_refused: Counter,
    pub(crate) link_datagrams_split: Counter,
    pub(crate) link_datagrams_lost: Counter,
    pub(crate) recorder_lost: Counter,
    pub(crate) upload_retries: Counter,
    /// Journals the origin does not hold for good yet.
    pub(crate) uploads_pending: Gauge,
    pub(crate) facts_sent: Counter,
    pub(crate) facts_retries: Counter,
    pub(crate) facts_lost: Counter,
    pub(crate) webhooks_sent: Counter,
    pub(crate) webhook_failures: Counter,
    pub(crate) webhooks_lost: Counter,
}

impl Metrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let edge = registry.sub_registry_with_prefix("edge");
        control_plane_agent::spans::register(edge);
        edge.register("joins", "Full joins accepted", self.joins.clone());
        edge.register("resumes", "Signalling connections resumed", self.resumes.clone());
        edge.register("refused", "Client connections refused", self.refused.clone());
        edge.register("malformed", "Client messages that did not decode", self.malformed.clone());
        edge.register("dismissed", "Clients told to leave", self.dismissed.clone());
        edge.register(
            "data_refused",
            "Client data packets dropped as malformed or over a limit",
            self.data_refused.clone(),
        );
        edge.register("links_refused", "Links of peers refused", self.links_refused.clone());
        edge.register(
            "admission_refused",
            "Rooms a linked edge was not admitted to",
            self.admission_refused.clone(),
        );
        edge.register(
            "link_datagrams_split",
            "Datagrams to other edges sent in parts because the path takes no more",
            self.link_datagrams_split.clone(),
        );
        edge.register(
            "link_datagrams_lost",
            "Datagrams of links that fit in no way or had no form",
            self.link_datagrams_lost.clone(),
        );
        edge.register(
            "recorder_lost",
            "Packets or entries the recorder could not keep",
            self.recorder_lost.clone(),
        );
        edge.register(
            "uploads_pending",
            "Recordings of this edge that the origin does not hold yet",
            self.uploads_pending.clone(),
        );
        edge.register(
            "upload_retries",
            "Recording uploads that had to start again",
            self.upload_retries.clone(),
        );
        edge.register("facts_sent", "Attendance facts the control plane has taken", self.facts_sent.clone());
        edge.register(
            "facts_retries",
            "Batches of attendance facts that no control plane took at first",
            self.facts_retries.clone(),
        );
        edge.register(
            "facts_lost",
            "Attendance facts lost because the disk was full or took nothing",
            self.facts_lost.clone(),
        );
        edge.register("webhooks_sent", "Webhooks taken by their receivers", self.webhooks_sent.clone());
        edge.register(
            "webhook_failures",
            "Attempts at webhooks that were not taken",
            self.webhook_failures.clone(),
        );
        edge.register("webhooks_lost", "Webhooks given up", self.webhooks_lost.clone());
    }

    pub(crate) fn refuse(&self, reason: &'static str) {
        self.refused.get_or_create(&Reason { reason }).inc();
    }

    pub(crate) fn dismiss(&self, reason: &'static str) {
        self.dismissed.get_or_create(&Reason { reason }).inc();
    }

    pub(crate) fn malformed(&self, reason: &'static str) {
        self.malformed.get_or_create(&Reason { reason }).inc();
    }
}
