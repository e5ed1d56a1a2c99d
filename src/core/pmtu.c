/* pmtu.c: the questions to one host about its path, and their fates: frames out, answers, claims and silence in. */
#include "nscan/pmtu.h"

#include <string.h>

#include "pmtu_internal.h"

enum {
	INITIAL_TIMEOUT_MS = 500,
	LEAST_TIMEOUT_MS = 100, /* only silence waits for it; a busy host or scanner is easily late by tens of ms */
	MOST_TIMEOUT_MS = 3000,
	MOST_S = 60,
	MOST_DOUBLINGS = 3,
	GRACE_MS = 5,      /* so long, and a round trip, a reply may take to disprove a claim */
	COMPANION_MS = 20, /* so long, and two round trips, the others of a batch may take once one is answered */
	MOST_SPREAD_MS = 200,
	SEND_PAUSE_MS = 5,
	MOST_SEND_FAILURES = 2,
	IP_HEADER = 20,
};

void pmtu_init(struct pmtu *p, const struct pmtu_config *config, int64_t now_ns)
{
	memset(p, 0, sizeof(*p));
	p->config = *config;
	p->rtt = config->rtt;
	p->started_ns = now_ns;
	p->result.interface_mtu = config->interface_mtu;
	p->phase = PHASE_CEILING;
	p->method = PMTU_BY_ECHO;
	if (config->interface_mtu < PMTU_LEAST) {
		p->phase = PHASE_DONE;
		return;
	}
	pmtu_begin_batch(p);
	pmtu_ask_size(p, pmtu_ceiling(p));
}

uint32_t pmtu_ceiling(const struct pmtu *p)
{
	return p->config.interface_mtu < PMTU_MOST ? p->config.interface_mtu : PMTU_MOST;
}

uint32_t pmtu_control_bytes(const struct pmtu *p)
{
	return p->method == PMTU_BY_ECHO ? PMTU_ECHO_LEAST : PMTU_UDP_LEAST;
}

/* Asking */

void pmtu_begin_batch(struct pmtu *p)
{
	p->batch = p->count;
	p->hurry = false;
}

/* NULL when there were too many already: then it ends. */
static struct pmtu_ask *new_ask(struct pmtu *p, uint32_t bytes)
{
	struct pmtu_ask *ask;

	if (p->count == PMTU_ASKS) {
		p->phase = PHASE_DONE;
		return NULL;
	}
	ask = &p->asks[p->count++];
	*ask = (struct pmtu_ask){
	        .bytes = (uint16_t)bytes,
	        .method = p->method,
	        .state = ASK_QUEUED,
	        .frames = 1,
	        .batch = p->batch,
	};
	return ask;
}

void pmtu_ask_size(struct pmtu *p, uint32_t bytes)
{
	struct pmtu_ask *ask = new_ask(p, bytes);

	if (ask)
		ask->dont_fragment = true;
}

void pmtu_ask_control(struct pmtu *p)
{
	pmtu_ask_size(p, pmtu_control_bytes(p));
}

void pmtu_ask_cut(struct pmtu *p, uint32_t bytes, enum pmtu_cut cut, uint32_t fragment_bytes)
{
	struct pmtu_ask *ask = new_ask(p, bytes);

	if (!ask)
		return;
	ask->cut = (uint8_t)cut;
	ask->fragment_bytes = (uint16_t)fragment_bytes;
	ask->frames = cut == CUT_TINY_FIRST ? 2 : (uint8_t)((bytes - IP_HEADER + fragment_bytes - 1) / fragment_bytes);
}

/* Frame `i` of the ask, counted as they are sent. */
static void describe_frame(const struct pmtu *p, const struct pmtu_ask *ask, unsigned i, struct pmtu_frame *out)
{
	uint32_t data = ask->bytes - (uint32_t)IP_HEADER, first, end;

	*out = (struct pmtu_frame){
	        .method = (enum pmtu_method)ask->method,
	        .number = (uint16_t)(ask - p->asks),
	        .bytes = ask->bytes,
	        .dont_fragment = ask->dont_fragment,
	};
	if (ask->cut == CUT_NONE)
		return;
	if (ask->cut == CUT_REVERSED)
		i = ask->frames - 1u - i;
	if (ask->cut == CUT_TINY_FIRST) {
		first = i == 0 ? 0 : 8;
		end = i == 0 ? 8 : data;
	} else {
		first = i * ask->fragment_bytes;
		end = first + ask->fragment_bytes < data ? first + ask->fragment_bytes : data;
	}
	out->fragment_offset = (uint16_t)first;
	out->fragment_bytes = (uint16_t)(end - first);
	out->more_fragments = end < data;
}

static int64_t timeout(const struct pmtu *p)
{
	unsigned doublings = p->tries < MOST_DOUBLINGS ? p->tries : MOST_DOUBLINGS;

	int64_t timeout_ns = rtt_timeout(&p->rtt, INITIAL_TIMEOUT_MS * MS, LEAST_TIMEOUT_MS * MS) << doublings;

	return timeout_ns < MOST_TIMEOUT_MS * MS ? timeout_ns : MOST_TIMEOUT_MS * MS;
}

/* Whose time is over; false: some of the batch are still open. */
static bool settle_batch(struct pmtu *p, int64_t now_ns)
{
	bool all = true;

	for (uint16_t i = 0; i < p->count; i++) {
		struct pmtu_ask *ask = &p->asks[i];

		if (!ask->settled && ask->state != ASK_QUEUED && ask->due_ns <= now_ns) {
			ask->settled = true;
			if (ask->state == ASK_OUT)
				ask->state = ASK_SILENT;
		}
		all = all && (i < p->batch || ask->settled || (p->hurry && ask->state != ASK_QUEUED));
	}
	return all;
}

/* The ask whose frame goes next; NULL: all are sent. */
static struct pmtu_ask *next_queued(struct pmtu *p)
{
	while (p->next < p->count && p->asks[p->next].state != ASK_QUEUED)
		p->next++;
	return p->next < p->count ? &p->asks[p->next] : NULL;
}

bool pmtu_wants_token(const struct pmtu *p)
{
	uint16_t i = p->next;

	while (i < p->count && p->asks[i].state != ASK_QUEUED)
		i++;
	return p->phase != PHASE_DONE && i < p->count && i == p->batch && p->asks[i].method == PMTU_BY_UDP &&
	       p->asks[i].frames_sent == 0;
}

/* Until the next frame. That a later datagram was refused tells that the host had an error to give for an earlier one, too: if they
 * arrive in the order sent. */
static int64_t gap(const struct pmtu *p, const struct pmtu_ask *ask)
{
	int64_t spread_ns = ask->method == PMTU_BY_UDP && p->rtt.samples ? 4 * p->rtt.rttvar_ns : 0;

	if (spread_ns > MOST_SPREAD_MS * MS)
		spread_ns = MOST_SPREAD_MS * MS;
	return spread_ns > p->config.gap_ns ? spread_ns : p->config.gap_ns;
}

bool pmtu_next(struct pmtu *p, int64_t now_ns, bool token, struct pmtu_frame *out)
{
	struct pmtu_ask *ask;

	if (p->phase != PHASE_WAIT_UDP && now_ns - p->started_ns > MOST_S * 1000 * MS + PMTU_ASKS * p->config.gap_ns)
		pmtu_stop(p);
	while (p->phase != PHASE_DONE && p->phase != PHASE_WAIT_UDP && settle_batch(p, now_ns))
		pmtu_step(p, now_ns);
	if (p->phase == PHASE_DONE || p->phase == PHASE_WAIT_UDP || now_ns < p->pause_ns)
		return false;
	ask = next_queued(p);
	if (!ask || (pmtu_wants_token(p) && !token))
		return false;
	describe_frame(p, ask, ask->frames_sent, out);
	ask->sent_ns = now_ns;
	if (++ask->frames_sent == ask->frames) {
		ask->state = ASK_OUT;
		ask->due_ns = now_ns + timeout(p);
	}
	p->result.probes++;
	p->pause_ns = now_ns + gap(p, ask);
	return true;
}

int64_t pmtu_wake(const struct pmtu *p)
{
	int64_t wake_ns = NEVER;

	if (p->phase == PHASE_DONE || p->phase == PHASE_WAIT_UDP)
		return NEVER;
	for (uint16_t i = p->batch; i < p->count; i++) {
		const struct pmtu_ask *ask = &p->asks[i];

		if (ask->state == ASK_QUEUED)
			return p->pause_ns;
		if (!ask->settled && ask->due_ns < wake_ns)
			wake_ns = ask->due_ns;
	}
	return p->hurry || wake_ns == NEVER ? 0 : wake_ns;
}

bool pmtu_done(const struct pmtu *p)
{
	return p->phase == PHASE_DONE;
}

const struct pmtu_ask *pmtu_ask(const struct pmtu *p, uint16_t number)
{
	return number < p->count && p->asks[number].frames_sent > 0 ? &p->asks[number] : NULL;
}

uint16_t pmtu_ask_count(const struct pmtu *p)
{
	return p->count;
}

void pmtu_send_failed(struct pmtu *p, uint16_t number, int64_t now_ns)
{
	struct pmtu_ask *ask = number < p->count ? &p->asks[number] : NULL;

	if (!ask || ask->settled || ask->frames_sent == 0)
		return;
	p->result.probes--;
	/* Where a cable's other end takes less (two machines back to back), the kernel says so by refusing the packet: that size does
	 * not get through, as if nothing had been answered. */
	if (++ask->failures > MOST_SEND_FAILURES) {
		ask->state = ASK_SILENT;
		ask->settled = true;
		return;
	}
	ask->state = ASK_QUEUED;
	ask->frames_sent = 0;
	if (number < p->next)
		p->next = number;
	p->pause_ns = now_ns + SEND_PAUSE_MS * MS;
}

/* Hearing */

/* Once one of a batch is answered, the others have had about the same time. */
static void hasten_companions(struct pmtu *p, const struct pmtu_ask *answered, int64_t at_ns)
{
	int64_t due_ns = at_ns + 2 * (at_ns - answered->sent_ns) + COMPANION_MS * MS;

	for (uint16_t i = answered->batch; i < p->count && p->asks[i].batch == answered->batch; i++)
		if (p->asks[i].state == ASK_OUT && p->asks[i].due_ns > due_ns)
			p->asks[i].due_ns = due_ns;
}

/* The reply shows that the claim about this size, or about a smaller one, is wrong. */
static void disprove_claims(struct pmtu *p, uint32_t bytes)
{
	for (uint16_t i = 0; i < p->count; i++) {
		struct pmtu_ask *ask = &p->asks[i];

		if (ask->claim == 0 || ask->claim >= bytes || ask->method != p->method)
			continue;
		p->forged = ask->claim;
		p->forged_from = ask->from;
		ask->claim = 0;
		if (ask->state == ASK_TOO_BIG)
			ask->state = ASK_VOID;
	}
}

void pmtu_answered(struct pmtu *p, uint16_t number, const struct pmtu_answer *answer, int64_t at_ns)
{
	struct pmtu_ask *ask = number < p->count ? &p->asks[number] : NULL;

	if (!ask || ask->state == ASK_ANSWERED || ask->state == ASK_CUT_BACK || ask->frames_sent < ask->frames)
		return;
	rtt_sample(&p->rtt, at_ns - ask->sent_ns);
	ask->state = ASK_ANSWERED;
	ask->settled = true;
	ask->reply_bytes = answer->bytes;
	/* Fragments that no path would make say nothing about the path. */
	if (answer->fragments && answer->largest_bytes >= PMTU_LEAST && answer->largest_bytes < ask->bytes)
		ask->reply_largest = answer->largest_bytes;
	if (ask->method == PMTU_BY_ECHO && answer->bytes < ask->bytes)
		p->echo_cut = answer->bytes;
	if (ask->method == PMTU_BY_ECHO && !answer->fragments && !p->result.has_reply_df) {
		p->result.has_reply_df = true;
		p->result.reply_df = answer->dont_fragment;
	}
	/* A reply is as long as its request. On the same link nobody but the host itself cuts it up; that its card received the
	 * request all the same is the room that it leaves for a VLAN tag. */
	if (p->phase == PHASE_FRAGMENTS_APART && ask->cut == CUT_IN_ORDER && ask->batch != p->batch)
		p->hurry = true; /* late, and all the same what the present batch is about */
	if (ask->cut == CUT_NONE && p->config.on_link && ask->reply_largest) {
		ask->state = ASK_CUT_BACK;
		p->pause_ns = 0;
	} else if (ask->cut == CUT_NONE && ask->dont_fragment) {
		disprove_claims(p, ask->bytes);
		p->hurry = p->hurry || ask->bytes == pmtu_ceiling(p);
	}
	hasten_companions(p, ask, at_ns);
}

void pmtu_too_big(struct pmtu *p, uint16_t number, uint16_t mtu, const struct addr *from, int64_t at_ns)
{
	struct pmtu_ask *ask = number < p->count ? &p->asks[number] : NULL;

	if (!ask || !ask->dont_fragment || ask->frames_sent == 0)
		return;
	if (ask->state == ASK_ANSWERED && mtu != 0 && mtu < ask->bytes) { /* it passed, as is known already */
		p->forged = mtu;
		p->forged_from = *from;
	}
	if (ask->state != ASK_OUT)
		return;
	if (p->forged && addr_equal(from, &p->forged_from))
		return;
	if (mtu != 0 ? mtu < PMTU_LEAST || mtu >= ask->bytes : ask->bytes <= PMTU_LEAST) {
		p->has_absurd = true;
		p->absurd = mtu;
		p->absurd_from = *from;
		return; /* it says nothing: the ask stays open */
	}
	ask->state = ASK_TOO_BIG;
	ask->claim = mtu;
	ask->from = *from;
	ask->due_ns = at_ns + rtt_timeout(&p->rtt, 0, 0) + GRACE_MS * MS;
}

void pmtu_reassembly_timeout(struct pmtu *p, uint16_t number, const struct addr *from, int64_t at_ns)
{
	struct pmtu_ask *ask = number < p->count ? &p->asks[number] : NULL;

	if (!ask || ask->cut == CUT_NONE)
		return;
	(void)at_ns;
	p->has_reassembly_timeout = true;
	p->reassembly_timeout_from = *from;
}

void pmtu_saw_fragment(struct pmtu *p, uint32_t offset)
{
	if (offset == 0)
		return;
	if (!p->saw_later || offset < p->later_offset)
		p->later_offset = offset;
	p->saw_later = true;
}

bool pmtu_result(const struct pmtu *p, struct mtu_event *out)
{
	*out = p->result;
	return p->result.probes > 0;
}

/* What the asks so far say */

static bool has_answer(const struct pmtu_ask *ask)
{
	return ask->state == ASK_ANSWERED || ask->state == ASK_CUT_BACK;
}

static bool is_size(const struct pmtu *p, const struct pmtu_ask *ask)
{
	return ask->dont_fragment && ask->cut == CUT_NONE && ask->method == p->method;
}

uint32_t pmtu_largest_answered(const struct pmtu *p)
{
	uint32_t most = 0;

	for (uint16_t i = 0; i < p->count; i++)
		if (is_size(p, &p->asks[i]) && p->asks[i].state == ASK_ANSWERED && p->asks[i].bytes > most)
			most = p->asks[i].bytes;
	return most;
}

uint32_t pmtu_smallest_failed(const struct pmtu *p, uint32_t lo)
{
	uint32_t least = 0;

	for (uint16_t i = 0; i < p->count; i++) {
		const struct pmtu_ask *ask = &p->asks[i];

		if (is_size(p, ask) &&
		    (ask->state == ASK_SILENT || ask->state == ASK_TOO_BIG || ask->state == ASK_CUT_BACK) &&
		    ask->bytes > lo && (least == 0 || ask->bytes < least))
			least = ask->bytes;
	}
	return least;
}

unsigned pmtu_silences(const struct pmtu *p, uint32_t bytes)
{
	unsigned count = 0;

	for (uint16_t i = 0; i < p->count; i++) {
		const struct pmtu_ask *ask = &p->asks[i];
		bool answered_later = false;

		if (!is_size(p, ask) || ask->bytes != bytes || ask->state != ASK_SILENT)
			continue;
		for (uint16_t j = (uint16_t)(i + 1); j < p->count && p->asks[j].batch == ask->batch; j++)
			answered_later = answered_later || has_answer(&p->asks[j]);
		count += answered_later;
	}
	return count;
}

unsigned pmtu_losses(const struct pmtu *p, uint32_t lo)
{
	unsigned count = 0;

	for (uint16_t i = 0; i < p->count; i++)
		count += is_size(p, &p->asks[i]) && p->asks[i].state == ASK_SILENT && p->asks[i].bytes <= lo;
	return count;
}

const struct pmtu_ask *pmtu_claim_above(const struct pmtu *p, uint32_t lo)
{
	const struct pmtu_ask *least = NULL;

	for (uint16_t i = 0; i < p->count; i++) {
		const struct pmtu_ask *ask = &p->asks[i];

		if (is_size(p, ask) && ask->state == ASK_TOO_BIG && ask->bytes > lo &&
		    (!least || ask->bytes <= least->bytes))
			least = ask;
	}
	return least;
}

bool pmtu_batch_answered(const struct pmtu *p)
{
	for (uint16_t i = p->batch; i < p->count; i++)
		if (has_answer(&p->asks[i]))
			return true;
	return false;
}

bool pmtu_was_cut_back(const struct pmtu *p, uint32_t bytes)
{
	for (uint16_t i = 0; i < p->count; i++)
		if (is_size(p, &p->asks[i]) && p->asks[i].bytes == bytes && p->asks[i].state == ASK_CUT_BACK)
			return true;
	return false;
}
