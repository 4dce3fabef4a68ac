//! The harness's side of the process that starts the commands: which program each command is, by which
//! shell or none, under which tool, and what it means that one fails.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use reports::versus::{Metric, Run};

use super::line::{self, Shell};
use super::protocol::{Output, Ran, Reply, Request};
use super::{Entry, Plan, Trouble, trouble};
use crate::child::Child;
use crate::instruments::counts;

/// Runs of an empty process whose median is what starting one takes.
const STARTS: usize = 11;

pub(crate) struct Runner<'a> {
    plan: &'a Plan,
    child: Child,
    shell: Shell,
    /// What each command comes to, in their order.
    invocations: Vec<Invocation>,
    /// Where Valgrind leaves its files.
    counts: Option<Folder>,
}

/// A program's file, and its words.
type Invocation = (PathBuf, Vec<String>);

impl<'a> Runner<'a> {
    /// Finds the programs and starts the process that is to start them.
    pub(crate) fn start(plan: &'a Plan) -> Result<Runner<'a>, Trouble> {
        let shell = match &plan.shell {
            Some(shell) => shell.clone(),
            None => Shell::for_all(plan.entries.iter().map(|entry| entry.line.as_str())),
        };
        let invocations = plan
            .entries
            .iter()
            .map(|entry| invocation(&shell, &entry.line))
            .collect::<Result<_, _>>()?;
        let counts = match plan.question.metric {
            Metric::Instructions => {
                counts::valgrind()
                    .clone()
                    .map_err(|why| Trouble::NotMeasured { why })?;
                Some(Folder::new().map_err(|error| Trouble::NotMeasured {
                    why: format!("no folder for Valgrind's files: {error}"),
                })?)
            }
            Metric::Wall | Metric::Cpu | Metric::Rss => None,
        };
        let executable = std::env::current_exe().map_err(|error| Trouble::NotMeasured {
            why: format!("this executable cannot be found: {error}"),
        })?;
        let mut command = Command::new(executable);
        command.arg("starter");
        let child = Child::start(command).map_err(|stop| trouble(stop, "the harness"))?;
        Ok(Runner {
            plan,
            child,
            shell,
            invocations,
            counts,
        })
    }

    /// The shell in words.
    pub(crate) fn shell(&self) -> Option<String> {
        match &self.shell {
            Shell::None => None,
            Shell::By(words) => Some(words.join(" ")),
        }
    }

    /// Runs a command once, as it is measured, with what is to be done before and after it.
    pub(crate) fn run(&mut self, at: usize, padding: usize) -> Result<Run, Trouble> {
        let (program, words) = self.invocations[at].clone();
        let mut request = Request {
            program,
            words,
            padding,
            input: self.plan.input.clone(),
            output: self.plan.output.clone(),
            peak: self.plan.question.metric == Metric::Rss,
        };
        if let Some(folder) = &self.counts {
            counted(&mut request, folder);
        }
        let ran = self.around(at, &request)?;
        let instructions = match &self.counts {
            Some(folder) => Some(folder.instructions()?),
            None => None,
        };
        Ok(Run {
            wall_ns: ran.wall_ns,
            user_ns: ran.user_ns,
            system_ns: ran.system_ns,
            peak_bytes: request.peak.then_some(ran.peak_bytes),
            instructions,
            exit_code: ran.exit_code,
            ..Run::default()
        })
    }

    /// Runs a command once to see whether it works and what it writes.
    pub(crate) fn try_out(&mut self, at: usize) -> Result<Ran, Trouble> {
        let (program, words) = self.invocations[at].clone();
        let request = Request {
            program,
            words,
            padding: 0,
            input: self.plan.input.clone(),
            output: Output::Digested,
            peak: false,
        };
        self.around(at, &request)
    }

    fn around(&mut self, at: usize, request: &Request) -> Result<Ran, Trouble> {
        let plan = self.plan;
        let entry = &plan.entries[at];
        if let Some(line) = &entry.prepare {
            self.aside(line, &format!("what prepares `{}`", entry.name))?;
        }
        let ran = self.ask(request, &format!("`{}`", entry.name))?;
        if ran.exit_code != Some(0) && !plan.ignore_failure {
            return Err(self.failed(entry, &ran));
        }
        if let Some(line) = &entry.conclude {
            self.aside(line, &format!("what follows `{}`", entry.name))?;
        }
        Ok(ran)
    }

    fn failed(&self, entry: &Entry, ran: &Ran) -> Trouble {
        // What a shell answers for a program that is not there (POSIX).
        const NOT_FOUND: i32 = 127;
        let what = format!("`{}` {}", entry.name, ending(ran));
        if matches!(self.shell, Shell::By(_)) && ran.exit_code == Some(NOT_FOUND) {
            let help = "is it installed, and is it on the PATH?".to_owned();
            return Trouble::Unknown { what, help };
        }
        Trouble::Failed {
            what,
            help: "-i counts failing runs as well".to_owned(),
        }
    }

    /// Runs a line that is not measured.
    pub(crate) fn aside(&mut self, line: &str, what: &str) -> Result<(), Trouble> {
        let shell = match &self.shell {
            Shell::None if self.plan.shell.is_some() => Shell::None,
            Shell::None => Shell::usual(),
            shell => shell.clone(),
        };
        let (program, words) = invocation(&shell, line)?;
        let request = Request {
            program,
            words,
            padding: 0,
            input: None,
            output: Output::Digested,
            peak: false,
        };
        let ran = self.ask(&request, what)?;
        if ran.exit_code == Some(0) {
            return Ok(());
        }
        Err(Trouble::Failed {
            what: format!("{what}, `{line}`, {}", ending(&ran)),
            help: String::new(),
        })
    }

    /// What starting a process that does nothing takes, in nanoseconds; `None` where there is none.
    pub(crate) fn overhead(&mut self) -> Result<Option<u64>, Trouble> {
        let line = match &self.shell {
            Shell::None => "true",
            Shell::By(_) => "",
        };
        let Ok((program, words)) = invocation(&self.shell, line) else {
            return Ok(None);
        };
        let request = Request {
            program,
            words,
            padding: 0,
            input: None,
            output: Output::Null,
            peak: false,
        };
        let mut times = Vec::new();
        for _ in 0..STARTS {
            let ran = self.ask(&request, "an empty process")?;
            if ran.exit_code != Some(0) {
                return Ok(None);
            }
            times.push(ran.wall_ns);
        }
        times.sort_unstable();
        Ok(Some(times[times.len() / 2]))
    }

    fn ask(&mut self, request: &Request, what: &str) -> Result<Ran, Trouble> {
        let failed = |why: String| Trouble::Failed {
            what: format!("{what}: {why}"),
            help: String::new(),
        };
        let line = serde_json::to_string(request).map_err(|error| failed(error.to_string()))?;
        let answer = self
            .child
            .ask(&line, self.plan.timeout)
            .map_err(|stop| trouble(stop, what))?;
        match serde_json::from_str(&answer) {
            Ok(Reply::Ran(ran)) => Ok(ran),
            Ok(Reply::Not(why)) => Err(failed(format!("cannot be started: {why}"))),
            Err(error) => Err(failed(format!("its answer cannot be read: {error}"))),
        }
    }
}

/// How a run ended that failed, with its last words.
fn ending(ran: &Ran) -> String {
    let end = match (ran.exit_code, ran.signal) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "did not end by itself".to_owned(),
    };
    let lines: Vec<&str> = ran.said.lines().rev().take(5).collect();
    let said: String = lines
        .iter()
        .rev()
        .map(|line| format!("\n  {line}"))
        .collect();
    end + &said
}

/// What to start for a line.
fn invocation(shell: &Shell, line: &str) -> Result<Invocation, Trouble> {
    let words = match shell {
        Shell::By(words) => {
            let mut words = words.clone();
            words.extend(["-c".to_owned(), line.to_owned()]);
            words
        }
        Shell::None => line::split(line).map_err(|why| Trouble::Unknown {
            what: format!("`{line}`: {why}"),
            help: "quote as a shell would have it, or use one: -S sh".to_owned(),
        })?,
    };
    let name = words.first().map_or("", String::as_str);
    match line::find(name) {
        Some(program) => Ok((program, words)),
        None => Err(Trouble::Unknown {
            what: format!("no program `{name}`"),
            help: "is it installed, and is it on the PATH?".to_owned(),
        }),
    }
}

/// The same run under Valgrind.
fn counted(request: &mut Request, folder: &Folder) {
    let mut out = folder.0.clone().into_os_string();
    // The number of each process.
    out.push("/%p");
    let mut words: Vec<String> = counts::callgrind(Some(&PathBuf::from(out)))
        .into_iter()
        .map(|word: OsString| word.to_string_lossy().into_owned())
        .collect();
    words.push("--trace-children=yes".to_owned());
    words.push(request.program.to_string_lossy().into_owned());
    words.extend(request.words.drain(..).skip(1));
    request.program = line::find("valgrind").unwrap_or_default();
    request.words = words;
    // The environment lies on the stack, where its length moves what is copied how.
    request.padding = 0;
}

/// A folder of this process's own, gone when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Folder> {
        let path = std::env::temp_dir().join(format!("twofold-{}", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Folder(path))
    }

    /// The instructions of all files, which are removed.
    fn instructions(&self) -> Result<u64, Trouble> {
        let mut sum = 0;
        let unreadable = |why: String| Trouble::NotMeasured {
            why: format!("Valgrind's count cannot be read: {why}"),
        };
        let entries = std::fs::read_dir(&self.0).map_err(|error| unreadable(error.to_string()))?;
        for entry in entries {
            let path = entry.map_err(|error| unreadable(error.to_string()))?.path();
            let text =
                std::fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
            // Left empty by a process that became another program.
            if !text.is_empty() {
                sum += counts::parse(&text).ok_or_else(|| unreadable("no totals".to_owned()))?[0];
            }
            std::fs::remove_file(&path).map_err(|error| unreadable(error.to_string()))?;
        }
        match sum {
            0 => Err(unreadable("it left none".to_owned())),
            sum => Ok(sum),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // If it cannot be removed, the system's temporary folder keeps a few files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
