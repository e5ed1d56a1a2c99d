/* volley.c: what to ask a host that gives one ICMP error at a time, with a least time between two (Cisco IOS: 500 ms), and when.
 *
 * Asks go out in volleys, one for each error: so many ports at once that one of them very probably takes it. The next volley comes
 * when the next error is due, by the clock if the round trip is longer than that. Where packets overtake each other nobody
 * knows exactly when that is: then the volley begins early and ends when an error is surely there. Where nearly all ports
 * refuse, one ask is enough. When hardly a refusal can be expected any more, the last volley proves what is left, with a
 * sentinel behind it. */
#include "interval.h"

enum {
	MOST_ASKS = 1024,       /* in a volley: a tenth of a second at 10,000 a second */
	MOST_SUSPECTS = 64,     /* in front of a volley, to be proved by its refusal */
	SENTINELS_IF_LOSSY = 3, /* one answer at least should come */
	TRY_US = 1000,          /* after the least time: the host's clock and the path are not that exact */
};
#define EARLY_EXPECTED  4     /* refusals expected of those asked before an error is surely there */
#define NOBODY          0.01  /* probability that none of a volley is refused: low enough; ... */
#define NOBODY_LEAST    0.03  /* ... where asks are dear, this ... */
#define NOBODY_MOST     0.1   /* ... to that, ... */
#define SILENCE_COSTS   0.005 /* ... so that waiting for answers that do not come takes this part of the time */
#define CLOSED_AT_FIRST 2.5   /* ports seen to refuse, as it were, before any was asked */
#define NEARLY_ALL      0.9   /* share of closed ports from which on asks are dear; ... */
#define DEAR_AT_FIRST   0.65  /* ... as long as no port was proved silent */
#define LONGEST_VOLLEY  0.3   /* intervals */
#define FEWER_THAN_ONE  0.7   /* refusals expected of all that is left: time for the last volley */

/* Suspects that may go in front without delaying the others. */
static uint32_t suspects_in_front(const struct lane *lane)
{
	double count = SPACING * (double)interval_ns(lane) / (double)send_gap(lane);

	if (!interval_is_spaced(lane))
		return 0;
	return count < MOST_SUSPECTS ? (uint32_t)count : MOST_SUSPECTS;
}

/* As long as no silence was proved perhaps all ports refuse. If not, one that stays silent is noticed soon. */
static bool all_may_refuse(const struct lane *lane)
{
	return interval_closed(lane) > DEAR_AT_FIRST && lane->scan->silent_weight <= 0 && !lane->volley.trying &&
	       2 * ask_timeout(lane) < interval_ns(lane);
}

/* Nearly all ports refuse: each ask more than one is a waste. */
static bool asks_are_dear(const struct lane *lane)
{
	return interval_closed(lane) > NEARLY_ALL || all_may_refuse(lane);
}

/* When the ask was sent that most probably took the error last. Silence of many that should have been refused is rather an
 * error lost than silent ports. */
static int64_t last_taker(struct lane *lane)
{
	double nobody = 1, loss = interval_loss(lane);
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

/* Time from one error to the next that is surely there, with room for the estimate of what overtakes what to grow until the proof. */
static int64_t provable_ns(const struct lane *lane)
{
	return interval_surely(lane) + 2 * send_gap(lane) - order_gap(lane);
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
	int64_t taken_ns = interval_trusts_path(lane) ? last_taker(lane) : interval_taker(lane, INT64_MAX);

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
	for (uint32_t left = slot ? lane->retry.count : 0; left > 0 && expected < FEWER_THAN_ONE; left--) {
		expected += interval_share(lane, slot);
		slot = slot->next == NO_INDEX ? NULL : &lane->scan->slots[slot->next];
	}
	return expected < FEWER_THAN_ONE;
}

/* The last volley is over and none of it was refused: either nobody of it refuses, or an error was lost. Ports in plenty can as well be
 * asked at once as when the next error will surely be there. */
static bool asks_at_once(const struct lane *lane)
{
	const struct volley *volley = &lane->volley;

	return volley->refusals == lane->refusals && lane->outstanding == 0 && !volley->at_once;
}

/* When the next volley is to begin, and from when on there is an error for it; NEVER: something is to be decided first. */
static int64_t next_volley(struct lane *lane, bool last, int64_t now_ns, int64_t *high_ns)
{
	int64_t at_ns;

	if (last) {
		*high_ns = lane->outstanding > 0 || !(head(lane, &lane->retry) || head(lane, &lane->suspects))
		                   ? NEVER
		                   : sure_error(lane);
		return *high_ns;
	}
	if (asks_at_once(lane))
		at_ns = *high_ns = now_ns;
	else
		next_error(lane, &at_ns, high_ns);
	return asks_are_dear(lane) ? *high_ns : at_ns;
}

static void begin(struct lane *lane, bool last, int64_t now_ns, int64_t high_ns)
{
	struct volley *volley = &lane->volley;

	volley->trials += volley->trying;
	if (lane->refusals != volley->refusals || lane->outstanding > 0)
		volley->in_vain = 0;
	else if (volley->in_vain < UINT8_MAX)
		volley->in_vain++;
	volley->at_once = !last && asks_at_once(lane);
	volley->refusals = lane->refusals;
	volley->high_ns = high_ns;
	volley->loss_counted = false;
	volley->spaced = interval_is_spaced(lane);
	volley->early =
	        volley->spaced || high_ns <= now_ns ? 0 : (uint32_t)(EARLY_EXPECTED / interval_closed(lane)) + 1;
	volley->early_gap_ns = volley->early > 0 ? (high_ns - now_ns) / volley->early : 0;
	volley->open = true;
	volley->is_last = last;
	volley->first = lane->log_next;
	volley->began_ns = now_ns;
	volley->nobody = 1;
	volley->expected = 0;
	volley->suspects = suspects_in_front(lane);
	volley->sentinels = interval_trusts_path(lane) ? 1 : SENTINELS_IF_LOSSY;
	if (!last)
		return;
	suspect_all(lane);
	lane->round++; /* what was asked before is not proved by this volley */
}

/* The last volley was not the last: ports of it about which nothing was proved are no suspects. */
static void part_again(struct lane *lane)
{
	if (!lane->volley.is_last)
		return;
	lane->volley.is_last = false;
	unsuspect_unproved(lane);
}

/* Begins the next volley if it is time. */
static bool begins(struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	int64_t at_ns, high_ns;
	bool last;

	if (lane->volley.closed + lane->volley.silent <= 0)
		lane->volley.closed = CLOSED_AT_FIRST;
	part_again(lane);
	last = is_last(lane);
	at_ns = next_volley(lane, last, now_ns, &high_ns);
	if (now_ns < at_ns) {
		wake_at(wake_ns, at_ns);
		return false;
	}
	begin(lane, last, now_ns, high_ns);
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
	volley->nobody *= 1 - interval_share(lane, slot) * (1 - interval_loss(lane));
	volley->expected += interval_share(lane, slot);
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
			rotate(lane, &lane->suspects);
			volley->nobody *= 1 - interval_share(lane, slot) * (1 - interval_loss(lane));
			return (struct choice){.slot = slot, .stays = true};
		}
		rotate(lane, &lane->suspects);
	}
	if (lane->log_next == volley->first) {
		volley->open = false;
		return (struct choice){0};
	}
	/* A sentinel must not overtake the asks that it is to prove. */
	if (now_ns < lane->last_ask_ns + send_gap(lane)) {
		wake_at(wake_ns, lane->last_ask_ns + send_gap(lane));
		return (struct choice){0};
	}
	volley->open = --volley->sentinels > 0;
	return sentinel_choice(lane);
}

struct choice choose_interval(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	struct volley *volley = &lane->volley;
	struct choice choice;

	lane->checking = lane->drain = false;
	/* On trial a port known to refuse comes last: were there no limit, or another one, that would show. */
	if (volley->trying && !volley->open && volley->sentinels > 0 && lane->refusals != volley->refusals &&
	    now_ns < volley->refused_ns + interval_nearest(lane)) {
		volley->sentinels = 0;
		return sentinel_choice(lane);
	}
	for (int tries = 0; tries < 2; tries++) {
		if (!volley->open && !begins(lane, now_ns, wake_ns))
			break;
		choice = volley->is_last ? next_of_last(e, host, lane, now_ns, wake_ns)
		                         : next_of_volley(e, host, lane, now_ns, wake_ns);
		if (choice.slot || volley->open)
			return choice;
	}
	return (struct choice){0};
}
