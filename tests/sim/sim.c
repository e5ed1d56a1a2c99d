/* sim.c: the simulated network. */
#include "sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "nscan/bytes.h"
#include "nscan/wire.h"

#define MS INT64_C(1000000)
enum { PORTS = 65536 };

/* A packet on its way, as the one who gets it will see it. */
struct sim_event {
	int64_t at_ns;
	uint64_t sequence;
	bool to_host; /* a probe arriving; otherwise a reply arriving at the engine */
	size_t host;
	struct probe probe;
	struct reply reply;
	uint8_t data[64];
};

static bool earlier(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->sequence < b->sequence;
}

static void push(struct sim *sim, struct sim_event *event)
{
	size_t at;

	if (sim->queue_count == sim->queue_capacity) {
		sim->queue_capacity = sim->queue_capacity ? sim->queue_capacity * 2 : 256;
		sim->queue = realloc(sim->queue, sim->queue_capacity * sizeof(*sim->queue));
		if (!sim->queue)
			abort();
	}
	event->sequence = sim->sequence++;
	at = sim->queue_count++;
	while (at > 0 && earlier(event, &sim->queue[(at - 1) / 2])) {
		sim->queue[at] = sim->queue[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	sim->queue[at] = *event;
}

static struct sim_event pop(struct sim *sim)
{
	struct sim_event top = sim->queue[0], last = sim->queue[--sim->queue_count];
	size_t at = 0;

	for (;;) {
		size_t child = at * 2 + 1;

		if (child >= sim->queue_count)
			break;
		if (child + 1 < sim->queue_count && earlier(&sim->queue[child + 1], &sim->queue[child]))
			child++;
		if (!earlier(&sim->queue[child], &last))
			break;
		sim->queue[at] = sim->queue[child];
		at = child;
	}
	if (sim->queue_count > 0)
		sim->queue[at] = last;
	return top;
}

static bool lost(struct sim *sim, double probability)
{
	return rng_unit(&sim->rng) < probability;
}

static int64_t one_way(struct sim *sim, const struct sim_host *host)
{
	return host->rtt_ns / 2 + (int64_t)(rng_unit(&sim->rng) * (double)host->jitter_ns);
}

static bool allow(struct sim_limiter *limiter, int64_t now_ns)
{
	switch (limiter->kind) {
	case SIM_UNLIMITED:
		return true;
	case SIM_BUCKET:
		if (!limiter->started) {
			limiter->started = true;
			limiter->tokens = limiter->burst > limiter->spent ? limiter->burst - limiter->spent : 0;
		} else {
			limiter->tokens += (double)(now_ns - limiter->at_ns) / 1e9 * limiter->rate;
			if (limiter->tokens > limiter->burst)
				limiter->tokens = limiter->burst;
		}
		limiter->at_ns = now_ns;
		if (limiter->tokens < 1)
			return false;
		limiter->tokens -= 1;
		return true;
	case SIM_WINDOW:
		if (!limiter->started || now_ns - limiter->at_ns >= limiter->window_ns) {
			limiter->started = true;
			limiter->at_ns = now_ns;
			limiter->in_window = 0;
		}
		return limiter->in_window++ < limiter->burst;
	case SIM_INTERVAL:
		if (limiter->started && now_ns - limiter->at_ns < limiter->window_ns)
			return false;
		limiter->started = true;
		limiter->at_ns = now_ns;
		return true;
	}
	return false;
}

static void send_back(struct sim *sim, size_t index, const struct reply *reply)
{
	struct sim_host *host = &sim->hosts[index];
	struct sim_event event = {.host = index, .reply = *reply};
	int copies = lost(sim, host->duplicate) ? 2 : 1;

	for (size_t i = 0; i < sim->source_count && i < 32; i++)
		if (sim->deaf >> i & 1 && addr_equal(&sim->sources[i], &reply->dst))
			return;

	if (reply->data_bytes > 0 && reply->data) {
		size_t n = reply->data_bytes < sizeof(event.data) ? reply->data_bytes : sizeof(event.data);

		memcpy(event.data, reply->data, n);
		event.reply.data_bytes = n;
	}
	while (copies-- > 0) {
		event.at_ns = sim->now_ns + one_way(sim, host);
		if (host->line_per_s > 0)
			event.at_ns += (int64_t)(host->line_waiting / host->line_per_s * 1e9);
		if (!lost(sim, host->loss_back))
			push(sim, &event);
		else if (reply->kind == REPLY_ICMP_ERROR)
			host->errors_lost++;
	}
}

static struct sim_limiter *peer_of(const struct sim *sim, struct sim_host *host, const struct addr *source)
{
	for (size_t i = 0; i < sim->source_count; i++)
		if (addr_equal(&sim->sources[i], source))
			return &host->peers[i];
	return &host->limiter;
}

static bool is_gone(const struct sim *sim, const struct sim_host *host)
{
	return sim->now_ns >= host->gone_ns && sim->now_ns < host->back_ns;
}

static void refuse(struct sim *sim, size_t index, const struct probe *probe, uint8_t code)
{
	struct sim_host *host = &sim->hosts[index];
	struct reply reply = {
	        .kind = REPLY_ICMP_ERROR,
	        .src = host->addr,
	        .dst = probe->src,
	        .ttl = 64,
	        .icmp_type = ICMP4_UNREACHABLE,
	        .icmp_code = code,
	        .quote =
	                {
	                        .src = probe->src,
	                        .dst = probe->dst,
	                        .protocol = IP_PROTO_UDP,
	                        .ttl = probe->ttl,
	                        .ip_id = probe->ip_id,
	                        .bytes = 28,
	                        .has_ports = true,
	                        .src_port = probe->src_port,
	                        .dst_port = probe->dst_port,
	                        .has_udp_checksum = true,
	                        .udp_checksum = probe->udp_checksum,
	                        .udp_bytes = (uint16_t)(8 + probe->data_bytes),
	                },
	};

	if (sim->ids_rewritten)
		reply.quote.ip_id ^= 0x5a5a;
	if (host->ports[probe->dst_port] == SIM_ROUTER || is_gone(sim, host)) {
		reply.src = addr_from_v4(0x0a0000fe);
		if (allow(host->same_router ? &sim->hosts[0].router : &host->router, sim->now_ns))
			send_back(sim, index, &reply);
		return;
	}
	if (!allow(&host->host_wide, sim->now_ns) || !allow(peer_of(sim, host, &probe->src), sim->now_ns)) {
		if (sim->trace)
			fprintf(sim->trace, "%10.3f   no token for %u from .%u\n", (double)sim->now_ns / 1e9,
			        probe->dst_port, addr_v4(&probe->src) & 255);
		return;
	}
	if (sim->trace)
		fprintf(sim->trace, "%10.3f   refused %u to .%u\n", (double)sim->now_ns / 1e9, probe->dst_port,
		        addr_v4(&probe->src) & 255);
	host->errors++;
	send_back(sim, index, &reply);
}

static void answer_udp(struct sim *sim, size_t index, const struct probe *probe)
{
	static const uint8_t text[] = "simulated answer";
	struct reply reply = {
	        .kind = REPLY_UDP,
	        .src = probe->dst,
	        .dst = probe->src,
	        .ttl = 64,
	        .src_port = probe->dst_port,
	        .dst_port = probe->src_port,
	        .data = text,
	        .data_bytes = sizeof(text) - 1,
	};

	send_back(sim, index, &reply);
}

static uint32_t our_mtu(const struct sim *sim)
{
	return sim->network.interfaces[0].mtu_bytes;
}

/* An echo reply, whole or in fragments, as the path lets it through. */
static void send_echo(struct sim *sim, size_t index, const struct reply *reply)
{
	struct reply parts[SIM_FRAGMENTS];
	uint8_t data[16];
	size_t count = sim_path_back(&sim->hosts[index].path, our_mtu(sim), reply, parts, data);

	for (size_t i = 0; i < count; i++)
		send_back(sim, index, &parts[i]);
}

static const struct payload *last_payload(const struct sim *sim, uint16_t port)
{
	return payload_for(sim->book, port, (uint16_t)(payload_turns(sim->book, port) - 1));
}

static void arrive(struct sim *sim, size_t index, const struct probe *probe)
{
	struct sim_host *host = &sim->hosts[index];
	struct reply reply = {.src = host->addr, .dst = probe->src, .ttl = 64};
	uint8_t times[12] = {0};

	if (!sim_path_is_whole(&host->path, probe))
		return;
	if (is_gone(sim, host)) {
		if (host->routed && host->router_waits_ns > 0 && sim->now_ns >= host->gone_ns + host->router_waits_ns &&
		    probe->kind == PROBE_UDP)
			refuse(sim, index, probe, 1);
		return;
	}
	switch (probe->kind) {
	case PROBE_ARP:
		reply.kind = REPLY_ARP;
		reply.arp_is_reply = true;
		reply.has_mac = true;
		reply.mac[0] = 2;
		reply.mac[5] = (uint8_t)index;
		if (!host->routed)
			send_back(sim, index, &reply);
		return;
	case PROBE_ECHO:
	case PROBE_TIMESTAMP:
		if (host->echo_ignored)
			return;
		reply.kind = probe->kind == PROBE_ECHO ? REPLY_ECHO : REPLY_TIMESTAMP;
		reply.icmp_id = probe->icmp_id;
		reply.icmp_sequence = probe->icmp_sequence;
		put_u32(times, probe->icmp_originate);
		reply.data = probe->kind == PROBE_ECHO ? probe->echo_data : times;
		reply.data_bytes = probe->kind == PROBE_ECHO ? probe->data_bytes : sizeof(times);
		reply.ip_total_bytes = (uint16_t)sim_datagram_bytes(probe);
		reply.dont_fragment = host->path.replies_df;
		reply.truncated = probe->padding_bytes > 0;
		if (probe->kind == PROBE_ECHO)
			send_echo(sim, index, &reply);
		else
			send_back(sim, index, &reply);
		return;
	case PROBE_UDP:
		break;
	default:
		return;
	}
	switch (host->ports[probe->dst_port]) {
	case SIM_CLOSED:
		refuse(sim, index, probe, ICMP4_CODE_PORT);
		break;
	case SIM_REJECTED:
	case SIM_ROUTER:
		refuse(sim, index, probe, 13);
		break;
	case SIM_ANSWERS:
		answer_udp(sim, index, probe);
		break;
	case SIM_PARTICULAR:
		if (probe->data == last_payload(sim, probe->dst_port)->bytes)
			answer_udp(sim, index, probe);
		break;
	case SIM_SILENT:
	case SIM_DROPPED:
		break;
	}
}

/* Whether the slow line on the way has room for one more. */
static bool line_takes(struct sim_host *host, int64_t now_ns)
{
	if (host->line_per_s <= 0)
		return true;
	host->line_waiting -= (double)(now_ns - host->line_at_ns) / 1e9 * host->line_per_s;
	if (host->line_waiting < 0)
		host->line_waiting = 0;
	host->line_at_ns = now_ns;
	if (host->line_waiting >= host->line_queue)
		return false;
	host->line_waiting += 1;
	return true;
}

/* The router at 10.0.0.254 answers ARP for itself only. */
static void send_probe(struct sim *sim, const struct probe *probe)
{
	struct sim_event event = {.to_host = true, .probe = *probe};
	struct reply error;
	struct addr router = addr_from_v4(0x0a0000fe);

	sim->sent++;
	if (sim->trace && (probe->dont_fragment || probe->fragment_bytes))
		fprintf(sim->trace, "%10.3f %s of %u bytes, frame %u at %u%s%s\n", (double)sim->now_ns / 1e9,
		        probe->kind == PROBE_ECHO ? "echo" : "datagram", sim_datagram_bytes(probe),
		        sim_frame_bytes(probe), probe->fragment_offset, probe->more_fragments ? "+" : "",
		        probe->dont_fragment ? " DF" : "");
	else if (sim->trace && probe->kind == PROBE_UDP)
		fprintf(sim->trace, "%10.3f ask %u from .%u\n", (double)sim->now_ns / 1e9, probe->dst_port,
		        addr_v4(&probe->src) & 255);
	if (probe->kind == PROBE_ARP && addr_equal(&probe->dst, &router)) {
		struct sim_event back = {.at_ns = sim->now_ns + MS / 10};

		back.reply = (struct reply){
		        .kind = REPLY_ARP, .src = router, .dst = probe->src, .arp_is_reply = true, .has_mac = true};
		back.reply.mac[0] = 4;
		push(sim, &back);
		return;
	}
	for (size_t i = 0; i < sim->host_count; i++) {
		struct sim_host *host = &sim->hosts[i];

		if (!addr_equal(&host->addr, &probe->dst))
			continue;
		if (probe->kind == PROBE_UDP) {
			if (host->probes++ == 0)
				host->first_probe_ns = sim->now_ns;
		}
		if (!host->alive || lost(sim, host->loss_there) || !line_takes(host, sim->now_ns))
			return;
		if (sim->forge_mtu && probe->dont_fragment && sim_frame_bytes(probe) > sim->forge_mtu) {
			struct sim_event forged = {.at_ns = sim->now_ns + MS / 20, .host = i};

			forged.reply = sim_too_big(probe, addr_from_v4(0x0a00004d), sim->forge_mtu);
			push(sim, &forged);
		}
		if (probe->kind != PROBE_ARP && !sim_path_there(&host->path, our_mtu(sim), probe, &error)) {
			if (error.kind != REPLY_NONE)
				send_back(sim, i, &error);
			return;
		}
		event.host = i;
		event.at_ns = sim->now_ns + one_way(sim, host);
		if (event.probe.kind == PROBE_UDP && event.probe.data_bytes == 0)
			event.probe.data = NULL;
		push(sim, &event);
		return;
	}
}

/* Guesses in the first host's name: right addresses, guessed ports, checksums and IDs. */
static void forge(struct sim *sim)
{
	struct addr us = sim->network.addrs[0].addr;
	struct sim_event event = {.at_ns = sim->now_ns};
	uint16_t held = sim->source_ports[rng_below(&sim->rng, 64)];
	uint16_t asked = sim->ports.ports[rng_below(&sim->rng, (uint32_t)sim->ports.count)];

	event.reply = (struct reply){
	        .kind = REPLY_ICMP_ERROR,
	        .src = sim->hosts[0].addr,
	        .dst = us,
	        .ttl = 64,
	        .icmp_type = ICMP4_UNREACHABLE,
	        .icmp_code = ICMP4_CODE_PORT,
	        .quote = {.src = us,
	                  .dst = sim->hosts[0].addr,
	                  .protocol = IP_PROTO_UDP,
	                  .ttl = 64,
	                  .ip_id = (uint16_t)rng_next(&sim->rng),
	                  .bytes = 28,
	                  .has_ports = true,
	                  .src_port = held,
	                  .dst_port = asked,
	                  .has_udp_checksum = true,
	                  .udp_checksum = (uint16_t)rng_next(&sim->rng),
	                  .udp_bytes = 8},
	};
	push(sim, &event);
	event.reply = (struct reply){.kind = REPLY_UDP,
	                             .src = sim->hosts[0].addr,
	                             .dst = us,
	                             .ttl = 64,
	                             .src_port = asked,
	                             .dst_port = held};
	push(sim, &event);
}

static void take_verdict(struct sim_verdict *verdict, const struct port_event *port)
{
	if (verdict->probes == 0 || verdict->state != port->state)
		verdict->probes = port->probes;
	verdict->state = port->state;
	verdict->reason = port->reason;
}

static void take_event(struct sim *sim, const struct event *event)
{
	size_t index = 0;

	while (index < sim->host_count && !addr_equal(&sim->hosts[index].addr, &event->addr))
		index++;
	if (index == sim->host_count)
		abort();
	switch (event->kind) {
	case EVENT_HOST:
		sim->host_verdicts[index] = event->u.host;
		break;
	case EVENT_PORT:
		take_verdict(&sim->verdicts[index * PORTS + event->u.port.port], &event->u.port);
		break;
	case EVENT_LIMIT:
		sim->limits++;
		sim->last_limit = event->u.limit;
		break;
	case EVENT_MTU:
		sim->mtus[index] = event->u.mtu;
		break;
	case EVENT_NOTE:
		if (sim->notes < sizeof(sim->note_codes) / sizeof(sim->note_codes[0]))
			sim->note_codes[sim->notes] = event->u.note.code;
		sim->notes++;
		break;
	case EVENT_HOST_DONE:
		sim->host_done[index] = true;
		sim->hosts[index].settled_ns = event->at_ns;
		break;
	case EVENT_SWEPT: /* so many hosts are simulated elsewhere */
		break;
	}
	if (sim->trace && event->kind == EVENT_MTU)
		fprintf(sim->trace, "%10.3f path MTU %u (%s) verified %d\n", (double)sim->now_ns / 1e9,
		        event->u.mtu.path_mtu, mtu_how_name(event->u.mtu.how), event->u.mtu.verified);
	if (sim->trace && event->kind == EVENT_PORT)
		fprintf(sim->trace, "%10.3f port %u %s %s probes %u\n", (double)sim->now_ns / 1e9, event->u.port.port,
		        port_state_name(event->u.port.state), event->u.port.reason, event->u.port.probes);
	else if (sim->trace && event->kind == EVENT_LIMIT)
		fprintf(sim->trace, "%10.3f limit %.3f/s burst %u\n", (double)sim->now_ns / 1e9,
		        event->u.limit.icmp_per_s, event->u.limit.burst);
}

struct sim *sim_new(uint64_t seed)
{
	struct sim *sim = calloc(1, sizeof(*sim));

	if (!sim)
		return NULL;
	sim->rng = rng_from_seed(seed);
	sim->now_ns = 1000 * MS;
	sim->targets = target_set_new();
	sim->book = payload_book_new();
	sim->network.interfaces = calloc(1, sizeof(*sim->network.interfaces));
	sim->network.addrs = calloc(1, sizeof(*sim->network.addrs));
	sim->network.routes = calloc(2, sizeof(*sim->network.routes));
	if (!sim->targets || !sim->book || !sim->network.interfaces || !sim->network.addrs || !sim->network.routes) {
		sim_free(sim);
		return NULL;
	}
	sim->network.interface_count = 1;
	sim->network.interfaces[0] =
	        (struct interface){.name = "sim0", .index = 1, .kind = LINK_ETHERNET, .up = true, .mtu_bytes = 1500};
	sim->network.addr_count = 1;
	sim->network.addrs[0] = (struct interface_addr){0, addr_from_v4(0x0a0000fd), 24};
	sim->network.route_count = 2;
	sim->network.routes[0] =
	        (struct route){.prefix = addr_from_v4(0x0a000000), .prefix_bits = 24, .kind = ROUTE_UNICAST, .rank = 1};
	sim->network.routes[1] = (struct route){.prefix = addr_from_v4(0x0a010000),
	                                        .prefix_bits = 16,
	                                        .kind = ROUTE_UNICAST,
	                                        .rank = 1,
	                                        .gateway = addr_from_v4(0x0a0000fe)};
	for (size_t i = 0; i < 64; i++)
		sim->source_ports[i] = (uint16_t)(40000 + i);
	sim->config.seed = seed;
	sim->config.only_interface = -1;
	sim->config.max_retries = -1;
	for (size_t i = 0; i < HASH_KEY_BYTES; i++)
		sim->config.probe.key[i] = (uint8_t)rng_next(&sim->rng);
	return sim;
}

void sim_free(struct sim *sim)
{
	if (!sim)
		return;
	for (size_t i = 0; i < sim->host_count; i++) {
		free(sim->hosts[i].ports);
		free(sim->hosts[i].known);
		free(sim->hosts[i].peers);
	}
	free(sim->sources);
	free(sim->hosts);
	free(sim->queue);
	free(sim->verdicts);
	free(sim->host_verdicts);
	free(sim->host_done);
	free(sim->mtus);
	free(sim->network.interfaces);
	free(sim->network.addrs);
	free(sim->network.routes);
	target_set_free(sim->targets);
	port_list_free(&sim->ports);
	payload_book_free(sim->book);
	free(sim);
}

struct sim_host *sim_add(struct sim *sim, bool routed)
{
	struct sim_host *hosts = realloc(sim->hosts, (sim->host_count + 1) * sizeof(*hosts)), *host;

	if (!hosts)
		abort();
	sim->hosts = hosts;
	host = &hosts[sim->host_count];
	*host = (struct sim_host){.alive = true, .routed = routed, .rtt_ns = MS / 5};
	host->addr = addr_from_v4((routed ? 0x0a010001u : 0x0a000001u) + (uint32_t)sim->host_count);
	host->ports = calloc(PORTS, sizeof(*host->ports));
	if (!host->ports)
		abort();
	sim->host_count++;
	return host;
}

void sim_sources(struct sim *sim, size_t count)
{
	sim->sources = calloc(count, sizeof(*sim->sources));
	if (!sim->sources)
		abort();
	sim->source_count = count;
	for (size_t i = 0; i < count; i++)
		sim->sources[i] = addr_from_v4(0x0a000201 + (uint32_t)i);
	sim->config.sources = sim->sources;
	sim->config.source_count = count;
}

static void make_peers(struct sim *sim)
{
	for (size_t h = 0; h < sim->host_count; h++) {
		struct sim_host *host = &sim->hosts[h];

		host->peers = calloc(sim->source_count + 1, sizeof(*host->peers));
		if (!host->peers)
			abort();
		for (size_t i = 0; i < sim->source_count; i++)
			host->peers[i] = host->limiter;
	}
}

/* What an earlier run settled, and what it told. */
static void skip_known(struct sim *sim, struct engine *engine)
{
	for (size_t h = 0; h < sim->host_count; h++) {
		const struct sim_host *host = &sim->hosts[h];

		for (size_t i = 0; host->known && i < sim->ports.count; i++) {
			uint16_t port = sim->ports.ports[i];
			struct sim_verdict *told = &sim->verdicts[h * PORTS + port];
			struct err err = {0};

			if (!host->known[port])
				continue;
			sim_truth(sim, host, port, told);
			if (!engine_skip_port(engine, &host->addr, port, told->state,
			                      host->ports[port] == SIM_CLOSED || host->ports[port] == SIM_REJECTED,
			                      &err))
				abort();
		}
	}
}

bool sim_run(struct sim *sim, const char *ports, int64_t limit_ns)
{
	struct err err = {0};
	struct engine *engine;
	struct probe probe;
	struct event event;
	int64_t end_ns = sim->now_ns + limit_ns;
	bool done;

	for (size_t i = 0; i < sim->host_count; i++) {
		char text[ADDR_TEXT_BYTES];

		if (!target_set_add(sim->targets, addr_format(&sim->hosts[i].addr, text), NULL, &err))
			abort();
	}
	if (*ports && !port_list_parse(ports, &sim->ports, &err))
		abort();
	make_peers(sim);
	sim->verdicts = calloc(sim->host_count * PORTS, sizeof(*sim->verdicts));
	sim->host_verdicts = calloc(sim->host_count, sizeof(*sim->host_verdicts));
	sim->host_done = calloc(sim->host_count, sizeof(*sim->host_done));
	sim->mtus = calloc(sim->host_count, sizeof(*sim->mtus));
	if (!sim->verdicts || !sim->host_verdicts || !sim->host_done || !sim->mtus)
		abort();
	sim->config.targets = sim->targets;
	sim->config.ports = *ports ? &sim->ports : NULL;
	sim->config.network = &sim->network;
	sim->config.probe.source_ports = sim->source_ports;
	sim->config.probe.source_port_count = 64;
	sim->config.probe.ttl = 64;
	sim->config.probe.payloads = sim->book;
	engine = engine_new(&sim->config, sim->now_ns, &err);
	if (!engine)
		abort();
	skip_known(sim, engine);
	do {
		int64_t wake_ns;

		while (engine_next_probe(engine, sim->now_ns, &probe)) {
			if (sim->fail_every > 0 && ++sim->given % sim->fail_every == 0)
				engine_send_failed(engine, probe.cookie, 105, sim->now_ns);
			else
				send_probe(sim, &probe);
		}
		if (sim->stop_ns > 0 && sim->now_ns >= sim->stop_ns)
			engine_stop(engine, sim->now_ns);
		if (sim->forge_gap_ns > 0 && sim->now_ns >= sim->next_forgery_ns) {
			sim->next_forgery_ns = sim->now_ns + sim->forge_gap_ns;
			forge(sim);
		}
		while (engine_next_event(engine, &event))
			take_event(sim, &event);
		done = engine_done(engine);
		if (done)
			break; /* the clock stays where it ended */
		wake_ns = engine_next_wake(engine);
		if (sim->forge_gap_ns > 0 && wake_ns > sim->next_forgery_ns)
			wake_ns = sim->next_forgery_ns;
		if (sim->stop_ns > 0 && wake_ns > sim->stop_ns)
			wake_ns = sim->stop_ns;
		if (sim->queue_count > 0 && sim->queue[0].at_ns <= wake_ns) {
			struct sim_event next = pop(sim);

			sim->now_ns = next.at_ns > sim->now_ns ? next.at_ns : sim->now_ns;
			if (next.to_host) {
				arrive(sim, next.host, &next.probe);
			} else {
				next.reply.data = next.reply.data_bytes > 0 ? next.data : NULL;
				engine_receive(engine, &next.reply, sim->now_ns);
			}
		} else if (wake_ns > sim->now_ns) {
			sim->now_ns = wake_ns < end_ns ? wake_ns : end_ns;
		}
		while (engine_next_event(engine, &event))
			take_event(sim, &event);
		done = engine_done(engine);
	} while (!done && sim->now_ns < end_ns);
	engine_progress(engine, sim->now_ns, &sim->progress);
	engine_free(engine);
	return done;
}

void sim_truth(const struct sim *sim, const struct sim_host *host, uint16_t port, struct sim_verdict *out)
{
	bool refuses = false;

	for (size_t i = 0; i < sim->ports.count; i++) {
		enum sim_port kind = host->ports[sim->ports.ports[i]];

		refuses = refuses || kind == SIM_CLOSED || kind == SIM_REJECTED;
	}
	switch (host->ports[port]) {
	case SIM_CLOSED:
		*out = (struct sim_verdict){.state = PORT_CLOSED, .reason = "port-unreach"};
		break;
	case SIM_REJECTED:
	case SIM_ROUTER:
		*out = (struct sim_verdict){.state = PORT_FILTERED, .reason = "admin-prohibited"};
		break;
	case SIM_ANSWERS:
	case SIM_PARTICULAR:
		*out = (struct sim_verdict){.state = PORT_OPEN, .reason = "udp-response"};
		break;
	case SIM_SILENT:
	case SIM_DROPPED:
		*out = (struct sim_verdict){.state = PORT_OPEN_FILTERED,
		                            .reason = refuses ? "silent-while-refusing" : "no-response"};
		break;
	}
}

size_t sim_wrong(const struct sim *sim, FILE *out)
{
	size_t wrong = 0;

	for (size_t h = 0; h < sim->host_count; h++) {
		const struct sim_host *host = &sim->hosts[h];

		if (sim->host_verdicts[h].state != (host->alive ? HOST_UP : HOST_DOWN) || !sim->host_done[h]) {
			wrong++;
			if (out)
				fprintf(out, "host %zu: told %s, done %d\n", h,
				        host_state_name(sim->host_verdicts[h].state), sim->host_done[h]);
			continue;
		}
		for (size_t i = 0; host->alive && i < sim->ports.count; i++) {
			uint16_t port = sim->ports.ports[i];
			const struct sim_verdict *told = &sim->verdicts[h * PORTS + port];
			struct sim_verdict truth;

			sim_truth(sim, host, port, &truth);
			if (told->state == truth.state && told->reason && strcmp(told->reason, truth.reason) == 0)
				continue;
			wrong++;
			if (out)
				fprintf(out, "host %zu port %u: told %s %s, is %s %s\n", h, port,
				        port_state_name(told->state), told->reason ? told->reason : "-",
				        port_state_name(truth.state), truth.reason);
		}
	}
	return wrong;
}
