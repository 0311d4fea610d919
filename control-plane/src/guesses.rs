//! How often a password may be tried.
//!
//! Counted for a mail address from one network, so that a stranger who types wrong passwords elsewhere keeps nobody out of her
//! own account; and, much wider, for a mail address from everywhere, so that many networks together do not get far.

use std::net::IpAddr;
use std::time::Duration;

use control_plane_agent::proxy::household;
use tokio::time::Instant;

use crate::config::Rate;
use crate::rate::Limiter;

/// From one network: ten at once, then two a minute.
const NEAR: Rate = Rate { burst: 10, per_second: 1.0 / 30.0 };
/// From everywhere: 200 at once, then one every five seconds. A password of eight random letters holds for 30,000 years.
const WIDE: Rate = Rate { burst: 200, per_second: 0.2 };

#[derive(Debug)]
pub(crate) struct Guesses {
    near: Limiter<String>,
    wide: Limiter<String>,
}

impl Guesses {
    pub(crate) fn new() -> Self {
        Self { near: Limiter::new(NEAR), wide: Limiter::new(WIDE) }
    }

    /// Counts a try, or says how long until the next one. Whether there is such an account makes no difference: a limit that
    /// only real ones have would tell them apart.
    pub(crate) fn take(&self, email: &str, address: IpAddr, now: Instant) -> Result<(), Duration> {
        self.near.take(place(email, address), now)?;
        self.wide.take(email.to_owned(), now)
    }

    /// The owner has shown that the mailbox is hers: what was tried before no longer counts.
    pub(crate) fn forget(&self, email: &str, address: IpAddr) {
        self.near.forget_asker(&place(email, address));
        self.wide.forget_asker(&email.to_owned());
    }
}

fn place(email: &str, address: IpAddr) -> String {
    format!("{} {email}", household(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_strangers_network_keeps_nobody_out_and_many_networks_do_not_get_far() {
        let (guesses, now) = (Guesses::new(), Instant::now());
        assert!((0..10).all(|_| guesses.take("minji@example.org", address(66), now).is_ok()));
        assert!(guesses.take("minji@example.org", address(66), now).is_err());
        assert_eq!(guesses.take("minji@example.org", address(1), now), Ok(()), "she herself");

        let tried: usize = (2..=255)
            .map(|last| {
                (0..9).filter(|_| guesses.take("jisu@example.org", address(last), now).is_ok()).count()
            })
            .sum();
        assert_eq!(tried, 200);
        assert!(guesses.take("jisu@example.org", address(1), now).is_err());
        guesses.forget("jisu@example.org", address(1));
        assert_eq!(
            guesses.take("jisu@example.org", address(1), now),
            Ok(()),
            "a new password was set by mail"
        );
    }
}
