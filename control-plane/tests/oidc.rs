//! Sign-in at a real, small OpenID provider: the good ways, and the bad ones that sign nobody in.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use control_plane::config::Secret;
use http::StatusCode;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use serde_json::{Value, json};

#[path = "support/both.rs"]
mod both;
#[path = "support/provider.rs"]
mod provider;
#[path = "support/school.rs"]
#[expect(dead_code, reason = "only people are of interest here")]
mod school;

use both::both;
use provider::{Lie, Provider, Signature};
use school::{Answer, Person, School, server};

both!(
    somebody_signs_in_and_is_the_same_the_next_time,
    a_mail_address_alone_opens_no_account,
    lies_sign_nobody_in,
    a_state_is_good_once_and_in_its_own_browser,
);

async fn open(database: Secret) -> (School, Arc<Provider>) {
    let provider = Provider::start().await;
    let setting = provider.setting();
    let school = School::open(|config| {
        config.database = database;
        config.oidc = vec![setting];
    });
    (school.await, provider)
}

fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, StatusCode::FOUND, "{answer:?}");
    answer.headers["location"].to_str().expect("text")
}

/// The value of a cookie that an answer sets; empty when it takes it away.
fn set(answer: &Answer, name: &str) -> Option<String> {
    let all = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().expect("text"));
    let found = all.filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).next()?;
    assert!(found.contains("; HttpOnly; SameSite=Lax"), "{found}");
    found.split(';').next().map(str::to_owned)
}

/// A browser that has been at the provider: what it comes back with.
struct Visit {
    cookie: String,
    path: String,
}

async fn visit(school: &School, return_to: &str) -> Visit {
    let asked = format!("/v1/oidc/village?return_to={return_to}");
    let begun = school.ask(&Person::default(), "GET", &asked, "").await;
    let cookie = format!("seodang_oidc={}", set(&begun, "seodang_oidc").expect("a cookie"));
    let client = Client::builder(hyper_util::rt::TokioExecutor::new()).build_http::<Full<Bytes>>();
    let there = client.get(location(&begun).parse().expect("a URL")).await.expect("the provider");
    assert_eq!(there.status(), StatusCode::SEE_OTHER, "the provider takes what it is asked");
    let back = there.headers()["location"].to_str().expect("text");
    let path = back.strip_prefix(&format!("http://{}", school.address)).expect("back here").to_owned();
    Visit { cookie, path }
}

async fn come_back(school: &School, visit: &Visit) -> Answer {
    school.ask_with(&Person::default(), "GET", &visit.path, "", &[("cookie", &visit.cookie)]).await
}

/// There and back; the path it leads to, and whoever is signed in then.
async fn signed_in(school: &School) -> Value {
    let back = come_back(school, &visit(school, "/class/ink?x=1").await).await;
    assert_eq!(location(&back), "/class/ink?x=1");
    assert_eq!(set(&back, "seodang_oidc").as_deref(), Some(""), "no longer of use");
    let person = Person { cookie: set(&back, "seodang_session"), ..Person::default() };
    school.ask(&person, "GET", "/v1/me", "").await.body["account"].clone()
}

async fn accounts(school: &School) -> usize {
    let listed = school.ask(&server(), "GET", "/v1/admin/accounts", "").await;
    listed.body["items"].as_array().expect("a list").len()
}

async fn somebody_signs_in_and_is_the_same_the_next_time(database: Secret) {
    let (school, provider) = open(database).await;
    let me = school.ask(&Person::default(), "GET", "/v1/me", "").await;
    assert_eq!(me.body["oidc"], json!(["village"]));
    provider.says(json!({"email": "Minji@Example.org", "email_verified": true, "name": "김민지"}));
    let first = signed_in(&school).await;
    assert_eq!(
        (&first["name"], &first["email"], &first["role"]),
        (&json!("김민지"), &json!("minji@example.org"), &json!("student"))
    );
    provider.says(json!({"email": "new@example.org", "email_verified": true, "name": "another name"}));
    assert_eq!(signed_in(&school).await, first, "whoever has the subject, whatever else is said");
    provider.says(json!({"sub": "another", "email": "head@example.org"}));
    let other = signed_in(&school).await;
    assert_eq!(
        (&other["email"], &other["role"]),
        (&Value::Null, &json!("student")),
        "not verified: not theirs"
    );
    assert_ne!(other["id"], first["id"]);

    for bad in ["//evil.example", "https:%2F%2Fevil.example", "%2F%5Cevil.example"] {
        let back = come_back(&school, &visit(&school, bad).await).await;
        assert_eq!(location(&back), "/", "{bad}");
    }
    let id = other["id"].as_str().expect("an id");
    let off = json!({"disabled": true});
    school.send(&server(), "PATCH", &format!("/v1/admin/accounts/{id}"), &off).await;
    let back = come_back(&school, &visit(&school, "/").await).await;
    assert_eq!(location(&back), "/signin?error=disabled&next=%2F");
    assert_eq!(set(&back, "seodang_session"), None);
    assert_eq!(provider.fetched.load(Ordering::Relaxed), 1, "keys are kept");
}

async fn a_mail_address_alone_opens_no_account(database: Secret) {
    let (school, provider) = open(database).await;
    let minji = school.person("minji", "instructor").await;
    school.person("jisu", "student").await;
    provider.says(json!({"email": "minji@example.org", "email_verified": true}));
    let back = come_back(&school, &visit(&school, "/desk").await).await;
    assert_eq!(location(&back), "/signin?error=oidc_known&next=%2Fdesk");
    assert_eq!(set(&back, "seodang_session"), None);
    let waiting = set(&back, "seodang_link").expect("what waits for the password");

    let sign_in = async |name: &str, waiting: &str| {
        let given = json!({"email": format!("{name}@example.org"), "password": "a long password"});
        let cookie = format!("seodang_link={waiting}");
        let headers = [("cookie", cookie.as_str())];
        let answer =
            school.ask_with(&Person::default(), "POST", "/v1/session", given.to_string(), &headers).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert_eq!(set(&answer, "seodang_link").as_deref(), Some(""));
    };
    let is_open =
        async || set(&come_back(&school, &visit(&school, "/").await).await, "seodang_session").is_some();
    sign_in("jisu", &waiting).await;
    sign_in("minji", &format!("{waiting}x")).await;
    sign_in("minji", &waiting.replacen('e', "f", 1)).await;
    assert!(!is_open().await, "another's password, or a forged cookie, joins nothing");
    sign_in("minji", &waiting).await;
    assert_eq!(signed_in(&school).await["id"], json!(minji.id), "the password was given once");
    assert_eq!(accounts(&school).await, 2);
}

async fn lies_sign_nobody_in(database: Secret) {
    let (school, provider) = open(database).await;
    let lies = [
        ("wrong nonce", json!({}), json!({"nonce": "x"}), Signature::Own),
        ("no nonce", json!({}), json!({"nonce": null}), Signature::Own),
        ("wrong audience", json!({}), json!({"aud": "others"}), Signature::Own),
        ("of another party", json!({}), json!({"azp": "others"}), Signature::Own),
        ("wrong issuer", json!({}), json!({"iss": "https://evil.example"}), Signature::Own),
        ("expired", json!({}), json!({"exp": 1_000_000}), Signature::Own),
        ("forged", json!({}), json!({}), Signature::Forged),
        ("unknown key", json!({"kid": "k2"}), json!({}), Signature::Forged),
        ("unsigned", json!({"alg": "none"}), json!({}), Signature::None),
        ("unsigned, but says otherwise", json!({}), json!({}), Signature::None),
        ("with a shared secret", json!({"alg": "HS256"}), json!({}), Signature::Own),
    ];
    for (what, header, claims, signature) in lies {
        *provider.lie.lock() = Lie { header, claims, signature };
        let back = come_back(&school, &visit(&school, "/x").await).await;
        assert_eq!(location(&back), "/signin?error=oidc_failed&next=%2Fx", "{what}");
        assert_eq!(set(&back, "seodang_session"), None, "{what}");
    }
    assert_eq!(accounts(&school).await, 0, "and nothing is left of it");
    assert_eq!(provider.fetched.load(Ordering::Relaxed), 1, "an unknown key is no way to make us ask");
    provider.says(json!({}));
    assert!(signed_in(&school).await["id"].is_string(), "the truth does");
}

async fn a_state_is_good_once_and_in_its_own_browser(database: Secret) {
    let (school, provider) = open(database).await;
    let expired = "/signin?error=oidc_expired&next=%2F";
    let (mine, others) = (visit(&school, "/").await, visit(&school, "/").await);
    let swapped = Visit { cookie: others.cookie.clone(), path: mine.path.clone() };
    assert_eq!(location(&come_back(&school, &swapped).await), expired, "another browser's");
    let bare = Visit { cookie: String::new(), path: mine.path.clone() };
    assert_eq!(location(&come_back(&school, &bare).await), expired, "no cookie");
    assert!(set(&come_back(&school, &mine).await, "seodang_session").is_some(), "its own");
    assert_eq!(location(&come_back(&school, &mine).await), expired, "replayed");

    // A code of another sign-in has another challenge: the provider does not take it with this verifier.
    let (one, two) = (visit(&school, "/").await, visit(&school, "/").await);
    let code = |visit: &Visit| visit.path.split(['=', '&']).nth(1).expect("a code").to_owned();
    let injected = Visit { path: one.path.replace(&code(&one), &code(&two)), cookie: one.cookie };
    assert_eq!(location(&come_back(&school, &injected).await), "/signin?error=oidc_failed&next=%2F");

    let back = |more: &str| format!("/v1/oidc/village/back{more}");
    for odd in ["", "?state=%FF", "?code=x&code=y&state=z", "?state="] {
        let answer = school.ask(&Person::default(), "GET", &back(odd), "").await;
        assert!(location(&answer).starts_with("/signin?error=oidc_"), "{odd}");
    }
    let refused = visit(&school, "/").await;
    let state = refused.path.split("state=").nth(1).and_then(|rest| rest.split('&').next()).expect("a state");
    let refused =
        Visit { path: back(&format!("?error=access_denied&state={state}")), cookie: refused.cookie.clone() };
    assert_eq!(location(&come_back(&school, &refused).await), "/signin?error=oidc_denied&next=%2F");
    let mixed = visit(&school, "/").await;
    let mixed = Visit { path: format!("{}&iss=https://evil.example", mixed.path), ..mixed };
    assert_eq!(location(&come_back(&school, &mixed).await), "/signin?error=oidc_failed&next=%2F");
    assert_eq!(accounts(&school).await, 1);
    drop(provider);
}
