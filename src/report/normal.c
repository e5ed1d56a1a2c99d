/* normal.c: the report that a person reads: a block for each host that is up, then who is inactive, then how it went. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "inactive.h"
#include "mtu.h"
#include "port_table.h"
#include "text.h"

/* What was printed last, to know where an empty line belongs. */
enum section { SECTION_NONE, SECTION_HEAD, SECTION_NEWS, SECTION_HOST, SECTION_TAIL };

struct normal_state {
	enum section section;
	struct inactive inactive;
	struct addr_ranges unfinished;   /* hosts not settled */
	struct addr_ranges nothing_open; /* --open: hosts up without a port to show */
	FILE *down_names;                /* -R: names of inactive hosts, a line each; NULL: none so far */
	char *down_names_text;
	size_t down_names_bytes;
	FILE *tail_notes; /* notes of addresses that have no block of their own, and about networks; NULL: none so far */
	char *tail_notes_text;
	size_t tail_notes_bytes;
	bool lost; /* memory ran out */
};

/* Sections are parted by an empty line; so are hosts, when they are more than their name and state. */
static void enter(struct report *report, enum section section)
{
	struct normal_state *state = report->state;

	if (state->section != SECTION_NONE &&
	    (state->section != section || (section == SECTION_HOST && report->info->ports)))
		fputc('\n', report->out);
	state->section = section;
}

static void normal_begin(struct report *report, const struct scan_info *info)
{
	struct normal_state *state = calloc(1, sizeof(*state));
	char start[TIME_TEXT_BYTES];

	report->state = state;
	if (!state) {
		report->failed = true;
		report->error = ENOMEM;
		return;
	}
	inactive_init(&state->inactive, info->verbose > 0 || info->show_reason);
	enter(report, SECTION_HEAD);
	fprintf(report->out, "Starting Nscan %s at %s\n", info->version, time_local(info->start_wall_ns, start));
}

/* ": domain, dnsmasq 2.90", or nothing; ends the line. */
static void print_reading(FILE *out, const struct service_reading *reading)
{
	if (reading) {
		fprintf(out, ": %s%s", reading->service ? reading->service : "", reading->service ? ", " : "");
		print_printable(out, reading->info, strlen(reading->info));
	}
	fputc('\n', out);
}

static void keep_tail_note(struct normal_state *state, const struct addr *addr, const struct note_event *note)
{
	char text[ADDR_TEXT_BYTES];

	if (!state->tail_notes)
		state->tail_notes = open_memstream(&state->tail_notes_text, &state->tail_notes_bytes);
	if (!state->tail_notes) {
		state->lost = true;
		return;
	}
	fputs("Note: ", state->tail_notes);
	if (addr_is_set(addr))
		fprintf(state->tail_notes, "%s: ", addr_format(addr, text));
	print_printable(state->tail_notes, note->text, strnlen(note->text, sizeof(note->text)));
	fprintf(state->tail_notes, " (%s)\n", note->code);
}

/* -v: what was found, as it is found. */
static void normal_event(struct report *report, const struct event *event)
{
	char addr[ADDR_TEXT_BYTES];

	if (event->swept && event->kind == EVENT_NOTE && !addr_is_set(&event->addr))
		keep_tail_note(report->state, &event->addr, &event->u.note);
	if (report->info->verbose == 0)
		return;
	addr_format(&event->addr, addr);
	if (event->kind == EVENT_PORT && event->u.port.state == PORT_OPEN) {
		enter(report, SECTION_NEWS);
		fprintf(report->out, "%s %u/udp on %s",
		        event->u.port.more_known ? "More about" : "Discovered open port", event->u.port.port, addr);
		print_reading(report->out, event->u.port.reading);
	} else if (event->kind == EVENT_HOST && event->u.host.state == HOST_UP) {
		enter(report, SECTION_NEWS);
		fprintf(report->out, "%s is up (%s)\n", addr, event->u.host.reason);
	} else if (event->kind == EVENT_HOST && event->u.host.state == HOST_DOWN && addr_is_set(&event->u.host.from)) {
		enter(report, SECTION_NEWS);
		fprintf(report->out, "%s is inactive (%s", addr, event->u.host.reason);
		print_from(report->out, &event->u.host.from);
		fputs(")\n", report->out);
	}
}

/* " 00:1B:21:01:02:03 (Intel Corporate)" */
static void print_mac(struct report *report, const struct host_event *host)
{
	char text[MAC_TEXT_BYTES], room[VENDOR_TEXT_BYTES];
	const char *vendor = host_vendor(report->info, host, room);

	fprintf(report->out, " %s", mac_format(host->mac, text));
	if (!vendor)
		return;
	fputs(" (", report->out);
	print_printable(report->out, vendor, strlen(vendor));
	fputc(')', report->out);
}

/* "printer.lan (192.168.0.7)", or the address alone. */
static void print_name_and_addr(FILE *out, const struct host_result *host)
{
	char text[ADDR_TEXT_BYTES];

	addr_format(&host->addr, text);
	if (!host->host.name) {
		fputs(text, out);
		return;
	}
	print_escaped(out, host->host.name, strlen(host->host.name));
	fprintf(out, " (%s)", text);
}

static void print_host_lines(struct report *report, const struct host_result *host)
{
	FILE *out = report->out;

	fputs("Nscan report for ", out);
	print_name_and_addr(out, host);
	fputs(host->host.state == HOST_UP ? "\nHost is up (" : "\nHost may be up or not (", out);
	if (host->host.has_rtt) {
		print_milliseconds(out, host->host.rtt_ns);
		fputs(" ms, ", out);
	}
	fputs(host->host.reason, out);
	print_from(out, &host->host.from);
	fputs(").", out);
	if (host->host.has_mac)
		print_mac(report, &host->host);
	fputc('\n', out);
	if (host->has_mtu && (host->mtu.path_mtu || report->info->verbose > 0 || report->info->from_capture)) {
		print_mtu(out, &host->mtu, report->info->verbose > 0);
		fputc('\n', out);
	}
	if (!host->has_limit)
		return;
	fprintf(out, "ICMP errors limited to %.3g/s", host->limit.icmp_per_s);
	if (host->limit.burst)
		fprintf(out, ", burst %" PRIu32, host->limit.burst);
	fputc('\n', out);
}

static void print_tail_notes(struct report *report)
{
	struct normal_state *state = report->state;

	if (!state->tail_notes || fflush(state->tail_notes) != 0)
		return;
	enter(report, SECTION_TAIL);
	fwrite(state->tail_notes_text, 1, state->tail_notes_bytes, report->out);
}

static void print_notes(FILE *out, const struct host_result *host)
{
	for (size_t i = 0; i < host->note_count; i++) {
		const struct note_event *note = &host->notes[i];

		fputs("Note: ", out);
		if (note->port)
			fprintf(out, "%u/udp: ", note->port);
		print_printable(out, note->text, strnlen(note->text, sizeof(note->text)));
		fprintf(out, " (%s)\n", note->code);
	}
}

static bool has_something_to_show(const struct port_groups *groups)
{
	return groups->count[PORT_OPEN] + groups->count[PORT_OPEN_FILTERED] + groups->count[PORT_UNKNOWN] > 0;
}

static void print_up(struct report *report, const struct host_result *host)
{
	struct normal_state *state = report->state;
	struct port_groups groups;

	if (report->info->ports)
		port_groups_make(&groups, report->info, host);
	if (report->info->ports && report->info->show_open_only && !has_something_to_show(&groups)) {
		state->lost |= !addr_ranges_add(&state->nothing_open, &host->addr);
		return;
	}
	enter(report, SECTION_HOST);
	print_host_lines(report, host);
	if (!report->info->ports) {
		print_notes(report->out, host);
		return;
	}
	print_port_table(report->out, host, &groups, report->info->verbose);
	print_not_shown(report->out, host, &groups);
	print_notes(report->out, host);
}

/* -R: "  192.168.0.104 printer.lan" */
static void keep_down_name(struct normal_state *state, const struct host_result *host)
{
	char text[ADDR_TEXT_BYTES];

	if (!state->down_names)
		state->down_names = open_memstream(&state->down_names_text, &state->down_names_bytes);
	if (!state->down_names) {
		state->lost = true;
		return;
	}
	fprintf(state->down_names, "  %-15s ", addr_format(&host->addr, text));
	print_escaped(state->down_names, host->host.name, strlen(host->host.name));
	fputc('\n', state->down_names);
}

static void print_down_names(struct report *report)
{
	struct normal_state *state = report->state;

	if (!state->down_names || fflush(state->down_names) != 0)
		return;
	enter(report, SECTION_TAIL);
	fputs("Names of inactive addresses:\n", report->out);
	fwrite(state->down_names_text, 1, state->down_names_bytes, report->out);
}

static void normal_host(struct report *report, const struct host_result *host)
{
	struct normal_state *state = report->state;

	if (host->host.state == HOST_DOWN && host->host.name)
		keep_down_name(state, host);
	for (size_t i = 0; !host_is_shown(report->info, host) && i < host->note_count; i++)
		keep_tail_note(state, &host->addr, &host->notes[i]);
	if (host_is_shown(report->info, host))
		print_up(report, host);
	else if (host->host.state == HOST_DOWN)
		state->lost |= !inactive_add(&state->inactive, host);
	else
		state->lost |= !addr_ranges_add(&state->unfinished, &host->addr);
}

static void normal_run(struct report *report, const struct host_result *first, uint64_t count)
{
	struct normal_state *state = report->state;
	struct addr last = addr_from_v4(addr_v4(&first->addr) + (uint32_t)(count - 1));

	for (size_t i = 0; i < first->note_count; i++)
		keep_tail_note(state, &first->addr, &first->notes[i]);
	if (first->host.state == HOST_DOWN)
		state->lost |= !inactive_add_run(&state->inactive, first, count);
	else
		state->lost |= !addr_ranges_add_run(&state->unfinished, &first->addr, &last, count);
}

/* "Inactive: 192.168.0.102, .104-.106 (4 of 101)" */
static void print_ranges(struct report *report, const char *label, const struct addr_ranges *set, uint64_t hosts)
{
	if (set->addresses == 0)
		return;
	enter(report, SECTION_TAIL);
	fprintf(report->out, "%s: ", label);
	addr_ranges_print(set, report->out);
	fprintf(report->out, " (%" PRIu64 " of %" PRIu64 ")\n", set->addresses, hosts);
}

static void print_unfinished(struct report *report, const struct scan_summary *summary)
{
	const struct normal_state *state = report->state;
	uint64_t listed = state->unfinished.addresses;

	print_ranges(report, report->info->from_capture ? "Not known" : "Not finished", &state->unfinished,
	             summary_hosts(summary));
	if (report->info->from_capture || summary->hosts_unknown <= listed)
		return;
	enter(report, SECTION_TAIL);
	fprintf(report->out, "Not begun: %" PRIu64 " address%s\n", summary->hosts_unknown - listed,
	        summary->hosts_unknown - listed == 1 ? "" : "es");
}

static void print_done(FILE *out, const struct scan_info *info, const struct scan_summary *summary)
{
	uint64_t hosts = summary_hosts(summary);

	fprintf(out, "Nscan done: %" PRIu64 " address%s (%" PRIu64 " up, %" PRIu64 " inactive", hosts,
	        hosts == 1 ? "" : "es", summary->hosts_up, summary->hosts_down);
	if (summary->hosts_unknown)
		fprintf(out, ", %" PRIu64 " unknown", summary->hosts_unknown);
	fputs(info->from_capture ? ") in a capture of " : ") scanned in ", out);
	print_seconds(out, summary->elapsed_ns);
	fputs(" s\n", out);
}

/* What may make a reader trust the results less. */
static void print_warnings(FILE *out, const struct scan_summary *summary)
{
	if (summary->rejected)
		fprintf(out, "%" PRIu64 " %s not verify and %s ignored (forged, late, or altered on the way)\n",
		        summary->rejected, summary->rejected == 1 ? "reply did" : "replies did",
		        summary->rejected == 1 ? "was" : "were");
	if (summary->kernel_drops)
		fprintf(out,
		        "%" PRIu64 " frame%s lost by the capture: the machine was too slow; results may miss answers, "
		        "try --max-rate\n",
		        summary->kernel_drops, plural(summary->kernel_drops));
	if (summary->send_errors)
		fprintf(out, "%" PRIu64 " send error%s%s%s\n", summary->send_errors, plural(summary->send_errors),
		        summary->send_error_text ? ": " : "", summary->send_error_text ? summary->send_error_text : "");
	if (summary->note)
		print_line(out, "Note: ", summary->note, "");
	if (summary->partial)
		print_line(out, "PARTIAL: ", summary->partial_why ? summary->partial_why : "interrupted",
		           "; what was not settled by then is unknown");
}

static void normal_end(struct report *report, const struct scan_summary *summary, const struct addr_ranges *down)
{
	const struct normal_state *state = report->state;
	uint64_t hosts = summary_hosts(summary);

	print_ranges(report, "Up, no open port", &state->nothing_open, hosts);
	print_ranges(report, "Inactive", down, hosts);
	inactive_print(&state->inactive, report->out);
	print_down_names(report);
	print_unfinished(report, summary);
	print_tail_notes(report);
	enter(report, SECTION_TAIL);
	if (summary->hosts_up == 0 && summary->hosts_down > 0 && !summary->partial && report->info->ports &&
	    !report->info->from_capture && inactive_may_hide(&state->inactive))
		fputs("No host answered. Hosts that ignore discovery may still answer on their ports: try -Pn\n",
		      report->out);
	print_done(report->out, report->info, summary);
	print_warnings(report->out, summary);
	if (state->lost)
		fputs("Out of memory: the lists above are incomplete\n", report->out);
}

static void normal_release(struct report *report)
{
	struct normal_state *state = report->state;

	if (state->tail_notes)
		fclose(state->tail_notes);
	free(state->tail_notes_text);
	if (state->down_names)
		fclose(state->down_names);
	free(state->down_names_text);
	inactive_free(&state->inactive);
	addr_ranges_free(&state->unfinished);
	addr_ranges_free(&state->nothing_open);
	free(state);
}

const struct report_format report_normal = {
        .name = "normal",
        .suffix = "nscan",
        .begin = normal_begin,
        .event = normal_event,
        .host = normal_host,
        .run = normal_run,
        .end = normal_end,
        .release = normal_release,
};
