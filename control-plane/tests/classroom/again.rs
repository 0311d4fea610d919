//! What was said is said again to who may have missed it.

use control_plane::config::Secret;
use control_plane_api::key;
use serde_json::{Value, json};

use crate::both::both;
use crate::school::{School, edge, node, presence};

both!(a_room_whose_people_moved_to_another_edge_hears_its_version_again);

async fn a_room_whose_people_moved_to_another_edge_hears_its_version_again(database: Secret) {
    let school = School::start(database).await;
    let quiz = school.quiz().await;
    school.ask("teacher", "POST", &format!("/quizzes/{quiz}/open"), &Value::Null).await;
    school.word("quiz").await;
    // Whoever comes while nothing is lost: the word is heard, and all that went before has been said.
    school
        .put(key::presence("ink", "jeju-edge"), json!(presence("jeju-edge", &["teacher", "minji", "jisu"])))
        .await;
    school.word("changed").await;
    school.calls.lock().clear();

    // Minji's edge is lost and she goes on at another; the near one takes words at once, before it has its links.
    let busan = node("busan-edge", &edge(school.calls.clone()).await);
    school.put(key::node(&busan.id), json!(busan)).await;
    school.put(key::presence("ink", "jeju-edge"), json!(presence("jeju-edge", &["teacher"]))).await;
    school.put(key::presence("ink", "busan-edge"), json!(presence("busan-edge", &["minji"]))).await;
    let (word, to) = school.word("changed").await;
    assert_eq!(
        (&word, &to),
        (&json!({"v": 1, "kind": "changed"}), &json!([])),
        "to everybody, with no news in it"
    );
    let said = school.words();
    assert!(said.len() <= 2 && said.iter().all(|(word, _)| word["kind"] == "changed"), "{said:?}");
    assert_eq!(
        school.ask("minji", "GET", "/live", &Value::Null).await.1["v"],
        1,
        "saying it changes nothing"
    );
}
