//! What the machine monitor tells at boot (PVH): the command line, and where memory is.

use alloc::string::String;
use alloc::vec::Vec;

/// The first word of the start information.
const MAGIC: u32 = 0x336e_c578;

/// A range of memory.
const RAM: u32 = 1;

/// What lies above is not mapped (`boot.rs`).
const MAPPED: u64 = 3 << 30;

/// Bytes of a command line that are looked at.
const LONGEST_COMMAND_LINE: usize = 16 * 1024;

/// `struct hvm_start_info`, version 1.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct StartInfo {
    magic: u32,
    version: u32,
    flags: u32,
    module_count: u32,
    modules: u64,
    command_line: u64,
    rsdp: u64,
    memory_map: u64,
    memory_map_count: u32,
    reserved: u32,
}

/// `struct hvm_memmap_table_entry`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Range {
    address: u64,
    len: u64,
    kind: u32,
    reserved: u32,
}

impl StartInfo {
    /// Takes over what `address` points to.
    ///
    /// # Safety
    /// `address` is what the monitor gave to the first instruction, and low memory is still mapped.
    pub(crate) unsafe fn read(address: usize) -> Option<StartInfo> {
        // SAFETY: the protocol says that there is a start information, and the caller that it is mapped.
        let info = unsafe { (address as *const StartInfo).read_unaligned() };
        (info.magic == MAGIC && info.version >= 1).then_some(info)
    }

    /// Memory behind the image, to be used by nobody but us: address and bytes.
    ///
    /// # Safety
    /// As for [`read`](Self::read).
    pub(crate) unsafe fn memory(&self) -> Option<(usize, usize)> {
        unsafe extern "C" {
            static image_start: u8;
            static image_end: u8;
        }
        let (start, end) = (&raw const image_start as u64, &raw const image_end as u64);
        let ranges = (0..u64::from(self.memory_map_count)).map(|at| {
            // SAFETY: the table has as many ranges as it says.
            unsafe { ((self.memory_map + 24 * at) as *const Range).read_unaligned() }
        });
        let range = ranges.into_iter().find(|range| {
            range.kind == RAM && range.address <= start && end <= range.address + range.len
        })?;
        let last = (range.address + range.len).min(MAPPED);
        Some((end as usize, last.saturating_sub(end) as usize))
    }

    /// The command line, empty when there is none or it is no text.
    ///
    /// # Safety
    /// As for [`read`](Self::read).
    pub(crate) unsafe fn command_line(&self) -> String {
        let mut bytes = Vec::new();
        while self.command_line != 0 && bytes.len() < LONGEST_COMMAND_LINE {
            // SAFETY: it is a text that ends with a zero, which has not been met, and nobody writes to it.
            match unsafe { (self.command_line as *const u8).add(bytes.len()).read() } {
                0 => break,
                byte => bytes.push(byte),
            }
        }
        String::from_utf8(bytes).unwrap_or_default()
    }
}
