//! The layer itself: values, transactions under contention, migrations by several processes.

use control_plane_classes::{Database, Error, Sql as _, args, transaction};

use crate::both::{School, both};

both!(
    values_come_back_as_they_went_in,
    transactions_that_collide_are_all_done,
    a_transaction_that_fails_leaves_nothing,
    several_processes_open_at_once,
);

async fn values_come_back_as_they_went_in(school: School) {
    let sql = &school.database;
    sql.execute("CREATE TABLE things (i BIGINT, t TEXT, b BYTEA, r DOUBLE PRECISION)", args![])
        .await
        .expect("created");
    let text = "붓글씨 '; DROP TABLE things; --";
    let insert = "INSERT INTO things (i, t, b, r) VALUES ($1, $2, $3, $4)";
    sql.execute(insert, args![i64::MIN, text, vec![0_u8, 255], 0.5]).await.expect("inserted");
    let nulls = args![None::<i64>, None::<String>, None::<Vec<u8>>, None::<f64>];
    sql.execute(insert, nulls).await.expect("nulls of every kind");
    let rows = sql.rows("SELECT i, t, b, r, COUNT(*) OVER () FROM things WHERE t = $1 OR t IS NULL OR t = $1 ORDER BY r IS NULL", args![text]);
    let rows = rows.await.expect("read");
    assert_eq!((rows[0].int(0).ok(), rows[0].text(1).ok().as_deref()), (Some(i64::MIN), Some(text)));
    assert_eq!(
        (rows[0].bytes(2).ok(), rows[0].real(3).ok(), rows[0].int(4).ok()),
        (Some(vec![0, 255]), Some(0.5), Some(2))
    );
    assert_eq!((rows[1].int_or_null(0).ok(), rows[1].text_or_null(1).ok()), (Some(None), Some(None)));
    assert!(rows[1].int(0).is_err() && rows[0].int(1).is_err() && rows[0].int(9).is_err());
}

async fn transactions_that_collide_are_all_done(school: School) {
    let database = &school.database;
    database
        .execute("CREATE TABLE counters (id TEXT PRIMARY KEY, n BIGINT NOT NULL)", args![])
        .await
        .expect("created");
    database.execute("INSERT INTO counters VALUES ('a', 0)", args![]).await.expect("inserted");
    let add = |database: Database| async move {
        transaction!(database, tx => {
            tx.lock("counter", "a").await?;
            let row = tx.row("SELECT n FROM counters WHERE id = 'a'", args![]).await?;
            let n = row.map_or(Ok(0), |row| row.int(0))?;
            tx.execute("UPDATE counters SET n = $1 WHERE id = 'a'", args![n + 1]).await?;
            Ok(())
        })
    };
    let all: Vec<_> = (0..50).map(|_| tokio::spawn(add(database.clone()))).collect();
    for one in all {
        one.await.expect("no panic").expect("committed");
    }
    let row = database.row("SELECT n FROM counters", args![]).await.expect("read").expect("one");
    assert_eq!(row.int(0).ok(), Some(50));
}

async fn a_transaction_that_fails_leaves_nothing(school: School) {
    let database = &school.database;
    database.execute("CREATE TABLE notes (id TEXT PRIMARY KEY)", args![]).await.expect("created");
    let failed: control_plane_classes::Result<()> = transaction!(database, tx => {
        tx.execute("INSERT INTO notes VALUES ('a')", args![]).await?;
        Err(Error::rule("no", "No."))
    });
    assert_eq!(failed.expect_err("refused").code(), Some("no"));
    let twice: control_plane_classes::Result<()> = transaction!(database, tx => {
        tx.execute("INSERT INTO notes VALUES ('b')", args![]).await?;
        tx.execute("INSERT INTO notes VALUES ('b')", args![]).await?;
        Ok(())
    });
    assert!(twice.expect_err("a duplicate").is_duplicate());
    let left = database.row("SELECT COUNT(*) FROM notes", args![]).await.expect("read").expect("one");
    assert_eq!(left.int(0).ok(), Some(0));
}

async fn several_processes_open_at_once(school: School) {
    // Back to before the first start.
    let tables = school.database.rows("SELECT name FROM migrations", args![]).await.expect("migrated");
    assert!(tables.len() >= 2);
    let place = match &school.place {
        control_plane_classes::database::Place::File(file) => {
            control_plane_classes::database::Place::File(file.with_file_name("other.db"))
        }
        postgres @ control_plane_classes::database::Place::Postgres(_) => {
            let schema = "DROP SCHEMA public CASCADE";
            school.database.execute(schema, args![]).await.expect("dropped");
            school.database.execute("CREATE SCHEMA public", args![]).await.expect("made");
            postgres.clone()
        }
    };
    let opened: Vec<_> = (0..4)
        .map(|_| {
            let place = place.clone();
            tokio::spawn(async move { Database::open(&place).await })
        })
        .collect();
    for one in opened {
        let database = one.await.expect("no panic").expect("opens");
        database.ping().await.expect("answers");
    }
    let database = Database::open(&place).await.expect("again");
    database
        .execute("INSERT INTO migrations (name) VALUES ('9999_tomorrow')", args![])
        .await
        .expect("a newer version");
    let refused = Database::open(&place).await.expect_err("made by a newer version");
    assert!(refused.to_string().contains("9999_tomorrow"), "{refused}");
}
