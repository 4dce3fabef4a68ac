//! The service where there is no epoll: two threads for each connection, one that reads and one that
//! answers when the time has come. Timing is as good as the system's sleep.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::frame::{self, Kind, REQUEST_BYTES, Request};
use super::lateness::Histogram;

/// Runs the service on `listener`; `ready` is called once it answers.
pub(super) fn run(
    listener: TcpListener,
    latency: Duration,
    until_input_ends: bool,
    ready: impl FnOnce(),
) -> io::Result<()> {
    let (end, ended) = mpsc::channel();
    let histogram = Arc::new(Mutex::new(Histogram::new()));
    if until_input_ends {
        let end = end.clone();
        thread::spawn(move || {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            let _ = end.send(());
        });
    }
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(stream), histogram, end) = (stream, histogram.clone(), end.clone()) else {
                continue;
            };
            thread::spawn(move || {
                // A client that goes away or sends rubbish loses its connection, nothing else.
                if let Ok(true) = connection(stream, latency, &histogram) {
                    let _ = end.send(());
                }
            });
        }
    });
    ready();
    // An error means that nobody is left to ask for the end.
    let _ = ended.recv();
    Ok(())
}

/// Serves one connection; true if it asked for the end.
fn connection(
    mut stream: TcpStream,
    latency: Duration,
    histogram: &Arc<Mutex<Histogram>>,
) -> io::Result<bool> {
    stream.set_nodelay(true)?;
    let (send, receive) = mpsc::channel();
    let (out, counts) = (stream.try_clone()?, histogram.clone());
    let answering = thread::spawn(move || answer(out, latency, receive, &counts));
    let mut bytes = [0; REQUEST_BYTES];
    let mut stopped = false;
    while !stopped && stream.read_exact(&mut bytes).is_ok() {
        let Ok(Some(request)) = frame::parse(&bytes) else {
            stream.shutdown(std::net::Shutdown::Both)?;
            break;
        };
        stopped = request.kind == Kind::Stop;
        if send.send((request, Instant::now())).is_err() {
            break;
        }
    }
    drop(send);
    let _ = answering.join();
    Ok(stopped)
}

fn answer(
    mut stream: TcpStream,
    latency: Duration,
    requests: Receiver<(Request, Instant)>,
    histogram: &Mutex<Histogram>,
) -> io::Result<()> {
    let mut out = Vec::new();
    for (request, received) in requests {
        out.clear();
        let lock = || histogram.lock().unwrap_or_else(|lock| lock.into_inner());
        if request.kind == Kind::Lookup {
            thread::sleep((received + latency).saturating_duration_since(Instant::now()));
            frame::respond_to_lookup(&mut out, request.id, request.key);
            // Counted first, so that who has an answer finds it in the statistics.
            let late = received.elapsed().saturating_sub(latency);
            let mut counts = lock();
            counts.add(late.as_nanos() as u64);
            counts.answered += 1;
            drop(counts);
            stream.write_all(&out)?;
        } else {
            frame::respond_with_statistics(&mut out, request.id, lock().statistics());
            if request.kind == Kind::Reset {
                lock().reset();
            }
            stream.write_all(&out)?;
        }
    }
    Ok(())
}

/// There is no limit to raise, or none that is known.
pub(super) fn raise_file_limit() {}
