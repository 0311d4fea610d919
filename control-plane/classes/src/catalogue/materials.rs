//! Materials of a class: links, and files kept in the database in parts.

use crate::{Database, Error, Result, Row, Sql, args, id, transaction};

/// Longest title or file name, in characters.
pub const TITLE_CHARACTERS_MAX: usize = 120;
/// Longest link, in bytes.
pub const URL_BYTES_MAX: usize = 2_000;
/// Largest file.
pub const FILE_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Materials of one class.
pub const MATERIALS_MAX: i64 = 50;
/// Bytes of a file in one row.
const PART_BYTES: usize = 1024 * 1024;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Material {
    /// `f_…`
    pub id: String,
    /// As shown; of a file its name.
    pub title: String,
    /// Where it leads. `None`: a file.
    pub url: Option<String>,
    /// Size of the file.
    pub bytes: Option<u64>,
}

/// What is added.
#[derive(Clone, Copy, Debug)]
pub enum New<'a> {
    /// A link.
    Link(&'a str),
    /// A file.
    File(&'a [u8]),
}

/// Oldest first.
///
/// # Errors
/// The database is away.
pub async fn list(sql: &impl Sql, class: &str) -> Result<Vec<Material>> {
    let text =
        "SELECT id, title, url, bytes FROM materials WHERE class_id = $1 ORDER BY created_at_ms, id LIMIT $2";
    sql.rows(text, args![class, MATERIALS_MAX]).await?.iter().map(material).collect()
}

fn material(row: &Row) -> Result<Material> {
    Ok(Material {
        id: row.text(0)?,
        title: row.text(1)?,
        url: row.text_or_null(2)?,
        bytes: row.count_or_null(3)?,
    })
}

/// Adds one.
///
/// # Errors
/// A rule is broken, or there are too many.
pub async fn add(
    database: &Database,
    class: &str,
    title: &str,
    new: New<'_>,
    now_ms: u64,
) -> Result<Material> {
    let title = title.trim();
    super::class::bounded("title", title, TITLE_CHARACTERS_MAX, false)?;
    if title.is_empty() {
        return Err(Error::rule("bad_title", "The title is empty. Give the material one."));
    }
    let (url, file) = match new {
        New::Link(url) => (Some(check_url(url)?), None),
        New::File(bytes) if bytes.is_empty() || bytes.len() > FILE_BYTES_MAX => {
            let message = format!("A file has 1 to {FILE_BYTES_MAX} bytes.");
            return Err(Error::rule("bad_file", message));
        }
        New::File(bytes) => (None, Some(bytes)),
    };
    let added = Material {
        id: id::random("f"),
        title: title.to_owned(),
        url,
        bytes: file.map(|file| file.len() as u64),
    };
    transaction!(database, tx => {
        tx.lock("materials", class).await?;
        let count = tx.row("SELECT COUNT(*) FROM materials WHERE class_id = $1", args![class]).await?;
        if count.map_or(Ok(0), |row| row.int(0))? >= MATERIALS_MAX {
            return Err(Error::conflict("too_many_materials", format!("A class has at most {MATERIALS_MAX} materials. Delete one.")));
        }
        let text = "INSERT INTO materials (id, class_id, title, url, bytes, created_at_ms) VALUES ($1, $2, $3, $4, $5, $6)";
        tx.execute(text, args![&added.id, class, &added.title, added.url.as_deref(), added.bytes, now_ms]).await?;
        for (part, bytes) in file.unwrap_or_default().chunks(PART_BYTES).enumerate() {
            let text = "INSERT INTO material_parts (material_id, part, bytes) VALUES ($1, $2, $3)";
            tx.execute(text, args![&added.id, part, bytes]).await?;
        }
        Ok(())
    })?;
    Ok(added)
}

/// A link to another place: pages and files of the web only, no `javascript:`.
fn check_url(url: &str) -> Result<String> {
    let url = url.trim();
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let has_host =
        rest.is_some_and(|rest| rest.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '['));
    let sound = url.len() <= URL_BYTES_MAX
        && has_host
        && !url.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"\\`".contains(c));
    if sound {
        Ok(url.to_owned())
    } else {
        Err(Error::rule("bad_url", "A link begins with https:// or http:// and a host."))
    }
}

/// Takes one away. `false`: there is none.
///
/// # Errors
/// The database is away.
pub async fn remove(sql: &impl Sql, class: &str, material: &str) -> Result<bool> {
    let text = "DELETE FROM materials WHERE class_id = $1 AND id = $2";
    Ok(sql.execute(text, args![class, material]).await? > 0)
}

/// A file's name and size; its bytes are its [`part`]s.
///
/// # Errors
/// The database is away.
pub async fn file(sql: &impl Sql, class: &str, material: &str) -> Result<Option<(String, u64)>> {
    let text = "SELECT title, bytes FROM materials WHERE class_id = $1 AND id = $2 AND bytes IS NOT NULL";
    let row = sql.row(text, args![class, material]).await?;
    row.map(|row| Ok((row.text(0)?, row.count(1)?))).transpose()
}

/// Bytes of a file from the part `number` on, which begins at 0: at most a MiB. `None`: there are no more.
///
/// # Errors
/// The database is away.
pub async fn part(sql: &impl Sql, material: &str, number: u64) -> Result<Option<Vec<u8>>> {
    let text = "SELECT bytes FROM material_parts WHERE material_id = $1 AND part = $2";
    sql.row(text, args![material, number]).await?.map(|row| row.bytes(0)).transpose()
}
