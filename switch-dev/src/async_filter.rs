//! Which asynchronous messages a channel gets: its masks for the roles master or equal and slave
//! (§6.3.6, §7.3.10).

use ofp_codec::{AsyncConfig, AsyncMask, FlowRemovedReason, PacketInReason, PortReason, Role};

/// What happened, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    PacketIn(PacketInReason),
    PortStatus(PortReason),
    FlowRemoved(FlowRemovedReason),
}

/// Whether a channel of this role and with these masks gets it.
pub(crate) fn wants(masks: &AsyncConfig, role: Role, notice: Notice) -> bool {
    let (mask, reason) = match notice {
        Notice::PacketIn(reason) => (masks.packet_in, reason as u32),
        Notice::PortStatus(reason) => (masks.port_status, reason as u32),
        Notice::FlowRemoved(reason) => (masks.flow_removed, reason as u32),
    };
    1u32.checked_shl(reason).is_some_and(|bit| self::mask(mask, role) & bit != 0)
}

/// The reasons that count for this role.
pub(crate) fn mask(mask: AsyncMask, role: Role) -> u32 {
    if role == Role::Slave { mask.slave } else { mask.master }
}

#[cfg(test)]
mod tests {
    use super::*;
    use FlowRemovedReason::{Delete, GroupDelete, HardTimeout, IdleTimeout, MeterDelete};
    use Notice::{FlowRemoved, PacketIn, PortStatus};

    #[test]
    fn defaults_of_the_standard() {
        let masks = AsyncConfig::default();
        for role in [Role::Equal, Role::Master] {
            let wanted = |notice| wants(&masks, role, notice);
            assert!(wanted(PacketIn(PacketInReason::NoMatch)));
            assert!(wanted(PacketIn(PacketInReason::Action)));
            assert!(!wanted(PacketIn(PacketInReason::InvalidTtl)));
            for reason in [IdleTimeout, HardTimeout, Delete, GroupDelete] {
                assert!(wanted(FlowRemoved(reason)));
            }
            assert!(!wanted(FlowRemoved(MeterDelete)), "not every controller knows it");
        }
        for reason in [PortReason::Add, PortReason::Delete, PortReason::Modify] {
            assert!(wants(&masks, Role::Master, PortStatus(reason)));
            assert!(wants(&masks, Role::Slave, PortStatus(reason)));
        }
        assert!(!wants(&masks, Role::Slave, PacketIn(PacketInReason::Action)));
        assert!(!wants(&masks, Role::Slave, FlowRemoved(Delete)));
    }
}
