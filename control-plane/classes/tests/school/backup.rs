//! A backup of either engine is read by either engine.

use control_plane_classes::backup::{dump, restore};
use control_plane_classes::catalogue::{enrolment, materials};
use control_plane_classes::people::{Role, session};
use control_plane_classes::{Sql as _, args};

use crate::both::{School, both};
use crate::catalogue::class;
use crate::people::{NOW, account};

both!(
    a_backup_moves_between_engines_and_half_of_one_is_refused,
    others_write_while_a_backup_is_made,
    a_large_table_without_a_key_comes_whole,
);

/// A file that takes nothing more from some byte on, until it is allowed to.
struct Slow {
    written: usize,
    reached: Option<std::sync::mpsc::Sender<()>>,
    go_on: std::sync::mpsc::Receiver<()>,
}

impl std::io::Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.written += bytes.len();
        if let Some(reached) = self.reached.take_if(|_| self.written > 1_000) {
            reached.send(()).expect("somebody waits");
            self.go_on.recv().expect("somebody says so");
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn others_write_while_a_backup_is_made(school: School) {
    let database = school.database.clone();
    for number in 0..50 {
        account(&database, &format!("s{number}"), Role::Student).await;
    }
    let (reached, waits) = std::sync::mpsc::channel();
    let (go, go_on) = std::sync::mpsc::channel();
    let runtime = tokio::runtime::Handle::current();
    let dumped = {
        let database = database.clone();
        tokio::task::spawn_blocking(move || {
            let mut file = Slow { written: 0, reached: Some(reached), go_on };
            runtime.block_on(dump(&database, &mut file))
        })
    };
    tokio::task::spawn_blocking(move || waits.recv()).await.expect("no panic").expect("it has begun");
    let wrote =
        tokio::time::timeout(std::time::Duration::from_secs(8), account(&database, "late", Role::Student));
    let wrote = wrote.await.is_ok();
    go.send(()).expect("it waits");
    let rows = dumped.await.expect("no panic").expect("dumped");
    assert!(wrote, "nobody can write while the file takes nothing");
    assert_eq!(rows, 50, "as it was at the beginning");
}

async fn a_large_table_without_a_key_comes_whole(school: School) {
    let database = &school.database;
    let one = account(database, "minji", Role::Student).await;
    class(database, "ink", serde_json::json!({})).await;
    let text = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) \
        INSERT INTO watched (class_id, account_id, room_sid, event, from_ms, to_ms, at_ms) \
        SELECT 'ink', $1, 'RM_1', 'play', i % 10, i % 7, i % 1000 FROM n";
    database.execute(text, args![&one.id]).await.expect("inserted");
    let mut file = Vec::new();
    assert_eq!(dump(database, &mut file).await.expect("dumped"), 50_002);
    let target = School::on_sqlite().await;
    assert_eq!(restore(&target.database, &mut &file[..]).await.expect("restored"), 50_002);
}

async fn a_backup_moves_between_engines_and_half_of_one_is_refused(school: School) {
    let database = &school.database;
    let one = account(database, "minji", Role::Student).await;
    class(database, "ink", serde_json::json!({"title": "붓글씨 \"; \u{1f600}", "capacity": 3})).await;
    enrolment::enrol(database, "ink", &one.id, NOW).await.expect("enrolled");
    let bytes: Vec<u8> = (0..2_500_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    materials::add(database, "ink", "a.bin", materials::New::File(&bytes), NOW).await.expect("added");
    let session = session::start(database, &one.id, NOW).await.expect("begun");
    let mut first = Vec::new();
    let rows = dump(database, &mut first).await.expect("dumped");
    assert!(rows >= 7, "{rows}");

    for target in [Some(School::on_sqlite().await), School::on_postgres().await].into_iter().flatten() {
        let half = &first[..first.len() * 2 / 3];
        assert!(restore(&target.database, &mut &half[..]).await.is_err(), "cut off");
        let whole_but_end = first.len() - 10;
        assert!(restore(&target.database, &mut &first[..whole_but_end]).await.is_err(), "its end is missing");
        assert_eq!(restore(&target.database, &mut &first[..]).await.expect("restored"), rows);
        let mut again = Vec::new();
        dump(&target.database, &mut again).await.expect("dumped");
        assert!(first == again, "what comes out is what went in");
        assert!(session::find(&target.database, &session.token, NOW).await.expect("read").is_some());
        let refused = restore(&target.database, &mut &first[..]).await.expect_err("not empty");
        assert_eq!(refused.code(), Some("not_empty"));
    }
}
