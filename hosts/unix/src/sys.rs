//! The system calls that have no safe wrapper elsewhere: tap and interface requests, packet
//! sockets and their rings, bursts of messages, signals. All `unsafe` of this crate is here and in the
//! files below.

mod ring;

use std::{
    ffi::{c_int, c_short},
    io, mem,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
    ptr,
};

use crate::BURST;

pub(crate) use ring::{Ring, Slot};

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

// ---- clocks ----------------------------------------------------------------------------------

/// Reads a clock that every Linux has. The C library's way to the kernel's page of clocks, since
/// valgrind hides that page and knows how to stand in for this call.
pub(crate) fn clock(id: libc::clockid_t) -> libc::timespec {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is ours to write to. The call cannot fail for the clocks that we name.
    unsafe { libc::clock_gettime(id, &raw mut time) };
    time
}

/// The processor's time stamp counter, where there is one.
#[cfg(target_arch = "x86_64")]
pub(crate) fn time_stamp() -> Option<u64> {
    // SAFETY: every processor of this architecture has it, and it reads a counter, no memory.
    Some(unsafe { core::arch::x86_64::_rdtsc() })
}

/// The processor's time stamp counter, where there is one.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn time_stamp() -> Option<u64> {
    None
}

// ---- memory ----------------------------------------------------------------------------------

/// Asks for huge pages beneath memory; what lies there does not change.
pub(crate) fn prefer_huge_pages(bytes: &mut [u8]) -> io::Result<()> {
    const PAGE: usize = 4096;
    let start = bytes.as_mut_ptr();
    let skipped = start.align_offset(PAGE);
    let Some(len) = bytes.len().checked_sub(skipped) else { return Ok(()) };
    // SAFETY: the range is ours, and this advice leaves its content as it is.
    check(unsafe { libc::madvise(start.wrapping_add(skipped).cast(), len, libc::MADV_HUGEPAGE) })
        .map(drop)
}

/// Asks for the cache line that `bytes` begin in.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn prefetch(bytes: &[u8]) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: every processor of this architecture has it. It reads nothing into the program, and no
    // address makes it fail.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().cast()) };
}

/// Asks for the cache line that `bytes` begin in: by a load that nobody waits for.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(crate) fn prefetch(bytes: &[u8]) {
    std::hint::black_box(bytes.first().copied());
}

// ---- interfaces ------------------------------------------------------------------------------

/// An interface request with a name in it.
fn request(name: &str) -> io::Result<libc::ifreq> {
    // SAFETY: `ifreq` is plain integers and a union of such: all zeroes is a value of it.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    // The last byte stays zero: the name is a C string.
    if name.is_empty() || name.len() >= request.ifr_name.len() || name.contains('\0') {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    Ok(request)
}

fn interface_ioctl(
    socket: BorrowedFd<'_>,
    what: libc::c_ulong,
    request: &mut libc::ifreq,
) -> io::Result<()> {
    // SAFETY: every `what` used in this file reads and writes one `ifreq`, and what a pointer in it
    // points to is alive in the caller.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), what as _, request) }).map(drop)
}

/// `IFF_…` of an interface.
pub(crate) fn interface_flags(socket: BorrowedFd<'_>, name: &str) -> io::Result<c_int> {
    let mut request = request(name)?;
    interface_ioctl(socket, libc::SIOCGIFFLAGS, &mut request)?;
    // SAFETY: the kernel filled in this member.
    Ok(c_int::from(unsafe { request.ifr_ifru.ifru_flags }))
}

/// Sets an interface up.
pub(crate) fn interface_up(socket: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    let flags = interface_flags(socket, name)?;
    let mut request = request(name)?;
    request.ifr_ifru.ifru_flags = (flags | libc::IFF_UP) as c_short;
    interface_ioctl(socket, libc::SIOCSIFFLAGS, &mut request)
}

/// The index of an interface.
pub(crate) fn interface_index(socket: BorrowedFd<'_>, name: &str) -> io::Result<c_int> {
    let mut request = request(name)?;
    interface_ioctl(socket, libc::SIOCGIFINDEX, &mut request)?;
    // SAFETY: the kernel filled in this member.
    Ok(unsafe { request.ifr_ifru.ifru_ifindex })
}

/// The MTU of an interface.
pub(crate) fn interface_mtu(socket: BorrowedFd<'_>, name: &str) -> io::Result<c_int> {
    let mut request = request(name)?;
    interface_ioctl(socket, libc::SIOCGIFMTU, &mut request)?;
    // SAFETY: the kernel filled in this member.
    Ok(unsafe { request.ifr_ifru.ifru_mtu })
}

/// The hardware type (`ARPHRD_…`) and address of an interface.
pub(crate) fn interface_address(
    socket: BorrowedFd<'_>,
    name: &str,
) -> io::Result<(libc::sa_family_t, [u8; 6])> {
    let mut request = request(name)?;
    interface_ioctl(socket, libc::SIOCGIFHWADDR, &mut request)?;
    // SAFETY: the kernel filled in this member.
    let address = unsafe { request.ifr_ifru.ifru_hwaddr };
    let mut bytes = [0; 6];
    for (to, from) in bytes.iter_mut().zip(address.sa_data) {
        *to = from as u8;
    }
    Ok((address.sa_family, bytes))
}

/// `struct ethtool_cmd` of `ETHTOOL_GSET`.
#[repr(C)]
#[derive(Default)]
struct EthtoolCmd {
    cmd: u32,
    supported: u32,
    advertising: u32,
    speed: u16,
    duplex: u8,
    port: u8,
    phy_address: u8,
    transceiver: u8,
    autoneg: u8,
    mdio_support: u8,
    maxtxpkt: u32,
    maxrxpkt: u32,
    speed_hi: u16,
    eth_tp_mdix: u8,
    eth_tp_mdix_ctrl: u8,
    lp_advertising: u32,
    reserved: [u32; 2],
}

const ETHTOOL_GSET: u32 = 1;

/// The speed of an interface in Mbit/s; `None` when it has none or does not know it.
pub(crate) fn interface_speed(socket: BorrowedFd<'_>, name: &str) -> Option<u32> {
    let mut command = EthtoolCmd { cmd: ETHTOOL_GSET, ..EthtoolCmd::default() };
    let mut request = request(name).ok()?;
    request.ifr_ifru.ifru_data = (&raw mut command).cast();
    interface_ioctl(socket, libc::SIOCETHTOOL, &mut request).ok()?;
    match u32::from(command.speed) | u32::from(command.speed_hi) << 16 {
        0 | u32::MAX | 0xffff => None,
        speed => Some(speed),
    }
}

// ---- tap -------------------------------------------------------------------------------------

/// Binds `/dev/net/tun`'s descriptor to the interface `name`, making it when it is not there;
/// answers the name that it got.
pub(crate) fn tap_attach(tun: BorrowedFd<'_>, name: &str, flags: c_int) -> io::Result<String> {
    let mut request = request(name)?;
    request.ifr_ifru.ifru_flags = flags as c_short;
    interface_ioctl(tun, libc::TUNSETIFF as libc::c_ulong, &mut request)?;
    let name = request.ifr_name.map(|c| c as u8);
    let len = name.iter().position(|c| *c == 0).unwrap_or(name.len());
    Ok(String::from_utf8_lossy(&name[..len]).into_owned())
}

/// Sets the length of the header in front of each frame.
pub(crate) fn tap_header_len(tun: BorrowedFd<'_>, len: c_int) -> io::Result<()> {
    // SAFETY: the request reads one int.
    check(unsafe { libc::ioctl(tun.as_raw_fd(), libc::TUNSETVNETHDRSZ as _, &raw const len) })
        .map(drop)
}

/// Tells which offloads (`TUN_F_…`) are understood in frames read from the tap.
pub(crate) fn tap_offload(tun: BorrowedFd<'_>, flags: libc::c_uint) -> io::Result<()> {
    // SAFETY: the request takes its argument by value.
    check(unsafe {
        libc::ioctl(tun.as_raw_fd(), libc::TUNSETOFFLOAD as _, libc::c_ulong::from(flags))
    })
    .map(drop)
}

// ---- sockets ---------------------------------------------------------------------------------

/// A raw packet socket that receives nothing until it is bound.
pub(crate) fn packet_socket() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: no pointers; the result is checked and owned by nobody else.
    unsafe { Ok(OwnedFd::from_raw_fd(check(libc::socket(libc::AF_PACKET, kind, 0))?)) }
}

/// Binds a packet socket to an interface, all protocols.
pub(crate) fn packet_bind(socket: BorrowedFd<'_>, index: c_int) -> io::Result<()> {
    // SAFETY: `sockaddr_ll` is plain integers.
    let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
    address.sll_family = libc::AF_PACKET as libc::sa_family_t;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = index;
    // SAFETY: pointer and length are those of `address`.
    check(unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            mem::size_of_val(&address) as libc::socklen_t,
        )
    })
    .map(drop)
}

/// Sees all frames of an interface, whomever they are for, as long as the socket is open.
pub(crate) fn packet_promiscuous(socket: BorrowedFd<'_>, index: c_int) -> io::Result<()> {
    let membership = libc::packet_mreq {
        mr_ifindex: index,
        mr_type: libc::PACKET_MR_PROMISC as _,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    set_option(socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &membership)
}

/// Sets a socket option whose value is a number.
pub(crate) fn set_number(
    socket: BorrowedFd<'_>,
    level: c_int,
    name: c_int,
    value: c_int,
) -> io::Result<()> {
    set_option(socket, level, name, &value)
}

/// A socket option whose value is a number.
pub(crate) fn get_number(socket: BorrowedFd<'_>, level: c_int, name: c_int) -> io::Result<c_int> {
    let mut value: c_int = 0;
    let mut len = mem::size_of::<c_int>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes, which are those of `value`.
    check(unsafe {
        let value = (&raw mut value).cast();
        libc::getsockopt(socket.as_raw_fd(), level, name, value, &raw mut len)
    })?;
    Ok(value)
}

fn set_option<T>(socket: BorrowedFd<'_>, level: c_int, name: c_int, value: &T) -> io::Result<()> {
    // SAFETY: pointer and length are those of `value`, which the kernel only reads.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            ptr::from_ref(value).cast(),
            mem::size_of::<T>() as libc::socklen_t,
        )
    })
    .map(drop)
}

/// A Unix socket's address by path.
#[derive(Clone)]
pub(crate) struct UnixAddress {
    address: libc::sockaddr_un,
    len: libc::socklen_t,
}

impl UnixAddress {
    /// `None` when the path is empty or longer than such an address can hold.
    pub(crate) fn new(path: &Path) -> Option<UnixAddress> {
        // SAFETY: `sockaddr_un` is plain integers.
        let mut address: libc::sockaddr_un = unsafe { mem::zeroed() };
        address.sun_family = libc::AF_UNIX as libc::sa_family_t;
        let bytes = path.as_os_str().as_bytes();
        if bytes.is_empty() || bytes.len() >= address.sun_path.len() || bytes.contains(&0) {
            return None;
        }
        for (to, from) in address.sun_path.iter_mut().zip(bytes) {
            *to = *from as libc::c_char;
        }
        let len = mem::offset_of!(libc::sockaddr_un, sun_path) + bytes.len() + 1;
        Some(UnixAddress { address, len: len as libc::socklen_t })
    }
}

// ---- bursts of messages ----------------------------------------------------------------------

/// What the kernel told of one received message.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Arrival {
    /// Whether the message was longer than the room for it.
    pub(crate) truncated: bool,
    /// `TP_STATUS_…` of a packet socket with auxiliary data.
    pub(crate) status: u32,
    /// The VLAN tag that was taken out of the frame, when the status says so: identifier and
    /// control information.
    pub(crate) vlan: Option<(u16, u16)>,
}

impl Arrival {
    /// Of a whole frame of a packet socket.
    fn new(status: u32, tpid: u16, tci: u16) -> Arrival {
        let told = status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
        let vlan = (if told { tpid } else { 0x8100 }, tci);
        let vlan = (status & libc::TP_STATUS_VLAN_VALID != 0).then_some(vlan);
        Arrival { truncated: false, status, vlan }
    }
}

/// Room for one `tpacket_auxdata` message.
const CONTROL_LEN: usize = 64;

#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_LEN]);

/// Receives up to a burst of messages, each behind the bytes of its buffer and within its
/// capacity, and tells how many. Never waits.
pub(crate) fn receive_burst(
    socket: BorrowedFd<'_>,
    buffers: &mut [Vec<u8>],
    arrivals: &mut [Arrival; BURST],
    auxiliary: bool,
) -> io::Result<usize> {
    let mut controls = [Control([0; CONTROL_LEN]); BURST];
    // SAFETY: both are plain integers and pointers: all zeroes is a value of them.
    let (mut vectors, mut messages): ([libc::iovec; BURST], [libc::mmsghdr; BURST]) =
        unsafe { (mem::zeroed(), mem::zeroed()) };
    let count = buffers.len().min(BURST);
    for i in 0..count {
        let room = buffers[i].spare_capacity_mut();
        vectors[i] = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
        messages[i].msg_hdr.msg_iov = &raw mut vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        if auxiliary {
            messages[i].msg_hdr.msg_control = (&raw mut controls[i]).cast();
            messages[i].msg_hdr.msg_controllen = CONTROL_LEN as _;
        }
    }
    // SAFETY: the first `count` headers point to vectors, spare capacities and control buffers that
    // live, unborrowed, until after the call.
    let got = check(unsafe {
        libc::recvmmsg(
            socket.as_raw_fd(),
            messages.as_mut_ptr(),
            count as _,
            libc::MSG_DONTWAIT as _,
            ptr::null_mut(),
        )
    })? as usize;
    for (i, buffer) in buffers.iter_mut().enumerate().take(got.min(count)) {
        let message = &messages[i];
        let len = buffer.len() + (message.msg_len as usize).min(vectors[i].iov_len);
        // SAFETY: the kernel wrote that many bytes of the spare capacity.
        unsafe { buffer.set_len(len) };
        arrivals[i] = Arrival {
            truncated: message.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            ..if auxiliary { read_auxiliary(&message.msg_hdr) } else { Arrival::default() }
        };
    }
    Ok(got)
}

/// Finds a packet socket's auxiliary data among the control messages of `header`, which the kernel
/// filled in and whose control buffer is alive.
fn read_auxiliary(header: &libc::msghdr) -> Arrival {
    let mut arrival = Arrival::default();
    // SAFETY: the control buffer is aligned and `msg_controllen` long, as the macros require.
    let mut control = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !control.is_null() {
        // SAFETY: not null, so it points to a whole header inside the control buffer.
        let here = unsafe { &*control };
        let wanted = mem::size_of::<libc::tpacket_auxdata>();
        if here.cmsg_level == libc::SOL_PACKET
            && here.cmsg_type == libc::PACKET_AUXDATA
            // SAFETY: arithmetic on a constant.
            && here.cmsg_len as usize >= unsafe { libc::CMSG_LEN(wanted as _) } as usize
        {
            // SAFETY: `cmsg_len` covers the structure, of plain integers; it may be unaligned.
            let data: libc::tpacket_auxdata =
                unsafe { ptr::read_unaligned(libc::CMSG_DATA(control).cast()) };
            arrival = Arrival::new(data.tp_status, data.tp_vlan_tpid, data.tp_vlan_tci);
        }
        // SAFETY: `control` is a header of this message.
        control = unsafe { libc::CMSG_NXTHDR(header, control) };
    }
    arrival
}

/// Sends up to a burst of messages to `address`, and tells how many from the front were sent; an error
/// is about the first. Never waits.
pub(crate) fn send_burst<'a>(
    socket: BorrowedFd<'_>,
    frames: impl Iterator<Item = &'a [u8]>,
    address: &UnixAddress,
) -> io::Result<usize> {
    // SAFETY: both are plain integers and pointers: all zeroes is a value of them.
    let (mut vectors, mut messages): ([libc::iovec; BURST], [libc::mmsghdr; BURST]) =
        unsafe { (mem::zeroed(), mem::zeroed()) };
    let mut count = 0;
    for (i, frame) in frames.take(BURST).enumerate() {
        vectors[i] =
            libc::iovec { iov_base: frame.as_ptr().cast_mut().cast(), iov_len: frame.len() };
        messages[i].msg_hdr.msg_iov = &raw mut vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_name = ptr::from_ref(&address.address).cast_mut().cast();
        messages[i].msg_hdr.msg_namelen = address.len;
        count = i + 1;
    }
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the first `count` headers point to vectors, frames and an address that live until
    // after the call; the kernel only reads frames and address.
    let sent = check(unsafe {
        libc::sendmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), count as _, flags as _)
    })?;
    Ok(sent as usize)
}

/// Sends up to a burst of messages, each made of the next `counts` of `parts`, and tells how many from
/// the front were sent; an error is about the first. Never waits.
pub(crate) fn send_parts(
    socket: BorrowedFd<'_>,
    mut parts: &[io::IoSlice<'_>],
    counts: &[usize],
) -> io::Result<usize> {
    // SAFETY: plain integers and pointers: all zeroes is a value of them.
    let mut messages: [libc::mmsghdr; BURST] = unsafe { mem::zeroed() };
    let mut count = 0;
    for (message, part_count) in messages.iter_mut().zip(counts) {
        let Some((of_message, rest)) = parts.split_at_checked(*part_count) else { break };
        message.msg_hdr.msg_iov = of_message.as_ptr().cast_mut().cast();
        message.msg_hdr.msg_iovlen = of_message.len() as _;
        (parts, count) = (rest, count + 1);
    }
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the first `count` headers point to parts, which are laid out as `iovec` and whose bytes
    // live until after the call; the kernel only reads both.
    let sent = check(unsafe {
        libc::sendmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), count as _, flags as _)
    })?;
    Ok(sent as usize)
}

// ---- signals ---------------------------------------------------------------------------------

/// Blocks `signals` in this thread and those that it starts, and makes a descriptor that is
/// readable when one is pending.
pub(crate) fn signal_descriptor(signals: &[c_int]) -> io::Result<OwnedFd> {
    let mut set = mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the set is initialised by `sigemptyset` before anything reads it; the descriptor is
    // checked and owned by nobody else.
    unsafe {
        check(libc::sigemptyset(set.as_mut_ptr()))?;
        for signal in signals {
            check(libc::sigaddset(set.as_mut_ptr(), *signal))?;
        }
        let error = libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), ptr::null_mut());
        if error != 0 {
            return Err(io::Error::from_raw_os_error(error));
        }
        let flags = libc::SFD_NONBLOCK | libc::SFD_CLOEXEC;
        Ok(OwnedFd::from_raw_fd(check(libc::signalfd(-1, set.as_ptr(), flags))?))
    }
}

/// The number of the next pending signal.
pub(crate) fn next_signal(descriptor: impl AsFd) -> Option<c_int> {
    let mut info = [0; mem::size_of::<libc::signalfd_siginfo>()];
    let read = rustix::io::read(descriptor, &mut info).ok()?;
    // The number is the first member.
    let number = info.first_chunk::<4>().filter(|_| read == info.len())?;
    c_int::try_from(u32::from_ne_bytes(*number)).ok()
}
