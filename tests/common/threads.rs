//! Tasks on several threads, in an order that the test chooses.

#![allow(dead_code, reason = "each test uses a part")]

use ptqk::ffi::{Ctx, Task};
use std::ffi::c_void;
use std::ptr;
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

/// The tasks from the last to the first, on as many threads as `user` says.
unsafe extern "C" fn backwards(ctx: *const Ctx, n: usize, task: Task, arg: *mut c_void) {
    // SAFETY: the context is one of `on_threads`.
    let threads = unsafe { (*ctx).user.addr() };
    let order: Vec<usize> = (0..n).rev().collect();
    // SAFETY: every index is there once.
    unsafe { run(threads, &order, task, arg) };
}

/// A context with threads, which take the last task first.
pub fn on_threads(threads: usize) -> Ctx {
    let user = ptr::without_provenance_mut(threads);
    Ctx { user, parallel_for: Some(backwards), ..Ctx::DEFAULT }
}

/// Calls `f` with contexts of several numbers of threads.
pub fn with_threads(mut f: impl FnMut(usize, &Ctx)) {
    [1, 2, 3, 7].into_iter().for_each(|threads| f(threads, &on_threads(threads)));
}
