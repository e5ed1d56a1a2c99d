/* reports.c: all reports of a run: opens them, gives each format its events and finished hosts, tells what could not be written. */
#include <errno.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "collector.h"
#include "groups.h"

enum { REPORTS_MAX = 16, SWEPT_NOTES_MAX = 8 };

struct reports {
	const struct scan_info *info;
	struct collector *collector;
	struct addr_ranges down;
	bool lost_hosts;                                /* memory ran out */
	struct note_event swept_notes[SWEPT_NOTES_MAX]; /* of the address that comes next */
	size_t swept_note_count;
	struct report list[REPORTS_MAX];
	size_t count;
};

/* Calls one function of every format that has it and whose output still works, and notes whether it went wrong. */
#define FOR_EACH_FORMAT(reports, function, ...)                                                                        \
	for (struct report *report = (reports)->list; report < (reports)->list + (reports)->count; report++) {         \
		if (report->format->function && !report->failed) {                                                     \
			errno = 0;                                                                                     \
			report->format->function(report, __VA_ARGS__);                                                 \
			note_error(report);                                                                            \
		}                                                                                                      \
	}

/* After the first error a report is left alone: what followed would only look whole. */
static void note_error(struct report *report)
{
	if (report->failed || !ferror(report->out))
		return;
	report->failed = true;
	report->error = errno ? errno : EIO;
}

static void flush(struct report *report)
{
	errno = 0;
	if (!report->failed)
		fflush(report->out);
	note_error(report);
}

static void deliver(void *context, const struct host_result *host)
{
	struct reports *reports = context;

	if (host->host.state == HOST_DOWN && !addr_ranges_add(&reports->down, &host->addr))
		reports->lost_hosts = true;
	FOR_EACH_FORMAT(reports, host, host);
}

/* A run of hosts of a sweep that are not listed one by one. */
static void deliver_run(struct reports *reports, const struct host_result *first, uint64_t count)
{
	struct addr last = first->addr;

	if (last.family == 4)
		last = addr_from_v4(addr_v4(&last) + (uint32_t)(count - 1));
	if (first->host.state == HOST_DOWN && !addr_ranges_add_run(&reports->down, &first->addr, &last, count))
		reports->lost_hosts = true;
	FOR_EACH_FORMAT(reports, run, first, count);
}

/* Events of a sweep come in order when they are final: nothing has to be collected. */
static void take_swept(struct reports *reports, const struct event *event)
{
	const struct swept_event *swept = &event->u.swept;
	struct host_result host = {.ordinal = event->ordinal, .addr = event->addr, .first_ns = event->at_ns};

	FOR_EACH_FORMAT(reports, event, event);
	if (event->kind == EVENT_NOTE && addr_is_set(&event->addr) && reports->swept_note_count < SWEPT_NOTES_MAX)
		reports->swept_notes[reports->swept_note_count++] = event->u.note;
	if (event->kind != EVENT_SWEPT)
		return;
	host.done_ns = event->at_ns;
	host.host = swept->host;
	host.notes = reports->swept_notes;
	host.note_count = reports->swept_note_count;
	if (swept->host.state == HOST_UP || swept->one_by_one)
		deliver(reports, &host);
	else
		deliver_run(reports, &host, swept->count);
	reports->swept_note_count = 0;
}

struct reports *reports_new(const struct scan_info *info, struct err *err)
{
	struct reports *reports = calloc(1, sizeof(*reports));

	if (reports) {
		reports->info = info;
		reports->collector = collector_new(deliver, reports);
		if (reports->collector)
			return reports;
	}
	free(reports);
	err_set(err, ERR_SYSTEM, "out of memory");
	return NULL;
}

/* Two reports into one file would overwrite each other. Devices such as /dev/null may be shared. */
static const struct report *same_file(const struct reports *reports, FILE *out)
{
	struct stat mine, other;

	if (fstat(fileno(out), &mine) != 0 || !S_ISREG(mine.st_mode))
		return NULL;
	for (size_t i = 0; i < reports->count; i++) {
		if (fstat(fileno(reports->list[i].out), &other) == 0 && mine.st_dev == other.st_dev &&
		    mine.st_ino == other.st_ino)
			return &reports->list[i];
	}
	return NULL;
}

static FILE *open_output(const struct reports *reports, const struct report_format *format, const char *path,
                         bool append, struct err *err)
{
	const struct report *other = NULL;
	FILE *out;

	for (size_t i = 0; !strcmp(path, "-") && i < reports->count; i++) {
		if (reports->list[i].out == stdout)
			other = &reports->list[i];
	}
	if (other) {
		err_set(err, ERR_USAGE,
		        "-: the %s and the %s report cannot both go to standard output; give one a file name",
		        other->format->name, format->name);
		return NULL;
	}
	if (!strcmp(path, "-"))
		return stdout;
	out = fopen(path, append ? "ae" : "we");
	if (!out) {
		err_set(err, ERR_OUTPUT, "%s: cannot write the %s report: %s", path, format->name, strerror(errno));
		return NULL;
	}
	other = same_file(reports, out);
	if (other) {
		err_set(err, ERR_USAGE, "%s: the %s and the %s report cannot share a file; name another", path,
		        other->format->name, format->name);
		fclose(out);
		return NULL;
	}
	return out;
}

bool reports_add(struct reports *reports, const struct report_format *format, const char *path, bool append,
                 struct err *err)
{
	struct report *report = &reports->list[reports->count];
	FILE *out;

	if (reports->count == REPORTS_MAX)
		return err_set(err, ERR_USAGE, "%s: more than %d reports; leave some out", path, REPORTS_MAX);
	out = open_output(reports, format, path, append, err);
	if (!out)
		return false;
	__fsetlocking(out, FSETLOCKING_BYCALLER); /* one thread writes reports */
	*report = (struct report){.format = format, .info = reports->info, .out = out};
	snprintf(report->path, sizeof(report->path), "%s", path);
	reports->count++;
	return true;
}

void reports_begin(struct reports *reports)
{
	FOR_EACH_FORMAT(reports, begin, reports->info);
	reports_flush(reports);
}

/* With --open the formats that print each event are spared the ports that cannot be open. */
static bool is_told(const struct reports *reports, const struct event *event, enum collector_word word)
{
	return !(event->kind == EVENT_PORT && reports->info->show_open_only && word == WORD_FIRST &&
	         (event->u.port.state == PORT_CLOSED || event->u.port.state == PORT_FILTERED));
}

void reports_event(struct reports *reports, const struct event *event)
{
	enum collector_word word;

	if (event->swept) {
		take_swept(reports, event);
		return;
	}
	word = collector_word(reports->collector, event);
	if (word == WORD_LATE)
		return;
	if (is_told(reports, event, word))
		FOR_EACH_FORMAT(reports, event, event);
	if (!collector_take(reports->collector, event))
		reports->lost_hosts = true;
}

void reports_change(struct reports *reports, const struct watch_change *change)
{
	FOR_EACH_FORMAT(reports, change, change);
}

void reports_round(struct reports *reports, const struct round_report *round)
{
	FOR_EACH_FORMAT(reports, round, round);
}

void reports_watched(struct reports *reports, const struct watched *target)
{
	FOR_EACH_FORMAT(reports, watched, target);
}

void reports_end(struct reports *reports, const struct scan_summary *summary)
{
	if (!collector_finish(reports->collector))
		reports->lost_hosts = true;
	FOR_EACH_FORMAT(reports, end, summary, &reports->down);
	reports_flush(reports);
}

void reports_flush(struct reports *reports)
{
	for (size_t i = 0; i < reports->count; i++)
		flush(&reports->list[i]);
}

size_t reports_alive(const struct reports *reports)
{
	size_t alive = 0;

	for (size_t i = 0; i < reports->count; i++)
		alive += !reports->list[i].failed;
	return alive;
}

const struct report *reports_failure(struct reports *reports)
{
	for (size_t i = 0; i < reports->count; i++) {
		struct report *report = &reports->list[i];

		if (report->failed && !report->failure_told) {
			report->failure_told = true;
			return report;
		}
	}
	return NULL;
}

static void release(struct report *report)
{
	if (report->format->release && report->state)
		report->format->release(report);
	report->state = NULL;
}

static void close_report(struct report *report)
{
	if (!report->out)
		return;
	release(report);
	flush(report);
	errno = 0;
	if (report->out != stdout && fclose(report->out) != 0 && !report->failed) {
		report->failed = true;
		report->error = errno ? errno : EIO;
	}
	report->out = NULL;
}

/* Adds one complaint to those already in the text. */
static void complain(struct err *err, const char *what, const char *why, const char *so)
{
	struct err earlier = {0};

	if (!err)
		return;
	if (err->code == ERR_OUTPUT)
		earlier = *err;
	err_set(err, ERR_OUTPUT, "%s%s%s: %s; %s", earlier.text, earlier.text[0] ? "; " : "", what, why, so);
}

bool reports_close(struct reports *reports, struct err *err)
{
	bool whole = !reports->lost_hosts;

	if (err)
		*err = (struct err){0};
	if (reports->lost_hosts)
		complain(err, "reports", "out of memory", "results are missing from them");
	for (size_t i = 0; i < reports->count; i++) {
		struct report *report = &reports->list[i];
		bool is_stdout = !strcmp(report->path, "-");

		close_report(report);
		if (!report->failed)
			continue;
		whole = false;
		complain(err, is_stdout ? "standard output" : report->path, strerror(report->error),
		         is_stdout ? "the report is incomplete" : "the file is incomplete");
	}
	return whole;
}

void reports_free(struct reports *reports)
{
	if (!reports)
		return;
	for (size_t i = 0; i < reports->count; i++)
		close_report(&reports->list[i]);
	collector_free(reports->collector);
	addr_ranges_free(&reports->down);
	free(reports);
}
