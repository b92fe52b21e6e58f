//! [`Bridge`]: from the services, whose futures may move between threads, to the node, which stays
//! on one.
//!
//! The queue between them is bounded: a service whose job finds no room waits, and so does its
//! client. What has queued up is taken in one go; so the requests of many clients reach the node in
//! one turn and share its next entry.

use super::error::EtcdError;
use super::node::EtcdNode;
use super::pb::etcdserverpb as pb;
use super::request::{Answer, Header, Op, Request, Ret, WatchSpec};
use super::services::watch;
use node::shell::{Answers, Asked, Shell, ShellError};
use tokio::sync::{mpsc, oneshot};
use tonic::Status;

/// Jobs that may wait for the node's thread.
const QUEUE: usize = 1024;
/// Effects that may wait for the disk before more jobs are taken.
const MAX_QUEUED: usize = 16_384;
/// Answers to one watch of the server's own that may wait.
const WATCH_QUEUE: usize = 64;

/// What a client's request came to.
pub type Outcome = Result<(Header, Answer), EtcdError>;

enum Job {
    Ask(Box<Request>, oneshot::Sender<Outcome>),
    Watch(WatchSpec, mpsc::Sender<Ret>),
    WatchStream(
        tonic::Streaming<pb::WatchRequest>,
        mpsc::Sender<Result<pb::WatchResponse, Status>>,
    ),
}

/// A handle to the node for the services.
#[derive(Clone)]
pub struct Bridge {
    jobs: mpsc::Sender<Job>,
}

/// The other end: to be run beside the node.
pub struct Jobs {
    jobs: mpsc::Receiver<Job>,
}

/// A bridge and its other end.
pub fn bridge() -> (Bridge, Jobs) {
    let (sender, jobs) = mpsc::channel(QUEUE);
    (Bridge { jobs: sender }, Jobs { jobs })
}

impl Bridge {
    /// Asks the node and waits for its answer.
    pub async fn ask(&self, request: Request) -> Outcome {
        let (sender, answer) = oneshot::channel();
        let job = Job::Ask(Box::new(request), sender);
        self.jobs.send(job).await.map_err(|_| EtcdError::Stopped)?;
        answer.await.unwrap_or(Err(EtcdError::Stopped))
    }

    /// Watches; the answers end when the watch does, or when the receiver is dropped.
    pub async fn watch(&self, spec: WatchSpec) -> Result<mpsc::Receiver<Ret>, EtcdError> {
        let (sender, answers) = mpsc::channel(WATCH_QUEUE);
        let job = Job::Watch(spec, sender);
        self.jobs.send(job).await.map_err(|_| EtcdError::Stopped)?;
        Ok(answers)
    }

    /// Serves one client's stream of watches.
    pub async fn watch_stream(
        &self,
        requests: tonic::Streaming<pb::WatchRequest>,
        responses: mpsc::Sender<Result<pb::WatchResponse, Status>>,
    ) -> Result<(), EtcdError> {
        let job = Job::WatchStream(requests, responses);
        self.jobs.send(job).await.map_err(|_| EtcdError::Stopped)
    }
}

impl Jobs {
    /// Brings the node its jobs, until there is no bridge any more or the node has stopped.
    pub async fn run(mut self, shell: Shell<EtcdNode>) {
        let mut taken = Vec::new();
        while self.jobs.recv_many(&mut taken, QUEUE).await > 0 {
            shell.room(MAX_QUEUED).await;
            for job in taken.drain(..) {
                start(&shell, job);
            }
        }
    }
}

fn start(shell: &Shell<EtcdNode>, job: Job) {
    match job {
        Job::Ask(request, sender) => match shell.ask(Op::Ask(request)) {
            Ok(Asked::Answered(ret)) => {
                let _gone = sender.send(outcome(Ok(Some(ret))));
            }
            Ok(Asked::Waits(mut answers)) => {
                tokio::task::spawn_local(async move {
                    let answer = answers.next().await;
                    let _gone = sender.send(outcome(answer));
                });
            }
            Err(why) => {
                let _gone = sender.send(outcome(Err(why)));
            }
        },
        Job::Watch(spec, sender) => {
            if let Ok(Asked::Waits(answers)) = shell.ask(Op::Watch(spec)) {
                tokio::task::spawn_local(pass_on(answers, sender));
            }
        }
        Job::WatchStream(requests, responses) => {
            let shell = shell.clone();
            tokio::task::spawn_local(watch::serve(shell, requests, responses));
        }
    }
}

async fn pass_on(mut answers: Answers<EtcdNode>, sender: mpsc::Sender<Ret>) {
    loop {
        tokio::select! {
            biased;
            () = sender.closed() => return,
            answer = answers.next() => match answer {
                Ok(Some(ret)) => {
                    if sender.send(ret).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
        }
    }
}

fn outcome(answer: Result<Option<Ret>, ShellError>) -> Outcome {
    match answer {
        Ok(Some(Ret::Answer(header, answer))) => Ok((header, *answer)),
        Ok(Some(Ret::Failed(_, why))) => Err(why),
        // A request has no other answers; and a node that has stopped gives none.
        _ => Err(EtcdError::Stopped),
    }
}
