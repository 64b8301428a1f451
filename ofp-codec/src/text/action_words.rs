//! The words of the action syntax, as data: what each stands for, and which belong to Open vSwitch
//! alone.

/// An action or instruction by the name it is written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ActionWord {
    Output,
    Controller,
    Enqueue,
    Drop,
    Group,
    SetField,
    PushVlan,
    PopVlan,
    PushMpls,
    PopMpls,
    PushPbb,
    PopPbb,
    CopyTtlOut,
    CopyTtlIn,
    SetNwTtl,
    DecNwTtl,
    SetMplsTtl,
    DecMplsTtl,
    SetQueue,
    /// The old ones that become set-fields.
    Mod(ModWord),
    ApplyActions,
    WriteActions,
    ClearActions,
    WriteMetadata,
    Meter,
    GotoTable,
}

/// The actions of OpenFlow 1.0 and 1.1 that OpenFlow 1.3 writes as set-field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ModWord {
    /// `mod_vlan_vid`: pushes a tag first if there is none.
    VlanVid,
    VlanPcp,
    DlSrc,
    DlDst,
    NwSrc,
    NwDst,
    NwTos,
    NwEcn,
    TpSrc,
    TpDst,
    MplsLabel,
    MplsTc,
    Tunnel,
    /// `set_vlan_vid`: only on what has a tag.
    SetVlanVid,
    SetVlanPcp,
}

const WORDS: &[(&str, ActionWord)] = {
    use ActionWord as A;
    use ModWord as M;
    &[
        ("output", A::Output),
        ("controller", A::Controller),
        ("enqueue", A::Enqueue),
        ("drop", A::Drop),
        ("group", A::Group),
        ("set_field", A::SetField),
        ("push_vlan", A::PushVlan),
        ("pop_vlan", A::PopVlan),
        ("strip_vlan", A::PopVlan),
        ("push_mpls", A::PushMpls),
        ("pop_mpls", A::PopMpls),
        ("push_pbb", A::PushPbb),
        ("pop_pbb", A::PopPbb),
        ("copy_ttl_out", A::CopyTtlOut),
        ("copy_ttl_in", A::CopyTtlIn),
        ("mod_nw_ttl", A::SetNwTtl),
        ("set_nw_ttl", A::SetNwTtl),
        ("dec_ttl", A::DecNwTtl),
        ("dec_nw_ttl", A::DecNwTtl),
        ("set_mpls_ttl", A::SetMplsTtl),
        ("dec_mpls_ttl", A::DecMplsTtl),
        ("set_queue", A::SetQueue),
        ("mod_vlan_vid", A::Mod(M::VlanVid)),
        ("mod_vlan_pcp", A::Mod(M::VlanPcp)),
        ("set_vlan_vid", A::Mod(M::SetVlanVid)),
        ("set_vlan_pcp", A::Mod(M::SetVlanPcp)),
        ("mod_dl_src", A::Mod(M::DlSrc)),
        ("mod_dl_dst", A::Mod(M::DlDst)),
        ("mod_nw_src", A::Mod(M::NwSrc)),
        ("mod_nw_dst", A::Mod(M::NwDst)),
        ("mod_nw_tos", A::Mod(M::NwTos)),
        ("mod_nw_ecn", A::Mod(M::NwEcn)),
        ("mod_tp_src", A::Mod(M::TpSrc)),
        ("mod_tp_dst", A::Mod(M::TpDst)),
        ("set_mpls_label", A::Mod(M::MplsLabel)),
        ("set_mpls_tc", A::Mod(M::MplsTc)),
        ("set_tunnel", A::Mod(M::Tunnel)),
        ("set_tunnel64", A::Mod(M::Tunnel)),
        ("apply_actions", A::ApplyActions),
        ("write_actions", A::WriteActions),
        ("clear_actions", A::ClearActions),
        ("write_metadata", A::WriteMetadata),
        ("meter", A::Meter),
        ("goto_table", A::GotoTable),
    ]
};

/// Actions that only Open vSwitch has.
const FOREIGN: &[&str] = &[
    "bundle",
    "bundle_load",
    "check_pkt_larger",
    "clone",
    "conjunction",
    "ct",
    "ct_clear",
    "debug_recirc",
    "debug_slow",
    "decap",
    "dec_nsh_ttl",
    "delete_field",
    "encap",
    "exit",
    "fin_timeout",
    "learn",
    "load",
    "move",
    "multipath",
    "nat",
    "note",
    "output_trunc",
    "pop",
    "pop_queue",
    "push",
    "resubmit",
    "sample",
    "unroll_xlate",
];

/// The action or instruction of a name, in any case.
pub(super) fn find(name: &str) -> Option<ActionWord> {
    WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, word)| *word)
}

/// Whether a name is an action of Open vSwitch that OpenFlow 1.3 lacks.
pub(super) fn is_foreign(name: &str) -> bool {
    FOREIGN.iter().any(|known| known.eq_ignore_ascii_case(name))
}
