/* udp.c: a UDP datagram with the payload that the port's service answers. Identity: source port, UDP checksum, IP ID. */
#include "common.h"
#include "nscan/bytes.h"
#include "nscan/checksum.h"
#include "nscan/wire.h"

/* The bits of the identity hash and where they go. */
struct udp_identity {
	uint16_t src_port;
	uint16_t checksum; /* 1 to 0xfffe: neither "none" nor the second zero of one's complement */
	uint16_t ip_id;
};

static struct udp_identity udp_identity_of(const struct probe_settings *settings, const struct ask *ask)
{
	uint64_t identity = probe_identity(settings, ask);

	return (struct udp_identity){
	        .src_port = settings->source_ports[(uint32_t)identity % settings->source_port_count],
	        .checksum = (uint16_t)(1 + (identity >> 32 & 0xffff) % 0xfffe),
	        .ip_id = ip_id_from(identity >> 48),
	};
}

/* What a datagram of a wanted length begins with: two bytes for its checksum; the rest is padding. */
static const uint8_t padded_bytes[2];
static const struct payload padded = {
        .name = "padding",
        .source = "RFC 8899",
        .nonce_offset = 0,
        .bytes = padded_bytes,
        .byte_count = sizeof(padded_bytes),
};

static const struct payload *payload_of(const struct probe_settings *settings, const struct ask *ask)
{
	if (ask->bytes)
		return &padded;
	return settings->data ? settings->data : payload_for(settings->payloads, ask->port, ask->attempt);
}

static uint16_t swap_bytes(uint16_t word)
{
	return (uint16_t)(word << 8 | word >> 8);
}

/* The word of the checksum sum that the nonce makes at its place in the data. */
static uint16_t nonce_word(const struct probe *probe, uint16_t nonce)
{
	return probe->nonce_offset % 2 ? swap_bytes(nonce) : nonce;
}

/* The checksum with our address counted in, where the data names it. */
static uint16_t with_address(const struct probe *probe, uint16_t checksum)
{
	const uint8_t *a = probe->src.bytes;

	if (probe->address_offset == 0 || probe->src.family != 4)
		return checksum;
	checksum = checksum_update(checksum, 0, (uint16_t)(a[0] << 8 | a[1]));
	return checksum_update(checksum, 0, (uint16_t)(a[2] << 8 | a[3]));
}

/* Of the whole datagram, padding included. */
static uint16_t datagram_checksum(const struct probe *probe)
{
	size_t bytes = UDP_HEADER_BYTES + probe->data_bytes + probe->padding_bytes;
	uint8_t header[6];
	uint32_t sum;

	if (probe->padding_bytes == 0)
		return checksum_udp(&probe->src, &probe->dst, probe->src_port, probe->dst_port, probe->data,
		                    probe->data_bytes);
	put_u16(header, probe->src_port);
	put_u16(header + 2, probe->dst_port);
	put_u16(header + 4, (uint16_t)bytes);
	sum = checksum_pseudo(&probe->src, &probe->dst, IP_PROTO_UDP, (uint32_t)bytes);
	sum = checksum_add(sum, header, sizeof(header));
	sum = checksum_add(sum, probe->data, probe->data_bytes);
	return checksum_finish(checksum_add(sum, probe->padding, probe->padding_bytes));
}

/* The right checksum of the probe's datagram, its nonce counted in. */
static uint16_t right_checksum(const struct probe *probe)
{
	uint16_t checksum = datagram_checksum(probe);

	checksum = with_address(probe, checksum);
	if (probe->nonce_offset >= 0)
		checksum = checksum_update(checksum, 0, nonce_word(probe, probe->nonce));
	return checksum ? checksum : 0xffff;
}

/* A checksum that carries identity and is certainly wrong. */
static uint16_t wrong_checksum(uint16_t wanted, uint16_t right)
{
	if (wanted != right)
		return wanted;
	return wanted == 1 ? 2 : (uint16_t)(wanted - 1);
}

static void set_checksum(const struct probe_settings *settings, struct probe *probe, uint16_t wanted)
{
	if (settings->bad_checksum) {
		probe->nonce = probe->nonce_offset >= 0 ? wanted : 0;
		probe->udp_checksum = wrong_checksum(wanted, right_checksum(probe));
		probe->checksum_forced = true;
	} else if (settings->checksum_mode == CHECKSUM_FIXED) {
		probe->udp_checksum = settings->fixed_checksum;
		probe->checksum_forced = true;
	} else if (settings->checksum_mode == CHECKSUM_NONE) {
		probe->nonce = probe->nonce_offset >= 0 ? wanted : 0;
		probe->checksum_forced = true;
	} else {
		uint16_t now = right_checksum(probe); /* with the nonce still zero */

		if (probe->nonce_offset >= 0)
			probe->nonce = nonce_word(probe, checksum_solve(now, wanted));
		probe->udp_checksum = probe->nonce_offset >= 0 ? wanted : now;
	}
}

static void udp_make(const struct probe_settings *settings, const struct ask *ask, struct probe *probe)
{
	struct udp_identity identity = udp_identity_of(settings, ask);
	const struct payload *payload = payload_of(settings, ask);

	probe_begin(settings, ask, probe);
	probe->src_port = identity.src_port;
	probe->dst_port = ask->port;
	probe->ip_id = identity.ip_id;
	probe->data = payload->byte_count ? payload->bytes : NULL;
	probe->data_bytes = payload->byte_count;
	probe->address_offset = payload->address_offset;
	probe->nonce_offset = payload->nonce_offset;
	probe_pad(settings, ask, UDP_HEADER_BYTES, probe);
	set_checksum(settings, probe, identity.checksum);
}

/* Whether the checksum on the wire is one that only who saw the probe can know: where it was not chosen, anybody can
 * compute it from the ports. */
static bool checksum_is_secret(const struct probe_settings *settings, const struct probe *sent)
{
	return settings->bad_checksum || (settings->checksum_mode == CHECKSUM_CHOSEN && sent->nonce_offset >= 0);
}

static enum match error_matches(const struct probe_settings *settings, const struct ask *ask, const struct reply *reply,
                                const struct probe *sent)
{
	const struct quote *quote = &reply->quote;
	bool quoted = quote->has_udp_checksum && (quote->udp_checksum != 0 || sent->udp_checksum == 0);

	if (!error_is_about(ask, IP_PROTO_UDP, reply) || !quote->has_ports || quote->src_port != sent->src_port ||
	    quote->dst_port != sent->dst_port)
		return MATCH_NO;
	if (quoted && quote->udp_checksum != sent->udp_checksum)
		return MATCH_NO;
	/* A middlebox may rewrite the IP ID (RFC 6864) or clear the checksum: one of them, if it is a secret, can do without the
	 * other, but is half as much to guess. */
	if (quote->ip_id == sent->ip_id)
		return quoted ? MATCH_PROVED : MATCH_WEAK;
	return quoted && checksum_is_secret(settings, sent) ? MATCH_WEAK : MATCH_NO;
}

static enum answer judge(const struct payload *payload, const struct reply *reply, uint16_t nonce)
{
	return payload->judge ? payload->judge(reply->data, reply->data_bytes, nonce) : ANSWER_UNKNOWN;
}

static enum match datagram_matches(const struct probe_settings *settings, const struct ask *ask,
                                   const struct reply *reply, const struct probe *sent)
{
	const struct payload *payload = payload_of(settings, ask);
	bool same_port = reply->src_port == ask->port;
	bool own = addr_equal(&ask->src, &ask->dst) && reply->ip_id == sent->ip_id;

	if (!reply_is_from_asked(ask, reply) || reply->dst_port != sent->src_port || own)
		return MATCH_NO; /* own: scanning ourselves on the probe's source port, that is the probe */
	if (!same_port && !payload->other_port)
		return MATCH_NO;
	switch (judge(payload, reply, sent->nonce)) {
	case ANSWER_PROVED:
		/* With the operator's checksum the nonce stays 0, and a 0 proves nothing. */
		return settings->checksum_mode == CHECKSUM_FIXED && !settings->bad_checksum ? MATCH_WEAK : MATCH_PROVED;
	case ANSWER_FITS:
		return MATCH_WEAK;
	case ANSWER_UNKNOWN:
		return same_port ? MATCH_WEAK : MATCH_NO;
	case ANSWER_FOREIGN:
		break;
	}
	return MATCH_NO;
}

static enum match udp_matches(const struct probe_settings *settings, const struct ask *ask, const struct reply *reply)
{
	struct probe sent;

	if (reply->kind != REPLY_UDP && reply->kind != REPLY_ICMP_ERROR)
		return MATCH_NO;
	udp_make(settings, ask, &sent);
	if (reply->kind == REPLY_UDP)
		return datagram_matches(settings, ask, reply, &sent);
	return error_matches(settings, ask, reply, &sent);
}

const struct probe_module probe_udp = {
        .kind = PROBE_UDP,
        .name = "UDP",
        .make = udp_make,
        .matches = udp_matches,
};
