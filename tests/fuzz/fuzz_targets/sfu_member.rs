#![no_main]

// The session fences rtc-dtls and rtc-sctp: a panic in them costs that peer, and is no finding. libFuzzer still sees a
// panic that leaves the target.
libfuzzer_sys::fuzz_target!(init: std::panic::set_hook(Box::new(|_| {})), |input: &[u8]| (fuzz::targets::sfu::MEMBER.run)(input));
