//! A flag that gives up what an engine does.

use firebrick::Cancel;

use crate::border::{FirebrickStatus, at, call, free, make};

/// A flag that gives up what an engine does. Any thread may raise it at any time, and a signal
/// handler too.
pub struct FirebrickCancel(pub(crate) Cancel);

/// A flag that is down; NULL if there is an error. Free it with `firebrick_cancel_free`; an engine
/// that was opened with it keeps what it needs.
#[unsafe(no_mangle)]
pub extern "C" fn firebrick_cancel_new() -> *mut FirebrickCancel {
    make(|| Ok(FirebrickCancel(Cancel::new())))
}

/// Raises it: what engines with this flag are at ends with an error of kind "cancelled" within a
/// second or so. It stays raised.
///
/// # Safety
/// `cancel` is NULL or a flag that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_cancel_raise(cancel: *const FirebrickCancel) -> FirebrickStatus {
    // Not through `call` for a flag that is there: a signal handler must not take memory.
    // SAFETY: the caller vouches for it.
    if let Ok(cancel) = unsafe { at(cancel, "cancel") } {
        cancel.0.cancel();
        return FirebrickStatus::Ok;
    }
    // SAFETY: it is NULL, which is refused again, with a text.
    call(|| unsafe { at(cancel, "cancel") }.map(|_| ()))
}

/// Frees a flag; NULL is passed over.
///
/// # Safety
/// `cancel` is NULL or a flag that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_cancel_free(cancel: *mut FirebrickCancel) {
    // SAFETY: the caller vouches for it.
    unsafe { free(cancel) };
}
