//! `rumpswitch-metal-pack IMAGE PACKED`: makes an image that unpacks itself.
//!
//! It takes the image's bytes as they lie in memory, compresses them as an LZ4 block, and writes an ELF
//! file of one segment: the instructions of `.unpack` (`../src/unpack.rs`), their five words filled in,
//! and the block; and the note by which a machine monitor finds them.

use std::process::ExitCode;

mod lz4;

/// Where the image begins, and where the unpacking instructions lie.
const IMAGE: u64 = 0x20_0000;
const UNPACK: u64 = 0x10_0000;

/// From the five words to the first instruction.
const UNPACK_START: u64 = 32;

const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;

/// A range of memory that a file fills.
struct Segment<'a> {
    address: u64,
    len: u64,
    bytes: &'a [u8],
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let [_, image, packed] = &arguments[..] else {
        eprintln!("usage: rumpswitch-metal-pack IMAGE PACKED");
        return ExitCode::from(2);
    };
    let done = std::fs::read(image)
        .map_err(|error| error.to_string())
        .and_then(|elf| pack(&elf).ok_or_else(|| "not an image of ours".to_string()))
        .and_then(|bytes| {
            std::fs::write(packed, &bytes).map_err(|error| error.to_string())?;
            Ok(bytes.len())
        });
    match done {
        Ok(len) => {
            println!("{}: {len} bytes", packed.to_string_lossy());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}: {error}", image.to_string_lossy());
            ExitCode::FAILURE
        }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// The segments of a 64-bit file that are loaded.
fn segments(elf: &[u8]) -> Option<Vec<Segment<'_>>> {
    elf.starts_with(b"\x7fELF\x02\x01").then_some(())?;
    let table = usize::try_from(word(elf, 32)?).ok()?;
    let count = usize::from(u16::from_le_bytes(elf.get(56..58)?.try_into().ok()?));
    let mut loaded = Vec::new();
    for header in elf.get(table..)?.chunks_exact(56).take(count) {
        if header.get(..4)? != PT_LOAD.to_le_bytes() {
            continue;
        }
        let from = usize::try_from(word(header, 8)?).ok()?;
        let file_len = usize::try_from(word(header, 32)?).ok()?;
        loaded.push(Segment {
            address: word(header, 24)?,
            len: word(header, 40)?,
            bytes: elf.get(from..from.checked_add(file_len)?)?,
        });
    }
    Some(loaded)
}

fn pack(elf: &[u8]) -> Option<Vec<u8>> {
    let segments = segments(elf)?;
    let stub = segments.iter().find(|segment| segment.address == UNPACK)?.bytes;
    let mut flat = Vec::new();
    let mut end = IMAGE;
    for segment in segments.iter().filter(|segment| segment.address >= IMAGE) {
        let at = usize::try_from(segment.address - IMAGE).ok()?;
        flat.resize(flat.len().max(at + segment.bytes.len()), 0);
        flat[at..at + segment.bytes.len()].copy_from_slice(segment.bytes);
        end = end.max(segment.address + segment.len);
    }
    let block = lz4::compress(&flat);
    if lz4::decompress(&block)? != flat {
        return None;
    }
    let mut loaded = stub.to_vec();
    loaded.extend_from_slice(&block);
    let from = UNPACK + stub.len() as u64;
    let words = [from, from + block.len() as u64, IMAGE, end, word(elf, 24)?];
    if UNPACK + loaded.len() as u64 > IMAGE || stub.len() < UNPACK_START as usize {
        return None;
    }
    for (place, value) in loaded.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&u32::try_from(value).ok()?.to_le_bytes());
    }
    Some(file(&loaded))
}

/// A file with one segment at [`UNPACK`] and a note.
fn file(loaded: &[u8]) -> Vec<u8> {
    const HEADERS: u64 = 64 + 2 * 56;
    let entry = UNPACK + UNPACK_START;
    let mut note = Vec::new();
    for value in [4, 4, 18] {
        note.extend_from_slice(&u32::to_le_bytes(value));
    }
    note.extend_from_slice(b"Xen\0");
    // The monitor reads eight bytes where four are asked for.
    note.extend_from_slice(&entry.to_le_bytes());

    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    for half in [2u16, 62] {
        file.extend_from_slice(&half.to_le_bytes());
    }
    file.extend_from_slice(&1u32.to_le_bytes());
    for value in [entry, 64, 0] {
        file.extend_from_slice(&value.to_le_bytes());
    }
    file.extend_from_slice(&0u32.to_le_bytes());
    for half in [64u16, 56, 2, 64, 0, 0] {
        file.extend_from_slice(&half.to_le_bytes());
    }
    let load = (PT_LOAD, 7u32, HEADERS + note.len() as u64, UNPACK, loaded.len() as u64, 1u64);
    let noted = (PT_NOTE, 4u32, HEADERS, 0, 20, 4);
    for (kind, flags, offset, address, len, align) in [load, noted] {
        file.extend_from_slice(&kind.to_le_bytes());
        file.extend_from_slice(&flags.to_le_bytes());
        for value in [offset, address, address, len, len, align] {
            file.extend_from_slice(&value.to_le_bytes());
        }
    }
    file.extend_from_slice(&note);
    file.extend_from_slice(loaded);
    file
}
