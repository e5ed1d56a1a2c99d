/* sweep_match.c: which address of a sweep a received packet is about, and what it says. Nothing is believed that does not
 * verify; nothing was kept for the probe that it answers. */
#include <string.h>

#include "nscan/stamp.h"
#include "nscan/wire.h"
#include "sweep_internal.h"

/* A key: the ask that was answered first. */
enum { KEY_ATTEMPT_BITS = 4, KEY_NOTED = 0x80 };

/* What a verified answer tells. */
struct sweep_answer {
	uint64_t i;
	const char *reason;
	enum probe_kind kind;
	uint16_t attempt;
	uint32_t rtt; /* units of 256 ns; NO_RTT */
	const struct reply *reply;
	int64_t at_ns;
};

static uint8_t key_of(const struct sweep_answer *answer)
{
	return (uint8_t)(answer->kind << KEY_ATTEMPT_BITS | (answer->attempt & ((1 << KEY_ATTEMPT_BITS) - 1)));
}

static void reject(struct sweep *s)
{
	s->progress.rejected++;
}

static void tell_up(struct sweep *s, const struct sweep_answer *answer)
{
	struct event *event = sweep_event(s, EVENT_HOST, answer->i, answer->at_ns);

	if (!event)
		return;
	event->u.host.state = HOST_UP;
	event->u.host.reason = answer->reason;
	event->u.host.has_rtt = answer->rtt != NO_RTT;
	event->u.host.rtt_ns = answer->rtt != NO_RTT ? (int64_t)answer->rtt << STAMP_SHIFT : 0;
	if (answer->kind == PROBE_ARP) {
		event->u.host.has_mac = true;
		memcpy(event->u.host.mac, answer->reply->mac, MAC_BYTES);
	} else {
		event->u.host.has_ttl = true;
		event->u.host.ttl = answer->reply->ttl;
	}
}

/* Somebody answers for an address whose state is known. */
static void answered_again(struct sweep *s, const struct sweep_answer *answer, struct sweep_page *page)
{
	size_t at = answer->i % PAGE_ADDRESSES;
	char first[MAC_TEXT_BYTES], second[MAC_TEXT_BYTES];

	if (sweep_canaries_answered(&s->canaries, answer->i) || answer->attempt == CANARY_ATTEMPT || !page->answers ||
	    page->answers->key[at] & KEY_NOTED)
		return;
	if (answer->kind == PROBE_ARP) {
		if (!page->macs || memcmp(page->macs[at], answer->reply->mac, MAC_BYTES) == 0)
			return;
		sweep_note_add(s, answer->i, "address-conflict", "two machines claim this address: %s and %s",
		               mac_format(page->macs[at], first), mac_format(answer->reply->mac, second));
	} else if (page->answers->key[at] == key_of(answer)) {
		sweep_note_add(s, answer->i, "duplicate-replies", "the same %s was answered more than once",
		               probe_modules[answer->kind]->name);
	} else {
		return;
	}
	page->answers->key[at] |= KEY_NOTED;
}

static void learn(struct sweep *s, const struct sweep_answer *answer)
{
	int64_t rtt_ns = (int64_t)answer->rtt << STAMP_SHIFT;

	s->by_kind[answer->kind] = true;
	if (answer->kind == PROBE_ECHO || answer->kind == PROBE_ARP)
		sweep_canaries_learn(&s->canaries, answer->i);
	if (answer->rtt == NO_RTT)
		return;
	rtt_sample(answer->kind == PROBE_ARP ? &s->rtt_arp : &s->rtt_ip, rtt_ns);
	if (rtt_ns > s->max_rtt_ns)
		s->max_rtt_ns = rtt_ns;
}

static void host_answers(struct sweep *s, const struct sweep_answer *answer)
{
	const struct sweep_verdict up = {.state = HOST_UP, .reason = answer->reason};
	struct sweep_page *page = sweep_store_page(&s->store, answer->i);
	struct sweep_answers *answers = page ? sweep_page_answers(page) : NULL;
	size_t at = answer->i % PAGE_ADDRESSES;
	bool was_settled = sweep_store_is_settled(&s->store, answer->i);

	if (!answers) {
		s->out_of_memory = true;
		return;
	}
	if (page->code[at] == CODE_SKIPPED)
		return;
	s->progress.received++;
	if (was_settled && sweep_store_verdict(&s->store, page->code[at])->state == HOST_UP) {
		answered_again(s, answer, page);
		return;
	}
	if (answer->kind == PROBE_ARP && !sweep_page_set_mac(page, answer->i, answer->reply->mac))
		s->out_of_memory = true;
	page->code[at] = sweep_store_code_for(&s->store, &up);
	answers->rtt[at] = answer->rtt;
	answers->ttl[at] = answer->kind == PROBE_ARP ? 0 : answer->reply->ttl;
	answers->key[at] = key_of(answer);
	if (was_settled)
		s->progress.hosts_finished--;
	else
		s->silent--;
	s->progress.hosts_up++;
	s->progress.hosts_finished++;
	learn(s, answer);
	tell_up(s, answer);
}

/* Which of the attempts made so far the reply answers; -1: none of them. */
static int find_attempt(const struct sweep *s, struct ask *ask, uint16_t flag, const struct reply *reply,
                        enum match *match)
{
	for (uint32_t pass = s->pass + 1; pass-- > 0;) {
		ask->attempt = (uint16_t)pass | flag;
		*match = probe_modules[ask->kind]->matches(&s->config.probe, ask, reply);
		if (*match != MATCH_NO)
			return (int)pass;
	}
	if (ask->kind != PROBE_ECHO)
		return -1;
	ask->attempt = CANARY_ATTEMPT;
	*match = probe_modules[ask->kind]->matches(&s->config.probe, ask, reply);
	return *match != MATCH_NO ? CANARY_ATTEMPT : -1;
}

static struct addr source_towards(const struct sweep *s, const struct addr *dst)
{
	const struct sweep_path *path = sweep_paths_find(&s->paths, addr_v4(dst), NULL);

	return path->source_is_target ? *dst : path->path.source;
}

static void receive_arp(struct sweep *s, const struct reply *reply, int64_t at_ns)
{
	struct ask ask = {.kind = PROBE_ARP, .dst = reply->src};
	struct sweep_answer answer = {.reason = "arp-reply",
	                              .kind = PROBE_ARP,
	                              .attempt = (uint16_t)s->pass,
	                              .rtt = NO_RTT,
	                              .reply = reply,
	                              .at_ns = at_ns};

	if (!reply->arp_is_reply || probe_modules[PROBE_ARP]->matches(&s->config.probe, &ask, reply) == MATCH_NO)
		return;
	for (size_t p = 0; p < s->paths.path_count; p++) {
		struct sweep_path *path = &s->paths.paths[p];

		if (path->wants_mac && path->attempts > 0 && addr_equal(&path->path.next_hop, &reply->src)) {
			path->wants_mac = false;
			memcpy(path->mac, reply->mac, MAC_BYTES);
		}
	}
	if (!sweep_find(s, &reply->src, &answer.i) ||
	    !sweep_path_uses_arp(sweep_paths_find(&s->paths, addr_v4(&reply->src), NULL)) || s->phase == SWEEP_GATEWAYS)
		return;
	host_answers(s, &answer);
}

static void receive_echo(struct sweep *s, const struct reply *reply, int64_t at_ns)
{
	struct sweep_answer answer = {.reason = "echo-reply", .kind = PROBE_ECHO, .reply = reply, .at_ns = at_ns};
	char text[ADDR_TEXT_BYTES];
	struct addr asked;
	uint32_t stamp;
	uint64_t other;

	if (!probe_stamp_read(&s->config.probe, reply, &asked, &stamp)) {
		if (sweep_find(s, &reply->src, &answer.i))
			reject(s);
		return;
	}
	answer.attempt = (uint16_t)(stamp >> STAMP_BITS);
	answer.rtt = ((uint32_t)((at_ns - s->start_ns) >> STAMP_SHIFT) - stamp) & STAMP_MASK;
	if (answer.rtt > STAMP_MASK / 2)
		answer.rtt = NO_RTT; /* earlier than sent: clocks */
	if (!addr_equal(&asked, &reply->src) && sweep_find(s, &asked, &other))
		sweep_note_add(s, other, "answered-by-other-address", "%s answered what was sent to this address",
		               addr_format(&reply->src, text));
	/* Whatever was asked: it is up on a packet that provably answers us. */
	if (sweep_find(s, &reply->src, &answer.i))
		host_answers(s, &answer);
}

static void receive_timestamp(struct sweep *s, const struct reply *reply, int64_t at_ns)
{
	struct sweep_answer answer = {
	        .reason = "timestamp-reply", .kind = PROBE_TIMESTAMP, .rtt = NO_RTT, .reply = reply, .at_ns = at_ns};
	struct ask ask = {.kind = PROBE_TIMESTAMP, .dst = reply->src};
	enum match match;
	int attempt;

	if (!sweep_find(s, &reply->src, &answer.i))
		return;
	ask.src = source_towards(s, &reply->src);
	attempt = find_attempt(s, &ask, 0, reply, &match);
	if (attempt < 0) {
		reject(s);
		return;
	}
	answer.attempt = (uint16_t)attempt;
	host_answers(s, &answer);
}

static bool is_round_port(const struct sweep *s, uint16_t port)
{
	const struct port_list *ports = s->config.discovery_ports;

	return ports && ports->count > 0 ? port_list_contains(ports, port) : port == SWEEP_UNLIKELY_PORT;
}

/* An answer that proves nothing by its content counts when two passes got one, each at a source port of its own. */
static bool weak_is_credible(struct sweep *s, const struct sweep_answer *answer)
{
	const struct sweep_verdict weak = {.state = HOST_DOWN, .reason = "no-response", .asked_on = true};
	struct sweep_page *page = sweep_store_page(&s->store, answer->i);
	struct sweep_answers *answers = page ? sweep_page_answers(page) : NULL;
	size_t at = answer->i % PAGE_ADDRESSES;

	if (!answers || page->code[at] == CODE_SKIPPED)
		return false;
	if (page->code[at] != CODE_SILENT)
		return answers->key[at] != key_of(answer);
	page->code[at] = sweep_store_code_for(&s->store, &weak);
	answers->key[at] = key_of(answer);
	return false;
}

static void receive_udp(struct sweep *s, const struct reply *reply, int64_t at_ns)
{
	struct sweep_answer answer = {
	        .reason = "udp-response", .kind = PROBE_UDP, .rtt = NO_RTT, .reply = reply, .at_ns = at_ns};
	struct ask ask = {.kind = PROBE_UDP, .dst = reply->src, .port = reply->src_port};
	enum match match = MATCH_NO;
	int attempt = -1;

	if (!(s->held[reply->dst_port / 8] >> reply->dst_port % 8 & 1))
		return;
	if (sweep_find(s, &reply->src, &answer.i) && is_round_port(s, reply->src_port)) {
		ask.src = source_towards(s, &reply->src);
		attempt = find_attempt(s, &ask, DISCOVERY_ATTEMPT, reply, &match);
	}
	if (attempt < 0) {
		reject(s);
		return;
	}
	answer.attempt = (uint16_t)attempt;
	if (match == MATCH_PROVED || weak_is_credible(s, &answer))
		host_answers(s, &answer);
}

/* A router speaks for the address. Host and net unreachable end the asking, anything else is kept for when nothing better comes. */
static void router_answers(struct sweep *s, const struct sweep_answer *answer, const struct icmp_row *row)
{
	const struct sweep_verdict gone = {
	        .state = HOST_DOWN, .reason = row->name, .from = answer->reply->src, .asked_on = !row->host_gone};
	struct sweep_page *page = sweep_store_page(&s->store, answer->i);
	size_t at = answer->i % PAGE_ADDRESSES;

	if (!page) {
		s->out_of_memory = true;
		return;
	}
	s->progress.received++;
	if (page->code[at] != CODE_SILENT && (!row->host_gone || sweep_store_is_settled(&s->store, answer->i)))
		return;
	page->code[at] = sweep_store_code_for(&s->store, &gone);
	if (!row->host_gone)
		return;
	s->silent--;
	s->progress.hosts_finished++;
}

static bool error_verifies(struct sweep *s, const struct quote *quote, const struct reply *reply,
                           struct sweep_answer *answer)
{
	struct ask ask = {.src = source_towards(s, &quote->dst), .dst = quote->dst, .port = quote->dst_port};
	enum match match;
	int attempt = -1;

	if (quote->protocol == IP_PROTO_UDP && quote->has_ports && is_round_port(s, quote->dst_port)) {
		ask.kind = PROBE_UDP;
		attempt = find_attempt(s, &ask, DISCOVERY_ATTEMPT, reply, &match);
	} else if (quote->protocol == IP_PROTO_ICMP && quote->has_icmp_id) {
		ask.port = 0;
		ask.kind = quote->icmp_type == ICMP4_TIMESTAMP ? PROBE_TIMESTAMP : PROBE_ECHO;
		attempt = find_attempt(s, &ask, 0, reply, &match);
	}
	answer->kind = ask.kind;
	answer->attempt = (uint16_t)attempt;
	return attempt >= 0;
}

static void receive_error(struct sweep *s, const struct reply *reply, int64_t at_ns)
{
	const struct icmp_row *row = icmp_lookup(reply->src.family, reply->icmp_type, reply->icmp_code);
	struct sweep_answer answer = {.rtt = NO_RTT, .reply = reply, .at_ns = at_ns};

	if (!row || row->meaning == ICMP_MEANS_NOTHING || !sweep_find(s, &reply->quote.dst, &answer.i))
		return;
	if (!error_verifies(s, &reply->quote, reply, &answer)) {
		reject(s);
		return;
	}
	if (addr_equal(&reply->src, &reply->quote.dst)) {
		answer.reason = row->name;
		host_answers(s, &answer);
	} else if (row->meaning == ICMP_MEANS_FILTERED) {
		router_answers(s, &answer, row);
	}
}

void sweep_receive(struct sweep *s, const struct reply *reply, int64_t at_ns)
{
	if (sweep_done(s) || s->index.count == 0)
		return;
	if (reply->checksum_bad) {
		if (reply->kind == REPLY_ICMP_ERROR)
			reject(s);
		return;
	}
	switch (reply->kind) {
	case REPLY_ARP:
		receive_arp(s, reply, at_ns);
		break;
	case REPLY_ECHO:
		receive_echo(s, reply, at_ns);
		break;
	case REPLY_TIMESTAMP:
		receive_timestamp(s, reply, at_ns);
		break;
	case REPLY_UDP:
		receive_udp(s, reply, at_ns);
		break;
	case REPLY_ICMP_ERROR:
		receive_error(s, reply, at_ns);
		break;
	default:
		break;
	}
}
