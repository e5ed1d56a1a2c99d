/* interrupt.c: signals become a number that the run loop looks at. */
#include "interrupt.h"

#include <poll.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_S = 2 };

/* A handler can reach nothing else: the one mutable state outside the loop. */
static volatile sig_atomic_t seen;
static volatile sig_atomic_t finishing;

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { SIGNAL_COUNT = sizeof(signals) / sizeof(signals[0]) };

static void on_signal(int number)
{
	(void)number;
	if (seen < 100)
		seen = seen + 1;
	if (finishing || seen > 1)
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
	/* SA_RESTART: a write in the middle of a report goes on. */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct sigaction timeout = {.sa_handler = on_alarm};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	signal_set(&action.sa_mask);
	sigaction(SIGALRM, &timeout, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigprocmask(SIG_SETMASK, NULL, wait_mask);
	sigdelset(wait_mask, SIGALRM);
	for (size_t i = 0; i < SIGNAL_COUNT; i++) {
		struct sigaction before;

		sigdelset(wait_mask, signals[i]);
		if (signals[i] == SIGHUP && sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler == SIG_IGN)
			continue;
		sigaction(signals[i], &action, NULL);
	}
	sigprocmask(SIG_SETMASK, wait_mask, NULL);
}

void interrupts_hold(void)
{
	sigset_t ours;

	signal_set(&ours);
	sigprocmask(SIG_BLOCK, &ours, NULL);
}

void interrupts_release(void)
{
	sigset_t ours;

	signal_set(&ours);
	sigprocmask(SIG_UNBLOCK, &ours, NULL);
}

int interrupts_seen(void)
{
	return seen;
}

void interrupts_pause_for(int fd, const sigset_t *wait_mask, int64_t ns)
{
	struct timespec time = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
	struct pollfd poll = {.fd = fd, .events = POLLIN};

	interrupts_hold();
	if (interrupts_seen() == 0 && ns > 0)
		ppoll(&poll, 1, &time, wait_mask);
	interrupts_release();
}

void interrupts_pause(const sigset_t *wait_mask, int64_t ns)
{
	interrupts_pause_for(-1, wait_mask, ns);
}

void interrupts_finish(void)
{
	finishing = 1;
}
