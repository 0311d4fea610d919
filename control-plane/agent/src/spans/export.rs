//! Spans that have ended go to the collector: OTLP over HTTP, protobuf, in batches.
//!
//! | Queue | Limit | When it is full |
//! |---|---|---|
//! | ended spans | [`SPANS_MAX`] | new ones are dropped and counted: a collector that is away costs spans, nothing else |

use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    Sampler, SdkTracerProvider, Span, SpanData, SpanExporter as _, SpanProcessor,
};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use tokio::sync::{mpsc, oneshot};

/// Ended spans that wait: some seconds of a busy control plane.
const SPANS_MAX: usize = 8_192;
/// Spans of one request to the collector.
const BATCH_MAX: usize = 512;
/// How long the first span of a batch waits for others.
const BATCH_DELAY: Duration = Duration::from_secs(1);
/// A collector that takes longer has not got the batch.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// The last spans have so long to go out at the end.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest answer of a collector.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

static FIGURES: LazyLock<Figures> = LazyLock::new(Figures::default);
static QUEUE: OnceLock<mpsc::Sender<Item>> = OnceLock::new();

#[derive(Default)]
struct Figures {
    sent: Counter,
    /// Those the queue had no room for.
    dropped: Counter,
    /// Those the collector did not take.
    failed: Counter,
}

enum Item {
    Span(Box<SpanData>),
    Flush(oneshot::Sender<()>),
}

/// Figures of the process, into the registry of a node.
pub fn register(registry: &mut Registry) {
    registry.register("spans_sent", "Spans the collector has taken", FIGURES.sent.clone());
    registry.register("spans_dropped", "Spans dropped because too many waited", FIGURES.dropped.clone());
    registry.register("spans_failed", "Spans the collector did not take", FIGURES.failed.clone());
}

/// Sends what has ended so far, or gives up after a second. At the end of a process.
pub async fn flush() {
    let Some(queue) = QUEUE.get() else { return };
    let (done, waiting) = oneshot::channel();
    let flushed = async {
        queue.send(Item::Flush(done)).await.ok()?;
        waiting.await.ok()
    };
    if tokio::time::timeout(FLUSH_TIMEOUT, flushed).await.ok().flatten().is_none() {
        tracing::debug!("the last spans did not go out");
    }
}

/// Where traces go: the path of OTLP below the base URL.
fn uri(base: &str) -> anyhow::Result<String> {
    let text = format!("{}/v1/traces", base.trim_end_matches('/'));
    let uri: Uri = text.parse().with_context(|| format!("telemetry.otlp {base:?} is no URL"))?;
    anyhow::ensure!(
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some(),
        "telemetry.otlp {base:?}: write it as http://collector:4318"
    );
    Ok(text)
}

/// From here on spans are recorded, that share of the traces that `percent` says.
///
/// # Errors
/// `base` is no URL of a collector, or there is no runtime, or spans are recorded already.
pub(crate) fn start(service: &'static str, base: &str, percent: u8) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Handle::try_current().context("spans need the runtime")?;
    let resource = Resource::builder().with_service_name(service).build();
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
        .with_endpoint(uri(base)?)
        .with_http_client(Collector(client()?))
        .build()
        .context("telemetry.otlp")?;
    exporter.set_resource(&resource);
    let (queue, spans) = mpsc::channel(SPANS_MAX);
    let sampler = Sampler::parent_based(Sampler::TraceIdRatioBased(f64::from(percent) / 100.0));
    let provider = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(sampler)
        .with_span_processor(Processor { queue: queue.clone() })
        .build();
    let is_first = super::TRACER.set(provider.tracer("seodang")).is_ok() && QUEUE.set(queue).is_ok();
    anyhow::ensure!(is_first, "spans are recorded already");
    runtime.spawn(run(exporter, spans));
    Ok(())
}

/// Batches and sends for as long as the process lives.
async fn run(exporter: SpanExporter, mut spans: mpsc::Receiver<Item>) {
    let mut was_taken = true;
    while let Some(first) = spans.recv().await {
        let (batch, flushed) = batch(first, &mut spans).await;
        let count = batch.len() as u64;
        if count > 0 {
            let result = exporter.export(batch).await;
            if result.is_ok() != was_taken {
                was_taken = result.is_ok();
                match &result {
                    Ok(()) => tracing::info!("the collector takes spans again"),
                    Err(error) => tracing::warn!(%error, "the collector does not take spans; they are lost"),
                }
            }
            (if result.is_ok() { &FIGURES.sent } else { &FIGURES.failed }).inc_by(count);
        }
        if let Some(flushed) = flushed {
            flushed.send(()).ok();
        }
    }
}

async fn batch(
    first: Item,
    spans: &mut mpsc::Receiver<Item>,
) -> (Vec<SpanData>, Option<oneshot::Sender<()>>) {
    let end = tokio::time::Instant::now() + BATCH_DELAY;
    let mut batch = Vec::new();
    let mut next = Some(first);
    while let Some(item) = next {
        match item {
            Item::Span(span) => batch.push(*span),
            Item::Flush(done) => return (batch, Some(done)),
        }
        if batch.len() >= BATCH_MAX {
            break;
        }
        next = tokio::time::timeout_at(end, spans.recv()).await.ok().flatten();
    }
    (batch, None)
}

#[derive(Debug)]
struct Processor {
    queue: mpsc::Sender<Item>,
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Span(_) => "Span",
            Self::Flush(_) => "Flush",
        })
    }
}

impl SpanProcessor for Processor {
    fn on_start(&self, _: &mut Span, _: &opentelemetry::Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.queue.try_send(Item::Span(Box::new(span))).is_err() {
            FIGURES.dropped.inc();
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

type Client = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

#[derive(Debug)]
struct Collector(Client);

fn client() -> anyhow::Result<Client> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let tls = rustls::ClientConfig::builder_with_provider(crate::identity::provider())
        .with_safe_default_protocol_versions()
        .context("TLS to the collector")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
    Ok(hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector))
}

#[async_trait::async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = async {
            let response = self.0.request(request.map(Full::new)).await?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
            Ok(Response::from_parts(parts, body))
        };
        tokio::time::timeout(EXPORT_TIMEOUT, sent).await.map_err(|_| "no answer in time")?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_an_http_url() {
        assert_eq!(uri("http://collector:4318/").expect("a URL"), "http://collector:4318/v1/traces");
        for bad in ["collector:4318", "ftp://collector", "", "http://", "grpc://collector:4317"] {
            assert!(uri(bad).is_err(), "{bad}");
        }
    }
}
