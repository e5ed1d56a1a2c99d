/* progress.c: the progress line and --stats-every. */
#include "progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fail.h"
#include "nscan/values.h"

static const int64_t DRAW_EVERY_NS = 200000000;
static const int64_t FIRST_DRAW_NS = 500000000; /* a scan that is over by then needs no line */
static const int64_t RATE_EVERY_NS = 1000000000;
static const int64_t LONG_NS = 60000000000;
static const int64_t FIRST_HINT_NS = 5000000000; /* by then a limit is known well enough */

/* Appends to text at *used; stops quietly at the end of the room. */
static void append(char *text, size_t *used, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void append(char *text, size_t *used, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text + *used, PROGRESS_TEXT_BYTES - *used, format, args);
	va_end(args);
	if (n > 0)
		*used += (size_t)n;
	if (*used >= PROGRESS_TEXT_BYTES)
		*used = PROGRESS_TEXT_BYTES - 1;
}

/* Hosts that are up count by the share of their ports that is settled. */
static double share_done(const struct engine_progress *at)
{
	double done = (double)at->hosts_finished;

	if (at->passes > 0)
		return at->share_done;
	if (at->hosts_total == 0)
		return 0;
	if (at->ports_total > 0)
		done = (double)at->hosts_down +
		       (double)at->hosts_up * (double)at->ports_resolved / (double)at->ports_total;
	done /= (double)at->hosts_total;
	return done > 1 ? 1 : done;
}

/* Slow limits are told to two digits: 0.25, 1, 170. */
static void append_limit(char *text, size_t *used, double per_s)
{
	append(text, used, per_s < 10 ? "%.2g" : "%.0f", per_s);
}

static void append_rate(char *text, size_t *used, double packets_per_s)
{
	append(text, used, "; %.0f packet%s/s", packets_per_s, packets_per_s >= 0.5 && packets_per_s < 1.5 ? "" : "s");
}

/* What may be left out when there is no room for it. */
struct parts {
	bool rate, limit;
};

static void format_parts(const struct engine_progress *at, double packets_per_s, struct parts parts,
                         char out[PROGRESS_TEXT_BYTES])
{
	size_t used = 0;
	char text[ADDR_TEXT_BYTES > DURATION_TEXT_BYTES ? ADDR_TEXT_BYTES : DURATION_TEXT_BYTES];

	if (at->passes > 0)
		append(out, &used, "%d%% of %llu addresses, pass %u of %u, %llu up", (int)(share_done(at) * 100),
		       (unsigned long long)at->hosts_total, at->pass, at->passes, (unsigned long long)at->hosts_up);
	else
		append(out, &used, "%d%% %llu/%llu hosts done, %llu up", (int)(share_done(at) * 100),
		       (unsigned long long)at->hosts_finished, (unsigned long long)at->hosts_total,
		       (unsigned long long)at->hosts_up);
	if (at->ports_total > 0)
		append(out, &used, ", %llu/%llu ports, %llu open", (unsigned long long)at->ports_resolved,
		       (unsigned long long)at->ports_total, (unsigned long long)at->ports_open);
	if (parts.rate)
		append_rate(out, &used, packets_per_s);
	if (at->remaining_ns >= 0)
		append(out, &used, "; about %s left", duration_format(at->remaining_ns, text));
	if (!parts.limit || !addr_is_set(&at->limited_by))
		return;
	append(out, &used, " (%s allows ", addr_format(&at->limited_by, text));
	append_limit(out, &used, at->limited_per_s);
	append(out, &used, " ICMP errors/s)");
}

void progress_format(const struct engine_progress *at, double packets_per_s, size_t width,
                     char out[PROGRESS_TEXT_BYTES])
{
	static const struct parts choices[] = {{true, true}, {false, true}, {true, false}, {false, false}};

	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		format_parts(at, packets_per_s, choices[i], out);
		if (strlen(out) <= width)
			return;
	}
}

bool progress_hint(const struct engine_progress *at, char out[PROGRESS_TEXT_BYTES])
{
	char host[ADDR_TEXT_BYTES], left[DURATION_TEXT_BYTES];
	size_t used = 0;

	if (at->remaining_ns < LONG_NS || !addr_is_set(&at->limited_by))
		return false;
	append(out, &used, "about %s left, because %s sends ", duration_format(at->remaining_ns, left),
	       addr_format(&at->limited_by, host));
	append_limit(out, &used, at->limited_per_s);
	append(out, &used,
	       " ICMP errors/s; fewer ports (--top-ports), more addresses to ask from (--source-ips) or --max-time "
	       "make it "
	       "shorter");
	return true;
}

void progress_start(struct progress *progress, bool live, int64_t stats_every_ns, int64_t now_ns)
{
	*progress = (struct progress){
	        .live = live,
	        .start_ns = now_ns,
	        .next_draw_ns = now_ns + FIRST_DRAW_NS,
	        .stats_every_ns = stats_every_ns,
	        .next_stats_ns = now_ns + stats_every_ns,
	        .rate_at_ns = now_ns,
	};
}

/* Packets per second over the last second or so. */
static void measure_rate(struct progress *progress, uint64_t sent, int64_t now_ns)
{
	int64_t since_ns = now_ns - progress->rate_at_ns;

	if (since_ns < RATE_EVERY_NS && (progress->packets_per_s > 0 || since_ns <= 0))
		return;
	progress->packets_per_s = (double)(sent - progress->rate_sent) * 1e9 / (double)since_ns;
	if (since_ns >= RATE_EVERY_NS) {
		progress->rate_sent = sent;
		progress->rate_at_ns = now_ns;
	}
}

/* Columns that may be written to. The last one stays free: writing there would wrap on some terminals. */
static int terminal_width(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 79;
}

void progress_restore(struct progress *progress)
{
	if (!progress->live || progress->text[0] == '\0' || progress->shown)
		return;
	fprintf(stderr, "\r%.*s\033[K", terminal_width(), progress->text);
	fflush(stderr);
	progress->shown = true;
}

void progress_clear(struct progress *progress)
{
	if (!progress->shown)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	progress->shown = false;
}

/* Once, on a line of its own that stays. */
static void hint(struct progress *progress, const struct engine_progress *at, int64_t now_ns)
{
	char text[PROGRESS_TEXT_BYTES];

	if (progress->hinted || now_ns - progress->start_ns < FIRST_HINT_NS || !progress_hint(at, text))
		return;
	progress_clear(progress);
	say_line("%s", text);
	progress->hinted = true;
}

void progress_tick(struct progress *progress, const struct engine *engine, int64_t now_ns)
{
	bool draw = progress->live && now_ns >= progress->next_draw_ns;
	bool stats = progress->stats_every_ns > 0 && now_ns >= progress->next_stats_ns;
	struct engine_progress at;

	if (!draw && !stats)
		return;
	engine_progress(engine, now_ns, &at);
	measure_rate(progress, at.sent, now_ns);
	hint(progress, &at, now_ns);
	if (stats) {
		char elapsed[DURATION_TEXT_BYTES], text[PROGRESS_TEXT_BYTES];

		progress_clear(progress);
		progress_format(&at, progress->packets_per_s, SIZE_MAX, text);
		fprintf(stderr, "After %s: %s\n", duration_format(now_ns - progress->start_ns, elapsed), text);
		progress->next_stats_ns = now_ns + progress->stats_every_ns -
		                          (now_ns - progress->next_stats_ns) % progress->stats_every_ns;
	}
	if (progress->live) {
		progress_format(&at, progress->packets_per_s, (size_t)terminal_width(), progress->text);
		progress->shown = false; /* written over in place */
		progress_restore(progress);
		progress->next_draw_ns = now_ns + DRAW_EVERY_NS;
	}
}

int64_t progress_wake(const struct progress *progress)
{
	int64_t wake_ns = INT64_MAX;

	if (progress->live)
		wake_ns = progress->next_draw_ns;
	if (progress->stats_every_ns > 0 && progress->next_stats_ns < wake_ns)
		wake_ns = progress->next_stats_ns;
	return wake_ns;
}
