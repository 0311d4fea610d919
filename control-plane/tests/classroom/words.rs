//! What is said into rooms, and what an instructor does there.

use control_plane::config::Secret;
use control_plane_api::token;
use http::StatusCode;
use serde_json::{Value, json};

use crate::both::both;
use crate::school::{School, api_key};

both!(
    a_quiz_is_told_to_the_room_answers_are_not_and_tallies_go_to_who_teaches,
    what_an_instructor_does_reaches_the_edge_and_is_kept,
);

async fn a_quiz_is_told_to_the_room_answers_are_not_and_tallies_go_to_who_teaches(database: Secret) {
    let school = School::start(database).await;
    let quiz = school.quiz().await;
    let at = |rest: &str| format!("/quizzes/{quiz}{rest}");
    let live = school.ask("minji", "GET", "/live", &Value::Null).await.1;
    assert_eq!(live["quizzes"], json!([]), "drafts are who teaches' alone");
    assert_eq!(school.ask("teacher", "POST", &at("/open"), &Value::Null).await.0, StatusCode::OK);
    let (word, to) = school.word("quiz").await;
    assert_eq!((&word["quiz"]["state"], &word["v"], &to), (&json!("open"), &json!(1), &json!([])));
    assert!(word["quiz"]["key"].is_null() && word["at_ms"].is_u64(), "{word}");
    assert!(word["quiz"]["minute_ms"].as_u64().is_some_and(|ms| ms >= 60_000), "{word}");

    let answer = json!({"answers": {"one": [" 먹 "]}, "answered_at_ms": control_plane_agent::unix_time_ms()});
    let (status, receipt) = school.ask("minji", "PUT", &at("/answers/u-1"), &answer).await;
    assert_eq!((status, &receipt["counted"]), (StatusCode::OK, &json!(true)), "{receipt}");
    assert!(receipt["mine"]["correct"].is_null(), "{receipt}");
    assert_eq!(school.ask("minji", "PUT", &at("/answers/u-1"), &answer).await.1, receipt);
    let again = school.refused("minji", "PUT", &at("/answers/u-2"), &answer).await;
    assert_eq!(again, (409, "already_answered".into()));
    let counted = || school.words().into_iter().find(|(word, _)| word["tally"]["answered"] == 1);
    school.until("a tally of one", async || counted().is_some()).await;
    assert_eq!(counted().map(|(_, to)| to), Some(json!(["teacher"])));
    assert_eq!(school.refused("minji", "GET", &at("/tally"), &Value::Null).await.0, 403);

    assert_eq!(school.ask("teacher", "POST", &at("/close"), &Value::Null).await.0, StatusCode::OK);
    let late =
        json!({"answers": {"one": ["먹"]}, "answered_at_ms": control_plane_agent::unix_time_ms() + 5_000});
    let late = school.refused("jisu", "PUT", &at("/answers/u-3"), &late).await;
    assert_eq!(late, (409, "quiz_closed".into()));
    assert_eq!(school.ask("teacher", "POST", &at("/reveal"), &Value::Null).await.0, StatusCode::OK);
    let live = school.ask("minji", "GET", "/live", &Value::Null).await.1;
    assert_eq!(live["quizzes"][0]["mine"]["score"], 1, "{live}");
    assert_eq!(live["quizzes"][0]["key"], json!({"one": ["먹"]}));
    assert_eq!(live["v"], 3);
    let tally = school.ask("minji", "GET", &at("/tally"), &Value::Null).await.1;
    assert_eq!((&tally["answered"], &tally["enrolled_present"]), (&json!(1), &json!(1)), "{tally}");
    let seen_later = json!({"answers": {"one": ["붓"]}, "answered_at_ms": control_plane_agent::unix_time_ms(), "replay": true});
    let (status, receipt) = school.ask("jisu", "PUT", &at("/answers/u-4"), &seen_later).await;
    assert_eq!((status, &receipt["mine"]["score"]), (StatusCode::OK, &json!(0)), "told at once: {receipt}");
    let summary = school.ask("teacher", "GET", "/summary", &Value::Null).await.1;
    let choices = |text: &str| json!([{"text": text, "n": 1}]);
    let asked = &summary["quizzes"][0];
    assert_eq!(
        (&asked["answered"], &asked["items"][0]["correct_share"]),
        (&json!(1), &json!(1.0)),
        "{summary}"
    );
    assert_eq!(asked["items"][0]["choices"], choices("먹"));
    let replay = &asked["replay"];
    assert_eq!(
        (&replay["answered"], &replay["items"][0]["correct_share"]),
        (&json!(1), &json!(0.0)),
        "{summary}"
    );
    assert_eq!(replay["items"][0]["choices"], choices("붓"), "apart from what was answered in class");
    for (word, to) in school.words() {
        let text = word.to_string();
        assert!(word["kind"] == "tally" || !text.contains("u-1"), "{text}");
        assert!(to == json!(["teacher"]) || (!text.contains("answered") && !text.contains("mine")), "{text}");
    }
}

async fn what_an_instructor_does_reaches_the_edge_and_is_kept(database: Secret) {
    let school = School::start(database).await;
    school.calls.lock().clear();
    let control = async |what: &str, identity: Option<&str>| {
        let body = identity.map_or(json!({"do": what}), |identity| json!({"do": what, "identity": identity}));
        let (status, answer) = school.ask("teacher", "POST", "/controls", &body).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{what}: {answer}");
        school.calls.lock().drain(..).filter(|(method, _)| method != "SendData").collect::<Vec<_>>()
    };
    let muted = control("mute", Some("minji")).await;
    let expected = json!({"room": "ink", "identity": "minji", "trackSid": "TR_m", "muted": true});
    assert_eq!(muted[1..], [("MutePublishedTrack".into(), expected)], "the microphone, not the camera");
    let sources = |calls: &[(String, Value)]| calls[0].1["permission"]["canPublishSources"].clone();
    let screen = control("allow-screen", Some("minji")).await;
    assert_eq!(sources(&screen), json!(["CAMERA", "MICROPHONE", "SCREEN_SHARE", "SCREEN_SHARE_AUDIO"]));
    control("forbid-screen", Some("minji")).await;
    let silent = control("forbid-speak", Some("minji")).await;
    assert_eq!((&silent[0].1["permission"]["canPublish"], sources(&silent)), (&json!(false), json!([])));
    let join = async |who: &str| school.ask(who, "POST", "/v1/join", &json!({"class": "ink"})).await;
    let (status, joined) = join("minji").await;
    assert_eq!(status, StatusCode::OK, "{joined}");
    let now_s = control_plane_agent::unix_time_ms() / 1000;
    let claims =
        token::verify(joined["token"].as_str().expect("a token"), &[api_key()], now_s).expect("valid");
    assert_eq!(claims.video.expect("a grant").can_publish, Some(false), "kept for the next join");

    let removed = control("remove", Some("minji")).await;
    assert_eq!(removed[0].0, "RemoveParticipant");
    assert_eq!(join("minji").await.1["code"], "removed");
    let said = json!({"id": "m-9", "text": "나 여기 있어요"});
    for (method, path, body) in [
        ("POST", "/chat", &said),
        ("PUT", "/hand", &Value::Null),
        ("POST", "/questions", &json!({"id": "q-9", "text": "?"})),
    ] {
        let refused = school.refused("minji", method, path, body).await;
        assert_eq!(refused, (403, "removed".into()), "{path}");
    }
    assert_eq!(
        school.ask("minji", "GET", "/chat", &Value::Null).await.0,
        StatusCode::OK,
        "reading harms nobody"
    );
    control("readmit", Some("minji")).await;
    assert_eq!(school.ask("minji", "POST", "/chat", &said).await.0, StatusCode::OK);
    assert_eq!(join("minji").await.0, StatusCode::OK);
    control("spotlight", Some("minji")).await;
    control("lock", None).await;
    let live = school.ask("minji", "GET", "/live", &Value::Null).await.1;
    assert_eq!((&live["spotlight"], &live["locked"]), (&json!("minji"), &json!(true)));
    let quiz = school.quiz().await;
    school.ask("teacher", "POST", &format!("/quizzes/{quiz}/open"), &Value::Null).await;
    control("end", None).await;
    let live = school.ask("teacher", "GET", "/live", &Value::Null).await.1;
    assert_eq!(live["quizzes"][0]["state"], "closed", "who watches the replay can answer it");
    let gone = || {
        let calls = school.calls.lock();
        let removed = calls.iter().filter(|(method, _)| method == "RemoveParticipant");
        removed.map(|(_, body)| body["identity"].clone()).collect::<Vec<_>>()
    };
    school.until("everybody goes", async || gone().len() == 2).await;
    assert_eq!(gone(), ["minji", "teacher"], "who teaches goes last");
    assert_eq!(
        school.refused("teacher", "POST", "/controls", &json!({"do": "mute"})).await,
        (422, "invalid".into())
    );
    let oneself = json!({"do": "remove", "identity": "teacher"});
    assert_eq!(school.refused("teacher", "POST", "/controls", &oneself).await, (422, "invalid".into()));
    // An account that is disabled leaves the room it is in, whatever token it has.
    school.calls.lock().clear();
    let disabled = school.ask("admin", "PATCH", "/v1/admin/accounts/minji", &json!({"disabled": true})).await;
    assert_eq!(disabled.0, StatusCode::OK);
    school.until("she is sent out", async || !gone().is_empty()).await;
    assert_eq!(gone(), ["minji"]);
    let elsewhere = json!({"do": "end"});
    let nowhere = school.refused("teacher", "POST", "/v1/classes/empty/controls", &elsewhere).await;
    assert_eq!(nowhere, (409, "not_live".into()));
}
