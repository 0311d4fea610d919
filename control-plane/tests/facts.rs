//! The intake of attendance facts: a node tells of itself alone, in batches of a bounded size, and nonsense stops nobody.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use control_plane::{Config, ControlPlane};
use control_plane_agent::authority::Authority;
use control_plane_agent::identity::CONTROL_PLANE_NAME;
use control_plane_agent::store::embedded::Embedded;
use control_plane_api::fact::{Batch, FACTS_PATH, FACTS_PER_BATCH_MAX, Fact, FactId, What};
use control_plane_api::token::ApiKey;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio_util::sync::{CancellationToken, DropGuard};

struct Intake {
    nodes: SocketAddr,
    admin: SocketAddr,
    /// As the node `edge-1`.
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    _stop: DropGuard,
    _directory: tempfile::TempDir,
}

impl Intake {
    async fn open() -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let directory = tempfile::tempdir().expect("temporary directory");
        let config = Config {
            data_dir: directory.path().to_owned(),
            listen: free,
            admin: free,
            nodes: Some(free),
            api_keys: vec![ApiKey { key: "key".into(), secret: "s".repeat(32) }],
            ..Config::default()
        };
        let authority = Authority::in_memory().expect("a fleet");
        let identity = |name: &str, names: &[&str]| {
            authority.issue(name, names).expect("issued").identity().expect("its own key")
        };
        let own = identity(&config.id, &[CONTROL_PLANE_NAME]);
        let store = Arc::new(Embedded::in_memory());
        let control_plane = ControlPlane::bind(config, store, Some(own)).await.expect("binds");
        let nodes = control_plane.node_address().expect("a node listener");
        let admin = control_plane.admin_address().expect("bound");
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move { control_plane.run(stopped).await.expect("runs") });

        let name = CONTROL_PLANE_NAME.try_into().expect("a name");
        let tls = identity("edge-1", &[]).client_config(&[]).expect("fits");
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only()
            .with_server_name_resolver(FixedServerNameResolver::new(name))
            .enable_http2()
            .build();
        let client = Client::builder(TokioExecutor::new()).http2_only(true).build(connector);
        Self { nodes, admin, client, _stop: stop.drop_guard(), _directory: directory }
    }

    async fn send(&self, body: Vec<u8>) -> (StatusCode, String) {
        let request = Request::post(format!("https://{}{FACTS_PATH}", self.nodes)).body(Full::from(body));
        let response = self.client.request(request.expect("a request")).await.expect("an answer");
        let status = response.status();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let answer: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        (status, answer["code"].as_str().unwrap_or_default().to_owned())
    }

    async fn tell(&self, facts: Vec<Fact>) -> (StatusCode, String) {
        self.send(serde_json::to_vec(&Batch { facts }).expect("plain data")).await
    }

    /// Facts taken, and facts dropped for their texts.
    async fn figures(&self) -> (u64, u64) {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let request = Request::get(format!("http://{}/metrics", self.admin)).body(Full::default());
        let response = client.request(request.expect("a request")).await.expect("an answer");
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        let figure = |name: &str| {
            let name = format!("seodang_control_plane_{name}_total ");
            let value = text.lines().find_map(|line| line.strip_prefix(&name)).expect("a figure");
            value.parse().expect("a number")
        };
        (figure("facts_stored"), figure("facts_malformed"))
    }
}

fn joined(node: &str, sequence: u64, identity: &str) -> Fact {
    Fact {
        id: FactId { node: node.into(), epoch: 1, sequence },
        at_ms: 1_700_000_000_000 + sequence,
        room: "class".into(),
        room_sid: "RM_1".into(),
        what: What::Joined { identity: identity.into(), participant_sid: format!("PA_{sequence}") },
    }
}

#[tokio::test]
async fn a_node_tells_of_itself_alone() {
    let intake = Intake::open().await;
    assert_eq!(intake.tell(vec![joined("edge-1", 1, "minji")]).await.0, StatusCode::NO_CONTENT);
    // One foreign fact spoils the batch: none of it is taken.
    let mixed = vec![joined("edge-1", 2, "minji"), joined("edge-2", 1, "minji")];
    assert_eq!(intake.tell(mixed).await, (StatusCode::FORBIDDEN, "not_yours".into()));
    assert_eq!(intake.figures().await, (1, 0));
}

#[tokio::test]
async fn too_many_facts_and_no_facts_at_all_are_refused() {
    let intake = Intake::open().await;
    let many = |count: u64| (1..=count).map(|sequence| joined("edge-1", sequence, "minji")).collect();
    let most = FACTS_PER_BATCH_MAX as u64;
    assert_eq!(intake.tell(many(most + 1)).await, (StatusCode::PAYLOAD_TOO_LARGE, "too_many".into()));
    for bad in
        ["", "{}", "[]", r#"{"facts":[{"kind":"joined"}]}"#, r#"{"facts":[{"kind":"vanished"}]}"#, "\u{fffd}"]
    {
        let answer = intake.send(bad.as_bytes().to_vec()).await;
        assert_eq!(answer, (StatusCode::BAD_REQUEST, "bad_request".into()), "{bad}");
    }
    assert_eq!(intake.send(vec![b' '; 3 << 20]).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(intake.figures().await, (0, 0));
    assert_eq!(intake.tell(many(most)).await.0, StatusCode::NO_CONTENT);
    assert_eq!(intake.figures().await, (most, 0));
}

/// To refuse them would keep an edge from telling anything, for ever.
#[tokio::test]
async fn facts_with_impossible_texts_are_dropped_and_the_others_taken() {
    let intake = Intake::open().await;
    let facts = vec![
        joined("edge-1", 1, "minji"),
        joined("edge-1", 2, &"x".repeat(10_000)),
        joined("edge-1", 3, "nul\0"),
        joined("edge-1", 4, "'; drop table attendance; --"),
    ];
    assert_eq!(intake.tell(facts).await.0, StatusCode::NO_CONTENT);
    assert_eq!(intake.figures().await, (2, 2));
}
