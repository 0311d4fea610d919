//! Six digits sent by mail: they show that a mail address is somebody's.
//!
//! A code lasts a quarter of an hour and five tries, counted in the database before it is compared: a million guesses need
//! 200,000 mails. One address gets five mails an hour at most, whoever asks for them.
//!
//! A code may belong to a ticket, which only the page that asked for it has. A stranger who signs up with somebody's address
//! gets a ticket of his own: the code in her mailbox is worth nothing with hers, and hers goes on being good.

use ring::rand::SystemRandom;

use crate::{Error, Kind, Result, Sql, args, id};

/// How long a code is taken.
pub const TTL_MS: u64 = 15 * 60 * 1000;
/// Wrong ones, until a new one is needed.
pub const TRIES_MAX: u32 = 5;
/// Mails with codes to one address within [`WINDOW_MS`].
pub const SENT_MAX: u32 = 5;
/// See [`SENT_MAX`].
pub const WINDOW_MS: u64 = 60 * 60 * 1000;

/// What a code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Making an account.
    SignUp,
    /// A new password.
    Reset,
    /// Nothing: the same work is done for an address that gets no code, so that it takes as long.
    Nothing,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::SignUp => "sign-up",
            Self::Reset => "reset",
            Self::Nothing => "nothing",
        }
    }
}

/// Six digits, each as likely as any other.
#[must_use]
pub fn random() -> String {
    let number = ring::rand::generate::<[u8; 8]>(&SystemRandom::new())
        .expect("the system has random numbers")
        .expose();
    format!("{:06}", u64::from_be_bytes(number) % 1_000_000)
}

/// Keeps a code for an address, in place of the one before with this ticket (empty: without one); `pending` is given back with
/// it. `false`: the address has had enough mail for now.
///
/// # Errors
/// The database is away.
pub async fn keep(
    sql: &impl Sql,
    email: &str,
    purpose: Purpose,
    ticket: &str,
    code: &str,
    pending: Option<&str>,
    now_ms: u64,
) -> Result<bool> {
    // The row without a ticket counts the mails of all.
    let is_bare = ticket.is_empty();
    let bare = if is_bare { hashed(email, purpose, code) } else { String::new() };
    let text = "INSERT INTO codes (email, purpose, code_hash, pending, tries, sent, created_at_ms, expires_at_ms) \
        VALUES ($1, $2, $3, $4, 0, 1, $5, $6) \
        ON CONFLICT (email, purpose) DO UPDATE SET code_hash = excluded.code_hash, pending = excluded.pending, tries = 0, \
        expires_at_ms = excluded.expires_at_ms, \
        sent = CASE WHEN codes.created_at_ms < $7 THEN 1 ELSE codes.sent + 1 END, \
        created_at_ms = CASE WHEN codes.created_at_ms < $7 THEN $5 ELSE codes.created_at_ms END \
        WHERE codes.sent < $8 OR codes.created_at_ms < $7";
    let values = args![
        email,
        purpose.as_str(),
        bare,
        pending.filter(|_| is_bare),
        now_ms,
        now_ms + TTL_MS,
        now_ms.saturating_sub(WINDOW_MS),
        SENT_MAX
    ];
    if sql.execute(text, values).await? == 0 {
        return Ok(false);
    }
    if !is_bare {
        let text = "INSERT INTO codes (email, purpose, code_hash, pending, created_at_ms, expires_at_ms) \
            VALUES ($1, $2, $3, $4, $5, $6)";
        let hash = hashed(email, purpose, code);
        let values = args![email, place(purpose, ticket), hash, pending, now_ms, now_ms + TTL_MS];
        sql.execute(text, values).await?;
    }
    Ok(true)
}

/// Takes a code, once; what was pending with it.
///
/// # Errors
/// `wrong_code` whatever is wrong: the code, the address, the ticket, the time, the number of tries.
pub async fn take(
    sql: &impl Sql,
    email: &str,
    purpose: Purpose,
    ticket: &str,
    code: &str,
    now_ms: u64,
) -> Result<Option<String>> {
    let place = place(purpose, ticket);
    let text = "UPDATE codes SET tries = tries + 1 WHERE email = $1 AND purpose = $2 AND tries < $3 AND expires_at_ms > $4 \
        RETURNING code_hash, pending";
    let row = sql.row(text, args![email, &place, TRIES_MAX, now_ms]).await?;
    let hash = hashed(email, purpose, code.trim());
    let Some(row) = row.filter(|row| row.text(0).is_ok_and(|kept| kept == hash)) else { return Err(wrong()) };
    let text = "DELETE FROM codes WHERE email = $1 AND purpose = $2 AND code_hash = $3";
    if sql.execute(text, args![email, &place, &hash]).await? == 0 {
        return Err(wrong());
    }
    row.text_or_null(1)
}

/// Where the code of a ticket is: a row of its own, which does not tell the ticket.
fn place(purpose: Purpose, ticket: &str) -> String {
    if ticket.is_empty() {
        purpose.as_str().to_owned()
    } else {
        format!("{} {}", purpose.as_str(), id::hash(ticket))
    }
}

/// Takes away codes that nobody can use any more, with what was pending, once they no longer count as mail; how many.
///
/// # Errors
/// The database is away.
pub async fn forget(sql: &impl Sql, now_ms: u64) -> Result<u64> {
    let text = "DELETE FROM codes WHERE expires_at_ms <= $1 AND created_at_ms < $2";
    sql.execute(text, args![now_ms, now_ms.saturating_sub(WINDOW_MS)]).await
}

fn wrong() -> Error {
    let message = "The code is wrong or too old. Look at the newest mail, or ask for another code.";
    Error::refused(Kind::Rule, "wrong_code", message)
}

fn hashed(email: &str, purpose: Purpose, code: &str) -> String {
    id::hash(&format!("{email}\n{}\n{code}", purpose.as_str()))
}
