//! Which slide is shown: a page of a material, or of whatever its title says. The slide itself is the material, or the
//! shared screen; this is the word of it, for late joiners and for the replay.

use serde::{Deserialize, Serialize};

use super::rule::{Broken, bounded};
use super::{Changed, Moment, bump, missing};
use crate::{Database, Error, Result, Row, Sql, args, transaction};

/// Longest title, in characters: a material's title fits.
pub const TITLE_CHARACTERS_MAX: usize = 120;
/// Last page.
pub const PAGE_MAX: u32 = 10_000;
/// Changes of one lesson: three hours, one every two seconds. Further ones are refused.
pub const SLIDES_MAX: u64 = 5_000;

const COLUMNS: &str = "title, page, material_id, at_ms, minute_ms";
/// Of one lesson: `$1` is the class, `$2` the life of its room, or none.
const OF_LESSON: &str = "class_id = $1 AND (room_sid = $2 OR (room_sid IS NULL AND $2 IS NULL))";

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Slide {
    pub title: String,
    pub page: u64,
    /// Of the class. It may have been taken away since.
    pub material: Option<String>,
    pub at_ms: u64,
    /// Class time of its showing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minute_ms: Option<u64>,
}

/// What is to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Show {
    pub page: u32,
    /// The material's, if there is one and this is left out.
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub material: Option<String>,
}

/// The one that is shown in this lesson.
///
/// # Errors
/// The database is away.
pub async fn present(sql: &impl Sql, class: &str, room_sid: Option<&str>) -> Result<Option<Slide>> {
    let text = format!("SELECT {COLUMNS} FROM slides WHERE {OF_LESSON} ORDER BY v DESC LIMIT 1");
    sql.row(&text, args![class, room_sid]).await?.map_or(Ok(None), |row| slide(&row))
}

/// Shows a slide. The one that is shown already is shown again by nobody: no version.
///
/// # Errors
/// `material_not_found`, `too_many`, or a rule is broken.
pub async fn show(
    database: &Database,
    class: &str,
    account: Option<&str>,
    show: &Show,
    moment: &Moment,
) -> Result<(Slide, Option<u64>)> {
    if !(1..=PAGE_MAX).contains(&show.page) {
        return Err(Broken::new(format!("page is not between 1 and {PAGE_MAX}")).into());
    }
    if let Some(title) = &show.title {
        bounded("title", title, 1, TITLE_CHARACTERS_MAX)?;
    }
    transaction!(database, tx => {
        tx.lock("classroom", class).await?;
        let title = match (&show.material, &show.title) {
            (Some(material), title) => {
                let found = material_title(&tx, class, material).await?;
                title.as_deref().map_or(found, |title| title.trim().to_owned())
            }
            (None, Some(title)) => title.trim().to_owned(),
            (None, None) => return Err(Broken::new("a slide without a material has a title").into()),
        };
        let new = Slide {
            title,
            page: show.page.into(),
            material: show.material.clone(),
            at_ms: moment.now_ms,
            minute_ms: moment.minute_ms(),
        };
        let shown = present(&tx, class, moment.room_sid()).await?;
        let is_same = |shown: &Slide| (&shown.title, shown.page, &shown.material) == (&new.title, new.page, &new.material);
        if let Some(shown) = shown.filter(is_same) {
            return Ok((shown, None));
        }
        let v = insert(&tx, class, account, &new, moment).await?;
        Ok((new, Some(v)))
    })
}

/// Shows none any more; `None`: none was shown.
///
/// # Errors
/// The database is away.
pub async fn take_away(
    database: &Database,
    class: &str,
    account: Option<&str>,
    moment: &Moment,
) -> Result<Option<Changed<()>>> {
    transaction!(database, tx => {
        tx.lock("classroom", class).await?;
        if present(&tx, class, moment.room_sid()).await?.is_none() {
            return Ok(None);
        }
        let minute_ms = moment.minute_ms();
        let none = Slide { title: String::new(), page: 0, material: None, at_ms: moment.now_ms, minute_ms };
        Ok(Some(Changed { v: insert(&tx, class, account, &none, moment).await?, it: () }))
    })
}

async fn insert(
    tx: &impl Sql,
    class: &str,
    account: Option<&str>,
    new: &Slide,
    moment: &Moment,
) -> Result<u64> {
    let sid = moment.room_sid();
    let text = format!("SELECT COUNT(*) FROM slides WHERE {OF_LESSON}");
    let count = tx.row(&text, args![class, sid]).await?.map_or(Ok(0), |row| row.count(0))?;
    // To take away the last one is always possible.
    if count >= SLIDES_MAX && new.page > 0 {
        let message = format!("A lesson has at most {SLIDES_MAX} changes of slides. Share the screen.");
        return Err(Error::conflict("too_many", message));
    }
    let v = bump(tx, class).await?;
    let text = "INSERT INTO slides (class_id, v, account_id, material_id, title, page, at_ms, room_sid, minute_ms) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = args![
        class,
        v,
        account,
        new.material.as_deref(),
        &new.title,
        new.page,
        new.at_ms,
        sid,
        new.minute_ms
    ];
    tx.execute(text, values).await?;
    Ok(v)
}

async fn material_title(tx: &impl Sql, class: &str, material: &str) -> Result<String> {
    let text = "SELECT title FROM materials WHERE class_id = $1 AND id = $2";
    let row = tx.row(text, args![class, material]).await?;
    row.ok_or_else(|| missing("material_not_found", "material"))?.text(0)
}

/// Changes of a lesson in order, with `None` where the slide was taken away; each with the wall clock.
pub(super) async fn history(
    sql: &impl Sql,
    class: &str,
    room_sid: &str,
    between: (u64, u64),
) -> Result<Vec<(u64, Option<Slide>)>> {
    let text = format!(
        "SELECT {COLUMNS} FROM slides WHERE class_id = $1 AND (room_sid = $2 OR (room_sid IS NULL \
        AND at_ms BETWEEN $3 AND $4)) ORDER BY v LIMIT {}",
        super::timeline::ENTRIES_MAX
    );
    let rows = sql.rows(&text, args![class, room_sid, between.0, between.1]).await?;
    rows.iter().map(|row| Ok((row.count(3)?, slide(row)?))).collect()
}

fn slide(row: &Row) -> Result<Option<Slide>> {
    let page = row.count(1)?;
    if page == 0 {
        return Ok(None);
    }
    Ok(Some(Slide {
        title: row.text(0)?,
        page,
        material: row.text_or_null(2)?,
        at_ms: row.count(3)?,
        minute_ms: row.count_or_null(4)?,
    }))
}
