//! What is compared: a switch that takes messages. Ours is in this process, the other is a program.

/// A switch with ports 1, 2, 3 and LOCAL, and one channel to it.
pub(crate) trait Peer {
    /// Removes what was configured; a new switch also when `everything` must be forgotten.
    fn reset(&mut self, everything: bool);
    /// Opens a channel, in place of the one before, and sends this hello.
    fn connect(&mut self, hello: &[u8]);
    /// Sends bytes and a barrier.
    fn say(&mut self, bytes: &[u8]) -> Heard;
}

/// What came on the channel before the barrier's reply, without the hello.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Whole messages.
    pub(crate) messages: Vec<Vec<u8>>,
    /// The channel was closed by the switch.
    pub(crate) is_closed: bool,
}
