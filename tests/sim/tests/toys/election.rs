//! Raft's leader election and nothing else: terms, votes, one leader a term.

use node::{Addr, Ctx, LocalTime, Node, OpId, load, save};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// How this copy is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub enum Bug {
    /// Not at all.
    #[default]
    None,
    /// The vote is written and not synced.
    NoSync,
    /// The vote is sent, then written and synced.
    VoteBeforeSync,
}

pub struct Config {
    pub peers: Vec<Addr>,
    pub bug: Bug,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Msg {
    RequestVote { term: u64 },
    Vote { term: u64 },
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Election;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub enum Role {
    Follower,
    Candidate,
    Leader,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Raft {
    /// Term and vote.
    vote: (u64, Option<u32>),
    role: Role,
    votes: BTreeSet<Addr>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct View {
    pub term: u64,
    pub role: Role,
}

impl Raft {
    fn persist(&self, cx: &mut Ctx<'_, Self>) {
        save(&mut cx.disk(), "vote", &self.vote);
        if cx.cfg().bug != Bug::NoSync {
            cx.disk().sync("vote");
        }
    }

    fn wait(cx: &mut Ctx<'_, Self>) {
        cx.set_timer_within(
            Election,
            Duration::from_millis(150)..Duration::from_millis(300),
        );
    }

    fn count(&mut self, cx: &mut Ctx<'_, Self>, from: Addr) {
        self.votes.insert(from);
        if 2 * self.votes.len() > cx.cfg().peers.len() {
            self.role = Role::Leader;
            cx.cancel_timer(Election);
        }
    }
}

impl Node for Raft {
    type Config = Config;
    type Msg = Msg;
    type Timer = Election;
    type Op = ();
    type Ret = ();
    type View = View;

    fn boot(cx: &mut Ctx<'_, Self>) -> Self {
        Self::wait(cx);
        Raft {
            vote: load(&cx.disk(), "vote").unwrap_or_default(),
            role: Role::Follower,
            votes: BTreeSet::new(),
        }
    }

    fn on_timer(&mut self, cx: &mut Ctx<'_, Self>, _: Election) {
        let term = self.vote.0 + 1;
        self.vote = (term, Some(cx.me().0));
        self.role = Role::Candidate;
        self.votes.clear();
        self.persist(cx);
        Self::wait(cx);
        cx.send_all(&cx.cfg().peers, Msg::RequestVote { term });
        self.count(cx, cx.me());
    }

    fn on_message(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, msg: Msg) {
        let (Msg::RequestVote { term } | Msg::Vote { term }) = msg;
        if term > self.vote.0 {
            self.vote = (term, None);
            self.role = Role::Follower;
            self.votes.clear();
        }
        if term < self.vote.0 {
            return;
        }
        match msg {
            Msg::RequestVote { .. } => {
                if self.vote.1.is_none_or(|to| to == from.0) {
                    self.vote.1 = Some(from.0);
                    let early = cx.cfg().bug == Bug::VoteBeforeSync;
                    if early {
                        cx.send(from, Msg::Vote { term });
                    }
                    self.persist(cx);
                    if !early {
                        cx.send(from, Msg::Vote { term });
                    }
                    Self::wait(cx);
                }
            }
            Msg::Vote { .. } if self.role == Role::Candidate => self.count(cx, from),
            Msg::Vote { .. } => {}
        }
    }

    fn on_op(&mut self, _: &mut Ctx<'_, Self>, _: OpId, _: ()) {}

    fn view(&self, _: LocalTime) -> View {
        View {
            term: self.vote.0,
            role: self.role,
        }
    }
}
