//! One answer of a batch that the database cannot take spoils no other.

use control_plane_classes::classroom::answers::{Submission, take};
use control_plane_classes::people::Role;
use control_plane_classes::{Sql as _, args};

use crate::both::{School, both};
use crate::classroom::{account, answer, open_quiz, scene};

both!(
    impossible_ids_are_refused_and_their_neighbours_stored,
    an_answer_the_database_refuses_stands_alone,
    a_text_with_the_code_0_is_refused_on_either_engine,
);

async fn impossible_ids_are_refused_and_their_neighbours_stored(school: School) {
    let database = scene(&school).await;
    let quiz = open_quiz(database, None).await;
    let batch = [
        answer(&quiz, "u-1", "minji", "a"),
        answer("\0", "u-2", "jisu", "a"),
        answer(&quiz, "u\0", "jisu", "a"),
        answer(&quiz, "\u{fffd}", "jisu", "a"),
        answer(&quiz, "u-3", "jisu", "b"),
    ];
    let taken = take(database, &batch).await.expect("the database is there");
    let codes: Vec<_> =
        taken.iter().map(|one| one.as_ref().map_or_else(|error| error.code(), |_| None)).collect();
    assert_eq!(codes, [None, Some("quiz_not_found"), Some("invalid"), Some("invalid"), None]);
    assert!(taken[0].is_ok() && taken[4].is_ok());
    let alone = take(database, &batch[1..2]).await.expect("the database is there");
    assert_eq!(alone[0].as_ref().expect_err("refused").code(), Some("quiz_not_found"));
}

async fn an_answer_the_database_refuses_stands_alone(school: School) {
    let database = scene(&school).await;
    let quiz = open_quiz(database, None).await;
    for index in 0..40 {
        account(database, &format!("s{index}")).await;
    }
    let mut batch: Vec<Submission> =
        (0..40).map(|index| answer(&quiz, &format!("u-{index}"), &format!("s{index}"), "a")).collect();
    // No such account: the row cannot be written.
    batch[17].account = "nobody".into();
    let taken = take(database, &batch).await.expect("the database is there");
    let refused: Vec<usize> = (0..taken.len()).filter(|index| taken[*index].is_err()).collect();
    assert_eq!((taken.len(), refused), (40, vec![17]));
    let rows =
        database.row("SELECT COUNT(*) FROM quiz_answers", args![]).await.expect("read").expect("a row");
    assert_eq!(rows.int(0).ok(), Some(39));
}

async fn a_text_with_the_code_0_is_refused_on_either_engine(school: School) {
    let database = &school.database;
    let one = crate::people::account(database, "minji", Role::Student).await;
    let refused = database.row("SELECT 1 FROM accounts WHERE id = $1", args!["a\0"]).await;
    assert_eq!(refused.expect_err("no text").code(), Some("invalid"));
    let refused =
        database.execute("UPDATE accounts SET region = $2 WHERE id = $1", args![&one.id, "\0"]).await;
    assert_eq!(refused.expect_err("no text").code(), Some("invalid"));
}
