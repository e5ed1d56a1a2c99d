/* match.c: which question a received packet answers, and what it says. Nothing is believed that does not verify. */
#include <string.h>

#include "internal.h"
#include "nscan/broadcast.h"
#include "nscan/sweep.h"

/* How many attempts back a reply may refer to. */
enum { ATTEMPTS_BACK = 64, ERRORS_THAT_HAPPEN = 8 /* late ones, of an earlier scan */ };

static bool is_held(const struct engine *e, uint16_t port)
{
	return e->held[port / 8] >> (port % 8) & 1;
}

static void reject(struct engine *e)
{
	e->progress.rejected++;
}

/* Asks of that kind before the one that the host answered: it may ignore the other kinds altogether, and UDP is asked from the second
 * round on. */
static uint32_t counts_as_lost(const struct engine *e, const struct host *host, enum probe_kind kind)
{
	uint32_t first = kind == PROBE_UDP ? 2 : 1;

	if (e->config.was_up && !e->config.was_up(e->config.was_up_context, host->ordinal))
		return 0;
	return host->round > first ? host->round - first : 0;
}

/* A settled question of the discovery: loss and round trips are learnt from it. */
static void learn_discovery(struct engine *e, struct host *host, enum probe_kind kind, uint16_t attempt, int64_t at_ns)
{
	int64_t rtt_ns = at_ns - host->sent_at_ns[kind];
	bool newest = attempt + 1 == host->round;

	if (!host->told_up)
		loss_answered(&e->discovery_loss, counts_as_lost(e, host, kind));
	if (!newest || host->sent_at_ns[kind] == 0)
		return;
	rtt_sample(&host->rtt, rtt_ns);
	rtt_sample(kind == PROBE_ARP ? &e->link_rtt : &e->routed_rtt, rtt_ns);
}

/* Tries the attempts of one kind from the newest back; returns the attempt or -1. */
static int find_attempt(struct engine *e, struct ask *ask, uint16_t flag, uint32_t asked, const struct reply *reply,
                        enum match *match)
{
	for (uint32_t back = 0; back < ATTEMPTS_BACK && back < asked; back++) {
		uint16_t attempt = (uint16_t)(asked - 1 - back);

		ask->attempt = attempt | flag;
		*match = probe_modules[ask->kind]->matches(&e->config.probe, ask, reply);
		if (*match != MATCH_NO)
			return attempt;
	}
	return -1;
}

static void receive_arp(struct engine *e, const struct reply *reply, int64_t at_ns)
{
	struct host *host = host_find(e, &reply->src);
	struct ask ask;
	enum match match;
	int attempt;

	if (!reply->arp_is_reply)
		return;
	neighbour_learnt(e, &reply->src, reply->mac, at_ns);
	host = host_find(e, &reply->src);
	if (!host || !(host->stage == HOST_WANTS_NEIGHBOUR || host->presence.checking) || !host->path.on_link)
		return;
	ask = (struct ask){PROBE_ARP, host->path.source, host->addr, 0, 0, 0};
	attempt = find_attempt(e, &ask, 0, host->round, reply, &match);
	if (attempt < 0)
		return;
	e->progress.received++;
	if (host->stage != HOST_WANTS_NEIGHBOUR) {
		/* It may have come back with another one. */
		memcpy(host->mac, reply->mac, MAC_BYTES);
		presence_heard(e, host, false, at_ns);
		return;
	}
	memcpy(host->mac, reply->mac, MAC_BYTES);
	host->has_mac = true;
	/* ARP does not say which request it answers: only the first is sure (Karn's rule). */
	learn_discovery(e, host, PROBE_ARP, host->round == 1 ? 0 : UINT16_MAX - 1, at_ns);
	host_is_up(e, host, "arp-reply", reply, host->round == 1 ? host->sent_at_ns[PROBE_ARP] : 0, at_ns);
}

static void receive_direct(struct engine *e, enum probe_kind kind, const char *reason, const struct reply *reply,
                           int64_t at_ns)
{
	struct host *host = host_find(e, &reply->src);
	struct ask ask = {.kind = kind, .dst = reply->src};
	enum match match;
	int attempt;

	if (!host)
		return;
	if (kind == PROBE_ECHO && mtu_echo(e, host, reply, at_ns))
		return;
	if (host->sent_at_ns[kind] == 0)
		return;
	ask.src = host->path.source;
	attempt = find_attempt(e, &ask, 0, host->round, reply, &match);
	if (attempt < 0) {
		if (host->stage == HOST_DISCOVERY)
			reject(e);
		return;
	}
	e->progress.received++;
	presence_heard(e, host, false, at_ns);
	if (presence_is_check(host, (uint16_t)attempt))
		return;
	learn_discovery(e, host, kind, (uint16_t)attempt, at_ns);
	host_is_up(e, host, reason, reply, attempt + 1 == host->round ? host->sent_at_ns[kind] : 0, at_ns);
}

/* A slot whose question, asked by that lane, this reply answers, by port number; NO_INDEX when none does. */
static uint32_t find_slot(struct engine *e, struct host *host, const struct lane *lane, uint16_t port,
                          const struct reply *reply, uint16_t *attempt, enum match *match)
{
	uint32_t slot = e->slot_of_port[port];
	struct ask ask = {PROBE_UDP, {0}, host->addr, port, 0, 0};
	int found;

	if (!lane || slot == 0)
		return NO_INDEX;
	slot--;
	ask.src = lane->source;
	found = find_attempt(e, &ask, 0, host->scan->slots[slot].attempts, reply, match);
	if (found < 0)
		return NO_INDEX;
	*attempt = (uint16_t)found;
	return slot;
}

static bool has_other_port(const struct payload_book *book, uint16_t port)
{
	for (size_t i = 0; i < payload_count(book, port); i++)
		if (payload_for(book, port, (uint16_t)i)->other_port)
			return true;
	return false;
}

/* A server may answer from another port than the one asked (TFTP, RFC 1350 section 4). */
static uint32_t find_other_port(struct engine *e, struct host *host, const struct lane *lane, const struct reply *reply,
                                uint16_t *attempt, enum match *match)
{
	if (!lane || e->config.probe.data)
		return NO_INDEX;
	for (uint32_t slot = 0; slot < host->scan->slot_count; slot++) {
		uint16_t port = host->scan->slots[slot].number;

		if (payload_count(e->config.probe.payloads, port) == 0)
			break; /* ports with payloads come first */
		if (has_other_port(e->config.probe.payloads, port) &&
		    find_slot(e, host, lane, port, reply, attempt, match) != NO_INDEX)
			return slot;
	}
	return NO_INDEX;
}

/* A discovery UDP probe to that port, answered by this reply? */
static int find_discovery_udp(struct engine *e, struct host *host, uint16_t port, const struct reply *reply,
                              enum match *match)
{
	struct ask ask = {PROBE_UDP, host->path.source, host->addr, port, 0, 0};
	bool asked = false;

	for (size_t i = 0; i < e->discovery_port_count; i++)
		asked = asked || e->discovery_ports[i] == port;
	if (host->sent_at_ns[PROBE_UDP] == 0 || !asked)
		return -1;
	return find_attempt(e, &ask, DISCOVERY_ATTEMPT, host->round, reply, match);
}

/* An answer that proves nothing by its content shows that a host is up when two rounds got one, each at a source port of its own,
 * and nobody is seen sending datagrams in its name to ports that asked nothing. */
static bool weak_host_is_credible(struct host *host, uint16_t round)
{
	uint32_t before = host->weak_rounds;

	host->weak_rounds |= UINT32_C(1) << (round & 31);
	return host->rejected_udp == 0 && before != 0 && before != host->weak_rounds;
}

static void receive_udp(struct engine *e, const struct reply *reply, int64_t at_ns)
{
	struct host *host = host_find(e, &reply->src);
	struct verdict verdict = {.state = PORT_OPEN, .reason = "udp-response"};
	enum match match = MATCH_NO;
	struct lane *lane;
	uint16_t attempt = 0;
	uint32_t slot;
	int round;

	if (!is_held(e, reply->dst_port))
		return;
	if (!host) {
		answers_stranger(e, reply, at_ns);
		reject(e);
		return;
	}
	round = find_discovery_udp(e, host, reply->src_port, reply, &match);
	if (round >= 0 && match == MATCH_WEAK && !weak_host_is_credible(host, (uint16_t)round))
		return;
	if (round >= 0) {
		e->progress.received++;
		learn_discovery(e, host, PROBE_UDP, (uint16_t)round, at_ns);
		host_is_up(e, host, "udp-response", reply, host->sent_at_ns[PROBE_UDP], at_ns);
		return;
	}
	lane = host->scan ? portscan_lane(host->scan, &reply->dst) : NULL;
	slot = find_slot(e, host, lane, reply->src_port, reply, &attempt, &match);
	if (slot == NO_INDEX) {
		slot = find_other_port(e, host, lane, reply, &attempt, &match);
		verdict.from_port = reply->src_port;
	}
	if (slot == NO_INDEX) {
		if (!answers_stranger(e, reply, at_ns))
			host->rejected_udp++;
		reject(e);
		return;
	}
	e->progress.received++;
	presence_heard(e, host, true, at_ns);
	verdict.weak = match == MATCH_WEAK;
	portscan_reply(e, host, lane, slot, attempt, &verdict, reply, at_ns);
}

/* An ICMP error that verified: what it says about the host, while its state is open. */
static void error_about_host(struct engine *e, struct host *host, const struct icmp_row *row, const struct reply *reply,
                             int64_t sent_ns, int64_t at_ns)
{
	if (addr_equal(&reply->src, &host->addr)) {
		if (host->refused_ns == 0)
			host->refused_ns = sent_ns;
		host_is_up(e, host, row->name, reply, sent_ns, at_ns);
		return;
	}
	if (row->meaning == ICMP_MEANS_FILTERED && !host->told_up && (row->host_gone || !host->gone_reason)) {
		/* A router speaks for it. Its other probes may still be answered: decided when the round ends. */
		host->router_says_gone = host->router_says_gone || row->host_gone;
		host->gone_reason = row->name;
		host->gone_from = reply->src;
	}
}

static bool quotes_our_host(struct engine *e, const struct reply *reply, struct host **host)
{
	*host = host_find(e, &reply->quote.dst);
	return *host && (addr_equal(&reply->quote.src, &(*host)->path.source) ||
	                 ((*host)->scan && portscan_lane((*host)->scan, &reply->quote.src)));
}

/* An error that quotes the right checksum and another IP ID is believed to be about our probe, rewritten on its way, unless errors
 * come in about datagrams that were never sent: then somebody guesses, and 16 bits are soon guessed. */
static bool weak_error_is_credible(struct host *host)
{
	if (host->rejected_errors > ERRORS_THAT_HAPPEN + host->other_id_errors)
		return false;
	host->other_id_errors++;
	return true;
}

/* Whether an error that did not verify quotes a datagram of ours in all but the IP ID: rewritten on its way (anybody who knows
 * the ports could have computed its checksum, so it is no evidence; but it is no guess either). */
static bool is_ours_but_for_id(const struct engine *e, const struct host *host, const struct lane *lane,
                               const struct quote *quote)
{
	uint32_t slot = e->slot_of_port[quote->dst_port];
	uint16_t attempts = lane && slot != 0 ? host->scan->slots[slot - 1].attempts : 0;

	for (uint16_t back = 1; back <= attempts && back <= ATTEMPTS_BACK; back++) {
		struct ask ask = {.kind = PROBE_UDP, .dst = host->addr, .port = quote->dst_port};
		struct probe sent;

		ask.src = lane->source;
		ask.attempt = (uint16_t)(attempts - back);
		probe_modules[PROBE_UDP]->make(&e->config.probe, &ask, &sent);
		if (quote->has_udp_checksum && quote->src_port == sent.src_port &&
		    quote->udp_checksum == sent.udp_checksum)
			return true;
	}
	return false;
}

static void error_for_udp(struct engine *e, struct host *host, const struct icmp_row *row, const struct reply *reply,
                          int64_t at_ns)
{
	struct verdict verdict = {0};
	enum match match = MATCH_NO;
	struct lane *lane;
	uint16_t attempt = 0;
	uint32_t slot;
	int round;

	if (mtu_error(e, host, row, reply, at_ns))
		return;
	round = find_discovery_udp(e, host, reply->quote.dst_port, reply, &match);
	if (round >= 0 && (match == MATCH_PROVED || weak_error_is_credible(host))) {
		e->progress.received++;
		if (addr_equal(&reply->src, &host->addr))
			learn_discovery(e, host, PROBE_UDP, (uint16_t)round, at_ns);
		error_about_host(e, host, row, reply, host->sent_at_ns[PROBE_UDP], at_ns);
		return;
	}
	lane = host->scan ? portscan_lane(host->scan, &reply->quote.src) : NULL;
	slot = find_slot(e, host, lane, reply->quote.dst_port, reply, &attempt, &match);
	if (slot == NO_INDEX || (match == MATCH_WEAK && !weak_error_is_credible(host))) {
		if (!is_ours_but_for_id(e, host, lane, &reply->quote))
			host->rejected_errors++;
		if (row->meaning == ICMP_MEANS_TOO_BIG)
			mtu_stray_claim(e, host, reply, at_ns);
		quote_rejected(e, host, lane, reply, at_ns);
		reject(e);
		return;
	}
	e->progress.received++;
	quote_verified(e, host,
	               &(struct ask){PROBE_UDP, lane->source, host->addr, host->scan->slots[slot].number, attempt, 0},
	               reply, at_ns);
	verdict.by_target = addr_equal(&reply->src, &host->addr);
	if (!verdict.by_target)
		verdict.from = reply->src;
	verdict.reason = row->name;
	if (row->meaning == ICMP_MEANS_PORT_CLOSED)
		verdict.state = verdict.by_target ? PORT_CLOSED : PORT_FILTERED;
	else if (row->meaning == ICMP_MEANS_FILTERED)
		verdict.state = PORT_FILTERED;
	else
		return; /* too big, reassembly: an observation about the path, the probe stays unanswered */
	if (verdict.by_target)
		presence_heard(e, host, true, at_ns);
	else if (row->host_gone && presence_doubts(e, host, at_ns))
		return;
	portscan_reply(e, host, lane, slot, attempt, &verdict, reply, at_ns);
	if (verdict.by_target)
		portscan_refuses(host->scan, slot);
}

static void error_for_icmp(struct engine *e, struct host *host, const struct icmp_row *row, const struct reply *reply,
                           int64_t at_ns)
{
	struct ask ask = {.src = host->path.source, .dst = host->addr};
	enum match match;

	if (mtu_error(e, host, row, reply, at_ns))
		return;
	for (unsigned kind = PROBE_ECHO; kind <= PROBE_TIMESTAMP; kind++) {
		ask.kind = (enum probe_kind)kind;
		if (host->sent_at_ns[kind] == 0 || find_attempt(e, &ask, 0, host->round, reply, &match) < 0)
			continue;
		e->progress.received++;
		error_about_host(e, host, row, reply, host->sent_at_ns[kind], at_ns);
		return;
	}
	if (row->meaning == ICMP_MEANS_TOO_BIG)
		mtu_stray_claim(e, host, reply, at_ns);
	if (host->stage == HOST_DISCOVERY || row->meaning == ICMP_MEANS_TOO_BIG)
		reject(e);
}

static void receive_error(struct engine *e, const struct reply *reply, int64_t at_ns)
{
	const struct icmp_row *row = icmp_lookup(reply->src.family, reply->icmp_type, reply->icmp_code);
	const struct quote *quote = &reply->quote;
	struct host *host;

	if (!row || row->meaning == ICMP_MEANS_NOTHING)
		return;
	if (quote->protocol == IP_PROTO_UDP && quote->has_ports) {
		if (quotes_our_host(e, reply, &host))
			error_for_udp(e, host, row, reply, at_ns);
		else if (is_held(e, quote->src_port))
			reject(e);
	} else if (quote->protocol == IP_PROTO_ICMP && quotes_our_host(e, reply, &host)) {
		error_for_icmp(e, host, row, reply, at_ns);
	}
}

/* What a fragment made whole is received like any other packet. */
static void receive_fragment(struct engine *e, const struct reply *reply, int64_t at_ns)
{
	struct datagram datagram;
	struct reply whole;

	if (!mtu_fragment(e, reply, at_ns, &whole, &datagram))
		return;
	e->made_whole = &datagram;
	engine_receive(e, &whole, at_ns);
	e->made_whole = NULL;
}

void engine_receive(struct engine *e, const struct reply *reply, int64_t at_ns)
{
	if (e->broadcast) {
		broadcast_receive(e->broadcast, reply, at_ns);
		return;
	}
	if (e->sweep) {
		sweep_receive(e->sweep, reply, at_ns);
		return;
	}
	if (e->stopped)
		return;
	if (reply->checksum_bad) {
		if (reply->kind == REPLY_ICMP_ERROR)
			reject(e);
		return;
	}
	switch (reply->kind) {
	case REPLY_ARP:
		receive_arp(e, reply, at_ns);
		break;
	case REPLY_ECHO:
		receive_direct(e, PROBE_ECHO, "echo-reply", reply, at_ns);
		break;
	case REPLY_TIMESTAMP:
		receive_direct(e, PROBE_TIMESTAMP, "timestamp-reply", reply, at_ns);
		break;
	case REPLY_UDP:
		receive_udp(e, reply, at_ns);
		break;
	case REPLY_ICMP_ERROR:
		receive_error(e, reply, at_ns);
		break;
	case REPLY_FRAGMENT:
		receive_fragment(e, reply, at_ns);
		break;
	case REPLY_NONE:
	case REPLY_ECHO_REQUEST:
	case REPLY_TIMESTAMP_REQUEST:
	case REPLY_NEIGHBOUR:
	case REPLY_OTHER:
		break;
	}
}
