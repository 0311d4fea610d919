//! Tables up to this version. A migration that was published is never changed: the next one mends it.

use super::{Database, Sql};
use crate::{Error, Result, args};

/// In order. Each runs on both engines and holds `BIGINT`, `TEXT` and `BYTEA` only.
const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_people", include_str!("../../migrations/0001_people.sql")),
    ("0002_catalogue", include_str!("../../migrations/0002_catalogue.sql")),
    ("0003_classroom", include_str!("../../migrations/0003_classroom.sql")),
    ("0004_discover", include_str!("../../migrations/0004_discover.sql")),
    ("0005_facts", include_str!("../../migrations/0005_facts.sql")),
    ("0006_slides", include_str!("../../migrations/0006_slides.sql")),
    ("0007_open", include_str!("../../migrations/0007_open.sql")),
    ("0008_upkeep", include_str!("../../migrations/0008_upkeep.sql")),
];

/// One process at a time: on SQLite the transaction is the only writer, on PostgreSQL the lock sees to it.
pub(super) async fn run(database: &Database) -> Result<()> {
    crate::transaction!(database, tx => {
        tx.lock("seodang", "migrations").await?;
        tx.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY)", Vec::new()).await?;
        let rows = tx.rows("SELECT name FROM migrations ORDER BY name", Vec::new()).await?;
        let done = rows.iter().map(|row| row.text(0)).collect::<Result<Vec<_>>>()?;
        if let Some(newer) = done.iter().find(|done| MIGRATIONS.iter().all(|(name, _)| name != done)) {
            return Err(Error::Unexpected(format!(
                "it was used by a newer version, which has {newer}; start that version, or restore a backup of this one's"
            )));
        }
        for (name, sql) in MIGRATIONS.iter().filter(|(name, _)| !done.iter().any(|done| done == name)) {
            for statement in statements(sql) {
                tx.execute(&statement, Vec::new()).await.map_err(|error| {
                    Error::Unexpected(format!("migration {name}: {error}, in: {statement}"))
                })?;
            }
            tx.execute("INSERT INTO migrations (name) VALUES ($1)", args![*name]).await?;
            tracing::info!(name, "migrated");
        }
        Ok(())
    })
}

/// All tables of this version, each after those it refers to.
pub(crate) fn tables() -> Vec<String> {
    let all = MIGRATIONS.iter().flat_map(|(_, sql)| statements(sql));
    let name = |statement: String| {
        let rest = statement.strip_prefix("CREATE TABLE ")?;
        rest.split([' ', '(']).next().map(str::to_owned)
    };
    all.filter_map(name).collect()
}

/// The statements of a file: each ends with `;` at the end of a line; lines that begin with `--` are for people.
fn statements(sql: &str) -> Vec<String> {
    let code: Vec<&str> = sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let code = code.join("\n");
    code.split(";\n")
        .map(|text| text.trim().trim_end_matches(';').to_owned())
        .filter(|text| !text.is_empty())
        .collect()
}
