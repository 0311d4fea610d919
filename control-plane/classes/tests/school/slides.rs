//! Slides, on both engines: what belongs to one lesson, and whose they are.

use control_plane_classes::classroom::slides::{Show, present, show, take_away};
use control_plane_classes::classroom::timeline::{Life, entries};
use control_plane_classes::classroom::{ERASE, Moment};
use control_plane_classes::{Database, Sql as _};

use crate::both::{School, both};
use crate::classroom::{NOW, account, class};

both!(a_slide_belongs_to_its_lesson, what_a_student_showed_goes_with_her);

fn lesson(sid: &str, now_ms: u64) -> Moment {
    Moment { now_ms, room: Some((sid.into(), NOW)) }
}

async fn shown(database: &Database, who: &str, page: u32, moment: &Moment) -> Option<u64> {
    let wanted = Show { page, title: Some(format!("{page}쪽")), material: None };
    show(database, "ink", Some(who), &wanted, moment).await.expect("shown").1
}

/// Pages by class time, 0 where the slide was taken away.
async fn told(database: &Database, sid: &str) -> Vec<(u64, u64)> {
    let life = Life { class: "ink", room_sid: sid, started_at_ms: NOW, ended_at_ms: NOW + 10_000 };
    let entries = entries(database, &life, None, NOW).await.expect("read");
    entries.iter().map(|entry| (entry.at_ms, entry.data["page"].as_u64().unwrap_or_default())).collect()
}

async fn a_slide_belongs_to_its_lesson(school: School) {
    let database = &school.database;
    account(database, "teacher").await;
    class(database, "ink", "teacher").await;
    assert_eq!(shown(database, "teacher", 1, &lesson("RM_1", NOW + 1_000)).await, Some(1));
    assert_eq!(
        shown(database, "teacher", 1, &lesson("RM_1", NOW + 2_000)).await,
        None,
        "it is shown already"
    );
    assert_eq!(
        shown(database, "teacher", 1, &lesson("RM_2", NOW + 3_000)).await,
        Some(2),
        "in the next one it is not"
    );
    let none =
        take_away(database, "ink", Some("teacher"), &lesson("RM_1", NOW + 4_000)).await.expect("taken away");
    assert_eq!(none.map(|changed| changed.v), Some(3));
    assert_eq!(take_away(database, "ink", None, &lesson("RM_1", NOW + 5_000)).await.expect("none"), None);
    assert_eq!(present(database, "ink", Some("RM_1")).await.expect("read"), None);
    assert_eq!(present(database, "ink", None).await.expect("read"), None);
    let next = present(database, "ink", Some("RM_2")).await.expect("read").expect("shown");
    assert_eq!((next.page, next.title.as_str(), next.minute_ms), (1, "1쪽", Some(3_000)));
    assert_eq!(told(database, "RM_1").await, [(1_000, 1), (4_000, 0)]);
    assert_eq!(told(database, "RM_2").await, [(3_000, 1)]);
}

async fn what_a_student_showed_goes_with_her(school: School) {
    let database = &school.database;
    for id in ["teacher", "minji"] {
        account(database, id).await;
    }
    class(database, "ink", "teacher").await;
    shown(database, "teacher", 1, &lesson("RM_1", NOW + 1_000)).await;
    shown(database, "minji", 2, &lesson("RM_1", NOW + 2_000)).await;
    for who in ["minji", "teacher"] {
        for statement in ERASE {
            database.execute(statement, control_plane_classes::args![who]).await.expect("erased");
        }
    }
    assert_eq!(told(database, "RM_1").await, [(1_000, 1)], "the class's own stay");
}
