/* clock.c: what the kernel gives that is never the same twice: the time, and random bytes. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "internal.h"
#include "nscan/live.h"

static int64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

int64_t clock_link_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t live_now_ns(void)
{
	return clock_link_ns();
}

int64_t live_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_wall_to_link_ns(void)
{
	int64_t offset_ns = 0, best_gap_ns = INT64_MAX;

	/* The pair of readings with the least time between them, should we be preempted. */
	for (int i = 0; i < 3 && best_gap_ns > 1000; i++) {
		int64_t before = clock_link_ns(), wall = live_wall_ns();
		int64_t after = clock_link_ns();

		if (after - before < best_gap_ns) {
			best_gap_ns = after - before;
			offset_ns = before + best_gap_ns / 2 - wall;
		}
	}
	return offset_ns;
}

bool live_random(void *out, size_t n, struct err *err)
{
	uint8_t *at = out;

	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0 && errno != EINTR)
			return err_set(err, ERR_SYSTEM, "no random bytes from the kernel: %s", strerror(errno));
		if (got > 0) {
			at += got;
			n -= (size_t)got;
		}
	}
	return true;
}
