/* ping.c: what a ping sends and when, and what has waited long enough. */
#include <stdlib.h>
#include <string.h>

#include "nscan/ping_payload.h"
#include "ping_internal.h"

#define MS_NS             INT64_C(1000000)
#define SECOND_NS         INT64_C(1000000000)
#define FIRST_PATIENCE_NS SECOND_NS /* before any round trip was seen (RFC 6298 2.1) */
#define LEAST_PATIENCE_NS (200 * MS_NS)
#define ASK_AGAIN_NS      (250 * MS_NS) /* between the first two ARP requests; then twice that, up to a second */

enum { SLOTS_LEAST = 64, ARP_REQUESTS = 3, DOUBLINGS_MOST = 3, ANSWERS_TO_JUDGE_BY = 8 };

/* One source port of so many thousand may be called silent though it is not. */
#define WRONG_VERDICTS 0.00002

static size_t slots_for(const struct ping_config *config)
{
	uint64_t want =
	        (uint64_t)config->count * ((config->repeat_as_needed ? PING_RETRIES_MOST : config->max_retries) + 1);
	size_t slots = SLOTS_LEAST;

	while (slots < PING_PACKETS_KEPT && (config->count == 0 || slots < want))
		slots *= 2;
	return slots;
}

static void set_payload(struct ping *ping)
{
	ping->saying = (struct payload){
	        .name = "nscan-ping",
	        .nonce_offset = PING_NONCE_AT,
	        .bytes = ping->bytes,
	        .byte_count = ping->config.data_bytes,
	};
	if (ping->config.payload)
		ping->saying = *ping->config.payload;
	ping->settings = ping->config.probe;
	ping->settings.data = &ping->saying;
	ping->settings.source_ports = &ping->port_at_hand;
	ping->settings.source_port_count = 1;
}

/* One identifier for the whole run, as ping(8) has it, so that a firewall sees one flow. */
static uint16_t echo_id(const struct ping *ping)
{
	struct ask ask = {.kind = PROBE_ECHO, .src = ping->config.path.source, .dst = ping->config.dst};

	return (uint16_t)(probe_identity(&ping->settings, &ask) >> 16);
}

struct ping *ping_new(const struct ping_config *config, int64_t now_ns, struct err *err)
{
	struct ping *ping = calloc(1, sizeof(*ping));
	bool ok = ping != NULL;

	if (ok) {
		ping->config = *config;
		ping->slots = slots_for(config);
		ping->packets = calloc(ping->slots, sizeof(*ping->packets));
		ping->probes = calloc(ping->slots, sizeof(*ping->probes));
		ok = ping->packets && ping->probes;
	}
	if (ok && config->port) {
		ping->ports = calloc(config->source_port_count, sizeof(*ping->ports));
		ok = ping->ports != NULL;
	}
	if (!ok) {
		ping_free(ping);
		err_set(err, ERR_SYSTEM, "out of memory while starting the ping");
		return NULL;
	}
	for (size_t i = 0; ping->ports && i < config->source_port_count; i++)
		ping->ports[i].port = config->source_ports[i];
	for (size_t i = 0; i <= PING_RETRIES_MOST; i++)
		ping->queues[i] = (struct ping_queue){NO_SLOT, NO_SLOT};
	set_payload(ping);
	ping->echo_id = echo_id(ping);
	ping->neighbour.needed = config->path.kind == LINK_ETHERNET;
	ping->neighbour.ask_at_ns = now_ns;
	ping->next_probe_ns = now_ns;
	return ping;
}

void ping_free(struct ping *ping)
{
	if (!ping)
		return;
	free(ping->packets);
	free(ping->probes);
	free(ping->ports);
	free(ping);
}

static bool knows_the_way(const struct ping *ping)
{
	return !ping->neighbour.needed || ping->neighbour.known;
}

/* There is a probe to begin; not yet whether it is due. */
static bool wants_more(const struct ping *ping)
{
	return (ping->config.count == 0 || ping->sequence < ping->config.count) && ping->sequence < UINT32_MAX;
}

/* And a place to remember it. */
static bool has_more(const struct ping *ping)
{
	const struct ping_probe *old = &ping->probes[(ping->sequence + 1) % ping->slots];

	return wants_more(ping) && (old->sequence == 0 || old->result != PING_WAITING);
}

static struct ping_probe *begin_probe(struct ping *ping, int64_t now_ns)
{
	struct ping_probe *probe = &ping->probes[++ping->sequence % ping->slots];

	*probe = (struct ping_probe){.sequence = ping->sequence, .result = PING_WAITING, .begun_ns = now_ns};
	ping->stats.probes++;
	ping->stats.results[PING_WAITING]++;
	/* The beat is kept; what was missed is not made up for with a burst. */
	ping->next_probe_ns += ping->config.interval_ns;
	if (ping->next_probe_ns <= now_ns)
		ping->next_probe_ns = now_ns + ping->config.interval_ns;
	return probe;
}

/* How often a silent probe is repeated. What was answered tells how much gets lost. */
static uint32_t retries(const struct ping *ping)
{
	uint32_t least = ping->config.max_retries;

	if (!ping->config.repeat_as_needed || ping->loss.asked < ANSWERS_TO_JUDGE_BY)
		return least;
	return loss_asks_needed(&ping->loss, WRONG_VERDICTS, least + 1, PING_RETRIES_MOST + 1) - 1;
}

/* Of the packets that repeat as needed only the first few are waited for ever longer. */
static int64_t patience(const struct ping *ping, unsigned attempt)
{
	int64_t most_ns = PING_PATIENCE_MOST_S * SECOND_NS;
	int64_t wait_ns = ping->config.timeout_ns;

	if (wait_ns == 0)
		wait_ns = rtt_timeout(&ping->rtt, FIRST_PATIENCE_NS, LEAST_PATIENCE_NS);
	if (wait_ns > most_ns)
		return wait_ns;
	if (ping->config.repeat_as_needed && attempt > DOUBLINGS_MOST)
		attempt = DOUBLINGS_MOST;
	wait_ns <<= attempt; /* at most 60 s << 10 */
	return wait_ns < most_ns ? wait_ns : most_ns;
}

/* The next slot is still needed for a packet that waits: then nothing can be sent before that one is given up. */
static struct ping_packet *crowded_slot(const struct ping *ping)
{
	struct ping_packet *packet = &ping->packets[ping->next_serial % ping->slots];

	return packet->state == PACKET_OPEN ? packet : NULL;
}

static void send_packet(struct ping *ping, struct ping_probe *probe, int64_t now_ns, struct probe *out)
{
	struct ping_packet *packet = ping_packet_begin(ping, probe->sequence, probe->tries, now_ns);

	ping_packet_make(ping, packet, out);
	ping_queue_add(ping, packet, patience(ping, packet->attempt));
	ping->stats.packets++;
	ping->stats.retransmissions += packet->attempt > 0;
	if (ping->ports)
		ping_port_of(ping, packet->sequence)->packets++;
	probe->tries++;
}

/* The packet whose time has run out, the earliest queue first. */
static struct ping_packet *next_due(const struct ping *ping, int64_t now_ns)
{
	for (unsigned i = 0; i <= PING_RETRIES_MOST; i++) {
		int32_t slot = ping->queues[i].first;

		if (slot != NO_SLOT && ping->packets[slot].due_ns <= now_ns)
			return &ping->packets[slot];
	}
	return NULL;
}

static void lose(struct ping *ping, struct ping_packet *packet)
{
	ping_queue_remove(ping, packet);
	packet->state = PACKET_LOST;
}

/* Nothing more is to come for the packet's probe: *out says so. */
static void give_up(struct ping *ping, const struct ping_packet *packet, struct ping_probe *probe, int64_t now_ns,
                    struct ping_event *out)
{
	*out = (struct ping_event){
	        .result = packet->unsent ? PING_NOT_SENT : PING_NOTHING,
	        .sequence = probe->sequence,
	        .tries = probe->tries,
	        .src_port = packet->src_port,
	        .at_ns = now_ns,
	        .rtt_ns = now_ns - probe->begun_ns,
	};
	ping_probe_settle(ping, probe, out->result);
	ping->neighbour.doubted = ping->neighbour.needed;
}

/* A probe that could not even be sent, for want of the next hop's address. */
static void fail_for_want_of_neighbour(struct ping *ping, int64_t now_ns, struct ping_event *out)
{
	struct ping_probe *probe = begin_probe(ping, now_ns);

	*out = (struct ping_event){.result = PING_NO_NEIGHBOUR, .sequence = probe->sequence, .at_ns = now_ns};
	if (ping->ports)
		out->src_port = ping_port_of(ping, probe->sequence)->port;
	ping_probe_settle(ping, probe, PING_NO_NEIGHBOUR);
}

static bool probe_is_due(const struct ping *ping, int64_t now_ns)
{
	return has_more(ping) && now_ns >= ping->next_probe_ns;
}

/* The packet that has to be given up before its time, so that the next probe finds a place. */
static struct ping_packet *in_the_way(const struct ping *ping, int64_t now_ns)
{
	return wants_more(ping) && now_ns >= ping->next_probe_ns ? crowded_slot(ping) : NULL;
}

bool ping_expire(struct ping *ping, int64_t now_ns, struct ping_event *out)
{
	struct ping_packet *packet;

	while ((packet = next_due(ping, now_ns)) || (packet = in_the_way(ping, now_ns))) {
		struct ping_probe *probe = ping_probe_find(ping, packet->sequence);
		bool wanted = probe && probe->result == PING_WAITING;

		if (wanted && packet->due_ns <= now_ns && packet->attempt < retries(ping) && !crowded_slot(ping))
			break; /* to be repeated */
		lose(ping, packet);
		if (!wanted)
			continue;
		give_up(ping, packet, probe, now_ns, out);
		return true;
	}
	if (ping->neighbour.silent && !knows_the_way(ping) && probe_is_due(ping, now_ns)) {
		fail_for_want_of_neighbour(ping, now_ns, out);
		return true;
	}
	return false;
}

/* Whether the next hop has to be asked for its address now. */
static bool ask_neighbour(struct ping *ping, int64_t now_ns, struct probe *out)
{
	struct ping_neighbour *n = &ping->neighbour;
	struct ask ask = {.kind = PROBE_ARP, .src = ping->config.path.source, .dst = ping->config.path.next_hop};

	if (!n->needed || (n->known && !n->doubted) || now_ns < n->ask_at_ns)
		return false;
	if (n->asked >= ARP_REQUESTS)
		n->silent = true;
	n->ask_at_ns = now_ns + (n->asked < 2 ? ASK_AGAIN_NS << n->asked : SECOND_NS);
	n->asked++;
	n->doubted = false;
	probe_modules[PROBE_ARP]->make(&ping->settings, &ask, out);
	out->interface = ping->config.path.interface;
	out->link = ping->config.path.kind;
	memset(out->next_hop_mac, 0xff, MAC_BYTES);
	out->cookie = UINT64_MAX;
	return true;
}

bool ping_next_packet(struct ping *ping, int64_t now_ns, struct probe *out)
{
	struct ping_packet *packet;

	if (ask_neighbour(ping, now_ns, out))
		return true;
	if (!knows_the_way(ping) || crowded_slot(ping))
		return false;
	while ((packet = next_due(ping, now_ns))) {
		struct ping_probe *probe = ping_probe_find(ping, packet->sequence);

		if (packet->attempt >= retries(ping))
			break; /* for ping_expire to tell */
		lose(ping, packet);
		if (!probe || probe->result != PING_WAITING)
			continue;
		send_packet(ping, probe, now_ns, out);
		return true;
	}
	if (!probe_is_due(ping, now_ns))
		return false;
	send_packet(ping, begin_probe(ping, now_ns), now_ns, out);
	return true;
}

void ping_send_failed(struct ping *ping, uint64_t cookie)
{
	struct ping_packet *packet = cookie == UINT64_MAX ? NULL : ping_packet_find(ping, cookie);

	ping->stats.send_errors++;
	if (!packet || packet->unsent)
		return;
	packet->unsent = true;
	ping->stats.packets--;
	if (ping->ports)
		ping_port_of(ping, packet->sequence)->packets--;
	ping->stats.retransmissions -= packet->attempt > 0;
	if (packet->state == PACKET_OPEN)
		ping->stats.waiting--; /* it keeps its place in the queue, so that it is repeated in time */
}

int64_t ping_wake(const struct ping *ping)
{
	const struct ping_neighbour *n = &ping->neighbour;
	int64_t wake_ns = INT64_MAX;

	for (unsigned i = 0; i <= PING_RETRIES_MOST; i++) {
		int32_t slot = ping->queues[i].first;

		if (slot != NO_SLOT && ping->packets[slot].due_ns < wake_ns)
			wake_ns = ping->packets[slot].due_ns;
	}
	if (n->needed && (!n->known || n->doubted) && n->ask_at_ns < wake_ns)
		wake_ns = n->ask_at_ns;
	if ((has_more(ping) || (wants_more(ping) && crowded_slot(ping))) && (knows_the_way(ping) || n->silent) &&
	    ping->next_probe_ns < wake_ns)
		wake_ns = ping->next_probe_ns;
	return wake_ns;
}

bool ping_done(const struct ping *ping)
{
	return ping->config.count > 0 && ping->sequence >= ping->config.count && ping->stats.results[PING_WAITING] == 0;
}

const struct ping_stats *ping_statistics(const struct ping *ping)
{
	return &ping->stats;
}

const struct ping_port *ping_ports(const struct ping *ping, size_t *count)
{
	*count = ping->ports ? ping->config.source_port_count : 0;
	return ping->ports;
}

const struct probe_settings *ping_settings(const struct ping *ping)
{
	return &ping->settings;
}
