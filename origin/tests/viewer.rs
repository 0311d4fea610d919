//! Objects over HTTP, and everything a viewer may ask wrongly.

mod fleet;

use fleet::{Fleet, request};

/// An origin with one finished recording's worth of files, put there by hand.
async fn library() -> (Fleet, fleet::Running) {
    let fleet = Fleet::new();
    let folder = fleet.folder().join("objects/class/RM_1/one");
    std::fs::create_dir_all(&folder).expect("a folder");
    let segment: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    std::fs::write(folder.join("v0-00001.m4s"), segment).expect("a segment");
    std::fs::write(folder.join("main.m3u8"), "#EXTM3U\n").expect("a playlist");
    std::fs::write(fleet.folder().join("secret.json"), "{}").expect("a secret");
    let running = fleet.start().await;
    (fleet, running)
}

const SEGMENT: &str = "/class/RM_1/one/v0-00001.m4s";

#[tokio::test]
async fn whole_objects_carry_what_caches_need() {
    let (_fleet, origin) = library().await;
    let segment = origin.get(SEGMENT).await;
    assert_eq!((segment.status, segment.body.len()), (200, 100_000));
    assert_eq!(segment.header("content-type"), Some("video/iso.segment"));
    assert_eq!(segment.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(segment.header("accept-ranges"), Some("bytes"));
    assert_eq!(segment.header("content-length"), Some("100000"));
    let etag = segment.header("etag").expect("a validator").to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    let playlist = origin.get("/class/RM_1/one/main.m3u8?x=1").await;
    assert_eq!(playlist.header("content-type"), Some("application/vnd.apple.mpegurl"));
    assert_eq!(playlist.header("cache-control"), Some("public, max-age=5"));

    let again = request(origin.addresses.http, "GET", SEGMENT, &[("if-none-match", &etag)]).await;
    assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(etag.as_str())));
    let head = request(origin.addresses.http, "HEAD", SEGMENT, &[]).await;
    assert_eq!((head.status, head.body.len(), head.header("content-length")), (200, 0, Some("100000")));
    let cross =
        request(origin.addresses.http, "GET", SEGMENT, &[("origin", "https://elsewhere.example")]).await;
    assert_eq!(cross.header("access-control-allow-origin"), Some("*"));
    let preflight = [("origin", "https://a.example"), ("access-control-request-method", "GET")];
    let preflight = request(origin.addresses.http, "OPTIONS", SEGMENT, &preflight).await;
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (200, Some("*")));
    origin.stop().await;
}

#[tokio::test]
async fn ranges_give_their_bytes_and_bad_ones_say_how_long_the_object_is() {
    let (_fleet, origin) = library().await;
    let range = async |value: &str| request(origin.addresses.http, "GET", SEGMENT, &[("range", value)]).await;
    let part = range("bytes=256-511").await;
    assert_eq!((part.status, part.header("content-range")), (206, Some("bytes 256-511/100000")));
    assert_eq!(part.body, (0..=255).collect::<Vec<u8>>());
    let tail = range("bytes=-10").await;
    assert_eq!(
        (tail.status, tail.body.len(), tail.header("content-range")),
        (206, 10, Some("bytes 99990-99999/100000"))
    );
    let outside = range("bytes=100000-").await;
    assert_eq!((outside.status, outside.header("content-range")), (416, Some("bytes */100000")));
    for ignored in ["bytes=5-2", "bytes=a-b", "bytes=0-1,3-4", "elephants=1-2"] {
        assert_eq!(range(ignored).await.status, 200, "{ignored}");
    }
    origin.stop().await;
}

#[tokio::test]
async fn no_path_leads_out_of_the_store() {
    let (_fleet, origin) = library().await;
    let bad = [
        "/class/RM_1/../../../secret.json",
        "/class/RM_1/one/../../../../secret.json",
        "/class/RM_1/%2e%2e/%2e%2e/%2e%2e/secret.json",
        "/class/RM_1/..%2f..%2f..%2fsecret.json",
        "/class//RM_1/one/main.m3u8",
        "/class/RM_1/one/main.m3u8/",
        "/class/RM_1/one/main.m3u8%00",
        "/../journals/class/RM_1/x",
        "/secret.json",
        "/class/RM_1",
        "/",
        "/class/RM_1/one/nothing.m4s",
    ];
    for path in bad {
        let response = origin.get(path).await;
        assert_eq!(response.status, 404, "{path}");
        assert!(response.text().starts_with("{\"error\":"), "{path}: {}", response.text());
        assert_eq!(response.header("content-type"), Some("application/json"), "{path}");
    }
    assert_eq!(request(origin.addresses.http, "PUT", SEGMENT, &[]).await.status, 405);
    let metrics = request(origin.addresses.admin, "GET", "/metrics", &[]).await;
    let counted =
        metrics.text().lines().find_map(|line| line.strip_prefix("seodang_origin_http_bad_paths_total "));
    let counted: u32 = counted.and_then(|value| value.parse().ok()).expect("a counter");
    assert!(counted >= 6, "{counted}");
    assert_eq!(request(origin.addresses.admin, "GET", "/healthz", &[]).await.status, 200);
    assert_eq!(request(origin.addresses.admin, "GET", "/readyz", &[]).await.status, 200);
    origin.stop().await;
}
