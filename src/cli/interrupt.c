/* interrupt.c: signals become a number that the run loop looks at. */
#include "interrupt.h"

#include <stddef.h>
#include <unistd.h>

/* A handler can reach nothing else: the one mutable state outside the loop. */
static volatile sig_atomic_t seen;
static volatile sig_atomic_t finishing;

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { SIGNAL_COUNT = sizeof(signals) / sizeof(signals[0]), PATIENCE_S = 2 };

static void on_signal(int number)
{
	(void)number;
	if (seen < 100)
		seen = seen + 1;
	if (finishing)
		alarm(PATIENCE_S);
}

static void on_alarm(int number)
{
	(void)number;
	_exit(130);
}

static void signal_set(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		sigaddset(set, signals[i]);
}

void interrupts_catch(sigset_t *wait_mask)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t ours;

	signal_set(&ours);
	action.sa_mask = ours;
	sigprocmask(SIG_BLOCK, &ours, wait_mask);
	for (size_t i = 0; i < SIGNAL_COUNT; i++) {
		struct sigaction before;

		if (signals[i] == SIGHUP && sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler == SIG_IGN)
			continue;
		sigaction(signals[i], &action, NULL);
		sigdelset(wait_mask, signals[i]);
	}
	sigaction(SIGPIPE, &ignore, NULL);
}

int interrupts_seen(void)
{
	/* While the loop is busy the signals are blocked: what is pending counts as seen. */
	sigset_t pending;

	if (seen == 0 && sigpending(&pending) == 0) {
		for (size_t i = 0; i < SIGNAL_COUNT; i++) {
			struct sigaction now;

			if (sigismember(&pending, signals[i]) == 1 && sigaction(signals[i], NULL, &now) == 0 &&
			    now.sa_handler == on_signal)
				return 1;
		}
	}
	return seen;
}

void interrupts_finish(void)
{
	struct sigaction action = {.sa_handler = on_alarm};
	sigset_t ours;

	sigaction(SIGALRM, &action, NULL);
	signal_set(&ours);
	/* What was pending until now is the interruption itself: only what comes later is impatience. */
	sigprocmask(SIG_UNBLOCK, &ours, NULL);
	finishing = 1;
}
