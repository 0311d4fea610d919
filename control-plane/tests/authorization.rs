//! Who may do what: every endpoint (those of the classroom in `classroom/rights.rs`) for every role, against a class of
//! somebody's own or of another's.
//!
//! A row is an endpoint and the status each role gets. Each cell has a class of its own, taught by `own`, in which `student`
//! has a place; the edges of what a row does (`{class}`, `{material}`) are filled in. Other parts add their rows.

use bytes::Bytes;
use control_plane::config::{OidcProvider, Secret};
use control_plane_api::key;
use control_plane_api::recording::{Recording, RecordingState};
use control_plane_api::room::Presence;
use control_plane_api::token::{self, Grant};
use http::StatusCode;
use serde_json::json;

#[path = "support/both.rs"]
mod both;
#[path = "support/school.rs"]
#[expect(dead_code, reason = "figures are of no interest here")]
mod school;

use both::both;
use school::{Person, School, code_in, server, signed};

both!(
    every_endpoint_answers_every_role_as_the_table_says,
    recordings_are_told_to_those_they_belong_to,
    only_who_teaches_looks_on_unseen,
    a_stranger_locks_nobody_out_and_guesses_nowhere_else,
    where_there_is_tls_cookies_are_this_hosts_alone,
    the_fleet_is_for_admins_and_servers,
    forged_and_replayed_credentials_change_nothing,
    nobody_learns_who_has_an_account,
    what_is_too_long_or_odd_is_refused_or_kept_as_text,
);

const ROLES: [&str; 7] =
    ["nobody", "student", "other student", "own instructor", "other instructor", "admin", "server"];

/// Method, path, body, and the status for each of [`ROLES`].
type Row = (&'static str, &'static str, &'static str, [u16; 7]);

const PEOPLE: &[Row] = &[
    ("GET", "/v1/me", "", [200; 7]),
    ("PATCH", "/v1/me", r#"{"region":"jeju"}"#, [401, 200, 200, 200, 200, 200, 422]),
    ("GET", "/v1/me/notifications", "", [401, 200, 200, 200, 200, 200, 422]),
    ("PUT", "/v1/me/notifications/read", r#"{"until":"n_x"}"#, [401, 204, 204, 204, 204, 204, 422]),
    ("GET", "/v1/admin/accounts", "", [401, 403, 403, 403, 403, 200, 200]),
    ("PATCH", "/v1/admin/accounts/{student}", r#"{"role":"student"}"#, [401, 403, 403, 403, 403, 200, 200]),
    ("PATCH", "/v1/admin/accounts/a_nobody", r#"{"disabled":true}"#, [401, 403, 403, 403, 403, 404, 404]),
    // Nobody is at home at that provider: back to the sign-in page.
    ("GET", "/v1/oidc/village", "", [302; 7]),
    ("GET", "/v1/oidc/village/back?state=x&code=x", "", [302; 7]),
    ("GET", "/v1/oidc/nowhere", "", [404; 7]),
    ("GET", "/v1/oidc/nowhere/back", "", [404; 7]),
    ("DELETE", "/v1/me", r#"{"password":"a wrong password"}"#, [401, 401, 401, 401, 401, 401, 422]),
];

const CATALOGUE: &[Row] = &[
    ("GET", "/v1/categories", "", [200; 7]),
    ("GET", "/v1/classes", "", [200; 7]),
    ("GET", "/v1/classes?mine=1", "", [401, 200, 200, 200, 200, 200, 422]),
    ("POST", "/v1/classes", r#"{"title":"x"}"#, [401, 403, 403, 201, 201, 201, 201]),
    ("GET", "/v1/classes/{class}", "", [200; 7]),
    ("PATCH", "/v1/classes/{class}", r#"{"title":"y"}"#, [401, 403, 403, 200, 403, 200, 200]),
    ("DELETE", "/v1/classes/{class}", "", [401, 403, 403, 204, 403, 204, 204]),
    ("PUT", "/v1/classes/{class}/enrolment", "", [401, 200, 200, 409, 200, 200, 422]),
    ("DELETE", "/v1/classes/{class}/enrolment", "", [401, 200, 200, 200, 200, 200, 422]),
    ("GET", "/v1/classes/{class}/enrolments", "", [401, 403, 403, 200, 403, 200, 200]),
    ("PUT", "/v1/classes/{class}/like", "", [401, 204, 204, 204, 204, 204, 422]),
    ("DELETE", "/v1/classes/{class}/like", "", [401, 204, 204, 204, 204, 204, 422]),
    ("GET", "/v1/classes/{class}/calendar.ics", "", [200; 7]),
    ("GET", "/v1/classes/{class}/materials", "", [401, 200, 403, 200, 403, 200, 200]),
    (
        "POST",
        "/v1/classes/{class}/materials",
        r#"{"title":"x","url":"https://example.org"}"#,
        [401, 403, 403, 201, 403, 201, 201],
    ),
    ("POST", "/v1/classes/{class}/materials/file?name=a.pdf", "bytes", [401, 403, 403, 201, 403, 201, 201]),
    ("GET", "/v1/classes/{class}/materials/{material}/file", "", [401, 200, 403, 200, 403, 200, 200]),
    ("DELETE", "/v1/classes/{class}/materials/{material}", "", [401, 403, 403, 204, 403, 204, 204]),
    ("GET", "/v1/me/classes", "", [401, 200, 200, 200, 200, 200, 422]),
    // A server says who comes, and here it does not.
    ("POST", "/v1/join", r#"{"class":"{class}"}"#, [401, 200, 403, 200, 403, 200, 400]),
    ("POST", "/v1/join", r#"{"class":"{class}","role":"instructor"}"#, [401, 403, 403, 200, 403, 200, 400]),
    ("POST", "/v1/join", r#"{"class":"{class}","role":"observer"}"#, [401, 200, 403, 200, 403, 200, 400]),
    (
        "POST",
        "/v1/join",
        r#"{"class":"{class}","identity":"teacher","role":"instructor"}"#,
        [401, 400, 400, 400, 400, 400, 200],
    ),
];

const DISCOVER: &[Row] = &[
    ("GET", "/v1/recommendations", "", [200; 7]),
    ("GET", "/v1/search/suggest?q=a", "", [200; 7]),
    ("POST", "/v1/wishes", r#"{"text":"cello"}"#, [401, 201, 201, 201, 201, 201, 422]),
    ("GET", "/v1/me/wishes", "", [401, 200, 200, 200, 200, 200, 422]),
    ("DELETE", "/v1/wishes/w_of_somebody", "", [401, 404, 404, 404, 404, 404, 422]),
    ("GET", "/v1/demand", "", [401, 403, 403, 200, 200, 200, 200]),
];

const FRONT: &[Row] = &[
    ("GET", "/v1/config", "", [200; 7]),
    ("GET", "/v1/regions", "", [200; 7]),
    ("GET", "/v1/edges", "", [200; 7]),
    ("GET", "/v1/cdn", "", [200; 7]),
    ("GET", "/v1/openapi.json", "", [200; 7]),
];

struct People {
    roles: [Person; 7],
}

async fn people(school: &School) -> People {
    let roles = [
        Person::default(),
        school.person("student", "student").await,
        school.person("other", "student").await,
        school.person("own", "instructor").await,
        school.person("neighbour", "instructor").await,
        school.person("head", "student").await,
        server(),
    ];
    People { roles }
}

async fn every_endpoint_answers_every_role_as_the_table_says(database: Secret) {
    let school = School::open(|config| {
        config.database = database;
        config.oidc = vec![OidcProvider {
            name: "village".into(),
            issuer: "http://127.0.0.1:1".into(),
            client_id: "seodang".into(),
            ..OidcProvider::default()
        }];
    })
    .await;
    let people = people(&school).await;
    let [_, student, _, own, ..] = &people.roles;
    let mut wrong = Vec::new();
    for (method, path, body, expected) in PEOPLE.iter().chain(CATALOGUE).chain(DISCOVER).chain(FRONT) {
        for ((role, who), expected) in ROLES.iter().zip(&people.roles).zip(expected) {
            let class = json!({"title": "ink", "capacity": 9, "starts_at_ms": 1_900_000_000_000_u64});
            let class = school.class(own, class).await;
            school.ask(student, "PUT", &format!("/v1/classes/{class}/enrolment"), "").await;
            let file = format!("/v1/classes/{class}/materials/file?name=a");
            let material = school.ask(own, "POST", &file, "x").await.id();
            let filled = |text: &str| {
                text.replace("{class}", &class)
                    .replace("{material}", &material)
                    .replace("{student}", &student.id)
            };
            let answer = school.ask(who, method, &filled(path), Bytes::from(filled(body))).await;
            if answer.status.as_u16() != *expected {
                wrong.push(format!("{method} {path} {body} as {role}: {expected} expected, {answer:?}"));
            }
            if !answer.status.is_success() && !answer.status.is_redirection() {
                let message = answer.body["message"].as_str().unwrap_or_default();
                assert!(message.len() > 10, "{method} {path} as {role}: {answer:?}");
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A lesson of yesterday, and one that runs: whoever has the path of a recording reads it, so the path is the right.
async fn recordings_are_told_to_those_they_belong_to(database: Secret) {
    let school = School::open(|config| config.database = database).await;
    let people = people(&school).await;
    let [_, student, _, own, ..] = &people.roles;
    let limited = school.class(own, json!({"title": "ink", "capacity": 9})).await;
    let open = school.class(own, json!({"title": "song"})).await;
    for class in [&limited, &open] {
        school.ask(student, "PUT", &format!("/v1/classes/{class}/enrolment"), "").await;
        for (room_sid, state) in [("RM_1", RecordingState::Complete), ("RM_2", RecordingState::Live)] {
            let recording = Recording {
                room: class.clone(),
                room_sid: room_sid.into(),
                state,
                manifest: format!("/{class}/{room_sid}/manifest.json"),
                started_at_ms: if room_sid == "RM_1" { 1 } else { 2 },
                duration_ms: 1,
            };
            school.put(key::recording(class, room_sid), &recording).await;
        }
        let (room, room_sid, node) = (class.clone(), "RM_2".to_owned(), "jeju-edge".to_owned());
        let presence = Presence { room, room_sid, node, participants: 1, identities: Vec::new() };
        school.put(key::presence(class, "jeju-edge"), &presence).await;
    }
    told(&school, &people, &limited, [0, 2, 0, 2, 0, 2, 2]).await;
    told(&school, &people, &open, [1, 2, 2, 2, 2, 2, 2]).await;
    let locked =
        school.send(own, "POST", &format!("/v1/classes/{open}/controls"), &json!({"do": "lock"})).await;
    assert_eq!(locked.status, StatusCode::NO_CONTENT, "{locked:?}");
    told(&school, &people, &open, [1, 2, 1, 2, 1, 2, 2]).await;
    // Everybody has gone home: the last segments are being put away.
    for class in [&limited, &open] {
        school.take_away(&key::presence(class, "jeju-edge")).await;
    }
    told(&school, &people, &limited, [0, 2, 0, 2, 0, 2, 2]).await;
    told(&school, &people, &open, [2; 7]).await;
}

/// Waits until each role sees that many recordings of a class; the list of classes says no more than the class does.
async fn told(school: &School, people: &People, class: &str, expected: [usize; 7]) {
    for ((role, who), expected) in ROLES.iter().zip(&people.roles).zip(expected) {
        let seen = async || {
            let one = school.ask(who, "GET", &format!("/v1/classes/{class}"), "").await.body;
            let count = one["recordings"].as_array().map(Vec::len);
            (count, one)
        };
        let began = std::time::Instant::now();
        let (mut count, mut one) = seen().await;
        while count != Some(expected) && began.elapsed() < std::time::Duration::from_secs(3) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            (count, one) = seen().await;
        }
        assert_eq!(count, Some(expected), "{class} for {role}: {one}");
        assert_eq!(one["replay"].is_string(), expected > 0, "{class} for {role}: {one}");
        assert_eq!(one["has_replay"], true, "{class} for {role}");
        let listed = school.ask(who, "GET", "/v1/classes", "").await.body;
        let listed = listed["items"].as_array().and_then(|all| all.iter().find(|item| item["id"] == class));
        assert_eq!(listed.map(|item| &item["replay"]), Some(&one["replay"]), "{class} for {role}");
    }
}

/// A student who only looks on sends nothing, and is there for everybody to see.
async fn only_who_teaches_looks_on_unseen(database: Secret) {
    let school = School::open(|config| config.database = database).await;
    let people = people(&school).await;
    let class = school.class(&people.roles[3], json!({"title": "ink"})).await;
    for (role, who) in ROLES.iter().zip(&people.roles).skip(1) {
        let mut request = json!({"class": class, "role": "observer"});
        if *role == "server" {
            request["identity"] = json!("a guest");
        }
        let joined = school.send(who, "POST", "/v1/join", &request).await;
        let token = joined.body["token"].as_str().unwrap_or_else(|| panic!("{role}: {joined:?}"));
        let now_s = control_plane_agent::unix_time_ms() / 1000;
        let claims = token::verify(token, &[school::api_key()], now_s).expect("valid");
        let grant = claims.video.expect("a grant");
        assert_eq!(grant.hidden, matches!(*role, "own instructor" | "admin" | "server"), "{role}");
        assert_eq!((grant.can_publish, grant.can_publish_data), (Some(false), Some(false)), "{role}");
        assert!(claims.exp.expect("an end") <= now_s + 600, "minutes: who is put out has no longer");
    }
}

async fn a_stranger_locks_nobody_out_and_guesses_nowhere_else(database: Secret) {
    let school = School::open(|config| {
        config.database = database;
        config.trusted_proxies = vec!["127.0.0.0/8".to_owned().try_into().expect("a network")];
    })
    .await;
    let minji = school.person("minji", "student").await;
    let nobody = Person::default();
    let sign_in = async |password: &str, from: &str| {
        let body = json!({"email": "minji@example.org", "password": password}).to_string();
        school
            .ask_with(&nobody, "POST", "/v1/session", body, &[("x-forwarded-for", from)])
            .await
            .status
            .as_u16()
    };
    let mut last = 0;
    for _ in 0..11 {
        last = sign_in("a wrong password", "203.0.113.66").await;
    }
    assert_eq!(last, 429, "his guesses are over");
    assert_eq!(sign_in("a long password", "203.0.113.66").await, 429, "also the right one, from there");
    assert_eq!(sign_in("a long password", "198.51.100.1").await, 200, "she is where she always is");
    // Whoever finds her browser signed in guesses no more often there.
    let erase = json!({"password": "a wrong password"}).to_string();
    let mut seen = Vec::new();
    for _ in 0..11 {
        let from = [("x-forwarded-for", "198.51.100.2")];
        seen.push(school.ask_with(&minji, "DELETE", "/v1/me", erase.clone(), &from).await.status.as_u16());
    }
    assert_eq!(seen, [&[401_u16; 10][..], &[429]].concat());
}

async fn where_there_is_tls_cookies_are_this_hosts_alone(database: Secret) {
    let school = School::open(|config| config.database = database).await;
    let minji = school.person("minji", "student").await;
    let school = school.another(|config| config.url = "https://school.example".into()).await;
    let nobody = Person::default();
    let body = json!({"email": "minji@example.org", "password": "a long password"});
    let signed = school.send(&nobody, "POST", "/v1/session", &body).await;
    let cookie = signed.headers["set-cookie"].to_str().expect("text").to_owned();
    assert!(cookie.starts_with("__Host-seodang_session=") && cookie.contains("; Path=/; "), "{cookie}");
    assert!(cookie.ends_with("; Secure") && !cookie.contains("Domain"), "{cookie}");
    let value = cookie.split(';').next().expect("a pair");
    let me = school.ask_with(&nobody, "GET", "/v1/me", "", &[("cookie", value)]).await;
    assert_eq!(me.body["account"]["name"], "minji");
    // Without the prefix anybody may have set it: a page of a neighbouring name, or of no TLS.
    assert_eq!(school.ask(&minji, "GET", "/v1/me", "").await.body["account"], json!(null));
}

const OPS: &[Row] = &[
    ("GET", "/v1/ops", "", [401, 403, 403, 403, 403, 200, 200]),
    ("GET", "/v1/ops/events", "", [401, 403, 403, 403, 403, 200, 200]),
    ("GET", "/v1/ops/drains", "", [401, 403, 403, 403, 403, 200, 200]),
    ("POST", "/v1/ops/drains/node/jeju-edge", "{}", [401, 403, 403, 403, 403, 200, 200]),
    ("DELETE", "/v1/ops/drains/node/jeju-edge", "", [401, 403, 403, 403, 403, 204, 404]),
];

/// Who may look and drain where it is no development.
async fn the_fleet_is_for_admins_and_servers(database: Secret) {
    // Signing up reads the mails, which only development shows.
    let school = School::open(|config| config.database = database).await;
    let people = people(&school).await;
    let school = school.another(|config| config.dev = false).await;
    for (method, path, body, expected) in OPS {
        for ((role, who), expected) in ROLES.iter().zip(&people.roles).zip(expected) {
            let status = school.status(who, method, path, body).await;
            assert_eq!(status.as_u16(), *expected, "{method} {path} as {role}");
        }
    }
    let without = Person { csrf: None, ..people.roles[5].clone() };
    let answer = school.ask(&without, "POST", "/v1/ops/drains/node/jeju-edge", "{}").await;
    assert_eq!(answer.code(), (403, "csrf"));
}

async fn forged_and_replayed_credentials_change_nothing(database: Secret) {
    let school = School::open(|config| config.database = database).await;
    let own = school.person("own", "instructor").await;
    let class = school.class(&own, json!({"title": "ink"})).await;
    let path = format!("/v1/classes/{class}");
    let change = json!({"title": "stolen"});

    let without = Person { csrf: None, ..own.clone() };
    assert_eq!(school.send(&without, "PATCH", &path, &change).await.code(), (403, "csrf"));
    let guessed = Person { csrf: Some("x".repeat(43)), ..own.clone() };
    assert_eq!(school.send(&guessed, "PATCH", &path, &change).await.code(), (403, "csrf"));
    let forged = Person { cookie: Some("x".repeat(43)), ..own.clone() };
    assert_eq!(school.send(&forged, "PATCH", &path, &change).await.code(), (401, "not_signed_in"));

    let bearer = |token: String| Person { bearer: Some(token), ..Person::default() };
    let participant = Grant { room_join: true, room: class.clone(), room_admin: true, ..Grant::default() };
    let instructor = bearer(signed(participant));
    assert_eq!(school.send(&instructor, "PATCH", &path, &change).await.code(), (401, "bad_token"));
    let tampered = server().bearer.expect("a token").replace('.', ".e");
    for token in ["", "x", "a.b.c", &tampered] {
        let answer = school.send(&bearer(token.to_owned()), "PATCH", &path, &change).await;
        assert_eq!(answer.code(), (401, "bad_token"), "{token}");
    }
    let behalf = [("x-on-behalf-of", "a_nobody")];
    let answer = school.ask_with(&server(), "PATCH", &path, change.to_string(), &behalf).await;
    assert_eq!(answer.code(), (422, "no_account"));

    assert_eq!(school.ask(&own, "DELETE", "/v1/session", "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(school.send(&own, "PATCH", &path, &change).await.code(), (401, "not_signed_in"), "replayed");
    let cross = [("sec-fetch-site", "cross-site")];
    let sign_in = json!({"email": "own@example.org", "password": "a long password"}).to_string();
    let answer = school.ask_with(&Person::default(), "POST", "/v1/session", sign_in, &cross).await;
    assert_eq!(answer.code(), (403, "csrf"));
    assert_eq!(school.ask(&own, "GET", &path, "").await.body["title"], "ink", "nothing changed");
}

async fn nobody_learns_who_has_an_account(database: Secret) {
    let school = School::open(|config| config.database = database).await;
    let minji = school.person("minji", "student").await;
    let nobody = Person::default();
    let answers = async |path: &str, body: fn(&str) -> serde_json::Value| {
        let mut answers = Vec::new();
        for email in ["minji@example.org", "stranger@example.org"] {
            let answer = school.send(&nobody, "POST", path, &body(email)).await;
            // A ticket is another each time, and says nothing: it is as long.
            let mut body = answer.body;
            if let Some(ticket) = body.get_mut("ticket") {
                *ticket = json!(ticket.as_str().map(str::len));
            }
            answers.push((answer.status, body));
        }
        assert_eq!(answers[0], answers[1], "{path}");
        answers[0].0.as_u16()
    };
    let sign_up =
        |email: &str| json!({"email": email, "password": "another password", "name": "x", "role": "student"});
    assert_eq!(answers("/v1/accounts", sign_up).await, 202);
    assert_eq!(
        answers("/v1/session", |email| json!({"email": email, "password": "a wrong password"})).await,
        401
    );
    assert_eq!(answers("/v1/password/forgotten", |email| json!({"email": email})).await, 202);
    assert_eq!(
        answers("/v1/accounts/confirm", |email| json!({"email": email, "code": "12345", "ticket": "x"}))
            .await,
        422
    );

    // A new password by mail ends the sessions there are.
    let code = code_in(&school.mail("minji@example.org", |text| !code_in(text).is_empty()).await);
    let reset = json!({"email": "minji@example.org", "code": code, "password": "a new password"});
    assert_eq!(school.send(&nobody, "POST", "/v1/password", &reset).await.status, StatusCode::NO_CONTENT);
    assert_eq!(
        school.send(&nobody, "POST", "/v1/password", &reset).await.code(),
        (422, "wrong_code"),
        "once"
    );
    assert_eq!(school.ask(&minji, "GET", "/v1/me", "").await.body["account"], json!(null));
    let sign_in = json!({"email": "Minji@Example.org", "password": "a new password"});
    let signed = school.send(&nobody, "POST", "/v1/session", &sign_in).await;
    assert_eq!(signed.status, StatusCode::OK, "{signed:?}");
    let minji = school.signed_in(&signed).await;

    let gone = school.send(&minji, "DELETE", "/v1/me", &json!({"password": "a new password"})).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{gone:?}");
    assert_eq!(
        school.send(&nobody, "POST", "/v1/session", &sign_in).await.code(),
        (401, "wrong_credentials")
    );
}

async fn what_is_too_long_or_odd_is_refused_or_kept_as_text(database: Secret) {
    let school = School::open(|config| config.database = database).await;
    let own = school.person("own", "instructor").await;
    let title = "<script>alert(1)</script>'; DROP TABLE classes; -- 100%_";
    let class = school.class(&own, json!({"title": title})).await;
    let found = school.ask(&own, "GET", "/v1/classes", "").await;
    assert_eq!(found.body["items"][0]["title"], title);
    for q in ["%27%3B%20DROP%20TABLE%20classes%3B--", "%25", "_", "%00", "%27", "%22%20OR%201%3D1"] {
        let answer = school.ask(&own, "GET", &format!("/v1/classes?q={q}"), "").await;
        assert!(answer.status == 200 || answer.code() == (400, "bad_request"), "{q}: {answer:?}");
    }

    let path = format!("/v1/classes/{class}/materials/file?name=..%2F%22%0d%0aa%3Ch1%3E.html");
    let odd = school.ask(&own, "POST", &path, "<h1>").await;
    assert_eq!(odd.code(), (422, "bad_text"), "a line end in a name");
    let path = format!("/v1/classes/{class}/materials/file?name=..%2F%22a.html");
    let added = school.ask(&own, "POST", &path, "<script>").await;
    let url = added.body["url"].as_str().expect("a url");
    let file = school.ask(&own, "GET", url, "").await;
    assert_eq!(file.headers["content-disposition"], "attachment; filename*=UTF-8''%22a.html");
    assert_eq!(file.headers["x-content-type-options"], "nosniff");
    assert_eq!(
        (file.headers["content-type"].to_str().ok(), &file.bytes[..]),
        (Some("application/octet-stream"), &b"<script>"[..])
    );
    let many = school.ask(&own, "POST", &path, vec![b'x'; 3_000_000]).await;
    let url = many.body["url"].as_str().expect("a url");
    let file = school.ask_with(&own, "GET", url, "", &[("accept-encoding", "gzip")]).await;
    assert_eq!(
        (file.headers["content-length"].to_str().ok(), file.bytes.len()),
        (Some("3000000"), 3_000_000)
    );
    assert!(!file.headers.contains_key("content-encoding"), "as it is, part by part");
    let huge = school.ask(&own, "POST", &path, vec![0; 20 * 1024 * 1024 + 2]).await;
    assert_eq!(huge.code(), (413, "too_large"));

    let bad = school.ask(&own, "PATCH", "/v1/me", &b"{\"name\":\"\xff\xfe\"}"[..]).await;
    assert_eq!(bad.code(), (400, "bad_request"), "no UTF-8");
    for (body, code) in [
        (json!({"name": "x".repeat(61)}), (422, "bad_name")),
        (json!({"name": "a\u{202e}b"}), (422, "bad_name")),
        (json!({"interests": ["alchemy"]}), (422, "bad_category")),
        (json!({"role": "admin"}), (400, "bad_request")),
    ] {
        assert_eq!(school.send(&own, "PATCH", "/v1/me", &body).await.code(), code, "{body}");
    }
    let admin = json!({"email": "a@b.cd", "password": "a long password", "name": "x", "role": "admin"});
    assert_eq!(
        school.send(&Person::default(), "POST", "/v1/accounts", &admin).await.code(),
        (422, "bad_role")
    );
    for cursor in ["x", "1~", "99999999999999999999~a", "%00"] {
        let answer = school.ask(&own, "GET", &format!("/v1/me/notifications?cursor={cursor}"), "").await;
        assert!(answer.status == 200 || answer.code() == (400, "bad_request"), "{cursor}: {answer:?}");
    }
    let name = json!({"name": "<b>선생</b>"});
    assert_eq!(school.send(&own, "PATCH", "/v1/me", &name).await.body["account"]["name"], "<b>선생</b>");
    let shown = school.ask(&own, "GET", &format!("/v1/classes/{class}"), "").await;
    assert_eq!(shown.body["instructor"]["name"], "<b>선생</b>");
}
