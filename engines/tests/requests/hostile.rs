//! A service on the loopback device that treats each connection as a test wants it, and remembers what
//! it was asked.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engines::{Frame, Protocol};

/// A request is an id and a key, a response an id, a key and a check of both; four bytes each.
pub(crate) struct Checked;

fn check(id: u32, key: u32) -> u32 {
    id.rotate_left(7) ^ key ^ 0x5a5a_5a5a
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

impl Protocol for Checked {
    type Key = u32;

    fn encode(&self, id: u32, key: &u32, out: &mut Vec<u8>) {
        out.extend(id.to_le_bytes());
        out.extend(key.to_le_bytes());
    }

    fn decode<'b>(&self, input: &'b [u8]) -> io::Result<Option<Frame<'b>>> {
        let Some((frame, _)) = input.split_at_checked(12) else {
            return Ok(None);
        };
        let id = word(frame, 0);
        if check(id, word(frame, 4)) != word(frame, 8) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "rubbish"));
        }
        Ok(Some(Frame {
            id,
            body: &frame[4..8],
            length: 12,
        }))
    }
}

/// The key that a response is for.
pub(crate) fn key(body: &[u8]) -> u32 {
    word(body, 0)
}

/// How a connection is treated once it has had so many good answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It goes on having them.
    Good,
    /// It is closed in good order.
    Closes(usize),
    /// It is closed at the next request, which is not answered.
    ClosesOnRequest(usize),
    /// It gets half an answer and is closed.
    Half(usize),
    /// It is closed with requests unread, which resets it.
    Resets(usize),
    /// It gets no further answer.
    Stalls(usize),
    /// It gets what is no answer.
    Rubbish(usize),
    /// It gets the next answer twice.
    Repeats(usize),
}

impl Manner {
    fn answers(self) -> usize {
        match self {
            Manner::Good => usize::MAX,
            Manner::Closes(n)
            | Manner::ClosesOnRequest(n)
            | Manner::Half(n)
            | Manner::Resets(n)
            | Manner::Stalls(n)
            | Manner::Rubbish(n)
            | Manner::Repeats(n) => n,
        }
    }
}

/// What the service has seen.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) connections: AtomicUsize,
    pub(crate) requests: AtomicUsize,
    /// Requests for a key that had been answered before.
    pub(crate) again: AtomicUsize,
    answered: std::sync::Mutex<std::collections::HashSet<u32>>,
}

impl Seen {
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub(crate) fn again(&self) -> usize {
        self.again.load(Ordering::SeqCst)
    }

    /// Forgets what has been answered: another run begins.
    pub(crate) fn forget(&self) {
        self.answered.lock().unwrap().clear();
    }
}

/// Starts a service that ends with the process; `manner` says how its `n`-th connection is treated.
pub(crate) fn start(
    manner: impl Fn(usize) -> Manner + Send + Sync + 'static,
) -> (SocketAddr, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Seen::default());
    let shared = seen.clone();
    std::thread::spawn(move || serve_all(&listener, manner, &shared));
    (address, seen)
}

pub(crate) fn serve_all(
    listener: &TcpListener,
    manner: impl Fn(usize) -> Manner,
    seen: &Arc<Seen>,
) {
    for stream in listener.incoming() {
        let manner = manner(seen.connections.fetch_add(1, Ordering::SeqCst));
        let seen = seen.clone();
        // A client that goes away is no failure of the service.
        std::thread::spawn(move || stream.and_then(|stream| serve(stream, manner, &seen)));
    }
}

fn serve(mut stream: TcpStream, manner: Manner, seen: &Seen) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut left = manner.answers();
    loop {
        if left == 0 {
            return misbehave(stream, manner);
        }
        let mut request = [0; 8];
        stream.read_exact(&mut request)?;
        seen.requests.fetch_add(1, Ordering::SeqCst);
        let (id, key) = (word(&request, 0), word(&request, 4));
        if !seen.answered.lock().unwrap().insert(key) {
            seen.again.fetch_add(1, Ordering::SeqCst);
        }
        stream.write_all(&response(id, key))?;
        left -= 1;
    }
}

/// The right answer to a request.
pub(crate) fn answer(request: &[u8]) -> Vec<u8> {
    response(word(request, 0), word(request, 4))
}

fn response(id: u32, key: u32) -> Vec<u8> {
    [id, key, check(id, key)]
        .iter()
        .flat_map(|n| n.to_le_bytes())
        .collect()
}

fn misbehave(mut stream: TcpStream, manner: Manner) -> io::Result<()> {
    if let Manner::Resets(_) = manner {
        // Waits for a request without taking it.
        stream.peek(&mut [0])?;
        return Ok(());
    }
    if let Manner::Stalls(_) | Manner::Closes(_) = manner {
        if let Manner::Closes(_) = manner {
            stream.shutdown(Shutdown::Write)?;
        }
        io::copy(&mut stream, &mut io::sink())?;
        return Ok(());
    }
    let mut request = [0; 8];
    stream.read_exact(&mut request)?;
    let good = answer(&request);
    match manner {
        Manner::Half(_) => stream.write_all(&good[..6])?,
        Manner::Rubbish(_) => stream.write_all(&[7; 40])?,
        Manner::Repeats(_) => stream.write_all(&good.repeat(2))?,
        _ => {}
    }
    // In good order: what has been sent arrives.
    stream.shutdown(Shutdown::Write)?;
    io::copy(&mut stream, &mut io::sink())?;
    Ok(())
}

/// Waits until `is` holds, or for ten seconds.
pub(crate) fn eventually(is: impl Fn() -> bool) -> bool {
    for _ in 0..10_000 {
        if is() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}
