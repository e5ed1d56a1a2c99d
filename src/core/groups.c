/* groups.c: asks that are sent together so that the refusals behind them prove something: checks, patient groups, groups of a host without
 * a limit, and the last group. A group is: a lead, if the proof needs one (needs_lead), the suspects, a row of sentinels. */
#include "asking.h"

enum {
	LONGEST_GROUP_MS = 500,  /* with --max-rate a group takes time, and what it proves must lie close together */
	SUSPECTS_PER_GROUP = 64, /* no limit met: one row of sentinels behind so many, so that one lost costs little */
	SUSPECTS_PER_SENTINEL = 256, /* limited: sentinels are dear */
	EMPTIES_FOR_SENTINEL = 2,    /* checks in a row that found nothing: ports never asked may all be silent */
};
#define MOST_SPACING     0.01 /* tokens that may come between two asks kept apart */
#define MOST_COPY_GAP    0.05 /* tokens that may come while the answer to a first ask is awaited */
#define STALE_ASKS       0.5  /* tokens that came since the last ask of a group that was not finished */
#define STALE_IF_COUNTED 0.01 /* the same, where one refusal just behind is the proof */
#define PATIENT_EXPECTED                                                                                               \
	1.5 /* refusals expected from the ports of a patient group: one of them takes the token, most likely */
#define FEWEST_CLOSED 0.06 /* share of closed ports below which it takes too many fresh ones to find two */
/* Refusals expected of the fresh ports that close a check: before a limit is met, while its first new token is looked for, and beyond
 * those that a proof needs. */
#define TAKERS_UNSEEN   1.5
#define TAKERS_LEARNING 0.5
#define TAKERS_SPARE    0.5
/* Refusals expected from the ports of a check. A sentinel that tells nothing else is a waste: the more likely one is, the more ports go
 * in front. */
#define CHECK_OF_REST   6.0 /* no fresh port can take the sentinel's place */
#define CHECK_OF_CLOSED 1.5 /* nearly all ports refuse: two asks or so tell */
#define CHECK_OF_MIXED  2.5

/* The next of the row of sentinels that closes a group of asks: as many as a proof needs. */
static struct choice sentinel(struct lane *lane)
{
	if (lane->sentinels_due == 0) {
		lane->sentinels_due = refusals_for_proof(lane);
		if (lane->sentinels_due == 0)
			lane->sentinels_due = 1; /* to a full bucket: one tells that the path is alive */
	}
	if (--lane->sentinels_due == 0)
		lane->group = 0;
	return sentinel_choice(lane);
}

bool too_close(const struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	int64_t free_ns = lane->last_suspect_ns + send_gap(lane);

	if (now_ns >= free_ns)
		return false;
	wake_at(wake_ns, free_ns);
	return true;
}

bool has_lead(const struct lane *lane, int64_t now_ns)
{
	return needs_lead(lane) && now_ns - lane->lead_ns <= lead_window(lane) / 2;
}

/* The ask in front of a group of suspects, if the proof needs one and there is none lately. Only true when it is chosen. */
static bool take_lead(struct lane *lane, int64_t now_ns, struct choice *choice)
{
	struct port_slot *fresh = fresh_head(lane);

	if (!needs_lead(lane) || has_lead(lane, now_ns))
		return false;
	lane->lead_ns = lane->last_suspect_ns = now_ns;
	if (fresh && closed_share(lane) > MOSTLY_CLOSED)
		*choice = take(lane, fresh);
	else
		*choice = (struct choice){.slot = &lane->scan->slots[lane->scan->sentinel]};
	return true;
}

bool choose_lead(struct lane *lane, int64_t now_ns, int64_t *wake_ns, struct choice *choice)
{
	if (take_lead(lane, now_ns, choice))
		return true;
	*choice = (struct choice){0};
	return needs_lead(lane) && too_close(lane, now_ns, wake_ns);
}

bool not_spaced(const struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	int64_t gap_ns = send_gap(lane);

	if (now_ns >= lane->last_ask_ns + gap_ns || (double)gap_ns / 1e9 * lane->limiter.rate > MOST_SPACING)
		return false;
	wake_at(wake_ns, lane->last_ask_ns + gap_ns);
	return true;
}

/* Ports never asked make as good an end of a check as sentinels, and no token is spent on what is known. Only when that told nothing do
 * sentinels have to. While the first new token is looked for that is no harm: a token that no port takes is found by the next test. */
static bool takers_wanted(const struct lane *lane)
{
	double wanted = refusals_for_proof(lane) + TAKERS_SPARE;

	if (lane->sentinels_due > 0)
		return false;
	if (lane->limiter.phase != LIMITER_KNOWN && !lane->usual.fits[USUAL_INTERVAL].dead)
		return false;
	if (lane->limiter.phase == LIMITER_LEARNING)
		return lane->check_taken < TAKERS_LEARNING;
	if (lane->limiter.phase == LIMITER_UNSEEN)
		return !usual_none(&lane->usual) && lane->sentinels_silent == 0 && lane->check_taken < TAKERS_UNSEEN;
	return lane->sentinels_silent == 0 && lane->empties_in_row < EMPTIES_FOR_SENTINEL &&
	       closed_share(lane) > FEWEST_CLOSED && lane->check_taken < wanted;
}

static double check_size(const struct lane *lane, const struct port_slot *fresh)
{
	bool learning = lane->limiter.phase != LIMITER_KNOWN;

	if (!fresh)
		return learning ? CHECK_OF_MIXED : CHECK_OF_REST;
	if (closed_share(lane) > MOSTLY_CLOSED)
		return CHECK_OF_CLOSED - (learning ? TAKERS_LEARNING : 0);
	return CHECK_OF_MIXED;
}

/* Some ports of a silence once more, and a sentinel behind them, all at once. */
struct choice choose_check(struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	struct port_slot *slot = head(lane, &lane->retry), *fresh = fresh_head(lane);
	struct choice choice;

	if (lane->check_closed)
		return (struct choice){0};
	if (lane->check_asked == 0 && !lane->check_lead) {
		if (level_is_low(lane, proof_level(lane), now_ns, wake_ns))
			return (struct choice){0};
		if (slot && lane->limiter.phase != LIMITER_LEARNING && take_lead(lane, now_ns, &choice)) {
			lane->check_level = limiter_level(&lane->limiter, now_ns);
			lane->check_lead = true;
			return choice;
		}
	}
	if (lane->check_lead && lane->check_asked == 0 && too_close(lane, now_ns, wake_ns))
		return (struct choice){0};
	if (lane->check_asked == 0 && lane->check_level <= 0)
		lane->check_level = limiter_level(&lane->limiter, now_ns);
	if (slot && lane->check_left > 0 && lane->check_expected < check_size(lane, fresh) &&
	    lane->sentinels_due == 0) {
		lane->check_left--;
		lane->check_asked++;
		lane->check_expected += refusal_expected(lane, slot);
		choice = take(lane, slot);
	} else if (too_close(lane, now_ns, wake_ns)) {
		return (struct choice){0};
	} else if (fresh && takers_wanted(lane)) {
		if (not_spaced(lane, now_ns, wake_ns))
			return (struct choice){0};
		lane->check_taken += refusal_expected(lane, fresh);
		choice = take(lane, fresh);
		lane->check_closed = !fresh_head(lane) || !takers_wanted(lane);
	} else {
		choice = sentinel(lane);
		lane->check_closed = lane->sentinels_due == 0;
	}
	lane->check_out++;
	choice.check = true;
	return choice;
}

/* After a pause in which any bucket got a token: ports until a refusal can be expected, then one sentinel. */
struct choice choose_patient(struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	int64_t longest_ns =
	        lane->patient_ns / 4 < LONGEST_GROUP_MS * MS ? lane->patient_ns / 4 : LONGEST_GROUP_MS * MS;
	struct port_slot *slot = head(lane, &lane->retry);
	struct choice choice;

	if (lane->check_closed)
		return (struct choice){0};
	if (lane->check_asked == 0 && (lane->outstanding > 0 || now_ns < lane->last_ask_ns + lane->patient_ns)) {
		wake_at(wake_ns, lane->outstanding > 0 ? NEVER : lane->last_ask_ns + lane->patient_ns);
		return (struct choice){0};
	}
	if (!slot)
		slot = head(lane, &lane->suspects);
	if (!slot)
		slot = fresh_head(lane);
	if (lane->check_asked == 0)
		lane->group_ns = now_ns;
	if (slot && lane->check_left > 0 && lane->check_expected < PATIENT_EXPECTED &&
	    now_ns - lane->group_ns < longest_ns) {
		lane->check_left--;
		lane->check_asked++;
		lane->check_expected += refusal_expected(lane, slot);
		lane->last_suspect_ns = now_ns;
		choice = take(lane, slot);
	} else if (too_close(lane, now_ns, wake_ns)) {
		return (struct choice){0};
	} else {
		lane->sentinels_due = 0;
		choice = sentinel(lane);
		lane->check_closed = true;
	}
	lane->check_out++;
	choice.check = true;
	return choice;
}

/* Fresh ports first; what stayed silent is asked again in groups, each with its sentinels behind it; in roll calls once there were more errors
 * than the small buckets in wide use hold, which have to show themselves in groups. */
struct choice choose_unlimited(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	struct port_slot *slot = fresh_head(lane);
	struct choice choice;

	if (lane->collect.roll_call.stage != ROLL_CALL_NONE)
		return choose_roll_call(e, host, lane, now_ns, wake_ns);
	if (lane->sentinels_due == 0 && lane->outstanding >= lane->window)
		return (struct choice){0};
	if (lane->sentinels_due == 0 && slot)
		return take(lane, slot);
	slot = head(lane, &lane->retry);
	if (!slot)
		slot = head(lane, &lane->suspects);
	if (slot && usual_none(&lane->usual) && lane->group == 0 && lane->sentinels_due == 0)
		return choose_roll_call(e, host, lane, now_ns, wake_ns);
	if (slot && lane->group == 0 && lane->sentinels_due == 0 && choose_lead(lane, now_ns, wake_ns, &choice))
		return choice;
	if (slot && lane->group < SUSPECTS_PER_GROUP && lane->sentinels_due == 0) {
		lane->group++;
		lane->last_suspect_ns = now_ns;
		return take(lane, slot);
	}
	if (lane->group == 0 || too_close(lane, now_ns, wake_ns))
		return (struct choice){0};
	return sentinel(lane);
}

/* Where tokens are dear, a copy waits for the answer to the first ask: a port that refuses should do so once. */
static int64_t copy_gap(const struct lane *lane)
{
	int64_t answer_ns = lane->scan->rtt.srtt_ns + 2 * send_gap(lane);

	if (counts_surely(lane) || counts_nearly(lane))
		return near_copy_ns(lane) < COPY_GAP_MS * MS ? near_copy_ns(lane) : COPY_GAP_MS * MS;
	if (lane->limiter.phase != LIMITER_KNOWN || (double)answer_ns / 1e9 * lane->limiter.rate > MOST_COPY_GAP ||
	    answer_ns < COPY_GAP_MS * MS)
		return COPY_GAP_MS * MS;
	return answer_ns;
}

/* The last group cannot begin yet. */
static bool ending_waits(const struct engine *e, const struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	int64_t quiet_ns = router_quiet(e, lane->scan), router_ns = router_last(e, lane->scan);

	if (!has_lead(lane, now_ns) && level_is_low(lane, ending_level(lane), now_ns, wake_ns))
		return true;
	/* A router refused some before, and none of the last group: its bucket may be empty. */
	if (router_ns == 0 || lane->last_suspect_ns <= router_ns || now_ns >= quiet_ns)
		return false;
	wake_at(wake_ns, quiet_ns);
	return true;
}

/* So many tokens came since a suspect was asked last that the refusals that come now prove nothing about that ask. */
static bool asks_are_stale(const struct lane *lane, int64_t now_ns)
{
	double came = (double)(now_ns - lane->last_suspect_ns) / 1e9 * lane->limiter.rate;

	return came > (counts_surely(lane) || counts_nearly(lane) ? STALE_IF_COUNTED : STALE_ASKS);
}

/* The next of the asks that the suspects still need. True: *choice is it, or nothing until the copy before is far enough away.
 * False: none needs any. */
static bool choose_copy(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, int64_t *wake_ns,
                        struct choice *choice)
{
	/* Where silence has to be proved twice anyway, one ask of each is enough until none of them is refused any more. */
	bool once = lane->spoiled && lane->usual.measured.per_s > 0;
	int64_t gap_ns = copy_gap(lane);
	struct port_slot *slot;

	for (uint32_t turns = lane->suspects.count; turns > 0 && (slot = head(lane, &lane->suspects)); turns--) {
		uint32_t missing = silences_missing(e, lane, slot), unproven = unproven_asks(lane, slot);

		if (missing == 0) { /* less loss is known of by now, so that less proof will do */
			dequeue(lane, &lane->suspects);
			settle_silent(e, host, slot, "silent-while-refusing", now_ns);
			continue;
		}
		if (once && missing > 1)
			missing = 1;
		if (unproven >= missing || (unproven == 0 && lane->group >= SUSPECTS_PER_SENTINEL)) {
			rotate(lane, &lane->suspects);
			continue;
		}
		*choice = (struct choice){0};
		if (now_ns < slot->last_sent_ns + gap_ns) {
			wake_at(wake_ns, slot->last_sent_ns + gap_ns);
			return true;
		}
		if (lane->group == 0) { /* a new group: what earlier asks left open is not proved any more */
			lane->round++;
			unproven = 0;
		}
		lane->group += unproven == 0;
		rotate(lane, &lane->suspects);
		*choice = (struct choice){.slot = slot, .stays = true};
		return true;
	}
	return false;
}

/* Only suspects are left: all the asks that each still needs, a little apart, then the sentinel that proves them. */
struct choice choose_ending(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	struct choice choice;

	if (lane->sentinels_due > 0)
		return sentinel(lane);
	if (lane->sentinels_out > 0)
		return (struct choice){0};
	if (lane->group == 0) {
		if (ending_waits(e, lane, now_ns, wake_ns))
			return (struct choice){0};
		if (refusals_for_proof(lane) > 0 && head(lane, &lane->suspects) &&
		    choose_lead(lane, now_ns, wake_ns, &choice))
			return choice;
		if (asks_are_stale(lane, now_ns))
			lane->round++;
	}
	if (choose_copy(e, host, lane, now_ns, wake_ns, &choice))
		return choice;
	if (!head(lane, &lane->suspects) || too_close(lane, now_ns, wake_ns))
		return (struct choice){0};
	if (counts_nearly(lane))
		lane->sentinels_due = 1;
	return sentinel(lane);
}
