//! The generation id that orders claims to be master or slave (§6.3.6, §7.3.9).

use ofp_codec::{OfpError, RoleRequestFailedCode};

/// The newest generation id that was accepted. It belongs to the device, and outlives channels: a
/// master that was cut off and comes back late must still be late.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Generation(Option<u64>);

impl Generation {
    /// Accepts the first id ever, and from then on the same or a later one in the sense of a
    /// 64-bit circle.
    pub(crate) fn accept(&mut self, id: u64) -> Result<(), OfpError> {
        match self.0 {
            Some(kept) if id.wrapping_sub(kept) > i64::MAX as u64 => {
                Err(OfpError::RoleRequestFailed(RoleRequestFailedCode::Stale))
            }
            _ => {
                self.0 = Some(id);
                Ok(())
            }
        }
    }

    /// The id for a reply: all ones while there is none.
    pub(crate) fn get(self) -> u64 {
        self.0.unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_circle_is_later() {
        let stale = Err(OfpError::RoleRequestFailed(RoleRequestFailedCode::Stale));
        let mut kept = Generation::default();
        assert_eq!(kept.get(), u64::MAX);
        assert_eq!(kept.accept(5), Ok(()), "the first is accepted, whatever it is");
        assert_eq!(kept.accept(4), stale);
        assert_eq!(kept.accept(5), Ok(()));
        assert_eq!(kept.accept(5 + (1 << 63)), stale);
        assert_eq!(kept.get(), 5, "a stale one changes nothing");
        assert_eq!(kept.accept(5 + (1 << 63) - 1), Ok(()));
        assert_eq!(kept.accept(2), Ok(()), "round the circle");
    }
}
