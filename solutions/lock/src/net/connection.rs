//! One client: read, ask, write.

use super::Shared;
use crate::resp::{Batch, Replies};
use crate::wire::{CommandReader, Frame, Pipeline, Protocol, WireError};
use node::shell::{Answers, Asked, ShellError};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

/// Bytes that a client may send while a command of its own waits; then it is not read from.
const READ_AHEAD: usize = 64 << 10;
/// How long a connection that ends with an error listens on, so that its last reply is not lost:
/// closing a socket with unread input takes back what was written.
const LINGER: Duration = Duration::from_secs(1);

/// Why a connection ends.
enum End {
    /// The client went away, or asked for it.
    Gone,
    /// It gets this error first.
    Says(String),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> End {
        End::Gone
    }
}

pub(super) struct Connection<S> {
    stream: S,
    shared: Rc<Shared>,
    client: u64,
    protocol: Protocol,
    reader: CommandReader,
    /// Commands that are complete, and what there is of the next.
    pipeline: Pipeline,
    /// Bytes that complete no argument yet.
    rest: Vec<u8>,
    /// What this connection has booked of the shared room for buffers.
    booked: usize,
    /// What is wrong with the input, once everything before it is answered.
    broken: Option<WireError>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub fn new(stream: S, shared: Rc<Shared>, client: u64) -> Self {
        Connection {
            stream,
            shared,
            client,
            protocol: Protocol::default(),
            reader: CommandReader::default(),
            pipeline: Pipeline::default(),
            rest: Vec::new(),
            booked: 0,
            broken: None,
        }
    }

    /// Serves the client to the end.
    pub async fn run(mut self) {
        let end = loop {
            if let Err(end) = self.turn().await {
                break end;
            }
        };
        if let End::Says(text) = end {
            let mut bytes = Vec::new();
            Frame::error(format!("ERR {text}")).encode(self.protocol, &mut bytes);
            if self.write(&bytes).await.is_ok() {
                let _ = timeout(LINGER, self.linger()).await;
            }
        }
    }

    /// Reads once, and answers what is complete.
    async fn turn(&mut self) -> Result<(), End> {
        poll_fn(|cx| self.poll_read(cx)).await?;
        if !self.pipeline.is_empty() {
            let batch = Batch {
                client: self.client,
                protocol: self.protocol,
                commands: self.pipeline.take_complete(),
                from: 0,
            };
            // Counted out in `Drop` too, if this task is ended in the middle.
            let _busy = Busy::new(&self.shared);
            self.answer(batch).await?;
        }
        match self.broken.take() {
            Some(why) => Err(End::Says(why.to_string())),
            None => self.book(0),
        }
    }

    /// Reads into the shared scratch and decodes from there.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        let shared = Rc::clone(&self.shared);
        let mut scratch = shared.scratch.borrow_mut();
        let mut buffer = ReadBuf::new(&mut scratch);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        let bytes = buffer.filled();
        if bytes.is_empty() {
            return Poll::Ready(Err(End::Gone));
        }
        self.decode(bytes);
        Poll::Ready(Ok(()))
    }

    fn decode(&mut self, bytes: &[u8]) {
        let direct = self.rest.is_empty();
        if !direct {
            self.rest.extend_from_slice(bytes);
        }
        let input = if direct { bytes } else { &self.rest };
        match self.reader.read(input, &mut self.pipeline) {
            Ok(used) if direct => self.rest.extend_from_slice(&bytes[used..]),
            Ok(used) => {
                self.rest.drain(..used);
            }
            Err(why) => self.broken = Some(why),
        }
        if self.rest.is_empty() {
            self.rest = Vec::new();
        }
    }

    async fn answer(&mut self, batch: Batch) -> Result<(), End> {
        let mut next = Some(Box::new(batch));
        while let Some(batch) = next {
            let replies = match self.shared.shell.ask(*batch) {
                Ok(Asked::Answered(replies)) => replies,
                Ok(Asked::Waits(answers)) => self.wait(answers).await?,
                Err(why) => return Err(stopped(&why)),
            };
            self.protocol = replies.protocol;
            self.write(&replies.bytes).await?;
            if replies.close {
                return Err(End::Gone);
            }
            next = replies.rest;
        }
        Ok(())
    }

    /// Waits for the last answer; the replies in each are written as they come. Meanwhile the client may send more,
    /// and if it goes away the operation is cancelled.
    async fn wait(
        &mut self,
        mut answers: Answers<crate::resp::RespServer>,
    ) -> Result<Replies, End> {
        let mut last: Option<Replies> = None;
        loop {
            let next = {
                let mut next = std::pin::pin!(answers.next());
                poll_fn(|cx| {
                    if let Poll::Ready(next) = next.as_mut().poll(cx) {
                        return Poll::Ready(Ok(next));
                    }
                    while self.rest.len() < READ_AHEAD && self.pipeline.size() < READ_AHEAD {
                        if let Err(gone) = ready!(self.poll_read(cx)) {
                            return Poll::Ready(Err(gone));
                        }
                    }
                    Poll::Pending
                })
                .await?
            };
            match next {
                Ok(Some(mut replies)) => {
                    self.protocol = replies.protocol;
                    self.write(&std::mem::take(&mut replies.bytes)).await?;
                    last = Some(replies);
                }
                Ok(None) => return last.ok_or(End::Gone),
                Err(why) => return Err(stopped(&why)),
            }
        }
    }

    /// Writes all, at once if the socket takes it; otherwise within the time for slow readers.
    async fn write(&mut self, bytes: &[u8]) -> Result<(), End> {
        if bytes.is_empty() {
            return Ok(());
        }
        let first = poll_fn(|cx| {
            let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
            Poll::Ready(written)
        });
        let written = match first.await {
            Poll::Ready(Ok(0)) => return Err(End::Gone),
            Poll::Ready(written) => written?,
            Poll::Pending => 0,
        };
        if written == bytes.len() {
            return Ok(());
        }
        let left = &bytes[written..];
        self.book(left.len())?;
        let limit = self.shared.config.write_timeout;
        match timeout(limit, self.stream.write_all(left)).await {
            Ok(done) => done?,
            Err(_too_slow) => return Err(End::Gone),
        }
        self.book(0)
    }

    /// Books the room that this connection's buffers take, with `untaken` bytes of a reply.
    fn book(&mut self, untaken: usize) -> Result<(), End> {
        let needs = self.rest.capacity() + self.pipeline.size() + untaken;
        if needs == self.booked {
            return Ok(());
        }
        let all = self.shared.buffered.get() - self.booked + needs;
        self.shared.buffered.set(all);
        self.booked = needs;
        if needs > 0 && all > self.shared.config.max_buffered {
            return Err(End::Says(
                "the server holds too much for slow clients: try again later".into(),
            ));
        }
        Ok(())
    }

    async fn linger(&mut self) -> io::Result<()> {
        self.stream.shutdown().await?;
        let mut nowhere = [0; 4096];
        while self.stream.read(&mut nowhere).await? > 0 {}
        Ok(())
    }
}

fn stopped(why: &ShellError) -> End {
    End::Says(why.to_string())
}

impl<S> Drop for Connection<S> {
    fn drop(&mut self) {
        let all = self.shared.buffered.get();
        self.shared.buffered.set(all - self.booked);
    }
}

/// Counts a connection that owes a reply.
struct Busy(Rc<Shared>);

impl Busy {
    fn new(shared: &Rc<Shared>) -> Busy {
        shared.busy.set(shared.busy.get() + 1);
        Busy(Rc::clone(shared))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.set(self.0.busy.get() - 1);
    }
}
