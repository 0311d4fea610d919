//! OpenID providers: what they say of themselves, their keys, and codes exchanged for ID tokens.
//!
//! A provider is asked when somebody wants to sign in there, never before: one that is away stops nobody else. Answers are
//! bounded, redirects are not followed, and everything goes over TLS unless the provider is on this machine.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use control_plane_classes::people::oidc::{self, Expected, Identity, Keys, TokenError};
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::config::OidcProvider;

/// Longest answer of a provider: metadata, keys and tokens are a few thousand bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Somebody waits in front of an empty page.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);
/// What a provider says of itself, and its keys, are read again after this long: a key withdrawn is not taken for ever.
const FRESH: Duration = Duration::from_secs(3600);
/// Keys are fetched for a token with an unknown key at most this often: a forged token is no way to make us ask.
const REFETCH_INTERVAL: Duration = Duration::from_secs(60);

/// A provider that did not answer is not asked again for this long: else those who wait for it queue up behind one another.
const AWAY_PAUSE: Duration = Duration::from_secs(5);

type Https = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// All that are set up, by name.
#[derive(Debug, Default)]
pub(crate) struct Providers(BTreeMap<String, Provider>);

/// One of them.
#[derive(Debug)]
pub(crate) struct Provider {
    config: OidcProvider,
    secret: String,
    client: Https,
    metadata: Mutex<Option<(Metadata, Instant)>>,
    keys: Mutex<Option<Kept>>,
    away_until: parking_lot::Mutex<Option<Instant>>,
}

#[derive(Debug)]
struct Kept {
    keys: Keys,
    fetched: Instant,
}

/// OpenID Connect Discovery 1.0 §3, as far as it is used.
#[derive(Clone, Debug, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

/// Why somebody could not be signed in by a provider.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It does not answer, or not as a provider does.
    #[error("the provider is away: {0:#}")]
    Away(anyhow::Error),
    /// It does not take the code.
    #[error("the provider refuses the code: {0}")]
    Refused(StatusCode),
    #[error("the ID token is not taken: {0}")]
    Token(#[from] TokenError),
}

impl Providers {
    /// # Errors
    /// A secret's file cannot be read.
    pub(crate) fn new(configs: &[OidcProvider]) -> anyhow::Result<Self> {
        let mut providers = BTreeMap::new();
        for config in configs {
            let secret = config.secret()?;
            let client = crate::word::client()?;
            let provider = Provider {
                config: config.clone(),
                secret,
                client,
                metadata: Mutex::default(),
                keys: Mutex::default(),
                away_until: parking_lot::Mutex::default(),
            };
            providers.insert(config.name.clone(), provider);
        }
        Ok(Self(providers))
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Provider> {
        self.0.get(name)
    }
}

impl Provider {
    pub(crate) fn issuer(&self) -> &str {
        &self.config.issuer
    }

    /// Where the browser goes to sign in (Core §3.1.2.1, RFC 7636 §4.3).
    pub(crate) async fn authorization_url(
        &self,
        redirect_uri: &str,
        state: &str,
        nonce: &str,
        verifier: &str,
    ) -> Result<String, Failure> {
        let metadata = self.metadata().await.map_err(Failure::Away)?;
        let query = form(&[
            ("response_type", "code"),
            ("scope", "openid email profile"),
            ("client_id", &self.config.client_id),
            ("redirect_uri", redirect_uri),
            ("state", state),
            ("nonce", nonce),
            ("code_challenge", &oidc::challenge(verifier)),
            ("code_challenge_method", "S256"),
        ]);
        let endpoint = metadata.authorization_endpoint;
        let separator = if endpoint.contains('?') { '&' } else { '?' };
        Ok(format!("{endpoint}{separator}{query}"))
    }

    /// Exchanges a code for an ID token (Core §3.1.3) and checks it.
    pub(crate) async fn identity(
        &self,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
        nonce: &str,
    ) -> Result<Identity, Failure> {
        let metadata = self.metadata().await.map_err(Failure::Away)?;
        let token = self.exchange(&metadata, code, redirect_uri, verifier).await?;
        let mut kept = self.keys.lock().await;
        let is_fresh = |kept: &Kept| kept.fetched.elapsed() < FRESH;
        if !kept.as_ref().is_some_and(is_fresh) {
            *kept = Some(self.fetch_keys(&metadata).await?);
        }
        let known = kept.as_ref().expect("just put there");
        let judged = self.judge(&token, &known.keys, nonce);
        if judged != Err(TokenError::UnknownKey) || known.fetched.elapsed() < REFETCH_INTERVAL {
            return Ok(judged?);
        }
        let new = kept.insert(self.fetch_keys(&metadata).await?);
        Ok(self.judge(&token, &new.keys, nonce)?)
    }

    fn judge(&self, token: &str, keys: &Keys, nonce: &str) -> Result<Identity, TokenError> {
        let now_s = control_plane_agent::unix_time_ms() / 1000;
        let (issuer, client_id) = (&self.config.issuer, &self.config.client_id);
        oidc::verify(token, keys, &Expected { issuer, client_id, nonce, now_s })
    }

    async fn exchange(
        &self,
        metadata: &Metadata,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<String, Failure> {
        let id = &self.config.client_id;
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        let mut request = Request::post(&metadata.token_endpoint)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let methods = &metadata.token_endpoint_auth_methods_supported;
        let takes_basic = methods.is_empty() || methods.iter().any(|method| method == "client_secret_basic");
        if self.secret.is_empty() || !takes_basic {
            fields.push(("client_id", id));
            if !self.secret.is_empty() {
                fields.push(("client_secret", &self.secret));
            }
        } else {
            // RFC 6749 §2.3.1: both parts in the form's encoding.
            let pair = format!("{}:{}", encoded(id), encoded(&self.secret));
            request = request.header(header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(pair)));
        }
        let request = request.body(Full::new(Bytes::from(form(&fields))));
        let request = request.context("token_endpoint").map_err(Failure::Away)?;
        let (status, body) = self.ask(request).await.map_err(Failure::Away)?;
        if status.is_client_error() {
            return Err(Failure::Refused(status));
        }
        let tokens: Tokens = parsed(status, &body).context("token_endpoint").map_err(Failure::Away)?;
        Ok(tokens.id_token)
    }

    async fn metadata(&self) -> anyhow::Result<Metadata> {
        let mut kept = self.metadata.lock().await;
        if let Some((metadata, fetched)) = &*kept
            && fetched.elapsed() < FRESH
        {
            return Ok(metadata.clone());
        }
        let issuer = &self.config.issuer;
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let metadata: Metadata = self.get(&url).await?;
        // Discovery §4.3: else any provider could speak for another.
        anyhow::ensure!(metadata.issuer == *issuer, "it calls itself {:?}", metadata.issuer);
        for endpoint in [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri] {
            anyhow::ensure!(is_private_to(endpoint, issuer), "its endpoint {endpoint:?} is not https");
        }
        *kept = Some((metadata.clone(), Instant::now()));
        Ok(metadata)
    }

    async fn fetch_keys(&self, metadata: &Metadata) -> Result<Kept, Failure> {
        let fetched = async {
            let request = Request::get(&metadata.jwks_uri).body(Full::default())?;
            let (status, body) = self.ask(request).await?;
            anyhow::ensure!(status == StatusCode::OK, "{} answers {status}", metadata.jwks_uri);
            Keys::parse(&body).with_context(|| format!("{} is no key set", metadata.jwks_uri))
        };
        let keys = fetched.await.map_err(Failure::Away)?;
        Ok(Kept { keys, fetched: Instant::now() })
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, url: &str) -> anyhow::Result<T> {
        let request = Request::get(url).body(Full::default()).with_context(|| url.to_owned())?;
        let (status, body) = self.ask(request).await.with_context(|| url.to_owned())?;
        parsed(status, &body).with_context(|| url.to_owned())
    }

    async fn ask(&self, mut request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Bytes)> {
        let is_away = self.away_until.lock().is_some_and(|until| Instant::now() < until);
        anyhow::ensure!(!is_away, "it did not answer a moment ago");
        let json = header::HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::ACCEPT, json);
        let answered = async {
            let response = self.client.request(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| anyhow::anyhow!("its answer cannot be read: {error}"))?;
            anyhow::Ok((status, body.to_bytes()))
        };
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, answered).await;
        let answer = answer.context("it takes too long").flatten();
        *self.away_until.lock() = answer.is_err().then(|| Instant::now() + AWAY_PAUSE);
        answer
    }
}

fn parsed<T: serde::de::DeserializeOwned>(status: StatusCode, body: &[u8]) -> anyhow::Result<T> {
    anyhow::ensure!(status == StatusCode::OK, "it answers {status}");
    // The parser's words may quote the body, which may be a token.
    serde_json::from_slice(body).map_err(|_| anyhow::anyhow!("its answer is not the JSON expected"))
}

/// Whether nobody listens on the way: TLS, or a provider on this machine for whom the issuer is one, too.
pub(crate) fn is_private_to(endpoint: &str, issuer: &str) -> bool {
    let is_local = |url: &str| {
        let uri: Option<Uri> = url.strip_prefix("http://").and_then(|_| url.parse().ok());
        uri.is_some_and(|uri| matches!(uri.host(), Some("127.0.0.1" | "localhost" | "[::1]")))
    };
    let is_tls = endpoint.strip_prefix("https://").is_some_and(|_| endpoint.parse::<Uri>().is_ok());
    is_tls || (is_local(endpoint) && is_local(issuer))
}

/// `application/x-www-form-urlencoded`; every character that is not plain is written in percent.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    pairs.join("&")
}

fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("text");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_or_this_machine() {
        let (far, here) = ("https://id.example", "http://127.0.0.1:9/x");
        assert!(
            is_private_to("https://login.example/token", far) && is_private_to("http://localhost:9/", here)
        );
        assert!(!is_private_to("http://id.example/token", far) && !is_private_to("http://id.example/", here));
        assert!(!is_private_to(here, far), "a provider elsewhere has nothing to ask of this machine");
        assert!(
            !is_private_to("http://127.0.0.1.evil.example/", here) && !is_private_to("javascript:x", far)
        );
    }

    #[test]
    fn forms_keep_their_fields_apart() {
        assert_eq!(form(&[("a", "b&c=d"), ("e", "붓 ~")]), "a=b%26c%3Dd&e=%EB%B6%93%20~");
    }
}
