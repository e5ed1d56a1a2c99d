/* run.c: the one loop of a scan (the picture is in the README): send what is due, wait, decode, tell the engine, report. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "interrupt.h"
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
	trace_received(&scan->trace, &reply, frame->at_ns);
	engine_receive(scan->engine, &reply, frame->at_ns);
}

static void deliver(struct scan *scan, struct event *event)
{
	event->ordinal += scan->ordinal_offset;
	reports_event(scan->reports, event);
	if (scan->continued)
		reports_event(scan->continued, event);
	if (scan->resume && event->kind == EVENT_HOST)
		resume_replay_begun(scan->resume, scan->reports, event);
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

/* One turn. False when the scan has to end here. */
static bool turn(struct scan *scan)
{
	struct err err = {0};
	int64_t until_ns;
	bool more = send_due(scan);

	if (scan->craft_errors_in_a_row > CRAFT_ERRORS_TOO_MANY) {
		stop(scan, "packets could not be built", 1);
		return false;
	}
	drain_events(scan);
	until_ns = more ? 0 : engine_next_wake(scan->engine);
	if (until_ns > progress_wake(&scan->progress))
		until_ns = progress_wake(&scan->progress);
	if (engine_done(scan->engine))
		return true;
	if (!link_recv(scan->link, until_ns, on_frame, scan, &err)) {
		memcpy(scan->partial_text, err.text, sizeof(scan->partial_text));
		scan_say(scan, "%s; what is known so far follows", err.text);
		stop(scan, scan->partial_text, 1);
		return false;
	}
	progress_tick(&scan->progress, scan->engine, link_now(scan->link));
	return true;
}

static void summarise(struct scan *scan, struct scan_summary *out)
{
	struct engine_progress at;
	struct link_counters counters = {0};
	int64_t now_ns = link_now(scan->link);

	engine_progress(scan->engine, now_ns, &at);
	link_counters(scan->link, &counters);
	*out = (struct scan_summary){
	        .end_wall_ns = live_wall_ns(),
	        .elapsed_ns = now_ns - scan->info.start_ns,
	        .hosts_up = at.hosts_up,
	        .hosts_down = at.hosts_down,
	        .sent = at.sent,
	        .received = at.received,
	        .rejected = at.rejected,
	        .send_errors = scan->send_errors.total + scan->craft_errors,
	        .send_error_text = send_errors_commonest(&scan->send_errors),
	        .kernel_drops = counters.kernel_drops,
	        .partial = scan->partial_why != NULL,
	        .partial_why = scan->partial_why,
	};
	if (at.hosts_finished > at.hosts_up + at.hosts_down)
		out->hosts_unknown = at.hosts_finished - at.hosts_up - at.hosts_down;
	if (scan->resume)
		resume_count(scan->resume, out);
}

void scan_run(struct scan *scan)
{
	struct scan_summary summary;

	while (!engine_done(scan->engine)) {
		if (interrupts_seen() > 0) {
			stop(scan, "interrupted", 130);
			break;
		}
		if (!turn(scan))
			break;
	}
	interrupts_finish();
	progress_clear(&scan->progress);
	scan->progress.live = false;
	drain_events(scan);
	summarise(scan, &summary);
	reports_end(scan->reports, &summary);
	if (scan->continued)
		reports_end(scan->continued, &summary);
}
