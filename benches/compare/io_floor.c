/*
 * io_floor: what packet I/O by DPDK's virtual devices costs alone, so that a switch's own cycles can be
 * told from its drivers'.
 *
 * Receives bursts of 32 frames from a device and frees them; "touch" reads the first bytes of each before,
 * "free" does not. FRAMES says how many the device's ring is to hold at least.
 *
 * build: gcc -O2 io_floor.c -o io_floor $(pkg-config --cflags --libs libdpdk)
 * usage: io_floor free|touch FRAMES SECONDS REPETITIONS -- EAL-OPTIONS --vdev net_pcap0,rx_pcap=FILE,infinite_rx=1
 *
 * A line for each repetition: packets, time stamp cycles a packet, nanoseconds of CPU a packet.
 */
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BURST = 32, SPARE = 4096, CACHED = 256, QUEUE = 2048 };

static unsigned long long cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static int begin(struct rte_mempool *pool)
{
    struct rte_eth_conf conf;
    int socket = rte_socket_id();

    memset(&conf, 0, sizeof conf);
    return rte_eth_dev_configure(0, 1, 1, &conf)
        || rte_eth_rx_queue_setup(0, 0, QUEUE, socket, NULL, pool)
        || rte_eth_tx_queue_setup(0, 0, QUEUE, socket, NULL)
        || rte_eth_dev_start(0);
}

static unsigned long long round_of(int touch, unsigned *sink)
{
    struct rte_mbuf *burst[BURST];
    unsigned count = rte_eth_rx_burst(0, 0, burst, BURST);

    for (unsigned i = 0; touch && i < count; i++) {
        *sink += *rte_pktmbuf_mtod(burst[i], unsigned *);
    }
    rte_pktmbuf_free_bulk(burst, count);
    return count;
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        fprintf(stderr, "usage: io_floor free|touch FRAMES SECONDS REPETITIONS -- EAL-OPTIONS\n");
        return 2;
    }
    int touch = !strcmp(argv[1], "touch");
    unsigned frames = atoi(argv[2]);
    double seconds = atof(argv[3]);
    int repetitions = atoi(argv[4]);

    argv[5] = argv[0];
    if (rte_eal_init(argc - 5, argv + 5) < 0) {
        return 1;
    }
    struct rte_mempool *pool = rte_pktmbuf_pool_create("frames", frames + SPARE, CACHED, 0, 2048 + 128, rte_socket_id());
    if (!pool || begin(pool)) {
        fprintf(stderr, pool ? "the device cannot be set up\n" : "no memory for frames\n");
        return 1;
    }
    double hz = rte_get_tsc_hz();
    unsigned sink = 0;
    for (int r = 0; r < repetitions; r++) {
        unsigned long long packets = 0, start = rte_rdtsc(), cpu = cpu_ns(), end = start + seconds * hz;

        while (rte_rdtsc() < end) {
            for (int i = 0; i < 64; i++) {
                packets += round_of(touch, &sink);
            }
        }
        printf("pkts %llu  tsc/pkt %.1f  cpu-ns/pkt %.2f\n", packets,
               (double)(rte_rdtsc() - start) / packets, (double)(cpu_ns() - cpu) / packets);
    }
    /* So that the touching is not left out. */
    fprintf(stderr, "%u\n", sink);
    return 0;
}
