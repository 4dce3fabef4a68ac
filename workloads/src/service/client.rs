//! The simplest way to talk to the service: one connection, one request after another.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use engines::Protocol;

use super::Lateness;
use super::frame::{self, Kind, Lookup};

/// How late the service has been since it started or was [`reset`].
///
/// # Errors
/// If there is no service at `address`.
pub fn statistics(address: SocketAddr) -> io::Result<Lateness> {
    ask(address, Kind::Statistics)
}

/// As [`statistics`], which begin anew.
///
/// # Errors
/// If there is no service at `address`.
pub fn reset(address: SocketAddr) -> io::Result<Lateness> {
    ask(address, Kind::Reset)
}

/// Ends the service; requests that are still waiting are not answered. Returns its last statistics.
///
/// # Errors
/// If there is no service at `address`.
pub fn stop(address: SocketAddr) -> io::Result<Lateness> {
    ask(address, Kind::Stop)
}

fn ask(address: SocketAddr, kind: Kind) -> io::Result<Lateness> {
    let mut connection = Connection::open(address)?;
    // Something else may listen there, and never answer.
    connection
        .stream
        .set_read_timeout(Some(Duration::from_secs(10)))?;
    let body = connection.exchange(kind, 0)?;
    let (numbers, rest) = body.as_chunks::<8>();
    let [answered, p50, p99, max] = numbers else {
        return Err(invalid("statistics of an unknown form"));
    };
    if !rest.is_empty() {
        return Err(invalid("statistics of an unknown form"));
    }
    let [answered, p50, p99, max] =
        [answered, p50, p99, max].map(|number| u64::from_le_bytes(*number));
    Ok(Lateness {
        answered,
        p50,
        p99,
        max,
    })
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// A connection that is kept open.
pub(crate) struct Connection {
    stream: TcpStream,
    next: u32,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, next: 0 })
    }

    /// The body of the response to a lookup.
    pub(crate) fn look_up(&mut self, key: u64) -> io::Result<Vec<u8>> {
        self.exchange(Kind::Lookup, key)
    }

    fn exchange(&mut self, kind: Kind, key: u64) -> io::Result<Vec<u8>> {
        self.next = self.next.wrapping_add(1);
        self.stream
            .write_all(&frame::request(self.next, kind, key))?;
        let mut input = [0; 128];
        let mut filled = 0;
        loop {
            match self.stream.read(&mut input[filled..])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => filled += n,
            }
            if let Some(frame) = Lookup.decode(&input[..filled])? {
                if frame.id != self.next || frame.length != filled {
                    return Err(invalid("a response to another request"));
                }
                return Ok(frame.body.to_vec());
            }
        }
    }
}
