//! Search, recommendation, wishes and demand over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use control_plane::config::Secret;
use control_plane::{Config, ControlPlane};
use control_plane_agent::store::Store;
use control_plane_agent::store::embedded::Embedded;
use control_plane_api::token::{self, ApiKey, Claims, Grant};
use control_plane_classes::{Database, Sql as _, args};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

#[path = "support/both.rs"]
mod both;

use both::both;

both!(
    half_a_word_finds_a_class_and_what_is_not_there_is_told_to_instructors,
    a_wish_is_told_when_it_comes_true_and_once,
    a_recommendation_says_why,
    one_address_fills_no_demand_board,
);

struct School {
    address: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
    bearer: String,
    database: Database,
    _stop: DropGuard,
    _directory: tempfile::TempDir,
}

impl School {
    async fn start(database: Secret) -> Self {
        let directory = tempfile::tempdir().expect("temporary directory");
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let key = ApiKey { key: "devkey".into(), secret: "0123456789abcdef0123456789abcdef".into() };
        let exp = Some(control_plane_agent::unix_time_ms() / 1000 + 600);
        let video = Some(Grant { room_admin: true, ..Grant::default() });
        let bearer = format!("Bearer {}", token::sign(&Claims { exp, video, ..Claims::default() }, &key));
        let data_dir = directory.path().to_owned();
        let config = Config {
            listen: free,
            admin: free,
            api_keys: vec![key],
            data_dir,
            database,
            ..Config::default()
        };
        let place = config.place();
        let store: Arc<dyn Store> = Arc::new(Embedded::in_memory());
        let control_plane = ControlPlane::bind(config, store, None).await.expect("binds");
        let address = control_plane.address().expect("bound");
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move { control_plane.run(stopped).await.expect("runs") });
        let database = Database::open(&place).await.expect("opens");
        for (id, role) in [("kim", "instructor"), ("minji", "student"), ("jisu", "student")] {
            let insert =
                "INSERT INTO accounts (id, name, role, locale, created_at_ms) VALUES ($1, $1, $2, 'ko', 1)";
            database.execute(insert, args![id, role]).await.expect("an account");
        }
        let client = Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
        Self { address, client, bearer, database, _stop: stop.drop_guard(), _directory: directory }
    }

    /// As `who`, or as nobody.
    async fn ask(&self, who: &str, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        if !who.is_empty() {
            request = request.header("authorization", &self.bearer).header("x-on-behalf-of", who);
        }
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let request = request.body(Full::from(body)).expect("a request");
        let response = self.client.request(request).await.expect("an answer");
        let status = response.status();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn get(&self, who: &str, path: &str) -> Value {
        let (status, answer) = self.ask(who, "GET", path, Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    async fn make(&self, title: &str, category: &str) -> String {
        let class = json!({"title": title, "category": category, "recorded": false});
        let (status, class) = self.ask("kim", "POST", "/v1/classes", class).await;
        assert_eq!(status, StatusCode::CREATED, "{class}");
        class["id"].as_str().expect("an id").to_owned()
    }

    /// Asks until `wanted` is in the answer.
    async fn until(&self, who: &str, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let ask = async {
            loop {
                last = self.get(who, path).await;
                if wanted(&last) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), ask).await;
        assert!(waited.is_ok(), "{path} stays {last}");
        last
    }
}

fn titles(page: &Value) -> Vec<&str> {
    page["items"].as_array().into_iter().flatten().filter_map(|item| item["title"].as_str()).collect()
}

/// 붓글, as a query.
const HALF: &str = "%EB%B6%93%EA%B8%80";

async fn half_a_word_finds_a_class_and_what_is_not_there_is_told_to_instructors(database: Secret) {
    let school = School::start(database).await;
    school.make("처음 만나는 붓글씨", "calligraphy").await;
    school.make("파이썬 기초", "coding").await;
    let path = format!("/v1/classes?q={HALF}");
    let found = school.until("minji", &path, |page| !titles(page).is_empty()).await;
    assert_eq!(titles(&found), ["처음 만나는 붓글씨"]);
    assert!(titles(&school.get("", &format!("{path}&category=coding")).await).is_empty());
    let suggested = school.get("", &format!("/v1/search/suggest?q={HALF}")).await;
    assert_eq!(suggested["items"][0]["text"], "처음 만나는 붓글씨");

    // Twice by the same person is one who wants it.
    for who in ["minji", "minji", "jisu"] {
        school.get(who, "/v1/classes?q=cello&category=music").await;
    }
    let demand = school.get("kim", "/v1/demand?weeks=2").await;
    assert_eq!((&demand["searches"][0]["text"], &demand["searches"][0]["n"]), (&json!("cello"), &json!(2)));
    assert_eq!(demand["searches"][0]["weekly"], json!([0, 2]));
    let (status, _) = school.ask("minji", "GET", "/v1/demand", Value::Null).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let long = "x".repeat(101);
    let (status, _) = school.ask("", "GET", &format!("/v1/classes?q={long}"), Value::Null).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

/// A loop of searches is answered, and leaves a handful of rows.
async fn one_address_fills_no_demand_board(database: Secret) {
    let school = School::start(database).await;
    for index in 0..300 {
        school.get("", &format!("/v1/classes?q=wanted{index}")).await;
    }
    let row = school.database.row("SELECT COUNT(*) FROM searches", args![]).await.expect("read");
    let kept = row.expect("a row").count(0).expect("a count");
    assert!((1..60).contains(&kept), "{kept} searches of one address");
    school.get("minji", "/v1/classes?q=somebody+else").await;
    let text = "SELECT COUNT(*) FROM searches WHERE account_id = 'minji'";
    let row = school.database.row(text, args![]).await.expect("read").expect("a row");
    assert_eq!(row.count(0).ok(), Some(1), "others are counted on their own");
}

async fn a_wish_is_told_when_it_comes_true_and_once(database: Secret) {
    let school = School::start(database).await;
    let new = json!({"text": "첼로를 배우고 싶어요", "level": "beginner", "times": ["weekday-evening"]});
    let (status, wish) = school.ask("minji", "POST", "/v1/wishes", new).await;
    assert_eq!(status, StatusCode::CREATED, "{wish}");
    let topics = school.get("kim", "/v1/demand").await;
    assert_eq!(topics["wishes"][0]["topic"], "첼로를 배우고 싶어요");
    school.make("피아노 기초", "music").await;
    let cello = school.make("퇴근 후 첼로 교실", "music").await;
    let matched = |page: &Value| page["items"][0]["matched"] == json!([cello]);
    school.until("minji", "/v1/me/wishes", matched).await;
    let told = school.get("minji", "/v1/me/notifications").await;
    assert_eq!(told["items"].as_array().map(Vec::len), Some(1), "{told}");
    assert_eq!((&told["items"][0]["kind"], &told["items"][0]["class"]), (&json!("wish"), &json!(cello)));
    let path = format!("/v1/wishes/{}", wish["id"].as_str().expect("an id"));
    assert_eq!(school.ask("jisu", "DELETE", &path, Value::Null).await.0, StatusCode::NOT_FOUND);
    assert_eq!(school.ask("", "DELETE", &path, Value::Null).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(school.ask("minji", "DELETE", &path, Value::Null).await.0, StatusCode::NO_CONTENT);
    let bad = json!({"text": "a", "times": ["noon"]});
    assert_eq!(school.ask("minji", "POST", "/v1/wishes", bad).await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

async fn a_recommendation_says_why(database: Secret) {
    let school = School::start(database).await;
    let (status, _) = school.ask("jisu", "PATCH", "/v1/me", json!({"interests": ["calligraphy"]})).await;
    assert_eq!(status, StatusCode::OK);
    let ink = school.make("먹 갈기", "calligraphy").await;
    school.make("파이썬 기초", "coding").await;
    let open = |page: &Value| page["items"].as_array().is_some_and(|items| items.len() == 2);
    let found = school.until("jisu", "/v1/recommendations?limit=3", open).await;
    let first = &found["items"][0];
    assert_eq!(first["class"]["id"], json!(ink), "{found}");
    assert!(first["reason"]["ko"].as_str().is_some_and(|reason| reason.contains("서예")), "{found}");
    // What one teaches oneself is no recommendation.
    assert!(school.get("kim", "/v1/recommendations").await["items"].as_array().is_some_and(Vec::is_empty));
}
