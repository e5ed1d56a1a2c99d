/* sweep.c: the public face of a sweep: passes over the permuted targets, the next ask, waiting, events. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nscan/stamp.h"
#include "sweep_internal.h"

enum {
	FEWEST_PASSES = 3,
	GATEWAY_ASKS = 6,
	GATEWAY_MS = 150,
	ARP_INITIAL_MS = 150,
	ARP_FLOOR_MS = 60,
	IP_INITIAL_MS = 500,
	IP_FLOOR_MS = 200,
	CANARY_FLOOR_MS = 60,
	LATE_ANSWER_MS = 1000, /* the slowest host seen is waited for, up to this */
	BACKOFF_DOUBLINGS = 2,
	BROADCASTS_PER_S = 50000, /* ARP requests: every machine of the link has to look at them */
	MOST_STEPS = 65536,       /* settled addresses passed over in one call */
	UNSENT_PAUSE_MS = 5,
	ROUNDS_LATER = 2, /* a later pass asks in so many ways, about */
};
#define WRONG_DOWN        1e-3 /* live hosts called down that are expected in all */
#define TOO_MANY_ON_REASK 0.2

/* What a cookie holds, from the high end: 16 bits of attempt, 4 of the kind, 44 of the address. */
enum { COOKIE_ATTEMPT_SHIFT = 48, COOKIE_KIND_SHIFT = 44 };

bool sweep_fits(const struct engine_config *config)
{
	return !config->ports && config->pmtu == PMTU_OFF && !(config->discovery & DISCOVER_NONE) &&
	       config->source_count == 0 && config->host_timeout_ns == 0 && config->max_host_rate <= 0 &&
	       config->max_hosts == 0 && config->network->route_count <= MOST_ROUTES &&
	       !target_set_has_family(config->targets, 6) && target_set_size(config->targets) >= SWEEP_LEAST_ADDRESSES;
}

static bool add_round(struct sweep *s, enum probe_kind kind, uint16_t port)
{
	if (s->round_count == s->round_room) {
		size_t room = s->round_room ? s->round_room * 2 : 8;
		struct sweep_round *rounds = realloc(s->rounds, room * sizeof(*rounds));

		if (!rounds)
			return false;
		s->rounds = rounds;
		s->round_room = room;
	}
	s->rounds[s->round_count++] = (struct sweep_round){kind, port};
	return true;
}

/* The methods of a pass. By default echo first, then also what hosts answer that ignore echo. */
static unsigned methods_of_pass(const struct sweep *s)
{
	const unsigned by_ip = DISCOVER_ECHO | DISCOVER_TIMESTAMP | DISCOVER_UDP;
	unsigned chosen = s->config.discovery & by_ip, methods;

	if (chosen & (DISCOVER_ECHO | DISCOVER_TIMESTAMP) && s->pass == 0)
		return chosen & ~(unsigned)DISCOVER_UDP;
	if (chosen)
		return chosen;
	methods = DISCOVER_ECHO;
	if (s->pass == 1 || (s->pass > 1 && s->by_kind[PROBE_TIMESTAMP]))
		methods |= DISCOVER_TIMESTAMP;
	if (s->pass == 2 || (s->pass > 2 && s->by_kind[PROBE_UDP]))
		methods |= DISCOVER_UDP;
	return methods;
}

static bool plan_rounds(struct sweep *s)
{
	unsigned methods = methods_of_pass(s);
	const struct port_list *ports = s->config.discovery_ports;
	bool ok = true;

	s->round_count = 0;
	if (methods & DISCOVER_ECHO)
		ok = ok && add_round(s, PROBE_ECHO, 0);
	if (methods & DISCOVER_TIMESTAMP)
		ok = ok && add_round(s, PROBE_TIMESTAMP, 0);
	if (methods & DISCOVER_UDP && (!ports || ports->count == 0))
		ok = ok && add_round(s, PROBE_UDP, SWEEP_UNLIKELY_PORT);
	for (size_t i = 0; methods & DISCOVER_UDP && ports && i < ports->count; i++)
		ok = ok && add_round(s, PROBE_UDP, ports->ports[i]);
	return ok;
}

static void begin_pass(struct sweep *s)
{
	s->phase = SWEEP_ASKING;
	s->round = 0;
	s->at = 0;
	s->up_before = s->progress.hosts_up;
	if (!plan_rounds(s)) {
		s->out_of_memory = true;
		sweep_tell_begin(s);
	}
}

static bool is_asked(const struct sweep_path *path)
{
	return path->usable && !path->failed;
}

/* How many addresses are asked at all. Where that cannot be told exactly the sweep just does not end before its passes. */
static void count_silent(struct sweep *s)
{
	uint64_t unasked = 0;

	for (size_t i = 0; i < s->paths.segment_count; i++) {
		const struct sweep_segment *segment = &s->paths.segments[i];
		bool last = i + 1 == s->paths.segment_count;

		if (!is_asked(&s->paths.paths[segment->path]))
			unasked += (last ? s->index.v4_addresses : target_index_rank(&s->index, segment[1].first)) -
			           target_index_rank(&s->index, segment->first);
	}
	s->silent_is_exact = unasked == 0 || (s->skipped == 0 && !shard_is_part(&s->config.shard));
	s->silent = s->count - s->skipped - (s->silent_is_exact ? unasked : 0);
}

/* In which ways addresses are asked. */
static void find_ways(struct sweep *s)
{
	for (size_t i = 0; i < s->paths.path_count; i++) {
		const struct sweep_path *path = &s->paths.paths[i];

		s->any_arp |= sweep_path_uses_arp(path);
		s->any_ip |= path->usable && !sweep_path_uses_arp(path);
	}
}

static bool open_parts(struct sweep *s, int64_t now_ns, struct err *err)
{
	const struct engine_config *config = &s->config;

	if (!target_index_make(config->targets, config->exclude, &s->index, err))
		return false;
	s->count = shard_size(&config->shard, s->index.count);
	if (!sweep_store_init(&s->store, s->count))
		return err_set(err, ERR_SYSTEM, "out of memory for %llu targets: scan in several parts",
		               (unsigned long long)s->count);
	if (s->index.count == 0)
		return true;
	return sweep_paths_make(&s->paths, config, &s->index, now_ns, err);
}

struct sweep *sweep_new(const struct engine_config *config, int64_t now_ns, struct err *err)
{
	struct sweep *s = calloc(1, sizeof(*s));

	if (!s) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	s->config = *config;
	if (!open_parts(s, now_ns, err)) {
		sweep_free(s);
		return NULL;
	}
	for (size_t i = 0; i < config->probe.source_port_count; i++)
		s->held[config->probe.source_ports[i] / 8] |= (uint8_t)(1 << config->probe.source_ports[i] % 8);
	s->order = permutation_make(s->count, config->seed);
	s->start_ns = now_ns;
	s->last_sent_ns = now_ns;
	sweep_rate_init(&s->rate, config->max_rate, config->min_rate, now_ns);
	sweep_rate_init(&s->broadcast, fmax(BROADCASTS_PER_S, config->min_rate), config->min_rate, now_ns);
	s->progress.hosts_total = s->count;
	find_ways(s);
	return s;
}

void sweep_free(struct sweep *s)
{
	if (!s)
		return;
	sweep_store_free(&s->store);
	sweep_paths_free(&s->paths);
	target_index_free(&s->index);
	free(s->rounds);
	event_ring_free(&s->events);
	free(s);
}

struct addr sweep_addr(const struct sweep *s, uint64_t i)
{
	return target_index_at(&s->index, shard_is_part(&s->config.shard) ? shard_at(&s->config.shard, i) : i);
}

bool sweep_find(const struct sweep *s, const struct addr *addr, uint64_t *i)
{
	uint64_t number;

	if (addr->family != 4 || !target_index_of(&s->index, addr, &number))
		return false;
	*i = number;
	if (!shard_is_part(&s->config.shard))
		return true;
	*i = number / s->config.shard.count; /* each block of successive numbers has one of every part */
	return shard_has(&s->config.shard, number);
}

struct event *sweep_event(struct sweep *s, enum event_kind kind, uint64_t i, int64_t at_ns)
{
	struct addr addr = sweep_addr(s, i);
	struct event *event = event_ring_add(&s->events, kind, at_ns, &addr, i,
	                                     shard_is_part(&s->config.shard) ? shard_at(&s->config.shard, i) : i);

	if (event)
		event->swept = true;
	else
		s->out_of_memory = true;
	return event;
}

bool sweep_next_event(struct sweep *s, struct event *out)
{
	return event_ring_take(&s->events, out) || (s->phase == SWEEP_TELLING && sweep_tell_next(s, out));
}

/* Asking */

static void fill(struct sweep *s, const struct sweep_path *path, const struct ask *ask, uint64_t cookie, int64_t now_ns,
                 struct probe *out)
{
	if (ask->kind != PROBE_ECHO)
		probe_modules[ask->kind]->make(&s->config.probe, ask, out);
	else
		probe_stamp_make(&s->config.probe, ask,
		                 (uint32_t)((now_ns - s->start_ns) >> STAMP_SHIFT & STAMP_MASK) | (uint32_t)ask->attempt
		                                                                                          << STAMP_BITS,
		                 out);
	out->interface = path->path.interface;
	out->link = path->path.kind;
	if (ask->kind == PROBE_ARP)
		memset(out->next_hop_mac, 0xff, MAC_BYTES);
	else
		memcpy(out->next_hop_mac, path->mac, MAC_BYTES);
	out->cookie = cookie;
	s->progress.sent++;
	sweep_rate_take(&s->rate);
	if (ask->kind == PROBE_ARP) {
		s->arp_sent++;
		sweep_rate_take(&s->broadcast);
	}
}

static void ask_address(struct sweep *s, const struct sweep_path *path, const struct addr *addr, uint64_t i,
                        const struct sweep_round *round, uint16_t attempt, int64_t now_ns, struct probe *out)
{
	struct ask ask = {.kind = sweep_path_uses_arp(path) ? PROBE_ARP : round->kind,
	                  .src = path->source_is_target ? *addr : path->path.source,
	                  .dst = *addr,
	                  .attempt = attempt};

	if (ask.kind == PROBE_UDP) {
		ask.port = round->port;
		ask.attempt |= DISCOVERY_ATTEMPT;
	}
	fill(s, path, &ask, (uint64_t)attempt << COOKIE_ATTEMPT_SHIFT | (uint64_t)ask.kind << COOKIE_KIND_SHIFT | i,
	     now_ns, out);
	s->last_sent_ns = now_ns;
}

static bool gateways_next(struct sweep *s, int64_t now_ns, struct probe *out)
{
	bool waiting = false;

	for (size_t p = 0; p < s->paths.path_count; p++) {
		struct sweep_path *path = &s->paths.paths[p];
		struct ask ask = {.kind = PROBE_ARP, .src = path->path.source, .dst = path->path.next_hop};

		if (!path->wants_mac || path->failed)
			continue;
		if (path->next_ns <= now_ns && path->attempts >= GATEWAY_ASKS) {
			path->failed = true;
			continue;
		}
		waiting = true;
		if (path->next_ns > now_ns)
			continue;
		ask.attempt = path->attempts++;
		path->next_ns = now_ns + (GATEWAY_MS * MS << (path->attempts < 3 ? path->attempts : 3));
		fill(s, path, &ask, UINT64_MAX, now_ns, out);
		return true;
	}
	if (!waiting) {
		count_silent(s);
		begin_pass(s);
	}
	return false;
}

/* The next address of this round that is still silent. False: none is due now, or the round is over. */
static bool round_next(struct sweep *s, int64_t now_ns, struct probe *out)
{
	const struct sweep_round *round = &s->rounds[s->round];

	for (int steps = 0; steps < MOST_STEPS && s->at < s->count; steps++, s->at++) {
		uint64_t i = permutation_at(&s->order, s->at);
		const struct sweep_path *path;
		struct addr addr;

		if (sweep_store_is_settled(&s->store, i))
			continue;
		addr = sweep_addr(s, i);
		path = sweep_paths_find(&s->paths, addr_v4(&addr), NULL);
		if (!is_asked(path) || (sweep_path_uses_arp(path) && s->round > 0))
			continue;
		if (sweep_path_uses_arp(path) && !sweep_rate_ready(&s->broadcast, s->arp_sent, now_ns))
			return false;
		s->at++;
		ask_address(s, path, &addr, i, round, (uint16_t)s->pass, now_ns, out);
		return true;
	}
	return false;
}

static bool canary_next(struct sweep *s, int64_t now_ns, struct probe *out)
{
	static const struct sweep_round echo = {PROBE_ECHO, 0};
	const struct sweep_path *path;
	struct addr addr;
	uint64_t i;

	if (!sweep_canaries_next(&s->canaries, &s->rate, now_ns, &i))
		return false;
	addr = sweep_addr(s, i);
	path = sweep_paths_find(&s->paths, addr_v4(&addr), NULL);
	ask_address(s, path, &addr, i, &echo, CANARY_ATTEMPT, now_ns, out);
	return true;
}

static bool unsent_next(struct sweep *s, int64_t now_ns, struct probe *out)
{
	while (s->unsent_count > 0) {
		const struct sweep_unsent *again = &s->unsent[--s->unsent_count];
		struct addr addr = sweep_addr(s, again->i);

		if (sweep_store_is_settled(&s->store, again->i))
			continue;
		ask_address(s, sweep_paths_find(&s->paths, addr_v4(&addr), NULL), &addr, again->i, &again->round,
		            again->attempt, now_ns, out);
		return true;
	}
	return false;
}

/* Passes */

/* How long answers of the last ask may take. */
static int64_t answer_timeout(const struct sweep *s)
{
	unsigned doublings = s->pass < BACKOFF_DOUBLINGS ? s->pass : BACKOFF_DOUBLINGS;
	int64_t timeout_ns = 0, slowest_ns = s->max_rtt_ns + s->max_rtt_ns / 2;

	if (s->any_arp)
		timeout_ns = rtt_timeout(&s->rtt_arp, ARP_INITIAL_MS * MS, ARP_FLOOR_MS * MS) << doublings;
	if (s->any_ip) {
		int64_t ip_ns = rtt_timeout(&s->rtt_ip, IP_INITIAL_MS * MS, IP_FLOOR_MS * MS) << doublings;

		timeout_ns = ip_ns > timeout_ns ? ip_ns : timeout_ns;
	}
	if (slowest_ns > LATE_ANSWER_MS * MS)
		slowest_ns = LATE_ANSWER_MS * MS;
	return timeout_ns > slowest_ns ? timeout_ns : slowest_ns;
}

/* The share of its answers that a pass lost: as its canaries saw it, or as what the next pass found shows. */
static double share_lost(const struct sweep *s, uint32_t pass)
{
	double lost = s->lost[pass], found = (double)s->found[pass], later;

	if (pass + 1 >= s->pass || pass + 1 >= MOST_PASSES)
		return lost;
	later = (double)s->found[pass + 1];
	return later > 0 ? fmax(lost, later / (found + later)) : lost;
}

/* So many that the live hosts which all of them missed are expected to be fewer than WRONG_DOWN: those of the passes done, and
 * as many more as bring it there if they lose no more than the last. */
static uint32_t passes_needed(const struct sweep *s)
{
	double missed = s->progress.hosts_up > 0 ? (double)s->progress.hosts_up : 0.5;
	double lost = loss_estimate(&s->canaries.loss);
	uint32_t passes = s->pass;

	if (s->config.max_retries >= 0)
		return s->config.max_retries < MOST_PASSES ? (uint32_t)s->config.max_retries + 1 : MOST_PASSES;
	for (uint32_t pass = 0; pass < s->pass; pass++)
		missed *= lost = share_lost(s, pass);
	for (; missed > WRONG_DOWN && passes < MOST_PASSES; passes++)
		missed *= lost;
	return passes < FEWEST_PASSES ? FEWEST_PASSES : passes;
}

static bool nobody_is_silent(const struct sweep *s)
{
	return s->silent_is_exact && s->silent == 0;
}

static void end_pass(struct sweep *s, int64_t now_ns)
{
	uint64_t found = s->progress.hosts_up - s->up_before;

	sweep_canaries_expire(&s->canaries, &s->rate, 0, now_ns);
	s->found[s->pass] = found;
	s->lost[s->pass] = loss_estimate(&s->canaries.loss);
	s->canaries.loss = (struct loss){0};
	if (s->pass > 0 && found > 10 && (double)found > TOO_MANY_ON_REASK * (double)s->progress.hosts_up)
		sweep_rate_pass_lost(&s->rate, now_ns);
	s->pass++;
	if (nobody_is_silent(s) || (s->pass >= passes_needed(s) && !s->unsent_lost)) {
		sweep_tell_begin(s);
		return;
	}
	s->unsent_lost = false;
	begin_pass(s);
}

/* A host that has answered before answers again in about the same time. */
static int64_t canary_timeout(const struct sweep *s)
{
	int64_t ip_ns = rtt_timeout(&s->rtt_ip, IP_INITIAL_MS * MS, CANARY_FLOOR_MS * MS);
	int64_t arp_ns = rtt_timeout(&s->rtt_arp, ARP_INITIAL_MS * MS, CANARY_FLOOR_MS * MS);

	return s->any_ip && ip_ns > arp_ns ? ip_ns : arp_ns;
}

static bool asking_next(struct sweep *s, int64_t now_ns, struct probe *out)
{
	if (now_ns < s->hold_ns || !sweep_rate_ready(&s->rate, s->progress.sent, now_ns))
		return false;
	sweep_canaries_expire(&s->canaries, &s->rate, canary_timeout(s), now_ns);
	if (canary_next(s, now_ns, out) || unsent_next(s, now_ns, out))
		return true;
	if (round_next(s, now_ns, out))
		return true;
	if (s->at >= s->count && ++s->round < s->round_count) {
		s->at = 0;
	} else if (s->at >= s->count) {
		s->phase = SWEEP_WAITING;
		s->wait_ns = s->last_sent_ns + answer_timeout(s);
	}
	return false;
}

bool sweep_next_probe(struct sweep *s, int64_t now_ns, struct probe *out)
{
	if ((s->phase == SWEEP_ASKING || s->phase == SWEEP_WAITING) && nobody_is_silent(s))
		sweep_tell_begin(s);
	switch (s->phase) {
	case SWEEP_GATEWAYS:
		return gateways_next(s, now_ns, out);
	case SWEEP_ASKING:
		return asking_next(s, now_ns, out);
	case SWEEP_WAITING:
		if (s->unsent_count > 0 && now_ns >= s->hold_ns && unsent_next(s, now_ns, out)) {
			s->wait_ns = now_ns + answer_timeout(s);
			return true;
		}
		if (now_ns >= s->wait_ns)
			end_pass(s, now_ns);
		return false;
	case SWEEP_TELLING:
	case SWEEP_DONE:
		break;
	}
	return false;
}

static int64_t gateways_wake(const struct sweep *s)
{
	int64_t wake_ns = NEVER;

	for (size_t p = 0; p < s->paths.path_count; p++) {
		const struct sweep_path *path = &s->paths.paths[p];

		if (path->wants_mac && !path->failed && path->next_ns < wake_ns)
			wake_ns = path->next_ns;
	}
	return wake_ns == NEVER ? s->start_ns : wake_ns; /* none is missing: on with the first pass */
}

static int64_t asking_wake(const struct sweep *s)
{
	int64_t wake_ns = sweep_rate_wake(&s->rate);
	int64_t broadcast_ns = s->any_arp && s->broadcast.credit < 1 ? sweep_rate_wake(&s->broadcast) : 0;

	if (broadcast_ns > wake_ns)
		wake_ns = broadcast_ns;
	return s->hold_ns > wake_ns ? s->hold_ns : wake_ns;
}

int64_t sweep_next_wake(const struct sweep *s)
{
	switch (s->phase) {
	case SWEEP_GATEWAYS:
		return gateways_wake(s);
	case SWEEP_ASKING:
		return asking_wake(s);
	case SWEEP_WAITING:
		return s->unsent_count > 0 && s->hold_ns < s->wait_ns ? s->hold_ns : s->wait_ns;
	case SWEEP_TELLING:
	case SWEEP_DONE:
		break;
	}
	return NEVER;
}

/* Lowers the pace, and keeps the ask for a little later. */
void sweep_send_failed(struct sweep *s, uint64_t cookie, int error, int64_t now_ns)
{
	unsigned attempt = (unsigned)(cookie >> COOKIE_ATTEMPT_SHIFT);
	enum probe_kind kind = (enum probe_kind)(cookie >> COOKIE_KIND_SHIFT & 0xf);

	(void)error;
	s->progress.send_errors++;
	if (cookie == UINT64_MAX)
		return; /* a gateway's ARP is repeated anyway */
	sweep_rate_overrun(&s->rate, 0.8, now_ns);
	s->hold_ns = now_ns + UNSENT_PAUSE_MS * MS;
	if (attempt == CANARY_ATTEMPT)
		return;
	if (s->unsent_count == MOST_UNSENT) {
		s->unsent_lost = true;
		return;
	}
	s->unsent[s->unsent_count++] = (struct sweep_unsent){
	        .i = cookie & ((UINT64_C(1) << COOKIE_KIND_SHIFT) - 1),
	        .round = {kind, kind == PROBE_UDP && s->round < s->round_count ? s->rounds[s->round].port : 0},
	        .attempt = (uint16_t)attempt,
	};
}

bool sweep_done(const struct sweep *s)
{
	return s->phase == SWEEP_DONE || s->phase == SWEEP_TELLING;
}

void sweep_stop(struct sweep *s, int64_t now_ns)
{
	(void)now_ns;
	if (sweep_done(s))
		return;
	s->stopped = true;
	sweep_tell_begin(s);
}

/* How much of the passes that are needed as far as known is done, and how long the rest takes at this rate. */
void sweep_progress(const struct sweep *s, int64_t now_ns, struct engine_progress *out)
{
	uint32_t passes = passes_needed(s);
	double all = (double)(s->count ? s->count : 1), rounds = (double)s->round_count;
	double done, still_silent = (double)s->silent, left;

	(void)now_ns;
	*out = s->progress;
	out->pass = s->pass + 1;
	out->passes = passes > s->pass ? passes : s->pass + 1;
	out->remaining_ns = -1;
	if (sweep_done(s) || rounds <= 0)
		return;
	done = fmin(((double)s->round + (double)s->at / all) / rounds, 1);
	left = (1 - done) * rounds * still_silent;
	if (s->pass == 0) {
		left = (1 - done) * all;
		if (done > 0)
			still_silent = fmax(all - (double)s->progress.hosts_finished / done, 0);
	}
	left += still_silent * ROUNDS_LATER * (double)(out->passes - s->pass - 1);
	out->share_done = (double)s->progress.sent / ((double)s->progress.sent + left);
	if (s->rate.measured > 0)
		out->remaining_ns = (int64_t)(left / s->rate.measured * 1e9);
}

bool sweep_skip(struct sweep *s, const struct addr *addr, struct err *err)
{
	struct sweep_page *page;
	uint64_t i;

	if (!sweep_find(s, addr, &i) || sweep_store_code(&s->store, i) == CODE_SKIPPED)
		return true;
	page = sweep_store_page(&s->store, i);
	if (!page)
		return err_set(err, ERR_SYSTEM, "out of memory");
	page->code[i % PAGE_ADDRESSES] = CODE_SKIPPED;
	s->skipped++;
	s->progress.hosts_total--;
	return true;
}

void sweep_capture_drops(struct sweep *s, uint64_t drops, int64_t now_ns)
{
	if (drops > s->drops)
		sweep_rate_overrun(&s->rate, 0.7, now_ns);
	s->drops = drops;
}
