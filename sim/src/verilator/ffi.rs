//! The only module with unsafe code: loads a model's shared library and calls it.
//!
//! The library is the one that [`crate::verilator::verilate`] built (its SHA-256 was checked against the
//! cache's manifest), and it is asked for its interface version before anything else. Port
//! values are read and written in place: Verilator keeps each at a fixed address in the type
//! that its width asks for, and the library tells address and size, which are compared with
//! the width that is expected.
#![allow(unsafe_code)] // A C interface cannot be called without it.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr::NonNull;

use libloading::Library;

use crate::verilator::ports::PortInfo;
use crate::verilator::wrapper::ABI;

/// What the C++ side keeps of a model; only pointers to it exist here.
type Handle = *mut c_void;

/// The functions of one shared library.
struct Api {
    create: unsafe extern "C" fn(c_int, c_int, *mut c_char, u32) -> Handle,
    destroy: unsafe extern "C" fn(Handle),
    port: unsafe extern "C" fn(Handle, u32, *mut u32) -> *mut u8,
    signal: unsafe extern "C" fn(Handle, *const c_char, *const c_char, *mut u32) -> *const u8,
    eval: unsafe extern "C" fn(Handle) -> c_int,
    tick: unsafe extern "C" fn(Handle, *mut u8) -> c_int,
    step: unsafe extern "C" fn(Handle, *mut u8, u64, *mut u64) -> c_int,
    finished: unsafe extern "C" fn(Handle) -> c_int,
    error: unsafe extern "C" fn(Handle) -> *const c_char,
    trace_open: unsafe extern "C" fn(Handle, *const c_char) -> c_int,
    trace_dump: unsafe extern "C" fn(Handle, u64) -> c_int,
    trace_close: unsafe extern "C" fn(Handle) -> c_int,
}

/// Where one port's value lies.
#[derive(Clone, Copy)]
struct Slot {
    at: NonNull<u8>,
    bytes: u32,
    width: u32,
}

/// One live model.
pub(crate) struct Instance {
    api: Api,
    handle: NonNull<c_void>,
    slots: Vec<Slot>,
}

// SAFETY: the C++ side keeps everything of a model in the object behind `handle`, which nothing
// else refers to; its only thread-local variable (the current context) is set anew in each call.
unsafe impl Send for Instance {}

impl Instance {
    /// Loads `library` and creates a model with these ports. With `random`, state that nothing
    /// initialises gets random values from `seed`.
    pub fn load(
        library: &Path,
        ports: &[PortInfo],
        random: bool,
        seed: i32,
    ) -> Result<Self, String> {
        // SAFETY: loading runs the library's initialisers: those of Verilator's runtime and of
        // generated code, which only set up variables.
        let library = unsafe { Library::new(library) }.map_err(|e| e.to_string())?;
        let api = Api::of(&library)?;
        // Kept for the life of the process: the pointers in `api` stay good, and C++ variables
        // with thread-local destructors are never unloaded under a running thread.
        std::mem::forget(library);

        let mut message = [0 as c_char; 256];
        let mode = if random { 2 } else { 0 };
        // SAFETY: `message` is a buffer of the size given; the function ends it with a zero.
        let handle = unsafe { (api.create)(mode, seed, message.as_mut_ptr(), 256) };
        let Some(handle) = NonNull::new(handle) else {
            // SAFETY: on failure the buffer holds a zero-ended text.
            let text = unsafe { CStr::from_ptr(message.as_ptr()) };
            return Err(text.to_string_lossy().into_owned());
        };
        let mut instance = Self {
            api,
            handle,
            slots: Vec::with_capacity(ports.len()),
        };
        for (index, port) in (0..).zip(ports) {
            let mut bytes = 0;
            // SAFETY: the handle is live, and `bytes` may be written.
            let at = unsafe { (instance.api.port)(handle.as_ptr(), index, &mut bytes) };
            let (Some(at), true) = (NonNull::new(at), bytes == port.storage_bytes()) else {
                return Err(format!("port {} is kept in {bytes} bytes", port.name));
            };
            instance.slots.push(Slot {
                at,
                bytes,
                width: port.width,
            });
        }
        Ok(instance)
    }

    /// The low 64 bits of a port.
    #[inline]
    pub fn read(&self, port: usize) -> u64 {
        let slot = self.slots[port];
        let at = slot.at.as_ptr();
        // SAFETY: `load` checked that the port lies at `at` in `bytes` bytes of its own type,
        // suitably aligned; it lives as long as the model, and no C++ code runs meanwhile.
        unsafe {
            match slot.bytes {
                1 => u64::from(at.read()),
                2 => u64::from(at.cast::<u16>().read()),
                4 => u64::from(at.cast::<u32>().read()),
                8 => at.cast::<u64>().read(),
                _ => {
                    let at = at.cast::<u32>();
                    u64::from(at.read()) | u64::from(at.add(1).read()) << 32
                }
            }
        }
    }

    /// The value of a signal inside the design: `scope` is the path of its instance. Nothing if
    /// the design has no such signal that can be read, or it is wider than 64 bits. Slow: by name.
    pub fn signal(&self, scope: &CStr, name: &CStr) -> Option<u64> {
        let mut bytes = 0;
        // SAFETY: the handle is live, both names are zero-ended, and `bytes` may be written.
        let at = unsafe {
            let handle = self.handle.as_ptr();
            (self.api.signal)(handle, scope.as_ptr(), name.as_ptr(), &mut bytes)
        };
        let at = NonNull::new(at.cast_mut())?.as_ptr();
        // SAFETY: the library says that a value of `bytes` bytes lies there; Verilator keeps one
        // of up to 64 bits in the unsigned integer of that size. No C++ code runs meanwhile.
        unsafe {
            match bytes {
                1 => Some(u64::from(at.read())),
                2 => Some(u64::from(at.cast::<u16>().read())),
                4 => Some(u64::from(at.cast::<u32>().read())),
                8 => Some(at.cast::<u64>().read()),
                _ => None,
            }
        }
    }

    /// Sets a port from 64 bits: cut to its width, or extended with zeros.
    #[inline]
    pub fn write(&mut self, port: usize, value: u64) {
        let slot = self.slots[port];
        let at = slot.at.as_ptr();
        let value = value & mask(slot.width);
        // SAFETY: as in `read`; `&mut self` excludes any other access. Truncation is meant: the
        // value fits the width, which fits the type.
        unsafe {
            match slot.bytes {
                1 => at.write(value as u8),
                2 => at.cast::<u16>().write(value as u16),
                4 => at.cast::<u32>().write(value as u32),
                8 => at.cast::<u64>().write(value),
                bytes => {
                    let at = at.cast::<u32>();
                    at.write(value as u32);
                    at.add(1).write((value >> 32) as u32);
                    at.add(2).write_bytes(0, bytes as usize / 4 - 2);
                }
            }
        }
    }

    /// Reads a port into 32-bit words, least significant first; further words become zero.
    #[inline]
    pub fn read_words(&self, port: usize, words: &mut [u32]) {
        let slot = self.slots[port];
        if slot.bytes <= 8 {
            let value = self.read(port);
            for (i, word) in words.iter_mut().enumerate() {
                *word = if i < 2 { (value >> (32 * i)) as u32 } else { 0 };
            }
            return;
        }
        let have = slot.bytes as usize / 4;
        let count = have.min(words.len());
        // SAFETY: as in `read`; the port is an array of `have` words, of which `count` are read.
        unsafe {
            let from = slot.at.as_ptr().cast::<u32>();
            words.as_mut_ptr().copy_from_nonoverlapping(from, count);
        }
        words[count..].fill(0);
    }

    /// Sets a port from 32-bit words, least significant first: cut to its width, or extended
    /// with zeros.
    #[inline]
    pub fn write_words(&mut self, port: usize, words: &[u32]) {
        let slot = self.slots[port];
        if slot.bytes <= 8 {
            let word = |i: usize| u64::from(words.get(i).copied().unwrap_or(0));
            self.write(port, word(0) | word(1) << 32);
            return;
        }
        let have = slot.bytes as usize / 4;
        let count = have.min(words.len());
        // SAFETY: as in `write`; the port is an array of `have` words, of which the last one
        // must keep the bits above its width at zero.
        unsafe {
            let to = slot.at.as_ptr().cast::<u32>();
            to.copy_from_nonoverlapping(words.as_ptr(), count);
            to.add(count).write_bytes(0, have - count);
            let last = to.add(have - 1);
            last.write(last.read() & mask(slot.width - 32 * (have as u32 - 1)) as u32);
        }
    }

    /// Lets changed inputs take effect.
    #[inline]
    pub fn eval(&mut self) -> Result<(), String> {
        // SAFETY: the handle is live; `&mut self` makes this the only call.
        self.result(unsafe { (self.api.eval)(self.handle.as_ptr()) })
    }

    /// The rising edge of `clock`, a port of one bit.
    #[inline]
    pub fn tick(&mut self, clock: usize) -> Result<(), String> {
        let clock = self.one_bit(clock)?;
        // SAFETY: as in `eval`; `clock` is the place of a one-byte port of this model.
        self.result(unsafe { (self.api.tick)(self.handle.as_ptr(), clock.as_ptr()) })
    }

    /// Up to `cycles` whole cycles with unchanged inputs; says how many ended.
    pub fn step(&mut self, clock: usize, cycles: u64) -> (u64, Result<(), String>) {
        let clock = match self.one_bit(clock) {
            Ok(clock) => clock,
            Err(e) => return (0, Err(e)),
        };
        let mut done = 0;
        // SAFETY: as in `tick`; `done` may be written.
        let code =
            unsafe { (self.api.step)(self.handle.as_ptr(), clock.as_ptr(), cycles, &mut done) };
        (done, self.result(code))
    }

    /// Whether the design called `$finish`.
    pub fn finished(&self) -> bool {
        // SAFETY: the handle is live; the call reads one flag.
        unsafe { (self.api.finished)(self.handle.as_ptr()) != 0 }
    }

    /// Opens a waveform file.
    pub fn trace_open(&mut self, path: &CString) -> Result<(), String> {
        // SAFETY: as in `eval`; `path` is a zero-ended text that the callee copies.
        self.result(unsafe { (self.api.trace_open)(self.handle.as_ptr(), path.as_ptr()) })
    }

    /// Writes the current values into the waveform.
    pub fn trace_dump(&mut self, time: u64) -> Result<(), String> {
        // SAFETY: as in `eval`.
        self.result(unsafe { (self.api.trace_dump)(self.handle.as_ptr(), time) })
    }

    /// Ends the waveform.
    pub fn trace_close(&mut self) -> Result<(), String> {
        // SAFETY: as in `eval`.
        self.result(unsafe { (self.api.trace_close)(self.handle.as_ptr()) })
    }

    #[inline]
    fn one_bit(&self, port: usize) -> Result<NonNull<u8>, String> {
        let slot = self.slots[port];
        if slot.width == 1 {
            Ok(slot.at)
        } else {
            Err("the clock is not one bit wide".to_owned())
        }
    }

    #[inline]
    fn result(&self, code: c_int) -> Result<(), String> {
        if code == 0 {
            Ok(())
        } else {
            Err(self.message())
        }
    }

    #[cold]
    fn message(&self) -> String {
        // SAFETY: the handle is live; the text is zero-ended and unchanged until the next call.
        let text = unsafe { CStr::from_ptr((self.api.error)(self.handle.as_ptr())) };
        text.to_string_lossy().into_owned()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: the handle is live, and nothing can use it afterwards.
        unsafe { (self.api.destroy)(self.handle.as_ptr()) }
    }
}

impl Api {
    fn of(library: &Library) -> Result<Self, String> {
        /// Looks a function up.
        ///
        /// # Safety
        /// `T` must be the type of the function called `name`.
        unsafe fn find<T: Copy>(library: &Library, name: &str) -> Result<T, String> {
            // SAFETY: promised by the caller.
            let symbol = unsafe { library.get::<T>(name.as_bytes()) };
            symbol.map(|symbol| *symbol).map_err(|e| e.to_string())
        }
        // SAFETY: each type is that of the function of the same name in the wrapper's text;
        // `fb_abi` is asked first, so that a library of another version is not called further.
        unsafe {
            let abi = find::<unsafe extern "C" fn() -> u32>(library, "fb_abi")?;
            if abi() != ABI {
                return Err(format!("it has interface version {}, not {ABI}", abi()));
            }
            Ok(Self {
                create: find(library, "fb_create")?,
                destroy: find(library, "fb_destroy")?,
                port: find(library, "fb_port")?,
                signal: find(library, "fb_signal")?,
                eval: find(library, "fb_eval")?,
                tick: find(library, "fb_tick")?,
                step: find(library, "fb_step")?,
                finished: find(library, "fb_finished")?,
                error: find(library, "fb_error")?,
                trace_open: find(library, "fb_trace_open")?,
                trace_dump: find(library, "fb_trace_dump")?,
                trace_close: find(library, "fb_trace_close")?,
            })
        }
    }
}

/// A mask of `width` low bits; all of them from 64 on.
fn mask(width: u32) -> u64 {
    if width >= 64 {
        u64::MAX
    } else {
        (1 << width) - 1
    }
}
