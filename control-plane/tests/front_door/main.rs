//! The public listener, as a browser and an operator meet it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use control_plane::config::Rate;
use control_plane::{Config, ControlPlane};
use control_plane_agent::store::Store;
use control_plane_agent::store::embedded::Embedded;
use control_plane_api::drain::{Drain, DrainTarget};
use control_plane_api::key;
use control_plane_api::node::{Load, Location, Node, Role};
use control_plane_api::recording::{Recording, RecordingState};
use control_plane_api::room::Presence;
use control_plane_api::token::{self, ApiKey, Claims, Grant};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

const SEOUL: Location = Location { latitude: 37.5665, longitude: 126.9780 };
const JEJU: Location = Location { latitude: 33.4996, longitude: 126.5312 };

struct Town {
    address: SocketAddr,
    admin: SocketAddr,
    store: Arc<dyn Store>,
    client: Client<HttpConnector, Full<Bytes>>,
    _stop: DropGuard,
    _directory: tempfile::TempDir,
}

fn api_key() -> ApiKey {
    ApiKey { key: "devkey".into(), secret: "0123456789abcdef0123456789abcdef".into() }
}

/// What a server with the API key shows.
fn bearer() -> String {
    let exp = Some(control_plane_agent::unix_time_ms() / 1000 + 600);
    let video = Some(Grant { room_admin: true, ..Grant::default() });
    format!("Bearer {}", token::sign(&Claims { exp, video, ..Claims::default() }, &api_key()))
}

fn config() -> Config {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    Config { listen: free, admin: free, api_keys: vec![api_key()], dev: true, ..Config::default() }
}

impl Town {
    async fn start(config: Config) -> Self {
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

    async fn send(&self, request: Request<Full<Bytes>>) -> Response<hyper::body::Incoming> {
        self.client.request(request).await.expect("an answer")
    }

    async fn ask(&self, method: Method, path: &str, body: &str) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        let request = request.header("authorization", bearer());
        let response = self.send(request.body(Full::from(body.to_owned())).expect("a request")).await;
        let status = response.status();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask(Method::GET, path, "").await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.ask(Method::POST, path, &body.to_string()).await
    }

    async fn put<T: serde::Serialize>(&self, key: &str, record: &T) {
        let value = serde_json::to_vec(record).expect("plain data");
        self.store.put(key, value.into(), None).await.expect("put");
    }

    /// Asks until the answer is as wanted: a write reaches the copies a moment later.
    async fn until(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
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

    async fn add(&self, nodes: &[Node]) {
        for node in nodes {
            self.put(&key::node(&node.id), node).await;
        }
        self.until("/v1/ops", |ops| ops["nodes"].as_array().is_some_and(|seen| seen.len() > nodes.len()))
            .await;
    }

    async fn class(&self, title: &str) -> Value {
        let (status, class) = self.post("/v1/classes", &json!({"title": title, "recorded": true})).await;
        assert_eq!(status, StatusCode::CREATED, "{class}");
        class
    }
}

fn node(id: &str, role: Role, location: Location) -> Node {
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

fn edges() -> [Node; 2] {
    [node("jeju-edge", Role::Edge, JEJU), node("seoul-edge", Role::Edge, SEOUL)]
}

#[tokio::test]
async fn a_join_names_the_nearest_edge_and_a_token_it_takes() {
    let town = Town::start(config()).await;
    town.add(&edges()).await;
    let class = town.class("붓글씨").await;
    let id = class["id"].as_str().expect("an id");
    let request = |role: &str, location: Location| json!({"class": id, "identity": "minji", "name": "민지", "role": role, "location": location});
    let (status, answer) = town.post("/v1/join", &request("student", JEJU)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let order: Vec<_> =
        answer["edges"].as_array().expect("edges").iter().map(|edge| edge["id"].clone()).collect();
    assert_eq!(order, ["jeju-edge", "seoul-edge"]);
    assert_eq!(answer["edges"][0]["url"], "http://jeju-edge.example");
    assert_eq!((&answer["room"], &answer["recorded"]), (&json!(id), &json!(true)));

    let now_s = control_plane_agent::unix_time_ms() / 1000;
    let claims = |answer: &Value| {
        let text = answer["token"].as_str().expect("a token");
        token::verify(text, &[api_key()], now_s).expect("signed by the deployment's key")
    };
    let student = claims(&answer);
    assert_eq!((student.sub.as_str(), student.name.as_str()), ("minji", "민지"));
    assert!(student.exp.is_some_and(|exp| (now_s + 21_590..=now_s + 21_610).contains(&exp)), "six hours");
    let grant = Grant {
        room_join: true,
        room: id.into(),
        can_publish: Some(true),
        can_publish_data: Some(true),
        can_subscribe: Some(true),
        can_update_own_metadata: Some(true),
        ..Grant::default()
    };
    assert_eq!(student.video, Some(grant.clone()));
    let instructor = claims(&town.post("/v1/join", &request("instructor", SEOUL)).await.1);
    assert_eq!(instructor.video, Some(Grant { room_admin: true, ..grant.clone() }));
    let observer = claims(&town.post("/v1/join", &request("observer", SEOUL)).await.1);
    let silent = Some(false);
    let hidden = Grant {
        hidden: true,
        can_publish: silent,
        can_publish_data: silent,
        can_update_own_metadata: silent,
        ..grant
    };
    assert_eq!(observer.video, Some(hidden));
}

#[tokio::test]
async fn a_measured_round_trip_goes_before_distance_and_a_draining_edge_last() {
    let town = Town::start(config()).await;
    town.add(&edges()).await;
    let class = town.class("Pole dance").await;
    let order = async |rtts: Value| -> Vec<(String, String)> {
        let request = json!({"class": class["id"], "identity": "a", "location": JEJU, "rtts": rtts});
        let (status, answer) = town.post("/v1/join", &request).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let edges = answer["edges"].as_array().expect("edges").iter();
        edges.map(|edge| (text(&edge["id"]), text(&edge["reason"]))).collect()
    };
    let named = |order: &[(&str, &str)]| -> Vec<(String, String)> {
        order.iter().map(|(id, reason)| ((*id).to_owned(), (*reason).to_owned())).collect()
    };
    assert_eq!(order(json!({})).await, named(&[("jeju-edge", "nearest"), ("seoul-edge", "nearest")]));
    // Jeju's line is down to a satellite; an edge that is gone meanwhile does no harm.
    let slow = json!({"jeju-edge": 640.5, "seoul-edge": 48, "gone-edge": 1});
    assert_eq!(order(slow.clone()).await, named(&[("seoul-edge", "measured"), ("jeju-edge", "measured")]));

    // A wish to drain counts before the edge has heard of it.
    let target = DrainTarget::Region("seoul".into());
    let drain =
        Drain { target, requested_at_ms: 1, deadline_ms: None, exit: false, requested_by: String::new() };
    town.put(&key::drain(&drain.target), &drain).await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while order(slow.clone()).await != named(&[("jeju-edge", "measured")]) {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", order(slow.clone()).await);
    }
    town.store.delete(&key::node("jeju-edge")).await.expect("delete");
    while order(slow.clone()).await != named(&[("seoul-edge", "draining")]) {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", order(slow.clone()).await);
    }
}

#[tokio::test]
async fn round_trips_no_network_has_are_refused() {
    let town = Town::start(config()).await;
    town.add(&edges()).await;
    let class = town.class("Flowers").await;
    let join = |rtts: &str| format!(r#"{{"class": {}, "identity": "a", "rtts": {rtts}}}"#, class["id"]);
    let many: Vec<String> = (0..65).map(|index| format!(r#""edge-{index}": 5"#)).collect();
    let many = format!("{{{}}}", many.join(","));
    for absurd in [
        r#"{"jeju-edge": 0}"#,
        r#"{"jeju-edge": -5}"#,
        r#"{"jeju-edge": 60001}"#,
        r#"{"jeju-edge": 1e39}"#,
        r#"{"jeju-edge": 1e999}"#,
        r#"{"jeju-edge": "fast"}"#,
        r#"{"jeju-edge": null}"#,
        r#"{"no edge/": 5}"#,
        r#"[5]"#,
        &many,
    ] {
        let (status, answer) = town.ask(Method::POST, "/v1/join", &join(absurd)).await;
        assert_eq!((status.as_u16(), &answer["code"]), (400, &json!("bad_request")), "{absurd}: {answer}");
    }
    let (status, _) = town.ask(Method::POST, "/v1/join", &join(r#"{"jeju-edge": 59999.5}"#)).await;
    assert_eq!(status, StatusCode::OK, "the next join is served as ever");
}

#[tokio::test]
async fn a_join_that_cannot_be_says_why() {
    let town = Town::start(config()).await;
    let class = town.class("Calligraphy").await;
    let join = |class: &Value, identity: &str| json!({"class": class, "identity": identity});
    let refused = |answer: (StatusCode, Value)| {
        assert!(answer.1["message"].as_str().is_some_and(|message| message.len() > 10), "{answer:?}");
        (answer.0.as_u16(), answer.1["code"].as_str().unwrap_or_default().to_owned())
    };
    let code = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(
        refused(town.post("/v1/join", &join(&json!("nowhere"), "a")).await),
        code(404, "class_not_found")
    );
    assert_eq!(refused(town.post("/v1/join", &join(&class["id"], "")).await), code(400, "bad_request"));
    assert_eq!(refused(town.post("/v1/join", &join(&class["id"], "a/b")).await), code(400, "bad_request"));
    assert_eq!(refused(town.ask(Method::POST, "/v1/join", "{\"class\": 1").await), code(400, "bad_request"));
    let unknown = json!({"class": class["id"], "identity": "a", "colour": "red"});
    assert_eq!(refused(town.post("/v1/join", &unknown).await), code(400, "bad_request"));
    let absurd =
        json!({"class": class["id"], "identity": "a", "location": {"latitude": 999, "longitude": 0}});
    assert_eq!(refused(town.post("/v1/join", &absurd).await), code(400, "bad_request"));
    let huge = format!("{{\"class\": \"{}\"}}", "x".repeat(100_000));
    assert_eq!(refused(town.ask(Method::POST, "/v1/join", &huge).await), code(413, "bad_request"));
    assert_eq!(refused(town.post("/v1/join", &join(&class["id"], "a")).await), code(503, "no_edge"));
    let full = Load { participants: 10, capacity: 10, ..Load::default() };
    town.add(&edges().map(|edge| Node { load: full, ..edge })).await;
    assert_eq!(refused(town.post("/v1/join", &join(&class["id"], "a")).await), code(503, "no_capacity"));
    assert_eq!(refused(town.ask(Method::GET, "/v1/nothing", "").await), code(404, "not_found"));
}

#[tokio::test]
async fn one_address_cannot_ask_without_end() {
    let rate = Rate { burst: 3, per_second: 0.01 };
    let trusted_proxies = vec!["127.0.0.0/8".to_owned().try_into().expect("a network")];
    let town = Town::start(Config { join_rate: rate, trusted_proxies, ..config() }).await;
    let join = |user: &'static str| {
        let body = json!({"class": "nowhere", "identity": "a"}).to_string();
        let request = Request::post(format!("http://{}/v1/join", town.address))
            .header("x-forwarded-for", user)
            .header("authorization", bearer());
        town.send(request.body(Full::from(body)).expect("a request"))
    };
    for _ in 0..3 {
        assert_eq!(join("203.0.113.7").await.status(), StatusCode::NOT_FOUND);
    }
    let refused = join("203.0.113.7").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait_s: u32 = refused.headers()["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert!((90..=101).contains(&wait_s), "one token takes 100 s: {wait_s}");
    assert_eq!(join("203.0.113.8").await.status(), StatusCode::NOT_FOUND, "another address");
}

#[tokio::test]
async fn a_class_goes_live_ends_and_is_replayed() {
    let town = Town::start(config()).await;
    let class = town.class("Flowers at night").await;
    let id = class["id"].as_str().expect("an id").to_owned();
    assert!(id.starts_with("flowers-at-night-"), "{id}");
    assert_eq!(town.get("/v1/classes").await["items"], json!([class]));
    assert_eq!(class["state"], "upcoming");
    let path = format!("/v1/classes/{id}");

    let presence = Presence {
        room: id.clone(),
        room_sid: "RM_1".into(),
        node: "seoul-edge".into(),
        participants: 1,
        identities: vec!["teacher".into()],
    };
    let (presence_key, recording_key) = (key::presence(&id, "seoul-edge"), key::recording(&id, "RM_1"));
    town.put(&presence_key, &presence).await;
    let mut recording = Recording {
        room: id.clone(),
        room_sid: "RM_1".into(),
        state: RecordingState::Live,
        manifest: format!("/{id}/RM_1/manifest.json"),
        started_at_ms: 1,
        duration_ms: 0,
    };
    town.put(&recording_key, &recording).await;
    let live =
        town.until(&path, |class| class["state"] == "live" && class["recordings"][0].is_object()).await;
    assert_eq!(live["replay"], Value::Null, "not while it is live");
    let stored = async || {
        let entry = town.store.get(&key::class(&id)).await.expect("get").expect("the class");
        serde_json::from_slice::<Value>(&entry.value).expect("JSON")["state"].clone()
    };
    while stored().await != "live" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    town.store.delete(&presence_key).await.expect("delete");
    recording.state = RecordingState::Complete;
    town.put(&recording_key, &recording).await;
    let ended = town
        .until(&path, |class| class["recordings"][0]["state"] == "complete" && class["state"] != "live")
        .await;
    assert_eq!((&ended["state"], &ended["replay"]), (&json!("ended"), &json!(recording.manifest)));
    town.store.delete(&recording_key).await.expect("delete");
    town.until(&path, |class| class["replay"].is_null() && class["state"] == "ended").await;
}

#[tokio::test]
async fn a_class_needs_a_title_of_reasonable_length() {
    let town = Town::start(config()).await;
    for (body, expected) in [
        (json!({}), (400, "bad_request")),
        (json!({"title": "  "}), (422, "bad_title")),
        (json!({"title": "x".repeat(121)}), (422, "too_long")),
        (json!({"title": "a\u{7}"}), (422, "bad_text")),
        (json!({"title": "a", "category": "alchemy"}), (422, "bad_category")),
        (json!({"title": "a", "time_zone": "Mars/Olympus"}), (422, "bad_time_zone")),
        (json!({"title": "a", "capacity": 0}), (422, "bad_capacity")),
    ] {
        let (status, answer) = town.post("/v1/classes", &body).await;
        assert_eq!((status.as_u16(), answer["code"].as_str().unwrap_or_default()), expected, "{body}");
    }
    assert_eq!(town.get("/v1/classes").await["items"], json!([]));
}

#[tokio::test]
async fn viewers_find_the_cdn_node_near_them_and_pages_the_regions() {
    let regions = [("gangneung".to_owned(), Location { latitude: 37.7519, longitude: 128.8761 })];
    let town = Town::start(Config { regions: regions.into(), ..config() }).await;
    let cdn = [node("jeju-cdn", Role::Cdn, JEJU), node("seoul-cdn", Role::Cdn, SEOUL)];
    town.add(&[edges().as_slice(), &cdn, &[node("main-origin", Role::Origin, SEOUL)]].concat()).await;
    let order = async |query: &str| -> Vec<String> {
        let answer = town.get(&format!("/v1/cdn{query}")).await;
        let nodes = answer["nodes"].as_array().expect("nodes").iter();
        nodes.map(|node| node["id"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(order("?latitude=33.5&longitude=126.5").await, ["jeju-cdn", "seoul-cdn", "main-origin"]);
    assert_eq!(
        order("?region=gangneung").await,
        ["seoul-cdn", "jeju-cdn", "main-origin"],
        "placed by the settings"
    );
    assert_eq!(order("").await.len(), 3);
    for bad in ["?latitude=33.5", "?latitude=99&longitude=0", "?latitude=x&longitude=0", "?colour=red"] {
        assert_eq!(
            town.ask(Method::GET, &format!("/v1/cdn{bad}"), "").await.0,
            StatusCode::BAD_REQUEST,
            "{bad}"
        );
    }
    let settings = town.get("/v1/config").await;
    assert_eq!(settings["dev"], true);
    let names: Vec<_> =
        settings["regions"].as_array().expect("regions").iter().map(|region| &region["id"]).collect();
    assert_eq!(names, ["gangneung", "jeju", "seoul"]);
    assert_eq!(settings["regions"][1]["location"], json!(JEJU));
    assert_eq!(town.get("/v1/edges").await["edges"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn the_ops_page_is_told_of_changes() {
    let town = Town::start(config()).await;
    let request = Request::get(format!("http://{}/v1/ops/events", town.address)).body(Full::default());
    let response = town.send(request.expect("a request")).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let mut next = async || -> Value {
        let mut text = String::new();
        while !text.ends_with("\n\n") {
            let frame = body.frame().await.expect("goes on").expect("a frame");
            text.push_str(std::str::from_utf8(&frame.into_data().expect("data")).expect("text"));
        }
        assert!(text.starts_with("event: ops\ndata: "), "{text}");
        serde_json::from_str(text["event: ops\ndata: ".len()..].trim_end()).expect("JSON")
    };
    next().await;
    town.put(&key::node("jeju-edge"), &edges()[0]).await;
    let heard = tokio::time::timeout(Duration::from_secs(10), async {
        while !next().await["nodes"].as_array().expect("nodes").iter().any(|node| node["id"] == "jeju-edge") {
        }
    });
    heard.await.expect("told in time");
}

#[tokio::test]
async fn methods_are_those_described_and_the_admin_port_answers() {
    let town = Town::start(config()).await;
    let document = town.get("/v1/openapi.json").await;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let path: Vec<_> =
            path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
        let path = path.join("/");
        let request = Request::builder().method("PROBE").uri(format!("http://{}{path}", town.address));
        let response = town.send(request.body(Full::default()).expect("a request")).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let allowed = response.headers()["allow"].to_str().expect("text").to_owned();
        let mut allowed: Vec<_> =
            allowed.split(',').filter(|method| *method != "HEAD").map(str::to_lowercase).collect();
        allowed.sort();
        assert_eq!(
            allowed,
            methods
                .as_object()
                .expect("methods")
                .keys()
                .filter(|key| *key != "parameters")
                .cloned()
                .collect::<Vec<_>>(),
            "{path}"
        );
    }
    town.post("/v1/join", &json!({"class": "nowhere", "identity": "a"})).await;
    let text = async |path: &str| {
        let request =
            Request::get(format!("http://{}{path}", town.admin)).body(Full::default()).expect("a request");
        let body = town.send(request).await.into_body().collect().await.expect("a body").to_bytes();
        String::from_utf8_lossy(&body).into_owned()
    };
    assert_eq!((text("/healthz").await, text("/readyz").await), ("ok\n".into(), "ok\n".into()));
    let metrics = text("/metrics").await;
    assert!(
        metrics.contains("seodang_control_plane_joins_total{outcome=\"class_not_found\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn wrong_settings_and_taken_ports_are_named() {
    let store = || -> Arc<dyn Store> { Arc::new(Embedded::in_memory()) };
    let refused = async |config: Config| {
        format!("{:#}", ControlPlane::bind(config, store(), None).await.expect_err("not like this"))
    };
    assert!(refused(Config { api_keys: Vec::new(), ..config() }).await.contains("api_keys"));
    let short = vec![ApiKey { key: "k".into(), secret: "short".into() }];
    let message = refused(Config { api_keys: short, ..config() }).await;
    assert!(message.contains("32") && !message.contains("short"), "no secret in it: {message}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound");
    let message = refused(Config { listen: address, ..config() }).await;
    assert!(message.contains("listen") && message.contains(&address.port().to_string()), "{message}");
    assert!(refused(Config { nodes: Some(address), ..config() }).await.contains("certificates"));
    assert!(
        refused(Config { geoip: Some("/nowhere.mmdb".into()), ..config() }).await.contains("/nowhere.mmdb")
    );
}

#[tokio::test]
async fn a_drain_is_for_operators_and_stands_in_the_store_until_it_is_taken_back() {
    let town = Town::start(config()).await;
    town.add(&edges()).await;
    let ask = async |method: Method, path: &str, grant: Option<Grant>, body: &str| {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", town.address));
        if let Some(video) = grant {
            let exp = Some(control_plane_agent::unix_time_ms() / 1_000 + 60);
            let claims = token::Claims { exp, video: Some(video), ..token::Claims::default() };
            request = request.header("authorization", format!("Bearer {}", token::sign(&claims, &api_key())));
        }
        let request = request.body(Full::from(body.to_owned())).expect("a request");
        let response = town.send(request).await;
        let status = response.status();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        (status, serde_json::from_slice::<Value>(&body).unwrap_or_default())
    };
    let operator = || Some(Grant { room_admin: true, ..Grant::default() });
    let instructor =
        || Some(Grant { room_admin: true, room: "class".into(), room_join: true, ..Grant::default() });
    let id = edges()[0].id.clone();
    let path = format!("/v1/ops/drains/node/{id}");
    assert_eq!(ask(Method::POST, &path, None, "{}").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(Method::POST, &path, instructor(), "{}").await.0, StatusCode::FORBIDDEN);
    let unknown = ask(Method::POST, "/v1/ops/drains/region/atlantis", operator(), "{}").await;
    assert_eq!((unknown.0, unknown.1["code"].as_str()), (StatusCode::NOT_FOUND, Some("region_not_found")));
    assert_eq!(ask(Method::POST, &path, operator(), r#"{"deadline": 1}"#).await.0, StatusCode::BAD_REQUEST);

    let (status, begun) = ask(Method::POST, &path, operator(), r#"{"deadline_s": 600, "exit": true}"#).await;
    assert_eq!((status, begun["nodes"][0]["id"].as_str()), (StatusCode::OK, Some(id.as_str())));
    let key = key::drain(&control_plane_api::drain::DrainTarget::Node(id));
    let entry = town.store.get(&key).await.expect("the store").expect("a record");
    let drain: control_plane_api::drain::Drain = serde_json::from_slice(&entry.value).expect("a drain");
    assert!(drain.exit && drain.deadline_ms == Some(drain.requested_at_ms + 600_000));
    assert_eq!(ask(Method::DELETE, &path, operator(), "").await.0, StatusCode::NO_CONTENT);
    assert!(town.store.get(&key).await.expect("the store").is_none());
    assert_eq!(ask(Method::DELETE, &path, operator(), "").await.0, StatusCode::NOT_FOUND);
}
