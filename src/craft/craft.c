/* craft.c: probes become packets, built by libnet without a socket (LIBNET_NONE).
 *
 * libnet stacks headers from the innermost outwards, computes the checksums, and gives the whole packet away. It takes ports,
 * ids, lengths and checksums in host order, IPv4 addresses in network order. A checksum of 0 means "compute it", so that
 * really sending 0 takes switching the computation off. */
#include "nscan/craft.h"

#include <libnet.h>
#include <stdlib.h>
#include <string.h>

#include "nscan/bytes.h"
#include "nscan/wire.h"
#include "template.h"

/* libnet defines a macro of this name, for a field of a struct that is not used here. */
#undef icmp_id

enum { ARP_OVER_ETHERNET = 1, ARP_WHO_HAS = 1, ARP_IS_AT = 2, UDP_CHECKSUM_AT = 6, DONT_FRAGMENT = 0x4000 };
enum {
	TIMESTAMP_BYTES = 20,
	MAX_DATAGRAM_BYTES = CRAFT_MAX_BYTES - ETHERNET_HEADER_BYTES,
	MAX_DATA_BYTES = MAX_DATAGRAM_BYTES - IPV4_HEADER_BYTES - UDP_HEADER_BYTES,
	MORE_FRAGMENTS = 0x2000,
};

struct craft {
	const struct network *network;
	libnet_t *libnet;
	uint8_t data[MAX_DATA_BYTES];                /* the payload with its nonce, and the padding */
	uint8_t whole[CRAFT_MAX_BYTES];              /* a datagram of which a fragment is to be sent */
	struct template templates[PROBE_KIND_COUNT]; /* the last packet of each kind, for craft_quick */
};

struct craft *craft_new(const struct network *network, struct err *err)
{
	char why[LIBNET_ERRBUF_SIZE] = "";
	struct craft *craft = calloc(1, sizeof(*craft));

	if (!craft) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	craft->network = network;
	craft->libnet = libnet_init(LIBNET_NONE, NULL, why);
	if (!craft->libnet) {
		err_set(err, ERR_SYSTEM, "libnet does not start: %s", why);
		free(craft);
		return NULL;
	}
	return craft;
}

void craft_free(struct craft *craft)
{
	if (!craft)
		return;
	libnet_destroy(craft->libnet);
	free(craft);
}

/* Whether libnet took it; its message travels on otherwise. */
static bool built(struct craft *craft, libnet_ptag_t tag, struct err *err)
{
	return tag != -1 || err_set(err, ERR_SYSTEM, "libnet refuses a packet: %s", libnet_geterror(craft->libnet));
}

static size_t data_bytes(const struct probe *probe)
{
	return probe->data_bytes + probe->padding_bytes;
}

/* The ARP header and the Ethernet header around it. */
static bool build_arp(struct craft *craft, const struct arp_packet *arp, const uint8_t *own_mac, struct err *err)
{
	return built(craft,
	             libnet_build_arp(ARP_OVER_ETHERNET, ETHERTYPE_IPV4, MAC_BYTES, 4,
	                              arp->is_reply ? ARP_IS_AT : ARP_WHO_HAS, own_mac, arp->sender.bytes,
	                              arp->target_mac, arp->target.bytes, NULL, 0, craft->libnet, 0),
	             err) &&
	       built(craft, libnet_build_ethernet(arp->to_mac, own_mac, ETHERTYPE_ARP_, NULL, 0, craft->libnet, 0),
	             err);
}

static bool build_udp(struct craft *craft, const struct probe *probe, struct err *err)
{
	uint16_t checksum = probe->checksum_forced ? probe->udp_checksum : 0;
	libnet_ptag_t tag = libnet_build_udp(
	        probe->src_port, probe->dst_port, (uint16_t)(UDP_HEADER_BYTES + data_bytes(probe)), checksum,
	        data_bytes(probe) ? craft->data : NULL, (uint32_t)data_bytes(probe), craft->libnet, 0);

	if (!built(craft, tag, err))
		return false;
	return !probe->checksum_forced || checksum != 0 ||
	       built(craft, libnet_toggle_checksum(craft->libnet, tag, LIBNET_OFF), err);
}

static bool build_echo(struct craft *craft, const struct probe *probe, struct err *err)
{
	return built(craft,
	             libnet_build_icmpv4_echo(ICMP4_ECHO, 0, 0, probe->icmp_id, probe->icmp_sequence,
	                                      data_bytes(probe) ? craft->data : NULL, (uint32_t)data_bytes(probe),
	                                      craft->libnet, 0),
	             err);
}

static bool build_timestamp(struct craft *craft, const struct probe *probe, struct err *err)
{
	return built(craft,
	             libnet_build_icmpv4_timestamp(ICMP4_TIMESTAMP, 0, 0, probe->icmp_id, probe->icmp_sequence,
	                                           probe->icmp_originate, 0, 0, NULL, 0, craft->libnet, 0),
	             err);
}

/* How each kind that travels in IPv4 is built. */
static const struct {
	bool (*build)(struct craft *craft, const struct probe *probe, struct err *err);
	uint8_t protocol;
	size_t header_bytes;
} ip_kinds[PROBE_KIND_COUNT] = {
        [PROBE_ECHO] = {build_echo, IP_PROTO_ICMP, ICMP_HEADER_BYTES},
        [PROBE_TIMESTAMP] = {build_timestamp, IP_PROTO_ICMP, TIMESTAMP_BYTES},
        [PROBE_UDP] = {build_udp, IP_PROTO_UDP, UDP_HEADER_BYTES},
};

/* The address as libnet wants it: its bytes as they lie in memory. */
static uint32_t network_order(const struct addr *a)
{
	uint32_t word;

	memcpy(&word, a->bytes, sizeof(word));
	return word;
}

static bool build_ip(struct craft *craft, const struct probe *probe, struct err *err)
{
	size_t total = IPV4_HEADER_BYTES + ip_kinds[probe->kind].header_bytes + data_bytes(probe);

	return ip_kinds[probe->kind].build(craft, probe, err) &&
	       built(craft,
	             libnet_build_ipv4((uint16_t)total, probe->tos, probe->ip_id,
	                               probe->dont_fragment ? DONT_FRAGMENT : 0, probe->ttl,
	                               ip_kinds[probe->kind].protocol, 0, network_order(&probe->src),
	                               network_order(&probe->dst), NULL, 0, craft->libnet, 0),
	             err);
}

/* The payload with our address and the nonce in it, into craft->data. */
static bool take_data(struct craft *craft, const struct probe *probe, struct err *err)
{
	const uint8_t *data = probe->data ? probe->data : probe->echo_data;

	if (data_bytes(probe) > sizeof(craft->data) || (!probe->data && probe->data_bytes > sizeof(probe->echo_data)))
		return err_set(err, ERR_SYSTEM, "a payload of %zu bytes is too long; the most is %zu",
		               data_bytes(probe), sizeof(craft->data));
	memcpy(craft->data, data, probe->data_bytes);
	if (probe->address_offset > 0 && probe->src.family == 4 && probe->address_offset + 4 <= probe->data_bytes)
		memcpy(craft->data + probe->address_offset, probe->src.bytes, 4);
	if (probe->padding_bytes > 0)
		memcpy(craft->data + probe->data_bytes, probe->padding, probe->padding_bytes);
	if (probe->nonce_offset >= 0 && (size_t)probe->nonce_offset + 2 <= probe->data_bytes)
		put_u16(craft->data + probe->nonce_offset, probe->nonce);
	return true;
}

/* NULL with *err set when the interface is not there. */
static const struct interface *own_interface(const struct craft *craft, int number, struct err *err)
{
	if (number >= 0 && (size_t)number < craft->network->interface_count)
		return &craft->network->interfaces[number];
	err_set(err, ERR_SYSTEM, "a packet is bound for an interface that is not there");
	return NULL;
}

static bool build_ethernet(struct craft *craft, const struct probe *probe, const struct interface *own, struct err *err)
{
	return probe->link != LINK_ETHERNET ||
	       built(craft,
	             libnet_build_ethernet(probe->next_hop_mac, own->mac, ETHERTYPE_IPV4, NULL, 0, craft->libnet, 0),
	             err);
}

static bool build_probe(struct craft *craft, const struct probe *probe, struct err *err)
{
	const struct interface *own = own_interface(craft, probe->interface, err);

	return own && take_data(craft, probe, err) && build_ip(craft, probe, err) &&
	       build_ethernet(craft, probe, own, err);
}

/* Our expectation of what libnet computes is what replies are checked against later: they have to agree. */
static bool check_udp(const struct probe *probe, uint8_t *packet, uint32_t bytes, struct err *err)
{
	uint8_t *at = packet + bytes - data_bytes(probe) - UDP_HEADER_BYTES + UDP_CHECKSUM_AT;
	uint16_t computed = (uint16_t)(at[0] << 8 | at[1]);

	if (computed == 0 && !probe->checksum_forced) {
		computed = 0xffff; /* RFC 768: a computed 0 is sent as all ones; libnet leaves it 0 */
		put_u16(at, computed);
	}
	return computed == probe->udp_checksum ||
	       err_set(err, ERR_SYSTEM, "libnet computes UDP checksum 0x%04x where 0x%04x was to be", computed,
	               probe->udp_checksum);
}

/* Lets libnet put its blocks together and copies the packet out. `probe` is NULL for what is none. */
static size_t coalesce(struct craft *craft, const struct probe *probe, uint8_t out[CRAFT_MAX_BYTES], struct err *err)
{
	uint8_t *packet = NULL;
	uint32_t bytes = 0;
	bool good;

	if (!built(craft, libnet_pblock_coalesce(craft->libnet, &packet, &bytes), err))
		return 0;
	good = bytes <= CRAFT_MAX_BYTES || err_set(err, ERR_SYSTEM, "a packet of %u bytes is too long", bytes);
	good = good && (!probe || probe->kind != PROBE_UDP || check_udp(probe, packet, bytes, err));
	if (good)
		memcpy(out, packet, bytes);
	free(packet);
	return good ? bytes : 0;
}

static size_t no_arp_there(const struct interface *own, struct err *err)
{
	err_set(err, ERR_SYSTEM, "%s has no Ethernet header, so no ARP", own->name);
	return 0;
}

size_t craft_arp(struct craft *craft, int interface, const struct arp_packet *arp, uint8_t out[CRAFT_MAX_BYTES],
                 struct err *err)
{
	const struct interface *own = own_interface(craft, interface, err);
	size_t bytes = 0;

	if (!own)
		return 0;
	if (own->kind != LINK_ETHERNET)
		return no_arp_there(own, err);
	if (build_arp(craft, arp, own->mac, err))
		bytes = coalesce(craft, NULL, out, err);
	libnet_clear_packet(craft->libnet);
	return bytes;
}

static size_t craft_arp_probe(struct craft *craft, const struct probe *probe, uint8_t out[CRAFT_MAX_BYTES],
                              struct err *err)
{
	const struct interface *own = own_interface(craft, probe->interface, err);
	struct arp_packet arp = {.sender = probe->src, .target = probe->dst};

	if (!own)
		return 0;
	if (probe->link != LINK_ETHERNET)
		return no_arp_there(own, err);
	memcpy(arp.to_mac, probe->next_hop_mac, MAC_BYTES);
	return craft_arp(craft, probe->interface, &arp, out, err);
}

/* The datagram is built whole, so that its checksums are right; the fragment gets a header of its own around its part. */
static size_t craft_fragment(struct craft *craft, const struct probe *probe, uint8_t out[CRAFT_MAX_BYTES],
                             struct err *err)
{
	const struct interface *own = own_interface(craft, probe->interface, err);
	struct probe all = *probe;
	size_t whole, end = IPV4_HEADER_BYTES + (size_t)probe->fragment_offset + probe->fragment_bytes, bytes = 0;
	uint16_t place = (uint16_t)(probe->fragment_offset / 8 | (probe->more_fragments ? MORE_FRAGMENTS : 0) |
	                            (probe->dont_fragment ? DONT_FRAGMENT : 0));

	all.link = LINK_RAW_IP;
	whole = own && build_probe(craft, &all, err) ? coalesce(craft, &all, craft->whole, err) : 0;
	libnet_clear_packet(craft->libnet);
	if (whole == 0)
		return 0;
	if (end > whole || probe->fragment_offset % 8 != 0) {
		err_set(err, ERR_SYSTEM, "a fragment does not lie within its datagram");
		return 0;
	}
	if (built(craft,
	          libnet_build_ipv4((uint16_t)(IPV4_HEADER_BYTES + probe->fragment_bytes), probe->tos, probe->ip_id,
	                            place, probe->ttl, ip_kinds[probe->kind].protocol, 0, network_order(&probe->src),
	                            network_order(&probe->dst), craft->whole + end - probe->fragment_bytes,
	                            probe->fragment_bytes, craft->libnet, 0),
	          err) &&
	    build_ethernet(craft, probe, own, err))
		bytes = coalesce(craft, NULL, out, err);
	libnet_clear_packet(craft->libnet);
	return bytes;
}

size_t craft_probe(struct craft *craft, const struct probe *probe, uint8_t out[CRAFT_MAX_BYTES], struct err *err)
{
	size_t bytes;

	if (probe->src.family != 4 || probe->dst.family != 4) {
		err_set(err, ERR_SYSTEM, "cannot build packets between these addresses: only IPv4 is scanned");
		return 0;
	}
	if (probe->kind == PROBE_ARP)
		return craft_arp_probe(craft, probe, out, err);
	if (probe->fragment_bytes)
		return craft_fragment(craft, probe, out, err);
	bytes = build_probe(craft, probe, err) ? coalesce(craft, probe, out, err) : 0;
	libnet_clear_packet(craft->libnet);
	return bytes;
}

size_t craft_quick(struct craft *craft, const struct probe *probe, uint8_t out[CRAFT_MAX_BYTES], struct err *err)
{
	struct template *template = &craft->templates[probe->kind];
	size_t bytes;

	if (template_fits(template, probe))
		return template_patch(template, probe, out);
	bytes = craft_probe(craft, probe, out, err);
	if (bytes > 0)
		template_keep(template, probe, out, bytes);
	return bytes;
}
