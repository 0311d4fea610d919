//! People in the database.

use super::{Account, Locale, Role};
use crate::{Result, Row, Sql, args};

/// What [`account`] reads, of `accounts a`.
pub(super) const COLUMNS: &str = "a.id, a.name, a.role, a.email, a.locale, a.region, a.created_at_ms, \
    COALESCE((SELECT string_agg(i.category, ',') FROM interests i WHERE i.account_id = a.id), '')";
/// How many columns that is.
pub(super) const COLUMN_COUNT: usize = 8;
/// Who counts as there.
pub(super) const ALIVE: &str = "a.disabled = 0 AND a.erased_at_ms IS NULL";

/// Somebody, if there is such an account that is neither erased nor disabled.
///
/// # Errors
/// The database is away.
pub async fn find(sql: &impl Sql, id: &str) -> Result<Option<Account>> {
    let text = format!("SELECT {COLUMNS} FROM accounts a WHERE a.id = $1 AND {ALIVE}");
    sql.row(&text, args![id]).await?.as_ref().map(account).transpose()
}

/// Whoever has this mail address, which is in the form of [`super::account::check_email`].
///
/// # Errors
/// The database is away.
pub async fn find_by_email(sql: &impl Sql, email: &str) -> Result<Option<Account>> {
    let text = format!("SELECT {COLUMNS} FROM accounts a WHERE a.email = $1 AND {ALIVE}");
    sql.row(&text, args![email]).await?.as_ref().map(account).transpose()
}

/// Of [`COLUMNS`], which come first in the row.
pub(super) fn account(row: &Row) -> Result<Account> {
    let interests = row.text(7)?;
    let mut interests: Vec<String> =
        interests.split(',').filter(|one| !one.is_empty()).map(str::to_owned).collect();
    interests.sort();
    Ok(Account {
        id: row.text(0)?,
        name: row.text(1)?,
        role: Role::parse(&row.text(2)?)?,
        email: row.text_or_null(3)?,
        locale: Locale::parse(&row.text(4)?),
        region: row.text_or_null(5)?,
        interests,
        created_at_ms: row.count(6)?,
    })
}
