//! librumpswitch: the functions of `rumpswitch_capi`, with the platform's memory as the allocator and the
//! platform's panic as the panic handler. `hosts/capi/Makefile` makes of it what C programs link.
#![no_std]

use core::panic::PanicInfo;

use rumpswitch_capi::PlatformAllocator;

#[global_allocator]
static ALLOCATOR: PlatformAllocator = PlatformAllocator;

#[panic_handler]
fn panicked(info: &PanicInfo<'_>) -> ! {
    rumpswitch_capi::panicked(info)
}

/// Named by the landing pads of the compiled `core` and `alloc`, which nothing ever enters: a panic ends
/// above. The Makefile makes both names local.
#[unsafe(no_mangle)]
pub extern "C" fn rust_eh_personality() {}

/// The same.
#[unsafe(no_mangle)]
pub extern "C" fn _Unwind_Resume() {}
