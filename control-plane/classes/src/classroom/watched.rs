//! What people watched of a replay, and what an instructor learns from it: where they went back, where they left.

use serde::{Deserialize, Serialize};

use super::quiz::check_id;
use super::rule::Broken;
use crate::{Database, Result, Sql, args, transaction};

/// Spans in one request.
pub const BATCH_MAX: usize = 100;
/// Spans kept of one person in one class: a replay seen thirty times over. Further ones are let go.
pub const SPANS_MAX: u64 = 3_000;
const CLASS_MS_MAX: u64 = 24 * 3_600_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Watched from here to there.
    Play,
    /// Jumped back from here to there.
    SeekBack,
    /// Left at `to_ms`.
    Leave,
}

impl Event {
    fn as_str(self) -> &'static str {
        match self {
            Self::Play => "play",
            Self::SeekBack => "seek-back",
            Self::Leave => "leave",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    pub room_sid: String,
    pub from_ms: u64,
    pub to_ms: u64,
    pub event: Event,
}

/// So many people at that minute of class time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AtMinute {
    pub minute: u64,
    pub n: u64,
}

/// # Errors
/// A span breaks a rule, or the database is away.
pub async fn note(
    database: &Database,
    class: &str,
    account: &str,
    spans: &[Span],
    now_ms: u64,
) -> Result<()> {
    if spans.len() > BATCH_MAX {
        return Err(Broken::new(format!("items: at most {BATCH_MAX} at once")).into());
    }
    for span in spans {
        check_id("room_sid", &span.room_sid)?;
        if span.from_ms > CLASS_MS_MAX || span.to_ms > CLASS_MS_MAX {
            return Err(Broken::new("from_ms, to_ms: class time in milliseconds, within a day").into());
        }
    }
    transaction!(database, tx => {
        let text = "SELECT COUNT(*) FROM watched WHERE class_id = $1 AND account_id = $2";
        let known = tx.row(text, args![class, account]).await?.map_or(Ok(0), |row| row.count(0))?;
        let room = usize::try_from(SPANS_MAX.saturating_sub(known)).unwrap_or(0);
        for span in spans.iter().take(room) {
            let text = "INSERT INTO watched (class_id, account_id, room_sid, event, from_ms, to_ms, at_ms) \
                VALUES ($1, $2, $3, $4, $5, $6, $7)";
            let values = args![class, account, &span.room_sid, span.event.as_str(), span.from_ms, span.to_ms, now_ms];
            tx.execute(text, values).await?;
        }
        Ok(())
    })
}

/// People by the minute they did this at, each counted once a minute.
///
/// # Errors
/// The database is away.
pub async fn by_minute(sql: &impl Sql, class: &str, event: Event) -> Result<Vec<AtMinute>> {
    let text = "SELECT minute, COUNT(*) FROM \
        (SELECT DISTINCT to_ms / 60000 AS minute, account_id FROM watched WHERE class_id = $1 AND event = $2) AS seen \
        GROUP BY minute ORDER BY minute";
    let rows = sql.rows(text, args![class, event.as_str()]).await?;
    rows.iter().map(|row| Ok(AtMinute { minute: row.count(0)?, n: row.count(1)? })).collect()
}
