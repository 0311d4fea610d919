//! All metrics of the origin. No room or participant is a label.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Reason {
    pub(crate) reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Status {
    pub(crate) status: u16,
}

#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    pub(crate) edges: Gauge,
    pub(crate) journals: Gauge,
    pub(crate) ingest_bytes: Counter,
    pub(crate) uploads_refused: Family<Reason, Counter>,
    pub(crate) sync_seconds: Histogram,
    pub(crate) recordings_live: Gauge,
    pub(crate) recordings_finished: Counter,
    pub(crate) packets_refused: Counter,
    pub(crate) streams_refused: Counter,
    pub(crate) objects_put: Counter,
    pub(crate) objects_bytes: Counter,
    pub(crate) put_errors: Counter,
    pub(crate) http_responses: Family<Status, Counter>,
    pub(crate) http_bytes: Counter,
    pub(crate) http_bad_paths: Counter,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            edges: Gauge::default(),
            journals: Gauge::default(),
            ingest_bytes: Counter::default(),
            uploads_refused: Family::default(),
            // 1 ms to 2 s: what a sync takes on an idle and on a failing disk.
            sync_seconds: Histogram::new([0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 2.0]),
            recordings_live: Gauge::default(),
            recordings_finished: Counter::default(),
            packets_refused: Counter::default(),
            streams_refused: Counter::default(),
            objects_put: Counter::default(),
            objects_bytes: Counter::default(),
            put_errors: Counter::default(),
            http_responses: Family::default(),
            http_bytes: Counter::default(),
            http_bad_paths: Counter::default(),
        };
        let of = registry.sub_registry_with_prefix("seodang_origin");
        of.register("edges", "Edges connected for upload", metrics.edges.clone());
        of.register("journals", "Journals being uploaded", metrics.journals.clone());
        of.register("ingest_bytes", "Journal bytes made durable", metrics.ingest_bytes.clone());
        of.register("uploads_refused", "Uploads refused or stopped", metrics.uploads_refused.clone());
        of.register("sync_seconds", "Time to make journal bytes durable", metrics.sync_seconds.clone());
        of.register("recordings_live", "Recordings in progress", metrics.recordings_live.clone());
        of.register("recordings_finished", "Recordings finished", metrics.recordings_finished.clone());
        of.register(
            "packets_refused",
            "Recorded packets that are not usable",
            metrics.packets_refused.clone(),
        );
        of.register("streams_refused", "Streams that cannot be packaged", metrics.streams_refused.clone());
        of.register("objects_put", "Objects written", metrics.objects_put.clone());
        of.register("objects_bytes", "Bytes of objects written", metrics.objects_bytes.clone());
        of.register("put_errors", "Objects that could not be written", metrics.put_errors.clone());
        of.register("http_responses", "Responses by status", metrics.http_responses.clone());
        of.register("http_bytes", "Object bytes served", metrics.http_bytes.clone());
        of.register("http_bad_paths", "Paths that name no object", metrics.http_bad_paths.clone());
        metrics
    }

    pub(crate) fn refused(&self, reason: &'static str) {
        self.uploads_refused.get_or_create(&Reason { reason }).inc();
    }
}
