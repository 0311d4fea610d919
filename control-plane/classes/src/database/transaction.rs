//! Transactions, and trying them again when another one was in the way.
//!
//! On SQLite a transaction is the only writer from its start on. On PostgreSQL each statement sees what was committed before
//! it (read committed), so whoever decides over what it has read takes [`Tx::lock`] first; SQLite has that lock already.

use std::time::Duration;

use sqlx::{Postgres, Sqlite, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{Database, Engine, Pool, Row, Sql, Value, run};
use crate::{Error, Result, args};

/// After this many collisions something else is wrong.
const ATTEMPTS_MAX: u32 = 8;
/// First pause after a collision; it doubles, with chance in it.
const PAUSE: Duration = Duration::from_millis(5);

/// A transaction. Without [`Tx::commit`] nothing of it happened.
#[derive(Debug)]
pub struct Tx {
    // The lock lets a transaction be used through `&self`, as the database is.
    open: Mutex<Open>,
    engine: Engine,
    _turn: Option<OwnedMutexGuard<()>>,
}

#[derive(Debug)]
enum Open {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Database {
    /// Starts a transaction. [`crate::transaction!`] also tries again and commits.
    ///
    /// # Errors
    /// The database is away.
    pub async fn begin(&self) -> Result<Tx> {
        let (open, turn) = match &self.pool {
            Pool::Sqlite(pool) => {
                let turn = self.writer.clone().lock_owned().await;
                (Open::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?), Some(turn))
            }
            Pool::Postgres(pool) => (Open::Postgres(pool.begin().await?), None),
        };
        Ok(Tx { open: Mutex::new(open), engine: self.engine(), _turn: turn })
    }

    /// Starts a transaction that only reads, and sees all tables as they are at one moment. Nobody waits for it.
    ///
    /// # Errors
    /// The database is away.
    pub async fn snapshot(&self) -> Result<Tx> {
        let open = match &self.pool {
            // Deferred: it takes no lock, and reads what was committed before its first statement.
            Pool::Sqlite(pool) => Open::Sqlite(pool.begin().await?),
            Pool::Postgres(pool) => Open::Postgres(pool.begin().await?),
        };
        let tx = Tx { open: Mutex::new(open), engine: self.engine(), _turn: None };
        if tx.engine == Engine::Postgres {
            tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY", args![]).await?;
        }
        Ok(tx)
    }
}

impl Tx {
    /// Until the end of this transaction no other one gets the lock of this name, on any control plane.
    ///
    /// # Errors
    /// The database is away.
    pub async fn lock(&self, what: &str, id: &str) -> Result<()> {
        match self.engine {
            Engine::Sqlite => Ok(()),
            Engine::Postgres => {
                let sql = "SELECT CAST(pg_advisory_xact_lock(hashtextextended($1, 0)) AS TEXT)";
                self.rows(sql, args![format!("{what}/{id}")]).await.map(|_| ())
            }
        }
    }

    /// Makes it all true.
    ///
    /// # Errors
    /// The database is away or another transaction was in the way: nothing happened.
    pub async fn commit(self) -> Result<()> {
        match self.open.into_inner() {
            Open::Sqlite(transaction) => transaction.commit().await?,
            Open::Postgres(transaction) => transaction.commit().await?,
        }
        Ok(())
    }
}

impl Tx {
    /// Gives the rows of an answer to `take` one after another as they come, however many there are.
    ///
    /// # Errors
    /// The database is away, or `take` says so.
    pub async fn each(
        &self,
        sql: &str,
        values: Vec<Value>,
        take: impl FnMut(Row) -> Result<()> + Send,
    ) -> Result<()> {
        match &mut *self.open.lock().await {
            Open::Sqlite(transaction) => run::sqlite_each(&mut **transaction, sql, values, take).await,
            Open::Postgres(transaction) => run::postgres_each(&mut **transaction, sql, values, take).await,
        }
    }
}

impl Sql for Tx {
    fn engine(&self) -> Engine {
        self.engine
    }

    async fn execute(&self, sql: &str, values: Vec<Value>) -> Result<u64> {
        match &mut *self.open.lock().await {
            Open::Sqlite(transaction) => run::sqlite_execute(&mut **transaction, sql, values).await,
            Open::Postgres(transaction) => run::postgres_execute(&mut **transaction, sql, values).await,
        }
    }

    async fn rows(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>> {
        match &mut *self.open.lock().await {
            Open::Sqlite(transaction) => run::sqlite_rows(&mut **transaction, sql, values).await,
            Open::Postgres(transaction) => run::postgres_rows(&mut **transaction, sql, values).await,
        }
    }

    async fn row(&self, sql: &str, values: Vec<Value>) -> Result<Option<Row>> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }
}

/// How often a transaction was tried.
#[derive(Debug, Default)]
pub struct Attempts(u32);

/// How an attempt ended.
#[derive(Debug)]
pub enum Ended<T> {
    /// Committed, or refused for good.
    For(Result<T>),
    /// Another transaction was in the way.
    Again,
}

impl Attempts {
    /// Commits what went well, and says whether to try again what did not.
    pub async fn end<T>(&mut self, tx: Tx, result: Result<T>) -> Ended<T> {
        let result = match result {
            Ok(value) => tx.commit().await.map(|()| value),
            Err(error) => {
                // Before the pause: what it holds is what the others wait for.
                drop(tx);
                Err(error)
            }
        };
        match result {
            Err(error) => self.again(error).await,
            result => Ended::For(result),
        }
    }

    /// Waits a little if the same may succeed next time.
    pub async fn again<T>(&mut self, error: Error) -> Ended<T> {
        self.0 += 1;
        if self.0 >= ATTEMPTS_MAX || !error.is_conflict_of_transactions() {
            return Ended::For(Err(error));
        }
        let chance = f64::from(rand::random::<u16>()) / f64::from(u16::MAX);
        tokio::time::sleep(PAUSE.mul_f64(f64::from(1_u32 << self.0) * (0.5 + chance))).await;
        Ended::Again
    }
}

/// Runs the body in a transaction, commits when it is `Ok`, and runs it all again when another transaction was in the way: so
/// the body does nothing but SQL. Its value is a [`crate::Result`]; `?` in the body ends the body.
///
/// ```ignore
/// let position = transaction!(database, tx => {
///     tx.lock("class", id).await?;
///     let taken = tx.row("SELECT COUNT(*) FROM enrolments WHERE class_id = $1", args![id]).await?;
///     Ok(taken)
/// })?;
/// ```
#[macro_export]
macro_rules! transaction {
    ($database:expr, $tx:ident => $body:block) => {{
        let mut attempts = $crate::database::Attempts::default();
        loop {
            let ended = match $database.begin().await {
                Ok($tx) => {
                    let result: $crate::Result<_> = async { $body }.await;
                    attempts.end($tx, result).await
                }
                Err(error) => attempts.again(error).await,
            };
            if let $crate::database::Ended::For(result) = ended {
                break result;
            }
        }
    }};
}
