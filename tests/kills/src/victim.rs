//! What is lost.

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Victim {
    /// An edge with somebody who teaches on it. Without a word, as in a power cut: its sockets stay open and nothing answers.
    EdgeWithPublisher,
    /// The same by `kill -9`: its sockets are closed, and who calls is refused.
    EdgeProcess,
    /// An edge whose users only listen.
    EdgeWithSubscribers,
    /// An edge through which others are linked, below the root.
    Relay,
    /// The edge at the top of the tree.
    Root,
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
    pub(crate) const ALL: [Self; 11] = [
        Self::EdgeWithPublisher,
        Self::EdgeProcess,
        Self::EdgeWithSubscribers,
        Self::Relay,
        Self::Root,
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
            Self::EdgeProcess => "edge with a publisher, `kill -9`",
            Self::EdgeWithSubscribers => "edge with subscribers only",
            Self::Relay => "relay in the middle of a tree",
            Self::Root => "root of a tree",
            Self::ControlPlane => "control plane",
            Self::EtcdLeader => "etcd leader",
            Self::EtcdMajority => "etcd majority",
            Self::Link => "one link",
            Self::LinkDirection => "one direction of a link",
            Self::AllLinksForAMoment => "all links for 320 ms",
        }
    }
}
