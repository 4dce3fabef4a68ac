//! What a process can learn about others while they run: their CPU time and how long they waited for a
//! core, and the texts in which Linux tells about itself.

use std::time::Instant;

use super::texts::Texts;

/// The texts of this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThisMachine;

#[cfg(target_os = "linux")]
impl Texts for ThisMachine {
    fn read(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "the kernel does not tell".to_owned(),
            kind => kind.to_string(),
        })
    }

    fn list(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

#[cfg(not(target_os = "linux"))]
impl Texts for ThisMachine {
    fn read(&self, _: &str) -> Result<String, String> {
        Err("needs Linux".to_owned())
    }

    fn list(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}

/// How many ticks of `/proc/stat` make a second.
#[cfg(target_os = "linux")]
pub(crate) fn ticks_per_second() -> u64 {
    // SAFETY: passes and returns integers only.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    u64::try_from(ticks).unwrap_or(0).max(1)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn ticks_per_second() -> u64 {
    100
}

/// CPU time of all threads that a living process of ours has had, in nanoseconds.
#[cfg(target_os = "linux")]
pub(crate) fn cpu_time_of(process: u32) -> Option<u64> {
    let mut clock: libc::clockid_t = 0;
    // SAFETY: `clock` is valid for writing; the call keeps no pointer.
    if unsafe { libc::clock_getcpuclockid(process as libc::pid_t, &raw mut clock) } != 0 {
        return None;
    }
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is valid for writing; the call keeps no pointer.
    if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
        return None;
    }
    Some(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn cpu_time_of(_: u32) -> Option<u64> {
    None
}

/// CPU time of all children that have ended and been waited for, in nanoseconds.
#[cfg(target_os = "linux")]
pub(crate) fn cpu_time_of_ended() -> u64 {
    // SAFETY: an all-zero `rusage` is a valid value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is valid for writing; the call keeps no pointer. It fails for no such arguments.
    unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) };
    let nanoseconds =
        |time: libc::timeval| time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1000;
    nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn cpu_time_of_ended() -> u64 {
    0
}

/// How long the living threads of a process have waited for a core while they could have run, together, in
/// nanoseconds.
pub(crate) fn waited(process: u32) -> Option<u64> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let waits = threads.flatten().filter_map(|thread| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        super::texts::waited(&text)
    });
    // A kernel without this file tells of no thread, and that is not the same as no waiting.
    waits.reduce(|all, one| all + one)
}

/// The smallest difference between two readings of the clock, in nanoseconds.
pub(crate) fn timer_step() -> u64 {
    let steps = (0..1000).map(|_| {
        let begun = Instant::now();
        loop {
            let step = begun.elapsed();
            if !step.is_zero() {
                break step.as_nanos() as u64;
            }
        }
    });
    steps.min().unwrap_or(0)
}
