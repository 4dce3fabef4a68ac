//! A thousand requests in flight, by the asynchronous engine and by tokio as one writes it, both with
//! connections that they keep: throughput, CPU time of this process for each request, and latency from
//! a request's being written to its response's being there.
//!
//! `cargo bench -p workloads --bench requests`; the service runs in a process of its own. The contenders
//! take turns, and figures are medians over the rounds.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engines::{Async, Engine, Frame, Pipeline, Protocol, Requests, fold};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use workloads::service::{self, Lookup, value_of};

const IN_FLIGHT: usize = 1000;
const REQUESTS: usize = 20_000;
const ROUNDS: usize = 15;
const LATENCY: Duration = Duration::from_millis(2);
const RESPONSE_BYTES: usize = 24;

/// When each request was written, and how long it took, in nanoseconds.
struct Times {
    start: Instant,
    of: Vec<AtomicU64>,
}

impl Times {
    fn new() -> Self {
        Times {
            start: Instant::now(),
            of: (0..REQUESTS).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    fn begin(&self, index: usize) {
        let now = self.start.elapsed().as_nanos() as u64;
        self.of[index].store(now, Ordering::Relaxed);
    }

    fn end(&self, index: usize) {
        let now = self.start.elapsed().as_nanos() as u64;
        let began = self.of[index].load(Ordering::Relaxed);
        self.of[index].store(now - began, Ordering::Relaxed);
    }
}

/// The service's protocol, with a clock. Keys are positions.
struct Timed(Times);

impl Protocol for Timed {
    type Key = u64;

    fn encode(&self, id: u32, key: &u64, out: &mut Vec<u8>) {
        self.0.begin(*key as usize);
        Lookup.encode(id, key, out);
    }

    fn decode<'b>(&self, input: &'b [u8]) -> std::io::Result<Option<Frame<'b>>> {
        Lookup.decode(input)
    }
}

fn value(body: &[u8]) -> i64 {
    i64::from_le_bytes(*body.first_chunk().expect("a response has 16 bytes"))
}

fn engine(engine: &Async, service: SocketAddr, keys: &[u64], timed: &Timed) -> i64 {
    let values = Pipeline::responses().map(|(body, index): (&[u8], usize)| {
        timed.0.end(index);
        value(body)
    });
    let total = fold(|| 0, |n: &mut i64, x| *n += x, |n, m| *n += m);
    engine
        .run(Requests::to(service, timed, keys), &values, total)
        .expect("the service answers")
}

type Idle = Arc<Mutex<Vec<TcpStream>>>;

/// A task for each request in flight, each with a connection, as a good programmer writes it.
async fn tokio_tasks(service: SocketAddr, idle: Idle, timed: Arc<Timed>) -> i64 {
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (next, idle, timed) = (next.clone(), idle.clone(), timed.clone());
        tasks.spawn(async move {
            let ready = idle.lock().expect("nobody panics").pop();
            let mut stream = match ready {
                Some(stream) => stream,
                None => {
                    let stream = TcpStream::connect(service).await?;
                    stream.set_nodelay(true)?;
                    stream
                }
            };
            let (mut total, mut out, mut response) = (0, Vec::new(), [0; RESPONSE_BYTES]);
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= REQUESTS {
                    idle.lock().expect("nobody panics").push(stream);
                    return std::io::Result::Ok(total);
                }
                out.clear();
                timed.encode(index as u32, &(index as u64), &mut out);
                stream.write_all(&out).await?;
                stream.read_exact(&mut response).await?;
                timed.0.end(index);
                total += value(&response[8..]);
            }
        });
    }
    let mut total = 0;
    while let Some(done) = tasks.join_next().await {
        total += done.expect("nobody panics").expect("the service answers");
    }
    total
}

/// CPU time of this process, all threads.
fn cpu() -> Duration {
    // SAFETY: plain numbers, for which zeros are valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is valid for writing.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    let time = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1000);
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// One round: thousands of requests a second, CPU time in microseconds, and latencies in milliseconds.
type Figures = [f64; 4];

fn measure(run: impl FnOnce() -> i64, timed: &Timed, right: i64) -> Figures {
    let (began, before) = (Instant::now(), cpu());
    let total = run();
    let (wall, used) = (began.elapsed(), cpu() - before);
    assert_eq!(total, right);
    let mut latencies: Vec<u64> = timed
        .0
        .of
        .iter()
        .map(|n| n.load(Ordering::Relaxed))
        .collect();
    latencies.sort_unstable();
    let percentile = |p: usize| latencies[(REQUESTS - 1) * p / 100] as f64 / 1e6;
    [
        REQUESTS as f64 / wall.as_secs_f64() / 1e3,
        used.as_secs_f64() * 1e6 / REQUESTS as f64,
        percentile(50),
        percentile(99),
    ]
}

fn start() -> (Child, SocketAddr) {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a service");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    (child, line.trim().parse().expect("an address"))
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("serve") {
        let say = |address| {
            println!("{address}");
            std::io::stdout().flush().expect("somebody listens");
        };
        return service::serve(LATENCY, say).expect("a service");
    }
    service::raise_file_limit();
    let (mut child, address) = start();
    let keys: Vec<u64> = (0..REQUESTS as u64).collect();
    let right: i64 = keys.iter().map(|key| value_of(*key)).sum();
    let runtime = Runtime::new().expect("a runtime");
    let idle = Idle::default();
    let settings = [
        ("tokio, one each", None),
        ("async, one each", Some(Async::default().connection_each())),
        ("async, multiplexed", Some(Async::default())),
        (
            "async, adaptive",
            Some(Async::default().adaptive(IN_FLIGHT)),
        ),
    ];
    let mut rounds: Vec<Vec<Figures>> = vec![Vec::new(); settings.len()];
    for round in 0..=ROUNDS {
        for (at, (_, setting)) in settings.iter().enumerate() {
            let timed = Arc::new(Timed(Times::new()));
            let run = || match setting {
                Some(setting) => engine(setting, address, &keys, &timed),
                None => runtime.block_on(tokio_tasks(address, idle.clone(), timed.clone())),
            };
            let figures = measure(run, &timed, right);
            // The first round opens the connections.
            if round > 0 {
                rounds[at].push(figures);
            }
        }
    }
    println!("                    1000/s   us CPU  p50 ms  p99 ms");
    for ((name, _), rounds) in settings.iter().zip(&rounds) {
        let median = |k: usize| {
            let mut all: Vec<f64> = rounds.iter().map(|figures| figures[k]).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let [rate, used, p50, p99] = [0, 1, 2, 3].map(median);
        println!("{name:<19} {rate:>6.1} {used:>8.3} {p50:>7.2} {p99:>7.2}");
    }
    drop(child.stdin.take());
    child.wait().expect("it ends");
}
