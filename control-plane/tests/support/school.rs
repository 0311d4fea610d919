//! A control plane with a school in it, and people who ask it things over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use control_plane::config::Rate;
use control_plane::{Config, ControlPlane};
use control_plane_agent::store::Store;
use control_plane_agent::store::embedded::Embedded;
use control_plane_api::key;
use control_plane_api::node::{Load, Node, Role};
use control_plane_api::token::{self, ApiKey, Claims, Grant};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) struct School {
    pub(crate) address: SocketAddr,
    admin: SocketAddr,
    config: Config,
    store: Arc<dyn Store>,
    client: Client<HttpConnector, Full<Bytes>>,
    _stop: DropGuard,
    directory: Arc<tempfile::TempDir>,
}

/// Whoever asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) cookie: Option<String>,
    pub(crate) csrf: Option<String>,
    pub(crate) bearer: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) bytes: Bytes,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> (u16, &str) {
        (self.status.as_u16(), self.body["code"].as_str().unwrap_or_default())
    }

    pub(crate) fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_else(|| panic!("an id: {self:?}")).to_owned()
    }
}

pub(crate) fn api_key() -> ApiKey {
    ApiKey { key: "devkey".into(), secret: "0123456789abcdef0123456789abcdef".into() }
}

pub(crate) fn signed(grant: Grant) -> String {
    let exp = Some(control_plane_agent::unix_time_ms() / 1000 + 600);
    token::sign(&Claims { exp, video: Some(grant), sub: "server".into(), ..Claims::default() }, &api_key())
}

/// A server with the API key.
pub(crate) fn server() -> Person {
    Person { bearer: Some(signed(Grant { room_admin: true, ..Grant::default() })), ..Person::default() }
}

impl School {
    /// With one edge, and rates nobody meets.
    pub(crate) async fn open(change: impl FnOnce(&mut Config)) -> Self {
        let directory = Arc::new(tempfile::tempdir().expect("temporary directory"));
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let rate = Rate { burst: 100_000, per_second: 1_000.0 };
        let mut config = Config {
            listen: free,
            admin: free,
            api_keys: vec![api_key()],
            dev: true,
            data_dir: directory.path().to_owned(),
            admin_email: "head@example.org".into(),
            join_rate: rate,
            create_rate: rate,
            sign_in_rate: rate,
            write_rate: rate,
            ..Config::default()
        };
        change(&mut config);
        let store: Arc<dyn Store> = Arc::new(Embedded::in_memory());
        let edge = Node {
            id: "jeju-edge".into(),
            role: Role::Edge,
            region: "jeju".into(),
            location: None,
            url: "http://jeju-edge.example".into(),
            quic: None,
            admin: String::new(),
            nodes: None,
            epoch: 1,
            draining: false,
            load: Load::default(),
            links: Vec::new(),
        };
        let record = serde_json::to_vec(&edge).expect("plain data");
        store.put(&key::node(&edge.id), record.into(), None).await.expect("put");
        Self::start(config, store, directory).await
    }

    /// A record of the fleet, as edges and the origin write it.
    pub(crate) async fn put(&self, key: String, record: &impl serde::Serialize) {
        let record = serde_json::to_vec(record).expect("plain data");
        self.store.put(&key, record.into(), None).await.expect("put");
    }

    pub(crate) async fn take_away(&self, key: &str) {
        self.store.delete(key).await.expect("deleted");
    }

    /// Another control plane for the same people and classes.
    pub(crate) async fn another(&self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = self.config.clone();
        change(&mut config);
        Self::start(config, self.store.clone(), self.directory.clone()).await
    }

    async fn start(config: Config, store: Arc<dyn Store>, directory: Arc<tempfile::TempDir>) -> Self {
        let control_plane = ControlPlane::bind(config.clone(), store.clone(), None).await.expect("binds");
        let address = control_plane.address().expect("bound");
        let admin = control_plane.admin_address().expect("bound");
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move { control_plane.run(stopped).await.expect("runs") });
        let client = Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
        Self { address, admin, config, store, client, _stop: stop.drop_guard(), directory }
    }

    /// What it answers, without waiting for the end of a body that may have none.
    pub(crate) async fn status(
        &self,
        who: &Person,
        method: &str,
        path: &str,
        body: &'static str,
    ) -> StatusCode {
        let request = self.request(who, method, path, &[]);
        let request = request.body(Full::new(Bytes::from_static(body.as_bytes()))).expect("a request");
        self.client.request(request).await.expect("an answer").status()
    }

    pub(crate) async fn ask(&self, who: &Person, method: &str, path: &str, body: impl Into<Bytes>) -> Answer {
        self.ask_with(who, method, path, body, &[]).await
    }

    pub(crate) async fn ask_with(
        &self,
        who: &Person,
        method: &str,
        path: &str,
        body: impl Into<Bytes>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let request = self.request(who, method, path, headers);
        let request = request.body(Full::new(body.into())).expect("a request");
        let response = self.client.request(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, bytes, body }
    }

    /// A figure without labels, as it is scraped.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let uri = format!("http://{}/metrics", self.admin).parse().expect("a URI");
        let body = self.client.get(uri).await.expect("an answer").into_body();
        let text =
            String::from_utf8(body.collect().await.expect("a body").to_bytes().to_vec()).expect("text");
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name} in:\n{text}"))
    }

    fn request(
        &self,
        who: &Person,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> http::request::Builder {
        let method: Method = method.parse().expect("a method");
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        if let Some(cookie) = &who.cookie {
            request = request.header("cookie", format!("other=1; seodang_session={cookie}"));
        }
        if let Some(csrf) = &who.csrf {
            request = request.header("x-csrf-token", csrf);
        }
        if let Some(bearer) = &who.bearer {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request
    }

    /// The same with a JSON body.
    pub(crate) async fn send(&self, who: &Person, method: &str, path: &str, body: &Value) -> Answer {
        self.ask(who, method, path, body.to_string()).await
    }

    /// Waits for the newest mail to an address that `fits`, and gives its text.
    pub(crate) async fn mail(&self, to: &str, fits: impl Fn(&str) -> bool) -> String {
        let asked = async {
            loop {
                let mails = self.ask(&Person::default(), "GET", &format!("/v1/dev/mail?to={to}"), "").await;
                let text = mails.body["items"][0]["text"].as_str().unwrap_or_default().to_owned();
                if fits(&text) {
                    return text;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), asked)
            .await
            .unwrap_or_else(|_| panic!("no mail to {to}"))
    }

    /// Signs up as a person does.
    pub(crate) async fn person(&self, name: &str, role: &str) -> Person {
        let email = format!("{name}@example.org");
        let nobody = Person::default();
        let new = json!({"email": email, "password": "a long password", "name": name, "role": role});
        let begun = self.send(&nobody, "POST", "/v1/accounts", &new).await;
        assert_eq!(begun.status, StatusCode::ACCEPTED, "{begun:?}");
        let code = code_in(&self.mail(&email, |text| !code_in(text).is_empty()).await);
        let confirm = json!({"email": email, "code": code, "ticket": begun.body["ticket"]});
        let made = self.send(&nobody, "POST", "/v1/accounts/confirm", &confirm).await;
        assert_eq!(made.status, StatusCode::OK, "{made:?}");
        self.signed_in(&made).await
    }

    /// Whoever an answer has signed in.
    pub(crate) async fn signed_in(&self, answer: &Answer) -> Person {
        let cookie = answer.headers["set-cookie"].to_str().expect("text");
        assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
        let value = cookie.split([';', '=']).nth(1).expect("a value").to_owned();
        let id = answer.body["account"]["id"].as_str().expect("an id").to_owned();
        let person = Person { id, cookie: Some(value), ..Person::default() };
        let me = self.ask(&person, "GET", "/v1/me", "").await;
        Person { csrf: me.body["csrf"].as_str().map(str::to_owned), ..person }
    }

    pub(crate) async fn class(&self, who: &Person, class: Value) -> String {
        let made = self.send(who, "POST", "/v1/classes", &class).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        made.id()
    }
}

/// The six digits in a mail.
pub(crate) fn code_in(text: &str) -> String {
    text.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() == 6).unwrap_or_default().to_owned()
}
