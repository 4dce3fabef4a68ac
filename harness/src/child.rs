//! A process that answers lines with lines, within a time limit. Every way in which it can end becomes
//! a value, and it never outlives the value that stands for it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child as Process, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use reports::record::Failure;

use crate::interrupt;
use crate::protocol::OUT_OF_MEMORY;

/// Why a measurement stopped early.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stop {
    /// The cell did not do its work.
    Failed {
        failure: Failure,
        /// One clause, without a full stop.
        why: String,
    },
    /// The instrument does not apply.
    NotMeasured {
        /// One clause, without a full stop.
        why: String,
    },
    /// The user wants the run to end.
    Interrupted,
}

impl Stop {
    pub(crate) fn failed(failure: Failure, why: &str) -> Stop {
        Stop::Failed {
            failure,
            why: why.to_owned(),
        }
    }
}

/// How a process ended that ought not to have.
fn ended(status: ExitStatus, said: &str) -> Stop {
    if status.code() == Some(OUT_OF_MEMORY) {
        return Stop::failed(Failure::OutOfMemory, "ran past its memory limit");
    }
    let said = if said.is_empty() {
        String::new()
    } else {
        format!(": {said}")
    };
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return Stop::failed(Failure::Killed, &format!("by signal {signal}{said}"));
    }
    let code = status.code().map_or("no exit code".to_owned(), |code| {
        format!("exit code {code}")
    });
    Stop::failed(
        Failure::Protocol,
        &format!("ended without an answer, {code}{said}"),
    )
}

/// The longest answer that is read.
const LONGEST_ANSWER: u64 = 1 << 20;
/// How often a wait looks whether the user wants the run to end.
const LOOK: Duration = Duration::from_millis(100);

/// A process that answers lines with lines; killed and reaped when dropped.
pub(crate) struct Child {
    process: Process,
    input: Option<ChildStdin>,
    answers: Receiver<io::Result<String>>,
    /// The last that it wrote on standard error.
    said: Arc<Mutex<Vec<u8>>>,
}

impl Child {
    /// Starts it in a process group of its own, so that Ctrl-C reaches only the harness.
    pub(crate) fn start(mut command: Command) -> Result<Child, Stop> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut process = command.spawn().map_err(|error| {
            let program = command.get_program().to_string_lossy();
            Stop::failed(Failure::Error, &format!("cannot start {program}: {error}"))
        })?;
        let input = process.stdin.take();
        let (sender, answers) = channel();
        let said = Arc::new(Mutex::new(Vec::new()));
        if let Some(output) = process.stdout.take() {
            thread::spawn(move || {
                let mut output = BufReader::new(output);
                loop {
                    let mut line = String::new();
                    let read = output.by_ref().take(LONGEST_ANSWER).read_line(&mut line);
                    let more = match &read {
                        Ok(0) => break,
                        Ok(_) => line.ends_with('\n'),
                        Err(_) => false,
                    };
                    let line = if more {
                        Ok(line)
                    } else {
                        Err(read
                            .err()
                            .unwrap_or_else(|| io::Error::other("an endless line")))
                    };
                    if sender.send(line).is_err() || !more {
                        break;
                    }
                }
            });
        }
        if let Some(mut errors) = process.stderr.take() {
            let said = Arc::clone(&said);
            thread::spawn(move || {
                let mut buffer = [0; 1024];
                while let Ok(n @ 1..) = errors.read(&mut buffer) {
                    if let Ok(mut said) = said.lock() {
                        said.extend_from_slice(&buffer[..n]);
                        let surplus = said.len().saturating_sub(1024);
                        said.drain(..surplus);
                    }
                }
            });
        }
        Ok(Child {
            process,
            input,
            answers,
            said,
        })
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Writes a line and waits for the line that answers it.
    pub(crate) fn ask(&mut self, line: &str, timeout: Duration) -> Result<String, Stop> {
        // If it no longer reads, its end says more than this error.
        if let Some(input) = &mut self.input {
            let _ = input
                .write_all(format!("{line}\n").as_bytes())
                .and_then(|()| input.flush());
        }
        self.answer(timeout)
    }

    /// Waits for a line.
    pub(crate) fn answer(&mut self, timeout: Duration) -> Result<String, Stop> {
        let deadline = Instant::now() + timeout;
        loop {
            if interrupt::requested() {
                return Err(Stop::Interrupted);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.answers.recv_timeout(left.min(LOOK)) {
                Ok(Ok(line)) => return Ok(line),
                Ok(Err(error)) => {
                    let why = format!("its answer cannot be read: {error}");
                    return Err(Stop::failed(Failure::Protocol, &why));
                }
                Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                    let why = format!("no answer within {} s", timeout.as_secs_f64());
                    return Err(Stop::failed(Failure::TimedOut, &why));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.wait(Duration::from_secs(5))?;
                    return Err(ended(status, &self.last_words()));
                }
            }
        }
    }

    /// Ends the input and waits until the process has ended well.
    pub(crate) fn end(&mut self, timeout: Duration) -> Result<(), Stop> {
        self.input = None;
        let status = self.wait(timeout)?;
        if status.success() {
            Ok(())
        } else {
            Err(ended(status, &self.last_words()))
        }
    }

    fn wait(&mut self, timeout: Duration) -> Result<ExitStatus, Stop> {
        let deadline = Instant::now() + timeout;
        let mut pause = Duration::from_micros(200);
        loop {
            match self.process.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if interrupt::requested() => return Err(Stop::Interrupted),
                Ok(None) if Instant::now() > deadline => {
                    return Err(Stop::failed(Failure::TimedOut, "does not end"));
                }
                Ok(None) => {
                    thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(20));
                }
                Err(error) => return Err(Stop::failed(Failure::Error, &error.to_string())),
            }
        }
    }

    /// The last line that it wrote on standard error.
    fn last_words(&self) -> String {
        let Ok(said) = self.said.lock() else {
            return String::new();
        };
        let said = String::from_utf8_lossy(&said);
        said.trim_end()
            .lines()
            .next_back()
            .unwrap_or_default()
            .trim()
            .to_owned()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Ok(Some(_)) = self.process.try_wait() {
            return;
        }
        #[cfg(unix)]
        // SAFETY: passes integers only. The process has not been reaped, so that its number, which is
        // that of its group, is still its own.
        unsafe {
            libc::kill(-(self.process.id() as i32), libc::SIGKILL)
        };
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
