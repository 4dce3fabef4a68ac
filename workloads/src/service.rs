//! A service on the loopback interface that answers each request a fixed time after it came, and knows
//! how late it was: what workloads of requests talk to. [`serve`] runs it in a process of its own, so
//! that it takes no time from whoever is measured.
//!
//! A request is 20 bytes, little-endian: length of the rest (u32, 16), id (u32), kind (u32), key (u64).
//! A response has its length (u32), the id, and a body of the kind's form. Requests on one connection
//! may be sent ahead; anything that is not a request closes the connection.

mod client;
mod frame;
mod lateness;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(test, not(target_os = "linux")))]
mod portable;
#[cfg(test)]
mod tests;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use portable as system;

pub use client::{reset, statistics, stop};
pub use frame::{Lookup, class_of, value_of};
pub use lateness::Lateness;

pub(crate) use client::Connection;
pub(crate) use frame::{Kind, RESPONSE_BYTES, body, request};

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread::JoinHandle;
use std::time::Duration;

/// Runs the service until standard input is closed, which is when a parent dies that holds the other
/// end of it, or until [`stop`]. `ready` is told where the service listens, once it does.
///
/// Each request is answered `latency` after it was received, never earlier. On Linux one thread does
/// everything, and wakes up to the nanosecond as far as the kernel allows; the timer slack of the calling
/// thread and the process's limit on open files are changed. Elsewhere each connection has a thread, and
/// timing is coarser.
///
/// # Errors
/// If the system refuses to listen or to wait.
pub fn serve(latency: Duration, ready: impl FnOnce(SocketAddr)) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    system::run(listener, latency, true, || ready(address))
}

/// A service on a thread of this process, for tests and examples; it ends when this is dropped.
#[derive(Debug)]
pub struct Local {
    address: SocketAddr,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Local {
    /// Starts a service that answers after `latency`.
    ///
    /// # Errors
    /// If the system refuses to listen or to start a thread.
    pub fn start(latency: Duration) -> io::Result<Local> {
        Local::start_with(latency, |listener, latency| {
            system::run(listener, latency, false, || {})
        })
    }

    fn start_with(
        latency: Duration,
        run: impl FnOnce(TcpListener, Duration) -> io::Result<()> + Send + 'static,
    ) -> io::Result<Local> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let thread = std::thread::Builder::new()
            .name("service".to_owned())
            .spawn(move || run(listener, latency))?;
        Ok(Local {
            address,
            thread: Some(thread),
        })
    }

    /// Where the service listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // A service that cannot be reached has ended already.
        let _ = stop(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Raises this process's limit on open files as far as it may, so that a thousand connections fit.
/// Does nothing where there is no such limit.
pub fn raise_file_limit() {
    system::raise_file_limit();
}
