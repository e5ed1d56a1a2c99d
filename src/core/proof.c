/* proof.c: what a refusal proves about the asks before it, and when silence is proof enough.
 *
 * A host that limits its ICMP errors has tokens for them. If an ask is refused, a token was there when it arrived; asks
 * that arrived just before it and stayed silent had that token too and did not take it, so their ports are not closed,
 * unless the ask or its answer was lost. How often that happens is measured: a port that is refused after all, though
 * its silence had been proved, was a loss.
 *
 * How many refusals it takes, and how near behind, depends on what is known of the limit:
 *
 *   nothing, or a rate only measured: tokens keep coming while the refusals arrive, so several have to follow (refusals_for_proof), and
 *   where tokens may come in lumps one refused ask has to go in front, too (needs_lead).
 *
 *   one of the limits in wide use, counted (counts_surely): rate and size of such a bucket are known exactly, so that its tokens
 *   can be counted. Then one refusal just behind is proof.
 *
 * Counted, that is:
 *
 *   What. usual.c takes one token for each error that came and adds those that time brings, in the order sent, once it is decided what
 *   became of an ask and of all that may have overtaken it. The count is the least that must be there (usual_level): it
 *   begins at nothing, and is cut by what a full bucket holds. asklog_promise() notes for each silent ask how it stood: `promised`
 *   when a token was there (promise_level), `token` when there was one so surely that it may be part of a proof (sure_level).
 *
 *   When it is trusted. No other limit of the table explains what was seen; tokens counted were there when asked for, time and again, next
 *   to never not; not many more refusals were expected of ports that may be closed than came (calibration: else the share of closed
 *   ports or the limit is not what it seems); all that is usual_kept(). And hardly a packet is lost (LOSSES_ARE_RARE): an error
 *   lost on its way took a token that nobody counted.
 *
 *   Why one refusal, and why it is needed. By the count alone a silent ask had its token; but the count may be off. That
 *   the next ask just behind it is refused shows that path, host and limit work at that moment and that the tokens counted
 *   are there: were there one less, the refusal would not have come, except by a token that came between the two. So little
 *   time lies between them that this is improbable (NEAR); where it is not, there has to be one token more (sure_level).
 *
 *   Why at varying levels. Improbable is not enough if it happens each time: with a count that is off by a constant, asks made at the
 *   same level all arrive just before the token and the refusal behind them just after it. So the level varies (dither).
 *
 *   What breaks it. A port is refused of which an earlier ask had been promised a token: a loss, or clocks that drift apart. The count
 *   starts again from that refusal (usual_broken), and as one broken promise needs two hundred kept ones beside it, one is the
 *   end of proofs by count for a long while: then proofs take several refusals again. Contradictions do the same (an error
 *   from a bucket that must have been empty, limiter_doubt), and patience. After a silence too improbable by the count (usual.c:
 *   broke) it starts again, too, and the refusal that ended the silence proves nothing.
 *
 * Only the first lane counts, see judge() in asklog.c. Hosts with one error at a time are not counted but timed (interval.c). */
#include <math.h>

#include "internal.h"

enum {
	FEWEST_ASKS =
	        3, /* on a path that lost nothing so far: 0.005 (loss_estimate) to the third is below WRONG_STATE */
	MOST_ASKS = 24, /* with half of the packets lost WRONG_STATE takes 20 */
	/* Occasions on which silence was proved: copies of an ask sent together may be lost together, where anything is. */
	BRACKETS_NEEDED = 1,
	BRACKETS_IF_LOSSY = 2,
	PROOF_WINDOW_MS = 3000, /* how far a proof reaches back: 1.5 intervals of the slowest limits, 0.5/s */
	GROUP_MS = 1200,        /* longer than a group of a patient scan takes, shorter than its pause */
	UNSEEN_WINDOW_US = 300, /* no limit is known: of 1000 tokens a second less than one comes meanwhile */
	LEAD_WINDOW_US = 1000,  /* in which hosts in use give no new lump of tokens: their windows are 20 ms and more */
	ORDER_GAP_US = 50,      /* between two packets of which even a steady path may swap the order */
	GROUP_SENT_MS = 8,      /* in which a group can be sent: two copies apart, and the refusal behind */
	NEAR_COPIES = 5,        /* so many copies of an ask, one after the other, are all near */
	SILENCES_THAT_TELL = 3, /* of those without proof: what made one of no use may do so to all */
	LOSSES_ARE_FEW = 50,    /* asks for each one lost, when copies of an ask are not expected to be lost together */
	LOSSES_ARE_RARE = 200,  /* asks for each one lost, when tokens are counted */
	DITHER_STEPS = 17,      /* a prime, so that steps of 7 visit all levels before one comes again ... */
	DITHER_STEP = 7,        /* ... and two in a row are far apart */
};
#define WRONG_STATE           1e-6  /* wanted probability of calling a closed port open|filtered */
#define SILENCE_WITHOUT_PROOF 0.6   /* odds left that a port is closed, after a silence of which nothing is known */
#define SILENCE_BY_COUNT      0.1   /* the same, after one that had a token by the count */
#define WEIGHT_DECAY          0.97  /* of the share of closed ports, with each port: the last thirty or so count */
#define COUNT_MARGIN          0.03  /* tokens by which the count may be off */
#define TICK_S                0.004 /* Linux counts tokens in jiffies: 250 a second, mostly */
#define DITHER                0.25 /* tokens: more would cost time, less would not lead away from a count that is off */
#define CLOSE_BEHIND          0.05 /* tokens that may come in between when one refusal is to be the proof */
#define NEAR                  0.02 /* the same, of the time alone that lies between the two asks */
/* Tokens needed behind an ask, where they are not counted: a little over one for the ask, and over what comes meanwhile (limiter.most). */
#define PROOF_TOKENS 1.1
#define PROOF_RATE   1.1
/* The same when asks are planned: a little more, and for the time of both gaps. */
#define PLANNED_TOKENS 1.2
#define PLANNED_RATE   2.4
#define LEVEL_ROOM     0.2 /* tokens beyond the refusals wanted */
#define BURST_ROOM     0.3 /* tokens that a full bucket has to hold beyond them */
#define SMALL_BURST    3.5 /* tokens: what holds so few gives them one by one, as far as a proof is concerned */
#define LUMP_SHARE     0.3 /* of the time between two tokens: into that a proof must fit where they may come in lumps */
#define PROOF_REACH    1.5 /* times between two tokens: further back an error of the rate would add up */

double closed_share(const struct lane *lane)
{
	return (lane->scan->closed_weight + 0.5) / (lane->scan->closed_weight + lane->scan->silent_weight + 1);
}

void weigh_closed(struct lane *lane)
{
	lane->scan->closed_weight = lane->scan->closed_weight * WEIGHT_DECAY + 1;
	lane->scan->silent_weight *= WEIGHT_DECAY;
}

void weigh_silent(struct lane *lane, struct port_slot *slot)
{
	if (slot->weighed)
		return;
	slot->weighed = true;
	lane->scan->closed_weight *= WEIGHT_DECAY;
	lane->scan->silent_weight = lane->scan->silent_weight * WEIGHT_DECAY + 1;
}

double closed_after(const struct lane *lane, const struct port_slot *slot, double share, double silence)
{
	double closed = share * silence * pow(loss_estimate(&lane->scan->loss), slot->silences);

	return closed / (closed + 1 - share);
}

double refusal_expected(const struct lane *lane, const struct port_slot *slot)
{
	double silence;

	if (collecting(lane) && lane->collect.on)
		return collect_likely(lane, slot);
	/* Silence that is not proved tells a little too; where tokens are counted, it is known which of it tells something. */
	silence = lane->counted
	                  ? pow(SILENCE_BY_COUNT, slot->promised)
	                  : pow(SILENCE_WITHOUT_PROOF, fmin(slot->attempts - slot->collected, SILENCES_THAT_TELL));
	return closed_after(lane, slot, closed_share(lane), silence * exp(slot->silence_weight + slot->judged_weight));
}

uint32_t asks_needed(const struct engine *e, const struct lane *lane)
{
	struct loss both = lane->scan->loss;

	both.asked += e->discovery_loss.asked;
	both.lost += e->discovery_loss.lost;
	if (lane->limiter.phase == LIMITER_UNSEEN) {
		both.asked += lane->scan->open_loss.asked;
		both.lost += lane->scan->open_loss.lost;
	}
	return loss_asks_needed(&both, WRONG_STATE, FEWEST_ASKS, MOST_ASKS);
}

uint8_t unproven_asks(const struct lane *lane, const struct port_slot *slot)
{
	return slot->round == lane->round ? slot->unproven : 0;
}

/* So much that copies of an ask sent together may well be lost together. */
static bool loses_much(const struct engine *e, const struct lane *lane)
{
	return (lane->scan->loss.lost + e->discovery_loss.lost) * LOSSES_ARE_FEW >
	       lane->scan->loss.asked + e->discovery_loss.asked;
}

uint32_t silences_missing(const struct engine *e, const struct lane *lane, const struct port_slot *slot)
{
	uint32_t needed = asks_needed(e, lane), missing = 0;
	size_t payloads = e->config.probe.data ? 0 : payload_count(e->config.probe.payloads, slot->number);

	if (slot->silences < needed)
		missing = needed - slot->silences;
	if (slot->attempts < 2 * payloads && missing < 2 * payloads - slot->attempts)
		missing = (uint32_t)(2 * payloads) - slot->attempts;
	if (missing == 0 && slot->brackets < (loses_much(e, lane) || lane->usual.measured.per_s > 0 ? BRACKETS_IF_LOSSY
	                                                                                            : BRACKETS_NEEDED))
		missing = 1;
	/* A router that refuses some ports has a limit of its own: as long as it goes on, silence may be its empty bucket. */
	if (missing == 0 && lane->scan->target_refuses && lane->scan->refuser_last_ns > 0 &&
	    (slot->waiting > 0 || slot->last_sent_ns < router_quiet(e, lane->scan)))
		missing = 1;
	return missing;
}

void count_silence(struct engine *e, struct host *host, struct lane *lane, const struct log_entry *entry, int64_t at_ns)
{
	struct port_slot *slot = &lane->scan->slots[entry->slot];

	if (slot->stage == STAGE_SETTLED)
		return;
	weigh_silent(lane, slot);
	made_progress(lane);
	if (slot->silences < UINT8_MAX)
		slot->silences++;
	if (slot->last_bracket != entry->bracket && slot->brackets < UINT8_MAX - 2)
		slot->brackets++;
	slot->last_bracket = entry->bracket;
	if (slot->unproven > 0)
		slot->unproven--;
	if (silences_missing(e, lane, slot) == 0)
		settle_silent(e, host, slot, "silent-while-refusing", at_ns);
}

int64_t order_gap(const struct lane *lane)
{
	return ORDER_GAP_US * INT64_C(1000) + 4 * lane->scan->rtt.jitter_ns;
}

int64_t send_gap(const struct lane *lane)
{
	return order_gap(lane) * 5 / 4;
}

/* Tokens that may come between two asks whose order the path does not keep, and between two ticks of the target's clock (Linux counts
 * tokens in jiffies). */
static double meanwhile(const struct lane *lane)
{
	return lane->limiter.rate * ((double)order_gap(lane) / 1e9 + TICK_S);
}

double promise_level(const struct lane *lane)
{
	return 1 + COUNT_MARGIN + meanwhile(lane);
}

/* So short before a refusal an ask is proved by it: few tokens come in between, and a group of asks can be sent. */
static int64_t near_ns(const struct lane *lane)
{
	int64_t few_ns = (int64_t)(NEAR / lane->limiter.rate * 1e9);

	return few_ns > GROUP_SENT_MS * MS ? few_ns : GROUP_SENT_MS * MS;
}

int64_t near_copy_ns(const struct lane *lane)
{
	return near_ns(lane) / NEAR_COPIES;
}

/* So late may the refusal behind an ask come that it could have a token of its own. */
static bool late_behind(const struct lane *lane)
{
	return meanwhile(lane) + lane->limiter.rate * (double)near_ns(lane) / 1e9 > CLOSE_BEHIND;
}

static bool loses_some(const struct lane *lane)
{
	return lane->scan->loss.lost * LOSSES_ARE_RARE > lane->scan->loss.asked;
}

/* The level at which silence is proved by one refusal behind it. Where that refusal comes late, or errors are lost, the count has to allow for
 * one error that got lost unseen. */
static double sure_level(const struct lane *lane)
{
	return promise_level(lane) + (late_behind(lane) || !counts_surely(lane) ? 1 : 0);
}

/* Tokens by which asks wait longer than they have to, another number after each refusal. */
static double dither(const struct lane *lane)
{
	return DITHER * (double)(lane->refusals * DITHER_STEP % DITHER_STEPS) / DITHER_STEPS;
}

bool counts_surely(const struct lane *lane)
{
	const struct limiter *limiter = &lane->limiter;

	return limiter->phase == LIMITER_KNOWN && limiter->recognised && limiter->settled && limiter->is_bucket &&
	       !limiter->adopted && lane->patient_ns == 0 && !loses_some(lane) && usual_kept(&lane->usual);
}

bool counts_nearly(const struct lane *lane)
{
	const struct limiter *limiter = &lane->limiter;

	return limiter->phase == LIMITER_KNOWN && limiter->recognised && limiter->settled && limiter->is_bucket &&
	       !limiter->adopted && lane->patient_ns == 0 && lane->usual.measured.per_s <= 0 && !counts_surely(lane) &&
	       loses_some(lane) && !late_behind(lane) && sure_level(lane) + COUNT_MARGIN + DITHER < limiter->burst;
}

double ending_level(const struct lane *lane)
{
	return counts_nearly(lane) ? sure_level(lane) + COUNT_MARGIN + dither(lane) : proof_level(lane);
}

/* Tokens keep coming while the refusals that are to prove something arrive. If k asks behind this one were refused within the
 * time d, at least k - rate * d tokens were there before: one or more, and this ask had one. */
uint32_t refusals_for_proof(const struct lane *lane)
{
	const struct limiter *limiter = &lane->limiter;
	double refusals;

	/* LEARNING: nothing is proved, the first new token is looked for. */
	if (lane->patient_ns > 0 || limiter->phase == LIMITER_LEARNING)
		return 1;
	if (limiter->phase != LIMITER_KNOWN)
		return 2;
	if (counts_surely(lane))
		return sure_level(lane) + COUNT_MARGIN + DITHER < limiter->burst ? 1 : 0;
	refusals = ceil(PLANNED_TOKENS + PLANNED_RATE * limiter->most * (double)order_gap(lane) / 1e9);
	return refusals > limiter->burst - BURST_ROOM ? 0 : (uint32_t)refusals;
}

bool needs_lead(const struct lane *lane)
{
	const struct limiter *limiter = &lane->limiter;

	if (lane->patient_ns > 0)
		return false;
	if (limiter->phase == LIMITER_KNOWN && limiter->is_bucket)
		return false;
	return limiter->phase != LIMITER_KNOWN || limiter->burst > SMALL_BURST;
}

int64_t lead_window(const struct lane *lane)
{
	const struct limiter *limiter = &lane->limiter;
	int64_t window_ns = LEAD_WINDOW_US * INT64_C(1000);

	if (limiter->phase == LIMITER_KNOWN && LUMP_SHARE * 1e9 / limiter->rate > (double)window_ns)
		window_ns = (int64_t)(LUMP_SHARE * 1e9 / limiter->rate);
	return window_ns + 3 * order_gap(lane);
}

bool order_proves_nothing(const struct lane *lane)
{
	return lane->limiter.phase == LIMITER_KNOWN && refusals_for_proof(lane) == 0;
}

double proof_level(const struct lane *lane)
{
	const struct limiter *limiter = &lane->limiter;
	uint32_t refusals = refusals_for_proof(lane);

	if (limiter->phase != LIMITER_KNOWN)
		return 1;
	if (refusals > 0 && counts_surely(lane))
		return sure_level(lane) + COUNT_MARGIN + dither(lane);
	if (needs_lead(lane) && refusals > 0)
		refusals++;
	if (refusals == 0 || refusals + LEVEL_ROOM > limiter->burst)
		return limiter->burst;
	return refusals + LEVEL_ROOM;
}

/* Whether entry->after refusals, the last of an ask sent before_ns later, prove that there was a token for the entry. */
static bool proves(const struct lane *lane, const struct log_entry *entry, int64_t before_ns)
{
	const struct limiter *limiter = &lane->limiter;
	double interval_ns;

	if (limiter->phase != LIMITER_KNOWN)
		return entry->after >= 2 && before_ns <= UNSEEN_WINDOW_US * INT64_C(1000) + 2 * order_gap(lane);
	if (counts_surely(lane))
		return false; /* that is decided when all that was sent before is known: asklog_prove_counted */
	interval_ns = 1e9 / (limiter->most > limiter->rate ? limiter->most : limiter->rate);
	/* Where tokens may come in lumps, the whole proof must fit into a small part of the time between two. */
	if (needs_lead(lane) && (double)before_ns > LUMP_SHARE * interval_ns + 3 * (double)order_gap(lane))
		return false;
	if ((double)before_ns > PROOF_REACH * interval_ns + 2 * (double)order_gap(lane))
		return false;
	return entry->after >= PROOF_TOKENS + PROOF_RATE * (double)(before_ns + order_gap(lane)) / interval_ns;
}

/* The oldest entry sent at from_ns or later. */
static uint32_t first_of_window(struct lane *lane, uint32_t number, int64_t from_ns)
{
	uint32_t n = number;

	while (n != lane->log_first && asklog_entry(lane, n - 1)->sent_ns >= from_ns)
		n--;
	return n;
}

bool may_be_proved(const struct lane *lane, const struct log_entry *entry)
{
	return entry->slot != NO_INDEX && !entry->refused && !entry->answered && !entry->bracketed &&
	       !entry->sentinel && lane->scan->slots[entry->slot].stage != STAGE_SETTLED;
}

void prove(struct engine *e, struct host *host, struct lane *lane, struct log_entry *entry, uint32_t refusal,
           int64_t at_ns)
{
	entry->bracketed = true;
	entry->bracket = refusal;
	if (entry->expired)
		count_silence(e, host, lane, entry, at_ns);
}

void asklog_prove(struct engine *e, struct host *host, struct lane *lane, uint32_t number, int64_t at_ns)
{
	int64_t sent_ns = asklog_entry(lane, number)->sent_ns, gap_ns = order_gap(lane), lead_ns = lead_window(lane);
	int64_t reach_ns = lane->limiter.phase == LIMITER_KNOWN || lane->patient_ns > 0
	                           ? PROOF_WINDOW_MS * MS
	                           : UNSEEN_WINDOW_US * 1000 + 2 * gap_ns;
	int64_t led_ns = INT64_MIN / 2;
	int64_t group_ns = lane->patient_ns / 2 < GROUP_MS * MS ? lane->patient_ns / 2 : GROUP_MS * MS;
	bool lead = needs_lead(lane);
	uint32_t n, before;

	if (collecting(lane))
		return; /* nothing is known of tokens but how many there are */
	n = first_of_window(lane, number, sent_ns - reach_ns);
	before = first_of_window(lane, n, sent_ns - reach_ns - lead_ns);
	for (; n != number; n++) {
		struct log_entry *entry = asklog_entry(lane, n);
		int64_t before_ns = sent_ns - entry->sent_ns;

		for (; before != number && asklog_entry(lane, before)->sent_ns <= entry->sent_ns - gap_ns; before++)
			if (asklog_entry(lane, before)->refused)
				led_ns = asklog_entry(lane, before)->sent_ns;
		if (before_ns < gap_ns || !may_be_proved(lane, entry))
			continue;
		if (entry->after < UINT16_MAX)
			entry->after++;
		if (entry->patient && (led_ns >= entry->sent_ns - group_ns || before_ns > group_ns))
			continue; /* another port of the group had the token, or the refusal is of another group */
		if (!entry->patient && (!proves(lane, entry, before_ns) || (lead && entry->sent_ns - led_ns > lead_ns)))
			continue;
		prove(e, host, lane, entry, number, at_ns);
	}
}

void asklog_promise(struct lane *lane, uint32_t number, double level)
{
	struct log_entry *entry = asklog_entry(lane, number);

	if (limiter_is_interval(&lane->limiter))
		return;
	/* Those sent just behind may have overtaken it and taken theirs. */
	for (uint32_t n = number + 1; n != lane->log_next; n++) {
		if (asklog_entry(lane, n)->sent_ns > entry->sent_ns + order_gap(lane))
			break;
		level -= asklog_entry(lane, n)->refused;
	}
	entry->token = level >= sure_level(lane);
	entry->promised = level >= promise_level(lane);
	lane->scan->slots[entry->slot].promised += entry->promised;
}

void asklog_prove_counted(struct engine *e, struct host *host, struct lane *lane, uint32_t number, int64_t at_ns)
{
	int64_t sent_ns = asklog_entry(lane, number)->sent_ns, gap_ns = order_gap(lane);
	int64_t from_ns = sent_ns - 2 * gap_ns - near_ns(lane);

	if (!counts_surely(lane) && !(counts_nearly(lane) && asklog_entry(lane, number)->sentinel))
		return;
	for (uint32_t n = first_of_window(lane, number, from_ns); n != number; n++) {
		struct log_entry *entry = asklog_entry(lane, n);

		if (entry->sent_ns <= sent_ns - gap_ns && entry->token && entry->expired && may_be_proved(lane, entry))
			prove(e, host, lane, entry, number, at_ns);
	}
}
