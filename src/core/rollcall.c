/* rollcall.c: the proof of silence where the order of asks and refusals, by itself, proves nothing: the limit is not one
 * of those in wide use, or none was met although the host gave more errors than the small buckets hold.
 *
 * A roll call begins when tokens are surely there: all ports that are left are asked as often as each still needs,
 * then ports known to refuse, the sentinels. If those are refused, and no more errors came than tokens were there,
 * there was a token for every ask. As long as it is not sure that the rest was long enough, a sentinel goes in
 * front as well: its refusal shows that tokens were there already. A roll call that proves nothing is followed by
 * another one, after twice the rest. */
#include <math.h>

#include "asking.h"

enum {
	SURELY_COLLECTED = 20,   /* tokens after which the rate is beyond doubt */
	FEW_COLLECTED = 4,       /* tokens; until then the rest is as long as the longest window */
	MOST_AT_ONCE = 256,      /* suspects in one roll call: more asks take so long that tokens come meanwhile */
	TAILS = 2,               /* sentinels behind the suspects: one may have a token that came just then */
	MOST_DOUBLINGS = 12,     /* of the rest, after roll calls in vain */
	SMALL_AFTER = 3,         /* roll calls in vain that show how many tokens the bucket holds, ... */
	LEAST_BURST = 2,         /* ... which are more than one: that is another kind of limit */
	MOST_LED = 5,            /* roll calls in vain, after which perhaps there are no tokens to spare for a lead */
	LONGEST_REST_MS = 15000, /* enough for any limit that gives an error in ten seconds */
	LONGEST_CALL_MS = 500,   /* where no limit was met */
	REST_MS = 10,            /* where no limit was met: one so fast that it was missed has tokens again */
	FOUND_AT_MOST = 1,       /* suspects refused, beyond those expected: more, and what was believed is wrong */
	MORE_PASSES = 2,         /* than asks needed: some may prove nothing */
	OVERTAKING_MS = 1,       /* where packets overtake each other by more, two passes cannot be told apart */
};
#define MOST_BETWEEN     1.0 /* tokens, of the two that the tails take */
#define CHEAP_TOKENS     4.0 /* a second: then two errors for sentinels cost little time */
#define TRIAL_TOKENS     3.5 /* for the tails, a port that is closed after all, and half a one for luck */
#define TOKENS_LEFT      1.5 /* for each error that is still expected */
#define NONE_LEFT        0.1 /* errors expected of all ports: so few that a port's asks may follow each other */
#define FIRST_REST_S     2.2 /* two tokens of the slowest limit in wide use, one a second */
#define LONGEST_WINDOW_S 1.2 /* a second, and a little */
#define LONGER           1.2 /* than the longest time without an error: it may be a window after all */

static bool no_limit_met(const struct lane *lane)
{
	return lane->limiter.phase == LIMITER_UNSEEN;
}

static bool wants_lead(const struct lane *lane)
{
	const struct collect *c = &lane->collect;

	if (no_limit_met(lane))
		return true;
	return lane->limiter.burst > TAILS + 1 && c->roll_call.failed_in_row < MOST_LED &&
	       (c->roll_call.failed_in_row > 0 || c->taken < RATE_TAKEN || collect_rate(lane) > CHEAP_TOKENS);
}

/* Tails that have to be refused. */
static uint32_t tails_needed(const struct lane *lane)
{
	return lane->collect.roll_call.failed_in_row >= MOST_LED ? 1 : TAILS;
}

static double tokens_wanted(const struct lane *lane)
{
	if (no_limit_met(lane))
		return UINT16_MAX;
	return TRIAL_TOKENS + TOKENS_LEFT * fmin(lane->collect.left, FEW_LEFT) + wants_lead(lane);
}

/* Tokens that surely came since the last error. */
static double tokens_came(const struct lane *lane, int64_t now_ns)
{
	double since_s = (double)(now_ns - lane->limiter.last_use_ns) / 1e9, came;

	came = CAUTIOUS * collect_least_rate(lane) * since_s;
	return fmin(came, lane->limiter.burst);
}

/* When so many tokens are surely there, if nothing is asked until then. */
static int64_t rested_at(const struct lane *lane, double tokens)
{
	const struct collect *c = &lane->collect;
	double rate = collect_least_rate(lane), rest_s;

	rest_s = rate > 0 ? tokens / rate : FIRST_REST_S;
	if (c->collected < FEW_COLLECTED)
		rest_s = fmax(rest_s, LONGEST_WINDOW_S);
	rest_s = fmax(rest_s, fmin(LONGER * 1e-9 * (double)c->longest_ns, LONGEST_WINDOW_S));
	return (lane->scan->loss.lost > 0 ? lane->last_ask_ns : lane->limiter.last_use_ns) + (int64_t)(rest_s * 1e9) +
	       2 * order_gap(lane);
}

static void begin_rest(struct lane *lane)
{
	struct roll_call *call = &lane->collect.roll_call;

	suspect_all(lane);
	call->stage = ROLL_CALL_REST;
}

static bool is_resting(struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	int64_t last_ns = lane->limiter.last_use_ns, rested_ns;

	if (lane->outstanding > 0)
		return true;
	if (no_limit_met(lane)) {
		rested_ns = last_ns + REST_MS * MS;
	} else {
		rested_ns = rested_at(lane, tokens_wanted(lane));
		if (rested_ns > last_ns)
			rested_ns +=
			        ((INT64_C(1) << lane->collect.roll_call.failed_in_row) - 1) * (rested_ns - last_ns);
		if (rested_ns > last_ns + LONGEST_REST_MS * MS)
			rested_ns = last_ns + LONGEST_REST_MS * MS;
	}
	if (now_ns >= rested_ns)
		return false;
	wake_at(wake_ns, rested_ns);
	return true;
}

static uint32_t most_at_once(const struct lane *lane)
{
	return no_limit_met(lane) && lane->window < MOST_AT_ONCE ? (uint32_t)lane->window : MOST_AT_ONCE;
}

/* While no limit was met a roll call must be short: a limit that was missed may give its next error in between. And
 * there are to be two. */
static uint32_t passes_wanted(const struct engine *e, const struct lane *lane)
{
	uint32_t needed = asks_needed(e, lane);

	if (lane->suspects.count > most_at_once(lane))
		return 1;
	if (no_limit_met(lane))
		return order_gap(lane) > OVERTAKING_MS * MS ? 1 : (needed + 1) / 2;
	return needed + MORE_PASSES;
}

static void begin_asks(const struct engine *e, struct lane *lane, int64_t now_ns)
{
	struct roll_call *call = &lane->collect.roll_call;

	call->stage = ROLL_CALL_ASKS;
	call->first = lane->log_next;
	call->tokens = fmax(tokens_wanted(lane), tokens_came(lane, now_ns));
	call->pass = call->left_in_pass = 0;
	call->passes = passes_wanted(e, lane);
	call->tails = TAILS;
	call->began_ns = call->next_pass_ns = now_ns;
	call->led = wants_lead(lane);
}

/* The head of the suspects, unless its silence is proved by now, as less loss is known of: then it is settled. NULL: it needs no
 * ask in this pass, or there is none. */
static struct port_slot *suspect_of_pass(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns)
{
	struct port_slot *slot = head(lane, &lane->suspects);
	uint32_t missing = slot ? silences_missing(e, lane, slot) : 0;

	if (slot && missing == 0) {
		dequeue(lane, &lane->suspects);
		settle_silent(e, host, slot, "silent-while-refusing", now_ns);
	} else if (slot) {
		rotate(lane, &lane->suspects);
	}
	return missing >= lane->collect.roll_call.pass ? slot : NULL;
}

/* The next of the asks of all suspects, pass by pass; NULL: none now. */
static struct port_slot *next_suspect(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns)
{
	struct roll_call *call = &lane->collect.roll_call;
	uint32_t most = most_at_once(lane);
	struct port_slot *slot = NULL;

	/* With --max-rate it takes time, in which a limit that was missed may give errors. */
	if (no_limit_met(lane) && now_ns - call->began_ns > LONGEST_CALL_MS * MS) {
		call->pass = call->passes;
		call->left_in_pass = 0;
	}
	while (!slot) {
		if (call->left_in_pass == 0) {
			if (call->pass == call->passes || now_ns < call->next_pass_ns)
				break;
			call->left_in_pass = lane->suspects.count < most ? lane->suspects.count : most;
			call->pass++;
			continue;
		}
		call->left_in_pass--;
		slot = suspect_of_pass(e, host, lane, now_ns);
	}
	return slot;
}

/* Between one pass and the next. The first time that a port is asked may show that it is closed: then more asks would cost
 * tokens. But where a limit that was missed may give errors meanwhile, the whole roll call has to be short. */
static int64_t pass_gap(const struct lane *lane)
{
	const struct roll_call *call = &lane->collect.roll_call;

	if (no_limit_met(lane))
		return 0;
	return call->pass == 1 && lane->collect.left > NONE_LEFT ? ask_timeout(lane) : COPY_GAP_MS * MS;
}

/* The asks of the suspects. Nothing, and another stage: all were made. */
static struct choice next_ask(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	struct roll_call *call = &lane->collect.roll_call;
	struct port_slot *slot;

	if (call->led && call->pass == 0 && too_close(lane, now_ns, wake_ns))
		return (struct choice){0};
	slot = next_suspect(e, host, lane, now_ns);
	if (slot) {
		call->next_pass_ns = now_ns + pass_gap(lane);
		return (struct choice){.slot = slot, .stays = true};
	}
	if (call->pass < call->passes) {
		wake_at(wake_ns, call->next_pass_ns);
		return (struct choice){0};
	}
	call->stage = ROLL_CALL_TAIL;
	return (struct choice){0};
}

/* What became of the asks of a roll call. */
struct outcome {
	uint32_t refused;
	uint32_t found;  /* of these, of ports that were suspects */
	bool led;        /* the sentinel in front was refused, or none was wanted */
	uint32_t tails;  /* sentinels behind them that were refused, ... */
	uint32_t tail;   /* ... log number of the last ... */
	int64_t tail_ns; /* ... and when the first was sent */
};

static struct outcome read_outcome(struct lane *lane)
{
	const struct roll_call *call = &lane->collect.roll_call;
	struct outcome outcome = {.led = !call->led};

	for (uint32_t n = call->first; n != call->end; n++) {
		const struct log_entry *entry = asklog_entry(lane, n);

		if (!entry->refused)
			continue;
		outcome.refused++;
		if (!entry->sentinel) {
			outcome.found++;
		} else if (n == call->first && call->led) {
			outcome.led = true;
		} else {
			if (outcome.tails++ == 0)
				outcome.tail_ns = entry->sent_ns;
			outcome.tail = n;
		}
	}
	return outcome;
}

/* The asks in front of the tails had a token and did not take it. */
static void prove_silence(struct engine *e, struct host *host, struct lane *lane, const struct outcome *outcome,
                          int64_t now_ns)
{
	const struct roll_call *call = &lane->collect.roll_call;
	int64_t before_ns = outcome->tail_ns - order_gap(lane);

	for (uint32_t n = call->first; n != call->end; n++) {
		struct log_entry *entry = asklog_entry(lane, n);

		if (entry->sent_ns <= before_ns && may_be_proved(lane, entry))
			prove(e, host, lane, entry, outcome->tail, now_ns);
	}
}

/* The roll call's asks are all decided: what did they prove? */
static void end_roll_call(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns)
{
	struct collect *c = &lane->collect;
	struct roll_call *call = &c->roll_call;
	bool limited = !no_limit_met(lane);
	struct outcome outcome;

	call->stage = ROLL_CALL_NONE;
	if (call->first - lane->log_first > lane->log_next - lane->log_first)
		return;              /* forgotten already */
	c->fitted = lane->log_first; /* to be judged anew */
	outcome = read_outcome(lane);
	if (limited && outcome.found > FOUND_AT_MOST + c->left)
		fit_doubt(lane); /* so many should not have been left */
	if (!outcome.led || outcome.tails < tails_needed(lane) || outcome.refused + 1 > call->tokens) {
		call->failed_in_row += call->failed_in_row < MOST_DOUBLINGS;
		/* Time and again no more tokens than so many, after rests that grow: the bucket holds no more. */
		if (limited && call->failed_in_row >= SMALL_AFTER && outcome.refused > 0)
			lane->limiter.burst = fmin(lane->limiter.burst, fmax(outcome.refused, LEAST_BURST));
		if (limited && outcome.refused == 0)
			collect_slower(lane);
		return;
	}
	/* One more than was thought may have been closed, where all else is sure; what is to be made of more shows
	 * the next roll call. */
	if (limited && outcome.found > (call->failed_in_row == 0 && c->collected >= SURELY_COLLECTED ? 1 : 0))
		return;
	call->failed_in_row = 0;
	prove_silence(e, host, lane, &outcome, now_ns);
}

struct choice choose_roll_call(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	struct roll_call *call = &lane->collect.roll_call;

	/* So many tokens come while order is uncertain that all the tails might have theirs of those. */
	if (call->stage == ROLL_CALL_NONE && !no_limit_met(lane) &&
	    collect_rate(lane) * (double)send_gap(lane) / 1e9 > MOST_BETWEEN) {
		become_patient(lane);
		return (struct choice){0};
	}
	if (call->stage == ROLL_CALL_NONE)
		begin_rest(lane);
	if (call->stage == ROLL_CALL_REST) {
		if (is_resting(lane, now_ns, wake_ns))
			return (struct choice){0};
		begin_asks(e, lane, now_ns);
		if (call->led) {
			lane->last_suspect_ns = now_ns;
			return sentinel_choice(lane);
		}
	}
	if (call->stage == ROLL_CALL_ASKS) {
		struct choice choice = next_ask(e, host, lane, now_ns, wake_ns);

		if (call->stage == ROLL_CALL_ASKS)
			return choice;
	}
	if (call->stage == ROLL_CALL_TAIL) {
		if (too_close(lane, now_ns, wake_ns))
			return (struct choice){0};
		if (--call->tails == 0) {
			call->stage = ROLL_CALL_WAIT;
			call->end = lane->log_next + 1;
		}
		return sentinel_choice(lane);
	}
	if (lane->outstanding == 0) {
		end_roll_call(e, host, lane, now_ns);
		wake_at(wake_ns, now_ns);
	}
	return (struct choice){0};
}
