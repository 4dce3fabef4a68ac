//! The requests on one connection: a window of them under way, one write for all that are due, and
//! responses matched to their requests by id.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::engine::Error;
use crate::source::Protocol;

/// What the run has next for a connection.
pub(super) enum Claim {
    /// The key at this position.
    Key(usize),
    /// Nothing until a result for which others wait is there.
    Later,
    /// No key is left.
    None,
}

/// Where a conversation gets its keys, and where it puts responses.
pub(super) trait Run {
    fn claim(&self) -> Claim;
    /// Waits until `claim` may return something else than [`Claim::Later`].
    fn room(&self) -> impl Future<Output = ()>;
    fn answer(&self, index: usize, body: &[u8]) -> Result<(), Error>;
}

/// What one connection may do.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// Requests under way.
    pub(super) window: usize,
    /// From sending a request to the end of its response.
    pub(super) timeout: Duration,
    /// Bytes of the read buffer to begin with.
    pub(super) buffer_bytes: usize,
    /// Bytes of the longest response.
    pub(super) response_bytes: usize,
}

/// Bytes of requests in one write.
const WRITE_BYTES: usize = 64 << 10;

/// A request under way: the position of its key, and when it was encoded.
type Slot = Option<(usize, Instant)>;

struct Conversation<'p, P: Protocol> {
    stream: TcpStream,
    protocol: &'p P,
    keys: &'p [P::Key],
    terms: Terms,
    out: Vec<u8>,
    written: usize,
    /// Read buffer, of which `start..filled` is not decoded.
    input: Vec<u8>,
    start: usize,
    filled: usize,
    /// By id.
    slots: Vec<Slot>,
    free: Vec<u32>,
    alarm: Option<Pin<Box<Sleep>>>,
}

/// Asks for keys of `run` on `stream` until there is none.
///
/// # Errors
/// If the connection fails or closes early, a response takes longer than the timeout, is too long,
/// or is not understood; and with the errors of `run`.
pub(super) async fn converse<P: Protocol>(
    stream: TcpStream,
    protocol: &P,
    keys: &[P::Key],
    terms: Terms,
    run: &impl Run,
) -> Result<(), Error> {
    let window = terms.window.clamp(1, keys.len().max(1));
    let ids = u32::try_from(window).unwrap_or(u32::MAX);
    let mut conversation = Conversation {
        stream,
        protocol,
        keys,
        terms,
        out: Vec::new(),
        written: 0,
        input: vec![0; terms.buffer_bytes.clamp(1, terms.response_bytes.max(1))],
        start: 0,
        filled: 0,
        slots: vec![None; ids as usize],
        free: (0..ids).rev().collect(),
        alarm: None,
    };
    loop {
        let claim = conversation.fill(run);
        if conversation.free.len() == conversation.slots.len() {
            match claim {
                Claim::None => return conversation.end(),
                _ => run.room().await,
            }
            continue;
        }
        poll_fn(|context| conversation.exchange(context)).await?;
        conversation.decode(run)?;
    }
}

impl<P: Protocol> Conversation<'_, P> {
    /// Encodes a request for every free id and returns what stopped it.
    fn fill(&mut self, run: &impl Run) -> Claim {
        let mut now = None;
        while self.out.len() < WRITE_BYTES
            && let Some(id) = self.free.pop()
        {
            let index = match run.claim() {
                Claim::Key(index) => index,
                other => {
                    self.free.push(id);
                    return other;
                }
            };
            let now = *now.get_or_insert_with(Instant::now);
            self.slots[id as usize] = Some((index, now));
            self.protocol.encode(id, &self.keys[index], &mut self.out);
        }
        Claim::Later
    }

    /// Writes what can be written and completes once something has been read.
    fn exchange(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while self.written < self.out.len() {
            let rest = &self.out[self.written..];
            match Pin::new(&mut self.stream).poll_write(context, rest) {
                Poll::Ready(Ok(0)) => {
                    let error = io::Error::from(ErrorKind::WriteZero);
                    return Poll::Ready(Err(Error::io("send requests")(error)));
                }
                Poll::Ready(Ok(n)) => self.written += n,
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(Err(Error::io("send requests")(error)));
                }
                Poll::Pending => break,
            }
        }
        if self.written == self.out.len() {
            self.out.clear();
            self.written = 0;
        }
        if self.filled == self.input.len() {
            self.make_room()?;
        }
        let mut space = ReadBuf::new(&mut self.input[self.filled..]);
        match Pin::new(&mut self.stream).poll_read(context, &mut space) {
            Poll::Ready(Ok(())) => {
                let n = space.filled().len();
                self.filled += n;
                return Poll::Ready(if n > 0 {
                    Ok(())
                } else {
                    Err(failed(
                        ErrorKind::UnexpectedEof,
                        "the service closed the connection before it had answered every request",
                    ))
                });
            }
            Poll::Ready(Err(error)) => {
                return Poll::Ready(Err(Error::io("read a response")(error)));
            }
            Poll::Pending => {}
        }
        self.watch(context)
    }

    /// Fails once the oldest request has waited too long. The alarm is set for the oldest request
    /// there is when it goes off, not for each: most requests then cost no timer at all.
    fn watch(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            let oldest = || self.slots.iter().flatten().map(|(_, began)| *began).min();
            let Some(alarm) = &mut self.alarm else {
                let due = oldest().unwrap_or_else(Instant::now) + self.terms.timeout;
                self.alarm = Some(Box::pin(sleep_until(due)));
                continue;
            };
            if alarm.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            let due = oldest().unwrap_or_else(Instant::now) + self.terms.timeout;
            if due <= Instant::now() {
                let message = format!("no response came within {:?}", self.terms.timeout);
                return Poll::Ready(Err(failed(ErrorKind::TimedOut, message)));
            }
            alarm.as_mut().reset(due);
        }
    }

    /// Makes room in the full read buffer: by dropping what is decoded, or by growing.
    fn make_room(&mut self) -> Result<(), Error> {
        if self.start > 0 {
            self.input.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.start = 0;
            return Ok(());
        }
        let limit = self.terms.response_bytes.max(1);
        if self.filled >= limit {
            let message = format!("it is longer than the limit of {limit} bytes");
            return Err(failed(ErrorKind::InvalidData, message));
        }
        self.input
            .resize(self.filled.saturating_mul(2).min(limit), 0);
        Ok(())
    }

    /// Hands on all responses that are complete.
    fn decode(&mut self, run: &impl Run) -> Result<(), Error> {
        while self.start < self.filled {
            let input = &self.input[self.start..self.filled];
            let frame = self.protocol.decode(input);
            let Some(frame) = frame.map_err(Error::io("understand a response"))? else {
                break;
            };
            if frame.length == 0 || frame.length > input.len() {
                return Err(failed(
                    ErrorKind::InvalidData,
                    "the protocol found a response of impossible length",
                ));
            }
            let slot = self.slots.get_mut(frame.id as usize).and_then(Option::take);
            let Some((index, _)) = slot else {
                let id = frame.id;
                let message = format!("the service answered a request that is not open (id {id})");
                return Err(failed(ErrorKind::InvalidData, message));
            };
            self.free.push(frame.id);
            run.answer(index, frame.body)?;
            self.start += frame.length;
        }
        if self.start == self.filled {
            self.start = 0;
            self.filled = 0;
        }
        Ok(())
    }

    /// Checks that nothing is left when all requests have been answered.
    fn end(&self) -> Result<(), Error> {
        if self.start < self.filled {
            return Err(failed(
                ErrorKind::InvalidData,
                "the service sent more than one response for each request",
            ));
        }
        Ok(())
    }
}

fn failed(kind: ErrorKind, message: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::io("read a response")(io::Error::new(kind, message))
}
