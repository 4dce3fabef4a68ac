//! The limit that adapts, against a service that works on so many requests at a time.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use engines::Async;

use crate::hostile::{Manner, start};
use crate::{ask, numbers};

/// Requests that the service works on at a time, and how long it takes for each.
const KNEE: usize = 20;
const WORK: Duration = Duration::from_millis(4);

/// How many requests there were at once when each came.
#[derive(Default)]
struct Load {
    now: AtomicUsize,
    seen: Mutex<Vec<usize>>,
}

/// Starts a service with `KNEE` workers; more requests wait in a queue.
fn busy_service() -> (SocketAddr, Arc<Load>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let load = Arc::new(Load::default());
    let (give, take) = mpsc::channel::<(Vec<u8>, Arc<Mutex<std::net::TcpStream>>)>();
    let take = Arc::new(Mutex::new(take));
    for _ in 0..KNEE {
        let (take, load) = (take.clone(), load.clone());
        thread::spawn(move || {
            loop {
                let next = take.lock().unwrap().recv();
                let Ok((answer, stream)) = next else { return };
                thread::sleep(WORK);
                load.now.fetch_sub(1, Ordering::SeqCst);
                // A client that is gone needs no answer.
                let _ = stream.lock().unwrap().write_all(&answer);
            }
        });
    }
    let seen = load.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            let out = Arc::new(Mutex::new(stream.try_clone().unwrap()));
            let (give, load) = (give.clone(), seen.clone());
            thread::spawn(move || {
                let mut request = [0; 8];
                while stream.read_exact(&mut request).is_ok() {
                    let now = load.now.fetch_add(1, Ordering::SeqCst) + 1;
                    load.seen.lock().unwrap().push(now);
                    let answer = crate::hostile::answer(&request);
                    give.send((answer, out.clone())).unwrap();
                }
            });
        }
    });
    (address, load)
}

/// The mean number of requests at once, in the second half of a run.
fn settles(engine: &Async) -> f64 {
    let (address, load) = busy_service();
    let keys = numbers(4000);
    assert_eq!(ask(engine, address, &keys).unwrap(), keys);
    let seen = load.seen.lock().unwrap();
    let later = &seen[seen.len() / 2..seen.len() * 9 / 10];
    later.iter().sum::<usize>() as f64 / later.len() as f64
}

#[test]
fn settles_near_the_knee() {
    let all = settles(&Async::default().in_flight(1000));
    assert!(all > 300.0, "{all}");
    for engine in [
        Async::default().threads(1),
        Async::default().threads(2),
        Async::default().threads(2).connection_each(),
    ] {
        let found = settles(&engine.adaptive(1000));
        let knee = KNEE as f64;
        assert!(found > knee * 0.6 && found < knee * 5.0, "{found}");
    }
}

#[test]
fn gives_the_same_answer() {
    let (address, seen) = start(|n| {
        if n % 3 == 0 {
            Manner::Closes(20)
        } else {
            Manner::Good
        }
    });
    let keys = numbers(3000);
    for engine in crate::engines() {
        let engine = engine.adaptive(300).retry(crate::quickly(5));
        seen.forget();
        assert_eq!(ask(&engine, address, &keys).unwrap(), keys);
    }
}
