//! Statements to either engine, and rows back.

use futures_util::TryStreamExt as _;
use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};
use sqlx::{Column as _, Decode, Executor, Row as _, TypeInfo as _, ValueRef as _};

use super::{Row, Value};
use crate::{Error, Result};

pub(super) async fn sqlite_execute<'c>(
    on: impl Executor<'c, Database = Sqlite>,
    sql: &str,
    values: Vec<Value>,
) -> Result<u64> {
    Ok(sqlite(sql, sound(values)?).execute(on).await?.rows_affected())
}

pub(super) async fn sqlite_rows<'c>(
    on: impl Executor<'c, Database = Sqlite>,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<Row>> {
    sqlite(sql, sound(values)?).fetch_all(on).await?.iter().map(sqlite_row).collect()
}

pub(super) async fn sqlite_each<'c>(
    on: impl Executor<'c, Database = Sqlite>,
    sql: &str,
    values: Vec<Value>,
    mut take: impl FnMut(Row) -> Result<()> + Send,
) -> Result<()> {
    let mut rows = sqlite(sql, sound(values)?).fetch(on);
    while let Some(row) = rows.try_next().await? {
        take(sqlite_row(&row)?)?;
    }
    Ok(())
}

pub(super) async fn postgres_each<'c>(
    on: impl Executor<'c, Database = Postgres>,
    sql: &str,
    values: Vec<Value>,
    mut take: impl FnMut(Row) -> Result<()> + Send,
) -> Result<()> {
    let mut rows = postgres(sql, sound(values)?).fetch(on);
    while let Some(row) = rows.try_next().await? {
        take(postgres_row(&row)?)?;
    }
    Ok(())
}

pub(super) async fn postgres_execute<'c>(
    on: impl Executor<'c, Database = Postgres>,
    sql: &str,
    values: Vec<Value>,
) -> Result<u64> {
    Ok(postgres(sql, sound(values)?).execute(on).await?.rows_affected())
}

pub(super) async fn postgres_rows<'c>(
    on: impl Executor<'c, Database = Postgres>,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<Row>> {
    postgres(sql, sound(values)?).fetch_all(on).await?.iter().map(postgres_row).collect()
}

/// PostgreSQL holds no text with the character of code 0; so neither engine gets one, and whoever sent it is told.
fn sound(values: Vec<Value>) -> Result<Vec<Value>> {
    let has_nul = |value: &Value| matches!(value, Value::Text(Some(text)) if text.contains('\0'));
    if values.iter().any(has_nul) {
        return Err(Error::rule("invalid", "A text has the character of code 0. Take it out."));
    }
    Ok(values)
}

fn sqlite(sql: &str, values: Vec<Value>) -> Query<'_, Sqlite, SqliteArguments<'_>> {
    values.into_iter().fold(sqlx::query(sql), |query, value| match value {
        Value::Int(value) => query.bind(value),
        Value::Real(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
    })
}

fn postgres(sql: &str, values: Vec<Value>) -> Query<'_, Postgres, PgArguments> {
    values.into_iter().fold(sqlx::query(sql), |query, value| match value {
        Value::Int(value) => query.bind(value),
        Value::Real(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
    })
}

/// SQLite's values have kinds, its columns do not.
fn sqlite_row(row: &SqliteRow) -> Result<Row> {
    let value = |index: usize| -> Result<Value> {
        let raw = row.try_get_raw(index)?;
        if raw.is_null() {
            return Ok(Value::Text(None));
        }
        let kind = raw.type_info().name().to_owned();
        Ok(match kind.as_str() {
            "INTEGER" | "BIGINT" | "BOOLEAN" | "INT4" => {
                Value::Int(Some(decoded(<i64 as Decode<'_, Sqlite>>::decode(raw))?))
            }
            "REAL" => Value::Real(Some(decoded(<f64 as Decode<'_, Sqlite>>::decode(raw))?)),
            "BLOB" => Value::Bytes(Some(decoded(<Vec<u8> as Decode<'_, Sqlite>>::decode(raw))?)),
            "TEXT" => Value::Text(Some(decoded(<String as Decode<'_, Sqlite>>::decode(raw))?)),
            other => return Err(unknown(row.column(index).name(), other)),
        })
    };
    (0..row.len()).map(value).collect::<Result<_>>().map(Row)
}

fn postgres_row(row: &PgRow) -> Result<Row> {
    let value = |index: usize| -> Result<Value> {
        let kind = row.column(index).type_info().name();
        Ok(match kind {
            "INT8" => Value::Int(row.try_get(index)?),
            "INT4" => Value::Int(row.try_get::<Option<i32>, _>(index)?.map(i64::from)),
            "BOOL" => Value::Int(row.try_get::<Option<bool>, _>(index)?.map(i64::from)),
            "FLOAT8" => Value::Real(row.try_get(index)?),
            "FLOAT4" => Value::Real(row.try_get::<Option<f32>, _>(index)?.map(f64::from)),
            "TEXT" | "VARCHAR" | "NAME" | "UNKNOWN" => Value::Text(row.try_get(index)?),
            "BYTEA" => Value::Bytes(row.try_get(index)?),
            other => return Err(unknown(row.column(index).name(), other)),
        })
    };
    (0..row.len()).map(value).collect::<Result<_>>().map(Row)
}

fn decoded<T>(value: std::result::Result<T, sqlx::error::BoxDynError>) -> Result<T> {
    value.map_err(|error| Error::Database(sqlx::Error::Decode(error)))
}

fn unknown(column: &str, kind: &str) -> Error {
    Error::Unexpected(format!(
        "column {column} is of kind {kind}: CAST it to BIGINT, TEXT or DOUBLE PRECISION"
    ))
}
