//! Facts of attendance, each stored once however often an edge sends it.
//!
//! A participant that joined leaves once. An edge that was killed says so itself when it is back; of one that never comes
//! back, the control plane concludes it ([`conclude`]), and takes that back should the edge say it after all.

use control_plane_api::fact::{Fact, FactId, What};

use crate::database::{Sql, placeholders};
use crate::{Database, Result, Value, args};

/// Sequences from here on are the control plane's own conclusions; an edge never counts so far.
const CONCLUDED: u64 = 1 << 62;
/// Columns of the table.
const COLUMNS: usize = 13;
/// Participants looked at in one go; the rest come when these are settled.
const OPEN_MAX: usize = 5_000;

/// A participant leaves once. What the control plane concludes gives way to any edge's word; that an edge was lost gives way
/// to the word of the edge on which the participant went on, and the earlier of two such to the later.
const GIVE_WAY: &str = "DELETE FROM facts WHERE kind = 'left' AND reason = 'edge-lost' AND EXISTS (SELECT 1 FROM facts l \
    WHERE l.participant_sid = facts.participant_sid AND l.kind = 'left' AND (l.concluded < facts.concluded \
    OR (l.concluded = facts.concluded AND (l.reason <> 'edge-lost' OR l.at_ms > facts.at_ms \
    OR (l.at_ms = facts.at_ms AND l.node > facts.node)))))";

/// Somebody who joined and of whom nobody says that they left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// Of the join.
    pub id: FactId,
    pub room: String,
    pub room_sid: String,
    pub identity: String,
    pub participant_sid: String,
    /// Newest fact of the process that told the join: it was alive then.
    pub heard_ms: u64,
}

/// Stores facts; durable when it returns. Repeats change nothing.
///
/// # Errors
/// The database is away: nothing was stored.
pub async fn record(database: &Database, facts: &[Fact]) -> Result<()> {
    if facts.is_empty() {
        return Ok(());
    }
    let left: Vec<&str> = facts
        .iter()
        .filter_map(|fact| match &fact.what {
            What::Left { participant_sid, .. } => Some(participant_sid.as_str()),
            _ => None,
        })
        .collect();
    crate::transaction!(database, tx => {
        insert(&tx, facts.iter().map(|fact| row(fact, false))).await?;
        if !left.is_empty() {
            let sql = format!("{GIVE_WAY} AND participant_sid IN ({})", placeholders(1, left.len()));
            tx.execute(&sql, left.iter().map(|sid| Value::from(*sid)).collect()).await?;
        }
        Ok(())
    })
}

/// Those who joined at `since_ms` or later and have not left, longest ago first.
///
/// # Errors
/// The database is away.
pub async fn open(database: &Database, since_ms: u64) -> Result<Vec<Open>> {
    let sql = format!(
        "SELECT j.node, j.epoch, j.sequence, j.room, j.room_sid, j.identity, j.participant_sid, \
        (SELECT MAX(n.at_ms) FROM facts n WHERE n.node = j.node AND n.epoch = j.epoch) FROM facts j \
        WHERE j.kind = 'joined' AND j.at_ms >= $1 AND NOT EXISTS (SELECT 1 FROM facts l \
        WHERE l.participant_sid = j.participant_sid AND l.kind = 'left') ORDER BY j.at_ms LIMIT {OPEN_MAX}"
    );
    let rows = database.rows(&sql, args![since_ms]).await?;
    rows.iter()
        .map(|row| {
            Ok(Open {
                id: FactId { node: row.text(0)?, epoch: row.count(1)?, sequence: row.count(2)? },
                room: row.text(3)?,
                room_sid: row.text(4)?,
                identity: row.text(5)?,
                participant_sid: row.text(6)?,
                heard_ms: row.count(7)?,
            })
        })
        .collect()
}

/// Concludes that somebody left at `at_ms` because the edge is lost. Several control planes may conclude the same. `false`:
/// it had left already.
///
/// # Errors
/// The database is away.
pub async fn conclude(database: &Database, open: &Open, at_ms: u64) -> Result<bool> {
    let FactId { node, epoch, sequence } = open.id.clone();
    let fact = Fact {
        id: FactId { node, epoch, sequence: sequence | CONCLUDED },
        at_ms,
        room: open.room.clone(),
        room_sid: open.room_sid.clone(),
        what: What::Left {
            identity: open.identity.clone(),
            participant_sid: open.participant_sid.clone(),
            reason: "edge-lost".to_owned(),
        },
    };
    crate::transaction!(database, tx => {
        let sql = "SELECT 1 FROM facts WHERE participant_sid = $1 AND kind = 'left' LIMIT 1";
        if tx.row(sql, args![&open.participant_sid]).await?.is_some() {
            return Ok(false);
        }
        Ok(insert(&tx, [row(&fact, true)]).await? > 0)
    })
}

/// Takes back conclusions at `since_ms` or later that an edge's own word came beside, between look and write of
/// [`conclude`].
///
/// # Errors
/// The database is away.
pub async fn reconcile(database: &Database, since_ms: u64) -> Result<u64> {
    database.execute(&format!("{GIVE_WAY} AND facts.at_ms >= $1"), args![since_ms]).await
}

/// Takes away up to `limit` facts that are too old: of tracks before `tracks_before_ms`, others before `before_ms`. How many.
///
/// # Errors
/// The database is away.
pub async fn prune(sql: &impl Sql, before_ms: u64, tracks_before_ms: u64, limit: usize) -> Result<u64> {
    let text = "DELETE FROM facts WHERE (node, epoch, sequence) IN (SELECT node, epoch, sequence FROM facts \
        WHERE kind = $1 AND at_ms < $2 ORDER BY at_ms LIMIT $3)";
    let mut gone = 0;
    for kind in ["track-published", "track-unpublished"] {
        gone += sql.execute(text, args![kind, tracks_before_ms, limit]).await?;
    }
    for kind in ["room-started", "joined", "left", "room-finished"] {
        gone += sql.execute(text, args![kind, before_ms, limit]).await?;
    }
    Ok(gone)
}

async fn insert(sql: &impl Sql, rows: impl IntoIterator<Item = Vec<Value>>) -> Result<u64> {
    let rows: Vec<Vec<Value>> = rows.into_iter().collect();
    let groups: Vec<String> =
        (0..rows.len()).map(|index| format!("({})", placeholders(1 + index * COLUMNS, COLUMNS))).collect();
    let text = format!(
        "INSERT INTO facts (node, epoch, sequence, at_ms, room, room_sid, kind, identity, participant_sid, track_sid, \
        source, reason, concluded) VALUES {} ON CONFLICT DO NOTHING",
        groups.join(", ")
    );
    sql.execute(&text, rows.into_iter().flatten().collect()).await
}

fn row(fact: &Fact, concluded: bool) -> Vec<Value> {
    let Fact { id, at_ms, room, room_sid, what } = fact;
    let none = None::<&str>;
    let some = |text: &String| Value::from(text.as_str());
    let (kind, about) = match what {
        What::RoomStarted => ("room-started", [none; 5].map(Value::from)),
        What::RoomFinished => ("room-finished", [none; 5].map(Value::from)),
        What::Joined { identity, participant_sid } => {
            ("joined", [some(identity), some(participant_sid), none.into(), none.into(), none.into()])
        }
        What::Left { identity, participant_sid, reason } => {
            ("left", [some(identity), some(participant_sid), none.into(), none.into(), some(reason)])
        }
        What::TrackPublished { identity, participant_sid, track_sid, source } => (
            "track-published",
            [some(identity), some(participant_sid), some(track_sid), some(source), none.into()],
        ),
        What::TrackUnpublished { identity, participant_sid, track_sid, source } => (
            "track-unpublished",
            [some(identity), some(participant_sid), some(track_sid), some(source), none.into()],
        ),
    };
    let mut row = args![&id.node, id.epoch, id.sequence, *at_ms, room, room_sid, kind];
    row.extend(about);
    row.push(concluded.into());
    row
}
