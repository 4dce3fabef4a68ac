//! What the allocator is worth: glibc's against mimalloc, on code that allocates for each item and on
//! code that does not. It prints the table of `src/memory_optimized/allocators.md`.
//!
//! Each figure is from a process of its own, in which every block from the first on comes from the
//! allocator that its environment names; the allocators take turns, and a ratio is of neighbours.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::HashMap;
use std::hint::black_box;
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::Instant;

use engines::{Arena, Engine, MemoryOptimized, Pipeline, Pool, Records, group};
use mimalloc::MiMalloc;

/// Names the allocator in a child's environment: set for mimalloc, absent for the system's.
const VARIABLE: &std::ffi::CStr = c"ENGINES_BENCH_MIMALLOC";

struct Switch;

#[global_allocator]
static ALLOCATOR: Switch = Switch;

const UNKNOWN: u8 = 0;
const GLIBC: u8 = 1;
const MIMALLOC: u8 = 2;
static CHOICE: AtomicU8 = AtomicU8::new(UNKNOWN);

#[inline]
fn mimalloc() -> bool {
    match CHOICE.load(Relaxed) {
        UNKNOWN => choose(),
        choice => choice == MIMALLOC,
    }
}

/// At the first allocation, when there is one thread and nothing has changed the environment. The
/// standard library's way to read a variable would allocate.
#[cold]
fn choose() -> bool {
    // SAFETY: the name ends with a zero byte, and no other thread changes the environment.
    let mimalloc = unsafe { !libc::getenv(VARIABLE.as_ptr()).is_null() };
    CHOICE.store(if mimalloc { MIMALLOC } else { GLIBC }, Relaxed);
    mimalloc
}

// SAFETY: the choice is made before the first block and never changes, so that each block goes back to
// the allocator it came from. All calls are passed on unchanged.
unsafe impl GlobalAlloc for Switch {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        unsafe {
            if mimalloc() {
                MiMalloc.alloc(layout)
            } else {
                System.alloc(layout)
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe {
            if mimalloc() {
                MiMalloc.dealloc(block, layout);
            } else {
                System.dealloc(block, layout);
            }
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe {
            if mimalloc() {
                MiMalloc.alloc_zeroed(layout)
            } else {
                System.alloc_zeroed(layout)
            }
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        unsafe {
            if mimalloc() {
                MiMalloc.realloc(block, layout, size)
            } else {
                System.realloc(block, layout, size)
            }
        }
    }
}

/// Lines of the text.
const LINES: usize = 200_000;
/// Lines of a batch, where there are batches.
const BATCH: usize = 1000;
const KEYS: usize = 500;

fn text() -> String {
    (0..LINES)
        .map(|i| format!("{i} Customer-Number-{:05} {}\n", i * 7919 % KEYS, i % 1000))
        .collect()
}

/// The customer of a line, and the amount.
fn fields(line: &str) -> (&str, u64) {
    let mut fields = line.split(' ').skip(1);
    let (key, amount) = (fields.next(), fields.next());
    (
        key.unwrap_or_default(),
        amount.and_then(|n| n.parse().ok()).unwrap_or(0),
    )
}

fn total(groups: &HashMap<String, u64>) -> u64 {
    groups.values().sum()
}

/// Every intermediate result in a vector of strings.
fn eager(text: &str) -> u64 {
    let lines: Vec<String> = text.lines().map(String::from).collect();
    let keyed: Vec<(String, u64)> = lines
        .iter()
        .map(|line| fields(line))
        .map(|(key, n)| (key.to_owned(), n))
        .collect();
    let lower: Vec<(String, u64)> = keyed
        .iter()
        .map(|(key, n)| (key.to_lowercase(), *n))
        .collect();
    let mut groups = HashMap::new();
    for (key, n) in lower {
        *groups.entry(key).or_insert(0) += n;
    }
    total(&groups)
}

/// A string for each line, freed at once.
fn lazy(text: &str) -> u64 {
    let mut groups = HashMap::new();
    for (key, n) in text.lines().map(fields) {
        *groups.entry(key.to_lowercase()).or_insert(0) += n;
    }
    total(&groups)
}

/// A batch of strings at a time.
fn batches_of_strings(text: &str) -> u64 {
    let mut lines = text.lines();
    let mut sum = 0;
    loop {
        let batch: Vec<String> = lines
            .by_ref()
            .take(BATCH)
            .map(|line| fields(line).0.to_lowercase())
            .collect();
        sum += batch.iter().map(|key| key.len() as u64).sum::<u64>();
        if batch.len() < BATCH {
            return sum;
        }
    }
}

/// The same in an arena.
fn batches_in_an_arena(text: &str) -> u64 {
    let mut arena = Arena::new();
    let mut lines = text.lines();
    let mut sum = 0;
    loop {
        let batch = arena.collect(lines.by_ref().take(BATCH).map(|line| {
            let key = arena.str(fields(line).0);
            key.make_ascii_lowercase();
            &*key
        }));
        sum += batch.iter().map(|key| key.len() as u64).sum::<u64>();
        let ended = batch.len() < BATCH;
        arena.reset();
        if ended {
            return sum;
        }
    }
}

/// Rows whose strings are freed when they come back to the pool.
fn rows_cleared(text: &str) -> u64 {
    let pool = Pool::buffers(1, 1 << 20);
    rows(text, |lines| {
        let mut rows = pool.take();
        rows.extend(lines.map(String::from));
        (
            rows.len(),
            rows.iter().map(|row: &String| row.len() as u64).sum(),
        )
    })
}

/// Rows that keep their strings: the first of the pair says how many count.
fn rows_kept(text: &str) -> u64 {
    let pool = Pool::new(1, 1 << 20, |(used, rows): &mut (usize, Vec<String>)| {
        *used = 0;
        rows.capacity() * size_of::<String>()
    });
    rows(text, |lines| {
        let mut held = pool.take();
        let (used, rows) = &mut *held;
        for line in lines {
            if *used == rows.len() {
                rows.push(String::new());
            }
            rows[*used].clear();
            rows[*used].push_str(line);
            *used += 1;
        }
        (
            *used,
            rows[..*used].iter().map(|row| row.len() as u64).sum(),
        )
    })
}

/// Calls `batch` with some lines at a time until there are none; it returns how many there were.
fn rows(
    text: &str,
    batch: impl Fn(std::iter::Take<&mut std::str::Lines<'_>>) -> (usize, u64),
) -> u64 {
    let mut lines = text.lines();
    let mut sum = 0;
    loop {
        let (taken, length) = batch(lines.by_ref().take(BATCH));
        sum += length;
        if taken < BATCH {
            return sum;
        }
    }
}

/// The same as [`eager`] and [`lazy`], as a pipeline.
fn engine(text: &str) -> u64 {
    let keyed = Pipeline::records().keyed_with(|line, key| {
        let (name, n) = fields(std::str::from_utf8(line).ok()?);
        key.extend(name.bytes().map(|byte| byte.to_ascii_lowercase()));
        Some(n)
    });
    let sums = group(|| 0, |n: &mut u64, m| *n += m, |n, m| *n += m);
    let groups = MemoryOptimized::default().run(Records::text(text.as_bytes()), &keyed, sums);
    groups
        .expect("nothing can fail")
        .iter()
        .map(|(_, n)| n)
        .sum()
}

type Case = (&'static str, fn(&str) -> u64);

const CASES: [Case; 7] = [
    ("eager: vectors of strings, then a `HashMap`", eager),
    ("lazy: a string for each item, into a `HashMap`", lazy),
    ("this engine: `keyed_with`, into `group`", engine),
    ("batches of 1,000 strings", batches_of_strings),
    (
        "batches of 1,000 strings in an `Arena`",
        batches_in_an_arena,
    ),
    (
        "rows from `Pool::buffers`, whose strings are freed",
        rows_cleared,
    ),
    ("rows from `Pool::new`, which keep their strings", rows_kept),
];

/// Median of three calls after a first one, in nanoseconds for each line.
fn measure((_, run): Case) -> f64 {
    let text = text();
    let expected = black_box(run(&text));
    let mut times = [0.0; 3].map(|_: f64| {
        let start = Instant::now();
        assert_eq!(black_box(run(black_box(&text))), expected);
        start.elapsed().as_nanos() as f64 / LINES as f64
    });
    median(&mut times)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Measures one case in a child process.
fn child(case: usize, mimalloc: bool) -> f64 {
    let mut command = Command::new(std::env::current_exe().expect("this executable has a path"));
    let name = VARIABLE.to_str().expect("the name is ASCII");
    command.env_remove(name).arg("case").arg(case.to_string());
    if mimalloc {
        command.env(name, "1");
    }
    let output = command.output().expect("this executable can be started");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .expect("a child prints one number")
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, case] = &arguments[..]
        && word == "case"
    {
        let case: usize = case.parse().expect("the case is a number");
        println!("{}", measure(CASES[case]));
        return;
    }
    let rounds = 11;
    println!("| ns for each line | glibc | mimalloc | ratio (range of {rounds}) |");
    println!("|---|---:|---:|---|");
    for (case, (name, _)) in CASES.iter().enumerate() {
        let (mut system, mut other, mut ratios) = (vec![], vec![], vec![]);
        for round in 0..rounds {
            // Who goes first changes from round to round.
            let first = child(case, round % 2 == 0);
            let second = child(case, round % 2 != 0);
            let (mi, glibc) = if round % 2 == 0 {
                (first, second)
            } else {
                (second, first)
            };
            system.push(glibc);
            other.push(mi);
            ratios.push(glibc / mi);
        }
        let ratio = median(&mut ratios);
        println!(
            "| {name} | {:.0} | {:.0} | {ratio:.2} ({:.2} to {:.2}) |",
            median(&mut system),
            median(&mut other),
            ratios[0],
            ratios[rounds - 1],
        );
    }
}
