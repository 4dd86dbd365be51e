//! Strings of both sides.

use std::ffi::{CStr, CString, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::border::{Failure, invalid};

/// A string for C. Bytes of 0 cannot be part of one and are left out.
pub(crate) fn text(string: &str) -> CString {
    let bytes: Vec<u8> = string.bytes().filter(|byte| *byte != 0).collect();
    CString::new(bytes).unwrap_or_default()
}

/// A string of C.
///
/// # Safety
/// It is NULL, or ends in 0 and is not changed during `'a`.
unsafe fn string<'a>(pointer: *const c_char, name: &str) -> Result<&'a CStr, Failure> {
    match pointer.is_null() {
        true => Err(invalid(format!("{name} is NULL"))),
        // SAFETY: it is not NULL; for the rest the caller vouches.
        false => Ok(unsafe { CStr::from_ptr(pointer) }),
    }
}

/// The same as UTF-8.
///
/// # Safety
/// As [`string`].
pub(crate) unsafe fn utf8<'a>(pointer: *const c_char, name: &str) -> Result<&'a str, Failure> {
    // SAFETY: the caller vouches for it.
    let string = unsafe { string(pointer, name) }?;
    string
        .to_str()
        .map_err(|_| invalid(format!("{name} is not UTF-8")))
}

/// The same as the name of a file, which need not be UTF-8.
///
/// # Safety
/// As [`string`].
pub(crate) unsafe fn path<'a>(pointer: *const c_char, name: &str) -> Result<&'a Path, Failure> {
    // SAFETY: the caller vouches for it.
    let string = unsafe { string(pointer, name) }?;
    Ok(Path::new(OsStr::from_bytes(string.to_bytes())))
}
