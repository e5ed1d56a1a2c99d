/* ping_json.c: a ping as JSON lines: one for each event, and a summary. The manual page lists the keys. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "nscan/report.h"
#include "ping_report.h"

static void put_text(json_t *object, const char *key, const char *text)
{
	if (text)
		json_object_set_new(object, key, json_string(text));
}

/* Text from the network: jansson takes only UTF-8, so what is none becomes \xNN first. */
static void put_escaped(json_t *object, const char *key, const char *text)
{
	char *safe = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&safe, &n);

	if (!out)
		return;
	print_printable(out, text, strlen(text));
	fclose(out);
	put_text(object, key, safe);
	free(safe);
}

static void put_addr(json_t *object, const char *key, const struct addr *addr)
{
	char text[ADDR_TEXT_BYTES];

	if (addr_is_set(addr))
		put_text(object, key, addr_format(addr, text));
}

static void put_number(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void put_if(json_t *object, const char *key, bool holds)
{
	if (holds)
		json_object_set_new(object, key, json_true());
}

/* Microseconds, to the nanosecond that they were measured to. */
static json_t *microseconds(double ns)
{
	return json_real((double)(int64_t)(ns + 0.5) / 1000);
}

static json_t *begin(const char *type, const struct ping_subject *subject)
{
	json_t *object = json_object();

	put_text(object, "type", type);
	put_addr(object, "addr", &subject->dst);
	if (subject->name)
		put_escaped(object, "name", subject->name);
	put_text(object, "proto", subject->port ? "udp" : "icmp");
	if (subject->port)
		put_number(object, "port", subject->port);
	return object;
}

/* Writes the object as one line and lets go of it. */
static bool finish(FILE *out, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(12));

	json_decref(object);
	if (!text)
		return false;
	fprintf(out, "%s\n", text);
	free(text);
	return true;
}

bool ping_json_event(FILE *out, const struct ping_subject *subject, const struct ping_event *event,
                     const struct service_reading *said)
{
	json_t *object = begin("ping", subject);
	char time[TIME_TEXT_BYTES];

	put_number(object, "seq", event->sequence);
	if (event->src_port)
		put_number(object, "source_port", event->src_port);
	put_text(object, "result", ping_result_name(event->result));
	put_text(object, "reason", event->icmp_name);
	put_addr(object, "from", &event->from);
	if (event->from_port && event->from_port != subject->port)
		put_number(object, "from_port", event->from_port);
	if (event->has_rtt) {
		json_object_set_new(object, "rtt_us", microseconds((double)event->rtt_ns));
		put_number(object, "try", event->attempt);
		put_number(object, "ttl", event->ttl);
	}
	put_number(object, "tries", event->tries);
	if (event->result >= PING_ANSWER)
		put_number(object, "bytes", event->bytes);
	if (event->result == PING_ALTERED) {
		put_number(object, "wrong_bytes", event->wrong_bytes);
		put_number(object, "first_wrong", event->first_wrong);
	}
	if (said) {
		put_text(object, "service", said->service);
		put_escaped(object, "info", said->info);
	}
	put_if(object, "verified", event->result == PING_ECHO);
	put_if(object, "proved", event->has_rtt && event->proved);
	put_if(object, "duplicate", event->duplicate);
	put_if(object, "again", event->again);
	put_if(object, "late", event->late);
	put_if(object, "reordered", event->reordered);
	put_text(object, "time", time_utc(subject->start_wall_ns + event->at_ns - subject->start_ns, time));
	return finish(out, object);
}

static void put_times(json_t *object, const char *key, const struct ping_times *times)
{
	json_t *inner;

	if (times->count == 0)
		return;
	inner = json_object();
	json_object_set_new(inner, "min", microseconds((double)times->min_ns));
	json_object_set_new(inner, "avg", microseconds(times->mean_ns));
	json_object_set_new(inner, "max", microseconds((double)times->max_ns));
	json_object_set_new(inner, "mdev", microseconds((double)ping_times_mdev(times)));
	json_object_set_new(object, key, inner);
}

static void put_results(json_t *object, const struct ping_stats *stats)
{
	json_t *inner = json_object();

	for (int result = 0; result < PING_RESULT_COUNT; result++) {
		if (stats->results[result] > 0)
			put_number(inner, ping_result_name((enum ping_result)result), stats->results[result]);
	}
	json_object_set_new(object, "results", inner);
}

static void put_silent_ports(json_t *object, const struct ping_end *end)
{
	uint16_t *list = calloc(end->port_count + 1, sizeof(*list));
	size_t count = list ? ping_silent_ports(end->ports, end->port_count, list) : 0;
	json_t *inner = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(inner, json_integer(list[i]));
	json_object_set_new(object, "silent_source_ports", inner);
	free(list);
}

bool ping_json_end(FILE *out, const struct ping_subject *subject, const struct ping_end *end)
{
	const struct ping_stats *stats = end->stats;
	json_t *object = begin("ping-summary", subject);
	double loss = ping_loss_percent(stats);
	double elsewhere = ping_loss_percent_elsewhere(stats, end->ports, end->port_count);

	put_number(object, "probes", stats->probes);
	put_results(object, stats);
	put_number(object, "sent", stats->packets);
	put_number(object, "received", stats->received);
	if (loss >= 0)
		json_object_set_new(object, "loss_percent", json_real(loss));
	put_number(object, "lost", ping_stats_lost(stats));
	put_number(object, "under_way", stats->waiting);
	put_number(object, "errors", stats->errors);
	put_number(object, "repetitions", stats->retransmissions);
	put_number(object, "duplicates", stats->duplicates);
	put_number(object, "late", stats->late);
	put_number(object, "reordered", stats->reordered);
	put_number(object, "rejected", stats->rejected);
	put_number(object, "fragments", stats->fragments);
	put_number(object, "send_errors", stats->send_errors);
	put_text(object, "send_error", end->send_error_text);
	put_times(object, "rtt_us", &stats->answers);
	put_times(object, "refusal_rtt_us", &stats->refusals);
	if (end->port_count > 1)
		put_silent_ports(object, end);
	if (end->port_count > 1 && elsewhere >= 0)
		json_object_set_new(object, "loss_percent_elsewhere", json_real(elsewhere));
	json_object_set_new(object, "elapsed_s", json_real((double)(end->elapsed_ns / 1000000) / 1000));
	json_object_set_new(object, "partial", json_boolean(end->partial_why != NULL));
	put_text(object, "why", end->partial_why);
	return finish(out, object);
}
