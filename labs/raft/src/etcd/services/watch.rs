//! `Watch`: many watches of one client on one stream.
//!
//! One task on the node's thread serves the stream. A watch whose client is slow is cut off by the
//! node after some thousand answers; it is then opened anew from the first change that the client
//! does not have, so that a slow client costs no more memory than that and misses nothing.

use super::super::api::{Event, KeyRange, Revision};
use super::super::convert::fragments;
use super::super::error::EtcdError;
use super::super::node::EtcdNode;
use super::super::pb::etcdserverpb::{self as pb, watch_server::Watch};
use super::super::pb::mvccpb;
use super::super::request::{Header, Op, Request, Ret, WatchSpec};
use super::{Answers as Stream, MAX_REQUEST, Service};
use node::shell::{Answers, Asked, Shell, ShellError};
use prost::Message;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status, Streaming};

/// Responses that may wait for a client.
const QUEUE: usize = 16;
/// Watches on one stream.
const MAX_WATCHES: usize = 10_000;
/// How often a watch that asked for it is told the revision, while nothing else happens.
const PROGRESS: Duration = Duration::from_secs(60);
/// The id that stands for no watch, or for all of them.
const NO_WATCH: i64 = -1;

#[tonic::async_trait]
impl Watch for Service {
    type WatchStream = Stream<pb::WatchResponse>;

    async fn watch(
        &self,
        request: tonic::Request<Streaming<pb::WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        self.require_leader(&request)?;
        let (sender, responses) = mpsc::channel(QUEUE);
        let ending = sender.clone();
        self.bridge
            .watch_stream(request.into_inner(), sender)
            .await?;
        let service = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = ending.closed() => {}
                () = service.closed() => {
                    let _gone = ending.send(Err(EtcdError::Stopped.into())).await;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(responses))))
    }
}

struct OneWatch {
    answers: Answers<EtcdNode>,
    spec: WatchSpec,
    no_put: bool,
    no_delete: bool,
    fragment: bool,
    progress: bool,
    /// Whether the client has been told that it stands.
    created: bool,
}

type Sender = mpsc::Sender<Result<pb::WatchResponse, Status>>;

struct Watches {
    shell: Shell<EtcdNode>,
    open: BTreeMap<i64, OneWatch>,
    next_id: i64,
    responses: Sender,
}

/// The stream is over.
struct Over;

/// Serves one stream to its end.
pub async fn serve(
    shell: Shell<EtcdNode>,
    mut requests: Streaming<pb::WatchRequest>,
    responses: Sender,
) {
    let ended = responses.clone();
    let mut watches = Watches {
        shell,
        open: BTreeMap::new(),
        next_id: 0,
        responses,
    };
    let mut progress = tokio::time::interval(PROGRESS);
    progress.tick().await;
    loop {
        let going_on = tokio::select! {
            biased;
            () = ended.closed() => return,
            request = requests.message() => match request {
                Ok(Some(request)) => watches.request(request).await,
                _ => return,
            },
            (id, answer) = watches.next() => watches.answer(id, answer).await,
            _ = progress.tick() => watches.progress(false).await,
        };
        if going_on.is_err() {
            return;
        }
    }
}

impl Watches {
    /// The next answer to any of the watches.
    async fn next(&mut self) -> (i64, Result<Option<Ret>, ShellError>) {
        poll_fn(|cx| {
            for (id, watch) in &mut self.open {
                let next = pin!(watch.answers.next());
                if let Poll::Ready(answer) = next.poll(cx) {
                    return Poll::Ready((*id, answer));
                }
            }
            Poll::Pending
        })
        .await
    }

    async fn request(&mut self, request: pb::WatchRequest) -> Result<(), Over> {
        use pb::watch_request::RequestUnion;
        match request.request_union {
            Some(RequestUnion::CreateRequest(create)) => self.create(create).await,
            Some(RequestUnion::CancelRequest(cancel)) => self.cancel(cancel.watch_id).await,
            Some(RequestUnion::ProgressRequest(_)) => self.progress(true).await,
            None => Ok(()),
        }
    }

    async fn create(&mut self, create: pb::WatchCreateRequest) -> Result<(), Over> {
        let filters =
            |kind: pb::watch_create_request::FilterType| create.filters.contains(&i32::from(kind));
        let mut key = create.key.clone();
        if key.is_empty() {
            // The first key that there can be.
            key.push(0);
        }
        let spec = WatchSpec {
            keys: KeyRange {
                key,
                end: create.range_end.clone(),
            },
            from: create.start_revision,
            prev_kv: create.prev_kv,
        };
        if create.watch_id != 0 && self.open.contains_key(&create.watch_id) {
            let why = "mvcc: duplicate watch ID provided on the WatchStream";
            return self.refuse(why).await;
        }
        if self.open.len() >= MAX_WATCHES {
            return self.refuse(&EtcdError::TooManyRequests.to_string()).await;
        }
        let id = match create.watch_id {
            0 => self.free_id(),
            id => id,
        };
        let watch = OneWatch {
            answers: self.open(spec.clone()).await?,
            spec,
            no_put: filters(pb::watch_create_request::FilterType::Noput),
            no_delete: filters(pb::watch_create_request::FilterType::Nodelete),
            fragment: create.fragment,
            progress: create.progress_notify,
            created: false,
        };
        self.open.insert(id, watch);
        Ok(())
    }

    fn free_id(&mut self) -> i64 {
        while self.open.contains_key(&self.next_id) {
            self.next_id += 1;
        }
        self.next_id += 1;
        self.next_id - 1
    }

    async fn open(&self, spec: WatchSpec) -> Result<Answers<EtcdNode>, Over> {
        match self.shell.ask(Op::Watch(spec)) {
            Ok(Asked::Waits(answers)) => Ok(answers),
            _ => self.fail(EtcdError::Stopped).await,
        }
    }

    async fn cancel(&mut self, id: i64) -> Result<(), Over> {
        if self.open.remove(&id).is_none() {
            return Ok(());
        }
        let header = self.header().await?;
        self.send(pb::WatchResponse {
            header: Some(header.into()),
            watch_id: id,
            canceled: true,
            ..pb::WatchResponse::default()
        })
        .await
    }

    async fn refuse(&mut self, why: &str) -> Result<(), Over> {
        let header = self.header().await?;
        self.send(pb::WatchResponse {
            header: Some(header.into()),
            watch_id: NO_WATCH,
            created: true,
            canceled: true,
            cancel_reason: why.into(),
            ..pb::WatchResponse::default()
        })
        .await
    }

    async fn answer(
        &mut self,
        id: i64,
        answer: Result<Option<Ret>, ShellError>,
    ) -> Result<(), Over> {
        match answer {
            Ok(Some(Ret::Watching(header))) => self.created(id, header).await,
            Ok(Some(Ret::Events {
                header,
                events,
                resume,
            })) => {
                let next = resume.unwrap_or(header.revision + 1);
                self.events(id, header, events, next).await?;
                match resume {
                    Some(_) => self.reopen(id).await,
                    None => Ok(()),
                }
            }
            Ok(Some(Ret::Compacted(header, revision))) => {
                self.open.remove(&id);
                self.send(pb::WatchResponse {
                    header: Some(header.into()),
                    watch_id: id,
                    canceled: true,
                    compact_revision: revision,
                    cancel_reason: EtcdError::Compacted.to_string(),
                    ..pb::WatchResponse::default()
                })
                .await
            }
            Err(ShellError::TooSlow) => self.reopen(id).await,
            _ => self.fail(EtcdError::Stopped).await,
        }
    }

    async fn created(&mut self, id: i64, header: Header) -> Result<(), Over> {
        let Some(watch) = self.open.get_mut(&id) else {
            return Ok(());
        };
        if watch.spec.from <= 0 {
            // If it must be opened anew, then from here on.
            watch.spec.from = header.revision + 1;
        }
        if std::mem::replace(&mut watch.created, true) {
            return Ok(());
        }
        self.send(pb::WatchResponse {
            header: Some(header.into()),
            watch_id: id,
            created: true,
            ..pb::WatchResponse::default()
        })
        .await
    }

    async fn events(
        &mut self,
        id: i64,
        header: Header,
        events: Vec<Event>,
        next: Revision,
    ) -> Result<(), Over> {
        let Some(watch) = self.open.get_mut(&id) else {
            return Ok(());
        };
        watch.spec.from = watch.spec.from.max(next);
        let wanted = |event: &Event| match event.deleted {
            true => !watch.no_delete,
            false => !watch.no_put,
        };
        let events: Vec<mvccpb::Event> =
            events.into_iter().filter(wanted).map(Into::into).collect();
        if events.is_empty() {
            return Ok(());
        }
        let response = pb::WatchResponse {
            header: Some(header.into()),
            watch_id: id,
            events,
            ..pb::WatchResponse::default()
        };
        let parts = match watch.fragment && response.encoded_len() > MAX_REQUEST {
            true => fragments(response, MAX_REQUEST),
            false => vec![response],
        };
        for part in parts {
            self.send(part).await?;
        }
        Ok(())
    }

    async fn reopen(&mut self, id: i64) -> Result<(), Over> {
        let Some(spec) = self.open.get(&id).map(|watch| watch.spec.clone()) else {
            return Ok(());
        };
        let answers = self.open(spec).await?;
        if let Some(watch) = self.open.get_mut(&id) {
            watch.answers = answers;
        }
        Ok(())
    }

    /// Tells the revision up to which everything has been told: for all watches at once if the
    /// client asked, else for those that wanted it from time to time.
    async fn progress(&mut self, asked: bool) -> Result<(), Over> {
        if !asked && !self.open.values().any(|watch| watch.progress) {
            return Ok(());
        }
        // The node answers in order: what it told before this header is in the queues by now.
        let header = self.header().await?;
        loop {
            let next = tokio::select! {
                biased;
                next = self.next() => Some(next),
                () = std::future::ready(()) => None,
            };
            let Some((id, answer)) = next else { break };
            self.answer(id, answer).await?;
        }
        let ids: Vec<i64> = match asked {
            true => vec![NO_WATCH],
            false => {
                let wanted = self.open.iter().filter(|(_, watch)| watch.progress);
                wanted.map(|(id, _)| *id).collect()
            }
        };
        for watch_id in ids {
            self.send(pb::WatchResponse {
                header: Some(header.into()),
                watch_id,
                ..pb::WatchResponse::default()
            })
            .await?;
        }
        Ok(())
    }

    async fn header(&self) -> Result<Header, Over> {
        let status = Op::Ask(Box::new(Request::Status));
        match self.shell.call(status).await {
            Ok(Ret::Answer(header, _)) => Ok(header),
            _ => self.fail(EtcdError::Stopped).await,
        }
    }

    async fn send(&self, response: pb::WatchResponse) -> Result<(), Over> {
        self.responses.send(Ok(response)).await.map_err(|_| Over)
    }

    async fn fail<T>(&self, why: EtcdError) -> Result<T, Over> {
        let _gone = self.responses.send(Err(why.into())).await;
        Err(Over)
    }
}
