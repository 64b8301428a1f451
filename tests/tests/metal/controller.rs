//! A controller that asks one thing after the other.

use std::io::{Read, Write};
use std::net::TcpStream;

use ofp_codec::text::{NoNames, parse_flow};
use ofp_codec::{
    FlowModCommand, HEADER_LEN, Header, Hello, Message, MultipartFlags, MultipartReplyBody,
    MultipartRequest, MultipartRequestBody, PortNo,
};

use ofp_codec::multipart::PortStats;

use crate::machine::PATIENCE;

/// A connection that has said hello.
pub(crate) struct Controller {
    stream: TcpStream,
    xid: u32,
    unsent: Vec<u8>,
    /// What came without having been asked for.
    pub(crate) news: Vec<Message>,
}

impl Controller {
    /// Says hello and hears one.
    pub(crate) fn greet(stream: TcpStream) -> Controller {
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        stream.set_nodelay(true).expect("an option of TCP");
        let mut controller = Controller { stream, xid: 0, unsent: Vec::new(), news: Vec::new() };
        controller.send(&Message::Hello(Hello::version_1_3()));
        assert!(matches!(controller.next(), Message::Hello(_)), "a hello comes first");
        controller
    }

    /// Sends a message; its transaction.
    pub(crate) fn send(&mut self, message: &Message) -> u32 {
        self.try_send(message).expect("the switch reads")
    }

    fn try_send(&mut self, message: &Message) -> std::io::Result<u32> {
        self.put(message);
        self.stream.write_all(&self.unsent)?;
        self.unsent.clear();
        Ok(self.xid)
    }

    /// Writes a message that goes out with the next one that is sent.
    fn put(&mut self, message: &Message) {
        self.xid += 1;
        message.encode(self.xid, &mut self.unsent).expect("a message that can be written");
    }

    /// The next message, or the word on why there is none.
    pub(crate) fn try_next(&mut self) -> std::io::Result<(u32, Message)> {
        let mut bytes = vec![0; HEADER_LEN];
        self.stream.read_exact(&mut bytes)?;
        let len = Header::peek(&bytes).expect("a whole header").length;
        bytes.resize(usize::from(len), 0);
        self.stream.read_exact(&mut bytes[HEADER_LEN..])?;
        let (header, message) = Message::decode(&bytes).expect("a message of OpenFlow 1.3");
        Ok((header.xid, message))
    }

    /// The next message.
    pub(crate) fn next(&mut self) -> Message {
        self.try_next().expect("the switch answers").1
    }

    /// What answers the request; the rest is news.
    pub(crate) fn ask(&mut self, request: &Message) -> Message {
        self.try_ask(request).expect("the switch answers")
    }

    fn try_ask(&mut self, request: &Message) -> std::io::Result<Message> {
        let asked = self.try_send(request)?;
        loop {
            let (xid, message) = self.try_next()?;
            if xid == asked {
                return Ok(message);
            }
            self.news.push(message);
        }
    }

    /// Waits until everything before is done; errors that it caused.
    pub(crate) fn barrier(&mut self) -> Vec<Message> {
        self.try_barrier().expect("the switch answers")
    }

    /// The same, where the switch may end the connection.
    pub(crate) fn try_barrier(&mut self) -> std::io::Result<Vec<Message>> {
        let answer = self.try_ask(&Message::BarrierRequest)?;
        assert!(matches!(answer, Message::BarrierReply), "{answer:?}");
        let news = std::mem::take(&mut self.news).into_iter();
        let (errors, news) = news.partition(|message| matches!(message, Message::Error(_)));
        self.news = news;
        Ok(errors)
    }

    /// Adds a flow entry in the words of ovs-ofctl; it goes out with the next request.
    pub(crate) fn add(&mut self, flow: &str) {
        let flow = parse_flow(flow, FlowModCommand::Add, &NoNames).expect("a flow entry");
        self.put(&Message::FlowMod(flow));
    }

    /// Adds flow entries, all of which are taken.
    pub(crate) fn install(&mut self, flows: &[&str]) {
        flows.iter().for_each(|flow| self.add(flow));
        assert_eq!(self.barrier(), [], "no entry is refused");
    }

    /// Removes all flow entries.
    pub(crate) fn remove_all(&mut self) {
        let flow = parse_flow("", FlowModCommand::Delete, &NoNames).expect("all flow entries");
        self.send(&Message::FlowMod(flow));
        assert_eq!(self.barrier(), []);
    }

    /// The whole answer to a multipart request.
    pub(crate) fn statistics(&mut self, body: MultipartRequestBody) -> MultipartReplyBody {
        let request = MultipartRequest { flags: MultipartFlags::empty(), body };
        match self.ask(&Message::MultipartRequest(request)) {
            Message::MultipartReply(reply) if reply.flags.is_empty() => reply.body,
            other => panic!("{other:?}"),
        }
    }

    /// What a port has counted.
    pub(crate) fn port(&mut self, number: u32) -> PortStats {
        match self.statistics(MultipartRequestBody::PortStats(PortNo(number))) {
            MultipartReplyBody::PortStats(mut ports) if ports.len() == 1 => ports.remove(0),
            other => panic!("{other:?}"),
        }
    }

    /// The first news of a kind, waited for.
    pub(crate) fn wait_for<T>(&mut self, mut pick: impl FnMut(&Message) -> Option<T>) -> T {
        loop {
            while !self.news.is_empty() {
                if let Some(found) = pick(&self.news.remove(0)) {
                    return found;
                }
            }
            let message = self.next();
            self.news.push(message);
        }
    }
}
