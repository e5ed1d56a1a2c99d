/* groups.c: asks that are sent together so that the refusals behind them prove something. */
#include "asking.h"

enum {
	LONGEST_GROUP_MS = 500,  /* with --max-rate a group takes time, and what it proves must lie close together */
	SUSPECTS_PER_GROUP = 64, /* no limit met: one row of sentinels behind so many */
	SUSPECTS_PER_SENTINEL = 256, /* limited: sentinels are dear */
	COPY_GAP_MS = 4,
};
#define MOST_SPACING     0.01 /* tokens that may come between two asks kept apart */
#define MOST_COPY_GAP    0.05 /* tokens that may come while the answer to a first ask is awaited */
#define STALE_ASKS       0.5  /* tokens that came since the last ask of a group that was not finished */
#define STALE_IF_COUNTED 0.01 /* the same, where one refusal just behind is the proof */
#define PATIENT_EXPECTED 1.5  /* refusals expected from the ports of a patient group */
#define FEWEST_CLOSED    0.06 /* share of closed ports below which it takes too many fresh ones to find two */

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
	return (struct choice){.slot = &lane->scan->slots[lane->scan->sentinel], .sentinel = true};
}

/* A sentinel must not overtake the asks that it is to prove. */
bool too_close(const struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	int64_t free_ns = lane->last_suspect_ns + send_gap(lane);

	if (now_ns >= free_ns)
		return false;
	wake_at(wake_ns, free_ns);
	return true;
}

/* A lead was sent a moment ago: its token is spent, and the group is to follow at once. */
bool has_lead(const struct lane *lane, int64_t now_ns)
{
	return needs_lead(lane) && now_ns - lane->lead_ns <= lead_window(lane) / 2;
}

/* The ask in front of a group of suspects, if the proof needs one and there is none lately. Only true when it is chosen. */
bool take_lead(struct lane *lane, int64_t now_ns, struct choice *choice)
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

/* Where it costs next to nothing, asks that may be refused keep their distance, so that each one's silence can be proved by the
 * refusals behind it. */
bool not_spaced(const struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{

	int64_t gap_ns = send_gap(lane);

	if (now_ns >= lane->last_ask_ns + gap_ns || (double)gap_ns / 1e9 * lane->limiter.rate > MOST_SPACING)
		return false;
	wake_at(wake_ns, lane->last_ask_ns + gap_ns);
	return true;
}

/* Ports never asked make as good an end of a check as sentinels, and no token is spent on what is known. Only when that told
 * nothing do sentinels have to. */
static bool takers_wanted(const struct lane *lane)
{

	return lane->limiter.phase == LIMITER_KNOWN && lane->sentinels_due == 0 && lane->sentinels_silent == 0 &&
	       lane->empties_in_row < 2 && closed_share(lane) > FEWEST_CLOSED &&
	       lane->check_taken < refusals_for_proof(lane) + 0.5;
}

/* Refusals expected from the ports of a check. A sentinel that tells nothing else is a waste: the more likely one is, the more
 * ports go in front. */
static double check_size(const struct lane *lane, const struct port_slot *fresh)
{
	if (!fresh)
		return 6;
	return closed_share(lane) > MOSTLY_CLOSED ? 1.5 : 2.5;
}

/* Some ports of a silence once more, and a sentinel behind them, all at once. */
struct choice choose_check(struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	struct port_slot *slot = head(lane, &lane->retry), *fresh = fresh_head(lane);
	struct choice choice;

	if (lane->check_closed)
		return (struct choice){0};
	if (lane->check_asked == 0 && !lane->check_lead && limiter_level(&lane->limiter, now_ns) < proof_level(lane)) {
		wake_at(wake_ns, limiter_ready_ns(&lane->limiter, proof_level(lane), now_ns));
		return (struct choice){0};
	}
	if (lane->check_asked == 0 && !lane->check_lead && slot && lane->limiter.phase != LIMITER_LEARNING) {
		if (take_lead(lane, now_ns, &choice)) {
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
	    now_ns - lane->group_ns < LONGEST_GROUP_MS * MS) {
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

/* Fresh ports first; what stayed silent is asked again in groups, each with its sentinels behind it; in trials once there were more errors
 * than the small buckets in wide use hold, which have to show themselves in groups. */
struct choice choose_unlimited(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	struct port_slot *slot = fresh_head(lane);
	struct choice choice;

	if (lane->collect.trial != TRIAL_NONE)
		return choose_trial(e, host, lane, now_ns, wake_ns);
	if (lane->sentinels_due == 0 && lane->outstanding >= lane->window)
		return (struct choice){0};
	if (lane->sentinels_due == 0 && slot)
		return take(lane, slot);
	slot = head(lane, &lane->retry);
	if (!slot)
		slot = head(lane, &lane->suspects);
	if (slot && usual_none(&lane->usual) && lane->group == 0 && lane->sentinels_due == 0)
		return choose_trial(e, host, lane, now_ns, wake_ns);
	if (slot && lane->group == 0 && lane->sentinels_due == 0) {
		if (take_lead(lane, now_ns, &choice))
			return choice;
		if (too_close(lane, now_ns, wake_ns))
			return (struct choice){0};
	}
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

	if (counts_surely(lane))
		return near_copy_ns(lane) < COPY_GAP_MS * MS ? near_copy_ns(lane) : COPY_GAP_MS * MS;
	if (lane->limiter.phase != LIMITER_KNOWN || (double)answer_ns / 1e9 * lane->limiter.rate > MOST_COPY_GAP ||
	    answer_ns < COPY_GAP_MS * MS)
		return COPY_GAP_MS * MS;
	return answer_ns;
}

/* Only suspects are left: all the asks that each still needs, a little apart, then the sentinel that proves them. */
struct choice choose_ending(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	double level = limiter_level(&lane->limiter, now_ns), need = proof_level(lane);
	struct choice choice;

	if (lane->sentinels_due > 0)
		return sentinel(lane);
	if (lane->sentinels_out > 0)
		return (struct choice){0};
	if (level < need && lane->group == 0 && !has_lead(lane, now_ns)) {
		wake_at(wake_ns, limiter_ready_ns(&lane->limiter, need, now_ns));
		return (struct choice){0};
	}
	/* A router refused some before, and none of the last group: its bucket may be empty. */
	if (lane->group == 0 && lane->scan->router_last_ns > 0 && lane->last_suspect_ns > lane->scan->router_last_ns &&
	    now_ns < router_quiet_ns(lane->scan)) {
		wake_at(wake_ns, router_quiet_ns(lane->scan));
		return (struct choice){0};
	}
	if (lane->group == 0 && refusals_for_proof(lane) > 0 && head(lane, &lane->suspects)) {
		if (take_lead(lane, now_ns, &choice))
			return choice;
		if (needs_lead(lane) && too_close(lane, now_ns, wake_ns))
			return (struct choice){0};
	}
	/* What was asked before the bucket had to fill again cannot be proved by the refusals that come now. */
	if (lane->group == 0 && (double)(now_ns - lane->last_suspect_ns) / 1e9 * lane->limiter.rate >
	                                (counts_surely(lane) ? STALE_IF_COUNTED : STALE_ASKS))
		lane->round++;
	for (uint32_t turns = lane->suspects.count; turns > 0; turns--) {
		struct port_slot *slot = head(lane, &lane->suspects);
		uint32_t unproven, missing;

		if (!slot)
			break;
		missing = silences_missing(e, lane, slot);
		unproven = unproven_asks(lane, slot);
		if (missing == 0) { /* less loss is known of by now, so that less proof will do */
			dequeue(lane, &lane->suspects);
			settle_silent(e, host, slot, "silent-while-refusing", now_ns);
			continue;
		}
		if (unproven < missing && (unproven > 0 || lane->group < SUSPECTS_PER_SENTINEL)) {
			if (now_ns < slot->last_sent_ns + copy_gap(lane)) {
				wake_at(wake_ns, slot->last_sent_ns + copy_gap(lane));
				return (struct choice){0};
			}
			if (lane->group == 0) { /* a new group: what earlier asks left open is not proved any more */
				lane->round++;
				unproven = 0;
			}
			if (unproven == 0)
				lane->group++;
			dequeue(lane, &lane->suspects);
			enqueue(lane, &lane->suspects, slot);
			return (struct choice){.slot = slot, .stays = true};
		}
		dequeue(lane, &lane->suspects);
		enqueue(lane, &lane->suspects, slot);
	}
	if (!head(lane, &lane->suspects) || too_close(lane, now_ns, wake_ns))
		return (struct choice){0};
	return sentinel(lane);
}
