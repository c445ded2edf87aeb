//! Tasks on several threads, in an order that the test chooses.

use ptqk::ffi::Task;
use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A pointer that threads may share.
#[derive(Clone, Copy)]
struct Shared(*mut c_void);

// SAFETY: the library says that tasks may run on any threads.
unsafe impl Sync for Shared {}

/// Runs the tasks of `order`, every one once, on at most `threads` threads, which take the next one
/// whenever they are free.
///
/// # Safety
/// `task` and `arg` are those of a `parallel_for`, and `order` holds every index once.
pub unsafe fn run(threads: usize, order: &[usize], task: Task, arg: *mut c_void) {
    let (next, shared) = (AtomicUsize::new(0), Shared(arg));
    let work = || {
        let Shared(arg) = *{ &shared };
        while let Some(index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            // SAFETY: every index is taken once.
            unsafe { task(arg, *index) };
        }
    };
    std::thread::scope(|scope| {
        (1..threads.min(order.len())).for_each(|_| drop(scope.spawn(work)));
        work();
    });
}
