//! What keeps the process alive when a mapped file becomes shorter while it is read.
//!
//! Touching a page behind the end of a mapped file raises `SIGBUS`. A handler, installed once and for
//! good when a file is mapped for the first time, looks the address up in a fixed list of mapped
//! ranges. If it is in one, the handler notes that and puts pages of zeros in place of the rest of the
//! range, so that the access goes on; whoever reads asks afterwards and throws away what came of it.
//! Any other `SIGBUS` goes to the handler that was there before, or does what it did without one.
//!
//! A handler that someone installs later must pass on what it does not know, as this one does.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};

use libc::{c_int, c_void, siginfo_t};

/// Files that can be mapped at the same time, in the whole process.
const PLACES: usize = 64;

/// One range of the list. Only atomics, because a signal handler may not wait for a lock.
struct Place {
    taken: AtomicBool,
    /// Odd while the range is being changed, so that the handler never believes half of a change.
    version: AtomicUsize,
    start: AtomicUsize,
    end: AtomicUsize,
    broken: AtomicBool,
}

static LIST: [Place; PLACES] = [const {
    Place {
        taken: AtomicBool::new(false),
        version: AtomicUsize::new(0),
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        broken: AtomicBool::new(false),
    }
}; PLACES];

impl Place {
    /// Changes the range. Only whoever has taken the place may.
    fn set(&self, range: Range<usize>) {
        self.version.fetch_add(1, Ordering::AcqRel);
        fence(Ordering::Release);
        self.start.store(range.start, Ordering::Relaxed);
        self.end.store(range.end, Ordering::Relaxed);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// The range, unless it is being changed: then it is not the one that is being read.
    fn range(&self) -> Option<Range<usize>> {
        let version = self.version.load(Ordering::Acquire);
        let range = self.start.load(Ordering::Relaxed)..self.end.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        let same = self.version.load(Ordering::Relaxed) == version;
        (version.is_multiple_of(2) && same).then_some(range)
    }
}

/// A place in the list, taken before a file is mapped and given back after it was unmapped.
pub(crate) struct Guard(&'static Place);

impl Guard {
    /// Takes a place; `None` if there is none, or if the handler cannot be installed.
    pub(crate) fn take() -> Option<Guard> {
        if !install() {
            return None;
        }
        let free = |place: &&Place| {
            let taken = &place.taken;
            !taken.load(Ordering::Relaxed) && !taken.swap(true, Ordering::Acquire)
        };
        let place = LIST.iter().find(free)?;
        place.broken.store(false, Ordering::Relaxed);
        Some(Guard(place))
    }

    /// Guards the pages of `map`.
    ///
    /// # Safety
    /// They must be a mapping of a file from its beginning, which stays as long as the guard, and of
    /// which the rest may be replaced by zeros at any time.
    pub(crate) unsafe fn watch(&self, map: &[u8]) {
        let start = map.as_ptr() as usize;
        let page = page_bytes();
        self.0.set(start..start + map.len().next_multiple_of(page));
    }

    /// Whether something could not be read since, and was replaced by zeros.
    pub(crate) fn broken(&self) -> bool {
        self.0.broken.load(Ordering::SeqCst)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.set(0..0);
        self.0.taken.store(false, Ordering::Release);
    }
}

fn page_bytes() -> usize {
    // SAFETY: takes and keeps no pointer.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// What was done about `SIGBUS` before.
struct Previous(UnsafeCell<MaybeUninit<libc::sigaction>>);

// SAFETY: written once, before the handler that reads it is installed.
unsafe impl Sync for Previous {}

static PREVIOUS: Previous = Previous(UnsafeCell::new(MaybeUninit::uninit()));

/// Whether the previous handler was to be called once only, and has been.
static SPENT: AtomicBool = AtomicBool::new(false);

/// Installs the handler, the first time. Returns whether it is in place.
fn install() -> bool {
    static ONCE: Once = Once::new();
    static DONE: AtomicBool = AtomicBool::new(false);
    ONCE.call_once(|| {
        let previous = PREVIOUS.0.get().cast::<libc::sigaction>();
        // SAFETY: `previous` is valid for writing and read by no one yet. A zeroed `sigaction` is a
        // valid value; both calls keep no pointer. The handler does only what a handler may: it reads
        // and writes atomics, and makes system calls.
        let done = unsafe {
            libc::sigaction(libc::SIGBUS, ptr::null(), previous) == 0 && {
                let mut ours: libc::sigaction = std::mem::zeroed();
                ours.sa_sigaction = handle as *const () as usize;
                // On the stack and under the mask that the previous handler has asked for.
                ours.sa_flags = libc::SA_SIGINFO
                    | libc::SA_ONSTACK
                    | ((*previous).sa_flags & (libc::SA_RESTART | libc::SA_NODEFER));
                ours.sa_mask = (*previous).sa_mask;
                libc::sigaction(libc::SIGBUS, &raw const ours, ptr::null_mut()) == 0
            }
        };
        DONE.store(done, Ordering::Release);
    });
    DONE.load(Ordering::Acquire)
}

extern "C" fn handle(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes a valid `siginfo_t`, which has an address for faults; `errno` belongs
    // to this thread, and whatever was interrupted must find it as it was.
    unsafe {
        let errno = *libc::__errno_location();
        if (*info).si_code != libc::BUS_ADRERR || !mend((*info).si_addr() as usize) {
            pass_on(signal, info, context);
        }
        *libc::__errno_location() = errno;
    }
}

/// Puts zeros where a guarded file has no more bytes; `false` if `address` is in none.
fn mend(address: usize) -> bool {
    let find = |place: &&Place| place.range().is_some_and(|range| range.contains(&address));
    let Some(place) = LIST.iter().find(find) else {
        return false;
    };
    let Some(range) = place.range() else {
        return false;
    };
    let page = page_bytes();
    let start = address - address % page;
    // Before the zeros: whoever sees them sees this too.
    place.broken.store(true, Ordering::SeqCst);
    // SAFETY: the pages lie in a mapping whose owner allows them to be replaced, and which stays,
    // because a thread is reading it at this moment. All of the rest at once: what lies behind the
    // end of a file is gone up to its last page, and each replacement by itself would be one more of
    // the mappings that a process may have.
    let zeros = unsafe {
        libc::mmap(
            start as *mut c_void,
            range.end - start,
            libc::PROT_READ,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    zeros != libc::MAP_FAILED
}

/// Does about a signal what would have been done without this handler.
///
/// # Safety
/// Only for the handler, with what it was called with.
unsafe fn pass_on(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: written before the handler was installed, and never again.
    let previous = unsafe { (*PREVIOUS.0.get()).assume_init_ref() };
    let once = previous.sa_flags & libc::SA_RESETHAND != 0;
    let spent = once && SPENT.swap(true, Ordering::Relaxed);
    // SAFETY: the kernel passes a valid `siginfo_t`.
    let fault = unsafe { (*info).si_code } > 0;
    match previous.sa_sigaction {
        // A process may ignore the signals that others send, but not its own faults.
        libc::SIG_IGN if !fault => {}
        libc::SIG_IGN | libc::SIG_DFL => die(signal),
        _ if spent => die(signal),
        handler if previous.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: whoever installed it said that it takes three arguments.
            let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) =
                unsafe { std::mem::transmute(handler) };
            handler(signal, info, context);
        }
        handler => {
            // SAFETY: whoever installed it said that it takes one argument.
            let handler: extern "C" fn(c_int) = unsafe { std::mem::transmute(handler) };
            handler(signal);
        }
    }
}

/// Lets the signal end the process as soon as the handler returns.
fn die(signal: c_int) {
    // SAFETY: a zeroed `sigaction` is valid and asks for the default action; both calls are allowed in
    // a handler and keep no pointer.
    unsafe {
        let default: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, &raw const default, ptr::null_mut());
        libc::raise(signal);
    }
}
