//! Doors of an edge that are easily left open: a session's URL, and a token to be guessed.

use seodang::ready::Edge;

mod support;

use support::house::{House, SEOUL};
use support::http;

/// Wrong tokens of one address that are answered as such at once.
const WRONG_TOKENS: usize = 50;

/// What a camera offers that speaks WHIP.
fn offer() -> String {
    let fingerprint = vec!["AB"; 32].join(":");
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\n\
         a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 {fingerprint}\r\n\
         a=setup:actpass\r\na=msid:camera sound\r\na=rtpmap:111 opus/48000/2\r\n"
    )
}

async fn ask(
    edge: &Edge,
    method: &str,
    path: &str,
    token: &str,
    body: &str,
) -> anyhow::Result<http::Response> {
    let authorization = format!("Bearer {token}");
    let headers = [("content-type", "application/sdp"), ("authorization", authorization.as_str())];
    http::request(method, &format!("{}{path}", edge.url), &headers, body.as_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whip_session_is_its_openers_alone() -> anyhow::Result<()> {
    let house = House::open().await?;
    let edge = &house.ready.edges[SEOUL];
    let owner = house.token("class", "camera");
    let opened = ask(edge, "POST", "/whip/class", &owner, &offer()).await?;
    assert_eq!(opened.status, 201, "{}", opened.text());
    let session = opened.headers["location"].clone();
    let (_, id) = session.rsplit_once('/').expect("a path");

    let somebody = house.token("class", "somebody");
    let elsewhere = house.token("other", "camera");
    let (player, stranger) = (format!("/whep/class/{id}"), format!("/whip/class/{}", "0".repeat(32)));
    for method in ["DELETE", "PATCH"] {
        for (path, token, status, word) in [
            (&session, &somebody, 403, "somebody else"),
            (&session, &elsewhere, 403, "another room"),
            (&session, &"nonsense".to_owned(), 401, "token"),
            (&player, &owner, 404, "no such session"),
            (&stranger, &owner, 404, "no such session"),
        ] {
            let answer = ask(edge, method, path, token, "").await?;
            assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
            assert!(answer.text().contains(word), "{method} {path}: {}", answer.text());
        }
    }
    assert_eq!(ask(edge, "DELETE", &session, &owner, "").await?.status, 200, "all that did it no harm");
    assert_eq!(ask(edge, "DELETE", &session, &owner, "").await?.status, 404, "it is gone");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_tokens_is_slowed_down_and_a_right_one_is_taken() -> anyhow::Result<()> {
    let house = House::open().await?;
    let edge = &house.ready.edges[SEOUL];
    let mut wrong = 0;
    let slowed = loop {
        let target = format!("{}/rtc/v1/validate?access_token=guess-{wrong}", edge.url);
        let answer = http::get(&target).await?;
        if answer.status != 401 {
            break answer;
        }
        wrong += 1;
        assert!(wrong < 10 * WRONG_TOKENS, "nobody stops it");
    };
    assert_eq!(slowed.status, 429, "{}", slowed.text());
    assert!(slowed.text().contains("too many wrong tokens"), "{}", slowed.text());
    assert!(wrong >= WRONG_TOKENS, "a class whose tokens ran out is no guesser: {wrong}");
    let whip = ask(edge, "POST", "/whip/class", "guess", "v=0\r\n").await?;
    assert_eq!(whip.status, 429, "the other doors know: {}", whip.text());

    let right = format!("{}/rtc/v1/validate?access_token={}", edge.url, house.token("class", "minji"));
    assert_eq!(http::get(&right).await?.status, 200, "behind the same address somebody has a right one");
    Ok(())
}
