//! The loopback interface: round trips one after another, and requests of a pair of threads that are sent
//! many at a time. Request and response are as long as those of the service.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use super::Taking;
use super::together::{Timed, together};

const REQUEST: usize = 20;
const RESPONSE: usize = 28;
/// Requests sent at once: responses to them fit the socket's buffers, so that nobody waits for good.
const MANY: usize = 256;

pub(super) fn measure(taking: &mut Taking) {
    for (name, at_once) in [("round-trip", 1), ("message", MANY)] {
        let found = ask(taking, at_once);
        // Whoever asks and whoever answers.
        taking.note(name, 2, "count", found);
    }
}

fn ask(taking: &Taking, at_once: usize) -> Result<Timed, String> {
    let pair = || -> io::Result<_> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let asking = TcpStream::connect(listener.local_addr()?)?;
        let (answering, _) = listener.accept()?;
        asking.set_nodelay(true)?;
        answering.set_nodelay(true)?;
        Ok((asking, answering))
    };
    let (asking, answering) = pair().map_err(|error| error.to_string())?;
    thread::scope(|scope| {
        // Ends when the asking side is closed.
        scope.spawn(|| answer(answering));
        let state = std::sync::Mutex::new(Some(asking));
        let prepare = |_| {
            let own = state.lock().ok().and_then(|mut state| state.take());
            own.ok_or_else(|| io::Error::other("there is one connection"))
        };
        together(1, taking.each, at_once as u64, prepare, |stream, rounds| {
            let requests = vec![1; at_once * REQUEST];
            let mut responses = vec![0; at_once * RESPONSE];
            for _ in 0..rounds {
                stream.write_all(&requests)?;
                stream.read_exact(&mut responses)?;
            }
            Ok(())
        })
    })
}

/// Answers whole requests as they come, those that came together in one piece.
fn answer(mut stream: TcpStream) {
    let mut requests = vec![0; MANY * REQUEST];
    let responses = vec![2; MANY * RESPONSE];
    let mut held = 0;
    while let Ok(more @ 1..) = stream.read(&mut requests[held..]) {
        let whole = (held + more) / REQUEST;
        held = (held + more) % REQUEST;
        // What they say does not matter, so that a part of one need not be moved to the front.
        if stream.write_all(&responses[..whole * RESPONSE]).is_err() {
            return;
        }
    }
}
