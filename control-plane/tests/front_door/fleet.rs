//! Classes and nodes as pages, viewers and operators see them.

use std::sync::Arc;
use std::time::Duration;

use control_plane::{Config, ControlPlane};
use control_plane_agent::store::Store;
use control_plane_agent::store::embedded::Embedded;
use control_plane_api::key;
use control_plane_api::node::{Location, Role};
use control_plane_api::recording::{Recording, RecordingState};
use control_plane_api::room::Presence;
use control_plane_api::token::{self, ApiKey, Grant};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

use crate::town::{JEJU, SEOUL, Town, api_key, config, edges, node};

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
