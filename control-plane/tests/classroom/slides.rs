//! Which slide is shown.

use control_plane::config::Secret;
use http::StatusCode;
use serde_json::{Value, json};

use crate::both::both;
use crate::school::School;

both!(a_slide_is_told_kept_for_late_joiners_and_for_the_replay, slides_are_shown_by_whom_the_instructor_lets);

async fn a_slide_is_told_kept_for_late_joiners_and_for_the_replay(database: Secret) {
    let school = School::start(database).await;
    let none = school.ask("minji", "GET", "/live", &Value::Null).await.1;
    assert_eq!(
        (&none["slide"], none.as_object().map(|live| live.contains_key("slide"))),
        (&json!(null), Some(true))
    );
    let link = json!({"title": "붓과 먹", "url": "https://example.org/ink.pdf"});
    let material = school.ask("teacher", "POST", "/materials", &link).await.1["id"].clone();
    let first = json!({"page": 1, "material": material});
    let (status, slide) = school.ask("teacher", "PUT", "/slide", &first).await;
    assert_eq!((status, &slide["title"]), (StatusCode::OK, &json!("붓과 먹")), "the material's: {slide}");
    let (word, to) = school.word("slide").await;
    assert_eq!((&word["slide"], &word["v"], &to), (&slide, &json!(1), &json!([])));
    assert!(slide["minute_ms"].as_u64().is_some_and(|ms| ms >= 60_000), "{slide}");

    assert_eq!(
        school.ask("teacher", "PUT", "/slide", &first).await.1,
        slide,
        "the same again changes nothing"
    );
    let second = json!({"page": 2, "title": "<b>획</b>"});
    let second = school.ask("server", "PUT", "/slide", &second).await.1;
    assert_eq!((&second["title"], &second["material"]), (&json!("<b>획</b>"), &json!(null)));
    let live = school.ask("jisu", "GET", "/live", &Value::Null).await.1;
    assert_eq!((&live["slide"], &live["v"]), (&second, &json!(2)), "for who joins late");

    for _ in 0..2 {
        assert_eq!(school.ask("teacher", "DELETE", "/slide", &Value::Null).await.0, StatusCode::NO_CONTENT);
    }
    let live = school.ask("jisu", "GET", "/live", &Value::Null).await.1;
    assert_eq!((&live["slide"], &live["v"]), (&json!(null), &json!(3)));
    school.until("no slide", async || school.words().iter().any(|(word, _)| word["v"] == 3)).await;
    let told: Vec<_> = school.words().into_iter().filter(|(word, _)| word["kind"] == "slide").collect();
    assert_eq!(
        told.iter().map(|(word, _)| word["slide"].clone()).collect::<Vec<_>>(),
        [slide, second, json!(null)]
    );

    let timeline = school.ask("minji", "GET", "/timeline?room_sid=RM_1", &Value::Null).await.1;
    let items = timeline["items"].as_array().expect("items");
    assert!(items.iter().all(|item| item["kind"] == "slide"), "{timeline}");
    assert!(items[0]["at_ms"].as_u64().is_some_and(|ms| ms >= 60_000), "class time: {timeline}");
    assert_eq!(
        items.iter().map(|item| &item["data"]).collect::<Vec<_>>(),
        told.iter().map(|(word, _)| &word["slide"]).collect::<Vec<_>>()
    );
    // A material that is gone leaves its name.
    let gone = format!("/materials/{}", material.as_str().expect("an id"));
    assert_eq!(school.ask("teacher", "DELETE", &gone, &Value::Null).await.0, StatusCode::NO_CONTENT);
    let timeline = school.ask("minji", "GET", "/timeline?room_sid=RM_1", &Value::Null).await.1;
    let first = &timeline["items"][0]["data"];
    assert_eq!((&first["title"], &first["material"]), (&json!("붓과 먹"), &json!(null)));
}

async fn slides_are_shown_by_whom_the_instructor_lets(database: Secret) {
    let school = School::start(database).await;
    let slide = json!({"page": 3, "title": "내 글씨"});
    assert_eq!(school.refused("minji", "PUT", "/slide", &slide).await, (403, "not_allowed".into()));
    let control = async |what: &str| {
        let control = json!({"do": what, "identity": "minji"});
        assert_eq!(school.ask("teacher", "POST", "/controls", &control).await.0, StatusCode::NO_CONTENT);
    };
    control("allow-screen").await;
    assert_eq!(school.ask("minji", "PUT", "/slide", &slide).await.0, StatusCode::OK);
    assert_eq!(school.refused("jisu", "DELETE", "/slide", &Value::Null).await, (403, "not_allowed".into()));
    let link = json!({"title": "x", "url": "https://example.org"});
    let other = school.ask("admin", "POST", "/v1/classes/empty/materials", &link).await.1["id"].clone();
    let cases = [
        (json!({"page": 0, "title": "x"}), 422, "invalid"),
        (json!({"page": 10_001, "title": "x"}), 422, "invalid"),
        (json!({"page": -1, "title": "x"}), 400, "bad_request"),
        (json!({"page": 1.5, "title": "x"}), 400, "bad_request"),
        (json!({"title": "x"}), 400, "bad_request"),
        (json!({"page": 1}), 422, "invalid"),
        (json!({"page": 1, "title": " "}), 422, "invalid"),
        (json!({"page": 1, "title": "a\u{0}"}), 422, "invalid"),
        (json!({"page": 1, "title": "가".repeat(121)}), 422, "invalid"),
        (json!({"page": 1, "title": "x", "material": "'; DROP TABLE slides; --"}), 404, "material_not_found"),
        (json!({"page": 1, "material": other}), 404, "material_not_found"),
        (json!({"page": 1, "title": "x", "v": 9}), 400, "bad_request"),
    ];
    for (body, status, code) in cases {
        assert_eq!(
            school.refused("teacher", "PUT", "/slide", &body).await,
            (status, code.to_owned()),
            "{body}"
        );
    }
    let live = school.ask("jisu", "GET", "/live", &Value::Null).await.1;
    assert_eq!((&live["slide"]["title"], &live["v"]), (&json!("내 글씨"), &json!(1)), "nothing changed");
    let mut last = StatusCode::OK;
    for page in 4..16 {
        last = school.ask("minji", "PUT", "/slide", &json!({"page": page, "title": "내 글씨"})).await.0;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS, "a student leafs slowly");
    control("forbid-screen").await;
    assert_eq!(school.refused("minji", "DELETE", "/slide", &Value::Null).await, (403, "not_allowed".into()));
}
