/* replies.c: what a verified reply to a port says, which evidence outweighs which, and sends that failed. */
#include "interval.h"

enum {
	MOST_WINDOW = 2048, /* asks in flight: at a round trip of 100 ms 20,000 a second, more than one host answers */
	SEND_PAUSE_MS = 10, /* after a send error, doubling: a full queue is empty by then */
	MOST_SEND_PAUSES = 6,   /* doublings: 640 ms, and with MOST_FAILED_SENDS an interface may be down for 20 s */
	MOST_FAILED_SENDS = 30, /* of one port */
	/* Answers to several asks (weak_is_credible() says why so many), each within the time of a round trip and at least so long. */
	WEAK_ANSWERS = 2,
	WEAK_ANSWERS_UNDER_FORGERY = 4,
	WEAK_WINDOW_MS = 5,
	MORE_THAN_A_BUCKET = 32,  /* errors beyond twice its size, ... */
	FASTER_THAN_A_BUCKET = 4, /* ... and so many times faster than its rate: it is none */
};

/* Which evidence outweighs which: an answer from the port, then a refusal of the target itself, then one of a router, then
 * silence. */
static int weight(enum port_state state, bool by_target)
{
	switch (state) {
	case PORT_OPEN:
		return 4;
	case PORT_CLOSED:
	case PORT_FILTERED:
		return by_target ? 3 : 2;
	case PORT_OPEN_FILTERED:
		return 1;
	default:
		return 0;
	}
}

/* Stronger evidence than that by which the port was settled. */
static bool outweighs(const struct port_slot *slot, const struct verdict *verdict)
{
	return slot->state != PORT_UNKNOWN &&
	       weight(verdict->state, verdict->by_target) > weight(slot->state, slot->by_target);
}

/* Silence that gives way to an answer is no conflict. */
static void note_conflict(struct engine *e, const struct host *host, const struct port_slot *slot,
                          const struct verdict *verdict, int64_t at_ns)
{
	if (slot->stage == STAGE_SETTLED && slot->state != PORT_OPEN_FILTERED)
		note(e, host, at_ns, slot->number, "conflicting-replies",
		     "first %s, then %s (%s): the stronger evidence holds", port_state_name(slot->state),
		     port_state_name(verdict->state), verdict->reason);
}

/* While the bucket is drained every refusal allows one ask more. A bucket that gives far more than it ever held is none. */
static void on_drain(struct lane *lane, int64_t sent_ns)
{
	if (lane->limiter.phase != LIMITER_KNOWN)
		return;
	if (lane->drain) {
		lane->drain_window += 1;
		if (++lane->drained > 2 * lane->limiter.burst + MORE_THAN_A_BUCKET &&
		    (double)(sent_ns - lane->drain_ns) / 1e9 * lane->limiter.rate * FASTER_THAN_A_BUCKET <
		            lane->drained) {
			lane->window = lane->drain_window;
			lane->drain = false;
			limiter_init(&lane->limiter);
			usual_init(&lane->usual);
		}
	} else if (lane->limiter.drains_left > 0) {
		lane->drain = true;
		lane->drain_window = 1;
		lane->drained = 0;
		lane->drain_ns = sent_ns;
	}
}

/* No limit was met: where it took a second ask, the first one or its answer was lost. */
static void learn_open_loss(struct lane *lane, const struct port_slot *slot, uint16_t attempt)
{
	const struct log_entry *before;
	uint32_t number;

	if (slot->silences == 0)
		loss_answered(&lane->scan->open_loss, attempt);
	before = attempt > 0 ? asklog_find(lane, slot, (uint16_t)(attempt - 1), &number) : NULL;
	if (before && before->expired)
		back_off(lane, before->sent_ns);
}

/* An ICMP error of the target: a token was there for this ask, and was taken. */
static void on_refusal(struct engine *e, struct host *host, struct lane *lane, struct port_slot *slot,
                       struct log_entry *entry, uint32_t number, int64_t at_ns)
{
	limiter_used(&lane->limiter, entry->sent_ns);
	if (slot->stage != STAGE_SETTLED) {
		/* Where an error is tried for before it is surely there, that it came says nothing. */
		if (!interval_governs(lane) || entry->token || slot->silences > 0)
			loss_answered(&lane->scan->loss, slot->silences);
		weigh_closed(lane);
	} else if (entry->sentinel) {
		loss_answered(&lane->scan->loss, 0);
	}
	if (lane->limiter.phase == LIMITER_UNSEEN && slot->stage != STAGE_SETTLED && !windows_govern(lane))
		learn_open_loss(lane, slot, entry->attempt);
	lane->refusals++;
	made_no_progress(lane);
	lane->epoch++;
	lane->suspects_asked = 0;
	if (lane->takers_due > 0)
		lane->takers_due--;
	/* A port of the last group took a token that its sentinels were to have: the group begins anew. */
	if (lane->limiter.phase == LIMITER_KNOWN && !entry->sentinel && !lane->checking)
		lane->group = lane->sentinels_due = 0;
	lane->spoiled = !entry->sentinel;
	lane->silence = 1;
	lane->empties_in_row = 0;
	on_drain(lane, entry->sent_ns);
	lane->scan->sentinel = (uint32_t)(slot - lane->scan->slots);
	if (windows_govern(lane))
		windows_refused(e, host, lane, number, at_ns);
	else if (interval_governs(lane))
		interval_refused(e, host, lane, number, at_ns);
	else
		asklog_prove(e, host, lane, number, at_ns);
	if (entry->sentinel)
		lane->round++;
	if (entry->check && !entry->expired)
		check_answered(lane, entry, true);
}

/* A UDP answer whose content proves nothing (no transaction id in the protocol) fits by addresses and ports alone, and a forger
 * may guess those. It is believed when several asks, each from its own source port, were answered: two as a rule. Where
 * datagrams in this host's name came to ports that had asked nothing, four, and each at once: a flood of guesses hits a
 * given port within a few milliseconds with a probability of well under a tenth. */
static bool weak_is_credible(const struct host *host, struct port_slot *slot, uint16_t attempt,
                             const struct log_entry *entry, int64_t at_ns)
{
	int64_t window_ns = host->scan->rtt.samples ? host->scan->rtt.srtt_ns + 4 * host->scan->rtt.rttvar_ns : 0;
	bool forgery = host->rejected_udp > 0;

	if (slot->stage == STAGE_SETTLED)
		return slot->state == PORT_OPEN || (slot->state == PORT_OPEN_FILTERED && !forgery);
	if (window_ns < WEAK_WINDOW_MS * MS)
		window_ns = WEAK_WINDOW_MS * MS;
	if (!entry || slot->weak_attempt == attempt + 1 || (forgery && at_ns - entry->sent_ns > window_ns))
		return false;
	slot->weak_attempt = (uint16_t)(attempt + 1);
	return ++slot->weak_answers >= (forgery ? WEAK_ANSWERS_UNDER_FORGERY : WEAK_ANSWERS);
}

/* The next ask is to say what that attempt said: attempts that would say something else are passed over. */
static void repeat_payload(const struct engine *e, struct port_slot *slot, uint16_t attempt)
{
	size_t turns = e->config.probe.data ? 1 : payload_turns(e->config.probe.payloads, slot->number);

	while (slot->attempts % turns != attempt % turns) {
		slot->attempts++;
		slot->passed_over++;
	}
}

/* The ask is answered, but the answer has to be confirmed by another one. */
static void ask_for_confirmation(const struct engine *e, struct lane *lane, struct port_slot *slot,
                                 struct log_entry *entry)
{
	if (!entry || entry->refused || entry->answered)
		return;
	if (!entry->expired)
		asklog_close(lane, entry);
	entry->answered = true;
	if (entry->check && !entry->expired)
		check_answered(lane, entry, false);
	repeat_payload(e, slot, entry->attempt);
	if (slot->stage == STAGE_WAITING && slot->waiting == 0)
		queue_urgent(lane, slot);
}

/* What a router refused was told about the router. From the first refusal of the host itself on, its own limit counts. */
static void start_over(struct portscan *scan)
{
	for (size_t i = 0; i < scan->lane_count; i++) {
		struct lane *lane = &scan->lanes[i];

		limiter_init(&lane->limiter);
		usual_init(&lane->usual);
		lane->windows = (struct windows){0};
		lane->log_judged = lane->log_next;
		lane->silence = 1;
		lane->checking = lane->drain = false;
		lane->patient_ns = 0;
		lane->sentinels_due = lane->unproductive = 0;
		lane->round++;
		lane->epoch++;
	}
	for (size_t i = 0; i < scan->slot_count; i++)
		scan->slots[i].silences = scan->slots[i].brackets = 0;
	scan->router_refuses = false;
}

/* Whether this verdict is an error that took a token of the limit that decides here: the host's own; or, as long as the host
 * itself has refused nothing, that of the one router that speaks for it. */
static bool is_refusal(struct portscan *scan, const struct verdict *verdict)
{
	if (verdict->by_target) {
		if (!scan->target_refuses && scan->router_refuses)
			start_over(scan);
		scan->target_refuses = true;
		return true;
	}
	if (verdict->state != PORT_FILTERED || scan->target_refuses ||
	    (scan->router_refuses && !addr_equal(&scan->router, &verdict->from)))
		return false;
	scan->router_refuses = true;
	scan->router = verdict->from;
	return true;
}

void portscan_reply(struct engine *e, struct host *host, struct lane *lane, uint32_t slot_number, uint16_t attempt,
                    const struct verdict *verdict, const struct reply *reply, int64_t at_ns)
{
	struct port_slot *slot = &lane->scan->slots[slot_number];
	uint32_t number = 0;
	struct log_entry *entry = asklog_find(lane, slot, attempt, &number);
	bool duplicate = entry && (entry->refused || entry->answered);
	int64_t sent_ns = entry ? entry->sent_ns : 0;
	bool answered = verdict->state == PORT_OPEN, more = false;

	lane->send_pauses = 0;
	lane->wake_ns = at_ns;
	lane->heard = true;
	lane->unheard = 0;
	if (verdict->by_target || answered)
		mtu_start(e, host, at_ns); /* -Pn: now it is sure that somebody is there */
	if (e->config.probe.bad_checksum)
		answers_bad_checksum(e, host, slot, verdict->reason, at_ns);
	if (verdict->weak && !weak_is_credible(host, slot, attempt, entry, at_ns)) {
		if (answered && host->rejected_udp == 0)
			answers_take(e, host, lane, slot, attempt, reply, sent_ns, at_ns);
		ask_for_confirmation(e, lane, slot, entry);
		host_set_wake(e, host, at_ns);
		return;
	}
	if (entry && !duplicate) {
		rtt_sample(&lane->scan->rtt, at_ns - entry->sent_ns);
		if (!entry->expired)
			asklog_close(lane, entry);
		if (lane->window < MOST_WINDOW)
			lane->window += lane->window < lane->window_slow ? 1 : 1 / lane->window;
		if (verdict->state == PORT_FILTERED && !verdict->by_target)
			router_refused(e, lane->scan, &verdict->from, entry->sent_ns);
		entry->refused = is_refusal(lane->scan, verdict);
		entry->answered = !entry->refused;
		if (entry->refused)
			on_refusal(e, host, lane, slot, entry, number, at_ns);
		else if (entry->check && !entry->expired)
			check_answered(lane, entry, false);
	}
	if (answered)
		more = answers_take(e, host, lane, slot, attempt, reply, sent_ns, at_ns);
	else if (slot->stage == STAGE_SETTLED && slot->state == PORT_OPEN)
		answers_refused(e, host, slot, attempt, verdict, at_ns);
	if (slot->stage != STAGE_SETTLED || outweighs(slot, verdict)) {
		note_conflict(e, host, slot, verdict, at_ns);
		settle(e, host, slot, verdict, reply, sent_ns, at_ns);
	} else if (more && slot->state == PORT_OPEN) {
		answers_tell(e, host, slot, at_ns);
	}
	host_set_wake(e, host, at_ns);
}

void portscan_send_failed(struct engine *e, struct host *host, uint32_t low, int64_t now_ns)
{
	struct portscan *scan = host->scan;
	struct lane *lane;
	struct log_entry *entry;
	uint32_t number;
	struct port_slot *slot;
	int64_t pause_ns;

	if (low >> COOKIE_LOG_BITS >= scan->lane_count)
		return;
	lane = &scan->lanes[low >> COOKIE_LOG_BITS];
	/* The newest entry that ends so. */
	number = lane->log_next - 1 - ((lane->log_next - 1 - low) & COOKIE_LOG_MASK);
	if (number - lane->log_first >= lane->log_next - lane->log_first)
		return; /* forgotten already */
	entry = asklog_entry(lane, number);
	if (entry->slot == NO_INDEX || entry->refused || entry->answered || entry->expired)
		return;
	slot = &lane->scan->slots[entry->slot];
	asklog_close(lane, entry);
	if (entry->check)
		check_not_sent(lane, entry);
	else if (entry->sentinel)
		lane->sentinels_due++; /* the group waits for it */
	entry->slot = NO_INDEX;
	if (slot->unproven > 0)
		slot->unproven--;
	pause_ns = SEND_PAUSE_MS * MS << (lane->send_pauses < MOST_SEND_PAUSES ? lane->send_pauses : MOST_SEND_PAUSES);
	if (lane->hold_ns <= now_ns) {
		lane->send_pauses++;
		lane->hold_ns = now_ns + pause_ns;
	}
	if (slot->stage == STAGE_WAITING) {
		struct verdict verdict = {.state = PORT_UNKNOWN, .reason = "send-failed"};

		if (++slot->failed_sends >= MOST_FAILED_SENDS)
			settle(e, host, slot, &verdict, NULL, 0, now_ns);
		else if (slot->waiting == 0)
			queue_push(lane, slot);
	}
	lane->wake_ns = now_ns;
	host_set_wake(e, host, now_ns);
}
