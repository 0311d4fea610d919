//! All of the database as lines of JSON, which either engine writes and either reads: a backup, and the way from SQLite to
//! PostgreSQL.
//!
//! ```text
//!   {"seodang":"classes","version":1,"migrations":[…]}
//!   {"table":"accounts","columns":["id",…]}
//!   ["a_…",…]                                              one row; bytes are {"base64":"…"}
//!   {"rows":1234}                                          the end: without it the file is not whole
//! ```

use std::io::{BufRead, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use crate::database::{placeholders, tables};
use crate::{Database, Engine, Error, Result, Row, Sql, Tx, Value, args};

const VERSION: u64 = 1;

/// A column and its kind.
struct Column {
    name: String,
    kind: Kind,
    /// Part of what a row is known by.
    is_key: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Int,
    Real,
    Text,
    Bytes,
}

/// Writes all tables as they are at one moment; how many rows. Nobody else waits for it.
///
/// # Errors
/// The database is away, or the file cannot be written.
pub async fn dump(database: &Database, to: &mut (impl Write + Send)) -> Result<u64> {
    let tx = database.snapshot().await?;
    let migrations = tx.rows("SELECT name FROM migrations ORDER BY name", args![]).await?;
    let migrations = migrations.iter().map(|row| row.text(0)).collect::<Result<Vec<_>>>()?;
    line(to, &json!({"seodang": "classes", "version": VERSION, "migrations": migrations}))?;
    let mut count = 0;
    for table in tables() {
        count += dump_table(&tx, &table, to).await?;
    }
    line(to, &json!({"rows": count}))?;
    to.flush().map_err(|error| file(&error))?;
    Ok(count)
}

async fn dump_table(tx: &Tx, table: &str, to: &mut (impl Write + Send)) -> Result<u64> {
    let columns = columns(tx, table).await?;
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    line(to, &json!({"table": table, "columns": names}))?;
    let sorted_by = |is_wanted: fn(&Column) -> bool| -> Vec<&str> {
        columns.iter().filter(|column| is_wanted(column)).map(|column| column.name.as_str()).collect()
    };
    // By the key, which is an index; a table without one is sorted once.
    let key = sorted_by(|column| column.is_key);
    let order = if key.is_empty() { sorted_by(|column| column.kind != Kind::Bytes) } else { key };
    let text = format!("SELECT {} FROM {table} ORDER BY {}", names.join(", "), order.join(", "));
    let mut count = 0;
    let each = |row: Row| {
        count += 1;
        line(to, &Json::Array(row.values().iter().map(to_json).collect()))
    };
    tx.each(&text, args![], each).await?;
    Ok(count)
}

/// Reads a dump into a database without people and classes; all of it or nothing. How many rows.
///
/// # Errors
/// The file is not a whole dump of this version or an older one, or the database is not empty.
pub async fn restore(database: &Database, from: &mut (impl BufRead + Send)) -> Result<u64> {
    let mut lines = Lines { from, number: 0 };
    let head = lines.next()?.ok_or_else(|| wrong("it is empty"))?;
    if head["seodang"] != "classes" || head["version"] != VERSION {
        return Err(wrong("it is no backup of the school, or one of another version"));
    }
    let tx = database.begin().await?;
    is_for_us(&tx, &head).await?;
    let mut table: Option<Target> = None;
    let mut count = 0;
    while let Some(next) = lines.next()? {
        match &next {
            Json::Array(row) => {
                let target = table.as_ref().ok_or_else(|| wrong("a row stands before its table"))?;
                target.insert(&tx, row).await.map_err(|error| at(lines.number, &error))?;
                count += 1;
            }
            next if next["table"].is_string() => table = Some(Target::of(&tx, next).await?),
            next if next["rows"] == count => {
                tx.commit().await?;
                return Ok(count);
            }
            _ => return Err(wrong("it is not whole")),
        }
    }
    Err(wrong("its end is missing"))
}

async fn is_for_us(tx: &Tx, head: &Json) -> Result<()> {
    let known = tx.rows("SELECT name FROM migrations", args![]).await?;
    let known = known.iter().map(|row| row.text(0)).collect::<Result<Vec<_>>>()?;
    let mut used = head["migrations"].as_array().into_iter().flatten().filter_map(Json::as_str);
    if let Some(newer) = used.find(|name| known.iter().all(|known| known != name)) {
        return Err(wrong(&format!("it is of a newer version, which has {newer}")));
    }
    for table in ["accounts", "classes"] {
        if tx.row(&format!("SELECT 1 FROM {table} LIMIT 1"), args![]).await?.is_some() {
            let message = "The database has people or classes already. Restore into an empty one.";
            return Err(Error::conflict("not_empty", message));
        }
    }
    for table in tables().iter().rev() {
        tx.execute(&format!("DELETE FROM {table}"), args![]).await?;
    }
    Ok(())
}

/// Where rows go.
struct Target {
    sql: String,
    kinds: Vec<Kind>,
}

impl Target {
    async fn of(tx: &Tx, head: &Json) -> Result<Self> {
        let table = head["table"].as_str().unwrap_or_default();
        if !tables().iter().any(|known| known == table) {
            return Err(wrong(&format!("there is no table {table:?}")));
        }
        let known = columns(tx, table).await?;
        let names: Vec<&str> =
            head["columns"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        let kind = |name: &&str| known.iter().find(|column| column.name == **name).map(|column| column.kind);
        let kinds: Option<Vec<Kind>> = names.iter().map(kind).collect();
        let kinds = kinds.ok_or_else(|| wrong(&format!("table {table} has other columns")))?;
        let sql =
            format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), placeholders(1, names.len()));
        Ok(Self { sql, kinds })
    }

    async fn insert(&self, tx: &Tx, row: &[Json]) -> Result<()> {
        if row.len() != self.kinds.len() {
            return Err(wrong("a row has another number of columns"));
        }
        let values = row
            .iter()
            .zip(&self.kinds)
            .map(|(value, kind)| from_json(value, *kind))
            .collect::<Option<Vec<_>>>();
        let values = values.ok_or_else(|| wrong("a value is of another kind than its column"))?;
        tx.execute(&self.sql, values).await.map(|_| ())
    }
}

async fn columns(tx: &Tx, table: &str) -> Result<Vec<Column>> {
    let text = match tx.engine() {
        Engine::Sqlite => "SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid",
        Engine::Postgres => {
            "SELECT CAST(c.column_name AS TEXT), CAST(c.data_type AS TEXT), CAST(COALESCE((SELECT k.ordinal_position \
             FROM information_schema.table_constraints t JOIN information_schema.key_column_usage k \
             ON k.constraint_schema = t.constraint_schema AND k.constraint_name = t.constraint_name \
             WHERE t.constraint_type = 'PRIMARY KEY' AND t.table_schema = c.table_schema AND t.table_name = c.table_name \
             AND k.table_name = c.table_name AND k.column_name = c.column_name), 0) AS BIGINT) \
             FROM information_schema.columns c \
             WHERE c.table_schema = current_schema() AND c.table_name = $1 ORDER BY c.ordinal_position"
        }
    };
    let read = |row: &Row| {
        let kind = match row.text(1)?.to_lowercase().as_str() {
            "bigint" => Kind::Int,
            "double precision" => Kind::Real,
            "bytea" => Kind::Bytes,
            _ => Kind::Text,
        };
        Ok(Column { name: row.text(0)?, kind, is_key: row.int(2)? > 0 })
    };
    tx.rows(text, args![table]).await?.iter().map(read).collect()
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Int(Some(value)) => json!(value),
        Value::Real(Some(value)) => json!(value),
        Value::Text(Some(value)) => json!(value),
        Value::Bytes(Some(value)) => json!({"base64": STANDARD.encode(value)}),
        Value::Int(None) | Value::Real(None) | Value::Text(None) | Value::Bytes(None) => Json::Null,
    }
}

fn from_json(value: &Json, kind: Kind) -> Option<Value> {
    Some(match (kind, value) {
        (Kind::Int, Json::Null) => Value::Int(None),
        (Kind::Real, Json::Null) => Value::Real(None),
        (Kind::Text, Json::Null) => Value::Text(None),
        (Kind::Bytes, Json::Null) => Value::Bytes(None),
        (Kind::Int, value) => Value::Int(Some(value.as_i64()?)),
        (Kind::Real, value) => Value::Real(Some(value.as_f64()?)),
        (Kind::Text, value) => Value::Text(Some(value.as_str()?.to_owned())),
        (Kind::Bytes, value) => Value::Bytes(Some(STANDARD.decode(value["base64"].as_str()?).ok()?)),
    })
}

struct Lines<'a, R> {
    from: &'a mut R,
    number: u64,
}

impl<R: BufRead> Lines<'_, R> {
    fn next(&mut self) -> Result<Option<Json>> {
        let mut text = String::new();
        self.number += 1;
        if self.from.read_line(&mut text).map_err(|error| file(&error))? == 0 {
            return Ok(None);
        }
        let parsed =
            serde_json::from_str(&text).map_err(|_| wrong(&format!("line {} is no JSON", self.number)))?;
        Ok(Some(parsed))
    }
}

fn line(to: &mut impl Write, value: &Json) -> Result<()> {
    writeln!(to, "{value}").map_err(|error| file(&error))
}

fn file(error: &std::io::Error) -> Error {
    Error::Unexpected(format!("the backup's file: {error}"))
}

fn wrong(what: &str) -> Error {
    Error::rule("bad_backup", format!("This file cannot be restored: {what}."))
}

fn at(line: u64, error: &Error) -> Error {
    Error::rule("bad_backup", format!("This file cannot be restored: line {line}: {error}"))
}
