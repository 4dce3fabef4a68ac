//! Sends 2,000 numbers to a service on this machine, all under way at once on two connections.

use engines::{Async, Engine, Frame, Pipeline, Protocol, Requests, fold};
use std::{io, net::TcpListener, net::TcpStream, thread};

/// A request is an id and a number of four bytes each; the service sends the same back.
struct Echo;

impl Protocol for Echo {
    type Key = u32;

    fn encode(&self, id: u32, key: &u32, out: &mut Vec<u8>) {
        out.extend([id.to_le_bytes(), key.to_le_bytes()].as_flattened());
    }

    fn decode<'b>(&self, input: &'b [u8]) -> io::Result<Option<Frame<'b>>> {
        Ok(input.split_at_checked(8).map(|(all, _)| Frame {
            id: u32::from_le_bytes(*all.first_chunk().unwrap()),
            body: &all[4..],
            length: 8,
        }))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let echo = |s: TcpStream| drop(thread::spawn(move || io::copy(&mut &s, &mut &s)));
    thread::spawn(move || listener.incoming().flatten().for_each(echo));

    let keys: Vec<u32> = (0..2000).collect();
    let sizes = Pipeline::responses().bodies().map(<[u8]>::len);
    let total = fold(|| 0, |total: &mut usize, n| *total += n, |a, b| *a += b);
    let engine = Async::default().in_flight(2000).multiplexed(2);
    let bytes = engine.run(Requests::to(address, &Echo, &keys), &sizes, total)?;
    println!("{bytes} bytes came back");
    assert_eq!(bytes, 4 * keys.len());
    Ok(())
}
