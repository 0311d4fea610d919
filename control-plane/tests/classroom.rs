//! The classroom over HTTP: words into the room, controls, who may do what, and input that is refused.

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

#[path = "support/both.rs"]
mod both;

use both::both;

both!(
    a_quiz_is_told_to_the_room_answers_are_not_and_tallies_go_to_who_teaches,
    what_an_instructor_does_reaches_the_edge_and_is_kept,
    input_that_does_not_fit_is_refused_and_changes_nothing,
    who_may_do_what,
);

/// Calls that an edge got: method and body.
type Calls = Arc<Mutex<Vec<(String, Value)>>>;

struct School {
    address: SocketAddr,
    database: Database,
    client: Client<HttpConnector, Full<Bytes>>,
    calls: Calls,
    sessions: Vec<(&'static str, Session)>,
    _stop: DropGuard,
    _directory: tempfile::TempDir,
}

fn api_key() -> ApiKey {
    ApiKey { key: "devkey".into(), secret: "0123456789abcdef0123456789abcdef".into() }
}

/// An edge's room service, as far as the control plane uses it.
async fn edge(calls: Calls) -> String {
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
    async fn start(database: Secret) -> Self {
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
            _stop: stop.drop_guard(),
            _directory: directory,
        };
        school.until("the room is seen", async || school.is_live().await).await;
        school
    }

    async fn is_live(&self) -> bool {
        let (status, _) =
            self.ask("teacher", "POST", "/controls", &json!({"do": "mute", "identity": "minji"})).await;
        status == StatusCode::NO_CONTENT
    }

    async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
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
    async fn ask(&self, who: &str, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.send(who, method, path, body).await
    }

    async fn send(&self, who: &str, method: &str, path: &str, body: Vec<u8>) -> (StatusCode, Value) {
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

    async fn refused(&self, who: &str, method: &str, path: &str, body: &Value) -> (u16, String) {
        let (status, answer) = self.ask(who, method, path, body).await;
        assert!(!answer["message"].as_str().unwrap_or_default().is_empty(), "{path}: {status} {answer}");
        (status.as_u16(), answer["code"].as_str().expect("a code").to_owned())
    }

    /// Words that the edge was given, with whom they were for.
    fn words(&self) -> Vec<(Value, Value)> {
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

    async fn word(&self, kind: &str) -> (Value, Value) {
        let heard = || self.words().into_iter().rev().find(|(word, _)| word["kind"] == kind);
        self.until(kind, async || heard().is_some()).await;
        heard().expect("heard")
    }

    async fn quiz(&self) -> String {
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

fn sheet() -> Value {
    json!({
        "title": "붓글씨",
        "items": [{"id": "one", "kind": "short", "text": "무엇으로 씁니까?"}],
        "key": {"one": ["먹"]},
        "time_limit_s": null,
    })
}

/// The room of the class `ink` on one edge.
async fn room(store: &dyn Store, url: &str) {
    let node = Node {
        id: "jeju-edge".into(),
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
    };
    let presence = Presence {
        room: "ink".into(),
        room_sid: "RM_1".into(),
        node: node.id.clone(),
        participants: 2,
        identities: vec!["teacher".into(), "minji".into()],
    };
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
    put(key::presence("ink", &node.id), json!(presence)).await;
}

async fn a_quiz_is_told_to_the_room_answers_are_not_and_tallies_go_to_who_teaches(database: Secret) {
    let school = School::start(database).await;
    let quiz = school.quiz().await;
    let at = |rest: &str| format!("/quizzes/{quiz}{rest}");
    let live = school.ask("minji", "GET", "/live", &Value::Null).await.1;
    assert_eq!(live["quizzes"], json!([]), "drafts are who teaches' alone");
    assert_eq!(school.ask("teacher", "POST", &at("/open"), &Value::Null).await.0, StatusCode::OK);
    let (word, to) = school.word("quiz").await;
    assert_eq!((&word["quiz"]["state"], &word["v"], &to), (&json!("open"), &json!(1), &json!([])));
    assert!(word["quiz"]["key"].is_null() && word["at_ms"].is_u64(), "{word}");
    assert!(word["quiz"]["minute_ms"].as_u64().is_some_and(|ms| ms >= 60_000), "{word}");

    let answer = json!({"answers": {"one": [" 먹 "]}, "answered_at_ms": control_plane_agent::unix_time_ms()});
    let (status, receipt) = school.ask("minji", "PUT", &at("/answers/u-1"), &answer).await;
    assert_eq!((status, &receipt["counted"]), (StatusCode::OK, &json!(true)), "{receipt}");
    assert!(receipt["mine"]["correct"].is_null(), "{receipt}");
    assert_eq!(school.ask("minji", "PUT", &at("/answers/u-1"), &answer).await.1, receipt);
    let again = school.refused("minji", "PUT", &at("/answers/u-2"), &answer).await;
    assert_eq!(again, (409, "already_answered".into()));
    let counted = || school.words().into_iter().find(|(word, _)| word["tally"]["answered"] == 1);
    school.until("a tally of one", async || counted().is_some()).await;
    assert_eq!(counted().map(|(_, to)| to), Some(json!(["teacher"])));
    assert_eq!(school.refused("minji", "GET", &at("/tally"), &Value::Null).await.0, 403);

    assert_eq!(school.ask("teacher", "POST", &at("/close"), &Value::Null).await.0, StatusCode::OK);
    let late =
        json!({"answers": {"one": ["먹"]}, "answered_at_ms": control_plane_agent::unix_time_ms() + 5_000});
    let late = school.refused("jisu", "PUT", &at("/answers/u-3"), &late).await;
    assert_eq!(late, (409, "quiz_closed".into()));
    assert_eq!(school.ask("teacher", "POST", &at("/reveal"), &Value::Null).await.0, StatusCode::OK);
    let live = school.ask("minji", "GET", "/live", &Value::Null).await.1;
    assert_eq!(live["quizzes"][0]["mine"]["score"], 1, "{live}");
    assert_eq!(live["quizzes"][0]["key"], json!({"one": ["먹"]}));
    assert_eq!(live["v"], 3);
    let tally = school.ask("minji", "GET", &at("/tally"), &Value::Null).await.1;
    assert_eq!((&tally["answered"], &tally["enrolled_present"]), (&json!(1), &json!(1)), "{tally}");
    for (word, to) in school.words() {
        let text = word.to_string();
        assert!(word["kind"] == "tally" || !text.contains("u-1"), "{text}");
        assert!(to == json!(["teacher"]) || (!text.contains("answered") && !text.contains("mine")), "{text}");
    }
}

async fn what_an_instructor_does_reaches_the_edge_and_is_kept(database: Secret) {
    let school = School::start(database).await;
    school.calls.lock().clear();
    let control = async |what: &str, identity: Option<&str>| {
        let body = identity.map_or(json!({"do": what}), |identity| json!({"do": what, "identity": identity}));
        let (status, answer) = school.ask("teacher", "POST", "/controls", &body).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{what}: {answer}");
        school.calls.lock().drain(..).filter(|(method, _)| method != "SendData").collect::<Vec<_>>()
    };
    let muted = control("mute", Some("minji")).await;
    let expected = json!({"room": "ink", "identity": "minji", "trackSid": "TR_m", "muted": true});
    assert_eq!(muted[1..], [("MutePublishedTrack".into(), expected)], "the microphone, not the camera");
    let sources = |calls: &[(String, Value)]| calls[0].1["permission"]["canPublishSources"].clone();
    let screen = control("allow-screen", Some("minji")).await;
    assert_eq!(sources(&screen), json!(["CAMERA", "MICROPHONE", "SCREEN_SHARE", "SCREEN_SHARE_AUDIO"]));
    control("forbid-screen", Some("minji")).await;
    let silent = control("forbid-speak", Some("minji")).await;
    assert_eq!((&silent[0].1["permission"]["canPublish"], sources(&silent)), (&json!(false), json!([])));
    let join = async |who: &str| school.ask(who, "POST", "/v1/join", &json!({"class": "ink"})).await;
    let (status, joined) = join("minji").await;
    assert_eq!(status, StatusCode::OK, "{joined}");
    let now_s = control_plane_agent::unix_time_ms() / 1000;
    let claims =
        token::verify(joined["token"].as_str().expect("a token"), &[api_key()], now_s).expect("valid");
    assert_eq!(claims.video.expect("a grant").can_publish, Some(false), "kept for the next join");

    let removed = control("remove", Some("minji")).await;
    assert_eq!(removed[0].0, "RemoveParticipant");
    assert_eq!(join("minji").await.1["code"], "removed");
    control("readmit", Some("minji")).await;
    assert_eq!(join("minji").await.0, StatusCode::OK);
    control("spotlight", Some("minji")).await;
    control("lock", None).await;
    let live = school.ask("minji", "GET", "/live", &Value::Null).await.1;
    assert_eq!((&live["spotlight"], &live["locked"]), (&json!("minji"), &json!(true)));
    let quiz = school.quiz().await;
    school.ask("teacher", "POST", &format!("/quizzes/{quiz}/open"), &Value::Null).await;
    control("end", None).await;
    let live = school.ask("teacher", "GET", "/live", &Value::Null).await.1;
    assert_eq!(live["quizzes"][0]["state"], "closed", "who watches the replay can answer it");
    let gone = || {
        let calls = school.calls.lock();
        let removed = calls.iter().filter(|(method, _)| method == "RemoveParticipant");
        removed.map(|(_, body)| body["identity"].clone()).collect::<Vec<_>>()
    };
    school.until("everybody goes", async || gone().len() == 2).await;
    assert_eq!(gone(), ["minji", "teacher"], "who teaches goes last");
    assert_eq!(
        school.refused("teacher", "POST", "/controls", &json!({"do": "mute"})).await,
        (422, "invalid".into())
    );
    let oneself = json!({"do": "remove", "identity": "teacher"});
    assert_eq!(school.refused("teacher", "POST", "/controls", &oneself).await, (422, "invalid".into()));
    let elsewhere = json!({"do": "end"});
    let nowhere = school.refused("teacher", "POST", "/v1/classes/empty/controls", &elsewhere).await;
    assert_eq!(nowhere, (409, "not_live".into()));
}

async fn input_that_does_not_fit_is_refused_and_changes_nothing(database: Secret) {
    let school = School::start(database).await;
    let quiz = school.quiz().await;
    school.ask("teacher", "POST", &format!("/quizzes/{quiz}/open"), &Value::Null).await;
    let answer = format!("/quizzes/{quiz}/answers/u-1");
    let now_ms = control_plane_agent::unix_time_ms();
    let script = "<img src=x onerror=alert(1)>'; DROP TABLE chat; --";
    let said = school.ask("minji", "POST", "/chat", &json!({"id": "m-1", "text": script})).await;
    assert_eq!((said.0, &said.1["text"]), (StatusCode::OK, &json!(script)), "text is text");
    let cases = [
        ("POST", "/chat", json!({"id": "m-2", "text": "가".repeat(1_001)}), 422, "invalid"),
        ("POST", "/chat", json!({"id": "m-2", "text": "  "}), 422, "invalid"),
        ("POST", "/chat", json!({"id": "m-2", "text": "a\u{0}"}), 422, "invalid"),
        ("POST", "/chat", json!({"id": "../m", "text": "a"}), 422, "invalid"),
        ("POST", "/chat", json!({"id": "m-2", "text": "a", "from": "teacher"}), 400, "bad_request"),
        (
            "PUT",
            answer.as_str(),
            json!({"answers": {"one": ["가".repeat(201)]}, "answered_at_ms": now_ms}),
            422,
            "invalid",
        ),
        (
            "PUT",
            answer.as_str(),
            json!({"answers": {"two": ["a"]}, "answered_at_ms": now_ms}),
            422,
            "invalid",
        ),
        (
            "PUT",
            answer.as_str(),
            json!({"answers": {"one": ["a"]}, "answered_at_ms": -1}),
            400,
            "bad_request",
        ),
        (
            "PUT",
            "/quizzes/none/answers/u-1",
            json!({"answers": {}, "answered_at_ms": 1}),
            404,
            "quiz_not_found",
        ),
        ("PUT", "/polls/none/vote", json!({"choices": ["a"]}), 404, "poll_not_found"),
        ("PUT", "/questions/none/vote", Value::Null, 404, "question_not_found"),
        ("DELETE", "/chat/none", Value::Null, 404, "message_not_found"),
        ("GET", "/chat?before=none", Value::Null, 404, "message_not_found"),
        ("GET", "/board/none", Value::Null, 404, "thread_not_found"),
        ("GET", "/board?cursor=%27%20OR%201=1", Value::Null, 422, "bad_cursor"),
        ("GET", "/timeline?room_sid=RM_none", Value::Null, 404, "lesson_not_found"),
        ("GET", "/v1/classes/none/live", Value::Null, 404, "class_not_found"),
    ];
    for (method, path, body, status, code) in cases {
        let refused = school.refused("minji", method, path, &body).await;
        assert_eq!(refused, (status, code.to_owned()), "{method} {path} {body}");
    }
    let (status, _) =
        school.send("minji", "POST", "/chat", b"{\"id\":\"m-3\",\"text\":\"\xff\xfe\"}".to_vec()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "not UTF-8");
    let (status, _) = school.send("minji", "POST", "/chat", vec![b'x'; 100_000]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let live = school.ask("minji", "GET", "/live", &Value::Null).await.1;
    assert_eq!(live["chat"].as_array().map(Vec::len), Some(1), "{live}");
    assert!(live["quizzes"][0]["mine"].is_null(), "{live}");
    let rows = school.database.row("SELECT COUNT(*) FROM quiz_answers", args![]).await.expect("row");
    assert_eq!(rows.expect("one").count(0).expect("a count"), 0);
    let mut last = StatusCode::OK;
    for index in 0..12 {
        last =
            school.ask("jisu", "POST", "/chat", &json!({"id": format!("j-{index}"), "text": "네"})).await.0;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS, "a burst of talk, then slower");
}

/// Every endpoint by everybody: who gets past the door. A seat: the class's students; a desk: who teaches it.
async fn who_may_do_what(database: Secret) {
    let school = School::start(database).await;
    let (status, openapi) = school.ask("nobody", "GET", "/v1/openapi.json", &Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    let desk = [
        ("post", "/quizzes"),
        ("put", "/quizzes/{quiz}"),
        ("delete", "/quizzes/{quiz}"),
        ("post", "/quizzes/{quiz}/open"),
        ("post", "/quizzes/{quiz}/close"),
        ("post", "/quizzes/{quiz}/reveal"),
        ("post", "/polls"),
        ("delete", "/polls/{poll}"),
        ("post", "/polls/{poll}/open"),
        ("post", "/polls/{poll}/close"),
        ("put", "/chat/muted/{account}"),
        ("delete", "/chat/muted/{account}"),
        ("delete", "/hands/{account}"),
        ("patch", "/questions/{question}"),
        ("post", "/controls"),
        ("get", "/attendance.csv"),
        ("patch", "/attendance/{account}"),
        ("get", "/summary"),
    ];
    let tags = [
        "live",
        "quizzes",
        "polls",
        "chat",
        "hand",
        "hands",
        "questions",
        "controls",
        "attendance",
        "attendance.csv",
        "summary",
        "timeline",
        "watched",
        "board",
    ];
    let mut checked = 0;
    for (path, methods) in openapi["paths"].as_object().expect("paths") {
        let Some(below) = path.strip_prefix("/v1/classes/{id}/") else { continue };
        if !tags.contains(&below.split('/').next().unwrap_or_default()) {
            continue;
        }
        for method in methods.as_object().expect("methods").keys() {
            let at_desk = desk.contains(&(method.as_str(), &path["/v1/classes/{id}".len()..]));
            let filled: Vec<_> =
                below.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
            let target = format!("/{}?room_sid=RM_1", filled.join("/"));
            for (who, status) in [
                ("nobody", 401),
                ("stranger", 403),
                ("colleague", 403),
                ("minji", if at_desk { 403 } else { 0 }),
                ("teacher", 0),
                ("admin", 0),
                ("server", 0),
            ] {
                // What passes the door fails at the empty body or at the thing that is not there, which is another answer.
                let (got, answer) = school.ask(who, &method.to_uppercase(), &target, &Value::Null).await;
                let stopped = if matches!(got.as_u16(), 401 | 403) { got.as_u16() } else { 0 };
                assert_eq!(stopped, status, "{method} {path} by {who}: {got} {answer}");
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 7 * 40, "every endpoint of the classroom");
    let (status, answer) = school.ask("minji", "GET", "/attendance", &Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["items"].as_array().expect("items").len(), 1, "one's own line: {answer}");
    let body = json!({"id": "m-9", "text": "mine"});
    assert_eq!(school.ask("minji", "POST", "/chat", &body).await.0, StatusCode::OK);
    assert_eq!(
        school.refused("jisu", "DELETE", "/chat/m-9", &Value::Null).await,
        (403, "not_allowed".into())
    );
    assert_eq!(school.ask("teacher", "DELETE", "/chat/m-9", &Value::Null).await.0, StatusCode::NO_CONTENT);
}
