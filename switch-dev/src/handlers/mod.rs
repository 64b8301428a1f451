//! One file for each kind of request. A handler checks what belongs to the channel, asks the
//! tables for the rest, and queues the reply; an error that it returns becomes the reply.

pub(crate) mod async_config;
pub(crate) mod barrier;
pub(crate) mod bundle;
pub(crate) mod config;
pub(crate) mod echo;
pub(crate) mod experimenter;
pub(crate) mod features;
pub(crate) mod flow;
pub(crate) mod group;
pub(crate) mod meter;
pub(crate) mod monitor;
pub(crate) mod multipart;
pub(crate) mod packet_out;
pub(crate) mod port;
pub(crate) mod queue;
pub(crate) mod role;
pub(crate) mod table;
