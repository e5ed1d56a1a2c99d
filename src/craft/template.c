/* template.c: the next packet of the same kind is the last one with a few words changed (RFC 1624). */
#include "template.h"

#include <string.h>

#include "nscan/bytes.h"
#include "nscan/checksum.h"
#include "nscan/wire.h"

enum { ARP_TARGET_AT = 24 };
enum { IP_ID_AT = 4, IP_CHECKSUM_AT = 10, IP_DST_AT = 16 };
enum { ICMP_CHECKSUM_AT = 2, ICMP_ID_AT = 4, ICMP_SEQUENCE_AT = 6, ICMP_DATA_AT = 8 };

/* Nothing about it but destination and identity is its own. */
static bool is_plain(const struct probe *probe)
{
	bool known = probe->kind == PROBE_ARP || probe->kind == PROBE_ECHO || probe->kind == PROBE_TIMESTAMP;

	return known && !probe->data && probe->nonce_offset < 0 && probe->address_offset == 0 &&
	       probe->padding_bytes == 0 && probe->fragment_offset == 0 && probe->fragment_bytes == 0 &&
	       !probe->more_fragments;
}

bool template_fits(const struct template *template, const struct probe *probe)
{
	const struct probe *t = &template->probe;

	return template->bytes > 0 && is_plain(probe) && t->kind == probe->kind && t->interface == probe->interface &&
	       t->link == probe->link && t->ttl == probe->ttl && t->tos == probe->tos &&
	       t->dont_fragment == probe->dont_fragment && t->data_bytes == probe->data_bytes &&
	       addr_equal(&t->src, &probe->src) && probe->dst.family == 4 &&
	       memcmp(t->next_hop_mac, probe->next_hop_mac, MAC_BYTES) == 0;
}

void template_keep(struct template *template, const struct probe *probe, const uint8_t *packet, size_t bytes)
{
	if (!is_plain(probe) || bytes > sizeof(template->packet))
		return;
	template->probe = *probe;
	template->bytes = bytes;
	memcpy(template->packet, packet, bytes);
}

/* Changes n bytes (an even number, at an even place) and the checksum that covers them. */
static void change(uint8_t *at, const uint8_t *to, size_t n, uint8_t *checksum)
{
	uint16_t sum = (uint16_t)(checksum[0] << 8 | checksum[1]);

	for (size_t i = 0; i < n; i += 2)
		sum = checksum_update(sum, (uint16_t)(at[i] << 8 | at[i + 1]), (uint16_t)(to[i] << 8 | to[i + 1]));
	memcpy(at, to, n);
	put_u16(checksum, sum);
}

static void change_u16(uint8_t *at, uint16_t to, uint8_t *checksum)
{
	uint8_t bytes[2];

	put_u16(bytes, to);
	change(at, bytes, sizeof(bytes), checksum);
}

static void patch_icmp(const struct probe *probe, uint8_t *icmp)
{
	uint8_t *checksum = icmp + ICMP_CHECKSUM_AT;
	uint8_t originate[4];

	change_u16(icmp + ICMP_ID_AT, probe->icmp_id, checksum);
	change_u16(icmp + ICMP_SEQUENCE_AT, probe->icmp_sequence, checksum);
	if (probe->kind == PROBE_ECHO) {
		change(icmp + ICMP_DATA_AT, probe->echo_data, probe->data_bytes, checksum);
		return;
	}
	put_u32(originate, probe->icmp_originate);
	change(icmp + ICMP_DATA_AT, originate, sizeof(originate), checksum);
}

size_t template_patch(const struct template *template, const struct probe *probe, uint8_t out[CRAFT_MAX_BYTES])
{
	uint8_t *ip = out + (probe->link == LINK_ETHERNET ? ETHERNET_HEADER_BYTES : 0);

	memcpy(out, template->packet, template->bytes);
	if (probe->kind == PROBE_ARP) {
		memcpy(ip + ARP_TARGET_AT, probe->dst.bytes, 4);
		return template->bytes;
	}
	change_u16(ip + IP_ID_AT, probe->ip_id, ip + IP_CHECKSUM_AT);
	change(ip + IP_DST_AT, probe->dst.bytes, 4, ip + IP_CHECKSUM_AT);
	patch_icmp(probe, ip + IPV4_HEADER_BYTES);
	return template->bytes;
}
