//! Random multipart requests and replies of every type.

use proptest::collection::vec;
use proptest::prelude::*;
use rumpswitch_ofp_codec::multipart::*;
use rumpswitch_ofp_codec::*;

use super::actions::{bands, group_type, instructions, shown_actions};
use super::matches::matching;
use super::messages::port_desc;
use super::{bytes, eights, text};

fn flags() -> impl Strategy<Value = MultipartFlags> {
    (0..2_u16).prop_map(MultipartFlags::from_bits_retain)
}

/// A multipart request.
pub(crate) fn request() -> impl Strategy<Value = MultipartRequest> {
    type Body = MultipartRequestBody;
    let number = any::<u32>;
    let body = prop_oneof![
        Just(Body::Desc),
        flow_stats_request().prop_map(Body::Flow),
        flow_stats_request().prop_map(Body::Aggregate),
        Just(Body::Table),
        number().prop_map(|port| Body::PortStats(PortNo(port))),
        any::<(u32, u32)>().prop_map(|(port, queue_id)| {
            Body::Queue(QueueStatsRequest { port_no: PortNo(port), queue_id })
        }),
        number().prop_map(|group| Body::Group(GroupId(group))),
        Just(Body::GroupDesc),
        Just(Body::GroupFeatures),
        number().prop_map(|meter| Body::Meter(MeterId(meter))),
        number().prop_map(|meter| Body::MeterConfig(MeterId(meter))),
        Just(Body::MeterFeatures),
        vec(table_features(), 0..3).prop_map(Body::TableFeatures),
        Just(Body::PortDesc),
        vec(flow_monitor_request(), 0..4).prop_map(Body::FlowMonitor),
        (any::<(u32, u32)>(), bytes(20)).prop_map(|((experimenter, exp_type), data)| {
            Body::Experimenter { experimenter, exp_type, data }
        }),
    ];
    (flags(), body).prop_map(|(flags, body)| MultipartRequest { flags, body })
}

/// A multipart reply.
pub(crate) fn reply() -> impl Strategy<Value = MultipartReply> {
    type Body = MultipartReplyBody;
    let body = prop_oneof![
        desc().prop_map(Body::Desc),
        vec(flow_stats(), 0..4).prop_map(Body::Flow),
        any::<(u64, u64, u32)>().prop_map(|(packet_count, byte_count, flow_count)| {
            Body::Aggregate(AggregateStats { packet_count, byte_count, flow_count })
        }),
        vec(table_stats(), 0..4).prop_map(Body::Table),
        vec(port_stats(), 0..4).prop_map(Body::PortStats),
        vec(queue_stats(), 0..4).prop_map(Body::Queue),
        vec(group_stats(), 0..4).prop_map(Body::Group),
        vec(group_desc(), 0..4).prop_map(Body::GroupDesc),
        group_features().prop_map(Body::GroupFeatures),
        vec(meter_stats(), 0..4).prop_map(Body::Meter),
        vec(meter_config(), 0..4).prop_map(Body::MeterConfig),
        any::<(u32, u32, u16, u8, u8)>().prop_map(
            |(max_meter, band_types, flags, bands, color)| {
                Body::MeterFeatures(MeterFeatures {
                    max_meter,
                    band_types,
                    capabilities: MeterFlags::from_bits_retain(flags),
                    max_bands: bands,
                    max_color: color,
                })
            }
        ),
        vec(table_features(), 0..3).prop_map(Body::TableFeatures),
        vec(port_desc(), 0..4).prop_map(Body::PortDesc),
        vec(flow_update(), 0..4).prop_map(Body::FlowMonitor),
        (any::<(u32, u32)>(), bytes(20)).prop_map(|((experimenter, exp_type), data)| {
            Body::Experimenter { experimenter, exp_type, data }
        }),
    ];
    (flags(), body).prop_map(|(flags, body)| MultipartReply { flags, body })
}

fn flow_stats_request() -> impl Strategy<Value = FlowStatsRequest> {
    (any::<(u8, u32, u32, u64, u64)>(), matching()).prop_map(
        |((table, port, group, cookie, cookie_mask), matching)| FlowStatsRequest {
            table_id: TableId(table),
            out_port: PortNo(port),
            out_group: GroupId(group),
            cookie,
            cookie_mask,
            matching,
        },
    )
}

fn flow_monitor_request() -> impl Strategy<Value = FlowMonitorRequest> {
    let flags = (0..64_u16).prop_filter("asks for a kind of change", |flags| flags & 0xe != 0);
    (any::<(u32, u32, u8)>(), flags, matching()).prop_map(|((id, port, table), flags, matching)| {
        FlowMonitorRequest {
            id,
            flags: FlowMonitorFlags::from_bits_retain(flags),
            out_port: PortNo(port),
            table_id: TableId(table),
            matching,
        }
    })
}

fn flow_update() -> impl Strategy<Value = FlowUpdate> {
    let event = prop_oneof![
        Just(FlowUpdateEvent::Added),
        Just(FlowUpdateEvent::Deleted),
        Just(FlowUpdateEvent::Modified)
    ];
    prop_oneof![
        1 => any::<u32>().prop_map(|xid| FlowUpdate::Abbreviated { xid }),
        4 => (event, any::<u16>(), flow_stats()).prop_map(|(event, reason, entry)| {
            FlowUpdate::Full {
                event,
                reason,
                priority: entry.priority,
                idle_timeout: entry.idle_timeout,
                hard_timeout: entry.hard_timeout,
                table_id: entry.table_id,
                cookie: entry.cookie,
                matching: entry.matching,
                instructions: entry.instructions,
            }
        }),
    ]
}

fn desc() -> impl Strategy<Value = Desc> {
    (text(255), text(255), text(255), text(31), text(255)).prop_map(
        |(mfr_desc, hw_desc, sw_desc, serial_num, dp_desc)| Desc {
            mfr_desc,
            hw_desc,
            sw_desc,
            serial_num,
            dp_desc,
        },
    )
}

/// A flow entry as a switch shows it.
pub(crate) fn flow_stats() -> impl Strategy<Value = FlowStats> {
    let numbers = any::<(u8, u32, u32, u16, u16, u16, u16, u64, u64, u64)>();
    (numbers, matching(), instructions(0), shown_actions()).prop_map(
        |(numbers, matching, mut instructions, shown)| {
            let (table, sec, nsec, priority, idle, hard, flags, cookie, packets, size) = numbers;
            instructions.push(Instruction::ApplyActions(shown));
            FlowStats {
                table_id: TableId(table),
                duration_sec: sec,
                duration_nsec: nsec,
                priority,
                idle_timeout: idle,
                hard_timeout: hard,
                flags: FlowModFlags::from_bits_retain(flags),
                cookie,
                packet_count: packets,
                byte_count: size,
                matching,
                instructions,
            }
        },
    )
}

fn table_stats() -> impl Strategy<Value = TableStats> {
    any::<(u8, u32, u64, u64)>().prop_map(|(table, active_count, lookup_count, matched_count)| {
        TableStats { table_id: TableId(table), active_count, lookup_count, matched_count }
    })
}

fn port_stats() -> impl Strategy<Value = PortStats> {
    any::<(u32, [u64; 12], u32, u32)>().prop_map(|(port, counters, sec, nsec)| {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = counters;
        PortStats {
            port_no: PortNo(port),
            rx_packets: a,
            tx_packets: b,
            rx_bytes: c,
            tx_bytes: d,
            rx_dropped: e,
            tx_dropped: f,
            rx_errors: g,
            tx_errors: h,
            rx_frame_err: i,
            rx_over_err: j,
            rx_crc_err: k,
            collisions: l,
            duration_sec: sec,
            duration_nsec: nsec,
        }
    })
}

fn queue_stats() -> impl Strategy<Value = QueueStats> {
    any::<(u32, u32, u64, u64, u64, u32, u32)>().prop_map(
        |(port, queue_id, tx_bytes, tx_packets, tx_errors, sec, nsec)| QueueStats {
            port_no: PortNo(port),
            queue_id,
            tx_bytes,
            tx_packets,
            tx_errors,
            duration_sec: sec,
            duration_nsec: nsec,
        },
    )
}

fn group_stats() -> impl Strategy<Value = GroupStats> {
    let bucket = any::<(u64, u64)>()
        .prop_map(|(packet_count, byte_count)| BucketCounter { packet_count, byte_count });
    (any::<(u32, u32, u64, u64, u32, u32)>(), vec(bucket, 0..4)).prop_map(
        |((group, ref_count, packet_count, byte_count, sec, nsec), buckets)| GroupStats {
            group_id: GroupId(group),
            ref_count,
            packet_count,
            byte_count,
            duration_sec: sec,
            duration_nsec: nsec,
            buckets,
        },
    )
}

fn group_desc() -> impl Strategy<Value = GroupDesc> {
    let bucket =
        (any::<(u16, u32, u32)>(), shown_actions()).prop_map(|((weight, port, group), actions)| {
            Bucket { weight, watch_port: PortNo(port), watch_group: GroupId(group), actions }
        });
    (group_type(), any::<u32>(), vec(bucket, 0..4)).prop_map(|(group_type, group, buckets)| {
        GroupDesc { group_type, group_id: GroupId(group), buckets }
    })
}

fn group_features() -> impl Strategy<Value = GroupFeatures> {
    any::<(u32, u32, [u32; 4], [u32; 4])>().prop_map(
        |(types, capabilities, max_groups, actions)| GroupFeatures {
            types,
            capabilities: GroupCapabilities::from_bits_retain(capabilities),
            max_groups,
            actions,
        },
    )
}

fn meter_stats() -> impl Strategy<Value = MeterStats> {
    let band = any::<(u64, u64)>().prop_map(|(packet_band_count, byte_band_count)| BandStats {
        packet_band_count,
        byte_band_count,
    });
    (any::<(u32, u32, u64, u64, u32, u32)>(), vec(band, 0..4)).prop_map(
        |((meter, flow_count, packet_in_count, byte_in_count, sec, nsec), bands)| MeterStats {
            meter_id: MeterId(meter),
            flow_count,
            packet_in_count,
            byte_in_count,
            duration_sec: sec,
            duration_nsec: nsec,
            bands,
        },
    )
}

fn meter_config() -> impl Strategy<Value = MeterConfig> {
    let experimenter = (any::<(u32, u32, u32)>(), eights(2)).prop_map(
        |((rate, burst_size, experimenter), data)| Band::Experimenter {
            rate,
            burst_size,
            experimenter,
            data,
        },
    );
    (any::<(u16, u32)>(), bands(), proptest::option::of(experimenter)).prop_map(
        |((flags, meter), mut bands, experimenter)| {
            bands.extend(experimenter);
            let flags = MeterFlags::from_bits_retain(flags);
            MeterConfig { flags, meter_id: MeterId(meter), bands }
        },
    )
}

/// What a table can do.
pub(crate) fn table_features() -> impl Strategy<Value = TableFeatures> {
    (any::<(u8, u64, u64, u32, u32)>(), text(31), vec(property(), 0..8)).prop_map(
        |((table, metadata_match, metadata_write, config, max_entries), name, properties)| {
            TableFeatures {
                table_id: TableId(table),
                name,
                metadata_match,
                metadata_write,
                config,
                max_entries,
                properties,
            }
        },
    )
}

fn property() -> impl Strategy<Value = TableFeatureProperty> {
    type Property = TableFeatureProperty;
    let instructions = || {
        vec(
            prop_oneof![
                (0..0xffff_u16).prop_map(InstructionId::Standard),
                any::<u32>().prop_map(InstructionId::Experimenter)
            ],
            0..5,
        )
    };
    let actions = || {
        vec(
            prop_oneof![
                (0..0xffff_u16).prop_map(ActionId::Standard),
                any::<u32>().prop_map(ActionId::Experimenter)
            ],
            0..5,
        )
    };
    let oxms = || {
        vec(
            prop_oneof![
                (0..0xffff_0000_u32).prop_map(OxmId::Header),
                (0xffff_0000_u32.., any::<u32>()).prop_map(|(header, experimenter)| {
                    OxmId::Experimenter { header, experimenter }
                })
            ],
            0..5,
        )
    };
    let tables = || vec(any::<u8>().prop_map(TableId), 0..20);
    prop_oneof![
        instructions().prop_map(Property::Instructions),
        instructions().prop_map(Property::InstructionsMiss),
        tables().prop_map(Property::NextTables),
        tables().prop_map(Property::NextTablesMiss),
        actions().prop_map(Property::WriteActions),
        actions().prop_map(Property::WriteActionsMiss),
        actions().prop_map(Property::ApplyActions),
        actions().prop_map(Property::ApplyActionsMiss),
        oxms().prop_map(Property::Match),
        oxms().prop_map(Property::Wildcards),
        oxms().prop_map(Property::WriteSetfield),
        oxms().prop_map(Property::WriteSetfieldMiss),
        oxms().prop_map(Property::ApplySetfield),
        oxms().prop_map(Property::ApplySetfieldMiss),
        (any::<(bool, u32, u32)>(), bytes(12)).prop_map(
            |((miss, experimenter, exp_type), data)| Property::Experimenter {
                miss,
                experimenter,
                exp_type,
                data,
            }
        ),
    ]
}
