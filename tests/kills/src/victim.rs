//! What is lost.

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Victim {
    /// An edge with somebody who teaches on it. Without a word, as in a power cut: its sockets stay open and nothing answers.
    EdgeWithPublisher,
    /// An edge whose users only listen.
    EdgeWithSubscribers,
    /// An edge through which others are linked.
    Relay,
    ControlPlane,
    EtcdLeader,
    /// Two of three members.
    EtcdMajority,
    /// The link of an edge to its first parent, both directions.
    Link,
    /// From the parent down only.
    LinkDirection,
    /// All links, for a third of a second: longer than it takes to notice.
    AllLinksForAMoment,
}

impl Victim {
    pub(crate) const ALL: [Self; 9] = [
        Self::EdgeWithPublisher,
        Self::EdgeWithSubscribers,
        Self::Relay,
        Self::ControlPlane,
        Self::EtcdLeader,
        Self::EtcdMajority,
        Self::Link,
        Self::LinkDirection,
        Self::AllLinksForAMoment,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::EdgeWithPublisher => "edge with a publisher",
            Self::EdgeWithSubscribers => "edge with subscribers only",
            Self::Relay => "relay in the middle of a tree",
            Self::ControlPlane => "control plane",
            Self::EtcdLeader => "etcd leader",
            Self::EtcdMajority => "etcd majority",
            Self::Link => "one link",
            Self::LinkDirection => "one direction of a link",
            Self::AllLinksForAMoment => "all links for 320 ms",
        }
    }
}
