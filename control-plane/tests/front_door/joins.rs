//! Where somebody who joins is sent, and who is not.

use std::time::Duration;

use control_plane::Config;
use control_plane::config::Rate;
use control_plane_api::drain::{Drain, DrainTarget};
use control_plane_api::key;
use control_plane_api::node::{Load, Location, Node};
use control_plane_api::token::{self, Grant};
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::town::{JEJU, SEOUL, Town, api_key, bearer, config, edges};

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
    assert!(student.exp.is_some_and(|exp| (now_s + 590..=now_s + 610).contains(&exp)), "ten minutes");
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
