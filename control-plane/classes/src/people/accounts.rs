//! What happens to accounts: made, changed, erased.

use serde::{Deserialize, Serialize};

use super::store::{COLUMNS, account, find_by_email};
use super::{Account, Locale, Role, code, outbox, session};
use crate::catalogue::{categories, sync};
use crate::{Database, Error, Kind, Result, Sql, Tx, args, id, transaction};

/// Accounts on a page.
pub const PAGE: usize = 50;
/// Interests of one account: there are not many more categories.
pub const INTERESTS_MAX: usize = 12;

/// An account that waits for its code.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pending {
    /// Checked.
    pub name: String,
    /// Student or instructor.
    pub role: Role,
    /// Of the mail, and of the account.
    pub locale: Locale,
    /// From [`super::password::hash`].
    pub password_hash: String,
}

/// What somebody changes about themselves; `None` stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    /// As shown.
    pub name: Option<String>,
    /// Of pages and mail.
    pub locale: Option<Locale>,
    /// Empty: none.
    pub region: Option<String>,
    /// Categories.
    pub interests: Option<Vec<String>>,
}

/// An account as an admin sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Who.
    #[serde(flatten)]
    pub account: Account,
    /// Cannot sign in.
    pub disabled: bool,
}

/// Begins an account: the same work whether the address is known or not. The ticket is for [`confirm`] and says nothing
/// about it.
///
/// # Errors
/// The database is away.
pub async fn sign_up(database: &Database, email: &str, pending: &Pending, now_ms: u64) -> Result<String> {
    let (code, ticket) = (code::random(), id::secret());
    let json = serde_json::to_string(pending).expect("plain data");
    transaction!(database, tx => {
        let known = find_by_email(&tx, email).await?;
        let purpose = if known.is_some() { code::Purpose::Nothing } else { code::Purpose::SignUp };
        // For an address that has its account, nothing is to be made of what was typed.
        let to_be = known.is_none().then_some(json.as_str());
        let kept = code::keep(&tx, email, purpose, &ticket, &code, to_be, now_ms).await?;
        let to = if kept { email } else { "" };
        let (subject, text) = match known {
            None => texts::sign_up(pending.locale, &code),
            Some(account) => texts::known(account.locale),
        };
        outbox::put(&tx, to, &subject, &text, now_ms).await
    })?;
    Ok(ticket)
}

/// Makes the account that was begun with `ticket`, and a session for it: nobody else's, whose code came to the same mailbox.
///
/// # Errors
/// `wrong_code`; `conflict` when the address was taken meanwhile.
pub async fn confirm(
    database: &Database,
    email: &str,
    ticket: &str,
    code: &str,
    admin_email: &str,
    now_ms: u64,
) -> Result<(Account, session::Session)> {
    // Outside the transaction: a wrong try stays counted.
    let pending = code::take(database, email, code::Purpose::SignUp, ticket, code, now_ms).await?;
    let pending: Option<Pending> = pending.and_then(|json| serde_json::from_str(&json).ok());
    let pending =
        pending.ok_or_else(|| Error::Unexpected("an account to be made cannot be read".to_owned()))?;
    let role = if !admin_email.is_empty() && email == admin_email.to_lowercase() {
        Role::Admin
    } else {
        pending.role
    };
    let made = Made {
        email: Some(email),
        name: &pending.name,
        role,
        locale: pending.locale,
        password_hash: Some(&pending.password_hash),
    };
    let result = transaction!(database, tx => {
        let account = make(&tx, &made, now_ms).await?;
        // What others began with the address.
        tx.execute("DELETE FROM codes WHERE email = $1", args![email]).await?;
        let session = session::start(&tx, &account.id, now_ms).await?;
        Ok((account, session))
    });
    result.map_err(|error| {
        if error.is_duplicate() {
            Error::conflict("known", "There is an account with this mail address. Sign in.")
        } else {
            error
        }
    })
}

/// What a new account is made of.
#[derive(Clone, Copy, Debug)]
pub struct Made<'a> {
    /// Checked.
    pub email: Option<&'a str>,
    /// Checked.
    pub name: &'a str,
    /// As given.
    pub role: Role,
    /// As given.
    pub locale: Locale,
    /// `None`: signs in elsewhere.
    pub password_hash: Option<&'a str>,
}

/// Makes an account.
///
/// # Errors
/// The address is taken, or the database away.
pub async fn make(sql: &impl Sql, made: &Made<'_>, now_ms: u64) -> Result<Account> {
    let account = Account {
        id: id::random("a"),
        name: made.name.to_owned(),
        role: made.role,
        email: made.email.map(str::to_owned),
        locale: made.locale,
        region: None,
        interests: Vec::new(),
        created_at_ms: now_ms,
    };
    let text = "INSERT INTO accounts (id, email, name, role, locale, password_hash, created_at_ms) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let values = args![
        &account.id,
        made.email,
        made.name,
        made.role.as_str(),
        made.locale.as_str(),
        made.password_hash,
        now_ms
    ];
    sql.execute(text, values).await?;
    Ok(account)
}

/// The password's hash of whoever has the address, if there is one and it may sign in.
///
/// # Errors
/// The database is away.
pub async fn password_of(sql: &impl Sql, email: &str) -> Result<Option<(String, Option<String>)>> {
    let text =
        "SELECT id, password_hash FROM accounts WHERE email = $1 AND disabled = 0 AND erased_at_ms IS NULL";
    let Some(row) = sql.row(text, args![email]).await? else { return Ok(None) };
    Ok(Some((row.text(0)?, row.text_or_null(1)?)))
}

/// Sends a code for a new password, if there is such an account; the same work if not.
///
/// # Errors
/// The database is away.
pub async fn forgotten(database: &Database, email: &str, now_ms: u64) -> Result<()> {
    let code = code::random();
    transaction!(database, tx => {
        let known = find_by_email(&tx, email).await?;
        let purpose = if known.is_some() { code::Purpose::Reset } else { code::Purpose::Nothing };
        let kept = code::keep(&tx, email, purpose, "", &code, None, now_ms).await?;
        let locale = known.as_ref().map(|account| account.locale).unwrap_or_default();
        let (subject, text) = texts::reset(locale, &code);
        let to = if kept && known.is_some() { email } else { "" };
        outbox::put(&tx, to, &subject, &text, now_ms).await
    })
}

/// A new password for a code. All sessions end: whoever had the old password is out.
///
/// # Errors
/// `wrong_code`.
pub async fn reset(
    database: &Database,
    email: &str,
    code: &str,
    password_hash: &str,
    now_ms: u64,
) -> Result<()> {
    code::take(database, email, code::Purpose::Reset, "", code, now_ms).await?;
    transaction!(database, tx => {
        let text = "UPDATE accounts SET password_hash = $2 WHERE email = $1 AND erased_at_ms IS NULL RETURNING id";
        if let Some(row) = tx.row(text, args![email, password_hash]).await? {
            session::end_all(&tx, &row.text(0)?).await?;
        }
        Ok(())
    })
}

/// Changes what somebody says about themselves.
///
/// # Errors
/// A value breaks a rule.
pub async fn change(database: &Database, id: &str, change: &Change, now_ms: u64) -> Result<Account> {
    let name = change.name.as_deref().map(super::account::check_name).transpose()?;
    let region = change.region.as_deref().map(super::account::check_region).transpose()?;
    let mut interests = change.interests.clone();
    if let Some(interests) = &mut interests {
        interests.sort();
        interests.dedup();
        interests.iter().try_for_each(|category| categories::check(category))?;
        if interests.len() > INTERESTS_MAX {
            return Err(Error::rule(
                "too_many_interests",
                format!("Choose at most {INTERESTS_MAX} interests."),
            ));
        }
    }
    transaction!(database, tx => {
        tx.lock("account", id).await?;
        let text = "UPDATE accounts SET name = COALESCE($2, name), locale = COALESCE($3, locale), \
            region = CASE WHEN $4 = '' THEN NULL ELSE COALESCE($4, region) END WHERE id = $1";
        tx.execute(text, args![id, name.as_deref(), change.locale.map(Locale::as_str), region.as_deref()]).await?;
        if name.is_some() {
            sync::renamed(&tx, id, now_ms).await?;
        }
        if let Some(interests) = &interests {
            tx.execute("DELETE FROM interests WHERE account_id = $1", args![id]).await?;
            for category in interests {
                tx.execute("INSERT INTO interests (account_id, category) VALUES ($1, $2)", args![id, category]).await?;
            }
        }
        super::store::find(&tx, id).await?.ok_or_else(|| Error::not_found("account"))
    })
}

/// Takes everything personal out of every table; what others depend on stays, by nobody.
///
/// # Errors
/// It is the last admin, or the database is away.
pub async fn erase(database: &Database, id: &str, now_ms: u64) -> Result<()> {
    transaction!(database, tx => {
        tx.lock("admins", "").await?;
        tx.lock("account", id).await?;
        let was_admin = is_admin(&tx, id).await?;
        crate::catalogue::enrolment::leave_all(&tx, id, now_ms).await?;
        erase_parts(&tx, id).await?;
        let text = "UPDATE accounts SET email = NULL, name = '', region = NULL, password_hash = NULL, disabled = 1, \
            erased_at_ms = $2 WHERE id = $1";
        tx.execute(text, args![id, now_ms]).await?;
        must_have_admin(&tx, was_admin).await?;
        sync::renamed(&tx, id, now_ms).await
    })
}

async fn erase_parts(tx: &Tx, id: &str) -> Result<()> {
    let parts = [
        super::ERASE,
        crate::catalogue::ERASE,
        crate::classroom::ERASE,
        crate::attendance::ERASE,
        crate::board::ERASE,
        crate::discover::ERASE,
    ];
    for statement in parts.into_iter().flatten() {
        tx.execute(statement, args![id]).await?;
    }
    Ok(())
}

/// Accounts for an admin, by name or mail address, oldest first; `after` is the last one of the page before.
///
/// # Errors
/// The database is away.
pub async fn list(sql: &impl Sql, looked_for: &str, after: &str) -> Result<Vec<Listed>> {
    let text = format!(
        "SELECT {COLUMNS}, a.disabled FROM accounts a WHERE a.erased_at_ms IS NULL AND a.id > $2 \
         AND ($1 = '' OR LOWER(a.name) LIKE $3 ESCAPE '!' OR a.email LIKE $3 ESCAPE '!') ORDER BY a.id LIMIT $4"
    );
    let like = format!("%{}%", crate::catalogue::list::escaped(&looked_for.to_lowercase()));
    let rows = sql.rows(&text, args![looked_for, after, like, PAGE + 1]).await?;
    rows.iter()
        .map(|row| Ok(Listed { account: account(row)?, disabled: row.flag(super::store::COLUMN_COUNT)? }))
        .collect()
}

/// What an admin changes about somebody.
///
/// # Errors
/// There is no such account, or it would be the last admin's end.
pub async fn set(
    database: &Database,
    id: &str,
    role: Option<Role>,
    disabled: Option<bool>,
) -> Result<Listed> {
    transaction!(database, tx => {
        tx.lock("admins", "").await?;
        let was_admin = is_admin(&tx, id).await?;
        let text = "UPDATE accounts SET role = COALESCE($2, role), disabled = COALESCE($3, disabled) \
            WHERE id = $1 AND erased_at_ms IS NULL";
        if tx.execute(text, args![id, role.map(Role::as_str), disabled]).await? == 0 {
            return Err(Error::not_found("account"));
        }
        if disabled == Some(true) {
            session::end_all(&tx, id).await?;
        }
        must_have_admin(&tx, was_admin).await?;
        let text = format!("SELECT {COLUMNS}, a.disabled FROM accounts a WHERE a.id = $1");
        let row = tx.row(&text, args![id]).await?.ok_or_else(|| Error::not_found("account"))?;
        Ok(Listed { account: account(&row)?, disabled: row.flag(super::store::COLUMN_COUNT)? })
    })
}

async fn is_admin(tx: &Tx, id: &str) -> Result<bool> {
    let text = "SELECT 1 FROM accounts WHERE id = $1 AND role = 'admin' AND disabled = 0";
    Ok(tx.row(text, args![id]).await?.is_some())
}

/// After an admin became something else. The caller holds the lock of admins.
async fn must_have_admin(tx: &Tx, was_admin: bool) -> Result<()> {
    let admins =
        "SELECT 1 FROM accounts WHERE role = 'admin' AND disabled = 0 AND erased_at_ms IS NULL LIMIT 1";
    if was_admin && tx.row(admins, args![]).await?.is_none() {
        let message = "This is the last admin. Make somebody else admin first.";
        return Err(Error::refused(Kind::Conflict, "last_admin", message));
    }
    Ok(())
}

/// What mails say.
mod texts {
    use super::Locale;

    pub(super) fn sign_up(locale: Locale, code: &str) -> (String, String) {
        let ko = (
            "서당 가입 확인",
            format!(
                "서당에 오신 것을 환영합니다.\n\n확인 번호: {code}\n\n15분 안에 입력해 주세요. 가입하지 않으셨다면 이 메일을 무시하세요.\n"
            ),
        );
        let en = (
            "Confirm your Seodang account",
            format!(
                "Welcome to Seodang.\n\nYour code: {code}\n\nEnter it within 15 minutes. If you did not sign up, ignore this mail.\n"
            ),
        );
        chosen(locale, ko, en)
    }

    pub(super) fn known(locale: Locale) -> (String, String) {
        let ko = ("서당 계정이 이미 있습니다", "이 메일 주소로 된 서당 계정이 이미 있습니다. 로그인하거나 비밀번호를 다시 정해 주세요.\n본인이 아니라면 이 메일을 무시하세요.\n".to_owned());
        let en = ("You have a Seodang account", "There is an account with this mail address already. Sign in, or set a new password.\nIf it was not you who tried to sign up, ignore this mail.\n".to_owned());
        chosen(locale, ko, en)
    }

    pub(super) fn reset(locale: Locale, code: &str) -> (String, String) {
        let ko = (
            "서당 비밀번호 다시 정하기",
            format!(
                "확인 번호: {code}\n\n15분 안에 새 비밀번호와 함께 입력해 주세요. 요청하지 않으셨다면 이 메일을 무시하세요.\n"
            ),
        );
        let en = (
            "A new Seodang password",
            format!(
                "Your code: {code}\n\nEnter it with a new password within 15 minutes. If you did not ask for it, ignore this mail.\n"
            ),
        );
        chosen(locale, ko, en)
    }

    fn chosen(locale: Locale, ko: (&str, String), en: (&str, String)) -> (String, String) {
        let (subject, text) = match locale {
            Locale::Ko => ko,
            Locale::En => en,
        };
        (subject.to_owned(), text)
    }
}
