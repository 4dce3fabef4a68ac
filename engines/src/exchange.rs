//! A blocking client for a [`Protocol`]: one connection, a sliding window of requests, responses in
//! any order.
//!
//! Requests go out many to a write and responses come in many to a read, because almost all the cost
//! of a small request is the system call. Every request is answered exactly once or the run fails.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::Duration;

use crate::blocks::run_keyed;
use crate::engine::Error;
use crate::in_order::InOrder;
use crate::item::Keyed;
use crate::sink::Sink;
use crate::source::{Protocol, Requests};
use crate::stage::Stage;

/// How long a connection may make no progress: a service that hangs must not hang its caller.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes that a connection reads or writes at once, unless a response is longer. What is written at
/// once must fit into the kernel's buffers: a service which is itself blocked on writing its responses
/// must not block the client's write.
pub(crate) const BUFFER_BYTES: usize = 64 << 10;

/// The longest response that engines without a memory budget accept.
pub(crate) const RESPONSE_BYTES: usize = 64 << 20;

/// What an exchange may hold at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Distance between the first unanswered request and the last one sent: it bounds both what is in
    /// flight and what a caller must keep in order to hand on the responses in order.
    pub(crate) window: usize,
    /// Bytes that are read or written at once.
    pub(crate) buffer_bytes: usize,
    /// Bytes of the longest response.
    pub(crate) response_bytes: usize,
    /// The memory budget that `response_bytes` was taken from, if there is one: then a response which
    /// is too long is reported as [`Error::Budget`].
    pub(crate) budget: Option<usize>,
}

impl Limits {
    /// A window of `window` requests, and no memory budget.
    pub(crate) fn window(window: usize) -> Self {
        Limits {
            window,
            buffer_bytes: BUFFER_BYTES,
            response_bytes: RESPONSE_BYTES,
            budget: None,
        }
    }
}

/// Runs all requests of a source over one connection on the calling thread; the connection and the
/// results may hold `memory` bytes.
pub(crate) fn run_requests<P, S, K>(
    source: &Requests<'_, P>,
    stage: &S,
    sink: K,
    limits: Limits,
    memory: usize,
) -> Result<K::Output, Error>
where
    P: Protocol,
    S: Stage<Keyed<usize>>,
    K: Sink<S::Out>,
{
    let mut results = InOrder::new(sink.part(), 0);
    if source.keys.is_empty() {
        return Ok(sink.finish(results.part));
    }
    let mut local = stage.local();
    let mut connection = Connection::open(source.address)?;
    let all = 0..source.keys.len();
    let mut exchange = connection.pipelined(source.protocol, source.keys, all, limits);
    loop {
        let more = exchange.step(|index, body| {
            results.add(index, &sink, |part| {
                run_keyed(body, index, stage, &mut local, &sink, part)
            })
        })?;
        sink.flush(&mut results.part);
        let needed = exchange.bytes() + results.bytes(&sink);
        if needed > memory {
            return Err(Error::Budget {
                needed,
                budget: memory,
            });
        }
        if !more {
            return Ok(sink.finish(results.part));
        }
    }
}

/// A connection with the buffers that its exchanges reuse.
pub(crate) struct Connection {
    stream: TcpStream,
    /// Requests that are to be written.
    out: Vec<u8>,
    /// Read buffer, of which `start..filled` has not been decoded.
    input: Vec<u8>,
    start: usize,
    filled: usize,
}

impl Connection {
    /// Connects to the service at `address`.
    ///
    /// # Errors
    /// If it cannot be reached within 30 seconds.
    pub(crate) fn open(address: SocketAddr) -> Result<Self, Error> {
        let open = || {
            let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
            // Requests are coalesced here, so that the kernel need not wait for more.
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(stream)
        };
        Ok(Connection {
            stream: open().map_err(Error::io("connect to the service"))?,
            out: Vec::new(),
            input: Vec::new(),
            start: 0,
            filled: 0,
        })
    }

    /// Another handle of the connection, to shut it down while this one waits.
    pub(crate) fn handle(&self) -> Result<TcpStream, Error> {
        self.stream
            .try_clone()
            .map_err(Error::io("keep a handle of the connection"))
    }

    /// Begins the requests for the keys at `range`; nothing is sent before the first step.
    ///
    /// # Panics
    /// If the range is not within `keys`.
    pub(crate) fn pipelined<'c, P: Protocol>(
        &'c mut self,
        protocol: &'c P,
        keys: &'c [P::Key],
        range: Range<usize>,
        limits: Limits,
    ) -> Pipelined<'c, P> {
        assert!(range.start <= range.end && range.end <= keys.len());
        // Positions must stay apart when they are cut to the 32 bits of an id.
        let window = limits.window.clamp(1, 1 << 20).min(range.len().max(1));
        Pipelined {
            connection: self,
            protocol,
            keys,
            low: range.start,
            high: range.start,
            end: range.end,
            answered: vec![false; window],
            limits,
        }
    }

    /// Reads more into the buffer, which grows up to `limit` where one response fills it.
    fn read(&mut self, limits: &Limits) -> Result<(), Error> {
        self.input.copy_within(self.start..self.filled, 0);
        self.filled -= self.start;
        self.start = 0;
        let limit = limits.response_bytes.max(1);
        if self.filled == self.input.len() {
            if self.filled >= limit {
                return Err(too_long(limits));
            }
            let size = (self.filled * 2).max(limits.buffer_bytes).min(limit);
            self.input.resize(size, 0);
        }
        loop {
            match self.stream.read(&mut self.input[self.filled..]) {
                Ok(n) => {
                    self.filled += n;
                    return if n > 0 {
                        Ok(())
                    } else {
                        Err(failed(
                            ErrorKind::UnexpectedEof,
                            "the service closed the connection before it had answered every request",
                        ))
                    };
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if timed_out(&error) => {
                    return Err(failed(
                        ErrorKind::TimedOut,
                        format!("nothing came for {} s", PATIENCE.as_secs()),
                    ));
                }
                Err(error) => return Err(Error::io("read a response")(error)),
            }
        }
    }
}

/// Requests under way on one connection.
pub(crate) struct Pipelined<'c, P: Protocol> {
    connection: &'c mut Connection,
    protocol: &'c P,
    keys: &'c [P::Key],
    /// Position of the first request that has no answer.
    low: usize,
    /// Position of the first request that has not been sent.
    high: usize,
    end: usize,
    /// Whether the request at a position in `low..high` has its answer, at the position modulo the
    /// window.
    answered: Vec<bool>,
    limits: Limits,
}

impl<P: Protocol> Pipelined<'_, P> {
    /// Sends what the window has room for, reads once and calls `answer` with the key's position and
    /// the body of each complete response, in the order in which they came. Returns whether responses
    /// are still missing; the caller steps until none is.
    ///
    /// # Errors
    /// If the connection fails or makes no progress for 30 seconds, if the service closes it early,
    /// sends what the protocol refuses, answers a request twice or one that was not made, or if a
    /// response is longer than the limit; and with the errors of `answer`.
    pub(crate) fn step(
        &mut self,
        mut answer: impl FnMut(usize, &[u8]) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        if self.low == self.end {
            return Ok(false);
        }
        self.send()?;
        self.connection.read(&self.limits)?;
        let mut start = self.connection.start;
        loop {
            let input = &self.connection.input[start..self.connection.filled];
            if input.is_empty() {
                break;
            }
            let frame = self
                .protocol
                .decode(input)
                .map_err(Error::io("understand a response"))?;
            let Some(frame) = frame else { break };
            if frame.length == 0 || frame.length > input.len() {
                return Err(failed(
                    ErrorKind::InvalidData,
                    "the protocol found a response of impossible length",
                ));
            }
            if frame.length > self.limits.response_bytes {
                return Err(too_long(&self.limits));
            }
            let index = position(self.low, self.high, &self.answered, frame.id)?;
            let window = self.answered.len();
            self.answered[index % window] = true;
            answer(index, frame.body)?;
            while self.low < self.high && self.answered[self.low % window] {
                self.low += 1;
            }
            start += frame.length;
        }
        self.connection.start = start;
        if self.low < self.end {
            return Ok(true);
        }
        if self.connection.start < self.connection.filled {
            return Err(failed(
                ErrorKind::InvalidData,
                "the service sent more than one response for each request",
            ));
        }
        Ok(false)
    }

    /// Heap bytes held by the buffers.
    pub(crate) fn bytes(&self) -> usize {
        self.connection.out.capacity() + self.connection.input.capacity() + self.answered.capacity()
    }

    /// Writes requests once half the window is free: one at a time would cost a system call each.
    fn send(&mut self) -> Result<(), Error> {
        let window = self.answered.len();
        let last = self.end.min(self.low + window);
        if last - self.high < (window / 2).max(1) && last < self.end {
            return Ok(());
        }
        let write_bytes = self.limits.buffer_bytes.min(BUFFER_BYTES);
        while self.high < last {
            self.connection.out.clear();
            while self.high < last && self.connection.out.len() < write_bytes {
                self.answered[self.high % window] = false;
                self.protocol.encode(
                    self.high as u32,
                    &self.keys[self.high],
                    &mut self.connection.out,
                );
                self.high += 1;
            }
            if let Err(error) = self.connection.stream.write_all(&self.connection.out) {
                let error = if timed_out(&error) {
                    io::Error::new(ErrorKind::TimedOut, "the service does not take requests")
                } else {
                    error
                };
                return Err(Error::io("send requests")(error));
            }
            if self.connection.out.len() >= write_bytes {
                // Responses first: the service may be waiting for them to be taken.
                break;
            }
        }
        Ok(())
    }
}

/// The position in `low..high` that `id` stands for.
fn position(low: usize, high: usize, answered: &[bool], id: u32) -> Result<usize, Error> {
    let ahead = id.wrapping_sub(low as u32) as usize;
    if ahead < high - low {
        if !answered[(low + ahead) % answered.len()] {
            return Ok(low + ahead);
        }
    } else if (low as u32).wrapping_sub(id) as usize > low {
        let message = format!("the service answered a request that was not made (id {id})");
        return Err(failed(ErrorKind::InvalidData, message));
    }
    let message = format!("the service answered a request twice (id {id})");
    Err(failed(ErrorKind::InvalidData, message))
}

fn too_long(limits: &Limits) -> Error {
    match limits.budget {
        Some(budget) => Error::Budget {
            needed: budget.saturating_add(1),
            budget,
        },
        None => {
            let limit = limits.response_bytes;
            let message = format!("it is longer than the limit of {limit} bytes");
            failed(ErrorKind::InvalidData, message)
        }
    }
}

/// Blocking sockets report a timeout by either kind, depending on the operating system.
fn timed_out(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn failed(kind: ErrorKind, message: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::io("read a response")(io::Error::new(kind, message))
}
