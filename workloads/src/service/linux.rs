//! The service on Linux: one thread, sockets that never block, and a queue of answers in the order in
//! which they are due, which is the order in which requests came, because all wait equally long.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use super::frame::{self, Kind, REQUEST_BYTES};
use super::lateness::Histogram;

/// Requests of one connection that may wait at once; it is not read from while there are more.
const MAX_WAITING: usize = 1 << 16;

/// Bytes that a client may leave unread before its connection is not read from any more.
const MAX_UNREAD: usize = 1 << 20;

/// Bytes read from a connection at a time, and events handled at a time: so few that no answer is late
/// because of what else comes in.
const READ_BYTES: usize = 16 << 10;
const EVENTS: usize = 64;

const LISTENER: u64 = u64::MAX;
const INPUT: u64 = u64::MAX - 1;

/// Runs the service on `listener`; `ready` is called once it answers.
pub(super) fn run(
    listener: TcpListener,
    latency: Duration,
    until_input_ends: bool,
    ready: impl FnOnce(),
) -> io::Result<()> {
    raise_file_limit();
    wake_up_precisely();
    listener.set_nonblocking(true)?;
    // SAFETY: listens again on an open listener, which only replaces the length of its queue: a
    // thousand clients may connect at once, and one that finds the queue full waits a second.
    check(unsafe { libc::listen(listener.as_raw_fd(), 4096) })?;
    let poll = Poll::new()?;
    poll.add(listener.as_raw_fd(), LISTENER, libc::EPOLLIN)?;
    if until_input_ends {
        match poll.add(libc::STDIN_FILENO, INPUT, libc::EPOLLIN) {
            // A regular file or the null device: it has nothing to wait for, so that it has ended.
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => return Ok(()),
            other => other?,
        }
    }
    ready();
    Server {
        listener,
        poll,
        latency,
        connections: Vec::new(),
        free: Vec::new(),
        opened: 0,
        waiting: VecDeque::new(),
        unsent: Vec::new(),
        histogram: Histogram::new(),
        buffer: vec![0; READ_BYTES].into_boxed_slice(),
        stopped: false,
    }
    .run()
}

/// An answer that waits for its time.
struct Waiting {
    due: Instant,
    token: u64,
    id: u32,
    key: u64,
}

struct Connection {
    stream: TcpStream,
    /// Tells connections apart that had the same slot one after another.
    token: u64,
    /// The beginning of a request whose rest has not come yet.
    partial: Vec<u8>,
    /// Bytes to send.
    out: Vec<u8>,
    /// Answers in `out` that have not been offered to the socket yet.
    offered: u64,
    /// Requests that wait.
    waiting: usize,
    /// The client sends nothing more; what it has asked for is still answered.
    half_closed: bool,
    /// Events that the kernel is to report.
    interest: i32,
}

struct Server {
    listener: TcpListener,
    poll: Poll,
    latency: Duration,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    opened: u32,
    waiting: VecDeque<Waiting>,
    /// Slots of connections with something new to send.
    unsent: Vec<usize>,
    histogram: Histogram,
    buffer: Box<[u8]>,
    stopped: bool,
}

impl Server {
    fn run(mut self) -> io::Result<()> {
        // SAFETY: plain numbers, for which zeros are valid.
        let mut events: [libc::epoll_event; EVENTS] = unsafe { std::mem::zeroed() };
        while !self.stopped {
            let timeout = self
                .waiting
                .front()
                .map(|first| first.due.saturating_duration_since(Instant::now()));
            let n = self.poll.wait(&mut events, timeout)?;
            self.note_lateness(timeout);
            self.answer();
            for event in &events[..n] {
                let (token, kinds) = (event.u64, event.events as i32);
                match token {
                    LISTENER => self.accept(),
                    INPUT => {
                        // Level-triggered: one read that does not block, the rest at the next turn.
                        let mut ignored = [0; 4096];
                        self.stopped |= !matches!(io::stdin().read(&mut ignored), Ok(1..));
                    }
                    _ => self.event(token, kinds),
                }
            }
            self.answer();
        }
        Ok(())
    }

    /// Having slept until an answer was due, how late is it now? Answers that are due while others
    /// are being sent wait for those, which is work and no fault of the clock: they are not counted.
    fn note_lateness(&mut self, timeout: Option<Duration>) {
        let slept = timeout.is_some_and(|timeout| !timeout.is_zero());
        let now = Instant::now();
        if let Some(first) = self
            .waiting
            .front()
            .filter(|first| slept && first.due <= now)
        {
            self.histogram.add((now - first.due).as_nanos() as u64);
        }
    }

    fn accept(&mut self) {
        for _ in 0..EVENTS {
            // Any error ends this turn, and so do many clients; what is left is reported again.
            let Ok((stream, _)) = self.listener.accept() else {
                return;
            };
            // On failure the client sees that its connection is closed; nobody else is concerned.
            let _ = self.open(stream);
        }
    }

    fn open(&mut self, stream: TcpStream) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let slot = self.free.pop().unwrap_or(self.connections.len());
        // The upper half never reaches that of the listener's and the input's tokens.
        self.opened = (self.opened + 1) % (u32::MAX / 2);
        let token = u64::from(self.opened) << 32 | slot as u64;
        if let Err(error) = self.poll.add(stream.as_raw_fd(), token, libc::EPOLLIN) {
            if slot < self.connections.len() {
                self.free.push(slot);
            }
            return Err(error);
        }
        if slot == self.connections.len() {
            self.connections.push(None);
        }
        self.connections[slot] = Some(Connection {
            stream,
            token,
            partial: Vec::new(),
            out: Vec::new(),
            offered: 0,
            waiting: 0,
            half_closed: false,
            interest: libc::EPOLLIN,
        });
        Ok(())
    }

    fn close(&mut self, slot: usize) {
        if self.connections[slot].take().is_some() {
            // Closing the socket has taken it out of the poll.
            self.free.push(slot);
        }
    }

    fn slot(&self, token: u64) -> Option<usize> {
        let slot = token as u32 as usize;
        let connection = self.connections.get(slot)?.as_ref()?;
        (connection.token == token).then_some(slot)
    }

    fn event(&mut self, token: u64, kinds: i32) {
        // Closed by what came before it in the same turn.
        let Some(slot) = self.slot(token) else { return };
        if kinds & (libc::EPOLLERR | libc::EPOLLHUP) != 0 {
            return self.close(slot);
        }
        if kinds & libc::EPOLLOUT != 0 {
            self.send(slot);
        }
        if kinds & libc::EPOLLIN != 0 {
            self.receive(slot);
        }
    }

    fn receive(&mut self, slot: usize) {
        let Some(connection) = &mut self.connections[slot] else {
            return;
        };
        let n = match connection.stream.read(&mut self.buffer) {
            Ok(0) if connection.waiting == 0 && connection.out.is_empty() => {
                // Nothing is outstanding. A reset frees the client's port at once; otherwise it would
                // stay taken for a minute, and a client that opens a thousand connections for each
                // of its calls would run out of ports.
                reset_on_close(&connection.stream);
                return self.close(slot);
            }
            Ok(0) => {
                connection.half_closed = true;
                return self.adjust(slot);
            }
            Ok(n) => n,
            Err(error) if is_temporary(&error) => return,
            Err(_) => return self.close(slot),
        };
        let due = Instant::now() + self.latency;
        let partial = std::mem::take(&mut connection.partial);
        let joined;
        let mut input = &self.buffer[..n];
        if !partial.is_empty() {
            joined = [&partial, input].concat();
            input = &joined;
        }
        loop {
            match frame::parse(input) {
                Err(frame::Rubbish) => return self.close(slot),
                Ok(None) => break,
                Ok(Some(request)) => {
                    input = &input[REQUEST_BYTES..];
                    if request.kind == Kind::Lookup {
                        connection.waiting += 1;
                        self.waiting.push_back(Waiting {
                            due,
                            token: connection.token,
                            id: request.id,
                            key: request.key,
                        });
                    } else {
                        let statistics = self.histogram.statistics();
                        frame::respond_with_statistics(&mut connection.out, request.id, statistics);
                        self.unsent.push(slot);
                        match request.kind {
                            Kind::Reset => self.histogram.reset(),
                            Kind::Stop => self.stopped = true,
                            Kind::Lookup | Kind::Statistics => {}
                        }
                    }
                }
            }
        }
        connection.partial.extend_from_slice(input);
        self.adjust(slot);
    }

    /// Sends every answer whose time has come, those of one connection at once.
    fn answer(&mut self) {
        let now = Instant::now();
        while let Some(first) = self.waiting.front()
            && first.due <= now
        {
            let Waiting { token, id, key, .. } = *first;
            self.waiting.pop_front();
            // Its client may have gone.
            let Some(slot) = self.slot(token) else {
                continue;
            };
            let Some(connection) = &mut self.connections[slot] else {
                continue;
            };
            if connection.offered == 0 {
                self.unsent.push(slot);
            }
            frame::respond_to_lookup(&mut connection.out, id, key);
            connection.offered += 1;
            connection.waiting -= 1;
        }
        let mut unsent = std::mem::take(&mut self.unsent);
        for slot in unsent.drain(..) {
            self.send(slot);
        }
        self.unsent = unsent;
    }

    fn send(&mut self, slot: usize) {
        let Some(connection) = &mut self.connections[slot] else {
            return;
        };
        let written = match connection.stream.write(&connection.out) {
            Ok(n) => n,
            Err(error) if is_temporary(&error) => 0,
            Err(_) => return self.close(slot),
        };
        connection.out.drain(..written);
        self.histogram.answered += std::mem::take(&mut connection.offered);
        if connection.half_closed && connection.waiting == 0 && connection.out.is_empty() {
            return self.close(slot);
        }
        self.adjust(slot);
    }

    /// Asks the kernel to report what the connection is waiting for.
    fn adjust(&mut self, slot: usize) {
        let Some(connection) = &mut self.connections[slot] else {
            return;
        };
        let full = connection.waiting > MAX_WAITING || connection.out.len() > MAX_UNREAD;
        let mut interest = 0;
        if !connection.half_closed && !full {
            interest |= libc::EPOLLIN;
        }
        if !connection.out.is_empty() {
            interest |= libc::EPOLLOUT;
        }
        if interest != connection.interest {
            connection.interest = interest;
            let fd = connection.stream.as_raw_fd();
            let token = connection.token;
            if self.poll.change(fd, token, interest).is_err() {
                self.close(slot);
            }
        }
    }
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

/// What an epoll instance can do.
struct Poll(OwnedFd);

impl Poll {
    fn new() -> io::Result<Self> {
        // SAFETY: takes no pointer.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: just opened, and owned by nobody else.
        Ok(Poll(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    fn add(&self, fd: RawFd, token: u64, interest: i32) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, interest)
    }

    fn change(&self, fd: RawFd, token: u64, interest: i32) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, token, interest)
    }

    fn control(&self, operation: i32, fd: RawFd, token: u64, interest: i32) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: interest as u32,
            u64: token,
        };
        // SAFETY: the event lives through the call, and the kernel copies it.
        check(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), operation, fd, &mut event) })?;
        Ok(())
    }

    /// Waits for events or until the time is over; without one for as long as it takes. Returns the
    /// number of events, none after a signal.
    fn wait(
        &self,
        events: &mut [libc::epoll_event],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        let time = timeout.map(|timeout| libc::timespec {
            tv_sec: timeout.as_secs() as libc::time_t,
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let pointer = time
            .as_ref()
            .map_or(std::ptr::null(), std::ptr::from_ref::<libc::timespec>);
        // SAFETY: the kernel writes at most `events.len()` events and reads the time, which lives
        // through the call; no signal mask is passed.
        let n = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.0.as_raw_fd(),
                events.as_mut_ptr(),
                events.len() as libc::c_int,
                pointer,
                std::ptr::null::<libc::sigset_t>(),
                0usize,
            )
        };
        let error = match n {
            0.. => return Ok(n as usize),
            _ => io::Error::last_os_error(),
        };
        match error.raw_os_error() {
            Some(libc::EINTR) => Ok(0),
            // Before Linux 5.11: whole milliseconds, rounded up, and the lateness says so.
            Some(libc::ENOSYS) => self.wait_coarsely(events, timeout),
            _ => Err(error),
        }
    }

    fn wait_coarsely(
        &self,
        events: &mut [libc::epoll_event],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        let milliseconds = timeout.map_or(-1, |timeout| {
            timeout.as_nanos().div_ceil(1_000_000).min(60_000) as i32
        });
        // SAFETY: the kernel writes at most `events.len()` events.
        let n = check(unsafe {
            libc::epoll_wait(
                self.0.as_raw_fd(),
                events.as_mut_ptr(),
                events.len() as libc::c_int,
                milliseconds,
            )
        });
        match n {
            Ok(n) => Ok(n as usize),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
            Err(error) => Err(error),
        }
    }
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        other => Ok(other),
    }
}

/// Closing `stream` will reset it.
fn reset_on_close(stream: &TcpStream) {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    // SAFETY: the option is read from a value of its type, which lives through the call. Should it
    // fail, the port is merely freed later.
    unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            std::ptr::from_ref(&linger).cast(),
            size_of::<libc::linger>() as libc::socklen_t,
        );
    }
}

/// Lets the kernel delay the calling thread's timers by one nanosecond at most, instead of 50,000.
fn wake_up_precisely() {
    // SAFETY: takes no pointer. Should it fail, the lateness says so.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1usize) };
}

/// Raises the limit on open files to the most that this process may have.
pub(super) fn raise_file_limit() {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel fills in and reads a value that lives through both calls. Should they fail,
    // the limit stays, and whoever exceeds it gets an error there.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 && limit.rlim_cur < limit.rlim_max
        {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}
