/* ping_text.c: a ping as a person reads it, in the manner of ping(8). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "nscan/ports.h"
#include "nscan/report.h"
#include "nscan/values.h"
#include "ping_report.h"

static double milliseconds(int64_t ns)
{
	return (double)ns / 1e6;
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* "10.0.0.2", "host.example (10.0.0.2)", and the port. */
static void print_subject(FILE *out, const struct ping_subject *subject)
{
	char text[ADDR_TEXT_BYTES];
	const char *service = subject->port ? port_service(subject->port) : NULL;

	addr_format(&subject->dst, text);
	if (subject->name) {
		print_escaped(out, subject->name, strlen(subject->name));
		fprintf(out, " (%s)", text);
	} else {
		fputs(text, out);
	}
	if (subject->port)
		fprintf(out, " port %u/udp%s%s%s", subject->port, service ? " (" : "", service ? service : "",
		        service ? ")" : "");
	else
		fputs(" by ICMP echo", out);
}

static void print_source_ports(FILE *out, const struct ping_subject *subject)
{
	size_t n = subject->source_port_count;

	if (subject->port == 0)
		return;
	if (n == 1) {
		fprintf(out, ":%u", subject->source_ports[0]);
		return;
	}
	fprintf(out, ", %zu source ports from %u to %u in turn", n, subject->source_ports[0],
	        subject->source_ports[n - 1]);
	if (subject->source_ports_wanted > n)
		fprintf(out, " (%zu are in use here)", subject->source_ports_wanted - n);
}

void ping_text_begin(FILE *out, const struct ping_subject *subject)
{
	char text[ADDR_TEXT_BYTES];

	fputs("PING ", out);
	print_subject(out, subject);
	fprintf(out, " from %s", addr_format(&subject->src, text));
	print_source_ports(out, subject);
	fprintf(out, ": %zu byte%s of data", subject->data_bytes, plural(subject->data_bytes));
	if (subject->payload)
		fprintf(out, " (%s)", subject->payload);
	fputc('\n', out);
}

/* " from 10.0.0.9 port 7", where that is not whom was asked. */
static void print_from(FILE *out, const struct ping_subject *subject, const struct ping_event *event)
{
	char text[ADDR_TEXT_BYTES];
	bool other_host = !addr_equal(&event->from, &subject->dst);

	if (event->icmp_name || other_host)
		fprintf(out, " from %s", addr_format(&event->from, text));
	if (event->from_port && event->from_port != subject->port)
		fprintf(out, "%s port %u", other_host ? "" : " from", event->from_port);
}

/* "answer, 118 bytes (domain: dnsmasq-2.89)"; what it says only when it is new. */
static void print_answer(FILE *out, const struct ping_event *event, const struct service_reading *said, bool news)
{
	fprintf(out, "answer, %zu byte%s", event->bytes, plural(event->bytes));
	if (!said)
		return;
	fprintf(out, " (%s", said->service);
	if (news && said->info[0]) {
		fputs(": ", out);
		print_printable(out, said->info, strlen(said->info));
	}
	fputc(')', out);
}

static void print_result(FILE *out, const struct ping_subject *subject, const struct ping_event *event)
{
	switch (event->result) {
	case PING_ECHO:
		fprintf(out, "echo verified, %zu byte%s", event->bytes, plural(event->bytes));
		break;
	case PING_TRUNCATED:
		fprintf(out, "echo truncated, %zu of %zu bytes", event->bytes, subject->data_bytes);
		break;
	case PING_ALTERED:
		fprintf(out, "echo altered, %zu bytes, %zu of them wrong, the first at %zu", event->bytes,
		        event->wrong_bytes, event->first_wrong);
		break;
	case PING_NOTHING:
		fputs("nothing", out);
		break;
	case PING_NOT_SENT:
		fputs("could not be sent", out);
		break;
	case PING_NO_NEIGHBOUR:
		fputs("no answer to ARP, nothing could be sent", out);
		break;
	default:
		fputs(event->icmp_name ? event->icmp_name : ping_result_name(event->result), out);
	}
}

static void print_marks(FILE *out, const struct ping_event *event)
{
	if (event->attempt > 1)
		fprintf(out, " (try %" PRIu32 ")", event->attempt);
	if (event->duplicate)
		fputs(" DUP!", out);
	else if (event->late)
		fputs(" (late)", out);
	else if (event->reordered)
		fputs(" (out of order)", out);
	if (event->again)
		fputs(" (another try was answered before)", out);
}

void ping_text_event(FILE *out, const struct ping_subject *subject, const struct ping_event *event,
                     const struct service_reading *said, bool news)
{
	fprintf(out, "seq=%" PRIu32, event->sequence);
	if (event->src_port)
		fprintf(out, " port=%u", event->src_port);
	fputs(": ", out);
	if (event->result == PING_ANSWER)
		print_answer(out, event, said, news);
	else
		print_result(out, subject, event);
	if (addr_is_set(&event->from))
		print_from(out, subject, event);
	if (event->has_rtt)
		fprintf(out, ", %.3f ms", milliseconds(event->rtt_ns));
	else if (event->tries > 0)
		fprintf(out, " in %.1f s", (double)event->rtt_ns / 1e9);
	if (!event->has_rtt && event->tries > 1)
		fprintf(out, " (%" PRIu32 " tries)", event->tries);
	if (event->has_rtt && subject->verbose > 0)
		fprintf(out, ", ttl %u%s", event->ttl, event->proved ? "" : ", not proved to be ours");
	print_marks(out, event);
	fputc('\n', out);
}

/* ---- the end ---- */

/* "998 echo verified, 2 nothing" */
static void print_results(FILE *out, const struct ping_stats *stats)
{
	static const struct {
		enum ping_result result;
		const char *words;
	} rows[] = {
	        {PING_ECHO, "echo verified"},
	        {PING_TRUNCATED, "echo truncated"},
	        {PING_ALTERED, "echo altered"},
	        {PING_ANSWER, "answered"},
	        {PING_REFUSED, "refused (port-unreach)"},
	        {PING_ERROR, "other ICMP error"},
	        {PING_NO_NEIGHBOUR, "no answer to ARP"},
	        {PING_NOT_SENT, "could not be sent"},
	        {PING_NOTHING, "nothing"},
	        {PING_WAITING, "still waited for"},
	};
	const char *separator = "";

	fprintf(out, "%" PRIu64 " probe%s: ", stats->probes, plural(stats->probes));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (stats->results[rows[i].result] == 0)
			continue;
		fprintf(out, "%s%" PRIu64 " %s", separator, stats->results[rows[i].result], rows[i].words);
		separator = ", ";
	}
	fputc('\n', out);
}

/* ", 3 duplicates", ", 2 late"; `s` is what more than one adds. */
static void print_count(FILE *out, uint64_t count, const char *words, const char *s)
{
	if (count > 0)
		fprintf(out, ", %" PRIu64 " %s%s", count, words, count == 1 ? "" : s);
}

static void print_packets(FILE *out, const struct ping_end *end)
{
	const struct ping_stats *stats = end->stats;
	double loss = ping_loss_percent(stats);

	fprintf(out, "%" PRIu64 " packet%s sent, %" PRIu64 " received", stats->packets, plural(stats->packets),
	        stats->received);
	print_count(out, stats->errors, "error", "s");
	if (loss >= 0)
		fprintf(out, ", %.4g%% loss", loss);
	print_count(out, stats->waiting, "under way", "");
	print_count(out, stats->retransmissions, "repetition", "s");
	print_count(out, stats->duplicates, "duplicate", "s");
	print_count(out, stats->late, "late", "");
	print_count(out, stats->reordered, "out of order", "");
	fprintf(out, ", time %.1f s\n", (double)end->elapsed_ns / 1e9);
}

static void print_times(FILE *out, const char *of, const struct ping_times *times)
{
	if (times->count > 0)
		fprintf(out, "rtt%s min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n", of, milliseconds(times->min_ns),
		        times->mean_ns / 1e6, milliseconds(times->max_ns), milliseconds(ping_times_mdev(times)));
}

size_t ping_silent_ports(const struct ping_port *ports, size_t count, uint16_t *out)
{
	size_t silent = 0;

	for (size_t i = 0; i < count; i++) {
		if (ping_port_is_silent(&ports[i]))
			out[silent++] = ports[i].port;
	}
	return silent;
}

static void print_silent_ports(FILE *out, const struct ping_end *end)
{
	double elsewhere = ping_loss_percent_elsewhere(end->stats, end->ports, end->port_count);
	size_t asked = 0, silent;
	uint16_t *list;
	char *text;

	if (end->port_count < 2)
		return;
	for (size_t i = 0; i < end->port_count; i++)
		asked += end->ports[i].probes > 0;
	list = calloc(end->port_count, sizeof(*list));
	silent = list ? ping_silent_ports(end->ports, end->port_count, list) : 0;
	text = silent > 0 ? port_list_format(&(struct port_list){list, silent}) : NULL;
	if (text)
		fprintf(out, "Source ports without a reply: %s (%zu of %zu)\n", text, silent, asked);
	if (text && elsewhere >= 0)
		fprintf(out, "Loss on the others: %.4g%%\n", elsewhere);
	if (!text && list && asked > 0)
		fprintf(out, "Every one of %zu source ports got a reply\n", asked);
	free(text);
	free(list);
}

/* What a reader could misunderstand. */
static void print_hints(FILE *out, const struct ping_subject *subject, const struct ping_end *end)
{
	const struct ping_stats *stats = end->stats;

	if (stats->rejected > 0)
		fprintf(out, "%" PRIu64 " packet%s that do%s not prove to answer this ping %s left out\n",
		        stats->rejected, plural(stats->rejected), stats->rejected == 1 ? "es" : "",
		        stats->rejected == 1 ? "was" : "were");
	if (stats->fragments > 0)
		fprintf(out, "%" PRIu64 " fragment%s of larger datagrams came from there; they are not put together\n",
		        stats->fragments, plural(stats->fragments));
	if (end->send_error_text)
		fprintf(out, "%" PRIu64 " packet%s could not be sent: %s\n", stats->send_errors,
		        plural(stats->send_errors), end->send_error_text);
	if (stats->results[PING_REFUSED] > 0 && ping_stats_lost(stats) > 0)
		fputs("The silences may be the host's limit on ICMP errors (Linux: one a second to each peer), not "
		      "loss; --interval 1s or longer and --max-retries 0 stay below it\n",
		      out);
	if (subject->port && stats->packets > 0 && stats->received + stats->errors + stats->waiting == 0)
		fputs("Silence alone does not tell a closed way from a service that does not answer this payload; "
		      "nscan --echo-server on the other end would\n",
		      out);
}

void ping_text_end(FILE *out, const struct ping_subject *subject, const struct ping_end *end)
{
	fputs("\n--- ", out);
	print_subject(out, subject);
	fprintf(out, " ---%s%s\n", end->partial_why ? " " : "", end->partial_why ? end->partial_why : "");
	print_results(out, end->stats);
	print_packets(out, end);
	print_times(out, "", &end->stats->answers);
	print_times(out, " of refusals", &end->stats->refusals);
	print_silent_ports(out, end);
	print_hints(out, subject, end);
}
