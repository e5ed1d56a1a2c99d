/* answers_more.c: open ports are asked for more. The payloads that were not needed to see that the port is open are sent all the same, once
 * the host's turn allows it, because another question may tell the version; and a server that tells where it sees us is asked from a
 * second source port. */
#include "answers.h"

enum {
	TIMES_ASKED = 2, /* each payload that the port has not got yet */
	ASK_GAP_MS = 2,  /* between such asks to one host */
	LINGER_LEAST_MS = 150,
	LINGER_MOST_MS = 1000,
};

/* Which payloads the port got until it was settled. */
static void prepare(struct port_answer *answer, const struct port_slot *slot, size_t payloads)
{
	if (answer->prepared)
		return;
	answer->prepared = true;
	/* Attempts went through the payloads in turn, unless some were passed over. */
	for (size_t i = 0; i < payloads && i < slot->attempts && slot->passed_over == 0; i++)
		answer->asked[i] = TIMES_ASKED;
	for (size_t i = 0; i < EXCHANGES; i++) {
		if (answer->exchanges[i].used && answer->exchanges[i].answers > 0)
			answer->asked[answer->exchanges[i].attempt % payloads] = TIMES_ASKED;
	}
}

/* The next attempt that carries payload number `index`; its exchange is there once it was asked. */
static uint16_t attempt_with(const struct port_slot *slot, size_t index, size_t payloads)
{
	uint32_t attempt = slot->attempts;

	while (attempt % payloads != index)
		attempt++;
	return (uint16_t)attempt;
}

/* The payload's last ask was answered, or may still be. */
static bool is_waiting(const struct port_answer *answer, size_t index, size_t payloads, int64_t timeout_ns,
                       int64_t now_ns, int64_t *wake_ns, bool *answered)
{
	*answered = false;
	for (size_t i = 0; i < EXCHANGES; i++) {
		const struct exchange *exchange = &answer->exchanges[i];

		if (!exchange->used || exchange->attempt % payloads != index)
			continue;
		if (exchange->answers > 0)
			*answered = true;
		else if (exchange->sent_ns + timeout_ns > now_ns) {
			if (exchange->sent_ns + timeout_ns < *wake_ns)
				*wake_ns = exchange->sent_ns + timeout_ns;
			return true;
		}
	}
	return false;
}

/* An attempt to be sent to that open port now; false: none. */
static bool wants_more(const struct engine *e, const struct portscan *scan, struct port_answer *answer, int64_t now_ns,
                       uint16_t *attempt, int64_t *wake_ns)
{
	const struct port_slot *slot = &scan->slots[answer->slot];
	size_t payloads = payload_turns(e->config.probe.payloads, slot->number);
	int64_t timeout_ns = ask_timeout(&scan->lanes[slot->lane]);

	if (slot->state != PORT_OPEN || slot->attempts >= DISCOVERY_ATTEMPT / 2)
		return false;
	/* Those sent to a port that has none of its own only guess: no more of them when the service is known. */
	if (payload_count(e->config.probe.payloads, slot->number) == 0 && answer->reading && answer->reading->service)
		return false;
	if (payloads > MOST_PAYLOADS)
		payloads = MOST_PAYLOADS;
	prepare(answer, slot, payloads);
	for (size_t i = 0; i < payloads; i++) {
		bool answered;

		if (is_waiting(answer, i, payloads, timeout_ns, now_ns, wake_ns, &answered) || answered ||
		    answer->asked[i] >= TIMES_ASKED)
			continue;
		*attempt = attempt_with(slot, i, payloads);
		return true;
	}
	/* Where it sees a second source port tells what kind of translation lies between. */
	if (answer->mappings == 1 && e->config.probe.source_port_count > 1 && answer->more_asks < 2 * MOST_PAYLOADS) {
		bool answered;

		if (is_waiting(answer, slot->attempts % payloads, payloads, timeout_ns, now_ns, wake_ns, &answered))
			return false;
		*attempt = slot->attempts;
		return answer->more_asks < 4;
	}
	return false;
}

bool answers_next(struct engine *e, struct host *host, int64_t now_ns, struct probe *out, int64_t *wake_ns)
{
	struct portscan *scan = host->scan;

	if (e->config.probe.data)
		return false;
	for (size_t i = 0; i < scan->answer_count; i++) {
		struct port_answer *answer = &scan->answers[i];
		struct port_slot *slot = &scan->slots[answer->slot];
		struct ask ask = {PROBE_UDP, scan->lanes[slot->lane].source, host->addr, slot->number, 0, 0};
		size_t payload;

		if (!wants_more(e, scan, answer, now_ns, &ask.attempt, wake_ns))
			continue;
		if (now_ns < scan->ask_more_ns || !pace_ready(&scan->pace, now_ns)) {
			*wake_ns = now_ns < scan->ask_more_ns ? scan->ask_more_ns : pace_wake(&scan->pace);
			return false;
		}
		payload = ask.attempt % payload_turns(e->config.probe.payloads, slot->number);
		if (payload < MOST_PAYLOADS)
			answer->asked[payload]++;
		exchange_make(answer, ask.attempt, now_ns);
		slot->attempts = (uint16_t)(ask.attempt + 1);
		answer->more_asks++;
		scan->answered_ns = now_ns;
		scan->ask_more_ns = now_ns + ASK_GAP_MS * MS;
		pace_take(&scan->pace);
		fill_probe(e, host, &ask, UINT64_MAX, out);
		return true;
	}
	return false;
}

int64_t answers_until(const struct portscan *scan)
{
	int64_t linger_ns = 2 * ask_timeout(&scan->lanes[0]);

	if (scan->answer_count == 0)
		return 0;
	if (linger_ns < LINGER_LEAST_MS * MS)
		linger_ns = LINGER_LEAST_MS * MS;
	if (linger_ns > LINGER_MOST_MS * MS)
		linger_ns = LINGER_MOST_MS * MS;
	return scan->answered_ns + linger_ns;
}
