use std::time::Duration;

use edge_session::{CloseReason, Event, SrtpProfile};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;

use crate::client::{Client, Options};
use crate::world::{PASSWORD, Towards, UFRAG, World, address};

/// First byte of a record: handshake; first of its body: ServerHello.
fn is_server_hello(datagram: &[u8]) -> bool {
    datagram[0] == 22 && datagram.get(13) == Some(&2)
}

#[test]
fn a_peer_that_offers_what_chromium_does_connects_with_gcm() {
    let mut world = World::new(1);
    assert!(world.connect());
    assert_eq!(world.client.profile, Some(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm));
    assert!(world.events.contains(&Event::Connected { profile: Some(SrtpProfile::AeadAes128Gcm) }));
    assert_eq!(world.session.destination(), Some(world.client.address));
}

#[test]
fn a_peer_without_gcm_connects_with_aes_cm() {
    let profiles = vec![SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80];
    let mut world = World::with(2, &Options { profiles, ..Options::default() });
    assert!(world.connect());
    assert!(world.events.contains(&Event::Connected { profile: Some(SrtpProfile::Aes128CmSha1_80) }));
}

#[test]
fn a_peer_without_srtp_connects_for_data_alone() {
    let mut world = World::with(3, &Options { profiles: vec![], ..Options::default() });
    assert!(world.connect());
    assert!(world.events.contains(&Event::Connected { profile: None }));
}

#[test]
fn a_client_hello_in_many_datagrams_connects_and_is_answered_once() {
    let mut world = World::with(4, &Options { mtu: 60, ..Options::default() });
    let requests = std::rc::Rc::new(std::cell::Cell::new(0));
    let counter = requests.clone();
    world.filter = Box::new(move |towards, datagram| {
        let is_verify_request = datagram[0] == 22 && datagram[13] == 3;
        counter.set(counter.get() + u32::from(towards == Towards::Client && is_verify_request));
        true
    });
    assert!(world.connect());
    assert_eq!(requests.get(), 1, "HelloVerifyRequests");
    assert_eq!(world.client.profile, Some(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm));
}

#[test]
fn a_lost_server_hello_flight_is_sent_again_before_the_client_asks() {
    let mut world = World::new(5);
    let mut lost = 0;
    world.filter = Box::new(move |towards, datagram| {
        let drop = towards == Towards::Client && is_server_hello(datagram) && lost < 2;
        lost += u32::from(drop);
        !drop
    });
    let began = world.now;
    assert!(world.connect());
    assert!(world.now - began < Duration::from_millis(500), "took {:?}", world.now - began);
}

#[test]
fn the_server_flight_fits_one_datagram() {
    let mut world = World::new(6);
    let lengths = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let seen = lengths.clone();
    world.filter = Box::new(move |towards, datagram| {
        if towards == Towards::Client && datagram[0] >= 20 {
            seen.borrow_mut().push(datagram.len());
        }
        true
    });
    assert!(world.connect());
    assert_eq!(lengths.borrow().len(), 3, "HelloVerifyRequest, ServerHello to Done, Finished: {lengths:?}");
}

#[test]
fn two_hundred_handshakes_through_ten_percent_loss_all_connect() {
    for seed in 0..200 {
        let mut world = World::new(seed);
        world.loss = 0.10;
        assert!(world.connect(), "seed {seed}: {:?}", world.events);
    }
}

#[test]
fn handshakes_over_a_weak_link_connect_too() {
    for seed in 0..50 {
        let mut world = World::new(seed);
        world.loss = 0.10;
        world.one_way = Duration::from_millis(150);
        assert!(world.connect(), "seed {seed}: {:?}", world.events);
    }
}

#[test]
fn a_certificate_other_than_announced_ends_the_session() {
    let client =
        Client::new(address(4000), format!("{UFRAG}:client"), PASSWORD.to_owned(), &Options::default());
    let mut world = World::with_fingerprint(7, client, &format!("sha-256 {}", ["AB"; 32].join(":")));
    assert!(!world.connect());
    assert_eq!(world.events, [Event::Closed { reason: CloseReason::FingerprintMismatch }]);
    assert!(world.client.is_closed, "the client is told");
    assert!(world.session.poll_timeout().is_none());
}

#[test]
fn nobody_there_ends_the_session_after_thirty_seconds() {
    let mut world = World::new(8);
    world.loss = 1.0;
    world.run_for(Duration::from_millis(29_999));
    assert_eq!(world.events, []);
    world.run_for(Duration::from_millis(1));
    assert_eq!(world.events, [Event::Closed { reason: CloseReason::HandshakeTimeout }]);
}

#[test]
fn a_peer_that_closes_is_told_from_one_that_falls_silent() {
    let mut world = World::connected(9);
    let now = world.now;
    world.client.close(now);
    world.run_for(Duration::from_millis(100));
    assert_eq!(world.events.last(), Some(&Event::Closed { reason: CloseReason::Peer }));

    let mut world = World::connected(10);
    world.run_for(Duration::from_secs(40));
    assert!(world.session.is_connected(), "checks keep consent");
    world.client.stop_checks();
    world.run_for(Duration::from_secs(28));
    assert!(world.session.is_connected());
    world.run_for(Duration::from_secs(3));
    assert_eq!(world.events.last(), Some(&Event::Closed { reason: CloseReason::ConsentExpired }));
}

#[test]
fn closing_tells_the_peer_and_is_the_last_event() {
    let mut world = World::connected(11);
    world.session.close(world.now);
    world.session.close(world.now);
    world.run_for(Duration::from_millis(100));
    assert!(world.client.is_closed);
    let ends = world.events.iter().filter(|event| matches!(event, Event::Closed { .. })).count();
    assert_eq!((ends, world.events.last()), (1, Some(&Event::Closed { reason: CloseReason::Local })));
    assert_eq!(
        world.session.seal_rtcp(&mut vec![0x80, 200, 0, 1, 0, 0, 0, 1]),
        Err(edge_session::SealError::NoKeys)
    );
}
