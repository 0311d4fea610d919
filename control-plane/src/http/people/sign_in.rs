//! Signing up, in and out, and a forgotten password. No answer, and no time it takes, tells whether an address is known.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use control_plane_agent::unix_time_ms;
use control_plane_classes::people::account::{check_email, check_name, check_password};
use control_plane_classes::people::{Account, Locale, Role, accounts, password, session, store};
use control_plane_classes::{Error, Kind};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::super::App;
use super::super::actor::{Actor, COOKIE};
use super::super::answer::{Body, Client, Refusal};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignUp {
    email: String,
    password: String,
    name: String,
    role: Role,
    #[serde(default)]
    locale: Locale,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confirm {
    email: String,
    code: String,
    ticket: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    email: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Forgotten {
    email: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reset {
    email: String,
    code: String,
    password: String,
}

/// Shows, with the code of the mail, that it was this page that signed up.
#[derive(Debug, Serialize)]
pub(crate) struct Begun {
    ticket: String,
}

/// Somebody who has just signed in.
#[derive(Debug, Serialize)]
pub(crate) struct Signed {
    pub(crate) account: Account,
}

pub(crate) async fn sign_up(
    State(app): State<App>,
    Client(address): Client,
    headers: HeaderMap,
    Body(new): Body<SignUp>,
) -> Result<Response, Refusal> {
    app.count_sign_in(address)?;
    same_site(&headers)?;
    let (email, name) = (check_email(&new.email)?, check_name(&new.name)?);
    check_password(&new.password)?;
    if new.role == Role::Admin {
        return Err(Error::rule(
            "bad_role",
            "Sign up as student or instructor; an admin is made by an admin.",
        )
        .into());
    }
    let password_hash = hashed(&app, new.password).await?;
    let pending = accounts::Pending { name, role: new.role, locale: new.locale, password_hash };
    let ticket = accounts::sign_up(&app.database, &email, &pending, unix_time_ms()).await?;
    app.mailer.news.notify_one();
    Ok((StatusCode::ACCEPTED, Json(Begun { ticket })).into_response())
}

pub(crate) async fn confirm(
    State(app): State<App>,
    Client(address): Client,
    headers: HeaderMap,
    Body(given): Body<Confirm>,
) -> Result<Response, Refusal> {
    app.count_sign_in(address)?;
    same_site(&headers)?;
    let email = check_email(&given.email)?;
    let admin = &app.config.admin_email;
    let (account, session) =
        accounts::confirm(&app.database, &email, &given.ticket, &given.code, admin, unix_time_ms()).await?;
    tracing::info!(account = account.id, role = account.role.as_str(), "account made");
    Ok(signed_in(&app, account, &session))
}

pub(crate) async fn sign_in(
    State(app): State<App>,
    Client(address): Client,
    headers: HeaderMap,
    Body(given): Body<SignIn>,
) -> Result<Response, Refusal> {
    app.count_sign_in(address)?;
    same_site(&headers)?;
    let email = check_email(&given.email).unwrap_or_default();
    app.guesses.take(&email, address, Instant::now()).map_err(Refusal::too_often)?;
    let known = accounts::password_of(&app.database, &email).await?;
    let (id, stored) = known.map_or((None, None), |(id, stored)| (Some(id), stored));
    let is_right = verified(&app, given.password, stored).await?;
    let Some(id) = id.filter(|_| is_right) else { return Err(wrong_credentials()) };
    let account = store::find(&app.database, &id).await?.ok_or_else(wrong_credentials)?;
    // A session of this browser before ends: what somebody else put there is of no use afterwards.
    if let Some(before) = app.cookie(&headers, COOKIE) {
        session::end(&app.database, before).await?;
    }
    let session = session::start(&app.database, &id, unix_time_ms()).await?;
    super::oidc::join_waiting(&app, &id, &headers, signed_in(&app, account, &session)).await
}

pub(crate) async fn sign_out(State(app): State<App>, actor: Actor) -> Result<Response, Refusal> {
    if let Actor::Account(_, session) = &actor {
        session::end(&app.database, &session.token).await?;
    }
    Ok(forget_cookie(&app, StatusCode::NO_CONTENT.into_response()))
}

pub(crate) async fn forgotten(
    State(app): State<App>,
    Client(address): Client,
    Body(given): Body<Forgotten>,
) -> Result<Response, Refusal> {
    app.count_sign_in(address)?;
    let email = check_email(&given.email)?;
    accounts::forgotten(&app.database, &email, unix_time_ms()).await?;
    app.mailer.news.notify_one();
    Ok((StatusCode::ACCEPTED, Json(serde_json::json!({}))).into_response())
}

pub(crate) async fn reset(
    State(app): State<App>,
    Client(address): Client,
    Body(given): Body<Reset>,
) -> Result<StatusCode, Refusal> {
    app.count_sign_in(address)?;
    let email = check_email(&given.email)?;
    check_password(&given.password)?;
    let hash = hashed(&app, given.password).await?;
    accounts::reset(&app.database, &email, &given.code, &hash, unix_time_ms()).await?;
    app.guesses.forget(&email, address);
    Ok(StatusCode::NO_CONTENT)
}

/// The account, and the cookie of its session.
pub(crate) fn signed_in(app: &App, account: Account, session: &session::Session) -> Response {
    with_cookie(app, Json(Signed { account }).into_response(), &session.token)
}

pub(crate) fn with_cookie(app: &App, response: Response, token: &str) -> Response {
    set_cookie(app, response, COOKIE, token, session::TTL_MS / 1000)
}

pub(crate) fn forget_cookie(app: &App, response: Response) -> Response {
    set_cookie(app, response, COOKIE, "", 0)
}

/// Not for scripts, not for requests other sites make, and over TLS only where the school has it.
pub(crate) fn set_cookie(app: &App, mut response: Response, name: &str, value: &str, age_s: u64) -> Response {
    let secure = if app.has_tls() { "; Secure" } else { "" };
    let name = app.cookie_name(name);
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age_s}{secure}");
    let value = HeaderValue::from_str(&text).expect("tokens are plain text");
    response.headers_mut().append(header::SET_COOKIE, value);
    response
}

/// A form of another site must not sign its reader in as somebody else. Browsers say where a request comes from.
pub(crate) fn same_site(headers: &HeaderMap) -> Result<(), Refusal> {
    let from = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    match from {
        Some("cross-site") => {
            let message = "This has to be done on the school's own pages.";
            Err(Refusal::new(StatusCode::FORBIDDEN, "csrf", message))
        }
        _ => Ok(()),
    }
}

pub(crate) fn wrong_credentials() -> Refusal {
    let message = "The mail address or the password is wrong.";
    Error::refused(Kind::NotSignedIn, "wrong_credentials", message).into()
}

/// A few at once, off the event loop: each takes 19 MiB and a core.
async fn hashed(app: &App, text: String) -> Result<String, Refusal> {
    let _turn = app.hashing.acquire().await.expect("never closed");
    let computed = app.metrics.password_hashes.clone();
    tokio::task::spawn_blocking(move || password::hash(&text, computed.inner())).await.map_err(|_| broken())
}

pub(crate) async fn verified(app: &App, text: String, stored: Option<String>) -> Result<bool, Refusal> {
    let _turn = app.hashing.acquire().await.expect("never closed");
    let computed = app.metrics.password_hashes.clone();
    tokio::task::spawn_blocking(move || password::verify(&text, stored.as_deref(), computed.inner()))
        .await
        .map_err(|_| broken())
}

fn broken() -> Refusal {
    Refusal::later("busy", "The password could not be checked. Try again.", 1)
}
