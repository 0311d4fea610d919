//! Signing in at an OpenID provider: there with a state, a nonce and PKCE, back with a code.
//!
//! The browser carries a cookie of its own for the time between: a state that comes back from elsewhere signs nobody in.
//! Whatever goes wrong leads to the sign-in page with a word that it explains.

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use control_plane_agent::unix_time_ms;
use control_plane_classes::people::identities::{self, Outcome, STATE_TTL_MS, Secrets};
use control_plane_classes::people::oidc::{Identity, local_path};
use control_plane_classes::people::{Locale, session};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::super::App;
use super::super::actor::COOKIE;
use super::super::answer::{Client, Query, Refusal};
use super::sign_in::{set_cookie, with_cookie};
use crate::oidc::{Failure, Provider, form};

/// Ties a sign-in elsewhere to the browser that began it.
const BROWSER_COOKIE: &str = "seodang_oidc";
/// Carries an identity whose account is to be proven with its password.
const LINK_COOKIE: &str = "seodang_link";
/// Longest code or state that is looked at; providers send a few hundred bytes.
const PARAMETER_BYTES_MAX: usize = 4 * 1024;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Begin {
    #[serde(default)]
    return_to: String,
}

/// What a provider sends along; it may send more, which is not looked at (RFC 6749 §4.1.2).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Back {
    code: String,
    state: String,
    error: String,
    iss: Option<String>,
}

/// An identity on its way to the account it is to be joined to, and until when.
#[derive(Debug, Serialize, Deserialize)]
struct Link {
    provider: String,
    subject: String,
    email: String,
    until_ms: u64,
}

/// Words of the sign-in page's `error`.
#[derive(Clone, Copy, Debug)]
enum Word {
    /// The provider does not answer.
    Away,
    /// Somebody said no there.
    Denied,
    /// The sign-in was another browser's, is over, or was used.
    Expired,
    /// What came back does not hold.
    Failed,
    /// There is an account with this mail address: sign in with its password.
    Known,
    /// The account may not sign in.
    Disabled,
}

impl Word {
    fn as_str(self) -> &'static str {
        match self {
            Self::Away => "oidc_away",
            Self::Denied => "oidc_denied",
            Self::Expired => "oidc_expired",
            Self::Failed => "oidc_failed",
            Self::Known => "oidc_known",
            Self::Disabled => "disabled",
        }
    }
}

/// Off to the provider.
pub(crate) async fn begin(
    State(app): State<App>,
    Client(address): Client,
    Path(name): Path<String>,
    Query(asked): Query<Begin>,
) -> Result<Response, Refusal> {
    let provider = provider(&app, &name)?;
    app.count_sign_in(address)?;
    let return_to = local_path(&asked.return_to);
    let (secrets, begun) = identities::begin(&app.database, &name, return_to, unix_time_ms()).await?;
    let back = redirect_uri(&app, &name);
    let url = provider.authorization_url(&back, &secrets.state, &begun.nonce, &begun.verifier).await;
    match url {
        Ok(url) => Ok(set_cookie(&app, to(&url), BROWSER_COOKIE, &secrets.browser, STATE_TTL_MS / 1000)),
        Err(failure) => Ok(failed(&app, &name, &failure, return_to)),
    }
}

/// Back from there.
pub(crate) async fn back(
    State(app): State<App>,
    Client(address): Client,
    Path(name): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let provider = provider(&app, &name)?;
    app.count_sign_in(address)?;
    let Some(back) = parse(query.as_deref().unwrap_or_default()) else {
        return Ok(astray(&app, Word::Failed, "/"));
    };
    let browser = app.cookie(&headers, BROWSER_COOKIE).unwrap_or_default().to_owned();
    let secrets = Secrets { state: back.state, browser };
    let begun = identities::take(&app.database, &name, &secrets, unix_time_ms()).await?;
    let Some(begun) = begun else { return Ok(astray(&app, Word::Expired, "/")) };
    // RFC 9207: the answer of another provider is no answer.
    if back.iss.is_some_and(|issuer| issuer != provider.issuer()) {
        return Ok(astray(&app, Word::Failed, &begun.return_to));
    }
    if !back.error.is_empty() || back.code.is_empty() {
        return Ok(astray(&app, Word::Denied, &begun.return_to));
    }
    let redirect = redirect_uri(&app, &name);
    match provider.identity(&back.code, &redirect, &begun.verifier, &begun.nonce).await {
        Ok(identity) => enter(&app, &name, &identity, &begun.return_to, &headers).await,
        Err(failure) => Ok(failed(&app, &name, &failure, &begun.return_to)),
    }
}

async fn enter(
    app: &App,
    name: &str,
    identity: &Identity,
    return_to: &str,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let now_ms = unix_time_ms();
    match identities::sign_in(&app.database, name, identity, locale(headers), now_ms).await {
        Ok(Outcome::SignedIn(account, session)) => {
            // A session of this browser before ends, as with a password.
            if let Some(before) = app.cookie(headers, COOKIE) {
                session::end(&app.database, before).await?;
            }
            tracing::info!(account = account.id, provider = name, "signed in by a provider");
            let response = set_cookie(app, to(return_to), BROWSER_COOKIE, "", 0);
            Ok(with_cookie(app, response, &session.token))
        }
        Ok(Outcome::Proof { email }) => {
            let until_ms = now_ms + STATE_TTL_MS;
            let link = Link { provider: name.to_owned(), subject: identity.subject.clone(), email, until_ms };
            let response = astray(app, Word::Known, return_to);
            Ok(set_cookie(app, response, LINK_COOKIE, &seal(app, &link), STATE_TTL_MS / 1000))
        }
        Err(error) if error.code() == Some("disabled") => Ok(astray(app, Word::Disabled, return_to)),
        Err(error) if error.is_duplicate() => Ok(astray(app, Word::Failed, return_to)),
        Err(error) => Err(error.into()),
    }
}

/// Joins the identity that waits in this browser to the account whose password was just given.
pub(crate) async fn join_waiting(
    app: &App,
    account: &str,
    headers: &HeaderMap,
    response: Response,
) -> Result<Response, Refusal> {
    let Some(sealed) = app.cookie(headers, LINK_COOKIE) else { return Ok(response) };
    if let Some(link) = open(app, sealed).filter(|link| link.until_ms > unix_time_ms())
        && app.oidc.get(&link.provider).is_some()
        && identities::link(&app.database, &link.provider, &link.subject, &link.email, account).await?
    {
        tracing::info!(account, provider = link.provider, "joined to an identity");
    }
    Ok(set_cookie(app, response, LINK_COOKIE, "", 0))
}

fn provider<'a>(app: &'a App, name: &str) -> Result<&'a Provider, Refusal> {
    app.oidc.get(name).ok_or_else(|| {
        let message = "One cannot sign in there. GET /v1/me lists the providers.";
        Refusal::new(StatusCode::NOT_FOUND, "not_found", message)
    })
}

fn redirect_uri(app: &App, name: &str) -> String {
    format!("{}/v1/oidc/{name}/back", app.url())
}

/// `None`: it is no query, or longer than any that a provider sends.
fn parse(query: &str) -> Option<Back> {
    let uri = format!("/?{query}").parse().ok()?;
    let axum::extract::Query(back): axum::extract::Query<Back> =
        axum::extract::Query::try_from_uri(&uri).ok()?;
    let is_sound = back.code.len() <= PARAMETER_BYTES_MAX && back.state.len() <= PARAMETER_BYTES_MAX;
    is_sound.then_some(back)
}

fn failed(app: &App, name: &str, failure: &Failure, return_to: &str) -> Response {
    tracing::warn!(provider = name, %failure, "nobody was signed in");
    let word = if matches!(failure, Failure::Away(_)) { Word::Away } else { Word::Failed };
    astray(app, word, return_to)
}

/// To the sign-in page, which says what to do.
fn astray(app: &App, word: Word, return_to: &str) -> Response {
    let query = form(&[("error", word.as_str()), ("next", return_to)]);
    set_cookie(app, to(&format!("/signin?{query}")), BROWSER_COOKIE, "", 0)
}

fn to(url: &str) -> Response {
    match HeaderValue::from_str(url) {
        Ok(url) => (StatusCode::FOUND, [(header::LOCATION, url)]).into_response(),
        Err(_) => Refusal::later("oidc_away", "The provider's address is odd. Sign in another way.", 60)
            .into_response(),
    }
}

fn locale(headers: &HeaderMap) -> Locale {
    let asked = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let is_english = asked.is_some_and(|asked| asked.trim_start().to_ascii_lowercase().starts_with("en"));
    if is_english { Locale::En } else { Locale::Ko }
}

/// All control planes have the same API keys, so any of them opens what another has sealed.
fn sealing_key(app: &App) -> hmac::Key {
    let secret = app.config.api_keys[0].secret.as_bytes();
    let own = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"seodang identity link");
    hmac::Key::new(hmac::HMAC_SHA256, own.as_ref())
}

fn seal(app: &App, link: &Link) -> String {
    let text = URL_SAFE_NO_PAD.encode(serde_json::to_vec(link).expect("plain data"));
    let tag = hmac::sign(&sealing_key(app), text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn open(app: &App, sealed: &str) -> Option<Link> {
    let (text, tag) = sealed.split_once('.')?;
    hmac::verify(&sealing_key(app), text.as_bytes(), &URL_SAFE_NO_PAD.decode(tag).ok()?).ok()?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}
