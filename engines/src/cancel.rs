//! Ending a run early, from wherever one is.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Ends the runs that were told of it, at once and for good: a run that is cancelled returns
/// [`Error::Cancelled`](crate::Error::Cancelled), and so does one that begins afterwards. Clones are
/// the same handle.
///
/// ```
/// use engines::Cancel;
///
/// let cancel = Cancel::new();
/// let elsewhere = cancel.clone();
/// std::thread::spawn(move || elsewhere.cancel()).join().unwrap();
/// assert!(cancel.is_cancelled());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    cancelled: AtomicBool,
    waiting: Mutex<Waiting>,
}

/// Who is to be woken, each by a number of its own.
#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    wakers: Vec<(u64, Waker)>,
}

impl Cancel {
    /// A handle that nobody has used yet.
    #[must_use]
    pub fn new() -> Self {
        Cancel::default()
    }

    /// Ends all runs that know this handle. Returns without waiting for them.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        let woken = std::mem::take(&mut self.lock().wakers);
        woken.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Whether [`cancel`](Cancel::cancel) has been called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Completes once the handle is used.
    pub(crate) fn cancelled(&self) -> impl Future<Output = ()> + '_ {
        Cancelled {
            cancel: self,
            number: None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for a [`Cancel`], and is forgotten by it when dropped.
struct Cancelled<'c> {
    cancel: &'c Cancel,
    number: Option<u64>,
}

impl Future for Cancelled<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.number.is_none() {
            let mut waiting = self.cancel.lock();
            let number = waiting.next;
            waiting.next += 1;
            waiting.wakers.push((number, context.waker().clone()));
            drop(waiting);
            self.number = Some(number);
        }
        // After the waker is known: what happens in between is not missed.
        if self.cancel.is_cancelled() {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Drop for Cancelled<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.cancel.lock().wakers.retain(|(n, _)| *n != number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn wakes_who_waits_once_and_forgets_who_has_gone() {
        let cancel = Cancel::new();
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(count.clone());
        let mut context = Context::from_waker(&waker);
        let mut waiting = pin!(cancel.cancelled());
        for _ in 0..3 {
            assert!(waiting.as_mut().poll(&mut context).is_pending());
        }
        let mut gone = Box::pin(cancel.cancelled());
        assert!(gone.as_mut().poll(&mut context).is_pending());
        drop(gone);
        assert_eq!(cancel.lock().wakers.len(), 1);
        cancel.clone().cancel();
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert!(waiting.as_mut().poll(&mut context).is_ready());
        assert!(pin!(cancel.cancelled()).poll(&mut context).is_ready());
    }
}
