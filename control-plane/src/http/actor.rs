//! Who asks: a browser with a session, a server with an API key, or nobody in particular.
//!
//! A request that changes something with a cookie also carries the session's word (`x-csrf-token`), which a page of another
//! origin cannot know. A bearer token is no cookie: no browser sends it by itself.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use control_plane_api::token;
use control_plane_classes::catalogue::Class;
use control_plane_classes::people::{Account, Role, session, store};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};
use tokio::time::Instant;

use super::App;
use super::answer::{Client, Refusal};

/// The session's cookie.
pub(crate) const COOKIE: &str = "seodang_session";
/// Put before the name of each cookie where the school has TLS: browsers then take it from this very host alone, and over TLS, so
/// that no page of a neighbouring name puts one of its own in its place (RFC 6265bis §4.1.3.2).
const HOST_PREFIX: &str = "__Host-";
const CSRF_HEADER: &str = "x-csrf-token";
/// With an API key: act as this account.
const ON_BEHALF_HEADER: &str = "x-on-behalf-of";

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) enum Actor {
    Nobody,
    /// Signed in.
    Account(Box<Account>, Session),
    /// A server with an API key, for an account.
    OnBehalf(Box<Account>),
    /// A server with an API key: may do what an admin may.
    Server,
}

/// What is known of the session besides whose it is.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) csrf: String,
    /// Time to exchange the token, which is here for that.
    pub(crate) is_old: bool,
    pub(crate) token: String,
}

impl Actor {
    /// The account that asks or that is asked for.
    pub(crate) fn account(&self) -> Option<&Account> {
        match self {
            Self::Account(account, _) | Self::OnBehalf(account) => Some(account),
            Self::Nobody | Self::Server => None,
        }
    }

    /// The account, or 401.
    pub(crate) fn signed_in(&self) -> Result<&Account, Refusal> {
        match self {
            Self::Server => {
                let message = "Say for which account with the header x-on-behalf-of.";
                Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "no_account", message))
            }
            _ => self.account().ok_or_else(not_signed_in),
        }
    }

    /// An admin, or a server for nobody in particular.
    pub(crate) fn is_admin(&self) -> bool {
        matches!(self, Self::Server) || self.account().is_some_and(|account| account.role == Role::Admin)
    }

    /// Whether the class is this one's to teach and to change.
    pub(crate) fn teaches(&self, class: &Class) -> bool {
        let own = |account: &Account| class.instructor_id.as_deref() == Some(&account.id);
        self.is_admin() || self.account().is_some_and(own)
    }

    /// 401 for nobody, 403 for somebody else than who teaches.
    pub(crate) fn must_teach(&self, class: &Class) -> Result<(), Refusal> {
        match self {
            _ if self.teaches(class) => Ok(()),
            Self::Nobody => Err(not_signed_in()),
            _ => Err(not_allowed("Only who teaches this class may do that.")),
        }
    }

    /// 401 for nobody, 403 for anybody else.
    pub(crate) fn must_be_admin(&self) -> Result<(), Refusal> {
        match self {
            _ if self.is_admin() => Ok(()),
            Self::Nobody => Err(not_signed_in()),
            _ => Err(not_allowed("Only an admin may do that.")),
        }
    }
}

impl App {
    /// Counts something that changes something: per account, and per address where there is none. A server paces itself.
    pub(crate) fn count_write(&self, actor: &Actor, address: IpAddr) -> Result<(), Refusal> {
        let who = match (actor, actor.account()) {
            (Actor::Server | Actor::OnBehalf(_), _) => return Ok(()),
            (_, Some(account)) => account.id.clone(),
            (_, None) => address.to_string(),
        };
        self.writes.take(who, Instant::now()).map_err(|wait| self.too_often(wait))
    }

    /// Counts an attempt to sign in, sign up or enter a code.
    pub(crate) fn count_sign_in(&self, address: IpAddr) -> Result<(), Refusal> {
        self.sign_ins.take(address, Instant::now()).map_err(|wait| self.too_often(wait))
    }

    /// Whether browsers reach the school over TLS.
    pub(crate) fn has_tls(&self) -> bool {
        self.config.url.starts_with("https:")
    }

    /// What a cookie is called here.
    pub(crate) fn cookie_name(&self, name: &str) -> String {
        format!("{}{name}", if self.has_tls() { HOST_PREFIX } else { "" })
    }

    /// The value of a cookie.
    pub(crate) fn cookie<'a>(&self, headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
        cookie(headers, &self.cookie_name(name))
    }

    fn too_often(&self, wait: std::time::Duration) -> Refusal {
        self.metrics.rate_limited.inc();
        Refusal::too_often(wait)
    }
}

pub(crate) fn not_signed_in() -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "not_signed_in", "Sign in first.")
}

pub(crate) fn not_allowed(message: &str) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, "not_allowed", message)
}

impl FromRequestParts<App> for Actor {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        if let Some(given) = parts.headers.get(header::AUTHORIZATION) {
            return server(app, given.to_str().unwrap_or_default(), &parts.headers).await;
        }
        let Some(token) = app.cookie(&parts.headers, COOKIE) else { return Ok(Self::Nobody) };
        let found = session::find(&app.database, token, control_plane_agent::unix_time_ms()).await?;
        let Some(found) = found else { return Ok(Self::Nobody) };
        if changes_something(&parts.method) {
            let word =
                parts.headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
            check_csrf(word, &found.csrf)?;
        }
        let session = Session { csrf: found.csrf, is_old: found.is_old, token: token.to_owned() };
        Ok(Self::Account(Box::new(found.account), session))
    }
}

/// An actor that changes something, counted.
#[derive(Debug)]
pub(crate) struct Writer(pub(crate) Actor);

impl FromRequestParts<App> for Writer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let Client(address) = Client::from_request_parts(parts, app).await?;
        let actor = Actor::from_request_parts(parts, app).await?;
        app.count_write(&actor, address)?;
        Ok(Self(actor))
    }
}

/// A token that an API key has signed for a server: one for a room is a participant's, and no server's.
async fn server(app: &App, given: &str, headers: &HeaderMap) -> Result<Actor, Refusal> {
    let bad = |why: String| {
        let message = format!(
            "The bearer token is not taken: {why}. Sign one with an API key, grant roomAdmin or roomCreate."
        );
        Refusal::new(StatusCode::UNAUTHORIZED, "bad_token", message)
    };
    let given =
        given.strip_prefix("Bearer ").ok_or_else(|| bad("it is not of the form Bearer …".to_owned()))?;
    let now_s = control_plane_agent::unix_time_ms() / 1000;
    let claims =
        token::verify(given.trim(), &app.config.api_keys, now_s).map_err(|error| bad(error.to_string()))?;
    let for_servers = |grant: token::Grant| {
        (grant.room_admin || grant.room_create) && grant.room.is_empty() && !grant.room_join
    };
    if !claims.video.is_some_and(for_servers) {
        return Err(bad("it lets somebody into a room, no more".to_owned()));
    }
    let Some(account) = headers.get(ON_BEHALF_HEADER) else { return Ok(Actor::Server) };
    let found = store::find(&app.database, account.to_str().unwrap_or_default()).await?;
    found.map(|account| Actor::OnBehalf(Box::new(account))).ok_or_else(|| {
        Refusal::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "no_account",
            "There is no account of the id in x-on-behalf-of.",
        )
    })
}

fn changes_something(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn check_csrf(given: &str, expected: &str) -> Result<(), Refusal> {
    // Both hashed: comparing hashes tells nothing about how much of the word was right.
    if control_plane_classes::id::hash(given) == control_plane_classes::id::hash(expected) {
        return Ok(());
    }
    let message =
        "The header x-csrf-token is missing or old. Read it anew from GET /v1/me, or load the page again.";
    Err(Refusal::new(StatusCode::FORBIDDEN, "csrf", message))
}

/// The value of a cookie.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(found, _)| *found == name).map(|(_, value)| value)
}
