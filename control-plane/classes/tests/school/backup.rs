//! A backup of either engine is read by either engine.

use control_plane_classes::backup::{dump, restore};
use control_plane_classes::catalogue::{enrolment, materials};
use control_plane_classes::people::{Role, session};

use crate::both::{School, both};
use crate::catalogue::class;
use crate::people::{NOW, account};

both!(a_backup_moves_between_engines_and_half_of_one_is_refused);

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
