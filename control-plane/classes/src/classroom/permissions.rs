//! What an instructor allows or forbids one person, kept for the next time she joins.

use super::{Changed, bump};
use crate::{Database, Result, Sql, Tx, args, transaction};

/// What a person may do in the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// Camera and microphone.
    pub speak: bool,
    /// Screen, with its sound.
    pub screen: bool,
    pub chat_muted: bool,
    /// The life of the room she was sent out of; in the next one she is welcome again.
    pub removed_room_sid: Option<String>,
}

impl Default for Permissions {
    /// Small classes talk; screens are shown on request.
    fn default() -> Self {
        Self { speak: true, screen: false, chat_muted: false, removed_room_sid: None }
    }
}

/// Whether somebody may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// With these permissions.
    Welcome(Permissions),
    /// The instructor has sent her out of this lesson.
    Removed,
}

/// # Errors
/// The database is away.
pub async fn find(sql: &impl Sql, class: &str, account: &str) -> Result<Permissions> {
    let text = "SELECT speak, screen, chat_muted, removed_room_sid FROM classroom_permissions \
        WHERE class_id = $1 AND account_id = $2";
    let Some(row) = sql.row(text, args![class, account]).await? else { return Ok(Permissions::default()) };
    let usual = Permissions::default();
    Ok(Permissions {
        speak: row.int_or_null(0)?.map_or(usual.speak, |value| value != 0),
        screen: row.int_or_null(1)?.map_or(usual.screen, |value| value != 0),
        chat_muted: row.flag(2)?,
        removed_room_sid: row.text_or_null(3)?,
    })
}

/// What a student gets who joins now; `room_sid` is the life of the room in progress. (Locking is the catalogue's.)
///
/// # Errors
/// The database is away.
pub async fn admission(
    sql: &impl Sql,
    class: &str,
    account: &str,
    room_sid: Option<&str>,
) -> Result<Admission> {
    let found = find(sql, class, account).await?;
    if found.removed_room_sid.is_some() && found.removed_room_sid.as_deref() == room_sid {
        return Ok(Admission::Removed);
    }
    Ok(Admission::Welcome(found))
}

/// One thing that is set for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    Speak(bool),
    Screen(bool),
    ChatMuted(bool),
    /// Sent out of this life of the room; `None`: welcome again.
    Removed(Option<String>),
}

/// Sets it; what the person may do now.
///
/// # Errors
/// The account does not exist, or the database is away.
pub async fn set(database: &Database, class: &str, account: &str, setting: &Setting) -> Result<Permissions> {
    let (column, value) = match setting {
        Setting::Speak(allowed) => ("speak", crate::Value::from(*allowed)),
        Setting::Screen(allowed) => ("screen", crate::Value::from(*allowed)),
        Setting::ChatMuted(muted) => ("chat_muted", crate::Value::from(*muted)),
        Setting::Removed(sid) => ("removed_room_sid", crate::Value::from(sid.clone())),
    };
    transaction!(database, tx => {
        let known = tx.row("SELECT 1 FROM accounts WHERE id = $1 AND erased_at_ms IS NULL", args![account]).await?;
        known.ok_or_else(|| super::missing("account_not_found", "person"))?;
        let text = format!(
            "INSERT INTO classroom_permissions (class_id, account_id, {column}) VALUES ($1, $2, $3) \
            ON CONFLICT (class_id, account_id) DO UPDATE SET {column} = excluded.{column}"
        );
        let mut values = args![class, account];
        values.push(value.clone());
        tx.execute(&text, values).await?;
        find(&tx, class, account).await
    })
}

/// Puts somebody in the light, or nobody. The person need not be an account: server SDKs name whom they like.
///
/// # Errors
/// The database is away.
pub async fn set_spotlight(
    database: &Database,
    class: &str,
    identity: Option<&str>,
) -> Result<Changed<Option<String>>> {
    transaction!(database, tx => {
        let v = bump(&tx, class).await?;
        tx.execute("UPDATE classroom SET spotlight = $2 WHERE class_id = $1", args![class, identity]).await?;
        Ok(Changed { v, it: identity.map(str::to_owned) })
    })
}

/// Locks the class against newcomers, or opens it; `None`: it was so already.
///
/// # Errors
/// The database is away.
pub async fn set_locked(
    database: &Database,
    class: &str,
    locked: bool,
    now_ms: u64,
) -> Result<Option<Changed<bool>>> {
    transaction!(database, tx => {
        tx.lock("class", class).await?;
        if !put_locked(&tx, class, locked, now_ms).await? {
            return Ok(None);
        }
        let v = bump(&tx, class).await?;
        Ok(Some(Changed { v, it: locked }))
    })
}

/// The lesson is over: nobody in the light, no hands up, the door open for the next one. What was still asked is closed,
/// so that those who watch the replay can answer it.
///
/// # Errors
/// The database is away.
pub async fn end(database: &Database, class: &str, now_ms: u64) -> Result<Changed<()>> {
    transaction!(database, tx => {
        // In this order everywhere: nothing that holds the second waits for the first.
        tx.lock("class", class).await?;
        tx.lock("classroom", class).await?;
        let v = bump(&tx, class).await?;
        tx.execute("UPDATE classroom SET spotlight = NULL WHERE class_id = $1", args![class]).await?;
        put_locked(&tx, class, false, now_ms).await?;
        tx.execute("DELETE FROM hands WHERE class_id = $1", args![class]).await?;
        super::lapse::close_asked(&tx, class, now_ms).await?;
        Ok(Changed { v, it: () })
    })
}

/// `false`: it was so already. The caller holds the class's lock.
async fn put_locked(tx: &Tx, class: &str, locked: bool, now_ms: u64) -> Result<bool> {
    let touched = crate::catalogue::sync::touched("$3");
    let text = format!("UPDATE classes SET locked = $2, {touched} WHERE id = $1 AND locked <> $2");
    let is_changed = tx.execute(&text, args![class, locked, now_ms]).await? > 0;
    if is_changed && !locked {
        crate::catalogue::enrolment::promote(tx, class, now_ms).await?;
    }
    Ok(is_changed)
}
