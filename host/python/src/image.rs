//! Pictures as Python has them.

use std::path::PathBuf;

use firebrick::Image;
use firebrick::ndarray::{Array3, Axis};
use numpy::{PyReadonlyArray2, PyReadonlyArray3, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// A picture that no longer needs Python.
pub enum Picture {
    /// A file.
    Path(PathBuf),
    /// The contents of one.
    Bytes(Vec<u8>),
    /// Pixels (height, width, red, green and blue).
    Pixels(Array3<u8>),
}

impl Picture {
    /// The picture as the library takes it.
    pub fn image(&self) -> Image<'_> {
        match self {
            Picture::Path(path) => path.into(),
            Picture::Bytes(bytes) => bytes.as_slice().into(),
            Picture::Pixels(pixels) => pixels.into(),
        }
    }

    /// A path, bytes, an array, or a picture of Pillow. The pixels are copied: they may change
    /// while the engine works.
    pub fn of(object: &Bound<'_, PyAny>) -> PyResult<Picture> {
        if let Ok(array) = object.cast::<PyUntypedArray>() {
            return pixels(array).map(Picture::Pixels);
        }
        if let Ok(bytes) = object.cast::<PyBytes>() {
            return Ok(Picture::Bytes(bytes.as_bytes().to_vec()));
        }
        if let Ok(path) = object.extract::<PathBuf>() {
            return Ok(Picture::Path(path));
        }
        if object.hasattr("mode")? && object.hasattr("convert")? {
            let py = object.py();
            // As a file is read: upright.
            let operations = py.import("PIL.ImageOps")?;
            let upright = operations.call_method1("exif_transpose", (object,))?;
            let rgb = upright.call_method1("convert", ("RGB",))?;
            let array = py.import("numpy")?.call_method1("asarray", (rgb,))?;
            return pixels(array.cast::<PyUntypedArray>()?).map(Picture::Pixels);
        }
        Err(PyTypeError::new_err(format!(
            "a picture is a path, the bytes of a JPEG or PNG file, an array of pixels or a picture \
             of Pillow, and not of type {}",
            object.get_type().name()?
        )))
    }
}

fn pixels(array: &Bound<'_, PyUntypedArray>) -> PyResult<Array3<u8>> {
    if let Ok(pixels) = array.extract::<PyReadonlyArray3<'_, u8>>() {
        return Ok(pixels.as_array().to_owned());
    }
    if let Ok(grey) = array.extract::<PyReadonlyArray2<'_, u8>>() {
        let grey = grey.as_array();
        let grey = grey.insert_axis(Axis(2));
        let (height, width, _) = grey.dim();
        return match grey.broadcast((height, width, 3)) {
            Some(rgb) => Ok(rgb.to_owned()),
            None => Err(PyValueError::new_err(
                "a grey picture has a height and a width",
            )),
        };
    }
    Err(PyValueError::new_err(format!(
        "an array of the shape {:?} and type {} is no picture; give uint8 of the shape (height, \
         width, 3) or (height, width)",
        array.shape(),
        array.dtype()
    )))
}
