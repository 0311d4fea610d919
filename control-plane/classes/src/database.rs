//! One thin layer over SQLite and PostgreSQL: the same SQL text, values of four kinds, transactions that are tried again.
//!
//! ```text
//!   Database --execute | rows | row--> a connection of the pool, at once durable
//!            --transaction!--> Tx --execute | rows | row--> commit, or all of it again
//! ```

use std::path::PathBuf;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tokio::sync::Mutex;

use crate::{Error, Result};

mod migrate;
mod run;
mod transaction;
mod value;

pub(crate) use migrate::tables;
pub use transaction::{Attempts, Ended, Tx};
pub use value::{Row, Value, placeholders};

/// Readers of a SQLite file at once; there is one writer.
const SQLITE_CONNECTIONS_MAX: u32 = 8;
/// Connections of one control plane to PostgreSQL: its default takes 100 in all.
const POSTGRES_CONNECTIONS_MAX: u32 = 16;
/// A request waits this long for a connection or a lock before it fails.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Which database it is. SQL that must differ asks this; nearly none must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file on this machine.
    Sqlite,
    /// A server, for several control planes.
    Postgres,
}

/// Where the data is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// This file, made when it is not there.
    File(PathBuf),
    /// `postgres://user:password@host/database?sslmode=verify-full&sslrootcert=…`
    Postgres(String),
}

/// The database. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Database {
    pool: Pool,
    /// SQLite lets one write at a time and makes the others poll; here they queue up instead.
    writer: Arc<Mutex<()>>,
}

#[derive(Clone, Debug)]
enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Statements, on the database or inside a transaction.
pub trait Sql: Send + Sync {
    /// Which database it is.
    fn engine(&self) -> Engine;

    /// Runs a statement; how many rows it changed.
    fn execute(&self, sql: &str, values: Vec<Value>) -> impl Future<Output = Result<u64>> + Send;

    /// All rows of the answer. Whoever asks puts a `LIMIT`.
    fn rows(&self, sql: &str, values: Vec<Value>) -> impl Future<Output = Result<Vec<Row>>> + Send;

    /// The first row of the answer.
    fn row(&self, sql: &str, values: Vec<Value>) -> impl Future<Output = Result<Option<Row>>> + Send;
}

impl Database {
    /// Opens the database and brings its tables up to this version. Several processes may do so at once.
    ///
    /// # Errors
    /// It cannot be reached or opened, or a newer version has been at work on it.
    pub async fn open(place: &Place) -> Result<Self> {
        let pool = match place {
            Place::File(file) => Pool::Sqlite(open_file(file).await?),
            Place::Postgres(url) => {
                let options = PgConnectOptions::from_str(url)?.application_name("seodang");
                let pool = PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS_MAX);
                Pool::Postgres(pool.acquire_timeout(WAIT_MAX).connect_with(options).await?)
            }
        };
        let database = Self { pool, writer: Arc::default() };
        migrate::run(&database).await?;
        Ok(database)
    }

    /// Whether it answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<()> {
        self.row("SELECT 1", Vec::new()).await.map(|_| ())
    }

    /// Lets go of all connections, after what runs on them has ended.
    pub async fn close(&self) {
        match &self.pool {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}

async fn open_file(file: &std::path::Path) -> Result<SqlitePool> {
    if let Some(directory) = file.parent() {
        std::fs::create_dir_all(directory).map_err(|error| {
            Error::Unexpected(format!("directory {} cannot be made: {error}", directory.display()))
        })?;
    }
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // What was answered with yes is on the disk, also after a power cut.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(WAIT_MAX);
    let mut attempts = Attempts::default();
    loop {
        let pool = SqlitePoolOptions::new().max_connections(SQLITE_CONNECTIONS_MAX).acquire_timeout(WAIT_MAX);
        let error = match pool.connect_with(options.clone()).await {
            Ok(pool) => return Ok(pool),
            Err(error) => error.into(),
        };
        // Whoever turns to WAL while another process does is told BUSY at once, without the timeout.
        if let Ended::For(result) = attempts.again(error).await {
            return result;
        }
    }
}

impl Sql for Database {
    fn engine(&self) -> Engine {
        match self.pool {
            Pool::Sqlite(_) => Engine::Sqlite,
            Pool::Postgres(_) => Engine::Postgres,
        }
    }

    async fn execute(&self, sql: &str, values: Vec<Value>) -> Result<u64> {
        match &self.pool {
            Pool::Sqlite(pool) => {
                let _turn = self.writer.lock().await;
                run::sqlite_execute(pool, sql, values).await
            }
            Pool::Postgres(pool) => run::postgres_execute(pool, sql, values).await,
        }
    }

    async fn rows(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>> {
        match &self.pool {
            Pool::Sqlite(pool) => run::sqlite_rows(pool, sql, values).await,
            Pool::Postgres(pool) => run::postgres_rows(pool, sql, values).await,
        }
    }

    async fn row(&self, sql: &str, values: Vec<Value>) -> Result<Option<Row>> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }
}
