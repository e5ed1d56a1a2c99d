/* common.c: what the probe kinds share. */
#include "common.h"

#include <string.h>

#include "nscan/bytes.h"
#include "nscan/wire.h"

void probe_begin(const struct probe_settings *settings, const struct ask *ask, struct probe *probe)
{
	probe->kind = ask->kind;
	probe->src = ask->src;
	probe->dst = ask->dst;
	probe->ttl = settings->ttl;
	probe->tos = settings->tos;
	probe->dont_fragment = false;
	probe->ip_id = 0;
	probe->src_port = 0;
	probe->dst_port = 0;
	probe->udp_checksum = 0;
	probe->checksum_forced = false;
	probe->icmp_id = 0;
	probe->icmp_sequence = 0;
	probe->icmp_originate = 0;
	probe->data = NULL;
	probe->data_bytes = 0;
	probe->address_offset = 0;
	probe->padding = NULL;
	probe->padding_bytes = 0;
	probe->fragment_offset = 0;
	probe->fragment_bytes = 0;
	probe->more_fragments = false;
	probe->nonce_offset = -1;
	probe->nonce = 0;
	memset(probe->echo_data, 0, sizeof(probe->echo_data));
}

void probe_pad(const struct probe_settings *settings, const struct ask *ask, size_t header_bytes, struct probe *probe)
{
	size_t bytes = IPV4_HEADER_BYTES + header_bytes + probe->data_bytes;

	if (ask->bytes <= bytes || !settings->padding)
		return;
	probe->padding = settings->padding;
	probe->padding_bytes = ask->bytes - bytes;
}

uint16_t ip_id_from(uint64_t identity_bits)
{
	uint16_t id = (uint16_t)identity_bits;

	return id ? id : 1;
}

uint64_t identity_more(const struct probe_settings *settings, uint64_t identity)
{
	uint8_t bytes[8];

	put_u32(bytes, (uint32_t)(identity >> 32));
	put_u32(bytes + 4, (uint32_t)identity);
	return siphash(settings->key, bytes, sizeof(bytes));
}

bool reply_is_from_asked(const struct ask *ask, const struct reply *reply)
{
	return !reply->checksum_bad && addr_equal(&reply->src, &ask->dst) && addr_equal(&reply->dst, &ask->src);
}

bool error_is_about(const struct ask *ask, uint8_t protocol, const struct reply *reply)
{
	const struct quote *quote = &reply->quote;

	return reply->kind == REPLY_ICMP_ERROR && !reply->checksum_bad && quote->protocol == protocol &&
	       addr_equal(&quote->src, &ask->src) && addr_equal(&quote->dst, &ask->dst);
}

bool error_is_about_query(const struct ask *ask, const struct probe *sent, uint8_t icmp_type, const struct reply *reply)
{
	const struct quote *quote = &reply->quote;

	return error_is_about(ask, IP_PROTO_ICMP, reply) && quote->has_icmp_id && quote->icmp_type == icmp_type &&
	       quote->icmp_id == sent->icmp_id && quote->icmp_sequence == sent->icmp_sequence &&
	       quote->ip_id == sent->ip_id;
}
