/* watch.c: the report of --watch that a person reads: changes as they happen, a line for each round, a table at the end. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define SECOND_NS INT64_C(1000000000)

struct watch_state {
	struct addr_ranges up;     /* in the first round */
	struct addr_ranges steady; /* always up; at the end */
	struct addr_ranges silent; /* never up */
	uint64_t table_lines;
	bool lost; /* memory ran out */
};

static void watch_begin(struct report *report, const struct scan_info *info)
{
	char start[TIME_TEXT_BYTES];

	report->state = calloc(1, sizeof(struct watch_state));
	if (!report->state) {
		report->failed = true;
		report->error = ENOMEM;
		return;
	}
	fprintf(report->out, "Starting Nscan %s at %s\n", info->version, time_local(info->start_wall_ns, start));
}

/* Local time: "12:00:04" or "2026-01-30 12:00:04". */
static void print_when(struct report *report, int64_t at_ns, bool with_date)
{
	char text[TIME_TEXT_BYTES];
	size_t date_bytes = strlen("2026-01-30 ");

	time_local(at_ns - report->info->start_ns + report->info->start_wall_ns, text);
	if (strlen(text) > date_bytes)
		fprintf(report->out, "%.*s", with_date ? 19 : 8, with_date ? text : text + date_bytes);
}

/* "3.2 s", "2 m 5 s", "3 h 12 m", "4 d 3 h" */
static void print_span(FILE *out, int64_t ns)
{
	int64_t seconds = ns / SECOND_NS;

	if (seconds < 60)
		fprintf(out, "%" PRId64 ".%d s", seconds, (int)(ns % SECOND_NS / (SECOND_NS / 10)));
	else if (seconds < 3600)
		fprintf(out, "%d m %d s", (int)(seconds / 60), (int)(seconds % 60));
	else if (seconds < 86400)
		fprintf(out, "%d h %d m", (int)(seconds / 3600), (int)(seconds / 60 % 60));
	else
		fprintf(out, "%" PRId64 " d %d h", seconds / 86400, (int)(seconds / 3600 % 24));
}

/* The first round finds out who is there. */
static void watch_host(struct report *report, const struct host_result *host)
{
	struct watch_state *state = report->state;

	if (host->host.state == HOST_UP)
		state->lost |= !addr_ranges_add(&state->up, &host->addr);
}

static void watch_change(struct report *report, const struct watch_change *change)
{
	FILE *out = report->out;
	char addr[ADDR_TEXT_BYTES];

	print_when(report, change->at_ns, false);
	fprintf(out, " %s", addr_format(&change->addr, addr));
	if (change->is_port)
		fprintf(out, " %u/udp", change->port);
	fprintf(out, " is %s", change->to);
	if (change->reason)
		fprintf(out, " (%s", change->reason);
	if (change->reason && change->has_rtt) {
		fputs(", ", out);
		print_milliseconds(out, change->rtt_ns);
		fputs(" ms", out);
	}
	if (change->reason)
		fputc(')', out);
	fprintf(out, "; was %s", change->from);
	if (change->lasted_ns >= 0 && strcmp(change->from, host_state_name(HOST_UNKNOWN)) != 0) {
		fputs(" for ", out);
		print_span(out, change->lasted_ns);
	}
	fputc('\n', out);
}

static void watch_round(struct report *report, const struct round_report *round)
{
	struct watch_state *state = report->state;
	const struct watch_round *what = &round->what;
	uint64_t hosts = what->up + what->down + what->unknown;
	FILE *out = report->out;

	if (what->number == 1 && state->up.addresses > 0) {
		fputs("Up: ", out);
		addr_ranges_print(&state->up, out);
		fprintf(out, " (%" PRIu64 " of %" PRIu64 ")\n", state->up.addresses, hosts);
	}
	print_when(report, round->at_ns + round->took_ns, false);
	fprintf(out, " round %" PRIu64 ": ", what->number);
	if (!round->sound) {
		fputs("no statement, the own interface was down\n", out);
		return;
	}
	fprintf(out, "%" PRIu64 " up, %" PRIu64 " inactive", what->up, what->down);
	if (what->unknown)
		fprintf(out, ", %" PRIu64 " unknown", what->unknown);
	fprintf(out, "; %" PRIu64 " change%s; ", what->changes, plural(what->changes));
	print_seconds(out, round->took_ns);
	fputs(" s", out);
	if (round->took_ns > round->every_ns) {
		fputs(", longer than the ", out);
		print_span(out, round->every_ns);
		fputs(" between rounds", out);
	}
	fputc('\n', out);
}

static void watch_watched(struct report *report, const struct watched *target)
{
	struct watch_state *state = report->state;
	FILE *out = report->out;
	char addr[ADDR_TEXT_BYTES], percent[32] = "";
	uint64_t tenths = target->rounds_known ? target->rounds_up * 1000 / target->rounds_known : 0;

	if (target->rounds_known == 0 && target->changes == 0)
		return;
	if (target->changes == 0 && (target->rounds_up == 0 || target->rounds_up == target->rounds_known)) {
		state->lost |= !addr_ranges_add(target->rounds_up ? &state->steady : &state->silent, &target->addr);
		return;
	}
	if (state->table_lines++ == 0)
		fprintf(out, "\n%-15s  %-7s  %7s  %7s  %s\n", "ADDRESS", "STATE", "UP", "CHANGES", "LAST CHANGE");
	snprintf(percent, sizeof(percent), "%" PRIu64 ".%d %%", tenths / 10, (int)(tenths % 10));
	fprintf(out, "%-15s  %-7s  %7s  %7" PRIu32 "  ", addr_format(&target->addr, addr),
	        host_state_name((enum host_state)target->state), percent, target->changes);
	if (target->changes > 0)
		print_when(report, target->since_ns, true);
	else
		fputc('-', out);
	fputc('\n', out);
}

static void print_ranges(FILE *out, const char *label, const struct addr_ranges *set,
                         const struct scan_summary *summary)
{
	if (set->addresses == 0)
		return;
	fprintf(out, "%s: ", label);
	addr_ranges_print(set, out);
	fprintf(out, " (%" PRIu64 " of %" PRIu64 ")\n", set->addresses, summary_hosts(summary));
}

static void watch_end(struct report *report, const struct scan_summary *summary, const struct addr_ranges *down)
{
	struct watch_state *state = report->state;
	FILE *out = report->out;

	(void)down;
	fputc('\n', out);
	print_ranges(out, "Always up", &state->steady, summary);
	print_ranges(out, "Never up", &state->silent, summary);
	fprintf(out, "Nscan done: %" PRIu64 " address%s (%" PRIu64 " up, %" PRIu64 " inactive) watched for ",
	        summary_hosts(summary), summary_hosts(summary) == 1 ? "" : "es", summary->hosts_up,
	        summary->hosts_down);
	print_span(out, summary->elapsed_ns);
	fputc('\n', out);
	if (summary->kernel_drops)
		fprintf(out, "%" PRIu64 " frame%s lost by the capture: the machine was too slow, try --max-rate\n",
		        summary->kernel_drops, plural(summary->kernel_drops));
	if (summary->note)
		print_line(out, "Note: ", summary->note, "");
	if (state->lost)
		fputs("Out of memory: the lists above are incomplete\n", out);
}

static void watch_release(struct report *report)
{
	struct watch_state *state = report->state;

	addr_ranges_free(&state->up);
	addr_ranges_free(&state->steady);
	addr_ranges_free(&state->silent);
	free(state);
}

const struct report_format report_watch = {
        .name = "normal",
        .suffix = "nscan",
        .begin = watch_begin,
        .host = watch_host,
        .change = watch_change,
        .round = watch_round,
        .watched = watch_watched,
        .end = watch_end,
        .release = watch_release,
};
