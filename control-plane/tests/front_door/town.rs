//! A control plane, and nodes that say they are there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use control_plane::{Config, ControlPlane};
use control_plane_agent::store::Store;
use control_plane_agent::store::embedded::Embedded;
use control_plane_api::key;
use control_plane_api::node::{Load, Location, Node, Role};
use control_plane_api::token::{self, ApiKey, Claims, Grant};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) const SEOUL: Location = Location { latitude: 37.5665, longitude: 126.9780 };
pub(crate) const JEJU: Location = Location { latitude: 33.4996, longitude: 126.5312 };

pub(crate) struct Town {
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) store: Arc<dyn Store>,
    client: Client<HttpConnector, Full<Bytes>>,
    _stop: DropGuard,
    _directory: tempfile::TempDir,
}

pub(crate) fn api_key() -> ApiKey {
    ApiKey { key: "devkey".into(), secret: "0123456789abcdef0123456789abcdef".into() }
}

/// What a server with the API key shows.
pub(crate) fn bearer() -> String {
    let exp = Some(control_plane_agent::unix_time_ms() / 1000 + 600);
    let video = Some(Grant { room_admin: true, ..Grant::default() });
    format!("Bearer {}", token::sign(&Claims { exp, video, ..Claims::default() }, &api_key()))
}

pub(crate) fn config() -> Config {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    Config { listen: free, admin: free, api_keys: vec![api_key()], dev: true, ..Config::default() }
}

impl Town {
    pub(crate) async fn start(config: Config) -> Self {
        let store: Arc<dyn Store> = Arc::new(Embedded::in_memory());
        let directory = tempfile::tempdir().expect("temporary directory");
        let config = Config { data_dir: directory.path().to_owned(), ..config };
        let control_plane = ControlPlane::bind(config, store.clone(), None).await.expect("binds");
        let (address, admin) =
            (control_plane.address().expect("bound"), control_plane.admin_address().expect("bound"));
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move { control_plane.run(stopped).await.expect("runs") });
        let client = Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
        Self { address, admin, store, client, _stop: stop.drop_guard(), _directory: directory }
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Response<hyper::body::Incoming> {
        self.client.request(request).await.expect("an answer")
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, body: &str) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        let request = request.header("authorization", bearer());
        let response = self.send(request.body(Full::from(body.to_owned())).expect("a request")).await;
        let status = response.status();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask(Method::GET, path, "").await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.ask(Method::POST, path, &body.to_string()).await
    }

    pub(crate) async fn put<T: serde::Serialize>(&self, key: &str, record: &T) {
        let value = serde_json::to_vec(record).expect("plain data");
        self.store.put(key, value.into(), None).await.expect("put");
    }

    /// Asks until the answer is as wanted: a write reaches the copies a moment later.
    pub(crate) async fn until(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let asked = async {
            loop {
                let answer = self.get(path).await;
                if holds(&answer) {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), asked)
            .await
            .unwrap_or_else(|_| panic!("{path}: in vain"))
    }

    pub(crate) async fn add(&self, nodes: &[Node]) {
        for node in nodes {
            self.put(&key::node(&node.id), node).await;
        }
        self.until("/v1/ops", |ops| ops["nodes"].as_array().is_some_and(|seen| seen.len() > nodes.len()))
            .await;
    }

    pub(crate) async fn class(&self, title: &str) -> Value {
        let (status, class) = self.post("/v1/classes", &json!({"title": title, "recorded": true})).await;
        assert_eq!(status, StatusCode::CREATED, "{class}");
        class
    }
}

pub(crate) fn node(id: &str, role: Role, location: Location) -> Node {
    Node {
        id: id.into(),
        role,
        region: id.split('-').next().unwrap_or(id).into(),
        location: Some(location),
        url: format!("http://{id}.example"),
        quic: None,
        admin: String::new(),
        epoch: 1,
        draining: false,
        load: Load::default(),
        nodes: None,
        links: Vec::new(),
    }
}

pub(crate) fn edges() -> [Node; 2] {
    [node("jeju-edge", Role::Edge, JEJU), node("seoul-edge", Role::Edge, SEOUL)]
}
