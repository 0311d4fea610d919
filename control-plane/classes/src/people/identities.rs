//! Signing in at an OpenID provider: sign-ins that have begun, and which account an identity is of.
//!
//! A mail address alone never joins an identity to an account that is there, verified or not: then a provider that is lax
//! about addresses, or an address that went to somebody else, would open it. Whoever proves the account with its password
//! joins the two ([`link`]); an account without one gets it by mail first, as when it is forgotten.

use super::accounts::{self, Made};
use super::oidc::Identity;
use super::store::{self, find_by_email};
use super::{Account, Locale, Role, session};
use crate::{Database, Error, Kind, Result, Sql, args, id, transaction};

/// Whoever goes to sign in elsewhere has this long to come back.
pub const STATE_TTL_MS: u64 = 10 * 60 * 1000;

/// A sign-in that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Comes back in the ID token.
    pub nonce: String,
    /// PKCE; only this side knows it.
    pub verifier: String,
    /// Local.
    pub return_to: String,
}

/// What a browser and a provider are given of a sign-in that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrets {
    /// Goes to the provider and back.
    pub state: String,
    /// Stays in a cookie of the browser.
    pub browser: String,
}

/// Begins a sign-in; those that nobody came back from are forgotten.
///
/// # Errors
/// The database is away.
pub async fn begin(sql: &impl Sql, provider: &str, return_to: &str, now_ms: u64) -> Result<(Secrets, Begun)> {
    let secrets = Secrets { state: id::secret(), browser: id::secret() };
    let begun = Begun { nonce: id::secret(), verifier: id::secret(), return_to: return_to.to_owned() };
    sql.execute("DELETE FROM oidc_states WHERE expires_at_ms <= $1", args![now_ms]).await?;
    let text = "INSERT INTO oidc_states (state_hash, provider, nonce, verifier, browser_hash, return_to, expires_at_ms) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let values = args![
        id::hash(&secrets.state),
        provider,
        &begun.nonce,
        &begun.verifier,
        id::hash(&secrets.browser),
        return_to,
        now_ms + STATE_TTL_MS
    ];
    sql.execute(text, values).await?;
    Ok((secrets, begun))
}

/// Takes a sign-in that comes back, once. `None`: there is none, it was another browser's, or it took too long.
///
/// # Errors
/// The database is away.
pub async fn take(sql: &impl Sql, provider: &str, secrets: &Secrets, now_ms: u64) -> Result<Option<Begun>> {
    let text = "DELETE FROM oidc_states WHERE state_hash = $1 AND provider = $2 AND browser_hash = $3 AND expires_at_ms > $4 \
        RETURNING nonce, verifier, return_to";
    let values = args![id::hash(&secrets.state), provider, id::hash(&secrets.browser), now_ms];
    let Some(row) = sql.row(text, values).await? else { return Ok(None) };
    Ok(Some(Begun { nonce: row.text(0)?, verifier: row.text(1)?, return_to: row.text(2)? }))
}

/// What becomes of somebody who has shown who they are elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Signed in; the account is new or was known.
    SignedIn(Box<Account>, session::Session),
    /// There is an account with the mail address, which is verified: its password has to be given once ([`link`]).
    Proof {
        /// Whose account.
        email: String,
    },
}

/// Signs an identity in: with the account it belongs to, or a new one.
///
/// # Errors
/// `disabled`: it may not sign in.
pub async fn sign_in(
    database: &Database,
    provider: &str,
    identity: &Identity,
    locale: Locale,
    now_ms: u64,
) -> Result<Outcome> {
    transaction!(database, tx => {
        tx.lock("identity", &format!("{provider} {}", identity.subject)).await?;
        let text = "SELECT account_id FROM identities WHERE provider = $1 AND subject = $2";
        let known = tx.row(text, args![provider, &identity.subject]).await?;
        let account = if let Some(row) = known {
            store::find(&tx, &row.text(0)?).await?.ok_or_else(disabled)?
        } else {
            if let Some(email) = &identity.email {
                // Also one that may not sign in: its address is taken.
                if tx.row("SELECT 1 FROM accounts WHERE email = $1", args![email]).await?.is_some() {
                    return Ok(Outcome::Proof { email: email.clone() });
                }
            }
            let name = identity.name.as_deref().unwrap_or(locale.choose("새 학생", "New student"));
            let made = Made { email: identity.email.as_deref(), name, role: Role::Student, locale, password_hash: None };
            let account = accounts::make(&tx, &made, now_ms).await?;
            insert(&tx, provider, &identity.subject, &account.id).await?;
            account
        };
        let session = session::start(&tx, &account.id, now_ms).await?;
        Ok(Outcome::SignedIn(Box::new(account), session))
    })
}

/// Joins an identity to the account of a mail address that both have, for whoever has just given its password. `false`: the
/// account is not of that address, or the identity is somebody's already.
///
/// # Errors
/// The database is away.
pub async fn link(
    database: &Database,
    provider: &str,
    subject: &str,
    email: &str,
    account: &str,
) -> Result<bool> {
    transaction!(database, tx => {
        tx.lock("identity", &format!("{provider} {subject}")).await?;
        if find_by_email(&tx, email).await?.is_none_or(|found| found.id != account) {
            return Ok(false);
        }
        let text = "SELECT 1 FROM identities WHERE provider = $1 AND subject = $2";
        if tx.row(text, args![provider, subject]).await?.is_some() {
            return Ok(false);
        }
        insert(&tx, provider, subject, account).await?;
        Ok(true)
    })
}

async fn insert(sql: &impl Sql, provider: &str, subject: &str, account: &str) -> Result<()> {
    let text = "INSERT INTO identities (provider, subject, account_id) VALUES ($1, $2, $3)";
    sql.execute(text, args![provider, subject, account]).await.map(|_| ())
}

fn disabled() -> Error {
    Error::refused(Kind::NotAllowed, "disabled", "This account may not sign in. Ask an admin of the school.")
}
