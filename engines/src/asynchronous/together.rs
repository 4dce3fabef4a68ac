//! Many futures on one task, each polled only when it has been woken.
//!
//! The futures borrow from the caller, which a task of the runtime could not do.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Completes when all futures have, or with the first error; the others are then dropped.
pub(super) struct Together<F> {
    futures: Vec<Option<Pin<Box<F>>>>,
    slots: Vec<Arc<Slot>>,
    wakers: Vec<Waker>,
    queue: Arc<Queue>,
    /// Those that are polled now; kept for its memory.
    ready: Vec<usize>,
    left: usize,
}

/// The futures that have been woken, and the task that polls them.
#[derive(Default)]
struct Queue {
    woken: Mutex<Vec<usize>>,
    task: Mutex<Option<Waker>>,
}

/// One future's place in the queue.
struct Slot {
    index: usize,
    queued: AtomicBool,
    queue: Arc<Queue>,
}

impl Wake for Slot {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut woken = self
            .queue
            .woken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        woken.push(self.index);
        let first = woken.len() == 1;
        drop(woken);
        // Whoever made the queue non-empty wakes the task, once for all that follow.
        if first {
            let task = self
                .queue
                .task
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(task) = &*task {
                task.wake_by_ref();
            }
        }
    }
}

impl<F> Together<F> {
    pub(super) fn new(futures: impl IntoIterator<Item = F>) -> Self {
        let futures: Vec<_> = futures.into_iter().map(|f| Some(Box::pin(f))).collect();
        let queue = Arc::new(Queue {
            woken: Mutex::new((0..futures.len()).collect()),
            task: Mutex::new(None),
        });
        let slots: Vec<_> = (0..futures.len())
            .map(|index| {
                Arc::new(Slot {
                    index,
                    queued: AtomicBool::new(true),
                    queue: queue.clone(),
                })
            })
            .collect();
        Together {
            left: futures.len(),
            wakers: slots.iter().map(|slot| slot.clone().into()).collect(),
            futures,
            slots,
            queue,
            ready: Vec::new(),
        }
    }
}

impl<E, F: Future<Output = Result<(), E>>> Future for Together<F> {
    type Output = Result<(), E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        {
            let mut task = this
                .queue
                .task
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if !task
                .as_ref()
                .is_some_and(|task| task.will_wake(context.waker()))
            {
                *task = Some(context.waker().clone());
            }
        }
        {
            let mut woken = this
                .queue
                .woken
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut *woken, &mut this.ready);
        }
        for index in this.ready.drain(..) {
            // Before the poll, so that what happens during it queues the future again.
            this.slots[index].queued.store(false, Ordering::Release);
            let Some(future) = &mut this.futures[index] else {
                continue;
            };
            let mut context = Context::from_waker(&this.wakers[index]);
            if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
                this.futures[index] = None;
                this.left -= 1;
                if result.is_err() {
                    return Poll::Ready(result);
                }
            }
        }
        if this.left == 0 {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }
}
