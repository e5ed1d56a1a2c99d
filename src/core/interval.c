/* interval.c: asking a host that gives one ICMP error at a time, with a least time between two (Cisco IOS: 500 ms).
 *
 * Asks go out in volleys, one for each error: so many ports at once that one of them very probably takes it. The ports asked
 * in front of the refused one had the error before them and did not take it: that proves their silence. Those behind it
 * had none, and are asked again. The next volley comes when the next error is due, by the clock if the round trip is longer
 * than that. When hardly a refusal can be expected any more, the last volley proves what is left, with a sentinel behind it.
 *
 * An error may be lost on its way back: any ask that stayed silent may have taken one, unless an error that did come was too
 * near to it in time for both. So what took the error last is looked for in the log, where each ask says what is known
 * of it. */
#include <math.h>

#include "interval.h"

enum {
	ANSWERS_TO_TRUST = 40, /* first asks answered, and none lost: loss is unlikely */
	ASKED_FOR_DOUBT = 20,
	MOST_BEFORE_TRIAL = 3,
	SILENT_TRIALS = 3, /* in a row */
	MOST_TRIALS = 16,
	COPY_GAP_MS = 4,
	MOST_ASKS = 1024, /* in a volley */
	MOST_SUSPECTS = 64,
	SENTINELS_IF_LOSSY = 3,
	TRY_US = 1000, /* after the least time: the host's clock and the path are not that exact */
};
#define LOST_FOR_DOUBT  0.45 /* share of errors lost from which on it is not loss */
#define EARLY_EXPECTED  4    /* refusals expected of those asked before an error is surely there */
#define NOBODY          0.01 /* probability that none of a volley is refused */
#define CLOSED_AT_FIRST 2.5  /* to half a silent one */
#define NOBODY_LEAST    0.03 /* ... where nearly all refuse, ... */
#define NOBODY_MOST     0.1
#define SILENCE_COSTS   0.005 /* ... so that this part of the time is lost by silence */
#define DEAR_AT_FIRST   0.65
#define NEARLY_ALL      0.9
#define NEAREST         0.9   /* intervals that surely lie between two errors */
#define LONGEST_VOLLEY  0.3   /* intervals */
#define SPACING         0.01  /* intervals that asks may be apart for the sake of their order */
#define LOSS_UNSEEN     0.005 /* probability of loss on a path that has shown none */
#define WEIGHT_DECAY    0.97  /* of what is known of the share of closed ports, with each port */
#define SILENT_VOLLEY   0.5
#define NOT_THE_FIRST   0.8
#define SUCCESS_COUNTS  0.2
#define MOSTLY_SETTLED  0.8
#define FEW             0.7 /* refusals expected of all that is left: time for the last volley */

static int64_t interval_ns(const struct lane *lane)
{
	return (int64_t)(1e9 / (limiter_is_interval(&lane->limiter) ? lane->limiter.rate
	                                                            : usual_limits[USUAL_INTERVAL].per_s));
}

static bool loss_is_unlikely(const struct lane *lane)
{
	return lane->scan->loss.lost <= 0 && lane->scan->loss.asked >= ANSWERS_TO_TRUST;
}

static double loss_of(const struct lane *lane)
{
	return lane->scan->loss.lost > 0 ? loss_estimate(&lane->scan->loss) : LOSS_UNSEEN;
}

/* So long after one error there is surely another one to be had, if no packet overtook another: that was seen. */
static int64_t surely_ns(const struct lane *lane)
{
	return lane->volley.shortest_ns > 0 ? lane->volley.shortest_ns + order_gap(lane) : 2 * interval_ns(lane);
}

/* Two errors are never nearer to each other. */
static int64_t nearest_ns(const struct lane *lane)
{
	return (int64_t)(NEAREST * (double)interval_ns(lane)) - order_gap(lane);
}

/* Share of the ports about which nothing is known that refuse. */
static double closed_left(const struct lane *lane)
{
	const struct volley *volley = &lane->volley;

	return (volley->closed + 0.5) / (volley->closed + volley->silent + 1);
}

/* Whether the order of asks is kept: where it costs little until the first of them should be refused. */
static bool is_spaced(const struct lane *lane)
{
	double closed = closed_left(lane);

	return (double)send_gap(lane) * (1 - closed) < SPACING * closed * (double)interval_ns(lane);
}

/* Suspects that may go in front without delaying the others. */
static uint32_t suspects_in_front(const struct lane *lane)
{
	double count = SPACING * (double)interval_ns(lane) / (double)send_gap(lane);

	if (!is_spaced(lane))
		return 0;
	return count < MOST_SUSPECTS ? (uint32_t)count : MOST_SUSPECTS;
}

/* As long as no silence was proved perhaps all ports refuse. If not, one that stays silent is noticed soon. */
static bool all_may_refuse(const struct lane *lane)
{
	return closed_left(lane) > DEAR_AT_FIRST && lane->scan->silent_weight <= 0 && !lane->volley.trying &&
	       2 * ask_timeout(lane) < interval_ns(lane);
}

/* Nearly all ports refuse: each ask more than one is a waste. */
static bool asks_are_dear(const struct lane *lane)
{
	return closed_left(lane) > NEARLY_ALL || all_may_refuse(lane);
}

static void count_left(struct lane *lane, double closed, double silent)
{
	double keep = pow(WEIGHT_DECAY, closed + silent);

	lane->volley.closed = lane->volley.closed * keep + closed;
	lane->volley.silent = lane->volley.silent * keep + silent;
}

/* Probability that the port refuses. */
static double share_of(const struct lane *lane, const struct port_slot *slot)
{
	/* The more volleys in a row stayed silent, the more ports the next one takes. */
	double closed = closed_left(lane) * pow(SILENT_VOLLEY, lane->volley.in_vain), missed;

	if (slot->stage == STAGE_SETTLED)
		return 1; /* a sentinel */
	missed = closed * pow(loss_estimate(&lane->scan->loss), slot->silences);
	/* Where order tells nothing, never to have been the first of a volley does a little. */
	if (!is_spaced(lane))
		missed *= pow(NOT_THE_FIRST, slot->attempts);
	return missed / (missed + 1 - closed);
}

/* When the last ask was sent, up to that time, that may have taken an error. */
static int64_t taker_before(struct lane *lane, int64_t at_ns)
{
	for (uint32_t n = lane->log_next; n != lane->log_first; n--) {
		const struct log_entry *entry = asklog_entry(lane, n - 1);

		if (entry->sent_ns <= at_ns && entry->slot != NO_INDEX && !entry->answered && !entry->none_there)
			return entry->sent_ns;
		if (entry->sent_ns < lane->last_ask_ns - 2 * interval_ns(lane))
			break;
	}
	return INT64_MIN / 2;
}

/* When the ask was sent that most probably took the error last. Silence of many that should have been refused is rather an
 * error lost than silent ports. */
static int64_t last_taker(struct lane *lane)
{
	double nobody = 1, loss = loss_of(lane);
	int64_t silent_ns = INT64_MIN / 2;

	for (uint32_t n = lane->log_next; n != lane->log_first; n--) {
		const struct log_entry *entry = asklog_entry(lane, n - 1);

		if (entry->sent_ns < lane->last_ask_ns - 2 * interval_ns(lane))
			break;
		if (entry->slot == NO_INDEX || entry->answered || entry->none_there)
			continue;
		if (entry->refused || !entry->expired)
			return entry->sent_ns > silent_ns ? entry->sent_ns : silent_ns;
		if (nobody < loss)
			continue;
		nobody *= 1 - entry->expected * (1 - loss);
		if (nobody < loss)
			silent_ns = entry->sent_ns;
	}
	return silent_ns;
}

/* The same, with room for the estimate of what overtakes what to grow until the proof. */
static int64_t provable_ns(const struct lane *lane)
{
	return surely_ns(lane) + 2 * send_gap(lane) - order_gap(lane);
}

/* When the next volley is to go out: from low_ns on there may be an error for it, from high_ns on there is. The two differ where
 * packets overtake each other: then nobody knows exactly when the error before was taken. */
static void next_error(struct lane *lane, int64_t *low_ns, int64_t *high_ns)
{
	struct volley *volley = &lane->volley;
	int64_t taken_ns = last_taker(lane), wait_ns = interval_ns(lane) + TRY_US * 1000;

	if (2 * send_gap(lane) < SPACING * (double)interval_ns(lane)) {
		/* Until it was seen how soon the next error comes, it is tried for as soon as it may come. */
		if (volley->shortest_ns > 0 && provable_ns(lane) <= (int64_t)((1 + SPACING) * (double)wait_ns))
			wait_ns = provable_ns(lane);
		*low_ns = *high_ns = taken_ns + wait_ns;
		return;
	}
	*low_ns = taken_ns + wait_ns + (taken_ns == volley->refused_ns ? volley->least_late_ns : 0);
	*high_ns = taken_ns + wait_ns + (taken_ns == volley->refused_ns ? volley->most_late_ns : order_gap(lane));
}

/* When the last volley may go out: what it proves must be beyond doubt. */
static int64_t sure_error(struct lane *lane)
{
	int64_t taken_ns = loss_is_unlikely(lane) ? last_taker(lane) : taker_before(lane, INT64_MAX);

	return taken_ns + provable_ns(lane);
}

/* Few refusals are expected of all ports not yet proved silent; or each was asked since the last refusal. */
static bool is_last(struct lane *lane)
{
	const struct port_slot *slot = head(lane, &lane->retry);
	double expected = 0;

	if (fresh_head(lane))
		return false;
	if (slot && slot->epoch == lane->epoch)
		return true;
	for (uint32_t left = slot ? lane->retry.count : 0; left > 0 && expected < FEW; left--) {
		expected += share_of(lane, slot);
		slot = slot->next == NO_INDEX ? NULL : &lane->scan->slots[slot->next];
	}
	return expected < FEW;
}

/* The last volley is over and none of it was refused: either nobody of it refuses, or an error was lost. Ports in plenty can as well be
 * asked at once as when the next error will surely be there. */
static bool asks_at_once(const struct lane *lane)
{
	const struct volley *volley = &lane->volley;

	return volley->refusals == lane->refusals && lane->outstanding == 0 && !volley->at_once;
}

/* False: not yet. */
static bool begin(struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	struct volley *volley = &lane->volley;
	bool last;
	int64_t at_ns, high_ns;

	if (volley->closed + volley->silent <= 0)
		volley->closed = CLOSED_AT_FIRST;
	last = is_last(lane);
	if (last && lane->outstanding > 0)
		return false;
	if (last && !head(lane, &lane->retry) && !head(lane, &lane->suspects))
		return false;
	next_error(lane, &at_ns, &high_ns);
	if (last)
		at_ns = high_ns = sure_error(lane);
	else if (asks_at_once(lane))
		at_ns = high_ns = now_ns;
	if (asks_are_dear(lane))
		at_ns = high_ns;
	if (now_ns < at_ns) {
		wake_at(wake_ns, at_ns);
		return false;
	}
	volley->trials += volley->trying;
	volley->in_vain = lane->refusals == volley->refusals && lane->outstanding == 0 ? volley->in_vain + 1 : 0;
	volley->at_once = !last && asks_at_once(lane);
	volley->refusals = lane->refusals;
	volley->high_ns = high_ns;
	volley->counted = false;
	volley->spaced = is_spaced(lane);
	volley->early = volley->spaced || high_ns <= now_ns ? 0 : (uint32_t)(EARLY_EXPECTED / closed_left(lane)) + 1;
	volley->early_gap_ns = volley->early > 0 ? (high_ns - now_ns) / volley->early : 0;
	volley->open = true;
	volley->is_last = last;
	volley->first = lane->log_next;
	volley->began_ns = now_ns;
	volley->nobody = 1;
	volley->expected = 0;
	volley->suspects = suspects_in_front(lane);
	volley->sentinels = loss_is_unlikely(lane) ? 1 : SENTINELS_IF_LOSSY;
	if (last) {
		while (head(lane, &lane->retry))
			enqueue(lane, &lane->suspects, dequeue(lane, &lane->retry));
		lane->round++; /* what was asked before is not proved by this volley */
	}
	return true;
}

/* It still needs asks: a suspect that does not is settled. */
static struct port_slot *next_suspect(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns)
{
	struct port_slot *slot;

	while ((slot = head(lane, &lane->suspects)) && silences_missing(e, lane, slot) == 0) {
		dequeue(lane, &lane->suspects);
		settle_silent(e, host, slot, "silent-while-refusing", now_ns);
	}
	return slot;
}

static bool is_full(const struct lane *lane, int64_t now_ns)
{
	return lane->log_next - lane->volley.first >= MOST_ASKS ||
	       (double)(now_ns - lane->volley.began_ns) > LONGEST_VOLLEY * (double)interval_ns(lane);
}

/* Probability that none of a volley is refused: low enough. Where nearly all ports refuse each ask more is a waste, as long as silence does
 * not take long to be noticed. */
static double nobody_wanted(const struct lane *lane)
{
	double share = SILENCE_COSTS * (double)interval_ns(lane) / (double)ask_timeout(lane);

	if (!asks_are_dear(lane) || lane->volley.in_vain > 0)
		return NOBODY;
	if (all_may_refuse(lane))
		return 1 - DEAR_AT_FIRST;
	return share < NOBODY_LEAST ? NOBODY_LEAST : share < NOBODY_MOST ? share : NOBODY_MOST;
}

/* In this volley already: its ask timed out meanwhile. */
static bool was_asked(const struct lane *lane, const struct port_slot *slot)
{
	return slot->stage != STAGE_FRESH && slot->last_sent_ns >= lane->volley.began_ns;
}

/* Suspects in front, to be proved once more, then ports until one of them should be refused. */
static struct choice next_of_volley(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns,
                                    int64_t *wake_ns)
{
	struct volley *volley = &lane->volley;
	struct port_slot *slot = NULL;

	if (volley->spaced && lane->log_next != volley->first && now_ns < lane->last_ask_ns + send_gap(lane)) {
		wake_at(wake_ns, lane->last_ask_ns + send_gap(lane));
		return (struct choice){0};
	}
	if (volley->early > 0 && lane->log_next != volley->first && now_ns < lane->last_ask_ns + volley->early_gap_ns) {
		wake_at(wake_ns, lane->last_ask_ns + volley->early_gap_ns);
		return (struct choice){0};
	}
	if (volley->early == 0 && now_ns < volley->high_ns) {
		wake_at(wake_ns, volley->high_ns);
		return (struct choice){0};
	}
	if (volley->suspects > 0) {
		volley->suspects--;
		slot = next_suspect(e, host, lane, now_ns);
		if (slot && was_asked(lane, slot))
			slot = NULL;
	}
	if (!slot) {
		volley->suspects = 0;
		slot = head(lane, &lane->retry);
		/* Asked since the last refusal already: another port is the better question. */
		if (!slot || (slot->epoch == lane->epoch && fresh_head(lane)))
			slot = fresh_head(lane);
	}
	if (!slot || volley->nobody < nobody_wanted(lane) || is_full(lane, now_ns) || was_asked(lane, slot)) {
		volley->open = false;
		return (struct choice){0};
	}
	if (volley->early > 0) {
		volley->early--;
		return take(lane, slot);
	}
	volley->nobody *= 1 - share_of(lane, slot) * (1 - loss_of(lane));
	volley->expected += share_of(lane, slot);
	return take(lane, slot);
}

/* Every suspect as often as it still needs, a little apart, and a sentinel behind them all. */
static struct choice next_of_last(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns,
                                  int64_t *wake_ns)
{
	struct volley *volley = &lane->volley;

	for (uint32_t turns = is_full(lane, now_ns) ? 0 : lane->suspects.count; turns > 0; turns--) {
		struct port_slot *slot = next_suspect(e, host, lane, now_ns);

		if (!slot)
			break;
		if (unproven_asks(lane, slot) < silences_missing(e, lane, slot)) {
			if (now_ns < slot->last_sent_ns + COPY_GAP_MS * MS) {
				wake_at(wake_ns, slot->last_sent_ns + COPY_GAP_MS * MS);
				return (struct choice){0};
			}
			enqueue(lane, &lane->suspects, dequeue(lane, &lane->suspects));
			volley->nobody *= 1 - share_of(lane, slot) * (1 - loss_of(lane));
			return (struct choice){.slot = slot, .stays = true};
		}
		enqueue(lane, &lane->suspects, dequeue(lane, &lane->suspects));
	}
	if (lane->log_next == volley->first) {
		volley->open = false;
		return (struct choice){0};
	}
	if (now_ns <
	    lane->last_ask_ns + send_gap(lane)) { /* a sentinel must not overtake the asks that it is to prove */
		wake_at(wake_ns, lane->last_ask_ns + send_gap(lane));
		return (struct choice){0};
	}
	volley->open = --volley->sentinels > 0;
	return (struct choice){.slot = &lane->scan->slots[lane->scan->sentinel], .sentinel = true};
}

struct choice choose_interval(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	struct volley *volley = &lane->volley;
	struct choice choice;

	lane->checking = lane->drain = false;
	/* On trial a port known to refuse comes last: were there no limit, or another one, that would show. */
	if (volley->trying && !volley->open && volley->sentinels > 0 && lane->refusals != volley->refusals &&
	    now_ns < volley->refused_ns + nearest_ns(lane)) {
		volley->sentinels = 0;
		return (struct choice){.slot = &lane->scan->slots[lane->scan->sentinel], .sentinel = true};
	}
	for (int tries = 0; tries < 2; tries++) {
		if (!volley->open && !begin(lane, now_ns, wake_ns))
			break;
		choice = volley->is_last ? next_of_last(e, host, lane, now_ns, wake_ns)
		                         : next_of_volley(e, host, lane, now_ns, wake_ns);
		if (choice.slot || volley->open)
			return choice;
	}
	return (struct choice){0};
}

/* What that one ask did says that those near to it got nothing. Returns the first of them. */
static uint32_t mark_none_there(struct lane *lane, uint32_t number)
{
	int64_t sent_ns = asklog_entry(lane, number)->sent_ns, near_ns = nearest_ns(lane);
	uint32_t first = number;

	while (first != lane->log_first && asklog_entry(lane, first - 1)->sent_ns > sent_ns - near_ns)
		first--;
	for (uint32_t n = first; n != lane->log_next && asklog_entry(lane, n)->sent_ns < sent_ns + near_ns; n++)
		if (n != number && !asklog_entry(lane, n)->refused)
			asklog_entry(lane, n)->none_there = true;
	return first;
}

/* One error came, and none for a port known to refuse asked a moment later: perhaps there is one at a time. Whether the next one comes
 * when it then should is found out by asking as if it were so. */
static bool begin_trial(struct lane *lane, int64_t now_ns)
{
	struct volley *volley = &lane->volley;
	uint32_t n = lane->log_next;
	bool overdue;

	if (volley->tried || lane->refusals == 0 || lane->refusals > MOST_BEFORE_TRIAL ||
	    lane->usual.fits[USUAL_INTERVAL].dead || lane->index > lane->scan->teacher)
		return false;
	while (n != lane->log_first && !asklog_entry(lane, n - 1)->refused)
		n--;
	if (n == lane->log_first)
		return false;
	/* Where the round trip is long, the trial itself takes no longer than what else would be asked. */
	overdue = now_ns >= asklog_entry(lane, n - 1)->sent_ns + interval_ns(lane);
	if (lane->limiter.phase == LIMITER_UNSEEN ? lane->sentinels_silent == 0 && !(lane->checking && overdue)
	                                          : !lane->usual.met && !overdue)
		return false;
	volley->tried = volley->trying = true;
	volley->refusals = NO_INDEX;
	volley->refused_ns = asklog_entry(lane, n - 1)->sent_ns;
	mark_none_there(lane, n - 1);
	return true;
}

static void end_trial(struct lane *lane)
{
	lane->volley.trying = lane->volley.open = false;
	if (lane->limiter.phase == LIMITER_UNSEEN)
		check_begin(lane, lane->last_ask_ns);
}

bool interval_governs(const struct lane *lane)
{
	return lane->patient_ns == 0 && (limiter_is_interval(&lane->limiter) || lane->volley.trying);
}

bool interval_is_next(struct lane *lane, int64_t now_ns)
{
	struct volley *volley = &lane->volley;
	const struct usual_limit *limit = &usual_limits[USUAL_INTERVAL];
	bool sure;

	if (volley->trying && usual_best(&lane->usual, &sure) == USUAL_INTERVAL && sure) {
		limiter_recognise(&lane->limiter, limit->per_s, limit->burst, 0, lane->last_ask_ns);
		volley->trying = false;
	}
	if (volley->trying &&
	    (lane->usual.fits[USUAL_INTERVAL].dead || volley->in_vain >= SILENT_TRIALS || volley->trials > MOST_TRIALS))
		end_trial(lane);
	return interval_governs(lane) || (lane->patient_ns == 0 && begin_trial(lane, now_ns));
}

void interval_asked(struct lane *lane, const struct port_slot *slot, struct log_entry *entry)
{
	entry->expected = (float)share_of(lane, slot);
	entry->none_there = entry->sent_ns < lane->volley.refused_ns + nearest_ns(lane);
	entry->token = entry->sent_ns >= lane->volley.high_ns && !lane->volley.at_once && !entry->none_there;
}

/* When the ask arrived, and took the error: the more its round trip was above the shortest, the less is known. */
static void learn_lateness(struct lane *lane, int64_t sent_ns, int64_t at_ns)
{
	struct volley *volley = &lane->volley;
	int64_t late_ns, gap_ns = order_gap(lane);

	if (volley->least_rtt_ns == 0 || at_ns - sent_ns < volley->least_rtt_ns)
		volley->least_rtt_ns = at_ns - sent_ns;
	late_ns = at_ns - sent_ns - volley->least_rtt_ns;
	if (sent_ns < volley->refused_ns)
		return;
	volley->refused_ns = sent_ns;
	volley->least_late_ns = late_ns > gap_ns ? late_ns - gap_ns : 0;
	volley->most_late_ns = late_ns < gap_ns ? late_ns : gap_ns;
}

/* They got nothing, and are free to be asked again; that should not wait for their timeout when the next error is due before. */
static void ask_again(struct engine *e, struct host *host, struct lane *lane, uint32_t refused, int64_t now_ns)
{
	int64_t sent_ns = asklog_entry(lane, refused)->sent_ns;

	for (uint32_t n = refused + 1; n != lane->log_next; n++) {
		struct log_entry *entry = asklog_entry(lane, n);

		if (entry->none_there && !entry->sentinel && !entry->bracketed &&
		    entry->sent_ns + ask_timeout(lane) > sent_ns + interval_ns(lane))
			asklog_in_vain(e, host, lane, entry, now_ns);
	}
}

/* How soon one error surely follows another: the longest time of several in a row. One alone may be of a bucket that had two. */
static void learn_interval(struct lane *lane, uint32_t number)
{
	struct volley *volley = &lane->volley;
	int64_t longest_ns = 0, apart_ns = asklog_entry(lane, number)->sent_ns - volley->refused_ns;

	if (apart_ns < interval_ns(lane))
		return;
	volley->apart_ns[volley->apart_count++ % VOLLEY_TIMES] = apart_ns;
	if (volley->apart_count < VOLLEY_TIMES)
		return;
	for (size_t i = 0; i < VOLLEY_TIMES; i++)
		longest_ns = volley->apart_ns[i] > longest_ns ? volley->apart_ns[i] : longest_ns;
	if (longest_ns < 2 * interval_ns(lane) && (volley->shortest_ns == 0 || longest_ns < volley->shortest_ns))
		volley->shortest_ns = longest_ns;
}

/* It is another limit after all. */
static void doubt(struct lane *lane, int64_t at_ns)
{
	lane->scan->loss = (struct loss){0}; /* what seemed lost never was there */
	lane->volley.trying = false;
	usual_forget(&lane->usual, usual_limits[USUAL_INTERVAL].per_s);
	limiter_doubt(&lane->limiter, at_ns);
}

/* Errors that should have come did not so often that it is not loss. */
static bool too_much_is_lost(const struct lane *lane)
{
	const struct loss *loss = &lane->scan->loss;

	return loss->asked >= ASKED_FOR_DOUBT && loss->lost >= LOST_FOR_DOUBT * loss->asked;
}

/* Another ask was refused so near to it in time that no host with one error at a time has both. */
static bool is_contradicted(struct lane *lane, uint32_t number)
{
	int64_t sent_ns = asklog_entry(lane, number)->sent_ns, near_ns = nearest_ns(lane);

	for (uint32_t n = lane->log_next; n != lane->log_first; n--) {
		const struct log_entry *entry = asklog_entry(lane, n - 1);

		if (entry->sent_ns <= sent_ns - near_ns)
			break;
		if (n - 1 != number && entry->refused && entry->sent_ns < sent_ns + near_ns)
			return true;
	}
	return false;
}

/* Nobody of the volley refuses then, or the error was lost. */
void interval_silent(struct lane *lane, const struct log_entry *entry)
{
	double nobody = lane->volley.nobody, lost = (1 - nobody) * loss_estimate(&lane->scan->loss);

	if (entry->none_there)
		return;
	if (!entry->sentinel) {
		count_left(lane, 0, nobody / (nobody + lost));
	} else if (entry->token && !lane->volley.counted) { /* with the others of its volley it says no more than one */
		lane->volley.counted = true;
		loss_answered(&lane->scan->loss, 1);
	}
}

/* Of the ports asked so far nearly all are settled. */
static bool few_are_left(const struct lane *lane)
{
	return (double)lane->scan->settled > MOSTLY_SETTLED * (double)lane->scan->fresh_next;
}

/* Where the order of a volley is kept, those in front of the refused one are silent, it seems; where not, that one of them was
 * refused tells the more the less it was expected. */
static void learn_share(struct lane *lane, uint32_t number)
{
	const struct volley *volley = &lane->volley;
	int64_t sent_ns = asklog_entry(lane, number)->sent_ns;
	double silent = 0;

	if (asklog_entry(lane, number)->sentinel)
		return;
	if (!is_spaced(lane)) {
		double told = few_are_left(lane) ? SUCCESS_COUNTS : 0;

		if (volley->nobody < 1)
			told += volley->expected * volley->nobody / ((1 - volley->nobody) * (1 - closed_left(lane)));
		count_left(lane, fmin(told, 1), 0);
		return;
	}
	for (uint32_t n = number; n != lane->log_first; n--) {
		const struct log_entry *entry = asklog_entry(lane, n - 1);

		if (entry->none_there || entry->refused || entry->sent_ns < sent_ns - nearest_ns(lane))
			break;
		silent +=
		        (entry->token || !few_are_left(lane)) && !entry->answered && !entry->expired && !entry->sentinel
		                ? 1 - entry->expected * loss_of(lane)
		                : 0;
	}
	count_left(lane, 1, silent);
}

/* The port refuses, as is known now, and there was an error for the ask before, which nobody got: one was lost. */
static void learn_loss(struct lane *lane, const struct log_entry *refused)
{
	struct log_entry *before;
	uint32_t n;

	if (refused->attempt == 0)
		return;
	before = asklog_find(lane, &lane->scan->slots[refused->slot], (uint16_t)(refused->attempt - 1), &n);
	if (!before || before->refused || before->answered || !before->expired || !before->token ||
	    before->none_there || before->bracketed)
		return;
	mark_none_there(lane, n);
	loss_answered(&lane->scan->loss, 1);
}

void interval_refused(struct engine *e, struct host *host, struct lane *lane, uint32_t number, int64_t at_ns)
{
	struct log_entry *refused = asklog_entry(lane, number);
	int64_t sent_ns = refused->sent_ns, gap_ns = order_gap(lane);
	int64_t sure_ns = taker_before(lane, sent_ns - nearest_ns(lane)) + surely_ns(lane) + gap_ns;

	learn_interval(lane, number);
	learn_share(lane, number);
	learn_loss(lane, refused);
	if (is_contradicted(lane, number) || too_much_is_lost(lane))
		doubt(lane, sent_ns);
	if (!interval_governs(lane))
		return;
	learn_lateness(lane, sent_ns, at_ns);
	if (number - lane->volley.first < lane->log_next - lane->volley.first)
		lane->volley.open = false;
	for (uint32_t n = mark_none_there(lane, number); n != number; n++) {
		struct log_entry *entry = asklog_entry(lane, n);

		if (entry->sent_ns > sent_ns - gap_ns || lane->volley.trying)
			break;
		if (entry->sent_ns < sure_ns || entry->slot == NO_INDEX || entry->refused || entry->answered ||
		    entry->bracketed || entry->sentinel || lane->scan->slots[entry->slot].stage == STAGE_SETTLED)
			continue;
		entry->bracketed = true;
		entry->bracket = number;
		if (entry->expired)
			count_silence(e, host, lane, entry, at_ns);
	}
	ask_again(e, host, lane, number, at_ns);
}
