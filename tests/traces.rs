//! One join is one trace: the control plane's request and the edge's part of it, as a collector gets them.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use load::ClientConfig;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message as _;
use serde_json::json;
use tokio::sync::watch;

mod support;

use support::fleet::{CONTROL_PLANE, EDGE, Fleet};
use support::{PATIENCE, house, http};

/// What the test looks at in a span.
#[derive(Clone, Debug)]
struct Seen {
    service: String,
    name: String,
    trace: Vec<u8>,
    id: Vec<u8>,
    parent: Vec<u8>,
    attributes: BTreeMap<String, String>,
}

impl Seen {
    fn of(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }
}

struct Collector {
    url: String,
    spans: watch::Receiver<Vec<Seen>>,
}

impl Collector {
    async fn open() -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (sender, spans) = watch::channel(Vec::new());
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::new(sender));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, spans })
    }

    /// Waits for a span.
    async fn span(&mut self, what: &str, is_it: impl Fn(&Seen) -> bool) -> anyhow::Result<Seen> {
        let found = self.spans.wait_for(|spans| spans.iter().any(&is_it));
        if let Ok(Ok(spans)) = tokio::time::timeout(PATIENCE, found).await {
            return spans.iter().find(|span| is_it(span)).cloned().context("just seen");
        }
        anyhow::bail!("{what}: not among {:?}", *self.spans.borrow())
    }
}

async fn take(
    State(spans): State<Arc<watch::Sender<Vec<Seen>>>>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> StatusCode {
    if headers.get("content-type").is_none_or(|kind| kind != "application/x-protobuf") {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE;
    }
    let Ok(request) = ExportTraceServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST };
    spans.send_modify(|seen| {
        for resource in request.resource_spans {
            let of = attributes(&resource.resource.unwrap_or_default().attributes);
            let service = of.get("service.name").cloned().unwrap_or_default();
            for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                seen.push(Seen {
                    service: service.clone(),
                    name: span.name,
                    trace: span.trace_id,
                    id: span.span_id,
                    parent: span.parent_span_id,
                    attributes: attributes(&span.attributes),
                });
            }
        }
    });
    StatusCode::OK
}

fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |pair: &KeyValue| match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        _ => String::new(),
    };
    pairs.iter().map(|pair| (pair.key.clone(), text(pair))).collect()
}

/// Asks the front door until it knows an edge; where to go, and the token.
async fn ask_to_join(fleet: &Fleet, class: &str) -> anyhow::Result<(String, String)> {
    let bearer = house::bearer(fleet.key());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let body = json!({"class": class, "identity": "minji"}).to_string();
    let url = format!("{}/v1/join", fleet.web());
    let answer = support::until("the front door knows an edge", PATIENCE, async || {
        let answer = http::request("POST", &url, &headers, body.as_bytes()).await;
        answer.ok().filter(|answer| answer.status == 200)
    })
    .await;
    let answer: serde_json::Value = serde_json::from_slice(&answer.body)?;
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned).context("text");
    Ok((text(&answer["edges"][0]["url"])?, text(&answer["token"])?))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_join_is_one_trace_across_nodes() -> anyhow::Result<()> {
    let mut collector = Collector::open().await?;
    let telemetry = format!("otlp = \"{}\"\notlp_sample_percent = 100\n", collector.url);
    let fleet = Fleet::open_with(&telemetry).await?;
    let class = house::make_class(&fleet.web(), fleet.key(), "붓글씨", false).await?;
    let (url, token) = ask_to_join(&fleet, &class).await?;
    let client = ClientConfig { url, token, auto_subscribe: true, faults: None, packets: None };
    let client = house::connect(client).await?;

    let joined = collector.span("a join", |span| span.name == "join").await?;
    let request = collector.span("the join's parent", |span| span.id == joined.parent).await?;
    assert_eq!(joined.service, "seodang-edge");
    assert_eq!((request.service.as_str(), request.name.as_str()), ("seodang-control-plane", "POST /v1/join"));
    assert_eq!(request.trace, joined.trace);
    assert!(request.parent.is_empty(), "{request:?}");
    assert_eq!((request.of("node"), joined.of("node")), (CONTROL_PLANE, EDGE));
    assert_eq!((request.of("room"), joined.of("room")), (class.as_str(), class.as_str()));
    assert_eq!((request.of("http.response.status_code"), request.of("edge")), ("200", EDGE));
    assert!(!joined.of("room_sid").is_empty() && joined.of("region") == "seoul", "{joined:?}");

    // A room's span ends with the room, here because its edge does.
    drop(client);
    drop(fleet);
    let room = collector.span("the room", |span| span.name == "room").await?;
    assert_eq!((room.of("room"), room.of("room_sid")), (class.as_str(), joined.of("room_sid")));
    let all = format!("{:?}", *collector.spans.borrow());
    assert!(!all.contains("minji"), "who somebody is is in no span: {all}");
    Ok(())
}
