/* answers.c: what the answers of open ports say, and answers that contradict each other.
 *
 * A port is open at its first proved answer. Here it is read (service.h), the payloads that were not needed for that are sent all the
 * same, once the host's turn allows it, because another question may tell the version, and everything that still comes is compared with
 * the first answer to the same ask: a second one that says something else was not given by the same server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum {
	MOST_ANSWERS = 65536, /* ports over all active hosts: bounds memory */
	MOST_ANSWERS_OF_HOST = 1024,
	EXCHANGES = 6, /* asks of a port whose answers are compared */
	MOST_PAYLOADS = 16,
	TIMES_ASKED = 2, /* each payload that the port has not got yet */
	ASK_GAP_MS = 2,  /* between such asks to one host */
	LINGER_LEAST_MS = 150,
	LINGER_MOST_MS = 1000,
	EVERY_PORT_LEAST = 16, /* so many ports, all open and none a known service, are no coincidence */
	MOST_STRAY_CHECKS = 1 << 21,
	ANSWER_TEXT_BYTES = 72,
};

/* One ask, and the first answer to it. */
struct exchange {
	uint16_t attempt;
	uint16_t answers; /* 0: asked, nothing came yet */
	bool used;
	bool one_answer; /* the protocol gives no second one */
	int64_t sent_ns; /* 0: not known */
	int64_t first_ns;
	int64_t last_ns;
	uint64_t bytes_hash;   /* of the data, keyed */
	uint64_t meaning_hash; /* of what was read, without clocks and counters */
	char text[ANSWER_TEXT_BYTES];
};

/* Where the server sees one of our source ports. */
struct mapping {
	struct addr ours, mapped;
	uint16_t our_port, mapped_port;
};

/* What a port said so far. */
struct port_answer {
	uint32_t slot;
	bool told;                       /* an event about the open port went out: */
	struct port_event event;         /* that one, without the reading */
	struct service_reading *reading; /* of all answers together; NULL: none */
	struct exchange exchanges[EXCHANGES];
	uint8_t next_exchange;
	bool prepared;                /* `asked` is filled */
	uint8_t asked[MOST_PAYLOADS]; /* how often each payload was sent */
	uint16_t more_asks;
	bool conflict_told, duplicate_told, stranger_told;
	uint8_t mappings;
	struct mapping mapping[2];
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

static struct port_answer *answer_find(const struct portscan *scan, const struct port_slot *slot)
{
	uint32_t index = (uint32_t)(slot - scan->slots);
	size_t at = answer_position(scan, index);

	return at < scan->answer_count && scan->answers[at].slot == index ? &scan->answers[at] : NULL;
}

/* NULL when there are too many already, or memory ran out: then the port is open and nothing more is said about it. */
static struct port_answer *answer_make(struct engine *e, struct portscan *scan, const struct port_slot *slot)
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

static struct exchange *exchange_make(struct port_answer *answer, uint16_t attempt, int64_t sent_ns)
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

/* "after 0.31 ms", or nothing when it is not known when the ask was sent. */
static const char *after_text(const struct exchange *exchange, int64_t at_ns, char out[40])
{
	if (exchange->sent_ns > 0 && at_ns >= exchange->sent_ns)
		snprintf(out, 40, "after %.2f ms", (double)(at_ns - exchange->sent_ns) / 1e6);
	else
		snprintf(out, 40, "%.2f ms after the first", (double)(at_ns - exchange->first_ns) / 1e6);
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
	char first[40], then[40];

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

static void read_answer(const struct engine *e, const struct ask *ask, const struct reply *reply,
                        struct service_reading *out)
{
	service_read(ask->port, reply->data, reply->data_bytes, out);
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
	char first[40], then[40], from[ADDR_TEXT_BYTES];

	if (!exchange || exchange->answers == 0 || answer->conflict_told)
		return;
	answer->conflict_told = true;
	note(e, host, at_ns, slot->number, "conflicting-replies", "two answers to one query: %s: %s; %s: %s from %s",
	     after_text(exchange, exchange->first_ns, first), exchange->text, after_text(exchange, at_ns, then),
	     verdict->reason, verdict->by_target ? "the host itself" : addr_format(&verdict->from, from));
}

void answers_bad_checksum(struct engine *e, struct host *host, const struct port_slot *slot, const char *reason,
                          int64_t at_ns)
{
	if (host->scan->bad_checksum_told)
		return;
	host->scan->bad_checksum_told = true;
	note(e, host, at_ns, 0, "answers-bad-checksum",
	     "answers probes whose UDP checksum is wrong (%u/udp: %s): a device in between answers, or nobody checks",
	     slot->number, reason);
}

/* Strangers */

/* Does the datagram answer a question to that host, but for its sender? */
static bool proves_question(struct engine *e, struct host *host, const struct reply *reply, struct ask *ask)
{
	struct lane *lane = host->scan ? portscan_lane(host->scan, &reply->dst) : NULL;
	uint32_t place = e->slot_of_port[reply->src_port];
	struct reply as_asked = *reply;
	uint16_t attempts;

	if (!lane || place == 0 || addr_equal(&host->addr, &reply->src))
		return false;
	attempts = host->scan->slots[place - 1].attempts;
	as_asked.src = host->addr;
	*ask = (struct ask){PROBE_UDP, lane->source, host->addr, reply->src_port, 0, 0};
	for (uint16_t back = 1; back <= attempts && back <= 4 && e->stray_checks < MOST_STRAY_CHECKS; back++) {
		e->stray_checks++;
		ask->attempt = (uint16_t)(attempts - back);
		if (probe_modules[PROBE_UDP]->matches(&e->config.probe, ask, &as_asked) == MATCH_PROVED)
			return true;
	}
	return false;
}

bool answers_stranger(struct engine *e, const struct reply *reply, int64_t at_ns)
{
	if (!e->config.ports)
		return false;
	for (size_t i = 0; i < e->host_capacity && e->stray_checks < MOST_STRAY_CHECKS; i++) {
		struct host *host = &e->hosts[i];
		char text[ADDR_TEXT_BYTES];
		struct service_reading reading;
		struct port_answer *answer;
		struct ask ask;

		if (!host->in_use || !proves_question(e, host, reply, &ask))
			continue;
		answer = answer_make(e, host->scan, &host->scan->slots[e->slot_of_port[reply->src_port] - 1]);
		if (!answer || answer->stranger_told)
			return true;
		answer->stranger_told = true;
		read_answer(e, &ask, reply, &reading);
		note(e, host, at_ns, ask.port, "answer-from-other-host",
		     "%s answered what was asked of this host, and is not believed: %s", addr_format(&reply->src, text),
		     reading.info);
		return true;
	}
	return false;
}

/* Asking for more */

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

/* The end */

/* RFC 5780 asks two addresses of a server; two ports of ours to one of them tell how the translator picks its ports. */
static const char *nat_kind(const struct port_answer *answer)
{
	const struct mapping *a = &answer->mapping[0], *b = &answer->mapping[1];

	if (answer->mappings < 2)
		return a->our_port == a->mapped_port ? "keeps the port" : "changes the port";
	if (!addr_equal(&a->mapped, &b->mapped))
		return "uses several addresses";
	if (a->our_port == a->mapped_port && b->our_port == b->mapped_port)
		return "keeps ports";
	if ((uint16_t)(a->mapped_port - a->our_port) == (uint16_t)(b->mapped_port - b->our_port))
		return "shifts ports";
	if ((uint16_t)(b->mapped_port - a->mapped_port) <= 16)
		return "hands out ports in sequence";
	return "picks ports of its own";
}

static void tell_mapping(struct engine *e, struct host *host, struct port_answer *answer, int64_t now_ns)
{
	const struct port_slot *slot = &host->scan->slots[answer->slot];
	char ours[ADDR_TEXT_BYTES], seen[ADDR_TEXT_BYTES], second[96] = "";
	bool translated = false;

	for (size_t i = 0; i < answer->mappings; i++) {
		const struct mapping *m = &answer->mapping[i];

		translated |= !addr_equal(&m->ours, &m->mapped) || m->our_port != m->mapped_port;
	}
	if (answer->mappings == 0 || !answer->reading)
		return;
	if (service_add_detail(answer->reading, "nat", translated ? nat_kind(answer) : "none"))
		answers_tell(e, host, slot, now_ns);
	if (!translated)
		return;
	if (answer->mappings == 2)
		snprintf(second, sizeof(second), ", port %u as %s port %u", answer->mapping[1].our_port,
		         addr_format(&answer->mapping[1].mapped, seen), answer->mapping[1].mapped_port);
	note(e, host, now_ns, slot->number, "nat-in-between",
	     "%s port %u is seen as %s port %u%s: address translation that %s",
	     addr_format(&answer->mapping[0].ours, ours), answer->mapping[0].our_port,
	     addr_format(&answer->mapping[0].mapped, seen), answer->mapping[0].mapped_port, second, nat_kind(answer));
}

/* More than two alike: the note with how many there were in the end. */
static void tell_duplicates(struct engine *e, struct host *host, const struct port_answer *answer, int64_t now_ns)
{
	const struct exchange *most = NULL;
	char last[40];

	for (size_t i = 0; i < EXCHANGES; i++) {
		if (answer->exchanges[i].used && (!most || answer->exchanges[i].answers > most->answers))
			most = &answer->exchanges[i];
	}
	if (most && most->answers > 2)
		note(e, host, now_ns, host->scan->slots[answer->slot].number, "duplicate-replies",
		     "one query was answered %u times alike, the last %s", most->answers,
		     after_text(most, most->last_ns, last));
}

/* Many ports, all of them open, and most say nothing that a service would say. A machine with many real services is none such. */
static void tell_every_port(struct engine *e, struct host *host, int64_t now_ns)
{
	const struct portscan *scan = host->scan;
	size_t open = 0, echoes = 0, services = 0;

	for (size_t i = 0; i < scan->slot_count; i++)
		open += scan->slots[i].stage == STAGE_SETTLED && scan->slots[i].state == PORT_OPEN;
	for (size_t i = 0; i < scan->answer_count; i++) {
		const struct service_reading *reading = scan->answers[i].reading;
		bool is_known = reading && reading->service;

		echoes += is_known && strcmp(reading->service, "echo") == 0;
		services += is_known && strcmp(reading->service, "echo") != 0;
	}
	if (open < EVERY_PORT_LEAST + services || open * 50 < scan->slot_count * 49)
		return;
	note(e, host, now_ns, 0, "answers-on-every-port",
	     "%zu of %zu ports asked are open%s: hardly so many services; a honeypot, or a device in between that "
	     "answers for it",
	     open, scan->slot_count, echoes * 2 > open ? " and send back what they get" : "");
}

void answers_finish(struct engine *e, struct host *host, int64_t now_ns)
{
	for (size_t i = 0; i < host->scan->answer_count; i++) {
		tell_mapping(e, host, &host->scan->answers[i], now_ns);
		tell_duplicates(e, host, &host->scan->answers[i], now_ns);
	}
	tell_every_port(e, host, now_ns);
}
