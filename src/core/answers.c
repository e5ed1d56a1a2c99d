/* answers.c: what the answers of open ports say, and answers that contradict each other.
 *
 * A port is open at its first proved answer. Here it is read (service.h), and everything that still comes is compared with the first answer
 * to the same ask: a second one that says something else was not given by the same server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"

enum {
	MOST_ANSWERS = 65536, /* ports over all active hosts: bounds memory */
	MOST_ANSWERS_OF_HOST = 1024,
};

/* Where the slot's answer is, or belongs. */
static size_t answer_position(const struct portscan *scan, uint32_t slot)
{
	size_t low = 0, high = scan->answer_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (scan->answers[middle].slot < slot)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The port's; NULL: none. */
static struct port_answer *answer_find(const struct portscan *scan, const struct port_slot *slot)
{
	uint32_t index = (uint32_t)(slot - scan->slots);
	size_t at = answer_position(scan, index);

	return at < scan->answer_count && scan->answers[at].slot == index ? &scan->answers[at] : NULL;
}

struct port_answer *answer_make(struct engine *e, struct portscan *scan, const struct port_slot *slot)
{
	struct port_answer *answer = answer_find(scan, slot);
	size_t at;

	if (answer)
		return answer;
	if (scan->answer_count == MOST_ANSWERS_OF_HOST || e->answers_in_use == MOST_ANSWERS)
		return NULL;
	if (scan->answer_count == scan->answer_capacity) {
		size_t capacity = scan->answer_capacity ? scan->answer_capacity * 2 : 4;
		struct port_answer *grown = realloc(scan->answers, capacity * sizeof(*grown));

		if (!grown)
			return NULL;
		scan->answers = grown;
		scan->answer_capacity = capacity;
	}
	at = answer_position(scan, (uint32_t)(slot - scan->slots));
	answer = &scan->answers[at];
	memmove(answer + 1, answer, (scan->answer_count - at) * sizeof(*answer));
	memset(answer, 0, sizeof(*answer));
	answer->slot = (uint32_t)(slot - scan->slots);
	scan->answer_count++;
	e->answers_in_use++;
	return answer;
}

void answers_free(struct portscan *scan)
{
	for (size_t i = 0; i < scan->answer_count; i++)
		free(scan->answers[i].reading);
	free(scan->answers);
}

/* Exchanges */

static struct exchange *exchange_find(struct port_answer *answer, uint16_t attempt)
{
	for (size_t i = 0; i < EXCHANGES; i++) {
		if (answer->exchanges[i].used && answer->exchanges[i].attempt == attempt)
			return &answer->exchanges[i];
	}
	return NULL;
}

struct exchange *exchange_make(struct port_answer *answer, uint16_t attempt, int64_t sent_ns)
{
	struct exchange *exchange = exchange_find(answer, attempt);

	if (exchange)
		return exchange;
	exchange = &answer->exchanges[answer->next_exchange];
	answer->next_exchange = (uint8_t)((answer->next_exchange + 1) % EXCHANGES);
	*exchange = (struct exchange){.attempt = attempt, .used = true, .sent_ns = sent_ns};
	return exchange;
}

/* What an answer means, as a number: all that was read but what may differ between two true answers. */
static uint64_t meaning_of(const struct engine *e, const struct service_reading *reading)
{
	uint64_t hash = siphash(e->config.probe.key, reading->service ? reading->service : "",
	                        reading->service ? strlen(reading->service) : 0);

	hash ^= siphash(e->config.probe.key, reading->version, strlen(reading->version));
	for (size_t i = 0; i < reading->detail_count; i++) {
		const char *value = reading->text + reading->details[i].at;

		if (!service_detail_varies(reading->details[i].key))
			hash = (hash << 7 | hash >> 57) ^ siphash(e->config.probe.key, value, strlen(value));
	}
	return hash;
}

const char *after_text(const struct exchange *exchange, int64_t at_ns, char out[AFTER_TEXT_BYTES])
{
	if (exchange->sent_ns > 0 && at_ns >= exchange->sent_ns)
		snprintf(out, AFTER_TEXT_BYTES, "after %.2f ms", (double)(at_ns - exchange->sent_ns) / 1e6);
	else
		snprintf(out, AFTER_TEXT_BYTES, "%.2f ms after the first", (double)(at_ns - exchange->first_ns) / 1e6);
	return out;
}

static void exchange_start(const struct engine *e, struct exchange *exchange, const struct service_reading *reading,
                           const struct reply *reply, int64_t at_ns)
{
	exchange->answers = 1;
	exchange->one_answer = reading->one_answer;
	exchange->first_ns = exchange->last_ns = at_ns;
	exchange->bytes_hash =
	        siphash(e->config.probe.key, reply->data ? reply->data : (const uint8_t *)"", reply->data_bytes);
	exchange->meaning_hash = meaning_of(e, reading);
	snprintf(exchange->text, sizeof(exchange->text), "%.*s", ANSWER_TEXT_BYTES - 1, reading->info);
}

/* A further answer to an ask that has one. True when it contradicts the first. */
static bool exchange_compare(struct engine *e, struct host *host, uint16_t port, struct port_answer *answer,
                             struct exchange *exchange, const struct service_reading *reading,
                             const struct reply *reply, int64_t at_ns)
{
	bool same_bytes =
	        exchange->bytes_hash ==
	        siphash(e->config.probe.key, reply->data ? reply->data : (const uint8_t *)"", reply->data_bytes);
	bool one_answer = exchange->one_answer || reading->one_answer;
	char first[AFTER_TEXT_BYTES], then[AFTER_TEXT_BYTES];

	if (!same_bytes && !one_answer)
		return false; /* a protocol may say more in a second datagram */
	after_text(exchange, exchange->first_ns, first);
	after_text(exchange, at_ns, then);
	if (!same_bytes && exchange->meaning_hash != meaning_of(e, reading)) {
		if (!answer->conflict_told)
			note(e, host, at_ns, port, "conflicting-replies", "two answers to one query: %s: %s; %s: %.*s",
			     first, exchange->text, then, ANSWER_TEXT_BYTES - 1, reading->info);
		answer->conflict_told = true;
		return true;
	}
	if (exchange->answers < UINT16_MAX)
		exchange->answers++;
	exchange->last_ns = at_ns;
	if (!answer->duplicate_told)
		note(e, host, at_ns, port, "duplicate-replies", "one query was answered twice alike%s: %s and %s",
		     same_bytes ? "" : " but for clocks", first, then);
	answer->duplicate_told = true;
	return false;
}

/* Readings */

/* An echo: the data is what the ask sent. */
static bool is_sent_back(const struct engine *e, const struct ask *ask, const struct reply *reply)
{
	struct probe probe;

	memset(&probe, 0, sizeof(probe));
	probe_modules[PROBE_UDP]->make(&e->config.probe, ask, &probe);
	if (probe.data_bytes == 0 || !probe.data || probe.data_bytes != reply->data_bytes)
		return false;
	for (size_t i = 0; i < probe.data_bytes; i++) {
		uint8_t byte = probe.data[i];

		if (probe.nonce_offset >= 0 && i == (size_t)probe.nonce_offset)
			byte = (uint8_t)(probe.nonce >> 8);
		else if (probe.nonce_offset >= 0 && i == (size_t)probe.nonce_offset + 1)
			byte = (uint8_t)probe.nonce;
		else if (probe.address_offset > 0 && ask->src.family == 4 && i - probe.address_offset < 4)
			byte = ask->src.bytes[i - probe.address_offset];
		if (byte != reply->data[i])
			return false;
	}
	return true;
}

void read_answer(const struct engine *e, const struct ask *ask, const struct reply *reply, struct service_reading *out)
{
	service_read(ask->port, reply->data, reply->data_bytes, reply->wire_data_bytes, out);
	if (!is_sent_back(e, ask, reply))
		return;
	memset(out, 0, sizeof(*out));
	out->service = "echo";
	snprintf(out->info, sizeof(out->info), "sends back what it gets (%zu bytes)", reply->data_bytes);
}

static bool learn(struct port_answer *answer, const struct service_reading *reading)
{
	if (answer->reading)
		return service_merge(answer->reading, reading);
	answer->reading = malloc(sizeof(*answer->reading));
	if (answer->reading)
		*answer->reading = *reading;
	return answer->reading != NULL;
}

/* Where the server sees us, from at most two of our source ports. */
static void learn_mapping(struct port_answer *answer, const struct service_reading *reading, const struct reply *reply)
{
	if (!reading->has_mapped || reading->mapped_port == 0 || answer->mappings == 2 ||
	    (answer->mappings == 1 && answer->mapping[0].our_port == reply->dst_port))
		return;
	answer->mapping[answer->mappings++] =
	        (struct mapping){reply->dst, reading->mapped, reply->dst_port, reading->mapped_port};
}

/* Of frames longer than those of Ethernet's usual MTU the capture keeps the beginning. */
static void tell_cut(struct engine *e, struct host *host, struct port_answer *answer, const struct port_slot *slot,
                     const struct reply *reply, int64_t at_ns)
{
	if (reply->wire_data_bytes <= reply->data_bytes || answer->cut_told)
		return;
	answer->cut_told = true;
	note(e, host, at_ns, slot->number, "answer-cut",
	     "of an answer of %zu bytes the first %zu were captured; what else it says is not read",
	     reply->wire_data_bytes, reply->data_bytes);
}

bool answers_take(struct engine *e, struct host *host, struct lane *lane, struct port_slot *slot, uint16_t attempt,
                  const struct reply *reply, int64_t sent_ns, int64_t at_ns)
{
	struct port_answer *answer = answer_make(e, host->scan, slot);
	struct ask ask = {PROBE_UDP, lane->source, host->addr, slot->number, attempt, 0};
	struct service_reading reading;
	struct exchange *exchange;

	host->scan->answered_ns = at_ns;
	if (!answer)
		return false;
	read_answer(e, &ask, reply, &reading);
	tell_cut(e, host, answer, slot, reply, at_ns);
	exchange = exchange_make(answer, attempt, sent_ns);
	if (exchange->answers == 0)
		exchange_start(e, exchange, &reading, reply, at_ns);
	else if (exchange_compare(e, host, slot->number, answer, exchange, &reading, reply, at_ns))
		return false; /* who of the two is right cannot be known: the first stays, and the note tells both */
	learn_mapping(answer, &reading, reply);
	return learn(answer, &reading) && answer->told;
}

/* Telling */

void answers_attach(struct host *host, const struct port_slot *slot, struct event *event)
{
	struct port_answer *answer = answer_find(host->scan, slot);

	if (!answer)
		return;
	answer->told = true;
	answer->event = event->u.port;
	if (!answer->reading)
		return;
	event->u.port.reading = malloc(sizeof(*answer->reading));
	if (event->u.port.reading)
		*event->u.port.reading = *answer->reading;
}

void answers_tell(struct engine *e, struct host *host, const struct port_slot *slot, int64_t at_ns)
{
	struct port_answer *answer = answer_find(host->scan, slot);
	struct event *event;
	struct port_event told;

	if (!answer || !answer->told)
		return;
	event = event_new(e, host, EVENT_PORT, at_ns);
	if (!event)
		return;
	told = answer->event;
	event->u.port = told;
	event->u.port.more_known = true;
	event->u.port.probes += answer->more_asks;
	answers_attach(host, slot, event);
	answer->event = told;
}

void answers_refused(struct engine *e, struct host *host, const struct port_slot *slot, uint16_t attempt,
                     const struct verdict *verdict, int64_t at_ns)
{
	struct port_answer *answer = answer_find(host->scan, slot);
	struct exchange *exchange = answer ? exchange_find(answer, attempt) : NULL;
	char first[AFTER_TEXT_BYTES], then[AFTER_TEXT_BYTES], from[ADDR_TEXT_BYTES];

	if (!exchange || exchange->answers == 0 || answer->conflict_told)
		return;
	answer->conflict_told = true;
	note(e, host, at_ns, slot->number, "conflicting-replies", "two answers to one query: %s: %s; %s: %s from %s",
	     after_text(exchange, exchange->first_ns, first), exchange->text, after_text(exchange, at_ns, then),
	     verdict->reason, verdict->by_target ? "the host itself" : addr_format(&verdict->from, from));
}
