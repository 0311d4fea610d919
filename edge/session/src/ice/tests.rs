use super::*;

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

#[expect(clippy::disallowed_methods, reason = "an instant to begin at; time passes by arithmetic")]
fn ice() -> (Ice, Instant) {
    let local = LocalIce { ufrag: "here".to_owned(), pwd: "a password of this side".to_owned() };
    (Ice::new(local), Instant::now())
}

/// Puts a path in place as an authenticated check does.
fn check(ice: &mut Ice, now: Instant, port: u16, use_candidate: bool) {
    ice.validate(now, address(port), use_candidate);
}

#[test]
fn media_goes_to_the_first_path_until_one_is_nominated() {
    let (mut ice, now) = ice();
    assert_eq!(ice.destination(), None);
    check(&mut ice, now, 1, false);
    check(&mut ice, now, 2, false);
    assert_eq!(ice.destination(), Some(address(1)));
    check(&mut ice, now, 2, true);
    assert_eq!(ice.destination(), Some(address(2)));
    check(&mut ice, now, 1, false);
    assert_eq!(
        ice.destination(),
        Some(address(2)),
        "an ordinary check moves nothing while the path is alive"
    );
    check(&mut ice, now, 1, true);
    assert_eq!(ice.destination(), Some(address(1)), "the latest nomination wins");
}

#[test]
fn a_silent_path_loses_to_a_fresh_check() {
    let (mut ice, now) = ice();
    check(&mut ice, now, 1, true);
    check(&mut ice, now + Duration::from_millis(1_500), 2, false);
    assert_eq!(ice.destination(), Some(address(1)));
    ice.heard(now + Duration::from_millis(1_500), address(1));
    check(&mut ice, now + Duration::from_secs(3), 2, false);
    assert_eq!(ice.destination(), Some(address(1)), "media keeps a path alive");
    check(&mut ice, now + Duration::from_millis(3_500), 2, false);
    assert_eq!(ice.destination(), Some(address(2)));
}

#[test]
fn the_set_of_paths_is_bounded_and_keeps_the_one_in_use() {
    let (mut ice, now) = ice();
    check(&mut ice, now, 1, true);
    for port in 2..100 {
        check(&mut ice, now + Duration::from_millis(port.into()), port, false);
    }
    assert_eq!(ice.paths.len(), PATHS_MAX);
    assert!(ice.is_validated(address(1)) && ice.is_validated(address(99)) && !ice.is_validated(address(2)));
}
