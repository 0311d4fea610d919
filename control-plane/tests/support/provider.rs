//! A small OpenID provider: it lets everybody in as whom the test says, and lies when it is told to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use control_plane::config::{OidcProvider, Secret};
use control_plane_classes::people::oidc::challenge;
use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

const SECRET: &str = "s&cret: 100%";

/// What the next tokens say instead of the truth.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lie {
    pub(crate) header: Value,
    pub(crate) claims: Value,
    pub(crate) signature: Signature,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Signature {
    #[default]
    Own,
    Forged,
    None,
}

pub(crate) struct Provider {
    pub(crate) issuer: String,
    pub(crate) lie: Mutex<Lie>,
    /// How often its keys were fetched.
    pub(crate) fetched: AtomicU64,
    key: EcdsaKeyPair,
    other: EcdsaKeyPair,
    /// By code: what the browser was sent with.
    codes: Mutex<BTreeMap<String, BTreeMap<String, String>>>,
}

type Fields = BTreeMap<String, String>;

impl Provider {
    pub(crate) async fn start() -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("bound"));
        let provider = Arc::new(Self {
            issuer,
            lie: Mutex::default(),
            fetched: AtomicU64::new(0),
            key: pair(),
            other: pair(),
            codes: Mutex::default(),
        });
        let service = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/keys", get(keys))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, service).await });
        provider
    }

    /// The setting of a school that knows it.
    pub(crate) fn setting(&self) -> OidcProvider {
        OidcProvider {
            name: "village".into(),
            issuer: self.issuer.clone(),
            client_id: "seodang".into(),
            client_secret: Secret::new(SECRET),
            client_secret_file: None,
        }
    }

    pub(crate) fn says(&self, claims: Value) {
        *self.lie.lock() = Lie { claims, ..Lie::default() };
    }

    fn id_token(&self, nonce: &str) -> String {
        let now_s = control_plane_agent::unix_time_ms() / 1000;
        let mut header = json!({"alg": "ES256", "kid": "k1", "typ": "JWT"});
        let mut claims = json!({"iss": self.issuer, "sub": "somebody", "aud": "seodang", "exp": now_s + 300,
            "iat": now_s, "nonce": nonce});
        let lie = self.lie.lock().clone();
        for (whole, lies) in [(&mut header, &lie.header), (&mut claims, &lie.claims)] {
            for (name, value) in lies.as_object().into_iter().flatten() {
                whole[name] = value.clone();
            }
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(&claims));
        let sign = |pair: &EcdsaKeyPair| {
            let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).expect("signed");
            URL_SAFE_NO_PAD.encode(signature)
        };
        let signature = match lie.signature {
            Signature::Own => sign(&self.key),
            Signature::Forged => sign(&self.other),
            Signature::None => String::new(),
        };
        format!("{message}.{signature}")
    }
}

fn pair() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).expect("its own")
}

async fn configuration(State(provider): State<Arc<Provider>>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", provider.issuer);
    Json(json!({"issuer": provider.issuer, "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"), "jwks_uri": at("/keys"), "response_types_supported": ["code"]}))
}

async fn authorize(State(provider): State<Arc<Provider>>, Query(asked): Query<Fields>) -> Response {
    let is = |name: &str, value: &str| asked.get(name).is_some_and(|given| given == value);
    let is_sound = is("response_type", "code")
        && is("client_id", "seodang")
        && is("code_challenge_method", "S256")
        && is("scope", "openid email profile")
        && asked.get("nonce").is_some_and(|nonce| nonce.len() == 43)
        && asked.get("redirect_uri").is_some_and(|to| to.ends_with("/v1/oidc/village/back"));
    if !is_sound {
        return (StatusCode::BAD_REQUEST, format!("{asked:?}")).into_response();
    }
    let code = format!("code-{:032x}", rand::random::<u128>());
    let back =
        format!("{}?code={code}&state={}&session_state=whatever", asked["redirect_uri"], asked["state"]);
    provider.codes.lock().insert(code, asked);
    Redirect::to(&back).into_response()
}

/// A code is taken once, from the school alone, with the verifier of its challenge.
async fn token(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    Form(given): Form<Fields>,
) -> Response {
    let asked = given.get("code").and_then(|code| provider.codes.lock().remove(code));
    let basic = format!("Basic {}", STANDARD.encode("seodang:s%26cret%3A%20100%25"));
    let is_sound = asked.as_ref().is_some_and(|asked| {
        headers.get("authorization").is_some_and(|value| value == basic.as_str())
            && given["grant_type"] == "authorization_code"
            && given["redirect_uri"] == asked["redirect_uri"]
            && challenge(&given["code_verifier"]) == asked["code_challenge"]
    });
    let Some(asked) = asked.filter(|_| is_sound) else {
        return (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response();
    };
    let id_token = provider.id_token(&asked["nonce"]);
    Json(json!({"access_token": "x", "token_type": "Bearer", "id_token": id_token})).into_response()
}

async fn keys(State(provider): State<Arc<Provider>>) -> Json<Value> {
    provider.fetched.fetch_add(1, Ordering::Relaxed);
    let point = provider.key.public_key().as_ref();
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let (x, y) = (part(&point[1..33]), part(&point[33..]));
    Json(
        json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "alg": "ES256", "x": x, "y": y}]}),
    )
}
