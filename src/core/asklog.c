/* asklog.c: every ask in the order sent, and what its timeout says. What is decided about asks is told, in that order, to the limits in
 * wide use (usual.c), which count tokens by it. */
#include <math.h>
#include <stdlib.h>

#include "interval.h"

enum {
	MOST_LOG = 65536,   /* entries: as many as asks that can be in flight in KEEP_MS at 13,000 a second; 3 MB */
	SEARCH_BACK = 4096, /* entries: a reply is hardly later, and forged ones must not cost much time */
	MOST_ASKS_BACK = 4, /* earlier asks of a port: more are promised a token only when all is wrong anyway */
	SILENCES_EXPLAINED =
	        4, /* by a limit, until it is there even if its bucket was never found empty: at long round trips it is not */
	LOSSES_TO_TRY = 2,  /* before what ruled all limits in wide use out is taken for loss */
	ERRORS_TO_TRY = 64, /* in which one of them has to keep so many promises, ... */
	HITS_TO_TRY = 8,
	HITS_UNLOST = 24, /* ... so many if nothing is known to be lost, ... or all are tried anew */
	KEEP_MS = 5000,   /* longer than any proof reaches back */
};
#define LOSS_TRIED          0.1  /* of asks: one silence of a port that refuses contradicts nothing yet */
#define SILENT_BEFORE       0.1  /* of what is expected of a port, after a silence for which there was a token */
#define MISSES_WITHOUT_LOSS 0.15 /* share of a limit's promises that may be broken without it being the wrong one */
#define MOST_MISSES         0.36 /* at most: a promise broken looks like loss, and must not excuse itself */
/* Probability of a silence, had tokens been there, below which it says that there were none; ... */
#define SILENCE_IS_EMPTY   0.002
#define SILENCE_IS_STRANGE 0.001 /* ... where the limit is recognised, that something is wrong: that takes more */

struct log_entry *asklog_entry(struct lane *lane, uint32_t number)
{
	return &lane->log[number & (lane->log_capacity - 1)];
}

static bool is_open(const struct log_entry *entry)
{
	return entry->slot != NO_INDEX && !entry->expired && !entry->refused && !entry->answered;
}

void asklog_close(struct lane *lane, struct log_entry *entry)
{
	struct port_slot *slot = &lane->scan->slots[entry->slot];

	lane->outstanding--;
	lane->expected_out -= entry->expected;
	if (lane->outstanding == 0)
		lane->expected_out = 0; /* no drift from rounding */
	slot->waiting--;
	if (entry->sentinel)
		lane->sentinels_out--;
}

static void forget_oldest(struct lane *lane)
{
	struct log_entry *entry = asklog_entry(lane, lane->log_first);

	if (is_open(entry)) {
		struct port_slot *slot = &lane->scan->slots[entry->slot];

		asklog_close(lane, entry);
		if (slot->stage == STAGE_WAITING && slot->waiting == 0)
			queue_push(lane, slot);
	}
	if (lane->log_unexpired == lane->log_first)
		lane->log_unexpired++;
	if (lane->log_judged == lane->log_first)
		lane->log_judged++;
	lane->log_first++;
}

struct log_entry *asklog_push(struct lane *lane, int64_t now_ns)
{
	if (lane->log_next - lane->log_first == lane->log_capacity) {
		uint32_t capacity = lane->log_capacity * 2;
		struct log_entry *oldest = asklog_entry(lane, lane->log_first), *log = NULL;

		if (capacity <= MOST_LOG && (!oldest->expired || now_ns - oldest->sent_ns < KEEP_MS * MS ||
		                             (lane->collect.on && capacity <= COLLECT_LOG)))
			log = calloc(capacity, sizeof(*log));
		if (log) {
			for (uint32_t n = lane->log_first; n != lane->log_next; n++)
				log[n & (capacity - 1)] = *asklog_entry(lane, n);
			free(lane->log);
			lane->log = log;
			lane->log_capacity = capacity;
		} else {
			forget_oldest(lane);
		}
	}
	return asklog_entry(lane, lane->log_next++);
}

struct log_entry *asklog_find(struct lane *lane, const struct port_slot *slot, uint16_t attempt, uint32_t *number)
{
	uint32_t index = (uint32_t)(slot - lane->scan->slots),
	         n = slot->lane == lane->index ? slot->last_entry + 1 : lane->log_next;

	for (uint32_t back = 0; back < SEARCH_BACK && n - lane->log_first - 1 < lane->log_capacity; back++) {
		struct log_entry *entry = asklog_entry(lane, --n);

		if (entry->slot == index && entry->attempt == attempt) {
			*number = n;
			return entry;
		}
		if (n == lane->log_first)
			break;
	}
	return NULL;
}

/* An ask of a port that may be closed stayed silent. Enough of them in a row, and there was no token. */
static void weigh_silence(struct lane *lane, const struct log_entry *entry)
{
	bool recognised = lane->limiter.recognised && lane->limiter.settled && !lane->limiter.adopted;

	if (lane->index > lane->scan->teacher && lane->limiter.phase != LIMITER_KNOWN)
		return; /* it waits for the first lane to learn the limit */
	if (counts_surely(lane))
		return; /* the count knows: a port known to refuse that stays silent will break it */
	lane->silence *= 1 - entry->expected * (1 - loss_estimate(&lane->scan->loss));
	if (lane->silence >= (recognised ? SILENCE_IS_STRANGE : SILENCE_IS_EMPTY))
		return;
	lane->silence = 1;
	/* Found empty when the model said so, or while it was being drained: that is what it is. Otherwise perhaps it is the
	 * ports that are silent. */
	if (order_proves_nothing(lane)) {
		limiter_drained(&lane->limiter, entry->sent_ns);
		lane->drain = false;
	} else if (lane->limiter.phase == LIMITER_UNSEEN || (lane->limiter.phase == LIMITER_KNOWN && !lane->drain &&
	                                                     (lane->empties_in_row > 0 || lane->limiter.settled)))
		check_begin(lane, entry->sent_ns);
	else
		bucket_is_empty(lane, entry->sent_ns);
}

/* What the timeout of an ask says. */
static void hear_silence(struct engine *e, struct host *host, struct lane *lane, const struct log_entry *entry,
                         int64_t now_ns)
{
	const struct port_slot *slot = &lane->scan->slots[entry->slot];

	if (entry->bracketed) {
		count_silence(e, host, lane, entry, now_ns);
		return;
	}
	if (collecting(lane) || entry->roll_call)
		return; /* that is found by trying all rates (fit.c) */
	if (windows_govern(lane))
		return; /* that is read from the whole volley */
	if (interval_governs(lane)) {
		interval_silent(lane, entry); /* what it proves is found out when something is refused */
		return;
	}
	if (entry->sentinel && lane->limiter.phase == LIMITER_KNOWN && !lane->checking && lane->empties_in_row == 0) {
		/* Behind others that were refused: those took the last. */
		limiter_drained(&lane->limiter, entry->sent_ns);
		return;
	}
	if (lane->scan->sentinel != NO_INDEX && !lane->checking && lane->patient_ns == 0 &&
	    (entry->sentinel || slot->stage != STAGE_SETTLED))
		weigh_silence(lane, entry);
}

static void expire_entry(struct engine *e, struct host *host, struct lane *lane, uint32_t number, int64_t now_ns)
{
	struct log_entry *entry = asklog_entry(lane, number);
	struct port_slot *slot;

	if (!is_open(entry)) {
		entry->expired = true;
		return;
	}
	entry->expired = true;
	slot = &lane->scan->slots[entry->slot];
	asklog_close(lane, entry);
	if (entry->sentinel || (slot->stage == STAGE_SETTLED && slot->by_target))
		lane->unheard++;
	hear_silence(e, host, lane, entry, now_ns);
	if (entry->sentinel)
		lane->round++;
	if (entry->check)
		check_answered(lane, entry, false);
	if (slot->stage == STAGE_WAITING && slot->waiting == 0)
		queue_push(lane, slot);
}

void asklog_in_vain(struct engine *e, struct host *host, struct lane *lane, uint32_t number, int64_t now_ns)
{
	if (is_open(asklog_entry(lane, number)))
		expire_entry(e, host, lane, number, now_ns);
}

/* The errors that came for asks sent later than what is decided. */
static double level_now(struct lane *lane, int limit, int64_t *at_ns)
{
	struct usual usual = lane->usual;

	for (uint32_t n = lane->log_judged; n != lane->log_next; n++) {
		const struct log_entry *entry = asklog_entry(lane, n);

		if (entry->refused)
			usual_refused(&usual, entry->sent_ns, entry->expected, false, 0);
	}
	*at_ns = usual.fits[limit].at_ns;
	return usual_level(&usual, limit, *at_ns);
}

/* The port refuses, and an earlier ask of it stayed silent although by the count there was a token: that was lost, or the count is
 * off. Asks whose silence was proved are not meant. */
static bool was_promised(struct lane *lane, const struct port_slot *slot, uint16_t attempt)
{
	uint32_t number;

	for (uint32_t back = 1; back <= MOST_ASKS_BACK && back <= attempt; back++) {
		const struct log_entry *entry = asklog_find(lane, slot, (uint16_t)(attempt - back), &number);

		if (entry && entry->expired && entry->promised && !entry->bracketed && !entry->answered)
			return true;
	}
	return false;
}

/* What became of an ask, told to the limits in wide use. promised: its port was silent before, although by the count there was a token. */
static void tell_usual(struct lane *lane, struct usual *usual, const struct log_entry *entry,
                       const struct port_slot *slot, bool promised)
{
	double refused = entry->expected * (1 - loss_estimate(&lane->scan->loss)) * (promised ? SILENT_BEFORE : 1);
	int64_t slack_ns = order_gap(lane);

	usual->miss_share =
	        fmin(MISSES_WITHOUT_LOSS + 2 * lane->scan->loss.lost / (lane->scan->loss.asked + 1), MOST_MISSES);
	usual->loss = fmax(usual->loss, loss_estimate(&lane->scan->loss));
	usual->met |= lane->limiter.phase != LIMITER_UNSEEN;
	if (entry->refused)
		usual_refused(usual, entry->sent_ns, entry->expected, entry->attempt == 0, slack_ns);
	else if (slot->stage == STAGE_SETTLED && slot->by_target)
		usual_silent(usual, entry->sent_ns, slack_ns);
	else
		usual_unanswered(usual, entry->sent_ns, refused, entry->attempt == 0, slack_ns);
}

static double losses(const struct engine *e, const struct lane *lane)
{
	return lane->scan->loss.lost + lane->scan->open_loss.lost + e->discovery_loss.lost;
}

/* None of the limits in wide use seems to be left. But what contradicted them may have been loss: they are tried once more, on what is
 * seen from then on. hits: promises that one of them has to keep. */
static void try_again(struct lane *lane, const struct log_entry *entry, const struct port_slot *slot, uint32_t hits)
{
	struct usual *again = &lane->usual_again;
	bool sure;
	int best;

	if (!lane->trying_again || usual_none(again) || again->errors >= ERRORS_TO_TRY ||
	    lane->collect.roll_call.stage !=
	            ROLL_CALL_NONE) { /* after the rest of a roll call the tokens of any limit are there */
		lane->trying_again = true;
		usual_init(again);
		usual_forget(again, USUAL_INTERVAL); /* that shows itself by its volleys (interval.c) */
		again->loss = LOSS_TRIED;
	}
	tell_usual(lane, again, entry, slot, false);
	best = usual_best(again, &sure);
	if (best < 0 || again->fits[best].hits < hits)
		return;
	lane->trying_again = false;
	if (!lane->collect.on || measure_allows(lane, &usual_limits[best]))
		lane->usual = *again;
}

/* One entry that is decided, told to the limits in wide use; `limit` is the one of them that was recognised, -1: none yet. */
static void judge_entry(struct engine *e, struct host *host, struct lane *lane, uint32_t number, int limit,
                        int64_t now_ns)
{
	const struct log_entry *entry = asklog_entry(lane, number);
	struct port_slot *slot = entry->slot == NO_INDEX ? NULL : &lane->scan->slots[entry->slot];
	bool is_known, promised = slot && slot->promised > 0;

	if (!entry->refused && (!slot || !entry->expired || entry->answered))
		return; /* refused without a slot: by the observation of the path */
	is_known = !entry->refused && slot->stage == STAGE_SETTLED && slot->by_target;
	if (!entry->refused && !is_known) {
		if (limit >= 0)
			asklog_promise(lane, number, usual_level(&lane->usual, limit, entry->sent_ns));
		else if (usual_promised(&lane->usual, entry->sent_ns, order_gap(lane)))
			weigh_silent(lane, slot);
	}
	tell_usual(lane, &lane->usual, entry, slot, promised);
	if (usual_none(&lane->usual))
		try_again(lane, entry, slot, losses(e, lane) >= LOSSES_TO_TRY ? HITS_TO_TRY : HITS_UNLOST);
	if (!entry->refused || limit < 0)
		return;
	if (slot && was_promised(lane, slot, entry->attempt)) {
		usual_broken(&lane->usual, limit);
		loss_answered(&lane->scan->loss, 1);
		lane->usual.explained = 0;
	} else if (entry->attempt > 0 && !entry->sentinel) {
		lane->usual.explained++;
	}
	if (!lane->usual.fits[limit].broke)
		asklog_prove_counted(e, host, lane, number, now_ns);
}

/* What is decided by now is told to the limits in wide use; when one of them is the only one left, the limiter is that.
 *
 * With several source addresses only the first lane that hears (scan->teacher) does so, and only its tokens are counted; the others adopt
 * its limit (asking.c: waits_for_first) and prove silence by several refusals. They could not count: what they took before they
 * adopted it was no more than a full bucket has, so nothing shows their level to be right; and a limit of the host over all its
 * peers (Linux: icmp_msgs_per_sec, a little randomised) makes errors fail to come for which a lane of its own did have the
 * token, which looks like broken promises, and in many lanes at once. Should the first lane go deaf, the next one is judged from
 * then on, but stays adopted and is never counted. */
static void judge(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns)
{
	int64_t until_ns, at_ns;
	bool news = false, sure;
	int limit, known;

	if (lane->index > lane->scan->teacher)
		return;
	limit = usual_best(&lane->usual, &sure);
	known = sure ? limit : -1;
	/* The first ask that is not decided yet, where asklog_expire() stopped, may have overtaken what was sent just before it. */
	until_ns = lane->log_unexpired == lane->log_next ? NEVER : asklog_entry(lane, lane->log_unexpired)->sent_ns;
	until_ns -= order_gap(lane);
	for (; lane->log_judged != lane->log_next && asklog_entry(lane, lane->log_judged)->sent_ns <= until_ns;
	     news = true)
		judge_entry(e, host, lane, lane->log_judged++, known, now_ns);
	limit = usual_best(&lane->usual, &sure);
	if (limit < 0 && !usual_none(&lane->usual) && lane->log_first == 0 && lane->judged_refusals != lane->refusals) {
		/* A port refused now had been silent before: with that known, everything is judged once more. */
		lane->judged_refusals = lane->refusals;
		lane->log_judged = 0;
		usual_init(&lane->usual);
		judge(e, host, lane, now_ns);
		return;
	}
	if (usual_none(&lane->usual) || (lane->limiter.recognised && usual_is_out(&lane->usual, lane->limiter.rate))) {
		limiter_doubt(&lane->limiter, lane->last_ask_ns);
	} else if (limit >= 0 && news &&
	           (lane->limiter.phase != LIMITER_UNSEEN || (sure && lane->usual.explained >= SILENCES_EXPLAINED))) {
		const struct usual_limit *bucket = usual_limit(&lane->usual, limit);
		double level = level_now(lane, limit, &at_ns);

		if (sure)
			usual_decide(&lane->usual, limit);
		limiter_recognise(&lane->limiter, bucket->likely * bucket->per_s, sure ? bucket->burst : 0, level,
		                  at_ns);
	}
}

void asklog_expire(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns)
{
	int64_t timeout_ns = ask_timeout(lane);

	while (lane->log_unexpired != lane->log_next) {
		struct log_entry *entry = asklog_entry(lane, lane->log_unexpired);

		if (is_open(entry) && entry->sent_ns + timeout_ns > now_ns)
			break;
		lane->log_unexpired++;
		expire_entry(e, host, lane, lane->log_unexpired - 1, now_ns);
		collect_decided(lane, lane->log_unexpired - 1);
	}
	judge(e, host, lane, now_ns);
}
