/* sweepnet.c: a simulated network for sweeps. */
#include "sim/sweepnet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nscan/bytes.h"
#include "nscan/wire.h"

#define MS INT64_C(1000000)

enum { OWN_ADDR = 0x09000001, GATEWAY = 0x09000002, SEND_NS = 1000 };

/* An answer on its way. All take equally long, so that a ring in order of sending will do. */
struct flying {
	int64_t at_ns;
	struct reply reply;
	uint8_t data[64];
};

struct world {
	struct sweepnet *net;
	struct rng rng;
	int64_t now_ns;
	double path_credit;
	int64_t path_ns;
	struct flying *ring;
	size_t first, count, capacity;
	uint64_t next_ordinal;
};

static const uint8_t gateway_mac[MAC_BYTES] = {2, 0, 0, 0, 0, 2};

static struct flying *fly(struct world *w, const struct reply *reply)
{
	struct flying *flying;

	if (w->count == w->capacity) {
		size_t capacity = w->capacity ? w->capacity * 2 : 1024;
		struct flying *ring = calloc(capacity, sizeof(*ring));

		if (!ring)
			abort();
		for (size_t i = 0; i < w->count; i++)
			ring[i] = w->ring[(w->first + i) % w->capacity];
		free(w->ring);
		w->ring = ring;
		w->capacity = capacity;
		w->first = 0;
	}
	flying = &w->ring[(w->first + w->count++) % w->capacity];
	flying->at_ns = w->now_ns + w->net->rtt_ns;
	flying->reply = *reply;
	if (reply->data_bytes > sizeof(flying->data))
		abort();
	if (reply->data_bytes)
		memcpy(flying->data, reply->data, reply->data_bytes);
	return flying;
}

/* A router's word about the probe. */
static void router_says(struct world *w, const struct probe *probe, uint8_t type, uint8_t code, struct addr from)
{
	struct reply reply = {.kind = REPLY_ICMP_ERROR, .src = from, .dst = probe->src, .ttl = 63};
	struct quote *quote = &reply.quote;

	reply.icmp_type = type;
	reply.icmp_code = code;
	quote->src = probe->src;
	quote->dst = probe->dst;
	quote->ip_id = probe->ip_id;
	quote->protocol = probe->kind == PROBE_UDP ? IP_PROTO_UDP : IP_PROTO_ICMP;
	quote->has_ports = probe->kind == PROBE_UDP;
	quote->src_port = probe->src_port;
	quote->dst_port = probe->dst_port;
	quote->has_udp_checksum = probe->kind == PROBE_UDP;
	quote->udp_checksum = probe->udp_checksum;
	quote->udp_bytes = (uint16_t)(8 + probe->data_bytes);
	quote->has_icmp_id = probe->kind != PROBE_UDP;
	quote->icmp_type = probe->kind == PROBE_TIMESTAMP ? ICMP4_TIMESTAMP : ICMP4_ECHO;
	quote->icmp_id = probe->icmp_id;
	quote->icmp_sequence = probe->icmp_sequence;
	quote->bytes = 28;
	fly(w, &reply);
}

static void answers(struct world *w, const struct probe *probe, struct addr from)
{
	struct reply reply = {.src = from, .dst = probe->src, .ttl = 60};
	uint8_t times[12] = {0};

	if (probe->kind == PROBE_UDP) {
		router_says(w, probe, 3, 3, from);
		return;
	}
	reply.kind = probe->kind == PROBE_ECHO ? REPLY_ECHO : REPLY_TIMESTAMP;
	reply.icmp_id = probe->icmp_id;
	reply.icmp_sequence = probe->icmp_sequence;
	put_u32(times, probe->icmp_originate);
	reply.data = probe->kind == PROBE_ECHO ? probe->echo_data : times;
	reply.data_bytes = probe->kind == PROBE_ECHO ? probe->data_bytes : sizeof(times);
	fly(w, &reply);
	if (w->net->forged && probe->kind == PROBE_ECHO) {
		struct flying *forged = fly(w, &reply);

		forged->data[8] ^= 1;
	}
}

static void arp_answers(struct world *w, const struct probe *probe, const uint8_t mac[MAC_BYTES])
{
	struct reply reply = {.kind = REPLY_ARP, .src = probe->dst, .dst = probe->src, .arp_is_reply = true};

	reply.has_mac = true;
	memcpy(reply.mac, mac, MAC_BYTES);
	fly(w, &reply);
}

/* Does the path take one more packet now? */
static bool path_takes(struct world *w)
{
	struct sweepnet *net = w->net;

	if (net->most_per_s <= 0)
		return true;
	w->path_credit += (double)(w->now_ns - w->path_ns) / 1e9 * net->most_per_s;
	if (w->path_credit > 64)
		w->path_credit = 64;
	w->path_ns = w->now_ns;
	if (w->path_credit < 1)
		return false;
	w->path_credit -= 1;
	return true;
}

static void arrive(struct world *w, const struct probe *probe)
{
	struct sweepnet *net = w->net;
	uint32_t v4 = addr_v4(&probe->dst);
	const uint8_t mac[MAC_BYTES] = {2,          9, (uint8_t)(v4 >> 24), (uint8_t)(v4 >> 16), (uint8_t)(v4 >> 8),
	                                (uint8_t)v4};
	struct addr router = addr_from_v4(net->router);
	enum sweepnet_kind kind = net->kind(net, v4);

	if (probe->kind == PROBE_ARP && v4 == GATEWAY) {
		arp_answers(w, probe, gateway_mac);
		return;
	}
	if (!path_takes(w) || rng_unit(&w->rng) < net->loss) {
		net->dropped++;
		return;
	}
	if (probe->kind == PROBE_ARP) {
		if (kind != NET_SILENT)
			arp_answers(w, probe, mac);
		return;
	}
	switch (kind) {
	case NET_TWICE:
		answers(w, probe, probe->dst);
		answers(w, probe, probe->dst);
		break;
	case NET_ALIVE:
		answers(w, probe, probe->dst);
		break;
	case NET_TIMESTAMP_ONLY:
		if (probe->kind == PROBE_TIMESTAMP)
			answers(w, probe, probe->dst);
		break;
	case NET_UDP_ONLY:
		if (probe->kind == PROBE_UDP)
			answers(w, probe, probe->dst);
		break;
	case NET_UNREACHABLE:
		router_says(w, probe, 3, 1, router);
		break;
	case NET_PROHIBITED:
		router_says(w, probe, 3, 13, router);
		break;
	case NET_OTHER:
		answers(w, probe, router);
		break;
	case NET_SILENT:
		break;
	}
}

static bool is_up(enum sweepnet_kind kind)
{
	return kind == NET_ALIVE || kind == NET_TIMESTAMP_ONLY || kind == NET_UDP_ONLY || kind == NET_TWICE;
}

static void take_swept(struct world *w, const struct event *event)
{
	struct sweepnet *net = w->net;
	const struct swept_event *swept = &event->u.swept;
	uint64_t *counts[] = {[HOST_UP] = &net->up, [HOST_DOWN] = &net->down, [HOST_UNKNOWN] = &net->unknown};
	uint32_t v4 = addr_v4(&event->addr);

	net->disordered += event->ordinal != w->next_ordinal;
	w->next_ordinal = event->ordinal + swept->count;
	*counts[swept->host.state] += swept->count;
	if (swept->host.state == HOST_UNKNOWN)
		return;
	for (uint64_t i = 0; i < swept->count; i++) {
		enum sweepnet_kind kind = net->kind(net, v4 + (uint32_t)i);
		bool up = net->on_link ? kind != NET_SILENT : is_up(kind);

		net->wrong += up != (swept->host.state == HOST_UP);
	}
	if (swept->host.state == HOST_DOWN)
		snprintf(net->reason, sizeof(net->reason), "%s", swept->host.reason);
	if (swept->host.has_rtt && (swept->host.rtt_ns < net->rtt_ns - 1000 || swept->host.rtt_ns > net->rtt_ns + 1000))
		net->rtt_wrong = true;
}

static void drain(struct world *w, struct engine *engine)
{
	struct sweepnet *net = w->net;
	struct event event;

	while (engine_next_event(engine, &event)) {
		if (event.kind == EVENT_HOST && event.u.host.state == HOST_UP)
			net->told_up++;
		if (event.kind == EVENT_NOTE) {
			net->notes++;
			snprintf(net->note_code, sizeof(net->note_code), "%s", event.u.note.code);
			snprintf(net->note_text, sizeof(net->note_text), "%s", event.u.note.text);
		}
		if (event.kind == EVENT_SWEPT)
			take_swept(w, &event);
	}
}

static void deliver(struct world *w, struct engine *engine, int64_t until_ns)
{
	while (w->count > 0 && w->ring[w->first].at_ns <= until_ns) {
		struct flying *flying = &w->ring[w->first];

		flying->reply.data = flying->reply.data_bytes ? flying->data : NULL;
		engine_receive(engine, &flying->reply, flying->at_ns);
		w->first = (w->first + 1) % w->capacity;
		w->count--;
	}
}

static void loop(struct world *w, struct engine *engine, int64_t limit_ns)
{
	struct sweepnet *net = w->net;
	struct probe probe;

	while (!engine_done(engine) && w->now_ns < limit_ns) {
		int64_t wake_ns;

		deliver(w, engine, w->now_ns);
		drain(w, engine);
		if (net->stop_ns > 0 && w->now_ns >= net->stop_ns)
			engine_stop(engine, w->now_ns);
		if (engine_next_probe(engine, w->now_ns, &probe)) {
			net->sent++;
			if (net->fail_every > 0 && net->sent % net->fail_every == 0)
				engine_send_failed(engine, probe.cookie, 105, w->now_ns);
			else
				arrive(w, &probe);
			w->now_ns += SEND_NS;
			continue;
		}
		if (engine_done(engine))
			break;
		wake_ns = engine_next_wake(engine);
		if (w->count > 0 && w->ring[w->first].at_ns < wake_ns)
			wake_ns = w->ring[w->first].at_ns;
		w->now_ns = wake_ns > w->now_ns ? wake_ns : w->now_ns + 1;
	}
}

static struct target_set *set_of(const char *specs)
{
	struct target_set *set = target_set_new();
	char *copy = strdup(specs ? specs : ""), *rest = NULL;

	for (char *spec = strtok_r(copy, " ", &rest); spec; spec = strtok_r(NULL, " ", &rest)) {
		struct err err = {0};

		if (!target_set_add(set, spec, NULL, &err))
			abort();
	}
	free(copy);
	return set;
}

bool sweepnet_run(struct sweepnet *net, int64_t limit_ns)
{
	static struct interface interfaces[] = {
	        {.name = "eth0", .index = 1, .kind = LINK_ETHERNET, .up = true, .mtu_bytes = 1500}};
	struct interface_addr addrs[] = {{0, {0}, 8}};
	struct route routes[2] = {{.prefix_bits = 8, .kind = ROUTE_UNICAST, .interface = 0},
	                          {.prefix_bits = 0, .kind = ROUTE_UNICAST, .interface = 0}};
	struct network network = {interfaces, 1, addrs, 1, routes, 2, 0};
	static const uint16_t ports[] = {40001, 40002, 40003};
	struct world w = {.net = net, .rng = rng_from_seed(net->seed), .now_ns = MS};
	struct engine_config *config = &net->config;
	struct engine *engine;
	struct err err = {0};
	bool done;

	addrs[0].addr = addr_from_v4(net->on_link ? 0x0afffffe : OWN_ADDR);
	routes[0].prefix = addr_from_v4(net->on_link ? 0x0a000000 : 0x09000000);
	routes[1].prefix = addr_from_v4(0);
	routes[1].gateway = addr_from_v4(GATEWAY);
	config->targets = set_of(net->targets);
	config->exclude = set_of(net->excludes);
	config->network = &network;
	config->only_interface = -1;
	config->seed = net->seed;
	config->probe.source_ports = ports;
	config->probe.source_port_count = 3;
	config->probe.ttl = 64;
	config->probe.payloads = payload_book_new();
	if (net->rtt_ns == 0)
		net->rtt_ns = 2 * MS;
	engine = engine_new(config, w.now_ns, &err);
	if (!engine)
		abort();
	loop(&w, engine, limit_ns);
	done = engine_done(engine);
	drain(&w, engine);
	engine_progress(engine, w.now_ns, &net->progress);
	net->took_ns = w.now_ns;
	engine_free(engine);
	payload_book_free((struct payload_book *)(uintptr_t)config->probe.payloads);
	target_set_free((struct target_set *)(uintptr_t)config->targets);
	target_set_free((struct target_set *)(uintptr_t)config->exclude);
	free(w.ring);
	return done;
}
