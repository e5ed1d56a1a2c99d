/* quotes.c: what the quote in an ICMP error tells about the way: the probe as it arrived, compared with the probe as it was sent.
 *
 * NAT and traffic shaping leave their traces there, and so do systems that quote with slips of their own. Only the first errors of
 * each host are looked at, and each kind of difference is told once. */
#include "internal.h"

enum { QUOTES_LOOKED_AT = 6, ATTEMPTS_LOOKED_AT = 8 };

/* Bits of host->quote_notes. */
enum { NOTED_LENGTH = 1, NOTED_TOS = 2, NOTED_TTL = 4, NOTED_ID = 8, NOTED_CHECKSUM = 16 };

static bool first_time(struct host *host, unsigned what)
{
	bool first = !(host->quote_notes & what);

	host->quote_notes |= (uint8_t)what;
	return first;
}

static uint16_t swapped(uint16_t word)
{
	return (uint16_t)(word << 8 | word >> 8);
}

static void compare_length(struct engine *e, struct host *host, const struct probe *sent, const struct quote *quote,
                           const char *from, int64_t at_ns)
{
	size_t header = sent->kind == PROBE_TIMESTAMP ? 20 : 8;
	size_t bytes = IPV4_HEADER_BYTES + header + sent->data_bytes + sent->padding_bytes;
	bool part = quote->more_fragments || quote->fragment_offset > 0;

	if (part || quote->ip_total_bytes == bytes || quote->ip_total_bytes == 0 || !first_time(host, NOTED_LENGTH))
		return;
	if (quote->ip_total_bytes == swapped((uint16_t)bytes) || quote->ip_total_bytes == bytes - IPV4_HEADER_BYTES)
		note(e, host, at_ns, 0, "quote-length-altered",
		     "%s quotes a length of %u for %zu bytes: a slip of some systems (byte order, or without the "
		     "header)",
		     from, quote->ip_total_bytes, bytes);
	else
		note(e, host, at_ns, 0, "quote-length-altered", "%s quotes a datagram of %u bytes, %zu were sent", from,
		     quote->ip_total_bytes, bytes);
}

static void compare(struct engine *e, struct host *host, const struct probe *sent, const struct reply *reply,
                    int64_t at_ns)
{
	const struct quote *quote = &reply->quote;
	char from[ADDR_TEXT_BYTES];

	addr_format(&reply->src, from);
	compare_length(e, host, sent, quote, from, at_ns);
	if (quote->tos != sent->tos && first_time(host, NOTED_TOS))
		note(e, host, at_ns, 0, "tos-rewritten", "TOS 0x%02x was 0x%02x when the probe reached %s", sent->tos,
		     quote->tos, from);
	if (quote->ttl > sent->ttl && first_time(host, NOTED_TTL))
		note(e, host, at_ns, 0, "ttl-raised", "sent with a TTL of %u, the probe reached %s with one of %u",
		     sent->ttl, from, quote->ttl);
	if (quote->ip_id != sent->ip_id && first_time(host, NOTED_ID))
		note(e, host, at_ns, 0, "ip-id-rewritten", "%s quotes the IP ID 0x%04x, 0x%04x was sent%s", from,
		     quote->ip_id, sent->ip_id,
		     quote->ip_id == swapped(sent->ip_id) ? ": in the wrong byte order"
		                                          : ": NAT, or a normalising firewall");
}

void quote_verified(struct engine *e, struct host *host, const struct ask *ask, const struct reply *reply,
                    int64_t at_ns)
{
	struct probe sent;

	if (!host->mtu || host->addr.family != 4 || host->quotes_seen >= QUOTES_LOOKED_AT)
		return;
	host->quotes_seen++;
	probe_modules[ask->kind]->make(&e->config.probe, ask, &sent);
	compare(e, host, &sent, reply, at_ns);
}

void quote_rejected(struct engine *e, struct host *host, const struct lane *lane, const struct reply *reply,
                    int64_t at_ns)
{
	const struct quote *quote = &reply->quote;
	uint32_t slot = e->slot_of_port[quote->dst_port];
	uint16_t attempts;

	if (!host->mtu || !lane || slot == 0 || !quote->has_udp_checksum || host->quotes_seen >= QUOTES_LOOKED_AT)
		return;
	host->quotes_seen++;
	attempts = host->scan->slots[slot - 1].attempts;
	for (uint16_t back = 1; back <= attempts && back <= ATTEMPTS_LOOKED_AT; back++) {
		struct ask ask = {.kind = PROBE_UDP, .src = lane->source, .dst = host->addr, .port = quote->dst_port};
		char from[ADDR_TEXT_BYTES];
		struct probe sent;

		ask.attempt = (uint16_t)(attempts - back);
		probe_modules[PROBE_UDP]->make(&e->config.probe, &ask, &sent);
		if (sent.src_port != quote->src_port || sent.ip_id != quote->ip_id ||
		    sent.udp_checksum == quote->udp_checksum || !first_time(host, NOTED_CHECKSUM))
			continue;
		note(e, host, at_ns, 0, "checksum-rewritten",
		     "%s quotes the UDP checksum 0x%04x, 0x%04x was sent: NAT on the way, or forged; not believed",
		     addr_format(&reply->src, from), quote->udp_checksum, sent.udp_checksum);
		return;
	}
}
