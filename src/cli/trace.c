/* trace.c: packets as one line of text each, in nmap's manner. */
#include "trace.h"

#include <string.h>

#include "nscan/wire.h"

static double seconds(const struct trace *trace, int64_t at_ns)
{
	return (double)(at_ns - trace->start_ns) / 1e9;
}

/* The name of the payload, so that the line says what was asked. */
static const char *payload_name(const struct probe_settings *settings, const struct probe *probe)
{
	size_t count;

	if (probe->data_bytes == 0)
		return "empty";
	if (probe->padding_bytes > 0)
		return "padding";
	if (settings->data)
		return settings->data->name;
	count = payload_turns(settings->payloads, probe->dst_port);
	for (size_t i = 0; i < count; i++) {
		const struct payload *payload = payload_for(settings->payloads, probe->dst_port, (uint16_t)i);

		if (payload->bytes == probe->data)
			return payload->name;
	}
	return "other";
}

/* " DF", " offset=1480+": how the datagram is to be handled, or which part of it this is ("+": more follow). */
static void print_place(FILE *out, bool dont_fragment, bool is_fragment, unsigned offset, bool more)
{
	fputs(dont_fragment ? " DF" : "", out);
	if (is_fragment)
		fprintf(out, " offset=%u%s", offset, more ? "+" : "");
}

void trace_sent(const struct trace *trace, const struct probe *probe, const uint8_t *frame, size_t n, int64_t at_ns)
{
	size_t ip = probe->link == LINK_ETHERNET ? ETHERNET_HEADER_BYTES : 0;
	unsigned ip_bytes = n >= ip + 4 ? (unsigned)frame[ip + 2] << 8 | frame[ip + 3] : 0;
	char src[ADDR_TEXT_BYTES], dst[ADDR_TEXT_BYTES];

	if (!trace->out)
		return;
	addr_format(&probe->src, src);
	addr_format(&probe->dst, dst);
	fprintf(trace->out, "SENT (%.4fs) ", seconds(trace, at_ns));
	switch (probe->kind) {
	case PROBE_ARP:
		fprintf(trace->out, "ARP who-has %s tell %s\n", dst, src);
		return;
	case PROBE_UDP:
		fprintf(trace->out, "UDP %s:%u > %s:%u ttl=%u id=%u len=%u csum=0x%04x payload=%s", src,
		        probe->src_port, dst, probe->dst_port, probe->ttl, probe->ip_id, ip_bytes, probe->udp_checksum,
		        payload_name(trace->settings, probe));
		break;
	default:
		fprintf(trace->out, "ICMP %s > %s %s-request id=%u seq=%u ttl=%u ipid=%u len=%u", src, dst,
		        probe->kind == PROBE_ECHO ? "echo" : "timestamp", probe->icmp_id, probe->icmp_sequence,
		        probe->ttl, probe->ip_id, ip_bytes);
	}
	print_place(trace->out, probe->dont_fragment, probe->fragment_bytes > 0, probe->fragment_offset,
	            probe->more_fragments);
	fputc('\n', trace->out);
}

void trace_arp(const struct trace *trace, const struct arp_packet *arp, const uint8_t own_mac[MAC_BYTES], int64_t at_ns)
{
	char sender[ADDR_TEXT_BYTES], target[ADDR_TEXT_BYTES], mac[MAC_TEXT_BYTES];

	if (!trace->out)
		return;
	addr_format(&arp->sender, sender);
	addr_format(&arp->target, target);
	fprintf(trace->out, "SENT (%.4fs) ", seconds(trace, at_ns));
	if (arp->is_reply)
		fprintf(trace->out, "ARP reply %s is-at %s\n", sender, mac_format(own_mac, mac));
	else if (addr_equal(&arp->sender, &arp->target))
		fprintf(trace->out, "ARP announcement %s is-at %s\n", sender, mac_format(own_mac, mac));
	else
		fprintf(trace->out, "ARP who-has %s tell %s\n", target, sender);
}

static void print_quote(FILE *out, const struct quote *quote)
{
	char src[ADDR_TEXT_BYTES], dst[ADDR_TEXT_BYTES];

	addr_format(&quote->src, src);
	addr_format(&quote->dst, dst);
	fputs(" (quotes ", out);
	if (quote->has_ports)
		fprintf(out, "UDP %s:%u > %s:%u", src, quote->src_port, dst, quote->dst_port);
	else if (quote->has_icmp_id)
		fprintf(out, "ICMP %s > %s id=%u seq=%u", src, dst, quote->icmp_id, quote->icmp_sequence);
	else
		fprintf(out, "protocol %u %s > %s", quote->protocol, src, dst);
	fprintf(out, " id=%u", quote->ip_id);
	if (quote->has_udp_checksum)
		fprintf(out, " csum=0x%04x", quote->udp_checksum);
	fputs(")", out);
}

static bool is_held_port(const struct probe_settings *settings, uint16_t port)
{
	for (size_t i = 0; i < settings->source_port_count; i++) {
		if (settings->source_ports[i] == port)
			return true;
	}
	return false;
}

static void trace_icmp_error(FILE *out, const struct reply *reply, const char *src, const char *dst)
{
	const struct icmp_row *row = icmp_lookup(reply->src.family, reply->icmp_type, reply->icmp_code);

	fprintf(out, "ICMP %s > %s %s type=%u code=%u", src, dst, row ? row->name : "error", reply->icmp_type,
	        reply->icmp_code);
	if (row && row->meaning == ICMP_MEANS_TOO_BIG)
		fprintf(out, " mtu=%u", reply->next_hop_mtu);
	print_quote(out, &reply->quote);
}

void trace_received(const struct trace *trace, const struct reply *reply, int64_t at_ns)
{
	char src[ADDR_TEXT_BYTES], dst[ADDR_TEXT_BYTES], mac[MAC_TEXT_BYTES];
	FILE *out = trace->out;

	if (!out || reply->kind == REPLY_NONE || reply->kind == REPLY_OTHER || reply->kind == REPLY_ECHO_REQUEST ||
	    reply->kind == REPLY_TIMESTAMP_REQUEST || reply->kind == REPLY_NEIGHBOUR ||
	    (reply->kind == REPLY_ARP && !reply->arp_is_reply) ||
	    (reply->kind == REPLY_UDP && !is_held_port(trace->settings, reply->dst_port)))
		return;
	addr_format(&reply->src, src);
	addr_format(&reply->dst, dst);
	fprintf(out, "RCVD (%.4fs) ", seconds(trace, at_ns));
	switch (reply->kind) {
	case REPLY_ARP:
		fprintf(out, "ARP reply %s is-at %s\n", src, reply->has_mac ? mac_format(reply->mac, mac) : "?");
		return;
	case REPLY_ECHO:
	case REPLY_TIMESTAMP:
		fprintf(out, "ICMP %s > %s %s-reply id=%u seq=%u", src, dst,
		        reply->kind == REPLY_ECHO ? "echo" : "timestamp", reply->icmp_id, reply->icmp_sequence);
		break;
	case REPLY_UDP:
		fprintf(out, "UDP %s:%u > %s:%u data=%zu", src, reply->src_port, dst, reply->dst_port,
		        reply_came_bytes(reply));
		break;
	case REPLY_ICMP_ERROR:
		trace_icmp_error(out, reply, src, dst);
		break;
	default:
		fprintf(out, "fragment %s > %s", src, dst);
		print_place(out, reply->dont_fragment, true, reply->fragment_offset, reply->more_fragments);
	}
	fprintf(out, " ttl=%u ipid=%u len=%u%s\n", reply->ttl, reply->ip_id, reply->ip_total_bytes,
	        reply->checksum_bad ? " BAD CHECKSUM" : "");
}
