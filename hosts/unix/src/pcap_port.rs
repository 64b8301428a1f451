//! A capture as a port: what the file holds comes in as fast as the switch takes it, what the
//! switch transmits is written to another.

use std::{
    fs::File,
    io::{BufReader, BufWriter},
    os::fd::BorrowedFd,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hypercall::{Frame, Meta, VecFrame};

use crate::{
    BURST, Error,
    pcap::{Reader, Writer},
    pool::{MAX_FRAME, Pool},
    port::{Accepts, Outgoing, PortInfo, PortIo, Received, Wait},
};

/// A capture to read frames from, another to write frames to, or one of them.
pub struct PcapPort {
    reader: Option<Reader<BufReader<File>>>,
    input: PathBuf,
    writer: Option<Writer<BufWriter<File>>>,
    output: PathBuf,
    refused: u64,
}

impl PcapPort {
    /// Opens the capture to read, if any, and then makes the one to write, if any.
    ///
    /// # Errors
    /// [`Error::Capture`].
    pub fn open(input: Option<&Path>, output: Option<&Path>) -> Result<PcapPort, Error> {
        Ok(PcapPort {
            reader: input.map(Reader::open).transpose()?,
            input: input.unwrap_or(Path::new("")).to_owned(),
            writer: output.map(Writer::create).transpose()?,
            output: output.unwrap_or(Path::new("")).to_owned(),
            refused: 0,
        })
    }
}

impl PortIo for PcapPort {
    fn receive(&mut self, pool: &mut Pool, into: &mut Vec<Received>) -> Result<usize, Error> {
        let mut count = 0;
        while count < BURST {
            let Some(reader) = &mut self.reader else { break };
            let Some(mut buffer) = pool.take(MAX_FRAME) else { break };
            match reader.next_into(&mut buffer) {
                Ok(Some(_)) if buffer.len() > VecFrame::HEADROOM + MAX_FRAME => {
                    self.refused += 1;
                    pool.give(buffer);
                }
                Ok(Some(_)) => {
                    let frame = VecFrame::from_buffer(buffer, VecFrame::HEADROOM);
                    into.push(Received { frame, meta: Meta::default() });
                    count += 1;
                }
                Ok(None) => {
                    self.reader = None;
                    pool.give(buffer);
                }
                Err(error) => {
                    self.reader = None;
                    pool.give(buffer);
                    return Err(Error::Capture {
                        path: self.input.display().to_string(),
                        reason: error.to_string(),
                    });
                }
            }
        }
        Ok(count)
    }

    fn transmit(&mut self, pool: &mut Pool, frames: &mut Vec<Outgoing>) -> Result<usize, Error> {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let mut lost = 0;
        for out in frames.drain(..) {
            match &mut self.writer {
                Some(writer) => {
                    if let Err(error) = writer.write(time, out.frame.headers()) {
                        self.writer = None;
                        return Err(Error::Capture {
                            path: self.output.display().to_string(),
                            reason: error.to_string(),
                        });
                    }
                }
                None => lost += 1,
            }
            pool.recycle(out.frame);
        }
        Ok(lost)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn wait(&self) -> Wait {
        if self.reader.is_some() { Wait::Moment } else { Wait::Nothing }
    }

    fn accepts(&self) -> Accepts {
        Accepts::NOTHING
    }

    fn info(&mut self) -> PortInfo {
        PortInfo { link: true, hw_addr: None, speed_kbps: None, max_frame: MAX_FRAME as u32 }
    }

    fn refused_count(&self) -> u64 {
        self.refused
    }

    fn finish(&mut self) -> Result<(), Error> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        writer.flush().map_err(|error| Error::Capture {
            path: self.output.display().to_string(),
            reason: error.to_string(),
        })
    }
}
