//! Captures: classic pcap files of either byte order, with micro- or nanoseconds, read and
//! written; pcapng read. Only Ethernet.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::Path,
    time::Duration,
};

use crate::Error;

const MICROS: u32 = 0xa1b2_c3d4;
const NANOS: u32 = 0xa1b2_3c4d;
const ETHERNET: u32 = 1;

/// The longest record that is believed: longer ones are what a broken file says.
const MAX_RECORD: usize = 1 << 18;

const NG_SECTION: u32 = 0x0a0d_0d0a;
const NG_INTERFACE: u32 = 1;
const NG_SIMPLE: u32 = 3;
const NG_ENHANCED: u32 = 6;
const NG_MAGIC: u32 = 0x1a2b_3c4d;
const NG_TIME_UNIT: u16 = 9;

/// What a capture tells of a frame beside its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// When it was captured, from 1970 on.
    pub time: Duration,
    /// Its length on the wire, in bytes; the captured bytes may be fewer.
    pub original_len: u32,
}

/// Reads a capture, frame by frame.
///
/// ```
/// use std::time::Duration;
/// use rumpswitch_unix::pcap::{Reader, Writer};
///
/// let mut file = Vec::new();
/// let mut writer = Writer::new(&mut file)?;
/// writer.write(Duration::from_secs(1), &[7; 60])?;
/// writer.finish()?;
///
/// let mut reader = Reader::new(&file[..])?;
/// let mut frame = Vec::new();
/// let record = reader.next_into(&mut frame)?.unwrap();
/// assert_eq!((record.time.as_secs(), frame.len()), (1, 60));
/// # assert!(reader.next_into(&mut frame)?.is_none());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Reader<R> {
    source: R,
    is_swapped: bool,
    /// Whether some bytes of the record at hand have been read.
    has_begun: bool,
    is_cut: bool,
    format: Format,
}

enum Format {
    Classic {
        is_nano: bool,
        /// Bytes of frame check sequence behind each frame.
        fcs_len: usize,
    },
    Next {
        interfaces: Vec<Interface>,
    },
}

struct Interface {
    is_ethernet: bool,
    snap_len: u32,
    /// Units of a second.
    unit: Unit,
}

enum Unit {
    Decimal(u32),
    Binary(u32),
}

impl Unit {
    fn time(&self, count: u64) -> Duration {
        let per_second = match self {
            Unit::Decimal(digits) => 10u128.checked_pow(*digits),
            Unit::Binary(bits) => 1u128.checked_shl(*bits),
        };
        let per_second = per_second.unwrap_or(u128::MAX).max(1);
        let nanos = u128::from(count).saturating_mul(1_000_000_000) / per_second;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl Reader<BufReader<File>> {
    /// Opens a capture file.
    ///
    /// # Errors
    /// [`Error::Capture`] when it cannot be opened or is not a capture of Ethernet.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |reason: io::Error| Error::Capture {
            path: path.display().to_string(),
            reason: reason.to_string(),
        };
        let file = File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        Reader::new(BufReader::with_capacity(1 << 17, file)).map_err(failed)
    }
}

impl<R: Read> Reader<R> {
    /// Reads the head of a capture.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] when it is not a capture of Ethernet frames.
    pub fn new(mut source: R) -> io::Result<Reader<R>> {
        let mut magic = [0; 4];
        source.read_exact(&mut magic).map_err(|_| invalid("not a capture: too short"))?;
        let magic = u32::from_ne_bytes(magic);
        if magic == NG_SECTION {
            let format = Format::Next { interfaces: Vec::new() };
            let mut reader =
                Reader { source, is_swapped: false, has_begun: false, is_cut: false, format };
            reader.section()?;
            return Ok(reader);
        }
        let (is_swapped, is_nano) = match magic {
            MICROS => (false, false),
            NANOS => (false, true),
            _ if magic.swap_bytes() == MICROS => (true, false),
            _ if magic.swap_bytes() == NANOS => (true, true),
            _ => return Err(invalid("not a capture (neither pcap nor pcapng)")),
        };
        let mut head = [0; 20];
        source.read_exact(&mut head).map_err(|_| invalid("the capture's header is cut"))?;
        let format = Format::Classic { is_nano, fcs_len: 0 };
        let mut reader = Reader { source, is_swapped, has_begun: false, is_cut: false, format };
        let link = reader.u32_in(&head, 16);
        if link & 0xffff != ETHERNET {
            return Err(invalid(&format!("link type {} is not Ethernet", link & 0xffff)));
        }
        if link & 1 << 26 != 0 {
            // The top four bits count the words of check sequence behind each frame.
            reader.format = Format::Classic { is_nano, fcs_len: (link >> 28) as usize * 2 };
        }
        Ok(reader)
    }

    /// Puts the next frame's bytes behind those in `into`. `None` at the end; a last record that is
    /// cut ends the capture too, as one that is still being written.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] when what follows is not a record; the source's own errors.
    pub fn next_into(&mut self, into: &mut Vec<u8>) -> io::Result<Option<Record>> {
        self.has_begun = false;
        match self.format {
            Format::Classic { is_nano, fcs_len } => self.next_classic(into, is_nano, fcs_len),
            Format::Next { .. } => self.next_block(into),
        }
    }

    fn next_classic(
        &mut self,
        into: &mut Vec<u8>,
        is_nano: bool,
        fcs_len: usize,
    ) -> io::Result<Option<Record>> {
        let mut head = [0; 16];
        if !self.fill(&mut head)? {
            return Ok(None);
        }
        let [seconds, fraction, len, original_len] =
            [0, 4, 8, 12].map(|offset| self.u32_in(&head, offset));
        if len as usize > MAX_RECORD {
            return Err(invalid("a record is longer than any frame"));
        }
        let before = into.len();
        if !self.append(into, len as usize)? {
            return Ok(None);
        }
        into.truncate(into.len() - fcs_len.min(into.len() - before));
        let nanos = if is_nano { fraction } else { fraction.saturating_mul(1000) };
        let time = Duration::from_secs(seconds.into()) + Duration::from_nanos(nanos.into());
        Ok(Some(Record { time, original_len }))
    }

    /// Reads the rest of a section's head: its byte order counts from here on.
    fn section(&mut self) -> io::Result<()> {
        let mut head = [0; 8];
        self.source.read_exact(&mut head)?;
        let magic = u32::from_ne_bytes([head[4], head[5], head[6], head[7]]);
        self.is_swapped = match magic {
            NG_MAGIC => false,
            _ if magic.swap_bytes() == NG_MAGIC => true,
            _ => return Err(invalid("not a pcapng section")),
        };
        self.format = Format::Next { interfaces: Vec::new() };
        let len = self.u32_in(&head, 0) as usize;
        let rest = len.checked_sub(12).filter(|rest| *rest <= MAX_RECORD);
        let rest = rest.ok_or_else(|| invalid("a pcapng section of impossible length"))?;
        self.append(&mut Vec::new(), rest).map(drop)
    }

    fn next_block(&mut self, into: &mut Vec<u8>) -> io::Result<Option<Record>> {
        let mut body = Vec::new();
        loop {
            self.has_begun = false;
            let mut kind = [0; 4];
            if !self.fill(&mut kind)? {
                return Ok(None);
            }
            if u32::from_ne_bytes(kind) == NG_SECTION {
                self.section()?;
                continue;
            }
            let mut len = [0; 4];
            if !self.fill(&mut len)? {
                return Ok(None);
            }
            let len = self.u32_in(&len, 0) as usize;
            let rest = len.checked_sub(8).filter(|rest| (4..=MAX_RECORD).contains(rest));
            let rest = rest.ok_or_else(|| invalid("a pcapng block of impossible length"))?;
            body.clear();
            if !self.append(&mut body, rest)? {
                return Ok(None);
            }
            body.truncate(rest - 4);
            match self.u32_in(&kind, 0) {
                NG_INTERFACE => self.add_interface(&body),
                NG_ENHANCED => {
                    if let Some(record) = self.enhanced(&body, into)? {
                        return Ok(Some(record));
                    }
                }
                NG_SIMPLE => {
                    if let Some(record) = self.simple(&body, into)? {
                        return Ok(Some(record));
                    }
                }
                _ => {}
            }
        }
    }

    fn add_interface(&mut self, body: &[u8]) {
        let mut interface = Interface {
            is_ethernet: u32::from(self.u16_in(body, 0)) == ETHERNET,
            snap_len: self.u32_in(body, 4),
            unit: Unit::Decimal(6),
        };
        let mut options = body.get(8..).unwrap_or_default();
        while options.len() >= 4 {
            let (code, len) = (self.u16_in(options, 0), usize::from(self.u16_in(options, 2)));
            if code == NG_TIME_UNIT && len == 1 {
                if let Some(unit) = options.get(4) {
                    let power = u32::from(unit & 0x7f);
                    interface.unit =
                        if unit & 0x80 == 0 { Unit::Decimal(power) } else { Unit::Binary(power) };
                }
            }
            options = options.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
        }
        if let Format::Next { interfaces } = &mut self.format {
            interfaces.push(interface);
        }
    }

    fn interface(&self, index: usize) -> io::Result<&Interface> {
        match &self.format {
            Format::Next { interfaces } => interfaces.get(index),
            Format::Classic { .. } => None,
        }
        .ok_or_else(|| invalid("a pcapng packet of an interface that is not described"))
    }

    /// An enhanced packet block; `None` when it is not an Ethernet frame.
    fn enhanced(&self, body: &[u8], into: &mut Vec<u8>) -> io::Result<Option<Record>> {
        let [index, high, low, len, original_len] =
            [0, 4, 8, 12, 16].map(|offset| self.u32_in(body, offset));
        let interface = self.interface(index as usize)?;
        let bytes = body.get(20..).and_then(|bytes| bytes.get(..len as usize));
        let bytes = bytes.ok_or_else(|| invalid("a pcapng packet is longer than its block"))?;
        if !interface.is_ethernet {
            return Ok(None);
        }
        into.extend_from_slice(bytes);
        let time = interface.unit.time(u64::from(high) << 32 | u64::from(low));
        Ok(Some(Record { time, original_len }))
    }

    /// A simple packet block; `None` when it is not an Ethernet frame.
    fn simple(&self, body: &[u8], into: &mut Vec<u8>) -> io::Result<Option<Record>> {
        let original_len = self.u32_in(body, 0);
        let interface = self.interface(0)?;
        let bytes = body.get(4..).unwrap_or_default();
        let mut len = (original_len as usize).min(bytes.len());
        if interface.snap_len > 0 {
            len = len.min(interface.snap_len as usize);
        }
        if !interface.is_ethernet {
            return Ok(None);
        }
        into.extend_from_slice(&bytes[..len]);
        Ok(Some(Record { time: Duration::ZERO, original_len }))
    }

    /// Whether the capture ended amid a record, as one that is still being written does.
    ///
    /// ```
    /// use rumpswitch_unix::pcap::{Reader, Writer};
    ///
    /// let mut file = Vec::new();
    /// Writer::new(&mut file)?.write(std::time::Duration::ZERO, &[7; 60])?;
    /// let mut reader = Reader::new(&file[..file.len() - 1])?;
    /// assert!(reader.next_into(&mut Vec::new())?.is_none());
    /// assert!(reader.is_cut());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Fills `bytes`; `false` when the source ends before.
    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<bool> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.source.read(rest) {
                Ok(0) => {
                    self.is_cut |= self.has_begun;
                    return Ok(false);
                }
                Ok(count) => {
                    self.has_begun = true;
                    rest = &mut rest[count..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Puts `count` bytes behind those in `into`; `false` when the source ends before, `into` is
    /// unchanged then.
    fn append(&mut self, into: &mut Vec<u8>, count: usize) -> io::Result<bool> {
        let before = into.len();
        into.resize(before + count, 0);
        let whole = self.fill(&mut into[before..]);
        if !matches!(whole, Ok(true)) {
            into.truncate(before);
        }
        whole
    }

    /// The integer at `offset`, in the file's byte order; 0 behind the end.
    fn u32_in(&self, bytes: &[u8], offset: usize) -> u32 {
        let four = bytes.get(offset..).and_then(|bytes| bytes.first_chunk());
        let value = four.map_or(0, |four| u32::from_ne_bytes(*four));
        if self.is_swapped { value.swap_bytes() } else { value }
    }

    fn u16_in(&self, bytes: &[u8], offset: usize) -> u16 {
        let two = bytes.get(offset..).and_then(|bytes| bytes.first_chunk());
        let value = two.map_or(0, |two| u16::from_ne_bytes(*two));
        if self.is_swapped { value.swap_bytes() } else { value }
    }
}

/// Writes a capture in this machine's byte order, with nanoseconds.
pub struct Writer<W: Write> {
    sink: W,
}

impl Writer<BufWriter<File>> {
    /// Makes a capture file, replacing what was there.
    ///
    /// # Errors
    /// [`Error::Capture`] when it cannot be made.
    pub fn create(path: &Path) -> Result<Self, Error> {
        File::create(path)
            .and_then(|file| Writer::new(BufWriter::with_capacity(1 << 17, file)))
            .map_err(|error| Error::Capture {
                path: path.display().to_string(),
                reason: error.to_string(),
            })
    }
}

impl<W: Write> Writer<W> {
    /// Writes the head of a capture.
    ///
    /// # Errors
    /// The sink's.
    pub fn new(mut sink: W) -> io::Result<Writer<W>> {
        sink.write_all(&NANOS.to_ne_bytes())?;
        sink.write_all(&2u16.to_ne_bytes())?;
        sink.write_all(&4u16.to_ne_bytes())?;
        for word in [0, 0, MAX_RECORD as u32, ETHERNET] {
            sink.write_all(&word.to_ne_bytes())?;
        }
        Ok(Writer { sink })
    }

    /// Writes a frame that passed at `time`, from 1970 on.
    ///
    /// # Errors
    /// The sink's.
    pub fn write(&mut self, time: Duration, frame: &[u8]) -> io::Result<()> {
        let mut head = [0; 16];
        let len = frame.len() as u32;
        let words = [time.as_secs() as u32, time.subsec_nanos(), len, len];
        for (to, word) in head.chunks_exact_mut(4).zip(words) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        self.sink.write_all(&head)?;
        self.sink.write_all(frame)
    }

    /// Writes out what is still kept back.
    ///
    /// # Errors
    /// The sink's.
    pub fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }

    /// Writes out what is still kept back and gives the sink back.
    ///
    /// # Errors
    /// The sink's.
    pub fn finish(mut self) -> io::Result<W> {
        self.sink.flush()?;
        Ok(self.sink)
    }
}
