//! The platform: where memory comes from, and where a defect of the library ends. One for the process,
//! named once; the library of `hosts/capi/lib` makes [`PlatformAllocator`] its allocator.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ffi::{c_char, c_int, c_void};
use core::fmt::{self, Write};
use core::mem::MaybeUninit;
use core::panic::PanicInfo;
use core::ptr;
use core::sync::atomic::AtomicU8;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::abi::{self, Platform};
use crate::error::{Error, answer};

/// The largest alignment that the library asks for.
const ALIGN_MAX: usize = 128;
/// Bytes of a panic's message that are told.
const MESSAGE_LEN: usize = 256;

const UNNAMED: u8 = 0;
const BEING_NAMED: u8 = 1;
const NAMED: u8 = 2;

static PLATFORM: Named =
    Named { state: AtomicU8::new(UNNAMED), platform: UnsafeCell::new(MaybeUninit::uninit()) };

/// A platform that is named once.
struct Named {
    state: AtomicU8,
    platform: UnsafeCell<MaybeUninit<Platform>>,
}

// SAFETY: the platform is written by the one who moved the state on from UNNAMED, before the state says
// NAMED, and only read after it does. Its functions may be called from any thread that calls a switch,
// which the header tells whoever names them.
unsafe impl Sync for Named {}

impl Named {
    fn get(&self) -> Option<&Platform> {
        if self.state.load(Acquire) != NAMED {
            return None;
        }
        // SAFETY: it has been written, and is never written again.
        Some(unsafe { (*self.platform.get()).assume_init_ref() })
    }

    fn name(&self, platform: Platform) -> Result<(), Error> {
        if self.state.compare_exchange(UNNAMED, BEING_NAMED, Acquire, Relaxed).is_ok() {
            // SAFETY: nobody else gets past the exchange, and nobody reads before the store below.
            unsafe { (*self.platform.get()).write(platform) };
            self.state.store(NAMED, Release);
            return Ok(());
        }
        match self.get() {
            Some(named) if is_same(named, &platform) => Ok(()),
            _ => Err(Error::Busy),
        }
    }
}

fn is_same(a: &Platform, b: &Platform) -> bool {
    let words = |platform: &Platform| {
        let Platform { context, allocate, release, panic, .. } = *platform;
        [
            context as usize,
            allocate.map_or(0, |call| call as usize),
            release.map_or(0, |call| call as usize),
            panic.map_or(0, |call| call as usize),
        ]
    };
    words(a) == words(b)
}

/// Whether a platform has been named.
pub(crate) fn is_named() -> bool {
    PLATFORM.get().is_some()
}

/// `rumpswitch_platform`.
///
/// # Safety
///
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rumpswitch_platform(platform: *const Platform) -> c_int {
    // SAFETY: the caller points to a structure that begins with revision and size, or to nothing.
    let given = unsafe { abi::read_revised(platform) };
    answer(given.and_then(|given| {
        if given.allocate.is_none() || given.release.is_none() || given.panic.is_none() {
            return Err(Error::BadArgument);
        }
        PLATFORM.name(given)
    }))
}

/// The platform's memory as an allocator.
#[derive(Clone, Copy, Debug)]
pub struct PlatformAllocator;

// SAFETY: blocks are the platform's, of the size and alignment that were asked for, each given out once
// until it is released; what is not aligned is given back and counts as none. It never unwinds.
unsafe impl GlobalAlloc for PlatformAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(Platform { context, allocate: Some(allocate), .. }) = PLATFORM.get() else {
            return ptr::null_mut();
        };
        if layout.align() > ALIGN_MAX {
            return ptr::null_mut();
        }
        // SAFETY: the size is not 0 and the alignment is a power of two, as the header promises.
        let block = unsafe { allocate(*context, layout.size(), layout.align()) }.cast::<u8>();
        if block.addr() & layout.align().wrapping_sub(1) == 0 {
            return block;
        }
        // SAFETY: it came from this platform by this layout just now.
        unsafe { self.dealloc(block, layout) };
        ptr::null_mut()
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(Platform { context, release: Some(release), .. }) = PLATFORM.get() {
            // SAFETY: it came from this platform by this layout, as the caller promises.
            unsafe { release(*context, block.cast::<c_void>(), layout.size(), layout.align()) };
        }
    }
}

/// A panic's message, as much of it as there is room for.
struct Message {
    text: [u8; MESSAGE_LEN],
    len: usize,
}

impl Write for Message {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = self.text.get_mut(self.len..).unwrap_or_default();
        let len = part.len().min(room.len());
        if let (Some(room), Some(part)) = (room.get_mut(..len), part.as_bytes().get(..len)) {
            room.copy_from_slice(part);
            self.len = self.len.saturating_add(len);
        }
        Ok(())
    }
}

/// Tells the platform of a panic: for the library's panic handler. Does not return, even if the
/// platform's function does or none was named: what follows is a trap.
pub fn panicked(info: &PanicInfo<'_>) -> ! {
    let mut message = Message { text: [0; MESSAGE_LEN], len: 0 };
    let _ = write!(message, "{info}");
    if let Some(Platform { context, panic: Some(panic), .. }) = PLATFORM.get() {
        // SAFETY: the message is `len` bytes that live until the function returns.
        unsafe { panic(*context, message.text.as_ptr().cast::<c_char>(), message.len) };
    }
    loop {
        #[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
        // SAFETY: the instruction traps, and does nothing else.
        unsafe {
            core::arch::asm!("ud2", options(nomem, nostack));
        }
        core::hint::spin_loop();
    }
}
