//! Who joined and left, by the clients and by the database: each once, whatever was lost meanwhile.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use control_plane_classes::database::Place;
use control_plane_classes::{Database, Sql};

use crate::class::Class;

/// An edge gives up a client that went without a word after 15 s; it tells within seconds, and the control planes are back.
const TOLD_WITHIN: Duration = Duration::from_secs(60);
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Of each fault, this many are named.
const NAMED: usize = 5;

/// Facts of one participant sid in the database: joins and leaves.
type Stored = BTreeMap<String, (u64, u64)>;

/// The database held against the clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attendance {
    joins: u64,
    leaves: u64,
    /// Facts that should be there and are not.
    missing: Vec<String>,
    /// Facts that are there more than once.
    double: Vec<String>,
    /// Facts of participants that no client was.
    of_nobody: Vec<String>,
}

impl Attendance {
    /// `joins` are the clients': by sid, whether the edge surely knows of it. Who was not heard of joined and left, or did neither.
    fn of(joins: &BTreeMap<String, bool>, stored: &Stored) -> Self {
        let mut found = Self::default();
        for (sid, is_certain) in joins {
            let (joined, left) = stored.get(sid).copied().unwrap_or_default();
            let is_expected = *is_certain || joined + left > 0;
            for (what, count) in [("joined", joined), ("left", left)] {
                if count == 0 && is_expected {
                    found.missing.push(format!("{sid} {what}"));
                } else if count > 1 {
                    found.double.push(format!("{sid} {what}"));
                }
            }
        }
        for (sid, (joined, left)) in stored {
            (found.joins, found.leaves) = (found.joins + joined, found.leaves + left);
            if !joins.contains_key(sid) {
                found.of_nobody.push(sid.clone());
            }
        }
        found
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.double.is_empty() && self.of_nobody.is_empty()
    }
}

impl fmt::Display for Attendance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { joins, leaves, missing, double, of_nobody } = self;
        write!(f, "Attendance in PostgreSQL: {joins} joins and {leaves} leaves; ")?;
        write!(f, "missing {}, double {}, of nobody {}.", missing.len(), double.len(), of_nobody.len())?;
        for (name, faults) in [("missing", missing), ("double", double), ("of nobody", of_nobody)] {
            faults.iter().take(NAMED).try_for_each(|fault| write!(f, "\n{name}: {fault}"))?;
        }
        Ok(())
    }
}

impl Class {
    /// Ends the class: everybody leaves. Waits until the database says what the clients know, and says how far it does.
    pub(crate) async fn dismiss(&self, database: &str) -> anyhow::Result<Attendance> {
        self.pupils.iter().for_each(|pupil| pupil.look(|seen| seen.over = true));
        let database = Database::open(&Place::Postgres(database.to_owned())).await.context("the database")?;
        let end = Instant::now() + TOLD_WITHIN;
        loop {
            let is_out = self.pupils.iter().all(|pupil| pupil.look(|seen| seen.edge.is_none()));
            let joins = self.pupils.iter().flat_map(|pupil| pupil.look(|seen| seen.joins.clone())).collect();
            let attendance = Attendance::of(&joins, &stored(&database).await?);
            if (is_out && attendance.is_whole()) || Instant::now() > end {
                return Ok(attendance);
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }
}

async fn stored(database: &Database) -> anyhow::Result<Stored> {
    let sql = "SELECT participant_sid, kind, COUNT(*) FROM facts WHERE kind IN ('joined', 'left') \
        GROUP BY participant_sid, kind";
    let mut stored = Stored::new();
    for row in database.rows(sql, Vec::new()).await? {
        let (joined, left) = stored.entry(row.text(0)?).or_default();
        *(if row.text(1)? == "joined" { joined } else { left }) += row.count(2)?;
    }
    Ok(stored)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_double_or_nobodys_is_told() {
        let joins = [("PA_1", true), ("PA_2", true), ("PA_3", false), ("PA_4", false), ("PA_5", true)];
        let joins = joins.map(|(sid, is_certain)| (sid.to_owned(), is_certain)).into();
        let stored = [("PA_1", (1, 1)), ("PA_2", (1, 2)), ("PA_4", (1, 0)), ("PA_6", (1, 1))];
        let stored = stored.map(|(sid, counts)| (sid.to_owned(), counts)).into();
        let found = Attendance::of(&joins, &stored);
        assert_eq!((found.joins, found.leaves), (4, 4));
        assert_eq!(found.missing, ["PA_4 left", "PA_5 joined", "PA_5 left"]);
        assert_eq!((found.double, found.of_nobody), (vec!["PA_2 left".to_owned()], vec!["PA_6".to_owned()]));
    }
}
