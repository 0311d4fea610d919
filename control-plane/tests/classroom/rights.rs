//! Who may do what in class.

use control_plane::config::Secret;
use http::StatusCode;
use serde_json::{Value, json};

use crate::both::both;
use crate::school::School;

both!(who_may_do_what);

/// Every endpoint by everybody: who gets past the door. A seat: the class's students; a desk: who teaches it.
async fn who_may_do_what(database: Secret) {
    let school = School::start(database).await;
    let (status, openapi) = school.ask("nobody", "GET", "/v1/openapi.json", &Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    let desk = [
        ("post", "/quizzes"),
        ("put", "/quizzes/{quiz}"),
        ("delete", "/quizzes/{quiz}"),
        ("post", "/quizzes/{quiz}/open"),
        ("post", "/quizzes/{quiz}/close"),
        ("post", "/quizzes/{quiz}/reveal"),
        ("post", "/polls"),
        ("delete", "/polls/{poll}"),
        ("post", "/polls/{poll}/open"),
        ("post", "/polls/{poll}/close"),
        ("put", "/chat/muted/{account}"),
        ("delete", "/chat/muted/{account}"),
        ("delete", "/hands/{account}"),
        ("patch", "/questions/{question}"),
        ("put", "/slide"),
        ("delete", "/slide"),
        ("post", "/controls"),
        ("get", "/attendance.csv"),
        ("patch", "/attendance/{account}"),
        ("get", "/summary"),
    ];
    let tags = [
        "live",
        "quizzes",
        "polls",
        "chat",
        "hand",
        "hands",
        "questions",
        "slide",
        "controls",
        "attendance",
        "attendance.csv",
        "summary",
        "timeline",
        "watched",
        "board",
    ];
    let mut checked = 0;
    for (path, methods) in openapi["paths"].as_object().expect("paths") {
        let Some(below) = path.strip_prefix("/v1/classes/{id}/") else { continue };
        if !tags.contains(&below.split('/').next().unwrap_or_default()) {
            continue;
        }
        for method in methods.as_object().expect("methods").keys() {
            let at_desk = desk.contains(&(method.as_str(), &path["/v1/classes/{id}".len()..]));
            let filled: Vec<_> =
                below.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
            let target = format!("/{}?room_sid=RM_1", filled.join("/"));
            for (who, status) in [
                ("nobody", 401),
                ("stranger", 403),
                ("colleague", 403),
                ("minji", if at_desk { 403 } else { 0 }),
                ("teacher", 0),
                ("admin", 0),
                ("server", 0),
            ] {
                // What passes the door fails at the empty body or at the thing that is not there, which is another answer.
                let (got, answer) = school.ask(who, &method.to_uppercase(), &target, &Value::Null).await;
                let stopped = if matches!(got.as_u16(), 401 | 403) { got.as_u16() } else { 0 };
                assert_eq!(stopped, status, "{method} {path} by {who}: {got} {answer}");
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 7 * 42, "every endpoint of the classroom");
    let (status, answer) = school.ask("minji", "GET", "/attendance", &Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["items"].as_array().expect("items").len(), 1, "one's own line: {answer}");
    let body = json!({"id": "m-9", "text": "mine"});
    assert_eq!(school.ask("minji", "POST", "/chat", &body).await.0, StatusCode::OK);
    assert_eq!(
        school.refused("jisu", "DELETE", "/chat/m-9", &Value::Null).await,
        (403, "not_allowed".into())
    );
    assert_eq!(school.ask("teacher", "DELETE", "/chat/m-9", &Value::Null).await.0, StatusCode::NO_CONTENT);
}
