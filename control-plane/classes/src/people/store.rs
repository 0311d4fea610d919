//! People in the database.

use super::{Account, Locale, Role};
use crate::{Result, Row, Sql, args};

const COLUMNS: &str = "id, name, role, email, locale, region, created_at_ms";

/// Somebody, if there is such an account that is neither erased nor disabled.
///
/// # Errors
/// The database is away.
pub async fn find(sql: &impl Sql, id: &str) -> Result<Option<Account>> {
    let text =
        format!("SELECT {COLUMNS} FROM accounts WHERE id = $1 AND disabled = 0 AND erased_at_ms IS NULL");
    let Some(row) = sql.row(&text, args![id]).await? else { return Ok(None) };
    let interests =
        sql.rows("SELECT category FROM interests WHERE account_id = $1 ORDER BY category", args![id]).await?;
    let interests = interests.iter().map(|row| row.text(0)).collect::<Result<_>>()?;
    Ok(Some(Account { interests, ..account(&row)? }))
}

/// Of [`COLUMNS`].
fn account(row: &Row) -> Result<Account> {
    Ok(Account {
        id: row.text(0)?,
        name: row.text(1)?,
        role: Role::parse(&row.text(2)?)?,
        email: row.text_or_null(3)?,
        locale: Locale::parse(&row.text(4)?),
        region: row.text_or_null(5)?,
        interests: Vec::new(),
        created_at_ms: row.count(6)?,
    })
}
