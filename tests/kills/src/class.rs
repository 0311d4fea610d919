//! The class that goes on while things are lost.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::figures::Cost;
use crate::fleet::{Fleet, edge_name};
use crate::pupil::{Door, Pupil};
use crate::victim::Victim;

/// All is well when everybody has heard everybody within this.
const FRESH: Duration = Duration::from_millis(400);
/// For so long, before something is lost.
const CALM: Duration = Duration::from_secs(2);
const CALM_TIMEOUT: Duration = Duration::from_secs(90);
/// A stream that was silent for so long before the loss is of somebody who left.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3);
/// Longer than it takes to notice a lost link, and over before much is done about it.
const MOMENT: Duration = Duration::from_millis(320);
/// After the watch, reliable messages under way arrive.
const SETTLE: Duration = Duration::from_secs(1);

pub(crate) struct Class {
    fleet: Fleet,
    pub(crate) pupils: Vec<Pupil>,
}

/// What is lost in one run, and how it comes back.
#[derive(Clone, Debug)]
pub(crate) enum Loss {
    /// Number among the edges.
    Edge(usize),
    ControlPlane(usize),
    Etcd(Vec<usize>),
    /// Child and parent of each.
    Links(Vec<(usize, usize)>),
}

impl Class {
    /// A publisher and a subscriber on every edge, two subscribers on the last.
    pub(crate) async fn gather(fleet: Fleet) -> anyhow::Result<Self> {
        let mut pupils = Vec::new();
        for edge in 0..fleet.edges {
            let last = edge + 1 == fleet.edges;
            for (name, publishes) in [("first", !last), ("second", false)] {
                let identity = format!("{name}-of-{edge}");
                let door = Door {
                    edges: (0..fleet.edges)
                        .map(|n| (edge + n) % fleet.edges)
                        .map(|n| (n, fleet.edge_url(n)))
                        .collect(),
                    token: fleet.token(&identity)?,
                };
                pupils.push(Pupil::enter(identity, publishes, door));
            }
        }
        let class = Self { fleet, pupils };
        class.calm().await?;
        Ok(class)
    }

    /// Loses something, counts what it cost, and sets all right again.
    pub(crate) async fn lose(&mut self, victim: Victim, watch: Duration) -> anyhow::Result<Cost> {
        self.calm().await?;
        let began = Instant::now();
        for pupil in &self.pupils {
            pupil.look(|seen| {
                seen.gaps.mark(began, FORGOTTEN_AFTER);
                seen.order.mark();
            });
        }
        // A little before, so that every sender has a first message.
        tokio::time::sleep(Duration::from_millis(400)).await;
        let plan = self.plan().await?;
        let (loss, struck) = self.strike(victim).await?;
        tokio::time::sleep(watch).await;
        let (cost, slowest) = self.count(&loss, watch, struck);
        eprintln!("{loss:?} of {plan}; {slowest}");
        self.mend(loss).await?;
        Ok(cost)
    }

    /// Waits until everybody has been at home, hearing everybody, for a while.
    async fn calm(&self) -> anyhow::Result<()> {
        for pupil in &self.pupils {
            pupil.look(|seen| seen.homesick = true);
        }
        let publishers = self.pupils.iter().filter(|pupil| pupil.publishes).count();
        let end = Instant::now() + CALM_TIMEOUT;
        let mut since = Instant::now();
        while since.elapsed() < CALM {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let now = Instant::now();
            let uneasy: Vec<String> = self
                .pupils
                .iter()
                .filter(|pupil| {
                    let streams = (publishers - usize::from(pupil.publishes)) * 2;
                    let is_home = pupil.look(|seen| {
                        // One that found its own edge closed on the way back tries again.
                        seen.homesick |= seen.edge.is_some_and(|edge| edge != pupil.home);
                        !seen.homesick && seen.edge.is_some()
                    });
                    !is_home || pupil.look(|seen| seen.gaps.fresh(now, FRESH)) < streams
                })
                .map(|pupil| pupil.identity.clone())
                .collect();
            if !uneasy.is_empty() {
                since = now;
            }
            ensure!(
                now < end,
                "no calm within {CALM_TIMEOUT:?}; logs in {}:\n{}",
                self.fleet.kept().display(),
                self.lacking(now)
            );
        }
        Ok(())
    }

    /// Who does not hear whom.
    fn lacking(&self, now: Instant) -> String {
        let publishers: Vec<&Pupil> = self.pupils.iter().filter(|pupil| pupil.publishes).collect();
        let lines = self.pupils.iter().map(|pupil| {
            let edge = pupil.look(|seen| seen.edge);
            let silent = publishers
                .iter()
                .filter(|other| other.identity != pupil.identity)
                .flat_map(|other| [false, true].map(|is_video| (other.identity.clone(), is_video)));
            let silent: Vec<String> = silent
                .filter(|stream| {
                    pupil.look(|seen| seen.gaps.silent_for(stream, now)).is_none_or(|age| age > FRESH)
                })
                .map(|(identity, is_video)| {
                    format!("{identity}{}", if is_video { " video" } else { " audio" })
                })
                .collect();
            format!("{} on {edge:?} lacks: {}", pupil.identity, silent.join(", "))
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    async fn strike(&mut self, victim: Victim) -> anyhow::Result<(Loss, Instant)> {
        let teaching =
            |edge: &usize| self.pupils.iter().any(|p| p.publishes && p.look(|seen| seen.edge) == Some(*edge));
        let all: Vec<usize> = (0..self.fleet.edges).collect();
        let loss = match victim {
            Victim::EdgeWithPublisher | Victim::EdgeProcess => {
                Loss::Edge(pick(all.iter().copied().filter(teaching).collect())?)
            }
            Victim::EdgeWithSubscribers => {
                Loss::Edge(pick(all.iter().copied().filter(|edge| !teaching(edge)).collect())?)
            }
            Victim::Relay => Loss::Edge(pick(self.relays(false).await?)?),
            Victim::Root => Loss::Edge(pick(self.relays(true).await?)?),
            Victim::ControlPlane => Loss::ControlPlane(pick((0..crate::fleet::CONTROL_PLANES).collect())?),
            Victim::EtcdLeader => Loss::Etcd(vec![self.fleet.etcd.leader().await?]),
            Victim::EtcdMajority => {
                let leader = self.fleet.etcd.leader().await?;
                Loss::Etcd(vec![leader, (leader + 1) % etcd_cluster::MEMBERS])
            }
            Victim::Link | Victim::LinkDirection => Loss::Links(vec![pick(self.links().await?)?]),
            Victim::AllLinksForAMoment => Loss::Links(self.links().await?),
        };
        let struck = Instant::now();
        match &loss {
            Loss::Edge(edge) if victim == Victim::EdgeProcess => self.fleet.kill(Fleet::node_of(*edge))?,
            Loss::Edge(edge) => self.fleet.freeze(Fleet::node_of(*edge))?,
            Loss::ControlPlane(number) => self.fleet.kill(*number)?,
            Loss::Etcd(members) => members.iter().try_for_each(|member| self.fleet.etcd.kill(*member))?,
            Loss::Links(_) if victim == Victim::AllLinksForAMoment => {
                for from in 0..self.fleet.edges {
                    (0..self.fleet.edges).for_each(|to| self.fleet.cuts.cut(from, to));
                }
                tokio::time::sleep(MOMENT).await;
                self.fleet.cuts.heal();
            }
            Loss::Links(links) => {
                for (child, parent) in links {
                    self.fleet.cuts.cut(*parent, *child);
                    if victim == Victim::Link {
                        self.fleet.cuts.cut(*child, *parent);
                    }
                }
            }
        }
        Ok((loss, struck))
    }

    /// Who is linked upwards to whom, first and second: what to hold the slowest of a run against.
    async fn plan(&self) -> anyhow::Result<String> {
        let Some(plan) = self.fleet.topology().await? else { return Ok("a direct room".to_owned()) };
        let short = |name: &str| name.trim_start_matches("edge-").to_owned();
        let parent = |name: &Option<String>| name.as_deref().map_or_else(|| "-".to_owned(), short);
        let places = plan.places.iter();
        let places =
            places.map(|(name, at)| format!("{}<{},{}", short(name), parent(&at.first), parent(&at.second)));
        Ok(places.collect::<Vec<_>>().join(" "))
    }

    /// Edges between others: the root of the room's tree, or those below it. All that are not children, of a room without one.
    async fn relays(&self, is_root: bool) -> anyhow::Result<Vec<usize>> {
        let links = self.links().await?;
        let has_parent = |edge: &usize| links.iter().any(|(child, _)| child == edge);
        let parents: BTreeSet<usize> = links.iter().map(|(_, parent)| *parent).collect();
        Ok(parents.into_iter().filter(|parent| has_parent(parent) != is_root).collect())
    }

    /// (child, parent) of the room's tree; of a room without one, all pairs.
    async fn links(&self) -> anyhow::Result<Vec<(usize, usize)>> {
        let number = |name: &str| (0..self.fleet.edges).find(|edge| edge_name(*edge) == name);
        let Some(plan) = self.fleet.topology().await? else {
            return Ok((1..self.fleet.edges).flat_map(|a| (0..a).map(move |b| (a, b))).collect());
        };
        let links = plan
            .places
            .iter()
            .filter_map(|(name, place)| Some((number(name)?, number(place.first.as_deref()?)?)));
        Ok(links.collect())
    }

    async fn mend(&mut self, loss: Loss) -> anyhow::Result<()> {
        tokio::time::sleep(SETTLE).await;
        match loss {
            Loss::Edge(edge) => {
                let node = Fleet::node_of(edge);
                self.fleet.kill(node)?;
                self.fleet.start(node)?;
                self.fleet.ready(node).await
            }
            Loss::ControlPlane(number) => {
                self.fleet.start(number)?;
                self.fleet.ready(number).await
            }
            Loss::Etcd(members) => members.into_iter().try_for_each(|member| self.fleet.etcd.restart(member)),
            Loss::Links(_) => {
                self.fleet.cuts.heal();
                Ok(())
            }
        }
    }
}

fn pick<T>(mut choices: Vec<T>) -> anyhow::Result<T> {
    if choices.is_empty() {
        bail!("there is nothing of that kind to lose");
    }
    let at = rand::random_range(0..choices.len());
    Some(choices.swap_remove(at)).context("a choice")
}
