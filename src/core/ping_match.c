/* ping_match.c: which packet of a ping a reply answers, and what it says about it. */
#include <string.h>

#include "nscan/bytes.h"
#include "nscan/ping_payload.h"
#include "nscan/wire.h"
#include "ping_internal.h"

/* How far back a reply is looked for that does not say itself which packet it answers. */
enum { LOOK_BACK = 4096 };

/* ---- what an answer's data says ---- */

/* The bytes as they were sent: the nonce put in, and where the other end marks its answers, marked. */
static void place_nonce(struct ping *ping, const struct ping_packet *packet, uint8_t out[PAYLOAD_MAX_BYTES])
{
	const struct payload *said = &ping->saying;

	ping_packet_settings(ping, packet);
	if (said->byte_count > 0)
		memcpy(out, said->bytes, said->byte_count);
	if (ping->config.port && said->nonce_offset >= 0 && (size_t)said->nonce_offset + 2 <= said->byte_count)
		put_u16(out + said->nonce_offset, packet->nonce);
}

/* Compares what came with what was sent. */
static void judge_data(struct ping *ping, const struct ping_packet *packet, const struct reply *reply,
                       struct ping_event *out)
{
	uint8_t sent[PAYLOAD_MAX_BYTES];
	size_t n = ping->saying.byte_count, common = n < reply->data_bytes ? n : reply->data_bytes;
	/* Longer than what was captured only where it is longer than anything that is sent. */
	size_t came = reply_came_bytes(reply);
	enum ping_role role = ping->config.payload ? PING_FOREIGN : ping_payload_role(reply->data, reply->data_bytes);

	place_nonce(ping, packet, sent);
	if (role == PING_ANSWERS)
		ping_payload_answer(sent);
	out->bytes = came;
	out->first_wrong = common;
	for (size_t i = common; i-- > 0;) {
		if (sent[i] != reply->data[i]) {
			out->first_wrong = i;
			out->wrong_bytes++;
		}
	}
	if (came > n)
		out->wrong_bytes += came - n;
	if (out->wrong_bytes == 0 && n > 0 && common > 0)
		out->result = common == n ? PING_ECHO : PING_TRUNCATED;
	else
		/* A service's own answer shares hardly a byte with the request; only a stamp or ICMP says what it is meant to be. */
		out->result = role != PING_FOREIGN || ping->config.port == 0 ? PING_ALTERED : PING_ANSWER;
	if (n == 0 && reply->data_bytes == 0)
		out->result = ping->config.port ? PING_ANSWER : PING_ECHO;
	if (reply->data_bytes == 0 && n > 0)
		out->result = ping->config.port ? PING_ANSWER : PING_TRUNCATED;
}

/* ---- which packet ---- */

static enum match matches(struct ping *ping, const struct ping_packet *packet, const struct reply *reply)
{
	struct ask ask = ping_packet_ask(ping, packet);

	ping_packet_settings(ping, packet);
	return probe_modules[ask.kind]->matches(&ping->settings, &ask, reply);
}

/* The answer of an echo server, whatever address it comes from. */
static struct ping_packet *find_by_stamp(const struct ping *ping, const struct reply *reply)
{
	struct ping_stamp stamp;
	struct ping_packet *packet;

	if (ping->config.payload || !ping_payload_read(reply->data, reply->data_bytes, ping->settings.key, &stamp))
		return NULL;
	packet = ping_packet_by_wire(ping, stamp.serial);
	return packet && packet->sequence == stamp.sequence && packet->sent_ns == stamp.sent_ns ? packet : NULL;
}

/* Answers that could be to any packet are given to the one that has waited longest, or to the last lost, or repeated. */
static bool is_likelier(const struct ping_packet *packet, const struct ping_packet *best)
{
	if (!best || packet->state == PACKET_OPEN)
		return true; /* the walk leads back in time */
	return packet->state != PACKET_REPLIED && best->state == PACKET_REPLIED;
}

static struct ping_packet *find_by_datagram(struct ping *ping, const struct reply *reply, bool *proved)
{
	struct ping_packet *best = find_by_stamp(ping, reply);
	uint64_t back = ping->next_serial < LOOK_BACK ? ping->next_serial : LOOK_BACK;

	*proved = best != NULL;
	if (best)
		return best;
	/* Of this run, but the stamp is not: forged, or altered on the way. The latter is told all the same. */
	for (uint64_t i = 1; i <= back && i <= ping->slots; i++) {
		struct ping_packet *packet = ping_packet_find(ping, ping->next_serial - i);

		if (!packet || packet->unsent || packet->src_port != reply->dst_port)
			continue;
		switch (matches(ping, packet, reply)) {
		case MATCH_PROVED:
			*proved = true;
			return packet;
		case MATCH_WEAK:
			if (is_likelier(packet, best))
				best = packet;
			break;
		case MATCH_NO:
			break;
		}
	}
	return best;
}

static struct ping_packet *find_by_udp_quote(struct ping *ping, const struct reply *reply)
{
	const struct quote *quote = &reply->quote;
	uint64_t back = ping->next_serial < LOOK_BACK ? ping->next_serial : LOOK_BACK;

	for (uint64_t i = 1; i <= back && i <= ping->slots; i++) {
		struct ping_packet *packet = ping_packet_find(ping, ping->next_serial - i);

		if (!packet || packet->unsent || packet->src_port != quote->src_port ||
		    (packet->checksum != quote->udp_checksum && packet->ip_id != quote->ip_id))
			continue;
		if (matches(ping, packet, reply) == MATCH_PROVED)
			return packet;
	}
	return NULL;
}

/* ---- what follows ---- */

/* Notes the reply to the packet, and what it means for the probe. `out` has its result already. */
static void settle(struct ping *ping, struct ping_packet *packet, const struct reply *reply, int64_t at_ns,
                   struct ping_event *out)
{
	struct ping_probe *probe = ping_probe_find(ping, packet->sequence);
	struct ping_stats *stats = &ping->stats;
	bool replied = out->result >= PING_REFUSED;

	out->sequence = packet->sequence;
	out->tries = probe ? probe->tries : packet->attempt + 1u;
	out->attempt = packet->attempt + 1u;
	out->src_port = packet->src_port;
	out->at_ns = at_ns;
	out->has_rtt = true;
	out->rtt_ns = at_ns > packet->sent_ns ? at_ns - packet->sent_ns : 0;
	out->from = reply->src;
	out->from_port = reply->kind == REPLY_UDP ? reply->src_port : 0;
	out->ttl = reply->ttl;
	out->duplicate = packet->state == PACKET_REPLIED || (packet->state == PACKET_ERROR && !replied);
	if (out->duplicate) {
		stats->duplicates++;
		return;
	}
	out->late = packet->state == PACKET_LOST;
	stats->late += out->late;
	out->reordered = packet->serial + 1 < ping->newest_reply;
	stats->reordered += out->reordered;
	if (!out->reordered)
		ping->newest_reply = packet->serial + 1;
	if (packet->state == PACKET_OPEN)
		ping_queue_remove(ping, packet);
	stats->errors -= packet->state == PACKET_ERROR;
	packet->state = replied ? PACKET_REPLIED : PACKET_ERROR;
	stats->received += replied;
	if (ping->ports && replied)
		ping_port_of(ping, packet->sequence)->received++;
	stats->errors += !replied;
	if (replied) {
		rtt_sample(&ping->rtt, out->rtt_ns);
		ping_times_add(out->result == PING_REFUSED ? &stats->refusals : &stats->answers, out->rtt_ns);
	}
	out->again = probe && probe->result >= PING_REFUSED;
	if (replied && !out->again && !out->late)
		loss_answered(&ping->loss, packet->attempt);
	if (probe)
		ping_probe_settle(ping, probe, out->result);
}

static bool is_source_port(const struct ping *ping, uint16_t port)
{
	for (size_t i = 0; ping->ports && i < ping->config.source_port_count; i++) {
		if (ping->ports[i].port == port)
			return true;
	}
	return false;
}

static bool take_datagram(struct ping *ping, const struct reply *reply, int64_t at_ns, struct ping_event *out)
{
	struct ping_packet *packet;

	if (ping->config.port == 0 || !addr_equal(&reply->dst, &ping->config.path.source))
		return false;
	/* Pinging ourselves, the request passes by here too. */
	if (addr_equal(&reply->src, &reply->dst) && is_source_port(ping, reply->src_port))
		return false;
	packet = find_by_datagram(ping, reply, &out->proved);
	if (!packet) {
		ping->stats.rejected += is_source_port(ping, reply->dst_port);
		return false;
	}
	judge_data(ping, packet, reply, out);
	settle(ping, packet, reply, at_ns, out);
	return true;
}

static bool take_echo(struct ping *ping, const struct reply *reply, int64_t at_ns, struct ping_event *out)
{
	struct ping_packet *packet;

	if (ping->config.port != 0 || reply->icmp_id != ping->echo_id || reply->checksum_bad ||
	    !addr_equal(&reply->dst, &ping->config.path.source))
		return false;
	packet = ping_packet_by_wire(ping, reply->icmp_sequence);
	if (!packet || packet->unsent || !addr_equal(&reply->src, &ping->config.dst)) {
		ping->stats.rejected++;
		return false;
	}
	judge_data(ping, packet, reply, out);
	out->proved = out->result == PING_ECHO || find_by_stamp(ping, reply) == packet;
	settle(ping, packet, reply, at_ns, out);
	return true;
}

/* An ICMP error about an echo request quotes at least its identifier and sequence number; the IP ID is ours too. */
static struct ping_packet *find_by_echo_quote(const struct ping *ping, const struct quote *quote)
{
	struct ping_packet *packet = ping_packet_by_wire(ping, quote->icmp_sequence);

	return packet && !packet->unsent && packet->ip_id == quote->ip_id ? packet : NULL;
}

static bool quote_is_ours(const struct ping *ping, const struct quote *quote)
{
	if (!addr_equal(&quote->src, &ping->config.path.source) || !addr_equal(&quote->dst, &ping->config.dst))
		return false;
	if (ping->config.port)
		return quote->protocol == IP_PROTO_UDP && quote->has_ports && quote->dst_port == ping->config.port &&
		       is_source_port(ping, quote->src_port);
	return quote->protocol == IP_PROTO_ICMP && quote->has_icmp_id && quote->icmp_type == ICMP4_ECHO &&
	       quote->icmp_id == ping->echo_id;
}

static bool take_error(struct ping *ping, const struct reply *reply, int64_t at_ns, struct ping_event *out)
{
	const struct icmp_row *row = icmp_lookup(reply->src.family, reply->icmp_type, reply->icmp_code);
	struct ping_packet *packet;
	bool refused;

	if (!row || row->meaning == ICMP_MEANS_NOTHING || !quote_is_ours(ping, &reply->quote))
		return false;
	packet = reply->checksum_bad ? NULL
	         : ping->config.port ? find_by_udp_quote(ping, reply)
	                             : find_by_echo_quote(ping, &reply->quote);
	if (!packet) {
		ping->stats.rejected++;
		return false;
	}
	refused = row->meaning == ICMP_MEANS_PORT_CLOSED && addr_equal(&reply->src, &ping->config.dst);
	out->result = refused && ping->config.port ? PING_REFUSED : PING_ERROR;
	out->icmp_name = row->name;
	out->proved = true;
	settle(ping, packet, reply, at_ns, out);
	return true;
}

/* Whatever the next hop says about itself is heard: it may have been replaced by another machine. */
static void take_arp(struct ping *ping, const struct reply *reply)
{
	struct ping_neighbour *n = &ping->neighbour;

	if (!n->needed || !reply->has_mac || !addr_equal(&reply->src, &ping->config.path.next_hop))
		return;
	memcpy(n->mac, reply->mac, MAC_BYTES);
	n->known = true;
	n->silent = false;
	n->doubted = false;
	n->asked = 0;
}

bool ping_receive(struct ping *ping, const struct reply *reply, int64_t at_ns, struct ping_event *out)
{
	*out = (struct ping_event){0};
	switch (reply->kind) {
	case REPLY_ARP:
		take_arp(ping, reply);
		return false;
	case REPLY_UDP:
		return take_datagram(ping, reply, at_ns, out);
	case REPLY_ECHO:
		return take_echo(ping, reply, at_ns, out);
	case REPLY_ICMP_ERROR:
		return take_error(ping, reply, at_ns, out);
	case REPLY_FRAGMENT:
		ping->stats.fragments += addr_equal(&reply->src, &ping->config.dst);
		return false;
	default:
		return false;
	}
}
