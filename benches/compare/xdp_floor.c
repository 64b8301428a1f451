/*
 * xdp_floor: packet_floor.c by AF_XDP instead of packet sockets, in copy mode, which is what a veth has. What
 * IF1 receives leaves by IF2 and the other way round, in bursts of up to 32, from memory that both share.
 *
 * build: cc -O2 xdp_floor.c -o xdp_floor
 * usage: xdp_floor native|generic[,spin] IF1 IF2
 *
 * `native` runs the program that takes the frames in the interface's driver, `generic` behind it; with `spin`
 * it never waits. No offloads, no VLAN tags, one queue: nothing here is meant for traffic that matters. Runs
 * until it is killed. Needs CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF.
 */
#define _GNU_SOURCE
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { RING = 2048, CHUNK = 2048, BURST = 32, CHUNKS = 2 * RING };

/* A ring of descriptors, or of addresses, between the kernel and this process. */
struct ring {
    uint32_t *producer, *consumer;
    void *entries;
};

struct port {
    int fd;
    struct ring fill, completion, rx, tx;
};

static void must(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(1);
    }
}

static int bpf(int command, union bpf_attr *attr)
{
    return syscall(SYS_bpf, command, attr, sizeof *attr);
}

/* Sends what the interface receives to the socket, for as long as this process lives. */
static void redirect(int ifindex, int socket, int flags)
{
    union bpf_attr map = { .map_type = BPF_MAP_TYPE_XSKMAP, .key_size = 4, .value_size = 4, .max_entries = 1 };
    int map_fd = bpf(BPF_MAP_CREATE, &map), key = 0;

    must(map_fd >= 0, "make a map of sockets");
    union bpf_attr element = { .map_fd = map_fd, .key = (uintptr_t)&key, .value = (uintptr_t)&socket };

    must(!bpf(BPF_MAP_UPDATE_ELEM, &element), "put the socket into the map");
    /* return bpf_redirect_map(map, 0, XDP_PASS); */
    struct bpf_insn program[] = {
        { BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map_fd },
        { 0, 0, 0, 0, 0 },
        { BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, 0 },
        { BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, XDP_PASS },
        { BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect_map },
        { BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
    };
    union bpf_attr load = { .prog_type = BPF_PROG_TYPE_XDP, .insn_cnt = sizeof program / sizeof *program,
                            .insns = (uintptr_t)program, .license = (uintptr_t)"GPL" };
    int program_fd = bpf(BPF_PROG_LOAD, &load);

    must(program_fd >= 0, "load a program");
    union bpf_attr link = { .link_create = { .prog_fd = program_fd, .target_ifindex = ifindex,
                                             .attach_type = BPF_XDP, .flags = flags } };

    must(bpf(BPF_LINK_CREATE, &link) >= 0, "attach the program");
}

static void map_ring(struct ring *ring, int fd, int name, const struct xdp_ring_offset *at, size_t entry, off_t page)
{
    int count = RING;

    must(!setsockopt(fd, SOL_XDP, name, &count, sizeof count), "size of a ring");
    char *base = mmap(NULL, at->desc + RING * entry, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, page);

    must(base != MAP_FAILED, "map a ring");
    *ring = (struct ring){ (void *)(base + at->producer), (void *)(base + at->consumer), base + at->desc };
}

static void open_port(struct port *p, const char *name, char *memory, int flags, const struct port *first)
{
    int index = if_nametoindex(name);
    struct xdp_mmap_offsets at;
    socklen_t len = sizeof at;

    must(index != 0, name);
    p->fd = socket(AF_XDP, SOCK_RAW, 0);
    must(p->fd >= 0, "XDP socket");
    if (!first) {
        struct xdp_umem_reg shared = { .addr = (uintptr_t)memory, .len = CHUNKS * CHUNK, .chunk_size = CHUNK };

        must(!setsockopt(p->fd, SOL_XDP, XDP_UMEM_REG, &shared, sizeof shared), "share memory");
    }
    must(!getsockopt(p->fd, SOL_XDP, XDP_MMAP_OFFSETS, &at, &len), "ask where rings are");
    map_ring(&p->fill, p->fd, XDP_UMEM_FILL_RING, &at.fr, 8, XDP_UMEM_PGOFF_FILL_RING);
    map_ring(&p->completion, p->fd, XDP_UMEM_COMPLETION_RING, &at.cr, 8, XDP_UMEM_PGOFF_COMPLETION_RING);
    map_ring(&p->rx, p->fd, XDP_RX_RING, &at.rx, sizeof(struct xdp_desc), XDP_PGOFF_RX_RING);
    map_ring(&p->tx, p->fd, XDP_TX_RING, &at.tx, sizeof(struct xdp_desc), XDP_PGOFF_TX_RING);
    struct sockaddr_xdp address = { .sxdp_family = AF_XDP, .sxdp_ifindex = index,
                                    .sxdp_flags = first ? XDP_SHARED_UMEM : XDP_COPY,
                                    .sxdp_shared_umem_fd = first ? first->fd : 0 };

    must(!bind(p->fd, (struct sockaddr *)&address, sizeof address), "bind");
    redirect(index, p->fd, flags);
}

static uint32_t load(uint32_t *index)
{
    return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

static void store(uint32_t *index, uint32_t value)
{
    __atomic_store_n(index, value, __ATOMIC_RELEASE);
}

/* Gives the chunks back that have been sent, to be received into again. */
static void reclaim(struct ring *done, struct ring *fill)
{
    uint32_t from = *done->consumer, to = load(done->producer), at = *fill->producer;

    for (; from != to; from++, at++) {
        ((uint64_t *)fill->entries)[at % RING] = ((uint64_t *)done->entries)[from % RING];
    }
    store(done->consumer, from);
    store(fill->producer, at);
}

static int pass(struct port *from, struct port *to)
{
    uint32_t first = *from->rx.consumer, there = load(from->rx.producer) - first, at = *to->tx.producer;
    uint32_t room = RING - (at - load(to->tx.consumer)), count = there < BURST ? there : BURST;

    count = count < room ? count : room;
    for (uint32_t i = 0; i < count; i++) {
        ((struct xdp_desc *)to->tx.entries)[(at + i) % RING] = ((struct xdp_desc *)from->rx.entries)[(first + i) % RING];
    }
    store(from->rx.consumer, first + count);
    store(to->tx.producer, at + count);
    if (count || at != load(to->tx.consumer)) {
        sendto(to->fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
        reclaim(&to->completion, &from->fill);
    }
    return count;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: xdp_floor native|generic[,spin] IF1 IF2\n");
        return 2;
    }
    int flags = strstr(argv[1], "generic") ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
    int spin = strstr(argv[1], "spin") != NULL;
    char *memory = mmap(NULL, CHUNKS * CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    struct port ports[2];

    must(memory != MAP_FAILED, "memory");
    for (int i = 0; i < 2; i++) {
        open_port(&ports[i], argv[2 + i], memory, flags, i ? &ports[0] : NULL);
        for (uint64_t chunk = 0; chunk < RING; chunk++) {
            ((uint64_t *)ports[i].fill.entries)[chunk] = (i * RING + chunk) * CHUNK;
        }
        store(ports[i].fill.producer, RING);
    }
    struct pollfd wait[] = { { .fd = ports[0].fd, .events = POLLIN }, { .fd = ports[1].fd, .events = POLLIN } };

    for (;;) {
        while (pass(&ports[0], &ports[1]) + pass(&ports[1], &ports[0]) > 0 || spin) {
        }
        poll(wait, 2, -1);
    }
}
