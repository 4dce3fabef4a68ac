//! Where a child's memory lies: at the same addresses for all children that are started alike, and elsewhere
//! for those of another stack limit.

use std::process::Command;

/// Starts the child without random addresses and with its mappings below a stack of `limit` bytes. Where the
/// system refuses either, that part stays as it is: layouts then differ at random, as they would anyway.
#[cfg(target_os = "linux")]
pub(crate) fn lay_out(command: &mut Command, limit: u64) {
    use std::os::unix::process::CommandExt;
    let set = move || {
        let mut stack = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: `stack` is valid for writing; the call keeps no pointer.
        if unsafe { libc::getrlimit(libc::RLIMIT_STACK, &raw mut stack) } == 0 {
            stack.rlim_cur = limit.min(stack.rlim_max);
            // SAFETY: `stack` is valid for reading; the call keeps no pointer.
            unsafe { libc::setrlimit(libc::RLIMIT_STACK, &raw const stack) };
        }
        // SAFETY: passes integers only. All ones ask for the present value.
        let present = unsafe { libc::personality(0xffff_ffff) };
        if present >= 0 {
            let fixed = present as libc::c_ulong | libc::ADDR_NO_RANDOMIZE as libc::c_ulong;
            // SAFETY: passes integers only.
            unsafe { libc::personality(fixed) };
        }
        Ok(())
    };
    // SAFETY: `set` makes system calls only: it allocates nothing and takes no lock, so that it may run
    // between fork and exec.
    unsafe { command.pre_exec(set) };
}

/// Whether [`lay_out`] can fix the addresses of children: containers often forbid it.
#[cfg(target_os = "linux")]
pub(crate) fn fixes_addresses() -> bool {
    // SAFETY: passes integers only, as in the two calls below. All ones ask for the present value.
    let present = unsafe { libc::personality(0xffff_ffff) };
    if present < 0 {
        return false;
    }
    let before = present as libc::c_ulong;
    // SAFETY: as above. It bears on processes that are started later, and is taken back at once.
    let fixed = unsafe { libc::personality(before | libc::ADDR_NO_RANDOMIZE as libc::c_ulong) };
    // SAFETY: as above.
    unsafe { libc::personality(before) };
    fixed >= 0
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn fixes_addresses() -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn lay_out(_: &mut Command, _: u64) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Where the first library of a child is mapped, and whether its addresses are fixed.
    fn mapped(limit: u64) -> (String, bool) {
        let mut command = Command::new("cat");
        command.args(["/proc/self/maps", "/proc/self/personality"]);
        lay_out(&mut command, limit);
        let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let library = text.lines().find(|line| line.contains(".so")).unwrap();
        let personality = text.lines().next_back().unwrap();
        let personality = u64::from_str_radix(personality, 16).unwrap();
        let place = library.split('-').next().unwrap().to_owned();
        (place, personality & libc::ADDR_NO_RANDOMIZE as u64 != 0)
    }

    #[test]
    fn the_same_limit_gives_the_same_layout_and_another_another() {
        let (first, fixed) = mapped(160 << 20);
        assert_eq!(fixed, fixes_addresses(), "as the doctor tells");
        // Where the system refuses, children lie at random, and all differ.
        assert_eq!(mapped(160 << 20).0 == first, fixed);
        assert_ne!(mapped((160 << 20) + (1 << 20)).0, first);
    }
}
