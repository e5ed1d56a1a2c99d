/* ping_packet.c: one packet of a ping: its bytes, its identity, and the memory of those sent. */
#include <string.h>

#include "nscan/ping_payload.h"
#include "ping_internal.h"

struct ping_packet *ping_packet_find(const struct ping *ping, uint64_t serial)
{
	struct ping_packet *packet = &ping->packets[serial % ping->slots];

	return packet->state != PACKET_FREE && packet->serial == serial ? packet : NULL;
}

struct ping_packet *ping_packet_by_wire(const struct ping *ping, uint16_t serial)
{
	uint64_t back = (uint16_t)(ping->next_serial - 1 - serial);

	if (back >= ping->slots || back >= ping->next_serial)
		return NULL;
	return ping_packet_find(ping, ping->next_serial - 1 - back);
}

struct ping_probe *ping_probe_find(const struct ping *ping, uint32_t sequence)
{
	struct ping_probe *probe = &ping->probes[sequence % ping->slots];

	return sequence != 0 && probe->sequence == sequence ? probe : NULL;
}

struct ask ping_packet_ask(const struct ping *ping, const struct ping_packet *packet)
{
	return (struct ask){
	        .kind = ping->config.port ? PROBE_UDP : PROBE_ECHO,
	        .src = ping->config.path.source,
	        .dst = ping->config.dst,
	        .port = ping->config.port,
	        .attempt = (uint16_t)packet->serial,
	};
}

void ping_packet_settings(struct ping *ping, const struct ping_packet *packet)
{
	struct ping_stamp stamp = {(uint16_t)packet->serial, packet->sequence, packet->sent_ns};

	ping->port_at_hand = packet->src_port;
	if (ping->config.payload)
		return;
	ping_payload_write(ping->bytes, ping->config.data_bytes, ping->settings.key, &stamp);
}

/* An echo request carries the serial as its sequence number, as ping(8) does, and the stamp in its data. */
static void make_echo(const struct ping *ping, const struct ask *ask, const struct ping_packet *packet,
                      struct probe *out)
{
	*out = (struct probe){
	        .kind = PROBE_ECHO,
	        .src = ask->src,
	        .dst = ask->dst,
	        .ttl = ping->settings.ttl,
	        .tos = ping->settings.tos,
	        .ip_id = (uint16_t)(probe_identity(&ping->settings, ask) | 1),
	        .icmp_id = ping->echo_id,
	        .icmp_sequence = (uint16_t)packet->serial,
	        .data = ping->saying.byte_count ? ping->saying.bytes : NULL,
	        .data_bytes = ping->saying.byte_count,
	        .nonce_offset = -1,
	};
}

void ping_packet_make(struct ping *ping, struct ping_packet *packet, struct probe *out)
{
	const struct path *path = &ping->config.path;
	struct ask ask = ping_packet_ask(ping, packet);

	ping_packet_settings(ping, packet);
	if (ask.kind == PROBE_UDP)
		probe_modules[PROBE_UDP]->make(&ping->settings, &ask, out);
	else
		make_echo(ping, &ask, packet, out);
	packet->nonce = out->nonce;
	packet->checksum = out->udp_checksum;
	packet->ip_id = out->ip_id;
	out->interface = path->interface;
	out->link = path->kind;
	memcpy(out->next_hop_mac, ping->neighbour.mac, MAC_BYTES);
	out->cookie = packet->serial;
}

void ping_queue_remove(struct ping *ping, struct ping_packet *packet)
{
	struct ping_queue *queue = &ping->queues[packet->attempt];

	if (packet->before != NO_SLOT)
		ping->packets[packet->before].after = packet->after;
	else
		queue->first = packet->after;
	if (packet->after != NO_SLOT)
		ping->packets[packet->after].before = packet->before;
	else
		queue->last = packet->before;
	packet->before = packet->after = NO_SLOT;
	ping->stats.waiting -= !packet->unsent;
}

/* A queue stays in order because nobody runs out of time before who waits already. */
void ping_queue_add(struct ping *ping, struct ping_packet *packet, int64_t patience_ns)
{
	struct ping_queue *queue = &ping->queues[packet->attempt];
	int32_t slot = (int32_t)(packet - ping->packets);

	packet->due_ns = packet->sent_ns + patience_ns;
	packet->before = queue->last;
	packet->after = NO_SLOT;
	if (queue->last != NO_SLOT) {
		if (ping->packets[queue->last].due_ns > packet->due_ns)
			packet->due_ns = ping->packets[queue->last].due_ns;
		ping->packets[queue->last].after = slot;
	} else {
		queue->first = slot;
	}
	queue->last = slot;
	ping->stats.waiting++;
}

struct ping_packet *ping_packet_begin(struct ping *ping, uint32_t sequence, uint8_t attempt, int64_t now_ns)
{
	struct ping_packet *packet = &ping->packets[ping->next_serial % ping->slots];

	*packet = (struct ping_packet){
	        .serial = ping->next_serial++,
	        .sent_ns = now_ns,
	        .sequence = sequence,
	        .attempt = attempt,
	        .state = PACKET_OPEN,
	        .before = NO_SLOT,
	        .after = NO_SLOT,
	};
	if (ping->config.port)
		packet->src_port = ping->config.source_ports[(sequence - 1) % ping->config.source_port_count];
	return packet;
}
