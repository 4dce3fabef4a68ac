//! The requests on one connection: a window of them under way, one write for all that are due, and
//! responses matched to their requests by id.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
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
    /// Nothing for the time being.
    Later,
    /// No key is left.
    None,
}

/// Where a conversation gets its keys, and where it puts responses.
pub(super) trait Run {
    fn claim(&self) -> Claim;
    /// Wakes the conversation once `claim` may return something else than [`Claim::Later`]. Until
    /// then `waiting` is true.
    fn wait(&self, waker: &Waker, waiting: &Rc<Cell<bool>>);
    fn answer(&self, index: usize, body: &[u8]) -> Result<(), Error>;
    /// Whether the run wants to know how long responses took.
    fn times(&self) -> bool;
    /// `count` responses have just come, whose round trips took `sum` in total.
    fn took(&self, sum: Duration, count: u32);
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

/// A connection with the buffers that its conversations reuse.
#[derive(Debug)]
pub(super) struct Line {
    stream: TcpStream,
    /// Requests, of which those up to `written` are on their way.
    out: Vec<u8>,
    written: usize,
    /// Read buffer, of which `start..filled` is not decoded.
    input: Vec<u8>,
    start: usize,
    filled: usize,
    /// Counts requests, so that an id does not come again soon and a response that comes twice is not
    /// taken for that of a later request.
    serial: u32,
    /// Whether a response has come in the present conversation.
    answered: bool,
    /// Whether the connection has been idle and nothing has come since: then the service may have
    /// closed it before it saw a request.
    stale: bool,
}

/// A request that has no response yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Request {
    /// Position of its key.
    pub(super) index: usize,
    /// How often it has been issued without success.
    pub(super) tries: u32,
}

/// Why a conversation ended before its time.
pub(super) enum Failure {
    /// The connection is gone. No request has failed for it yet if it was `stale`.
    Lost { error: Error, stale: bool },
    /// A response did not come in time.
    Late(Error),
    /// Asking again would not help.
    Final(Error),
}

/// Requests under way on one connection, at most: ids have 32 bits, of which as many as this takes
/// tell requests apart that are under way together.
const MOST: usize = 1 << 20;

/// Bytes of requests in one write.
const WRITE_BYTES: usize = 64 << 10;

/// Bytes of a buffer that is kept with an idle connection, at most.
const KEPT_BYTES: usize = 64 << 10;

/// Times that a conversation reads before it lets others have their turn.
const READS: usize = 16;

/// A request under way.
struct Open {
    id: u32,
    request: Request,
    began: Instant,
}

struct Conversation<'c, P: Protocol, R> {
    line: &'c mut Line,
    protocol: &'c P,
    keys: &'c [P::Key],
    terms: Terms,
    run: &'c R,
    /// Requests that another connection has failed to get answers for: they come first.
    carried: &'c mut Vec<Request>,
    /// A power of two of them, by the low bits of the id.
    slots: Vec<Option<Open>>,
    free: Vec<u32>,
    /// Requests that may be under way.
    window: usize,
    alarm: Option<Pin<Box<Sleep>>>,
    waiting: Rc<Cell<bool>>,
}

/// What stopped requests from being encoded.
enum Filled {
    /// The window, or the buffer, is full.
    Full,
    /// There is nothing for the time being.
    Later,
    /// There is nothing any more.
    Done,
}

impl Line {
    pub(super) fn new(stream: TcpStream) -> Self {
        Line {
            stream,
            out: Vec::new(),
            written: 0,
            input: Vec::new(),
            start: 0,
            filled: 0,
            serial: 0,
            answered: false,
            stale: false,
        }
    }

    /// Whether its last conversation has brought a response.
    pub(super) fn has_answered(&self) -> bool {
        self.answered
    }

    /// Makes it ready to be kept for another conversation.
    pub(super) fn rest(&mut self) {
        self.stale = true;
        if self.out.capacity() > KEPT_BYTES {
            self.out = Vec::new();
        }
        if self.input.len() > KEPT_BYTES {
            self.input = Vec::new();
        }
    }

    /// Whether nothing has happened on an idle connection: neither has it been closed, nor has
    /// anything come that nobody asked for.
    pub(super) fn is_quiet(&self) -> bool {
        let error = self.stream.try_read(&mut [0]).map_err(|e| e.kind());
        error == Err(ErrorKind::WouldBlock)
    }
}

/// Issues the requests in `carried`, then those for the keys of `run`, until there are none.
///
/// # Errors
/// If the connection fails or closes early, a response takes longer than the timeout, is too long,
/// or is not understood; and with the errors of `run`. Requests without a response are then in
/// `carried`.
pub(super) async fn converse<P: Protocol, R: Run>(
    line: &mut Line,
    carried: &mut Vec<Request>,
    protocol: &P,
    keys: &[P::Key],
    terms: Terms,
    run: &R,
) -> Result<(), Failure> {
    let window = terms.window.clamp(1, keys.len().clamp(1, MOST));
    let slots = window.next_power_of_two();
    line.answered = false;
    line.input
        .resize(terms.buffer_bytes.clamp(1, terms.response_bytes.max(1)), 0);
    // In this order, because they are taken from the end.
    carried.sort_unstable_by(|a, b| b.cmp(a));
    let mut conversation = Conversation {
        line,
        protocol,
        keys,
        terms,
        run,
        carried,
        slots: (0..slots).map(|_| None).collect(),
        free: (0..window as u32).rev().collect(),
        window,
        alarm: None,
        waiting: Rc::default(),
    };
    let result = poll_fn(|context| conversation.poll(context)).await;
    if let Err(failure) = &result {
        conversation.carry(failure);
    }
    result
}

impl<P: Protocol, R: Run> Conversation<'_, P, R> {
    /// Goes on as far as it can without waiting.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        for _ in 0..READS {
            let filled = self.fill();
            let idle = self.free.len() == self.window;
            match filled {
                Filled::Done if idle => return Poll::Ready(self.end()),
                Filled::Later => {
                    self.run.wait(context.waker(), &self.waiting);
                    if idle {
                        self.line.stale = true;
                        return Poll::Pending;
                    }
                }
                Filled::Done | Filled::Full => {}
            }
            if let Err(error) = self.write(context) {
                return Poll::Ready(Err(self.lost("send requests", error)));
            }
            match self.read(context) {
                Poll::Ready(Err(failure)) => return Poll::Ready(Err(failure)),
                Poll::Ready(Ok(())) => self.decode()?,
                Poll::Pending => return self.watch(context),
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Encodes a request for every free id.
    fn fill(&mut self) -> Filled {
        let mut now = None;
        while self.line.out.len() < WRITE_BYTES
            && let Some(slot) = self.free.last().copied()
        {
            let request = match self.carried.pop() {
                Some(request) => request,
                None => match self.run.claim() {
                    Claim::Key(index) => Request { index, tries: 0 },
                    Claim::Later => return Filled::Later,
                    Claim::None => return Filled::Done,
                },
            };
            self.free.pop();
            self.line.serial = self.line.serial.wrapping_add(1);
            let id = self.line.serial.wrapping_mul(self.slots.len() as u32) | slot;
            self.slots[slot as usize] = Some(Open {
                id,
                request: Request {
                    tries: request.tries + 1,
                    ..request
                },
                began: *now.get_or_insert_with(Instant::now),
            });
            let key = &self.keys[request.index];
            self.protocol.encode(id, key, &mut self.line.out);
        }
        Filled::Full
    }

    /// Writes what can be written now.
    fn write(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let line = &mut *self.line;
        while line.written < line.out.len() {
            let rest = &line.out[line.written..];
            match Pin::new(&mut line.stream).poll_write(context, rest) {
                Poll::Ready(Ok(0)) => return Err(ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(n)) => line.written += n,
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(()),
            }
        }
        line.out.clear();
        line.written = 0;
        Ok(())
    }

    /// Reads once.
    fn read(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        if self.line.filled == self.line.input.len() {
            self.make_room()?;
        }
        let line = &mut *self.line;
        let mut space = ReadBuf::new(&mut line.input[line.filled..]);
        let result = std::task::ready!(Pin::new(&mut line.stream).poll_read(context, &mut space));
        let n = space.filled().len();
        Poll::Ready(match result {
            Err(error) => Err(self.lost("read a response", error)),
            Ok(()) if n == 0 => {
                let message =
                    "the service closed the connection before it had answered every request";
                let error = io::Error::new(ErrorKind::UnexpectedEof, message);
                Err(self.lost("read a response", error))
            }
            Ok(()) => {
                line.filled += n;
                line.stale = false;
                Ok(())
            }
        })
    }

    /// Fails once the oldest request has waited too long. The alarm is set for the oldest request
    /// there is when it goes off, not for each: most requests then cost no timer at all.
    fn watch(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let timeout = self.terms.timeout;
        loop {
            let began = || self.slots.iter().flatten().map(|open| open.began).min();
            let due = || began().unwrap_or_else(Instant::now) + timeout;
            let Some(alarm) = &mut self.alarm else {
                self.alarm = Some(Box::pin(sleep_until(due())));
                continue;
            };
            if alarm.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            let due = due();
            if due <= Instant::now() {
                let message = format!("no response came within {timeout:?}");
                let error = io::Error::new(ErrorKind::TimedOut, message);
                let error = Error::io("read a response")(error);
                return Poll::Ready(Err(Failure::Late(error)));
            }
            alarm.as_mut().reset(due);
        }
    }

    /// Makes room in the full read buffer: by dropping what is decoded, or by growing.
    fn make_room(&mut self) -> Result<(), Failure> {
        let line = &mut *self.line;
        if line.start > 0 {
            line.input.copy_within(line.start..line.filled, 0);
            line.filled -= line.start;
            line.start = 0;
            return Ok(());
        }
        let limit = self.terms.response_bytes.max(1);
        if line.filled >= limit {
            return Err(refused(format!(
                "it is longer than the limit of {limit} bytes"
            )));
        }
        let length = line.filled.saturating_mul(2).min(limit);
        line.input.resize(length, 0);
        Ok(())
    }

    /// Hands on all responses that are complete.
    fn decode(&mut self) -> Result<(), Failure> {
        let now = self.run.times().then(Instant::now);
        let (mut sum, mut count) = (Duration::ZERO, 0);
        let line = &mut *self.line;
        while line.start < line.filled {
            let input = &line.input[line.start..line.filled];
            let frame = self
                .protocol
                .decode(input)
                .map_err(|error| Failure::Final(Error::io("understand a response")(error)))?;
            let Some(frame) = frame else {
                break;
            };
            if frame.length == 0 || frame.length > input.len() {
                return Err(refused(
                    "the protocol found a response of impossible length",
                ));
            }
            let slot = frame.id % self.slots.len() as u32;
            let open = self.slots[slot as usize].take_if(|open| open.id == frame.id);
            let Some(open) = open else {
                let id = frame.id;
                return Err(refused(format!(
                    "the service answered a request that is not open (id {id})"
                )));
            };
            self.free.push(slot);
            line.answered = true;
            if let Some(now) = now {
                sum += now - open.began;
                count += 1;
            }
            let answered = self.run.answer(open.request.index, frame.body);
            answered.map_err(Failure::Final)?;
            line.start += frame.length;
        }
        if line.start == line.filled {
            line.start = 0;
            line.filled = 0;
        }
        if count > 0 {
            self.run.took(sum, count);
        }
        Ok(())
    }

    /// Checks that nothing is left when all requests have been answered.
    fn end(&self) -> Result<(), Failure> {
        if self.line.start < self.line.filled || !self.line.out.is_empty() {
            return Err(refused(
                "the service sent more than one response for each request",
            ));
        }
        Ok(())
    }

    /// Collects the requests without a response. Those that had no chance do not count as tried.
    fn carry(&mut self, failure: &Failure) {
        let now = Instant::now();
        for open in self.slots.iter_mut().filter_map(Option::take) {
            let tried = match failure {
                Failure::Lost { stale, .. } => !stale,
                Failure::Late(_) => open.began + self.terms.timeout <= now,
                Failure::Final(_) => true,
            };
            let mut request = open.request;
            request.tries -= u32::from(!tried);
            self.carried.push(request);
        }
    }

    fn lost(&self, action: &'static str, error: io::Error) -> Failure {
        Failure::Lost {
            error: Error::io(action)(error),
            stale: self.line.stale,
        }
    }
}

fn refused(message: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
    let error = io::Error::new(ErrorKind::InvalidData, message);
    Failure::Final(Error::io("read a response")(error))
}
