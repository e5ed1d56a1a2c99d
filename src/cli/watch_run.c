/* watch_run.c: --watch: rounds on a schedule that does not drift, over a link that may go and come back. */
#include "watch_run.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "interrupt.h"
#include "nscan/live.h"
#include "nscan/watch.h"
#include "scan.h"

struct watching {
	const struct options *options;
	struct options round_options;
	struct scan scan;
	struct watch *watch;
	struct network_monitor *monitor;
	bool link_open;
	bool told_lost;   /* that the interface is away, once for each time */
	bool told_late;   /* that rounds take longer than they may */
	bool lost_memory; /* changes may be missing */
	uint64_t round;
	uint64_t sent; /* in the rounds before this one; also below */
	uint64_t received;
	uint64_t rejected;
	uint64_t unsound;
	struct watch_round last;
};

static void on_event(void *context, const struct event *event)
{
	struct watching *w = context;

	if (!watch_event(w->watch, event))
		w->lost_memory = true;
}

/* One of whom nothing is known yet may well have been. */
static bool was_up(const void *context, uint64_t ordinal)
{
	const struct watch *watch = context;

	return ordinal >= watch_targets(watch) || watch_target(watch, (size_t)ordinal)->state != HOST_DOWN;
}

static void on_change(void *context, const struct watch_change *change)
{
	struct watching *w = context;

	reports_change(w->scan.reports, change);
}

static void add_counters(struct watching *w)
{
	struct engine_progress at;

	if (!w->scan.engine)
		return;
	engine_progress(w->scan.engine, 0, &at);
	w->sent += at.sent;
	w->received += at.received;
	w->rejected += at.rejected;
}

/* The link is away: said once, until it is back. */
static void lose(struct watching *w, const char *why)
{
	w->link_open = false;
	if (!w->told_lost)
		say_line("%s; watching goes on when it is back", why);
	w->told_lost = true;
}

/* Opens everything below the engine again, with the network as it is now. */
static void reopen(struct watching *w)
{
	struct err err = {0};

	w->link_open = scan_reopen(&w->scan, &err);
	if (!w->link_open) {
		lose(w, err.text);
		return;
	}
	w->scan.observe = on_event;
	w->scan.observer = w;
	if (w->told_lost)
		say_line("the interface is back; watching goes on");
	w->told_lost = false;
}

static bool same_network(const struct network *a, const struct network *b)
{
	return a->interface_count == b->interface_count && a->addr_count == b->addr_count &&
	       a->route_count == b->route_count &&
	       memcmp(a->interfaces, b->interfaces, a->interface_count * sizeof(*a->interfaces)) == 0 &&
	       memcmp(a->addrs, b->addrs, a->addr_count * sizeof(*a->addrs)) == 0 &&
	       memcmp(a->routes, b->routes, a->route_count * sizeof(*a->routes)) == 0;
}

/* Between two rounds: has anything changed that the open link does not know? */
static void catch_up(struct watching *w)
{
	enum network_news news = NETWORK_SAME;
	struct network network;
	struct err err = {0};
	bool same;

	if (w->monitor)
		news = network_monitor_read(w->monitor, &w->scan.network, w->scan.use_interface);
	if (w->link_open && news == NETWORK_SAME)
		return;
	if (!w->link_open) {
		reopen(w);
		return;
	}
	if (!network_read(&network, &err))
		return;
	same = same_network(&network, &w->scan.network);
	network_free(&network);
	if (!same)
		reopen(w);
}

/* Asks everybody once. True when the round can be relied on. */
static bool ask_round(struct watching *w)
{
	struct scan *scan = &w->scan;
	struct err err = {0};

	if (w->round > 1)
		catch_up(w);
	if (!w->link_open)
		return false;
	if (w->round > 1 && !scan_restart(scan, &err)) {
		lose(w, err.text);
		return false;
	}
	scan_round(scan);
	add_counters(w);
	if (interrupts_seen() > 0)
		return false;
	if (scan->partial_why && scan->status == 1) {
		lose(w, scan->partial_why);
		return false;
	}
	if (!w->monitor || network_monitor_read(w->monitor, &scan->network, scan->use_interface) != NETWORK_LOST)
		return true;
	lose(w, "the interface went down, or lost an address");
	return false;
}

/* The first round says who is there; later ones say only what changed. */
static void run_round(struct watching *w)
{
	struct round_report report = {.at_ns = live_now_ns(), .every_ns = w->options->watch_ns};
	bool interrupted;

	w->round++;
	watch_begin_round(w->watch);
	report.sound = ask_round(w);
	report.took_ns = live_now_ns() - report.at_ns;
	w->scan.mute = true;
	interrupted = interrupts_seen() > 0 || (w->scan.partial_why && w->link_open);
	watch_end_round(w->watch, report.sound && !interrupted, &report.what);
	w->last = report.what;
	if (interrupted)
		return; /* a part of a round says nothing about who was silent */
	w->unsound += !report.sound;
	reports_round(w->scan.reports, &report);
	reports_flush(w->scan.reports);
	if (report.took_ns > report.every_ns && report.sound && !w->told_late)
		say_line("a round takes longer than --watch allows; the next one starts at the next full interval");
	w->told_late |= report.took_ns > report.every_ns && report.sound;
}

static bool is_over(const struct watching *w)
{
	return interrupts_seen() > 0 || (w->options->count > 0 && w->round >= w->options->count) ||
	       live_now_ns() >= w->scan.stop_ns || w->scan.status == 1 ||
	       (reports_alive(w->scan.reports) == 0 && !journal_is_alive(w->scan.journal));
}

/* Round k begins at start + k * T; what a slow round missed is left out, never made up for. */
static void run_rounds(struct watching *w)
{
	int64_t start_ns = live_now_ns(), every_ns = w->options->watch_ns;

	for (;;) {
		int64_t now_ns, next_ns;

		run_round(w);
		if (w->scan.status == 1 && !w->link_open)
			w->scan.status = 0; /* that was the link; it may come back */
		if (is_over(w))
			return;
		now_ns = live_now_ns();
		next_ns = start_ns + ((now_ns - start_ns) / every_ns + 1) * every_ns;
		if (next_ns > w->scan.stop_ns)
			next_ns = w->scan.stop_ns;
		interrupts_pause(&w->scan.wait_mask, next_ns - now_ns);
		if (is_over(w))
			return;
	}
}

/* The table of who was up how much, and the end of every report. */
static void finish(struct watching *w)
{
	char note[96];
	struct scan_summary summary = {
	        .end_wall_ns = live_wall_ns(),
	        .elapsed_ns = live_now_ns() - w->scan.info.start_ns,
	        .hosts_up = w->last.up,
	        .hosts_down = w->last.down,
	        .hosts_unknown = w->last.unknown,
	        .sent = w->sent,
	        .received = w->received,
	        .rejected = w->rejected,
	        .send_errors = w->scan.send_errors.total,
	};

	interrupts_finish();
	if (w->unsound > 0) {
		snprintf(note, sizeof(note), "in %llu of %llu rounds the own interface was down; they do not count",
		         (unsigned long long)w->unsound, (unsigned long long)w->round);
		summary.note = note;
	}
	for (size_t i = 0; i < watch_targets(w->watch); i++)
		reports_watched(w->scan.reports, watch_target(w->watch, i));
	reports_end(w->scan.reports, &summary);
	if (w->lost_memory) {
		say_line("out of memory: changes may be missing");
		w->scan.status = 1;
	}
}

static bool start(struct watching *w, struct err *err)
{
	struct scan *scan = &w->scan;

	w->round_options = *w->options;
	w->round_options.quiet = true;
	w->round_options.no_names = true;
	w->round_options.no_pmtu = true; /* the path is not what is watched */
	if (!scan_open(scan, &w->round_options, NULL, NULL, err))
		return false;
	if (target_set_size(scan->targets) > WATCH_MOST_TARGETS)
		return err_set(err, ERR_USAGE, "--watch keeps a record of each address: at most %d, and these are %llu",
		               WATCH_MOST_TARGETS, (unsigned long long)target_set_size(scan->targets));
	w->watch = watch_new(scan->config.ports, on_change, w);
	if (!w->watch)
		return err_set(err, ERR_SYSTEM, "out of memory while starting to watch");
	w->monitor = network_monitor_open(); /* without it a round is judged by its own errors alone */
	w->link_open = true;
	scan->observe = on_event;
	scan->observer = w;
	scan->config.was_up = was_up;
	scan->config.was_up_context = w->watch;
	return true;
}

int watch_main(const struct options *options)
{
	struct watching *w = calloc(1, sizeof(*w));
	struct err err = {0};
	int status;

	if (!w) {
		err_set(&err, ERR_SYSTEM, "out of memory while starting to watch");
		return fail(&err);
	}
	w->options = options;
	if (start(w, &err)) {
		run_rounds(w);
		finish(w);
	} else {
		w->scan.status = fail(&err);
	}
	w->round_options.quiet = false; /* lost output is told */
	scan_close(&w->scan);
	status = w->scan.status ? w->scan.status : interrupts_seen() > 0 ? 130 : 0;
	network_monitor_close(w->monitor);
	watch_free(w->watch);
	free(w);
	return status;
}
