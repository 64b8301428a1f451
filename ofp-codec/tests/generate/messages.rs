//! Random messages of every type, but multiparts.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use rumpswitch_ofp_codec::*;

use super::actions::{bands, buckets, group_type, instructions, packet_out_actions};
use super::matches::matching;
use super::multiparts::{reply, request};
use super::{bytes, eights, group_id, hw_addr, meter_id, ordinary_port, text};

/// A message of any type that the codec knows.
pub(crate) fn message() -> impl Strategy<Value = Message> {
    prop_oneof![4 => from_controller(), 2 => from_switch(), 1 => symmetric()]
}

/// A message that a controller may send.
pub(crate) fn from_controller() -> BoxedStrategy<Message> {
    prop_oneof![
        1 => Just(Message::FeaturesRequest),
        1 => Just(Message::GetConfigRequest),
        1 => config(0..=2).prop_map(Message::SetConfig),
        3 => packet_out().prop_map(Message::PacketOut),
        6 => flow_mod().prop_map(Message::FlowMod),
        4 => group_mod().prop_map(Message::GroupMod),
        1 => port_mod().prop_map(Message::PortMod),
        1 => (any::<u8>(), 0..4_u32).prop_map(|(table, config)| {
            Message::TableMod(TableMod { table_id: TableId(table), config })
        }),
        4 => request().prop_map(Message::MultipartRequest),
        1 => Just(Message::BarrierRequest),
        1 => any::<u32>().prop_map(|port| Message::QueueGetConfigRequest(PortNo(port))),
        1 => role().prop_map(Message::RoleRequest),
        1 => Just(Message::GetAsyncRequest),
        1 => async_config().prop_map(Message::SetAsync),
        2 => meter_mod().prop_map(Message::MeterMod),
        1 => bundle_control().prop_map(Message::BundleControl),
        1 => bundle_add().prop_map(Message::BundleAdd),
        1 => any::<u32>().prop_map(Message::FlowMonitorCancel),
    ]
    .boxed()
}

/// A message that a switch may send.
pub(crate) fn from_switch() -> BoxedStrategy<Message> {
    prop_oneof![
        1 => features().prop_map(Message::FeaturesReply),
        1 => config(0..=3).prop_map(Message::GetConfigReply),
        2 => packet_in().prop_map(Message::PacketIn),
        2 => flow_removed().prop_map(Message::FlowRemoved),
        1 => (0..3_u8, port_desc()).prop_map(|(reason, desc)| {
            let reason = PortReason::from_number(reason).unwrap();
            Message::PortStatus(PortStatus { reason, desc })
        }),
        6 => reply().prop_map(Message::MultipartReply),
        1 => Just(Message::BarrierReply),
        1 => Just(Message::FlowMonitorPaused),
        1 => Just(Message::FlowMonitorResumed),
        1 => queue_config().prop_map(Message::QueueGetConfigReply),
        1 => role().prop_map(Message::RoleReply),
        1 => async_config().prop_map(Message::GetAsyncReply),
    ]
    .boxed()
}

/// A message that both may send.
pub(crate) fn symmetric() -> BoxedStrategy<Message> {
    prop_oneof![
        hello().prop_map(Message::Hello),
        error().prop_map(Message::Error),
        bytes(40).prop_map(Message::EchoRequest),
        bytes(40).prop_map(Message::EchoReply),
        (any::<u32>(), any::<u32>(), bytes(40)).prop_map(|(experimenter, exp_type, data)| {
            Message::Experimenter { experimenter, exp_type, data }
        }),
    ]
    .boxed()
}

/// A hello.
pub(crate) fn hello() -> impl Strategy<Value = Hello> {
    let element = prop_oneof![
        vec(any::<u32>(), 0..4).prop_map(HelloElement::VersionBitmap),
        (2..100_u16, bytes(12))
            .prop_map(|(element_type, data)| HelloElement::Unknown { element_type, data }),
    ];
    vec(element, 0..4).prop_map(|elements| Hello { elements })
}

/// An error message.
pub(crate) fn error() -> impl Strategy<Value = ErrorMessage> {
    (option::of(any::<u32>()), 0..14_u16, any::<u16>(), bytes(64)).prop_map(
        |(experimenter, error_type, code, data)| ErrorMessage {
            error_type: if experimenter.is_some() { 0xffff } else { error_type },
            code,
            experimenter,
            data,
        },
    )
}

fn features() -> impl Strategy<Value = SwitchFeatures> {
    any::<(u64, u32, u8, u8, u32, u32)>().prop_map(
        |(datapath_id, n_buffers, n_tables, auxiliary_id, capabilities, reserved)| SwitchFeatures {
            datapath_id,
            n_buffers,
            n_tables,
            auxiliary_id,
            capabilities: Capabilities::from_bits_retain(capabilities),
            reserved,
        },
    )
}

fn config(flags: std::ops::RangeInclusive<u16>) -> impl Strategy<Value = Config> {
    (flags, prop_oneof![0..=0xffe5_u16, Just(0xffff)]).prop_map(|(flags, miss_send_len)| Config {
        flags: ConfigFlags::from_bits_retain(flags),
        miss_send_len,
    })
}

/// A packet-in.
pub(crate) fn packet_in() -> impl Strategy<Value = PacketIn> {
    (any::<(u32, u16, u8, u64)>(), 0..3_u8, matching(), bytes(80)).prop_map(
        |((buffer_id, total_len, table, cookie), reason, matching, data)| PacketIn {
            buffer_id,
            total_len,
            reason: PacketInReason::from_number(reason).unwrap(),
            table_id: TableId(table),
            cookie,
            matching,
            data,
        },
    )
}

/// A packet-out.
pub(crate) fn packet_out() -> impl Strategy<Value = PacketOut> {
    let reserved = select(vec![PortNo::CONTROLLER, PortNo::LOCAL, PortNo::ANY]);
    let in_port = prop_oneof![ordinary_port(), reserved];
    let whole = (Just(NO_BUFFER), vec(any::<u8>(), 14..80));
    let buffered = (any::<u32>(), vec(any::<u8>(), 14..20));
    (prop_oneof![4 => whole, 1 => buffered], in_port, packet_out_actions()).prop_map(
        |((buffer_id, data), in_port, actions)| PacketOut { buffer_id, in_port, actions, data },
    )
}

/// A flow-mod.
pub(crate) fn flow_mod() -> impl Strategy<Value = FlowMod> {
    let table = prop_oneof![4 => 0..4_u8, 1 => 0..=254_u8];
    (0..5_u8, table, any::<bool>(), matching())
        .prop_flat_map(|(command, table, all, matching)| {
            let command = FlowModCommand::from_number(command).unwrap();
            let table_id = if all && command.is_delete() { TableId::ALL } else { TableId(table) };
            (Just((command, table_id, matching)), instructions(table))
        })
        .prop_flat_map(|(chosen, instructions)| {
            let numbers = any::<(u64, u64, u16, u16, u16, u32, u32, u32)>();
            (Just(chosen), Just(instructions), numbers, 0..32_u16)
        })
        .prop_map(|((command, table_id, matching), instructions, numbers, flags)| {
            let (cookie, cookie_mask, idle, hard, priority, buffer_id, port, group) = numbers;
            FlowMod {
                cookie,
                cookie_mask,
                table_id,
                command,
                idle_timeout: idle,
                hard_timeout: hard,
                priority,
                buffer_id,
                out_port: PortNo(port),
                out_group: GroupId(group),
                flags: FlowModFlags::from_bits_retain(flags),
                matching,
                instructions,
            }
        })
}

/// A group-mod.
pub(crate) fn group_mod() -> impl Strategy<Value = GroupMod> {
    (0..3_u16, group_type(), group_id(), any::<bool>())
        .prop_flat_map(|(command, group_type, group_id, all)| {
            let command = GroupModCommand::from_number(command).unwrap();
            let delete = command == GroupModCommand::Delete;
            let buckets = if delete { Just(vec![]).boxed() } else { buckets(group_type).boxed() };
            let group_id = if delete && all { GroupId::ALL } else { group_id };
            (Just((command, group_type, group_id)), buckets)
        })
        .prop_map(|((command, group_type, group_id), buckets)| GroupMod {
            command,
            group_type,
            group_id,
            buckets,
        })
}

/// A meter-mod.
pub(crate) fn meter_mod() -> impl Strategy<Value = MeterMod> {
    let virtual_meter = select(vec![MeterId::SLOWPATH, MeterId::CONTROLLER]);
    let meter = prop_oneof![4 => meter_id(), 1 => virtual_meter];
    (0..3_u16, 1..3_u16, 0..4_u16, meter, bands()).prop_map(
        |(command, unit, options, meter_id, bands)| {
            let command = MeterModCommand::from_number(command).unwrap();
            let flags = MeterFlags::from_bits_retain(unit | options << 2);
            let delete = command == MeterModCommand::Delete;
            MeterMod { command, flags, meter_id, bands: if delete { vec![] } else { bands } }
        },
    )
}

/// A port's description.
pub(crate) fn port_desc() -> impl Strategy<Value = PortDesc> {
    (any::<u32>(), hw_addr(), text(15), any::<[u32; 8]>()).prop_map(
        |(port_no, hw_addr, name, [config, state, curr, advertised, supported, peer, now, max])| {
            PortDesc {
                port_no: PortNo(port_no),
                hw_addr,
                name,
                config: PortConfig::from_bits_retain(config),
                state: PortState::from_bits_retain(state),
                curr: PortFeatures::from_bits_retain(curr),
                advertised: PortFeatures::from_bits_retain(advertised),
                supported: PortFeatures::from_bits_retain(supported),
                peer: PortFeatures::from_bits_retain(peer),
                curr_speed: now,
                max_speed: max,
            }
        },
    )
}

fn port_mod() -> impl Strategy<Value = PortMod> {
    (ordinary_port(), hw_addr(), any::<(u32, u32)>(), 0..=0xffff_u32).prop_map(
        |(port_no, hw_addr, (config, mask), advertise)| PortMod {
            port_no,
            hw_addr,
            config: PortConfig::from_bits_retain(config & 0x65),
            mask: PortConfig::from_bits_retain(mask & 0x65),
            advertise: PortFeatures::from_bits_retain(advertise),
        },
    )
}

/// A flow-removed.
pub(crate) fn flow_removed() -> impl Strategy<Value = FlowRemoved> {
    (any::<(u64, u16, u8, u32, u32, u16, u16, u64, u64)>(), 0..5_u8, matching()).prop_map(
        |((cookie, priority, table, sec, nsec, idle, hard, packets, size), reason, matching)| {
            FlowRemoved {
                cookie,
                priority,
                reason: FlowRemovedReason::from_number(reason).unwrap(),
                table_id: TableId(table),
                duration_sec: sec,
                duration_nsec: nsec,
                idle_timeout: idle,
                hard_timeout: hard,
                packet_count: packets,
                byte_count: size,
                matching,
            }
        },
    )
}

fn queue_config() -> impl Strategy<Value = QueueConfig> {
    let property = prop_oneof![
        any::<u16>().prop_map(QueueProperty::MinRate),
        any::<u16>().prop_map(QueueProperty::MaxRate),
        (any::<u32>(), eights(2))
            .prop_map(|(experimenter, data)| QueueProperty::Experimenter { experimenter, data }),
    ];
    let queue =
        (any::<(u32, u32)>(), vec(property, 0..4)).prop_map(|((queue_id, port), properties)| {
            PacketQueue { queue_id, port: PortNo(port), properties }
        });
    (any::<u32>(), vec(queue, 0..4))
        .prop_map(|(port, queues)| QueueConfig { port: PortNo(port), queues })
}

fn role() -> impl Strategy<Value = RoleMessage> {
    (0..4_u32, any::<u64>()).prop_map(|(role, generation_id)| RoleMessage {
        role: Role::from_number(role).unwrap(),
        generation_id,
    })
}

fn async_config() -> impl Strategy<Value = AsyncConfig> {
    any::<[u32; 6]>().prop_map(|[a, b, c, d, e, f]| AsyncConfig {
        packet_in: AsyncMask { master: a, slave: b },
        port_status: AsyncMask { master: c, slave: d },
        flow_removed: AsyncMask { master: e, slave: f },
    })
}

fn bundle_control() -> impl Strategy<Value = BundleControl> {
    (any::<u32>(), 0..8_u16, 0..4_u16, bytes(16)).prop_map(
        |(bundle_id, control, flags, properties)| BundleControl {
            bundle_id,
            control: BundleControlType::from_number(control).unwrap(),
            flags: BundleFlags::from_bits_retain(flags),
            properties,
        },
    )
}

fn bundle_add() -> impl Strategy<Value = BundleAdd> {
    (any::<u32>(), 0..4_u16, flow_mod(), bytes(16)).prop_map(
        |(bundle_id, flags, flow_mod, properties)| {
            let mut message = Vec::new();
            Message::FlowMod(flow_mod).encode(1, &mut message).unwrap();
            let flags = BundleFlags::from_bits_retain(flags);
            BundleAdd { bundle_id, flags, message, properties }
        },
    )
}
