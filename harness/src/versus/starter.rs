//! The process that starts the commands: this same executable, small, in a process group of its own,
//! which every command inherits. One request a line on standard input, one reply a line on standard
//! output. When its input ends, because the harness is done or gone, the group ends with it.
//!
//! It is a process of its own for two reasons: the commands end however the harness ends, and their peak
//! memory is not the harness's, which a child's `ru_maxrss` would begin from.

use std::process::ExitCode;

#[cfg(not(unix))]
pub(crate) fn main() -> ExitCode {
    eprintln!("needs Unix");
    ExitCode::FAILURE
}

#[cfg(unix)]
pub(crate) fn main() -> ExitCode {
    use std::io::{BufRead, Write};

    // A thread reads, so that the end of the input is seen while a command runs.
    let (sender, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
        unix::end_group();
    });
    let mut out = std::io::stdout().lock();
    for line in lines {
        let reply = match serde_json::from_str(&line) {
            Ok(request) => unix::run(&request),
            Err(error) => super::protocol::Reply::Not(format!("not a request: {error}")),
        };
        let Ok(reply) = serde_json::to_string(&reply) else {
            return ExitCode::FAILURE;
        };
        if writeln!(out, "{reply}").and_then(|()| out.flush()).is_err() {
            break;
        }
    }
    ExitCode::SUCCESS
}

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io::Read;
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};
    use std::sync::{Arc, Mutex, PoisonError};
    use std::thread::{self, JoinHandle};
    use std::time::{Duration, Instant};

    use crate::versus::protocol::{Output, Ran, Reply, Request};

    /// Ends this process and all that it has started, as far as they have stayed in its group.
    pub(super) fn end_group() {
        // SAFETY: passes integers only.
        unsafe {
            if libc::getpgrp() == libc::getpid() {
                libc::kill(0, libc::SIGKILL);
            }
        }
        std::process::exit(0);
    }

    pub(super) fn run(request: &Request) -> Reply {
        match started(request) {
            Ok(ran) => Reply::Ran(ran),
            Err(error) => Reply::Not(error.to_string()),
        }
    }

    fn started(request: &Request) -> std::io::Result<Ran> {
        let mut command = Command::new(&request.program);
        let (name, arguments) = match request.words.split_first() {
            Some((name, arguments)) => (name.as_str(), arguments),
            None => ("", &[][..]),
        };
        command.arg0(name).args(arguments);
        command.env("TWOFOLD_PADDING", "x".repeat(request.padding));
        command.stdin(match &request.input {
            Some(path) => Stdio::from(File::open(path)?),
            None => Stdio::null(),
        });
        command.stdout(match &request.output {
            Output::Null => Stdio::null(),
            Output::Pipe | Output::Digested => Stdio::piped(),
            Output::File(path) => Stdio::from(File::create(path)?),
        });
        command.stderr(match request.output {
            Output::Digested => Stdio::piped(),
            Output::Null | Output::Pipe | Output::File(_) => Stdio::null(),
        });
        if request.peak {
            // Started the usual way, a child shares this process's memory until it becomes the program,
            // and its peak begins from there. This makes the library fork instead: the copy holds
            // only the few pages that were written to, less than any program.
            // SAFETY: the closure does nothing.
            unsafe { command.pre_exec(|| Ok(())) };
        }
        let begun = Instant::now();
        let mut process = command.spawn()?;
        let drained = [
            process.stdout.take().map(drain),
            process.stderr.take().map(drain),
        ];
        let (status, usage) = wait(process.id())?;
        let wall = begun.elapsed();
        // Whoever it has left behind may hold the pipes open for ever.
        let patience = Instant::now() + Duration::from_secs(1);
        let [out, said] = drained.map(|drained| {
            drained.map_or_else(Drained::default, |(thread, seen)| {
                while !thread.is_finished() && Instant::now() < patience {
                    thread::sleep(Duration::from_millis(1));
                }
                seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
            })
        });
        let nanoseconds = |time: libc::timeval| {
            (time.tv_sec as u64) * 1_000_000_000 + (time.tv_usec as u64) * 1000
        };
        let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
        Ok(Ran {
            wall_ns: wall.as_nanos() as u64,
            user_ns: nanoseconds(usage.ru_utime),
            system_ns: nanoseconds(usage.ru_stime),
            peak_bytes: usage.ru_maxrss as u64 * unit,
            exit_code: libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
            signal: libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status)),
            said: String::from_utf8_lossy(&said.last).trim_end().to_owned(),
            bytes: out.bytes,
            digest: out.digest,
        })
    }

    /// Waits for the end of a child: its status, and what it and all that it waited for have used.
    fn wait(process: u32) -> std::io::Result<(libc::c_int, libc::rusage)> {
        let mut status = 0;
        // SAFETY: an all-zero `rusage` is a valid value.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        loop {
            // SAFETY: both are valid for writing, and the call keeps no pointer. The standard library
            // never waits for this child: nobody asks it to.
            let ended = unsafe { libc::wait4(process as i32, &raw mut status, 0, &raw mut usage) };
            if ended >= 0 {
                return Ok((status, usage));
            }
            let error = std::io::Error::last_os_error();
            if error.kind() != std::io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }

    /// What came through a pipe.
    #[derive(Clone)]
    struct Drained {
        bytes: u64,
        /// FNV-1a.
        digest: u64,
        /// The end of it.
        last: Vec<u8>,
    }

    impl Default for Drained {
        fn default() -> Self {
            Drained {
                bytes: 0,
                digest: 0xcbf2_9ce4_8422_2325,
                last: Vec::new(),
            }
        }
    }

    const LAST: usize = 2048;

    fn drain(mut pipe: impl Read + Send + 'static) -> (JoinHandle<()>, Arc<Mutex<Drained>>) {
        let seen = Arc::new(Mutex::new(Drained::default()));
        let shared = Arc::clone(&seen);
        let thread = thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(n @ 1..) = pipe.read(&mut buffer) {
                let mut seen = shared.lock().unwrap_or_else(PoisonError::into_inner);
                seen.bytes += n as u64;
                for byte in &buffer[..n] {
                    seen.digest = (seen.digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
                }
                let tail = &buffer[n.saturating_sub(LAST)..n];
                seen.last.extend_from_slice(tail);
                let surplus = seen.last.len().saturating_sub(LAST);
                seen.last.drain(..surplus);
            }
        });
        (thread, seen)
    }
}
