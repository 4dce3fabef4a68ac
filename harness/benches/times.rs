//! The time of one call of every cell by criterion: its clock, its loop and its statistics around our
//! contenders, each call on an input that the one before did not have. `cargo bench -p harness --bench
//! times -- numeric/sum` times some; `TWOFOLD_SIZE=default` takes larger inputs than a first look.

use std::cell::{OnceCell, RefCell};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, SamplingMode};
use harness::protocol::{LATENCY, Level};
use harness::{allocator, contenders, second};
use workloads::{Setting, Size};

// The one that the harness has: what is timed is the same.
#[global_allocator]
static ALLOCATOR: allocator::Switch = allocator::Switch;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .nresamples(10_000)
        .configure_from_args();
    let name = std::env::var("TWOFOLD_SIZE").unwrap_or_else(|_| "quick".to_owned());
    let Some(size) = contenders::size(&name) else {
        eprintln!("TWOFOLD_SIZE={name}: there are tiny, quick, default and large");
        std::process::exit(2);
    };
    times(&mut criterion, size);
    criterion.final_summary();
}

fn times(criterion: &mut Criterion, size: Size) {
    let folder = tempfile::tempdir().expect("a folder for the inputs");
    let service = OnceCell::new();
    for (cell, needs_service) in second::cells(size) {
        let mut group = criterion.benchmark_group(&cell.workload);
        group.sampling_mode(SamplingMode::Flat);
        let id = BenchmarkId::new(&cell.contender, &cell.size);
        group.bench_function(id, |bencher| {
            // Here nothing happens unless the cell is one of those that were asked for.
            let setting = Setting {
                size,
                items: None,
                folder: folder.path().to_owned(),
                service: needs_service.then(|| service.get_or_init(Service::start).address),
            };
            let mut job =
                contenders::open(&cell, &setting, 0, Level::default()).expect("a cell of the list");
            job.load(second::SEED).expect("an input");
            job.run().expect("a run");
            job.check().unwrap_or_else(|wrong| panic!("{wrong}"));
            let (job, mut seed) = (RefCell::new(job), second::SEED);
            bencher.iter_batched(
                || {
                    seed += 1;
                    job.borrow_mut().load(seed).expect("an input");
                },
                |()| job.borrow_mut().run().expect("a run"),
                BatchSize::PerIteration,
            );
            // Not each answer: a reference takes longer than what is timed.
            let checked = job.borrow().check();
            checked.unwrap_or_else(|wrong| panic!("{wrong}"));
        });
        group.finish();
    }
}

/// The service that some workloads need; it ends with its input.
struct Service {
    process: Child,
    address: SocketAddr,
}

impl Service {
    fn start() -> Service {
        let mut process = Command::new(env!("CARGO_BIN_EXE_harness"))
            .args(["serve", "--latency-ns", &LATENCY.as_nanos().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the service starts");
        let mut line = String::new();
        let output = process.stdout.take().expect("a pipe");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("its address");
        let address = line.trim().parse().expect("an address");
        Service { process, address }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
