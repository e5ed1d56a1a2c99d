/* engine.c: the public face of the engine: configuration, the window of active hosts, pacing, events, progress. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "nscan/broadcast.h"
#include "nscan/sweep.h"

enum {
	DEFAULT_MAX_HOSTS = 4096,
	MOST_PORT_SLOTS = 4000000, /* over all active hosts: bounds memory */
	TAKE_UP_PER_S = 2000,      /* new hosts a second: gentle on a LAN, 101 addresses in 50 ms */
	TAKE_UP_BURST = 32,
	UNLIKELY_PORT = 40125,       /* the discovery probe of choice: nobody listens there */
	MOST_TOLD_UNVISITED = 65536, /* targets never taken up that an interrupted scan still names */
};

void pace_init(struct pace *pace, double per_s, double burst, int64_t now_ns)
{
	*pace = (struct pace){per_s, burst, burst, now_ns};
}

bool pace_ready(struct pace *pace, int64_t now_ns)
{
	if (pace->per_s <= 0)
		return true;
	if (now_ns > pace->at_ns) {
		pace->credit += (double)(now_ns - pace->at_ns) / 1e9 * pace->per_s;
		if (pace->credit > pace->burst)
			pace->credit = pace->burst;
		pace->at_ns = now_ns;
	}
	return pace->credit >= 1;
}

void pace_take(struct pace *pace)
{
	if (pace->per_s > 0)
		pace->credit -= 1;
}

int64_t pace_wake(const struct pace *pace)
{
	if (pace->per_s <= 0 || pace->credit >= 1)
		return pace->at_ns;
	return pace->at_ns + (int64_t)ceil((1 - pace->credit) / pace->per_s * 1e9);
}

/* The order of asking: ports whose service we can make answer first (open ports show at once), then by rank, the rest
 * shuffled by the seed. */
static bool order_ports(struct engine *e)
{
	const struct port_list *ports = e->config.ports;
	struct rng rng = rng_from_seed(e->config.seed);
	uint64_t *keys;

	e->slot_of_port = calloc(65536, sizeof(*e->slot_of_port));
	if (!e->slot_of_port)
		return false;
	if (!ports || ports->count == 0)
		return true;
	e->port_order = malloc(ports->count * sizeof(*e->port_order));
	keys = malloc(65536 * sizeof(*keys));
	if (!e->port_order || !keys) {
		free(keys);
		return false;
	}
	for (size_t i = 0; i < ports->count; i++) {
		uint16_t port = ports->ports[i], rank = port_rank(port);
		size_t payloads = payload_count(e->config.probe.payloads, port);
		bool answers = payloads > 0;

		if (payloads > e->most_payloads && !e->config.probe.data)
			e->most_payloads = payloads;
		keys[i] = (answers ? 0 : UINT64_C(1) << 63) | (uint64_t)rank << 47 |
		          (rank == UINT16_MAX ? rng_next(&rng) & 0x7fffffff : 0) << 16 | port;
	}
	for (size_t gap = ports->count / 2; gap > 0; gap /= 2) /* shell sort: no callback, no recursion */
		for (size_t i = gap; i < ports->count; i++)
			for (size_t j = i; j >= gap && keys[j - gap] > keys[j]; j -= gap) {
				uint64_t key = keys[j];

				keys[j] = keys[j - gap];
				keys[j - gap] = key;
			}
	for (size_t i = 0; i < ports->count; i++) {
		e->port_order[i] = (uint16_t)keys[i];
		e->slot_of_port[(uint16_t)keys[i]] = (uint32_t)i + 1;
	}
	e->port_count = ports->count;
	free(keys);
	return true;
}

static bool choose_discovery_ports(struct engine *e)
{
	const struct port_list *chosen = e->config.discovery_ports;
	size_t count = chosen && chosen->count > 0 ? chosen->count : 1;

	e->discovery_ports = malloc(count * sizeof(*e->discovery_ports));
	if (!e->discovery_ports)
		return false;
	e->discovery_port_count = count;
	e->discovery_ports[0] = UNLIKELY_PORT;
	if (chosen && chosen->count > 0)
		memcpy(e->discovery_ports, chosen->ports, count * sizeof(*e->discovery_ports));
	return true;
}

/* --shard: parts are told apart by the number that the address has among all targets. */
static bool is_in_shard(const struct engine *e, const struct addr *addr)
{
	uint64_t number;

	if (!shard_is_part(&e->config.shard))
		return true;
	return target_index_of(&e->numbers, addr, &number) && shard_has(&e->config.shard, number);
}

static bool number_targets(struct engine *e, struct err *err)
{
	const struct engine_config *config = &e->config;

	e->progress.hosts_total = target_set_size(config->targets);
	if (!shard_is_part(&config->shard))
		return true;
	if (!target_index_make(config->targets, config->exclude, &e->numbers, err))
		return false;
	e->progress.hosts_total = shard_size(&config->shard, e->numbers.count);
	return true;
}

/* Noise, so that no link on the way makes it shorter. */
static bool make_padding(struct engine *e)
{
	struct rng rng = rng_from_seed(e->config.seed ^ PADDING_BYTES);

	if (e->config.pmtu == PMTU_OFF)
		return true;
	e->padding = malloc(PADDING_BYTES);
	for (size_t i = 0; e->padding && i < PADDING_BYTES; i++)
		e->padding[i] = (uint8_t)rng_next(&rng);
	e->config.probe.padding = e->padding;
	return e->padding != NULL;
}

struct engine *engine_new(const struct engine_config *config, int64_t now_ns, struct err *err)
{
	struct engine *e;

	if (config->probe.source_port_count == 0) {
		err_set(err, ERR_SYSTEM, "no source port could be held for the scan");
		return NULL;
	}
	e = calloc(1, sizeof(*e));
	if (!e || !hosts_init(e)) {
		free(e);
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	e->config = *config;
	if (config->broadcast) {
		e->broadcast = broadcast_new(config, now_ns, err);
		if (e->broadcast)
			return e;
		engine_free(e);
		return NULL;
	}
	if (sweep_fits(config)) {
		e->sweep = sweep_new(config, now_ns, err);
		if (e->sweep)
			return e;
		engine_free(e);
		return NULL;
	}
	if (e->config.max_hosts == 0)
		e->config.max_hosts = DEFAULT_MAX_HOSTS;
	for (size_t i = 0; i < config->probe.source_port_count; i++)
		e->held[config->probe.source_ports[i] / 8] |= (uint8_t)(1 << config->probe.source_ports[i] % 8);
	pace_init(&e->sending, config->max_rate, config->max_rate > 100 ? config->max_rate / 50 : 2, now_ns);
	pace_init(&e->taking_up, TAKE_UP_PER_S, TAKE_UP_BURST, now_ns);
	e->start_ns = now_ns;
	if (config->knowledge) {
		e->discovery_loss = config->knowledge->discovery_loss;
		e->link_rtt = config->knowledge->link_rtt;
		e->routed_rtt = config->knowledge->routed_rtt;
		e->config.knowledge = NULL;
	}
	if (!number_targets(e, err)) {
		engine_free(e);
		return NULL;
	}
	if (!order_ports(e) || !choose_discovery_ports(e) || !make_padding(e)) {
		engine_free(e);
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	return e;
}

/* Readings of events that were not taken. */
static void free_readings(struct event_ring *ring)
{
	struct event event;

	while (event_ring_take(ring, &event)) {
		if (event.kind == EVENT_PORT)
			free(event.u.port.reading);
	}
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	broadcast_free(e->broadcast);
	sweep_free(e->sweep);
	hosts_free(e);
	free(e->neighbours);
	free(e->port_order);
	free(e->slot_of_port);
	free(e->discovery_ports);
	free_readings(&e->events);
	event_ring_free(&e->events);
	free(e->skip_ports);
	free(e->padding);
	reassembly_free(e->reassembly);
	addr_ranges_free(&e->skip_hosts);
	target_index_free(&e->numbers);
	free(e);
}

/* Events */

struct event *event_new(struct engine *e, const struct host *host, enum event_kind kind, int64_t at_ns)
{
	struct event *event = event_ring_add(&e->events, kind, at_ns, &host->addr, host->ordinal, host->index);

	e->out_of_memory |= !event;
	return event;
}

void note(struct engine *e, const struct host *host, int64_t at_ns, uint16_t port, const char *code, const char *format,
          ...)
{
	struct event *event = event_new(e, host, EVENT_NOTE, at_ns);
	va_list args;

	if (!event)
		return;
	event->u.note.port = port;
	event->u.note.code = code;
	va_start(args, format);
	vsnprintf(event->u.note.text, sizeof(event->u.note.text), format, args);
	va_end(args);
}

bool engine_next_event(struct engine *e, struct event *out)
{
	if (e->broadcast)
		return broadcast_next_event(e->broadcast, out);
	if (e->sweep)
		return sweep_next_event(e->sweep, out);
	if (!event_ring_take(&e->events, out))
		return false;
	if (out->kind == EVENT_PORT && out->u.port.reading) {
		e->told = *out->u.port.reading;
		free(out->u.port.reading);
		out->u.port.reading = &e->told;
	}
	return true;
}

/* Probes */

/* A cookie finds its host again: place, generation of the place, and 32 bits of the host's own. */
uint64_t cookie_make(const struct engine *e, const struct host *host, uint32_t low)
{
	return (uint64_t)host_index(e, host) << 40 | (uint64_t)(host->generation & 0xff) << 32 | low;
}

static struct host *cookie_host(struct engine *e, uint64_t cookie)
{
	uint64_t index = cookie >> 40;

	if (index >= e->host_capacity || !e->hosts[index].in_use ||
	    (e->hosts[index].generation & 0xff) != (cookie >> 32 & 0xff))
		return NULL;
	return &e->hosts[index];
}

void fill_probe(struct engine *e, struct host *host, const struct ask *ask, uint64_t cookie, struct probe *out)
{
	memset(out, 0, sizeof(*out));
	probe_modules[ask->kind]->make(&e->config.probe, ask, out);
	out->interface = host->path.interface;
	out->link = host->path.kind;
	if (ask->kind == PROBE_ARP)
		memset(out->next_hop_mac, 0xff, MAC_BYTES);
	else
		memcpy(out->next_hop_mac, host->mac, MAC_BYTES);
	out->cookie = cookie;
}

void host_finish(struct engine *e, struct host *host, int64_t now_ns)
{
	mtu_tell(e, host, now_ns);
	if (host->scan) {
		e->slots_in_use -= host->scan->slot_count;
		e->answers_in_use -= host->scan->answer_count;
	}
	e->progress.hosts_finished++;
	event_new(e, host, EVENT_HOST_DONE, now_ns);
	host_release(e, host);
}

/* The next target that is not to be skipped. */
static bool next_target(struct engine *e, struct addr *out)
{
	while (target_next(e->config.targets, e->config.exclude, &e->cursor, out)) {
		e->next_index++;
		if (is_in_shard(e, out) && !addr_ranges_contains(&e->skip_hosts, out))
			return true;
	}
	e->targets_exhausted = true;
	return false;
}

/* Takes up new hosts while there is room. */
static void take_up(struct engine *e, int64_t now_ns)
{
	while (!e->targets_exhausted && e->active < e->config.max_hosts && e->slots_in_use < MOST_PORT_SLOTS &&
	       pace_ready(&e->taking_up, now_ns)) {
		struct addr addr;
		struct host *host;

		if (!next_target(e, &addr))
			return;
		pace_take(&e->taking_up);
		host = host_new(e, &addr);
		if (!host) {
			e->out_of_memory = true;
			return;
		}
		host->ordinal = e->next_ordinal++;
		host->index = e->next_index - 1;
		host->started_ns = now_ns;
		if (network_path(e->config.network, &addr, e->config.only_interface, &e->config.source, &host->path,
		                 NULL))
			discovery_start(e, host, now_ns);
		else
			host_is_gone(e, host, "no-route", NULL, now_ns);
	}
}

static bool can_take_up(const struct engine *e)
{
	return !e->targets_exhausted && e->active < e->config.max_hosts && e->slots_in_use < MOST_PORT_SLOTS;
}

/* --host-timeout: what is not settled by then stays unresolved. */
static bool time_is_up(const struct engine *e, const struct host *host, int64_t now_ns)
{
	return e->config.host_timeout_ns > 0 && now_ns >= host->started_ns + e->config.host_timeout_ns;
}

static void host_unresolved(struct engine *e, struct host *host, int64_t now_ns)
{
	if (host->stage == HOST_PORTS)
		portscan_unresolved(e, host, now_ns);
	else if (host->stage == HOST_MTU)
		host_finish(e, host, now_ns);
	else
		discovery_unresolved(e, host, now_ns);
}

static bool host_next_probe(struct engine *e, struct host *host, int64_t now_ns, struct probe *out)
{
	if (time_is_up(e, host, now_ns)) {
		if (host->stage == HOST_PORTS && host->scan->settled < host->scan->slot_count)
			note(e, host, now_ns, 0, "host-timeout",
			     "--host-timeout: %zu ports are unknown; --resume asks them again",
			     host->scan->slot_count - host->scan->settled);
		host_unresolved(e, host, now_ns);
		return false;
	}
	if (host->mtu && host->mtu_wake_ns <= now_ns && mtu_next(e, host, now_ns, out)) {
		host_set_wake(e, host, now_ns); /* its ports have their turn, too */
		return true;
	}
	switch (host->stage) {
	case HOST_WANTS_NEIGHBOUR:
	case HOST_DISCOVERY:
		return discovery_next(e, host, now_ns, out);
	case HOST_PORTS:
		return portscan_next(e, host, now_ns, out);
	case HOST_MTU:
		if (mtu_under_way(host))
			host_set_wake(e, host, host->mtu_wake_ns);
		else
			host_finish(e, host, now_ns);
		return false;
	}
	return false;
}

bool engine_next_probe(struct engine *e, int64_t now_ns, struct probe *out)
{
	bool found = false;

	if (e->broadcast)
		return broadcast_next_probe(e->broadcast, now_ns, out);
	if (e->sweep)
		return sweep_next_probe(e->sweep, now_ns, out);
	if (e->stopped)
		return false;
	take_up(e, now_ns);
	if (!pace_ready(&e->sending, now_ns))
		return false;
	found = neighbours_next(e, now_ns, out);
	while (!found && e->heap_count > 0 && e->hosts[e->heap[0]].wake_ns <= now_ns)
		found = host_next_probe(e, &e->hosts[e->heap[0]], now_ns, out);
	if (found) {
		pace_take(&e->sending);
		e->progress.sent++;
	}
	return found;
}

int64_t engine_next_wake(const struct engine *e)
{
	int64_t wake_ns = neighbours_wake(e);

	if (e->broadcast)
		return broadcast_next_wake(e->broadcast);
	if (e->sweep)
		return sweep_next_wake(e->sweep);
	if (e->stopped)
		return NEVER;
	if (e->heap_count > 0 && e->hosts[e->heap[0]].wake_ns < wake_ns)
		wake_ns = e->hosts[e->heap[0]].wake_ns;
	if (e->sending.per_s > 0 && wake_ns < pace_wake(&e->sending))
		wake_ns = pace_wake(&e->sending);
	if (can_take_up(e) && pace_wake(&e->taking_up) < wake_ns)
		wake_ns = pace_wake(&e->taking_up);
	return wake_ns;
}

bool engine_asks_size(uint64_t cookie)
{
	return cookie != UINT64_MAX && (uint32_t)cookie >> 30 == MTU_COOKIE >> 30;
}

void engine_send_failed(struct engine *e, uint64_t cookie, int error, int64_t now_ns)
{
	struct host *host = cookie == UINT64_MAX ? NULL : cookie_host(e, cookie);
	uint32_t low = (uint32_t)cookie;

	if (e->broadcast) {
		broadcast_send_failed(e->broadcast, cookie, now_ns);
		return;
	}
	if (e->sweep) {
		sweep_send_failed(e->sweep, cookie, error, now_ns);
		return;
	}
	(void)error; /* which one it was matters to the operator, not to the order of asking */
	e->progress.send_errors += !engine_asks_size(cookie);
	if (!host)
		return; /* a gateway's ARP is repeated anyway; a finished host needs nothing */
	if (engine_asks_size(cookie))
		mtu_send_failed(e, host, low & UINT16_MAX, now_ns);
	else if (low >> 31)
		discovery_send_failed(e, host, low, now_ns);
	else if (host->scan)
		portscan_send_failed(e, host, low, now_ns);
}

void engine_capture_drops(struct engine *e, uint64_t drops, int64_t now_ns)
{
	if (e->sweep)
		sweep_capture_drops(e->sweep, drops, now_ns);
}

bool engine_done(const struct engine *e)
{
	if (e->broadcast)
		return broadcast_done(e->broadcast);
	if (e->sweep)
		return sweep_done(e->sweep);
	return e->stopped || (e->targets_exhausted && e->active == 0);
}

/* Targets that an interrupted scan never came to are named too, as long as they are not too many to name. */
static void tell_unvisited(struct engine *e, int64_t now_ns)
{
	struct addr addr;

	for (size_t told = 0; told < MOST_TOLD_UNVISITED && next_target(e, &addr); told++) {
		struct host *host = host_new(e, &addr);

		if (!host)
			return;
		host->ordinal = e->next_ordinal++;
		host->index = e->next_index - 1;
		discovery_unresolved(e, host, now_ns);
	}
}

void engine_stop(struct engine *e, int64_t now_ns)
{
	if (e->broadcast)
		broadcast_stop(e->broadcast);
	if (e->sweep)
		sweep_stop(e->sweep, now_ns);
	if (e->broadcast || e->sweep || e->stopped)
		return;
	for (size_t i = 0; i < e->host_capacity; i++) {
		struct host *host = &e->hosts[i];

		if (host->in_use)
			host_unresolved(e, host, now_ns);
	}
	tell_unvisited(e, now_ns);
	e->stopped = true;
}

void engine_knowledge(const struct engine *e, struct engine_knowledge *out)
{
	*out = (struct engine_knowledge){
	        .discovery_loss = e->discovery_loss, .link_rtt = e->link_rtt, .routed_rtt = e->routed_rtt};
}

void engine_progress(const struct engine *e, int64_t now_ns, struct engine_progress *out)
{
	double slowest_s = 0;

	if (e->broadcast) {
		broadcast_progress(e->broadcast, out);
		return;
	}
	if (e->sweep) {
		sweep_progress(e->sweep, now_ns, out);
		return;
	}
	*out = e->progress;
	(void)now_ns;
	out->remaining_ns = -1;
	for (size_t i = 0; i < e->host_capacity; i++) {
		const struct host *host = &e->hosts[i];
		double remaining_s = host->in_use && host->scan ? portscan_remaining_s(host->scan) : 0;

		if (remaining_s > slowest_s) {
			slowest_s = remaining_s;
			out->limited_by = host->addr;
			out->limited_per_s = portscan_rate(host->scan);
		}
	}
	if (slowest_s > 0 && e->targets_exhausted)
		out->remaining_ns = (int64_t)(slowest_s * 1e9);
}

/* Resuming */

bool engine_skip_host(struct engine *e, const struct addr *addr, struct err *err)
{
	if (e->sweep)
		return sweep_skip(e->sweep, addr, err);
	return addr_ranges_add(&e->skip_hosts, addr) || err_set(err, ERR_SYSTEM, "out of memory");
}

bool engine_skip_port(struct engine *e, const struct addr *addr, uint16_t port, enum port_state state, bool refused,
                      struct err *err)
{
	if (e->skip_port_count == e->skip_port_capacity) {
		size_t capacity = e->skip_port_capacity ? e->skip_port_capacity * 2 : 1024;
		struct skip_port *skip = realloc(e->skip_ports, capacity * sizeof(*skip));

		if (!skip)
			return err_set(err, ERR_SYSTEM, "out of memory");
		e->skip_ports = skip;
		e->skip_port_capacity = capacity;
	}
	e->skip_ports[e->skip_port_count++] = (struct skip_port){*addr, port, (uint8_t)state, refused};
	return true;
}
