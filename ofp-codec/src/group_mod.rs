//! Groups (§5.6.1) and their modification (§7.3.4.2).

use alloc::vec::Vec;
use core::fmt;

use crate::memory::{NoMemory, TryClone};
use crate::wire::{self, EncodeError, Reader, Rules, Writer};
use crate::{Action, BadActionCode, DecodeError, GroupModFailedCode, OfpError, PortNo};

/// A group's number.
#[doc(alias = "ofp_group")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u32);

impl GroupId {
    /// The last number that a group may have.
    #[doc(alias = "OFPG_MAX")]
    pub const MAX: GroupId = GroupId(0xffff_ff00);
    /// All groups; in deletions and requests only.
    #[doc(alias = "OFPG_ALL")]
    pub const ALL: GroupId = GroupId(0xffff_fffc);
    /// No group in particular; in filters, and for a bucket that watches none.
    #[doc(alias = "OFPG_ANY")]
    pub const ANY: GroupId = GroupId(0xffff_ffff);
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            GroupId::ALL => f.pad("ALL"),
            GroupId::ANY => f.pad("ANY"),
            GroupId(number) => fmt::Display::fmt(&number, f),
        }
    }
}

/// What a group-mod does.
#[doc(alias = "ofp_group_mod_command")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum GroupModCommand {
    /// Add a group.
    #[doc(alias = "OFPGC_ADD")]
    Add = 0,
    /// Replace a group's type and buckets.
    #[doc(alias = "OFPGC_MODIFY")]
    Modify = 1,
    /// Delete a group, or all.
    #[doc(alias = "OFPGC_DELETE")]
    Delete = 2,
}

/// What a group does with a packet.
#[doc(alias = "ofp_group_type")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum GroupType {
    /// Every bucket gets a copy.
    #[doc(alias = "OFPGT_ALL")]
    All = 0,
    /// One bucket, chosen by weight.
    #[doc(alias = "OFPGT_SELECT")]
    Select = 1,
    /// The only bucket.
    #[doc(alias = "OFPGT_INDIRECT")]
    Indirect = 2,
    /// The first live bucket.
    #[doc(alias = "OFPGT_FF")]
    FastFailover = 3,
}

/// One bucket: an action set, and what it watches.
#[doc(alias = "ofp_bucket")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its share in a select group.
    pub weight: u16,
    /// The port whose liveness is the bucket's; [`PortNo::ANY`] for none.
    pub watch_port: PortNo,
    /// The group whose liveness is the bucket's; [`GroupId::ANY`] for none.
    pub watch_group: GroupId,
    /// Its action set.
    pub actions: Vec<Action>,
}

impl TryClone for Bucket {
    fn try_clone(&self) -> Result<Bucket, NoMemory> {
        let &Bucket { weight, watch_port, watch_group, ref actions } = self;
        Ok(Bucket { weight, watch_port, watch_group, actions: actions.try_clone()? })
    }
}

impl Bucket {
    /// A bucket that watches nothing and has no weight.
    pub const fn new(actions: Vec<Action>) -> Bucket {
        Bucket { weight: 0, watch_port: PortNo::ANY, watch_group: GroupId::ANY, actions }
    }
}

/// Adds, modifies or deletes a group.
#[doc(alias = "OFPT_GROUP_MOD")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMod {
    /// What to do.
    pub command: GroupModCommand,
    /// The group's type.
    pub group_type: GroupType,
    /// The group.
    pub group_id: GroupId,
    /// Its buckets.
    pub buckets: Vec<Bucket>,
}

/// Bytes of a bucket before its actions.
const BUCKET_LEN: usize = 16;

/// The error of a bucket whose lengths do not add up.
const BAD_BUCKET: OfpError = OfpError::GroupModFailed(GroupModFailedCode::BadBucket);

impl GroupModCommand {
    /// The command with this number.
    pub const fn from_number(number: u16) -> Option<GroupModCommand> {
        Some(match number {
            0 => GroupModCommand::Add,
            1 => GroupModCommand::Modify,
            2 => GroupModCommand::Delete,
            _ => return None,
        })
    }
}

impl GroupType {
    /// The type with this number.
    pub const fn from_number(number: u8) -> Option<GroupType> {
        Some(match number {
            0 => GroupType::All,
            1 => GroupType::Select,
            2 => GroupType::Indirect,
            3 => GroupType::FastFailover,
            _ => return None,
        })
    }
}

impl Bucket {
    /// Decodes buckets that fill `bytes`.
    ///
    /// # Errors
    /// BAD_BUCKET or BAD_ACTION, as [`Message::decode`](crate::Message::decode) finds it.
    pub fn decode_list(bytes: &[u8], rules: Rules) -> Result<Vec<Bucket>, DecodeError> {
        Bucket::read_list(&mut Reader::new(bytes, 0, "bucket", BAD_BUCKET), rules)
    }

    /// Appends buckets.
    ///
    /// # Errors
    /// [`EncodeError`]; then nothing is appended.
    ///
    /// ```
    /// use rumpswitch_ofp_codec::{Action, Bucket, PortNo, Rules};
    /// let buckets = [Bucket::new(vec![Action::output(PortNo(1))])];
    /// let mut bytes = Vec::new();
    /// Bucket::encode_list(&buckets, &mut bytes).unwrap();
    /// assert_eq!(bytes.len(), 32);
    /// assert_eq!(Bucket::decode_list(&bytes, Rules::Request).unwrap(), buckets);
    /// ```
    pub fn encode_list(buckets: &[Bucket], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        wire::append(out, |writer| Bucket::write_list(buckets, writer))
    }

    /// Reads buckets to the reader's end.
    pub(crate) fn read_list(
        reader: &mut Reader<'_>,
        rules: Rules,
    ) -> Result<Vec<Bucket>, DecodeError> {
        let mut buckets = Vec::new();
        while !reader.is_empty() {
            let bucket = Bucket::read(reader, rules)?;
            reader.push(&mut buckets, bucket)?;
        }
        Ok(buckets)
    }

    /// Writes buckets.
    pub(crate) fn write_list(
        buckets: &[Bucket],
        writer: &mut Writer<'_>,
    ) -> Result<(), EncodeError> {
        buckets.iter().try_for_each(|bucket| bucket.write(writer))
    }

    fn read(reader: &mut Reader<'_>, rules: Rules) -> Result<Bucket, DecodeError> {
        let bad = DecodeError { error: BAD_BUCKET, what: "bucket", offset: reader.offset() };
        let Ok((len, weight)) = reader.peek_pair() else { return Err(bad) };
        let len = usize::from(len);
        if len < BUCKET_LEN || len % 8 != 0 {
            return Err(bad);
        }
        let mut body = reader.sub(len, "bucket", BAD_BUCKET)?;
        body.skip(4)?;
        let watch_port = PortNo(body.u32()?);
        let watch_group = GroupId(body.u32()?);
        body.skip(4)?;
        let bad_len = OfpError::BadAction(BadActionCode::BadLen);
        let mut list = body.sub(body.remaining(), "action", bad_len)?;
        let actions = Action::read_list(&mut list, rules)?;
        Ok(Bucket { weight, watch_port, watch_group, actions })
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let start = writer.position();
        writer.u16(0);
        writer.u16(self.weight);
        writer.u32(self.watch_port.0);
        writer.u32(self.watch_group.0);
        writer.zeros(4);
        Action::write_list(&self.actions, writer)?;
        writer.set_len(start, 0)
    }

    /// Whether the bucket watches a port or a group.
    pub fn watches(&self) -> bool {
        self.watch_port != PortNo::ANY || self.watch_group != GroupId::ANY
    }

    /// Checks what a group of this type asks of each bucket.
    fn check(&self, group_type: GroupType) -> Result<(), GroupModFailedCode> {
        let watched_port = self.watch_port;
        let port_possible = watched_port.is_ordinary()
            || watched_port == PortNo::LOCAL
            || watched_port == PortNo::ANY;
        let group_possible = self.watch_group <= GroupId::MAX || self.watch_group == GroupId::ANY;
        if !port_possible || !group_possible {
            return Err(GroupModFailedCode::BadWatch);
        }
        if self.weight != 0 && group_type != GroupType::Select {
            return Err(GroupModFailedCode::InvalidGroup);
        }
        match group_type {
            GroupType::FastFailover if !self.watches() => Err(GroupModFailedCode::InvalidGroup),
            GroupType::All | GroupType::Indirect if self.watches() => {
                Err(GroupModFailedCode::WatchUnsupported)
            }
            _ => Ok(()),
        }
    }
}

impl GroupMod {
    /// Checks what can be judged without a switch (§7.3.4.2).
    ///
    /// # Errors
    /// GROUP_MOD_FAILED: INVALID_GROUP, BAD_WATCH or WATCH_UNSUPPORTED.
    pub fn check(&self) -> Result<(), OfpError> {
        self.check_buckets().map_err(OfpError::GroupModFailed)
    }

    fn check_buckets(&self) -> Result<(), GroupModFailedCode> {
        let invalid = Err(GroupModFailedCode::InvalidGroup);
        if self.command == GroupModCommand::Delete {
            return if self.buckets.is_empty() { Ok(()) } else { invalid };
        }
        if self.group_id > GroupId::MAX {
            return invalid;
        }
        if self.group_type == GroupType::Indirect && self.buckets.len() != 1 {
            return invalid;
        }
        self.buckets.iter().try_for_each(|bucket| bucket.check(self.group_type))?;
        let weightless = self.buckets.iter().all(|bucket| bucket.weight == 0);
        if self.group_type == GroupType::Select && weightless && !self.buckets.is_empty() {
            return invalid;
        }
        Ok(())
    }

    /// Reads a group-mod's body.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<GroupMod, DecodeError> {
        let at = reader.offset();
        let bad = |code| DecodeError {
            error: OfpError::GroupModFailed(code),
            what: "group-mod",
            offset: at,
        };
        let command = reader.u16()?;
        let group_type = reader.u8()?;
        reader.skip(1)?;
        let group_id = GroupId(reader.u32()?);
        let command =
            GroupModCommand::from_number(command).ok_or(bad(GroupModFailedCode::BadCommand))?;
        let group_type =
            GroupType::from_number(group_type).ok_or(bad(GroupModFailedCode::BadType))?;
        // Any id can be deleted, and no bucket with it.
        let is_possible = match command {
            GroupModCommand::Delete => reader.is_empty(),
            _ => group_id <= GroupId::MAX,
        };
        if !is_possible {
            return Err(bad(GroupModFailedCode::InvalidGroup));
        }
        let buckets = Bucket::read_list(reader, Rules::Request)?;
        let group_mod = GroupMod { command, group_type, group_id, buckets };
        group_mod.check_buckets().map_err(bad)?;
        Ok(group_mod)
    }

    /// Writes a group-mod's body.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.u16(self.command as u16);
        writer.u8(self.group_type as u8);
        writer.zeros(1);
        writer.u32(self.group_id.0);
        Bucket::write_list(&self.buckets, writer)
    }
}
