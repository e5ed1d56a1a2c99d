/* run.c: the one loop of a scan (the picture is in the README): send what is due, wait, decode, tell the engine, report. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "claiming.h"
#include "interrupt.h"
#include "own_ports.h"
#include "scan.h"

/* Sent before looking at what came in, so that neither direction starves. */
enum { SEND_BATCH = 256, CRAFT_ERRORS_TOO_MANY = 1000 };

void scan_say(struct scan *scan, const char *format, ...)
{
	va_list args;

	progress_clear(&scan->progress);
	fputs("nscan: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* Ends the scan early; what is not settled becomes unknown. */
static void stop(struct scan *scan, const char *why, int status)
{
	engine_stop(scan->engine, link_now(scan->link));
	scan->partial_why = why;
	scan->status = status;
}

static void craft_failed(struct scan *scan, const struct probe *probe, const struct err *why, int64_t now_ns)
{
	if (scan->craft_errors++ == 0)
		scan_say(scan, "cannot build a packet: %s", why->text);
	scan->craft_errors_in_a_row++;
	engine_send_failed(scan->engine, probe->cookie, EINVAL, now_ns);
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

		if (!engine_next_probe(scan->engine, now_ns, &probe))
			break;
		n = craft_probe(scan->craft, &probe, frame, &err);
		if (n == 0) {
			craft_failed(scan, &probe, &err, now_ns);
			continue;
		}
		scan->craft_errors_in_a_row = 0;
		trace_sent(&scan->trace, &probe, frame, n, now_ns);
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
	claiming_receive(scan, frame, &reply);
	engine_receive(scan->engine, &reply, frame->at_ns);
}

/* Every report hears it; the file that --resume goes on with has an order of its own. */
static void tell(struct scan *scan, const struct event *event)
{
	struct event placed = *event;

	if (scan->continued)
		reports_event(scan->continued, event);
	if (scan->resume)
		placed.ordinal = resume_ordinal(scan->resume, event->ordinal);
	reports_event(scan->reports, &placed);
	if (scan->resume && event->kind == EVENT_HOST)
		resume_replay_begun(scan->resume, scan->reports, &placed);
}

static void deliver(struct scan *scan, const struct event *event)
{
	struct event note;

	tell(scan, event);
	if (own_ports_note(scan, event, &note))
		tell(scan, &note);
}

static void flush_reports(struct scan *scan)
{
	reports_flush(scan->reports);
	if (scan->continued)
		reports_flush(scan->continued);
}

/* Everything new that the engine knows goes into the reports, and from there to who reads along. */
static void drain_events(struct scan *scan)
{
	struct event event;
	bool restore = scan->progress.shown;

	if (!engine_next_event(scan->engine, &event))
		return;
	if (scan->shares_terminal)
		progress_clear(&scan->progress);
	do
		deliver(scan, &event);
	while (engine_next_event(scan->engine, &event));
	flush_reports(scan);
	if (restore)
		progress_restore(&scan->progress);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When the loop has something to do, whatever comes in. */
static int64_t next_wake(const struct scan *scan)
{
	int64_t wake_ns = earlier(engine_next_wake(scan->engine), progress_wake(&scan->progress));

	return earlier(wake_ns, scan->stop_ns);
}

/* Waits for what comes in, at most until something is due. False when the interface is gone for good. */
static bool receive(struct scan *scan, int64_t until_ns, struct err *err)
{
	bool ok = true;

	interrupts_hold();
	if (interrupts_seen() == 0)
		ok = link_recv(scan->link, until_ns, on_frame, scan, err);
	interrupts_release();
	return ok;
}

/* Ends the scan when something from outside asks for it. */
static bool must_stop(struct scan *scan)
{
	if (interrupts_seen() > 0)
		stop(scan, "interrupted", 130);
	else if (link_now(scan->link) >= scan->stop_ns)
		stop(scan, "max-time", 0); /* as ordered: the scan is complete as far as it could be */
	else if (scan->craft_errors_in_a_row > CRAFT_ERRORS_TOO_MANY)
		stop(scan, "packets could not be built", 1);
	return scan->partial_why != NULL;
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
			stop(scan, scan->partial_text, 1);
			break;
		}
		progress_tick(&scan->progress, scan->engine, link_now(scan->link));
	}
}

void scan_run(struct scan *scan)
{
	struct scan_summary summary;
	char note[SCAN_NOTE_BYTES];

	loop(scan);
	interrupts_finish();
	progress_clear(&scan->progress);
	scan->progress.live = false;
	drain_events(scan);
	scan_summarise(scan, note, &summary);
	reports_end(scan->reports, &summary);
	if (scan->continued)
		reports_end(scan->continued, &summary);
}
