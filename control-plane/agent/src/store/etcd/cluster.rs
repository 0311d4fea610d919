//! The members of the cluster, one connection each, and the order in which they are asked.
//!
//! One member is asked until it fails, then the next. A request that is safe to repeat, or that surely was not done, goes
//! on to the other members, and for [`RIDE_OUT`] round and round: an election takes a second or two and nobody should
//! notice. Once that was in vain the cluster counts as away, and until it answers again each request goes round once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use etcd_client::{Client, ConnectOptions};
use futures_util::future::BoxFuture;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::config::Config;
use super::failure::Failure;
use super::schema;
use crate::store::Error;

/// Time to reach a member.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Time for one member to answer: a node's lease must outlive two silent members.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1_500);
/// How long a request is repeated through an election: etcd's timeout is 1 s by default, drawn up to twice as long.
const RIDE_OUT: Duration = Duration::from_millis(2_500);
/// No request takes longer in all.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(4);
/// Between two rounds.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 50..=150;

/// Whether a request may be made twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Twice is as good as once.
    Always,
    /// Only if it surely was not done.
    IfNotDone,
}

pub(super) struct Cluster {
    config: Config,
    options: ConnectOptions,
    members: Vec<Member>,
    current: AtomicUsize,
    away: AtomicBool,
    schema_fits: AtomicBool,
}

struct Member {
    endpoint: String,
    connection: Mutex<Connection>,
}

#[derive(Default)]
struct Connection {
    client: Option<Client>,
    /// Which authentication it is, so that of many who find it stale one renews it.
    session: u64,
}

impl Cluster {
    pub(super) fn new(config: &Config) -> anyhow::Result<Self> {
        config.check()?;
        config.password()?;
        let members = config
            .endpoints
            .iter()
            .map(|endpoint| Member { endpoint: endpoint.clone(), connection: Mutex::default() })
            .collect::<Vec<_>>();
        Ok(Self {
            options: config.options()?,
            config: config.clone(),
            // Nodes spread over the members.
            current: AtomicUsize::new(rand::random_range(0..members.len())),
            members,
            away: AtomicBool::new(false),
            schema_fits: AtomicBool::new(false),
        })
    }

    pub(super) fn prefix(&self) -> &str {
        &self.config.prefix
    }

    /// Asks members until one answers; see the head of this file.
    pub(super) async fn ask<'a, T>(
        &self,
        repeat: Repeat,
        request: impl Fn(Client) -> BoxFuture<'a, Result<T, Failure>>,
    ) -> Result<T, Error> {
        let start = Instant::now();
        let ride_out = if self.away.load(Ordering::Relaxed) { start } else { start + RIDE_OUT };
        let mut round = Round::default();
        loop {
            let at = self.current.load(Ordering::Relaxed);
            let until = (Instant::now() + ATTEMPT_TIMEOUT).min(start + REQUEST_TIMEOUT);
            match self.attempt(at, until, &request).await {
                Ok(answer) => {
                    self.away.store(false, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(Failure::Answered(error)) => return Err(error),
                Err(Failure::Session { reason }) => return Err(Error::refused(reason)),
                Err(Failure::NotDone { reason, certificate }) => round.failed(reason, certificate),
                Err(Failure::Unknown { reason, closed }) => {
                    if closed {
                        round.closed(reason)
                    } else {
                        round.failed(reason, false)
                    }
                    if repeat == Repeat::IfNotDone {
                        self.go_on_from(at);
                        return Err(round.error());
                    }
                }
            }
            self.go_on_from(at);
            if round.tried < self.members.len() {
                continue;
            }
            if Instant::now() >= ride_out {
                self.away.store(true, Ordering::Relaxed);
                return Err(round.error());
            }
            round.again();
            tokio::time::sleep(Duration::from_millis(rand::random_range(PAUSE_MS))).await;
        }
    }

    /// One request to one member. A token it no longer takes is renewed once.
    async fn attempt<'a, T>(
        &self,
        at: usize,
        until: Instant,
        request: &impl Fn(Client) -> BoxFuture<'a, Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let member = &self.members[at % self.members.len()];
        let named = |failure: Failure| member.named(failure);
        let mut renewed = false;
        loop {
            let connected = tokio::time::timeout_at(until, self.connect(member)).await;
            let connected = connected.unwrap_or_else(|_| Err(Failure::not_done("no connection in time")));
            let (client, session) = connected.map_err(named)?;
            let answered = tokio::time::timeout_at(until, request(client)).await;
            let answered = answered.unwrap_or_else(|_| Err(Failure::unknown("no answer in time")));
            match answered {
                Err(Failure::Session { reason }) if !renewed => {
                    tracing::debug!(endpoint = member.endpoint, reason, "authenticating again");
                    renewed = true;
                    member.forget(session).await;
                }
                answered => return answered.map_err(named),
            }
        }
    }

    async fn connect(&self, member: &Member) -> Result<(Client, u64), Failure> {
        let mut connection = member.connection.lock().await;
        if let Some(client) = &connection.client {
            return Ok((client.clone(), connection.session));
        }
        let mut options = self.options.clone();
        let password = self.config.password().map_err(|error| Failure::not_done(format!("{error:#}")))?;
        if let Some(password) = password {
            options = options.with_user(&self.config.user, password);
        }
        // Authenticates, if there is a user; connects only with the first request otherwise.
        let client = Client::connect([&member.endpoint], Some(options)).await?;
        if !self.schema_fits.load(Ordering::Relaxed) {
            schema::check(&client, self.prefix()).await?;
            self.schema_fits.store(true, Ordering::Relaxed);
        }
        connection.session += 1;
        connection.client = Some(client.clone());
        Ok((client, connection.session))
    }

    /// After a failure at `seen` the next request goes to the next member, whoever says so first.
    pub(super) fn go_on_from(&self, seen: usize) {
        let next = (seen + 1) % self.members.len();
        // Another one has gone on already: fine.
        self.current.compare_exchange(seen, next, Ordering::Relaxed, Ordering::Relaxed).ok();
    }

    /// The member asked first at the moment.
    pub(super) fn current(&self) -> usize {
        self.current.load(Ordering::Relaxed)
    }
}

impl Member {
    /// Lets go of the connection that was authenticated as `session`.
    async fn forget(&self, session: u64) {
        let mut connection = self.connection.lock().await;
        if connection.session == session {
            connection.client = None;
        }
    }

    fn named(&self, failure: Failure) -> Failure {
        let name = |reason: String| format!("{}: {reason}", self.endpoint);
        match failure {
            Failure::Answered(Error::Refused { reason }) => {
                Failure::Answered(Error::Refused { reason: name(reason) })
            }
            Failure::NotDone { reason, certificate } => {
                Failure::NotDone { reason: name(reason), certificate }
            }
            Failure::Unknown { reason, closed } => Failure::Unknown { reason: name(reason), closed },
            Failure::Session { reason } => Failure::Session { reason: name(reason) },
            Failure::Answered(error) => Failure::Answered(error),
        }
    }
}

/// What the members said: reasons of this round, counts of all rounds.
#[derive(Default)]
struct Round {
    tried: usize,
    reasons: Vec<String>,
    certificates: usize,
    others: usize,
}

impl Round {
    fn failed(&mut self, reason: String, certificate: bool) {
        *(if certificate { &mut self.certificates } else { &mut self.others }) += 1;
        self.closed(reason);
    }

    fn closed(&mut self, reason: String) {
        self.tried += 1;
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    fn again(&mut self) {
        self.tried = 0;
        self.reasons.clear();
    }

    /// When TLS comes about with no member it is our configuration, not an outage.
    fn error(&self) -> Error {
        let reason = self.reasons.join("; ");
        if self.certificates > 0 && self.others == 0 {
            return Error::refused(format_args!(
                "no member takes our certificate, or we not theirs: {reason}"
            ));
        }
        Error::unavailable(reason)
    }
}
