//! What takes a process of its own: standard input and pipes, less memory than input, and what becomes
//! of `SIGBUS` when several care for it. The tests start this executable again, with one of the
//! ignored tests below as the child's program.
#![cfg(target_os = "linux")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use engines::{Engine, Pipeline, Reader, Records, Streaming, Visitor, batches, each, fold};

/// Long enough for any machine; nobody waits for it unless a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// This executable with the ignored test `program`, which finds `argument` in its environment.
fn program(program: &str, argument: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            program,
            "--exact",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env("ARGUMENT", argument);
    command
}

fn argument() -> String {
    std::env::var("ARGUMENT").unwrap()
}

fn count<E: Engine>(engine: &E, records: Records<'_>) -> Result<usize, engines::Error> {
    let count = fold(|| 0, |n: &mut usize, m: usize| *n += m, |n, m| *n += m);
    engine.run(records, &Pipeline::records().map(|_| 1), count)
}

/// Counts the lines of standard input with every engine in turn, a thousand each, and the rest of them
/// from the file that standard input is.
#[test]
#[ignore = "the program of a child"]
fn reads_standard_input() {
    struct All;
    impl Visitor for All {
        fn visit<E: Engine + Default + 'static>(&mut self, engine: E) {
            let lines = io::stdin().take(6 * 1000);
            assert_eq!(count(&engine, Records::reader(lines)).unwrap(), 1000);
        }
    }
    each(&mut All);
    let rest = count(&Streaming::default(), Records::file("/dev/stdin")).unwrap();
    println!("rest: {rest}");
}

#[test]
fn standard_input() {
    let mut child = program("reads_standard_input", "")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    // More than a pipe holds at once.
    let writer = std::thread::spawn(move || {
        (0..5000 + 30_000)
            .try_for_each(|i| writeln!(input, "{i:05}"))
            .unwrap();
    });
    let mut out = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut out)
        .unwrap();
    writer.join().unwrap();
    assert!(child.wait().unwrap().success(), "{out}");
    let rest = out.lines().find_map(|line| line.split("rest: ").nth(1));
    let rest: usize = rest.unwrap_or_else(|| panic!("{out}")).parse().unwrap();
    // What the buffer of standard input has taken ahead is not in the file any more.
    assert!((30_000 - 2000..=30_000).contains(&rest), "{rest}");
}

/// A shell that writes a line, and another once it is told to.
fn talker() -> Child {
    Command::new("sh")
        .args([
            "-c",
            "echo first; read line; echo $line; echo unfinished | tr -d '\\n'",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs `records`, and calls `go_on` when the first result has come. Returns all results.
fn first_result_first(
    engine: &Streaming,
    records: Records<'_>,
    mut go_on: impl FnMut() + Send,
) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    let sink = batches(|batch: &[Vec<u8>]| {
        if found.is_empty() {
            go_on();
        }
        found.extend_from_slice(batch);
    });
    let lines = Pipeline::records().map(<[u8]>::to_vec);
    engine.run(records, &lines, sink).unwrap();
    found
}

#[test]
fn the_first_result_comes_while_the_writer_holds_the_pipe() {
    for workers in [1, 2, 4] {
        let mut child = talker();
        let out = child.stdout.take().unwrap();
        let mut input = child.stdin.take().unwrap();
        let engine = Streaming::default().workers(workers);
        // The shell waits for this line, so that the first one cannot come by the end of the pipe.
        let found = first_result_first(&engine, Records::reader(out), || {
            input.write_all(b"second\n").unwrap();
        });
        assert_eq!(found, [&b"first"[..], b"second", b"unfinished"]);
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn the_first_result_comes_while_the_writer_still_compresses() {
    let (reader, writer) = io::pipe().unwrap();
    let mut gzip = flate2::write::GzEncoder::new(writer, Default::default());
    let (tell, told) = mpsc::channel();
    let writer = std::thread::spawn(move || {
        gzip.write_all(b"first\n").unwrap();
        gzip.flush().unwrap();
        told.recv_timeout(PATIENCE).expect("no result came");
        gzip.write_all(b"second").unwrap();
        gzip.finish().unwrap();
    });
    let records = Records::reader(reader).decompressed();
    let found = first_result_first(&Streaming::default(), records, || tell.send(()).unwrap());
    writer.join().unwrap();
    assert_eq!(found, [&b"first"[..], b"second"]);
}

/// Bytes of the file that is longer than memory, and what the process may have.
const FILE_BYTES: usize = 96 << 20;
const MEMORY_BYTES: u64 = 32 << 20;

#[test]
#[ignore = "the program of a child"]
fn counts_with_little_memory() {
    let path = argument();
    let limit = libc::rlimit {
        rlim_cur: MEMORY_BYTES,
        rlim_max: MEMORY_BYTES,
    };
    // SAFETY: `limit` is valid for reading; the call keeps no pointer.
    let result = unsafe { libc::setrlimit(libc::RLIMIT_DATA, &raw const limit) };
    assert_eq!(result, 0);
    // The limit is in force: whoever wanted it all would fail.
    let mut whole = Vec::<u8>::new();
    assert!(whole.try_reserve_exact(FILE_BYTES / 2).is_err());

    let engine = Streaming::default().workers(2);
    let lines = FILE_BYTES / LINE.len();
    let open = || std::fs::File::open(&path).unwrap();
    assert_eq!(count(&engine, Records::file(&path)).unwrap(), lines);
    assert_eq!(count(&engine, Records::reader(open())).unwrap(), lines);
    let packed = Records::file(path.clone() + ".gz").decompressed();
    assert_eq!(count(&engine, packed).unwrap(), lines);
    let mapped = engine.clone().reader(Reader::Map);
    assert_eq!(count(&mapped, Records::file(&path)).unwrap(), lines);
    let follow = Records::follow(&path).idle(Duration::ZERO);
    assert_eq!(count(&engine, follow.into()).unwrap(), lines);
    // Results that pile up are kept within what the engine may use, and the error is one.
    let sink = engines::collect();
    let copy = Pipeline::records().map(|line| line.len() as u64);
    let result = engine
        .memory(4 << 20)
        .run(Records::file(&path), &copy, sink);
    assert!(matches!(result, Err(engines::Error::Budget { .. })));
    println!("done");
}

const LINE: &[u8] = b"123456789 123456789 123456789 1\n";

#[test]
fn a_file_that_is_three_times_as_long_as_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long");
    let part = LINE.repeat((1 << 20) / LINE.len());
    let mut plain = std::fs::File::create(&path).unwrap();
    let packed = std::fs::File::create(folder.path().join("long.gz")).unwrap();
    let mut packed = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
    for _ in 0..FILE_BYTES >> 20 {
        plain.write_all(&part).unwrap();
        packed.write_all(&part).unwrap();
    }
    packed.finish().unwrap();
    let out = program("counts_with_little_memory", &path)
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    assert!(String::from_utf8_lossy(&out.stdout).contains("done"));
}

/// Maps a file with the engine, so that its handler is installed.
fn install(path: &Path) {
    let engine = Streaming::default().reader(Reader::Map);
    assert_eq!(count(&engine, Records::file(path)).unwrap(), 1);
}

/// Touches a page of a file that is gone.
fn fault(path: &Path) {
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    // SAFETY: nothing but the volatile read below looks at it.
    let map = unsafe { memmap2::Mmap::map(&file) }.unwrap();
    file.set_len(0).unwrap();
    // SAFETY: within the mapping. That it faults is the purpose.
    let byte = unsafe { map.as_ptr().read_volatile() };
    println!("read {byte}");
}

fn say_and_leave(word: &[u8], code: i32) -> ! {
    // SAFETY: both calls are allowed in a handler; `word` is valid for reading.
    unsafe {
        libc::write(1, word.as_ptr().cast(), word.len());
        libc::_exit(code)
    }
}

extern "C" fn plain(signal: libc::c_int) {
    assert_eq!(signal, libc::SIGBUS);
    say_and_leave(b"plain\n", 41)
}

extern "C" fn informed(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid `siginfo_t`.
    let code = unsafe { (*info).si_code };
    say_and_leave(
        b"informed\n",
        if code == libc::BUS_ADRERR { 42 } else { 43 },
    )
}

extern "C" fn goes_on(_: libc::c_int) {}

fn handle(action: usize, flags: libc::c_int) {
    // SAFETY: a zeroed `sigaction` is valid; the handlers have the form that the flags promise.
    unsafe {
        let mut new: libc::sigaction = std::mem::zeroed();
        new.sa_sigaction = action;
        new.sa_flags = flags;
        assert_eq!(
            libc::sigaction(libc::SIGBUS, &raw const new, std::ptr::null_mut()),
            0
        );
    }
}

fn send() {
    // SAFETY: takes integers only.
    unsafe { libc::raise(libc::SIGBUS) };
}

#[test]
#[ignore = "the program of a child"]
fn faults() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "line\n").unwrap();
    let path = file.path();
    match &argument()[..] {
        "as Rust has it" => {}
        "default" => handle(libc::SIG_DFL, 0),
        "ignored" | "ignored and sent" => handle(libc::SIG_IGN, 0),
        "plain" => handle(plain as *const () as usize, 0),
        "informed" | "informed and sent" => {
            handle(informed as *const () as usize, libc::SA_SIGINFO);
        }
        "once" => handle(goes_on as *const () as usize, libc::SA_RESETHAND),
        other => panic!("{other}"),
    }
    install(path);
    match &argument()[..] {
        "ignored and sent" => {
            send();
            println!("alive");
            return;
        }
        "informed and sent" => send(),
        "once" => {
            send();
            println!("alive");
            send();
        }
        _ => fault(path),
    }
    println!("not reached");
}

#[test]
fn other_faults_do_what_they_did_before() {
    for (before, code, signal, said) in [
        ("as Rust has it", None, Some(libc::SIGBUS), ""),
        ("default", None, Some(libc::SIGBUS), ""),
        ("ignored", None, Some(libc::SIGBUS), ""),
        ("ignored and sent", Some(0), None, "alive"),
        ("plain", Some(41), None, "plain"),
        ("informed", Some(42), None, "informed"),
        ("informed and sent", Some(43), None, "informed"),
        ("once", None, Some(libc::SIGBUS), "alive"),
    ] {
        let out = program("faults", before).output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout);
        assert_eq!(out.status.code(), code, "{before}: {text}");
        assert_eq!(out.status.signal(), signal, "{before}: {text}");
        assert!(text.contains(said), "{before}: {text}");
        assert!(!text.contains("not reached"), "{before}: {text}");
    }
}

/// A run that fails does not wait for a file that does not grow.
#[test]
fn a_run_that_fails_leaves_the_file_that_it_follows() {
    let (send, done) = mpsc::channel();
    std::thread::spawn(move || {
        struct All;
        impl Visitor for All {
            fn visit<E: Engine + Default + 'static>(&mut self, engine: E) {
                let file = tempfile::NamedTempFile::new().unwrap();
                std::fs::write(file.path(), "line\n").unwrap();
                let fail = Pipeline::records().map(|_| -> usize { panic!("on purpose") });
                let run = || engine.run(Records::follow(file.path()), &fail, engines::collect());
                let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
                assert!(result.is_err(), "{}", engine.name());
            }
        }
        each(&mut All);
        send.send(()).unwrap();
    });
    done.recv_timeout(PATIENCE)
        .expect("a run waits for ever, or has not failed");
}

#[test]
fn a_pipe_reads_as_plain_rust_reads_it() {
    let list = || {
        let mut child = Command::new("sh")
            .args([
                "-c",
                "i=0; while [ $i -lt 3000 ]; do echo \"line $i\"; i=$((i+1)); done",
            ])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        (child.stdout.take().unwrap(), child)
    };
    let (out, mut child) = list();
    let expected: Vec<Vec<u8>> = BufReader::new(out)
        .split(b'\n')
        .map(Result::unwrap)
        .collect();
    assert!(child.wait().unwrap().success());
    assert_eq!(expected.len(), 3000);
    struct All(
        Vec<Vec<u8>>,
        Box<dyn Fn() -> (std::process::ChildStdout, Child)>,
    );
    impl Visitor for All {
        fn visit<E: Engine + Default + 'static>(&mut self, engine: E) {
            let (out, mut child) = (self.1)();
            let copy = Pipeline::records().map(<[u8]>::to_vec);
            let found = engine.run(Records::reader(out), &copy, engines::collect());
            assert_eq!(found.unwrap(), self.0, "{}", engine.name());
            assert!(child.wait().unwrap().success());
        }
    }
    each(&mut All(expected, Box::new(list)));
}
