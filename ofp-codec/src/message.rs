//! A message of either side.

use alloc::vec::Vec;

use crate::multipart::{ONF_FLOW_MONITOR, ONF_FLOW_MONITOR_PAUSED, ONF_FLOW_MONITOR_RESUMED};
use crate::wire::{self, BAD_LEN, EncodeError, Reader, Rules, Writer};
use crate::{
    AsyncConfig, BadRequestCode, BundleAdd, BundleControl, Config, DecodeError, FlowMod,
    FlowRemoved, GroupMod, HEADER_LEN, Header, Hello, MessageType, MeterMod, MultipartReply,
    MultipartRequest, ONF_BUNDLE_ADD, ONF_BUNDLE_CONTROL, ONF_EXPERIMENTER, OfpError, PacketIn,
    PacketOut, PortMod, PortNo, PortStatus, QueueConfig, RoleMessage, SwitchFeatures, TableMod,
    VERSION,
};

/// The error type's number of an experimenter's error.
const EXPERIMENTER_ERROR: u16 = 0xffff;

/// What a receiver could not do (§7.4.4).
#[doc(alias = "OFPT_ERROR")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorMessage {
    /// The error type's number; 0xffff for an experimenter's.
    pub error_type: u16,
    /// The code's number; an experimenter's own type.
    pub code: u16,
    /// The experimenter, with error type 0xffff.
    pub experimenter: Option<u32>,
    /// At least the first 64 bytes of the request, or text for HELLO_FAILED.
    pub data: Vec<u8>,
}

/// A message.
#[doc(alias = "ofp_header")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Which versions are spoken.
    Hello(Hello),
    /// What could not be done.
    Error(ErrorMessage),
    /// Are you there?
    EchoRequest(Vec<u8>),
    /// I am.
    EchoReply(Vec<u8>),
    /// An extension's message that this codec does not know.
    Experimenter {
        /// Who defines it.
        experimenter: u32,
        /// Its type there.
        exp_type: u32,
        /// What follows.
        data: Vec<u8>,
    },
    /// Opens, closes, commits or discards a bundle.
    BundleControl(BundleControl),
    /// Adds to a bundle.
    BundleAdd(BundleAdd),
    /// Ends the channel's flow monitor of this id.
    #[doc(alias = "ONFT_FLOW_MONITOR_CANCEL")]
    FlowMonitorCancel(u32),
    /// What comes and changes is not told for a while.
    #[doc(alias = "ONFT_FLOW_MONITOR_PAUSED")]
    FlowMonitorPaused,
    /// It has been told by now, and is told again.
    #[doc(alias = "ONFT_FLOW_MONITOR_RESUMED")]
    FlowMonitorResumed,
    /// What are you?
    FeaturesRequest,
    /// This.
    FeaturesReply(SwitchFeatures),
    /// How are you configured?
    GetConfigRequest,
    /// So.
    GetConfigReply(Config),
    /// Be configured so.
    SetConfig(Config),
    /// A packet for the controller.
    PacketIn(PacketIn),
    /// A flow entry is gone.
    FlowRemoved(FlowRemoved),
    /// A port came, went or changed.
    PortStatus(PortStatus),
    /// A packet from the controller.
    PacketOut(PacketOut),
    /// Changes flow entries.
    FlowMod(FlowMod),
    /// Changes groups.
    GroupMod(GroupMod),
    /// Changes a port.
    PortMod(PortMod),
    /// Changes a table.
    TableMod(TableMod),
    /// Asks for descriptions or statistics.
    MultipartRequest(MultipartRequest),
    /// Gives them.
    MultipartReply(MultipartReply),
    /// Answer when everything before is done.
    BarrierRequest,
    /// It is done.
    BarrierReply,
    /// Which queues has this port?
    QueueGetConfigRequest(PortNo),
    /// These.
    QueueGetConfigReply(QueueConfig),
    /// Asks for a role.
    RoleRequest(RoleMessage),
    /// Tells the role.
    RoleReply(RoleMessage),
    /// Which asynchronous messages do I get?
    GetAsyncRequest,
    /// These.
    GetAsyncReply(AsyncConfig),
    /// Send me these.
    SetAsync(AsyncConfig),
    /// Changes meters.
    MeterMod(MeterMod),
}

impl ErrorMessage {
    /// The error that answers a request, whose first bytes go into it as the standard asks.
    pub fn new(error: OfpError, data: Vec<u8>) -> ErrorMessage {
        let experimenter = match error {
            OfpError::Experimenter { experimenter, .. } => Some(experimenter),
            _ => None,
        };
        ErrorMessage { error_type: error.error_type(), code: error.code(), experimenter, data }
    }

    /// The error, where it is one of the standard's or an experimenter's.
    pub fn error(&self) -> Option<OfpError> {
        match self.experimenter {
            Some(experimenter) => {
                Some(OfpError::Experimenter { experimenter, exp_type: self.code })
            }
            None => OfpError::from_numbers(self.error_type, self.code),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<ErrorMessage, DecodeError> {
        let (error_type, code) = (reader.u16()?, reader.u16()?);
        let experimenter =
            if error_type == EXPERIMENTER_ERROR { Some(reader.u32()?) } else { None };
        let data = reader.rest_to_vec()?;
        Ok(ErrorMessage { error_type, code, experimenter, data })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.u16(self.error_type);
        writer.u16(self.code);
        if self.error_type == EXPERIMENTER_ERROR {
            writer.u32(self.experimenter.unwrap_or(0));
        }
        writer.bytes(&self.data);
    }
}

impl Message {
    /// The message's type.
    pub const fn message_type(&self) -> MessageType {
        match self {
            Message::Hello(_) => MessageType::Hello,
            Message::Error(_) => MessageType::Error,
            Message::EchoRequest(_) => MessageType::EchoRequest,
            Message::EchoReply(_) => MessageType::EchoReply,
            Message::Experimenter { .. }
            | Message::BundleControl(_)
            | Message::BundleAdd(_)
            | Message::FlowMonitorCancel(_)
            | Message::FlowMonitorPaused
            | Message::FlowMonitorResumed => MessageType::Experimenter,
            Message::FeaturesRequest => MessageType::FeaturesRequest,
            Message::FeaturesReply(_) => MessageType::FeaturesReply,
            Message::GetConfigRequest => MessageType::GetConfigRequest,
            Message::GetConfigReply(_) => MessageType::GetConfigReply,
            Message::SetConfig(_) => MessageType::SetConfig,
            Message::PacketIn(_) => MessageType::PacketIn,
            Message::FlowRemoved(_) => MessageType::FlowRemoved,
            Message::PortStatus(_) => MessageType::PortStatus,
            Message::PacketOut(_) => MessageType::PacketOut,
            Message::FlowMod(_) => MessageType::FlowMod,
            Message::GroupMod(_) => MessageType::GroupMod,
            Message::PortMod(_) => MessageType::PortMod,
            Message::TableMod(_) => MessageType::TableMod,
            Message::MultipartRequest(_) => MessageType::MultipartRequest,
            Message::MultipartReply(_) => MessageType::MultipartReply,
            Message::BarrierRequest => MessageType::BarrierRequest,
            Message::BarrierReply => MessageType::BarrierReply,
            Message::QueueGetConfigRequest(_) => MessageType::QueueGetConfigRequest,
            Message::QueueGetConfigReply(_) => MessageType::QueueGetConfigReply,
            Message::RoleRequest(_) => MessageType::RoleRequest,
            Message::RoleReply(_) => MessageType::RoleReply,
            Message::GetAsyncRequest => MessageType::GetAsyncRequest,
            Message::GetAsyncReply(_) => MessageType::GetAsyncReply,
            Message::SetAsync(_) => MessageType::SetAsync,
            Message::MeterMod(_) => MessageType::MeterMod,
        }
    }

    /// Decodes a message that fills `bytes`, and checks all that can be judged without a switch.
    ///
    /// # Errors
    /// The standard's error for the first thing that is wrong: version, type, length, then the
    /// message's own fields, its match, its instructions or buckets, its actions.
    ///
    /// ```
    /// use rumpswitch_ofp_codec::{BadRequestCode, Message, OfpError};
    /// let mut bytes = Vec::new();
    /// Message::BarrierRequest.encode(7, &mut bytes).unwrap();
    /// assert_eq!(bytes, [4, 20, 0, 8, 0, 0, 0, 7]);
    /// let (header, message) = Message::decode(&bytes).unwrap();
    /// assert_eq!((header.xid, message), (7, Message::BarrierRequest));
    /// bytes[1] = 30;
    /// let error = Message::decode(&bytes).unwrap_err().error;
    /// assert_eq!(error, OfpError::BadRequest(BadRequestCode::BadType));
    /// ```
    pub fn decode(bytes: &[u8]) -> Result<(Header, Message), DecodeError> {
        let (header, message_type, mut reader) = Message::open(bytes)?;
        let message = Message::read(message_type, &mut reader)?;
        reader.finish()?;
        Ok((header, message))
    }

    /// Decodes what follows a header.
    ///
    /// # Errors
    /// As [`Message::decode`]; offsets count from the start of the header.
    pub fn decode_body(header: Header, body: &[u8]) -> Result<Message, DecodeError> {
        let (message_type, mut reader) = Message::open_body(header, body)?;
        let message = Message::read(message_type, &mut reader)?;
        reader.finish()?;
        Ok(message)
    }

    /// Checks the header of a message that fills `bytes`.
    pub(crate) fn open(bytes: &[u8]) -> Result<(Header, MessageType, Reader<'_>), DecodeError> {
        let short = DecodeError { error: BAD_LEN, what: "header", offset: 0 };
        let header = Header::peek(bytes).ok_or(short)?;
        if usize::from(header.length) != bytes.len() {
            return Err(short);
        }
        let (_, body) = bytes.split_at_checked(HEADER_LEN).ok_or(short)?;
        let (message_type, reader) = Message::open_body(header, body)?;
        Ok((header, message_type, reader))
    }

    fn open_body(header: Header, body: &[u8]) -> Result<(MessageType, Reader<'_>), DecodeError> {
        let bad =
            |code| DecodeError { error: OfpError::BadRequest(code), what: "header", offset: 0 };
        let message_type = MessageType::from_number(header.kind);
        // These two must be readable before a version is agreed on, and when there is none.
        let versionless = matches!(message_type, Some(MessageType::Hello | MessageType::Error));
        if header.version != VERSION && !versionless {
            return Err(bad(BadRequestCode::BadVersion));
        }
        let message_type = message_type.ok_or(bad(BadRequestCode::BadType))?;
        let reader = Reader::new(body, HEADER_LEN, message_type.name(), BAD_LEN);
        if !message_type.allows_len(body.len().saturating_add(HEADER_LEN)) {
            return Err(reader.short());
        }
        Ok((message_type, reader))
    }

    fn read(message_type: MessageType, reader: &mut Reader<'_>) -> Result<Message, DecodeError> {
        Ok(match message_type {
            MessageType::Hello => Message::Hello(Hello::read(reader)?),
            MessageType::Error => Message::Error(ErrorMessage::read(reader)?),
            MessageType::EchoRequest => Message::EchoRequest(reader.rest_to_vec()?),
            MessageType::EchoReply => Message::EchoReply(reader.rest_to_vec()?),
            MessageType::Experimenter => Message::read_experimenter(reader)?,
            MessageType::FeaturesRequest => Message::FeaturesRequest,
            MessageType::FeaturesReply => Message::FeaturesReply(SwitchFeatures::read(reader)?),
            MessageType::GetConfigRequest => Message::GetConfigRequest,
            MessageType::GetConfigReply => {
                Message::GetConfigReply(Config::read(reader, Rules::Report)?)
            }
            MessageType::SetConfig => Message::SetConfig(Config::read(reader, Rules::Request)?),
            MessageType::PacketIn => Message::PacketIn(PacketIn::read(reader)?),
            MessageType::FlowRemoved => Message::FlowRemoved(FlowRemoved::read(reader)?),
            MessageType::PortStatus => Message::PortStatus(PortStatus::read(reader)?),
            MessageType::PacketOut => Message::PacketOut(PacketOut::read(reader)?),
            MessageType::FlowMod => Message::FlowMod(FlowMod::read(reader)?),
            MessageType::GroupMod => Message::GroupMod(GroupMod::read(reader)?),
            MessageType::PortMod => Message::PortMod(PortMod::read(reader)?),
            MessageType::TableMod => Message::TableMod(TableMod::read(reader)?),
            MessageType::MultipartRequest => {
                Message::MultipartRequest(MultipartRequest::read(reader)?)
            }
            MessageType::MultipartReply => Message::MultipartReply(MultipartReply::read(reader)?),
            MessageType::BarrierRequest => Message::BarrierRequest,
            MessageType::BarrierReply => Message::BarrierReply,
            MessageType::QueueGetConfigRequest => {
                let port = PortNo(reader.u32()?);
                reader.skip(4)?;
                Message::QueueGetConfigRequest(port)
            }
            MessageType::QueueGetConfigReply => {
                Message::QueueGetConfigReply(QueueConfig::read(reader)?)
            }
            MessageType::RoleRequest => Message::RoleRequest(RoleMessage::read(reader)?),
            MessageType::RoleReply => Message::RoleReply(RoleMessage::read(reader)?),
            MessageType::GetAsyncRequest => Message::GetAsyncRequest,
            MessageType::GetAsyncReply => Message::GetAsyncReply(AsyncConfig::read(reader)?),
            MessageType::SetAsync => Message::SetAsync(AsyncConfig::read(reader)?),
            MessageType::MeterMod => Message::MeterMod(MeterMod::read(reader)?),
        })
    }

    /// Reads an extension's message: a bundle's, a flow monitor's, or any other as it is.
    fn read_experimenter(reader: &mut Reader<'_>) -> Result<Message, DecodeError> {
        let (experimenter, exp_type) = (reader.u32()?, reader.u32()?);
        Ok(match (experimenter, exp_type) {
            (ONF_EXPERIMENTER, ONF_BUNDLE_CONTROL) => {
                Message::BundleControl(BundleControl::read(reader)?)
            }
            (ONF_EXPERIMENTER, ONF_BUNDLE_ADD) => Message::BundleAdd(BundleAdd::read(reader)?),
            (ONF_EXPERIMENTER, ONF_FLOW_MONITOR) => Message::FlowMonitorCancel(reader.u32()?),
            (ONF_EXPERIMENTER, ONF_FLOW_MONITOR_PAUSED) => Message::FlowMonitorPaused,
            (ONF_EXPERIMENTER, ONF_FLOW_MONITOR_RESUMED) => Message::FlowMonitorResumed,
            _ => {
                let data = reader.rest_to_vec()?;
                Message::Experimenter { experimenter, exp_type, data }
            }
        })
    }

    /// Appends the message to `out`.
    ///
    /// # Errors
    /// [`EncodeError`], most often for more than 65535 bytes; then nothing is appended.
    pub fn encode(&self, xid: u32, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        wire::append(out, |writer| {
            let start = writer.position();
            writer.u8(VERSION);
            writer.u8(self.message_type() as u8);
            writer.u16(0);
            writer.u32(xid);
            self.write(writer)?;
            writer.set_len(start, 2)
        })
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        match self {
            Message::FeaturesRequest
            | Message::GetConfigRequest
            | Message::BarrierRequest
            | Message::BarrierReply
            | Message::GetAsyncRequest => {}
            Message::EchoRequest(data) | Message::EchoReply(data) => writer.bytes(data),
            Message::Error(error) => error.write(writer),
            Message::FeaturesReply(features) => features.write(writer),
            Message::GetConfigReply(config) | Message::SetConfig(config) => config.write(writer),
            Message::PortStatus(status) => status.write(writer),
            Message::PortMod(port_mod) => port_mod.write(writer),
            Message::TableMod(table_mod) => table_mod.write(writer),
            Message::RoleRequest(role) | Message::RoleReply(role) => role.write(writer),
            Message::GetAsyncReply(config) | Message::SetAsync(config) => config.write(writer),
            Message::QueueGetConfigRequest(port) => {
                writer.u32(port.0);
                writer.zeros(4);
            }
            Message::Experimenter { experimenter, exp_type, data } => {
                writer.u32(*experimenter);
                writer.u32(*exp_type);
                writer.bytes(data);
            }
            Message::BundleControl(control) => {
                writer.u32(ONF_EXPERIMENTER);
                writer.u32(ONF_BUNDLE_CONTROL);
                control.write(writer);
            }
            Message::BundleAdd(add) => {
                writer.u32(ONF_EXPERIMENTER);
                writer.u32(ONF_BUNDLE_ADD);
                add.write(writer)?;
            }
            Message::FlowMonitorCancel(id) => {
                writer.u32(ONF_EXPERIMENTER);
                writer.u32(ONF_FLOW_MONITOR);
                writer.u32(*id);
            }
            Message::FlowMonitorPaused => {
                writer.u32(ONF_EXPERIMENTER);
                writer.u32(ONF_FLOW_MONITOR_PAUSED);
            }
            Message::FlowMonitorResumed => {
                writer.u32(ONF_EXPERIMENTER);
                writer.u32(ONF_FLOW_MONITOR_RESUMED);
            }
            Message::Hello(hello) => hello.write(writer)?,
            Message::PacketIn(packet_in) => packet_in.write(writer)?,
            Message::FlowRemoved(removed) => removed.write(writer)?,
            Message::PacketOut(packet_out) => packet_out.write(writer)?,
            Message::FlowMod(flow_mod) => flow_mod.write(writer)?,
            Message::GroupMod(group_mod) => group_mod.write(writer)?,
            Message::MeterMod(meter_mod) => meter_mod.write(writer)?,
            Message::MultipartRequest(request) => request.write(writer)?,
            Message::MultipartReply(reply) => reply.write(writer)?,
            Message::QueueGetConfigReply(config) => config.write(writer)?,
        }
        Ok(())
    }
}
