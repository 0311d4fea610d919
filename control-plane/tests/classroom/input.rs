//! Input that does not fit.

use control_plane::config::Secret;
use control_plane_classes::{Sql as _, args};
use http::StatusCode;
use serde_json::{Value, json};

use crate::both::both;
use crate::school::School;

both!(
    input_that_does_not_fit_is_refused_and_changes_nothing,
    the_code_0_is_refused_in_paths_queries_and_texts,
);

async fn the_code_0_is_refused_in_paths_queries_and_texts(database: Secret) {
    let school = School::start(database).await;
    let quiz = school.quiz().await;
    let answers = json!({"answers": {}, "answered_at_ms": 1});
    let bad = (400, "bad_request".to_owned());
    for (method, path, body) in [
        ("PUT", "/quizzes/%00/answers/u-1".to_owned(), answers.clone()),
        ("PUT", format!("/quizzes/{quiz}/answers/%00"), answers),
        ("GET", "/v1/classes/%00".to_owned(), Value::Null),
        ("GET", "/v1/classes?category=%00".to_owned(), Value::Null),
        ("GET", "/v1/me/notifications?cursor=1~%00".to_owned(), Value::Null),
    ] {
        assert_eq!(school.refused("minji", method, &path, &body).await, bad, "{method} {path}");
    }
    let until = json!({"until": "\u{0}"});
    let refused = school.refused("minji", "PUT", "/v1/me/notifications/read", &until).await;
    assert_eq!(refused, (422, "invalid".to_owned()));
    // A backslash before `u0000` is text.
    let said = json!({"id": "m-1", "text": "a\\u0000"});
    assert_eq!(school.ask("minji", "POST", "/chat", &said).await.0, StatusCode::OK);
}

async fn input_that_does_not_fit_is_refused_and_changes_nothing(database: Secret) {
    let school = School::start(database).await;
    let quiz = school.quiz().await;
    school.ask("teacher", "POST", &format!("/quizzes/{quiz}/open"), &Value::Null).await;
    let answer = format!("/quizzes/{quiz}/answers/u-1");
    let now_ms = control_plane_agent::unix_time_ms();
    let script = "<img src=x onerror=alert(1)>'; DROP TABLE chat; --";
    let said = school.ask("minji", "POST", "/chat", &json!({"id": "m-1", "text": script})).await;
    assert_eq!((said.0, &said.1["text"]), (StatusCode::OK, &json!(script)), "text is text");
    let cases = [
        ("POST", "/chat", json!({"id": "m-2", "text": "가".repeat(1_001)}), 422, "invalid"),
        ("POST", "/chat", json!({"id": "m-2", "text": "  "}), 422, "invalid"),
        ("POST", "/chat", json!({"id": "m-2", "text": "a\u{0}"}), 422, "invalid"),
        ("POST", "/chat", json!({"id": "../m", "text": "a"}), 422, "invalid"),
        ("POST", "/chat", json!({"id": "m-2", "text": "a", "from": "teacher"}), 400, "bad_request"),
        (
            "PUT",
            answer.as_str(),
            json!({"answers": {"one": ["가".repeat(201)]}, "answered_at_ms": now_ms}),
            422,
            "invalid",
        ),
        (
            "PUT",
            answer.as_str(),
            json!({"answers": {"two": ["a"]}, "answered_at_ms": now_ms}),
            422,
            "invalid",
        ),
        (
            "PUT",
            answer.as_str(),
            json!({"answers": {"one": ["a"]}, "answered_at_ms": -1}),
            400,
            "bad_request",
        ),
        (
            "PUT",
            "/quizzes/none/answers/u-1",
            json!({"answers": {}, "answered_at_ms": 1}),
            404,
            "quiz_not_found",
        ),
        ("PUT", "/polls/none/vote", json!({"choices": ["a"]}), 404, "poll_not_found"),
        ("PUT", "/questions/none/vote", Value::Null, 404, "question_not_found"),
        ("DELETE", "/chat/none", Value::Null, 404, "message_not_found"),
        ("GET", "/chat?before=none", Value::Null, 404, "message_not_found"),
        ("GET", "/board/none", Value::Null, 404, "thread_not_found"),
        ("GET", "/board?cursor=%27%20OR%201=1", Value::Null, 422, "bad_cursor"),
        ("GET", "/timeline?room_sid=RM_none", Value::Null, 404, "lesson_not_found"),
        ("GET", "/v1/classes/none/live", Value::Null, 404, "class_not_found"),
    ];
    for (method, path, body, status, code) in cases {
        let refused = school.refused("minji", method, path, &body).await;
        assert_eq!(refused, (status, code.to_owned()), "{method} {path} {body}");
    }
    let (status, _) =
        school.send("minji", "POST", "/chat", b"{\"id\":\"m-3\",\"text\":\"\xff\xfe\"}".to_vec()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "not UTF-8");
    let (status, _) = school.send("minji", "POST", "/chat", vec![b'x'; 100_000]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let live = school.ask("minji", "GET", "/live", &Value::Null).await.1;
    assert_eq!(live["chat"].as_array().map(Vec::len), Some(1), "{live}");
    assert!(live["quizzes"][0]["mine"].is_null(), "{live}");
    let rows = school.database.row("SELECT COUNT(*) FROM quiz_answers", args![]).await.expect("row");
    assert_eq!(rows.expect("one").count(0).expect("a count"), 0);
    let mut last = StatusCode::OK;
    for index in 0..12 {
        last =
            school.ask("jisu", "POST", "/chat", &json!({"id": format!("j-{index}"), "text": "네"})).await.0;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS, "a burst of talk, then slower");
}
