//! Classes made, changed, taken away, liked.

use super::class::{Class, ClassChange};
use super::{enrolment, store, sync};
use crate::{Database, Error, Result, Sql, Value, args, transaction};

/// Classes one instructor may have.
pub const CLASSES_PER_INSTRUCTOR_MAX: i64 = 1_000;

/// Writes a new class. `false`: its id is taken.
///
/// # Errors
/// The instructor has too many.
pub async fn create(database: &Database, class: &Class) -> Result<bool> {
    let result = transaction!(database, tx => {
        if let Some(instructor) = &class.instructor_id {
            tx.lock("instructor", instructor).await?;
            let row = tx.row("SELECT COUNT(*) FROM classes WHERE instructor_id = $1", args![instructor]).await?;
            if row.map_or(Ok(0), |row| row.int(0))? >= CLASSES_PER_INSTRUCTOR_MAX {
                let message = format!("You have {CLASSES_PER_INSTRUCTOR_MAX} classes. Delete one you do not need.");
                return Err(Error::conflict("too_many_classes", message));
            }
        }
        let text = "INSERT INTO classes (id, title, description, category, level, language, starts_at_ms, duration_min, time_zone, \
            capacity, recorded, locked, live_at_ms, replay_at_ms, created_at_ms, updated_at_ms, instructor_id, instructor_name) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";
        let mut values = values(class);
        values.extend(args![class.live_at_ms, class.replay_at_ms, class.created_at_ms, class.updated_at_ms]);
        values.extend(args![class.instructor_id.as_deref(), &class.instructor_name]);
        tx.execute(text, values).await.map(|_| ())
    });
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.is_duplicate() => Ok(false),
        Err(error) => Err(error),
    }
}

/// `$1` to `$12` of both statements.
fn values(class: &Class) -> Vec<Value> {
    args![
        &class.id,
        &class.title,
        &class.description,
        &class.category,
        class.level.as_str(),
        &class.language,
        class.starts_at_ms,
        class.duration_min,
        &class.time_zone,
        class.capacity,
        class.recorded,
        class.locked
    ]
}

/// Changes a class; who waits gets the places that become free.
///
/// # Errors
/// A rule is broken, or there is no such class.
pub async fn change(database: &Database, id: &str, change: &ClassChange, now_ms: u64) -> Result<Class> {
    transaction!(database, tx => {
        tx.lock("class", id).await?;
        let class = store::find(&tx, id).await?.ok_or_else(|| Error::not_found("class"))?;
        let class = change.applied(&class, now_ms)?;
        let text = format!(
            "UPDATE classes SET title = $2, description = $3, category = $4, level = $5, language = $6, starts_at_ms = $7, \
            duration_min = $8, time_zone = $9, capacity = $10, recorded = $11, locked = COALESCE($12, locked), \
            synced = 0, {} WHERE id = $1",
            sync::touched("$13")
        );
        let mut values = values(&class);
        // The door is opened and closed in class too: it is left alone unless it is what changes.
        values.pop();
        values.extend(args![change.locked, now_ms]);
        tx.execute(&text, values).await?;
        enrolment::promote(&tx, id, now_ms).await?;
        store::find(&tx, id).await?.ok_or_else(|| Error::not_found("class"))
    })
}

/// Takes a class away with all that belongs to it.
///
/// # Errors
/// There is no such class.
pub async fn remove(database: &Database, id: &str, now_ms: u64) -> Result<()> {
    transaction!(database, tx => {
        tx.lock("class", id).await?;
        if tx.execute("DELETE FROM classes WHERE id = $1", args![id]).await? == 0 {
            return Err(Error::not_found("class"));
        }
        let text = "INSERT INTO class_removals (id, removed_at_ms) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";
        tx.execute(text, args![id, now_ms]).await.map(|_| ())
    })
}

/// Likes a class, or no longer.
///
/// # Errors
/// There is no such class.
pub async fn like(sql: &impl Sql, class: &str, account: &str, likes: bool, now_ms: u64) -> Result<()> {
    let result = if likes {
        let text = "INSERT INTO likes (class_id, account_id, at_ms) VALUES ($1, $2, $3) ON CONFLICT (class_id, account_id) DO NOTHING";
        sql.execute(text, args![class, account, now_ms]).await
    } else {
        sql.execute("DELETE FROM likes WHERE class_id = $1 AND account_id = $2", args![class, account]).await
    };
    match result {
        Err(error) if error.is_missing_reference() => Err(Error::not_found("class")),
        result => result.map(|_| ()),
    }
}
