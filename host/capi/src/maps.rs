//! Feature maps.

use std::ffi::{CString, c_char};

use firebrick::FeatureMaps;

use crate::border::{FirebrickStatus, ask, at, call, free, invalid, room, write};
use crate::strings::{text, utf8};

/// The feature maps of all layers for one picture. Any number of threads may use them at once.
pub struct FirebrickMaps(Vec<Map>);

struct Map {
    layer: CString,
    values: Vec<u8>,
    shape: [usize; 3],
}

impl FirebrickMaps {
    pub(crate) fn new(maps: &FeatureMaps) -> FirebrickMaps {
        let one = |(layer, map): (&str, firebrick::ndarray::ArrayView3<'_, u8>)| {
            let (height, width, channels) = map.dim();
            Map {
                layer: text(layer),
                values: map.iter().copied().collect(),
                shape: [height, width, channels],
            }
        };
        FirebrickMaps(maps.iter().map(one).collect())
    }
}

/// The feature map of one layer. Its pointers are valid as long as the maps.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct FirebrickMap {
    /// Name of the layer, in UTF-8.
    pub layer: *const c_char,
    /// Values, 0 to 255, row by row, `channels` bytes a pixel.
    pub values: *const u8,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Bytes of a pixel.
    pub channels: usize,
}

impl From<&Map> for FirebrickMap {
    fn from(map: &Map) -> FirebrickMap {
        let [height, width, channels] = map.shape;
        FirebrickMap {
            layer: map.layer.as_ptr(),
            values: map.values.as_ptr(),
            height,
            width,
            channels,
        }
    }
}

/// How many maps there are; 0 if there is an error.
///
/// # Safety
/// `maps` is NULL or maps that were not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_maps_count(maps: *const FirebrickMaps) -> usize {
    // SAFETY: the caller vouches for it.
    ask(0, || Ok(unsafe { at(maps, "maps") }?.0.len()))
}

/// Writes one map, by its number in the order of the layers from 0, to `map`.
///
/// # Safety
/// `maps` is NULL or maps that were not freed; `map` is NULL or points to a map.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_maps_get(
    maps: *const FirebrickMaps,
    number: usize,
    map: *mut FirebrickMap,
) -> FirebrickStatus {
    call(|| {
        // SAFETY: the caller vouches for it.
        let maps = unsafe { at(maps, "maps") }?;
        // SAFETY: the caller vouches for it.
        let to = unsafe { room(map, 1, "map") }?;
        let map = maps.0.get(number);
        let none = || {
            invalid(format!(
                "there are {} maps, and no number {number}",
                maps.0.len()
            ))
        };
        write(to, [map.ok_or_else(none)?.into()]);
        Ok(())
    })
}

/// Writes the map of a layer, as in "fire2/squeeze1x1", to `map`.
///
/// # Safety
/// `maps` is NULL or maps that were not freed; `layer` is NULL or a string; `map` is NULL or points
/// to a map.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_maps_find(
    maps: *const FirebrickMaps,
    layer: *const c_char,
    map: *mut FirebrickMap,
) -> FirebrickStatus {
    call(|| {
        // SAFETY: the caller vouches for it.
        let maps = unsafe { at(maps, "maps") }?;
        // SAFETY: the caller vouches for it.
        let layer = unsafe { utf8(layer, "layer") }?;
        // SAFETY: the caller vouches for it.
        let to = unsafe { room(map, 1, "map") }?;
        let found = maps
            .0
            .iter()
            .find(|map| map.layer.to_bytes() == layer.as_bytes());
        let none = || invalid(format!("there is no layer {layer:?}"));
        write(to, [found.ok_or_else(none)?.into()]);
        Ok(())
    })
}

/// Frees maps; NULL is passed over.
///
/// # Safety
/// `maps` is NULL or maps that were not freed, and no thread uses them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn firebrick_maps_free(maps: *mut FirebrickMaps) {
    // SAFETY: the caller vouches for it.
    unsafe { free(maps) };
}
