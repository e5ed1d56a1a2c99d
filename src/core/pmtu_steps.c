/* pmtu_steps.c: what to ask next, phase by phase. Each step is taken when all asks of a batch have met their fate. */
#include "pmtu_internal.h"

enum {
	ECHO_TRIES = 2,      /* rounds without any answer until echo counts as ignored, where UDP can take its place */
	ECHO_TRIES_LAST = 3, /* ... and where it cannot */
	UDP_TRIES = 6,       /* a host may have no ICMP error to give, for a second or so each time */
	UDP_TRIES_UNPROVEN = 3, /* the port may not refuse at all */
	SEARCH_TRIES = 4,
	MOST_CLAIMS = 8,
	SILENCES = 2, /* how often one byte more has to stay unanswered */
	SILENCES_LOSSY = 4,
	ECHO_LADDER = 7,
	UDP_LADDER = 3, /* every size that passes costs the host an ICMP error */
	ECHO_PAUSE_MS = 250,
	MOST_DOUBLINGS = 3,
	TOKEN_PAUSE_MS = 1050, /* Linux gives a peer one error a second */
	FRAGMENT_TRIES = 3,
	BEYOND = 100,    /* so much longer than what comes back whole is a reply that is to come in fragments */
	SMALL_CUT = 200, /* a datagram that is cut up though it need not be */
	TAIL_FRAMES = 8, /* with a usual MTU: 10,000 bytes, more than jumbo frames hold */
	TAIL_BYTES = 10000,
	IP_HEADER = 20,
	VLAN_TAG = 4,
};

static void enter(struct pmtu *p, enum pmtu_phase phase)
{
	p->phase = (uint8_t)phase;
	p->tries = 0;
	pmtu_begin_batch(p);
}

/* The data of fragments that fit that MTU: a multiple of 8. */
static uint32_t fragment_room(uint32_t mtu)
{
	return (mtu - IP_HEADER) / 8 * 8;
}

static uint32_t known_mtu(const struct pmtu *p)
{
	uint32_t mtu = p->result.path_mtu ? p->result.path_mtu : p->round_trip;

	return mtu && mtu < pmtu_ceiling(p) ? mtu : pmtu_ceiling(p);
}

/* Fragments */

/* A datagram that is cut up though it need not be, its fragments shorter than any path carries as a rule. */
static void ask_small_cut(struct pmtu *p, enum pmtu_cut cut)
{
	uint32_t mtu = known_mtu(p), whole = mtu < SMALL_CUT ? mtu : SMALL_CUT;

	pmtu_ask_cut(p, whole, cut, whole / 2 / 8 * 8);
}

/* A reply longer than the way back carries whole: two frames there, as long as the path is at least half as wide as ours. */
static void ask_fragments(struct pmtu *p)
{
	uint32_t mtu = known_mtu(p), room = fragment_room(mtu), whole = pmtu_ceiling(p) + BEYOND;

	if (whole > IP_HEADER + 2 * room)
		whole = mtu + BEYOND;
	if (whole > PMTU_MOST)
		ask_small_cut(p, CUT_IN_ORDER); /* nothing is longer than what passes whole */
	else
		pmtu_ask_cut(p, whole, CUT_IN_ORDER, room);
}

static void begin_fragments(struct pmtu *p)
{
	/* Echo goes both ways; where it is answered it serves better. */
	p->method =
	        p->round_trip || p->result.method == NULL || p->result.method[0] == 'e' ? PMTU_BY_ECHO : PMTU_BY_UDP;
	enter(p, PHASE_FRAGMENTS);
	ask_fragments(p);
}

static void begin_details(struct pmtu *p)
{
	if (p->config.mode != PMTU_FULL || p->result.to_host != FRAGMENTS_PASS) {
		p->phase = PHASE_DONE;
		return;
	}
	enter(p, PHASE_REVERSED);
	ask_small_cut(p, CUT_REVERSED);
}

/* Looks at a batch that is [something cut ..., a whole control]: answered, refused, or nothing learnt. */
static enum fragments verdict_on_cut(const struct pmtu *p, uint16_t number)
{
	if (p->asks[number].state == ASK_ANSWERED)
		return FRAGMENTS_PASS;
	for (uint16_t i = (uint16_t)(number + 1); i < p->count; i++)
		if (p->asks[i].cut == CUT_NONE && p->asks[i].state == ASK_ANSWERED)
			return FRAGMENTS_DROPPED;
	return FRAGMENTS_UNKNOWN;
}

static void conclude_fragments(struct pmtu *p, const struct pmtu_ask *answered)
{
	struct mtu_event *r = &p->result;

	r->to_host = FRAGMENTS_PASS;
	if (p->method == PMTU_BY_ECHO && answered->reply_largest)
		r->from_host = FRAGMENTS_PASS;
	/* UDP showed that the way there is wide, these fragments that the way back is: long echo messages are what is dropped. */
	if (r->black_hole && r->return_mtu && answered->reply_largest > r->return_mtu) {
		p->echo_filtered = r->return_mtu;
		r->return_mtu = 0;
		r->black_hole = false;
	}
	begin_details(p);
}

static void step_fragments(struct pmtu *p)
{
	const struct pmtu_ask *asked = &p->asks[p->batch];

	if (asked->state == ASK_ANSWERED) {
		conclude_fragments(p, asked);
		return;
	}
	/* The same again, a short one in fragments, whose reply is whole, and a whole one. */
	enter(p, PHASE_FRAGMENTS_APART);
	ask_fragments(p);
	if (p->method == PMTU_BY_ECHO)
		ask_small_cut(p, CUT_IN_ORDER);
	pmtu_ask_control(p);
}

static void ask_tail(struct pmtu *p)
{
	uint32_t room = fragment_room(known_mtu(p)), whole = IP_HEADER + TAIL_FRAMES * room;

	if (whole > TAIL_BYTES)
		whole = TAIL_BYTES;
	p->saw_later = false;
	pmtu_ask_cut(p, whole, CUT_IN_ORDER, room);
}

/* Short ones in fragments are answered, long ones are not: the way back loses them. On the same link there may be another
 * reason: the host has a larger MTU than we, and its replies do not fit our interface. */
static void lost_on_the_way_back(struct pmtu *p)
{
	/* Later fragments come, only the full-sized first ones do not: it is their size. */
	bool size_only = p->saw_later && (p->result.how == MTU_BY_SEARCH || p->result.black_hole);

	p->result.to_host = FRAGMENTS_PASS;
	p->result.from_host = size_only ? FRAGMENTS_UNKNOWN : FRAGMENTS_DROPPED;
	if (p->config.on_link && !p->saw_later && p->config.interface_mtu < TAIL_BYTES) {
		enter(p, PHASE_TAIL);
		ask_tail(p);
		return;
	}
	begin_details(p);
}

static void step_fragments_apart(struct pmtu *p)
{
	const struct pmtu_ask *longer = &p->asks[p->batch];
	bool echo = p->method == PMTU_BY_ECHO;
	enum fragments small = verdict_on_cut(p, (uint16_t)(p->batch + (echo ? 1 : 0)));

	for (uint16_t i = 0; i <= p->batch; i++) {
		/* Perhaps an earlier one, answered late. */
		if (p->asks[i].cut == CUT_IN_ORDER && p->asks[i].bytes == longer->bytes &&
		    p->asks[i].method == p->method && p->asks[i].state == ASK_ANSWERED) {
			conclude_fragments(p, &p->asks[i]);
			return;
		}
	}
	if (++p->tries < FRAGMENT_TRIES && (small == FRAGMENTS_UNKNOWN || p->tries < 2)) {
		if (small == FRAGMENTS_UNKNOWN)
			p->pause_ns = p->asks[p->count - 1].due_ns + (echo ? ECHO_PAUSE_MS : TOKEN_PAUSE_MS) * MS;
		pmtu_begin_batch(p);
		ask_fragments(p);
		if (echo)
			ask_small_cut(p, CUT_IN_ORDER);
		pmtu_ask_control(p);
		return;
	}
	if (small == FRAGMENTS_PASS && echo) {
		lost_on_the_way_back(p);
		return;
	}
	p->result.to_host = small;
	begin_details(p);
}

/* A fragment's length rounds the MTU down to what leaves a multiple of 8: the usual size in that range, if there is one. */
static uint32_t usual_from(uint32_t least)
{
	for (uint32_t mtu = least; mtu < least + 8; mtu++)
		if (mtu_is_usual(mtu))
			return mtu;
	return least;
}

static void step_tail(struct pmtu *p)
{
	const struct pmtu_ask *asked = &p->asks[p->batch];

	if (asked->state == ASK_ANSWERED || p->saw_later) {
		p->result.from_host = FRAGMENTS_UNKNOWN;
		if (p->saw_later && p->later_offset + IP_HEADER > p->config.interface_mtu)
			p->result.host_mtu = usual_from(p->later_offset + IP_HEADER);
	}
	begin_details(p);
}

/* The details: each asked with a control behind it, twice if need be. */
static void step_detail(struct pmtu *p)
{
	bool reversed = p->phase == PHASE_REVERSED;
	enum fragments verdict = p->asks[p->batch].state == ASK_ANSWERED ? FRAGMENTS_PASS : verdict_on_cut(p, p->batch);
	enum pmtu_cut cut = reversed ? CUT_REVERSED : CUT_TINY_FIRST;

	if (verdict != FRAGMENTS_PASS && ++p->tries < FRAGMENT_TRIES) {
		if (p->method == PMTU_BY_UDP)
			p->pause_ns = p->asks[p->count - 1].due_ns + TOKEN_PAUSE_MS * MS;
		pmtu_begin_batch(p);
		ask_small_cut(p, cut);
		pmtu_ask_control(p);
		return;
	}
	if (reversed) {
		p->result.reversed = verdict;
		enter(p, PHASE_TINY_FIRST);
		ask_small_cut(p, CUT_TINY_FIRST);
		return;
	}
	p->result.tiny_first = verdict;
	p->phase = PHASE_DONE;
}

/* The way back */

/* Replies to whole datagrams came in fragments: the longest that came whole, and the largest fragment. */
static uint32_t longest_whole(const struct pmtu *p, uint32_t *shortest_cut)
{
	uint32_t longest = 0;

	*shortest_cut = 0;
	for (uint16_t i = 0; i < p->count; i++) {
		const struct pmtu_ask *ask = &p->asks[i];

		if (ask->state != ASK_ANSWERED || ask->method != PMTU_BY_ECHO || ask->cut != CUT_NONE)
			continue;
		if (!ask->reply_largest && ask->reply_bytes > longest)
			longest = ask->reply_bytes;
		if (ask->reply_largest > longest)
			longest = ask->reply_largest;
		if (ask->reply_largest && (*shortest_cut == 0 || ask->bytes < *shortest_cut))
			*shortest_cut = ask->bytes;
	}
	return longest;
}

/* A fragment holds a multiple of 8 bytes: the way back carries up to 7 more than the largest one. */
static void step_return(struct pmtu *p)
{
	uint32_t cut, whole = longest_whole(p, &cut), most = whole + 8 < cut ? whole + 8 : cut;

	if (cut == 0 || whole < PMTU_LEAST || most <= whole + 1 || ++p->tries > 6) {
		if (cut)
			p->result.return_mtu = whole;
		begin_fragments(p);
		return;
	}
	p->method = PMTU_BY_ECHO;
	pmtu_begin_batch(p);
	pmtu_ask_size(p, (whole + most) / 2);
}

/* The size */

/* A router's word is all there is: told, but not verified. */
static void end_unknown(struct pmtu *p)
{
	p->phase = PHASE_DONE;
	if (!p->claimed || p->result.path_mtu)
		return;
	p->result.path_mtu = p->claimed;
	p->result.how = MTU_BY_CLAIM;
	p->result.from = p->claimed_from;
}

/* Echo found `mtu` for both directions, and something vanishes above it: UDP asks about the way there alone. */
static bool look_there(struct pmtu *p, uint32_t mtu, enum mtu_how how)
{
	bool worth = p->config.mode == PMTU_FULL || how == MTU_BY_SEARCH;

	if (p->method != PMTU_BY_ECHO || p->round_trip || !p->udp_ready || !worth || pmtu_was_cut_back(p, mtu + 1))
		return false;
	p->round_trip = (uint16_t)mtu;
	p->round_trip_how = how;
	p->method = PMTU_BY_UDP;
	enter(p, PHASE_CEILING);
	p->claims = 0;
	p->claimed = 0;
	pmtu_ask_size(p, pmtu_ceiling(p));
	pmtu_ask_control(p);
	return true;
}

static void after_size(struct pmtu *p)
{
	uint32_t cut;

	longest_whole(p, &cut);
	if (cut) {
		enter(p, PHASE_RETURN);
		step_return(p);
		return;
	}
	begin_fragments(p);
}

static void conclude_size(struct pmtu *p, uint32_t mtu, bool verified)
{
	const struct pmtu_ask *claim = pmtu_claim_above(p, mtu);
	enum mtu_how how = mtu >= pmtu_ceiling(p)                                      ? MTU_BY_INTERFACE
	                   : claim && (claim->bytes == mtu + 1 || claim->claim == mtu) ? MTU_BY_CLAIM
	                                                                               : MTU_BY_SEARCH;
	struct mtu_event *r = &p->result;

	if (p->round_trip) {
		/* UDP found `mtu` for the way there; echo less for there and back. */
		if (mtu <= p->round_trip) {
			after_size(p);
			return;
		}
		r->return_mtu = p->round_trip;
	} else {
		r->black_hole = how == MTU_BY_SEARCH && !p->config.on_link;
	}
	r->how = how;
	r->from = how == MTU_BY_CLAIM ? claim->from : (struct addr){0};
	r->path_mtu = mtu >= pmtu_ceiling(p) ? p->config.interface_mtu : mtu;
	r->verified = verified;
	r->method = p->method == PMTU_BY_ECHO && !p->round_trip ? "echo" : "udp";
	if (!look_there(p, mtu, how))
		after_size(p);
}

static void use_udp(struct pmtu *p)
{
	p->method = PMTU_BY_UDP;
	p->claims = 0;
	p->claimed = 0;
	if (!p->udp_ready) {
		p->phase = PHASE_WAIT_UDP;
		return;
	}
	enter(p, PHASE_CEILING);
	pmtu_ask_size(p, pmtu_ceiling(p));
}

/* Nothing was answered, however small. */
static void host_is_mute(struct pmtu *p)
{
	if (p->round_trip)
		after_size(p); /* UDP tells nothing more */
	else if (p->method == PMTU_BY_ECHO && !p->udp_never)
		use_udp(p);
	else
		end_unknown(p);
}

static void wait_for_token(struct pmtu *p, int64_t now_ns)
{
	int doublings = p->tries < MOST_DOUBLINGS ? p->tries : MOST_DOUBLINGS;

	p->pause_ns = now_ns + (p->method == PMTU_BY_UDP ? TOKEN_PAUSE_MS : ECHO_PAUSE_MS << doublings) * MS;
}

static unsigned mute_tries(const struct pmtu *p)
{
	if (p->method == PMTU_BY_UDP)
		return p->round_trip ? 2 : p->udp_proven ? UDP_TRIES : UDP_TRIES_UNPROVEN;
	return p->udp_ready || !p->udp_never ? ECHO_TRIES : ECHO_TRIES_LAST;
}

/* The size that is not to pass when `lo` is the MTU. A card on the same link takes a VLAN tag more than its MTU: echo shows that by
 * replies in fragments, UDP cannot see it. */
static uint32_t just_above(const struct pmtu *p, uint32_t lo)
{
	return lo + 1 + (p->config.on_link && p->method == PMTU_BY_UDP ? VLAN_TAG : 0);
}

static void plan_search(struct pmtu *p, uint32_t lo, uint32_t hi)
{
	/* By UDP each size that passes costs an error of the host: first down the usual sizes, then exactly. */
	bool udp = p->method == PMTU_BY_UDP, exactly = mtu_is_usual(lo) && !(udp && ladder_has_usual(lo, hi));
	uint16_t sizes[LADDER_MOST];
	size_t count = 0;

	pmtu_begin_batch(p);
	if (hi <= just_above(p, lo) || exactly) {
		/* Exactly this? One byte more, as often as it takes, and at the end what is known to pass. */
		uint32_t above = just_above(p, lo) < hi ? just_above(p, lo) : hi;
		unsigned silent = pmtu_silences(p, above);

		for (unsigned i = silent; i < SILENCES || i == silent; i++)
			pmtu_ask_size(p, above);
	} else {
		count = ladder(lo > 0 ? lo : pmtu_control_bytes(p), hi, just_above(p, 0),
		               udp ? UDP_LADDER : ECHO_LADDER, sizes);
		for (size_t i = 0; i < count; i++)
			pmtu_ask_size(p, sizes[i]);
	}
	if (count == 0 || !udp || p->tries > 0)
		pmtu_ask_size(p, lo > 0 ? lo : pmtu_control_bytes(p));
}

static bool is_confirmed(const struct pmtu *p, uint32_t lo, uint32_t hi)
{
	const struct pmtu_ask *claim = pmtu_claim_above(p, lo);
	unsigned wanted = p->method == PMTU_BY_ECHO && pmtu_losses(p, lo) > 0 ? SILENCES_LOSSY : SILENCES;

	return hi <= just_above(p, lo) &&
	       (pmtu_was_cut_back(p, hi) || (claim && claim->bytes == hi) || pmtu_silences(p, hi) >= wanted);
}

static void search_on(struct pmtu *p)
{
	uint32_t lo = pmtu_largest_answered(p), hi = pmtu_smallest_failed(p, lo);

	p->phase = PHASE_SEARCH;
	if (lo >= pmtu_ceiling(p) || hi == 0)
		conclude_size(p, lo, true);
	else if (is_confirmed(p, lo, hi))
		conclude_size(p, lo, true);
	else if (p->round_trip && p->config.mode != PMTU_FULL)
		after_size(p); /* the way there is no wider than both; how much exactly is for the detailed mode */
	else
		plan_search(p, lo, hi);
}

static void step_search(struct pmtu *p, int64_t now_ns)
{
	if (pmtu_batch_answered(p)) {
		p->tries = 0;
		search_on(p);
		return;
	}
	/* Not even what passes was answered: the silence of this batch says nothing. */
	for (uint16_t i = p->batch; i < p->count; i++)
		if (p->asks[i].state == ASK_SILENT)
			p->asks[i].state = ASK_VOID;
	if (++p->tries >= (p->method == PMTU_BY_UDP ? UDP_TRIES : SEARCH_TRIES)) {
		uint32_t lo = pmtu_largest_answered(p);

		if (lo > pmtu_control_bytes(p))
			conclude_size(p, lo, false);
		else
			host_is_mute(p);
		return;
	}
	wait_for_token(p, now_ns);
	search_on(p);
}

/* A router said that the newest ask was too big. False: none did, or it led nowhere so far. */
static bool follow_claim(struct pmtu *p)
{
	uint32_t lo = pmtu_largest_answered(p), size;
	const struct pmtu_ask *claim = pmtu_claim_above(p, lo);

	if (!claim || claim->batch != p->batch || p->claims >= MOST_CLAIMS)
		return false;
	size = claim->claim ? claim->claim : plateau_below(claim->bytes);
	if (size <= lo)
		return false;
	p->claims++;
	p->claimed = (uint16_t)size;
	p->claimed_from = claim->from;
	enter(p, PHASE_CLAIM);
	pmtu_ask_size(p, size);
	return true;
}

/* A size kept silent and is asked again, with a small one beside it, unless that one was answered (then what passes is searched for) or
 * the host has become mute. The first `free_tries` take no token. */
static void ask_again(struct pmtu *p, uint32_t size, bool small_answered, uint32_t free_tries, int64_t now_ns)
{
	if (small_answered) {
		p->tries = 0;
		search_on(p);
		return;
	}
	if (++p->tries >= mute_tries(p)) {
		host_is_mute(p);
		return;
	}
	if (p->tries > free_tries && p->method == PMTU_BY_UDP)
		wait_for_token(p, now_ns);
	pmtu_begin_batch(p);
	pmtu_ask_size(p, size);
	pmtu_ask_control(p);
}

static void step_ceiling(struct pmtu *p, int64_t now_ns)
{
	if (pmtu_largest_answered(p) >= pmtu_ceiling(p)) {
		conclude_size(p, pmtu_ceiling(p), true);
		return;
	}
	if (!follow_claim(p))
		ask_again(p, pmtu_ceiling(p), p->count - p->batch > 1 && pmtu_batch_answered(p), 1, now_ns);
}

static void step_claim(struct pmtu *p, int64_t now_ns)
{
	uint32_t lo = pmtu_largest_answered(p), hi = pmtu_smallest_failed(p, lo);
	const struct pmtu_ask *claim = pmtu_claim_above(p, lo);

	if (lo > p->claimed || hi == 0) { /* a larger one passes: the claim was wrong */
		enter(p, PHASE_CEILING);
		if (lo < pmtu_ceiling(p))
			pmtu_ask_size(p, pmtu_ceiling(p));
		else
			conclude_size(p, lo, true);
		return;
	}
	if (lo == p->claimed && claim && claim->claim == 0) {
		search_on(p); /* only a plateau: more may pass */
		return;
	}
	if (lo == p->claimed) {
		enter(p, PHASE_CLAIM_CHECK);
		pmtu_ask_size(p, lo + 1);
		return;
	}
	if (!follow_claim(p))
		ask_again(p, p->claimed, p->tries > 0 && pmtu_batch_answered(p), 0, now_ns);
}

/* One byte more than the router allows: refused again, silent, or (then the claim was wrong) answered. */
static void step_claim_check(struct pmtu *p, int64_t now_ns)
{
	uint32_t lo = pmtu_largest_answered(p);
	const struct pmtu_ask *claim = pmtu_claim_above(p, p->claimed);

	if (lo > p->claimed) {
		step_claim(p, now_ns);
		return;
	}
	if ((claim && claim->bytes == p->claimed + 1u) || pmtu_silences(p, p->claimed + 1u) >= SILENCES) {
		conclude_size(p, lo, true);
		return;
	}
	if (++p->tries > UDP_TRIES) {
		conclude_size(p, lo, false);
		return;
	}
	if (!pmtu_batch_answered(p) && p->tries > 1)
		wait_for_token(p, now_ns);
	pmtu_begin_batch(p);
	pmtu_ask_size(p, p->claimed + 1u);
	pmtu_ask_size(p, p->claimed);
}

void pmtu_step(struct pmtu *p, int64_t now_ns)
{
	switch ((enum pmtu_phase)p->phase) {
	case PHASE_CEILING:
		step_ceiling(p, now_ns);
		break;
	case PHASE_CLAIM:
		step_claim(p, now_ns);
		break;
	case PHASE_CLAIM_CHECK:
		step_claim_check(p, now_ns);
		break;
	case PHASE_SEARCH:
		step_search(p, now_ns);
		break;
	case PHASE_RETURN:
		step_return(p);
		break;
	case PHASE_FRAGMENTS:
		step_fragments(p);
		break;
	case PHASE_FRAGMENTS_APART:
		step_fragments_apart(p);
		break;
	case PHASE_TAIL:
		step_tail(p);
		break;
	case PHASE_REVERSED:
	case PHASE_TINY_FIRST:
		step_detail(p);
		break;
	case PHASE_WAIT_UDP:
	case PHASE_DONE:
	case PHASE_COUNT:
		break;
	}
}

/* PHASE_WAIT_UDP ends from outside. */

void pmtu_udp_ready(struct pmtu *p, bool proven, int64_t now_ns)
{
	p->udp_ready = true;
	p->udp_proven = proven;
	if (p->phase != PHASE_WAIT_UDP)
		return;
	p->pause_ns = p->started_ns = now_ns;
	use_udp(p);
}

void pmtu_udp_never(struct pmtu *p, int64_t now_ns)
{
	(void)now_ns;
	p->udp_never = true;
	if (p->phase == PHASE_WAIT_UDP)
		end_unknown(p);
}

void pmtu_stop(struct pmtu *p)
{
	if (p->phase != PHASE_DONE)
		end_unknown(p);
}
