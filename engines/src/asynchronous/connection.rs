//! One of the connections of a run, from the first request to the last: opened or taken from the pool,
//! and replaced when it fails.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;

use super::conversation::{Failure, Line, Request, converse};
use super::requests::{OneThread, Plan};
use crate::engine::Error;
use crate::item::Keyed;
use crate::sink::Sink;
use crate::source::{Protocol, Requests};
use crate::stage::Stage;

/// Asks for keys until there are none. A connection that fails is replaced, and its unanswered requests
/// are issued again, if the plan allows it. Connection `number` of the run.
pub(super) async fn attend<P, S, K>(
    thread: &OneThread<'_, '_, S, K>,
    source: &Requests<'_, P>,
    plan: &Plan<'_>,
    number: usize,
) -> Result<(), Error>
where
    P: Protocol,
    S: Stage<Keyed<usize>>,
    K: Sink<S::Out>,
{
    let Plan { terms, retry, .. } = *plan;
    // Claimed, and without an answer.
    let mut carried: Vec<Request> = Vec::new();
    // Since the last response.
    let mut failures = 0;
    let mut reuse = true;
    loop {
        let reserved = carried.is_empty();
        if reserved && !thread.reserve().await {
            return Ok(());
        }
        let kept = if reuse {
            thread.idle.borrow_mut().take(source.address)
        } else {
            None
        };
        let opened = match kept {
            Some(line) => Ok(line),
            None => {
                let _permit = thread.opening.acquire().await;
                open(source.address, terms.timeout).await
            }
        };
        if reserved {
            thread.release();
        }
        let mut line = match opened {
            Ok(line) => line,
            Err(error) => {
                failures += 1;
                let error = Error::io("connect to the service")(error);
                if failures > retry.times {
                    let Some(request) = carried.iter().min() else {
                        thread.refuse(error);
                        return Ok(());
                    };
                    return Err(given_up(*request, retry.times, error));
                }
                tokio::time::sleep(retry.pause(number, failures)).await;
                continue;
            }
        };
        let Requests { protocol, keys, .. } = source;
        let talk = converse(&mut line, &mut carried, *protocol, keys, terms, thread);
        let error = match talk.await {
            Ok(()) => {
                thread.idle.borrow_mut().put(source.address, line);
                return Ok(());
            }
            Err(Failure::Final(error)) => return Err(error),
            Err(Failure::Lost { stale: true, .. }) => {
                // Nothing has come since it was idle: the service had closed it before it saw the
                // requests.
                reuse = false;
                continue;
            }
            Err(Failure::Lost { error, .. } | Failure::Late(error)) => error,
        };
        if line.has_answered() {
            failures = 0;
        }
        drop(line);
        let exhausted = carried.iter().filter(|r| r.tries > retry.times).min();
        if let Some(request) = exhausted {
            return Err(given_up(*request, retry.times, error));
        }
        failures += 1;
        reuse = false;
        tokio::time::sleep(retry.pause(number, failures)).await;
    }
}

/// The error of a request that is not issued again.
fn given_up(request: Request, repetitions: u32, cause: Error) -> Error {
    if repetitions == 0 {
        return cause;
    }
    Error::Request {
        position: request.index,
        times: request.tries,
        cause: Box::new(cause),
    }
}

async fn open(service: SocketAddr, timeout: Duration) -> io::Result<Line> {
    let stream = tokio::time::timeout(timeout, TcpStream::connect(service)).await??;
    // Requests are coalesced here, so that the kernel need not wait for more.
    stream.set_nodelay(true)?;
    Ok(Line::new(stream))
}
