/* answers_notes.c: what is strange about the answers of a host: from another address, to a wrong checksum, on every port, translated. */
#include <stdio.h>
#include <string.h>

#include "answers.h"

enum {
	EVERY_PORT_LEAST = 16, /* so many ports, all open and none a known service, are no coincidence */
	MOST_STRAY_CHECKS = 1 << 21,
};

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
	char last[AFTER_TEXT_BYTES];

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
