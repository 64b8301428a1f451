/*
 * packet_floor: two packet sockets and nothing between them, so that what a switch costs can be told from
 * what the kernel asks of every process that takes frames from one interface and gives them to another.
 *
 * What IF1 receives leaves by IF2 and the other way round, in bursts of up to 32, unread. WORDS say how:
 *
 *   vnet    virtio-net headers in front of the frames, as a switch has them that passes offloads on
 *   bypass  frames leave past the queueing discipline (PACKET_QDISC_BYPASS)
 *   block   a thread for each way, which waits in recvmmsg instead of epoll
 *   spin    never waits: looks again and again
 *   busy    the socket polls for 50 us before it sleeps (SO_BUSY_POLL)
 *   big     bursts of 128
 *   ring    frames are taken from a ring that the kernel writes (PACKET_RX_RING, TPACKET_V2)
 *   train   frames of one UDP flow that follow one another leave as one, to be cut by who receives them
 *           (implies vnet; checksums are not verified here, as a switch must)
 *
 * build: cc -O2 -pthread packet_floor.c -o packet_floor
 * usage: packet_floor [WORD,WORD...] IF1 IF2
 *
 * Runs until it is killed. Frames longer than 2 KiB are cut short: nothing here is meant for traffic that
 * matters. Needs CAP_NET_RAW.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
/* Since Linux 6.2. */
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

enum { MOST = 128, ROOM = 2048, SLOTS = 2048, BLOCK = 65536, VNET = sizeof(struct virtio_net_hdr) };

/* Where the parts of a plain frame of UDP over IPv4 are. */
enum { IP = 14, ID = 18, FLAGS = 20, SUM = 24, ADDRESSES = 26, UDP = 34, DATA = 42 };

static int vnet, bypass, block, spin, busy, ring, train, burst = 32;

struct port {
    int fd;
    char *slots;
    unsigned next;
    /* Frames in hand, which a burst receives and the other port's socket sends. */
    char frames[MOST][ROOM];
    struct iovec parts[MOST];
    struct mmsghdr messages[MOST];
};

static void must(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(1);
    }
}

static void set(int fd, int level, int name, int value, const char *what)
{
    must(!setsockopt(fd, level, name, &value, sizeof value), what);
}

static struct port *open_port(const char *name)
{
    struct port *p = calloc(1, sizeof *p);
    struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
    struct packet_mreq all = { .mr_type = PACKET_MR_PROMISC };

    must(p != NULL, "memory");
    p->fd = socket(AF_PACKET, SOCK_RAW, 0);
    must(p->fd >= 0, "packet socket");
    all.mr_ifindex = address.sll_ifindex = if_nametoindex(name);
    must(address.sll_ifindex != 0, name);
    set(p->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1, "ignore outgoing");
    if (vnet) {
        set(p->fd, SOL_PACKET, PACKET_VNET_HDR, 1, "virtio-net headers");
    }
    if (bypass) {
        set(p->fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1, "queueing discipline");
    }
    if (busy) {
        set(p->fd, SOL_SOCKET, SO_BUSY_POLL, 50, "busy polling");
    }
    setsockopt(p->fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){ 8 << 20 }, sizeof(int));
    setsockopt(p->fd, SOL_SOCKET, SO_SNDBUFFORCE, &(int){ 8 << 20 }, sizeof(int));
    if (ring) {
        struct tpacket_req shape = { BLOCK, SLOTS / (BLOCK / ROOM), ROOM, SLOTS };

        set(p->fd, SOL_PACKET, PACKET_VERSION, TPACKET_V2, "ring's version");
        must(!setsockopt(p->fd, SOL_PACKET, PACKET_RX_RING, &shape, sizeof shape), "ring");
        p->slots = mmap(NULL, SLOTS * ROOM, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
        must(p->slots != MAP_FAILED, "map the ring");
    }
    must(!setsockopt(p->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all), "promiscuous");
    must(!bind(p->fd, (struct sockaddr *)&address, sizeof address), "bind");
    return p;
}

/* Takes what the ring has, copied as a switch that owns its frames would. */
static int receive_ring(struct port *p)
{
    int count = 0;

    for (; count < burst; count++) {
        struct tpacket2_hdr *slot = (void *)(p->slots + (size_t)p->next * ROOM);

        if (!(__atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) {
            break;
        }
        p->parts[count].iov_base = p->frames[count];
        p->parts[count].iov_len = slot->tp_snaplen + (vnet ? VNET : 0);
        memcpy(p->frames[count], (char *)slot + slot->tp_mac - (vnet ? VNET : 0), p->parts[count].iov_len);
        __atomic_store_n(&slot->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
        p->next = (p->next + 1) % SLOTS;
    }
    return count;
}

static int receive(struct port *p)
{
    if (ring) {
        return receive_ring(p);
    }
    for (int i = 0; i < burst; i++) {
        p->parts[i] = (struct iovec){ p->frames[i], ROOM };
        p->messages[i].msg_hdr = (struct msghdr){ .msg_iov = &p->parts[i], .msg_iovlen = 1 };
    }
    int count = recvmmsg(p->fd, p->messages, burst, block ? MSG_WAITFORONE : MSG_DONTWAIT, NULL);

    for (int i = 0; i < count; i++) {
        p->parts[i].iov_len = p->messages[i].msg_len;
    }
    return count < 0 ? 0 : count;
}

/* Whether two frames differ in identification, checksums and data only, the second following the first. */
static int follows(const char *a, const char *b, size_t len)
{
    static const char udp4[] = { 8, 0, 0x45 };
    unsigned short before, after;

    memcpy(&before, a + ID, 2);
    memcpy(&after, b + ID, 2);
    return len > DATA && !memcmp(a + 12, udp4, sizeof udp4) && a[IP + 9] == IPPROTO_UDP
        && !memcmp(a, b, ID) && !memcmp(a + FLAGS, b + FLAGS, 4) && !memcmp(a + ADDRESSES, b + ADDRESSES, 14)
        && ntohs(after) == (unsigned short)(ntohs(before) + 1);
}

static unsigned sum(const char *bytes, int count)
{
    unsigned total = 0;

    for (int i = 0; i < count; i += 2) {
        total += (unsigned char)bytes[i] << 8 | (unsigned char)bytes[i + 1];
    }
    return total;
}

static unsigned fold(unsigned total)
{
    total = (total & 0xffff) + (total >> 16);
    return (total & 0xffff) + (total >> 16);
}

static void put(char *at, unsigned value)
{
    unsigned short word = htons(value);

    memcpy(at, &word, 2);
}

/* Makes the header of `count` frames of `len` bytes that of their train. */
static void head_of_train(char *header, char *frame, size_t len, int count)
{
    struct virtio_net_hdr *h = (void *)header;
    unsigned data = (len - DATA) * count;

    *h = (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = VIRTIO_NET_HDR_GSO_UDP_L4,
                                  .hdr_len = DATA, .gso_size = len - DATA, .csum_start = UDP, .csum_offset = 6 };
    put(frame + IP + 2, data + DATA - IP);
    put(frame + UDP + 4, data + DATA - UDP);
    put(frame + SUM, 0);
    put(frame + SUM, ~fold(sum(frame + IP, 20)));
    put(frame + UDP + 6, fold(sum(frame + ADDRESSES, 8) + IPPROTO_UDP + data + DATA - UDP));
}

/* Joins frames to messages; tells how many there are. */
static int join(struct port *p, int count)
{
    int messages = 0;

    for (int i = 0, next; i < count; i = next) {
        size_t len = p->parts[i].iov_len;
        char *first = p->frames[i];

        for (next = i + 1; train && next < count && p->parts[next].iov_len == len; next++) {
            if (!follows(p->frames[next - 1] + VNET, p->frames[next] + VNET, len - VNET)) {
                break;
            }
        }
        for (int j = i + 1; j < next; j++) {
            p->parts[j] = (struct iovec){ p->frames[j] + VNET + DATA, len - VNET - DATA };
        }
        if (next > i + 1) {
            head_of_train(first, first + VNET, len - VNET, next - i);
        }
        p->messages[messages++].msg_hdr = (struct msghdr){ .msg_iov = &p->parts[i], .msg_iovlen = next - i };
    }
    return messages;
}

static int pass(struct port *from, struct port *to)
{
    int count = receive(from), left = join(from, count);

    for (struct mmsghdr *at = from->messages; left > 0;) {
        int sent = sendmmsg(to->fd, at, left, MSG_DONTWAIT);

        /* One that cannot be sent is lost. */
        sent = sent > 0 ? sent : 1;
        at += sent;
        left -= sent;
    }
    return count;
}

static void *one_way(void *ports)
{
    struct port **way = ports;

    for (;;) {
        pass(way[0], way[1]);
    }
    return NULL;
}

static int has(const char *words, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = words; (at = strstr(at, word)); at += len) {
        if ((at == words || at[-1] == ',') && (at[len] == ',' || !at[len])) {
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *words = argc == 4 ? argv[1] : "";

    if (argc != 3 && argc != 4) {
        fprintf(stderr, "usage: packet_floor [WORD,WORD...] IF1 IF2\n");
        return 2;
    }
    bypass = has(words, "bypass"), block = has(words, "block"), spin = has(words, "spin");
    busy = has(words, "busy"), ring = has(words, "ring"), train = has(words, "train");
    vnet = train || has(words, "vnet");
    burst = has(words, "big") ? MOST : burst;

    struct port *ports[] = { open_port(argv[argc - 2]), open_port(argv[argc - 1]), NULL };
    struct port *back[] = { ports[1], ports[0] };
    struct epoll_event events[2];
    pthread_t thread;

    if (block) {
        must(!pthread_create(&thread, NULL, one_way, back), "thread");
        one_way(ports);
    }
    int epoll = epoll_create1(0);

    for (int i = 0; i < 2; i++) {
        struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };

        must(!epoll_ctl(epoll, EPOLL_CTL_ADD, ports[i]->fd, &event), "epoll");
    }
    for (;;) {
        if (spin || ring) {
            /* A ring shows without a system call whether there is something. */
            while (pass(ports[0], ports[1]) + pass(ports[1], ports[0]) > 0 || spin) {
            }
            epoll_wait(epoll, events, 2, -1);
            continue;
        }
        int ready = epoll_wait(epoll, events, 2, -1);

        for (int i = 0; i < ready; i++) {
            pass(ports[events[i].data.u32], ports[!events[i].data.u32]);
        }
    }
}
