//! What the operating system tells about this process and this machine. What needs Linux is here and
//! nowhere else; on other systems each call says so.

mod layout;
pub(crate) mod texts;
mod watch;

pub(crate) use layout::{fixes_addresses, lay_out};
#[cfg(target_os = "linux")]
pub(crate) use linux::*;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::*;
pub(crate) use watch::{
    ThisMachine, cpu_time_of, cpu_time_of_ended, ticks_per_second, timer_step, waited,
};

use reports::record::{Cache, Machine};

/// Page faults of this process so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    pub(crate) minor: u64,
    pub(crate) major: u64,
}

/// Resident memory of this process in bytes: now, and its peak since the last reset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resident {
    pub(crate) now: u64,
    pub(crate) peak: u64,
}

/// The machine, without anything that names its owner.
pub(crate) fn machine() -> Machine {
    let caches = engines::Caches::detect();
    let cache = |level, bytes: usize| Cache {
        level,
        bytes: bytes as u64,
    };
    Machine {
        system: system(),
        architecture: std::env::consts::ARCH.to_owned(),
        processor: processor(),
        cores: cores(),
        memory: memory().map_or(0, |(total, _)| total),
        caches: vec![
            cache(1, caches.l1),
            cache(2, caches.l2),
            cache(3, caches.last),
        ],
        extensions: extensions(),
        virtual_machine: virtual_machine(),
        caveats: Vec::new(),
        findings: Vec::new(),
    }
}

/// Cores that this process may run on.
pub(crate) fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| n.get() as u32)
}

fn extensions() -> Vec<String> {
    let mut found = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") {
            found.push("avx2".to_owned());
        }
        if is_x86_feature_detected!("avx512f") {
            found.push("avx512".to_owned());
        }
    }
    #[cfg(target_arch = "aarch64")]
    found.push("neon".to_owned());
    found
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::io;

    use super::texts::first_number;
    use super::{Faults, Resident};

    /// CPU time of all threads of this process in nanoseconds.
    pub(crate) fn cpu_time() -> Result<u64, String> {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: `time` is valid for writing; the call keeps no pointer.
        if unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) } != 0 {
            return Err(format!("clock_gettime: {}", io::Error::last_os_error()));
        }
        Ok(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
    }

    /// Page faults of all threads of this process.
    pub(crate) fn faults() -> Result<Faults, String> {
        // SAFETY: an all-zero `rusage` is a valid value.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: `usage` is valid for writing; the call keeps no pointer.
        if unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) } != 0 {
            return Err(format!("getrusage: {}", io::Error::last_os_error()));
        }
        Ok(Faults {
            minor: usage.ru_minflt as u64,
            major: usage.ru_majflt as u64,
        })
    }

    /// Resident memory. `VmHWM` rather than `ru_maxrss`, which a child inherits from its parent.
    pub(crate) fn resident() -> Result<Resident, String> {
        let status = fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
        let read = |key| {
            first_number(&status, key)
                .map(|kib| kib * 1024)
                .ok_or(format!("no {key} in /proc"))
        };
        Ok(Resident {
            now: read("VmRSS")?,
            peak: read("VmHWM")?,
        })
    }

    /// Makes the present resident memory the peak.
    pub(crate) fn reset_peak() -> Result<(), String> {
        fs::write("/proc/self/clear_refs", "5").map_err(|error| format!("clear_refs: {error}"))
    }

    /// Limits the private writable memory of this process to `bytes`.
    pub(crate) fn limit_memory(bytes: u64) -> Result<(), String> {
        let limit = libc::rlimit {
            rlim_cur: bytes,
            rlim_max: bytes,
        };
        // SAFETY: `limit` is valid for reading; the call keeps no pointer.
        if unsafe { libc::setrlimit(libc::RLIMIT_DATA, &raw const limit) } != 0 {
            return Err(format!("setrlimit: {}", io::Error::last_os_error()));
        }
        Ok(())
    }

    /// Private writable memory of this process in bytes, as [`limit_memory`] counts it.
    pub(crate) fn private_memory() -> Result<u64, String> {
        let status = fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
        first_number(&status, "VmData")
            .map(|kib| kib * 1024)
            .ok_or("no VmData in /proc".to_owned())
    }

    /// Keeps this thread, and those that it starts from now on, to the first `count` of the cores that it may
    /// run on.
    pub(crate) fn keep_to_cores(count: u32) -> Result<(), String> {
        // SAFETY: an all-zero `cpu_set_t` is a valid value, an empty set.
        let (mut allowed, mut kept): (libc::cpu_set_t, libc::cpu_set_t) =
            unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        let size = size_of::<libc::cpu_set_t>();
        // SAFETY: `allowed` is valid for writing `size` bytes; the call keeps no pointer.
        if unsafe { libc::sched_getaffinity(0, size, &raw mut allowed) } != 0 {
            return Err(format!("sched_getaffinity: {}", io::Error::last_os_error()));
        }
        let mut left = count;
        for core in 0..libc::CPU_SETSIZE as usize {
            // SAFETY: `core` is below `CPU_SETSIZE`, the number of bits of a set.
            if left > 0 && unsafe { libc::CPU_ISSET(core, &allowed) } {
                // SAFETY: as above.
                unsafe { libc::CPU_SET(core, &mut kept) };
                left -= 1;
            }
        }
        if left > 0 {
            return Err(format!("this process may not run on {count} cores"));
        }
        // SAFETY: `kept` is valid for reading `size` bytes; the call keeps no pointer.
        if unsafe { libc::sched_setaffinity(0, size, &raw const kept) } != 0 {
            return Err(format!("sched_setaffinity: {}", io::Error::last_os_error()));
        }
        Ok(())
    }

    /// Has the kernel kill this process when the thread that started it ends.
    pub(crate) fn die_with_parent() {
        // SAFETY: passes integers only. Failure leaves the second line of defence, the end of input.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    }

    /// Ends the process with `code` when it aborts while `condition` holds.
    pub(crate) fn exit_on_abort(condition: fn() -> bool, code: i32) {
        use std::sync::OnceLock;
        static ABORT: OnceLock<(fn() -> bool, i32)> = OnceLock::new();
        extern "C" fn aborted(_: libc::c_int) {
            if let Some((condition, code)) = ABORT.get()
                && condition()
            {
                // SAFETY: `_exit` may be called from a signal handler.
                unsafe { libc::_exit(*code) };
            }
        }
        if ABORT.set((condition, code)).is_ok() {
            let handler = aborted as extern "C" fn(libc::c_int);
            // SAFETY: the handler reads an initialised static and calls only `_exit`.
            unsafe { libc::signal(libc::SIGABRT, handler as libc::sighandler_t) };
        }
    }

    /// Operating system and kernel release.
    pub(crate) fn system() -> String {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        format!("Linux {}", release.trim())
    }

    /// The processor's model name.
    pub(crate) fn processor() -> String {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        info.lines()
            .find(|line| line.starts_with("model name"))
            .and_then(|line| line.split_once(':'))
            .map_or("unknown".to_owned(), |(_, name)| name.trim().to_owned())
    }

    /// Total and available memory in bytes.
    pub(crate) fn memory() -> Result<(u64, u64), String> {
        let info = fs::read_to_string("/proc/meminfo").map_err(|error| error.to_string())?;
        let read = |key| {
            first_number(&info, key)
                .map(|kib| kib * 1024)
                .ok_or(format!("no {key} in /proc"))
        };
        Ok((read("MemTotal")?, read("MemAvailable")?))
    }

    /// Whether a hypervisor is underneath.
    pub(crate) fn virtual_machine() -> bool {
        fs::read_to_string("/proc/cpuinfo").is_ok_and(|info| info.contains(" hypervisor"))
    }

    /// Free bytes of the file system that holds `path`.
    pub(crate) fn free_disk(path: &std::path::Path) -> Result<u64, String> {
        use std::os::unix::ffi::OsStrExt;
        let path = std::ffi::CString::new(path.as_os_str().as_bytes())
            .map_err(|_| "a path with a zero byte".to_owned())?;
        // SAFETY: an all-zero `statvfs` is a valid value.
        let mut stat: libc::statvfs = unsafe { std::mem::zeroed() };
        // SAFETY: `path` ends in a zero byte and `stat` is valid for writing; no pointer is kept.
        if unsafe { libc::statvfs(path.as_ptr(), &raw mut stat) } != 0 {
            return Err(io::Error::last_os_error().to_string());
        }
        Ok(stat.f_bavail * stat.f_frsize)
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use super::{Faults, Resident};

    const NEEDS: &str = "needs Linux";

    pub(crate) fn cpu_time() -> Result<u64, String> {
        Err(NEEDS.to_owned())
    }

    pub(crate) fn faults() -> Result<Faults, String> {
        Err(NEEDS.to_owned())
    }

    pub(crate) fn resident() -> Result<Resident, String> {
        Err(NEEDS.to_owned())
    }

    pub(crate) fn reset_peak() -> Result<(), String> {
        Err(NEEDS.to_owned())
    }

    pub(crate) fn limit_memory(_: u64) -> Result<(), String> {
        Err(NEEDS.to_owned())
    }

    pub(crate) fn private_memory() -> Result<u64, String> {
        Err(NEEDS.to_owned())
    }

    pub(crate) fn keep_to_cores(_: u32) -> Result<(), String> {
        Err(NEEDS.to_owned())
    }

    pub(crate) fn die_with_parent() {}

    pub(crate) fn exit_on_abort(_: fn() -> bool, _: i32) {}

    pub(crate) fn system() -> String {
        std::env::consts::OS.to_owned()
    }

    pub(crate) fn processor() -> String {
        "unknown".to_owned()
    }

    pub(crate) fn memory() -> Result<(u64, u64), String> {
        Err(NEEDS.to_owned())
    }

    pub(crate) fn virtual_machine() -> bool {
        false
    }

    pub(crate) fn free_disk(_: &std::path::Path) -> Result<u64, String> {
        Err(NEEDS.to_owned())
    }
}
