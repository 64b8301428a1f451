//! Bundles (ONF extension 230 to 1.3): messages that are kept until a commit, per channel and
//! within bounds. Executing a commit is the handler's.

use alloc::vec::Vec;

use ofp_codec::{BundleFlags, ONF_EXPERIMENTER, OfpError};

use crate::DeviceConfig;

/// The error codes of bundles; on 1.3 they are experimenter errors of the ONF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum BundleError {
    BadId = 2302,
    BundleExist = 2303,
    BundleClosed = 2304,
    OutOfBundles = 2305,
    BadType = 2306,
    BadFlags = 2307,
    MsgBadLen = 2308,
    MsgBadXid = 2309,
    MsgUnsup = 2310,
    MsgTooMany = 2312,
    MsgFailed = 2313,
}

impl From<BundleError> for OfpError {
    fn from(error: BundleError) -> OfpError {
        OfpError::Experimenter { experimenter: ONF_EXPERIMENTER, exp_type: error as u16 }
    }
}

/// The open bundles of one channel.
#[derive(Debug, Default)]
pub(crate) struct Bundles {
    bundles: Vec<Bundle>,
    /// Bytes of messages in all of them.
    len: usize,
}

#[derive(Debug)]
struct Bundle {
    id: u32,
    flags: BundleFlags,
    is_closed: bool,
    /// Whole messages, one behind the other.
    messages: Vec<u8>,
}

impl Bundles {
    /// Opens a bundle.
    pub(crate) fn open(
        &mut self,
        config: &DeviceConfig,
        id: u32,
        flags: BundleFlags,
    ) -> Result<(), BundleError> {
        if let Some(at) = self.position(id) {
            self.remove(at);
            return Err(BundleError::BundleExist);
        }
        if !(BundleFlags::ATOMIC | BundleFlags::ORDERED).contains(flags) {
            return Err(BundleError::BadFlags);
        }
        if self.bundles.len() >= config.bundle_count || self.bundles.try_reserve(1).is_err() {
            return Err(BundleError::OutOfBundles);
        }
        self.bundles.push(Bundle { id, flags, is_closed: false, messages: Vec::new() });
        Ok(())
    }

    /// Adds a message to a bundle, which it opens when there is none of this id.
    pub(crate) fn add(
        &mut self,
        config: &DeviceConfig,
        id: u32,
        flags: BundleFlags,
        message: &[u8],
    ) -> Result<(), BundleError> {
        if self.position(id).is_none() {
            self.open(config, id, flags)?;
        }
        let at = self.checked(id, flags)?;
        let len = self.len.saturating_add(message.len());
        let bundle = self.bundles.get_mut(at).ok_or(BundleError::BadId)?;
        if bundle.is_closed {
            self.remove(at);
            return Err(BundleError::BundleClosed);
        }
        if len > config.bundle_len || bundle.messages.try_reserve(message.len()).is_err() {
            self.remove(at);
            return Err(BundleError::MsgTooMany);
        }
        bundle.messages.extend_from_slice(message);
        self.len = len;
        Ok(())
    }

    /// Closes a bundle: nothing can be added any more.
    pub(crate) fn close(&mut self, id: u32, flags: BundleFlags) -> Result<(), BundleError> {
        let at = self.checked(id, flags)?;
        match self.bundles.get_mut(at) {
            Some(bundle) if !bundle.is_closed => {
                bundle.is_closed = true;
                Ok(())
            }
            _ => {
                self.remove(at);
                Err(BundleError::BundleClosed)
            }
        }
    }

    /// Takes out a bundle that is to be executed: its messages, one behind the other.
    pub(crate) fn commit(&mut self, id: u32, flags: BundleFlags) -> Result<Vec<u8>, BundleError> {
        let at = self.checked(id, flags)?;
        Ok(self.remove(at))
    }

    /// Forgets a bundle.
    pub(crate) fn discard(&mut self, id: u32) -> Result<(), BundleError> {
        let at = self.position(id).ok_or(BundleError::BadId)?;
        self.remove(at);
        Ok(())
    }

    fn position(&self, id: u32) -> Option<usize> {
        self.bundles.iter().position(|bundle| bundle.id == id)
    }

    /// The bundle's place; one that is named with other flags than it was opened with is dropped.
    fn checked(&mut self, id: u32, flags: BundleFlags) -> Result<usize, BundleError> {
        let at = self.position(id).ok_or(BundleError::BadId)?;
        if self.bundles.get(at).is_some_and(|bundle| bundle.flags != flags) {
            self.remove(at);
            return Err(BundleError::BadFlags);
        }
        Ok(at)
    }

    fn remove(&mut self, at: usize) -> Vec<u8> {
        let bundle = self.bundles.swap_remove(at);
        self.len = self.len.saturating_sub(bundle.messages.len());
        bundle.messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(bits: u16) -> BundleFlags {
        BundleFlags::from_bits_retain(bits)
    }

    #[test]
    fn a_bundle_from_open_to_commit() {
        let (config, mut bundles) = (DeviceConfig::default(), Bundles::default());
        assert_eq!(bundles.open(&config, 1, flags(3)), Ok(()));
        assert_eq!(bundles.add(&config, 1, flags(3), b"one"), Ok(()));
        assert_eq!(bundles.add(&config, 1, flags(3), b"two"), Ok(()));
        assert_eq!(bundles.close(1, flags(3)), Ok(()));
        assert_eq!(bundles.commit(1, flags(3)), Ok(b"onetwo".to_vec()));
        assert_eq!((bundles.len, bundles.commit(1, flags(3))), (0, Err(BundleError::BadId)));
    }

    #[test]
    fn a_wrong_step_drops_the_bundle() {
        let (config, mut bundles) = (DeviceConfig::default(), Bundles::default());
        assert_eq!(bundles.add(&config, 7, flags(1), b"opens it"), Ok(()));
        assert_eq!(bundles.add(&config, 7, flags(3), b"other flags"), Err(BundleError::BadFlags));
        assert_eq!(bundles.close(7, flags(1)), Err(BundleError::BadId));
        assert_eq!(bundles.open(&config, 7, flags(1)), Ok(()));
        assert_eq!(bundles.open(&config, 7, flags(1)), Err(BundleError::BundleExist));
        assert_eq!(bundles.open(&config, 7, flags(4)), Err(BundleError::BadFlags));
        assert_eq!(bundles.open(&config, 7, flags(1)), Ok(()));
        assert_eq!(bundles.close(7, flags(1)), Ok(()));
        assert_eq!(bundles.add(&config, 7, flags(1), b"late"), Err(BundleError::BundleClosed));
        assert_eq!((bundles.len, bundles.bundles.len()), (0, 0));
    }

    #[test]
    fn bundles_and_bytes_are_bounded() {
        let config = DeviceConfig { bundle_count: 2, bundle_len: 10, ..DeviceConfig::default() };
        let mut bundles = Bundles::default();
        assert_eq!(bundles.add(&config, 1, flags(0), b"12345"), Ok(()));
        assert_eq!(bundles.add(&config, 2, flags(0), b"12345"), Ok(()));
        assert_eq!(bundles.open(&config, 3, flags(0)), Err(BundleError::OutOfBundles));
        assert_eq!(bundles.add(&config, 2, flags(0), b"1"), Err(BundleError::MsgTooMany));
        assert_eq!(bundles.discard(2), Err(BundleError::BadId), "it is gone");
        assert_eq!(bundles.commit(1, flags(0)), Ok(b"12345".to_vec()), "the other is unhurt");
    }
}
