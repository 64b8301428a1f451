//! Memory that devices see: addresses are the same for them and for us, for what is mapped is mapped to
//! itself, all but the stack, of which no device is told.

use alloc::alloc::{alloc_zeroed, dealloc};
use core::alloc::Layout;
use core::ptr::NonNull;

use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

/// Where addresses stop being those of devices (`boot.rs`).
const MAPPED_TO_ITSELF: usize = 4 << 30;

/// The memory of the machine.
pub(crate) struct Memory;

fn pages(count: usize) -> Option<Layout> {
    Layout::from_size_align(count.checked_mul(PAGE_SIZE)?, PAGE_SIZE).ok()
}

// SAFETY: pages come from the global allocator, zeroed, aligned and used by nobody else; they are mapped to
// themselves, so that an address is the same on both sides. No address is made of a device's range.
unsafe impl Hal for Memory {
    fn dma_alloc(count: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let layout = pages(count).filter(|layout| layout.size() > 0);
        // SAFETY: the layout is not empty.
        let place = layout.and_then(|layout| NonNull::new(unsafe { alloc_zeroed(layout) }));
        match place {
            Some(place) => (place.as_ptr() as PhysAddr, place),
            // How the caller is told that there is none.
            None => (0, NonNull::dangling()),
        }
    }

    unsafe fn dma_dealloc(_: PhysAddr, address: NonNull<u8>, count: usize) -> i32 {
        if let Some(layout) = pages(count) {
            // SAFETY: the caller got it from `dma_alloc` with this count.
            unsafe { dealloc(address.as_ptr(), layout) };
        }
        0
    }

    unsafe fn mmio_phys_to_virt(address: PhysAddr, _: usize) -> NonNull<u8> {
        // Only the PCI transport asks for it, and there is none.
        NonNull::new(address as *mut u8).unwrap_or(NonNull::dangling())
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        let address = buffer.cast::<u8>().as_ptr() as usize;
        assert!(address < MAPPED_TO_ITSELF, "a buffer on the stack");
        address as PhysAddr
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}
