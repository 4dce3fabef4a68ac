//! Requests to a service that answers in odd pieces and odd order, and may misbehave: the right answer or
//! an error, and where it behaves, the answer.
#![no_main]

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{LazyLock, Mutex};

use engines::{Async, Engine, Frame, Parallel, Pipeline, Protocol, Requests, Streaming, collect};
use libfuzzer_sys::fuzz_target;

/// What the service does, answer by answer, on every connection anew.
static MANNERS: Mutex<Vec<u8>> = Mutex::new(Vec::new());

static SERVICE: LazyLock<SocketAddr> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback device has a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // A client that goes away is no failure of the service.
            std::thread::spawn(move || stream.and_then(serve));
        }
    });
    address
});

fuzz_target!(|data: &[u8]| {
    let Some((&[engine, keys, under_way], manners)) = data.split_first_chunk() else {
        return;
    };
    *MANNERS.lock().expect("nobody panics with it") = manners.to_vec();
    let keys: Vec<u8> = (0..keys).collect();
    let under_way = 1 + usize::from(under_way);
    let found = match engine % 4 {
        0 => ask(&Async::default().in_flight(under_way).multiplexed(2), &keys),
        1 => ask(
            &Async::default()
                .in_flight(under_way % 8 + 1)
                .connection_each(),
            &keys,
        ),
        2 => ask(&Streaming::default().window(under_way), &keys),
        _ => ask(&Parallel::default().workers(3).in_flight(under_way), &keys),
    };
    match found {
        Some(found) => assert_eq!(found, keys.iter().map(|key| body(*key)).collect::<Vec<_>>()),
        None => assert!(
            manners.iter().any(|manner| *manner >= GOOD),
            "good answers were refused"
        ),
    }
});

fn ask(engine: &impl Engine, keys: &[u8]) -> Option<Vec<Vec<u8>>> {
    let bodies = Pipeline::responses().bodies().map(<[u8]>::to_vec);
    engine
        .run(Requests::to(*SERVICE, &Short, keys), &bodies, collect())
        .ok()
}

fn body(key: u8) -> Vec<u8> {
    vec![key; usize::from(key) * 2]
}

/// Below this, a manner says only in which order and in which pieces a good answer goes out.
const GOOD: u8 = 248;

fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let manners = MANNERS.lock().expect("nobody panics with it").clone();
    let mut manners = manners.into_iter().cycle();
    let (mut input, mut piece) = (Vec::new(), [0; 512]);
    loop {
        let n = stream.read(&mut piece)?;
        if n == 0 {
            return Ok(());
        }
        input.extend_from_slice(&piece[..n]);
        let (requests, rest) = input.as_chunks::<5>();
        let mut out = Vec::new();
        for request in requests {
            let manner = manners.next().unwrap_or(0);
            let (id, body) = (
                u32::from_le_bytes([request[0], request[1], request[2], request[3]]),
                body(request[4]),
            );
            let mut answer = answer(id, &body);
            match manner {
                248 => answer.extend(answer.clone()),
                249 => answer[3] ^= 0x80,
                250 => answer[0] ^= 1,
                251 => answer[5] = 0xff,
                252 => answer.truncate(5),
                253 => answer.clear(),
                254 => answer.insert(0, 0),
                255 => answer.extend(b"more"),
                _ if manner % 2 == 1 => {
                    answer.extend_from_slice(&out);
                    out.clear();
                }
                _ => {}
            }
            out.extend(answer);
            if manner >= GOOD {
                // Whoever waits for what will not come would wait for 30 s.
                return stream.write_all(&out);
            }
            if manner % 4 == 2 {
                // What has gathered goes out but for a few bytes.
                let later = out.split_off(out.len().saturating_sub(usize::from(manner / 4)));
                stream.write_all(&out)?;
                stream.write_all(&later)?;
                out.clear();
            }
        }
        stream.write_all(&out)?;
        input = rest.to_vec();
    }
}

fn answer(id: u32, body: &[u8]) -> Vec<u8> {
    [
        &id.to_le_bytes()[..],
        &(body.len() as u16).to_le_bytes(),
        body,
    ]
    .concat()
}

/// A request is an id and a key, a response an id, a length of two bytes and a body.
struct Short;

impl Protocol for Short {
    type Key = u8;

    fn encode(&self, id: u32, key: &u8, out: &mut Vec<u8>) {
        out.extend(id.to_le_bytes());
        out.push(*key);
    }

    fn decode<'b>(&self, input: &'b [u8]) -> io::Result<Option<Frame<'b>>> {
        let Some((head, rest)) = input.split_first_chunk::<6>() else {
            return Ok(None);
        };
        let [a, b, c, d, low, high] = *head;
        let length = usize::from(u16::from_le_bytes([low, high]));
        Ok(rest.get(..length).map(|body| Frame {
            id: u32::from_le_bytes([a, b, c, d]),
            body,
            length: 6 + length,
        }))
    }
}
