//! Pictures as C has them.

use std::ffi::c_char;

use firebrick::Image;
use firebrick::ndarray::{ArrayView3, ShapeBuilder};

use crate::border::{Failure, array, at, invalid};
use crate::strings::path;

/// A picture of any size. Set one of `path`, `bytes` and `rgb`, and all else to 0:
/// `FirebrickImage image = {.path = "cat.png"};`
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct FirebrickImage {
    /// A JPEG or PNG file.
    pub path: *const c_char,
    /// The contents of one.
    pub bytes: *const u8,
    /// How many bytes these are.
    pub length: usize,
    /// Pixels of three bytes: red, green, blue; row by row.
    pub rgb: *const u8,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Bytes from one row to the next; 0 stands for 3 * width.
    pub row_bytes: usize,
}

impl FirebrickImage {
    /// The picture as the library has it.
    ///
    /// # Safety
    /// It is NULL or points to a picture whose pointers are NULL or good for what they say, and
    /// nobody changes it during `'a`.
    pub(crate) unsafe fn image<'a>(this: *const FirebrickImage) -> Result<Image<'a>, Failure> {
        // SAFETY: the caller vouches for it.
        let this = unsafe { at(this, "image") }?;
        match (
            this.path.is_null(),
            this.bytes.is_null(),
            this.rgb.is_null(),
        ) {
            // SAFETY: the caller vouches for it.
            (false, true, true) => Ok(Image::from(unsafe { path(this.path, "path") }?)),
            // SAFETY: the caller vouches for it.
            (true, false, true) => Ok(Image::from(unsafe {
                array(this.bytes, this.length, "bytes")
            }?)),
            // SAFETY: the caller vouches for it.
            (true, true, false) => Ok(Image::from(unsafe { this.pixels() }?)),
            _ => Err(invalid("set one of path, bytes and rgb of the image")),
        }
    }

    /// # Safety
    /// `rgb` is good for all rows.
    unsafe fn pixels<'a>(&self) -> Result<ArrayView3<'a, u8>, Failure> {
        let (height, width) = (self.height, self.width);
        let row = width.checked_mul(3);
        let row_bytes = match self.row_bytes {
            0 => row,
            given => row.filter(|row| given >= *row).map(|_| given),
        };
        let size = row_bytes.and_then(|bytes| bytes.checked_mul(height));
        let (Some(row_bytes), Some(_)) = (row_bytes, size.filter(|n| isize::try_from(*n).is_ok()))
        else {
            return Err(invalid(format!(
                "{height}x{width} pixels do not lie in rows of {} bytes",
                self.row_bytes
            )));
        };
        let shape = (height, width, 3).strides((row_bytes, 3, 1));
        // SAFETY: rows do not overlap, all of it is smaller than an object can be, bytes are always
        // aligned, and the caller vouches that the pixels are there.
        Ok(unsafe { ArrayView3::from_shape_ptr(shape, self.rgb) })
    }
}
