/* run.c: the one loop of a scan (the picture is in the README): send what is due, wait, decode, tell the engine, report.
 *
 * Whatever the engine is told here goes into the journal too (nscan/journal.h): a record that lacks one call cannot be played
 * back. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "claiming.h"
#include "fail.h"
#include "interrupt.h"
#include "own_ports.h"
#include "recording.h"
#include "retold.h"
#include "scan.h"

/* Sent before looking at what came in, so that neither direction starves. */
enum { SEND_BATCH = 256, CRAFT_ERRORS_TOO_MANY = 1000 };

static const int64_t COUNTERS_EVERY_NS = 50000000;

/* For names after the scan, however busily name servers answer; when they do not, names.c gives up much sooner. */
static const int64_t NAMES_MOST_NS = 30000000000;
static const int64_t NAMES_LOOK_NS = 50000000;
static const int64_t TELL_FAILURES_NS = 1000000000; /* since the start */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void scan_say(struct scan *scan, const char *format, ...)
{
	va_list args;

	if (scan->options->quiet)
		return;
	progress_clear(&scan->progress);
	va_start(args, format);
	say_line_of(format, args);
	va_end(args);
}

/* Ends the scan early; what is not settled becomes unknown. */
static void stop(struct scan *scan, int64_t now_ns, const char *why, int status)
{
	journal_note(scan->journal, JOURNAL_STOP, now_ns, (uint32_t)status, 0, why);
	engine_stop(scan->engine, now_ns);
	scan->partial_why = why;
	scan->status = status;
}

static void craft_failed(struct scan *scan, const struct probe *probe, const struct err *why, int64_t now_ns)
{
	if (scan->craft_errors++ == 0)
		scan_say(scan, "cannot build a packet: %s", why->text);
	scan->craft_errors_in_a_row++;
	journal_note(scan->journal, JOURNAL_UNBUILT, now_ns, 0, 0, NULL);
	if (scan->playback)
		replay_take(scan->link, JOURNAL_UNBUILT, NULL);
	engine_send_failed(scan->engine, probe->cookie, EINVAL, now_ns);
}

/* Nothing was due: the record has to know that it was asked for, because asking may have settled something. */
static void nothing_due(struct scan *scan, int64_t now_ns)
{
	journal_note(scan->journal, JOURNAL_IDLE, now_ns, 0, 0, NULL);
	if (scan->playback)
		replay_take(scan->link, JOURNAL_IDLE, NULL);
}

/* True when a whole batch went out, so that more is probably due. */
static bool send_due(struct scan *scan)
{
	uint8_t frame[CRAFT_MAX_BYTES];
	struct probe probe;
	struct err err;
	int count = 0;

	for (; count < SEND_BATCH; count++) {
		int64_t now_ns = link_now(scan->link);
		size_t n;

		if (scan->playback && !playback_asks(scan))
			break;
		if (!engine_next_probe(scan->engine, now_ns, &probe)) {
			nothing_due(scan, now_ns);
			break;
		}
		n = craft_quick(scan->craft, &probe, frame, &err);
		if (n == 0) {
			craft_failed(scan, &probe, &err, now_ns);
			continue;
		}
		scan->craft_errors_in_a_row = 0;
		trace_sent(&scan->trace, &probe, frame, n, now_ns);
		journal_probe(scan->journal, probe.interface, frame, n, now_ns);
		link_send(scan->link, probe.interface, frame, n, probe.cookie);
	}
	if (count > 0)
		link_flush(scan->link);
	return count == SEND_BATCH;
}

static void on_frame(void *context, const struct frame *frame)
{
	struct scan *scan = context;
	struct reply reply;

	if (!decode_frame(frame->type, frame->bytes, frame->captured, &reply))
		return;
	if (scan->trace.out) {
		interrupts_release(); /* the wait is over, and writing may take as long as the reader likes */
		trace_received(&scan->trace, &reply, frame->at_ns);
	}
	journal_frame(scan->journal, frame);
	claiming_receive(scan, frame, &reply);
	engine_receive(scan->engine, &reply, frame->at_ns);
}

/* Every report hears it; the file that --resume goes on with has an order of its own. */
static void tell(struct scan *scan, const struct event *event)
{
	struct event placed = *event;

	if (scan->mute || (scan->playback && !playback_wants(scan->playback, event)))
		return;
	if (scan->continued)
		reports_event(scan->continued, event);
	if (scan->resume)
		placed.ordinal = resume_ordinal(scan->resume, event->ordinal);
	reports_event(scan->reports, &placed);
	if (scan->resume && event->kind == EVENT_HOST)
		resume_replay_begun(scan->resume, scan->reports, &placed);
}

void scan_deliver(void *context, const struct event *event)
{
	struct scan *scan = context;
	struct event note;

	if (scan->names && scan->journal && !event->swept)
		retold_record(scan, event, scan->taking == event->ordinal);
	if (scan->observe)
		scan->observe(scan->observer, event);
	tell(scan, event);
	if (own_ports_note(scan, event, &note))
		tell(scan, &note);
}

/* A sweep's last words begin, which take the names along: what is still asked for gets a little time more. Frames can wait, everything
 * is asked. */
static void await_names(struct scan *scan)
{
	int64_t until_ns = earlier(link_now(scan->link) + NAMES_MOST_NS, scan->stop_ns), now_ns;

	while (!names_done(scan->names) && interrupts_seen() == 0 && !scan->partial_why &&
	       (now_ns = link_now(scan->link)) < until_ns) {
		names_work(scan->names, now_ns);
		if (!names_done(scan->names))
			interrupts_pause_for(names_fd(scan->names), &scan->wait_mask, NAMES_LOOK_NS);
	}
	names_give_up(scan->names);
}

/* By way of the names, where there are any. */
static void deliver(struct scan *scan, const struct event *event)
{
	/* A record has no place for the names of a sweep. */
	if (scan->names && !(event->swept && scan->journal)) {
		if (event->kind == EVENT_SWEPT && !names_done(scan->names))
			await_names(scan);
		scan->taking = event->ordinal;
		names_take(scan->names, event, link_now(scan->link));
		scan->taking = UINT64_MAX;
	} else if (scan->playback && scan->playback->retold && !event->swept)
		retold_take(scan, event);
	else
		scan_deliver(scan, event);
}

/* A full disk is told while there is time to do something about it; in a short scan its end will do. Where nobody reads any more the
 * scan ends, and that is told then. */
static void tell_failures(struct scan *scan)
{
	const struct report *report;

	if (link_now(scan->link) < scan->progress.start_ns + TELL_FAILURES_NS)
		return;
	while (reports_alive(scan->reports) > 0 && (report = reports_failure(scan->reports))) {
		progress_clear(&scan->progress);
		say_line("cannot write to %s any more: %s; the scan goes on, but what it finds from now on is missing "
		         "there",
		         strcmp(report->path, "-") == 0 ? "standard output" : report->path, strerror(report->error));
	}
}

static void flush_reports(struct scan *scan)
{
	reports_flush(scan->reports);
	tell_failures(scan);
	if (scan->continued)
		reports_flush(scan->continued);
}

/* Everything new that the engine and the name servers know goes into the reports, and from there to who reads along. */
static void drain_events(struct scan *scan)
{
	struct event event;
	bool restore = scan->progress.shown;
	bool any, names = scan->names && !names_done(scan->names);

	if (scan->playback && scan->playback->retold)
		names = retold_work(scan);
	any = engine_next_event(scan->engine, &event);

	if (!any && !names)
		return;
	if (scan->shares_terminal)
		progress_clear(&scan->progress);
	if (names && scan->names)
		names_work(scan->names, link_now(scan->link));
	while (any) {
		deliver(scan, &event);
		any = engine_next_event(scan->engine, &event);
	}
	flush_reports(scan);
	if (restore)
		progress_restore(&scan->progress);
}

/* When the loop has something to do, whatever comes in. */
static int64_t next_wake(const struct scan *scan)
{
	int64_t wake_ns = earlier(engine_next_wake(scan->engine), progress_wake(&scan->progress));

	if (scan->names)
		wake_ns = earlier(wake_ns, names_wake(scan->names));
	return earlier(wake_ns, scan->stop_ns);
}

/* Waits for what comes in, at most until something is due. False when the interface is gone for good. */
static bool receive(struct scan *scan, int64_t until_ns, struct err *err)
{
	bool ok = true;

	if (scan->journal)
		journal_flush(scan->journal, link_now(scan->link), until_ns);
	interrupts_hold();
	if (interrupts_seen() == 0)
		ok = link_recv(scan->link, until_ns, on_frame, scan, err);
	interrupts_release();
	return ok;
}

/* Whoever read the reports is gone, or the disk is full: nobody would hear of what is found from now on. */
static bool is_unheard(const struct scan *scan)
{
	return options_action(scan->options) == ACTION_SCAN && reports_alive(scan->reports) == 0 &&
	       (!scan->continued || reports_alive(scan->continued) == 0) && !journal_is_alive(scan->journal);
}

/* Ends the scan when something from outside asks for it. */
static bool must_stop(struct scan *scan)
{
	int64_t now_ns = scan->playback ? 0 : link_now(scan->link);
	const char *why;
	int status;

	if (is_unheard(scan)) {
		stop(scan, link_now(scan->link), "no output is left", 1);
	} else if (scan->playback) {
		if (replay_next(scan->link) == JOURNAL_NONE)
			drain_events(scan); /* before waiting for more of the file */
		if (playback_stops(scan, &now_ns, &why, &status))
			stop(scan, now_ns, why, status);
	} else if (interrupts_seen() > 0)
		stop(scan, now_ns, "interrupted", 130);
	else if (now_ns >= scan->stop_ns)
		stop(scan, now_ns, "max-time", 0); /* as ordered: the scan is complete as far as it could be */
	else if (scan->craft_errors_in_a_row > CRAFT_ERRORS_TOO_MANY)
		stop(scan, now_ns, "packets could not be built", 1);
	return scan->partial_why != NULL;
}

/* Tells the engine what the capture has lost; asking the kernel costs too much to do it each time. */
static void watch_capture(struct scan *scan)
{
	int64_t now_ns = link_now(scan->link);
	struct link_counters counters = {0};

	if (scan->playback) {
		playback_drops(scan);
		return;
	}
	if (now_ns < scan->counters_ns)
		return;
	scan->counters_ns = now_ns + COUNTERS_EVERY_NS;
	link_counters(scan->link, &counters);
	journal_note(scan->journal, JOURNAL_DROPS, now_ns, 0, counters.kernel_drops, NULL);
	engine_capture_drops(scan->engine, counters.kernel_drops, now_ns);
}

/* The picture of the loop in the README, line by line. */
static void loop(struct scan *scan)
{
	while (!engine_done(scan->engine) && !must_stop(scan)) {
		bool more = send_due(scan);
		struct err err = {0};

		drain_events(scan);
		if (engine_done(scan->engine))
			break;
		if (!receive(scan, more ? 0 : next_wake(scan), &err)) {
			memcpy(scan->partial_text, err.text, sizeof(scan->partial_text));
			scan_say(scan, "%s; what is known so far follows", err.text);
			stop(scan, link_now(scan->link), scan->partial_text, 1);
			break;
		}
		watch_capture(scan);
		progress_tick(&scan->progress, scan->engine, link_now(scan->link));
	}
}

/* The scan is over; names that are still asked for get a little time more. */
static void finish_names(struct scan *scan)
{
	int64_t until_ns = scan->partial_why ? 0 : earlier(link_now(scan->link) + NAMES_MOST_NS, scan->stop_ns);
	struct err err = {0};

	while (!names_done(scan->names) && interrupts_seen() == 0 && link_now(scan->link) < until_ns) {
		drain_events(scan);
		if (names_done(scan->names) || !receive(scan, earlier(names_wake(scan->names), until_ns), &err))
			break;
		progress_tick(&scan->progress, scan->engine, link_now(scan->link));
	}
	names_give_up(scan->names);
}

/* What became of the names, where somebody would wonder. */
static void say_names(struct scan *scan)
{
	struct names_summary names;
	bool wanted = scan->options->all_names || scan->options->dns_servers || scan->options->verbose > 0;

	names_summarise(scan->names, &names);
	if (names.dead && (names.costly || wanted))
		scan_say(scan, "no name server answers; hosts are reported without their names (-n asks for none)");
	else if (names.left_out > 0 && !names.dead)
		scan_say(scan, "%llu hosts are reported without their names: the name servers did not answer in time",
		         (unsigned long long)names.left_out);
}

bool scan_receives_late(struct scan *scan)
{
	enum journal_kind next = replay_next(scan->link);
	struct err err = {0};

	if (next == JOURNAL_FRAME || next == JOURNAL_FAILED)
		return receive(scan, 0, &err);
	if ((next != JOURNAL_NAME && next != JOURNAL_TOLD) || !scan->playback->retold)
		return false;
	drain_events(scan);
	return replay_next(scan->link) != next || retold_work(scan);
}

void scan_round(struct scan *scan)
{
	loop(scan);
	drain_events(scan);
	journal_flush(scan->journal, link_now(scan->link), INT64_MAX); /* the next one may be long in coming */
}

void scan_run(struct scan *scan)
{
	struct scan_summary summary;
	char note[SCAN_NOTE_BYTES];

	loop(scan);
	if (scan->names) {
		drain_events(scan);
		finish_names(scan);
	}
	interrupts_finish();
	progress_clear(&scan->progress);
	scan->progress.live = false;
	drain_events(scan);
	if (scan->names)
		say_names(scan);
	if (scan->playback)
		playback_end(scan);
	scan_summarise(scan, note, &summary);
	recording_end(scan, &summary);
	reports_end(scan->reports, &summary);
	if (scan->continued)
		reports_end(scan->continued, &summary);
}
