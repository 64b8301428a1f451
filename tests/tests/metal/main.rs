//! The unikernel in a virtual machine, seen from outside: frames through Unix datagrams, OpenFlow through
//! user-mode networking, power through its console. No root, no network but loopback.
//!
//! `hosts/metal/test.sh` builds the image and says where it is in `METAL_IMAGE`; without that, or without
//! QEMU, each test says in one line that it is skipped.

mod boot;
mod channels;
mod controller;
mod frames;
mod limits;
mod machine;
