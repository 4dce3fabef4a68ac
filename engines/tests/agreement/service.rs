//! A small service on the loopback device that answers out of order on purpose, or misbehaves.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use engines::{Frame, Protocol};

/// A request is an id and a number, a response an id, a length and that many bytes.
pub(crate) struct Numbers;

impl Protocol for Numbers {
    type Key = u32;

    fn encode(&self, id: u32, key: &u32, out: &mut Vec<u8>) {
        out.extend(id.to_le_bytes());
        out.extend(key.to_le_bytes());
    }

    fn decode<'b>(&self, input: &'b [u8]) -> io::Result<Option<Frame<'b>>> {
        let Some((head, rest)) = input.split_at_checked(8) else {
            return Ok(None);
        };
        let word = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().unwrap());
        let length = word(4) as usize;
        if length > 1 << 24 {
            return Err(io::Error::other("no response is that long"));
        }
        Ok(rest.get(..length).map(|body| Frame {
            id: word(0),
            body,
            length: 8 + length,
        }))
    }
}

/// What a request for `key` is answered with: between 0 and 299 bytes, now and then many more.
pub(crate) fn body(key: u32) -> Vec<u8> {
    let length = if key % 512 == 511 { 150_000 } else { key % 300 };
    (0..length).map(|i| (i ^ key) as u8).collect()
}

/// How the service treats its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Answers what has come in backwards, and cuts its answers into uneven pieces.
    Backwards,
    /// Closes the connection after the first answer.
    ClosesEarly,
    /// Sends what is no response.
    Rubbish,
    /// Answers each request twice.
    Repeats,
    /// Answers requests that nobody made.
    Invents,
}

/// Starts a service, which ends with the process.
pub(crate) fn start(manner: Manner) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // A client that goes away is no failure of the service.
            std::thread::spawn(move || stream.and_then(|stream| serve(stream, manner)));
        }
    });
    address
}

fn serve(mut stream: TcpStream, manner: Manner) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = Vec::new();
    let mut piece = [0; 1000];
    loop {
        let n = stream.read(&mut piece)?;
        if n == 0 {
            return Ok(());
        }
        input.extend_from_slice(&piece[..n]);
        let (requests, rest) = input.as_chunks::<8>();
        let mut out = Vec::new();
        for request in requests.iter().rev() {
            let id = u32::from_le_bytes(request[..4].try_into().unwrap());
            let key = u32::from_le_bytes(request[4..].try_into().unwrap());
            let body = body(key);
            let mut answer = |id: u32, length: usize| {
                out.extend(id.to_le_bytes());
                out.extend((length as u32).to_le_bytes());
                out.extend(&body);
            };
            match manner {
                Manner::Backwards => answer(id, body.len()),
                Manner::Repeats => (0..2).for_each(|_| answer(id, body.len())),
                Manner::Invents => answer(id ^ 0x8000_0000, body.len()),
                Manner::Rubbish => answer(id, usize::MAX),
                Manner::ClosesEarly => {
                    answer(id, body.len());
                    return stream.write_all(&out);
                }
            }
        }
        input = rest.to_vec();
        let mut size = 1;
        let mut out = &out[..];
        while !out.is_empty() {
            let (now, later) = out.split_at(size.min(out.len()));
            stream.write_all(now)?;
            out = later;
            size = size * 5 % 1009 + 600 * usize::from(size > 100);
            size = size.max(1);
        }
    }
}
