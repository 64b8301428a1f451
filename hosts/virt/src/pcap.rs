//! Captures: what links carry, as classic pcap files with nanosecond stamps, into any writer.

use std::io::{self, Write};

use hypercall::Nanos;

use crate::LinkId;

/// A writer of the classic pcap format: nanosecond stamps, Ethernet frames.
///
/// ```
/// use hypercall::Nanos;
/// use rumpswitch_virt::PcapWriter;
///
/// let mut file = Vec::new();
/// let mut pcap = PcapWriter::new(&mut file)?;
/// pcap.frame(Nanos(1_500_000_000), &[0; 60])?;
/// assert_eq!(file.len(), 24 + 16 + 60);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct PcapWriter<W> {
    into: W,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the head of the file.
    ///
    /// # Errors
    ///
    /// What the writer answers.
    pub fn new(mut into: W) -> io::Result<PcapWriter<W>> {
        let mut head = [0; 24];
        head[0..4].copy_from_slice(&0xa1b2_3c4d_u32.to_le_bytes());
        head[4..6].copy_from_slice(&2_u16.to_le_bytes());
        head[6..8].copy_from_slice(&4_u16.to_le_bytes());
        head[16..20].copy_from_slice(&0x0004_0000_u32.to_le_bytes());
        head[20..24].copy_from_slice(&1_u32.to_le_bytes());
        into.write_all(&head)?;
        Ok(PcapWriter { into })
    }

    /// Writes one frame.
    ///
    /// # Errors
    ///
    /// What the writer answers; [`io::ErrorKind::InvalidInput`] for a frame of 4 GiB and more.
    pub fn frame(&mut self, at: Nanos, bytes: &[u8]) -> io::Result<()> {
        let len = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut head = [0; 16];
        // The format's seconds are 32 bits: a clock beyond 2106 wraps.
        head[0..4].copy_from_slice(&((at.0 / Nanos::PER_SECOND) as u32).to_le_bytes());
        head[4..8].copy_from_slice(&((at.0 % Nanos::PER_SECOND) as u32).to_le_bytes());
        head[8..12].copy_from_slice(&len.to_le_bytes());
        head[12..16].copy_from_slice(&len.to_le_bytes());
        self.into.write_all(&head)?;
        self.into.write_all(bytes)
    }

    /// Flushes and gives the writer back.
    ///
    /// # Errors
    ///
    /// What the writer answers.
    pub fn finish(mut self) -> io::Result<W> {
        self.into.flush()?;
        Ok(self.into)
    }
}

/// A capture of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CaptureId(pub(crate) usize);

/// A capture under way: of one link or of all. After an error it writes nothing more.
pub(crate) struct Capture {
    link: Option<LinkId>,
    state: io::Result<PcapWriter<Box<dyn Write + Send>>>,
}

impl Capture {
    pub(crate) fn new(link: Option<LinkId>, into: Box<dyn Write + Send>) -> Capture {
        Capture { link, state: PcapWriter::new(into) }
    }

    pub(crate) fn frame(&mut self, link: LinkId, at: Nanos, bytes: &[u8]) {
        if self.link.is_some_and(|only| only != link) {
            return;
        }
        if let Ok(writer) = &mut self.state
            && let Err(error) = writer.frame(at, bytes)
        {
            self.state = Err(error);
        }
    }

    pub(crate) fn finish(self) -> io::Result<()> {
        self.state?.finish().map(drop)
    }
}

impl std::fmt::Debug for Capture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Capture").field("link", &self.link).finish_non_exhaustive()
    }
}
