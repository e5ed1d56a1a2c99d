/* mtu.c: the path MTU observation of each live host (pmtu.h), beside its ports: its frames, its replies, its events. */
#include <math.h>
#include <stdlib.h>

#include "internal.h"
#include "nscan/reassembly.h"

enum { HOLD_SLACK_MS = 20, GATE_LEAST_US = 200, TRIAL_LOOK_MS = 50 };
#define FIRST_COME 0.015 /* tokens: half of the margin of a count */

struct mtu_watch {
	struct pmtu pmtu;
	uint16_t udp_port; /* that is asked */
	bool told;
	bool forged_told, absurd_told, reassembly_told;
	bool stray_told;   /* a claim that quotes nothing of ours */
	bool refused_told; /* fragments that do not fit together */
};

/* UDP probes have to arrive with a right checksum, or none. */
static bool udp_is_possible(const struct engine *e)
{
	return !e->config.probe.bad_checksum && e->config.probe.checksum_mode != CHECKSUM_FIXED;
}

bool mtu_start(struct engine *e, struct host *host, int64_t now_ns)
{
	const struct interface *own = &e->config.network->interfaces[host->path.interface];
	struct pmtu_config config = {
	        .mode = e->config.pmtu,
	        .interface_mtu = host->path.mtu_bytes,
	        .on_link = host->path.on_link && (host->path.kind == LINK_ETHERNET || own->loopback),
	        .rtt = host->rtt,
	        .gap_ns = e->config.max_host_rate > 0 ? (int64_t)(1e9 / e->config.max_host_rate) : 0,
	};
	struct mtu_watch *watch;

	if (e->config.pmtu == PMTU_OFF || host->mtu || host->addr.family != 4 || !e->padding)
		return host->mtu != NULL;
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return false;
	pmtu_init(&watch->pmtu, &config, now_ns);
	if (!udp_is_possible(e)) {
		pmtu_udp_never(&watch->pmtu, now_ns);
	} else if (!e->config.ports || e->port_count == 0) {
		/* Nobody listens there, as a rule. */
		watch->udp_port = e->discovery_ports[0];
		pmtu_udp_ready(&watch->pmtu, false, now_ns);
	}
	host->mtu = watch;
	host->mtu_wake_ns = now_ns;
	host_set_wake(e, host, now_ns);
	return true;
}

void mtu_free(struct host *host)
{
	free(host->mtu);
	host->mtu = NULL;
}

bool mtu_under_way(const struct host *host)
{
	return host->mtu && !pmtu_done(&host->mtu->pmtu);
}

/* A port that the host refused itself. */
static void look_for_port(struct host *host, int64_t now_ns)
{
	struct mtu_watch *watch = host->mtu;

	if (watch->udp_port != 0 || !host->scan || host->scan->sentinel == NO_INDEX || !host->scan->target_refuses)
		return;
	watch->udp_port = host->scan->slots[host->scan->sentinel].number;
	pmtu_udp_ready(&watch->pmtu, true, now_ns);
}

void mtu_ports_done(struct host *host, int64_t now_ns)
{
	if (host->mtu)
		look_for_port(host, now_ns);
	if (host->mtu && host->mtu->udp_port == 0)
		pmtu_udp_never(&host->mtu->pmtu, now_ns);
	host->mtu_wake_ns = now_ns;
}

/* The source address that observes asks ports, too; NULL: it does not. */
static struct lane *asking_lane(struct host *host)
{
	return host->scan ? portscan_lane(host->scan, &host->path.source) : NULL;
}

/* Ports are asked as if the limit were one that it may not be, by the clock: each error is taken as it comes. */
static bool asks_on_trial(const struct host *host, const struct lane *lane)
{
	return host->stage == HOST_PORTS && (lane->volley.trying || lane->windows.trying);
}

static void make_probe(struct engine *e, struct host *host, const struct pmtu_frame *frame, struct probe *out)
{
	struct ask ask = {
	        .kind = frame->method == PMTU_BY_ECHO ? PROBE_ECHO : PROBE_UDP,
	        .src = host->path.source,
	        .dst = host->addr,
	        .port = frame->method == PMTU_BY_ECHO ? 0 : host->mtu->udp_port,
	        .attempt = (uint16_t)(MTU_ATTEMPT | frame->number),
	        .bytes = frame->bytes,
	};

	fill_probe(e, host, &ask, cookie_make(e, host, MTU_COOKIE | frame->number), out);
	out->dont_fragment = frame->dont_fragment;
	out->fragment_offset = frame->fragment_offset;
	out->fragment_bytes = frame->fragment_bytes;
	out->more_fragments = frame->more_fragments;
}

/* The level at which a datagram surely finds a token: silence for want of one would look like a frame too large. A little below
 * the one at which ports are asked, which otherwise took every token first. */
static double level_wanted(const struct lane *lane)
{
	if (lane->limiter.phase != LIMITER_KNOWN)
		return 1; /* there is no more while the limit is learnt */
	return fmin(promise_level(lane) - FIRST_COME, lane->limiter.burst);
}

/* A datagram finds an error to take, as far as is known. */
static bool has_token(const struct host *host, const struct lane *lane, int64_t now_ns)
{
	if (!lane)
		return true;
	return !asks_on_trial(host, lane) &&
	       (lane->limiter.phase == LIMITER_UNSEEN || limiter_level(&lane->limiter, now_ns) >= level_wanted(lane));
}

static int64_t token_at(const struct host *host, const struct lane *lane, int64_t now_ns)
{
	int64_t at_ns, least_ns = now_ns + GATE_LEAST_US * MS / 1000;

	if (asks_on_trial(host, lane))
		return now_ns + TRIAL_LOOK_MS * MS;
	at_ns = limiter_ready_ns(&lane->limiter, level_wanted(lane), now_ns);
	return at_ns > least_ns ? at_ns : least_ns;
}

bool mtu_next(struct engine *e, struct host *host, int64_t now_ns, struct probe *out)
{
	struct pmtu *p = &host->mtu->pmtu;
	struct lane *lane = asking_lane(host);
	bool token = has_token(host, lane, now_ns);
	struct pmtu_frame frame;

	look_for_port(host, now_ns);
	if (pmtu_next(p, now_ns, token, &frame)) {
		make_probe(e, host, &frame, out);
		/* The ports leave this token to it. */
		if (frame.method == PMTU_BY_UDP && lane && lane->limiter.phase != LIMITER_UNSEEN) {
			int64_t until_ns = now_ns + p->rtt.srtt_ns + 4 * p->rtt.rttvar_ns + HOLD_SLACK_MS * MS;

			if (lane->hold_ns < until_ns)
				lane->hold_ns = until_ns;
		}
		host->mtu_wake_ns = pmtu_wake(p);
		return true;
	}
	host->mtu_wake_ns = pmtu_wake(p);
	if (pmtu_done(p)) {
		mtu_tell(e, host, now_ns);
	} else if (pmtu_wants_token(p) && !token && host->mtu_wake_ns <= now_ns) {
		host->mtu_wake_ns = token_at(host, lane, now_ns);
	} else if (host->mtu_wake_ns <= now_ns) {
		host->mtu_wake_ns = now_ns + MS; /* a wake in the past would spin */
	}
	return false;
}

void mtu_send_failed(struct engine *e, struct host *host, uint32_t low, int64_t now_ns)
{
	if (!host->mtu)
		return;
	pmtu_send_failed(&host->mtu->pmtu, (uint16_t)low, now_ns);
	host->mtu_wake_ns = now_ns;
	host_set_wake(e, host, now_ns);
}

/* Claims that were not believed, each kind once. They may also come when everything is told. */
static void note_claims(struct engine *e, struct host *host, int64_t at_ns)
{
	struct mtu_watch *watch = host->mtu;
	const struct pmtu *p = &watch->pmtu;
	char from[ADDR_TEXT_BYTES];

	if (p->forged && !watch->forged_told)
		note(e, host, at_ns, 0, "forged-frag-needed",
		     "fragmentation needed (MTU %u) from %s is wrong, larger datagrams were answered: not believed",
		     p->forged, addr_format(&p->forged_from, from));
	if (p->has_absurd && !watch->absurd_told)
		note(e, host, at_ns, 0, "absurd-frag-needed",
		     "fragmentation needed from %s names an MTU of %u, which cannot be: ignored",
		     addr_format(&p->absurd_from, from), p->absurd);
	watch->forged_told = p->forged != 0;
	watch->absurd_told = p->has_absurd;
}

/* Some fragments of a datagram arrived and others did not. Systems wait for 15 to 120 s before they say so. */
static void note_reassembly(struct engine *e, struct host *host, int64_t at_ns)
{
	const struct pmtu *p = &host->mtu->pmtu;
	char from[ADDR_TEXT_BYTES];

	if (!p->has_reassembly_timeout || host->mtu->reassembly_told)
		return;
	host->mtu->reassembly_told = true;
	note(e, host, at_ns, 0, "reassembly-timeout",
	     "%s waited in vain for fragments of a datagram that was sent to the last one: some are lost on the way",
	     addr_format(&p->reassembly_timeout_from, from));
}

/* Replies */

/* The ask of that method which the reply answers, or quotes; -1: none. */
static int find_ask(const struct engine *e, const struct host *host, enum pmtu_method method, const struct reply *reply)
{
	const struct pmtu *p = &host->mtu->pmtu;
	enum match match;

	for (int number = pmtu_ask_count(p); number-- > 0;) {
		const struct pmtu_ask *asked = pmtu_ask(p, (uint16_t)number);
		struct ask ask = {
		        .kind = method == PMTU_BY_ECHO ? PROBE_ECHO : PROBE_UDP,
		        .src = host->path.source,
		        .dst = host->addr,
		        .port = method == PMTU_BY_ECHO ? 0 : host->mtu->udp_port,
		        .attempt = (uint16_t)(MTU_ATTEMPT | number),
		};

		if (!asked || asked->method != method)
			continue;
		ask.bytes = asked->bytes;
		match = probe_modules[ask.kind]->matches(&e->config.probe, &ask, reply);
		/* Another IP ID than ours: rewritten on the way, unless somebody is seen guessing. */
		if (match == MATCH_PROVED || (match == MATCH_WEAK && host->rejected_errors == 0))
			return number;
	}
	return -1;
}

static void heard(struct engine *e, struct host *host, int64_t at_ns)
{
	e->progress.received++;
	host->mtu_wake_ns = at_ns;
	host_set_wake(e, host, at_ns);
}

static void answered(struct engine *e, struct host *host, int number, const struct reply *reply, int64_t at_ns)
{
	const struct datagram *whole = e->made_whole;
	struct pmtu_answer answer = {
	        .bytes = reply->ip_total_bytes,
	        .dont_fragment = reply->dont_fragment,
	        .fragments = whole ? whole->fragments : 0,
	        .largest_bytes = whole ? (uint16_t)whole->largest_bytes : 0,
	};

	pmtu_answered(&host->mtu->pmtu, (uint16_t)number, &answer, at_ns);
	heard(e, host, at_ns);
}

bool mtu_echo(struct engine *e, struct host *host, const struct reply *reply, int64_t at_ns)
{
	int number = host->mtu ? find_ask(e, host, PMTU_BY_ECHO, reply) : -1;

	if (number < 0)
		return false;
	answered(e, host, number, reply, at_ns);
	return true;
}

/* One of the errors that the host has to give went here: the model of its limit has to know. In the log it stands as a refusal
 * without a port. */
static void token_taken(struct lane *lane, int64_t sent_ns, int64_t at_ns)
{
	limiter_used(&lane->limiter, sent_ns);
	*asklog_push(lane, sent_ns) = (struct log_entry){
	        .sent_ns = sent_ns, .slot = NO_INDEX, .bracket = NO_INDEX, .refused = true, .expired = true};
	lane->wake_ns = at_ns;
}

bool mtu_error(struct engine *e, struct host *host, const struct icmp_row *row, const struct reply *reply,
               int64_t at_ns)
{
	enum pmtu_method method = reply->quote.protocol == IP_PROTO_UDP ? PMTU_BY_UDP : PMTU_BY_ECHO;
	struct pmtu *p;
	int number;

	if (!host->mtu || (method == PMTU_BY_UDP && reply->quote.dst_port != host->mtu->udp_port))
		return false;
	p = &host->mtu->pmtu;
	number = find_ask(e, host, method, reply);
	if (number < 0)
		return false;
	if (row->meaning == ICMP_MEANS_TOO_BIG) {
		pmtu_too_big(p, (uint16_t)number, reply->next_hop_mtu, &reply->src, at_ns);
		if (host->mtu->told)
			note_claims(e, host, at_ns);
		heard(e, host, at_ns);
	} else if (row->meaning == ICMP_MEANS_REASSEMBLY) {
		pmtu_reassembly_timeout(p, (uint16_t)number, &reply->src, at_ns);
		if (host->mtu->told)
			note_reassembly(e, host, at_ns);
		heard(e, host, at_ns);
	} else if (method == PMTU_BY_UDP && addr_equal(&reply->src, &host->addr)) {
		struct lane *lane = host->scan ? portscan_lane(host->scan, &host->path.source) : NULL;

		if (lane)
			token_taken(lane, pmtu_ask(p, (uint16_t)number)->sent_ns, at_ns);
		answered(e, host, number, reply, at_ns);
	} else {
		e->progress.received++; /* a router forbids: that says nothing about sizes */
	}
	return true;
}

void mtu_stray_claim(struct engine *e, struct host *host, const struct reply *reply, int64_t at_ns)
{
	char from[ADDR_TEXT_BYTES];

	if (!host->mtu || host->mtu->stray_told)
		return;
	host->mtu->stray_told = true;
	note(e, host, at_ns, 0, "unverified-frag-needed",
	     "fragmentation needed (MTU %u) from %s quotes no probe of this scan: not believed", reply->next_hop_mtu,
	     addr_format(&reply->src, from));
}

bool mtu_fragment(struct engine *e, const struct reply *reply, int64_t at_ns, struct reply *whole,
                  struct datagram *datagram)
{
	struct host *host = host_find(e, &reply->src);
	enum reassembly_verdict verdict;

	if (!host ||
	    !(addr_equal(&reply->dst, &host->path.source) || (host->scan && portscan_lane(host->scan, &reply->dst))))
		return false;
	if (!e->reassembly)
		e->reassembly = reassembly_new();
	if (!e->reassembly)
		return false;
	if (host->mtu && reply->protocol == IP_PROTO_ICMP)
		pmtu_saw_fragment(&host->mtu->pmtu, reply->fragment_offset);
	verdict = reassembly_take(e->reassembly, reply, at_ns, datagram);
	if (verdict == REASSEMBLY_REFUSED) {
		e->progress.rejected++;
		if (host->mtu && !host->mtu->refused_told)
			note(e, host, at_ns, 0, "bad-fragments",
			     "fragments from it do not fit together (%s): the datagram was dropped", datagram->why);
		if (host->mtu)
			host->mtu->refused_told = true;
	}
	return verdict == REASSEMBLY_WHOLE && decode_frame(FRAME_RAW_IP, datagram->packet, datagram->bytes, whole);
}

/* Events */

static void note_path(struct engine *e, struct host *host, const struct mtu_event *mtu, int64_t at_ns)
{
	const struct pmtu *p = &host->mtu->pmtu;
	const char *name = e->config.network->interfaces[host->path.interface].name;

	if (mtu->how == MTU_BY_SEARCH && mtu->path_mtu && p->config.on_link)
		note(e, host, at_ns, 0, "mtu-mismatch",
		     "nothing longer than %u bytes arrives though %s takes %u and no router is in between: this host, "
		     "or "
		     "a switch on the way, has a smaller MTU than this machine",
		     mtu->path_mtu, name, mtu->interface_mtu);
	if (mtu->host_mtu)
		note(e, host, at_ns, 0, "mtu-mismatch",
		     "its interface has an MTU of %u, ours (%s) of %u: what it sends longer than that is lost on this "
		     "link",
		     mtu->host_mtu, name, mtu->interface_mtu);
	if (p->echo_filtered)
		note(e, host, at_ns, 0, "long-echo-filtered",
		     "echo messages longer than %u bytes are dropped, other datagrams are not: by a filter",
		     p->echo_filtered);
	if (mtu->black_hole)
		note(e, host, at_ns, 0, "mtu-black-hole",
		     "datagrams longer than %u bytes vanish on the way %s, and no router says so: connections may hang",
		     mtu->return_mtu ? mtu->return_mtu : mtu->path_mtu, mtu->return_mtu ? "back" : "there");
	note_reassembly(e, host, at_ns);
	if (p->echo_cut)
		note(e, host, at_ns, 0, "echo-cut-short", "it answers long echo requests with replies of %u bytes",
		     p->echo_cut);
}

void mtu_tell(struct engine *e, struct host *host, int64_t at_ns)
{
	struct mtu_event result;
	struct event *event;

	if (!host->mtu || host->mtu->told)
		return;
	host->mtu->told = true;
	pmtu_stop(&host->mtu->pmtu);
	if (!pmtu_result(&host->mtu->pmtu, &result))
		return;
	event = event_new(e, host, EVENT_MTU, at_ns);
	if (event)
		event->u.mtu = result;
	note_claims(e, host, at_ns);
	note_path(e, host, &result, at_ns);
}
