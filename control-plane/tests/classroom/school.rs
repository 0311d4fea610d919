//! A control plane with two classes, people, and an edge that notes what it is asked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use control_plane::config::Secret;
use control_plane::{Config, ControlPlane};
use control_plane_agent::store::Store;
use control_plane_agent::store::embedded::Embedded;
use control_plane_api::key;
use control_plane_api::node::{Load, Node, Role};
use control_plane_api::room::{Presence, Room};
use control_plane_api::token::{self, ApiKey, Claims, Grant};
use control_plane_classes::people::session::{self, Session};
use control_plane_classes::{Database, Sql as _, args};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Calls that an edge got: method and body.
pub(crate) type Calls = Arc<Mutex<Vec<(String, Value)>>>;

pub(crate) struct School {
    address: SocketAddr,
    pub(crate) database: Database,
    client: Client<HttpConnector, Full<Bytes>>,
    pub(crate) calls: Calls,
    sessions: Vec<(&'static str, Session)>,
    store: Arc<dyn Store>,
    _stop: DropGuard,
    _directory: tempfile::TempDir,
}

pub(crate) fn api_key() -> ApiKey {
    ApiKey { key: "devkey".into(), secret: "0123456789abcdef0123456789abcdef".into() }
}

/// An edge's room service, as far as the control plane uses it.
pub(crate) async fn edge(calls: Calls) -> String {
    async fn call(
        State(calls): State<Calls>,
        Path(method): Path<String>,
        axum::Json(body): axum::Json<Value>,
    ) -> axum::Json<Value> {
        let answer = match method.as_str() {
            "GetParticipant" => json!({"identity": body["identity"], "tracks": [
                {"sid": "TR_m", "source": "MICROPHONE"}, {"sid": "TR_c", "type": "VIDEO", "source": "CAMERA"}]}),
            "ListParticipants" => json!({"participants": [{"identity": "minji"}, {"identity": "teacher"}]}),
            _ => json!({}),
        };
        calls.lock().push((method, body));
        axum::Json(answer)
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let service =
        axum::Router::new().route("/twirp/livekit.RoomService/{method}", post(call)).with_state(calls);
    tokio::spawn(async move { axum::serve(listener, service).await });
    format!("http://{address}")
}

impl School {
    pub(crate) async fn start(database: Secret) -> Self {
        let directory = tempfile::tempdir().expect("temporary directory");
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let data_dir = directory.path().to_owned();
        let config = Config {
            listen: free,
            admin: free,
            api_keys: vec![api_key()],
            data_dir,
            database,
            ..Config::default()
        };
        let place = config.place();
        let store: Arc<dyn Store> = Arc::new(Embedded::in_memory());
        let calls = Calls::default();
        room(&*store, &edge(calls.clone()).await).await;
        let control_plane = ControlPlane::bind(config, store.clone(), None).await.expect("binds");
        let address = control_plane.address().expect("bound");
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move { control_plane.run(stopped).await.expect("runs") });
        let database = Database::open(&place).await.expect("opens");
        let mut sessions = Vec::new();
        for (id, role) in PEOPLE {
            let insert =
                "INSERT INTO accounts (id, name, role, locale, created_at_ms) VALUES ($1, $1, $2, 'ko', 1)";
            database.execute(insert, args![*id, *role]).await.expect("an account");
            let now_ms = control_plane_agent::unix_time_ms();
            sessions.push((*id, session::start(&database, id, now_ms).await.expect("signed in")));
        }
        for class in ["ink", "empty"] {
            let insert = "INSERT INTO classes (id, title, description, category, level, language, duration_min, time_zone, \
                recorded, instructor_id, capacity, created_at_ms, updated_at_ms) \
                VALUES ($1, $1, '', 'music', 'any', 'ko', 60, 'Asia/Seoul', 0, 'teacher', 10, 1, 1)";
            database.execute(insert, args![class]).await.expect("a class");
        }
        let enrol =
            "INSERT INTO enrolments (class_id, account_id, state, at_ms) VALUES ('ink', $1, 'enrolled', 1)";
        for id in ["minji", "jisu"] {
            database.execute(enrol, args![id]).await.expect("a place");
        }
        let client = Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
        let school = Self {
            address,
            database,
            client,
            calls,
            sessions,
            store,
            _stop: stop.drop_guard(),
            _directory: directory,
        };
        school.until("the room is seen", async || school.is_live().await).await;
        school
    }

    pub(crate) async fn put(&self, key: String, value: Value) {
        self.store.put(&key, value.to_string().into(), None).await.expect("put");
    }

    async fn is_live(&self) -> bool {
        let (status, _) =
            self.ask("teacher", "POST", "/controls", &json!({"do": "mute", "identity": "minji"})).await;
        status == StatusCode::NO_CONTENT
    }

    pub(crate) async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let asked = async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), asked)
            .await
            .unwrap_or_else(|_| panic!("{what}: in vain"));
    }

    /// `path` below the class `ink`, unless it is a whole one. `who`: an account, `server`, or `nobody`.
    pub(crate) async fn ask(&self, who: &str, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.send(who, method, path, body).await
    }

    pub(crate) async fn send(
        &self,
        who: &str,
        method: &str,
        path: &str,
        body: Vec<u8>,
    ) -> (StatusCode, Value) {
        let path = if path.starts_with("/v1/") { path.to_owned() } else { format!("/v1/classes/ink{path}") };
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        if let Some((_, session)) = self.sessions.iter().find(|(id, _)| *id == who) {
            request = request.header("cookie", format!("seodang_session={}", session.token));
            request = request.header("x-csrf-token", &session.csrf);
        } else if who == "server" {
            let exp = Some(control_plane_agent::unix_time_ms() / 1000 + 60);
            let video = Some(Grant { room_admin: true, ..Grant::default() });
            let token = token::sign(&Claims { exp, video, ..Claims::default() }, &api_key());
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::from(body)).expect("a request");
        let response = self.client.request(request).await.expect("an answer");
        let status = response.status();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    pub(crate) async fn refused(&self, who: &str, method: &str, path: &str, body: &Value) -> (u16, String) {
        let (status, answer) = self.ask(who, method, path, body).await;
        assert!(!answer["message"].as_str().unwrap_or_default().is_empty(), "{path}: {status} {answer}");
        (status.as_u16(), answer["code"].as_str().expect("a code").to_owned())
    }

    /// Words that the edge was given, with whom they were for.
    pub(crate) fn words(&self) -> Vec<(Value, Value)> {
        let calls = self.calls.lock();
        let sent = calls.iter().filter(|(method, _)| method == "SendData");
        let word = |body: &Value| {
            let data = STANDARD.decode(body["data"].as_str().expect("data")).expect("base64");
            assert_eq!(
                (&body["topic"], &body["kind"], &body["room"]),
                (&json!("seodang.class"), &json!("RELIABLE"), &json!("ink"))
            );
            (serde_json::from_slice(&data).expect("JSON"), body["destinationIdentities"].clone())
        };
        sent.map(|(_, body)| word(body)).collect()
    }

    pub(crate) async fn word(&self, kind: &str) -> (Value, Value) {
        let heard = || self.words().into_iter().rev().find(|(word, _)| word["kind"] == kind);
        self.until(kind, async || heard().is_some()).await;
        heard().expect("heard")
    }

    pub(crate) async fn quiz(&self) -> String {
        let (status, quiz) = self.ask("teacher", "POST", "/quizzes", &sheet()).await;
        assert_eq!(status, StatusCode::CREATED, "{quiz}");
        quiz["id"].as_str().expect("an id").to_owned()
    }
}

const PEOPLE: &[(&str, &str)] = &[
    ("teacher", "instructor"),
    ("colleague", "instructor"),
    ("minji", "student"),
    ("jisu", "student"),
    ("stranger", "student"),
    ("admin", "admin"),
];

pub(crate) fn sheet() -> Value {
    json!({
        "title": "붓글씨",
        "items": [{"id": "one", "kind": "short", "text": "무엇으로 씁니까?"}],
        "key": {"one": ["먹"]},
        "time_limit_s": null,
    })
}

pub(crate) fn node(id: &str, url: &str) -> Node {
    Node {
        id: id.into(),
        role: Role::Edge,
        region: "jeju".into(),
        location: None,
        url: url.into(),
        quic: None,
        nodes: None,
        admin: String::new(),
        epoch: 1,
        draining: false,
        load: Load::default(),
        links: Vec::new(),
    }
}

/// People of the class `ink` on an edge.
pub(crate) fn presence(node: &str, identities: &[&str]) -> Presence {
    Presence {
        room: "ink".into(),
        room_sid: "RM_1".into(),
        node: node.into(),
        participants: u32::try_from(identities.len()).expect("few"),
        identities: identities.iter().map(|id| (*id).to_owned()).collect(),
    }
}

/// The room of the class `ink` on one edge.
async fn room(store: &dyn Store, url: &str) {
    let node = node("jeju-edge", url);
    let room = Room {
        name: "ink".into(),
        sid: "RM_1".into(),
        created_at_ms: control_plane_agent::unix_time_ms() - 60_000,
        metadata: String::new(),
        recording: false,
    };
    let put =
        async |key: String, value: Value| store.put(&key, value.to_string().into(), None).await.expect("put");
    put(key::node(&node.id), json!(node)).await;
    put(key::room("ink"), json!(room)).await;
    put(key::presence("ink", &node.id), json!(presence(&node.id, &["teacher", "minji"]))).await;
}
