//! TABLE_FEATURES (§7.3.5.5): what tables can do, both ways.

use alloc::string::String;
use alloc::vec::Vec;

use super::reply::Entry;
use crate::oxm::OXM_CLASS_EXPERIMENTER;
use crate::wire::{EncodeError, Reader, Writer};
use crate::{DecodeError, OfpError, TableFeaturesFailedCode, TableId};

/// Names an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstructionId {
    /// One of the standard's, by number.
    Standard(u16),
    /// An extension's, by who defines it.
    Experimenter(u32),
}

/// Names an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionId {
    /// One of the standard's, by number.
    Standard(u16),
    /// An extension's, by who defines it.
    Experimenter(u32),
}

/// Names a match field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OxmId {
    /// The 32-bit OXM header; its mask bit says that masks may be used.
    Header(u32),
    /// An extension's header, and who defines it.
    Experimenter {
        /// The 32-bit OXM header.
        header: u32,
        /// Who defines it.
        experimenter: u32,
    },
}

/// One property of a table.
#[doc(alias = "ofp_table_feature_prop_header")]
#[doc(alias = "ofp_table_feature_prop_type")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableFeatureProperty {
    /// Instructions of flow entries.
    Instructions(Vec<InstructionId>),
    /// Instructions of the table-miss flow entry.
    InstructionsMiss(Vec<InstructionId>),
    /// Tables that may follow.
    NextTables(Vec<TableId>),
    /// Tables that may follow the table-miss flow entry.
    NextTablesMiss(Vec<TableId>),
    /// Actions of Write-Actions.
    WriteActions(Vec<ActionId>),
    /// The same, of the table-miss flow entry.
    WriteActionsMiss(Vec<ActionId>),
    /// Actions of Apply-Actions.
    ApplyActions(Vec<ActionId>),
    /// The same, of the table-miss flow entry.
    ApplyActionsMiss(Vec<ActionId>),
    /// Fields that can be matched.
    Match(Vec<OxmId>),
    /// Fields that may be left out.
    Wildcards(Vec<OxmId>),
    /// Fields that Write-Actions can set.
    WriteSetfield(Vec<OxmId>),
    /// The same, of the table-miss flow entry.
    WriteSetfieldMiss(Vec<OxmId>),
    /// Fields that Apply-Actions can set.
    ApplySetfield(Vec<OxmId>),
    /// The same, of the table-miss flow entry.
    ApplySetfieldMiss(Vec<OxmId>),
    /// An extension's property.
    Experimenter {
        /// Whether it is of the table-miss flow entry.
        miss: bool,
        /// Who defines it.
        experimenter: u32,
        /// Its type there.
        exp_type: u32,
        /// What follows.
        data: Vec<u8>,
    },
}

/// What a table can do.
#[doc(alias = "ofp_table_features")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFeatures {
    /// The table.
    pub table_id: TableId,
    /// Its name, at most 31 bytes.
    pub name: String,
    /// Metadata bits that can be matched.
    pub metadata_match: u64,
    /// Metadata bits that can be written.
    pub metadata_write: u64,
    /// Its configuration; no bit is defined.
    pub config: u32,
    /// How many entries it may hold.
    pub max_entries: u32,
    /// Its properties, in order.
    pub properties: Vec<TableFeatureProperty>,
}

/// Bytes of [`TableFeatures`] before its properties.
const TABLE_FEATURES_LEN: usize = 64;
/// Bytes of a table's name with its NUL.
#[doc(alias = "OFP_MAX_TABLE_NAME_LEN")]
const NAME_LEN: usize = 32;
/// Bytes of a property's header.
const PROPERTY_HEADER_LEN: usize = 4;
/// The type number of experimenters' instructions and actions.
const EXPERIMENTER: u16 = 0xffff;

/// The error of table features whose lengths do not add up.
const BAD_LEN: OfpError = OfpError::TableFeaturesFailed(TableFeaturesFailedCode::BadLen);

/// Reads everything up to the reader's end with `read`.
fn all<'a, T>(
    reader: &mut Reader<'a>,
    read: impl Fn(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let mut items = Vec::new();
    while !reader.is_empty() {
        let item = read(reader)?;
        reader.push(&mut items, item)?;
    }
    Ok(items)
}

/// Reads the id of an instruction or action: a type and a length, and who defines it when it is an
/// experimenter's.
fn read_id(reader: &mut Reader<'_>) -> Result<(u16, Option<u32>), DecodeError> {
    let at = reader.offset();
    let (number, len) = (reader.u16()?, reader.u16()?);
    match (number, len) {
        (EXPERIMENTER, 8) => Ok((number, Some(reader.u32()?))),
        (EXPERIMENTER, _) => Err(reader.error_at(at, BAD_LEN)),
        (number, 4) => Ok((number, None)),
        _ => Err(reader.error_at(at, BAD_LEN)),
    }
}

fn write_id(number: u16, experimenter: Option<u32>, writer: &mut Writer<'_>) {
    writer.u16(number);
    writer.u16(if experimenter.is_some() { 8 } else { 4 });
    if let Some(experimenter) = experimenter {
        writer.u32(experimenter);
    }
}

impl InstructionId {
    fn read(reader: &mut Reader<'_>) -> Result<InstructionId, DecodeError> {
        let (number, experimenter) = read_id(reader)?;
        Ok(experimenter.map_or(InstructionId::Standard(number), InstructionId::Experimenter))
    }

    fn write(self, writer: &mut Writer<'_>) {
        match self {
            InstructionId::Standard(number) => write_id(number, None, writer),
            InstructionId::Experimenter(who) => write_id(EXPERIMENTER, Some(who), writer),
        }
    }
}

impl ActionId {
    fn read(reader: &mut Reader<'_>) -> Result<ActionId, DecodeError> {
        let (number, experimenter) = read_id(reader)?;
        Ok(experimenter.map_or(ActionId::Standard(number), ActionId::Experimenter))
    }

    fn write(self, writer: &mut Writer<'_>) {
        match self {
            ActionId::Standard(number) => write_id(number, None, writer),
            ActionId::Experimenter(who) => write_id(EXPERIMENTER, Some(who), writer),
        }
    }
}

impl OxmId {
    fn read(reader: &mut Reader<'_>) -> Result<OxmId, DecodeError> {
        let header = reader.u32()?;
        if header >> 16 == u32::from(OXM_CLASS_EXPERIMENTER) {
            return Ok(OxmId::Experimenter { header, experimenter: reader.u32()? });
        }
        Ok(OxmId::Header(header))
    }

    fn write(self, writer: &mut Writer<'_>) {
        match self {
            OxmId::Header(header) => writer.u32(header),
            OxmId::Experimenter { header, experimenter } => {
                writer.u32(header);
                writer.u32(experimenter);
            }
        }
    }
}

impl TableFeatureProperty {
    /// The property type's number.
    pub const fn number(&self) -> u16 {
        match self {
            TableFeatureProperty::Instructions(_) => 0,
            TableFeatureProperty::InstructionsMiss(_) => 1,
            TableFeatureProperty::NextTables(_) => 2,
            TableFeatureProperty::NextTablesMiss(_) => 3,
            TableFeatureProperty::WriteActions(_) => 4,
            TableFeatureProperty::WriteActionsMiss(_) => 5,
            TableFeatureProperty::ApplyActions(_) => 6,
            TableFeatureProperty::ApplyActionsMiss(_) => 7,
            TableFeatureProperty::Match(_) => 8,
            TableFeatureProperty::Wildcards(_) => 10,
            TableFeatureProperty::WriteSetfield(_) => 12,
            TableFeatureProperty::WriteSetfieldMiss(_) => 13,
            TableFeatureProperty::ApplySetfield(_) => 14,
            TableFeatureProperty::ApplySetfieldMiss(_) => 15,
            TableFeatureProperty::Experimenter { miss: false, .. } => 0xfffe,
            TableFeatureProperty::Experimenter { miss: true, .. } => 0xffff,
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<TableFeatureProperty, DecodeError> {
        let (number, len) = reader.peek_pair()?;
        let at = reader.offset();
        let len = usize::from(len);
        if len < PROPERTY_HEADER_LEN {
            return Err(reader.short());
        }
        let mut body = reader.sub(len, "table feature property", BAD_LEN)?;
        reader.skip_padding(len)?;
        body.skip(PROPERTY_HEADER_LEN)?;
        let body = &mut body;
        let tables = |body: &mut Reader<'_>| Ok(TableId(body.u8()?));
        Ok(match number {
            0 => TableFeatureProperty::Instructions(all(body, InstructionId::read)?),
            1 => TableFeatureProperty::InstructionsMiss(all(body, InstructionId::read)?),
            2 => TableFeatureProperty::NextTables(all(body, tables)?),
            3 => TableFeatureProperty::NextTablesMiss(all(body, tables)?),
            4 => TableFeatureProperty::WriteActions(all(body, ActionId::read)?),
            5 => TableFeatureProperty::WriteActionsMiss(all(body, ActionId::read)?),
            6 => TableFeatureProperty::ApplyActions(all(body, ActionId::read)?),
            7 => TableFeatureProperty::ApplyActionsMiss(all(body, ActionId::read)?),
            8 => TableFeatureProperty::Match(all(body, OxmId::read)?),
            10 => TableFeatureProperty::Wildcards(all(body, OxmId::read)?),
            12 => TableFeatureProperty::WriteSetfield(all(body, OxmId::read)?),
            13 => TableFeatureProperty::WriteSetfieldMiss(all(body, OxmId::read)?),
            14 => TableFeatureProperty::ApplySetfield(all(body, OxmId::read)?),
            15 => TableFeatureProperty::ApplySetfieldMiss(all(body, OxmId::read)?),
            0xfffe | 0xffff => TableFeatureProperty::Experimenter {
                miss: number == 0xffff,
                experimenter: body.u32()?,
                exp_type: body.u32()?,
                data: body.rest_to_vec()?,
            },
            _ => {
                let code = TableFeaturesFailedCode::BadType;
                return Err(body.error_at(at, OfpError::TableFeaturesFailed(code)));
            }
        })
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let start = writer.position();
        writer.u16(self.number());
        writer.u16(0);
        match self {
            TableFeatureProperty::Instructions(ids)
            | TableFeatureProperty::InstructionsMiss(ids) => {
                ids.iter().for_each(|id| id.write(writer));
            }
            TableFeatureProperty::NextTables(tables)
            | TableFeatureProperty::NextTablesMiss(tables) => {
                tables.iter().for_each(|table| writer.u8(table.0));
            }
            TableFeatureProperty::WriteActions(ids)
            | TableFeatureProperty::WriteActionsMiss(ids)
            | TableFeatureProperty::ApplyActions(ids)
            | TableFeatureProperty::ApplyActionsMiss(ids) => {
                ids.iter().for_each(|id| id.write(writer));
            }
            TableFeatureProperty::Match(ids)
            | TableFeatureProperty::Wildcards(ids)
            | TableFeatureProperty::WriteSetfield(ids)
            | TableFeatureProperty::WriteSetfieldMiss(ids)
            | TableFeatureProperty::ApplySetfield(ids)
            | TableFeatureProperty::ApplySetfieldMiss(ids) => {
                ids.iter().for_each(|id| id.write(writer));
            }
            TableFeatureProperty::Experimenter { experimenter, exp_type, data, .. } => {
                writer.u32(*experimenter);
                writer.u32(*exp_type);
                writer.bytes(data);
            }
        }
        writer.set_len(start, 2)?;
        writer.pad(start);
        Ok(())
    }
}

impl TableFeatures {
    /// Reads an entry.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<TableFeatures, DecodeError> {
        let bad_len = reader.error(BAD_LEN);
        let len = reader.peek_pair().map_or(0, |(len, _)| usize::from(len));
        if len < TABLE_FEATURES_LEN || len % 8 != 0 {
            return Err(bad_len);
        }
        let mut body = reader.sub(len, "table features", BAD_LEN)?;
        body.skip(2)?;
        let table_id = TableId(body.u8()?);
        body.skip(5)?;
        let name = body.text(NAME_LEN)?;
        let (metadata_match, metadata_write) = (body.u64()?, body.u64()?);
        let (config, max_entries) = (body.u32()?, body.u32()?);
        let properties = all(&mut body, TableFeatureProperty::read)?;
        Ok(TableFeatures {
            table_id,
            name,
            metadata_match,
            metadata_write,
            config,
            max_entries,
            properties,
        })
    }
}

impl Entry for TableFeatures {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let start = writer.position();
        writer.u16(0);
        writer.u8(self.table_id.0);
        writer.zeros(5);
        writer.text(&self.name, NAME_LEN);
        writer.u64(self.metadata_match);
        writer.u64(self.metadata_write);
        writer.u32(self.config);
        writer.u32(self.max_entries);
        self.properties.iter().try_for_each(|property| property.write(writer))?;
        writer.set_len(start, 0)
    }
}
