/* Stand-in for <net/if_ether.h>. */
#ifndef MOCK_NET_IF_ETHER_H
#define MOCK_NET_IF_ETHER_H

#include <net/if.h>

#define ETHER_ADDR_LEN 6
#define ETHER_TYPE_LEN 2
#define ETHER_HDR_LEN 14
#define ETHER_CRC_LEN 4
#define ETHER_MIN_LEN 64
#define ETHER_MAX_LEN 1518
#define ETHER_VLAN_ENCAP_LEN 4
#define ETHERMTU (ETHER_MAX_LEN - ETHER_HDR_LEN - ETHER_CRC_LEN)
#define ETHER_IS_MULTICAST(a) (*(const uint8_t *)(a) & 0x01)
#define ETHERCAP_VLAN_MTU 0x00000001
#define ETHERCAP_VLAN_HWTAGGING 0x00000002
#define ETHERCAP_JUMBO_MTU 0x00000004
#define ETHERTYPE_IP 0x0800
#define ETHERTYPE_ARP 0x0806
#define ETHERTYPE_VLAN 0x8100

#define M_PROMISC M_LINK1	/* for another station */
#define VLAN_ATTACHED(ec) ((ec)->ec_nvlans > 0)

struct ether_header {
	uint8_t ether_dhost[ETHER_ADDR_LEN];
	uint8_t ether_shost[ETHER_ADDR_LEN];
	uint16_t ether_type;
} __packed;

struct ethercom {
	struct ifnet ec_if;
	int ec_capabilities;
	int ec_capenable;
	int ec_nvlans;
};

void ether_ifattach(struct ifnet *, const uint8_t *);
void ether_ifdetach(struct ifnet *);
int ether_ioctl(struct ifnet *, u_long, void *);
void ether_input(struct ifnet *, struct mbuf *);
char *ether_sprintf(const uint8_t *);

#endif
