//! Multipart requests that come in several messages (§7.3.5): the parts so far, within bounds.
//!
//! A controller decides how many requests it leaves unfinished and how long they get, so all three
//! bounds are needed: bytes of all requests together, their number, and the time without a part.

use alloc::vec::Vec;

use hypercall::Nanos;
use ofp_codec::{BadRequestCode, MultipartType, OfpError};

use crate::DeviceConfig;

/// The start of a request that is quoted when the request times out.
const QUOTE_LEN: usize = 64;

/// What became of a part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It is a whole request by itself.
    Single,
    /// More parts are to come.
    Waiting,
    /// It was the last part; these are the first one's prefix and the bodies of all of them.
    Complete(Vec<u8>),
}

/// The unfinished requests of one channel.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    unfinished: Vec<Unfinished>,
    len: usize,
}

#[derive(Debug)]
struct Unfinished {
    xid: u32,
    kind: MultipartType,
    body: Vec<u8>,
    heard: Nanos,
    /// The first bytes of the first part.
    quote: Vec<u8>,
}

impl Assembly {
    /// Takes the part `body` of the request `xid` of multipart type `kind`; `message` is the whole
    /// message that it came in.
    ///
    /// # Errors
    ///
    /// MULTIPART_BUFFER_OVERFLOW beyond a bound, BAD_MULTIPART for a part of another type. What was
    /// there of the request is forgotten.
    pub(crate) fn take(
        &mut self,
        config: &DeviceConfig,
        now: Nanos,
        part: Part<'_>,
    ) -> Result<Progress, OfpError> {
        let at = self.unfinished.iter().position(|request| request.xid == part.xid);
        let Some(at) = at else {
            return if part.more { self.begin(config, now, part) } else { Ok(Progress::Single) };
        };
        let Some(request) = self.unfinished.get_mut(at) else { return Ok(Progress::Single) };
        let fits = self.len.saturating_add(part.body.len()) <= config.assembly_len
            && request.body.try_reserve(part.body.len()).is_ok();
        // An experimenter's type is behind the flags.
        let is_same = request.kind == part.kind
            && request.body.get(8..part.prefix.len()) == part.prefix.get(8..);
        let error = if !is_same {
            BadRequestCode::BadMultipart
        } else if !fits {
            BadRequestCode::MultipartBufferOverflow
        } else {
            request.body.extend_from_slice(part.body);
            request.heard = now;
            self.len = self.len.saturating_add(part.body.len());
            if part.more {
                return Ok(Progress::Waiting);
            }
            return Ok(Progress::Complete(self.forget(at).body));
        };
        self.forget(at);
        Err(OfpError::BadRequest(error))
    }

    /// The moment at which the next unfinished request is given up.
    pub(crate) fn next_deadline(&self, config: &DeviceConfig) -> Option<Nanos> {
        self.unfinished.iter().map(|request| request.heard.plus(config.assembly_idle)).min()
    }

    /// Forgets one request that has been idle too long: its xid and the start of its first part.
    pub(crate) fn expire(&mut self, config: &DeviceConfig, now: Nanos) -> Option<(u32, Vec<u8>)> {
        let at = self
            .unfinished
            .iter()
            .position(|request| now.since(request.heard) >= config.assembly_idle)?;
        let request = self.forget(at);
        Some((request.xid, request.quote))
    }

    fn begin(
        &mut self,
        config: &DeviceConfig,
        now: Nanos,
        part: Part<'_>,
    ) -> Result<Progress, OfpError> {
        let len = part.prefix.len().saturating_add(part.body.len());
        let overflow = OfpError::BadRequest(BadRequestCode::MultipartBufferOverflow);
        if self.unfinished.len() >= config.assembly_count
            || self.len.saturating_add(len) > config.assembly_len
        {
            return Err(overflow);
        }
        let quote = part.message.get(..QUOTE_LEN).unwrap_or(part.message);
        let mut request = Unfinished {
            xid: part.xid,
            kind: part.kind,
            body: Vec::new(),
            heard: now,
            quote: Vec::new(),
        };
        if request.body.try_reserve(len).is_err()
            || request.quote.try_reserve_exact(quote.len()).is_err()
            || self.unfinished.try_reserve(1).is_err()
        {
            return Err(overflow);
        }
        request.body.extend_from_slice(part.prefix);
        request.body.extend_from_slice(part.body);
        request.quote.extend_from_slice(quote);
        self.len = self.len.saturating_add(len);
        self.unfinished.push(request);
        Ok(Progress::Waiting)
    }

    fn forget(&mut self, at: usize) -> Unfinished {
        let request = self.unfinished.swap_remove(at);
        self.len = self.len.saturating_sub(request.body.len());
        request
    }
}

/// One message of a multipart request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) xid: u32,
    pub(crate) kind: MultipartType,
    pub(crate) more: bool,
    /// What stands between header and body, and of which the first part's is kept.
    pub(crate) prefix: &'a [u8],
    pub(crate) body: &'a [u8],
    pub(crate) message: &'a [u8],
}

#[cfg(test)]
mod tests {
    use super::*;
    use MultipartType::{Flow, PortDesc, TableFeatures};

    const OVERFLOW: OfpError = OfpError::BadRequest(BadRequestCode::MultipartBufferOverflow);

    fn part(xid: u32, kind: MultipartType, more: bool, body: &[u8]) -> Part<'_> {
        Part { xid, kind, more, prefix: &[], body, message: body }
    }

    #[test]
    fn parts_of_several_requests_may_be_interleaved() {
        let (config, mut parts) = (DeviceConfig::default(), Assembly::default());
        let mut take = |part| parts.take(&config, Nanos(0), part);
        assert_eq!(take(part(1, TableFeatures, true, &[1])), Ok(Progress::Waiting));
        assert_eq!(take(part(2, Flow, true, &[2])), Ok(Progress::Waiting));
        assert_eq!(take(part(3, Flow, false, &[3])), Ok(Progress::Single));
        assert_eq!(
            take(part(1, TableFeatures, true, &[])),
            Ok(Progress::Waiting),
            "an empty part is legal"
        );
        assert_eq!(take(part(2, Flow, false, &[4])), Ok(Progress::Complete(alloc::vec![2, 4])));
        assert_eq!(
            take(part(1, TableFeatures, false, &[5])),
            Ok(Progress::Complete(alloc::vec![1, 5]))
        );
        assert_eq!(parts.len, 0);
    }

    #[test]
    fn bytes_and_requests_are_bounded() {
        let (config, mut parts) = (DeviceConfig::default(), Assembly::default());
        let big = alloc::vec![0; 65_520];
        let mut taken = 0;
        let error = loop {
            match parts.take(&config, Nanos(0), part(1, TableFeatures, true, &big)) {
                Ok(_) => taken += big.len(),
                Err(error) => break error,
            }
        };
        assert_eq!(error, OVERFLOW);
        assert!(taken <= config.assembly_len && taken + big.len() > config.assembly_len);
        assert_eq!(parts.len, 0, "the parts so far are forgotten");
        for xid in 0..8 {
            assert_eq!(
                parts.take(&config, Nanos(0), part(xid, TableFeatures, true, &[])),
                Ok(Progress::Waiting)
            );
        }
        assert_eq!(parts.take(&config, Nanos(0), part(8, TableFeatures, true, &[])), Err(OVERFLOW));
        assert_eq!(
            parts.take(&config, Nanos(0), part(7, TableFeatures, false, &[1])),
            Ok(Progress::Complete(alloc::vec![1])),
            "the others are unhurt"
        );
    }

    #[test]
    fn a_part_of_another_type_ends_the_request() {
        let (config, mut parts) = (DeviceConfig::default(), Assembly::default());
        parts.take(&config, Nanos(0), part(1, TableFeatures, true, &[1])).unwrap();
        assert_eq!(
            parts.take(&config, Nanos(0), part(1, PortDesc, false, &[1])),
            Err(OfpError::BadRequest(BadRequestCode::BadMultipart))
        );
        assert_eq!(
            parts.take(&config, Nanos(0), part(1, PortDesc, false, &[1])),
            Ok(Progress::Single)
        );
    }

    #[test]
    fn parts_of_experimenters_each_have_a_header() {
        let (config, mut parts) = (DeviceConfig::default(), Assembly::default());
        let kind = MultipartType::Experimenter;
        let part = |more, prefix, body| Part { xid: 1, kind, more, prefix, body, message: body };
        let (one, other) = ([1; 16], [1, 1, 1, 1, 1, 1, 1, 1, 9, 9, 9, 9, 9, 9, 9, 9]);
        parts.take(&config, Nanos(0), part(true, &one, &[2])).unwrap();
        let whole = [&one[..], &[2, 3]].concat();
        let last = parts.take(&config, Nanos(0), part(false, &one, &[3]));
        assert_eq!(last, Ok(Progress::Complete(whole)));
        parts.take(&config, Nanos(0), part(true, &one, &[2])).unwrap();
        assert_eq!(
            parts.take(&config, Nanos(0), part(false, &other, &[3])),
            Err(OfpError::BadRequest(BadRequestCode::BadMultipart))
        );
    }

    #[test]
    fn an_idle_request_is_given_up() {
        let (config, mut parts) = (DeviceConfig::default(), Assembly::default());
        parts
            .take(&config, Nanos::from_millis(10), part(1, TableFeatures, true, &[7; 100]))
            .unwrap();
        parts.take(&config, Nanos::from_millis(500), part(1, TableFeatures, true, &[1])).unwrap();
        assert_eq!(parts.next_deadline(&config), Some(Nanos::from_millis(1500)));
        assert_eq!(parts.expire(&config, Nanos::from_millis(1499)), None);
        assert_eq!(parts.expire(&config, Nanos::from_millis(1500)), Some((1, alloc::vec![7; 64])));
        assert_eq!((parts.next_deadline(&config), parts.len), (None, 0));
    }
}
