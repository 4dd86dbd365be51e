//! Where Rust ends: every call runs inside [`call`] or [`make`], which turn errors and panics into
//! a status and a text.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use firebrick::Error;

use crate::strings::text;

/// What a call came to.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirebrickStatus {
    /// All is well.
    Ok = 0,
    /// An argument is NULL, out of range, or a buffer has the wrong length.
    InvalidArgument = 1,
    /// It did not work: `firebrick_last_error` says why.
    Error = 2,
    /// Another thread uses the engine at this moment.
    Busy = 3,
    /// A fault of the library. Free the handle that was used; please report the text.
    Panic = 4,
}

/// Why a call came to nothing.
pub(crate) enum Failure {
    Invalid(String),
    Library(Error),
    Busy,
    Broken,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Library(error)
    }
}

/// An argument that cannot be used.
pub(crate) fn invalid(what: impl Into<String>) -> Failure {
    Failure::Invalid(what.into())
}

impl Failure {
    fn status(&self) -> FirebrickStatus {
        match self {
            Failure::Invalid(_) => FirebrickStatus::InvalidArgument,
            Failure::Library(_) => FirebrickStatus::Error,
            Failure::Busy => FirebrickStatus::Busy,
            Failure::Broken => FirebrickStatus::Panic,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Failure::Invalid(_) => "argument",
            Failure::Library(error) => error.kind(),
            Failure::Busy => "busy",
            Failure::Broken => "panic",
        }
    }

    fn message(&self) -> String {
        match self {
            Failure::Invalid(what) => what.clone(),
            Failure::Library(error) => error.to_string(),
            Failure::Busy => "another thread uses this engine; wait for it, or open another".into(),
            Failure::Broken => {
                "an earlier call on this engine panicked; free it and open it again".into()
            }
        }
    }
}

thread_local! {
    /// Text and kind of the last failure of this thread.
    static LAST: RefCell<(CString, CString)> = RefCell::default();
}

fn remember(message: &str, kind: &str) {
    LAST.with_borrow_mut(|last| *last = (text(message), text(kind)));
}

/// A panic's own words.
fn words(panic: &(dyn Any + Send)) -> &str {
    let string = panic.downcast_ref::<String>().map(String::as_str);
    let literal = panic.downcast_ref::<&str>().copied();
    string.or(literal).unwrap_or("it gave no reason")
}

/// Runs what a call does.
fn run<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, FirebrickStatus> {
    // Engines are behind a lock that is poisoned by a panic; all else is only read.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => {
            remember("", "");
            Ok(value)
        }
        Ok(Err(failure)) => {
            remember(&failure.message(), failure.kind());
            Err(failure.status())
        }
        Err(panic) => {
            let words = words(&*panic);
            remember(&format!("the library panicked: {words}"), "panic");
            Err(FirebrickStatus::Panic)
        }
    }
}

/// A call that has only a status.
pub(crate) fn call(work: impl FnOnce() -> Result<(), Failure>) -> FirebrickStatus {
    match run(work) {
        Ok(()) => FirebrickStatus::Ok,
        Err(status) => status,
    }
}

/// A call that makes a handle, or gives NULL.
pub(crate) fn make<T>(work: impl FnOnce() -> Result<T, Failure>) -> *mut T {
    match run(work) {
        Ok(value) => Box::into_raw(Box::new(value)),
        Err(_) => ptr::null_mut(),
    }
}

/// A call that asks something, with an answer for when that cannot be asked.
pub(crate) fn ask<T>(without: T, work: impl FnOnce() -> Result<T, Failure>) -> T {
    run(work).unwrap_or(without)
}

/// Frees a handle.
///
/// # Safety
/// It is NULL, or came from [`make`] and was not freed.
pub(crate) unsafe fn free<T>(handle: *mut T) {
    if !handle.is_null() {
        // What a drop has to say does not matter any more.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: the caller vouches for it: it is a box that nobody else has.
            drop(unsafe { Box::from_raw(handle) });
        }));
    }
}

/// What a pointer points to.
///
/// # Safety
/// It is NULL, or points to a live `T` that nobody changes during `'a`.
pub(crate) unsafe fn at<'a, T>(pointer: *const T, name: &str) -> Result<&'a T, Failure> {
    // SAFETY: the caller vouches for all but NULL, of which `as_ref` makes none.
    let target = unsafe { pointer.as_ref() };
    target.ok_or_else(|| invalid(format!("{name} is NULL")))
}

/// An array of `length` elements; empty ones may be NULL.
///
/// # Safety
/// It is NULL, or points to so many elements that nobody changes during `'a`.
pub(crate) unsafe fn array<'a, T>(
    pointer: *const T,
    length: usize,
    name: &str,
) -> Result<&'a [T], Failure> {
    check_array(pointer, length, name)?;
    match length {
        0 => Ok(&[]),
        // SAFETY: it is not NULL and not too long for an array; for the rest the caller vouches.
        _ => Ok(unsafe { std::slice::from_raw_parts(pointer, length) }),
    }
}

/// The same to write to; what is there need not be anything yet.
///
/// # Safety
/// It is NULL, or points to room for so many elements that nobody else uses during `'a`.
pub(crate) unsafe fn room<'a, T>(
    pointer: *mut T,
    length: usize,
    name: &str,
) -> Result<&'a mut [MaybeUninit<T>], Failure> {
    check_array(pointer, length, name)?;
    match length {
        0 => Ok(&mut []),
        // SAFETY: it is not NULL and not too long for an array; for the rest the caller vouches.
        _ => Ok(unsafe { std::slice::from_raw_parts_mut(pointer.cast(), length) }),
    }
}

/// Writes values to room for them, as far as there is room.
pub(crate) fn write<T>(room: &mut [MaybeUninit<T>], values: impl IntoIterator<Item = T>) {
    for (to, value) in room.iter_mut().zip(values) {
        to.write(value);
    }
}

fn check_array<T>(pointer: *const T, length: usize, name: &str) -> Result<(), Failure> {
    if length > 0 && pointer.is_null() {
        return Err(invalid(format!("{name} is NULL")));
    }
    if !pointer.is_aligned() {
        return Err(invalid(format!("{name} is not aligned")));
    }
    match length.checked_mul(size_of::<T>()) {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(()),
        _ => Err(invalid(format!("{name} cannot have {length} elements"))),
    }
}

/// The library's version, as in "0.1.0"; never NULL, valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn firebrick_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// What went wrong in this thread's last call: what happened, where, and what to do. Empty if that
/// call went well; never NULL, valid until the thread's next call.
#[unsafe(no_mangle)]
pub extern "C" fn firebrick_last_error() -> *const c_char {
    LAST.with_borrow(|last| last.0.as_ptr())
}

/// A word for it, which stays when the text changes, as in "picture", "fit" or "in-use". Empty if
/// the call went well; never NULL, valid until the thread's next call.
#[unsafe(no_mangle)]
pub extern "C" fn firebrick_last_error_kind() -> *const c_char {
    LAST.with_borrow(|last| last.1.as_ptr())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last() -> (String, String) {
        LAST.with_borrow(|last| {
            let string = |text: &CString| text.to_str().unwrap().to_owned();
            (string(&last.0), string(&last.1))
        })
    }

    #[test]
    fn a_panic_becomes_a_status() {
        let status = call(|| panic!("number {}", 7));
        assert_eq!(status, FirebrickStatus::Panic);
        assert_eq!(
            last(),
            ("the library panicked: number 7".into(), "panic".into())
        );
        assert!(make::<u8>(|| panic!("literal")).is_null());
        assert_eq!(ask(3, || panic!("literal")), 3);
        assert_eq!(last().0, "the library panicked: literal");
        assert_eq!(call(|| Ok(())), FirebrickStatus::Ok);
        assert_eq!(last(), (String::new(), String::new()));
    }

    #[test]
    fn each_thread_has_its_own_error() {
        assert_eq!(call(|| Err(Failure::Busy)), FirebrickStatus::Busy);
        let other = std::thread::spawn(last).join().unwrap();
        assert_eq!(other, (String::new(), String::new()));
        assert_eq!(last().1, "busy");
    }

    #[test]
    fn arrays_are_checked() {
        let values = [1u32, 2, 3];
        let whole = values.as_ptr();
        // SAFETY: these are `values`, or are refused before they are looked at.
        unsafe {
            assert_eq!(array(whole, 3, "a").ok(), Some(&values[..]));
            assert_eq!(array::<u32>(ptr::null(), 0, "a").ok(), Some(&[][..]));
            assert!(array::<u32>(ptr::null(), 1, "a").is_err());
            assert!(array(whole, usize::MAX, "a").is_err());
            assert!(array(whole.byte_add(1), 1, "a").is_err());
        }
    }
}
