"""Frames and captures of the workloads."""

import struct


def mac(number, first=0x02):
    return struct.pack("!BBI", first, number >> 32 & 0xFF, number & 0xFFFFFFFF)


def mac_text(address):
    return ":".join("%02x" % byte for byte in address)


def ip_text(address):
    return "%d.%d.%d.%d" % (address >> 24 & 255, address >> 16 & 255, address >> 8 & 255, address & 255)


def checksum(header):
    total = sum(struct.unpack("!%dH" % (len(header) // 2), header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(eth_dst, eth_src, ip_src, ip_dst, l4_src, l4_dst, proto=17, size=60, vlan=None, ttl=64):
    """Ethernet, perhaps 802.1Q, IPv4 with its checksum, UDP, TCP, ICMP or nothing; `size` bytes
    without the frame check sequence, so that 60 is the "64-byte packet" of a wire."""
    ethernet = eth_dst + eth_src
    if vlan is not None:
        ethernet += struct.pack("!HH", 0x8100, vlan)
    ethernet += b"\x08\x00"
    l4_len = size - len(ethernet) - 20
    ip = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + l4_len, 0, 0x4000, ttl, proto, 0, ip_src, ip_dst)
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    if proto == 6:
        l4 = struct.pack("!HHIIBBHHH", l4_src, l4_dst, 1, 0, 0x50, 0x10, 8192, 0, 0)
    elif proto == 17:
        l4 = struct.pack("!HHHH", l4_src, l4_dst, l4_len, 0)
    elif proto == 1:
        l4 = struct.pack("!BBHHH", 8, 0, 0, 1, 1)
    else:
        l4 = b""
    return ethernet + ip + l4 + bytes(max(0, l4_len - len(l4)))


def write_capture(path, frames):
    """A classic pcap, a microsecond from frame to frame."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number, each in enumerate(frames):
            time = number // 1000000, number % 1000000
            file.write(struct.pack("<IIII", *time, len(each), len(each)))
            file.write(each)


def cut_capture(source, target, count):
    """The first `count` frames of a capture that `write_capture` wrote; tells how many there were."""
    with open(source, "rb") as file, open(target, "wb") as cut:
        cut.write(file.read(24))
        done = 0
        while done < count:
            head = file.read(16)
            if len(head) < 16:
                break
            cut.write(head + file.read(struct.unpack("<IIII", head)[2]))
            done += 1
    return done
